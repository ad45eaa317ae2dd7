from frappe.model.document import Document


class InvitationTouch(Document):
	pass
