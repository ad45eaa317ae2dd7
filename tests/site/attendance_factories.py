"""Sessions and activities that have begun or are over, with people who have a seat. No commits."""

from __future__ import annotations

from datetime import datetime, timedelta

import frappe
from frappe.utils import now_datetime

from imta_crm.seating import kinds
from tests.site.seating_factories import enroll, make_activity, make_person, make_program, make_session


def move(event, begins: datetime) -> None:
	"""The event takes place then instead, whatever its rules say; times by the site's clock."""
	kind = kinds.of_event(event.doctype)
	length = event.ends_at - event.starts_at
	frappe.db.set_value(
		kind.event,
		event.name,
		{
			"starts_at": begins,
			"ends_at": begins + length,
			"starts_at_site": begins,
			"ends_at_site": begins + length,
		},
		update_modified=False,
	)
	frappe.db.set_value(
		kind.booking,
		{kind.field: event.name},
		{"starts_at_site": begins, "ends_at_site": begins + length},
		update_modified=False,
	)
	event.reload()


def now_on(event) -> None:
	"""It has begun an hour ago."""
	move(event, now_datetime().replace(microsecond=0) - timedelta(hours=1))


def over(event, days: float = 2) -> None:
	"""It ended so many days ago."""
	length = event.ends_at - event.starts_at
	move(event, now_datetime().replace(microsecond=0) - timedelta(days=days) - length)


def session_with(count: int = 1, *, program: dict | None = None, **fields):
	"""A session and the bookings of so many people of no member."""
	session = make_session(make_program(**(program or {})).name, **fields)
	return session, [enroll(session, make_person()).name for _ in range(count)]


def activity_with(count: int = 1, **fields):
	activity = make_activity(**fields)
	return activity, [enroll(activity, make_person()).name for _ in range(count)]
