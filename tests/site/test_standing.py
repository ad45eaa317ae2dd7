"""Members move between Active, In Arrears and Suspended by the ledger, and back when they pay."""

from datetime import date, timedelta

import frappe
import pytest

from imta_crm.dues import standing
from imta_crm.membership import members
from tests.site.dues_books import billed, credit, journal, past_year, pay
from tests.site.factories import make_change, make_member

DUE = date(2023, 3, 31)
ARREARS = DUE + timedelta(days=10 + 20 + 1)
SUSPENDED = DUE + timedelta(days=10 + 90 + 1)


@pytest.fixture
def year(site):
	return past_year(grace_days=10, arrears_after_days=20, suspend_after_days=90)


@pytest.fixture
def owing(year):
	return billed(year)


def status(member) -> str:
	return frappe.db.get_value("IMTA Member", member.name, "status")


def history(member) -> list[tuple]:
	rows = frappe.get_doc("IMTA Member", member.name).status_history
	return [(row.status, row.from_date) for row in rows]


def test_the_nights_go_by(owing):
	member, invoice = owing
	for today, expected in (
		(ARREARS - timedelta(days=1), "Active"),
		(ARREARS, "In Arrears"),
		(SUSPENDED - timedelta(days=1), "In Arrears"),
		(SUSPENDED, "Suspended"),
		(SUSPENDED + timedelta(days=200), "Suspended"),
	):
		standing.update_statuses(today)
		assert status(member) == expected, today
	assert history(member)[1:] == [("In Arrears", ARREARS), ("Suspended", SUSPENDED)]

	pay(invoice, on="2023-08-01")
	standing.update_statuses(date(2023, 8, 2))
	assert status(member) == "Active"
	assert standing.update_statuses(date(2023, 8, 2)) == {"changed": 0, "failed": 0}


def test_missed_nights_are_caught_up_with_the_day_of_the_rule(owing):
	member, _invoice = owing
	standing.update_statuses(SUSPENDED + timedelta(days=40))
	assert history(member)[-1] == ("Suspended", SUSPENDED)


@pytest.mark.parametrize("settle", [pay, credit, journal], ids=["payment", "credit note", "write-off"])
def test_whatever_settles_the_invoice_brings_the_member_back(owing, settle):
	member, invoice = owing
	standing.update_statuses(ARREARS)
	assert status(member) == "In Arrears"
	settle(invoice, on="2023-05-10")
	assert standing.update_member(member.name)
	assert status(member) == "Active"


def test_a_cancelled_payment_counts_again(owing):
	member, invoice = owing
	entry = pay(invoice)
	standing.update_member(member.name)
	assert status(member) == "Active"
	entry.cancel()
	standing.update_member(member.name)
	assert status(member) == "Suspended"


def test_money_on_account_keeps_a_member_active(owing):
	member, invoice = owing
	pay(invoice, float(invoice.grand_total), allocated=0)
	standing.update_member(member.name)
	assert status(member) == "Active"


def test_a_part_payment_is_not_enough(owing):
	member, invoice = owing
	pay(invoice, 999)
	standing.update_statuses(ARREARS)
	assert status(member) == "In Arrears"


def test_a_suspension_by_decision_is_not_lifted_by_payment(owing):
	member, invoice = owing
	make_change(member.name, "Suspend")
	assert status(member) == "Suspended"
	pay(invoice)
	assert not standing.update_member(member.name)
	assert status(member) == "Suspended"


def test_who_left_is_left_alone(owing):
	member, _invoice = owing
	make_change(member.name, "Withdraw")
	standing.update_statuses()
	assert status(member) == "Withdrawn"


def test_other_debts_do_not_suspend(owing):
	member, invoice = owing
	pay(invoice)
	other = frappe.copy_doc(invoice)
	other.update({"docstatus": 0, "set_posting_time": 1, "imta_dues_charge": None, "imta_live_charge": None})
	other.insert()
	other.submit()
	assert not standing.update_member(member.name)


def test_one_failing_member_stops_nobody(year, monkeypatch):
	(first, _), (second, _) = billed(year), billed(year)
	set_status = members.set_status

	def fail_for_first(member, *args, **kwargs):
		if member == first.name:
			raise RuntimeError("broken record")
		return set_status(member, *args, **kwargs)

	monkeypatch.setattr(members, "set_status", fail_for_first)
	counts = standing.update_statuses(ARREARS)
	assert counts["failed"] == 1
	assert (status(first), status(second)) == ("Active", "In Arrears")
	assert frappe.db.exists("Error Log", {"reference_name": first.name})


class TestAfterAnEntryInTheBooks:
	@pytest.fixture
	def queued(self, monkeypatch):
		jobs = []
		monkeypatch.setattr(frappe, "enqueue", lambda method, **kw: jobs.append((method, kw)))
		frappe.db.after_commit.reset()
		yield jobs
		frappe.db.after_commit.reset()

	def committed(self, jobs) -> list[str]:
		frappe.db.after_commit.run()
		return [kw["member"] for method, kw in jobs if method.endswith("standing.update_member")]

	def test_a_dues_invoice_queues_nothing(self, year, queued):
		billed(year)
		assert self.committed(queued) == []

	@pytest.mark.parametrize("act", [pay, credit, journal], ids=["payment", "credit note", "journal"])
	def test_the_member_concerned_is_looked_at(self, year, queued, act):
		member, invoice = billed(year)
		act(invoice)
		assert set(self.committed(queued)) == {member.name}
		assert all(kw["deduplicate"] for _method, kw in queued if "member" in kw)

	def test_a_cancelled_invoice_too(self, year, queued):
		member, invoice = billed(year)
		invoice.cancel()
		assert set(self.committed(queued)) == {member.name}

	def test_a_broken_queue_does_not_break_the_payment(self, year, monkeypatch):
		_member, invoice = billed(year)
		frappe.db.after_commit.reset()

		def down(*args, **kwargs):
			raise ConnectionError("no Redis")

		monkeypatch.setattr(frappe, "enqueue", down)
		monkeypatch.setattr(standing, "get_job_status", down)
		assert pay(invoice).docstatus == 1
		ours = [
			f for f in frappe.db.after_commit._functions if getattr(f, "func", None) is standing.queue_updates
		]
		assert ours
		for callback in ours:
			callback()
		frappe.db.after_commit.reset()

	def test_customers_who_are_no_members_are_none_of_our_business(self, site, queued):
		standing.queue_updates({make_member(tier="Individual", member_type="Individual").name, "Nobody"})
		assert queued == []
