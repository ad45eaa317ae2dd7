"""A contact's next step and its ToDo say the same.

The contact remembers its ToDo in `todo`; a ToDo that merely refers to the contact, made by somebody with
"Assign To", is that person's own and is never touched. Each side writes the other with a flag set, so that
nothing goes round in circles.
"""

import frappe
from frappe.model.document import Document
from frappe.utils import escape_html, getdate

from imta_crm.membership.permissions import in_portfolio

CONTACT = "Liaison Contact"


def follow_contact(contact: Document) -> None:
	"""Make the ToDo say what the contact says: create, change, close, reopen or cancel it."""
	todo = _todo_of(contact)
	if not contact.next_step:
		if todo:
			_cancel(todo)
			contact.db_set("todo", None, update_modified=False)
		return
	if not todo:
		# A step that was closed or dropped in the same breath needs nobody's list.
		if contact.next_step_state == "Open":
			contact.db_set("todo", _make_todo(contact), update_modified=False)
		return
	_write(todo, _wanted(contact))


def cancel_todo_of(contact: Document) -> None:
	"""Cancel the ToDo of a contact that is deleted. It then refers to the member: Frappe deletes with a
	document the ToDos that refer to it, and the person's list would lose it without a word."""
	if todo := _todo_of(contact):
		todo.reference_type, todo.reference_name = "IMTA Member", contact.member
		_cancel(todo)


def follow_todo(todo: Document, method: str | None = None) -> None:
	"""Make the contact say what its ToDo says (`on_update` of ToDo)."""
	if todo.reference_type != CONTACT or todo.flags.by_liaison_contact:
		return
	contact = _contact_of(todo)
	if not contact:
		return
	wanted = {"next_step_state": todo.status, "next_step_priority": todo.priority}
	if todo.date:
		wanted["next_step_on"] = getdate(todo.date)
	if todo.allocated_to:
		wanted["next_step_owner"] = todo.allocated_to
	changed = {field: value for field, value in wanted.items() if contact.get(field) != value}
	if "next_step_owner" in changed:
		contact.next_step_owner = todo.allocated_to
		contact.validate_next_step_owner()
	if changed:
		# Whoever may change the ToDo has done so; the contact only follows, past its other checks.
		contact.db_set(changed, notify=True)


def forget_todo(todo: Document, method: str | None = None) -> None:
	"""A deleted ToDo leaves its contact's open step cancelled (`on_trash` of ToDo)."""
	if todo.reference_type != CONTACT:
		return
	if contact := _contact_of(todo):
		state = "Cancelled" if contact.next_step_state == "Open" else contact.next_step_state
		contact.db_set({"todo": None, "next_step_state": state}, notify=True)


def hand_over(member: Document, method: str | None = None) -> None:
	"""Open next steps go with the member to its new officer (`on_update` of IMTA Member).

	What Frappe leaves with the old officer for ever is taken back: whoever assigned a ToDo may read and close
	it, and whoever follows a document is sent its changes without a look at permissions.
	"""
	before = member.get_doc_before_save()
	if not before or not before.officer or before.officer == member.officer:
		return
	contacts = frappe.get_all(
		CONTACT, {"member": member.name}, ["name", "todo", "next_step_state", "next_step_owner"]
	)
	if not in_portfolio(before.officer, member.name):
		_let_go(before.officer, member.name, [row.name for row in contacts])
		_take_back_todos(before.officer, member.officer, [row.todo for row in contacts if row.todo])
	if not member.officer:
		return
	for row in contacts:
		if row.next_step_state == "Open" and row.next_step_owner == before.officer:
			contact = frappe.get_doc(CONTACT, row.name)
			contact.db_set("next_step_owner", member.officer, notify=True)
			follow_contact(contact)


def _take_back_todos(user: str, successor: str | None, todos: list[str]) -> None:
	if todos:
		frappe.db.set_value(
			"ToDo",
			{"name": ("in", todos), "assigned_by": user},
			"assigned_by",
			successor or frappe.session.user,
			update_modified=False,
		)


def _let_go(user: str, member: str, contacts: list[str]) -> None:
	for doctype, names in (("IMTA Member", [member]), (CONTACT, contacts)):
		if names:
			frappe.db.delete(
				"Document Follow", {"user": user, "ref_doctype": doctype, "ref_docname": ("in", names)}
			)


def _wanted(contact: Document) -> dict:
	member = contact.member_name or contact.member
	return {
		"description": "{0}: {1}".format(escape_html(member), escape_html(contact.next_step)),
		"allocated_to": contact.next_step_owner,
		"date": getdate(contact.next_step_on),
		"priority": contact.next_step_priority or "Medium",
		"status": contact.next_step_state,
	}


def _make_todo(contact: Document) -> str:
	todo = frappe.new_doc("ToDo")
	todo.update(_wanted(contact))
	todo.update(
		{"reference_type": CONTACT, "reference_name": contact.name, "assigned_by": frappe.session.user}
	)
	todo.flags.by_liaison_contact = True
	# Who may write the contact may give its next step to whoever can see it; the contact has checked both.
	todo.insert(ignore_permissions=True)
	return todo.name


def _write(todo: Document, values: dict) -> None:
	changed = {field: value for field, value in values.items() if todo.get(field) != value}
	if not changed:
		return
	todo.update(changed)
	_save(todo)


def _cancel(todo: Document) -> None:
	if todo.status == "Open":
		todo.status = "Cancelled"
	_save(todo)


def _save(todo: Document) -> None:
	todo.flags.by_liaison_contact = True
	# As in _make_todo: the right to write the contact is what counts.
	todo.save(ignore_permissions=True)


def _todo_of(contact: Document) -> Document | None:
	if not contact.todo or not frappe.db.exists("ToDo", contact.todo):
		return None
	return frappe.get_doc("ToDo", contact.todo)


def _contact_of(todo: Document) -> Document | None:
	if not frappe.db.exists(CONTACT, {"name": todo.reference_name, "todo": todo.name}):
		return None
	return frappe.get_doc(CONTACT, todo.reference_name)
