"""Logging contacts, and what others want to know about them."""

import hashlib
import re
from dataclasses import asdict, dataclass
from datetime import date, datetime

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.query_builder import DocType
from frappe.query_builder.functions import Count, Max, Min
from frappe.utils import cint, get_datetime, getdate

from imta_crm.policy.names import fold
from imta_crm.policy.rhythm import next_contact_due
from imta_crm.policy.status import is_member
from imta_crm.transactions import persistently

AT_ONCE = 200
FOUND = 8
DETAILS = (
	"direction",
	"contact_at",
	"time_zone",
	"event_name",
	"outcome",
	"outcome_note",
	"next_step",
	"next_step_on",
	"next_step_owner",
	"next_step_priority",
)
ROWS = {
	"needs": ("need", "category", "is_met"),
	"member_people": ("contact", "person_name"),
	"alliance_people": ("user",),
}


class ContactRequestError(frappe.ValidationError):
	"""What was asked for cannot be logged: no member, too many, or no usable token."""


@dataclass(frozen=True)
class LastContact:
	"""The latest contact with a member and its earliest open next step; times are the site's."""

	member: str
	contact: str | None = None
	contact_at: datetime | None = None
	channel: str | None = None
	contacts: int = 0
	next_step_on: date | None = None


@frappe.whitelist(methods=["POST"])
def log_contact(
	members: str | list, channel: str, summary: str, token: str, details: str | dict | None = None
) -> dict:
	"""Log one contact with each of `members`: all of them, or none.

	`token` is made by the dialog when it opens. Sent again, by a second click or after a lost answer, it logs
	nothing twice and answers with what is there. `details` may hold the other fields of Liaison Contact.

	Returns `{"names": [...], "created": n}`. Raises PermissionError for a member outside the portfolio and
	whatever Liaison Contact itself refuses.
	"""
	frappe.has_permission("Liaison Contact", "create", throw=True)
	names = _member_names(members)
	group = _group_of(token)
	values = _contact_values(channel, summary, details)
	# The same click may arrive twice at once. The rows of the one that was first become visible with a new
	# transaction, and this one has written nothing else.
	return persistently(lambda: _log(names, values, group), also=(frappe.UniqueValidationError,))


@frappe.whitelist()
def find_members(txt: str) -> list[dict]:
	"""Members with whom the session's user may log a contact, for the search bar."""
	if not frappe.has_permission("Liaison Contact", "create"):
		return []
	txt = txt.strip()[:140]
	if not txt:
		return []
	return frappe.get_list(
		"IMTA Member",
		or_filters=[
			["name", "like", f"%{txt}%"],
			["member_name", "like", f"%{txt}%"],
			["member_name_local", "like", f"%{txt}%"],
			["name_folded", "like", f"%{fold(txt)}%"],
		],
		fields=["name", "member_name", "country"],
		order_by="is_key_member desc, member_name",
		limit=FOUND,
	)


@frappe.whitelist()
def get_events(
	doctype: str,
	start: str,
	end: str,
	field_map: str | dict | None = None,
	filters: str | list | None = None,
	**kwargs,
) -> list[dict]:
	"""Contacts between `start` and `end` (site's time) for the calendar, as far as the user may see them."""
	conditions = list(frappe.parse_json(filters) or [])
	conditions += [
		["Liaison Contact", "contact_at", ">=", get_datetime(start)],
		["Liaison Contact", "contact_at", "<=", get_datetime(end)],
	]
	events = frappe.get_list(
		"Liaison Contact",
		filters=conditions,
		fields=["name", "member_name", "channel", "contact_at", "outcome"],
		limit=1000,
	)
	for event in events:
		event.title = "{0}: {1}".format(_(event.channel, context="Liaison Contact"), event.member_name)
		event.ends_at = frappe.utils.add_to_date(event.contact_at, minutes=30)
	return events


def show_on_member(member: Document, method: str | None = None) -> None:
	"""Give the member's form its last contact, next step and next due date (`onload` of IMTA Member)."""
	if not frappe.has_permission("Liaison Contact", "read"):
		return
	last = last_contacts([member.name])[member.name]
	due = None
	if is_member(member.status):
		due = next_contact_due(
			getdate(last.contact_at) if last.contact_at else None,
			cint(frappe.get_cached_value("Member Tier", member.tier, "contact_rhythm_days")),
			getdate(member.joined_on) if member.joined_on else None,
		)
	member.set_onload("liaison", {**asdict(last), "due_on": due})


def last_contacts(members: list[str]) -> dict[str, LastContact]:
	"""For each of `members` its last contact and earliest open next step, in three queries for all.

	Checks no permission: callers pass members that the reader may see.
	"""
	if not members:
		return {}
	contact = DocType("Liaison Contact")
	latest = (
		frappe.qb.from_(contact)
		.select(contact.member, Max(contact.contact_at).as_("contact_at"), Count("*").as_("contacts"))
		.where(contact.member.isin(members))
		.groupby(contact.member)
	)
	last = latest.as_("latest")
	rows = (
		frappe.qb.from_(contact)
		.join(last)
		.on((contact.member == last.member) & (contact.contact_at == last.contact_at))
		.select(contact.member, contact.name, contact.contact_at, contact.channel, last.contacts)
		.orderby(contact.name)
	).run(as_dict=True)
	steps = dict(
		(
			frappe.qb.from_(contact)
			.select(contact.member, Min(contact.next_step_on))
			.where(contact.member.isin(members) & (contact.next_step_state == "Open"))
			.groupby(contact.member)
		).run()
	)
	found = {row.member: row for row in rows}
	return {
		member: LastContact(
			member=member,
			contact=found[member].name if member in found else None,
			contact_at=found[member].contact_at if member in found else None,
			channel=found[member].channel if member in found else None,
			contacts=cint(found[member].contacts) if member in found else 0,
			next_step_on=getdate(steps[member]) if steps.get(member) else None,
		)
		for member in members
	}


def _log(members: list[str], values: dict, group: str) -> dict:
	logged = {
		row.member: row.name
		for row in frappe.get_all(
			"Liaison Contact", {"contact_group": group, "member": ("in", members)}, ["name", "member"]
		)
	}
	new = []
	for member in members:
		if member in logged:
			continue
		doc = frappe.new_doc("Liaison Contact")
		doc.update({**values, "member": member})
		doc.flags.contact_group = group
		# Before the first is written, so that a refusal leaves nothing behind.
		doc.check_permission("create")
		new.append(doc)
	for doc in new:
		doc.insert()
		logged[doc.member] = doc.name
	return {"names": [logged[member] for member in members], "created": len(new)}


def _member_names(members: str | list) -> list[str]:
	if isinstance(members, str):
		members = frappe.parse_json(members) if members.lstrip().startswith("[") else [members]
	names = list(dict.fromkeys(str(name) for name in members if name))
	if not names:
		frappe.throw(_("Choose a member."), ContactRequestError)
	if len(names) > AT_ONCE:
		frappe.throw(_("At most {0} members at once.").format(AT_ONCE), ContactRequestError)
	return names


def _group_of(token: str) -> str:
	if not re.fullmatch(r"[A-Za-z0-9-]{8,64}", token or ""):
		frappe.throw(_("Open the dialog again and log the contact there."), ContactRequestError)
	# With the user in it: nobody answers to, or blocks, another person's token.
	return hashlib.sha256(f"{frappe.session.user}:{token}".encode()).hexdigest()[:24]


def _contact_values(channel: str, summary: str, details: str | dict | None) -> dict:
	given = frappe.parse_json(details) or {}
	values = {field: given[field] for field in DETAILS if given.get(field)}
	for table, fields in ROWS.items():
		if rows := given.get(table):
			values[table] = [{field: row.get(field) for field in fields} for row in rows]
	return {**values, "channel": channel, "summary": summary}
