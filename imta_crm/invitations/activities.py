"""Members and guests invited to an activity, and their answers, for the rooms that hold activities.

A campaign with the purpose Activity invites as any other does: it is approved, sends its steps under its cap
and within working hours, and its reply page asks for a yes or a no. What is held (a session, a conference, an
event) is any document, named by the campaign in `activity_doctype` and `activity`.

Who organises that document asks `answers` who comes, and `tally` how many; both may be asked at any time. What
changes an answer is told to the methods that the hook `activity_replies` names for the kind of document, as
`method(invitation, document, status)`, within the transaction of the reply.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import frappe
from frappe import _
from frappe.utils import getdate

from imta_crm.invitations import campaigns, permissions, prospects, sources, standard_steps
from imta_crm.invitations.prospects import Added
from imta_crm.invitations.record import INVITATION
from imta_crm.membership import parties
from imta_crm.policy import invitation as policy
from imta_crm.policy.prospects import Prospect, fold_email
from imta_crm.transactions import ASKED_BY_DATABASE, all_or_nothing

YES, NO, OPEN = "Yes", "No", ""
MEMBER, GUEST = "Member", "Guest"
# What a status says of coming. Whoever named somebody else or wants no more letters does not come.
_SAYS = {
	policy.ACCEPTED: YES,
	policy.DECLINED: NO,
	policy.WRONG_PERSON: NO,
	policy.DO_NOT_WRITE: NO,
}
# These are not asked: not yet decided on, the same as another one, taken off the list.
_NOT_ASKED = (policy.HELD, policy.MERGED, policy.WITHDRAWN)
# Fields of an Invitation that tell the organiser whom to expect.
_FIELDS = (
	"name",
	"campaign",
	"status",
	"prospect_name",
	"prospect_name_local",
	"invitee_type",
	"member",
	"contact",
	"lead",
	"contact_first_name",
	"contact_last_name",
	"email",
	"country",
	"preferred_language",
	"officer",
	"reply_comment",
	"replied_at",
)


class NotForActivities(frappe.ValidationError):
	"""The campaign invites to membership."""


@dataclass(frozen=True)
class Answer:
	"""What one invitee has answered so far.

	`answer` is Yes, No or empty where nothing was answered; `status` is the invitation's, such as Planned
	(nobody has written yet) or Unreachable. `kind` is Member or Guest. `replied_at` is in the site's time zone,
	`comment` is plain text.
	"""

	invitation: str
	campaign: str
	status: str
	answer: str
	kind: str
	name: str
	name_local: str
	person: str
	email: str
	country: str
	language: str
	officer: str
	member: str | None
	contact: str | None
	lead: str | None
	replied_at: datetime | None
	comment: str


@dataclass(frozen=True)
class Tally:
	"""Numbers of people: asked = yes + no + open. Not yet written to and unreachable ones are open, too."""

	asked: int = 0
	yes: int = 0
	no: int = 0
	open: int = 0
	planned: int = 0
	unreachable: int = 0
	members_yes: int = 0
	guests_yes: int = 0


@dataclass(frozen=True)
class Asked:
	"""What somebody was invited to, and as what."""

	doctype: str
	document: str
	role: str


@dataclass(frozen=True)
class Occasion:
	"""What people are to be invited to. `begins_at` and `ends_at` are by the clock of `time_zone`.

	`role` is what those invited shall be there, an option of Invitation Campaign.delegate_role; empty: it is left
	to who they are.
	"""

	doctype: str
	document: str
	name: str
	name_zh: str
	begins_at: datetime
	ends_at: datetime
	time_zone: str
	place: str
	answer_until: date
	role: str = ""


@dataclass(frozen=True)
class Asking:
	"""A campaign that invites to something: its state, and as what."""

	campaign: str
	campaign_name: str
	state: str
	role: str


def make_campaign(occasion: Occasion) -> str:
	"""A draft of a campaign that invites to this, with the standard steps; the one that is there already.

	The planner adds whom to invite and has it approved. For who plans campaigns of this purpose; raises
	`frappe.PermissionError`.
	"""
	frappe.has_permission(campaigns.CAMPAIGN, "create", throw=True)
	if not permissions.may_plan(policy.ACTIVITY):
		frappe.throw(_("You may not plan this campaign."), frappe.PermissionError)
	for asking in campaigns_for(occasion.doctype, occasion.document):
		if asking.state == campaigns.DRAFT and asking.role == occasion.role:
			return asking.campaign
	today = getdate()
	ends_on = max(today, min(occasion.answer_until, getdate(occasion.begins_at)))
	doc = frappe.new_doc(campaigns.CAMPAIGN)
	doc.update(
		{
			"campaign_name": occasion.name[:140],
			"purpose": policy.ACTIVITY,
			"year": getdate(occasion.begins_at).year,
			"from_date": today,
			"to_date": ends_on,
			"answer_until": ends_on,
			"activity_doctype": occasion.doctype,
			"activity": occasion.document,
			"activity_name": occasion.name,
			"activity_name_zh": occasion.name_zh,
			"activity_from": occasion.begins_at,
			"activity_to": occasion.ends_at,
			"activity_time_zone": occasion.time_zone,
			"activity_place": occasion.place,
			"delegate_role": occasion.role,
			**standard_steps.standard_steps(policy.ACTIVITY),
		}
	)
	return doc.insert().name


def campaigns_for(activity_doctype: str, activity: str) -> list[Asking]:
	"""The campaigns that invite to it, the oldest first. Checks no permission."""
	return [
		Asking(row.name, row.campaign_name, row.workflow_state or campaigns.DRAFT, row.delegate_role or "")
		for row in frappe.get_all(
			campaigns.CAMPAIGN,
			{"purpose": policy.ACTIVITY, "activity_doctype": activity_doctype, "activity": activity},
			["name", "campaign_name", "workflow_state", "delegate_role"],
			order_by="creation, name",
			limit=0,
		)
	]


@frappe.whitelist(methods=["POST"])
def invite_members(campaign: str, filters: list | dict | str | None = None) -> dict[str, int]:
	"""Invite members by Frappe's filters of IMTA Member, each by its own address or its contact person's.

	For who plans the campaign; whom the user may not read is not invited. Repeating it adds nobody. Returns how
	many were invited, held, refused and there already. A long list is better brought by a Prospect Import.

	:raises NotForActivities: the campaign invites to membership
	"""
	campaigns.check_may_plan(campaign)
	_check_purpose(campaign)
	campaigns.check_open_for_prospects(campaign)
	rows = frappe.parse_json(filters) if isinstance(filters, str) else filters
	if isinstance(rows, dict):
		rows = [[field, "=", value] for field, value in rows.items()]
	conditions = sources.parse_filters(parties.MEMBER, frappe.as_json(rows or []))
	added = prospects.add(campaign, sources.from_members(conditions).prospects, source="Member")
	return {
		"invited": len(added.invited),
		"held": len(added.held),
		"refused": len(added.refused),
		"already": len(added.already),
	}


def invite_guests(campaign: str, guests: Iterable[Prospect], *, source: str = "By Hand") -> Added:
	"""Invite people who are no members, such as those whom another room has on a list. No permission check.

	:raises NotForActivities: the campaign invites to membership
	"""
	_check_purpose(campaign)
	campaigns.check_open_for_prospects(campaign)
	return prospects.add(campaign, guests, source=source)


def answers(activity_doctype: str, activity: str) -> list[Answer]:
	"""Who was asked to the activity and what they answered, by name; whatever the number, two queries.

	Of somebody whom two campaigns have asked, the later answer counts. Checks no permission: who organises the
	activity decides who may see who comes.
	"""
	return answers_to(asking.campaign for asking in campaigns_for(activity_doctype, activity))


def answer_of(invitation: str, *, lock: bool = False) -> tuple[Answer, Asked] | None:
	"""What the invitee of one invitation answered, and to what; None where it is to no activity.

	:param lock: keep the answer as it is until the end of the transaction
	"""
	row = frappe.db.get_value(INVITATION, invitation, [*_FIELDS, "purpose"], as_dict=True, for_update=lock)
	if not row or row.purpose != policy.ACTIVITY or row.status in _NOT_ASKED:
		return None
	activity = campaigns.rules_of(row.campaign).activity
	if not activity or not activity.doctype or not activity.document:
		return None
	role = frappe.db.get_value(campaigns.CAMPAIGN, row.campaign, "delegate_role")
	return _answer(row), Asked(activity.doctype, activity.document, role or "")


def is_invited(
	activity_doctype: str, activity: str, *, contact: str | None = None, email: str | None = None
) -> bool:
	"""Whether a campaign has asked this person, by contact or address, and was not told No."""
	who = {"contact": contact, "email_folded": fold_email(email or "")}
	if not any(who.values()):
		return False
	names = [asking.campaign for asking in campaigns_for(activity_doctype, activity)]
	rows = frappe.get_all(
		INVITATION,
		{"campaign": ("in", names or [""]), "status": ("not in", _NOT_ASKED)},
		["status"],
		or_filters={field: value for field, value in who.items() if value},
	)
	said = {_SAYS.get(row.status, OPEN) for row in rows}
	return bool(said) and said != {NO}


def declined(invitations: Iterable[str]) -> list[str]:
	"""Those of these invitations to which the answer is No now."""
	says_no = [status for status, answer in _SAYS.items() if answer == NO]
	return frappe.get_all(
		INVITATION,
		{"name": ("in", list(invitations) or [""]), "status": ("in", says_no)},
		pluck="name",
		limit=0,
	)


def tell(row: frappe._dict, status: str) -> None:
	"""Tell who organises the activity that this invitation's answer is another one now.

	Never stops the reply, which is worth more: what fails is undone by itself and logged.
	"""
	if row.purpose != policy.ACTIVITY or _SAYS.get(row.status, OPEN) == _SAYS.get(status, OPEN):
		return
	activity = campaigns.rules_of(row.campaign).activity
	hooks = frappe.get_hooks("activity_replies", default={})
	for method in hooks.get(activity.doctype, ()) if activity and activity.document else ():
		try:
			with all_or_nothing():
				frappe.get_attr(method)(row.name, activity.document, status)
		except ASKED_BY_DATABASE:
			raise
		except Exception:
			frappe.log_error(
				title="An answer could not be followed", reference_doctype=INVITATION, reference_name=row.name
			)


def answers_to(campaign_names: Iterable[str]) -> list[Answer]:
	"""As `answers`, by the campaigns that have asked."""
	names = list(campaign_names)
	if not names:
		return []
	rows = frappe.get_all(
		INVITATION,
		{"campaign": ("in", names), "purpose": policy.ACTIVITY, "status": ("not in", _NOT_ASKED)},
		_FIELDS,
		order_by="creation, name",
		limit=0,
	)
	people: dict[str, Answer] = {}
	for row in rows:
		answer = _answer(row)
		who = row.contact or fold_email(row.email) or row.name
		if who not in people or _counts_more(answer, people[who]):
			people[who] = answer
	return sorted(people.values(), key=lambda answer: (answer.name.casefold(), answer.invitation))


def tally(given: Iterable[Answer]) -> Tally:
	"""The answers counted."""
	given = list(given)
	return Tally(
		asked=len(given),
		yes=sum(answer.answer == YES for answer in given),
		no=sum(answer.answer == NO for answer in given),
		open=sum(answer.answer == OPEN for answer in given),
		planned=sum(answer.status == policy.PLANNED for answer in given),
		unreachable=sum(answer.status == policy.UNREACHABLE for answer in given),
		members_yes=sum(answer.answer == YES and answer.kind == MEMBER for answer in given),
		guests_yes=sum(answer.answer == YES and answer.kind == GUEST for answer in given),
	)


def _answer(row: frappe._dict) -> Answer:
	person = " ".join(filter(None, (row.contact_first_name, row.contact_last_name)))
	return Answer(
		invitation=row.name,
		campaign=row.campaign,
		status=row.status,
		answer=_SAYS.get(row.status, OPEN),
		kind=MEMBER if row.member else GUEST,
		name=row.prospect_name,
		name_local=row.prospect_name_local or "",
		person=person or (row.prospect_name if row.invitee_type == "Individual" else ""),
		email=row.email or "",
		country=row.country or "",
		language=row.preferred_language or "",
		officer=row.officer or "",
		member=row.member,
		contact=row.contact,
		lead=row.lead,
		replied_at=row.replied_at,
		comment=row.reply_comment or "",
	)


def _counts_more(one: Answer, other: Answer) -> bool:
	"""Of two answers of one person: an answer before none, then the later one."""
	if bool(one.answer) != bool(other.answer):
		return bool(one.answer)
	return (one.replied_at or datetime.min) >= (other.replied_at or datetime.min)


def _check_purpose(campaign: str) -> None:
	if frappe.db.get_value(campaigns.CAMPAIGN, campaign, "purpose") != policy.ACTIVITY:
		frappe.throw(_("The campaign {0} does not invite to an activity.").format(campaign), NotForActivities)
