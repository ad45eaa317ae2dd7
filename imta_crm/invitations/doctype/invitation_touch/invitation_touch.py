import frappe
from frappe import _
from frappe.model.document import Document


class TouchWrittenByHandError(frappe.ValidationError):
	"""Only the sending makes, changes and removes touches."""


class InvitationTouch(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		attempts: DF.Int
		campaign: DF.Link
		channel: DF.Literal["E-mail", "Call", "Visit", "WeChat", "Letter"]
		due_at: DF.Datetime | None
		email: DF.Data | None
		email_queue: DF.Link | None
		invitation: DF.Link
		language: DF.Data | None
		made_at: DF.Datetime | None
		message_id: DF.Data | None
		officer: DF.Link | None
		problem: DF.SmallText | None
		retry_at: DF.Datetime | None
		sent_at: DF.Datetime | None
		status: DF.Literal["Queued", "Sent", "Failed", "Bounced", "Unknown", "To Do", "Done", "Skipped"]
		step_key: DF.Data
		step_title: DF.Data | None
		subject: DF.Data | None
		todo: DF.Link | None
	# end: auto-generated types

	def autoname(self) -> None:
		"""The name says what is sent to whom: the primary key keeps a step from being taken twice."""
		self.name = touch_name(self.invitation, self.step_key)

	def validate(self) -> None:
		self.refuse_by_hand()

	def on_trash(self) -> None:
		self.refuse_by_hand()

	def before_rename(self, old: str, new: str, merge: bool = False) -> None:
		self.refuse_by_hand()

	def refuse_by_hand(self) -> None:
		"""Also for Administrator, and whatever way it comes: what was sent is not a matter of opinion."""
		if not self.flags.by_invitations:
			frappe.throw(_("Touches are made and changed by the sending alone."), TouchWrittenByHandError)


def touch_name(invitation: str, step_key: str) -> str:
	return f"{invitation}:{step_key}"


def on_doctype_update() -> None:
	frappe.db.add_unique("Invitation Touch", ["invitation", "step_key"], "imta_touch_once")
	# The day's mails of a campaign are counted in each chunk.
	frappe.db.add_index("Invitation Touch", ["campaign", "channel", "made_at"], "imta_touch_cap")
