"""Replies to invitations, however they come: reply page, mail, one click, or told to an officer.

A reply is recorded under a lock on its invitation, so that two at once follow each other. What follows from it
(steps, lists, Lead, application, referral, what the officer reads) happens in the same transaction. The caller
has decided that the reply is genuine; no permission is checked here except in `record_by_officer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import frappe
from frappe import _
from frappe.desk.doctype.notification_log.notification_log import enqueue_create_notification
from frappe.utils import (
	add_days,
	cstr,
	escape_html,
	getdate,
	now_datetime,
	validate_email_address,
)

from imta_crm.erp import leads, masters
from imta_crm.invitations import (
	activities,
	campaigns,
	conversion,
	do_not_invite,
	prospects,
	sending,
	tasks,
)
from imta_crm.invitations import record as invitations
from imta_crm.policy import invitation as policy
from imta_crm.policy import messages
from imta_crm.policy.names import inert, tidy
from imta_crm.policy.prospects import Prospect
from imta_crm.transactions import ASKED_BY_DATABASE, all_or_nothing

INVITATION = "Invitation"

# How a reply came: options of Invitation.reply_via.
BY_PAGE = "Reply Page"
BY_MAIL = "E-mail"
BY_ONE_CLICK = "One-Click Unsubscribe"
BY_OFFICER = "Officer"
#: Where an entry of the do-not-invite list says that it comes from.
_SOURCE_OF_BLOCK = {BY_PAGE: BY_PAGE, BY_MAIL: BY_MAIL, BY_ONE_CLICK: BY_ONE_CLICK, BY_OFFICER: "Secretariat"}

_LEAD_STATUS = {
	policy.INTERESTED: "Interested",
	policy.BY_MAIL: "Replied",
	policy.DO_NOT_WRITE: leads.DO_NOT_CONTACT,
}

LONGEST_COMMENT = 2000
LONGEST_NAME = 140
#: Nobody can be asked to be written to later than this.
LATEST_DAYS = 2 * 366
#: Others that one invitation may name, by those whom it names as well, so that a link is no tool to have
#: strangers written to.
REFERRALS = 3


class ReplyNotUnderstood(frappe.ValidationError):
	"""A part of the reply is missing or cannot be: the date, the person named instead."""


@dataclass(frozen=True)
class Referral:
	"""Whom somebody named instead of themselves."""

	name: str
	email: str


def record(
	invitation: str,
	reply: str,
	*,
	via: str,
	comment: str | None = None,
	later_on: date | None = None,
	referral: Referral | None = None,
) -> str:
	"""Take a reply to an invitation; returns the status that follows. The same reply again changes nothing.

	:param via: an option of Invitation.reply_via
	:param comment: plain text; shown to the secretariat only
	:param later_on: for Later, when to write again; a day after today by the site's calendar
	:param referral: for Wrong Person, whom to write to instead
	:raises ReplyNotUnderstood: a part is missing or cannot be
	:raises policy.invitation.ForbiddenReply: the invitation is closed for good, or is none to such a reply
	"""
	# In the language of whoever replies; what follows is stored for the secretariat.
	comment = clean_comment(comment)
	later_on = checked_day(later_on) if reply == policy.LATER else None
	referral = checked_referral(referral) if reply == policy.WRONG_PERSON else None
	with _speaking(frappe.get_system_settings("language")):
		row = invitations.lock(invitation)
		status = policy.after_reply(row.status, reply, row.purpose)
		if row.status == status == policy.DO_NOT_WRITE and row.reply == policy.DO_NOT_WRITE:
			# Also a plain No after it: the stronger wish stands.
			return status
		if _is_known(row, reply, status, comment, later_on, referral):
			return status
		if reply == policy.BY_MAIL and (row.reply not in (None, "", reply) or status in policy.SETTLED):
			# A letter after an answer, such as thanks, takes nothing back; a person reads it.
			_tell_officer(row, reply, status, via, comment, None, None)
			return status
		status = _write(row, reply, status, via, comment, later_on)
		invitations.note(row.name, _in_words(reply, via, comment, later_on, referral))
		_follow_steps(row.name, reply, status)
		named = _refer(row, referral) if referral else None
		if reply == policy.DO_NOT_WRITE:
			_never_again(row, via, comment)
		_follow_lead(row, reply, status)
		activities.tell(row, status)
		_tell_officer(row, reply, status, via, comment, later_on, named)
	return status


@frappe.whitelist(methods=["POST"])
def record_by_officer(
	invitation: str,
	reply: str,
	comment: str | None = None,
	later_on: str | None = None,
	referral_name: str | None = None,
	referral_email: str | None = None,
) -> str:
	"""Take down a reply that came by phone, WeChat, in person, or in a mail. Returns the new status.

	Needs the right to write the invitation. Repeating it changes nothing. Raises as `record`.
	"""
	frappe.get_doc(INVITATION, invitation).check_permission("write")
	if reply not in policy.replies_for(frappe.db.get_value(INVITATION, invitation, "purpose")):
		frappe.throw(_("{0} is no reply to this invitation.").format(_reply(reply)), ReplyNotUnderstood)
	named = referral_name or referral_email
	try:
		status = record(
			invitation,
			reply,
			via=BY_OFFICER,
			comment=comment,
			later_on=as_day(later_on),
			referral=Referral(referral_name or "", referral_email or "") if named else None,
		)
	except policy.ForbiddenReply as forbidden:
		values = [_(value) for value in forbidden.args_]
		frappe.throw(_(messages.template(forbidden.code)).format(*values), ReplyNotUnderstood)
	_close_mail_tasks(invitation)
	return status


def clean_comment(comment: str | None) -> str | None:
	"""Plain text of sane length; None for none. Raises ReplyNotUnderstood where it is too long."""
	text = inert(cstr(comment).replace("\r\n", "\n").replace("\0", "").strip())
	if len(text) > LONGEST_COMMENT:
		frappe.throw(_("Please use at most {0} characters.").format(LONGEST_COMMENT), ReplyNotUnderstood)
	return text or None


def checked_day(later_on: date | None) -> date:
	"""A day on which somebody can be written to again. Raises ReplyNotUnderstood."""
	today = getdate()
	if not later_on or not today < later_on <= getdate(add_days(today, LATEST_DAYS)):
		frappe.throw(_("Please name a day in the future, within two years."), ReplyNotUnderstood)
	return later_on


def checked_referral(referral: Referral | None) -> Referral | None:
	"""Name and address of somebody else, tidied; None where nobody is named. Raises ReplyNotUnderstood."""
	if not referral or not (cstr(referral.name).strip() or cstr(referral.email).strip()):
		return None
	# The name stands in a letter of ours: a mail program would make a link of "house.example".
	name, email = tidy(inert(cstr(referral.name)).replace(".", ". ")), cstr(referral.email).strip()
	if len(email) > LONGEST_NAME or not _is_one_address(email):
		frappe.throw(_("Please give the e-mail address of the other person."), ReplyNotUnderstood)
	if not name or len(name) > LONGEST_NAME or _looks_like_a_link(name):
		frappe.throw(_("Please give the name of the other person."), ReplyNotUnderstood)
	return Referral(name, email)


# What a reply leads to


def _is_known(
	row: frappe._dict,
	reply: str,
	status: str,
	comment: str | None,
	later_on: date | None,
	referral: Referral | None,
) -> bool:
	"""Whether nothing new is said: a second click, a reload, a mail program that asks twice."""
	if row.reply != reply or row.status != status:
		return False
	if comment and comment != row.reply_comment:
		return False
	if later_on and later_on != row.later_on:
		return False
	return not referral or _is_referred(row.name, referral)


def _write(
	row: frappe._dict, reply: str, status: str, via: str, comment: str | None, later_on: date | None
) -> str:
	"""Write the reply; returns the status that the invitation has then."""
	values = {
		"reply": reply,
		# The first answer: how long people take is counted to it, also when they change their mind.
		"replied_at": row.replied_at or now_datetime(),
		"reply_via": via,
		# Who changes only the answer has not taken back what was said.
		"reply_comment": comment or row.reply_comment,
		"later_on": later_on,
	}
	if status == row.status:
		invitations.write(row.name, **values)
		return status
	values["status"] = status
	if status not in policy.OPEN:
		values.update({"next_step": None, "next_at": None})
	if status in invitations.ALIVE:
		values.update({"closed_at": None, "close_reason": None})
	try:
		with all_or_nothing():
			invitations.write(row.name, **values)
	except invitations.TakenError:
		# Reopened after another campaign had begun to write to the same party: what was said is kept, and a
		# person decides.
		values.pop("status")
		invitations.write(
			row.name, **{**values, "closed_at": row.closed_at, "close_reason": row.close_reason}
		)
		text = _("The same address or organisation is invited by another campaign, so the status stays {0}.")
		invitations.note(row.name, text.format(_reply(row.status)))
		return row.status
	return status


def _follow_steps(name: str, reply: str, status: str) -> None:
	"""Nothing that waits in the outbox leaves after a reply; what comes next is worked out anew."""
	sending.stop(name, _("A reply has come: {0}").format(_reply(reply)))
	if status in policy.OPEN:
		sending.plan([name])


def _never_again(row: frappe._dict, via: str, comment: str | None) -> None:
	do_not_invite.add(
		email=row.email,
		party_name=None if row.email else row.prospect_name,
		country=None if row.email else row.country,
		reason=comment or _("Asked not to be written to again."),
		source=_SOURCE_OF_BLOCK[via],
		invitation=row.name,
	)


def _follow_lead(row: frappe._dict, reply: str, status: str) -> None:
	if row.lead and reply in _LEAD_STATUS:
		leads.follow(row.lead, _LEAD_STATUS[reply])
	if reply == status == policy.INTERESTED:
		conversion.on_interested(row.name)


def _refer(row: frappe._dict, referral: Referral) -> prospects.Added | None:
	"""Invite the person named instead, if a stranger of that name could be invited; None where it failed."""
	if _named_after(row) >= REFERRALS:
		invitations.note(
			row.name, _("No more than {0} others are taken from one invitation.").format(REFERRALS)
		)
		return None
	try:
		with all_or_nothing():
			campaigns.check_open_for_prospects(row.campaign)
			return prospects.add(
				row.campaign,
				[_prospect_of(row, referral)],
				source="Referral",
				officer=row.officer,
				referred_by=row.name,
				# The same organisation as the one that has just been answered for.
				register=prospects.make_register(row.campaign, without=row.name, lead=row.lead),
			)
	except ASKED_BY_DATABASE:
		raise
	except campaigns.CampaignStateError:
		frappe.clear_last_message()
		return None
	except Exception:
		# The reply itself is worth more than the referral, which the officer reads in any case.
		frappe.log_error(
			title="A referral could not be followed", reference_doctype=INVITATION, reference_name=row.name
		)
		return None


def _named_after(row: frappe._dict) -> int:
	"""How many were named because of the invitation that began it all, by its invitee or by those named."""
	first = row
	while first.referred_by:
		first = frappe.db.get_value(INVITATION, first.referred_by, ["name", "referred_by"], as_dict=True)
	named, others = 0, [first.name]
	while others:
		others = frappe.get_all(INVITATION, {"referred_by": ("in", others)}, pluck="name", limit=0)
		named += len(others)
	return named


def _prospect_of(row: frappe._dict, referral: Referral) -> Prospect:
	"""The same organisation with another person; another person where the invitee is one."""
	person = row.invitee_type == "Individual"
	return Prospect(
		key=f"referral-{row.name}",
		name=referral.name if person else row.prospect_name,
		name_local="" if person else row.prospect_name_local or "",
		country=row.country or "",
		country_code=masters.country_code(row.country),
		email=referral.email,
		language=row.preferred_language or "",
		sector=row.sector or "",
		tier=row.tier or "",
		invitee_type=row.invitee_type,
		contact_first_name=referral.name,
		time_zone=row.time_zone or "",
		officer=row.officer or "",
	)


def _is_referred(name: str, referral: Referral) -> bool:
	return bool(frappe.db.exists(INVITATION, {"referred_by": name, "email": referral.email}))


def _is_one_address(email: str) -> bool:
	return not any(mark in email for mark in ",;<>\r\n ") and bool(validate_email_address(email))


def _looks_like_a_link(name: str) -> bool:
	lower = name.lower()
	return any(mark in lower for mark in ("://", "www.", "<", "@", "/"))


def as_day(value: str | None) -> date | None:
	"""A day as a form sends it; None for none and for what is no day."""
	try:
		return getdate(value) if value else None
	except (ValueError, frappe.ValidationError):
		return None


# What the officer reads


def _tell_officer(
	row: frappe._dict,
	reply: str,
	status: str,
	via: str,
	comment: str | None,
	later_on: date | None,
	named: prospects.Added | None,
) -> None:
	"""A bell, and a ToDo where something is left to do. The call on who is interested is conversion's own."""
	officer = tasks.officer_of(row, campaigns.rules_of(row.campaign))
	if not officer or officer == frappe.session.user:
		return
	with _speaking(frappe.db.get_value("User", officer, "language")):
		title = escape_html(row.prospect_name)
		_ring(row.name, officer, _("{0} replied: {1}").format(frappe.bold(title), _reply(reply)))
		task = due = None
		if reply == policy.BY_MAIL:
			task, due = _mail_task(title), getdate()
		elif reply == policy.LATER and later_on and later_on > campaigns.rules_of(row.campaign).to_date:
			task = _("{0} asked to hear from us again, after the campaign has ended.").format(title)
			due = later_on
		elif reply == policy.WRONG_PERSON and not (named and (named.invited or named.held or named.already)):
			task, due = _("Find the right person at {0}.").format(title), getdate()
		if task:
			_make_task(row.name, officer, task, due)


def _ring(name: str, user: str, subject: str) -> None:
	notification = {
		"type": "Alert",
		"document_type": INVITATION,
		"document_name": name,
		"subject": subject,
		"from_user": "Administrator",
	}
	if frappe.flags.in_test:
		enqueue_create_notification([user], notification)
	else:
		frappe.db.after_commit.add(lambda: enqueue_create_notification([user], notification))


def _make_task(name: str, user: str, description: str, due: date) -> None:
	"""One open task of its kind for an invitation, however often it is asked for."""
	task = {
		"reference_type": INVITATION,
		"reference_name": name,
		"allocated_to": user,
		"status": "Open",
		"description": description,
	}
	if not frappe.db.exists("ToDo", task):
		tasks.give(user, name, description, due, assigned_by=user)


def ask_for_address(name: str) -> None:
	"""Have the officer look whether the address is right, where a mail says so that anybody can have written."""
	row = frappe.db.get_value(
		INVITATION, name, ["name", "prospect_name", "officer", "campaign"], as_dict=True
	)
	officer = tasks.officer_of(row, campaigns.rules_of(row.campaign))
	if not officer:
		return
	with _speaking(frappe.db.get_value("User", officer, "language")):
		text = _("Check the e-mail address of {0}: our mail may not have arrived.")
		_make_task(name, officer, text.format(escape_html(row.prospect_name)), getdate())


def _mail_task(title: str) -> str:
	return _("Read the mail of {0} and record the reply.").format(title)


def _close_mail_tasks(name: str) -> None:
	"""The mail that the officer was asked to read has been understood."""
	title = escape_html(frappe.db.get_value(INVITATION, name, "prospect_name"))
	open_tasks = {"reference_type": INVITATION, "reference_name": name, "status": "Open"}
	for todo in frappe.get_all("ToDo", open_tasks, ["name", "description", "allocated_to"]):
		with _speaking(frappe.db.get_value("User", todo.allocated_to, "language")):
			if todo.description == _mail_task(title):
				doc = frappe.get_doc("ToDo", todo.name)
				doc.status = "Closed"
				doc.save(ignore_permissions=True)  # who may record the reply has done what was asked


def _reply(value: str) -> str:
	"""A reply or a status as the options of the document are called."""
	return _(value, context=INVITATION)


def _in_words(
	reply: str, via: str, comment: str | None, later_on: date | None, referral: Referral | None
) -> str:
	words = [_("Reply: {0} ({1})").format(_reply(reply), _(via, context=INVITATION))]
	if later_on:
		words.append(_("Write again on {0}.").format(later_on.isoformat()))
	if referral:
		words.append(_("Named instead: {0}, {1}.").format(referral.name, referral.email))
	if comment:
		words.append(comment)
	return " ".join(words)


@contextmanager
def _speaking(language: str | None) -> Iterator[None]:
	"""Texts that are stored for somebody are in that person's language, not in the guest's."""
	before = frappe.local.lang
	frappe.local.lang = language or before
	try:
		yield
	finally:
		frappe.local.lang = before
