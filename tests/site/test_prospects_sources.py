"""Leads, former members, members and people met as sources: who is found, and that permissions hold."""

from __future__ import annotations

import json

import frappe
import pytest

from imta_crm.erp import leads, role_permissions
from imta_crm.invitations import sources
from imta_crm.invitations.doctype.prospect_import.prospect_import import ProspectImport, ProspectSourceError
from imta_crm.invitations.sources import FilterError
from tests.site.factories import as_user, make_change, make_contact, make_member, make_user
from tests.site.invitation_factories import make_campaign


@pytest.fixture(autouse=True)
def nobody_known(site, monkeypatch):
	monkeypatch.setattr(frappe.db, "commit", lambda *args, **kwargs: None)

	def show(self, error):
		raise error

	monkeypatch.setattr(ProspectImport, "fail", show)
	for doctype in (
		"Invitation",
		"Lead",
		"Membership Application",
		"IMTA Member",
		"Event",
		"Liaison Contact",
	):
		frappe.db.delete(doctype)
	frappe.db.delete("Event Participants")
	frappe.db.delete("Liaison Person")
	return site


def make_lead(name: str | None, **fields):
	return frappe.get_doc(
		{
			"doctype": "Lead",
			"company_name": name,
			"country": "Peru",
			"email_id": f"lead@{frappe.scrub(name or fields['first_name'])}.example".replace("_", ""),
			**fields,
		}
	).insert()


def new_import(campaign, source: str, **fields):
	return frappe.get_doc(
		{"doctype": "Prospect Import", "campaign": campaign.name, "source": source, **fields}
	).insert()


def run(doc):
	doc.check()
	doc.run()
	doc.reload()
	return doc


def names() -> list[str]:
	return sorted(frappe.get_all("Invitation", pluck="prospect_name"))


# Leads


def test_leads_by_filter(site):
	officer = make_user("Liaison Officer")
	wanted = make_lead(
		"Andes Guides", job_title="Director", first_name="Ana", last_name="Ruiz", lead_owner=officer
	)
	make_lead("Coast Guides", country="Chile")
	make_lead("Sold Guides", status="Converted")
	make_lead("Silent Guides", unsubscribed=1)
	filters = json.dumps([["Lead", "country", "=", "Peru", False]])
	doc = run(new_import(make_campaign(running=True), "Leads", filters_json=filters))
	assert (doc.made, doc.refused) == (1, 1)
	made = frappe.get_doc("Invitation", {"campaign": doc.campaign})
	assert (made.prospect_name, made.lead, made.source, made.officer) == (
		"Andes Guides",
		wanted.name,
		"Lead",
		officer,
	)
	assert (made.contact_first_name, made.contact_last_name, made.contact_position) == (
		"Ana",
		"Ruiz",
		"Director",
	)
	assert frappe.db.count("Lead") == 4


def test_a_person_as_lead(site):
	make_lead(None, first_name="Ana", last_name="Ruiz")
	run(new_import(make_campaign(running=True), "Leads"))
	assert frappe.db.get_value("Invitation", {}, ["prospect_name", "invitee_type"]) == (
		"Ana Ruiz",
		"Individual",
	)


@pytest.mark.parametrize(
	"filters",
	[
		'{"country": "Peru"}',
		"[1]",
		"nonsense",
		'[["Lead", "no_such_field", "=", "x"]]',
		'[["User", "name", "=", "x"]]',
		'[["Lead", "name) or sleep(1) or (name", "=", "x"]]',
	],
)
def test_filters_that_are_none_are_refused(site, filters):
	with pytest.raises(FilterError):
		new_import(make_campaign(running=True), "Leads", filters_json=filters)


def test_who_may_not_read_leads_finds_none(site):
	make_lead("Andes Guides")
	campaign = make_campaign(running=True, purpose="Activity")
	with as_user(make_user("Training Coordinator")):
		doc = new_import(campaign, "Leads")
		with pytest.raises(frappe.PermissionError):
			doc.check()


def test_a_manager_filters_leads_without_a_role_of_erpnext(site):
	role_permissions.create()
	wanted = make_lead("Andes Guides")
	make_lead("Coast Guides", country="Chile")
	campaign = make_campaign(running=True)
	with as_user(make_user("Membership Manager")):
		doc = new_import(campaign, "Leads", filters_json=json.dumps([["Lead", "country", "=", "Peru"]]))
		run(doc)
		assert doc.made == 1
		assert frappe.get_doc("Lead", wanted.name).has_permission("read")


def test_only_the_leads_that_the_user_may_read(site):
	make_lead("Andes Guides")
	make_lead("Coast Guides", country="Chile")
	campaign = make_campaign(running=True)
	user = make_user(("Membership Manager", "Sales User"))
	frappe.get_doc(
		{"doctype": "User Permission", "user": user, "allow": "Country", "for_value": "Chile"}
	).insert()
	with as_user(user):
		doc = run(new_import(campaign, "Leads"))
	assert (doc.made, names()) == (1, ["Coast Guides"])


# Former members, members


def test_lapsed_members_of_these_days(site):
	stayed = make_member("Stayed Club", country="Peru")
	left = make_member("Left Club", country="Peru", email="left@club.example")
	make_change(left.name, "Withdraw")
	today = frappe.utils.nowdate()
	campaign = make_campaign(running=True)
	doc = run(new_import(campaign, "Lapsed Members", lapsed_from=today, lapsed_to=today))
	assert (doc.made, doc.held, doc.rows) == (1, 0, [])
	made = frappe.get_doc("Invitation", {"campaign": campaign.name})
	assert (doc.made, made.member, made.source) == (1, left.name, "Lapsed Member")
	assert made.lead
	earlier = new_import(campaign, "Lapsed Members", lapsed_to=frappe.utils.add_days(today, -1))
	earlier.check()
	assert earlier.total_rows == 0
	assert stayed.name not in frappe.get_all("Invitation", pluck="member")


def test_members_are_invited_to_activities_alone(site):
	make_member("Alpine One", country="Peru", email="one@alpine.example")
	make_member("Alpine Two", country="Chile", email="two@alpine.example")
	with pytest.raises(ProspectSourceError):
		new_import(make_campaign(running=True), "Members")
	filters = json.dumps([["IMTA Member", "country", "=", "Peru"]])
	campaign = make_campaign(running=True, purpose="Activity")
	doc = run(new_import(campaign, "Members", filters_json=filters))
	made = frappe.get_doc("Invitation", {"campaign": campaign.name})
	assert (doc.made, made.prospect_name, made.source, made.lead) == (1, "Alpine One", "Member", None)


# People met


def event(subject: str, participants: list[tuple[str, str]], **fields):
	return frappe.get_doc(
		{
			"doctype": "Event",
			"subject": subject,
			"event_type": "Public",
			"starts_on": "2026-05-29 10:00:00",
			"event_participants": [
				{"reference_doctype": doctype, "reference_docname": name} for doctype, name in participants
			],
			**fields,
		}
	).insert()


def test_people_met_at_an_event_of_the_calendar(site):
	lead = make_lead("Andes Guides")
	guest = make_contact("Gina Guest", email="gina@guest.example")
	of_member = make_contact("Mia Member", member=make_member("Member Club").name, email="mia@member.example")
	event(
		"Mountain Tourism Day 2026",
		[("Lead", lead.name), ("Contact", guest.name), ("Contact", of_member.name)],
	)
	event("Another Day", [("Contact", make_contact("Nora", email="nora@guest.example").name)])
	campaign = make_campaign(running=True)
	doc = run(new_import(campaign, "People Met", event_name="tourism day"))
	assert (doc.made, names()) == (2, ["Andes Guides", "Gina Guest"])
	assert set(frappe.get_all("Invitation", pluck="source")) == {"Event"}
	activity = make_campaign(running=True, purpose="Activity")
	assert run(new_import(activity, "People Met", event_name="Tourism Day")).made == 3


def test_people_met_by_day(site):
	guest = make_contact("Gina Guest", email="gina@guest.example")
	event("Day", [("Contact", guest.name)])
	campaign = make_campaign(running=True)
	for first, last, found in (
		("2026-05-29", "2026-05-29", 1),
		("2026-05-30", None, 0),
		(None, "2026-05-28", 0),
	):
		doc = new_import(campaign, "People Met", met_from=first, met_to=last)
		doc.check()
		assert doc.total_rows == found
	with pytest.raises(ProspectSourceError):
		new_import(campaign, "People Met")
	with pytest.raises(ProspectSourceError):
		new_import(campaign, "People Met", met_from="2026-05-30", met_to="2026-05-29")


def test_people_noted_in_logged_contacts_who_are_with_no_member(site):
	member = make_member("Host Club")
	own = make_contact("Own Person", member=member.name, email="own@host.example")
	contact = frappe.get_doc(
		{
			"doctype": "Liaison Contact",
			"member": member.name,
			"channel": "Event",
			"event_name": "Guiyang Forum",
			"contact_at": "2026-06-01 10:00:00",
			"summary": "Met many people",
			"member_people": [
				{"contact": own.name},
				{"person_name": "Lin Guest", "email": "lin@guest.example"},
			],
		}
	).insert()
	assert contact.name
	doc = run(new_import(make_campaign(running=True), "People Met", event_name="Guiyang Forum"))
	assert (doc.made, names()) == (1, ["Lin Guest"])


def test_a_percent_sign_finds_not_everybody(site):
	event("Day", [("Contact", make_contact("Gina", email="gina@guest.example").name)])
	doc = new_import(make_campaign(running=True), "People Met", event_name="%")
	doc.check()
	assert doc.total_rows == 0


def test_a_private_event_of_a_colleague_says_nothing(site):
	event(
		"Secret Day",
		[("Contact", make_contact("Gina", email="gina@guest.example").name)],
		event_type="Private",
	)
	campaign = make_campaign(running=True)
	with as_user(make_user("Membership Manager")):
		doc = new_import(campaign, "People Met", event_name="Secret Day")
		doc.check()
		assert doc.total_rows == 0


def test_a_digest_changes_with_the_content(site):
	lead = make_lead("Andes Guides")
	before = sources.from_leads([]).digest
	assert sources.from_leads([]).digest == before
	frappe.db.set_value(leads.LEAD, lead.name, "phone", "+51 1")
	assert sources.from_leads([]).digest != before
