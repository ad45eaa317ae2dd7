"""Who was at a session: reports of meetings, corrections, and what follows when it is over."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import frappe
import pytest
from frappe.utils import now_datetime

from imta_crm.seating import check_in
from imta_crm.training import completion
from imta_crm.training.attendance import AttendanceError, correct
from tests.site.attendance_factories import move, now_on, over, session_with
from tests.site.factories import as_user, make_member, make_user
from tests.site.seating_factories import ENROLLMENT, SESSION, enroll, make_person

HEAD = "Name (Original Name),User Email,Join Time,Leave Time,Duration (Minutes),Guest,In Waiting Room"


def report_of(*stays: tuple, at: datetime) -> bytes:
	"""A report of Zoom: (name, e-mail, minute of joining, minute of leaving), counted from `at`."""
	lines = [HEAD]
	for name, email, first, last in stays:
		begin, end = (at + timedelta(minutes=minute) for minute in (first, last))
		lines.append(
			f"{name},{email},{begin:%m/%d/%Y %I:%M:%S %p},{end:%m/%d/%Y %I:%M:%S %p},{last - first},No,No"
		)
	return "\n".join(lines).encode()


def attached(data: bytes, name: str = "report.csv") -> str:
	file = frappe.new_doc("File")
	file.update({"file_name": f"{frappe.generate_hash(length=8)}-{name}", "content": data, "is_private": 1})
	return file.insert(ignore_permissions=True).file_url


def make_import(session, data: bytes, **fields):
	doc = frappe.new_doc("Attendance Import")
	doc.update({"session": session.name, "report_file": attached(data), **fields})
	doc.insert()
	doc.check()
	return doc


def person_of(name: str) -> tuple[str, str]:
	return frappe.db.get_value(ENROLLMENT, name, ["participant_name", "email"])


def row_of(name: str) -> frappe._dict:
	return frappe.db.get_value(
		ENROLLMENT,
		name,
		["status", "attended_minutes", "attendance_percent", "hours", "certificate", "check_in_via"],
		as_dict=True,
	)


def online(count: int = 2, **fields):
	"""A session of two hours that was online two days ago."""
	session, names = session_with(
		count, hours=2, delivery="Online", online_link="https://meet.example/x", **fields
	)
	over(session)
	return session, names


# Reports


def test_a_report_is_tried_first_and_changes_nothing():
	session, (one, two) = online()
	data = report_of((*person_of(one), -5, 125), (*person_of(two), 0, 60), at=session.starts_at)
	doc = make_import(session, data)
	assert (doc.status, doc.source, doc.matched, doc.not_matched, doc.problems) == (
		"Checked",
		"Zoom",
		2,
		0,
		0,
	)
	assert {row.enrollment: row.minutes for row in doc.rows} == {one: 120, two: 60}
	assert row_of(one).status == row_of(two).status == "Confirmed"
	assert frappe.db.get_value("File", {"file_url": doc.report_file}, "is_private")


def test_minutes_become_completed_or_not_by_the_programs_minimum():
	session, (one, two) = online()
	data = report_of((*person_of(one), 0, 96), (*person_of(two), 0, 95), at=session.starts_at)
	assert make_import(session, data).record() == {"recorded": 2, "left": 0}
	first, second = row_of(one), row_of(two)
	assert (first.status, first.attended_minutes, first.attendance_percent, first.hours) == (
		"Completed",
		96,
		80,
		3,
	)
	assert first.certificate
	assert (second.status, second.attended_minutes, second.hours, second.certificate) == (
		"Attended",
		95,
		0,
		None,
	)
	assert first.check_in_via == "Meeting Report"


def test_the_same_report_again_changes_nothing_and_another_adds_what_is_new():
	session, (one,) = online(1)
	person = person_of(one)
	first = report_of((*person, 0, 40), (*person, 30, 60), at=session.starts_at)
	doc = make_import(session, first)
	doc.record()
	assert row_of(one).attended_minutes == 60
	before = frappe.db.get_value(ENROLLMENT, one, "modified")
	doc.record()
	make_import(session, first).record()
	assert row_of(one).attended_minutes == 60
	assert frappe.db.get_value(ENROLLMENT, one, "modified") == before
	make_import(session, report_of((*person, 50, 110), at=session.starts_at)).record()
	after = row_of(one)
	assert (after.attended_minutes, after.status) == (110, "Completed")


def test_likely_people_are_decided_by_a_person():
	session, _ = session_with(0, hours=2, delivery="Online")
	ana = enroll(session, make_person("Ana Bauer", email="ana@club.example")).name
	twins = [
		enroll(session, make_person("Bo Li", email=f"bo{number}@club.example")).name for number in (1, 2)
	]
	over(session)
	data = report_of(
		("Ana Bauer", "ana@home.example", 0, 120),
		("Bo Li", "", 0, 120),
		("Nobody Known", "", 0, 120),
		at=session.starts_at,
	)
	doc = make_import(session, data)
	assert [(row.outcome, row.enrollment) for row in doc.rows] == [
		("Likely", ana),
		("Likely", None),
		("Not Found", None),
	]
	assert all(twin in doc.rows[1].detail for twin in twins)
	assert doc.record() == {"recorded": 0, "left": 0}
	assert row_of(ana).status == "Confirmed", "nobody has decided"
	doc.rows[0].outcome = "Matched"
	doc.rows[1].update({"enrollment": twins[1], "outcome": "Matched"})
	doc.rows[2].outcome = "Ignored"
	doc.save()
	assert doc.record()["recorded"] == 2
	assert [row_of(name).status for name in (ana, *twins)] == ["Completed", "Confirmed", "Completed"]
	doc.rows[1].update({"enrollment": twins[0]})
	doc.save()
	doc.record()
	assert [row_of(name).status for name in twins] == ["Completed", "Confirmed"], "the other one it was"
	assert row_of(twins[1]).certificate is None


def test_two_devices_of_one_person_count_once():
	session, _ = session_with(0, hours=2, delivery="Online")
	ana = enroll(session, make_person("Ana Bauer", email="ana@club.example")).name
	over(session)
	data = report_of(
		("Ana's laptop", "ana@club.example", 0, 60), ("Ana Bauer", "", 30, 70), at=session.starts_at
	)
	doc = make_import(session, data)
	assert [row.outcome for row in doc.rows] == ["Matched", "Matched"]
	doc.record()
	assert row_of(ana).attended_minutes == 70


def test_all_problems_are_shown_and_forms_change_decisions_only():
	session, (one, gone) = online()
	frappe.db.set_value(ENROLLMENT, gone, {"status": "Cancelled", "live_key": None})
	data = (
		report_of((*person_of(one), 200, 230), (*person_of(gone), 0, 60), at=session.starts_at)
		+ b"\nCy,,yesterday,,,No,No\n"
	)
	doc = make_import(session, data)
	assert [row.outcome for row in doc.rows] == ["Problem"] * 3
	assert doc.problems == 3
	assert all(row.detail for row in doc.rows)
	assert "outside" in doc.rows[0].detail and "Cancelled" in doc.rows[1].detail
	doc.rows[1].update({"minutes": 120, "stays": "[]", "detail": "x", "enrollment": gone})
	doc.status = "Completed"
	doc.save()
	assert (doc.status, doc.rows[1].minutes) == ("Checked", 60)
	doc.rows[0].outcome = "Matched"
	with pytest.raises(AttendanceError, match="not there"):
		doc.save()


def test_an_enrolment_of_another_session_is_refused():
	session, _ = online(1)
	_other, (stranger,) = session_with()
	doc = make_import(session, report_of(("Somebody", "", 0, 60), at=session.starts_at))
	doc.rows[0].update({"enrollment": stranger, "outcome": "Matched"})
	with pytest.raises(AttendanceError, match="no enrolment"):
		doc.save()


def test_times_by_another_clock_are_converted():
	session, (one,) = online(1)
	moment = session.starts_at.replace(tzinfo=ZoneInfo(session.time_zone))
	london = moment.astimezone(ZoneInfo("Europe/London")).replace(tzinfo=None)
	data = report_of((*person_of(one), 0, 120), at=london)
	wrong = make_import(session, data)
	assert wrong.rows[0].minutes == 0
	assert "clock" in wrong.summary()
	right = make_import(session, data, time_zone="Europe/London")
	assert right.rows[0].minutes == 120


def test_a_workbook_of_tencent_meeting():
	from io import BytesIO

	from openpyxl import Workbook

	session, (one,) = online(1)
	name, _email = person_of(one)
	book = Workbook()
	book.active.title = "会议信息"
	book.active.append(["会议主题", "山地安全"])
	sheet = book.create_sheet("参会成员")
	sheet.append(["用户昵称（入会昵称）", "入会时间", "退会时间", "累计参会时长"])
	sheet.append([f"{name}(手机)", session.starts_at, session.starts_at + timedelta(minutes=100), "01:40:00"])
	out = BytesIO()
	book.save(out)
	doc = make_import(session, out.getvalue())
	assert (doc.source, doc.rows[0].enrollment, doc.rows[0].minutes) == ("Tencent Meeting", one, 100)


@pytest.mark.parametrize("data", [b"PK\x03\x04 broken", b"%PDF", b"a,b\n1,2\n"])
def test_a_file_that_is_no_report(data):
	session, _ = online(1)
	doc = frappe.new_doc("Attendance Import")
	doc.update({"session": session.name, "report_file": attached(data)})
	doc.insert()
	with pytest.raises(AttendanceError):
		doc.check()
	assert doc.status == "Draft"


def test_who_came_to_the_door_was_there_for_all_of_it_whatever_a_report_says():
	session, (one,) = session_with(1, hours=2, delivery="On Site and Online")
	now_on(session)
	check_in.check_in_many(SESSION, session.name, [one])
	over(session)
	doc = make_import(session, report_of((*person_of(one), 0, 10), at=session.starts_at))
	assert doc.record() == {"recorded": 0, "left": 1}
	completion.complete_due()
	after = row_of(one)
	assert (after.status, after.attended_minutes, after.attendance_percent) == ("Completed", 120, 100)


def test_a_recording_is_taken_back():
	session, (one,) = online(1)
	doc = make_import(session, report_of((*person_of(one), 0, 120), at=session.starts_at))
	doc.record()
	certificate = row_of(one).certificate
	with pytest.raises(AttendanceError):
		doc.delete()
	doc.take_back()
	after = row_of(one)
	assert (after.status, after.attended_minutes, after.hours, after.certificate) == ("Confirmed", 0, 0, None)
	assert frappe.db.get_value("Training Certificate", certificate, "status") == "Revoked"
	doc.record()
	assert row_of(one).status == "Completed", "another certificate, as the first went with a mistake"
	assert row_of(one).certificate not in (None, certificate)


@pytest.mark.parametrize(
	"role", ["Liaison Officer", "Treasurer", "Membership Manager", "Alliance Leadership", None]
)
def test_reports_are_for_coordinators(role):
	session, _ = online(1)
	with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
		doc = frappe.new_doc("Attendance Import")
		doc.update({"session": session.name, "report_file": "/private/files/x.csv"})
		doc.insert()


def test_a_coordinator_imports():
	session, (one,) = online(1)
	with as_user(make_user("Training Coordinator")):
		doc = make_import(session, report_of((*person_of(one), 0, 120), at=session.starts_at))
		doc.record()
	assert row_of(one).status == "Completed"


# When it is over


def test_the_job_completes_and_certifies_and_finds_who_stayed_away():
	session, (one, two, three) = session_with(3)
	now_on(session)
	check_in.check_in_many(SESSION, session.name, [one])
	assert completion.complete_due()["completed"] == 0, "not over yet"
	over(session, days=0.5)
	done = completion.complete_due()
	assert (done["completed"], done["absent"]) == (1, 0), "who did not come has a day"
	after = row_of(one)
	assert (after.status, after.hours, after.attended_minutes) == ("Completed", 3, 180)
	assert after.certificate
	over(session, days=1.1)
	assert completion.complete_due()["absent"] == 2
	assert {row_of(name).status for name in (two, three)} == {"No-show"}
	assert completion.complete_due() == {"completed": 0, "absent": 0, "certified": 0, "failed": 0}


def test_where_nobody_took_attendance_nobody_stayed_away():
	session, (one,) = session_with()
	over(session, days=5)
	completion.complete_due()
	assert row_of(one).status == "Confirmed"


def test_missed_for_weeks_is_caught_up():
	session, (one, two) = session_with(2)
	now_on(session)
	check_in.check_in_many(SESSION, session.name, [one])
	over(session, days=40)
	completion.complete_due()
	assert (row_of(one).status, row_of(two).status) == ("Completed", "No-show")


def test_a_certificate_that_a_crash_left_out_is_caught_up():
	session, (one,) = session_with()
	now_on(session)
	check_in.check_in_many(SESSION, session.name, [one])
	over(session)
	frappe.db.set_value(ENROLLMENT, one, {"status": "Completed", "hours": 3})
	assert completion.complete_due()["certified"] == 1
	assert row_of(one).certificate


def test_of_several_days_each_counts_between_the_same_hours():
	session, (one,) = session_with(1, hours=2 * 24 + 8)
	begins = (now_datetime() - timedelta(days=6)).replace(hour=9, minute=0, second=0, microsecond=0)
	move(session, begins)
	assert completion.session_minutes(session.name) == 3 * 8 * 60
	data = report_of((*person_of(one), 0, 8 * 60), at=begins)
	doc = make_import(session, data)
	doc.record()
	assert row_of(one).attendance_percent == 33.33


# Setting right


def test_somebody_marked_by_mistake_loses_hours_and_certificate():
	session, (one,) = session_with()
	now_on(session)
	check_in.check_in_many(SESSION, session.name, [one])
	over(session)
	completion.complete_due()
	certificate = row_of(one).certificate
	with as_user(make_user("Training Coordinator")) as coordinator:
		assert correct(one, 0, "Mistaken for a namesake") == "No-show"
	after = row_of(one)
	assert (after.status, after.attended_minutes, after.hours, after.certificate) == ("No-show", 0, 0, None)
	row = frappe.db.get_value(
		"Training Certificate", certificate, ["status", "revoke_reason", "revoked_by"], as_dict=True
	)
	assert (row.status, row.revoke_reason, row.revoked_by) == (
		"Revoked",
		"Mistaken for a namesake",
		coordinator,
	)
	completion.complete_due()
	assert row_of(one).status == "No-show", "what a person has decided stays"
	assert correct(one, 180, "It was this one after all") == "Completed"
	assert row_of(one).certificate not in (None, certificate)


def test_less_time_than_was_noted():
	session, (one,) = session_with()
	now_on(session)
	check_in.check_in_many(SESSION, session.name, [one])
	over(session)
	completion.complete_due()
	assert correct(one, 30, "Left early") == "Attended"
	after = row_of(one)
	assert (after.attended_minutes, after.attendance_percent, after.hours) == (30, 16.66, 0)
	assert after.certificate is None
	completion.complete_due()
	assert row_of(one).status == "Attended"


def test_a_no_show_was_there_after_all():
	session, (one, two) = session_with(2)
	now_on(session)
	check_in.check_in_many(SESSION, session.name, [two])
	over(session)
	completion.complete_due()
	assert row_of(one).status == "No-show"
	assert correct(one, 180, "Forgotten at the door") == "Completed"


def test_no_report_changes_what_a_person_has_corrected():
	session, (one,) = online(1)
	correct(one, 30, "Left early")
	doc = make_import(session, report_of((*person_of(one), 0, 120), at=session.starts_at))
	assert doc.record() == {"recorded": 0, "left": 1}
	assert row_of(one).attended_minutes == 30


def test_corrections_are_checked():
	session, (one,) = session_with()
	with pytest.raises(AttendanceError, match="begun"):
		correct(one, 10, "Early")
	over(session)
	for minutes in (-1, 181):
		with pytest.raises(AttendanceError, match="180"):
			correct(one, minutes, "Much")
	with pytest.raises(frappe.MandatoryError):
		correct(one, 10, " ")
	assert row_of(one).status == "Confirmed"
	frappe.db.set_value(ENROLLMENT, one, {"status": "Cancelled", "live_key": None})
	with pytest.raises(AttendanceError, match="no seat"):
		correct(one, 10, "Was there")


@pytest.mark.parametrize(
	"role", ["Liaison Officer", "Treasurer", "Membership Manager", "Alliance Leadership", None]
)
def test_attendance_is_corrected_by_coordinators(role):
	user = make_user(role)
	session, _ = session_with(0)
	one = enroll(
		session, make_person(member=make_member(officer=user if role == "Liaison Officer" else None))
	).name
	over(session)
	with as_user(user), pytest.raises(frappe.PermissionError):
		correct(one, 10, "I say so")


def test_one_persons_failure_stops_nobody(monkeypatch):
	session, names = session_with(3)
	now_on(session)
	check_in.check_in_many(SESSION, session.name, names)
	over(session)
	settle = completion.settle
	# What a failing transaction has done is undone; here that would be the test's own data, too.
	monkeypatch.setattr(frappe.db, "rollback", lambda **kwargs: None)

	def fails_for_one(name, **kwargs):
		if name == names[1]:
			raise RuntimeError("broken")
		return settle(name, **kwargs)

	monkeypatch.setattr(completion, "settle", fails_for_one)
	done = completion.complete_due()
	assert (done["completed"], done["failed"]) == (2, 1)
	assert [row_of(name).status for name in names] == ["Completed", "Attended", "Completed"]
	monkeypatch.undo()
	assert completion.complete_due()["completed"] == 1


def test_a_form_does_not_write_what_attendance_says():
	session, (one,) = session_with()
	over(session)
	doc = frappe.get_doc(ENROLLMENT, one)
	doc.update({"status": "Completed", "hours": 99, "attended_minutes": 999, "attendance_percent": 100})
	with suppress(frappe.ValidationError):
		doc.save()
	after = row_of(one)
	assert (after.status, after.hours, after.attended_minutes) == ("Confirmed", 0, 0)
