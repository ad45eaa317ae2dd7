from frappe.model.document import Document


class ProspectImportRow(Document):
	pass
