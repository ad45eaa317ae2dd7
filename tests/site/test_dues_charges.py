"""Dues Year and Dues Charge: what is refused, what is frozen, changes of tier, waiving, the one live invoice."""

import frappe
import pytest
from frappe.utils import getdate

from imta_crm.dues import charges, years
from imta_crm.dues.charges import ChargeStateError, CreditNotGranted
from imta_crm.dues.doctype.dues_year.dues_year import (
	DuesAccountsError,
	DuesItemError,
	DuesRatesError,
	DuesRemindersError,
	DuesTiersError,
	DuesYearDatesError,
	DuesYearFrozen,
	OverlappingDuesYear,
)
from imta_crm.erp import invoices, masters
from imta_crm.erp.readonce import repeated_reads_once
from tests.site.dues_site import CNY_RATE, make_year
from tests.site.factories import as_user, make_change, make_member, make_tier, make_user

YEAR = "2026"


@pytest.fixture
def year(site):
	return make_year(YEAR)


def charged(year, **fields):
	"""A member with its charge of the year, invoiced."""
	member = make_member(**{"invoice_currency": "USD", **fields})
	charges.plan(year, getdate("2026-01-15"), only=[member.name])
	name = charges.charge_name(year.name, member.name)
	assert charges.invoice_one(name), frappe.db.get_value("Dues Charge", name, "error")
	return member, frappe.get_doc("Dues Charge", name)


def applied_change(member, change_type: str, new_tier: str, on: str):
	"""A Membership Change as it is once applied, told to the dues."""
	before = frappe.db.get_value("IMTA Member", member.name, "tier")
	change = frappe.new_doc("Membership Change")
	change.update(
		{
			"member": member.name,
			"change_type": change_type,
			"effective_date": on,
			"new_tier": new_tier,
			"reason": "Decided by the Council",
		}
	)
	change.insert()
	frappe.db.set_value(
		"Membership Change",
		change.name,
		{"docstatus": 1, "state": "Applied", "previous_tier": before, "new_tier": new_tier},
	)
	charges.on_tier_change(member.name, change.name)
	change.reload()
	return change


# Dues Year


def test_tiers_are_a_snapshot(year):
	dues = {row.tier: (row.amount, row.is_exempt) for row in year.tier_dues}
	assert dues["Council"] == (2000, 0)
	assert dues["Ordinary"] == (1000, 0)
	assert dues["Emeritus"] == (0, 1)
	frappe.db.set_value("Member Tier", "Ordinary", "dues_amount", 5000)
	year.reload()
	year.save()
	assert years.rules_of(year).tiers["Ordinary"].amount == 1000


def test_refill_adds_only_what_is_missing(year):
	tier = make_tier(dues_amount=300)
	assert year.refill_tiers() == [tier.name]
	year.reload()
	assert {row.tier: row.amount for row in year.tier_dues}[tier.name] == 300
	assert year.refill_tiers() == []


def test_each_currency_has_its_receivable_account(year):
	accounts = {row.currency: row.receivable_account for row in year.rates}
	assert set(accounts) == {"USD", "CNY"}
	for currency, account in accounts.items():
		assert frappe.db.get_value("Account", account, "account_currency") == currency
	assert float(years.conversion_rate(year, "USD")) == CNY_RATE
	assert years.conversion_rate(year, "CNY") == 1


@pytest.mark.parametrize(
	("fields", "error"),
	[
		({"to_date": "2025-12-31"}, DuesYearDatesError),
		({"due_date": "2026-01-04"}, DuesYearDatesError),
		({"notice_date": "2027-02-01", "due_date": "2027-03-01"}, DuesYearDatesError),
		({"rates": [{"currency": "CNY", "rate": 0}]}, DuesRatesError),
		({"rates": [{"currency": "CNY", "rate": 7}, {"currency": "CNY", "rate": 8}]}, DuesRatesError),
		({"rates": [{"currency": "CNY", "rate": 7}, {"currency": "USD", "rate": 2}]}, DuesRatesError),
		({"tier_dues": [{"tier": "Council", "amount": 0}]}, DuesTiersError),
		(
			{"tier_dues": [{"tier": "Council", "amount": 1}, {"tier": "Council", "amount": 2}]},
			DuesTiersError,
		),
		({"deferred_revenue": 1}, DuesAccountsError),
		(
			{"reminders": [{"rule_name": "First", "days": 1}, {"rule_name": "first ", "days": 2}]},
			DuesRemindersError,
		),
	],
)
def test_dues_year_refuses(site, fields, error):
	with pytest.raises(error):
		make_year(YEAR, **fields)


def test_rate_is_demanded_for_every_currency_in_use(site):
	make_member(invoice_currency="CNY")
	with pytest.raises(DuesRatesError, match="CNY"):
		make_year(YEAR, rates=[])
	assert make_year(YEAR, rates=[], status="Draft").status == "Draft"


def test_accounts_must_fit(year):
	debtors = masters.ensure_receivable_account(year.company, "CNY")
	year.income_account = debtors
	with pytest.raises(DuesAccountsError):
		year.save()
	year.reload()
	next(row for row in year.rates if row.currency == "USD").receivable_account = debtors
	with pytest.raises(DuesAccountsError):
		year.save()


def test_item_must_be_a_service(site):
	item = frappe.get_doc(
		doctype="Item", item_code="TEST-STOCK", item_group="All Item Groups", stock_uom="Nos", is_stock_item=1
	).insert()
	with pytest.raises(DuesItemError):
		make_year(YEAR, item=item.name)


def test_periods_of_a_company_do_not_overlap(year):
	with pytest.raises(OverlappingDuesYear):
		make_year("2027", from_date="2026-12-31")


def test_what_was_charged_from_is_frozen(year):
	charged(year)
	for change in (
		{"proration": "Daily"},
		{"to_date": "2026-11-30"},
		{"reference_currency": "CNY"},
	):
		year.reload()
		year.update(change)
		with pytest.raises((DuesYearFrozen, DuesRatesError)):
			year.save()
	year.reload()
	next(row for row in year.tier_dues if row.tier == "Ordinary").amount = 900
	with pytest.raises(DuesYearFrozen, match="Ordinary"):
		year.save()
	year.reload()
	next(row for row in year.rates if row.currency == "CNY").rate = 7.5
	with pytest.raises(DuesYearFrozen, match="CNY"):
		year.save()
	year.reload()
	year.grace_days = 10
	year.append("tier_dues", {"tier": make_tier().name, "amount": 500})
	year.save()


# Dues Charge


def test_name_is_the_key(year):
	_member, charge = charged(year)
	twin = frappe.copy_doc(charge)
	with pytest.raises(frappe.DuplicateEntryError):
		twin.insert()


def test_invoice_of_a_cny_member_is_in_cny(year):
	_member, charge = charged(year, invoice_currency="CNY", tier="Council")
	invoice = frappe.get_doc("Sales Invoice", charge.sales_invoice)
	assert (invoice.currency, invoice.grand_total, invoice.conversion_rate) == ("CNY", 14057.6, 1)
	assert charge.amount == 14057.6
	assert (charge.reference_amount, charge.rate) == (2000, CNY_RATE)


def test_database_allows_one_live_invoice(year):
	_member, charge = charged(year)
	order = charges.order_of(year, frappe.db.get_value("Dues Charge", charge.name, "*", as_dict=True))
	with pytest.raises(frappe.UniqueValidationError):
		invoices.make_invoice(order)


def test_cancelled_invoice_frees_the_charge_for_one_replacement(year):
	member, charge = charged(year)
	first = frappe.get_doc("Sales Invoice", charge.sales_invoice)
	first.cancel()
	charge.reload()
	assert (charge.status, charge.sales_invoice) == ("Pending", None)
	charges.plan(year, getdate("2026-02-01"), only=[member.name])
	second = charges.invoice_one(charge.name)
	assert second and second != first.name
	charge.reload()
	assert (charge.status, charge.sales_invoice) == ("Invoiced", second)
	assert charges.invoice_one(charge.name) == second


def test_deferred_revenue_goes_to_its_account(site):
	account = masters.ensure_deferred_account(masters.default_company())
	year = make_year(YEAR, deferred_revenue=1, deferred_account=account)
	_member, charge = charged(year)
	credited = frappe.get_all(
		"GL Entry", {"voucher_no": charge.sales_invoice, "credit": (">", 0)}, pluck="account"
	)
	assert credited == [account]


def test_notice_date_can_be_the_posting_date(site):
	year = make_year(YEAR, posting_date_rule="Notice Date")
	_member, charge = charged(year)
	invoice = frappe.get_doc("Sales Invoice", charge.sales_invoice)
	assert (str(invoice.posting_date), str(invoice.due_date)) == ("2026-01-05", "2026-03-31")


def test_deleting_an_invoiced_charge_is_refused(year):
	_member, charge = charged(year)
	with pytest.raises(frappe.LinkExistsError):
		charge.delete()


def test_waive_void_and_reopen(year):
	member = make_member(invoice_currency="USD")
	charges.plan(year, getdate("2026-01-15"), only=[member.name])
	charge = frappe.get_doc("Dues Charge", charges.charge_name(year.name, member.name))
	with pytest.raises(ChargeStateError):
		charge.waive(" ")
	charge.waive("Earthquake")
	charge.reload()
	assert (charge.status, charge.waived_by) == ("Waived", "Administrator")
	[line] = charges.plan(year, getdate("2026-01-15"), only=[member.name])
	assert line.state == "closed"
	assert charges.invoice_one(charge.name) is None
	charge.reopen()
	assert charges.invoice_one(charge.name)
	charge.reload()
	with pytest.raises(ChargeStateError):
		charge.void("too late")


def test_only_the_treasurer_waives(year):
	member = make_member(invoice_currency="USD")
	charges.plan(year, getdate("2026-01-15"), only=[member.name])
	name = charges.charge_name(year.name, member.name)
	for role in ("Membership Manager", "Alliance Leadership", "Liaison Officer"):
		with as_user(make_user(role)):
			charge = frappe.get_doc("Dues Charge", name)
			for method in (charge.waive, charge.void, charge.reopen):
				with pytest.raises(frappe.PermissionError):
					method("because")
			with pytest.raises(frappe.PermissionError):
				charge.invoice_now()
			with pytest.raises(frappe.PermissionError):
				charges.grant_credit_note("MCH-NONE")
	with as_user(make_user("Treasurer")):
		charge = frappe.get_doc("Dues Charge", name)
		assert not charge.has_permission("write")
		charge.waive("Decision of the Council")
	assert frappe.db.get_value("Dues Charge", name, "status") == "Waived"


def test_officer_sees_the_charges_of_the_portfolio_only(year):
	officer, other = make_user("Liaison Officer"), make_user("Liaison Officer")
	member = make_member(invoice_currency="USD", officer=officer)
	charges.plan(year, getdate("2026-01-15"), only=[member.name])
	name = charges.charge_name(year.name, member.name)
	with as_user(officer):
		assert frappe.get_list("Dues Charge", {"dues_year": year.name}, pluck="name") == [name]
		assert frappe.has_permission("Dues Charge", "read", doc=name)
	with as_user(other):
		assert frappe.get_list("Dues Charge", {"dues_year": year.name}) == []
		assert not frappe.has_permission("Dues Charge", "read", doc=name)


# Changes of tier


def test_upgrade_in_mid_year_owes_the_difference(year):
	member, annual = charged(year)
	change = applied_change(member, "Upgrade", "Council", "2026-07-01")
	charge = frappe.get_doc("Dues Charge", charges.charge_name(year.name, member.name, change.name))
	assert (charge.charge_type, charge.status, charge.amount) == ("Upgrade Difference", "Invoiced", 500)
	assert (str(charge.covered_from), str(charge.covered_to)) == ("2026-07-01", "2026-12-31")
	assert frappe.db.get_value("Sales Invoice", charge.sales_invoice, "grand_total") == 500
	charges.on_tier_change(member.name, change.name)
	assert frappe.db.count("Dues Charge", {"member": member.name}) == 2
	annual.reload()
	assert annual.amount == 1000


def test_upgrade_before_the_annual_charge_is_billed_by_the_run(year):
	member = make_member(invoice_currency="USD")
	change = applied_change(member, "Upgrade", "Council", "2026-07-01")
	assert not frappe.db.exists("Dues Charge", {"member": member.name})
	lines = charges.plan(year, getdate("2026-08-01"), only=[member.name])
	due = {line.name: float(line.decision.amount) for line in lines if line.is_due}
	assert due == {
		charges.charge_name(year.name, member.name): 1000,
		charges.charge_name(year.name, member.name, change.name): 500,
	}


@pytest.mark.parametrize("on", ["2025-12-20", "2026-01-01"])
def test_upgrade_entered_after_the_annual_charge_is_billed_from_its_first_day(year, on):
	member, annual = charged(year)
	change = make_change(member.name, "Upgrade", new_tier="Council", effective_date=on)
	charge = frappe.get_doc("Dues Charge", charges.charge_name(year.name, member.name, change.name))
	assert (charge.status, charge.amount) == ("Invoiced", 1000)
	assert (str(charge.covered_from), str(charge.covered_to)) == ("2026-01-01", "2026-12-31")
	lines = charges.assess(year, getdate("2026-12-31"), only=[member.name])
	assert [line.state for line in lines] == ["charged", "charged"]
	assert annual.reload().amount == 1000


def test_upgrade_before_the_period_and_before_the_charge_is_in_the_charge(year):
	member = make_member(invoice_currency="USD")
	make_change(member.name, "Upgrade", new_tier="Council", effective_date="2026-01-01")
	charges.plan(year, getdate("2026-08-01"), only=[member.name])
	found = frappe.get_all("Dues Charge", {"member": member.name}, ["tier", "amount"])
	assert [(row.tier, row.amount) for row in found] == [("Council", 2000)]


def test_going_down_and_up_again_is_billed_once(year):
	member, _annual = charged(year)
	up = make_change(member.name, "Upgrade", new_tier="Council", effective_date="2026-03-01")
	make_change(member.name, "Downgrade", new_tier="Ordinary", effective_date="2026-05-01")
	make_change(member.name, "Upgrade", new_tier="Council", effective_date="2026-09-01")
	charges.plan(year, getdate("2026-12-31"), only=[member.name])
	found = frappe.get_all("Dues Charge", {"member": member.name}, pluck="name", order_by="creation, name")
	annual = charges.charge_name(year.name, member.name)
	assert sorted(found) == sorted([annual, charges.charge_name(year.name, member.name, up.name)])


def test_upgrade_after_a_credited_downgrade_is_billed_again(year):
	member, _annual = charged(year)
	make_change(member.name, "Upgrade", new_tier="Council", effective_date="2026-03-01")
	down = make_change(member.name, "Downgrade", new_tier="Ordinary", effective_date="2026-05-01")
	with as_user(make_user("Treasurer")):
		charges.grant_credit_note(down.name)
	again = make_change(member.name, "Upgrade", new_tier="Council", effective_date="2026-09-01")
	charge = frappe.get_doc("Dues Charge", charges.charge_name(year.name, member.name, again.name))
	assert (charge.status, round(charge.amount, 2)) == ("Invoiced", 333.33)


def test_upgrade_to_a_tier_that_the_year_does_not_know_is_shown_as_a_problem(year):
	member, _annual = charged(year)
	tier = make_tier("Patron", rank=99, dues_amount=5000)
	make_change(member.name, "Upgrade", new_tier=tier.name, effective_date="2026-07-01")
	lines = charges.assess(year, getdate("2026-12-31"), only=[member.name])
	assert [line.decision.reason for line in lines if line.decision.is_problem] == ["no_tier_dues"]


def test_downgrade_counts_from_the_next_period(year):
	member, _annual = charged(year, tier="Council")
	applied_change(member, "Downgrade", "Ordinary", "2026-07-01")
	assert frappe.db.count("Dues Charge", {"member": member.name}) == 1


def test_treasurer_grants_a_credit_note_for_a_downgrade(year):
	member, annual = charged(year, tier="Council")
	change = applied_change(member, "Downgrade", "Ordinary", "2026-07-01")
	with as_user(make_user("Treasurer")):
		name = charges.grant_credit_note(change.name)
		assert charges.grant_credit_note(change.name) == name
	credit = frappe.get_doc("Dues Charge", name)
	assert (credit.charge_type, credit.status, credit.amount) == ("Downgrade Credit", "Invoiced", -500)
	note = frappe.get_doc("Sales Invoice", credit.sales_invoice)
	assert (note.is_return, note.return_against, note.grand_total) == (1, annual.sales_invoice, -500)
	assert note.imta_live_charge is None
	assert frappe.db.count("Sales Invoice", {"imta_member": member.name, "docstatus": 1}) == 2
	annual.reload()
	assert annual.outstanding == 1500


def test_no_credit_without_a_charge(year):
	member = make_member(tier="Council", invoice_currency="USD")
	change = applied_change(member, "Downgrade", "Ordinary", "2026-07-01")
	with pytest.raises(CreditNotGranted):
		charges.grant_credit_note(change.name)


# Making many invoices


def test_repeated_reads_are_asked_once_until_something_is_written(site):
	company = masters.default_company()
	with repeated_reads_once() as reader:
		first = frappe.db.get_value("Company", company, ["name", "abbr"], as_dict=True)
		assert reader.answered == 0
		first.abbr = "changed by its reader"
		again = frappe.db.get_value("Company", company, ["name", "abbr"], as_dict=True)
		assert reader.answered == 1
		assert again.abbr != first.abbr
		frappe.db.set_value("Company", again.name, "abbr", "NEW", update_modified=False)
		assert frappe.db.get_value("Company", again.name, ["name", "abbr"], as_dict=True).abbr == "NEW"
		frappe.db.savepoint("test_reads")
		frappe.db.set_value("Company", again.name, "abbr", "NEWER", update_modified=False)
		assert frappe.db.get_value("Company", again.name, "abbr") == "NEWER"
		frappe.db.rollback(save_point="test_reads")
		assert frappe.db.get_value("Company", again.name, "abbr") == "NEW"
	assert "sql" not in vars(frappe.db)


def test_block_restores_everything_after_an_error(site):
	before = frappe.db.get_single_value("Selling Settings", "sales_update_frequency")
	with pytest.raises(ZeroDivisionError), invoices.many_invoices():
		assert frappe.db.get_single_value("Selling Settings", "sales_update_frequency") == "Monthly"
		_ = 1 / 0
	assert "sql" not in vars(frappe.db)
	assert frappe.db.get_single_value("Selling Settings", "sales_update_frequency") == before


def test_fast_invoice_is_the_same_as_a_plain_one(year):
	"""Field by field, row by row: the direct submit in a block against insert and submit."""
	members = [make_member(invoice_currency="USD") for _ in range(2)]
	charges.plan(year, getdate("2026-01-15"), only=[m.name for m in members])
	orders = [
		charges.order_of(
			year,
			frappe.db.get_value("Dues Charge", charges.charge_name(year.name, m.name), "*", as_dict=True),
		)
		for m in members
	]
	with invoices.many_invoices():
		fast = invoices.make_invoice(orders[0])
	plain = invoices.new_invoice(orders[1])
	plain.insert()
	plain.submit()

	own = {"name", "parent", "creation", "modified", "posting_time", "title", "imta_dues_charge"}
	own |= {"imta_live_charge", "imta_member", "voucher_no", "against_voucher_no", "against_voucher"}
	own |= {"voucher_detail_no", "customer", "customer_name", "party", "remarks", "against", "contact_person"}
	own |= {"contact_display", "contact_email", "_seen", "customer_address", "address_display"}

	def rows(doctype, filters):
		found = frappe.get_all(doctype, filters, ["*"], order_by="debit desc" if "GL" in doctype else "name")
		return [{k: v for k, v in row.items() if k not in own} for row in found]

	for doctype, field in (
		("Sales Invoice", "name"),
		("Sales Invoice Item", "parent"),
		("Payment Schedule", "parent"),
		("GL Entry", "voucher_no"),
		("Payment Ledger Entry", "voucher_no"),
	):
		ours, theirs = rows(doctype, {field: fast.name}), rows(doctype, {field: plain.name})
		assert len(ours) == len(theirs) > 0, doctype
		for one, other in zip(ours, theirs, strict=True):
			assert {k: (one[k], other[k]) for k in one if one[k] != other[k]} == {}, doctype
