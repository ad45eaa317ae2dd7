"""Who came in: at the door by QR code or from the list, for sessions and activities alike.

The phone at the door only asks; every answer is the server's, so it needs a connection. Who may write a booking
may check it in: coordinators all, a liaison officer the people of the own portfolio. A ticket is proved by its
signature, never by its text. An answer says what to do next, as somebody stands in front of the desk.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import frappe
from frappe import _
from frappe.utils import cint, format_datetime, get_datetime, now_datetime

from imta_crm.policy.seating import (
	ATTENDED,
	CANCELLED,
	COMPLETED,
	CONFIRMED,
	MARKS,
	NO_SHOW,
	OFFERED,
	PENDING,
	REQUESTED,
	WAITLISTED,
)
from imta_crm.portal import links
from imta_crm.seating import kinds, people, seats, windows
from imta_crm.seating.kinds import Kind

QR_CODE, LIST = "QR Code", "List"
#: Somebody who is checked in by mistake the day before would count as present.
OPENS_BEFORE = timedelta(hours=12)
#: Whoever has not come by then did not come, where attendance was taken at all.
NO_SHOW_AFTER = timedelta(hours=24)
AT_ONCE = 500
MOST_LISTED = 5000
PRESENT = (ATTENDED, COMPLETED)
SHOWN = (
	"name",
	"participant_name",
	"participant_name_local",
	"organisation",
	"status",
	"checked_in_at",
	"remarks",
)


class CheckInRefused(frappe.ValidationError):
	"""Nobody can be checked in now, or not this person."""


class NoFreeSeat(frappe.ValidationError):
	"""There is no seat for somebody who comes without one."""


# At the door


@frappe.whitelist(methods=["POST"])
def check_in(code: str, event_doctype: str, event: str) -> dict:
	"""Check in whoever shows this ticket at the door of this event.

	`code` is what the scanner reads: the ticket's address, or its token. Returns `state`, `message` and the person:
	"in", "already", or "refused" with a message that says what to do; "admit" where staff may give the seat at
	the door (see `admit`). Safe to repeat.
	"""
	kind = _open_door(event_doctype, event)
	link = links.read(_token_of(code))
	if not link or link.purpose not in (*links.TICKETS.values(), *links.SEATS.values()):
		return _refused(
			_("This is no ticket of ours. Look the person up in the list, or ask for the confirmation.")
		)
	if link.doctype != kind.booking:
		return _elsewhere(link.doctype, link.name)
	return _check_in(kind, event, link.name, QR_CODE)


@frappe.whitelist(methods=["POST"])
def check_in_many(event_doctype: str, event: str, bookings: str | list) -> dict:
	"""Check people in from the list, each by itself.

	Returns `in`, how many came in now, `already`, and `refused`: the answers for the others.
	"""
	kind = _open_door(event_doctype, event)
	names = list(dict.fromkeys(frappe.parse_json(bookings)))
	if len(names) > AT_ONCE:
		frappe.throw(_("{0} people at a time.").format(AT_ONCE), CheckInRefused)
	found: dict = {"in": 0, "already": 0, "refused": []}
	for name in names:
		answer = _check_in(kind, event, str(name), LIST)
		if answer["state"] in ("in", "already"):
			found[answer["state"]] += 1
		else:
			found["refused"].append(answer)
	return found


@frappe.whitelist(methods=["POST"])
def admit(booking_doctype: str, booking: str) -> dict:
	"""Give the seat that was offered, or asked for, to whoever stands at the door, and check them in."""
	kind = kinds.of_booking(booking_doctype)
	frappe.has_permission(kind.booking, "write", doc=booking, throw=True)
	row = _row(kind, booking)
	_open_door(kind.event, row.event)
	if row.status == OFFERED:
		seats.accept_offer(kind.booking, booking)
	elif row.status == REQUESTED:
		seats.approve(kind.booking, booking)
	return _check_in(kind, row.event, booking, LIST)


@frappe.whitelist(methods=["POST"])
def undo(booking_doctype: str, booking: str) -> dict:
	"""Take a check-in back: the seat is confirmed as before."""
	kind = kinds.of_booking(booking_doctype)
	frappe.has_permission(kind.booking, "write", doc=booking, throw=True)
	row = _row(kind, booking)
	if row.status == COMPLETED:
		frappe.throw(
			_("{0} has completed it. Correct the attendance instead; the certificate follows.").format(
				row.participant_name
			),
			CheckInRefused,
		)
	if row.status == ATTENDED:
		seats.mark(kind.booking, booking, CONFIRMED, via=None, minutes=0)
	return _answer("undone", _("{0} is not checked in any more.").format(row.participant_name), row)


@frappe.whitelist(methods=["POST"])
def walk_in(
	event_doctype: str,
	event: str,
	contact: str | None = None,
	user: str | None = None,
	full_name: str | None = None,
	email: str | None = None,
	organisation: str | None = None,
	delegate_role: str | None = None,
) -> dict:
	"""Enrol somebody who comes without a seat, if one is free, and check them in: all of it or nothing.

	A Contact, a User of the desk, or a guest by name and address. The rules of the event hold here, too.

	:raises NoFreeSeat: those who wait come first
	:raises seats.EnrollmentRefused: the person may not take part
	"""
	kind = _open_door(event_doctype, event)
	frappe.has_permission(kind.booking, "create", throw=True)
	person = _person(contact, user, full_name, email, organisation)
	if kind.roles:
		person = person.as_role(delegate_role or person.delegate_role)
	booked = seats.request(kind.event, event, person, by_staff=True)
	if booked.status not in MARKS:
		frappe.throw(
			_("There is no free seat for {0}: {1} are waiting for one.").format(
				person.name, seats.occupancy(kind.event, event).get("waiting") or _("others")
			),
			NoFreeSeat,
		)
	return _check_in(kind, event, booked.name, LIST)


@frappe.whitelist()
def door_list(event_doctype: str, event: str) -> dict:
	"""Everybody who is expected and whom the user may see, and how many have come.

	`people` are sorted by name; `has_more` where the list is longer than a phone can hold.
	"""
	kind = _kind(event_doctype, event)
	fields = [*SHOWN, *(["delegate_role"] if kind.roles else [])]
	rows = frappe.get_list(
		kind.booking,
		filters={kind.field: event, "status": ("in", (CONFIRMED, NO_SHOW, *PRESENT, *PENDING))},
		fields=fields,
		order_by="participant_name, name",
		limit=MOST_LISTED + 1,
	)
	for row in rows:
		row.is_present = row.status in PRESENT
		row.may_enter = row.status in MARKS
		row.since = _since(row.checked_in_at)
		row.status_label = _(row.status)
	return {
		"people": rows[:MOST_LISTED],
		"has_more": len(rows) > MOST_LISTED,
		"expected": sum(row.may_enter for row in rows),
		"present": sum(row.is_present for row in rows),
		"may_write": bool(frappe.has_permission(kind.booking, "write")),
		"may_create": bool(frappe.has_permission(kind.booking, "create")),
	}


# After the event


def no_shows(kind: Kind, now: datetime | None = None) -> list[str]:
	"""Bookings of people who did not come, by now: confirmed, the event over for a day, and attendance taken.

	Of an event whose attendance nobody took, nobody is said to have stayed away.
	"""
	now = now or now_datetime()
	return frappe.db.sql_list(
		f"""select booking.name from `tab{kind.booking}` booking
		join `tab{kind.event}` event on event.name = booking.`{kind.field}`
		where booking.status = %(confirmed)s and booking.ends_at_site <= %(until)s
			and event.status not in ('Draft', 'Cancelled')
			and exists (select 1 from `tab{kind.booking}` other
				where other.`{kind.field}` = event.name and other.status in %(present)s)
		order by booking.name""",
		{"confirmed": CONFIRMED, "until": now - NO_SHOW_AFTER, "present": PRESENT},
	)


# Parts of it


def _kind(event_doctype: str, event: str) -> Kind:
	"""The kind of the event, which the user may read."""
	try:
		kind = kinds.of_event(event_doctype)
	except ValueError:
		raise frappe.PermissionError from None
	frappe.has_permission(kind.event, "read", doc=event, throw=True)
	return kind


def _open_door(event_doctype: str, event: str) -> Kind:
	"""The kind of an event at which people can be checked in now, by a user who may do so.

	:raises CheckInRefused: the event is not on, or is still far
	"""
	kind = _kind(event_doctype, event)
	frappe.has_permission(kind.booking, "write", throw=True)
	row = frappe.db.get_value(
		kind.event, event, ["title", "status", "starts_at", "ends_at", "time_zone"], as_dict=True
	)
	if row.status in (windows.DRAFT, windows.CANCELLED):
		frappe.throw(
			_("{0} is {1}; nobody can be checked in.").format(row.title, _(row.status, context=kind.event)),
			CheckInRefused,
		)
	begins = windows.begins_at(row)
	if windows.present() < begins - OPENS_BEFORE:
		frappe.throw(
			_("{0} begins on {1}. The door opens {2} hours before.").format(
				row.title, _clock(windows.on_site(begins)), cint(OPENS_BEFORE.total_seconds() // 3600)
			),
			CheckInRefused,
		)
	return kind


def _check_in(kind: Kind, event: str, name: str, via: str) -> dict:
	row = _row(kind, name)
	if not row:
		return _refused(_("There is no such booking any more. Look the person up in the list."))
	if row.event != event:
		return _elsewhere(kind.booking, name)
	if not frappe.has_permission(kind.booking, "write", doc=name):
		return _refused(
			_("Somebody else looks after this person. Send them to the coordinator's desk."),
		)
	if row.status in PRESENT:
		return _already(row)
	if row.status not in MARKS:
		return _without_seat(kind, row)
	if not seats.mark(kind.booking, name, ATTENDED, via=via):
		return _already(_row(kind, name, for_update=True))  # another phone was quicker
	row = _row(kind, name, for_update=True)
	return _answer("in", _("{0} is checked in.").format(row.participant_name), row)


def _without_seat(kind: Kind, row: frappe._dict) -> dict:
	name = row.participant_name
	if row.status == CANCELLED:
		text = _(
			"The seat of {0} was cancelled on {1}. If a seat is free, enrol the person on the spot."
		).format(name, _clock(row.cancelled_at))
	elif row.status == OFFERED:
		text = _("{0} has been offered a seat and has not taken it yet. Take it now?").format(name)
		return _answer("admit", text, row)
	elif row.status == REQUESTED:
		text = _("The enrolment of {0} has not been approved yet. Approve it now?").format(name)
		return _answer("admit", text, row)
	elif row.status == WAITLISTED:
		text = _("{0} is on the waitlist and has no seat yet. A free seat goes to the first in line.").format(
			name
		)
	else:
		text = _("{0} has no seat: {1}.").format(name, _(row.status))
	return _answer("refused", text, row)


def _already(row: frappe._dict) -> dict:
	since = _since(row.checked_in_at)
	text = (
		_("{0} came in already, at {1}.").format(row.participant_name, since)
		if since
		else _("{0} is marked as present already.").format(row.participant_name)
	)
	return _answer("already", text, row)


def _elsewhere(doctype: str, name: str) -> dict:
	"""A good ticket of another event; the title is told to who may read that event."""
	kind = kinds.of_booking(doctype)
	row = _row(kind, name)
	event = row and frappe.db.get_value(
		kind.event, row.event, ["name", "title", "starts_at_site"], as_dict=True
	)
	if not event:
		return _refused(_("There is no such booking any more. Look the person up in the list."))
	if not frappe.has_permission(kind.event, "read", doc=event.name):
		return _refused(_("This ticket is for another event. Look the person up in the list."))
	return _refused(
		_("This ticket is for another event: {0}, {1}. Look the person up in the list.").format(
			event.title, _clock(event.starts_at_site)
		)
	)


def _row(kind: Kind, name: str, for_update: bool = False) -> frappe._dict | None:
	return frappe.db.get_value(
		kind.booking,
		name,
		[*SHOWN, f"{kind.field} as event", "cancelled_at"],
		as_dict=True,
		for_update=for_update,
	)


def _person(
	contact: str | None,
	user: str | None,
	full_name: str | None,
	email: str | None,
	organisation: str | None,
) -> people.Person:
	if contact:
		frappe.has_permission("Contact", "read", doc=contact, throw=True)
		return people.of_contact(contact)
	if user:
		return people.of_user(user)
	full_name, email = (full_name or "").strip(), (email or "").strip()
	if not full_name or not frappe.utils.validate_email_address(email):
		frappe.throw(_("Choose a person, or write a name and an e-mail address."), CheckInRefused)
	return people.guest(full_name, email, organisation=(organisation or "").strip() or None)


def _token_of(code: str) -> str:
	"""The token of a scanned address; a token by itself stays."""
	return (code or "").strip()[: links.LONGEST + 200].partition("?")[0].rstrip("/").rpartition("/")[2]


def _since(moment: datetime | None) -> str:
	"""The time of somebody's coming; with the day where it was another one."""
	if not moment or get_datetime(moment).date() != now_datetime().date():
		return _clock(moment)
	return f"{get_datetime(moment):%H:%M}"


def _clock(moment: datetime | str | None) -> str:
	if not moment:
		return ""
	text = format_datetime(get_datetime(moment).replace(second=0, microsecond=0))
	return text.removesuffix(":00") if text.count(":") == 2 else text


def _refused(message: str) -> dict:
	return {"state": "refused", "message": message}


def _answer(state: str, message: str, row: frappe._dict) -> dict:
	return {
		"state": state,
		"message": message,
		"booking": row.name,
		"person": row.participant_name,
		"person_local": row.participant_name_local,
		"organisation": row.organisation,
		"remarks": row.remarks,
		"since": _since(row.checked_in_at),
	}
