from frappe.model.document import Document


class MemberTier(Document):
	pass
