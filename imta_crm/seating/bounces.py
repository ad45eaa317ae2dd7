"""Letters about seats that come back: noted on their Seat Notice, for the coordinator to see and to send again."""

from __future__ import annotations

import frappe
from frappe.model.document import Document

from imta_crm.invitations import inbound
from imta_crm.policy.inbound import HARD_BOUNCE
from imta_crm.seating import notices


def receive(communication: Document, method: str | None = None) -> None:
	"""Document event of Communication (`after_insert`): a bounce that proves by its ids which letter it returns."""
	if not inbound.is_incoming_mail(communication):
		return
	found = inbound.read(communication)
	if not found.is_bounce or not found.message_ids:
		return
	letter = frappe.db.get_value(
		notices.NOTICE,
		{"message_id": ("in", found.message_ids)},
		["name", "booking_doctype", "booking"],
		as_dict=True,
	)
	if not letter:
		return
	diagnostic = " ".join(filter(None, (found.status, found.diagnostic)))
	notices.returned(letter.name, diagnostic, for_good=found.kind == HARD_BOUNCE)
	communication.db_set(
		{
			"communication_type": inbound.AUTOMATED,
			"reference_doctype": letter.booking_doctype,
			"reference_name": letter.booking,
		},
		update_modified=False,
	)
