from frappe.model.document import Document


class EventMaterial(Document):
	pass
