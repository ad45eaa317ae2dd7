import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import getdate

from imta_crm.erp import contacts


class OverlappingAffiliationError(frappe.ValidationError):
	"""The person is affiliated with the member on some of these days already, or somebody else represents it."""


class MemberAffiliate(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		contact: DF.Link
		contact_name: DF.Data | None
		email: DF.Data | None
		from_date: DF.Date
		is_representative: DF.Check
		member: DF.Link
		member_name: DF.Data | None
		position: DF.Data | None
		position_zh: DF.Data | None
		to_date: DF.Date | None
	# end: auto-generated types

	def validate(self) -> None:
		self.validate_member()
		self.validate_contact()
		self.validate_dates()
		self.validate_overlap()
		self.validate_representative()

	def on_update(self) -> None:
		contacts.add_links("Contact", self.contact, [("IMTA Member", self.member)])

	def validate_member(self) -> None:
		if frappe.db.get_value("IMTA Member", self.member, "member_type") == "Individual":
			frappe.throw(_("Only organisations have affiliates."))

	def validate_contact(self) -> None:
		"""To affiliate a person is to see and edit it: nobody gets at the people of others in this way."""
		if self.has_value_changed("contact") and not self.flags.ignore_permissions:
			frappe.has_permission("Contact", "read", doc=self.contact, throw=True)

	def validate_dates(self) -> None:
		if self.to_date and getdate(self.to_date) < getdate(self.from_date):
			frappe.throw(_("{0} lies before {1}.").format(_("To"), _("From")))

	def validate_overlap(self) -> None:
		if other := self.overlapping({"contact": self.contact}):
			frappe.throw(
				_("{0} is affiliated with this member in that time already: {1}.").format(
					self.contact_name or self.contact, other
				),
				OverlappingAffiliationError,
			)

	def validate_representative(self) -> None:
		if self.is_representative and (other := self.overlapping({"is_representative": 1})):
			frappe.throw(
				_("Somebody else represents this member in that time: {0}.").format(other),
				OverlappingAffiliationError,
			)

	def overlapping(self, filters: dict) -> str | None:
		"""Another affiliation with the member that shares a day with this one."""
		# The member's row is the lock: two people saving at once see each other.
		frappe.db.get_value("IMTA Member", self.member, "name", for_update=True)
		for row in frappe.get_all(
			self.doctype,
			{"member": self.member, "name": ("!=", self.name or ""), **filters},
			["name", "from_date", "to_date"],
		):
			begins_before_end = not self.to_date or row.from_date <= getdate(self.to_date)
			if begins_before_end and (not row.to_date or row.to_date >= getdate(self.from_date)):
				return row.name
		return None


def on_doctype_update() -> None:
	frappe.db.add_index("Member Affiliate", ["member", "from_date"])
