"""Who may enrol in a training session: for whom the programme is, and what must have come before it.

Pure: the caller says what a person has completed and which certificates are valid on the day of the session.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from imta_crm.policy.seating import Refusal

MEMBER, GUEST, STAFF = "Member", "Guest", "Staff"


@dataclass(frozen=True)
class Prerequisite:
	"""A programme that must come before. Having completed it is enough, unless `certificate_required`."""

	program: str
	program_name: str
	certificate_required: bool = False


@dataclass(frozen=True)
class ProgramRules:
	"""For whom a programme is. Without tiers it is for members of every tier."""

	is_disabled: bool = False
	tiers: frozenset[str] = frozenset()
	open_to_guests: bool = False
	open_to_staff: bool = True
	prerequisites: tuple[Prerequisite, ...] = ()


def audience_refusal(rules: ProgramRules, participant_type: str, tier: str | None) -> Refusal | None:
	"""Why the programme is not for somebody of this kind; None where it is."""
	if rules.is_disabled:
		return Refusal("training_disabled")
	if participant_type == STAFF:
		return None if rules.open_to_staff else Refusal("training_staff")
	if participant_type == MEMBER:
		return Refusal("training_tier") if rules.tiers and tier not in rules.tiers else None
	return None if rules.open_to_guests else Refusal("training_guests")


def prerequisite_refusals(
	prerequisites: Iterable[Prerequisite], *, completed: Collection[str], certified: Collection[str]
) -> list[Refusal]:
	"""What is missing, each prerequisite by itself.

	:param completed: programmes that the person has completed
	:param certified: programmes of which the person has a certificate that is valid on the day of the session; a
		certificate counts as having completed the programme, too, as one that was earned elsewhere may be recorded
	"""
	missing = []
	for each in prerequisites:
		if each.program in certified or (not each.certificate_required and each.program in completed):
			continue
		code = "training_certificate" if each.certificate_required else "training_prerequisite"
		missing.append(Refusal(code, {"program": each.program_name}))
	return missing


def find_circle(needed: Mapping[str, Collection[str]], start: str) -> list[str]:
	"""A way from `start` through prerequisites back to itself, both ends included; empty where there is none."""
	way: list[str] = []
	seen: set[str] = set()

	def walk(name: str) -> bool:
		way.append(name)
		seen.add(name)
		for other in sorted(needed.get(name, ())):
			if other == start:
				way.append(other)
				return True
			if other not in seen and walk(other):
				return True
		way.pop()
		return False

	return way if walk(start) else []
