"""Contacts as officers log them: time, people, next steps and their ToDo, many at once, the timeline."""

from __future__ import annotations

import json
from datetime import timedelta

import frappe
import pytest
from frappe.utils import add_days, get_datetime, getdate, now_datetime, nowdate

from imta_crm.liaison import contacts, people
from imta_crm.liaison.doctype.liaison_contact.liaison_contact import (
	ForeignPersonError,
	FutureContactError,
	NextStepError,
	UnknownTimeZoneError,
)
from imta_crm.liaison.timeline import get_timeline_content
from imta_crm.liaison.zones import local_label
from tests.site.factories import as_user, count_queries, make_contact, make_member, make_user, next_number


@pytest.fixture
def member(site):
	return make_member().name


def log(member: str, **fields):
	contact = frappe.new_doc("Liaison Contact")
	contact.update({"member": member, "channel": "Call", "summary": "Spoke about the forum", **fields})
	return contact.insert()


def with_step(member: str, **fields):
	return log(
		member, **{"next_step": "Send the statistics", "next_step_on": add_days(nowdate(), 7), **fields}
	)


def todo_of(contact):
	return frappe.get_doc("ToDo", contact.reload().todo)


def token() -> str:
	return f"token-of-the-test-{next_number()}"


# Defaults and time


def test_member_channel_and_summary_are_enough(member):
	contact = log(member)
	assert contact.direction == "Outgoing"
	assert [row.user for row in contact.alliance_people] == ["Administrator"]
	assert abs(get_datetime(contact.contact_at) - now_datetime()) < timedelta(minutes=1)
	assert contact.time_zone == "Asia/Shanghai"
	assert contact.member_name == frappe.db.get_value("IMTA Member", member, "member_name")
	assert not contact.todo and not contact.next_step_state


def test_time_zone_is_that_of_the_person_who_logs(member):
	user = make_user("Membership Manager")
	frappe.db.set_value("User", user, "time_zone", "Europe/Zurich")
	frappe.clear_document_cache("User", user)
	with as_user(user):
		contact = log(member, contact_at="2026-07-01 15:30:00")
	assert contact.time_zone == "Europe/Zurich"
	# 15:30 in Guiyang is 9:30 in a Swiss summer.
	assert "09:30" in contact.local_time and "Europe/Zurich" in contact.local_time


def test_local_time_knows_daylight_saving(site):
	assert "08:30" in local_label("2026-01-10 15:30:00", "Europe/Zurich")
	assert "15:30" in local_label("2026-01-10 15:30:00", None)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "europe/zurich", "UTC+8", "Europe"])
def test_unknown_time_zone_is_refused(member, zone):
	with pytest.raises(UnknownTimeZoneError):
		log(member, time_zone=zone)


def test_future_contact_is_refused_with_a_way_out(member):
	with pytest.raises(FutureContactError, match="next step"):
		log(member, contact_at=now_datetime() + timedelta(hours=1))


def test_a_clock_that_is_a_little_fast_is_fine(member):
	assert log(member, contact_at=now_datetime() + timedelta(minutes=2)).name


def test_contact_stays_with_its_member(member):
	contact = log(member)
	contact.member = make_member().name
	with pytest.raises(frappe.CannotChangeConstantError):
		contact.save()


def test_summary_is_needed(member):
	with pytest.raises(frappe.MandatoryError):
		log(member, summary="  ")


# People


def test_the_members_own_contact_may_be_named(member):
	person = make_contact("Ueli", member=member, email=f"ueli{next_number()}@alpine.example")
	contact = log(member, member_people=[{"contact": person.name}])
	assert contact.member_people[0].person_name == person.full_name


def test_an_affiliate_may_be_named(member):
	person = make_contact("Heidi")
	frappe.get_doc({"doctype": "Member Affiliate", "member": member, "contact": person.name}).insert()
	assert log(member, member_people=[{"contact": person.name}]).name


def test_another_members_contact_is_refused(member):
	stranger = make_contact("Stranger", member=make_member().name)
	with pytest.raises(ForeignPersonError):
		log(member, member_people=[{"contact": stranger.name}])


def test_a_typed_name_is_enough_and_an_empty_row_is_not(member):
	assert log(member, member_people=[{"person_name": "A porter"}]).name
	with pytest.raises(ForeignPersonError):
		log(member, member_people=[{"person_name": " "}])


def test_who_has_left_the_member_stays_in_old_contacts(member):
	person = make_contact("Leaver", member=member)
	contact = log(member, member_people=[{"contact": person.name}])
	person.set("links", [])
	person.save()
	contact.reload()
	contact.outcome = "Positive"
	contact.save()


def test_colleagues_are_staff(member):
	portal = frappe.get_doc(
		{
			"doctype": "User",
			"email": f"portal{next_number()}@imta.example",
			"first_name": "Portal",
			"user_type": "Website User",
			"send_welcome_email": 0,
		}
	).insert()
	with pytest.raises(ForeignPersonError):
		log(member, alliance_people=[{"user": portal.name}])


def test_contact_query_offers_the_members_people_alone(member):
	mine = make_contact("Mine", member=member)
	make_contact("Other", member=make_member().name)
	found = people.contact_query("Contact", "", "name", 0, 20, {"member": member})
	assert mine.name in [row[0] for row in found]
	assert all(row[0] in people.contacts_of(member) for row in found)
	assert people.contact_query("Contact", "", "name", 0, 20, {}) == []


# Next steps and ToDo


def test_next_step_makes_one_todo(member):
	owner = make_user("Membership Manager")
	contact = with_step(member, next_step_owner=owner, next_step_priority="High")
	todo = todo_of(contact)
	assert (todo.allocated_to, todo.priority, todo.status) == (owner, "High", "Open")
	assert getdate(todo.date) == getdate(contact.next_step_on)
	assert (todo.reference_type, todo.reference_name) == ("Liaison Contact", contact.name)
	assert "Send the statistics" in todo.description
	contact.reload()
	contact.summary = "And the weather"
	contact.save()
	contact.save()
	assert frappe.db.count("ToDo", {"reference_name": contact.name}) == 1


def test_next_step_needs_a_date_and_falls_to_whoever_logs(member):
	with pytest.raises(NextStepError):
		log(member, next_step="Write")
	assert with_step(member).next_step_owner == "Administrator"


def test_next_step_added_later_makes_its_todo(member):
	contact = log(member)
	contact.update({"next_step": "Call back", "next_step_on": nowdate()})
	contact.save()
	assert todo_of(contact).status == "Open"


@pytest.mark.parametrize("state", ["Closed", "Cancelled"])
def test_state_goes_from_contact_to_todo_and_back_open(member, state):
	contact = with_step(member)
	for wanted in (state, "Open"):
		contact.reload()
		contact.next_step_state = wanted
		contact.save()
		assert todo_of(contact).status == wanted


@pytest.mark.parametrize("status", ["Closed", "Cancelled"])
def test_state_goes_from_todo_to_contact_and_back_open(member, status):
	contact = with_step(member)
	for wanted in (status, "Open"):
		todo = todo_of(contact)
		todo.status = wanted
		todo.save()
		assert contact.reload().next_step_state == wanted


def test_owner_of_the_todo_closes_both_without_a_right_to_write_contacts(member):
	coordinator = make_user("Training Coordinator")
	contact = with_step(member, next_step_owner=coordinator)
	with as_user(coordinator):
		todo = frappe.get_doc("ToDo", contact.todo)
		todo.status = "Closed"
		todo.save()
		with pytest.raises(frappe.PermissionError):
			frappe.get_doc("Liaison Contact", contact.name).save()
	assert contact.reload().next_step_state == "Closed"


def test_date_owner_and_words_follow_both_ways(member):
	contact, manager = with_step(member), make_user("Membership Manager")
	contact.update(
		{"next_step": "Bring it", "next_step_on": add_days(nowdate(), 3), "next_step_owner": manager}
	)
	contact.save()
	todo = todo_of(contact)
	assert getdate(todo.date) == getdate(add_days(nowdate(), 3))
	assert todo.allocated_to == manager
	assert "Bring it" in todo.description
	todo.update({"date": add_days(nowdate(), 9), "priority": "Low"})
	todo.save()
	contact.reload()
	assert getdate(contact.next_step_on) == getdate(add_days(nowdate(), 9))
	assert contact.next_step_priority == "Low"


def test_next_step_taken_out_cancels_its_todo_and_a_new_one_gets_its_own(member):
	contact = with_step(member)
	first = contact.todo
	contact.next_step = ""
	contact.save()
	assert frappe.db.get_value("ToDo", first, "status") == "Cancelled"
	assert not contact.reload().todo and not contact.next_step_on
	contact.update({"next_step": "Visit", "next_step_on": nowdate()})
	contact.save()
	assert contact.todo and contact.todo != first


def test_step_that_is_done_already_is_nobodys_todo(member):
	assert not with_step(member, next_step_state="Closed").todo


def test_deleted_contact_cancels_its_todo(member):
	contact = with_step(member)
	todo = contact.todo
	contact.delete()
	assert frappe.db.get_value("ToDo", todo, ["status", "reference_type", "reference_name"]) == (
		"Cancelled",
		"IMTA Member",
		member,
	)


def test_deleted_todo_lets_go_of_its_contact(member):
	contact = with_step(member)
	frappe.delete_doc("ToDo", contact.todo)
	contact.reload()
	assert (contact.todo, contact.next_step_state) == (None, "Cancelled")
	contact.next_step_state = "Open"
	contact.save()
	assert todo_of(contact).status == "Open"


def test_todo_of_others_stays_theirs(member):
	contact = with_step(member)
	other = frappe.get_doc(
		{
			"doctype": "ToDo",
			"description": "Read this",
			"allocated_to": "Administrator",
			"reference_type": "Liaison Contact",
			"reference_name": contact.name,
		}
	).insert()
	other.status = "Closed"
	other.save()
	assert contact.reload().next_step_state == "Open"
	contact.next_step_state = "Closed"
	contact.save()
	other.reload()
	other.status = "Open"
	other.save()
	assert contact.reload().next_step_state == "Closed"


def test_nobody_takes_a_foreign_todo_by_naming_it(member):
	foreign = frappe.get_doc(
		{"doctype": "ToDo", "description": "Secret", "allocated_to": "Administrator"}
	).insert()
	contact = with_step(member, todo=foreign.name, contact_group="mine")
	assert contact.todo != foreign.name and not contact.contact_group
	own = contact.todo
	contact.todo = foreign.name
	contact.next_step_state = "Closed"
	contact.save()
	assert contact.todo == own
	assert frappe.db.get_value("ToDo", foreign.name, "status") == "Open"


def test_next_step_goes_to_somebody_who_sees_the_member(member):
	with pytest.raises(NextStepError):
		with_step(member, next_step_owner=make_user("Liaison Officer"))
	with pytest.raises(NextStepError):
		with_step(member, next_step_owner=make_user(None))


def test_open_steps_go_with_the_member_to_its_new_officer(site):
	old, new = make_user("Liaison Officer"), make_user("Liaison Officer")
	member = make_member()
	member.officer = old
	member.save()
	mine = with_step(member.name, next_step_owner=old)
	others = with_step(member.name)
	done = with_step(member.name, next_step_owner=old)
	done.next_step_state = "Closed"
	done.save()
	member.reload()
	member.officer = new
	member.save()
	assert todo_of(mine).allocated_to == mine.next_step_owner == new
	assert others.reload().next_step_owner == "Administrator"
	assert done.reload().next_step_owner == old


# Many at once


def test_a_todo_is_not_passed_on_to_who_cannot_see_the_member(site):
	mine, stranger = make_user("Liaison Officer"), make_user("Liaison Officer")
	member = make_member(officer=mine)
	with as_user(mine):
		contact = with_step(member.name)
		todo = todo_of(contact)
		todo.allocated_to = stranger
		with pytest.raises(NextStepError):
			todo.save()
	assert contact.reload().next_step_owner == mine


def test_the_old_officer_has_no_say_in_the_todo_any_more(site):
	old, new, manager = (make_user(role) for role in ("Liaison Officer",) * 2 + ("Membership Manager",))
	member = make_member(officer=old)
	with as_user(old):
		contacts = [with_step(member.name), with_step(member.name, next_step_owner=manager)]
	member.reload().officer = new
	member.save()
	for contact in contacts:
		todo = todo_of(contact)
		for ptype in ("read", "write"):
			assert not frappe.has_permission("ToDo", ptype, doc=todo, user=old)
		with as_user(old):
			assert not frappe.get_list("ToDo", {"name": todo.name})
	assert todo_of(contacts[0]).allocated_to == new
	assert todo_of(contacts[1]).allocated_to == manager


@pytest.mark.parametrize("handed_on", [True, False], ids=["to another", "to nobody"])
def test_the_old_officer_is_sent_no_changes_any_more(site, handed_on):
	old, manager = make_user("Liaison Officer"), make_user("Membership Manager")
	member = make_member(officer=old)
	with as_user(old):
		contact = with_step(member.name)
	for user in (old, manager):
		for doc in (member, contact):
			follow = frappe.new_doc("Document Follow")
			follow.update({"user": user, "ref_doctype": doc.doctype, "ref_docname": doc.name})
			follow.insert(ignore_permissions=True)
	member.reload().officer = make_user("Liaison Officer") if handed_on else None
	member.save()
	left = frappe.get_all(
		"Document Follow", {"ref_docname": ("in", [member.name, contact.name])}, pluck="user"
	)
	assert left == [manager, manager]
	assert todo_of(contact).assigned_by != old


def test_words_of_a_contact_run_nothing_in_its_todo(member):
	todo = todo_of(with_step(member, next_step='Ring <img src=x onerror="alert(1)"> back'))
	assert "<img" not in todo.description


def test_one_event_many_members_once(site):
	members = [make_member().name for _ in range(3)]
	key = token()
	details = json.dumps(
		{"event_name": "Mountain Tourism Day", "next_step": "Thank", "next_step_on": nowdate()}
	)
	first = contacts.log_contact(json.dumps(members), "Event", "Met at the stand", key, details)
	again = contacts.log_contact(json.dumps(members), "Event", "Met at the stand", key, details)
	assert first["created"] == 3 and again["created"] == 0
	assert first["names"] == again["names"]
	rows = frappe.get_all(
		"Liaison Contact", {"name": ("in", first["names"])}, ["contact_group", "event_name", "todo"]
	)
	assert len({row.contact_group for row in rows}) == 1 and all(row.contact_group for row in rows)
	assert len({row.todo for row in rows}) == 3
	assert {row.event_name for row in rows} == {"Mountain Tourism Day"}


def test_the_database_keeps_a_group_from_holding_a_member_twice(member):
	name = contacts.log_contact(member, "Call", "Once", token())["names"][0]
	twin = frappe.copy_doc(frappe.get_doc("Liaison Contact", name))
	twin.flags.contact_group = frappe.db.get_value("Liaison Contact", name, "contact_group")
	with pytest.raises(frappe.UniqueValidationError):
		twin.insert()


def test_contacts_without_a_group_do_not_collide(member):
	assert log(member).name != log(member).name


def test_the_same_token_of_another_person_is_another_token(member):
	key = token()
	contacts.log_contact(member, "Call", "Mine", key)
	with as_user(make_user("Membership Manager")):
		assert contacts.log_contact(member, "Call", "Hers", key)["created"] == 1


def test_one_member_that_is_refused_refuses_all(site):
	officer = make_user("Liaison Officer")
	mine, foreign = make_member(), make_member()
	mine.officer = officer
	mine.save()
	with as_user(officer), pytest.raises(frappe.PermissionError):
		contacts.log_contact([mine.name, foreign.name], "Event", "Met", token())
	assert not frappe.db.exists("Liaison Contact", {"member": mine.name})


@pytest.mark.parametrize(
	("members", "key"), [("[]", "long-enough-token"), ("IMTA-1", "short"), ("IMTA-1", "a b c d e f g")]
)
def test_requests_that_make_no_sense_are_refused(site, members, key):
	with pytest.raises(contacts.ContactRequestError):
		contacts.log_contact(members, "Call", "Hello", key)


def test_details_write_no_other_field(member):
	details = {"owner": "Guest", "contact_group": "x", "todo": "y", "member": "IMTA-0", "outcome": "Positive"}
	name = contacts.log_contact(member, "Call", "Hello", token(), details)["names"][0]
	row = frappe.get_doc("Liaison Contact", name)
	assert (row.owner, row.member, row.outcome, row.todo) == ("Administrator", member, "Positive", None)


# What others see of it


def test_timeline_shows_the_contact_and_runs_nothing(member):
	contact = with_step(
		member,
		channel="WeChat",
		summary="<script>alert(1)</script><b>Bold</b> & plain",
		next_step="<img src=x onerror=alert(2)> send",
		member_people=[{"person_name": "Ueli <i>Steck</i>"}],
		needs=[{"need": "Guides who speak <Mandarin>"}],
		outcome="Positive",
	)
	# As old data or another app may have written it, past Frappe's own cleaning.
	frappe.db.set_value("Liaison Contact", contact.name, "summary", "<script>alert(1)</script>plain")
	frappe.db.set_value("Liaison Contact", contact.name, "next_step", "<img src=x onerror=alert(2)> send")
	[item] = get_timeline_content("IMTA Member", member)
	assert item["icon"] == "message-1"
	assert get_datetime(item["creation"]) == get_datetime(contact.contact_at)
	html = item["content"]
	assert "<script" not in html and "<img" not in html and "<i>" not in html
	assert "&lt;script&gt;" in html and "&amp;lt;" not in html
	assert "Ueli" in html and "Administrator" in html and "Asia/Shanghai" in html and "send" in html


def test_timeline_reaches_the_members_form(member):
	from frappe.desk.form.load import get_docinfo

	log(member, summary="Seen in the form")
	get_docinfo(doctype="IMTA Member", name=member)
	content = frappe.response["docinfo"]["additional_timeline_content"]
	assert any("Seen in the form" in item["content"] for item in content)


def test_timeline_costs_the_same_for_many_contacts(member):
	def queries() -> int:
		frappe.clear_document_cache("IMTA Member", member)
		with count_queries() as sent:
			get_timeline_content("IMTA Member", member)
		return len(sent)

	log(member)
	queries()
	few = queries()
	for _ in range(5):
		log(member, needs=[{"need": "Maps"}])
	assert queries() <= few + 1


def test_last_contacts_of_many(site):
	members = [make_member().name for _ in range(3)]
	log(members[0], contact_at="2026-03-01 10:00:00")
	latest = log(members[0], contact_at="2026-05-01 10:00:00", channel="Visit")
	with_step(members[1], next_step_on="2026-12-24")
	with_step(members[1], next_step_on="2026-12-01")
	found = contacts.last_contacts(members)
	assert (found[members[0]].contact, found[members[0]].channel) == (latest.name, "Visit")
	assert found[members[0]].contacts == 2 and found[members[0]].next_step_on is None
	assert found[members[1]].next_step_on == getdate("2026-12-01")
	assert found[members[2]].contact_at is None and found[members[2]].contacts == 0
	assert contacts.last_contacts([]) == {}


def test_the_members_form_says_when_to_call_next(site):
	frappe.db.set_value("Member Tier", "Ordinary", "contact_rhythm_days", 90)
	member = make_member()
	log(member.name, contact_at="2026-05-01 10:00:00")
	member.run_method("onload")
	shown = member.get_onload("liaison")
	assert shown["due_on"] == getdate("2026-07-30")
	assert shown["contacts"] == 1


def test_search_bar_finds_members_by_any_of_their_names(site):
	made = make_member(f"Alpenverein {next_number()}", member_name_local="山岳协会试验")
	assert made.name in [row.name for row in contacts.find_members("alpenverein")]
	assert made.name in [row.name for row in contacts.find_members("山岳协会试")]
	assert contacts.find_members("  ") == []


def test_calendar_shows_the_contacts_of_the_time(member):
	inside = log(member, contact_at="2026-04-10 09:00:00")
	log(member, contact_at="2026-06-10 09:00:00")
	events = contacts.get_events(
		"Liaison Contact", "2026-04-01", "2026-04-30", filters=[["member", "=", member]]
	)
	assert [event.name for event in events] == [inside.name]
	assert events[0].ends_at > events[0].contact_at


# Contacts Due


def due_rows(**filters):
	from frappe.desk.query_report import run

	return {row["member"]: row for row in run("Contacts Due", filters)["result"] if isinstance(row, dict)}


def test_contacts_due_follows_the_rhythm_of_the_tier(site):
	frappe.db.set_value("Member Tier", "Ordinary", "contact_rhythm_days", 90)
	never, recent, late, gone = (make_member() for _ in range(4))
	log(recent.name, contact_at=add_days(now_datetime(), -30))
	log(late.name, contact_at=add_days(now_datetime(), -120))
	frappe.db.set_value("IMTA Member", gone.name, "status", "Withdrawn")
	rows = due_rows()
	assert {never.name, late.name} <= rows.keys()
	assert recent.name not in rows and gone.name not in rows
	assert rows[late.name]["days_late"] == 30
	assert rows[late.name]["due_on"] == getdate(add_days(nowdate(), -30))
	assert rows[never.name]["last_contact_at"] is None
	assert recent.name in due_rows(as_of=add_days(nowdate(), 60))


def test_contacts_due_shows_overdue_next_steps_before_the_rhythm(site):
	frappe.db.set_value("Member Tier", "Ordinary", "contact_rhythm_days", 90)
	member = make_member()
	with_step(member.name, next_step_on=add_days(nowdate(), -1))
	assert due_rows()[member.name]["next_step_on"] == getdate(add_days(nowdate(), -1))
