"""A person's seat as the person sees it: the event by the own clock, in the own language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import frappe
from babel.dates import get_timezone_location
from frappe.utils import cstr

from imta_crm.erp import masters
from imta_crm.invitations.mail import EN, ZH
from imta_crm.liaison.zones import is_zone, site_zone
from imta_crm.policy import event_times, zones
from imta_crm.policy.countries import by_code
from imta_crm.policy.names import is_chinese
from imta_crm.policy.seating import ATTENDED, COMPLETED, CONFIRMED
from imta_crm.seating import kinds, windows

#: Who has one of these has been promised the place, and is told the link to the meeting.
ADMITTED = (CONFIRMED, ATTENDED, COMPLETED)


@dataclass(frozen=True)
class Occasion:
	"""`booking` and `event` are rows with all fields, `language` is "en" or "zh", `zone` the person's own."""

	kind: kinds.Kind
	booking: frappe._dict
	event: frappe._dict
	language: str
	zone: str

	@property
	def chinese(self) -> bool:
		return self.language == ZH

	@property
	def begins_at(self) -> datetime:
		return windows.begins_at(self.event).astimezone(ZoneInfo(self.zone))

	@property
	def ends_at(self) -> datetime:
		return windows.ends_at(self.event).astimezone(ZoneInfo(self.zone))

	@property
	def title(self) -> str:
		return cstr((self.chinese and self.event.title_zh) or self.event.title)

	@property
	def person(self) -> str:
		"""The name as a letter in this language writes it."""
		local = cstr(self.booking.participant_name_local).strip()
		return local if self.chinese and is_chinese(local) else cstr(self.booking.participant_name)

	@property
	def is_on_site(self) -> bool:
		return self.event.delivery != "Online"

	@property
	def is_online(self) -> bool:
		return self.event.delivery in ("Online", "On Site and Online")

	@property
	def is_admitted(self) -> bool:
		return self.booking.status in ADMITTED

	@property
	def place(self) -> str:
		"""Venue and address; empty where nobody meets."""
		if not self.is_on_site:
			return ""
		venue = cstr((self.chinese and self.event.venue_zh) or self.event.venue).strip()
		address = ", ".join(line.strip() for line in cstr(self.event.address).splitlines() if line.strip())
		country = self._country()
		parts = []
		for part in (venue, address, country):
			if part and not any(part in earlier for earlier in parts):
				parts.append(part)
		return ("，" if self.chinese else ", ").join(parts)

	def _country(self) -> str:
		code = masters.country_code(self.event.country) if self.event.country else ""
		known = by_code().get(code)
		return known.name_zh if self.chinese and known else cstr(self.event.country)

	@property
	def meeting_link(self) -> str:
		"""For people with a confirmed seat only."""
		return cstr(self.event.online_link).strip() if self.is_online and self.is_admitted else ""

	@property
	def time(self) -> str:
		"""By the person's own clock."""
		return self.time_in(self.zone)

	@property
	def time_there(self) -> str:
		"""By the clock of the place; empty where that shows the same, or nobody goes there."""
		there = self.event.time_zone if is_zone(self.event.time_zone) else site_zone()
		same = all(
			moment.utcoffset() == moment.astimezone(ZoneInfo(there)).utcoffset()
			for moment in (self.begins_at, self.ends_at)
		)
		return "" if same or not self.is_on_site else self.time_in(there)

	def time_in(self, zone: str) -> str:
		begin, end = (moment.astimezone(ZoneInfo(zone)) for moment in (self.begins_at, self.ends_at))
		text = event_times.span(begin, end, self.chinese)
		clock = self._clock(zone, begin)
		return f"{text}（{clock}）" if self.chinese else f"{text} ({clock})"

	def moment(self, at: datetime | str | None) -> str:
		"""A moment, aware or by the site's clock, by the person's own; empty for none."""
		if not at:
			return ""
		local = windows.aware(at, site_zone()).astimezone(ZoneInfo(self.zone))
		text, clock = event_times.moment(local, self.chinese), self._clock(self.zone, local)
		return f"{text}（{clock}）" if self.chinese else f"{text} ({clock})"

	def _clock(self, zone: str, at: datetime) -> str:
		city = (
			"" if zone in ("UTC", "Etc/UTC") else get_timezone_location(zone, self.language, return_city=True)
		)
		return event_times.clock_name(zone, city, at, self.chinese)


def of(booking_doctype: str, booking: str, language: str | None = None) -> Occasion | None:
	"""The seat as it is now; None where it or its event is gone."""
	kind = kinds.of_booking(booking_doctype)
	row = frappe.db.get_value(kind.booking, booking, "*", as_dict=True)
	event = row and frappe.db.get_value(kind.event, row[kind.field], "*", as_dict=True)
	if not event:
		return None
	return Occasion(kind, row, event, language or language_of(row), zone_for(row, event))


def language_of(booking: frappe._dict) -> str:
	"""The language in which somebody is written to: "zh" for Chinese of any kind, else "en"."""
	return ZH if cstr(booking.preferred_language).lower().startswith("zh") else EN


def zone_for(booking: frappe._dict, event: frappe._dict) -> str:
	"""The person's own zone, else the main one of the person's country or region, else the event's."""
	code = masters.country_code(booking.country)
	by_country = zones.zone_of(code) if code else ""
	for zone in (booking.time_zone, by_country if by_country != zones.UTC else "", event.time_zone):
		if is_zone(zone):
			return zone
	return site_zone()
