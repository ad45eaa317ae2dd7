"""Where prospects come from: a file, Leads, former members, members, people met at events.

Every source but the file asks with the permissions of the user: nobody invites whom they may not read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date

import frappe
from frappe import _
from frappe.utils import cstr

from imta_crm.erp import leads, masters
from imta_crm.liaison import met
from imta_crm.membership import parties
from imta_crm.policy import prospect_file
from imta_crm.policy.prospects import Prospect
from imta_crm.policy.roster import Problem

FILE, LEADS, LAPSED, MEMBERS, MET = "File", "Leads", "Lapsed Members", "Members", "People Met"
#: Option of Invitation.source by option of Prospect Import.source.
CALLED = {FILE: "File", LEADS: "Lead", LAPSED: "Lapsed Member", MEMBERS: "Member", MET: "Event"}
#: DocType whose filters a source takes.
FILTERED = {LEADS: leads.LEAD, MEMBERS: parties.MEMBER}
INDIVIDUAL, ORGANISATION = "Individual", "Organisation"


class FilterError(frappe.ValidationError):
	"""The filters cannot be used."""


@dataclass
class Collected:
	"""What a source holds now. `digest` changes whenever anything of it does."""

	prospects: list[Prospect] = field(default_factory=list)
	problems: list[Problem] = field(default_factory=list)
	encoding: str = ""
	separator: str = ""
	digest: str = ""

	@property
	def total(self) -> int:
		"""Rows that are not blank."""
		return len(self.prospects) + len({problem.row for problem in self.problems})


def from_file(data: bytes) -> Collected:
	"""Raises `policy.prospect_file.ProspectFileError` where the file as a whole cannot be used."""
	file = prospect_file.read(
		data,
		tiers=frappe.get_all(
			"Member Tier",
			filters={"disabled": 0},
			fields=["tier_name", "tier_name_zh", "aliases", "member_type"],
			order_by="`rank` desc",
		),
		officers=_officers(),
	)
	return Collected(
		file.prospects, file.problems, file.encoding, file.separator, hashlib.sha256(data).hexdigest()
	)


def from_leads(filters: list) -> Collected:
	"""Leads by Frappe's filters, less those that are members already or customers."""
	codes = masters.country_codes()
	return _collected(_of_lead(row, codes) for row in leads.seen(filters))


def from_lapsed(from_date: date | None, to_date: date | None) -> Collected:
	"""Members that withdrew or were removed on these days, both included."""
	return _collected(members_as_prospects(parties.lapsed(from_date, to_date)))


def from_members(filters: list) -> Collected:
	"""Members of today by Frappe's filters; for activities."""
	return _collected(members_as_prospects(parties.seen(filters)))


def from_people_met(
	event_name: str | None, from_date: date | None, to_date: date | None, *, with_members: bool
) -> Collected:
	"""People met at events of this name on these days; those of members only where wanted."""
	people = met.people_met(event_name, from_date, to_date)
	by_doctype: dict[str, list[str]] = {}
	for person in people:
		by_doctype.setdefault(person.doctype, []).append(person.document)
	codes = masters.country_codes()
	found_leads = (
		{
			row.name: _of_lead(row, codes)
			for row in leads.seen([["name", "in", by_doctype.get(leads.LEAD) or [""]]])
		}
		if by_doctype.get(leads.LEAD)
		else {}
	)
	found_contacts = _of_contacts(by_doctype.get("Contact") or [], codes, with_members)
	prospects = []
	for person in people:
		if person.doctype == leads.LEAD:
			prospect = found_leads.get(person.document)
		elif person.doctype == "Contact":
			prospect = found_contacts.get(person.document)
		else:
			prospect = _of_name(person)
		if prospect:
			prospects.append(prospect)
	return _collected(prospects)


def members_as_prospects(rows: Iterable[frappe._dict]) -> list[Prospect]:
	"""Members as `membership.parties` lists them, each by its own address or that of its primary contact."""
	rows = list(rows)
	codes = masters.country_codes()
	people = {
		row.name: row
		for row in frappe.get_all(
			"Contact",
			{"name": ("in", [row.primary_contact for row in rows if row.primary_contact] or [""])},
			["name", "first_name", "last_name", "designation", "email_id", "phone"],
			limit=0,
		)
	}
	prospects = []
	for row in rows:
		person = people.get(row.primary_contact) or frappe._dict()
		named = person.first_name and person.first_name != row.member_name
		prospects.append(
			Prospect(
				key=f"member:{row.name}",
				name=row.member_name,
				name_local=row.member_name_local or "",
				country=row.country or "",
				country_code=codes.get(row.country, ""),
				email=row.email or person.email_id or "",
				website=row.website or "",
				phone=row.phone or person.phone or "",
				language=row.preferred_language or "",
				sector=row.sector or "",
				invitee_type=row.member_type or ORGANISATION,
				contact_first_name=(person.first_name or "") if named else "",
				contact_last_name=(person.last_name or "") if named else "",
				contact_position=person.designation or "",
				officer=row.officer or "",
				member=row.name,
				contact=person.name or "",
			)
		)
	return prospects


def parse_filters(doctype: str, text: str | None) -> list[list]:
	"""Frappe's filters as the form sends them, as (field, operator, value) of this DocType's own fields.

	:raises FilterError: they are none, or name a field that the user may not filter by
	"""
	try:
		rows = json.loads(text or "[]")
	except ValueError:
		rows = None
	if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) >= 3 for row in rows):
		frappe.throw(_("The filters cannot be read. Set them again."), FilterError)
	permitted = {
		*frappe.get_meta(doctype).get_permitted_fieldnames(),
		"name",
		"creation",
		"modified",
		"owner",
	}
	filters = []
	for row in rows:
		if len(row) >= 4:
			if row[0] != doctype:
				frappe.throw(_("A filter is about {0}.").format(_(cstr(row[0]))), FilterError)
			row = row[1:]
		fieldname, operator, value = row[:3]
		if fieldname not in permitted:
			frappe.throw(_("There is no field {0} to filter by.").format(cstr(fieldname)), FilterError)
		filters.append([doctype, fieldname, operator, value])
	return filters


def _collected(prospects: Iterable[Prospect]) -> Collected:
	prospects = list(prospects)
	text = json.dumps([asdict(prospect) for prospect in prospects], sort_keys=True, default=str)
	return Collected(prospects, digest=hashlib.sha256(text.encode()).hexdigest())


def _of_lead(row: frappe._dict, codes: dict[str, str]) -> Prospect:
	organisation = row.company_name
	return Prospect(
		key=f"lead:{row.name}",
		name=organisation or row.lead_name or row.email_id or row.name,
		country=row.country or "",
		country_code=codes.get(row.country, ""),
		email=row.email_id or "",
		website=row.website or "",
		phone=row.phone or row.mobile_no or "",
		language=row.language or "",
		sector=row.market_segment or "",
		invitee_type=ORGANISATION if organisation else INDIVIDUAL,
		contact_first_name=row.first_name or "" if row.first_name != organisation else "",
		contact_last_name=row.last_name or "",
		contact_position=row.job_title or "",
		officer=_officer(row.lead_owner),
		lead=row.name,
	)


def _of_contacts(names: list[str], codes: dict[str, str], with_members: bool) -> dict[str, Prospect]:
	"""Contacts that the user may read; those of members of today only where wanted."""
	if not names:
		return {}
	rows = frappe.get_list(
		"Contact",
		filters=[["name", "in", names]],
		fields=[
			"name",
			"first_name",
			"last_name",
			"company_name",
			"designation",
			"email_id",
			"phone",
			"mobile_no",
		],
		limit_page_length=0,
	)
	links = frappe.get_all(
		"Dynamic Link",
		{
			"parenttype": "Contact",
			"parent": ("in", [row.name for row in rows] or [""]),
			"link_doctype": ("in", (parties.MEMBER, leads.LEAD)),
		},
		["parent", "link_doctype", "link_name"],
		order_by="idx",
		limit=0,
	)
	members = {row.parent: row.link_name for row in links if row.link_doctype == parties.MEMBER}
	lead_of = {row.parent: row.link_name for row in links if row.link_doctype == leads.LEAD}
	today = parties.of_today(members.values())
	countries = leads.countries(lead_of.values())
	found = {}
	for row in rows:
		member = members.get(row.name)
		if member in today and not with_members:
			continue
		country = today[member].country if member in today else countries.get(lead_of.get(row.name)) or ""
		person = " ".join(filter(None, (row.first_name, row.last_name)))
		found[row.name] = Prospect(
			key=f"contact:{row.name}",
			name=row.company_name or person,
			country=country,
			country_code=codes.get(country, ""),
			email=row.email_id or "",
			phone=row.phone or row.mobile_no or "",
			invitee_type=ORGANISATION if row.company_name else INDIVIDUAL,
			contact_first_name=row.first_name or "" if row.first_name != row.company_name else "",
			contact_last_name=row.last_name or "",
			contact_position=row.designation or "",
			officer=today[member].officer or "" if member in today else "",
			lead=lead_of.get(row.name, ""),
			member=member or "",
			contact=row.name,
		)
	return found


def _of_name(person: met.Met) -> Prospect | None:
	"""Somebody of whom only name and address were written down."""
	if not (person.person_name and person.email):
		return None
	first, _space, last = person.person_name.partition(" ")
	return Prospect(
		key=f"met:{person.email.lower()}",
		name=person.person_name,
		email=person.email,
		invitee_type=INDIVIDUAL,
		contact_first_name=first,
		contact_last_name=last,
	)


def _officers() -> list[str]:
	"""Users who may look after invitations."""
	return frappe.get_all(
		"Has Role",
		{"parenttype": "User", "role": ("in", ("Liaison Officer", "Membership Manager"))},
		pluck="parent",
		distinct=True,
	)


def _officer(user: str | None) -> str:
	"""The owner of a Lead, where that is somebody who looks after invitations."""
	if not user or "Liaison Officer" not in frappe.get_roles(user):
		return ""
	return user if frappe.db.get_value("User", user, "enabled", cache=True) else ""
