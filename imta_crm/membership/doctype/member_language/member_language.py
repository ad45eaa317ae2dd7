from frappe.model.document import Document


class MemberLanguage(Document):
	pass
