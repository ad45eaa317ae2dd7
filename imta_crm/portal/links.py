"""Links in letters: signed, expiring, one for each document and purpose, and readable by nobody.

A link carries what it is for, its last day, the document, and an HMAC-SHA256 over these and over the random
key that the document keeps. The secret is derived from the site's encryption key, so a copy of the database
alone makes no links. A document that is given another `link_key` has ended all links made before.

| address | purpose | made by | who may have it |
| --- | --- | --- | --- |
| `/invitation/…` | answer an invitation, or unsubscribe | `reply_url`, `unsubscribe_url` | the invitee |
| `/seat/…` | look at a ticket, also for the code at the door | `ticket_url` | whoever sees the ticket or badge |
| `/seat/…` | answer an offer, give a seat back | `offer_url`, `seat_url` | the participant |
| `/feedback/…` | the form after a session | `feedback_url` | the participant |
| `/register/…` | register for an activity as the invited one | `registration_url` | the invitee |
| `/register/…` | register for an activity open to everybody | `activity_url` | everybody |
| `/register/…` | the same, from an address that is proved by it | `confirmed_url` | who reads mail there |
| `/certificate/…` | prove a certificate | `certificate_url` | whoever sees the certificate |
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlencode

import frappe
from frappe.utils import cint, get_url, getdate
from frappe.utils.password import get_encryption_key

INVITATION = "Invitation"
ENROLLMENT = "Training Enrollment"
DELEGATE = "Activity Delegate"
ACTIVITY = "Alliance Activity"

#: What a link is for. A link to unsubscribe opens no reply page and the other way round.
REPLY = "r"
UNSUBSCRIBE = "u"
REGISTER = "g"
CONFIRMED = "c"
FEEDBACK = "f"
#: A ticket shows; it is printed as a code on badges, so it gives nobody the right to act.
TICKETS = {ENROLLMENT: "t", DELEGATE: "d"}
#: The participant's own link, which acts.
SEATS = {ENROLLMENT: "s", DELEGATE: "e"}
#: The document that a link of each purpose names.
DOCTYPES = {
	REPLY: INVITATION,
	UNSUBSCRIBE: INVITATION,
	REGISTER: INVITATION,
	CONFIRMED: ACTIVITY,
	FEEDBACK: ENROLLMENT,
	**{purpose: doctype for doctype, purpose in TICKETS.items()},
	**{purpose: doctype for doctype, purpose in SEATS.items()},
}
PURPOSES = tuple(DOCTYPES)

#: Days after the end of a session or activity. It may still be put off, and its tickets must stay good;
#: what can be done when is for the seat itself to say.
TICKET_DAYS = 365
#: Where the settings say nothing.
FEEDBACK_DAYS = 30
#: Days in which somebody who gave an address at a public registration opens the letter that came to it.
CONFIRMED_DAYS = 2

_BETWEEN = "\n"
_EPOCH = date(2020, 1, 1)
_MAC_BYTES = 32
_CODE_BYTES = 10
#: No link is longer, so that nothing longer is decoded.
LONGEST = 400


@dataclass(frozen=True)
class Link:
	"""A link whose signature is good. It may be used through `expires_on`, by the site's calendar.

	`email` is the address that a link of the purpose `CONFIRMED` was sent to.
	"""

	name: str
	purpose: str
	expires_on: date
	email: str | None = None

	@property
	def doctype(self) -> str:
		return DOCTYPES[self.purpose]

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


def ticket_url(booking_doctype: str, booking: str) -> str:
	"""Address of a ticket, for codes on tickets and badges: it shows the seat and lets nobody do anything."""
	return _booking_url("/seat/", TICKETS[booking_doctype], booking, TICKET_DAYS)


def seat_url(booking_doctype: str, booking: str) -> str:
	"""Address of the participant's own page of a seat: answers an offer, gives the seat back. For letters only."""
	return _booking_url("/seat/", SEATS[booking_doctype], booking, TICKET_DAYS)


def offer_url(booking_doctype: str, booking: str) -> str:
	"""Address where an offered seat is taken or declined: the participant's own page."""
	return seat_url(booking_doctype, booking)


def feedback_url(enrollment: str) -> str:
	"""Address of the feedback form of one enrolment; good for as long after the session as the settings say."""
	return _booking_url("/feedback/", FEEDBACK, enrollment, feedback_days())


def feedback_days() -> int:
	"""Days after the end of a session in which feedback is taken."""
	days = cint(frappe.get_cached_value("Alliance Settings", "Alliance Settings", "feedback_valid_days"))
	return days if days > 0 else FEEDBACK_DAYS


def feedback_until(ends: datetime | None) -> date:
	"""Last day, by the site's calendar, of the feedback on a session that ended then."""
	return _last_day(ends, feedback_days())


def registration_url(invitation: str) -> str:
	"""Address where an invitee registers for the campaign's activity, under the invitation's own name.

	Raises ValueError where the invitation is to no activity of ours.
	"""
	row = frappe.db.get_value(INVITATION, invitation, ["link_key", "campaign"], as_dict=True)
	activity = row and frappe.db.get_value(
		"Invitation Campaign", row.campaign, ["activity_doctype", "activity"], as_dict=True
	)
	if not activity or activity.activity_doctype != "Alliance Activity" or not activity.activity:
		raise ValueError("an invitation to no activity")
	ends = frappe.db.get_value("Alliance Activity", activity.activity, "ends_at_site")
	token = make_token(invitation, row.link_key, _last_day(ends, TICKET_DAYS), REGISTER)
	return get_url(f"/register/{token}")


def activity_url(activity: str) -> str:
	"""Public address to register for an activity that is open to everybody: short enough for a poster."""
	return get_url(f"/register/{activity.lower()}")


def confirmed_url(activity: str, email: str) -> str:
	"""Address, for a letter to `email` alone, where its reader registers for an activity open to everybody."""
	key = frappe.db.get_value(ACTIVITY, activity, "link_key") or _give_key(ACTIVITY, activity)
	until = getdate() + timedelta(days=CONFIRMED_DAYS)
	return get_url(f"/register/{make_token(f'{activity}{_BETWEEN}{email}', key, until, CONFIRMED)}")


def certificate_url(token: str) -> str:
	"""Address of the public proof of a certificate, by the certificate's own random token."""
	return get_url(f"/certificate/{token}")


def make_token(name: str, link_key: str, expires_on: date, purpose: str) -> str:
	"""The signed part of an address. `link_key` is the document's own; raises ValueError without one."""
	if not link_key or purpose not in PURPOSES:
		raise ValueError("a link needs a key and a purpose")
	body = _body(name, getdate(expires_on), purpose)
	return _encode(_sign(body, link_key) + body)


def code(invitation: str, link_key: str) -> str:
	"""A short proof of having a mail of this invitation, for the subject of a mail to opt out with."""
	return _encode(_sign(b"mail" + invitation.encode(), link_key)[:_CODE_BYTES])


def is_code(text: str, invitation: str) -> bool:
	"""Whether `text` is the code of this invitation."""
	link_key = frappe.db.get_value(INVITATION, invitation, "link_key")
	good = hmac.compare_digest(text.lower().encode(), code(invitation, link_key or "no key").encode())
	return good and bool(link_key)


def read(token: str | None) -> Link | None:
	"""The link, also an expired one, if its signature is good; None for everything else.

	A link to a document that does not exist costs the same work as one with a wrong signature.
	"""
	parts = _decode(token)
	if not parts:
		return None
	mac, body, link = parts
	link_key = frappe.db.get_value(link.doctype, link.name, "link_key")
	good = hmac.compare_digest(mac, _sign(body, link_key or "no key"))
	return link if good and link_key else None


def purpose_of(token: str | None) -> str | None:
	"""What a link says it is for, before its signature is looked at; None for what is no link."""
	parts = _decode(token)
	return parts[2].purpose if parts else None


def _booking_url(path: str, purpose: str, booking: str, days: int) -> str:
	doctype = DOCTYPES[purpose]
	row = frappe.db.get_value(doctype, booking, ["link_key", "ends_at_site"], as_dict=True)
	if not row:
		raise frappe.DoesNotExistError(f"{doctype} {booking}")
	key = row.link_key or _give_key(doctype, booking)
	return get_url(path + make_token(booking, key, _last_day(row.ends_at_site, days), purpose))


def _give_key(doctype: str, name: str) -> str:
	"""Bookings are inserted with a key; this is for whatever was imported without one."""
	key = frappe.generate_hash(length=40)
	frappe.db.set_value(doctype, name, "link_key", key, update_modified=False)
	return key


def _last_day(ends: datetime | None, days: int) -> date:
	return (getdate(ends) if ends else getdate()) + timedelta(days=days)


def _body(name: str, expires_on: date, purpose: str) -> bytes:
	return purpose.encode() + (expires_on - _EPOCH).days.to_bytes(2, "big") + name.encode()


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
		purpose, days, name = body[:1].decode(), body[1:3], body[3:].decode()
	except (binascii.Error, UnicodeDecodeError):
		return None
	if _encode(data) != token.lower() or purpose not in PURPOSES or not name:
		return None
	expires_on = _EPOCH + timedelta(days=int.from_bytes(days, "big"))
	name, _between, email = name.partition(_BETWEEN) if purpose == CONFIRMED else (name, "", "")
	return mac, body, Link(name, purpose, expires_on, email or None)
