"""What a seat costs, what is kept after a cancellation and what is credited: to the cent, always."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imta_crm.policy.fees import (
	CREDITED,
	FORFEITED,
	INVOICED,
	NOTHING,
	TO_CREDIT,
	TO_INVOICE,
	FeeRow,
	credit_of,
	due_after_credit,
	fee_of,
	in_currency,
	kept,
	next_number,
	state_of,
)

D = Decimal
cents = st.integers(min_value=1, max_value=10_000_000).map(lambda n: D(n) / 100)
ROWS = [
	FeeRow("Member", D(100)),
	FeeRow("Member", D(80), role="Speaker"),
	FeeRow("Member", D(60), tier="Council"),
	FeeRow("Member", D(0), tier="Council", role="Speaker"),
	FeeRow("Guest", D(300)),
]


@pytest.mark.parametrize(
	("kind", "tier", "role", "fee"),
	[
		("Member", "Ordinary", "Delegate", 100),
		("Member", None, None, 100),
		("Member", "Ordinary", "Speaker", 80),
		("Member", "Council", "Delegate", 60),
		("Member", "Council", "Exhibitor", 60),
		("Member", "Council", "Speaker", 0),
		("Guest", None, "Speaker", 300),
		("Guest", "Council", "Delegate", 300),
		("Staff", None, "Delegate", 0),
	],
)
def test_the_most_specific_row_counts(kind, tier, role, fee):
	for rows in (ROWS, ROWS[::-1]):
		assert fee_of(rows, participant_type=kind, tier=tier, role=role, currency="USD") == fee


def test_tier_outweighs_role():
	rows = [FeeRow("Member", D(1), role="Speaker"), FeeRow("Member", D(2), tier="Council")]
	assert fee_of(rows, participant_type="Member", tier="Council", role="Speaker", currency="USD") == 2


def test_without_a_row_that_fits_it_is_free():
	only = [FeeRow("Member", D(50), tier="Council"), FeeRow("Staff", D(5))]
	assert fee_of(only, participant_type="Member", tier="Ordinary", role=None, currency="USD") == 0
	assert fee_of([], participant_type="Guest", tier=None, role=None, currency="USD") == 0
	assert fee_of(only, participant_type="Staff", tier=None, role=None, currency="USD") == 5


def test_a_fee_has_the_decimals_of_its_currency_and_is_never_negative():
	row = [FeeRow("Guest", D("10.5"))]
	assert fee_of(row, participant_type="Guest", tier=None, role=None, currency="JPY") == 11
	minus = [FeeRow("Guest", D(-10))]
	assert fee_of(minus, participant_type="Guest", tier=None, role=None, currency="USD") == 0


@pytest.mark.parametrize(
	("in_time", "by_alliance", "percent", "left"),
	[
		(True, False, 0, 0),
		(False, True, 0, 0),
		(False, False, 0, "99.99"),
		(False, False, 50, "49.99"),
		(False, False, 100, 0),
		(False, False, 250, 0),
		(False, False, -5, "99.99"),
		(False, False, "33.33", "66.66"),
	],
)
def test_what_is_kept(in_time, by_alliance, percent, left):
	assert kept(
		D("99.99"),
		currency="USD",
		in_time=in_time,
		by_alliance=by_alliance,
		late_credit_percent=D(percent),
	) == D(left)


@given(cents, st.integers(0, 10_000))
def test_kept_and_credited_are_the_fee(fee, basis_points):
	left = kept(
		fee,
		currency="USD",
		in_time=False,
		by_alliance=False,
		late_credit_percent=D(basis_points) / 100,
	)
	credit = credit_of(fee, fee_invoiced=fee, fee_due=left, credited=D(0), currency="USD")
	assert left + credit == fee
	assert 0 <= left <= fee
	assert credit.as_tuple().exponent >= -2


@given(cents, cents, st.integers(0, 100), st.integers(0, 100))
def test_credits_in_parts_never_exceed_the_row_and_end_exact(fee, row, first, second):
	"""Whatever the rate and however it was cut, crediting all ends with nothing open."""
	stages = sorted([fee * first / 100, fee * second / 100], reverse=True)
	credited = D(0)
	for due in [*stages, D(0)]:
		credited += credit_of(row, fee_invoiced=fee, fee_due=due, credited=credited, currency="USD")
		assert 0 <= credited <= row
	assert credited == row


def test_a_greater_credit_by_hand_is_left_alone():
	assert credit_of(D(100), fee_invoiced=D(100), fee_due=D(50), credited=D(80), currency="USD") == 0


def test_what_is_due_after_a_credit_by_hand():
	assert due_after_credit(D(100), row_amount=D(710), credited=D(355), currency="CNY") == 50
	assert due_after_credit(D(100), row_amount=D(710), credited=D(710), currency="CNY") == 0
	assert due_after_credit(D(100), row_amount=D(710), credited=D(0), currency="CNY") == 100


def test_a_fee_in_the_payers_currency():
	assert in_currency(D(100), D("7.1234"), "CNY") == D("712.34")
	assert in_currency(D("10.05"), D("150.5"), "JPY") == 1513


@pytest.mark.parametrize(
	("due", "invoiced", "live", "to_credit", "state"),
	[
		(0, False, True, 0, NOTHING),
		(10, False, True, 0, TO_INVOICE),
		(10, False, False, 0, TO_INVOICE),
		(10, True, True, 0, INVOICED),
		(0, True, False, 10, TO_CREDIT),
		(5, True, False, 5, TO_CREDIT),
		(0, True, False, 0, CREDITED),
		(0, True, True, 0, CREDITED),
		(5, True, False, 0, FORFEITED),
		(10, True, False, 0, FORFEITED),
		(5, True, True, 0, INVOICED),
	],
)
def test_state(due, invoiced, live, to_credit, state):
	assert state_of(fee_due=D(due), is_invoiced=invoiced, is_live=live, to_credit=D(to_credit)) == state


def test_free_seats_are_numbered_and_used_again():
	assert next_number([], 2) == 1
	assert next_number([1], 2) == 2
	assert next_number([2], 2) == 1
	assert next_number([1, 2], 2) is None
	assert next_number([], 0) is None
	assert next_number([2, 3], 1) is None, "the tier grants fewer than before"
