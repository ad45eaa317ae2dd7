import frappe
from frappe import _
from frappe.model.document import Document


class MemberTier(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from imta_crm.membership.doctype.member_tier_benefit.member_tier_benefit import MemberTierBenefit

		aliases: DF.SmallText | None
		benefits: DF.Table[MemberTierBenefit]
		contact_rhythm_days: DF.Int
		disabled: DF.Check
		dues_amount: DF.Currency
		dues_currency: DF.Link | None
		free_seats: DF.Int
		has_vote: DF.Check
		is_council: DF.Check
		is_emeritus: DF.Check
		is_exempt: DF.Check
		member_type: DF.Literal["Any", "Organisation", "Individual"]
		open_to_applications: DF.Check
		rank: DF.Int
		tier_name: DF.Data
		tier_name_zh: DF.Data | None
	# end: auto-generated types

	def validate(self) -> None:
		self.validate_exemption()
		self.validate_dues()

	def validate_exemption(self) -> None:
		if self.is_exempt:
			self.dues_amount = 0
		elif self.is_emeritus:
			frappe.throw(_("An emeritus tier is exempt from dues."))

	def validate_dues(self) -> None:
		if not self.is_exempt and not self.dues_currency:
			frappe.throw(_("Tier {0} needs the currency of its dues.").format(self.tier_name))

	def on_update(self) -> None:
		if self.has_value_changed("is_exempt") and not self.is_new() and not self.is_exempt:
			self.give_customers()

	def give_customers(self) -> None:
		"""Members of a tier that owes dues from now on need their Customer."""
		from imta_crm.erp.customers import ensure_customer

		for name in frappe.get_all(
			"IMTA Member", {"tier": self.name, "customer": ("is", "not set")}, pluck="name"
		):
			ensure_customer(frappe.get_doc("IMTA Member", name))
