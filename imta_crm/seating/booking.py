"""What the documents of a person's seat have in common."""

from frappe.model.document import Document


class Booking(Document):
	"""Base of Training Enrollment and Activity Delegate."""
