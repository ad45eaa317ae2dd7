"""Members and guests are invited to an activity and say yes or no; who organises it reads the answers."""

from __future__ import annotations

import frappe
import pytest

from imta_crm.invitations import activities, record, replies
from imta_crm.policy.invitation import ForbiddenReply
from imta_crm.policy.prospects import Prospect
from tests.site.factories import as_user, make_change, make_contact, make_member, make_user, next_number
from tests.site.invitation_factories import make_campaign

WORDS = ("Ortler", "Dachstein", "Matterhorn", "Elbrus", "Aconcagua", "Denali", "Kailash", "Fuji", "Kenya")


@pytest.fixture
def event(site) -> str:
	"""What people are invited to; any document will do."""
	document = frappe.new_doc("Event")
	document.update({"subject": "Mountain Forum", "starts_on": "2027-05-29 09:00:00", "event_type": "Public"})
	return document.insert().name


def make_activity(event: str, **fields):
	return make_campaign(
		**{
			"purpose": "Activity",
			"running": True,
			"activity_doctype": "Event",
			"activity": event,
			"targets": [],
			**fields,
		}
	)


def guest(**fields) -> Prospect:
	number = next_number()
	return Prospect(
		**{
			"key": f"guest-{number}",
			"name": f"{WORDS[number % len(WORDS)]} {WORDS[number // 3 % len(WORDS)]}{number}",
			"email": f"guest{number}@home{number}.example",
			"invitee_type": "Individual",
			"country_code": "AT",
			**fields,
		}
	)


def club():
	"""A member that looks like no other."""
	word = WORDS[next_number() % len(WORDS)] + str(next_number())
	return make_member(f"{word} Federation", email=f"office@{word.lower()}.example")


def only(*members) -> list:
	return [["name", "in", [member.name for member in members]]]


def of(invitation: str) -> frappe._dict:
	return frappe.db.get_value("Invitation", invitation, "*", as_dict=True)


def test_members_and_guests_are_invited_and_answer(event):
	campaign = make_activity(event)
	yes, no, silent = (club() for _ in range(3))
	with as_user(make_user("Training Coordinator")):
		counts = activities.invite_members(campaign.name, only(yes, no, silent))
	assert counts == {"invited": 3, "held": 0, "refused": 0, "already": 0}
	added = activities.invite_guests(campaign.name, [guest(name="Reinhold M."), guest()])
	assert len(added.invited) == 2

	by_member = {row.member: row for row in map(of, invitations(campaign)) if row.member}
	assert by_member[yes.name].contact == yes.primary_contact
	assert by_member[yes.name].source == "Member"
	record.write(by_member[yes.name].name, status="Invited")
	replies.record(by_member[yes.name].name, "Yes", via="Reply Page", comment="Two of us")
	replies.record(by_member[no.name].name, "No", via="Reply Page")
	replies.record(added.invited[0], "Yes", via="Officer")

	found = {answer.name: answer for answer in activities.answers("Event", event)}
	assert len(found) == 5
	first = found[yes.member_name]
	assert (first.answer, first.kind, first.member, first.comment, first.status) == (
		"Yes",
		"Member",
		yes.name,
		"Two of us",
		"Accepted",
	)
	assert first.replied_at and first.email == yes.email
	assert found[no.member_name].answer == "No"
	assert found[silent.member_name].answer == ""
	assert (found["Reinhold M."].answer, found["Reinhold M."].kind) == ("Yes", "Guest")
	assert activities.tally(found.values()) == activities.Tally(
		asked=5, yes=2, no=1, open=2, planned=2, unreachable=0, members_yes=1, guests_yes=1
	)


def invitations(campaign) -> list[str]:
	return frappe.get_all("Invitation", {"campaign": campaign.name}, pluck="name", order_by="name")


def test_inviting_again_adds_nobody(event):
	campaign = make_activity(event)
	member = club()
	activities.invite_members(campaign.name, only(member))
	counts = activities.invite_members(campaign.name, only(member))
	assert counts["invited"] == 0
	assert len(invitations(campaign)) == 1


def test_former_members_are_not_among_the_members(event):
	campaign = make_activity(event)
	member = club()
	make_change(member.name, "Withdraw")
	assert activities.invite_members(campaign.name, only(member))["invited"] == 0


def test_minds_are_changed_until_the_day(event):
	campaign = make_activity(event)
	(name,) = activities.invite_guests(campaign.name, [guest()]).invited
	for reply, answer in (("Yes", "Yes"), ("No", "No"), ("Yes", "Yes")):
		replies.record(name, reply, via="Reply Page")
		assert [each.answer for each in activities.answers("Event", event)] == [answer]
	with pytest.raises(ForbiddenReply):
		replies.record(name, "Interested", via="Reply Page")
	assert not frappe.db.exists("Membership Application", {"invitation": name})


def test_of_two_campaigns_the_answer_counts(event):
	one, two = make_activity(event), make_activity(event, not_again_months=0)
	person = guest()
	(first,) = activities.invite_guests(one.name, [person]).invited
	replies.record(first, "Yes", via="Reply Page")
	activities.invite_guests(two.name, [person])
	assert [answer.answer for answer in activities.answers("Event", event)] == ["Yes"]


def test_who_is_held_or_taken_off_is_not_counted(event):
	campaign = make_activity(event)
	held, gone, there = activities.invite_guests(campaign.name, [guest(), guest(), guest()]).invited
	record.write(held, status="Held")
	record.close(gone, "Withdrawn", "By mistake")
	assert [answer.invitation for answer in activities.answers("Event", event)] == [there]


def test_nobody_has_answered_to_what_nobody_was_asked_to(event):
	assert activities.answers("Event", event) == []
	assert activities.tally([]) == activities.Tally()


def test_a_member_of_the_alliance_stays_invited_to_activities(event):
	campaign = make_activity(event)
	person = guest(invitee_type="Organisation", name=f"Guest Club {next_number()}")
	(name,) = activities.invite_guests(campaign.name, [person]).invited
	make_member(person.name, email=person.email)
	assert of(name).status == "Planned"


@pytest.mark.parametrize("role", ["Liaison Officer", "Treasurer", "Alliance Leadership", None])
def test_only_who_plans_the_campaign_invites(event, role):
	campaign = make_activity(event)
	with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
		activities.invite_members(campaign.name)


def test_a_campaign_for_members_invites_to_no_activity(event):
	campaign = make_campaign(running=True)
	with pytest.raises(activities.NotForActivities):
		activities.invite_members(campaign.name)
	with pytest.raises(activities.NotForActivities):
		activities.invite_guests(campaign.name, [guest()])


def test_filters_reach_only_fields_of_the_member(event):
	campaign = make_activity(event)
	with pytest.raises(frappe.ValidationError):
		activities.invite_members(campaign.name, [["card_token; drop table", "=", "x"]])


def test_the_people_of_a_member_are_invited_beside_their_house(event):
	"""To an activity one house may send several; the same address is written to once."""
	campaign = make_activity(event)
	member = club()
	domain = member.email.split("@")[1]
	people = [make_contact(first, member=member.name, email=f"{first}@{domain}") for first in ("anna", "ben")]
	activities.invite_members(campaign.name, only(member))
	added = activities.invite_guests(
		campaign.name,
		[
			guest(
				name=f"{person.first_name} Huber",
				email=person.email_id,
				contact=person.name,
				member=member.name,
			)
			for person in people
		],
		source="Member",
	)
	assert len(added.invited) == 2, added.judged
	found = activities.answers("Event", event)
	assert len(found) == 3
	assert {answer.kind for answer in found} == {"Member"}
