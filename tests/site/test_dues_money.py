"""Dues to the cent where things are unusual: late joiners, other companies' currencies, and what ERPNext refuses."""

from datetime import date

import frappe
import pytest
from erpnext.accounts.doctype.payment_entry.payment_entry import get_payment_entry
from frappe.utils import add_days, getdate

from imta_crm.dues import charges, reminders, runner, standing, years
from imta_crm.dues.sales_invoice import DuesInvoiceError
from imta_crm.erp import invoices, ledger, masters
from tests.site.dues_books import AS_OF, billed, credit, journal, past_year, pay
from tests.site.dues_site import committed, company, ensure_fiscal_year, make_year
from tests.site.factories import make_change, make_member


def bill(year, member, as_of=AS_OF):
	charges.plan(year, as_of, only=[member.name])
	name = charges.charge_name(year.name, member.name)
	charges.invoice_one(name)
	return frappe.get_doc("Dues Charge", name)


def live_invoices(charge: str) -> int:
	return frappe.db.sql(
		"select count(*) from `tabSales Invoice` where imta_dues_charge = %s and docstatus = 1 and is_return = 0",
		charge,
	)[0][0]


def books_of(invoice: str) -> tuple[float, float, float]:
	"""Debit and credit in the company's currency, and the receivable in the account's."""
	rows = frappe.get_all(
		"GL Entry",
		{"voucher_no": invoice, "is_cancelled": 0},
		["debit", "credit", "party", "debit_in_account_currency"],
	)
	return (
		round(sum(row.debit for row in rows), 2),
		round(sum(row.credit for row in rows), 2),
		round(sum(row.debit_in_account_currency for row in rows if row.party), 2),
	)


# Amounts


@pytest.mark.parametrize(
	("proration", "joined", "amount"),
	[
		("Monthly", date(2023, 5, 20), 4685.87),  # 1,000 × 7.0288 × 8/12
		("Daily", date(2023, 5, 20), 4352.08),  # × 226/365
		("None", date(2023, 5, 20), 7028.8),
		("Daily", date(2023, 12, 31), 19.26),
	],
)
def test_late_joiner_in_cny_is_rounded_once(site, proration, joined, amount):
	year = past_year(proration=proration)
	member = make_member(joined_on=joined, invoice_currency="CNY")
	charge = bill(year, member, date(2023, 12, 31))
	assert (charge.status, charge.amount) == ("Invoiced", amount), charge.error
	assert books_of(charge.sales_invoice) == (amount, amount, amount)


def test_upgrade_in_mid_year_in_cny(site):
	year = past_year()
	member, _invoice = billed(year, "CNY")
	change = make_change(member.name, "Upgrade", new_tier="Council", effective_date="2023-05-01")
	charge = frappe.get_doc("Dues Charge", charges.charge_name(year.name, member.name, change.name))
	assert (charge.status, charge.amount, charge.currency) == ("Invoiced", 4685.87, "CNY"), charge.error
	assert books_of(charge.sales_invoice) == (4685.87, 4685.87, 4685.87)


def test_company_that_keeps_its_books_in_dollars(site):
	home = dollar_company()
	year = make_year(
		"2023 USD",
		posting_date_rule="Notice Date",
		company=home,
		income_account=masters.ensure_income_account(home),
		rates=[{"currency": "CNY", "rate": 7.028812345, "rate_date": "2023-01-01"}],
	)
	cny, usd = (make_member(invoice_currency=code, joined_on=date(2020, 1, 1)) for code in ("CNY", "USD"))
	charge = bill(year, cny)
	assert (charge.status, charge.amount) == ("Invoiced", 7028.81), charge.error
	invoice = frappe.get_doc("Sales Invoice", charge.sales_invoice)
	assert (invoice.grand_total, invoice.base_grand_total) == (7028.81, 1000)
	assert books_of(invoice.name) == (1000, 1000, 7028.81)
	assert bill(year, usd).amount == 1000


def dollar_company() -> str:
	name = "Alliance Foundation"
	frappe.get_doc(
		{
			"doctype": "Company",
			"company_name": name,
			"abbr": "AF",
			"default_currency": "USD",
			"country": "China",
			"create_chart_of_accounts_based_on": "Existing Company",
			"existing_company": company(),
		}
	).insert()
	return name


def test_year_that_is_not_a_calendar_year(site):
	ensure_fiscal_year(2024)
	year = make_year(
		"2023 July",
		posting_date_rule="Notice Date",
		from_date="2023-07-01",
		to_date="2024-06-30",
		notice_date="2023-07-05",
		due_date="2023-09-30",
	)
	member = make_member(joined_on=date(2024, 2, 10), invoice_currency="USD")
	charge = bill(year, member, date(2024, 2, 10))
	assert (charge.status, charge.amount) == ("Invoiced", 416.67), charge.error  # 5 of 12 months
	assert str(charge.due_date) == "2024-05-07"


# One live invoice


def test_cancelled_and_run_again_leaves_one_live_invoice(site):
	year = past_year()
	member, invoice = billed(year)
	for _again in range(2):
		invoice.cancel()
		charge = bill(year, member)
		assert charge.status == "Invoiced"
		invoice = frappe.get_doc("Sales Invoice", charge.sales_invoice)
	assert live_invoices(charge.name) == 1


def test_amended_invoice_is_the_live_one_and_the_run_makes_none(site):
	year = past_year()
	member, invoice = billed(year)
	invoice.cancel()
	amended = frappe.copy_doc(invoice)
	amended.update({"amended_from": invoice.name, "docstatus": 0})
	amended.insert()
	charge = bill(year, member)
	assert charge.status == "Failed" and charge.error
	amended.submit()
	charge.reload()
	assert (charge.status, charge.sales_invoice) == ("Invoiced", amended.name)
	bill(year, member)
	assert live_invoices(charge.name) == 1


def test_deleted_draft_frees_the_charge(site):
	year = past_year()
	member, invoice = billed(year)
	invoice.cancel()
	draft = frappe.copy_doc(invoice)
	draft.update({"amended_from": invoice.name, "docstatus": 0})
	draft.insert()
	frappe.delete_doc("Sales Invoice", draft.name)
	assert bill(year, member).status == "Invoiced"
	assert live_invoices(invoice.imta_dues_charge) == 1


def test_invoice_by_hand_for_a_charge_of_another_member_is_refused(site):
	year = past_year()
	_member, invoice = billed(year)
	other = make_member(joined_on=date(2020, 1, 1), invoice_currency="USD")
	charges.plan(year, AS_OF, only=[other.name])
	name = charges.charge_name(year.name, other.name)
	for customer in (other.customer, None):
		frappe.db.set_value("Dues Charge", name, "customer", customer)
		by_hand = frappe.copy_doc(invoice)
		by_hand.update({"docstatus": 0, "imta_dues_charge": name, "imta_live_charge": None})
		with pytest.raises(DuesInvoiceError):
			by_hand.insert()


# What ERPNext refuses stays on the member, and nothing is written half way


def refused_by_disabled_customer(year, member):
	frappe.db.set_value("Customer", member.customer, "disabled", 1)


def refused_by_disabled_item(year, member):
	frappe.db.set_value("Item", year.item, "disabled", 1)
	frappe.clear_document_cache("Item", year.item)


def refused_by_disabled_account(year, member):
	frappe.db.set_value("Account", year.income_account, "disabled", 1)
	frappe.clear_document_cache("Account", year.income_account)


def refused_by_closed_period(year, member):
	frappe.get_doc(
		{
			"doctype": "Accounting Period",
			"period_name": "Closed",
			"company": year.company,
			"start_date": "2023-01-01",
			"end_date": "2023-12-31",
			"closed_documents": [{"document_type": "Sales Invoice", "closed": 1}],
		}
	).insert()


@pytest.mark.parametrize(
	"obstacle",
	[
		refused_by_disabled_customer,
		refused_by_disabled_item,
		refused_by_disabled_account,
		refused_by_closed_period,
	],
)
def test_refusal_is_recorded_and_nothing_is_half_written(site, obstacle):
	year = past_year()
	member = make_member(joined_on=date(2020, 1, 1), invoice_currency="USD")
	obstacle(year, member)
	charge = bill(year, member)
	assert (charge.status, charge.sales_invoice) == ("Failed", None)
	assert charge.error and "Traceback" not in charge.error and "<" not in charge.error
	assert not frappe.db.exists("Sales Invoice", {"imta_dues_charge": charge.name})
	assert not frappe.db.exists("GL Entry", {"party": member.customer})
	assert not frappe.db.exists("Payment Ledger Entry", {"party": member.customer})


def test_fiscal_year_that_is_missing_is_said_before_anything_is_made(site):
	year = make_year("2023")
	with pytest.raises(years.DuesYearNotReady, match="fiscal year"):
		years.check_ready(year, date(1990, 1, 1))


def test_a_closed_year_invoices_nobody(site):
	year = past_year()
	member = make_member(joined_on=date(2020, 1, 1), invoice_currency="USD")
	charges.plan(year, AS_OF, only=[member.name])
	year.status = "Closed"
	year.save()
	charge = frappe.get_doc("Dues Charge", charges.charge_name(year.name, member.name))
	with pytest.raises(years.DuesYearNotReady):
		charge.invoice_now()
	assert frappe.db.get_value("Dues Charge", charge.name, "status") == "Pending"


# The ledger and the standing


def test_credit_after_part_payment_leaves_the_rest(site):
	year = past_year()
	_member, invoice = billed(year)
	pay(invoice, 600)
	credit(invoice, 300)
	[found] = ledger.charge_standings([invoice.imta_dues_charge]).values()
	assert (found.charged, found.paid, found.credited, found.outstanding) == (1000, 600, 300, 100)
	journal(invoice, 100)
	[found] = ledger.charge_standings([invoice.imta_dues_charge]).values()
	assert (found.written_off, found.outstanding, found.state(getdate())) == (100, 0, "Paid")


def test_payment_in_another_currency_with_a_difference_of_exchange(site):
	"""The dollars arrive in the bank as CNY at another rate: the invoice is paid, the gain is ERPNext's matter."""
	year = past_year()
	_member, invoice = billed(year)
	cash = frappe.get_all(
		"Account", {"company": company(), "account_type": "Cash", "is_group": 0}, pluck="name"
	)[0]
	entry = get_payment_entry("Sales Invoice", invoice.name, bank_account=cash)
	entry.update({"posting_date": "2023-02-20", "reference_no": "FX", "reference_date": "2023-02-20"})
	entry.source_exchange_rate = 6.9
	entry.received_amount = 6900
	entry.paid_amount = 1000
	entry.set_amounts()
	if entry.difference_amount:
		entry.append(
			"deductions",
			{
				"account": frappe.get_cached_value("Company", company(), "exchange_gain_loss_account"),
				"cost_center": frappe.get_cached_value("Company", company(), "cost_center"),
				"amount": entry.difference_amount,
			},
		)
		entry.set_amounts()
	entry.submit()
	[found] = ledger.charge_standings([invoice.imta_dues_charge]).values()
	assert (found.paid, found.written_off, found.outstanding) == (1000, 0, 0)
	assert ledger.standing_of([invoice.customer])[invoice.customer].items == ()


def test_standing_moves_exactly_at_its_days(site):
	year = past_year(grace_days=5, arrears_after_days=10, suspend_after_days=20)
	member, invoice = billed(year)
	due = getdate(invoice.due_date)
	status = lambda: frappe.db.get_value("IMTA Member", member.name, "status")  # noqa: E731
	for days, expected in ((15, "Active"), (16, "In Arrears"), (25, "In Arrears"), (26, "Suspended")):
		standing.update_member(member.name, add_days(due, days))
		assert status() == expected, days
	pay(invoice, on=str(add_days(due, 26)))
	standing.update_member(member.name, add_days(due, 26))
	assert status() == "Active"


def test_advance_that_is_not_matched_keeps_the_member_active(site):
	year = past_year()
	member, invoice = billed(year)
	pay(invoice, 1000, allocated=0)
	standing.update_member(member.name)
	assert frappe.db.get_value("IMTA Member", member.name, "status") == "Active"
	assert not ledger.amounts_due([invoice.customer])


# Reminders


def test_a_broken_template_stops_nobody_else(site):
	broken = frappe.get_doc(
		{"doctype": "Email Template", "name": "Broken", "subject": "S", "response": "x", "enabled": 1}
	).insert()
	frappe.db.set_value("Email Template", broken.name, "response", "{{ names[99].x }} {% if %}")
	frappe.clear_document_cache("Email Template", broken.name)
	year = past_year(
		reminders=[
			{"rule_name": "First", "days": 7, "enabled": 1, "email_template_en": "Broken"},
			{"rule_name": "Dues Notice", "days": 0, "enabled": 0},
		]
	)
	_member, invoice = billed(year, preferred_language="en")
	_silent, other = billed(year, email=None)
	counts = reminders.send_due("2023-05-01", [invoice.imta_dues_charge, other.imta_dues_charge])
	assert counts == {"failed": 1, "skipped": 1}
	log = frappe.get_doc("Dues Reminder Log", {"charge": invoice.imta_dues_charge})
	assert (log.status, bool(log.skipped_reason)) == ("Failed", True)
	pay(invoice)
	assert reminders.send_due("2023-05-01", [invoice.imta_dues_charge]) == {}


# The block that makes many invoices


def test_reads_in_the_block_see_every_way_of_writing(site):
	year = past_year()
	name = year.item
	with invoices.many_invoices():
		for write in (
			lambda value: frappe.db.set_value("Item", name, "description", value),
			lambda value: frappe.db.sql("update tabItem set description=%s where name=%s", (value, name)),
			lambda value: frappe.get_doc("Item", name).db_set("description", value),
			lambda value: (
				frappe.qb.update(frappe.qb.DocType("Item"))
				.set("description", value)
				.where(frappe.qb.DocType("Item").name == name)
				.run()
			),
			lambda value: frappe.db.bulk_update("Item", {name: {"description": value}}),
		):
			for value in ("one", "two"):
				write(value)
				assert frappe.db.get_value("Item", name, "description") == value
				assert frappe.get_all("Item", {"name": name}, pluck="description") == [value]
		frappe.db.set_single_value("Selling Settings", "territory", None)
		assert not frappe.db.get_single_value("Selling Settings", "territory")


def test_a_period_that_closes_in_between_counts_at_once(site):
	year = past_year()
	first, second = (make_member(joined_on=date(2020, 1, 1), invoice_currency="USD") for _ in range(2))
	with invoices.many_invoices():
		assert bill(year, first).status == "Invoiced"
		refused_by_closed_period(year, first)
		assert bill(year, second).status == "Failed"


def test_failures_in_the_block_restore_the_setting(site):
	frappe.db.set_single_value("Selling Settings", "sales_update_frequency", "Each Transaction")
	year = past_year()
	good, bad = (make_member(joined_on=date(2020, 1, 1), invoice_currency="USD") for _ in range(2))
	frappe.db.set_value("Customer", bad.customer, "disabled", 1)
	charges.plan(year, AS_OF, only=[good.name, bad.name])
	with invoices.many_invoices():
		for member in (bad, good):
			charge = charges.lock(charges.charge_name(year.name, member.name))
			runner.invoice_charge(charge, year, invoices.InvoiceNumbers(), None)
	assert frappe.db.get_single_value("Selling Settings", "sales_update_frequency") == "Each Transaction"
	assert "sql" not in vars(frappe.db)
	states = [
		frappe.db.get_value("Dues Charge", charges.charge_name(year.name, member.name), "status")
		for member in (good, bad)
	]
	assert states == ["Invoiced", "Failed"]


# Deferred revenue by ERPNext's own process


def test_deferred_revenue_is_earned_month_by_month(connected):
	frappe.set_user("Administrator")
	with committed():  # ERPNext's process commits
		account = masters.ensure_deferred_account(company())
		year = past_year(deferred_revenue=1, deferred_account=account)
		_member, invoice = billed(year, "CNY")
		frappe.get_doc(
			{
				"doctype": "Process Deferred Accounting",
				"company": year.company,
				"type": "Income",
				"posting_date": "2023-06-30",
				"start_date": "2023-01-01",
				"end_date": "2023-06-30",
			}
		).insert().submit()
		earned = frappe.db.sql(
			"""select sum(credit - debit) from `tabGL Entry`
			where voucher_no = %s and account = %s and is_cancelled = 0""",
			(invoice.name, year.income_account),
		)[0][0]
	assert abs(float(earned or 0) - 7028.8 / 2) < 60  # ERPNext counts months or days, as the site has chosen
