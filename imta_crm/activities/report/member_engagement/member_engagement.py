"""How much each member takes part in training and activities, and who does not at all.

Of the members that the user may read, in what began within the days asked for. Numbers are of seats of their
people; each leads to them.
"""

from __future__ import annotations

from datetime import date

import frappe
from frappe import _
from frappe.utils import add_years, getdate, nowdate

from imta_crm.activities import engagement
from imta_crm.listing import Filters, form_route, list_route, names_of, region_label, within
from imta_crm.policy import seating
from imta_crm.policy.funnel import rate
from imta_crm.policy.names import safe_cell
from imta_crm.policy.status import Status, is_member
from imta_crm.seating import figures

MEMBER, ENROLLMENT, DELEGATE = "IMTA Member", "Training Enrollment", "Activity Delegate"
#: Members are counted by how often their people took part; the last class has no end.
TIMES = (0, 1, 2, 5)
CAME: Filters = figures.ATTENDANCE["present"]


def execute(filters: dict | None = None) -> tuple:
	"""Columns, rows, no message, chart and summary of the report.

	Filters: `from_date` (a year ago), `to_date` (today), `region`, `tier`, `officer`, `absent` for members
	of whom nobody took part.
	"""
	filters = frappe._dict(filters or {})
	last = getdate(filters.to_date or nowdate())
	first = getdate(filters.from_date or add_years(last, -1))
	rows = members(filters, first, last)
	shown = [row for row in rows if not row["times"]] if filters.absent else rows
	return columns(), shown, None, chart(rows), summary(rows) if rows else None


def members(filters: frappe._dict, first: date, last: date) -> list[dict]:
	"""One row for each member, the most engaged first. Four queries, however many members."""
	conditions: Filters = {
		"status": ("in", tuple(str(status) for status in Status if is_member(status))),
		**{field: filters[field] for field in ("tier", "officer") if filters.get(field)},
	}
	if filters.region:
		conditions |= within("territory", filters.region)
	# get_list, not get_all: officers see their own portfolio.
	found = frappe.get_list(
		MEMBER,
		conditions,
		["name", "member_name", "tier", "territory", "officer", "is_key_member"],
		order_by="name",
		limit=0,
	)
	numbers = engagement.of_members([member.name for member in found], first, last)
	officers = names_of({member.officer for member in found})
	began = {"starts_at_site": ("between", (first.isoformat(), last.isoformat()))}
	rows = []
	for member in found:
		part = numbers[member.name]
		of_member = {"member": member.name, **began}
		rows.append(
			{
				"label": safe_cell(member.member_name),
				"route": form_route(MEMBER, member.name),
				"tier": _(member.tier),
				"region": region_label(member.territory) if member.territory else "",
				"officer": safe_cell(officers.get(member.officer) or member.officer or ""),
				"is_key_member": member.is_key_member,
				"trainings": part.trainings,
				"hours": float(part.hours),
				"activities": part.activities,
				"times": part.taken_part,
				"no_shows": part.no_shows,
				"last_on": part.last_at and part.last_at.date(),
				"routes": {
					"trainings": list_route(ENROLLMENT, of_member | CAME),
					"hours": list_route(ENROLLMENT, of_member | {"status": seating.COMPLETED}),
					"activities": list_route(DELEGATE, of_member | CAME),
				},
			}
		)
	return sorted(rows, key=lambda row: (-row["times"], -row["hours"]))


def columns() -> list[dict]:
	return [
		figures.text("label", _("Member"), 260),
		figures.text("tier", _("Tier"), 110),
		figures.text("region", _("Region"), 150),
		figures.text("officer", _("Officer"), 140),
		{"fieldname": "is_key_member", "label": _("Key Member"), "fieldtype": "Check", "width": 110},
		figures.number("trainings", _("Trainings")),
		figures.decimal("hours", _("Hours")),
		figures.number("activities", _("Activities")),
		figures.number("no_shows", _("No-show")),
		{
			"fieldname": "last_on",
			"label": _("Last Took Part"),
			"fieldtype": "Date",
			"width": 130,
			"align": "left",
		},
	]


def chart(rows: list[dict]) -> dict | None:
	"""How many members took part how often."""
	if not rows:
		return None
	counts = [0] * len(TIMES)
	for row in rows:
		counts[max(place for place, least in enumerate(TIMES) if row["times"] >= least)] += 1
	return {
		"type": "bar",
		"data": {
			"labels": [_("Never"), _("Once"), _("2 to 4 times"), _("5 times or more")],
			"datasets": [{"name": _("Members"), "values": counts}],
		},
		"colors": ["#12564a"],
	}


def summary(rows: list[dict]) -> list[dict]:
	engaged = sum(bool(row["times"]) for row in rows)
	return [
		{"label": _("Members"), "value": len(rows), "datatype": "Int"},
		{"label": _("Took Part"), "value": engaged, "datatype": "Int", "indicator": "Green"},
		{"label": _("Share of Members"), "value": float(rate(engaged, len(rows))), "datatype": "Percent"},
		{
			"label": _("Key Members Who Did Not"),
			"value": sum(bool(row["is_key_member"]) and not row["times"] for row in rows),
			"datatype": "Int",
			"indicator": "Orange",
		},
	]
