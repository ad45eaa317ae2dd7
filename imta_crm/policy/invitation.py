"""The life of one invitation: its statuses, the replies, and what a reply makes of it."""

from __future__ import annotations

from collections.abc import Mapping

# Statuses
HELD = "Held"
PLANNED = "Planned"
INVITED = "Invited"
INTERESTED = "Interested"
LATER = "Later"
ACCEPTED = "Accepted"
DECLINED = "Declined"
WRONG_PERSON = "Wrong Person"
DO_NOT_WRITE = "Do Not Write"
UNREACHABLE = "Unreachable"
APPLIED = "Applied"
ADMITTED = "Admitted"
NOT_ADMITTED = "Not Admitted"
NO_REPLY = "No Reply"
MERGED = "Merged"
WITHDRAWN = "Withdrawn"

STATUSES = (
	HELD, PLANNED, INVITED, INTERESTED, LATER, ACCEPTED, DECLINED, WRONG_PERSON, DO_NOT_WRITE, UNREACHABLE,
	APPLIED, ADMITTED, NOT_ADMITTED, NO_REPLY, MERGED, WITHDRAWN,
)  # fmt: skip

# Open to steps: somebody may still be written to.
OPEN = frozenset({PLANNED, INVITED, LATER})
# Holds its address and its name in the database, so that no second live invitation has them.
ALIVE = OPEN | {INTERESTED, ACCEPTED, APPLIED}
CLOSED = frozenset(STATUSES) - ALIVE - {HELD}
# Whatever is answered afterwards, these stay. What they are is decided elsewhere.
SETTLED = frozenset({APPLIED, ADMITTED, NOT_ADMITTED, MERGED, WITHDRAWN})

# Replies; those not named here are called as the status they lead to.
NO = "No"
YES = "Yes"
BY_MAIL = "By Mail"

REPLIES = (INTERESTED, LATER, NO, WRONG_PERSON, DO_NOT_WRITE, YES, BY_MAIL)
# After these no step follows. After Later one follows on its day; a mail ends the steps "only if no reply".
STOPS = frozenset({INTERESTED, NO, WRONG_PERSON, DO_NOT_WRITE, YES})

MEMBERSHIP = "Membership"
ACTIVITY = "Activity"
PURPOSES = (MEMBERSHIP, ACTIVITY)

_LEADS_TO: Mapping[str, str] = {
	INTERESTED: INTERESTED,
	YES: ACCEPTED,
	LATER: LATER,
	NO: DECLINED,
	WRONG_PERSON: WRONG_PERSON,
	DO_NOT_WRITE: DO_NOT_WRITE,
}


class ForbiddenReply(ValueError):
	"""A reply that can no longer be given, or not to this. `code` is a key of `messages.TEXTS`."""

	def __init__(self, code: str, *args_: str):
		super().__init__(code, *args_)
		self.code = code
		self.args_ = args_


def replies_for(purpose: str) -> tuple[str, ...]:
	"""What a person may choose, in the order in which it is shown."""
	if purpose == ACTIVITY:
		return (YES, NO, WRONG_PERSON, DO_NOT_WRITE)
	return (INTERESTED, LATER, NO, WRONG_PERSON, DO_NOT_WRITE)


def can_be_answered(status: str) -> bool:
	"""Whether a reply may still change something; see `after_reply`."""
	return status not in SETTLED and status != HELD


def after_reply(status: str, reply: str, purpose: str) -> str:
	"""The status after the reply; the same where it changes nothing (a second click is harmless).

	People may change their mind until the invitation is settled (applied, admitted, merged, withdrawn).
	"Do Not Write" can be given at any time and never fails: a settled invitation keeps its status, and the
	wish is kept by the do-not-invite list. A mail in free words (`BY_MAIL`) leaves the status to whoever
	reads it.

	Raises ForbiddenReply: `reply_unknown`, `reply_not_offered` (Yes to a membership, Interested or
	Later to an activity, which has its day), `reply_settled`, `reply_held` (a person must decide first whether
	it is a duplicate), `reply_after_do_not_write` (Later, after having forbidden to be written to).
	"""
	if status not in STATUSES or reply not in REPLIES:
		raise ForbiddenReply("reply_unknown", reply)
	if reply == BY_MAIL:
		return status
	if reply not in replies_for(purpose):
		raise ForbiddenReply("reply_not_offered", reply)
	if reply == DO_NOT_WRITE:
		return status if status in SETTLED else DO_NOT_WRITE
	if status == APPLIED and reply == INTERESTED:
		return status
	if status in SETTLED:
		raise ForbiddenReply("reply_settled", status)
	if status == HELD:
		raise ForbiddenReply("reply_held")
	if status == DO_NOT_WRITE and reply not in (INTERESTED, YES):
		if reply == LATER:
			raise ForbiddenReply("reply_after_do_not_write")
		return status
	return _LEADS_TO[reply]
