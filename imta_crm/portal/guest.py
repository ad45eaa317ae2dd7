"""Everything that a guest can reach in this app, so that it can be read in one sitting.

- `/member-card/<token>` shows whether a membership card is valid (`member_card`). GET, changes nothing.
- `/apply` is a Web Form of Frappe; what it accepts is in `intake`.

No other page or method of the app allows guests. Whatever acts is a POST; whatever shows is a GET.
"""

from __future__ import annotations

import frappe

from imta_crm.membership.card import CardFacts, facts_by_token
from imta_crm.portal.limits import over_limit

#: Looks at cards in a minute from one address; a scanner at a conference desk does not need more.
CARDS_A_MINUTE = 30


def member_card(token: str | None) -> tuple[int, CardFacts | None]:
	"""HTTP status and facts for a card's public page: 200 with facts, 404 without, 429 for too many looks.

	The count comes before the look-up, so that being refused says nothing about the token either.
	"""
	if over_limit("member-card", frappe.local.request_ip, CARDS_A_MINUTE, 60):
		return 429, None
	facts = facts_by_token(token)
	return (200, facts) if facts else (404, None)
