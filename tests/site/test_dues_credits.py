"""Credit notes for downgrades, from the treasurer's tick to the ledger; upgrades from an exempt tier."""

from datetime import date

import frappe
import pytest
from frappe.utils import add_days, getdate, nowdate

from imta_crm.dues import charges
from imta_crm.erp import masters
from imta_crm.membership.changes import apply_due_changes
from tests.site.dues_books import pay
from tests.site.dues_site import make_year
from tests.site.factories import as_user, make_change, make_member, make_tier, make_user


@pytest.fixture
def year(site):
	"""This year's dues, whatever the clock says; by month."""
	return make_year(nowdate()[:4])


def first_day(year) -> date:
	return getdate(year.from_date)


def month(year, number: int) -> date:
	return first_day(year).replace(month=number)


def charged(year, **fields):
	member = make_member(**{"invoice_currency": "USD", "joined_on": date(2020, 1, 1), **fields})
	return member, bill(year, member)


def bill(year, member):
	charges.plan(year, getdate(year.notice_date), only=[member.name])
	name = charges.charge_name(year.name, member.name)
	assert charges.invoice_one(name), frappe.db.get_value("Dues Charge", name, "error")
	return frappe.get_doc("Dues Charge", name)


def downgrade(member, on: date, new_tier: str = "Ordinary"):
	"""A downgrade that waits for its day."""
	change = make_change(member.name, "Downgrade", new_tier=new_tier, effective_date=add_days(nowdate(), 1))
	assert change.state == "Scheduled"
	frappe.db.set_value("Membership Change", change.name, "effective_date", on)
	change.reload()
	return change


def grant(change):
	with as_user(make_user("Treasurer")):
		return charges.grant_credit_note(change.name)


def credit_of(year, change):
	name = charges.charge_name(year.name, change.member, change.name)
	return frappe.get_doc("Dues Charge", name) if frappe.db.exists("Dues Charge", name) else None


def test_granted_before_it_takes_effect_the_credit_note_is_made_on_that_day(year):
	member, annual = charged(year, tier="Council")
	change = downgrade(member, month(year, 7))
	assert grant(change) is None
	assert grant(change) is None
	assert credit_of(year, change) is None
	change.reload()
	assert change.grant_credit_note == 1
	assert apply_due_changes()["applied"] == 1
	credit = credit_of(year, change)
	assert (credit.charge_type, credit.status, credit.amount) == ("Downgrade Credit", "Invoiced", -500)
	note = frappe.get_doc("Sales Invoice", credit.sales_invoice)
	assert (note.docstatus, note.is_return, note.return_against) == (1, 1, annual.sales_invoice)
	assert (note.grand_total, note.from_date, note.to_date) == (-500, month(year, 7), getdate(year.to_date))
	annual.reload()
	assert annual.outstanding == 1500
	assert apply_due_changes() == {"applied": 0, "failed": 0}
	assert frappe.db.count("Sales Invoice", {"return_against": annual.sales_invoice}) == 1


def test_without_the_tick_nothing_is_credited(year):
	member, annual = charged(year, tier="Council")
	change = downgrade(member, month(year, 7))
	assert apply_due_changes()["applied"] == 1
	assert credit_of(year, change) is None
	annual.reload()
	assert annual.outstanding == 2000


def test_only_a_treasurer_ticks(year):
	member, _annual = charged(year, tier="Council")
	change = downgrade(member, month(year, 7))
	with as_user(make_user("Membership Manager")):
		with pytest.raises(frappe.PermissionError):
			charges.grant_credit_note(change.name)
		draft = frappe.get_doc(
			{
				"doctype": "Membership Change",
				"member": member.name,
				"change_type": "Downgrade",
				"new_tier": "Ordinary",
				"effective_date": add_days(nowdate(), 1),
				"reason": "Asked for it",
				"grant_credit_note": 1,
			}
		)
		with pytest.raises(frappe.PermissionError):
			draft.insert()
		draft.grant_credit_note = 0
		draft.insert()
		draft.grant_credit_note = 1
		with pytest.raises(frappe.PermissionError):
			draft.save()
	with as_user(make_user("Treasurer")):
		assert charges.grant_credit_note(draft.name) is None
	with as_user(make_user("Membership Manager")):
		draft.reload()
		draft.reason = "Asked for it in writing"
		draft.save()
	assert draft.grant_credit_note == 1


def test_grant_is_for_downgrades_that_still_stand(year):
	member, _annual = charged(year, tier="Council")
	change = downgrade(member, month(year, 7))
	change.cancel()
	with pytest.raises(charges.CreditNotGranted):
		grant(change)
	other, _annual = charged(year)
	upgrade = make_change(other.name, "Upgrade", new_tier="Council", submit=False)
	with pytest.raises(charges.CreditNotGranted):
		grant(upgrade)


def test_credit_waits_for_the_invoice_of_the_year(year):
	member = make_member(tier="Council", invoice_currency="USD", joined_on=date(2020, 1, 1))
	change = downgrade(member, month(year, 7))
	grant(change)
	assert apply_due_changes()["applied"] == 1
	assert credit_of(year, change) is None
	annual = bill(year, member)
	charges.credit_granted(year)
	charges.credit_granted(year)
	assert credit_of(year, change).status == "Invoiced"
	annual.reload()
	assert (annual.amount, annual.outstanding) == (2000, 1500)


def test_credit_that_fails_stops_no_downgrade_and_is_made_later(year):
	member, annual = charged(year, tier="Council")
	change = downgrade(member, month(year, 7))
	grant(change)
	frappe.db.set_value("Customer", annual.customer, "disabled", 1)
	assert apply_due_changes() == {"applied": 1, "failed": 0}
	credit = credit_of(year, change)
	assert credit.status == "Failed" and "disabled" in credit.error
	frappe.db.set_value("Customer", annual.customer, "disabled", 0)
	assert charges.invoice_one(credit.name)
	assert credit_of(year, change).status == "Invoiced"


def test_credit_after_part_payment_in_cny(year):
	member, annual = charged(year, tier="Council", invoice_currency="CNY")
	invoice = frappe.get_doc("Sales Invoice", annual.sales_invoice)
	pay(invoice, 14000, on=nowdate())
	change = downgrade(member, month(year, 5))
	grant(change)
	apply_due_changes()
	credit = credit_of(year, change)
	# 1,000 USD × 7.0288 × 8/12, rounded once
	assert (credit.status, credit.amount) == ("Invoiced", -4685.87)
	from imta_crm.erp import ledger

	balance = ledger.standing_of([annual.customer])[annual.customer].balances["CNY"]
	assert float(balance.net) == pytest.approx(57.6 - 4685.87)
	assert not ledger.amounts_due([annual.customer])


def test_two_downgrades_in_a_year_are_both_credited(year):
	make_tier("Patron", dues_amount=5000, rank=50)
	year.refill_tiers()
	year.reload()
	member, annual = charged(year, tier="Patron")
	for number, tier, left in ((7, "Council", 3500), (10, "Ordinary", 3250)):
		change = downgrade(member, month(year, number), tier)
		grant(change)
		assert apply_due_changes()["applied"] == 1
		assert credit_of(year, change).status == "Invoiced", credit_of(year, change).error
		assert frappe.get_doc("Dues Charge", annual.name).outstanding == left


def test_credit_goes_to_the_invoice_of_the_upgrade(year):
	make_tier("Patron", dues_amount=5000, rank=50)
	year.refill_tiers()
	year.reload()
	member, _annual = charged(year)
	upgrade = make_change(member.name, "Upgrade", new_tier="Patron", effective_date=str(month(year, 2)))
	charge = frappe.get_doc("Dues Charge", charges.charge_name(year.name, member.name, upgrade.name))
	assert charge.status == "Invoiced"
	change = downgrade(member, month(year, 4))
	grant(change)
	apply_due_changes()
	credit = credit_of(year, change)
	assert (credit.status, credit.amount) == ("Invoiced", -3000)
	assert (
		frappe.db.get_value("Sales Invoice", credit.sales_invoice, "return_against") == charge.sales_invoice
	)


def test_cancelled_credit_note_can_be_made_again_once(year):
	member, annual = charged(year, tier="Council")
	change = downgrade(member, month(year, 7))
	grant(change)
	apply_due_changes()
	first = frappe.get_doc("Sales Invoice", credit_of(year, change).sales_invoice)
	first.cancel()
	assert credit_of(year, change).status == "Pending"
	amended = frappe.copy_doc(first)
	amended.update({"amended_from": first.name, "docstatus": 0, "payment_schedule": []})
	amended.insert()
	amended.submit()
	credit = credit_of(year, change)
	assert (credit.status, credit.sales_invoice) == ("Invoiced", amended.name)
	assert charges.invoice_one(credit.name) == amended.name
	annual.reload()
	assert annual.outstanding == 1500


def test_deferred_credit_gives_back_the_months_that_it_credits(site):
	account = masters.ensure_deferred_account(masters.default_company())
	year = make_year(nowdate()[:4], deferred_revenue=1, deferred_account=account)
	member, _annual = charged(year, tier="Council")
	change = downgrade(member, month(year, 7))
	grant(change)
	apply_due_changes()
	[row] = frappe.get_doc("Sales Invoice", credit_of(year, change).sales_invoice).items
	assert (row.enable_deferred_revenue, row.deferred_revenue_account) == (1, account)
	assert (row.service_start_date, row.service_end_date) == (month(year, 7), getdate(year.to_date))


def test_what_is_charged_after_the_period_is_not_deferred(site):
	account = masters.ensure_deferred_account(masters.default_company())
	year = make_year("2023", deferred_revenue=1, deferred_account=account)
	make_year("2024")
	member = make_member(invoice_currency="USD", joined_on=date(2020, 1, 1))
	charges.plan(year, date(2024, 1, 15), only=[member.name])
	charge = frappe.get_doc("Dues Charge", charges.charge_name("2023", member.name))
	assert charges.invoice_one(charge.name), frappe.db.get_value("Dues Charge", charge.name, "error")
	charge.reload()
	credited = frappe.get_all(
		"GL Entry", {"voucher_no": charge.sales_invoice, "credit": (">", 0)}, pluck="account"
	)
	assert credited == [year.income_account]


def test_upgrade_from_an_exempt_tier_owes_from_its_day(year):
	make_tier("Observer", is_exempt=1, rank=5)
	year.refill_tiers()
	year.reload()
	member = make_member(tier="Observer", invoice_currency="USD", joined_on=date(2020, 1, 1))
	charges.plan(year, getdate(year.notice_date), only=[member.name])
	assert not frappe.db.exists("Dues Charge", {"member": member.name})
	change = make_change(member.name, "Upgrade", new_tier="Ordinary", effective_date=str(month(year, 7)))
	[row] = frappe.get_all("Dues Charge", {"member": member.name}, ["membership_change", "amount", "status"])
	assert (row.membership_change, row.amount, row.status) == (change.name, 500, "Invoiced")
