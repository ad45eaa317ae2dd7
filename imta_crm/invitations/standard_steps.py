"""Steps to begin a plan with; the planner changes them in the campaign."""

from __future__ import annotations

import frappe
from frappe import _

from imta_crm.defaults import read
from imta_crm.invitations import permissions

TEXTS = ("step_title", "task")
TEMPLATES = ("email_template", "email_template_zh")
LATER = ("later_template", "later_template_zh")


@frappe.whitelist()
def standard_steps(purpose: str) -> dict:
	"""Rows of Invitation Campaign Step in the user's language, and the templates for those who ask for later.

	Templates that the secretariat has deleted are left out. Reads only. For those who plan this purpose.
	"""
	frappe.has_permission(permissions.CAMPAIGN, "create", throw=True)
	if not permissions.may_plan(purpose):
		frappe.throw(_("You may not plan this campaign."), frappe.PermissionError)
	found = (read("campaign_steps") or {}).get(purpose) or {"steps": []}
	chinese = (frappe.local.lang or "").startswith("zh")
	named = {
		row[field] for row in (found, *found["steps"]) for field in (*TEMPLATES, *LATER) if row.get(field)
	}
	there = set(frappe.get_all("Email Template", {"name": ("in", list(named) or [""])}, pluck="name"))

	def kept(row: dict, fields: tuple[str, ...]) -> dict:
		return {field: row[field] for field in fields if row.get(field) in there}

	steps = []
	for row in found["steps"]:
		texts = {field: (row.get(f"{field}_zh") if chinese else None) or row.get(field) for field in TEXTS}
		steps.append(
			{
				"channel": row["channel"],
				"days": row["days"],
				"counted_from": "Previous Step" if steps else "Start",
				"only_if_no_reply": 1,
				"language": row.get("language") or "All Languages",
				**texts,
				**kept(row, TEMPLATES),
			}
		)
	return {"steps": steps, **kept(found, LATER)}
