"""The funnel of invitations by campaign, region, sector or officer, from the prospect to the member.

Counted over the invitations that the user may read. Each number carries the link to the documents behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import frappe
from frappe import _

from imta_crm.invitations import funnel
from imta_crm.listing import NOT_SET, Filters, Group, by_place, gather, largest_first, names_of
from imta_crm.policy.names import safe_cell

GROUPS = ("Campaign", "Region", "Sector", "Officer")
MOST_BARS = 12
IN_CHART = ("invited", "replied", "applied", "admitted")
COLOURS = ["#9db4c0", "#6fb3a2", "#c79a3a", "#12564a"]


def execute(filters: dict | None = None) -> tuple:
	"""Columns, rows, no message, chart and summary. Filters: `group_by`, `campaign`, `year`, `purpose`."""
	filters = frappe._dict(filters or {})
	if filters.group_by not in GROUPS:
		filters.group_by = "Campaign"
	campaigns = funnel.campaigns(filters)
	of_all = funnel.scope(filters, campaigns)
	invitations = funnel.facts(of_all) if campaigns else []
	by_group: dict[str, Callable[..., Iterator[Group]]] = {
		"Campaign": lambda *given: by_campaign(*given, campaigns),
		"Region": by_place,
		"Sector": by_sector,
		"Officer": by_officer,
	}
	rows = [row_of(group) for group in by_group[filters.group_by](invitations, of_all)]
	total = row_of(Group(_("Total"), of_all, invitations, {"bold": 1, "indent": 0, "key": "", "parent": ""}))
	return (
		columns(
			filters.group_by, with_activities=any(row.purpose == "Activity" for row in campaigns.values())
		),
		[*rows, total] if rows else [],
		None,
		chart(rows),
		summary(total) if rows else None,
	)


def row_of(group: Group) -> dict:
	"""One row: the figures and, beside them, where each of them leads."""
	return {
		"label": group.label,
		**funnel.counts(group.rows),
		"routes": funnel.links(group.filters),
		**group.more,
	}


# Groups


def by_campaign(invitations: list, of_all: Filters, campaigns: dict) -> Iterator[Group]:
	"""The latest campaign first; also those that have nobody to invite yet."""
	groups = gather(invitations, "campaign")
	for name, campaign in campaigns.items():
		label = f"{safe_cell(campaign.campaign_name)} ({campaign.year})"
		more = {"route": f"/app/invitation-campaign/{name}"}
		yield Group(label, of_all | {"campaign": name}, groups.get(name, []), more)


def by_sector(invitations: list, of_all: Filters) -> Iterator[Group]:
	"""The largest sector first."""
	for sector, rows in largest_first(gather(invitations, "sector")):
		label = safe_cell(_(sector)) if sector else _("No sector")
		yield Group(label, of_all | {"sector": sector or NOT_SET}, rows)


def by_officer(invitations: list, of_all: Filters) -> Iterator[Group]:
	"""The officer with most invitations first."""
	groups = gather(invitations, "officer")
	names = names_of(groups)
	for officer, rows in largest_first(groups):
		label = safe_cell(names.get(officer) or officer) if officer else _("No officer")
		yield Group(label, of_all | {"officer": officer or NOT_SET}, rows)


# What is shown


def columns(group_by: str, *, with_activities: bool) -> list[dict]:
	"""Columns of the report; the answer Yes has one where there are activities."""
	labels = {
		"Campaign": _("Campaign"),
		"Region": _("Region"),
		"Sector": _("Sector"),
		"Officer": _("Officer"),
	}
	return [
		{"fieldname": "label", "label": labels[group_by], "fieldtype": "Data", "width": 260},
		number("total", _("Prospects")),
		number("held", _("To Decide")),
		number("planned", _("Waiting")),
		number("invited", _("Invited")),
		number("replied", _("Replied")),
		share("reply_rate", _("Reply Rate")),
		*([number("accepted", _("Will Come"))] if with_activities else []),
		number("interested", _("Interested")),
		number("later", _("Later")),
		number("declined", _("Declined")),
		number("wrong_person", _("Wrong Person")),
		number("do_not_write", _("Do Not Write")),
		number("unreachable", _("Unreachable")),
		number("no_reply", _("No Reply")),
		number("applied", _("Applied")),
		number("admitted", _("Admitted")),
		share("admission_rate", _("Admission Rate")),
		{
			"fieldname": "days_to_reply",
			"label": _("Days to Reply (Median)"),
			"fieldtype": "Float",
			"precision": 1,
			"width": 170,
		},
	]


def number(fieldname: str, label: str) -> dict:
	return {"fieldname": fieldname, "label": label, "fieldtype": "Int", "width": 100}


def share(fieldname: str, label: str) -> dict:
	return {"fieldname": fieldname, "label": label, "fieldtype": "Percent", "precision": 1, "width": 120}


def chart(rows: list[dict]) -> dict | None:
	"""The way from invited to admitted beside each other, of the groups that invited anybody."""
	bars = [row for row in rows if not row.get("indent") and row["invited"]][:MOST_BARS]
	if not bars:
		return None
	labels = {
		"invited": _("Invited"),
		"replied": _("Replied"),
		"applied": _("Applied"),
		"admitted": _("Admitted"),
	}
	return {
		"type": "bar",
		"data": {
			"labels": [row["label"] for row in bars],
			"datasets": [
				{"name": labels[stage], "values": [row[stage] for row in bars]} for stage in IN_CHART
			],
		},
		"colors": COLOURS,
	}


def summary(total: dict) -> list[dict]:
	"""The figures on top of the report."""
	shown = [
		{"label": _("Prospects"), "value": total["total"], "datatype": "Int"},
		{"label": _("Invited"), "value": total["invited"], "datatype": "Int"},
		{"label": _("Replied"), "value": total["replied"], "datatype": "Int"},
		{"label": _("Reply Rate"), "value": total["reply_rate"] or 0, "datatype": "Percent"},
		{"label": _("Applied"), "value": total["applied"], "datatype": "Int"},
		{"label": _("Admitted"), "value": total["admitted"], "datatype": "Int", "indicator": "Green"},
	]
	if total["held"]:
		shown.insert(
			1, {"label": _("To Decide"), "value": total["held"], "datatype": "Int", "indicator": "Orange"}
		)
	return shown
