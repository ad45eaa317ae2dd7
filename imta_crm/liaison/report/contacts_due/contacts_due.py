"""Whom to call today: members whose rhythm has run out, and those with a next step that is due."""

from __future__ import annotations

from datetime import date

import frappe
from frappe import _
from frappe.utils import getdate, nowdate

from imta_crm.liaison.contacts import last_contacts
from imta_crm.policy.rhythm import next_contact_due
from imta_crm.policy.status import Status, is_member

STATUSES = [str(status) for status in Status if is_member(status)]


def execute(filters: dict | None = None) -> tuple[list[dict], list[dict]]:
	"""Rows for the members that the session's user may see, the longest overdue first.

	Filters: `officer`, `tier`, `country`, `key_members` and `as_of` (a date of the site, default today).
	A member's due date is its tier's `contact_rhythm_days` after the last contact, or after it joined.
	"""
	filters = frappe._dict(filters or {})
	as_of = getdate(filters.as_of or nowdate())
	return columns(), rows(_members(filters), as_of)


def rows(members: list[frappe._dict], as_of: date) -> list[dict]:
	rhythms = dict(frappe.get_all("Member Tier", fields=["name", "contact_rhythm_days"], as_list=True))
	last = last_contacts([member.member for member in members])
	due = []
	for member in members:
		seen = last[member.member]
		due_on = next_contact_due(
			getdate(seen.contact_at) if seen.contact_at else None,
			rhythms.get(member.tier),
			getdate(member.joined_on) if member.joined_on else None,
		)
		reasons = [day for day in (due_on, seen.next_step_on) if day and day <= as_of]
		if not reasons:
			continue
		due.append(
			{
				**member,
				"due_on": due_on,
				"days_late": (as_of - min(reasons)).days,
				"last_contact_at": getdate(seen.contact_at) if seen.contact_at else None,
				"last_channel": _(seen.channel, context="Liaison Contact") if seen.channel else None,
				"last_contact": seen.contact,
				"next_step_on": seen.next_step_on,
			}
		)
	return sorted(due, key=lambda row: (-row["days_late"], -row["is_key_member"], row["member_name"]))


def _members(filters: frappe._dict) -> list[frappe._dict]:
	conditions = {"status": ("in", STATUSES)}
	conditions.update(
		{field: filters[field] for field in ("officer", "tier", "country") if filters.get(field)}
	)
	if filters.get("key_members"):
		conditions["is_key_member"] = 1
	# get_list, not get_all: the portfolio applies.
	return frappe.get_list(
		"IMTA Member",
		filters=conditions,
		fields=["name as member", "member_name", "tier", "country", "officer", "is_key_member", "joined_on"],
		limit=0,
	)


def columns() -> list[dict]:
	return [
		_column("member", _("Member"), "Link", 110, options="IMTA Member"),
		_column("member_name", _("Name"), "Data", 220),
		_column("is_key_member", _("Key Member"), "Check", 95),
		_column("tier", _("Tier"), "Link", 90, options="Member Tier"),
		_column("country", _("Country/Region"), "Link", 125, options="Country"),
		_column("due_on", _("Due On"), "Date", 110),
		_column("next_step_on", _("Next Step By"), "Date", 115),
		_column("days_late", _("Days Late"), "Int", 85),
		_column("last_contact_at", _("Last Contact"), "Date", 110),
		_column("last_channel", _("Channel"), "Data", 85),
		_column("officer", _("Liaison Officer"), "Link", 170, options="User"),
		_column("last_contact", _("Liaison Contact"), "Link", 130, options="Liaison Contact"),
	]


def _column(fieldname: str, label: str, fieldtype: str, width: int, **more) -> dict:
	return {"fieldname": fieldname, "label": label, "fieldtype": fieldtype, "width": width, **more}
