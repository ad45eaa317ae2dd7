from frappe import _


def get_data() -> dict:
	"""Connections of a programme: what is held of it, who learns, and what it leads to."""
	return {
		"fieldname": "program",
		"transactions": [
			{"label": _("Sessions"), "items": ["Training Session", "Training Enrollment"]},
			{"label": _("Results"), "items": ["Training Certificate", "Session Feedback"]},
		],
	}
