"""Who is never invited: an address, a whole domain, or an organisation by name and country.

An address is kept as its hash beside the text, so that erasing a person keeps the wish not to be written to.
"""

from __future__ import annotations

from collections.abc import Iterable

import frappe

from imta_crm.invitations.record import fold_email
from imta_crm.policy.names import identity_key

DO_NOT_INVITE = "Do Not Invite"


class NothingToBlockError(frappe.ValidationError):
	"""Neither an address nor a domain nor a name."""


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
	"""Name of the entry, made where there is none. Takes the party out of all campaigns. Checks no permission."""
	if email and (found := frappe.db.get_value(DO_NOT_INVITE, {"email_hash": hash_of(email)})):
		return found
	doc = frappe.new_doc(DO_NOT_INVITE)
	doc.update(
		{
			"email": email,
			"domain": domain,
			"party_name": party_name,
			"country": country,
			"reason": reason,
			"source": source,
			"invitation": invitation,
		}
	)
	doc.insert(ignore_permissions=True)  # the wish of the person, whoever takes it down
	return doc.name


def hash_of(email: str) -> str:
	"""SHA-256 of the folded address."""
	return frappe.utils.sha256_hash(fold_email(email))


def name_key(party_name: str | None, country: str | None) -> str | None:
	return identity_key(party_name, country or "")[:140] if party_name else None


def is_blocked(email: str | None = None, party_name: str | None = None, country: str | None = None) -> bool:
	"""Whether the address, its domain or the name in this country must not be invited."""
	if email and blocked_among([email]):
		return True
	key = name_key(party_name, country)
	return bool(key and frappe.db.exists(DO_NOT_INVITE, {"name_key": key}))


def blocked_among(emails: Iterable[str]) -> set[str]:
	"""Those of the addresses, as given, that must not be written to. A few queries, whatever their number."""
	wanted = {hash_of(email): email for email in emails if email}
	if not wanted:
		return set()
	found = frappe.get_all(DO_NOT_INVITE, {"email_hash": ("in", list(wanted))}, pluck="email_hash")
	return {wanted[digest] for digest in found}
