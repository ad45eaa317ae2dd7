"""The end of a campaign: what becomes of those who wait for it, and that nobody is forgotten."""

from __future__ import annotations

import frappe
import pytest
from frappe.model.workflow import apply_workflow
from frappe.utils import add_days

from imta_crm.invitations import campaigns, lifecycle
from tests.site.factories import as_user, make_user
from tests.site.invitation_factories import make_campaign, make_invitation, put_into
from tests.site.test_campaign_plan import touch_of

WAITING = ("Held", "Planned", "Invited", "Later")
GO_ON = ("Interested", "Accepted", "Applied", "Admitted", "Declined", "Do Not Write", "Unreachable")
LATER_ON = "2028-02-01"


def people_of(campaign) -> dict[str, str]:
	"""An invitation in each status, and one who has written a mail that nobody has judged yet."""
	found = {}
	for status in (*WAITING, *GO_ON):
		values = {}
		if status == "Later":
			values = {"later_on": LATER_ON, "reply": "Later", "replied_at": "2026-11-23 09:00:00"}
		found[status] = make_invitation(campaign.name, status=status, **values).name
	found["Wrote"] = make_invitation(
		campaign.name, status="Invited", reply="By Mail", replied_at="2026-11-23 09:00:00"
	).name
	return found


def statuses(people: dict[str, str]) -> dict[str, str]:
	return {key: frappe.db.get_value("Invitation", name, "status") for key, name in people.items()}


def over(campaign, state: str) -> int:
	put_into(campaign, state)
	return lifecycle.wind_up(campaign.name)


def test_after_a_completed_campaign():
	campaign = make_campaign(running=True)
	people = people_of(campaign)
	assert over(campaign, "Completed") == 4
	unchanged = {status: status for status in GO_ON}
	assert statuses(people) == {
		**unchanged,
		"Wrote": "Invited",
		"Invited": "No Reply",
		"Later": "No Reply",
		"Planned": "Withdrawn",
		"Held": "Withdrawn",
	}
	assert over(campaign, "Completed") == 0


def test_after_a_cancelled_campaign():
	campaign = make_campaign(running=True)
	people = people_of(campaign)
	over(campaign, "Cancelled")
	after = statuses(people)
	assert {after[status] for status in WAITING} == {"Withdrawn"}
	assert {status: after[status] for status in GO_ON} == {status: status for status in GO_ON}
	reason = frappe.db.get_value("Invitation", people["Planned"], "close_reason")
	assert reason == "The campaign was cancelled."


def test_those_it_leaves_are_free_for_the_next_campaign():
	campaign = make_campaign(running=True)
	invitation = make_invitation(campaign.name, "Free Again", email="free@again.example", status="Invited")
	assert invitation.live_email
	over(campaign, "Completed")
	assert frappe.db.get_value("Invitation", invitation.name, ["live_email", "live_name"]) == (None, None)
	make_invitation(make_campaign().name, "Free Again", email="free@again.example")


def test_who_asked_to_hear_later_is_a_task_for_that_day():
	officer = make_user("Liaison Officer")
	campaign = make_campaign(running=True, default_officer=officer)
	people = people_of(campaign)
	over(campaign, "Completed")
	tasks = frappe.get_all(
		"ToDo", {"reference_name": ("in", list(people.values()))}, ["reference_name", "date", "allocated_to"]
	)
	assert [(task.reference_name, str(task.date), task.allocated_to) for task in tasks] == [
		(people["Later"], LATER_ON, officer)
	]


def test_the_task_goes_to_somebody_who_can_log_in():
	gone, officer = make_user("Liaison Officer"), make_user("Liaison Officer")
	campaign = make_campaign(running=True, default_officer=officer)
	later = {"later_on": LATER_ON, "reply": "Later", "replied_at": "2026-11-23 09:00:00"}
	name = make_invitation(campaign.name, status="Later", officer=gone, **later).name
	frappe.db.set_value("User", gone, "enabled", 0)
	over(campaign, "Completed")
	assert frappe.get_all("ToDo", {"reference_name": name}, pluck="allocated_to") == [officer]


def test_a_campaign_that_still_runs_is_not_wound_up():
	for state in ("Running", "Paused", "Approved"):
		campaign = make_campaign(state=state)
		people = people_of(campaign)
		before = statuses(people)
		assert lifecycle.wind_up(campaign.name) == 0
		assert statuses(people) == before


def test_many_are_closed_in_chunks(monkeypatch):
	monkeypatch.setattr(lifecycle, "CHUNK", 3)
	campaign = make_campaign(running=True)
	names = [make_invitation(campaign.name).name for _number in range(7)]
	assert over(campaign, "Completed") == 7
	assert set(statuses(dict.fromkeys(names, None) and {n: n for n in names}).values()) == {"Withdrawn"}


def test_the_job_is_asked_for_by_the_step_and_caught_up_when_it_was_lost(monkeypatch):
	asked = []
	monkeypatch.setattr(
		frappe, "enqueue", lambda method, **values: asked.append((method, values.get("campaign")))
	)
	campaign = make_campaign(running=True)
	make_invitation(campaign.name)
	with as_user(make_user("Membership Manager")):
		apply_workflow(campaign, "Complete")
	job = ("imta_crm.invitations.lifecycle.wind_up", campaign.name)
	assert job in asked
	asked.clear()
	lifecycle.advance()
	assert job in asked
	lifecycle.wind_up(campaign.name)
	asked.clear()
	lifecycle.advance()
	assert job not in asked


def test_mails_that_have_not_left_are_waited_for():
	campaign = make_campaign(running=True)
	invitation = make_invitation(campaign.name, status="Invited")
	touch_of(campaign, campaign.steps[0], invitation.name, status="Queued")
	after = add_days(campaign.to_date, 3)
	assert campaign.name not in lifecycle.advance(after)["completed"]
	frappe.db.set_value("Invitation Touch", {"campaign": campaign.name}, "status", "Sent")
	assert campaign.name in lifecycle.advance(after)["completed"]
	assert frappe.db.get_value(campaign.doctype, campaign.name, "workflow_state") == "Completed"


@pytest.mark.parametrize(
	("action", "state"), [("Pause", "Paused"), ("Complete", "Completed"), ("Cancel Campaign", "Cancelled")]
)
def test_a_mail_that_waits_in_the_queue_does_not_leave_any_more(action, state):
	campaign = make_campaign(running=True)
	invitation = make_invitation(campaign.name, status="Invited")
	queue = frappe.new_doc("Email Queue")
	queue.update({"sender": "invitations@imta.example", "message": "Hello", "status": "Not Sent"})
	queue.append("recipients", {"recipient": invitation.email, "status": "Not Sent"})
	queue.insert(ignore_permissions=True)
	touch_of(campaign, campaign.steps[0], invitation.name, status="Queued", email_queue=queue.name)
	with as_user(make_user("Membership Manager")):
		apply_workflow(campaign, action)
	assert frappe.db.get_value(campaign.doctype, campaign.name, "workflow_state") == state
	assert frappe.db.get_value("Email Queue", queue.name, "status") not in ("Not Sent", "Error", "Sending")
	assert frappe.db.get_value("Invitation Touch", {"campaign": campaign.name}, "status") == "Skipped"


def test_progress_counts_and_leads_to_the_documents():
	campaign = make_campaign(running=True)
	sent = {"first_sent_at": "2026-11-23 09:00:00"}
	make_invitation(campaign.name)
	invited = make_invitation(campaign.name, status="Invited", **sent)
	make_invitation(campaign.name, status="Merged", **sent)
	make_invitation(
		campaign.name, status="Interested", reply="Interested", replied_at="2026-11-24 09:00:00", **sent
	)
	touch_of(campaign, campaign.steps[0], invited.name)
	progress = lifecycle.progress(campaign.name)
	stages = progress["stages"]
	assert (stages["total"], stages["planned"], stages["invited"], stages["replied"]) == (3, 1, 2, 1)
	assert progress["touches"] == {"Sent": 1}
	assert campaign.name in progress["routes"]["invited"]
	assert "Sent" in progress["touch_routes"]["Sent"]


def test_states_of_a_campaign_and_new_prospects():
	for state in campaigns.STATES:
		campaign = make_campaign(state=state)
		if state in campaigns.OVER:
			with pytest.raises(campaigns.CampaignStateError):
				campaigns.check_open_for_prospects(campaign.name)
		else:
			campaigns.check_open_for_prospects(campaign.name)
