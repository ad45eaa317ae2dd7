from frappe.model.document import Document


class SeatNotice(Document):
	pass
