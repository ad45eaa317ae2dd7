from frappe.model.document import Document


class EventTrainer(Document):
	pass
