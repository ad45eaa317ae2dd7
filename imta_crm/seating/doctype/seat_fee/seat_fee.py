"""What a seat costs somebody of a kind, tier and role."""

from frappe.model.document import Document


class SeatFee(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		delegate_role: DF.Literal["", "Speaker", "Exhibitor", "Delegate", "Guest"]
		fee: DF.Currency
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		participant_type: DF.Literal["Member", "Guest", "Staff"]
		tier: DF.Link | None
	# end: auto-generated types

	pass
