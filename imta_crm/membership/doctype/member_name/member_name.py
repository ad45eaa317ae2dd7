from frappe.model.document import Document


class MemberName(Document):
	pass
