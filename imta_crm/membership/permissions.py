"""Who may see which member: one predicate for lists, reports and single documents.

Roles say what somebody may do at all (DocType permissions); this module says with whom. Liaison officers
see the members in their own portfolio, the other roles of the secretariat see all. Other modules use the
same predicate for their documents that name a member.
"""

from __future__ import annotations

import frappe
from frappe.model.document import Document
from frappe.utils import cint

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
PERSONS = ("Contact", "Address")
LINK = ["link_doctype", "link_name"]


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
	"""Query condition of Contact and Address for who sees them as a liaison officer only, and for the website."""
	user = user or frappe.session.user
	if is_of_website(user):
		return NOBODY
	if not _only_as_officer(user, doctype):
		return ""
	return f"`tab{doctype}`.`name` in ({_persons_of(user, doctype)})"


def person_rows_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of the child tables of Contact and Address: they can be listed by themselves, too.

	Dynamic Link has rows of other DocTypes; those are for their own permissions to say.
	"""
	user = user or frappe.session.user
	conditions = [
		f"(`tab{doctype}`.`parenttype` != {frappe.db.escape(parent)}"
		f" or `tab{doctype}`.`parent` in ({_persons_of(user, parent)}))"
		for parent in PERSONS
		if _only_as_officer(user, parent)
	]
	return " and ".join(conditions)


def _persons_of(user: str, doctype: str) -> str:
	"""Subquery: names of the Contacts or Addresses of a portfolio, and of those the user made."""
	me, kind = frappe.db.escape(user), frappe.db.escape(doctype)
	return f"""select `person`.`name` from `tab{doctype}` `person` where `person`.`owner` = {me}
		union select `link`.`parent` from `tabDynamic Link` `link`
		join `tab{MEMBER}` `member` on `member`.`name` = `link`.`link_name`
		where `link`.`parenttype` = {kind}
		and `link`.`link_doctype` = {frappe.db.escape(MEMBER)} and `member`.`officer` = {me}"""


def person_has_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool | None:
	"""Document permission of Contact and Address: the same answer as `person_query`, by the stored links.

	Links to a member, or to its customer, may be added and taken away within the portfolio only. Frappe lets
	every user of the website make people and addresses, with any link and any user: here nobody does.
	"""
	user = user or frappe.session.user
	if is_of_website(user):
		return False
	if not _only_as_officer(user, doc.doctype):
		return None
	stored = set() if doc.is_new() else _links(frappe.get_all("Dynamic Link", _rows_of(doc), LINK))
	touched = stored ^ _links(doc.get("links") or [])
	if not all(in_portfolio(user, member) for member in _members_of(touched)):
		return False
	if doc.is_new() or frappe.db.get_value(doc.doctype, doc.name, "owner") == user:
		return None
	mine = (in_portfolio(user, name) for link_doctype, name in stored if link_doctype == MEMBER)
	return None if any(mine) else False


def _rows_of(doc: Document) -> dict[str, str]:
	return {"parenttype": doc.doctype, "parent": doc.name}


def _links(rows: list) -> set[tuple[str, str]]:
	return {(row.link_doctype, row.link_name) for row in rows}


def _members_of(links: set[tuple[str, str]]) -> set[str]:
	"""The members that links lead to, directly or through their customers."""
	found = {name for doctype, name in links if doctype == MEMBER}
	customers = [name for doctype, name in links if doctype == "Customer"]
	if customers:
		found.update(
			frappe.get_all(
				"Customer", {"name": ("in", customers), "imta_member": ("is", "set")}, pluck="imta_member"
			)
		)
	return found


def is_of_website(user: str) -> bool:
	"""Whether the user has no desk: a member on the portal, or a guest."""
	return user != "Administrator" and frappe.get_cached_value("User", user, "user_type") == "Website User"


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


@frappe.whitelist()
def search_globally(text: str, start: int = 0, limit: int = 20, doctype: str = "") -> list[dict]:
	"""Frappe's search of the desk, less the documents that the user may not read.

	Frappe asks for the DocType only, so that an officer would find the people of all members.
	"""
	from frappe.utils.global_search import search

	found = search(text, start=start, limit=limit, doctype=doctype)
	if sees_all():
		return found
	return [row for row in found if frappe.has_permission(row.doctype, "read", doc=row.name)]


@frappe.whitelist()
def search_link(
	doctype: str,
	txt: str,
	query: str | None = None,
	filters: str | dict | list | None = None,
	page_length: int = 10,
	searchfield: str | None = None,
	reference_doctype: str | None = None,
	ignore_user_permissions: bool = False,
) -> list[dict]:
	"""Frappe's search of a link field, less the documents that the user may not read.

	Frappe lets the browser say that User Permissions do not count, and then forgets every other condition, too.
	"""
	from frappe.desk.search import search_link

	return search_link(
		doctype,
		txt,
		query=query,
		filters=filters,
		page_length=page_length,
		searchfield=searchfield,
		reference_doctype=reference_doctype,
		ignore_user_permissions=bool(cint(ignore_user_permissions)) and not is_narrowed(doctype),
	)


@frappe.whitelist()
def search_widget(
	doctype: str,
	txt: str,
	query: str | None = None,
	searchfield: str | None = None,
	start: int = 0,
	page_length: int = 10,
	filters: str | dict | list | None = None,
	filter_fields: str | list | None = None,
	as_dict: bool = False,
	reference_doctype: str | None = None,
	ignore_user_permissions: bool = False,
) -> list:
	"""The same for Frappe's search in a dialog."""
	from frappe.desk.search import search_widget

	return search_widget(
		doctype,
		txt,
		query=query,
		searchfield=searchfield,
		start=start,
		page_length=page_length,
		filters=filters,
		filter_fields=filter_fields,
		as_dict=as_dict,
		reference_doctype=reference_doctype,
		ignore_user_permissions=bool(cint(ignore_user_permissions)) and not is_narrowed(doctype),
	)


@frappe.whitelist()
def get_link_title(doctype: str, docname: str) -> str | None:
	"""The title that a link shows; of what the user may not read, its number. Frappe asks for no permission."""
	from frappe.desk.search import get_link_title

	if is_narrowed(doctype) and not frappe.has_permission(doctype, "read", doc=docname):
		return docname
	return get_link_title(doctype, docname)


@frappe.whitelist()
def get_count(
	doctype: str, filters: str | dict | list | None = None, debug: bool = False, cache: bool = False
) -> int:
	"""Frappe's number of documents, of those that the user may read. Frappe asks for no permission.

	With filters a number answers questions about any document.
	"""
	from frappe.client import get_count

	if (
		not is_of_website(frappe.session.user)
		and not is_narrowed(doctype)
		and frappe.get_meta(doctype).module not in frappe.get_module_list("imta_crm")
	):
		return get_count(doctype, filters=filters, debug=debug, cache=cache)
	names = frappe.get_list(doctype, filters=frappe.parse_json(filters), pluck="name", order_by=None, limit=0)
	return len(names)


def is_narrowed(doctype: str) -> bool:
	"""Whether this app says which documents of the DocType a user sees."""
	hooks = frappe.get_hooks("has_permission", {}).get(doctype) or []
	return any(method.startswith("imta_crm.") for method in hooks)
