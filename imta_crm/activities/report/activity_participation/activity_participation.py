"""Who took part in conferences, forums, exhibitions and theme days: by activity, role, tier, region or member.

Of the delegates that the user may read; each number leads to them. An activity counts in the year in which it
begins. What was invoiced and paid is read from the ledger and shown by activity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import frappe
from frappe import _

from imta_crm.listing import Filters, Group, by_place, by_value, by_year, form_route, in_year, report_route
from imta_crm.policy import seating
from imta_crm.policy.names import safe_cell
from imta_crm.seating import figures

ACTIVITY, DELEGATE = "Alliance Activity", "Activity Delegate"
REPORT = "Activity Participation"
GROUPS = ("Activity", "Role", "Tier", "Region", "Member", "Year")
ROLES = ("Speaker", "Exhibitor", "Delegate", "Guest")
MOST_BARS = 12
FIELDS = [
	"name",
	"activity",
	"activity as event",
	"delegate_role",
	"participant_name",
	"contact",
	"user",
	"email",
	"email_folded",
	"member",
	"tier",
	"country",
	"territory",
	"status",
	"starts_at_site",
	"fee_due",
	"currency",
	"sales_invoice",
]
TAKEN = figures.SEATS["taken"]
#: Figure, and what its delegates have beyond the filters of the group.
STAGES: dict[str, Filters] = {
	"taken": TAKEN,
	**{
		f"role_{frappe.scrub(role)}": TAKEN | {"delegate_role": role} for role in ROLES
	},
	"waiting": figures.SEATS["waiting"],
	"present": figures.ATTENDANCE["present"],
	"no_show": figures.ATTENDANCE["no_show"],
	"cancelled": figures.SEATS["cancelled"],
}  # fmt: skip


def execute(filters: dict | None = None) -> tuple:
	"""Columns, rows, no message, chart and summary of the report.

	Filters: `group_by`, `year`, `kind`, `activity`, `region`, `tier`, `delegate_role`.
	"""
	filters = frappe._dict(filters or {})
	if filters.group_by not in GROUPS:
		filters.group_by = "Activity"
	of_all = figures.chosen(filters, ("activity", "tier", "delegate_role"))
	if filters.year:
		of_all["starts_at_site"] = in_year(int(filters.year))
	activities = activities_of(filters)
	if filters.kind and not filters.activity:
		of_all["activity"] = ("in", tuple(activities))
	delegates = []
	if activities:
		# get_list, not get_all: officers count their own portfolio.
		delegates = frappe.get_list(DELEGATE, of_all, FIELDS, order_by="starts_at_site desc, name", limit=0)
	by_activity = filters.group_by == "Activity"
	fees = figures.fees(delegates) if by_activity else {}
	groups: dict[str, Callable[..., Iterator[Group]]] = {
		"Activity": lambda *given: each_activity(*given, activities),
		"Role": by_role,
		"Tier": by_tier,
		"Region": lambda *given: by_place(*given, below=filters.region),
		"Member": by_member,
		"Year": lambda rows, chosen: by_year(rows, "starts_at_site", chosen),
	}
	rows = [
		row_of(group, activities, fees) | deeper(filters, group)
		for group in groups[filters.group_by](delegates, of_all)
	]
	more = {"bold": 1, "indent": 0, "key": "", "parent": "", "activities": list(activities)}
	total = row_of(Group(_("Total"), of_all, delegates, more), activities, fees)
	return (
		columns(filters.group_by, {currency for sums in fees.values() for currency in sums}),
		[*rows, total] if rows else [],
		None,
		chart(rows),
		summary(total) if rows else None,
	)


def activities_of(filters: frappe._dict) -> dict[str, frappe._dict]:
	"""The activities that the filters choose, the latest first."""
	conditions: Filters = {"status": ("!=", "Draft")}
	if filters.activity:
		conditions["name"] = filters.activity
	if filters.kind:
		conditions["kind"] = filters.kind
	if filters.year:
		conditions["starts_at_site"] = in_year(int(filters.year))
	rows = frappe.get_list(
		ACTIVITY,
		conditions,
		["name", "title", "title_zh", "kind", "status", "starts_at", "capacity"],
		order_by="starts_at_site desc, name desc",
		limit=0,
	)
	return {row.name: row for row in rows}


def row_of(group: Group, activities: dict[str, frappe._dict], fees: dict) -> dict:
	"""One row: the figures and, beside them, where each of them leads."""
	rows = group.rows
	statuses = figures.seats(rows) | figures.attendance(rows)
	taken = [row for row in rows if row.status in seating.HOLDS_SEAT]
	roles = Counter(row.delegate_role for row in taken)
	of_activity = group.more.pop("activities", [])
	room = figures.room(
		(activities[name], sum(row.activity == name for row in taken)) for name in of_activity
	)
	return {
		"label": group.label,
		**{stage: statuses[stage] for stage in STAGES if not stage.startswith("role_")},
		**{f"role_{frappe.scrub(role)}": roles[role] for role in ROLES},
		"presence_rate": statuses["presence_rate"],
		"people": figures.people(taken),
		"members": len({row.member for row in taken if row.member}),
		"countries": len({row.country for row in taken if row.country}),
		**room,
		**figures.money_cells(figures.add_money(fees.get(name, {}) for name in of_activity)),
		"routes": links(group.filters),
		**group.more,
	}


def links(filters: Filters) -> dict[str, str]:
	"""Where the figures lead; a group of one role has none for the others."""
	role = filters.get("delegate_role")
	stages = {
		stage: of for stage, of in STAGES.items() if role is None or of.get("delegate_role", role) == role
	}
	return figures.links(DELEGATE, filters, stages)


# Groups


def each_activity(delegates: list, of_all: Filters, activities: dict) -> Iterator[Group]:
	"""The latest activity first; also those for which nobody has registered yet."""
	found: dict[str, list] = {}
	for row in delegates:
		found.setdefault(row.activity, []).append(row)
	chinese = (frappe.local.lang or "").startswith("zh")
	for name, activity in activities.items():
		more = {
			"starts_at": activity.starts_at,
			"kind": _(activity.kind, context=ACTIVITY),
			"route": form_route(ACTIVITY, name),
			"activities": [name],
		}
		title = (activity.title_zh if chinese else None) or activity.title
		yield Group(safe_cell(title), of_all | {"activity": name}, found.get(name, []), more)


def by_role(delegates: list, of_all: Filters) -> Iterator[Group]:
	yield from by_value(
		delegates, "delegate_role", of_all, label=lambda role: _(role, context=DELEGATE), nobody=_("No role")
	)


def by_tier(delegates: list, of_all: Filters) -> Iterator[Group]:
	yield from by_value(delegates, "tier", of_all, label=_, nobody=_("Guests and Staff"))


def by_member(delegates: list, of_all: Filters) -> Iterator[Group]:
	names = figures.member_names(delegates)
	yield from by_value(
		delegates,
		"member",
		of_all,
		label=lambda member: names.get(member) or member,
		nobody=_("Guests and Staff"),
	)


def deeper(filters: frappe._dict, group: Group) -> dict:
	"""Where the name of a row leads: to the member, or to the activities of a tier, region or year."""
	key = group.more.get("key")
	if not key or filters.group_by == "Activity":
		return {}
	if filters.group_by == "Member":
		return {"route": form_route("IMTA Member", key)}
	field = "delegate_role" if filters.group_by == "Role" else frappe.scrub(filters.group_by)
	kept = {
		name: filters[name]
		for name in ("year", "kind", "activity", "region", "tier", "delegate_role")
		if filters.get(name)
	}
	return {"route": report_route(REPORT, kept | {"group_by": "Activity", field: key})}


# What is shown


def columns(group_by: str, currencies: set[str]) -> list[dict]:
	labels = {
		"Activity": _("Activity"),
		"Role": _("Role"),
		"Tier": _("Tier"),
		"Region": _("Region"),
		"Member": _("Member"),
		"Year": _("Year"),
	}
	found = [figures.text("label", labels[group_by], 280)]
	if group_by == "Activity":
		found += [
			{"fieldname": "starts_at", "label": _("Begins"), "fieldtype": "Datetime", "width": 160},
			figures.text("kind", _("Kind"), 110),
			figures.number("capacity", _("Seats")),
		]
	return [
		*found,
		figures.number("taken", _("Registered"), 115),
		figures.number("role_speaker", _("Speakers")),
		figures.number("role_exhibitor", _("Exhibitors")),
		figures.number("role_delegate", _("Delegates")),
		figures.number("role_guest", _("Guests")),
		figures.number("waiting", _("Waitlisted")),
		figures.number("present", _("Present")),
		figures.number("no_show", _("No-show")),
		figures.share("presence_rate", _("Came")),
		figures.number("cancelled", _("Cancelled"), 115),
		figures.number("members", _("Members")),
		figures.number("countries", _("Countries/Regions"), 150),
		*figures.money_columns(currencies),
	]


def chart(rows: list[dict]) -> dict | None:
	"""Delegates by role of each group; each bar leads where its number does."""
	bars = [row for row in rows if not row.get("indent") and row["taken"]][:MOST_BARS]
	if not bars:
		return None
	labels = {
		"role_speaker": _("Speakers"),
		"role_exhibitor": _("Exhibitors"),
		"role_delegate": _("Delegates"),
		"role_guest": _("Guests"),
	}
	return {
		"type": "bar",
		"data": {
			"labels": [row["label"] for row in bars],
			"datasets": [
				{"name": label, "values": [row[field] for row in bars]} for field, label in labels.items()
			],
		},
		"barOptions": {"stacked": 1},
		"colors": ["#c79a3a", "#7b6fa8", "#12564a", "#9db4c0"],
		"routes": [row["routes"]["taken"] for row in bars],
	}


def summary(total: dict) -> list[dict]:
	return [
		{"label": _("Registered"), "value": total["taken"], "datatype": "Int"},
		{"label": _("People"), "value": total["people"], "datatype": "Int"},
		{"label": _("Present"), "value": total["present"], "datatype": "Int", "indicator": "Green"},
		{"label": _("Members"), "value": total["members"], "datatype": "Int"},
		{"label": _("Countries/Regions"), "value": total["countries"], "datatype": "Int"},
	]
