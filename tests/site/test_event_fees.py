"""Fees of sessions and activities: fixed with the seat, one invoice per organisation, credited by policy.

Everything is read back from ERPNext's ledger.
"""

from __future__ import annotations

from datetime import timedelta

import frappe
import pytest
from frappe.utils import add_days, getdate, now_datetime

from imta_crm.dues import standing
from imta_crm.erp import event_invoices, ledger, masters
from imta_crm.seating import billing, fees, free_seats, seats
from tests.site.event_fees_site import (
	RATE,
	USD_FEES,
	assert_ledger,
	in_june,
	invoices,
	member_of,
	of,
	open_books,
	pay,
	rate,
	seat,
	settle,
)
from tests.site.factories import as_user, make_member, make_tier, make_user, next_number
from tests.site.seating_factories import (
	ENROLLMENT,
	SESSION,
	enroll,
	make_activity,
	make_guest,
	make_person,
	make_session,
)


@pytest.fixture(autouse=True)
def _books(site):
	open_books()


def test_the_fee_is_fixed_when_the_seat_is_confirmed():
	session, member = make_session(**USD_FEES), member_of()
	booked = of(seat(session, member), session)
	assert (booked.fee, booked.fee_due, booked.currency) == (100, 100, "USD")
	assert (booked.fee_state, booked.customer) == ("To Be Invoiced", member.customer)
	session.fees[0].fee = 500
	session.save()
	assert of(booked.name, session).fee == 100, "what was agreed stays"
	assert of(seat(session, member_of()), session).fee == 500


def test_who_waits_owes_nothing_until_there_is_a_seat():
	session, member = make_session(capacity=1, **USD_FEES), member_of()
	first = seat(session, member)
	second = seat(session, member)
	assert of(second, session).status == "Waitlisted"
	assert of(second, session).fee_state == "Nothing to Pay"
	seats.cancel(ENROLLMENT, first.name, reason="Ill", by="Administrator")
	assert of(second, session).status == "Offered" and of(second, session).fee_state == "Nothing to Pay"
	seats.accept_offer(ENROLLMENT, second.name)
	assert of(second, session).fee_state == "To Be Invoiced"


def test_one_invoice_for_an_organisation_however_many_people_and_repeats():
	session, member, other = make_session(**USD_FEES), member_of(), member_of()
	people = [seat(session, member) for _ in range(3)]
	seat(session, other)
	assert settle(session).problems == []
	for _ in range(2):
		assert settle(session).invoices == []
	first, second = sorted(invoices(session), key=lambda each: -each.grand_total)
	assert (first.customer, len(first.items), first.currency) == (member.customer, 3, "USD")
	assert second.customer == other.customer
	assert first.imta_member == member.name and not first.imta_dues_charge
	assert_ledger(first, total=300, outstanding=300)
	for each in people:
		row = of(each, session)
		assert (row.sales_invoice, row.fee_state, row.fee_invoiced) == (first.name, "Invoiced", 100)
	assert session.fees_invoiced_at


def test_the_same_for_an_activity_with_roles():
	activity = make_activity(
		fee_currency="USD",
		fees=[
			{"participant_type": "Member", "fee": 100},
			{"participant_type": "Member", "delegate_role": "Speaker", "fee": 0},
		],
	)
	member = member_of()
	speaker = enroll(activity, make_person(member=member).as_role("Speaker"), by_staff=True)
	delegate = enroll(activity, make_person(member=member))
	assert of(speaker, activity).fee_state == "Nothing to Pay"
	settle(activity)
	[invoice] = invoices(activity)
	assert [row.imta_booking for row in invoice.items] == [delegate.name]
	assert_ledger(invoice, total=100, outstanding=100)


def test_nothing_is_invoiced_before_the_day():
	session = make_session(**USD_FEES)
	seat(session, member_of())
	billing.invoice_due()
	assert not invoices(session), "enrolment is still open"
	billing.invoice_due(session.starts_at)
	assert len(invoices(session)) == 1


def test_the_day_of_invoicing_and_a_missed_one():
	session = make_session(invoice_on=add_days(getdate(), 2), **USD_FEES)
	seat(session, member_of())
	billing.invoice_due(add_days(now_datetime(), 1))
	assert not invoices(session)
	billing.invoice_due(add_days(now_datetime(), 9))
	assert len(invoices(session)) == 1


def test_a_closed_session_is_invoiced_and_a_draft_never():
	event = frappe._dict(status="Closed", invoice_on=None, enroll_until=None, starts_at="2099-01-01")
	assert billing.is_due(event)
	assert not billing.is_due(frappe._dict(event, status="Draft"))
	assert not billing.is_due(frappe._dict(event, status="Cancelled"))


def test_late_additions_replace_an_untouched_invoice():
	session, member = make_session(**USD_FEES), member_of()
	seat(session, member)
	settle(session)
	[old] = invoices(session)
	seat(session, member)
	settle(session)
	[new] = invoices(session)
	assert new.amended_from == old.name and old.reload().docstatus == 2
	assert (len(new.items), new.imta_live_event_invoice) == (2, f"{session.name}|{member.customer}")
	assert_ledger(new, total=200, outstanding=200)
	assert ledger.standing_of([member.customer])[member.customer].balances["USD"].outstanding == 200


def test_late_additions_after_a_payment_get_a_supplementary_invoice():
	session, member = make_session(**USD_FEES), member_of()
	seat(session, member)
	settle(session)
	[first] = invoices(session)
	pay(first, 40)
	seat(session, member)
	settle(session)
	first, second = invoices(session)
	assert second.imta_live_event_invoice == f"{session.name}|{member.customer}|2"
	assert_ledger(first, total=100, outstanding=60)
	assert_ledger(second, total=100, outstanding=100)
	seat(session, member)
	settle(session)
	first, second = invoices(session)
	assert len(second.items) == 2, "the supplementary one is replaced while it is untouched"
	assert second.imta_live_event_invoice == f"{session.name}|{member.customer}|2"


def test_an_invoice_that_the_books_hold_fast_is_supplemented(monkeypatch):
	session, member = make_session(**USD_FEES), member_of()
	seat(session, member)
	settle(session)
	[first] = invoices(session)

	def closed(invoice: str) -> None:
		frappe.throw("The books of that month are closed.")

	monkeypatch.setattr(event_invoices, "cancel", closed)
	seat(session, member)
	assert settle(session).problems == []
	assert invoices(session)[0].name == first.name
	assert [invoice.grand_total for invoice in invoices(session)] == [100, 100]


def test_cancelled_in_time_all_is_credited():
	session, member = make_session(**USD_FEES), member_of()
	first, second = seat(session, member), seat(session, member)
	settle(session)
	seats.cancel(ENROLLMENT, first.name, reason="Ill", by="Administrator")
	assert of(first, session).fee_state == "To Be Credited"
	done = settle(session)
	assert len(done.credit_notes) == 1 and settle(session).credit_notes == []
	[invoice] = invoices(session)
	row = of(first, session)
	assert (row.fee_state, row.fee_due, row.credit_note) == ("Credited", 0, done.credit_notes[0])
	assert of(second, session).fee_state == "Invoiced"
	note = frappe.get_doc("Sales Invoice", row.credit_note)
	assert note.imta_event == session.name and note.imta_live_event_invoice is None
	assert_ledger(invoice, total=200, outstanding=100)


def test_credits_are_made_whatever_the_day():
	session, member = make_session(**USD_FEES), member_of()
	booked = seat(session, member)
	settle(session)
	seats.cancel(ENROLLMENT, booked.name, reason="Ill", by="Administrator")
	billing.invoice_due()
	assert of(booked, session).fee_state == "Credited"
	assert_ledger(invoices(session)[0], outstanding=0)


def test_cancelled_in_time_before_the_invoice_there_is_none():
	session = make_session(**USD_FEES)
	booked = seat(session, member_of())
	seats.cancel(ENROLLMENT, booked.name, reason="Ill", by="Administrator")
	assert of(booked, session).fee_state == "Nothing to Pay"
	settle(session)
	assert not invoices(session)


@pytest.mark.parametrize(("percent", "kept"), [(0, 100), (50, 50), (100, 0)])
def test_cancelled_late_a_part_is_kept(percent, kept):
	late = {"cancel_until": now_datetime() - timedelta(hours=1), "late_credit_percent": percent}
	session, member = make_session(**late, **USD_FEES), member_of()
	before, after = seat(session, member), seat(session, member)
	seats.cancel(ENROLLMENT, before.name, reason="Ill", by="Administrator", by_staff=True)
	settle(session)
	[invoice] = invoices(session)
	assert_ledger(invoice, total=100 + kept, outstanding=100 + kept)
	seats.cancel(ENROLLMENT, after.name, reason="Ill", by="Administrator", by_staff=True)
	settle(session)
	assert_ledger(invoice, total=100 + kept, outstanding=2 * kept)
	assert of(after, session).fee_state == ("Forfeited" if kept else "Credited")
	assert of(before, session).fee_state == ("Forfeited" if kept else "Nothing to Pay")
	assert settle(session).credit_notes == []


def test_an_event_called_off_is_credited_to_all_also_who_had_cancelled_late():
	late = {"cancel_until": now_datetime() - timedelta(hours=1), "late_credit_percent": 50}
	session, member = make_session(**late, **USD_FEES), member_of()
	gone, there = seat(session, member), seat(session, member)
	settle(session)
	seats.cancel(ENROLLMENT, gone.name, reason="Ill", by="Administrator", by_staff=True)
	settle(session)
	[invoice] = invoices(session)
	assert_ledger(invoice, outstanding=150)
	session.reload()
	session.status, session.cancel_reason = "Cancelled", "Storm"
	session.save()
	assert of(there, session).status == "Cancelled"
	assert billing.invoice_due().problems == []
	assert_ledger(invoice, outstanding=0)
	assert {of(each, session).fee_state for each in (gone, there)} == {"Credited"}
	assert {of(each, session).fee_due for each in (gone, there)} == {0}
	assert billing.invoice_due().credit_notes == []


def test_a_credit_on_a_paid_invoice_is_the_members_money():
	session, member = make_session(**USD_FEES), member_of()
	booked = seat(session, member)
	settle(session)
	[invoice] = invoices(session)
	pay(invoice, 100)
	seats.cancel(ENROLLMENT, booked.name, reason="Ill", by="Administrator")
	settle(session)
	balance = ledger.standing_of([member.customer])[member.customer].balances["USD"]
	assert balance.net == -100


def test_a_transfer_takes_the_fee_along_without_a_second_row():
	session, member = make_session(**USD_FEES), member_of()
	old = seat(session, member)
	settle(session)
	new = seats.transfer(ENROLLMENT, old.name, make_person(member=member), by="Administrator")
	[invoice] = invoices(session)
	assert [row.imta_booking for row in invoice.items] == [new.name]
	row, gone = of(new, session), of(old, session)
	assert (row.fee, row.fee_state, row.sales_invoice) == (100, "Invoiced", invoice.name)
	assert (gone.fee_state, gone.sales_invoice, gone.fee_due) == ("Nothing to Pay", None, 0)
	done = settle(session)
	assert (done.invoices, done.credit_notes) == ([], [])
	seats.cancel(ENROLLMENT, new.name, reason="Ill", by="Administrator")
	settle(session)
	assert_ledger(invoice, total=100, outstanding=0)


def test_a_transfer_takes_the_free_seat_along():
	session, member = make_session(**USD_FEES), member_of(free=1)
	old = seat(session, member)
	key = of(old, session).free_seat_key
	new = seats.transfer(ENROLLMENT, old.name, make_person(member=member), by="Administrator")
	assert (of(new, session).free_seat_key, of(old, session).free_seat_key) == (key, None)
	assert frappe.db.get_value("Free Seat", key, "booking") == new.name
	assert frappe.db.count("Free Seat", {"member": member.name}) == 1


def test_free_seats_count_across_trainings_and_activities():
	member = member_of(free=2)
	session = make_session(begins=in_june(1), **USD_FEES)
	activity = make_activity(begins=in_june(20), **USD_FEES)
	booked = [
		of(seat(session, member), session),
		of(seat(activity, member), activity),
		of(seat(activity, member), activity),
	]
	assert [row.is_free_seat for row in booked] == [1, 1, 0]
	assert [row.fee for row in booked] == [0, 0, 100]
	assert booked[0].free_seat_key == f"{member.name}|{session.starts_at.year}|1"
	assert frappe.db.count("Free Seat", {"member": member.name}) == 2


def test_free_seats_are_for_payable_seats_of_members_only():
	member = member_of(free=1)
	free_of_charge = make_session(fee_currency="USD", fees=[{"participant_type": "Guest", "fee": 50}])
	assert not of(seat(free_of_charge, member), free_of_charge).is_free_seat
	without = make_session(begins=in_june(13), uses_free_seats=0, **USD_FEES)
	assert not of(seat(without, member), without).is_free_seat
	assert not frappe.db.count("Free Seat", {"member": member.name})


def test_each_year_has_its_own_free_seats():
	member = member_of(free=1)
	year = now_datetime().year + 1
	for begins in (f"{year}-03-01 09:00:00", f"{year + 1}-03-01 09:00:00"):
		session = make_session(begins=frappe.utils.get_datetime(begins), **USD_FEES)
		assert of(seat(session, member), session).is_free_seat
	assert sorted(frappe.get_all("Free Seat", {"member": member.name}, pluck="year")) == [year, year + 1]


def test_a_free_seat_given_back_in_time_goes_to_the_next_who_would_pay():
	member = member_of(free=1)
	session = make_session(begins=in_june(1), **USD_FEES)
	later = make_session(begins=in_june(15), **USD_FEES)
	free, invoiced, waiting = seat(session, member), seat(session, member), seat(later, member)
	settle(session)
	assert of(invoiced, session).fee_state == "Invoiced"
	seats.cancel(ENROLLMENT, free.name, reason="Ill", by="Administrator")
	assert of(free, session).free_seat_key is None
	assert free_seats.use_again(member.name, session.starts_at.year) == [waiting.name]
	row = of(waiting, later)
	assert (row.is_free_seat, row.fee, row.fee_state) == (1, 0, "Nothing to Pay")
	assert of(invoiced, session).fee == 100, "what is invoiced stays"
	assert free_seats.use_again(member.name, session.starts_at.year) == []


def test_a_lost_job_does_not_matter_the_fee_is_looked_at_before_it_is_invoiced():
	member = member_of(free=1)
	session = make_session(begins=in_june(1), **USD_FEES)
	later = make_session(begins=in_june(15), **USD_FEES)
	free, waiting = seat(session, member), seat(later, member)
	seats.cancel(ENROLLMENT, free.name, reason="Ill", by="Administrator")
	settle(later)
	assert of(waiting, later).is_free_seat and not invoices(later)


def test_a_free_seat_is_kept_after_a_late_cancellation():
	member = member_of(free=1)
	session = make_session(cancel_until=now_datetime() - timedelta(hours=1), **USD_FEES)
	booked = seat(session, member)
	seats.cancel(ENROLLMENT, booked.name, reason="Ill", by="Administrator", by_staff=True)
	assert of(booked, session).free_seat_key
	assert not of(seat(session, member), session).is_free_seat


def test_quote():
	session, member = make_session(**USD_FEES), member_of(free=1)
	person = make_person(member=member)
	found = fees.quote(session, person)
	assert (found.fee, found.price, found.currency, found.is_free_seat) == (0, 100, "USD", True)
	enroll(session, person)
	found = fees.quote(session, make_person(member=member))
	assert (found.fee, found.is_free_seat) == (100, False)
	assert fees.quote(session, make_guest()).fee == 300
	assert fees.quote(session.as_dict(), make_guest()).fee == 300


def test_guests_pay_by_organisation_or_by_themselves():
	session = make_session(**USD_FEES)
	name = f"Alpine University {next_number()}"
	for spelling in (name, name.upper(), f" {name} "):
		seat(session, organisation=spelling, country="Austria")
	seat(session, organisation=name, country="Switzerland")
	alone = seat(session)
	settle(session)
	found = {invoice.customer: invoice for invoice in invoices(session)}
	assert sorted(len(invoice.items) for invoice in found.values()) == [1, 1, 3]
	own = found[of(alone, session).customer]
	assert own.grand_total == 300
	customer = frappe.get_doc("Customer", own.customer)
	assert (customer.customer_type, customer.imta_member) == ("Individual", None)
	assert frappe.db.exists("Dynamic Link", {"link_name": own.customer, "parenttype": "Contact"})


def test_a_guest_cannot_put_the_fee_on_a_members_account():
	session, member = make_session(**USD_FEES), member_of()
	booked = seat(session, organisation=member.member_name, country=member.country)
	settle(session)
	assert of(booked, session).customer not in (None, member.customer)


def test_an_exempt_individual_pays_with_an_own_customer():
	tier = make_tier(is_exempt=1, member_type="Individual").name
	member = make_member(
		tier=tier,
		member_type="Individual",
		contact_first_name="Ida",
		email=f"ida{next_number()}@alps.example",
	)
	session = make_session(**USD_FEES)
	booked = enroll(session, fees_person(member))
	settle(session)
	row = of(booked, session)
	assert row.fee_state == "Invoiced"
	assert frappe.db.get_value("Customer", row.customer, "imta_member") == member.name


def fees_person(member):
	from imta_crm.seating import people

	return people.of_contact(frappe.db.get_value("IMTA Member", member.name, "primary_contact"))


def test_staff_pay_nothing_unless_the_price_list_says_so():
	from imta_crm.seating import people

	user = make_user("Liaison Officer")
	free, priced = make_session(**USD_FEES), make_session(begins=in_june(15), **USD_FEES)
	priced.append("fees", {"participant_type": "Staff", "fee": 10})
	priced.save()
	assert of(enroll(free, people.of_user(user)), free).fee_state == "Nothing to Pay"
	booked = enroll(priced, people.of_user(user))
	settle(priced)
	assert of(booked, priced).fee_state == "Invoiced"
	assert_ledger(invoices(priced)[0], total=10, outstanding=10)


def test_a_member_that_owes_in_another_currency_is_invoiced_in_it():
	session, member = make_session(**USD_FEES), member_of("CNY")
	first, second = seat(session, member), seat(session, member)
	settle(session)
	[invoice] = invoices(session)
	assert (invoice.currency, invoice.grand_total) == ("CNY", 1420)
	assert "USD 100.00" in invoice.items[0].description and "7.1" in invoice.items[0].description
	assert of(first, session).fee == 100
	seats.cancel(ENROLLMENT, second.name, reason="Ill", by="Administrator")
	settle(session)
	assert_ledger(invoice, total=1420, outstanding=710)


def test_a_fee_in_the_companys_currency_for_a_member_that_owes_in_dollars():
	cny = {"fee_currency": "CNY", "fees": [{"participant_type": "Member", "fee": 333}]}
	session, member = make_session(late_credit_percent=50, cancel_until=now_datetime(), **cny), member_of()
	booked = seat(session, member)
	settle(session)
	[invoice] = invoices(session)
	assert (invoice.currency, invoice.conversion_rate) == ("USD", RATE)
	assert_ledger(invoice, total=46.90, outstanding=46.90)
	seats.cancel(ENROLLMENT, booked.name, reason="Ill", by="Administrator", by_staff=True)
	settle(session)
	assert_ledger(invoice, outstanding=23.45)


def test_without_a_rate_it_says_so_and_is_caught_up():
	session, dollars, yuan = make_session(**USD_FEES), member_of(), member_of("CNY")
	plain = make_session(
		begins=in_june(15), fee_currency="CNY", fees=[{"participant_type": "Member", "fee": 5}]
	)
	missing, fine = seat(session, dollars), seat(plain, yuan)
	frappe.db.delete("Currency Exchange", {"from_currency": "USD"})
	assert len(settle(session).problems) == 1
	settle(plain)
	row = of(missing, session)
	assert row.fee_state == "Failed" and "USD" in row.fee_problem and "Currency Exchange" in row.fee_problem
	assert of(fine, plain).fee_state == "Invoiced"
	rate("CNY", "USD", 0.125)  # the other way round will do
	settle(session)
	row = of(missing, session)
	assert (row.fee_state, row.fee_problem) == ("Invoiced", None)
	assert invoices(session)[0].conversion_rate == 8


def test_a_rate_that_is_too_old_is_none():
	session = make_session(**USD_FEES)
	booked = seat(session, member_of())
	rate("USD", "CNY", 7, on=add_days(getdate(), -10))
	frappe.db.set_single_value("Accounts Settings", {"allow_stale": 0, "stale_days": 5})
	settle(session)
	assert of(booked, session).fee_state == "Failed"
	frappe.db.set_single_value("Accounts Settings", "stale_days", 15)
	settle(session)
	assert of(booked, session).fee_state == "Invoiced"


def test_frozen_books_are_a_problem_of_the_day_and_not_of_the_seat():
	session, member, other = make_session(**USD_FEES), member_of(), member_of()
	booked, second = seat(session, member), seat(session, other)
	frappe.db.set_single_value("Accounts Settings", "acc_frozen_upto", add_days(getdate(), 1))
	frappe.db.set_single_value("Accounts Settings", "frozen_accounts_modifier", "Liaison Officer")
	with as_user(make_user("Training Coordinator")):
		assert len(settle(session).problems) == 2
	assert of(booked, session).fee_state == of(second, session).fee_state == "Failed"
	assert of(booked, session).fee_problem and not invoices(session)
	assert not frappe.db.exists("GL Entry", {"party": member.customer})
	frappe.db.set_single_value("Accounts Settings", "acc_frozen_upto", None)
	settle(session)
	assert of(booked, session).fee_state == "Invoiced" and len(invoices(session)) == 2


def test_a_closed_period_is_caught_up_when_it_opens():
	session = make_session(**USD_FEES)
	booked = seat(session, member_of())
	period = frappe.get_doc(
		{
			"doctype": "Accounting Period",
			"period_name": "Closed",
			"company": masters.default_company(),
			"start_date": getdate(),
			"end_date": getdate(),
			"closed_documents": [{"document_type": "Sales Invoice", "closed": 1}],
		}
	).insert()
	settle(session)
	assert of(booked, session).fee_state == "Failed" and of(booked, session).fee_problem
	frappe.delete_doc("Accounting Period", period.name)
	settle(session)
	assert of(booked, session).fee_state == "Invoiced"


def test_what_fails_for_one_customer_stops_nobody_else():
	session, bad, good = make_session(**USD_FEES), member_of(), member_of()
	first, second = seat(session, bad), seat(session, good)
	frappe.db.set_value("Customer", bad.customer, "disabled", 1)
	done = settle(session)
	assert len(done.invoices) == len(done.problems) == 1
	assert of(first, session).fee_state == "Failed" and of(first, session).fee_problem
	assert of(second, session).fee_state == "Invoiced"
	frappe.db.set_value("Customer", bad.customer, "disabled", 0)
	settle(session)
	assert of(first, session).fee_state == "Invoiced" and not of(first, session).fee_problem


def test_an_invoice_cancelled_by_hand_frees_its_people_for_one_replacement():
	session, member = make_session(**USD_FEES), member_of()
	booked = seat(session, member)
	settle(session)
	[old] = invoices(session)
	old.cancel()
	assert old.imta_live_event_invoice is None
	row = of(booked, session)
	assert (row.fee_state, row.sales_invoice) == ("To Be Invoiced", None)
	settle(session)
	settle(session)
	[new] = invoices(session)
	assert of(booked, session).sales_invoice == new.name
	assert_ledger(new, total=100, outstanding=100)


def test_an_amendment_by_hand_goes_first():
	session, member = make_session(**USD_FEES), member_of()
	booked = seat(session, member)
	settle(session)
	[old] = invoices(session)
	old.cancel()
	draft = frappe.copy_doc(old)
	draft.update({"amended_from": old.name, "docstatus": 0})
	draft.insert()
	assert draft.imta_live_event_invoice == f"{session.name}|{member.customer}"
	done = settle(session)
	assert not done.invoices and draft.name in of(booked, session).fee_problem
	draft.submit()
	row = of(booked, session)
	assert (row.sales_invoice, row.fee_state, row.fee_problem) == (draft.name, "Invoiced", None)
	assert settle(session).invoices == []


def test_a_price_that_was_lowered_by_hand_stays():
	session, member = make_session(**USD_FEES), member_of()
	first = seat(session, member)
	settle(session)
	[old] = invoices(session)
	old.cancel()
	lowered = frappe.copy_doc(old)
	lowered.update({"amended_from": old.name, "docstatus": 0})
	lowered.items[0].update({"rate": 60, "price_list_rate": 60})
	lowered.submit()
	seat(session, member)
	settle(session)
	assert [invoice.grand_total for invoice in invoices(session)] == [60, 100]
	seats.cancel(ENROLLMENT, first.name, reason="Ill", by="Administrator")
	assert settle(session).problems == []
	assert_ledger(lowered, total=60, outstanding=0)


def test_nobody_is_invoiced_twice_by_hand():
	session, member = make_session(**USD_FEES), member_of()
	seat(session, member)
	settle(session)
	[invoice] = invoices(session)
	from imta_crm.seating.sales_invoice import DuplicateFeeInvoice, FeeInvoiceError

	again = frappe.copy_doc(invoice)
	again.docstatus = 0
	with pytest.raises(DuplicateFeeInvoice):
		again.insert()
	for row in again.items:
		row.imta_booking = None
	with pytest.raises(FeeInvoiceError):
		again.insert()


def test_a_credit_note_by_hand_is_respected():
	from erpnext.accounts.doctype.sales_invoice.sales_invoice import make_sales_return

	session, member = make_session(**USD_FEES), member_of()
	first, second = seat(session, member), seat(session, member)
	settle(session)
	[invoice] = invoices(session)
	note = make_sales_return(invoice.name)
	note.items = [row for row in note.items if row.idx == 1]
	note.update_outstanding_for_self = 0
	note.insert()
	note.submit()
	row = of(first, session)
	assert (row.fee_state, row.fee_due, row.credit_note) == ("Credited", 0, note.name)
	for each in (first, second):
		seats.cancel(ENROLLMENT, each.name, reason="Ill", by="Administrator")
	assert settle(session).problems == []
	assert_ledger(invoice, total=200, outstanding=0)
	assert of(first, session).credit_note == note.name
	assert of(second, session).credit_note not in (None, note.name)


def test_a_credit_note_cancelled_by_hand_asks_for_the_fee_again():
	from erpnext.accounts.doctype.sales_invoice.sales_invoice import make_sales_return

	session, member = make_session(**USD_FEES), member_of()
	booked = seat(session, member)
	settle(session)
	[invoice] = invoices(session)
	note = make_sales_return(invoice.name)
	note.update_outstanding_for_self = 0
	note.insert()
	note.submit()
	note.cancel()
	row = of(booked, session)
	assert (row.fee_state, row.fee_due, row.credit_note) == ("Invoiced", 100, None)
	assert_ledger(invoice, outstanding=100)


def test_dues_never_take_fees_for_dues():
	session, member = make_session(**USD_FEES), member_of()
	seat(session, member)
	settle(session)
	[invoice] = invoices(session)
	frappe.db.set_value("Sales Invoice", invoice.name, "due_date", "2020-01-01")
	frappe.db.set_value("Payment Ledger Entry", {"voucher_no": invoice.name}, "due_date", "2020-01-01")
	found = ledger.standing_of([member.customer])[member.customer]
	assert not found.dues_items
	balance = found.balances["USD"]
	assert (balance.outstanding, balance.overdue, balance.dues_outstanding) == (100, 100, 0)
	[assessed] = standing.assess_members(getdate(), members=[member.name])
	assert not assessed.verdict.changed and assessed.status == "Active"
	assert not ledger.amounts_due([member.customer])
	assert not frappe.db.exists("Dues Charge", {"member": member.name, "sales_invoice": invoice.name})


@pytest.mark.parametrize("role", ["Treasurer", "Training Coordinator"])
def test_who_may_invoice(role):
	session, member = make_session(**USD_FEES), member_of()
	booked = seat(session, member)
	with as_user(make_user(role)):
		shown = billing.preview(SESSION, session.name)
		done = billing.invoice_now(SESSION, session.name)
	[group] = shown["customers"]
	assert (group["customer"], group["people"][0]["amount"]) == (member.customer, 100)
	assert done["invoices"] == [of(booked, session).sales_invoice] and not done["problems"]


@pytest.mark.parametrize(
	"role", ["Liaison Officer", "Membership Manager", "Alliance Leadership", "Alliance Member"]
)
def test_who_may_not(role):
	session = make_session(**USD_FEES)
	seat(session, member_of())
	with as_user(make_user(role)):
		with pytest.raises(frappe.PermissionError):
			billing.preview(SESSION, session.name)
		with pytest.raises(frappe.PermissionError):
			billing.invoice_now(SESSION, session.name)


def test_problems_are_told_by_name():
	session, member = make_session(**USD_FEES), member_of()
	seat(session, member), seat(session)
	frappe.db.set_value("Customer", member.customer, "disabled", 1)
	[(who, problem)] = billing.invoice_now(SESSION, session.name)["problems"]
	assert who == member.member_name and problem
	shown = billing.preview(SESSION, session.name)
	assert [group["name"] for group in shown["customers"]] == [member.member_name]
	assert shown["customers"][0]["people"][0]["problem"] == problem


def test_many_customers_are_left_to_a_job(monkeypatch):
	session = make_session(capacity=20, **USD_FEES)
	monkeypatch.setattr(billing, "AT_ONCE", 1)
	for _ in range(2):
		seat(session, member_of())
	assert billing.invoice_now(SESSION, session.name) == {"queued": 2}
	assert not invoices(session)


def test_officers_see_the_free_seats_of_their_members():
	officer = make_user("Liaison Officer")
	mine, others = member_of(free=1), member_of(free=1)
	frappe.db.set_value("IMTA Member", mine.name, "officer", officer)
	session = make_session(**USD_FEES)
	seat(session, mine), seat(session, others)
	with as_user(officer):
		assert frappe.get_list("Free Seat", pluck="member") == [mine.name]


def test_the_keys_fit_their_columns():
	assert len(billing.key_of("TS-2026-00001", "x" * 140, 12)) <= 140
	assert billing.key_of("TS-1", "A") == "TS-1|A" and billing.key_of("TS-1", "A", 2) == "TS-1|A|2"


def _moved(session, begins):
	session.reload()
	session.update({"starts_at": begins, "ends_at": begins + timedelta(hours=4)})
	session.save()


def test_a_free_seat_is_that_of_the_year_to_which_the_event_was_moved():
	member = member_of(free=1)
	session = make_session(begins=in_june(1), **USD_FEES)
	booked = seat(session, member)
	begins = in_june(1).replace(year=in_june(1).year + 1)
	_moved(session, begins)
	key = f"{member.name}|{begins.year}|1"
	assert of(booked, session).free_seat_key == key
	assert frappe.get_all("Free Seat", {"member": member.name}, pluck="name") == [key]


def test_a_seat_stays_free_where_the_new_year_has_none_left():
	member = member_of(free=1)
	begins = in_june(1).replace(year=in_june(1).year + 1)
	other = make_session(begins=begins + timedelta(days=3), **USD_FEES)
	session = make_session(begins=in_june(1), **USD_FEES)
	taken, booked = seat(other, member), seat(session, member)
	_moved(session, begins)
	row = of(booked, session)
	assert (row.is_free_seat, row.fee_due) == (1, 0)
	assert row.free_seat_key == f"{member.name}|{begins.year - 1}|1"
	assert of(taken, other).free_seat_key == f"{member.name}|{begins.year}|1"


def test_the_timeline_tells_of_the_fee():
	session, member = make_session(**USD_FEES), member_of()
	booked = seat(session, member)
	settle(session)
	seats.cancel(ENROLLMENT, booked.name, reason="Ill", by="Administrator")
	settle(session)
	told = [
		change[0]
		for data in frappe.get_all(
			"Version", {"ref_doctype": ENROLLMENT, "docname": booked.name}, pluck="data"
		)
		for change in frappe.parse_json(data)["changed"]
	]
	assert {"sales_invoice", "fee_due", "credit_note"} <= set(told)


def test_a_guest_who_pays_is_forgotten_and_the_books_stay():
	from imta_crm.seating import kinds, personal_data

	session = make_session(**USD_FEES)
	booked = seat(session)
	settle(session)
	row, [invoice] = of(booked, session), invoices(session)
	assert row.participant_name not in row.customer, "the ledger keeps this name"
	personal_data.erase(kinds.TRAINING, [booked.name])
	customer = frappe.get_doc("Customer", row.customer)
	said = " ".join(str(value) for value in customer.as_dict().values())
	assert row.participant_name not in said and row.email not in said and not customer.imta_guest_key
	assert not frappe.db.exists("Contact", {"email_id": row.email})
	assert settle(session).problems == []
	assert not invoice.reload().contact_person
	assert_ledger(invoice, total=300, outstanding=0)


def test_a_second_credit_is_previewed_as_what_is_left():
	session, member = make_session(**USD_FEES), member_of()
	booked = seat(session, member)
	settle(session)
	shown, made = [], []
	for due in (70, 50):  # as two decisions of the treasurer would leave it
		frappe.db.set_value(ENROLLMENT, booked.name, {"fee_due": due, "fee_state": "To Be Credited"})
		customers = billing.preview(SESSION, session.name)["customers"]
		shown += [each["amount"] for customer in customers for each in customer["people"]]
		made += [
			frappe.db.get_value("Sales Invoice", note, "grand_total") for note in settle(session).credit_notes
		]
	assert shown == made and len(made) == 2
