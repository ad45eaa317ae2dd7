"""What became of the mails: reconciles touches with Frappe's Email Queue.

Frappe's flush tries each of our mails once (see `mail_queue`); whether a failed one may go again is decided
here, by what the server said (`policy.mail_failure`):

- an outage, or "come again later": the same row goes back, with the same Message-ID, after a growing wait
  within the recipient's working hours;
- the address is refused for good: the touch is Failed, the invitation Unreachable;
- nobody can know whether it was sent, because the connection or the process died over it: Unknown, and never
  sent again.

What `sending.hold` has taken back is looked at here again when no flush can be at it any more: either it had
left all the same, or the row goes, and the step is planned anew if campaign and invitation still want it.

All of this can be repeated, and run twice at once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import frappe
from frappe import _
from frappe.query_builder.functions import Coalesce
from frappe.utils import cint, cstr, get_datetime, get_system_timezone, now_datetime
from pypika.terms import Case
from rq.timeouts import JobTimeoutException

from imta_crm.erp import masters
from imta_crm.invitations import campaigns, mail_queue, record, sending, tasks
from imta_crm.invitations.mail_queue import (
	AFTER_OUTAGE,
	AFTER_REFUSAL,
	DEAD_AFTER,
	EMAIL_QUEUE,
	GIVE_UP_AFTER,
	GRACE,
	TAKEN_BACK,
	is_past,
)
from imta_crm.invitations.sending import (
	BOUNCED,
	FAILED,
	INVITATION,
	QUEUED,
	SENT,
	SKIPPED,
	TO_DO,
	TOUCH,
	UNKNOWN,
	parts,
	write_touches,
)
from imta_crm.policy import mail_failure, schedule, zones
from imta_crm.policy.invitation import CLOSED, OPEN, UNREACHABLE
from imta_crm.transactions import persistently

CHUNK = 200
#: States of a campaign in which what was queued may leave.
SENDING = ("Running", "Completed")
#: Frappe's flush comes every few minutes. What has not left by then may have missed the recipient's hours.
STANDS_STILL_AFTER = timedelta(hours=1)


def reconcile(now: datetime | None = None, campaign: str | None = None) -> dict[str, int]:
	"""Bring the touches that are on their way to what the Email Queue says. Commits.

	Returns counts: sent, failed, unknown, put back, taken back.
	"""
	moment = (get_datetime(now) if now else now_datetime()).replace(microsecond=0)
	counts: Counter = Counter()
	frappe.db.rollback()  # a new snapshot
	persistently(lambda: _hold_what_must_not_leave(campaign))
	persistently(lambda: _wait_for_the_hours(moment, campaign))
	for part in parts(_arrived(campaign), CHUNK):
		frappe.db.rollback()
		try:
			counts["sent"] += persistently(lambda part=part: _settle_sent(part, moment))
		except JobTimeoutException:
			raise
		except Exception:
			frappe.db.rollback()  # they are settled one by one below
	for name in _waiting(campaign):
		frappe.db.rollback()
		try:
			outcome = persistently(lambda name=name: _settle_one(name, moment))
		except JobTimeoutException:
			raise
		except Exception:
			# One that cannot be settled stops nobody else; it is looked at again in five minutes.
			frappe.db.rollback()
			frappe.log_error(
				title=_("Delivery of {0}").format(name), reference_doctype=TOUCH, reference_name=name
			)
			frappe.db.commit()  # keeps the error
			outcome = "problems"
		counts[outcome] += 1
	frappe.db.rollback()
	persistently(lambda: _cancel_tasks_of_closed(campaign))
	counts.pop("", None)
	return dict(counts)


def _hold_what_must_not_leave(campaign: str | None) -> None:
	"""Mails of paused or cancelled campaigns and of ended invitations: whoever ended them may not have said so."""
	touch, invitation = frappe.qb.DocType(TOUCH), frappe.qb.DocType(INVITATION)
	plan = frappe.qb.DocType(campaigns.CAMPAIGN)
	query = (
		frappe.qb.from_(touch)
		.join(invitation)
		.on(invitation.name == touch.invitation)
		.join(plan)
		.on(plan.name == touch.campaign)
		.select(touch.invitation, touch.campaign, plan.workflow_state)
		.distinct()
		.where(
			(touch.status == QUEUED)
			& (invitation.status.notin(list(OPEN)) | plan.workflow_state.notin(SENDING))
		)
	)
	if campaign:
		query = query.where(touch.campaign == campaign)
	rows = query.run(as_dict=True)
	stopped = {row.campaign: row.workflow_state for row in rows}
	for name, state in stopped.items():
		if state not in SENDING:
			sending.hold(_("The campaign is {0}.").format(_(state)), campaign=name)
	for row in rows:
		if row.workflow_state in SENDING:
			sending.hold(_("The invitation is closed."), invitation=row.invitation)
	frappe.db.commit()  # what is held is held, whatever comes after


def _wait_for_the_hours(now: datetime, campaign: str | None) -> None:
	"""Mails that Frappe has not sent for hours, because its queue was suspended or its job stood still, wait for
	the recipient's next opening."""
	touch, queue, invitation = (frappe.qb.DocType(doctype) for doctype in (TOUCH, EMAIL_QUEUE, INVITATION))
	query = (
		frappe.qb.from_(touch)
		.join(queue)
		.on(queue.name == touch.email_queue)
		.join(invitation)
		.on(invitation.name == touch.invitation)
		.select(queue.name, touch.campaign, invitation.country, invitation.time_zone)
		.where(
			(touch.status == QUEUED)
			& (queue.status == "Not Sent")
			& (Coalesce(queue.send_after, touch.made_at) < now - STANDS_STILL_AFTER)
		)
	)
	if campaign:
		query = query.where(touch.campaign == campaign)
	waits: dict[datetime, list[str]] = defaultdict(list)
	for row in query.run(as_dict=True):
		opening = _fit(row, now)
		if opening > now:
			waits[opening].append(row.name)
	for opening, names in waits.items():
		frappe.db.bulk_update(EMAIL_QUEUE, {name: {"send_after": opening} for name in names})
	frappe.db.commit()  # end of the step


def _cancel_tasks_of_closed(campaign: str | None) -> None:
	touch, invitation = frappe.qb.DocType(TOUCH), frappe.qb.DocType(INVITATION)
	query = (
		frappe.qb.from_(touch)
		.join(invitation)
		.on(invitation.name == touch.invitation)
		.select(touch.name)
		.where((touch.status == TO_DO) & invitation.status.isin(list(CLOSED)))
		.limit(CHUNK)
	)
	if campaign:
		query = query.where(touch.campaign == campaign)
	if names := query.run(pluck=True):
		tasks.cancel(names, _("The invitation is closed."))
	frappe.db.commit()  # end of the step


def _arrived(campaign: str | None) -> list[tuple[str, str, datetime]]:
	"""Touches whose mail has left without any trouble, with their invitations and the moment. This is final:
	nobody changes such a row again, so it needs no lock that would stand in the way of a flush."""
	touch, queue = frappe.qb.DocType(TOUCH), frappe.qb.DocType(EMAIL_QUEUE)
	query = (
		frappe.qb.from_(touch)
		.join(queue)
		.on(queue.name == touch.email_queue)
		.select(touch.name, touch.invitation, queue.modified)
		.where((touch.status == QUEUED) & (queue.status == "Sent"))
		.orderby(touch.invitation)
	)
	if campaign:
		query = query.where(touch.campaign == campaign)
	return list(query.run())


def _settle_sent(part: Sequence[tuple[str, str, datetime]], now: datetime) -> int:
	"""The ordinary case, many at once. Returns how many; commits."""
	locked = sending.take(sorted({invitation for _name, invitation, _at in part}))
	mine = {row.name for row in locked}
	sent_at = {name: at for name, invitation, at in part if invitation in mine}
	if not sent_at:
		frappe.db.rollback()
		return 0
	touch = frappe.qb.DocType(TOUCH)
	moment = Case()
	for name, at in sent_at.items():
		moment = moment.when(touch.name == name, at)
	(
		frappe.qb.update(touch)
		.set(touch.status, SENT)
		.set(touch.sent_at, moment)
		.set(touch.problem, None)
		.set(touch.retry_at, None)
		.set(touch.modified, frappe.utils.now())
		.where(touch.name.isin(list(sent_at)) & (touch.status == QUEUED))
		.run()
	)
	sending.settle_many(locked, now)
	frappe.db.commit()  # touches and invitations of the part together
	return len(sent_at)


def _waiting(campaign: str | None) -> list[str]:
	"""Touches whose mail is no longer, or not at all, waiting in the Email Queue."""
	touch, queue = frappe.qb.DocType(TOUCH), frappe.qb.DocType(EMAIL_QUEUE)
	query = (
		frappe.qb.from_(touch)
		.left_join(queue)
		.on(queue.name == touch.email_queue)
		.select(touch.name)
		.where(
			(touch.status == QUEUED) & (queue.name.isnull() | (queue.status != "Not Sent"))
			| (touch.status == SKIPPED) & touch.email_queue.isnotnull()
		)
		.orderby(touch.name)
	)
	if campaign:
		query = query.where(touch.campaign == campaign)
	return query.run(pluck=True)


def _settle_one(name: str, now: datetime) -> str:
	"""One touch, as a transaction of its own. Returns what became of it, "" for nothing yet."""
	invitation = frappe.db.get_value(TOUCH, name, "invitation")
	frappe.db.rollback()
	if not invitation:
		return ""
	record.lock(invitation)
	touch = frappe.db.get_value(TOUCH, name, "*", as_dict=True, for_update=True)
	outcome = ""
	if touch and touch.status == QUEUED:
		outcome = _settle_queued(touch, now)
	elif touch and touch.status == SKIPPED and touch.email_queue:
		outcome = _settle_taken_back(touch, now)
	if outcome:
		sending.settle(invitation, now)
	frappe.db.commit()  # one touch and its invitation together
	return outcome


def _settle_queued(touch: frappe._dict, now: datetime) -> str:
	mail = mail_queue.read(touch.email_queue)
	if not mail:
		return _unknown(
			touch, _("The mail is no longer in the Email Queue; nobody can tell whether it was sent.")
		)
	if mail.status == "Sent":
		return _sent(touch, mail)
	if mail.status == "Error":
		return _failed(touch, mail, now)
	if mail.status == "Sending" and is_past(mail.modified, now, DEAD_AFTER):
		return _unknown(touch, _("The process that sent the mail died; nobody can tell whether it was sent."))
	if mail.status == TAKEN_BACK:
		write_touches([touch.name], status=SKIPPED, problem=cstr(mail.error)[:500])
		return "taken_back"
	return ""


def _settle_taken_back(touch: frappe._dict, now: datetime) -> str:
	mail = mail_queue.read(touch.email_queue)
	if mail and mail.status == "Sent":
		return _sent(touch, mail)
	if mail and mail.status == "Sending":
		if is_past(mail.modified, now, DEAD_AFTER):
			return _unknown(
				touch, _("The process that sent the mail died; nobody can tell whether it was sent.")
			)
		return ""
	if mail and mail.status == "Error" and mail_failure.classify(mail.error).kind == mail_failure.UNKNOWN:
		return _unknown(touch, mail_failure.classify(mail.error).text)
	if mail and mail.status != TAKEN_BACK:
		# Put up again by hand, or a flush that had read it failed.
		mail_queue.take_back(mail.name, touch.problem)
		return ""
	if mail and not is_past(mail.modified, now, GRACE):
		return ""
	if mail:
		mail_queue.remove(mail.name)
	if _is_wanted(touch, now):
		frappe.db.delete(TOUCH, {"name": touch.name})
		return "taken_back"
	write_touches([touch.name], email_queue=None)
	return "stopped"


def _is_wanted(touch: frappe._dict, now: datetime) -> bool:
	"""Whether the campaign would take this step again."""
	row = frappe.db.get_value(INVITATION, touch.invitation, "*", as_dict=True)
	rules = campaigns.rules_of(touch.campaign)
	if row.status not in OPEN or rules.state in campaigns.OVER:
		return False
	others = [
		other
		for other in sending.touches_of([touch.invitation])[touch.invitation]
		if other.name != touch.name
	]
	upcoming = sending.next_of(row, others, rules, now)
	return bool(upcoming and upcoming.step.key == touch.step_key)


def _sent(touch: frappe._dict, mail: frappe._dict) -> str:
	write_touches([touch.name], status=SENT, sent_at=mail.modified, problem=None, retry_at=None)
	return "sent"


def _unknown(touch: frappe._dict, problem: str) -> str:
	write_touches([touch.name], status=UNKNOWN, problem=problem[:500], retry_at=None)
	mail_queue.set_aside(touch.email_queue)  # never again
	record.note(touch.invitation, f"{touch.step_title}: {problem}")
	return "unknown"


def _failed(touch: frappe._dict, mail: frappe._dict, now: datetime) -> str:
	failure = mail_failure.classify(mail.error)
	mail_queue.forget_notifications(mail.name)
	if failure.kind == mail_failure.UNKNOWN:
		return _unknown(touch, failure.text)
	if failure.kind == mail_failure.RECIPIENT:
		write_touches([touch.name], status=FAILED, problem=failure.text, retry_at=None)
		mail_queue.set_aside(mail.name)
		_unreachable(touch.invitation, failure.text)
		return "failed"
	if failure.kind == mail_failure.MESSAGE or _has_had_enough(touch, failure, now):
		write_touches([touch.name], status=FAILED, problem=failure.text, retry_at=None)
		mail_queue.set_aside(mail.name)
		_tell_campaign(touch.campaign, failure.text)
		return "failed"
	return _put_back(touch, mail, failure, now)


def _has_had_enough(touch: frappe._dict, failure: mail_failure.Failure, now: datetime) -> bool:
	since = now - get_datetime(touch.made_at)
	if failure.kind == mail_failure.TEMPORARY:
		return since > GIVE_UP_AFTER
	# An outage is nobody's refusal: it ends with the campaign.
	rules = campaigns.rules_of(touch.campaign)
	return since > GIVE_UP_AFTER and now.date() > rules.to_date


def _put_back(touch: frappe._dict, mail: frappe._dict, failure: mail_failure.Failure, now: datetime) -> str:
	"""The server has not taken it: the same mail again, later, within the recipient's hours."""
	if reason := _why_not(touch):
		mail_queue.take_back(mail.name, reason)
		write_touches([touch.name], status=SKIPPED, problem=reason)
		return "taken_back"
	waits = AFTER_REFUSAL if failure.kind == mail_failure.TEMPORARY else AFTER_OUTAGE
	attempts = cint(touch.attempts) or 1
	row = frappe.db.get_value(
		INVITATION, touch.invitation, ["campaign", "country", "time_zone"], as_dict=True
	)
	again = _fit(row, now + waits[min(attempts, len(waits)) - 1])
	mail_queue.put_back(mail, again)
	write_touches([touch.name], problem=failure.text, attempts=attempts + 1, retry_at=again)
	if failure.kind == mail_failure.SERVER:
		_tell_campaign(touch.campaign, failure.text)
	return "put_back"


def _why_not(touch: frappe._dict) -> str | None:
	"""Why a mail must not leave now: its campaign or its invitation was stopped meanwhile."""
	state = campaigns.rules_of(touch.campaign).state
	if state not in SENDING:
		return _("The campaign is {0}.").format(_(state))
	if frappe.db.get_value(INVITATION, touch.invitation, "status") not in OPEN:
		return _("The invitation is closed.")
	return None


def _fit(row: frappe._dict, moment: datetime) -> datetime:
	"""The first moment from then on within the hours of the recipient (`country`, `time_zone`, `campaign`)."""
	site = ZoneInfo(get_system_timezone())
	country = masters.country_code(row.country)
	hours = campaigns.rules_of(row.campaign).hours
	for zone in (row.time_zone, zones.zone_of(country)):
		with suppress(schedule.ScheduleProblem):
			fitting = schedule.fit(
				moment.replace(tzinfo=site), zone or zones.zone_of(country), country, hours
			)
			return fitting.astimezone(site).replace(tzinfo=None)
	return moment


def _tell_campaign(campaign: str, problem: str) -> None:
	frappe.db.set_value(campaigns.CAMPAIGN, campaign, "last_problem", problem, update_modified=False)


# Bounces


def hard_bounce(touch: str, diagnostic: str) -> None:
	"""The receiving server has refused the address for good: the touch is Bounced, the invitation Unreachable.

	An invitation that has been answered stays as it is. No commit.
	"""
	_bounce(touch, diagnostic, BOUNCED)


def soft_bounce(touch: str, diagnostic: str) -> None:
	"""A delay or a full mailbox: noted on the touch, nothing stops. No commit."""
	_bounce(touch, diagnostic, None)


def _bounce(name: str, diagnostic: str, status: str | None) -> None:
	invitation = frappe.db.get_value(TOUCH, name, "invitation")
	if not invitation:
		return
	record.lock(invitation)
	touch = frappe.db.get_value(TOUCH, name, "*", as_dict=True, for_update=True)
	diagnostic = " ".join(cstr(diagnostic).split())[:500]
	if not status:
		write_touches([name], problem=diagnostic)
		return
	# It came back, so it had left, whatever the touch knew of it.
	sent_at = touch.sent_at or touch.made_at
	write_touches([name], status=status, problem=diagnostic, sent_at=sent_at, retry_at=None)
	_unreachable(invitation, diagnostic)
	sending.settle(invitation)


def _unreachable(invitation: str, diagnostic: str) -> None:
	if record.lock(invitation).status not in OPEN:
		return
	record.close(invitation, UNREACHABLE, diagnostic)
	sending.stop(invitation, _("The address does not exist."))
