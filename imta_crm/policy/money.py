"""Money: Decimal only, rounded half up at the currency's own number of decimals (ISO 4217)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

# ISO 4217 minor units where they are not 2.
_EXPONENTS = {
	**dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
	**dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
	**dict.fromkeys("CLF UYW".split(), 4),
}
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


class MoneyProblem(ValueError):
	"""A float, a rate of zero, or a number that is not finite."""


def as_decimal(value: Decimal | int | str) -> Decimal:
	"""Decimal from an exact value. A float is refused: it has lost the amount already."""
	if isinstance(value, float):
		raise MoneyProblem("money must not be a float")
	number = value if isinstance(value, Decimal) else Decimal(value)
	if not number.is_finite():
		raise MoneyProblem("not a finite amount")
	return number


def exponent_of(currency: str) -> int:
	"""Decimals of the currency: 2 unless ISO 4217 says otherwise (JPY 0, KWD 3)."""
	return _EXPONENTS.get(currency.upper(), 2)


def round_money(amount: Decimal, exponent: int) -> Decimal:
	"""Half up (away from zero for negative amounts) at `exponent` decimals."""
	with localcontext(_EXACT):
		return as_decimal(amount).quantize(Decimal(1).scaleb(-exponent), rounding=ROUND_HALF_UP)


def share_of(amount: Decimal, numerator: int, denominator: int, exponent: int) -> Decimal:
	"""`amount` x numerator / denominator, rounded once."""
	with localcontext(_EXACT):
		return round_money(as_decimal(amount) * numerator / denominator, exponent)


def convert(amount: Decimal, rate: Decimal, currency: str) -> Decimal:
	"""Amount in `currency`; `rate` is units of `currency` for one unit of the amount's currency.

	Raises MoneyProblem when the rate is not positive.
	"""
	if as_decimal(rate) <= 0:
		raise MoneyProblem("the rate must be positive")
	with localcontext(_EXACT):
		return round_money(as_decimal(amount) * rate, exponent_of(currency))


def multiply(amount: Decimal, rate: Decimal) -> Decimal:
	"""The exact product, for a caller that rounds later."""
	with localcontext(_EXACT):
		return as_decimal(amount) * as_decimal(rate)
