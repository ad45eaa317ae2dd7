"""Calendar files: zones that are right at the moment of the event, escaping, folding. Read by site tests with
an independent parser; here the zone's lines are judged against the time zone data base itself."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imta_crm.policy import event_times
from imta_crm.policy.calendar_file import (
	CANCEL,
	PUBLISH,
	Entry,
	Party,
	changes,
	escape,
	fold,
	write,
	zone_lines,
)

ZONES = ("Europe/Vienna", "America/New_York", "Asia/Kolkata", "Asia/Shanghai", "Australia/Lord_Howe")
moments = st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31))


def entry(**fields) -> Entry:
	begin = datetime(2026, 7, 1, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
	values = {
		"uid": "ts-1@imta",
		"sequence": 0,
		"stamp": begin,
		"begins_at": begin,
		"ends_at": begin + timedelta(hours=3),
		"zone": "Europe/Vienna",
		"summary": "Trails",
	}
	return Entry(**{**values, **fields})


def unfolded(text: str) -> list[str]:
	assert text.endswith("\r\n") and "\n" not in text.replace("\r\n", "")
	return text.replace("\r\n ", "").splitlines()


def offset_by(lines: list[str], local: datetime) -> str:
	"""What a calendar reads from a VTIMEZONE: the last observance that began before the local time."""
	found = []
	for start, line in enumerate(lines):
		if line in ("BEGIN:STANDARD", "BEGIN:DAYLIGHT"):
			part = dict(each.split(":", 1) for each in lines[start + 1 : start + 5])
			found.append((datetime.strptime(part["DTSTART"], "%Y%m%dT%H%M%S"), part["TZOFFSETTO"]))
	return max(item for item in found if item[0] <= local)[1]


@given(st.sampled_from(sorted(zone for zone in available_timezones() if "/" in zone)), moments)
def test_the_offset_is_the_zones_own_at_any_moment(zone, moment):
	at = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
	if at.fold or (at.replace(fold=1).utcoffset() != at.utcoffset()):
		return  # an hour shown twice has no name; it is written in UTC
	lines = zone_lines(zone, at, at + timedelta(hours=1))
	assert lines[0] == "BEGIN:VTIMEZONE" and lines[1] == f"TZID:{zone}"
	offset = int(at.utcoffset().total_seconds())
	hours, rest = divmod(abs(offset), 3600)
	assert (
		offset_by(lines, at.replace(tzinfo=None))[:5]
		== f"{'-' if offset < 0 else '+'}{hours:02}{rest // 60:02}"
	)


def test_changes_of_the_year():
	vienna = changes("Europe/Vienna", 2026, 2026)
	assert [(f"{change.at:%Y-%m-%d %H:%M}", change.name) for change in vienna] == [
		("2025-10-26 01:00", "CET"),
		("2026-03-29 01:00", "CEST"),
		("2026-10-25 01:00", "CET"),
	]
	assert [change.is_summer for change in vienna] == [False, True, False]
	(shanghai,) = changes("Asia/Shanghai", 2026, 2026)
	assert (shanghai.offset, shanghai.before) == (timedelta(hours=8), timedelta(hours=8))


@pytest.mark.parametrize(
	("zone", "written"),
	[
		("Europe/Vienna", "DTSTART;TZID=Europe/Vienna:20260701T030000"),
		("America/New_York", "DTSTART;TZID=America/New_York:20260630T210000"),
		("Asia/Kolkata", "DTSTART;TZID=Asia/Kolkata:20260701T063000"),
		("Asia/Shanghai", "DTSTART;TZID=Asia/Shanghai:20260701T090000"),
		("UTC", "DTSTART:20260701T010000Z"),
	],
)
def test_the_beginning_by_the_persons_clock(zone, written):
	lines = unfolded(write(entry(zone=zone)))
	assert written in lines
	assert ("BEGIN:VTIMEZONE" in lines) == (zone != "UTC")


def test_an_hour_that_the_clock_shows_twice_is_written_in_utc():
	begin = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30 in Vienna for the second time
	lines = unfolded(write(entry(begins_at=begin, ends_at=begin + timedelta(hours=2))))
	assert "DTSTART:20261025T013000Z" in lines
	assert "DTEND;TZID=Europe/Vienna:20261025T043000" in lines


def test_what_each_method_says():
	people = {
		"organizer": Party("IMTA; Secretariat", "a@imta.example"),
		"attendee": Party('Ma "M" Li', "m@x.example"),
	}
	request = unfolded(write(entry(sequence=3, alarm_minutes=60, **people)))
	assert {"METHOD:REQUEST", "SEQUENCE:3", "STATUS:CONFIRMED", "TRIGGER:-PT60M"} <= set(request)
	assert 'ORGANIZER;CN="IMTA; Secretariat":mailto:a@imta.example' in request
	assert any(line.startswith("ATTENDEE;") and "CN=\"Ma 'M' Li\"" in line for line in request)
	cancelled = unfolded(write(entry(sequence=4, alarm_minutes=60, **people), CANCEL))
	assert {"METHOD:CANCEL", "SEQUENCE:4", "STATUS:CANCELLED", "UID:ts-1@imta"} <= set(cancelled)
	assert "BEGIN:VALARM" not in cancelled
	assert "METHOD:PUBLISH" in unfolded(write(entry(), PUBLISH))


def test_escaping():
	assert escape("a,b;c\\d\ne\r\nf\tg") == "a\\,b\\;c\\\\d\\ne\\nf g"
	# Wide spaces part words, joiners shape letters; what turns or hides text goes.
	assert escape("贵阳\u3000会议\xa0中心\u202e\x00") == "贵阳 会议 中心"
	assert escape("می\u200cروم") == "می\u200cروم"
	assert "SUMMARY:X\\nBEGIN:VEVENT" in unfolded(write(entry(summary="X\nBEGIN:VEVENT")))


def test_names_and_addresses_add_no_lines():
	party = Party('Jean\xa0"Dupont"\r\nX-A:1', "jean@a.example\r\nX-B:1")
	lines = unfolded(write(entry(attendee=party, organizer=party)))
	assert not [line for line in lines if line.startswith(("X-A", "X-B"))]
	assert any(";CN=\"Jean 'Dupont' X-A:1\":" in line for line in lines)


@given(st.text(st.characters(blacklist_categories=("Cc", "Cs")), max_size=400))
def test_lines_are_short_and_whole(text):
	folded = fold(f"SUMMARY:{text}")
	assert all(len(line.encode()) <= 75 for line in folded.split("\r\n"))
	assert folded.replace("\r\n ", "") == f"SUMMARY:{text}"


def test_times_in_words():
	begin = datetime(2026, 11, 12, 9)
	assert (
		event_times.span(begin, begin + timedelta(hours=8), False)
		== "Thursday, 12 November 2026, 09:00–17:00"
	)
	assert event_times.span(begin, begin + timedelta(hours=8), True) == "2026年11月12日（星期四）09:00–17:00"
	assert " to Friday, 13 November" in event_times.span(begin, begin + timedelta(days=1), False)
	at = datetime(2026, 7, 1, tzinfo=UTC)
	assert event_times.utc_offset("Asia/Kolkata", at) == "UTC+5:30"
	assert event_times.utc_offset("America/New_York", at) == "UTC−4"
	assert event_times.clock_name("Europe/Vienna", "维也纳", at, True) == "维也纳时间，UTC+2"
	assert event_times.clock_name("UTC", "", at, False) == "UTC"
