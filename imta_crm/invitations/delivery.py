"""What became of the mails: reconciles touches with Frappe's Email Queue."""

from __future__ import annotations

from datetime import datetime


def reconcile(now: datetime | None = None, campaign: str | None = None) -> dict[str, int]:
	"""Bring the touches that are on their way to what the Email Queue says. Commits."""
	return {}


def hard_bounce(touch: str, diagnostic: str) -> None:
	"""The receiving server has refused the address for good: the touch is Bounced, the invitation Unreachable."""


def soft_bounce(touch: str, diagnostic: str) -> None:
	"""A delay or a full mailbox: noted on the touch, nothing stops."""
