"""Dues of the running year for whoever is admitted in its course.

The charge is written in the transaction of the admission, so what has to be invoiced is on record whatever
happens to the background job that invoices it. The nightly job takes up what a job has lost or could not do;
a dues run finds the charge pending and invoices it, too. The charge's name keeps it the only one.

The application remembers how far it is in `dues_state`. How much, and whether at all, is decided by the rules
that the dues run follows (`imta_crm.policy.dues.decide`). Days are days of the site's time zone.
"""

from __future__ import annotations

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import getdate

from imta_crm.dues import charges, years
from imta_crm.dues.charges import ANNUAL, CHARGE, UNBILLED, Line
from imta_crm.dues.doctype.dues_year.dues_year import DuesYear
from imta_crm.erp import invoices
from imta_crm.membership import applications
from imta_crm.transactions import keep_step, persistently

TO_BILL, BILLED, PROBLEM = "To Bill", "Billed", "Problem"
LEFT_TO_RUN, NOTHING_DUE = "Left to the Dues Run", "Nothing Due"
# What the nightly job looks at again.
OPEN_STATES = (TO_BILL, PROBLEM)
# Skipped today, charged by a later run.
FOR_A_RUN = ("not_yet_due", "suspended")


def on_application(application: Document, method: str | None = None) -> None:
	"""Document event of Membership Application: plan the dues of whoever has just been admitted."""
	if application.member and application.is_entering("Approved"):
		plan(application)


def plan(application: Document) -> None:
	"""Write the charges that the admission brings, and have them invoiced once it is committed.

	What goes wrong here is noted on the application and tried again by the nightly job: the Council's
	decision stands all the same.
	"""
	frappe.db.savepoint("imta_admission_dues")
	try:
		state, note = outcome(planned(application.member))
	except (frappe.QueryDeadlockError, frappe.QueryTimeoutError):
		raise  # the transaction is gone, and the admission with it
	except Exception as error:
		frappe.db.rollback(save_point="imta_admission_dues")
		state, note = PROBLEM, failure(application.name, error)
	applications.note_dues(application.name, state, note)
	application.dues_state, application.dues_note = state, note
	if state in OPEN_STATES:
		enqueue(application.name)


def enqueue(application: str) -> None:
	frappe.enqueue(
		"imta_crm.dues.admission.work",
		queue="default",
		job_id=f"dues-on-admission::{application}",
		deduplicate=True,
		enqueue_after_commit=True,
		application=application,
	)


def work(application: str) -> None:
	"""Background job: invoice what an admission brought. Repeating it changes nothing."""
	persistently(lambda: settle(application))


def settle(application: str) -> str:
	"""Invoice the charges of an admission as the rules see them now; returns the application's dues state.

	Locks the application. What cannot be invoiced is recorded on its charge and on the application.
	"""
	row = applications.dues_of(application)
	if not row or row.dues_state not in OPEN_STATES or not row.member:
		return row.dues_state if row else ""
	frappe.db.savepoint("imta_admission_dues")
	try:
		lines = planned(row.member)
		for line in lines:
			if line.is_due:
				charges.invoice_one(line.name)
		state, note = outcome(lines)
		if state == TO_BILL:
			state, note = billed(lines)
	except (frappe.QueryDeadlockError, frappe.QueryTimeoutError):
		raise
	except Exception as error:
		frappe.db.rollback(save_point="imta_admission_dues")
		state, note = PROBLEM, failure(application, error)
	applications.note_dues(application, state, note)
	return state


@frappe.whitelist(methods=["POST"])
def bill_again(application: str) -> str:
	"""Try again now what the nightly job would; returns the dues state. For who may write the application."""
	frappe.get_doc(applications.APPLICATION, application).check_permission("write")
	return settle(application)


def catch_up() -> dict[str, int]:
	"""Nightly: bill the admissions whose job was lost, failed or had nothing to go by. Returns both counts."""
	counts = {"billed": 0, "failed": 0}
	for name in applications.with_dues(OPEN_STATES):
		try:
			state = settle(name)
		except (frappe.QueryDeadlockError, frappe.QueryTimeoutError):
			frappe.db.rollback()
			state = PROBLEM  # somebody else is at it; the next night looks again
		if state == BILLED:
			counts["billed"] += 1
		elif state in OPEN_STATES:
			counts["failed"] += 1
		keep_step()
	return counts


def planned(member: str) -> list[Line]:
	"""What each running year asks of the member, with the charges that are due written as pending."""
	lines = []
	for year in running_years(member):
		invoices.ensure_item_defaults(year.item, year.company, year.income_account)
		lines += charges.plan(year, getdate(), only=[member])
	return lines


def running_years(member: str) -> list[DuesYear]:
	"""Open years that bill on admission: those whose period holds today, and any that has a charge waiting.

	An admission of the last day of December that is invoiced on the first of January still owes for December.
	"""
	found = {year.name: year for year in years.open_years(getdate())}
	waiting = frappe.get_all(
		CHARGE,
		{"member": member, "status": ("in", UNBILLED)},
		pluck="dues_year",
		distinct=True,
		order_by=None,
	)
	for name in waiting:
		found.setdefault(name, years.get_year(name))
	return [year for year in found.values() if year.status == years.OPEN and year.bill_on_admission]


def outcome(lines: list[Line]) -> tuple[str, str | None]:
	"""State and note of an application by what the rules say of its member, the weightiest first."""
	if not lines:
		return LEFT_TO_RUN, _("No open dues year bills on admission.")
	states = [(state_of(line), line.reason()) for line in lines if line.charge_type == ANNUAL]
	rank = (PROBLEM, TO_BILL, LEFT_TO_RUN, BILLED, NOTHING_DUE)
	return min(states, key=lambda each: rank.index(each[0]))


def state_of(line: Line) -> str:
	if line.is_due:
		return TO_BILL
	if line.state == "charged":
		return BILLED
	if line.state == "skipped" and line.decision.is_problem:
		return PROBLEM
	return LEFT_TO_RUN if line.decision.reason in FOR_A_RUN else NOTHING_DUE


def billed(lines: list[Line]) -> tuple[str, str | None]:
	"""State and note after the charges of these lines were to be invoiced, by what is on record of them."""
	rows = frappe.get_all(
		CHARGE,
		{"name": ("in", [line.name for line in lines if line.is_due])},
		["name", "status", "error", "explanation", "sales_invoice"],
		order_by="name",
	)
	problems = [f"{row.name}: {row.error or _(row.status)}" for row in rows if row.status in UNBILLED]
	if problems:
		return PROBLEM, "\n".join(problems)
	return BILLED, "\n".join(f"{row.sales_invoice}: {row.explanation}" for row in rows if row.sales_invoice)


def failure(application: str, error: Exception) -> str:
	"""The error as the treasurer can read it, and in the Error Log where it is a programmer's to read."""
	text = charges.describe(error)
	if not isinstance(error, frappe.ValidationError):
		frappe.log_error(
			_("Dues on admission: {0}").format(application),
			reference_doctype=applications.APPLICATION,
			reference_name=application,
		)
	frappe.clear_last_message()
	return text
