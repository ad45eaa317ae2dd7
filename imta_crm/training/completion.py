"""After a session: who completed it, who did not come, and the certificates that follow.

What is due follows from the data alone, never from when the job runs: a missed run is caught up by the next, and
a killed one has done whole people only. One person's failure stops nobody else. Times are by the site's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import frappe
from frappe import _
from frappe.utils import cint, flt, get_datetime, now_datetime
from rq.timeouts import JobTimeoutException

from imta_crm import imports
from imta_crm.policy import attendance as policy
from imta_crm.policy.seating import ATTENDED, COMPLETED, NO_SHOW
from imta_crm.seating import check_in, kinds, record, seats
from imta_crm.training import certificates
from imta_crm.transactions import keep_step, persistently

ENROLLMENT = "Training Enrollment"
SESSION = "Training Session"
PROGRAM = "Member Training Program"
#: Attendance that was noted at the door or by a person is for the whole session.
WHOLE = (check_in.QR_CODE, check_in.LIST)
LOCK = "completion"


def complete_due(now: datetime | None = None) -> dict[str, int]:
	"""Settle all that is due by now; how many were `completed`, `absent`, `certified` and `failed`.

	Runs every few minutes, one at a time; safe to run again, also after a crash.
	"""
	done = {"completed": 0, "absent": 0, "certified": 0, "failed": 0}
	with imports.running(ENROLLMENT, LOCK) as alone:
		if not alone:
			return done
		now = now or now_datetime()
		_each(_to_settle(now), lambda name: settle(name, now=now) == COMPLETED, "completed", done)
		_each(check_in.no_shows(kinds.TRAINING, now), _is_absent, "absent", done)
		_each(_without_certificate(), lambda name: bool(certificates.issue(name)), "certified", done)
	return done


def settle(enrollment: str, *, now: datetime | None = None) -> str:
	"""Work out afresh what somebody's attendance comes to, once the session is over; the status thereafter.

	Attended and long enough: Completed, with the session's hours, and the certificate that is due. Completed but,
	after a correction, no longer enough: back to Attended, without hours, the certificate revoked. Repeating it
	changes nothing.
	"""
	row = record.lock(ENROLLMENT, enrollment)
	if row.status not in (ATTENDED, COMPLETED):
		return row.status
	session = _session(row.session)
	minutes = cint(row.attended_minutes)
	if not minutes and not row.attendance_reason and row.check_in_via in WHOLE:
		minutes = session.minutes
	over = session.ends_at_site and get_datetime(session.ends_at_site) <= (now or now_datetime())
	minimum = frappe.get_cached_value(PROGRAM, row.program, "minimum_attendance")
	enough = policy.is_enough(minutes, session.minutes, flt(minimum))
	share = float(policy.percent(minutes, session.minutes))
	values: dict[str, object] = {}
	if minutes != cint(row.attended_minutes) or flt(row.attendance_percent, 2) != share:
		values = {"attended_minutes": minutes, "attendance_percent": share}
	if enough and over:
		if row.status == COMPLETED:
			if values:
				record.write(ENROLLMENT, enrollment, **values)
		else:
			# Written first, so that what was read under the lock is still so (see `seats`).
			record.write(ENROLLMENT, enrollment, **values)
			seats.mark(ENROLLMENT, enrollment, COMPLETED, via=None, hours=flt(session.pd_hours), **values)
		certificates.issue(enrollment)
		return COMPLETED
	if row.status == COMPLETED:
		record.write(ENROLLMENT, enrollment, hours=0)
		withdraw(row)
		seats.mark(ENROLLMENT, enrollment, ATTENDED, via=None, hours=0, completed_at=None, **values)
	elif values:
		record.write(ENROLLMENT, enrollment, **values)
	return ATTENDED


def withdraw(row: frappe._dict, reason: str | None = None) -> None:
	"""Revoke the certificate of an enrolment whose attendance has turned out to be not enough."""
	if row.certificate:
		certificates.revoke_now(
			row.certificate,
			reason or row.attendance_reason or _("The attendance was corrected."),
			by_correction=True,
		)


def session_minutes(session: str) -> int:
	"""How long a session lasts; of several days, each between the same hours."""
	return _session(session).minutes


def sittings_of(session: str) -> list[tuple[datetime, datetime]]:
	"""When the session takes place, by the clock of its own zone."""
	row = frappe.db.get_value(SESSION, session, ["starts_at", "ends_at"], as_dict=True)
	return policy.sittings(get_datetime(row.starts_at), get_datetime(row.ends_at))


# Parts of it


def _session(name: str) -> frappe._dict:
	row = frappe.db.get_value(
		SESSION, name, ["starts_at", "ends_at", "ends_at_site", "pd_hours"], as_dict=True
	)
	row.minutes = policy.length(policy.sittings(get_datetime(row.starts_at), get_datetime(row.ends_at)))
	return row


def _to_settle(now: datetime) -> list[str]:
	"""Those who were there, at sessions that are over: not looked at yet, or long enough by now."""
	return frappe.db.sql_list(
		f"""select enrollment.name from `tab{ENROLLMENT}` enrollment
		join `tab{SESSION}` session on session.name = enrollment.session
		join `tab{PROGRAM}` program on program.name = enrollment.program
		where enrollment.status = %(attended)s and enrollment.ends_at_site <= %(now)s
			and session.status not in ('Draft', 'Cancelled')
			and (ifnull(enrollment.attendance_percent, 0) = 0
				or enrollment.attendance_percent >= program.minimum_attendance)
		order by enrollment.name""",
		{"attended": ATTENDED, "now": now},
	)


def _without_certificate() -> list[str]:
	"""Completed enrolments whose certificate is due and missing."""
	return frappe.db.sql_list(
		f"""select enrollment.name from `tab{ENROLLMENT}` enrollment
		join `tab{PROGRAM}` program on program.name = enrollment.program and program.issues_certificate = 1
		where enrollment.status = %(completed)s and enrollment.certificate is null
			and not exists (select 1 from `tab{certificates.CERTIFICATE}` certificate
				where certificate.enrollment = enrollment.name
				and certificate.status = 'Revoked' and certificate.by_correction = 0)
			and (program.feedback_needed = 0 or exists (select 1 from `tab{certificates.FEEDBACK}` feedback
				where feedback.name = enrollment.name))
		order by enrollment.name""",
		{"completed": COMPLETED},
	)


def _is_absent(name: str) -> bool:
	return seats.mark(ENROLLMENT, name, NO_SHOW, via=None)


def _each(names: Iterable[str], work: Callable[[str], bool], what: str, done: dict[str, int]) -> None:
	"""Do it for each by itself, as a transaction of its own."""
	for name in names:
		try:
			done[what] += bool(persistently(lambda name=name: work(name)))
		except JobTimeoutException:
			# The job is over, whoever was at hand; the next one goes on from here.
			frappe.db.rollback()
			raise
		except Exception:
			frappe.db.rollback()
			done["failed"] += 1
			frappe.clear_messages()
			frappe.log_error(
				title=f"A person's attendance could not be settled ({what})",
				reference_doctype=ENROLLMENT,
				reference_name=name,
			)
		keep_step()
