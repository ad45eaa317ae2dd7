"""Erasing a prospect: the person goes everywhere, the wish not to be written to stays as a hash."""

from __future__ import annotations

import frappe
import pytest

from imta_crm.invitations import do_not_invite, personal_data, prospects
from imta_crm.policy.prospects import Prospect
from tests.site.factories import as_user, make_user
from tests.site.invitation_factories import make_campaign

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
