"""Links in invitation mails: signed, expiring, one for each invitation and purpose, and readable by nobody.

A link carries the invitation, what it is for, its last day and an HMAC-SHA256 over these and over the random
key that the invitation keeps. The secret is derived from the site's encryption key, so a copy of the database
alone makes no links. An invitation that is given another `link_key` has ended all links made before.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from urllib.parse import urlencode

import frappe
from frappe.utils import get_url, getdate
from frappe.utils.password import get_encryption_key

#: What a link is for. A link to unsubscribe opens no reply page and the other way round.
REPLY = "r"
UNSUBSCRIBE = "u"
PURPOSES = (REPLY, UNSUBSCRIBE)

_EPOCH = date(2020, 1, 1)
_MAC_BYTES = 32
_CODE_BYTES = 10
#: No link is longer, so that nothing longer is decoded.
LONGEST = 400


@dataclass(frozen=True)
class Link:
	"""A link whose signature is good. It may be used through `expires_on`, by the site's calendar."""

	invitation: str
	purpose: str
	expires_on: date

	@property
	def is_expired(self) -> bool:
		return getdate() > self.expires_on


def reply_url(
	invitation: str,
	link_key: str,
	expires_on: date,
	*,
	language: str | None = None,
	reply: str | None = None,
) -> str:
	"""Address of the reply page. It opens in the invitee's language, or in this one ("en" or "zh").

	With `reply`, an option of Invitation.reply, that answer is chosen when the page opens; nothing is sent.
	"""
	query = {"_lang": language, "reply": frappe.scrub(reply) if reply else None}
	query = urlencode({key: value for key, value in query.items() if value})
	token = make_token(invitation, link_key, expires_on, REPLY)
	return get_url(f"/invitation/{token}" + (f"?{query}" if query else ""))


def unsubscribe_url(invitation: str, link_key: str, expires_on: date) -> str:
	"""Address for the List-Unsubscribe header: a page on GET; one click by RFC 8058, or its button, on POST."""
	return get_url(f"/invitation/{make_token(invitation, link_key, expires_on, UNSUBSCRIBE)}")


def make_token(invitation: str, link_key: str, expires_on: date, purpose: str) -> str:
	"""The signed part of an address. `link_key` is the invitation's own; raises ValueError without one."""
	if not link_key or purpose not in PURPOSES:
		raise ValueError("a link needs a key and a purpose")
	body = _body(invitation, getdate(expires_on), purpose)
	return _encode(_sign(body, link_key) + body)


def code(invitation: str, link_key: str) -> str:
	"""A short proof of having a mail of this invitation, for the subject of a mail to opt out with."""
	return _encode(_sign(b"mail" + invitation.encode(), link_key)[:_CODE_BYTES])


def is_code(text: str, invitation: str) -> bool:
	"""Whether `text` is the code of this invitation."""
	link_key = frappe.db.get_value("Invitation", invitation, "link_key")
	good = hmac.compare_digest(text.lower().encode(), code(invitation, link_key or "no key").encode())
	return good and bool(link_key)


def read(token: str | None) -> Link | None:
	"""The link, also an expired one, if its signature is good; None for everything else.

	A link to an invitation that does not exist costs the same work as one with a wrong signature.
	"""
	parts = _decode(token)
	if not parts:
		return None
	mac, body, link = parts
	link_key = frappe.db.get_value("Invitation", link.invitation, "link_key")
	good = hmac.compare_digest(mac, _sign(body, link_key or "no key"))
	return link if good and link_key else None


def purpose_of(token: str | None) -> str | None:
	"""What a link says it is for, before its signature is looked at; None for what is no link."""
	parts = _decode(token)
	return parts[2].purpose if parts else None


def _body(invitation: str, expires_on: date, purpose: str) -> bytes:
	return purpose.encode() + (expires_on - _EPOCH).days.to_bytes(2, "big") + invitation.encode()


def _sign(body: bytes, link_key: str) -> bytes:
	secret = hmac.new(get_encryption_key().encode(), b"imta_crm invitation links", sha256).digest()
	return hmac.new(secret, body + b"\0" + link_key.encode(), sha256).digest()


def _encode(data: bytes) -> str:
	# No "-" or "_": where an address ends a sentence, mail programs leave such marks out of the link.
	return base64.b32encode(data).decode().rstrip("=").lower()


def _decode(token: str | None) -> tuple[bytes, bytes, Link] | None:
	"""MAC, signed bytes and what they say; None where this is no token of ours, in the one spelling we use."""
	if not isinstance(token, str) or not token.isascii() or len(token) > LONGEST:
		return None
	try:
		data = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
		mac, body = data[:_MAC_BYTES], data[_MAC_BYTES:]
		purpose, days, invitation = body[:1].decode(), body[1:3], body[3:].decode()
	except (binascii.Error, UnicodeDecodeError):
		return None
	if _encode(data) != token.lower() or purpose not in PURPOSES or not invitation:
		return None
	expires_on = _EPOCH + timedelta(days=int.from_bytes(days, "big"))
	return mac, body, Link(invitation, purpose, expires_on)
