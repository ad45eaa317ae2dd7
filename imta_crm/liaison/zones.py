"""Time zones of contacts. Stored is the site's time, as everywhere in Frappe; shown is the person's own."""

import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import frappe
from frappe.utils import format_datetime, get_datetime


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
	return frozenset(available_timezones())


def is_zone(name: str | None) -> bool:
	"""Whether `name` is a zone of the IANA time zone data base, spelled as there."""
	return bool(name) and name in _zones()


def site_zone() -> str:
	return frappe.get_system_settings("time_zone") or "UTC"


def default_zone(user: str | None = None) -> str:
	"""The zone in which `user` (default: of the session) lives, or the site's where none is set."""
	zone = frappe.get_cached_value("User", user or frappe.session.user, "time_zone")
	return zone if is_zone(zone) else site_zone()


def to_zone(moment: datetime.datetime | str, zone: str | None) -> datetime.datetime:
	"""A stored moment (site's time, without zone) as an aware moment in `zone`."""
	aware = get_datetime(moment).replace(tzinfo=ZoneInfo(site_zone()))
	return aware.astimezone(ZoneInfo(zone if is_zone(zone) else site_zone()))


def local_label(moment: datetime.datetime | str | None, zone: str | None) -> str:
	"""Local time and zone for people, in the reader's format: `23-11-2026 09:30 Europe/Zurich`."""
	if not moment:
		return ""
	zone = zone if is_zone(zone) else site_zone()
	local = to_zone(moment, zone).replace(tzinfo=None, second=0, microsecond=0)
	text = format_datetime(local)
	return "{0} {1}".format(text.removesuffix(":00") if text.count(":") == 2 else text, zone)
