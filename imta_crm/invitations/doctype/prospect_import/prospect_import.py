from frappe.model.document import Document


class ProspectImport(Document):
	pass
