"""What the reports have in common: from a number to the list of the documents that it counted.

A figure is counted with the same filters that open its list in the desk, so that behind every number stand
exactly the documents that it counted, as far as the asking user may read them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import frappe
from frappe import _

from imta_crm.erp import masters

Filters = dict[str, Any]
Row = TypeVar("Row", bound=Mapping)

SET, NOT_SET = ("is", "set"), ("is", "not set")


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
		for field, wanted in filters.items():
			value = row.get(field)
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


def by_region(rows: Iterable[Mapping], fieldname: str = "territory") -> Iterator[Region]:
	"""The tree of regions down to where the rows are, without its root; each region with all below it.

	What lies at the root itself, somewhere in the world, and what has no region come last. One query.
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
	depths: dict[str, int] = {}
	for name, parent in parents.items():  # parents come before their children
		depths[name] = depths[parent] + 1 if parent in depths and parent != root else 0
		if name == root or not inside[name]:
			continue
		above = parent if depths[name] else ""
		yield Region(name, above, depths[name], inside[name], within(fieldname, name))
	if nowhere := [row for row in inside[root] if row[fieldname] == root]:
		yield Region(root, "", 0, nowhere, {fieldname: root}, in_tree=False)
	if inside[""]:
		yield Region("", "", 0, inside[""], within(fieldname, None), in_tree=False)
