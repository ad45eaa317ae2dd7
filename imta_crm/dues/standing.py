"""Moves members between Active, In Arrears and Suspended by what the ledger says, and back when they pay.

The rule is `policy.standing`; the amounts come from `erp.ledger`, the days from the Dues Year that the open
charge belongs to; the status is written by membership alone. Asked twice on one day, or once after a week of
missed nights, the outcome is the same: the rule counts from due dates, not from its last run.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import partial

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import getdate
from frappe.utils.background_jobs import get_job_status
from rq.job import JobStatus

from imta_crm.erp import ledger
from imta_crm.policy import messages
from imta_crm.policy.standing import OpenItem, StandingRules, Verdict, assess
from imta_crm.policy.status import LEDGER_STATUSES, Status
from imta_crm.transactions import keep_step

LEDGER_STATES = tuple(str(status) for status in LEDGER_STATUSES)


@dataclass(frozen=True)
class Assessed:
	"""A member and what the rule says of it."""

	member: str
	status: str
	status_since: date | None
	verdict: Verdict


def update_statuses(today: date | str | None = None) -> dict[str, int]:
	"""Bring the status of all members into line with the ledger. Runs every night; safe at any time.

	`today` (the site's date unless given) is the day of the judgement. Each member is judged and written by
	itself: one that fails goes to the Error Log and stops nobody else. Returns counts: changed and failed.
	"""
	on = getdate(today)
	counts = {"changed": 0, "failed": 0}
	for found in assess_members(on, as_of=getdate(today) if today else None):
		if not found.verdict.changed:
			continue
		try:
			frappe.db.savepoint("imta_standing")
			_write(found, on)
			counts["changed"] += 1
		except Exception as error:
			if isinstance(error, frappe.QueryDeadlockError):
				frappe.db.rollback()  # MariaDB has undone the transaction already, save points and all
			else:
				frappe.db.rollback(save_point="imta_standing")
			counts["failed"] += 1
			frappe.log_error(
				title="Membership status by the ledger",
				reference_doctype="IMTA Member",
				reference_name=found.member,
			)
		keep_step()
	return counts


def update_member(member: str, today: date | str | None = None) -> bool:
	"""Bring one member's status into line with the ledger; True if it changed."""
	on = getdate(today)
	# The writer of a change and this look at the ledger take turns.
	frappe.db.get_value("IMTA Member", member, "name", for_update=True)
	found = assess_members(on, members=[member], as_of=getdate(today) if today else None)
	if not found or not found[0].verdict.changed:
		return False
	_write(found[0], on)
	return True


def assess_members(
	on: date, members: Iterable[str] | None = None, as_of: date | None = None
) -> list[Assessed]:
	"""The rule's verdict on each member whose status depends on dues. Seven queries, however many members."""
	filters: dict = {"status": ("in", LEDGER_STATES)}
	if members is not None:
		filters["name"] = ("in", list(members))
	rows = frappe.get_all("IMTA Member", filters, ["name", "status", "status_since", "customer"])
	customers = [row.customer for row in rows if row.customer]
	standings = ledger.standing_of(customers if members is not None else None, as_of)
	items = {
		row.name: [item for item in standings[row.customer].dues_items if item.due > 0]
		for row in rows
		if row.customer in standings
	}
	rules = rules_by_charge({item.charge for found in items.values() for item in found})
	by_arrears = _suspended_by_arrears([row.name for row in rows if row.status == Status.SUSPENDED])
	return [
		Assessed(
			row.name,
			row.status,
			row.status_since,
			assess(
				[
					OpenItem(item.due_date, item.due, item.currency, item.charge)
					for item in items.get(row.name, ())
				],
				rules,
				on,
				row.status,
				suspended_by_decision=row.name not in by_arrears,
			),
		)
		for row in rows
	]


def rules_by_charge(charges: Iterable[str]) -> dict[str, StandingRules]:
	"""The days of grace, arrears and suspension of each charge's Dues Year; key "" for charges unknown."""
	years = {
		year.name: StandingRules(year.grace_days, year.arrears_after_days, year.suspend_after_days)
		for year in frappe.get_all(
			"Dues Year", fields=["name", "grace_days", "arrears_after_days", "suspend_after_days"]
		)
	}
	rules = {"": StandingRules()}
	names = sorted(charges)
	if names:
		for charge, year in frappe.get_all(
			"Dues Charge", {"name": ("in", names)}, ["name", "dues_year"], as_list=True
		):
			rules[charge] = years.get(year, rules[""])
	return rules


def _suspended_by_arrears(members: list[str]) -> set[str]:
	"""Those whose suspension no decision stands behind: payment lifts it."""
	if not members:
		return set()
	rows = frappe.get_all(
		"Member Status History",
		{"parent": ("in", members), "parenttype": "IMTA Member"},
		["parent", "status", "membership_change"],
		order_by="parent, idx",
	)
	latest = {row.parent: row for row in rows}
	return {
		member
		for member, row in latest.items()
		if row.status == Status.SUSPENDED and not row.membership_change
	}


def _write(found: Assessed, on: date) -> None:
	from imta_crm.membership import members

	# The day counts from the rule, not from the night on which it was looked at; never before the last change.
	since = found.verdict.since or on
	if found.status_since:
		since = max(since, getdate(found.status_since))
	members.set_status(
		found.member,
		str(found.verdict.status),
		on=since,
		reason=_(messages.template(found.verdict.reason)),
	)


def after_ledger_change(doc: Document, method: str | None = None) -> None:
	"""Once the payment, credit note, journal entry or cancellation is committed, look at the member again.

	Never raises and never waits: the entry in the books matters more, and the nightly run repairs what is
	lost here. A new invoice is left to the nightly run, so that a dues run queues nothing.
	"""
	if doc.doctype == "Sales Invoice" and doc.docstatus == 1 and not doc.is_return:
		return
	customers = customers_of(doc)
	if customers:
		frappe.db.after_commit.add(partial(queue_updates, customers))


def customers_of(doc: Document) -> set[str]:
	"""The customers whose ledger a Sales Invoice, Payment Entry or Journal Entry touches."""
	if doc.doctype == "Sales Invoice":
		return {doc.customer}
	if doc.doctype == "Payment Entry":
		return {doc.party} if doc.party_type == "Customer" and doc.party else set()
	return {row.party for row in doc.get("accounts", ()) if row.party_type == "Customer" and row.party}


def queue_updates(customers: Iterable[str]) -> None:
	"""One background job for each member among these customers. Never raises."""
	try:
		members = frappe.get_all(
			"Customer",
			{"name": ("in", sorted(customers)), "imta_member": ("is", "set")},
			pluck="imta_member",
		)
		for member in members:
			# A job that is running may have read the ledger before this change: queue one more behind it.
			job_id = f"imta-standing-{member}"
			if get_job_status(job_id) == JobStatus.STARTED:
				job_id += "-again"
			frappe.enqueue(
				"imta_crm.dues.standing.update_member",
				queue="short",
				job_id=job_id,
				deduplicate=True,
				member=member,
			)
	except Exception:
		frappe.logger("imta_crm").exception("membership status after a change in the ledger")
