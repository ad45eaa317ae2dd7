"""A year of contacts with the members, by the officers themselves."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import frappe
from frappe.utils import add_days, get_system_timezone, getdate, now_datetime

from imta_crm.demo import people
from imta_crm.demo.common import acting_as, data, loaded_on
from imta_crm.demo.membership import members

DAYS = 358
# Days ago of the latest contact with a member, by place: some were called this week, some are overdue.
LATEST = (2, 40, 75, 16, 110, 9, 55, 150, 27, 190, 5, 90)


def log_contacts() -> None:
	"""Two to four contacts with each member in the last twelve months. Adds only what is missing."""
	texts = data("contacts")
	zones = {officer["email"]: officer["time_zone"] for officer in people.officers()}
	existing = {
		(row.member, row.contact_at)
		for row in frappe.get_all("Liaison Contact", fields=["member", "contact_at"], limit=0)
	}
	for place, member in enumerate(members()):
		if member.status in ("Withdrawn", "Removed") or member.officer not in zones:
			continue
		if member.application:
			continue  # admitted since, so nobody has spoken with that member for a year
		with acting_as(member.officer):
			for number in range(how_many(place, member)):
				contact = contact_of(place, number, member, texts, zones[member.officer])
				if (member.name, contact["contact_at"]) in existing:
					continue
				frappe.get_doc(contact).insert()
		if place % 10 == 9:
			frappe.db.commit()  # in chunks, so that a stop loses little


def how_many(place: int, member: frappe._dict) -> int:
	"""Contacts in the year: key members and the Council are seen more often."""
	return 2 + place % 2 + (1 if member.is_key_member or member.tier == "Council" else 0)


def contact_of(place: int, number: int, member: frappe._dict, texts: dict, zone: str) -> dict:
	"""One contact; what it says follows from the member's place and the contact's number."""
	language = "zh" if member.preferred_language == "zh" else "en"
	choices = texts[language]
	text = choices[(place * 7 + number * 5) % len(choices)]
	closings = texts["closings"][language]
	closing = closings[(place + number * 2) % len(closings)]
	days_ago = when(place, number)
	at = moment(place, number, days_ago, zone)
	joiner = " " if language == "en" else ""
	contact = {
		"doctype": "Liaison Contact",
		"member": member.name,
		"channel": text["channel"],
		"direction": text.get("direction") or "Outgoing",
		"event_name": text.get("event"),
		"contact_at": at,
		"time_zone": zone,
		"summary": (text["summary"] + joiner + closing).strip(),
		"outcome": text["outcome"],
		"needs": [
			{"need": need, "category": category, "is_met": int((place + number) % 4 == 0)}
			for need, category in text.get("needs") or []
		],
	}
	if text.get("next_step"):
		step_on = add_days(getdate(at), 10 + (place * 3) % 25)
		old = step_on < add_days(loaded_on(), -20)
		contact |= {
			"next_step": text["next_step"],
			"next_step_on": step_on,
			"next_step_owner": member.officer,
			"next_step_state": "Closed" if old and place % 6 else "Open",
			"next_step_priority": "High" if member.is_key_member else "Medium",
		}
	return contact


def when(place: int, number: int) -> int:
	"""Days before the loading on which a contact happened."""
	latest = LATEST[place % len(LATEST)]
	if number == 0:
		return latest
	return latest + 20 + (place * 37 + number * 113) % (DAYS - latest - 20)


def moment(place: int, number: int, days_ago: int, zone: str) -> datetime:
	"""A time in the office hours of `zone`, in the site's time zone as Frappe stores it; never in the future."""
	day = loaded_on() - timedelta(days=days_ago)
	at = datetime.combine(day, time(9 + (place * 3 + number * 5) % 8, (place * 5 + number * 15) % 60))
	local = at.replace(tzinfo=ZoneInfo(zone))
	at = local.astimezone(ZoneInfo(get_system_timezone())).replace(tzinfo=None)
	return min(at, now_datetime().replace(second=0, microsecond=0))
