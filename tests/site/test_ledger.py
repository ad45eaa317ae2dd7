"""What the member's standing says after each thing that a treasurer can do in ERPNext."""

from datetime import date
from decimal import Decimal

import frappe
import pytest

from imta_crm.dues.sales_invoice import DuesInvoiceError, DuplicateLiveInvoice
from imta_crm.erp import ledger
from tests.site.dues_books import bill, billed, charge_of, credit, journal, past_year, pay
from tests.site.factories import count_queries, make_member

D = Decimal
USD, CNY = D(1000), D("7028.8")


@pytest.fixture
def year(site):
	return past_year()


@pytest.fixture(params=["USD", "CNY"])
def case(request, year):
	"""A billed member; the company keeps its books in CNY."""
	member, invoice = billed(year, request.param)
	return frappe._dict(
		member=member, invoice=invoice, currency=request.param, dues=D(str(invoice.grand_total))
	)


def balance(invoice, as_of=None):
	standing = ledger.standing_of([invoice.customer], as_of)[invoice.customer]
	return standing.balances.get(invoice.currency) or ledger.Balance(invoice.currency)


def of_charge(invoice):
	return ledger.charge_standings([invoice.imta_dues_charge])[invoice.imta_dues_charge]


def test_an_invoice_is_owed_in_its_own_currency(case):
	assert case.dues == {"USD": USD, "CNY": CNY}[case.currency]
	found = balance(case.invoice)
	assert (found.outstanding, found.overdue, found.credit, found.paid) == (case.dues, case.dues, 0, 0)
	assert found.overdue_since == case.invoice.due_date == date(2023, 3, 31)
	assert of_charge(case.invoice).state(date(2023, 3, 31)) == "Unpaid"
	assert of_charge(case.invoice).state(date(2023, 4, 1)) == "Overdue"
	assert balance(case.invoice, date(2023, 3, 31)).overdue == 0


def test_payment_in_full(case):
	pay(case.invoice)
	found = balance(case.invoice)
	assert (found.outstanding, found.overdue, found.credit, found.paid) == (0, 0, 0, case.dues)
	assert of_charge(case.invoice).state(date.today()) == "Paid"
	charge = charge_of(case.invoice)
	assert (charge.payment_state, charge.outstanding) == ("Paid", 0)


def test_part_payment(case):
	pay(case.invoice, 400)
	found = balance(case.invoice)
	assert (found.outstanding, found.paid) == (case.dues - 400, 400)
	assert of_charge(case.invoice).state(date(2023, 3, 1)) == "Partly Paid"
	assert D(str(case.invoice.outstanding_amount)) == found.outstanding


def test_overpayment_is_kept_as_credit(case):
	pay(case.invoice, float(case.dues) + 150)
	found = balance(case.invoice)
	assert (found.outstanding, found.credit, found.net, found.paid) == (0, 150, -150, case.dues + 150)


def test_payment_in_advance_covers_what_is_due_before_it_is_matched(case):
	pay(case.invoice, float(case.dues), allocated=0)
	found = balance(case.invoice)
	assert (found.outstanding, found.overdue, found.credit, found.net) == (case.dues, 0, case.dues, 0)
	assert ledger.amounts_due([case.invoice.customer]) == {}
	assert of_charge(case.invoice).outstanding == case.dues  # as ERPNext shows it until it is matched


def test_payment_against_another_invoice(year):
	_member, invoice = billed(year)
	_other_member, other = billed(year)
	pay(other)
	assert balance(invoice).outstanding == USD
	assert balance(other).outstanding == 0
	assert of_charge(invoice).paid == 0


@pytest.mark.parametrize("on_itself", [False, True])
def test_credit_note(case, on_itself):
	note = credit(case.invoice, on_itself=on_itself)
	assert note.imta_dues_charge == case.invoice.imta_dues_charge
	assert not note.imta_live_charge
	assert balance(case.invoice).net == 0
	assert balance(case.invoice).overdue == 0
	standing = of_charge(case.invoice)
	assert (standing.charged, standing.credited, standing.outstanding) == (case.dues, case.dues, 0)
	assert standing.state(date.today()) == "Credited"
	note.cancel()
	assert balance(case.invoice).overdue == case.dues
	assert charge_of(case.invoice).sales_invoice == case.invoice.name


def test_part_credit_note_left_open_counts_for_its_own_invoice(year):
	_member, invoice = billed(year)
	credit(invoice, 300, on_itself=True)
	assert ledger.amounts_due([invoice.customer]) == {invoice.imta_dues_charge: D(700)}


def test_cancelled_payment_is_owed_again(case):
	entry = pay(case.invoice)
	entry.cancel()
	found = balance(case.invoice)
	assert (found.outstanding, found.paid) == (case.dues, 0)
	assert charge_of(case.invoice).payment_state == "Overdue"


def test_cancelled_invoice_is_not_owed_and_frees_its_charge(case):
	case.invoice.cancel()
	assert balance(case.invoice).outstanding == 0
	charge = charge_of(case.invoice)
	assert (charge.status, charge.sales_invoice, charge.payment_state) == ("Pending", None, "Not Invoiced")
	assert frappe.db.get_value("Sales Invoice", case.invoice.name, "imta_live_charge") is None


def test_write_off_by_journal_entry(case):
	journal(case.invoice)
	found = balance(case.invoice)
	assert (found.outstanding, found.paid) == (0, 0)
	standing = of_charge(case.invoice)
	assert (standing.written_off, standing.state(date.today())) == (case.dues, "Written Off")


def test_money_by_bank_journal_counts_as_paid(case):
	journal(case.invoice, kind="Bank Entry")
	assert balance(case.invoice).paid == case.dues
	assert of_charge(case.invoice).state(date.today()) == "Paid"


def test_as_of_looks_at_the_ledger_of_that_day(case):
	pay(case.invoice, on="2023-05-02")
	assert balance(case.invoice, date(2023, 5, 1)).overdue == case.dues
	assert balance(case.invoice, date(2023, 5, 2)).overdue == 0


def test_everybody_in_few_queries(year):
	for _ in range(3):
		billed(year)
	with count_queries() as queries:
		standings = ledger.standing_of()
	assert len(queries) <= 3
	assert sum(s.balances["USD"].outstanding for s in standings.values() if "USD" in s.balances) >= 3 * USD
	with count_queries() as queries:
		ledger.charge_standings()
	assert len(queries) <= 3


def test_customer_without_a_ledger_has_an_empty_standing(site):
	member = make_member()
	standing = ledger.standing_of([member.customer])[member.customer]
	assert standing.items == () and standing.balances == {}
	assert standing.as_dict()["balances"] == []


class TestLiveInvoice:
	"""A charge has one live invoice, whoever makes it."""

	def copy_of(self, invoice):
		copy = frappe.copy_doc(invoice)
		copy.update({"docstatus": 0, "set_posting_time": 1, "imta_dues_charge": invoice.imta_dues_charge})
		return copy

	def test_a_second_one_is_refused(self, year):
		_member, invoice = billed(year)
		with pytest.raises(DuplicateLiveInvoice, match=invoice.name):
			self.copy_of(invoice).insert()

	def test_the_database_refuses_it_even_unasked(self, year):
		_member, invoice = billed(year)
		copy = self.copy_of(invoice)
		copy.flags.imta_writes_charge = True
		with pytest.raises(frappe.UniqueValidationError):
			copy.insert()

	def test_one_replacement_after_a_cancellation(self, year):
		member, invoice = billed(year)
		invoice.cancel()
		replacement = bill(year, member.name)
		assert replacement.name != invoice.name
		assert charge_of(replacement).sales_invoice == replacement.name
		with pytest.raises(DuplicateLiveInvoice):
			self.copy_of(invoice).insert()

	def test_an_amendment_takes_the_charge_over(self, year):
		_member, invoice = billed(year)
		invoice.cancel()
		amended = self.copy_of(invoice)
		amended.amended_from = invoice.name
		amended.insert()
		assert amended.imta_live_charge == invoice.imta_dues_charge
		assert charge_of(invoice).sales_invoice is None
		amended.submit()
		charge = charge_of(amended)
		assert (charge.status, charge.sales_invoice) == ("Invoiced", amended.name)

	def test_a_deleted_draft_frees_the_charge(self, year):
		member, invoice = billed(year)
		invoice.cancel()
		draft = self.copy_of(invoice)
		draft.insert()
		draft.delete()
		assert bill(year, member.name).docstatus == 1

	def test_another_customer_is_refused(self, year):
		_member, invoice = billed(year)
		other, other_invoice = billed(year)
		other_invoice.cancel()
		invoice.cancel()
		copy = self.copy_of(invoice)
		copy.imta_dues_charge = other_invoice.imta_dues_charge
		with pytest.raises(DuesInvoiceError, match=other.customer):
			copy.insert()

	def test_a_waived_charge_is_not_invoiced(self, year):
		_member, invoice = billed(year)
		invoice.cancel()
		charge_of(invoice).waive("The Council decided so")
		with pytest.raises(DuesInvoiceError, match="Waived"):
			self.copy_of(invoice).insert()

	def test_a_charge_that_does_not_exist_is_refused(self, year):
		_member, invoice = billed(year)
		copy = self.copy_of(invoice)
		copy.imta_dues_charge = "DC-0000-NOBODY"
		with pytest.raises((DuesInvoiceError, frappe.LinkValidationError)):
			copy.insert()

	def test_other_invoices_are_left_alone(self, year):
		_member, invoice = billed(year)
		copy = self.copy_of(invoice)
		copy.imta_dues_charge = None
		copy.imta_live_charge = "DC-smuggled"
		copy.insert()
		assert copy.imta_live_charge is None
