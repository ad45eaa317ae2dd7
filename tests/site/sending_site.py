"""What the tests of sending share: a committed campaign, a real mail server, worker processes and a clock."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import frappe

from imta_crm.invitations import campaigns, delivery, sending
from tests.site import mail_server
from tests.site.dues_site import committed
from tests.site.invitation_factories import make_campaign, make_invitation, put_into, step
from tests.site.mail_server import MailServer

TOUCH = "Invitation Touch"
TWO_MAILS = [step("First"), step("Second", days=3)]


@contextmanager
def running(number: int = 10, **fields) -> Iterator[tuple]:
	"""A running campaign of so many invitations and its mail server, all committed and taken away again."""
	frappe.db.delete("Email Queue")  # of other tests: the flush takes whatever is there
	with committed(), MailServer() as server, mail_server.delivering_to(server) as account:
		fields.setdefault("steps", TWO_MAILS)
		fields.setdefault("email_account", account.name)
		invitations = fields.pop("invitations", {})
		campaign = make_campaign(running=True, **fields)
		names = [make_invitation(campaign.name, **invitations).name for _ in range(number)]
		frappe.db.commit()
		try:
			yield campaign, names, server
		finally:
			frappe.db.rollback()
			frappe.db.delete("Email Queue")
			frappe.db.delete("Email Queue Recipient")
			frappe.db.commit()


def send(campaign, now: datetime | None = None) -> dict[str, int]:
	return sending.send_due(now, campaign.name)


def flush() -> None:
	"""Frappe's flush; that it gives up after many failures in a row is part of the game."""
	frappe.db.rollback()  # as in a process of its own: it must not see an old snapshot
	try:
		mail_server.flush(commit=True)
	except Exception:
		frappe.db.rollback()
		frappe.clear_messages()


def deliver(campaign, now: datetime | None = None) -> dict[str, int]:
	"""What five minutes bring: the job, Frappe's flush, and the look at what became of it."""
	counts = Counter(send(campaign, now))
	flush()
	counts.update(delivery.reconcile(now, campaign.name))
	frappe.db.rollback()
	return dict(counts)


def touches(campaign, **filters) -> list:
	frappe.db.rollback()
	return frappe.get_all(
		TOUCH, {"campaign": campaign.name, **filters}, ["*"], order_by="invitation, made_at", limit=0
	)


def statuses(campaign) -> Counter:
	return Counter(touch.status for touch in touches(campaign))


def invitation(name: str):
	frappe.db.rollback()
	return frappe.db.get_value("Invitation", name, "*", as_dict=True)


def letters(server) -> Counter:
	"""How often each person got each subject."""
	return Counter(
		(letter.recipients, letter.message["List-Unsubscribe"], letter.subject) for letter in server.received
	)


def by_person(server) -> Counter:
	return Counter(letter.recipients[0] for letter in server.received)


def set_state(campaign, state: str) -> None:
	campaigns.set_state(campaign.name, state)
	frappe.db.commit()
	frappe.db.after_commit.reset()


def to_state(campaign, state: str) -> None:
	put_into(campaign, state)
	frappe.db.commit()


def worker(campaign, now: datetime | None = None, chunk: int = sending.CHUNK) -> subprocess.Popen:
	"""The background job in a process of its own, as the queue's worker would have it."""
	return _process(
		"from imta_crm.invitations import sending; sending.CHUNK = int(sys.argv[4]);"
		"print('ready', flush=True);"
		"print(sending.send_due(sys.argv[3] or None, sys.argv[2]))",
		campaign.name,
		str(now or ""),
		str(chunk),
	)


def flusher() -> subprocess.Popen:
	"""Frappe's flush in a process of its own."""
	return _process("from frappe.email import queue; print('ready', flush=True); queue.flush()")


def _process(code: str, *args: str) -> subprocess.Popen:
	start = "import sys, frappe; frappe.init(site=sys.argv[1]); frappe.connect(); frappe.set_user('Administrator');"
	return subprocess.Popen(
		[sys.executable, "-c", start + code + ";frappe.destroy()", frappe.local.site, *args],
		cwd=os.getcwd(),
		stdout=subprocess.PIPE,
		stderr=subprocess.PIPE,
		text=True,
	)


def finish(*processes: subprocess.Popen) -> None:
	for process in processes:
		_out, error = process.communicate(timeout=120)
		assert process.returncode == 0, error[-3000:]


class Clock:
	"""The site's clock, put on and back: what asks Frappe for the time gets it from here."""

	def __init__(self, monkeypatch) -> None:
		self.shift = timedelta()
		real = frappe.utils.data.now_datetime
		for module in list(sys.modules.values()):
			if getattr(module, "now_datetime", None) is real:
				monkeypatch.setattr(module, "now_datetime", lambda: real() + self.shift)

	def jump(self, **span) -> None:
		self.shift += timedelta(**span)
