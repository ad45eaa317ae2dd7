"""Sends what is due: plans each invitation's next step, queues mails and tasks in chunks, survives anything."""

from __future__ import annotations

from datetime import datetime


def plan(invitations: list[str] | None = None, campaign: str | None = None) -> None:
	"""Work out anew which step comes next and when, for some invitations or all of a campaign."""


def send_due(now: datetime | str | None = None, campaign: str | None = None) -> dict[str, int]:
	"""Queue every touch that is due. May be repeated at any time; commits chunk by chunk."""
	return {}


def stop(invitation: str, reason: str) -> int:
	"""Take back what is queued for an invitation and has not left. Returns how many touches were stopped."""
	return 0
