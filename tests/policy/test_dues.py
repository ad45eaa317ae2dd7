"""Who owes what for a period and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imta_crm.policy import messages
from imta_crm.policy.dates import Period
from imta_crm.policy.dues import DuesRules, MemberFacts, TierDues, decide, difference, reason_text
from imta_crm.policy.proration import METHODS, UnknownMethod

D = Decimal
YEAR = Period.of_year(2026)
END = YEAR.end
RULES = DuesRules(
	title="2026",
	period=YEAR,
	notice_date=date(2026, 1, 5),
	due_date=date(2026, 3, 31),
	reference_currency="USD",
	rates={"CNY": D("7.0288"), "JPY": D("156.755"), "XXX": D(0)},
	tiers={
		"Council": TierDues("Council", D(2000)),
		"Ordinary": TierDues("Ordinary", D(1000)),
		"Individual": TierDues("Individual", D(0), is_exempt=True),
		"Emeritus": TierDues("Emeritus", D(0), is_exempt=True),
	},
)
JOINED = date(2017, 8, 15)


def member(**facts) -> MemberFacts:
	return MemberFacts(
		**{"name": "IMTA-00001", "tier": "Ordinary", "joined_on": JOINED, "currency": "USD"} | facts
	)


def history(*spans) -> tuple:
	"""(status or tier, first day) … ; each ends the day before the next."""
	starts = [start for _, start in spans]
	ends = [start - timedelta(days=1) for start in starts[1:]] + [None]
	return tuple((value, start, end) for (value, start), end in zip(spans, ends, strict=True))


# The whole period


def test_a_member_of_old_owes_the_whole_year():
	found = decide(member(), RULES, as_of=RULES.notice_date)
	assert (found.kind, found.amount, found.currency, found.covered) == ("charge", D("1000.00"), "USD", YEAR)
	assert found.text() == "Ordinary, whole period"


def test_dues_in_another_currency_are_at_the_years_rate():
	found = decide(member(currency="CNY", tier="Council"), RULES, as_of=END)
	assert (found.amount, found.reference_amount, found.rate) == (D("14057.60"), D("2000.00"), D("7.0288"))
	assert str(decide(member(currency="JPY"), RULES, as_of=END).amount) == "156755"


def test_without_a_currency_the_reference_currency_counts():
	assert decide(member(currency=""), RULES, as_of=END).currency == "USD"


@pytest.mark.parametrize("currency", ["EUR", "XXX"])
def test_without_a_rate_it_is_a_problem_and_not_silence(currency):
	found = decide(member(currency=currency), RULES, as_of=END)
	assert (found.kind, found.reason, found.is_problem) == ("skip", "no_rate", True)
	assert currency in found.text() and "2026" in found.text("zh")


# When it falls due


def test_nothing_before_the_notice_and_everything_from_then_on():
	before = decide(member(), RULES, as_of=RULES.notice_date - timedelta(days=1))
	assert (before.kind, before.reason) == ("skip", "not_yet_due")
	for days_late in (0, 1, 17, 364, 3650):
		late = decide(member(), RULES, as_of=RULES.notice_date + timedelta(days=days_late))
		assert late == decide(member(), RULES, as_of=RULES.notice_date)


def test_a_new_member_falls_due_on_admission():
	new = member(joined_on=date(2026, 7, 1))
	assert decide(new, RULES, as_of=date(2026, 6, 30)).reason == "not_yet_due"
	assert decide(new, RULES, as_of=date(2026, 7, 1)).is_charge


def test_a_late_invoice_leaves_as_long_to_pay():
	assert RULES.due_date_for(date(2026, 1, 5)) == date(2026, 3, 31)
	assert RULES.due_date_for(date(2026, 1, 2)) == date(2026, 3, 31)
	assert RULES.due_date_for(date(2026, 7, 1)) == date(2026, 9, 24)


# Part of the period


@pytest.mark.parametrize("method, amount", [("None", "1000.00"), ("Monthly", "500.00"), ("Daily", "504.11")])
def test_who_joins_in_mid_year_owes_from_admission(method, amount):
	found = decide(member(joined_on=date(2026, 7, 1)), replace(RULES, proration=method), as_of=END)
	assert (str(found.amount), found.covered) == (amount, Period(date(2026, 7, 1), END))


def test_first_and_last_day():
	assert decide(member(joined_on=YEAR.start), RULES, as_of=END).amount == D("1000.00")
	assert decide(member(joined_on=YEAR.end), RULES, as_of=END).amount == D("2.74")
	assert decide(member(joined_on=date(2027, 1, 1)), RULES, as_of=date(2027, 6, 1)).reason == "joined_after"


def test_converted_parts_are_rounded_once():
	# 1000 x 7.0288 x 2/365 = 38.514; by way of USD 5.48 it would be 38.52.
	found = decide(member(joined_on=date(2026, 12, 30), currency="CNY"), RULES, as_of=END)
	assert (found.amount, found.reference_amount) == (D("38.51"), D("5.48"))


# Leaving, gaps, suspension


@pytest.mark.parametrize("left_on", [date(2020, 5, 1), date(2025, 12, 31), date(2026, 1, 1)])
def test_who_left_before_or_at_the_start_owes_nothing(left_on):
	by_dates = member(status="Withdrawn", left_on=left_on)
	by_history = member(status="Withdrawn", status_spans=history(("Active", JOINED), ("Withdrawn", left_on)))
	for gone in (by_dates, by_history):
		found = decide(gone, RULES, as_of=END)
		assert (found.reason, found.detail["date"]) == ("left_before", left_on)


def test_who_leaves_in_mid_year_owes_the_year_or_by_option_the_days():
	gone = member(
		status="Withdrawn", status_spans=history(("Active", JOINED), ("Withdrawn", date(2026, 7, 2)))
	)
	assert decide(gone, RULES, as_of=END).amount == D("1000.00")
	found = decide(gone, replace(RULES, leavers_owe_whole=False), as_of=END)
	assert (found.amount, found.covered) == (D("498.63"), Period(YEAR.start, date(2026, 7, 1)))


def test_a_gap_stays_a_gap():
	lapsed = member(
		status_spans=history(
			("Active", JOINED), ("Withdrawn", date(2025, 6, 1)), ("Active", date(2026, 9, 1))
		)
	)
	assert decide(lapsed, RULES, as_of=date(2026, 8, 31)).reason == "not_yet_due"
	assert decide(lapsed, RULES, as_of=END).covered == Period(date(2026, 9, 1), END)
	whole_year_out = member(
		status_spans=history(("Active", JOINED), ("Removed", date(2025, 6, 1)), ("Active", date(2027, 2, 1)))
	)
	assert decide(whole_year_out, RULES, as_of=date(2027, 3, 1)).reason == "gap"


def test_days_of_a_gap_inside_the_period_are_not_charged_by_the_day():
	spans = history(("Active", JOINED), ("Withdrawn", date(2026, 2, 1)), ("Active", date(2026, 12, 1)))
	found = decide(member(status_spans=spans), replace(RULES, leavers_owe_whole=False), as_of=END)
	assert found.amount == (D(1000) * (31 + 31) / 365).quantize(D("0.01"))


def test_the_suspended_are_charged_on_their_return():
	spans = history(("Active", JOINED), ("Suspended", date(2025, 11, 1)))
	away = member(status="Suspended", status_spans=spans)
	assert decide(away, RULES, as_of=date(2026, 6, 1)).reason == "suspended"
	back = member(status_spans=history(*[span[:2] for span in spans], ("Active", date(2026, 6, 1))))
	assert decide(back, RULES, as_of=date(2026, 5, 31)).reason == "suspended"
	assert decide(back, RULES, as_of=date(2026, 6, 1)).amount == D("1000.00")
	assert decide(away, replace(RULES, charge_suspended=True), as_of=END).is_charge


def test_a_later_suspension_does_not_undo_what_was_due():
	spans = history(("Active", JOINED), ("In Arrears", date(2026, 2, 1)), ("Suspended", date(2026, 9, 1)))
	assert decide(member(status="Suspended", status_spans=spans), RULES, as_of=END).is_charge


def test_who_never_was_a_member():
	assert decide(member(status="Applicant", joined_on=None), RULES, as_of=END).reason == "applicant"
	applied = member(status="Applicant", joined_on=None, status_spans=history(("Applicant", JOINED)))
	assert decide(applied, RULES, as_of=END).reason == "applicant"
	assert decide(member(status="Removed", joined_on=None), RULES, as_of=END).reason == "not_a_member"
	assert decide(member(joined_on=None), RULES, as_of=END).is_problem


def test_time_as_an_applicant_is_not_charged():
	spans = history(("Applicant", date(2025, 11, 1)), ("Active", date(2026, 4, 1)))
	found = decide(member(joined_on=date(2026, 4, 1), status_spans=spans), RULES, as_of=END)
	assert found.covered == Period(date(2026, 4, 1), END)


def test_a_history_that_begins_at_the_import_reaches_back_to_admission():
	imported = member(
		status_spans=history(("Active", date(2026, 11, 1))),
		tier_spans=history(("Council", date(2026, 11, 1))),
	)
	found = decide(imported, RULES, as_of=END)
	assert (found.amount, found.tier) == (D("2000.00"), "Council")


# Exemptions and tiers


@pytest.mark.parametrize("tier", ["Individual", "Emeritus"])
def test_exempt_tiers(tier):
	found = decide(member(tier=tier), RULES, as_of=END)
	assert (found.kind, found.reason, found.is_problem) == ("skip", "exempt_tier", False)


def test_the_appointed_emeritus_is_exempt_from_the_next_period():
	spans = history(("Active", JOINED), ("Emeritus", date(2026, 3, 1)))
	emeritus = member(status="Emeritus", status_spans=spans)
	assert decide(emeritus, RULES, as_of=END).is_charge
	following = replace(RULES, title="2027", period=Period.of_year(2027), notice_date=date(2027, 1, 5))
	assert decide(emeritus, following, as_of=date(2027, 2, 1)).reason == "exempt_status"


def test_the_tier_at_the_start_of_the_days_covered_counts():
	spans = history(("Ordinary", JOINED), ("Council", date(2026, 7, 1)))
	assert decide(member(tier="Council", tier_spans=spans), RULES, as_of=END).amount == D("1000.00")
	joined = member(tier="Council", joined_on=date(2026, 8, 1), tier_spans=spans)
	assert decide(joined, RULES, as_of=END).tier == "Council"


def test_a_tier_without_dues_or_none_at_all_is_a_problem():
	assert decide(member(tier="Platinum"), RULES, as_of=END).reason == "no_tier_dues"
	assert decide(member(tier=""), RULES, as_of=END).reason == "no_tier"


# Change of tier in mid-period


@pytest.mark.parametrize("method, amount", [("None", "1000.00"), ("Monthly", "500.00"), ("Daily", "504.11")])
def test_an_upgrade_owes_the_difference(method, amount):
	rules = replace(RULES, proration=method)
	found = difference(member(), rules, "Ordinary", "Council", date(2026, 7, 1))
	assert (found.kind, str(found.amount), found.covered) == ("charge", amount, Period(date(2026, 7, 1), END))


def test_an_upgrade_from_an_exempt_tier_owes_its_part():
	assert difference(member(), RULES, "Individual", "Ordinary", date(2026, 7, 1)).amount == D("504.11")


def test_a_downgrade_waits_unless_a_credit_is_granted():
	waits = difference(member(), RULES, "Council", "Ordinary", date(2026, 7, 1))
	assert (waits.kind, waits.reason) == ("skip", "downgrade_next_period")
	granted = difference(member(), RULES, "Council", "Ordinary", date(2026, 7, 1), grant_credit=True)
	assert (granted.kind, granted.amount) == ("credit", D("504.11"))


@pytest.mark.parametrize(
	"effective, reason",
	[(YEAR.start, "change_in_annual"), (date(2025, 6, 1), "change_in_annual"), (date(2027, 1, 1), "change_after_period")],
)  # fmt: skip
def test_a_change_outside_the_period_adds_nothing(effective, reason):
	assert difference(member(), RULES, "Ordinary", "Council", effective).reason == reason


def test_a_change_entered_after_the_charge_is_billed_from_the_first_day_covered():
	late = difference(member(), RULES, "Ordinary", "Council", date(2025, 12, 20), billed_tier="Ordinary")
	assert (late.kind, late.amount, late.covered) == ("charge", D("1000.00"), YEAR)
	known = difference(member(), RULES, "Ordinary", "Council", date(2025, 12, 20), billed_tier="Council")
	assert (known.kind, known.reason) == ("skip", "change_in_annual")


def test_going_down_and_up_again_does_not_bill_the_same_step_twice():
	again = difference(member(), RULES, "Ordinary", "Council", date(2026, 9, 1), billed_tier="Council")
	assert (again.kind, again.reason) == ("skip", "change_in_annual")


def test_no_difference_for_who_is_no_member_then():
	gone = member(
		status="Withdrawn", status_spans=history(("Active", JOINED), ("Withdrawn", date(2026, 3, 1)))
	)
	assert difference(gone, RULES, "Ordinary", "Council", date(2026, 7, 1)).reason == "not_a_member"
	assert difference(member(), RULES, "Ordinary", "Platinum", date(2026, 7, 1)).reason == "no_tier_dues"
	assert (
		difference(member(currency="EUR"), RULES, "Ordinary", "Council", date(2026, 7, 1)).reason == "no_rate"
	)


@given(st.dates(date(2026, 1, 2), END), st.sampled_from(["USD", "CNY", "JPY"]))
def test_upgrading_costs_what_the_higher_tier_costs_for_those_days(effective, currency):
	asks = member(currency=currency)
	extra = difference(asks, RULES, "Ordinary", "Council", effective)
	# The difference of the two tiers is here the lower tier's whole dues.
	from_then = decide(member(currency=currency, joined_on=effective), RULES, as_of=END)
	assert extra.amount == from_then.amount


# Properties


@given(
	joined=st.dates(date(2015, 1, 1), date(2027, 12, 31)),
	left_after=st.none() | st.integers(0, 4000),
	as_of=st.dates(date(2025, 6, 1), date(2028, 1, 1)),
	method=st.sampled_from(METHODS),
	currency=st.sampled_from(["", "USD", "CNY", "JPY", "EUR"]),
	whole=st.booleans(),
)
def test_every_decision_is_sound(joined, left_after, as_of, method, currency, whole):
	left = joined + timedelta(days=left_after) if left_after is not None else None
	who = member(joined_on=joined, left_on=left, status="Withdrawn" if left else "Active", currency=currency)
	rules = replace(RULES, proration=method, leavers_owe_whole=whole)
	found = decide(who, rules, as_of=as_of)
	assert found.reason in messages.TEXTS
	assert "{" not in found.text() and "{" not in found.text("zh")
	if found.is_charge:
		assert as_of >= rules.notice_date
		assert 0 < found.reference_amount <= 1000
		assert YEAR.clip(found.covered) == found.covered and found.covered.start >= joined
		# Whoever runs later finds the same.
		assert decide(who, rules, as_of=as_of + timedelta(days=400)) == found
	else:
		assert found.amount == 0


def test_the_rules_check_themselves():
	with pytest.raises(UnknownMethod):
		replace(RULES, proration="Weekly")
	with pytest.raises(ValueError):
		TierDues("X", D(-1))


def test_reasons_are_sentences():
	assert reason_text("joined_after", {"date": date(2027, 1, 1)}) == "Joined on 2027-01-01, after the period"
	assert reason_text("exempt_tier", {"tier": "Individual"}, "zh-CN") == "Individual免缴会费"
