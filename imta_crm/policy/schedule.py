"""When an invitation gets its next step: by day, within the recipient's working hours, under a daily cap.

Days are days of the site's calendar; hours are read from the recipient's clock. Moments are aware
datetimes. Nothing here looks at the clock: what was missed is due at once, and told by `now` when.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from imta_crm.policy.dates import ONE_DAY
from imta_crm.policy.zones import weekend_of

EMAIL = "E-mail"
CHANNELS = (EMAIL, "Call", "Visit", "WeChat", "Letter")
FROM_START, FROM_PREVIOUS = "Start", "Previous Step"
ALL_LANGUAGES, CHINESE, OTHER_THAN_CHINESE = "All Languages", "Chinese", "Other Than Chinese"
LATER_PREFIX = "later-"
LONGEST_WAIT = 3660  # days; more is a slip of the keyboard
UTC = timezone.utc
_MIDNIGHT = time(0)


class ScheduleProblem(ValueError):
	"""Hours or a zone with which nothing could ever be due. `code` is a key of `messages.TEXTS`."""

	def __init__(self, code: str, *args_: str):
		super().__init__(code, *args_)
		self.code = code
		self.args_ = args_


@dataclass(frozen=True)
class Step:
	"""`days` after the start or after the previous step; `key` names the step for ever."""

	key: str
	title: str
	channel: str = EMAIL
	days: int = 0
	counted_from: str = FROM_PREVIOUS
	only_if_no_reply: bool = True
	language: str = ALL_LANGUAGES

	@property
	def is_mail(self) -> bool:
		return self.channel == EMAIL


@dataclass(frozen=True)
class Hours:
	"""By the recipient's clock: from `work_from` until before `work_to` (midnight: the end of the day).

	With `working_days_only` neither on the weekend of the recipient's country nor on `holidays`.
	Raises ScheduleProblem (`hours_reversed`).
	"""

	work_from: time = time(9)
	work_to: time = time(17)
	working_days_only: bool = True
	holidays: frozenset[date] = frozenset()

	def __post_init__(self):
		if self.work_to != _MIDNIGHT and self.work_from >= self.work_to:
			raise ScheduleProblem("hours_reversed", f"{self.work_from:%H:%M}", f"{self.work_to:%H:%M}")

	def works_on(self, day: date, country_code: str) -> bool:
		if not self.working_days_only:
			return True
		return day.weekday() not in weekend_of(country_code) and day not in self.holidays

	def is_open(self, local: datetime, country_code: str) -> bool:
		"""Whether the moment, read from the recipient's clock, lies inside."""
		clock = local.timetz().replace(tzinfo=None)
		before_end = self.work_to == _MIDNIGHT or clock < self.work_to
		return self.work_from <= clock and before_end and self.works_on(local.date(), country_code)


@dataclass(frozen=True)
class Progress:
	"""How far one invitation is; days by the site's calendar.

	`done`: step key -> day of its touch, whatever became of it. `not_before`: the later of the campaign's
	first day and the day on which the invitation joined it. `replied`: an answer came that does not end the
	steps (by mail, or Later). `later_on`: the day that the person named.
	"""

	not_before: date
	started_on: date | None = None
	done: Mapping[str, date] = field(default_factory=dict)
	replied: bool = False
	later_on: date | None = None


@dataclass(frozen=True)
class Due:
	"""`day` is the day of `at` by the site's calendar.

	`since` is when it was due by the plan, whatever has been missed since: the order in which those that wait
	for the cap are taken. It is `at` unless a later moment was asked for.
	"""

	step: Step
	at: datetime
	day: date
	since: datetime


@dataclass(frozen=True)
class Invitee:
	name: str
	language: str
	zone: str
	country_code: str
	progress: Progress


@dataclass(frozen=True)
class Planned:
	day: date
	at: datetime
	invitee: Invitee
	step: Step


def later_key(day: date) -> str:
	"""The key of the step that follows a reply "Later"; another day is another step."""
	return f"{LATER_PREFIX}{day.isoformat()}"


# Moments


@lru_cache(maxsize=1024)
def zone_info(zone: str) -> ZoneInfo:
	"""Raises ScheduleProblem (`zone_unknown`)."""
	try:
		return ZoneInfo(zone)
	# A folder of the database, an empty name, a path: each has its own exception.
	except (LookupError, ValueError, OSError, TypeError):
		raise ScheduleProblem("zone_unknown", zone) from None


def site_day(moment: datetime, site_zone: str) -> date:
	"""The day of the moment by the site's calendar."""
	return moment.astimezone(zone_info(site_zone)).date()


@lru_cache(maxsize=16384)
def start_of(day: date, site_zone: str) -> datetime:
	"""The first moment of the day by the site's calendar, in UTC."""
	return _first_moments(day, _MIDNIGHT, zone_info(site_zone))[0]


def _first_moments(day: date, clock: time, zone: ZoneInfo) -> list[datetime]:
	"""The moments, in UTC, at which the clock of the zone comes to show `clock` or passes it.

	One as a rule. Two where it is put back over it. Where it is put forward over it, the moment of that.
	"""
	wall = datetime.combine(day, clock)
	early, late = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
	if early == late:
		return [early]
	if early < late:
		return [early, late]
	# A gap: the readings before and after it enclose the moment when the clock jumps.
	early, late = late, early
	while late - early > timedelta(seconds=1):
		middle = early + (late - early) // 2
		if middle.astimezone(zone).replace(tzinfo=None) < wall:
			early = middle
		else:
			late = middle
	return [late.replace(microsecond=0)]


def fit(moment: datetime, zone: str, country_code: str, hours: Hours) -> datetime:
	"""The earliest allowed moment that is not before `moment` (aware), in the recipient's zone.

	Raises ScheduleProblem (`zone_unknown`, `never_open` where holidays leave no working day in five years).
	"""
	tz = zone_info(zone)
	local = moment.astimezone(tz)
	if hours.is_open(local, country_code):
		return local
	return _next_opening(moment.astimezone(UTC), zone, country_code, hours)


@lru_cache(maxsize=65536)
def _next_opening(moment: datetime, zone: str, country_code: str, hours: Hours) -> datetime:
	"""The first moment from `moment` on at which the hours begin."""
	tz = zone_info(zone)
	day = moment.astimezone(tz).date() - ONE_DAY
	for _ in range(5 * 366):
		if hours.works_on(day, country_code):
			for start in _first_moments(day, hours.work_from, tz):
				local = start.astimezone(tz)
				if start >= moment and hours.is_open(local, country_code):
					return local
		day += ONE_DAY
	raise ScheduleProblem("never_open", zone)


# Steps


def steps_for(steps: Iterable[Step], language: str) -> list[Step]:
	"""The steps meant for the language: Chinese is zh and all that begins with it."""
	chinese = is_chinese(language)
	wanted = (ALL_LANGUAGES, "", CHINESE if chinese else OTHER_THAN_CHINESE)
	return [step for step in steps if (step.language or "") in wanted]


def is_chinese(language: str) -> bool:
	return (language or "").lower().replace("_", "-").split("-")[0] == "zh"


def next_step(
	steps: Sequence[Step],
	progress: Progress,
	*,
	language: str,
	zone: str,
	country_code: str,
	hours: Hours,
	site_zone: str,
	to_date: date | None,
	now: datetime | None = None,
) -> Due | None:
	"""The next step of an invitation that is open to steps, or None where none is left before `to_date` ends.

	Steps follow each other in the order of the plan; one that stands before a step already done is passed
	over, and so is one "only if no reply" after an answer. The first is counted from `not_before`. Later ones
	are counted from the previous touch as it happened, or from the start, which moves with the first touch:
	what delays the first (a cap, a pause) delays the rest and keeps the distances. At most one touch a day.
	After a reply Later nothing comes before the named day; that step is the plan's channel E-mail with
	`later_key`, and of the plan only steps follow it that do not depend on a missing reply.

	The moment is the first opening of the recipient's hours in the day by the site's calendar, even where it
	has passed: what was missed is due, never lost. With `now` it is the first allowed moment from then on.
	Raises ScheduleProblem.
	"""
	found = _next(steps_for(steps, language), progress)
	if found is None:
		return None
	step, day = found
	at = since = _next_opening(start_of(day, site_zone), zone, country_code, hours)
	# Compared in UTC: two readings of one zone are compared by the clock alone, wrong when it is put back.
	if now is not None and now.astimezone(UTC) > at.astimezone(UTC):
		at = fit(now, zone, country_code, hours)
	day = site_day(at, site_zone)
	if to_date is not None and day > to_date:
		return None
	return Due(step, at, day, since)


def _next(steps: Sequence[Step], progress: Progress) -> tuple[Step, date] | None:
	"""The next step and the earliest day for it, working hours aside."""
	done = progress.done
	last = max(done.values(), default=None)
	earliest = progress.not_before if last is None else max(progress.not_before, last + ONE_DAY)
	replied = progress.replied
	if progress.later_on is not None:
		replied = True
		key = later_key(progress.later_on)
		if key not in done:
			step = Step(key, "", EMAIL, 0, FROM_PREVIOUS, False)
			return step, max(earliest, progress.later_on)
	passed = max((index for index, step in enumerate(steps) if step.key in done), default=-1)
	for step in steps[passed + 1 :]:
		if replied and step.only_if_no_reply:
			continue
		if last is None:
			return step, progress.not_before + _wait(step)
		base = _start(steps, progress) if step.counted_from == FROM_START else last
		return step, max(earliest, base + _wait(step))
	return None


def _start(steps: Sequence[Step], progress: Progress) -> date:
	"""The day from which an invitation counts: its first touch, less the days by which that step waits."""
	started_on = progress.started_on or min(progress.done.values())
	first = min(
		(step for step in steps if step.key in progress.done),
		key=lambda step: progress.done[step.key],
		default=None,
	)
	return started_on - _wait(first) if first else started_on


def _wait(step: Step) -> timedelta:
	return timedelta(days=min(max(0, step.days), LONGEST_WAIT))


# The whole campaign beforehand


def simulate(
	invitees: Iterable[Invitee],
	steps: Sequence[Step],
	hours: Hours,
	*,
	from_date: date,
	to_date: date,
	daily_cap: int,
	now: datetime,
	site_zone: str,
	sent_today: int = 0,
) -> list[Planned]:
	"""Every touch from `now` on if nobody replies and every mail leaves at its moment, in order of time.

	`daily_cap` counts mails in the day of the site (0: no limit), as sending does: of those that are due the
	longest due goes first, then by name; who finds the day full stays due and goes on a later day. Tasks for
	officers do not count. `sent_today` are the mails that have left today. Whoever does not get a step by
	`to_date` has none of it in the list. Raises ScheduleProblem.
	"""
	return list(_simulated(invitees, steps, hours, from_date, to_date, daily_cap, now, site_zone, sent_today))


def _simulated(
	invitees: Iterable[Invitee],
	steps: Sequence[Step],
	hours: Hours,
	from_date: date,
	to_date: date,
	daily_cap: int,
	now: datetime,
	site_zone: str,
	sent_today: int,
) -> Iterator[Planned]:
	people = [
		(one, replace(one.progress, not_before=max(from_date, one.progress.not_before))) for one in invitees
	]
	plans = {language: steps_for(steps, language) for language in {one.language or "" for one, _ in people}}
	now = now.astimezone(UTC)
	mails = {site_day(now, site_zone): sent_today}
	# (moment, due since, name, number): the order in which sending takes them.
	waiting: list[tuple[datetime, datetime, str, int, Due]] = []

	def put(number: int) -> None:
		one, progress = people[number]
		due = next_step(
			plans[one.language or ""], progress, language=one.language, zone=one.zone,
			country_code=one.country_code, hours=hours, site_zone=site_zone, to_date=to_date,
		)  # fmt: skip
		if due is not None:
			since = due.since.astimezone(UTC)
			moment = since if since >= now else fit(now, one.zone, one.country_code, hours)
			heapq.heappush(waiting, (moment.astimezone(UTC), since, one.name, number, due))

	for number in range(len(people)):
		put(number)
	while waiting:
		moment, since, name, number, due = heapq.heappop(waiting)
		one, progress = people[number]
		day = site_day(moment, site_zone)
		if day > to_date:
			continue
		if due.step.is_mail and daily_cap > 0:
			if mails.get(day, 0) >= daily_cap:
				tomorrow = fit(start_of(day + ONE_DAY, site_zone), one.zone, one.country_code, hours)
				heapq.heappush(waiting, (tomorrow.astimezone(UTC), since, name, number, due))
				continue
			mails[day] = mails.get(day, 0) + 1
		yield Planned(day, moment.astimezone(zone_info(one.zone)), one, due.step)
		done = {**progress.done, due.step.key: day}
		people[number] = one, replace(progress, done=done, started_on=progress.started_on or day)
		put(number)
