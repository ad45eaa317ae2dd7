"""What the tests of the dues share: the roster as members, a dues year, worker processes, and cleaning up.

Crash and concurrency tests need committed records. `committed` takes away every row that was made after it
began, so the site is left as it was found.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import frappe

from imta_crm.membership.members import NewMember, create_member
from imta_crm.policy.countries import find_country

ROSTER = Path(__file__).parents[1] / "data" / "roster.csv"
AS_OF = "2026-01-15"
CNY_RATE = 7.0288


def company() -> str:
	return frappe.get_all("Company", pluck="name", limit=1, order_by="creation")[0]


def roster_rows() -> list[dict[str, str]]:
	with ROSTER.open(encoding="utf-8-sig", newline="") as file:
		return list(csv.DictReader(file))


def make_roster(rows: list[dict[str, str]] | None = None) -> list[str]:
	"""The 91 members of the roster: 85 organisations, 16 of them invoiced in CNY, and 6 exempt individuals."""
	made = []
	for row in rows or roster_rows():
		country = find_country(row["Country/Region"])
		exempt = row["Category"] in ("Individual", "Emeritus")
		made.append(
			create_member(
				NewMember(
					member_name=row["Organisation (EN)"],
					member_name_local=row["Organisation (local)"] or None,
					country=frappe.db.get_value("Country", {"code": country.code.lower()}),
					tier=row["Category"],
					member_type="Individual" if exempt else "Organisation",
					joined_on=date.fromisoformat(row["Date joined"]),
					email=row["Email"],
					preferred_language=row["Preferred language"] or None,
					invoice_currency=row["Invoice currency"] or "USD",
				),
				source="Import",
				on=date.fromisoformat(row["Date joined"]),
			).name
		)
	return made


def make_year(title: str = "2026", **fields):
	"""An open dues year at the roster's rate; fields override."""
	start = int(title[:4])
	ensure_fiscal_year(start)
	year = frappe.new_doc("Dues Year")
	year.update(
		{
			"title": title,
			"company": company(),
			"status": "Open",
			"from_date": f"{start}-01-01",
			"to_date": f"{start}-12-31",
			"notice_date": f"{start}-01-05",
			"due_date": f"{start}-03-31",
			"reference_currency": "USD",
			"proration": "Monthly",
			"item": "MEMBERSHIP-DUES",
			"rates": [{"currency": "CNY", "rate": CNY_RATE, "rate_date": f"{start}-01-01"}],
		}
	)
	year.update(fields)
	return year.insert()


def ensure_fiscal_year(year: int) -> None:
	if not frappe.db.exists("Fiscal Year", {"year_start_date": f"{year}-01-01"}):
		frappe.get_doc(
			{
				"doctype": "Fiscal Year",
				"year": str(year),
				"year_start_date": f"{year}-01-01",
				"year_end_date": f"{year}-12-31",
			}
		).insert()


def make_run(year: str, as_of: str = AS_OF, **fields):
	run = frappe.new_doc("Dues Run")
	run.update({"dues_year": year, "as_of": as_of, **fields})
	return run.insert()


def start_here(run) -> None:
	"""Start a run and do its jobs in this process. Commits, as its jobs do."""
	from imta_crm.dues import runner

	queue(run)
	runner.work(run.name)
	run.reload()


def worker(run: str, number: int = 0) -> subprocess.Popen:
	"""A background job of a run in a process of its own, as the queue's worker would have it."""
	code = (
		"import sys, frappe; site, run, number = sys.argv[1:];"
		"frappe.init(site=site); frappe.connect(); frappe.set_user('Administrator');"
		"from imta_crm.dues import runner;"
		"print('ready', flush=True);"
		"runner.work(run, int(number)); frappe.destroy()"
	)
	return subprocess.Popen(
		[sys.executable, "-c", code, frappe.local.site, run, str(number)],
		cwd=os.getcwd(),
		stdout=subprocess.PIPE,
		stderr=subprocess.DEVNULL,
		text=True,
	)


def queue(run) -> None:
	"""Start a run for worker processes of the test's own: the queue's workers must not take part. Commits."""
	run.reload()
	run.start()
	frappe.db.after_commit.reset()
	frappe.db.commit()


def figures(year: str) -> dict:
	"""Everything that must be true of the roster's dues, from charges, invoices and both ledgers."""
	frappe.db.rollback()  # a new snapshot: other processes have written
	charges = frappe.get_all(
		"Dues Charge",
		{"dues_year": year},
		["name", "member", "status", "amount", "currency", "sales_invoice"],
		limit=0,
	)
	invoices = frappe.get_all(
		"Sales Invoice",
		{"imta_dues_charge": ("in", [c.name for c in charges] or [""]), "docstatus": 1},
		["name", "currency", "grand_total", "base_grand_total", "imta_live_charge", "outstanding_amount"],
		limit=0,
	)
	names = [i.name for i in invoices] or [""]
	gl = frappe.get_all(
		"GL Entry",
		{"voucher_no": ("in", names), "is_cancelled": 0},
		[
			"voucher_no",
			"account",
			"party",
			"debit",
			"credit",
			"debit_in_account_currency",
			"account_currency",
		],
		limit=0,
	)
	ple = frappe.get_all(
		"Payment Ledger Entry",
		{"voucher_no": ("in", names), "delinked": 0},
		["voucher_no", "amount", "amount_in_account_currency", "account_currency"],
		limit=0,
	)

	def by_currency(rows, amount, currency="currency"):
		sums: dict[str, float] = {}
		for row in rows:
			sums[row[currency]] = round(sums.get(row[currency], 0) + row[amount], 2)
		return {c: a for c, a in sums.items() if a}

	return {
		"charges": len(charges),
		"invoiced": sum(c.status == "Invoiced" for c in charges),
		"members": len({c.member for c in charges}),
		"invoices": len(invoices),
		"live": len({i.imta_live_charge for i in invoices} - {None}),
		"charged": by_currency(charges, "amount"),
		"billed": by_currency(invoices, "grand_total"),
		"outstanding": by_currency(invoices, "outstanding_amount"),
		"receivable": by_currency(
			[g for g in gl if g.party], "debit_in_account_currency", "account_currency"
		),
		"payment_ledger": by_currency(ple, "amount_in_account_currency", "account_currency"),
		"debit": round(sum(g.debit for g in gl), 2),
		"credit": round(sum(g.credit for g in gl), 2),
		"base": round(sum(i.base_grand_total for i in invoices), 2),
		"gl_vouchers": len({g.voucher_no for g in gl}),
		"gl_rows": len(gl),
		"pairs": sorted((c.name, c.sales_invoice) for c in charges)
		== sorted((i.imta_live_charge, i.name) for i in invoices),
	}


@contextmanager
def committed() -> Iterator[None]:
	"""Let the block commit; afterwards take away every row made since it began. For the test site only."""
	frappe.db.commit()
	since = frappe.utils.now()
	series = dict(frappe.db.sql("select name, current from tabSeries"))
	try:
		yield
	finally:
		frappe.db.rollback()
		tables = frappe.db.sql_list(
			"""select c.table_name from information_schema.columns c
			join information_schema.tables t using (table_schema, table_name)
			where c.table_schema = database() and c.column_name = 'creation'
			and t.table_type = 'BASE TABLE' and c.table_name like 'tab%%'"""
		)
		for table in tables:
			frappe.db.sql(f"delete from `{table}` where creation >= %s", (since,))
		for name, current in frappe.db.sql("select name, current from tabSeries"):
			if name not in series:
				frappe.db.sql("delete from tabSeries where name = %s", (name,))
			elif series[name] != current:
				frappe.db.sql("update tabSeries set current = %s where name = %s", (series[name], name))
		frappe.db.commit()
		frappe.clear_cache()


def log(run: str) -> str:
	"""What a failing test shows of a run."""
	fields = ["status", "total", "charged", "failed", "skipped", "error"]
	return json.dumps(frappe.db.get_value("Dues Run", run, fields, as_dict=True), default=str)
