from frappe.model.document import Document


class Invitation(Document):
	pass
