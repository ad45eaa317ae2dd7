"""Invitation Campaign: its workflow step by step and role by role, who approves, and what the system does."""

from __future__ import annotations

import json
from pathlib import Path

import frappe
import pytest
from frappe.core.doctype.data_import.data_import import import_file_by_path
from frappe.model.workflow import (
	WorkflowPermissionError,
	WorkflowTransitionError,
	apply_workflow,
	bulk_workflow_approval,
)
from frappe.utils import add_days, getdate, nowdate

from imta_crm import hooks, seeds
from imta_crm.invitations import approval, campaigns, lifecycle
from imta_crm.invitations.doctype.invitation_campaign.invitation_campaign import (
	NotReady,
	OwnCampaign,
	PlanLocked,
)
from imta_crm.workflows import WorkflowBypassed
from tests.site.factories import as_user, make_user
from tests.site.invitation_factories import make_campaign, put_into, step

STATES = campaigns.STATES
MANAGER, LEADER, COORDINATOR = "Membership Manager", "Alliance Leadership", "Training Coordinator"
OTHERS = ("Liaison Officer", "Treasurer", "Alliance Member")
PLANNERS = {MANAGER, COORDINATOR}
# (state, action) -> (next state, roles): the whole workflow; whatever is not here must fail. A coordinator
# takes these steps in campaigns for activities.
STEPS = {
	("Draft", "Submit for Approval"): ("Pending Approval", PLANNERS),
	("Draft", "Cancel Campaign"): ("Cancelled", PLANNERS),
	("Pending Approval", "Approve"): ("Approved", {LEADER}),
	("Pending Approval", "Return for Correction"): ("Draft", PLANNERS | {LEADER}),
	("Pending Approval", "Cancel Campaign"): ("Cancelled", PLANNERS),
	("Approved", "Start"): ("Running", PLANNERS),
	("Approved", "Return for Correction"): ("Draft", PLANNERS),
	("Approved", "Cancel Campaign"): ("Cancelled", PLANNERS),
	("Running", "Pause"): ("Paused", PLANNERS),
	("Running", "Complete"): ("Completed", PLANNERS),
	("Running", "Cancel Campaign"): ("Cancelled", PLANNERS),
	("Paused", "Resume"): ("Running", PLANNERS),
	("Paused", "Complete"): ("Completed", PLANNERS),
	("Paused", "Cancel Campaign"): ("Cancelled", PLANNERS),
}
ACTIONS = sorted({action for _state, action in STEPS})
REFUSALS = (
	frappe.PermissionError,
	WorkflowPermissionError,
	WorkflowTransitionError,
	PlanLocked,
	OwnCampaign,
)


def attempt(call) -> BaseException | None:
	"""Run it, undo it if it failed, and return the error."""
	frappe.db.savepoint("attempt")
	try:
		call()
	except Exception as error:
		frappe.db.rollback(save_point="attempt")
		return error
	finally:
		frappe.clear_messages()
	return None


def state_of(campaign) -> str:
	return frappe.db.get_value(campaign.doctype, campaign.name, "workflow_state")


def purpose_for(role: str) -> str:
	return "Activity" if role == COORDINATOR else "Membership"


@pytest.mark.parametrize("role", [MANAGER, LEADER, COORDINATOR, *OTHERS])
@pytest.mark.parametrize("state", STATES)
def test_every_action_of_every_role_in_every_state(state, role):
	campaign = make_campaign(purpose=purpose_for(role))
	user = make_user(role)
	for action in ACTIONS:
		put_into(campaign, state)
		with as_user(user):
			error = attempt(lambda a=action: apply_workflow(campaign, a))
		next_state, roles = STEPS.get((state, action), (None, set()))
		if role in roles:
			assert error is None, (action, error)
			assert state_of(campaign) == next_state
		else:
			assert isinstance(error, REFUSALS), (action, error)
			assert state_of(campaign) == state


@pytest.mark.parametrize("role", [MANAGER, LEADER, COORDINATOR, "System Manager", *OTHERS])
@pytest.mark.parametrize("state", STATES)
def test_state_cannot_be_set_around_the_workflow(state, role):
	"""A plain save, as by REST, passes only where the step itself is allowed to this role."""
	campaign = make_campaign(purpose=purpose_for(role))
	user = make_user(role)
	for target in STATES:
		if target == state:
			continue
		put_into(campaign, state)
		allowed = any(
			(begin, end) == (state, target) and role in roles for (begin, _), (end, roles) in STEPS.items()
		)
		with as_user(user):
			error = attempt(
				lambda t=target: frappe.client.set_value(campaign.doctype, campaign.name, "workflow_state", t)
			)
		assert (error is None) == allowed, (target, error)
		assert state_of(campaign) == (target if allowed else state)
		assert allowed or isinstance(error, REFUSALS), (target, error)


@pytest.mark.parametrize("state", STATES[1:])
def test_new_campaign_begins_as_draft(state):
	with as_user(make_user(MANAGER)):
		error = attempt(lambda: make_campaign(workflow_state=state))
	assert isinstance(error, WorkflowPermissionError)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("state", STATES)
def test_coordinator_takes_no_step_in_the_recruitment_of_members(state, action):
	campaign = make_campaign(state=state)
	with as_user(make_user(COORDINATOR)):
		assert isinstance(attempt(lambda: apply_workflow(campaign, action)), frappe.PermissionError)
	assert state_of(campaign) == state


def test_officer_who_is_coordinator_too_still_plans_no_recruitment():
	campaign = make_campaign()
	with as_user(make_user(("Liaison Officer", COORDINATOR))):
		doc = frappe.get_doc(campaign.doctype, campaign.name)
		assert doc.has_permission("read")
		assert not doc.has_permission("write")
		doc.theme = "Another one"
		assert isinstance(attempt(doc.save), frappe.PermissionError)
		assert isinstance(attempt(lambda: apply_workflow(doc, "Submit for Approval")), frappe.PermissionError)


def test_without_its_workflow_no_state_moves():
	campaign = make_campaign()
	frappe.db.set_value("Workflow", "Invitation Campaign", "is_active", 0)
	frappe.cache.hdel("workflow", "Invitation Campaign")
	try:
		campaign.workflow_state = "Approved"
		with pytest.raises(WorkflowBypassed):
			campaign.save()
	finally:
		frappe.cache.hdel("workflow", "Invitation Campaign")


# Who approves


def submitted_by(user: str, **values):
	with as_user(user):
		campaign = make_campaign(**values)
		apply_workflow(campaign, "Submit for Approval")
	return campaign.reload()


def approve(campaign) -> BaseException | None:
	return attempt(lambda: apply_workflow(frappe.get_doc(campaign.doctype, campaign.name), "Approve"))


def test_somebody_else_approves_and_is_recorded():
	manager, leader = make_user(MANAGER), make_user(LEADER)
	campaign = submitted_by(manager)
	assert campaign.submitted_by == manager
	with as_user(leader):
		assert approve(campaign) is None
	campaign.reload()
	assert (campaign.workflow_state, campaign.approved_by) == ("Approved", leader)
	assert campaign.approved_at


def test_nobody_approves_what_they_have_made():
	both = make_user((MANAGER, LEADER))
	campaign = submitted_by(both)
	with as_user(both):
		assert approve(campaign) is not None
		# Nor past the button, which alone asks for Frappe's "allow self approval".
		error = attempt(
			lambda: frappe.client.set_value(campaign.doctype, campaign.name, "workflow_state", "Approved")
		)
	assert isinstance(error, OwnCampaign)
	assert state_of(campaign) == "Pending Approval"


@pytest.mark.parametrize("part", ["submits", "owns"])
def test_nobody_approves_what_they_have_submitted_or_own(part):
	both, manager = make_user((MANAGER, LEADER)), make_user(MANAGER)
	if part == "submits":
		with as_user(manager):
			campaign = make_campaign()
		with as_user(both):
			apply_workflow(campaign, "Submit for Approval")
	else:
		campaign = submitted_by(manager, campaign_owner=both)
	with as_user(both):
		assert isinstance(approve(campaign), OwnCampaign)


def test_a_returned_campaign_forgets_who_submitted_and_approved():
	campaign = submitted_by(make_user(MANAGER))
	with as_user(make_user(LEADER)):
		assert approve(campaign) is None
	with as_user(make_user(MANAGER)):
		apply_workflow(campaign.reload(), "Return for Correction")
	campaign.reload()
	assert (campaign.submitted_by, campaign.approved_by, campaign.approved_at) == (None, None, None)


def test_leadership_decides_and_writes_nothing_else():
	campaign = make_campaign(state="Pending Approval")
	with as_user(make_user(LEADER)):
		doc = frappe.get_doc(campaign.doctype, campaign.name)
		doc.daily_cap = 5000
		doc.workflow_state = "Approved"
		assert isinstance(attempt(doc.save), frappe.PermissionError)
	put_into(campaign, "Draft")
	with as_user(make_user(LEADER)):
		doc = frappe.get_doc(campaign.doctype, campaign.name)
		doc.theme = "Mine"
		assert isinstance(attempt(doc.save), frappe.PermissionError)
		assert isinstance(attempt(frappe.copy_doc(campaign).insert), frappe.PermissionError)


# What approval needs


@pytest.mark.parametrize(
	("values", "says"),
	[
		({"steps": []}, "no step"),
		({"targets": []}, "no target"),
		({"targets": [{"planned": 0}]}, "no target"),
		({"steps": [step(email_template=None, email_template_zh=None)]}, "template"),
		({"from_date": "2025-01-01", "to_date": "2025-03-31"}, "ended"),
		({"steps": [step(), step("Too late", days=91)]}, "after the end"),
	],
)
def test_what_is_missing_is_said_before_approval(values, says):
	campaign = make_campaign(**values)
	for state in ("Draft", "Pending Approval", "Approved"):
		put_into(campaign, state)
		campaign.workflow_state = {
			"Draft": "Pending Approval",
			"Pending Approval": "Approved",
			"Approved": "Running",
		}[state]
		with pytest.raises(NotReady, match=says):
			campaign.save()


def test_all_that_is_missing_is_said_at_once():
	assert len(approval.problems(make_campaign(steps=[], targets=[]))) == 2


def test_a_template_that_does_not_render_is_found_at_approval():
	campaign = make_campaign()
	frappe.db.set_value(
		"Email Template",
		campaign.steps[0].email_template,
		"response_html",
		"<p>{{ prospect_name.nothing() }}",
	)
	frappe.clear_document_cache("Email Template", campaign.steps[0].email_template)
	campaign.workflow_state = "Pending Approval"
	with pytest.raises(NotReady, match=campaign.steps[0].step_title):
		campaign.save()


def test_mails_need_an_account_that_sends():
	campaign = make_campaign()
	frappe.db.set_value("Email Account", campaign.email_account, "enable_outgoing", 0)
	assert any(campaign.email_account in problem for problem in approval.problems(campaign))
	by_hand = make_campaign(steps=[step("Call", channel="Call")])
	frappe.db.set_value("Email Account", campaign.email_account, "enable_outgoing", 0)
	assert approval.problems(by_hand) == []


def test_bulk_approval_asks_the_same():
	good = submitted_by(make_user(MANAGER))
	bad = make_campaign(steps=[], state="Pending Approval")
	with as_user(make_user(LEADER)):
		attempt(lambda: apply_workflow(bad, "Approve"))
		attempt(lambda: apply_workflow(good, "Approve"))
	assert (state_of(good), state_of(bad)) == ("Approved", "Pending Approval")
	assert bulk_workflow_approval  # the same door


# By itself


def test_starts_on_its_first_day_and_not_before():
	campaign = make_campaign(state="Approved", from_date=add_days(nowdate(), 3))
	assert campaign.name not in lifecycle.advance()["started"]
	assert campaign.name in lifecycle.advance(add_days(nowdate(), 3))["started"]
	campaign.reload()
	assert campaign.workflow_state == "Running"
	assert campaign.started_at
	assert campaign.name not in lifecycle.advance(add_days(nowdate(), 3))["started"]


def test_a_missed_first_day_is_caught_up():
	campaign = make_campaign(state="Approved")
	assert campaign.name in campaigns.advance(add_days(nowdate(), 20))["started"]


@pytest.mark.parametrize(
	"values", [{"starts_by_itself": 0}, {"state": "Pending Approval"}, {"state": "Draft"}]
)
def test_does_not_start_unasked(values):
	campaign = make_campaign(**{"state": "Approved", **values})
	lifecycle.advance()
	assert state_of(campaign) == values.get("state", "Approved")


def test_what_stands_in_the_way_of_the_start_is_shown_and_told_once():
	campaign, other = make_campaign(state="Approved"), make_campaign(state="Approved")
	template = frappe.copy_doc(frappe.get_doc("Email Template", campaign.steps[0].email_template))
	template.insert(set_name="Broken")
	frappe.db.set_value("Email Template", "Broken", "response_html", "{{ 1 / 0 }}")
	for row in campaign.steps:
		frappe.db.set_value(row.doctype, row.name, "email_template", "Broken")
	before = frappe.db.count("Notification Log", {"document_name": campaign.name})
	for _day in range(2):
		done = lifecycle.advance()
		assert campaign.name in done["problem"]
	assert other.name not in done["problem"]
	assert state_of(other) == "Running"
	assert state_of(campaign) == "Approved"
	assert frappe.db.get_value(campaign.doctype, campaign.name, "last_problem")
	assert frappe.db.count("Notification Log", {"document_name": campaign.name}) == before + 1


def test_completes_when_the_period_is_over_and_nothing_is_left():
	campaign = make_campaign(running=True)
	assert campaign.name not in lifecycle.advance(campaign.to_date)["completed"]
	assert campaign.name in lifecycle.advance(add_days(campaign.to_date, 1))["completed"]
	assert frappe.db.get_value(campaign.doctype, campaign.name, "finished_at")


def test_does_not_complete_while_something_is_on_its_way(monkeypatch):
	campaign = make_campaign(running=True)
	monkeypatch.setattr(lifecycle, "is_on_its_way", lambda name: name == campaign.name)
	assert campaign.name not in lifecycle.advance(add_days(campaign.to_date, 5))["completed"]


def test_set_state_is_harmless_when_repeated():
	campaign = make_campaign(state="Approved")
	assert campaigns.set_state(campaign.name, "Running", reason="By hand")
	assert not campaigns.set_state(campaign.name, "Running")
	comments = frappe.get_all(
		"Comment", {"reference_name": campaign.name, "comment_type": "Workflow"}, pluck="content"
	)
	assert comments == ["Running: By hand"]


# As shipped


def test_fixture_is_what_the_hooks_name_and_the_site_has():
	folder = Path(frappe.get_app_path("imta_crm", "fixtures"))
	for entry in hooks.fixtures:
		names = entry["filters"][0][2]
		file = json.loads((folder / f"{frappe.scrub(entry['dt'])}.json").read_text(encoding="utf-8"))
		assert {row["name"] for row in file} == set(names)
		for name in names:
			assert frappe.db.exists(entry["dt"], name)
	shipped = {(t.state, t.action, t.next_state) for t in _workflow().transitions}
	assert shipped == {(state, action, end) for (state, action), (end, _) in STEPS.items()}
	assert {row.state for row in _workflow().states} == set(STATES)
	for transition in _workflow().transitions:
		assert transition.allowed in STEPS[transition.state, transition.action][1]
		assert transition.allow_self_approval == (transition.action != "Approve")


def test_uninstalling_removes_its_states_and_leaves_frappes():
	"""States that Frappe ships are not claimed, those that came with the app are, whenever it brought them."""
	mine = {"Pending Approval", "Running", "Paused", "Completed", "Cancelled"}
	known = {name for doctype, name in seeds.remembered() if doctype == "Workflow State"}
	assert known >= mine
	assert known.isdisjoint({"Approved", "Rejected", "Pending"})
	assert ("Workflow", "Invitation Campaign") in seeds.remembered()


def test_own_workflow_stays_active_on_migrate():
	own = frappe.copy_doc(_workflow())
	own.workflow_name = own.name = "Our own campaign way"
	own.insert()
	path = frappe.get_app_path("imta_crm", "fixtures", "workflow.json")
	import_file_by_path(path, data_import=True, force=True, reset_permissions=True)
	active = {"document_type": "Invitation Campaign", "is_active": 1}
	assert frappe.get_all("Workflow", active, pluck="name") == [own.name]
	other = {"document_type": "Membership Application", "is_active": 1}
	assert frappe.get_all("Workflow", other, pluck="name") == ["Membership Application"]
	frappe.delete_doc("Workflow", own.name)
	import_file_by_path(path, data_import=True, force=True, reset_permissions=True)
	assert frappe.get_all("Workflow", active, pluck="name") == ["Invitation Campaign"]
	frappe.cache.hdel("workflow", "Invitation Campaign")


def _workflow():
	return frappe.get_doc("Workflow", "Invitation Campaign")


def test_dates_of_the_factory():
	campaign = make_campaign()
	assert getdate(campaign.from_date) == getdate(nowdate())
