"""Figures for the workspace and for leadership's page of charts.

Every figure is counted over the documents that the asking user may read, so an officer sees the portfolio and
a manager all. Frappe's own chart endpoint keeps one cached answer for everybody, which is why these charts
come from here. Money is in the company's currency, as the ledger booked it; months are calendar months.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, timedelta

import frappe
from frappe import _
from frappe.utils import add_months, flt, get_first_day, getdate, nowdate

from imta_crm.erp import masters
from imta_crm.invitations import funnel
from imta_crm.listing import region_label
from imta_crm.policy import status as membership_status
from imta_crm.training import charts

MONTHS = 12
WEEKS = 12
BATCH = 2000
# What fits beside each other; the rest is summed up.
BARS = 5
CHANNELS = 5
# States of a campaign whose plan is in force.
FOLLOWED = ("Approved", "Running", "Paused", "Completed")


@frappe.whitelist()
def chart(
	chart_name: str | None = None,
	filters: str | dict | None = None,
	refresh: int | str | None = None,
	no_cache: int | str | None = None,
	from_date: str | None = None,
	to_date: str | None = None,
	timespan: str | None = None,
	time_interval: str | None = None,
	heatmap_year: str | int | None = None,
) -> dict:
	"""Labels and datasets of one chart of the source "IMTA Overview". Extra arguments are Frappe's.

	`routes`, where there are any, say for each label which list a click leads to.

	:raises frappe.PermissionError: if the user may not read the documents that it counts
	"""
	doc = frappe.get_doc("Dashboard Chart", chart_name)
	doc.check_permission("read")
	figure = frappe.parse_json(doc.filters_json or "{}").get("figure")
	if figure not in FIGURES:
		frappe.throw(_("There is no such figure: {0}").format(frappe.bold(frappe.utils.escape_html(figure))))
	doctype, function = FIGURES[figure]
	frappe.has_permission(doctype, "read", throw=True)
	return function()


@frappe.whitelist()
def outstanding_dues(filters: str | list | dict | None = None) -> dict:
	"""Open dues of the members that the user may see, in the company's currency, for a number card."""
	frappe.has_permission("Dues Charge", "read", throw=True)
	total = sum(amount for _month, amount in _ledger(None))
	return {
		"value": flt(total, 2),
		"fieldtype": "Currency",
		"options": _currency(),
		"route": ["List", "Dues Charge"],
		"route_options": {"status": "Invoiced"},
	}


def members_by_region() -> dict:
	"""Members of each part of the world, the largest first, and how many of them are of which tier."""
	parts = _parts_of_the_world()
	rows = frappe.get_list(
		"IMTA Member", filters=_of_members(), fields=["territory", "tier"], order_by=None, limit=0
	)
	counts: dict[str, Counter] = defaultdict(Counter)
	for row in rows:
		counts[parts.get(row.territory, row.territory or "")][row.tier] += 1
	regions = sorted(counts, key=lambda region: (-counts[region].total(), region))
	return _chart(
		[_region_label(region) for region in regions],
		{
			label: [counts[region][tier] for region in regions]
			for tier, label in _tiers()
			if any(counts[region][tier] for region in regions)
		},
	)


def members_by_tier() -> dict:
	"""Members of each tier, by rank."""
	counts = _count_members("tier")
	rows = [(label, counts[tier]) for tier, label in _tiers() if counts.get(tier)]
	return _chart([label for label, _number in rows], {_("Members"): [number for _label, number in rows]})


def members_by_sector() -> dict:
	"""Members of each sector, the largest first."""
	return _bars(_count_members("sector"), _("Members"), _no_value=_("No sector"))


def members_joined_by_year() -> dict:
	"""Admissions in each calendar year, of members who are still with the alliance."""
	years = Counter(
		getdate(row.joined_on).year
		for row in frappe.get_list("IMTA Member", filters=_of_members(), fields=["joined_on"], limit=0)
		if row.joined_on
	)
	if not years:
		return _chart([], {_("Admitted"): []})
	span = range(min(years), max(years) + 1)
	return _chart([str(year) for year in span], {_("Admitted"): [years[year] for year in span]})


def dues_by_month() -> dict:
	"""Dues invoiced (less credit notes) and collected in each of the last twelve months, company currency."""
	months = _last_months()
	invoiced: dict[str, float] = defaultdict(float)
	collected: dict[str, float] = defaultdict(float)
	for (month, kind), amount in _ledger_by_kind(months[0]).items():
		(collected if kind == "money" else invoiced)[month] += amount
	return _chart(
		[_month_label(month) for month in months],
		{
			_("Invoiced", context="Dues Charge"): [flt(invoiced[_key(month)], 2) for month in months],
			_("Collected"): [flt(-collected[_key(month)], 2) for month in months],
		},
	) | {"fieldtype": "Currency", "options": _currency()}


def contacts_by_month() -> dict:
	"""Contacts with members in each of the last twelve months, by channel."""
	months = _last_months()
	counts: dict[str, Counter] = defaultdict(Counter)
	rows = frappe.get_list(
		"Liaison Contact",
		filters={"contact_at": (">=", months[0])},
		fields=["contact_at", "channel"],
		limit=0,
	)
	often = [channel for channel, _number in Counter(row.channel for row in rows).most_common(CHANNELS)]
	for row in rows:
		counts[_(row.channel, context="Liaison Contact") if row.channel in often else _("Others")][
			_key(row.contact_at)
		] += 1
	labels = [
		label
		for label in [*(_(channel, context="Liaison Contact") for channel in often), _("Others")]
		if label in counts
	]
	return _chart(
		[_month_label(month) for month in months],
		{label: [counts[label][_key(month)] for month in months] for label in labels}
		or {_("Contacts"): [0] * MONTHS},
	)


def invitations_by_stage() -> dict:
	"""How far the invitations of this year's membership campaigns have come, each stage within the one before."""
	stages = {
		"total": _("Prospects"),
		"invited": _("Invited"),
		"replied": _("Replied"),
		"interested": _("Interested"),
		"applied": _("Applied"),
		"admitted": _("Admitted"),
	}
	chosen = {"year": getdate(nowdate()).year, "purpose": "Membership"}
	campaigns = funnel.campaigns(chosen)
	scope = funnel.scope(chosen, campaigns)
	counts = funnel.counts(funnel.facts(scope) if campaigns else [])
	routes = funnel.links(scope)
	return _chart(list(stages.values()), {_("Invitations"): [counts[stage] for stage in stages]}) | {
		"routes": [routes[stage] for stage in stages]
	}


def replies_by_week() -> dict:
	"""Replies to invitations in each of the last twelve weeks, by what they said."""
	monday = getdate(nowdate()) - timedelta(days=getdate(nowdate()).weekday())
	weeks = [monday - timedelta(weeks=back) for back in range(WEEKS - 1, -1, -1)]
	rows = frappe.get_list(
		"Invitation",
		filters={"replied_at": (">=", weeks[0])},
		fields=["replied_at", "reply"],
		order_by=None,
		limit=0,
	)
	counts: dict[str, Counter] = defaultdict(Counter)
	for row in rows:
		day = getdate(row.replied_at)
		counts[row.reply][day - timedelta(days=day.weekday())] += 1
	# In the order of the field, so that a reply keeps its colour.
	replies = [reply for reply in frappe.get_meta("Invitation").get_options("reply").split("\n") if reply]
	return _chart(
		[f"{week.month}/{week.day}" for week in weeks],
		{
			_(reply, context="Invitation"): [counts[reply][week] for week in weeks]
			for reply in replies
			if reply in counts
		}
		or {_("Replies"): [0] * WEEKS},
	)


def plan_and_result() -> dict:
	"""Members planned by the plan in force for each part of the world, and the members of today there.

	The plan is that of the latest approved campaign, up to this year's. A member counts once in each part,
	however many of its targets fit.
	"""
	this_year = getdate(nowdate()).year
	approved = [
		name
		for name, campaign in funnel.campaigns({"purpose": "Membership"}).items()
		if campaign.year <= this_year and campaign.workflow_state in FOLLOWED
	]
	targets = funnel.targets_of(approved[:1])
	regions = funnel.regions_of(targets)
	parts = _parts_of_the_world()
	groups: dict[str, list] = defaultdict(list)
	for target in targets:
		groups[parts.get(target.region, target.region or "")].append(target)
	members = frappe.get_list(
		"IMTA Member", filters=_of_members(), fields=["territory", "sector", "tier"], order_by=None, limit=0
	)
	planned = {part: sum(target.planned for target in group) for part, group in groups.items()}
	today = {
		part: sum(any(funnel.fits(member, target, regions) for target in group) for member in members)
		for part, group in groups.items()
	}
	order = sorted(groups, key=lambda part: (-planned[part], part))
	return _chart(
		[_region_label(part) if part else _("Everybody") for part in order],
		{
			_("Members Planned"): [planned[part] for part in order],
			_("Members Today"): [today[part] for part in order],
		},
	)


FIGURES: dict[str, tuple[str, Callable[[], dict]]] = {
	"members_by_region": ("IMTA Member", members_by_region),
	"members_by_tier": ("IMTA Member", members_by_tier),
	"members_by_sector": ("IMTA Member", members_by_sector),
	"members_joined_by_year": ("IMTA Member", members_joined_by_year),
	"dues_by_month": ("Dues Charge", dues_by_month),
	"contacts_by_month": ("Liaison Contact", contacts_by_month),
	"invitations_by_stage": ("Invitation", invitations_by_stage),
	"replies_by_week": ("Invitation", replies_by_week),
	"plan_and_result": ("Invitation Campaign", plan_and_result),
	"seats_of_coming_sessions": ("Training Enrollment", charts.seats_of_coming_sessions),
	"hours_by_region": ("Training Enrollment", charts.hours_by_region),
	"results_by_month": ("Training Enrollment", charts.results_by_month),
	"delegates_by_activity": ("Activity Delegate", charts.delegates_by_activity),
}


def _of_members() -> dict:
	statuses = frappe.get_meta("IMTA Member").get_options("status").split("\n")
	return {"status": ("in", [status for status in statuses if membership_status.is_member(status)])}


def _count_members(field: str) -> dict[str, int]:
	values = frappe.get_list("IMTA Member", filters=_of_members(), pluck=field, limit=0)
	return Counter(value or "" for value in values)


def _bars(counts: dict[str, int], dataset: str, _no_value: str) -> dict:
	rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
	head, tail = rows[:BARS], rows[BARS:]
	labels = [_(name) if name else _no_value for name, _number in head]
	values = [number for _name, number in head]
	if tail:
		labels.append(_("Others"))
		values.append(sum(number for _name, number in tail))
	return _chart(labels, {dataset: values})


def _chart(labels: list[str], datasets: dict[str, list]) -> dict:
	return {
		"labels": labels,
		"datasets": [{"name": name, "values": values} for name, values in datasets.items()],
	}


def _last_months() -> list[date]:
	this = get_first_day(nowdate())
	return [getdate(add_months(this, back)) for back in range(1 - MONTHS, 1)]


def _key(day: date) -> str:
	return getdate(day).strftime("%Y-%m")


def _month_label(month: date) -> str:
	"""Short, so that twelve of them fit on a phone; the year shows where it begins."""
	return str(month.year) if month.month == 1 else _(month.strftime("%b"), context="Month")


def _tiers() -> list[tuple[str, str]]:
	"""(name, label in the reader's language) of all tiers, the highest first."""
	zh = (frappe.local.lang or "").startswith("zh")
	tiers = frappe.get_all("Member Tier", fields=["name", "tier_name_zh"], order_by="`rank` desc, name")
	return [(tier.name, tier.tier_name_zh if zh and tier.tier_name_zh else _(tier.name)) for tier in tiers]


def _region_label(region: str) -> str:
	return region_label(region) if region else _("No region")


def _parts_of_the_world() -> dict[str, str]:
	"""Each territory's ancestor right below the root."""
	root = masters.root_of("Territory")
	parents = dict(
		frappe.get_all("Territory", fields=["name", "parent_territory"], as_list=True, order_by="lft")
	)
	parts: dict[str, str] = {}
	for name, parent in parents.items():  # parents come before their children
		parts[name] = name if parent == root or not parent else parts.get(parent, name)
	return parts


def _currency() -> str | None:
	company = masters.default_company()
	return frappe.get_cached_value("Company", company, "default_currency") if company else None


def _invoices() -> list[str]:
	"""Live dues invoices of the members that the user may see, and the credit notes that return them."""
	names = frappe.get_list(
		"Dues Charge", filters={"sales_invoice": ("is", "set")}, pluck="sales_invoice", limit=0
	)
	returns = []
	for start in range(0, len(names), BATCH):
		returns += frappe.get_all(
			"Sales Invoice",
			filters={"return_against": ("in", names[start : start + BATCH]), "docstatus": 1},
			pluck="name",
		)
	return names + returns


def _ledger(since: date | None) -> list[tuple[str, float]]:
	return [(month, amount) for (month, _kind), amount in _ledger_by_kind(since).items()]


def _ledger_by_kind(since: date | None) -> dict[tuple[str, str], float]:
	"""{(month, "money" or "document"): sum in the company's currency} from the Payment Ledger."""
	entry = frappe.qb.DocType("Payment Ledger Entry")
	sums: dict[tuple[str, str], float] = defaultdict(float)
	names = _invoices()
	for start in range(0, len(names), BATCH):
		query = (
			frappe.qb.from_(entry)
			.select(entry.posting_date, entry.voucher_type, entry.amount)
			.where(
				(entry.against_voucher_type == "Sales Invoice")
				& entry.against_voucher_no.isin(names[start : start + BATCH])
				& (entry.delinked == 0)
			)
		)
		if since:
			query = query.where(entry.posting_date >= since)
		for posting_date, voucher_type, amount in query.run():
			kind = "document" if voucher_type == "Sales Invoice" else "money"
			sums[(_key(posting_date), kind)] += amount
	return sums
