"""What the machine must have: programs, fonts, an ordinary user, and a way to the sources."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from launcher.progress import Step, StepFailed
from launcher.shell import account, output, run, which

SOURCES_PATIENCE = 20  # seconds for each repository to answer; both are asked at once


def programs(*names: str) -> Callable[[], bool]:
	return lambda: all(which(name) for name in names)


def installed(package: str) -> Callable[[], bool]:
	return lambda: (output(["dpkg-query", "-W", "-f=${Status}", package]) or "").endswith(" installed")


@dataclass(frozen=True)
class Need:
	"""Something the machine must have. `packages` are alternatives, the first that exists is installed."""

	what: str
	is_there: Callable[[], bool]
	packages: tuple[str, ...]


# MariaDB's and Redis's programs without the packages that start a service: the bench runs its own.
NEEDS = (
	Need("Git", programs("git"), ("git",)),
	Need(
		"MariaDB's server program",
		programs("mariadbd", "mariadb-install-db"),
		("mariadb-server-core", "mariadb-server-core-10.6", "mariadb-server"),
	),
	Need("MariaDB's client programs", programs("mariadb", "mariadb-dump"), ("mariadb-client",)),
	Need("Redis", lambda: bool(which("redis-server") or which("redis-check-rdb")), ("redis-tools",)),
	Need("wkhtmltopdf", programs("wkhtmltopdf"), ("wkhtmltopdf",)),
	Need("a C compiler", programs("gcc", "g++", "make"), ("build-essential",)),
	Need("pkg-config", programs("pkg-config"), ("pkg-config",)),
	Need("file", programs("file"), ("file",)),
	Need("Python's headers", installed("python3-dev"), ("python3-dev",)),
	Need("Python's venv", installed("python3-venv"), ("python3-venv",)),
	Need("certificates", installed("ca-certificates"), ("ca-certificates",)),
	Need("Pango", installed("libpangoft2-1.0-0"), ("libpangoft2-1.0-0",)),
	Need("Cairo", installed("libcairo2"), ("libcairo2",)),
	Need("fonts of many scripts", installed("fonts-noto-core"), ("fonts-noto-core",)),
	Need("Chinese, Japanese and Korean fonts", installed("fonts-noto-cjk"), ("fonts-noto-cjk",)),
	Need("font tools", programs("fc-cache"), ("fontconfig",)),
)


def missing(needs: tuple[Need, ...] = NEEDS) -> list[Need]:
	if not which("dpkg-query"):
		# Elsewhere than on Debian and Ubuntu, programs can be looked for; fonts and headers cannot be known.
		return [
			need
			for need in needs
			if not need.what.startswith(("Python's", "Pango", "Cairo", "cert"))
			and "fonts" not in need.what
			and not need.is_there()
		]
	return [need for need in needs if not need.is_there()]


def apt(step: Step, *arguments: str) -> None:
	options = ("DPkg::Lock::Timeout=300", "Dpkg::Use-Pty=0", "Acquire::Retries=3")
	command = ["apt-get", "-y", *(part for option in options for part in ("-o", option)), *arguments]
	given = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
	if os.geteuid() != 0:
		given |= {
			name: os.environ[name] for name in ("http_proxy", "https_proxy", "no_proxy") if name in os.environ
		}
		command = ["sudo", "-n", "env", *(f"{name}={value}" for name, value in given.items()), *command]
	run(
		command,
		step,
		env={**os.environ, **given},
		hint="Check the network and the package sources with: apt-get update",
		what="apt-get",
		own_session=os.geteuid() == 0,
	)


def install_packages(step: Step, needs: list[Need]) -> None:
	if not which("apt-get"):
		raise StepFailed(
			"this system has no apt-get, and it lacks: " + ", ".join(need.what for need in needs),
			"Install these with the system's own package manager.",
		)
	# An earlier installation that was cut off leaves dpkg in the middle.
	if (
		os.geteuid() == 0
		and Path("/var/lib/dpkg/updates").is_dir()
		and any(os.scandir("/var/lib/dpkg/updates"))
	):
		run(["dpkg", "--configure", "-a"], step, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
	apt(step, "update")
	names = []
	for need in needs:
		name = next((package for package in need.packages if has_candidate(package)), None)
		if name is None:
			raise StepFailed(
				f"no package for {need.what}: none of {', '.join(need.packages)} is on offer",
				"On Ubuntu, turn on the section universe: add-apt-repository universe",
			)
		names.append(name)
	apt(step, "install", "--no-install-recommends", *names)
	still = missing(tuple(needs))
	if still:
		raise StepFailed("still missing after the installation: " + ", ".join(need.what for need in still))


def has_candidate(package: str) -> bool:
	policy = output(["apt-cache", "policy", package], env={**os.environ, "LC_ALL": "C"}) or ""
	return "Candidate:" in policy and "Candidate: (none)" not in policy


def ask_for_sudo(needs: list[Need]) -> None:
	"""Say what sudo is for, before it asks for a password."""
	print("This machine lacks: " + ", ".join(need.what for need in needs) + ".")
	print("They are installed with sudo apt-get; nothing else is done with sudo.\n", flush=True)
	if not which("sudo") or subprocess.run(["sudo", "-v"]).returncode:
		packages = " ".join(need.packages[0] for need in needs)
		print(
			"sudo is not possible here. Have an administrator run\n"
			f"  apt-get update && apt-get install --no-install-recommends {packages}\nthen run ./imta up again.",
			file=sys.stderr,
		)
		raise SystemExit(1)


def make_user(step: Step, name: str) -> None:
	found = account(name)
	if found and found.pw_uid == 0:
		raise StepFailed("Frappe does not run as root", "Name an ordinary user with --user.")
	if found and Path(found.pw_dir).is_dir():
		step.done_before(name)
		return
	if not found:
		run(["useradd", "--create-home", "--shell", "/bin/bash", "--user-group", name], step)
		found = account(name)
	if not found or not Path(found.pw_dir).is_dir():
		raise StepFailed(f"the user {name} has no home folder", "Make it, or choose another with --user.")
	step.note = name


def unreachable(repositories: dict[str, str], branch: str) -> dict[str, str]:
	"""Which of the repositories do not answer, and why. All are asked at the same time."""
	problems: dict[str, str] = {}

	def ask(variable: str, address: str) -> None:
		reason = why_unreachable(address, branch)
		if reason:
			problems[variable] = reason

	threads = [threading.Thread(target=ask, args=item, daemon=True) for item in repositories.items()]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join(SOURCES_PATIENCE + 5)
	for variable, thread in zip(repositories, threads, strict=True):
		if thread.is_alive():
			problems[variable] = "no answer"
	return problems


def why_unreachable(address: str, branch: str) -> str:
	local = "://" not in address and Path(address).expanduser().exists()
	if not local and "://" not in address and ":" not in address:
		return "there is no such folder"
	if not which("git"):
		return "" if local else why_web_unreachable(address)
	environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_DIR")}
	environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=10"}
	try:
		done = subprocess.run(
			["git", "-c", "safe.directory=*", "ls-remote", "--heads", address, branch],
			stdin=subprocess.DEVNULL,
			capture_output=True,
			timeout=SOURCES_PATIENCE,
			env=environment,
		)
	except subprocess.TimeoutExpired:
		return f"no answer within {SOURCES_PATIENCE} s"
	if done.returncode:
		lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
		return lines[0] if lines else f"git ls-remote ended with code {done.returncode}"
	return "" if done.stdout.strip() else f"it has no branch {branch}"


def why_web_unreachable(address: str) -> str:
	"""Before Git is installed, its own first question is asked by hand."""
	if not address.startswith(("http://", "https://")):
		return ""
	try:
		urllib.request.urlopen(
			f"{address.rstrip('/')}/info/refs?service=git-upload-pack", timeout=SOURCES_PATIENCE - 2
		).close()
	except urllib.error.HTTPError as problem:
		return f"the server says {problem.code}"
	except (TimeoutError, OSError, ValueError) as problem:
		return str(getattr(problem, "reason", problem))
	return ""


def explain_unreachable(problems: dict[str, str], repositories: dict[str, str], branch: str) -> str:
	lines = ["The sources of Frappe and ERPNext cannot be reached:", ""]
	for variable, reason in problems.items():
		lines.append(f"  {variable}={repositories[variable]}")
		lines.append(f"    {reason}")
	lines += [
		"",
		f"Name a mirror or a local repository that has the branch {branch}, and run again:",
		"",
		"  FRAPPE_REPO=/path/to/frappe ERPNEXT_REPO=/path/to/erpnext ./imta up",
		"",
		"Without Frappe, the roster and the year's dues can be checked:",
		"",
		"  ./imta preview ROSTER.csv --year 2026",
		"",
		"Into a bench that you have already, with Frappe and ERPNext 15:",
		"",
		"  bench get-app /path/to/this/clone",
		"  bench --site YOUR-SITE install-app imta_crm",
	]
	return "\n".join(lines)
