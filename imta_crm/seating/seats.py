"""Takes seats, waits for them, gives them back: every decision about one, under the lock of its event.

Whoever wants something of an event's seats locks the event's row, looks at its live bookings, and asks
`policy.seating`. So decisions come one after the other, in the order in which the row was got, and that order is
the order of arrival: it gives each booking its number.

Each public function is a whole transaction up to the commit, which is its caller's. Where nothing has been
written yet it begins a transaction of its own that always reads what is committed, takes no locks but those of
people and events, and so meets no deadlock, and that is tried again where the database asks for it. In the middle
of a transaction it is a part of that: it reads with locks, because there a plain read would show the past, and
leaves it to whoever began the transaction to try it again.

Everything may be repeated: what is done already is answered as it stands. Nothing here checks permissions: the
caller has. Times are the site's, naive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from typing import TypeVar

import frappe
from frappe import _
from frappe.utils import cint, cstr, format_datetime, now_datetime

from imta_crm.policy.names import fold
from imta_crm.policy.seating import (
	ATTENDED,
	CANCELLED,
	CONFIRMED,
	HOLDS_SEAT,
	LIVE,
	MARKS,
	MAY_CANCEL,
	OFFERED,
	PENDING,
	REQUESTED,
	WAITLISTED,
	Pool,
	Refusal,
	Seats,
	Waiting,
	next_offers,
	seats_allowed,
)
from imta_crm.seating import fees, kinds, notices, record, windows
from imta_crm.seating.kinds import Kind
from imta_crm.seating.people import GUEST, MEMBER, Person
from imta_crm.transactions import inside_all_or_nothing, persistently

T = TypeVar("T")

#: What the engine reads of each live booking.
FIELDS = (
	"name",
	"status",
	"pool",
	"queue_no",
	"offer_expires_at",
	"contact",
	"email_folded",
	"participant_type",
	"participant_name",
	"member",
	"tier",
	"organisation",
	"confirmed_at",
)
#: No caller may set these by `extra`.
DECIDED_HERE = frozenset({"name", "status", "pool", "queue_no", "live_key", "requested_at", "confirmed_at"})


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
	"""What became of one person of several: a booking, or why there is none."""

	person: Person
	booked: Booked | None = None
	refusals: tuple[Refusal, ...] = ()


# Taking a seat


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
	"""A seat for this person, else a place in line, else a request that waits for the coordinator.

	Somebody who has a live booking already gets that one.

	:param by_staff: the secretariat enrols: also outside the window, and without approval
	:param enrolled_by: the user who does it; by default the session's
	:param group_key: the same for people who are enrolled together
	:param extra: more fields of the booking, as `stand` or `invitation`
	:raises EnrollmentRefused: with all the reasons that apply
	"""
	(outcome,) = request_many(
		event_doctype,
		event,
		[person],
		by_staff=by_staff,
		enrolled_by=enrolled_by,
		group_key=group_key,
		remarks=remarks,
		extra=extra,
	)
	if outcome.booked is None:
		_refuse(outcome.refusals)
	return outcome.booked


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
	"""`request` for several, who arrive in the order given; each has an outcome of its own, and none stops another."""
	kind = kinds.of_event(event_doctype)
	details = {**(extra or {}), "enrolled_by": enrolled_by or frappe.session.user}
	details |= {"group_key": group_key} if group_key else {}
	details |= {"remarks": remarks} if remarks else {}
	if not DECIDED_HERE.isdisjoint(details):
		raise ValueError(f"decided by the engine: {DECIDED_HERE.intersection(details)}")

	def step() -> list[Outcome]:
		plan = _Plan.locked(kind, event, persons)
		return [plan.admit(person, by_staff=by_staff, details=details) for person in persons]

	return _transaction(step)


def transfer(
	booking_doctype: str, booking: str, person: Person, *, by: str | None, by_staff: bool = False
) -> Booked:
	"""Give a confirmed seat, with its fee, to a colleague of the same organisation. It is never free in between.

	Somebody who was waiting, and takes over a colleague's seat, waits no longer.

	:raises EnrollmentRefused: too late, no seat, another organisation, or the colleague may not take part
	"""
	kind = kinds.of_booking(booking_doctype)

	def step() -> Booked:
		event = _event_of(kind, booking)
		plan = _Plan.locked(kind, event, [person])
		old = record.lock(kind.booking, booking)
		if old.status == CANCELLED:
			heir = plan.heir_of(booking)
			if heir and _is_same_person(heir, person):
				return plan.booked(heir, already=True)
		to = person.as_role(old.get("delegate_role")) if kind.roles else person
		return plan.hand_over(old, to, by=by, by_staff=by_staff)

	return _transaction(step)


def accept_offer(booking_doctype: str, booking: str) -> Booked:
	"""Take the seat that is offered.

	:raises EnrollmentRefused: the offer is over, or the person has a seat elsewhere at that time
	"""
	kind = kinds.of_booking(booking_doctype)

	def step() -> Booked:
		plan = _Plan.of_booking(kind, booking)
		row = record.lock(kind.booking, booking)
		if row.status == CONFIRMED:
			return plan.booked(row, already=True)
		if row.status not in (OFFERED, CANCELLED):
			_refuse([Refusal("seat_not_offered")])
		is_late = row.offer_expires_at and row.offer_expires_at <= plan.now
		if row.status == CANCELLED or is_late or not plan.is_upcoming:
			_refuse([Refusal("seat_offer_over")])
		_refuse(plan.double_booking(row))
		return plan.booked(record.write(kind.booking, booking, status=CONFIRMED))

	return _transaction(step)


def approve(booking_doctype: str, booking: str) -> Booked:
	"""The coordinator says yes: a seat, or a place in line by the time of the request.

	:raises EnrollmentRefused: it is over, or the person has a seat elsewhere at that time
	"""
	kind = kinds.of_booking(booking_doctype)

	def step() -> Booked:
		plan = _Plan.of_booking(kind, booking)
		row = record.lock(kind.booking, booking)
		if row.status == CANCELLED:
			_refuse([Refusal("seat_cancelled")])
		if row.status != REQUESTED:
			return plan.booked(row, already=True)
		if plan.is_over:
			_refuse([Refusal("seat_event_over")])
		me = plan.as_waiting(row)
		if plan.seats().place(me.tier, me.role) is not None:
			_refuse(plan.double_booking(row))
		pool = plan.serve(me)
		if pool is None:
			_refuse(plan.no_waiting())
			return plan.booked(plan.write(booking, status=WAITLISTED))
		return plan.booked(plan.write(booking, status=CONFIRMED, pool=pool))

	return _transaction(step)


# Giving a seat back


def cancel(
	booking_doctype: str, booking: str, *, reason: str, by: str | None, by_staff: bool = False
) -> None:
	"""Give a seat or a place in line back; what becomes free is offered to the next in line at once.

	Participants may until the event's deadline, those without a confirmed seat until it begins; the secretariat
	until it ends. A second time changes nothing.

	:param by: the user who does it; None for a participant with a link
	:raises EnrollmentRefused: too late, or the seat has been used
	"""
	kind = kinds.of_booking(booking_doctype)

	def step() -> None:
		plan = _Plan(kind, _event_of(kind, booking))
		row = record.lock(kind.booking, booking)
		if row.status == CANCELLED:
			return
		_refuse(plan.not_cancellable(row, by_staff))
		plan.write(booking, status=CANCELLED, cancel_reason=reason, cancelled_by=by)
		plan.advance()

	_transaction(step)


def decline_offer(booking_doctype: str, booking: str, reason: str | None = None) -> None:
	"""Do without the seat that is offered; the next in line gets the offer.

	:raises EnrollmentRefused: nothing is offered
	"""
	kind = kinds.of_booking(booking_doctype)

	def step() -> None:
		plan = _Plan(kind, _event_of(kind, booking))
		row = record.lock(kind.booking, booking)
		if row.status == CANCELLED:
			return
		if row.status != OFFERED:
			_refuse([Refusal("seat_not_offered")])
		plan.write(booking, status=CANCELLED, cancel_reason=reason or _("The offer was declined."))
		plan.advance()

	_transaction(step)


def refuse(booking_doctype: str, booking: str, reason: str) -> None:
	"""The coordinator says no to a request.

	:raises EnrollmentRefused: it has been decided already
	"""
	kind = kinds.of_booking(booking_doctype)

	def step() -> None:
		record.lock(kind.event, _event_of(kind, booking))
		row = record.lock(kind.booking, booking)
		if row.status == CANCELLED:
			return
		if row.status != REQUESTED:
			_refuse([Refusal("seat_decided")])
		record.write(kind.booking, booking, status=CANCELLED, cancel_reason=reason)

	_transaction(step)


def cancel_all(event_doctype: str, event: str, *, reason: str) -> int:
	"""The event is cancelled: so are all seats and places in line. Nobody moves up. Returns how many."""
	kind = kinds.of_event(event_doctype)

	def step() -> int:
		plan = _Plan(kind, event)
		rows = plan.rows(MAY_CANCEL)
		for row in rows:
			record.write(kind.booking, row.name, status=CANCELLED, cancel_reason=reason)
		return len(rows)

	return _transaction(step)


# After the event has begun


def mark(
	booking_doctype: str,
	booking: str,
	status: str,
	*,
	via: str | None,
	at: datetime | None = None,
	by: str | None = None,
	minutes: int | None = None,
	**values: object,
) -> bool:
	"""What attendance says of a seat: Attended, No-show, Completed, or Confirmed again. Whether it changed.

	:param via: an option of `check_in_via`; counts for Attended alone
	:param at: when the person came, by the site's clock
	:param minutes: how long they were there, where that is known
	:param values: more fields to write, as `hours`
	:raises record.ForbiddenStep: the seat cannot become that, as one that nobody has confirmed
	"""
	if status not in MARKS:
		raise ValueError(f"{status} is no attendance")

	def step() -> bool:
		row = record.lock(booking_doctype, booking)
		if row.status not in MARKS:
			frappe.throw(
				_("{0} has no seat: {1}.").format(row.participant_name, _(row.status)), record.ForbiddenStep
			)
		if minutes is not None:
			values["attended_minutes"] = minutes
		if row.status == status:
			if any(row.get(field) != value for field, value in values.items()):
				record.write(booking_doctype, booking, **values)
			return False
		if status == ATTENDED and not row.checked_in_at:
			values.update(
				checked_in_at=at or now_datetime(), checked_in_by=by or frappe.session.user, check_in_via=via
			)
		record.write(booking_doctype, booking, status=status, **values)
		return True

	return _transaction(step)


# Moving the line


def advance(event_doctype: str, event: str, now: datetime | None = None) -> int:
	"""End offers that nobody answered in time and offer what is free; once it has begun, close the line.

	Returns how many offers were made. Done after whatever frees a seat: more capacity, fewer reservations.
	"""
	kind = kinds.of_event(event_doctype)
	return _transaction(lambda: _Plan(kind, event, now).advance())


def follow_event(event_doctype: str, event: str) -> None:
	"""The event was moved: its bookings repeat when it begins and ends. Within the caller's transaction."""
	kind = kinds.of_event(event_doctype)
	frappe.db.sql(
		f"""update `tab{kind.booking}` booking join `tab{kind.event}` event on event.name = booking.`{kind.field}`
		set booking.starts_at_site = event.starts_at_site, booking.ends_at_site = event.ends_at_site
		where event.name = %s and booking.live_key is not null""",
		event,
	)


def double_booked(event_doctype: str, event: str) -> list[tuple[str, str]]:
	"""Who has a seat here and one at another event at the same time, with its title; a move may bring it about."""
	own = kinds.of_event(event_doctype)
	found = set()
	for kind in kinds.KINDS:
		for same in ("contact", "email_folded"):
			found.update(
				frappe.db.sql(
					f"""select mine.queue_no, mine.participant_name, event.title
					from `tab{own.booking}` mine join `tab{kind.booking}` other on other.`{same}` = mine.`{same}`
					join `tab{kind.event}` event on event.name = other.`{kind.field}`
					where mine.`{own.field}` = %(event)s and mine.status in %(statuses)s
						and mine.`{same}` != '' and event.name != %(event)s
						and other.live_key is not null and other.status in %(statuses)s
						and other.starts_at_site < mine.ends_at_site
						and other.ends_at_site > mine.starts_at_site""",
					{"event": event, "statuses": tuple(HOLDS_SEAT)},
				)
			)
	return [(name, title) for _number, name, title in sorted(found)]


# How it stands


def occupancy(event_doctype: str, event: str, *, for_update: bool = False) -> dict:
	"""How an event's seats stand, for forms, pages and checks.

	`capacity` (0: no limit, and then `free` is None), `taken` (`offered` among them), `offered`, `waiting`,
	`requested`, `attended`, `free`, and `pools`: for each reservation `tier`, `delegate_role`, `seats`, `taken`
	and `free`, the last one, with `is_open`, being for everybody.

	:param for_update: lock the event and read what is committed, for a decision that depends on it
	"""
	return _stand(_Plan(kinds.of_event(event_doctype), event, must_lock=for_update))


def occupancies(event_doctype: str, events: Iterable[Mapping]) -> dict[str, dict]:
	"""`occupancy` of many events by name, with as many queries as of one.

	:param events: all fields of each
	"""
	kind, rows = kinds.of_event(event_doctype), {event["name"]: frappe._dict(event) for event in events}
	if not rows:
		return {}
	counts: dict[str, Counter[tuple[str, str]]] = {name: Counter() for name in rows}
	for event, status, pool, count in frappe.db.sql(
		f"""select `{kind.field}`, status, pool, count(*) from `tab{kind.booking}`
		where `{kind.field}` in %s and status in %s group by `{kind.field}`, status, pool""",
		(tuple(rows), tuple(LIVE)),
	):
		counts[event][status, pool or ""] += count
	pools: dict[str, list[Pool]] = {name: [] for name in rows}
	for event, tier, role, reserved in frappe.db.sql(
		"""select parent, tier, delegate_role, seats from `tabSeat Reservation`
		where parent in %s and parenttype = %s""",
		(tuple(rows), kind.event),
	):
		pools[event].append(Pool(tier or "", role or "", cint(reserved)))
	return {
		name: _stand(_Plan.as_read(kind, row, counts[name], pools[name] if row.capacity else ()))
		for name, row in rows.items()
	}


def _stand(plan: _Plan) -> dict:
	statuses = plan.statuses()
	seats = plan.seats()
	free = {} if seats.is_unlimited else seats.free()
	pools = [
		{
			"tier": pool.tier,
			"delegate_role": pool.role,
			"seats": pool.seats,
			"taken": seats.taken.get(pool.key, 0),
			"free": free[pool.key],
			"is_open": False,
		}
		for pool in seats.reserved
	]
	kept = sum(pool["seats"] for pool in pools)
	of_pools = {pool.key for pool in seats.reserved}
	pools.append(
		{
			"tier": "",
			"delegate_role": "",
			"seats": max(seats.capacity - kept, 0),
			"taken": sum(count for key, count in seats.taken.items() if key not in of_pools),
			"free": free.get("") if free else None,
			"is_open": True,
		}
	)
	return {
		"capacity": seats.capacity,
		"taken": seats.total_taken,
		"offered": statuses[OFFERED],
		"waiting": statuses[WAITLISTED],
		"requested": statuses[REQUESTED],
		"attended": statuses[ATTENDED],
		"free": sum(free.values()) if free else None,
		"pools": pools,
	}


def taken_from(event_doctype: str, event: str, pool: str) -> int:
	"""How many people hold a seat of this pool."""
	kind = kinds.of_event(event_doctype)
	return frappe.db.count(
		kind.booking, {kind.field: event, "pool": pool, "status": ("in", tuple(HOLDS_SEAT))}
	)


def line_of(booking_doctype: str, event: str, queue_no: int) -> int:
	"""The place in line of who waits with this number, from 1."""
	kind = kinds.of_booking(booking_doctype)
	return 1 + frappe.db.count(
		kind.booking, {kind.field: event, "status": WAITLISTED, "queue_no": ("<", queue_no)}
	)


# The event under its lock


class _Plan:
	"""An event and its live bookings as they are now, and what is decided about them. Locks the event."""

	def __init__(self, kind: Kind, event: str, now: datetime | None = None, *, must_lock: bool = True):
		self.kind = kind
		if must_lock:
			self.event = record.lock(kind.event, event)
		else:
			self.event = frappe.db.sql(
				f"select * from `tab{kind.event}` where name = %s", event, as_dict=True
			)[0]
		self.now = now or now_datetime()
		self._counts: Counter[tuple[str, str]] | None = None
		# In a transaction that reads what is committed, the event's lock is enough.
		self.reading = " lock in share mode" if must_lock and not frappe.flags.imta_reads_committed else ""

	@classmethod
	def as_read(
		cls, kind: Kind, event: frappe._dict, counts: Counter[tuple[str, str]], pools: Iterable[Pool]
	) -> _Plan:
		"""Of what has been read already, without any lock: to show, not to decide."""
		plan = cls.__new__(cls)
		plan.kind, plan.event, plan.now, plan.reading = kind, event, now_datetime(), ""
		plan._counts, plan.pools = counts, tuple(pools)
		return plan

	@classmethod
	def locked(cls, kind: Kind, event: str, people: Iterable[Person]) -> _Plan:
		"""With the people and, where their free seats are counted, their members locked before."""
		people = list(people)
		record.lock_people((person.contact, person.email_folded) for person in people)
		cls._lock_members(kind, event, {person.member for person in people if person.member})
		return cls(kind, event)

	@classmethod
	def of_booking(cls, kind: Kind, booking: str) -> _Plan:
		"""As `locked`, for the person of a booking."""
		row = frappe.db.get_value(
			kind.booking, booking, [kind.field, "contact", "email_folded", "member"], as_dict=True
		)
		if not row:
			record.lock(kind.booking, booking)  # says that there is none
		record.lock_people([(row.contact, row.email_folded)])
		cls._lock_members(kind, row[kind.field], {row.member} if row.member else set())
		return cls(kind, row[kind.field])

	@staticmethod
	def _lock_members(kind: Kind, event: str, members: Collection[str]) -> None:
		if members and _counts_free_seats(kind, event):
			for member in sorted(members):
				record.lock_member(member)

	def counts(self) -> Counter[tuple[str, str]]:
		"""How many live bookings there are by status and pool; read again after each change."""
		if self._counts is None:
			rows = frappe.db.sql(
				f"""select status, pool, count(*) from `tab{self.kind.booking}`
				where `{self.kind.field}` = %s and status in %s group by status, pool{self.reading}""",
				(self.event.name, tuple(LIVE)),
			)
			self._counts = Counter()
			for status, pool, count in rows:
				self._counts[status, pool or ""] += count
		return self._counts

	def statuses(self) -> Counter[str]:
		found: Counter[str] = Counter()
		for (status, _pool), count in self.counts().items():
			found[status] += count
		return found

	def rows(self, statuses: Iterable[str] = LIVE, where: str = "", **values: object) -> list[frappe._dict]:
		"""Live bookings in order of arrival. `where` is a condition with the values by name."""
		fields = ", ".join(
			f"`{field}`" for field in (*FIELDS, *(["delegate_role"] if self.kind.roles else []))
		)
		return frappe.db.sql(
			f"""select {fields} from `tab{self.kind.booking}`
			where `{self.kind.field}` = %(event)s and status in %(statuses)s {where and "and " + where}
			order by queue_no{self.reading}""",
			{"event": self.event.name, "statuses": tuple(statuses), **values},
			as_dict=True,
		)

	@cached_property
	def pools(self) -> tuple[Pool, ...]:
		if not self.event.capacity:
			return ()
		rows = frappe.db.sql(
			f"""select tier, delegate_role, seats from `tabSeat Reservation`
			where parent = %s and parenttype = %s{self.reading}""",
			(self.event.name, self.kind.event),
		)
		return tuple(Pool(tier or "", role or "", cint(seats)) for tier, role, seats in rows)

	@cached_property
	def limits(self) -> list[tuple[str, int]]:
		rows = frappe.db.sql(
			f"""select tier, seats from `tabSeat Limit`
			where parent = %s and parenttype = %s order by idx{self.reading}""",
			(self.event.name, self.kind.event),
		)
		return [(tier or "", cint(seats)) for tier, seats in rows]

	@cached_property
	def has_begun(self) -> bool:
		return windows.has_begun(self.event, self.now)

	@property
	def is_upcoming(self) -> bool:
		return self.event.status in windows.UPCOMING and not self.has_begun

	@property
	def is_over(self) -> bool:
		return self.event.status not in windows.UPCOMING or windows.has_ended(self.event, self.now)

	def seats(self) -> Seats:
		taken: Counter[str] = Counter()
		for (status, pool), count in self.counts().items():
			if status in HOLDS_SEAT:
				taken[pool] += count
		return Seats(
			cint(self.event.capacity), self.pools, taken, not windows.is_reserved(self.event, self.now)
		)

	def as_waiting(self, row: Mapping) -> Waiting:
		return Waiting(row["name"], row["queue_no"], row["tier"] or "", row.get("delegate_role") or "")

	# Admission

	def admit(self, person: Person, *, by_staff: bool, details: Mapping[str, object]) -> Outcome:
		"""A booking for this person, or why there is none."""
		there = self.booking_of(person)
		if there:
			return Outcome(person, self.booked(there, already=True))
		refusals = self.refusals(person, by_staff)
		if refusals:
			return Outcome(person, refusals=tuple(refusals))
		pool = None
		if cint(self.event.requires_approval) and not by_staff:
			status = REQUESTED
		else:
			newcomer = Waiting("", cint(self.event.arrivals) + 1, person.tier or "", self.role_of(person))
			pool = self.serve(newcomer)
			status = WAITLISTED if pool is None else CONFIRMED
			refusals = self.no_waiting() if pool is None else self.double_booking(self.facts_of(person))
			if refusals:
				return Outcome(person, refusals=tuple(refusals))
		row = self.insert(person, status, pool, details)
		record.tell(self.kind.booking, row.name, None, status)
		return Outcome(person, self.booked(row))

	def refusals(self, person: Person, by_staff: bool, *, in_place_of: str | None = None) -> list[Refusal]:
		"""Why this person may not have a booking, whether or not there is a seat."""
		if not person.email_folded:
			return [Refusal("seat_no_email", {"name": person.name})]
		closed = self.closed(by_staff) if in_place_of is None else []
		return [
			*closed,
			*self.over_limit(person, in_place_of),
			*self.kind.check(self.event, person, by_staff=by_staff),
		]

	def closed(self, by_staff: bool) -> list[Refusal]:
		if self.is_over:
			if self.event.status in windows.UPCOMING:
				return [Refusal("seat_event_over")]
			return [Refusal("seat_event_not_open", {"status": _(self.event.status)})]
		if by_staff or windows.is_open(self.event, self.now):
			return []
		opens = windows.opens_at(self.event)
		if opens and windows.present(self.now) < opens:
			return [Refusal("seat_not_yet_open", {"opens": self.told(opens)})]
		return [Refusal("seat_closed")]

	def over_limit(self, person: Person, in_place_of: str | None = None) -> list[Refusal]:
		allowed = seats_allowed(self.limits, person.tier or "")
		if allowed is None or not (
			person.member or (person.participant_type == GUEST and person.organisation)
		):
			return []
		if person.member:
			others = self.rows(LIVE, "member = %(member)s", member=person.member)
		else:
			others = self.rows(LIVE, "participant_type = %(guest)s and organisation is not null", guest=GUEST)
		others = [row for row in others if row.name != in_place_of and _same_organisation(row, person)]
		if len(others) < allowed:
			return []
		name = person.organisation or person.name
		return [Refusal("seat_limit_reached", {"organisation": name, "seats": allowed})]

	def double_booking(self, who: Mapping) -> list[Refusal]:
		"""Another seat of this person at the same time, here or in an event of the other kind."""
		found = self.seats_elsewhere([who])
		if not found:
			return []
		return [Refusal("seat_double_booked", {"name": who["participant_name"], "event": found[0][1]})]

	def seats_elsewhere(self, people: Sequence[Mapping]) -> list[tuple[int, str]]:
		"""Index of a person and title of an event that overlaps with this one, where they hold a seat."""
		contacts = [who["contact"] for who in people if who["contact"]] or [""]
		emails = [who["email_folded"] for who in people] or [""]
		found = []
		for kind in kinds.KINDS:
			rows = frappe.db.sql(
				f"""select booking.contact, booking.email_folded, event.title
				from `tab{kind.booking}` booking join `tab{kind.event}` event on event.name = booking.`{kind.field}`
				where (booking.contact in %(contacts)s or booking.email_folded in %(emails)s)
					and booking.live_key is not null and booking.status in %(statuses)s
					and booking.starts_at_site < %(ends)s and booking.ends_at_site > %(starts)s
					and event.name != %(event)s{self.reading}""",
				{
					"contacts": contacts,
					"emails": emails,
					"statuses": tuple(HOLDS_SEAT),
					"starts": self.event.starts_at_site,
					"ends": self.event.ends_at_site,
					"event": self.event.name,
				},
				as_dict=True,
			)
			for row in rows:
				found += [(index, row.title) for index, who in enumerate(people) if _is_same(row, who)]
		return found

	def no_waiting(self) -> list[Refusal]:
		"""Why nobody can be put at the end of the line."""
		if self.has_begun:
			return [Refusal("seat_none_left")]
		most = cint(self.event.max_waiting)
		if most and self.statuses()[WAITLISTED] >= most:
			return [Refusal("seat_waitlist_full")]
		return []

	def booking_of(self, person: Person) -> frappe._dict | None:
		facts = self.facts_of(person)
		found = self.rows(LIVE, "email_folded = %(email)s", email=person.email_folded)
		if person.contact:
			found += self.rows(LIVE, "contact = %(contact)s", contact=person.contact)
		return next((row for row in found if _is_same(row, facts)), None)

	def facts_of(self, person: Person) -> dict[str, object]:
		return {
			"participant_name": person.name,
			"contact": person.contact,
			"email_folded": person.email_folded,
		}

	def role_of(self, person: Person) -> str:
		return person.delegate_role if self.kind.roles else ""

	def insert(
		self, person: Person, status: str, pool: str | None, details: Mapping[str, object]
	) -> frappe._dict:
		"""The booking with the next number."""
		number = cint(self.event.arrivals) + 1
		booking = frappe.new_doc(self.kind.booking)
		booking.update(
			{
				"time_zone": person.time_zone,
				"preferred_language": person.language,
				"country": person.country,
				"organisation": person.organisation,
				**(
					{"delegate_role": person.delegate_role, "position": person.position}
					if self.kind.roles
					else {}
				),
				**{field: value for field, value in details.items() if value is not None},
				self.kind.field: self.event.name,
				**{field: self.event.get(field) for field in self.kind.copies},
				"participant_type": person.participant_type,
				"contact": person.contact,
				"participant_name": person.name[:140],
				"participant_name_local": person.name_local,
				"email": person.email,
				"email_folded": person.email_folded,
				"member": person.member,
				"tier": person.tier,
				"territory": person.territory,
				"user": person.user,
				"status": status,
				"pool": pool,
				"queue_no": number,
				"requested_at": self.now,
				"confirmed_at": self.now if status == CONFIRMED else None,
				"live_key": record.live_key(self.event.name, person.contact, person.email_folded),
				"link_key": frappe.generate_hash(length=40),
				"starts_at_site": self.event.starts_at_site,
				"ends_at_site": self.event.ends_at_site,
			}
		)
		booking.flags.by_seating = True
		# Whoever called has checked what the user may do. The links come from the database.
		booking.insert(ignore_permissions=True, ignore_links=True, set_name=f"{self.event.name}-{number:04d}")
		frappe.db.sql(
			f"update `tab{self.kind.event}` set arrivals = %s where name = %s", (number, self.event.name)
		)
		self.event.arrivals = number
		self._counts = None
		return frappe._dict({field: booking.get(field) for field in (*FIELDS, "delegate_role")})

	# The line

	def serve(self, me: Waiting | None = None) -> str | None:
		"""Offer what is free to those in line, with `me` among them by the number; the pool of a seat for `me`."""
		seats = self.seats()
		if not seats.is_unlimited and seats.total_taken >= seats.capacity:
			return None
		if not self.statuses()[WAITLISTED]:
			return seats.place(me.tier, me.role) if me else None
		rows = {row.name: row for row in self.rows([WAITLISTED])}
		waiting = [self.as_waiting(row) for row in rows.values()]
		mine = None
		for person, pool in self.offers(seats, [*waiting, me] if me else waiting, rows):
			if person is me:
				mine = pool
			elif self.is_upcoming:
				self.write(person.name, status=OFFERED, pool=pool, offer_expires_at=self.offer_until())
		return mine

	def offers(
		self, seats: Seats, waiting: list[Waiting], rows: Mapping[str, Mapping]
	) -> list[tuple[Waiting, str]]:
		"""`next_offers` without those who have a seat elsewhere at that time: they go on waiting.

		:param rows: the bookings of those who wait; who has none arrives only now
		"""
		asked: set[str] = set()
		while True:
			offers = next_offers(seats, waiting)
			new = [each.name for each, _pool in offers if each.name in rows and each.name not in asked]
			if not new:
				return offers
			asked.update(new)
			busy = {new[i] for i, _title in self.seats_elsewhere([rows[name] for name in new])}
			waiting = [person for person in waiting if person.name not in busy]

	def offer_until(self) -> datetime:
		"""When an offer that is made now ends: never after the beginning, which is also the end without hours."""
		begins = self.event.starts_at_site
		hours = cint(self.event.offer_hours)
		return min(self.now + timedelta(hours=hours), begins) if hours else begins

	def advance(self) -> int:
		"""See the function `advance`."""
		if self.event.status not in windows.UPCOMING:
			return 0
		if self.has_begun:
			for row in self.rows(PENDING):
				self.write(row.name, status=CANCELLED, cancel_reason=_("The event has begun."))
			return 0
		for row in self.rows([OFFERED]) if self.statuses()[OFFERED] else ():
			if row.offer_expires_at and row.offer_expires_at <= self.now:
				self.write(row.name, status=CANCELLED, cancel_reason=_("The offer was not answered in time."))
		before = self.statuses()[OFFERED]
		self.serve()
		return self.statuses()[OFFERED] - before

	def write(self, name: str, **values: object) -> frappe._dict:
		"""`record.write` for a booking of this event."""
		self._counts = None
		return record.write(self.kind.booking, name, **values)

	# Giving back and handing over

	def not_cancellable(self, row: Mapping, by_staff: bool) -> list[Refusal]:
		status = row["status"]
		if status not in MAY_CANCEL:
			return [Refusal("seat_used", {"status": _(status)})]
		if self.is_over:
			return [Refusal("seat_event_over")]
		if by_staff or (row["status"] in PENDING and not self.has_begun):
			return []
		until = windows.effective_cancel_until(self.event)
		if windows.present(self.now) < until:
			return []
		return [Refusal("seat_cancel_too_late", {"until": self.told(until)})]

	def hand_over(self, old: frappe._dict, person: Person, *, by: str | None, by_staff: bool) -> Booked:
		if old.status != CONFIRMED:
			_refuse([Refusal("seat_not_confirmed", {"status": _(old.status)})])
		_refuse(self.not_cancellable(old, by_staff))
		if not _same_organisation(old, person):
			_refuse([Refusal("seat_other_organisation", {"name": person.name})])
		there = self.booking_of(person)
		if there and (there.name == old.name or there.status in HOLDS_SEAT - {OFFERED}):
			_refuse([Refusal("seat_has_one", {"name": person.name})])
		_refuse(self.refusals(person, by_staff, in_place_of=there.name if there else old.name))
		_refuse(self.double_booking(self.facts_of(person)))
		if there:
			self.write(there.name, status=CANCELLED, cancel_reason=_("Takes over a colleague’s seat."))
		self.write(
			old.name,
			status=CANCELLED,
			cancel_reason=_("Handed over to {0}.").format(person.name),
			cancelled_by=by,
			via_transfer=True,
		)
		details = {
			"enrolled_by": by,
			"group_key": old.group_key,
			"transferred_from": old.name,
			**({"stand": old.stand, "contribution": old.contribution} if self.kind.roles else {}),
		}
		new = self.insert(person, CONFIRMED, old.pool, details)
		fees.transfer(self.kind.booking, old.name, new.name)
		notices.follow(self.kind.booking, old.name, CONFIRMED, CANCELLED)
		notices.follow(self.kind.booking, new.name, None, CONFIRMED)
		if there:
			self.advance()  # their own offered seat is free now
		return self.booked(new)

	def heir_of(self, booking: str) -> frappe._dict | None:
		found = self.rows(LIVE, "transferred_from = %(booking)s", booking=booking)
		return found[0] if found else None

	def booked(self, row: Mapping, *, already: bool = False) -> Booked:
		line = None
		if row["status"] == WAITLISTED:
			line = (
				1
				+ frappe.db.sql(
					f"""select count(*) from `tab{self.kind.booking}`
				where `{self.kind.field}` = %s and status = %s and queue_no < %s{self.reading}""",
					(self.event.name, WAITLISTED, row["queue_no"]),
				)[0][0]
			)
		return Booked(row["name"], row["status"], line, already)

	def told(self, moment: datetime) -> str:
		"""A moment for people, by the event's clock."""
		return format_datetime(moment.replace(tzinfo=None), "yyyy-MM-dd HH:mm") + f" ({self.event.time_zone})"


def _transaction(step: Callable[[], T]) -> T:
	"""Do a step, again where the database asks for it; see the module.

	In the middle of somebody else's transaction it is theirs to try again: all of it, not the step alone.
	"""
	if frappe.db.transaction_writes or inside_all_or_nothing() or frappe.flags.imta_seats_decided:
		return step()

	def whole() -> T:
		frappe.flags.imta_seats_decided = True
		frappe.flags.imta_reads_committed = _begin_anew()
		try:
			return step()
		finally:
			frappe.flags.imta_seats_decided = frappe.flags.imta_reads_committed = False

	return persistently(whole)


def _begin_anew() -> bool:
	"""A transaction in which every read shows what is committed; nothing has been written that it could undo.

	False where the database cannot, and reads with locks have to do.
	"""
	if not _can_read_committed():
		return False
	# Not through frappe.db.rollback: what the request does after its commit stays to be done.
	frappe.db.sql("rollback")
	frappe.db.sql("set transaction isolation level read committed")
	frappe.db.begin()
	return True


@cache
def _can_read_committed() -> bool:
	"""MariaDB writes nothing in such transactions where its log for replicas is set to hold statements."""
	has_log, form = frappe.db.sql("select @@log_bin, @@binlog_format")[0]
	return not (has_log and form == "STATEMENT")


def _refuse(refusals: Iterable[Refusal]) -> None:
	refusals = list(refusals)
	if refusals:
		lang = frappe.local.lang or "en"
		text = "\n".join(dict.fromkeys(refusal.text(lang) for refusal in refusals))
		# Names that people gave themselves are in it, and the desk shows messages as HTML.
		shown = frappe.utils.escape_html(text).replace("\n", "<br>")
		frappe.msgprint(shown, raise_exception=EnrollmentRefused(text, refusals=refusals), indicator="red")


def _event_of(kind: Kind, booking: str) -> str:
	event = frappe.db.get_value(kind.booking, booking, kind.field)
	if not event:
		record.lock(kind.booking, booking)  # says that there is none
	return event


def _counts_free_seats(kind: Kind, event: str) -> bool:
	return bool(
		frappe.db.sql(
			f"""select 1 from `tab{kind.event}` event where event.name = %s and event.uses_free_seats = 1
			and exists (select 1 from `tabSeat Fee` fee where fee.parent = event.name and fee.fee > 0)""",
			event,
		)
	)


def _is_same(row: Mapping, who: Mapping) -> bool:
	"""Whether both are one person: by Contact where both have one, else by e-mail address."""
	if row["contact"] and who["contact"]:
		return row["contact"] == who["contact"]
	return bool(who["email_folded"]) and row["email_folded"] == who["email_folded"]


def _is_same_person(row: Mapping, person: Person) -> bool:
	return _is_same(row, {"contact": person.contact, "email_folded": person.email_folded})


def _same_organisation(row: Mapping, person: Person) -> bool:
	if row["member"] or person.member:
		return row["member"] == person.member
	if row["participant_type"] != person.participant_type or person.participant_type == MEMBER:
		return False
	if person.participant_type == GUEST:
		name = fold(cstr(person.organisation))
		return bool(name) and fold(cstr(row["organisation"])) == name
	return True  # colleagues of the secretariat
