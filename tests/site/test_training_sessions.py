"""Programmes and sessions: their rules, the steps of a session's life, and what a change of it leads to."""

from __future__ import annotations

from datetime import timedelta

import frappe
import pytest
from frappe.utils import get_datetime, now_datetime

from imta_crm.seating import event as events
from imta_crm.seating import seats
from imta_crm.seating.event import (
	EventHasBookings,
	EventOver,
	SeatsTaken,
	WrongSeats,
	WrongStep,
	WrongTimes,
)
from imta_crm.training.doctype.member_training_program.member_training_program import (
	PrerequisiteCircle,
	WrongProgram,
)
from imta_crm.training.doctype.training_session.training_session import ProgramDisabled
from tests.site.seating_factories import (
	booking,
	enroll,
	fill,
	make_person,
	make_program,
	make_session,
	statuses,
)

# Programmes


def test_a_program_never_comes_before_itself(site):
	first, second, third = make_program(), make_program(), make_program()
	second.append("prerequisites", {"program": first.name})
	second.save()
	third.append("prerequisites", {"program": second.name})
	third.save()
	first.append("prerequisites", {"program": third.name})
	with pytest.raises(PrerequisiteCircle) as refused:
		first.save()
	assert str(refused.value).count("→") == 3


@pytest.mark.parametrize(
	"field,value",
	[("pd_hours", -1), ("pd_hours", 5000), ("minimum_attendance", 120), ("certificate_valid_months", 10_000)],
)
def test_a_program_has_numbers_that_can_be(site, field, value):
	with pytest.raises((WrongProgram, frappe.NonNegativeError)):
		make_program(**{field: value})


def test_codes_are_unique_where_there_are_any(site):
	make_program(), make_program()
	make_program(program_code=" mt-1 ")
	with pytest.raises((frappe.UniqueValidationError, frappe.DuplicateEntryError)):
		make_program(program_code="MT-1")


def test_a_program_with_sessions_is_not_deleted(site):
	session = make_session()
	with pytest.raises(frappe.LinkExistsError):
		frappe.delete_doc("Member Training Program", session.program)


# Sessions


def test_a_session_takes_over_what_its_program_says(site):
	program = make_program(
		program_name_zh="山地安全", pd_hours=6, trainers=[{"trainer_name": "Li Na", "position": "Guide"}]
	)
	session = make_session(program.name)
	assert (session.title, session.title_zh, session.pd_hours) == (program.program_name, "山地安全", 6)
	assert [row.trainer_name for row in session.trainers] == ["Li Na"]


def test_times_are_by_the_sessions_own_clock(site):
	session = make_session(begins=get_datetime("2027-03-01 09:00:00"), time_zone="Europe/Paris")
	assert session.starts_at_site == get_datetime("2027-03-01 16:00:00")
	assert session.ends_at_site == get_datetime("2027-03-01 19:00:00")
	# The night in which clocks go forward is an hour shorter.
	night = make_session(begins=get_datetime("2027-03-28 01:00:00"), hours=3, time_zone="Europe/Paris")
	assert night.ends_at_site - night.starts_at_site == timedelta(hours=2)


@pytest.mark.parametrize(
	"fields,error",
	[
		({"hours": 0}, WrongTimes),
		({"hours": -2}, WrongTimes),
		({"hours": 24 * 61}, WrongTimes),
		({"time_zone": "Moon/Crater"}, WrongTimes),
		({"enroll_until": "2199-01-01 00:00:00"}, WrongTimes),
		({"enroll_from": "2026-02-02 00:00:00", "enroll_until": "2026-01-01 00:00:00"}, WrongTimes),
		({"capacity": 2, "reservations": [{"tier": "Council", "seats": 3}]}, WrongSeats),
		({"reservations": [{"seats": 3}]}, WrongSeats),
		({"reservations": [{"tier": "Council", "seats": 0}]}, WrongSeats),
		({"reservations": [{"tier": "Council", "seats": 1}, {"tier": "Council", "seats": 1}]}, WrongSeats),
		({"limits": [{"tier": "Council", "seats": 1}, {"tier": "Council", "seats": 2}]}, WrongSeats),
		({"fees": [{"participant_type": "Member", "fee": 10}]}, frappe.MandatoryError),
		(
			{
				"fee_currency": "USD",
				"fees": [{"participant_type": "Guest", "fee": 1}, {"participant_type": "Guest", "fee": 2}],
			},
			WrongSeats,
		),
		({"late_credit_percent": 130}, WrongSeats),
	],
)
def test_a_session_that_contradicts_itself_is_refused(site, fields, error):
	with pytest.raises((error, frappe.NonNegativeError)):
		make_session(**fields)


def test_nothing_is_held_of_a_disabled_program(site):
	program = make_program()
	session = make_session(program.name, status="Draft")
	program.disabled = 1
	program.save()
	session.status = "Open"
	with pytest.raises(ProgramDisabled):
		session.save()
	with pytest.raises(ProgramDisabled):
		make_session(program.name)


# Steps


def test_a_session_goes_its_way_and_no_other(site):
	session = make_session(status="Draft")
	for status in ("Open", "Closed", "Open"):
		session.status = status
		session.save()
	session.status = "Draft"
	with pytest.raises(WrongStep):
		session.save()
	session.reload()
	session.status = "Held"
	with pytest.raises(WrongStep):
		session.save()


def test_cancelling_needs_a_reason_and_cancels_everybody(site):
	session = make_session(capacity=2)
	fill(session, 3)
	session.reload()
	session.status = "Cancelled"
	with pytest.raises(frappe.MandatoryError):
		session.save()
	session.reload()
	session.update({"status": "Cancelled", "cancel_reason": "The trainer is ill"})
	session.save()
	assert statuses(session) == ["Cancelled"] * 3
	reasons = frappe.get_all("Training Enrollment", {"session": session.name}, pluck="cancel_reason")
	assert set(reasons) == {"The trainer is ill"}


def test_who_is_left_of_a_cancelled_session_is_caught_up(site):
	session = make_session()
	fill(session, 2)
	frappe.db.set_value(session.doctype, session.name, {"status": "Cancelled", "cancel_reason": "Snow"})
	events.catch_up()
	assert statuses(session) == ["Cancelled"] * 2
	events.catch_up()


def test_a_session_that_has_ended_is_held_and_who_waited_waits_no_longer(site):
	session = make_session(capacity=1)
	fill(session, 2)
	ended = now_datetime() - timedelta(days=1)
	frappe.db.set_value(
		session.doctype,
		session.name,
		{"starts_at": ended, "ends_at": ended, "starts_at_site": ended, "ends_at_site": ended},
	)
	frappe.clear_document_cache(session.doctype, session.name)
	events.catch_up()
	session.reload()
	assert session.status == "Held"
	assert statuses(session) == ["Confirmed", "Cancelled"]


def test_what_was_held_keeps_its_times_and_fees_and_gets_materials(site):
	session = make_session()
	frappe.db.set_value(session.doctype, session.name, "status", "Held")
	session.reload()
	session.capacity = 50
	with pytest.raises(EventOver):
		session.save()
	session.reload()
	session.append("materials", {"title": "Slides", "link": "https://imta.example/slides"})
	session.save()


# Seats


def test_no_fewer_seats_than_are_taken(site):
	session = make_session(capacity=3)
	fill(session, 3)
	session.reload()
	session.capacity = 2
	with pytest.raises(SeatsTaken):
		session.save()
	session.reload()
	session.capacity = 0  # no limit
	session.save()


def test_more_seats_are_offered_to_who_waits(site):
	session = make_session(capacity=1)
	fill(session, 3)
	session.reload()
	session.capacity = 2
	session.save()
	assert statuses(session) == ["Confirmed", "Offered", "Waitlisted"]


def test_a_form_never_takes_the_counters_back(site):
	session = make_session(capacity=5)
	opened = frappe.get_doc(session.doctype, session.name)
	fill(session, 2)
	opened.update({"arrivals": 0, "calendar_sequence": 99, "link_key": "x", "venue": "Hut"})
	opened.save()
	opened.reload()
	assert (opened.arrivals, opened.calendar_sequence) == (2, 1)
	assert opened.link_key == session.link_key
	assert enroll(session).name == f"{session.name}-0003"


# Changes of an open session


def test_a_new_time_reaches_bookings_and_calendars(site):
	session = make_session()
	booked = enroll(session)
	frappe.db.set_value("Seat Notice", {"booking": booked.name}, "status", "Sent")
	session.reload()
	later = get_datetime(session.starts_at) + timedelta(days=2)
	session.update({"starts_at": later, "ends_at": later + timedelta(hours=3)})
	session.save()
	assert session.calendar_sequence == 1
	assert booking(booked).starts_at_site == session.starts_at_site == later
	assert frappe.db.exists("Seat Notice", {"booking": booked.name, "kind": "Update"})


def test_what_is_no_part_of_the_calendar_entry_sends_no_update(site):
	session = make_session()
	enroll(session)
	session.reload()
	session.update({"capacity": 20, "note_to_participants": "<p>Bring boots</p>"})
	session.save()
	assert session.calendar_sequence == 0


def test_as_a_form_sends_it_nothing_has_changed(site):
	session = make_session(
		reservations=[{"tier": "Council", "seats": 1}], enroll_until=now_datetime() + timedelta(days=3)
	)
	enroll(session)
	stored = frappe.get_doc(session.doctype, session.name)
	sent = frappe.get_doc(frappe.parse_json(frappe.as_json(stored)))
	sent.save()
	assert sent.calendar_sequence == 0
	assert not frappe.db.exists("Seat Notice", {"event": session.name, "kind": "Update"})


# Deleting and copying


def test_a_draft_goes_and_what_has_people_stays(site):
	draft = make_session(status="Draft")
	frappe.delete_doc(draft.doctype, draft.name)
	session = make_session()
	booked = enroll(session)
	seats.cancel("Training Enrollment", booked.name, reason="Changed plans", by=None)
	with pytest.raises(EventHasBookings):
		frappe.delete_doc(session.doctype, session.name)


def test_a_copy_begins_anew(site):
	session = make_session(reservations=[{"tier": "Council", "seats": 1}])
	fill(session, 2)
	session.reload()
	session.update({"status": "Cancelled", "cancel_reason": "Storm"})
	session.save()
	copy = frappe.copy_doc(session)
	copy.insert()
	assert (copy.status, copy.arrivals, copy.calendar_sequence, copy.cancel_reason) == ("Draft", 0, 0, None)
	assert copy.link_key != session.link_key
	assert len(copy.reservations) == 1


def test_who_moves_a_session_learns_whom_it_books_twice(site):
	begins = now_datetime().replace(microsecond=0) + timedelta(days=40)
	moved, other = make_session(begins=begins), make_session(begins=begins + timedelta(days=2))
	person, single = make_person(), make_person()
	for event, who in ((moved, person), (other, person), (moved, single)):
		enroll(event, who)
	frappe.clear_messages()
	doc = frappe.get_doc("Training Session", moved.name)
	doc.starts_at, doc.ends_at = other.starts_at, other.ends_at
	doc.enroll_until = doc.cancel_until = None
	doc.save()
	said = str(frappe.get_message_log())
	assert person.name in said and other.title in said
	assert single.name not in said
	assert statuses(moved) == ["Confirmed", "Confirmed"]
