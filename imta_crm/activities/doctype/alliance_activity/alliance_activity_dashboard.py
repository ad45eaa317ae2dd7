from frappe import _


def get_data() -> dict:
	"""Connections of an activity: who takes part, what was written to them, who was invited."""
	return {
		"fieldname": "activity",
		"non_standard_fieldnames": {"Invitation Campaign": "activity", "Seat Notice": "event"},
		"dynamic_links": {
			"activity": ["Alliance Activity", "activity_doctype"],
			"event": ["Alliance Activity", "event_doctype"],
		},
		"transactions": [
			{"label": _("Seats"), "items": ["Activity Delegate", "Seat Notice"]},
			{"label": _("Invitations"), "items": ["Invitation Campaign"]},
		],
	}
