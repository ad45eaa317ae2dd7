"""The membership status, and which Membership Change may follow which status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

from imta_crm.policy.spans import Span, append, clean, stretches


class Status(str, Enum):
	APPLICANT = "Applicant"
	ACTIVE = "Active"
	IN_ARREARS = "In Arrears"
	SUSPENDED = "Suspended"
	WITHDRAWN = "Withdrawn"
	REMOVED = "Removed"
	EMERITUS = "Emeritus"

	def __str__(self) -> str:
		return self.value


UPGRADE, DOWNGRADE, WITHDRAW, SUSPEND, REINSTATE, REMOVE, APPOINT_EMERITUS = CHANGE_TYPES = (
	"Upgrade",
	"Downgrade",
	"Withdraw",
	"Suspend",
	"Reinstate",
	"Remove",
	"Appoint Emeritus",
)
TIER_CHANGES = (UPGRADE, DOWNGRADE)

_MEMBERS = {Status.ACTIVE, Status.IN_ARREARS, Status.SUSPENDED, Status.EMERITUS}
_OWE_DUES = {Status.ACTIVE, Status.IN_ARREARS}
_ENJOY_BENEFITS = {Status.ACTIVE, Status.IN_ARREARS, Status.EMERITUS}
# Set by the nightly look at the ledger, besides by decision.
LEDGER_STATUSES = (Status.ACTIVE, Status.IN_ARREARS, Status.SUSPENDED)

# Change type -> status before -> status after. What is not here is forbidden.
TRANSITIONS: Mapping[str, Mapping[Status, Status]] = {
	UPGRADE: {Status.ACTIVE: Status.ACTIVE, Status.IN_ARREARS: Status.IN_ARREARS},
	DOWNGRADE: {Status.ACTIVE: Status.ACTIVE, Status.IN_ARREARS: Status.IN_ARREARS},
	WITHDRAW: dict.fromkeys(_MEMBERS, Status.WITHDRAWN),
	SUSPEND: {Status.ACTIVE: Status.SUSPENDED, Status.IN_ARREARS: Status.SUSPENDED},
	REINSTATE: dict.fromkeys((Status.SUSPENDED, Status.WITHDRAWN, Status.REMOVED), Status.ACTIVE),
	REMOVE: dict.fromkeys(_MEMBERS, Status.REMOVED),
	APPOINT_EMERITUS: {Status.ACTIVE: Status.EMERITUS, Status.IN_ARREARS: Status.EMERITUS},
}


class ForbiddenChange(ValueError):
	"""A change that the rules do not allow. `code` is a key of `messages.TEXTS`."""

	def __init__(self, code: str, *args_: str):
		super().__init__(code, *args_)
		self.code = code
		self.args_ = args_


def apply_change(change_type: str, current_status: str) -> Status:
	"""The status after the change. Raises ForbiddenChange (`change_unknown`, `change_forbidden`)."""
	if change_type not in TRANSITIONS:
		raise ForbiddenChange("change_unknown", str(change_type))
	try:
		return TRANSITIONS[change_type][Status(current_status)]
	except (KeyError, ValueError):
		raise ForbiddenChange("change_forbidden", change_type, str(current_status)) from None


def allowed_changes(current_status: str) -> tuple[str, ...]:
	"""The change types that may follow the status, in the usual order."""
	return tuple(kind for kind in CHANGE_TYPES if current_status in TRANSITIONS[kind])


def is_member(status: str | None) -> bool:
	"""Whether someone with this status belongs to the alliance, in good standing or not."""
	return status in _MEMBERS


def owes_dues(status: str | None) -> bool:
	"""Whether new dues are charged in this status. A suspended member is charged on its return."""
	return status in _OWE_DUES


def enjoys_benefits(status: str | None) -> bool:
	"""Whether the member (and who is affiliated with it) may use the tier's benefits."""
	return status in _ENJOY_BENEFITS


@dataclass(frozen=True)
class Standing:
	"""Histories of one member after a change."""

	status_spans: tuple[Span, ...]
	tier_spans: tuple[Span, ...]


def record_change(
	change_type: str,
	*,
	status_spans: Iterable[Sequence],
	tier_spans: Iterable[Sequence],
	effective: date,
	new_tier: str | None = None,
	ranks: Mapping[str, int] | None = None,
) -> Standing:
	"""Both histories with the change in force from `effective`; the past stays as it was.

	Raises ForbiddenChange where the transition, the tier or its rank does not allow it, and
	`spans.ChangeBeforeLatest` where `effective` lies before the latest recorded change.
	"""
	statuses, tiers = clean(status_spans), clean(tier_spans)
	current = statuses[-1].value if statuses and statuses[-1].end is None else None
	after = apply_change(change_type, current or "")
	if change_type in TIER_CHANGES:
		check_tier_change(change_type, tiers[-1].value if tiers else "", new_tier, ranks)
		# A tier change may not slip before a status change either.
		append(statuses, after, effective)
		return Standing(statuses, append(tiers, str(new_tier), effective))
	return Standing(append(statuses, str(after), effective), tiers)


def check_tier_change(
	change_type: str, old_tier: str, new_tier: str | None, ranks: Mapping[str, int] | None = None
) -> None:
	"""An upgrade leads to a tier of higher rank, a downgrade to one of lower rank. Raises ForbiddenChange."""
	if not new_tier:
		raise ForbiddenChange("change_needs_tier", change_type)
	if new_tier == old_tier:
		raise ForbiddenChange("change_same_tier", new_tier)
	if not ranks:
		return
	old, new = ranks.get(old_tier, 0), ranks.get(new_tier, 0)
	if (new <= old) if change_type == UPGRADE else (new >= old):
		raise ForbiddenChange("change_wrong_rank", change_type, old_tier, new_tier)


def membership_stretches(status_spans: Iterable[Sequence]) -> tuple[tuple[date, date | None], ...]:
	"""The unbroken stretches of membership. After a lapse the next one starts anew: the gap stays."""
	return stretches(status_spans, is_member)
