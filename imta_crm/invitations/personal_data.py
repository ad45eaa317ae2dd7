"""Forgetting a prospect: the person goes, the wish not to be written to stays.

Frappe's own tool erases people who have an account; most prospects have none, so a manager may do it from the
invitation. Of an organisation its name stays, of a person nothing does. The numbers of a campaign stay right:
invitations and what was sent for them are kept, without anything that says to whom.
"""

from __future__ import annotations

import secrets

import frappe
from frappe import _
from frappe.model.document import Document

from imta_crm.erp import leads
from imta_crm.invitations import do_not_invite, permissions, record
from imta_crm.membership import applications
from imta_crm.policy.invitation import ACCEPTED, HELD, INTERESTED, OPEN, WITHDRAWN
from imta_crm.policy.prospects import fold_email

PERSONAL = (
	"email",
	"phone",
	"contact_first_name",
	"contact_last_name",
	"contact_position",
	"contact",
	"reply_comment",
)
INDIVIDUAL = "Individual"
#: Who has applied is the business of the membership.
ENDED = (*OPEN, HELD, INTERESTED, ACCEPTED)


def after_redaction(doc: Document, method: str | None = None) -> None:
	"""`Personal Data Deletion Request.on_update`: finish the invitations that Frappe has redacted.

	Frappe saves the request after each step and gives a redacted address the request's own name. Repeating it
	changes nothing.
	"""
	redacted = fold_email(doc.name)
	if frappe.db.exists(record.INVITATION, {"email_folded": redacted}) or frappe.db.exists(
		do_not_invite.DO_NOT_INVITE, {"email": redacted}
	):
		erase(doc.email, redacted)


@frappe.whitelist(methods=["POST"])
def forget(invitation: str) -> None:
	"""Erase the person of an invitation, in all campaigns. For managers; it cannot be undone."""
	frappe.has_permission(record.INVITATION, "write", doc=invitation, throw=True)
	if not permissions.plans_all():
		raise frappe.PermissionError
	email = frappe.db.get_value(record.INVITATION, invitation, "email")
	if email:
		erase(email)
	else:
		_erase_invitation(invitation)


def erase(email: str, redacted: str | None = None) -> None:
	"""Erase whoever has this address, or the one that Frappe has put in its place."""
	addresses = [fold_email(email), *([redacted] if redacted else [])]
	entry = do_not_invite.add(email=email, reason=_("Erased on request"), source="Erasure")
	names = frappe.get_all(
		record.INVITATION, {"email_folded": ("in", addresses)}, pluck="name", order_by="name", limit=0
	)
	for name in names:
		_erase_invitation(name)
	# The hash alone is left, by which a later import knows the address.
	frappe.db.set_value(
		do_not_invite.DO_NOT_INVITE,
		entry,
		{"email": None, "party_name": None, "name_key": None, "reason": _("Erased on request")},
		update_modified=False,
	)
	frappe.db.delete("Version", {"ref_doctype": do_not_invite.DO_NOT_INVITE, "docname": entry})
	rows = frappe.qb.DocType("Prospect Import Row")
	frappe.qb.update(rows).set(rows.email, None).set(rows.prospect_name, _("erased")).set(
		rows.reason, None
	).where(rows.email.isin(addresses)).run()
	# Where somebody named the person instead of themselves.
	comment = frappe.qb.DocType("Comment")
	for address in addresses:
		frappe.qb.update(comment).set(comment.content, _("erased")).where(
			(comment.reference_doctype == record.INVITATION)
			& comment.content.like(f"%{_literally(address)}%")
		).run()
	leads.erase(addresses)


def _erase_invitation(name: str) -> None:
	from imta_crm.invitations import sending

	row = record.lock(name)
	sending.stop(name, _("Erased on request"))
	_erase_around(row)
	# With a new key the links that the person was sent lead nowhere.
	values: dict[str, object] = {
		**dict.fromkeys((*PERSONAL, "_comments")),
		"link_key": secrets.token_hex(24),
	}
	if row.invitee_type == INDIVIDUAL:
		values.update({"prospect_name": f"redacted {name}", "prospect_name_local": None, "website": None})
	record.write(name, **values)
	if row.status in ENDED:
		record.close(name, WITHDRAWN, _("Erased on request"))
	touch = frappe.qb.DocType("Invitation Touch")
	frappe.qb.update(touch).set(touch.email, None).set(touch.subject, None).set(touch.problem, None).where(
		touch.invitation == name
	).run()


def _erase_around(row: frappe._dict) -> None:
	"""What was written to, by and about the person; an application that was never handed in."""
	applications.erase_draft(row.application)
	about = {"reference_doctype": record.INVITATION, "reference_name": row.name}
	for doctype in ("Email Queue", "Communication"):
		for name in frappe.get_all(doctype, about, pluck="name", limit=0):
			_delete(doctype, name)
	linked = {"link_doctype": record.INVITATION, "link_name": row.name, "parenttype": "Communication"}
	for name in set(frappe.get_all("Communication Link", linked, pluck="parent", limit=0)):
		_delete("Communication", name)
	frappe.db.delete("Version", {"ref_doctype": record.INVITATION, "docname": row.name})
	frappe.db.delete("Comment", {**about, "comment_type": ("!=", "Workflow")})
	frappe.db.delete("Notification Log", {"document_type": record.INVITATION, "document_name": row.name})
	todo = frappe.qb.DocType("ToDo")
	frappe.qb.update(todo).set(todo.description, _("erased")).where(
		(todo.reference_type == record.INVITATION) & (todo.reference_name == row.name)
	).run()


def _delete(doctype: str, name: str) -> None:
	"""For good: not into Frappe's list of deleted documents, which keeps all that they said."""
	frappe.delete_doc(doctype, name, force=True, ignore_permissions=True, delete_permanently=True)


def _literally(text: str) -> str:
	return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
