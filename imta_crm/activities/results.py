"""Who takes part and who took part: the figures on an activity's form, and no-shows after it."""

from __future__ import annotations

from datetime import datetime

import frappe
from frappe import _
from frappe.query_builder import Case
from frappe.query_builder.functions import Count, Sum
from frappe.utils import cint

from imta_crm.activities import campaign, permissions
from imta_crm.activities.rules import ACTIVITY, DELEGATE
from imta_crm.policy.seating import ATTENDED, CONFIRMED, HOLDS_SEAT, NO_SHOW
from imta_crm.seating import check_in, kinds, seats, windows
from imta_crm.transactions import keep_step

GROUPS = ("delegate_role", "tier", "country", "participant_type")


@frappe.whitelist()
def overview(activity: str) -> dict:
	"""What the form of an activity shows beside its seats: answers to its invitations, and who took part.

	Figures, which everybody who reads the activity may see; no names. `organises` is whether the user runs it.
	"""
	doc = frappe.get_doc(ACTIVITY, activity)
	doc.check_permission("read")
	return {
		"answers": campaign.numbers(activity),
		"groups": groups(activity),
		"status": windows.public_status(doc),
		"organises": frappe.has_permission(ACTIVITY, "write", doc=doc),
	}


def groups(activity: str) -> dict[str, list[dict]]:
	"""By role, tier, country and kind of participant: how many have a seat, came, did not come."""
	return {field: _group(activity, field) for field in GROUPS}


def _group(activity: str, field: str) -> list[dict]:
	delegate = frappe.qb.DocType(DELEGATE)

	def number(status: str):
		return Sum(Case().when(delegate.status == status, 1).else_(0))

	rows = (
		frappe.qb.from_(delegate)
		.select(
			delegate[field].as_("value"),
			Count("*").as_("seats"),
			number(ATTENDED).as_("attended"),
			number(NO_SHOW).as_("no_shows"),
		)
		.where((delegate.activity == activity) & delegate.status.isin(list(HOLDS_SEAT)))
		.groupby(delegate[field])
	).run(as_dict=True)
	for row in rows:
		row.value = row.value or ""
		row.attended, row.no_shows = cint(row.attended), cint(row.no_shows)
	return sorted(rows, key=lambda row: (-row.seats, row.value))


def settle_due(now: datetime | None = None) -> int:
	"""Hourly: who had a seat at an activity that is over, and was not there, is a no-show; how many.

	A day after the end, and only where somebody was checked in: without that nobody knows who came. What fails
	for one is tried again; repeating it changes nothing.

	:param now: by the site's clock
	"""
	done = 0
	for name in check_in.no_shows(kinds.ACTIVITY, now):
		try:
			seats.mark(DELEGATE, name, NO_SHOW, via=None)
		except Exception:
			frappe.db.rollback()
			frappe.log_error(
				title="A no-show could not be noted", reference_doctype=DELEGATE, reference_name=name
			)
		else:
			done += 1
		keep_step()
	return done


@frappe.whitelist(methods=["POST"])
def nobody_else_came(activity: str) -> int:
	"""Note at once that whoever was not checked in did not come; how many. For who runs the activity."""
	doc = permissions.check_organises(activity)
	if not windows.has_ended(doc):
		frappe.throw(_("{0} has not ended yet.").format(doc.title))
	names = frappe.get_all(DELEGATE, {"activity": activity, "status": CONFIRMED}, pluck="name")
	for name in names:
		seats.mark(DELEGATE, name, NO_SHOW, via=None, by=frappe.session.user)
	return len(names)
