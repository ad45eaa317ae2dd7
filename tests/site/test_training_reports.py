"""The reports on training and activities: figures counted by hand, links to the documents, who sees whose."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, unquote, urlsplit

import frappe
import pytest
from frappe.desk.query_report import run
from frappe.utils import add_days, add_to_date, now_datetime

from imta_crm.seating import seats
from tests.site.event_fees_site import USD_FEES, invoices, member_of, open_books, pay, settle
from tests.site.event_fees_site import seat as fee_seat
from tests.site.factories import as_user, count_queries, make_member, make_user, next_number
from tests.site.seating_factories import make_session

HOURS, RESULTS, SEATS = "Training Hours", "Training Results", "Training Seats"
TAKING_PART, ENGAGEMENT = "Activity Participation", "Member Engagement"
ALL = ("Training Coordinator", "Membership Manager", "Alliance Leadership", "Liaison Officer")
DOCTYPES = {
	"/app/training-enrollment": "Training Enrollment",
	"/app/training-session": "Training Session",
	"/app/session-feedback": "Session Feedback",
	"/app/activity-delegate": "Activity Delegate",
	"/app/alliance-activity": "Alliance Activity",
	"/app/liaison-contact": "Liaison Contact",
}


def report(name: str, **filters) -> list[frappe._dict]:
	return [frappe._dict(row) for row in run(name, filters=filters)["result"] if isinstance(row, dict)]


def query_of(route: str) -> dict:
	return {
		field: json.loads(value) if value.startswith("[") else value
		for field, value in parse_qsl(urlsplit(route).query)
	}


def listed(route: str, fields: str = "name") -> list:
	"""What the list at this address shows to the present user."""
	return frappe.get_list(
		DOCTYPES[urlsplit(route).path], filters=query_of(route), pluck=fields, limit=0, order_by=None
	)


def put(doctype: str, **values) -> str:
	"""A row as it is in the database, without the engine: these tests are about counting."""
	doc = frappe.new_doc(doctype)
	doc.update({"name": f"TEST-{next_number():05}", **values})
	doc.db_insert()
	return doc.name


def program(name: str, **values) -> str:
	return put(
		"Member Training Program", program_name=f"{name} {next_number()}", language="en", pd_hours=6, **values
	)


def session(program: str, days: float, **values) -> str:
	"""A session that began so many days from now, and took three hours."""
	begins = add_days(now_datetime().replace(microsecond=0), days)
	ends = add_to_date(begins, hours=3)
	return put(
		"Training Session",
		program=program,
		**{
			"title": f"Session {next_number()}",
			"status": "Held" if days < 0 else "Open",
			"starts_at": begins,
			"ends_at": ends,
			"starts_at_site": begins,
			"ends_at_site": ends,
			"capacity": 10,
			"fee_currency": "USD",
			**values,
		},
	)


def seat(of: str, status: str, member=None, **values) -> str:
	about = frappe.db.get_value(
		"Training Session", of, ["program", "starts_at_site", "ends_at_site"], as_dict=True
	)
	who = next_number()
	return put(
		"Training Enrollment",
		**{
			"session": of,
			"status": status,
			"participant_type": "Member" if member else "Guest",
			"participant_name": f"Person {who}",
			"email": f"person{who}@imta.example",
			"email_folded": f"person{who}@imta.example",
			"member": member and member.name,
			"organisation": member and member.member_name,
			"territory": member and member.territory,
			"hours": 6 if status == "Completed" else 0,
			**about,
			**values,
		},
	)


def answer(enrollment: str, overall: int, recommend: int = 8) -> None:
	about = frappe.db.get_value("Training Enrollment", enrollment, ["session", "program"], as_dict=True)
	doc = frappe.new_doc("Session Feedback")
	marks = {"content": overall, "trainer": 5, "organisation": 4, "overall": overall, "recommend": recommend}
	doc.update({"enrollment": enrollment, **about, **marks})
	doc.name = enrollment
	doc.db_insert()


@pytest.fixture
def officers(site):
	return make_user(), make_user()


@pytest.fixture
def alliance(officers):
	"""Two programs, three sessions that are over, two members in two regions, guests."""
	first, second = officers
	nepal = make_member(country="Nepal", territory="Southern Asia", officer=first)
	austria = make_member(country="Austria", territory="Western Europe", officer=second)
	rescue, guiding = program("Rescue"), program("Guiding", program_name_zh="向导")
	# Early in a year nothing of last year is forty days ago, so the older one is more than a year old.
	old, late, last = session(rescue, -400), session(rescue, -20), session(guiding, -3)
	found = frappe._dict(
		nepal=nepal, austria=austria, rescue=rescue, guiding=guiding, old=old, late=late, last=last
	)
	# More than a year ago: two of Nepal completed, one of them with six and one with four hours.
	again = {"contact": None, "email": "again@imta.example", "email_folded": "again@imta.example"}
	found.again = seat(old, "Completed", nepal, **again)
	seat(old, "Completed", nepal, hours=4)
	seat(old, "No-show", austria)
	# Three weeks ago: three completed, one was there, one stayed away, one cancelled, one waited.
	seat(late, "Completed", nepal, **again)
	found.answered = seat(late, "Completed", austria)
	answer(found.answered, 5, recommend=10)
	guest = seat(late, "Completed")
	answer(guest, 4, recommend=7)
	seat(late, "Attended", austria)
	seat(late, "No-show", nepal)
	seat(late, "Cancelled", nepal)
	seat(late, "Waitlisted", austria)
	# This week: nobody has been counted yet but one.
	seat(last, "Confirmed", nepal)
	answer(seat(last, "Completed", austria, hours=1.5), 2)
	return found


def by_label(rows: list) -> dict[str, frappe._dict]:
	return {row.label: row for row in rows}


# Hours


def test_hours_by_member(alliance):
	rows = by_label(report(HOURS, program=alliance.rescue))
	found = {label: (row.hours, row.completed, row.people) for label, row in rows.items()}
	assert found == {
		alliance.nepal.member_name: (16, 3, 2),
		alliance.austria.member_name: (6, 1, 1),
		"Guests and Staff": (6, 1, 1),
		"Total": (28, 5, 4),
	}
	years = sorted(key for key in rows["Total"] if key.startswith("year_"))
	assert len(years) == 2
	assert [rows[alliance.nepal.member_name][year] for year in years] == [10, 6]


def test_hours_by_person_year_region_and_program(alliance):
	people = by_label(report(HOURS, group_by="Person", member=alliance.nepal.name))
	assert sorted(row.hours for row in people.values()) == [4, 12, 16]
	assert all(row.organisation == alliance.nepal.member_name for row in list(people.values())[:-1])
	[latest, older, total] = report(HOURS, group_by="Year", program=alliance.rescue)
	assert (latest.hours, older.hours, total.hours) == (18, 10, 28)
	places = by_label(report(HOURS, group_by="Region", program=alliance.rescue))
	assert (places["Asia"].hours, places["Southern Asia"].hours, places["No region"].hours) == (16, 16, 6)
	assert list(by_label(report(HOURS, group_by="Region", region="Southern Asia"))) == [
		"Southern Asia",
		"Total",
	]
	[guiding, total] = report(HOURS, group_by="Program", program=alliance.guiding)
	assert guiding.label.startswith("Guiding") and guiding.hours == total.hours == 1.5


def test_half_hours_are_added_exactly(alliance):
	for _number in range(3):
		seat(alliance.last, "Completed", alliance.austria, hours=0.1)
	assert report(HOURS, program=alliance.guiding)[-1].hours == 1.8


@pytest.mark.parametrize("group_by", ["Member", "Region", "Year", "Person", "Program"])
def test_each_number_of_hours_leads_to_its_documents(alliance, officers, group_by):
	for user in ("Administrator", *officers):
		with as_user(user):
			for narrow in ({}, {"year": now_datetime().year}, {"region": "Asia"}):
				for row in report(HOURS, group_by=group_by, **narrow):
					assert len(listed(row.routes["completed"])) == row.completed
					assert sum(listed(row.routes["hours"], "hours")) == pytest.approx(row.hours)
					assert len(listed(row.routes["certificates"])) == row.certificates
					for field in row:
						if field.startswith("year_"):
							assert sum(listed(row.routes[field], "hours")) == pytest.approx(row[field] or 0)


def test_the_name_of_a_row_leads_deeper(alliance):
	row = by_label(report(HOURS, program=alliance.rescue))[alliance.nepal.member_name]
	assert unquote(urlsplit(row.route).path) == "/app/query-report/Training Hours"
	people = report(HOURS, **query_of(row.route))
	assert people[-1].hours == row.hours
	[latest, *_rest] = report(HOURS, group_by="Year", program=alliance.rescue)
	assert report(HOURS, **query_of(latest.route))[-1].hours == latest.hours


def test_officers_count_the_hours_of_their_own(alliance, officers):
	for officer, hours in zip(officers, (16, 7.5), strict=True):
		with as_user(officer):
			assert [row.hours for row in report(HOURS)] == [hours, hours]


# Results


def test_results_by_session(alliance):
	old, late, last = (
		frappe.db.get_value("Training Session", alliance[name], "title") for name in ("old", "late", "last")
	)
	rows = by_label(
		[row for name in ("rescue", "guiding") for row in report(RESULTS, program=alliance[name])[:-1]]
	)
	assert {
		label: (row.seats, row.present, row.completed, row.no_show, row.open) for label, row in rows.items()
	} == {old: (3, 2, 2, 1, 0), late: (5, 4, 3, 1, 0), last: (2, 1, 1, 0, 1)}
	assert (rows[late].completion_rate, rows[late].no_show_rate) == (60.0, 20.0)
	assert (rows[late].answers, rows[late].answer_rate, rows[late].mark_overall) == (2, 50.0, 4.5)
	assert (rows[late].mark_content, rows[late].mark_nps) == (4.5, 50.0)
	assert (rows[old].answers, rows[old].mark_overall) == (0, None)
	assert (rows[last].completion_rate, rows[last].mark_overall) == (100.0, 2.0)


def test_results_of_regions_programs_and_years(alliance):
	places = by_label(report(RESULTS, group_by="Region", program=alliance.rescue))
	assert (places["Asia"].seats, places["Asia"].no_show, places["Asia"].completion_rate) == (4, 1, 75.0)
	assert (places["Western Europe"].seats, places["Western Europe"].mark_overall) == (3, 5.0)
	assert places["No region"].seats == 1
	[program, total] = report(RESULTS, group_by="Program", program=alliance.rescue)
	assert (program.seats, program.answers, program.mark_overall) == (8, 2, 4.5)
	assert [row.seats for row in report(RESULTS, group_by="Year", program=alliance.rescue)] == [5, 3, 8]
	assert total.seats == program.seats


def test_what_is_to_come_has_no_results(alliance):
	coming = session(alliance.guiding, 5)
	seat(coming, "Confirmed", alliance.nepal)
	assert not report(RESULTS, session=coming)


@pytest.mark.parametrize("group_by", ["Session", "Program", "Region", "Year"])
def test_each_number_of_results_leads_to_its_documents(alliance, officers, group_by):
	seat(session(alliance.guiding, 5), "Confirmed", alliance.nepal)
	for user in ("Administrator", *officers):
		with as_user(user):
			for narrow in ({}, {"year": now_datetime().year}, {"region": "Asia"}):
				for row in report(RESULTS, group_by=group_by, **narrow):
					for field, route in row.routes.items():
						if not field.startswith("mark_"):
							assert len(listed(route)) == row[field], (row.label, field)


def test_officers_see_no_feedback(alliance, officers):
	with as_user(officers[1]):
		answer = run(RESULTS, filters={"program": alliance.rescue})
	assert not [column for column in answer["columns"] if column["fieldname"].startswith(("mark_", "answer"))]
	assert [row["seats"] for row in answer["result"]] == [2, 1, 3]


# Seats


def test_seats_of_sessions(alliance):
	coming = session(alliance.guiding, 5, capacity=4)
	for status in ("Confirmed", "Confirmed", "Offered", "Waitlisted", "Waitlisted", "Requested", "Cancelled"):
		seat(coming, status, alliance.nepal)
	unlimited = session(alliance.guiding, 9, capacity=0)
	seat(unlimited, "Confirmed")
	gone = session(alliance.guiding, 12, status="Cancelled")
	session(alliance.guiding, 15, status="Draft")
	rows = report(SEATS, program=alliance.guiding, coming=1)
	assert [(row.capacity, row.taken, row.free) for row in rows] == [
		(None, 0, None),
		(None, 1, None),
		(4, 3, 1),
		(4, 4, 1),
	]
	assert rows[0].route.endswith(gone)
	row = rows[2]
	assert (row.offered, row.waiting, row.requested, row.cancelled, row.occupancy) == (1, 2, 1, 1, 75.0)
	for row in rows:
		for stage in ("taken", "offered", "waiting", "requested", "cancelled"):
			assert len(listed(row.routes[stage])) == row[stage]
		assert len(listed(row.routes["sessions"])) == row.sessions
	[year, *_more] = report(SEATS, group_by="Year", program=alliance.guiding)
	assert len(listed(year.routes["taken"])) == year.taken


def test_fees_are_those_of_the_ledger(site):
	open_books()
	session, member, other = make_session(**USD_FEES), member_of(), member_of()
	taken = [fee_seat(session, member) for _ in range(3)]
	fee_seat(session, other)
	[row, _total] = report(SEATS, program=session.program)
	assert (row.fees_usd, row.invoiced_usd, row.paid_usd) == (400, 0, 0)
	settle(session)
	first = next(invoice for invoice in invoices(session) if invoice.customer == member.customer)
	pay(first, 150)
	seats.cancel("Training Enrollment", taken[0].name, reason="Ill", by="Administrator")
	settle(session)
	[row, total] = report(SEATS, program=session.program)
	assert row.currency_usd == "USD"
	found = [row[f"{field}_usd"] for field in ("fees", "invoiced", "credited", "paid", "outstanding")]
	assert found == [300, 400, 100, 150, 150]
	assert [total[f"{field}_usd"] for field in ("invoiced", "paid")] == [400, 150]
	with as_user(make_user("Treasurer")):
		assert report(SEATS, program=session.program)[0].paid_usd == 150


def test_the_queries_go_by_an_index(alliance):
	"""Each of the reports' big tables is read by an index once a question narrows it down."""
	for doctype, filters in (
		("Training Enrollment", {"session": alliance.late}),
		("Training Enrollment", {"member": alliance.nepal.name, "status": "Completed"}),
		("Training Enrollment", {"status": "Waitlisted"}),
		("Session Feedback", {"session": ("in", (alliance.late, alliance.old))}),
		("Activity Delegate", {"activity": "ACT-1"}),
		("Activity Delegate", {"member": alliance.nepal.name}),
	):
		with count_queries() as queries:
			frappe.get_list(doctype, filters, ["name"], order_by=None, limit=0)
		[row] = frappe.db.sql(f"explain {queries[-1]}", as_dict=True)
		assert row.possible_keys, (doctype, filters)


@pytest.mark.parametrize("name", [HOURS, RESULTS, SEATS])
def test_a_report_takes_as_many_queries_for_many_as_for_few(alliance, name):
	def queries() -> int:
		execute = frappe.get_attr(
			f"imta_crm.training.report.{frappe.scrub(name)}.{frappe.scrub(name)}.execute"
		)
		execute({})
		with count_queries() as found:
			execute({})
		return len(found)

	few = queries()
	for _number in range(15):
		another = program("Another")
		seat(session(another, -30), "Completed", make_member())
	assert queries() == few <= 4


@pytest.mark.parametrize("name", [HOURS, RESULTS, SEATS])
@pytest.mark.parametrize("role", ["Alliance Member", None])
def test_who_has_no_part_in_training_sees_no_report(alliance, name, role):
	with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
		report(name)


@pytest.mark.parametrize("role", ALL)
def test_the_reports_open_for_each_role_that_has_them(alliance, role):
	with as_user(make_user(role)):
		for name in (HOURS, RESULTS):
			run(name, filters={"program": alliance.rescue})


def test_names_are_inert_in_exports(alliance):
	frappe.db.set_value("IMTA Member", alliance.nepal.name, "member_name", "=HYPERLINK(1)")
	assert report(HOURS, program=alliance.rescue)[0].label == "'=HYPERLINK(1)"
	frappe.db.set_value("Training Session", alliance.late, "title", "+cmd")
	assert report(RESULTS, session=alliance.late)[0].label == "'+cmd"


def test_charts_lead_where_their_numbers_lead(alliance):
	for name in (HOURS, RESULTS, SEATS):
		chart = run(name, filters={"program": alliance.rescue})["chart"]
		assert len(chart["routes"]) == len(chart["data"]["labels"])
		for dataset in chart["data"]["datasets"]:
			assert len(dataset["values"]) == len(chart["routes"])
		listed(chart["routes"][0])


# Activities


def activity(days: float, **values) -> str:
	begins = add_days(now_datetime().replace(microsecond=0), days)
	ends = add_to_date(begins, hours=30)
	return put(
		"Alliance Activity",
		**{
			"title": f"Forum {next_number()}",
			"kind": "Forum",
			"status": "Held" if days < -2 else "Open",
			"starts_at": begins,
			"ends_at": ends,
			"starts_at_site": begins,
			"ends_at_site": ends,
			"capacity": 20,
			**values,
		},
	)


def delegate(of: str, status: str, role: str = "Delegate", member=None, **values) -> str:
	about = frappe.db.get_value("Alliance Activity", of, ["starts_at_site", "ends_at_site"], as_dict=True)
	who = next_number()
	return put(
		"Activity Delegate",
		**{
			"activity": of,
			"status": status,
			"delegate_role": role,
			"participant_name": f"Delegate {who}",
			"email": f"delegate{who}@imta.example",
			"email_folded": f"delegate{who}@imta.example",
			"member": member and member.name,
			"tier": member and member.tier,
			"territory": member and member.territory,
			"country": member and member.country,
			**about,
			**values,
		},
	)


@pytest.fixture
def forum(alliance):
	"""A forum that is over and a conference to come."""
	nepal, austria = alliance.nepal, alliance.austria
	forum, conference = activity(-30), activity(12, kind="Conference")
	delegate(forum, "Attended", "Speaker", nepal)
	delegate(forum, "Attended", "Delegate", nepal)
	delegate(forum, "No-show", "Delegate", austria)
	delegate(forum, "Attended", "Exhibitor", austria)
	delegate(forum, "Cancelled", "Delegate", austria)
	delegate(forum, "Attended", "Guest", country="Italy")
	delegate(conference, "Confirmed", "Speaker", nepal)
	delegate(conference, "Waitlisted", "Guest")
	return frappe._dict(alliance, forum=forum, conference=conference)


def test_participation_by_activity(forum):
	[row, total] = report(TAKING_PART, activity=forum.forum)
	assert (row.capacity, row.taken, row.present, row.no_show, row.cancelled) == (20, 5, 4, 1, 1)
	assert [row[f"role_{role}"] for role in ("speaker", "exhibitor", "delegate", "guest")] == [1, 1, 2, 1]
	assert (row.presence_rate, row.members, row.countries) == (80.0, 2, 3)
	assert total.taken == row.taken
	[row, _total] = report(TAKING_PART, activity=forum.conference)
	assert (row.taken, row.waiting, row.presence_rate) == (1, 1, None)


@pytest.mark.parametrize("group_by", ["Activity", "Role", "Tier", "Region", "Member", "Year"])
def test_each_number_of_participation_leads_to_its_documents(forum, officers, group_by):
	stages = ("taken", "role_speaker", "role_delegate", "waiting", "present", "no_show", "cancelled")
	for user in ("Administrator", *officers):
		with as_user(user):
			for narrow in ({}, {"kind": "Forum"}, {"region": "Asia"}, {"delegate_role": "Delegate"}):
				for row in report(TAKING_PART, group_by=group_by, **narrow):
					for stage in stages:
						route = row.routes.get(stage)
						assert (len(listed(route)) if route else 0) == row[stage], (row.label, stage)


def test_engagement_counts_trainings_and_activities(forum):
	rows = by_label(report(ENGAGEMENT))
	nepal, austria = rows[forum.nepal.member_name], rows[forum.austria.member_name]
	assert (nepal.trainings, nepal.hours, nepal.activities, nepal.no_shows) == (1, 6, 2, 1)
	assert (austria.trainings, austria.hours, austria.activities, austria.no_shows) == (3, 7.5, 1, 1)
	for row in (nepal, austria):
		assert len(listed(row.routes["trainings"])) == row.trainings
		assert sum(listed(row.routes["hours"], "hours")) == row.hours
		assert len(listed(row.routes["activities"])) == row.activities
	quiet = make_member()
	assert quiet.member_name in by_label(report(ENGAGEMENT, absent=1))
	assert not {forum.nepal.member_name, forum.austria.member_name} & set(
		by_label(report(ENGAGEMENT, absent=1))
	)
	longer = by_label(report(ENGAGEMENT, from_date=add_days(now_datetime().date(), -500)))
	assert longer[forum.nepal.member_name].hours == 16


def test_officers_see_the_engagement_of_their_own(forum, officers):
	with as_user(officers[0]):
		[row] = report(ENGAGEMENT)
		assert row.label == forum.nepal.member_name
		assert [row.taken for row in report(TAKING_PART, kind="Forum")] == [2, 2]


@pytest.mark.parametrize("name", [TAKING_PART, ENGAGEMENT])
def test_reports_on_activities_are_for_the_secretariat(forum, name):
	for role in ALL:
		with as_user(make_user(role)):
			report(name)
	for role in ("Alliance Member", None):
		with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
			report(name)
