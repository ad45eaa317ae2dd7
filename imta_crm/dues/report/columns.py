"""Columns that the dues reports share."""

from __future__ import annotations

from frappe import _


def link(fieldname: str, label: str, doctype: str, width: int) -> dict:
	"""A link column. Frappe asks every reader of the report for the right to read that DocType."""
	return {"fieldname": fieldname, "label": label, "fieldtype": "Link", "options": doctype, "width": width}


def data(fieldname: str, label: str, width: int) -> dict:
	return {"fieldname": fieldname, "label": label, "fieldtype": "Data", "width": width}


def money(fieldname: str, label: str) -> dict:
	"""An amount in the currency of its row."""
	return {
		"fieldname": fieldname,
		"label": label,
		"fieldtype": "Currency",
		"options": "currency",
		"width": 130,
	}


def of_member() -> list[dict]:
	"""Who the row is about."""
	return [
		link("member", _("Member"), "IMTA Member", 120),
		data("member_name", _("Name"), 220),
		data("country", _("Country/Region"), 120),
		link("tier", _("Tier"), "Member Tier", 100),
		data("status", _("Status"), 100),
	]
