from frappe.model.document import Document


class RosterImportProblem(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		code: DF.Data | None
		column_name: DF.Data | None
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		problem: DF.SmallText | None
		roster_no: DF.Data | None
		row_no: DF.Int
		value: DF.SmallText | None
	# end: auto-generated types

	pass
