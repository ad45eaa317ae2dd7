from frappe.model.document import Document


class MemberAffiliate(Document):
	pass
