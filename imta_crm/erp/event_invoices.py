"""Sales Invoices and credit notes for fees of sessions and activities, made by ERPNext's own controllers.

One invoice has a row for each person. It is in the currency that its customer owes in, which ERPNext fixes with
the customer's first entry; fees in another currency are converted at the rate of ERPNext's Currency Exchange.
Which fees and credits there are is for `imta_crm.seating` to say. Amounts are in the invoice's currency.
Nothing here commits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, flt, getdate

from imta_crm.erp import masters
from imta_crm.erp.customers import ledger_currency
from imta_crm.erp.invoices import (
	INVOICE,
	CreditNoteError,
	check_credit,
	check_total,
	head_of,
	return_of,
	returned_row,
	row_of,
)

ROW = "Sales Invoice Item"
# The writer of invoice and bookings has checked both, and writes them in the same transaction.
WRITES_FEES = "imta_writes_fees"
ZERO = Decimal(0)
RATE_PLACES = Decimal("1.000000000")


class MissingExchangeRate(frappe.ValidationError):
	"""ERPNext's Currency Exchange has no rate for the day."""


class FeeSetupError(frappe.ValidationError):
	"""The books lack something that every fee needs."""


@dataclass(frozen=True)
class FeeLine:
	"""One person's fee, in the invoice's currency. `booking` is the enrolment or delegate."""

	booking: str
	description: str
	amount: Decimal


@dataclass(frozen=True)
class FeeOrder:
	"""What one customer owes for one session or activity.

	`key` is kept unique by the database as long as the invoice is live. `conversion_rate` is units of the
	company's currency for one unit of `currency`.
	"""

	event_doctype: str
	event: str
	key: str
	member: str | None
	customer: str
	company: str
	currency: str
	conversion_rate: Decimal
	receivable_account: str
	posting_date: date
	due_date: date
	item: str
	income_account: str
	cost_center: str | None
	remarks: str
	lines: tuple[FeeLine, ...]
	amended_from: str | None = None


@dataclass(frozen=True)
class Books:
	"""Where fees are booked, by Alliance Settings, or else by what the company has."""

	company: str
	item: str
	income_account: str
	cost_center: str | None
	payment_days: int


def books() -> Books:
	"""Raises FeeSetupError without a company. Makes the item and the income account where there is none."""
	company = masters.default_company()
	if not company:
		frappe.throw(_("There is no company yet whose books fees could be in."), FeeSetupError)
	settings = frappe.get_cached_doc("Alliance Settings")
	account = settings.event_income_account
	if account and frappe.get_cached_value("Account", account, "company") != company:
		frappe.throw(
			_("The income account {0} of Alliance Settings does not belong to {1}.").format(account, company),
			FeeSetupError,
		)
	return Books(
		company=company,
		item=settings.event_item or masters.ensure_event_item(),
		income_account=account or masters.ensure_income_account(company, masters.EVENT_INCOME_ACCOUNT),
		cost_center=masters.default_cost_center(company),
		payment_days=max(cint(settings.event_payment_days), 0),
	)


def currency_for(customer: str, company: str, fee_currency: str) -> str:
	"""The currency that the customer owes in: of its ledger, else of the customer, else of the fee."""
	return (
		ledger_currency(customer, company)
		or frappe.db.get_value("Customer", customer, "default_currency")
		or fee_currency
	)


def exchange_rate(from_currency: str, to_currency: str, on: date) -> Decimal:
	"""Units of `to_currency` for one of `from_currency` on that day, by ERPNext's Currency Exchange records.

	The latest one for selling on or before the day, in either direction; how old it may be is said by ERPNext's
	Accounts Settings. Never asks a service: an invoice must not depend on what one says at the moment.

	:raises MissingExchangeRate: there is none
	"""
	if from_currency == to_currency:
		return Decimal(1)
	oldest = _oldest(on)
	dates = ("between", (oldest, on)) if oldest else ("<=", on)
	for one, other in ((from_currency, to_currency), (to_currency, from_currency)):
		filters = {"from_currency": one, "to_currency": other, "for_selling": 1, "date": dates}
		found = frappe.get_all(
			"Currency Exchange", filters, pluck="exchange_rate", order_by="date desc, creation desc", limit=1
		)
		if found and found[0]:
			rate = amount_of(found[0])
			return rate if one == from_currency else (1 / rate).quantize(RATE_PLACES)
	frappe.throw(
		_(
			"There is no exchange rate from {0} to {1} for {2}. Enter one under Currency Exchange; fees that are due"
			" are invoiced within the hour after."
		).format(from_currency, to_currency, frappe.format(on, "Date")),
		MissingExchangeRate,
	)


def _oldest(on: date) -> date | None:
	settings = frappe.db.get_value(
		"Accounts Settings", "Accounts Settings", ["allow_stale", "stale_days"], as_dict=True
	)
	if cint(settings.allow_stale):
		return None
	return on - timedelta(days=cint(settings.stale_days))


def make(order: FeeOrder) -> Document:
	"""Make and submit the invoice.

	Raises what ERPNext raises, InvoiceAmountError, and a UniqueValidationError where another live invoice has
	the key.
	"""
	invoice = frappe.new_doc(INVOICE)
	invoice.update(
		{
			**head_of(order),
			"remarks": order.remarks,
			"amended_from": order.amended_from,
			"imta_event_doctype": order.event_doctype,
			"imta_event": order.event,
			"imta_live_event_invoice": order.key,
		}
	)
	for line in order.lines:
		row = row_of(order, line.amount, line.description)
		invoice.append("items", {**row, "imta_booking": line.booking})
	# The coordinator was allowed to start it, or nobody was asked: the job acts for the alliance.
	invoice.flags.ignore_permissions = True
	invoice.flags[WRITES_FEES] = True
	invoice.docstatus = 1
	invoice.insert()
	check_total(invoice, sum((line.amount for line in order.lines), ZERO))
	return invoice


def cancel(invoice: str) -> None:
	"""Cancel an invoice that a new one replaces. Raises what ERPNext raises, as for a closed period."""
	doc = frappe.get_doc(INVOICE, invoice)
	doc.flags.ignore_permissions = True  # as in make
	doc.cancel()


def live(event: str, customer: str) -> list[frappe._dict]:
	"""The invoices of a customer for an event that are not cancelled, drafts included; the oldest first."""
	return frappe.get_all(
		INVOICE,
		{"imta_event": event, "customer": customer, "is_return": 0, "docstatus": ("<", 2)},
		[
			"name",
			"docstatus",
			"currency",
			"conversion_rate",
			"grand_total",
			"outstanding_amount",
			"posting_date",
			"imta_live_event_invoice",
		],
		order_by="creation, name",
	)


def is_untouched(invoice: Mapping) -> bool:
	"""Whether nothing was paid, credited, written off or prepared for payment on a submitted invoice."""
	if invoice["docstatus"] != 1:
		return False
	name = invoice["name"]
	entries = frappe.qb.DocType("Payment Ledger Entry")
	others = (
		frappe.qb.from_(entries)
		.select(entries.name)
		.where((entries.against_voucher_no == name) & (entries.voucher_no != name) & (entries.delinked == 0))
		.limit(1)
	).run()
	return not (
		others
		or frappe.db.exists(INVOICE, {"return_against": name, "docstatus": ("<", 2)})
		or frappe.db.exists("Payment Entry Reference", {"reference_name": name, "docstatus": ("<", 2)})
		or frappe.db.exists("Payment Request", {"reference_name": name, "docstatus": ("<", 2)})
	)


def rows_of(invoices: Iterable[str]) -> dict[tuple[str, str], frappe._dict]:
	"""{(invoice, booking): row name and amount as Decimal} of invoices."""
	names = list(invoices)
	if not names:
		return {}
	rows = frappe.get_all(
		ROW,
		{"parent": ("in", names), "parenttype": INVOICE, "imta_booking": ("is", "set")},
		["name", "parent", "imta_booking", "amount"],
		order_by="parent, idx",
		limit=0,
	)
	return {
		(row.parent, row.imta_booking): frappe._dict(name=row.name, amount=amount_of(row.amount))
		for row in rows
	}


def currencies_of(invoices: Iterable[str]) -> dict[str, str]:
	"""{invoice: its currency}."""
	names = list(invoices)
	if not names:
		return {}
	return dict(frappe.get_all(INVOICE, {"name": ("in", names)}, ["name", "currency"], as_list=True, limit=0))


def credited_on(invoices: Iterable[str]) -> dict[tuple[str, str], Decimal]:
	"""{(invoice, booking): what submitted credit notes returned of its row, positive}."""
	names = list(invoices)
	if not names:
		return {}
	note, row = frappe.qb.DocType(INVOICE), frappe.qb.DocType(ROW)
	found = (
		frappe.qb.from_(row)
		.join(note)
		.on(note.name == row.parent)
		.select(note.return_against, row.imta_booking, row.amount)
		.where(
			note.return_against.isin(names)
			& (note.docstatus == 1)
			& (note.is_return == 1)
			& (row.imta_booking > "")
		)
	).run()
	sums: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
	for invoice, booking, amount in found:
		sums[(invoice, booking)] -= amount_of(amount)
	return dict(sums)


def credit(
	invoice: str, amounts: Mapping[str, Decimal], *, posting_date: date, description: Mapping[str, str]
) -> Document:
	"""Submit one credit note against a submitted invoice, with a row for each booking.

	:param amounts: {booking: what is credited, positive, in the invoice's currency}
	:param description: {booking: the row's text}
	:raises CreditNoteError: a booking has no row on the invoice, or the sum comes out otherwise
	"""
	booked_on = getdate(frappe.db.get_value(INVOICE, invoice, "posting_date"))
	total = sum(amounts.values(), ZERO)
	note = return_of(invoice, total, max(posting_date, booked_on))
	note.imta_live_event_invoice = None
	note.items = [row for row in note.items if row.imta_booking in amounts]
	if missing := set(amounts) - {row.imta_booking for row in note.items}:
		frappe.throw(
			_("{0} has no row for {1}.").format(invoice, ", ".join(sorted(missing))), CreditNoteError
		)
	returned = _returned_rows(invoice)
	for row in note.items:
		# ERPNext counts the returned pieces of a row, and a seat is one piece: a second credit on the row is
		# one by amount.
		returned_row(
			row,
			amounts[row.imta_booking],
			description[row.imta_booking],
			by_amount=row.sales_invoice_item in returned,
		)
	note.flags.ignore_permissions = True  # as in make
	note.flags[WRITES_FEES] = True
	note.docstatus = 1
	said = len(frappe.local.message_log)
	note.insert()
	# What ERPNext remarks on a row that it does not count is for nobody to read.
	del frappe.local.message_log[said:]
	check_credit(note, total)
	return note


def _returned_rows(invoice: str) -> Collection[str]:
	note, row = frappe.qb.DocType(INVOICE), frappe.qb.DocType(ROW)
	return {
		name
		for (name,) in (
			frappe.qb.from_(row)
			.join(note)
			.on(note.name == row.parent)
			.select(row.sales_invoice_item)
			.where((note.return_against == invoice) & (note.docstatus < 2) & (row.sales_invoice_item > ""))
		).run()
	}


def move_rows(old: str, new: str) -> None:
	"""Let the rows of invoices and credit notes for one booking stand for another one: no amount changes."""
	row = frappe.qb.DocType(ROW)
	frappe.qb.update(row).set(row.imta_booking, new).where(row.imta_booking == old).run()


def amount_of(value: float | Decimal | None) -> Decimal:
	"""The decimal number of a column: it keeps nine places."""
	return Decimal(f"{flt(value, 9):.9f}".rstrip("0").rstrip("."))
