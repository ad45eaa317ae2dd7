from frappe import _


def get_data() -> dict:
	"""Connections of an enrolment: what was written about it, and what came of it."""
	return {
		"fieldname": "enrollment",
		"non_standard_fieldnames": {"Seat Notice": "booking"},
		"dynamic_links": {"booking": ["Training Enrollment", "booking_doctype"]},
		"transactions": [
			{"label": _("Letters"), "items": ["Seat Notice"]},
			{"label": _("Results"), "items": ["Training Certificate", "Session Feedback"]},
		],
	}
