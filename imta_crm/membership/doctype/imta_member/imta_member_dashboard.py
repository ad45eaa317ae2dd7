from frappe import _


def get_data() -> dict:
	"""Connections of a member: what hangs on it, by room."""
	return {
		"fieldname": "member",
		"non_standard_fieldnames": {
			"Sales Invoice": "imta_member",
			"Customer": "imta_member",
			"Lead": "imta_member",
		},
		"transactions": [
			{
				"label": _("Membership"),
				"items": ["Membership Change", "Member Affiliate", "Membership Application"],
			},
			{"label": _("Invitations"), "items": ["Invitation", "Lead"]},
			{"label": _("Liaison"), "items": ["Liaison Contact"]},
			{
				"label": _("Taking Part"),
				"items": ["Training Enrollment", "Activity Delegate", "Training Certificate"],
			},
			{"label": _("Dues"), "items": ["Dues Charge", "Sales Invoice", "Customer"]},
		],
	}
