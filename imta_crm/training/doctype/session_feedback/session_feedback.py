"""What a participant thinks of a session; see `imta_crm.training.feedback`."""

from __future__ import annotations

import frappe
from frappe import _
from frappe.model.document import Document


class SessionFeedback(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		content: DF.Int
		enrollment: DF.Link
		improve: DF.SmallText | None
		language: DF.Data | None
		liked: DF.SmallText | None
		organisation: DF.Int
		overall: DF.Int
		program: DF.Link | None
		recommend: DF.Int
		session: DF.Link
		submitted_at: DF.Datetime | None
		trainer: DF.Int
	# end: auto-generated types

	def validate(self) -> None:
		if not self.flags.by_participant:
			frappe.throw(_("Feedback is given by the participants themselves."), frappe.PermissionError)
