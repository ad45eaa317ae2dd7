"""Invitations, imports and their rows: what each role may do, also past the forms."""

from __future__ import annotations

import frappe
import frappe.client
import pytest

from imta_crm.invitations.doctype.prospect_import.prospect_import import download_rows
from tests.site.factories import as_user, make_user
from tests.site.invitation_factories import make_campaign, make_invitation

CONTENT = (
	b"Organisation,Country,Email\nHidden Club,Peru,a@hidden.example\nHidden Club,Peru,b@hidden.example\n"
)


@pytest.fixture
def campaign(site):
	return make_campaign(running=True)


@pytest.fixture
def activity(site):
	return make_campaign(running=True, purpose="Activity")


def attach(content: bytes = CONTENT):
	return frappe.get_doc(
		{"doctype": "File", "file_name": "prospects.csv", "content": content, "is_private": 1}
	).insert()


def checked_import(campaign):
	doc = frappe.get_doc(
		{
			"doctype": "Prospect Import",
			"campaign": campaign.name,
			"source": "File",
			"prospect_file": attach().file_url,
		}
	).insert()
	doc.check()
	return doc


def insert_by_rest(campaign, number: int = 1, **fields) -> dict:
	return frappe.client.insert(
		{
			"doctype": "Invitation",
			"campaign": campaign.name,
			"prospect_name": f"Rest Club {number}",
			"country": "Peru",
			"email": f"r{number}@rest{number}.example",
			**fields,
		}
	)


def call(doc, method: str):
	"""As the form calls a method of a saved document."""
	return getattr(frappe.get_doc(doc.doctype, doc.name), method)()


# Invitations


@pytest.mark.parametrize("role", ["Membership Manager", "System Manager"])
def test_managers_add_prospects_by_hand(campaign, role):
	with as_user(make_user(role)):
		made = insert_by_rest(campaign, status="Admitted", link_key="mine")
	assert made["status"] == "Planned"
	assert frappe.db.get_value("Invitation", made["name"], "link_key") != "mine"


@pytest.mark.parametrize(
	"role", ["Liaison Officer", "Alliance Leadership", "Treasurer", "Training Coordinator", None]
)
def test_others_do_not(campaign, role):
	with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
		insert_by_rest(campaign)


def test_a_coordinator_does_for_activities(activity):
	with as_user(make_user("Training Coordinator")):
		assert insert_by_rest(activity)["purpose"] == "Activity"


@pytest.mark.parametrize(
	"field", ["status", "lead", "member", "next_at", "reply", "admitted_on", "live_email"]
)
def test_nobody_writes_where_an_invitation_stands(campaign, field):
	doc = make_invitation(campaign.name)
	before = frappe.db.get_value("Invitation", doc.name, field)
	value = {
		"status": "Admitted",
		"next_at": "2020-01-01 00:00:00",
		"admitted_on": "2020-01-01",
		"reply": "Interested",
	}.get(field)
	with as_user(make_user("Membership Manager")):
		frappe.client.set_value("Invitation", doc.name, field, value)
	assert frappe.db.get_value("Invitation", doc.name, field) == before


def test_an_officer_works_on_own_invitations(campaign):
	officer, other = make_user(), make_user()
	mine, others = (make_invitation(campaign.name, officer=user) for user in (officer, other))
	nobodys = make_invitation(campaign.name)
	with as_user(officer):
		assert frappe.get_list("Invitation", pluck="name") == [mine.name]
		frappe.client.set_value("Invitation", mine.name, "phone", "+51 1 234")
		for doc in (others, nobodys):
			with pytest.raises(frappe.PermissionError):
				frappe.client.get("Invitation", doc.name)
			with pytest.raises(frappe.PermissionError):
				frappe.client.set_value("Invitation", doc.name, "phone", "+51 1 234")
			with pytest.raises(frappe.PermissionError):
				frappe.get_doc("Invitation", doc.name).withdraw("No reason")


@pytest.mark.parametrize("role", ["Treasurer", "Alliance Member", None])
def test_strangers_see_no_invitation(campaign, role):
	doc = make_invitation(campaign.name)
	with as_user(make_user(role)):
		with pytest.raises(frappe.PermissionError):
			frappe.get_list("Invitation")
		with pytest.raises(frappe.PermissionError):
			frappe.client.get("Invitation", doc.name)


def test_leadership_reads_and_changes_nothing(campaign):
	doc = make_invitation(campaign.name)
	with as_user(make_user("Alliance Leadership")):
		assert frappe.client.get("Invitation", doc.name)["prospect_name"] == doc.prospect_name
		with pytest.raises(frappe.PermissionError):
			frappe.client.set_value("Invitation", doc.name, "phone", "+51 1 234")


@pytest.mark.parametrize("role", ["Membership Manager", "Liaison Officer", "Training Coordinator"])
def test_nobody_but_a_system_manager_deletes(campaign, role):
	doc = make_invitation(campaign.name)
	with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
		frappe.delete_doc("Invitation", doc.name)


# Imports


def test_a_manager_imports(campaign):
	with as_user(make_user("Membership Manager")):
		doc = checked_import(campaign)
		call(doc, "start_import")
	assert frappe.db.get_value("Prospect Import", doc.name, "status") == "Queued"


def test_a_coordinator_imports_for_activities_alone(campaign, activity):
	foreign = checked_import(campaign)
	with as_user(make_user("Training Coordinator")):
		assert checked_import(activity).to_invite == 2
		with pytest.raises(frappe.PermissionError):
			checked_import(campaign)
		for door in (
			lambda: call(foreign, "check"),
			lambda: call(foreign, "start_import"),
			lambda: download_rows(foreign.name),
			lambda: frappe.client.get("Prospect Import", foreign.name),
		):
			with pytest.raises(frappe.PermissionError):
				door()
		assert foreign.name not in frappe.get_list("Prospect Import", pluck="name")


@pytest.mark.parametrize(
	"role", ["Liaison Officer", "Treasurer", "Alliance Leadership", "Alliance Member", None]
)
def test_others_import_nothing(campaign, role):
	doc = checked_import(campaign)
	with as_user(make_user(role)):
		for door in (
			lambda: checked_import(campaign),
			lambda: call(doc, "check"),
			lambda: call(doc, "start_import"),
		):
			with pytest.raises(frappe.PermissionError):
				door()
		if role != "Alliance Leadership":
			with pytest.raises(frappe.PermissionError):
				download_rows(doc.name)


@pytest.mark.parametrize("role", ["Liaison Officer", "Treasurer", None])
def test_rows_of_imports_cannot_be_listed_by_themselves(campaign, role):
	checked_import(campaign)
	with as_user(make_user(role)):
		try:
			rows = frappe.get_list("Prospect Import Row", parent_doctype="Prospect Import")
		except frappe.PermissionError:
			rows = []
	assert rows == []


def test_a_manager_cannot_read_files_of_others_through_an_import(campaign):
	secret = frappe.get_doc(
		{
			"doctype": "File",
			"file_name": "secret.csv",
			"content": b"secret",
			"is_private": 1,
			"attached_to_doctype": "User",
			"attached_to_name": "Administrator",
		}
	).insert()
	with as_user(make_user("Membership Manager")), pytest.raises(frappe.PermissionError):
		frappe.get_doc(
			{
				"doctype": "Prospect Import",
				"campaign": campaign.name,
				"source": "File",
				"prospect_file": secret.file_url,
			}
		).insert()


def test_a_public_file_becomes_private(campaign):
	file = frappe.get_doc(
		{"doctype": "File", "file_name": "open.csv", "content": CONTENT, "is_private": 0}
	).insert()
	doc = frappe.get_doc(
		{
			"doctype": "Prospect Import",
			"campaign": campaign.name,
			"source": "File",
			"prospect_file": file.file_url,
		}
	).insert()
	assert doc.prospect_file.startswith("/private/")
