"""Moves the lines of all events: ends offers that nobody answered, makes the next ones, closes what has begun.

Whatever frees a seat moves the line at once. This is for what only time brings about, the end of an offer, of a
reservation and of the time to wait, and for whatever was missed: it goes by how things stand, never by the
moment at which it happens to run.
"""

from __future__ import annotations

from datetime import datetime

import frappe

from imta_crm.policy.seating import PENDING
from imta_crm.seating import kinds, seats
from imta_crm.seating.kinds import Kind
from imta_crm.seating.windows import UPCOMING
from imta_crm.transactions import keep_step


def advance_all(now: datetime | None = None) -> dict[str, int]:
	"""Every five minutes: `seats.advance` for each event in which somebody waits. Returns what was done.

	Each event is a transaction of its own, and the failure of one is noted and stops no other.
	"""
	counts = {"events": 0, "offers": 0, "failed": 0}
	for kind in kinds.KINDS:
		for event in _with_a_line(kind):
			counts["events"] += 1
			try:
				counts["offers"] += seats.advance(kind.event, event, now)
			except Exception:
				frappe.db.rollback()
				counts["failed"] += 1
				frappe.log_error(
					title="The line of an event could not be moved",
					reference_doctype=kind.event,
					reference_name=event,
				)
			keep_step()
	return counts


def _with_a_line(kind: Kind) -> list[str]:
	booking, event = frappe.qb.DocType(kind.booking), frappe.qb.DocType(kind.event)
	return (
		frappe.qb.from_(booking)
		.join(event)
		.on(event.name == booking[kind.field])
		.select(event.name)
		.distinct()
		.where(booking.status.isin(sorted(PENDING)) & event.status.isin(UPCOMING))
		.orderby(event.name)
	).run(pluck=True)
