"""What forms, imports and steps of the workflow may do with a seat: ask the engine, and nothing past it."""

from __future__ import annotations

import frappe
import pytest
from frappe import client
from frappe.model.workflow import WorkflowPermissionError, apply_workflow, get_transitions

from imta_crm.activities import results
from imta_crm.policy.seating import ATTENDED, CANCELLED, CONFIRMED, NO_SHOW, OFFERED, REQUESTED, WAITLISTED
from imta_crm.seating import actions, record, seats
from imta_crm.workflows import WorkflowBypassed
from tests.site.factories import as_user, make_member, make_user
from tests.site.seating_factories import (
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

COORDINATOR, OFFICER = "Training Coordinator", "Liaison Officer"


def form(event, person, **fields) -> dict:
	"""What the desk sends for a new enrolment."""
	return {
		"doctype": ENROLLMENT,
		"session": event.name,
		"participant_type": person.participant_type,
		"contact": person.contact,
		"participant_name": person.name,
		"email": person.email,
		"member": person.member,
		"__islocal": 1,
		**fields,
	}


def test_a_form_gets_what_the_engine_gives():
	session = make_session(capacity=1)
	with as_user(make_user(COORDINATOR)) as user:
		first = client.insert(form(session, make_person(member=make_member()), remarks="No nuts"))
		second = client.insert(form(session, make_guest()))
		third = client.save(form(session, make_guest()))
	assert [each["status"] for each in (first, second)] == [CONFIRMED, WAITLISTED]
	assert first["name"] == f"{session.name}-0001" and first["remarks"] == "No nuts"
	assert first["enrolled_by"] == user and third.queue_no == 3
	assert statuses(session) == [CONFIRMED, WAITLISTED, WAITLISTED]


def test_no_form_says_what_only_the_engine_decides():
	session = make_session(capacity=1)
	fill(session)
	wishes = {"status": CONFIRMED, "queue_no": 99, "pool": "Council|", "live_key": "mine", "fee": -5}
	with as_user(make_user(COORDINATOR)):
		got = client.insert(form(session, make_guest(), name="mine", **wishes))
	doc = booking(got["name"])
	assert (doc.status, doc.queue_no, doc.pool) == (WAITLISTED, 2, None)
	assert doc.name == f"{session.name}-0002" and doc.live_key.startswith(session.name) and doc.fee == 0
	with as_user(make_user(COORDINATOR)):
		sent = doc.as_dict()
		sent.update(wishes, status=WAITLISTED, remarks="Two metres tall")
		client.save(sent)
	doc = booking(got["name"])
	assert (doc.remarks, doc.queue_no, doc.pool, doc.fee) == ("Two metres tall", 2, None, 0)
	assert doc.live_key.startswith(session.name)


@pytest.mark.parametrize("status", [CONFIRMED, OFFERED, ATTENDED, REQUESTED, "Draft"])
def test_no_form_sets_a_status(status):
	session = make_session(capacity=1)
	waiting = fill(session, 2)[1]
	with as_user(make_user(COORDINATOR)):
		sent = booking(waiting).as_dict()
		with pytest.raises((WorkflowPermissionError, frappe.LinkValidationError)):
			client.save({**sent, "status": status})
		with pytest.raises((WorkflowPermissionError, frappe.LinkValidationError)):
			client.set_value(ENROLLMENT, waiting.name, "status", status)
	assert statuses(session) == [CONFIRMED, WAITLISTED]


def test_without_the_workflow_nobody_takes_a_step():
	session = make_session(requires_approval=1)
	asked = enroll(session)
	frappe.db.set_value("Workflow", {"document_type": ENROLLMENT}, "is_active", 0)
	frappe.clear_cache(doctype=ENROLLMENT)
	frappe.cache.hdel("workflow", ENROLLMENT)
	try:
		doc = booking(asked)
		doc.status = CONFIRMED
		with pytest.raises(WorkflowBypassed):
			doc.save()
	finally:
		frappe.db.set_value("Workflow", {"document_type": ENROLLMENT}, "is_active", 1)
		frappe.cache.hdel("workflow", ENROLLMENT)


def test_steps_of_the_workflow_are_taken_by_the_engine():
	session = make_session(capacity=1, requires_approval=1)
	first, second, third = (enroll(session) for _ in range(3))
	with as_user(make_user(COORDINATOR)) as user:
		apply_workflow(booking(first).as_dict(), "Approve")
		assert apply_workflow(booking(second).as_dict(), "Approve").status == WAITLISTED
		apply_workflow(booking(third).as_dict(), "Refuse")
		assert statuses(session) == [CONFIRMED, WAITLISTED, CANCELLED]
		apply_workflow(booking(first).as_dict(), "Cancel Enrolment")
		assert statuses(session) == [CANCELLED, OFFERED, CANCELLED]
		apply_workflow(booking(second).as_dict(), "Accept Offer")
		apply_workflow(booking(second).as_dict(), "Mark Attended")
		assert booking(second).checked_in_by == user
		apply_workflow(booking(second).as_dict(), "Mark No-show")
	assert statuses(session) == [CANCELLED, NO_SHOW, CANCELLED]
	assert booking(first).cancelled_by == user and booking(third).cancel_reason == "The request was refused."


def test_decisions_that_wait_are_in_nobodys_list_once_they_are_made():
	session = make_session(requires_approval=1)
	asked = enroll(session)
	waiting = {"reference_doctype": ENROLLMENT, "reference_name": asked.name}
	assert frappe.db.count("Workflow Action", waiting)
	seats.approve(ENROLLMENT, asked.name)
	assert not frappe.db.count("Workflow Action", waiting)


def test_officers_take_steps_for_their_own_members_people_alone():
	session, officer = make_session(), make_user(OFFICER)
	own, other = make_member(officer=officer), make_member()
	mine, theirs = (enroll(session, make_person(member=member)) for member in (own, other))
	with as_user(officer):
		assert {each.action for each in get_transitions(booking(mine))} == {"Cancel Enrolment"}
		apply_workflow(booking(mine).as_dict(), "Cancel Enrolment")
		for lie in ({}, {"member": own.name}, {"member": None}):
			with pytest.raises((frappe.PermissionError, frappe.CannotChangeConstantError)):
				doc = frappe.get_doc(ENROLLMENT, theirs.name)
				doc.update({"status": CANCELLED, **lie})
				doc.save()
			with pytest.raises(frappe.PermissionError):
				client.insert(form(session, make_person(member=other), **lie))
	assert statuses(session) == [CANCELLED, CONFIRMED]


@pytest.mark.parametrize("role", ["Treasurer", "Alliance Leadership", "Membership Manager", None])
def test_who_only_reads_enrols_nobody(role):
	session = make_session()
	with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
		client.insert(form(session, make_guest()))
	assert statuses(session) == []


def test_a_wrong_address_is_put_right():
	session = make_session()
	seat = enroll(session, make_guest(email="ada@wrong.example"))
	doc = booking(seat)
	doc.email = "Ada@Right.example"
	doc.save()
	assert doc.live_key == f"{session.name}|ada@right.example"
	assert enroll(session, make_guest(email="ada@right.example")).name == seat.name
	other = booking(enroll(session, make_guest(email="bob@right.example")))
	other.email = "ada@right.example"
	with pytest.raises(frappe.ValidationError):
		other.save()


def test_a_delegate_has_a_role():
	activity = make_activity(capacity=1, reservations=[{"delegate_role": "Speaker", "seats": 1}])
	with as_user(make_user(COORDINATOR)):
		got = client.insert(
			{
				"doctype": DELEGATE,
				"activity": activity.name,
				"participant_type": "Guest",
				"participant_name": "Ada Lovelace",
				"email": "ada@else.example",
				"delegate_role": "Speaker",
				"contribution": "Mountains by numbers",
				"position": "Professor",
			}
		)
	assert (got["status"], got["pool"], got["contribution"]) == (
		CONFIRMED,
		"|Speaker",
		"Mountains by numbers",
	)
	assert got["position"] == "Professor"


def test_what_is_missing_in_a_form_is_said():
	session = make_session()
	guest = make_guest()
	for wrong in (
		{"session": None},
		{"session": "TS-0000-0000"},
		{"email": None},
		{"participant_type": "Member"},
		{"participant_type": "Staff"},
	):
		with pytest.raises(frappe.MandatoryError):
			client.insert(form(session, guest, **wrong))
	with pytest.raises(seats.EnrollmentRefused):
		client.insert(form(make_session(status="Draft"), guest))


def test_staff_are_enrolled_by_their_login():
	session, user = make_session(), make_user(OFFICER)
	got = client.insert(
		form(session, make_guest(), participant_type="Staff", email=user, participant_name="Somebody")
	)
	assert (got["participant_type"], got["user"], got["member"]) == ("Staff", user, None)


def test_seats_are_not_written_past_the_engine():
	session = make_session(capacity=1)
	waiting = fill(session, 2)[1]
	doc = booking(waiting)
	doc.status = CONFIRMED
	with pytest.raises((WorkflowPermissionError, record.ForbiddenStep)):
		doc.save(ignore_permissions=True)
	how = seats.occupancy(SESSION, session.name)
	assert (how["taken"], how["waiting"]) == (1, 1)


@pytest.mark.parametrize("role", ["Treasurer", "Alliance Leadership", OFFICER])
def test_who_only_reads_is_not_told_off_for_looking(role):
	session, activity = make_session(), make_activity()
	with as_user(make_user(role)):
		frappe.clear_messages()
		actions.overview(SESSION, session.name)
		actions.overview(activity.doctype, activity.name)
		results.overview(activity.name)
		assert not frappe.get_message_log()
