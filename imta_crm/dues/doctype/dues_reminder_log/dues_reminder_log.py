import hashlib

from frappe.model.document import Document

NAME_LENGTH = 140  # of a name in Frappe's tables


class DuesReminderLog(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		attempts: DF.Int
		charge: DF.Link
		communication: DF.Link | None
		due_on: DF.Date | None
		dues_year: DF.Link | None
		email_queue: DF.Link | None
		language: DF.Data | None
		member: DF.Link
		member_name: DF.Data | None
		recipient: DF.Data | None
		rule: DF.Data
		sales_invoice: DF.Link | None
		sent_at: DF.Datetime | None
		skipped_reason: DF.SmallText | None
		status: DF.Literal["Sent", "Skipped", "Superseded", "Failed"]
	# end: auto-generated types

	def autoname(self) -> None:
		"""The name says which message this is: the primary key is what keeps it from going out twice."""
		self.name = log_name(self.charge, self.rule)


def log_name(charge: str, rule: str) -> str:
	"""Name of the one entry for a charge and a rule."""
	name = f"{charge}-{rule}"
	if len(name) <= NAME_LENGTH:
		return name
	digest = hashlib.sha256(name.encode()).hexdigest()[:16]
	return f"{name[: NAME_LENGTH - 17]}-{digest}"
