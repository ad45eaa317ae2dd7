"""Whatever people do, one after the other, at random: the line is always as the rules want it."""

from __future__ import annotations

import random
from datetime import timedelta

import frappe
import pytest
from frappe.utils import now_datetime

from imta_crm.policy.seating import CONFIRMED, HOLDS_SEAT, OFFERED, WAITLISTED, Pool, Seats
from imta_crm.seating import seats
from tests.site.factories import make_member
from tests.site.seating_factories import ENROLLMENT, SESSION, make_guest, make_person, make_session

STEPS = 80
SEATS, COUNCIL = 8, 3


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_people_do(site, seed, monkeypatch):
	chance = random.Random(seed)
	council = make_member(tier="Council")
	session = make_session(capacity=SEATS, reservations=[{"tier": "Council", "seats": COUNCIL}])
	people = [make_person(member=council) for _ in range(10)] + [make_guest() for _ in range(20)]
	clock = now_datetime()
	for _step in range(STEPS):
		rows = read(session)
		one = chance.choice(rows) if rows else None
		act = chance.choice(("enrol", "enrol", "enrol", "cancel", "answer", "answer", "wait", "more"))
		if act == "enrol" or not one:
			seats.request(SESSION, session.name, chance.choice(people))
		elif act == "cancel":
			seats.cancel(ENROLLMENT, one.name, reason="Ill", by=None)
		elif act == "answer":
			offered = [row for row in rows if row.status == OFFERED]
			if offered:
				one = chance.choice(offered)
				do = chance.choice((seats.accept_offer, seats.decline_offer))
				do(ENROLLMENT, one.name)
		elif act == "wait":
			clock += timedelta(hours=chance.choice((1, 20, 50)))
			monkeypatch.setattr(seats, "now_datetime", lambda now=clock: now)
			seats.advance(SESSION, session.name)
		elif act == "more" and chance.random() < 0.2:
			session.capacity += 1
			frappe.db.set_value(SESSION, session.name, "capacity", session.capacity)
			seats.advance(SESSION, session.name)
		if clock > session.starts_at_site - timedelta(days=3):
			clock = now_datetime()
		check(session)


def read(session) -> list:
	return frappe.get_all(
		ENROLLMENT,
		{"session": session.name, "live_key": ("is", "set")},
		["name", "status", "pool", "tier", "queue_no", "offer_expires_at"],
		order_by="queue_no",
		limit=0,
	)


def check(session) -> None:
	rows = read(session)
	taken: dict[str, int] = {}
	for row in rows:
		if row.status in HOLDS_SEAT:
			taken[row.pool or ""] = taken.get(row.pool or "", 0) + 1
	stand = Seats(session.capacity, (Pool("Council", "", COUNCIL),), taken)
	assert stand.total_taken <= session.capacity
	assert taken.get("Council|", 0) <= COUNCIL
	assert taken.get("", 0) <= session.capacity - COUNCIL
	for row in rows:
		assert row.status in (CONFIRMED, OFFERED, WAITLISTED)
		assert row.pool != "Council|" or row.tier == "Council"
		if row.status == WAITLISTED:
			assert stand.place(row.tier or "", "") is None, "waits though there is a seat"
	how = seats.occupancy(SESSION, session.name)
	assert (how["taken"], how["free"]) == (stand.total_taken, sum(stand.free().values()))
