"""Feedback: once for each enrolment, changeable, results without names."""

from __future__ import annotations

import frappe
import pytest

from imta_crm.portal import links
from imta_crm.seating import check_in
from imta_crm.training import feedback
from imta_crm.training.feedback import FeedbackRefused
from tests.site.attendance_factories import now_on, over, session_with
from tests.site.factories import as_user, make_user
from tests.site.seating_factories import ENROLLMENT, SESSION

GOOD = {"overall": 5, "recommend": 10}


def attended(count: int = 1):
	session, names = session_with(count)
	now_on(session)
	check_in.check_in_many(SESSION, session.name, names)
	return session, names


def test_one_answer_for_each_enrolment_and_the_last_word_counts():
	session, (one,) = attended()
	assert feedback.answer_of(one) is None
	assert feedback.submit(one, {**GOOD, "trainer": "4"}, "The hike", "More rope", "zh-CN") == one
	assert feedback.submit(one, {"overall": 3, "recommend": 0}, " The\x00 hike <script>x</script> ") == one
	row = frappe.get_doc("Session Feedback", one)
	assert (row.overall, row.recommend, row.trainer, row.session) == (3, 0, 0, session.name)
	assert "<script" not in row.liked
	assert row.improve is None
	assert frappe.db.count("Session Feedback", {"enrollment": one}) == 1
	assert feedback.answer_of(one).overall == 3


@pytest.mark.parametrize(
	("marks", "code", "fields"),
	[
		({}, "mark_missing", ("overall", "recommend")),
		({"overall": 5}, "mark_missing", ("recommend",)),
		({"overall": 6, "recommend": 5}, "mark_wrong", ("overall",)),
		({"overall": 0, "recommend": 5}, "mark_wrong", ("overall",)),
		({"overall": 5, "recommend": 11}, "mark_wrong", ("recommend",)),
		({"overall": "5x", "recommend": -1}, "mark_wrong", ("overall", "recommend")),
		({**GOOD, "trainer": 9}, "mark_wrong", ("trainer",)),
	],
)
def test_marks_have_their_range(marks, code, fields):
	_session, (one,) = attended()
	with pytest.raises(FeedbackRefused) as error:
		feedback.submit(one, marks)
	assert (error.value.code, error.value.fields) == (code, fields)
	assert feedback.answer_of(one) is None


def test_only_who_was_there_and_not_before():
	session, (one, two) = session_with(2)
	with pytest.raises(FeedbackRefused) as error:
		feedback.submit(one, GOOD)
	assert error.value.code == "too_early"
	over(session)
	feedback.submit(one, GOOD)  # attendance was not taken yet
	frappe.db.set_value(ENROLLMENT, two, "status", "No-show")
	with pytest.raises(FeedbackRefused) as error:
		feedback.submit(two, GOOD)
	assert error.value.code == "not_there"
	frappe.db.set_value(ENROLLMENT, one, "status", "No-show")
	assert feedback.results_of(session.name)["answers"] == 0, "who was not there does not count"


def test_results_are_counts_and_means_without_names():
	session, names = attended(4)
	given = [(5, 10, 4), (4, 9, None), (3, 8, 2), (2, 3, None)]
	for name, (overall, recommend, trainer) in zip(names, given, strict=True):
		feedback.submit(
			name, {"overall": overall, "recommend": recommend, "trainer": trainer}, f"Liked {overall}"
		)
	with as_user(make_user("Alliance Leadership")):
		found = feedback.results_of(session.name)
	assert (found["asked"], found["answers"], found["response_percent"]) == (4, 4, 100)
	assert found["means"] == {"overall": 3.5, "content": None, "trainer": 3.0, "organisation": None}
	assert found["counts"]["overall"] == {1: 0, 2: 1, 3: 1, 4: 1, 5: 1}
	assert found["nps"] == 25.0
	assert "comments" not in found
	assert not any(name in str(found) for name in names)
	with as_user(make_user("Training Coordinator")):
		assert feedback.results_of(session.name)["comments"]["liked"] == [
			"Liked 2",
			"Liked 3",
			"Liked 4",
			"Liked 5",
		]


def test_few_answers_would_tell_who_gave_them():
	session, names = attended(2)
	for name in names:
		feedback.submit(name, GOOD)
	with as_user(make_user("Membership Manager")):
		found = feedback.results_of(session.name)
	assert (found["answers"], found["is_hidden"]) == (2, True)
	assert "means" not in found
	with as_user(make_user("Training Coordinator")):
		assert feedback.results_of(session.name)["means"]["overall"] == 5


@pytest.mark.parametrize(
	"role",
	["Liaison Officer", "Treasurer", "Membership Manager", "Alliance Leadership", "Alliance Member", None],
)
def test_single_answers_are_for_coordinators(role):
	_session, (one,) = attended()
	feedback.submit(one, GOOD)
	with as_user(make_user(role)):
		assert not frappe.has_permission("Session Feedback", "read", doc=one)
		with pytest.raises(frappe.PermissionError):
			frappe.get_list("Session Feedback")


def test_nobody_writes_an_answer_for_others():
	_session, (one,) = attended()
	feedback.submit(one, GOOD)
	with as_user(make_user("Training Coordinator")):
		doc = frappe.get_doc("Session Feedback", one)
		doc.overall = 1
		with pytest.raises(frappe.PermissionError):
			doc.save()
	doc.flags.by_participant = False
	with pytest.raises(frappe.PermissionError):
		doc.save()


def test_the_link_is_good_for_as_long_as_the_settings_say():
	session, (one,) = attended()
	over(session, days=3)
	frappe.db.set_single_value("Alliance Settings", "feedback_valid_days", 2)
	assert links.read(links.feedback_url(one).rpartition("/")[2]).is_expired
	frappe.db.set_single_value("Alliance Settings", "feedback_valid_days", 90)
	link = links.read(links.feedback_url(one).rpartition("/")[2])
	assert link.expires_on == links.feedback_until(session.ends_at_site)
	assert (link.expires_on - session.ends_at_site.date()).days == 90
