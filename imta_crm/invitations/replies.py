"""Replies to invitations, however they come: reply page, mail, one click, or told to an officer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import frappe


@dataclass(frozen=True)
class Referral:
	"""Whom somebody named instead of themselves."""

	name: str
	email: str


def record(
	invitation: str,
	reply: str,
	*,
	via: str,
	comment: str | None = None,
	later_on: date | None = None,
	referral: Referral | None = None,
) -> str:
	"""Take a reply to an invitation; returns the status that follows. The same reply again changes nothing.

	`via` is an option of Invitation.reply_via. Raises policy.invitation.ForbiddenReply where the invitation
	is closed for good.
	"""
	raise NotImplementedError
