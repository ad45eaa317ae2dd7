"""Who may see which campaign and which invitation: one predicate for lists, reports and single documents.

Roles say what somebody may do at all (DocType permissions); this module says with what. Membership managers
and the leadership see all. A training coordinator invites to activities and sees nothing of the recruitment
of members. A liaison officer reads every campaign, and the invitations that are the officer's own.
"""

from __future__ import annotations

import frappe
from frappe.model.document import Document

CAMPAIGN = "Invitation Campaign"
INVITATION = "Invitation"
TOUCH = "Invitation Touch"
IMPORT = "Prospect Import"
ACTIVITY = "Activity"

MANAGER_ROLE = "Membership Manager"
LEADERSHIP_ROLE = "Alliance Leadership"
COORDINATOR_ROLE = "Training Coordinator"
OFFICER_ROLE = "Liaison Officer"
#: See campaigns and invitations of every purpose, whoever looks after them.
SEES_ALL = frozenset({"System Manager", MANAGER_ROLE, LEADERSHIP_ROLE})
#: Plan and run campaigns of every purpose; a coordinator does so for activities.
PLANS_ALL = frozenset({"System Manager", MANAGER_ROLE})
NOBODY = "1=0"


def sees_all(user: str | None = None) -> bool:
	"""Whether the user sees the invitations of every purpose and every officer."""
	return _has(user, SEES_ALL)


def plans_all(user: str | None = None) -> bool:
	"""Whether the user may plan and run campaigns of every purpose."""
	return _has(user, PLANS_ALL)


def may_plan(purpose: str | None, user: str | None = None) -> bool:
	"""Whether the user may plan and run a campaign of this purpose."""
	return plans_all(user) or (purpose == ACTIVITY and _has(user, {COORDINATOR_ROLE}))


def sees_campaign(user: str | None, purpose: str | None) -> bool:
	"""Whether the user may read a campaign of this purpose."""
	return (
		sees_all(user)
		or _has(user, {OFFICER_ROLE})
		or (purpose == ACTIVITY and _has(user, {COORDINATOR_ROLE}))
	)


def sees_invitation(user: str | None, purpose: str | None, officer: str | None) -> bool:
	"""Whether the user may read an invitation of this purpose that this officer looks after."""
	user = user or frappe.session.user
	return (
		sees_all(user)
		or (purpose == ACTIVITY and _has(user, {COORDINATOR_ROLE}))
		or (bool(officer) and officer == user and _has(user, {OFFICER_ROLE}))
	)


def campaign_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of Invitation Campaign."""
	if sees_all(user) or _has(user, {OFFICER_ROLE}):
		return ""
	if _has(user, {COORDINATOR_ROLE}):
		return f"`tab{CAMPAIGN}`.`purpose` = {frappe.db.escape(ACTIVITY)}"
	return NOBODY


def campaign_rows_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of the campaign's child tables: they can be listed by themselves, too."""
	return _of_campaigns(f"`tab{doctype}`.`parent`", campaign_query(user))


def invitation_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of Invitation."""
	if sees_all(user):
		return ""
	user = user or frappe.session.user
	conditions = []
	if _has(user, {COORDINATOR_ROLE}):
		conditions.append(f"`tab{INVITATION}`.`purpose` = {frappe.db.escape(ACTIVITY)}")
	if _has(user, {OFFICER_ROLE}):
		conditions.append(f"`tab{INVITATION}`.`officer` = {frappe.db.escape(user)}")
	return f"({' or '.join(conditions)})" if conditions else NOBODY


def touch_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of Invitation Touch: who sees the invitation sees what was sent for it."""
	condition = invitation_query(user)
	if not condition or condition == NOBODY:
		return condition
	return f"`tab{TOUCH}`.`invitation` in (select `name` from `tab{INVITATION}` where {condition})"


def import_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of Prospect Import: the planners' own work, by the purpose of its campaign."""
	return _of_campaigns(f"`tab{IMPORT}`.`campaign`", _planned_campaigns(user))


def import_rows_query(user: str | None = None, doctype: str | None = None) -> str:
	"""Query condition of the rows of a Prospect Import, which can be listed by themselves, too."""
	condition = import_query(user)
	if not condition or condition == NOBODY:
		return condition
	return f"`tab{doctype}`.`parent` in (select `name` from `tab{IMPORT}` where {condition})"


def campaign_has_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool | None:
	"""Document permission of Invitation Campaign, both as it is stored and as it is about to be."""
	user = user or frappe.session.user
	purposes = _stored_and_coming(doc, "purpose")
	if ptype in ("create", "delete", "write", "share"):
		# The leadership writes its decision; what else it may not, the campaign itself refuses.
		decides = ptype in ("write", "share") and _has(user, {LEADERSHIP_ROLE})
		return None if decides or all(may_plan(purpose, user) for purpose in purposes) else False
	return None if all(sees_campaign(user, purpose) for purpose in purposes) else False


def invitation_has_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool | None:
	"""Document permission of Invitation: the same answer as `invitation_query`, judged by what is stored.

	A new one is judged by the purpose of its campaign.
	"""
	user = user or frappe.session.user
	if stored := _stored(doc, ["purpose", "officer"]):
		return None if sees_invitation(user, *stored) else False
	if not doc.get("campaign"):
		return None
	return None if may_plan(_purpose_of(doc.get("campaign")), user) else False


def touch_has_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool | None:
	"""Document permission of Invitation Touch: the same answer as `touch_query`."""
	if sees_all(user):
		return None
	invitation = _stored(doc, "invitation") or doc.get("invitation")
	stored = frappe.db.get_value(INVITATION, invitation, ["purpose", "officer"])
	return None if stored and sees_invitation(user, *stored) else False


def import_has_permission(
	doc: Document, ptype: str | None = None, user: str | None = None, debug: bool = False
) -> bool | None:
	"""Document permission of Prospect Import: the same answer as `import_query`."""
	if sees_all(user):
		return None
	campaigns = _stored_and_coming(doc, "campaign")
	return None if all(may_plan(_purpose_of(name), user) for name in campaigns) else False


def _planned_campaigns(user: str | None) -> str:
	"""Condition on campaigns whose prospects the user may see as a list: for planners and leadership."""
	if sees_all(user):
		return ""
	if _has(user, {COORDINATOR_ROLE}):
		return f"`tab{CAMPAIGN}`.`purpose` = {frappe.db.escape(ACTIVITY)}"
	return NOBODY


def _of_campaigns(column: str, condition: str) -> str:
	if not condition or condition == NOBODY:
		return condition
	return f"{column} in (select `name` from `tab{CAMPAIGN}` where {condition})"


def _stored_and_coming(doc: Document, field: str) -> set[str]:
	return {value for value in (doc.get(field), _stored(doc, field)) if value}


def _stored(doc: Document, fields: str | list[str]) -> object:
	"""What the database has under this name. Whether a document is new is for its sender to say, so not asked."""
	return frappe.db.get_value(doc.doctype, doc.name, fields) if doc.name else None


def _purpose_of(campaign: str | None) -> str | None:
	return frappe.db.get_value(CAMPAIGN, campaign, "purpose") if campaign else None


def _has(user: str | None, roles: frozenset[str] | set[str]) -> bool:
	user = user or frappe.session.user
	return user == "Administrator" or not roles.isdisjoint(frappe.get_roles(user))
