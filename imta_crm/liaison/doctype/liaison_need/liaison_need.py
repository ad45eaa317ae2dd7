from frappe.model.document import Document


class LiaisonNeed(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		category: DF.Literal[
			"",
			"Promotion",
			"Partnership",
			"Training",
			"Information",
			"Market Access",
			"Events",
			"Dues and Membership",
			"Other",
		]
		is_met: DF.Check
		need: DF.Data
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
	# end: auto-generated types

	pass
