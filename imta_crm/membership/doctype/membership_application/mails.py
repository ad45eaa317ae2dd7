"""What applicants and managers are told about an application. All mail goes through the Email Queue.

Wording: an Email Template of the site named as in `_WORDING`, such as "IMTA Application Received (English)"
or "IMTA Application Received (中文)", takes precedence over the packaged text.
"""

from __future__ import annotations

import frappe
from frappe import _
from frappe.desk.doctype.notification_log.notification_log import enqueue_create_notification
from frappe.model.document import Document
from frappe.utils import cstr, escape_html, formatdate
from frappe.utils.user import get_users_with_role

#: For each mail and language: the site's own Email Template, the packaged text, its subject.
_WORDING = {
	"received": {
		"en": (
			"IMTA Application Received (English)",
			"templates/emails/application_received_en.html",
			"We have received your application to {alliance}",
		),
		"zh": (
			"IMTA Application Received (中文)",
			"templates/emails/application_received_zh.html",
			"{alliance}已收到您的入会申请",
		),
	},
	"approved": {
		"en": (
			"IMTA Application Approved (English)",
			"templates/emails/application_approved_en.html",
			"Welcome to {alliance}",
		),
		"zh": (
			"IMTA Application Approved (中文)",
			"templates/emails/application_approved_zh.html",
			"欢迎加入{alliance}",
		),
	},
	"rejected": {
		"en": (
			"IMTA Application Rejected (English)",
			"templates/emails/application_rejected_en.html",
			"Your application to {alliance}",
		),
		"zh": (
			"IMTA Application Rejected (中文)",
			"templates/emails/application_rejected_zh.html",
			"关于您申请加入{alliance}",
		),
	},
}


def confirm_receipt(application: Document) -> None:
	"""Queue a confirmation to the applicant, in Chinese or English by the preferred language.

	A site without an outgoing mail account still takes applications: the lack is noted on the application.
	"""
	_send("received", application, {})


def welcome(application: Document) -> bool:
	"""Queue the welcome to an applicant who has become a member; False where the site cannot send.

	It says the member number, the tier, since when, and what comes next: no dues are asked of exempt tiers.
	"""
	member = frappe.get_doc("IMTA Member", application.member)
	tier = frappe.get_cached_doc("Member Tier", member.tier)
	chinese = language_of(application) == "zh"
	return _send(
		"approved",
		application,
		{
			"member": member.name,
			"tier": (tier.tier_name_zh if chinese else None) or tier.tier_name,
			"member_since": formatdate(member.joined_on, "yyyy-MM-dd"),
			"owes_dues": not tier.is_exempt,
		},
	)


def decline(application: Document) -> bool:
	"""Queue a polite rejection, without the reason, which is the Secretariat's; False where it cannot send."""
	return _send("rejected", application, {})


def language_of(application: Document) -> str:
	"""Language in which the applicant is written to: "zh" or "en"."""
	return "zh" if (application.preferred_language or "").lower().startswith("zh") else "en"


def _send(mail: str, application: Document, facts: dict) -> bool:
	"""Queue the mail to the applicant. False, noted on the application, without an outgoing account."""
	language = language_of(application)
	subject, message = _words(
		*_WORDING[mail][language],
		{"name": application.name, "applicant_name": application.applicant_name, **facts},
		alliance_names(language),
	)
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
		return False
	return True


def _words(record: str, packaged: str, subject: str, facts: dict, names: dict) -> tuple[str, str]:
	"""Subject, which is plain text, and message, which is HTML, in the site's wording or the packaged one."""
	plain = {"application": facts, **names}
	# The few facts that a mail carries were typed by a stranger.
	safe = {key: escape_html(value) if isinstance(value, str) else value for key, value in facts.items()}
	html = {"application": safe, **names}
	if frappe.db.exists("Email Template", record):
		template = frappe.get_cached_doc("Email Template", record)
		messages = len(frappe.local.message_log)
		try:
			return (
				" ".join(cstr(frappe.render_template(template.subject, plain)).split()),
				frappe.render_template(template.response_, html),
			)
		except Exception:
			# A slip in the site's wording stops no application, and no stranger reads about it.
			del frappe.local.message_log[messages:]
			frappe.log_error(
				title=f"Email Template {record} cannot be used",
				reference_doctype="Email Template",
				reference_name=record,
			)
	return subject.format(alliance=names["alliance"]), frappe.render_template(f"imta_crm/{packaged}", html)


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


def _note_unsent(application: Document) -> None:
	frappe.log_error(
		title="No mail sent to the applicant",
		message="There is no outgoing Email Account.",
		reference_doctype=application.doctype,
		reference_name=application.name,
	)
