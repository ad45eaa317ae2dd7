"""Short ways to programmes, sessions, activities, people and their seats. No commits.

    session = make_session(capacity=2)
    enroll(session, make_person(member=make_member()))

Times are by the site's clock, which is also that of the events unless told otherwise.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import frappe
from frappe.utils import now_datetime

from imta_crm.membership import affiliates
from imta_crm.seating import people, seats
from tests.site.factories import JOINED, make_contact, next_number

SESSION, ENROLLMENT = "Training Session", "Training Enrollment"
ACTIVITY, DELEGATE = "Alliance Activity", "Activity Delegate"
DAYS_AHEAD = 30


def make_program(name: str | None = None, **fields):
	"""A Member Training Program in English, of three hours, for everybody."""
	program = frappe.new_doc("Member Training Program")
	program.update(
		{
			"program_name": name or f"Safe on Trails {next_number()}",
			"language": "en",
			"pd_hours": 3,
			"open_to_guests": 1,
			"open_to_staff": 1,
			**fields,
		}
	)
	return program.insert(ignore_permissions=True)


def make_session(program: str | None = None, *, begins: datetime | None = None, hours: float = 3, **fields):
	"""An open Training Session in a month, on site, with ten seats; any field and child table fits.

	make_session(capacity=50, reservations=[{"tier": "Council", "seats": 5}])
	"""
	return _event(SESSION, begins, hours, {"program": program or make_program().name, **fields})


def make_activity(*, begins: datetime | None = None, hours: float = 8, **fields):
	"""An open Alliance Activity in a month, for everybody, with ten seats."""
	return _event(
		ACTIVITY,
		begins,
		hours,
		{"title": f"Mountain Forum {next_number()}", "audience": "Everybody", **fields},
	)


def make_person(
	name: str | None = None, *, member=None, email: str | None = None, is_representative: bool = False
) -> people.Person:
	"""Somebody with a Contact; of the member's people where one is given (document or name)."""
	number = next_number()
	contact = make_contact(name or f"Person {number}", email=email or f"person{number}@club.example")
	if member:
		affiliates.add(
			getattr(member, "name", member),
			contact.name,
			from_date=JOINED,
			is_representative=is_representative,
		)
	return people.of_contact(contact.name)


def make_guest(name: str | None = None, **fields) -> people.Person:
	"""Somebody without a Contact."""
	number = next_number()
	return people.guest(
		name or f"Guest {number}", fields.pop("email", f"guest{number}@else.example"), **fields
	)


def enroll(event, person: people.Person | None = None, **how) -> seats.Booked:
	"""A seat of the event for the person, or for a guest; see `seats.request`."""
	return seats.request(event.doctype, event.name, person or make_guest(), **how)


def fill(event, count: int | None = None) -> list[seats.Booked]:
	"""Seats for so many guests; by default all there are."""
	return [enroll(event) for _ in range(event.capacity if count is None else count)]


def booking(booked: seats.Booked | str, doctype: str = ENROLLMENT):
	"""The document of a seat, as it is now."""
	return frappe.get_doc(doctype, getattr(booked, "name", booked))


def statuses(event) -> list[str]:
	"""What became of all bookings of an event, in order of arrival."""
	doctype, field = (ENROLLMENT, "session") if event.doctype == SESSION else (DELEGATE, "activity")
	return frappe.get_all(doctype, {field: event.name}, pluck="status", order_by="queue_no", limit=0)


def _event(doctype: str, begins: datetime | None, hours: float, fields: dict):
	begins = begins or (now_datetime() + timedelta(days=DAYS_AHEAD)).replace(
		minute=0, second=0, microsecond=0
	)
	event = frappe.new_doc(doctype)
	event.update(
		{
			"coordinator": "Administrator",
			"starts_at": begins,
			"ends_at": begins + timedelta(hours=hours),
			"delivery": "On Site",
			"venue": "Mountain House",
			"capacity": 10,
			"language": "en",
			"status": "Open",
			**fields,
		}
	)
	return event.insert(ignore_permissions=True)
