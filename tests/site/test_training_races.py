"""Feedback and certificates on real connections: one of each, however many ask at once."""

from __future__ import annotations

import frappe
import pytest

from imta_crm.portal import pages
from imta_crm.seating import check_in
from imta_crm.training import certificates, completion, feedback
from imta_crm.transactions import persistently
from tests.site.attendance_factories import now_on, over, session_with
from tests.site.dues_site import committed
from tests.site.seating_crowd import at_once, each
from tests.site.seating_factories import ENROLLMENT, SESSION

AT_ONCE = 6
CERTIFICATE = "Training Certificate"


@pytest.fixture(scope="module", autouse=True)
def swept(connected):
	frappe.set_user("Administrator")
	with committed():
		yield


def attended(**program) -> str:
	session, (name,) = session_with(1, program=program)
	now_on(session)
	check_in.check_in_many(SESSION, session.name, [name])
	over(session)
	return name


def from_an_old_view(call):
	"""Of data as they were before anybody else began to write."""

	def old(*arguments):
		frappe.db.count(feedback.FEEDBACK)
		return persistently(lambda: call(*arguments))

	return old


def issued(enrollment: str) -> list[str]:
	frappe.db.rollback()
	return frappe.get_all(CERTIFICATE, {"enrollment": enrollment}, pluck="name", limit=0)


def test_one_answer_however_often_it_is_sent():
	name = attended(feedback_needed=1)
	completion.settle(name)

	def send(mark: int) -> bool:
		frappe.db.count(feedback.FEEDBACK)  # as the page has read before
		return pages.attempt(
			lambda: feedback.submit(name, {"overall": mark, "recommend": 9}, "Well"),
			reference=(ENROLLMENT, name),
			title="Feedback could not be stored",
		)

	answers = at_once(*[each(send, 1 + number % 5) for number in range(AT_ONCE)])
	assert answers == [[True]] * AT_ONCE
	assert len(issued(name)) == 1
	assert frappe.db.count(feedback.FEEDBACK, {"enrollment": name}) == 1


def test_one_certificate_whoever_settles_it():
	name = attended()
	answers = at_once(*[each(from_an_old_view(completion.settle), name)] * AT_ONCE)
	assert answers == [["Completed"]] * AT_ONCE
	(only,) = issued(name)
	assert frappe.db.get_value(ENROLLMENT, name, "certificate") == only
	assert frappe.db.count("Seat Notice", {"booking": name, "kind": "Certificate"}) == 1


def test_one_renewal_and_one_end():
	name = attended(certificate_valid_months=12)
	completion.settle(name)
	frappe.db.commit()
	(old,) = issued(name)
	answers = at_once(*[each(from_an_old_view(certificates.renew), old)] * AT_ONCE)
	frappe.db.rollback()
	(new,) = frappe.get_all(CERTIFICATE, {"renews": old}, pluck="name")
	assert answers == [[new]] * AT_ONCE
	end = from_an_old_view(lambda reason: certificates.revoke(new, reason))
	assert at_once(*[each(end, f"Reason {number}") for number in range(AT_ONCE)]) == [[None]] * AT_ONCE
	frappe.db.rollback()
	comments = {"reference_name": new, "comment_type": "Info", "content": ("like", "%Reason%")}
	assert frappe.db.count("Comment", comments) == 1
	assert frappe.db.get_value(CERTIFICATE, old, "renewed_by") is None
