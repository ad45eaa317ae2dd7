"""Dates and periods. All dates are calendar days without a time zone; both ends of a period are included."""

from __future__ import annotations

import calendar
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

ONE_DAY = timedelta(days=1)
EARLIEST_YEAR = 1800
LATEST_YEAR = 2199


class PeriodProblem(ValueError):
	"""A period that ends before it starts."""


class DateProblem(ValueError):
	"""A text that is no date, or that could be two.

	`code` is a key of `messages.TEXTS`; `args_` are the values for its template.
	"""

	def __init__(self, code: str, *args_: str):
		super().__init__(code, *args_)
		self.code = code
		self.args_ = args_


def add_months(day: date, months: int) -> date:
	"""The same day of the month, `months` later; the last day where the month is shorter."""
	index = day.year * 12 + day.month - 1 + months
	year, month = divmod(index, 12)
	last = calendar.monthrange(year, month + 1)[1]
	return date(year, month + 1, min(day.day, last))


@dataclass(frozen=True, order=True)
class Period:
	"""Days from `start` to `end`, both included."""

	start: date
	end: date

	def __post_init__(self) -> None:
		if self.end < self.start:
			raise PeriodProblem(f"{self.start} to {self.end}")

	@property
	def days(self) -> int:
		return (self.end - self.start).days + 1

	def __contains__(self, day: date) -> bool:
		return self.start <= day <= self.end

	def clip(self, other: Period) -> Period | None:
		"""The days that both periods share, or None."""
		start, end = max(self.start, other.start), min(self.end, other.end)
		return Period(start, end) if start <= end else None

	def months(self) -> int:
		"""How many months have started in it, counted from its own first day."""
		return self.month_index(self.end) + 1

	def month_index(self, day: date) -> int:
		"""Which month of the period (from 0) `day` lies in; months run from the first day's day of month.

		Each month's start is reckoned from the period's start and not from the month before, so a period
		that begins on the 31st does not drift to the 28th.
		"""
		index = (day.year - self.start.year) * 12 + day.month - self.start.month
		return index if add_months(self.start, index) <= day else index - 1

	@classmethod
	def of_year(cls, year: int) -> Period:
		return cls(date(year, 1, 1), date(year, 12, 31))

	@classmethod
	def nth_year(cls, anchor: date, n: int = 0) -> Period:
		"""The n-th year counted from `anchor`: next to each other without gap or overlap, and no drift."""
		return cls(add_months(anchor, 12 * n), add_months(anchor, 12 * (n + 1)) - ONE_DAY)


def normalise_digits(text: str) -> str:
	"""Full-width forms folded and every decimal digit of any script turned into 0 to 9."""
	text = unicodedata.normalize("NFKC", text)
	if text.isascii():
		return text
	return "".join(
		str(unicodedata.decimal(char)) if not char.isascii() and char.isdecimal() else char for char in text
	)


# Marks that a spreadsheet or a right-to-left text leaves around digits and that carry no meaning.
_INVISIBLE = dict.fromkeys(
	map(
		ord,
		"\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\u061c",
	)
)
_DASHES = str.maketrans(
	{"\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-"}
)

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[t ]00:00(?::00(?:\.0+)?)?)?z?")
_YEAR_FIRST = re.compile(r"(\d{4})\s*([/.])\s*(\d{1,2})\s*\2\s*(\d{1,2})\.?(?: 0{1,2}:00(?::00)?)?")
_CHINESE = re.compile(r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_DAY_FIRST_DOTS = re.compile(r"(\d{1,2})\.\s*(\d{1,2})\.\s*(\d{4})")
_EITHER = re.compile(r"(\d{1,2})\s*([/-])\s*(\d{1,2})\s*\2\s*(\d{4})")
_NAMED = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[\s.-]+([a-z]{3,9})\.?[\s,.-]+(\d{4})")
_NAMED_US = re.compile(r"([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
_SERIAL = re.compile(r"\d{5}(?:\.0+)?")
_MONTHS = {name.lower(): n for n, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name.lower(): n for n, name in enumerate(calendar.month_abbr) if name} | {"sept": 9}


@lru_cache(maxsize=16384)
def parse_date(text: str) -> date:
	"""Read a date as people write it in a spreadsheet.

	Understood: 2017-08-15, 2017/8/15, 2017.8.15, 20170815, 15.08.2017, 2017年8月15日, 15 Aug 2017,
	August 15, 2017, and 15/08/2017 where only one reading exists; digits of any script and full-width.

	Raises DateProblem: `date_ambiguous` for 03/04/2018, `date_serial` for a spreadsheet's bare day number
	(which of its two epochs it counts from is not in the file), `date_impossible` for 2031-02-30 and for
	years outside 1800 to 2199, `date_unreadable` for anything else.
	"""
	clean = " ".join(normalise_digits(text).translate(_INVISIBLE).translate(_DASHES).split()).lower()
	if match := _ISO.fullmatch(clean) or _CHINESE.fullmatch(clean) or _COMPACT.fullmatch(clean):
		return _make(text, *match.groups())
	if match := _YEAR_FIRST.fullmatch(clean):
		return _make(text, match[1], match[3], match[4])
	if match := _DAY_FIRST_DOTS.fullmatch(clean):
		return _make(text, match[3], match[2], match[1])
	if match := _EITHER.fullmatch(clean):
		return _day_or_month_first(text, int(match[1]), int(match[3]), match[4])
	if (match := _NAMED.fullmatch(clean)) and match[2] in _MONTHS:
		return _make(text, match[3], _MONTHS[match[2]], match[1])
	if (match := _NAMED_US.fullmatch(clean)) and match[1] in _MONTHS:
		return _make(text, match[3], _MONTHS[match[1]], match[2])
	if _SERIAL.fullmatch(clean):
		raise DateProblem("date_serial", text.strip())
	raise DateProblem("date_unreadable", text.strip())


def _day_or_month_first(text: str, first: int, second: int, year: str) -> date:
	if first == second or second > 12:
		return _make(text, year, first, second)
	if first > 12:
		return _make(text, year, second, first)
	readings = [_make(text, year, second, first), _make(text, year, first, second)]
	raise DateProblem("date_ambiguous", text.strip(), *(reading.isoformat() for reading in readings))


def _make(text: str, year: str | int, month: str | int, day: str | int) -> date:
	try:
		made = date(int(year), int(month), int(day))
	except ValueError:
		raise DateProblem("date_impossible", text.strip()) from None
	if not EARLIEST_YEAR <= made.year <= LATEST_YEAR:
		raise DateProblem("date_impossible", text.strip())
	return made
