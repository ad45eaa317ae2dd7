"""Taking seats, waiting for them, giving them back: one request after the other."""

from __future__ import annotations

from datetime import timedelta

import frappe
import pytest
from frappe.utils import add_to_date, now_datetime

from imta_crm.policy.seating import (
	ATTENDED,
	CANCELLED,
	COMPLETED,
	CONFIRMED,
	NO_SHOW,
	OFFERED,
	REQUESTED,
	WAITLISTED,
)
from imta_crm.seating import offers, people, record, seats
from tests.site.factories import count_queries, make_member
from tests.site.seating_factories import (
	ACTIVITY,
	DELEGATE,
	ENROLLMENT,
	SESSION,
	booking,
	enroll,
	fill,
	make_activity,
	make_guest,
	make_person,
	make_session,
	statuses,
)

AT = {"reason": "Ill", "by": "Administrator"}


def codes(refused) -> list[str]:
	return [refusal.code for refusal in refused.value.refusals]


def status(booked) -> str:
	return frappe.db.get_value(ENROLLMENT, booked.name, "status")


def later(**span):
	return add_to_date(now_datetime(), **span)


# Taking a seat


def test_seats_are_given_in_order_then_places_in_line():
	session = make_session(capacity=2)
	booked = fill(session, 4)
	assert [each.status for each in booked] == [CONFIRMED, CONFIRMED, WAITLISTED, WAITLISTED]
	assert [each.place_in_line for each in booked] == [None, None, 1, 2]
	assert [each.name for each in booked] == [f"{session.name}-000{number}" for number in (1, 2, 3, 4)]
	assert booking(booked[3]).place_in_line == 2
	assert booking(booked[0]).place_in_line is None


def test_the_booking_knows_who_and_what():
	member = make_member(
		tier="Council", territory="Austria" if frappe.db.exists("Territory", "Austria") else None
	)
	session = make_session()
	person = make_person(member=member)
	doc = booking(enroll(session, person, remarks="No nuts", group_key="g1"))
	assert (doc.session, doc.program) == (session.name, session.program)
	assert (doc.contact, doc.member, doc.tier) == (person.contact, member.name, "Council")
	assert (doc.organisation, doc.country) == (member.member_name, "Austria")
	assert (doc.remarks, doc.group_key, doc.enrolled_by) == ("No nuts", "g1", "Administrator")
	assert (doc.starts_at_site, doc.ends_at_site) == (session.starts_at_site, session.ends_at_site)
	assert doc.live_key == f"{session.name}|{person.contact}" and len(doc.link_key) == 40
	assert doc.confirmed_at and doc.territory == frappe.db.get_value("IMTA Member", member.name, "territory")


def test_the_same_person_again_has_the_same_seat():
	session, person = make_session(), make_person()
	first = enroll(session, person)
	again = enroll(session, person)
	assert (again.name, again.already) == (first.name, True)
	seats.cancel(ENROLLMENT, first.name, **AT)
	assert enroll(session, person).name != first.name


def test_a_guest_is_known_by_the_address():
	session = make_session()
	first = enroll(session, make_guest("Ada", email="Ada@Else.example"))
	assert enroll(session, make_guest("A. Lovelace", email=" ada@else.EXAMPLE")).name == first.name
	with pytest.raises(seats.EnrollmentRefused) as refused:
		enroll(session, make_guest(email=" "))
	assert codes(refused) == ["seat_no_email"]


def test_without_a_limit_everybody_has_a_seat():
	session = make_session(capacity=0)
	assert {each.status for each in fill(session, 12)} == {CONFIRMED}
	assert seats.occupancy(SESSION, session.name)["free"] is None


@pytest.mark.parametrize(
	("fields", "code"),
	[
		({"status": "Draft"}, "seat_event_not_open"),
		({"enroll_from": {"days": 1}}, "seat_not_yet_open"),
		({"enroll_until": {"days": -1}}, "seat_closed"),
	],
)
def test_outside_the_window(fields, code):
	fields = {key: later(**value) if isinstance(value, dict) else value for key, value in fields.items()}
	session = make_session(**fields)
	with pytest.raises(seats.EnrollmentRefused) as refused:
		enroll(session)
	assert codes(refused) == [code]
	if session.status == "Open":
		assert enroll(session, by_staff=True).status == CONFIRMED


def test_what_is_said_of_a_refusal_is_no_html():
	begins = later(days=10)
	guest = make_guest("Ada <b>Lovelace</b>")
	enroll(make_session(begins=begins), guest)
	frappe.clear_messages()
	with pytest.raises(seats.EnrollmentRefused, match="&lt;b&gt;"):
		enroll(make_session(begins=begins), guest)
	assert all("<b>" not in str(message) for message in frappe.get_message_log())


def test_the_window_is_by_the_clock_of_the_event():
	# Three hours from now in Shanghai is the past by the clock of Honolulu, and the other way round.
	session = make_session(time_zone="Pacific/Honolulu", enroll_until=later(hours=-3))
	assert enroll(session).status == CONFIRMED
	session = make_session(time_zone="Pacific/Auckland", enroll_until=later(hours=3))
	with pytest.raises(seats.EnrollmentRefused):
		enroll(session)


def test_after_the_end_nobody_is_enrolled():
	session = make_session()
	move(session, days=-31)
	with pytest.raises(seats.EnrollmentRefused) as refused:
		enroll(session, by_staff=True)
	assert codes(refused) == ["seat_event_over"]


def test_walk_ins_while_it_runs_have_a_seat_or_none():
	session = make_session(capacity=1)
	move(session, begins=later(minutes=-30))
	assert enroll(session, by_staff=True).status == CONFIRMED
	with pytest.raises(seats.EnrollmentRefused) as refused:
		enroll(session, by_staff=True)
	assert codes(refused) == ["seat_none_left"]
	with pytest.raises(seats.EnrollmentRefused):
		enroll(session)


def test_the_waitlist_has_an_end():
	session = make_session(capacity=1, max_waiting=1)
	fill(session, 2)
	with pytest.raises(seats.EnrollmentRefused) as refused:
		enroll(session)
	assert codes(refused) == ["seat_waitlist_full"]
	assert statuses(session) == [CONFIRMED, WAITLISTED]


# Reservations and limits


def test_reserved_seats_are_kept_by_tier():
	council, ordinary = make_member(tier="Council"), make_member()
	session = make_session(capacity=3, reservations=[{"tier": "Council", "seats": 2}])
	assert enroll(session, make_person(member=ordinary)).status == CONFIRMED
	waiting = enroll(session, make_person(member=ordinary))
	assert waiting.status == WAITLISTED
	seat = enroll(session, make_person(member=council))
	assert (seat.status, booking(seat).pool) == (CONFIRMED, "Council|")
	session.reload()
	assert session.reservations[0].taken == 1
	frappe.db.set_value(SESSION, session.name, "reserved_until", later(minutes=-1))
	assert seats.advance(SESSION, session.name) == 1
	assert status(waiting) == OFFERED
	assert enroll(session, make_person(member=council)).status == WAITLISTED


def test_reserved_seats_are_kept_by_role():
	activity = make_activity(capacity=2, reservations=[{"delegate_role": "Speaker", "seats": 1}])
	assert enroll(activity, make_person().as_role("Delegate")).status == CONFIRMED
	assert enroll(activity, make_person().as_role("Delegate")).status == WAITLISTED
	speaker = enroll(activity, make_person().as_role("Speaker"), by_staff=True)
	assert booking(speaker, DELEGATE).pool == "|Speaker"
	how = seats.occupancy(ACTIVITY, activity.name)
	assert (how["taken"], how["waiting"], how["free"]) == (2, 1, 0)
	assert how["pools"][0] == {
		"tier": "",
		"delegate_role": "Speaker",
		"seats": 1,
		"taken": 1,
		"free": 0,
		"is_open": False,
	}


def test_a_freed_reserved_seat_passes_those_who_cannot_take_it():
	council = make_member(tier="Council")
	session = make_session(capacity=2, reservations=[{"tier": "Council", "seats": 1}])
	reserved, _open = enroll(session, make_person(member=council)), enroll(session)
	first, second = enroll(session), enroll(session, make_person(member=council))
	seats.cancel(ENROLLMENT, reserved.name, **AT)
	assert (status(first), status(second)) == (WAITLISTED, OFFERED)


def test_limits_of_an_organisation_by_tier():
	council, ordinary = make_member(tier="Council"), make_member()
	session = make_session(limits=[{"tier": "Council", "seats": 2}, {"seats": 1}])
	for member, allowed in ((council, 2), (ordinary, 1)):
		taken = [enroll(session, make_person(member=member)) for _ in range(allowed)]
		with pytest.raises(seats.EnrollmentRefused) as refused:
			enroll(session, make_person(member=member))
		assert codes(refused) == ["seat_limit_reached"]
		seats.cancel(ENROLLMENT, taken[0].name, **AT)
		assert enroll(session, make_person(member=member)).status == CONFIRMED
	enroll(session, make_guest(organisation="Outdoor School"))
	with pytest.raises(seats.EnrollmentRefused):
		enroll(session, make_guest(organisation=" outdoor  school"))
	assert enroll(session, make_guest()).status == CONFIRMED


# Several at once


def test_each_of_a_group_has_an_outcome_of_its_own():
	member = make_member()
	session = make_session(capacity=2, limits=[{"seats": 3}])
	group = [make_person(member=member) for _ in range(4)]
	outcomes = seats.request_many(SESSION, session.name, group, group_key="alpine")
	assert [each.booked and each.booked.status for each in outcomes] == [
		CONFIRMED,
		CONFIRMED,
		WAITLISTED,
		None,
	]
	assert [each.code for each in outcomes[3].refusals] == ["seat_limit_reached"]
	again = seats.request_many(SESSION, session.name, group[:3], group_key="alpine")
	assert [each.booked.name for each in again] == [each.booked.name for each in outcomes[:3]]
	assert all(each.booked.already for each in again)


# Two at the same time


def test_nobody_sits_in_two_rooms():
	begins = later(days=10)
	first = make_session(begins=begins, hours=3)
	overlapping = make_activity(begins=begins + timedelta(hours=2))
	following = make_session(begins=begins + timedelta(hours=3), capacity=1)
	person = make_person()
	enroll(first, person)
	with pytest.raises(seats.EnrollmentRefused) as refused:
		enroll(overlapping, person)
	assert codes(refused) == ["seat_double_booked"]
	assert refused.value.refusals[0].detail["event"] == first.title
	assert enroll(following, person).status == CONFIRMED
	guest = make_guest()
	enroll(overlapping, guest)
	with pytest.raises(seats.EnrollmentRefused):
		enroll(first, make_guest(email=guest.email))


def test_waiting_at_the_same_time_is_fine_until_there_is_a_seat():
	begins = later(days=10)
	full, other = make_session(begins=begins, capacity=1), make_session(begins=begins)
	taken = enroll(full)
	person = make_person()
	waiting, next_one = enroll(full, person), enroll(full)
	elsewhere = enroll(other, person)
	seats.cancel(ENROLLMENT, taken.name, **AT)
	# Busy elsewhere, so the next in line is asked; the place in line stays.
	assert (status(waiting), status(next_one)) == (WAITLISTED, OFFERED)
	seats.decline_offer(ENROLLMENT, next_one.name)
	assert status(waiting) == WAITLISTED
	seats.cancel(ENROLLMENT, elsewhere.name, **AT)
	assert seats.advance(SESSION, full.name) == 1
	assert status(waiting) == OFFERED
	# An offer holds a seat, so it is that or the other.
	with pytest.raises(seats.EnrollmentRefused):
		enroll(other, person)
	frappe.db.set_value(ENROLLMENT, elsewhere.name, {"status": CONFIRMED, "live_key": "test"})
	with pytest.raises(seats.EnrollmentRefused) as refused:
		seats.accept_offer(ENROLLMENT, waiting.name)
	assert codes(refused) == ["seat_double_booked"]


# The line


def test_a_freed_seat_is_offered_to_the_next_until_a_deadline():
	session = make_session(capacity=1, offer_hours=24)
	seat, first, second = fill(session, 3)
	seats.cancel(ENROLLMENT, seat.name, **AT)
	offered = booking(first)
	assert (offered.status, status(second)) == (OFFERED, WAITLISTED)
	left = offered.offer_expires_at - now_datetime()
	assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
	assert enroll(session).status == WAITLISTED  # the offered seat is held
	assert seats.accept_offer(ENROLLMENT, first.name).status == CONFIRMED
	again = seats.accept_offer(ENROLLMENT, first.name)
	assert again.already and booking(first).offer_expires_at is None
	assert booking(first).confirmed_at


def test_an_offer_that_nobody_answers_goes_to_the_next():
	session = make_session(capacity=1)
	seat, first, second, third = fill(session, 4)
	seats.cancel(ENROLLMENT, seat.name, **AT)
	late = later(hours=49)
	assert offers.advance_all(late)["failed"] == 0
	assert [status(each) for each in (first, second, third)] == [CANCELLED, OFFERED, WAITLISTED]
	assert "not answered" in booking(first).cancel_reason
	offers.advance_all(late)
	assert status(second) == OFFERED
	with pytest.raises(seats.EnrollmentRefused) as refused:
		seats.accept_offer(ENROLLMENT, first.name)
	assert codes(refused) == ["seat_offer_over"]
	seats.decline_offer(ENROLLMENT, second.name)
	seats.decline_offer(ENROLLMENT, second.name)
	assert [status(each) for each in (second, third)] == [CANCELLED, OFFERED]


def test_an_offer_that_is_over_is_not_accepted_before_the_job_comes():
	session = make_session(capacity=1)
	seat, first = fill(session, 2)
	seats.cancel(ENROLLMENT, seat.name, **AT)
	frappe.db.set_value(ENROLLMENT, first.name, "offer_expires_at", later(minutes=-1))
	with pytest.raises(seats.EnrollmentRefused) as refused:
		seats.accept_offer(ENROLLMENT, first.name)
	assert codes(refused) == ["seat_offer_over"]


def test_no_offer_lasts_into_the_event():
	session = make_session(capacity=1, begins=later(hours=5), offer_hours=48)
	seat, first = fill(session, 2)
	seats.cancel(ENROLLMENT, seat.name, by_staff=True, **AT)
	assert booking(first).offer_expires_at == session.starts_at_site


def test_more_seats_are_offered_at_once_and_fewer_are_not_taken_away():
	session = make_session(capacity=2)
	booked = fill(session, 5)
	session.reload()
	session.capacity = 4
	session.save()
	seats.advance(SESSION, session.name)
	assert statuses(session) == [CONFIRMED, CONFIRMED, OFFERED, OFFERED, WAITLISTED]
	frappe.db.set_value(SESSION, session.name, "capacity", 1)
	assert seats.advance(SESSION, session.name) == 0
	seats.cancel(ENROLLMENT, booked[0].name, **AT)
	assert statuses(session)[1:] == [CONFIRMED, OFFERED, OFFERED, WAITLISTED]
	how = seats.occupancy(SESSION, session.name)
	assert (how["taken"], how["offered"], how["free"]) == (3, 2, 0)


def test_once_begun_nobody_waits_any_more():
	session = make_session(capacity=1)
	seat, first, second = fill(session, 3)
	seats.cancel(ENROLLMENT, seat.name, **AT)
	move(session, begins=later(minutes=-1))
	offers.advance_all()
	assert statuses(session) == [CANCELLED] * 3
	assert booking(second).cancel_reason == "The event has begun."
	assert offers.advance_all() == {"events": 0, "offers": 0, "failed": 0}
	with pytest.raises(seats.EnrollmentRefused):
		seats.accept_offer(ENROLLMENT, first.name)


def test_the_failure_of_one_event_stops_no_other(monkeypatch):
	first, second = make_session(capacity=1), make_session(capacity=1)
	waiting = [fill(session, 2)[1] for session in (first, second)]
	frappe.db.sql(
		"update `tabTraining Session` set capacity = 2 where name in %s", ([first.name, second.name],)
	)
	real = seats.advance

	def advance(doctype, name, now=None):
		if name == first.name:
			raise ValueError("broken")
		return real(doctype, name, now)

	monkeypatch.setattr(seats, "advance", advance)
	monkeypatch.setattr(frappe.db, "rollback", lambda **_: None)  # the test's own rows stay
	assert offers.advance_all()["failed"] == 1
	assert [status(each) for each in waiting] == [WAITLISTED, OFFERED]


def test_a_newcomer_passes_nobody_who_waits():
	session = make_session(capacity=1)
	_seat, waiting = fill(session, 2)
	frappe.db.set_value(SESSION, session.name, "capacity", 2)  # as in the moment before the line has moved
	newcomer = enroll(session)
	assert (status(waiting), newcomer.status) == (OFFERED, WAITLISTED)


# Giving a seat back


def test_participants_cancel_until_the_deadline_staff_until_the_end():
	session = make_session(cancel_until=later(minutes=-5))
	seat, other = fill(session, 2)
	with pytest.raises(seats.EnrollmentRefused) as refused:
		seats.cancel(ENROLLMENT, seat.name, reason="Ill", by=None)
	assert codes(refused) == ["seat_cancel_too_late"]
	seats.cancel(ENROLLMENT, seat.name, by_staff=True, **AT)
	seats.cancel(ENROLLMENT, seat.name, by_staff=True, **AT)
	doc = booking(seat)
	assert (doc.status, doc.live_key, doc.cancel_reason) == (CANCELLED, None, "Ill")
	assert doc.cancelled_by == "Administrator" and doc.cancelled_at
	move(session, days=-31)
	with pytest.raises(seats.EnrollmentRefused) as refused:
		seats.cancel(ENROLLMENT, other.name, by_staff=True, **AT)
	assert codes(refused) == ["seat_event_over"]


def test_a_place_in_line_is_given_up_until_it_begins():
	session = make_session(capacity=1, cancel_until=later(minutes=-5))
	waiting = fill(session, 2)[1]
	seats.cancel(ENROLLMENT, waiting.name, reason="Ill", by=None)
	assert status(waiting) == CANCELLED


def test_a_seat_that_was_used_is_not_given_back():
	session = make_session()
	seat = enroll(session)
	seats.mark(ENROLLMENT, seat.name, ATTENDED, via="List")
	with pytest.raises(seats.EnrollmentRefused) as refused:
		seats.cancel(ENROLLMENT, seat.name, by_staff=True, **AT)
	assert codes(refused) == ["seat_used"]


def test_a_cancelled_event_cancels_all_and_offers_nothing():
	session = make_session(capacity=1)
	fill(session, 3)
	assert seats.cancel_all(SESSION, session.name, reason="Snow") == 3
	assert seats.cancel_all(SESSION, session.name, reason="Snow") == 0
	assert statuses(session) == [CANCELLED] * 3


# Handing it over


def test_a_colleague_takes_over_the_seat():
	member = make_member(tier="Council")
	session = make_session(capacity=1, reservations=[{"tier": "Council", "seats": 1}])
	old = enroll(session, make_person(member=member), group_key="alpine")
	waiting = enroll(session, make_person(member=make_member(tier="Council")))
	colleague = make_person(member=member)
	new = seats.transfer(ENROLLMENT, old.name, colleague, by=None)
	assert new.status == CONFIRMED and status(waiting) == WAITLISTED and status(old) == CANCELLED
	doc = booking(new)
	assert (doc.contact, doc.pool, doc.transferred_from) == (colleague.contact, "Council|", old.name)
	assert doc.group_key == "alpine"
	again = seats.transfer(ENROLLMENT, old.name, colleague, by=None)
	assert (again.name, again.already) == (new.name, True)


def test_a_seat_stays_in_the_organisation():
	member = make_member()
	session = make_session()
	old = enroll(session, make_person(member=member))
	for stranger in (make_person(member=make_member()), make_guest()):
		with pytest.raises(seats.EnrollmentRefused) as refused:
			seats.transfer(ENROLLMENT, old.name, stranger, by=None)
		assert codes(refused) == ["seat_other_organisation"]
	guests = enroll(session, make_guest(organisation="Outdoor School"))
	assert seats.transfer(ENROLLMENT, guests.name, make_guest(organisation="Outdoor school"), by=None)


def test_who_takes_over_a_seat_is_checked_as_others_are():
	member, begins = make_member(), later(days=9)
	session, other = make_session(begins=begins), make_session(begins=begins)
	old, busy = enroll(session, make_person(member=member)), make_person(member=member)
	enroll(other, busy)
	with pytest.raises(seats.EnrollmentRefused) as refused:
		seats.transfer(ENROLLMENT, old.name, busy, by=None)
	assert codes(refused) == ["seat_double_booked"]
	has_one = make_person(member=member)
	enroll(session, has_one)
	with pytest.raises(seats.EnrollmentRefused) as refused:
		seats.transfer(ENROLLMENT, old.name, has_one, by=None)
	assert codes(refused) == ["seat_has_one"]
	frappe.db.set_value(SESSION, session.name, "cancel_until", later(minutes=-1))
	with pytest.raises(seats.EnrollmentRefused) as refused:
		seats.transfer(ENROLLMENT, old.name, make_person(member=member), by=None)
	assert codes(refused) == ["seat_cancel_too_late"]
	assert seats.transfer(ENROLLMENT, old.name, make_person(member=member), by="Administrator", by_staff=True)


def test_a_colleague_who_waited_waits_no_longer():
	member = make_member()
	session = make_session(capacity=1, limits=[{"seats": 2}])
	old, colleague = enroll(session, make_person(member=member)), make_person(member=member)
	waiting = enroll(session, colleague)
	new = seats.transfer(ENROLLMENT, old.name, colleague, by=None)
	assert new.status == CONFIRMED
	assert statuses(session) == [CANCELLED, CANCELLED, CONFIRMED]
	assert status(waiting) == CANCELLED


# Approval


def test_requests_wait_for_the_coordinator():
	session = make_session(capacity=1, requires_approval=1)
	first, second, third = (enroll(session) for _ in range(3))
	assert statuses(session) == [REQUESTED] * 3
	assert seats.approve(ENROLLMENT, second.name).status == CONFIRMED
	assert seats.approve(ENROLLMENT, second.name).already
	assert seats.approve(ENROLLMENT, third.name).place_in_line == 1
	# The order of arrival is that of the requests.
	assert seats.approve(ENROLLMENT, first.name).place_in_line == 1
	seats.cancel(ENROLLMENT, second.name, **AT)
	assert statuses(session) == [OFFERED, CANCELLED, WAITLISTED]
	assert enroll(session, by_staff=True).status == WAITLISTED


def test_somebody_busy_is_not_approved_but_may_wait():
	begins = later(days=10)
	session = make_session(begins=begins, capacity=1, requires_approval=1)
	person = make_person()
	asked = enroll(session, person)
	enroll(make_session(begins=begins), person)
	with pytest.raises(seats.EnrollmentRefused) as refused:
		seats.approve(ENROLLMENT, asked.name)
	assert codes(refused) == ["seat_double_booked"]
	enroll(session, by_staff=True)
	assert seats.approve(ENROLLMENT, asked.name).status == WAITLISTED


def test_a_request_is_refused_once():
	session = make_session(requires_approval=1)
	first, second = enroll(session), enroll(session)
	seats.refuse(ENROLLMENT, first.name, "Not for beginners")
	seats.refuse(ENROLLMENT, first.name, "Not for beginners")
	assert booking(first).cancel_reason == "Not for beginners"
	seats.approve(ENROLLMENT, second.name)
	with pytest.raises(seats.EnrollmentRefused) as refused:
		seats.refuse(ENROLLMENT, second.name, "Too late")
	assert codes(refused) == ["seat_decided"]
	with pytest.raises(seats.EnrollmentRefused):
		seats.approve(ENROLLMENT, first.name)


# Attendance


def test_attendance_and_back():
	session = make_session()
	seat = enroll(session)
	came = later(minutes=-5)
	assert seats.mark(ENROLLMENT, seat.name, ATTENDED, via="QR Code", at=came, minutes=50)
	assert not seats.mark(ENROLLMENT, seat.name, ATTENDED, via="List")
	doc = booking(seat)
	assert (doc.check_in_via, doc.checked_in_by, doc.attended_minutes) == ("QR Code", "Administrator", 50)
	assert doc.checked_in_at == came
	seats.mark(ENROLLMENT, seat.name, CONFIRMED, via=None)
	assert booking(seat).checked_in_at is None
	seats.mark(ENROLLMENT, seat.name, NO_SHOW, via=None)
	seats.mark(ENROLLMENT, seat.name, ATTENDED, via="Meeting Report")
	seats.mark(ENROLLMENT, seat.name, COMPLETED, via=None, hours=3)
	doc = booking(seat)
	assert (doc.status, doc.hours, bool(doc.completed_at)) == (COMPLETED, 3, True)


def test_who_has_no_seat_has_not_attended():
	session = make_session(capacity=1)
	_seat, waiting = fill(session, 2)
	with pytest.raises(record.ForbiddenStep):
		seats.mark(ENROLLMENT, waiting.name, ATTENDED, via="List")
	with pytest.raises(ValueError):
		seats.mark(ENROLLMENT, waiting.name, CANCELLED, via="List")


# The record


def test_the_timeline_tells_what_became_of_a_seat():
	session = make_session(capacity=1)
	seat, first = fill(session, 2)
	seats.cancel(ENROLLMENT, seat.name, **AT)
	versions = frappe.get_all("Version", {"docname": first.name}, pluck="data")
	changes = [change for data in versions for change in frappe.parse_json(data)["changed"]]
	assert ["status", WAITLISTED, OFFERED] in changes


def test_what_cannot_become_of_a_seat():
	session = make_session(capacity=1)
	_seat, waiting = fill(session, 2)
	with pytest.raises(record.ForbiddenStep):
		record.write(ENROLLMENT, waiting.name, status=CONFIRMED)
	with pytest.raises(frappe.DoesNotExistError):
		seats.cancel(ENROLLMENT, "TS-0000-0000-0001", **AT)
	with pytest.raises(frappe.DoesNotExistError):
		seats.request(SESSION, "TS-0000-0000", make_guest())


def test_an_enrolment_takes_few_queries():
	session = make_session(capacity=5)
	enroll(session)
	with count_queries() as queries:
		enroll(session, make_person(member=make_member()))
	mine = [query for query in queries if "tabTraining Enrollment" in query]
	assert len(mine) < 12


# People


def test_people_of_several_members():
	ordinary, council = make_member(), make_member(tier="Council")
	person = make_person(member=ordinary)
	from imta_crm.membership import affiliates

	affiliates.add(council.name, person.contact, from_date=frappe.utils.getdate("2024-01-01"))
	assert people.of_contact(person.contact).member == council.name
	assert people.of_contact(person.contact, member=ordinary.name).tier == "Ordinary"
	assert [each.contact for each in people.colleagues(ordinary.name)] == [person.contact]
	frappe.db.set_value("Member Affiliate", {"contact": person.contact}, "to_date", "2025-01-01")


def test_former_people_and_members_without_benefits_are_guests():
	member = make_member()
	person = make_person(member=member)
	frappe.db.set_value("Member Affiliate", {"contact": person.contact}, "to_date", "2025-01-01")
	assert people.of_contact(person.contact).participant_type == people.GUEST
	assert people.of_contact(person.contact, on=frappe.utils.getdate("2024-06-01")).member == member.name
	other = make_person(member=member)
	frappe.db.set_value("IMTA Member", member.name, "status", "Suspended")
	assert people.of_contact(other.contact).participant_type == people.GUEST


def test_users_are_members_guests_or_staff():
	member = make_member()
	person = make_person(member=member, email="ada@club.example", is_representative=True)
	user = frappe.get_doc(
		{"doctype": "User", "email": "ada@club.example", "first_name": "Ada", "send_welcome_email": 0}
	)
	user.flags.no_welcome_mail = True
	user.insert(ignore_permissions=True)
	found = people.of_user(user.name)
	assert (found.contact, found.member, found.participant_type) == (
		person.contact,
		member.name,
		people.MEMBER,
	)
	assert people.represents(user.name, member.name)
	assert not people.represents(user.name, make_member().name)
	assert not people.represents(user.name, member.name, frappe.utils.getdate("2020-01-01"))
	assert not people.represents("Administrator", member.name)
	assert people.of_user("Administrator").participant_type == people.STAFF


def test_of_those_who_share_an_address_the_name_tells():
	member, address = make_member(), "office@club.example"
	ada, bob = (make_person(name, member=member, email=address) for name in ("Ada", "Bob"))
	user = frappe.get_doc({"doctype": "User", "email": address, "first_name": "Bob", "send_welcome_email": 0})
	user.flags.no_welcome_mail = True
	user.insert(ignore_permissions=True)
	frappe.db.sql("update `tabContact` set user = null where name in %s", ([ada.contact, bob.contact],))
	assert people.contact_of(user.name) == bob.contact
	frappe.db.set_value("User", user.name, "full_name", "Eve")
	assert people.contact_of(user.name) is None
	assert people.of_user(user.name).member is None
	session = make_session()
	assert enroll(session, ada).name != enroll(session, bob).name


def move(event, *, begins=None, **span) -> None:
	"""Move an event in the database, past what its form allows."""
	begins = begins or add_to_date(event.starts_at, **span)
	ends = begins + (event.ends_at - event.starts_at)
	frappe.db.set_value(
		event.doctype,
		event.name,
		{"starts_at": begins, "ends_at": ends, "starts_at_site": begins, "ends_at_site": ends},
	)


def test_a_seat_bears_the_name_in_its_own_order():
	"""As on the badge and the certificate. Frappe's full name has the family name last."""
	contact = frappe.get_doc(
		{
			"doctype": "Contact",
			"first_name": "文静",
			"last_name": "罗",
			"email_ids": [{"email_id": "luo@order.example", "is_primary": 1}],
		}
	).insert()
	assert people.of_contact(contact.name).name == "罗文静"
