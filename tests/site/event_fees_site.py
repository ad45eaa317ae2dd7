"""What the tests of fees share: books that take today's invoices, members who owe, and a look at the ledger."""

from __future__ import annotations

from datetime import datetime

import frappe
import pytest
from frappe.utils import flt, getdate

from imta_crm.erp import masters
from imta_crm.seating import billing
from tests.site.factories import make_member, make_tier
from tests.site.seating_factories import (
	DELEGATE,
	ENROLLMENT,
	SESSION,
	booking,
	enroll,
	make_guest,
	make_person,
)

USD_FEES = {
	"fee_currency": "USD",
	"fees": [{"participant_type": "Member", "fee": 100}, {"participant_type": "Guest", "fee": 300}],
}
RATE = 7.1


def open_books() -> None:
	"""A fiscal year that holds today and a rate from dollars to the company's currency."""
	from erpnext.accounts.utils import FiscalYearError, get_fiscal_year

	company = masters.default_company()
	try:
		get_fiscal_year(getdate(), company=company)
	except FiscalYearError:
		year = getdate().year
		frappe.get_doc(
			{
				"doctype": "Fiscal Year",
				"year": f"T{year}",
				"year_start_date": f"{year}-01-01",
				"year_end_date": f"{year}-12-31",
			}
		).insert()
	rate("USD", "CNY", RATE)


def rate(one: str, other: str, value: float, on=None) -> None:
	frappe.db.delete("Currency Exchange", {"from_currency": one, "to_currency": other})
	frappe.get_doc(
		{
			"doctype": "Currency Exchange",
			"date": on or getdate(),
			"from_currency": one,
			"to_currency": other,
			"exchange_rate": value,
			"for_selling": 1,
			"for_buying": 1,
		}
	).insert()


def in_june(day: int) -> datetime:
	"""A morning of next June: days of one calendar year, whatever the day of the test."""
	return datetime(getdate().year + 1, 6, day, 9)


def member_of(currency: str = "USD", free: int = 0, **fields):
	tier = make_tier(free_seats=free).name
	return make_member(tier=tier, invoice_currency=currency, **fields)


def seat(event, member=None, **how):
	return enroll(event, make_person(member=member) if member else make_guest(**how))


def of(booked, event):
	return booking(booked, ENROLLMENT if event.doctype == SESSION else DELEGATE)


def settle(event):
	done = billing.settle_event(event.doctype, event.name, invoice=True)
	event.reload()
	return done


def invoices(event, **filters):
	filters = {"imta_event": event.name, "is_return": 0, "docstatus": 1, **filters}
	names = frappe.get_all("Sales Invoice", filters, pluck="name", order_by="creation, name")
	return [frappe.get_doc("Sales Invoice", name) for name in names]


def assert_ledger(invoice, *, outstanding: float, total: float | None = None) -> None:
	"""Invoice, Payment Ledger and General Ledger say the same, to the cent."""
	invoice.reload()
	assert invoice.outstanding_amount == pytest.approx(outstanding, abs=0.001)
	if total is not None:
		assert invoice.grand_total == pytest.approx(total, abs=0.001)
	open_amount = frappe.db.sql(
		"""select sum(amount_in_account_currency) from `tabPayment Ledger Entry`
		where against_voucher_no = %s and delinked = 0""",
		invoice.name,
	)[0][0]
	assert flt(open_amount, 2) == flt(outstanding, 2)
	vouchers = [
		invoice.name,
		*frappe.get_all("Sales Invoice", {"return_against": invoice.name}, pluck="name"),
	]
	debit, credit = frappe.db.sql(
		"select sum(debit), sum(credit) from `tabGL Entry` where voucher_no in %s and is_cancelled = 0",
		[vouchers],
	)[0]
	assert flt(debit, 2) == flt(credit, 2)
	owed = frappe.db.sql(
		"""select sum(debit_in_account_currency - credit_in_account_currency) from `tabGL Entry`
		where against_voucher = %s and is_cancelled = 0 and party = %s""",
		(invoice.name, invoice.customer),
	)[0][0]
	assert flt(owed, 2) == flt(outstanding, 2)


def pay(invoice, amount: float):
	from imta_crm.erp.payments import receive

	account = masters.ensure_bank_account(invoice.company, invoice.currency)
	return receive(invoice.name, amount=amount, on=getdate(), account=account, reference_no="TRANSFER")
