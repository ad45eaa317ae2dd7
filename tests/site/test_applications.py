"""Membership Application: the workflow step by step and role by role, and admission as one piece."""

from __future__ import annotations

import frappe
import pytest
from frappe.custom.doctype.property_setter.property_setter import make_property_setter
from frappe.model.workflow import WorkflowPermissionError, WorkflowTransitionError, apply_workflow
from frappe.utils import add_days, getdate, today

from imta_crm.membership.doctype.membership_application.admission import DuplicateApplicant
from imta_crm.membership.doctype.membership_application.membership_application import (
	DecisionIncomplete,
	FinalDecision,
	TierNotOpen,
)
from imta_crm.workflows import WorkflowBypassed
from tests.site.factories import as_user, make_member, make_user, next_number

STATES = ("Draft", "Submitted", "Secretariat Check", "Council Review", "Approved", "Rejected")
ACTIONS = ("Submit", "Begin Check", "Return for Correction", "Send to Council", "Approve", "Reject")
OFFICER, MANAGER = "Liaison Officer", "Membership Manager"
OTHERS = ("Treasurer", "Training Coordinator", "Alliance Leadership", "Alliance Member")
# (state, action) -> (next state, roles): the whole workflow; whatever is not here must fail.
STEPS = {
	("Draft", "Submit"): ("Submitted", {OFFICER, MANAGER}),
	("Submitted", "Begin Check"): ("Secretariat Check", {OFFICER, MANAGER}),
	("Secretariat Check", "Return for Correction"): ("Draft", {OFFICER, MANAGER}),
	("Secretariat Check", "Send to Council"): ("Council Review", {MANAGER}),
	("Council Review", "Approve"): ("Approved", {MANAGER}),
	("Council Review", "Reject"): ("Rejected", {MANAGER}),
}
REFUSALS = (
	frappe.PermissionError,
	WorkflowPermissionError,
	WorkflowTransitionError,
	FinalDecision,
)


def make_application(state: str = "Draft", **fields):
	"""An application that lacks nothing, put straight into a state."""
	doc = frappe.new_doc("Membership Application")
	doc.update(
		{
			"applicant_type": "Organisation",
			"applicant_name": f"Applicant Alpine Club {next_number()}",
			"country": "Austria",
			"tier": "Ordinary",
			"email": "office@applicant.example",
			"phone": "+43 512 59547",
			"contact_first_name": "Anna",
			"contact_last_name": "Huber",
			"contact_position": "Secretary",
			"address_line1": "Olympiastr. 37",
			"city": "Innsbruck",
			"postal_code": "6020",
			"invoice_currency": "USD",
			"preferred_language": "en",
			"source": "Secretariat",
			**decision(),
			**fields,
		}
	)
	doc.insert()
	if state != "Draft":
		frappe.db.set_value(doc.doctype, doc.name, "workflow_state", state)
		doc.reload()
	return doc


def put_back(application, state: str) -> None:
	frappe.db.set_value(application.doctype, application.name, "workflow_state", state)
	application.reload()


def decision() -> dict:
	return {
		"council_decision_on": today(),
		"council_reference": "Council 2026/7, item 3",
		"rejection_reason": "Not concerned with mountains",
	}


def attempt(call) -> BaseException | None:
	"""Run it, undo it if it failed, and return the error."""
	frappe.db.savepoint("attempt")
	try:
		call()
	except Exception as error:
		frappe.db.rollback(save_point="attempt")
		return error
	return None


# The workflow


@pytest.mark.parametrize("role", [OFFICER, MANAGER, *OTHERS])
@pytest.mark.parametrize("state", STATES)
def test_every_action_of_every_role_in_every_state(state, role):
	user, application = make_user(role), make_application(state)
	for action in ACTIONS:
		put_back(application, state)
		with as_user(user):
			error = attempt(lambda a=action, d=application: apply_workflow(d, a))
		after = frappe.db.get_value(application.doctype, application.name, "workflow_state")
		next_state, roles = STEPS.get((state, action), (None, set()))
		if role in roles:
			assert error is None, (action, error)
			assert after == next_state
		else:
			assert isinstance(error, REFUSALS), (action, error)
			assert after == state


@pytest.mark.parametrize("role", [OFFICER, MANAGER, "System Manager", *OTHERS])
@pytest.mark.parametrize("state", STATES)
def test_state_cannot_be_set_around_the_workflow(state, role):
	"""A plain save, as by REST or set_value, passes only where the step itself is allowed to this role."""
	user, application = make_user(role), make_application(state)
	for target in STATES:
		if target == state:
			continue
		put_back(application, state)
		allowed = any(
			begin == state and end == target and role in roles for (begin, _), (end, roles) in STEPS.items()
		)
		with as_user(user):
			error = attempt(
				lambda d=application, t=target: frappe.client.set_value(
					d.doctype, d.name, "workflow_state", t
				)
			)
		after = frappe.db.get_value(application.doctype, application.name, "workflow_state")
		if allowed:
			assert error is None, (target, error)
			assert after == target
		else:
			assert isinstance(error, REFUSALS), (target, error)
			assert after == state


@pytest.mark.parametrize("state", STATES[1:])
def test_new_application_begins_as_draft(state):
	"""Also by the API and by Data Import, which insert documents with the state in them."""
	with as_user(make_user(MANAGER)):
		error = attempt(lambda: make_application(workflow_state=state))
		assert isinstance(error, WorkflowPermissionError)
		values = make_application().as_dict()
		values = {k: v for k, v in values.items() if k not in ("name", "creation", "modified")}
		error = attempt(lambda: frappe.client.insert({**values, "workflow_state": state}))
		assert isinstance(error, WorkflowPermissionError)


def test_without_its_workflow_no_state_moves():
	application = make_application()
	frappe.db.set_value("Workflow", "Membership Application", "is_active", 0)
	frappe.cache.hdel("workflow", "Membership Application")
	try:
		application.workflow_state = "Approved"
		with pytest.raises(WorkflowBypassed):
			application.save()
	finally:
		frappe.cache.hdel("workflow", "Membership Application")


def test_system_fields_are_not_taken_from_a_request():
	member = make_member()
	application = make_application(member=member.name, decided_by="Administrator", source="Web")
	assert (application.member, application.decided_by) == (None, None)
	assert application.source == "Secretariat", "only the public form writes Web"
	frappe.client.set_value(application.doctype, application.name, "member", member.name)
	assert frappe.db.get_value(application.doctype, application.name, "member") is None
	with pytest.raises(frappe.CannotChangeConstantError):
		frappe.client.set_value(application.doctype, application.name, "source", "Import")


def test_decided_application_is_final():
	for state in ("Approved", "Rejected"):
		application = make_application(state)
		application.motivation = "Written afterwards"
		with pytest.raises(FinalDecision):
			application.save()


def test_officer_writes_until_the_papers_are_with_the_council():
	officer = make_user(OFFICER)
	for state in STATES:
		application = make_application(state)
		with as_user(officer):
			writable = application.has_permission("write")
		assert writable == (state in ("Draft", "Submitted", "Secretariat Check")), state


def test_the_decision_is_for_the_managers_to_write():
	decision = {"council_decision_on": today(), "council_reference": "C-1", "rejection_reason": "No."}
	with as_user(make_user(OFFICER)):
		doc = make_application()
		doc.update({**decision, "motivation": "We have hills."}).save()
	doc.reload()
	assert doc.motivation == "We have hills."
	assert [doc.get(field) for field in decision] == [None, None, None]
	with as_user(make_user(MANAGER)):
		doc.update(decision).save()
	assert doc.reload().council_reference == "C-1"


@pytest.mark.parametrize("role", OTHERS)
def test_other_roles(role):
	application = make_application()
	with as_user(make_user(role)):
		assert application.has_permission("read") == (role == "Alliance Leadership")
		assert not application.has_permission("write")
		assert not frappe.has_permission("Membership Application", "create")


def test_migrate_leaves_a_workflow_of_the_sites_own_in_force():
	from frappe.modules.import_file import import_file_by_path

	own = frappe.copy_doc(frappe.get_doc("Workflow", "Membership Application"))
	own.workflow_name = "Our own way"
	own.insert()
	path = frappe.get_app_path("imta_crm", "fixtures", "workflow.json")
	import_file_by_path(path, data_import=True, force=True, reset_permissions=True)
	active = frappe.get_all(
		"Workflow", {"document_type": "Membership Application", "is_active": 1}, pluck="name"
	)
	assert active == ["Our own way"]
	frappe.delete_doc("Workflow", "Our own way")
	import_file_by_path(path, data_import=True, force=True, reset_permissions=True)
	assert frappe.db.get_value("Workflow", "Membership Application", "is_active") == 1
	frappe.cache.hdel("workflow", "Membership Application")


# The decision


@pytest.mark.parametrize(
	("action", "missing"),
	[
		("Approve", "council_decision_on"),
		("Approve", "council_reference"),
		("Reject", "council_decision_on"),
		("Reject", "council_reference"),
		("Reject", "rejection_reason"),
	],
)
def test_decision_needs_date_reference_and_reason(action, missing):
	application = make_application("Council Review")
	application.db_set(missing, None)
	with as_user(make_user(MANAGER)), pytest.raises(DecisionIncomplete):
		apply_workflow(application, action)


def test_approval_needs_no_reason_for_rejection():
	application = make_application("Council Review")
	application.db_set("rejection_reason", None)
	apply_workflow(application, "Approve")
	assert frappe.db.get_value(application.doctype, application.name, "workflow_state") == "Approved"


@pytest.mark.parametrize(
	("decided", "admitted"), [(1, None), (0, -1), (0, 1)], ids=["in future", "before", "ahead"]
)
def test_days_of_decision_and_admission(decided, admitted):
	application = make_application("Council Review")
	application.db_set("council_decision_on", add_days(today(), decided))
	if admitted is not None:
		application.db_set("admitted_on", add_days(today(), admitted))
	error = attempt(lambda: apply_workflow(application, "Approve"))
	assert isinstance(error, DecisionIncomplete)


def test_rejection_makes_nobody_a_member():
	application = make_application("Council Review")
	apply_workflow(application, "Reject")
	application.reload()
	assert application.workflow_state == "Rejected"
	assert application.decided_by == "Administrator"
	assert not application.member
	assert not frappe.db.exists("IMTA Member", {"member_name": application.applicant_name})


# Admission


def test_approval_makes_member_customer_contact_and_address():
	manager = make_user(MANAGER)
	application = make_application("Council Review", applicant_name_local="Alpenverein Österreich")
	on = add_days(today(), -40)
	application.db_set({"council_decision_on": on})
	with as_user(manager):
		apply_workflow(application, "Approve")
	application.reload()
	assert application.workflow_state == "Approved"
	assert application.decided_by == manager
	assert application.admitted_on == getdate(on)
	member = frappe.get_doc("IMTA Member", application.member)
	assert member.name.startswith("IMTA-")
	assert member.application == application.name
	assert member.status == "Active"
	assert member.joined_on == getdate(on), "dues begin on the day of admission"
	assert [(row.status, row.from_date) for row in member.status_history] == [("Active", getdate(on))]
	assert member.tier_history[0].tier == "Ordinary"
	assert member.member_name_local == "Alpenverein Österreich"
	customer = frappe.get_doc("Customer", member.customer)
	assert customer.default_currency == "USD"
	assert len(member.card_token) >= 32
	for parent in ("Contact", "Address"):
		for link in (("Customer", member.customer), ("IMTA Member", member.name)):
			names = frappe.get_all(
				"Dynamic Link",
				{"parenttype": parent, "link_doctype": link[0], "link_name": link[1]},
				pluck="parent",
			)
			assert len(set(names)) == 1, (parent, link)
	contact = frappe.get_doc("Contact", member.primary_contact)
	assert (contact.first_name, contact.last_name, contact.designation) == ("Anna", "Huber", "Secretary")
	assert contact.email_id == "office@applicant.example"


def test_exempt_tier_gets_no_customer():
	application = make_application("Council Review", applicant_type="Individual", tier="Individual")
	apply_workflow(application, "Approve")
	member = frappe.get_doc(
		"IMTA Member", frappe.db.get_value(application.doctype, application.name, "member")
	)
	assert not member.customer
	assert member.primary_contact


def count_all() -> dict:
	return {
		doctype: frappe.db.count(doctype)
		for doctype in ("IMTA Member", "Customer", "Contact", "Address", "Member Status History", "Comment")
	}


def test_admission_that_fails_late_leaves_nothing():
	"""The address comes last: a site that asks for a state in each refuses this one after all else is made."""
	application = make_application("Council Review")
	make_property_setter("Address", "state", "reqd", 1, "Check", validate_fields_for_doctype=False)
	before = count_all()
	with pytest.raises(frappe.MandatoryError):
		apply_workflow(application, "Approve")
	assert count_all() == before
	stored = frappe.db.get_value(
		application.doctype, application.name, ["workflow_state", "member", "decided_by"], as_dict=True
	)
	assert stored == {"workflow_state": "Council Review", "member": None, "decided_by": None}
	assert application.workflow_state == "Council Review"


def test_one_refused_approval_leaves_the_next_alone():
	good, twin = make_application("Council Review"), make_application("Council Review")
	make_member(twin.applicant_name)
	for application in (twin, good):
		attempt(lambda a=application: apply_workflow(a, "Approve"))
	assert frappe.db.get_value(good.doctype, good.name, "workflow_state") == "Approved"
	assert frappe.db.get_value(twin.doctype, twin.name, ["workflow_state", "member"]) == (
		"Council Review",
		None,
	)


# Duplicates


def test_duplicate_of_a_member_is_warned_of_and_refused():
	make_member("Twin Peaks Club", country="Austria")
	application = make_application(applicant_name="  TWIN  peaks club ")
	frappe.clear_messages()
	apply_workflow(application, "Submit")
	assert any("is a member already" in m["message"] for m in frappe.get_message_log())
	frappe.db.set_value(application.doctype, application.name, "workflow_state", "Council Review")
	before = count_all()
	with pytest.raises(DuplicateApplicant, match="is a member already"):
		apply_workflow(application, "Approve")
	assert count_all() == before


def test_former_member_is_reinstated_not_admitted_again():
	member = make_member("Old Friends Club", country="Austria")
	frappe.db.set_value("IMTA Member", member.name, "status", "Withdrawn")
	application = make_application("Council Review", applicant_name="Old friends club")
	with pytest.raises(DuplicateApplicant, match="Reinstate"):
		apply_workflow(application, "Approve")


def test_second_open_application_is_warned_of_and_refused():
	first = make_application("Submitted")
	second = make_application(applicant_name=first.applicant_name.upper())
	frappe.clear_messages()
	apply_workflow(second, "Submit")
	assert any("another open application" in m["message"] for m in frappe.get_message_log())
	frappe.db.set_value(second.doctype, second.name, "workflow_state", "Council Review")
	with pytest.raises(DuplicateApplicant, match=first.name):
		apply_workflow(second, "Approve")
	frappe.db.set_value(first.doctype, first.name, "workflow_state", "Rejected")
	apply_workflow(second, "Approve")


def test_same_name_in_another_country_is_somebody_else():
	make_member("Alpine Club", country="Austria")
	application = make_application("Council Review", applicant_name="Alpine Club", country="Japan")
	apply_workflow(application, "Approve")


def test_form_shows_possible_duplicates_only_to_whom_may_read_them():
	officer, colleague = make_user(OFFICER), make_user(OFFICER)
	member = make_member("Shared Summit Club", officer=colleague)
	application = make_application(applicant_name="Shared Summit Club")
	for user, seen in ((colleague, [member.name]), (officer, [])):
		with as_user(user):
			doc = frappe.get_doc(application.doctype, application.name)
			doc.run_method("onload")
			assert [row["name"] for row in doc.get_onload("duplicates")] == seen


# What an applicant may be


def test_tier_fits_the_applicant():
	with pytest.raises(TierNotOpen):
		make_application(applicant_type="Individual", tier="Ordinary")
	tier = frappe.get_doc("Member Tier", "Ordinary")
	tier.db_set("disabled", 1)
	with pytest.raises(TierNotOpen):
		make_application()


@pytest.mark.parametrize("name", ["Buy at https://spam.example", "www.spam.example", "<b>Club</b>"])
def test_names_carry_no_links_and_no_markup(name):
	with pytest.raises(frappe.ValidationError):
		make_application(applicant_name=name)


def test_what_is_wrong_with_a_name_is_said_in_chinese_too():
	before = frappe.local.lang
	frappe.local.lang = "zh"
	try:
		with pytest.raises(frappe.ValidationError, match="尖括号"):
			make_application(applicant_name="<b>Club</b>")
	finally:
		frappe.local.lang = before


def test_address_must_be_one():
	with pytest.raises(frappe.InvalidEmailAddressError):
		make_application(email="nobody at all")
