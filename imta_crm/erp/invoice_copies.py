"""What a customer may read of the own invoices for sessions and activities.

Nothing here checks permissions: the calling module has done so on its own document.
"""

from __future__ import annotations

import frappe

INVOICE = "Sales Invoice"


def of_customers(customers: list[str], limit: int = 50) -> list[frappe._dict]:
	"""Submitted invoices and credit notes about sessions and activities, the latest first.

	Amounts are in the currency of each; `outstanding_amount` is what is still to be paid of it.
	"""
	if not customers:
		return []
	return frappe.get_all(
		INVOICE,
		{"customer": ("in", customers), "docstatus": 1, "imta_event": ("is", "set")},
		[
			"name",
			"posting_date",
			"due_date",
			"grand_total",
			"outstanding_amount",
			"currency",
			"is_return",
			"imta_event_doctype",
			"imta_event",
		],
		order_by="posting_date desc, name desc",
		limit=limit,
	)


def is_of(invoice: str, customers: list[str]) -> bool:
	"""Whether this is one of `of_customers`."""
	return bool(
		customers
		and frappe.db.exists(
			INVOICE,
			{
				"name": invoice,
				"customer": ("in", customers),
				"docstatus": 1,
				"imta_event": ("is", "set"),
			},
		)
	)


def pdf(invoice: str) -> bytes:
	"""The invoice as the secretariat prints it."""
	before = frappe.flags.ignore_print_permissions
	frappe.flags.ignore_print_permissions = True
	try:
		return frappe.get_print(INVOICE, invoice, as_pdf=True)
	finally:
		frappe.flags.ignore_print_permissions = before
