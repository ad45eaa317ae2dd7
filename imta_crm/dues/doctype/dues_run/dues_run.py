import csv
import io

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint

from imta_crm.dues import runner, years
from imta_crm.policy.names import safe_cell


class DuesRun(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		as_of: DF.Date
		charged: DF.Int
		chunk_size: DF.Int
		company: DF.Link | None
		dues_year: DF.Link
		error: DF.SmallText | None
		failed: DF.Int
		finished_at: DF.Datetime | None
		heartbeat: DF.Datetime | None
		naming_series: DF.Literal["DRUN-.YYYY.-.####"]
		skipped: DF.Int
		started_at: DF.Datetime | None
		status: DF.Literal[
			"Draft", "Queued", "Running", "Paused", "Completed", "Completed with Failures", "Cancelled"
		]
		total: DF.Int
		workers: DF.Int
	# end: auto-generated types

	def validate(self) -> None:
		self.validate_year()
		self.validate_workers()

	def validate_year(self) -> None:
		self.company = frappe.db.get_value("Dues Year", self.dues_year, "company")

	def validate_workers(self) -> None:
		self.workers = min(max(cint(self.workers), 1), runner.MAX_WORKERS)
		self.chunk_size = min(max(cint(self.chunk_size), 1), runner.MAX_CHUNK)

	def on_trash(self) -> None:
		if self.status != runner.DRAFT and frappe.db.exists("Dues Charge", {"dues_run": self.name}):
			frappe.throw(_("{0} has made charges and cannot be deleted.").format(self.name))

	def onload(self) -> None:
		self.set_onload("is_stalled", self.status in runner.ALIVE and runner.is_stalled(self))

	@frappe.whitelist()
	def preview(self) -> dict:
		"""Who would be charged now, how much and why, and who not and why not. Changes nothing."""
		self.check_permission("read")
		return runner.preview(years.get_year(self.dues_year), self.as_of)

	@frappe.whitelist()
	def start(self) -> None:
		"""Start, resume, or try again what failed."""
		self.check_permission("write")
		runner.start(self.name)

	@frappe.whitelist()
	def pause(self) -> None:
		self.check_permission("write")
		runner.pause(self.name)

	@frappe.whitelist()
	def give_up(self) -> None:
		"""End a run for good that has not finished; what it has invoiced stays."""
		self.check_permission("write")
		runner.cancel(self.name)

	@frappe.whitelist()
	def failures(self) -> list[dict]:
		"""The charges that this run could not invoice, with the reason."""
		self.check_permission("read")
		return frappe.get_list(
			"Dues Charge",
			{"dues_run": self.name, "status": "Failed"},
			["name", "member", "member_name", "error", "attempts"],
			order_by="name",
			limit_page_length=0,
		)


@frappe.whitelist()
def export_preview(name: str) -> None:
	"""The preview as a CSV file for a spreadsheet (UTF-8 with BOM); no cell can become a formula."""
	run = frappe.get_doc("Dues Run", name)
	run.check_permission("read")
	frappe.has_permission("Dues Run", "export", doc=run, throw=True)
	columns = (
		("member", _("Member")),
		("member_name", _("Member Name")),
		("country", _("Country")),
		("tier", _("Tier")),
		("charge_type", _("Type")),
		("state", _("State")),
		("amount", _("Amount")),
		("currency", _("Currency")),
		("covered_from", _("Covered From")),
		("covered_to", _("Covered To")),
		("reason", _("Reason")),
	)
	out = io.StringIO()
	writer = csv.writer(out)
	writer.writerow([label for _field, label in columns])
	for row in run.preview()["lines"]:
		writer.writerow(
			["" if row[field] is None else safe_cell(str(row[field])) for field, _label in columns]
		)
	frappe.response.update(
		{
			"type": "download",
			"filename": f"{name}.csv",
			"filecontent": out.getvalue().encode("utf-8-sig"),
		}
	)
