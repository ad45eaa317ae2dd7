from frappe.model.document import Document


class TrainingAudienceTier(Document):
	pass
