"""Forgetting who took part: the person goes, the seat and its numbers stay.

Capacity, fees, hours and statistics go by the booking, which is kept without anything that says whose it was.
Invoices belong to the books and are not touched.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

import frappe
from frappe import _

from imta_crm.erp import customers
from imta_crm.policy.prospects import fold_email
from imta_crm.policy.seating import MAY_CANCEL
from imta_crm.seating import kinds, record, seats
from imta_crm.seating.seats import EnrollmentRefused

NOTICE = "Seat Notice"
#: The address of somebody who was forgotten; nothing is ever sent there.
DOMAIN = "redacted.invalid"
LINK_KEY_BYTES = 24


def bookings_of(kind: kinds.Kind, addresses: Iterable[str], user: str | None = None) -> list[str]:
	"""All bookings of whoever has one of these addresses, or is this user; also those by the same Contact."""
	folded = [fold_email(address) for address in addresses if address]
	who = {"email_folded": ("in", folded or [""]), "user": user or "\0"}
	rows = frappe.get_all(kind.booking, or_filters=who, fields=["name", "contact"], limit=0)
	contacts = {row.contact for row in rows if row.contact}
	if user:
		contacts.update(frappe.get_all("Contact", {"user": user}, pluck="name"))
	names = {row.name for row in rows}
	if contacts:
		names.update(frappe.get_all(kind.booking, {"contact": ("in", list(contacts))}, pluck="name", limit=0))
	return sorted(names)


def erase(kind: kinds.Kind, names: Iterable[str]) -> None:
	"""Take the person out of these bookings. A seat in something to come is given back. Repeating it is harmless."""
	for name in names:
		_give_back(kind, name)
		row = record.lock(kind.booking, name)
		if (row.email or "").endswith(f"@{DOMAIN}"):
			continue
		if row.email and not row.member:
			customers.erase_guest(row.email)
		email = f"{name.lower()}@{DOMAIN}"
		values: dict[str, object] = {
			"participant_name": f"redacted {name}",
			"participant_name_local": None,
			"email": email,
			"email_folded": email,
			"contact": None,
			"user": None,
			"time_zone": None,
			"remarks": None,
			"fee_problem": None,
			# With a new key the links that the person was sent lead nowhere.
			"link_key": secrets.token_hex(LINK_KEY_BYTES),
			"_comments": None,
		}
		if not row.member:
			values["organisation"] = None
		if row.live_key:
			values["live_key"] = record.live_key(row[kind.field], None, email)
		if kind.roles:
			values |= {"position": None, "contribution": None}
		record.update(kind.booking, name, values)
		_erase_around(kind.booking, name)


def erase_traces(doctype: str, name: str) -> None:
	"""What Frappe keeps about a document that names a person: versions, comments, letters, files."""
	about = {"reference_doctype": doctype, "reference_name": name}
	for kind in ("Email Queue", "Communication"):
		for each in frappe.get_all(kind, about, pluck="name", limit=0):
			delete(kind, each)
	linked = {"link_doctype": doctype, "link_name": name, "parenttype": "Communication"}
	for each in set(frappe.get_all("Communication Link", linked, pluck="parent", limit=0)):
		delete("Communication", each)
	attached = {"attached_to_doctype": doctype, "attached_to_name": name}
	for each in frappe.get_all("File", attached, pluck="name", limit=0):
		delete("File", each)
	frappe.db.delete("Version", {"ref_doctype": doctype, "docname": name})
	frappe.db.delete("Comment", {**about, "comment_type": ("!=", "Workflow")})
	frappe.db.delete("Notification Log", {"document_type": doctype, "document_name": name})


def delete(doctype: str, name: str) -> None:
	"""For good: not into Frappe's list of deleted documents, which keeps all that they said."""
	frappe.delete_doc(doctype, name, force=True, ignore_permissions=True, delete_permanently=True)


def _give_back(kind: kinds.Kind, name: str) -> None:
	if frappe.db.get_value(kind.booking, name, "status") not in MAY_CANCEL:
		return
	try:
		seats.cancel(kind.booking, name, reason=_("Erased on request"), by=frappe.session.user, by_staff=True)
	except EnrollmentRefused:
		frappe.clear_last_message()  # it is over: who had the seat is forgotten, the seat stays


def _erase_around(doctype: str, name: str) -> None:
	"""What was written to the person. Letters that wait to be sent are not sent."""
	erase_traces(doctype, name)
	notices = {"booking_doctype": doctype, "booking": name}
	for row in frappe.get_all(NOTICE, notices, ["name", "status", "email_queue"], limit=0):
		if row.email_queue and frappe.db.exists("Email Queue", row.email_queue):
			delete("Email Queue", row.email_queue)
		erase_traces(NOTICE, row.name)
		values = dict.fromkeys(("email", "subject", "problem", "message_id", "email_queue"))
		if row.status in ("Pending", "Queued", "Failed"):
			values["status"] = "Skipped"
		frappe.db.set_value(NOTICE, row.name, values, update_modified=False)
