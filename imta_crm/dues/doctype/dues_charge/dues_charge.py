import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import getdate

from imta_crm.dues import charges, years
from imta_crm.erp import ledger


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

	@property
	def payment_state(self) -> str:
		"""Read from ERPNext's ledger each time, never stored."""
		return self.get_standing()[0]

	@property
	def outstanding(self) -> float:
		"""Open amount in the charge's currency, from the ledger."""
		return self.get_standing()[1]

	def get_standing(self) -> tuple[str, float]:
		if self.status != "Invoiced" or not self.sales_invoice:
			return ("Not Invoiced", 0.0)
		if self.charge_type == "Downgrade Credit":
			# Its credit note is counted with the invoice that it returns.
			return ("Credited", 0.0)
		if (known := self.flags.get("ledger_standing")) is None:
			found = ledger.charge_standings([self.name]).get(self.name)
			known = (found.state(getdate()), float(found.outstanding)) if found else ("Not Invoiced", 0.0)
			self.flags.ledger_standing = known
		return known

	def autoname(self) -> None:
		"""The name says what is charged: the primary key is what keeps a charge from being made twice."""
		self.name = charges.charge_name(self.dues_year, self.member, self.membership_change)

	def on_trash(self) -> None:
		if self.status == "Invoiced":
			frappe.throw(
				_("{0} is invoiced by {1} and cannot be deleted.").format(self.name, self.sales_invoice),
				frappe.LinkExistsError,
			)

	@frappe.whitelist()
	def invoice_now(self) -> str | None:
		"""Invoice a pending or failed charge at once; None where it failed, with the reason on the charge."""
		self.check_treasurer()
		years.check_open(years.get_year(frappe.db.get_value(self.doctype, self.name, "dues_year")))
		return charges.invoice_one(self.name)

	@frappe.whitelist()
	def waive(self, reason: str) -> None:
		"""Ask nothing for this charge. Treasurer only."""
		self.check_treasurer()
		charges.waive(self.name, reason)

	@frappe.whitelist()
	def void(self, reason: str) -> None:
		"""Take the charge back as made in error. Treasurer only."""
		self.check_treasurer()
		charges.void(self.name, reason)

	@frappe.whitelist()
	def reopen(self, reason: str | None = None) -> None:
		"""Ask for a waived or void charge after all. Treasurer only."""
		self.check_treasurer()
		charges.reopen(self.name, reason or "")

	def check_treasurer(self) -> None:
		charges.check_treasurer()
		self.check_permission("read")


def on_doctype_update() -> None:
	"""A run takes what is pending in a year; reports go by year and member."""
	frappe.db.add_index("Dues Charge", ["dues_year", "status"], index_name="imta_year_status")
