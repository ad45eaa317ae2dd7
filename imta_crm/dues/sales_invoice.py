"""What the dues ask of a Sales Invoice that belongs to a Dues Charge. Other invoices are left alone.

A charge has at most one live invoice. `imta_live_charge` is unique in the database and holds the charge's
name as long as the invoice is live, as a draft and submitted; cancelling or deleting the invoice sets the
charge free for one replacement. So two people, two workers or an amendment beside a run cannot both win,
whoever looked first. A credit note names the charge for the reports and is never its live invoice.
"""

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.query_builder import Case

from imta_crm.erp.invoices import WRITES_CHARGE


class DuesInvoiceError(frappe.ValidationError):
	"""A Sales Invoice does not fit the Dues Charge that it names."""


class DuplicateLiveInvoice(DuesInvoiceError):
	"""The charge has a live invoice already."""


CLOSED_STATES = ("Waived", "Void")
CREDIT = "Downgrade Credit"


def validate(doc: Document, method: str | None = None) -> None:
	"""Check that invoice and charge belong together and claim the charge. Raises DuesInvoiceError."""
	if doc.is_return:
		link_credit_note(doc)
	if not doc.get("imta_dues_charge"):
		doc.imta_live_charge = None
		return
	if doc.is_return:
		doc.imta_live_charge = None
		return
	if not doc.flags.get(WRITES_CHARGE):
		check_charge(doc)
	doc.imta_live_charge = doc.imta_dues_charge


def link_credit_note(doc: Document) -> None:
	"""A credit note on a dues invoice belongs to the same member and, unless it names one, the same charge."""
	if not doc.return_against or (doc.get("imta_dues_charge") and doc.get("imta_member")):
		return
	charge, member = frappe.db.get_value(
		"Sales Invoice", doc.return_against, ["imta_dues_charge", "imta_member"]
	) or (None, None)
	doc.imta_dues_charge = doc.get("imta_dues_charge") or charge
	doc.imta_member = doc.get("imta_member") or member


def check_charge(doc: Document) -> None:
	"""Raises DuesInvoiceError, or DuplicateLiveInvoice where another invoice holds the charge."""
	charge = frappe.db.get_value(
		"Dues Charge",
		doc.imta_dues_charge,
		["member", "customer", "status", "company", "charge_type"],
		as_dict=True,
	)
	if not charge:
		frappe.throw(_("Dues Charge {0} does not exist.").format(doc.imta_dues_charge), DuesInvoiceError)
	if charge.status in CLOSED_STATES:
		frappe.throw(
			_("Dues Charge {0} is {1}: nothing is to be invoiced for it.").format(
				doc.imta_dues_charge, _(charge.status)
			),
			DuesInvoiceError,
		)
	if charge.charge_type == CREDIT:
		frappe.throw(
			_("Dues Charge {0} is a credit: only a credit note can name it.").format(doc.imta_dues_charge),
			DuesInvoiceError,
		)
	# A charge that has never been invoiced may not know its customer yet; the member does.
	customer = charge.customer or frappe.db.get_value("Customer", {"imta_member": charge.member})
	if customer != doc.customer:
		frappe.throw(
			_("Dues Charge {0} is for customer {1}, this invoice for {2}.").format(
				doc.imta_dues_charge, customer or charge.member, doc.customer
			),
			DuesInvoiceError,
		)
	if charge.company and charge.company != doc.company:
		frappe.throw(
			_("Dues Charge {0} is owed to {1}, this invoice is from {2}.").format(
				doc.imta_dues_charge, charge.company, doc.company
			),
			DuesInvoiceError,
		)
	# For a message that helps; what keeps it so is the unique key.
	other = frappe.db.get_value(
		"Sales Invoice", {"imta_live_charge": doc.imta_dues_charge, "name": ("!=", doc.name or "")}
	)
	if other:
		frappe.throw(
			_("Dues Charge {0} is invoiced already: {1}. Cancel that invoice first.").format(
				doc.imta_dues_charge, other
			),
			DuplicateLiveInvoice,
		)
	doc.imta_member = charge.member


def on_submit(doc: Document, method: str | None = None) -> None:
	"""Tell the charge its live invoice, or the charge of a credit its credit note."""
	if not doc.get("imta_dues_charge") or doc.flags.get(WRITES_CHARGE):
		return
	if doc.is_return:
		settle_credit(doc)
		return
	frappe.db.set_value(
		"Dues Charge",
		doc.imta_dues_charge,
		{"sales_invoice": doc.name, "status": "Invoiced", "error": None},
	)


def settle_credit(doc: Document) -> None:
	"""A credit note made by hand, such as an amended one, settles the credit that it names."""
	charge = frappe.qb.DocType("Dues Charge")
	(
		frappe.qb.update(charge)
		.set(charge.sales_invoice, doc.name)
		.set(charge.status, "Invoiced")
		.set(charge.error, None)
		.set(charge.modified, frappe.utils.now())
		.set(charge.modified_by, frappe.session.user)
		.where(
			(charge.name == doc.imta_dues_charge)
			& (charge.charge_type == CREDIT)
			& charge.status.isin(("Pending", "Failed"))
		)
	).run()
	frappe.clear_document_cache("Dues Charge", doc.imta_dues_charge)


def before_cancel(doc: Document, method: str | None = None) -> None:
	"""Give the charge up; written together with the cancellation."""
	if doc.get("imta_live_charge"):
		doc.imta_live_charge = None


def on_cancel(doc: Document, method: str | None = None) -> None:
	"""Set the charge free for one replacement."""
	free_charge(doc)


def on_trash(doc: Document, method: str | None = None) -> None:
	"""Same for an invoice that is deleted without having been cancelled by the book."""
	free_charge(doc)


def free_charge(doc: Document) -> None:
	"""Pending again, unless waived meanwhile, and only where this invoice is the one that it names."""
	if not doc.get("imta_dues_charge"):
		return
	charge = frappe.qb.DocType("Dues Charge")
	(
		frappe.qb.update(charge)
		.set(charge.sales_invoice, None)
		.set(charge.status, Case().when(charge.status == "Invoiced", "Pending").else_(charge.status))
		.set(charge.modified, frappe.utils.now())
		.set(charge.modified_by, frappe.session.user)
		.where((charge.name == doc.imta_dues_charge) & (charge.sales_invoice == doc.name))
	).run()
	frappe.clear_document_cache("Dues Charge", doc.imta_dues_charge)
