"""Sends what is due: plans each invitation's next step, queues mails and tasks in chunks, survives anything.

What comes next follows from the campaign's steps and from the touches that an invitation has already had
(`policy.schedule`), never from the day on which a job happens to run. `next_at` is only what a job looks for;
before anything is queued, the step is worked out anew from the locked records.

A chunk is one transaction: the campaign is locked, so that a pause, a cap and a second job are seen; then up
to `CHUNK` invitations, without those that somebody else is at. Their touches, the rows of Frappe's Email
Queue and the invitations are committed together. So a killed job has done all of a chunk or nothing, and two
that run at once meet at the campaign's row, or at the latest at the touch's primary key.

What is queued and has not left is taken back by a reply, a pause or a withdrawal (`hold`). Frappe's own flush
may have read the row in that moment; so a row is first marked, and the verdict is left to `delivery`, which
sees what really became of it.

Times are the site's, naive, as Frappe stores them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import frappe
from frappe import _
from frappe.email.doctype.email_queue.email_queue import get_email_retry_limit
from frappe.query_builder.functions import Coalesce, Count
from frappe.utils import cint, cstr, get_datetime, get_system_timezone, getdate, now, now_datetime, strip_html
from rq.timeouts import JobTimeoutException

from imta_crm.erp import masters
from imta_crm.invitations import campaigns, compose, mailing, prospects, record, tasks
from imta_crm.invitations.doctype.invitation_touch.invitation_touch import touch_name
from imta_crm.invitations.mail_queue import EMAIL_QUEUE, TAKEN_BACK
from imta_crm.policy import schedule, zones
from imta_crm.policy.invitation import INVITED, LATER, OPEN, PLANNED, WITHDRAWN
from imta_crm.policy.schedule import Progress, Step
from imta_crm.transactions import persistently

if TYPE_CHECKING:
	from imta_crm.invitations.campaigns import CampaignRules
	from imta_crm.invitations.compose import Mail

CAMPAIGN, INVITATION, TOUCH = "Invitation Campaign", "Invitation", "Invitation Touch"
QUEUED, SENT, FAILED, BOUNCED, UNKNOWN = "Queued", "Sent", "Failed", "Bounced", "Unknown"
TO_DO, DONE, SKIPPED = "To Do", "Done", "Skipped"
#: Of these a person has, or may have, noticed something.
REACHED = (QUEUED, SENT, BOUNCED, UNKNOWN, DONE)

CHUNK = 100
PLAN_CHUNK = 500
JOB_TIMEOUT = 1500
#: A job whose worker was killed stands in the way of the next one no longer than this.
JOB_SLOT_MINUTES = 15
#: The transaction or the job is over, whoever was at hand: nothing is noted on an invitation.
NOBODYS_FAULT = (frappe.QueryDeadlockError, frappe.QueryTimeoutError, JobTimeoutException)
#: Waits after a mail or task could not be made; then it is given up, and the next step comes.
RETRY_AFTER = (timedelta(hours=1), timedelta(hours=4), timedelta(days=1), timedelta(days=2))
FIELDS = (
	"name",
	"campaign",
	"status",
	"creation",
	"country",
	"time_zone",
	"preferred_language",
	"reply",
	"later_on",
	"started_on",
	"next_step",
	"next_at",
	"next_key",
	"due_since",
	"steps_done",
)
TOUCH_FIELDS = (
	"name",
	"invitation",
	"campaign",
	"step_key",
	"step_title",
	"channel",
	"status",
	"due_at",
	"made_at",
	"sent_at",
	"language",
	"email",
	"subject",
	"message_id",
	"email_queue",
	"todo",
	"officer",
	"problem",
	"attempts",
	"retry_at",
)


@dataclass
class Batch:
	"""What a chunk is going to write."""

	touches: list[frappe._dict] = field(default_factory=list)
	replaced: list[str] = field(default_factory=list)
	counts: Counter = field(default_factory=Counter)
	changed: int = 0


@dataclass(frozen=True)
class Next:
	"""The step that comes next. `at` is when by the site's clock; `is_due` whether that is now.

	`since` is when it was due by the plan, whatever has been missed: who waits longest for the cap goes first.
	"""

	step: Step
	at: datetime
	is_due: bool
	since: datetime


@dataclass
class Run:
	"""What a job remembers between its chunks: `passed` are invitations that are left to the next job."""

	passed: set[str] = field(default_factory=set)
	names: list[str] = field(default_factory=list)


# Planning


def plan(
	invitations: Iterable[str] | None = None, campaign: str | None = None, now: datetime | str | None = None
) -> None:
	"""Work out anew which step comes next and when, for some invitations or all of a campaign. No commit."""
	moment = _moment(now)
	for part in parts(_open_ones(invitations, campaign), PLAN_CHUNK):
		_plan_part(part, moment)


def _plan_part(names: Sequence[str], now: datetime) -> None:
	rows = _read(names)
	had = touches_of(names)
	rules = {campaign: campaigns.rules_of(campaign) for campaign in {row.campaign for row in rows}}
	changes = {}
	for row in rows:
		values = _next_values(row, had[row.name], rules[row.campaign], now)
		# One that is due already is not written anew every day.
		if values["next_at"] and row.next_at and values["next_at"] <= now and row.next_at <= now:
			values["next_at"] = row.next_at
		if any(_differs(row[key], value) for key, value in values.items()):
			changes[row.name] = values
	record.write_each(changes)


def _open_ones(invitations: Iterable[str] | None, campaign: str | None) -> list[str]:
	filters: dict[str, object] = {"status": ("in", list(OPEN))}
	if invitations is not None:
		filters["name"] = ("in", list(invitations) or [""])
	if campaign:
		filters["campaign"] = campaign
	return frappe.get_all(INVITATION, filters, pluck="name", order_by="name", limit=0)


def _next_values(
	row: Mapping, touches: Sequence[frappe._dict], rules: CampaignRules, now: datetime
) -> dict[str, object]:
	upcoming = _upcoming(row, touches, rules, now)
	# Empty, not NULL: it has been looked at, and nothing is to come.
	return {
		"next_step": upcoming.step.title if upcoming else "",
		"next_at": upcoming.at if upcoming else None,
		"next_key": upcoming.step.key if upcoming else None,
		"due_since": upcoming.since if upcoming else None,
	}


def next_of(
	row: Mapping, touches: Sequence[frappe._dict], rules: CampaignRules, now: datetime
) -> Next | None:
	"""The next step of an open invitation, judged from its touches. None where none is to come."""
	waiting = [get_datetime(touch.retry_at) for touch in touches if is_to_be_repeated(touch)]
	site = ZoneInfo(get_system_timezone())
	earliest = max([now, *waiting]).replace(tzinfo=site)
	progress = progress_of(row, touches, rules, now)
	country = masters.country_code(row.get("country"))
	own = cstr(row.get("time_zone")) or zones.zone_of(country)
	# A zone that nobody knows is no reason to forget somebody.
	for zone in dict.fromkeys((own, zones.zone_of(country))):
		try:
			due = schedule.next_step(
				rules.steps,
				progress,
				language=compose.language_of(row),
				zone=zone,
				country_code=country,
				hours=rules.hours,
				site_zone=site.key,
				to_date=rules.to_date,
				now=earliest,
			)
		except schedule.ScheduleProblem:
			continue
		if due:
			at, since = (each.astimezone(site).replace(tzinfo=None) for each in (due.at, due.since))
			return Next(_as_it_can_be_done(due.step, rules), at, at <= now, since)
		return None
	return None


def _upcoming(
	row: Mapping, touches: Sequence[frappe._dict], rules: CampaignRules, now: datetime
) -> Next | None:
	"""`next_of`; an invitation that cannot be judged keeps nobody waiting, and is looked at again every day."""
	try:
		return next_of(row, touches, rules, now)
	except Exception as error:
		_check_transaction(error)
		frappe.log_error(
			title=_("Invitation {0} cannot be planned").format(row["name"]),
			reference_doctype=INVITATION,
			reference_name=row["name"],
		)
		return None


def _as_it_can_be_done(step: Step, rules: CampaignRules) -> Step:
	"""Who asked to hear later gets a mail, or a call by the officer where the campaign has no words for it."""
	if not step.key.startswith(schedule.LATER_PREFIX):
		return step
	step = replace(step, title=step.title or _("Later, as asked"))
	return step if any(rules.templates.get(campaigns.LATER, ())) else replace(step, channel="Call")


def progress_of(
	row: Mapping, touches: Sequence[frappe._dict], rules: CampaignRules, now: datetime | None = None
) -> Progress:
	"""How far the invitation is at a moment, from its touches."""
	today = _moment(now).date()
	done = {touch.step_key: _day_of(touch, today) for touch in touches if not is_to_be_repeated(touch)}
	return Progress(
		not_before=max(rules.from_date, getdate(row["creation"])),
		started_on=started_on(touches),
		done=done,
		replied=bool(row.get("reply")),
		later_on=getdate(row["later_on"]) if row.get("later_on") and row["status"] == LATER else None,
	)


def _day_of(touch: Mapping, today: date) -> date:
	"""The day of a touch. A mail that the server has not taken for days counts from when it leaves, so that the
	next one neither overtakes it nor arrives together with it."""
	made = getdate(touch["made_at"])
	if touch["channel"] != schedule.EMAIL:
		return made
	if touch["status"] == QUEUED and touch["retry_at"]:
		return max(made, today)
	return max(made, getdate(touch["sent_at"])) if touch["status"] == SENT and touch["sent_at"] else made


def started_on(touches: Sequence[frappe._dict]) -> date | None:
	"""The day of the first touch that counts."""
	days = [getdate(touch.made_at) for touch in touches if touch.status in (*REACHED, TO_DO)]
	return min(days, default=None)


def is_to_be_repeated(touch: Mapping) -> bool:
	"""A failure that is tried again; nothing has left."""
	return touch["status"] == FAILED and bool(touch["retry_at"])


def settle(name: str, now: datetime | None = None) -> None:
	"""Write on an invitation what its touches say: how far it is, and what comes next. No commit."""
	settle_many([record.lock(name)], _moment(now))


def settle_many(rows: list[frappe._dict], now: datetime) -> None:
	"""`settle` for invitations that are locked, in a few queries."""
	had = touches_of([row.name for row in rows])
	rules = {campaign: campaigns.rules_of(campaign) for campaign in {row.campaign for row in rows}}
	changes = {}
	for row in rows:
		values = way_of(row, had[row.name])
		if row.status in OPEN:
			values.update(_next_values(row, had[row.name], rules[row.campaign], now))
		if any(_differs(row.get(key), value) for key, value in values.items()):
			changes[row.name] = values
	_write(rows, changes)


def way_of(row: Mapping, touches: Sequence[frappe._dict]) -> dict[str, object]:
	"""The fields of an invitation that follow from its touches."""
	left = [
		get_datetime(touch.sent_at)
		for touch in touches
		if touch.sent_at and touch.status in (SENT, BOUNCED, DONE)
	]
	values: dict[str, object] = {
		"started_on": started_on(touches),
		"steps_done": sum(touch.status in (*REACHED, TO_DO) for touch in touches),
		"first_sent_at": min(left, default=None),
		"last_sent_at": max(left, default=None),
	}
	if row["status"] in (PLANNED, INVITED):
		reached = any(touch.status in REACHED for touch in touches)
		values["status"] = INVITED if reached else PLANNED
	return values


# Sending


def enqueue_due() -> None:
	"""Scheduled every five minutes: send in the background, one job at a time."""
	moment = now_datetime()
	slot = moment.replace(minute=moment.minute // JOB_SLOT_MINUTES * JOB_SLOT_MINUTES)
	frappe.enqueue(
		"imta_crm.invitations.sending.send_due",
		queue="long",
		timeout=JOB_TIMEOUT,
		job_id=f"imta-invitations::{slot:%Y%m%d%H%M}",
		deduplicate=True,
		enqueue_after_commit=True,
	)


def send_due(now: datetime | str | None = None, campaign: str | None = None) -> dict[str, int]:
	"""Queue every touch that is due. May be repeated and run twice at once; commits chunk by chunk.

	`now` is the moment of the judgement, the site's clock unless given; `campaign` limits it to one. Returns
	counts by what happened: queued, tasks, failed, withdrawn, and what `delivery.reconcile` found.
	"""
	from imta_crm.invitations import delivery

	fixed = get_datetime(now) if now else None
	counts: Counter = Counter()
	try:
		counts.update(delivery.reconcile(fixed, campaign))
	except JobTimeoutException:
		raise
	except Exception:
		# What has become of the mails is looked at again in five minutes; meanwhile the others go out.
		frappe.db.rollback()
		frappe.clear_messages()
		frappe.log_error(title=_("Delivery of invitations"))
		frappe.db.commit()  # keeps the error
	for name in _running(campaign):
		try:
			counts.update(_process(name, fixed))
		except JobTimeoutException:
			raise  # the time of the job is over; the next one goes on
		except Exception as error:
			# Another campaign's mails are not held up; this one is tried again in five minutes.
			frappe.db.rollback()
			_tell_problem(name, error)
	return dict(counts)


def _running(campaign: str | None) -> list[str]:
	filters: dict[str, object] = {"workflow_state": campaigns.RUNNING}
	if campaign:
		filters["name"] = campaign
	return frappe.get_all(CAMPAIGN, filters, pluck="name", order_by="name", limit=0)


def _process(campaign: str, now: datetime | None) -> Counter:
	"""All that is due of a campaign. A chunk that cannot be made is made one by one, to find who is in its way."""
	replan(campaign, _moment(now))
	counts: Counter = Counter()
	run = Run()
	one_by_one = 0
	while True:
		frappe.db.rollback()  # a new snapshot; nothing is pending
		size = 1 if one_by_one else CHUNK
		try:
			found = persistently(
				lambda size=size: chunk(campaign, now, size, run), also=(frappe.DuplicateEntryError,)
			)
		except (*NOBODYS_FAULT, frappe.OutgoingEmailError):
			raise
		except Exception as error:
			frappe.db.rollback()
			_tell_problem(campaign, error, run.names[0] if len(run.names) == 1 else None)
			if len(run.names) > 1:
				one_by_one = len(run.names)
				continue
			if not run.names:
				raise
			# It is tried again in five minutes, and keeps nobody else waiting.
			run.passed.update(run.names)
			found = Counter(problems=1)
		if found is None:
			break
		one_by_one = max(0, one_by_one - 1)
		counts.update(found)
	return counts


def replan(campaign: str, now: datetime) -> None:
	"""Plan all of a campaign once a day, after each change of it and when the clock went back. Commits.

	So whatever a planning may have missed, or a wrong clock has put off, is found within a day.
	"""
	now = _moment(now)
	campaign_row = frappe.db.get_value(CAMPAIGN, campaign, ["planned_at", "modified"], as_dict=True)
	planned = campaign_row.planned_at and get_datetime(campaign_row.planned_at)
	if (
		planned
		and planned.date() == now.date()
		and planned <= now
		and planned > get_datetime(campaign_row.modified).replace(microsecond=0)
	):
		names = _forgotten(campaign)
	else:
		names = _open_ones(None, campaign)
	for part in parts(names, PLAN_CHUNK):
		persistently(lambda part=part: (_plan_part(part, now), frappe.db.commit()))  # a part by itself
	frappe.db.set_value(CAMPAIGN, campaign, "planned_at", now, update_modified=False)
	frappe.db.commit()  # end of the step


def _forgotten(campaign: str) -> list[str]:
	"""Open invitations that nobody has planned yet."""
	return frappe.get_all(
		INVITATION,
		{
			"campaign": campaign,
			"status": ("in", list(OPEN)),
			"next_at": ("is", "not set"),
			"next_step": ("is", "not set"),
		},
		pluck="name",
		limit=0,
	)


def chunk(
	campaign: str, now: datetime | None = None, size: int = CHUNK, run: Run | None = None
) -> Counter | None:
	"""Queue up to `size` due touches of a campaign and commit. None where nobody is left to be looked at.

	Whom somebody else is at, or for whom nothing could be done, is remembered in `run` and passed over by its
	next chunk.
	"""
	run = run or Run()
	run.names = []
	moment = _moment(now)
	# From here on nobody pauses the campaign or counts its mails before the commit; and what another job has
	# just done is seen.
	if campaigns.lock(campaign).workflow_state != campaigns.RUNNING:
		frappe.db.rollback()
		return None
	rules = campaigns.rules_of(campaign)
	names = _candidates(rules, moment, size, run.passed, only_tasks=cap_left(rules, moment) <= 0)
	if not names:
		frappe.db.rollback()
		return None
	run.names = names
	rows = take(names)
	batch = _make(rules, rows, moment)
	frappe.db.commit()  # touches, mails and invitations of the chunk together, or none of them
	if not batch.counts and not batch.changed:
		run.passed.update(names)
	else:
		run.passed.update(set(names) - {row.name for row in rows})
	return batch.counts


def cap_left(rules: CampaignRules, now: datetime) -> int:
	"""How many mails may still be queued on this day of the site. Counted, so right after any crash."""
	if not rules.daily_cap:
		return 10**9
	table = frappe.qb.DocType(TOUCH)
	today = datetime.combine(now.date(), datetime.min.time())
	made = (
		frappe.qb.from_(table)
		.select(Count("*"))
		.where(
			(table.campaign == rules.name)
			& (table.channel == schedule.EMAIL)
			& (table.made_at >= today)
			& (table.made_at < today + timedelta(days=1))
			& table.email_queue.isnotnull()
		)
		.run()[0][0]
	)
	return rules.daily_cap - made


def _candidates(
	rules: CampaignRules, now: datetime, size: int, passed: Collection[str] = (), *, only_tasks: bool
) -> list[str]:
	"""Who is due, the longest due first, then by name: the order of `schedule.simulate`."""
	table = frappe.qb.DocType(INVITATION)
	query = (
		frappe.qb.from_(table)
		.select(table.name)
		.where((table.campaign == rules.name) & table.status.isin(list(OPEN)) & (table.next_at <= now))
		.orderby(table.due_since, table.name)
		.limit(size)
	)
	if passed:
		query = query.where(table.name.notin(sorted(passed)))
	if only_tasks:
		key = Coalesce(table.next_key, "")
		if mails := [step.key for step in rules.steps if step.is_mail]:
			query = query.where(key.notin(mails))
		if any(rules.templates.get(campaigns.LATER, ())):
			query = query.where(key.not_like(f"{schedule.LATER_PREFIX}%"))
	return query.run(pluck=True)


def take(names: list[str]) -> list[frappe._dict]:
	"""Lock invitations, by primary key, without waiting for those that somebody else is at."""
	table = frappe.qb.DocType(INVITATION)
	rows = (
		frappe.qb.from_(table)
		.select("*")
		.where(table.name.isin(names))
		.for_update(skip_locked=True)
		.run(as_dict=True)
	)
	place = {name: index for index, name in enumerate(names)}
	return sorted(rows, key=lambda row: place[row.name])


def _make(rules: CampaignRules, rows: list[frappe._dict], now: datetime) -> Batch:
	"""Queue what is due of these locked invitations."""
	batch = Batch()
	rows = [row for row in rows if row.status in OPEN]
	rows = _without_unwelcome(rows, batch)
	had = touches_of([row.name for row in rows])
	left = cap_left(rules, now)
	upcoming: dict[str, Next] = {}
	mails: list[tuple[frappe._dict, Mail]] = []
	waits = set()
	for row in rows:
		found = _upcoming(row, had[row.name], rules, now)
		if not found or not found.is_due:
			continue
		upcoming[row.name] = found
		if not found.step.is_mail:
			_make_task(row, found, rules, had, batch, now)
		elif left <= 0:
			waits.add(row.name)
		elif mail := _make_mail(row, found, rules, had, batch, now):
			mails.append((row, mail))
			left -= 1
	_queue(mails, upcoming, rules, had, batch, now)
	_save(batch)
	tasks.tell(Counter(touch.officer for touch in batch.touches if touch.status == TO_DO), rules)
	changes = {}
	for row in rows:
		if row.name in waits:
			# It keeps its place in the queue, and is passed over while only tasks are looked for.
			step = upcoming[row.name].step
			if row.next_key != step.key:
				changes[row.name] = {"next_step": step.title, "next_key": step.key}
			continue
		values = {**way_of(row, had[row.name]), **_next_values(row, had[row.name], rules, now)}
		changed = {key: value for key, value in values.items() if _differs(row.get(key), value)}
		if changed:
			# All fields for all, so that one statement writes them.
			changes[row.name] = values
	_write(rows, changes)
	batch.changed = len(changes)
	return batch


def _write(rows: list[frappe._dict], changes: dict[str, dict]) -> None:
	before = {row.name: row.status for row in rows}
	same = {name for name, values in changes.items() if values.get("status", before[name]) == before[name]}
	# A status that stays is not written: it would cost a look at the keys.
	record.write_each({name: {k: v for k, v in changes[name].items() if k != "status"} for name in same})
	record.write_each({name: values for name, values in changes.items() if name not in same})


def _without_unwelcome(rows: list[frappe._dict], batch: Batch) -> list[frappe._dict]:
	"""The last look before anything is sent: who has joined, opted out or is on the do-not-invite list since?"""
	unwelcome = prospects.still_welcome([row.name for row in rows]) if rows else {}
	for name, reason in unwelcome.items():
		record.close(name, WITHDRAWN, reason)
		batch.counts["withdrawn"] += 1
	return [row for row in rows if row.name not in unwelcome]


def _make_mail(
	row: frappe._dict, due: Next, rules: CampaignRules, had: dict, batch: Batch, now: datetime
) -> Mail | None:
	try:
		return compose.compose(row, due.step, rules)
	except Exception as error:
		_check_transaction(error)
		_fail(row, due, error, had, batch, now)
		return None


def _make_task(
	row: frappe._dict, due: Next, rules: CampaignRules, had: dict, batch: Batch, now: datetime
) -> None:
	frappe.db.savepoint("imta_task")
	try:
		todo, officer = tasks.make(row, due.step, rules, due.at)
	except Exception as error:
		_check_transaction(error)
		frappe.db.rollback(save_point="imta_task")
		_fail(row, due, error, had, batch, now)
		return
	_add(row, due, had, batch, now, status=TO_DO, todo=todo, officer=officer)
	batch.counts["tasks"] += 1


def _queue(
	mails: list[tuple[frappe._dict, Mail]],
	upcoming: Mapping[str, Next],
	rules: CampaignRules,
	had: dict,
	batch: Batch,
	now: datetime,
) -> None:
	"""Put the mails into the Email Queue: all at once, or one by one to find the one that cannot."""
	if not mails:
		return
	frappe.db.savepoint("imta_mails")
	try:
		_queue_all(mails, upcoming, had, batch, now)
	except frappe.OutgoingEmailError:
		raise  # nobody can be written to: the whole campaign waits
	except Exception as error:
		_check_transaction(error)
		frappe.db.rollback(save_point="imta_mails")
		if len(mails) == 1:
			row = mails[0][0]
			_fail(row, upcoming[row.name], error, had, batch, now)
			return
		for one in mails:
			_queue([one], upcoming, rules, had, batch, now)


def _queue_all(
	mails: list[tuple[frappe._dict, Mail]],
	upcoming: Mapping[str, Next],
	had: dict,
	batch: Batch,
	now: datetime,
) -> None:
	# Frappe tries these mails once. Whether again is for `delivery`, which knows when that is harmless.
	queued = mailing.queue([mail for _row, mail in mails], retry=get_email_retry_limit())
	for (row, mail), entry in zip(mails, queued, strict=True):
		_add(
			row,
			upcoming[row.name],
			had,
			batch,
			now,
			status=QUEUED,
			language=mail.language,
			email=mail.to,
			subject=cstr(mail.subject)[:500],
			message_id=cstr(entry.message_id)[:190],
			email_queue=entry.name,
		)
	batch.counts["queued"] += len(queued)


def _fail(row: frappe._dict, due: Next, error: Exception, had: dict, batch: Batch, now: datetime) -> None:
	"""One step of one invitation could not be made: written on its touch, and tried again a few times."""
	attempts = 1 + max(
		(cint(touch.attempts) for touch in had[row.name] if touch.step_key == due.step.key), default=0
	)
	retry_at = now + RETRY_AFTER[attempts - 1] if attempts <= len(RETRY_AFTER) else None
	_add(
		row,
		due,
		had,
		batch,
		now,
		status=FAILED,
		problem=describe(error),
		attempts=attempts,
		retry_at=retry_at,
	)
	batch.counts["failed"] += 1
	if not isinstance(error, frappe.ValidationError):
		frappe.log_error(
			title=_("Invitation {0} failed").format(row.name),
			reference_doctype=INVITATION,
			reference_name=row.name,
		)
	frappe.clear_messages()


def _add(
	row: frappe._dict, due: Next, had: dict, batch: Batch, now: datetime, *, status: str, **values
) -> None:
	touch = frappe._dict(dict.fromkeys(TOUCH_FIELDS))
	touch.update(
		{
			"name": touch_name(row.name, due.step.key),
			"invitation": row.name,
			"campaign": row.campaign,
			"step_key": due.step.key,
			"step_title": due.step.title,
			"channel": due.step.channel,
			"status": status,
			"due_at": row.next_at or due.at,
			"made_at": now,
			"attempts": 1,
			**values,
		}
	)
	if any(old.name == touch.name for old in had[row.name]):
		batch.replaced.append(touch.name)
		had[row.name] = [old for old in had[row.name] if old.name != touch.name]
	had[row.name].append(touch)
	batch.touches.append(touch)


def _save(batch: Batch) -> None:
	if batch.replaced:
		# Failed before and to be tried again: nothing had left.
		frappe.db.delete(TOUCH, {"name": ("in", batch.replaced), "status": FAILED})
	if not batch.touches:
		return
	stamp = now()
	user = frappe.session.user
	columns = [*TOUCH_FIELDS, "creation", "modified", "owner", "modified_by", "docstatus", "idx"]
	values = [
		[*(touch[key] for key in TOUCH_FIELDS), stamp, stamp, user, user, 0, 0] for touch in batch.touches
	]
	try:
		frappe.db.bulk_insert(TOUCH, columns, values)
	except Exception as error:
		if frappe.db.is_duplicate_entry(error):
			raise frappe.DuplicateEntryError(TOUCH, None, error) from error
		raise


def touches_of(invitations: Sequence[str]) -> dict[str, list[frappe._dict]]:
	"""The touches of each invitation, in one query."""
	found: dict[str, list[frappe._dict]] = defaultdict(list)
	if invitations:
		for touch in frappe.get_all(
			TOUCH, {"invitation": ("in", list(invitations))}, list(TOUCH_FIELDS), order_by="made_at", limit=0
		):
			found[touch.invitation].append(touch)
	return found


# Taking back


def stop(invitation: str, reason: str) -> int:
	"""Take back what is queued for an invitation and has not left, and its open tasks. No commit.

	Returns how many touches were stopped. A step that is taken whether or not somebody has replied comes
	again by itself where the invitation stays open.
	"""
	stopped = hold(reason, invitation=invitation)
	return stopped + tasks.cancel_open(invitation, reason)


def hold(reason: str, *, invitation: str | None = None, campaign: str | None = None) -> int:
	"""Mails of an invitation or a campaign that have not left do not leave. No commit.

	The step is taken again later if the campaign and the invitation still want it: see `delivery`.
	"""
	touch = frappe.qb.DocType(TOUCH)
	# A locking read sees what another transaction has queued since this one began. By these indexes it locks the
	# touches of this invitation or campaign alone.
	query = frappe.qb.from_(touch).select(touch.name, touch.email_queue, touch.status).for_update()
	if invitation:
		query = query.force_index("imta_touch_once").where(touch.invitation == invitation)
	if campaign:
		query = query.force_index("imta_touch_cap").where(touch.campaign == campaign)
	queued = [row for row in query.run(as_dict=True) if row.status == QUEUED and row.email_queue]
	held = 0
	for part in parts(queued, PLAN_CHUNK):
		held += _hold_rows({row.email_queue: row.name for row in part}, reason)
	return held


def _hold_rows(touch_by_mail: dict[str, str], reason: str) -> int:
	queue = frappe.qb.DocType(EMAIL_QUEUE)
	# By primary key, so that no gap is locked into which Frappe's flush writes.
	rows = (
		frappe.qb.from_(queue)
		.force_index("PRIMARY")
		.select(queue.name, queue.status)
		.where(queue.name.isin(sorted(touch_by_mail)))
		.for_update()
		.run()
	)
	# One that has just failed is left to `delivery`: its error says whether it may have left.
	waiting = [name for name, status in rows if status == "Not Sent"]
	if not waiting:
		return 0
	frappe.db.bulk_update(EMAIL_QUEUE, {name: {"status": TAKEN_BACK, "error": reason} for name in waiting})
	write_touches([touch_by_mail[name] for name in waiting], status=SKIPPED, problem=reason)
	return len(waiting)


def write_touches(names: Sequence[str], **values) -> None:
	"""The same values for many touches."""
	if not names:
		return
	touch = frappe.qb.DocType(TOUCH)
	query = frappe.qb.update(touch).set(touch.modified, now())
	for key, value in values.items():
		query = query.set(touch[key], value)
	query.where(touch.name.isin(list(names))).run()


# Helpers


def describe(error: Exception) -> str:
	"""The error in words, without a traceback."""
	return (strip_html(cstr(error)) or type(error).__name__)[:500]


def _check_transaction(error: Exception) -> None:
	"""The database has ended the transaction, or the job's time is over: nobody's step has failed."""
	if isinstance(error, NOBODYS_FAULT):
		raise error


def _tell_problem(campaign: str, error: Exception, invitation: str | None = None) -> None:
	frappe.clear_messages()
	# An account that sends no mail is for the campaign's owner to see, not for whoever reads the errors.
	if not isinstance(error, frappe.OutgoingEmailError):
		frappe.log_error(
			title=_("Sending of {0} stopped").format(invitation or campaign),
			message=frappe.get_traceback(with_context=False),
			reference_doctype=INVITATION if invitation else CAMPAIGN,
			reference_name=invitation or campaign,
		)
	problem = describe(error)
	if invitation:
		problem = f"{invitation}: {problem}"[:500]
	frappe.db.set_value(CAMPAIGN, campaign, "last_problem", problem, update_modified=False)
	frappe.db.commit()  # the campaign shows why nothing goes out


def _read(names: Sequence[str]) -> list[frappe._dict]:
	return frappe.get_all(
		INVITATION, {"name": ("in", list(names) or [""])}, list(FIELDS), order_by="name", limit=0
	)


def _moment(moment: datetime | str | None) -> datetime:
	return (get_datetime(moment) if moment else now_datetime()).replace(microsecond=0)


def _differs(old: object, new: object) -> bool:
	if isinstance(new, datetime):
		return not old or get_datetime(old) != new
	if isinstance(new, date):
		return not old or getdate(old) != new
	return (old if old is not None else "") != (new if new is not None else "") or (old is None) != (
		new is None
	)


def parts(names: Sequence, size: int) -> Iterable[list]:
	names = list(names)
	for start in range(0, len(names), size):
		yield names[start : start + size]
