"""From a plan to mails and tasks: who gets what when, and what stops it."""

from datetime import timedelta

import frappe
import pytest
from frappe.utils import add_days, getdate, now_datetime, nowdate

from imta_crm.invitations import compose, delivery, record, sending
from imta_crm.invitations.doctype.invitation_touch.invitation_touch import TouchWrittenByHandError
from tests.site.factories import as_user, count_queries, make_user
from tests.site.invitation_factories import make_invitation, step
from tests.site.sending_site import (
	TOUCH,
	Clock,
	by_person,
	deliver,
	flush,
	invitation,
	running,
	send,
	set_state,
	statuses,
	touches,
)


def test_each_gets_the_steps_in_time(site):
	with running(3) as (campaign, names, server):
		assert deliver(campaign)["queued"] == 3
		assert set(by_person(server).values()) == {1}
		first = invitation(names[0])
		assert (first.status, first.steps_done, first.next_step) == ("Invited", 1, "Second")
		assert first.started_on == getdate()
		assert first.first_sent_at
		assert first.next_at.date() == getdate(add_days(nowdate(), 3))
		(touch,) = touches(campaign, invitation=names[0])
		assert (touch.name, touch.status, touch.attempts) == (f"{names[0]}:{touch.step_key}", "Sent", 1)
		(letter,) = server.to(first.email)
		assert letter.recipients == (first.email,)
		assert touch.message_id in letter.message["Message-Id"]

		assert deliver(campaign).get("queued", 0) == 0  # again: nothing
		deliver(campaign, now_datetime() + timedelta(days=3))
		assert set(by_person(server).values()) == {2}
		last = invitation(names[0])
		assert (last.next_step, last.next_at, last.steps_done) == ("", None, 2)
		deliver(campaign, now_datetime() + timedelta(days=30))
		assert len(server.received) == 6


def test_a_touch_is_unique_in_the_database_and_nobody_writes_it(site):
	with running(1) as (campaign, names, _server):
		send(campaign)
		(touch,) = touches(campaign)
		with pytest.raises(Exception, match="Duplicate"):
			frappe.db.sql(
				"insert into `tabInvitation Touch` (name, invitation, step_key) values ('other', %s, %s)",
				(names[0], touch.step_key),
			)
		frappe.db.rollback()
		doc = frappe.get_doc(TOUCH, touch.name)
		doc.status = "Sent"
		for act in (doc.save, doc.delete, lambda: frappe.rename_doc(TOUCH, doc.name, "other", force=True)):
			with pytest.raises(TouchWrittenByHandError):
				act()
		with pytest.raises(TouchWrittenByHandError):
			frappe.get_doc(
				{"doctype": TOUCH, "invitation": names[0], "campaign": campaign.name, "step_key": "x"}
			).insert()
		for role in ("Membership Manager", "System Manager", "Liaison Officer"):
			with as_user(make_user(role)):
				for right in ("create", "write", "delete"):
					assert not frappe.has_permission(TOUCH, right)


def test_only_within_the_hours_of_the_recipient(site):
	hours = {"work_from": "09:00:00", "work_to": "17:00:00"}
	start = add_days(nowdate(), 1)
	with running(0, from_date=start, **hours) as (campaign, _names, server):
		near = make_invitation(campaign.name, time_zone="Asia/Shanghai").name
		far = make_invitation(campaign.name, time_zone="America/New_York").name
		unknown = make_invitation(campaign.name, country="Austria").name
		frappe.db.set_value("Invitation", unknown, "time_zone", "Moon/Crater")  # of another tzdata
		frappe.db.commit()
		deliver(campaign)
		assert not server.received
		planned = {name: invitation(name).next_at for name in (near, far, unknown)}
		assert None not in planned.values()
		# Guiyang opens first, then Vienna, then New York.
		in_order = sorted(planned, key=planned.get)
		assert in_order == [near, unknown, far]
		for name in in_order:
			assert send(campaign, planned[name] - timedelta(minutes=1)).get("queued", 0) == 0, name
			assert send(campaign, planned[name])["queued"] == 1, name
	# A job that comes after the hours waits for the next opening.
	with running(1, from_date=start, **hours) as (campaign, names, _server):
		send(campaign)
		at = invitation(names[0]).next_at
		assert send(campaign, at + timedelta(hours=8, minutes=1)).get("queued", 0) == 0
		assert invitation(names[0]).next_at == at + timedelta(days=1)
		assert send(campaign, at + timedelta(days=1, hours=2))["queued"] == 1


def test_the_cap_of_the_day(site):
	with running(7, daily_cap=3) as (campaign, names, _server):
		for day, expected in ((0, 3), (1, 6), (2, 7)):
			moment = now_datetime().replace(hour=12) + timedelta(days=day)
			for _run in range(3):
				send(campaign, moment)
			assert len(touches(campaign)) == expected
		# In order of time, then of name; who waited comes first.
		first = [touch.invitation for touch in touches(campaign) if touch.made_at.date() == getdate()]
		assert first == names[:3]


def test_tasks_do_not_count_for_the_cap(site):
	steps = [step("Call first", channel="Call"), step("Mail", days=1)]
	with running(4, daily_cap=1, steps=steps) as (campaign, _names, _server):
		assert send(campaign)["tasks"] == 4
		tomorrow = now_datetime() + timedelta(days=1)
		assert send(campaign, tomorrow)["queued"] == 1
		make_invitation(campaign.name)
		frappe.db.commit()
		assert send(campaign, tomorrow) == {"tasks": 1}


def test_a_task_and_its_todo_say_the_same(site):
	officer = make_user("Liaison Officer")
	steps = [step("Call", channel="Call"), step("Mail", days=5)]
	with running(0, steps=steps) as (campaign, _names, _server):
		names = [make_invitation(campaign.name, officer=officer, phone="+43 1 2345").name for _ in range(4)]
		frappe.db.commit()
		assert send(campaign) == {"tasks": 4}
		made = {touch.invitation: touch for touch in touches(campaign)}
		assert {(touch.status, touch.officer) for touch in made.values()} == {("To Do", officer)}
		assert invitation(names[0]).status == "Planned"
		(bell,) = frappe.get_all(
			"Notification Log", {"for_user": officer, "document_name": campaign.name}, ["*"]
		)
		assert "4" in bell.subject
		todos = [frappe.get_doc("ToDo", made[name].todo) for name in names]
		assert todos[0].allocated_to == officer
		assert "+43 1 2345" in todos[0].description

		todos[0].update({"status": "Closed"}).save()
		done = frappe.get_doc(TOUCH, made[names[0]].name)
		assert done.status == "Done" and done.sent_at
		assert frappe.db.get_value("Invitation", names[0], "status") == "Invited"
		todos[0].update({"status": "Open"}).save()
		assert frappe.db.get_value(TOUCH, done.name, "status") == "To Do"
		todos[1].update({"status": "Cancelled"}).save()
		assert frappe.db.get_value(TOUCH, made[names[1]].name, "status") == "Skipped"
		todos[2].delete()
		assert frappe.db.get_value(TOUCH, made[names[2]].name, ["status", "todo"]) == ("Skipped", None)
		assert sending.stop(names[3], "a reply") == 1
		assert frappe.db.get_value("ToDo", todos[3].name, "status") == "Cancelled"
		assert frappe.db.get_value(TOUCH, made[names[3]].name, ["status", "problem"]) == (
			"Skipped",
			"a reply",
		)
		# Somebody's own ToDo about the invitation is none of ours.
		own = frappe.get_doc(
			{
				"doctype": "ToDo",
				"description": "x",
				"reference_type": "Invitation",
				"reference_name": names[0],
			}
		).insert()
		own.update({"status": "Closed"}).save()
		assert frappe.db.get_value(TOUCH, done.name, "status") == "To Do"


def test_one_that_cannot_be_made_stops_nobody(site, monkeypatch):
	with running(5) as (campaign, names, _server):
		real = compose.compose

		def broken(row, *args, **kwargs):
			if row["name"] == names[2]:
				raise compose.NotComposed("no words")
			if row["name"] == names[3]:
				raise ZeroDivisionError
			return real(row, *args, **kwargs)

		monkeypatch.setattr(compose, "compose", broken)
		assert send(campaign) == {"queued": 3, "failed": 2}
		failed = touches(campaign, status="Failed")
		assert [(touch.invitation, touch.problem) for touch in failed] == [
			(names[2], "no words"),
			(names[3], "ZeroDivisionError"),
		]
		assert invitation(names[2]).status == "Planned"
		assert send(campaign) == {}  # not again at once
		monkeypatch.setattr(compose, "compose", real)
		later = now_datetime() + timedelta(hours=2)
		assert send(campaign, later)["queued"] == 2
		assert {(touch.status, touch.attempts) for touch in touches(campaign)} == {("Queued", 1)}


def test_what_never_can_be_made_is_given_up_and_the_next_step_comes(site, monkeypatch):
	with running(1) as (campaign, _names, _server):
		real = compose.compose
		monkeypatch.setattr(
			compose, "compose", lambda *_args, **_kwargs: (_ for _ in ()).throw(compose.NotComposed("never"))
		)
		moment = now_datetime()
		for _attempt in range(8):
			send(campaign, moment)
			moment += timedelta(days=1)
		(touch,) = touches(campaign, step_title="First")
		assert (touch.status, touch.attempts, touch.retry_at) == ("Failed", 5, None)
		monkeypatch.setattr(compose, "compose", real)
		send(campaign, moment + timedelta(days=6))
		assert touches(campaign, step_title="Second")[0].status in ("Queued", "Failed")


def test_without_an_account_nothing_is_lost(site):
	with running(2) as (campaign, _names, server):
		frappe.db.set_value("Email Account", campaign.email_account, "enable_outgoing", 0)
		frappe.clear_cache()
		frappe.db.commit()
		send(campaign)
		assert not touches(campaign)
		assert "Email Account" in frappe.db.get_value(campaign.doctype, campaign.name, "last_problem")
		frappe.db.set_value("Email Account", campaign.email_account, "enable_outgoing", 1)
		frappe.clear_cache()
		frappe.db.commit()
		assert deliver(campaign)["queued"] == 2
		assert len(server.received) == 2


def test_a_reply_stops_what_has_not_left(site):
	with running(2) as (campaign, names, server):
		send(campaign)
		record.lock(names[0])
		record.write(names[0], status="Declined", reply="No", replied_at=now_datetime())
		assert sending.stop(names[0], "a reply") == 1
		frappe.db.commit()
		flush()
		assert set(by_person(server)) == {invitation(names[1]).email}
		later = now_datetime() + timedelta(minutes=10)
		delivery.reconcile(later)
		(touch,) = touches(campaign, invitation=names[0])
		assert (touch.status, touch.problem, touch.email_queue) == ("Skipped", "a reply", None)
		assert frappe.db.count("Email Queue") == 1
		deliver(campaign, now_datetime() + timedelta(days=9))
		assert by_person(server)[invitation(names[0]).email] == 0


def test_whoever_ends_an_invitation_need_not_say_so(site):
	with running(2) as (campaign, names, server):
		send(campaign)
		record.write(names[0], status="Withdrawn")
		frappe.db.commit()
		send(campaign)
		flush()
		assert set(by_person(server)) == {invitation(names[1]).email}


def test_taken_back_while_the_flush_had_it(site):
	"""Frappe's flush has read the row when the reply comes: the mail leaves, and the touch says so."""
	with running(1) as (campaign, names, server):
		send(campaign)
		(touch,) = touches(campaign)
		mail = frappe.get_doc("Email Queue", touch.email_queue)
		record.write(names[0], status="Declined", reply="No")
		sending.stop(names[0], "a reply")
		frappe.db.commit()
		mail.send()
		assert len(server.received) == 1
		delivery.reconcile(now_datetime() + timedelta(minutes=5))
		(touch,) = touches(campaign)
		assert touch.status == "Sent"


def test_later_is_planned_anew(site):
	with running(2) as (campaign, names, _server):
		deliver(campaign)
		day = getdate(add_days(nowdate(), 20))
		record.write(names[0], status="Later", reply="Later", replied_at=now_datetime(), later_on=day)
		sending.stop(names[0], "a reply")
		sending.plan([names[0]])
		frappe.db.commit()
		assert invitation(names[0]).next_at.date() == day
		send(campaign, now_datetime() + timedelta(days=10))
		assert [touch.invitation for touch in touches(campaign, step_title="Second")] == [names[1]]
		send(campaign, now_datetime() + timedelta(days=20))
		(touch,) = [touch for touch in touches(campaign) if touch.step_key.startswith("later-")]
		assert touch.step_key == f"later-{day}"
		assert (touch.channel, touch.status) == ("Call", "To Do")  # the campaign has no words for it
		assert send(campaign, now_datetime() + timedelta(days=40)).get("tasks", 0) == 0


def test_no_longer_welcome_at_the_last_moment(site):
	from imta_crm.invitations import do_not_invite

	with running(2) as (campaign, names, server):
		sending.plan(campaign=campaign.name)
		frappe.get_doc(
			{"doctype": "Email Unsubscribe", "email": invitation(names[1]).email, "global_unsubscribe": 1}
		).insert()
		frappe.db.commit()
		do_not_invite.add(email=invitation(names[0]).email, reason="asked us")
		frappe.db.commit()
		counts = deliver(campaign)
		assert counts.get("queued", 0) == 0 and not server.received
		assert {invitation(name).status for name in names} <= {"Withdrawn", "Do Not Write"}


def test_bounces(site):
	with running(3) as (campaign, names, server):
		deliver(campaign)
		made = {touch.invitation: touch.name for touch in touches(campaign)}
		delivery.hard_bounce(made[names[0]], "550 5.1.1\n no such user")
		delivery.soft_bounce(made[names[1]], "452 4.2.2 full")
		record.write(names[2], status="Interested", reply="Interested")
		delivery.hard_bounce(made[names[2]], "550 late")
		frappe.db.commit()
		assert invitation(names[0]).status == "Unreachable"
		assert invitation(names[1]).status == "Invited"
		assert invitation(names[2]).status == "Interested"
		assert frappe.db.get_value(TOUCH, made[names[0]], ["status", "problem"]) == (
			"Bounced",
			"550 5.1.1 no such user",
		)
		assert frappe.db.get_value(TOUCH, made[names[1]], ["status", "problem"]) == ("Sent", "452 4.2.2 full")
		deliver(campaign, now_datetime() + timedelta(days=5))
		assert by_person(server)[invitation(names[0]).email] == 1
		assert by_person(server)[invitation(names[1]).email] == 2


def test_paused_in_the_middle_and_resumed(site):
	with running(6) as (campaign, names, server):
		send(campaign)
		set_state(campaign, "Paused")
		send(campaign)
		flush()
		assert not server.received
		send(campaign, now_datetime() + timedelta(minutes=10))
		assert not touches(campaign)
		assert frappe.db.count("Email Queue") == 0
		assert {invitation(name).status for name in names} == {"Planned"}
		set_state(campaign, "Running")
		deliver(campaign, now_datetime() + timedelta(minutes=15))
		assert len(server.received) == 6 and set(by_person(server).values()) == {1}


def test_scheduled_as_one_job(site, monkeypatch):
	queued = []
	monkeypatch.setattr(frappe, "enqueue", lambda method, **kwargs: queued.append((method, kwargs)))
	sending.enqueue_due()
	((method, kwargs),) = queued
	assert frappe.get_attr(method) is sending.send_due
	assert kwargs["deduplicate"] and kwargs["job_id"]
	assert (
		"imta_crm.invitations.sending.enqueue_due"
		in frappe.get_hooks("scheduler_events")["cron"]["*/5 * * * *"]
	)


def test_few_queries_for_many(site):
	with running(100) as (campaign, _names, _server):
		send_first = sending.chunk(campaign.name, now_datetime())  # planned by nobody yet: nothing is due
		assert send_first is None
		sending.replan(campaign.name, now_datetime())
		with count_queries() as queries:
			assert sending.chunk(campaign.name, now_datetime())["queued"] == 100
		# About 50 of these read DocTypes, settings and templates into an empty cache: once, not for each letter.
		assert len(queries) <= 80


def test_statuses_of_a_whole_day(site, monkeypatch):
	clock = Clock(monkeypatch)
	with running(4) as (campaign, names, server):
		server.refuse(invitation(names[0]).email, 550)
		server.refuse(invitation(names[1]).email, 451, times=1)
		deliver(campaign)
		assert statuses(campaign) == {"Sent": 2, "Failed": 1, "Queued": 1}
		assert invitation(names[0]).status == "Unreachable"
		clock.jump(minutes=20)
		deliver(campaign)
		assert statuses(campaign) == {"Sent": 3, "Failed": 1}
		assert by_person(server)[invitation(names[1]).email] == 1


def test_a_queue_that_stood_still_keeps_the_hours(site, monkeypatch):
	clock = Clock(monkeypatch)
	with running(1, work_from="09:00:00", work_to="17:00:00", invitations={"country": "China"}) as (
		campaign,
		names,
		server,
	):
		sending.replan(campaign.name, now_datetime())
		clock.shift += invitation(names[0]).next_at - now_datetime()
		clock.jump(minutes=1)
		send(campaign)
		for _hour in range(12):  # Frappe's flush does not come
			clock.jump(hours=1)
			send(campaign)
		flush()
		assert not server.received
		clock.jump(hours=12)
		deliver(campaign)
		assert len(server.received) == 1


def test_an_invitation_that_cannot_be_judged_keeps_nobody_waiting(site, monkeypatch):
	with running(3) as (campaign, names, server):
		real = sending.progress_of

		def broken(row, *args):
			if row["name"] == names[1]:
				raise ZeroDivisionError
			return real(row, *args)

		monkeypatch.setattr(sending, "progress_of", broken)
		assert deliver(campaign)["queued"] == 2
		assert frappe.db.count("Error Log", {"reference_name": names[1]})
		monkeypatch.setattr(sending, "progress_of", real)
		deliver(campaign, now_datetime() + timedelta(days=1))
		assert by_person(server)[invitation(names[1]).email] == 1


def test_the_plan_is_what_happens(site):
	"""Days and steps as the simulation has shown them before the approval."""
	from collections import Counter

	from imta_crm.policy import schedule

	steps = [step("First"), step("Call", days=1, channel="Call"), step("Second", days=3)]
	with running(7, daily_cap=3, steps=steps, work_from="10:00:00", work_to="16:00:00") as (
		campaign,
		names,
		_s,
	):
		rules = sending.campaigns.rules_of(campaign.name)
		start = now_datetime().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
		site_zone = frappe.utils.get_system_timezone()
		zone = sending.zones.zone_of("AT")
		invitees = [
			schedule.Invitee(name, "en", zone, "AT", schedule.Progress(not_before=getdate()))
			for name in names
		]
		planned = Counter(
			(entry.invitee.name, entry.step.title, entry.day)
			for entry in schedule.simulate(
				invitees,
				rules.steps,
				rules.hours,
				from_date=rules.from_date,
				to_date=rules.to_date,
				daily_cap=3,
				now=start.replace(tzinfo=sending.ZoneInfo(site_zone)),
				site_zone=site_zone,
			)
		)
		for hour in range(24 * 12):
			send(campaign, start + timedelta(hours=hour, minutes=2))
		happened = Counter(
			(touch.invitation, touch.step_title, touch.made_at.date()) for touch in touches(campaign)
		)
		assert happened == planned
		assert len(planned) == 21
