"""What installing adds, that repeating it adds nothing, and that uninstalling takes it all away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import frappe
import pytest

from imta_crm import hooks, install, seeds, uninstall
from imta_crm.defaults import read
from imta_crm.erp import custom_fields, masters

BENCH = Path(os.environ.get("IMTA_BENCH", "")).expanduser()
SCRATCH = os.environ.get("IMTA_SCRATCH_SITE", "")
# Written by Frappe about every app, or by whoever looks at the site meanwhile.
LOGS = {
	"Access Log",
	"Activity Log",
	"Comment",
	"Deleted Document",
	"Error Log",
	"Installed Application",
	"Route History",
	"Scheduled Job Log",
	"Sessions",
	"Version",
}


def counts() -> dict[str, int]:
	tables = [
		table.removeprefix("tab") for table in frappe.db.get_tables(cached=False) if table.startswith("tab")
	]
	return {table: frappe.db.count(table) for table in tables if table not in LOGS}


def test_roles_and_their_desk_access(site):
	desk = dict(
		frappe.get_all("Role", {"name": ("in", list(install.ROLES))}, ["name", "desk_access"], as_list=True)
	)
	assert desk == {
		"Liaison Officer": 1,
		"Membership Manager": 1,
		"Treasurer": 1,
		"Training Coordinator": 1,
		"Alliance Leadership": 1,
		"Alliance Member": 0,
	}


def test_role_profiles_bring_the_roles_of_erpnext_along(site):
	profile = frappe.get_doc("Role Profile", "IMTA Treasurer")
	assert {row.role for row in profile.roles} >= {"Treasurer", "Accounts User"}


def test_tiers_regions_sectors_and_item_are_there(site):
	for tier in read("member_tiers"):
		assert frappe.db.exists("Member Tier", tier["tier_name"])
	assert frappe.db.get_value("Territory", "Southern Asia", "parent_territory") == "Asia"
	assert frappe.db.get_value("Territory", "Asia", "is_group")
	assert frappe.db.exists("Market Segment", "Sport federation")
	item = frappe.get_cached_doc("Item", masters.DUES_ITEM)
	assert not item.is_stock_item
	assert item.is_sales_item


@pytest.mark.parametrize(
	("country", "region"),
	[
		("China", "Eastern Asia"),
		("Turkey", "Western Asia"),
		("Switzerland", "Western Europe"),
		("Korea, Republic of", "Eastern Asia"),
		("Peru", "South America"),
	],
)
def test_every_country_has_its_region(site, country, region):
	assert masters.territory_of(country) == region


def test_no_country_of_the_site_is_without_region(site):
	without = [c for c in frappe.get_all("Country", pluck="name") if not masters.territory_of(c)]
	assert without == []


def test_custom_fields_are_there_and_unique_where_it_matters(site):
	for doctype, fields in custom_fields.CUSTOM_FIELDS.items():
		for field in fields:
			assert frappe.get_meta(doctype).has_field(field["fieldname"])
	indexes = {
		row.Column_name
		for row in frappe.db.sql("show index from `tabSales Invoice` where Non_unique = 0", as_dict=True)
	}
	assert "imta_live_charge" in indexes


def test_repeating_the_set_up_changes_nothing(site):
	before, remembered = counts(), seeds.remembered()
	install.after_migrate()
	install.after_migrate()
	assert counts() == before
	assert seeds.remembered() == remembered


def test_what_the_secretariat_edited_is_not_overwritten(site):
	frappe.db.set_value("Member Tier", "Ordinary", "dues_amount", 1234)
	install.after_migrate()
	assert frappe.db.get_value("Member Tier", "Ordinary", "dues_amount") == 1234


def test_what_the_secretariat_deleted_does_not_come_back(site):
	frappe.delete_doc("Market Segment", "Transport")
	frappe.delete_doc("Territory", "Antarctica")
	install.after_migrate()
	assert not frappe.db.exists("Market Segment", "Transport")
	assert not frappe.db.exists("Territory", "Antarctica")


def test_what_was_there_before_is_not_claimed(site):
	frappe.get_doc({"doctype": "Market Segment", "market_segment": "Cable cars"}).insert()
	assert not seeds.record("Market Segment", "Cable cars", {"market_segment": "Cable cars"})
	assert ("Market Segment", "Cable cars") not in seeds.remembered()


def test_removing_seeds_keeps_what_others_use_and_says_so(site):
	customer = frappe.get_doc(
		{
			"doctype": "Customer",
			"customer_name": "Somebody outside the alliance",
			"territory": "Southern Asia",
			"customer_group": masters.ensure_customer_group(),
		}
	).insert()
	kept = seeds.remove_all()
	assert ("Territory", "Southern Asia") in kept
	assert ("Territory", "Asia") in kept
	assert customer.territory == "Southern Asia"
	assert not frappe.db.exists("Territory", "Melanesia")
	assert not frappe.db.exists("Role", "Alliance Member")
	assert seeds.remembered() == []


def test_before_the_set_up_wizard_nothing_fails(site, monkeypatch):
	monkeypatch.setattr(masters, "root_of", lambda doctype: None)
	frappe.db.delete("Item", {"name": masters.DUES_ITEM})
	install.complete()
	assert not frappe.db.exists("Item", masters.DUES_ITEM)
	with pytest.raises(masters.MissingMasterError):
		masters.ensure_item()


def test_receivable_account_keeps_the_currency(site):
	company = masters.default_company()
	account = masters.ensure_receivable_account(company, "USD")
	assert frappe.db.get_value("Account", account, ["account_currency", "account_type"]) == (
		"USD",
		"Receivable",
	)
	assert masters.ensure_receivable_account(company, "USD") == account
	home = frappe.get_cached_value("Company", company, "default_currency")
	assert masters.ensure_receivable_account(company, home) == frappe.get_cached_value(
		"Company", company, "default_receivable_account"
	)


def test_a_dry_run_of_uninstalling_changes_nothing(site):
	before = counts()
	uninstall.before_uninstall()
	uninstall.after_uninstall()
	assert counts() == before


def paths_in_hooks() -> list[str]:
	found: list[str] = []

	def walk(value):
		if isinstance(value, str):
			if value.startswith("imta_crm.") and " " not in value:
				found.append(value)
		elif isinstance(value, dict):
			for part in value.values():
				walk(part)
		elif isinstance(value, list | tuple):
			for part in value:
				walk(part)

	for name, value in vars(hooks).items():
		if not name.startswith("_"):
			walk(value)
	return sorted(set(found))


@pytest.mark.parametrize("path", paths_in_hooks())
def test_every_path_in_hooks_leads_somewhere(site, path):
	assert callable(frappe.get_attr(path))


def test_every_patch_can_be_imported_and_says_when_it_runs(site):
	lines = (Path(hooks.__file__).parent / "patches.txt").read_text(encoding="utf-8").splitlines()
	section = None
	for line in (line.split("#")[0].strip() for line in lines):
		if line.startswith("["):
			section = line
		elif line:
			assert section in ("[pre_model_sync]", "[post_model_sync]")
			module = line.split()[0]
			assert callable(frappe.get_attr(f"{module}.execute"))


# The whole way on a site of its own


def bench(*arguments: str) -> str:
	run = subprocess.run(
		[sys.executable, "-m", "frappe.utils.bench_helper", "frappe", "--site", SCRATCH, *arguments],
		cwd=BENCH / "sites",
		capture_output=True,
		text=True,
		timeout=600,
	)
	assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
	assert "Traceback" not in run.stdout + run.stderr, run.stdout[-3000:] + run.stderr[-3000:]
	return run.stdout


PROBE = """
import json, sys
import frappe
logs = set(json.loads(sys.argv[2]))
frappe.init(site=sys.argv[1]); frappe.connect()
rows, columns, mentions = {}, {}, []
for (table,) in frappe.db.sql(
	"select table_name from information_schema.tables where table_schema = database() and table_type = 'BASE TABLE'"
):
	if table.removeprefix("tab") not in logs:
		rows[table] = frappe.db.sql(f"select count(*) from `{table}`")[0][0]
for table, column in frappe.db.sql(
	"select table_name, column_name from information_schema.columns where table_schema = database()"
):
	columns.setdefault(table, []).append(column)
for doctype, field in (
	("DocType", "module"), ("Module Def", "app_name"), ("Custom Field", "fieldname"), ("Property Setter", "name"),
	("Patch Log", "patch"), ("Scheduled Job Type", "method"), ("DefaultValue", "defkey"), ("Role Profile", "name"),
	("Workspace", "name"), ("Workflow", "document_type"), ("Print Format", "doc_type"), ("Web Form", "doc_type"),
):
	for value in frappe.get_all(doctype, pluck=field):
		text = str(value or "").lower()
		if "imta" in text or text in ("membership", "dues", "liaison") or "membership application" in text:
			mentions.append(f"{doctype}: {value}")
frappe.destroy()
print("PROBE" + json.dumps({"rows": rows, "columns": columns, "mentions": mentions}))
"""


def probe() -> dict:
	run = subprocess.run(
		[sys.executable, "-c", PROBE, SCRATCH, json.dumps(sorted(LOGS))],
		cwd=BENCH / "sites",
		capture_output=True,
		text=True,
		timeout=120,
	)
	assert run.returncode == 0, run.stderr[-3000:]
	return json.loads(run.stdout.split("PROBE")[1])


@pytest.mark.skipif(not SCRATCH, reason="needs a second site: name it in IMTA_SCRATCH_SITE")
def test_install_migrate_twice_uninstall_install_again():
	"""On a scratch site with ERPNext and this app. Leaves the app installed."""
	# What migrating tidies up on this site anyway is none of the app's doing.
	bench("migrate")
	bench("uninstall-app", "imta_crm", "--yes", "--no-backup")
	clean = probe()
	assert clean["mentions"] == []

	bench("install-app", "imta_crm")
	bench("migrate")
	first = probe()
	bench("migrate")
	assert probe()["rows"] == first["rows"], "the second migration changed something"

	said = bench("uninstall-app", "imta_crm", "--yes", "--no-backup")
	assert "stay" in said
	again = probe()
	assert again["mentions"] == []
	assert again["columns"] == clean["columns"]
	assert again["rows"] == clean["rows"]

	bench("install-app", "imta_crm")
	assert probe()["rows"] == first["rows"]
