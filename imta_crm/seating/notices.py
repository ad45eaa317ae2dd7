"""Which letter is due to whom about a seat, each once; and what became of it.

A letter is a row of Seat Notice. Its name says what it is about (seat, kind, occasion), so the primary key keeps
an occasion from being written of twice, whatever is repeated or done at once. Rows are inserted within the
transaction that changes the seat (`follow`, `event_changed`), or by a job for what only time brings (`remind_due`).

`send_due` makes letters of them. A row is locked, judged by what holds now, and marked as queued in the same
transaction that puts the mail into Frappe's Email Queue; so a killed job has done both or neither. Then it follows
the mail (`mail_queue`): a server that is away loses nothing; what nobody knows to be unsent is not sent again, but
by a person (`send_again`).

Times are the site's, naive, as Frappe stores them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import frappe
from frappe import _
from frappe.email.doctype.email_queue.email_queue import get_email_retry_limit
from frappe.query_builder.functions import Max
from frappe.utils import cint, cstr, get_datetime, now, now_datetime, strip_html
from rq.timeouts import JobTimeoutException

from imta_crm.invitations import mail_queue, mailing
from imta_crm.policy import event_reminders, mail_failure
from imta_crm.policy import seat_letters as rules
from imta_crm.policy.seat_letters import CERTIFICATE, CONFIRMATION, FEEDBACK, REMINDER, UPDATE
from imta_crm.policy.seating import CANCELLED
from imta_crm.portal import links
from imta_crm.seating import kinds, letters, occasion, windows
from imta_crm.transactions import all_or_nothing, keep_step, persistently

NOTICE = "Seat Notice"
PENDING, QUEUED, SENT, FAILED = "Pending", "Queued", "Sent", "Failed"
UNKNOWN, SKIPPED = "Unknown", "Skipped"
#: News of a change wait for so long: whoever corrects a time often corrects it twice.
QUIET = timedelta(minutes=5)
#: What begins so soon is told at once.
URGENT = timedelta(hours=3)
JOB = "imta_crm.seating.notices.send_due"
JOB_TIMEOUT = 1500
COLUMNS = (
	"name",
	"booking_doctype",
	"booking",
	"event_doctype",
	"event",
	"kind",
	"previous_status",
	"status",
	"email",
	"language",
	"due_at",
	"calendar_sequence",
)
#: The transaction or the job is over, whoever's letter was at hand.
NOBODYS_FAULT = (frappe.QueryDeadlockError, frappe.QueryTimeoutError, JobTimeoutException)


# What asks for a letter


def follow(doctype: str, name: str, before: str | None, after: str) -> None:
	"""Note the letter that a seat's change of status asks for. Cheap; within the caller's transaction.

	:param before: None where the seat is new
	"""
	if after == CANCELLED:
		waiting = _lock_pending({"booking": name})
		reason = _reason(rules.STATUS, CANCELLED)
		_write([each.name for each in waiting], status=SKIPPED, problem=reason)
	kind = rules.letter_for(before, after)
	if not kind:
		return
	seat = _seat_row(doctype, name)
	about = "1"
	if kind == rules.OFFER:
		# An offer is told by its deadline: the next one has another.
		about = f"{get_datetime(seat.offer_expires_at):%Y%m%d%H%M%S}" if seat.offer_expires_at else "1"
	_insert([_row(doctype, seat, kind, about, previous_status=before)])
	enqueue()


def event_changed(event_doctype: str, event: str) -> None:
	"""The time, place or link of an open event has changed: who holds a seat hears of it, once for several changes.

	To be called after the event was written, with its `calendar_sequence` raised.
	"""
	kind = kinds.of_event(event_doctype)
	row = frappe.db.get_value(event_doctype, event, ["calendar_sequence", "starts_at_site"], as_dict=True)
	waiting = _lock_pending({"event": event, "kind": ("in", (UPDATE, CONFIRMATION))})
	_write(
		[each.name for each in waiting if each.kind == UPDATE],
		status=SKIPPED,
		problem=_reason(rules.REPLACED),
	)
	# A confirmation that has not been written yet will say what holds now.
	will_hear = {each.booking for each in waiting if each.kind == CONFIRMATION}
	moment = _moment(None)
	soon = row.starts_at_site and get_datetime(row.starts_at_site) - moment < URGENT
	# A locking read, too: whoever was given a seat since this transaction began has been told of the old times.
	seats = _seats(kind, {kind.field: event, "status": ("in", rules.TOLD_OF_CHANGES)}, lock=True)
	_insert(
		[
			_row(
				kind.booking,
				seat,
				UPDATE,
				str(cint(row.calendar_sequence)),
				due_at=moment if soon else moment + QUIET,
				calendar_sequence=cint(row.calendar_sequence),
			)
			for seat in seats
			if seat.name not in will_hear
		]
	)
	if soon:
		enqueue()


def certificate(name: str) -> None:
	"""A Training Certificate was issued: its holder hears of it. `name`, or the document."""
	name = getattr(name, "name", name)
	enrollment = frappe.db.get_value(letters.CERTIFICATE_DOCTYPE, name, "enrollment")
	if enrollment:
		doctype = kinds.TRAINING.booking
		_insert([_row(doctype, _seat_row(doctype, enrollment), CERTIFICATE, name)])
	else:
		seat = frappe._dict(name=name)
		_insert([_row(letters.CERTIFICATE_DOCTYPE, seat, CERTIFICATE, name)])
	enqueue()


def remind_due(now: datetime | str | None = None) -> int:
	"""Note the reminders and the requests for feedback that are due; how many. May be repeated; commits.

	What is due follows from the event's times, never from the day on which the job runs.
	"""
	moment = _moment(now)
	settings = frappe.get_cached_doc("Alliance Settings")
	made = 0
	for kind in kinds.KINDS:
		hours = {row.hours_before for row in settings.event_reminders if row.applies_to == kind.event}
		if not hours:
			continue
		until = moment + timedelta(hours=max(hours))
		for event in frappe.get_all(
			kind.event,
			{"status": ("in", windows.UPCOMING), "starts_at_site": ("between", (moment, until))},
			["name", "starts_at_site"],
			limit=0,
		):
			made += _each(
				lambda kind=kind, event=event, hours=hours: _remind(kind, event, hours, moment), event.name
			)
	wait = timedelta(hours=cint(settings.feedback_after_hours))
	back = moment - timedelta(days=links.feedback_days())
	for name in frappe.get_all(
		kinds.TRAINING.event,
		{
			"status": ("in", (*windows.UPCOMING, windows.HELD)),
			"ends_at_site": ("between", (back, moment - wait)),
		},
		pluck="name",
		limit=0,
	):
		made += _each(lambda name=name: _ask_for_feedback(name, moment), name)
	return made


def _each(step: Callable[[], int], event: str) -> int:
	"""One event stops no other."""
	_begin_step()
	try:
		made = persistently(lambda: _whole(step))
	except JobTimeoutException:
		raise
	except Exception:
		_begin_step()
		frappe.log_error(title=_("Reminders of {0}").format(event))
		keep_step()
		return 0
	keep_step()
	return made


def _whole(step: Callable[[], int]) -> int:
	with all_or_nothing():
		return step()


def _remind(kind: kinds.Kind, event: frappe._dict, hours: Iterable[int], now: datetime) -> int:
	begins_at = get_datetime(event.starts_at_site)
	told = _last_told(event.name)
	rows = []
	for seat in _seats(kind, {kind.field: event.name, "status": ("in", rules.REMINDED)}):
		since = max((get_datetime(at) for at in (seat.confirmed_at, told.get(seat.name)) if at), default=None)
		if due := event_reminders.due(hours, begins_at, now, since=since):
			rows.append(_row(kind.booking, seat, REMINDER, due.occasion, due_at=due.due_at))
	return _insert(rows)


def _last_told(event: str) -> dict[str, datetime]:
	"""When each seat's last news of a change were noted."""
	notice = frappe.qb.DocType(NOTICE)
	query = (
		frappe.qb.from_(notice)
		.select(notice.booking, Max(notice.creation))
		.where((notice.event == event) & (notice.kind == UPDATE))
		.groupby(notice.booking)
	)
	return dict(query.run())


def _ask_for_feedback(session: str, now: datetime) -> int:
	kind = kinds.TRAINING
	seats = _seats(kind, {kind.field: session, "status": ("in", rules.ASKED_FOR_FEEDBACK)})
	given = set(frappe.get_all("Session Feedback", {"session": session}, pluck="enrollment", limit=0))
	rows = [_row(kind.booking, seat, FEEDBACK, "1", due_at=now) for seat in seats if seat.name not in given]
	return _insert(rows)


# Rows


def _seat_row(doctype: str, name: str) -> frappe._dict:
	kind = kinds.of_booking(doctype)
	(seat,) = _seats(kind, {"name": name})
	return seat


def _seats(kind: kinds.Kind, filters: dict, *, lock: bool = False) -> list[frappe._dict]:
	fields = ["name", kind.field, "email", "preferred_language", "offer_expires_at", "confirmed_at"]
	rows = frappe.db.get_values(
		kind.booking, filters, fields, as_dict=True, for_update=lock, order_by="queue_no"
	)
	for row in rows:
		row.event = row[kind.field]
	return rows


def _row(doctype: str, seat: Mapping, kind: str, about: str, **values) -> dict[str, object]:
	event = seat.get("event")
	return {
		**dict.fromkeys(COLUMNS),
		"name": f"{seat['name']}:{kind}:{about}",
		"booking_doctype": doctype,
		"booking": seat["name"],
		"event_doctype": kinds.of_booking(doctype).event if event else None,
		"event": event,
		"kind": kind,
		"status": PENDING,
		"email": seat.get("email"),
		"due_at": _moment(None),
		"calendar_sequence": 0,
		**values,
	}


def _insert(rows: Sequence[Mapping]) -> int:
	"""Those that are not there yet; how many."""
	if not rows:
		return 0
	known = set(
		frappe.get_all(NOTICE, {"name": ("in", [row["name"] for row in rows])}, pluck="name", limit=0)
	)
	fresh = [row for row in rows if row["name"] not in known]
	stamp, user = now(), frappe.session.user
	columns = [*COLUMNS, "creation", "modified", "owner", "modified_by", "docstatus", "idx"]
	values = [[*(row[key] for key in COLUMNS), stamp, stamp, user, user, 0, 0] for row in fresh]
	if values:
		# Somebody else may be at the same: one of the two is passed over.
		frappe.db.bulk_insert(NOTICE, columns, values, ignore_duplicates=True)
	return len(fresh)


def _write(names: Sequence[str], **values) -> None:
	if not names:
		return
	notice = frappe.qb.DocType(NOTICE)
	query = frappe.qb.update(notice).set(notice.modified, now())
	for key, value in values.items():
		query = query.set(notice[key], value)
	query.where(notice.name.isin(list(names))).run()


def _lock_pending(filters: dict) -> list[frappe._dict]:
	"""Notices that wait, locked, by the primary key alone: no gap is closed to what others insert.

	What a job has just sent is not among them, however old this transaction's view of the data is.
	"""
	names = frappe.get_all(NOTICE, {"status": PENDING, **filters}, pluck="name", order_by="name", limit=0)
	notice = frappe.qb.DocType(NOTICE)
	return (
		(
			frappe.qb.from_(notice)
			.force_index("PRIMARY")
			.select(notice.name, notice.booking, notice.kind)
			.where(notice.name.isin(names) & (notice.status == PENDING))
			.for_update()
			.run(as_dict=True)
		)
		if names
		else []
	)


# Sending


def enqueue() -> None:
	"""Send in the background once this transaction is committed; asked for once in a transaction."""
	if frappe.flags.imta_letters_asked_for:
		return
	frappe.flags.imta_letters_asked_for = True
	frappe.db.after_commit.add(_start)
	frappe.db.after_rollback.add(_forget)


def _forget() -> None:
	frappe.flags.imta_letters_asked_for = False


def _start() -> None:
	_forget()
	frappe.enqueue(JOB, queue="short", timeout=JOB_TIMEOUT, job_id="imta-seat-letters", deduplicate=True)


def send_due(now: datetime | str | None = None) -> dict[str, int]:
	"""Queue the letters that are due, and see what became of those before. Every five minutes, and after a change.

	May be repeated and run twice at once; commits letter by letter. `now` is the moment of the judgement. Returns
	counts: queued, skipped, failed, and what became of the mails: sent, unknown, put_back, taken_back.
	"""
	moment = _moment(now)
	counts: Counter = Counter()
	for name in _on_their_way():
		counts[_do(name, lambda name=name: _settle(name, moment))] += 1
	done: set[str] = set()
	while names := [name for name in _due(moment, len(done)) if name not in done]:
		for name in names:
			done.add(name)
			try:
				counts[_do(name, lambda name=name: _send(name, moment))] += 1
			except frappe.OutgoingEmailError as error:
				# Nobody can be written to: the letters wait, and say why.
				_begin_step()
				frappe.clear_messages()
				_write([*_due(moment)], problem=_describe(error))
				keep_step()
				counts.pop("", None)
				return dict(counts)
	counts.pop("", None)
	return dict(counts)


def _due(now: datetime, passed: int = 0) -> list[str]:
	_begin_step()
	return frappe.get_all(
		NOTICE,
		{"status": PENDING, "due_at": ("<=", now)},
		pluck="name",
		order_by="due_at, creation, name",
		limit=500 + passed,
	)


def _do(name: str, step: Callable[[], str]) -> str:
	"""A step for one notice, as a transaction of its own; a failure is that notice's alone."""
	_begin_step()
	try:
		outcome = persistently(lambda: _whole(step))
	except (*NOBODYS_FAULT, frappe.OutgoingEmailError):
		raise
	except Exception as error:
		_begin_step()
		if not isinstance(error, frappe.ValidationError):
			frappe.log_error(
				title=_("Letter {0} failed").format(name), reference_doctype=NOTICE, reference_name=name
			)
		frappe.clear_messages()
		frappe.db.set_value(
			NOTICE, {"name": name, "status": PENDING}, {"status": FAILED, "problem": _describe(error)}
		)
		outcome = "failed"
	keep_step()
	return outcome


def _send(name: str, now: datetime) -> str:
	"""Queue one letter. "" where another job is at it."""
	notice = _take(name, PENDING)
	if not notice:
		return ""
	seat = _occasion(notice)
	if reason := _why_not(notice, seat, now):
		_write([name], status=SKIPPED, problem=reason)
		return "skipped"
	mail = letters.compose(notice, seat)
	# Frappe tries it once. Whether again is judged here, by what the server said.
	(queued,) = mailing.queue([mail], retry=get_email_retry_limit())
	_write(
		[name],
		status=QUEUED,
		email=mail.to,
		language=mail.language,
		subject=cstr(mail.subject)[:500],
		message_id=cstr(queued.message_id)[:190],
		email_queue=queued.name,
		queued_at=now,
		attempts=1,
		sent_at=None,
		problem=None,
		calendar_sequence=cint(seat.event.calendar_sequence) if seat else 0,
	)
	return "queued"


def _take(name: str, *statuses: str) -> frappe._dict | None:
	"""The notice, locked, if it is in one of these; None also where another job is at it."""
	notice = frappe.db.get_value(NOTICE, name, "*", as_dict=True, for_update=True, skip_locked=True)
	return notice if notice and notice.status in statuses else None


def _occasion(notice: Mapping) -> occasion.Occasion | None:
	if notice["booking_doctype"] == letters.CERTIFICATE_DOCTYPE:
		return None
	return occasion.of(notice["booking_doctype"], notice["booking"])


def _why_not(notice: Mapping, seat: occasion.Occasion | None, now: datetime) -> str | None:
	"""Why the letter is not, or no longer, to be sent."""
	kind = notice["kind"]
	if kind == CERTIFICATE:
		certificate = letters.certificate_of(notice)
		if not certificate or certificate.status != "Valid":
			return _("The certificate is revoked.") if certificate else _("The certificate is gone.")
		if not seat:
			return None
	if not seat:
		return _("The seat is gone.")
	if _is_erased(seat.booking):
		return _("The person’s data have been erased.")
	booking, event = seat.booking, seat.event
	reason = rules.why_not(
		kind,
		booking.status,
		now=now,
		begins_at=get_datetime(event.starts_at_site) if event.starts_at_site else None,
		ends_at=get_datetime(event.ends_at_site) if event.ends_at_site else None,
		offer_until=get_datetime(booking.offer_expires_at) if booking.offer_expires_at else None,
		is_latest=cint(notice["calendar_sequence"]) >= cint(event.calendar_sequence),
	)
	if reason:
		return _reason(reason, booking.status)
	if kind == FEEDBACK and frappe.db.exists("Session Feedback", {"enrollment": booking.name}):
		return _("The feedback has been given.")
	if kind == FEEDBACK and now.date() > links.feedback_until(booking.ends_at_site):
		return _("The time for feedback is over.")
	return None


def _reason(key: str, status: str = "") -> str:
	return {
		rules.STATUS: _("The seat is {0} meanwhile."),
		rules.OVER: _("The event is over."),
		rules.BEGUN: _("The event has begun."),
		rules.LAPSED: _("The offer has ended."),
		rules.REPLACED: _("A later letter says what holds now."),
	}[key].format(_(status))


def _is_erased(booking: Mapping) -> bool:
	"""No address is left, or only what Frappe's tool for personal data has put in its place."""
	email = cstr(booking["email"]).strip()
	return not email or bool(frappe.db.exists("Personal Data Deletion Request", email))


# What became of them


def _on_their_way() -> list[str]:
	"""Notices whose mail waits in the Email Queue, is being sent, or has been taken back."""
	_begin_step()
	notice = frappe.qb.DocType(NOTICE)
	return (
		frappe.qb.from_(notice)
		.select(notice.name)
		.where((notice.status == QUEUED) | ((notice.status == SKIPPED) & notice.email_queue.isnotnull()))
		.orderby(notice.name)
		.run(pluck=True)
	)


def _settle(name: str, now: datetime) -> str:
	notice = _take(name, QUEUED, SKIPPED)
	if not notice:
		return ""
	mail = mail_queue.read(notice.email_queue)
	if mail and mail.status == "Sent":
		_write([name], status=SENT, sent_at=mail.modified, problem=None)
		return "sent"
	if notice.status == SKIPPED:
		return _settle_taken_back(notice, mail, now)
	if not mail:
		return _unknown(
			notice, _("The mail is no longer in the Email Queue; nobody can tell whether it was sent.")
		)
	if mail.status == "Error":
		return _failed(notice, mail, now)
	if mail.status == "Sending" and mail_queue.is_past(mail.modified, now, mail_queue.DEAD_AFTER):
		return _unknown(
			notice, _("The process that sent the mail died; nobody can tell whether it was sent.")
		)
	if mail.status == mail_queue.TAKEN_BACK:
		_write([name], status=SKIPPED, problem=cstr(mail.error)[:500])
		return "taken_back"
	if mail.status == "Not Sent":
		seat = _occasion(notice)
		reason = _why_not(notice, seat, now) or (_is_stale(notice, seat) and _reason(rules.REPLACED))
		if reason:
			mail_queue.take_back(mail.name, reason)
			_write([name], status=SKIPPED, problem=reason)
			return "taken_back"
	return ""


def _is_stale(notice: Mapping, seat: occasion.Occasion | None) -> bool:
	"""Time or place have changed since the letter was written."""
	return bool(seat) and cint(seat.event.calendar_sequence) > cint(notice["calendar_sequence"])


def _settle_taken_back(notice: frappe._dict, mail: frappe._dict | None, now: datetime) -> str:
	"""A flush may have read the row in the moment in which it was taken back."""
	if mail and mail.status == "Sending":
		if mail_queue.is_past(mail.modified, now, mail_queue.DEAD_AFTER):
			return _unknown(
				notice, _("The process that sent the mail died; nobody can tell whether it was sent.")
			)
		return ""
	if mail and mail.status == "Error" and mail_failure.classify(mail.error).kind == mail_failure.UNKNOWN:
		return _unknown(notice, mail_failure.classify(mail.error).text)
	if mail and mail.status != mail_queue.TAKEN_BACK:
		mail_queue.take_back(mail.name, cstr(notice.problem))
		return ""
	if mail and not mail_queue.is_past(mail.modified, now, mail_queue.GRACE):
		return ""
	if mail:
		mail_queue.remove(mail.name)
	if _why_not(notice, _occasion(notice), now):
		_write([notice.name], email_queue=None)
		return ""
	# It was only out of date.
	_write([notice.name], status=PENDING, due_at=now, email_queue=None, problem=None)
	return "put_back"


def _failed(notice: frappe._dict, mail: frappe._dict, now: datetime) -> str:
	failure = mail_failure.classify(mail.error)
	mail_queue.forget_notifications(mail.name)
	if failure.kind == mail_failure.UNKNOWN:
		return _unknown(notice, failure.text)
	given_up = failure.kind == mail_failure.TEMPORARY and mail_queue.is_past(
		notice.queued_at, now, mail_queue.GIVE_UP_AFTER
	)
	if not failure.may_retry or given_up:
		mail_queue.set_aside(mail.name)
		_write([notice.name], status=FAILED, problem=failure.text)
		return "failed"
	# The server has not taken it.
	seat = _occasion(notice)
	if reason := _why_not(notice, seat, now):
		mail_queue.take_back(mail.name, reason)
		_write([notice.name], status=SKIPPED, problem=reason)
		return "taken_back"
	if _is_stale(notice, seat):
		# It is written anew.
		mail_queue.remove(mail.name)
		_write([notice.name], status=PENDING, due_at=now, email_queue=None, problem=failure.text)
		return "put_back"
	waits = mail_queue.AFTER_REFUSAL if failure.kind == mail_failure.TEMPORARY else mail_queue.AFTER_OUTAGE
	attempts = cint(notice.attempts) or 1
	mail_queue.put_back(mail, now + waits[min(attempts, len(waits)) - 1])
	_write([notice.name], problem=failure.text, attempts=attempts + 1)
	return "put_back"


def _unknown(notice: frappe._dict, problem: str) -> str:
	if notice.email_queue:
		mail_queue.set_aside(notice.email_queue)
	_write([notice.name], status=UNKNOWN, problem=problem[:500])
	return "unknown"


def returned(name: str, diagnostic: str, *, for_good: bool) -> None:
	"""The letter came back; or, where not `for_good`, it is delayed. No commit."""
	notice = frappe.db.get_value(NOTICE, name, "*", as_dict=True, for_update=True)
	if notice.status not in (QUEUED, SENT, UNKNOWN):
		return
	# It came back, so it had left, whatever was known of it.
	left = {"status": FAILED, "sent_at": notice.sent_at or notice.queued_at} if for_good else {}
	_write([name], problem=diagnostic[:500], **left)


# By hand


@frappe.whitelist(methods=["POST"])
def send_again(notice: str) -> None:
	"""Send a letter that failed, or that nobody knows to have left, again: as it is true now.

	For those who may change the seat.
	"""
	frappe.has_permission(NOTICE, "read", doc=notice, throw=True)
	row = frappe.db.get_value(NOTICE, notice, "*", as_dict=True, for_update=True)
	frappe.has_permission(row.booking_doctype, "write", doc=row.booking, throw=True)
	if row.status not in (FAILED, UNKNOWN):
		frappe.throw(_("{0} is {1}.").format(row.subject or row.name, _(row.status, context=NOTICE)))
	if row.email_queue:
		mail_queue.set_aside(row.email_queue)
	_write([notice], status=PENDING, due_at=_moment(None), problem=None, email_queue=None, attempts=0)
	enqueue()


@frappe.whitelist(methods=["POST"])
def send_failed_again(notices: str | list) -> int:
	"""`send_again` for those of the list that have failed, such as by a template that is right now. How many."""
	names = frappe.parse_json(notices) if isinstance(notices, str) else notices
	failed = frappe.get_all(NOTICE, {"name": ("in", names), "status": FAILED}, pluck="name", limit=0)
	for name in failed:
		send_again(name)
	return len(failed)


# Helpers


def _moment(moment: datetime | str | None) -> datetime:
	return (get_datetime(moment) if moment else now_datetime()).replace(microsecond=0)


def _begin_step() -> None:
	"""Another snapshot of the data. Tests hold everything in one transaction."""
	if not frappe.flags.in_test:
		frappe.db.rollback()


def _describe(error: Exception) -> str:
	return (strip_html(cstr(error)) or type(error).__name__)[:500]
