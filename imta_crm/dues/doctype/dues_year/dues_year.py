import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, flt, getdate

from imta_crm.erp import masters

# What a charge was worked out from.
FROZEN = (
	"company",
	"from_date",
	"to_date",
	"reference_currency",
	"proration",
	"leavers_owe_whole",
	"item",
	"income_account",
	"deferred_revenue",
	"deferred_account",
)


class DuesYearDatesError(frappe.ValidationError):
	pass


class OverlappingDuesYear(frappe.ValidationError):
	pass


class DuesTiersError(frappe.ValidationError):
	pass


class DuesRatesError(frappe.ValidationError):
	pass


class DuesAccountsError(frappe.ValidationError):
	pass


class DuesItemError(frappe.ValidationError):
	pass


class DuesRemindersError(frappe.ValidationError):
	pass


class DuesYearFrozen(frappe.ValidationError):
	"""Charges were made from this figure."""


class DuesYear(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from imta_crm.dues.doctype.dues_rate.dues_rate import DuesRate
		from imta_crm.dues.doctype.dues_reminder_rule.dues_reminder_rule import DuesReminderRule
		from imta_crm.dues.doctype.dues_tier_amount.dues_tier_amount import DuesTierAmount

		arrears_after_days: DF.Int
		bill_on_admission: DF.Check
		charge_suspended: DF.Check
		company: DF.Link
		cost_center: DF.Link | None
		deferred_account: DF.Link | None
		deferred_revenue: DF.Check
		due_date: DF.Date
		from_date: DF.Date
		grace_days: DF.Int
		income_account: DF.Link | None
		invoice_naming_series: DF.Data | None
		item: DF.Link
		leavers_owe_whole: DF.Check
		letter_head: DF.Link | None
		notice_date: DF.Date
		posting_date_rule: DF.Literal["Run Date", "Notice Date"]
		proration: DF.Literal["None", "Monthly", "Daily"]
		rates: DF.Table[DuesRate]
		reference_currency: DF.Link
		reminders: DF.Table[DuesReminderRule]
		status: DF.Literal["Draft", "Open", "Closed"]
		suspend_after_days: DF.Int
		tier_dues: DF.Table[DuesTierAmount]
		title: DF.Data
		to_date: DF.Date
	# end: auto-generated types

	def validate(self) -> None:
		self.validate_dates()
		self.validate_overlap()
		self.set_defaults_of_company()
		self.fill_tiers()
		self.validate_tiers()
		self.set_receivable_accounts()
		self.validate_rates()
		self.validate_accounts()
		self.validate_item()
		self.validate_reminders()
		self.validate_complete()
		self.validate_frozen()

	def on_trash(self) -> None:
		if frappe.db.exists("Dues Charge", {"dues_year": self.name}):
			frappe.throw(
				_("Dues year {0} has charges and cannot be deleted.").format(self.name), DuesYearFrozen
			)

	def validate_dates(self) -> None:
		if getdate(self.to_date) < getdate(self.from_date):
			frappe.throw(_("The period ends before it begins."), DuesYearDatesError)
		if getdate(self.due_date) < getdate(self.notice_date):
			frappe.throw(_("The due date lies before the notice date."), DuesYearDatesError)
		if getdate(self.notice_date) > getdate(self.to_date):
			frappe.throw(_("The notice date lies after the period."), DuesYearDatesError)

	def validate_overlap(self) -> None:
		"""No day of a company belongs to two years: a member would be charged twice for it."""
		other = frappe.db.get_value(
			"Dues Year",
			{
				"company": self.company,
				"name": ("!=", self.name or ""),
				"from_date": ("<=", self.to_date),
				"to_date": (">=", self.from_date),
			},
		)
		if other:
			frappe.throw(_("The period overlaps with dues year {0}.").format(other), OverlappingDuesYear)

	def set_defaults_of_company(self) -> None:
		if not self.item and frappe.db.exists("Item", masters.DUES_ITEM):
			self.item = masters.DUES_ITEM
		if not self.cost_center:
			self.cost_center = masters.default_cost_center(self.company)
		if not self.income_account and self.item:
			self.income_account = frappe.db.get_value(
				"Item Default", {"parent": self.item, "company": self.company}, "income_account"
			) or frappe.get_cached_value("Company", self.company, "default_income_account")

	def fill_tiers(self) -> None:
		"""Take over the tiers on creation. Later edits of a tier do not change the year."""
		if self.is_new() and not self.tier_dues:
			self.add_missing_tiers()

	def add_missing_tiers(self) -> list[str]:
		"""Add the tiers that the year does not have yet, at their present dues; returns their names.

		A tier in another currency is converted at the year's rate; without a rate it is left out.
		"""
		known = {row.tier for row in self.tier_dues}
		rates = {row.currency: row.rate for row in self.rates} | {self.reference_currency: 1}
		tiers = frappe.get_all(
			"Member Tier",
			filters={"disabled": 0},
			fields=["name", "dues_amount", "dues_currency", "is_exempt"],
			order_by="rank desc, name",
		)
		added = []
		for tier in tiers:
			rate = rates.get(tier.dues_currency or self.reference_currency)
			if tier.name in known or not (rate or tier.is_exempt):
				continue
			amount = 0 if tier.is_exempt else flt(tier.dues_amount / rate, 2)
			self.append("tier_dues", {"tier": tier.name, "amount": amount, "is_exempt": tier.is_exempt})
			added.append(tier.name)
		return added

	def validate_tiers(self) -> None:
		seen = set()
		for row in self.tier_dues:
			if row.tier in seen:
				frappe.throw(_("Row {0}: tier {1} is there twice.").format(row.idx, row.tier), DuesTiersError)
			seen.add(row.tier)
			if row.is_exempt:
				row.amount = 0
			elif flt(row.amount) <= 0:
				frappe.throw(
					_("Row {0}: tier {1} needs an amount above zero, or mark it as exempt.").format(
						row.idx, row.tier
					),
					DuesTiersError,
				)

	def set_receivable_accounts(self) -> None:
		"""Each currency gets the company's receivable account in it, made where there is none."""
		currencies = {row.currency for row in self.rates}
		if self.reference_currency not in currencies:
			self.append(
				"rates", {"currency": self.reference_currency, "rate": 1, "rate_date": self.from_date}
			)
		for row in self.rates:
			if row.currency and not row.receivable_account:
				row.receivable_account = masters.ensure_receivable_account(self.company, row.currency)

	def validate_rates(self) -> None:
		seen = set()
		for row in self.rates:
			if row.currency in seen:
				frappe.throw(
					_("Row {0}: currency {1} is there twice.").format(row.idx, row.currency), DuesRatesError
				)
			seen.add(row.currency)
			if flt(row.rate) <= 0:
				frappe.throw(
					_("Row {0}: the rate for {1} must be above zero.").format(row.idx, row.currency),
					DuesRatesError,
				)
			if row.currency == self.reference_currency and flt(row.rate, 9) != 1:
				frappe.throw(
					_("Row {0}: {1} is the reference currency, its rate is 1.").format(row.idx, row.currency),
					DuesRatesError,
				)

	def validate_accounts(self) -> None:
		for row in self.rates:
			self.check_account(row.receivable_account, currency=row.currency, account_type="Receivable")
		company_currency = frappe.get_cached_value("Company", self.company, "default_currency")
		self.check_account(self.income_account, currency=company_currency, root_type="Income")
		if self.deferred_revenue:
			if not self.deferred_account:
				frappe.throw(_("Deferred revenue needs its account."), DuesAccountsError)
			self.check_account(self.deferred_account, currency=company_currency, root_type="Liability")
		else:
			self.deferred_account = None
		if self.cost_center:
			company, is_group = frappe.get_cached_value(
				"Cost Center", self.cost_center, ["company", "is_group"]
			)
			if company != self.company or is_group:
				frappe.throw(
					_("{0} is not a cost center of {1} that can be booked on.").format(
						self.cost_center, self.company
					),
					DuesAccountsError,
				)

	def check_account(
		self,
		account: str | None,
		*,
		currency: str,
		account_type: str | None = None,
		root_type: str | None = None,
	) -> None:
		if not account:
			return
		found = frappe.get_cached_value(
			"Account",
			account,
			["company", "account_currency", "account_type", "root_type", "is_group", "disabled"],
			as_dict=True,
		)
		if not found or found.company != self.company or found.is_group or found.disabled:
			frappe.throw(
				_("{0} is not an account of {1} that can be booked on.").format(account, self.company),
				DuesAccountsError,
			)
		if found.account_currency != currency:
			frappe.throw(
				_("Account {0} is kept in {1}, not in {2}.").format(
					account, found.account_currency, currency
				),
				DuesAccountsError,
			)
		if account_type and found.account_type != account_type:
			frappe.throw(
				_("Account {0} is not of type {1}.").format(account, _(account_type)), DuesAccountsError
			)
		if root_type and found.root_type != root_type:
			frappe.throw(
				_("Account {0} is not of type {1}.").format(account, _(root_type)), DuesAccountsError
			)

	def validate_item(self) -> None:
		item = frappe.db.get_value(
			"Item", self.item, ["is_stock_item", "is_sales_item", "disabled", "has_variants"], as_dict=True
		)
		if item and (item.is_stock_item or not item.is_sales_item or item.disabled or item.has_variants):
			frappe.throw(
				_("Item {0} must be an enabled service item for sale, without stock.").format(self.item),
				DuesItemError,
			)

	def validate_reminders(self) -> None:
		"""Rules are told apart by their names, which become part of the log's key."""
		names = [(row.rule_name or "").strip().casefold() for row in self.reminders]
		for row, name in zip(self.reminders, names, strict=True):
			if names.count(name) > 1:
				frappe.throw(
					_("Row {0}: there are two reminders called {1}.").format(row.idx, row.rule_name),
					DuesRemindersError,
				)

	def validate_complete(self) -> None:
		"""An open year can charge everybody: an account, and a rate for every currency in use."""
		if self.status != "Open":
			return
		if not self.income_account or not self.cost_center:
			frappe.throw(_("An open year needs income account and cost center."), DuesAccountsError)
		if not self.tier_dues:
			frappe.throw(_("An open year needs the dues of the tiers."), DuesTiersError)
		missing = self.currencies_in_use() - {row.currency for row in self.rates}
		if missing:
			frappe.throw(_("A rate is missing for: {0}").format(", ".join(sorted(missing))), DuesRatesError)

	def currencies_in_use(self) -> set[str]:
		"""Currencies that members are invoiced in, and the company's, in which the ledger is kept."""
		chosen = frappe.get_all(
			"IMTA Member",
			filters={"invoice_currency": ("is", "set"), "status": ("not in", ("Withdrawn", "Removed"))},
			pluck="invoice_currency",
			distinct=True,
			order_by=None,
		)
		return {*chosen, frappe.get_cached_value("Company", self.company, "default_currency")}

	def validate_frozen(self) -> None:
		"""What was charged stands: the figures behind it can no longer change, only be added to."""
		before = self.get_doc_before_save()
		if not before or not self.has_invoices():
			return
		for field in FROZEN:
			if str(before.get(field) or "") != str(self.get(field) or ""):
				self.refuse(_(self.meta.get_label(field)))
		now = {row.tier: (flt(row.amount, 6), cint(row.is_exempt)) for row in self.tier_dues}
		for row in before.tier_dues:
			if now.get(row.tier) != (flt(row.amount, 6), cint(row.is_exempt)):
				self.refuse(_("dues of tier {0}").format(row.tier))
		rates = {row.currency: (flt(row.rate, 9), row.receivable_account) for row in self.rates}
		for row in before.rates:
			if rates.get(row.currency) != (flt(row.rate, 9), row.receivable_account):
				self.refuse(_("rate of {0}").format(row.currency))

	def has_invoices(self) -> bool:
		return bool(frappe.db.exists("Dues Charge", {"dues_year": self.name, "status": "Invoiced"}))

	def refuse(self, what: str) -> None:
		frappe.throw(
			_("Members have been charged for {0} already, so this can no longer be changed: {1}.").format(
				self.name, what
			),
			DuesYearFrozen,
		)

	@frappe.whitelist()
	def refill_tiers(self) -> list[str]:
		"""Add tiers that were made since; returns the names of those added. Changes no amount."""
		self.check_permission("write")
		year = frappe.get_doc("Dues Year", self.name)
		if added := year.add_missing_tiers():
			year.save()
		return added
