"""Whatever runs at once or dies in between, everybody is invoiced once and no free seat is given twice."""

from __future__ import annotations

import random
import time

import frappe
import pytest

from imta_crm.seating import billing, seats
from tests.site.dues_site import committed
from tests.site.event_fees_site import (
	USD_FEES,
	assert_ledger,
	in_june,
	invoices,
	member_of,
	of,
	open_books,
	seat,
)
from tests.site.seating_crowd import at_once, each, start
from tests.site.seating_factories import (
	DELEGATE,
	ENROLLMENT,
	SESSION,
	enroll,
	make_activity,
	make_person,
	make_session,
)


@pytest.fixture(scope="module", autouse=True)
def swept(connected):
	frappe.set_user("Administrator")
	with committed():
		open_books()
		yield


def bill(session: str) -> tuple:
	frappe.flags.in_test = False  # a job commits
	done = billing.settle_event(SESSION, session, invoice=True)
	return done.invoices, done.credit_notes, done.problems


def a_session_of(members: int, people: int):
	session = make_session(capacity=0, **USD_FEES)
	paying = [member_of() for _ in range(members)]
	return session, [(member, seat(session, member)) for member in paying for _ in range(people)]


def assert_invoiced_once(session, booked) -> None:
	frappe.db.rollback()  # what the others have committed
	by_member = {}
	for member, each_ in booked:
		row = of(each_, session)
		assert (row.fee_state, row.fee_problem) == ("Invoiced", None)
		by_member.setdefault(member.customer, []).append((row.name, row.sales_invoice))
	found = invoices(session)
	assert sorted(invoice.customer for invoice in found) == sorted(by_member)
	for invoice in found:
		names = [row.imta_booking for row in invoice.items]
		assert [(name, invoice.name) for name in names] == sorted(by_member[invoice.customer])
		assert_ledger(invoice, total=100 * len(names), outstanding=100 * len(names))


def test_several_jobs_at_once():
	session, booked = a_session_of(members=4, people=2)
	answers = at_once(*[each(bill, session.name) for _ in range(4)])
	made = [invoice for [(names, _credits, problems)] in answers for invoice in names if not problems]
	assert len(made) == len(set(made)) == 4, answers
	assert_invoiced_once(session, booked)


def test_a_job_that_is_killed_between_the_steps():
	session, booked = a_session_of(members=5, people=2)
	moments = random.Random(20261123)
	for _kill in range(4):
		[worker] = start([each(bill, session.name)])
		time.sleep(moments.uniform(0.1, 1.2))
		worker.kill()
		worker.finish()
		frappe.db.rollback()
		rows = [of(each_, session) for _member, each_ in booked]
		live = {invoice.name for invoice in invoices(session)}
		assert {row.sales_invoice for row in rows if row.sales_invoice} == live
	[[answer]] = at_once(each(bill, session.name))
	assert not answer[2], answer
	assert_invoiced_once(session, booked)


def test_a_seat_given_up_while_it_is_invoiced():
	session, booked = a_session_of(members=3, people=1)

	def give_up(name: str) -> str:
		seats.cancel(ENROLLMENT, name, reason="Ill", by="Administrator")
		return "cancelled"

	given_up = [each_.name for _member, each_ in booked]
	answers = at_once(each(bill, session.name), *[each(give_up, name) for name in given_up])
	assert [answer for [answer] in answers[1:]] == ["cancelled"] * 3, answers
	assert not answers[0][0][2], answers
	at_once(each(bill, session.name))
	frappe.db.rollback()
	for invoice in invoices(session):
		assert_ledger(invoice, total=100, outstanding=0)
	assert {of(name, session).fee_due for name in given_up} == {0}
	assert {of(name, session).fee_state for name in given_up} <= {"Credited", "Nothing to Pay"}


def test_free_seats_are_given_once_to_trainings_and_activities_at_the_same_moment():
	member = member_of(free=3)
	session = make_session(capacity=0, begins=in_june(1), **USD_FEES)
	activity = make_activity(capacity=0, begins=in_june(3), **USD_FEES)
	people = [make_person(member=member) for _ in range(12)]
	jobs = [
		each(lambda person, event=event: enroll(event, person), *people[number::4])
		for event in (session, activity)
		for number in range(4)
	]
	answers = [answer for sent in at_once(*jobs) for answer in sent]
	assert all(isinstance(answer, seats.Booked) for answer in answers), answers
	frappe.db.rollback()
	free = [
		row.free_seat_key
		for doctype in (ENROLLMENT, DELEGATE)
		for row in frappe.get_all(
			doctype, {"member": member.name, "is_free_seat": 1}, ["free_seat_key"], limit=0
		)
	]
	assert sorted(free) == sorted(frappe.get_all("Free Seat", {"member": member.name}, pluck="name"))
	assert len(free) == len(set(free)) == 3
	to_pay = frappe.db.count(ENROLLMENT, {"member": member.name, "fee_due": 100})
	to_pay += frappe.db.count(DELEGATE, {"member": member.name, "fee_due": 100})
	assert to_pay == 21
