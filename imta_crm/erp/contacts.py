"""People and places of members, kept in Frappe's own Contact and Address through Dynamic Links.

Nothing here checks permissions: the calling module has done so on its own document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import frappe
from frappe.contacts.doctype.address.address import get_address_display, get_condensed_address
from frappe.model.document import Document

from imta_crm.policy.names import fold

Links = Iterable[tuple[str, str]]


def ensure_contact(
	*,
	links: Links,
	first_name: str | None = None,
	last_name: str | None = None,
	email: str | None = None,
	phone: str | None = None,
	position: str | None = None,
	company_name: str | None = None,
	is_primary: bool = False,
) -> str:
	"""Name of the Contact of this person at the first of `links` (DocType, name); made where missing.

	A person is the same where the folded name is, at the document or by e-mail address; so one address may
	serve several people. Without a name the contact stands for `company_name`, or is the user of that address.
	All `links` are added to the one that is found. The caller holds a lock on what the first link names.
	"""
	links = [(doctype, name) for doctype, name in links if name]
	is_person = bool(first_name)
	first_name, last_name = (first_name or company_name or email).strip(), (last_name or "").strip()
	full_name = f"{first_name} {last_name}"
	found = _contact_at(links[0], full_name) or _contact_by_email(email, full_name if is_person else None)
	if found:
		add_links("Contact", found, links)
		return found
	contact = frappe.new_doc("Contact")
	contact.update(
		{
			"first_name": first_name,
			"last_name": last_name or None,
			"designation": position,
			"company_name": company_name,
			"is_primary_contact": int(is_primary),
		}
	)
	if email:
		contact.append("email_ids", {"email_id": email, "is_primary": 1})
	if phone:
		contact.append("phone_nos", {"phone": phone, "is_primary_phone": 1})
	for doctype, name in links:
		contact.append("links", {"link_doctype": doctype, "link_name": name})
	with _without_gravatar():
		contact.insert(ignore_permissions=True)
	return contact.name


def ensure_address(
	*,
	links: Links,
	title: str,
	address_line1: str,
	city: str,
	country: str,
	address_line2: str | None = None,
	postal_code: str | None = None,
	state: str | None = None,
	email: str | None = None,
	phone: str | None = None,
) -> str:
	"""Name of the Address with this first line and city at the first of `links`; made where missing."""
	links = [(doctype, name) for doctype, name in links if name]
	here = set(linked("Address", *links[0]))
	for row in frappe.get_all(
		"Address", {"name": ("in", list(here) or [""])}, ["name", "address_line1", "city"]
	):
		if fold(row.address_line1) == fold(address_line1) and fold(row.city) == fold(city):
			add_links("Address", row.name, links)
			return row.name
	address = frappe.new_doc("Address")
	address.update(
		{
			"address_title": title[:140],
			"address_type": "Billing",
			"address_line1": address_line1,
			"address_line2": address_line2,
			"city": city,
			"state": state,
			"pincode": postal_code,
			"country": country,
			"email_id": email,
			"phone": phone,
			"is_primary_address": int(not here),
		}
	)
	for doctype, name in links:
		address.append("links", {"link_doctype": doctype, "link_name": name})
	address.insert(ignore_permissions=True)
	return address.name


def linked(doctype: str, link_doctype: str, link_name: str) -> list[str]:
	"""Names of the Contacts or Addresses at a document."""
	return frappe.get_all(
		"Dynamic Link",
		{"parenttype": doctype, "link_doctype": link_doctype, "link_name": link_name},
		pluck="parent",
		order_by="creation, name",
	)


def add_links(doctype: str, name: str, links: Links) -> None:
	"""Link a Contact or an Address to more documents; those it has already stay as they are."""
	doc = frappe.get_doc(doctype, name)
	have = {(link.link_doctype, link.link_name) for link in doc.links}
	missing = [link for link in links if link not in have]
	if not missing:
		return
	for link_doctype, link_name in missing:
		doc.append("links", {"link_doctype": link_doctype, "link_name": link_name})
	with _without_gravatar():
		doc.save(ignore_permissions=True)


def share_links(source: tuple[str, str], target: tuple[str, str]) -> None:
	"""Link all Contacts and Addresses of one document to another as well, as a member's to its customer."""
	for doctype in ("Contact", "Address"):
		for name in linked(doctype, *source):
			add_links(doctype, name, [target])


# What a Contact and an Address repeat of the document they belong to.
REPEATED = {
	"Contact": {"name": ("first_name", "company_name")},
	"Address": {"name": ("address_title",), "email": ("email_id",), "phone": ("phone",)},
}
REPEATED_ROWS = {"email": ("email_ids", "email_id"), "phone": ("phone_nos", "phone")}


def follow(link_doctype: str, link_name: str, changes: dict[str, tuple[str | None, str | None]]) -> None:
	"""Put a document's new name, e-mail address or phone number where its Contacts and Addresses repeat the old.

	:param changes: of "name", "email" and "phone" those that changed, as (old, new). What was taken away
	        stays with the person; what somebody has worded otherwise is left alone.
	"""
	changes = {what: pair for what, pair in changes.items() if all(pair) and pair[0] != pair[1]}
	if not changes:
		return
	for doctype, repeated in REPEATED.items():
		for name in linked(doctype, link_doctype, link_name):
			doc = frappe.get_doc(doctype, name)
			places = [(doc, field, what) for what, fields in repeated.items() for field in fields]
			if doctype == "Contact":
				places += [
					(row, field, what)
					for what, (table, field) in REPEATED_ROWS.items()
					for row in doc.get(table)
				]
			found = [place for place in places if _repeats(place, changes)]
			for target, field, what in found:
				target.set(field, changes[what][1])
			if found:
				with _without_gravatar():
					doc.save(ignore_permissions=True)


def _repeats(place: tuple[Document, str, str], changes: dict[str, tuple[str, str]]) -> bool:
	target, field, what = place
	value = target.get(field)
	return bool(value) and what in changes and fold(value) == fold(changes[what][0])


def unlink(link_doctype: str, link_name: str) -> None:
	"""Take the links to a document that is being deleted away; people and places nobody else has go too."""
	for doctype in ("Contact", "Address"):
		for name in linked(doctype, link_doctype, link_name):
			doc = frappe.get_doc(doctype, name)
			rest = [x for x in doc.links if (x.link_doctype, x.link_name) != (link_doctype, link_name)]
			if rest or doc.get("user"):
				doc.set("links", rest)
				with _without_gravatar():
					doc.save(ignore_permissions=True)
			else:
				doc.delete(ignore_permissions=True)


def load_onto(doc: Document) -> None:
	"""Put Contacts and Addresses where Frappe's form expects them (`frappe.contacts.render_address_and_contact`).

	Who may read the member may see how to reach it, also without a role on Contact itself; the form's
	links into Contact still need one.
	"""
	addresses = frappe.get_all(
		"Address",
		{"name": ("in", linked("Address", doc.doctype, doc.name) or [""])},
		["*"],
		order_by="is_primary_address desc, creation asc",
	)
	for address in addresses:
		address.display = get_address_display(dict(address))
	contacts = frappe.get_all(
		"Contact",
		{"name": ("in", linked("Contact", doc.doctype, doc.name) or [""])},
		["*"],
		order_by="is_primary_contact desc, creation asc",
	)
	emails = _rows_of("Contact Email", contacts, "email_id", {"is_primary": 0})
	phones = _rows_of("Contact Phone", contacts, "phone", {"is_primary_phone": 0, "is_primary_mobile_no": 0})
	for contact in contacts:
		contact.email_ids = emails.get(contact.name, [])
		contact.phone_nos = phones.get(contact.name, [])
		if contact.address and frappe.db.exists("Address", contact.address):
			contact.address = get_condensed_address(frappe.get_doc("Address", contact.address))
	doc.set_onload("addr_list", addresses)
	doc.set_onload("contact_list", contacts)


def _rows_of(doctype: str, contacts: list, field: str, filters: dict) -> dict[str, list]:
	rows: dict[str, list] = {}
	if contacts:
		names = [contact.name for contact in contacts]
		for row in frappe.get_all(
			doctype, {"parenttype": "Contact", "parent": ("in", names), **filters}, ["parent", field]
		):
			rows.setdefault(row.parent, []).append(row)
	return rows


def _contact_at(link: tuple[str, str], full_name: str) -> str | None:
	names = linked("Contact", *link)
	if not names:
		return None
	wanted = fold(full_name)
	for row in frappe.get_all("Contact", {"name": ("in", names)}, ["name", "first_name", "last_name"]):
		if fold(f"{row.first_name or ''} {row.last_name or ''}") == wanted:
			return row.name
	return None


def _contact_by_email(email: str | None, full_name: str | None) -> str | None:
	if not email:
		return None
	for row in frappe.get_all(
		"Contact", {"email_id": email}, ["name", "first_name", "last_name", "user"], order_by="creation, name"
	):
		if full_name and fold(f"{row.first_name or ''} {row.last_name or ''}") == fold(full_name):
			return row.name
		if not full_name and row.user:
			return row.name
	return None


@contextmanager
def _without_gravatar() -> Iterator[None]:
	"""Frappe asks gravatar.com about each Contact's address: slow, and nobody agreed to it being sent there."""
	before = frappe.flags.in_import
	frappe.flags.in_import = True
	try:
		yield
	finally:
		frappe.flags.in_import = before
