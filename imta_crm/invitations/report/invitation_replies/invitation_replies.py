"""Who replied to an invitation, how soon, by which way, and what they wrote.

Of the invitations that the user may read; the latest reply first.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import frappe
from frappe import _

from imta_crm.invitations import funnel
from imta_crm.listing import SET, names_of
from imta_crm.policy.names import safe_cell

#: Replies are counted by how many days they took; the last class has no end.
DAYS = (1, 3, 7, 14, 30)
FIELDS = [
	"name as invitation",
	"prospect_name",
	"campaign",
	"country",
	"officer",
	"reply",
	"reply_via",
	"first_sent_at",
	"replied_at",
	"later_on",
	"reply_comment",
	"status",
	"application",
]


def execute(filters: dict | None = None) -> tuple:
	"""Columns, rows, no message, chart. Filters: `campaign`, `year`, `purpose`, `reply`, `comments_only`."""
	filters = frappe._dict(filters or {})
	campaigns = funnel.campaigns(filters)
	rows = replies(filters, campaigns) if campaigns else []
	return columns(), rows, None, chart(rows)


def replies(filters: frappe._dict, campaigns: dict) -> list[dict]:
	"""One row for each reply. One query."""
	conditions: dict[str, Any] = funnel.scope(filters, campaigns) | {"replied_at": SET}
	if filters.reply:
		conditions["reply"] = filters.reply
	if filters.comments_only:
		conditions["reply_comment"] = SET
	# get_list, not get_all: officers see their own.
	rows = frappe.get_list("Invitation", conditions, FIELDS, order_by="replied_at desc, name desc", limit=0)
	people = names_of({row.officer for row in rows})
	for row in rows:
		days = funnel.days_to_reply(row)
		row.days = None if days is None else round(days, 1)
		row.campaign_name = safe_cell(campaigns[row.campaign].campaign_name)
		row.prospect_name = safe_cell(row.prospect_name)
		row.reply_comment = safe_cell(row.reply_comment)
		row.country = _(row.country) if row.country else ""
		row.officer = safe_cell(people.get(row.officer) or row.officer)
		for field in ("reply", "reply_via", "status"):
			row[field] = _(row[field], context="Invitation") if row[field] else ""
	return rows


def chart(rows: list[dict]) -> dict | None:
	"""How many replies came within how many days after the first letter."""
	classes = Counter(
		next((place for place, end in enumerate(DAYS) if row["days"] <= end), len(DAYS))
		for row in rows
		if row["days"] is not None
	)
	if not classes:
		return None
	starts = (0, *DAYS)
	labels = [_("{0} to {1} days").format(start, end) for start, end in zip(starts, DAYS, strict=False)]
	labels = [_("Within a day"), *labels[1:], _("Over {0} days").format(DAYS[-1])]
	return {
		"type": "bar",
		"data": {
			"labels": labels,
			"datasets": [{"name": _("Replies"), "values": [classes[place] for place in range(len(labels))]}],
		},
		"colors": ["#12564a"],
	}


def columns() -> list[dict]:
	found = [
		_column("replied_at", _("Replied At"), "Datetime", 185),
		_column("prospect_name", _("Name"), "Data", 230),
		_column("reply", _("Reply"), "Data", 130),
		_column("days", _("Days to Reply"), "Float", 135, precision=1),
		_column("reply_comment", _("Comment"), "Data", 260, align="left"),
		_column("later_on", _("Write Again On"), "Date", 140, align="left"),
		_column("reply_via", _("Replied By"), "Data", 110),
		_column("status", _("Status"), "Data", 130),
		_column("country", _("Country/Region"), "Data", 125),
		_column("officer", _("Officer"), "Data", 150),
		_column("campaign_name", _("Campaign"), "Data", 200),
		_column("invitation", _("Invitation"), "Link", 150, options="Invitation"),
	]
	# Frappe refuses the whole report to readers who may not read the DocType of a link.
	if frappe.has_permission("Membership Application", "read"):
		found.append(_column("application", _("Application"), "Link", 140, options="Membership Application"))
	return found


def _column(fieldname: str, label: str, fieldtype: str, width: int, **more) -> dict:
	return {"fieldname": fieldname, "label": label, "fieldtype": fieldtype, "width": width, **more}
