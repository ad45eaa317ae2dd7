"""What became of the seats: who completed, who stayed away, and how content they were.

By session, program, region or year, of the sessions that are over and of the enrolments that the user may
read. Each number leads to the documents that it counted. Answers to the feedback are shown to those who may
read them, and marks of a few not to those who could tell whose they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import frappe
from frappe import _

from imta_crm.listing import Filters, Group, by_place, by_year, form_route, list_route
from imta_crm.policy import seating
from imta_crm.policy.funnel import rate
from imta_crm.policy.names import safe_cell
from imta_crm.seating import figures
from imta_crm.training import feedback, permissions, titles

ENROLLMENT, FEEDBACK = "Training Enrollment", "Session Feedback"
#: Filters that stay when a row leads to its sessions.
KEPT = ("year", "region", "program")
REPORT = "Training Results"
GROUPS = ("Session", "Program", "Region", "Year")
MOST_BARS = 12
FIELDS = ["name", "session", "program", "member", "territory", "status", "ends_at_site"]


def execute(filters: dict | None = None) -> tuple:
	"""Columns, rows, no message, chart and summary. Filters: `group_by`, `year`, `region`, `program`, `session`."""
	filters = frappe._dict(filters or {})
	if filters.group_by not in GROUPS:
		filters.group_by = "Session"
	of_all = figures.ended(int(filters.year or 0)) | figures.chosen(filters, ("program", "session"))
	of_seats = of_all | figures.ATTENDANCE["seats"]
	# get_list, not get_all: officers count their own portfolio.
	rows_of_all = frappe.get_list(ENROLLMENT, of_seats, FIELDS, order_by="ends_at_site desc, name", limit=0)
	answers = feedback_of(rows_of_all)
	groups: dict[str, Callable[..., Iterator[Group]]] = {
		"Session": by_session,
		"Program": titles.by_program,
		"Region": lambda *given: by_place(*given, below=filters.region),
		"Year": lambda rows, chosen: by_year(
			rows, "ends_at_site", chosen, until=figures.until_of(chosen["ends_at_site"])
		),
	}
	rows = [
		row_of(group, answers) | titles.deeper(REPORT, filters, group, KEPT)
		for group in groups[filters.group_by](rows_of_all, of_all)
	]
	total = row_of(
		Group(_("Total"), of_all, rows_of_all, {"bold": 1, "indent": 0, "key": "", "parent": ""}), answers
	)
	return (
		columns(filters.group_by, with_feedback=answers is not None),
		[*rows, total] if rows else [],
		None,
		chart(rows),
		summary(total) if rows else None,
	)


def feedback_of(enrollments: list) -> dict[str, frappe._dict] | None:
	"""Answers by enrolment, in one query; None where they are not for the user to read."""
	if not frappe.has_permission(FEEDBACK, "read"):
		return None
	sessions = sorted({row.session for row in enrollments})
	if not sessions:
		return {}
	rows = frappe.get_list(
		FEEDBACK,
		{"session": ("in", sessions)},
		["enrollment", *feedback.MARKS, "recommend"],
		order_by=None,
		limit=0,
	)
	# As the session's own form: who stayed away has nothing to say about it.
	absent = {row.name for row in enrollments if row.status == seating.NO_SHOW}
	return {row.enrollment: row for row in rows if row.enrollment not in absent}


def row_of(group: Group, answers: Mapping[str, Mapping] | None) -> dict:
	"""One row: the figures and, beside them, where each of them leads."""
	found = figures.attendance(group.rows)
	routes = figures.links(ENROLLMENT, group.filters, figures.ATTENDANCE)
	cells: dict = {}
	if answers is not None:
		given = [answers[row.name] for row in group.rows if row.name in answers]
		shown = given if len(given) >= feedback.FEWEST or permissions.organises() else []
		cells = {
			"answers": len(given),
			"answer_rate": float(rate(len(given), found["present"])) if found["present"] else None,
			**{f"mark_{mark}": mean(row[mark] for row in shown) for mark in feedback.MARKS},
			"mark_nps": feedback.net_promoter_score([row.recommend for row in shown]),
		}
		if group.more.get("feedback"):
			routes["answers"] = routes["mark_overall"] = list_route(FEEDBACK, group.more["feedback"])
	return {"label": group.label, **found, **cells, "routes": routes, **group.more}


def mean(marks: Iterable[int | None]) -> float | None:
	"""The mean of the marks that were given, with two decimals, as the session's own form shows it."""
	given = [mark for mark in marks if mark]
	return round(sum(given) / len(given), 2) if given else None


# Groups


def by_session(enrollments: list, of_all: Filters) -> Iterator[Group]:
	"""The latest session first."""
	names = titles.of_sessions(enrollments)
	groups: dict[str, list] = {}
	for row in enrollments:
		groups.setdefault(row.session, []).append(row)
	for session, rows in groups.items():
		more = {
			"key": session,
			"held_on": rows[0].ends_at_site,
			"route": form_route("Training Session", session),
		}
		if "territory" not in of_all:
			more["feedback"] = {"session": session}
		yield Group(safe_cell(names.get(session) or session), of_all | {"session": session}, rows, more)


# What is shown


def columns(group_by: str, *, with_feedback: bool) -> list[dict]:
	labels = {
		"Session": _("Session"),
		"Program": _("Program"),
		"Region": _("Region"),
		"Year": _("Year"),
	}
	found = [figures.text("label", labels[group_by], 280)]
	if group_by == "Session":
		found.append(
			{
				"fieldname": "held_on",
				"label": _("Held On"),
				"fieldtype": "Date",
				"width": 110,
				"align": "left",
			}
		)
	found += [
		figures.number("seats", _("Seats")),
		figures.number("present", _("Present")),
		figures.number("completed", _("Completed"), 115),
		figures.share("completion_rate", _("Completion")),
		figures.number("no_show", _("No-show")),
		figures.share("no_show_rate", _("No-show Rate")),
		figures.number("open", _("Not Recorded"), 125),
	]
	if with_feedback:
		found += [
			figures.number("answers", _("Feedback"), 110),
			figures.share("answer_rate", _("Answered")),
			figures.decimal("mark_overall", _("Overall (1 to 5)"), 2),
			figures.decimal("mark_content", _("Content"), 2),
			figures.decimal("mark_trainer", _("Trainer"), 2),
			figures.decimal("mark_organisation", _("Organisation of the Session"), 2),
			figures.decimal("mark_nps", _("Net Promoter Score")),
		]
	return found


def chart(rows: list[dict]) -> dict | None:
	"""Completed, present only and stayed away of each group; each bar leads where its number does."""
	bars = [row for row in rows if not row.get("indent") and row["seats"]][:MOST_BARS]
	if not bars:
		return None
	return {
		"type": "bar",
		"data": {
			"labels": [row["label"] for row in bars],
			"datasets": [
				{"name": _("Completed"), "values": [row["completed"] for row in bars]},
				{
					"name": _("Present Only"),
					"values": [row["present"] - row["completed"] for row in bars],
				},
				{"name": _("No-show"), "values": [row["no_show"] for row in bars]},
			],
		},
		"barOptions": {"stacked": 1},
		"colors": ["#12564a", "#6fb3a2", "#b3372e"],
		"routes": [row["routes"]["seats"] for row in bars],
	}


def summary(total: dict) -> list[dict]:
	shown = [
		{"label": _("Seats"), "value": total["seats"], "datatype": "Int"},
		{
			"label": _("Completion"),
			"value": total["completion_rate"] or 0,
			"datatype": "Percent",
			"indicator": "Green",
		},
		{
			"label": _("No-show Rate"),
			"value": total["no_show_rate"] or 0,
			"datatype": "Percent",
			"indicator": "Red",
		},
	]
	if total.get("mark_overall"):
		shown.append({"label": _("Overall (1 to 5)"), "value": total["mark_overall"], "datatype": "Float"})
	return shown
