"""Benefits of the people affiliated with a member."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from imta_crm.policy.spans import value_on
from imta_crm.policy.status import enjoys_benefits


def benefits_active(
	affiliation_spans: Iterable[tuple[date | None, date | None]],
	member_status_spans: Iterable[Sequence],
	on: date,
) -> bool:
	"""Whether a person affiliated with a member has its benefits on that day.

	Worked out from the two histories each time: the person is affiliated on that day and the member is a
	member then (in arrears or emeritus included, suspended not).
	"""
	affiliated = any(
		(start is None or start <= on) and (end is None or on <= end) for start, end in affiliation_spans
	)
	return affiliated and enjoys_benefits(value_on(member_status_spans, on))
