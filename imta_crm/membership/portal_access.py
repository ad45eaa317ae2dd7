"""Portal access of a member's people: a user of the website with the role Alliance Member, for their Contact.

Who may get in is given here once; what the person then sees is worked out afresh from the affiliations of the day.
"""

from __future__ import annotations

import frappe
from frappe import _
from frappe.utils import getdate, nowdate, validate_email_address

from imta_crm.membership.permissions import OFFICER_ROLE, in_portfolio

ROLE = "Alliance Member"
MAY_GIVE = frozenset({"System Manager", "Membership Manager", "Training Coordinator", OFFICER_ROLE})
AFFILIATE = "Member Affiliate"


class NoPortalAccess(frappe.ValidationError):
	"""The person cannot be given access as things are."""


@frappe.whitelist(methods=["POST"])
def give(affiliate: str) -> dict[str, str | bool]:
	"""Let a person of a member log in on the portal; Frappe's own letter with the link to set a password goes out.

	For membership managers, training coordinators, and the officer of the member. Repeating it sends nothing again.

	:returns: the user, and whether it is new
	:raises frappe.PermissionError: somebody else's member
	:raises NoPortalAccess: no longer affiliated, no e-mail address, or a user of the desk
	"""
	doc = frappe.get_doc(AFFILIATE, affiliate)
	doc.check_permission("read")
	check_may_give(doc.member)
	if doc.to_date and getdate(doc.to_date) < getdate(nowdate()):
		frappe.throw(_("{0} no longer belongs to this member.").format(doc.contact_name), NoPortalAccess)
	# Its row is the lock: two clicks make one user.
	contact = frappe.db.get_value(
		"Contact",
		doc.contact,
		["name", "first_name", "last_name", "email_id", "user"],
		as_dict=True,
		for_update=True,
	)
	user = contact.user or _user_at(contact.email_id)
	is_new = not user
	if is_new:
		user = _make_user(contact, doc.member)
	else:
		_check_user(user)
		_add_role(user)
	if contact.user != user:
		frappe.db.set_value("Contact", contact.name, "user", user)
	doc.add_comment("Info", _("Portal access for {0}").format(user))
	return {"user": user, "is_new": is_new}


def check_may_give(member: str) -> None:
	"""Raise `frappe.PermissionError` unless the session's user may give access to people of this member."""
	roles = set(frappe.get_roles())
	if roles.isdisjoint(MAY_GIVE) or not in_portfolio(frappe.session.user, member):
		frappe.throw(
			_(
				"Portal access is given by the member's own officer, a training coordinator or a membership manager."
			),
			frappe.PermissionError,
		)


def _user_at(email: str | None) -> str | None:
	email = (email or "").strip().lower()
	if not email or not validate_email_address(email):
		frappe.throw(_("Please give the contact an e-mail address first."), NoPortalAccess)
	return frappe.db.get_value("User", {"email": email})


def _check_user(user: str) -> None:
	found = frappe.db.get_value("User", user, ["user_type", "enabled"], as_dict=True)
	if not found or not found.enabled:
		frappe.throw(_("The user {0} is disabled.").format(user), NoPortalAccess)
	if found.user_type == "System User":
		frappe.throw(
			_("{0} is a user of the desk, whose roles are given by the administrator.").format(user),
			NoPortalAccess,
		)


def _add_role(user: str) -> None:
	if ROLE in frappe.get_roles(user):
		return
	doc = frappe.get_doc("User", user)
	doc.append("roles", {"role": ROLE})
	# Who gives access manages members and not users; this one role is all that is added.
	doc.save(ignore_permissions=True)


def _make_user(contact: frappe._dict, member: str) -> str:
	language = frappe.db.get_value("IMTA Member", member, "preferred_language") or "en"
	user = frappe.new_doc("User")
	user.update(
		{
			"email": contact.email_id.strip().lower(),
			"first_name": contact.first_name or contact.email_id,
			"last_name": contact.last_name,
			"language": language,
			"user_type": "Website User",
			"send_welcome_email": 1,
			"roles": [{"role": ROLE}],
		}
	)
	# As above: a role without the desk, on a user who has no other.
	user.insert(ignore_permissions=True)
	return user.name
