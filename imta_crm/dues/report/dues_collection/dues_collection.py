"""What was charged, credited and collected, by tier, year, country, region or currency.

Charges are those that the user may see; the money is read from ERPNext's ledger as of a day. Amounts are in
the currency of the invoice, one row for each currency: currencies are never added up.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import getdate

from imta_crm.dues.report.columns import data, money
from imta_crm.erp import ledger
from imta_crm.policy.names import safe_cell

ZERO = Decimal(0)
GROUPS = ("Tier", "Year", "Country", "Region", "Currency")
SUMS = ("charged", "credited", "written_off", "paid", "outstanding", "overdue")
MOST_BARS = 20


def execute(filters: dict | None = None) -> tuple:
	"""Columns, rows, no message, chart and summary of the report."""
	filters = frappe._dict(filters or {})
	if filters.group_by not in GROUPS:
		filters.group_by = "Tier"
	rows = collect(filters)
	totals = add_up(rows, lambda row: row["currency"])
	return (
		columns(filters.group_by),
		[*rows, *(dict(row, group=_("Total"), bold=1) for row in totals)],
		None,
		chart(rows),
		summary(totals),
	)


def columns(group_by: str) -> list[dict]:
	labels = {
		"Tier": _("Tier"),
		"Year": _("Dues Year"),
		"Country": _("Country/Region"),
		"Region": _("Region"),
		"Currency": _("Currency"),
	}

	return [
		data("group", labels[group_by], 200),
		data("currency", _("Currency"), 90),
		{"fieldname": "charges", "label": _("Charges"), "fieldtype": "Int", "width": 90},
		{"fieldname": "not_invoiced", "label": _("Not Invoiced"), "fieldtype": "Int", "width": 110},
		money("charged", _("Charged")),
		money("credited", _("Credited")),
		money("written_off", _("Written Off")),
		money("paid", _("Paid")),
		money("outstanding", _("Outstanding")),
		money("overdue", _("Overdue")),
		{"fieldname": "rate", "label": _("Collected"), "fieldtype": "Percent", "width": 100},
	]


def collect(filters: frappe._dict) -> list[dict]:
	"""One row for each group and currency, by group. Three queries for each 900 charges."""
	on = getdate(filters.as_of)
	conditions: dict = {"status": ("not in", ("Waived", "Void")), "charge_type": ("!=", "Downgrade Credit")}
	if filters.dues_year:
		conditions["dues_year"] = filters.dues_year
	if filters.tier:
		conditions["tier"] = filters.tier
	# get_list: the roles and the portfolio decide what is counted.
	charges = frappe.get_list(
		"Dues Charge", conditions, ["name", "member", "dues_year", "tier", "currency", "status"], limit=0
	)
	places = places_of({charge.member for charge in charges})
	standings = ledger.charge_standings(
		[charge.name for charge in charges if charge.status == "Invoiced"], filters.as_of and on
	)
	lines = []
	for charge in charges:
		country, region = places.get(charge.member, ("", ""))
		if filters.country and country != filters.country:
			continue
		standing = standings.get(charge.name)
		currency = standing.currency if standing else charge.currency
		if filters.currency and currency != filters.currency:
			continue
		key = {
			"Tier": charge.tier,
			"Year": charge.dues_year,
			"Country": country,
			"Region": region,
			"Currency": currency,
		}[filters.group_by]
		line = {"key": key or "", "currency": currency, "charges": 1, "not_invoiced": int(not standing)}
		for field in SUMS[:-1]:
			line[field] = getattr(standing, field) if standing else ZERO
		is_late = standing and standing.due_date < on
		line["overdue"] = max(standing.outstanding, ZERO) if is_late else ZERO
		lines.append(line)
	rows = add_up(lines, lambda line: (line["key"], line["currency"]))
	for row in rows:
		key = row.pop("key")
		row["group_key"] = key
		row["group"] = safe_cell(_(key)) if key else _("Not stated")
	return rows


def places_of(members: set[str]) -> dict[str, tuple[str, str]]:
	"""Country and region of each member, in one query."""
	if not members:
		return {}
	rows = frappe.get_all(
		"IMTA Member", {"name": ("in", sorted(members))}, ["name", "country", "territory"], limit=0
	)
	return {row.name: (row.country or "", row.territory or "") for row in rows}


def add_up(lines: list[dict], key) -> list[dict]:
	"""Sums of the lines with the same key, in the order of the keys, with the share that was collected."""
	groups: dict = defaultdict(list)
	for line in lines:
		groups[key(line)].append(line)
	rows = []
	for _key, members in sorted(groups.items()):
		row = dict(members[0])
		for field in ("charges", "not_invoiced", *SUMS):
			row[field] = sum((line[field] for line in members), ZERO if field in SUMS else 0)
		asked = row["charged"] - row["credited"]
		row["rate"] = float(round(100 * row["paid"] / asked, 1)) if asked > 0 else 0.0
		rows.append(row)
	return rows


def chart(rows: list[dict]) -> dict | None:
	"""The share collected: the one figure in which currencies can stand beside each other."""
	labels = list(dict.fromkeys(row["group"] for row in rows))[:MOST_BARS]
	if not any(row["rate"] for row in rows):
		return None
	rates = {(row["group"], row["currency"]): row["rate"] for row in rows}
	currencies = sorted({row["currency"] for row in rows})
	return {
		"type": "bar",
		"data": {
			"labels": labels,
			"datasets": [
				{
					"name": _("Collected {0} (%)").format(currency),
					"values": [rates.get((label, currency), 0) for label in labels],
				}
				for currency in currencies
			],
		},
		"colors": ["#12564a", "#c79a3a", "#6fb3a2", "#9db4c0"],
	}


def summary(totals: list[dict]) -> list[dict]:
	"""Paid and outstanding of each currency."""
	found = []
	for row in totals:
		for field, label, colour in (
			("paid", _("Paid ({0})"), "Green"),
			("outstanding", _("Outstanding ({0})"), "Orange"),
		):
			found.append(
				{
					"label": label.format(row["currency"]),
					"value": float(row[field]),
					"datatype": "Currency",
					"currency": row["currency"],
					"indicator": colour,
				}
			)
	return found
