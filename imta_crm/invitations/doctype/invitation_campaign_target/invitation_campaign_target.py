from frappe.model.document import Document


class InvitationCampaignTarget(Document):
	pass
