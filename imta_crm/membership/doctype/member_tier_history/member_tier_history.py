from frappe.model.document import Document


class MemberTierHistory(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		changed_by: DF.Link | None
		from_date: DF.Date
		membership_change: DF.Link | None
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		reason: DF.SmallText | None
		tier: DF.Link
		to_date: DF.Date | None
	# end: auto-generated types

	pass
