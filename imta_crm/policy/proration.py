"""What part of a period's amount belongs to the days covered. Days are counted inclusively."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from imta_crm.policy.dates import Period
from imta_crm.policy.money import share_of

NONE, MONTHLY, DAILY = "None", "Monthly", "Daily"
METHODS = (NONE, MONTHLY, DAILY)


class UnknownMethod(ValueError):
	"""A proration other than None, Monthly or Daily."""


def share(period: Period, covered: Iterable[Period], method: str) -> tuple[int, int]:
	"""Numerator and denominator of the part of `period` that the `covered` stretches make up.

	None: all, as soon as one day is covered. Monthly: a started month counts whole, once. Daily: days.
	Days outside the period do not count.
	"""
	if method not in METHODS:
		raise UnknownMethod(method)
	inside = sorted(part for part in (period.clip(one) for one in covered) if part)
	if not inside:
		return 0, 1
	if method == NONE:
		return 1, 1
	if method == MONTHLY:
		months = {
			index
			for part in inside
			for index in range(period.month_index(part.start), period.month_index(part.end) + 1)
		}
		return len(months), period.months()
	days, counted_to = 0, None
	for part in inside:
		start = part.start if counted_to is None or part.start > counted_to else None
		if start is None:
			days += max((part.end - counted_to).days, 0)
		else:
			days += part.days
		counted_to = part.end if counted_to is None else max(counted_to, part.end)
	return days, period.days


def prorate(amount: Decimal, period: Period, covered: Period, method: str, exponent: int) -> Decimal:
	"""The part of `amount` (for the whole `period`) that falls on `covered`, rounded once at the end.

	Zero when the two do not meet; the whole amount when all of the period is covered.
	Raises UnknownMethod.
	"""
	return share_of(amount, *share(period, [covered], method), exponent)
