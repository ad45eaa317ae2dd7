"""Mails that come in: replies to invitations, automatic replies, bounces, wishes to be left alone.

Frappe fetches the mails and keeps each as a Communication. When one is kept, it is told here what it is and
to which invitation it belongs; that is all that happens in Frappe's transaction, so that no mail is ever lost
over it. What follows from it is done by a job of its own after the commit, and by `catch_up` where a job died.

A mail belongs to the invitation whose mail it answers or returns; without such a trace, to the one live
invitation that was sent to its sender's address.
"""

from __future__ import annotations

import email.policy
import sys
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage

import frappe
from frappe import _
from frappe.email.receive import InboundMail
from frappe.model.document import Document
from frappe.query_builder.functions import Coalesce
from frappe.utils import add_days, add_to_date, cstr, now_datetime, strip_html

from imta_crm.invitations import delivery, do_not_invite, replies
from imta_crm.invitations import record as invitations
from imta_crm.policy import inbound as policy
from imta_crm.policy.invitation import ACCEPTED, BY_MAIL, DO_NOT_WRITE, INTERESTED, INVITED, LATER, OPEN
from imta_crm.policy.prospects import fold_email
from imta_crm.portal import links
from imta_crm.transactions import keep_step, persistently

COMMUNICATION = "Communication"
TOUCH = "Invitation Touch"
#: As Frappe calls a mail that no person wrote; its timeline shows such mails apart.
AUTOMATED = "Automated Message"
#: A bounce that names an address of ours and none of our mails: anybody can have written it.
DOUBTFUL_BOUNCE = "doubtful_bounce"
#: What `delivery_status` of a mail that came in says until what follows from it is done.
OUTCOMES = {
	policy.HARD_BOUNCE: "Bounced",
	policy.SOFT_BOUNCE: "Soft-Bounced",
	DOUBTFUL_BOUNCE: "Delayed",
	policy.UNSUBSCRIBE: "Recipient Unsubscribed",
}
#: Whoever has one of these may write without answering a certain mail.
AWAITED = (INVITED, LATER, INTERESTED, ACCEPTED)
#: Documents that an Email Account may have made of a mail by itself, which say nothing about what it is.
MADE_BY_ACCOUNT = (None, "", replies.INVITATION, COMMUNICATION, "Lead")
#: A bounce that names only an address is of a mail not older than this.
BOUNCE_DAYS = 14
CATCH_UP_DAYS = 7
LONGEST_EXCERPT = 500


def receive(communication: Document, method: str | None = None) -> None:
	"""Document event of Communication (`after_insert`): see what came in and to which invitation it belongs."""
	if not is_incoming_mail(communication):
		return
	found = read(communication)
	if communication.reference_doctype not in MADE_BY_ACCOUNT and not found.is_bounce:
		return  # an answer to something else, such as an invoice
	kind, touch = found.kind, _touch_answered(found)
	if kind == policy.HARD_BOUNCE and not touch and communication.reference_doctype != replies.INVITATION:
		kind = DOUBTFUL_BOUNCE
	touch = touch or _touch_bounced(found)
	invitation = _invitation_of(communication, found, touch)
	if kind == policy.UNSUBSCRIBE:
		invitation = invitation or _named_in(found.subject, found.sender)
	if not invitation and kind != policy.UNSUBSCRIBE:
		return
	if invitation:
		_link(communication, invitation)
	if kind == policy.AUTO_REPLY or found.is_bounce:
		communication.db_set("communication_type", AUTOMATED, update_modified=False)
	if kind in OUTCOMES:
		communication.db_set("delivery_status", OUTCOMES[kind], update_modified=False)
	frappe.enqueue(
		"imta_crm.invitations.inbound.follow",
		queue="short",
		job_id=f"invitation-mail-{communication.name}",
		deduplicate=True,
		enqueue_after_commit=True,
		now=bool(frappe.flags.in_test),
		communication=communication.name,
		kind=kind,
		invitation=invitation,
		touch=touch,
		diagnostic=" ".join(filter(None, (found.status, found.diagnostic))),
		text=_short(found.text or found.subject),
	)


def follow(
	communication: str,
	kind: str,
	invitation: str | None = None,
	touch: str | None = None,
	diagnostic: str | None = None,
	text: str | None = None,
) -> None:
	"""Do what follows from a mail that came in. One transaction; repeating it changes nothing."""
	row = frappe.db.get_value(
		COMMUNICATION, communication, ["sender", "subject", "content", "text_content"], as_dict=True
	)
	if row:
		persistently(lambda: _follow(row, kind, invitation, touch, diagnostic, text))
		if kind in OUTCOMES:
			frappe.db.set_value(COMMUNICATION, communication, "delivery_status", None, update_modified=False)


def catch_up() -> int:
	"""Scheduled: mails whose job was lost are followed now. Returns how many there were."""
	lost = [*_lost_outcomes(), *_lost_replies()]
	for name, *what in lost:
		try:
			follow(name, *what)
		except Exception:
			# One mail stops no other; the next hour tries it again.
			frappe.db.rollback()
			frappe.log_error(
				title="A reply by mail could not be followed",
				reference_doctype=COMMUNICATION,
				reference_name=name,
			)
		keep_step()
	return len(lost)


def _lost_outcomes() -> list[tuple]:
	"""Bounces and wishes to be left alone: Communication, kind, invitation, touch, diagnostic."""
	kinds = {status: kind for kind, status in OUTCOMES.items()}
	rows = frappe.get_all(
		COMMUNICATION,
		[
			["sent_or_received", "=", "Received"],
			["communication_medium", "=", "Email"],
			["delivery_status", "in", list(kinds)],
			["creation", "between", _window()],
		],
		["name", "delivery_status", "reference_doctype", "reference_name", "text_content", "content"],
		order_by="creation",
		limit=0,
	)
	lost = []
	for row in rows:
		# A Lead may have the mail; then the invitation is linked beside it.
		invitation = (
			row.reference_name
			if row.reference_doctype == replies.INVITATION
			else frappe.db.get_value(
				"Communication Link", {"parent": row.name, "link_doctype": replies.INVITATION}, "link_name"
			)
		)
		kind = kinds[row.delivery_status]
		if invitation or kind == policy.UNSUBSCRIBE:
			touch = None if kind == policy.UNSUBSCRIBE else _last_touch({"invitation": invitation})
			lost.append((row.name, kind, invitation, touch, _short(_text(row))))
	return lost


def _lost_replies() -> list[tuple]:
	"""Replies to invitations that have none: Communication, kind, invitation."""
	communication = frappe.qb.DocType(COMMUNICATION)
	invitation = frappe.qb.DocType(replies.INVITATION)
	rows = (
		frappe.qb.from_(communication)
		.join(invitation)
		.on(invitation.name == communication.reference_name)
		.select(communication.name, communication.reference_name)
		.where(communication.reference_doctype == replies.INVITATION)
		.where(communication.sent_or_received == "Received")
		.where(communication.communication_medium == "Email")
		.where(communication.communication_type == "Communication")
		.where(communication.creation[slice(*_window())])
		.where(Coalesce(communication.delivery_status, "").notin(list(OUTCOMES.values())))
		.where(invitation.replied_at.isnull())
		.where(invitation.status.isin(list(OPEN)))
		.run()
	)
	return [(name, policy.REPLY, reference) for name, reference in rows]


def _window() -> tuple[datetime, datetime]:
	"""When a mail came in whose job ought to have run."""
	now = now_datetime()
	return add_days(now, -CATCH_UP_DAYS), add_to_date(now, minutes=-10)


def read(communication: Document) -> policy.Inbound:
	"""What a mail is that comes in; to be asked while its Communication is being inserted."""
	return policy.classify(raw_mail() or _as_raw(communication))


def raw_mail() -> bytes | None:
	"""The mail as it came over the wire, if Frappe is about to keep one; None otherwise.

	A Communication has neither the headers nor the delivery report of its mail, and Frappe has no hook that is
	given them. The mail is the object whose method inserts the Communication.
	"""
	frame = sys._getframe(1)
	while frame:
		mail = frame.f_locals.get("self")
		if isinstance(mail, InboundMail):
			raw = mail.raw_message
			return raw if isinstance(raw, bytes) else cstr(raw).encode(errors="surrogateescape")
		frame = frame.f_back
	return None


def _follow(
	row: frappe._dict,
	kind: str,
	invitation: str | None,
	touch: str | None,
	diagnostic: str | None,
	text: str | None,
) -> None:
	if kind == policy.UNSUBSCRIBE:
		_leave_alone(row.sender, invitation)
	elif kind == policy.HARD_BOUNCE:
		if touch:
			delivery.hard_bounce(touch, diagnostic or "")
		invitations.note(invitation, _("A mail could not be delivered: {0}").format(diagnostic or ""))
	elif kind == policy.SOFT_BOUNCE:
		if touch:
			delivery.soft_bounce(touch, diagnostic or "")
		invitations.note(invitation, _("A mail is delayed: {0}").format(diagnostic or ""))
	elif kind == DOUBTFUL_BOUNCE:
		# The steps go on: a mail to an address that does not exist comes back again.
		if touch:
			delivery.soft_bounce(touch, diagnostic or "")
		invitations.note(invitation, _("A mail may not have arrived: {0}").format(diagnostic or ""))
		replies.ask_for_address(invitation)
	elif kind == policy.AUTO_REPLY:
		invitations.note(invitation, _("An automatic reply has come: {0}").format(row.subject or ""))
	else:
		replies.record(
			invitation, BY_MAIL, via=replies.BY_MAIL, comment=text or _short(policy.unquoted(_text(row)))
		)


def _leave_alone(sender: str | None, invitation: str | None) -> None:
	"""The wish counts for the address that wrote it, and for the one that was written to."""
	if invitation:
		replies.record(invitation, DO_NOT_WRITE, via=replies.BY_MAIL)
	written_to = frappe.db.get_value(replies.INVITATION, invitation, "email") if invitation else None
	if sender and fold_email(sender) != fold_email(written_to or "") and _is_known(sender):
		do_not_invite.add(
			email=sender,
			reason=_("Asked not to be written to again."),
			source="E-mail",
			invitation=invitation,
		)


def _is_known(sender: str) -> bool:
	return bool(frappe.db.exists(replies.INVITATION, {"email_folded": fold_email(sender)}))


def is_incoming_mail(communication: Document) -> bool:
	return (
		communication.sent_or_received == "Received"
		and communication.communication_medium == "Email"
		and communication.communication_type == "Communication"
	)


def _touch_answered(found: policy.Inbound) -> str | None:
	"""The touch whose mail is answered or returned, by an id that only who has the mail can know."""
	for message_id in found.message_ids:
		if touch := frappe.db.get_value(TOUCH, {"message_id": message_id}):
			return touch
	return None


def _touch_bounced(found: policy.Inbound) -> str | None:
	"""The touch that a bounce is likely of, by the address that it names."""
	return _last_touch({"email": found.recipient}) if found.is_bounce and found.recipient else None


def _last_touch(filters: dict) -> str | None:
	touches = frappe.get_all(
		TOUCH,
		{
			**filters,
			"status": ("in", ("Queued", "Sent", "Unknown")),
			"creation": (">", add_days(now_datetime(), -BOUNCE_DAYS)),
		},
		pluck="name",
		order_by="creation desc",
		limit=1,
	)
	return touches[0] if touches else None


def _invitation_of(communication: Document, found: policy.Inbound, touch: str | None) -> str | None:
	if communication.reference_doctype == replies.INVITATION:
		return communication.reference_name  # Frappe knew its own mail
	if touch:
		return frappe.db.get_value(TOUCH, touch, "invitation")
	if found.is_bounce:
		return None
	return _only_one_of(found.sender or communication.sender)


def _only_one_of(sender: str | None) -> str | None:
	"""The live invitation to this address, if there is exactly one."""
	if not sender:
		return None
	names: Sequence[str] = frappe.get_all(
		replies.INVITATION,
		{"email_folded": fold_email(sender), "status": ("in", AWAITED)},
		pluck="name",
		limit=2,
	)
	return names[0] if len(names) == 1 else None


def _named_in(subject: str, sender: str) -> str | None:
	"""The invitation that a subject ends with, as the address in List-Unsubscribe makes it.

	Numbers can be guessed: it counts with its code, or from the address that was invited.
	"""
	*_before, name, code = ["", "", *subject.split()]
	if (found := frappe.db.exists(replies.INVITATION, name)) and links.is_code(code, found):
		return found
	for word in (name, code):
		if (found := frappe.db.exists(replies.INVITATION, word)) and _is_of(found, sender):
			return found
	return None


def _is_of(invitation: str, sender: str) -> bool:
	return bool(sender) and sender == frappe.db.get_value(replies.INVITATION, invitation, "email_folded")


def _link(communication: Document, invitation: str) -> None:
	"""Show the mail in the invitation's timeline. A Lead that an account has made of it keeps it, too."""
	if communication.reference_doctype == replies.INVITATION:
		return
	if communication.reference_doctype in (None, ""):
		communication.db_set(
			{"reference_doctype": replies.INVITATION, "reference_name": invitation}, update_modified=False
		)
		return
	frappe.get_doc(
		{
			"doctype": "Communication Link",
			"parenttype": COMMUNICATION,
			"parentfield": "timeline_links",
			"parent": communication.name,
			"idx": len(communication.timeline_links) + 1,
			"link_doctype": replies.INVITATION,
			"link_name": invitation,
		}
	).db_insert()


def _as_raw(communication: Document) -> bytes:
	"""What is known of a mail that did not come through Frappe's inbox."""
	mail = EmailMessage(email.policy.default.clone(max_line_length=998))
	for header, value in (
		("From", communication.sender),
		("To", communication.recipients),
		("Subject", communication.subject),
	):
		mail[header] = " ".join(cstr(value).split())
	mail.set_content(_text(communication))
	return mail.as_bytes()


def _short(text: str) -> str:
	text = " ".join(text.split())
	return text if len(text) <= LONGEST_EXCERPT else text[: LONGEST_EXCERPT - 1] + "…"


def _text(row: frappe._dict | Document) -> str:
	return cstr(row.get("text_content")) or strip_html(cstr(row.get("content")))
