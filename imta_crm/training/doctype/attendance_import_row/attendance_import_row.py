"""One person of a meeting's report, and who that is."""

from __future__ import annotations

from frappe.model.document import Document


class AttendanceImportRow(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		detail: DF.Data | None
		enrollment: DF.Link | None
		minutes: DF.Int
		outcome: DF.Literal["Matched", "Likely", "Not Found", "Ignored", "Problem"]
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		reported_email: DF.Data | None
		reported_name: DF.Data | None
		row_no: DF.Int
		stays: DF.LongText | None
	# end: auto-generated types

	pass
