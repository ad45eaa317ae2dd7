"""A campaign of invitations: whom the alliance wants to win, what it writes to them, and when.

Which step follows which, and who may take it, is the Workflow "Invitation Campaign". This controller adds what
a workflow cannot say: what an approval needs, who may not approve, and that what was approved stays as it was.
"""

from __future__ import annotations

import frappe
from frappe import _
from frappe.model import no_value_fields
from frappe.model.document import Document
from frappe.utils import cint, flt, get_datetime, getdate

from imta_crm.invitations import approval, campaigns, lifecycle, permissions, targets
from imta_crm.policy.names import tidy
from imta_crm.policy.schedule import ScheduleProblem
from imta_crm.workflows import check_is_on

MAX_STEPS = 20
MAX_DAYS = 1000
KEY_LENGTH = 8
#: Written by the system alone. Frappe keeps "read only" in the browser, not on the server.
SYSTEM_FIELDS = ("started_at", "finished_at", "submitted_by", "approved_by", "approved_at", "last_problem")
#: Who looks after it: not part of what is approved, may change while the campaign is not over.
CARE_FIELDS = frozenset(("campaign_owner", "default_officer"))
#: What a paused campaign may change besides: how it sends, and the steps that nobody has got.
PAUSED_FIELDS = frozenset(
	(
		"to_date",
		"daily_cap",
		"email_account",
		"work_from",
		"work_to",
		"working_days_only",
		"holiday_list",
		"link_valid_days",
		"answer_until",
		"steps",
		"later_template",
		"later_template_zh",
	)
)


class PlanLocked(frappe.ValidationError):
	"""What was submitted or approved was to be changed."""


class NotReady(frappe.ValidationError):
	"""The campaign lacks something without which it cannot be approved."""


class OwnCampaign(frappe.ValidationError):
	"""Somebody was to approve what is their own."""


class WrongPlan(frappe.ValidationError):
	"""Dates, hours, steps or targets that contradict themselves."""


class InvitationCampaign(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from imta_crm.invitations.doctype.invitation_campaign_step.invitation_campaign_step import (
			InvitationCampaignStep,
		)
		from imta_crm.invitations.doctype.invitation_campaign_target.invitation_campaign_target import (
			InvitationCampaignTarget,
		)

		activity: DF.DynamicLink | None
		activity_doctype: DF.Link | None
		activity_from: DF.Datetime | None
		activity_name: DF.Data | None
		activity_name_zh: DF.Data | None
		activity_place: DF.Data | None
		activity_time_zone: DF.Autocomplete | None
		activity_to: DF.Datetime | None
		answer_until: DF.Date | None
		approved_at: DF.Datetime | None
		approved_by: DF.Link | None
		campaign_name: DF.Data
		campaign_owner: DF.Link
		daily_cap: DF.Int
		default_language: DF.Link | None
		default_officer: DF.Link | None
		default_tier: DF.Link | None
		delegate_role: DF.Literal["", "Speaker", "Exhibitor", "Delegate", "Guest"]
		email_account: DF.Link | None
		finished_at: DF.Datetime | None
		from_date: DF.Date
		growth_percent: DF.Percent
		holiday_list: DF.Link | None
		last_problem: DF.SmallText | None
		later_template: DF.Link | None
		later_template_zh: DF.Link | None
		link_valid_days: DF.Int
		naming_series: DF.Literal["CAM-.YYYY.-.####"]
		not_again_months: DF.Int
		purpose: DF.Literal["Membership", "Activity"]
		started_at: DF.Datetime | None
		starts_by_itself: DF.Check
		steps: DF.Table[InvitationCampaignStep]
		submitted_by: DF.Link | None
		targets: DF.Table[InvitationCampaignTarget]
		theme: DF.Data | None
		to_date: DF.Date
		work_from: DF.Time | None
		work_to: DF.Time | None
		workflow_state: DF.Link | None
		working_days_only: DF.Check
		year: DF.Int
	# end: auto-generated types

	def onload(self) -> None:
		self.set_onload("may_plan", permissions.may_plan(self.purpose))
		state = self.workflow_state or campaigns.DRAFT
		self.set_onload("open_fields", None if state == campaigns.DRAFT else sorted(open_fields(state)))
		self.set_onload("progress", lifecycle.progress(self.name))

	def load_from_db(self) -> Document:
		self.flags.pop("target_figures", None)
		return super().load_from_db()

	def before_insert(self) -> None:
		for field in SYSTEM_FIELDS:
			self.set(field, None)
		self.campaign_owner = self.campaign_owner or frappe.session.user
		self.set_hours()

	def set_hours(self) -> None:
		"""Frappe gives every time of a new document the present moment, to the microsecond; nobody types that."""
		for field, hour in (("work_from", campaigns.DEFAULT_FROM), ("work_to", campaigns.DEFAULT_TO)):
			if campaigns.as_time(self.get(field), hour).microsecond:
				self.set(field, hour)

	def validate(self) -> None:
		self.validate_workflow_is_on()
		self.validate_system_fields()
		self.validate_planner()
		self.validate_locks()
		self.clean_texts()
		self.validate_period()
		self.validate_hours()
		self.validate_activity()
		self.set_step_keys()
		self.validate_steps()
		self.validate_targets()
		self.validate_ready()
		self.validate_approver()
		self.record_approval()

	def on_update(self) -> None:
		if self.workflow_state != self.state_before():
			lifecycle.after_change(self.name, self.workflow_state)

	def on_trash(self) -> None:
		if frappe.db.exists("Invitation", {"campaign": self.name}):
			frappe.throw(_("{0} has invitations and cannot be deleted; cancel it instead.").format(self.name))

	# Figures

	def target_figures(self) -> dict[int, dict[str, int]]:
		"""Figures beside the targets by id() of their row; read once for the rows as they are."""
		rows = self.targets
		key = tuple((id(row), row.region, row.sector, row.tier, row.planned) for row in rows)
		known = self.flags.target_figures
		if not known or known[0] != key:
			plain = [{field: row.get(field) for field in targets.FIELDS} for row in rows]
			found = targets.figures(self.name, self.purpose, plain)
			known = (key, {id(row): each for row, each in zip(rows, found, strict=True)})
			self.flags.target_figures = known
		return known[1]

	# State

	def state_before(self) -> str | None:
		"""State in the database before this save; a new document has none."""
		before = self.get_doc_before_save()
		return (before.workflow_state or campaigns.DRAFT) if before else None

	def is_entering(self, *states: str) -> bool:
		return self.workflow_state in states and self.state_before() not in (None, self.workflow_state)

	def used_steps(self) -> set[str]:
		"""Keys of the steps that somebody has got."""
		if self.is_new():
			return set()
		return set(
			frappe.get_all("Invitation Touch", {"campaign": self.name}, pluck="step_key", distinct=True)
		)

	def validate_workflow_is_on(self) -> None:
		if not self.workflow_state:
			self.workflow_state = campaigns.DRAFT
		check_is_on(self, self.workflow_state, self.state_before() or campaigns.DRAFT)

	def validate_system_fields(self) -> None:
		before = self.get_doc_before_save()
		for field in SYSTEM_FIELDS if before else ():
			self.set(field, before.get(field))

	# Who may change what

	def validate_planner(self) -> None:
		"""The leadership decides on a plan and does not write it; its role lets it save for that alone."""
		if self.flags.ignore_permissions or permissions.may_plan(self.purpose):
			return
		if changed := self.changed_fields():
			frappe.throw(
				_("You decide on this campaign; planners change it: {0}").format(self.labels(changed)),
				frappe.PermissionError,
			)

	def validate_locks(self) -> None:
		"""What was submitted for approval is what is approved, and what was approved is what runs."""
		before = self.get_doc_before_save()
		if not before or before.workflow_state in (None, "", campaigns.DRAFT):
			return
		state = before.workflow_state
		locked = [field for field in self.changed_fields() if field not in open_fields(state)]
		if locked:
			frappe.throw(
				_("{0} is {1} and keeps its plan; not changed any more: {2}").format(
					self.name, _(state), self.labels(locked)
				),
				PlanLocked,
			)
		if state == campaigns.PAUSED:
			self.validate_used_steps(before)

	def validate_used_steps(self, before: Document) -> None:
		"""A step that somebody has got stays what it was for the others."""
		used = self.used_steps()
		meta = frappe.get_meta("Invitation Campaign Step")
		now = {row.name: row for row in self.steps}
		for row in before.steps:
			if row.step_key not in used:
				continue
			kept = now.get(row.name)
			if not kept or _row_values(kept, meta) != _row_values(row, meta):
				frappe.throw(
					_("The step {0} has been sent already and stays as it is.").format(row.step_title),
					PlanLocked,
				)
		order = [row.step_key for row in before.steps if row.step_key in used]
		last = len(order)
		if [row.name for row in self.steps[:last]] != [
			row.name for row in before.steps if row.step_key in used
		] and [row.step_key for row in before.steps[:last]] == order:
			frappe.throw(_("New steps come after those that have been sent already."), PlanLocked)

	def changed_fields(self) -> list[str]:
		"""Fields that this save changes, other than the state."""
		before = self.get_doc_before_save()
		if not before:
			return []
		return [
			df.fieldname
			for df in self.meta.fields
			if df.fieldname != "workflow_state"
			and (df.fieldtype not in no_value_fields or df.fieldtype == "Table")
			and _value(self, df) != _value(before, df)
		]

	def labels(self, fields: list[str]) -> str:
		return ", ".join(_(self.meta.get_label(field)) for field in fields)

	def validate_approver(self) -> None:
		"""Nobody approves what they own, answer for or have submitted themselves."""
		if not self.is_entering(campaigns.APPROVED) or frappe.session.user == "Administrator":
			return
		if frappe.session.user in (self.owner, self.campaign_owner, self.submitted_by):
			frappe.throw(_("Somebody else has to approve your own campaign."), OwnCampaign)

	def record_approval(self) -> None:
		if self.is_entering(campaigns.PENDING):
			self.submitted_by = frappe.session.user
		elif self.is_entering(campaigns.APPROVED):
			self.approved_by, self.approved_at = frappe.session.user, frappe.utils.now_datetime()
		elif self.is_entering(campaigns.DRAFT):
			self.submitted_by = self.approved_by = self.approved_at = None

	def validate_ready(self) -> None:
		"""All that stands in the way of approval or start, at once."""
		if not self.is_entering(*approval.NEEDED_FOR):
			return
		if problems := approval.problems(self):
			frappe.throw(problems, NotReady, title=_("Not ready yet"), as_list=True)

	# Rules

	def clean_texts(self) -> None:
		for field in ("campaign_name", "theme", "activity_name", "activity_name_zh", "activity_place"):
			self.set(field, tidy(self.get(field) or "") or None)
		for row in self.steps:
			row.step_title = tidy(row.step_title or "")

	def validate_period(self) -> None:
		if getdate(self.to_date) < getdate(self.from_date):
			frappe.throw(_("The campaign ends before it starts."), WrongPlan)
		if (getdate(self.to_date) - getdate(self.from_date)).days > MAX_DAYS:
			frappe.throw(_("A campaign lasts {0} days at most.").format(MAX_DAYS), WrongPlan)
		self.year = cint(self.year) or getdate(self.from_date).year
		if not 2000 <= self.year <= 2999:
			frappe.throw(_("{0} is not a year.").format(self.year), WrongPlan)

	def validate_hours(self) -> None:
		try:
			campaigns.hours_of(self)
		except ScheduleProblem:
			frappe.throw(_("The hours end before they begin."), WrongPlan)

	def validate_activity(self) -> None:
		if self.purpose != campaigns.ACTIVITY:
			return
		if not self.activity_name:
			frappe.throw(_("Which activity do you invite to?"), frappe.MandatoryError)
		if (
			self.activity_from
			and self.activity_to
			and get_datetime(self.activity_to) < get_datetime(self.activity_from)
		):
			frappe.throw(_("The activity ends before it begins."), WrongPlan)
		if self.answer_until and getdate(self.answer_until) < getdate(self.from_date):
			frappe.throw(_("The day to answer by is before the campaign."), WrongPlan)

	def set_step_keys(self) -> None:
		"""Name each new step for ever: touches are unique by this key, also when steps are moved."""
		before = self.get_doc_before_save()
		known = {row.name: row.step_key for row in before.steps} if before else {}
		taken = set(known.values())
		for row in self.steps:
			if row.name in known:
				row.step_key = known[row.name]
				continue
			if before or not row.step_key or row.step_key in taken or row.step_key.startswith("later"):
				row.step_key = frappe.generate_hash(length=KEY_LENGTH)
			taken.add(row.step_key)

	def validate_steps(self) -> None:
		if len(self.steps) > MAX_STEPS:
			frappe.throw(_("A campaign has {0} steps at most.").format(MAX_STEPS), WrongPlan)
		for row in self.steps:
			if not 0 <= cint(row.days) <= MAX_DAYS:
				frappe.throw(_("Step {0}: days from 0 to {1}, please.").format(row.idx, MAX_DAYS), WrongPlan)
		if self.steps:
			self.steps[0].counted_from = "Start"

	def validate_targets(self) -> None:
		if numbers := targets.duplicates(self.targets):
			frappe.throw(
				_("The same target stands there twice: row {0}").format(", ".join(map(str, numbers))),
				WrongPlan,
			)


def open_fields(state: str) -> frozenset[str]:
	"""Fields that may change in a state in which the plan as a whole may not."""
	if state in campaigns.OVER:
		return frozenset()
	return CARE_FIELDS | PAUSED_FIELDS if state == campaigns.PAUSED else CARE_FIELDS


def _value(doc: Document, df) -> object:
	"""A field's value so that what a form sends equals what the database holds."""
	value = doc.get(df.fieldname)
	if df.fieldtype == "Table":
		meta = frappe.get_meta(df.options)
		return [_row_values(row, meta) for row in value or []]
	if df.fieldtype in ("Int", "Check"):
		return cint(value)
	if df.fieldtype in ("Float", "Percent", "Currency"):
		return flt(value)
	if value in (None, ""):
		return None
	if df.fieldtype == "Date":
		return getdate(value)
	if df.fieldtype == "Datetime":
		return get_datetime(value)
	if df.fieldtype == "Time":
		return campaigns.as_time(value)
	return str(value)


def _row_values(row: Document, meta) -> tuple:
	return tuple(
		_value(row, df)
		for df in meta.fields
		if df.fieldtype not in no_value_fields and not df.get("is_virtual")
	)
