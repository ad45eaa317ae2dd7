from frappe.model.document import Document


class ActivityDelegate(Document):
	pass
