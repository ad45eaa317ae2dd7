"""Targets of a campaign: what stands beside them today, and what they might be.

A member or an invitation counts for every target that it fits; what a target leaves empty fits everybody, and
a region counts with all below it. The figures are those of the reports (see `funnel`), for all officers
together: a plan is one for the alliance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import frappe
from frappe import _
from frappe.query_builder.functions import Count
from frappe.utils import cint, flt

from imta_crm.invitations import funnel, permissions
from imta_crm.listing import matcher
from imta_crm.policy import targets as policy
from imta_crm.policy.status import Status, is_member

MEMBERS = tuple(str(status) for status in Status if is_member(status))
#: Figures beside a target that are counted from the campaign's invitations.
STAGES = ("invited", "replied", "accepted", "admitted")
FIELDS = ("region", "sector", "tier", "planned")
NONE: Mapping[str, int] = {"members_today": 0, "gap": 0, "invited": 0, "replied": 0, "admitted": 0}


def figures(campaign: str | None, purpose: str | None, rows: Sequence[Mapping]) -> list[dict[str, int]]:
	"""Today, gap, invited, replied and admitted for each target; three queries, however many targets.

	For an activity "today" and "admitted" are those who have said yes.
	"""
	if not rows:
		return []
	regions = funnel.regions_of(rows)
	invitations = _invitations(campaign) if campaign else []
	members = [] if purpose == permissions.ACTIVITY else _members()
	return [_row(row, purpose, members, invitations, regions) for row in rows]


def _row(
	row: Mapping, purpose: str | None, members: list, invitations: list, regions: Mapping
) -> dict[str, int]:
	fitting = [each for each in invitations if funnel.fits(each, row, regions)]
	stages = {
		stage: sum(each.n for each in fitting if matcher(funnel.STAGES[stage])(each)) for stage in STAGES
	}
	if purpose == permissions.ACTIVITY:
		today = admitted = stages["accepted"]
	else:
		today = sum(each.n for each in members if funnel.fits(each, row, regions))
		admitted = stages["admitted"]
	return {
		"members_today": today,
		"gap": policy.gap(cint(row.get("planned")), today),
		"invited": stages["invited"],
		"replied": stages["replied"],
		"admitted": admitted,
	}


def _members() -> list[frappe._dict]:
	"""Numbers of members by region, sector and tier."""
	table = frappe.qb.DocType("IMTA Member")
	return (
		frappe.qb.from_(table)
		.select(table.territory, table.sector, table.tier, Count("*").as_("n"))
		.where(table.status.isin(MEMBERS))
		.groupby(table.territory, table.sector, table.tier)
		.run(as_dict=True)
	)


def _invitations(campaign: str) -> list[frappe._dict]:
	"""Numbers of invitations by all that decides where they count."""
	table = frappe.qb.DocType(funnel.INVITATION)
	sent = table.first_sent_at.isnotnull()
	keys = (table.territory, table.sector, table.tier, table.status, table.reply)
	return (
		frappe.qb.from_(table)
		.select(*keys, sent.as_("first_sent_at"), Count("*").as_("n"))
		.where((table.campaign == campaign) & (table.status != "Merged"))
		.groupby(*keys, sent)
		.run(as_dict=True)
	)


@frappe.whitelist()
def suggest(growth_percent: float = 10, by_sector: bool = True, by_tier: bool = True) -> list[dict]:
	"""Targets that let the membership grow as a whole, in the proportions that it has today.

	Reads only; the planner puts them into the campaign and changes them there. Members without a region are
	left out, since nobody is recruited to nowhere; so are those without a sector where others have one, since
	an empty sector stands for all of them.

	:param growth_percent: how much the membership is to grow, in per cent, not below 0
	:param by_sector: a row for each sector of a region, or for the region as a whole
	:return: rows of Invitation Campaign Target, with `members_today` and `gap`, the largest first
	"""
	frappe.has_permission(permissions.CAMPAIGN, "create", throw=True)
	if not permissions.plans_all():
		frappe.throw(_("You may not plan this campaign."), frappe.PermissionError)
	members = [row for row in _members() if row.territory]
	counts: dict[tuple[str, str, str], int] = {}
	for row in members:
		key = (row.territory, (row.sector or "") if by_sector else "", (row.tier or "") if by_tier else "")
		counts[key] = counts.get(key, 0) + row.n
	growth = Decimal(str(max(flt(growth_percent), 0))) / 100
	return [
		{
			"region": row.region or None,
			"sector": row.sector or None,
			"tier": row.tier or None,
			"planned": row.planned,
			"members_today": row.today,
			"gap": row.gap,
		}
		for row in policy.suggest(_apart(counts, members), growth)
	]


def _apart(counts: Mapping[tuple[str, str, str], int], members: list) -> dict[tuple[str, str, str], int]:
	"""Without the targets that would count the members of others, too: an empty sector, a region above others."""
	rows = {key: dict(zip(("region", "sector", "tier"), key, strict=True)) for key in counts}
	regions = funnel.regions_of(rows.values())
	return {
		key: n
		for key, n in counts.items()
		if n == sum(each.n for each in members if funnel.fits(each, rows[key], regions))
	}


def duplicates(rows: Iterable[Mapping]) -> list[int]:
	"""Row numbers (from 1) of targets that another one above says already."""
	seen: set[tuple] = set()
	found = []
	for number, row in enumerate(rows, 1):
		key = (row.get("region") or "", row.get("sector") or "", row.get("tier") or "")
		if key in seen:
			found.append(number)
		seen.add(key)
	return found
