"""From an invitation to a member: the application that an interested prospect gets, and what becomes of it.

The invitation follows its application: handed in, it has Applied; approved, it is Admitted, counts for the
campaign's targets and its Lead is converted; rejected, it is Not Admitted. An application that somebody types
or that comes by the public form is recognised by address, or by name and country, and followed as well.

An invitation leads to one application: it is made and linked under a lock on the invitation, and the link is
unique in the database.
"""

from __future__ import annotations

from collections.abc import Iterable

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import add_days, cstr, escape_html, get_datetime, getdate, now_datetime, nowdate

from imta_crm.erp import leads
from imta_crm.invitations import campaigns, record, sending, tasks
from imta_crm.invitations.record import INVITATION
from imta_crm.membership import applications
from imta_crm.policy import invitation as policy
from imta_crm.policy.status import is_member
from imta_crm.transactions import all_or_nothing

APPLICATION = applications.APPLICATION
CHANGE = applications.CHANGE
MEMBER = "IMTA Member"
# How soon somebody who is interested hears from a person.
CALL_WITHIN_DAYS = 2
HANDED_IN = ("Submitted", "Secretariat Check", "Council Review")
APPROVED, REJECTED = "Approved", "Rejected"
# What an application in this state makes of its invitation.
MEANS = {
	"Draft": policy.INTERESTED,
	**dict.fromkeys(HANDED_IN, policy.APPLIED),
	APPROVED: policy.ADMITTED,
	REJECTED: policy.NOT_ADMITTED,
}
# From these an application leads nowhere else.
FINAL = frozenset({policy.ADMITTED, policy.MERGED})
NOT_YET_MEMBERS = tuple(policy.ALIVE | {policy.HELD})


def on_interested(invitation: str) -> str | None:
	"""Start the way into membership of a prospect who is interested; returns the application's name.

	A former member gets a draft Membership Change "Reinstate" instead, whose name is returned: approval of an
	application would refuse it. Repeating it changes nothing. What stops the draft from being made is told to
	the officer, who writes it by hand: the answer counts all the same, and None is returned.
	"""
	row = record.lock(invitation)
	if row.purpose != policy.MEMBERSHIP or row.status in record.CLOSED:
		return None
	if row.application:
		return row.application
	leads.follow(row.lead, "Interested")
	try:
		with all_or_nothing():
			former = row.member if applications.has_left(row.member) else None
			former = former or applications.former_member(row.prospect_name, row.country)
			return reinstate(row, former) if former else apply(row)
	except (frappe.QueryDeadlockError, frappe.QueryTimeoutError):
		raise
	except Exception:
		frappe.clear_last_message()
		frappe.log_error(
			title="Application of an interested prospect",
			reference_doctype=INVITATION,
			reference_name=row.name,
		)
		give_task(
			row,
			INVITATION,
			row.name,
			_(
				"{0} is interested in membership, but no application could be started. Please write it by hand."
			),
		)
		return None


@frappe.whitelist(methods=["POST"])
def start_application(invitation: str) -> str | None:
	"""Start the application again whose draft was deleted. Needs the right to write the invitation."""
	document = frappe.get_doc(INVITATION, invitation)
	document.check_permission("write")
	if document.status != policy.INTERESTED:
		frappe.throw(_("{0} is {1}.").format(document.name, _(document.status, context=INVITATION)))
	return on_interested(document.name)


def apply(row: frappe._dict) -> str:
	"""The draft of an application with all that is known of the prospect, and a task for the officer."""
	rules = campaigns.rules_of(row.campaign)
	name = applications.start(
		{
			"applicant_type": row.invitee_type or "Organisation",
			"applicant_name": row.prospect_name,
			"applicant_name_local": row.prospect_name_local,
			"country": row.country,
			"sector": row.sector,
			"email": row.email,
			"phone": row.phone,
			"website": row.website,
			"contact_first_name": row.contact_first_name,
			"contact_last_name": row.contact_last_name,
			"contact_position": row.contact_position,
			"preferred_language": row.preferred_language,
			"lead": row.lead,
		},
		tiers=(row.tier, rules.default_tier),
		invitation=row.name,
	)
	record.write(row.name, application=name)
	give_task(
		row,
		APPLICATION,
		name,
		_("{0} is interested in membership. Please call, and complete the application with them."),
	)
	return name


def reinstate(row: frappe._dict, member: str) -> str:
	"""The proposal to take a former member back, and a task for who may decide on it."""
	rules = campaigns.rules_of(row.campaign)
	change = applications.propose_reinstatement(
		member,
		_("Answered the invitation {0} of the campaign {1}: interested in membership again.").format(
			row.name, rules.campaign_name
		),
	)
	record.write(row.name, member=member)
	give_task(
		row,
		CHANGE,
		change,
		_("{0} was a member before and is interested again. Please call, and decide on the reinstatement."),
		to=(rules.campaign_owner, row.officer),
	)
	return change


def give_task(
	row: frappe._dict, doctype: str, name: str, text: str, to: Iterable[str | None] | None = None
) -> None:
	"""A ToDo for the first of these who can still log in: the officer, else whoever owns the campaign."""
	rules = campaigns.rules_of(row.campaign)
	user = tasks.first_enabled(*to) if to else tasks.officer_of(row, rules)
	if not user:
		return
	description = text.format(escape_html(row.prospect_name))
	if row.reply_comment:
		description += "<br>" + escape_html(row.reply_comment)
	tasks.give(
		user,
		name,
		description,
		getdate(add_days(nowdate(), CALL_WITHIN_DAYS)),
		doctype=doctype,
		# The owner of the campaign asks for it, not the guest whose answer this is.
		assigned_by=rules.campaign_owner,
		priority="High",
	)


def close_tasks(row: frappe._dict, application: str) -> None:
	"""The draft was handed in or decided: the tasks that came with it are done."""
	rules = campaigns.rules_of(row.campaign)
	for name in frappe.get_all(
		"ToDo",
		{
			"reference_type": APPLICATION,
			"reference_name": application,
			"status": "Open",
			"priority": "High",
			"assigned_by": rules.campaign_owner,
		},
		pluck="name",
	):
		todo = frappe.get_doc("ToDo", name)
		todo.status = "Closed"
		todo.save(ignore_permissions=True)


# Applications


def follow_application(application: Document, method: str | None = None) -> None:
	"""Document event of Membership Application: what its steps mean for its invitation.

	An application without invitation looks for one, as long as it is not decided.
	"""
	invitation = application.invitation
	if not invitation and application.workflow_state not in (APPROVED, REJECTED):
		invitation = adopt(application)
	if invitation:
		advance(application, invitation)
	if application.workflow_state == APPROVED and application.member:
		customer = frappe.db.get_value(MEMBER, application.member, "customer")
		leads.convert(application.lead, customer, application.member)


def release_invitation(application: Document, method: str | None = None) -> None:
	"""Document event of Membership Application: a deleted draft frees its invitation for another one."""
	if not application.invitation:
		return
	row = record.lock(application.invitation)
	if row.application != application.name:
		return
	values = {"application": None}
	if row.status == policy.APPLIED:
		values["status"] = policy.INTERESTED
	record.write(row.name, **values)
	record.note(row.name, _("The application {0} was deleted.").format(application.name))


def adopt(application: Document) -> str | None:
	"""Link an application that somebody typed, or a stranger sent, to the live invitation of the same party.

	Returns the invitation's name. The document of a stranger goes back to the stranger as it was sent: who has
	been invited is nobody's business.
	"""
	found = live_invitation(application.email, application.applicant_name, application.country)
	if not found:
		return None
	row = record.lock(found)
	if row.status not in policy.ALIVE:
		return None
	if row.application:
		if not applications.is_untouched(row.application):
			return None
		# Who was sent a draft has applied by the form: that is the application, and nobody's work is lost.
		draft, row.application = row.application, None
		applications.discard(draft)
	applications.link(application.name, row.name, lead=None if application.lead else row.lead)
	record.write(row.name, application=application.name)
	if application.source != "Web":
		application.invitation = row.name
		application.lead = application.lead or row.lead
	record.note(
		row.name, _("Recognised by address or by name and country: application {0}.").format(application.name)
	)
	return row.name


def advance(application: Document, invitation: str) -> None:
	"""Give the invitation the status that its application means."""
	row = record.lock(invitation)
	status = MEANS[application.workflow_state]
	if row.application != application.name or row.status in FINAL or row.status == status:
		return
	if status == policy.INTERESTED and row.status not in policy.OPEN:
		return  # returned for correction, or given up meanwhile: a draft says nothing new
	values: dict = {"status": status, "next_step": None, "next_at": None}
	if not row.reply and status in policy.ALIVE:
		# Applying is an answer. What came by the public form nobody in between has heard.
		values |= {"reply": policy.INTERESTED, "replied_at": now_datetime()}
		values["reply_via"] = None if application.source == "Web" else "Officer"
	if status == policy.ADMITTED:
		values |= {"member": application.member, "admitted_on": getdate(application.admitted_on)}
	if row.status in policy.OPEN:
		sending.stop(row.name, _("Application {0}").format(application.name))
	try:
		with all_or_nothing():
			record.write(row.name, **values)
	except record.TakenError:
		# They had declined, and have been invited anew since: that invitation is the live one.
		frappe.clear_last_message()
		record.note(row.name, _("The application {0} was handed in.").format(application.name))
		return
	if status != policy.INTERESTED:
		close_tasks(row, application.name)
	if status in policy.ALIVE:
		leads.follow(row.lead, "Interested")
	elif status == policy.NOT_ADMITTED:
		record.note(row.name, _("The application {0} was rejected.").format(application.name))


def live_invitation(email: str | None, name: str | None, country: str | None) -> str | None:
	"""The live invitation to membership of this address, else of this name in this country."""
	keys = record.live_keys(
		{
			"status": policy.INVITED,
			"purpose": policy.MEMBERSHIP,
			"email": email,
			"prospect_name": name,
			"country": country,
		}
	)
	for field, key in keys.items():
		if key and (found := frappe.db.get_value(INVITATION, {field: key})):
			return found
	return None


# Members


def follow_member(member: Document, method: str | None = None) -> None:
	"""Document event of IMTA Member: who has become a member is not invited any more.

	By an application, the application says so. Otherwise (a roster, a reinstatement, typed by hand) an
	invitation that had gone out or was answered before the day of joining has led to it and counts as
	Admitted; one that had not is withdrawn.
	"""
	if not is_member(member.status):
		return
	if method == "on_update":
		before = member.get_doc_before_save()
		if member.flags.in_insert or not before or is_member(before.status):
			return
	for name in invitations_of(member):
		row = record.lock(name)
		if row.status not in NOT_YET_MEMBERS or (row.application and row.application == member.application):
			continue
		if row.status in policy.OPEN:
			sending.stop(row.name, _("Member {0}").format(member.name))
		since = getdate(member.status_since or member.joined_on)
		if has_led_to(row, since):
			record.write(
				row.name,
				status=policy.ADMITTED,
				member=member.name,
				admitted_on=since,
				next_step=None,
				next_at=None,
			)
			record.note(row.name, _("Has become a member without an application: {0}.").format(member.name))
			leads.convert(row.lead, member.customer, member.name)
		else:
			record.write(row.name, member=member.name)
			record.close(
				row.name,
				policy.WITHDRAWN,
				_("{0} is a member: {1}.").format(member.member_name, member.name),
			)


def has_led_to(row: frappe._dict, since) -> bool:
	"""Whether the prospect had heard of the alliance by this invitation before the membership began."""
	heard = [get_datetime(row[field]).date() for field in ("first_sent_at", "replied_at") if row[field]]
	return bool(heard) and min(heard) <= since


def invitations_of(member: Document) -> list[str]:
	"""Invitations to membership, live or held, of the same party: by link, name and country, or address."""
	keys = record.live_keys(
		{
			"status": policy.INVITED,
			"purpose": policy.MEMBERSHIP,
			"email": member.email,
			"prospect_name": member.member_name,
			"country": member.country,
		}
	)
	folded = record.folded(
		{"email": member.email, "prospect_name": member.member_name, "country": member.country}
	)
	same_kind = {"invitee_type": member.member_type}
	found: set[str] = set()
	for filters in (
		{"member": member.name},
		{"live_name": keys["live_name"]},
		# A person may have the address of the house.
		{"live_email": keys["live_email"], **same_kind},
		{"name_folded": folded["name_folded"], "country": cstr(member.country), "status": policy.HELD},
		{"email_folded": folded["email_folded"], "status": policy.HELD, **same_kind},
	):
		if all(filters.values()):
			found.update(
				frappe.get_all(
					INVITATION, {**filters, "purpose": policy.MEMBERSHIP}, pluck="name", order_by=None
				)
			)
	return sorted(found)
