"""How fast dues become invoices: a Dues Run against ERPNext's Subscription and against plain documents.

    python benchmarks/dues.py --site SITE --bench BENCH [--members N] [--rounds N] [--write]

The same members are invoiced in each way, on one site, each way in worker processes of its own, in turns,
several rounds; the table shows the median. Queries are counted by the database server for the worker's
session. Process start and one invoice to warm up (rolled back) are not counted; planning the charges and
closing the run are. Everything that was made is taken away again. The site must allow tests.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from scratch import SINCE, Undo, expect, in_turns, machine, main, questions, worker

CHUNK = 25
RATE = 7.0288
ONE, TWO, SUBSCRIPTION, PLAIN = "run-1", "run-2", "subscription", "plain"
LABELS = {
	ONE: "Dues Run, one worker",
	TWO: "Dues Run, two workers",
	SUBSCRIPTION: "ERPNext Subscription",
	PLAIN: "plain insert, then submit",
}


def measure(options: argparse.Namespace) -> str:
	"""All ways in turns; the table of the medians."""
	import frappe

	results: dict[str, list[dict]] = {way: [] for way in LABELS}
	outer = Undo()
	try:
		year = prepare(options.members)
		for number, way in in_turns(list(LABELS), options.rounds):
			undo = Undo()
			try:
				result = once(options, way, year)
			finally:
				undo.now()
			if result["invoices"] != options.members:
				sys.exit(f"{LABELS[way]}: {result['invoices']} invoices instead of {options.members}")
			results[way].append(result)
			print(
				f"round {number}  {LABELS[way]:<28}{result['rate']:7.1f} invoices/s"
				f"{result['queries']:8.1f} queries/invoice",
				flush=True,
			)
	finally:
		frappe.db.rollback()
		outer.now()
	return as_table(options, results)


def once(options: argparse.Namespace, way: str, year: str) -> dict:
	"""One way, once, in worker processes."""
	import frappe

	task: dict[str, object] = {"way": way, "year": year}
	workers = 1
	if way in (ONE, TWO):
		run = frappe.new_doc("Dues Run")
		run.update({"dues_year": year, "as_of": as_of(), "chunk_size": CHUNK})
		run.insert()
		run.start()
		frappe.db.after_commit.reset()  # the site's own queue does not take part
		task["run"] = run.name
		workers = 2 if way == TWO else 1
	elif way == SUBSCRIPTION:
		make_subscriptions(year)
	frappe.db.commit()

	jobs = []
	for number in range(workers):
		jobs.append(worker(__file__, options, {**task, "worker": number}))
		# One after the other: warming up is an ordinary invoice and would wait for, or deadlock with, another.
		expect(jobs[-1], "ready")
	started = time.monotonic()
	queries = 0
	# The first worker plans; the others may begin when there is something to share.
	for process in jobs:
		print("go", file=process.stdin, flush=True)
		if process is jobs[0] and workers > 1:
			expect(process, "planned")
	for process in jobs:
		queries += int(expect(process, "queries"))
	seconds = time.monotonic() - started
	for process in jobs:
		process.communicate()
	frappe.db.rollback()
	invoices = frappe.db.count("Sales Invoice", {"docstatus": 1, "creation": (">=", SINCE[-1])})
	return {
		"invoices": invoices,
		"rate": invoices / seconds,
		"queries": queries / max(invoices, 1),
	}


def job(task: dict) -> None:
	"""In the worker process: warm up, wait for the word, work, say how many queries it took."""
	import frappe

	from imta_crm.dues import runner, years

	year = years.get_year(task["year"])
	invoice = next(plain_invoices(year))
	invoice.insert()
	invoice.submit()
	frappe.db.rollback()
	frappe.local.message_log = []
	print("ready", flush=True)
	sys.stdin.readline()
	before = questions()
	if task["way"] in (ONE, TWO):
		if task["worker"] == 0:
			runner.begin(task["run"])
			print("planned", flush=True)
		runner.process(task["run"])
	elif task["way"] == SUBSCRIPTION:
		from erpnext.accounts.doctype.subscription.subscription import process_all

		process_all(posting_date=as_of())
	else:
		for number, invoice in enumerate(plain_invoices(year), start=1):
			invoice.insert()
			invoice.submit()
			if number % CHUNK == 0:
				frappe.db.commit()
		frappe.db.commit()
	print("queries", questions() - before, flush=True)
	frappe.destroy()


def plain_invoices(year):
	"""The invoices of the run as ordinary documents."""
	import frappe
	from frappe.utils import getdate

	from imta_crm.dues import charges
	from imta_crm.erp import invoices

	for line in charges.assess(year, getdate(as_of())):
		if not line.decision.is_charge:
			continue
		charge = frappe._dict(charges.charge_values(year, line, getdate(as_of())))
		invoice = invoices.new_invoice(charges.order_of(year, charge))
		invoice.update({"imta_dues_charge": None, "imta_live_charge": None})
		yield invoice


def prepare(count: int) -> str:
	"""Members, one in five invoiced in CNY, and an open dues year; returns the year's name."""
	import frappe
	from frappe.utils import getdate

	from imta_crm.erp import masters
	from imta_crm.membership.members import NewMember, create_member

	company = masters.default_company()
	start = getdate().year
	if not frappe.db.exists("Fiscal Year", {"year_start_date": f"{start}-01-01"}):
		frappe.get_doc(
			doctype="Fiscal Year",
			year=str(start),
			year_start_date=f"{start}-01-01",
			year_end_date=f"{start}-12-31",
		).insert()
	for foreign, home in (("USD", "CNY"),):
		frappe.get_doc(
			doctype="Currency Exchange",
			date=f"{start}-01-01",
			from_currency=foreign,
			to_currency=home,
			exchange_rate=RATE,
			for_buying=1,
			for_selling=1,
		).insert(ignore_if_duplicate=True)
	for number in range(count):
		create_member(
			NewMember(
				member_name=f"Benchmark Alpine Club {number:05}",
				country="Switzerland",
				tier="Ordinary",
				joined_on=getdate(f"{start - 1}-01-01"),
				email=f"club{number}@benchmark.example",
				invoice_currency="USD" if number % 5 else "CNY",
			),
			source="Import",
			on=getdate(f"{start - 1}-01-01"),
		)
		if number % 100 == 99:
			frappe.db.commit()
	year = frappe.new_doc("Dues Year")
	year.update(
		{
			"title": f"Benchmark {start}",
			"company": company,
			"status": "Open",
			"from_date": f"{start}-01-01",
			"to_date": f"{start}-12-31",
			"notice_date": f"{start}-01-01",
			"due_date": f"{start}-03-31",
			"reference_currency": "USD",
			"proration": "None",
			"item": masters.ensure_item(),
			"rates": [{"currency": "CNY", "rate": RATE}],
		}
	)
	year.insert()
	# A Subscription finds the receivable account of a foreign currency on the customer only.
	accounts = {row.currency: row.receivable_account for row in year.rates}
	for member in frappe.get_all("IMTA Member", fields=["customer", "invoice_currency"], limit=0):
		customer = frappe.get_doc("Customer", member.customer)
		customer.append("accounts", {"company": company, "account": accounts[member.invoice_currency]})
		customer.flags.ignore_permissions = True
		customer.save()
	frappe.db.commit()
	return year.name


def as_of() -> str:
	import frappe

	return f"{frappe.utils.getdate().year}-01-01"


def make_subscriptions(year_name: str) -> None:
	"""One yearly subscription for each member that the run would charge, at the same price."""
	import frappe
	from frappe.utils import getdate

	from imta_crm.dues import charges, years

	year = years.get_year(year_name)
	for line in charges.assess(year, getdate(as_of())):
		decision = line.decision
		if not decision.is_charge:
			continue
		plan = f"Benchmark {decision.currency} {decision.amount}"
		if not frappe.db.exists("Subscription Plan", plan):
			frappe.get_doc(
				doctype="Subscription Plan",
				plan_name=plan,
				currency=decision.currency,
				item=year.item,
				price_determination="Fixed Rate",
				cost=float(decision.amount),
				billing_interval="Year",
				billing_interval_count=1,
				cost_center=year.cost_center,
			).insert()
		frappe.get_doc(
			doctype="Subscription",
			party_type="Customer",
			party=line.facts.customer,
			company=year.company,
			start_date=as_of(),
			generate_invoice_at="Beginning of the current subscription period",
			days_until_due=90,
			submit_invoice=1,
			plans=[{"plan": plan, "qty": 1}],
		).insert()


def as_table(options: argparse.Namespace, results: dict[str, list[dict]]) -> str:
	medians = {
		way: {key: statistics.median(r[key] for r in rows) for key in ("rate", "queries")}
		for way, rows in results.items()
	}
	lines = [
		f"{options.members} members, {options.rounds} rounds in turns, medians. {machine()}",
		"",
		"| way | invoices per second | queries per invoice | against Subscription | against plain |",
		"| --- | ---: | ---: | ---: | ---: |",
	]
	for way, label in LABELS.items():
		found = medians[way]
		lines.append(
			f"| {label} | {found['rate']:.1f} | {found['queries']:.0f} |"
			f" {found['rate'] / medians[SUBSCRIPTION]['rate']:.1f} × |"
			f" {found['rate'] / medians[PLAIN]['rate']:.1f} × |"
		)
	return "\n".join(lines)


if __name__ == "__main__":
	main(__file__, "Benchmark of the dues run", measure, job, members=100, rounds=3)
