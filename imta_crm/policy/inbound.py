"""What an incoming mail is: an answer, an automatic answer, a bounce, or a wish to be left alone."""

from __future__ import annotations

from dataclasses import dataclass, field

REPLY = "reply"
AUTO_REPLY = "auto_reply"
HARD_BOUNCE = "hard_bounce"
SOFT_BOUNCE = "soft_bounce"
UNSUBSCRIBE = "unsubscribe"


@dataclass(frozen=True)
class Inbound:
	"""`message_ids`: ids (without < >) of our mails that it answers or returns, the likeliest first.

	`sender`: the folded address it came from. `recipient`: the address that could not be reached.
	`status`: the enhanced code such as 5.1.1. `diagnostic`: what the other server said, shortened.
	"""

	kind: str
	message_ids: tuple[str, ...] = ()
	sender: str = ""
	recipient: str = ""
	status: str = ""
	diagnostic: str = ""
	subject: str = ""
	text: str = field(default="", repr=False)

	@property
	def is_bounce(self) -> bool:
		return self.kind in (HARD_BOUNCE, SOFT_BOUNCE)


def classify(raw: bytes) -> Inbound:
	"""What the mail is. Never fails: what cannot be read is a reply, for a person to look at."""
	return Inbound(REPLY)
