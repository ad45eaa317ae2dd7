"""Who is logged in on the portal, and what is theirs: own seats, and those of the member whom they represent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import frappe
from frappe.utils import now_datetime

from imta_crm.membership.permissions import OFFICER_ROLE, SEES_ALL
from imta_crm.policy.activities import role_for
from imta_crm.policy.prospects import fold_email
from imta_crm.policy.seating import CANCELLED
from imta_crm.seating import kinds, people
from imta_crm.seating.people import Person

MEMBER_ROLE = "Alliance Member"
ROLES = frozenset({MEMBER_ROLE, OFFICER_ROLE}) | SEES_ALL
AFFILIATE = "Member Affiliate"


def may_enter(user: str) -> bool:
	"""Whether the user sees the pages for members: those, and the secretariat."""
	return user == "Administrator" or not ROLES.isdisjoint(frappe.get_roles(user))


def participant(kind: kinds.Kind, person: Person) -> Person:
	"""Who takes part: at activities in the role that is theirs without being asked for."""
	return person.as_role(role_for(person.participant_type)) if kind.roles else person


@dataclass(frozen=True)
class Visitor:
	"""A user on the portal. All that is read and done on it for somebody goes through here."""

	user: str
	person: Person = field(init=False)

	def __post_init__(self) -> None:
		object.__setattr__(self, "person", people.of_user(self.user))

	@cached_property
	def contacts(self) -> tuple[str, ...]:
		found = frappe.get_all("Contact", {"user": self.user}, pluck="name")
		return tuple(dict.fromkeys([*found, *([self.person.contact] if self.person.contact else [])]))

	@cached_property
	def represents(self) -> tuple[str, ...]:
		"""The members for whom the user speaks today."""
		if not self.contacts:
			return ()
		candidates = frappe.get_all(
			AFFILIATE, {"contact": ("in", self.contacts), "is_representative": 1}, pluck="member"
		) + frappe.get_all("IMTA Member", {"primary_contact": ("in", self.contacts)}, pluck="name")
		return tuple(member for member in dict.fromkeys(candidates) if people.represents(self.user, member))

	@cached_property
	def customers(self) -> list[str]:
		"""The customers behind those members."""
		if not self.represents:
			return []
		rows = frappe.get_all("IMTA Member", {"name": ("in", self.represents)}, pluck="customer")
		return [customer for customer in rows if customer]

	def as_participant(self, kind: kinds.Kind) -> Person:
		return participant(kind, self.person)

	def colleagues(self, member: str | None) -> list[Person]:
		"""The other people of a member, for who belongs to it."""
		if not member or (member != self.person.member and member not in self.represents):
			return []
		return [each for each in people.colleagues(member) if each.contact not in self.contacts]

	@cached_property
	def represented(self) -> list[Person]:
		"""The people for whom the user speaks, each once, whichever members they belong to."""
		found: dict[str, Person] = {}
		for member in self.represents:
			for each in self.colleagues(member):
				found.setdefault(each.contact, each)
		return list(found.values())

	def is_own(self, booking: Mapping) -> bool:
		"""Whether the seat is the user's: by user or Contact; by the address where it has neither."""
		if booking["user"] == self.user or (booking["contact"] and booking["contact"] in self.contacts):
			return True
		return (
			not booking["user"]
			and not booking["contact"]
			and bool(booking["email_folded"])
			and booking["email_folded"] == fold_email(self.person.email)
		)

	def may_manage(self, booking: Mapping) -> bool:
		"""Whether the user may give the seat back or pass it on: an own one, or one of the member represented."""
		return self.is_own(booking) or bool(booking["member"] and booking["member"] in self.represents)

	def seats(self, kind: kinds.Kind, limit: int = 200) -> list[frappe._dict]:
		"""The user's own seats of a kind, all fields, the latest event first."""
		booking = frappe.qb.DocType(kind.booking)
		mine = booking.user == self.user
		if self.contacts:
			mine |= booking.contact.isin(self.contacts)
		nobodys = booking.user.isnull() & booking.contact.isnull()
		mine |= (booking.email_folded == fold_email(self.person.email)) & nobodys
		rows = (
			frappe.qb.from_(booking)
			.select("*")
			.where(mine)
			.orderby(booking.starts_at_site, order=frappe.qb.desc)
			.orderby(booking.queue_no)
			.limit(limit)
			.run(as_dict=True)
		)
		for row in rows:
			row.doctype = kind.booking
		return rows

	def seats_of_colleagues(self, kind: kinds.Kind, limit: int = 500) -> list[frappe._dict]:
		"""Seats to come of the people of the members whom the user represents."""
		if not self.represents:
			return []
		rows = frappe.get_all(
			kind.booking,
			{
				"member": ("in", self.represents),
				"ends_at_site": (">=", now_datetime()),
				"status": ("!=", CANCELLED),
			},
			["*"],
			order_by="starts_at_site, queue_no",
			limit=limit,
		)
		for row in rows:
			row.doctype = kind.booking
		return [row for row in rows if not self.is_own(row)]

	def seat_at(self, kind: kinds.Kind, event: str) -> frappe._dict | None:
		"""The user's own live seat at an event."""
		return next(
			(row for row in self.seats(kind) if row[kind.field] == event and row.live_key),
			None,
		)
