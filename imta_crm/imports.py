"""What the imports of the app have in common: an attached file, one job at a time, a list for spreadsheets.

A lock of the database that ends with its connection says whether an import is at work. So a killed job leaves
nothing behind that would have to be cleaned up, and the next attempt is a job of its own.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint
from frappe.utils.background_jobs import get_job_status
from frappe.utils.html_utils import unescape_html

from imta_crm.erp import masters
from imta_crm.policy import messages, roster
from imta_crm.policy.names import safe_cell

MAX_MEGABYTES = roster.MAX_BYTES // (1024 * 1024)
LONGEST_MESSAGE = 500
JOB_TIMEOUT = 3600  # seconds

# The file


def attached_file(doc: Document, field: str, error: type[Exception]) -> Document:
	"""The File that the user may read; an address typed into the field opens no other file.

	Raises `error` where there is none, frappe.PermissionError where it is somebody else's.
	"""
	names = frappe.get_all("File", filters={"file_url": doc.get(field), "is_folder": 0}, pluck="name")
	files = [frappe.get_doc("File", name) for name in names]
	for file in files:
		if file.attached_to_doctype == doc.doctype and file.attached_to_name == doc.name:
			return file
	for file in files:
		if frappe.has_permission("File", "read", doc=file):
			return file
	if files:
		raise frappe.PermissionError
	frappe.throw(_("There is no such file. Attach it again."), error)


def keep_private(doc: Document, field: str, error: type[Exception]) -> None:
	"""Addresses are nobody else's business: a public upload becomes a private file."""
	if not doc.get(field):
		return
	file = attached_file(doc, field, error)
	if not file.is_private:
		file.is_private = 1
		file.save(ignore_permissions=True)  # the user may read it; only its place changes
		doc.set(field, file.file_url)


def content_of(doc: Document, field: str, error: type[Exception]) -> bytes:
	"""The bytes of the file, never more than `roster.MAX_BYTES` and one. Raises as `attached_file` does."""
	file = attached_file(doc, field, error)
	if cint(file.file_size) > roster.MAX_BYTES:
		frappe.throw(messages.text("file_too_large", [MAX_MEGABYTES], frappe.local.lang), error)
	with open(file.get_full_path(), "rb") as handle:
		return handle.read(roster.MAX_BYTES + 1)


def separator_name(separator: str) -> str:
	"""A separator that can be read."""
	names = {",": _("Comma"), ";": _("Semicolon"), "\t": _("Tab")}
	return names.get(separator, separator)


def message_of(error: Exception) -> str:
	"""What went wrong, as plain text."""
	return (frappe.utils.strip_html(str(error)) or type(error).__name__)[:LONGEST_MESSAGE]


def send_csv(filename: str, rows: Iterable[Sequence]) -> None:
	"""Answer the request with a CSV for spreadsheets, with every cell made inert."""
	out = io.StringIO()
	writer = csv.writer(out)
	for row in rows:
		writer.writerow([safe_cell(cell) for cell in row])
	frappe.response["filename"] = filename
	# With a mark, so that a spreadsheet sees that it is UTF-8.
	frappe.response["filecontent"] = ("\ufeff" + out.getvalue()).encode("utf-8")
	frappe.response["content_type"] = "text/csv; charset=utf-8"
	frappe.response["type"] = "download"


def plain(text: str | None) -> str:
	"""A stored text as it was in the file; Frappe keeps angle brackets as entities."""
	return unescape_html(text or "")


def sector_of(name: str | None) -> str | None:
	"""The sector by its name; made where the settings say that an import may, else None."""
	# Not from the cache: it would remember that a sector was missing, and then deny the one that was made.
	found = frappe.db.get_value("Market Segment", name) if name else None
	if name and not found and cint(frappe.db.get_single_value("Alliance Settings", "import_creates_sectors")):
		masters.ensure_market_segments([name])
		return frappe.db.get_value("Market Segment", name)
	return found


# The job


def enqueue(doctype: str, name: str, attempt: int, method: str) -> None:
	"""Queue an attempt of an import, once this request has committed."""
	frappe.enqueue(
		method,
		queue="long",
		timeout=JOB_TIMEOUT,
		name=name,
		job_id=job_id(doctype, name, attempt),
		deduplicate=True,
		enqueue_after_commit=True,
	)


def resume_stalled(doctype: str, method: str) -> None:
	"""Put imports that were killed back into the queue."""
	for row in frappe.get_all(
		doctype, filters={"status": ("in", ("Queued", "Importing"))}, fields=["name", "attempts"]
	):
		if is_running(doctype, row.name) or is_waiting(doctype, row.name, row.attempts):
			continue
		attempt = cint(row.attempts) + 1
		frappe.db.set_value(doctype, row.name, "attempts", attempt)
		enqueue(doctype, row.name, attempt, method)


def is_waiting(doctype: str, name: str, attempt: int) -> bool:
	"""Whether the attempt still stands in the queue."""
	status = get_job_status(job_id(doctype, name, attempt))
	return str(getattr(status, "value", status)) == "queued"


def job_id(doctype: str, name: str, attempt: int) -> str:
	"""One job for each attempt, so that a killed one does not stand in the way."""
	return f"{frappe.scrub(doctype)}::{name}::{cint(attempt)}"


# The lock


def is_running(doctype: str, name: str) -> bool:
	"""Whether some connection imports this document now."""
	return not frappe.db.sql("select is_free_lock(%s)", (lock_name(doctype, name),))[0][0]


@contextmanager
def running(doctype: str, name: str, patience: int = 0) -> Iterator[bool]:
	"""Hold the lock of an import; False if another connection has it for longer than `patience` seconds."""
	lock = lock_name(doctype, name)
	got = bool(frappe.db.sql("select get_lock(%s, %s)", (lock, patience))[0][0])
	try:
		yield got
	finally:
		if got:
			frappe.db.sql("select release_lock(%s)", (lock,))


def lock_name(doctype: str, name: str) -> str:
	# At most 64 characters; the database's name keeps sites on one server apart.
	return "imta:" + hashlib.sha1(f"{frappe.conf.db_name}:{doctype}:{name}".encode()).hexdigest()
