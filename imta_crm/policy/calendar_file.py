"""Calendar entries as text (RFC 5545, RFC 5546), for one person and one event.

Times are the person's: DTSTART with the IANA name of the zone, and a VTIMEZONE that lists the zone's own changes
of the clock around the event, taken from the time zone data base. So every calendar arrives at the same moment,
also one that does not know the name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

REQUEST, CANCEL, PUBLISH = "REQUEST", "CANCEL", "PUBLISH"
PRODUCT = "-//International Mountain Tourism Alliance//IMTA CRM//EN"
CONTENT_TYPE = 'text/calendar; charset="utf-8"; method={}'
_LINE = 75
_NO_ZONE = ("UTC", "Etc/UTC", "Etc/GMT", "GMT")
_LONG_AGO = datetime(1970, 1, 1)
#: Persian words and several emoji are written with them.
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True)
class Party:
	name: str
	email: str


@dataclass(frozen=True)
class Entry:
	"""`begins_at` and `ends_at` know their zone; `zone` is the one that the file speaks of."""

	uid: str
	sequence: int
	stamp: datetime
	begins_at: datetime
	ends_at: datetime
	zone: str
	summary: str
	description: str = ""
	location: str = ""
	url: str = ""
	organizer: Party | None = None
	attendee: Party | None = None
	language: str = ""
	alarm_minutes: int = 0


def write(entry: Entry, method: str = REQUEST) -> str:
	"""The whole file, lines ended by CRLF and folded."""
	begins, ends = _Moment(entry.begins_at, entry.zone), _Moment(entry.ends_at, entry.zone)
	lines = ["BEGIN:VCALENDAR", f"PRODID:{PRODUCT}", "VERSION:2.0", "CALSCALE:GREGORIAN", f"METHOD:{method}"]
	if begins.has_zone or ends.has_zone:
		lines += zone_lines(entry.zone, entry.begins_at, entry.ends_at)
	lines += [
		"BEGIN:VEVENT",
		f"UID:{escape(entry.uid)}",
		f"SEQUENCE:{entry.sequence}",
		f"DTSTAMP:{_utc(entry.stamp)}",
		f"DTSTART{begins.value}",
		f"DTEND{ends.value}",
		_text("SUMMARY", entry.summary, entry.language),
		_text("DESCRIPTION", entry.description, entry.language),
		_text("LOCATION", entry.location, entry.language),
		f"URL:{_one_line(entry.url)}" if entry.url else "",
	]
	if entry.organizer:
		lines.append(f"ORGANIZER{_named(entry.organizer)}:mailto:{_address(entry.organizer)}")
	if entry.attendee:
		# The seat is settled already: nobody's calendar is to ask or to answer.
		part = ";CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE"
		lines.append(f"ATTENDEE{part}{_named(entry.attendee)}:mailto:{_address(entry.attendee)}")
	# Private: whoever shares a calendar does not share the links in it.
	lines += [f"STATUS:{'CANCELLED' if method == CANCEL else 'CONFIRMED'}", "CLASS:PRIVATE"]
	lines.append(f"TRANSP:{'TRANSPARENT' if method == CANCEL else 'OPAQUE'}")
	if entry.alarm_minutes and method != CANCEL:
		lines += [
			"BEGIN:VALARM",
			"ACTION:DISPLAY",
			f"DESCRIPTION:{escape(entry.summary)}",
			f"TRIGGER:-PT{entry.alarm_minutes}M",
			"END:VALARM",
		]
	lines += ["END:VEVENT", "END:VCALENDAR"]
	return "".join(f"{fold(line)}\r\n" for line in lines if line)


def escape(text: str) -> str:
	"""A value of type TEXT."""
	text = text.replace("\r\n", "\n").replace("\r", "\n")
	for mark, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
		text = text.replace(mark, written)
	return _readable(text)


def fold(line: str) -> str:
	"""At most 75 octets a line, never within a character; what is carried on begins with a space."""
	if len(line.encode()) <= _LINE:
		return line
	pieces, piece, room = [], "", _LINE
	for character in line:
		size = len(character.encode())
		if size > room:
			pieces.append(piece)
			piece, room = "", _LINE - 1
		piece += character
		room -= size
	return "\r\n ".join([*pieces, piece])


@dataclass(frozen=True)
class _Moment:
	at: datetime
	zone: str

	@property
	def has_zone(self) -> bool:
		# An hour that the clock shows twice has no name but in UTC; a calendar would take the first.
		return self.zone not in _NO_ZONE and not self.local.fold

	@property
	def local(self) -> datetime:
		return self.at.astimezone(ZoneInfo(self.zone))

	@property
	def value(self) -> str:
		if not self.has_zone:
			return f":{_utc(self.at)}"
		return f";TZID={self.zone}:{self.local:%Y%m%dT%H%M%S}"


def _utc(moment: datetime) -> str:
	return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(name: str, value: str, language: str) -> str:
	if not value:
		return ""
	return f"{name}{f';LANGUAGE={language}' if language else ''}:{escape(value)}"


def _named(party: Party) -> str:
	name = _one_line(party.name).replace('"', "'")
	return f';CN="{name}"' if name else ""


def _address(party: Party) -> str:
	return "".join(_readable(party.email).split())


def _one_line(text: str) -> str:
	return " ".join(_readable(text).split())


def _readable(text: str) -> str:
	"""Without what controls instead of being read. Spaces of any width stay spaces, and joiners shape the letters."""
	return "".join(
		" " if character.isspace() else character
		for character in text
		if character.isprintable() or character.isspace() or character in _JOINERS
	)


# Zones


@dataclass(frozen=True)
class Change:
	"""From `at` on (UTC, naive) the clock is `offset` ahead of UTC; before it was `before`."""

	at: datetime
	before: timedelta
	offset: timedelta
	name: str
	is_summer: bool


def zone_lines(zone: str, begins_at: datetime, ends_at: datetime) -> list[str]:
	"""VTIMEZONE with what the zone's clock does from the last change before the year of the event to its end."""
	first = begins_at.astimezone(UTC).year
	last = ends_at.astimezone(UTC).year
	lines = ["BEGIN:VTIMEZONE", f"TZID:{zone}"]
	for change in changes(zone, first, last):
		part = "DAYLIGHT" if change.is_summer else "STANDARD"
		# By the clock as it stood before.
		local = change.at + change.before
		lines += [
			f"BEGIN:{part}",
			f"DTSTART:{local:%Y%m%dT%H%M%S}",
			f"TZOFFSETFROM:{_offset(change.before)}",
			f"TZOFFSETTO:{_offset(change.offset)}",
			f"TZNAME:{escape(change.name)}",
			f"END:{part}",
		]
	return [*lines, "END:VTIMEZONE"]


@lru_cache(maxsize=512)
def changes(zone: str, first_year: int, last_year: int) -> tuple[Change, ...]:
	"""The changes of the clock in these years, after the one by which they begin."""
	clock = ZoneInfo(zone)
	# The year before shows what the years begin with.
	found = list(_between(clock, datetime(first_year - 1, 1, 1), datetime(last_year + 1, 1, 2)))
	within = [change for change in found if change.at >= datetime(first_year, 1, 1)]
	before = [change for change in found if change.at < datetime(first_year, 1, 1)]
	if before:
		return (before[-1], *within)
	offset, name, is_summer = _state(clock, datetime(first_year - 1, 1, 1))
	return (Change(_LONG_AGO - offset, offset, offset, name, is_summer), *within)


def _between(clock: ZoneInfo, start: datetime, end: datetime) -> Iterable[Change]:
	moment, state = start, _state(clock, start)
	while moment < end:
		later = moment + timedelta(days=1)
		following = _state(clock, later)
		if following[0] != state[0]:
			at = _exactly(clock, moment, later)
			yield Change(at, state[0], *_state(clock, at))
			following = _state(clock, later)
		moment, state = later, following


def _exactly(clock: ZoneInfo, early: datetime, late: datetime) -> datetime:
	before = _state(clock, early)[0]
	while late - early > timedelta(seconds=1):
		middle = early + timedelta(seconds=(late - early) // timedelta(seconds=2))
		if _state(clock, middle)[0] == before:
			early = middle
		else:
			late = middle
	return late


def _state(clock: ZoneInfo, utc: datetime) -> tuple[timedelta, str, bool]:
	local = utc.replace(tzinfo=UTC).astimezone(clock)
	return local.utcoffset(), local.tzname() or "", (local.dst() or timedelta()) > timedelta()


def _offset(offset: timedelta) -> str:
	seconds = int(offset.total_seconds())
	sign, seconds = ("-" if seconds < 0 else "+"), abs(seconds)
	text = f"{sign}{seconds // 3600:02}{seconds // 60 % 60:02}"
	return f"{text}{seconds % 60:02}" if seconds % 60 else text
