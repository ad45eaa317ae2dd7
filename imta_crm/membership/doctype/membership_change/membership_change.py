from frappe.model.document import Document


class MembershipChange(Document):
	pass
