"""Erasing a prospect: the person goes everywhere, the wish not to be written to stays as a hash."""

from __future__ import annotations

import frappe
import pytest

from imta_crm.invitations import (
	campaigns,
	compose,
	do_not_invite,
	mailing,
	personal_data,
	prospects,
	record,
	replies,
	tasks,
)
from imta_crm.policy.prospects import Prospect
from tests.site.factories import as_user, make_user
from tests.site.invitation_factories import make_campaign, make_invitation

EMAIL = "anna.berg@erased.example"


@pytest.fixture
def person(site):
	frappe.db.delete("Lead", {"email_id": EMAIL})
	campaign = make_campaign(running=True)
	added = prospects.add(
		campaign.name,
		[
			Prospect(
				key="1",
				name="Anna Berg",
				country="Sweden",
				country_code="SE",
				email=EMAIL,
				phone="+46 1 234",
				invitee_type="Individual",
			)
		],
		source="File",
		officer=make_user("Liaison Officer"),
	)
	return frappe.get_doc("Invitation", added.invited[0])


def everything(doc) -> str:
	doc.reload()
	lead = frappe.get_doc("Lead", doc.lead).as_dict() if doc.lead else {}
	listed = frappe.get_all("Do Not Invite", fields=["*"])
	return f"{doc.as_dict()} {lead} {listed}".lower()


def assert_forgotten(doc) -> None:
	text = everything(doc)
	for said in ("anna", "berg", "erased.example", "+46"):
		assert said not in text
	assert doc.status == "Withdrawn"
	assert do_not_invite.is_blocked("Anna.Berg@erased.example")
	campaign = make_campaign(running=True)
	again = prospects.add(
		campaign.name, [Prospect(key="2", name="Anna Berg", country_code="SE", email=EMAIL)], source="File"
	)
	assert not again.invited and len(again.refused) == 1


def test_a_manager_forgets_a_prospect(person):
	key = person.link_key
	with as_user(make_user("Membership Manager")):
		personal_data.forget(person.name)
	assert_forgotten(person)
	assert person.link_key != key
	personal_data.forget(person.name)


@pytest.mark.parametrize("role", ["Liaison Officer", "Training Coordinator", "Alliance Leadership", None])
def test_others_may_not(person, role):
	with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
		personal_data.forget(person.name)


def test_frappes_own_erasure_finishes_the_invitation(person):
	make_user(None, email=EMAIL)
	request = frappe.get_doc({"doctype": "Personal Data Deletion Request", "email": EMAIL})
	request.flags.ignore_permissions = True
	request.insert()
	request.db_set("status", "Pending Approval")
	request.reload()
	request.trigger_data_deletion()
	assert_forgotten(person)


def test_an_organisation_keeps_its_name(site):
	campaign = make_campaign(running=True)
	added = prospects.add(
		campaign.name,
		[
			Prospect(
				key="1",
				name="Erased Club",
				country_code="SE",
				email="boss@erasedclub.example",
				contact_first_name="Bo",
				contact_last_name="Boss",
			)
		],
		source="File",
	)
	personal_data.forget(added.invited[0])
	doc = frappe.get_doc("Invitation", added.invited[0])
	assert (doc.prospect_name, doc.email, doc.contact_last_name) == ("Erased Club", None, None)
	assert frappe.db.get_value("Lead", doc.lead, ["company_name", "email_id", "last_name"]) == (
		"Erased Club",
		None,
		None,
	)


def test_nothing_around_the_invitation_remembers_the_person(person):
	"""Letters, replies, tasks, bells, the draft of an application, and who named the person."""
	named = "%Anna Berg%"
	first = make_invitation(person.campaign, status="Invited")
	record.note(first.name, f"Named instead: Anna Berg, {EMAIL}")
	rules = campaigns.rules_of(person.campaign)
	(queued,) = mailing.queue([compose.compose(person, rules.steps[0], rules)])
	task, _officer = tasks.make(record.lock(person.name), rules.steps[1], rules, frappe.utils.now_datetime())
	mail = frappe.get_doc(
		{
			"doctype": "Communication",
			"communication_medium": "Email",
			"sent_or_received": "Received",
			"sender": EMAIL,
			"subject": "Re: Invitation",
			"content": "Anna Berg here",
			"reference_doctype": "Invitation",
			"reference_name": person.name,
		}
	).insert()
	replies.record(person.name, "Interested", via="Reply Page", comment="Anna Berg, yes")
	person.reload()
	application = person.application
	assert application and frappe.db.exists("Contact", {"first_name": "Anna Berg"})

	personal_data.forget(person.name)

	assert_forgotten(person)
	assert not person.application
	for doctype, name in (
		("Email Queue", queued.name),
		("Communication", mail.name),
		("Membership Application", application),
		("Contact", {"first_name": "Anna Berg"}),
		("ToDo", {"name": task, "description": ("like", named)}),
		("ToDo", {"description": ("like", named)}),
		("Notification Log", {"subject": ("like", named)}),
		("Comment", {"content": ("like", named)}),
		("Comment", {"subject": ("like", named)}),
		("Deleted Document", {"data": ("like", named)}),
	):
		assert not frappe.db.exists(doctype, name), (doctype, name)


def test_a_member_to_be_keeps_the_application(person):
	replies.record(person.name, "Interested", via="Reply Page")
	person.reload()
	frappe.db.set_value("Membership Application", person.application, "workflow_state", "Submitted")
	record.write(person.name, status="Applied")
	personal_data.forget(person.name)
	assert frappe.db.exists("Membership Application", person.application)
	assert frappe.db.get_value("Invitation", person.name, "status") == "Applied"
