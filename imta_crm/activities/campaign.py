"""From invitations to delegates: a campaign is made from an activity, and who says yes gets a seat.

Invitations ask and keep the answers (`invitations.activities`); here is what follows from them. Who says yes is
sent the link to register at once; who says no gives the seat back, also when the yes was long ago.
"""

from __future__ import annotations

from dataclasses import asdict

import frappe
from frappe import _

from imta_crm.activities import letters, permissions, registration
from imta_crm.activities.rules import ACTIVITY, DELEGATE
from imta_crm.invitations import activities as answers
from imta_crm.policy import activities as policy
from imta_crm.policy.seating import CANCELLED, MAY_CANCEL, WAITLISTED
from imta_crm.seating import seats, windows
from imta_crm.transactions import keep_step

#: Nobody is invited to what is over.
OVER = (windows.HELD, windows.CANCELLED)
REASONS_SHOWN = 20
#: So many are registered while the person waits; more are left to a job.
AT_ONCE = 100


class ActivityOver(frappe.ValidationError):
	"""The activity was held or called off."""


@frappe.whitelist(methods=["POST"])
def invite(activity: str, role: str | None = None) -> str:
	"""A campaign that invites to this activity, prefilled, as a draft; the draft that is there already.

	For who may change the activity and plans campaigns for activities.

	:param role: what those invited shall be: Speaker, Exhibitor, Delegate, Guest; none: by who they are
	"""
	doc = permissions.check_organises(activity)
	_check_not_over(doc)
	answer_until = min(windows.closes_at(doc), windows.begins_at(doc))
	return answers.make_campaign(
		answers.Occasion(
			doctype=ACTIVITY,
			document=doc.name,
			name=doc.title,
			name_zh=doc.title_zh or "",
			begins_at=doc.starts_at,
			ends_at=doc.ends_at,
			time_zone=doc.time_zone,
			place=place_of(doc),
			answer_until=answer_until.date(),
			role=role if role in policy.ROLES else "",
		)
	)


def place_of(doc) -> str:
	"""Where it takes place, in one line."""
	if doc.delivery == "Online":
		return _("Online")
	names = (
		[doc.venue_zh, doc.venue] if (frappe.local.lang or "").startswith("zh") else [doc.venue, doc.venue_zh]
	)
	return ", ".join(filter(None, (next(filter(None, names), None), doc.country)))[:140]


@frappe.whitelist(methods=["POST"])
def register_accepted(activity: str) -> dict:
	"""Register those who have said yes and are not registered yet, in the order of their answers.

	Repeating it registers nobody twice, and nobody who has cancelled since. Each person stands alone: who is
	refused stops nobody. Returns how many were registered, put on the waitlist, there already, had cancelled,
	who was refused and why, and how many more were refused; or `queued` where a job does it and tells the user.
	"""
	doc = permissions.check_organises(activity)
	_check_not_over(doc)
	known = _delegates_by_invitation(activity)
	waiting = sum(
		each.answer == answers.YES and each.invitation not in known
		for each in answers.answers(ACTIVITY, activity)
	)
	if waiting <= AT_ONCE:
		return _register_accepted(activity)
	frappe.enqueue(
		"imta_crm.activities.campaign.register_and_tell",
		queue="long",
		job_id=f"imta-register-accepted::{activity}",
		deduplicate=True,
		enqueue_after_commit=True,
		activity=activity,
	)
	return {"queued": waiting}


def register_and_tell(activity: str) -> dict:
	"""Job: register who has said yes and tell the user who asked for it. Repeating it goes on where it stopped."""
	found = _register_accepted(activity)
	refused = len(found["refused"]) + found["more_refused"]
	frappe.get_doc(
		{
			"doctype": "Notification Log",
			"type": "Alert",
			"for_user": frappe.session.user,
			"document_type": ACTIVITY,
			"document_name": activity,
			"subject": _("Those who said yes: {0} registered, {1} on the waitlist, {2} refused").format(
				found["registered"], found["waitlisted"], refused
			),
			"email_content": "<br>".join(
				frappe.utils.escape_html(f"{each['name']}: {each['reason']}") for each in found["refused"]
			),
		}
	).insert(ignore_permissions=True)
	return found


def _register_accepted(activity: str) -> dict:
	roles = {asking.campaign: asking.role for asking in answers.campaigns_for(ACTIVITY, activity)}
	said_yes = [each for each in answers.answers(ACTIVITY, activity) if each.answer == answers.YES]
	said_yes.sort(key=lambda each: (str(each.replied_at or ""), each.invitation))
	found = {"registered": 0, "waitlisted": 0, "already": 0, "cancelled": 0, "refused": []}
	known = _delegates_by_invitation(activity)
	for answer in said_yes:
		if statuses := known.get(answer.invitation):
			found["cancelled" if statuses == {CANCELLED} else "already"] += 1
			continue
		try:
			booked = seats.request(
				ACTIVITY,
				activity,
				registration.person_of(answer, roles.get(answer.campaign)),
				by_staff=True,
				enrolled_by=frappe.session.user,
				extra={"invitation": answer.invitation},
			)
		except frappe.ValidationError as error:
			frappe.clear_last_message()
			found["refused"].append({"name": answer.person or answer.name, "reason": str(error)})
			continue
		found[
			"already" if booked.already else "waitlisted" if booked.status == WAITLISTED else "registered"
		] += 1
		keep_step()
	found["more_refused"] = max(len(found["refused"]) - REASONS_SHOWN, 0)
	found["refused"] = found["refused"][:REASONS_SHOWN]
	return found


def numbers(activity: str) -> dict:
	"""The answers counted, and how many of those who said yes are registered, for the activity's form."""
	given = answers.answers(ACTIVITY, activity)
	known = _delegates_by_invitation(activity)
	return {
		**asdict(answers.tally(given)),
		"registered": sum(
			bool(known.get(each.invitation, set()) - {CANCELLED})
			for each in given
			if each.answer == answers.YES
		),
		"campaigns": [asdict(asking) for asking in answers.campaigns_for(ACTIVITY, activity)],
	}


# What follows from an answer


def follow_reply(invitation: str, activity: str, status: str) -> None:
	"""Hook `activity_replies`: an invitee has said yes or no. Within the transaction of the reply.

	The letter is a row of the Email Queue and comes with the reply. Seats have locks of their own and are given
	back by a job after it; should that be lost, `catch_up` does it.
	"""
	found = answers.answer_of(invitation)
	if found and found[0].answer == answers.YES:
		_write_to(invitation, activity, found[0])
	else:
		frappe.enqueue(
			"imta_crm.activities.campaign.give_back",
			queue="short",
			job_id=f"imta-declined::{invitation}",
			deduplicate=True,
			enqueue_after_commit=True,
			now=bool(frappe.flags.in_test),
			invitation=invitation,
		)


def write_to_accepted(activity: str) -> int:
	"""The activity is no draft any more: who has said yes before is sent the link to register now; how many."""
	done = 0
	for answer in answers.answers(ACTIVITY, activity):
		if answer.answer == answers.YES:
			done += _write_to(answer.invitation, activity, answer)
			keep_step()
	return done


def give_back(invitation: str) -> int:
	"""Cancel what is registered for an invitation to which the answer is No; how many. Repeatable."""
	if not answers.declined([invitation]):
		return 0
	names = frappe.get_all(
		DELEGATE, {"invitation": invitation, "status": ("in", list(MAY_CANCEL))}, pluck="name"
	)
	for name in names:
		seats.cancel(DELEGATE, name, reason=_("Has declined the invitation."), by=None, by_staff=True)
	return len(names)


def catch_up() -> int:
	"""Hourly: seats of people who have said no, whose job was lost; how many were given back."""
	held = frappe.get_all(
		DELEGATE,
		{
			"invitation": ("is", "set"),
			"status": ("in", list(MAY_CANCEL)),
			"starts_at_site": (">", frappe.utils.now_datetime()),
		},
		pluck="invitation",
		distinct=True,
		order_by=None,
		limit=0,
	)
	done = 0
	for invitation in answers.declined(held):
		try:
			done += give_back(invitation)
		except Exception:
			frappe.db.rollback()
			frappe.log_error(
				title="A seat could not be given back",
				reference_doctype="Invitation",
				reference_name=invitation,
			)
		keep_step()
	return done


def _write_to(invitation: str, activity: str, answer: answers.Answer) -> bool:
	"""Send the link to register, unless there is nothing to register for, or it is done already."""
	if not answer.email or not registration.link_for(invitation):
		return False
	if frappe.db.exists(DELEGATE, {"invitation": invitation, "status": ("!=", CANCELLED)}):
		return False
	return letters.invite_to_register(
		activity,
		invitation,
		name=answer.person or answer.name,
		email=answer.email,
		language=answer.language,
	)


def _delegates_by_invitation(activity: str) -> dict[str, set[str]]:
	found: dict[str, set[str]] = {}
	for row in frappe.get_all(
		DELEGATE,
		{"activity": activity, "invitation": ("is", "set")},
		["invitation", "status"],
		order_by=None,
		limit=0,
	):
		found.setdefault(row.invitation, set()).add(row.status)
	return found


def _check_not_over(doc) -> None:
	if doc.status in OVER or windows.has_begun(doc):
		frappe.throw(
			_("{0} is over; nobody is registered any more.").format(doc.title)
			if doc.status != CANCELLED
			else _("{0} was called off.").format(doc.title),
			ActivityOver,
		)
