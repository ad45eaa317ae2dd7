"""What a campaign says, and the states that it goes through.

People change the state by the steps of the workflow "Invitation Campaign", the system by `set_state`. What
follows from a change is the same for both and stands in `lifecycle.after_change`.

Times of day and days are those of the site's time zone unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import frappe
from frappe import _
from frappe.utils import cint, getdate
from frappe.utils.data import get_time

from imta_crm.erp import masters
from imta_crm.invitations import permissions
from imta_crm.policy.schedule import Hours, Step

CAMPAIGN = "Invitation Campaign"
MEMBERSHIP, ACTIVITY = "Membership", "Activity"
DRAFT, PENDING, APPROVED = "Draft", "Pending Approval", "Approved"
RUNNING, PAUSED = "Running", "Paused"
COMPLETED, CANCELLED = "Completed", "Cancelled"
STATES = (DRAFT, PENDING, APPROVED, RUNNING, PAUSED, COMPLETED, CANCELLED)
#: Nothing follows after these.
OVER = (COMPLETED, CANCELLED)
#: Prospects may be added.
OPEN_FOR_PROSPECTS = (DRAFT, PENDING, APPROVED, RUNNING, PAUSED)
MAIL = "E-mail"
#: Key of the templates for those who asked to hear later, in `CampaignRules.templates`.
LATER = "later"
DEFAULT_FROM, DEFAULT_TO = time(9), time(17)


class CampaignStateError(frappe.ValidationError):
	"""The campaign is not in a state that allows this."""


@dataclass(frozen=True)
class CampaignRules:
	"""A campaign as the sending, the planning and the reply page read it.

	`templates` and `tasks` are by step key: (English, Chinese) names of Email Templates, and what the officer
	shall do. `templates["later"]` is for those who asked to hear later, ("", "") where the officer gets a task.
	`daily_cap` and `link_valid_days` are 0 for no limit.
	"""

	name: str
	campaign_name: str
	purpose: str
	year: int
	theme: str
	state: str
	steps: tuple[Step, ...]
	templates: Mapping[str, tuple[str, str]]
	tasks: Mapping[str, str]
	hours: Hours
	from_date: date
	to_date: date
	daily_cap: int
	email_account: str | None
	link_valid_days: int
	not_again_months: int
	default_tier: str | None
	default_language: str | None
	default_officer: str | None
	campaign_owner: str | None
	activity: Activity | None

	@property
	def is_running(self) -> bool:
		return self.state == RUNNING

	@property
	def is_for_membership(self) -> bool:
		return self.purpose == MEMBERSHIP

	def step(self, key: str) -> Step | None:
		"""The step of this key, None where it is of another campaign or was taken away."""
		return next((step for step in self.steps if step.key == key), None)


@dataclass(frozen=True)
class Activity:
	"""What people are invited to. `begins_at` and `ends_at` are by the clock of `time_zone`."""

	name: str
	name_zh: str
	doctype: str | None
	document: str | None
	begins_at: datetime | None
	ends_at: datetime | None
	time_zone: str
	place: str
	answer_until: date | None


# Reading


def rules_of(campaign: str) -> CampaignRules:
	"""The rules of a campaign; read once in a request or job as long as the campaign is not saved anew.

	Raises `frappe.DoesNotExistError`.
	"""
	stamp = frappe.db.get_value(CAMPAIGN, campaign, ["modified", "workflow_state"])
	if not stamp:
		frappe.throw(_("There is no campaign {0}.").format(campaign), frappe.DoesNotExistError)
	cache = _cache()
	key = (campaign, *stamp)
	if key not in cache:
		cache[key] = rules_from(frappe.get_doc(CAMPAIGN, campaign))
	return cache[key]


def rules_from(doc) -> CampaignRules:
	"""The rules of a campaign as it stands in memory, also before it is saved."""
	steps = sorted(doc.get("steps") or [], key=lambda row: cint(row.idx))
	return CampaignRules(
		name=doc.name,
		campaign_name=doc.campaign_name or "",
		purpose=doc.purpose,
		year=cint(doc.year),
		theme=doc.theme or "",
		state=doc.workflow_state or DRAFT,
		steps=tuple(_step(row) for row in steps),
		templates={
			**{row.step_key: _pair(row.email_template, row.email_template_zh) for row in steps},
			LATER: _pair(doc.later_template, doc.later_template_zh),
		},
		tasks={row.step_key: row.task or "" for row in steps},
		hours=hours_of(doc),
		from_date=getdate(doc.from_date),
		to_date=getdate(doc.to_date),
		daily_cap=cint(doc.daily_cap),
		email_account=doc.email_account or None,
		link_valid_days=cint(doc.link_valid_days),
		not_again_months=cint(doc.not_again_months),
		default_tier=doc.default_tier or None,
		default_language=doc.default_language or None,
		default_officer=doc.default_officer or None,
		campaign_owner=doc.campaign_owner or None,
		activity=_activity(doc) if doc.purpose == ACTIVITY else None,
	)


def hours_of(doc) -> Hours:
	"""When mails may go out, by the recipient's clock."""
	return Hours(
		work_from=as_time(doc.work_from, DEFAULT_FROM),
		work_to=as_time(doc.work_to, DEFAULT_TO),
		working_days_only=bool(cint(doc.working_days_only)),
		holidays=masters.holidays(doc.holiday_list),
	)


def _step(row) -> Step:
	return Step(
		key=row.step_key,
		title=row.step_title or "",
		channel=row.channel,
		days=cint(row.days),
		counted_from=row.counted_from,
		only_if_no_reply=bool(cint(row.only_if_no_reply)),
		language=row.language,
	)


def _activity(doc) -> Activity:
	return Activity(
		name=doc.activity_name or "",
		name_zh=doc.activity_name_zh or "",
		doctype=doc.activity_doctype or None,
		document=doc.activity or None,
		begins_at=frappe.utils.get_datetime(doc.activity_from) if doc.activity_from else None,
		ends_at=frappe.utils.get_datetime(doc.activity_to) if doc.activity_to else None,
		time_zone=doc.activity_time_zone or frappe.utils.get_system_timezone(),
		place=doc.activity_place or "",
		answer_until=getdate(doc.answer_until) if doc.answer_until else None,
	)


def _pair(english: str | None, chinese: str | None) -> tuple[str, str]:
	"""Each language falls back on the other, so that nobody gets nothing."""
	return english or chinese or "", chinese or english or ""


def as_time(value, default: time = DEFAULT_FROM) -> time:
	"""A time of day as a form, the database or Python writes it."""
	if value is None or value == "":
		return default
	if isinstance(value, timedelta):
		return (datetime.min + value).time()
	return value if isinstance(value, time) else get_time(str(value))


def _cache() -> dict:
	if not hasattr(frappe.local, "imta_campaign_rules"):
		frappe.local.imta_campaign_rules = {}
	return frappe.local.imta_campaign_rules


# Permission


def check_may_plan(campaign: str, user: str | None = None) -> None:
	"""Raise `frappe.PermissionError` unless the user plans and runs campaigns of this purpose."""
	frappe.has_permission(CAMPAIGN, "read", doc=campaign, user=user, throw=True)
	if not permissions.may_plan(frappe.db.get_value(CAMPAIGN, campaign, "purpose"), user):
		frappe.throw(_("You may not plan this campaign."), frappe.PermissionError)


def check_open_for_prospects(campaign: str) -> None:
	"""Raise CampaignStateError where the campaign is over and nobody is added any more."""
	state = frappe.db.get_value(CAMPAIGN, campaign, "workflow_state")
	if state not in OPEN_FOR_PROSPECTS:
		frappe.throw(_("{0} is {1}.").format(campaign, _(state)), CampaignStateError)


# State


def lock(name: str) -> frappe._dict:
	"""The campaign as it is now, locked until the end of the transaction."""
	row = frappe.db.get_value(CAMPAIGN, name, "*", as_dict=True, for_update=True)
	if not row:
		frappe.throw(_("There is no campaign {0}.").format(name), frappe.DoesNotExistError)
	return row


def set_state(name: str, state: str, *, reason: str | None = None) -> bool:
	"""The system takes a step: no role is asked. False where the campaign is there already.

	:param reason: shown in the campaign's timeline
	"""
	from imta_crm.invitations import lifecycle  # which sends, and so reads campaigns

	before = lock(name).workflow_state
	if before == state:
		return False
	frappe.db.set_value(CAMPAIGN, name, "workflow_state", state)
	doc = frappe.get_doc(CAMPAIGN, name)
	doc.add_comment("Workflow", _(state) + (f": {reason}" if reason else ""))
	lifecycle.after_change(name, state)
	doc.notify_update()
	return True


def advance(today: date | str | None = None) -> dict[str, list[str]]:
	"""Scheduled every five minutes: campaigns start and end by themselves (see `lifecycle.advance`)."""
	from imta_crm.invitations import lifecycle

	return lifecycle.advance(today)
