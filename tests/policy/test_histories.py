"""Status, histories, standing, reminders, rhythm, benefits."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from imta_crm.policy.benefits import benefits_active
from imta_crm.policy.reminders import ReminderRule, plan
from imta_crm.policy.rhythm import is_overdue, next_contact_due
from imta_crm.policy.spans import ChangeBeforeLatest, Span, append, clean, value_on
from imta_crm.policy.standing import OpenItem, StandingRules, assess
from imta_crm.policy.status import (
	CHANGE_TYPES,
	ForbiddenChange,
	Status,
	allowed_changes,
	apply_change,
	is_member,
	membership_stretches,
	owes_dues,
	record_change,
)

D = Decimal
ONE = timedelta(days=1)
RANKS = {"Emeritus": 5, "Individual": 10, "Ordinary": 20, "Council": 30}

# Status


def test_who_is_a_member_and_who_owes():
	assert {status.value for status in Status if is_member(status)} == {
		"Active",
		"In Arrears",
		"Suspended",
		"Emeritus",
	}
	assert {status.value for status in Status if owes_dues(status.value)} == {"Active", "In Arrears"}
	assert not is_member(None) and not is_member("nonsense")
	assert str(Status.IN_ARREARS) == "In Arrears" == Status.IN_ARREARS


ALLOWED = {
	("Upgrade", "Active"): "Active", ("Upgrade", "In Arrears"): "In Arrears",
	("Downgrade", "Active"): "Active", ("Downgrade", "In Arrears"): "In Arrears",
	("Withdraw", "Active"): "Withdrawn", ("Withdraw", "In Arrears"): "Withdrawn",
	("Withdraw", "Suspended"): "Withdrawn", ("Withdraw", "Emeritus"): "Withdrawn",
	("Suspend", "Active"): "Suspended", ("Suspend", "In Arrears"): "Suspended",
	("Reinstate", "Suspended"): "Active", ("Reinstate", "Withdrawn"): "Active", ("Reinstate", "Removed"): "Active",
	("Remove", "Active"): "Removed", ("Remove", "In Arrears"): "Removed",
	("Remove", "Suspended"): "Removed", ("Remove", "Emeritus"): "Removed",
	("Appoint Emeritus", "Active"): "Emeritus", ("Appoint Emeritus", "In Arrears"): "Emeritus",
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGE_TYPES)
@pytest.mark.parametrize("status", [status.value for status in Status])
def test_every_change_from_every_status(change, status):
	if (change, status) in ALLOWED:
		assert apply_change(change, status) == ALLOWED[change, status]
		assert change in allowed_changes(status)
	else:
		with pytest.raises(ForbiddenChange) as caught:
			apply_change(change, status)
		assert caught.value.code == "change_forbidden"
		assert change not in allowed_changes(status)


def test_unknown_changes():
	with pytest.raises(ForbiddenChange) as caught:
		apply_change("Promote", "Active")
	assert caught.value.code == "change_unknown"


@pytest.mark.parametrize(
	"change, tier, code",
	[
		("Upgrade", None, "change_needs_tier"), ("Upgrade", "Ordinary", "change_same_tier"),
		("Upgrade", "Individual", "change_wrong_rank"), ("Downgrade", "Council", "change_wrong_rank"),
	],
)  # fmt: skip
def test_an_upgrade_leads_up_and_a_downgrade_down(change, tier, code):
	start = date(2020, 1, 1)
	with pytest.raises(ForbiddenChange) as caught:
		record_change(
			change,
			status_spans=[("Active", start)],
			tier_spans=[("Ordinary", start)],
			effective=start + ONE,
			new_tier=tier,
			ranks=RANKS,
		)
	assert caught.value.code == code


def test_a_lapse_leaves_a_gap():
	spans = append(
		append([("Active", date(2018, 1, 1))], "Withdrawn", date(2020, 5, 1)), "Active", date(2023, 2, 1)
	)
	assert membership_stretches(spans) == ((date(2018, 1, 1), date(2020, 4, 30)), (date(2023, 2, 1), None))
	assert value_on(spans, date(2021, 1, 1)) == "Withdrawn"
	assert value_on(spans, date(2017, 12, 31)) is None


def test_either_way_of_closing_a_span_is_read_alike():
	start, change = date(2018, 1, 1), date(2020, 5, 1)
	same_day = [("Active", start, change), ("Withdrawn", change, None)]
	day_before = [("Active", start, change - ONE), ("Withdrawn", change, None)]
	assert clean(same_day) == clean(day_before)
	assert value_on(same_day, change) == "Withdrawn"


class MemberHistory(RuleBasedStateMachine):
	"""A member's life: any changes on any days. What is recorded stays, and spans never overlap."""

	@initialize(on=st.dates(date(2017, 1, 1), date(2020, 1, 1)))
	def admit(self, on):
		self.statuses = (Span("Active", on),)
		self.tiers = (Span("Ordinary", on),)
		self.latest = on
		self.model = [(on, "Active")]

	@rule(
		change=st.sampled_from(CHANGE_TYPES),
		days=st.integers(-40, 400),
		tier=st.sampled_from(list(RANKS)),
	)
	def change(self, change, days, tier):
		on = self.latest + timedelta(days=days)
		before = self.statuses, self.tiers
		try:
			after = record_change(
				change,
				status_spans=self.statuses,
				tier_spans=self.tiers,
				effective=on,
				new_tier=tier,
				ranks=RANKS,
			)
		except ForbiddenChange:
			assert (change, self.statuses[-1].value) not in ALLOWED or change in ("Upgrade", "Downgrade")
			return
		except ChangeBeforeLatest:
			latest = max(
				self.statuses[-1].start,
				self.tiers[-1].start if change in ("Upgrade", "Downgrade") else date.min,
			)
			assert on < latest
			return
		assert (self.statuses, self.tiers) == before
		old_status = self.statuses[-1].value
		self.statuses, self.tiers = after.status_spans, after.tier_spans
		if change not in ("Upgrade", "Downgrade"):
			assert self.statuses[-1] == Span(ALLOWED[change, old_status], on)
			self.model.append((on, self.statuses[-1].value))
		self.latest = max(self.latest, on)

	@invariant()
	def spans_neither_overlap_nor_leave_holes(self):
		for spans in (self.statuses, self.tiers):
			for one, following in itertools.pairwise(spans):
				assert one.end is not None and one.start <= one.end and one.end + ONE == following.start
			assert spans[-1].end is None
			assert clean(spans) == spans

	@invariant()
	def the_past_is_never_rewritten(self):
		for day in {on for on, _ in self.model} | {on - ONE for on, _ in self.model}:
			told = [value for on, value in self.model if on <= day]
			assert value_on(self.statuses, day) == (told[-1] if told else None)

	@invariant()
	def gaps_stay(self):
		stretches = membership_stretches(self.statuses)
		for (_, end), (start, _) in itertools.pairwise(stretches):
			assert end is not None and (start - end).days > 1


TestMemberHistory = MemberHistory.TestCase
TestMemberHistory.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)

# Standing

DUE = date(2026, 3, 31)
RULES = StandingRules(grace_days=30, arrears_after_days=30, suspend_after_days=180)


def owed(amount="1000", currency="USD", due=DUE, reference="SI-1"):
	return OpenItem(due, D(amount), currency, reference)


def after(days: int) -> date:
	return DUE + timedelta(days=days)


@pytest.mark.parametrize(
	"days, status",
	[(-10, "Active"), (0, "Active"), (30, "Active"), (60, "Active"), (61, "In Arrears"), (210, "In Arrears"), (211, "Suspended"), (900, "Suspended")],
)  # fmt: skip
@pytest.mark.parametrize("current", ["Active", "In Arrears", "Suspended"])
def test_standing_by_days(days, status, current):
	verdict = assess([owed()], RULES, after(days), current, suspended_by_decision=False)
	assert (verdict.status, verdict.changed) == (status, status != current)
	if status != "Active":
		assert verdict.since == after(61 if status == "In Arrears" else 211)
		assert verdict.reference == "SI-1"


@pytest.mark.parametrize("current", ["In Arrears", "Suspended"])
def test_who_pays_is_active_again(current):
	verdict = assess([], RULES, after(400), current, suspended_by_decision=False)
	assert (verdict.status, verdict.reason, verdict.changed) == (Status.ACTIVE, "standing_good", True)


def test_a_decision_is_not_lifted_by_payment():
	for items in ([], [owed()]):
		verdict = assess(items, RULES, after(400), "Suspended", suspended_by_decision=True)
		assert (verdict.status, verdict.changed) == (Status.SUSPENDED, False)
	assert assess([], RULES, after(400), "Suspended").status == Status.SUSPENDED


@pytest.mark.parametrize("status", ["Applicant", "Withdrawn", "Removed", "Emeritus"])
def test_other_statuses_are_left_alone(status):
	assert assess([owed()], RULES, after(900), status).status == status


def test_no_suspension_where_the_rules_have_none():
	rules = StandingRules(grace_days=0, arrears_after_days=0, suspend_after_days=0)
	assert assess([owed()], rules, after(0), "Active").status == "Active"
	assert assess([owed()], rules, after(1), "Active").status == "In Arrears"
	assert assess([owed()], rules, after(9000), "Active").status == "In Arrears"


def test_credit_in_one_currency_hides_no_debt_in_another():
	items = [owed("7028.80", "CNY"), owed("-5000", "USD", reference="PE-1")]
	assert assess(items, RULES, after(100), "Active").status == "In Arrears"


def test_credit_pays_the_oldest_of_its_currency():
	old, new = owed("1000"), owed("1000", due=after(365), reference="SI-2")
	assert assess([old, new, owed("-999.99")], RULES, after(100), "Active").status == "In Arrears"
	assert assess([old, new, owed("-1000")], RULES, after(100), "In Arrears").status == "Active"
	late = assess([old, new, owed("-1000")], RULES, after(365 + 61), "Active")
	assert (late.status, late.reference) == ("In Arrears", "SI-2")


def test_each_item_by_its_own_years_rules():
	rules = {"": RULES, "SI-2": StandingRules(0, 0, 10)}
	verdict = assess([owed(), owed(reference="SI-2")], rules, after(11), "Active")
	assert (verdict.status, verdict.reference) == ("Suspended", "SI-2")


@given(
	st.lists(
		st.tuples(
			st.integers(-900, 900), st.sampled_from([-1500, -1, 0, 1, 1000]), st.sampled_from(["USD", "CNY"])
		),
		max_size=6,
	),
	st.sampled_from(["Active", "In Arrears", "Suspended"]),
)
def test_asked_again_or_late_the_verdict_is_the_same(entries, current):
	items = [
		OpenItem(after(days), D(amount), currency, str(n))
		for n, (days, amount, currency) in enumerate(entries)
	]
	today = after(0)
	first = assess(items, RULES, today, current, suspended_by_decision=False)
	again = assess(reversed(items), RULES, today, first.status, suspended_by_decision=False)
	assert (again.status, again.changed) == (first.status, False)
	# A night that was missed changes nothing in the end.
	via_yesterday = assess(items, RULES, today - ONE, current, suspended_by_decision=False)
	assert (
		assess(items, RULES, today, via_yesterday.status, suspended_by_decision=False).status == first.status
	)


# Reminders

REMINDERS = [ReminderRule("before", -14), ReminderRule("first", 14), ReminderRule("second", 45)]


def test_each_reminder_once_on_its_day_or_after():
	assert plan(REMINDERS, DUE, set(), after(-15), is_open=True).send is None
	assert plan(REMINDERS, DUE, set(), after(-14), is_open=True).send == REMINDERS[0]
	assert plan(REMINDERS, DUE, {"before"}, after(13), is_open=True).send is None
	assert plan(REMINDERS, DUE, {"before"}, after(20), is_open=True).send == REMINDERS[1]


def test_of_several_missed_only_the_latest_goes_out():
	assert plan(REMINDERS, DUE, set(), after(50), is_open=True).send == REMINDERS[2]
	assert list(plan(REMINDERS, DUE, set(), after(50), is_open=True).superseded) == REMINDERS[:2]
	assert list(plan(REMINDERS, DUE, {"second"}, after(50), is_open=True).superseded) == REMINDERS[:2]
	assert plan(REMINDERS, DUE, {"second"}, after(50), is_open=True).send is None


def test_nothing_for_a_closed_charge():
	found = plan(REMINDERS, DUE, set(), after(50), is_open=False)
	assert found.send is None and found.superseded == ()


def test_no_reminder_from_before_the_invoice():
	found = plan(REMINDERS, DUE, set(), after(-10), is_open=True, issued_on=after(-12))
	assert found.send is None and found.superseded == (REMINDERS[0],)


@given(st.lists(st.integers(-60, 120), max_size=40), st.permutations(REMINDERS))
def test_never_twice_however_the_job_runs(days, rules):
	sent, done = [], set()
	for day in sorted(days):
		found = plan(rules, DUE, done, after(day), is_open=True)
		if found.send:
			sent.append(found.send)
			done.add(found.send.name)
		done |= {rule.name for rule in found.superseded}
	assert len(sent) == len(set(sent))
	assert [rule.days for rule in sent] == sorted(rule.days for rule in sent)
	if days:
		reached = {rule.name for rule in rules if rule.days <= max(days)}
		assert done == reached


# Rhythm and benefits


def test_next_contact():
	assert next_contact_due(date(2026, 1, 1), 90, JOINED := date(2017, 8, 15)) == date(2026, 4, 1)
	assert next_contact_due(None, 90, JOINED) == JOINED + timedelta(days=90)
	assert next_contact_due(date(2026, 1, 1), 0, JOINED) is None
	assert next_contact_due(None, 90, None) is None
	assert is_overdue(date(2026, 1, 1), date(2026, 1, 2)) and not is_overdue(
		date(2026, 1, 2), date(2026, 1, 2)
	)


@pytest.mark.parametrize(
	"on, active",
	[(date(2019, 12, 31), False), (date(2020, 1, 1), True), (date(2021, 6, 1), False), (date(2022, 3, 1), True), (date(2022, 7, 1), False)],
)  # fmt: skip
def test_benefits_last_as_long_as_both_affiliation_and_membership(on, active):
	member = [
		("Active", date(2018, 1, 1), date(2021, 1, 31)),
		("Withdrawn", date(2021, 2, 1), date(2022, 1, 31)),
		("In Arrears", date(2022, 2, 1), date(2022, 6, 30)),
		("Suspended", date(2022, 7, 1), None),
	]
	assert benefits_active([(date(2020, 1, 1), None)], member, on) is active
	assert not benefits_active([], member, on)
	assert not benefits_active([(date(2019, 1, 1), date(2019, 2, 1))], member, on)
