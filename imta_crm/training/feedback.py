"""Feedback on a session: one answer for each enrolment, results without names.

The answer is the row itself: its name is the enrolment's, so the database keeps it alone. Until the link of the
form expires the participant may change it; the last word counts. Single answers with their words are for the
coordinators; everybody else of the secretariat sees counts and means, and of fewer than three answers none, as
they would tell who gave them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import frappe
from frappe import _
from frappe.utils import cint, get_datetime, now_datetime

from imta_crm.policy.names import inert, tidy
from imta_crm.policy.seating import ATTENDED, COMPLETED, CONFIRMED
from imta_crm.seating import record
from imta_crm.training import certificates, permissions

FEEDBACK = "Session Feedback"
ENROLLMENT = "Training Enrollment"
SESSION = "Training Session"
#: From 1 to 5; `recommend` is from 0 to 10.
MARKS = ("overall", "content", "trainer", "organisation")
RECOMMEND = "recommend"
ASKED_FOR = ("overall", RECOMMEND)
LONGEST_TEXT = 2000
#: Fewer answers would tell who gave them.
FEWEST = 3
PROMOTERS, DETRACTORS = 9, 6


class FeedbackRefused(frappe.ValidationError):
	"""The answer cannot be taken; `code` says why: not_there, too_early, mark_missing or mark_wrong.

	`fields` are the marks that it is about.
	"""

	def __init__(self, message: str, code: str, fields: tuple[str, ...] = ()):
		super().__init__(message)
		self.code = code
		self.fields = fields


def submit(
	enrollment: str,
	marks: Mapping[str, object],
	liked: str | None = None,
	improve: str | None = None,
	language: str | None = None,
) -> str:
	"""Store the answer of a participant, or change it; name of the Session Feedback.

	`marks`: `overall` and `recommend` must be given, the others may be left out. The caller has checked the link.
	A certificate that waited for it is issued. Within the caller's transaction.

	:raises FeedbackRefused: the participant was not there, or a mark is missing or out of its range
	"""
	values = _marks(marks)
	row = record.lock(ENROLLMENT, enrollment)
	refused = may_answer(row)
	if refused:
		raise FeedbackRefused(refused[1], refused[0])
	values.update(
		liked=_words(liked),
		improve=_words(improve),
		language="zh" if (language or "").startswith("zh") else "en",
		submitted_at=now_datetime(),
	)
	if frappe.db.exists(FEEDBACK, enrollment, cache=False):
		doc = frappe.get_doc(FEEDBACK, enrollment)
		doc.update(values)
		doc.flags.by_participant = True
		doc.save(ignore_permissions=True)  # a participant has no rights of their own; the link was checked
	else:
		doc = frappe.new_doc(FEEDBACK)
		doc.update({"enrollment": enrollment, "session": row.session, "program": row.program, **values})
		doc.flags.by_participant = True
		doc.insert(ignore_permissions=True)
	certificates.issue(enrollment)
	return doc.name


def may_answer(row: Mapping, now: datetime | None = None) -> tuple[str, str] | None:
	"""Why this enrolment cannot give feedback now, as code and text; None where it can.

	Who was there may, and until attendance is taken whoever had a seat.
	"""
	if row["status"] not in (ATTENDED, COMPLETED, CONFIRMED):
		return "not_there", _("Feedback is asked of those who took part.")
	if row["starts_at_site"] and get_datetime(row["starts_at_site"]) > (now or now_datetime()):
		return "too_early", _("The session has not begun yet.")
	return None


def answer_of(enrollment: str) -> dict | None:
	"""What the participant has answered so far, for the form; None for nothing yet."""
	return frappe.db.get_value(
		FEEDBACK, enrollment, [*MARKS, RECOMMEND, "liked", "improve", "submitted_at"], as_dict=True
	)


@frappe.whitelist()
def results_of(session: str) -> dict:
	"""Counts, means and the net promoter score of a session, without names.

	`asked` are those who took part, `answers` how many of them answered. `is_hidden` where there are too few
	answers; then there are no figures. `comments`, in no order that tells who wrote them, are for coordinators.
	`nps`: share of those who would recommend it (9, 10) less that of those who would not (0 to 6), in percent.
	"""
	frappe.has_permission(SESSION, "read", doc=session, throw=True)
	rows = frappe.db.sql(
		f"""select feedback.overall, feedback.content, feedback.trainer, feedback.organisation,
			feedback.recommend, feedback.liked, feedback.improve
		from `tab{FEEDBACK}` feedback join `tab{ENROLLMENT}` enrollment on enrollment.name = feedback.name
		where feedback.session = %(session)s and enrollment.status in %(there)s""",
		{"session": session, "there": (ATTENDED, COMPLETED, CONFIRMED)},
		as_dict=True,
	)
	asked = frappe.db.count(ENROLLMENT, {"session": session, "status": ("in", (ATTENDED, COMPLETED))})
	found: dict = {"asked": max(asked, len(rows)), "answers": len(rows), "is_hidden": len(rows) < FEWEST}
	found["response_percent"] = round(100 * len(rows) / found["asked"], 1) if found["asked"] else None
	if found["is_hidden"] and not permissions.organises():
		return found
	found["is_hidden"] = False
	found["means"] = {mark: _mean([row[mark] for row in rows if row[mark]]) for mark in MARKS}
	found["counts"] = {
		mark: {value: sum(row[mark] == value for row in rows) for value in range(1, 6)} for mark in MARKS
	}
	found["nps"] = net_promoter_score([row.recommend for row in rows])
	if permissions.organises():
		found["comments"] = {
			field: sorted(row[field] for row in rows if row[field]) for field in ("liked", "improve")
		}
	return found


def net_promoter_score(marks: list[int]) -> float | None:
	"""From -100 to 100; None without an answer."""
	if not marks:
		return None
	promoters = sum(mark >= PROMOTERS for mark in marks)
	detractors = sum(mark <= DETRACTORS for mark in marks)
	return round(100 * (promoters - detractors) / len(marks), 1)


def _mean(marks: list[int]) -> float | None:
	return round(sum(marks) / len(marks), 2) if marks else None


def _marks(given: Mapping[str, object]) -> dict[str, int]:
	values, missing, wrong = {}, [], []
	for field in (*MARKS, RECOMMEND):
		written = str(given.get(field) if given.get(field) is not None else "").strip()
		if not written:
			values[field] = 0
			if field in ASKED_FOR:
				missing.append(field)
			continue
		lowest, highest = (0, 10) if field == RECOMMEND else (1, 5)
		if not written.isascii() or not written.isdigit() or not lowest <= int(written) <= highest:
			wrong.append(field)
			continue
		values[field] = cint(written)
	if wrong:
		raise FeedbackRefused(_("A mark is out of its range."), "mark_wrong", tuple(wrong))
	if missing:
		raise FeedbackRefused(_("Please give the marks that are asked for."), "mark_missing", tuple(missing))
	return values


def _words(text: str | None) -> str | None:
	"""Plain text; forms of Frappe show most texts as HTML."""
	lines = [tidy(line) for line in (text or "").splitlines()]
	return inert("\n".join(lines).strip())[:LONGEST_TEXT] or None
