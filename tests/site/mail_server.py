"""A real mail server for tests, and the way from Frappe's Email Queue to it.

    with MailServer() as server, delivering_to(server):
        ...queue mails...
        flush()
        (letter,) = server.to("chair@club.example")

The server speaks SMTP (RFC 5321) on a free port of 127.0.0.1, one thread for each connection. It can refuse
addresses, be busy, hang up in the middle, be slow, be stopped and come back on the same port. What it has
taken it keeps, envelope and bytes. `flush` is Frappe's own flush; its commits are held back unless asked for,
so that the test's rollback still ends everything.
"""

from __future__ import annotations

import email
import itertools
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage

#: The points at which the server can hang up: when called, at MAIL, at RCPT, at DATA, after the text without
#: taking the letter, and after taking it but before saying so.
HANG_UPS = ("connect", "mail", "rcpt", "data", "text", "taken")
_ADDRESS = re.compile(r"<([^>]*)>")
_accounts = itertools.count(1)


@dataclass(frozen=True)
class Letter:
	"""What the server took: the envelope and the bytes as they came."""

	sender: str
	recipients: tuple[str, ...]
	raw: bytes
	at: float = field(default_factory=time.time)

	@property
	def message(self) -> EmailMessage:
		return email.message_from_bytes(self.raw, policy=policy.default)

	@property
	def subject(self) -> str:
		return str(self.message["Subject"])

	@property
	def text(self) -> str:
		"""The text/plain part, decoded."""
		return self.message.get_body(("plain",)).get_content()

	@property
	def html(self) -> str:
		"""The text/html part, decoded."""
		return self.message.get_body(("html",)).get_content()


class MailServer:
	"""Start it with `start` or as a context; `received` holds the letters in the order of their coming."""

	def __init__(self) -> None:
		self.host = "127.0.0.1"
		self.port = 0
		self.received: list[Letter] = []
		#: Letters and addresses that were refused: (address, answer).
		self.refused: list[tuple[str, str]] = []
		#: How many connections there were.
		self.calls = 0
		#: Seconds to wait before the answer to a letter's text.
		self.delay = 0.0
		#: Called with each letter after it was taken and before the sender is told.
		self.on_letter: Callable[[Letter], None] | None = None
		self._refusals: dict[str, tuple[str, float]] = {}
		self._hang_up: dict[str, float] = {}
		self._listener: socket.socket | None = None
		self._open: set[socket.socket] = set()
		self._change = threading.Condition()

	def __enter__(self) -> MailServer:
		return self.start()

	def __exit__(self, *_exc) -> None:
		self.stop()

	def start(self) -> MailServer:
		"""Listen; after `stop` on the same port as before."""
		listener = socket.socket()
		listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		listener.bind((self.host, self.port))
		listener.listen(50)
		self.port = listener.getsockname()[1]
		self._listener = listener
		threading.Thread(target=self._listen, args=(listener,), daemon=True).start()
		return self

	def stop(self) -> None:
		"""Refuse all calls from now on and cut those that go on. The letters stay."""
		listener, self._listener = self._listener, None
		if listener:
			# Closing alone does not wake a thread that waits in accept.
			with suppress(OSError):
				listener.shutdown(socket.SHUT_RDWR)
			listener.close()
		with self._change:
			going_on = list(self._open)
		for connection in going_on:
			_cut(connection)

	@property
	def is_up(self) -> bool:
		return self._listener is not None

	def refuse(self, address: str, code: int = 550, text: str = "", *, times: float = float("inf")) -> None:
		"""Refuse a recipient, or everybody with "*": 550 for good, 451 for now."""
		text = text or ("5.1.1 No such mailbox" if code >= 500 else "4.7.1 Try again later")
		self._refusals[address.lower()] = (f"{code} {text}", times)

	def accept(self, address: str | None = None) -> None:
		"""Take back a refusal, or all of them."""
		if address:
			self._refusals.pop(address.lower(), None)
		else:
			self._refusals.clear()

	def hang_up(self, at: str, *, times: float = 1) -> None:
		"""Cut the connection at that point, one of `HANG_UPS`, so many times."""
		if at not in HANG_UPS:
			raise ValueError(at)
		self._hang_up[at] = times

	def to(self, address: str) -> list[Letter]:
		"""The letters for one address."""
		return [letter for letter in self.received if address.lower() in map(str.lower, letter.recipients)]

	def wait_for(self, count: int, seconds: float = 20) -> list[Letter]:
		"""Wait until so many letters are there; raises TimeoutError."""
		with self._change:
			if not self._change.wait_for(lambda: len(self.received) >= count, seconds):
				raise TimeoutError(f"{len(self.received)} letters instead of {count}")
			return list(self.received)

	def clear(self) -> None:
		"""Forget what was received and refused."""
		self.received.clear()
		self.refused.clear()

	def _listen(self, listener: socket.socket) -> None:
		while True:
			try:
				connection, _peer = listener.accept()
			except OSError:
				return
			with self._change:
				self.calls += 1
				self._open.add(connection)
			threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

	def _serve(self, connection: socket.socket) -> None:
		try:
			with connection, connection.makefile("rb") as lines, suppress(OSError):
				_Conversation(self, connection, lines).hold()
		finally:
			with self._change:
				self._open.discard(connection)

	def _keep(self, letter: Letter) -> None:
		with self._change:
			self.received.append(letter)
			self._change.notify_all()
		if self.on_letter:
			self.on_letter(letter)

	def _refusal(self, address: str) -> str | None:
		with self._change:
			for key in (address.lower(), "*"):
				answer, left = self._refusals.get(key, ("", 0))
				if left > 0:
					self._refusals[key] = (answer, left - 1)
					self.refused.append((address, answer))
					return answer
		return None

	def _hangs_up(self, at: str) -> bool:
		with self._change:
			left = self._hang_up.get(at, 0)
			if left > 0:
				self._hang_up[at] = left - 1
			return left > 0


class _HungUp(OSError):
	pass


class _Conversation:
	def __init__(self, server: MailServer, connection: socket.socket, lines) -> None:
		self.server, self.connection, self.lines = server, connection, lines
		self.sender: str | None = None
		self.recipients: list[str] = []

	def say(self, *answers: str) -> None:
		self.connection.sendall("".join(f"{answer}\r\n" for answer in answers).encode())

	def pass_point(self, at: str) -> None:
		if self.server._hangs_up(at):
			_cut(self.connection)
			raise _HungUp(at)

	def hold(self) -> None:
		self.pass_point("connect")
		self.say("220 mail.test ready")
		while line := self.lines.readline():
			verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
			verb = verb.lower()
			if verb == "quit":
				self.say("221 Bye")
				return
			handler = getattr(self, f"on_{verb}", None)
			if handler:
				handler(rest)
			else:
				self.say("502 Command not implemented")

	def on_ehlo(self, _rest: str) -> None:
		self.on_rset("", answer=False)
		self.say("250-mail.test", "250-8BITMIME", "250 SIZE 52428800")

	def on_helo(self, _rest: str) -> None:
		self.on_rset("")

	def on_noop(self, _rest: str) -> None:
		self.say("250 OK")

	def on_rset(self, _rest: str, *, answer: bool = True) -> None:
		self.sender, self.recipients = None, []
		if answer:
			self.say("250 OK")

	def on_mail(self, rest: str) -> None:
		self.pass_point("mail")
		found = _ADDRESS.search(rest)
		if not found or self.sender is not None:
			self.say("501 Syntax" if not found else "503 Already begun")
			return
		self.sender = found[1]
		self.say("250 OK")

	def on_rcpt(self, rest: str) -> None:
		self.pass_point("rcpt")
		found = _ADDRESS.search(rest)
		if not found or self.sender is None:
			self.say("503 Bad sequence")
		elif answer := self.server._refusal(found[1]):
			self.say(answer)
		else:
			self.recipients.append(found[1])
			self.say("250 OK")

	def on_data(self, _rest: str) -> None:
		self.pass_point("data")
		if not self.recipients:
			self.say("554 No valid recipients")
			return
		self.say("354 Go on")
		text = []
		while (line := self.lines.readline()) not in (b".\r\n", b""):
			text.append(line[1:] if line.startswith(b".") else line)
		if line == b"":
			return  # the sender died in the middle: nothing was handed over
		self.pass_point("text")
		self.server._keep(Letter(self.sender or "", tuple(self.recipients), b"".join(text)))
		self.pass_point("taken")
		if self.server.delay:
			time.sleep(self.server.delay)
		self.on_rset("", answer=False)
		self.say("250 OK taken")


def _cut(connection: socket.socket) -> None:
	with suppress(OSError):
		connection.shutdown(socket.SHUT_RDWR)
	with suppress(OSError):
		connection.close()


@contextmanager
def delivering_to(server: MailServer, name: str | None = None, **fields) -> Iterator:
	"""Within it, Frappe's default outgoing account is this server; yields the Email Account.

	Rolled back with the test. `fields` go to the account, such as `email_id` or `default_outgoing=0`.
	"""
	import frappe

	account = make_account(server, name, **fields)
	before = frappe.flags.testing_email, frappe.flags.mute_emails
	# Frappe delivers nothing while it is tested, unless told so.
	frappe.flags.testing_email, frappe.flags.mute_emails = True, False
	try:
		yield account
	finally:
		frappe.flags.testing_email, frappe.flags.mute_emails = before
		forget_accounts()


def make_account(server: MailServer, name: str | None = None, **fields):
	"""An outgoing Email Account for the server; the default one unless told otherwise."""
	import frappe

	account = frappe.new_doc("Email Account")
	account.update(
		{
			"email_account_name": name or f"Test Secretariat {server.port}-{next(_accounts)}",
			"email_id": "secretariat@imta.example",
			"enable_outgoing": 1,
			"default_outgoing": 1,
			"enable_incoming": 0,
			"auth_method": "Basic",
			"no_smtp_authentication": 1,
			"awaiting_password": 0,
			"smtp_server": server.host,
			"smtp_port": str(server.port),
			"use_tls": 0,
			"use_ssl_for_outgoing": 0,
			"send_unsubscribe_message": 0,
			"track_email_status": 0,
			**fields,
		}
	)
	account.insert(ignore_permissions=True)
	forget_accounts()
	return account


def forget_accounts() -> None:
	"""Frappe remembers the outgoing account for the length of a request."""
	import frappe

	for attribute in ("outgoing_email_account", "incoming_email_account"):
		if hasattr(frappe.local, attribute):
			delattr(frappe.local, attribute)


@contextmanager
def commits_held_back() -> Iterator[None]:
	"""Commits do nothing, so that the test's rollback still undoes what was written."""
	import frappe

	commit, frappe.db.commit = frappe.db.commit, lambda: None
	try:
		yield
	finally:
		frappe.db.commit = commit


def flush(*, commit: bool = False) -> None:
	"""Frappe's own flush of the Email Queue, as its scheduler runs it. It commits only if told so."""
	import frappe
	from frappe.email import queue

	testing = frappe.flags.testing_email
	frappe.flags.testing_email = True
	try:
		if commit:
			queue.flush()
		else:
			with commits_held_back():
				queue.flush()
	finally:
		frappe.flags.testing_email = testing
