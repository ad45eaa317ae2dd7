"""Words of an invitation mail: from a template of the site and the facts of the invitation."""

from __future__ import annotations

from dataclasses import dataclass, field

import frappe


class NotComposed(frappe.ValidationError):
	"""This mail cannot be made; the text says why. Others can."""


@dataclass(frozen=True)
class Mail:
	"""A mail to one person, ready to be queued.

	`html` is the body without the site's frame, `language` is "en" or "zh", `email_account` the name of the
	Email Account to send from, None for the default one. `unsubscribe_url` takes one-click POSTs (RFC 8058).
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
	email_account: str | None = None
	headers: dict[str, str] = field(default_factory=dict)


def compose(invitation, step, rules, language: str | None = None) -> Mail:
	"""The mail of a step to an invitee. Raises NotComposed. Never raises for others' sake: one mail, one error."""
	raise NotImplementedError


def language_of(invitation) -> str:
	"""Language in which an invitee is written to: "zh" for Chinese of any kind, else "en"."""
	return "zh" if (invitation.get("preferred_language") or "").lower().startswith("zh") else "en"


def validate_templates(campaign: str) -> list[str]:
	"""Try every template of a campaign with sample facts; what is wrong with them, for the one who approves."""
	raise NotImplementedError
