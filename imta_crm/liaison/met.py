"""People met at events: those of logged contacts, and those of the calendar. Only what the user may read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import frappe
from frappe.utils import add_days

LIAISON_CONTACT = "Liaison Contact"


@dataclass(frozen=True)
class Met:
	"""One person. `doctype` and `document` say where the person is on record; empty where only a name is."""

	doctype: str
	document: str
	person_name: str
	email: str
	event: str
	officer: str | None = None


def people_met(
	event_name: str | None = None, from_date: date | None = None, to_date: date | None = None
) -> list[Met]:
	"""Who was met at events of this name (or with it in their name) on these days, both included.

	Days are those of the site's time zone. Each person once, in the order of the events.
	"""
	found: dict[tuple, Met] = {}
	for person in (
		*_of_logged_contacts(event_name, from_date, to_date),
		*_of_calendar(event_name, from_date, to_date),
	):
		same = (person.doctype, person.document) if person.document else (person.person_name, person.email)
		found.setdefault(same, person)
	return list(found.values())


def _of_logged_contacts(event_name, from_date, to_date) -> list[Met]:
	filters = [["channel", "=", "Event"], *_about("event_name", "contact_at", event_name, from_date, to_date)]
	events = frappe.get_list(
		LIAISON_CONTACT,
		filters=filters,
		fields=["name", "event_name", "owner"],
		order_by="contact_at, name",
		limit_page_length=0,
	)
	by_name = {row.name: row for row in events}
	rows = _rows(
		"Liaison Person", LIAISON_CONTACT, list(by_name), ["parent", "contact", "person_name", "email"]
	)
	return [
		Met(
			"Contact" if row.contact else "",
			row.contact or "",
			row.person_name or "",
			row.email or "",
			by_name[row.parent].event_name or "",
			by_name[row.parent].owner,
		)
		for row in rows
	]


def _of_calendar(event_name, from_date, to_date) -> list[Met]:
	filters = [
		["status", "!=", "Cancelled"],
		*_about("subject", "starts_on", event_name, from_date, to_date),
	]
	events = frappe.get_list(
		"Event",
		filters=filters,
		fields=["name", "subject", "owner"],
		order_by="starts_on, name",
		limit_page_length=0,
	)
	by_name = {row.name: row for row in events}
	rows = _rows(
		"Event Participants",
		"Event",
		list(by_name),
		["parent", "reference_doctype", "reference_docname", "email"],
	)
	return [
		Met(
			row.reference_doctype,
			row.reference_docname,
			"",
			row.email or "",
			by_name[row.parent].subject or "",
			by_name[row.parent].owner,
		)
		for row in rows
		if row.reference_doctype in ("Lead", "Contact") and row.reference_docname
	]


def _about(name_field: str, time_field: str, event_name, from_date, to_date) -> list[list]:
	filters = []
	if event_name:
		text = event_name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
		filters.append([name_field, "like", f"%{text}%"])
	if from_date:
		filters.append([time_field, ">=", from_date])
	if to_date:
		filters.append([time_field, "<", add_days(to_date, 1)])
	return filters


def _rows(doctype: str, parenttype: str, parents: list[str], fields: list[str]) -> list[frappe._dict]:
	"""Rows of documents that were found with the user's permission, in their order."""
	if not parents:
		return []
	order = {name: number for number, name in enumerate(parents)}
	rows = frappe.get_all(
		doctype, {"parenttype": parenttype, "parent": ("in", parents)}, fields, order_by="idx", limit=0
	)
	return sorted(rows, key=lambda row: order[row.parent])
