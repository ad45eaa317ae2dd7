"""What other rooms ask of the membership, and the only writer of a member's status and tier.

Dates are dates of the site's time zone. Spans in the histories include both ends; a change on a day ends
the span before it on the day before. A second change on one day leaves the first as a span of no days
(its end before its start): who decided what stays readable, and no rule counts it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import add_days, formatdate, getdate

from imta_crm.membership.permissions import check_member, in_portfolio, portfolio_condition, sees_all
from imta_crm.policy.dues import MemberFacts
from imta_crm.policy.names import identity_key as identity_of
from imta_crm.policy.spans import value_on
from imta_crm.policy.status import Status, is_member
from imta_crm.transactions import all_or_nothing

if TYPE_CHECKING:
	from imta_crm.membership.doctype.imta_member.imta_member import IMTAMember
	from imta_crm.policy.dates import Period

__all__ = [
	"MEMBER",
	"DuplicateMemberError",
	"NewMember",
	"ProtectedFieldError",
	"RewritesThePastError",
	"check_member",
	"create_member",
	"facts_for_dues",
	"facts_of",
	"in_portfolio",
	"known_identities",
	"lock",
	"portfolio_condition",
	"refuse_row",
	"sees_all",
	"set_status",
	"set_tier",
	"status_on",
	"tier_on",
]

MEMBER = "IMTA Member"
STATUS_HISTORY = "Member Status History"
TIER_HISTORY = "Member Tier History"
IDENTITY_KEY_LENGTH = 255
HAVE_LEFT = (Status.WITHDRAWN, Status.REMOVED)


class DuplicateMemberError(frappe.UniqueValidationError):
	"""There is a member of this name in this country already."""


class ProtectedFieldError(frappe.ValidationError):
	"""Status, tier and their histories change through a Membership Change or the dues alone."""


class RewritesThePastError(frappe.ValidationError):
	"""A change dated before the latest one on record."""


@dataclass(frozen=True, kw_only=True)
class NewMember:
	"""What is known of somebody who is admitted. `joined_on` defaults to the day of admission.

	The person (`contact_…`) becomes the primary contact; without one the member itself does, by its e-mail
	address. `other_names` holds (language, script, name).
	"""

	member_name: str
	country: str
	tier: str
	member_type: str = "Organisation"
	member_name_local: str | None = None
	territory: str | None = None
	sector: str | None = None
	officer: str | None = None
	is_key_member: bool = False
	preferred_language: str | None = None
	languages: tuple[str, ...] = ()
	invoice_currency: str | None = None
	email: str | None = None
	phone: str | None = None
	website: str | None = None
	joined_on: date | None = None
	other_names: tuple[tuple[str | None, str | None, str], ...] = ()
	contact_first_name: str | None = None
	contact_last_name: str | None = None
	contact_position: str | None = None
	address_line1: str | None = None
	city: str | None = None
	postal_code: str | None = None
	application: str | None = None
	lead: str | None = None
	roster_no: str | None = None


def create_member(new: NewMember, *, source: str, on: date) -> IMTAMember:
	"""Admit a member: the record with its number, its Customer if it owes dues, Contact and Address.

	All of it or nothing, also where the caller catches the error and goes on. Does not check permissions:
	the caller has, on the application or the import.

	:param source: one of Web, Secretariat, Invitation, Import
	:param on: day of the admission
	:raises DuplicateMemberError: a member of this name and country exists
	"""
	with all_or_nothing():
		member = frappe.new_doc(MEMBER)
		member.update(
			{
				field: getattr(new, field)
				for field in (
					"member_name",
					"member_name_local",
					"member_type",
					"country",
					"territory",
					"sector",
					"tier",
					"officer",
					"preferred_language",
					"invoice_currency",
					"email",
					"phone",
					"website",
				)
			}
		)
		member.is_key_member = int(new.is_key_member)
		member.joined_on = getdate(new.joined_on or on)
		for language in new.languages:
			member.append("languages", {"language": language})
		for language, script, full_name in new.other_names:
			member.append("other_names", {"language": language, "script": script, "full_name": full_name})
		member.flags.admission = new
		member.flags.source = source
		member.insert(ignore_permissions=True)
	return member


def set_status(
	member: str, status: str, *, on: date, reason: str, change: str | None = None, who: str | None = None
) -> bool:
	"""Give a member another status from `on`. Returns whether anything changed: repeating it changes nothing.

	Locks the member until the end of the transaction. Checks no permission and no transition; the caller
	has asked policy. Leaving ends the tier's span, too, and returning begins a new one: the gap stays.

	:raises RewritesThePastError: `on` lies before the latest change on record
	"""
	doc = lock(member)
	if doc.status == status:
		return False
	on, status = getdate(on), str(status)
	was = doc.status
	_next_span(doc, "status_history", {"status": status}, on, reason, change, who)
	doc.status, doc.status_since = status, on
	if status in HAVE_LEFT:
		doc.left_on = on
		_end_span(doc, "tier_history", on)
	elif was in HAVE_LEFT:
		doc.left_on = None
		_next_span(doc, "tier_history", {"tier": doc.tier}, on, reason, change, who)
		doc.tier_since = on
	_save(doc)
	return True


def set_tier(
	member: str, tier: str, *, on: date, reason: str, change: str | None = None, who: str | None = None
) -> bool:
	"""Give a member another tier from `on`. Returns whether anything changed.

	As `set_status`. A tier that owes dues brings the Customer along.
	"""
	doc = lock(member)
	if doc.tier == tier:
		return False
	on = getdate(on)
	if not is_member(doc.status):
		frappe.throw(_("{0} is not a member on {1}.").format(doc.member_name, formatdate(on)))
	_next_span(doc, "tier_history", {"tier": tier}, on, reason, change, who)
	doc.tier, doc.tier_since = tier, on
	_save(doc)
	return True


def tier_on(member: str, on: date) -> str | None:
	"""The tier in force on that day by the history; None before joining, in a gap and after leaving."""
	return value_on(_spans(TIER_HISTORY, "tier", [member]).get(member, ()), getdate(on))


def status_on(member: str, on: date) -> str | None:
	"""The status in force on that day by the history; None before joining."""
	return value_on(_spans(STATUS_HISTORY, "status", [member]).get(member, ()), getdate(on))


def facts_of(member: str) -> MemberFacts:
	"""What the dues rules need to know of one member."""
	facts = facts_for_dues(members=[member])
	if not facts:
		frappe.throw(_("There is no member {0}.").format(member), frappe.DoesNotExistError)
	return facts[0]


def facts_for_dues(period: Period | None = None, members: Iterable[str] | None = None) -> list[MemberFacts]:
	"""What the dues rules need to know of all members (or of these), by number, in three queries.

	Whatever the `period`, who joined after it or left before it is included: policy says why they are not
	charged, and the treasurer wants to read it.
	"""
	member = frappe.qb.DocType(MEMBER)
	query = (
		frappe.qb.from_(member)
		.select(
			member.name,
			member.member_name,
			member.tier,
			member.status,
			member.joined_on,
			member.left_on,
			member.invoice_currency,
			member.country,
			member.customer,
		)
		.orderby(member.name)
	)
	if members is not None:
		members = list(members)
		if not members:
			return []
		query = query.where(member.name.isin(members))
	rows = query.run()
	tiers = _spans(TIER_HISTORY, "tier", members)
	statuses = _spans(STATUS_HISTORY, "status", members)
	return [
		MemberFacts(
			name=name,
			member_name=member_name or "",
			tier=tier or "",
			status=status,
			joined_on=joined_on,
			left_on=left_on,
			currency=currency or "",
			country=country or "",
			tier_spans=tuple(tiers.get(name, ())),
			status_spans=tuple(statuses.get(name, ())),
			customer=customer,
		)
		for name, member_name, tier, status, joined_on, left_on, currency, country, customer in rows
	]


def known_identities() -> dict[str, str]:
	"""All members by identity key (see `identity_key`), for a look-up before an import. One query."""
	return dict(frappe.get_all(MEMBER, fields=["identity_key", "name"], as_list=True, order_by=None))


def identity_key(member_name: str, country: str) -> str:
	"""The key that is unique in the database: folded name and country, cut to the column without collisions."""
	key = identity_of(member_name, country)
	if len(key) <= IDENTITY_KEY_LENGTH:
		return key
	digest = frappe.utils.sha256_hash(key)
	return f"{key[: IDENTITY_KEY_LENGTH - len(digest) - 1]}~{digest}"


def lock(member: str) -> IMTAMember:
	"""The member as it is now, locked with its histories until the end of the transaction."""
	return frappe.get_doc(MEMBER, member, for_update=True)


def new_card_token() -> str:
	"""The secret part of the membership card's public address: 256 bits, says nothing about the member."""
	return secrets.token_urlsafe(32)


def open_history(doc: Document, on: date, reason: str) -> None:
	"""First entries of both histories of a member who is being admitted."""
	for field, value in (("status_history", {"status": doc.status}), ("tier_history", {"tier": doc.tier})):
		doc.set(field, [])
		_next_span(doc, field, value, on, reason, None, None)
	doc.status_since = doc.tier_since = on


def refuse_row(row: Document) -> None:
	"""A row of a history that is saved or deleted by itself, past its member. Raises ProtectedFieldError."""
	frappe.throw(
		_("{0} cannot be set here: use a Membership Change.").format(frappe.bold(_(row.doctype))),
		ProtectedFieldError,
	)


def _next_span(
	doc: Document, field: str, value: dict, on: date, reason: str, change: str | None, who: str | None
) -> None:
	_end_span(doc, field, on)
	doc.append(
		field,
		{
			**value,
			"from_date": on,
			"reason": reason,
			"membership_change": change,
			"changed_by": who or frappe.session.user,
		},
	)


def _end_span(doc: Document, field: str, on: date) -> None:
	rows = doc.get(field)
	if not rows:
		return
	last = rows[-1]
	latest = add_days(getdate(last.to_date), 1) if last.to_date else getdate(last.from_date)
	if on < latest:
		frappe.throw(
			_("{0}: {1} lies before the latest change on record, which counts from {2}.").format(
				doc.member_name, formatdate(on), formatdate(latest)
			),
			RewritesThePastError,
		)
	if not last.to_date:
		last.to_date = add_days(on, -1)


def _save(doc: Document) -> None:
	doc.flags.by_membership = True
	# The caller decided on its own document or acts for the nightly job; the officer need not have a role.
	doc.save(ignore_permissions=True)


def _spans(doctype: str, field: str, members: list[str] | None) -> dict[str, list[tuple]]:
	history = frappe.qb.DocType(doctype)
	query = (
		frappe.qb.from_(history)
		.select(history.parent, history[field], history.from_date, history.to_date)
		.where((history.parenttype == MEMBER) & history.from_date.isnotnull())
		.orderby(history.parent, history.idx)
	)
	if members is not None:
		query = query.where(history.parent.isin(members))
	spans: dict[str, list[tuple]] = {}
	for parent, value, start, end in query.run():
		if end is None or end >= start:
			spans.setdefault(parent, []).append((value, start, end))
	return spans
