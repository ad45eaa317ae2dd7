"""The funnel of invitations: what each figure counts, over what the asking user may read.

A figure is a set of filters of the list of invitations (`STAGES`). The reports count by these filters and link
to the list with them, so behind every number stand exactly the documents that it counted. Invitations that
turned out to be the same as another one count nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from statistics import median
from typing import Any
from urllib.parse import quote, urlencode

import frappe
from frappe.utils import time_diff_in_seconds

Filters = dict[str, Any]

INVITATION = "Invitation"
CAMPAIGN = "Invitation Campaign"
SET, NOT_SET = ("is", "set"), ("is", "not set")
#: Figure of the funnel: the filters of the invitations that it counts.
STAGES: dict[str, Filters] = {
	"prospects": {},
	"held": {"status": "Held"},
	"planned": {"status": "Planned"},
	"invited": {"started_on": SET},
	"replied": {"replied_at": SET},
	"interested": {"reply": "Interested"},
	"later": {"reply": "Later"},
	"accepted": {"reply": "Yes"},
	"declined": {"reply": ("in", ("No", "Do Not Write"))},
	"unreachable": {"status": "Unreachable"},
	"applied": {"status": ("in", ("Applied", "Admitted", "Not Admitted"))},
	"admitted": {"status": "Admitted"},
}
NOT_MERGED: Filters = {"status": ("!=", "Merged")}
FIELDS = [
	"name",
	"campaign",
	"status",
	"reply",
	"territory",
	"sector",
	"tier",
	"officer",
	"started_on",
	"first_sent_at",
	"replied_at",
]


def campaigns(filters: Mapping[str, Any]) -> dict[str, frappe._dict]:
	"""Campaigns that the user may read, by name, the latest first.

	:param filters: `campaign`, `year` and `purpose` narrow them down
	"""
	conditions: Filters = {field: filters[field] for field in ("year", "purpose") if filters.get(field)}
	if filters.get("campaign"):
		conditions["name"] = filters["campaign"]
	rows = frappe.get_list(
		CAMPAIGN,
		conditions,
		["name", "campaign_name", "purpose", "year", "workflow_state"],
		order_by="year desc, from_date desc, name desc",
		limit=0,
	)
	return {row.name: row for row in rows}


def scope(filters: Mapping[str, Any], found: Iterable[str]) -> Filters:
	"""Filters of the invitations of the campaigns `found` by these filters; they also open the list."""
	if filters.get("campaign"):
		return NOT_MERGED | {"campaign": filters["campaign"]}
	if filters.get("year"):
		return NOT_MERGED | {"campaign": ("in", tuple(found))}
	if filters.get("purpose"):
		return NOT_MERGED | {"purpose": filters["purpose"]}
	return dict(NOT_MERGED)


def facts(filters: Filters) -> list[frappe._dict]:
	"""The invitations that the user may read, in one query."""
	# get_list, not get_all: officers count their own.
	return frappe.get_list(INVITATION, filters, FIELDS, order_by=None, limit=0)


def counts(rows: Iterable[Mapping]) -> dict[str, Any]:
	"""Figures of a group of invitations.

	Every stage, `reply_rate` (replied of invited) and `admission_rate` (admitted of invited) in percent, None
	where nobody was invited; `days_to_reply`, the median from the first letter to the reply.
	"""
	rows = list(rows)
	found: dict[str, Any] = {stage: sum(map(matcher(of), rows)) for stage, of in STAGES.items()}
	found["reply_rate"] = percent(found["replied"], found["invited"])
	found["admission_rate"] = percent(found["admitted"], found["invited"])
	days = [day for row in rows if (day := days_to_reply(row)) is not None]
	found["days_to_reply"] = round(median(days), 1) if days else None
	return found


def matcher(filters: Filters) -> Callable[[Mapping], bool]:
	"""Whether a row fits filters of the kinds that `STAGES` has."""

	def fits(row: Mapping) -> bool:
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

	return fits


def percent(part: int, whole: int) -> float | None:
	"""Share in percent with one decimal."""
	return float(round(Decimal(100 * part) / whole, 1)) if whole else None


def days_to_reply(row: Mapping) -> float | None:
	"""Days from the first letter to the reply; None where one of them is missing."""
	if not row.get("first_sent_at") or not row.get("replied_at"):
		return None
	return max(time_diff_in_seconds(row["replied_at"], row["first_sent_at"]), 0) / 86400


def links(filters: Filters) -> dict[str, str]:
	"""For each stage the list of the documents that it counts, among those that `filters` select."""
	return {stage: list_route(INVITATION, filters | of) for stage, of in STAGES.items()}


def list_route(doctype: str, filters: Filters) -> str:
	"""Address of a list in the desk. Who opens it sees of these documents those that the permissions allow."""
	query = {
		field: json.dumps(value, ensure_ascii=False) if isinstance(value, list | tuple) else value
		for field, value in filters.items()
	}
	return f"/app/{frappe.scrub(doctype).replace('_', '-')}?{urlencode(query, quote_via=quote)}"


def within(doctype_field: str, region: str | None) -> Filters:
	"""Filter for a region with all below it; for None those that have no region."""
	return {doctype_field: ("descendants of (inclusive)", region) if region else NOT_SET}


def names_of(users: Iterable[str | None]) -> dict[str, str]:
	"""Full names of users, in one query."""
	wanted = sorted(filter(None, users))
	if not wanted:
		return {}
	return dict(frappe.get_all("User", {"name": ("in", wanted)}, ["name", "full_name"], as_list=True))
