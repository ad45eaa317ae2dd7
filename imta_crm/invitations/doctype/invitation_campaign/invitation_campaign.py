from frappe.model.document import Document


class InvitationCampaign(Document):
	pass
