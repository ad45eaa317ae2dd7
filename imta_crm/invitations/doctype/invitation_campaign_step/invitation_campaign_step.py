from frappe.model.document import Document


class InvitationCampaignStep(Document):
	pass
