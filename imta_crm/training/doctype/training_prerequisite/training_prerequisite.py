from frappe.model.document import Document


class TrainingPrerequisite(Document):
	pass
