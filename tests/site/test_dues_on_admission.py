"""Admission bills the running dues year: once, by the proration rule, and in the end whatever went wrong."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import frappe
import pytest
from frappe.model.workflow import apply_workflow
from frappe.utils import add_days, getdate, nowdate, today

from imta_crm.dues import admission, charges, years
from imta_crm.policy.dates import Period
from imta_crm.policy.money import exponent_of
from imta_crm.policy.proration import prorate
from tests.site.dues_site import CNY_RATE, committed, make_run, make_year, start_here
from tests.site.factories import as_user, make_user
from tests.site.test_applications import make_application


@pytest.fixture
def year(site):
	"""The running year, open; the charge of a member is prorated by days."""
	return make_running_year()


def make_running_year(**fields):
	year = getdate().year
	return make_year(str(year), **{"proration": "Daily", "notice_date": f"{year}-01-01", **fields})


def approve(**fields):
	application = make_application("Council Review", tell_admission=0, **fields)
	with as_user(make_user("Membership Manager")):
		apply_workflow(application, "Approve")
	return application.reload()


def charge_of(application) -> frappe._dict | None:
	return frappe.db.get_value("Dues Charge", {"member": application.member}, "*", as_dict=True)


def expected(amount: str, year, start: date, currency: str = "USD") -> float:
	period = Period(getdate(year.from_date), getdate(year.to_date))
	covered = Period(start, period.end)
	return float(prorate(Decimal(amount), period, covered, year.proration, exponent_of(currency)))


def test_who_is_admitted_is_billed_for_the_rest_of_the_year(year):
	application = approve()
	assert application.dues_state == "To Bill"
	charge = charge_of(application)
	assert (charge.status, charge.name) == ("Pending", f"DC-{year.name}-{application.member}")

	admission.work(application.name)

	charge, application = charge_of(application), application.reload()
	assert (charge.status, charge.covered_from, charge.covered_to) == (
		"Invoiced",
		getdate(today()),
		getdate(year.to_date),
	)
	assert charge.amount == expected("1000", year, getdate(today()))
	invoice = frappe.get_doc("Sales Invoice", charge.sales_invoice)
	assert (invoice.docstatus, invoice.grand_total, invoice.currency) == (1, charge.amount, "USD")
	assert invoice.customer == frappe.db.get_value("IMTA Member", application.member, "customer")
	assert application.dues_state == "Billed"
	assert invoice.name in application.dues_note


def test_a_started_month_counts_whole_where_the_year_counts_months(site):
	make_running_year(proration="Monthly")
	application = approve()
	months = 13 - getdate().month
	assert charge_of(application).amount == round(1000 * months / 12 + 1e-9, 2)


def test_an_invoice_in_the_currency_of_the_applicant(year):
	application = approve(invoice_currency="CNY", tier="Council")
	admission.work(application.name)
	charge = charge_of(application)
	assert charge.currency == "CNY"
	assert charge.amount == expected(str(2000 * CNY_RATE), year, getdate(today()), "CNY")


def test_an_admission_of_some_days_ago_counts_from_then(year):
	admitted = max(getdate(year.from_date), add_days(getdate(), -40))
	application = approve(council_decision_on=admitted, admitted_on=admitted)
	admission.work(application.name)
	charge = charge_of(application)
	assert charge.covered_from == admitted
	assert charge.amount == expected("1000", year, admitted)


def test_the_job_repeated_and_a_dues_run_make_no_second_invoice(site):
	with committed():
		year = make_running_year()
		application = approve()
		frappe.db.after_commit.reset()  # the queue's workers must not take part
		admission.work(application.name)
		frappe.db.commit()
		application.db_set("dues_state", "To Bill")  # as if the job had died before it was told so
		admission.work(application.name)
		run = make_run(year.name, as_of=nowdate())
		start_here(run)
		assert frappe.db.count("Dues Charge", {"member": application.member}) == 1
		assert frappe.db.count("Sales Invoice", {"imta_member": application.member}) == 1
		assert (run.status, run.charged) == ("Completed", 0)
		assert application.reload().dues_state == "Billed"


def test_a_dues_run_bills_what_a_lost_job_has_left(site):
	with committed():
		year = make_running_year()
		application = approve()
		frappe.db.after_commit.reset()  # the job is lost
		run = make_run(year.name, as_of=nowdate())
		start_here(run)
		assert (run.status, run.charged) == ("Completed", 1)
		assert charge_of(application).status == "Invoiced"
		admission.catch_up()
		assert application.reload().dues_state == "Billed"
		assert frappe.db.count("Sales Invoice", {"imta_member": application.member}) == 1


def test_the_night_bills_what_a_lost_job_has_left(year):
	application = approve()
	assert admission.catch_up() == {"billed": 1, "failed": 0}
	assert charge_of(application).status == "Invoiced"
	assert admission.catch_up() == {"billed": 0, "failed": 0}
	assert frappe.db.count("Sales Invoice", {"imta_member": application.member}) == 1


def test_a_failure_is_on_record_and_settled_once_its_cause_is_gone(year):
	"""A receivable account that is closed to entries stops the invoice, not the admission."""
	application = approve()
	account = next(row.receivable_account for row in year.rates if row.currency == "USD")
	frappe.db.set_value("Account", account, "disabled", 1)
	frappe.clear_document_cache("Account", account)

	admission.work(application.name)

	application.reload()
	assert (application.workflow_state, application.dues_state) == ("Approved", "Problem")
	assert charge_of(application).status == "Failed"
	assert charge_of(application).error
	assert charge_of(application).error in application.dues_note
	assert admission.catch_up() == {"billed": 0, "failed": 1}

	frappe.db.set_value("Account", account, "disabled", 0)
	frappe.clear_document_cache("Account", account)
	assert admission.catch_up() == {"billed": 1, "failed": 0}
	assert application.reload().dues_state == "Billed"
	assert frappe.db.count("Dues Charge", {"member": application.member}) == 1


def test_the_manager_need_not_wait_for_the_night(year):
	application = approve()
	with as_user(make_user("Treasurer")), pytest.raises(frappe.PermissionError):
		admission.bill_again(application.name)
	with as_user(make_user("Membership Manager")):
		assert admission.bill_again(application.name) == "Billed"
		assert admission.bill_again(application.name) == "Billed"
	assert frappe.db.count("Sales Invoice", {"imta_member": application.member}) == 1


def test_a_tier_without_dues_in_the_year_is_a_problem_that_the_night_settles(year):
	frappe.db.delete("Dues Tier Amount", {"parent": year.name, "tier": "Ordinary"})
	frappe.clear_document_cache("Dues Year", year.name)
	application = approve()
	assert application.dues_state == "Problem"
	assert "Ordinary" in application.dues_note
	assert not charge_of(application)

	open_year = frappe.get_doc("Dues Year", year.name)
	open_year.add_missing_tiers()
	open_year.save()
	admission.catch_up()
	assert application.reload().dues_state == "Billed"


def test_an_error_of_the_planning_stops_no_admission(year, monkeypatch):
	with monkeypatch.context() as broken:
		broken.setattr(charges, "charge_values", lambda *args: 1 / 0)
		application = approve()
	assert application.member
	assert (application.workflow_state, application.dues_state) == ("Approved", "Problem")
	admission.catch_up()
	assert charge_of(application).status == "Invoiced"


def test_exempt_tiers_owe_nothing(year):
	application = approve(applicant_type="Individual", tier="Individual")
	assert application.dues_state == "Nothing Due"
	assert not charge_of(application)


@pytest.mark.parametrize(
	"fields",
	[{"bill_on_admission": 0}, {"status": "Draft"}],
)
def test_nobody_is_billed_where_the_year_does_not_say_so(site, fields):
	make_running_year(**fields)
	application = approve()
	assert application.dues_state == "Left to the Dues Run"
	assert not charge_of(application)
	assert admission.catch_up() == {"billed": 0, "failed": 0}


def test_who_is_admitted_before_the_notice_waits_for_the_run(site):
	make_running_year(notice_date=add_days(nowdate(), 10), due_date=add_days(nowdate(), 30))
	application = approve()
	assert application.dues_state == "Left to the Dues Run"
	assert not charge_of(application)


def test_a_charge_that_was_waived_meanwhile_stays_waived(year):
	application = approve()
	charges.waive(charge_of(application).name, "Guest of the Council")
	admission.work(application.name)
	assert application.reload().dues_state == "Nothing Due"
	assert frappe.db.count("Sales Invoice", {"imta_member": application.member}) == 0


def test_a_rejection_bills_nobody(year):
	application = make_application("Council Review")
	apply_workflow(application, "Reject")
	assert not application.reload().dues_state


def test_the_job_is_queued_once_the_admission_is_committed(site, monkeypatch):
	queued = []
	monkeypatch.setattr(frappe, "enqueue", lambda method, **options: queued.append((method, options)))
	make_running_year()
	application = approve()
	((method, options),) = [each for each in queued if "admission" in each[0]]
	assert method == "imta_crm.dues.admission.work"
	assert options["enqueue_after_commit"] and options["deduplicate"]
	assert options["application"] == application.name


def test_the_form_cannot_say_that_dues_are_billed(year):
	application = make_application(dues_state="Billed", dues_note="Paid in cash")
	assert not application.dues_state
	application.update({"dues_state": "Billed"})
	application.save()
	assert not application.reload().dues_state
	assert years.get_year(year.name).bill_on_admission
