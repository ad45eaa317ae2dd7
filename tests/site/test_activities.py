"""Activities: kinds, programme, audience, roles, quotas, and what the desk does with delegates."""

from __future__ import annotations

from datetime import timedelta

import frappe
import pytest
from frappe.utils import get_datetime, now_datetime

from imta_crm.activities import desk, results
from imta_crm.activities.doctype.alliance_activity.alliance_activity import WrongProgramme
from imta_crm.seating import actions, check_in, seats
from imta_crm.seating.event import EventHasBookings
from imta_crm.seating.seats import EnrollmentRefused
from tests.site.factories import as_user, make_member, make_tier, make_user
from tests.site.seating_factories import booking, enroll, make_activity, make_guest, make_person

DELEGATE = "Activity Delegate"


def item(activity, hours: float, length: float | None = 1, **fields) -> dict:
	begins = get_datetime(activity.starts_at) + timedelta(hours=hours)
	ends = begins + timedelta(hours=length) if length is not None else None
	return {"title": "Opening", "starts_at": begins, "ends_at": ends, **fields}


def took_place(activity) -> None:
	"""Put the activity two days back, as if it had been held then."""
	begins = now_datetime() - timedelta(days=3)
	ends = begins + timedelta(hours=8)
	times = {"starts_at": begins, "ends_at": ends, "starts_at_site": begins, "ends_at_site": ends}
	frappe.db.set_value(activity.doctype, activity.name, times)
	frappe.db.set_value(
		DELEGATE, {"activity": activity.name}, {"starts_at_site": begins, "ends_at_site": ends}
	)
	activity.reload()


# The document


@pytest.mark.parametrize("kind", ["Conference", "Forum", "Exhibition", "Theme Day", "Meeting"])
def test_activities_of_each_kind(kind):
	activity = make_activity(kind=kind, title="International Mountain Tourism Day", title_zh="国际山地旅游日")
	stored = frappe.get_doc("Alliance Activity", activity.name)
	assert (stored.kind, stored.title_zh, stored.status) == (kind, "国际山地旅游日", "Open")
	assert stored.link_key


def test_the_programme_is_kept_in_order_of_time():
	activity = make_activity()
	activity.extend("programme", [item(activity, 4, title="Closing"), item(activity, 0)])
	activity.save()
	activity.reload()
	assert [(row.idx, row.title) for row in activity.programme] == [(1, "Opening"), (2, "Closing")]


@pytest.mark.parametrize(
	("rows", "said"),
	[
		([(-1, 1, "")], "not within the activity"),
		([(7.5, 1, "")], "not within the activity"),
		([(2, -1, "")], "ends before it begins"),
		([(0, 2, "Hall A"), (1, 1, "hall a")], "the room is taken"),
	],
)
def test_a_programme_that_cannot_be_is_refused(rows, said):
	activity = make_activity()
	for hours, length, room in rows:
		activity.append("programme", item(activity, hours, length, room=room))
	with pytest.raises(WrongProgramme, match=said):
		activity.save()


def test_an_activity_with_delegates_is_not_deleted():
	activity = make_activity()
	enroll(activity)
	with pytest.raises(EventHasBookings):
		activity.delete()


# Who may take part, and in which role


def test_members_only():
	activity = make_activity(audience="Members")
	member = make_member()
	assert enroll(activity, make_person(member=member)).status == "Confirmed"
	with pytest.raises(EnrollmentRefused, match="for members only"):
		enroll(activity)
	with pytest.raises(EnrollmentRefused, match="for members only"):
		enroll(activity, make_guest().as_role("Delegate"), by_staff=True)
	assert enroll(activity, make_guest().as_role("Speaker"), by_staff=True).status == "Confirmed"


def test_tiers():
	council, ordinary = make_member(tier="Council"), make_member(tier="Ordinary")
	activity = make_activity(tiers=[{"tier": "Council"}, {"tier": "Council"}])
	assert len(activity.tiers) == 1
	assert enroll(activity, make_person(member=council)).status == "Confirmed"
	with pytest.raises(EnrollmentRefused, match="of your tier"):
		enroll(activity, make_person(member=ordinary))


def test_nobody_makes_themselves_a_speaker():
	activity = make_activity()
	with pytest.raises(EnrollmentRefused, match="chosen by the secretariat"):
		enroll(activity, make_guest().as_role("Speaker"))


def test_guests_need_an_invitation_unless_the_activity_is_for_everybody():
	activity = make_activity(audience="Members and Invited Guests")
	with pytest.raises(EnrollmentRefused, match="invited guests"):
		enroll(activity)
	assert enroll(activity, by_staff=True).status == "Confirmed"


def test_quotas_by_tier_and_role():
	"""Two seats for the Council, one for speakers; the two others are open."""
	make_tier("Council")
	activity = make_activity(
		capacity=5,
		reservations=[{"tier": "Council", "seats": 2}, {"delegate_role": "Speaker", "seats": 1}],
	)
	assert [enroll(activity).status for _ in range(3)] == ["Confirmed", "Confirmed", "Waitlisted"]
	assert enroll(activity, make_guest().as_role("Speaker"), by_staff=True).status == "Confirmed"
	person = make_person(member=make_member(tier="Council"))
	assert booking(enroll(activity, person), DELEGATE).pool == "Council|"


def test_limits_for_each_organisation():
	member = make_member()
	activity = make_activity(limits=[{"tier": "Ordinary", "seats": 1}])
	enroll(activity, make_person(member=member))
	with pytest.raises(EnrollmentRefused, match="1"):
		enroll(activity, make_person(member=member))


# The desk


def test_several_of_an_organisation_are_registered_together():
	member = make_member()
	activity = make_activity(capacity=2)
	people = [make_person(member=member) for _ in range(3)]
	with as_user(make_user("Training Coordinator")):
		assert {row["contact"] for row in desk.colleagues(activity.name, member.name)} == {
			person.contact for person in people
		}
		said = desk.register(
			activity.name, [{"contact": person.contact} for person in people], member=member.name
		)
		again = desk.register(activity.name, [{"contact": people[0].contact}], member=member.name)
		listed = {row["contact"]: row["status"] for row in desk.colleagues(activity.name, member.name)}
	assert [row["status"] for row in said] == ["Confirmed", "Confirmed", "Waitlisted"]
	assert [row["place"] for row in said] == [None, None, 1]
	assert again[0]["already"]
	assert listed[people[2].contact] == "Waitlisted"
	docs = [booking(row["booking"], DELEGATE) for row in said]
	assert len({doc.group_key for doc in docs}) == 1 and docs[0].group_key
	assert {doc.member for doc in docs} == {member.name}
	assert {doc.delegate_role for doc in docs} == {"Delegate"}


def test_guests_are_registered_by_name_and_address():
	activity = make_activity()
	said = desk.register(
		activity.name,
		[
			{"name": " Reinhold <b>M.", "email": "rm@alps.example", "country": "Italy", "role": "Speaker"},
			{"name": "王伟", "email": "wang@alps.example", "organisation": "Alpenverein"},
		],
	)
	one, two = (booking(row["booking"], DELEGATE) for row in said)
	assert (one.participant_name, one.delegate_role, one.country) == ("Reinhold < b>M.", "Speaker", "Italy")
	assert (two.participant_type, two.delegate_role, two.organisation) == ("Guest", "Guest", "Alpenverein")


def test_an_officer_registers_the_own_portfolio_only():
	officer = make_user("Liaison Officer")
	mine, other = make_member(officer=officer), make_member()
	activity = make_activity()
	my_person, other_person = make_person(member=mine), make_person(member=other)
	frappe.get_doc("Contact", my_person.contact)
	with as_user(officer):
		with pytest.raises(frappe.PermissionError):
			desk.register(activity.name, [{"contact": other_person.contact}])
		with pytest.raises(frappe.PermissionError):
			desk.register(activity.name, [{"name": "Some Guest", "email": "guest@alps.example"}])
		with pytest.raises(frappe.PermissionError):
			desk.colleagues(activity.name, other.name)
		assert desk.colleagues(activity.name, mine.name)[0]["contact"] == my_person.contact


@pytest.mark.parametrize("role", ["Treasurer", "Alliance Leadership", "Membership Manager", None])
def test_other_roles_register_nobody(role):
	activity = make_activity()
	with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
		desk.register(activity.name, [{"name": "Some Guest", "email": "guest@alps.example"}])


def test_approval_and_refusal():
	activity = make_activity(requires_approval=1)
	one, two = enroll(activity), enroll(activity)
	assert one.status == "Requested"
	with as_user(make_user("Training Coordinator")):
		(said,) = actions.approve("Alliance Activity", activity.name, [one.name])
		assert said["status"] == "Confirmed"
		actions.refuse(DELEGATE, two.name, "No more guests, sorry.")
	refused = booking(two, DELEGATE)
	assert (refused.status, refused.cancel_reason) == ("Cancelled", "No more guests, sorry.")


def test_stand_and_contribution_go_with_the_role_and_the_seat():
	member = make_member()
	activity = make_activity()
	person, colleague = make_person(member=member), make_person(member=member)
	booked = enroll(activity, person.as_role("Exhibitor"), by_staff=True)
	doc = booking(booked, DELEGATE)
	doc.stand = "B 12"
	doc.save()
	new = booking(actions.transfer(DELEGATE, booked.name, f"Contact:{colleague.contact}"), DELEGATE)
	assert (new.status, new.stand, new.delegate_role) == ("Confirmed", "B 12", "Exhibitor")
	assert booking(booked, DELEGATE).status == "Cancelled"


# Who took part


def test_who_took_part_by_role_tier_and_country():
	activity = make_activity(begins=now_datetime() + timedelta(hours=2))
	member = make_member(tier="Council")
	came = enroll(activity, make_person(member=member))
	stayed = enroll(activity, make_guest(country="Italy"))
	check_in.check_in_many("Alliance Activity", activity.name, [came.name])
	with as_user(make_user("Alliance Leadership")):
		said = results.overview(activity.name)
	assert said["organises"] is False
	assert {row["value"]: (row["seats"], row["attended"]) for row in said["groups"]["delegate_role"]} == {
		"Delegate": (1, 1),
		"Guest": (1, 0),
	}
	assert {row["value"] for row in said["groups"]["country"]} == {"Austria", "Italy"}
	assert {row["value"] for row in said["groups"]["tier"]} == {"Council", ""}
	took_place(activity)
	assert results.settle_due() == 1
	assert results.settle_due() == 0
	assert booking(stayed, DELEGATE).status == "No-show"
	assert booking(came, DELEGATE).status == "Attended"


def test_where_nobody_was_checked_in_nobody_is_a_no_show():
	activity = make_activity()
	booked = enroll(activity)
	took_place(activity)
	assert results.settle_due() == 0
	assert booking(booked, DELEGATE).status == "Confirmed"
	assert results.nobody_else_came(activity.name) == 1
	assert booking(booked, DELEGATE).status == "No-show"


def test_no_shows_are_noted_after_the_end_and_by_the_organiser():
	activity = make_activity()
	with pytest.raises(frappe.ValidationError, match="has not ended"):
		results.nobody_else_came(activity.name)
	with as_user(make_user("Liaison Officer")), pytest.raises(frappe.PermissionError):
		results.nobody_else_came(activity.name)


def test_a_theme_day_of_two_thousand_needs_no_limit():
	activity = make_activity(kind="Theme Day", capacity=0)
	assert enroll(activity).status == "Confirmed"
	assert seats.occupancy("Alliance Activity", activity.name)["capacity"] == 0


def test_the_calendar_shows_what_falls_into_its_days():
	begins = get_datetime("2027-05-28 22:00:00")
	activity = make_activity(begins=begins, hours=30, kind="Theme Day")

	def shown(first: str, last: str) -> list[str]:
		with as_user(make_user("Liaison Officer")):
			events = desk.get_events(first, last, doctype="Alliance Activity", filters="[]", field_map="{}")
		return [event.name for event in events]

	assert activity.name in shown("2027-05-29 00:00:00", "2027-05-30 00:00:00")
	assert activity.name not in shown("2027-06-01 00:00:00", "2027-06-02 00:00:00")
	with as_user(make_user(None)), pytest.raises(frappe.PermissionError):
		desk.get_events("2027-05-29 00:00:00", "2027-05-30 00:00:00")
