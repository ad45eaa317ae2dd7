"""Who runs training, who may enrol whose people, and who reads what was thought of a session.

What training shares with activities, also who sees which enrolment and certificate, is in the seats' room.
"""

from __future__ import annotations

from collections.abc import Iterable

from frappe import _
from frappe.model.document import Document

from imta_crm.membership.permissions import NOBODY, sees_all
from imta_crm.seating import permissions
from imta_crm.seating.permissions import organises  # noqa: F401 - asked by reports and feedback

SESSION = "Training Session"
ENROLLMENT = "Training Enrollment"
CERTIFICATE = "Training Certificate"
FEEDBACK = "Session Feedback"


def feedback_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of Session Feedback: what somebody thinks of a session is for those who run training."""
	return "" if sees_all(user) else NOBODY


def feedback_has_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool | None:
	"""Document permission of Session Feedback: the same answer as `feedback_query`."""
	return None if sees_all(user) else False


def check_organises(session: str) -> Document:
	"""The session, for who may run it. Raises `frappe.PermissionError` for others."""
	return permissions.check_organises(SESSION, session)


def check_may_enrol(session: str, members: Iterable[str | None]) -> Document:
	"""The session, for who may enrol the people of all these members; see `check_may_book`."""
	refusal = _("You enrol people of the members in your own portfolio.")
	return permissions.check_may_book(SESSION, session, members, refusal)
