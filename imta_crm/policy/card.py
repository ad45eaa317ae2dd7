"""How long a membership card is valid."""

from __future__ import annotations

from datetime import date

from imta_crm.policy.status import enjoys_benefits

END_OF_DUES_YEAR = "End of Dues Year"
END_OF_CALENDAR_YEAR = "End of Calendar Year"


def card_valid_until(
	*,
	status: str | None,
	today: date,
	joined_on: date | None = None,
	year_end: date | None = None,
	rule: str | None = END_OF_DUES_YEAR,
) -> date | None:
	"""Last day of validity of the card, None where the member has no valid card today.

	A card counts for a member in a status that enjoys benefits: Active and Emeritus, and In Arrears, which
	is a matter between the member and the treasurer until it leads to a suspension.

	:param today: date in the alliance's time zone
	:param year_end: last day of the dues year that holds `today`; None where there is none
	:param rule: the alliance's choice; without a dues year the calendar year stands in for it
	"""
	if not enjoys_benefits(status) or (joined_on and joined_on > today):
		return None
	if rule != END_OF_CALENDAR_YEAR and year_end and year_end >= today:
		return year_end
	return date(today.year, 12, 31)
