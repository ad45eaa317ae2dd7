"""People who belong to a member organisation, and the benefits they inherit from it.

Benefits are never stored: each answer is worked out from the affiliation, the member's status and its tier
on the day that is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import frappe
from frappe.model.document import Document
from frappe.utils import getdate, nowdate

from imta_crm.policy.benefits import benefits_active
from imta_crm.policy.spans import value_on

AFFILIATE = "Member Affiliate"


@dataclass(frozen=True)
class Entitlement:
	"""What a person may use on a day, and through which member and tier."""

	member: str
	member_name: str
	tier: str
	position: str | None
	free_seats: int
	benefits: tuple[tuple[str, str], ...]


def benefits_of(contact: str, on_date: date | str | None = None) -> list[Entitlement]:
	"""Benefits that a person inherits on that day (default: today), one entry for each member.

	:param contact: name of the Contact; benefits are (English, Chinese)
	"""
	from imta_crm.membership.members import facts_for_dues

	on = getdate(on_date or nowdate())
	spans: dict[str, list] = {}
	positions: dict[str, str | None] = {}
	for row in frappe.get_all(
		AFFILIATE,
		{"contact": contact},
		["member", "position", "from_date", "to_date"],
		order_by="from_date",
	):
		spans.setdefault(row.member, []).append((row.from_date, row.to_date))
		positions[row.member] = row.position
	found = []
	for facts in facts_for_dues(members=spans):
		if not benefits_active(spans[facts.name], facts.statuses(), on):
			continue
		tier = value_on(facts.tiers(), on)
		if tier:
			found.append(
				Entitlement(
					member=facts.name,
					member_name=facts.member_name,
					tier=tier,
					position=positions[facts.name],
					free_seats=frappe.get_cached_value("Member Tier", tier, "free_seats") or 0,
					benefits=_benefits(tier),
				)
			)
	return found


def of_member(member: str) -> list[dict]:
	"""The people affiliated with a member, the present ones first, for its form."""
	affiliate = frappe.qb.DocType(AFFILIATE)
	contact = frappe.qb.DocType("Contact")
	rows = (
		frappe.qb.from_(affiliate)
		.left_join(contact)
		.on(contact.name == affiliate.contact)
		.select(
			affiliate.name,
			affiliate.contact,
			contact.full_name,
			contact.email_id,
			affiliate.position,
			affiliate.position_zh,
			affiliate.from_date,
			affiliate.to_date,
			affiliate.is_representative,
		)
		.where(affiliate.member == member)
		.orderby(affiliate.is_representative, order=frappe.qb.desc)
		.orderby(affiliate.from_date)
		.run(as_dict=True)
	)
	today = getdate(nowdate())
	for row in rows:
		row.is_current = row.from_date <= today and (row.to_date is None or row.to_date >= today)
	return sorted(rows, key=lambda row: not row.is_current)


def add(
	member: str,
	contact: str,
	*,
	from_date: date,
	position: str | None = None,
	is_representative: bool = False,
) -> str:
	"""Affiliate a person with a member; the name of the affiliation. Does not check permissions."""
	doc = frappe.new_doc(AFFILIATE)
	doc.update(
		{
			"member": member,
			"contact": contact,
			"position": position,
			"from_date": from_date,
			"is_representative": int(is_representative),
		}
	)
	doc.insert(ignore_permissions=True)
	return doc.name


def remove_all(member: str) -> None:
	"""Delete the affiliations of a member that is being deleted."""
	for name in frappe.get_all(AFFILIATE, {"member": member}, pluck="name"):
		frappe.delete_doc(AFFILIATE, name, ignore_permissions=True)


def follow_member(member: str, member_name: str) -> None:
	"""The affiliations repeat the member's name for lists and searches."""
	affiliate = frappe.qb.DocType(AFFILIATE)
	frappe.qb.update(affiliate).set(affiliate.member_name, member_name).where(
		affiliate.member == member
	).run()


def follow_contact(doc: Document, method: str | None = None) -> None:
	"""`Contact.on_update`: the affiliations repeat a person's name and address for lists and searches."""
	if not (doc.has_value_changed("full_name") or doc.has_value_changed("email_id")):
		return
	affiliate = frappe.qb.DocType(AFFILIATE)
	(
		frappe.qb.update(affiliate)
		.set(affiliate.contact_name, doc.full_name)
		.set(affiliate.email, doc.email_id)
		.where(affiliate.contact == doc.name)
		.run()
	)


def _benefits(tier: str) -> tuple[tuple[str, str], ...]:
	doc = frappe.get_cached_doc("Member Tier", tier)
	return tuple((row.benefit, row.benefit_zh or row.benefit) for row in doc.benefits)
