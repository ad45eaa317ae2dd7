"""What the reports have in common: from a number to the list of the documents that it counted.

A figure is counted with the same filters that open its list in the desk, so that behind every number stand
exactly the documents that it counted, as far as the asking user may read them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import frappe
from frappe import _
from frappe.utils import getdate

from imta_crm.erp import masters
from imta_crm.policy.names import safe_cell

Filters = dict[str, Any]
Row = TypeVar("Row", bound=Mapping)

SET, NOT_SET = ("is", "set"), ("is", "not set")


@dataclass
class Group:
	"""Rows that stand together in one line of a report, and the filters that select them."""

	label: str
	filters: Filters
	rows: list = field(default_factory=list)
	more: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Region:
	"""A region of a report's tree: its rows with all below it, and the filters that select them."""

	name: str
	parent: str
	depth: int
	rows: list
	filters: Filters
	in_tree: bool = True

	@property
	def label(self) -> str:
		"""In the reader's language."""
		return region_label(self.name) if self.name else _("No region")


def list_route(doctype: str, filters: Filters) -> str:
	"""Address of a list in the desk. Who opens it sees of these documents those that the permissions allow."""
	return f"/app/{_slug(doctype)}{_query(filters)}"


def form_route(doctype: str, name: str) -> str:
	"""Address of a document in the desk."""
	return f"/app/{_slug(doctype)}/{quote(name, safe='')}"


def report_route(report: str, filters: Filters) -> str:
	"""Address of a script report in the desk with these filters."""
	return f"/app/query-report/{quote(report)}{_query(filters)}"


def _slug(doctype: str) -> str:
	return frappe.scrub(doctype).replace("_", "-")


def _query(filters: Filters) -> str:
	query = {
		field: json.dumps(value, ensure_ascii=False, default=str)
		if isinstance(value, list | tuple)
		else str(value)
		for field, value in filters.items()
	}
	return f"?{urlencode(query, quote_via=quote)}" if query else ""


def matcher(filters: Filters) -> Callable[[Mapping], bool]:
	"""Whether a row fits filters that are a value, "in" or set. A flag may stand for a field that is set."""

	def fits_all(row: Mapping) -> bool:
		for name, wanted in filters.items():
			value = row.get(name)
			if wanted == SET:
				fit = bool(value)
			elif isinstance(wanted, tuple):
				fit = value in wanted[1]
			else:
				fit = value == wanted
			if not fit:
				return False
		return True

	return fits_all


def within(doctype_field: str, region: str | None) -> Filters:
	"""Filter for a region with all below it; for None those that have no region."""
	return {doctype_field: ("descendants of (inclusive)", region) if region else NOT_SET}


def names_of(users: Iterable[str | None]) -> dict[str, str]:
	"""Full names of users, in one query."""
	wanted = sorted(filter(None, users))
	if not wanted:
		return {}
	return dict(frappe.get_all("User", {"name": ("in", wanted)}, ["name", "full_name"], as_list=True))


def region_label(region: str) -> str:
	"""A region in the reader's language."""
	if (frappe.local.lang or "").startswith("zh"):
		return masters.regions().get("names_zh", {}).get(region) or _(region)
	return _(region)


def gather(rows: Iterable[Row], fieldname: str) -> dict[Any, list[Row]]:
	"""Rows by the value of a field; what is not set is an empty text."""
	groups: dict[Any, list] = defaultdict(list)
	for row in rows:
		groups[row[fieldname] or ""].append(row)
	return groups


def largest_first(groups: Mapping[Any, list[Row]]) -> list[tuple[Any, list[Row]]]:
	return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def by_region(
	rows: Iterable[Mapping], fieldname: str = "territory", *, below: str | None = None
) -> Iterator[Region]:
	"""The tree of regions down to where the rows are, without its root; each region with all below it.

	What lies at the root itself, somewhere in the world, and what has no region come last. One query.

	:param below: the region in which all rows lie, so that those above it would not be whole
	"""
	root = masters.root_of("Territory")
	parents = dict(
		frappe.get_all("Territory", fields=["name", "parent_territory"], order_by="lft", as_list=True)
	)
	inside: dict[str, list] = defaultdict(list)
	for row in rows:
		place = row[fieldname] if row[fieldname] in parents else ""
		inside[place].append(row)
		while place and parents.get(place) in parents:
			place = parents[place]
			inside[place].append(row)
	hidden = {root}
	while below in parents and parents[below] in parents:
		below = parents[below]
		hidden.add(below)
	depths: dict[str, int] = {}
	for name, parent in parents.items():  # parents come before their children
		depths[name] = depths[parent] + 1 if parent in depths and parent not in hidden else 0
		if name in hidden or not inside[name]:
			continue
		above = parent if depths[name] else ""
		yield Region(name, above, depths[name], inside[name], within(fieldname, name))
	if nowhere := [row for row in inside[root] if row[fieldname] == root]:
		yield Region(root, "", 0, nowhere, {fieldname: root}, in_tree=False)
	if inside[""]:
		yield Region("", "", 0, inside[""], within(fieldname, None), in_tree=False)


# Groups of a report


def by_place(
	rows: Iterable[Mapping], of_all: Filters, fieldname: str = "territory", *, below: str | None = None
) -> Iterator[Group]:
	"""The tree of regions as groups, for a report with `name_field` key and `parent_field` parent. One query.

	:param below: the region that `of_all` is narrowed down to
	"""
	for region in by_region(rows, fieldname, below=below):
		more = {
			"key": region.name,
			"parent": region.parent,
			"indent": region.depth,
			"bold": int(region.in_tree and not region.depth),
		}
		yield Group(region.label, of_all | region.filters, region.rows, more)


def by_value(
	rows: Iterable[Mapping],
	fieldname: str,
	of_all: Filters,
	*,
	label: Callable[[str], str],
	nobody: str,
) -> Iterator[Group]:
	"""One group for each value of a field, the largest first; `nobody` names those without a value."""
	for value, found in largest_first(gather(rows, fieldname)):
		text = safe_cell(label(value)) if value else nobody
		yield Group(text, of_all | {fieldname: value or NOT_SET}, found, {"key": value})


def by_year(
	rows: Iterable[Mapping], fieldname: str, of_all: Filters, *, until: datetime | None = None
) -> Iterator[Group]:
	"""One group for each calendar year of a moment, the latest first."""
	groups: dict[int, list] = defaultdict(list)
	for row in rows:
		groups[year_of(row[fieldname])].append(row)
	for year, found in sorted(groups.items(), reverse=True):
		chosen = {fieldname: in_year(year, until=until) if year else NOT_SET}
		yield Group(str(year or _("No date")), of_all | chosen, found, {"key": year})


def year_of(moment: datetime | date | str | None) -> int:
	return getdate(moment).year if moment else 0


def in_year(year: int, *, until: datetime | None = None) -> tuple[str, tuple[str, str]]:
	"""Filter of a Datetime field: within a calendar year of the site's zone, and not after `until`."""
	last = f"{year:04}-12-31 23:59:59"
	if until:
		last = min(last, until.strftime("%Y-%m-%d %H:%M:%S"))
	return ("between", (f"{year:04}-01-01 00:00:00", last))
