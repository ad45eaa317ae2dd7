"""ERPNext Leads of those whom the alliance invites. The only place that writes a Lead.

Nothing here checks permissions: the calling module has done so on its own document.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import frappe
from frappe import _

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
			LEAD, {"email_id": party.email}, pluck="name", order_by="disabled, creation, name", limit=1
		)
		if found:
			return found[0]
	name = party.organisation or " ".join(filter(None, (party.first_name, party.last_name)))
	if not name:
		return None
	field = "company_name" if party.organisation else "lead_name"
	for row in frappe.get_all(
		LEAD,
		{field: name, "country": party.country or ("is", "not set"), "disabled": 0},
		["name", "email_id", field],
		order_by="creation, name",
	):
		same_address = not row.email_id or not party.email
		# Two people may have one name; one organisation may have two addresses.
		if fold(row[field]) == fold(name) and (party.organisation or same_address):
			return row.name
	return None


def known() -> list[frappe._dict]:
	"""All Leads as others compare somebody with them. One query."""
	return frappe.get_all(LEAD, {"disabled": 0}, COMPARED, order_by="name", limit=0)


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
