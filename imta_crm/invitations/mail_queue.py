"""A row of Frappe's Email Queue: what has become of the mail, and keeping it, or putting it up again.

Frappe's flush sends a mail in three commits: "Sending", the recipient's row "Sent", and "Sent" or the error.
Whoever queued the mail with its last try (`get_email_retry_limit`) decides itself whether it may go again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import frappe
from frappe.email.doctype.email_queue.email_queue import get_email_retry_limit
from frappe.utils import get_datetime

EMAIL_QUEUE = "Email Queue"
RECIPIENT = "Email Queue Recipient"
#: A row that was taken back. Frappe's flush passes over it, and its Retry button, too.
TAKEN_BACK = "Expired"
#: A flush that has read a row marks it "Sending" at once. After this long it has, or it is no more.
GRACE = timedelta(minutes=1)
#: A mail is in the hands of the server for two minutes at most (Frappe's time-out), a flush for some more.
DEAD_AFTER = timedelta(minutes=30)
#: Waits before a mail goes to the server again.
AFTER_OUTAGE = tuple(timedelta(minutes=minutes) for minutes in (5, 10, 20, 40, 60))
AFTER_REFUSAL = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240))
#: How long a server may say "come again" before we believe that it will not take the mail. RFC 5321: 4-5 days.
GIVE_UP_AFTER = timedelta(days=4)


def read(name: str | None) -> frappe._dict | None:
	"""The row, locked, with the status that is true. None where it is gone."""
	mail = (
		frappe.db.get_value(
			EMAIL_QUEUE,
			name,
			["name", "status", "error", "modified", "retry"],
			as_dict=True,
			for_update=True,
		)
		if name
		else None
	)
	if mail and mail.status in ("Sending", "Error", TAKEN_BACK):
		# Said by itself, right after the server has: whatever went wrong afterwards, it has left.
		delivered = frappe.db.get_value(RECIPIENT, {"parent": mail.name}, ["status", "modified"])
		if delivered and delivered[0] == "Sent":
			mail.status, mail.modified = "Sent", delivered[1]
	return mail


def put_back(mail: frappe._dict, at: datetime) -> None:
	"""The server has not taken it: the same mail goes again, from that moment on."""
	frappe.db.set_value(
		EMAIL_QUEUE,
		mail.name,
		{"status": "Not Sent", "send_after": at, "retry": get_email_retry_limit(), "error": mail.error},
	)


def take_back(name: str, reason: str) -> None:
	"""It must not leave any more."""
	frappe.db.set_value(EMAIL_QUEUE, name, {"status": TAKEN_BACK, "error": reason})


def set_aside(name: str) -> None:
	"""Refused for good, or nobody knows: it is not sent again, also not by the Retry button. Its error stays."""
	if frappe.db.exists(EMAIL_QUEUE, {"name": name, "status": ("!=", "Sent")}):
		frappe.db.set_value(EMAIL_QUEUE, name, "status", TAKEN_BACK)


def remove(name: str) -> None:
	frappe.db.delete(RECIPIENT, {"parent": name})
	frappe.db.delete(EMAIL_QUEUE, {"name": name})


def forget_notifications(name: str) -> None:
	"""Frappe tells the owner of the row of each failure; here it is dealt with."""
	frappe.db.delete("Notification Log", {"document_type": EMAIL_QUEUE, "document_name": name})


def is_past(moment: datetime | str, now: datetime, wait: timedelta) -> bool:
	"""Longer ago than `wait`; or so far ahead that the clock was wrong when it was written."""
	return abs(now - get_datetime(moment)) > wait
