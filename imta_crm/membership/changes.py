"""The daily job that lets scheduled changes of the membership take effect."""

from __future__ import annotations

import frappe
from frappe.utils import nowdate

from imta_crm.transactions import all_or_nothing, keep_step

CHANGE = "Membership Change"


def apply_due_changes() -> dict[str, int]:
	"""Apply each submitted change whose day has come, oldest first. Catches up whatever days were missed.

	Each change is a transaction of its own: one that fails says so on itself, is tried again the next day
	and stops nobody. Killed and run again it goes on with what is left. Returns the numbers of both.
	"""
	result = {"applied": 0, "failed": 0}
	due = frappe.get_all(
		CHANGE,
		{"docstatus": 1, "state": "Scheduled", "effective_date": ("<=", nowdate())},
		pluck="name",
		order_by="effective_date asc, creation asc",
	)
	for name in due:
		try:
			with all_or_nothing():
				result["applied"] += frappe.get_doc(CHANGE, name).apply()
		except Exception as error:
			_note_problem(name, error)
			result["failed"] += 1
		keep_step()
	return result


def _note_problem(name: str, error: Exception) -> None:
	frappe.clear_messages()
	text = frappe.utils.strip_html(str(error)) or type(error).__name__
	frappe.db.set_value(CHANGE, name, "problem", text[:1000], update_modified=False)
	frappe.log_error(title=f"{CHANGE} {name}", reference_doctype=CHANGE, reference_name=name)
