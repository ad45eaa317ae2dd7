"""Contacts in the timeline of their member."""

import html

import frappe
from frappe import _
from frappe.utils import format_date, getdate, nowdate

from imta_crm.liaison.zones import local_label

SHOWN = 100
ICONS = {
	"Call": "call",
	"Video": "image-view",
	"Visit": "map",
	"E-mail": "mail",
	"WeChat": "message-1",
	"Letter": "file",
	"Event": "users",
}
TEMPLATE = "imta_crm/liaison/timeline_item.html"

CONTACT = "Liaison Contact"


def get_timeline_content(doctype: str, docname: str) -> list[dict]:
	"""The latest contacts with the member `docname`, as Frappe's form timeline wants them.

	Only those the session's user may read; empty for who may not. All text is escaped in the template.
	"""
	if not frappe.has_permission(CONTACT, "read"):
		return []
	contacts = frappe.get_list(
		CONTACT,
		filters={"member": docname},
		fields=[
			"name",
			"channel",
			"direction",
			"event_name",
			"contact_at",
			"time_zone",
			"summary",
			"outcome",
			"owner",
			"next_step",
			"next_step_on",
			"next_step_owner",
			"next_step_state",
		],
		order_by="contact_at desc",
		limit=SHOWN,
	)
	names = [contact.name for contact in contacts]
	theirs = _rows("Liaison Person", names, ["parent", "person_name"])
	needs = _rows("Liaison Need", names, ["parent", "need", "is_met"])
	ours = _rows("Liaison Colleague", names, ["parent", "user"])
	return [
		{
			"icon": ICONS.get(contact.channel, "comment"),
			"is_card": True,
			"creation": contact.contact_at,
			"content": _render(
				contact,
				[row.person_name for row in theirs.get(contact.name, ())],
				[row.user for row in ours.get(contact.name, ())],
				needs.get(contact.name, ()),
			),
		}
		for contact in contacts
	]


def plain(text: str | None) -> str:
	"""Text as it was typed. Frappe stores what looks like markup with its signs replaced; the template replaces
	them again, whatever the data hold, and a reader would see `&amp;lt;`."""
	return html.unescape(text or "")


def _rows(doctype: str, parents: list[str], fields: list[str]) -> dict[str, list]:
	grouped: dict[str, list] = {}
	if parents:
		for row in frappe.get_all(doctype, {"parent": ("in", parents)}, fields, order_by="idx"):
			grouped.setdefault(row.parent, []).append(row)
	return grouped


def _render(contact: frappe._dict, theirs: list[str], users: list[str], needs: list) -> str:
	state = contact.next_step_state
	is_overdue = (
		state == "Open" and contact.next_step_on and getdate(contact.next_step_on) < getdate(nowdate())
	)
	return frappe.render_template(
		TEMPLATE,
		{
			"contact": contact,
			"title": plain(contact.event_name) or _(contact.channel, context=CONTACT),
			"summary": plain(contact.summary),
			"next_step": plain(contact.next_step),
			"direction": _(contact.direction, context=CONTACT),
			"outcome": _(contact.outcome, context=CONTACT) if contact.outcome else "",
			"outcome_colour": {"Positive": "green", "Negative": "red"}.get(contact.outcome, "gray"),
			"when": local_label(contact.contact_at, contact.time_zone),
			"link": frappe.utils.get_url_to_form(CONTACT, contact.name),
			"theirs": [plain(name) for name in theirs if name],
			"ours": [frappe.utils.get_fullname(user) for user in users],
			"needs": [(plain(row.need), row.is_met) for row in needs],
			"next_by": format_date(contact.next_step_on) if contact.next_step_on else "",
			"next_owner": frappe.utils.get_fullname(contact.next_step_owner)
			if contact.next_step_owner
			else "",
			"next_state": _("Overdue") if is_overdue else _(state, context=CONTACT) if state else "",
			"next_colour": "red" if is_overdue else {"Open": "orange", "Closed": "green"}.get(state, "gray"),
		},
	)
