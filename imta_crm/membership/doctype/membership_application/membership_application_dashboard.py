from frappe import _


def get_data() -> dict:
	"""What belongs to an application: the member that it became."""
	return {
		"fieldname": "application",
		"transactions": [{"label": _("Admission"), "items": ["IMTA Member"]}],
	}
