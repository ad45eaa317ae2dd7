"""Who owes what for a dues period, and why or why not.

One function decides for the desk's run and for the launcher's preview. It looks at one member and one
period and at no clock: `as_of` comes in, and whatever is due on or before it is due, so a run that comes
late finds what an earlier one would have found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from imta_crm.policy import messages
from imta_crm.policy.dates import ONE_DAY, Period
from imta_crm.policy.money import as_decimal, exponent_of, multiply, share_of
from imta_crm.policy.proration import DAILY, METHODS, UnknownMethod, share
from imta_crm.policy.spans import Span, clean, value_on, within
from imta_crm.policy.status import Status, is_member, membership_stretches

CHARGE, SKIP, CREDIT = "charge", "skip", "credit"

# Reasons that somebody must put right, as against those that are as the rules want them.
PROBLEM_REASONS = frozenset({"no_rate", "no_tier", "no_tier_dues", "no_join_date"})


@dataclass(frozen=True)
class TierDues:
	"""What a tier owes for a whole period, in the reference currency."""

	tier: str
	amount: Decimal
	is_exempt: bool = False

	def __post_init__(self) -> None:
		if as_decimal(self.amount) < 0:
			raise ValueError("dues must not be negative")


@dataclass(frozen=True)
class DuesRules:
	"""The rules of one Dues Year.

	`rates` holds units of each currency for 1 unit of `reference_currency`. `leavers_owe_whole`: who was a
	member on the first day covered owes for the rest of the period, also after leaving; otherwise only for
	the days of membership. `charge_suspended`: charge a suspended member at once instead of on its return.
	"""

	title: str
	period: Period
	notice_date: date
	due_date: date
	reference_currency: str
	rates: Mapping[str, Decimal]
	tiers: Mapping[str, TierDues]
	proration: str = DAILY
	leavers_owe_whole: bool = True
	charge_suspended: bool = False

	def __post_init__(self) -> None:
		if self.proration not in METHODS:
			raise UnknownMethod(self.proration)

	def rate_for(self, currency: str) -> Decimal | None:
		"""Units of `currency` for one unit of the reference currency; None where the year states none."""
		if currency == self.reference_currency:
			return Decimal(1)
		rate = self.rates.get(currency)
		return as_decimal(rate) if rate and rate > 0 else None

	def due_date_for(self, issued_on: date) -> date:
		"""Due date of an invoice issued on that day: the year's, or as many days later as it is late.

		A member admitted in mid-year has as long to pay as the others had.
		"""
		return max(self.due_date, issued_on + (self.due_date - self.notice_date))


@dataclass(frozen=True)
class MemberFacts:
	"""What the rules need to know of one member.

	`tier_spans` and `status_spans` are (value, from, to or None), ends included. Where a history begins
	later than `joined_on` (a member taken over from a list), its first entry is taken to reach back to it.
	`left_on` is the first day without membership and counts only where there is no status history.
	"""

	name: str
	member_name: str = ""
	tier: str = ""
	status: str = "Active"
	joined_on: date | None = None
	left_on: date | None = None
	currency: str = ""
	country: str = ""
	tier_spans: Sequence[Sequence] = ()
	status_spans: Sequence[Sequence] = ()
	customer: str | None = None

	def statuses(self) -> tuple[Span, ...]:
		"""The status history, reaching back to admission; worked out from the dates where none is kept."""
		spans = clean(self.status_spans)
		if spans:
			return _reach_back(spans, self.joined_on) if is_member(spans[0].value) else spans
		if self.joined_on is None:
			return ()
		if not is_member(self.status):
			if self.left_on is None or self.status == Status.APPLICANT:
				return ()
			return clean([(Status.ACTIVE.value, self.joined_on, self.left_on - ONE_DAY)])
		return clean([(self.status, self.joined_on, self.left_on - ONE_DAY if self.left_on else None)])

	def tiers(self) -> tuple[Span, ...]:
		return _reach_back(clean(self.tier_spans), self.joined_on)

	def tier_on(self, day: date) -> str:
		"""The tier in force that day. Before the first entry the first one's, without a history today's."""
		spans = self.tiers()
		if not spans:
			return self.tier
		return value_on(spans, max(day, spans[0].start)) or self.tier


def _reach_back(spans: tuple[Span, ...], start: date | None) -> tuple[Span, ...]:
	if spans and start and start < spans[0].start:
		return (spans[0]._replace(start=start), *spans[1:])
	return spans


@dataclass(frozen=True)
class Decision:
	"""`kind` is charge, skip or credit; amounts are positive.

	`amount` is in `currency`, rounded once from the exact share; `reference_amount` is the same share in the
	reference currency, rounded for itself. `reason` is a key of `messages.TEXTS`, `detail` its values.
	"""

	member: str
	kind: str
	reason: str
	tier: str = ""
	covered: Period | None = None
	reference_amount: Decimal = Decimal(0)
	rate: Decimal | None = None
	amount: Decimal = Decimal(0)
	currency: str = ""
	detail: Mapping[str, object] = field(default_factory=dict)

	@property
	def is_charge(self) -> bool:
		return self.kind == CHARGE

	@property
	def is_problem(self) -> bool:
		"""Not charged because something is missing that a person must supply."""
		return self.reason in PROBLEM_REASONS

	def text(self, lang: str = "en") -> str:
		return reason_text(self.reason, self.detail, lang)


def reason_text(code: str, detail: Mapping[str, object] | None = None, lang: str = "en") -> str:
	"""The reason in a sentence, English or Chinese (`lang` beginning with "zh")."""
	return messages.text(code, list((detail or {}).values()), lang)


def decide(member: MemberFacts, rules: DuesRules, *, as_of: date) -> Decision:
	"""What the member owes for the rules' period, as far as it is due on or before `as_of`.

	The period is charged from the first day of membership in it; the tier is the one in force on that day.
	It falls due on the notice date, or on admission where that is later, or on the return from a suspension
	that lasted over both. Rule: statutes of the alliance, dues by tier; see `DuesRules` for the options.
	"""

	def skip(reason: str, **detail: object) -> Decision:
		return Decision(member.name, SKIP, reason, member.tier, currency=member.currency, detail=detail)

	statuses = member.statuses()
	if not statuses:
		if member.status == Status.APPLICANT:
			return skip("applicant")
		if is_member(member.status):
			return skip("no_join_date")
		return skip("not_a_member", status=member.status)
	membership = membership_stretches(statuses)
	if not membership:
		return (
			skip("applicant")
			if member.status == Status.APPLICANT
			else skip("not_a_member", status=member.status)
		)
	parts = within(rules.period, membership)
	if not parts:
		first = min(start for start, _ in membership)
		if first > rules.period.end:
			return skip("joined_after", date=first)
		later = [start for start, _ in membership if start > rules.period.end]
		if later and all(start > rules.period.end or end for start, end in membership):
			return skip("gap", date=min(later))
		return skip("left_before", date=max(end for _, end in membership if end) + ONE_DAY)

	first_day = parts[0].start
	if value_on(statuses, first_day) == Status.EMERITUS:
		return skip("exempt_status", status=Status.EMERITUS.value)
	tier = member.tier_on(first_day)
	if tier_reason := _tier_reason(tier, rules):
		return skip(tier_reason, tier=tier)
	if rules.tiers[tier].is_exempt:
		return skip("exempt_tier", tier=tier)

	issue = max(rules.notice_date, first_day)
	if as_of < issue:
		return skip("not_yet_due", date=issue)
	if not rules.charge_suspended and _suspended_throughout(statuses, issue, as_of):
		return skip("suspended", date=issue)

	if rules.leavers_owe_whole:
		covered_parts = (Period(first_day, rules.period.end),)
	else:
		covered_parts = parts
	return _amounts(member, rules, tier, rules.tiers[tier].amount, covered_parts, CHARGE)


def difference(
	member: MemberFacts,
	rules: DuesRules,
	change_from_tier: str,
	change_to_tier: str,
	effective: date,
	*,
	grant_credit: bool = False,
	billed_tier: str | None = None,
) -> Decision:
	"""What a change of tier in mid-period adds to (or, granted, takes from) the period's charge.

	An upgrade owes the difference from its effective date on, prorated by the rules. A downgrade counts from
	the next period; with `grant_credit` the difference is a credit. Nothing where the charge for the period
	already stands on the new tier because the change took effect on or before its first day covered.

	`billed_tier` is the tier on which the period's charges really stand so far. It is what an upgrade is
	measured by: a change that was entered after the charge had been made is billed from the first day
	covered, and going down and up again does not bill the same step twice.
	"""

	def skip(reason: str, **detail: object) -> Decision:
		return Decision(member.name, SKIP, reason, change_to_tier, currency=member.currency, detail=detail)

	from_tier = billed_tier or change_from_tier
	for tier in (from_tier, change_to_tier):
		if tier_reason := _tier_reason(tier, rules):
			return skip(tier_reason, tier=tier)
	if effective > rules.period.end:
		return skip("change_after_period", date=effective)
	parts = within(rules.period, membership_stretches(member.statuses()))
	if not parts:
		return skip("not_a_member", status=member.status)
	old, new = (_owed(rules.tiers[tier]) for tier in (from_tier, change_to_tier))
	if billed_tier and new <= old:
		return skip("change_in_annual", tier=billed_tier)
	if effective <= parts[0].start:
		if not billed_tier:
			return skip("change_in_annual", tier=change_to_tier)
		effective = parts[0].start
	covered_parts = within(Period(effective, rules.period.end), [(part.start, part.end) for part in parts])
	if not covered_parts:
		return skip("not_a_member", status=member.status)
	if rules.leavers_owe_whole:
		covered_parts = (Period(covered_parts[0].start, rules.period.end),)

	if new == old:
		return skip("nothing_to_charge", tier=change_to_tier)
	if new < old and not grant_credit:
		return skip("downgrade_next_period", tier=change_to_tier)
	kind = CHARGE if new > old else CREDIT
	return _amounts(member, rules, change_to_tier, abs(new - old), covered_parts, kind)


def _owed(tier: TierDues) -> Decimal:
	return Decimal(0) if tier.is_exempt else tier.amount


def _tier_reason(tier: str, rules: DuesRules) -> str | None:
	if not tier:
		return "no_tier"
	return None if tier in rules.tiers else "no_tier_dues"


def _suspended_throughout(statuses: tuple[Span, ...], start: date, end: date) -> bool:
	"""Whether no day from `start` to `end` sees the member in a status other than suspended.

	Days after a suspended member left count as suspended: nothing became due before it went.
	"""
	window = within(
		Period(start, end), [(span.start, span.end) for span in statuses if span.value == Status.SUSPENDED]
	)
	if not window:
		return False
	good = [
		(span.start, span.end)
		for span in statuses
		if span.value != Status.SUSPENDED and is_member(span.value)
	]
	return not within(Period(start, end), good)


def _amounts(
	member: MemberFacts, rules: DuesRules, tier: str, whole: Decimal, parts: Sequence[Period], kind: str
) -> Decision:
	covered = Period(parts[0].start, parts[-1].end)
	currency = member.currency or rules.reference_currency
	rate = rules.rate_for(currency)
	if rate is None:
		detail = {"currency": currency, "reference": rules.reference_currency, "year": rules.title}
		return Decision(member.name, SKIP, "no_rate", tier, covered, currency=currency, detail=detail)
	numerator, denominator = share(rules.period, parts, rules.proration)
	reference_amount = share_of(whole, numerator, denominator, exponent_of(rules.reference_currency))
	# The exact product is prorated and rounded once; rounding the reference amount first would round twice.
	amount = share_of(multiply(whole, rate), numerator, denominator, exponent_of(currency))
	if not amount:
		return Decision(
			member.name, SKIP, "nothing_to_charge", tier, covered, currency=currency, detail={"tier": tier}
		)
	part = numerator != denominator
	reason = "credit" if kind == CREDIT else "charge_part" if part else "charge_whole"
	detail = {"tier": tier, "start": covered.start, "end": covered.end}
	if part:
		detail |= {"part": numerator, "of": denominator}
	return Decision(
		member.name, kind, reason, tier, covered, reference_amount, rate, amount, currency, detail
	)
