from __future__ import annotations

from datetime import date

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, formatdate, getdate, now_datetime, nowdate

from imta_crm.membership import members
from imta_crm.policy import messages
from imta_crm.policy.status import (
	APPOINT_EMERITUS,
	DOWNGRADE,
	REINSTATE,
	TIER_CHANGES,
	UPGRADE,
	ForbiddenChange,
	Status,
	apply_change,
	check_tier_change,
)

DRAFT, SCHEDULED, APPLIED, CANCELLED = "Draft", "Scheduled", "Applied", "Cancelled"


class ForbiddenChangeError(frappe.ValidationError):
	"""The rules do not allow this change for this member."""


class AppliedChangeError(frappe.ValidationError):
	"""A change that is in force is undone by another change, never by cancelling it."""


class MembershipChange(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		amended_from: DF.Link | None
		applied_on: DF.Datetime | None
		change_type: DF.Literal[
			"Upgrade", "Downgrade", "Withdraw", "Suspend", "Reinstate", "Remove", "Appoint Emeritus"
		]
		decided_by: DF.Link | None
		effective_date: DF.Date
		grant_credit_note: DF.Check
		member: DF.Link
		member_name: DF.Data | None
		new_tier: DF.Link | None
		previous_status: DF.Data | None
		previous_tier: DF.Link | None
		problem: DF.SmallText | None
		reason: DF.SmallText
		state: DF.Literal["Draft", "Scheduled", "Applied", "Cancelled"]
	# end: auto-generated types

	def validate(self) -> None:
		self.validate_reason()
		self.set_tier_of_emeritus()
		self.validate_new_tier()
		self.validate_effective_date()
		self.validate_rules()
		self.validate_credit_note()
		self.set_decision()

	def before_submit(self) -> None:
		self.state = SCHEDULED

	def on_submit(self) -> None:
		if getdate(self.effective_date) <= getdate(nowdate()):
			self.apply()

	def before_cancel(self) -> None:
		# The lock decides between cancelling and the daily job taking effect.
		state = frappe.db.get_value(self.doctype, self.name, "state", for_update=True)
		if state == APPLIED:
			frappe.throw(
				_("{0} has taken effect on {1} and cannot be cancelled. Make a new change instead.").format(
					self.name, formatdate(self.effective_date)
				),
				AppliedChangeError,
			)

	def on_cancel(self) -> None:
		self.db_set({"state": CANCELLED, "problem": None})

	# Rules

	def validate_reason(self) -> None:
		self.reason = (self.reason or "").strip()
		if not self.reason:
			frappe.throw(_("Give the reason for the change."), frappe.MandatoryError)

	def set_tier_of_emeritus(self) -> None:
		if self.change_type == APPOINT_EMERITUS:
			self.new_tier = self.new_tier or emeritus_tier(self.member)
		elif self.change_type not in TIER_CHANGES:
			self.new_tier = None

	def validate_new_tier(self) -> None:
		if not self.new_tier:
			return
		tier = frappe.db.get_value(
			"Member Tier", self.new_tier, ["member_type", "disabled", "is_emeritus"], as_dict=True
		)
		if not tier:
			return  # the link check says so
		if tier.disabled:
			frappe.throw(_("Tier {0} is disabled.").format(self.new_tier), ForbiddenChangeError)
		if self.change_type in TIER_CHANGES and tier.is_emeritus:
			frappe.throw(
				_("Tier {0} is given by the change {1}.").format(self.new_tier, _(APPOINT_EMERITUS)),
				ForbiddenChangeError,
			)
		member_type = frappe.db.get_value("IMTA Member", self.member, "member_type")
		if tier.member_type not in ("Any", member_type):
			frappe.throw(
				_("Tier {0} is not for members of type {1}.").format(self.new_tier, _(member_type)),
				ForbiddenChangeError,
			)

	def validate_effective_date(self) -> None:
		member = self.facts()
		latest = max(
			(getdate(day) for day in (member.joined_on, member.status_since, member.tier_since) if day),
			default=None,
		)
		if latest and getdate(self.effective_date) < latest:
			frappe.throw(
				messages.text(
					"change_before_latest",
					(formatdate(self.effective_date), formatdate(latest)),
					frappe.local.lang or "en",
				),
				members.RewritesThePastError,
			)

	def validate_rules(self) -> None:
		"""Against the member as it is now. A change for a later day is asked again on that day."""
		self.new_status(self.facts())

	def validate_credit_note(self) -> None:
		"""The treasurer grants it, whoever decides on the downgrade."""
		if self.change_type != DOWNGRADE:
			self.grant_credit_note = 0
		before = self.get_doc_before_save()
		if cint(self.grant_credit_note) > cint(before.grant_credit_note if before else 0):
			from imta_crm.dues.charges import check_treasurer

			check_treasurer()

	def set_decision(self) -> None:
		self.decided_by = self.decided_by or frappe.session.user
		if self.docstatus.is_draft():
			self.state = DRAFT

	def facts(self) -> frappe._dict:
		found = frappe.db.get_value(
			"IMTA Member",
			self.member,
			["member_name", "status", "tier", "joined_on", "status_since", "tier_since"],
			as_dict=True,
		)
		if not found:
			frappe.throw(_("There is no member {0}.").format(self.member), frappe.DoesNotExistError)
		return found

	def new_status(self, member: frappe._dict | Document) -> str:
		"""The status that the change leads to. Raises ForbiddenChangeError with the rule's own words."""
		try:
			if self.change_type in TIER_CHANGES:
				check_tier_change(self.change_type, member.tier, self.new_tier, tier_ranks())
			status = apply_change(self.change_type, member.status)
			if self.change_type == REINSTATE and is_emeritus(member.tier):
				status = Status.EMERITUS
			return str(status)
		except ForbiddenChange as problem:
			frappe.throw(
				messages.text(problem.code, [_(arg) for arg in problem.args_], frappe.local.lang or "en"),
				ForbiddenChangeError,
			)

	# Taking effect

	def status_day(self, member: Document) -> date:
		"""The effective date; where the ledger has moved the member since, the day on which it did.

		Days were missed then, or the look at the ledger came first: the change must not fail for ever, and
		what has been recorded meanwhile stays.
		"""
		effective, last = getdate(self.effective_date), member.status_history[-1]
		by_ledger = len(member.status_history) > 1 and not last.membership_change
		return max(effective, getdate(last.from_date)) if by_ledger else effective

	def apply(self) -> bool:
		"""Take effect, as of the effective date. Returns False where that had happened before.

		Locks the member first and the change second, always in this order, so that two changes of one
		member follow each other and one change never counts twice.
		"""
		member = members.lock(self.member)
		stored = frappe.db.get_value(
			self.doctype,
			self.name,
			["state", "docstatus", "grant_credit_note"],
			as_dict=True,
			for_update=True,
		)
		if stored.state != SCHEDULED or stored.docstatus != 1:
			return False
		status = self.new_status(member)
		before = {"previous_tier": member.tier, "previous_status": member.status}
		how = {"reason": self.reason, "change": self.name, "who": self.decided_by}
		if self.new_tier:
			members.set_tier(self.member, self.new_tier, on=getdate(self.effective_date), **how)
		members.set_status(self.member, status, on=self.status_day(member), **how)
		self.db_set({**before, "state": APPLIED, "applied_on": now_datetime(), "problem": None})
		if self.change_type == UPGRADE or (self.change_type == DOWNGRADE and stored.grant_credit_note):
			# A downgrade counts from the next period, unless the treasurer has granted a credit.
			from imta_crm.dues.charges import on_tier_change

			on_tier_change(self.member, self.name)
		return True


def tier_ranks() -> dict[str, int]:
	"""Rank of each tier; a higher number is a higher tier."""
	return dict(frappe.get_all("Member Tier", fields=["name", "rank"], as_list=True))


def is_emeritus(tier: str | None) -> bool:
	"""Whether who belongs to the tier is an emeritus member, also on return."""
	return bool(tier and frappe.get_cached_value("Member Tier", tier, "is_emeritus"))


def emeritus_tier(member: str) -> str | None:
	"""The tier that emeritus members of this kind belong to, where there is one."""
	member_type = frappe.db.get_value("IMTA Member", member, "member_type")
	return frappe.db.get_value(
		"Member Tier",
		{"is_emeritus": 1, "disabled": 0, "member_type": ("in", ("Any", member_type))},
		"name",
		order_by="rank desc, name asc",
	)


def on_doctype_update() -> None:
	frappe.db.add_index("Membership Change", ["state", "effective_date"])


@frappe.whitelist()
@frappe.validate_and_sanitize_search_inputs
def new_tier_query(
	doctype: str, txt: str, searchfield: str, start: int, page_len: int, filters: dict | str | None = None
) -> list[tuple]:
	"""Tiers that the change may lead to, nearest first: higher ones for an upgrade, lower ones for a downgrade."""
	frappe.has_permission("Member Tier", "read", throw=True)
	filters = frappe.parse_json(filters) or {}
	member = filters.get("member")
	conditions: dict = {"disabled": 0, "is_emeritus": int(filters.get("change_type") == APPOINT_EMERITUS)}
	order = "rank asc"
	if member:
		frappe.has_permission("IMTA Member", "read", doc=member, throw=True)
		tier, member_type = frappe.db.get_value("IMTA Member", member, ["tier", "member_type"])
		conditions["member_type"] = ("in", ("Any", member_type))
		rank = frappe.db.get_value("Member Tier", tier, "rank") or 0
		if filters.get("change_type") == UPGRADE:
			conditions["rank"] = (">", rank)
		elif filters.get("change_type") in TIER_CHANGES:
			conditions["rank"], order = ("<", rank), "rank desc"
	return frappe.get_all(
		"Member Tier",
		filters=conditions,
		or_filters={"name": ("like", f"%{txt}%"), "tier_name_zh": ("like", f"%{txt}%")},
		fields=["name", "tier_name_zh"],
		order_by=order,
		limit_start=start,
		limit_page_length=page_len,
		as_list=True,
	)
