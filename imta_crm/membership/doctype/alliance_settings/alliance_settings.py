import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint

from imta_crm.membership.permissions import OFFICER_ROLE

COORDINATOR_ROLE = "Training Coordinator"
#: A quarter of a year before an event.
MAX_HOURS = 24 * 92


class AllianceSettings(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from imta_crm.seating.doctype.event_reminder.event_reminder import EventReminder

		alliance_name: DF.Data | None
		alliance_name_zh: DF.Data | None
		application_intro: DF.TextEditor | None
		application_intro_zh: DF.TextEditor | None
		card_valid_until: DF.Literal["", "End of Dues Year", "End of Calendar Year"]
		certificate_position: DF.Data | None
		certificate_position_zh: DF.Data | None
		certificate_signatory: DF.Data | None
		certificate_signatory_zh: DF.Data | None
		certificate_signature: DF.AttachImage | None
		company: DF.Link | None
		council_seats: DF.Int
		default_coordinator: DF.Link | None
		default_officer: DF.Link | None
		event_email_account: DF.Link | None
		event_income_account: DF.Link | None
		event_item: DF.Link | None
		event_payment_days: DF.Int
		event_reminders: DF.Table[EventReminder]
		feedback_after_hours: DF.Int
		feedback_valid_days: DF.Int
		founded_on: DF.Date | None
		import_creates_sectors: DF.Check
		logo: DF.AttachImage | None
		payment_instructions: DF.SmallText | None
		payment_instructions_zh: DF.SmallText | None
		secretariat_email: DF.Data | None
	# end: auto-generated types

	def validate(self) -> None:
		self.validate_default_officer()
		self.validate_default_coordinator()
		self.validate_reminders()

	def validate_default_officer(self) -> None:
		if self.default_officer and OFFICER_ROLE not in frappe.get_roles(self.default_officer):
			frappe.throw(_("{0} does not have the role {1}.").format(self.default_officer, _(OFFICER_ROLE)))

	def validate_default_coordinator(self) -> None:
		if self.default_coordinator and COORDINATOR_ROLE not in frappe.get_roles(self.default_coordinator):
			frappe.throw(
				_("{0} does not have the role {1}.").format(self.default_coordinator, _(COORDINATOR_ROLE))
			)

	def validate_reminders(self) -> None:
		seen = set()
		for row in self.event_reminders:
			if not 1 <= cint(row.hours_before) <= MAX_HOURS:
				frappe.throw(_("Row {0}: from 1 to {1} hours before, please.").format(row.idx, MAX_HOURS))
			key = (row.applies_to, cint(row.hours_before))
			if key in seen:
				frappe.throw(_("Row {0}: this reminder stands there already.").format(row.idx))
			seen.add(key)
