"""Reports of online meetings as Zoom, Teams and Tencent Meeting save them, people and time."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imta_crm.policy import attendance
from imta_crm.policy.attendance import (
	LIKELY,
	MATCHED,
	NOT_FOUND,
	Attendee,
	Entry,
	Known,
	ReportError,
	attended_minutes,
	attendees,
	is_enough,
	length,
	match,
	parse_duration,
	parse_stamp,
	percent,
	read,
	read_rows,
	sittings,
)

DAY = date(2026, 3, 4)
TEN, TWELVE = datetime(2026, 3, 4, 10), datetime(2026, 3, 4, 12)
WINDOW = [(TEN, TWELVE)]

ZOOM = """Meeting ID,Topic,Start Time,End Time,User Email,Duration (Minutes),Participants,
812 3456 7890,Safety on the Mountain,03/04/2026 09:45:10 AM,03/04/2026 12:10:33 PM,host@imta.example,146,4,

Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),Guest,Recording Consent,In Waiting Room
Ana Bauer,ana@alpine.example,03/04/2026 09:55:00 AM,03/04/2026 10:30:00 AM,35,No,,No
Ana Bauer,ana@alpine.example,03/04/2026 10:20:00 AM,03/04/2026 12:05:00 PM,105,No,,No
"Bo (Li, Bo)",,03/04/2026 10:00:00 AM,03/04/2026 11:00:00 AM,60,Yes,,No
Carla,,03/04/2026 09:40:00 AM,03/04/2026 09:59:00 AM,19,Yes,,Yes
"""
ZOOM_ZH = """姓名（原名）,用户邮箱,加入时间,离开时间,持续时间（分钟）,访客
张三（贵州）,zhang@gz.example,2026/03/04 09:58:00,2026/03/04 12:01:00,123,否
李四,,2026/03/04 10:00:00,2026/03/04 10:45:00,45,是
"""
TEAMS = """1. Summary
Meeting title\tSafety on the Mountain
Attended participants\t2
Start time\t3/4/26, 9:50:11 AM
End time\t3/4/26, 12:10:02 PM
Meeting duration\t2h 19m 51s

2. Participants
Name\tFirst Join\tLast Leave\tIn-Meeting Duration\tEmail\tParticipant ID (UPN)\tRole
Ana Bauer\t3/4/26, 9:55:02 AM\t3/4/26, 12:05:00 PM\t1h 40m\tana@alpine.example\tana@alpine.example\tPresenter
Bo Li\t3/4/26, 10:00:00 AM\t3/4/26, 11:00:00 AM\t1h\t\tbo@cn.example\tAttendee

3. In-Meeting Activities
Name\tJoin Time\tLeave Time\tDuration\tEmail\tRole
Ana Bauer\t3/4/26, 9:55:02 AM\t3/4/26, 10:30:00 AM\t34m 58s\tana@alpine.example\tPresenter
Ana Bauer\t3/4/26, 11:00:00 AM\t3/4/26, 12:05:00 PM\t1h 5m\tana@alpine.example\tPresenter
Bo Li\t3/4/26, 10:00:00 AM\t3/4/26, 11:00:00 AM\t1h\t\tAttendee
"""
TEAMS_ZH = """1. 摘要
会议标题\t山地安全
开始时间\t2026/3/4, 9:50:11

2. 参与者
姓名\t首次加入\t上次离开\t会议持续时间\t电子邮件\t参与者 ID (UPN)\t角色
张三\t2026/3/4, 9:55:00\t2026/3/4, 12:05:00\t1 小时 40 分钟 5 秒\tzhang@gz.example\tzhang@gz.example\t演示者
"""
TEAMS_OLD = """Full Name\tUser Action\tTimestamp
Ana Bauer\tJoined before\t3/4/2026, 9:58:30 AM
Bo Li\tJoined\t3/4/2026, 10:15:00 AM
Bo Li\tLeft\t3/4/2026, 10:45:00 AM
Bo Li\tJoined\t3/4/2026, 11:45:00 AM
"""
TENCENT = """会议主题,山地安全
会议号,123 456 789
会议开始时间,2026-03-04 09:50:00
会议结束时间,2026-03-04 12:10:00

用户昵称（入会昵称）,角色,入会时间,退会时间,累计参会时长,入会方式
张三(三哥),参会者,2026-03-04 09:55:00,2026-03-04 10:40:00,00:45:00,手机
张三(三哥),参会者,2026-03-04 10:35:00,2026-03-04 12:10:00,01:35:00,电脑
贵州文旅-李四,参会者,2026-03-04 10:00:00,2026-03-04 11:30:00,01:30:00,电脑
"""


def minutes_of(report, windows=WINDOW) -> dict[str, int]:
	return {person.name: attended_minutes(person.entries, windows) for person in attendees(report.entries)}


def parsed(text: str, encoding: str = "utf-8"):
	return read(text.encode(encoding), near=DAY)


# Formats


def test_zoom_stays_of_one_person_are_joined_and_clipped():
	report = parsed(ZOOM)
	assert report.source == attendance.ZOOM
	assert minutes_of(report) == {"Ana Bauer": 120, "Bo (Li, Bo)": 60}
	assert report.waiting == 1, "the waiting room is not the session"
	assert not report.problems


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_chinese_zoom_in_every_encoding(encoding):
	report = parsed(ZOOM_ZH, encoding)
	assert minutes_of(report) == {"张三（贵州）": 120, "李四": 45}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_teams_counts_its_stays_and_not_its_sums_besides(encoding):
	report = parsed(TEAMS, encoding)
	assert report.source == attendance.TEAMS
	assert minutes_of(report) == {"Ana Bauer": 90, "Bo Li": 60}
	assert [entry.row for entry in report.entries] == [15, 16, 17], "rows as the spreadsheet counts them"


def test_teams_of_the_first_kind_alone():
	report = parsed(TEAMS_ZH, "utf-16")
	assert minutes_of(report) == {"张三": 100}, "what it says somebody was there, of a longer span"


def test_teams_comings_and_goings():
	assert minutes_of(parsed(TEAMS_OLD, "utf-16")) == {"Ana Bauer": 120, "Bo Li": 45}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_tencent_meeting(encoding):
	report = parsed(TENCENT, encoding)
	assert report.source == attendance.TENCENT
	assert minutes_of(report) == {"张三(三哥)": 120, "贵州文旅-李四": 90}


def test_a_spreadsheet_brings_times_as_times():
	rows = [
		["会议主题", "山地安全"],
		[None, None],
		["用户昵称", "入会时间", "退会时间", "入会时长"],
		["张三", datetime(2026, 3, 4, 10), datetime(2026, 3, 4, 11), time(1, 0)],
		["李四", datetime(2026, 3, 4, 10), None, timedelta(minutes=30)],
	]
	assert minutes_of(read_rows(rows, near=DAY)) == {"张三": 60, "李四": 30}


def test_durations_alone_count_the_longest_once():
	text = "Name,Email,Total Duration (Minutes)\nAna,ana@a.example,90\nAna,ana@a.example,40\nBo,,500\n"
	assert minutes_of(parsed(text)) == {"Ana": 90, "Bo": 120}


def test_day_and_month_are_told_apart_by_the_day_of_the_session():
	row = "Name,Join Time,Leave Time\nAna,{0} 10:00,{0} 11:00\n"
	for written in ("03/04/2026", "04/03/2026", "4.3.2026", "2026-03-04", "2026年3月4日"):
		assert minutes_of(parsed(row.format(written))) == {"Ana": 60}, written


def test_times_that_name_their_zone_are_converted():
	text = "Name,Join Time,Leave Time\nAna,2026-03-04T02:00:00Z,2026-03-04T03:00:00Z\n"
	report = read(text.encode(), near=DAY, zone=ZoneInfo("Asia/Shanghai"))
	assert minutes_of(report) == {"Ana": 60}


def test_every_problem_is_told_and_the_rest_is_read():
	text = (
		"Name,Email,Join Time,Leave Time\n"
		"Ana,,2026-03-04 10:00,2026-03-04 11:00\n"
		",,2026-03-04 10:00,2026-03-04 11:00\n"
		"Bo,,yesterday,2026-03-04 11:00\n"
		"Cy,,2026-03-04 11:00,2026-03-04 10:00\n"
		"Di,,,\n"
	)
	report = parsed(text)
	assert [entry.name for entry in report.entries] == ["Ana"]
	assert [(problem.row, problem.code) for problem in report.problems] == [
		(3, "report_no_name"),
		(4, "report_time_unreadable"),
		(5, "report_ends_before"),
		(6, "report_no_time"),
	]
	assert all(problem.text(lang) for problem in report.problems for lang in ("en", "zh"))


@pytest.mark.parametrize(
	("data", "code"),
	[
		(b"", "file_empty"),
		(b"a,b\n1,2\n", "report_no_table"),
		(b"Name,Join Time,Leave Time\n", "no_rows"),
		(b"%PDF-1.7 nothing", "file_not_text"),
		("Größe,Müller\n".encode("latin-1"), "file_encoding"),
	],
)
def test_a_file_that_is_no_report(data, code):
	with pytest.raises(ReportError) as error:
		read(data, near=DAY)
	assert error.value.code == code


@pytest.mark.parametrize(
	("written", "seconds"),
	[
		("1h 2m 3s", 3723),
		("2h", 7200),
		("45m 10s", 2710),
		("1 hr 5 min", 3900),
		("1小时2分3秒", 3723),
		("1 小时 40 分钟 5 秒", 6005),
		("01:02:03", 3723),
		("PT1H2M", 3720),
		("62", 3720),
		("62.5", 3750),
		(62, 3720),
		(time(1, 2, 3), 3723),
		("", None),
		("long", None),
		("12:30", None),
	],
)
def test_durations(written, seconds):
	assert parse_duration(written) == seconds


@pytest.mark.parametrize(
	("written", "moment"),
	[
		("03/04/2026 12:05:00 AM", datetime(2026, 3, 4, 0, 5)),
		("3/4/26, 12:05:00 PM", datetime(2026, 3, 4, 12, 5)),
		("2026/3/4 下午 2:05:00", datetime(2026, 3, 4, 14, 5)),
		("2026年3月4日 14时05分", datetime(2026, 3, 4, 14, 5)),
		("2026-03-04T14:05:09.123", datetime(2026, 3, 4, 14, 5, 9)),
		("31/31/2026 10:00", None),
		("soon", None),
	],
)
def test_moments(written, moment):
	assert parse_stamp(written) == moment


# People

PEOPLE = [
	Known("1", ("Ana Bauer",), "ana@alpine.example"),
	Known("2", ("Li Bo", "李波"), "bo@cn.example"),
	Known("3", ("Zhang San", "张三"), "zhang@gz.example"),
	Known("4", ("José García",), ""),
	Known("5", ("John Smith",), "john@a.example"),
	Known("6", ("John Smith",), "john@b.example"),
]


@pytest.mark.parametrize(
	("name", "email", "key", "outcome"),
	[
		("iPad", "ANA@alpine.example", "1", MATCHED),
		("ana  bauer", "", "1", MATCHED),
		("Bauer, Ana", "", "1", MATCHED),
		("AB (Ana Bauer)", "", "1", MATCHED),
		("jose garcia", "jose@private.example", "4", MATCHED),
		("Ana Bauer", "ana@private.example", "1", LIKELY),
		("Bo Li", "", "2", LIKELY),
		("李波", "", "2", MATCHED),
		("贵州文旅-张三", "", "3", LIKELY),
		("贵州张三", "", "3", LIKELY),
		("Ana Bauer - Alpine Club", "", "1", LIKELY),
		("John Smith", "", None, LIKELY),
		("John Smith", "john@b.example", "6", MATCHED),
		("Somebody", "", None, NOT_FOUND),
		("Ana", "", None, NOT_FOUND),
	],
)
def test_who_somebody_is(name, email, key, outcome):
	found = match(Attendee(name, email, (Entry(1, name, email),)), PEOPLE)
	assert (found.key, found.outcome) == (key, outcome)


def test_an_address_that_several_share_is_told_apart_by_the_name():
	office = [Known("a", ("Ana Bauer",), "office@x.example"), Known("b", ("Bea Kurz",), "office@x.example")]
	assert match(Attendee("Bea Kurz", "office@x.example", ()), office).key == "b"
	unknown = match(Attendee("Laptop", "office@x.example", ()), office)
	assert (unknown.key, unknown.outcome, unknown.others) == (None, LIKELY, ("a", "b"))


# Time


def test_a_session_of_several_days_is_held_between_the_same_hours():
	days = sittings(datetime(2026, 3, 4, 9), datetime(2026, 3, 6, 17))
	assert [begin.day for begin, _end in days] == [4, 5, 6]
	assert length(days) == 3 * 8 * 60
	night = (datetime(2026, 3, 4, 22), datetime(2026, 3, 5, 2))
	assert sittings(*night) == [night]


def test_who_never_left_stayed_until_the_end():
	assert attended_minutes([Entry(1, "Ana", begin=datetime(2026, 3, 4, 11))], WINDOW) == 60


moments = st.integers(-60, 240).map(lambda minutes: TEN + timedelta(minutes=minutes))
stays = st.lists(st.tuples(moments, moments).map(sorted), max_size=8)


@given(stays)
def test_minutes_are_those_that_a_minute_by_minute_count_finds(spans):
	entries = [Entry(1, "Ana", begin=begin, end=end) for begin, end in spans]
	there = {
		minute
		for minute in range(120)
		if any(begin <= TEN + timedelta(minutes=minute) < end for begin, end in spans)
	}
	assert attended_minutes(entries, WINDOW) == len(there)
	assert attended_minutes(entries + entries, WINDOW) == len(there), "the same report again"


@given(st.integers(0, 500), st.integers(1, 400), st.integers(0, 100))
def test_what_is_shown_as_enough_is_enough(minutes, total, minimum):
	share = percent(minutes, total)
	assert 0 <= share <= 100
	if minutes:
		assert is_enough(minutes, total, minimum) or share < minimum
	else:
		assert not is_enough(minutes, total, minimum)


def test_just_below_is_not_enough():
	assert percent(2399, 3000) == Decimal("79.96")
	assert not is_enough(2399, 3000, 80)
	assert is_enough(2400, 3000, 80)
