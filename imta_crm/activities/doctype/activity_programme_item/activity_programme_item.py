from frappe.model.document import Document


class ActivityProgrammeItem(Document):
	pass
