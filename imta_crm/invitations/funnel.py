"""The funnel of invitations: its figures, over what the asking user may read, and the lists behind them.

What a stage means is the policy's (`policy.funnel`). `STAGES` says the same in filters of the list of
invitations, so that behind every number stand exactly the documents that it counted; the tests hold the two
together. Invitations that turned out to be the same as another one count nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import frappe
from frappe.utils import time_diff_in_seconds

from imta_crm.listing import SET, Filters, list_route, within
from imta_crm.policy import funnel as rules
from imta_crm.policy import invitation as inv

INVITATION = "Invitation"
CAMPAIGN = "Invitation Campaign"
APPLIED = (inv.APPLIED, inv.ADMITTED, inv.NOT_ADMITTED)
NOT_MERGED: Filters = {"status": ("!=", inv.MERGED)}
#: Figure of the funnel: what its documents have beyond `NOT_MERGED`.
STAGES: dict[str, Filters] = {
	"total": {},
	"held": {"status": inv.HELD},
	"planned": {"status": inv.PLANNED},
	"invited": {"first_sent_at": SET},
	"replied": {"first_sent_at": SET, "reply": SET},
	"interested": {"status": ("in", (inv.INTERESTED, *APPLIED))},
	"accepted": {"status": inv.ACCEPTED},
	"later": {"status": inv.LATER},
	"declined": {"status": inv.DECLINED},
	"wrong_person": {"status": inv.WRONG_PERSON},
	"do_not_write": {"status": inv.DO_NOT_WRITE},
	"unreachable": {"status": inv.UNREACHABLE},
	"no_reply": {"status": inv.NO_REPLY},
	"applied": {"status": ("in", APPLIED)},
	"admitted": {"status": inv.ADMITTED},
}
FIELDS = [
	"name",
	"campaign",
	"status",
	"reply",
	"territory",
	"sector",
	"tier",
	"officer",
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
	stage = rules.count(
		rules.Fact(row["status"], row["reply"] or "", row["first_sent_at"], row["replied_at"]) for row in rows
	)
	hours = stage.median_hours
	return {
		**{name: getattr(stage, name) for name in STAGES},
		"reply_rate": float(stage.reply_rate) if stage.invited else None,
		"admission_rate": float(stage.admission_rate) if stage.invited else None,
		"days_to_reply": None if hours is None else round(float(hours) / 24, 1),
	}


def targets_of(campaigns: Iterable[str]) -> list[frappe._dict]:
	"""Targets of campaigns, in the order of their rows. The caller has chosen what the user may read."""
	return frappe.get_all(
		"Invitation Campaign Target",
		{"parent": ("in", list(campaigns)), "parenttype": CAMPAIGN},
		["parent", "region", "sector", "tier", "planned"],
		order_by="idx",
	)


def fits(row: Mapping, target: Mapping, regions: Mapping[str, set[str]]) -> bool:
	"""Whether a member or an invitation belongs to a target; what the target leaves empty fits everybody.

	:param regions: region of a target: its name and all below it, as `regions_of` gives them
	"""
	return (
		(not target.get("region") or row.get("territory") in regions[target["region"]])
		and (not target.get("sector") or row.get("sector") == target["sector"])
		and (not target.get("tier") or row.get("tier") == target["tier"])
	)


def of_target(target: Mapping) -> Filters:
	"""The same as filters of a list of members or invitations."""
	found: Filters = {field: target[field] for field in ("sector", "tier") if target.get(field)}
	if target.get("region"):
		found |= within("territory", target["region"])
	return found


def regions_of(targets: Iterable[Mapping]) -> dict[str, set[str]]:
	"""Each region of the targets with all below it, in one query."""
	places = frappe.get_all("Territory", fields=["name", "lft", "rgt"], order_by=None)
	bounds = {place.name: (place.lft, place.rgt) for place in places}
	found: dict[str, set[str]] = {}
	for region in {target.get("region") for target in targets} - {None, ""}:
		first, last = bounds.get(region, (0, -1))
		found[region] = {place.name for place in places if first <= place.lft <= last} | {region}
	return found


def days_to_reply(row: Mapping) -> float | None:
	"""Days from the first letter to the reply; None where one of them is missing."""
	if not row.get("first_sent_at") or not row.get("replied_at"):
		return None
	return max(time_diff_in_seconds(row["replied_at"], row["first_sent_at"]), 0) / 86400


def links(filters: Filters) -> dict[str, str]:
	"""For each stage the list of the documents that it counts, among those that `filters` select."""
	return {stage: list_route(INVITATION, filters | of) for stage, of in STAGES.items()}
