"""What people of the secretariat do with the seats of an event and with a person's seat, from the forms.

Approving, accepting an offer and marking who came are steps of the workflow. Here is what a step cannot carry:
a reason, another person, several people at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sized

import frappe
from frappe import _
from frappe.model.document import Document

from imta_crm.liaison.zones import local_label, site_zone
from imta_crm.policy.seating import OFFERED, REQUESTED, WAITLISTED
from imta_crm.seating import kinds, people, seats
from imta_crm.seating.people import Person
from imta_crm.seating.seats import EnrollmentRefused, Outcome
from imta_crm.transactions import keep_step

CONTACT, USER = "Contact", "User"
SHOWN = 100
FOUND = 20
#: In one request, so that it ends before the web server loses patience.
AT_ONCE = 200
#: Whom the form lists, the first who decides first.
LISTED = (REQUESTED, OFFERED, WAITLISTED)


@frappe.whitelist()
def overview(event_doctype: str, event: str) -> dict:
	"""How the seats of an event stand, and who waits for a decision, an answer or a seat, in order of arrival.

	People are those that the user may see; the numbers are of all.
	"""
	kind, doc = _event(event_doctype, event, "read")
	rows = frappe.get_list(
		kind.booking,
		{kind.field: event, "status": ("in", LISTED)},
		["name", "participant_name", "organisation", "tier", "status", "queue_no", "offer_expires_at"],
		order_by="queue_no",
		limit=SHOWN * len(LISTED),
	)
	for row in rows:
		row.offer_ends = local_label(row.pop("offer_expires_at"), site_zone())
	return {
		"seats": seats.occupancy(event_doctype, event),
		"lines": {status: [row for row in rows if row.status == status][:SHOWN] for status in LISTED},
		"may_decide": frappe.has_permission(event_doctype, "write", doc=doc),
	}


@frappe.whitelist(methods=["POST"])
def offer_free_seats(event_doctype: str, event: str) -> int:
	"""Offer what is free to who waits, now; returns how many offers were made. A job does the same."""
	_event(event_doctype, event, "write")
	return seats.advance(event_doctype, event)


@frappe.whitelist(methods=["POST"])
def approve(event_doctype: str, event: str, bookings: list | str) -> list[dict]:
	"""Approve several requests, in order of arrival; each has its own outcome."""
	kind, _doc = _event(event_doctype, event, "write")
	names = _texts(bookings)
	check_at_once(names)
	rows = frappe.get_list(
		kind.booking,
		{kind.field: event, "name": ("in", names or [""]), "status": REQUESTED},
		["name", "participant_name"],
		order_by="queue_no",
		limit=0,
	)
	said = []
	for row in rows:
		try:
			booked = seats.approve(kind.booking, row.name)
		except EnrollmentRefused as error:
			frappe.clear_last_message()
			said.append(_said(row.participant_name, None, error.refusals))
		else:
			said.append(_said(row.participant_name, booked, ()))
		keep_step()  # a transaction for each: two of them would take their locks in a circle
	return said


@frappe.whitelist(methods=["POST"])
def refuse(booking_doctype: str, booking: str, reason: str) -> None:
	"""Say no to a request; the person is told why."""
	kind, doc = _booking(booking_doctype, booking)
	_event(kind.event, doc.get(kind.field), "write")
	seats.refuse(booking_doctype, booking, _reason(reason))


@frappe.whitelist(methods=["POST"])
def cancel(booking_doctype: str, booking: str, reason: str) -> None:
	"""Cancel somebody's seat, or place in line; the person is told why, and the next in line gets an offer."""
	_booking(booking_doctype, booking)
	seats.cancel(booking_doctype, booking, reason=_reason(reason), by=frappe.session.user, by_staff=True)


@frappe.whitelist(methods=["POST"])
def transfer(booking_doctype: str, booking: str, to: str) -> str:
	"""Give a seat to a colleague of the same organisation; returns the name of the new booking.

	:param to: as `find` gives it
	"""
	_kind, doc = _booking(booking_doctype, booking)
	person = person_of(to, member=doc.member)
	if not person:
		frappe.throw(_("Choose a person."), frappe.MandatoryError)
	return seats.transfer(booking_doctype, booking, person, by=frappe.session.user, by_staff=True).name


@frappe.whitelist()
def find_colleagues(booking_doctype: str, booking: str, txt: str = "") -> list[dict]:
	"""Who could take over a seat: the affiliates of the member, else whoever `find` finds."""
	_kind, doc = _booking(booking_doctype, booking)
	if not doc.member:
		return find(txt)
	wanted = (txt or "").casefold()
	return [
		_choice(CONTACT, person.contact, person.name, person.position or person.email)
		for person in people.colleagues(doc.member)
		if person.contact != doc.contact and wanted in f"{person.name} {person.email}".casefold()
	]


@frappe.whitelist()
def find(txt: str = "") -> list[dict]:
	"""Contacts that the user may see, and colleagues who use the desk, by name or address."""
	frappe.has_permission("Contact", "read", throw=True)
	wanted = f"%{(txt or '').strip()}%"
	contacts = frappe.get_list(
		"Contact",
		fields=["name", "full_name", "email_id", "company_name"],
		or_filters={field: ("like", wanted) for field in ("full_name", "email_id", "company_name")},
		order_by="full_name",
		limit=FOUND,
	)
	staff = frappe.get_all(
		"User",
		filters={"enabled": 1, "user_type": "System User", "name": ("not in", ("Administrator", "Guest"))},
		or_filters={"full_name": ("like", wanted), "email": ("like", wanted)},
		fields=["name", "full_name", "email"],
		order_by="full_name",
		limit=FOUND,
	)
	return [
		*(
			_choice(CONTACT, row.name, row.full_name or row.name, row.company_name or row.email_id)
			for row in contacts
		),
		*(_choice(USER, row.name, row.full_name, _("Secretariat")) for row in staff),
	]


def check_at_once(chosen: Sized) -> None:
	"""Refuse more than AT_ONCE people in one request.

	:raises frappe.ValidationError: they are more
	"""
	if len(chosen) > AT_ONCE:
		frappe.throw(_("At most {0} people at once, please.").format(AT_ONCE))


def people_of(choices: Iterable[str] | str) -> list[Person]:
	"""The people that were chosen, in that order; each once."""
	values = _texts(choices)
	check_at_once(values)
	contacts = people.of_contacts(
		value.partition(":")[2] for value in values if value.startswith(f"{CONTACT}:")
	)
	found: dict[str, Person] = {}
	for value in values:
		kind, _sep, name = value.partition(":")
		person = contacts.get(name) if kind == CONTACT else person_of(value)
		if person:
			found.setdefault(person.contact or person.email_folded, person)
	return list(found.values())


def person_of(choice: str, *, member: str | None = None) -> Person | None:
	"""The person behind a value of `find`; None where it is none."""
	kind, _sep, name = (choice or "").partition(":")
	if kind == CONTACT and frappe.db.exists(CONTACT, name):
		return people.of_contact(name, member=member)
	if kind == USER and frappe.db.get_value(USER, {"name": name, "enabled": 1}, "user_type") == "System User":
		return people.of_user(name)
	return None


def check_contacts(found: Iterable[Person]) -> None:
	"""Raise `frappe.PermissionError` where the user may not see one of the Contacts."""
	for person in found:
		if person.contact:
			frappe.has_permission(CONTACT, "read", doc=person.contact, throw=True)


def tell(outcomes: Iterable[Outcome]) -> list[dict]:
	"""Outcomes for the form: each person's name, booking, status, place in line, or the reasons."""
	return [_said(each.person.name, each.booked, each.refusals) for each in outcomes]


def _said(name: str, booked: seats.Booked | None, refusals: Iterable) -> dict:
	lang = frappe.local.lang or "en"
	return {
		"person": name,
		"booking": booked.name if booked else None,
		"status": booked.status if booked else None,
		"place": booked.place_in_line if booked else None,
		"already": bool(booked and booked.already),
		"problems": [refusal.text(lang) for refusal in refusals],
	}


def _choice(doctype: str, name: str, label: str, description: str | None) -> dict:
	return {"value": f"{doctype}:{name}", "label": label, "description": description or ""}


def _event(event_doctype: str, event: str, ptype: str) -> tuple[kinds.Kind, Document]:
	if event_doctype not in {kind.event for kind in kinds.KINDS}:
		raise frappe.PermissionError
	doc = frappe.get_doc(event_doctype, event)
	doc.check_permission(ptype)
	return kinds.of_event(event_doctype), doc


def _booking(booking_doctype: str, booking: str) -> tuple[kinds.Kind, Document]:
	if booking_doctype not in {kind.booking for kind in kinds.KINDS}:
		raise frappe.PermissionError
	doc = frappe.get_doc(booking_doctype, booking)
	doc.check_permission("write")
	return kinds.of_booking(booking_doctype), doc


def _reason(reason: str) -> str:
	if not (reason or "").strip():
		frappe.throw(_("Please give a reason; the person is told it."), frappe.MandatoryError)
	return reason.strip()[:500]


def _texts(values: Iterable[str] | str) -> list[str]:
	rows = frappe.parse_json(values) if isinstance(values, str) else values
	return list(dict.fromkeys(str(row) for row in rows or []))
