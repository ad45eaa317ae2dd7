"""Which letter a change of a booking asks for, and whether one that has waited is still true."""

from __future__ import annotations

from datetime import datetime

from imta_crm.policy.seating import (
	ATTENDED,
	CANCELLED,
	COMPLETED,
	CONFIRMED,
	MAY_CANCEL,
	OFFERED,
	REQUESTED,
	WAITLISTED,
)

RECEIVED, CONFIRMATION, WAITLIST, OFFER = "Received", "Confirmation", "Waitlist", "Offer"
UPDATE, CANCELLATION, REMINDER = "Update", "Cancellation", "Reminder"
FEEDBACK, CERTIFICATE = "Feedback", "Certificate"
KINDS = (RECEIVED, CONFIRMATION, WAITLIST, OFFER, UPDATE, CANCELLATION, REMINDER, FEEDBACK, CERTIFICATE)
#: Letters with an entry for the person's calendar.
WITH_CALENDAR = (CONFIRMATION, UPDATE, CANCELLATION)

_BY_STATUS = {
	REQUESTED: RECEIVED,
	CONFIRMED: CONFIRMATION,
	WAITLISTED: WAITLIST,
	OFFERED: OFFER,
	CANCELLED: CANCELLATION,
}
#: A seat that somebody comes to by being marked present, or back from it, is no news.
_FROM = {
	RECEIVED: (None,),
	CONFIRMATION: (None, REQUESTED, WAITLISTED, OFFERED),
	WAITLIST: (None, REQUESTED, OFFERED),
	OFFER: (None, REQUESTED, WAITLISTED),
	CANCELLATION: MAY_CANCEL,
}
#: The statuses in which a letter is still true.
_TRUE_IN = {
	RECEIVED: (REQUESTED,),
	CONFIRMATION: (CONFIRMED, ATTENDED),
	WAITLIST: (WAITLISTED,),
	OFFER: (OFFERED,),
	UPDATE: (CONFIRMED, OFFERED),
	CANCELLATION: (CANCELLED,),
	REMINDER: (CONFIRMED,),
	FEEDBACK: (ATTENDED, COMPLETED),
}
#: These follow the event; all others are about one that is still to come.
_AFTERWARDS = (FEEDBACK, CERTIFICATE)
#: A seat that is told of a change: of the rest nobody has been promised anything for that time and place.
TOLD_OF_CHANGES = _TRUE_IN[UPDATE]
REMINDED = _TRUE_IN[REMINDER]
ASKED_FOR_FEEDBACK = _TRUE_IN[FEEDBACK]

#: Why a letter is not sent.
STATUS, OVER, BEGUN, LAPSED, REPLACED = "status", "over", "begun", "lapsed", "replaced"


def letter_for(before: str | None, after: str) -> str | None:
	"""The kind of letter that the step from `before` (None: newly made) to `after` asks for."""
	kind = _BY_STATUS.get(after)
	return kind if kind and (before or None) in _FROM[kind] else None


def why_not(
	kind: str,
	status: str | None,
	*,
	now: datetime,
	begins_at: datetime | None,
	ends_at: datetime | None,
	offer_until: datetime | None = None,
	is_latest: bool = True,
) -> str | None:
	"""The reason, one of the constants above, for which a letter must not leave now; None where it may.

	:param is_latest: False for news of a change that newer news have followed
	"""
	if status not in _TRUE_IN.get(kind, (status,)):
		return STATUS
	if kind in _AFTERWARDS:
		return None
	if ends_at and now >= ends_at:
		return OVER
	if kind in (REMINDER, OFFER, RECEIVED, WAITLIST) and begins_at and now >= begins_at:
		return BEGUN
	if kind == OFFER and offer_until and now >= offer_until:
		return LAPSED
	if kind == UPDATE and not is_latest:
		return REPLACED
	return None
