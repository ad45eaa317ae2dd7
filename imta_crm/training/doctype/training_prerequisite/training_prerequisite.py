from frappe.model.document import Document


class TrainingPrerequisite(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		certificate_required: DF.Check
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		program: DF.Link
	# end: auto-generated types
	pass
