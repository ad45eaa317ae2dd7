"""The membership card: what stands on it, its QR code, and the public page that the code leads to.

The card's address holds a random token and nothing about the member. A new card gets a new token, and the
old address is unknown from that moment.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from dataclasses import dataclass
from datetime import date

import frappe
import pyqrcode
from frappe import _
from frappe.model.document import Document
from frappe.utils import get_url, getdate, today

from imta_crm.membership.members import new_card_token
from imta_crm.policy.card import card_valid_until

ROUTE = "member-card"
PRINT_FORMAT = "Membership Card"
#: Room for the names on the card, in tenths of a millimetre.
NAME_WIDTH = 550


class NoValidCard(frappe.ValidationError):
	"""The member has no right to a card today."""


@dataclass(frozen=True)
class CardFacts:
	"""All that the public page may say. Nothing is added to this without asking whom it tells what."""

	name: str
	name_local: str
	tier: str
	tier_zh: str
	valid_until: date | None
	"""Last day on which the card counts, as a date of the site's time zone; None: not valid."""


def valid_until(member: Document | dict, on: date | None = None) -> date | None:
	"""Last day of the member's card by the alliance's rule, None where the member has no valid card."""
	on = on or getdate(today())
	return card_valid_until(
		status=member.status,
		today=on,
		joined_on=getdate(member.joined_on) if member.joined_on else None,
		year_end=_end_of_dues_year(on),
		rule=frappe.get_cached_value("Alliance Settings", "Alliance Settings", "card_valid_until"),
	)


def membership_card(member: Document) -> dict:
	"""What the print format "Membership Card" shows. For the member's own officer and for managers.

	Whoever holds a card can prove the membership with it, so reading a member is not enough to print one.

	:raises frappe.PermissionError: the user may not write this member
	:raises NoValidCard: the member is not in a status that a card confirms
	"""
	if not member.has_permission("write"):
		frappe.throw(
			_("A membership card is printed by the member's own officer or a membership manager."),
			frappe.PermissionError,
		)
	until = valid_until(member)
	if not until:
		frappe.throw(
			_("{0} has the status {1} and no valid membership card.").format(
				member.member_name, _(member.status, context="IMTA Member")
			),
			NoValidCard,
		)
	settings = frappe.get_cached_doc("Alliance Settings")
	tier = frappe.get_cached_doc("Member Tier", member.tier)
	names = [member.member_name_local] + [row.full_name for row in member.other_names]
	others = [name for name in dict.fromkeys(names) if name and name != member.member_name]
	size, lines = fit(member.member_name, NAME_WIDTH, ((37, 2), (32, 2), (27, 3), (22, 4)))
	small, other_lines = fit(" · ".join(others[:3]), NAME_WIDTH, ((26, 1), (22, 1), (20, 2)))
	path, modules = qr_path(card_url(member.card_token))
	return {
		"alliance_name": settings.alliance_name or "International Mountain Tourism Alliance",
		"alliance_name_zh": settings.alliance_name_zh or "国际山地旅游联盟",
		"logo": settings.logo,
		"name": member.member_name,
		"name_size": size,
		"name_lines": lines,
		"other_size": small,
		"other_lines": other_lines,
		"number": member.name,
		"tier": tier.tier_name,
		"tier_zh": tier.tier_name_zh,
		"is_council": bool(tier.is_council),
		"member_since": getdate(member.joined_on) if member.joined_on else None,
		"valid_until": until,
		"url": card_url(member.card_token),
		"qr_path": path,
		"qr_width": modules,
	}


def card_url(token: str) -> str:
	"""Public address of a card."""
	return get_url(f"/{ROUTE}/{token}")


def qr_path(text: str) -> tuple[str, int]:
	"""QR code as the path of an SVG with one unit per module, and its width in modules.

	Error correction M: about a seventh of the code may be worn off and it still reads.
	"""
	rows = pyqrcode.create(text, error="M").code
	runs = []
	for y, row in enumerate(rows):
		x = 0
		while x < len(row):
			if not row[x]:
				x += 1
				continue
			start = x
			while x < len(row) and row[x]:
				x += 1
			runs.append(f"M{start} {y}h{x - start}v1h{start - x}z")
	return "".join(runs), len(rows)


def fit(text: str, width: float, choices: tuple[tuple[int, int], ...]) -> tuple[int, list[str]]:
	"""The first (font size, most lines) in which the text fits `width`, and its lines in that size.

	SVG knows no line breaks. Widths are estimated on the wide side; what does not fit into the last choice
	ends in an ellipsis.
	"""
	for size, most in choices:
		lines = _wrap(text, width / size)
		if len(lines) <= most:
			return size, lines
	return size, [*lines[: most - 1], lines[most - 1] + "…"]


def _wrap(text: str, ems: float) -> list[str]:
	# A script without spaces breaks anywhere, others between words.
	parts = re.findall(
		r"[\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef]|[^\s\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]+|\s+",
		text,
	)
	lines, line = [], ""
	for part in parts:
		if line and _ems(line + part.rstrip()) > ems:
			lines.append(line.strip())
			line = part.lstrip()
		else:
			line += part
	return [*lines, line.strip()] if line.strip() else lines


def _ems(text: str) -> float:
	width = 0.0
	for char in text:
		if unicodedata.combining(char):
			continue
		if unicodedata.east_asian_width(char) in "WF":
			width += 1.0
		elif char in "MW@":
			width += 0.95
		elif char.isupper():
			width += 0.72
		elif char in " .,'’iIjl|":
			width += 0.34
		else:
			width += 0.62
	return width


def facts_by_token(token: str | None) -> CardFacts | None:
	"""What the public page says about a token, None where there is no such card.

	The column compares without regard to case, the card does not. Known and unknown tokens take one query
	on a unique index and the same comparison, so that neither answer nor time tells more.
	"""
	token = (token or "")[:140]
	member = frappe.db.get_value(
		"IMTA Member",
		{"card_token": token or "-"},
		["member_name", "member_name_local", "tier", "status", "joined_on", "card_token"],
		as_dict=True,
	)
	known = hmac.compare_digest((member.card_token if member else "-").encode(), token.encode())
	if not member or not known:
		return None
	tier = frappe.db.get_value("Member Tier", member.tier, ["tier_name", "tier_name_zh"], as_dict=True)
	return CardFacts(
		name=member.member_name,
		name_local=member.member_name_local or "",
		tier=tier.tier_name if tier else "",
		tier_zh=(tier.tier_name_zh if tier else "") or "",
		valid_until=valid_until(member),
	)


@frappe.whitelist(methods=["POST"])
def issue_new_card(member: str) -> str:
	"""Give the member a card with a new address; the one in circulation is worth nothing from now on.

	For membership managers. Returns the new address.
	"""
	doc = frappe.get_doc("IMTA Member", member)
	doc.check_permission("write")
	if {"Membership Manager", "System Manager"}.isdisjoint(frappe.get_roles()):
		frappe.throw(_("New cards are issued by the membership managers."), frappe.PermissionError)
	doc.db_set("card_token", new_card_token())
	doc.add_comment("Info", _("issued a new membership card; the old one is no longer valid"))
	return card_url(doc.card_token)


def _end_of_dues_year(on: date) -> date | None:
	"""End of the dues year that holds the day, whatever its state; None where none was set up."""
	return frappe.db.get_value(
		"Dues Year", {"from_date": ["<=", on], "to_date": [">=", on]}, "to_date", order_by="from_date desc"
	)
