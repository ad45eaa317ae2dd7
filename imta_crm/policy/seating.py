"""Who gets which seat: pools of reserved seats, the line of those who wait, and what a seat may become.

Pure: the caller holds the lock on the event and says how things stand. A reservation makes a pool of seats for
a tier, a role or both; what is not reserved is the open pool, whose key is empty. People are served in the
order of their arrival. Somebody who comes later passes only those who could not take the seat anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from imta_crm.policy import messages

REQUESTED = "Requested"
CONFIRMED = "Confirmed"
WAITLISTED = "Waitlisted"
OFFERED = "Offered"
CANCELLED = "Cancelled"
ATTENDED = "Attended"
COMPLETED = "Completed"
NO_SHOW = "No-show"

#: Nobody else can have the seat.
HOLDS_SEAT = frozenset({CONFIRMED, OFFERED, ATTENDED, COMPLETED, NO_SHOW})
#: The person has one of these at most for an event.
LIVE = frozenset({REQUESTED, WAITLISTED}) | HOLDS_SEAT
#: Neither has the event taken place for these people nor have they been told no.
PENDING = frozenset({REQUESTED, WAITLISTED, OFFERED})
#: Those that may still be cancelled; who was there, or stayed away, has used the seat.
MAY_CANCEL = frozenset({REQUESTED, CONFIRMED, WAITLISTED, OFFERED})
#: What attendance says of a seat.
MARKS = frozenset({CONFIRMED, ATTENDED, COMPLETED, NO_SHOW})

STATUSES = (REQUESTED, CONFIRMED, WAITLISTED, OFFERED, CANCELLED, ATTENDED, COMPLETED, NO_SHOW)

_NEXT: Mapping[str | None, frozenset[str]] = {
	None: frozenset({REQUESTED, CONFIRMED, WAITLISTED}),
	REQUESTED: frozenset({CONFIRMED, WAITLISTED, CANCELLED}),
	WAITLISTED: frozenset({OFFERED, CANCELLED}),
	OFFERED: frozenset({CONFIRMED, CANCELLED}),
	CONFIRMED: frozenset({ATTENDED, NO_SHOW, CANCELLED}),
	ATTENDED: frozenset({CONFIRMED, COMPLETED, NO_SHOW}),
	NO_SHOW: frozenset({CONFIRMED, ATTENDED}),
	COMPLETED: frozenset({ATTENDED}),
	CANCELLED: frozenset(),
}

OPEN_POOL = ""


def may_become(before: str | None, after: str) -> bool:
	"""Whether a seat may change so; `before` is None where it is new. Staying the same is no change."""
	return after in _NEXT.get(before, frozenset())


@dataclass(frozen=True)
class Refusal:
	"""Why somebody gets no seat. `code` is a key of `messages.TEXTS`; `detail` its values, in their order."""

	code: str
	detail: Mapping[str, object] = field(default_factory=dict)

	def text(self, lang: str = "en") -> str:
		return messages.text(self.code, tuple(self.detail.values()), lang)


@dataclass(frozen=True)
class Pool:
	"""Seats that are kept for a tier, a role, or those who have both; an empty one means any."""

	tier: str
	role: str
	seats: int

	@property
	def key(self) -> str:
		return f"{self.tier}|{self.role}"

	@property
	def rank(self) -> int:
		"""The more a reservation asks of people, the earlier they are to use it."""
		return 2 * bool(self.tier) + bool(self.role)

	def fits(self, tier: str, role: str) -> bool:
		return self.tier in ("", tier) and self.role in ("", role)


@dataclass(frozen=True)
class Waiting:
	"""Somebody in line. `queue_no` is the order of arrival."""

	name: str
	queue_no: int
	tier: str = ""
	role: str = ""


@dataclass(frozen=True)
class Seats:
	"""How an event's seats stand. `taken` counts by pool those who hold one.

	A capacity of 0 has no limit, and reservations then mean nothing. Once `is_released`, all reserved seats are
	open. What was reserved for nobody in particular is open, too.
	"""

	capacity: int
	pools: tuple[Pool, ...] = ()
	taken: Mapping[str, int] = field(default_factory=dict)
	is_released: bool = False

	@property
	def is_unlimited(self) -> bool:
		return self.capacity <= 0

	@property
	def total_taken(self) -> int:
		return sum(self.taken.values())

	@property
	def reserved(self) -> tuple[Pool, ...]:
		"""The pools in force, one for each key, the most particular first."""
		if self.is_unlimited or self.is_released:
			return ()
		seats: Counter[tuple[str, str]] = Counter()
		for pool in self.pools:
			if pool.rank:
				seats[pool.tier, pool.role] += max(pool.seats, 0)
		pools = (Pool(tier, role, count) for (tier, role), count in seats.items())
		return tuple(sorted(pools, key=lambda pool: (-pool.rank, pool.key)))

	def free(self) -> dict[str, int]:
		"""Free seats by pool, the open one last; not for an event without a limit.

		A pool that has fewer seats than people in it, since somebody lowered it, takes the others from the
		open pool. All pools together never have more than the event.
		"""
		left = max(self.capacity - self.total_taken, 0)
		kept, free = 0, {}
		for pool in self.reserved:
			mine = min(max(pool.seats - self.taken.get(pool.key, 0), 0), left - kept)
			free[pool.key] = mine
			kept += mine
		free[OPEN_POOL] = left - kept
		return free

	def place(self, tier: str, role: str) -> str | None:
		"""The pool with a free seat that this person is to take; None where there is none."""
		if self.is_unlimited:
			return OPEN_POOL
		free = self.free()
		for pool in self.reserved:
			if free[pool.key] > 0 and pool.fits(tier, role):
				return pool.key
		return OPEN_POOL if free[OPEN_POOL] > 0 else None

	def take(self, pool: str) -> Seats:
		"""The same with one more seat taken."""
		taken = dict(self.taken)
		taken[pool] = taken.get(pool, 0) + 1
		return Seats(self.capacity, self.pools, taken, self.is_released)


def next_offers(seats: Seats, waiting: Iterable[Waiting]) -> list[tuple[Waiting, str]]:
	"""Who in line gets which free seat now, first come, first served; each with the pool of the seat.

	Whoever is not served could not have taken any seat that is left: what is free only gets less.
	"""
	offers = []
	for person in sorted(waiting, key=lambda each: each.queue_no):
		if not seats.is_unlimited and seats.total_taken >= seats.capacity:
			break
		pool = seats.place(person.tier, person.role)
		if pool is not None:
			offers.append((person, pool))
			seats = seats.take(pool)
	return offers


def place(seats: Seats, waiting: Iterable[Waiting], tier: str, role: str) -> str | None:
	"""The pool of the seat for somebody who arrives now, behind all who wait; None: there is none to take."""
	for _person, pool in next_offers(seats, waiting):
		seats = seats.take(pool)
	return seats.place(tier, role)


def seats_allowed(limits: Sequence[tuple[str, int]], tier: str) -> int | None:
	"""How many people one organisation may send; None where there is no limit.

	:param limits: (tier, seats); an empty tier is for every tier without a row of its own, and for guests
	"""
	rows = dict(reversed(limits))
	found = rows.get(tier) if tier else None
	return rows.get("") if found is None else found
