"""The funnel of invitations: how many came how far. One invitation counts for every stage it has passed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from statistics import median
from typing import TypeVar

from imta_crm.policy import invitation as inv

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Fact:
	"""One invitation. `reply` is its last reply; the moments are both of the same zone."""

	status: str
	reply: str = ""
	first_sent_at: datetime | None = None
	replied_at: datetime | None = None


@dataclass(frozen=True)
class Stage:
	"""Counts of a group of invitations. `total`: all but the merged ones. Rates in per cent, one decimal."""

	total: int = 0
	held: int = 0
	planned: int = 0
	invited: int = 0
	replied: int = 0
	interested: int = 0
	later: int = 0
	accepted: int = 0
	declined: int = 0
	wrong_person: int = 0
	do_not_write: int = 0
	unreachable: int = 0
	applied: int = 0
	admitted: int = 0
	not_admitted: int = 0
	no_reply: int = 0
	withdrawn: int = 0
	# Of those invited; others may come by themselves.
	interested_invited: int = 0
	applied_invited: int = 0
	admitted_invited: int = 0
	median_hours: Decimal | None = None

	@property
	def reply_rate(self) -> Decimal:
		return rate(self.replied, self.invited)

	@property
	def interest_rate(self) -> Decimal:
		"""Interested, or accepted for an activity, of those invited."""
		return rate(self.interested_invited, self.invited)

	@property
	def application_rate(self) -> Decimal:
		return rate(self.applied_invited, self.invited)

	@property
	def admission_rate(self) -> Decimal:
		return rate(self.admitted_invited, self.invited)


def rate(part: int, whole: int) -> Decimal:
	"""Per cent with one decimal, half up; 0 where there is no whole."""
	if not whole:
		return Decimal("0.0")
	return (Decimal(100 * part) / Decimal(whole)).quantize(Decimal("0.1"), ROUND_HALF_UP)


_APPLIED = frozenset({inv.APPLIED, inv.ADMITTED, inv.NOT_ADMITTED})
_WILLING = frozenset({inv.INTERESTED, inv.ACCEPTED})


def count(facts: Iterable[Fact]) -> Stage:
	"""The stages of one group.

	Invited counts whoever was written to or visited; replied, who of them has answered. Interested counts who
	is or was: whoever applied was interested. Applied counts the admitted and the rejected too. Later, Declined and the like count where an invitation stands now.
	"""
	n = dict.fromkeys(Stage.__dataclass_fields__, 0)
	hours: list[Decimal] = []
	for fact in facts:
		status = fact.status
		if status == inv.MERGED:
			continue
		n["total"] += 1
		invited = fact.first_sent_at is not None
		replied = invited and bool(fact.reply)
		n["invited"] += invited
		n["replied"] += replied
		n["interested"] += status == inv.INTERESTED or status in _APPLIED
		n["applied"] += status in _APPLIED
		n["interested_invited"] += invited and (status in _APPLIED or status in _WILLING)
		n["applied_invited"] += invited and status in _APPLIED
		n["admitted_invited"] += invited and status == inv.ADMITTED
		if status not in (inv.INVITED, inv.INTERESTED, inv.APPLIED):
			n[status.lower().replace(" ", "_")] += 1
		if replied and fact.replied_at and fact.replied_at >= fact.first_sent_at:
			seconds = (fact.replied_at - fact.first_sent_at).total_seconds()
			hours.append(Decimal(int(seconds)) / 3600)
	n["median_hours"] = median(hours).quantize(Decimal("0.1"), ROUND_HALF_UP) if hours else None
	return Stage(**n)


def count_by(pairs: Iterable[tuple[K, Fact]]) -> dict[K, Stage]:
	"""The stages of each group, in the order in which the groups first come."""
	groups: dict[K, list[Fact]] = {}
	for key, fact in pairs:
		groups.setdefault(key, []).append(fact)
	return {key: count(facts) for key, facts in groups.items()}
