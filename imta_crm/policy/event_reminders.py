"""Which reminder of an event is due to somebody with a seat. What fell due follows from the beginning alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Reminder:
	"""`occasion` is the same however often one looks, and another one for another day of beginning."""

	hours: int
	due_at: datetime
	occasion: str


def due(
	hours_before: Iterable[int], begins_at: datetime, now: datetime, *, since: datetime | None = None
) -> Reminder | None:
	"""The reminder that is due now, if any.

	Of several that were missed only the latest; none once the event has begun. One that fell due before `since`,
	when the person was told of the event anyway (by the confirmation, by news of a change), is passed over.
	"""
	if now >= begins_at:
		return None
	reached = [hours for hours in hours_before if hours > 0 and begins_at - timedelta(hours=hours) <= now]
	if not reached:
		return None
	hours = min(reached)
	due_at = begins_at - timedelta(hours=hours)
	if since is not None and due_at < since:
		return None
	return Reminder(hours, due_at, occasion(begins_at, hours))


def occasion(begins_at: datetime, hours: int) -> str:
	"""Moved within the day, an event is not reminded of again; moved to another day, it is."""
	return f"{begins_at:%Y%m%d}-{hours}"
