"""Letters of the registration, before there is a seat. Letters about seats are those of `seating.letters`.

The wording is in the Email Templates of the site "IMTA Activity Registration" and "IMTA Activity Address", each in
English (EN) and Chinese (ZH). All mail goes through the Email Queue.
"""

from __future__ import annotations

import frappe
from frappe.utils import cstr, escape_html

from imta_crm.activities.rules import ACTIVITY
from imta_crm.membership.doctype.membership_application.mails import alliance_names
from imta_crm.portal import links

REGISTRATION = "IMTA Activity Registration"
ADDRESS = "IMTA Activity Address"


def invite_to_register(
	activity: str, invitation: str, *, name: str, email: str, language: str | None
) -> bool:
	"""The link to register, to an invitee who has said yes; within the transaction of the caller."""
	return _send(
		REGISTRATION,
		activity,
		email,
		language,
		{"name": name, "registration_url": links.registration_url(invitation)},
		reference=("Invitation", invitation),
	)


def confirm_address(activity: str, email: str, language: str | None) -> bool:
	"""The link to register, to an address that a stranger gave; it says nothing that the stranger typed."""
	return _send(
		ADDRESS,
		activity,
		email,
		language,
		{"registration_url": links.confirmed_url(activity, email), "valid_days": links.CONFIRMED_DAYS},
		reference=(ACTIVITY, activity),
	)


def _send(
	kind: str, activity: str, email: str, language: str | None, facts: dict, reference: tuple[str, str]
) -> bool:
	"""Queue a letter; False, and logged, where the site has no account or the wording cannot be used."""
	chinese = (language or "").lower().startswith("zh")
	event = frappe.db.get_value(ACTIVITY, activity, ["title", "title_zh"], as_dict=True)
	facts = {
		"activity": (event.title_zh if chinese else None) or event.title,
		**alliance_names("zh" if chinese else "en"),
		**facts,
	}
	separator = "&" if "?" in facts["registration_url"] else "?"
	facts["registration_url"] += f"{separator}_lang={'zh' if chinese else 'en'}"
	try:
		subject, message = _words(f"{kind} {'ZH' if chinese else 'EN'}", facts)
		frappe.sendmail(
			recipients=[email],
			subject=subject,
			message=message,
			reference_doctype=reference[0],
			reference_name=reference[1],
			add_unsubscribe_link=0,
		)
	except (frappe.OutgoingEmailError, frappe.DoesNotExistError):
		frappe.clear_last_message()
		frappe.log_error(
			title="No letter to register could be sent", reference_doctype=ACTIVITY, reference_name=activity
		)
		return False
	return True


def _words(template: str, facts: dict) -> tuple[str, str]:
	"""Subject, which is plain text, and message, which is HTML."""
	doc = frappe.get_cached_doc("Email Template", template)
	safe = {key: escape_html(value) if isinstance(value, str) else value for key, value in facts.items()}
	return (
		" ".join(cstr(frappe.render_template(doc.subject, facts)).split()),
		frappe.render_template(doc.response_html if doc.use_html else doc.response, safe),
	)
