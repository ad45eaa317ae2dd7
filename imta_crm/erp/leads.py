"""ERPNext Leads of those whom the alliance invites. The only place that writes a Lead.

Nothing here checks permissions: the calling module has done so on its own document.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import frappe
from frappe import _
from frappe.model.document import Document

from imta_crm.erp.contacts import _without_gravatar
from imta_crm.policy.names import fold

LEAD = "Lead"
CONVERTED = "Converted"
DO_NOT_CONTACT = "Do Not Contact"
#: Never taken back by a later reply.
FINAL = (CONVERTED,)
COMPARED = ("name", "lead_name", "company_name", "email_id", "website", "country", "status", "unsubscribed")
SHOWN = (
	"first_name",
	"last_name",
	"job_title",
	"phone",
	"mobile_no",
	"language",
	"market_segment",
	"territory",
	"lead_owner",
)

#: What a Lead says of a person.
PERSONAL = (
	"salutation",
	"first_name",
	"middle_name",
	"last_name",
	"email_id",
	"phone",
	"mobile_no",
	"whatsapp_no",
	"job_title",
	"gender",
	"image",
)


@dataclass(frozen=True, kw_only=True)
class Party:
	"""Whom a Lead stands for: an organisation (`organisation`), a person, or both."""

	organisation: str | None = None
	first_name: str | None = None
	last_name: str | None = None
	email: str | None = None
	phone: str | None = None
	position: str | None = None
	website: str | None = None
	country: str | None = None
	territory: str | None = None
	sector: str | None = None
	language: str | None = None
	owner: str | None = None


def ensure_lead(party: Party, among: Directory | None = None) -> str:
	"""Name of the Lead of this party, made where there is none: by address, then by name and country.

	:param among: what was read beforehand for many; who is not in it is looked up
	"""
	if among is None or not among.covers(party):
		among = Directory([party])
	if found := among.find(party):
		return found
	lead = frappe.new_doc(LEAD)
	lead.update(
		{
			"company_name": party.organisation,
			"first_name": party.first_name or (None if party.organisation else party.email),
			"last_name": party.last_name,
			"email_id": party.email,
			"phone": party.phone,
			"job_title": party.position,
			"website": party.website,
			"country": party.country,
			"territory": party.territory,
			"market_segment": party.sector,
			"language": party.language,
			# Left empty Frappe would name whoever happens to run the import.
			"lead_owner": party.owner if party.owner != party.email else None,
			"status": "Lead",
		}
	)
	lead.flags.ignore_permissions = True
	# ERPNext makes the Contact, reads it, and saves it again with its link; here it is saved once, with the link.
	lead.create_contact = lambda: _contact_of(lead)
	with _without_gravatar():
		lead.insert()
	return lead.name


def _contact_of(lead: Document) -> Document:
	"""The Contact of a new Lead, not saved yet: `Lead.link_to_contact` links and saves it."""
	contact = frappe.new_doc("Contact")
	contact.update(
		{
			"first_name": lead.first_name or lead.company_name,
			"last_name": lead.last_name,
			"designation": lead.job_title,
			"company_name": lead.company_name,
		}
	)
	if lead.email_id:
		contact.append("email_ids", {"email_id": lead.email_id, "is_primary": 1})
	if lead.phone:
		contact.append("phone_nos", {"phone": lead.phone, "is_primary_phone": 1, "is_primary_mobile_no": 1})
	contact.flags.ignore_permissions = True
	return contact


class Directory:
	"""The Leads of some parties, read in at most three queries for any number of them."""

	def __init__(self, parties: Iterable[Party]):
		parties = list(parties)
		self._keys = {self._key(party) for party in parties}
		self._by_email: dict[str, str] = {}
		self._by_name: dict[tuple[str, str, str | None], list[frappe._dict]] = {}
		for row in self._rows("email_id", {party.email for party in parties}, "disabled, creation, name"):
			self._by_email.setdefault(_folded(row.email_id), row.name)
		for field in ("company_name", "lead_name"):
			names = {_name(party) for party in parties if _name_field(party) == field}
			for row in self._rows(field, names, "creation, name"):
				if not row.disabled:
					self._by_name.setdefault((field, fold(row[field]), row.country or None), []).append(row)

	def covers(self, party: Party) -> bool:
		"""Whether the party was among those that were read for."""
		return self._key(party) in self._keys

	def find(self, party: Party) -> str | None:
		"""The oldest Lead with this address, else with this name in this country."""
		if party.email and (found := self._by_email.get(_folded(party.email))):
			return found
		key = (_name_field(party), fold(_name(party)), party.country or None)
		for row in self._by_name.get(key, ()) if _name(party) else ():
			# Two people may have one name; one organisation may have two addresses.
			if party.organisation or not row.email_id or not party.email:
				return row.name
		return None

	@staticmethod
	def _key(party: Party) -> tuple:
		return party.email, _name_field(party), _name(party), party.country

	@staticmethod
	def _rows(field: str, values: set[str | None], order_by: str) -> list[frappe._dict]:
		if not (wanted := sorted(filter(None, values))):
			return []
		fields = ["name", "email_id", "company_name", "lead_name", "country", "disabled"]
		return frappe.get_all(LEAD, {field: ("in", wanted)}, fields, order_by=order_by, limit=0)


def _name_field(party: Party) -> str:
	return "company_name" if party.organisation else "lead_name"


def _name(party: Party) -> str:
	return party.organisation or " ".join(filter(None, (party.first_name, party.last_name)))


def _folded(email: str) -> str:
	return email.strip().casefold()


def known() -> list[frappe._dict]:
	"""All Leads as others compare somebody with them. One query."""
	return frappe.get_all(LEAD, {"disabled": 0}, COMPARED, order_by="name", limit=0)


def opted_out():
	"""A query for the Leads that no mail may reach, and its column of addresses, for a union with others."""
	lead = frappe.qb.DocType(LEAD)
	query = frappe.qb.from_(lead).where((lead.unsubscribed == 1) | (lead.status == DO_NOT_CONTACT))
	return query, lead.email_id


def seen(filters: list) -> list[frappe._dict]:
	"""The Leads that Frappe's filters find and that the user may read, the converted ones left out."""
	return frappe.get_list(
		LEAD,
		filters=[*filters, ["status", "!=", CONVERTED], ["disabled", "=", 0]],
		fields=[*COMPARED, *SHOWN],
		order_by="name",
		limit_page_length=0,
	)


def countries(names: Iterable[str]) -> dict[str, str | None]:
	"""Country by Lead. One query."""
	return dict(
		frappe.get_all(
			LEAD, {"name": ("in", list(names) or [""])}, ["name", "country"], as_list=True, limit=0
		)
	)


def enrich(lead: str, values: dict[str, str | None]) -> None:
	"""Fill what the Lead does not say yet; what it says stays."""
	doc = frappe.get_doc(LEAD, lead)
	missing = {field: value for field, value in values.items() if value and not doc.get(field)}
	if not missing:
		return
	doc.update(missing)
	doc.flags.ignore_permissions = True
	with _without_gravatar():
		doc.save()


def erase(addresses: Iterable[str]) -> None:
	"""Take the person away from the Leads with these addresses; an organisation keeps its name."""
	rows = frappe.get_all(LEAD, {"email_id": ("in", list(addresses) or [""])}, ["name", "company_name"])
	for row in rows:
		name = row.company_name or f"redacted {row.name}"
		values = dict.fromkeys(PERSONAL)
		values.update({"lead_name": name, "title": name, "unsubscribed": 1, "status": DO_NOT_CONTACT})
		frappe.db.set_value(LEAD, row.name, values, update_modified=False)
		frappe.db.delete("Version", {"ref_doctype": LEAD, "docname": row.name})
		_erase_contacts(row.name)


def _erase_contacts(lead: str) -> None:
	"""ERPNext makes a Contact of each Lead, with the person's name in its own; one that others use stays."""
	linked = {"parenttype": "Contact", "link_doctype": LEAD, "link_name": lead}
	for contact in set(frappe.get_all("Dynamic Link", linked, pluck="parent")):
		others = {"parenttype": "Contact", "parent": contact, "link_name": ("!=", lead)}
		if not frappe.db.exists("Dynamic Link", others):
			frappe.delete_doc(
				"Contact", contact, force=True, ignore_permissions=True, delete_permanently=True
			)
			# Frappe notes who is gone.
			frappe.db.delete("Comment", {"comment_type": "Deleted", "subject": ("like", f"%{contact}")})


def merge(lead: str, into: str) -> None:
	"""Two Leads are one party: the first is disabled and each names the other, so that nothing of it is lost.

	Frappe's own merging deletes what hangs on the one that goes. Nothing happens where one of them is gone, or
	the first was converted: what was sold stays where it is.
	"""
	if lead == into:
		return
	rows = {
		row.name: row
		for row in frappe.get_all(LEAD, {"name": ("in", (lead, into))}, ["name", "status", "disabled"])
	}
	if len(rows) < 2 or rows[lead].status in FINAL or rows[lead].disabled:
		return
	frappe.db.set_value(LEAD, lead, "disabled", 1)
	for name, other in ((lead, into), (into, lead)):
		frappe.get_doc(LEAD, name).add_comment(
			"Info", _("The same as {0}").format(frappe.utils.get_link_to_form(LEAD, other))
		)


def follow(lead: str | None, status: str) -> None:
	"""Give a Lead another status; a converted one stays converted. Do Not Contact unsubscribes it, too."""
	if not lead:
		return
	row = frappe.db.get_value(LEAD, lead, ["status", "unsubscribed"], as_dict=True, for_update=True)
	if not row or row.status in FINAL:
		return
	values = {"status": status}
	if status == DO_NOT_CONTACT:
		values["unsubscribed"] = 1
	if any(row.get(field) != value for field, value in values.items()):
		frappe.db.set_value(LEAD, lead, values)


def convert(lead: str | None, customer: str | None, member: str | None = None) -> None:
	"""The party was admitted: the Lead is converted and names its member; the Customer names the Lead."""
	if not lead or not frappe.db.exists(LEAD, lead):
		return
	values = {"status": CONVERTED}
	if member:
		values["imta_member"] = member
	frappe.db.set_value(LEAD, lead, values)
	if customer and not frappe.db.get_value("Customer", customer, "lead_name"):
		frappe.db.set_value("Customer", customer, "lead_name", lead)
