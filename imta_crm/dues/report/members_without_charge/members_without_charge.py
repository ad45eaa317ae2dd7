"""Members who have not been charged for a dues year, and why.

The reason is the one by which a Dues Run decides (`policy.dues`), as of a day. Beside those who owe nothing
it lists who is due and still waits for a run, whose invoice failed, and whose charge was waived.
"""

from __future__ import annotations

from collections import Counter

import frappe
from frappe import _
from frappe.utils import getdate

from imta_crm.dues import charges, years
from imta_crm.dues.report.columns import data, link, of_member
from imta_crm.policy.names import safe_cell

MEMBER_FIELDS = [
	"name",
	"member_name",
	"country",
	"tier",
	"status",
	"officer",
	"joined_on",
	"invoice_currency",
]


def execute(filters: dict | None = None) -> tuple:
	"""Columns, rows, no message and chart of the report."""
	filters = frappe._dict(filters or {})
	filters.dues_year = filters.dues_year or open_year()
	if not filters.dues_year:
		return columns(), [], _("There is no open dues year."), None
	rows = without_charge(filters)
	return columns(), rows, None, chart(rows)


def columns() -> list[dict]:
	return [
		*of_member(),
		{"fieldname": "joined_on", "label": _("Joined On"), "fieldtype": "Date", "width": 120},
		data("officer", _("Officer"), 150),
		data("kind", _("Outcome"), 140),
		data("reason", _("Reason"), 380),
		link("charge", _("Dues Charge"), "Dues Charge", 190),
	]


def open_year() -> str | None:
	"""The latest open year: officers cannot choose one, as they may not read dues years."""
	return frappe.db.get_value("Dues Year", {"status": "Open"}, order_by="from_date desc")


def without_charge(filters: frappe._dict) -> list[dict]:
	"""One row for each member without an invoice for the year, in a handful of queries."""
	# Officers read the reasons of their own members; the year itself is not shown.
	year = years.get_year(filters.dues_year)
	conditions = {field: filters[field] for field in ("tier", "country", "officer") if filters.get(field)}
	# get_list: the roles and the portfolio decide who is listed.
	members = {row.name: row for row in frappe.get_list("IMTA Member", conditions, MEMBER_FIELDS, limit=0)}
	lines = [
		line
		for line in charges.assess(year, getdate(filters.as_of))
		if line.charge_type == charges.ANNUAL and line.state != "charged" and line.facts.name in members
	]
	existing = [line.name for line in lines if line.status]
	errors = {}
	if existing:
		errors = dict(
			frappe.get_all(
				"Dues Charge", {"name": ("in", existing)}, ["name", "error"], as_list=True, limit=0
			)
		)
	rows = []
	for line in lines:
		member = members[line.facts.name]
		kind, reason = outcome(line, errors.get(line.name))
		rows.append(
			{
				"member": member.name,
				"member_name": safe_cell(member.member_name),
				"country": member.country,
				"tier": member.tier,
				"status": _(member.status, context="IMTA Member"),
				"joined_on": member.joined_on,
				"officer": member.officer,
				"kind": kind,
				"reason": safe_cell(reason),
				"charge": line.name if line.status else None,
			}
		)
	return sorted(rows, key=lambda row: (row["kind"], row["reason"], row["member"]))


def outcome(line: charges.Line, error: str | None) -> tuple[str, str]:
	"""What became of the member in this year, and the reason in the user's language."""
	if line.state == "closed":
		return _(line.status), line.reason()
	if line.status == charges.FAILED:
		return _("Invoice failed"), error or line.reason()
	if line.is_due:
		return _("Waits for a run"), line.reason()
	return _("Not charged"), line.reason()


def chart(rows: list[dict]) -> dict | None:
	"""How many members for each reason."""
	if not rows:
		return None
	counts = Counter(row["reason"] if row["kind"] == _("Not charged") else row["kind"] for row in rows)
	common = counts.most_common(12)
	return {
		"type": "bar",
		"data": {
			"labels": [label for label, _count in common],
			"datasets": [{"name": _("Members"), "values": [count for _label, count in common]}],
		},
		"colors": ["#9db4c0"],
	}
