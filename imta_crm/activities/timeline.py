"""What the people of a member took part in, in the timeline of the member."""

from __future__ import annotations

import frappe
from frappe import _
from frappe.utils import get_url_to_form

from imta_crm.liaison.timeline import plain
from imta_crm.liaison.zones import local_label
from imta_crm.policy.seating import ATTENDED, CANCELLED, COMPLETED, CONFIRMED, NO_SHOW, OFFERED
from imta_crm.seating import kinds

SHOWN = 50
TEMPLATE = "imta_crm/activities/timeline_item.html"
COLOURS = {
	ATTENDED: "green",
	COMPLETED: "green",
	CONFIRMED: "blue",
	OFFERED: "cyan",
	NO_SHOW: "red",
	CANCELLED: "gray",
}


def get_timeline_content(doctype: str, docname: str) -> list[dict]:
	"""The latest sessions and activities with people of the member `docname`, one entry for each of them.

	Only what the session's user may read. An entry stands at the beginning of what it tells of. All text is
	escaped in the template.
	"""
	return [entry for kind in kinds.KINDS for entry in _entries(kind, docname)]


def _entries(kind: kinds.Kind, member: str) -> list[dict]:
	if not frappe.has_permission(kind.booking, "read"):
		return []
	seats = frappe.get_list(
		kind.booking,
		{"member": member, "status": ("!=", CANCELLED)},
		["name", "participant_name", "status", kind.field],
		order_by="starts_at_site desc, queue_no",
		limit=SHOWN,
	)
	by_event: dict[str, list] = {}
	for seat in seats:
		by_event.setdefault(seat[kind.field], []).append(seat)
	events = frappe.get_all(
		kind.event,
		{"name": ("in", list(by_event) or [""])},
		["name", "title", "title_zh", "starts_at", "starts_at_site", "time_zone", "status"],
		order_by=None,
	)
	return [
		{
			"icon": "education" if kind is kinds.TRAINING else "users",
			"is_card": True,
			"creation": event.starts_at_site,
			"content": _render(kind, event, by_event[event.name]),
		}
		for event in events
	]


def _render(kind: kinds.Kind, event: frappe._dict, seats: list) -> str:
	chinese = (frappe.local.lang or "").startswith("zh")
	return frappe.render_template(
		TEMPLATE,
		{
			"name": event.name,
			"title": plain((event.title_zh if chinese else None) or event.title),
			"kind": _(kind.event),
			"link": get_url_to_form(kind.event, event.name),
			"when": local_label(event.starts_at_site, event.time_zone),
			"people": [
				(
					plain(seat.participant_name),
					_(seat.status),
					COLOURS.get(seat.status, "orange"),
					get_url_to_form(kind.booking, seat.name),
				)
				for seat in seats
			],
		},
	)
