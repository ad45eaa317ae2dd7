"""What a seat costs, and how it gets onto an invoice."""

from __future__ import annotations


def follow(doctype: str, name: str, before: str | None, after: str) -> None:
	"""Fix the fee when a seat is confirmed, and what is kept of it when it is cancelled.

	Within the caller's transaction, after the status is written; cheap: no invoice is made here.
	"""


def transfer(doctype: str, old: str, new: str) -> None:
	"""Move fee, free seat and invoice line from the old booking to the new one, in the caller's transaction.

	To be called after both bookings are written, in whichever order that was.
	"""
