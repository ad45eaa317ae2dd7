"""A campaign's way: what follows from each state, what happens by itself, and how it ends.

Days are days of the site's time zone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import frappe
from frappe import _
from frappe.query_builder.functions import Count
from frappe.utils import escape_html, getdate, now_datetime, strip_html

from imta_crm.invitations import approval, campaigns, funnel, record, sending, tasks
from imta_crm.invitations.campaigns import (
	APPROVED,
	CAMPAIGN,
	CANCELLED,
	COMPLETED,
	OVER,
	PAUSED,
	RUNNING,
	lock,
)
from imta_crm.listing import list_route
from imta_crm.policy.invitation import HELD, INVITED, LATER, NO_REPLY, PLANNED, WITHDRAWN
from imta_crm.transactions import keep_step, persistently

CHUNK = 200
#: Wait for a campaign; who was invited and has replied goes on without it.
WAITING = (HELD, PLANNED, LATER, INVITED)


def after_change(name: str, state: str) -> None:
	"""What follows when a campaign has entered a state, by whatever way."""
	values: dict[str, object] = {}
	if state == RUNNING:
		values = {
			"started_at": frappe.db.get_value(CAMPAIGN, name, "started_at") or now_datetime(),
			"finished_at": None,
			"last_problem": None,
		}
		sending.plan(campaign=name)
	elif state == PAUSED:
		sending.hold(_("The campaign is paused."), campaign=name)
	elif state in OVER:
		values = {"finished_at": now_datetime(), "last_problem": None}
		sending.hold(_reason(state), campaign=name)
		enqueue_wind_up(name)
	if values:
		frappe.db.set_value(CAMPAIGN, name, values, update_modified=False)


# What happens by itself


def advance(today: date | str | None = None) -> dict[str, list[str]]:
	"""Scheduled: start approved campaigns whose first day has come, complete those that have nothing left.

	By date reached, not by date met: a day on which no job ran changes nothing. A campaign that cannot start
	says why, and keeps nobody else from starting. Days are days of the site.
	"""
	day = getdate(today)
	done: dict[str, list[str]] = {"started": [], "completed": [], "problem": []}
	started = {"workflow_state": APPROVED, "starts_by_itself": 1, "from_date": ("<=", day)}
	for name in frappe.get_all(CAMPAIGN, started, pluck="name", order_by="name"):
		done[_by_itself(name, start_by_itself)].append(name)
	ended = {"workflow_state": RUNNING, "to_date": ("<", day)}
	for name in frappe.get_all(CAMPAIGN, ended, pluck="name", order_by="name"):
		if not is_on_its_way(name):
			done[_by_itself(name, complete_by_itself)].append(name)
	for name in _not_wound_up():
		enqueue_wind_up(name)  # the job of the day was lost
	return done


def _not_wound_up() -> list[str]:
	"""Campaigns that are over while somebody still waits for them."""
	waiting = frappe.get_all(
		"Invitation",
		filters=[["status", "in", WAITING]],
		or_filters=[["status", "!=", INVITED], ["replied_at", "is", "not set"]],
		pluck="campaign",
		distinct=True,
		order_by=None,
	)
	over = {"name": ("in", waiting or [""]), "workflow_state": ("in", OVER)}
	return frappe.get_all(CAMPAIGN, over, pluck="name", order_by="name")


def start_by_itself(name: str) -> str:
	"""Start an approved campaign, unless it has lost what it needs meanwhile."""
	if lock(name).workflow_state != APPROVED:
		return "problem"
	if problems := approval.problems(frappe.get_doc(CAMPAIGN, name)):
		report_problem(name, "\n".join(problems))
		return "problem"
	campaigns.set_state(name, RUNNING, reason=_("Its first day has come."))
	return "started"


def complete_by_itself(name: str) -> str:
	if lock(name).workflow_state != RUNNING:
		return "problem"
	campaigns.set_state(name, COMPLETED, reason=_("The period is over and nothing is left to send."))
	return "completed"


def _by_itself(name: str, step: Callable[[str], str]) -> str:
	"""One campaign's step as a transaction of its own; what fails is noted on that campaign."""
	frappe.db.savepoint("imta_campaign")
	try:
		outcome = step(name)
	except (frappe.QueryDeadlockError, frappe.QueryTimeoutError):
		raise  # the transaction is gone; the next run of the job tries again
	except Exception as error:
		frappe.db.rollback(save_point="imta_campaign")
		frappe.clear_messages()
		frappe.log_error(
			_("Campaign {0} could not go on").format(name), reference_doctype=CAMPAIGN, reference_name=name
		)
		report_problem(name, strip_html(str(error)) or type(error).__name__)
		outcome = "problem"
	keep_step()
	return outcome


def report_problem(name: str, text: str) -> None:
	"""Show on the campaign what stands in its way, and tell its owner once."""
	campaign = frappe.db.get_value(
		CAMPAIGN, name, ["last_problem", "campaign_owner", "campaign_name"], as_dict=True
	)
	if campaign.last_problem == text:
		return
	frappe.db.set_value(CAMPAIGN, name, "last_problem", text, update_modified=False)
	if frappe.db.get_value("User", campaign.campaign_owner, "enabled"):
		bell = frappe.new_doc("Notification Log")
		bell.update(
			{
				"type": "Alert",
				"for_user": campaign.campaign_owner,
				"document_type": CAMPAIGN,
				"document_name": name,
				"subject": _("Campaign {0} needs you").format(escape_html(campaign.campaign_name)),
				"email_content": escape_html(text),
			}
		)
		bell.insert(ignore_permissions=True)  # the system tells the owner


def is_on_its_way(name: str) -> bool:
	"""Whether mails are still to leave. After the last day of a campaign nothing new begins."""
	return bool(frappe.db.exists("Invitation Touch", {"campaign": name, "status": sending.QUEUED}))


# The end


def enqueue_wind_up(name: str) -> None:
	"""Close in the background what a campaign that is over leaves behind."""
	frappe.enqueue(
		"imta_crm.invitations.lifecycle.wind_up",
		queue="long",
		job_id=f"imta-wind-up::{name}",
		deduplicate=True,
		enqueue_after_commit=True,
		campaign=name,
	)


def left_over(name: str, limit: int = 0) -> list[str]:
	"""Invitations that wait for a campaign which is over.

	Whoever has replied is not among them, save who asked to hear later: an interested person goes on to an
	application, and a mail is for the officer to read.
	"""
	return frappe.get_all(
		"Invitation",
		filters=[["campaign", "=", name], ["status", "in", WAITING]],
		or_filters=[["status", "!=", INVITED], ["replied_at", "is", "not set"]],
		pluck="name",
		order_by="name",
		limit=limit,
	)


def wind_up(campaign: str) -> int:
	"""Job: close the invitations that wait for a campaign that is over. May be repeated at any time.

	After a completed one, who was written to gets No Reply and may still answer; who was not is Withdrawn. Who
	asked to hear later is a task for the officer on that day, and free for the next campaign. After a
	cancelled one all are Withdrawn. Returns how many were closed.
	"""
	closed = 0
	while names := left_over(campaign, CHUNK):
		done = persistently(lambda chunk=names: _close_chunk(campaign, chunk))
		if not done:
			break  # others have closed them meanwhile, or the campaign is not over
		closed += done
	return closed


def _close_chunk(campaign: str, names: list[str]) -> int:
	row = lock(campaign)
	if row.workflow_state not in OVER:
		return 0
	table = frappe.qb.DocType("Invitation")
	waiting = (
		frappe.qb.from_(table)
		.select(table.name, table.status, table.later_on, table.officer, table.prospect_name)
		.where(table.name.isin(names) & table.status.isin(WAITING))
		.where((table.status != INVITED) | table.replied_at.isnull())
		.orderby(table.name)
		.for_update()
		.run(as_dict=True)
	)
	reason = _reason(row.workflow_state)
	for name in _with_open_touch([each.name for each in waiting]):
		sending.stop(name, reason)
	answerable = (INVITED, LATER) if row.workflow_state == COMPLETED else ()
	over = {"next_step": None, "next_at": None, "close_reason": reason}
	record.write_each(
		{
			each.name: {"status": NO_REPLY if each.status in answerable else WITHDRAWN, **over}
			for each in waiting
		}
	)
	for each in waiting:
		if each.status == LATER and each.later_on and row.workflow_state == COMPLETED:
			_remind_of(each, row)
	keep_step()
	return len(waiting)


def _reason(state: str) -> str:
	return _("The campaign was cancelled.") if state == CANCELLED else _("The campaign is over.")


def _with_open_touch(names: list[str]) -> list[str]:
	pending = {"invitation": ("in", names), "status": ("in", (sending.QUEUED, sending.TO_DO))}
	return frappe.get_all("Invitation Touch", pending, pluck="invitation", distinct=True)


def _remind_of(invitation: frappe._dict, campaign: frappe._dict) -> None:
	"""A task for who asked to hear later than the campaign lasts: nobody is forgotten."""
	officer = tasks.officer_of(invitation, campaigns.rules_of(campaign.name))
	if officer:
		text = _("{0} asked to hear from us again; the campaign is over by then.")
		name = escape_html(invitation.prospect_name)
		tasks.give(officer, invitation.name, text.format(name), getdate(invitation.later_on))


# Progress


def progress(name: str) -> dict:
	"""How the campaign stands: numbers of invitations by stage and of touches by status, with their lists."""
	if not name or not frappe.db.exists(CAMPAIGN, name):
		return {}
	rows = frappe.get_all(
		"Invitation", {"campaign": name, "status": ("!=", "Merged")}, funnel.FIELDS, order_by=None, limit=0
	)
	table = frappe.qb.DocType("Invitation Touch")
	touches = dict(
		frappe.qb.from_(table)
		.select(table.status, Count("*"))
		.where(table.campaign == name)
		.groupby(table.status)
		.run()
	)
	scope = {"campaign": name}
	return {
		"stages": funnel.counts(rows),
		"routes": funnel.links(funnel.NOT_MERGED | scope),
		"touches": touches,
		"touch_routes": {
			status: list_route("Invitation Touch", scope | {"status": status}) for status in touches
		},
	}
