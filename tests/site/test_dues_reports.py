"""The reports on dues: figures by currency, ages, reasons, and who may see whose."""

from datetime import date, timedelta

import frappe
import pytest
from frappe.desk.query_report import run

from imta_crm.dues import charges
from imta_crm.dues.report.dues_arrears.dues_arrears import age_of
from tests.site.dues_books import billed, credit, journal, past_year, pay
from tests.site.factories import as_user, make_member, make_user

DUE = date(2023, 3, 31)


@pytest.fixture
def year(site):
	return past_year()


@pytest.fixture
def books(year):
	"""Six members: paid, half paid, credited, written off, open in CNY, and open with money on account."""
	found = frappe._dict(year=year)
	found.paid = billed(year)
	pay(found.paid[1])
	found.half = billed(year, tier="Council", country="Nepal")
	pay(found.half[1], 500)
	found.credited = billed(year)
	credit(found.credited[1], on_itself=True)
	found.written = billed(year)
	journal(found.written[1])
	found.cny = billed(year, "CNY", country="China")
	found.advance = billed(year)
	pay(found.advance[1], 1000, allocated=0)
	return found


def report(name: str, **filters) -> list[frappe._dict]:
	return [frappe._dict(row) for row in run(name, filters=filters)["result"] if isinstance(row, dict)]


def test_collection_by_currency_never_adds_currencies_up(books):
	rows = {
		row.group: row
		for row in report("Dues Collection", dues_year=books.year.name, group_by="Currency")
		if not row.bold
	}
	assert set(rows) == {"USD", "CNY"}
	usd, cny = rows["USD"], rows["CNY"]
	assert (usd.charges, usd.charged, usd.credited, usd.written_off, usd.paid) == (5, 6000, 1000, 1000, 1500)
	assert (usd.outstanding, usd.overdue) == (2500, 2500)
	assert usd.rate == 30.0
	assert (float(cny.charged), float(cny.outstanding), cny.paid) == (7028.8, 7028.8, 0)


@pytest.mark.parametrize(
	("group_by", "expected"),
	[
		("Tier", {("Council", "USD"), ("Ordinary", "USD"), ("Ordinary", "CNY")}),
		("Year", {("2023", "USD"), ("2023", "CNY")}),
		("Country", {("Austria", "USD"), ("Nepal", "USD"), ("China", "CNY")}),
	],
)
def test_collection_by_group(books, group_by, expected):
	rows = report("Dues Collection", dues_year=books.year.name, group_by=group_by)
	assert {(row.group_key, row.currency) for row in rows if not row.bold} == expected
	totals = {row.currency: float(row.charged) for row in rows if row.bold}
	assert totals == {"USD": 6000.0, "CNY": 7028.8}


def test_collection_agrees_with_the_general_ledger(books):
	invoices = frappe.get_all(
		"Sales Invoice", {"imta_dues_charge": ("like", f"DC-{books.year.name}-%")}, pluck="name"
	)
	rows = frappe.get_all(
		"GL Entry",
		{"against_voucher": ("in", invoices), "party_type": "Customer", "is_cancelled": 0},
		["account_currency", "sum(debit_in_account_currency - credit_in_account_currency) as open"],
		group_by="account_currency",
	)
	found = report("Dues Collection", dues_year=books.year.name, group_by="Currency")
	assert {row.account_currency: round(row.open, 2) for row in rows} == {
		row.currency: float(row.outstanding) for row in found if row.bold
	}


def test_collection_as_of_a_day_before_the_payments(books):
	rows = report("Dues Collection", dues_year=books.year.name, group_by="Currency", as_of="2023-02-01")
	usd = next(row for row in rows if row.group == "USD")
	assert (usd.paid, usd.outstanding, usd.overdue) == (0, 6000, 0)


def test_arrears_by_age(books):
	rows = {row.member: row for row in report("Dues Arrears", as_of="2023-05-15") if row.member}
	half, cny = rows[books.half[0].name], rows[books.cny[0].name]
	assert (half.due, half.up_to_60, half.days, half.currency) == (1500, 1500, 45, "USD")
	assert half.sales_invoice == books.half[1].name
	assert float(cny.up_to_60) == 7028.8
	for settled in (books.paid, books.credited, books.written, books.advance):
		assert settled[0].name not in rows
	totals = {row.currency: row for row in report("Dues Arrears", as_of="2023-05-15") if row.bold}
	assert totals["CNY"].due >= cny.due and totals["USD"].due >= half.due


def test_what_is_not_due_is_left_out_unless_asked_for(books):
	member = books.half[0].name
	assert member not in {row.member for row in report("Dues Arrears", as_of="2023-03-31")}
	rows = {row.member: row for row in report("Dues Arrears", as_of="2023-03-31", include_not_due=1)}
	assert rows[member].not_due == 1500


@pytest.mark.parametrize(
	("late", "age"),
	[(0, "not_due"), (1, "up_to_30"), (30, "up_to_30"), (31, "up_to_60"), (180, "up_to_180"), (181, "older")],
)
def test_ages_meet_without_gap(late, age):
	assert age_of(DUE, DUE + timedelta(days=late)) == age


def test_members_without_charge_and_why(books):
	exempt = make_member(tier="Individual", member_type="Individual", joined_on=date(2020, 1, 1))
	late = make_member(joined_on=date(2024, 6, 1))
	waiting = make_member(joined_on=date(2020, 1, 1), invoice_currency="USD")
	waived = books.paid[0]
	books.cny[1].cancel()
	charges.waive(books.cny[1].imta_dues_charge, "Flood in the valley")
	rows = {
		row.member: row
		for row in report("Members Without Charge", dues_year=books.year.name, as_of="2023-12-31")
	}
	assert "exempt" in rows[exempt.name].reason
	assert "after the period" in rows[late.name].reason
	assert rows[waiting.name].kind == "Waits for a run"
	assert rows[books.cny[0].name].kind == "Waived"
	assert waived.name not in rows


def test_reasons_come_in_chinese(year):
	exempt = make_member(tier="Individual", member_type="Individual", joined_on=date(2020, 1, 1))
	frappe.local.lang = "zh"
	try:
		rows = report("Members Without Charge", dues_year=year.name, as_of="2023-12-31")
	finally:
		frappe.local.lang = "en"
	assert "免缴" in next(row.reason for row in rows if row.member == exempt.name)


def test_officers_see_their_portfolio_only(year):
	officer = make_user("Liaison Officer")
	mine, _invoice = billed(year, officer=officer)
	other, _invoice = billed(year)
	idle = make_member(tier="Individual", member_type="Individual")
	with as_user(officer):
		assert {row.member for row in report("Dues Arrears", as_of="2023-05-15") if row.member} == {mine.name}
		(row,) = (
			row for row in report("Dues Collection", dues_year=year.name, group_by="Tier") if not row.bold
		)
		assert (row.charges, row.charged) == (1, 1000)
		listed = {row.member for row in report("Members Without Charge", dues_year=year.name)}
		assert idle.name not in listed and other.name not in listed
	with as_user(make_user("Treasurer")):
		seen = {row.member for row in report("Dues Arrears", as_of="2023-05-15")}
		assert {mine.name, other.name} <= seen


@pytest.mark.parametrize("name", ["Dues Collection", "Dues Arrears", "Members Without Charge"])
def test_who_has_no_role_sees_no_report(year, name):
	for role in ("Training Coordinator", None):
		with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
			report(name, dues_year=year.name)


def test_names_are_inert_in_exports(year):
	member, _invoice = billed(year)
	member.db_set("member_name", "=HYPERLINK(1)")
	row = next(row for row in report("Dues Arrears", as_of="2023-05-15") if row.member == member.name)
	assert row.member_name == "'=HYPERLINK(1)"


def test_reasons_name_tier_and_status_in_chinese(site):
	year = past_year()
	member = make_member(tier="Individual", member_type="Individual", joined_on=date(2020, 1, 1))
	frappe.local.lang = "zh"
	try:
		[row] = [
			row for row in report("Members Without Charge", dues_year=year.name) if row.member == member.name
		]
	finally:
		frappe.local.lang = "en"
	assert "个人会员" in row.reason and "Individual" not in row.reason
	assert row.status == "有效"
