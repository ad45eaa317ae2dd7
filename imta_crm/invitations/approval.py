"""What a campaign needs before it may be submitted, approved or started."""

from __future__ import annotations

from datetime import timedelta

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, getdate

from imta_crm.invitations import campaigns, compose

#: States that a campaign enters only when it lacks nothing.
NEEDED_FOR = (campaigns.PENDING, campaigns.APPROVED, campaigns.RUNNING)


def problems(campaign: Document) -> list[str]:
	"""All that stands in the way, for people; empty where nothing does."""
	found = [*_targets(campaign), *_period(campaign), *_steps(campaign)]
	if any(row.channel == campaigns.MAIL for row in campaign.steps):
		found += _account(campaign)
		if not found:
			# A template that is missing would only be reported twice.
			found += compose.validate_templates(campaign)
	return found


def _targets(campaign: Document) -> list[str]:
	if any(cint(row.planned) > 0 for row in campaign.targets):
		return []
	return [_("There is no target yet.")]


def _period(campaign: Document) -> list[str]:
	if getdate(campaign.to_date) >= getdate():
		return []
	return [_("The campaign ended on {0}.").format(frappe.format(campaign.to_date, "Date"))]


def _steps(campaign: Document) -> list[str]:
	if not campaign.steps:
		return [_("There is no step yet.")]
	found = []
	start, day = getdate(campaign.from_date), 0
	for row in campaign.steps:
		day = cint(row.days) if row.counted_from == "Start" else day + cint(row.days)
		if start + timedelta(days=day) > getdate(campaign.to_date):
			found.append(
				_("Step {0}, {1}: day {2} is after the end of the campaign.").format(
					row.idx, row.step_title, day
				)
			)
		if row.channel == campaigns.MAIL and not (row.email_template or row.email_template_zh):
			found.append(_("Step {0}, {1}: there is no template.").format(row.idx, row.step_title))
	return found


def _account(campaign: Document) -> list[str]:
	"""Mails need an account that sends; the campaign's own, or the site's default."""
	if campaign.email_account:
		if not frappe.db.get_value("Email Account", campaign.email_account, "enable_outgoing"):
			return [_("The e-mail account {0} does not send.").format(campaign.email_account)]
	elif not frappe.db.exists("Email Account", {"default_outgoing": 1, "enable_outgoing": 1}):
		return [_("This site has no outgoing e-mail account.")]
	return []
