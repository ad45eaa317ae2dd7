"""Forgetting a person in training and activities: bookings, letters, certificates, feedback, meeting reports.

Frappe's own tool erases people who have an account; many have none, so that who runs training may do it from an
enrolment. Hours and statistics stay, without a name. A certificate of somebody who was forgotten proves nothing
any more: its public page is gone.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

import frappe
from frappe.model.document import Document

from imta_crm.policy import attendance as policy
from imta_crm.policy.prospects import fold_email
from imta_crm.seating import kinds, personal_data
from imta_crm.training.permissions import CERTIFICATE, FEEDBACK

FORGET_ROLES = frozenset({"System Manager", "Membership Manager", "Training Coordinator"})
TOKEN_BYTES = 24
ENROLLMENT = "Training Enrollment"
IMPORT, IMPORT_ROW = "Attendance Import", "Attendance Import Row"
NAMES = ("participant_name", "participant_name_local")
#: DocTypes whose step in Frappe's request shows that the person is to be forgotten here.
STEPS = frozenset({CERTIFICATE, "Seat Notice", *(kind.booking for kind in kinds.KINDS)})


def after_redaction(doc: Document, method: str | None = None) -> None:
	"""`Personal Data Deletion Request.on_update`: finish what Frappe has redacted, and what it cannot find.

	Frappe saves the request after each step. Repeating it changes nothing.
	"""
	if any(step.document_type in STEPS and step.status == "Deleted" for step in doc.deletion_steps):
		erase([doc.email, doc.name], user=doc.email)


@frappe.whitelist(methods=["POST"])
def forget(booking_doctype: str, booking: str) -> None:
	"""Erase the person of a booking from training and activities. It cannot be undone."""
	if FORGET_ROLES.isdisjoint(frappe.get_roles()):
		raise frappe.PermissionError
	if booking_doctype not in {kind.booking for kind in kinds.KINDS}:
		raise frappe.PermissionError
	doc = frappe.get_doc(booking_doctype, booking)
	doc.check_permission("read")
	erase([doc.email], user=doc.user, contacts=[doc.contact])


def erase(addresses: Iterable[str], *, user: str | None = None, contacts: Iterable[str | None] = ()) -> None:
	"""Erase whoever has one of these addresses, is this user or one of these Contacts."""
	addresses = [address for address in addresses if address]
	people = {contact for contact in contacts if contact}
	found = {}
	for kind in kinds.KINDS:
		names = set(personal_data.bookings_of(kind, addresses, user))
		people.update(
			frappe.get_all(
				kind.booking,
				{"name": ("in", list(names) or [""]), "contact": ("is", "set")},
				pluck="contact",
				limit=0,
			)
		)
		found[kind] = names
	for kind, names in found.items():
		names.update(
			frappe.get_all(kind.booking, {"contact": ("in", list(people) or [""])}, pluck="name", limit=0)
		)
	enrollments = found[kinds.TRAINING]
	_erase_certificates(enrollments, people, user)
	_erase_feedback(enrollments)
	_erase_reports(enrollments, addresses)
	for kind, names in found.items():
		personal_data.erase(kind, sorted(names))


def _erase_certificates(enrollments: set[str], contacts: set[str], user: str | None) -> None:
	names = frappe.get_all(
		CERTIFICATE,
		or_filters={
			"enrollment": ("in", list(enrollments) or [""]),
			"contact": ("in", list(contacts) or [""]),
			"user": user or "\0",
		},
		pluck="name",
		limit=0,
	)
	for name in names:
		values: dict[str, object] = {
			"holder_name": f"redacted {name}",
			"holder_name_local": None,
			"contact": None,
			"user": None,
			"token": secrets.token_hex(TOKEN_BYTES),
			"_comments": None,
		}
		if not frappe.db.get_value(CERTIFICATE, name, "member"):
			values["organisation"] = None
		frappe.db.set_value(CERTIFICATE, name, values, update_modified=False)
		personal_data.erase_traces(CERTIFICATE, name)


def _erase_feedback(enrollments: set[str]) -> None:
	"""The marks stay for the session's result; what somebody wrote may tell who it was."""
	for name in frappe.get_all(
		FEEDBACK, {"enrollment": ("in", list(enrollments) or [""])}, pluck="name", limit=0
	):
		frappe.db.set_value(FEEDBACK, name, {"liked": None, "improve": None}, update_modified=False)
		personal_data.erase_traces(FEEDBACK, name)


def _erase_reports(enrollments: set[str], addresses: list[str]) -> None:
	"""Rows of the reports of online meetings, and the files: each names everybody who was there.

	Minutes are worked out from the rows, so that no file is needed any more.
	"""
	wanted = list(enrollments) or [""]
	folded = {fold_email(each) for each in addresses}
	rows = frappe.get_all(ENROLLMENT, {"name": ("in", wanted)}, [*NAMES, "session"], limit=0)
	called = frozenset().union(*(policy.names_of(row[field] or "") for row in rows for field in NAMES))
	sessions = sorted({row.session for row in rows})
	imports = set(frappe.get_all(IMPORT, {"session": ("in", sessions or [""])}, pluck="name", limit=0))
	imports.update(
		frappe.get_all(
			IMPORT_ROW,
			{"reported_email": ("in", sorted(folded | set(addresses)) or [""]), "parenttype": IMPORT},
			pluck="parent",
			limit=0,
		)
	)
	for name in sorted(imports):
		lines = frappe.get_all(
			IMPORT_ROW,
			{"parent": name, "parenttype": IMPORT},
			["name", "enrollment", "reported_name", "reported_email"],
			limit=0,
		)
		for line in lines:
			is_theirs = (
				line.enrollment in enrollments
				or fold_email(line.reported_email or "") in folded
				# Nobody has said who it is; the same name in the same session is too close.
				or (not line.enrollment and called & policy.names_of(line.reported_name or ""))
			)
			if is_theirs:
				frappe.db.set_value(
					IMPORT_ROW,
					line.name,
					{"reported_name": None, "reported_email": None, "detail": None},
					update_modified=False,
				)
		frappe.db.set_value(IMPORT, name, "report_file", None, update_modified=False)
		personal_data.erase_traces(IMPORT, name)
