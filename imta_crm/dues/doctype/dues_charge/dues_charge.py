from frappe.model.document import Document


class DuesCharge(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		amount: DF.Currency
		attempts: DF.Int
		charge_type: DF.Literal["Annual", "Upgrade Difference", "Downgrade Credit"]
		company: DF.Link | None
		covered_from: DF.Date | None
		covered_to: DF.Date | None
		currency: DF.Link | None
		customer: DF.Link | None
		due_date: DF.Date | None
		dues_run: DF.Link | None
		dues_year: DF.Link
		error: DF.SmallText | None
		explanation: DF.SmallText | None
		member: DF.Link
		member_name: DF.Data | None
		membership_change: DF.Link | None
		outstanding: DF.Currency
		payment_state: DF.Data | None
		period_end: DF.Date | None
		period_start: DF.Date | None
		posting_date: DF.Date | None
		rate: DF.Float
		reference_amount: DF.Currency
		reference_currency: DF.Link | None
		sales_invoice: DF.Link | None
		status: DF.Literal["Pending", "Invoiced", "Failed", "Waived", "Void"]
		tier: DF.Link | None
		waived_by: DF.Link | None
		waived_on: DF.Date | None
	# end: auto-generated types

	def autoname(self) -> None:
		"""The name says what is charged: the primary key is what keeps a charge from being made twice."""
		self.name = charge_name(self.dues_year, self.member, self.membership_change)


def charge_name(dues_year: str, member: str, membership_change: str | None = None) -> str:
	"""Name of the one charge of a member for a dues year, or for one membership change within it."""
	return "-".join(filter(None, ("DC", dues_year, member, membership_change)))
