"""The workspace, its cards and charts: complete, and no more than the asking user may see."""

from __future__ import annotations

import json

import frappe
import pytest
from frappe.utils import add_days, now_datetime, nowdate

from imta_crm import overview
from imta_crm.membership.members import NewMember, create_member
from tests.site.invitation_factories import make_campaign, make_invitation

MODULES = ("Membership", "Dues", "Liaison", "Invitations", "Training", "Activities")
WORKSPACES = ("IMTA", "Invitations", "Training")
ROLES = ("Liaison Officer", "Membership Manager", "Treasurer", "Training Coordinator", "Alliance Leadership")


def user_with(role: str) -> str:
	name = f"{frappe.scrub(role)}@workspace.example"
	frappe.get_doc(
		{
			"doctype": "User",
			"email": name,
			"first_name": role,
			"send_welcome_email": 0,
			"roles": [{"role": role}],
		}
	).insert()
	return name


def member(
	name: str,
	*,
	officer: str | None = None,
	tier: str = "Ordinary",
	country: str = "Nepal",
	region="Southern Asia",
):
	return create_member(
		NewMember(member_name=name, country=country, tier=tier, territory=region, officer=officer),
		source="Secretariat",
		on=frappe.utils.getdate("2020-01-01"),
	)


@pytest.fixture(params=WORKSPACES)
def workspace(site, request):
	return frappe.get_doc("Workspace", request.param)


def test_the_workspace_is_public_and_for_our_roles(workspace):
	assert workspace.public
	# The treasurer has no part in inviting.
	without = {"Treasurer"} if workspace.name == "Invitations" else set()
	assert {row.role for row in workspace.roles} == {*ROLES, "System Manager"} - without


def test_every_block_names_something_that_exists(workspace):
	content = json.loads(workspace.content)
	cards = {row.label for row in workspace.number_cards}
	charts = {row.label for row in workspace.charts}
	shortcuts = {row.label for row in workspace.shortcuts}
	groups = {row.label for row in workspace.links if row.type == "Card Break"}
	for block in content:
		data = block["data"]
		if block["type"] == "number_card":
			assert data["number_card_name"] in cards
		elif block["type"] == "chart":
			assert data["chart_name"] in charts
		elif block["type"] == "shortcut":
			assert data["shortcut_name"] in shortcuts
		elif block["type"] == "card":
			assert data["card_name"] in groups
	for row in workspace.number_cards:
		assert frappe.db.exists("Number Card", row.number_card_name)
	for row in workspace.charts:
		assert frappe.db.exists("Dashboard Chart", row.chart_name)
	for row in workspace.shortcuts:
		assert frappe.db.exists("DocType" if row.type == "DocType" else row.type, row.link_to), row.label
	for row in workspace.links:
		if row.type == "Link":
			assert frappe.db.exists(row.link_type, row.link_to), row.label


@pytest.mark.parametrize("role", ROLES)
def test_the_desk_shows_it_to_each_role(site, role):
	from frappe.desk.desktop import get_desktop_page, get_workspace_sidebar_items

	frappe.set_user(user_with(role))
	pages = {page["name"] for page in get_workspace_sidebar_items()["pages"]}
	shown = [name for name in WORKSPACES if name in pages]
	assert shown == [name for name in WORKSPACES if (name, role) != ("Invitations", "Treasurer")]
	for name in shown:
		page = get_desktop_page(json.dumps({"name": name, "title": name}))
		assert page["shortcuts"]["items"]
		assert page["cards"]["items"]


def test_somebody_without_our_roles_does_not_see_it(site):
	from frappe.desk.desktop import get_workspace_sidebar_items

	frappe.set_user(user_with("Stock User"))
	assert not {page["name"] for page in get_workspace_sidebar_items()["pages"]} & set(WORKSPACES)


def test_every_chart_has_a_figure_and_answers(site):
	member("Test Alpine Club of the Workspace")
	for name in frappe.get_all("Dashboard Chart", {"module": ("in", MODULES)}, pluck="name"):
		doc = frappe.get_doc("Dashboard Chart", name)
		assert json.loads(doc.filters_json)["figure"] in overview.FIGURES
		answer = overview.chart(chart_name=name)
		for dataset in answer["datasets"]:
			assert len(dataset["values"]) == len(answer["labels"])


def test_every_number_card_answers(site):
	from frappe.desk.doctype.number_card.number_card import get_result

	for name in frappe.get_all("Number Card", {"module": ("in", MODULES)}, pluck="name"):
		card = frappe.get_doc("Number Card", name)
		if card.type == "Custom":
			answer = frappe.get_attr(card.method)()
			assert answer["options"] == "CNY"
		else:
			assert get_result(card.as_json(), card.filters_json) >= 0


def total(figure: str) -> int:
	name = frappe.db.get_value("Dashboard Chart", {"filters_json": ("like", f"%{figure}%")})
	return sum(sum(dataset["values"]) for dataset in overview.chart(chart_name=name)["datasets"])


def test_an_officer_counts_the_portfolio_and_a_manager_all(site):
	officer, manager = user_with("Liaison Officer"), user_with("Membership Manager")
	before = total("members_by_region")
	mine = member("Mine of the Workspace", officer=officer)
	member("Another of the Workspace")
	frappe.get_doc(
		{
			"doctype": "Liaison Contact",
			"member": mine.name,
			"channel": "Call",
			"direction": "Outgoing",
			"contact_at": now_datetime(),
			"summary": "Said hello.",
		}
	).insert()
	# The manager asks first: an answer kept for everybody would show here.
	frappe.set_user(manager)
	assert total("members_by_region") == before + 2
	frappe.set_user(officer)
	assert total("members_by_region") == 1
	assert total("members_by_tier") == 1
	assert total("contacts_by_month") == 1
	frappe.set_user(manager)
	assert total("members_by_region") == before + 2


def test_those_who_left_are_not_counted(site):
	before = total("members_by_tier")
	gone = member("Gone from the Workspace")
	assert total("members_by_tier") == before + 1
	frappe.get_doc(
		{
			"doctype": "Membership Change",
			"member": gone.name,
			"change_type": "Withdraw",
			"effective_date": add_days(nowdate(), -1),
			"reason": "Dissolved.",
		}
	).insert().submit()
	assert total("members_by_tier") == before


@pytest.mark.parametrize("figure", ["outstanding", "chart"])
def test_a_stranger_gets_no_figure(site, figure):
	frappe.set_user(user_with("Stock User"))
	with pytest.raises(frappe.PermissionError):
		if figure == "outstanding":
			overview.outstanding_dues()
		else:
			overview.chart(chart_name="Members by Region")


def values(chart: str) -> dict[str, list]:
	return {dataset["name"]: dataset["values"] for dataset in overview.chart(chart_name=chart)["datasets"]}


def test_charts_of_invitations_count_what_the_user_may_read(site):
	officer = user_with("Liaison Officer")
	campaign = make_campaign(running=True)
	before = values("Invitations by Stage")["Invitations"]
	now = now_datetime()
	sent = {"status": "Invited", "first_sent_at": now}
	make_invitation(campaign.name, officer=officer, **sent)
	make_invitation(campaign.name, **sent)
	replied = {"reply": "Interested", "first_sent_at": now, "replied_at": now}
	make_invitation(campaign.name, officer=officer, status="Interested", **replied)
	make_invitation(campaign.name, status="Merged", **replied)
	found = values("Invitations by Stage")["Invitations"]
	assert [new - old for new, old in zip(found, before, strict=True)] == [3, 3, 1, 1, 0, 0]
	frappe.set_user(officer)
	assert values("Invitations by Stage")["Invitations"] == [2, 2, 1, 1, 0, 0]
	assert values("Replies to Invitations by Week") == {"Interested": [0] * 11 + [1]}


def test_plan_and_result_by_part_of_the_world(site):
	targets = [
		{"region": "Southern Asia", "sector": "Association", "planned": 30},
		{"region": "Asia", "tier": "Ordinary", "planned": 5},
		{"region": "Polynesia", "planned": 2},
	]
	make_campaign(running=True, targets=targets, from_date=nowdate())
	before = overview.chart(chart_name="Members Planned and Reached")
	assert before["labels"] == ["Asia", "Oceania"]
	assert before["datasets"][0]["values"] == [35, 2]
	member("Fits two Targets of the Workspace")  # once in Asia
	member("Fits none of the Workspace", country="Austria", region="Western Europe")
	after = values("Members Planned and Reached")["Members Today"]
	assert after == [before["datasets"][1]["values"][0] + 1, before["datasets"][1]["values"][1]]


@pytest.mark.parametrize("role", ["Liaison Officer", "Training Coordinator", "Treasurer"])
def test_the_plan_is_shown_to_those_who_plan(site, role):
	frappe.set_user(user_with(role))
	with pytest.raises(frappe.PermissionError):
		overview.chart(chart_name="Members Planned and Reached")


def test_leadership_has_one_page_of_charts(site):
	from frappe.desk.doctype.dashboard.dashboard import get_permitted_cards, get_permitted_charts

	frappe.set_user(user_with("Alliance Leadership"))
	assert len(get_permitted_charts("Alliance Overview")) == 11
	assert len(get_permitted_cards("Alliance Overview")) == 10
