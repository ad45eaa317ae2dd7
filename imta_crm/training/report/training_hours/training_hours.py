"""Hours of professional development that were earned, by member, region, year, person or program.

Of the completed enrolments that the user may read; a session counts in the year in which it ended. Each
number leads to the enrolments that it counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal

import frappe
from frappe import _

from imta_crm.listing import (
	SET,
	Filters,
	Group,
	by_place,
	by_value,
	by_year,
	form_route,
	in_year,
	list_route,
	report_route,
	year_of,
)
from imta_crm.policy import seating
from imta_crm.policy.names import safe_cell
from imta_crm.seating import figures
from imta_crm.training import titles

ENROLLMENT = "Training Enrollment"
REPORT = "Training Hours"
GROUPS = ("Member", "Region", "Year", "Person", "Program")
MOST_BARS = 12
#: The years that have a column of their own.
YEARS = 5
FIELDS = [
	"name",
	"session",
	"program",
	"member",
	"organisation",
	"participant_name",
	"contact",
	"user",
	"email",
	"email_folded",
	"territory",
	"hours",
	"certificate",
	"ends_at_site",
]


def execute(filters: dict | None = None) -> tuple:
	"""Columns, rows, no message, chart and summary of the report.

	Filters: `group_by`, `year`, `region`, `member`, `program`, `participant_type`.
	"""
	filters = frappe._dict(filters or {})
	if filters.group_by not in GROUPS:
		filters.group_by = "Member"
	of_all: Filters = {"status": seating.COMPLETED}
	of_all |= figures.chosen(filters, ("member", "program", "participant_type"))
	if filters.year:
		of_all["ends_at_site"] = in_year(int(filters.year))
	# get_list, not get_all: officers count their own portfolio.
	enrollments = frappe.get_list(ENROLLMENT, of_all, FIELDS, order_by="ends_at_site, name", limit=0)
	years = [] if filters.year or filters.group_by == "Year" else years_of(enrollments)
	groups: dict[str, Callable[..., Iterator[Group]]] = {
		"Member": by_member,
		"Region": lambda *given: by_place(*given, below=filters.region),
		"Year": lambda rows, chosen: by_year(rows, "ends_at_site", chosen),
		"Person": by_person,
		"Program": titles.by_program,
	}
	rows = [
		row_of(group, years) | deeper(filters, group)
		for group in groups[filters.group_by](enrollments, of_all)
	]
	if filters.group_by in ("Member", "Person", "Program"):
		rows.sort(key=lambda row: -row["hours"])
	total = row_of(
		Group(_("Total"), of_all, enrollments, {"bold": 1, "indent": 0, "key": "", "parent": ""}), years
	)
	return (
		columns(filters.group_by, years),
		[*rows, total] if rows else [],
		None,
		chart(rows),
		summary(total) if rows else None,
	)


def row_of(group: Group, years: list[int]) -> dict:
	"""One row: the figures and, beside them, where each of them leads."""
	completed = list_route(ENROLLMENT, group.filters)
	by_year_sums: dict[int, Decimal] = defaultdict(Decimal)
	for row in group.rows:
		by_year_sums[year_of(row.ends_at_site)] += hours_of(row)
	cells = {f"year_{year}": float(by_year_sums[year]) or None for year in years}
	routes = {
		f"year_{year}": list_route(ENROLLMENT, group.filters | {"ends_at_site": in_year(year)})
		for year in years
	}
	return {
		"label": group.label,
		"hours": float(sum(by_year_sums.values())),
		"completed": len(group.rows),
		"people": figures.people(group.rows),
		"certificates": sum(bool(row.certificate) for row in group.rows),
		**cells,
		"routes": {
			"hours": completed,
			"completed": completed,
			"certificates": list_route(ENROLLMENT, group.filters | {"certificate": SET}),
			**routes,
		},
		**group.more,
	}


def hours_of(row: frappe._dict) -> Decimal:
	return Decimal(str(row.hours or 0))


def years_of(enrollments: list) -> list[int]:
	"""The latest years in which anything was completed, where there are several."""
	years = sorted({year_of(row.ends_at_site) for row in enrollments} - {0}, reverse=True)[:YEARS]
	return years if len(years) > 1 else []


# Groups


def by_member(enrollments: list, of_all: Filters) -> Iterator[Group]:
	names = figures.member_names(enrollments)
	yield from by_value(
		enrollments,
		"member",
		of_all,
		label=lambda member: names.get(member) or member,
		nobody=_("Guests and Staff"),
	)


def by_person(enrollments: list, of_all: Filters) -> Iterator[Group]:
	"""Each person under the name and organisation of the latest enrolment."""
	groups: dict[tuple[str, str], list] = defaultdict(list)
	for row in enrollments:
		groups[figures.person_of(row)].append(row)
	for (field, value), rows in groups.items():
		more = {"organisation": safe_cell(rows[-1].organisation or "")}
		yield Group(safe_cell(rows[-1].participant_name), of_all | {field: value}, rows, more)


def deeper(filters: frappe._dict, group: Group) -> dict:
	"""Where the name of a row leads: to the people of a member, to the members of a region or year."""
	kept = {field: filters[field] for field in ("year", "region", "member", "program") if filters.get(field)}
	key = group.more.get("key")
	if filters.group_by == "Member" and key:
		return {"route": report_route(REPORT, kept | {"group_by": "Person", "member": key})}
	if filters.group_by == "Region" and key:
		return {"route": report_route(REPORT, kept | {"group_by": "Member", "region": key})}
	if filters.group_by == "Year" and key:
		return {"route": report_route(REPORT, kept | {"group_by": "Member", "year": key})}
	if filters.group_by == "Program" and key:
		return {"route": form_route("Member Training Program", key)}
	return {}


# What is shown


def columns(group_by: str, years: list[int]) -> list[dict]:
	labels = {
		"Member": _("Member"),
		"Region": _("Region"),
		"Year": _("Year"),
		"Person": _("Person"),
		"Program": _("Program"),
	}
	return [
		figures.text("label", labels[group_by], 260),
		*([figures.text("organisation", _("Organisation"), 220)] if group_by == "Person" else []),
		figures.decimal("hours", _("Hours")),
		figures.number("completed", _("Completed"), 115),
		*([figures.number("people", _("People"))] if group_by != "Person" else []),
		figures.number("certificates", _("Certificates"), 120),
		*(figures.decimal(f"year_{year}", _("Hours {0}").format(year)) for year in years),
	]


def chart(rows: list[dict]) -> dict | None:
	"""Hours beside each other, of the first rows; each bar leads where its number does."""
	bars = [row for row in rows if not row.get("indent") and row["hours"]][:MOST_BARS]
	if not bars:
		return None
	return {
		"type": "bar",
		"data": {
			"labels": [row["label"] for row in bars],
			"datasets": [{"name": _("Hours"), "values": [row["hours"] for row in bars]}],
		},
		"colors": ["#12564a"],
		"routes": [row["routes"]["hours"] for row in bars],
	}


def summary(total: dict) -> list[dict]:
	return [
		{"label": _("Hours"), "value": total["hours"], "datatype": "Float", "indicator": "Green"},
		{"label": _("Completed"), "value": total["completed"], "datatype": "Int"},
		{"label": _("People"), "value": total["people"], "datatype": "Int"},
		{"label": _("Certificates"), "value": total["certificates"], "datatype": "Int"},
	]
