from frappe.model.document import Document


class ProspectImportRow(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		country: DF.Data | None
		email: DF.Data | None
		invitation: DF.Link | None
		matched: DF.DynamicLink | None
		matched_doctype: DF.Link | None
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		prospect_name: DF.Data | None
		reason: DF.SmallText | None
		row_no: DF.Int
		verdict: DF.Literal["Refused", "To Decide", "Already There"]
	# end: auto-generated types

	pass
