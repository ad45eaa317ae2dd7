from frappe.model.document import Document


class EventReminder(Document):
	pass
