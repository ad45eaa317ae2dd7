"""Money received, as ERPNext Payment Entries."""

from __future__ import annotations

from datetime import date

from frappe.utils import flt


def receive(
	invoice: str,
	*,
	amount: float,
	on: date,
	account: str,
	reference_no: str,
	reference_date: date | None = None,
) -> str:
	"""Submit a Payment Entry for a Sales Invoice and return its name.

	:param amount: in the invoice's currency; what exceeds the open amount stays unallocated with the customer
	:param on: posting date
	:param account: ledger account of type Bank or Cash, in the invoice's currency
	"""
	from erpnext.accounts.doctype.payment_entry.payment_entry import get_payment_entry

	entry = get_payment_entry("Sales Invoice", invoice, bank_account=account, reference_date=on)
	open_amount = flt(entry.references[0].outstanding_amount) if entry.references else 0.0
	entry.posting_date = on
	entry.reference_no = reference_no
	entry.reference_date = reference_date or on
	entry.paid_amount = entry.received_amount = amount
	if entry.references:
		entry.references[0].allocated_amount = min(amount, open_amount)
	entry.set_amounts()
	entry.submit()
	return entry.name
