"""What fees ask of a Sales Invoice that names a session or activity. Other invoices are left alone.

`imta_live_event_invoice` is unique in the database as long as the invoice is live, as a draft and submitted, so
a job and somebody at ERPNext's form cannot both invoice the same people: whoever comes second is told.
Cancelling or deleting the invoice sets its bookings free for one replacement. A credit note that was made by
hand counts as if the alliance had forgiven that part of the fee.
"""

from __future__ import annotations

from decimal import Decimal

import frappe
from frappe import _
from frappe.model.document import Document

from imta_crm.erp import event_invoices
from imta_crm.erp.event_invoices import WRITES_FEES
from imta_crm.policy import fees as rules
from imta_crm.policy.seating import CANCELLED
from imta_crm.seating import billing, fees, kinds, record
from imta_crm.seating.kinds import KINDS, Kind

ZERO = Decimal(0)


class FeeInvoiceError(frappe.ValidationError):
	"""A Sales Invoice does not fit the session or activity that it names."""


class DuplicateFeeInvoice(FeeInvoiceError):
	"""Somebody on it is invoiced already."""


def validate(doc: Document, method: str | None = None) -> None:
	"""Check that invoice and bookings belong together and claim the key. Raises FeeInvoiceError."""
	if doc.is_return:
		link_credit_note(doc)
	if not doc.get("imta_event") or doc.is_return:
		doc.imta_live_event_invoice = None
		return
	if doc.flags.get(WRITES_FEES):
		return
	check_bookings(doc)
	taken = {
		each.imta_live_event_invoice
		for each in event_invoices.live(doc.imta_event, doc.customer)
		if each.name != doc.name
	}
	if not doc.imta_live_event_invoice or doc.imta_live_event_invoice in taken:
		doc.imta_live_event_invoice = billing.free_key(doc.imta_event, doc.customer, taken)


def link_credit_note(doc: Document) -> None:
	"""A credit note belongs to the event of the invoice that it returns, and its rows to the same people."""
	if not doc.return_against:
		return
	source = frappe.db.get_value(
		"Sales Invoice", doc.return_against, ["imta_event_doctype", "imta_event", "imta_member"], as_dict=True
	)
	if not source or not source.imta_event:
		return
	doc.imta_event_doctype, doc.imta_event = source.imta_event_doctype, source.imta_event
	doc.imta_member = doc.get("imta_member") or source.imta_member
	people = {
		row.name: booking for (_invoice, booking), row in event_invoices.rows_of([doc.return_against]).items()
	}
	for row in doc.items:
		row.imta_booking = people.get(row.sales_invoice_item) or row.get("imta_booking")


def check_bookings(doc: Document) -> None:
	"""Raises FeeInvoiceError, or DuplicateFeeInvoice where another invoice has somebody on it."""
	kind = kind_of(doc)
	names = [row.imta_booking for row in doc.items if row.get("imta_booking")]
	if not kind or not names:
		frappe.throw(_("The fees of {0} are invoiced from its form.").format(doc.imta_event), FeeInvoiceError)
	if len(names) != len(set(names)):
		frappe.throw(_("Somebody is on this invoice twice."), DuplicateFeeInvoice)
	for name in sorted(names):
		booking = record.lock(kind.booking, name)
		if booking[kind.field] != doc.imta_event or booking.customer != doc.customer:
			frappe.throw(
				_("{0} is not for {1} and customer {2}.").format(name, doc.imta_event, doc.customer),
				FeeInvoiceError,
			)
		if booking.sales_invoice and booking.sales_invoice != doc.name:
			frappe.throw(
				_("{0} is invoiced already: {1}. Cancel that invoice first.").format(
					booking.participant_name, booking.sales_invoice
				),
				DuplicateFeeInvoice,
			)


def on_submit(doc: Document, method: str | None = None) -> None:
	"""Tell the bookings their invoice, or what a credit note has left of their fees."""
	kind = kind_of(doc)
	if not kind or doc.flags.get(WRITES_FEES):
		return
	if doc.is_return:
		follow_credit(kind, doc)
		return
	for row in doc.items:
		if row.get("imta_booking"):
			booking = record.lock(kind.booking, row.imta_booking)
			due = fees.amount_of(booking.fee_due)
			fees.write_state(kind, booking, sales_invoice=doc.name, credit_note=None, fee_invoiced=due)


def follow_credit(kind: Kind, note: Document) -> None:
	"""A credit note by hand forgives what it returns. Where it leaves less than the rules, it counts."""
	rows = event_invoices.rows_of([note.return_against])
	credited = event_invoices.credited_on([note.return_against])
	for name in dict.fromkeys(row.imta_booking for row in note.items if row.get("imta_booking")):
		where = (note.return_against, name)
		booking = record.lock(kind.booking, name)
		if booking.sales_invoice != note.return_against or where not in rows:
			continue
		left = rules.due_after_credit(
			fees.amount_of(booking.fee_invoiced),
			row_amount=rows[where].amount,
			credited=credited.get(where, ZERO),
			currency=booking.currency,
		)
		due = min(left, fees.amount_of(booking.fee_due))
		fees.write_state(kind, booking, credit_note=note.name, fee_due=due)


def before_cancel(doc: Document, method: str | None = None) -> None:
	"""Give the key up; written together with the cancellation."""
	if doc.get("imta_live_event_invoice"):
		doc.imta_live_event_invoice = None


def on_cancel(doc: Document, method: str | None = None) -> None:
	"""Set the bookings free for one replacement."""
	free_bookings(doc)


def on_trash(doc: Document, method: str | None = None) -> None:
	"""Same for an invoice that is deleted without having been cancelled by the book."""
	free_bookings(doc)


def free_bookings(doc: Document) -> None:
	"""The bookings of this invoice are to be invoiced anew; those of this credit note owe again what they did."""
	kind = kind_of(doc)
	if not kind:
		return
	field = "credit_note" if doc.is_return else "sales_invoice"
	for name in frappe.get_all(kind.booking, {field: doc.name}, pluck="name", order_by="name"):
		booking = record.lock(kind.booking, name)
		if booking[field] != doc.name:
			continue
		if doc.is_return:
			# Somebody who comes owes the whole fee again; what is kept of a cancelled seat stays as it was.
			due = booking.fee_due if booking.status == CANCELLED else booking.fee_invoiced
			fees.write_state(kind, booking, credit_note=None, fee_due=fees.amount_of(due))
		else:
			fees.write_state(kind, booking, sales_invoice=None, credit_note=None, fee_invoiced=ZERO)


def kind_of(doc: Document) -> Kind | None:
	"""Whether it is for trainings or activities; None for other invoices."""
	doctype = doc.get("imta_event_doctype") if doc.get("imta_event") else None
	return kinds.of_event(doctype) if doctype in {kind.event for kind in KINDS} else None
