"""Figures of who takes part, for sessions and activities alike: attendance, seats and fees.

Counted over the bookings that the asking user may read. `STAGES` says in filters of the list what each figure
counts, so that it leads to exactly these documents. Money is read from ERPNext's ledger.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import frappe
from frappe import _
from frappe.utils import get_datetime, now_datetime

from imta_crm.erp import ledger
from imta_crm.listing import Filters, in_year, list_route, within
from imta_crm.policy import seating
from imta_crm.policy.funnel import rate

#: Who had a seat when it was over.
SEATED = (seating.CONFIRMED, seating.ATTENDED, seating.COMPLETED, seating.NO_SHOW)
PRESENT = (seating.ATTENDED, seating.COMPLETED)
#: Of what is over: figure, and what its bookings have beyond the filters of the group.
ATTENDANCE: dict[str, Filters] = {
	"seats": {"status": ("in", SEATED)},
	"present": {"status": ("in", PRESENT)},
	"completed": {"status": seating.COMPLETED},
	"no_show": {"status": seating.NO_SHOW},
	"open": {"status": seating.CONFIRMED},
}
#: Of what is to come, too.
SEATS: dict[str, Filters] = {
	"taken": {"status": ("in", tuple(sorted(seating.HOLDS_SEAT)))},
	"offered": {"status": seating.OFFERED},
	"waiting": {"status": seating.WAITLISTED},
	"requested": {"status": seating.REQUESTED},
	"cancelled": {"status": seating.CANCELLED},
}
ZERO = Decimal(0)
MONEY = ("fees", "invoiced", "credited", "paid", "outstanding")


def ended(year: int | None = None, *, now: datetime | None = None) -> Filters:
	"""Filters of the bookings of what is over, in a calendar year or ever. Moments of the site's zone."""
	now = now or now_datetime()
	if year:
		return {"ends_at_site": in_year(year, until=now)}
	return {"ends_at_site": ("<=", now.strftime("%Y-%m-%d %H:%M:%S"))}


def until_of(condition: tuple) -> datetime:
	"""The moment until which `ended` reaches."""
	return get_datetime(condition[1][1] if condition[0] == "between" else condition[1])


def chosen(filters: Mapping[str, Any], fields: Iterable[str]) -> Filters:
	"""The filters of a report that are fields of its documents; a region with all below it."""
	found: Filters = {field: filters[field] for field in fields if filters.get(field)}
	if filters.get("region"):
		found |= within("territory", filters["region"])
	return found


def links(doctype: str, filters: Filters, stages: Mapping[str, Filters]) -> dict[str, str]:
	"""For each figure the list of the documents that it counts, among those that `filters` select."""
	return {stage: list_route(doctype, filters | of) for stage, of in stages.items()}


def attendance(rows: Iterable[Mapping]) -> dict[str, Any]:
	"""Figures of bookings of what is over.

	Rates in percent are of those whose attendance is known, None where it is of nobody.
	"""
	statuses = Counter(row["status"] for row in rows)
	found = _counts(statuses, ATTENDANCE)
	known = found["present"] + found["no_show"]
	return found | {
		"completion_rate": float(rate(found["completed"], known)) if known else None,
		"presence_rate": float(rate(found["present"], known)) if known else None,
		"no_show_rate": float(rate(found["no_show"], known)) if known else None,
	}


def seats(rows: Iterable[Mapping]) -> dict[str, int]:
	"""How many seats are taken, offered, waited and asked for. What is offered is taken, too."""
	return _counts(Counter(row["status"] for row in rows), SEATS)


def room(events: Iterable[tuple[Mapping, int]]) -> dict[str, Any]:
	"""Seats, free seats and occupancy in percent of events, each with how many of its seats are taken.

	What is cancelled has no seats, and what has no limit counts in none of them; None where there is no limit.
	"""
	limited = [
		(event["capacity"], taken)
		for event, taken in events
		if event["capacity"] and event["status"] != "Cancelled"
	]
	if not limited:
		return {"capacity": None, "free": None, "occupancy": None}
	capacity = sum(seats for seats, _taken in limited)
	return {
		"capacity": capacity,
		"free": sum(max(seats - taken, 0) for seats, taken in limited),
		"occupancy": float(rate(sum(taken for _seats, taken in limited), capacity)),
	}


def _counts(statuses: Counter, stages: Mapping[str, Filters]) -> dict[str, int]:
	return {
		stage: sum(
			statuses[status]
			for status in (of["status"][1] if isinstance(of["status"], tuple) else (of["status"],))
		)
		for stage, of in stages.items()
	}


def people(rows: Iterable[Mapping]) -> int:
	"""How many different people."""
	return len({person_of(row) for row in rows})


def person_of(row: Mapping) -> tuple[str, str]:
	"""Who takes part: the field that says it, and its value."""
	for field in ("contact", "user", "email_folded"):
		if row.get(field):
			return field, row[field]
	return "email", row.get("email") or ""


def member_names(rows: Iterable[Mapping]) -> dict[str, str]:
	"""Names of the members that the rows name, in one query."""
	members = sorted({row["member"] for row in rows if row["member"]})
	if not members:
		return {}
	return dict(
		frappe.get_all(
			"IMTA Member", {"name": ("in", members)}, ["name", "member_name"], as_list=True, order_by=None
		)
	)


# Fees


def fees(rows: Iterable[Mapping]) -> dict[str, dict[str, dict[str, Decimal]]]:
	"""{event: {currency: sums}} of the bookings' fees and of what the ledger says of their invoices.

	`fees` are those that are asked for, free seats and what was given up in time left out; `invoiced` less
	`credited` less what was written off less `paid` is `outstanding`. The invoices of an event belong to it
	as a whole. Three queries, however many bookings.

	:param rows: bookings with `event`, `fee_due`, `currency` and `sales_invoice`
	"""
	found: dict[str, dict[str, dict[str, Decimal]]] = defaultdict(
		lambda: defaultdict(lambda: dict.fromkeys(MONEY, ZERO))
	)
	event_of: dict[str, str] = {}
	for row in rows:
		if row["fee_due"]:
			found[row["event"]][row["currency"]]["fees"] += Decimal(str(row["fee_due"]))
		if row["sales_invoice"]:
			event_of[row["sales_invoice"]] = row["event"]
	for invoice, standing in ledger.invoice_standings(event_of).items():
		sums = found[event_of[invoice]][standing.currency]
		sums["invoiced"] += standing.charged
		for field in ("credited", "paid", "outstanding"):
			sums[field] += getattr(standing, field)
	return found


def add_money(all_sums: Iterable[Mapping[str, Mapping[str, Decimal]]]) -> dict[str, dict[str, Decimal]]:
	"""{currency: sums} of several events. Currencies are never added up."""
	total: dict[str, dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(MONEY, ZERO))
	for sums in all_sums:
		for currency, row in sums.items():
			for field in MONEY:
				total[currency][field] += row[field]
	return total


def money_cells(sums: Mapping[str, Mapping[str, Decimal]]) -> dict[str, Any]:
	"""Cells of a row, one for each currency and sum, as `money_columns` names them."""
	cells: dict[str, Any] = {}
	for currency, row in sums.items():
		cells[f"currency_{frappe.scrub(currency)}"] = currency
		for field in MONEY:
			cells[f"{field}_{frappe.scrub(currency)}"] = float(row[field])
	return cells


def money_columns(currencies: Iterable[str]) -> list[dict]:
	"""Columns of fees, each currency's beside each other."""
	labels = {
		"fees": _("Fees ({0})"),
		"invoiced": _("Invoiced ({0})"),
		"credited": _("Credited ({0})"),
		"paid": _("Paid ({0})"),
		"outstanding": _("Outstanding ({0})"),
	}
	return [
		{
			"fieldname": f"{field}_{frappe.scrub(currency)}",
			"label": labels[field].format(currency),
			"fieldtype": "Currency",
			"options": f"currency_{frappe.scrub(currency)}",
			"width": 140,
		}
		for currency in sorted(currencies)
		for field in MONEY
	]


# Columns


def number(fieldname: str, label: str, width: int = 105) -> dict:
	return {"fieldname": fieldname, "label": label, "fieldtype": "Int", "width": width}


def share(fieldname: str, label: str) -> dict:
	return {"fieldname": fieldname, "label": label, "fieldtype": "Percent", "precision": 1, "width": 125}


def decimal(fieldname: str, label: str, precision: int = 1) -> dict:
	return {
		"fieldname": fieldname,
		"label": label,
		"fieldtype": "Float",
		"precision": precision,
		"width": 125,
	}


def text(fieldname: str, label: str, width: int = 160) -> dict:
	return {"fieldname": fieldname, "label": label, "fieldtype": "Data", "width": width, "align": "left"}
