from frappe.model.document import Document


class TrainingEnrollment(Document):
	pass
