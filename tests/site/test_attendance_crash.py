"""A job that is killed has done whole people only, and the next run does the rest; two runs do nothing twice."""

from __future__ import annotations

import frappe
import pytest
from rq.timeouts import JobTimeoutException

from imta_crm import imports
from imta_crm.seating import check_in
from imta_crm.training import completion
from tests.site.attendance_factories import now_on, over, session_with
from tests.site.seating_factories import ENROLLMENT, SESSION


class Killed(BaseException):
	"""The process ends; no handler of ordinary errors sees it."""


def attended(count: int):
	session, names = session_with(count)
	now_on(session)
	check_in.check_in_many(SESSION, session.name, names)
	over(session)
	return names


def certificates_of(names) -> list[int]:
	return [frappe.db.count("Training Certificate", {"enrollment": name}) for name in names]


def test_killed_between_two_people(monkeypatch):
	names = attended(3)
	steps = []

	def stop_after_the_first():
		steps.append(1)
		if len(steps) == 1:
			raise Killed

	monkeypatch.setattr(completion, "keep_step", stop_after_the_first)
	with pytest.raises(Killed):
		completion.complete_due()
	monkeypatch.undo()
	assert certificates_of(names) == [1, 0, 0]
	completion.complete_due()
	completion.complete_due()
	assert certificates_of(names) == [1, 1, 1]
	assert {frappe.db.get_value(ENROLLMENT, name, "status") for name in names} == {"Completed"}


def test_killed_before_the_certificate(monkeypatch):
	"""Here nothing is undone, as if the database had kept the half: the next run completes it all the same."""
	(name,) = attended(1)

	def killed(*_args, **_kwargs):
		raise Killed

	monkeypatch.setattr(completion.certificates, "issue", killed)
	with pytest.raises(Killed):
		completion.complete_due()
	monkeypatch.undo()
	completion.complete_due()
	assert certificates_of([name]) == [1]
	assert frappe.db.get_value(ENROLLMENT, name, "certificate")


def test_one_at_a_time(monkeypatch):
	from contextlib import contextmanager

	(name,) = attended(1)

	@contextmanager
	def taken(*_args):
		yield False

	monkeypatch.setattr(imports, "running", taken)
	assert sum(completion.complete_due().values()) == 0
	assert frappe.db.get_value(ENROLLMENT, name, "status") == "Attended"


def test_a_job_whose_time_is_up_ends_and_blames_nobody(monkeypatch):
	attended(2)
	seen = []

	def late(name, **_more):
		seen.append(name)
		raise JobTimeoutException

	monkeypatch.setattr(completion, "settle", late)
	logged = frappe.db.count("Error Log")
	with pytest.raises(JobTimeoutException):
		completion.complete_due()
	assert len(seen) == 1
	assert frappe.db.count("Error Log") == logged


def test_what_the_database_asks_for_again_is_done_again(monkeypatch):
	names = attended(1)
	settle, tries = completion.settle, []

	def deadlocked(name, **more):
		tries.append(name)
		if len(tries) == 1:
			raise frappe.QueryDeadlockError
		return settle(name, **more)

	monkeypatch.setattr(completion, "settle", deadlocked)
	monkeypatch.setattr(frappe.db, "rollback", lambda **_more: None)
	assert completion.complete_due()["failed"] == 0
	assert tries == names * 2
