"""Mails that come in, as raw MIME through Frappe's own inbox."""

from __future__ import annotations

import email.utils
from email.message import EmailMessage

import frappe
from frappe.email.receive import InboundMail

from tests.site.factories import next_number
from tests.site.invitation_factories import SENDER


def make_inbox():
	"""An incoming account that no server stands behind: mails are handed to it one by one."""
	doc = frappe.new_doc("Email Account")
	doc.update(
		{
			"name": f"Test Inbox {next_number()}",
			"email_account_name": f"Test Inbox {next_number()}",
			"email_id": f"inbox{next_number()}@imta.example",
			"enable_incoming": 1,
			"append_to": None,
		}
	)
	doc.db_insert()
	return frappe.get_doc("Email Account", doc.name)


def letter(
	sender: str, text: str = "We shall discuss it.", subject: str = "Re: Invitation", **headers
) -> bytes:
	mail = EmailMessage()
	mail["From"] = sender
	mail["To"] = SENDER
	mail["Subject"] = subject
	mail["Date"] = email.utils.formatdate()
	mail["Message-ID"] = f"<{frappe.generate_hash(length=16)}@their-house.example>"
	for name, value in headers.items():
		mail[name.replace("_", "-")] = value
	mail.set_content(text)
	return mail.as_bytes()


def bounce(
	sent,
	*,
	status: str = "5.1.1",
	action: str = "failed",
	diagnostic: str = "smtp; 550 5.1.1 <x>: Recipient address rejected: User unknown",
	with_id: bool = True,
) -> bytes:
	"""A delivery report as Postfix writes it (RFC 3464)."""
	returned = f"Message-ID: <{sent.message_id}>\r\n" if with_id else ""
	return (
		"From: MAILER-DAEMON@mx.their-house.example (Mail Delivery System)\r\n"
		f"To: {SENDER}\r\n"
		"Subject: Undelivered Mail Returned to Sender\r\n"
		f"Date: {email.utils.formatdate()}\r\n"
		f"Message-ID: <{frappe.generate_hash(length=16)}@mx.their-house.example>\r\n"
		"Auto-Submitted: auto-replied\r\n"
		"MIME-Version: 1.0\r\n"
		'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"\r\n\r\n'
		"--b1\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
		"This is the mail system. I'm sorry to have to inform you that your message could not be delivered.\r\n\r\n"
		"--b1\r\nContent-Type: message/delivery-status\r\n\r\n"
		"Reporting-MTA: dns; mx.their-house.example\r\n\r\n"
		f"Final-Recipient: rfc822; {sent.email}\r\nAction: {action}\r\nStatus: {status}\r\n"
		f"Diagnostic-Code: {diagnostic}\r\n\r\n"
		"--b1\r\nContent-Type: message/rfc822\r\n\r\n"
		f"From: {SENDER}\r\nTo: {sent.email}\r\nSubject: Invitation\r\n{returned}\r\nDear Madam or Sir\r\n\r\n"
		"--b1--\r\n"
	).encode()


def take_in(account, raw: bytes):
	"""As Frappe's inbox takes a mail in; returns its Communication."""
	return frappe.get_doc("Communication", InboundMail(raw, account, 1, 1).process().name)
