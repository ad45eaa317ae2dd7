"""What installing and migrating set up for training, and the settings that the secretariat changes."""

from __future__ import annotations

import frappe
import pytest

from imta_crm import install, seeds
from imta_crm.workflows import SHIPPED
from tests.site.factories import as_user, make_user
from tests.site.seating_factories import make_session

SETTINGS = "Alliance Settings"


def reminders() -> list[tuple[str, int]]:
	rows = frappe.get_all(
		"Event Reminder", {"parent": SETTINGS}, ["applies_to", "hours_before"], order_by="idx", as_list=True
	)
	return [tuple(row) for row in rows]


def test_a_reminder_that_was_taken_out_does_not_come_back(site):
	frappe.db.delete("Event Reminder", {"parent": SETTINGS})
	known = [entry for entry in seeds.remembered() if entry[0] != "Event Reminder"]
	frappe.db.set_value(
		"DefaultValue", seeds.MEMORY, "defvalue", frappe.as_json(known), update_modified=False
	)
	for _again in range(2):
		install.seed_event_reminders()
	assert reminders() == [
		(kind, hours) for kind in ("Training Session", "Alliance Activity") for hours in (168, 24)
	]
	settings = frappe.get_doc(SETTINGS)
	settings.event_reminders = settings.event_reminders[1:]
	settings.save()
	install.seed_event_reminders()
	assert reminders()[0] == ("Training Session", 24)


def test_settings_that_are_new_get_their_default_and_keep_a_zero(site):
	frappe.db.delete("Singles", {"doctype": SETTINGS, "field": "feedback_valid_days"})
	frappe.db.set_single_value(SETTINGS, "feedback_after_hours", 0)
	install.seed_settings()
	assert frappe.db.get_single_value(SETTINGS, "feedback_valid_days") == 30
	assert frappe.db.get_single_value(SETTINGS, "feedback_after_hours") == 0


@pytest.mark.parametrize(
	"rows",
	[
		[{"applies_to": "Training Session", "hours_before": 0}],
		[{"applies_to": "Training Session", "hours_before": 24}] * 2,
	],
)
def test_reminders_make_sense(site, rows):
	settings = frappe.get_doc(SETTINGS)
	settings.set("event_reminders", rows)
	with pytest.raises(frappe.ValidationError):
		settings.save()


def test_a_coordinator_is_a_coordinator(site):
	settings = frappe.get_doc(SETTINGS)
	settings.default_coordinator = make_user("Treasurer")
	with pytest.raises(frappe.ValidationError):
		settings.save()
	settings.reload()
	settings.default_coordinator = coordinator = make_user("Training Coordinator")
	settings.save()
	with as_user(make_user("System Manager")):
		assert make_session(coordinator=None).coordinator == coordinator
	with as_user(make_user("Training Coordinator")) as other:
		assert make_session(coordinator=None).coordinator == other


@pytest.mark.parametrize("doctype", ["Training Enrollment", "Activity Delegate"])
def test_the_shipped_workflow_is_on_and_knows_what_the_engine_knows(site, doctype):
	from imta_crm.policy.seating import STATUSES, may_become

	assert doctype in SHIPPED
	workflow = frappe.get_doc("Workflow", doctype)
	assert workflow.is_active and workflow.workflow_state_field == "status"
	states = {row.state for row in workflow.states}
	assert states == set(STATUSES) - ({"Completed"} if doctype == "Activity Delegate" else set())
	assert {row.allowed for row in workflow.transitions} == {"Training Coordinator", "Liaison Officer"}
	for row in workflow.transitions:
		assert may_become(row.state, row.next_state), (row.state, row.action)
