"""Sales Invoices and credit notes for dues, made by ERPNext's own controllers.

`make_invoice` inserts a document that is submitted from the start: one pass of ERPNext's validation and its
own ledger entries, instead of the two passes of `insert` and `submit`. `many_invoices` is the block in which
a run makes a chunk of them: it answers repeated look-ups from memory (see `readonce`) and leaves out what
has a meaning for a single document only. Nothing of ERPNext is replaced and no ledger row is written here.

Amounts are in the invoice's currency. Nothing here commits, except `InvoiceNumbers.reserve`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.model.naming import get_default_naming_series, parse_naming_series
from frappe.utils import flt, getdate

from imta_crm.erp.readonce import ReadOnce, repeated_reads_once

INVOICE = "Sales Invoice"
# The writer of a charge and its invoice has checked the charge, and writes it in the same transaction.
WRITES_CHARGE = "imta_writes_charge"


class InvoiceAmountError(frappe.ValidationError):
	"""ERPNext's total is not what the member was charged, for example because of a tax on the item."""


class CreditNoteError(frappe.ValidationError):
	"""There is no invoice that a credit note could return."""


class Order(Protocol):
	"""What an order of dues and one of fees both say."""

	customer: str
	company: str
	currency: str
	conversion_rate: Decimal
	receivable_account: str
	posting_date: date
	due_date: date
	member: str | None
	item: str
	income_account: str
	cost_center: str | None


@dataclass(frozen=True)
class InvoiceOrder:
	"""What is to be invoiced: one item, one amount in `currency`, a service period with both ends included.

	`conversion_rate` is units of the company's currency for one unit of `currency`; `receivable_account` is
	kept in `currency`, so that what is owed stays in it.
	"""

	charge: str
	member: str
	customer: str
	company: str
	currency: str
	amount: Decimal
	conversion_rate: Decimal
	receivable_account: str
	posting_date: date
	due_date: date
	service_start: date
	service_end: date
	item: str
	description: str
	income_account: str
	cost_center: str
	deferred_account: str | None = None
	naming_series: str | None = None
	letter_head: str | None = None


def make_invoice(order: InvoiceOrder, *, name: str | None = None) -> Document:
	"""Make and submit the invoice. `name` is a number reserved before; without it ERPNext numbers it.

	Raises what ERPNext raises, InvoiceAmountError, and a `UniqueValidationError` where the charge has a live
	invoice already: the database keeps `imta_live_charge` unique.
	"""
	invoice = new_invoice(order)
	invoice.docstatus = 1
	invoice.insert(set_name=name)
	check_total(invoice, order.amount)
	return invoice


def new_invoice(order: InvoiceOrder) -> Document:
	"""The invoice as a document that is not in the database yet."""
	invoice = frappe.new_doc(INVOICE)
	invoice.update(
		{
			**head_of(order),
			"from_date": order.service_start,
			"to_date": order.service_end,
			"remarks": order.description,
			"imta_dues_charge": order.charge,
			"imta_live_charge": order.charge,
		}
	)
	if order.naming_series:
		invoice.naming_series = order.naming_series
	if order.letter_head:
		invoice.letter_head = order.letter_head
	deferral = _deferral(order.posting_date, order.service_start, order.service_end, order.deferred_account)
	invoice.append("items", {**row_of(order, order.amount, order.description), **deferral})
	# The treasurer was allowed to start the run; the run acts for the alliance, not for a person.
	invoice.flags.ignore_permissions = True
	invoice.flags.notify_update = False
	invoice.flags[WRITES_CHARGE] = True
	return invoice


def head_of(order: Order) -> dict[str, object]:
	"""What the invoices of dues and of fees have alike: whom, when, in which currency, on which account."""
	rate = float(order.conversion_rate)
	return {
		"customer": order.customer,
		"company": order.company,
		"currency": order.currency,
		"conversion_rate": rate,
		"price_list_currency": order.currency,
		"plc_conversion_rate": rate,
		"ignore_pricing_rule": 1,
		"set_posting_time": 1,
		"posting_date": order.posting_date,
		"due_date": order.due_date,
		"ignore_default_payment_terms_template": 1,
		# Rounding to whole units would make the ledger differ from what the member was told.
		"disable_rounded_total": 1,
		"debit_to": order.receivable_account,
		"imta_member": order.member,
	}


def row_of(order: Order, amount: Decimal, description: str) -> dict[str, object]:
	"""One row of the order's item, for an amount in the invoice's currency."""
	return {
		"item_code": order.item,
		"description": description,
		"qty": 1,
		"rate": float(amount),
		"price_list_rate": float(amount),
		"income_account": order.income_account,
		"cost_center": order.cost_center,
	}


def check_total(invoice: Document, amount: Decimal) -> None:
	"""Raise InvoiceAmountError where ERPNext came to another total than was charged."""
	if flt(invoice.grand_total - float(amount), invoice.precision("grand_total")):
		frappe.throw(
			_("The invoice comes to {0} {1} instead of {2}; check taxes and rounding of item {3}.").format(
				invoice.grand_total, invoice.currency, amount, invoice.items[0].item_code
			),
			InvoiceAmountError,
		)


def left_to_credit(invoice: str) -> Decimal:
	"""What earlier credit notes have left of a submitted invoice, in its currency; paid or not."""
	return left_to_credit_on([invoice]).get(invoice, Decimal(0))


def left_to_credit_on(invoices: Collection[str]) -> dict[str, Decimal]:
	"""`left_to_credit` of many, in two queries; those that are no submitted invoices are left out."""
	if not invoices:
		return {}
	rows = frappe.get_all(
		INVOICE,
		{"name": ("in", list(invoices)), "docstatus": 1, "is_return": 0},
		["name", "grand_total"],
		limit=0,
	)
	left = {row.name: Decimal(str(row.grand_total)) for row in rows}
	for invoice, total in _returns_of(left):
		left[invoice] += Decimal(str(total))
	return left


def _returns_of(invoices: Collection[str]) -> list[tuple[str, float]]:
	"""(invoice, total of a credit note, negative)."""
	return frappe.get_all(
		INVOICE,
		{"return_against": ("in", list(invoices) or [""]), "is_return": 1, "docstatus": 1},
		["return_against", "grand_total"],
		as_list=True,
		limit=0,
	)


def make_credit_note(
	invoice: str,
	*,
	charge: str,
	amount: Decimal,
	posting_date: date,
	description: str,
	service_start: date,
	service_end: date,
) -> Document:
	"""Submit a credit note of `amount` (positive, in the invoice's currency) against a submitted invoice.

	It names the charge that stands for the credit and the days, ends included, that are credited. Raises
	CreditNoteError.
	"""
	left = left_to_credit(invoice)
	if not left:
		frappe.throw(
			_("{0} is not a submitted invoice that can be credited.").format(invoice), CreditNoteError
		)
	if amount <= 0 or amount > left:
		frappe.throw(
			_("The credit of {0} is not between zero and the invoice's {1}.").format(amount, left),
			CreditNoteError,
		)
	note = return_of(invoice, amount, posting_date)
	note.update(
		{
			"from_date": service_start,
			"to_date": service_end,
			"remarks": description,
			"imta_dues_charge": charge,
			"imta_live_charge": None,
		}
	)
	row = note.items[0]
	# ERPNext counts the returned pieces of a row, and a year's dues are one piece: a second credit on the
	# invoice is one by amount.
	returned_row(row, amount, description, by_amount=bool(_returns_of([invoice])))
	row.update(_deferral(posting_date, service_start, service_end, row.deferred_revenue_account))
	note.items = [row]
	note.flags.ignore_permissions = True  # the caller has checked that the treasurer grants it
	note.flags[WRITES_CHARGE] = True
	note.docstatus = 1
	note.insert()
	check_credit(note, amount)
	return note


def return_of(invoice: str, amount: Decimal, posting_date: date) -> Document:
	"""A credit note for an invoice, not in the database yet, with rows still as on the invoice.

	Each row's `sales_invoice_item` names the row that it was copied from.

	:param amount: what is credited in all, positive, in the invoice's currency
	"""
	source = frappe.get_doc(INVOICE, invoice)
	note = frappe.copy_doc(source)
	returns = [option for option in note.meta.get_naming_series_options() if "RET" in option]
	note.update(
		{
			"naming_series": returns[0] if returns else source.naming_series,
			"is_return": 1,
			"return_against": source.name,
			# It lowers what is open on the invoice; ERPNext leaves it open on itself where less is open.
			"update_outstanding_for_self": 0,
			"set_posting_time": 1,
			"posting_date": posting_date,
			"due_date": posting_date,
			"payment_schedule": [],
			"advances": [],
			"ignore_pricing_rule": 1,
			"disable_rounded_total": 1,
			# ERPNext compares what is open with these before it adds the rows up.
			"grand_total": -float(amount),
			"rounded_total": 0,
			"imta_member": source.imta_member,
		}
	)
	for row, origin in zip(note.items, source.items, strict=True):
		row.sales_invoice_item = origin.name
	return note


def returned_row(row: Document, amount: Decimal, description: str, *, by_amount: bool) -> None:
	"""Let a row of `return_of` credit this much, positive; `by_amount` without counting as a returned piece."""
	row.update(
		{
			"qty": -1,
			"rate": float(amount),
			"price_list_rate": float(amount),
			"description": description,
			"sales_invoice_item": None if by_amount else row.sales_invoice_item,
		}
	)


def check_credit(note: Document, amount: Decimal) -> None:
	"""Raise CreditNoteError where ERPNext came to another total than is to be credited."""
	if flt(note.grand_total + float(amount), note.precision("grand_total")):
		frappe.throw(
			_("The credit note comes to {0} instead of {1}.").format(-note.grand_total, amount),
			CreditNoteError,
		)


def _deferral(posting_date: date, start: date, end: date, account: str | None) -> dict[str, object]:
	"""A row's deferred revenue. What is booked after the service has ended is earned: nothing is deferred."""
	defer = bool(account) and getdate(posting_date) <= getdate(end)
	return {
		"enable_deferred_revenue": int(defer),
		"deferred_revenue_account": account if defer else None,
		"service_start_date": start,
		"service_end_date": end,
	}


@contextmanager
def many_invoices() -> Iterator[ReadOnce | None]:
	"""Make many invoices in this transaction. Ends before the commit; restores everything, also on errors."""
	values = frappe.db.value_cache.setdefault("Selling Settings", {})
	frequency = frappe.db.get_single_value("Selling Settings", "sales_update_frequency")
	# The company's sales of the month are added up over all invoices of the month: once per run is enough.
	values["sales_update_frequency"] = "Monthly"
	try:
		with repeated_reads_once() as reader:
			yield reader
	finally:
		frappe.db.value_cache.setdefault("Selling Settings", {})["sales_update_frequency"] = frequency


def update_company_sales(company: str) -> None:
	"""What ERPNext would have done for each invoice, where the site wants it done for each."""
	from erpnext.setup.doctype.company.company import update_company_current_month_sales

	if frappe.db.get_single_value("Selling Settings", "sales_update_frequency") == "Each Transaction":
		update_company_current_month_sales(company)


def ensure_item_defaults(item: str, company: str, income_account: str) -> None:
	"""The item's row for the company, which ERPNext would otherwise write again with each invoice."""
	document = frappe.get_doc("Item", item)
	for row in document.item_defaults:
		if row.company == company:
			if not row.income_account:
				row.db_set("income_account", income_account)
				document.clear_cache()
			return
	document.append("item_defaults", {"company": company, "income_account": income_account}).db_insert()
	document.clear_cache()


class InvoiceNumbers:
	"""Invoice numbers taken from ERPNext's own series in blocks.

	ERPNext holds the series' row from numbering an invoice until the commit, so parallel jobs would wait for
	each other's whole chunk. A block is reserved in a transaction of its own. Numbers that were not used go
	back if nobody has numbered since; a killed worker leaves a gap of a chunk at most, never a duplicate.
	"""

	def __init__(self, naming_series: str | None = None) -> None:
		self.series = naming_series or get_default_naming_series(INVOICE)
		if self.series and "#" not in self.series:
			self.series += ".#####"
		self.free: dict[str, deque[int]] = {}
		# A naming rule of the site has the last word on the number, and its own counter.
		self.is_ours = bool(self.series) and not frappe.db.count(
			"Document Naming Rule", {"document_type": INVOICE, "disabled": 0}
		)

	def reserve(self, order: InvoiceOrder, count: int) -> None:
		"""Have `count` numbers ready. Commits: only to be called between two chunks."""
		if not self.is_ours:
			return
		prefix = self._prefix(order)
		missing = count - len(self.free.setdefault(prefix, deque()))
		if missing <= 0:
			return
		series = frappe.qb.DocType("Series")
		frappe.qb.into(series).columns("name", "current").insert(prefix, 0).ignore().run()
		frappe.qb.update(series).set(series.current, series.current + missing).where(
			series.name == prefix
		).run()
		last = int(frappe.qb.from_(series).select(series.current).where(series.name == prefix).run()[0][0])
		frappe.db.commit()  # the row is free for the other jobs from here on
		self.free[prefix].extend(range(last - missing + 1, last + 1))

	def take(self, order: InvoiceOrder) -> str | None:
		"""The next number, or None where ERPNext has to make one."""
		if not self.is_ours:
			return None
		used: list[tuple[str, int]] = []

		def from_block(prefix: str, digits: int) -> str:
			number = self.free[prefix].popleft()
			used.append((prefix, number))
			return str(number).zfill(digits)

		try:
			return parse_naming_series(self.series, doc=as_fields(order), number_generator=from_block)
		except (KeyError, IndexError):
			for prefix, number in used:
				self.free[prefix].appendleft(number)
			return None

	def mark(self) -> dict[str, deque[int]]:
		"""A state to return to when the transaction is undone."""
		return {prefix: numbers.copy() for prefix, numbers in self.free.items()}

	def give_back(self) -> None:
		"""Return what is left to the series where nobody has numbered since. Commits."""
		series = frappe.qb.DocType("Series")
		for prefix, numbers in self.free.items():
			if not numbers:
				continue
			last, count = numbers[-1], len(numbers)
			if list(numbers) == list(range(last - count + 1, last + 1)):
				(
					frappe.qb.update(series)
					.set(series.current, last - count)
					.where((series.name == prefix) & (series.current == last))
				).run()
		frappe.db.commit()  # as in reserve
		self.free.clear()

	def _prefix(self, order: InvoiceOrder) -> str:
		found: list[str] = []

		def note(prefix: str, digits: int) -> str:
			found.append(prefix)
			return "0" * digits

		parse_naming_series(self.series, doc=as_fields(order), number_generator=note)
		return found[0]


def as_fields(order: InvoiceOrder) -> frappe._dict:
	"""The order under the invoice's field names, for series such as `DUES-.company.-.YYYY.-.#####`."""
	return frappe._dict(asdict(order), doctype=INVOICE, imta_member=order.member)
