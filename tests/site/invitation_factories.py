"""Short ways to campaigns for site tests. Like factories.py: deterministic, no commits.

from tests.site.invitation_factories import make_campaign

make_campaign()                                            # a draft: mail, call after 5, mail after 7 days
make_campaign(running=True, daily_cap=10)                  # runs since today
make_campaign(state="Paused", steps=[step("Letter", days=3, channel="Letter")])
"""

from __future__ import annotations

import frappe
from frappe.utils import add_days, getdate, nowdate

from tests.site.factories import make_tier, next_number

TEMPLATE_EN, TEMPLATE_ZH = "Test Invitation EN", "Test Invitation ZH"
ACCOUNT = "Test Invitations Outgoing"
SENDER = "invitations@imta.example"


def make_templates() -> tuple[str, str]:
	"""Names of an English and a Chinese Email Template that use what every invitation has."""
	texts = {
		TEMPLATE_EN: (
			"Invitation to {{ prospect_name }}",
			"<p>Dear {{ prospect_name }},</p><p>please <a href='{{ reply_url }}'>answer</a>.</p>",
		),
		TEMPLATE_ZH: (
			"致{{ prospect_name }}的邀请",
			"<p>尊敬的{{ prospect_name }}：</p><p>请<a href='{{ reply_url }}'>回复</a>。</p>",
		),
	}
	for name, (subject, body) in texts.items():
		if not frappe.db.exists("Email Template", name):
			template = frappe.new_doc("Email Template")
			template.update({"subject": subject, "use_html": 1, "response_html": body})
			template.insert(ignore_permissions=True, set_name=name)
	return TEMPLATE_EN, TEMPLATE_ZH


def make_account(*, smtp_server: str = "127.0.0.1", smtp_port: int | str = 2525, **values) -> str:
	"""Name of an outgoing Email Account without log-in. The site's default, so that mails leave by it."""
	if frappe.db.exists("Email Account", ACCOUNT):
		account = frappe.get_doc("Email Account", ACCOUNT)
	else:
		account = frappe.new_doc("Email Account")
		account.email_account_name = ACCOUNT
	account.update(
		{
			"email_id": SENDER,
			"enable_outgoing": 1,
			"default_outgoing": 1,
			"no_smtp_authentication": 1,
			"smtp_server": smtp_server,
			"smtp_port": str(smtp_port),
			"use_tls": 0,
			"use_ssl_for_outgoing": 0,
			"track_email_status": 0,
			**values,
		}
	)
	account.save(ignore_permissions=True)
	return account.name


def step(title: str = "Invitation", *, days: int = 0, channel: str = "E-mail", **values) -> dict:
	"""A row of a campaign's steps. Mails use the test templates."""
	row = {
		"step_title": title,
		"channel": channel,
		"days": days,
		"counted_from": "Previous Step",
		"only_if_no_reply": 1,
		"language": "All Languages",
	}
	if channel == "E-mail":
		row.update({"email_template": TEMPLATE_EN, "email_template_zh": TEMPLATE_ZH})
	else:
		row["task"] = f"{title}: ask whether the invitation has arrived"
	return {**row, **values}


def default_steps() -> list[dict]:
	return [step(), step("Call", days=5, channel="Call"), step("Reminder", days=7)]


def make_campaign(
	*,
	running: bool = False,
	state: str | None = None,
	steps: list[dict] | None = None,
	targets: list[dict] | None = None,
	**values,
):
	"""A membership campaign from today, for 90 days, around the clock, without a cap; then put into a state.

	The state is written to the database, past the workflow; `running` is short for state="Running".
	"""
	make_templates()
	make_account()
	make_tier("Ordinary")
	start = getdate(values.get("from_date") or nowdate())
	campaign = frappe.new_doc("Invitation Campaign")
	campaign.update(
		{
			"campaign_name": f"Test Campaign {next_number()}",
			"purpose": "Membership",
			"year": start.year,
			"theme": "Mountains for all",
			"from_date": start,
			"to_date": add_days(start, 90),
			"campaign_owner": frappe.session.user,
			"starts_by_itself": 1,
			"default_tier": "Ordinary",
			"default_language": "en",
			"email_account": ACCOUNT,
			"daily_cap": 0,
			"work_from": "00:00:00",
			"work_to": "23:59:59",
			"working_days_only": 0,
			**values,
		}
	)
	if campaign.purpose == "Activity" and not campaign.activity_name:
		campaign.activity_name, campaign.activity_name_zh = "Mountain Forum", "山地论坛"
	for row in default_steps() if steps is None else steps:
		campaign.append("steps", row)
	for row in [{"planned": 20}] if targets is None else targets:
		campaign.append("targets", row)
	campaign.insert(ignore_permissions=True)
	campaign.flags.ignore_permissions = False
	if wanted := ("Running" if running else state):
		put_into(campaign, wanted)
	return campaign


def put_into(campaign, state: str) -> None:
	"""Write a state past the workflow."""
	frappe.db.set_value(campaign.doctype, campaign.name, "workflow_state", state)
	campaign.reload()


def make_invitation(campaign: str, name: str | None = None, **fields):
	"""A planned invitation of an Austrian organisation that keeps the site's hours; any field fits.

	make_invitation(campaign.name); make_invitation(campaign.name, country="China", status="Interested")
	"""
	number = next_number()
	if fields.keys().isdisjoint(("country", "time_zone")):
		# A day begins with the site's: else, in the site's first hours, nobody is due before their own midnight.
		fields["time_zone"] = frappe.utils.get_system_timezone()
	doc = frappe.new_doc("Invitation")
	doc.update(
		{
			"campaign": campaign,
			"prospect_name": name or f"Prospect {number}",
			"country": "Austria",
			"email": f"prospect{number}@prospect{number}.example",
			"source": "File",
			**fields,
		}
	)
	doc.flags.by_invitations = True  # made by the system, as an import does: any status, no look-up
	return doc.insert(ignore_permissions=True)
