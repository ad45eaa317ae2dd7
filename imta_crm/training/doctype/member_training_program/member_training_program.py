from frappe.model.document import Document


class MemberTrainingProgram(Document):
	pass
