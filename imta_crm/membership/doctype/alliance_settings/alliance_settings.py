from frappe.model.document import Document


class AllianceSettings(Document):
	pass
