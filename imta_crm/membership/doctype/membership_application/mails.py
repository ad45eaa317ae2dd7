"""What applicants and managers are told about an application. All mail goes through the Email Queue.

Wording: an Email Template of the site named "IMTA Application Received (English)" or
"IMTA Application Received (中文)" takes precedence over the packaged text.
"""

from __future__ import annotations

import frappe
from frappe import _
from frappe.desk.doctype.notification_log.notification_log import enqueue_create_notification
from frappe.model.document import Document
from frappe.utils import escape_html
from frappe.utils.user import get_users_with_role

_TEMPLATES = {
	"en": ("IMTA Application Received (English)", "templates/emails/application_received_en.html"),
	"zh": ("IMTA Application Received (中文)", "templates/emails/application_received_zh.html"),
}
_SUBJECTS = {
	"en": "We have received your application to {alliance}",
	"zh": "{alliance}已收到您的入会申请",
}


def confirm_receipt(application: Document) -> None:
	"""Queue a confirmation to the applicant, in Chinese or English by the preferred language.

	A site without an outgoing mail account still takes applications: the lack is noted on the application.
	"""
	language = "zh" if (application.preferred_language or "").lower().startswith("zh") else "en"
	context = {"application": _facts(application), **alliance_names(language)}
	record, packaged = _TEMPLATES[language]
	if frappe.db.exists("Email Template", record):
		mail = frappe.get_cached_doc("Email Template", record).get_formatted_email(context)
		subject, message = mail["subject"], mail["message"]
	else:
		subject = _SUBJECTS[language].format(alliance=context["alliance"])
		message = frappe.render_template(f"imta_crm/{packaged}", context)
	try:
		frappe.sendmail(
			recipients=[application.email],
			subject=subject,
			message=message,
			reference_doctype=application.doctype,
			reference_name=application.name,
			add_unsubscribe_link=0,
		)
	except frappe.OutgoingEmailError:
		frappe.clear_last_message()
		_note_unsent(application)


def tell_managers(application: Document) -> None:
	"""A bell notification to each enabled Membership Manager about an application from the web form."""
	managers = [user for user in get_users_with_role("Membership Manager") if user != "Administrator"]
	if not managers:
		return
	notification = {
		"type": "Alert",
		"document_type": application.doctype,
		"document_name": application.name,
		"subject": _("New application for membership: {0}").format(
			frappe.bold(escape_html(application.applicant_name))
		),
		"from_user": "Administrator",
	}
	if frappe.flags.in_test:
		enqueue_create_notification(managers, notification)
	else:
		frappe.db.after_commit.add(lambda: enqueue_create_notification(managers, notification))


def alliance_names(language: str) -> dict:
	"""Name and address of the alliance for a mail or a page in the given language."""
	settings = frappe.get_cached_doc("Alliance Settings")
	name = settings.alliance_name or "International Mountain Tourism Alliance"
	name_zh = settings.alliance_name_zh or "国际山地旅游联盟"
	return {
		"alliance": name_zh if language == "zh" else name,
		"alliance_name": name,
		"alliance_name_zh": name_zh,
		"secretariat_email": settings.secretariat_email,
	}


def _facts(application: Document) -> dict:
	"""The few facts that a mail may carry; the recipient's address was typed by a stranger."""
	return {"name": application.name, "applicant_name": escape_html(application.applicant_name)}


def _note_unsent(application: Document) -> None:
	frappe.log_error(
		title="Application received, no confirmation sent",
		message="There is no outgoing Email Account.",
		reference_doctype=application.doctype,
		reference_name=application.name,
	)
