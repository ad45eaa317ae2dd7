"""The mail server is away, somebody pauses, the clock jumps, two jobs run at once: each step once, for all."""

import time
from datetime import timedelta

import frappe
from frappe.email.doctype.email_queue.email_queue import EmailQueue
from frappe.utils import now_datetime

from imta_crm.invitations import delivery, sending
from tests.site.invitation_factories import make_invitation
from tests.site.sending_site import (
	Clock,
	by_person,
	deliver,
	finish,
	flush,
	flusher,
	invitation,
	running,
	send,
	set_state,
	statuses,
	touches,
	worker,
)


def everybody_once(campaign, names, server, times: int = 1) -> None:
	expected = {invitation(name).email: times for name in names}
	assert dict(by_person(server)) == expected
	ids = [letter.message["Message-Id"] for letter in server.received]
	assert len(set(ids)) == len(ids)


def test_server_away_for_an_hour(site, monkeypatch):
	clock = Clock(monkeypatch)
	with running(12) as (campaign, names, server):
		server.stop()
		for _minutes in range(0, 65, 5):
			deliver(campaign)
			clock.jump(minutes=5)
		assert statuses(campaign) == {"Queued": 12}
		assert not server.received
		# Frappe would have given them up long ago; nobody hears of it but the campaign.
		assert max(touch.attempts for touch in touches(campaign)) > 3
		assert frappe.db.get_value(campaign.doctype, campaign.name, "last_problem")
		assert not frappe.db.count("Notification Log", {"document_type": "Email Queue"})
		server.start()
		for _minutes in range(0, 65, 5):
			deliver(campaign)
			clock.jump(minutes=5)
		assert statuses(campaign) == {"Sent": 12}
		everybody_once(campaign, names, server)
		assert len(touches(campaign)) == 12


def test_server_away_when_it_starts_again_the_hours_are_over(site, monkeypatch):
	clock = Clock(monkeypatch)
	with running(1, work_from="09:00:00", work_to="17:00:00", invitations={"country": "China"}) as (
		campaign,
		names,
		server,
	):
		sending.replan(campaign.name, now_datetime())
		opening = invitation(names[0]).next_at
		end = opening.replace(hour=16, minute=50, second=0) if opening.hour < 17 else opening
		clock.shift += max(opening, end) - now_datetime()
		server.stop()
		deliver(campaign)
		clock.jump(minutes=15)
		deliver(campaign)  # 17:05
		server.start()
		clock.jump(minutes=90)
		deliver(campaign)
		assert not server.received
		clock.jump(hours=16)
		deliver(campaign)
		everybody_once(campaign, names, server)


def test_cut_off_where_nobody_can_know(site, monkeypatch):
	clock = Clock(monkeypatch)
	with running(4) as (campaign, names, server):
		server.hang_up("taken")  # taken, and the line breaks before the answer
		deliver(campaign)
		assert statuses(campaign) == {"Sent": 3, "Unknown": 1}
		(lost,) = touches(campaign, status="Unknown")
		assert lost.problem
		for _hours in range(5):
			clock.jump(hours=3)
			deliver(campaign)
		everybody_once(campaign, names, server)
		clock.jump(days=3)
		deliver(campaign)
		everybody_once(campaign, names, server, times=2)  # the next step comes all the same


def test_paused_while_mails_have_failed(site, monkeypatch):
	clock = Clock(monkeypatch)
	with running(3) as (campaign, names, server):
		server.hang_up("taken")
		server.refuse(invitation(names[1]).email, 451, times=1)
		server.refuse(invitation(names[2]).email, 451, times=1)
		send(campaign)
		flush()
		set_state(campaign, "Paused")
		for _run in range(4):
			deliver(campaign)
			clock.jump(minutes=20)
		assert statuses(campaign) == {"Unknown": 1}
		assert len(server.received) == 1
		set_state(campaign, "Running")
		clock.jump(minutes=1)
		deliver(campaign)
		everybody_once(campaign, names, server)


def test_cut_off_before_the_text_is_tried_again(site, monkeypatch):
	clock = Clock(monkeypatch)
	with running(4) as (campaign, names, server):
		for point in ("mail", "rcpt", "data"):
			server.hang_up(point)
			deliver(campaign)
			clock.jump(minutes=30)
		deliver(campaign)
		assert statuses(campaign) == {"Sent": 4}
		everybody_once(campaign, names, server)


def test_a_server_that_never_wants_it_is_given_up_and_the_next_step_comes(site, monkeypatch):
	clock = Clock(monkeypatch)
	with running(1) as (campaign, names, server):
		server.refuse("*", 451)
		for _day in range(4):
			deliver(campaign)
			assert statuses(campaign) == {"Queued": 1}
			clock.jump(days=1, minutes=1)
		deliver(campaign)
		(first,) = touches(campaign)
		assert (first.status, invitation(names[0]).status) == ("Failed", "Planned")
		clock.jump(minutes=5)
		deliver(campaign)
		assert touches(campaign, step_title="Second")


def test_the_next_mail_does_not_overtake_one_that_waits(site, monkeypatch):
	"""The server is away longer than the steps are apart: then they keep their distance from the day it is back."""
	clock = Clock(monkeypatch)
	with running(2) as (campaign, names, server):
		server.stop()
		for _day in range(6):
			deliver(campaign)
			clock.jump(days=1)
		assert {touch.step_title for touch in touches(campaign)} == {"First"}
		server.start()
		for days in (0, 1, 1):
			clock.jump(days=days, minutes=5)
			deliver(campaign)
		everybody_once(campaign, names, server)
		clock.jump(days=1)
		deliver(campaign)
		everybody_once(campaign, names, server, times=2)


def test_flush_dies_over_a_mail(site, monkeypatch):
	clock = Clock(monkeypatch)
	with running(3) as (campaign, names, _server):
		send(campaign)
		first, second, _third = touches(campaign)
		# Died before the server was asked, and after the server had said yes.
		frappe.db.set_value("Email Queue", first.email_queue, "status", "Sending")
		frappe.db.set_value("Email Queue", second.email_queue, "status", "Sending")
		frappe.db.set_value("Email Queue Recipient", {"parent": second.email_queue}, "status", "Sent")
		frappe.db.commit()
		deliver(campaign)
		assert statuses(campaign) == {"Queued": 1, "Sent": 2}
		clock.jump(minutes=31)
		deliver(campaign)
		assert statuses(campaign) == {"Unknown": 1, "Sent": 2}
		assert "died" in touches(campaign, status="Unknown")[0].problem
		assert invitation(names[0]).next_step == "Second"


def test_log_clearing_takes_the_queue(site):
	with running(2) as (campaign, names, server):
		deliver(campaign)
		send(campaign, now_datetime() + timedelta(days=3))
		frappe.db.sql("update `tabEmail Queue` set modified = now() - interval 40 day")
		frappe.db.sql("update `tabEmail Queue Recipient` set modified = now() - interval 40 day")
		EmailQueue.clear_old_logs(30)
		frappe.db.commit()
		assert not frappe.db.count("Email Queue")
		deliver(campaign, now_datetime() + timedelta(days=3, minutes=5))
		assert statuses(campaign) == {"Sent": 2, "Unknown": 2}
		everybody_once(campaign, names, server)


def test_paused_in_the_middle_of_a_chunk_of_chunks(site, monkeypatch):
	monkeypatch.setattr(sending, "CHUNK", 5)
	with running(20) as (campaign, names, server):
		sending.replan(campaign.name, now_datetime())
		assert sending.chunk(campaign.name, size=5)["queued"] == 5
		flush()
		assert sending.chunk(campaign.name, size=5)["queued"] == 5
		set_state(campaign, "Paused")
		assert sending.chunk(campaign.name, size=5) is None
		flush()
		assert len(server.received) == 5
		later = now_datetime() + timedelta(minutes=10)
		deliver(campaign, later)
		assert statuses(campaign) == {"Sent": 5}
		set_state(campaign, "Running")
		deliver(campaign, later + timedelta(minutes=5))
		everybody_once(campaign, names, server)
		assert statuses(campaign) == {"Sent": 20}


def test_paused_and_resumed_within_seconds(site):
	with running(6) as (campaign, names, server):
		send(campaign)
		for _click in range(3):
			set_state(campaign, "Paused")
			set_state(campaign, "Running")
			send(campaign)
			flush()
		for minutes in (10, 20):
			deliver(campaign, now_datetime() + timedelta(minutes=minutes))
		everybody_once(campaign, names, server)


def test_clock_a_week_ahead_and_back(site, monkeypatch):
	clock = Clock(monkeypatch)
	with running(6, daily_cap=4) as (campaign, names, server):
		deliver(campaign)
		assert len(server.received) == 4
		clock.jump(days=7)
		deliver(campaign)
		assert all(count <= 2 for count in by_person(server).values())
		for name in names:
			days = [touch.made_at.date() for touch in touches(campaign, invitation=name)]
			assert len(set(days)) == len(days)  # never two on a day
		clock.jump(days=-7)
		late = make_invitation(campaign.name).name
		frappe.db.commit()
		for _day in range(20):
			deliver(campaign)
			clock.jump(days=1)
		everybody_once(campaign, [*names, late], server, times=2)


def test_clock_back_before_anything_was_sent(site, monkeypatch):
	clock = Clock(monkeypatch)
	with running(3) as (campaign, names, server):
		clock.jump(days=7)
		sending.replan(campaign.name, now_datetime())
		clock.jump(days=-7)
		deliver(campaign)
		everybody_once(campaign, names, server)


def test_a_week_without_a_job(site, monkeypatch):
	clock = Clock(monkeypatch)
	with running(3) as (campaign, names, server):
		deliver(campaign)
		clock.jump(days=10)
		deliver(campaign)
		everybody_once(campaign, names, server, times=2)


def test_two_jobs_at_once_never_exceed_the_cap(site):
	with running(60, daily_cap=25) as (campaign, names, _server):
		finish(*[worker(campaign) for _ in range(3)])
		assert len(touches(campaign)) == 25
		finish(
			worker(campaign, now_datetime() + timedelta(days=1)),
			worker(campaign, now_datetime() + timedelta(days=1)),
		)
		assert len(touches(campaign)) == 50
		assert {invitation(name).steps_done for name in names[:50]} == {1}


def test_two_jobs_and_a_flush_at_once(site):
	with running(40) as (campaign, names, server):
		finish(worker(campaign), worker(campaign))
		assert len(touches(campaign)) == 40
		finish(worker(campaign), flusher(), worker(campaign))
		flush()
		delivery.reconcile()
		everybody_once(campaign, names, server)
		assert statuses(campaign) == {"Sent": 40}


def test_a_pause_stops_a_job_within_a_chunk(site):
	with running(600) as (campaign, _names, server):
		job = worker(campaign)
		for _wait in range(600):
			if touches(campaign):
				break
			time.sleep(0.05)
		set_state(campaign, "Paused")
		finish(job)
		made = statuses(campaign)
		assert 0 < made["Skipped"] < 600 and not made["Queued"], made
		flush()
		assert not server.received
		later = now_datetime() + timedelta(minutes=5)
		send(campaign, later)
		assert not touches(campaign)
		set_state(campaign, "Running")
		send(campaign, later)
		assert statuses(campaign) == {"Queued": 600}
