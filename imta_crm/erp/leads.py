"""ERPNext Leads of those whom the alliance invites. The only place that writes a Lead.

Nothing here checks permissions: the calling module has done so on its own document.
"""

from __future__ import annotations

from dataclasses import dataclass

import frappe
from frappe.model.document import Document

from imta_crm.erp.contacts import _without_gravatar
from imta_crm.policy.names import fold

LEAD = "Lead"
CONVERTED = "Converted"
DO_NOT_CONTACT = "Do Not Contact"
#: Never taken back by a later reply.
FINAL = (CONVERTED,)


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


def ensure_lead(party: Party) -> str:
	"""Name of the Lead of this party, made where there is none: by address, then by name and country."""
	if found := find(party):
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
	with _without_gravatar():
		lead.insert()
	return lead.name


def find(party: Party) -> str | None:
	"""The oldest Lead with this address, else with this name in this country."""
	if party.email:
		found = frappe.get_all(
			LEAD, {"email_id": party.email}, pluck="name", order_by="creation, name", limit=1
		)
		if found:
			return found[0]
	name = party.organisation or " ".join(filter(None, (party.first_name, party.last_name)))
	if not name:
		return None
	field = "company_name" if party.organisation else "lead_name"
	for row in frappe.get_all(
		LEAD,
		{field: name, "country": party.country or ("is", "not set")},
		["name", "email_id", field],
		order_by="creation, name",
	):
		if fold(row[field]) == fold(name) and (not row.email_id or not party.email):
			return row.name
	return None


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


def get(lead: str) -> Document:
	return frappe.get_doc(LEAD, lead)
