"""Steps that are an officer's task: a touch and its ToDo say the same.

The touch remembers its ToDo in `todo`. A ToDo that merely refers to the invitation, made by "Assign To", is
that person's own and is never touched. Closing the ToDo marks the touch done; a reply cancels both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cstr, escape_html, getdate, now_datetime

from imta_crm.invitations import campaigns, record
from imta_crm.policy.invitation import OPEN
from imta_crm.policy.schedule import Step

if TYPE_CHECKING:
	from imta_crm.invitations.campaigns import CampaignRules

INVITATION = "Invitation"
TOUCH = "Invitation Touch"
STATUS_OF_TODO = {"Open": "To Do", "Closed": "Done", "Cancelled": "Skipped"}


class NobodyToAskError(frappe.ValidationError):
	"""The invitation has no officer, and its campaign neither."""


def make(row: frappe._dict, step: Step, rules: CampaignRules, at: datetime) -> tuple[str, str]:
	"""The ToDo of a step, and the user who gets it. No commit.

	Raises NobodyToAskError.
	"""
	officer = officer_of(row, rules)
	if not officer:
		frappe.throw(_("Nobody looks after this invitation: there is no officer."), NobodyToAskError)
	return give(officer, row.name, describe(row, step, rules), getdate(at)), officer


def give(
	user: str,
	name: str,
	description: str,
	due: date | None,
	*,
	doctype: str = INVITATION,
	assigned_by: str | None = None,
	priority: str | None = None,
) -> str:
	"""A ToDo about an invitation, or about what it has led to; returns its name. `description` is HTML."""
	todo = frappe.new_doc("ToDo")
	todo.update(
		{
			"allocated_to": user,
			"assigned_by": assigned_by or frappe.session.user,
			"date": due,
			"description": description,
			"reference_type": doctype,
			"reference_name": name,
		}
	)
	if priority:
		todo.priority = priority
	todo.flags.by_invitations = True
	# The campaign's plan, or an answer, gives the task; whoever answers is a guest.
	todo.insert(ignore_permissions=True)
	return todo.name


def describe(row: frappe._dict, step: Step, rules: CampaignRules) -> str:
	"""What the officer reads: whom, how, and what the plan says. HTML."""
	task = cstr(rules.tasks.get(step.key)).strip() or step.title
	parts = [
		f"{_(step.channel)}: {row.prospect_name}",
		task,
		" · ".join(part for part in (row.get("phone"), row.get("email")) if part),
	]
	return "<br>".join(escape_html(part).replace("\n", "<br>") for part in parts if part)


def officer_of(row: Mapping, rules: CampaignRules) -> str | None:
	"""The invitation's officer, else the campaign's, else who owns the campaign; only who can log in."""
	return first_enabled(row.get("officer"), rules.default_officer, rules.campaign_owner)


def first_enabled(*users: str | None) -> str | None:
	"""The first of the users who can log in, to be given a task."""
	return next(
		(user for user in users if user and frappe.db.get_value("User", user, "enabled", cache=True)), None
	)


def tell(officers: Mapping[str, int], rules: CampaignRules) -> None:
	"""A bell for each officer with new tasks, one for all of a chunk. No commit."""
	for user, number in officers.items():
		language = frappe.db.get_value("User", user, "language", cache=True) or frappe.local.lang
		bell = frappe.new_doc("Notification Log")
		bell.update(
			{
				"type": "Alert",
				"for_user": user,
				"from_user": frappe.session.user,
				"document_type": campaigns.CAMPAIGN,
				"document_name": rules.name,
				"subject": _("New tasks in your list: {0} ({1})", lang=language).format(
					number, escape_html(rules.campaign_name)
				),
			}
		)
		bell.insert(ignore_permissions=True)  # as in `make`


def follow_todo(todo: Document, method: str | None = None) -> None:
	"""Make the touch say what its ToDo says (`on_update` of ToDo)."""
	if todo.reference_type != INVITATION or todo.flags.by_invitations:
		return
	if touch := _touch_of(todo):
		status = STATUS_OF_TODO[todo.status]
		if status != touch.status or (todo.allocated_to or None) != (touch.officer or None):
			_write(touch, status, officer=todo.allocated_to or touch.officer)


def forget_todo(todo: Document, method: str | None = None) -> None:
	"""A deleted ToDo leaves its touch skipped, unless it was done (`on_trash` of ToDo)."""
	if todo.reference_type != INVITATION:
		return
	if touch := _touch_of(todo):
		_write(touch, "Done" if touch.status == "Done" else "Skipped", todo=None)


def cancel_open(invitation: str, reason: str) -> int:
	"""Cancel the open tasks of an invitation after a reply or its end. No commit. Returns how many.

	A task that is done whether or not there was a reply stays while the invitation is open.
	"""
	touches = frappe.get_all(
		TOUCH,
		{"invitation": invitation, "status": "To Do"},
		["name", "campaign", "step_key", "todo"],
		limit=0,
	)
	if not touches:
		return 0
	if frappe.db.get_value(INVITATION, invitation, "status") in OPEN:
		touches = [touch for touch in touches if _ends_with_a_reply(touch)]
	cancel([touch.name for touch in touches], reason)
	return len(touches)


def cancel(touches: Sequence[str], reason: str) -> None:
	"""Cancel touches that are tasks, and their ToDos. No commit."""
	from imta_crm.invitations.sending import write_touches

	for name in touches:
		todo = frappe.db.get_value(TOUCH, name, "todo")
		if todo and frappe.db.get_value("ToDo", todo, "status") == "Open":
			doc = frappe.get_doc("ToDo", todo)
			doc.status = "Cancelled"
			doc.flags.by_invitations = True
			doc.save(ignore_permissions=True)  # as in `make`
	write_touches(touches, status="Skipped", problem=reason)


def _ends_with_a_reply(touch: frappe._dict) -> bool:
	step = campaigns.rules_of(touch.campaign).step(touch.step_key)
	return not step or step.only_if_no_reply


def _write(touch: frappe._dict, status: str, **values) -> None:
	from imta_crm.invitations.sending import settle, write_touches

	record.lock(touch.invitation)
	sent_at = (touch.sent_at or now_datetime()) if status == "Done" else None
	write_touches([touch.name], status=status, sent_at=sent_at, **values)
	settle(touch.invitation)


def _touch_of(todo: Document) -> frappe._dict | None:
	return frappe.db.get_value(
		TOUCH, {"todo": todo.name}, ["name", "invitation", "status", "officer", "sent_at"], as_dict=True
	)
