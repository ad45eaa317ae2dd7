"""Reminders of events: the latest that fell due, each once, none after the beginning, none for who was just told."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from imta_crm.policy.event_reminders import due, occasion

BEGIN = datetime(2026, 11, 20, 9)
HOURS = (168, 24, 2)


def before(**span) -> datetime:
	return BEGIN - timedelta(**span)


def test_each_in_its_time():
	assert due(HOURS, BEGIN, before(days=8)) is None
	assert due(HOURS, BEGIN, before(days=7)).hours == 168
	assert due(HOURS, BEGIN, before(hours=25)).hours == 168
	assert due(HOURS, BEGIN, before(hours=24)).hours == 24
	assert due(HOURS, BEGIN, before(minutes=1)).hours == 2


def test_nothing_after_the_beginning():
	assert due(HOURS, BEGIN, BEGIN) is None
	assert due(HOURS, BEGIN, BEGIN + timedelta(days=1)) is None
	assert due((0,), BEGIN, before(minutes=1)) is None
	assert due((), BEGIN, before(minutes=1)) is None


def test_of_several_missed_only_the_latest():
	found = due(HOURS, BEGIN, before(hours=1))
	assert (found.hours, found.due_at) == (2, before(hours=2))


def test_who_was_told_since_is_not_reminded_of_what_fell_due_before():
	assert due(HOURS, BEGIN, before(hours=20), since=before(hours=21)) is None
	assert due(HOURS, BEGIN, before(hours=1), since=before(hours=21)).hours == 2
	assert due(HOURS, BEGIN, before(hours=24), since=before(hours=24)).hours == 24


def test_moved_within_the_day_it_is_the_same_occasion():
	assert occasion(BEGIN, 24) == occasion(BEGIN + timedelta(hours=3), 24)
	assert occasion(BEGIN, 24) != occasion(BEGIN + timedelta(days=1), 24)
	assert occasion(BEGIN, 24) != occasion(BEGIN, 2)


@given(
	st.sets(st.integers(min_value=-5, max_value=400), max_size=6),
	st.lists(st.integers(min_value=-600, max_value=60 * 24 * 20), min_size=1, max_size=40),
)
def test_however_a_job_runs_each_comes_once_and_in_order(hours, minutes):
	"""`minutes` before the beginning at which a job looks, in the order of time."""
	sent = []
	for left in sorted(minutes, reverse=True):
		now = before(minutes=left)
		found = due(hours, BEGIN, now)
		if found and found.occasion not in [one.occasion for one in sent]:
			assert found.due_at <= now < BEGIN
			sent.append(found)
	assert [one.hours for one in sent] == sorted({one.hours for one in sent}, reverse=True)
	assert {one.hours for one in sent} <= {hour for hour in hours if hour > 0}
