"""The entry of a seat for the person's own calendar, and its later changes (iTIP, RFC 5546).

A seat keeps one UID all its life. The event's `calendar_sequence` rises with each change of time or place, and
a cancellation is one above it, so that a calendar takes the last word for the last, however letters overtake.
"""

from __future__ import annotations

import re

import frappe
from frappe import _
from frappe.utils import cint, cstr, get_datetime, now_datetime

from imta_crm.invitations import mailing
from imta_crm.invitations.mail import Part
from imta_crm.invitations.mail_facts import alliance_names
from imta_crm.liaison.zones import site_zone
from imta_crm.policy import calendar_file
from imta_crm.policy.calendar_file import CANCEL, CONTENT_TYPE, PUBLISH, REQUEST, Entry, Party
from imta_crm.policy.seating import CANCELLED
from imta_crm.portal import links
from imta_crm.seating import occasion, windows
from imta_crm.seating.occasion import Occasion

#: Minutes before the beginning at which the calendar speaks up; what is far needs a way there.
ALARM_ONLINE, ALARM_ON_SITE = 15, 60
FILES = {REQUEST: "invite.ics", CANCEL: "cancel.ics", PUBLISH: "event.ics"}
_WORDS = {
	"en": {"link": "Meeting link", "seat": "Your seat", "there": "Local time", "separator": ": "},
	"zh": {"link": "会议链接", "seat": "您的席位", "there": "当地时间", "separator": "："},
}


def uid(booking: frappe._dict) -> str:
	"""The same for ever: neither a new address of the site nor a new link key changes it."""
	made = get_datetime(booking.creation)
	return f"{booking.name.lower()}-{made:%Y%m%d%H%M%S%f}@imta-crm"


def text_of(seat: Occasion, method: str = REQUEST, email_account: str | None = None) -> str:
	"""The calendar file of a seat.

	:param email_account: the account whose letters carry it, so that organiser and sender are the same
	"""
	return calendar_file.write(_entry(seat, method, email_account), method)


def parts_of(seat: Occasion, method: str, email_account: str | None = None) -> tuple[Part, Part]:
	"""What a letter carries: the entry for mail programs that act on it, and as a file for all others."""
	data = text_of(seat, method, email_account).encode()
	name = FILES[method]
	return (
		Part(CONTENT_TYPE.format(method), data),
		Part(f'application/ics; name="{name}"', data, filename=name),
	)


def file_of(booking_doctype: str, booking: str) -> tuple[str, str]:
	"""Name and text of the file that somebody downloads. The caller has seen to the permission.

	:raises frappe.DoesNotExistError: there is no such seat
	"""
	seat = occasion.of(booking_doctype, booking)
	if not seat:
		frappe.throw(_("There is no {0} {1}.").format(_(booking_doctype), booking), frappe.DoesNotExistError)
	method = CANCEL if seat.booking.status == CANCELLED else PUBLISH
	name = re.sub(r"[^A-Za-z0-9-]+", "-", seat.booking.name).strip("-")
	return f"{name}.ics", text_of(seat, method)


@frappe.whitelist(methods=["GET"])
def download(booking_doctype: str, booking: str) -> None:
	"""The calendar file as text/calendar, for whoever may read the seat."""
	if booking_doctype not in (kind.booking for kind in occasion.kinds.KINDS):
		raise frappe.PermissionError
	frappe.has_permission(booking_doctype, "read", doc=booking, throw=True)
	name, text = file_of(booking_doctype, booking)
	frappe.response.filename = name
	frappe.response.filecontent = text.encode()
	frappe.response.type = "download"
	frappe.response.content_type = "text/calendar"


def _entry(seat: Occasion, method: str, email_account: str | None) -> Entry:
	booking, event = seat.booking, seat.event
	attendee = Party(seat.person, booking.email) if booking.email and method != PUBLISH else None
	return Entry(
		uid=uid(booking),
		sequence=cint(event.calendar_sequence) + (method == CANCEL),
		stamp=windows.aware(now_datetime(), site_zone()),
		begins_at=seat.begins_at,
		ends_at=seat.ends_at,
		zone=seat.zone,
		summary=seat.title,
		description=_description(seat, method),
		location=seat.place or seat.meeting_link,
		url=seat.meeting_link if method != CANCEL else "",
		organizer=_organizer(seat, email_account) if method != PUBLISH else None,
		attendee=attendee,
		language=seat.language,
		alarm_minutes=ALARM_ON_SITE if seat.is_on_site else ALARM_ONLINE,
	)


def _description(seat: Occasion, method: str) -> str:
	words = _WORDS[seat.language]
	lines = []
	if seat.time_there:
		lines.append((words["there"], seat.time_there))
	if method != CANCEL and seat.meeting_link:
		lines.append((words["link"], seat.meeting_link))
	if method == REQUEST and seat.is_admitted:
		lines.append((words["seat"], links.seat_url(seat.kind.booking, seat.booking.name)))
	return "\n".join(words["separator"].join(line) for line in lines)


def _organizer(seat: Occasion, email_account: str | None) -> Party | None:
	english, chinese, secretariat = alliance_names()
	try:
		_name, address = mailing.sender_address(email_account, seat.language)
	except mailing.NoOutgoingAccount:
		address = cstr(secretariat)
	return Party(chinese if seat.chinese else english, address) if address else None
