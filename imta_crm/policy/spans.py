"""Histories as spans: a value (a status, a tier) from one day to another, both included; open end = None.

A history that a document stores may close a span on the day the next begins or on the day before; the
later start wins, so both are read alike. A span whose end lies before its start is empty and ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import NamedTuple

from imta_crm.policy.dates import ONE_DAY, Period


class Span(NamedTuple):
	value: str
	start: date
	end: date | None = None


class ChangeBeforeLatest(ValueError):
	"""A change dated before the latest recorded one: it would rewrite the past."""

	code = "change_before_latest"

	def __init__(self, on: date, latest: date):
		super().__init__(self.code, on.isoformat(), latest.isoformat())
		self.args_ = (on.isoformat(), latest.isoformat())


def clean(spans: Iterable[Sequence]) -> tuple[Span, ...]:
	"""Sorted, without empty spans, and with each span ended by the day before the next one's start."""
	ordered = sorted((Span(*span) for span in spans), key=lambda span: span.start)
	ordered = [span for span in ordered if span.end is None or span.end >= span.start]
	result: list[Span] = []
	for span in ordered:
		if result and (result[-1].end is None or result[-1].end >= span.start):
			result[-1] = result[-1]._replace(end=span.start - ONE_DAY)
			if result[-1].end < result[-1].start:
				result.pop()
		result.append(span)
	return tuple(result)


def value_on(spans: Iterable[Sequence], on: date) -> str | None:
	"""The value in force on that day, or None in a gap, before the first or after the last."""
	for span in reversed(clean(spans)):
		if span.start <= on:
			return span.value if span.end is None or span.end >= on else None
	return None


def append(spans: Iterable[Sequence], value: str, on: date) -> tuple[Span, ...]:
	"""The history with `value` in force from `on`; the span before it ends the day before.

	A second change on the same day takes the first one's place. Raises ChangeBeforeLatest.
	"""
	history = clean(spans)
	if not history:
		return (Span(value, on),)
	last = history[-1]
	if on < last.start:
		raise ChangeBeforeLatest(on, last.start)
	if last.end is not None and on <= last.end:
		raise ChangeBeforeLatest(on, last.end + ONE_DAY)
	if last.end is None:
		history = history[:-1] if on == last.start else (*history[:-1], last._replace(end=on - ONE_DAY))
	return (*history, Span(value, on))


def stretches(
	spans: Iterable[Sequence], wanted: Callable[[str], bool]
) -> tuple[tuple[date, date | None], ...]:
	"""Unbroken stretches of days on which the value is wanted; a gap between two stays a gap."""
	result: list[tuple[date, date | None]] = []
	for span in clean(spans):
		if not wanted(span.value):
			continue
		if result and result[-1][1] is not None and result[-1][1] + ONE_DAY == span.start:
			result[-1] = (result[-1][0], span.end)
		else:
			result.append((span.start, span.end))
	return tuple(result)


def within(period: Period, parts: Iterable[tuple[date, date | None]]) -> tuple[Period, ...]:
	"""The parts of `period` that the stretches cover."""
	clipped = (period.clip(Period(start, max(end or period.end, start))) for start, end in parts)
	return tuple(part for part in clipped if part)
