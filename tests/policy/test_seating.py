"""Seats, reservations and the line, by the rules alone."""

from __future__ import annotations

from collections import Counter
from itertools import product

from hypothesis import assume, given
from hypothesis import strategies as st

from imta_crm.policy.seating import (
	CANCELLED,
	COMPLETED,
	CONFIRMED,
	HOLDS_SEAT,
	LIVE,
	MAY_CANCEL,
	OFFERED,
	PENDING,
	REQUESTED,
	STATUSES,
	WAITLISTED,
	Pool,
	Refusal,
	Seats,
	Waiting,
	may_become,
	next_offers,
	place,
	seats_allowed,
)

TIERS = ("", "Council", "Ordinary")
ROLES = ("", "Speaker", "Delegate")

pools = st.lists(
	st.builds(Pool, st.sampled_from(TIERS), st.sampled_from(ROLES), st.integers(0, 6)), max_size=5
).map(tuple)
people = st.lists(st.tuples(st.sampled_from(TIERS), st.sampled_from(ROLES)), max_size=40)


@st.composite
def halls(draw, most: int = 20) -> Seats:
	"""An event in which people have come and gone, as the engine lets them in."""
	seats = Seats(draw(st.integers(1, most)), draw(pools), {}, draw(st.booleans()))
	for tier, role in draw(people):
		pool = seats.place(tier, role)
		if pool is not None:
			seats = seats.take(pool)
	left = {pool: draw(st.integers(0, count)) for pool, count in seats.taken.items()}
	return Seats(seats.capacity, seats.pools, left, seats.is_released)


def line(people: list[tuple[str, str]]) -> list[Waiting]:
	return [Waiting(f"B-{number}", number, tier, role) for number, (tier, role) in enumerate(people, 1)]


def after(seats: Seats, offers: list[tuple[Waiting, str]]) -> Seats:
	for _person, pool in offers:
		seats = seats.take(pool)
	return seats


@given(halls(), people)
def test_never_more_than_there_are(seats, waiting):
	full = after(seats, next_offers(seats, line(waiting)))
	assert full.total_taken <= full.capacity
	for tier, role in waiting:
		pool = full.place(tier, role)
		full = full.take(pool) if pool is not None else full
	assert full.total_taken <= full.capacity


@given(halls(), people)
def test_who_is_left_in_line_could_not_take_what_is_left(seats, waiting):
	waiting = line(waiting)
	offers = next_offers(seats, waiting)
	served = {person.name for person, _pool in offers}
	full = after(seats, offers)
	for person in waiting:
		assert person.name in served or full.place(person.tier, person.role) is None


@given(halls(), people)
def test_nobody_is_passed_by_somebody_whose_seat_they_could_have_had(seats, waiting):
	waiting = line(waiting)
	now = seats
	offers = next_offers(seats, waiting)
	pools = {person.name: pool for person, pool in offers}
	for person in waiting:
		if person.name in pools:
			now = now.take(pools[person.name])
		else:
			# At their turn there was nothing for them, so nothing that a later one got was theirs.
			assert now.place(person.tier, person.role) is None
	assert [person.queue_no for person, _ in offers] == sorted(person.queue_no for person, _ in offers)


@given(halls(), people, st.sampled_from(TIERS), st.sampled_from(ROLES))
def test_a_newcomer_takes_nothing_from_those_who_wait(seats, waiting, tier, role):
	waiting = line(waiting)
	pool = place(seats, waiting, tier, role)
	if pool is None:
		return
	with_newcomer = next_offers(seats.take(pool), waiting)
	assert with_newcomer == next_offers(seats, waiting)


@given(halls(), people)
def test_reserved_seats_are_kept_for_those_they_are_for(seats, waiting):
	assume(sum(pool.seats for pool in seats.pools) <= seats.capacity)
	full = after(seats, next_offers(seats, line(waiting)))
	for pool in full.reserved:
		assert full.free()[pool.key] == pool.seats - full.taken.get(pool.key, 0) >= 0


@given(st.integers(1, 30), people)
def test_strangers_never_get_a_reserved_seat(capacity, strangers):
	seats = Seats(capacity, (Pool("Patron", "", 3), Pool("", "Exhibitor", 2)))
	offers = next_offers(seats, line(strangers))
	assert {pool for _person, pool in offers} <= {""}
	assert len(offers) == min(len(strangers), max(capacity - 5, 0))


@given(halls(), people)
def test_the_free_seats_of_all_pools_are_those_of_the_event(seats, _waiting):
	assert sum(seats.free().values()) == max(seats.capacity - seats.total_taken, 0)
	assert all(count >= 0 for count in seats.free().values())


@given(halls(), people)
def test_once_released_only_the_number_of_seats_counts(seats, waiting):
	open_ = Seats(seats.capacity, seats.pools, seats.taken, True)
	offers = next_offers(open_, line(waiting))
	assert len(offers) == min(len(waiting), max(seats.capacity - seats.total_taken, 0))
	assert {pool for _person, pool in offers} <= {""}


@given(people)
def test_without_a_limit_everybody_has_a_seat(waiting):
	seats = Seats(0, (Pool("Council", "", 3),))
	assert len(next_offers(seats, line(waiting))) == len(waiting)


def test_the_most_particular_reservation_is_used_first():
	seats = Seats(10, (Pool("", "Speaker", 2), Pool("Council", "", 2), Pool("Council", "Speaker", 1)))
	taken = []
	for _ in range(8):
		pool = seats.place("Council", "Speaker")
		taken.append(pool)
		seats = seats.take(pool)
	assert taken == ["Council|Speaker", "Council|", "Council|", "|Speaker", "|Speaker", "", "", ""]
	assert Counter(taken)[""] == 3


def test_reservations_that_were_lowered_take_from_the_open_seats():
	seats = Seats(10, (Pool("Council", "", 2),), {"Council|": 5, "": 4})
	assert seats.free() == {"Council|": 0, "": 1}
	assert Seats(10, (Pool("Council", "", 2),), {"Council|": 5, "": 6}).free() == {"Council|": 0, "": 0}
	gone = Seats(10, (), {"Council|": 5, "": 4})
	assert gone.free() == {"": 1}


def test_two_rows_for_the_same_people_are_one_reservation():
	seats = Seats(10, (Pool("Council", "", 2), Pool("Council", "", 3), Pool("", "", 4)))
	assert seats.free() == {"Council|": 5, "": 5}


def test_later_ones_pass_only_who_cannot_take_the_seat():
	seats = Seats(2, (Pool("Council", "", 1),), {"": 1})
	waiting = [Waiting("a", 1, "Ordinary"), Waiting("b", 2, "Council"), Waiting("c", 3, "Council")]
	assert [(person.name, pool) for person, pool in next_offers(seats, waiting)] == [("b", "Council|")]
	assert place(seats, waiting, "Council", "") is None
	assert place(seats, waiting[:1], "Council", "") == "Council|"


def test_limits_of_organisations():
	limits = [("Council", 5), ("", 2)]
	assert seats_allowed(limits, "Council") == 5
	assert seats_allowed(limits, "Ordinary") == 2
	assert seats_allowed(limits, "") == 2
	assert seats_allowed([("Council", 0)], "Council") == 0
	assert seats_allowed([("Council", 5)], "Ordinary") is None
	assert seats_allowed([], "Ordinary") is None


def test_what_a_seat_may_become():
	for before, now in product((None, *STATUSES), STATUSES):
		if may_become(before, now):
			assert before != CANCELLED and before != now
			assert now != CANCELLED or before in MAY_CANCEL
			assert now != COMPLETED or before in HOLDS_SEAT
			assert now != OFFERED or before == WAITLISTED
	assert not may_become(WAITLISTED, CONFIRMED)  # only through an offer that was accepted
	assert all(may_become(status, CANCELLED) for status in MAY_CANCEL)
	assert PENDING <= MAY_CANCEL <= LIVE and HOLDS_SEAT < LIVE
	assert not may_become(None, CANCELLED) and not may_become(REQUESTED, OFFERED)
	assert may_become(OFFERED, CONFIRMED)


def test_refusals_in_both_languages():
	refusal = Refusal("seat_limit_reached", {"organisation": "Alpine Club", "seats": 2})
	assert refusal.text() == "Alpine Club may send 2 people, and no more"
	assert "Alpine Club" in refusal.text("zh") and "2" in refusal.text("zh-CN")
