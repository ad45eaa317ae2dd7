"""Who sees a Liaison Contact: whoever sees its member. The predicate is the membership's own."""

import frappe
from frappe.model.document import Document

from imta_crm.membership.permissions import by_member_has_permission, portfolio_condition

CONTACT = "Liaison Contact"
# Who may write contacts with any member. Others who see all of them, as the treasurer does, only read.
WRITES_ALL = frozenset({"System Manager", "Membership Manager"})


def contact_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of Liaison Contact; empty for those who see all members."""
	return portfolio_condition(user, f"`tab{CONTACT}`.`member`")


def contact_rows_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of the contact's child tables: they can be listed by themselves, too."""
	condition = contact_query(user)
	return condition and f"`tab{doctype}`.`parent` in (select `name` from `tab{CONTACT}` where {condition})"


def contact_has_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool | None:
	"""Document permission of Liaison Contact, both as it is stored and as it is about to be."""
	user = user or frappe.session.user
	allowed = by_member_has_permission(doc, ptype, user, debug)
	if allowed is False or ptype not in ("create", "write", "delete") or _writes_all(user):
		return allowed
	# An officer who also holds a reading role reads everything and still writes only the own portfolio.
	officer = frappe.db.get_value("IMTA Member", doc.get("member"), "officer") if doc.get("member") else user
	return allowed if officer == user else False


def refuse_blind_follow(follow: Document, method: str | None = None) -> None:
	"""Nobody follows a member or a contact that is not theirs to read (`before_insert` of Document Follow).

	Frappe lets anybody follow any document and sends its changes by e-mail.
	"""
	if follow.ref_doctype in ("IMTA Member", CONTACT):
		frappe.has_permission(
			follow.ref_doctype, "read", doc=follow.ref_docname, user=follow.user, throw=True
		)


def _writes_all(user: str) -> bool:
	return user == "Administrator" or not WRITES_ALL.isdisjoint(frappe.get_roles(user))
