from frappe.model.document import Document


class MemberStatusHistory(Document):
	pass
