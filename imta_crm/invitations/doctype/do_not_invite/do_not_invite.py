from frappe.model.document import Document


class DoNotInvite(Document):
	pass
