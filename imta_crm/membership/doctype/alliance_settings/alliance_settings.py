import frappe
from frappe import _
from frappe.model.document import Document

from imta_crm.membership.permissions import OFFICER_ROLE


class AllianceSettings(Document):
	def validate(self) -> None:
		self.validate_default_officer()

	def validate_default_officer(self) -> None:
		if self.default_officer and OFFICER_ROLE not in frappe.get_roles(self.default_officer):
			frappe.throw(_("{0} does not have the role {1}.").format(self.default_officer, _(OFFICER_ROLE)))
