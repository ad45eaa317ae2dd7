from frappe.model.document import Document


class SeatReservation(Document):
	pass
