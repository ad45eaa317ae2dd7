"""Members and applicants as other rooms compare somebody with them: names, addresses, countries. No writing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import frappe

from imta_crm.membership.members import MEMBER, identity_key
from imta_crm.policy.names import fold
from imta_crm.policy.status import Status

APPLICATION = "Membership Application"
LAPSED = (str(Status.WITHDRAWN), str(Status.REMOVED))
REJECTED = "Rejected"


@dataclass(frozen=True)
class Party:
	"""One record that somebody may be the same as. `country` is the name of the Country record."""

	doctype: str
	name: str
	names: tuple[str, ...]
	country: str | None
	emails: tuple[str, ...] = ()
	website: str | None = None
	is_lapsed: bool = False


def members() -> list[Party]:
	"""All members that are or were, with all their names and the addresses of their people. Three queries."""
	others: dict[str, list[str]] = {}
	for member, name in frappe.get_all(
		"Member Name", {"parenttype": MEMBER}, ["parent", "full_name"], as_list=True, limit=0
	):
		others.setdefault(member, []).append(name)
	emails = _emails_of_people()
	return [
		Party(
			MEMBER,
			row.name,
			_distinct((row.member_name, row.member_name_local, *others.get(row.name, ()))),
			row.country,
			_distinct((row.email, *emails.get(row.name, ()))),
			row.website,
			row.status in LAPSED,
		)
		for row in frappe.get_all(
			MEMBER,
			fields=["name", "member_name", "member_name_local", "country", "email", "website", "status"],
			order_by="name",
			limit=0,
		)
	]


def applications() -> list[Party]:
	"""Applications that are under way; what was decided is a member or nobody. One query."""
	return [
		Party(
			APPLICATION,
			row.name,
			_distinct((row.applicant_name, row.applicant_name_local)),
			row.country,
			_distinct((row.email,)),
			row.website,
		)
		for row in frappe.get_all(
			APPLICATION,
			{"workflow_state": ("not in", ("Approved", REJECTED))},
			["name", "applicant_name", "applicant_name_local", "country", "email", "website"],
			order_by="name",
			limit=0,
		)
	]


def members_among(
	*, emails: Iterable[str] = (), identities: Iterable[tuple[str, str]] = ()
) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
	"""Who is a member now: by folded address, and by (name, country) as given. Two queries for any number."""
	emails = [email for email in emails if email]
	keys = {identity_key(*identity): identity for identity in identities if all(identity)}
	member = frappe.qb.DocType(MEMBER)
	by_email: dict[str, str] = {}
	by_identity: dict[tuple[str, str], str] = {}
	query = (
		frappe.qb.from_(member)
		.select(member.name, member.email, member.identity_key)
		.where(member.status.notin(LAPSED))
		.where(member.email.isin(emails or [""]) | member.identity_key.isin(list(keys) or [""]))
	)
	for name, email, key in query.run():
		if email:
			by_email[fold(email)] = name
		if key in keys:
			by_identity[keys[key]] = name
	if emails:
		for name, addresses in _emails_of_people(emails).items():
			for email in addresses:
				by_email.setdefault(fold(email), name)
	return {email: by_email[email] for email in map(fold, emails) if email in by_email}, by_identity


def lapsed(from_date: date | None, to_date: date | None) -> list[frappe._dict]:
	"""Members that left within these days (both included, either open), as the user may see them."""
	filters = [["status", "in", LAPSED]]
	if from_date:
		filters.append(["left_on", ">=", from_date])
	if to_date:
		filters.append(["left_on", "<=", to_date])
	return _seen(filters)


def seen(filters: list) -> list[frappe._dict]:
	"""Members of today by Frappe's filters, as the user may see them."""
	return _seen([*filters, ["status", "not in", (*LAPSED, str(Status.APPLICANT))]])


def of_today(names: Iterable[str]) -> dict[str, frappe._dict]:
	"""Those of the members that are members today, with country and officer. One query."""
	rows = frappe.get_all(
		MEMBER,
		{"name": ("in", list(names) or [""]), "status": ("not in", LAPSED)},
		["name", "country", "officer"],
		limit=0,
	)
	return {row.name: row for row in rows}


def _seen(filters: list) -> list[frappe._dict]:
	return frappe.get_list(
		MEMBER,
		filters=filters,
		fields=[
			"name",
			"member_name",
			"member_name_local",
			"member_type",
			"country",
			"territory",
			"sector",
			"officer",
			"preferred_language",
			"email",
			"phone",
			"website",
			"primary_contact",
		],
		order_by="name",
		limit_page_length=0,
	)


def _emails_of_people(emails: list[str] | None = None) -> dict[str, list[str]]:
	"""Addresses of the Contacts at members, by member; with `emails` those alone, of members of today."""
	link, row = frappe.qb.DocType("Dynamic Link"), frappe.qb.DocType("Contact Email")
	query = (
		frappe.qb.from_(link)
		.join(row)
		.on((row.parent == link.parent) & (row.parenttype == "Contact"))
		.select(link.link_name, row.email_id)
		.where((link.parenttype == "Contact") & (link.link_doctype == MEMBER))
		.orderby(link.link_name)
	)
	if emails is not None:
		member = frappe.qb.DocType(MEMBER)
		query = (
			query.join(member)
			.on(member.name == link.link_name)
			.where(row.email_id.isin(emails) & member.status.notin(LAPSED))
		)
	found: dict[str, list[str]] = {}
	for member_name, email in query.run():
		if email:
			found.setdefault(member_name, []).append(email)
	return found


def _distinct(values: Iterable[str | None]) -> tuple[str, ...]:
	return tuple(dict.fromkeys(value for value in values if value))
