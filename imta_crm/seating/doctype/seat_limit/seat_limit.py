"""How many people one organisation may send to an event."""

from frappe.model.document import Document


class SeatLimit(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		seats: DF.Int
		tier: DF.Link | None
	# end: auto-generated types

	pass
