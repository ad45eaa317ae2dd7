from frappe.model.document import Document


class AttendanceImport(Document):
	pass
