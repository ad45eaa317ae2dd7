from frappe.model.document import Document


class AllianceActivity(Document):
	pass
