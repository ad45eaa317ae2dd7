"""Takes seats, waits for them, gives them back: every decision about one, under the lock of its event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import frappe

from imta_crm.policy.seating import Refusal
from imta_crm.seating.people import Person


class EnrollmentRefused(frappe.ValidationError):
	"""Somebody gets no seat, or may not do this with one; `refusals` says why."""

	def __init__(self, *args: object, refusals: Sequence[Refusal] = ()):
		super().__init__(*args)
		self.refusals = list(refusals)


@dataclass(frozen=True)
class Booked:
	"""A seat or a place in line. `already` where it was there before."""

	name: str
	status: str
	place_in_line: int | None = None
	already: bool = False


@dataclass(frozen=True)
class Outcome:
	"""What became of one person of several."""

	person: Person
	booked: Booked | None = None
	refusals: tuple[Refusal, ...] = ()


def request(
	event_doctype: str,
	event: str,
	person: Person,
	*,
	by_staff: bool = False,
	enrolled_by: str | None = None,
	group_key: str | None = None,
	remarks: str | None = None,
	extra: Mapping[str, object] | None = None,
) -> Booked:
	raise NotImplementedError


def request_many(
	event_doctype: str,
	event: str,
	persons: Sequence[Person],
	*,
	by_staff: bool = False,
	enrolled_by: str | None = None,
	group_key: str | None = None,
	remarks: str | None = None,
	extra: Mapping[str, object] | None = None,
) -> list[Outcome]:
	raise NotImplementedError


def cancel(
	booking_doctype: str, booking: str, *, reason: str, by: str | None, by_staff: bool = False
) -> None:
	raise NotImplementedError


def cancel_all(event_doctype: str, event: str, *, reason: str) -> int:
	raise NotImplementedError


def transfer(
	booking_doctype: str, booking: str, person: Person, *, by: str | None, by_staff: bool = False
) -> Booked:
	raise NotImplementedError


def accept_offer(booking_doctype: str, booking: str) -> Booked:
	raise NotImplementedError


def decline_offer(booking_doctype: str, booking: str, reason: str | None = None) -> None:
	raise NotImplementedError


def approve(booking_doctype: str, booking: str) -> Booked:
	raise NotImplementedError


def refuse(booking_doctype: str, booking: str, reason: str) -> None:
	raise NotImplementedError


def mark(
	booking_doctype: str,
	booking: str,
	status: str,
	*,
	via: str | None,
	at: datetime | None = None,
	by: str | None = None,
	minutes: int | None = None,
) -> None:
	raise NotImplementedError


def advance(event_doctype: str, event: str, now: datetime | None = None) -> int:
	raise NotImplementedError


def occupancy(event_doctype: str, event: str) -> dict:
	raise NotImplementedError
