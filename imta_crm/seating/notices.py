"""Which letter is due to whom about a seat: one row of Seat Notice for each booking and occasion.

The rows are inserted within the transaction that changes the booking; letters are made of them by a job.
"""

from __future__ import annotations

from datetime import datetime


def follow(doctype: str, name: str, before: str | None, after: str) -> None:
	"""Note the letter that the booking's change of status asks for. Cheap; within the caller's transaction."""


def event_changed(event_doctype: str, event: str) -> None:
	"""The time, place or link of an open event has changed: everybody who holds a seat is to hear of it."""


def certificate(name: str) -> None:
	"""A Training Certificate was issued: its holder is to hear of it."""


def send_due(now: datetime | None = None) -> dict[str, int]:
	"""Make and queue the letters that are due; every five minutes, and after what asked for them."""
	return {}


def remind_due(now: datetime | None = None) -> int:
	"""Note the reminders and requests for feedback that are due; how many."""
	return 0
