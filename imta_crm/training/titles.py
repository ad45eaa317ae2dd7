"""Titles of programs and sessions in the reader's language, for reports and charts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import frappe


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
