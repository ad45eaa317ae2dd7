"""Public page of a membership card: name, tier and validity, nothing else."""

import frappe

from imta_crm.membership.doctype.membership_application.mails import alliance_names
from imta_crm.portal import guest

no_cache = 1
sitemap = 0


def get_context(context: dict) -> None:
	"""The same page, in the same shape and both languages, for every token."""
	status, facts = guest.member_card(frappe.form_dict.get("token"))
	context.http_status_code = status
	context.card = facts
	context.busy = status == 429
	names = alliance_names("en")
	context.alliance_name = names["alliance_name"]
	context.alliance_name_zh = names["alliance_name_zh"]
	context.update({"no_cache": 1, "no_breadcrumbs": 1})
