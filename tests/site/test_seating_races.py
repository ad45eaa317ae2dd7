"""Many people at the same moment, on the real database: no seat is sold twice, and nobody sees an error."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import timedelta

import frappe
import pytest
from frappe.utils import now_datetime

from imta_crm.policy.seating import CANCELLED, CONFIRMED, HOLDS_SEAT, OFFERED, WAITLISTED
from imta_crm.seating import seats
from imta_crm.transactions import persistently
from tests.site.dues_site import committed
from tests.site.seating_crowd import at_once, each, start
from tests.site.seating_factories import (
	ENROLLMENT,
	SESSION,
	booking,
	enroll,
	make_activity,
	make_guest,
	make_person,
	make_session,
	statuses,
)

PROCESSES = 20


@pytest.fixture(scope="module", autouse=True)
def swept(connected):
	frappe.set_user("Administrator")
	with committed():
		yield


def rows(event) -> list:
	frappe.db.rollback()  # what the others have committed
	return frappe.get_all(ENROLLMENT, {"session": event.name}, ["*"], order_by="queue_no", limit=0)


def assert_whole(event) -> None:
	"""Numbers without a gap, one letter for each seat, no seat too many, and keys as the statuses ask."""
	found = rows(event)
	assert [row.queue_no for row in found] == list(range(1, len(found) + 1))
	assert frappe.db.get_value(event.doctype, event.name, "arrivals") == len(found)
	assert sum(row.status in HOLDS_SEAT for row in found) <= event.capacity
	for row in found:
		assert bool(row.live_key) == (row.status != CANCELLED)
		assert bool(row.offer_expires_at) == (row.status == OFFERED)
	noted = set(frappe.get_all("Seat Notice", {"event": event.name}, pluck="booking", limit=0))
	assert noted == {row.name for row in found}


def test_200_enrolments_from_20_processes_for_50_seats(swept):
	session = make_session(capacity=50)
	people = [make_guest() for _ in range(200)]
	sent = at_once(
		*(
			each(lambda person: enroll(session, person), *people[number::PROCESSES])
			for number in range(PROCESSES)
		)
	)
	answers = [answer for answers in sent for answer in answers]
	assert all(isinstance(answer, seats.Booked) for answer in answers), answers
	assert Counter(answer.status for answer in answers) == {CONFIRMED: 50, WAITLISTED: 150}
	assert statuses_of(session) == [CONFIRMED] * 50 + [WAITLISTED] * 150
	assert_whole(session)
	# In each process one came after the other, and so they stand in line.
	for own in sent:
		assert [answer.name for answer in own] == sorted(answer.name for answer in own)
	assert len({row.email for row in rows(session)}) == 200


def test_in_the_middle_of_other_transactions_no_seat_is_sold_twice(swept):
	"""Whoever has read and written before sees the past by plain reads; the engine must not."""
	session = make_session(capacity=12)
	people = [make_person() for _ in range(32)]

	def within(person):
		def whole():
			frappe.db.count(ENROLLMENT, {"session": session.name})
			frappe.db.set_value("Contact", person.contact, "designation", "Guide")
			time.sleep(0.005)
			return enroll(session, person)

		return persistently(whole)

	answers = [
		answer
		for answers in at_once(*(each(within, *people[number::8]) for number in range(8)))
		for answer in answers
	]
	assert all(isinstance(answer, seats.Booked) for answer in answers), answers
	assert statuses_of(session) == [CONFIRMED] * 12 + [WAITLISTED] * 20
	assert_whole(session)


def test_approvals_and_requests_at_once(swept):
	session = make_session(capacity=6, requires_approval=1)
	names = [enroll(session).name for _ in range(12)]

	def approve(name):
		return seats.approve(ENROLLMENT, name)

	def walk_in(person):
		return enroll(session, person, by_staff=True)

	jobs = [each(approve, *names[number::3], *names[number::2]) for number in range(3)]
	jobs += [each(walk_in, make_guest(), make_guest()) for _ in range(3)]
	answers = [answer for answers in at_once(*jobs) for answer in answers]
	assert all(isinstance(answer, seats.Booked) for answer in answers), answers
	assert Counter(statuses_of(session)) == {CONFIRMED: 6, WAITLISTED: 12}
	assert_whole(session)


def test_the_same_people_for_two_sessions_in_different_order(swept):
	begins = now_datetime().replace(microsecond=0) + timedelta(days=40)
	first = make_session(capacity=10, begins=begins)
	second = make_session(capacity=10, begins=begins + timedelta(days=1))
	people = [make_person() for _ in range(24)]
	jobs = []
	for number in range(8):
		mine = people[number * 3 : number * 3 + 6] or people[:6]
		pairs = [(event, person) for person in mine for event in (first, second)]
		jobs.append(each(lambda pair: enroll(*pair), *(pairs if number % 2 else reversed(pairs))))
	answers = [answer for answers in at_once(*jobs) for answer in answers]
	assert all(isinstance(answer, seats.Booked) for answer in answers), answers
	for event in (first, second):
		assert statuses_of(event) == [CONFIRMED] * 10 + [WAITLISTED] * 14
		assert_whole(event)


def test_groups_in_different_order_meet_no_deadlock(swept):
	session, other = make_session(capacity=100), make_session(capacity=100, hours=1)
	frappe.db.set_value(SESSION, other.name, {"starts_at": "2031-01-01 08:00", "ends_at": "2031-01-01 09:00"})
	frappe.db.set_value(
		SESSION, other.name, {"starts_at_site": "2031-01-01 08:00", "ends_at_site": "2031-01-01 09:00"}
	)
	people = [make_person() for _ in range(12)]

	def together(event, group):
		return [outcome.booked.name for outcome in seats.request_many(SESSION, event.name, group)]

	jobs = [
		each(lambda pair: together(*pair), *pairs)
		for pairs in (
			[(session, people), (other, people)],
			[(other, people[::-1]), (session, people[::-1])],
			[(session, people[6:]), (other, people[:6])],
			[(other, people[3:9]), (session, people)],
		)
	]
	answers = [answer for answers in at_once(*jobs) for answer in answers]
	assert all(isinstance(answer, list) for answer in answers), answers
	for event in (session, other):
		assert statuses_of(event) == [CONFIRMED] * 12
		assert_whole(event)


@pytest.mark.parametrize("make", [make_person, make_guest])
def test_one_person_two_events_at_the_same_time_at_once(swept, make):
	begins = now_datetime().replace(microsecond=0) + timedelta(days=50)
	for _round in range(4):
		person = make()
		events = [make_session(begins=begins), make_activity(begins=begins + timedelta(hours=1))]
		jobs = [each(lambda pair: enroll(*pair), (event, person)) for event in events]
		answers = [answer for answers in at_once(*jobs) for answer in answers]
		assert Counter(type(answer).__name__ for answer in answers) == {"Booked": 1, "tuple": 1}, answers
		frappe.db.rollback()
		assert len(statuses(events[0]) + statuses(events[1])) == 1


def test_one_person_many_times_at_once_has_one_seat(swept):
	session, person = make_session(), make_person()
	answers = [
		answer
		for answers in at_once(*[each(lambda _: enroll(session, person), 1, 2)] * 6)
		for answer in answers
	]
	assert {answer.name for answer in answers} == {f"{session.name}-0001"}
	assert sorted(answer.already for answer in answers) == [False] + [True] * 11


def test_cancellations_while_offers_are_taken(swept):
	session = make_session(capacity=20)
	people = [make_guest() for _ in range(60)]
	names = [booked.name for booked in (enroll(session, person) for person in people)]
	frappe.db.commit()
	chance = random.Random(4)

	def step(name):
		row = frappe.db.get_value(ENROLLMENT, name, ["status"], as_dict=True)
		if row.status == OFFERED:
			seats.accept_offer(ENROLLMENT, name)
		elif row.status in (CONFIRMED, WAITLISTED) and chance.random() < 0.4:
			seats.cancel(ENROLLMENT, name, reason="Ill", by=None)

	def mover(_):
		seats.advance(SESSION, session.name)

	def newcomer(person):
		enroll(session, person)

	jobs = []
	for number in range(8):
		mine = names * 2
		random.Random(number).shuffle(mine)
		jobs.append(each(step, *mine[:40]))
	jobs.append(each(mover, *range(20)))
	jobs.append(each(newcomer, *(make_guest() for _ in range(10))))
	answers = [answer for answers in at_once(*jobs) for answer in answers if answer]
	# Somebody else may have been quicker with the same seat; nothing worse may happen.
	assert all(answer[0] == "EnrollmentRefused" for answer in answers), answers
	assert_whole(session)
	found = Counter(row.status for row in rows(session))
	assert found[CANCELLED] > 10
	holds = sum(found[status] for status in HOLDS_SEAT)
	assert holds == 20 or not found[WAITLISTED]
	# Nobody with an earlier number waits while a later one was offered a seat.
	offered = [row.queue_no for row in rows(session) if row.status == OFFERED]
	waiting = [row.queue_no for row in rows(session) if row.status == WAITLISTED]
	assert not offered or not waiting or max(offered) < min(waiting)


def test_killed_in_the_middle_nothing_is_half_written(swept):
	"""What a process has told of stands; of what it was doing then, all or nothing does."""
	session = make_session(capacity=15)
	moments = random.Random(7)
	told: dict[str, bool] = {}  # booking: was it cancelled
	rounds, at_least = 4, 3
	for round_no in range(rounds):

		def working(number, prefix=f"killed-{round_no}"):
			def job(send):
				for step in range(1000):
					booked = enroll(session, make_guest(email=f"{prefix}-{number}-{step}@else.example"))
					if cancels := step % 2 == 0:
						seats.cancel(ENROLLMENT, booked.name, reason="Ill", by=None)
					frappe.db.commit()
					send((booked.name, cancels))

			return job

		workers = start([working(1), working(2)])
		sent = [worker.next() for worker in workers for _ in range(at_least)]
		time.sleep(moments.uniform(0, 0.05))  # in the middle of something, of what does not matter
		for worker in workers:
			worker.kill()
		for worker in workers:
			sent += worker.finish()
		assert "crash" not in dict(sent), sent
		assert not told.keys() & dict(sent).keys()
		told.update(sent)
		assert_whole(session)
		found = {row.name: row.status for row in rows(session)}
		assert all((found[name] == CANCELLED) == cancelled for name, cancelled in told.items())
	assert len(told) >= rounds * len(workers) * at_least
	# Whoever comes next finds no lock left behind; it would be waited for in vain. By now all is settled.
	enroll(session)
	frappe.db.commit()
	assert_whole(session)
	assert len(rows(session)) - 1 - len(told) <= rounds * len(workers)  # each was in the middle of one
	assert booking(f"{session.name}-0001")


def statuses_of(event) -> list[str]:
	return [row.status for row in rows(event)]
