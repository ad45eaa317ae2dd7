"""Who gets an invitation: prospects are compared with all that is known, then invited, held or refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
	from imta_crm.policy.prospects import Prospect, Register


@dataclass
class Added:
	"""What became of a list of prospects. `invited` and `held` are names of Invitations, in order."""

	invited: list[str] = field(default_factory=list)
	held: list[str] = field(default_factory=list)
	refused: list = field(default_factory=list)
	already: list = field(default_factory=list)


def add(
	campaign: str,
	prospects: list[Prospect],
	*,
	source: str,
	prospect_import: str | None = None,
	officer: str | None = None,
	register: Register | None = None,
	referred_by: str | None = None,
) -> Added:
	"""Invite those who may be invited. Repeating it adds nobody. No commit, no permission check."""
	raise NotImplementedError


def register(campaign: str) -> Register:
	"""All that a prospect of this campaign is compared with, in a few queries."""
	raise NotImplementedError


def still_welcome(invitations: Iterable[str]) -> dict[str, str]:
	"""Of these invitations those that must not be written to any more, with the reason."""
	raise NotImplementedError
