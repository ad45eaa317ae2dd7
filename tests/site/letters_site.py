"""What the tests of letters about seats share: a mail server, what has arrived, and the calendar entries in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.message import EmailMessage

import frappe
import vobject
from frappe.utils import now_datetime

from imta_crm.seating import notices
from tests.site import mail_server
from tests.site.mail_server import Letter, MailServer

NOTICE = "Seat Notice"


@contextmanager
def post() -> Iterator[MailServer]:
	"""A mail server that takes what the site sends. Rolled back with the test."""
	frappe.db.delete("Email Queue")
	frappe.db.delete(NOTICE)
	frappe.db.set_single_value("Alliance Settings", "event_email_account", None)
	frappe.clear_document_cache("Alliance Settings", "Alliance Settings")
	with MailServer() as server, mail_server.delivering_to(server):
		yield server


def deliver(now: datetime | None = None) -> Counter:
	"""What five minutes bring: the jobs, Frappe's flush, and the look at what became of it."""
	notices.remind_due(now)
	counts = Counter(notices.send_due(now))
	# Frappe goes by the clock: what was put back for later is due now.
	frappe.db.sql(
		"update `tabEmail Queue` set send_after = null where send_after <= %s", now or now_datetime()
	)
	mail_server.flush()
	counts.update(notices.send_due(now))
	return counts


def later(**span) -> datetime:
	return now_datetime() + timedelta(**span)


def rows(**filters) -> list[frappe._dict]:
	return frappe.get_all(NOTICE, filters, ["*"], order_by="creation, name", limit=0)


def kinds_and_statuses(**filters) -> list[tuple[str, str]]:
	return [(row.kind, row.status) for row in rows(**filters)]


def entry(letter: Letter):
	"""The calendar entry in a letter, read by vobject: the inline part, which the attachment repeats."""
	inline, attached = calendar_parts(letter)
	assert inline.get_content_type() == "text/calendar" and not inline.get_filename()
	assert attached.get_content_disposition() == "attachment" and attached.get_filename().endswith(".ics")
	text = inline.get_payload(decode=True)
	assert text == attached.get_payload(decode=True)
	calendar = vobject.readOne(text.decode())
	assert inline.get_param("method") == calendar.method.value
	return calendar


def calendar_parts(letter: Letter) -> list[EmailMessage]:
	return [
		part
		for part in letter.message.walk()
		if part.get_content_type() in ("text/calendar", "application/ics")
	]


def urls(letter: Letter, path: str) -> list[str]:
	return list(dict.fromkeys(re.findall(rf"https?://[^\s\"<>]+?{path}[a-z0-9]+", letter.text)))
