"""Who may take part in an activity, as what, and whether its programme fits its days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher

from imta_crm.policy.names import fold, fold_loose

# Roles of people at an activity
SPEAKER = "Speaker"
EXHIBITOR = "Exhibitor"
DELEGATE = "Delegate"
GUEST = "Guest"
ROLES = (SPEAKER, EXHIBITOR, DELEGATE, GUEST)
#: The secretariat chooses them; nobody registers as one of these.
CHOSEN = frozenset({SPEAKER, EXHIBITOR, GUEST})

# Who may register
MEMBERS = "Members"
INVITED = "Members and Invited Guests"
EVERYBODY = "Everybody"

# As what somebody takes part
MEMBER = "Member"
NO_MEMBER = "Guest"
STAFF = "Staff"

#: How alike two spellings of one name are at least, from 0 to 1.
ALIKE = 0.5


def role_for(participant_type: str, wanted: str | None = None) -> str:
	"""The role of somebody for whom none was chosen: members and staff are delegates, others guests."""
	if wanted in ROLES:
		return wanted
	return GUEST if participant_type == NO_MEMBER else DELEGATE


def refusal(
	*,
	audience: str,
	tiers: Iterable[str],
	open_to_staff: bool,
	participant_type: str,
	tier: str | None,
	role: str,
	is_invited: bool,
	by_staff: bool,
) -> str | None:
	"""Why somebody may not take part, as a code of `messages.TEXTS`; None where they may.

	Speakers, exhibitors and guests whom the secretariat registers are its own choice: the audience binds who
	registers by themselves, and delegates in any case. `is_invited` counts for people who are no members.
	"""
	if by_staff and role in CHOSEN:
		return None
	if not by_staff and role in (SPEAKER, EXHIBITOR) and not is_invited:
		return "activity_role"
	if participant_type == STAFF:
		return None if open_to_staff else "activity_staff"
	if participant_type == MEMBER:
		wanted = set(tiers)
		return "activity_tier" if wanted and tier not in wanted and not is_invited else None
	if audience == MEMBERS:
		return "activity_members_only"
	if audience == INVITED and not is_invited and not by_staff:
		return "activity_invited_only"
	return None


@dataclass(frozen=True)
class Item:
	"""A row of the programme; times by the clock of the activity. `room` is where it takes place, if said."""

	starts_at: datetime
	ends_at: datetime | None
	room: str = ""


@dataclass(frozen=True)
class ProgrammeProblem:
	"""What is wrong with a row, counted from 1. `code` is a key of `messages.TEXTS`."""

	row: int
	code: str


def programme_problems(
	items: Sequence[Item], starts_at: datetime, ends_at: datetime
) -> list[ProgrammeProblem]:
	"""Rows that lie outside the activity, end before they begin, or share a room with another at one time."""
	problems = []
	for number, item in enumerate(items, 1):
		if item.ends_at and item.ends_at < item.starts_at:
			problems.append(ProgrammeProblem(number, "programme_order"))
		if item.starts_at < starts_at or (item.ends_at or item.starts_at) > ends_at:
			problems.append(ProgrammeProblem(number, "programme_outside"))
	for number, item in enumerate(items, 1):
		if any(_clash(item, other) for other in items[: number - 1]):
			problems.append(ProgrammeProblem(number, "programme_room"))
	return problems


def _clash(one: Item, other: Item) -> bool:
	if not fold(one.room) or fold(one.room) != fold(other.room) or not one.ends_at or not other.ends_at:
		return False
	return one.starts_at < other.ends_at and other.starts_at < one.ends_at


def same_person(known: str, given: str) -> bool:
	"""Whether `given` is another spelling of the name `known`, rather than somebody else's.

	A word in common is enough, in any order. Of names in different scripts nothing can be said, so yes.
	"""
	one, other = fold_loose(known), fold_loose(given)
	if not one or not other:
		return bool(other)
	if one.isascii() != other.isascii():
		return True
	if {fold_loose(word) for word in fold(known).split()} & {
		fold_loose(word) for word in fold(given).split()
	}:
		return True
	return SequenceMatcher(None, one, other).ratio() >= ALIKE
