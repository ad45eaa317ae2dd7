from frappe.model.document import Document


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
		status: DF.Literal["Draft", "Queued", "Running", "Paused", "Completed", "Completed with Failures", "Cancelled"]
		total: DF.Int
		workers: DF.Int
	# end: auto-generated types

	pass
