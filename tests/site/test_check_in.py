"""At the door: tickets, the list, people without a seat, and what is taken back."""

from __future__ import annotations

from datetime import timedelta

import frappe
import pytest
from frappe.utils import now_datetime

from imta_crm.portal import links
from imta_crm.seating import check_in, seats
from imta_crm.seating.check_in import CheckInRefused, NoFreeSeat
from tests.site.attendance_factories import activity_with, move, now_on, session_with
from tests.site.factories import as_user, make_member, make_user
from tests.site.seating_factories import DELEGATE, ENROLLMENT, SESSION, enroll, fill, make_guest, make_person


def scan(code: str, event) -> dict:
	return check_in.check_in(code, event.doctype, event.name)


def status(name: str, doctype: str = ENROLLMENT) -> str:
	return frappe.db.get_value(doctype, name, "status")


# Tickets


@pytest.mark.parametrize("make", [session_with, activity_with])
def test_a_ticket_lets_in_and_a_second_look_says_since_when(make):
	event, (name,) = make()
	doctype = ENROLLMENT if event.doctype == SESSION else DELEGATE
	now_on(event)
	url = links.ticket_url(doctype, name)
	with as_user(make_user("Training Coordinator")) as coordinator:
		first = scan(url, event)
		second = scan(url, event)
	assert first["state"] == "in"
	assert first["booking"] == name
	row = frappe.db.get_value(
		doctype,
		name,
		["status", "checked_in_at", "checked_in_by", "check_in_via", "participant_name"],
		as_dict=1,
	)
	assert (row.status, row.checked_in_by, row.check_in_via) == ("Attended", coordinator, "QR Code")
	assert row.checked_in_at
	assert second["state"] == "already"
	assert second["since"] and second["since"] in second["message"]
	assert row.participant_name in second["message"]


def test_token_alone_and_the_participants_own_link_are_tickets_too():
	session, (one, two) = session_with(2)
	now_on(session)
	assert scan(links.ticket_url(ENROLLMENT, one).rpartition("/")[2], session)["state"] == "in"
	assert scan(links.seat_url(ENROLLMENT, two) + "?_lang=zh", session)["state"] == "in"


def test_forged_tickets_say_nothing_and_let_nobody_in():
	session, (name,) = session_with()
	now_on(session)
	url = links.ticket_url(ENROLLMENT, name)
	forged = links.make_token(name, "another key", now_datetime().date(), links.TICKETS[ENROLLMENT])
	feedback = links.feedback_url(name)
	person = frappe.db.get_value(ENROLLMENT, name, "participant_name")
	altered = url[:-12] + ("a" if url[-12] != "a" else "b") + url[-11:]
	for code in (altered, forged, feedback, name, "", "https://elsewhere.example/x", "ü" * 5000):
		answer = scan(code, session)
		assert answer["state"] == "refused", code
		assert person not in answer["message"]
	assert status(name) == "Confirmed"


def test_a_ticket_of_another_event_names_it():
	_session, (name,) = session_with(title="The Other Course")
	here, _ = session_with(0)
	activity, _ = activity_with(0)
	for event in (here, activity):
		now_on(event)
		answer = scan(links.ticket_url(ENROLLMENT, name), event)
		assert answer["state"] == "refused"
		assert "The Other Course" in answer["message"]
	assert status(name) == "Confirmed"


def test_who_has_no_seat_is_told_what_to_do():
	session, _ = session_with(capacity=1)
	waiting = enroll(session, make_person()).name
	other, (gone,) = session_with()
	seats.cancel(ENROLLMENT, gone, reason="Ill", by="Administrator", by_staff=True)
	now_on(session)
	now_on(other)
	on_waitlist = scan(links.ticket_url(ENROLLMENT, waiting), session)
	assert on_waitlist["state"] == "refused"
	assert "waitlist" in on_waitlist["message"]
	cancelled = scan(links.ticket_url(ENROLLMENT, gone), other)
	assert cancelled["state"] == "refused"
	assert "cancelled" in cancelled["message"]
	assert (status(waiting), status(gone)) == ("Waitlisted", "Cancelled")


def test_a_request_is_approved_at_the_door():
	session, _ = session_with(0, requires_approval=1)
	name = enroll(session, make_person()).name
	assert status(name) == "Requested"
	now_on(session)
	answer = scan(links.ticket_url(ENROLLMENT, name), session)
	assert answer["state"] == "admit"
	assert check_in.admit(ENROLLMENT, name)["state"] == "in"
	assert status(name) == "Attended"


def test_the_door_opens_half_a_day_before():
	session, (name,) = session_with()
	url = links.ticket_url(ENROLLMENT, name)
	with pytest.raises(CheckInRefused, match="door opens"):
		scan(url, session)
	move(session, now_datetime() + timedelta(hours=11))
	assert scan(url, session)["state"] == "in"


def test_nobody_comes_to_what_was_called_off():
	session, (name,) = session_with()
	url = links.ticket_url(ENROLLMENT, name)
	now_on(session)
	frappe.db.set_value(SESSION, session.name, "status", "Cancelled")
	with pytest.raises(CheckInRefused):
		scan(url, session)


# The list


def test_several_at_once_each_with_an_answer():
	session, names = session_with(3)
	session.db_set("capacity", 3)
	waiting = enroll(session, make_person()).name
	now_on(session)
	scan(links.ticket_url(ENROLLMENT, names[0]), session)
	found = check_in.check_in_many(SESSION, session.name, frappe.as_json([*names, waiting, "nobody"]))
	assert (found["in"], found["already"], len(found["refused"])) == (2, 1, 2)
	listed = check_in.door_list(SESSION, session.name)
	assert (listed["present"], listed["expected"], len(listed["people"])) == (3, 3, 4)
	assert frappe.db.get_value(ENROLLMENT, names[1], "check_in_via") == "List"


def test_undone_as_if_it_had_not_been():
	session, (name,) = session_with()
	now_on(session)
	check_in.check_in_many(SESSION, session.name, [name])
	assert check_in.undo(ENROLLMENT, name)["state"] == "undone"
	row = frappe.db.get_value(ENROLLMENT, name, ["status", "checked_in_at", "check_in_via"], as_dict=1)
	assert (row.status, row.checked_in_at, row.check_in_via or None) == ("Confirmed", None, None)
	check_in.undo(ENROLLMENT, name)
	assert status(name) == "Confirmed"


# Without a seat


def test_a_guest_takes_a_free_seat_on_the_spot():
	session, _ = session_with(1, capacity=2)
	now_on(session)
	answer = check_in.walk_in(
		SESSION, session.name, full_name="Ada Berg", email="ada@berg.example", organisation="Berg"
	)
	assert answer["state"] == "in"
	row = frappe.get_doc(ENROLLMENT, answer["booking"])
	assert (row.status, row.participant_name, row.organisation) == ("Attended", "Ada Berg", "Berg")
	again = check_in.walk_in(SESSION, session.name, full_name="Ada Berg", email="ADA@berg.example")
	assert (again["state"], again["booking"]) == ("already", answer["booking"])


def test_a_person_of_a_member_comes_without_enrolling():
	session, _ = session_with(0)
	person = make_person(member=make_member())
	now_on(session)
	answer = check_in.walk_in(SESSION, session.name, contact=person.contact)
	assert frappe.db.get_value(ENROLLMENT, answer["booking"], "member") == person.member


@pytest.mark.parametrize(("hours", "error"), [(2, NoFreeSeat), (-1, seats.EnrollmentRefused)])
def test_no_free_seat_no_entry(hours, error):
	"""Before the beginning others may wait for one, too."""
	session, _ = session_with(0, capacity=2)
	fill(session)
	move(session, now_datetime() + timedelta(hours=hours))
	with pytest.raises(error):
		check_in.walk_in(SESSION, session.name, full_name="Ada Berg", email="ada@berg.example")


def test_a_walk_in_needs_a_person():
	session, _ = session_with(0)
	now_on(session)
	for fields in ({}, {"full_name": "Ada"}, {"full_name": "Ada", "email": "nothing"}):
		with pytest.raises(CheckInRefused):
			check_in.walk_in(SESSION, session.name, **fields)


def test_the_rules_of_the_event_hold_at_the_door_too():
	session, _ = session_with(0, program={"open_to_guests": 0})
	now_on(session)
	with pytest.raises(seats.EnrollmentRefused):
		check_in.walk_in(SESSION, session.name, full_name="Ada Berg", email="ada@berg.example")


# Who may


@pytest.mark.parametrize("role", ["Treasurer", "Alliance Leadership", "Membership Manager", None])
def test_others_check_nobody_in(role):
	session, (name,) = session_with()
	now_on(session)
	url = links.ticket_url(ENROLLMENT, name)
	with as_user(make_user(role)):
		for act in (
			lambda: scan(url, session),
			lambda: check_in.check_in_many(SESSION, session.name, [name]),
			lambda: check_in.undo(ENROLLMENT, name),
			lambda: check_in.admit(ENROLLMENT, name),
			lambda: check_in.walk_in(SESSION, session.name, full_name="A", email="a@b.example"),
		):
			with pytest.raises(frappe.PermissionError):
				act()
	assert status(name) == "Confirmed"


def test_an_officer_checks_in_the_own_portfolio_and_sees_no_other():
	officer = make_user("Liaison Officer")
	mine, other = make_member(officer=officer), make_member()
	session, _ = session_with(0)
	own = enroll(session, make_person(member=mine)).name
	foreign = enroll(session, make_person("Foreign Person", member=other)).name
	guest = enroll(session, make_guest()).name
	now_on(session)
	codes = {name: links.ticket_url(ENROLLMENT, name) for name in (own, foreign, guest)}
	with as_user(officer):
		assert scan(codes[own], session)["state"] == "in"
		for name in (foreign, guest):
			answer = scan(codes[name], session)
			assert answer["state"] == "refused"
			assert "Foreign" not in answer["message"]
		assert [row.name for row in check_in.door_list(SESSION, session.name)["people"]] == [own]
		with pytest.raises(frappe.PermissionError):
			check_in.walk_in(SESSION, session.name, full_name="A", email="a@b.example")
		with pytest.raises(frappe.PermissionError):
			check_in.undo(ENROLLMENT, foreign)


def test_no_other_doctype_is_an_event():
	for doctype in ("User", "IMTA Member", "Training Enrollment"):
		with pytest.raises(frappe.PermissionError):
			check_in.check_in("x", doctype, "Administrator")
