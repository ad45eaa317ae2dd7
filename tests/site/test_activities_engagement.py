"""How much the people of a member take part: the numbers, the member's form and its timeline."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import frappe
import pytest
from frappe.utils import add_days, getdate, now_datetime

from imta_crm.activities import engagement, timeline
from imta_crm.seating import seats
from tests.site.factories import as_user, count_queries, make_member, make_user
from tests.site.seating_factories import (
	enroll,
	make_activity,
	make_guest,
	make_person,
	make_program,
	make_session,
)

TRAINING, DELEGATE = "Training Enrollment", "Activity Delegate"


def put(doctype: str, name: str, status: str, days_ago: int, **values) -> None:
	"""A seat as it is so many days after what it was for."""
	begins = now_datetime() - timedelta(days=days_ago)
	times = {"starts_at_site": begins, "ends_at_site": begins + timedelta(hours=3)}
	frappe.db.set_value(doctype, name, {"status": status, **times, **values})


@pytest.fixture
def member():
	return make_member()


@pytest.fixture
def history(member):
	"""Two trainings, one of them long ago, a forum, a no-show and a forum to come."""
	ids = iter(range(100))

	def person():
		return make_person(f"Person of {member.name} {next(ids)}", member=member)

	program = make_program().name
	for days, hours in ((10, 3.0), (500, 1.5)):
		put(TRAINING, enroll(make_session(program), person()).name, "Completed", days, hours=hours)
	put(DELEGATE, enroll(make_activity(), person()).name, "Attended", 20)
	put(DELEGATE, enroll(make_activity(), person()).name, "No-show", 30)
	coming = make_activity(title="Forum to Come", title_zh="未来论坛")
	enroll(coming, person())
	seats.cancel(DELEGATE, enroll(coming, person()).name, reason="Ill", by=None)
	return member


def test_the_numbers(history):
	found = engagement.of_member(history.name)
	assert (found.trainings, found.hours, found.activities) == (2, Decimal("4.50"), 1)
	assert (found.no_shows, found.coming, found.taken_part) == (1, 1, 3)
	assert getdate(found.last_at) == getdate(add_days(getdate(), -10))


def test_since_a_day(history):
	found = engagement.of_member(history.name, add_days(getdate(), -365))
	assert (found.trainings, found.hours) == (1, Decimal("3.00"))
	found = engagement.of_members([history.name], until=getdate(add_days(getdate(), -400)))[history.name]
	assert (found.trainings, found.activities, found.no_shows) == (1, 0, 0)


def test_who_never_took_part_is_there_with_nothing(member):
	assert engagement.of_member(member.name) == engagement.Engagement(member.name)
	assert engagement.of_members([]) == {}


def test_each_member_has_its_own_in_two_queries(member):
	other = make_member()
	booked = enroll(make_activity(), make_person(member=other))
	put(DELEGATE, booked.name, "Attended", 5)
	with count_queries() as queries:
		found = engagement.of_members([member.name, other.name, "nobody"])
	assert len(queries) == 2
	assert [each.activities for each in found.values()] == [0, 1, 0]


def test_the_members_form_shows_it(history):
	doc = frappe.get_doc("IMTA Member", history.name)
	doc.run_method("onload")
	shown = doc.get_onload("engagement")
	assert (shown["all"]["trainings"], shown["year"]["trainings"]) == (2, 1)
	assert (shown["all"]["hours"], shown["all"]["activities"]) == (4.5, 1)


def test_who_reads_the_timeline(member):
	enroll(make_activity(), make_person(member=member))
	for role in ("Membership Manager", "Treasurer", "Training Coordinator", "Alliance Leadership"):
		with as_user(make_user(role)):
			assert len(timeline.get_timeline_content("IMTA Member", member.name)) == 1
	with as_user(make_user("Liaison Officer")):
		assert timeline.get_timeline_content("IMTA Member", member.name) == []


def test_an_officer_reads_the_own_portfolios_timeline():
	officer = make_user("Liaison Officer")
	member = make_member(officer=officer)
	enroll(make_activity(title="Forum to Come"), make_person(member=member))
	with as_user(officer):
		(entry,) = timeline.get_timeline_content("IMTA Member", member.name)
	assert "Forum to Come" in entry["content"]


def test_an_entry_names_the_people_and_nothing_is_markup(member):
	activity = make_activity(title="Peaks & <b>Valleys", title_zh="峰谷论坛")
	for name in ("Anna Muster", "Reto Caduff"):
		enroll(activity, make_person(name, member=member))
	(entry,) = timeline.get_timeline_content("IMTA Member", member.name)
	assert "Anna Muster" in entry["content"] and "Confirmed" in entry["content"]
	assert "<b>Valleys" not in entry["content"]
	assert entry["creation"] == activity.starts_at_site
	frappe.local.lang = "zh"
	(entry,) = timeline.get_timeline_content("IMTA Member", member.name)
	assert "峰谷论坛" in entry["content"]


def test_guests_stand_in_no_members_timeline(member):
	enroll(make_activity(), make_guest())
	assert timeline.get_timeline_content("IMTA Member", member.name) == []
