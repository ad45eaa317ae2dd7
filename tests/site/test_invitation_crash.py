"""Jobs and flushes are killed at any moment: each person gets each step at most once, and nobody is forgotten."""

import random
import time
from collections import Counter
from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from imta_crm.invitations import sending
from tests.site.sending_site import (
	by_person,
	deliver,
	finish,
	flusher,
	invitation,
	letters,
	running,
	touches,
	worker,
)


def assert_whole(campaign) -> None:
	"""After any kill: touches, mails and invitations say the same."""
	made = touches(campaign)
	mails = frappe.get_all(
		"Email Queue", {"reference_doctype": "Invitation"}, ["name", "reference_name"], limit=0
	)
	assert len({touch.name for touch in made}) == len(made) == len(mails)
	assert {touch.email_queue for touch in made} == {mail.name for mail in mails}
	steps = Counter(touch.invitation for touch in made)
	for row in frappe.get_all(
		"Invitation", {"campaign": campaign.name}, ["name", "steps_done", "status"], limit=0
	):
		assert row.steps_done == steps[row.name]
		assert row.status == ("Invited" if steps[row.name] else "Planned")


def kill(process, moment: float, wait_for=None) -> bool:
	"""SIGKILL the process so long after it has begun, or after `wait_for` has come true."""
	assert process.stdout.readline().strip() == "ready"
	until = time.time() + 60
	while wait_for and not wait_for() and process.poll() is None and time.time() < until:
		time.sleep(0.01)
	time.sleep(moment)
	alive = process.poll() is None
	process.kill()
	process.communicate()
	return alive


def test_sending_killed_twelve_times(site):
	moments = random.Random(20261123)
	with running(400) as (campaign, names, server):
		interrupted = halfway = 0
		for number in range(12):
			before = len(touches(campaign))
			# Every third anywhere, the others while it queues, however fast the machine is.
			moved = (lambda before=before: len(touches(campaign)) > before) if number % 3 else None
			interrupted += kill(worker(campaign, chunk=10), moments.uniform(0, 0.2), moved)
			assert_whole(campaign)
			halfway += 0 < len(touches(campaign)) < 400
		assert interrupted >= 6 and halfway >= 4, (interrupted, halfway)
		finish(worker(campaign))
		assert_whole(campaign)
		assert len(touches(campaign)) == 400
		assert not by_person(server)
		assert {invitation(name).steps_done for name in names[::40]} == {1}


def test_job_and_flush_killed_together(site):
	moments = random.Random(7)
	with running(60) as (campaign, names, server):
		server.delay = 0.02
		for _kill in range(10):
			job = worker(campaign, chunk=5)
			flush = flusher()
			kill(job, moments.uniform(0.05, 0.4))
			letters_so_far = len(server.received)
			moved = lambda so_far=letters_so_far: len(server.received) > so_far  # noqa: E731
			kill(flush, moments.uniform(0, 0.1), moved)
			assert max(by_person(server).values(), default=0) <= 1
		server.delay = 0
		# The second step is three days on; before that, all must have got the first.
		for hours in (0, 1, 2, 3):
			deliver(campaign, now_datetime() + timedelta(hours=hours))
		assert max(letters(server).values()) == 1
		found = Counter(touch.status for touch in touches(campaign))
		assert found["Sent"] + found["Unknown"] == 60, found
		# Whoever was not reached for certain is named, and was not written to twice.
		served = by_person(server)
		for touch in touches(campaign):
			if touch.status == "Sent":
				assert served[touch.email] == 1
			else:
				assert touch.problem and served[touch.email] <= 1
		assert found["Unknown"] <= 10
		deliver(campaign, now_datetime() + timedelta(days=4))
		second = [letter for letter in touches(campaign, step_title="Second")]
		assert len(second) == 60
		assert {invitation(name).steps_done for name in names} == {2}


def test_killed_between_the_mails_and_the_commit(site, monkeypatch):
	with running(10) as (campaign, _names, server):
		sending.replan(campaign.name, now_datetime())

		class Killed(BaseException):
			pass

		def die(*_args):
			raise Killed

		for point in ("_save", "_write"):
			with monkeypatch.context() as patch:
				patch.setattr(sending, point, die)
				try:
					sending.chunk(campaign.name)
				except Killed:
					frappe.db.rollback()
			assert not touches(campaign) and not frappe.db.count("Email Queue")
		deliver(campaign)
		assert set(by_person(server).values()) == {1} and len(by_person(server)) == 10
