"""What the pages for members list: events that somebody may take part in, and somebody's own seats."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import frappe
from frappe import _
from frappe.utils import cint, flt, now_datetime

from imta_crm.activities import rules
from imta_crm.erp import invoice_copies
from imta_crm.invitations.mail_facts import is_chinese
from imta_crm.policy.seating import COMPLETED, HOLDS_SEAT, PENDING
from imta_crm.portal import facts, pages
from imta_crm.portal.visitor import Visitor
from imta_crm.seating import fees, kinds, materials, people, seats, windows

PROGRAM = "Member Training Program"
#: Reasons that somebody can do something about. All others mean that the event is for other people.
TO_BE_MET = frozenset({"training_prerequisite", "training_certificate"})
#: More events are not listed at once.
MOST = 60


@dataclass
class Seats:
	"""Somebody's seats, each with its event: those to answer, those to come, those that are over."""

	offers: list[tuple] = field(default_factory=list)
	coming: list[tuple] = field(default_factory=list)
	past: list[tuple] = field(default_factory=list)


def of_name(name: str) -> frappe._dict | None:
	"""The session or activity of this name."""
	for kind in kinds.KINDS:
		if found := facts.read_event(kind.event, name):
			# The database does not tell upper from lower case; an address does.
			return found if found.name == name else None
	return None


def seat_of_name(name: str) -> tuple[frappe._dict, frappe._dict] | None:
	"""The seat of this name, and its event."""
	for kind in kinds.KINDS:
		if found := facts.read_seat(kind.booking, name):
			return found if found[0].name == name else None
	return None


def is_shown(event: frappe._dict, visitor: Visitor) -> bool:
	"""Whether somebody sees an event at all: it is announced, and for people like them, or they have a seat."""
	if event.status == windows.DRAFT:
		return False
	if visitor.person.participant_type == people.STAFF:
		return True
	kind = kinds.of_event(event.doctype)
	return not _not_for(kind, event, visitor) or any(
		row[kind.field] == event.name for row in visitor.seats(kind)
	)


def upcoming(visitor: Visitor) -> dict[str, list[tuple[frappe._dict, frappe._dict]]]:
	"""Events to come that the visitor may take part in, the next first, by kind: facts and offer of each."""
	found: dict[str, list] = {"training": [], "activities": []}
	is_staff = visitor.person.participant_type == people.STAFF
	for kind in kinds.KINDS:
		mine = {row[kind.field]: row for row in visitor.seats(kind) if row.live_key}
		rows = frappe.get_all(
			kind.event,
			{"status": ("in", windows.UPCOMING), "starts_at_site": (">", now_datetime())},
			["*"],
			order_by="starts_at_site, name",
			limit=MOST,
		)
		for event in rows:
			event.doctype = kind.event
		if kind is kinds.ACTIVITY:
			rules.know_tiers(rows)
		person = visitor.as_participant(kind)
		listed = []
		for event in rows:
			refusals = kind.check(event, person, by_staff=False)
			if is_staff or event.name in mine or not _others_only(refusals):
				listed.append((event, refusals))
		shown = [event for event, _refusals in listed]
		stands, quotes = seats.occupancies(kind.event, shown), fees.quotes(shown, person)
		for event, refusals in listed:
			found["activities" if kind.roles else "training"].append(
				(
					facts.event(event, own_zone=visitor.person.time_zone),
					offer(
						event,
						visitor,
						mine.get(event.name),
						refusals,
						stand=stands[event.name],
						quote=quotes[event.name],
					),
				)
			)
	return found


def offer(
	event: frappe._dict,
	visitor: Visitor,
	seat: frappe._dict | None,
	refusals: list | None = None,
	*,
	stand: dict | None = None,
	quote: fees.Quote | None = None,
) -> frappe._dict:
	"""What the event offers to this visitor now: room, the fee, the state of the own seat, what stands against it.

	:param seat: the visitor's own live seat; `refusals` as the event's own rules say, `stand` as
	    `seats.occupancy` and `quote` as `fees.quote` say, where they are known
	"""
	kind = kinds.of_event(event.doctype)
	person = visitor.as_participant(kind)
	if refusals is None:
		refusals = kind.check(event, person, by_staff=False)
	status = windows.public_status(event)
	room = _room(event, person, stand)
	return frappe._dict(
		seat=frappe._dict(name=seat.name, state=facts.state(seat.status, seat)) if seat else None,
		room=room,
		fee=_fee(quote or fees.quote(event, person)) if not seat else facts.fee(seat),
		against=facts.refusal_texts(refusals),
		may_enrol=not seat and not refusals and status == windows.OPEN and room["kind"] != "bad",
		is_approved=bool(event.requires_approval),
		will_wait=room["waits"],
	)


def details(event: frappe._dict) -> frappe._dict:
	"""What the page of one event says besides."""
	if event.doctype == kinds.ACTIVITY.event:
		return frappe._dict(
			about=pages.safe_html(pages.by_language(event.description, event.description_zh)),
			programme=facts.programme(event),
			trainers=[],
			prerequisites=[],
		)
	program = frappe.get_cached_doc(PROGRAM, event.program)
	trainers = (
		frappe.get_all(
			"Event Trainer",
			{"parent": event.name, "parenttype": event.doctype},
			["trainer_name", "trainer_name_zh", "position"],
			order_by="idx",
		)
		or program.trainers
	)
	return frappe._dict(
		about=pages.safe_html(pages.by_language(program.objectives, program.objectives_zh)),
		programme=[],
		trainers=[
			{"name": pages.by_language(row.trainer_name, row.trainer_name_zh), "position": row.position}
			for row in trainers
		],
		prerequisites=[
			pages.by_language(
				*frappe.get_cached_value(PROGRAM, row.program, ["program_name", "program_name_zh"])
			)
			for row in program.prerequisites
		],
		certificate=bool(cint(program.issues_certificate)),
	)


def materials_for(event: frappe._dict, visitor: Visitor) -> list[dict]:
	"""What the visitor may read and load down, with the address of each."""
	kind = kinds.of_event(event.doctype)
	seat = visitor.seat_at(kind, event.name)
	found = []
	for each in materials.of_event(event.doctype, event.name, status=seat.status if seat else None):
		address = pages.to(f"training/{event.name}/material/{each.row}") if each.has_file else None
		link = each.link if each.link.startswith(("https://", "http://")) else None
		if address or link:
			found.append(
				{
					"title": pages.by_language(each.title, each.title_zh),
					"url": address or link,
					"is_file": bool(address),
				}
			)
	return found


def live_by_contact(kind: kinds.Kind, event: str, contacts: Collection[str]) -> dict[str, frappe._dict]:
	"""The live seats of these people at an event."""
	if not contacts:
		return {}
	rows = frappe.get_all(
		kind.booking,
		{kind.field: event, "contact": ("in", list(contacts)), "live_key": ("is", "set")},
		["contact", "status", "queue_no", kind.field],
	)
	return {row.contact: frappe._dict(row, doctype=kind.booking) for row in rows}


def seats_of(visitor: Visitor) -> Seats:
	"""The visitor's own seats; those to come by their beginning, those that are over the latest first."""
	found = Seats()
	for kind in kinds.KINDS:
		rows = visitor.seats(kind)
		known = _events(kind, {row[kind.field] for row in rows})
		for row in rows:
			event = known[row[kind.field]]
			seat = facts.seat(row, event)
			entry = (facts.event(event, own_zone=row.time_zone or visitor.person.time_zone), seat)
			if seat.is_offered:
				found.offers.append(entry)
			elif windows.has_ended(event) or not (seat.status in HOLDS_SEAT or seat.status in PENDING):
				found.past.append(entry)
			else:
				found.coming.append(entry)
	for entries, backwards in ((found.offers, False), (found.coming, False), (found.past, True)):
		entries.sort(key=lambda entry: entry[0].starts_at_site, reverse=backwards)
	return found


def colleagues_of(visitor: Visitor) -> list[tuple[frappe._dict, frappe._dict]]:
	"""Seats to come of the people whom the visitor represents, each with its event."""
	found = []
	for kind in kinds.KINDS:
		rows = visitor.seats_of_colleagues(kind)
		known = _events(kind, {row[kind.field] for row in rows})
		for row in rows:
			event = known[row[kind.field]]
			found.append((facts.event(event), facts.seat(row, event)))
	return sorted(found, key=lambda entry: entry[0].starts_at_site)


def trained_members(visitor: Visitor) -> list[dict]:
	"""The organisations that the visitor represents whose people have completed anything."""
	if not visitor.represents:
		return []
	with_hours = frappe.get_all(
		kinds.TRAINING.booking,
		{"member": ("in", visitor.represents), "status": COMPLETED},
		pluck="member",
		distinct=True,
		order_by=None,
	)
	rows = frappe.get_all(
		"IMTA Member",
		{"name": ("in", with_hours or [""]), "member_type": ("!=", "Individual")},
		["name", "member_name", "member_name_local"],
		order_by="member_name",
	)
	return [
		{
			"name": row.name,
			"title": row.member_name_local
			if pages.is_zh() and is_chinese(row.member_name_local or "")
			else row.member_name,
		}
		for row in rows
	]


def invoices_of(visitor: Visitor) -> list[dict]:
	"""The invoices for sessions and activities of the members whom the visitor represents."""
	found = []
	for row in invoice_copies.of_customers(visitor.customers):
		titles = frappe.get_cached_value(row.imta_event_doctype, row.imta_event, ["title", "title_zh"]) or (
			"",
			"",
		)
		if row.is_return:
			kind, label = "", _("Credit note")
		elif flt(row.outstanding_amount) > 0:
			kind, label = "wait", _("Due on {0}").format(pages.day(row.due_date))
		else:
			kind, label = "good", _("Paid")
		found.append(
			{
				"name": row.name,
				"title": pages.by_language(*titles),
				"day": pages.day(row.posting_date),
				"amount": pages.money(row.grand_total, row.currency),
				"state": {"kind": kind, "label": label},
			}
		)
	return found


def _events(kind: kinds.Kind, names: Collection[str]) -> dict[str, frappe._dict]:
	if not names:
		return {}
	rows = frappe.get_all(kind.event, {"name": ("in", list(names))}, ["*"], order_by=None, limit=0)
	for row in rows:
		row.doctype = kind.event
	return {row.name: row for row in rows}


def _not_for(kind: kinds.Kind, event: frappe._dict, visitor: Visitor) -> bool:
	return _others_only(kind.check(event, visitor.as_participant(kind), by_staff=False))


def _others_only(refusals: list) -> bool:
	"""Whether an event is for other people than the one who was refused so."""
	return any(refusal.code not in TO_BE_MET for refusal in refusals)


def _room(event: frappe._dict, person: people.Person, stand: dict | None = None) -> dict:
	"""How many seats there are for this person, in words; whether who enrols now has to wait."""
	status = windows.public_status(event)
	if status == windows.NOT_YET_OPEN:
		opens = pages.moment(windows.opens_at(event))
		return {"kind": "", "label": _("Enrolment opens on {0}").format(opens), "waits": False}
	if status != windows.OPEN:
		labels = {
			windows.CANCELLED: _("Cancelled", context="Training Session"),
			windows.HELD: _("Over"),
			windows.BEGUN: _("Has begun"),
		}
		return {"kind": "", "label": labels.get(status, _("Enrolment is closed")), "waits": False}
	stand = stand or seats.occupancy(event.doctype, event.name)
	if not stand["capacity"]:
		return {"kind": "good", "label": _("Seats available"), "waits": False}
	free = sum(
		pool["free"]
		for pool in stand["pools"]
		if pool["tier"] in ("", person.tier) and pool["delegate_role"] in ("", person.delegate_role)
	)
	if free > 0:
		label = _("1 seat free") if free == 1 else _("{0} seats free").format(free)
		return {"kind": "good", "label": label, "waits": False}
	waiting, most = stand["waiting"], cint(event.max_waiting)
	if most and waiting >= most:
		return {"kind": "bad", "label": _("Full, also the waitlist"), "waits": False}
	return {"kind": "wait", "label": _("Full, {0} on the waitlist").format(waiting), "waits": True}


def _fee(quote: fees.Quote) -> str:
	if quote.is_free_seat:
		return _("Free seat of the membership")
	return pages.money(quote.fee, quote.currency) if quote.fee else _("No fee")
