"""The main time zone and the weekend of each country or region."""

from __future__ import annotations


def zone_of(country_code: str) -> str:
	"""The IANA name of the zone in which most people of the country or region live; UTC where unknown."""
	return {"CN": "Asia/Shanghai"}.get((country_code or "").upper(), "UTC")


def weekend_of(country_code: str) -> frozenset[int]:
	"""Days of rest, Monday being 0."""
	return frozenset({5, 6})
