"""Who came in: at the door by QR code or from the list, for sessions and activities alike."""

from __future__ import annotations


def check_in(code: str, event_doctype: str, event: str) -> dict:
	"""Check in whoever shows this ticket at the door of this event.

	`code` is what the scanner reads: the ticket's address, or its token. Returns `state` ("in", "already",
	"refused"), `message` that says what to do, and the person.
	"""
	raise NotImplementedError


def check_in_many(event_doctype: str, event: str, bookings: list | str) -> dict:
	"""Check several people in from the list."""
	raise NotImplementedError


def undo(booking_doctype: str, booking: str) -> dict:
	"""Take a check-in back."""
	raise NotImplementedError
