from frappe import _


def get_data() -> dict:
	"""Connections of a session: who takes part, what was written to them, what came of it."""
	return {
		"fieldname": "session",
		"non_standard_fieldnames": {"Invitation Campaign": "activity", "Seat Notice": "event"},
		"dynamic_links": {
			"activity": ["Training Session", "activity_doctype"],
			"event": ["Training Session", "event_doctype"],
		},
		"transactions": [
			{"label": _("Seats"), "items": ["Training Enrollment", "Seat Notice"]},
			{"label": _("Announcement"), "items": ["Invitation Campaign"]},
			{
				"label": _("Results"),
				"items": ["Attendance Import", "Session Feedback", "Training Certificate"],
			},
		],
	}
