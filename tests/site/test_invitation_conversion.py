"""From interested to admitted: one application for an invitation, and what its steps make of the invitation."""

from __future__ import annotations

from datetime import date

import frappe
import pytest
from frappe.model.workflow import apply_workflow
from frappe.utils import add_days, getdate, now_datetime, nowdate, today

from imta_crm.erp import leads
from imta_crm.invitations import conversion, record
from tests.site.dues_site import committed
from tests.site.factories import as_user, make_change, make_member, make_user, next_number
from tests.site.invitation_factories import make_campaign, make_invitation
from tests.site.test_applications import decision, make_application
from tests.site.test_member_races import WORKERS, at_once

STEPS = ("Submit", "Begin Check", "Send to Council")


@pytest.fixture
def campaign(site):
	return make_campaign(running=True)


def invite(campaign, name: str | None = None, **fields):
	number = next_number()
	name = name or f"Cordillera Alpine Club {number}"
	email = fields.pop("email", f"office@cordillera{number}.example")
	lead = leads.ensure_lead(leads.Party(organisation=name, email=email, country="Austria"))
	return make_invitation(campaign.name, name, email=email, lead=lead, **{"status": "Invited", **fields})


def stored(invitation):
	return frappe.get_doc("Invitation", invitation.name)


def interested(invitation) -> str:
	record.write(invitation.name, status="Interested", reply="Interested", replied_at=now_datetime())
	return conversion.on_interested(invitation.name)


def decide(application, action: str) -> None:
	with as_user(make_user("Membership Manager")):
		for step in STEPS:
			apply_workflow(application, step)
		application.update(decision())
		application.tell_admission = 0
		application.save()
		apply_workflow(application, action)
	application.reload()


def todos(doctype: str, name: str, status: str = "Open") -> list:
	return frappe.get_all(
		"ToDo",
		{"reference_type": doctype, "reference_name": name, "status": status},
		["allocated_to", "date", "description", "assigned_by"],
	)


# The application


def test_interested_makes_one_pre_filled_draft_and_a_task_for_the_officer(campaign):
	officer = make_user()
	invitation = invite(
		campaign,
		prospect_name_local="Alpenverein",
		phone="+43 512 59547",
		website="cordillera.example",
		contact_first_name="Anna",
		contact_last_name="Huber",
		contact_position="President",
		tier="Council",
		preferred_language="zh",
		officer=officer,
		reply_comment="Call us <b>after</b> ten",
	)
	name = interested(invitation)
	application = frappe.get_doc("Membership Application", name)
	assert application.workflow_state == "Draft"
	for field, value in {
		"applicant_type": "Organisation",
		"applicant_name": invitation.prospect_name,
		"applicant_name_local": "Alpenverein",
		"country": "Austria",
		"email": invitation.email,
		"phone": "+43 512 59547",
		"website": "https://cordillera.example",
		"contact_first_name": "Anna",
		"contact_last_name": "Huber",
		"contact_position": "President",
		"tier": "Council",
		"preferred_language": "zh",
		"source": "Invitation",
		"lead": invitation.lead,
		"invitation": invitation.name,
	}.items():
		assert application.get(field) == value, field
	assert stored(invitation).application == name
	assert frappe.db.get_value("Lead", invitation.lead, "status") == "Interested"
	(todo,) = todos("Membership Application", name)
	assert (todo.allocated_to, todo.date) == (officer, add_days(getdate(nowdate()), 2))
	assert todo.assigned_by == campaign.campaign_owner
	assert "<b>after" not in todo.description

	assert conversion.on_interested(invitation.name) == name
	assert frappe.db.count("Membership Application", {"invitation": invitation.name}) == 1
	assert len(todos("Membership Application", name)) == 1


def test_a_stranger_at_the_reply_page_makes_the_draft_as_well(campaign):
	invitation = invite(campaign)
	with as_user("Guest"):
		name = interested(invitation)
	assert frappe.db.get_value("Membership Application", name, "invitation") == invitation.name


def test_what_the_form_would_refuse_is_left_out(campaign):
	invitation = invite(
		campaign,
		f"www.alps{next_number()}.example",
		email=None,
		website="nonsense with spaces",
		contact_first_name="www.anna.example",
		invitee_type="Individual",
		tier="Council",
		country=None,
	)
	name = interested(invitation)
	application = frappe.get_doc("Membership Application", name)
	assert not application.applicant_name
	assert not application.website
	assert not application.contact_first_name
	assert not application.email
	with pytest.raises(frappe.MandatoryError):
		application.save()


def test_a_closed_tier_is_not_asked_for(campaign):
	frappe.db.set_value("Member Tier", "Council", "disabled", 1)
	name = interested(invite(campaign, tier="Council"))
	assert frappe.db.get_value("Membership Application", name, "tier") == "Ordinary"


def test_the_answer_counts_also_when_no_draft_can_be_made(campaign, monkeypatch):
	officer = make_user()
	invitation = invite(campaign, officer=officer)
	monkeypatch.setattr(conversion.applications, "start", lambda *args, **kwargs: 1 / 0)
	assert interested(invitation) is None
	assert stored(invitation).status == "Interested"
	(todo,) = todos("Invitation", invitation.name)
	assert todo.allocated_to == officer
	assert "write it by hand" in todo.description


def test_an_invitation_to_an_activity_makes_no_application(site):
	campaign = make_campaign(purpose="Activity", running=True)
	invitation = make_invitation(campaign.name, status="Accepted")
	assert conversion.on_interested(invitation.name) is None


def test_the_database_refuses_a_second_application(campaign):
	name = interested(invite(campaign))
	invitation = frappe.db.get_value("Membership Application", name, "invitation")
	other = make_application()
	with pytest.raises(Exception, match="Duplicate entry"):
		frappe.db.set_value("Membership Application", other.name, "invitation", invitation)


def test_many_clicks_at_once_make_one_application(connected):
	frappe.set_user("Administrator")
	with committed():
		campaign = make_campaign(running=True)
		invitation = invite(campaign)
		record.write(invitation.name, status="Interested", reply="Interested", replied_at=now_datetime())
		frappe.db.commit()
		results = at_once(connected, lambda: conversion.on_interested(invitation.name))
		frappe.db.rollback()
		(name,) = frappe.get_all("Membership Application", {"invitation": invitation.name}, pluck="name")
		assert results == [name] * WORKERS
		assert len(todos("Membership Application", name)) == 1


def test_nobody_writes_the_link_by_hand(campaign):
	invitation = invite(campaign)
	application = make_application(invitation=invitation.name)
	assert not application.reload().invitation
	application.invitation = invitation.name
	application.save()
	assert not application.reload().invitation


# Its steps


def test_handing_in_and_approval_close_the_invitation(campaign):
	officer = make_user()
	invitation = invite(campaign, officer=officer)
	application = frappe.get_doc("Membership Application", interested(invitation))
	with as_user(officer):
		apply_workflow(application, "Submit")
	assert stored(invitation).status == "Applied"
	assert not todos("Membership Application", application.name)
	with as_user(make_user("Membership Manager")):
		apply_workflow(application, "Begin Check")
		apply_workflow(application, "Return for Correction")
		assert stored(invitation).status == "Applied", "they have applied all the same"
	decide(application, "Approve")
	after = stored(invitation)
	assert (after.status, after.member, after.admitted_on) == (
		"Admitted",
		application.member,
		getdate(today()),
	)
	assert after.closed_at and not after.live_email and not after.live_name
	customer = frappe.db.get_value("IMTA Member", application.member, "customer")
	assert frappe.db.get_value("Lead", invitation.lead, ["status", "imta_member"]) == (
		"Converted",
		application.member,
	)
	assert frappe.db.get_value("Customer", customer, "lead_name") == invitation.lead


def test_the_lead_of_an_exempt_member_is_converted_without_a_customer(campaign):
	invitation = invite(campaign, invitee_type="Individual", tier="Individual")
	application = frappe.get_doc("Membership Application", interested(invitation))
	assert application.tier == "Individual"
	decide(application, "Approve")
	assert frappe.db.get_value("Lead", invitation.lead, ["status", "imta_member"]) == (
		"Converted",
		application.member,
	)


def test_rejection_closes_the_invitation(campaign):
	invitation = invite(campaign)
	application = frappe.get_doc("Membership Application", interested(invitation))
	decide(application, "Reject")
	after = stored(invitation)
	assert (after.status, after.member) == ("Not Admitted", None)
	assert not after.live_email


def test_a_deleted_draft_frees_the_invitation_for_another(campaign):
	invitation = invite(campaign)
	first = interested(invitation)
	frappe.delete_doc("Membership Application", first)
	after = stored(invitation)
	assert (after.status, after.application) == ("Interested", None)
	with as_user(make_user("Membership Manager")):
		second = conversion.start_application(invitation.name)
	assert stored(invitation).application == second
	assert frappe.db.get_value("Membership Application", second, "invitation") == invitation.name


def test_only_who_may_write_the_invitation_starts_it_again(campaign):
	invitation = invite(campaign, status="Interested")
	with as_user(make_user("Treasurer")), pytest.raises(frappe.PermissionError):
		conversion.start_application(invitation.name)
	record.write(invitation.name, status="Declined")
	with pytest.raises(frappe.ValidationError):
		conversion.start_application(invitation.name)


# Applications that come by themselves


@pytest.mark.parametrize("same", ["address", "name"])
def test_an_application_typed_by_hand_finds_its_invitation(campaign, same):
	invitation = invite(campaign, next_step="x", next_at=add_days(now_datetime(), 3))
	fields = {"email": invitation.email.upper()} if same == "address" else {}
	if same == "name":
		fields = {"applicant_name": invitation.prospect_name.upper(), "email": "other@elsewhere.example"}
	application = make_application(**fields)
	after = stored(invitation)
	assert (after.status, after.application, after.reply) == ("Interested", application.name, "Interested")
	assert after.replied_at and not after.next_at
	application.reload()
	assert (application.invitation, application.lead) == (invitation.name, invitation.lead)
	apply_workflow(application, "Submit")
	assert stored(invitation).status == "Applied"


def test_an_application_of_somebody_else_finds_none(campaign):
	invitation = invite(campaign)
	application = make_application(applicant_name=invitation.prospect_name, country="Switzerland")
	assert not application.reload().invitation
	assert stored(invitation).status == "Invited"


def test_an_address_that_is_put_right_later_finds_the_invitation(campaign):
	invitation = invite(campaign)
	application = make_application()
	application.email = invitation.email
	application.save()
	assert application.reload().invitation == invitation.name


def web_application(invitation):
	"""As the public form hands it in; returns what the stranger gets back."""
	document = frappe.new_doc("Membership Application")
	document.update(
		{
			"applicant_type": "Organisation",
			"applicant_name": invitation.prospect_name,
			"country": "Austria",
			"tier": "Ordinary",
			"email": invitation.email,
			"contact_first_name": "Anna",
			"consent": 1,
		}
	)
	frappe.flags.in_web_form = True
	frappe.local.request_ip = f"10.0.0.{next_number() % 250}"
	try:
		with as_user("Guest"):
			return document.insert(ignore_permissions=True)
	finally:
		frappe.flags.in_web_form = False


def test_the_public_form_is_an_answer_and_gives_nothing_away(campaign):
	invitation = invite(campaign)
	sent = web_application(invitation)
	after = stored(invitation)
	assert (after.status, after.application, after.reply, after.reply_via) == (
		"Applied",
		sent.name,
		"Interested",
		None,
	)
	assert not sent.invitation and not sent.lead, "who is invited is nobody's business"
	assert frappe.db.get_value("Membership Application", sent.name, "invitation") == invitation.name


def test_the_public_form_takes_the_place_of_a_draft_that_nobody_has_touched(campaign):
	invitation = invite(campaign)
	draft = interested(invitation)
	sent = web_application(invitation)
	assert not frappe.db.exists("Membership Application", draft)
	after = stored(invitation)
	assert (after.status, after.application) == ("Applied", sent.name)


def test_a_draft_that_an_officer_has_worked_on_stays(campaign):
	invitation = invite(campaign)
	draft = frappe.get_doc("Membership Application", interested(invitation))
	draft.db_set("modified", add_days(now_datetime(), 1), update_modified=False)
	sent = web_application(invitation)
	assert frappe.db.exists("Membership Application", draft.name)
	assert stored(invitation).application == draft.name
	assert not frappe.db.get_value("Membership Application", sent.name, "invitation")


# Former members


def test_a_former_member_gets_a_proposal_to_be_reinstated(campaign):
	member = make_member()
	make_change(member.name, "Withdraw")
	invitation = invite(campaign, member.member_name)
	name = interested(invitation)
	change = frappe.get_doc("Membership Change", name)
	assert (change.member, change.change_type, change.docstatus) == (member.name, "Reinstate", 0)
	assert not change.decided_by, "nobody has decided"
	assert invitation.name in change.reason
	assert len(todos("Membership Change", name)) == 1
	assert conversion.on_interested(invitation.name) == name
	assert not frappe.db.exists("Membership Application", {"applicant_name": member.member_name})
	assert stored(invitation).member == member.name

	change.submit()
	after = stored(invitation)
	assert (after.status, after.member, after.admitted_on) == ("Admitted", member.name, getdate(nowdate()))
	assert frappe.db.get_value("Lead", invitation.lead, "status") == "Converted"


# Members who come another way


def test_a_member_who_was_written_to_before_counts_as_admitted(campaign):
	invitation = invite(campaign, first_sent_at=add_days(now_datetime(), -5))
	member = make_member(invitation.prospect_name, source="Import", joined_on=getdate(nowdate()))
	after = stored(invitation)
	assert (after.status, after.member, after.admitted_on) == ("Admitted", member.name, getdate(nowdate()))
	assert frappe.db.get_value("Lead", invitation.lead, "status") == "Converted"


@pytest.mark.parametrize("status", ["Planned", "Held", "Invited"])
def test_a_member_of_old_is_taken_off_the_list(campaign, status):
	invitation = invite(campaign, status=status)
	member = make_member(
		f"Another Name {next_number()}", email=invitation.email, source="Import", joined_on=date(2020, 5, 1)
	)
	after = stored(invitation)
	assert (after.status, after.member) == ("Withdrawn", member.name)
	assert member.name in after.close_reason


def test_a_person_at_the_address_of_the_house_leaves_its_invitation_alone(campaign):
	invitation = invite(campaign)
	make_member(email=invitation.email, member_type="Individual", tier="Individual")
	assert stored(invitation).status == "Invited"
