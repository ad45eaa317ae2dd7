from frappe.model.document import Document


class SessionFeedback(Document):
	pass
