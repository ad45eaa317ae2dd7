"""Who may see which member: one predicate for lists, reports and single documents.

Roles say what somebody may do at all (DocType permissions); this module says with whom. Liaison officers
see the members in their own portfolio, the other roles of the secretariat see all. Other modules use the
same predicate for their documents that name a member.
"""

from __future__ import annotations

import frappe
from frappe.model.document import Document

MEMBER = "IMTA Member"
OFFICER_ROLE = "Liaison Officer"
SEES_ALL = frozenset(
	{
		"System Manager",
		"Membership Manager",
		"Treasurer",
		"Training Coordinator",
		"Alliance Leadership",
	}
)
NOBODY = "1=0"


def sees_all(user: str | None = None) -> bool:
	"""Whether the user's roles reach beyond a portfolio."""
	user = user or frappe.session.user
	return user == "Administrator" or not SEES_ALL.isdisjoint(frappe.get_roles(user))


def in_portfolio(user: str | None, member: str | None) -> bool:
	"""Whether the user may deal with this member. Reads the officer from the database, never from a form."""
	user = user or frappe.session.user
	if sees_all(user):
		return True
	if not member or OFFICER_ROLE not in frappe.get_roles(user):
		return False
	return frappe.db.get_value(MEMBER, member, "officer") == user


def portfolio_condition(user: str | None, field: str) -> str:
	"""SQL condition on a column that holds a member's number; empty where the user sees all.

	:param field: quoted column, such as "`tabLiaison Contact`.`member`"; never text from a user.
	"""
	user = user or frappe.session.user
	if sees_all(user):
		return ""
	if OFFICER_ROLE not in frappe.get_roles(user):
		return NOBODY
	return f"{field} in (select `name` from `tab{MEMBER}` where `officer` = {frappe.db.escape(user)})"


def member_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of IMTA Member."""
	user = user or frappe.session.user
	if sees_all(user):
		return ""
	if OFFICER_ROLE not in frappe.get_roles(user):
		return NOBODY
	return f"`tab{MEMBER}`.`officer` = {frappe.db.escape(user)}"


def member_has_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool | None:
	"""Document permission of IMTA Member: the same answer as `member_query`."""
	if doc.is_new():
		return None  # nobody's yet: the role decides
	return None if in_portfolio(user, doc.name) else False


def by_member_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of a DocType with a field `member`."""
	return portfolio_condition(user, f"`tab{doctype}`.`member`")


def by_member_has_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool | None:
	"""Document permission of a DocType with a field `member`: as it is stored and as it is about to be."""
	members = {doc.get("member")}
	if not doc.is_new():
		members.add(frappe.db.get_value(doc.doctype, doc.name, "member"))
	members.discard(None)
	members.discard("")
	if not members:
		return None if sees_all(user) or doc.is_new() else False
	return None if all(in_portfolio(user, member) for member in members) else False


def member_rows_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of the member's child tables: they can be listed by themselves, too."""
	return portfolio_condition(user, f"`tab{doctype}`.`parent`")


def person_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of Contact and Address for who sees them as a liaison officer only."""
	user = user or frappe.session.user
	if not _only_as_officer(user, doctype):
		return ""
	me = frappe.db.escape(user)
	return f"""(`tab{doctype}`.`owner` = {me} or `tab{doctype}`.`name` in (
		select `link`.`parent` from `tabDynamic Link` `link`
		join `tab{MEMBER}` `member` on `member`.`name` = `link`.`link_name`
		where `link`.`parenttype` = {frappe.db.escape(doctype)}
		and `link`.`link_doctype` = {frappe.db.escape(MEMBER)} and `member`.`officer` = {me}))"""


def person_has_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool | None:
	"""Document permission of Contact and Address: the same answer as `person_query`, by the stored links."""
	user = user or frappe.session.user
	if not _only_as_officer(user, doc.doctype):
		return None
	if doc.is_new():
		members = [link.link_name for link in doc.get("links") or [] if link.link_doctype == MEMBER]
		return None if all(in_portfolio(user, member) for member in members) else False
	if frappe.db.get_value(doc.doctype, doc.name, "owner") == user:
		return None
	members = frappe.get_all(
		"Dynamic Link",
		{"parenttype": doc.doctype, "parent": doc.name, "link_doctype": MEMBER},
		pluck="link_name",
	)
	return None if any(in_portfolio(user, member) for member in members) else False


def _only_as_officer(user: str, doctype: str) -> bool:
	"""Whether nothing but the officer's role lets the user read all of a DocType of Frappe."""
	roles = set(frappe.get_roles(user))
	if sees_all(user) or OFFICER_ROLE not in roles:
		return False
	return not any(
		row.read and not row.if_owner and not row.permlevel and row.role in roles and row.role != OFFICER_ROLE
		for row in frappe.get_meta(doctype).permissions
	)


def check_member(member: str, ptype: str = "read", user: str | None = None) -> None:
	"""Raise `frappe.PermissionError` unless the user has this permission on this member."""
	frappe.has_permission(MEMBER, ptype, doc=member, user=user, throw=True)
