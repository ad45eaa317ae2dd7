from frappe.model.document import Document


class SeatFee(Document):
	pass
