"""Fees of seats: what a person pays, what is kept of it after a cancellation, what is credited.

Amounts are Decimals in one currency, rounded half up at its own decimals. Who pays in another currency than
the fee's is converted once, for each person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from imta_crm.policy.money import convert, exponent_of, round_money, share_of

ZERO = Decimal(0)
MEMBER, GUEST, STAFF = "Member", "Guest", "Staff"

NOTHING, TO_INVOICE, INVOICED = "Nothing to Pay", "To Be Invoiced", "Invoiced"
TO_CREDIT, CREDITED, FORFEITED, FAILED = "To Be Credited", "Credited", "Forfeited", "Failed"
#: Something is left to be done in the books.
PENDING = (TO_INVOICE, TO_CREDIT, FAILED)
#: A percentage of two decimals as a whole number.
WHOLE = 10_000


@dataclass(frozen=True)
class FeeRow:
	"""A line of the price list of a session or activity. An empty tier or role means every one."""

	participant_type: str
	fee: Decimal
	tier: str = ""
	role: str = ""

	def fits(self, participant_type: str, tier: str, role: str) -> bool:
		return (
			self.participant_type == participant_type and self.tier in ("", tier) and self.role in ("", role)
		)


def fee_of(
	rows: Iterable[FeeRow], *, participant_type: str, tier: str | None, role: str | None, currency: str
) -> Decimal:
	"""The fee of one person: by the row for tier and role, else tier, else role, else the general one.

	Of two rows that say the same the first counts. Without a row that fits, taking part is free: so staff pay
	only where a row for staff says so.
	"""
	tier, role = tier or "", role or ""
	fitting = [row for row in rows if row.fits(participant_type, tier, role)]
	if not fitting:
		return ZERO
	chosen = max(fitting, key=lambda row: (bool(row.tier), bool(row.role)))
	return max(round_money(chosen.fee, exponent_of(currency)), ZERO)


def kept(
	fee: Decimal, *, currency: str, in_time: bool, by_alliance: bool, late_credit_percent: Decimal
) -> Decimal:
	"""What of a fee is still to be paid after the seat was given up.

	Nothing where the alliance cancelled, or the participant in time; later all but `late_credit_percent`.
	"""
	if by_alliance or in_time:
		return ZERO
	percent = min(max(late_credit_percent, ZERO), Decimal(100))
	credit = share_of(fee, int(percent * 100), WHOLE, exponent_of(currency))
	return fee - credit


def in_currency(amount: Decimal, rate: Decimal, currency: str) -> Decimal:
	"""A fee in the currency that its payer is invoiced in; `rate` is units of it for one unit of the fee's."""
	return convert(amount, rate, currency)


def credit_of(
	row_amount: Decimal, *, fee_invoiced: Decimal, fee_due: Decimal, credited: Decimal, currency: str
) -> Decimal:
	"""What is still to be credited on an invoice's row, in the invoice's currency.

	:param row_amount: the row's amount in `currency`, which stands for `fee_invoiced`
	:param fee_due: what of the fee is to be paid in the end, in the currency of `fee_invoiced`
	:param credited: earlier credit notes on the row, positive; more than is asked for is left as it is
	"""
	return max(row_amount - _worth(row_amount, fee_due, fee_invoiced, currency) - credited, ZERO)


def due_after_credit(
	fee_invoiced: Decimal, *, row_amount: Decimal, credited: Decimal, currency: str
) -> Decimal:
	"""What of a fee is to be paid when credit notes of `credited` were made on its row; in the fee's currency."""
	if row_amount <= 0 or credited >= row_amount:
		return ZERO
	return _worth(fee_invoiced, row_amount - credited, row_amount, currency)


def _worth(amount: Decimal, part: Decimal, whole: Decimal, currency: str) -> Decimal:
	"""`amount` x part / whole, rounded once; all of it where the part is the whole."""
	if whole <= 0 or part >= whole:
		return amount
	scale = Decimal(10) ** 9  # the columns keep nine places
	return share_of(amount, int(part * scale), int(whole * scale), exponent_of(currency))


def state_of(*, fee_due: Decimal, is_invoiced: bool, is_live: bool, to_credit: Decimal) -> str:
	"""The state of a booking's fee by the facts."""
	if not is_invoiced:
		return TO_INVOICE if fee_due > 0 else NOTHING
	if to_credit > 0:
		return TO_CREDIT
	if fee_due <= 0:
		return CREDITED
	return INVOICED if is_live else FORFEITED


def next_number(taken: Sequence[int], granted: int) -> int | None:
	"""The free seat of the year to be taken: the first number that nobody has; None where all are taken.

	A tier that grants fewer than before takes none away, but gives none while more are in use.
	"""
	if len(taken) >= granted:
		return None
	return next((number for number in range(1, granted + 1) if number not in taken), None)
