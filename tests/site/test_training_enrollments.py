"""Enrolling from the desk: audience and prerequisites, groups, answers to campaigns, decisions, and the form."""

from __future__ import annotations

from datetime import timedelta

import frappe
import pytest
from frappe.model.workflow import apply_workflow
from frappe.utils import now_datetime, nowdate

from imta_crm.invitations import activities
from imta_crm.policy.prospects import Prospect
from imta_crm.seating import actions, seats
from imta_crm.seating.seats import EnrollmentRefused
from imta_crm.training import rules, sessions
from tests.site.factories import as_user, make_member, make_tier, make_user
from tests.site.seating_factories import (
	booking,
	enroll,
	fill,
	make_guest,
	make_person,
	make_program,
	make_session,
	statuses,
)

ENROLLMENT = "Training Enrollment"


def codes(session, person) -> list[str]:
	event = frappe.db.get_value(session.doctype, session.name, "*", as_dict=True)
	return [refusal.code for refusal in rules.check(event, person, by_staff=False)]


# Audience


def test_a_program_may_be_for_some_tiers(site):
	council, ordinary = make_member(tier="Council"), make_member()
	session = make_session(make_program(audience=[{"tier": "Council"}]).name)
	assert codes(session, make_person(member=council)) == []
	assert codes(session, make_person(member=ordinary)) == ["training_tier"]


def test_guests_and_staff_by_the_program(site):
	closed = make_session(make_program(open_to_guests=0, open_to_staff=0).name)
	staff = actions.person_of(f"User:{make_user('Treasurer')}")
	assert staff.participant_type == "Staff"
	assert codes(closed, make_guest()) == ["training_guests"]
	assert codes(closed, staff) == ["training_staff"]
	assert codes(make_session(), make_guest()) == codes(make_session(), staff) == []


# Prerequisites


def prerequisite(certificate_required: int = 0):
	first = make_program()
	second = make_program(
		prerequisites=[{"program": first.name, "certificate_required": certificate_required}]
	)
	return first, make_session(second.name)


def complete(program: str, person) -> str:
	earlier = make_session(program, begins=now_datetime() + timedelta(days=3))
	name = enroll(earlier, person).name
	frappe.db.set_value(ENROLLMENT, name, {"status": "Completed"})
	return name


def certify(program: str, person, **fields):
	certificate = frappe.new_doc("Training Certificate")
	certificate.update(
		{
			"holder_name": person.name,
			"contact": person.contact,
			"program": program,
			"completed_on": nowdate(),
			"token": frappe.generate_hash(length=32),
			"status": "Valid",
			**fields,
		}
	)
	certificate.name = frappe.generate_hash(length=10)
	certificate.db_insert()
	return certificate


def test_what_must_come_first_is_checked_for_everybody(site):
	first, session = prerequisite()
	person = make_person(member=make_member())
	assert codes(session, person) == ["training_prerequisite"]
	with pytest.raises(EnrollmentRefused) as refused:
		enroll(session, person, by_staff=True)
	assert first.program_name in str(refused.value)
	complete(first.name, person)
	assert codes(session, person) == []
	assert codes(session, make_person(member=make_member())) == ["training_prerequisite"]


def test_a_guest_without_a_contact_is_known_by_the_address(site):
	first, session = prerequisite()
	guest = make_guest()
	complete(first.name, guest)
	assert codes(session, guest) == []


def test_colleagues_who_share_an_address_have_not_learned_it_all(site):
	first, session = prerequisite()
	club = make_member()
	one = make_person(member=club, email="office@club.example")
	other = make_person(member=club, email="office@club.example")
	complete(first.name, one)
	assert codes(session, one) == []
	assert codes(session, other) == ["training_prerequisite"]


def test_a_certificate_must_be_valid_on_the_day_of_the_session(site):
	first, session = prerequisite(certificate_required=1)
	person = make_person(member=make_member())
	complete(first.name, person)
	assert codes(session, person) == ["training_certificate"]
	expired = certify(first.name, person, valid_until=frappe.utils.add_days(nowdate(), 5))
	assert codes(session, person) == ["training_certificate"]
	frappe.db.set_value(expired.doctype, expired.name, "valid_until", "2199-01-01")
	assert codes(session, person) == []
	frappe.db.set_value(expired.doctype, expired.name, "status", "Revoked")
	assert codes(session, person) == ["training_certificate"]
	certify(first.name, person)
	assert codes(session, person) == []


# From the desk


def test_people_are_enrolled_each_with_an_outcome_of_their_own(site):
	program = make_program(open_to_guests=0)
	session = make_session(program.name, capacity=1)
	member, stranger = make_person(member=make_member()), make_person()
	staff = make_user("Treasurer")
	chosen = [f"Contact:{member.contact}", f"Contact:{stranger.contact}", f"User:{staff}", "User:nobody"]
	with as_user(make_user("Training Coordinator")) as me:
		said = sessions.enrol(session.name, frappe.as_json([*chosen, chosen[0]]))
	assert [(row["status"], row["place"]) for row in said] == [
		("Confirmed", None),
		(None, None),
		("Waitlisted", 1),
	]
	assert said[1]["problems"] and not said[0]["problems"]
	assert booking(said[0]["booking"]).enrolled_by == me
	assert booking(said[2]["booking"]).participant_type == "Staff"


def test_a_group_of_an_organisation_is_enrolled_together(site):
	club = make_member()
	here, also, elsewhere = make_person(member=club), make_person(member=club), make_person()
	session = make_session(limits=[{"tier": "", "seats": 2}])
	enroll(session, here)
	with as_user(make_user("Training Coordinator")):
		rows = {row["contact"]: row["status"] for row in sessions.affiliates(session.name, club.name)}
		third = make_person(member=club)
		said = sessions.enrol_group(
			session.name, club.name, [also.contact, elsewhere.contact, third.contact, here.contact]
		)
	assert rows == {here.contact: "Confirmed", also.contact: ""}
	assert [(row["person"], row["status"], row["already"]) for row in said] == [
		(also.name, "Confirmed", False),
		(third.name, None, False),  # the organisation has its two
		(here.name, "Confirmed", True),
	]
	assert booking(said[0]["booking"]).group_key


def test_an_officer_enrols_people_of_the_own_portfolio_only(site):
	officer = make_user("Liaison Officer")
	mine, other = make_member(officer=officer), make_member()
	session = make_session()
	own, foreign = make_person(member=mine), make_person(member=other)
	with as_user(officer):
		assert sessions.enrol(session.name, [f"Contact:{own.contact}"])[0]["status"] == "Confirmed"
		for chosen in (
			[f"Contact:{foreign.contact}"],
			[f"User:{officer}"],
			[f"Contact:{make_person().contact}"],
		):
			with pytest.raises(frappe.PermissionError):
				sessions.enrol(session.name, chosen)
		with pytest.raises(frappe.PermissionError):
			sessions.enrol_group(session.name, other.name, [foreign.contact])
		with pytest.raises(frappe.PermissionError):
			sessions.affiliates(session.name, other.name)
		assert [row["contact"] for row in sessions.affiliates(session.name, mine.name)] == [own.contact]


@pytest.mark.parametrize(
	"role", ["Treasurer", "Membership Manager", "Alliance Leadership", "Alliance Member"]
)
def test_who_only_reads_enrols_and_decides_nothing(site, role):
	session = make_session()
	person = make_person(member=make_member())
	name = enroll(session).name
	with as_user(make_user(role)):
		for act in (
			lambda: sessions.enrol(session.name, [f"Contact:{person.contact}"]),
			lambda: sessions.enrol_answers(session.name, []),
			lambda: sessions.announce(session.name),
			lambda: actions.cancel(ENROLLMENT, name, "No"),
			lambda: actions.approve(session.doctype, session.name, [name]),
			lambda: actions.offer_free_seats(session.doctype, session.name),
			lambda: actions.transfer(ENROLLMENT, name, f"Contact:{person.contact}"),
		):
			with pytest.raises(frappe.PermissionError):
				act()


def test_endpoints_take_no_other_doctype(site):
	with pytest.raises(frappe.PermissionError):
		actions.cancel("ToDo", "x", "No")
	with pytest.raises(frappe.PermissionError):
		actions.overview("ToDo", "x")


# Decisions


def test_the_coordinator_approves_in_order_of_arrival(site):
	session = make_session(capacity=1, requires_approval=1)
	names = [enroll(session).name for _ in range(3)]
	with as_user(make_user("Training Coordinator")):
		said = actions.approve(session.doctype, session.name, [names[1], names[0]])
		assert [(row["booking"], row["status"]) for row in said] == [
			(names[0], "Confirmed"),
			(names[1], "Waitlisted"),
		]
		with pytest.raises(frappe.MandatoryError):
			actions.refuse(ENROLLMENT, names[2], "  ")
		actions.refuse(ENROLLMENT, names[2], "The group is complete")
	assert statuses(session) == ["Confirmed", "Waitlisted", "Cancelled"]
	assert booking(names[2]).cancel_reason == "The group is complete"


def test_steps_of_the_workflow_lead_where_the_engine_says(site):
	session = make_session(capacity=1, requires_approval=1)
	first, second = enroll(session).name, enroll(session).name
	with as_user(make_user("Training Coordinator")):
		apply_workflow(booking(first), "Approve")
		apply_workflow(booking(second), "Approve")
		assert statuses(session) == ["Confirmed", "Waitlisted"]
		apply_workflow(booking(first), "Cancel Enrolment")
		assert statuses(session) == ["Cancelled", "Offered"]
		apply_workflow(booking(second), "Accept Offer")
	assert statuses(session) == ["Cancelled", "Confirmed"]


def test_an_officer_approves_nothing_but_may_cancel_for_the_own_members(site):
	officer = make_user("Liaison Officer")
	session = make_session(requires_approval=1)
	name = enroll(session, make_person(member=make_member(officer=officer))).name
	with as_user(officer):
		with pytest.raises(frappe.ValidationError):
			apply_workflow(booking(name), "Approve")
		with pytest.raises(frappe.PermissionError):
			actions.refuse(ENROLLMENT, name, "No")
		actions.cancel(ENROLLMENT, name, "Is ill")
	assert statuses(session) == ["Cancelled"]


def test_a_seat_is_handed_over_to_a_colleague(site):
	club = make_member()
	leaves, comes = make_person(member=club), make_person(member=club)
	session = make_session(capacity=1)
	name = enroll(session, leaves).name
	fill(session, 1)
	with as_user(make_user("Training Coordinator")):
		found = actions.find_colleagues(ENROLLMENT, name, comes.name)
		assert [row["value"] for row in found] == [f"Contact:{comes.contact}"]
		new = actions.transfer(ENROLLMENT, name, found[0]["value"])
	assert booking(new).contact == comes.contact
	assert statuses(session) == ["Cancelled", "Waitlisted", "Confirmed"]


def test_the_form_shows_seats_and_lines_as_far_as_the_user_may_see(site):
	officer = make_user("Liaison Officer")
	mine = make_member(officer=officer, tier="Council")
	session = make_session(capacity=3, reservations=[{"tier": "Council", "seats": 2}])
	fill(session, 2)
	enroll(session, make_person(member=make_member()))
	own = [enroll(session, make_person(member=mine)) for _ in range(3)]
	seen = actions.overview(session.doctype, session.name)
	assert (seen["seats"]["taken"], seen["seats"]["free"]) == (3, 0)
	council = next(pool for pool in seen["seats"]["pools"] if pool["tier"] == "Council")
	assert (council["seats"], council["taken"], council["free"]) == (2, 2, 0)
	assert [row["queue_no"] for row in seen["lines"]["Waitlisted"]] == [2, 3, 6]
	assert [each.status for each in own] == ["Confirmed", "Confirmed", "Waitlisted"]
	with as_user(officer):
		seen = actions.overview(session.doctype, session.name)
	assert seen["seats"]["waiting"] == 3 and not seen["may_decide"]
	assert [row["name"] for row in seen["lines"]["Waitlisted"]] == [own[2].name]


def test_a_new_enrolment_of_the_form_is_a_request_like_any_other(site):
	session = make_session(capacity=1)
	fill(session, 1)
	person = make_person(member=make_member())
	with as_user(make_user("Training Coordinator")):
		doc = frappe.new_doc(ENROLLMENT)
		doc.update(
			{
				"session": session.name,
				"participant_type": "Member",
				"contact": person.contact,
				"participant_name": "Whoever",
				"email": "x@y.example",
				"status": "Completed",
				"hours": 100,
			}
		)
		doc.insert()
	assert (doc.status, doc.participant_name, doc.hours) == ("Waitlisted", person.name, 0)
	assert doc.program == session.program


# Announcing


def prospect(organisation: str, person: str) -> Prospect:
	email = f"{person}@{organisation.split()[0]}.example".lower()
	return Prospect(key=email, name=organisation, country="Austria", email=email, contact_first_name=person)


def test_a_session_is_announced_by_a_campaign_and_who_said_yes_is_enrolled(site):
	session = make_session(title_zh="山地安全", country="Switzerland", enroll_until=None, capacity=1)
	with as_user(make_user("Training Coordinator")):
		campaign = frappe.get_doc("Invitation Campaign", sessions.announce(session.name))
		assert sessions.announce(session.name) == campaign.name
	assert (campaign.purpose, campaign.activity_doctype, campaign.activity) == (
		"Activity",
		session.doctype,
		session.name,
	)
	assert (campaign.activity_name_zh, campaign.activity_place) == ("山地安全", "Mountain House, Switzerland")
	assert campaign.steps
	added = activities.invite_guests(
		campaign.name,
		[
			prospect("Summit Ltd", "Anna"),
			prospect("Valley Ltd", "Ben"),
		],
	)
	anna, ben = added.invited
	frappe.db.set_value("Invitation", anna, {"status": "Accepted", "replied_at": now_datetime()})
	frappe.db.set_value(
		"Invitation", ben, {"status": "Accepted", "replied_at": now_datetime() - timedelta(hours=1)}
	)
	with as_user(make_user("Training Coordinator")):
		said = sessions.answers(session.name)
		assert (said["asked"], said["yes"]) == (2, 2)
		assert {(row["name"], row["status"]) for row in said["people"]} == {("Anna", ""), ("Ben", "")}
		outcome = sessions.enrol_answers(session.name, [anna, ben])
		# Who said yes first is served first.
		assert [(row["person"], row["status"]) for row in outcome] == [
			("Ben", "Confirmed"),
			("Anna", "Waitlisted"),
		]
		statuses_now = {row["name"]: row["status"] for row in sessions.answers(session.name)["people"]}
	assert statuses_now == {"Anna": "Waitlisted", "Ben": "Confirmed"}


def test_a_tier_that_is_gone_from_the_program_stays_booked(site):
	tier = make_tier()
	program = make_program(audience=[{"tier": tier.name}])
	session = make_session(program.name)
	person = make_person(member=make_member(tier=tier.name))
	enroll(session, person)
	program.reload()
	program.set("audience", [{"tier": "Council"}])
	program.save()
	assert codes(session, person) == ["training_tier"]
	assert statuses(session) == ["Confirmed"]
	assert seats.request(session.doctype, session.name, person).already


# The calendar


def test_the_calendar_shows_sessions_by_the_sites_clock(site):
	session = make_session(begins=frappe.utils.get_datetime("2027-03-01 09:00:00"), time_zone="Europe/Paris")
	rows = sessions.get_events("2027-02-28", "2027-03-02", "[]")
	(row,) = [row for row in rows if row.name == session.name]
	assert str(row.starts_at_site) == "2027-03-01 16:00:00"
	assert "Mountain House" in row.title
