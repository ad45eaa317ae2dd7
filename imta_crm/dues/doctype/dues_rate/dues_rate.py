from frappe.model.document import Document


class DuesRate(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		currency: DF.Link
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		rate: DF.Float
		rate_date: DF.Date | None
		receivable_account: DF.Link | None
		source: DF.Data | None
	# end: auto-generated types

	pass
