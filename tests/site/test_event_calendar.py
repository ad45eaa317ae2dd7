"""Calendar entries as independent parsers read them: the right moment in every zone, whole texts, short lines."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import frappe
import pytest
import vobject
from dateutil.tz import tzical

from imta_crm.policy import calendar_file
from imta_crm.seating import calendar, occasion, seats
from tests.site.seating_factories import ENROLLMENT, enroll, make_guest, make_session

LINK = "https://meet.example/abc-123"
YEAR = datetime.now().year + 1
#: Between them the clocks of Vienna and New York change, not on the same days.
DAYS = ((1, 15), (3, 31), (7, 1), (10, 28), (11, 5))
ZONES = ("Europe/Vienna", "America/New_York", "Asia/Kolkata", "Asia/Shanghai", "Australia/Lord_Howe", "UTC")


def file_for(session, **person) -> str:
	booked = enroll(session, make_guest(**person))
	return calendar.text_of(occasion.of(ENROLLMENT, booked.name))


def moment(text: str, field: str) -> datetime:
	"""DTSTART or DTEND as dateutil understands the VTIMEZONE that stands in the file, and nothing else."""
	event = text[text.index("BEGIN:VEVENT") :]
	line = next(line for line in event.splitlines() if line.startswith(field))
	name, value = line.split(":")
	if value.endswith("Z"):
		return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
	begin = text.index("BEGIN:VTIMEZONE")
	end = text.index("END:VTIMEZONE") + len("END:VTIMEZONE")
	zone = tzical(StringIO(text[begin:end])).get(name.partition("TZID=")[2])
	return datetime.strptime(value, "%Y%m%dT%H%M%S").replace(tzinfo=zone)


@pytest.mark.parametrize("zone", ZONES)
def test_the_moment_is_right_in_every_zone_and_season(site, zone):
	for month, day in DAYS:
		begin = datetime(YEAR, month, day, 21)
		session = make_session(begins=begin, hours=2.5)
		text = file_for(session, time_zone=zone)
		there = begin.replace(tzinfo=ZoneInfo("Asia/Shanghai"))
		assert moment(text, "DTSTART").astimezone(UTC) == there.astimezone(UTC)
		assert moment(text, "DTEND").astimezone(UTC) == (there + timedelta(hours=2.5)).astimezone(UTC)
		if zone != "UTC":
			local = there.astimezone(ZoneInfo(zone))
			assert f"DTSTART;TZID={zone}:{local:%Y%m%dT%H%M%S}" in text
		parsed = vobject.readOne(text).vevent
		assert parsed.dtstart.value.astimezone(UTC) == there.astimezone(UTC)


def test_across_a_change_of_the_clock(site):
	"""Begins before Vienna's clocks go forward, ends after it."""
	last_sunday = max(
		day for day in (datetime(YEAR, 3, 25) + timedelta(days=n) for n in range(7)) if day.weekday() == 6
	)
	begin = last_sunday.replace(hour=8)  # 01:00 in Vienna
	text = file_for(make_session(begins=begin, hours=4), time_zone="Europe/Vienna")
	assert f"DTSTART;TZID=Europe/Vienna:{begin:%Y%m%d}T010000" in text
	assert f"DTEND;TZID=Europe/Vienna:{begin:%Y%m%d}T060000" in text
	assert moment(text, "DTEND") - moment(text, "DTSTART").astimezone(UTC) == timedelta(hours=4)


def test_an_event_with_its_own_zone(site):
	session = make_session(begins=datetime(YEAR, 7, 1, 9), time_zone="America/New_York")
	text = file_for(session, time_zone="Asia/Kolkata")
	assert f"DTSTART;TZID=Asia/Kolkata:{YEAR}0701T183000" in text


def test_texts_arrive_whole_and_lines_are_short(site):
	title = 'Schnee, Eis; "Lawinen" \\ Rettung — ' + "雪崩与救援" * 12
	session = make_session(
		begins=datetime(YEAR, 7, 1, 9),
		title=title,
		venue="Haus der Berge, Saal 1; Eingang B",
		address="Bergweg 1\n6020 Innsbruck",
		country="Austria",
		delivery="On Site and Online",
		online_link=LINK,
	)
	text = file_for(session, name='Ma "Lina" Li; jun.', email="li@x.example", time_zone="Europe/Vienna")
	assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
	assert "\n" not in text.replace("\r\n", "")
	event = vobject.readOne(text).vevent
	assert event.summary.value == title
	assert event.location.value == ("Haus der Berge, Saal 1; Eingang B, Bergweg 1, 6020 Innsbruck, Austria")
	assert LINK in event.description.value and event.url.value == LINK
	assert event.attendee.value == "mailto:li@x.example"
	assert event.attendee.params["CN"] == ["Ma 'Lina' Li; jun."]
	assert event.attendee.params["PARTSTAT"] == ["ACCEPTED"]
	assert event.valarm.trigger.value == timedelta(minutes=-60)


def test_online_the_link_is_the_place(site):
	session = make_session(begins=datetime(YEAR, 7, 1, 9), delivery="Online", venue=None, online_link=LINK)
	event = vobject.readOne(file_for(session)).vevent
	assert event.location.value == LINK


def test_in_the_persons_language(site):
	session = make_session(
		begins=datetime(YEAR, 7, 1, 9),
		title="Trails",
		title_zh="步道",
		venue_zh="山地之家",
		country="Austria",
	)
	event = vobject.readOne(file_for(session, language="zh", time_zone="Europe/Vienna")).vevent
	assert (event.summary.value, event.location.value) == ("步道", "山地之家，奥地利")
	assert "当地时间：" in event.description.value


def test_a_file_to_keep_has_nobody_to_answer(site):
	session = make_session(begins=datetime(YEAR, 7, 1, 9))
	booked = enroll(session)
	name, text = calendar.file_of(ENROLLMENT, booked.name)
	parsed = vobject.readOne(text)
	assert name == f"{booked.name}.ics" and parsed.method.value == calendar_file.PUBLISH
	assert "attendee" not in parsed.vevent.contents and "organizer" not in parsed.vevent.contents
	seats.cancel(ENROLLMENT, booked.name, reason="", by=None)
	_name, later = calendar.file_of(ENROLLMENT, booked.name)
	assert vobject.readOne(later).method.value == "CANCEL"
	assert vobject.readOne(later).vevent.uid.value == parsed.vevent.uid.value


def test_the_file_is_served_as_a_calendar_to_whoever_may_read_the_seat(site):
	booked = enroll(make_session(begins=datetime(YEAR, 7, 1, 9)))
	calendar.download(ENROLLMENT, booked.name)
	from frappe.utils.response import build_response

	answer = build_response(frappe.response.type)
	assert answer.content_type.replace(" ", "") == "text/calendar;charset=utf-8"
	assert answer.get_data().startswith(b"BEGIN:VCALENDAR\r\n")
	frappe.local.response = frappe._dict(docs=[])
	frappe.set_user("Guest")
	with pytest.raises(frappe.PermissionError):
		calendar.download(ENROLLMENT, booked.name)
	with pytest.raises(frappe.PermissionError):
		calendar.download("User", "Administrator")


def test_a_zone_that_nobody_knows_does_not_stop_a_letter(site):
	session = make_session(begins=datetime(YEAR, 7, 1, 9))
	booked = enroll(session)
	frappe.db.set_value(ENROLLMENT, booked.name, "time_zone", "Moon/Tycho")
	text = calendar.text_of(occasion.of(ENROLLMENT, booked.name))
	assert f"DTSTART;TZID=Asia/Shanghai:{YEAR}0701T090000" in text
