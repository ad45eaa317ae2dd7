"""Seats and fees of sessions: how many there are, taken, free and waited for, what was invoiced and paid.

By session, program or year in which it begins. Taken seats include those that are offered to somebody from the
waiting list. Each number leads to the enrolments that it counted; what was paid is read from the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import frappe
from frappe import _
from frappe.utils import now_datetime

from imta_crm.listing import (
	Filters,
	Group,
	by_year,
	form_route,
	gather,
	in_year,
	list_route,
)
from imta_crm.policy.names import safe_cell
from imta_crm.seating import figures
from imta_crm.training import titles

SESSION, ENROLLMENT = "Training Session", "Training Enrollment"
#: Filters that stay when a row leads to its sessions.
KEPT = ("year", "program", "coming")
REPORT = "Training Seats"
GROUPS = ("Session", "Program", "Year")
MOST_BARS = 12
FIELDS = [
	"name",
	"session",
	"session as event",
	"program",
	"status",
	"fee_due",
	"currency",
	"sales_invoice",
]


def execute(filters: dict | None = None) -> tuple:
	"""Columns, rows, no message, chart and summary. Filters: `group_by`, `year`, `program`, `coming`."""
	filters = frappe._dict(filters or {})
	if filters.group_by not in GROUPS:
		filters.group_by = "Session"
	of_all: Filters = figures.chosen(filters, ("program",))
	if filters.year:
		of_all["starts_at_site"] = in_year(int(filters.year))
	if filters.coming:
		of_all["ends_at_site"] = (">", now_datetime().strftime("%Y-%m-%d %H:%M:%S"))
	sessions = frappe.get_list(
		SESSION,
		of_all | {"status": ("!=", "Draft")},
		["name", "title", "title_zh", "program", "status", "starts_at_site", "starts_at", "capacity"],
		order_by="starts_at_site desc, name desc",
		limit=0,
	)
	enrollments = frappe.get_list(ENROLLMENT, of_all, FIELDS, order_by=None, limit=0)
	by_session = gather(enrollments, "session")
	fees = figures.fees(enrollments)
	groups: dict[str, Callable[..., Iterator[Group]]] = {
		"Session": each_session,
		"Program": titles.by_program,
		"Year": lambda rows, chosen: by_year(rows, "starts_at_site", chosen),
	}
	rows = [
		row_of(group, by_session, fees) | titles.deeper(REPORT, filters, group, KEPT)
		for group in groups[filters.group_by](sessions, of_all)
	]
	total = row_of(Group(_("Total"), of_all, sessions, {"bold": 1}), by_session, fees)
	return (
		columns(filters.group_by, {currency for sums in fees.values() for currency in sums}),
		[*rows, total] if rows else [],
		None,
		chart(rows),
		summary(total) if rows else None,
	)


def row_of(group: Group, enrollments: dict[str, list], fees: dict) -> dict:
	"""One row of sessions: the figures and, beside them, where each of them leads."""
	found = figures.seats(row for session in group.rows for row in enrollments.get(session.name, ()))
	room = figures.room(
		(session, figures.seats(enrollments.get(session.name, ()))["taken"]) for session in group.rows
	)
	money = figures.add_money(fees.get(session.name, {}) for session in group.rows)
	routes = figures.links(ENROLLMENT, group.filters, figures.SEATS)
	return {
		"label": group.label,
		"sessions": len(group.rows),
		**room,
		**found,
		**figures.money_cells(money),
		"routes": routes | {"sessions": list_route(SESSION, session_filters(group.filters))},
		**group.more,
	}


def session_filters(filters: Filters) -> Filters:
	"""The filters of enrolments as those of their sessions."""
	found = dict(filters)
	if "session" in found:
		found["name"] = found.pop("session")
	return found | {"status": ("!=", "Draft")}


# Groups


def each_session(sessions: list, of_all: Filters) -> Iterator[Group]:
	"""The latest session first."""
	for session in sessions:
		more = {
			"starts_at": session.starts_at,
			"status": _(session.status, context=SESSION),
			"route": form_route(SESSION, session.name),
		}
		yield Group(safe_cell(titles.of(session)), of_all | {"session": session.name}, [session], more)


# What is shown


def columns(group_by: str, currencies: set[str]) -> list[dict]:
	labels = {"Session": _("Session"), "Program": _("Program"), "Year": _("Year")}
	found = [figures.text("label", labels[group_by], 280)]
	if group_by == "Session":
		found += [
			{"fieldname": "starts_at", "label": _("Begins"), "fieldtype": "Datetime", "width": 160},
			figures.text("status", _("Status"), 100),
		]
	else:
		found.append(figures.number("sessions", _("Sessions")))
	return [
		*found,
		figures.number("capacity", _("Seats")),
		figures.number("taken", _("Taken")),
		figures.number("offered", _("Of These Offered"), 145),
		figures.number("free", _("Free")),
		figures.share("occupancy", _("Occupancy")),
		figures.number("waiting", _("Waitlisted")),
		figures.number("requested", _("To Approve"), 115),
		figures.number("cancelled", _("Cancelled"), 115),
		*figures.money_columns(currencies),
	]


def chart(rows: list[dict]) -> dict | None:
	"""Taken, free and waited for of each group; each bar leads where its number does."""
	bars = [row for row in rows if row["taken"] or row["capacity"]][:MOST_BARS]
	if not bars:
		return None
	return {
		"type": "bar",
		"data": {
			"labels": [row["label"] for row in bars],
			"datasets": [
				{"name": _("Taken"), "values": [row["taken"] for row in bars]},
				{"name": _("Free"), "values": [row["free"] or 0 for row in bars]},
				{"name": _("Waitlisted"), "values": [row["waiting"] for row in bars]},
			],
		},
		"barOptions": {"stacked": 1},
		"colors": ["#12564a", "#9db4c0", "#c79a3a"],
		"routes": [row["routes"]["taken"] for row in bars],
	}


def summary(total: dict) -> list[dict]:
	shown = [
		{"label": _("Taken"), "value": total["taken"], "datatype": "Int", "indicator": "Green"},
		{"label": _("Free"), "value": total["free"] or 0, "datatype": "Int"},
		{"label": _("Waitlisted"), "value": total["waiting"], "datatype": "Int", "indicator": "Orange"},
	]
	for field, value in total.items():
		if field.startswith("currency_"):
			code = field.removeprefix("currency_")
			shown.append(
				{
					"label": _("Paid ({0})").format(value),
					"value": total[f"paid_{code}"],
					"datatype": "Currency",
					"currency": value,
				}
			)
	return shown
