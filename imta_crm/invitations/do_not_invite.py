"""Who is never invited: an address, a whole domain, or an organisation by name and country.

An address is kept as its hash beside the text, so that erasing a person keeps the wish not to be written to.
What Frappe and ERPNext know of people who opted out counts as well: unsubscribed from all mail, a Lead, a
Contact or a User that is unsubscribed, a Lead that shall not be contacted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import frappe
from frappe import _

from imta_crm.erp import leads
from imta_crm.invitations import record
from imta_crm.invitations.record import fold_email
from imta_crm.policy import prospects as policy
from imta_crm.policy.invitation import HELD, OPEN
from imta_crm.policy.names import identity_key

DO_NOT_INVITE = "Do Not Invite"
NAME_KEY_LENGTH = 140
#: What an entry still takes back: nobody has said yes, and nothing was decided.
TAKEN_BACK = (HELD, *OPEN)


class AlreadyListedError(frappe.UniqueValidationError):
	"""The address is on the list already."""


@dataclass(frozen=True)
class Party:
	"""Whom to look for. `key` is the caller's; `country` the name of the Country record."""

	key: str
	email: str | None = None
	names: tuple[str, ...] = ()
	country: str | None = None


def add(
	*,
	email: str | None = None,
	domain: str | None = None,
	party_name: str | None = None,
	country: str | None = None,
	reason: str,
	source: str = "Secretariat",
	invitation: str | None = None,
) -> str:
	"""Name of the entry, made where there is none. What is still to be sent to the party is withdrawn.

	Checks no permission and does not commit. Of two calls at once one waits for the other.

	:param invitation: the one that the wish came with; its state is its own caller's business
	"""
	wanted = {"email": email, "domain": domain, "party_name": party_name, "country": country}
	if found := find(**wanted):
		return found
	doc = frappe.new_doc(DO_NOT_INVITE)
	doc.update({**wanted, "reason": reason, "source": source, "invitation": invitation})
	doc.flags.by_invitations = True
	frappe.db.savepoint("imta_do_not_invite")
	try:
		doc.insert(ignore_permissions=True)  # the wish of the person, whoever takes it down
	except frappe.UniqueValidationError:
		frappe.db.rollback(save_point="imta_do_not_invite")
		frappe.clear_messages()
		# A locking read sees what another transaction committed meanwhile.
		return frappe.db.get_value(DO_NOT_INVITE, {"email_hash": hash_of(email)}, "name", for_update=True)
	return doc.name


def find(
	*,
	email: str | None = None,
	domain: str | None = None,
	party_name: str | None = None,
	country: str | None = None,
) -> str | None:
	"""Name of the entry that says just this."""
	if email:
		return frappe.db.get_value(DO_NOT_INVITE, {"email_hash": hash_of(email)})
	if domain:
		return frappe.db.get_value(
			DO_NOT_INVITE, {"domain": fold_domain(domain), "email_hash": ("is", "not set")}
		)
	return frappe.db.get_value(
		DO_NOT_INVITE, {"name_key": name_key(party_name, country), "email_hash": ("is", "not set")}
	)


def is_blocked(email: str | None = None, party_name: str | None = None, country: str | None = None) -> bool:
	"""Whether the address, its domain or the name in this country must not be invited."""
	names = (party_name,) if party_name else ()
	return bool(reasons([Party("", email, names, country)]))


def blocked_among(emails: Iterable[str]) -> set[str]:
	"""Those of the addresses, as given, that must not be written to. A few queries, whatever their number."""
	return set(reasons(Party(email, email) for email in set(emails) if email))


def reasons(parties: Iterable[Party]) -> dict[str, str]:
	"""By key of those who must not be invited, why, as `policy.prospects` calls it. Four queries for any number."""
	parties = list(parties)
	addresses = {fold_email(party.email) for party in parties if party.email}
	listed_hashes = _listed("email_hash", {policy.email_hash(address) for address in addresses})
	listed_domains = _listed("domain", {d for address in addresses for d in _domains(address)})
	listed_names = _listed("name_key", {key for party in parties for key in _name_keys(party)})
	out = opted_out(addresses)
	found = {}
	for party in parties:
		address = fold_email(party.email)
		if (
			(address and policy.email_hash(address) in listed_hashes)
			or not listed_domains.isdisjoint(_domains(address))
			or not listed_names.isdisjoint(_name_keys(party))
		):
			found[party.key] = policy.DO_NOT_INVITE
		elif address in out:
			found[party.key] = policy.OPTED_OUT
	return found


def entries() -> list[frappe._dict]:
	"""The whole list. One query."""
	return frappe.get_all(
		DO_NOT_INVITE,
		fields=["name", "email_hash", "domain", "party_name", "country"],
		order_by="name",
		limit=0,
	)


def opted_out(addresses: Iterable[str]) -> set[str]:
	"""Those of the folded addresses whose people opted out elsewhere in Frappe or ERPNext. One query."""
	wanted = [address for address in addresses if address]
	return _opted_out(wanted) if wanted else set()


def all_opted_out() -> set[str]:
	"""All folded addresses whose people opted out elsewhere in Frappe or ERPNext. One query."""
	return _opted_out(None)


def _opted_out(wanted: list[str] | None) -> set[str]:
	contact, row = frappe.qb.DocType("Contact"), frappe.qb.DocType("Contact Email")
	user = frappe.qb.DocType("User")
	left = frappe.qb.DocType("Email Unsubscribe")
	parts = (
		(frappe.qb.from_(left).where(left.global_unsubscribe == 1), left.email),
		leads.opted_out(),
		(
			frappe.qb.from_(row)
			.join(contact)
			.on((row.parent == contact.name) & (row.parenttype == "Contact"))
			.where(contact.unsubscribed == 1),
			row.email_id,
		),
		(frappe.qb.from_(user).where(user.unsubscribed == 1), user.email),
	)
	union = None
	for query, column in parts:
		# The database compares addresses by its collation, which knows no case.
		query = query.select(column).where(column.isnotnull() if wanted is None else column.isin(wanted))
		union = query if union is None else union.union(query)
	return {address for (email,) in union.run() if (address := fold_email(email))}


def withdraw(doc) -> list[str]:
	"""Take the party of a new entry out of all campaigns: invitations withdrawn, queued mails stopped."""
	from imta_crm.invitations import sending

	table = frappe.qb.DocType(record.INVITATION)
	query = frappe.qb.from_(table).select(table.name).where(table.status.isin(TAKEN_BACK))
	if doc.email:
		query = query.where(table.email_folded == fold_email(doc.email))
	elif doc.domain:
		query = query.where((table.email_domain == doc.domain) | table.email_domain.like(f"%.{doc.domain}"))
	elif doc.party_name:
		query = query.where(table.country == doc.country)
	else:
		return []
	if doc.invitation:
		query = query.where(table.name != doc.invitation)
	names = query.run(pluck=True)
	if doc.party_name and not (doc.email or doc.domain):
		names = [name for name in names if _is_named(name, doc.name_key)]
	for name in names:
		sending.stop(name, _("On the list of those not to be invited"))
		record.close(name, "Withdrawn", _("On the list of those not to be invited"))
	return names


def hash_of(email: str) -> str:
	"""SHA-256 of the folded address."""
	return policy.email_hash(email)


def fold_domain(domain: str | None) -> str:
	"""A domain for comparing: from an address or a web address, too, without `www.`, in ASCII."""
	text = (domain or "").strip().removeprefix("@")
	folded = policy.domain_of(text if "@" in text else f"x@{text}") if text and "/" not in text else ""
	return folded or policy.domain_of(text) or text.lower()


def name_key(party_name: str | None, country: str | None) -> str | None:
	"""An organisation or person by folded name and country."""
	return record.shorten(identity_key(party_name, country or ""), NAME_KEY_LENGTH) if party_name else None


def _name_keys(party: Party) -> set[str]:
	return {name_key(name, party.country) for name in party.names if name}


def _domains(address: str) -> Iterator[str]:
	"""The domain of an address and those above it, the last one excepted."""
	parts = fold_domain(address).split(".") if "@" in (address or "") else []
	for start in range(len(parts) - 1):
		yield ".".join(parts[start:])


def _listed(field: str, values: set[str]) -> set[str]:
	if not values:
		return set()
	return set(frappe.get_all(DO_NOT_INVITE, {field: ("in", list(values))}, pluck=field, limit=0))


def _is_named(invitation: str, key: str) -> bool:
	row = frappe.db.get_value(
		record.INVITATION, invitation, ["prospect_name", "prospect_name_local", "country"], as_dict=True
	)
	names = (row.prospect_name, row.prospect_name_local)
	return key in {name_key(name, row.country) for name in names if name}
