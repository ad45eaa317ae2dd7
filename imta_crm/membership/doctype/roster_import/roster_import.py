"""Makes members from a spreadsheet: checked first, every problem by row and column, then row by row.

An import can be stopped at any moment, also by force. Members and the counts of this document are committed
together in chunks, a row that is a member already is left alone, and a lock of the database that ends with
its connection says whether an import is running. So resuming is simply running it again.
"""

from __future__ import annotations

import hashlib
from collections import Counter

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, getdate, now_datetime, nowdate

from imta_crm import imports
from imta_crm.defaults import read
from imta_crm.erp import masters
from imta_crm.membership import members
from imta_crm.policy import roster
from imta_crm.transactions import all_or_nothing

IMPORT = "Roster Import"
JOB = "imta_crm.membership.doctype.roster_import.roster_import.run_import"
CHUNK = 25  # rows in one transaction: small enough to lose little, large enough to be quick
SHOWN_PROBLEMS = 500  # rows of the table in the form; the download has all of them
SHOWN_MEMBERS = 15
IMPORTABLE = ("Checked", "Queued", "Importing", "Failed")


class RosterFileError(frappe.ValidationError):
	"""The attached file cannot be read as a roster."""


class ImportRunningError(frappe.ValidationError):
	"""The import is at work already."""


class NotCheckedError(frappe.ValidationError):
	"""The roster has to be checked as it is now before it is imported."""


class RosterImport(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from imta_crm.membership.doctype.roster_import_problem.roster_import_problem import (
			RosterImportProblem,
		)

		already_there: DF.Int
		attempts: DF.Int
		encoding: DF.Data | None
		error: DF.SmallText | None
		failed: DF.Int
		file_hash: DF.Data | None
		finished_at: DF.Datetime | None
		imported: DF.Int
		naming_series: DF.Literal["IMP-.YYYY.-.####"]
		problem_rows: DF.Int
		problems: DF.Table[RosterImportProblem]
		roster_file: DF.Attach
		separator: DF.Data | None
		started_at: DF.Datetime | None
		status: DF.Literal[
			"Draft",
			"Checked",
			"Queued",
			"Importing",
			"Completed",
			"Completed with Problems",
			"Failed",
		]
		total_rows: DF.Int
		valid_rows: DF.Int
	# end: auto-generated types

	def onload(self) -> None:
		if self.status == "Checked":
			self.set_onload("summary_html", self.summary())
			self.set_onload("to_create", self.valid_rows - self.already_there)
		elif self.status != "Draft":
			self.set_onload("summary_html", self.summary())
			self.set_onload("is_running", imports.is_running(IMPORT, self.name))

	def validate(self) -> None:
		self.validate_file_is_kept()
		imports.keep_private(self, "roster_file", RosterFileError)
		self.reset_after_new_file()

	def validate_file_is_kept(self) -> None:
		before = self.get_doc_before_save()
		if before and before.roster_file != self.roster_file and before.status not in ("Draft", "Checked"):
			frappe.throw(
				_("The roster of an import that has begun cannot be exchanged. Make a new import."),
				ImportRunningError,
			)

	def reset_after_new_file(self) -> None:
		if not self.is_new() and self.has_value_changed("roster_file") and self.status == "Checked":
			self.status = "Draft"
			self.file_hash = None
			self.problems = []

	def on_trash(self) -> None:
		if imports.is_running(IMPORT, self.name):
			frappe.throw(_("This import is running."), ImportRunningError)

	# Reading

	def read(self) -> tuple[roster.Table, roster.RosterResult, str]:
		"""The file as the rules see it, and its hash. Knows who is a member now.

		:raises RosterFileError: the file is no roster
		"""
		data = imports.content_of(self, "roster_file", RosterFileError)
		try:
			table = roster.read_table(data)
			result = roster.check_roster(
				table,
				tiers=known_tiers(),
				currencies=known_currencies(),
				existing=members.known_identities(),
				today=getdate(nowdate()),
			)
		except roster.RosterError as error:
			frappe.throw(error.text(frappe.local.lang), RosterFileError)
		return table, result, hashlib.sha256(data).hexdigest()

	# Checking

	@frappe.whitelist()
	def check(self) -> None:
		"""Dry run: counts and every problem by row and column. Creates nothing."""
		self.check_permission("write")
		if self.status not in ("Draft", "Checked"):
			frappe.throw(_("This import has begun already."), ImportRunningError)
		table, result, self.file_hash = self.read()
		self.encoding, self.separator = table.encoding, imports.separator_name(table.separator)
		self.set_counts(result)
		self.set("problems", [])
		for problem in result.problems[:SHOWN_PROBLEMS]:
			self.append("problems", problem_row(problem))
		self.status = "Checked"
		self.error = None
		self.save()

	def set_counts(self, result: roster.RosterResult) -> None:
		self.valid_rows = len(result.members) + len(result.already)
		self.problem_rows = len({problem.row for problem in result.problems})
		self.total_rows = self.valid_rows + self.problem_rows
		self.already_there = len(result.already)

	def summary(self) -> str:
		"""What the check found or the import did, as HTML in the reader's language. Escapes every value."""
		counts = {}
		rows: list = []
		if self.status == "Checked":
			try:
				_table, result, _hash = self.read()
			except Exception:
				frappe.clear_last_message()
				return ""
			rows = result.members
			counts = {
				_("By tier"): Counter(_(member.tier) for member in rows),
				_("By currency"): Counter(member.currency or "-" for member in rows),
				_("By type"): Counter(_(member.member_type) for member in rows),
			}
		return frappe.render_template(
			"imta_crm/membership/doctype/roster_import/summary.html",
			{
				"doc": self,
				"counts": counts,
				"members": rows[:SHOWN_MEMBERS],
				"more": max(0, len(rows) - SHOWN_MEMBERS),
				"to_create": len(rows),
				"countries": len({member.country_code for member in rows}),
				"shown_problems": len(self.problems),
				"limit": SHOWN_PROBLEMS,
			},
		)

	# Importing

	@frappe.whitelist()
	def start_import(self) -> None:
		"""Queue the import, or its continuation. A second click while it runs is refused."""
		self.check_permission("write")
		# The row stays locked until the request ends: of two clicks the second waits and sees the first.
		status, attempts = frappe.db.get_value(
			self.doctype, self.name, ["status", "attempts"], for_update=True
		)
		if status not in IMPORTABLE:
			frappe.throw(_("Check the roster first."), NotCheckedError)
		at_work = imports.is_running(IMPORT, self.name)
		if at_work or (status in ("Queued", "Importing") and imports.is_waiting(IMPORT, self.name, attempts)):
			frappe.throw(_("This import is running."), ImportRunningError)
		if status == "Checked":
			_table, _result, digest = self.read()
			if digest != self.file_hash:
				frappe.throw(_("The file has changed since it was checked. Check it again."), NotCheckedError)
		attempts = cint(attempts) + 1
		self.db_set({"status": "Queued", "attempts": attempts, "error": None})
		imports.enqueue(IMPORT, self.name, attempts, JOB)

	def run(self) -> None:
		"""Import what is not there yet. Commits after each chunk; running it again continues or does nothing."""
		with imports.running(IMPORT, self.name) as mine:
			if not mine:
				return
			self.reload()
			if self.status not in IMPORTABLE:
				return
			self.begin()
			try:
				_table, result, _digest = self.read()
				self.import_rows(result)
			except Exception as error:
				frappe.db.rollback()
				self.fail(error)
				return
			self.finish()

	def begin(self) -> None:
		values = {"status": "Importing"}
		if not self.started_at:
			values["started_at"] = now_datetime()
		self.db_set(values)
		# What is counted from here on belongs to this import.
		frappe.db.commit()

	def import_rows(self, result: roster.RosterResult) -> None:
		failed_before = set(
			frappe.get_all(
				"Roster Import Problem", filters={"parent": self.name, "code": "not_created"}, pluck="row_no"
			)
		)
		rows = [row for row in result.members if row.row not in failed_before]
		countries = masters.country_names()
		total = self.valid_rows - self.already_there
		for start in range(0, len(rows), CHUNK):
			created = existing = 0
			failures = []
			for row in rows[start : start + CHUNK]:
				try:
					with all_or_nothing():
						members.create_member(new_member(row, countries), source="Import", on=row.joined_on)
					created += 1
				except Exception as error:
					if frappe.db.is_deadlocked(error) or frappe.db.is_timedout(error):
						raise
					if is_duplicate(error):
						existing += 1
						frappe.clear_messages()
						continue
					frappe.log_error(title=f"Roster Import {self.name}: row {row.row}")
					failures.append((row, imports.message_of(error)))
			self.record_chunk(created, existing, failures)
			# Members and counts in one transaction: a kill loses both or neither.
			frappe.db.commit()
			self.publish(self.imported + self.failed, total)

	def record_chunk(self, created: int, existing: int, failures: list) -> None:
		for row, message in failures:
			problem = self.append(
				"problems",
				{
					"row_no": row.row,
					"roster_no": row.no,
					"column_name": "",
					"value": row.name,
					"problem": message,
					"code": "not_created",
				},
			)
			problem._sanitize_content()
			problem.db_insert()
		self.db_set(
			{
				"imported": self.imported + created,
				"already_there": self.already_there + existing,
				"failed": self.failed + len(failures),
			}
		)

	def finish(self) -> None:
		problems = self.problem_rows or self.failed
		self.db_set(
			{
				"status": "Completed with Problems" if problems else "Completed",
				"finished_at": now_datetime(),
				"error": None,
			}
		)
		frappe.db.commit()  # the end of the job
		self.publish(self.imported + self.failed, self.imported + self.failed, done=True)

	def fail(self, error: Exception) -> None:
		frappe.log_error(title=f"Roster Import {self.name}")
		self.reload()
		self.db_set({"status": "Failed", "error": imports.message_of(error)})
		frappe.db.commit()  # the end of the job
		self.publish(self.imported + self.failed, self.valid_rows, done=True)

	def publish(self, processed: int, total: int, done: bool = False) -> None:
		frappe.publish_realtime(
			"roster_import_progress",
			{"name": self.name, "processed": processed, "total": total, "done": done},
			doctype=self.doctype,
			docname=self.name,
		)


def run_import(name: str) -> None:
	"""Background job of one import."""
	frappe.get_doc("Roster Import", name).run()


def resume_stalled() -> None:
	"""Put imports that were killed back into the queue; for the scheduler."""
	imports.resume_stalled(IMPORT, JOB)


@frappe.whitelist(methods=["POST"])
def download_problems(name: str) -> None:
	"""All problems as CSV for a spreadsheet, with every cell made inert."""
	doc = frappe.get_doc("Roster Import", name)
	doc.check_permission("read")
	rows = [(p.row_no, p.roster_no, p.column_name, imports.plain(p.value), p.problem) for p in doc.problems]
	if doc.problem_rows and len(doc.problems) >= SHOWN_PROBLEMS:
		_table, result, _digest = doc.read()
		rows = [
			(p["row_no"], p["roster_no"], p["column_name"], p["value"], p["problem"])
			for p in map(problem_row, result.problems)
		]
		rows += [
			(p.row_no, p.roster_no, p.column_name, imports.plain(p.value), p.problem)
			for p in doc.problems
			if p.code == "not_created"
		]
	heading = (_("Line"), _("No."), _("Column"), _("Value"), _("Problem"))
	imports.send_csv(f"{doc.name}-problems.csv", [heading, *rows])


def known_tiers() -> list[dict]:
	"""Tiers with the other names under which a roster may have them."""
	return frappe.get_all(
		"Member Tier",
		filters={"disabled": 0},
		fields=["tier_name", "tier_name_zh", "aliases", "member_type"],
		order_by="`rank` desc",
	)


def known_currencies() -> set[str]:
	"""Currencies that the alliance invoices in: those of the tiers and of the dues years.

	Before the first dues year is made, the shipped ones say it.
	"""
	codes = set(frappe.get_all("Member Tier", filters={"disabled": 0}, pluck="dues_currency"))
	codes |= set(frappe.get_all("Dues Year", pluck="reference_currency"))
	codes |= set(frappe.get_all("Dues Rate", filters={"parenttype": "Dues Year"}, pluck="currency"))
	if not frappe.db.count("Dues Year"):
		for year in read("dues_years") or []:
			codes |= {year["reference_currency"], *(rate["currency"] for rate in year["rates"])}
	return {code for code in codes if code}


def new_member(row: roster.RosterMember, countries: dict[str, str]) -> members.NewMember:
	"""A valid row as the membership takes it; the region follows from the country."""
	country = countries.get(row.country_code.upper())
	if not country:
		frappe.throw(_("This site has no country or region with the code {0}.").format(row.country_code))
	language = row.language if row.language and frappe.db.exists("Language", row.language) else None
	return members.NewMember(
		member_name=row.name,
		member_name_local=row.name_local or None,
		member_type=row.member_type,
		country=country,
		territory=masters.territory_of(country),
		tier=row.tier,
		sector=sector_of(row.sector),
		is_key_member=bool(row.is_key),
		preferred_language=language,
		invoice_currency=row.currency or None,
		email=row.email or None,
		joined_on=row.joined_on,
		roster_no=row.no or None,
	)


def sector_of(name: str | None) -> str | None:
	"""The sector of a row. Raises where there is none of this name and an import may not make it."""
	sector = imports.sector_of(name)
	if name and not sector:
		frappe.throw(_("There is no sector {0}.").format(frappe.bold(frappe.utils.escape_html(name))))
	return sector


def problem_row(problem: roster.Problem) -> dict:
	return {
		"row_no": problem.row,
		"roster_no": problem.no,
		"column_name": problem.column,
		"value": problem.value,
		"problem": problem.text(frappe.local.lang),
		"code": problem.code,
	}


def is_duplicate(error: Exception) -> bool:
	"""Whether somebody else made this member meanwhile: found by the look-up or by the database's unique key."""
	if isinstance(error, members.DuplicateMemberError):
		return True
	return isinstance(error, frappe.UniqueValidationError) and "identity_key" in str(error)
