"""The report of an online meeting: checked first, decided by a person where need be, then recorded.

Checking changes nothing but this document. Recording may be repeated: what a report says is counted once, with
all other reports of the session; see `imta_crm.training.attendance`.
"""

from __future__ import annotations

import hashlib

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, escape_html

from imta_crm import imports
from imta_crm.liaison.zones import is_zone
from imta_crm.policy.attendance import LIKELY, MATCHED, NOT_FOUND, ReportError
from imta_crm.training import attendance

DRAFT, CHECKED, COMPLETED = "Draft", "Checked", "Completed"
IGNORED, PROBLEM = "Ignored", "Problem"
#: Of a row a person decides these two.
DECIDED = ("enrollment", "outcome")
RESULTS = ("status", "source", "content_hash", "matched", "not_matched", "problems", "recorded")
SOURCE_FIELDS = ("report_file", "time_zone")


class AttendanceImport(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from imta_crm.training.doctype.attendance_import_row.attendance_import_row import AttendanceImportRow

		content_hash: DF.Data | None
		matched: DF.Int
		naming_series: DF.Literal["ATT-.YYYY.-.####"]
		not_matched: DF.Int
		problems: DF.Int
		recorded: DF.Int
		report_file: DF.Attach | None
		rows: DF.Table[AttendanceImportRow]
		session: DF.Link
		source: DF.Data | None
		status: DF.Literal["Draft", "Checked", "Completed"]
		time_zone: DF.Autocomplete | None
	# end: auto-generated types

	def before_insert(self) -> None:
		for field in RESULTS:
			self.set(field, 0 if self.meta.get_field(field).fieldtype == "Int" else None)
		self.status, self.rows = DRAFT, []

	def onload(self) -> None:
		if self.status != DRAFT:
			self.set_onload("summary_html", self.summary())

	def validate(self) -> None:
		frappe.has_permission("Training Session", "write", doc=self.session, throw=True)
		self.validate_zone()
		self.keep_results()
		self.validate_file()
		imports.keep_private(self, "report_file", attendance.AttendanceError)
		self.validate_decisions()
		self.count()

	def on_trash(self) -> None:
		if self.status == COMPLETED:
			frappe.throw(
				_("{0} was recorded. Take it back first, so that hours and certificates follow.").format(
					self.name
				),
				attendance.AttendanceError,
			)

	# Steps

	def validate_zone(self) -> None:
		self.time_zone = self.time_zone or frappe.db.get_value("Training Session", self.session, "time_zone")
		if self.time_zone and not is_zone(self.time_zone):
			frappe.throw(_("{0} is not a time zone.").format(self.time_zone), attendance.AttendanceError)

	def validate_file(self) -> None:
		"""One that was checked may be without: with a person who is forgotten the file goes, too."""
		if self.status == DRAFT and not self.report_file:
			frappe.throw(_("Attach the report of the meeting."), frappe.MandatoryError)

	def keep_results(self) -> None:
		"""Of a form only the file and the decisions on rows are taken; Frappe keeps "read only" in the browser."""
		before = self.get_doc_before_save()
		if not before or self.flags.by_import:
			return
		for field in RESULTS:
			self.set(field, before.get(field))
		decided = {row.name: row for row in self.rows}
		self.set("rows", before.rows)
		for row in self.rows:
			if row.name in decided:
				for field in DECIDED:
					row.set(field, decided[row.name].get(field) or None)
		if any((self.get(field) or "") != (before.get(field) or "") for field in SOURCE_FIELDS):
			if self.status == COMPLETED:
				frappe.throw(
					_("{0} was recorded and keeps its file. Make a new import.").format(self.name),
					attendance.AttendanceError,
				)
			self.status, self.rows = DRAFT, []

	def validate_decisions(self) -> None:
		"""Who a row is said to be has a place in this very session."""
		chosen = {row.enrollment for row in self.rows if row.enrollment}
		known = set(
			frappe.get_all(
				"Training Enrollment",
				{"name": ("in", list(chosen)), "session": self.session},
				pluck="name",
				order_by=None,
			)
			if chosen
			else ()
		)
		for row in self.rows:
			if row.enrollment and row.enrollment not in known:
				frappe.throw(
					_("Row {0}: {1} is no enrolment in this session.").format(row.row_no, row.enrollment),
					attendance.AttendanceError,
				)
			if row.outcome == MATCHED and not row.enrollment:
				frappe.throw(
					_("Row {0}: choose the enrolment of {1}.").format(row.row_no, row.reported_name),
					attendance.AttendanceError,
				)
			if row.outcome == MATCHED and not cint(row.minutes):
				frappe.throw(
					_("Row {0}: {1} was not there in the session's time.").format(
						row.row_no, row.reported_name
					),
					attendance.AttendanceError,
				)

	def count(self) -> None:
		outcomes = [row.outcome for row in self.rows]
		self.matched = outcomes.count(MATCHED)
		self.not_matched = outcomes.count(LIKELY) + outcomes.count(NOT_FOUND)
		self.problems = outcomes.count(PROBLEM)

	# Actions

	@frappe.whitelist()
	def check(self) -> None:
		"""Read the report and look for everybody in it; nothing is recorded.

		Decisions that were made on rows stay, as long as the file says the same of the person.
		"""
		self.check_permission("write")
		if self.status == COMPLETED:
			frappe.throw(_("{0} was recorded already.").format(self.name), attendance.AttendanceError)
		data = imports.content_of(self, "report_file", attendance.AttendanceError)
		try:
			report = attendance.read_report(data, session=self.session, time_zone=self.time_zone)
		except ReportError as error:
			language = "zh" if (frappe.local.lang or "").startswith("zh") else "en"
			frappe.throw(error.text(language), attendance.AttendanceError)
		decided = {
			(row.reported_name, row.reported_email, row.stays): (row.enrollment, row.outcome)
			for row in self.rows
			if row.outcome in (MATCHED, IGNORED)
		}
		self.rows = []
		for found in attendance.find_people(report, self.session):
			row = self.append("rows", found)
			kept = decided.get((row.reported_name, row.reported_email or None, row.stays))
			if kept:
				row.enrollment, row.outcome = kept
		self.status, self.source = CHECKED, report.source
		self.content_hash = hashlib.sha256(data).hexdigest()
		self.keep()

	@frappe.whitelist()
	def record(self) -> dict[str, int]:
		"""Note the attendance of everybody who is matched; returns how many were `recorded` and `left`.

		May be repeated, as after more rows were decided: nothing counts twice.
		"""
		self.check_permission("write")
		if self.status not in (CHECKED, COMPLETED):
			frappe.throw(_("Check the report first."), attendance.AttendanceError)
		chosen = {row.enrollment for row in self.rows if row.outcome == MATCHED}
		# Whom an earlier recording took for somebody, and who is no longer.
		before = set(
			frappe.get_all(
				"Training Enrollment",
				{"session": self.session, "check_in_via": attendance.MEETING_REPORT},
				pluck="name",
				order_by=None,
			)
			if self.status == COMPLETED
			else ()
		)
		self.db_set("status", COMPLETED)
		left = attendance.record_reports(self.session, chosen | before)
		for row in self.rows:
			if row.outcome == MATCHED and row.enrollment in left:
				row.detail = left[row.enrollment]
		self.recorded = len(chosen - left.keys())
		self.keep()
		return {"recorded": self.recorded, "left": len(chosen & left.keys())}

	@frappe.whitelist()
	def take_back(self) -> None:
		"""Undo a recording: the attendance is what the other reports of the session say."""
		self.check_permission("write")
		if self.status != COMPLETED:
			return
		chosen = {row.enrollment for row in self.rows if row.outcome == MATCHED}
		self.db_set("status", CHECKED)
		attendance.record_reports(self.session, chosen)
		self.recorded = 0
		self.keep()

	def keep(self) -> None:
		"""Save with results."""
		self.flags.by_import = True
		try:
			self.save()
		finally:
			self.flags.by_import = False

	def summary(self) -> str:
		"""How the report stands, as HTML."""
		lines = [
			_("{0} people in a report of {1}: {2} matched, {3} to be decided, {4} problems.").format(
				len(self.rows), escape_html(self.source or ""), self.matched, self.not_matched, self.problems
			)
		]
		if self.rows and not any(cint(row.minutes) for row in self.rows):
			lines.append(
				_("Nobody was there in the session's time. Are the times by the clock of {0}?").format(
					escape_html(self.time_zone or "")
				)
			)
		twice = self.content_hash and frappe.db.get_value(
			"Attendance Import",
			{
				"session": self.session,
				"content_hash": self.content_hash,
				"status": COMPLETED,
				"name": ("!=", self.name),
			},
		)
		if twice:
			lines.append(_("{0} has recorded this very file already; nothing counts twice.").format(twice))
		return "".join(f"<p>{line}</p>" for line in lines)
