"""Runs inside the bench's Python, in its sites folder: what needs Frappe itself.

Secrets come in the file named by IMTA_SECRETS, so that no password shows in the list of processes.

	python on_bench.py new-site SITE DATABASE APP…
	python on_bench.py call SITE FUNCTION ARGUMENTS_JSON [RESULT_FILE]
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def secrets() -> dict[str, str]:
	return json.loads(Path(os.environ["IMTA_SECRETS"]).read_text())


def new_site(site: str, database: str, *apps: str) -> None:
	import frappe
	from frappe.installer import _new_site

	known = secrets()
	frappe.init(site=site, new_site=True)
	_new_site(
		database,
		site,
		db_root_username="root",
		db_root_password=known["mariadb_root"],
		admin_password=known["administrator"],
		install_apps=apps,
		force=True,
		db_type="mariadb",
		mariadb_user_host_login_scope="%",
	)


def call(site: str, function: str, arguments: str, result: str = "") -> None:
	import frappe

	frappe.init(site=site)
	frappe.connect()
	try:
		frappe.set_user("Administrator")
		answer = frappe.get_attr(function)(**json.loads(arguments))
		frappe.db.commit()
		if result:
			Path(result).write_text(json.dumps(answer, default=str))
	finally:
		frappe.destroy()


if __name__ == "__main__":
	{"new-site": new_site, "call": call}[sys.argv[1]](*sys.argv[2:])
