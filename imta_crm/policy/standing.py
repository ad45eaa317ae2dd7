"""From what a member owes to its standing: Active, In Arrears or Suspended.

All days are counted from the invoice's own due date. An item is late from the day after the due date and
its days of grace; a member is in arrears when an item has been late for more than `arrears_after_days`,
suspended when for more than `suspend_after_days` (0: never). Nothing depends on when the rule last ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from imta_crm.policy.money import as_decimal
from imta_crm.policy.status import LEDGER_STATUSES, Status


@dataclass(frozen=True)
class OpenItem:
	"""What is outstanding on one document, in `currency`. Negative: a credit or money on account."""

	due_date: date
	amount: Decimal
	currency: str
	reference: str = ""


@dataclass(frozen=True)
class StandingRules:
	grace_days: int = 0
	arrears_after_days: int = 0
	suspend_after_days: int = 0

	def arrears_from(self, due_date: date) -> date:
		"""First day on which an item unpaid since `due_date` puts the member in arrears."""
		return due_date + timedelta(days=self.grace_days + self.arrears_after_days + 1)

	def suspended_from(self, due_date: date) -> date | None:
		"""First day on which it suspends the member; None where arrears never do."""
		if self.suspend_after_days <= 0:
			return None
		late = max(self.suspend_after_days, self.arrears_after_days)
		return due_date + timedelta(days=self.grace_days + late + 1)


@dataclass(frozen=True)
class Verdict:
	"""`reason` is a key of `messages.TEXTS`; `since` the day on which the standing began by the rule."""

	status: Status
	reason: str
	since: date | None = None
	reference: str = ""
	changed: bool = False


def open_after_credits(items: Iterable[OpenItem]) -> list[OpenItem]:
	"""Items still owed once credits are set against them: oldest first, each currency by itself.

	A credit in one currency says nothing about a debt in another.
	"""
	credit: dict[str, Decimal] = {}
	debts: list[OpenItem] = []
	for item in items:
		if as_decimal(item.amount) < 0:
			credit[item.currency] = credit.get(item.currency, Decimal(0)) - item.amount
		elif item.amount > 0:
			debts.append(item)
	result = []
	for item in sorted(debts, key=lambda debt: (debt.due_date, debt.reference)):
		used = min(credit.get(item.currency, Decimal(0)), item.amount)
		if used:
			credit[item.currency] -= used
		if item.amount > used:
			result.append(OpenItem(item.due_date, item.amount - used, item.currency, item.reference))
	return result


def assess(
	items: Iterable[OpenItem],
	rules: StandingRules | Mapping[str, StandingRules],
	today: date,
	current_status: str,
	*,
	suspended_by_decision: bool = True,
) -> Verdict:
	"""The standing on `today`. The same facts give the same verdict, however often or late it is asked.

	`rules` is one for all, or by the item's `reference` (key "" for the rest). A suspension by decision is
	not lifted by payment; the caller says with `suspended_by_decision=False` that arrears were its cause.
	Statuses outside Active, In Arrears and Suspended stay as they are.
	"""
	current = Status(current_status)
	if current not in LEDGER_STATUSES:
		return Verdict(current, "standing_not_assessed")
	if current is Status.SUSPENDED and suspended_by_decision:
		return Verdict(current, "standing_decision")

	arrears: tuple[date, str] | None = None
	suspended: tuple[date, str] | None = None
	for item in open_after_credits(items):
		rule = _rule_for(rules, item.reference)
		since = rule.arrears_from(item.due_date)
		if since <= today:
			arrears = min(arrears or (since, item.reference), (since, item.reference))
		since = rule.suspended_from(item.due_date)
		if since and since <= today:
			suspended = min(suspended or (since, item.reference), (since, item.reference))

	if suspended:
		status, reason, found = Status.SUSPENDED, "standing_suspended", suspended
	elif arrears:
		status, reason, found = Status.IN_ARREARS, "standing_in_arrears", arrears
	else:
		return Verdict(Status.ACTIVE, "standing_good", changed=current is not Status.ACTIVE)
	return Verdict(status, reason, found[0], found[1], changed=status is not current)


def _rule_for(rules: StandingRules | Mapping[str, StandingRules], reference: str) -> StandingRules:
	if isinstance(rules, StandingRules):
		return rules
	return rules[reference] if reference in rules else rules[""]
