"""Short ways to the records of invitation campaigns; see `factories`."""

from __future__ import annotations

import frappe

from tests.site.factories import next_number


def make_invitation(campaign: str, name: str | None = None, **fields):
	"""A planned invitation of an Austrian organisation with an address of its own; any field fits.

	make_invitation(campaign.name); make_invitation(campaign.name, country="China", status="Interested")
	"""
	number = next_number()
	doc = frappe.new_doc("Invitation")
	doc.update(
		{
			"campaign": campaign,
			"prospect_name": name or f"Prospect {number}",
			"country": "Austria",
			"email": f"prospect{number}@prospect{number}.example",
			"source": "File",
			**fields,
		}
	)
	doc.flags.by_invitations = True  # made by the system, as an import does: any status, no look-up
	return doc.insert(ignore_permissions=True)
