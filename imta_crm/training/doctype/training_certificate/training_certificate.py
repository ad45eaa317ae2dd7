from frappe.model.document import Document


class TrainingCertificate(Document):
	pass
