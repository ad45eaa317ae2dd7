"""`./imta test` and `./imta benchmark`."""

from __future__ import annotations

import argparse
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict, dataclass
from pathlib import Path

from launcher import build, shell, sites, sync, system, up
from launcher.progress import Step, StepFailed, Steps
from launcher.services import Services, redis_spec, site_specs
from launcher.settings import APP, BRANCH, PORT_OFFSETS, ROOT, TEST_SITE, Place, free_port, read_json

SUITES = ("policy", "site", "browser")
SCRATCH_SITE = "scratch.imta.localhost"  # for the test that takes the app off and puts it on again
BENCHMARK_SITE = "benchmark.imta.localhost"
# Each benchmark's own numbers.
BENCHMARKS = {"dues": ("members",), "invitations": ("invitations",), "seats": ("people", "waiting")}
# One version of ruff, here and in .pre-commit-config.yaml: others format otherwise.
CHECK_TOOLS = ("pytest~=8.3", "hypothesis~=6.112", "ruff==0.17.6")
BENCH_TOOLS = ("pytest~=8.3", "hypothesis~=6.112", "playwright>=1.45,<2")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
REPORT = "IMTA_TEST_REPORT"  # where the part that runs as the bench's user leaves its counts


@dataclass
class Count:
	"""What one suite came to. `not_run` says why there are no numbers."""

	suite: str
	passed: int = 0
	failed: int = 0
	skipped: int = 0
	not_run: str = ""

	def line(self) -> str:
		if self.not_run:
			return f"{self.suite}: not run: {self.not_run}"
		return f"{self.suite}: {self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def count_junit(path: Path, suite: str, code: int) -> Count:
	"""Numbers from pytest's own report; a run that came to no report, or broke off, is a failure."""
	count = Count(suite)
	try:
		root = ElementTree.parse(path).getroot()
	except (OSError, ElementTree.ParseError):
		count.failed = 1
		print(f"{suite}: pytest ended with code {code} and left no report.", flush=True)
		return count
	for case in root.iter("testcase"):
		if case.find("failure") is not None or case.find("error") is not None:
			count.failed += 1
		elif case.find("skipped") is not None:
			count.skipped += 1
		else:
			count.passed += 1
	# 0 all passed, 1 some failed, 5 nothing collected: anything else means pytest itself broke off.
	if code not in (0, 1, 5) and not count.failed:
		print(f"{suite}: pytest broke off with code {code}.", flush=True)
		count.failed += 1
	return count


def test(options: argparse.Namespace, argv: list[str]) -> int:
	unknown = set(options.suites) - set(SUITES)
	if unknown:
		print(
			f"There is no suite {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}.", file=sys.stderr
		)
		return 2
	chosen = tuple(suite for suite in SUITES if not options.suites or suite in options.suites)
	if os.environ.get(up.STAGE) == "bench":
		return bench_stage(options, chosen)
	counts: list[Count] = []
	if "policy" in chosen:
		counts += policy(options)
	if "site" in chosen or "browser" in chosen:
		counts += on_bench(options, argv, chosen)
	print()
	for count in counts:
		print(count.line())
	passed, failed, skipped = (
		sum(getattr(c, name) for c in counts) for name in ("passed", "failed", "skipped")
	)
	print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
	return 1 if failed else 0


def pytest_arguments(options: argparse.Namespace, folder: str, report: Path) -> list[str]:
	arguments = [folder, f"--junitxml={report}", "-o", "junit_family=xunit1", "-p", "no:cacheprovider"]
	arguments += ["-q", "--durations=5"]
	if options.only:
		arguments += ["-k", options.only]
	return arguments + options.more


# Policy: anywhere


def cache_folder() -> Path:
	"""For tools of the tests: in the clone if it can be written to, else in the caller's cache."""
	folder = ROOT / ".imta"
	try:
		folder.mkdir(exist_ok=True)
		if os.access(folder, os.W_OK):
			return folder
	except OSError:
		pass
	return Path.home() / ".cache" / "imta-crm"


def checking_python(steps: Steps) -> tuple[Path | None, str]:
	"""A Python with pytest, Hypothesis and ruff, and why there is none."""
	folder = Path.home() / ".cache" / "imta-crm" / f"test-env-{sys.version_info[0]}.{sys.version_info[1]}"
	python = folder / "bin" / "python"
	if works(python):
		return python, ""
	problem = ""
	try:
		with steps.step("test-tools", "pytest, Hypothesis and ruff") as step:
			part = folder.with_name(f"{folder.name}.{os.getpid()}")
			try:
				install_checking_tools(part, step)
				shutil.rmtree(folder, ignore_errors=True)
				# A moved environment keeps working as long as its python is called by path.
				part.rename(folder)
			except StepFailed as failure:
				shutil.rmtree(part, ignore_errors=True)
				problem = str(failure)
				step.note = "not possible here"
	except OSError as failure:
		problem = str(failure)
	if works(python):
		return python, ""
	if works(Path(sys.executable)):
		return Path(sys.executable), ""
	return None, problem or "pytest, hypothesis and ruff cannot be installed"


def works(python: Path) -> bool:
	return shell.output([python, "-c", "import pytest, hypothesis, ruff"]) is not None


def install_checking_tools(folder: Path, step: Step) -> None:
	environment = {
		key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")
	}
	hint = "Is the package index reachable, and python3-venv installed?"
	shell.run(
		[sys.executable, "-m", "venv", folder], step, env=environment, hint=hint, what="python3 -m venv"
	)
	pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
	shell.run([*pip, *CHECK_TOOLS], step, env=environment, hint=hint, timeout=300, what="pip install")


def policy(options: argparse.Namespace) -> list[Count]:
	steps = Steps(cache_folder() / "logs", command="./imta test")
	python, problem = checking_python(steps)
	if python is None:
		print(f"The policy tests and the style checks were not run: {problem}")
		# A test run that tested nothing must not look like success.
		return [Count("policy", failed=1), Count("style", not_run=problem)]
	environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
	environment |= {"PYTHONDONTWRITEBYTECODE": "1", "IMTA_REPO": str(ROOT)}
	print("\npolicy", flush=True)
	with tempfile.TemporaryDirectory() as scratch:
		report = Path(scratch) / "policy.xml"
		environment["HYPOTHESIS_STORAGE_DIRECTORY"] = str(Path(scratch) / "hypothesis")
		code = subprocess.run(
			[python, "-m", "pytest", *pytest_arguments(options, "tests/policy", report)],
			cwd=ROOT,
			env=environment,
		).returncode
		counts = [count_junit(report, "policy", code)]
	if not options.only:
		counts.append(style(python, environment))
	return counts


def style(python: Path, environment: dict[str, str]) -> Count:
	"""Ruff's rules and format, and whether every JSON file and translation can be read."""
	count = Count("style")
	print("\nstyle", flush=True)
	for check in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
		code = subprocess.run([python, "-m", "ruff", *check, "."], cwd=ROOT, env=environment).returncode
		count.passed += code == 0
		count.failed += code != 0
	problems = unreadable_files()
	for problem in problems:
		print(problem)
	count.passed += not problems
	count.failed += bool(problems)
	return count


def unreadable_files() -> list[str]:
	import csv

	problems = []
	for name in sync.project_files(ROOT):
		path = ROOT / name
		try:
			if name.endswith(".json"):
				json.loads(path.read_text(encoding="utf-8"))
			elif name.startswith(f"{APP}/translations/") and name.endswith(".csv"):
				with path.open(encoding="utf-8", newline="") as file:
					for number, row in enumerate(csv.reader(file), 1):
						if row and not 2 <= len(row) <= 3:
							problems.append(f"{name}, line {number}: {len(row)} columns")
		except (OSError, ValueError) as problem:
			problems.append(f"{name}: {problem}")
	return problems


# Site and browser: on a bench


def find_bench() -> Place | None:
	"""The bench to test on: the one that was named, else one of this launcher where they usually are."""
	if os.environ.get("IMTA_BENCH"):
		return Place(Path(os.environ["IMTA_BENCH"]).expanduser())
	candidates = [up.default_bench()]
	if os.geteuid() == 0:
		people = (entry for entry in pwd.getpwall() if 1000 <= entry.pw_uid < 60000)
		candidates += [Path(entry.pw_dir) / "frappe-bench" for entry in people]
	for candidate in candidates:
		place = Place(candidate)
		try:
			if place.ours and place.ready:
				return place
		except OSError:
			continue
	return None


def on_bench(options: argparse.Namespace, argv: list[str], chosen: tuple[str, ...]) -> list[Count]:
	wanted = [suite for suite in chosen if suite != "policy"]
	place = Place(Path(options.bench).expanduser()) if options.bench else find_bench()
	make = False
	if place is None or not place.ready:
		place = place or Place(up.default_bench())
		problems = system.unreachable(up.repositories(), os.environ.get("IMTA_BRANCH") or BRANCH)
		if problems:
			reason = f"no bench was found (IMTA_BENCH), and none can be made: {'; '.join(problems.values())}"
			print(f"\nSite and browser tests were not run: {reason}")
			return [Count(suite, not_run=reason) for suite in wanted]
		if os.geteuid() != 0 and (lacking := system.missing()):
			reason = "no bench was found, and this machine lacks " + ", ".join(need.what for need in lacking)
			print(f"\nSite and browser tests were not run: {reason}. ./imta up installs it.")
			return [Count(suite, not_run=reason) for suite in wanted]
		make = True
	user = up.bench_user(options, place.bench)
	steps = Steps(up.system_logs(), command="./imta test")
	print(f"\n{' and '.join(wanted)}: on the bench {place.bench}", flush=True)
	if make:
		up.system_part(steps, user)
	if "browser" in wanted and not chromium() and os.geteuid() == 0 and system.has_candidate("chromium"):
		with steps.step("chromium", "Chromium") as step:
			system.apt(step, "install", "--no-install-recommends", "chromium")
	if not up.must_hand_over():
		return run_on_bench(options, place, chosen)
	folder = Path(tempfile.mkdtemp(prefix="imta-test-"))
	try:
		account = shell.account(user)
		os.chown(folder, account.pw_uid, account.pw_gid)
		report = folder / "report.json"
		code = up.hand_over(argv, user, place.bench, **{REPORT: str(report)})
		found = read_json(report).get("counts")
		if found is None:
			print(f"The tests on the bench broke off with code {code}.")
			return [Count(suite, failed=1) for suite in wanted]
		return [Count(**count) for count in found]
	finally:
		shutil.rmtree(folder, ignore_errors=True)


def bench_stage(options: argparse.Namespace, chosen: tuple[str, ...]) -> int:
	counts = run_on_bench(options, Place(up.default_bench()), chosen)
	Path(os.environ[REPORT]).write_text(json.dumps({"counts": [asdict(count) for count in counts]}))
	return 0


def run_on_bench(options: argparse.Namespace, place: Place, chosen: tuple[str, ...]) -> list[Count]:
	wanted = [suite for suite in chosen if suite != "policy"]
	if place.exists and not place.ours:
		return on_foreign_bench(options, place, wanted)
	steps = Steps(place.logs / "test", command="./imta test")
	own = Services(place)
	test_services = Services(place, place.own / "run-test")
	with up.only_one(place):
		before = own.alive()
		try:
			up.prepare(
				place,
				steps,
				site=None,
				port=None,
				branch=os.environ.get("IMTA_BRANCH") or BRANCH,
				user=os.environ.get("USER", ""),
			)
			install_test_tools(place, steps)
			ports = test_ports(place)
			queues = start_queues(place, steps, test_services, ports)
			make_test_site(place, steps, ports)
			counts = []
			if "site" in wanted:
				make_test_site(place, steps, ports, SCRATCH_SITE, "scratch")
				serve_pages(place, steps, test_services, queues, ports)
				counts.append(
					run_suite(options, place, "site", place.app, ports, IMTA_SCRATCH_SITE=SCRATCH_SITE)
				)
			if "browser" in wanted:
				counts.append(browser(options, place, steps, test_services, queues, ports))
			if sites.was_whole(place, place.site) and not sites.is_current(place, place.site):
				print(f"\n{place.site} keeps its data; ./imta up brings it to the code that was tested.")
			return counts
		finally:
			test_services.stop()
			if not before:
				own.stop()


def test_ports(place: Place) -> dict[str, int]:
	taken = set(place.ports.values())
	ports = {"mariadb": place.ports["mariadb"]}
	for name in PORT_OFFSETS:
		if name not in ports:
			ports[name] = free_port(21000 + PORT_OFFSETS[name] // 10, taken)
			taken.add(ports[name])
	return ports


def install_test_tools(place: Place, steps: Steps) -> None:
	with steps.step("bench-test-tools", "pytest, Hypothesis and Playwright in the bench") as step:
		if shell.output([place.python, "-c", "import pytest, hypothesis, playwright"]) is not None:
			step.done_before()
			return
		shell.run(
			[place.bin / "uv", "pip", "install", "--python", place.python, *BENCH_TOOLS],
			step,
			env=build.environment(place),
			hint="Check the network, and the package index if one is set.",
		)


def test_config(ports: dict[str, int]) -> dict[str, object]:
	return {
		"allow_tests": 1,
		"pause_scheduler": 1,
		"host_name": f"http://127.0.0.1:{ports['web']}",
		"redis_cache": f"redis://127.0.0.1:{ports['redis_cache']}",
		"redis_queue": f"redis://127.0.0.1:{ports['redis_queue']}",
		"socketio_port": ports["socketio"],
	}


def make_test_site(
	place: Place, steps: Steps, ports: dict[str, int], site: str = TEST_SITE, kind: str = "test"
) -> None:
	"""A site for the tests alone, made anew for each run: what an earlier one left behind cannot matter."""
	with steps.step(f"{kind}-site", f"A {kind} site") as step:
		dump = sites.company_base(place, step)
		sites.drop_site(place, step, site)
		sites.create(place, step, site, dump, **test_config(ports))
	with steps.step(f"{kind}-install", f"IMTA CRM on the {kind} site") as step:
		sites.install(place, step, site)


def test_environment(place: Place, ports: dict[str, int], site: str = TEST_SITE) -> dict[str, str]:
	environment = build.environment(place)
	environment |= {
		"IMTA_BENCH": str(place.bench),
		"IMTA_TEST_SITE": site,
		"IMTA_REPO": str(place.app),
		"IMTA_ADMIN_PASSWORD": place.secret("administrator"),
		"FRAPPE_REDIS_CACHE": f"redis://127.0.0.1:{ports['redis_cache']}",
		"FRAPPE_REDIS_QUEUE": f"redis://127.0.0.1:{ports['redis_queue']}",
		"HYPOTHESIS_STORAGE_DIRECTORY": str(place.own / "hypothesis"),
	}
	return environment


def run_suite(
	options: argparse.Namespace, place: Place, suite: str, root: Path, ports: dict[str, int], **more: str
) -> Count:
	print(f"\n{suite}", flush=True)
	if not list((root / "tests" / suite).glob("**/test_*.py")):
		return Count(suite, not_run="there are no such tests")
	with tempfile.TemporaryDirectory() as scratch:
		report = Path(scratch) / "report.xml"
		code = run_tied(
			[place.python, "-m", "pytest", *pytest_arguments(options, f"tests/{suite}", report)],
			cwd=root,
			env=test_environment(place, ports) | more,
		)
		return count_junit(report, suite, code)


def run_tied(argv: list, *, cwd: Path, env: dict[str, str]) -> int:
	"""Run with the caller's terminal; the program ends with the launcher."""
	process = subprocess.Popen(
		[str(part) for part in argv],
		cwd=cwd,
		env=env,
		stdin=subprocess.DEVNULL,
		pass_fds=shell.inherited,
		preexec_fn=shell.die_with_parent(),
	)
	interrupted = False
	while True:
		try:
			code = process.wait()
			break
		except KeyboardInterrupt:
			interrupted = True  # the terminal tells the program too; it ends in its own way
	if interrupted:
		raise KeyboardInterrupt
	return code


def serve_pages(
	place: Place, steps: Steps, services: Services, queues: dict[str, dict], ports: dict[str, int]
) -> None:
	"""The web server alone: a PDF takes its style sheets from the site's own address."""
	with steps.step("test-web", "Web server for PDFs"):
		web = site_specs(place, TEST_SITE, ports, workers=0, schedule=False)["web"]
		web["log"] = str(place.logs / "web-test.log")
		services.bring({**queues, "web": web}, keep=False)


# Browser


def chromium() -> str | None:
	given = os.environ.get("IMTA_CHROMIUM")
	return given or next((path for name in CHROMIUM_NAMES if (path := shell.which(name))), None)


def browser(
	options: argparse.Namespace,
	place: Place,
	steps: Steps,
	services: Services,
	queues: dict[str, dict],
	ports: dict[str, int],
) -> Count:
	if not list((place.app / "tests" / "browser").glob("**/test_*.py")):
		return Count("browser", not_run="there are no such tests")
	program = chromium() or own_chromium(place, steps)
	if not program:
		reason = "there is no Chromium; install one, or name it with IMTA_CHROMIUM"
		print(f"\nbrowser tests were not run: {reason}")
		return Count("browser", not_run=reason)
	with steps.step("test-services", "Web, realtime and worker for the tests") as step:
		specs = {**queues, **site_specs(place, TEST_SITE, ports, workers=1, schedule=False)}
		for name, spec in specs.items():
			spec["log"] = str(place.logs / f"{name}-test.log")
		services.bring(specs, keep=False)
		sites.use_outbox(place, step, TEST_SITE, ports["mail"])
	return run_suite(
		options,
		place,
		"browser",
		place.app,
		ports,
		IMTA_BASE_URL=f"http://127.0.0.1:{ports['web']}",
		IMTA_CHROMIUM=program,
	)


def own_chromium(place: Place, steps: Steps) -> str | None:
	"""Playwright's own Chromium, where the system has none."""
	found: list[Path] = []
	try:
		with steps.step("chromium", "Chromium, from Playwright") as step:
			try:
				shell.run(
					[place.python, "-m", "playwright", "install", "chromium"],
					step,
					env=build.environment(place) | {"PLAYWRIGHT_BROWSERS_PATH": str(place.own / "browsers")},
					timeout=600,
				)
			except StepFailed:
				step.note = "cannot be fetched"
			found = sorted((place.own / "browsers").glob("chromium-*/chrome-linux*/chrome"))
	except OSError:
		return None
	return str(found[-1]) if found else None


# A bench that somebody made by hand


def on_foreign_bench(options: argparse.Namespace, place: Place, wanted: list[str]) -> list[Count]:
	"""Only what is safe there: site tests on the site that was named, with the services that run."""
	site = os.environ.get("IMTA_TEST_SITE", "")
	reason = ""
	if not site or not (place.sites / site).is_dir():
		reason = f"{place.bench} was made by hand: name a site for tests in it with IMTA_TEST_SITE"
	elif not place.app.exists():
		reason = f"{place.bench} has no app {APP}: bench get-app, install-app"
	elif shell.output([place.python, "-c", "import pytest, hypothesis"]) is None:
		reason = f"pytest and hypothesis are not in {place.bench / 'env'}"
	if reason:
		print(f"\nSite and browser tests were not run: {reason}")
		return [Count(suite, not_run=reason) for suite in wanted]
	counts = []
	if "site" in wanted:
		print("\nsite", flush=True)
		with tempfile.TemporaryDirectory() as scratch:
			report = Path(scratch) / "report.xml"
			environment = shell.clean_environment(home=Path.home(), user=os.environ.get("USER", ""))
			environment |= {"IMTA_BENCH": str(place.bench), "IMTA_TEST_SITE": site, "IMTA_REPO": str(ROOT)}
			code = run_tied(
				[place.python, "-m", "pytest", *pytest_arguments(options, "tests/site", report)],
				cwd=ROOT,
				env=environment,
			)
			counts.append(count_junit(report, "site", code))
	if "browser" in wanted:
		reason = "they need a bench made by ./imta up"
		print(f"\nbrowser tests were not run: {reason}")
		counts.append(Count("browser", not_run=reason))
	return counts


# Benchmark


def benchmark(options: argparse.Namespace, argv: list[str]) -> int:
	code = up.for_bench(options, argv, run_benchmark)
	# The figures were written beside the copy of the program in the bench; they belong to the project.
	if options.write and not code and os.environ.get(up.STAGE) != "bench":
		written = up.find_place(options).app / "benchmarks" / "README.md"
		if written.is_file():
			(ROOT / "benchmarks" / "README.md").write_bytes(written.read_bytes())
	return code


def run_benchmark(place: Place, options: argparse.Namespace) -> int:
	steps = Steps(place.logs / "benchmark", command=f"./imta benchmark {options.what}")
	own = Services(place)
	services = Services(place, place.own / "run-test")
	with up.only_one(place):
		before = own.alive()
		try:
			up.prepare(place, steps, site=None, port=None, branch=BRANCH, user=os.environ.get("USER", ""))
			ports = test_ports(place)
			start_queues(place, steps, services, ports)
			make_test_site(place, steps, ports, BENCHMARK_SITE, "benchmark")
			script = place.app / "benchmarks" / f"{options.what}.py"
			command = [place.python, script, "--site", BENCHMARK_SITE, "--bench", place.bench]
			for name in (*BENCHMARKS[options.what], "rounds"):
				if getattr(options, name):
					command += [f"--{name}", str(getattr(options, name))]
			if options.write:
				command.append("--write")
			print(flush=True)
			return run_tied(
				[*command, *options.more],
				cwd=place.sites,
				env=test_environment(place, ports, BENCHMARK_SITE),
			)
		finally:
			services.stop()
			if not before:
				own.stop()


def start_queues(place: Place, steps: Steps, services: Services, ports: dict[str, int]) -> dict[str, dict]:
	"""Queues and cache of the tests' own: the workers of the demo never see a test's job."""
	queues = {
		name: {**redis_spec(place, f"test_{name}", ports[name]), "log": str(place.logs / f"{name}-test.log")}
		for name in ("redis_cache", "redis_queue")
	}
	with steps.step("test-queues", "Queues of its own"):
		services.stop()
		for name in queues:  # nothing waits there from an earlier run
			(place.own / "redis" / f"test_{name}" / "queue.rdb").unlink(missing_ok=True)
		services.bring(queues, keep=False)
	return queues
