from frappe.model.document import Document


class MemberTierBenefit(Document):
	pass
