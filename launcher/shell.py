"""Running other programs: as whom, with which environment, into which log, and never left behind."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from launcher.progress import Step, StepFailed

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What belongs to the person who called and must not reach the bench's user or a Python of its own.
PERSONAL = (
	"HOME USER LOGNAME MAIL SHELL PATH PWD OLDPWD PYTHONPATH PYTHONHOME VIRTUAL_ENV PYENV_ROOT PYENV_VERSION "
	"XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME XDG_STATE_HOME DBUS_SESSION_BUS_ADDRESS "
	"SSH_AUTH_SOCK SUDO_USER SUDO_UID SUDO_GID SUDO_COMMAND NODE_OPTIONS GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE "
	"FRAPPE_SITE FRAPPE_BENCH_ROOT DEV_SERVER SITES_PATH MYSQL_HOME MYSQL_UNIX_PORT TMPDIR PYTEST_ADDOPTS"
).split()
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)
# File descriptors (the lock of a run) that children keep open, so that nobody works beside a straggler.
inherited: list[int] = []


def die_with_parent(how: int = signal.SIGKILL) -> Callable[[], None]:
	"""For preexec_fn: the child gets `how` when the launcher dies, even by SIGKILL."""
	parent = os.getpid()

	def prepare() -> None:
		_libc.prctl(PR_SET_PDEATHSIG, int(how), 0, 0, 0)
		if os.getppid() != parent:
			os._exit(1)

	return prepare


def clean_environment(*, home: Path, user: str, path: Sequence[Path] = ()) -> dict[str, str]:
	"""The caller's environment (proxies, certificates, package indexes) for another user and its tools."""
	environment = {key: value for key, value in os.environ.items() if key not in PERSONAL}
	environment |= {
		"HOME": str(home),
		"USER": user,
		"LOGNAME": user,
		"SHELL": "/bin/bash",
		"PATH": ":".join([*map(str, path), SYSTEM_PATH]),
		"LANG": "C.UTF-8",
		"LC_ALL": "C.UTF-8",
		"PYTHONDONTWRITEBYTECODE": "1",
		"PYTHONUNBUFFERED": "1",
	}
	return environment


def run(
	argv: Sequence[str | Path],
	step: Step,
	*,
	cwd: Path | None = None,
	env: Mapping[str, str] | None = None,
	timeout: float | None = None,
	hint: str = "",
	what: str = "",
	stdin: bytes | None = None,
	own_session: bool = True,
) -> None:
	"""Run a program into the step's log. Raises StepFailed when it fails or takes longer than `timeout` s.

	`own_session` lets it be stopped with all that it starts; sudo alone needs the terminal's session, to which
	its leave to work without asking again belongs.
	"""
	command = [str(part) for part in argv]
	step.write(f"$ {' '.join(command)}")
	with step.path.open("ab") as log:
		try:
			process = subprocess.Popen(
				command,
				cwd=cwd,
				env=dict(env) if env is not None else None,
				stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
				stdout=log,
				stderr=subprocess.STDOUT,
				start_new_session=own_session,
				pass_fds=inherited,
				preexec_fn=die_with_parent(),
			)
		except OSError as problem:
			raise StepFailed(f"{command[0]} cannot be started: {problem}", hint) from problem
		try:
			process.communicate(stdin, timeout=timeout)
		except subprocess.TimeoutExpired:
			kill_group(process)
			raise StepFailed(f"{what or command[0]} took longer than {timeout:.0f} s", hint) from None
		except BaseException:
			kill_group(process)
			raise
	if process.returncode:
		raise StepFailed(f"{what or Path(command[0]).name} ended with code {process.returncode}", hint)


def kill_group(process: subprocess.Popen) -> None:
	"""Ask the program and what it started to stop; insist after five seconds."""
	for how in (signal.SIGTERM, signal.SIGKILL):
		try:
			if os.getpgid(process.pid) == process.pid:
				os.killpg(process.pid, how)
			else:
				process.send_signal(how)
		except (ProcessLookupError, PermissionError):
			return
		try:
			process.wait(5)
		except subprocess.TimeoutExpired:
			continue
		return


def output(argv: Sequence[str | Path], *, timeout: float = 20, **more) -> str | None:
	"""What a program prints, or None when it fails or is not there."""
	try:
		done = subprocess.run(
			[str(part) for part in argv],
			stdin=subprocess.DEVNULL,
			stdout=subprocess.PIPE,
			stderr=subprocess.DEVNULL,
			timeout=timeout,
			check=True,
			**more,
		)
	except (OSError, subprocess.SubprocessError):
		return None
	return done.stdout.decode("utf-8", "replace")


def which(name: str) -> str | None:
	return shutil.which(name, path=SYSTEM_PATH)


def account(name: str) -> pwd.struct_passwd | None:
	try:
		return pwd.getpwnam(name)
	except KeyError:
		return None
