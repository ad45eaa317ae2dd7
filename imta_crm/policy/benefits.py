"""Benefits of affiliated people and the validity of the membership card."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from imta_crm.policy.spans import value_on
from imta_crm.policy.status import Status, enjoys_benefits, is_member


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


def card_valid_until(
	*, status: str, is_exempt: bool, paid_until: date | None, open_until: date | None
) -> date | None:
	"""Last day of validity to print on the card, or None where no card is valid.

	`paid_until` is the last day of the latest period the member has paid, `open_until` the last day of the
	dues year now open. A member in good standing has until the end of the open year; one in arrears keeps
	what it has paid for; an exempt or emeritus member has the open year.
	"""
	if not is_member(status) or status == Status.SUSPENDED:
		return None
	if is_exempt or status == Status.EMERITUS:
		return open_until
	if status == Status.IN_ARREARS:
		return paid_until
	return max(filter(None, (paid_until, open_until)), default=None)


def card_is_valid(*, status: str, valid_until: date | None, on: date) -> bool:
	"""What the public page confirms."""
	return enjoys_benefits(status) and valid_until is not None and on <= valid_until
