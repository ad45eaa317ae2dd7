"""Who may see which seat, and who may give one: one predicate for lists, reports and single documents.

Every role of the secretariat reads all sessions and activities. Seats, the letters about them and certificates
are seen as their members are: a liaison officer sees those of the own portfolio; guests and the secretariat's
own staff are for the roles that see all members.
"""

from __future__ import annotations

from collections.abc import Iterable

import frappe
from frappe.model.document import Document

from imta_crm.membership.permissions import NOBODY, by_member_query, in_portfolio, sees_all
from imta_crm.seating import kinds

NOTICE = "Seat Notice"
ORGANISERS = frozenset({"System Manager", "Training Coordinator"})


def organises(user: str | None = None) -> bool:
	"""Whether the user runs sessions and activities: enrols anybody, approves, marks who came."""
	user = user or frappe.session.user
	return user == "Administrator" or not ORGANISERS.isdisjoint(frappe.get_roles(user))


def member_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of the bookings and of Training Certificate."""
	return by_member_query(user, doctype)


def member_has_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool | None:
	"""Document permission of the same: the same answer, by what is stored and by what is about to be."""
	if sees_all(user):
		return None
	# Whether a document is new is for its sender to say, so not asked.
	stored = frappe.db.get_value(doc.doctype, doc.name, "member") if doc.name else None
	return None if _in_portfolio(user, {stored, doc.get("member")} - {None, ""}) else False


def notice_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of Seat Notice: who sees the booking sees the letters about it."""
	if sees_all(user):
		return ""
	parts = []
	for kind in kinds.KINDS:
		condition = by_member_query(user, kind.booking)
		if condition == NOBODY:
			return NOBODY
		parts.append(
			f"(`tab{NOTICE}`.`booking_doctype` = {frappe.db.escape(kind.booking)} and `tab{NOTICE}`.`booking`"
			f" in (select `name` from `tab{kind.booking}` where {condition}))"
		)
	return f"({' or '.join(parts)})"


def notice_has_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool | None:
	"""Document permission of Seat Notice: the same answer as `notice_query`."""
	if sees_all(user):
		return None
	stored = frappe.db.get_value(NOTICE, doc.name, ["booking_doctype", "booking"]) if doc.name else None
	if not stored or stored[0] not in {kind.booking for kind in kinds.KINDS}:
		return False
	return None if _in_portfolio(user, {frappe.db.get_value(stored[0], stored[1], "member")}) else False


def check_organises(event_doctype: str, event: str) -> Document:
	"""The session or activity, for who may run it. Raises `frappe.PermissionError` for others."""
	doc = frappe.get_doc(event_doctype, event)
	doc.check_permission("write")
	return doc


def check_may_book(event_doctype: str, event: str, members: Iterable[str | None], refusal: str) -> Document:
	"""The session or activity, for who may take seats for the people of all these members.

	Who runs it takes them for anybody, a liaison officer for the people of the own portfolio; None stands for
	people of no member. Raises `frappe.PermissionError` for others, with `refusal` for people of others.
	"""
	doc = frappe.get_doc(event_doctype, event)
	doc.check_permission("read")
	if organises():
		return doc
	frappe.has_permission(kinds.of_event(event_doctype).booking, "write", throw=True)
	if not _in_portfolio(None, set(members)):
		frappe.throw(refusal, frappe.PermissionError)
	return doc


def _in_portfolio(user: str | None, members: set[str | None]) -> bool:
	"""Whether there is a member at all, and each is in the user's portfolio; nobody is in none."""
	return bool(members) and all(member and in_portfolio(user, member) for member in members)
