"""Figures of training and activities for the charts of the workspace and of leadership's page.

Counted over the documents that the asking user may read. Each label leads to the documents behind it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import add_months, get_first_day, get_last_day, getdate, now_datetime, nowdate

from imta_crm.listing import by_region, gather, list_route
from imta_crm.policy import seating
from imta_crm.seating import figures
from imta_crm.training import titles

SESSION, ENROLLMENT = "Training Session", "Training Enrollment"
ACTIVITY, DELEGATE = "Alliance Activity", "Activity Delegate"
MONTHS = 12
#: What fits beside each other.
SESSIONS = 8
ACTIVITIES = 6
LONGEST_LABEL = 28


def seats_of_coming_sessions() -> dict:
	"""Taken, free and waited for in the sessions to come, the next one first."""
	sessions = frappe.get_list(
		SESSION,
		{"status": ("in", ("Open", "Closed")), "ends_at_site": (">", now_datetime())},
		["name", "title", "title_zh", "capacity", "status"],
		order_by="starts_at_site, name",
		limit=SESSIONS,
	)
	chosen = {"session": ("in", [session.name for session in sessions])}
	rows = frappe.get_list(ENROLLMENT, chosen, ["session", "status"], order_by=None, limit=0)
	of_session = gather(rows if sessions else [], "session")
	counts = [figures.seats(of_session.get(session.name, ())) for session in sessions]
	return _chart(
		[titles.of(session) for session in sessions],
		{
			_("Taken"): [count["taken"] for count in counts],
			_("Free"): [
				figures.room([(session, count["taken"])])["free"] or 0
				for session, count in zip(sessions, counts, strict=True)
			],
			_("Waitlisted"): [count["waiting"] for count in counts],
		},
		[list_route(ENROLLMENT, {"session": session.name} | figures.SEATS["taken"]) for session in sessions],
	)


def hours_by_region() -> dict:
	"""Hours of professional development of the last twelve months in each part of the world, most first."""
	chosen = {"status": seating.COMPLETED, "ends_at_site": ("between", _last_year())}
	rows = frappe.get_list(ENROLLMENT, chosen, ["territory", "hours"], order_by=None, limit=0)
	parts = [region for region in by_region(rows) if not region.depth]
	hours = {part.name: sum(Decimal(str(row.hours or 0)) for row in part.rows) for part in parts}
	parts.sort(key=lambda part: (-hours[part.name], part.name))
	return _chart(
		[part.label for part in parts],
		{_("Hours"): [float(hours[part.name]) for part in parts]},
		[list_route(ENROLLMENT, chosen | part.filters) for part in parts],
	)


def results_by_month() -> dict:
	"""What became of the seats of sessions that ended in each of the last twelve months."""
	first, last = _last_year()
	known = {"status": ("in", (*figures.PRESENT, seating.NO_SHOW))}
	rows = frappe.get_list(
		ENROLLMENT,
		known | {"ends_at_site": ("between", (first, last))},
		["status", "ends_at_site"],
		order_by=None,
		limit=0,
	)
	of_month: dict[tuple[int, int], list] = defaultdict(list)
	for row in rows:
		day = getdate(row.ends_at_site)
		of_month[day.year, day.month].append(row)
	months = [getdate(add_months(getdate(first), number)) for number in range(MONTHS)]
	counts = [figures.attendance(of_month[month.year, month.month]) for month in months]
	return _chart(
		[_month_label(month) for month in months],
		{
			_("Completed"): [count["completed"] for count in counts],
			_("Present Only"): [count["present"] - count["completed"] for count in counts],
			_("No-show"): [count["no_show"] for count in counts],
		},
		[
			list_route(
				ENROLLMENT,
				known | {"ends_at_site": ("between", (str(month), str(get_last_day(month))))},
			)
			for month in months
		],
	)


def delegates_by_activity() -> dict:
	"""Delegates by role of the latest and the coming activities, in their order."""
	activities = frappe.get_list(
		ACTIVITY,
		{"status": ("in", ("Open", "Closed", "Held"))},
		["name", "title", "title_zh"],
		order_by="starts_at_site desc, name desc",
		limit=ACTIVITIES,
	)[::-1]
	taken = figures.SEATS["taken"]
	rows = frappe.get_list(
		DELEGATE,
		{"activity": ("in", [activity.name for activity in activities]), **taken},
		["activity", "delegate_role"],
		order_by=None,
		limit=0,
	)
	of_activity = gather(rows if activities else [], "activity")
	labels = {
		"Speaker": _("Speakers"),
		"Exhibitor": _("Exhibitors"),
		"Delegate": _("Delegates"),
		"Guest": _("Guests"),
	}
	return _chart(
		[titles.of(activity) for activity in activities],
		{
			label: [
				sum(row.delegate_role == role for row in of_activity.get(activity.name, ()))
				for activity in activities
			]
			for role, label in labels.items()
		},
		[list_route(DELEGATE, {"activity": activity.name} | taken) for activity in activities],
	)


def _chart(labels: Iterable[str], datasets: dict[str, list], routes: list[str]) -> dict:
	return {
		"labels": [_short(label) for label in labels],
		"datasets": [{"name": name, "values": values} for name, values in datasets.items()],
		"routes": routes,
	}


def _short(label: str) -> str:
	return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1].rstrip() + "…"


def _last_year() -> tuple[str, str]:
	"""First day of the oldest of the last twelve calendar months, and today."""
	return str(getdate(add_months(get_first_day(nowdate()), 1 - MONTHS))), nowdate()


def _month_label(month: date) -> str:
	"""Short, so that twelve of them fit on a phone; the year shows where it begins."""
	return str(month.year) if month.month == 1 else _(month.strftime("%b"), context="Month")
