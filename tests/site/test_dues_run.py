"""A dues run: preview, figures of the roster, repetition, pause, failures of single members, permissions."""

import csv
import io

import frappe
import pytest

from imta_crm.dues import charges, runner
from imta_crm.dues.doctype.dues_run.dues_run import export_preview
from imta_crm.dues.runner import RunStateError
from imta_crm.dues.years import DuesYearNotReady
from tests.site import dues_site
from tests.site.dues_site import AS_OF, committed, figures, log, make_roster, make_run, make_year, start_here
from tests.site.factories import as_user, make_member, make_user

CNY = round(21_000 * dues_site.CNY_RATE, 2)


@pytest.fixture(scope="module")
def billed(connected):
	"""The roster, billed for 2026 by one run."""
	frappe.set_user("Administrator")
	with committed():
		make_roster()
		year = make_year()
		run = make_run(year.name)
		preview = run.preview()
		start_here(run)
		yield frappe._dict(year=year, run=run, preview=preview)
		frappe.set_user("Administrator")


@pytest.fixture
def year(site):
	return make_year("2025", notice_date="2025-01-05")


def test_preview_says_who_how_much_and_why(billed):
	preview = billed.preview
	assert preview["counts"] == {"due": 85, "skipped": 6}
	assert [(row["currency"], row["amount"]) for row in preview["totals"]] == [
		("CNY", CNY),
		("USD", 77_000.0),
	]
	assert preview["reference"] == {"currency": "USD", "amount": 98_000.0}
	exempt = [line for line in preview["lines"] if line["state"] == "skipped"]
	assert len(exempt) == 6
	assert all("exempt" in line["reason"] for line in exempt)


def test_roster_is_charged_once_and_the_ledgers_agree(billed):
	found = figures(billed.year.name)
	assert found["charges"] == found["invoiced"] == found["members"] == found["invoices"] == 85
	assert found["live"] == found["gl_vouchers"] == 85
	assert found["gl_rows"] == 170
	for key in ("charged", "billed", "outstanding", "receivable", "payment_ledger"):
		assert found[key] == {"USD": 77_000.0, "CNY": CNY}, key
	assert found["debit"] == found["credit"] == found["base"] == round(98_000 * dues_site.CNY_RATE, 2)
	billed.run.reload()
	result = (billed.run.status, billed.run.total, billed.run.charged, billed.run.failed, billed.run.skipped)
	assert result == ("Completed", 85, 85, 0, 6)


def test_running_again_makes_nothing(billed):
	before = figures(billed.year.name)
	again = make_run(billed.year.name)
	assert again.preview()["counts"] == {"charged": 85, "skipped": 6}
	start_here(again)
	assert (again.status, again.total, again.charged) == ("Completed", 0, 0), log(again.name)
	assert figures(billed.year.name) == before


def test_invoice_carries_what_the_notice_and_the_books_need(billed):
	charge = frappe.get_all(
		"Dues Charge", {"dues_year": billed.year.name, "currency": "USD", "tier": "Council"}, limit=1
	)[0]
	charge = frappe.get_doc("Dues Charge", charge.name)
	invoice = frappe.get_doc("Sales Invoice", charge.sales_invoice)
	row = invoice.items[0]
	assert invoice.docstatus == 1
	assert (invoice.imta_dues_charge, invoice.imta_live_charge) == (charge.name, charge.name)
	assert (invoice.imta_member, invoice.customer) == (charge.member, charge.customer)
	assert (str(row.service_start_date), str(row.service_end_date)) == ("2026-01-01", "2026-12-31")
	assert (str(invoice.posting_date), str(invoice.due_date)) == (AS_OF, "2026-04-10")
	assert (invoice.currency, invoice.conversion_rate) == ("USD", dues_site.CNY_RATE)
	assert frappe.db.get_value("Account", invoice.debit_to, "account_currency") == "USD"
	assert invoice.outstanding_amount == invoice.grand_total == charge.amount == 2000
	assert invoice.status in ("Unpaid", "Overdue")
	assert charge.payment_state in ("Unpaid", "Overdue")
	assert charge.outstanding == 2000


def test_second_click_changes_nothing(billed):
	run = make_run(billed.year.name)
	run.start()
	heartbeat = frappe.db.get_value("Dues Run", run.name, "heartbeat")
	run.start()
	assert frappe.db.get_value("Dues Run", run.name, "heartbeat") == heartbeat
	frappe.db.after_commit.reset()
	run.reload()
	assert run.status == "Queued"


def test_missed_days_are_caught_up_and_later_joiners_follow(year):
	early = make_member(joined_on=frappe.utils.getdate("2024-02-01"), invoice_currency="USD")
	late = make_member(joined_on=frappe.utils.getdate("2025-07-01"), invoice_currency="USD")
	only = [early.name, late.name]

	def due(as_of):
		return {
			line.facts.name for line in charges.assess(year, frappe.utils.getdate(as_of), only) if line.is_due
		}

	assert due("2025-01-04") == set()
	assert due("2025-01-05") == due("2025-06-30") == {early.name}
	assert due("2025-07-01") == due("2025-12-31") == {early.name, late.name}
	lines = charges.plan(year, frappe.utils.getdate("2025-07-15"), only=only)
	assert [line.state for line in lines] == ["due", "due"]
	charge = frappe.get_doc("Dues Charge", f"DC-{year.name}-{late.name}")
	assert (charge.amount, str(charge.covered_from), str(charge.covered_to)) == (
		500,
		"2025-07-01",
		"2025-12-31",
	)


def test_plan_follows_the_rules_until_it_is_invoiced(year):
	member = make_member(invoice_currency="USD")
	day = frappe.utils.getdate("2025-01-15")
	charges.plan(year, day, only=[member.name])
	name = charges.charge_name(year.name, member.name)
	assert frappe.db.get_value("Dues Charge", name, ["status", "amount"]) == ("Pending", 1000)
	frappe.db.set_value("IMTA Member", member.name, "invoice_currency", "CNY")
	charges.plan(year, day, only=[member.name])
	assert frappe.db.get_value("Dues Charge", name, ["currency", "amount"]) == ("CNY", 7028.8)
	frappe.db.delete("Member Tier History", {"parent": member.name})
	frappe.db.set_value("IMTA Member", member.name, "tier", "Emeritus")
	charges.plan(year, day, only=[member.name])
	assert not frappe.db.exists("Dues Charge", name)


def test_missing_rate_is_a_problem_in_the_preview_not_a_crash(year):
	member = make_member(invoice_currency="USD")
	frappe.db.set_value("IMTA Member", member.name, "invoice_currency", "EUR")
	[line] = charges.assess(year, frappe.utils.getdate("2025-02-01"), [member.name])
	assert line.state == "skipped"
	assert runner.as_row(line)["state"] == "problem"
	assert "EUR" in line.reason("en")


def test_run_needs_an_open_year_and_a_fiscal_year(year):
	run = make_run(year.name, "2025-02-01")
	frappe.db.set_value("Dues Year", year.name, "status", "Draft")
	frappe.clear_document_cache("Dues Year", year.name)
	with pytest.raises(DuesYearNotReady):
		run.start()
	frappe.db.set_value("Dues Year", year.name, "status", "Open")
	frappe.clear_document_cache("Dues Year", year.name)
	far = make_run(year.name, "2093-02-01")
	with pytest.raises(DuesYearNotReady):
		far.start()


def test_finished_and_cancelled_runs_do_not_start(year):
	run = make_run(year.name, "2025-02-01")
	run.give_up()
	run.reload()
	assert run.status == "Cancelled"
	with pytest.raises(RunStateError):
		run.start()
	with pytest.raises(RunStateError):
		run.pause()


def test_export_is_inert(year):
	make_member("=HYPERLINK(1)", invoice_currency="USD")
	run = make_run(year.name, "2025-02-01")
	export_preview(run.name)
	text = frappe.response.filecontent.decode("utf-8-sig")
	rows = list(csv.reader(io.StringIO(text)))
	assert rows[0][0] == "Member"
	assert any(row[1] == "'=HYPERLINK(1)" for row in rows)
	assert not any(cell.startswith("=") for row in rows for cell in row)


@pytest.mark.parametrize(
	("role", "may_read", "may_start"),
	[
		("Treasurer", True, True),
		("Membership Manager", True, False),
		("Alliance Leadership", True, False),
		("Liaison Officer", False, False),
		("Training Coordinator", False, False),
	],
)
def test_roles(year, role, may_read, may_start):
	run = make_run(year.name, "2025-02-01")
	with as_user(make_user(role)):
		assert bool(frappe.has_permission("Dues Run", "read", doc=run)) == may_read
		assert bool(frappe.has_permission("Dues Year", "write", doc=year)) == may_start
		if may_read:
			assert "lines" in frappe.get_doc("Dues Run", run.name).preview()
		else:
			with pytest.raises(frappe.PermissionError):
				run.preview()
		if may_start:
			run.start()
			frappe.db.after_commit.reset()
		else:
			for method in ("start", "pause", "give_up"):
				with pytest.raises(frappe.PermissionError):
					getattr(run, method)()
