"""When an invitation gets its next step: by day, within the recipient's working hours, under a daily cap.

Days are days of the site's calendar; hours are read from the recipient's clock. Moments are aware
datetimes. Nothing here looks at the clock: what was missed is due at once, and told by `now` when.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time

EMAIL = "E-mail"
CHANNELS = (EMAIL, "Call", "Visit", "WeChat", "Letter")
FROM_START, FROM_PREVIOUS = "Start", "Previous Step"
ALL_LANGUAGES, CHINESE, OTHER_THAN_CHINESE = "All Languages", "Chinese", "Other Than Chinese"
LATER_PREFIX = "later-"


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
	"""By the recipient's clock: from `work_from` until before `work_to` (midnight: the end of the day)."""

	work_from: time = time(9)
	work_to: time = time(17)
	working_days_only: bool = True
	holidays: frozenset[date] = frozenset()


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
	"""`day` is the day of `at` by the site's calendar."""

	step: Step
	at: datetime
	day: date


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


def fit(moment: datetime, zone: str, country_code: str, hours: Hours) -> datetime:
	"""The earliest allowed moment that is not before `moment` (aware), in the recipient's zone."""
	raise NotImplementedError


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
	raise NotImplementedError


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
	raise NotImplementedError
