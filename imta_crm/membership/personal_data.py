"""What Frappe's personal-data tools cannot do by themselves when a person is erased.

`user_data_fields` in the hooks names the fields; Frappe redacts them. An individual member is a person, so
its names live on in child rows, keys and versions; these go here. An organisation's name is nobody's personal
data: only its e-mail address and the person's name in its texts go, by Frappe's partial match. The number,
the histories and the books stay, without a name.
"""

from __future__ import annotations

import frappe
from frappe.model.document import Document

from imta_crm.erp import customers
from imta_crm.membership import members

MEMBER = "IMTA Member"


def after_redaction(doc: Document, method: str | None = None) -> None:
	"""`Personal Data Deletion Request.on_update`: finish each individual member that Frappe has redacted.

	Frappe saves the request after each step and gives the redacted e-mail field the request's own name.
	Repeating it changes nothing.
	"""
	for name in frappe.get_all(MEMBER, {"personal_email": doc.name}, pluck="name"):
		erase(name)


def erase(member: str) -> None:
	"""Take the remaining names of an individual away. The old card's public address stops working."""
	redacted = f"redacted {member}"
	values = frappe.db.get_value(MEMBER, member, ["identity_key", "customer"], as_dict=True)
	if values.identity_key == redacted:
		return
	frappe.db.delete("Member Name", {"parenttype": MEMBER, "parent": member})
	frappe.db.delete("Version", {"ref_doctype": MEMBER, "docname": member})
	frappe.db.set_value(
		MEMBER,
		member,
		{
			"name_folded": redacted,
			"identity_key": redacted,
			"member_name_local": None,
			"website": None,
			"image": None,
			"card_token": members.new_card_token(),
		},
		update_modified=False,
	)
	doc = frappe.get_doc(MEMBER, member)
	for doctype in ("Membership Change", "Member Affiliate"):
		for name in frappe.get_all(doctype, {"member": member}, pluck="name"):
			frappe.db.set_value(doctype, name, "member_name", doc.member_name, update_modified=False)
	customers.sync(doc)
