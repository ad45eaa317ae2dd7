"""The public form "Apply for Membership" at /apply, in Chinese and in English."""

from __future__ import annotations

import frappe
from frappe import _
from frappe.model.document import Document

from imta_crm.membership.doctype.membership_application.mails import alliance_names
from imta_crm.portal import intake


def get_context(context: Document) -> None:
	"""Fill what depends on the language and on the masters; a guest sees only what can be chosen."""
	chinese = frappe.local.lang.startswith("zh")
	language = "zh" if chinese else "en"
	choices = {
		"country": _choices("Country"),
		"sector": _choices("Market Segment"),
		"preferred_language": [{"value": "zh", "label": "中文"}, {"value": "en", "label": "English"}],
		"tier": [
			{
				"value": row["value"],
				"label": (row["tier_name_zh"] if chinese else None) or _(row["value"]),
				"for": row["member_type"],
			}
			for row in intake.open_tiers()
		],
	}
	for field in context.web_form_doc.web_form_fields:
		if field.fieldname in choices:
			field.options = choices[field.fieldname]
		if field.fieldname == "preferred_language":
			field.default = language
	names = alliance_names(language)
	settings = frappe.get_cached_doc("Alliance Settings")
	introduction = settings.application_intro_zh if chinese else settings.application_intro
	values = {
		"chinese": chinese,
		"alliance": names["alliance"],
		"secretariat_email": names["secretariat_email"],
		"introduction": introduction,
		"trap": intake.TRAP,
	}
	context.introduction_text = frappe.render_template("imta_crm/templates/includes/apply_intro.html", values)
	context.success_message = frappe.render_template("imta_crm/templates/includes/apply_thanks.html", values)
	context.trap = intake.TRAP
	context.no_cache = 1


def _choices(doctype: str) -> list[dict]:
	rows = [{"value": name, "label": _(name)} for name in frappe.get_all(doctype, pluck="name")]
	return sorted(rows, key=lambda row: row["label"])
