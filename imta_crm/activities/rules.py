"""Who may take part in an activity, asked by the seats' engine under its lock (see `seating.kinds`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import frappe

from imta_crm.invitations import activities as answers
from imta_crm.policy import activities as policy
from imta_crm.policy.seating import Refusal
from imta_crm.seating.people import Person

ACTIVITY = "Alliance Activity"
DELEGATE = "Activity Delegate"


def check(event: Mapping[str, Any], person: Person, *, by_staff: bool) -> list[Refusal]:
	"""Why this person may not take part in this role: audience, tiers, staff; empty where they may.

	Of the invitations is asked only where they matter.
	"""
	facts = {
		"audience": event["audience"],
		"tiers": tiers(event["name"]),
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


def is_invited(activity: str, person: Person) -> bool:
	"""Whether a campaign has asked this person to the activity, and was not told No."""
	return answers.is_invited(ACTIVITY, activity, contact=person.contact, email=person.email)
