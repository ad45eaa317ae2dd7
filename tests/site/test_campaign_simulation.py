"""The plan of a campaign beforehand: it says what the policy says, and what the sending will do."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from zoneinfo import ZoneInfo

import frappe
import pytest
from frappe.utils import add_days, get_system_timezone, getdate
from openpyxl import load_workbook

from imta_crm.invitations import campaigns, plan
from imta_crm.policy import schedule, zones
from imta_crm.policy.schedule import Invitee, Progress
from tests.site.factories import as_user, count_queries, make_user
from tests.site.invitation_factories import make_campaign, put_into, step
from tests.site.test_campaign_plan import invite, touch_of

START = "2027-03-01"  # a Monday
NOW = "2027-02-26 12:00:00"
STEPS = [step(), step("Call", days=3, channel="Call"), step("Reminder", days=4)]


def campaign_of(*people: dict, **values):
	defaults = {
		"from_date": START,
		"to_date": "2027-04-30",
		"work_from": "09:00:00",
		"work_to": "17:00:00",
		"working_days_only": 1,
		"steps": STEPS,
	}
	campaign = make_campaign(**{**defaults, **values})
	for person in people:
		invite(campaign, creation="2027-02-01 00:00:00", **person)
	return campaign


def test_says_what_the_policy_says():
	people = [
		{"prospect_name": "Alpine Club", "country": "Austria", "preferred_language": "en"},
		{"prospect_name": "山地协会", "country": "China", "preferred_language": "zh"},
		{"prospect_name": "Nepal Trails", "country": "Nepal", "time_zone": "Asia/Kathmandu"},
		{"prospect_name": "No Country"},
	]
	campaign = campaign_of(*people, daily_cap=2)
	found = plan.work_out(campaign.name, NOW)
	rules = campaigns.rules_of(campaign.name)
	site_zone = get_system_timezone()
	rows = frappe.get_all(
		"Invitation", {"campaign": campaign.name}, ["name", "country", "preferred_language", "time_zone"]
	)
	codes = {"Austria": "AT", "China": "CN", "Nepal": "NP", None: ""}
	expected = schedule.simulate(
		[
			Invitee(
				row.name,
				"zh" if row.preferred_language == "zh" else "en",
				row.time_zone or zones.zone_of(codes[row.country]),
				codes[row.country],
				Progress(not_before=getdate(START)),
			)
			for row in rows
		],
		rules.steps,
		rules.hours,
		from_date=getdate(START),
		to_date=getdate("2027-04-30"),
		daily_cap=2,
		now=datetime.fromisoformat(NOW).replace(tzinfo=ZoneInfo(site_zone)),
		site_zone=site_zone,
	)
	assert [(each.day, each.at, each.invitee.name, each.step.key) for each in found.touches] == [
		(each.day, each.at, each.invitee.name, each.step.key) for each in expected
	]
	assert len(expected) == 12
	mails = [each.day for each in expected if each.step.is_mail]
	assert max(mails.count(day) for day in mails) == 2


def test_languages_have_their_own_steps():
	campaign = campaign_of(
		{"preferred_language": "zh-TW"},
		{"preferred_language": "fr"},
		steps=[
			step("Letter in Chinese", language="Chinese"),
			step("Letter", language="Other Than Chinese"),
			step("WeChat", channel="WeChat", days=2, language="Chinese"),
		],
	)
	found = plan.work_out(campaign.name, NOW)
	by_language = {}
	for each in found.touches:
		by_language.setdefault(each.invitee.language, []).append(each.step.title)
	assert by_language == {"zh": ["Letter in Chinese", "WeChat"], "en": ["Letter"]}


def test_what_was_done_is_not_planned_again():
	campaign = campaign_of({"status": "Invited"}, {})
	first = frappe.get_all("Invitation", {"campaign": campaign.name, "status": "Invited"}, pluck="name")[0]
	touch_of(campaign, campaign.steps[0], first, made_at="2027-03-02 10:00:00")
	put_into(campaign, "Running")
	found = plan.work_out(campaign.name, "2027-03-02 11:00:00")
	titles = [each.step.title for each in found.touches if each.invitee.name == first]
	assert titles == ["Call", "Reminder"]
	assert len([each for each in found.touches if each.invitee.name != first]) == 3


@pytest.mark.parametrize(
	"status", ["Held", "Declined", "Do Not Write", "Admitted", "Merged", "Withdrawn", "Interested"]
)
def test_who_is_not_open_to_steps_gets_none(status):
	campaign = campaign_of({"status": status}, {})
	assert plan.work_out(campaign.name, NOW).people == 1


def test_without_prospects_two_examples_show_how_it_goes():
	found = plan.work_out(campaign_of().name, NOW)
	assert found.is_example
	assert (found.people, found.left_out) == (0, 0)
	assert {each.invitee.name for each in found.touches} == {name for name, _code, _language in plan.EXAMPLES}


def test_who_gets_nothing_is_counted():
	campaign = campaign_of(
		{}, {}, {}, daily_cap=1, from_date=START, to_date=add_days(START, 1), steps=[step()]
	)
	found = plan.work_out(campaign.name, NOW)
	assert (len(found.touches), found.left_out) == (2, 1)


@pytest.mark.parametrize("state", campaigns.OVER)
def test_a_campaign_that_is_over_plans_nothing(state):
	campaign = campaign_of({})
	put_into(campaign, state)
	found = plan.work_out(campaign.name, NOW)
	assert (found.touches, found.left_out) == ([], 0)


def test_calendar_and_table_for_the_form():
	names = [f"Prospect {number:03}" for number in range(60)]
	campaign = campaign_of(*({"prospect_name": name, "country": "Austria"} for name in names))
	with as_user(make_user("Membership Manager")):
		whole = plan.simulate(campaign.name)
		day = whole["days"][0]["day"]
		second = plan.simulate(campaign.name, start=plan.PAGE)
		of_day = plan.simulate(campaign.name, day=day)
	assert (whole["people"], whole["total"], whole["mails"], whole["count"]) == (60, 180, 120, 180)
	assert sum(each["mails"] + each["tasks"] for each in whole["days"]) == 180
	assert len(whole["rows"]) == plan.PAGE
	assert whole["rows"] != second["rows"]
	assert of_day["count"] == 60
	assert of_day["days"] == whole["days"]
	row = of_day["rows"][0]
	assert (row["prospect"], row["country"], row["zone"]) == ("Prospect 000", "Austria", "Europe/Vienna")
	assert (row["local_time"], row["step"], row["channel"]) == ("09:00", "Invitation", "E-mail")


def test_officer_sees_how_much_and_the_names_of_the_own():
	officer = make_user("Liaison Officer")
	campaign = campaign_of({"officer": officer, "prospect_name": "Mine"}, {"prospect_name": "Another's"})
	with as_user(officer):
		shown = plan.simulate(campaign.name)
	assert (shown["total"], shown["count"]) == (6, 3)
	assert {row["prospect"] for row in shown["rows"]} == {"Mine"}


@pytest.mark.parametrize("role", ["Treasurer", "Training Coordinator", "Alliance Member", None])
def test_who_may_not_read_the_campaign_sees_no_plan(role):
	campaign = campaign_of({})
	with as_user(make_user(role)):
		for call in (plan.simulate, plan.download):
			with pytest.raises(frappe.PermissionError):
				call(campaign.name)


@pytest.mark.parametrize("file_format", [plan.XLSX, plan.CSV])
def test_the_whole_table_as_a_file(file_format):
	campaign = campaign_of(
		{"prospect_name": "=HYPERLINK(1)", "country": "China"}, {"prospect_name": "山地协会"}
	)
	with as_user(make_user("Membership Manager")):
		plan.download(campaign.name, file_format)
	content = frappe.response["filecontent"]
	if file_format == plan.XLSX:
		rows = [list(row) for row in load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True)]
	else:
		rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
	assert len(rows) == 7
	names = {row[6] for row in rows[1:]}
	assert names == {"'=HYPERLINK(1)", "山地协会"}
	assert frappe.response["filename"].endswith(file_format.lower())


def test_five_thousand_people_are_worked_out_in_few_queries():
	campaign = campaign_of(daily_cap=300)
	plan.work_out(campaign.name, NOW)  # what Frappe reads of the DocTypes themselves
	values = [
		(f"INVT-MANY-{number:05}", START, START, campaign.name, "Membership", f"Prospect {number}", "Planned")
		for number in range(5000)
	]
	columns = ["name", "creation", "modified", "campaign", "purpose", "prospect_name", "status"]
	frappe.db.bulk_insert("Invitation", columns, values)
	with count_queries() as queries:
		found = plan.work_out(campaign.name, NOW)
	assert found.people == 5000
	assert len(queries) < 30
