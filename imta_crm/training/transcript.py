"""Transcripts: the hours of professional development of a person, or of the people of a member."""

from __future__ import annotations

from datetime import date


def of_person(
	*,
	contact: str | None = None,
	user: str | None = None,
	since: date | str | None = None,
	until: date | str | None = None,
):
	"""What a person has completed."""
	raise NotImplementedError


def of_member(member: str, since: date | str | None = None, until: date | str | None = None):
	"""What the people of a member have completed for it."""
	raise NotImplementedError


def pdf_of_person(
	*,
	contact: str | None = None,
	user: str | None = None,
	since: date | str | None = None,
	until: date | str | None = None,
) -> bytes:
	"""The transcript of a person as PDF."""
	raise NotImplementedError


def pdf_of_member(member: str, since: date | str | None = None, until: date | str | None = None) -> bytes:
	"""The transcript of a member as PDF."""
	raise NotImplementedError
