"""Suggested targets grow the whole as asked, and a member counts for each row that it fits."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from hypothesis import given
from hypothesis import strategies as st

from imta_crm.policy.targets import Facts, TargetRow, fits, gap, most_specific, suggest

counts = st.dictionaries(
	st.tuples(st.sampled_from("AE"), st.sampled_from("xyz"), st.sampled_from("12")),
	st.integers(0, 50),
	max_size=8,
)


@given(counts, st.decimals("0", "3", places=3))
def test_the_whole_grows_by_what_is_asked_for(present, growth):
	rows = suggest(present, growth)
	total = sum(present.values())
	assert sum(row.today for row in rows) == total
	wanted = (total * growth).to_integral_value(ROUND_CEILING)
	assert sum(row.gap for row in rows) == wanted
	for row in rows:
		assert row.today == present[row.region, row.sector, row.tier] > 0
		assert abs(row.gap - row.today * growth) < 1
	assert suggest(dict(reversed(present.items())), growth) == rows


def test_ten_per_cent_of_many_small_groups_is_not_one_each():
	present = {("A", str(n), "1"): 1 for n in range(40)} | {("B", "x", "1"): 51}
	rows = suggest(present, Decimal("0.1"))
	assert rows[0] == TargetRow("B", "x", "1", 51, 57)
	assert sum(row.gap for row in rows) == 10


def test_a_float_for_the_growth_adds_nobody():
	assert suggest({("A", "x", "1"): 100}, 0.1)[0].planned == 110


def test_no_growth_and_no_members():
	assert suggest({}, Decimal("0.1")) == []
	assert [row.gap for row in suggest({("A", "x", "1"): 3}, Decimal(0))] == [0]
	assert suggest({("A", "x", "1"): 3}, Decimal("-0.5"))[0].planned == 3


def test_a_gap_is_never_negative():
	assert (gap(5, 3), gap(3, 5), gap(None, None)) == (2, 0, 0)


def test_who_counts_for_a_row():
	facts = Facts(frozenset({"Asia", "South Asia"}), "Association", "Ordinary")
	assert fits(("", "", ""), facts) and fits(("Asia", "", ""), facts)
	assert fits(("South Asia", "Association", "Ordinary"), facts)
	assert not fits(("Europe", "", ""), facts)
	assert not fits(("Asia", "Enterprise", ""), facts)
	assert fits((None, None, "Ordinary"), facts)


def test_the_row_that_says_most():
	facts = Facts(("Asia",), "Association", "Ordinary")
	rows = [("", "", ""), ("Asia", "", ""), ("Asia", "Association", ""), ("", "Association", "Ordinary")]
	assert most_specific(rows, facts) == rows[2]
	assert most_specific([("Europe", "", "")], facts) is None
