"""Runs the dues: plans the charges, invoices them in chunks, survives anything.

A run is a set of background jobs that all draw from the pending charges of the dues year. A job locks a
chunk of them, skipping those that another job has locked, makes the invoices and commits charges and
invoices together. So it does not matter how many jobs or runs there are, or when one of them dies: what was
committed is charged, everything else is still pending, and the next job takes it up.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import frappe
from frappe import _
from frappe.query_builder.functions import Count
from frappe.utils import add_to_date, cint, getdate, now_datetime

from imta_crm.dues import charges, years
from imta_crm.dues.charges import CHARGE, DOWNGRADE, FAILED, INVOICED, PENDING, Line
from imta_crm.dues.doctype.dues_year.dues_year import DuesYear
from imta_crm.erp import invoices
from imta_crm.policy.money import exponent_of
from imta_crm.transactions import persistently

RUN = "Dues Run"
DRAFT, QUEUED, RUNNING, PAUSED = "Draft", "Queued", "Running", "Paused"
COMPLETED, WITH_FAILURES, CANCELLED = "Completed", "Completed with Failures", "Cancelled"
ALIVE = (QUEUED, RUNNING)
EVENT = "dues_run_progress"
# A chunk takes seconds. A run that has been silent for this long has lost its jobs.
STALLED_AFTER_MINUTES = 5
MAX_WORKERS = 8
MAX_CHUNK = 200
JOB_TIMEOUT = 3600


class RunStateError(frappe.ValidationError):
	"""The run is not in a state that allows this."""


def start(name: str) -> None:
	"""Queue a run: a draft, a paused one, or one that ended with failures. A second click changes nothing."""
	run = lock(name)
	if run.status in ALIVE:
		if not is_stalled(run):
			return
	elif run.status not in (DRAFT, PAUSED, WITH_FAILURES):
		frappe.throw(_("{0} is {1}.").format(name, _(run.status)), RunStateError)
	years.check_ready(years.get_year(run.dues_year), getdate(run.as_of))
	write(
		name,
		status=QUEUED,
		started_at=run.started_at or now_datetime(),
		finished_at=None,
		heartbeat=now_datetime(),
		error=None,
	)
	enqueue(name, 0)
	publish(name, after_commit=True)


def pause(name: str) -> None:
	"""Stop after the chunks that are being worked on."""
	run = lock(name)
	if run.status not in ALIVE:
		frappe.throw(_("{0} is {1}.").format(name, _(run.status)), RunStateError)
	write(name, status=PAUSED)
	publish(name, after_commit=True)


def cancel(name: str) -> None:
	"""Give up a run that has not finished. What it has invoiced stays invoiced."""
	run = lock(name)
	if run.status in (COMPLETED, WITH_FAILURES, CANCELLED):
		frappe.throw(_("{0} is {1}.").format(name, _(run.status)), RunStateError)
	write(name, status=CANCELLED, finished_at=now_datetime())
	publish(name, after_commit=True)


def resume_stalled() -> list[str]:
	"""Scheduled: put runs back to work whose jobs were lost, for example when a worker was killed."""
	silent_since = add_to_date(now_datetime(), minutes=-STALLED_AFTER_MINUTES)
	names = frappe.get_all(
		RUN, {"status": ("in", ALIVE), "heartbeat": ("<", silent_since)}, pluck="name", order_by="creation"
	)
	resumed = []
	for name in names:
		run = lock(name)
		if run.status in ALIVE and is_stalled(run):
			write(name, heartbeat=now_datetime())
			enqueue(name, 0)
			resumed.append(name)
		frappe.db.commit()  # each run by itself: the lock goes and the job is queued
	return resumed


def is_stalled(run: frappe._dict) -> bool:
	return not run.heartbeat or run.heartbeat < add_to_date(now_datetime(), minutes=-STALLED_AFTER_MINUTES)


def enqueue(name: str, worker: int) -> None:
	"""Queue one job of a run once the transaction is committed. The heartbeat tells a new round from a lost one."""
	heartbeat = frappe.db.get_value(RUN, name, "heartbeat")
	frappe.enqueue(
		"imta_crm.dues.runner.work",
		queue="long",
		timeout=JOB_TIMEOUT,
		job_id=f"dues-run::{name}::{worker}::{heartbeat}",
		deduplicate=True,
		enqueue_after_commit=True,
		run=name,
		worker=worker,
	)


def work(run: str, worker: int = 0) -> None:
	"""One background job of a run. The first one plans and calls the others."""
	try:
		if worker == 0 and not persistently(lambda: begin(run)):
			return
		process(run)
	except Exception as error:
		frappe.db.rollback()
		frappe.log_error(_("Dues run {0} stopped").format(run), reference_doctype=RUN, reference_name=run)
		write(run, status=PAUSED, error=charges.describe(error))
		frappe.db.commit()  # the run must show why it stopped
		publish(run)
		raise


def begin(name: str) -> bool:
	"""Plan the charges and call the other jobs. False where the run was paused or cancelled meanwhile."""
	run = lock(name)
	if run.status not in ALIVE:
		frappe.db.rollback()
		return False
	write(name, heartbeat=now_datetime())
	frappe.db.commit()  # a sign of life; the lock must not be held while planning

	year = years.get_year(run.dues_year)
	invoices.ensure_item_defaults(year.item, year.company, year.income_account)
	lines = charges.plan(year, getdate(run.as_of), run=name)
	count = Counter(line.state for line in lines)
	if lock(name).status not in ALIVE:
		frappe.db.rollback()
		return False
	# Running means planned: only now may a job find that nothing is pending and close the run.
	already = progress(name)["charged"]
	write(
		name,
		status=RUNNING,
		total=count["due"] + already,
		skipped=count["skipped"],
		heartbeat=now_datetime(),
	)
	for worker in range(1, min(max(cint(run.workers), 1), MAX_WORKERS)):
		enqueue(name, worker)
	frappe.db.commit()  # from here on every job of every run can take the charges
	publish(name)
	return True


def process(name: str) -> None:
	"""Invoice chunk after chunk until nothing is pending, or the run is paused."""
	run = frappe.db.get_value(RUN, name, ["dues_year", "chunk_size"], as_dict=True)
	year = years.get_year(run.dues_year)
	numbers = invoices.InvoiceNumbers(year.invoice_naming_series)
	size = min(max(cint(run.chunk_size), 1), MAX_CHUNK)
	try:
		while is_running(name) and persistently(lambda: chunk(name, year, numbers, size)):
			publish(name)
	finally:
		frappe.db.rollback()
		numbers.give_back()
	if is_running(name):
		persistently(lambda: credit(year))
	persistently(lambda: finish(name, year))
	publish(name)


def is_running(name: str) -> bool:
	"""Read anew in its own transaction: the treasurer may have paused the run."""
	frappe.db.rollback()
	return frappe.db.get_value(RUN, name, "status") == RUNNING


def chunk(name: str, year: DuesYear, numbers: invoices.InvoiceNumbers, size: int) -> bool:
	"""Invoice up to `size` pending charges and commit. False where none is left."""
	candidates = pending(year.name, size * (MAX_WORKERS + 1))
	if not candidates:
		return False
	with_figures = frappe.db.get_value(CHARGE, candidates[0], "*", as_dict=True)
	numbers.reserve(charges.order_of(year, with_figures), min(size, len(candidates)))

	before = numbers.mark()
	try:
		# Nobody waits for a chunk that another job is at; at the end, one waits to see what became of it.
		taken = take(candidates, size, skip_locked=True) or take(candidates, size, skip_locked=False)
		with invoices.many_invoices():
			for charge in taken:
				invoice_charge(charge, year, numbers, name)
		write(name, heartbeat=now_datetime(), **progress(name))
		frappe.db.commit()  # charges and invoices of the chunk together, or none of them
	except BaseException:
		numbers.free = before
		raise
	return True


def pending(year: str, limit: int) -> list[str]:
	return frappe.get_all(
		CHARGE,
		{"dues_year": year, "status": PENDING, "charge_type": ("!=", DOWNGRADE)},
		pluck="name",
		order_by="name",
		limit=limit,
	)


def take(names: list[str], size: int, *, skip_locked: bool) -> list[frappe._dict]:
	"""Lock charges that are still pending. By primary key, so that only these rows are locked and no gaps."""
	table = frappe.qb.DocType(CHARGE)
	query = (
		frappe.qb.from_(table)
		.select("*")
		.where(table.name.isin(names) & (table.status == PENDING))
		.limit(size)
		.for_update(skip_locked=skip_locked)
	)
	return query.run(as_dict=True)


def invoice_charge(charge: frappe._dict, year: DuesYear, numbers: invoices.InvoiceNumbers, run: str) -> None:
	"""One charge of a chunk. Its failure is written on it and stops nobody else."""
	frappe.db.savepoint("imta_charge")
	before = numbers.mark()
	try:
		sales_invoice = charges.invoice(year, charge, numbers)
		charges.record_invoice(charge, sales_invoice, run)
	except (frappe.QueryDeadlockError, frappe.QueryTimeoutError):
		raise  # the transaction is gone: the whole chunk is tried again
	except Exception as error:
		frappe.db.rollback(save_point="imta_charge")
		numbers.free = before
		charges.record_failure(charge, error, run)
		if not isinstance(error, frappe.ValidationError):
			frappe.log_error(
				_("Dues charge {0} failed").format(charge.name),
				reference_doctype=CHARGE,
				reference_name=charge.name,
			)
	finally:
		frappe.clear_messages()


def credit(year: DuesYear) -> None:
	"""Credit what was granted before the run had invoiced the members."""
	charges.credit_granted(year)
	frappe.db.commit()  # end of the step


def finish(name: str, year: DuesYear) -> None:
	"""Close the run when nothing is pending any more; the last of its jobs does."""
	frappe.db.rollback()
	run = lock(name)
	counted = progress(name)
	if run.status == RUNNING and not pending(year.name, 1):
		status = WITH_FAILURES if counted["failed"] else COMPLETED
		write(name, status=status, finished_at=now_datetime(), heartbeat=now_datetime(), **counted)
		invoices.update_company_sales(year.company)
	else:
		write(name, **counted)
	frappe.db.commit()  # end of the job


def progress(name: str) -> dict[str, int]:
	"""Counted from the charges, so it is right after any crash."""
	table = frappe.qb.DocType(CHARGE)
	rows = (
		frappe.qb.from_(table)
		.select(table.status, Count("*"))
		.where(table.dues_run == name)
		.groupby(table.status)
		.run()
	)
	counts = dict(rows)
	return {"charged": counts.get(INVOICED, 0), "failed": counts.get(FAILED, 0)}


def lock(name: str) -> frappe._dict:
	"""The run as it is now, locked until the end of the transaction."""
	row = frappe.db.get_value(RUN, name, "*", as_dict=True, for_update=True)
	if not row:
		frappe.throw(_("There is no dues run {0}.").format(name), frappe.DoesNotExistError)
	return row


def write(name: str, **values) -> None:
	frappe.db.set_value(RUN, name, values, update_modified="status" in values)


def publish(name: str, *, after_commit: bool = False) -> None:
	"""Tell everybody who has the run open."""
	run = frappe.db.get_value(
		RUN, name, ["status", "total", "charged", "failed", "skipped", "error"], as_dict=True
	)
	frappe.publish_realtime(EVENT, {"run": name, **run}, doctype=RUN, docname=name, after_commit=after_commit)


def preview(year: DuesYear, as_of: str) -> dict:
	"""Who would be charged how much and why, who not and why not, and the totals by currency. Reads only."""
	lines = charges.assess(year, getdate(as_of))
	totals: dict[str, Decimal] = {}
	reference = Decimal(0)
	for line in lines:
		if line.is_due:
			totals[line.decision.currency] = (
				totals.get(line.decision.currency, Decimal(0)) + line.decision.amount
			)
			reference += line.decision.reference_amount
	return {
		"lines": [as_row(line) for line in sorted(lines, key=order_of_line)],
		"totals": [
			{"currency": c, "amount": float(a), "decimals": exponent_of(c)} for c, a in sorted(totals.items())
		],
		"reference": {"currency": year.reference_currency, "amount": float(reference)},
		"counts": dict(Counter("problem" if is_problem(line) else line.state for line in lines)),
	}


def is_problem(line: Line) -> bool:
	return line.state == "skipped" and line.decision.is_problem


def order_of_line(line: Line) -> tuple:
	"""What somebody must put right comes first, then those who are charged."""
	rank = {"due": 1, "charged": 2, "closed": 3, "skipped": 4}[line.state]
	return (0 if is_problem(line) else rank, line.facts.member_name.casefold(), line.name)


def as_row(line: Line) -> dict:
	decision = line.decision
	return {
		"charge": line.name if line.status else None,
		"member": line.facts.name,
		"member_name": line.facts.member_name,
		"country": line.facts.country,
		"tier": decision.tier or line.facts.tier,
		"charge_type": line.charge_type,
		"state": "problem" if is_problem(line) else line.state,
		"amount": float(decision.amount) if decision.is_charge else None,
		"currency": decision.currency if decision.is_charge else None,
		"decimals": exponent_of(decision.currency) if decision.is_charge else None,
		"covered_from": str(decision.covered.start) if decision.covered else None,
		"covered_to": str(decision.covered.end) if decision.covered else None,
		"sales_invoice": line.sales_invoice,
		"reason": line.reason(),
	}
