"""Who goes first under the daily cap, and who keeps a job from the others: nobody."""

from datetime import timedelta

import frappe
from frappe.utils import add_days, now_datetime, nowdate

from imta_crm.invitations import delivery, plan, sending
from tests.site.invitation_factories import make_invitation, step
from tests.site.sending_site import (
	deliver,
	invitation,
	running,
	send,
	set_state,
	touches,
)


def noon(days: int = 0):
	return now_datetime().replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=days)


def test_who_waits_longest_goes_first(site):
	"""A reminder of an early name does not go before the first mail of a late one, however often it is planned."""
	steps = [step("First"), step("Second", days=1)]
	with running(6, daily_cap=2, steps=steps, work_from="08:00:00", work_to="20:00:00") as (
		campaign,
		names,
		_server,
	):
		start = noon(1)
		for day in range(8):
			# The first job of the day plans all anew, before anybody's hours begin.
			send(campaign, start.replace(hour=3) + timedelta(days=day))
			send(campaign, start + timedelta(days=day))
		order = [
			[touch.invitation for touch in touches(campaign) if touch.made_at.date() == day.date()]
			for day in (start + timedelta(days=number) for number in range(6))
		]
		first = [touch.invitation for touch in touches(campaign, step_title="First")]
		assert sorted(first) == names
		assert order[:3] == [names[0:2], names[2:4], names[4:6]]
		assert order[3:6] == [names[0:2], names[2:4], names[4:6]]


def test_the_simulation_in_the_middle_of_a_capped_campaign(site):
	"""What the plan shows on the third day is what the days after it bring."""
	steps = [step("First"), step("Second", days=1)]
	with running(7, daily_cap=3, steps=steps, work_from="08:00:00", work_to="20:00:00") as (
		campaign,
		_names,
		_server,
	):
		start = noon(1)
		for day in range(2):
			send(campaign, start.replace(hour=3) + timedelta(days=day))
			send(campaign, start + timedelta(days=day))
		middle = start.replace(hour=0) + timedelta(days=2)
		planned = {
			(entry.invitee.name, entry.step.title): entry.day
			for entry in plan.work_out(campaign.name, middle).touches
		}
		for hour in range(24 * 6):
			send(campaign, middle + timedelta(hours=hour, minutes=2))
		happened = {
			(touch.invitation, touch.step_title): touch.made_at.date()
			for touch in touches(campaign)
			if touch.made_at >= middle
		}
		assert planned and happened == planned


def test_a_task_named_as_a_mail_does_not_wait_for_the_cap(site):
	steps = [step("Invitation"), step("Invitation", days=1, channel="Call")]
	hours = {"work_from": "09:00:00", "work_to": "17:00:00"}
	with running(0, daily_cap=1, steps=steps, **hours) as (campaign, _names, _server):
		first = make_invitation(campaign.name, time_zone="Europe/Vienna").name
		frappe.db.commit()
		sending.replan(campaign.name, now_datetime())
		assert send(campaign, invitation(first).next_at)["queued"] == 1
		make_invitation(campaign.name, time_zone="Asia/Shanghai")
		frappe.db.commit()
		call = invitation(first).next_at
		# In the morning the mail of another takes the only place of the day, later the call is due.
		assert send(campaign, call - timedelta(hours=1)) == {"queued": 1}
		assert send(campaign, call) == {"tasks": 1}


def test_those_whom_somebody_else_is_at_are_passed_over(site, monkeypatch):
	"""The first of the queue are locked, or have just been done by another job: the others get theirs."""
	monkeypatch.setattr(sending, "CHUNK", 5)
	with running(20) as (campaign, names, _server):
		real = sending.take

		def busy(wanted):
			return [row for row in real(wanted) if row.name not in names[:7]]

		with monkeypatch.context() as patch:
			patch.setattr(sending, "take", busy)
			assert send(campaign)["queued"] == 13
		assert send(campaign)["queued"] == 7


def test_another_job_takes_the_same_ones(site, monkeypatch):
	"""Between the look and the lock another job has been faster: this one goes on."""
	monkeypatch.setattr(sending, "CHUNK", 5)
	with running(15) as (campaign, names, _server):
		sending.replan(campaign.name, now_datetime())
		real, done = sending.take, []

		def late(wanted):
			rows = real(wanted)
			if not done:
				done.extend(wanted)
				for row in rows:
					row.status = "Withdrawn"
			return rows

		monkeypatch.setattr(sending, "take", late)
		assert send(campaign)["queued"] == 10
		assert {touch.invitation for touch in touches(campaign)} == set(names) - set(done)


def test_one_that_breaks_its_chunk_keeps_nobody_waiting(site, monkeypatch):
	monkeypatch.setattr(sending, "CHUNK", 4)
	with running(10) as (campaign, names, _server):
		real = sending.record.write_each

		def broken(changes):
			if names[1] in changes and changes[names[1]].get("steps_done"):
				raise ZeroDivisionError
			return real(changes)

		with monkeypatch.context() as patch:
			patch.setattr(sending.record, "write_each", broken)
			counts = send(campaign)
		assert (counts["queued"], counts["problems"]) == (9, 1)
		assert frappe.db.count("Error Log", {"reference_name": names[1]}) == 1
		assert names[1] in frappe.db.get_value(campaign.doctype, campaign.name, "last_problem")
		assert frappe.db.count("Email Queue", {"reference_doctype": "Invitation"}) == 9
		assert send(campaign)["queued"] == 1
		assert len(touches(campaign)) == 10


def test_trouble_with_what_was_sent_holds_nothing_up(site, monkeypatch):
	with running(4) as (campaign, names, server):

		def broken(*_args):
			raise ZeroDivisionError

		with monkeypatch.context() as patch:
			patch.setattr(delivery, "_hold_what_must_not_leave", broken)
			assert send(campaign)["queued"] == 4
			assert frappe.db.count("Error Log", {"error": ("like", "%ZeroDivisionError%")})
		real = sending.settle_many

		def one_is_broken(rows, now):
			if any(row.name == names[2] for row in rows):
				raise ZeroDivisionError
			return real(rows, now)

		with monkeypatch.context() as patch:
			patch.setattr(sending, "settle_many", one_is_broken)
			deliver(campaign)
			assert len(touches(campaign, status="Sent")) == 3
		assert delivery.reconcile(campaign=campaign.name) == {"sent": 1}
		assert len(server.received) == 4


def test_the_last_day_of_a_pause(site):
	"""Paused beyond the last day: nothing more begins, and the campaign can end."""
	with running(2, to_date=add_days(nowdate(), 5)) as (campaign, names, server):
		deliver(campaign, noon())
		set_state(campaign, "Paused")
		set_state(campaign, "Running")
		deliver(campaign, noon(6))
		assert len(server.received) == 2
		assert {invitation(name).next_at for name in names} == {None}
