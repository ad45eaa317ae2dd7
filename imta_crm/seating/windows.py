"""The moments of a session or activity: when enrolment is open, when it begins, until when people may cancel.

Functions take the event as a document or as a dict of its fields. Its times are by the clock of `time_zone`;
what is returned is aware, or in the site's zone where the name says so. `now` may be aware, or naive and then in
the site's zone; without it, it is the present.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

from frappe.model.document import Document
from frappe.utils import get_datetime, now_datetime

from imta_crm.liaison.zones import is_zone, site_zone

DRAFT = "Draft"
OPEN = "Open"
CLOSED = "Closed"
HELD = "Held"
CANCELLED = "Cancelled"
#: What `public_status` says besides the statuses.
NOT_YET_OPEN = "Not Yet Open"
BEGUN = "Begun"
#: People may have a seat in these, and none is taken away by the system.
UPCOMING = (OPEN, CLOSED)

Event = Document | Mapping[str, Any]


def aware(value: datetime | str | None, zone: str | None) -> datetime | None:
	"""A moment by the clock of `zone`, which is the site's where the name is unknown; aware ones stay."""
	if not value:
		return None
	moment = get_datetime(value)
	if moment.tzinfo:
		return moment
	moment = moment.replace(tzinfo=ZoneInfo(zone if is_zone(zone) else site_zone()))
	# By UTC and back: an hour that a clock skips in spring becomes the one that it shows instead.
	return moment.astimezone(timezone.utc).astimezone(moment.tzinfo)


def on_site(moment: datetime | None) -> datetime | None:
	"""An aware moment by the site's clock, naive, as Frappe stores it."""
	return moment.astimezone(ZoneInfo(site_zone())).replace(tzinfo=None) if moment else None


def moment(event: Event, field: str) -> datetime | None:
	"""A time of the event, aware, in the event's zone."""
	return aware(event.get(field), event.get("time_zone"))


def present(now: datetime | None = None) -> datetime:
	"""`now` aware; see the module."""
	return aware(now or now_datetime(), site_zone())


def begins_at(event: Event) -> datetime:
	return moment(event, "starts_at")


def ends_at(event: Event) -> datetime:
	return moment(event, "ends_at") or begins_at(event)


def opens_at(event: Event) -> datetime | None:
	"""When enrolment opens; none where it is open from the beginning."""
	return moment(event, "enroll_from")


def closes_at(event: Event) -> datetime:
	"""When enrolment closes: as set, never after the beginning."""
	return _not_after_beginning(event, moment(event, "enroll_until"))


def effective_cancel_until(event: Event) -> datetime:
	"""Until when participants cancel and transfer themselves: as set, else until enrolment closes."""
	return _not_after_beginning(event, moment(event, "cancel_until") or closes_at(event))


def reserved_until(event: Event) -> datetime:
	"""Until when reserved seats are kept: as set, else until the beginning."""
	return _not_after_beginning(event, moment(event, "reserved_until"))


def is_reserved(event: Event, now: datetime | None = None) -> bool:
	"""Whether reserved seats are still kept."""
	return present(now) < reserved_until(event)


def has_begun(event: Event, now: datetime | None = None) -> bool:
	return present(now) >= begins_at(event)


def has_ended(event: Event, now: datetime | None = None) -> bool:
	return present(now) >= ends_at(event)


def is_open(event: Event, now: datetime | None = None) -> bool:
	"""Whether people may enrol by themselves at this moment."""
	return public_status(event, now) == OPEN


def may_cancel(event: Event, now: datetime | None = None) -> bool:
	"""Whether participants may cancel or transfer by themselves at this moment."""
	return event.get("status") in UPCOMING and present(now) < effective_cancel_until(event)


def public_status(event: Event, now: datetime | None = None) -> str:
	"""What the event is to the public: its status, Not Yet Open, Closed once enrolment is over, or Begun."""
	status = event.get("status") or DRAFT
	if status not in UPCOMING:
		return status
	now = present(now)
	if now >= ends_at(event):
		return HELD
	if now >= begins_at(event):
		return BEGUN
	if status == CLOSED or now >= closes_at(event):
		return CLOSED
	opens = opens_at(event)
	return NOT_YET_OPEN if opens and now < opens else OPEN


def _not_after_beginning(event: Event, until: datetime | None) -> datetime:
	begins = begins_at(event)
	return min(until, begins) if until else begins
