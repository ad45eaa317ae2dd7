"""Short ways to what the treasurer does in ERPNext: bill a member, take money, credit, write off.

Amounts are in the member's currency. Nothing commits: the test's rollback ends it all.
"""

from __future__ import annotations

from datetime import date

import frappe
from frappe.utils import flt, getdate

from imta_crm.dues import charges
from tests.site.dues_site import CNY_RATE, company, make_year
from tests.site.factories import make_member, next_number

AS_OF = date(2023, 2, 1)


def past_year(**fields):
	"""A dues year 2023, booked on its notice date, due on 31 March 2023: overdue by any clock."""
	return make_year("2023", **{"posting_date_rule": "Notice Date", **fields})


def billed(year, currency: str = "USD", **fields):
	"""(member, submitted invoice) of a new member who joined before the year."""
	member = make_member(
		joined_on=date(2020, 1, 1),
		invoice_currency=currency,
		email=fields.pop("email", f"office{next_number()}@alps.example"),
		**fields,
	)
	return member, bill(year, member.name)


def bill(year, member: str):
	"""Charge a member for the year and return the submitted invoice."""
	charges.plan(year, AS_OF, only=[member])
	invoice = charges.invoice_one(charges.charge_name(year.name, member))
	return frappe.get_doc("Sales Invoice", invoice)


def charge_of(invoice):
	return frappe.get_doc("Dues Charge", invoice.imta_dues_charge)


def rate_of(currency: str) -> float:
	return CNY_RATE if currency == "USD" else 1.0


def account(account_type: str) -> str:
	return frappe.get_all(
		"Account",
		{"company": company(), "account_type": account_type, "is_group": 0, "account_currency": "CNY"},
		pluck="name",
		limit=1,
	)[0]


def pay(invoice, amount: float | None = None, *, allocated: float | None = None, on: str = "2023-02-10"):
	"""A submitted Payment Entry over `amount` of which `allocated` (all that fits) goes to the invoice."""
	amount = invoice.grand_total if amount is None else amount
	allocated = min(amount, invoice.outstanding_amount) if allocated is None else allocated
	rate = rate_of(invoice.currency)
	entry = frappe.new_doc("Payment Entry")
	entry.update(
		{
			"payment_type": "Receive",
			"company": invoice.company,
			"posting_date": on,
			"party_type": "Customer",
			"party": invoice.customer,
			"paid_from": invoice.debit_to,
			"paid_from_account_currency": invoice.currency,
			"paid_to": account("Cash"),
			"paid_to_account_currency": "CNY",
			"source_exchange_rate": rate,
			"target_exchange_rate": 1,
			"paid_amount": amount,
			"received_amount": flt(amount * rate, 2),
			"reference_no": "TRANSFER",
			"reference_date": getdate(on),
		}
	)
	if allocated:
		entry.append(
			"references",
			{
				"reference_doctype": "Sales Invoice",
				"reference_name": invoice.name,
				"allocated_amount": allocated,
			},
		)
	entry.insert()
	entry.submit()
	invoice.reload()
	return entry


def credit(invoice, amount: float | None = None, *, on_itself: bool = False, on: str = "2023-02-12"):
	"""A submitted credit note as made from the invoice's form; `on_itself`: left open by ERPNext."""
	from erpnext.accounts.doctype.sales_invoice.sales_invoice import make_sales_return

	note = make_sales_return(invoice.name)
	note.update({"set_posting_time": 1, "posting_date": on, "due_date": on, "payment_schedule": []})
	note.update_outstanding_for_self = int(on_itself)
	if amount:
		note.items[0].update({"rate": amount, "price_list_rate": amount})
		note.ignore_pricing_rule = 1
	note.insert()
	note.submit()
	invoice.reload()
	return note


def journal(invoice, amount: float | None = None, kind: str = "Write Off Entry", on: str = "2023-02-14"):
	"""A submitted Journal Entry against the invoice: a write-off, or money for a Bank Entry."""
	amount = invoice.outstanding_amount if amount is None else amount
	rate = rate_of(invoice.currency)
	contra = account("Cash") if kind == "Bank Entry" else account("Round Off")
	entry = frappe.new_doc("Journal Entry")
	entry.update(
		{
			"voucher_type": kind,
			"company": invoice.company,
			"posting_date": on,
			"multi_currency": 1,
			"cheque_no": "J",
			"cheque_date": on,
		}
	)
	cost_center = frappe.get_cached_value("Company", invoice.company, "cost_center")
	entry.append(
		"accounts",
		{
			"account": invoice.debit_to,
			"account_currency": invoice.currency,
			"exchange_rate": rate,
			"party_type": "Customer",
			"party": invoice.customer,
			"credit_in_account_currency": amount,
			"reference_type": "Sales Invoice",
			"reference_name": invoice.name,
			"cost_center": cost_center,
		},
	)
	entry.append(
		"accounts",
		{
			"account": contra,
			"account_currency": "CNY",
			"exchange_rate": 1,
			"debit_in_account_currency": flt(amount * rate, 2),
			"cost_center": cost_center,
		},
	)
	entry.insert()
	entry.submit()
	invoice.reload()
	return entry
