from frappe.model.document import Document


class IMTAMember(Document):
	pass
