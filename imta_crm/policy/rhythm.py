"""When a member should next be contacted."""

from __future__ import annotations

from datetime import date, timedelta


def next_contact_due(last: date | None, rhythm_days: int | None, joined: date | None) -> date | None:
	"""`rhythm_days` after the last contact, or after admission where there was none.

	None where the tier has no rhythm (0) or where neither date is known.
	"""
	since = max(filter(None, (last, joined)), default=None)
	if not rhythm_days or rhythm_days < 0 or since is None:
		return None
	return since + timedelta(days=rhythm_days)


def is_overdue(due: date | None, today: date) -> bool:
	"""Due before today; what is due today is not late yet."""
	return due is not None and due < today
