"""What a seat costs: fixed when it is confirmed, reduced or forgiven when it is given up.

When a seat is confirmed, its fee is written on the booking and stays what it was; a free seat of the member's
tier is taken where one is left. A cancellation leaves the part that is to be kept. The books follow, see
`imta_crm.seating.billing`.

`fee` is the price (zero for a free seat), `fee_due` what of it is to be paid in the end, both in the event's
currency. Whether it is paid is in ERPNext's ledger alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import frappe
from frappe.utils import cint

from imta_crm.erp import event_invoices, masters
from imta_crm.erp.event_invoices import amount_of
from imta_crm.policy import fees as rules
from imta_crm.policy.seating import CANCELLED, LIVE, MARKS
from imta_crm.seating import billing, free_seats, kinds, record, windows
from imta_crm.seating.kinds import Kind

if TYPE_CHECKING:
	from imta_crm.seating.people import Person

ZERO = Decimal(0)
NO_FEE = {"fee": 0, "is_free_seat": 0, "fee_due": 0, "fee_invoiced": 0, "fee_state": rules.NOTHING}
#: What a transfer takes along.
MOVED = (
	"fee",
	"fee_due",
	"fee_invoiced",
	"currency",
	"is_free_seat",
	"free_seat_key",
	"customer",
	"sales_invoice",
	"credit_note",
	"fee_state",
	"fee_problem",
)

#: What the timeline tells of a fee.
TOLD = ("fee", "fee_due", "is_free_seat", "free_seat_key", "customer", "sales_invoice", "credit_note")

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Quote:
	"""What a seat would cost a person now. `price` is without the free seat, `fee` what would be paid."""

	fee: Decimal
	currency: str
	is_free_seat: bool = False
	price: Decimal = ZERO


def quote(event: Event, person: Person) -> Quote:
	"""What a seat at the event would cost the person, were it confirmed now. Reads only.

	:param event: the document of a Training Session or Alliance Activity, or its fields with `doctype`
	"""
	return quotes([event], person)[event.get("name")]


def quotes(events: Collection[Event], person: Person) -> dict[str | None, Quote]:
	"""`quote` for several events of one kind, by name, with as many queries as for one."""
	if not events:
		return {}
	kind = kinds.of_event(next(iter(events)).get("doctype"))
	lists = _price_lists(kind, [event.get("name") for event in events])
	usual = currency_of({}) if any(not event.get("fee_currency") for event in events) else None
	left: dict[int, bool] = {}
	found = {}
	for event in events:
		currency = event.get("fee_currency") or usual
		price = _price_in(
			kind,
			lists.get(event.get("name"), []),
			currency,
			person.participant_type,
			person.tier,
			person.delegate_role,
		)
		is_free = False
		if price > 0 and person.participant_type == rules.MEMBER and cint(event.get("uses_free_seats")):
			year = free_seats.year_of(event)
			if year not in left:
				left[year] = free_seats.is_left(person.member, person.tier, event)
			is_free = left[year]
		found[event.get("name")] = Quote(ZERO if is_free else price, currency, is_free, price)
	return found


def follow(doctype: str, name: str, before: str | None, after: str) -> None:
	"""Fix the fee when a seat is confirmed, and what is kept of it when it is cancelled.

	Within the caller's transaction, under the event's lock, after the status is written; cheap: no invoice is
	made here.
	"""
	kind = kinds.of_booking(doctype)
	if after in MARKS and before not in MARKS:
		_fix(kind, name)
	elif after == CANCELLED and before in MARKS:
		give_up(kind, name)


def transfer(doctype: str, old: str, new: str) -> None:
	"""Move fee, free seat and invoice row from the old booking to the new one, in the caller's transaction.

	To be called after both bookings are written. What was agreed for the seat stays, also where the price list
	says something else by now; no second invoice row is made.
	"""
	source = record.lock(doctype, old)
	if source.currency is None and not source.sales_invoice and not source.free_seat_key:
		# Its fee was never fixed: the seat was offered only.
		if record.lock(doctype, new).status in MARKS:
			_fix(kinds.of_booking(doctype), new)
		return
	moved = {field: source[field] for field in MOVED}
	target = record.lock(doctype, new)
	_write(doctype, source, {**dict.fromkeys(MOVED), **NO_FEE})
	_write(doctype, target, moved)
	if source.free_seat_key:
		free_seats.move(source.free_seat_key, new)
	if source.sales_invoice:
		event_invoices.move_rows(old, new)


def _fix(kind: Kind, name: str) -> None:
	"""Write the fee of a seat that was confirmed just now, and take a free seat where there is one."""
	booking = record.lock(kind.booking, name)
	event = event_of(kind, booking[kind.field])
	currency = currency_of(event)
	role = booking.get("delegate_role")
	fee = _price(kind, event.name, currency, booking.participant_type, booking.tier, role)
	values = {**NO_FEE, "fee": fee, "currency": currency, "fee_due": fee, "fee_problem": None}
	if fee > 0:
		if key := free_seats.claim(kind, booking, event):
			values |= {"fee": ZERO, "fee_due": ZERO, "is_free_seat": 1, "free_seat_key": key}
		else:
			values["fee_state"] = rules.TO_INVOICE
			if booking.member:
				values["customer"] = frappe.db.get_value("IMTA Member", booking.member, "customer") or None
	record.update(kind.booking, name, values)


def give_up(kind: Kind, name: str) -> None:
	"""Write what is kept of the fee of a cancelled seat by the event's rules, and give a free seat back in time.

	Nothing is kept where the alliance has called the event off, also of what was given up late before.
	"""
	booking = record.lock(kind.booking, name)
	due = amount_of(booking.fee_due)
	if not booking.is_free_seat and due <= 0:
		return
	event = event_of(kind, booking[kind.field])
	by_alliance = event.status == windows.CANCELLED
	in_time = windows.present(booking.cancelled_at) <= windows.effective_cancel_until(event)
	if booking.is_free_seat:
		if by_alliance or in_time:
			_write(kind.booking, booking, {"is_free_seat": 0, "free_seat_key": None})
			free_seats.give_back(booking.free_seat_key)
		return
	kept = rules.kept(
		amount_of(booking.fee),
		currency=booking.currency,
		in_time=in_time,
		by_alliance=by_alliance,
		late_credit_percent=amount_of(event.late_credit_percent),
	)
	# A credit note by hand may have left less than that.
	set_due(kind, booking, min(kept, due))
	if booking.sales_invoice:
		billing.enqueue(kind.event, event.name)


def make_free(kind: Kind, name: str) -> bool:
	"""Take the fee off a booking that is not invoiced yet, where a free seat is left. Locks it."""
	booking = record.lock(kind.booking, name)
	if booking.sales_invoice or booking.status not in MARKS or amount_of(booking.fee_due) <= 0:
		return False
	key = free_seats.claim(kind, booking, event_of(kind, booking[kind.field]))
	if key:
		values = {**NO_FEE, "is_free_seat": 1, "free_seat_key": key, "fee_problem": None}
		_write(kind.booking, booking, values)
	return bool(key)


def follow_event(event_doctype: str, event: str) -> None:
	"""The event was moved: its free seats are those of the year in which it begins now.

	Where the member has none left in that year the seat stays free, as one of the year for which it was granted:
	nobody pays because the alliance has moved something. Within the caller's transaction.
	"""
	kind = kinds.of_event(event_doctype)
	names = frappe.get_all(
		kind.booking,
		{kind.field: event, "is_free_seat": 1, "status": ("in", sorted(MARKS))},
		pluck="name",
		order_by="name",
		limit=0,
	)
	# All bookings before any free seat, as everywhere.
	bookings = [record.lock(kind.booking, name) for name in names]
	document = event_of(kind, event)
	for booking in bookings:
		old = booking.free_seat_key
		if not old or booking.status not in MARKS or free_seats.is_of_year(old, document):
			continue
		if key := free_seats.claim(kind, booking, document):
			_write(kind.booking, booking, {"free_seat_key": key})
			free_seats.give_back(old)


def set_due(kind: Kind, booking: frappe._dict, due: Decimal) -> None:
	"""Write what of a fee is to be paid in the end, and the state that follows. The booking is locked."""
	write_state(kind, booking, fee_due=due)


def write_state(kind: Kind, booking: frappe._dict, **values: object) -> None:
	"""Write fields of a locked booking's fee with the state that follows from all of them."""
	before = frappe._dict(booking)
	booking.update(values)
	booking.fee_problem = None
	booking.fee_state = rules.state_of(
		fee_due=amount_of(booking.fee_due),
		is_invoiced=bool(booking.sales_invoice),
		is_live=booking.status in LIVE,
		to_credit=billing.to_credit([booking]).get(booking.name, ZERO),
	)
	_write(kind.booking, before, {**values, "fee_state": booking.fee_state, "fee_problem": None})


def _write(doctype: str, before: Mapping[str, Any], values: Mapping[str, Any]) -> None:
	"""Write fields of a locked booking's fee, and into its timeline what has changed since `before`."""
	record.update(doctype, before["name"], values)
	was, is_now = ({**row, **_amounts(row)} for row in (before, {**before, **values}))
	record.note_version(doctype, before["name"], was, is_now, TOLD)


def _amounts(row: Mapping[str, Any]) -> dict[str, Decimal]:
	"""Fees to be compared: a column's float is not the Decimal that was written."""
	return {field: amount_of(row.get(field)) for field in ("fee", "fee_due")}


def event_of(kind: Kind, name: str) -> frappe._dict:
	return frappe.db.get_value(kind.event, name, "*", as_dict=True)


def currency_of(event: Event) -> str:
	"""The currency of an event's fees; the company's where none is named."""
	if event.get("fee_currency"):
		return event.get("fee_currency")
	company = masters.default_company()
	return frappe.get_cached_value("Company", company, "default_currency") if company else "USD"


def _price(
	kind: Kind, event: str | None, currency: str, participant_type: str, tier: str | None, role: str | None
) -> Decimal:
	return _price_in(kind, _price_lists(kind, [event]).get(event, []), currency, participant_type, tier, role)


def _price_lists(kind: Kind, events: Collection[str | None]) -> dict[str, list[frappe._dict]]:
	"""The rows of fees of each event, in their order."""
	found: dict[str, list[frappe._dict]] = {}
	for row in frappe.get_all(
		"Seat Fee",
		{"parent": ("in", [event for event in events if event] or [""]), "parenttype": kind.event},
		["parent", "participant_type", "tier", "delegate_role", "fee"],
		order_by="idx",
		limit=0,
	):
		found.setdefault(row.parent, []).append(row)
	return found


def _price_in(
	kind: Kind,
	rows: Iterable[frappe._dict],
	currency: str,
	participant_type: str,
	tier: str | None,
	role: str | None,
) -> Decimal:
	return rules.fee_of(
		[
			rules.FeeRow(row.participant_type, amount_of(row.fee), row.tier or "", row.delegate_role or "")
			for row in rows
		],
		participant_type=participant_type,
		tier=tier,
		role=role if kind.roles else "Delegate",
		currency=currency,
	)
