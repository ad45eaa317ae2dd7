"""The demo's post office: takes every letter, keeps it in a folder, sends nothing on.

	python3 outbox.py FOLDER PORT

A small SMTP server on loopback. Each letter becomes `FOLDER/<time>-<number>.eml`, which any mail program opens.
"""

from __future__ import annotations

import asyncio
import datetime
import email
import email.policy
import itertools
import os
import re
import sys
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path

LIMIT = 30 * 1024 * 1024  # bytes a letter may have
_number = itertools.count(1)


class Session:
	"""One conversation, after RFC 5321: EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP, VRFY, QUIT."""

	def __init__(self, folder: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
		self.folder, self.reader, self.writer = folder, reader, writer
		self.reset()

	def reset(self) -> None:
		self.sender: str | None = None
		self.recipients: list[str] = []

	async def say(self, *lines: str) -> None:
		self.writer.write("".join(f"{line}\r\n" for line in lines).encode())
		await self.writer.drain()

	async def converse(self) -> None:
		await self.say("220 localhost IMTA CRM local outbox")
		while line := await self.reader.readline():
			text = line.decode("utf-8", "replace").strip()
			verb, _, rest = text.partition(" ")
			handler = getattr(self, f"on_{verb.lower()}", None)
			if verb.upper() == "QUIT":
				await self.say("221 Bye")
				return
			if handler is None or not verb.isalpha():
				await self.say("502 Command not implemented")
			else:
				await handler(rest.strip())

	async def on_ehlo(self, _rest: str) -> None:
		self.reset()
		await self.say("250-localhost", f"250-SIZE {LIMIT}", "250-8BITMIME", "250 SMTPUTF8")

	async def on_helo(self, _rest: str) -> None:
		self.reset()
		await self.say("250 localhost")

	async def on_noop(self, _rest: str) -> None:
		await self.say("250 OK")

	async def on_rset(self, _rest: str) -> None:
		self.reset()
		await self.say("250 OK")

	async def on_vrfy(self, _rest: str) -> None:
		await self.say("252 Send some mail, it will be kept")

	async def on_mail(self, rest: str) -> None:
		found = re.match(r"FROM:\s*<([^>]*)>", rest, re.IGNORECASE)
		if not found:
			await self.say("501 Syntax: MAIL FROM:<address>")
			return
		self.reset()
		self.sender = found[1]
		await self.say("250 OK")

	async def on_rcpt(self, rest: str) -> None:
		found = re.match(r"TO:\s*<([^>]+)>", rest, re.IGNORECASE)
		if self.sender is None:
			await self.say("503 MAIL first")
		elif not found:
			await self.say("501 Syntax: RCPT TO:<address>")
		else:
			self.recipients.append(found[1])
			await self.say("250 OK")

	async def on_data(self, _rest: str) -> None:
		if not self.recipients:
			await self.say("503 RCPT first")
			return
		await self.say("354 End with <CRLF>.<CRLF>")
		lines: list[bytes] = []
		size = 0
		while (line := await self.reader.readline()) not in (b".\r\n", b".\n"):
			if not line:
				return  # the caller hung up in the middle: nothing is kept
			line = line[1:] if line.startswith(b".") else line
			size += len(line)
			if size <= LIMIT:
				lines.append(line)
		if size > LIMIT:
			await self.say("552 Message too large")
		else:
			name = self.keep(b"".join(lines))
			await self.say(f"250 Kept as {name}")
		self.reset()

	def keep(self, letter: bytes) -> str:
		self.folder.mkdir(parents=True, exist_ok=True)
		now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
		name = f"{now}-{os.getpid()}-{next(_number):05d}.eml"
		envelope = f"X-Envelope-From: <{self.sender}>\r\n" + "".join(
			f"X-Envelope-To: <{recipient}>\r\n" for recipient in self.recipients
		)
		part = self.folder / f".{name}"
		part.write_bytes(envelope.encode() + letter)
		os.replace(part, self.folder / name)
		return name


async def serve(folder: Path, port: int) -> None:
	async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
		try:
			await Session(folder, reader, writer).converse()
		except (ConnectionError, ValueError):
			pass
		finally:
			writer.close()

	server = await asyncio.start_server(meet, "127.0.0.1", port, limit=1024 * 1024)
	async with server:
		await server.serve_forever()


def letters(folder: Path) -> list[Path]:
	"""The kept letters, oldest first."""
	return sorted(folder.glob("*.eml")) if folder.is_dir() else []


def read(path: Path) -> EmailMessage:
	return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def summary(path: Path, number: int) -> str:
	letter = read(path)
	when = datetime.datetime.fromtimestamp(path.stat().st_mtime).strftime("%Y-%m-%d %H:%M")
	to = ", ".join(parseaddr(str(to))[1] for to in letter.get_all("X-Envelope-To", []))
	return f"{number:>4}  {when}  {to[:44]:<44}  {letter['Subject'] or ''}"


def as_text(path: Path) -> str:
	letter = read(path)
	head = [f"{name}: {letter[name]}" for name in ("Date", "From", "To", "Subject") if letter[name]]
	body = letter.get_body(("plain", "html"))
	text = body.get_content() if body else ""
	if body and body.get_content_type() == "text/html":
		text = re.sub(r"(?is)<(style|script|head).*?</\1>", "", text)
		text = re.sub(r"(?i)<br\s*/?>|</(p|div|tr|h\d|li)>", "\n", text)
		text = re.sub(r"(?s)<[^>]+>", "", text)
		text = re.sub(r"[ \t]+", " ", re.sub(r"\n\s*\n+", "\n\n", text))
	attached = [part.get_filename() or part.get_content_type() for part in letter.iter_attachments()]
	parts = ["\n".join(head), text.strip()]
	if attached:
		parts.append("Attached: " + ", ".join(attached))
	return "\n\n".join([*parts, f"File: {path}"])


if __name__ == "__main__":
	try:
		asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
	except KeyboardInterrupt:
		pass
