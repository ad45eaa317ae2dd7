from frappe.model.document import Document


class MemberTierHistory(Document):
	pass
