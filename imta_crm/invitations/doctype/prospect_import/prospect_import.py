"""Brings prospects into a campaign: checked first, then invited, held or refused one by one.

An import can be stopped at any moment, also by force. Invitations, Leads, rows and the count of what was dealt
with are committed together in chunks, and a lock of the database that ends with its connection says whether an
import is at work. So resuming is simply running it again, and what it imports is what was checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, cstr, now_datetime

from imta_crm import imports
from imta_crm.erp import masters
from imta_crm.invitations import campaigns, prospects, sources
from imta_crm.invitations.prospects import Added, Judged
from imta_crm.policy import roster
from imta_crm.policy.invitation import MEMBERSHIP
from imta_crm.policy.prospects import ALREADY, HOLD, INVITE, REFUSE
from imta_crm.transactions import ASKED_BY_DATABASE, TRIES

IMPORT, ROW = "Prospect Import", "Prospect Import Row"
JOB = "imta_crm.invitations.doctype.prospect_import.prospect_import.run_import"
CHUNK = 25  # prospects in one transaction: small enough to lose little, large enough to be quick
SHOWN_ROWS = 2000  # of the check; an import notes all
SHOWN_PROSPECTS = 15
PATIENCE = 120  # seconds to wait for another import's chunk
IMPORTABLE = ("Checked", "Queued", "Importing", "Failed")
VERDICTS = {REFUSE: "Refused", HOLD: "To Decide", ALREADY: "Already There"}
EVENT = "prospect_import_progress"


class ProspectSourceError(frappe.ValidationError):
	"""The source cannot be read, or does not fit the campaign."""


class ImportRunningError(frappe.ValidationError):
	"""The import is at work already, or is done."""


class NotCheckedError(frappe.ValidationError):
	"""The prospects have to be checked as they are now before they are imported."""


class ProspectImport(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from imta_crm.invitations.doctype.prospect_import_row.prospect_import_row import ProspectImportRow

		already: DF.Int
		attempts: DF.Int
		campaign: DF.Link
		content_hash: DF.Data | None
		encoding: DF.Data | None
		error: DF.SmallText | None
		event_name: DF.Data | None
		filters_json: DF.Code | None
		finished_at: DF.Datetime | None
		heartbeat: DF.Datetime | None
		held: DF.Int
		lapsed_from: DF.Date | None
		lapsed_to: DF.Date | None
		made: DF.Int
		met_from: DF.Date | None
		met_to: DF.Date | None
		naming_series: DF.Literal["PIM-.YYYY.-.####"]
		officer: DF.Link | None
		processed: DF.Int
		prospect_file: DF.Attach | None
		refused: DF.Int
		rows: DF.Table[ProspectImportRow]
		separator: DF.Data | None
		source: DF.Literal["File", "Leads", "Lapsed Members", "Members", "People Met"]
		started_at: DF.Datetime | None
		started_by: DF.Link | None
		status: DF.Literal["Draft", "Checked", "Queued", "Importing", "Completed", "Failed"]
		to_invite: DF.Int
		total_rows: DF.Int
	# end: auto-generated types

	def onload(self) -> None:
		if self.status == "Draft":
			return
		self.set_onload("summary_html", self.summary())
		if self.status != "Checked":
			self.set_onload("is_running", imports.is_running(IMPORT, self.name))

	def before_insert(self) -> None:
		"""A form or a request says what is to be imported; what became of it is the import's to say."""
		for field in RESULTS:
			self.set(field, 0 if self.meta.get_field(field).fieldtype == "Int" else None)
		self.status, self.rows = "Draft", []
		campaigns.check_open_for_prospects(self.campaign)

	def validate(self) -> None:
		self.keep_results()
		self.validate_source()
		self.validate_what_is_kept()
		self.keep_file_private()
		self.reset_after_change()

	# Steps

	def keep_results(self) -> None:
		"""Frappe keeps "read only" in the browser, not on the server."""
		before = self.get_doc_before_save()
		if not before or self.flags.by_import:
			return
		for field in (*RESULTS, "status"):
			self.set(field, before.get(field))
		self.set("rows", before.rows)

	def validate_source(self) -> None:
		if self.source == sources.FILE and not self.prospect_file:
			frappe.throw(_("Attach the file."), ProspectSourceError)
		if self.source == sources.MEMBERS and self.purpose() == MEMBERSHIP:
			frappe.throw(_("Members are invited to activities, not to become members."), ProspectSourceError)
		if self.source == sources.MET and not (self.event_name or self.met_from or self.met_to):
			frappe.throw(_("Name the event or its days."), ProspectSourceError)
		if self.source in sources.FILTERED:
			sources.parse_filters(sources.FILTERED[self.source], self.filters_json)
		for first, last in (("lapsed_from", "lapsed_to"), ("met_from", "met_to")):
			if self.get(first) and self.get(last) and str(self.get(first)) > str(self.get(last)):
				frappe.throw(_("The last day lies before the first."), ProspectSourceError)

	def validate_what_is_kept(self) -> None:
		before = self.get_doc_before_save()
		if before and before.status not in ("Draft", "Checked") and self.source_changed(before):
			frappe.throw(
				_("An import that has begun keeps its source. Make a new import."), ImportRunningError
			)

	def source_changed(self, before: Document) -> bool:
		return any(cstr(before.get(field)) != cstr(self.get(field)) for field in SOURCE_FIELDS)

	def keep_file_private(self) -> None:
		if self.source == sources.FILE:
			imports.keep_private(self, "prospect_file", ProspectSourceError)

	def reset_after_change(self) -> None:
		before = self.get_doc_before_save()
		if before and self.status == "Checked" and self.source_changed(before):
			self.status, self.content_hash, self.rows = "Draft", None, []

	def on_trash(self) -> None:
		if imports.is_running(IMPORT, self.name):
			frappe.throw(_("This import is running."), ImportRunningError)

	# Reading

	def purpose(self) -> str:
		return frappe.get_cached_value(campaigns.CAMPAIGN, self.campaign, "purpose")

	def collect(self) -> sources.Collected:
		"""What the source holds now, as the user may see it.

		:raises ProspectSourceError: the file is none of prospects
		"""
		if self.source == sources.FILE:
			try:
				return sources.from_file(imports.content_of(self, "prospect_file", ProspectSourceError))
			except roster.RosterError as error:
				frappe.throw(error.text(frappe.local.lang), ProspectSourceError)
		if self.source == sources.LEADS:
			return sources.from_leads(sources.parse_filters(sources.FILTERED[self.source], self.filters_json))
		if self.source == sources.MEMBERS:
			return sources.from_members(
				sources.parse_filters(sources.FILTERED[self.source], self.filters_json)
			)
		if self.source == sources.LAPSED:
			return sources.from_lapsed(self.lapsed_from, self.lapsed_to)
		return sources.from_people_met(
			self.event_name, self.met_from, self.met_to, with_members=self.purpose() != MEMBERSHIP
		)

	# Checking

	@frappe.whitelist(methods=["POST"])
	def check(self) -> None:
		"""Dry run: counts, and every prospect that is refused or held with the reason. Invites nobody."""
		self.check_permission("write")
		campaigns.check_may_plan(self.campaign)
		if self.status not in ("Draft", "Checked", "Failed") or imports.is_running(IMPORT, self.name):
			frappe.throw(_("This import has begun already."), ImportRunningError)
		found = self.collect()
		outcome = prospects.dry_run(self.campaign, found.prospects)
		self.content_hash = found.digest
		self.encoding, self.separator = found.encoding, imports.separator_name(found.separator)
		self.total_rows = found.total
		self.to_invite = len(outcome.invited)
		self.processed = 0
		self.error = None
		self.set_outcome(found, outcome)
		self.status = "Checked"
		self.flags.by_import = True
		self.save()

	def set_outcome(self, found: sources.Collected, outcome: Added) -> None:
		self.held = len(outcome.held)
		self.refused = len(outcome.refused) + len(problem_rows(found))
		self.already = len(outcome.already)
		rows = problem_rows(found) + [row_of(one) for one in outcome.judged if one.kind != INVITE]
		self.set("rows", [])
		for row in sorted(rows, key=lambda row: row["row_no"])[:SHOWN_ROWS]:
			self.append("rows", row)

	def summary(self) -> str:
		"""What the check found or the import did, as HTML in the reader's language. Escapes every value."""
		return frappe.render_template(
			"imta_crm/invitations/doctype/prospect_import/summary.html",
			{
				"doc": self,
				"is_checked": self.status == "Checked",
				"noted": self.held + self.refused + self.already,
				"shown": len(self.rows),
			},
		)

	# Importing

	@frappe.whitelist(methods=["POST"])
	def start_import(self) -> None:
		"""Queue the import, or its continuation. A second click while it runs is refused."""
		self.check_permission("write")
		campaigns.check_may_plan(self.campaign)
		campaigns.check_open_for_prospects(self.campaign)
		# The row stays locked until the request ends: of two clicks the second waits and sees the first.
		status, attempts = frappe.db.get_value(
			self.doctype, self.name, ["status", "attempts"], for_update=True
		)
		if status not in IMPORTABLE:
			frappe.throw(_("Check the prospects first."), NotCheckedError)
		if imports.is_running(IMPORT, self.name) or (
			status in ("Queued", "Importing") and imports.is_waiting(IMPORT, self.name, attempts)
		):
			frappe.throw(_("This import is running."), ImportRunningError)
		if status == "Checked" and self.collect().digest != self.content_hash:
			frappe.throw(
				_("The prospects have changed since they were checked. Check them again."), NotCheckedError
			)
		self.db_set(
			{
				"status": "Queued",
				"attempts": cint(attempts) + 1,
				"error": None,
				# Whoever resumes it, the sources are read with these eyes.
				"started_by": self.started_by or frappe.session.user,
			}
		)
		imports.enqueue(IMPORT, self.name, cint(attempts) + 1, JOB)

	def run(self) -> None:
		"""Invite whom it has not dealt with yet. Commits after each chunk; running it again continues."""
		with imports.running(IMPORT, self.name) as mine:
			if not mine:
				return
			self.reload()
			if self.status not in IMPORTABLE:
				return
			try:
				found = self.collect()
				if found.digest != self.content_hash:
					frappe.throw(
						_("The prospects have changed since they were checked. Check them again."),
						NotCheckedError,
					)
				campaigns.check_open_for_prospects(self.campaign)
				self.begin(found)
				self.import_prospects(found)
			except Exception as error:
				frappe.db.rollback()
				self.fail(error)
				return
			self.finish()

	def begin(self, found: sources.Collected) -> None:
		"""The rows of the check make way for what really becomes of each."""
		values = {"status": "Importing", "heartbeat": now_datetime()}
		if not self.started_at:
			values["started_at"] = now_datetime()
		if not self.processed:
			frappe.db.delete(ROW, {"parenttype": IMPORT, "parent": self.name})
			self.rows = []
			problems = problem_rows(found)
			self.note(problems)
			values.update({"held": 0, "already": 0, "refused": len(problems)})
		self.db_set(values)
		frappe.db.commit()  # what is counted from here on is this import's

	def import_prospects(self, found: sources.Collected) -> None:
		total = len(found.prospects)
		register, since = None, None
		tries = 0
		while self.processed < total:
			chunk = found.prospects[self.processed : self.processed + CHUNK]
			try:
				with planning():
					# A new transaction sees what others have just invited.
					frappe.db.commit()
					if register is None:
						since = frappe.utils.now()
						register = prospects.make_register(self.campaign)
					else:
						prospects.refresh(register, self.campaign, since, but=self.name)
					added = prospects.add(
						self.campaign,
						chunk,
						source=sources.CALLED[self.source],
						prospect_import=self.name,
						officer=self.officer,
						register=register,
					)
					self.record_chunk(added, len(chunk))
					# All of a chunk in one transaction: a kill loses the whole of it or nothing.
					frappe.db.commit()
			except ASKED_BY_DATABASE:
				tries += 1
				if tries >= TRIES:
					raise
				frappe.db.rollback()
				frappe.clear_messages()
				self.reload()
				register = None  # it knows of invitations that are gone again
				continue
			tries = 0
			self.publish(self.processed, total)

	def record_chunk(self, added: Added, size: int) -> None:
		self.note([row_of(one) for one in added.judged if one.kind != INVITE])
		self.db_set(
			{
				"processed": self.processed + size,
				"made": self.made + len(added.invited),
				"held": self.held + len(added.held),
				"refused": self.refused + len(added.refused),
				"already": self.already + len(added.already),
				"heartbeat": now_datetime(),
			}
		)

	def note(self, rows: list[dict]) -> None:
		for values in rows:
			row = self.append("rows", values)
			row._sanitize_content()
			row.db_insert()

	def finish(self) -> None:
		self.db_set({"status": "Completed", "finished_at": now_datetime(), "error": None})
		frappe.db.commit()  # the end of the job
		self.publish(self.processed, self.processed, done=True)

	def fail(self, error: Exception) -> None:
		frappe.log_error(title=f"Prospect Import {self.name}")
		self.reload()
		self.db_set({"status": "Failed", "error": imports.message_of(error)})
		frappe.db.commit()  # the end of the job
		self.publish(self.processed, self.total_rows, done=True)

	def publish(self, processed: int, total: int, done: bool = False) -> None:
		frappe.publish_realtime(
			EVENT,
			{"name": self.name, "processed": processed, "total": total, "done": done},
			doctype=self.doctype,
			docname=self.name,
		)


#: What the import writes and nobody else.
RESULTS = (
	"encoding",
	"separator",
	"total_rows",
	"to_invite",
	"held",
	"refused",
	"already",
	"made",
	"error",
	"heartbeat",
	"content_hash",
	"started_by",
	"started_at",
	"finished_at",
	"attempts",
	"processed",
)
SOURCE_FIELDS = (
	"campaign",
	"source",
	"prospect_file",
	"filters_json",
	"lapsed_from",
	"lapsed_to",
	"event_name",
	"met_from",
	"met_to",
)


def run_import(name: str) -> None:
	"""Background job of one import, with the rights of whoever started it."""
	started_by = frappe.db.get_value(IMPORT, name, "started_by")
	if started_by and started_by != frappe.session.user:
		frappe.set_user(started_by)
	frappe.get_doc(IMPORT, name).run()


def resume_stalled() -> None:
	"""Put imports that were killed back into the queue; for the scheduler."""
	imports.resume_stalled(IMPORT, JOB)


@frappe.whitelist(methods=["POST"])
def download_rows(name: str) -> None:
	"""Who was refused, held or there already, as CSV for a spreadsheet, with every cell made inert."""
	doc = frappe.get_doc(IMPORT, name)
	doc.check_permission("read")
	heading = (_("Row"), _("Name"), _("Country/Region"), _("E-mail"), _("Verdict"), _("Reason"), _("Same As"))
	rows = [
		(
			row.row_no,
			imports.plain(row.prospect_name),
			row.country,
			row.email,
			_(row.verdict, context=ROW),
			imports.plain(row.reason),
			row.matched,
		)
		for row in doc.rows
	]
	imports.send_csv(f"{doc.name}.csv", [heading, *rows])


def row_of(judged: Judged) -> dict:
	"""A prospect that is not simply invited, as a row of the form."""
	prospect = judged.prospect
	return {
		"row_no": prospect.row,
		"prospect_name": prospect.name,
		"country": masters.country_names().get(prospect.country_code) or prospect.country,
		"email": prospect.email,
		"verdict": VERDICTS[judged.kind],
		"reason": judged.reason,
		"matched_doctype": judged.matched_doctype,
		"matched": judged.matched,
		"invitation": judged.invitation,
	}


def problem_rows(found: sources.Collected) -> list[dict]:
	"""Rows of the file that cannot be read: one for each, with all its problems."""
	by_row: dict[int, list] = {}
	for problem in found.problems:
		by_row.setdefault(problem.row, []).append(problem)
	lang = frappe.local.lang
	return [
		{
			"row_no": number,
			"prospect_name": getattr(problems[0], "name", "") or problems[0].value,
			"verdict": VERDICTS[REFUSE],
			"reason": "\n".join(
				f"{problem.column}: {problem.text(lang)}" if problem.column else problem.text(lang)
				for problem in problems
			),
		}
		for number, problems in by_row.items()
	]


@contextmanager
def planning() -> Iterator[None]:
	"""One import at a time looks at who is known and adds to them: likely duplicates have no unique key."""
	with imports.running(IMPORT, "", PATIENCE) as got:
		if not got:
			raise frappe.QueryTimeoutError
		yield
