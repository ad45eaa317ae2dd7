"""Periods, money, proration and dates as people write them."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal, localcontext

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from imta_crm.policy.dates import DateProblem, Period, PeriodProblem, add_months, parse_date
from imta_crm.policy.money import MoneyProblem, convert, exponent_of, round_money
from imta_crm.policy.proration import METHODS, UnknownMethod, prorate, share

D = Decimal
YEAR = Period.of_year(2026)
days = st.dates(date(2000, 1, 1), date(2099, 12, 31))
amounts = st.decimals(D(0), D(1_000_000), places=2)
exponents = st.sampled_from([0, 2, 3])


@st.composite
def periods(draw, longest: int = 800):
	start = draw(days)
	return Period(start, start + timedelta(days=draw(st.integers(0, longest))))


@st.composite
def parts(draw):
	"""A period and a part of it."""
	period = draw(periods())
	first = draw(st.integers(0, period.days - 1))
	last = draw(st.integers(first, period.days - 1))
	return period, Period(period.start + timedelta(days=first), period.start + timedelta(days=last))


# Periods


def test_both_ends_count():
	assert YEAR.days == 365
	assert Period.of_year(2024).days == 366
	assert Period(date(2026, 3, 1), date(2026, 3, 1)).days == 1
	assert date(2026, 12, 31) in YEAR and date(2027, 1, 1) not in YEAR


def test_a_period_does_not_end_before_it_starts():
	with pytest.raises(PeriodProblem):
		Period(date(2026, 1, 2), date(2026, 1, 1))


def test_months_count_from_the_first_day():
	assert YEAR.months() == 12
	assert Period(date(2026, 1, 15), date(2026, 2, 14)).months() == 1
	assert Period(date(2026, 1, 15), date(2026, 2, 15)).months() == 2
	assert Period(date(2026, 1, 31), date(2026, 3, 30)).months() == 2


@given(periods(), periods())
def test_clip_is_the_shared_days(one, other):
	shared = one.clip(other)
	assert shared == other.clip(one)
	if shared is None:
		assert one.end < other.start or other.end < one.start
	else:
		assert shared.days == len(
			set(range(one.start.toordinal(), one.end.toordinal() + 1))
			& set(range(other.start.toordinal(), other.end.toordinal() + 1))
		)


@given(days, st.integers(1, 60))
def test_years_from_an_anchor_neither_drift_nor_overlap(anchor, n):
	this, following = Period.nth_year(anchor, n), Period.nth_year(anchor, n + 1)
	assert this.end + timedelta(days=1) == following.start
	assert this.start == add_months(anchor, 12 * n)
	assert this.start.day == anchor.day or (anchor.month, anchor.day) == (2, 29)
	assert this.days in (365, 366)


# Money


@pytest.mark.parametrize(
	"amount, exponent, rounded",
	[("0.005", 2, "0.01"), ("-0.005", 2, "-0.01"), ("2.675", 2, "2.68"), ("0.5", 0, "1"), ("1.0005", 3, "1.001"), ("2.5", 0, "3")],
)  # fmt: skip
def test_half_is_rounded_up(amount, exponent, rounded):
	assert str(round_money(D(amount), exponent)) == rounded


def test_each_currency_has_its_own_decimals():
	assert [exponent_of(code) for code in ("USD", "CNY", "JPY", "KWD", "kwd", "CLF")] == [2, 2, 0, 3, 3, 4]
	assert convert(D(1000), D("7.0288"), "CNY") == D("7028.80")
	assert str(convert(D(1000), D("156.755"), "JPY")) == "156755"
	assert str(convert(D("10.00"), D("0.30715"), "KWD")) == "3.072"


@pytest.mark.parametrize("bad", [1.5, D("NaN"), D("Infinity")])
def test_floats_and_no_numbers_are_refused(bad):
	with pytest.raises(MoneyProblem):
		round_money(bad, 2)


def test_a_rate_is_positive():
	with pytest.raises(MoneyProblem):
		convert(D(1), D(0), "CNY")


def test_the_callers_decimal_context_changes_nothing():
	with localcontext() as context:
		context.prec = 4
		assert prorate(D("123456.78"), YEAR, Period(date(2026, 7, 1), YEAR.end), "Daily", 2) == D("62235.75")


# Proration


@given(periods(), amounts, st.sampled_from(METHODS), exponents)
def test_a_whole_period_is_the_whole_amount(period, amount, method, exponent):
	assert prorate(amount, period, period, method, exponent) == round_money(amount, exponent)


@given(parts(), amounts, exponents, st.data())
def test_daily_parts_add_up_to_the_whole(part, amount, exponent, data):
	period, _ = part
	cuts = data.draw(st.lists(st.integers(1, max(period.days - 1, 1)), unique=True, max_size=6))
	assume(period.days > 1)
	bounds = [0, *sorted(cuts), period.days]
	pieces = [
		Period(period.start + timedelta(days=a), period.start + timedelta(days=b - 1))
		for a, b in itertools.pairwise(bounds)
	]
	total = sum(prorate(amount, period, piece, "Daily", exponent) for piece in pieces)
	half = D(1).scaleb(-exponent) / 2
	assert abs(total - amount) <= half * len(pieces) + half
	assert share(period, pieces, "Daily") == (period.days, period.days)


@given(parts(), amounts, st.sampled_from(METHODS), exponents)
def test_a_longer_stay_never_costs_less(part, amount, method, exponent):
	period, covered = part
	costs = prorate(amount, period, covered, method, exponent)
	assert 0 <= costs <= round_money(amount, exponent)
	if covered.end < period.end:
		longer = Period(covered.start, covered.end + timedelta(days=1))
		assert prorate(amount, period, longer, method, exponent) >= costs


@given(parts(), amounts)
def test_money_is_rounded_once(part, amount):
	period, covered = part
	exact = amount * covered.days / period.days
	assert abs(prorate(amount, period, covered, "Daily", 2) - exact) <= D("0.005")


@pytest.mark.parametrize(
	"start, end, daily, monthly",
	[
		(date(2026, 1, 1), date(2026, 12, 31), "1000.00", "1000.00"),
		(date(2026, 12, 31), date(2026, 12, 31), "2.74", "83.33"),
		(date(2026, 2, 1), date(2026, 2, 28), "76.71", "83.33"),
		(date(2026, 6, 30), date(2026, 12, 31), "506.85", "583.33"),
		(date(2025, 1, 1), date(2026, 1, 31), "84.93", "83.33"),
		(date(2027, 1, 1), date(2027, 1, 31), "0.00", "0.00"),
	],
)
def test_known_parts_of_a_year(start, end, daily, monthly):
	covered = Period(start, end)
	assert str(prorate(D(1000), YEAR, covered, "Daily", 2)) == daily
	assert str(prorate(D(1000), YEAR, covered, "Monthly", 2)) == monthly


def test_stretches_that_overlap_count_once():
	stretches = [Period(date(2026, 1, 1), date(2026, 1, 20)), Period(date(2026, 1, 10), date(2026, 1, 31))]
	assert share(YEAR, stretches, "Daily") == (31, 365)
	assert share(YEAR, [stretches[0], stretches[0]], "Daily") == (20, 365)
	assert share(YEAR, stretches, "Monthly") == (1, 12)


def test_unknown_proration():
	with pytest.raises(UnknownMethod):
		prorate(D(1), YEAR, YEAR, "Weekly", 2)


# Dates as people write them


@pytest.mark.parametrize(
	"text",
	[
		"2017-08-15", "2017/8/15", "2017.8.15", "20170815", "15.08.2017", "15.8.2017", "2017年8月15日", "2017 年 08 月 15 日",
		"15 Aug 2017", "15 August 2017", "Aug 15, 2017", "15-Aug-2017", "15/08/2017", "8/15/2017", "２０１７－０８－１５",
		"٢٠١٧-٠٨-١٥", "۲۰۱۷/۰۸/۱۵", "२०१७-०८-१५", " 2017-08-15 00:00:00 ", "\u200e2017-08-15", "2017–08–15",
		"2017-08-15T00:00:00",
	],
)  # fmt: skip
def test_dates_that_are_understood(text):
	assert parse_date(text) == date(2017, 8, 15)


@pytest.mark.parametrize(
	"text, code",
	[
		("03/04/2018", "date_ambiguous"), ("3-4-2018", "date_ambiguous"), ("2031-02-30", "date_impossible"),
		("31/31/2018", "date_impossible"), ("43327", "date_serial"), ("43327.0", "date_serial"), ("soon", "date_unreadable"),
		("2018", "date_unreadable"), ("15.08.17", "date_unreadable"), ("0001-01-01", "date_impossible"),
		("2018-13-01", "date_impossible"), ("2018/04.03", "date_unreadable"), ("", "date_unreadable"),
	],
)  # fmt: skip
def test_dates_that_are_refused(text, code):
	with pytest.raises(DateProblem) as caught:
		parse_date(text)
	assert caught.value.code == code


def test_an_ambiguous_date_says_both_readings():
	with pytest.raises(DateProblem) as caught:
		parse_date("03/04/2018")
	assert caught.value.args_ == ("03/04/2018", "2018-04-03", "2018-03-04")
	assert parse_date("04/04/2018") == date(2018, 4, 4)


@given(st.dates(date(1800, 1, 1), date(2199, 12, 31)))
def test_every_date_is_read_back(day):
	for form in ("{0}-{1:02}-{2:02}", "{0}/{1}/{2}", "{0}年{1}月{2}日"):
		assert parse_date(form.format(day.year, day.month, day.day)) == day
	assert parse_date(f"{day.day:02}.{day.month:02}.{day.year}") == day


@given(st.text(max_size=30))
def test_any_text_is_a_date_or_a_date_problem(text):
	try:
		assert isinstance(parse_date(text), date)
	except DateProblem as problem:
		assert problem.code.startswith("date_")
