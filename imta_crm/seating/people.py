"""Who takes part: a person, worked out from Contact, User and membership on the day that is asked about.

Nothing here checks permissions: the caller has done so on its own document.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date

import frappe
from frappe import _
from frappe.utils import getdate, nowdate

from imta_crm.erp import masters
from imta_crm.policy.names import fold, person_name
from imta_crm.policy.prospects import fold_email
from imta_crm.policy.status import enjoys_benefits

MEMBER, GUEST, STAFF = "Member", "Guest", "Staff"
DELEGATE = "Delegate"


@dataclass(frozen=True, kw_only=True)
class Person:
	"""Somebody who takes part. `contact` is None where there is none: guests and staff need no Contact.

	`member` is the member whom the person comes for, `tier` its tier; `time_zone` is None where only the country
	tells; `delegate_role` counts at activities alone.
	"""

	participant_type: str
	name: str
	email: str
	contact: str | None = None
	user: str | None = None
	name_local: str | None = None
	language: str | None = None
	time_zone: str | None = None
	country: str | None = None
	member: str | None = None
	tier: str | None = None
	territory: str | None = None
	organisation: str | None = None
	position: str | None = None
	delegate_role: str = DELEGATE

	@property
	def email_folded(self) -> str:
		return fold_email(self.email)

	def as_role(self, role: str | None) -> Person:
		"""The same person in another role at an activity."""
		return replace(self, delegate_role=role or DELEGATE)


def of_contact(contact: str, *, member: str | None = None, on: date | None = None) -> Person:
	"""The person of a Contact. For several members: the given one, or that of the highest tier.

	:param member: whom the person comes for; ignored where the person does not belong to it on that day
	:raises frappe.DoesNotExistError: there is no such Contact
	"""
	people = of_contacts([contact], member=member, on=on)
	if contact not in people:
		frappe.throw(_("There is no contact {0}.").format(contact), frappe.DoesNotExistError)
	return people[contact]


def of_contacts(
	contacts: Iterable[str], *, member: str | None = None, on: date | None = None
) -> dict[str, Person]:
	"""`of_contact` for many, with few queries; Contacts that do not exist are left out."""
	names = list(dict.fromkeys(contacts))
	if not names:
		return {}
	on = getdate(on or nowdate())
	memberships = _memberships(names, on)
	rows = {
		row.name: row
		for row in frappe.get_all(
			"Contact",
			{"name": ("in", names)},
			[
				"name",
				"first_name",
				"middle_name",
				"last_name",
				"email_id",
				"user",
				"company_name",
				"designation",
			],
			order_by=None,
			limit=0,
		)
	}
	users = _users({row.user for row in rows.values() if row.user})
	people = {}
	for name in names:
		if name in rows:
			found = memberships.get(name, [])
			chosen = next((each for each in found if each.member == member), found[0] if found else None)
			people[name] = _person(rows[name], chosen, users.get(rows[name].user))
	return people


def of_user(user: str) -> Person:
	"""The person of a user: by the Contact that names the user, else by the Contact of the e-mail address.

	A user of the desk who belongs to no member is staff.
	"""
	account = _users([user]).get(user)
	if not account:
		frappe.throw(_("There is no user {0}.").format(user), frappe.DoesNotExistError)
	contact = contact_of(user)
	if contact:
		person = of_contact(contact)
		is_staff = not person.member and account.user_type == "System User"
		return replace(
			person,
			user=user,
			email=person.email or account.email,
			language=account.language or person.language,
			time_zone=account.time_zone or None,
			participant_type=STAFF if is_staff else person.participant_type,
		)
	return Person(
		participant_type=STAFF if account.user_type == "System User" else GUEST,
		user=user,
		name=_full_name(account) or user,
		email=account.email or user,
		language=account.language or None,
		time_zone=account.time_zone or None,
	)


def contact_of(user: str) -> str | None:
	"""The Contact of a user: the one that names the user, else the only one with the address and no other user.

	Of several that name the user (Frappe makes one with every user) the first that belongs to a member today,
	else the earliest. Colleagues may share an address; of several with it, the one of the user's name.
	"""
	if found := frappe.get_all("Contact", {"user": user}, pluck="name", order_by="creation asc, name"):
		memberships = _memberships(found, getdate(nowdate())) if len(found) > 1 else {}
		return next((name for name in found if name in memberships), found[0])
	account = frappe.db.get_value("User", user, ["email", "full_name"], as_dict=True)
	if not account or not account.email:
		return None
	rows = frappe.get_all(
		"Contact",
		{"email_id": account.email, "user": ("is", "not set")},
		["name", "full_name"],
		order_by="creation",
	)
	if len(rows) > 1:
		rows = [row for row in rows if fold(row.full_name or "") == fold(account.full_name or "")]
	return rows[0].name if len(rows) == 1 else None


def guest(
	name: str,
	email: str,
	*,
	organisation: str | None = None,
	country: str | None = None,
	language: str | None = None,
	time_zone: str | None = None,
	position: str | None = None,
	name_local: str | None = None,
	delegate_role: str = "Guest",
) -> Person:
	"""Somebody who is known by what they say of themselves. Makes no Contact."""
	return Person(
		participant_type=GUEST,
		name=name.strip(),
		name_local=name_local,
		email=email.strip(),
		organisation=organisation or None,
		country=country or None,
		territory=masters.territory_of(country),
		language=language or None,
		time_zone=time_zone or None,
		position=position or None,
		delegate_role=delegate_role,
	)


def colleagues(member: str, on: date | None = None) -> list[Person]:
	"""The people whom a member may enrol on that day, by name: its own, whoever else they belong to."""
	on = getdate(on or nowdate())
	names = frappe.db.sql_list(
		"""select contact from `tabMember Affiliate`
		where member = %(member)s and from_date <= %(on)s and (to_date is null or to_date >= %(on)s)
		union select primary_contact from `tabIMTA Member`
		where name = %(member)s and member_type = 'Individual' and primary_contact is not null""",
		{"member": member, "on": on},
	)
	found = of_contacts(names, member=member, on=on).values()
	return sorted((each for each in found if each.member == member), key=lambda each: each.name)


def represents(user: str, member: str, on: date | None = None) -> bool:
	"""Whether the user speaks for the member: as its representative on that day, or as the member itself."""
	on = getdate(on or nowdate())
	contact = contact_of(user)
	return bool(contact) and bool(
		frappe.db.sql(
			"""select 1 from `tabMember Affiliate`
			where contact = %(contact)s and member = %(member)s and is_representative = 1
			and from_date <= %(on)s and (to_date is null or to_date >= %(on)s)
			union select 1 from `tabIMTA Member`
			where primary_contact = %(contact)s and name = %(member)s and member_type = 'Individual'
			limit 1""",
			{"contact": contact, "member": member, "on": on},
		)
	)


def _memberships(contacts: Collection[str], on: date) -> dict[str, list[frappe._dict]]:
	"""By Contact the members that the person belongs to on that day, the highest tier first."""
	rows = frappe.db.sql(
		"""select affiliate.contact, member.name as member, member.member_name, member.member_name_local,
			member.member_type, member.status, member.tier, member.country, member.territory,
			member.preferred_language, affiliate.position, tier.rank
		from `tabMember Affiliate` affiliate
		join `tabIMTA Member` member on member.name = affiliate.member
		left join `tabMember Tier` tier on tier.name = member.tier
		where affiliate.contact in %(contacts)s and affiliate.from_date <= %(on)s
			and (affiliate.to_date is null or affiliate.to_date >= %(on)s)
		union
		select member.primary_contact, member.name, member.member_name, member.member_name_local,
			member.member_type, member.status, member.tier, member.country, member.territory,
			member.preferred_language, null, tier.rank
		from `tabIMTA Member` member
		left join `tabMember Tier` tier on tier.name = member.tier
		where member.primary_contact in %(contacts)s and member.member_type = 'Individual'""",
		{"contacts": list(contacts), "on": on},
		as_dict=True,
	)
	found: dict[str, list[frappe._dict]] = {}
	for row in sorted(rows, key=lambda row: (-(row.rank or 0), row.member)):
		if enjoys_benefits(row.status):
			found.setdefault(row.contact, []).append(row)
	return found


def _users(users: Collection[str]) -> dict[str, frappe._dict]:
	if not users:
		return {}
	rows = frappe.get_all(
		"User",
		{"name": ("in", list(users))},
		["name", "first_name", "middle_name", "last_name", "email", "language", "time_zone", "user_type"],
		order_by=None,
	)
	return {row.name: row for row in rows}


def _full_name(row: frappe._dict) -> str:
	"""Frappe's own full name has the family name last in every language."""
	return person_name(" ".join(filter(None, (row.first_name, row.middle_name))), row.last_name)


def _person(contact: frappe._dict, membership: frappe._dict | None, account: frappe._dict | None) -> Person:
	account = account or frappe._dict()
	person = Person(
		participant_type=STAFF if account.user_type == "System User" else GUEST,
		contact=contact.name,
		user=contact.user or None,
		name=_full_name(contact) or contact.name,
		email=contact.email_id or account.email or "",
		language=account.language or None,
		time_zone=account.time_zone or None,
		organisation=contact.company_name or None,
		position=contact.designation or None,
	)
	if not membership:
		return person
	is_individual = membership.member_type == "Individual"
	return replace(
		person,
		participant_type=MEMBER,
		name_local=membership.member_name_local if is_individual else None,
		language=person.language or membership.preferred_language or None,
		country=membership.country or None,
		member=membership.member,
		tier=membership.tier or None,
		territory=membership.territory or None,
		organisation=person.organisation if is_individual else membership.member_name,
		position=membership.position or person.position,
	)
