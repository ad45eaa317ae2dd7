"""Whatever happens to the workers, every member is charged once: real processes on a committed site."""

import random
import time

import frappe
import pytest

from imta_crm.dues import charges, runner
from tests.site import dues_site
from tests.site.dues_site import (
	committed,
	figures,
	log,
	make_roster,
	make_run,
	make_year,
	queue,
	start_here,
	worker,
)


@pytest.fixture(scope="module")
def members(connected):
	"""The roster, once for this module."""
	frappe.set_user("Administrator")
	with committed():
		yield make_roster()
		frappe.set_user("Administrator")


@pytest.fixture
def roster(site, members):
	"""A dues year that nobody has been charged for yet."""
	with committed():
		year = make_year()
		frappe.db.commit()
		yield year


def finish(*processes) -> None:
	for process in processes:
		process.wait(timeout=120)


def assert_whole(year: str) -> None:
	found = figures(year)
	assert found["charges"] == found["invoiced"] == found["members"] == 85, found
	assert found["invoices"] == found["live"] == found["gl_vouchers"] == 85, found
	assert found["pairs"], "each charge names the invoice that names it"
	cny = round(21_000 * dues_site.CNY_RATE, 2)
	expected = {"USD": 77_000.0, "CNY": cny}
	for key in ("charged", "billed", "outstanding", "receivable", "payment_ledger"):
		assert found[key] == expected, key
	assert found["debit"] == found["credit"] == found["base"]


def test_killed_ten_times_and_resumed(roster):
	run = make_run(roster.name, chunk_size=4)
	queue(run)
	moments = random.Random(20260115)
	interrupted = 0
	for _kill in range(10):
		process = worker(run.name)
		assert process.stdout.readline().strip() == "ready"
		time.sleep(moments.uniform(0.02, 0.45))
		interrupted += process.poll() is None
		process.kill()
		process.wait()
		halfway = figures(roster.name)
		assert halfway["invoices"] == halfway["invoiced"] == halfway["live"] <= 85
	assert interrupted >= 5, "the run was over before it could be killed"
	finish(worker(run.name))
	assert_whole(roster.name)
	run.reload()
	assert (run.status, run.charged, run.failed) == ("Completed", 85, 0), log(run.name)


def test_two_runs_at_once(roster):
	runs = [make_run(roster.name, chunk_size=5) for _ in range(2)]
	for run in runs:
		queue(run)
	finish(*[worker(run.name) for run in runs])
	assert_whole(roster.name)
	for run in runs:
		run.reload()
		assert run.status == "Completed", log(run.name)
	assert sum(run.charged for run in runs) == 85


def test_two_workers_share_a_run(roster):
	run = make_run(roster.name, chunk_size=5)
	queue(run)
	finish(worker(run.name, 1))  # before the plan there is nothing to share, and nothing to finish
	run.reload()
	assert run.status == "Queued"
	runner.begin(run.name)
	frappe.db.after_commit.reset()
	finish(worker(run.name, 1), worker(run.name, 2))
	assert_whole(roster.name)
	run.reload()
	assert (run.status, run.charged) == ("Completed", 85), log(run.name)


def test_stalled_run_is_put_back_to_work(roster, monkeypatch):
	run = make_run(roster.name)
	queue(run)
	queued = []
	monkeypatch.setattr(runner, "enqueue", lambda name, number: queued.append(name))
	assert runner.resume_stalled() == []
	old = frappe.utils.add_to_date(None, minutes=-10, as_datetime=True)
	frappe.db.set_value("Dues Run", run.name, {"heartbeat": old, "status": "Running"})
	frappe.db.commit()
	assert runner.resume_stalled() == [run.name] == queued
	assert runner.resume_stalled() == []  # it is not queued a second time before it had its chance


def test_invoice_numbers_have_neither_duplicates_nor_gaps(roster):
	run = make_run(roster.name, chunk_size=7)
	queue(run)
	runner.begin(run.name)
	frappe.db.after_commit.reset()
	finish(worker(run.name, 1), worker(run.name, 2))
	frappe.db.rollback()  # a new snapshot: other processes have written
	names = frappe.get_all(
		"Sales Invoice", {"imta_dues_charge": ("is", "set")}, pluck="name", order_by="name"
	)
	numbers = sorted(int(name.rsplit("-", 1)[1]) for name in names)
	assert len(set(numbers)) == 85
	# What one worker reserved and did not need went back, unless the other had numbered on.
	assert numbers[-1] - numbers[0] < 85 + 7


def test_paused_run_stops_and_resumes(roster):
	run = make_run(roster.name, chunk_size=30)
	dues_site.queue(run)
	runner.begin(run.name)
	frappe.db.after_commit.reset()
	numbers = charges.invoices.InvoiceNumbers()
	assert runner.chunk(run.name, roster, numbers, 30)
	run.reload()
	run.pause()
	frappe.db.commit()
	runner.process(run.name)
	run.reload()
	assert (run.status, run.charged) == ("Paused", 30)
	start_here(run)
	assert (run.status, run.charged, run.total) == ("Completed", 85, 85)


def test_failure_of_one_member_is_written_on_it_and_stops_nobody(roster, members):
	customer = frappe.db.get_value("IMTA Member", members[2], "customer")
	frappe.db.set_value("Customer", customer, "disabled", 1)
	run = make_run(roster.name)
	start_here(run)
	assert (run.status, run.charged, run.failed) == ("Completed with Failures", 84, 1)
	[failure] = run.failures()
	assert failure["member"] == members[2]
	assert "disabled" in failure["error"]
	charge = frappe.get_doc("Dues Charge", failure["name"])
	assert (charge.status, charge.sales_invoice, charge.attempts) == ("Failed", None, 1)

	frappe.db.set_value("Customer", customer, "disabled", 0)
	start_here(run)
	assert (run.status, run.charged, run.failed) == ("Completed", 85, 0)
	charge.reload()
	assert (charge.status, charge.error, charge.attempts) == ("Invoiced", None, 2)
