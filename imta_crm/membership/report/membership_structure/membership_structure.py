"""Who the members are: by region, country or sector across the tiers, the Council's seats, and the growth.

Read from the histories, so that any past day can be asked for. Only numbers, no names: everybody whose role
opens the report sees the whole alliance.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import frappe
from frappe import _
from frappe.utils import getdate, today

from imta_crm.policy.names import safe_cell
from imta_crm.policy.status import is_member

STACKED = {"stacked": 1}
COLOURS = ["#c79a3a", "#12564a", "#6fb3a2", "#9db4c0", "#7b6fa8", "#b3683a"]
MOST_BARS = 15


@dataclass(frozen=True)
class Row:
	"""One member as it was on a day."""

	name: str
	country: str
	territory: str
	sector: str
	tier: str
	is_key: bool


def execute(filters: dict | None = None) -> tuple:
	"""Columns, rows, no message, chart and summary of the report."""
	filters = frappe._dict(filters or {})
	on = getdate(filters.on_date or today())
	tiers = tiers_in_order()
	if filters.view == "Growth":
		columns, rows, chart = growth(filters, on, tiers)
	else:
		members = members_on(on, filters)
		tiers = [tier for tier in tiers if any(row.tier == tier for row in members)] or tiers
		columns = structure_columns(filters.view, tiers)
		rows = (
			by_region(members, tiers) if filters.view == "Region" else by_field(members, tiers, filters.view)
		)
		chart = structure_chart(rows, tiers)
	return columns, rows, None, chart, summary(on, filters)


def tiers_in_order() -> list[str]:
	"""All tiers, the highest first."""
	return frappe.get_all("Member Tier", pluck="name", order_by="`rank` desc, name")


# Members on a day


def members_on(on: date, filters: frappe._dict) -> list[Row]:
	"""All who were members at the end of the day, with the tier of that day. One query."""
	member, status, tier = (
		frappe.qb.DocType(name) for name in ("IMTA Member", "Member Status History", "Member Tier History")
	)

	def holds(span):
		return (
			(span.parent == member.name)
			& (span.parenttype == "IMTA Member")
			& (span.from_date <= on)
			& (span.to_date.isnull() | (span.to_date >= on))
		)

	query = (
		frappe.qb.from_(member)
		.inner_join(status)
		.on(holds(status))
		.inner_join(tier)
		.on(holds(tier))
		.select(
			member.name,
			member.country,
			member.territory,
			member.sector,
			tier.tier,
			member.is_key_member,
			status.status,
		)
		.orderby(member.name)
	)
	query = narrowed(query, member, filters)
	if filters.tier:
		query = query.where(tier.tier == filters.tier)
	return [
		Row(name, country or "", territory or "", sector or "", tier or "", bool(is_key))
		for name, country, territory, sector, tier, is_key, state in query.run()
		if is_member(state)
	]


def narrowed(query, member, filters: frappe._dict):
	"""The query for the chosen sector and region, the region with all below it."""
	if filters.sector:
		query = query.where(member.sector == filters.sector)
	if filters.territory:
		bounds = frappe.db.get_value("Territory", filters.territory, ["lft", "rgt"])
		territory = frappe.qb.DocType("Territory")
		below = frappe.qb.from_(territory).select(territory.name)
		if bounds:
			below = below.where((territory.lft >= bounds[0]) & (territory.rgt <= bounds[1]))
		else:
			below = below.where(territory.name == filters.territory)
		query = query.where(member.territory.isin(below))
	return query


# Structure


def by_field(members: list[Row], tiers: list[str], view: str) -> list[dict]:
	"""One row for each country or sector, the largest first, and the total."""
	groups: dict[str, list[Row]] = defaultdict(list)
	for row in members:
		groups[row.country if view == "Country" else row.sector].append(row)
	ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
	rows = [
		line(safe_cell(_(key)) if key else _("Not stated"), rows, members, tiers) for key, rows in ordered
	]
	return [*rows, line(_("Total"), members, members, tiers, bold=1)]


def by_region(members: list[Row], tiers: list[str]) -> list[dict]:
	"""The tree of regions down to where members are; each region with all below it."""
	tree = {
		row.name: row
		for row in frappe.get_all("Territory", fields=["name", "parent_territory", "lft"], order_by="lft")
	}
	inside: dict[str, list[Row]] = defaultdict(list)
	for member in members:
		place = member.territory if member.territory in tree else ""
		inside[place].append(member)
		while place and tree[place].parent_territory in tree:
			place = tree[place].parent_territory
			inside[place].append(member)
	rows = []
	for name, node in tree.items():
		if not inside[name]:
			continue
		depth, parent = 0, node.parent_territory
		while parent in tree:
			depth, parent = depth + 1, tree[parent].parent_territory
		rows.append(
			line(
				_(name),
				inside[name],
				members,
				tiers,
				key=name,
				parent=node.parent_territory or "",
				indent=depth,
				bold=int(depth < 2),
			)
		)
	if inside[""]:
		rows.append(line(_("Not stated"), inside[""], members, tiers, key="", parent="", indent=0))
	return rows


def line(label: str, rows: Iterable[Row], members: list[Row], tiers: list[str], **more) -> dict:
	"""One row of the report."""
	rows = list(rows)
	counts = Counter(row.tier for row in rows)
	return {
		"label": label,
		**{column_of(tier): counts[tier] for tier in tiers},
		"total": len(rows),
		"share": round(100 * len(rows) / len(members), 1) if members else 0,
		"key_members": sum(row.is_key for row in rows),
		"countries": len({row.country for row in rows}),
		**more,
	}


def column_of(tier: str) -> str:
	"""Field name of a tier's column; tiers are named by people, in any script."""
	return "tier_" + frappe.utils.sha256_hash(tier)[:10]


def tier_columns(tiers: list[str]) -> list[dict]:
	return [
		{"fieldname": column_of(tier), "label": _(tier), "fieldtype": "Int", "width": 100} for tier in tiers
	]


def structure_columns(view: str | None, tiers: list[str]) -> list[dict]:
	label = {"Country": _("Country/Region"), "Sector": _("Sector")}.get(view or "", _("Region"))
	columns = [
		{"fieldname": "label", "label": label, "fieldtype": "Data", "width": 220},
		*tier_columns(tiers),
		{"fieldname": "total", "label": _("Members"), "fieldtype": "Int", "width": 100},
		{
			"fieldname": "share",
			"label": _("Share of Members"),
			"fieldtype": "Percent",
			"width": 150,
			"precision": 1,
		},
		{"fieldname": "key_members", "label": _("Key Members"), "fieldtype": "Int", "width": 120},
	]
	if view != "Country":
		columns.append(
			{"fieldname": "countries", "label": _("Countries/Regions"), "fieldtype": "Int", "width": 150}
		)
	return columns


def structure_chart(rows: list[dict], tiers: list[str]) -> dict | None:
	"""Stacked bars by tier: the continents, or the largest countries or sectors."""
	bars = [
		row for row in rows if row.get("indent", 1) == 1 and not (row.get("bold") and "indent" not in row)
	]
	bars = [row for row in bars if row["total"]][:MOST_BARS]
	if not bars:
		return None
	return {
		"data": {
			"labels": [row["label"] for row in bars],
			"datasets": [
				{"name": _(tier), "values": [row[column_of(tier)] for row in bars]} for tier in tiers
			],
		},
		"type": "bar",
		"barOptions": STACKED,
		"colors": COLOURS[: len(tiers)],
	}


# Growth


def growth(filters: frappe._dict, on: date, tiers: list[str]) -> tuple[list[dict], list[dict], dict | None]:
	"""For each year since the first member: at its end by tier, who joined, who left.

	Somebody who comes back after a gap joins again; the gap has cost the year in which it began a member.
	"""
	first = frappe.db.get_value(
		"Member Status History", {"from_date": ["is", "set"]}, "from_date", order_by="from_date asc"
	)
	rows, before = [], {}
	if first:
		for year in range(getdate(first).year, on.year + 1):
			end = min(date(year, 12, 31), on)
			now = {row.name: row for row in members_on(end, filters)}
			counts = Counter(row.tier for row in now.values())
			rows.append(
				{
					"label": str(year),
					**{column_of(tier): counts[tier] for tier in tiers},
					"total": len(now),
					"joined": len(now.keys() - before.keys()),
					"left": len(before.keys() - now.keys()),
					"growth": round(100 * (len(now) - len(before)) / len(before), 1) if before else None,
				}
			)
			before = now
	tiers = [tier for tier in tiers if any(row[column_of(tier)] for row in rows)] or tiers
	columns = [
		{"fieldname": "label", "label": _("Year"), "fieldtype": "Data", "width": 90},
		*tier_columns(tiers),
		{"fieldname": "total", "label": _("Members"), "fieldtype": "Int", "width": 110},
		{"fieldname": "joined", "label": _("Joined"), "fieldtype": "Int", "width": 90},
		{"fieldname": "left", "label": _("Left"), "fieldtype": "Int", "width": 90},
		{"fieldname": "growth", "label": _("Growth"), "fieldtype": "Percent", "width": 100, "precision": 1},
	]
	chart = {
		"data": {
			"labels": [row["label"] for row in rows],
			"datasets": [
				{"name": _("Members"), "chartType": "line", "values": [r["total"] for r in rows]},
				{"name": _("Joined"), "chartType": "bar", "values": [r["joined"] for r in rows]},
				{"name": _("Left"), "chartType": "bar", "values": [-r["left"] for r in rows]},
			],
		},
		"type": "axis-mixed",
		"colors": ["#12564a", "#6fb3a2", "#b3372e"],
	}
	return columns, rows, chart if rows else None


# Summary


def summary(on: date, filters: frappe._dict) -> list[dict]:
	"""The figures on top of the report. Seats of the Council are those of the whole alliance."""
	members = members_on(on, filters)
	everybody = members_on(on, frappe._dict())
	council = set(frappe.get_all("Member Tier", {"is_council": 1}, pluck="name"))
	taken = sum(row.tier in council for row in everybody)
	seats = frappe.db.get_single_value("Alliance Settings", "council_seats") or 0
	year_before = {row.name for row in members_on(date(on.year - 1, 12, 31), filters)}
	joined = sum(row.name not in year_before for row in members)
	return [
		{"label": _("Members"), "value": len(members), "datatype": "Int"},
		{"label": _("Countries/Regions"), "value": len({row.country for row in members}), "datatype": "Int"},
		{
			"label": _("Council Seats Taken"),
			"value": _("{0} of {1} seats").format(taken, seats) if seats else str(taken),
			"datatype": "Data",
			"indicator": "Red" if seats and taken > seats else "Green",
		},
		{"label": _("Key Members"), "value": sum(row.is_key for row in members), "datatype": "Int"},
		{"label": _("Joined in {0}").format(on.year), "value": joined, "datatype": "Int"},
	]
