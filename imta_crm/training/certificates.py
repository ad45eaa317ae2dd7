"""Certificates: issued, proved in public, renewed, revoked, printed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class CertificateFacts:
	"""All that the public page may say. Nothing is added to this without asking whom it tells what."""

	number: str
	holder: str
	holder_local: str
	program: str
	program_zh: str
	hours: float
	issued_on: date
	valid_until: date | None
	"""Last day on which the certificate counts; None: for ever."""
	state: str
	"""Valid, Expired, Revoked or Renewed, today by the site's calendar."""


def facts_by_token(token: str | None) -> CertificateFacts | None:
	"""What the public page says about a token, None where there is no such certificate."""
	raise NotImplementedError


def issue(enrollment: str) -> str | None:
	"""The live certificate of a completed enrolment, issued now if there is none; None where none is due."""
	raise NotImplementedError


def revoke(name: str, reason: str) -> None:
	"""End a certificate, with a reason. It stays on record, and its public page says that it was revoked."""
	raise NotImplementedError


def renew(name: str, on: date | str | None = None) -> str:
	"""Name of the certificate that takes the place of one that expires."""
	raise NotImplementedError


def of_person(*, contact: str | None = None, user: str | None = None) -> list[dict]:
	"""A person's certificates, the latest first, with `state` worked out."""
	raise NotImplementedError


def pdf(name: str) -> bytes:
	"""The certificate as PDF, for the holder and for who may print it."""
	raise NotImplementedError
