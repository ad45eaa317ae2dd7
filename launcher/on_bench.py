"""Runs inside the bench's Python, in its sites folder: what needs Frappe itself.

Secrets come in the file named by IMTA_SECRETS, so that no password shows in the list of processes.

	python on_bench.py new-site SITE DATABASE APP…
	python on_bench.py company SITE
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


def company(site: str) -> None:
	"""What ERPNext's set-up wizard asks a person, answered for the tests: a company in China, its books from 2026."""
	import datetime

	import frappe
	from frappe.desk.page.setup_wizard.setup_wizard import setup_complete

	frappe.init(site=site)
	frappe.connect()
	frappe.set_user("Administrator")
	setup_complete(
		{
			"language": "English",
			"country": "China",
			"timezone": "Asia/Shanghai",
			"currency": "CNY",
			"full_name": "IMTA Secretariat",
			"email": "secretariat@imta.example",
			"password": secrets()["administrator"],
			"company_name": "International Mountain Tourism Alliance",
			"company_abbr": "IMTA",
			"chart_of_accounts": "Standard",
			"fy_start_date": "2026-01-01",
			"fy_end_date": "2026-12-31",
			"setup_demo": 0,
		}
	)
	frappe.set_user("Administrator")
	if not frappe.db.count("Account"):
		raise SystemExit("The set-up wizard made no chart of accounts.")
	frappe.db.set_single_value("System Settings", "setup_complete", 1)
	for year in range(2027, datetime.date.today().year + 1):
		fields = {"year": str(year), "year_start_date": f"{year}-01-01", "year_end_date": f"{year}-12-31"}
		if not frappe.db.exists("Fiscal Year", str(year)):
			frappe.get_doc({"doctype": "Fiscal Year", **fields}).insert()
	frappe.db.commit()
	frappe.destroy()


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
	{"new-site": new_site, "company": company, "call": call}[sys.argv[1]](*sys.argv[2:])
