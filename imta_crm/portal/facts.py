"""What the pages of the portal say of a session or an activity, and of somebody's seat, in the page's language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import frappe
from frappe import _
from frappe.utils import get_datetime, now_datetime

from imta_crm.liaison.zones import is_zone, site_zone
from imta_crm.membership.card import qr_path
from imta_crm.policy.seating import (
	ATTENDED,
	CANCELLED,
	COMPLETED,
	CONFIRMED,
	MAY_CANCEL,
	NO_SHOW,
	OFFERED,
	PENDING,
	REQUESTED,
	WAITLISTED,
	Refusal,
)
from imta_crm.portal import links, pages
from imta_crm.seating import kinds, materials, seats, windows

#: The seat is the person's own: they see the link of an online event and get the materials.
TAKES_PART = materials.TAKES_PART
#: A ticket says something at the door.
HAS_TICKET = frozenset({CONFIRMED, ATTENDED, COMPLETED})


def event(doc: Mapping[str, Any], *, own_zone: str | None = None) -> frappe._dict:
	"""What everybody may read of an event.

	:param doc: its fields; `own_zone` is the reader's, by which the time is said once more where it differs
	"""
	is_activity = doc["doctype"] == kinds.ACTIVITY.event
	title = pages.by_language(doc["title"], doc["title_zh"])
	language = pages.language_name(doc.get("language"))
	return frappe._dict(
		doctype=doc["doctype"],
		name=doc["name"],
		title=title,
		other_title=next((each for each in (doc["title"], doc["title_zh"]) if each and each != title), None),
		kind=_option(doc["kind"], "Alliance Activity") if is_activity else _("Training"),
		is_activity=is_activity,
		when=pages.span(doc["starts_at"], doc["ends_at"]),
		weekday=pages.weekday(doc["starts_at"]),
		own_when=_own_time(doc, own_zone),
		zone=doc["time_zone"],
		zone_label=_("Time zone {0}").format(doc["time_zone"]),
		delivery=_option(doc["delivery"], doc["doctype"]),
		is_online=doc["delivery"] == "Online",
		place=pages.by_language(doc["venue"], doc["venue_zh"])
		or (_("Online") if doc["delivery"] == "Online" else ""),
		address=doc["address"],
		online_link=doc["online_link"],
		language=language,
		hours=None if is_activity else f"{doc['pd_hours']:g}",
		status=windows.public_status(doc),
		starts_at_site=doc["starts_at_site"],
		enroll_until=pages.moment(windows.closes_at(doc)),
		enroll_from=pages.moment(windows.opens_at(doc)),
		cancel_until=pages.moment(windows.effective_cancel_until(doc)),
		cancel_reason=doc["cancel_reason"] if doc["status"] == windows.CANCELLED else None,
		note=pages.safe_html(doc["note_to_participants"]),
	)


def seat(booking: Mapping[str, Any], doc: Mapping[str, Any]) -> frappe._dict:
	"""What the participant may read of the own seat.

	:param booking: its fields, and `doc` those of its event
	"""
	status = booking["status"]
	return frappe._dict(
		doctype=booking["doctype"],
		name=booking["name"],
		person=booking["participant_name"],
		person_local=booking["participant_name_local"],
		organisation=booking["organisation"],
		role=_option(booking.get("delegate_role"), booking["doctype"]),
		status=status,
		state=state(status, booking),
		is_offered=status == OFFERED and not offer_is_over(booking),
		offer_until=_by_event_clock(booking["offer_expires_at"], doc),
		may_cancel=may_cancel(status, doc),
		may_transfer=status == CONFIRMED and windows.may_cancel(doc),
		takes_part=status in TAKES_PART and doc["status"] != windows.CANCELLED,
		is_over=windows.has_ended(doc),
		fee=fee(booking),
		cancel_reason=booking["cancel_reason"] if status == CANCELLED else None,
		hours=f"{booking['hours']:g}" if booking.get("hours") else None,
	)


def _option(value: str | None, doctype: str) -> str | None:
	"""A choice of a DocType in the reader's language."""
	return _(value, context=doctype) if value else None


def programme(doc: Mapping[str, Any]) -> list[tuple[str, list[dict]]]:
	"""The programme of an activity, by day."""
	days: dict[str, list[dict]] = {}
	for row in frappe.get_all(
		"Activity Programme Item",
		{"parent": doc["name"], "parenttype": doc["doctype"]},
		["starts_at", "ends_at", "title", "title_zh", "speakers", "room"],
		order_by="starts_at, idx",
	):
		heading = f"{pages.day(row.starts_at)} ({pages.weekday(row.starts_at)})"
		days.setdefault(heading, []).append(
			{
				"time": pages.clock(row.starts_at, row.ends_at),
				"title": pages.by_language(row.title, row.title_zh),
				"speakers": row.speakers,
				"room": row.room,
			}
		)
	return list(days.items())


def countries() -> list[tuple[str, str]]:
	"""Countries and regions to choose from: as they are stored, and in the language of the page, by that."""
	names = frappe.get_all("Country", pluck="name", order_by="name")
	return sorted(((name, _(name)) for name in names), key=lambda each: each[1])


def state(status: str | None, booking: Mapping[str, Any] | None = None) -> dict[str, str]:
	"""The state of a seat in words for the participant, and how it is coloured."""
	place = place_in_line(booking) if booking else None
	labels = {
		REQUESTED: ("ask", _("Waiting for approval")),
		CONFIRMED: ("good", _("Seat confirmed")),
		WAITLISTED: ("wait", _("Waitlist, place {0}").format(place) if place else _("On the waitlist")),
		OFFERED: ("wait", _("A seat is offered to you")),
		CANCELLED: ("", _("Seat cancelled")),
		ATTENDED: ("good", _("Attended", context="Training Enrollment")),
		COMPLETED: ("good", _("Completed", context="Training Enrollment")),
		NO_SHOW: ("", _("Not attended")),
	}
	kind, label = labels.get(status, ("", status or ""))
	return {"kind": kind, "label": label}


def may_cancel(status: str, doc: Mapping[str, Any]) -> bool:
	"""Whether the participant may give it back now: a seat until the deadline, a place in line until the beginning."""
	if status in PENDING:
		return doc["status"] in windows.UPCOMING and not windows.has_begun(doc)
	return status in MAY_CANCEL and windows.may_cancel(doc)


def place_in_line(booking: Mapping[str, Any]) -> int | None:
	"""The place of somebody who waits, from 1."""
	if booking["status"] != WAITLISTED:
		return None
	kind = kinds.of_booking(booking["doctype"])
	return seats.line_of(kind.booking, booking[kind.field], booking["queue_no"])


def certificate_state(value: str) -> dict[str, str]:
	"""What has become of a certificate, in words, and how it is coloured."""
	words = {
		"Valid": ("good", _("Valid", context="Training Certificate")),
		"Expired": ("wait", _("Expired", context="Training Certificate")),
		"Renewed": ("", _("Renewed", context="Training Certificate")),
		"Revoked": ("bad", _("Revoked", context="Training Certificate")),
	}
	kind, label = words.get(value, ("", value))
	return {"kind": kind, "label": label}


def offer_is_over(booking: Mapping[str, Any]) -> bool:
	until = booking["offer_expires_at"]
	return bool(until and get_datetime(until) < now_datetime())


def fee(booking: Mapping[str, Any]) -> str | None:
	"""What the seat costs, where that is fixed."""
	if booking["is_free_seat"]:
		return _("Free seat of the membership")
	if booking["fee"]:
		return pages.money(booking["fee"], booking["currency"])
	return None


def ticket_code(booking: Mapping[str, Any]) -> frappe._dict | None:
	"""The code for the door, as an SVG draws it; None for a seat without a ticket."""
	if booking["status"] not in HAS_TICKET:
		return None
	path, width = qr_path(links.ticket_url(booking["doctype"], booking["name"]))
	return frappe._dict(path=path, width=width)


def read_event(doctype: str, name: str) -> frappe._dict | None:
	"""All fields of an event without its tables; None where there is none."""
	return _read(doctype, name)


def read_seat(doctype: str, name: str) -> tuple[frappe._dict, frappe._dict] | None:
	"""A seat and its event, all fields without tables."""
	booking = _read(doctype, name)
	kind = kinds.of_booking(doctype)
	doc = booking and _read(kind.event, booking[kind.field])
	return (booking, doc) if doc else None


def refusal_texts(refusals: list[Refusal]) -> list[str]:
	"""Why somebody gets no seat, in the language of the page."""
	return [refusal.text("zh" if pages.is_zh() else "en") for refusal in refusals]


def problems(error: Exception) -> list[str]:
	"""What a step was refused for."""
	return refusal_texts(getattr(error, "refusals", None) or []) or [str(error) or _("This is not possible.")]


def reason_sent() -> str:
	"""Why a participant gives the seat back; the page need not be told."""
	return pages.sent("reason", 500) or "Cancelled by the participant"


def _by_event_clock(value: datetime | str | None, doc: Mapping[str, Any]) -> str | None:
	"""A moment of the site by the clock of the event, with its zone."""
	if not value:
		return None
	zone = doc["time_zone"] if is_zone(doc["time_zone"]) else site_zone()
	return f"{pages.moment(pages.elsewhere(value, site_zone(), zone))} ({zone})"


def _own_time(doc: Mapping[str, Any], own_zone: str | None) -> str | None:
	zone = doc["time_zone"]
	if not own_zone or not is_zone(own_zone) or not is_zone(zone) or own_zone == zone:
		return None
	starts, ends = (pages.elsewhere(doc[field], zone, own_zone) for field in ("starts_at", "ends_at"))
	if starts == get_datetime(doc["starts_at"]):
		return None
	return f"{pages.span(starts, ends)} ({own_zone})"


def _read(doctype: str, name: str | None) -> frappe._dict | None:
	row = name and frappe.db.get_value(doctype, name, "*", as_dict=True)
	if not row:
		return None
	row.doctype = doctype
	return row
