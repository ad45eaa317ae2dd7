"""Who sees which campaign, invitation, touch and import: lists and documents give the same answer."""

from __future__ import annotations

import frappe
import pytest
from frappe.handler import is_valid_http_method, run_doc_method
from frappe.model.base_document import get_controller

from imta_crm.invitations import campaigns
from imta_crm.membership.permissions import get_count, get_link_title, search_link
from tests.site.factories import as_user, make_user, next_number
from tests.site.invitation_factories import make_campaign, make_invitation
from tests.site.test_campaign_plan import touch_of

MANAGER, LEADER, COORDINATOR = "Membership Manager", "Alliance Leadership", "Training Coordinator"
OFFICER, TREASURER, MEMBER = "Liaison Officer", "Treasurer", "Alliance Member"
DOCTYPES = ("Invitation Campaign", "Invitation", "Invitation Touch", "Prospect Import")
CHILDREN = {
	"Invitation Campaign Step": "Invitation Campaign",
	"Invitation Campaign Target": "Invitation Campaign",
	"Prospect Import Row": "Prospect Import",
}
# role -> which of the three documents it reads: recruitment (of nobody), recruitment (the user's own), activity
READS = {
	"System Manager": ("other", "mine", "activity"),
	MANAGER: ("other", "mine", "activity"),
	LEADER: ("other", "mine", "activity"),
	COORDINATOR: ("activity",),
	OFFICER: ("mine",),
	(OFFICER, COORDINATOR): ("mine", "activity"),
	TREASURER: (),
	MEMBER: (),
	None: (),
}


def documents_for(user: str) -> dict[str, dict[str, str]]:
	"""For each DocType the names of the three documents."""
	found = {doctype: {} for doctype in DOCTYPES}
	for key, purpose, officer in (
		("other", "Membership", None),
		("mine", "Membership", user),
		("activity", "Activity", None),
	):
		campaign = make_campaign(purpose=purpose)
		invitation = make_invitation(campaign.name, officer=officer)
		touch_of(campaign, campaign.steps[0], invitation.name)
		imported = f"PIMP-TEST-{next_number():05}"
		frappe.db.bulk_insert(
			"Prospect Import", ["name", "campaign", "status"], [(imported, campaign.name, "Draft")]
		)
		found["Invitation Campaign"][key] = campaign.name
		found["Invitation"][key] = invitation.name
		found["Invitation Touch"][key] = f"{invitation.name}:{campaign.steps[0].step_key}"
		found["Prospect Import"][key] = imported
	return found


def expected(role, doctype: str) -> set[str]:
	roles = role if isinstance(role, tuple) else (role,)
	reads = set(READS[role])
	if doctype == "Invitation Campaign" and OFFICER in roles:
		return {"other", "mine", "activity"}
	if doctype == "Prospect Import":
		return reads - {"mine"} if OFFICER in roles else reads
	return reads


@pytest.mark.parametrize("role", list(READS), ids=str)
def test_lists_and_documents_give_the_same_answer(role):
	user = make_user(role)
	documents = documents_for(user)
	with as_user(user):
		for doctype, names in documents.items():
			wanted = expected(role, doctype)
			try:
				listed = set(frappe.get_list(doctype, {"name": ("in", list(names.values()))}, pluck="name"))
			except frappe.PermissionError:
				listed = set()
			readable = {
				key for key, name in names.items() if frappe.has_permission(doctype, "read", doc=name)
			}
			assert listed == {names[key] for key in wanted}, doctype
			assert readable == wanted, doctype


@pytest.mark.parametrize("role", [OFFICER, COORDINATOR, TREASURER, None], ids=str)
def test_rows_are_no_way_around(role):
	user = make_user(role)
	documents = documents_for(user)
	with as_user(user):
		for child, parent in CHILDREN.items():
			allowed = {documents[parent][key] for key in expected(role, parent)}
			try:
				parents = set(frappe.get_list(child, parent_doctype=parent, pluck="parent", limit=0))
			except frappe.PermissionError:
				parents = set()
			assert parents & set(documents[parent].values()) <= allowed, child


@pytest.mark.parametrize(
	("role", "purposes"),
	[
		(MANAGER, {"Membership", "Activity"}),
		(COORDINATOR, {"Activity"}),
		((OFFICER, COORDINATOR), {"Activity"}),
		(LEADER, set()),
		(OFFICER, set()),
		(TREASURER, set()),
	],
	ids=str,
)
def test_who_plans_what(role, purposes):
	user = make_user(role)
	for purpose in ("Membership", "Activity"):
		campaign = make_campaign(purpose=purpose)
		with as_user(user):
			doc = frappe.copy_doc(campaign)
			doc.campaign_owner = user
			if purpose in purposes:
				doc.insert()
				doc.theme = "Another one"
				doc.save()
				campaigns.check_may_plan(campaign.name)
			else:
				with pytest.raises(frappe.PermissionError):
					doc.insert()
				with pytest.raises(frappe.PermissionError):
					campaigns.check_may_plan(campaign.name)


@pytest.mark.parametrize("role", [MANAGER, LEADER, COORDINATOR, OFFICER])
def test_nobody_of_the_secretariat_deletes_a_campaign(role):
	campaign = make_campaign(purpose="Activity")
	with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
		frappe.delete_doc(campaign.doctype, campaign.name)


def test_a_coordinator_cannot_move_a_campaign_to_the_recruitment():
	campaign = make_campaign(purpose="Activity")
	with as_user(make_user(COORDINATOR)):
		doc = frappe.get_doc(campaign.doctype, campaign.name)
		doc.purpose = "Membership"
		with pytest.raises((frappe.PermissionError, frappe.CannotChangeConstantError)):
			doc.save()


def test_an_officer_writes_the_own_invitation_only():
	officer = make_user(OFFICER)
	documents = documents_for(officer)["Invitation"]
	with as_user(officer):
		writes = {
			key for key, name in documents.items() if frappe.has_permission("Invitation", "write", doc=name)
		}
	assert writes == {"mine"}


@pytest.mark.parametrize("role", [OFFICER, COORDINATOR, LEADER])
def test_a_document_that_calls_itself_new_is_judged_by_what_is_stored(role, monkeypatch):
	"""Frappe lets a request send the document whose method it calls."""
	user = make_user(role)
	names = documents_for(user)
	name, campaign = names["Invitation"]["other"], names["Invitation Campaign"]["activity"]
	imported = names["Prospect Import"]["other"]
	sent = {"name": name, "__islocal": 1, "modified": frappe.utils.now(), "doctype": "Invitation"}
	monkeypatch.setattr(frappe.local, "request", frappe._dict(method="POST"), raising=False)
	with as_user(user):
		for claimed in ({}, {"campaign": campaign}, {"campaign": campaign, "officer": user}):
			with pytest.raises(frappe.PermissionError):
				run_doc_method("withdraw", docs=frappe.as_json({**sent, **claimed}), args='{"reason": "x"}')
		for method in ("check", "start_import"):
			doc = {**sent, "doctype": "Prospect Import", "name": imported, "campaign": campaign}
			with pytest.raises(frappe.PermissionError):
				run_doc_method(method, docs=frappe.as_json(doc))
	assert frappe.db.get_value("Invitation", name, "status") == "Planned"


@pytest.mark.parametrize("role", [OFFICER, COORDINATOR, LEADER, MANAGER])
def test_links_find_and_name_what_is_read(role):
	"""Whatever the browser says of User Permissions."""
	user = make_user(role)
	names = documents_for(user)["Invitation"]
	wanted = {names[key] for key in READS[role]}
	with as_user(user):
		found = search_link(
			"Invitation", "", filters={"name": ("in", list(names.values()))}, ignore_user_permissions=True
		)
		assert {row["value"] for row in found} == wanted
		assert {name for name in names.values() if get_link_title("Invitation", name) != name} == wanted


@pytest.mark.parametrize("role", list(READS), ids=str)
def test_a_number_counts_what_is_read(role):
	"""Asked with filters it would answer who is invited."""
	assert frappe.get_hooks("override_whitelisted_methods")["frappe.client.get_count"][-1].endswith(
		"get_count"
	)
	user = make_user(role)
	names = documents_for(user)["Invitation"]
	with as_user(user):
		try:
			number = get_count("Invitation", filters={"name": ("in", list(names.values()))})
		except frappe.PermissionError:
			number = 0
		assert number == len(READS[role])
		if not READS[role]:
			with pytest.raises(frappe.PermissionError):
				get_count("Do Not Invite", filters={"email": "a@b.example"})


@pytest.mark.parametrize(
	("doctype", "method"),
	[("Invitation", "withdraw"), ("Prospect Import", "check"), ("Prospect Import", "start_import")],
)
def test_what_writes_is_no_get(doctype, method, monkeypatch):
	"""A GET needs no CSRF token: another site could send it."""
	monkeypatch.setattr(frappe.local, "request", frappe._dict(method="GET"), raising=False)
	with pytest.raises(frappe.PermissionError):
		is_valid_http_method(getattr(get_controller(doctype), method))
