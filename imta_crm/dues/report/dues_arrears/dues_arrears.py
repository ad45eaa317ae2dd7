"""Who owes dues, and for how long: one row for each member and currency, by age of what is open.

Members are those that the user may see; amounts are read from ERPNext's ledger as of a day, in the currency
of the invoice, after money that was received and not matched yet. Ages are days after the due date.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import getdate

from imta_crm.dues.report.columns import data, money, of_member
from imta_crm.erp import ledger
from imta_crm.policy.names import safe_cell

ZERO = Decimal(0)
# Days overdue up to which an item belongs to the bucket; what is older goes to the last one.
BUCKETS = (30, 60, 90, 180)
AGES = ("not_due", *(f"up_to_{days}" for days in BUCKETS), "older")
MEMBER_FIELDS = ["name", "member_name", "country", "tier", "status", "officer", "customer"]


def execute(filters: dict | None = None) -> tuple:
	"""Columns, rows, no message, chart and summary of the report."""
	filters = frappe._dict(filters or {})
	rows = arrears(filters)
	totals = add_up(rows)
	return columns(), [*rows, *totals], None, chart(rows), summary(totals)


def columns() -> list[dict]:
	# Data and not links: officers may not open invoices.
	return [
		*of_member(),
		data("officer", _("Officer"), 140),
		data("sales_invoice", _("Oldest Invoice"), 190),
		{"fieldname": "due_date", "label": _("Due Since"), "fieldtype": "Date", "width": 120},
		{"fieldname": "days", "label": _("Days"), "fieldtype": "Int", "width": 70},
		data("currency", _("Currency"), 100),
		money("due", _("To Pay")),
		*(money(field, label) for field, label in zip(AGES, age_labels(), strict=True)),
		money("credit", _("Unmatched Credit")),
	]


def age_labels() -> list[str]:
	"""Headings of the ages."""
	starts = [1, *(days + 1 for days in BUCKETS[:-1])]
	return [
		_("Not due"),
		*(_("{0} to {1} days").format(start, end) for start, end in zip(starts, BUCKETS, strict=True)),
		_("Over {0} days").format(BUCKETS[-1]),
	]


def age_of(due_date: date, on: date) -> str:
	"""The bucket of an item on that day."""
	late = (on - due_date).days
	if late <= 0:
		return "not_due"
	return next((f"up_to_{days}" for days in BUCKETS if late <= days), "older")


def arrears(filters: frappe._dict) -> list[dict]:
	"""One row for each member and currency, the oldest debt first. Two queries for each 900 members."""
	on = getdate(filters.as_of)
	conditions: dict = {"customer": ("is", "set")}
	for field in ("tier", "country", "officer", "status"):
		if filters.get(field):
			conditions[field] = filters[field]
	# get_list: the roles and the portfolio decide who is listed.
	members = frappe.get_list("IMTA Member", conditions, MEMBER_FIELDS, limit=0)
	standings = ledger.standing_of([member.customer for member in members], filters.as_of and on)
	rows = []
	for member in members:
		standing = standings[member.customer]
		by_currency: dict[str, list[ledger.OpenItem]] = defaultdict(list)
		for item in standing.dues_items:
			if item.due > 0 and (not filters.currency or item.currency == filters.currency):
				by_currency[item.currency].append(item)
		for currency, items in sorted(by_currency.items()):
			oldest = min(items, key=lambda item: item.due_date)
			if oldest.due_date >= on and not filters.include_not_due:
				continue
			row = {
				"member": member.name,
				"member_name": safe_cell(member.member_name),
				"country": member.country,
				"tier": member.tier,
				"status": _(member.status, context="IMTA Member"),
				"officer": member.officer,
				"sales_invoice": oldest.voucher_no,
				"due_date": oldest.due_date,
				"days": max((on - oldest.due_date).days, 0),
				"currency": currency,
				"due": sum((item.due for item in items), ZERO),
				"credit": standing.balances[currency].credit,
				**dict.fromkeys(AGES, ZERO),
			}
			for item in items:
				row[age_of(item.due_date, on)] += item.due
			rows.append(row)
	return sorted(rows, key=lambda row: (row["due_date"], row["member"], row["currency"]))


def add_up(rows: list[dict]) -> list[dict]:
	"""A total for each currency."""
	totals: dict[str, dict] = {}
	for row in rows:
		total = totals.setdefault(
			row["currency"],
			{
				"member_name": _("Total"),
				"currency": row["currency"],
				"bold": 1,
				**dict.fromkeys(("due", "credit", *AGES), ZERO),
			},
		)
		for field in ("due", "credit", *AGES):
			total[field] += row[field]
	return [totals[currency] for currency in sorted(totals)]


def chart(rows: list[dict]) -> dict | None:
	"""How many members, by the age of their oldest debt: numbers of members can be added up."""
	if not rows:
		return None
	oldest: dict[str, int] = {}
	for row in rows:
		position = max(AGES.index(age) for age in AGES if row[age])
		oldest[row["member"]] = max(position, oldest.get(row["member"], 0))
	counts = [list(oldest.values()).count(position) for position in range(len(AGES))]
	return {
		"type": "bar",
		"data": {"labels": age_labels(), "datasets": [{"name": _("Members"), "values": counts}]},
		"colors": ["#b3683a"],
	}


def summary(totals: list[dict]) -> list[dict]:
	return [
		{
			"label": _("Overdue ({0})").format(row["currency"]),
			"value": float(row["due"] - row["not_due"]),
			"datatype": "Currency",
			"currency": row["currency"],
			"indicator": "Red" if row["due"] > row["not_due"] else "Green",
		}
		for row in totals
	]
