"""How much the people of a member take part: trainings, hours, activities, and seats that stayed empty.

Worked out from the seats as they stand, for one member or for many with one query for each kind of seat.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal

import frappe
from frappe.model.document import Document
from frappe.query_builder import Case
from frappe.query_builder.functions import Count, Max, Sum
from frappe.utils import cint, get_datetime

from imta_crm.policy.seating import ATTENDED, COMPLETED, CONFIRMED, NO_SHOW
from imta_crm.seating import kinds

TOOK_PART = (ATTENDED, COMPLETED)


@dataclass(frozen=True)
class Engagement:
	"""Numbers of seats, not of different people; several people of one member count each.

	`trainings` and `activities` are seats of those who came, `no_shows` of those who did not; `coming` is
	confirmed and not yet held. `hours` of professional development. `last_at` is when the latest one they took
	part in began, by the site's clock.
	"""

	member: str
	trainings: int = 0
	hours: Decimal = Decimal(0)
	activities: int = 0
	no_shows: int = 0
	coming: int = 0
	last_at: datetime | None = None

	@property
	def taken_part(self) -> int:
		return self.trainings + self.activities


def of_member(member: str, since: date | None = None) -> Engagement:
	"""How much the people of one member take part; `since`: in what began on that day or later."""
	return of_members([member], since)[member]


def of_members(
	members: Iterable[str], since: date | None = None, until: date | None = None
) -> dict[str, Engagement]:
	"""The same for many members; a query for each kind of seat, whatever their number.

	:param until: the last day on which what is counted began
	"""
	found = {member: Engagement(member) for member in members}
	if not found:
		return found
	for row in _rows(kinds.TRAINING, list(found), since, until):
		found[row.member] = replace(
			_add(found[row.member], row),
			trainings=cint(row.taken_part),
			hours=Decimal(str(row.hours or 0)).quantize(Decimal("0.01")),
		)
	for row in _rows(kinds.ACTIVITY, list(found), since, until):
		found[row.member] = replace(_add(found[row.member], row), activities=cint(row.taken_part))
	return found


def show_on_member(member: Document, method: str | None = None) -> None:
	"""Give the member's form how much its people take part, in all and in the last year (`onload`)."""
	if member.is_new() or not frappe.has_permission(kinds.ACTIVITY.booking, "read"):
		return
	year_ago = frappe.utils.getdate(frappe.utils.add_years(frappe.utils.nowdate(), -1))
	shown = {
		key: {**asdict(numbers), "hours": float(numbers.hours)}
		for key, numbers in (
			("all", of_member(member.name)),
			("year", of_member(member.name, year_ago)),
		)
	}
	member.set_onload("engagement", {**shown, "since": year_ago})


def _add(numbers: Engagement, row: frappe._dict) -> Engagement:
	last = get_datetime(row.last_at) if row.last_at else None
	return replace(
		numbers,
		no_shows=numbers.no_shows + cint(row.no_shows),
		coming=numbers.coming + cint(row.coming),
		last_at=max(filter(None, (numbers.last_at, last)), default=None),
	)


def _rows(kind: kinds.Kind, members: list[str], since: date | None, until: date | None) -> list[frappe._dict]:
	seat = frappe.qb.DocType(kind.booking)
	came = seat.status.isin(TOOK_PART)

	def number(condition):
		return Sum(Case().when(condition, 1).else_(0))

	query = (
		frappe.qb.from_(seat)
		.select(
			seat.member,
			Count("*").as_("seats"),
			number(came).as_("taken_part"),
			number(seat.status == NO_SHOW).as_("no_shows"),
			number((seat.status == CONFIRMED) & (seat.starts_at_site > frappe.utils.now_datetime())).as_(
				"coming"
			),
			Max(Case().when(came, seat.starts_at_site)).as_("last_at"),
		)
		.where(seat.member.isin(members) & seat.status.isin((*TOOK_PART, NO_SHOW, CONFIRMED)))
		.groupby(seat.member)
	)
	if kind is kinds.TRAINING:
		query = query.select(Sum(Case().when(seat.status == COMPLETED, seat.hours).else_(0)).as_("hours"))
	if since:
		query = query.where(seat.starts_at_site >= since)
	if until:
		query = query.where(seat.starts_at_site < frappe.utils.add_days(until, 1))
	return query.run(as_dict=True)
