"""How long certificates count."""

from __future__ import annotations

from datetime import date

import pytest

from imta_crm.policy.certificate import EXPIRED, RENEWED, REVOKED, VALID, last_day, renewal_from, state


@pytest.mark.parametrize(
	("first", "months", "last"),
	[
		(date(2026, 3, 15), 12, date(2027, 3, 14)),
		(date(2026, 1, 1), 12, date(2026, 12, 31)),
		(date(2026, 1, 31), 1, date(2026, 2, 28)),
		(date(2024, 2, 29), 12, date(2025, 2, 28)),
		(date(2024, 2, 29), 48, date(2028, 2, 28)),
		(date(2026, 11, 30), 3, date(2027, 2, 28)),
		(date(2026, 12, 1), 1, date(2026, 12, 31)),
		(date(2026, 3, 15), 0, None),
	],
)
def test_months_end_on_the_day_before(first, months, last):
	assert last_day(first, months) == last


def test_renewed_year_after_year_nothing_drifts():
	first = date(2026, 3, 15)
	for year in range(2027, 2040):
		until = last_day(first, 12)
		assert until == date(year, 3, 14)
		first = renewal_from(until, date(year, 2, 1))


def test_a_late_renewal_leaves_the_gap():
	assert renewal_from(date(2026, 3, 14), date(2026, 5, 2)) == date(2026, 5, 2)


def test_state_on_a_day():
	def on(day, **facts):
		facts = {"is_revoked": False, "is_renewed": False, "valid_until": date(2026, 3, 14), **facts}
		return state(on=day, **facts)

	assert on(date(2026, 3, 14)) == VALID
	assert on(date(2026, 3, 15)) == EXPIRED
	assert on(date(2099, 1, 1), valid_until=None) == VALID
	assert on(date(2026, 1, 1), is_renewed=True) == RENEWED
	assert on(date(2027, 1, 1), is_renewed=True, is_revoked=True) == REVOKED
