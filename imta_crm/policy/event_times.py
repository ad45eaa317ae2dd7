"""When an event is, in words: weekday, date, time and offset, by a clock that is named."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_DAYS_ZH = "一二三四五六日"


def day(on: date, chinese: bool) -> str:
	if chinese:
		return f"{on.year}年{on.month}月{on.day}日（星期{_DAYS_ZH[on.weekday()]}）"
	return f"{_DAYS[on.weekday()]}, {on.day} {_MONTHS[on.month - 1]} {on.year}"


def moment(at: datetime, chinese: bool) -> str:
	return f"{day(at, chinese)}{'' if chinese else ', '}{at:%H:%M}"


def span(begin: datetime, end: datetime | None, chinese: bool) -> str:
	"""Both by the same clock; the day is said once where it is the same."""
	if not end or end == begin:
		return moment(begin, chinese)
	if end.date() == begin.date():
		return f"{moment(begin, chinese)}–{end:%H:%M}"
	return f"{moment(begin, chinese)}{' 至 ' if chinese else ' to '}{moment(end, chinese)}"


def clock_name(zone: str, city: str, at: datetime, chinese: bool) -> str:
	"""`Vienna time, UTC+1`: the city that the zone is named after, and what its clock shows at that moment."""
	offset = utc_offset(zone, at)
	if not city or city == "UTC":
		return offset
	return f"{city}时间，{offset}" if chinese else f"{city} time, {offset}"


def utc_offset(zone: str, at: datetime) -> str:
	"""`UTC`, `UTC+8`, `UTC+5:30`, `UTC−4` at an aware moment."""
	offset = at.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
	minutes = int(offset.total_seconds()) // 60
	if not minutes:
		return "UTC"
	hours, rest = divmod(abs(minutes), 60)
	return f"UTC{'−' if minutes < 0 else '+'}{hours}{f':{rest:02}' if rest else ''}"
