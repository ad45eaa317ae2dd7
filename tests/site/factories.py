"""Short ways to the records that site tests need. Deterministic, no commits: the test's rollback ends them.

    from tests.site.factories import make_member, make_tier, make_user

Names count up within a test run, so that two calls never collide; nothing is random.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import frappe

from imta_crm.membership.members import NewMember, create_member

JOINED = date(2024, 1, 1)
_numbers = itertools.count(1)


def next_number() -> int:
	"""A number that no other record of this test run has."""
	return next(_numbers)


def make_tier(name: str | None = None, **fields):
	"""A Member Tier that owes USD 1,000 a year, or the one of this name as it is.

	make_tier("Ordinary"); make_tier(is_exempt=1); make_tier("Patron", dues_amount=5000, rank=50)
	"""
	name = name or f"Test Tier {next_number()}"
	if frappe.db.exists("Member Tier", name):
		return frappe.get_doc("Member Tier", name)
	exempt = fields.get("is_exempt", 0)
	tier = frappe.new_doc("Member Tier")
	tier.update(
		{
			"tier_name": name,
			"member_type": "Any",
			"rank": 20,
			"dues_amount": 0 if exempt else 1000,
			"dues_currency": "USD",
			**fields,
		}
	)
	return tier.insert(ignore_permissions=True)


def make_member(name: str | None = None, *, on: date | None = None, source: str = "Secretariat", **fields):
	"""An organisation in Austria, of tier Ordinary, a member since 2024-01-01; any field of `NewMember` fits.

	make_member(); make_member(tier="Council", invoice_currency="CNY", joined_on=date(2026, 7, 1))
	"""
	values = {
		"member_name": name or f"Test Alpine Club {next_number()}",
		"country": "Austria",
		"tier": "Ordinary",
		"joined_on": JOINED,
		**fields,
	}
	make_tier(values["tier"])
	return create_member(NewMember(**values), source=source, on=on or values["joined_on"])


def make_user(role: str | tuple[str, ...] | None = "Liaison Officer", email: str | None = None) -> str:
	"""Name of an enabled user with just this role (or these roles; None: none)."""
	roles = (role,) if isinstance(role, str) else role or ()
	slug = frappe.scrub(roles[0]) if roles else "outsider"
	email = email or f"{slug}_{next_number()}@imta.example"
	if frappe.db.exists("User", email):
		return email
	user = frappe.new_doc("User")
	user.update(
		{
			"email": email,
			"first_name": " ".join(roles) or "Outsider",
			"send_welcome_email": 0,
			"user_type": "System User",
			"language": "en",
			"roles": [{"role": each} for each in roles],
		}
	)
	user.flags.no_welcome_mail = True
	user.insert(ignore_permissions=True)
	return email


def make_change(member: str, change_type: str, *, submit: bool = True, **fields):
	"""A Membership Change as of today, submitted unless told otherwise."""
	change = frappe.new_doc("Membership Change")
	change.update(
		{
			"member": member,
			"change_type": change_type,
			"effective_date": frappe.utils.nowdate(),
			"reason": "Decided by the Council",
			**fields,
		}
	)
	change.insert()
	if submit:
		change.submit()
	return change


def make_contact(first_name: str | None = None, *, member: str | None = None, email: str | None = None):
	"""A Contact, linked to the member where one is named."""
	contact = frappe.new_doc("Contact")
	contact.first_name = first_name or f"Person {next_number()}"
	if email:
		contact.append("email_ids", {"email_id": email, "is_primary": 1})
	if member:
		contact.append("links", {"link_doctype": "IMTA Member", "link_name": member})
	return contact.insert(ignore_permissions=True)


@contextmanager
def as_user(user: str) -> Iterator[str]:
	"""Be this user for a while."""
	before = frappe.session.user
	frappe.set_user(user)
	try:
		yield user
	finally:
		frappe.set_user(before)


@contextmanager
def count_queries() -> Iterator[list[str]]:
	"""The statements that the block sends to the database, as they are sent."""
	queries, real = [], frappe.db.sql

	def record(query, *args, **kwargs):
		queries.append(str(query))
		return real(query, *args, **kwargs)

	frappe.db.sql = record
	try:
		yield queries
	finally:
		# Only taken away is it as before: left on the connection, it would look like somebody's own.
		del frappe.db.sql
