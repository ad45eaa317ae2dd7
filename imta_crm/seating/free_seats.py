"""Seats that a member's tier grants in a calendar year: each is given once, and again when it comes back.

A free seat is a row of Free Seat whose primary key is member, year and number. Whoever inserts it has the seat,
however many try at once and whether it is for a training or an activity. The year is that in which the session
or activity begins, by its own clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import frappe
from frappe.utils import cint, get_datetime, now

from imta_crm.policy.fees import FAILED, MEMBER, TO_INVOICE, next_number
from imta_crm.policy.seating import MARKS
from imta_crm.seating.kinds import KINDS, Kind
from imta_crm.transactions import keep_step, persistently

FREE_SEAT = "Free Seat"


def year_of(event: Mapping[str, Any]) -> int:
	return get_datetime(event.get("starts_at")).year


def is_of_year(key: str, event: Mapping[str, Any]) -> bool:
	"""Whether a free seat is one of the year in which the event begins."""
	_member, year, _number = key.rsplit("|", 2)
	return int(year) == year_of(event)


def granted_to(tier: str | None) -> int:
	"""How often a year members of the tier take part without a fee."""
	return cint(frappe.get_cached_value("Member Tier", tier, "free_seats")) if tier else 0


def is_left(member: str | None, tier: str | None, event: Mapping[str, Any]) -> bool:
	"""Whether the member has a free seat for the event, as things stand. Reads only."""
	granted = granted_to(tier) if member and cint(event.get("uses_free_seats")) else 0
	return bool(granted and next_number(_taken(member, year_of(event)), granted))


def claim(kind: Kind, booking: Mapping[str, Any], event: Mapping[str, Any]) -> str | None:
	"""Take one of the member's free seats for a booking; its key, or None where none is left."""
	member = booking["member"]
	if booking["participant_type"] != MEMBER or not member or not cint(event["uses_free_seats"]):
		return None
	granted, year = granted_to(booking["tier"]), year_of(event)
	taken = _taken(member, year) if granted else []
	while number := next_number(taken, granted):
		key = f"{member}|{year}|{number}"
		if _insert(key, member, year, number, kind.booking, booking["name"]):
			return key
		taken.append(number)
	return None


def move(key: str, booking: str) -> None:
	"""Let a free seat be that of another booking of the same kind."""
	seat = frappe.qb.DocType(FREE_SEAT)
	frappe.qb.update(seat).set(seat.booking, booking).set(seat.modified, now()).where(seat.name == key).run()


def give_back(key: str) -> None:
	"""Let somebody else of the member have the seat: the next one who would pay, once this is committed."""
	member, year, _number = key.rsplit("|", 2)
	frappe.db.delete(FREE_SEAT, {"name": key})
	frappe.enqueue(
		"imta_crm.seating.free_seats.use_again",
		queue="default",
		job_id=f"free-seats::{member}::{year}",
		deduplicate=True,
		enqueue_after_commit=True,
		member=member,
		year=int(year),
	)


def use_again(member: str, year: int) -> list[str]:
	"""Job: give free seats that came back to the member's next bookings of the year that are not invoiced yet.

	In the order in which they were confirmed, across trainings and activities. Returns the bookings. A lost job
	does not matter: each fee is looked at again before it is invoiced.
	"""
	from imta_crm.seating import fees

	done = []
	for kind, name in _payable(member, year):
		keep_step()  # each by itself; the look at the booking must not be older than its lock
		if persistently(lambda kind=kind, name=name: fees.make_free(kind, name)):
			done.append(name)
		keep_step()
	return done


def _payable(member: str, year: int) -> list[tuple[Kind, str]]:
	found = []
	for kind in KINDS:
		booking, event = frappe.qb.DocType(kind.booking), frappe.qb.DocType(kind.event)
		rows = (
			frappe.qb.from_(booking)
			.join(event)
			.on(event.name == booking[kind.field])
			.select(booking.name, booking.confirmed_at, event.starts_at)
			.where(
				(booking.member == member)
				& booking.fee_state.isin((TO_INVOICE, FAILED))
				& booking.status.isin(tuple(sorted(MARKS)))
				& booking.sales_invoice.isnull()
				& (event.uses_free_seats == 1)
			)
		).run(as_dict=True)
		found += [(row.confirmed_at, row.name, kind) for row in rows if year_of(row) == year]
	found.sort(key=lambda each: (str(each[0] or ""), each[1]))
	return [(kind, name) for _confirmed_at, name, kind in found]


def _taken(member: str, year: int) -> list[int]:
	return frappe.get_all(FREE_SEAT, {"member": member, "year": year}, pluck="number", order_by=None)


def _insert(key: str, member: str, year: int, number: int, doctype: str, booking: str) -> bool:
	"""Insert a free seat unless somebody else has; waits for whoever is at it at the same moment."""
	values = {
		"name": key,
		"owner": frappe.session.user,
		"modified_by": frappe.session.user,
		"creation": now(),
		"modified": now(),
		"docstatus": 0,
		"idx": 0,
		"member": member,
		"year": year,
		"number": number,
		"booking_doctype": doctype,
		"booking": booking,
	}
	frappe.qb.into(FREE_SEAT).ignore().columns(*values).insert(*values.values()).run()
	# A locking read: a plain one would show the moment at which the transaction began.
	holder = frappe.db.sql(
		"select booking_doctype, booking from `tabFree Seat` where name = %s for update", key
	)
	return bool(holder) and tuple(holder[0]) == (doctype, booking)
