import frappe
from frappe import _
from frappe.model.document import Document

from imta_crm.membership.permissions import OFFICER_ROLE


class AllianceSettings(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		alliance_name: DF.Data | None
		alliance_name_zh: DF.Data | None
		application_intro: DF.TextEditor | None
		application_intro_zh: DF.TextEditor | None
		card_valid_until: DF.Literal["", "End of Dues Year", "End of Calendar Year"]
		company: DF.Link | None
		council_seats: DF.Int
		default_officer: DF.Link | None
		founded_on: DF.Date | None
		import_creates_sectors: DF.Check
		logo: DF.AttachImage | None
		payment_instructions: DF.SmallText | None
		payment_instructions_zh: DF.SmallText | None
		secretariat_email: DF.Data | None
	# end: auto-generated types

	def validate(self) -> None:
		self.validate_default_officer()

	def validate_default_officer(self) -> None:
		if self.default_officer and OFFICER_ROLE not in frappe.get_roles(self.default_officer):
			frappe.throw(_("{0} does not have the role {1}.").format(self.default_officer, _(OFFICER_ROLE)))
