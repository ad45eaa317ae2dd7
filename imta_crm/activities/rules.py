"""Who may take part in an activity, asked by the seats' engine under its lock (see `seating.kinds`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import frappe

from imta_crm.invitations import activities as answers
from imta_crm.policy import activities as policy
from imta_crm.policy.seating import Refusal
from imta_crm.seating.people import Person

ACTIVITY = "Alliance Activity"
DELEGATE = "Activity Delegate"
#: Where the fields of an event carry them, its tiers are not read again.
KNOWN_TIERS = "known_tiers"


def check(event: Mapping[str, Any], person: Person, *, by_staff: bool) -> list[Refusal]:
	"""Why this person may not take part in this role: audience, tiers, staff; empty where they may.

	Of the invitations is asked only where they matter.
	"""
	facts = {
		"audience": event["audience"],
		# Lists of activities have read the tiers of all of them.
		"tiers": tiers(event["name"]) if event.get(KNOWN_TIERS) is None else event.get(KNOWN_TIERS),
		"open_to_staff": bool(event["open_to_staff"]),
		"participant_type": person.participant_type,
		"tier": person.tier,
		"role": person.delegate_role,
		"by_staff": by_staff,
	}
	code = policy.refusal(**facts, is_invited=False)
	if code and not policy.refusal(**facts, is_invited=True) and is_invited(event["name"], person):
		code = None
	return [Refusal(code)] if code else []


def tiers(activity: str) -> list[str]:
	"""The tiers whose members may register; empty: all."""
	return frappe.get_all(
		"Training Audience Tier",
		{"parent": activity, "parenttype": ACTIVITY, "parentfield": "tiers"},
		pluck="tier",
		order_by="idx",
	)


def know_tiers(activities: Iterable[dict[str, Any]]) -> None:
	"""Read the tiers of several activities at once, for `check`."""
	by_name = {each["name"]: each for each in activities}
	for each in by_name.values():
		each[KNOWN_TIERS] = []
	for row in frappe.get_all(
		"Training Audience Tier",
		{"parent": ("in", list(by_name) or [""]), "parenttype": ACTIVITY, "parentfield": "tiers"},
		["parent", "tier"],
		order_by="idx",
		limit=0,
	):
		by_name[row.parent][KNOWN_TIERS].append(row.tier)


def is_invited(activity: str, person: Person) -> bool:
	"""Whether a campaign has asked this person to the activity, and was not told No."""
	return answers.is_invited(ACTIVITY, activity, contact=person.contact, email=person.email)
