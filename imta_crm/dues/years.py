"""A Dues Year as the rules read it: periods, rates and tier amounts as exact numbers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import cint, flt, getdate

from imta_crm.dues.doctype.dues_year.dues_year import DuesYear
from imta_crm.policy.dates import Period
from imta_crm.policy.dues import DuesRules, TierDues

YEAR = "Dues Year"
OPEN = "Open"


class DuesYearNotReady(frappe.ValidationError):
	"""Something that every charge of the year needs is missing, so a run would fail for everybody."""


def get_year(name: str) -> DuesYear:
	"""The year, from Frappe's document cache: read it, do not change it."""
	return frappe.get_cached_doc(YEAR, name)


def rules_of(year: DuesYear) -> DuesRules:
	"""The year's rules for `imta_crm.policy.dues`."""
	return DuesRules(
		title=year.title,
		period=Period(getdate(year.from_date), getdate(year.to_date)),
		notice_date=getdate(year.notice_date),
		due_date=getdate(year.due_date),
		reference_currency=year.reference_currency,
		rates={row.currency: exact(row.rate) for row in year.rates if row.currency and row.rate},
		tiers={
			row.tier: TierDues(row.tier, exact(row.amount), bool(row.is_exempt)) for row in year.tier_dues
		},
		proration=year.proration,
		leavers_owe_whole=bool(cint(year.leavers_owe_whole)),
		charge_suspended=bool(cint(year.charge_suspended)),
	)


def exact(number: float | None) -> Decimal:
	"""The decimal number that was typed: the column keeps nine places."""
	text = f"{flt(number, 9):.9f}".rstrip("0").rstrip(".")
	return Decimal(text or "0")


def conversion_rate(year: DuesYear, currency: str) -> Decimal:
	"""Units of the company's currency for one unit of `currency`, by the year's own rates.

	Raises DuesYearNotReady where the year has no rate for either.
	"""
	company_currency = frappe.get_cached_value("Company", year.company, "default_currency")
	if currency == company_currency:
		return Decimal(1)
	rules = rules_of(year)
	home, foreign = rules.rate_for(company_currency), rules.rate_for(currency)
	if not home or not foreign:
		frappe.throw(
			_("Dues year {0} has no rate for {1}.").format(year.name, currency if home else company_currency),
			DuesYearNotReady,
		)
	return (home / foreign).quantize(Decimal("1.000000000"))


def receivable_account(year: DuesYear, currency: str) -> str:
	"""The account that members invoiced in `currency` owe on. Raises DuesYearNotReady."""
	for row in year.rates:
		if row.currency == currency and row.receivable_account:
			return row.receivable_account
	frappe.throw(
		_("Dues year {0} names no receivable account for {1}.").format(year.name, currency), DuesYearNotReady
	)


def check_ready(year: DuesYear, as_of: date) -> None:
	"""Raise DuesYearNotReady for whatever would fail every single invoice of a run."""
	from erpnext.accounts.utils import FiscalYearError, get_fiscal_year

	check_open(year)
	for field in ("item", "income_account", "cost_center"):
		if not year.get(field):
			frappe.throw(
				_("Dues year {0}: {1} is missing.").format(year.name, _(year.meta.get_label(field))),
				DuesYearNotReady,
			)
	posting_date = posting_date_of(year, as_of, getdate(year.from_date))
	try:
		get_fiscal_year(posting_date, company=year.company)
	except FiscalYearError:
		frappe.throw(
			_("{0} is in no fiscal year of {1}. Create the fiscal year first.").format(
				frappe.format(posting_date, "Date"), year.company
			),
			DuesYearNotReady,
		)


def check_open(year: DuesYear) -> None:
	"""Raise DuesYearNotReady unless members can be charged for the year."""
	if year.status != OPEN:
		frappe.throw(
			_("Dues year {0} is {1}. Open it before charging anybody.").format(year.name, _(year.status)),
			DuesYearNotReady,
		)


def posting_date_of(year: DuesYear, as_of: date, covered_from: date) -> date:
	"""The day that an invoice is booked on: the run's, or the day from which the member could be charged."""
	if year.posting_date_rule == "Notice Date":
		return max(getdate(year.notice_date), covered_from)
	return getdate(as_of)


def open_years(on: date, *, and_later: bool = False) -> list[DuesYear]:
	"""Open years whose period holds the day, or also those after it; the earliest first."""
	filters = {"status": OPEN, "to_date": (">=", on)}
	if not and_later:
		filters["from_date"] = ("<=", on)
	names = frappe.get_all(YEAR, filters, pluck="name", order_by="from_date")
	return [get_year(name) for name in names]
