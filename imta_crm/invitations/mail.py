"""A mail on its way from `compose`, which finds the words, to `mailing`, which queues it."""

from __future__ import annotations

from dataclasses import dataclass, field

#: Languages that letters are written in.
EN, ZH = "en", "zh"
LANGUAGES = (EN, ZH)


@dataclass(frozen=True)
class Part:
	"""A part of a mail beside its text: another form of it for programs, or, with a `filename`, an attachment."""

	content_type: str
	data: bytes
	filename: str = ""


@dataclass(frozen=True)
class Mail:
	"""A mail to one person, ready to be queued.

	`html` is the body without the site's frame, `language` is "en" or "zh", `email_account` the name of the
	Email Account to send from, None for the default one. `unsubscribe_url` takes one-click POSTs (RFC 8058); `unsubscribe_code` proves
	in a mail to opt out that its sender has this letter. `invitation` names the document of `reference_doctype` that replies are linked to.
	`parts` are sent beside text and HTML.
	"""

	invitation: str
	step_key: str
	to: str
	subject: str
	html: str
	text: str
	language: str
	to_name: str = ""
	unsubscribe_url: str | None = None
	unsubscribe_code: str = ""
	email_account: str | None = None
	headers: dict[str, str] = field(default_factory=dict)
	reference_doctype: str = "Invitation"
	parts: tuple[Part, ...] = ()
