from frappe.model.document import Document


class AttendanceImportRow(Document):
	pass
