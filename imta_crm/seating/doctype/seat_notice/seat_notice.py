import frappe
from frappe import _
from frappe.model.document import Document


class NoticeWrittenByHandError(frappe.ValidationError):
	"""Only the sending makes, changes and removes notices."""


class SeatNotice(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		attempts: DF.Int
		booking: DF.DynamicLink
		booking_doctype: DF.Link
		calendar_sequence: DF.Int
		due_at: DF.Datetime | None
		email: DF.Data | None
		email_queue: DF.Link | None
		event: DF.DynamicLink | None
		event_doctype: DF.Link | None
		kind: DF.Literal[
			"Received",
			"Confirmation",
			"Waitlist",
			"Offer",
			"Update",
			"Cancellation",
			"Reminder",
			"Feedback",
			"Certificate",
		]
		language: DF.Data | None
		message_id: DF.Data | None
		previous_status: DF.Data | None
		problem: DF.SmallText | None
		queued_at: DF.Datetime | None
		sent_at: DF.Datetime | None
		status: DF.Literal["Pending", "Queued", "Sent", "Failed", "Unknown", "Skipped"]
		subject: DF.Data | None
	# end: auto-generated types

	def validate(self) -> None:
		self.refuse_by_hand()

	def on_trash(self) -> None:
		if not self.flags.with_booking:
			self.refuse_by_hand()

	def before_rename(self, old: str, new: str, merge: bool = False) -> None:
		self.refuse_by_hand()

	def refuse_by_hand(self) -> None:
		"""Also for Administrator, and whatever way it comes: what was sent is not a matter of opinion."""
		frappe.throw(_("Notices are made and changed by the sending alone."), NoticeWrittenByHandError)


def on_doctype_update() -> None:
	# What is due, every five minutes.
	frappe.db.add_index("Seat Notice", ["status", "due_at"], "imta_notice_due")
