"""Who teaches."""

from frappe.model.document import Document


class EventTrainer(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		contact: DF.Link | None
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		position: DF.Data | None
		trainer_name: DF.Data
		trainer_name_zh: DF.Data | None
	# end: auto-generated types

	pass
