"""How long a certificate counts, and what it is today."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

VALID, EXPIRED, REVOKED, RENEWED = "Valid", "Expired", "Revoked", "Renewed"


def last_day(first: date, months: int) -> date | None:
	"""Last day of a validity of so many months that begins on `first`; None where it has no end (0 months).

	Twelve months from 15 March end on 14 March. Where the last month has no such day, they end with it.
	"""
	if not months or months < 0:
		return None
	years, month = divmod(first.month - 1 + months, 12)
	year, month = first.year + years, month + 1
	days = calendar.monthrange(year, month)[1]
	if first.day > days:
		return date(year, month, days)
	return date(year, month, first.day) - timedelta(days=1)


def state(*, is_revoked: bool, is_renewed: bool, valid_until: date | None, on: date) -> str:
	"""What a certificate is on a day. Revoked outweighs all, and who has a newer one is told so."""
	if is_revoked:
		return REVOKED
	if is_renewed:
		return RENEWED
	return EXPIRED if valid_until and on > valid_until else VALID


def renewal_from(valid_until: date, on: date) -> date:
	"""First day of a renewal: nobody loses days by renewing early, and a gap stays visible as a gap."""
	return max(valid_until + timedelta(days=1), on)
