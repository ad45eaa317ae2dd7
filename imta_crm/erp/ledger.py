"""What members owe and have paid, read from ERPNext's ledger and from nowhere else.

The source is the Payment Ledger Entry (`delinked` = 0), which ERPNext writes for every submitted Sales
Invoice, credit note, Payment Entry and Journal Entry and takes back when one of them is cancelled. So a
payment, a part payment, an overpayment, a credit note, a write-off or a cancellation counts at once and
nothing has to be kept in step.

All amounts are in the currency of the receivable account (the currency that the member is invoiced in,
also when the company keeps its books in another one). Currencies are never added up. Dates are dates of
the site's time zone.

Two figures are kept apart for each open document: `outstanding`, as ERPNext shows it, and `due`, what
remains after money that the treasurer has received on the same account but not yet matched. A credit note
that ERPNext left open on itself counts first against the invoice that it returns, any other credit against
the oldest due date. Nobody is reminded of, or suspended for, money that is already here.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import frappe
from frappe.query_builder import Case
from frappe.query_builder.functions import Max, Min, Sum
from frappe.utils import getdate

ZERO = Decimal(0)
# Amounts come back as floats summed from decimals with nine places.
PLACES = Decimal("0.000001")
HALF_A_THOUSANDTH = 0.0005
# Journal entries of these kinds move money; any other one (a write-off, a correction) forgives it.
MONEY_JOURNALS = ("Bank Entry", "Cash Entry", "Credit Card Entry")
# MariaDB turns a list of 1,000 values into a subquery and then reads the whole table.
BATCH = 900
# From so many charges on, reading the ledger once is quicker than looking each one up.
MANY_CHARGES = 5000


@dataclass(frozen=True)
class OpenItem:
	"""One open receivable document of a customer, in the currency of its receivable account."""

	customer: str
	company: str
	account: str
	currency: str
	voucher_type: str
	voucher_no: str
	posting_date: date
	due_date: date
	outstanding: Decimal
	due: Decimal
	charge: str | None = None
	return_against: str | None = None

	def is_overdue(self, on: date) -> bool:
		return self.due > 0 and self.due_date < on


@dataclass(frozen=True)
class Balance:
	"""A customer's sums in one currency. `paid` is all money ever received less refunds."""

	currency: str
	outstanding: Decimal = ZERO
	overdue: Decimal = ZERO
	credit: Decimal = ZERO
	paid: Decimal = ZERO
	dues_outstanding: Decimal = ZERO
	dues_overdue: Decimal = ZERO
	overdue_since: date | None = None

	@property
	def net(self) -> Decimal:
		"""What is owed in the end; negative where the alliance holds the member's money."""
		return self.outstanding - self.credit


@dataclass(frozen=True)
class Standing:
	"""Everything open of one customer on a date. Empty where the ledger knows nothing of the customer."""

	customer: str
	as_of: date
	items: tuple[OpenItem, ...] = ()
	balances: dict[str, Balance] = field(default_factory=dict)

	@property
	def dues_items(self) -> tuple[OpenItem, ...]:
		"""Open invoices that come from a Dues Charge: these alone decide about arrears."""
		return tuple(item for item in self.items if item.charge)

	def as_dict(self) -> dict:
		"""Plain values for a form: floats and ISO dates, one row for each currency and each open item."""
		return {
			"as_of": self.as_of.isoformat(),
			"balances": [
				{
					"currency": b.currency,
					"outstanding": float(b.outstanding),
					"overdue": float(b.overdue),
					"credit": float(b.credit),
					"net": float(b.net),
					"paid": float(b.paid),
					"dues_outstanding": float(b.dues_outstanding),
					"dues_overdue": float(b.dues_overdue),
					"overdue_since": b.overdue_since.isoformat() if b.overdue_since else None,
				}
				for _currency, b in sorted(self.balances.items())
			],
			"items": [
				{
					"voucher_type": i.voucher_type,
					"voucher_no": i.voucher_no,
					"charge": i.charge,
					"currency": i.currency,
					"due_date": i.due_date.isoformat(),
					"outstanding": float(i.outstanding),
					"due": float(i.due),
					"is_overdue": i.is_overdue(self.as_of),
				}
				for i in self.items
			],
		}


@dataclass(frozen=True, kw_only=True)
class InvoiceStanding:
	"""What the ledger says of one Sales Invoice, in the currency of its receivable account.

	`charged` − `credited` − `written_off` − `paid` = `outstanding`.
	"""

	sales_invoice: str
	currency: str
	charged: Decimal = ZERO
	credited: Decimal = ZERO
	written_off: Decimal = ZERO
	paid: Decimal = ZERO

	@property
	def outstanding(self) -> Decimal:
		return self.charged - self.credited - self.written_off - self.paid


@dataclass(frozen=True, kw_only=True)
class ChargeStanding(InvoiceStanding):
	"""The same of the invoice of one Dues Charge."""

	charge: str
	due_date: date

	def state(self, on: date) -> str:
		"""Not Invoiced is for charges without an entry here; see `payment_state`."""
		if self.outstanding <= 0:
			if self.paid > 0:
				return "Paid"
			return "Credited" if self.credited >= self.written_off else "Written Off"
		if self.due_date < on:
			return "Overdue"
		return "Partly Paid" if self.outstanding < self.charged else "Unpaid"


PAYMENT_STATES = ("Not Invoiced", "Unpaid", "Partly Paid", "Overdue", "Paid", "Credited", "Written Off")


def standing_of(customers: Iterable[str] | None = None, as_of: date | None = None) -> dict[str, Standing]:
	"""The standing of the named customers, or of every member's customer when `customers` is None.

	Without `as_of` everything in the ledger counts and today decides what is overdue. With it, only what
	was posted up to and including that day counts. Named customers always have an entry, those without a
	ledger an empty one; for None only customers that the ledger knows appear. Two queries for each 900
	named customers, two in all for None. Reads past permissions: callers check who may see a member.
	"""
	on = getdate(as_of)
	items: dict[str, list[OpenItem]] = defaultdict(list)
	paid: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
	names = None if customers is None else list(dict.fromkeys(filter(None, customers)))
	for batch in [None] if names is None else _batches(names):
		for item in _open_items(batch, as_of):
			items[item.customer].append(item)
		for customer, currency, amount in _money_received(batch, as_of):
			paid[(customer, currency)] += amount

	known = dict.fromkeys([*(names or ()), *items, *(customer for customer, _currency in paid)])
	currencies: dict[str, set[str]] = defaultdict(set)
	for customer, currency in paid:
		currencies[customer].add(currency)
	return {
		customer: _standing(
			customer, on, items.get(customer, []), {c: paid[(customer, c)] for c in currencies[customer]}
		)
		for customer in known
	}


def charge_standings(
	charges: Iterable[str] | None = None, as_of: date | None = None
) -> dict[str, ChargeStanding]:
	"""What was charged, credited, written off and paid for each Dues Charge; all charges when None.

	Charges without a live invoice have no entry. A credit note counts for the charge of the invoice that
	it returns, whether ERPNext booked it against that invoice or left it open on itself.
	"""
	names = None if charges is None else list(dict.fromkeys(filter(None, charges)))
	if names is None or len(names) > MANY_CHARGES:
		found = _charge_standings(None, as_of)
		return found if names is None else {name: found[name] for name in names if name in found}
	found = {}
	for batch in _batches(names):
		found.update(_charge_standings(batch, as_of))
	return found


def payment_state(charge: str, on: date | None = None) -> str:
	"""One of PAYMENT_STATES for one charge; for lists use `charge_standings`."""
	standing = charge_standings([charge]).get(charge)
	return standing.state(getdate(on)) if standing else "Not Invoiced"


def outstanding_of(charge: str) -> Decimal:
	"""Open amount of one charge in the currency of its invoice; zero where nothing is invoiced."""
	standing = charge_standings([charge]).get(charge)
	return standing.outstanding if standing else ZERO


def amounts_due(customers: Iterable[str], as_of: date | None = None) -> dict[str, Decimal]:
	"""{charge: amount due after unmatched money} of the open dues invoices of these customers."""
	return {
		item.charge: item.due
		for standing in standing_of(customers, as_of).values()
		for item in standing.dues_items
		if item.due > 0
	}


def _standing(customer: str, on: date, items: list[OpenItem], paid: dict[str, Decimal]) -> Standing:
	open_items, credit = _set_off(items)
	sums: dict[str, dict] = {
		currency: {"paid": amount, "credit": credit.get(currency, ZERO)} for currency, amount in paid.items()
	}
	for currency, amount in credit.items():
		sums.setdefault(currency, {"credit": amount})
	for item in open_items:
		row = sums.setdefault(item.currency, {})
		keys = ["outstanding", "overdue"] + (["dues_outstanding", "dues_overdue"] if item.charge else [])
		for key in keys:
			if not key.endswith("overdue"):
				row[key] = row.get(key, ZERO) + item.outstanding
			elif item.is_overdue(on):
				row[key] = row.get(key, ZERO) + item.due
		if item.is_overdue(on):
			row["overdue_since"] = min(row.get("overdue_since") or item.due_date, item.due_date)
	return Standing(
		customer=customer,
		as_of=on,
		items=tuple(open_items),
		balances={currency: Balance(currency=currency, **row) for currency, row in sums.items()},
	)


def _set_off(items: list[OpenItem]) -> tuple[list[OpenItem], dict[str, Decimal]]:
	"""Open items, oldest due date first, with `due` less the unmatched credit; and that credit by currency.

	Money on one receivable account never settles an item on another one.
	"""
	owed = sorted((i for i in items if i.outstanding > 0), key=lambda i: (i.due_date, i.voucher_no))
	credits = [i for i in items if i.outstanding < 0]
	due = {id(i): i.outstanding for i in owed}
	pool: dict[str, Decimal] = defaultdict(lambda: ZERO)
	total: dict[str, Decimal] = defaultdict(lambda: ZERO)
	by_voucher = {(i.account, i.voucher_no): i for i in owed if i.voucher_type == "Sales Invoice"}
	for credit in credits:
		left = -credit.outstanding
		total[credit.currency] += left
		returned = by_voucher.get((credit.account, credit.return_against)) if credit.return_against else None
		if returned:
			used = min(left, due[id(returned)])
			due[id(returned)] -= used
			left -= used
		pool[credit.account] += left
	for item in owed:
		used = min(pool[item.account], due[id(item)])
		due[id(item)] -= used
		pool[item.account] -= used
	return [replace(item, due=due[id(item)]) for item in owed], dict(total)


def _open_items(customers: list[str] | None, as_of: date | None) -> list[OpenItem]:
	ple = frappe.qb.DocType("Payment Ledger Entry")
	invoice = frappe.qb.DocType("Sales Invoice")
	balance = Sum(ple.amount_in_account_currency)
	vouchers = (
		frappe.qb.from_(ple)
		.select(
			ple.party,
			ple.company,
			ple.account,
			ple.account_currency,
			ple.against_voucher_type,
			ple.against_voucher_no,
			Min(ple.posting_date).as_("posting_date"),
			Max(ple.due_date).as_("due_date"),
			balance.as_("outstanding"),
		)
		.groupby(
			ple.party,
			ple.company,
			ple.account,
			ple.account_currency,
			ple.against_voucher_type,
			ple.against_voucher_no,
		)
		.having((balance > HALF_A_THOUSANDTH) | (balance < -HALF_A_THOUSANDTH))
	)
	vouchers = _of_customers(vouchers, ple, customers, as_of).as_("v")
	rows = (
		frappe.qb.from_(vouchers)
		.left_join(invoice)
		.on(
			(vouchers.against_voucher_type == "Sales Invoice") & (invoice.name == vouchers.against_voucher_no)
		)
		.select(
			vouchers.party,
			vouchers.company,
			vouchers.account,
			vouchers.account_currency,
			vouchers.against_voucher_type,
			vouchers.against_voucher_no,
			vouchers.posting_date,
			vouchers.due_date,
			vouchers.outstanding,
			invoice.due_date.as_("invoice_due_date"),
			invoice.imta_dues_charge,
			invoice.return_against,
		)
	).run(as_dict=True)
	return [
		OpenItem(
			customer=row.party,
			company=row.company,
			account=row.account,
			currency=row.account_currency,
			voucher_type=row.against_voucher_type,
			voucher_no=row.against_voucher_no,
			posting_date=row.posting_date,
			due_date=row.invoice_due_date or row.due_date or row.posting_date,
			outstanding=_decimal(row.outstanding),
			due=max(_decimal(row.outstanding), ZERO),
			charge=row.imta_dues_charge or None,
			return_against=row.return_against or None,
		)
		for row in rows
	]


def _money_received(customers: list[str] | None, as_of: date | None) -> list[tuple[str, str, Decimal]]:
	"""(customer, currency, amount): payments and bank or cash journal entries, less refunds."""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	journal = frappe.qb.DocType("Journal Entry")
	query = (
		frappe.qb.from_(ple)
		.left_join(journal)
		.on((ple.voucher_type == "Journal Entry") & (journal.name == ple.voucher_no))
		.select(ple.party, ple.account_currency, Sum(ple.amount_in_account_currency))
		.where((ple.voucher_type == "Payment Entry") | journal.voucher_type.isin(MONEY_JOURNALS))
		.groupby(ple.party, ple.account_currency)
	)
	rows = _of_customers(query, ple, customers, as_of).run()
	return [(customer, currency, -_decimal(amount)) for customer, currency, amount in rows]


def _of_customers(query, ple, customers: list[str] | None, as_of: date | None):
	query = query.where(
		(ple.party_type == "Customer") & (ple.account_type == "Receivable") & (ple.delinked == 0)
	)
	if customers is None:
		customer = frappe.qb.DocType("Customer")
		query = query.join(customer).on(customer.name == ple.party).where(customer.imta_member.isnotnull())
	else:
		query = query.where(ple.party.isin(customers))
	return query.where(ple.posting_date <= as_of) if as_of else query


def _charge_standings(charges: list[str] | None, as_of: date | None) -> dict[str, ChargeStanding]:
	"""Three queries: the charges' invoices, the credit notes that return them, and the ledger of both."""
	invoice = frappe.qb.DocType("Sales Invoice")
	live = (
		frappe.qb.from_(invoice)
		.select(invoice.name, invoice.imta_dues_charge, invoice.due_date)
		.where((invoice.docstatus == 1) & (invoice.is_return == 0))
	)
	if charges is None:
		# Frappe keeps an empty Link as NULL or as an empty text, depending on how the row was written.
		live = live.where(invoice.imta_dues_charge > "")
	else:
		live = live.where(invoice.imta_dues_charge.isin(charges))
	roots = {name: (charge, due_date) for name, charge, due_date in live.run()}
	if not roots:
		return {}
	found = {}
	for root, standing in _invoice_standings(roots, as_of, everything=charges is None).items():
		charge, due_date = roots[root]
		found[charge] = ChargeStanding(
			charge=charge,
			currency=standing.currency,
			sales_invoice=root,
			due_date=due_date,
			charged=standing.charged,
			credited=standing.credited,
			paid=standing.paid,
			written_off=standing.written_off,
		)
	return found


def invoice_standings(invoices: Iterable[str], as_of: date | None = None) -> dict[str, InvoiceStanding]:
	"""What was charged, credited, written off and paid on each of these Sales Invoices.

	Invoices that the ledger does not know, drafts and cancelled ones, have no entry. Credit notes count as
	in `charge_standings`. Two queries for each 900 invoices. Reads past permissions: callers check who may
	see what was invoiced.
	"""
	found: dict[str, InvoiceStanding] = {}
	for batch in _batches(list(dict.fromkeys(filter(None, invoices)))):
		found.update(_invoice_standings(batch, as_of))
	return found


def _invoice_standings(
	roots: Collection[str], as_of: date | None, *, everything: bool = False
) -> dict[str, InvoiceStanding]:
	"""Two queries: the credit notes that return the invoices, and the ledger of both.

	:param everything: read the whole ledger instead of looking each invoice up
	"""
	invoice = frappe.qb.DocType("Sales Invoice")
	names = None if everything else list(roots)
	returned = frappe.qb.from_(invoice).select(invoice.name, invoice.return_against)
	returned = returned.where((invoice.docstatus == 1) & (invoice.is_return == 1))
	returned = returned.where(
		invoice.return_against > "" if names is None else invoice.return_against.isin(names)
	)
	wanted = set(roots)
	root_of = {name: root for name, root in returned.run() if root in wanted}

	sums: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
	for row in _ledger_of_invoices(None if names is None else [*names, *root_of], as_of):
		root = root_of.get(row.voucher, row.voucher)
		if root not in wanted:
			continue
		total = sums[(root, row.currency)]
		own, other = _decimal(row.own), _decimal(row.other)
		if root == row.voucher:
			total["charged"] += own
			total["credited"] -= other
		else:
			total["credited"] -= own + other
		total["paid"] -= _decimal(row.money)
		total["outstanding"] += _decimal(row.total)
	return {
		root: InvoiceStanding(
			sales_invoice=root,
			currency=currency,
			charged=total["charged"],
			credited=total["credited"],
			paid=total["paid"],
			# All that is neither money nor a credit note: write-offs and other journal entries.
			written_off=total["charged"] - total["credited"] - total["paid"] - total["outstanding"],
		)
		for (root, currency), total in sums.items()
	}


def _ledger_of_invoices(names: list[str] | None, as_of: date | None) -> list[frappe._dict]:
	"""Sums by invoice: its own entry, other invoices' (credit notes), money, and all together."""
	ple = frappe.qb.DocType("Payment Ledger Entry")
	journal = frappe.qb.DocType("Journal Entry")
	amount = ple.amount_in_account_currency
	by_invoice = ple.voucher_type == "Sales Invoice"
	money = (ple.voucher_type == "Payment Entry") | journal.voucher_type.isin(MONEY_JOURNALS)

	def total(condition):
		return Sum(Case().when(condition, amount).else_(0))

	query = (
		frappe.qb.from_(ple)
		.left_join(journal)
		.on((ple.voucher_type == "Journal Entry") & (journal.name == ple.voucher_no))
		.select(
			ple.against_voucher_no.as_("voucher"),
			ple.account_currency.as_("currency"),
			total(by_invoice & (ple.voucher_no == ple.against_voucher_no)).as_("own"),
			total(by_invoice & (ple.voucher_no != ple.against_voucher_no)).as_("other"),
			total(money).as_("money"),
			Sum(amount).as_("total"),
		)
		.where(
			(ple.against_voucher_type == "Sales Invoice")
			& (ple.party_type == "Customer")
			& (ple.delinked == 0)
		)
		.groupby(ple.against_voucher_no, ple.account_currency)
	)
	if names is not None:
		query = query.where(ple.against_voucher_no.isin(names))
	if as_of:
		query = query.where(ple.posting_date <= as_of)
	return query.run(as_dict=True)


def _decimal(amount: float | Decimal | None) -> Decimal:
	return Decimal(str(amount or 0)).quantize(PLACES, rounding=ROUND_HALF_UP)


def _batches(names: list[str]) -> list[list[str]]:
	return [names[i : i + BATCH] for i in range(0, len(names), BATCH)]
