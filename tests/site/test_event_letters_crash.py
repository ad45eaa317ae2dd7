"""Jobs at once, and killed at any moment: each letter is sent once, and nobody is forgotten."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import frappe
import pytest

from imta_crm.seating import notices
from tests.site import mail_server
from tests.site.dues_site import committed
from tests.site.letters_site import NOTICE
from tests.site.mail_server import MailServer
from tests.site.seating_factories import enroll, make_guest, make_session
from tests.site.sending_site import _process, finish, flush, flusher


@contextmanager
def enrolled(number: int) -> Iterator[tuple]:
	"""So many people with a seat and a letter that waits, all committed and taken away again."""
	frappe.db.delete("Email Queue")
	frappe.db.delete(NOTICE)
	with committed(), MailServer() as server, mail_server.delivering_to(server):
		session = make_session(capacity=number)
		for count in range(number):
			enroll(session, make_guest(email=f"p{count}@x.example"))
		frappe.db.after_commit.reset()  # the queue's workers must not take part
		frappe.db.commit()
		try:
			yield session, server
		finally:
			frappe.db.rollback()
			frappe.db.delete("Email Queue")
			frappe.db.delete("Email Queue Recipient")
			frappe.db.commit()


def worker():
	return _process(
		"from imta_crm.seating import notices; print('ready', flush=True); notices.remind_due(); notices.send_due()"
	)


def statuses() -> Counter:
	frappe.db.rollback()
	return Counter(frappe.get_all(NOTICE, pluck="status", limit=0))


def assert_whole() -> None:
	"""After any kill: what says that it is queued has a mail, and no mail is without."""
	frappe.db.rollback()
	queued = frappe.get_all(NOTICE, {"status": ("!=", "Pending")}, pluck="email_queue", limit=0)
	mails = frappe.get_all("Email Queue", pluck="name", limit=0)
	assert sorted(queued) == sorted(mails)


def everybody_once(server, number: int) -> None:
	assert Counter(letter.recipients[0] for letter in server.received) == Counter(
		{f"p{count}@x.example": 1 for count in range(number)}
	)


def settle() -> None:
	"""The job here: with commits, as in a worker."""
	frappe.flags.in_test = False
	try:
		notices.send_due()
	finally:
		frappe.flags.in_test = True


def test_two_jobs_and_a_flush_at_once(site):
	with enrolled(20) as (_session, server):
		finish(worker(), worker(), flusher())
		assert_whole()
		flush()
		settle()
		everybody_once(server, 20)
		assert statuses() == Counter(Sent=20)


def test_killed_at_any_moment(site):
	moments = random.Random(7)
	with enrolled(25) as (_session, server):
		for _kill in range(3):
			job = worker()
			assert job.stdout.readline().strip() == "ready"
			before = statuses()["Queued"]
			until = time.time() + 20
			while statuses()["Queued"] == before and job.poll() is None and time.time() < until:
				time.sleep(0.005)
			time.sleep(moments.uniform(0, 0.05))
			job.kill()
			job.communicate()
			assert_whole()
		settle()
		assert statuses() == Counter(Queued=25)
		flush()
		settle()
		everybody_once(server, 25)


def test_killed_between_the_mail_and_the_commit(site, monkeypatch):
	class Killed(BaseException):
		pass

	def die(*_args, **_values):
		raise Killed

	with enrolled(2) as (_session, server):
		with monkeypatch.context() as patch:
			patch.setattr(notices, "_write", die)
			with pytest.raises(Killed):
				notices.send_due()
		frappe.db.rollback()  # what the database does for a process that is no more
		assert statuses() == Counter(Pending=2) and not frappe.db.count("Email Queue")
		settle()
		flush()
		settle()
		everybody_once(server, 2)
