from frappe.model.document import Document


class FreeSeat(Document):
	"""A seat that a member's tier grants in a year, taken by a booking.

	Its name is member, year and number, so the database grants each once, to trainings and activities alike.
	"""

	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		booking: DF.DynamicLink
		booking_doctype: DF.Link
		member: DF.Link
		number: DF.Int
		year: DF.Int
	# end: auto-generated types
