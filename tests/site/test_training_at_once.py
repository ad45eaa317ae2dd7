"""How many people one request may enrol or approve: no more than it can finish in time."""

from __future__ import annotations

import frappe
import pytest

from imta_crm.seating import actions
from imta_crm.training import sessions
from tests.site.factories import make_member
from tests.site.seating_factories import ENROLLMENT, SESSION, enroll, make_person, make_session

MANY = [f"Nobody {number}" for number in range(actions.AT_ONCE)]


@pytest.fixture
def session(site):
	return make_session(requires_approval=1)


def test_a_group_has_a_limit(session):
	member = make_member()
	person = make_person(member=member)
	with pytest.raises(frappe.ValidationError, match="At most 200"):
		sessions.enrol_group(session.name, member.name, [person.contact, *MANY])
	assert not frappe.db.count(ENROLLMENT, {"session": session.name})
	said = sessions.enrol_group(session.name, member.name, [person.contact, *MANY[1:]])
	assert len(said) == 1
	assert said[0]["status"]


def test_approvals_have_a_limit(session):
	booked = enroll(session)
	with pytest.raises(frappe.ValidationError, match="At most 200"):
		actions.approve(SESSION, session.name, [booked.name, *MANY])
	assert frappe.db.get_value(ENROLLMENT, booked.name, "status") == "Requested"
	# The same one named twice is one.
	assert len(actions.approve(SESSION, session.name, [booked.name, booked.name, *MANY[1:]])) == 1


def test_those_who_said_yes_have_a_limit(session):
	with pytest.raises(frappe.ValidationError, match="At most 200"):
		sessions.enrol_answers(session.name, ["One more", *MANY])
