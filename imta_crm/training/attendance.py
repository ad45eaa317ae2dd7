"""Who was at a session, for how long: reports of online meetings, and what a person sets right.

Who is checked in at the door or from the list was there for the whole session (`seating.check_in`). For others
minutes come from the reports of the meeting. All reports of a session count together, what overlaps once; so the
same report again changes nothing. What a person has corrected, with a reason, no report changes any more.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now_datetime

from imta_crm.liaison.zones import is_zone, site_zone
from imta_crm.policy import attendance as policy
from imta_crm.policy.attendance import Entry, Known, Report
from imta_crm.policy.seating import (
	ATTENDED,
	COMPLETED,
	CONFIRMED,
	MARKS,
	NO_SHOW,
)
from imta_crm.seating import record, seats, windows
from imta_crm.training import completion

ENROLLMENT = "Training Enrollment"
SESSION = "Training Session"
IMPORT, ROW = "Attendance Import", "Attendance Import Row"
MEETING_REPORT = "Meeting Report"
MATCHED = policy.MATCHED


class AttendanceError(frappe.ValidationError):
	"""The attendance cannot be read or set; the text says why."""


# Setting right


@frappe.whitelist(methods=["POST"])
def correct(enrollment: str, minutes: int, reason: str) -> str:
	"""Set how long somebody was there, 0 for not at all; the status thereafter. For coordinators.

	Hours and certificate follow: not enough any more revokes the certificate with this reason, enough issues one.
	A reason must be given, and no report of the meeting changes it any more.

	:raises AttendanceError: no seat, too long, or the session has not begun
	"""
	frappe.has_permission(ENROLLMENT, "write", doc=enrollment, throw=True)
	frappe.has_permission(SESSION, "write", throw=True)
	minutes, reason = cint(minutes), (reason or "").strip()
	if not reason:
		frappe.throw(_("Why is the attendance corrected? The reason is kept."), frappe.MandatoryError)
	row = record.lock(ENROLLMENT, enrollment)
	if row.status not in MARKS:
		frappe.throw(_("{0} has no seat: {1}.").format(row.participant_name, _(row.status)), AttendanceError)
	most = completion.session_minutes(row.session)
	if not 0 <= minutes <= most:
		frappe.throw(_("From 0 to {0} minutes, please.").format(most), AttendanceError)
	if get_datetime(row.starts_at_site) > now_datetime():
		frappe.throw(_("The session has not begun yet."), AttendanceError)
	share = float(policy.percent(minutes, most))
	noted = {"attended_minutes": minutes, "attendance_percent": share, "attendance_reason": reason}
	record.write(ENROLLMENT, enrollment, **noted)
	if minutes:
		if row.status in (CONFIRMED, NO_SHOW):
			seats.mark(ENROLLMENT, enrollment, ATTENDED, via="List", **_marked(noted))
		status = completion.settle(enrollment)
	else:
		status = _was_not_there(row, noted)
	frappe.get_doc(ENROLLMENT, enrollment).add_comment(
		"Info",
		_("corrected the attendance to {0} minutes: {1}").format(minutes, frappe.utils.escape_html(reason)),
	)
	return status


def _was_not_there(row: frappe._dict, noted: dict[str, object]) -> str:
	if row.status == COMPLETED:
		completion.withdraw(row, str(noted["attendance_reason"]))
		seats.mark(ENROLLMENT, row.name, ATTENDED, via=None, hours=0, completed_at=None)
	after = NO_SHOW if get_datetime(row.ends_at_site) <= now_datetime() else CONFIRMED
	seats.mark(ENROLLMENT, row.name, after, via=None, **_marked(noted))
	return after


def _marked(noted: dict[str, object]) -> dict[str, object]:
	"""As `seats.mark` takes them."""
	return {("minutes" if field == "attended_minutes" else field): value for field, value in noted.items()}


# Reports of a meeting


def read_report(data: bytes, *, session: str, time_zone: str | None = None) -> Report:
	"""A report's rows with times by the session's clock. Raises policy.ReportError."""
	event = frappe.db.get_value(SESSION, session, ["starts_at", "time_zone"], as_dict=True)
	own = _zone(event.time_zone)
	clock = _zone(time_zone or event.time_zone)
	near = get_datetime(event.starts_at).date()
	if data.startswith(b"PK\x03\x04"):
		report = _read_workbook(data, near, clock)
	else:
		report = policy.read(data, near=near, zone=clock)
	if str(clock) != str(own):
		report.entries = [_moved(entry, clock, own) for entry in report.entries]
	return report


def expected(session: str) -> tuple[list[Known], dict[str, frappe._dict]]:
	"""Everybody who ever had a place in the session, and their rows by name; those with a seat first."""
	rows = frappe.get_all(
		ENROLLMENT,
		{"session": session},
		["name", "participant_name", "participant_name_local", "email", "status", "contact"],
		order_by="queue_no",
		limit=0,
	)
	known = [
		Known(
			row.name, tuple(filter(None, (row.participant_name, row.participant_name_local))), row.email or ""
		)
		for row in rows
	]
	return known, {row.name: row for row in rows}


def find_people(report: Report, session: str) -> list[dict]:
	"""Rows of an Attendance Import, in the order of the report: people first, then what could not be read.

	Whoever has a seat is looked for first; somebody who had one, or waits for one, is a problem that the row tells.
	"""
	known, rows = expected(session)
	seated = [person for person in known if rows[person.key].status in MARKS]
	others = [person for person in known if rows[person.key].status not in MARKS]
	windows_ = completion.sittings_of(session)
	found = []
	for attendee in policy.attendees(report.entries):
		match = policy.match(attendee, seated)
		detail = _text(match.code)
		if match.outcome == policy.LIKELY and not match.key:
			detail += ": " + ", ".join(f"{rows[key].participant_name} ({key})" for key in match.others)
		if match.outcome == policy.NOT_FOUND and others:
			without = policy.match(attendee, others)
			if without.outcome == MATCHED:
				row = rows[without.key]
				match = policy.Match(None, "Problem", without.code)
				detail = _("{0} has no seat: {1}.").format(row.participant_name, _(row.status))
		minutes = policy.attended_minutes(attendee.entries, windows_)
		if not minutes and match.outcome == MATCHED:
			match = policy.Match(match.key, "Problem", match.code)
			detail = _("Was there outside the session's time only.")
		found.append(
			{
				"row_no": attendee.row,
				"reported_name": attendee.name,
				"reported_email": attendee.email,
				"minutes": minutes,
				"enrollment": match.key,
				"outcome": match.outcome,
				"detail": detail[:500],
				"stays": dump(attendee.entries),
			}
		)
	for problem in report.problems:
		found.append(
			{
				"row_no": problem.row,
				"reported_name": problem.value[:140],
				"minutes": 0,
				"outcome": "Problem",
				"detail": _text(problem.code, problem.values)[:500],
				"stays": "[]",
			}
		)
	return found


def record_reports(session: str, enrollments: Iterable[str]) -> dict[str, str]:
	"""Note what all reports of the session say of these enrolments; by enrolment why it was left as it is.

	Minutes are worked out from all rows that were decided for a person, so repeating it changes nothing.
	"""
	sittings = completion.sittings_of(session)
	zone = frappe.db.get_value(SESSION, session, "time_zone")
	left: dict[str, str] = {}
	for enrollment in sorted(set(enrollments)):
		entries = _reported(session, enrollment)
		minutes = policy.attended_minutes(entries, sittings)
		row = record.lock(ENROLLMENT, enrollment)
		if row.attendance_reason:
			left[enrollment] = _("Corrected by a person; left as it is.")
		elif row.status not in MARKS:
			left[enrollment] = _("{0} has no seat: {1}.").format(row.participant_name, _(row.status))
		elif row.status in (ATTENDED, COMPLETED) and row.check_in_via in completion.WHOLE:
			left[enrollment] = _("Checked in at the door or from the list: present for the whole session.")
		elif not minutes:
			_take_back(row)
		elif row.status in (CONFIRMED, NO_SHOW):
			came = min((entry.begin for entry in entries if entry.begin), default=None)
			seats.mark(
				ENROLLMENT,
				enrollment,
				ATTENDED,
				via=MEETING_REPORT,
				at=windows.on_site(windows.aware(came, zone)),
				minutes=minutes,
			)
			completion.settle(enrollment)
		elif minutes != cint(row.attended_minutes):
			record.write(ENROLLMENT, enrollment, attended_minutes=minutes)
			completion.settle(enrollment)
	return left


def _take_back(row: frappe._dict) -> None:
	"""A report said that somebody was there, and does so no more."""
	if row.check_in_via != MEETING_REPORT or row.status not in (ATTENDED, COMPLETED):
		return
	if row.status == COMPLETED:
		completion.withdraw(row)
		seats.mark(ENROLLMENT, row.name, ATTENDED, via=None, hours=0, completed_at=None)
	seats.mark(ENROLLMENT, row.name, CONFIRMED, via=None, minutes=0, attendance_percent=0)


def _reported(session: str, enrollment: str) -> list[Entry]:
	"""All stays that the completed reports of a session give this enrolment."""
	rows = frappe.db.sql(
		f"""select line.stays from `tab{ROW}` line join `tab{IMPORT}` import on import.name = line.parent
		where import.session = %s and import.status = 'Completed'
			and line.enrollment = %s and line.outcome = %s""",
		(session, enrollment, MATCHED),
	)
	return [entry for (stays,) in rows for entry in load(stays)]


def dump(entries: Sequence[Entry]) -> str:
	"""Stays as they are kept in a row of an import; times by the session's clock."""
	return json.dumps(
		[
			[
				entry.begin.isoformat() if entry.begin else None,
				entry.end.isoformat() if entry.end else None,
				entry.seconds,
				int(entry.is_sum),
			]
			for entry in entries
		]
	)


def load(stays: str | None) -> list[Entry]:
	"""What `dump` has kept."""
	return [
		Entry(
			0,
			"",
			"",
			datetime.fromisoformat(begin) if begin else None,
			datetime.fromisoformat(end) if end else None,
			seconds,
			bool(is_sum),
		)
		for begin, end, seconds, is_sum in json.loads(stays or "[]")
	]


def _read_workbook(data: bytes, near: date, zone: ZoneInfo) -> Report:
	from zipfile import BadZipFile

	from openpyxl import load_workbook

	try:
		book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
	except (BadZipFile, KeyError, ValueError, OSError) as error:
		raise policy.ReportError("file_not_text") from error
	problem = policy.ReportError("report_no_table")
	for sheet in book.worksheets:
		# The sheet may say that it is larger than it is; no more is read than a report has.
		sheet.reset_dimensions()
		rows = [
			row[:60] for row in sheet.iter_rows(max_row=policy.MAX_ROWS + 1, max_col=60, values_only=True)
		]
		try:
			return policy.read_rows(rows, near=near, zone=zone)
		except policy.ReportError as error:
			if error.code != "report_no_table":
				problem = error
	raise problem


def _moved(entry: Entry, clock: ZoneInfo, own: ZoneInfo) -> Entry:
	def move(moment: datetime | None) -> datetime | None:
		return moment and moment.replace(tzinfo=clock).astimezone(own).replace(tzinfo=None)

	return Entry(
		entry.row, entry.name, entry.email, move(entry.begin), move(entry.end), entry.seconds, entry.is_sum
	)


def _zone(name: str | None) -> ZoneInfo:
	return ZoneInfo(name if is_zone(name) else site_zone())


def _text(code: str, values: Sequence[object] = ()) -> str:
	from imta_crm.policy import messages

	return messages.text(code, values, "zh" if (frappe.local.lang or "").startswith("zh") else "en")
