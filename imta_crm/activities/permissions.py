"""Who runs an activity, and who may register whose people. What is shared with training is in the seats' room."""

from __future__ import annotations

from frappe import _
from frappe.model.document import Document

from imta_crm.activities.rules import ACTIVITY
from imta_crm.seating import permissions


def check_organises(activity: str) -> Document:
	"""The activity, for who may run it. Raises `frappe.PermissionError` for others."""
	return permissions.check_organises(ACTIVITY, activity)


def check_may_register(activity: str, members: set[str | None]) -> Document:
	"""The activity, for who may register the people of all these members; see `check_may_book`."""
	refusal = _("You register people of the members in your own portfolio.")
	return permissions.check_may_book(ACTIVITY, activity, members, refusal)
