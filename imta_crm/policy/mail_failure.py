"""What an error in sending a mail means: who is to blame, and whether the mail may be tried again.

The errors are those of Python's smtplib as Frappe keeps them in its Email Queue: a traceback as text. A mail
may be tried again only where the server certainly has not taken it; a connection that broke while or after
the text was handed over leaves that open (RFC 5321, section 4.5.3.2.6), and then it is never sent again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from imta_crm.policy.names import inert

RECIPIENT = "recipient"  #: the address is refused for good
MESSAGE = "message"  #: the message, or we as its sender, are refused for good
TEMPORARY = "temporary"  #: the server asks to come again
SERVER = "server"  #: no connection, no log-in, no account: nothing to do with this mail
UNKNOWN = "unknown"  #: perhaps sent

# The last line of a traceback: "module.Error: text".
_LAST = re.compile(r"^(?:[\w.]+\.)?(\w+)(?::\s*(.*))?$", re.S)
_CODE = re.compile(r"\(\s*([245]\d\d)\s*,")
_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
# Functions of smtplib and Frappe in which nothing has left yet, unless the text was reached.
_BEFORE_SENDING = re.compile(
	r"\bin (?:sendmail|session|secure_session|fetch_smtp_server|get_smtp_server|build_message|noop)\n"
)
# Where smtplib hands the text over and waits for the answer.
_AT_TEXT = re.compile(r"self\.data\(msg\)|\bin data\n")
# The answer to the command DATA, before a word of the text.
_BEFORE_TEXT = re.compile(r"\bin data\n\s+\(code, repl\) = self\.getreply\(\)")
_TEXT_LENGTH = 300


@dataclass(frozen=True)
class Failure:
	"""`kind` is one of the constants above, `text` what the server or Python said, for people."""

	kind: str
	text: str

	@property
	def may_retry(self) -> bool:
		return self.kind in (TEMPORARY, SERVER)


def classify(error: str | None) -> Failure:
	"""The meaning of a traceback. What nobody has thought of is taken as perhaps sent."""
	lines = (error or "").rstrip().splitlines()
	start = next((i for i in range(len(lines) - 1, -1, -1) if lines[i][:1] not in ("", " ", "\t")), 0)
	# An answer of several lines stands behind the name of its error.
	while start > 0 and not _LAST.match(lines[start]) and lines[start - 1][:1] not in ("", " ", "\t"):
		start -= 1
	last = " ".join(line.strip() for line in lines[start:]).strip()
	matched = _LAST.match(last)
	name = matched.group(1) if matched else ""
	text = (matched.group(2) if matched else last) or name
	return Failure(_kind(name, text, "\n".join(lines)), inert(text)[:_TEXT_LENGTH])


def _kind(name: str, text: str, whole: str) -> str:
	code = int(found.group(1)) if (found := _CODE.search(text)) else 0
	if name == "SMTPRecipientsRefused":
		return _refusal(code, text, RECIPIENT)
	if name == "SMTPDataError":
		return _refusal(code, text, MESSAGE)
	if name in ("SMTPSenderRefused", "SMTPAuthenticationError", "InvalidEmailCredentials"):
		return SERVER
	if name in ("SMTPHeloError", "SMTPConnectError", "SMTPNotSupportedError", "OutgoingEmailError"):
		return SERVER
	if not _BEFORE_SENDING.search(whole):
		return UNKNOWN  # for example the database, after the server had taken the mail
	return UNKNOWN if _AT_TEXT.search(whole) and not _BEFORE_TEXT.search(whole) else SERVER


def _refusal(code: int, text: str, at_best: str) -> str:
	if code < 500:
		return TEMPORARY
	enhanced = _ENHANCED.search(text)
	subject = enhanced.group(2) if enhanced else ""
	# X.1.x: the address, X.2.x: the mailbox, X.7.x: policy, mostly about the sender (RFC 3463).
	if subject == "7" or (not subject and "relay" in text.lower()):
		return MESSAGE
	if subject == "1" or (subject == "2" and enhanced.group(3) == "1"):
		return RECIPIENT
	return at_best
