"""`./imta up`, and what goes with it: status, logs, down."""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launcher import build, outbox, shell, sites, sync, system
from launcher.progress import StepFailed, Steps, clock, last_lines
from launcher.services import Services, base_specs, site_specs
from launcher.settings import DEFAULT_USER, ROOT, UPSTREAM, Place

SOURCES = {"FRAPPE_REPO": "frappe", "ERPNEXT_REPO": "erpnext"}
STAGE = "IMTA_STAGE"  # set for the part that runs as the bench's user, when root called


def repositories() -> dict[str, str]:
	found = {name: os.environ.get(name) or upstream for name, upstream in UPSTREAM.items()}
	for name, value in found.items():
		if "://" not in value and Path(value).expanduser().exists():
			found[name] = str(Path(value).expanduser().resolve())
	return found


def default_bench(user: str | None = None) -> Path:
	if given := os.environ.get("IMTA_BENCH"):
		return Path(given).expanduser()
	if os.geteuid() != 0:
		return Path.home() / "frappe-bench"
	found = shell.account(user or DEFAULT_USER)
	home = Path(found.pw_dir) if found else Path("/home") / (user or DEFAULT_USER)
	return home / "frappe-bench"


def bench_user(options: argparse.Namespace, bench: Path) -> str:
	"""Who owns the bench; for one that is to be made, who shall."""
	import pwd

	if getattr(options, "user", None):
		return options.user
	if os.environ.get("IMTA_USER"):
		return os.environ["IMTA_USER"]
	if bench.exists() and bench.stat().st_uid != 0:
		return pwd.getpwuid(bench.stat().st_uid).pw_name
	return DEFAULT_USER


def system_logs() -> Path:
	"""Logs of what happens before there is a bench."""
	folder = ROOT / ".imta" / "logs"
	try:
		folder.mkdir(parents=True, exist_ok=True)
		if os.access(folder, os.W_OK):
			return folder
	except OSError:
		pass
	return Path(os.environ.get("TMPDIR", "/tmp")) / f"imta-logs-{os.getuid()}"


@contextmanager
def only_one(place: Place, *, patience: float = 900) -> Iterator[None]:
	"""One run at a time for each bench. Programs that a killed run left behind count as that run."""
	place.own.mkdir(parents=True, exist_ok=True)
	lock = os.open(place.own / "lock", os.O_RDWR | os.O_CREAT, 0o600)
	end = time.monotonic() + patience
	told = False
	try:
		while True:
			try:
				fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
				break
			except BlockingIOError:
				if not told:
					print("  Another run is at work on this bench: waiting for its end.", flush=True)
					told = True
				if time.monotonic() > end:
					raise SystemExit(
						f"Another run has been at work on {place.bench} for 15 minutes."
					) from None
				time.sleep(0.5)
		shell.inherited.append(lock)
		yield
	finally:
		if lock in shell.inherited:
			shell.inherited.remove(lock)
		os.close(lock)


# From root to the bench's user


def hand_over(argv: list[str], user: str, bench: Path, **more: str) -> int:
	"""Run the same command as the bench's user, from a copy of this project that it can read."""
	account = shell.account(user)
	if account is None:
		print(f"There is no user {user}: run ./imta up first.", file=sys.stderr)
		return 1
	home = Path(account.pw_dir)
	environment = shell.clean_environment(home=home, user=user)
	environment |= {STAGE: "bench", "IMTA_BENCH": str(bench), **more}
	environment |= repositories()
	groups = os.getgrouplist(user, account.pw_gid)
	identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}
	python = build.system_python()
	names = sync.project_files(ROOT)
	stamp = sync.tree_hash(ROOT, names)[:16]
	folder = home / ".cache" / "imta-crm" / "source"
	subprocess.run(
		[python, "-I", "-c", sync.UNPACK, str(folder), stamp],
		input=sync.packed(ROOT, names),
		env=environment,
		cwd="/",
		check=True,
		**identity,
	)
	sys.stdout.flush()
	process = subprocess.Popen(
		[python, str(folder / stamp / "imta"), *argv],
		env=environment,
		cwd=str(home),
		preexec_fn=shell.die_with_parent(),
		umask=0o022,
		**identity,
	)
	while True:
		try:
			return process.wait()
		except KeyboardInterrupt:
			continue  # the terminal tells the other process too, and it ends in its own way


def must_hand_over() -> bool:
	return os.geteuid() == 0


# up


def up(options: argparse.Namespace, argv: list[str]) -> int:
	place = find_place(options)
	bench = place.bench
	if os.environ.get(STAGE) == "bench":
		return bench_part(options, place)
	user = bench_user(options, bench) if must_hand_over() else os.environ.get("USER") or str(os.getuid())
	steps = Steps(system_logs())
	print(f"IMTA CRM in {bench}" + (f", as the user {user}" if must_hand_over() else ""), flush=True)
	if place.exists and not place.ours and not build.half_made(place):
		print(
			f"\n{bench} was made by hand, not by this launcher, and stays as it is. Install the app into it with\n"
			f"  bench get-app {ROOT} && bench --site YOUR-SITE install-app imta_crm\n"
			"or name another folder for a bench of this launcher with --bench.",
			file=sys.stderr,
		)
		return 1
	if not sources_answer(steps, place, options.branch):
		return 1
	system_part(steps, user)
	if must_hand_over():
		return hand_over(argv, user, bench)
	return bench_part(options, place)


def sources_answer(steps: Steps, place: Place, branch: str) -> bool:
	"""Ask for the sources that are not in the bench yet, before anything is installed."""
	every = repositories()
	known = {name: every[name] for name, app in SOURCES.items() if not build.has_source(place, app)}
	if not known:
		return True
	problems: dict[str, str] = {}
	try:
		with steps.step("sources", "Reach the sources of Frappe and ERPNext") as step:
			problems = system.unreachable(known, branch)
			step.write("\n".join(f"{name}: {reason}" for name, reason in problems.items()) or "all answer")
			if problems:
				raise LookupError
	except LookupError:
		print("\n" + system.explain_unreachable(problems, known, branch), file=sys.stderr, flush=True)
		return False
	return True


def system_part(steps: Steps, user: str) -> None:
	lacking = system.missing()
	if lacking and os.geteuid() != 0:
		system.ask_for_sudo(lacking)
	with steps.step("packages", "System packages") as step:
		if lacking:
			system.install_packages(step, lacking)
		else:
			step.done_before()
	if os.geteuid() == 0:
		with steps.step("user", "Ordinary user") as step:
			system.make_user(step, user)


def prepare(
	place: Place, steps: Steps, *, site: str | None, port: int | None, branch: str, user: str
) -> None:
	"""Everything up to where sites can be made."""
	known = repositories()
	with steps.step("folder", "Bench folder") as step:
		build.bench_folder(place, step, user=user, site=site, port=port)
	with steps.step("tools", "Tools: bench, uv, Node, yarn") as step:
		build.tools(place, step)
	with steps.step("frappe", "Frappe") as step:
		build.source(place, step, "frappe", known["FRAPPE_REPO"], branch)
	with steps.step("erpnext", "ERPNext") as step:
		build.source(place, step, "erpnext", known["ERPNEXT_REPO"], branch)
	with steps.step("python", "Python packages") as step:
		build.python(place, step)
	with steps.step("javascript", "JavaScript packages") as step:
		build.javascript(place, step)
	with steps.step("app", "IMTA CRM") as step:
		build.app(place, step)
	with steps.step("database", "Database and queues") as step:
		build.database(place, step)
	with steps.step("assets", "Build what the browser loads") as step:
		build.assets(place, step)
	with steps.step("base", "A database with Frappe and ERPNext") as step:
		sites.base(place, step)


def bench_part(options: argparse.Namespace, place: Place) -> int:
	if place.exists and not place.ours and not build.half_made(place):
		print(f"{place.bench} was not made by this launcher.", file=sys.stderr)
		return 1
	steps = Steps(place.logs / "up")
	with only_one(place):
		user = os.environ.get("USER", "")
		prepare(place, steps, site=options.site, port=options.port, branch=options.branch, user=user)
		site = place.site
		with steps.step("site", "The alliance's site") as step:
			sites.create(place, step, site, host_name=address(place))
			sites.configure(place, site, host_name=address(place))
		with steps.step("install", "IMTA CRM on the site") as step:
			changed = sites.install(place, step, site)
		services = Services(place)
		with steps.step("services", "Web, realtime, workers, scheduler, outbox") as step:
			specs = {**base_specs(place), **site_specs(place, site, place.ports)}
			already = all(services.running(name) for name in specs) and services.wanted() == specs
			build.write_procfile(place)
			services.bring(specs, keep=False)
			if changed and already:
				services.restart(*(name for name in specs if name.startswith(("web", "worker", "schedule"))))
			elif already:
				step.done_before()
		with steps.step("outbox", "Mail goes to the local outbox") as step:
			sites.use_outbox(place, step, site, place.ports["mail"])
		if options.demo:
			with steps.step("demo", "The demo alliance") as step:
				sites.demo(place, step)
		with steps.step("answer", "The desk answers") as step:
			sites.scheduler_on(place, step)
			wait_for_desk(place)
			step.note = address(place)
	print(f"\nDone in {steps.total()}.")
	welcome(place)
	return 0


def address(place: Place) -> str:
	return f"http://localhost:{place.ports['web']}"


def wait_for_desk(place: Place, *, patience: float = 60) -> None:
	"""The server is up when it answers, and well when it can show a page of the site."""
	base = f"http://127.0.0.1:{place.ports['web']}"
	opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
	end = time.monotonic() + patience
	problem = ""
	for path, expected in (("/api/method/ping", b"pong"), ("/login", b"login")):
		while True:
			try:
				with opener.open(base + path, timeout=30) as answer:
					if expected in answer.read():
						break
					problem = f"{path} shows something else"
			except urllib.error.HTTPError as error:
				problem = f"{path} answers {error.code}"
			except OSError as error:
				problem = str(error)
			if time.monotonic() > end:
				raise StepFailed(f"the site is not well: {problem}", f"Read {place.logs / 'web.log'}.")
			time.sleep(0.5)


TRY_FIRST = """\
Try first:
  as the Membership Manager   the workspace IMTA: members by tier, arrears, applications waiting for review
  as the Treasurer            open the Dues Run, look at its preview, start another: it makes 0 invoices
  as the Liaison Officer      log a contact from a member's page, and give it a next step
  as the Training Coordinator the workspace Training: a full session, its waitlist, check-in at the door
  as the Alliance Member      the site's own pages: enrol, give a seat back, print a certificate
  ./imta preview FILE --year 2026    check a roster of your own, without touching this site
"""


def welcome(place: Place) -> None:
	logins = sites.demo_logins(place)
	passwords = sites.demo_passwords(place)
	file = sites.demo_passwords_file(place)
	print(f"\n  {address(place)}\n")
	saved = place.saved.get("passwords_shown")
	shown = set(saved) if isinstance(saved, list) else set()
	rows = [(role, login) for role, login in logins.items() if role != "Administrator"]
	rows.append(("Administrator", "Administrator"))
	wide = max(len(role) for role, _ in rows)
	wide_login = max(len(login) for _, login in rows)
	for role, login in rows:
		password = passwords.get(role, "") if role not in shown else ""
		print(f"  {role:<{wide}}  {login:<{wide_login}}  {password}".rstrip())
	if {role for role, _ in rows} - shown:
		print(f"\nThe passwords are shown this once. They are kept in {file}, readable by its owner only.")
		place.save(passwords_shown=sorted(shown | {role for role, _ in rows}))
	else:
		print(f"\nPasswords: {file}")
	print(f"Mail of this site: {place.outbox} (./imta outbox). None of it leaves this machine.\n")
	print(TRY_FIRST)
	print("./imta status · ./imta logs · ./imta down", flush=True)


# status, logs, outbox, down


def find_place(options: argparse.Namespace) -> Place:
	# Handed over by root, the folder has been settled: a relative one would mean another place here.
	given = None if os.environ.get(STAGE) else getattr(options, "bench", None)
	return Place(Path(given).expanduser() if given else default_bench(getattr(options, "user", None)))


def for_bench(options: argparse.Namespace, argv: list[str], act) -> int:
	"""Run `act(place, options)` as the bench's user."""
	place = find_place(options)
	if not place.ours:
		print(
			f"There is no bench of this launcher in {place.bench}. Make one with ./imta up, or name it with --bench."
		)
		return 1
	if must_hand_over():
		return hand_over(argv, bench_user(options, place.bench), place.bench)
	return act(place, options)


def status(place: Place, options: argparse.Namespace) -> int:
	services = Services(place)
	state = services.state()["services"]
	wanted = {**base_specs(place), **site_specs(place, place.site, place.ports)}
	all_run = True
	print(f"Bench    {place.bench}")
	print(f"Site     {place.site}   {address(place)}")
	print(
		"Versions " + ", ".join(f"{name} {value}" for name, value in sites.versions(place).items() if value)
	)
	print()
	for name, spec in wanted.items():
		runs = services.running(name)
		all_run &= runs
		port = f"127.0.0.1:{spec['port']}" if spec.get("port") else ""
		if runs:
			service = state[name]
			more = f"since {clock(time.time() - service['since'])}"
			if service["deaths"]:
				more += f", restarted {service['deaths']} times"
			print(f"  running  {name:<12} {port:<16} process {service['pid']}, {more}")
		else:
			print(f"  stopped  {name:<12} {port}")
	print(f"\nPasswords: {sites.demo_passwords_file(place)}")
	print(f"Mail kept: {len(outbox.letters(place.outbox))} in {place.outbox}")
	print(f"Logs:      {place.logs}")
	print(f"By hand:   cd {place.bench} && PATH={place.bin}:$PATH bench --site {place.site} …")
	return 0 if all_run else 3


def logs(place: Place, options: argparse.Namespace) -> int:
	known = {path.stem: path for path in sorted(place.logs.glob("*.log"))}
	known |= {f"up/{path.stem}": path for path in sorted((place.logs / "up").glob("*.log"))}
	if not options.name:
		print("Logs:")
		for name, path in known.items():
			print(f"  {name:<16} {path}")
		print("\n./imta logs NAME shows the end of one, with -f as it grows.")
		return 0
	path = known.get(options.name) or known.get(f"up/{options.name}")
	if not path:
		print(f"There is no log {options.name}. There are: {', '.join(known)}", file=sys.stderr)
		return 1
	for line in last_lines(path, options.lines):
		print(line)
	if options.follow:
		try:
			follow(path)
		except KeyboardInterrupt:
			pass
	return 0


def follow(path: Path) -> None:
	with path.open("rb") as file:
		file.seek(0, os.SEEK_END)
		while True:
			data = file.read()
			if data:
				sys.stdout.write(data.decode("utf-8", "replace"))
				sys.stdout.flush()
			elif path.stat().st_size < file.tell():
				file.seek(0)
			else:
				time.sleep(0.3)


def show_outbox(place: Place, options: argparse.Namespace) -> int:
	kept = outbox.letters(place.outbox)
	if options.number is None:
		for number, path in enumerate(kept, 1):
			print(outbox.summary(path, number))
		print(f"{len(kept)} letters in {place.outbox}; ./imta outbox NUMBER shows one.")
		return 0
	if not 1 <= options.number <= len(kept):
		print(f"There are {len(kept)} letters.", file=sys.stderr)
		return 1
	print(outbox.as_text(kept[options.number - 1]))
	return 0


def down(place: Place, options: argparse.Namespace) -> int:
	if options.purge:
		if not agreed(place, options):
			print("Nothing was removed.")
			return 1
		with only_one(place, patience=0):
			stop(place)
			purge(place)
		return 0
	stop(place)
	return 0


def stop(place: Place) -> None:
	print("Stopped." if Services(place).stop() else "Nothing was running.")


def agreed(place: Place, options: argparse.Namespace) -> bool:
	print("This removes, for good:")
	print(f"  {place.bench}: the bench with all its sites, databases, files, backups and the outbox")
	print("System packages and the user account stay.")
	if options.yes:
		return True
	if not sys.stdin.isatty():
		print("There is no terminal to ask at: confirm with --yes.", file=sys.stderr)
		return False
	return input("Type the name of the site to go on: ").strip() == place.site


def purge(place: Place) -> None:
	if place.socket.parent == Path("/tmp"):
		place.socket.unlink(missing_ok=True)
	# The marker goes last: a removal that was cut off can be run again.
	for path in sorted(place.bench.iterdir(), key=lambda path: path.name == ".imta"):
		if path.is_dir() and not path.is_symlink():
			shutil.rmtree(path, ignore_errors=True)
		else:
			path.unlink()
	place.bench.rmdir()
	print(f"Removed {place.bench}.")
	# The copies that root handed over; this very program may run from one, and has read all it needs.
	shutil.rmtree(Path.home() / ".cache" / "imta-crm", ignore_errors=True)
