"""Slides, handbooks and links of a session, an activity or a programme of training, and who gets them when.

Files are private and belong to the document that lists them: the desk shows them to who may read it. Others get
them through `download`, which asks whether they take part.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import frappe
from frappe import _
from frappe.model.document import Document

from imta_crm.policy.seating import ATTENDED, COMPLETED, CONFIRMED
from imta_crm.seating import kinds, windows

MATERIAL = "Event Material"
PROGRAM = "Member Training Program"
EVERYBODY = "To Everybody"
PARTICIPANTS = "To Participants"
AFTERWARDS = "After the End"
#: Whoever has a seat or was there; not those who are offered one or stayed away.
TAKES_PART = frozenset({CONFIRMED, ATTENDED, COMPLETED})
PRIVATE = "/private/files/"
PUBLIC = "/files/"


@dataclass(frozen=True)
class Material:
	"""One thing to read. It has a file or a `link`; `row` is what `download` is asked for."""

	row: str
	title: str
	title_zh: str
	link: str
	has_file: bool


def of_event(
	event_doctype: str, event: str, *, status: str | None = None, now: datetime | None = None
) -> list[Material]:
	"""What somebody sees whose seat has this status, or who has none; none of an event that is not announced."""
	said, rows = _rows(event_doctype, event)
	return [
		Material(row.name, row.title, row.title_zh or "", row.link or "", bool(row.attachment))
		for row in rows
		if _is_shown(said, row.available, status, now)
	]


def file_of(
	event_doctype: str, event: str, row: str, *, status: str | None = None, now: datetime | None = None
) -> Document | None:
	"""The File behind a row, for somebody whose seat has this status; None where they do not get it."""
	said, rows = _rows(event_doctype, event)
	return _file(each for each in rows if each.name == row and _is_shown(said, each.available, status, now))


@frappe.whitelist()
def download(event_doctype: str, event: str, row: str) -> None:
	"""The file of a row as a download, for whoever takes part, or may read the event in the desk."""
	kind = kinds.of_event(event_doctype)
	if frappe.has_permission(event_doctype, "read", doc=event):
		file = _file(each for each in _rows(event_doctype, event)[1] if each.name == row)
	else:
		if frappe.session.user == "Guest":
			raise frappe.PermissionError
		file = file_of(event_doctype, event, row, status=status_of_user(kind, event))
	if not file:
		frappe.throw(_("There is no such file for you."), frappe.PermissionError)
	respond(file)


def respond(file: Document) -> None:
	"""Answer the request with this file, to be kept and not shown."""
	frappe.local.response.filename = file.file_name
	frappe.local.response.filecontent = file.get_content()
	frappe.local.response.type = "download"
	frappe.local.response.display_content_as = "attachment"


def status_of_user(kind: kinds.Kind, event: str, user: str | None = None) -> str | None:
	"""The status of the user's own live seat, by the user or by the Contact that has it."""
	user = user or frappe.session.user
	contacts = frappe.get_all("Contact", {"user": user}, pluck="name")
	found = frappe.get_all(
		kind.booking,
		{kind.field: event, "live_key": ("is", "set")},
		pluck="status",
		or_filters={"user": user, "contact": ("in", contacts or [""])},
		limit=1,
	)
	return found[0] if found else None


def keep_private(doc: Document) -> None:
	"""After a save: each file is private and belongs to this document, also where the row was copied.

	Nobody attaches a private file that they may not read.

	:raises frappe.PermissionError: somebody else's private file
	"""
	for row in doc.get("materials") or []:
		url = row.attachment or ""
		if not url.startswith((PRIVATE, PUBLIC)):
			continue
		files = frappe.get_all(
			"File", {"file_url": url}, ["name", "is_private", "attached_to_doctype", "attached_to_name"]
		)
		own = (doc.doctype, doc.name)
		if any(
			file.is_private and (file.attached_to_doctype, file.attached_to_name) == own for file in files
		):
			continue
		source = next(
			(
				each
				for file in files
				if frappe.has_permission("File", "read", doc=(each := frappe.get_doc("File", file.name)))
			),
			None,
		)
		if not source:
			frappe.throw(
				_("Row {0}: you may not use the file {1}.").format(row.idx, url), frappe.PermissionError
			)
		copy = frappe.new_doc("File")
		copy.update(
			{
				"file_name": source.file_name,
				"is_private": 1,
				"attached_to_doctype": doc.doctype,
				"attached_to_name": doc.name,
				"content": source.get_content(),
			}
		)
		copy.insert(ignore_permissions=True)  # who may save the document may attach to it
		row.db_set("attachment", copy.file_url, update_modified=False)


def _rows(event_doctype: str, event: str) -> tuple[frappe._dict, list[frappe._dict]]:
	"""The event's fields that matter here, and its rows, then those of its programme of training."""
	fields = ["status", "starts_at", "ends_at", "time_zone"]
	if event_doctype == kinds.TRAINING.event:
		fields.append("program")
	said = frappe.db.get_value(event_doctype, event, fields, as_dict=True)
	if not said:
		return frappe._dict(), []
	parents = [(event_doctype, event)]
	if said.get("program"):
		parents.append((PROGRAM, said.program))
	rows = []
	for parenttype, parent in parents:
		rows += frappe.get_all(
			MATERIAL,
			{"parenttype": parenttype, "parent": parent},
			["name", "parent", "parenttype", "title", "title_zh", "attachment", "link", "available"],
			order_by="idx",
		)
	return said, rows


def _file(rows: Iterable[frappe._dict]) -> Document | None:
	"""The File of the first of these rows, as the document that lists it has it."""
	for row in rows:
		attached = {"attached_to_doctype": row.parenttype, "attached_to_name": row.parent}
		name = row.attachment and frappe.db.get_value("File", {"file_url": row.attachment, **attached})
		return frappe.get_doc("File", name) if name else None
	return None


def _is_shown(event: frappe._dict, available: str, status: str | None, now: datetime | None) -> bool:
	if event.get("status") in (None, windows.DRAFT):
		return False
	if available == EVERYBODY:
		return True
	if status not in TAKES_PART:
		return False
	return available == PARTICIPANTS or windows.has_ended(event, now)
