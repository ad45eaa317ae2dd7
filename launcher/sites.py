"""Sites: the base database with Frappe and ERPNext, made once; sites copied from it; this app on them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
from pathlib import Path

from launcher.build import code_key, environment, framework_key, query, sql
from launcher.progress import Step, StepFailed
from launcher.services import frappe_command
from launcher.settings import APP, Place, read_json, write_private
from launcher.shell import output, run, which

BASE_SITE = "base.imta.localhost"
DEMO_ROLES = (
	"Liaison Officer",
	"Membership Manager",
	"Treasurer",
	"Training Coordinator",
	"Alliance Leadership",
	"Alliance Member",
)


def database_name(site: str) -> str:
	return "_" + hashlib.sha256(site.encode()).hexdigest()[:16]


def base_dump(place: Place) -> Path:
	return place.own / f"base-{framework_key(place)}.sql.gz"


def marker(place: Place, site: str) -> Path:
	return place.sites / site / "imta.json"


def on_bench(place: Place, step: Step, *arguments: str, hint: str = "") -> None:
	run(
		[place.python, place.own / "serve" / "on_bench.py", *arguments],
		step,
		cwd=place.sites,
		env=environment(place),
		what=" ".join(arguments[:2]),
		hint=hint,
	)


def frappe(place: Place, step: Step, site: str, *arguments: str, hint: str = "") -> None:
	run(
		frappe_command(place, "--site", site, *arguments),
		step,
		cwd=place.sites,
		env=environment(place),
		what=f"bench {arguments[0]}",
		hint=hint,
	)


def base(place: Place, step: Step) -> None:
	"""A database with Frappe and ERPNext, kept as a dump: new sites are copied from it in seconds."""
	dump = base_dump(place)
	if dump.exists():
		step.done_before()
		return
	place.secret("mariadb_root")
	place.secret("administrator")
	name = database_name(BASE_SITE)
	drop_site(place, step, BASE_SITE)
	on_bench(
		place,
		step,
		"new-site",
		BASE_SITE,
		name,
		"erpnext",
		hint="If the disk is full or memory short, make room.",
	)
	keep_dump(place, step, name, dump)
	drop_site(place, step, BASE_SITE)


def company_base(place: Place, step: Step) -> Path:
	"""The base with a company in it: what tests and benchmarks start from."""
	recipe = (place.own / "serve" / "on_bench.py").read_bytes()
	stamp = hashlib.sha256(framework_key(place).encode() + recipe).hexdigest()[:16]
	dump = place.own / f"company-{stamp}.sql.gz"
	if dump.exists():
		return dump
	drop_site(place, step, BASE_SITE)
	create(place, step, BASE_SITE)
	on_bench(place, step, "company", BASE_SITE)
	keep_dump(place, step, database_name(BASE_SITE), dump)
	drop_site(place, step, BASE_SITE)
	return dump


def keep_dump(place: Place, step: Step, name: str, dump: Path) -> None:
	"""Write a database to `dump`, whole or not at all, and forget older ones of its kind."""
	part = dump.with_suffix(".part")
	pipe = 'mariadb-dump --defaults-extra-file="$1" --single-transaction --quick "$2" | gzip -1 > "$3"'
	run(["bash", "-o", "pipefail", "-c", pipe, "dump", place.own / "client.cnf", name, part], step)
	os.replace(part, dump)
	for old in place.own.glob(f"{dump.name.split('-')[0]}-*.sql.gz"):
		if old != dump:
			old.unlink()


def drop_site(place: Place, step: Step, site: str) -> None:
	name = database_name(site)
	sql(place, step, f"DROP DATABASE IF EXISTS `{name}`; DROP USER IF EXISTS '{name}'@'%';")
	shutil.rmtree(place.sites / site, ignore_errors=True)


def stands(place: Place, site: str) -> bool:
	"""Whether the site is whole: its marker, its configuration, and its database with the app in it."""
	known = read_json(marker(place, site))
	name = read_json(place.sites / site / "site_config.json").get("db_name")
	return (
		known.get("installed") is True
		and bool(name)
		and (
			query(place, f"select 1 from `{name}`.`tabInstalled Application` where app_name='{APP}'") or ""
		).strip()
		== "1"
	)


def was_whole(place: Place, site: str) -> bool:
	return read_json(marker(place, site)).get("installed") is True


def is_current(place: Place, site: str) -> bool:
	return read_json(marker(place, site)).get("code") == code_key(place)


def create(place: Place, step: Step, site: str, dump: Path | None = None, **config: object) -> None:
	"""Make a site from the base (or another dump). One that was left half-made is made anew."""
	if was_whole(place, site):
		if not stands(place, site):
			raise StepFailed(
				f"the site {site} was whole once, and its database does not answer as it should",
				f"Restore it from a backup, or start afresh with ./imta down --purge. (Site: {place.sites / site})",
			)
		step.done_before(site)
		return
	name = database_name(site)
	folder = place.sites / site
	drop_site(place, step, site)
	password = secrets.token_urlsafe(18)
	sql(
		place,
		step,
		f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;"
		f"CREATE USER '{name}'@'%' IDENTIFIED BY '{password}';"
		f"GRANT ALL PRIVILEGES ON `{name}`.* TO '{name}'@'%'; FLUSH PRIVILEGES;",
	)
	run(
		[
			"bash",
			"-o",
			"pipefail",
			"-c",
			'gzip -cd "$3" | mariadb --defaults-extra-file="$1" "$2"',
			"restore",
			place.own / "client.cnf",
			name,
			dump or base_dump(place),
		],
		step,
	)
	for part in ("public/files", "private/files", "private/backups", "locks", "logs"):
		(folder / part).mkdir(parents=True, exist_ok=True)
	known = {
		"db_name": name,
		"db_password": password,
		"db_type": "mariadb",
		"encryption_key": base64.urlsafe_b64encode(os.urandom(32)).decode(),
	}
	write_private(folder / "site_config.json", json.dumps(known | config, indent=1))
	step.note = site


def configure(place: Place, site: str, **config: object) -> None:
	path = place.sites / site / "site_config.json"
	known = read_json(path)
	if known | config != known:
		write_private(path, json.dumps(known | config, indent=1))


def install(place: Place, step: Step, site: str) -> bool:
	"""Put this app on the site, or bring the site up to the present code. True when something was done."""
	path = marker(place, site)
	known = read_json(path)
	key = code_key(place)
	if known.get("installed") and known.get("code") == key:
		step.done_before()
		return False
	if known.get("installed"):
		frappe(place, step, site, "migrate", hint="The site is as it was; a backup is made by: bench backup")
	else:
		frappe(place, step, site, "install-app", APP)
	# Whoever starts next reads caches that the old code may have filled.
	frappe(place, step, site, "clear-cache")
	path.write_text(json.dumps(known | {"installed": True, "code": key}, indent=1))
	return True


# Demo


def demo_logins(place: Place) -> dict[str, str]:
	return read_json(marker(place, place.site)).get("demo") or {}


def demo_passwords_file(place: Place) -> Path:
	return place.own / "passwords.json"


def demo_passwords(place: Place) -> dict[str, str]:
	path = demo_passwords_file(place)
	known = read_json(path)
	wanted = {role: known.get(role) or secrets.token_urlsafe(10) for role in DEMO_ROLES}
	wanted["Administrator"] = place.secret("administrator")
	if known | wanted != known:
		write_private(path, json.dumps(known | wanted, indent=1))
	return wanted


def demo(place: Place, step: Step, *, again: bool = False) -> None:
	if demo_logins(place) and not again:
		step.done_before()
		return
	demo_passwords(place)
	result = place.own / "demo.json"
	result.unlink(missing_ok=True)
	on_bench(
		place,
		step,
		"call",
		place.site,
		"imta_crm.demo.load.load",
		json.dumps({"passwords_file": str(demo_passwords_file(place))}),
		str(result),
	)
	logins = read_json(result)
	path = marker(place, place.site)
	path.write_text(
		json.dumps(read_json(path) | {"demo": logins or {"Administrator": "Administrator"}}, indent=1)
	)


def use_outbox(place: Place, step: Step, site: str, port: int) -> None:
	known = read_json(marker(place, site))
	if known.get("outbox") == port:
		step.done_before()
		return
	on_bench(place, step, "call", site, "imta_crm.demo.outbox.use_local_outbox", json.dumps({"port": port}))
	marker(place, site).write_text(json.dumps(read_json(marker(place, site)) | {"outbox": port}, indent=1))


def scheduler_on(place: Place, step: Step) -> None:
	known = read_json(marker(place, place.site))
	if not known.get("scheduler"):
		on_bench(place, step, "call", place.site, "frappe.utils.scheduler.enable_scheduler", "{}")
		marker(place, place.site).write_text(json.dumps(known | {"scheduler": True}, indent=1))


def versions(place: Place) -> dict[str, str]:
	from launcher.build import version_of

	found = {app: version_of(place, app) for app in ("frappe", "erpnext", APP)}
	found["MariaDB"] = (
		(output([which("mariadbd") or "mariadbd", "--version"]) or "").split("Ver ")[-1]
	).split(" ")[0]
	return found
