"""Who may see which delegate: one predicate for lists, reports and single documents.

Every role of the secretariat reads all activities. Delegates are seen as their members are: a liaison officer
sees those of the own portfolio, guests and colleagues are for the roles that see all members.
"""

from __future__ import annotations

import frappe
from frappe import _
from frappe.model.document import Document

from imta_crm.activities.rules import ACTIVITY, DELEGATE
from imta_crm.membership.permissions import by_member_query, in_portfolio, sees_all

ORGANISERS = frozenset({"System Manager", "Training Coordinator"})


def delegate_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of Activity Delegate."""
	return by_member_query(user, DELEGATE)


def delegate_has_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool | None:
	"""Document permission of Activity Delegate: the same answer as `delegate_query`, by what is stored."""
	if sees_all(user):
		return None
	# Whether a document is new is for its sender to say, so not asked.
	stored = frappe.db.get_value(DELEGATE, doc.name, "member") if doc.name else None
	members = {stored, doc.get("member")} - {None, ""}
	return None if members and all(in_portfolio(user, member) for member in members) else False


def organises(user: str | None = None) -> bool:
	"""Whether the user runs activities: registers anybody, approves, prints badges, checks in."""
	user = user or frappe.session.user
	return user == "Administrator" or not ORGANISERS.isdisjoint(frappe.get_roles(user))


def check_organises(activity: str) -> Document:
	"""The activity, for who may run it. Raises `frappe.PermissionError` for others."""
	doc = frappe.get_doc(ACTIVITY, activity)
	doc.check_permission("write")
	return doc


def check_may_register(activity: str, members: set[str | None]) -> Document:
	"""The activity, for who may register the people of all these members; None stands for people of none.

	Who runs activities registers anybody, a liaison officer the people of the own portfolio. Raises
	`frappe.PermissionError` for others.
	"""
	doc = frappe.get_doc(ACTIVITY, activity)
	doc.check_permission("read")
	if organises():
		return doc
	frappe.has_permission(DELEGATE, "write", throw=True)
	if not members or not all(member and in_portfolio(None, member) for member in members):
		frappe.throw(_("You register people of the members in your own portfolio."), frappe.PermissionError)
	return doc
