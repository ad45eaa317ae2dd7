"""Steps of a campaign: each at most once, nobody forgotten, always within the recipient's hours and the cap."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from imta_crm.policy.countries import all_countries
from imta_crm.policy.schedule import (
	CHINESE,
	FROM_PREVIOUS,
	FROM_START,
	OTHER_THAN_CHINESE,
	Hours,
	Invitee,
	Progress,
	ScheduleProblem,
	Step,
	fit,
	later_key,
	next_step,
	simulate,
	site_day,
	start_of,
	steps_for,
)
from imta_crm.policy.zones import weekend_of, zone_of

UTC = timezone.utc
SITE = "Asia/Shanghai"
MONDAY = date(2026, 11, 23)
END = date(2027, 12, 31)
PLACES = (
	("Asia/Shanghai", "CN"), ("Europe/London", "GB"), ("America/Los_Angeles", "US"), ("Asia/Kathmandu", "NP"),
	("Pacific/Auckland", "NZ"), ("Asia/Riyadh", "SA"), ("Pacific/Kiritimati", "KI"), ("Pacific/Pago_Pago", "AS"),
	("Australia/Lord_Howe", "AU"), ("America/St_Johns", "CA"), ("Africa/Casablanca", "MA"),
)  # fmt: skip

places = st.sampled_from(PLACES)
site_zones = st.sampled_from(["Asia/Shanghai", "UTC", "America/New_York", "Pacific/Auckland"])
days = st.dates(date(2025, 1, 1), date(2028, 12, 31))
moments = st.datetimes(datetime(2024, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC))


@st.composite
def hours_of(draw) -> Hours:
	begin = draw(st.integers(0, 95))
	end = draw(st.integers(begin + 1, 96))
	clock = lambda n: time(n % 96 // 4, n % 4 * 15)  # noqa: E731
	return Hours(clock(begin), clock(end), draw(st.booleans()), frozenset(draw(st.lists(days, max_size=3))))


@st.composite
def plans(draw) -> list[Step]:
	number = draw(st.integers(1, 5))
	return [
		Step(
			f"S{index}",
			f"Step {index}",
			draw(st.sampled_from(["E-mail", "E-mail", "Call"])),
			draw(st.integers(0, 20)),
			draw(st.sampled_from([FROM_START, FROM_PREVIOUS])),
			draw(st.booleans()),
		)
		for index in range(number)
	]


def due(steps, progress, zone="Asia/Shanghai", country="CN", hours=None, *, language="en", to=END, now=None):
	return next_step(
		steps, progress, language=language, zone=zone, country_code=country, hours=hours or Hours(),
		site_zone=SITE, to_date=to, now=now,
	)  # fmt: skip


def is_inside(moment: datetime, zone: str, country: str, hours: Hours) -> bool:
	"""Told apart from the code under test: by the clock on the recipient's wall."""
	wall = moment.astimezone(ZoneInfo(zone))
	minute = wall.hour * 60 + wall.minute
	begin = hours.work_from.hour * 60 + hours.work_from.minute
	end = hours.work_to.hour * 60 + hours.work_to.minute or 24 * 60
	rest = hours.working_days_only and (
		wall.weekday() in weekend_of(country) or wall.date() in hours.holidays
	)
	return begin <= minute < end and not rest


# Moments


@given(moments, places, hours_of())
def test_a_moment_is_moved_inside_the_hours_and_no_further_than_needed(moment, place, hours):
	found = fit(moment, *place, hours)
	assert found >= moment
	assert is_inside(found, *place, hours)
	assert fit(found, *place, hours) == found
	# Nothing between is inside.
	between = moment
	while between < found:
		assert not is_inside(between, *place, hours)
		between += max(timedelta(minutes=5), (found - moment) / 400)


@pytest.mark.parametrize(
	"zone, day, begin, expected",
	[
		# The clock jumps from 2:00 to 3:00.
		("America/New_York", date(2026, 3, 8), time(2, 30), datetime(2026, 3, 8, 7, tzinfo=UTC)),
		("America/New_York", date(2026, 3, 8), time(2), datetime(2026, 3, 8, 7, tzinfo=UTC)),
		# By half an hour only.
		("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
		# Put back: 1:30 comes twice, the first counts.
		("America/New_York", date(2026, 11, 1), time(1, 30), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
	],
)
def test_hours_that_begin_where_the_clock_is_changed(zone, day, begin, expected):
	hours = Hours(begin, time(17), working_days_only=False)
	midnight = datetime.combine(day, time(), tzinfo=ZoneInfo(zone))
	assert fit(midnight, zone, "US", hours).astimezone(UTC) == expected


def test_hours_that_the_clock_jumps_over_are_those_of_the_next_day():
	hours = Hours(time(2, 15), time(2, 45), working_days_only=False)
	found = fit(datetime(2026, 3, 8, 5, tzinfo=UTC), "America/New_York", "US", hours)
	assert found.date() == date(2026, 3, 9) and found.timetz().replace(tzinfo=None) == time(2, 15)


def test_between_the_two_readings_of_a_clock_put_back_it_may_be_too_early_again():
	hours = Hours(time(1, 30), time(17), working_days_only=False)
	# 1:10 for the second time, an hour after the hours began for the first time.
	moment = datetime(2026, 11, 1, 6, 10, tzinfo=UTC)
	found = fit(moment, "America/New_York", "US", hours)
	assert found.astimezone(UTC) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_a_day_that_never_was():
	hours = Hours(working_days_only=False)
	found = fit(datetime(2011, 12, 30, 10, tzinfo=UTC), "Pacific/Apia", "WS", hours)
	assert found.date() == date(2011, 12, 31)


def test_weekends_are_those_of_the_country():
	friday = datetime(2026, 11, 27, 0, tzinfo=UTC)
	assert fit(friday, "Asia/Riyadh", "SA", Hours()).date() == date(2026, 11, 29)
	assert fit(friday, "Europe/Berlin", "DE", Hours()).date() == date(2026, 11, 27)
	assert fit(friday + timedelta(days=2), "Asia/Kathmandu", "NP", Hours()).date() == date(2026, 11, 29)


def test_holidays_move_on():
	hours = Hours(holidays=frozenset({MONDAY, MONDAY + timedelta(days=1)}))
	found = fit(start_of(MONDAY, SITE), SITE, "CN", hours)
	assert found.date() == MONDAY + timedelta(days=2)


def test_hours_that_cannot_be():
	for begin, end in ((time(17), time(9)), (time(9), time(9))):
		with pytest.raises(ScheduleProblem) as caught:
			Hours(begin, end)
		assert caught.value.code == "hours_reversed"
	endless = frozenset(MONDAY + timedelta(days=n) for n in range(-5, 4000))
	with pytest.raises(ScheduleProblem) as caught:
		fit(start_of(MONDAY, SITE), SITE, "CN", Hours(holidays=endless))
	assert caught.value.code == "never_open"


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "Asia", "\0"])
def test_zones_that_are_none(zone):
	with pytest.raises(ScheduleProblem) as caught:
		fit(start_of(MONDAY, SITE), zone, "CN", Hours())
	assert caught.value.code == "zone_unknown"


def test_each_country_has_a_zone_and_a_working_day():
	for country in all_countries():
		assert zone_of(country.code) == zone_of(country.code.lower())
		ZoneInfo(zone_of(country.code))
		assert zone_of(country.code) != "UTC", country
		assert 1 <= len(weekend_of(country.code)) <= 2
	assert (zone_of(""), zone_of("XX"), weekend_of("")) == ("UTC", "UTC", frozenset({5, 6}))


# Steps


PLAN = [
	Step("mail", "Invitation", "E-mail", 0, FROM_START),
	Step("again", "Reminder", "E-mail", 7, FROM_PREVIOUS),
	Step("call", "Call", "Call", 21, FROM_START, only_if_no_reply=False),
]


def test_the_plan_of_one_invitation():
	first = due(PLAN, Progress(MONDAY))
	assert (first.step.key, first.day) == ("mail", MONDAY)
	assert first.at == datetime(2026, 11, 23, 9, tzinfo=ZoneInfo(SITE))
	second = due(PLAN, Progress(MONDAY, MONDAY, {"mail": MONDAY}))
	assert (second.step.key, second.day) == ("again", MONDAY + timedelta(days=7))
	third = due(PLAN, Progress(MONDAY, MONDAY, {"mail": MONDAY, "again": second.day}))
	assert (third.step.key, third.day) == ("call", MONDAY + timedelta(days=21))
	done = {"mail": MONDAY, "again": second.day, "call": third.day}
	assert due(PLAN, Progress(MONDAY, MONDAY, done)) is None


def test_what_delays_the_first_delays_the_rest():
	late = MONDAY + timedelta(days=3)
	found = due(PLAN, Progress(MONDAY, late, {"mail": late, "again": late + timedelta(days=7)}))
	assert found.day == late + timedelta(days=21)


def test_days_from_the_start_keep_their_distance_where_the_first_waits_too():
	plan = [replace(PLAN[0], days=2), replace(PLAN[1], counted_from=FROM_START)]
	first = due(plan, Progress(MONDAY))
	assert first.day == MONDAY + timedelta(days=2)
	found = due(plan, Progress(MONDAY, first.day, {"mail": first.day}))
	assert found.day == MONDAY + timedelta(days=7)


def test_two_steps_never_fall_on_one_day():
	plan = [PLAN[0], replace(PLAN[1], days=0), replace(PLAN[2], days=0)]
	second = due(plan, Progress(MONDAY, MONDAY, {"mail": MONDAY}))
	assert second.day == MONDAY + timedelta(days=1)


def test_after_a_late_touch_the_next_is_not_the_same_day_of_the_recipient():
	# 23:00 in Shanghai is the afternoon in London, and midnight there is still the same afternoon.
	found = due(
		[PLAN[0], replace(PLAN[1], days=1)],
		Progress(MONDAY, MONDAY, {"mail": MONDAY}),
		"Europe/London",
		"GB",
	)
	assert found.at.date() == MONDAY + timedelta(days=1)
	assert found.at.hour == 9


def test_steps_by_language():
	plan = [Step("zh", "", language=CHINESE), Step("en", "", language=OTHER_THAN_CHINESE), Step("all", "")]
	for language, keys in (
		("zh", "zh all"),
		("zh-TW", "zh all"),
		("ZH_cn", "zh all"),
		("en", "en all"),
		("", "en all"),
	):
		assert [step.key for step in steps_for(plan, language)] == keys.split()


def test_an_answer_stops_what_depends_on_silence():
	done = {"mail": MONDAY}
	found = due(PLAN, Progress(MONDAY, MONDAY, done, replied=True))
	assert found.step.key == "call"
	assert due(PLAN[:2], Progress(MONDAY, MONDAY, done, replied=True)) is None


def test_later_waits_for_its_day_and_comes_once():
	day = MONDAY + timedelta(days=40)
	progress = Progress(MONDAY, MONDAY, {"mail": MONDAY}, replied=True, later_on=day)
	found = due(PLAN, progress)
	assert (found.step.key, found.step.is_mail) == (later_key(day), True)
	assert found.day >= day
	done = {"mail": MONDAY, later_key(day): found.day}
	after = due(PLAN, replace(progress, done=done))
	assert after.step.key == "call" and after.day == found.day + timedelta(days=1)
	# Another day is asked for: another step.
	again = due(PLAN, replace(progress, done=done, later_on=day + timedelta(days=30)))
	assert again.step.key == later_key(day + timedelta(days=30))


def test_a_step_in_front_of_one_that_was_done_is_passed_over():
	new = [Step("new", "", days=0), *PLAN]
	assert due(new, Progress(MONDAY, MONDAY, {"mail": MONDAY})).step.key == "again"


def test_a_step_that_was_taken_out_of_the_plan_counts_as_touch():
	found = due(PLAN[1:], Progress(MONDAY, MONDAY, {"mail": MONDAY}))
	assert (found.step.key, found.day) == ("again", MONDAY + timedelta(days=7))


def test_nothing_after_the_last_day():
	progress = Progress(MONDAY, MONDAY, {"mail": MONDAY})
	assert due(PLAN, progress, to=MONDAY + timedelta(days=7)).step.key == "again"
	assert due(PLAN, progress, to=MONDAY + timedelta(days=6)) is None
	# Saturday: the next working day is after the end.
	assert due(PLAN, Progress(date(2026, 11, 28)), to=date(2026, 11, 29)) is None
	assert due(PLAN, Progress(MONDAY), to=MONDAY, now=start_of(MONDAY + timedelta(days=1), SITE)) is None
	assert due(PLAN, progress, to=None).step.key == "again"


def test_a_slip_of_the_keyboard_is_no_crash():
	plan = [replace(PLAN[0], days=2**31), replace(PLAN[1], days=-5)]
	assert due(plan, Progress(MONDAY)) is None
	assert due(plan, Progress(MONDAY), to=None).day > END
	assert due(plan, Progress(MONDAY, MONDAY, {"mail": MONDAY})).day == MONDAY + timedelta(days=1)


def test_what_was_missed_is_due_now():
	now = datetime(2026, 12, 10, 11, tzinfo=ZoneInfo(SITE))
	assert due(PLAN, Progress(MONDAY)).at < now
	assert due(PLAN, Progress(MONDAY), now=now).at == now
	assert due(PLAN, Progress(MONDAY), now=now).since == due(PLAN, Progress(MONDAY)).at
	night = datetime(2026, 12, 11, 23, tzinfo=ZoneInfo(SITE))  # Friday
	assert due(PLAN, Progress(MONDAY), now=night).at == datetime(2026, 12, 14, 9, tzinfo=ZoneInfo(SITE))


@given(
	plans(), places, hours_of(), site_zones, st.lists(st.integers(1, 400), min_size=1, max_size=30), st.data()
)
def test_nobody_gets_a_step_twice_or_is_forgotten(plan, place, hours, site, gaps, data):
	"""The job runs after gaps of minutes to weeks; at the end it runs often enough."""
	zone, country = place
	progress = Progress(MONDAY)
	now = start_of(MONDAY, site)
	got: list[tuple[str, datetime]] = []
	waits = [timedelta(hours=gap) for gap in gaps]
	rules = dict(language="en", zone=zone, country_code=country, hours=hours, site_zone=site, to_date=None)
	for round_ in range(600):
		found = next_step(plan, progress, **rules, now=now)
		if found is None:
			break
		assert found.at >= now
		assert is_inside(found.at, zone, country, hours)
		assert found.day == site_day(found.at, site)
		planned = next_step(plan, progress, **rules)
		assert planned.step == found.step and planned.at <= found.at
		# Whether the job runs in time or comes too late, what is due goes out once.
		if data.draw(st.booleans()) if round_ < 8 else True:
			now = max(now, found.at)
		else:
			now += waits[round_ % len(waits)]
			now = fit(now, zone, country, hours).astimezone(UTC)
			if next_step(plan, progress, **rules, now=now).at > now:
				continue
		day = site_day(now, site)
		assert found.step.key not in progress.done
		assert not got or day > site_day(got[-1][1], site)
		local = ZoneInfo(zone)
		assert not got or now.astimezone(local).date() > got[-1][1].astimezone(local).date()
		got.append((found.step.key, now))
		progress = replace(
			progress, done={**progress.done, found.step.key: day}, started_on=progress.started_on or day
		)
	assert [key for key, _ in got] == [step.key for step in plan]
	first = site_day(got[0][1], site) - timedelta(days=plan[0].days)
	for before, (step, (_, at)) in zip([None, *got], zip(plan, got, strict=True), strict=False):
		day = site_day(at, site)
		base = (
			MONDAY
			if before is None
			else first
			if step.counted_from == FROM_START
			else site_day(before[1], site)
		)
		assert day >= base + timedelta(days=step.days)


# The whole campaign


@st.composite
def crowds(draw) -> list[Invitee]:
	crowd = []
	for number in range(draw(st.integers(1, 8))):
		zone, country = draw(places)
		joined = MONDAY + timedelta(days=draw(st.integers(-3, 10)))
		crowd.append(
			Invitee(f"I{number}", draw(st.sampled_from(["en", "zh"])), zone, country, Progress(joined))
		)
	return crowd


def by_ticks(crowd, plan, hours, *, from_date, to_date, daily_cap, now, site_zone):
	"""As the job does it: every quarter of an hour, those that are due, the longest due first, up to the cap."""
	progress = {
		one.name: replace(one.progress, not_before=max(from_date, one.progress.not_before)) for one in crowd
	}
	planned = {}
	out = []

	def plan_one(one):
		planned[one.name] = next_step(
			plan, progress[one.name], language=one.language, zone=one.zone, country_code=one.country_code,
			hours=hours, site_zone=site_zone, to_date=to_date,
		)  # fmt: skip

	for one in crowd:
		plan_one(one)
	mails: dict[date, int] = {}
	while site_day(now, site_zone) <= to_date and any(planned.values()):
		day = site_day(now, site_zone)
		ready = [one for one in crowd if planned[one.name] and planned[one.name].at <= now]
		for one in sorted(ready, key=lambda one: (planned[one.name].at, one.name)):
			step = planned[one.name].step
			if fit(now, one.zone, one.country_code, hours) != now:
				continue
			if step.is_mail and daily_cap:
				if mails.get(day, 0) >= daily_cap:
					continue
				mails[day] = mails.get(day, 0) + 1
			out.append((now, one.name, step.key))
			progress[one.name] = replace(
				progress[one.name],
				done={**progress[one.name].done, step.key: day},
				started_on=progress[one.name].started_on or day,
			)
			plan_one(one)
		now += timedelta(minutes=15)
	return out


@given(crowds(), plans(), hours_of(), st.integers(0, 3), site_zones)
def test_the_simulation_is_what_the_job_will_do(crowd, plan, hours, cap, site):
	assume(hours.work_to == time(0) or hours.work_to > time(1))
	plan = [replace(step, days=step.days % 4) for step in plan[:3]]
	rules = dict(
		from_date=MONDAY,
		to_date=MONDAY + timedelta(days=12),
		daily_cap=cap,
		now=start_of(MONDAY - timedelta(days=1), site) + timedelta(hours=14),
		site_zone=site,
	)
	told = simulate(crowd, plan, hours, **rules)
	assert [(one.at.astimezone(UTC), one.invitee.name, one.step.key) for one in told] == by_ticks(
		crowd, plan, hours, **rules
	)
	perday: dict[date, int] = {}
	for one in told:
		assert is_inside(one.at, one.invitee.zone, one.invitee.country_code, hours)
		assert rules["from_date"] <= one.day <= rules["to_date"]
		assert one.day == site_day(one.at, site)
		perday[one.day] = perday.get(one.day, 0) + one.step.is_mail
	assert not cap or max(perday.values(), default=0) <= cap
	assert len({(one.invitee.name, one.step.key) for one in told}) == len(told)
	assert len({(one.invitee.name, one.day) for one in told}) == len(told)


def crowd_of(number: int, **progress) -> list[Invitee]:
	return [
		Invitee(f"I{n:05}", "en", zone, country, Progress(MONDAY, **progress))
		for n, (zone, country) in zip(range(number), PLACES * number, strict=False)
	]


def test_a_full_day_moves_the_rest_to_the_next_in_order():
	crowd = [replace(one, zone=SITE, country_code="CN") for one in crowd_of(5)]
	told = simulate(
		crowd[::-1], PLAN[:1], Hours(), from_date=MONDAY, to_date=END, daily_cap=2,
		now=start_of(MONDAY, SITE), site_zone=SITE,
	)  # fmt: skip
	assert [(one.invitee.name, (one.day - MONDAY).days) for one in told] == [
		("I00000", 0), ("I00001", 0), ("I00002", 1), ("I00003", 1), ("I00004", 2),
	]  # fmt: skip


def test_what_left_today_counts_against_the_cap():
	rules = dict(from_date=MONDAY, to_date=END, daily_cap=2, now=start_of(MONDAY, SITE), site_zone=SITE)
	crowd = [replace(one, zone=SITE, country_code="CN") for one in crowd_of(2)]
	told = simulate(crowd, PLAN[:1], Hours(), **rules, sent_today=1)
	assert [(one.day - MONDAY).days for one in told] == [0, 1]


def test_whoever_finds_no_day_before_the_end_is_not_in_the_list():
	crowd = [replace(one, zone=SITE, country_code="CN") for one in crowd_of(5)]
	told = simulate(
		crowd, PLAN[:1], Hours(), from_date=MONDAY, to_date=MONDAY + timedelta(days=1), daily_cap=1,
		now=start_of(MONDAY, SITE), site_zone=SITE,
	)  # fmt: skip
	assert [one.invitee.name for one in told] == ["I00000", "I00001"]


def test_tasks_do_not_use_up_the_cap():
	crowd = [replace(one, zone=SITE, country_code="CN") for one in crowd_of(5)]
	plan = [Step("call", "Call", "Call", 0)]
	told = simulate(
		crowd,
		plan,
		Hours(),
		from_date=MONDAY,
		to_date=END,
		daily_cap=1,
		now=start_of(MONDAY, SITE),
		site_zone=SITE,
	)
	assert {one.day for one in told} == {MONDAY}


def test_a_campaign_that_runs_already_is_told_from_where_it_stands():
	crowd = crowd_of(3, started_on=MONDAY, done={"mail": MONDAY})
	now = start_of(MONDAY + timedelta(days=1), SITE)
	told = simulate(crowd, PLAN, Hours(), from_date=MONDAY, to_date=END, daily_cap=0, now=now, site_zone=SITE)
	assert {one.step.key for one in told} == {"again", "call"}
	assert min(one.day for one in told) >= MONDAY + timedelta(days=7)


def test_the_simulation_of_a_large_campaign_takes_seconds():
	from time import perf_counter

	begun = perf_counter()
	told = simulate(
		crowd_of(5000), PLAN, Hours(), from_date=MONDAY, to_date=END, daily_cap=200,
		now=start_of(MONDAY, SITE), site_zone=SITE,
	)  # fmt: skip
	assert len(told) == 15_000
	assert perf_counter() - begun < 15
