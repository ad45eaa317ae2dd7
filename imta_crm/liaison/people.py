"""People of a member whom a contact can name."""

import frappe
from frappe.query_builder import DocType


def contacts_of(member: str) -> set[str]:
	"""Names of the Contacts that belong to `member`: linked to it or its Customer, affiliated, or its primary."""
	row = frappe.db.get_value("IMTA Member", member, ["customer", "primary_contact"], as_dict=True)
	if not row:
		return set()
	link = DocType("Dynamic Link")
	mine = (link.link_doctype == "IMTA Member") & (link.link_name == member)
	if row.customer:
		mine |= (link.link_doctype == "Customer") & (link.link_name == row.customer)
	linked = (frappe.qb.from_(link).select(link.parent).where(link.parenttype == "Contact").where(mine)).run(
		pluck=True
	)
	affiliated = frappe.get_all("Member Affiliate", {"member": member}, pluck="contact")
	return {name for name in (*linked, *affiliated, row.primary_contact) if name}


@frappe.whitelist()
@frappe.validate_and_sanitize_search_inputs
def contact_query(
	doctype: str, txt: str, searchfield: str, start: int, page_len: int, filters: dict
) -> list[tuple]:
	"""Link query: the contacts of `filters["member"]` alone. Who may not read the member gets none."""
	member = filters.get("member")
	if not member or not frappe.has_permission("IMTA Member", "read", member):
		return []
	names = contacts_of(member)
	if not names:
		return []
	contact = DocType("Contact")
	query = (
		frappe.qb.from_(contact)
		.select(contact.name, contact.full_name, contact.designation, contact.email_id)
		.where(contact.name.isin(sorted(names)))
		.orderby(contact.full_name)
		.limit(page_len)
		.offset(start)
	)
	if txt:
		like = f"%{txt}%"
		query = query.where(
			contact.name.like(like) | contact.full_name.like(like) | contact.email_id.like(like)
		)
	return query.run()


@frappe.whitelist()
@frappe.validate_and_sanitize_search_inputs
def colleague_query(
	doctype: str, txt: str, searchfield: str, start: int, page_len: int, filters: dict
) -> list[tuple]:
	"""Link query: enabled colleagues by name. Officers may not read the User list, but must name each other."""
	frappe.has_permission("Liaison Contact", "read", throw=True)
	user = DocType("User")
	query = (
		frappe.qb.from_(user)
		.select(user.name, user.full_name)
		.where((user.enabled == 1) & (user.user_type == "System User") & user.name.notin(["Guest"]))
		.orderby(user.full_name)
		.limit(page_len)
		.offset(start)
	)
	if txt:
		query = query.where(user.name.like(f"%{txt}%") | user.full_name.like(f"%{txt}%"))
	return query.run()
