"""Puts the alliance's letters into Frappe's Email Queue, many at once; Frappe's own flush sends them.

`frappe.sendmail` inlines the style sheet, reads the accounts, writes the header objects and inserts two
documents anew for every mail. Here what all mails of an account and language share is made once, by Frappe's
own functions: the frame with its styles inlined, and the constant headers. Each mail is then put together as
text, and the rows of a batch are inserted with a few statements.

A mail is a `multipart/alternative` of plain text and HTML, perhaps with more forms of the same such as a calendar
entry, and within a `multipart/mixed` where something is attached. It has one recipient, whose name and address stand
alone in To. It carries our Message-ID, which the row keeps so that Frappe links replies; List-Unsubscribe with
an address that takes one click (RFC 8058) and one to write to (RFC 2369); and `Auto-Submitted: auto-generated`
(RFC 3834), as a job sends it: whoever is out of office need not say so. `Precedence` is left out, RFC 3834 and
RFC 2076 advise against it. The lines are within every limit, so that Frappe sends the very bytes that are
stored. Signing (DKIM) is the mail server's.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import policy
from email.utils import formatdate, make_msgid
from urllib.parse import quote

import frappe
from frappe import _
from frappe.email.doctype.email_account.email_account import EmailAccount
from frappe.email.email_body import EMail, get_formatted_html
from frappe.model.naming import make_autoname
from frappe.utils import cstr, now

from imta_crm.invitations import mail_headers
from imta_crm.invitations.mail import ZH, Mail, Part

QUEUE, RECIPIENT = "Email Queue", "Email Queue Recipient"
#: Mails that people wait for, such as for a new password, are queued with 1 and leave first.
PRIORITY = 0
#: Characters of mail in one INSERT: far below what MariaDB takes in a packet.
BATCH = 1_000_000
QUEUE_FIELDS = (
	"name",
	"creation",
	"modified",
	"owner",
	"modified_by",
	"docstatus",
	"idx",
	"sender",
	"message",
	"message_id",
	"status",
	"reference_doctype",
	"reference_name",
	"priority",
	"retry",
	"attachments",
	"expose_recipients",
	"add_unsubscribe_link",
	"email_account",
)
RECIPIENT_FIELDS = (
	"name",
	"creation",
	"modified",
	"owner",
	"modified_by",
	"docstatus",
	"idx",
	"parent",
	"parenttype",
	"parentfield",
	"recipient",
	"status",
)
_CRLF = "\r\n"
_CONTENT, _SUBJECT = "imta-content-goes-here", "imta-subject-goes-here"
_COMMENT = re.compile(r"<!--(?!\[if|<!\[endif).*?-->", re.DOTALL)
_INDENT = re.compile(r"\n\s+")
#: What a mail program styles by itself, and what Frappe's style sheet says about it.
_STYLED = ("p", "a", "h1", "h2", "h3", "h4", "hr", "ul", "ol", "li", "table", "td", "th", "blockquote")
_BARE = re.compile(rf"<({'|'.join(_STYLED)})(?=[\s>/])(?![^>]*\sstyle\s*=)", re.IGNORECASE)
#: A letter has paragraphs; in Frappe's container they would stand close like the lines of a notification.
_LETTER = "font-size:15px;line-height:1.6"
_PARAGRAPHS = {"p": "margin:0 0 14px"}
#: Headers that each mail has for itself; the rest is the account's.
_OWN = {"subject", "to", "date", "message-id", "mime-version", "content-type", "content-transfer-encoding"}
#: Made from the sender, which is the account's own address already.
_LEFT_OUT = {"from", "x-original-from"}


class NoOutgoingAccount(frappe.OutgoingEmailError):
	"""There is no Email Account to send from. Nothing was queued."""


@dataclass(frozen=True)
class Queued:
	"""A mail that waits in the Email Queue: the row's name, and its Message-ID without the angle brackets."""

	invitation: str
	name: str
	message_id: str


def queue(mails: Sequence[Mail], *, retry: int = 0) -> list[Queued]:
	"""Queue the mails in their order, each with one recipient. Does not commit.

	`retry` is how often Frappe shall believe that it has tried already: at its limit, it tries only once.

	While mails are muted on the site they wait in the queue like all of Frappe's. Raises NoOutgoingAccount,
	before anything is written, where the site or the campaign cannot send.
	"""
	posts = [_post(mail.email_account, mail.language) for mail in mails]
	made, user = now(), frappe.session.user
	found, queue_rows, recipient_rows, size = [], [], [], 0
	for mail, post in zip(mails, posts, strict=True):
		name, message_id = make_autoname("hash", QUEUE), _message_id()
		message = post.message(mail, message_id)
		# Statements stay small, whatever the letters weigh.
		if queue_rows and size + len(message) > BATCH:
			_insert(queue_rows, recipient_rows)
			queue_rows, recipient_rows, size = [], [], 0
		size += len(message)
		stamps = (made, made, user, user, 0)
		queue_rows.append(
			(
				name,
				*stamps,
				0,
				post.address,
				message,
				message_id,
				"Not Sent",
				mail.reference_doctype,
				mail.invitation,
				PRIORITY,
				retry,
				"[]",
				"header",
				0,
				post.account,
			)
		)
		recipient_rows.append(
			(
				make_autoname("hash", RECIPIENT),
				*stamps,
				1,
				name,
				QUEUE,
				"recipients",
				mail.to,
				"Not Sent",
			)
		)
		found.append(Queued(mail.invitation, name, message_id))
	if queue_rows:
		_insert(queue_rows, recipient_rows)
	return found


def check_account(email_account: str | None) -> None:
	"""Raise NoOutgoingAccount where mails of this account, or the default one, could not be sent."""
	_account(email_account)


def sender_address(email_account: str | None, language: str) -> tuple[str, str]:
	"""Name and address in From of letters in this language. Raises NoOutgoingAccount."""
	post = _post(email_account, language)
	return post.name, post.address


def sender_of(mail: Mail) -> str:
	"""Name and address that the mail comes from, as a person reads it. Raises NoOutgoingAccount."""
	return _post(mail.email_account, mail.language).sender


def framed(mail: Mail) -> str:
	"""The HTML part as it is sent; without the account's own footer where there is no account."""
	try:
		frame = _post(mail.email_account, mail.language).frame
	except NoOutgoingAccount:
		frame = _make_frame(frappe.new_doc("Email Account"), mail.language)
	return frame.around(mail)


def address(email: str, name: str = "", *, encoded: bool = True) -> str:
	"""`Name <address>`; encoded as a header wants it, or to be read."""
	name = re.sub(r'[<>"\\]', "", name).strip()
	if not encoded:
		return f"{name} <{email}>" if name else email
	return _folded("To", f'"{name}" <{email}>' if name else email)


# What the mails of an account share


@dataclass(frozen=True)
class _Frame:
	"""The page around a letter, with the style sheet inlined."""

	before: str
	between: str
	after: str
	styles: dict[str, str]

	def around(self, mail: Mail) -> str:
		body = _BARE.sub(self._styled, mail.html) if self.styles else mail.html
		return f"{self.before}{frappe.utils.escape_html(mail.subject)}{self.between}{body}{self.after}"

	def _styled(self, tag: re.Match) -> str:
		style = self.styles.get(tag[1].lower())
		return f'{tag[0]} style="{style}"' if style else tag[0]


@dataclass(frozen=True)
class _Post:
	account: str | None
	name: str
	address: str
	sender: str
	reply_to: str
	#: Header lines that are the same in each mail, without a line break at the end.
	headers: str
	frame: _Frame

	def message(self, mail: Mail, message_id: str) -> str:
		"""The whole mail as text with CRLF."""
		lines = [
			f"Subject: {_folded('Subject', mail.subject)}",
			f"To: {address(mail.to, mail.to_name)}",
			f"Date: {formatdate()}",
			f"Message-Id: <{message_id}>",
			self.headers,
			*self._unsubscribe(mail),
			*(f"{key}: {_folded(key, value)}" for key, value in mail.headers.items()),
			"MIME-Version: 1.0",
			*self._body(mail),
			"",
		]
		return _CRLF.join(lines)

	def _body(self, mail: Mail) -> list[str]:
		"""Content-Type and parts: the forms of the letter, from the plainest on, then what is attached."""
		forms = [_text("plain", mail.text), _text("html", self.frame.around(mail))]
		forms += [_data(part) for part in mail.parts if not part.filename]
		body = _multipart("alternative", forms)
		attached = [_data(part) for part in mail.parts if part.filename]
		return _multipart("mixed", [body, *attached]) if attached else body

	def _unsubscribe(self, mail: Mail) -> list[str]:
		if not mail.unsubscribe_url:
			return []
		subject = quote(f"unsubscribe {mail.invitation} {mail.unsubscribe_code}".strip())
		return [
			f"List-Unsubscribe: <{mail.unsubscribe_url}>,",
			f" <mailto:{quote(self.reply_to, safe='@+')}?subject={subject}>",
			"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
		]


def _post(email_account: str | None, language: str) -> _Post:
	"""Made once in a request or job for an account and a language."""
	account = _account(email_account)
	if not hasattr(frappe.local, "imta_posts"):
		frappe.local.imta_posts = {}
	key = (account.name, cstr(account.modified), language)
	if key not in frappe.local.imta_posts:
		frappe.local.imta_posts[key] = _make_post(account, language)
	return frappe.local.imta_posts[key]


def _account(name: str | None) -> EmailAccount:
	if name:
		if frappe.db.exists("Email Account", name, cache=True):
			account = frappe.get_cached_doc("Email Account", name)
			if account.enable_outgoing:
				return account
		raise NoOutgoingAccount(_("The Email Account {0} sends no mail.").format(name))
	account = EmailAccount.find_outgoing()
	# Frappe invents an account without an address while mails are muted.
	if not account or not account.email_id:
		raise NoOutgoingAccount(_("There is no default Email Account to send from."))
	return account


def _make_post(account: EmailAccount, language: str) -> _Post:
	alliance = frappe.get_cached_doc("Alliance Settings")
	name = (alliance.alliance_name_zh if language == ZH else "") or alliance.alliance_name or account.name
	reply_to = _reply_address(account, alliance.secretariat_email)
	# Frappe's own object decides about the sender, and lets other apps add their headers.
	sample = EMail(
		sender=address(account.email_id, name),
		recipients=[account.email_id],
		subject=_SUBJECT,
		reply_to=reply_to,
		email_account=account,
		expose_recipients="header",
	)
	sample.validate()
	sample.make()
	headers = [
		f"{key}: {_folded(key, str(value))}"
		for key, value in sample.msg_root.items()
		if key.lower() not in _OWN | _LEFT_OUT
	]
	(shown,) = sample.msg_root["From"].addresses
	sender_name, sender = shown.display_name, shown.addr_spec
	headers.insert(0, f"From: {address(sender, sender_name)}")
	headers.append("Auto-Submitted: auto-generated")
	return _Post(
		account=account.name if account.is_exists_in_db() else None,
		name=sender_name,
		address=sender,
		sender=address(sender, sender_name, encoded=False),
		reply_to=reply_to,
		headers=_CRLF.join(headers),
		frame=_make_frame(account, language),
	)


def _reply_address(account: EmailAccount, secretariat: str | None) -> str:
	"""A mailbox that the site reads, so that replies find their invitation; else one that people read."""
	reads = account if account.enable_incoming else EmailAccount.find_default_incoming()
	return reads.email_id if reads else secretariat or account.email_id


def _make_frame(account: EmailAccount, language: str) -> _Frame:
	samples = "".join(f"<{tag} class='imta-sample'></{tag}>" for tag in _STYLED if tag != "hr") + "<hr>"
	html = get_formatted_html(
		_SUBJECT, f"<div>{_CONTENT}{samples}</div>", email_account=account, with_container=True
	)
	# Frappe's flush would fill these in; nothing of a letter is left to be filled in.
	html = _INDENT.sub("\n", _COMMENT.sub("", html))
	before, _mark, rest = html.partition(_SUBJECT)
	between, _mark, rest = rest.partition(_CONTENT)
	samples, _mark, after = rest.partition("</div>")
	styles = {
		tag.lower(): style
		for tag, style in re.findall(r'<(\w+)[^>]*?\sstyle="([^"]*)"', samples)
		if tag.lower() in _STYLED
	}
	before = before.replace("<html ", f'<html lang="{language}" ', 1)
	# The parser has closed the frame's own paragraph where the letter's begin.
	between = re.sub(r"<p\b[^>]*>\s*</p>\s*<div>$", f'<div style="{_LETTER}">', between)
	return _Frame(before, between, f"</div>{after}", {**styles, **_PARAGRAPHS})


# Writing


def _message_id() -> str:
	return make_msgid(domain=frappe.local.site).strip("<>")


def _folded(key: str, value: str) -> str:
	"""A header's value, encoded and folded by Python's own rules where it needs it."""
	if value.isascii() and len(key) + len(value) < 76 and value.isprintable():
		return value
	return policy.SMTP.header_factory(key, value).fold(policy=policy.SMTP)[len(key) + 2 :].rstrip(_CRLF)


def _multipart(subtype: str, parts: Sequence[list[str]]) -> list[str]:
	boundary = f"=_{frappe.generate_hash(length=24)}"
	lines = [f'Content-Type: multipart/{subtype}; boundary="{boundary}"', ""]
	for part in parts:
		lines += [f"--{boundary}", *part]
	return [*lines, f"--{boundary}--"]


def _text(subtype: str, text: str) -> list[str]:
	encoding, body = _encoded(text)
	return [
		f'Content-Type: text/{subtype}; charset="utf-8"',
		f"Content-Transfer-Encoding: {encoding}",
		"",
		body,
	]


def _data(part: Part) -> list[str]:
	lines = [f"Content-Type: {part.content_type}", "Content-Transfer-Encoding: base64"]
	if part.filename:
		lines.append(f'Content-Disposition: attachment; filename="{part.filename}"')
	return [*lines, "", base64.encodebytes(part.data).decode().replace("\n", _CRLF).rstrip(_CRLF)]


def _encoded(text: str) -> tuple[str, str]:
	"""Quoted-printable, or base64 where that is shorter, as it is for Chinese."""
	data = _CRLF.join(text.splitlines()).encode()
	quoted = binascii.b2a_qp(data, istext=True)
	# Frappe's flush replaces its own comments wherever they stand.
	if len(quoted) * 3 > len(data) * 4 + 200 or b"<!--" in quoted:
		return "base64", base64.encodebytes(data).decode().replace("\n", _CRLF).rstrip(_CRLF)
	return "quoted-printable", quoted.decode()


def _insert(queue_rows: list[tuple], recipient_rows: list[tuple]) -> None:
	frappe.db.bulk_insert(QUEUE, QUEUE_FIELDS, queue_rows)
	frappe.db.bulk_insert(RECIPIENT, RECIPIENT_FIELDS, recipient_rows)


mail_headers.register()
