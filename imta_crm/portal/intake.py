"""The public application form: what a stranger may send, and how often.

Frappe's endpoint for web forms takes at most 10 submissions a minute from one address and copies only the
fields of the form. What it does not do is done here, before anything is written: a trap for robots, limits
for a day, values a guest may choose, consent.
"""

from __future__ import annotations

import json

import frappe
from frappe import _
from frappe.model.document import Document

from imta_crm.portal.limits import hit

#: A field that no person sees. Whoever fills it is no person.
TRAP = "fax_number"
DAY = 24 * 60 * 60
PER_ADDRESS_A_DAY = 20
#: Each application sends a confirmation to an address that a stranger typed: never a tool to flood somebody.
PER_EMAIL_A_DAY = 3
#: Longest accepted text; a Small Text field has no length of its own.
LONGEST_MOTIVATION = 4000
#: Characters of everything that is sent; all fields filled to the brim are less.
LONGEST_FORM = 20_000


class NotAccepted(frappe.ValidationError):
	"""The public form refused what was sent."""


def is_web_form() -> bool:
	"""Whether the document being written comes through Frappe's endpoint for web forms."""
	return bool(frappe.flags.in_web_form)


def check(application: Document) -> None:
	"""Refuse what a person at the form could not have sent. Raises NotAccepted, RateLimitExceededError."""
	if len(frappe.form_dict.get("data") or "") > LONGEST_FORM:
		frappe.throw(_("This could not be accepted."), NotAccepted)
	_check_trap()
	if not application.consent:
		frappe.throw(_("Please agree that we keep your data to decide on the application."), NotAccepted)
	if not (application.contact_first_name or application.contact_last_name):
		frappe.throw(_("Please name a contact person."), NotAccepted)
	if application.tier not in {row["value"] for row in open_tiers(application.applicant_type)}:
		frappe.throw(_("Please choose a kind of membership from the list."), NotAccepted)
	if len(application.motivation or "") > LONGEST_MOTIVATION:
		frappe.throw(_("Please use at most {0} characters.").format(LONGEST_MOTIVATION), NotAccepted)
	if not application.preferred_language:
		application.preferred_language = "zh" if frappe.local.lang.startswith("zh") else "en"
	hit("apply:address", frappe.local.request_ip, PER_ADDRESS_A_DAY, DAY)
	hit("apply:email", (application.email or "").strip().casefold(), PER_EMAIL_A_DAY, DAY)


def open_tiers(applicant_type: str | None = None) -> list[dict]:
	"""Tiers that a stranger may apply for: open to applications, and fitting where a type is given."""
	rows = frappe.get_all(
		"Member Tier",
		filters={"disabled": 0, "open_to_applications": 1},
		fields=["name as value", "tier_name_zh", "member_type"],
		order_by="`rank` asc",
	)
	return [row for row in rows if not applicant_type or row.member_type in ("Any", applicant_type)]


def _check_trap() -> None:
	try:
		sent = json.loads(frappe.form_dict.get("data") or "{}")
	except (TypeError, ValueError):
		sent = {}
	if isinstance(sent, dict) and sent.get(TRAP):
		frappe.throw(_("This could not be accepted."), NotAccepted)
