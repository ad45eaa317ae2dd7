"""The reports on invitations: exact figures, links to the documents counted, and who may see whose."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

import frappe
import pytest
from frappe.desk.query_report import run
from frappe.utils import add_days, now_datetime

from imta_crm.invitations import funnel
from tests.site.factories import as_user, make_member, make_user
from tests.site.invitation_factories import make_campaign, make_invitation

FUNNEL = "Invitation Funnel"
ROLES = ("Membership Manager", "Alliance Leadership", "Training Coordinator", "Liaison Officer")


def report(name: str, **filters) -> list[frappe._dict]:
	return [frappe._dict(row) for row in run(name, filters=filters)["result"] if isinstance(row, dict)]


def listed(route: str) -> int:
	"""How many documents the list at this address shows to the present user."""
	address = urlsplit(route)
	filters = {
		field: json.loads(value) if value.startswith("[") else value
		for field, value in parse_qsl(address.query)
	}
	doctype = {"/app/invitation": "Invitation", "/app/imta-member": "IMTA Member"}[address.path]
	return len(frappe.get_list(doctype, filters=filters, limit=0, pluck="name"))


@pytest.fixture
def officers(site):
	return make_user(), make_user()


@pytest.fixture
def campaign(officers):
	"""Twelve invitations, one of them a duplicate that was merged."""
	campaign = make_campaign(running=True, year=2031)
	first, second = officers
	start = add_days(now_datetime(), -20)

	def invite(status: str, *, reply: str = "", after: float | None = None, **more):
		values = {"officer": first, "country": "Nepal", "territory": "Southern Asia"}
		values |= {"sector": "Association", "status": status, "reply": reply, **more}
		if status not in ("Held", "Planned", "Merged"):
			values |= {"started_on": start.date(), "first_sent_at": start}
		if after is not None:
			values["replied_at"] = add_days(start, after)
		return make_invitation(campaign.name, **values)

	invite("Held")
	invite("Planned")
	invite("Merged")
	invite("Invited")
	invite("Invited", officer=second, territory="Western Europe", country="Austria")
	invite("Unreachable", officer=second, territory="Western Europe", country="Austria")
	invite("Interested", reply="Interested", after=1)
	invite("Later", reply="Later", after=3, sector="Enterprise")
	invite("Declined", reply="No", after=2)
	nowhere = invite("Do Not Write", reply="Do Not Write", after=1, officer=None, sector=None)
	nowhere.db_set("territory", None)
	invite("Applied", reply="Interested", after=5)
	invite("Admitted", reply="Interested", after=7, territory="Asia")
	return campaign


def row_of(rows: list[frappe._dict], label: str) -> frappe._dict:
	return next(row for row in rows if label in row.label)


def test_the_funnel_of_a_campaign(campaign):
	row = row_of(report(FUNNEL, campaign=campaign.name), campaign.campaign_name)
	assert {stage: row[stage] for stage in funnel.STAGES} == {
		"total": 11,
		"held": 1,
		"planned": 1,
		"invited": 9,
		"replied": 6,
		"interested": 3,
		"accepted": 0,
		"later": 1,
		"declined": 1,
		"wrong_person": 0,
		"do_not_write": 1,
		"unreachable": 1,
		"no_reply": 0,
		"applied": 2,
		"admitted": 1,
	}
	assert (row.reply_rate, row.admission_rate, row.days_to_reply) == (66.7, 11.1, 2.5)


def test_a_campaign_without_invitations_has_no_rates(site):
	empty = make_campaign()
	row = row_of(report(FUNNEL, campaign=empty.name), empty.campaign_name)
	assert (row.total, row.reply_rate, row.admission_rate, row.days_to_reply) == (0, None, None, None)


@pytest.mark.parametrize(
	("group_by", "expected"),
	[
		("Region", {"Asia": 8, "Southern Asia": 7, "Europe": 2, "Western Europe": 2, "No region": 1}),
		("Sector", {"Association": 9, "Enterprise": 1, "No sector": 1}),
	],
)
def test_the_funnel_by_group(campaign, group_by, expected):
	rows = report(FUNNEL, campaign=campaign.name, group_by=group_by)
	assert {row.label: row.total for row in rows if row.label != "Total"} == expected
	assert rows[-1].label == "Total" and rows[-1].total == 11


def test_regions_are_a_tree(campaign):
	rows = report(FUNNEL, campaign=campaign.name, group_by="Region")
	assert [(row.key, row.parent, row.indent) for row in rows if row.key] == [
		("Asia", "", 0),
		("Southern Asia", "Asia", 1),
		("Europe", "", 0),
		("Western Europe", "Europe", 1),
	]


def test_the_funnel_by_officer(campaign, officers):
	rows = report(FUNNEL, campaign=campaign.name, group_by="Officer")
	assert [row.total for row in rows] == [8, 2, 1, 11]
	assert rows[2].label == "No officer"


@pytest.mark.parametrize("group_by", ["Campaign", "Region", "Sector", "Officer"])
@pytest.mark.parametrize("narrow", ["campaign", "year", "nothing"])
def test_each_number_leads_to_as_many_documents(campaign, officers, group_by, narrow):
	filters = {"campaign": {"campaign": campaign.name}, "year": {"year": 2031}, "nothing": {}}[narrow]
	for user in ("Administrator", officers[0], officers[1]):
		with as_user(user):
			for row in report(FUNNEL, group_by=group_by, **filters):
				for stage in funnel.STAGES:
					assert listed(row.routes[stage]) == row[stage], (row.label, stage)


def test_officers_count_their_own(campaign, officers):
	first, second = officers
	with as_user(second):
		row = row_of(report(FUNNEL, campaign=campaign.name), campaign.campaign_name)
		assert (row.total, row.invited, row.replied, row.unreachable) == (2, 2, 0, 1)
	with as_user(first):
		row = row_of(report(FUNNEL, campaign=campaign.name), campaign.campaign_name)
		assert (row.total, row.replied, row.admitted) == (8, 5, 1)


def test_a_coordinator_counts_activities_only(campaign):
	activity = make_campaign(running=True, purpose="Activity", year=2031)
	make_invitation(activity.name, status="Accepted", reply="Yes", first_sent_at="2031-01-05")
	with as_user(make_user("Training Coordinator")):
		rows = report(FUNNEL, year=2031)
		assert [row.accepted for row in rows] == [1, 1]
		assert not report(FUNNEL, campaign=campaign.name)


@pytest.mark.parametrize("name", [FUNNEL, "Invitation Targets", "Invitation Replies"])
@pytest.mark.parametrize("role", ["Treasurer", "Alliance Member", None])
def test_who_has_no_part_in_it_sees_no_report(campaign, name, role):
	with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
		report(name, campaign=campaign.name)


def test_the_purpose_narrows_down(campaign):
	make_invitation(make_campaign(purpose="Activity", year=2031).name, officer=None)
	both = report(FUNNEL, year=2031, group_by="Officer")[-1].total
	membership = report(FUNNEL, year=2031, purpose="Membership", group_by="Officer")[-1].total
	assert (both, membership) == (12, 11)


def test_names_are_inert_in_exports(campaign):
	campaign.db_set("campaign_name", "=HYPERLINK(1)")
	assert report(FUNNEL, campaign=campaign.name)[0].label.startswith("'=")


@pytest.mark.parametrize("role", ROLES)
def test_the_reports_open_for_each_role_that_has_them(campaign, role):
	with as_user(make_user(role)):
		for name in (FUNNEL, "Invitation Replies"):
			run(name, filters={"campaign": campaign.name})


def test_replies_with_time_and_comment(campaign, officers):
	invitation = frappe.get_all(
		"Invitation", {"campaign": campaign.name, "reply": "Interested"}, pluck="name", order_by="name"
	)[0]
	frappe.db.set_value("Invitation", invitation, {"reply_comment": "=1+1", "reply_via": "Reply Page"})
	rows = report("Invitation Replies", campaign=campaign.name)
	assert [row.days for row in rows] == [7, 5, 3, 2, 1, 1]
	[row] = report("Invitation Replies", campaign=campaign.name, comments_only=1)
	assert (row.invitation, row.reply_comment, row.days) == (invitation, "'=1+1", 1)
	assert len(report("Invitation Replies", campaign=campaign.name, reply="Interested")) == 3
	chart = run("Invitation Replies", filters={"campaign": campaign.name})["chart"]
	assert chart["data"]["datasets"][0]["values"] == [2, 2, 2, 0, 0, 0]
	with as_user(officers[1]):
		assert not report("Invitation Replies", campaign=campaign.name)


@pytest.fixture
def plan(campaign):
	"""Targets of the campaign, and three members of which two are in the sector."""
	before = frappe.db.count("IMTA Member", {"territory": ("descendants of (inclusive)", "Asia")})
	for sector in ("Association", "Association", "Enterprise"):
		make_member(country="Nepal", territory="Southern Asia", sector=sector)
	for target in (
		{"region": "Asia", "planned": 20},
		{"region": "Southern Asia", "sector": "Association", "tier": "Ordinary", "planned": 1},
		{"planned": 500},
	):
		campaign.append("targets", {"doctype": "Invitation Campaign Target", **target})
		row = campaign.targets[-1]
		row.parent, row.parenttype, row.parentfield = campaign.name, campaign.doctype, "targets"
		row.db_insert()
	return before


def test_plan_against_result(campaign, plan):
	everybody, asia, narrow, _all = report("Invitation Targets", campaign=campaign.name)
	assert (everybody.target, everybody.planned, everybody.invited) == ("Everybody", 20, 9)
	assert (asia.target, asia.members_today, asia.invited, asia.replied) == ("Asia", plan + 3, 6, 5)
	assert asia.gap == max(20 - plan - 3, 0)
	assert narrow.target == "Southern Asia · Association · Ordinary"
	assert (narrow.members_today >= 2, narrow.gap) == (True, 0)
	assert (narrow.invited, narrow.replied, narrow.interested, narrow.admitted) == (4, 3, 2, 0)


def test_each_number_of_a_target_leads_to_as_many_documents(campaign, plan):
	for user in ("Administrator", make_user("Membership Manager"), make_user("Alliance Leadership")):
		with as_user(user):
			rows = report("Invitation Targets", year=2031)
			assert len(rows) == 4
			for row in rows:
				for field, route in row.routes.items():
					assert listed(route) == row[field], (row.target, field)


@pytest.mark.parametrize("role", ["Liaison Officer", "Training Coordinator"])
def test_targets_are_for_those_who_plan(campaign, role):
	with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
		report("Invitation Targets", campaign=campaign.name)
