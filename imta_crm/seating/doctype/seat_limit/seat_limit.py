from frappe.model.document import Document


class SeatLimit(Document):
	pass
