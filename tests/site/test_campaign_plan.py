"""Invitation Campaign: its rules, what is locked when, its targets and their figures."""

from __future__ import annotations

from datetime import date, time

import frappe
import pytest
from frappe.utils import add_days, nowdate

from imta_crm.invitations import approval, campaigns, targets
from imta_crm.invitations.doctype.invitation_campaign.invitation_campaign import PlanLocked, WrongPlan
from imta_crm.invitations.standard_steps import standard_steps
from imta_crm.policy.schedule import Step
from tests.site.factories import as_user, count_queries, make_member, make_tier, make_user, next_number
from tests.site.invitation_factories import (
	TEMPLATE_EN,
	TEMPLATE_ZH,
	make_campaign,
	put_into,
	step,
)

MANAGER = "Membership Manager"


# Rules


def test_rules_are_what_the_campaign_says():
	campaign = make_campaign(
		from_date="2026-03-01",
		to_date="2026-05-31",
		work_from="09:30:00",
		work_to="16:00:00",
		daily_cap=50,
		steps=[
			step(step_key="S1"),
			step("Visit", days=4, channel="Visit", counted_from="Start", language="Chinese"),
			step(
				"Reminder", days=7, only_if_no_reply=0, email_template_zh=None, language="Other Than Chinese"
			),
		],
	)
	rules = campaigns.rules_of(campaign.name)
	second, third = (row.step_key for row in campaign.steps[1:])
	assert rules.steps == (
		Step("S1", "Invitation", "E-mail", 0, "Start", True, "All Languages"),
		Step(second, "Visit", "Visit", 4, "Start", True, "Chinese"),
		Step(third, "Reminder", "E-mail", 7, "Previous Step", False, "Other Than Chinese"),
	)
	assert rules.templates["S1"] == (TEMPLATE_EN, TEMPLATE_ZH)
	assert rules.templates[third] == (TEMPLATE_EN, TEMPLATE_EN), "a language without words gets the other"
	assert rules.tasks[second] == campaign.steps[1].task
	assert (rules.from_date, rules.to_date, rules.daily_cap) == (date(2026, 3, 1), date(2026, 5, 31), 50)
	assert (rules.hours.work_from, rules.hours.work_to) == (time(9, 30), time(16))
	assert rules.activity is None


def test_rules_are_read_once_and_anew_after_a_change():
	campaign = make_campaign()
	before = campaigns.rules_of(campaign.name)
	assert campaigns.rules_of(campaign.name) is before
	campaign.daily_cap = 7
	campaign.save()
	assert campaigns.rules_of(campaign.name).daily_cap == 7
	put_into(campaign, "Running")
	assert campaigns.rules_of(campaign.name).is_running
	with pytest.raises(frappe.DoesNotExistError):
		campaigns.rules_of("CAM-NONE")


def test_holidays_of_the_list_count():
	holidays = frappe.get_doc(
		{
			"doctype": "Holiday List",
			"holiday_list_name": f"Test Holidays {next_number()}",
			"from_date": "2026-01-01",
			"to_date": "2026-12-31",
			"holidays": [{"holiday_date": "2026-10-01", "description": "National Day"}],
		}
	).insert()
	campaign = make_campaign(holiday_list=holidays.name)
	assert campaigns.rules_of(campaign.name).hours.holidays == {date(2026, 10, 1)}


# Slips


@pytest.mark.parametrize(
	"values",
	[
		{"from_date": "2026-05-01", "to_date": "2026-04-30"},
		{"from_date": "2026-05-01", "to_date": "2036-04-30"},
		{"work_from": "17:00:00", "work_to": "09:00:00"},
		{"work_from": "09:00:00", "work_to": "09:00:00"},
		{"year": 26},
		{"targets": [{"planned": 3, "tier": "Ordinary"}, {"planned": 5, "tier": "Ordinary"}]},
		{"steps": [step(str(number)) for number in range(21)]},
		{"steps": [step(days=1001)]},
	],
)
def test_a_plan_that_contradicts_itself(values):
	with pytest.raises(WrongPlan):
		make_campaign(**values)


@pytest.mark.parametrize(
	("values", "error"),
	[
		({"activity_name": " "}, frappe.MandatoryError),
		({"activity_from": "2026-05-02 10:00:00", "activity_to": "2026-05-02 09:00:00"}, WrongPlan),
		({"answer_until": "2020-01-01"}, WrongPlan),
	],
)
def test_an_activity_needs_its_name_and_times(values, error):
	with pytest.raises(error):
		make_campaign(purpose="Activity", **values)


def test_system_fields_are_not_taken_from_a_request():
	campaign = make_campaign(approved_by="Administrator", last_problem="None")
	assert (campaign.approved_by, campaign.last_problem) == (None, None)
	with as_user(make_user(MANAGER)):
		for field, value in (("approved_by", "Administrator"), ("started_at", "2020-01-01 00:00:00")):
			frappe.client.set_value(campaign.doctype, campaign.name, field, value)
			assert frappe.db.get_value(campaign.doctype, campaign.name, field) is None


# Steps keep their names


def test_keys_of_steps_stay_when_steps_move():
	campaign = make_campaign()
	keys = {row.step_title: row.step_key for row in campaign.steps}
	assert len(set(keys.values())) == 3
	campaign.steps.reverse()
	for number, row in enumerate(campaign.steps, 1):
		row.idx = number
		row.step_key = "forged"
	campaign.append("steps", step("Visit", channel="Visit", step_key=keys["Call"]))
	campaign.save()
	campaign.reload()
	now = {row.step_title: row.step_key for row in campaign.steps}
	assert {title: now[title] for title in keys} == keys
	assert now["Visit"] not in keys.values()
	assert [row.step_title for row in campaign.steps] == ["Reminder", "Call", "Invitation", "Visit"]


def test_a_copy_has_keys_of_its_own_only_where_they_clash():
	campaign = make_campaign(
		steps=[step("A", step_key="S1"), step("B", step_key="S1"), step("C", step_key="later")]
	)
	keys = [row.step_key for row in campaign.steps]
	assert keys[0] == "S1"
	assert len(set(keys)) == 3
	assert not any(key.startswith("later") for key in keys)


@pytest.mark.parametrize("purpose", ["Membership", "Activity"])
def test_standard_steps_make_a_plan_that_can_be_approved(purpose):
	with as_user(make_user(MANAGER)):
		found = standard_steps(purpose)
	campaign = make_campaign(purpose=purpose, **found)
	assert len(campaign.steps) == len(found["steps"]) >= 3
	assert approval.problems(campaign) == []
	mails = [row for row in campaign.steps if row.channel == "E-mail"]
	assert all(row.email_template and row.email_template_zh for row in mails)
	assert all(row.task for row in campaign.steps if row.channel != "E-mail")


def test_standard_steps_leave_out_what_was_deleted_and_speak_the_language_of_the_planner():
	frappe.delete_doc("Email Template", "IMTA Invitation ZH")
	frappe.local.lang = "zh"
	try:
		first = standard_steps("Membership")["steps"][0]
	finally:
		frappe.local.lang = "en"
	assert first["step_title"] == "邀请函"
	assert "email_template_zh" not in first
	assert first["email_template"] == "IMTA Invitation EN"
	with as_user(make_user("Training Coordinator")):
		assert standard_steps("Activity")["steps"]
		with pytest.raises(frappe.PermissionError):
			standard_steps("Membership")


# What is locked when

CHANGES = {
	"theme": "Another theme",
	"from_date": add_days,
	"to_date": add_days,
	"daily_cap": 3,
	"work_from": "10:00:00",
	"default_tier": "Council",
	"not_again_months": 3,
	"growth_percent": 55.5,
	"email_account": None,
	"later_template": TEMPLATE_EN,
	"starts_by_itself": 0,
	"steps": "new row",
	"targets": "new row",
	"campaign_owner": "user",
	"default_officer": "user",
}
CARE = {"campaign_owner", "default_officer"}
WHILE_PAUSED = {"to_date", "daily_cap", "work_from", "email_account", "later_template", "steps"}
OPEN = {
	"Draft": set(CHANGES),
	"Pending Approval": CARE,
	"Approved": CARE,
	"Running": CARE,
	"Paused": CARE | WHILE_PAUSED,
	"Completed": set(),
	"Cancelled": set(),
}


@pytest.mark.parametrize("state", campaigns.STATES)
def test_what_may_change_in_which_state(state):
	make_tier("Council")
	campaign, user = make_campaign(daily_cap=10), make_user(MANAGER)
	put_into(campaign, state)
	for field, value in CHANGES.items():
		with as_user(user):
			doc = frappe.get_doc(campaign.doctype, campaign.name)
			if value == "new row":
				doc.append(
					field,
					step("Letter", channel="Letter", days=3)
					if field == "steps"
					else {"tier": "Council", "planned": 2},
				)
			else:
				value = add_days(doc.get(field), 1) if value is add_days else value
				doc.set(field, user if value == "user" else value)
			frappe.db.savepoint("one_change")
			if field in OPEN[state]:
				doc.save()
			else:
				with pytest.raises(PlanLocked):
					doc.save()
			frappe.db.rollback(save_point="one_change")


@pytest.mark.parametrize("state", campaigns.STATES)
def test_saving_without_a_change_is_harmless_in_every_state(state):
	"""As a form does: all values as text, times without leading zeros, figures beside the targets."""
	campaign = make_campaign(work_from="09:00:00", growth_percent=12.5, answer_until=None)
	put_into(campaign, state)
	sent = frappe.parse_json(frappe.as_json(frappe.get_doc(campaign.doctype, campaign.name).as_dict()))
	sent["work_from"] = "9:00:00"
	sent["targets"][0]["members_today"] = 4711
	with as_user(make_user(MANAGER)):
		frappe.get_doc(sent).save()


def touch_of(campaign, row, invitation: str | None = None, **values) -> None:
	"""Somebody has got this step: a row as the database holds it."""
	invitation = invitation or frappe.generate_hash(length=10)
	values = {
		"name": f"{invitation}:{row.step_key}",
		"creation": "2026-11-23 10:00:00",
		"modified": "2026-11-23 10:00:00",
		"made_at": "2026-11-23 10:00:00",
		"invitation": invitation,
		"campaign": campaign.name,
		"step_key": row.step_key,
		"step_title": row.step_title,
		"channel": row.channel,
		"status": "Sent",
		**values,
	}
	frappe.db.bulk_insert("Invitation Touch", list(values), [tuple(values.values())])


def paused_after_the_first_step():
	campaign = make_campaign(state="Paused")
	touch_of(campaign, campaign.steps[0])
	return campaign


def test_a_paused_campaign_changes_the_steps_to_come():
	campaign = paused_after_the_first_step()
	campaign.steps[1].days = 9
	campaign.steps[2].task = "Ask again"
	campaign.append("steps", step("Letter", channel="Letter", days=3))
	campaign.save()
	campaign.remove(campaign.steps[1])
	campaign.save()
	assert [row.step_title for row in campaign.reload().steps] == ["Invitation", "Reminder", "Letter"]


@pytest.mark.parametrize(
	"change",
	[
		lambda campaign: campaign.steps[0].update({"days": 1}),
		lambda campaign: campaign.steps[0].update({"email_template": TEMPLATE_ZH}),
		lambda campaign: campaign.steps[0].update({"only_if_no_reply": 0}),
		lambda campaign: campaign.remove(campaign.steps[0]),
		lambda campaign: campaign.set("steps", campaign.steps[1:] + campaign.steps[:1]),
	],
)
def test_a_step_that_somebody_has_got_stays(change):
	campaign = paused_after_the_first_step()
	change(campaign)
	for number, row in enumerate(campaign.steps, 1):
		row.idx = number
	with pytest.raises(PlanLocked):
		campaign.save()


def test_a_campaign_with_invitations_is_not_deleted():
	campaign = make_campaign()
	invite(campaign)
	with pytest.raises(frappe.ValidationError, match="cancel it instead"):
		frappe.delete_doc(campaign.doctype, campaign.name)
	frappe.delete_doc(campaign.doctype, make_campaign().name)


# Targets


def invite(campaign, **values) -> str:
	"""A row of an invitation as the database holds it, past all checks: figures are counted from rows."""
	name = f"INVT-TEST-{next_number():05}"
	row = {
		"name": name,
		"creation": "2026-11-23 10:00:00",
		"modified": "2026-11-23 10:00:00",
		"campaign": campaign.name,
		"purpose": campaign.purpose,
		"prospect_name": name,
		"status": "Planned",
		**values,
	}
	frappe.db.bulk_insert("Invitation", list(row), [tuple(row.values())])
	return name


SENT = {"status": "Invited", "first_sent_at": "2026-03-01 09:00:00"}
REPLIED = {**SENT, "replied_at": "2026-03-02 10:00:00", "reply": "Interested", "status": "Interested"}
ADMITTED = {**REPLIED, "status": "Admitted"}


def figures_of(campaign) -> list[tuple]:
	doc = frappe.get_doc(campaign.doctype, campaign.name)
	return [
		(row["planned"], row["members_today"], row["gap"], row["invited"], row["replied"], row["admitted"])
		for row in doc.as_dict()["targets"]
	]


def test_figures_beside_the_targets():
	tier = make_tier(f"Test Tier {next_number()}").name
	other = make_tier(f"Test Tier {next_number()}").name
	for country, sector in (("Nepal", None), ("India", None), ("Austria", None), ("China", None)):
		make_member(country=country, tier=tier, sector=sector)
	withdrawn = make_member(country="Nepal", tier=tier)
	frappe.db.set_value("IMTA Member", withdrawn.name, "status", "Withdrawn")
	campaign = make_campaign(
		targets=[
			{"tier": tier, "planned": 10},
			{"tier": tier, "region": "Asia", "planned": 5},
			{"tier": tier, "region": "Southern Asia", "planned": 1},
			{"tier": other, "planned": 2},
		]
	)
	place = frappe.db.get_value("IMTA Member", {"tier": tier, "country": "Nepal"}, "territory")
	assert place == "Southern Asia"
	invite(campaign, tier=tier, territory=place)
	invite(campaign, tier=tier, territory=place, **SENT)
	invite(campaign, tier=tier, territory="Western Europe", **REPLIED)
	invite(campaign, tier=tier, territory=place, **ADMITTED)
	invite(campaign, tier=tier, territory=place, **{**ADMITTED, "status": "Merged"})
	invite(make_campaign(), tier=tier, territory=place, **ADMITTED)
	assert figures_of(campaign) == [
		(10, 4, 6, 3, 2, 1),
		(5, 3, 2, 2, 1, 1),
		(1, 2, 0, 2, 1, 1),
		(2, 0, 2, 0, 0, 0),
	]
	invite(campaign, tier=other, **SENT)
	assert figures_of(campaign)[3] == (2, 0, 2, 1, 0, 0), "figures are never stored"


def test_for_an_activity_those_who_said_yes_count():
	campaign = make_campaign(purpose="Activity", targets=[{"planned": 3}])
	invite(campaign, **{**REPLIED, "reply": "Yes", "status": "Accepted"})
	invite(campaign, **SENT)
	assert figures_of(campaign) == [(3, 1, 2, 2, 1, 1)]


def test_figures_of_many_targets_need_few_queries():
	regions = frappe.get_all("Territory", pluck="name", limit=25)
	few = make_campaign(targets=[{"region": regions[0], "planned": 1}])
	many = make_campaign(targets=[{"region": region, "planned": 1} for region in regions])
	assert queries_for(many) == queries_for(few) <= 3


def queries_for(campaign) -> int:
	doc = frappe.get_doc(campaign.doctype, campaign.name)
	with count_queries() as queries:
		doc.target_figures()
	return len(queries)


def test_suggested_targets_let_the_membership_grow_in_its_proportions():
	tier = make_tier(f"Test Tier {next_number()}").name
	for number in range(12):
		make_member(country="Nepal" if number < 8 else "Austria", tier=tier)
	with as_user(make_user(MANAGER)):
		rows = [row for row in targets.suggest(25) if row["tier"] == tier]
	by_region = {row["region"]: row for row in rows}
	assert set(by_region) == {"Southern Asia", "Western Europe"}
	assert (by_region["Southern Asia"]["members_today"], by_region["Western Europe"]["members_today"]) == (
		8,
		4,
	)
	for row in rows:
		assert row["gap"] == row["planned"] - row["members_today"] >= 0
	total_today = sum(row["members_today"] for row in targets.suggest(25))
	total_planned = sum(row["planned"] for row in targets.suggest(25))
	assert total_planned == total_today + -(-total_today // 4)
	assert all(row["planned"] == row["members_today"] for row in targets.suggest(0))
	assert all(row["planned"] == row["members_today"] for row in targets.suggest(-5))
	assert all(row["tier"] is None for row in targets.suggest(10, by_tier=False))
	campaign = make_campaign(targets=targets.suggest(25))
	assert len(campaign.targets) == len(targets.suggest(25))


def test_no_suggested_target_counts_the_members_of_another():
	tier = make_tier(f"Test Tier {next_number()}").name
	sector = frappe.get_all("Market Segment", pluck="name", limit=1)[0]
	for of in (sector, sector, None):
		make_member(country="Nepal", tier=tier, sector=of)
	make_member(country="Austria", tier=tier)
	with as_user(make_user(MANAGER)):
		rows = [row for row in targets.suggest(10) if row["tier"] == tier]
	# In Austria nobody has a sector, so the empty one counts nobody twice.
	assert {(row["region"], row["sector"]) for row in rows} == {
		("Southern Asia", sector),
		("Western Europe", None),
	}
	campaign = make_campaign(targets=rows)
	assert [row.members_today for row in campaign.targets] == [row["members_today"] for row in rows]


@pytest.mark.parametrize(
	"role", ["Liaison Officer", "Training Coordinator", "Treasurer", "Alliance Leadership", None]
)
def test_only_planners_get_suggestions(role):
	with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
		targets.suggest(10)


def test_dates_of_the_factory():
	assert str(make_campaign().from_date) == nowdate()
