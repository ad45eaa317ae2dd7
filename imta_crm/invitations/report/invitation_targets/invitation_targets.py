"""Plan against result: for each target of a campaign the members today, the gap, and what its invitations did.

A member or an invitation counts for every target that it fits; what a target leaves empty fits everybody.
Members are those of today, also for a campaign that is over.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import frappe
from frappe import _

from imta_crm.invitations import funnel
from imta_crm.listing import Filters, list_route, region_label
from imta_crm.policy.funnel import rate
from imta_crm.policy.names import safe_cell
from imta_crm.policy.status import Status, is_member
from imta_crm.policy.targets import gap

MEMBERS: Filters = {"status": ("in", tuple(str(status) for status in Status if is_member(status)))}
#: Figures of the invitations that stand beside a target.
STAGES = ("invited", "replied", "interested", "applied", "admitted")
MOST_BARS = 12


def execute(filters: dict | None = None) -> tuple:
	"""Columns, rows, no message and chart of membership campaigns. Filters: `campaign` and `year`."""
	filters = frappe._dict(filters or {})
	campaigns = funnel.campaigns(filters | {"purpose": "Membership"})
	rows = targets(campaigns)
	return columns(), rows, None, chart(rows, single=len(campaigns) == 1)


def targets(campaigns: dict[str, frappe._dict]) -> list[dict]:
	"""One row for each target of the campaigns, in their order. Four queries, however many targets."""
	planned = funnel.targets_of(campaigns)
	if not planned:
		return []
	regions = funnel.regions_of(planned)
	members = frappe.get_list("IMTA Member", MEMBERS, ["territory", "sector", "tier"], order_by=None, limit=0)
	invitations: dict[str, list] = defaultdict(list)
	scope = funnel.NOT_MERGED | {"campaign": ("in", tuple({target.parent for target in planned}))}
	for row in funnel.facts(scope):
		invitations[row.campaign].append(row)
	by_campaign: dict[str, list] = defaultdict(list)
	for target in planned:
		by_campaign[target.parent].append(target)
	return [
		row_of(campaign, target, members, invitations[name], regions)
		for name, campaign in campaigns.items()
		for target in by_campaign[name]
	]


def row_of(campaign: frappe._dict, target: frappe._dict, members: list, invitations: list, regions) -> dict:
	"""Plan and result of one target, with the links to the documents behind each figure."""
	today = sum(funnel.fits(member, target, regions) for member in members)
	figures = funnel.counts(row for row in invitations if funnel.fits(row, target, regions))
	narrow = funnel.of_target(target)
	links = funnel.links(funnel.NOT_MERGED | {"campaign": campaign.name} | narrow)
	return {
		"campaign": safe_cell(campaign.campaign_name),
		"year": str(campaign.year),
		"target": label_of(target),
		"planned": target.planned,
		"members_today": today,
		"gap": gap(target.planned, today),
		"reached": float(rate(today, target.planned)),
		**{stage: figures[stage] for stage in STAGES},
		"route": f"/app/invitation-campaign/{campaign.name}",
		"routes": {
			"members_today": list_route("IMTA Member", MEMBERS | narrow),
			**{stage: links[stage] for stage in STAGES},
		},
	}


def label_of(target: frappe._dict) -> str:
	"""Region, sector and tier of a target in one line."""
	parts: list[Any] = [
		target.region and region_label(target.region),
		target.sector and safe_cell(_(target.sector)),
		target.tier and safe_cell(_(target.tier)),
	]
	return " · ".join(filter(None, parts)) or _("Everybody")


def columns() -> list[dict]:
	def number(fieldname: str, label: str) -> dict:
		return {"fieldname": fieldname, "label": label, "fieldtype": "Int", "width": 105}

	return [
		{"fieldname": "campaign", "label": _("Campaign"), "fieldtype": "Data", "width": 230},
		{"fieldname": "year", "label": _("Year"), "fieldtype": "Data", "width": 70},
		{"fieldname": "target", "label": _("Target"), "fieldtype": "Data", "width": 260},
		number("planned", _("Members Planned")) | {"width": 150},
		number("members_today", _("Members Today")) | {"width": 135},
		number("gap", _("Gap")),
		{
			"fieldname": "reached",
			"label": _("Reached"),
			"fieldtype": "Percent",
			"precision": 1,
			"width": 100,
		},
		number("invited", _("Invited")),
		number("replied", _("Replied")),
		number("interested", _("Interested")),
		number("applied", _("Applied")),
		number("admitted", _("Admitted")),
	]


def chart(rows: list[dict], *, single: bool) -> dict | None:
	"""Planned beside today, the largest gaps first."""
	bars = sorted(rows, key=lambda row: -row["gap"])[:MOST_BARS]
	if not bars:
		return None
	return {
		"type": "bar",
		"data": {
			"labels": [row["target"] if single else f"{row['target']} ({row['year']})" for row in bars],
			"datasets": [
				{"name": _("Members Planned"), "values": [row["planned"] for row in bars]},
				{"name": _("Members Today"), "values": [row["members_today"] for row in bars]},
				{"name": _("Admitted"), "values": [row["admitted"] for row in bars]},
			],
		},
		"colors": ["#c79a3a", "#6fb3a2", "#12564a"],
	}
