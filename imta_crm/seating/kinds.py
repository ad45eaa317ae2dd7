"""The two kinds of seats: a person's place in a Training Session, and one in an Alliance Activity.

Both have the same fields, so one engine serves them; what differs is named here, and nowhere else in seating.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import frappe

if TYPE_CHECKING:
	from imta_crm.policy.seating import Refusal
	from imta_crm.seating.people import Person


@dataclass(frozen=True)
class Kind:
	"""`booking` is the DocType of one person's seat, `event` that of what it is for, `field` the link between.

	`rules` is the dotted path of the room's own check, see `check`. `copies` are fields that a booking repeats
	of its event, `roles` whether people take part in different roles.
	"""

	booking: str
	event: str
	field: str
	rules: str
	copies: tuple[str, ...] = ()
	roles: bool = False

	def check(self, event: Mapping[str, Any], person: Person, *, by_staff: bool) -> list[Refusal]:
		"""Why the room's own rules do not let this person take part: audience, prerequisites and the like.

		:param event: the fields of the event as they are under its lock, without child tables
		"""
		return frappe.get_attr(self.rules)(event, person, by_staff=by_staff)


TRAINING = Kind(
	booking="Training Enrollment",
	event="Training Session",
	field="session",
	rules="imta_crm.training.rules.check",
	copies=("program",),
)
ACTIVITY = Kind(
	booking="Activity Delegate",
	event="Alliance Activity",
	field="activity",
	rules="imta_crm.activities.rules.check",
	roles=True,
)
KINDS = (TRAINING, ACTIVITY)


def of_booking(doctype: str) -> Kind:
	"""The kind with this DocType of seats. Raises ValueError for any other DocType."""
	return _kind("booking", doctype)


def of_event(doctype: str) -> Kind:
	"""The kind with this DocType of events. Raises ValueError for any other DocType."""
	return _kind("event", doctype)


def _kind(field: str, doctype: str) -> Kind:
	for kind in KINDS:
		if getattr(kind, field) == doctype:
			return kind
	raise ValueError(f"{doctype} has no seats")
