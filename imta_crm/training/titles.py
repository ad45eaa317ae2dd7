"""Programs and sessions in reports and charts: their titles in the reader's language, rows by program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import frappe
from frappe import _

from imta_crm.listing import Filters, Group, by_value, report_route


def of_programs(rows: Iterable[Mapping]) -> dict[str, str]:
	"""Titles of the programs that the rows name, in one query."""
	return _titles("Member Training Program", {row["program"] for row in rows}, "program_name")


def of_sessions(rows: Iterable[Mapping]) -> dict[str, str]:
	"""Titles of the sessions that the rows name, in one query."""
	return _titles("Training Session", {row["session"] for row in rows}, "title")


def of(row: Mapping, field: str = "title") -> str:
	"""The title of a document that has it in both languages."""
	chinese = (frappe.local.lang or "").startswith("zh")
	return (row.get(f"{field}_zh") if chinese else None) or row[field]


def _titles(doctype: str, names: set[str | None], field: str) -> dict[str, str]:
	wanted = sorted(filter(None, names))
	if not wanted:
		return {}
	rows = frappe.get_all(
		doctype, {"name": ("in", wanted)}, ["name", field, f"{field}_zh"], order_by=None, limit=0
	)
	return {row.name: of(row, field) for row in rows}


def by_program(rows: list, of_all: Filters) -> Iterator[Group]:
	"""Rows of a report by their program, each under its title."""
	names = of_programs(rows)
	yield from by_value(
		rows, "program", of_all, label=lambda name: names.get(name) or name, nobody=_("No program")
	)


def deeper(report: str, filters: frappe._dict, group: Group, kept: Iterable[str]) -> dict:
	"""Where the name of a row leads: to the sessions of what stands in it, with these filters as they are."""
	key = group.more.get("key")
	if filters.group_by == "Session" or not key:
		return {}
	chosen = {field: filters[field] for field in kept if filters.get(field)}
	return {
		"route": report_route(report, chosen | {"group_by": "Session", frappe.scrub(filters.group_by): key})
	}
