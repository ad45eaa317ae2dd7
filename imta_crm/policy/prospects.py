"""Whether a prospect may be invited: compared with everybody whom the alliance knows already.

Certain: the same address, or the same name in the same country. Likely: a name alike, or the same own
domain, in the same country; then a person decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from imta_crm.policy import messages

INVITE, HOLD, REFUSE, ALREADY = "invite", "hold", "refuse", "already"

MEMBER = "member"
FORMER_MEMBER = "former_member"
APPLICATION = "application"
LEAD = "lead"
INVITATION = "invitation"  # alive, of another campaign
SAME_CAMPAIGN = "same_campaign"
BATCH = "batch"
DO_NOT_INVITE = "do_not_invite"
OPTED_OUT = "opted_out"
RECENTLY_INVITED = "recently_invited"
KINDS = (
	SAME_CAMPAIGN, DO_NOT_INVITE, OPTED_OUT, MEMBER, APPLICATION, INVITATION, RECENTLY_INVITED, BATCH, LEAD,
	FORMER_MEMBER,
)  # fmt: skip


@dataclass(frozen=True)
class Prospect:
	"""Somebody who might be invited. `key` is unique in its source; `row` is the spreadsheet's.

	`lead`, `member` and `contact` are the documents that it comes from, if any.
	"""

	key: str
	name: str
	name_local: str = ""
	country: str = ""
	country_code: str = ""
	email: str = ""
	website: str = ""
	phone: str = ""
	language: str = ""
	sector: str = ""
	tier: str = ""
	invitee_type: str = "Organisation"
	contact_first_name: str = ""
	contact_last_name: str = ""
	contact_position: str = ""
	time_zone: str = ""
	officer: str = ""
	lead: str = ""
	member: str = ""
	contact: str = ""
	row: int = 0


@dataclass(frozen=True)
class Known:
	"""Somebody with whom prospects are compared.

	`key` is the document's name, `names` begins with the main name. `emails` as written; `email_hashes` by
	`email_hash`. `label` and `detail` are for people. A do-not-invite rule's `domains` forbid everybody there;
	without a country its names count everywhere.
	"""

	kind: str
	key: str
	names: tuple[str, ...] = ()
	country_code: str = ""
	emails: tuple[str, ...] = ()
	domains: tuple[str, ...] = ()
	label: str = ""
	detail: str = ""
	email_hashes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
	"""`code` is a key of `messages.TEXTS`; its values are `values`. `detail` is what agreed."""

	kind: str
	code: str = ""
	known: Known | None = None
	detail: str = ""
	values: tuple[str, ...] = ()

	def text(self, lang: str = "en") -> str:
		return messages.text(self.code, self.values, lang) if self.code else ""


def reason_text(code: str) -> str:
	"""The English sentence with its places, for `_()`."""
	return messages.template(code)


def fold_email(address: str) -> str:
	"""For comparing: without case, white space and invisible marks."""
	return (address or "").strip().lower()


def email_hash(address: str) -> str:
	"""SHA-256 of the folded address, by which a rule outlives the erasure of the address itself."""
	return hashlib.sha256(fold_email(address).encode()).hexdigest()


def domain_of(text: str) -> str:
	"""The folded domain of an address or a web address, without www.; empty where there is none."""
	return fold_email(text).rpartition("@")[2]


class Register:
	"""Everybody known, ready for quick comparison."""

	def __init__(self, known: Iterable[Known] = ()):
		self._emails: dict[str, Known] = {}
		for one in known:
			self.add(one)

	def add(self, known: Known) -> None:
		for email in known.emails:
			self._emails.setdefault(fold_email(email), known)

	def check(self, prospect: Prospect) -> Verdict:
		if prospect.email and (known := self._emails.get(fold_email(prospect.email))):
			kind = ALREADY if known.kind == SAME_CAMPAIGN else REFUSE
			return Verdict(kind, f"same_address_{known.kind}", known, prospect.email)
		return Verdict(INVITE)
