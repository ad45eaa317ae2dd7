"""From an invitation to a member: the application that an interested prospect gets, and what becomes of it."""

from __future__ import annotations

from frappe.model.document import Document


def on_interested(invitation: str) -> str | None:
	"""Start the way into membership of a prospect who is interested; returns the application's name.

	A former member gets a draft Membership Change "Reinstate" instead, whose name is returned. Repeating it
	changes nothing.
	"""
	raise NotImplementedError


def follow_application(application: Document, method: str | None = None) -> None:
	"""Document event of Membership Application: what its steps mean for its invitation."""


def release_invitation(application: Document, method: str | None = None) -> None:
	"""Document event of Membership Application: a deleted draft frees its invitation."""


def follow_member(member: Document, method: str | None = None) -> None:
	"""Document event of IMTA Member: who has become a member is not invited any more."""
