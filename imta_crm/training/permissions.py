"""Who may see which enrolment: one predicate for lists, reports and single documents.

Every role of the secretariat reads programmes and sessions. Enrolments, certificates and the letters about them
are seen as their members are: a liaison officer sees those of the own portfolio; guests and the secretariat's
own staff are for the roles that see all members. The letters are of activities, too.
"""

from __future__ import annotations

from collections.abc import Iterable

import frappe
from frappe import _
from frappe.model.document import Document

from imta_crm.membership.permissions import NOBODY, by_member_query, in_portfolio, sees_all
from imta_crm.seating import kinds

SESSION = "Training Session"
ENROLLMENT = "Training Enrollment"
CERTIFICATE = "Training Certificate"
FEEDBACK = "Session Feedback"
NOTICE = "Seat Notice"
ORGANISERS = frozenset({"System Manager", "Training Coordinator"})


def organises(user: str | None = None) -> bool:
	"""Whether the user runs training: enrols anybody, approves, marks who came."""
	user = user or frappe.session.user
	return user == "Administrator" or not ORGANISERS.isdisjoint(frappe.get_roles(user))


def member_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of Training Enrollment and Training Certificate."""
	return by_member_query(user, doctype)


def member_has_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool | None:
	"""Document permission of the same: the same answer, by what is stored and by what is about to be."""
	if sees_all(user):
		return None
	# Whether a document is new is for its sender to say, so not asked.
	stored = frappe.db.get_value(doc.doctype, doc.name, "member") if doc.name else None
	return None if _all_in_portfolio(user, {stored, doc.get("member")}) else False


def feedback_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of Session Feedback: what somebody thinks of a session is for those who run training."""
	return "" if sees_all(user) else NOBODY


def feedback_has_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool | None:
	"""Document permission of Session Feedback: the same answer as `feedback_query`."""
	return None if sees_all(user) else False


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
	member = frappe.db.get_value(stored[0], stored[1], "member")
	return None if _all_in_portfolio(user, {member}) else False


def check_organises(session: str) -> Document:
	"""The session, for who may run it. Raises `frappe.PermissionError` for others."""
	doc = frappe.get_doc(SESSION, session)
	doc.check_permission("write")
	return doc


def check_may_enrol(session: str, members: Iterable[str | None]) -> Document:
	"""The session, for who may enrol the people of all these members; None stands for people of none.

	Who runs training enrols anybody, a liaison officer the people of the own portfolio. Raises
	`frappe.PermissionError` for others.
	"""
	doc = frappe.get_doc(SESSION, session)
	doc.check_permission("read")
	if organises():
		return doc
	frappe.has_permission(ENROLLMENT, "write", throw=True)
	members = list(members)
	if None in members or not _all_in_portfolio(None, members):
		frappe.throw(_("You enrol people of the members in your own portfolio."), frappe.PermissionError)
	return doc


def _all_in_portfolio(user: str | None, members: Iterable[str | None]) -> bool:
	"""Whether there is a member at all, and each is in the user's portfolio."""
	known = {member for member in members if member}
	return bool(known) and all(in_portfolio(user, member) for member in known)
