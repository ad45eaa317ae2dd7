from frappe.model.document import Document

from imta_crm.membership.members import refuse_row


class MemberStatusHistory(Document):
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
		status: DF.Literal[
			"Applicant", "Active", "In Arrears", "Suspended", "Withdrawn", "Removed", "Emeritus"
		]
		to_date: DF.Date | None
	# end: auto-generated types

	def validate(self) -> None:
		# Saved with its member a row is not validated by itself: this is somebody who saves the row alone.
		refuse_row(self)

	def on_trash(self) -> None:
		refuse_row(self)
