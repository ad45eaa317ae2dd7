"""Badges: what stands on one, the print format "Delegate Badge" (A6), and sheets of four on A4.

The code on a badge is the ticket: it shows the seat at the door and lets nobody do anything with it.
"""

from __future__ import annotations

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils.pdf import get_pdf

from imta_crm.activities import permissions
from imta_crm.activities.rules import ACTIVITY, DELEGATE
from imta_crm.liaison.timeline import plain
from imta_crm.membership.card import fit, qr_path
from imta_crm.policy import activities as policy
from imta_crm.policy.countries import UnknownCountry, find_country
from imta_crm.policy.seating import ATTENDED, CONFIRMED
from imta_crm.portal import links

PRINT_FORMAT = "Delegate Badge"
TEMPLATE = "imta_crm/activities/badge_sheets.html"
#: Who has one of these gets a badge.
WITH_BADGE = (CONFIRMED, ATTENDED)
PER_SHEET = 4
AT_ONCE = 1000
#: Room for the name, in tenths of a millimetre.
NAME_WIDTH = 900
COLOURS = {
	policy.SPEAKER: "#6d3b8e",
	policy.EXHIBITOR: "#a8541a",
	policy.DELEGATE: "#12564a",
	policy.GUEST: "#1f4e8c",
}
ROLES_ZH = {
	policy.SPEAKER: "演讲嘉宾",
	policy.EXHIBITOR: "参展商",
	policy.DELEGATE: "参会代表",
	policy.GUEST: "嘉宾",
}
BY_ROLE = "field(delegate_role, 'Speaker', 'Guest', 'Exhibitor', 'Delegate'), participant_name, name"


class NoBadge(frappe.ValidationError):
	"""Who has no seat has no badge."""


def delegate_badge(delegate: Document) -> dict:
	"""What the print format "Delegate Badge" shows. For who may write the delegate.

	:raises frappe.PermissionError: the user may only read the delegate
	:raises NoBadge: the delegate has no confirmed seat
	"""
	if not delegate.has_permission("write"):
		frappe.throw(_("Badges are printed by who looks after the delegates."), frappe.PermissionError)
	if delegate.status not in WITH_BADGE:
		frappe.throw(
			_("{0} is {1} and has no badge.").format(delegate.participant_name, _(delegate.status)), NoBadge
		)
	activity = frappe.get_cached_doc(ACTIVITY, delegate.activity)
	return badge(delegate.as_dict(), activity, _alliance())


def badge(delegate: dict, activity: Document, alliance: dict) -> dict:
	"""One badge as the drawing wants it: lines and sizes of text that fit, the code as a path."""
	names = [plain(delegate.participant_name_local), plain(delegate.participant_name)]
	first, *others = dict.fromkeys(filter(None, names))
	size, lines = fit(first, NAME_WIDTH, ((100, 1), (80, 2), (64, 2), (50, 3)))
	other_size, other_lines = fit(" · ".join(others), NAME_WIDTH, ((58, 1), (46, 2), (38, 2)))
	house = plain(delegate.organisation)
	house_size, house_lines = fit("" if house in names else house, NAME_WIDTH, ((46, 1), (40, 2), (32, 3)))
	titles = list(dict.fromkeys(filter(None, (plain(activity.title_zh), plain(activity.title)))))
	title_size, title_lines = fit(titles[0], NAME_WIDTH, ((46, 1), (38, 2), (30, 2)))
	second_size, second_lines = fit(titles[1] if len(titles) > 1 else "", NAME_WIDTH, ((30, 1), (26, 2)))
	path, modules = qr_path(links.ticket_url(DELEGATE, delegate.name))
	role = delegate.delegate_role
	return {
		**alliance,
		"title_lines": [(title_size, line) for line in title_lines]
		+ [(second_size, line) for line in second_lines],
		"days": _days(activity),
		"name_lines": [(size, True, line) for line in lines]
		+ [(other_size, False, line) for line in other_lines],
		"house_lines": [(house_size, line) for line in house_lines],
		"country": delegate.country or "",
		"country_zh": _country_zh(delegate.country),
		"role": role,
		"role_zh": ROLES_ZH[role],
		"stand": plain(delegate.stand) if role == policy.EXHIBITOR else "",
		"colour": COLOURS[role],
		"number": delegate.name,
		"qr_path": path,
		"qr_width": modules,
	}


@frappe.whitelist()
def print_badges(activity: str, delegates: str | list | None = None) -> None:
	"""Download badges as PDF, four on a sheet of A4, by role and name.

	For who runs the activity. `delegates` are names of Activity Delegate; without them, all who have a seat.

	:raises NoBadge: none of them has a seat
	"""
	doc = permissions.check_organises(activity)
	names = frappe.parse_json(delegates) if isinstance(delegates, str) else delegates
	frappe.local.response.filename = f"{doc.name}-badges.pdf"
	frappe.local.response.filecontent = sheets(doc, names or None)
	frappe.local.response.type = "pdf"


def sheets(activity: Document, delegates: list[str] | None = None) -> bytes:
	"""The sheets as PDF. Checks no permission."""
	return get_pdf(sheets_html(activity, delegates))


def sheets_html(activity: Document, delegates: list[str] | None = None) -> str:
	filters = {"activity": activity.name, "status": ("in", WITH_BADGE)}
	if delegates:
		filters["name"] = ("in", [str(name) for name in delegates])
	rows = frappe.get_all(DELEGATE, filters, ["*"], order_by=BY_ROLE, limit=AT_ONCE)
	if not rows:
		frappe.throw(_("Nobody of these has a confirmed seat."), NoBadge)
	alliance = _alliance()
	badges = [badge(row, activity, alliance) for row in rows]
	return frappe.render_template(
		TEMPLATE,
		{"sheets": [badges[first : first + PER_SHEET] for first in range(0, len(badges), PER_SHEET)]},
	)


def _alliance() -> dict[str, str]:
	settings = frappe.get_cached_doc("Alliance Settings")
	return {
		"alliance_name": settings.alliance_name or "International Mountain Tourism Alliance",
		"alliance_name_zh": settings.alliance_name_zh or "国际山地旅游联盟",
	}


def _days(activity: Document) -> str:
	first, last = (frappe.utils.getdate(activity.get(field)) for field in ("starts_at", "ends_at"))
	place = plain(activity.venue_zh or activity.venue) if activity.delivery != "Online" else ""
	days = first.isoformat() if first == last else f"{first.isoformat()} – {last.isoformat()}"
	return " · ".join(filter(None, (days, place[:40])))


def _country_zh(country: str | None) -> str:
	"""The Chinese name of a country or region; empty for none and for one that has none."""
	try:
		return find_country(country).name_zh if country else ""
	except UnknownCountry:
		return ""
