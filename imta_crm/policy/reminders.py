"""Which reminder of a charge is due. Each rule fires at most once per charge, also after missed days."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class ReminderRule:
	"""`days` from the due date; negative is before it."""

	name: str
	days: int

	def falls_on(self, due_date: date) -> date:
		return due_date + timedelta(days=self.days)


@dataclass(frozen=True)
class ReminderPlan:
	"""`send` is the one to send now, if any; `superseded` are to be recorded as passed over, unsent."""

	send: ReminderRule | None = None
	superseded: tuple[ReminderRule, ...] = ()


def plan(
	rules: Iterable[ReminderRule],
	due_date: date,
	sent: Collection[str],
	today: date,
	*,
	is_open: bool,
	issued_on: date | None = None,
) -> ReminderPlan:
	"""What to do today about one charge.

	`sent` names the rules already sent or recorded as superseded. Of several that were missed only the
	latest is sent. Nothing for a charge that is paid, waived or void. A reminder that would have gone out
	before the invoice was issued (`issued_on`) is passed over: the notice itself has just been sent.
	"""
	if not is_open:
		return ReminderPlan()
	reached = sorted(
		(rule for rule in rules if rule.falls_on(due_date) <= today), key=lambda rule: (rule.days, rule.name)
	)
	if not reached:
		return ReminderPlan()
	latest = reached[-1]
	stale = issued_on is not None and latest.falls_on(due_date) < issued_on
	send = latest if latest.name not in sent and not stale else None
	passed = [rule for rule in reached if rule.name not in sent and rule is not send]
	return ReminderPlan(send, tuple(passed))
