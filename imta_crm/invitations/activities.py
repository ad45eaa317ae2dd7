"""Members and guests invited to an activity, and their answers, for the rooms that hold activities.

A campaign with the purpose Activity invites as any other does: it is approved, sends its steps under its cap
and within working hours, and its reply page asks for a yes or a no. What is held (a session, a conference, an
event) is any document, named by the campaign in `activity_doctype` and `activity`.

Who organises that document asks `answers` who comes, and `tally` how many; both may be asked at any time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import frappe
from frappe import _

from imta_crm.invitations import campaigns, prospects, sources
from imta_crm.invitations.prospects import Added
from imta_crm.invitations.record import INVITATION
from imta_crm.membership import parties
from imta_crm.policy import invitation as policy
from imta_crm.policy.prospects import Prospect, fold_email

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
	names = frappe.get_all(
		campaigns.CAMPAIGN,
		{"purpose": policy.ACTIVITY, "activity_doctype": activity_doctype, "activity": activity},
		pluck="name",
	)
	return answers_to(names)


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
