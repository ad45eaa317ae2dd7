"""What a role may write it can also fill in: each link of its forms offers what there is to pick."""

from __future__ import annotations

import frappe
import pytest
from frappe.desk.search import search_link

from imta_crm.defaults import read
from imta_crm.erp import role_permissions
from tests.site.factories import as_user, make_user

FORMS = (
	"Invitation Campaign",
	"Invitation",
	"Prospect Import",
	"Do Not Invite",
	"IMTA Member",
	"Membership Application",
)
#: Set by the system from the invitation; officers see whom they invite, not all whom the alliance knows.
NOT_PICKED = {("IMTA Liaison Officer", "Lead")}
PROFILES = ("IMTA Membership Manager", "IMTA Training Coordinator", "IMTA Liaison Officer")


@pytest.mark.parametrize("profile", PROFILES)
def test_links_can_be_picked(site, profile):
	role_permissions.create()
	user = make_user(tuple(read("role_profiles")[profile]))
	with as_user(user):
		closed = [
			f"{form}.{field.fieldname} ({field.options})"
			for form in FORMS
			if frappe.has_permission(form, "create")
			for field in links(form)
			if (profile, field.options) not in NOT_PICKED and not can_be_picked(field.options, form)
		]
	assert not closed


def links(form: str) -> list:
	"""Link fields of a form and of its tables that a person fills in."""
	meta = frappe.get_meta(form)
	metas = [
		meta,
		*(frappe.get_meta(table.options) for table in meta.get_table_fields() if not table.read_only),
	]
	return [
		field
		for each in metas
		for field in each.get("fields", {"fieldtype": "Link"})
		if not field.read_only and not field.hidden
	]


def can_be_picked(doctype: str, form: str) -> bool:
	try:
		search_link(doctype, "", reference_doctype=form)
	except frappe.PermissionError:
		return False
	return True


def test_what_may_only_be_picked_stays_closed(site):
	role_permissions.create()
	with as_user(make_user("Training Coordinator")):
		for doctype in ("Email Account", "Holiday List", "Territory"):
			assert not frappe.has_permission(doctype, "read")
			assert not frappe.has_permission(doctype, "write")
		with pytest.raises(frappe.PermissionError):
			search_link("Lead", "")
