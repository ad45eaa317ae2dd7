"""When enrolment is open, until when people may cancel, and what the public is told: at every boundary."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from imta_crm.seating import windows

EVENT = {
	"status": "Open",
	"starts_at": "2027-03-10 09:00:00",
	"ends_at": "2027-03-10 12:00:00",
	"time_zone": "Europe/Paris",
	"enroll_from": "2027-03-01 00:00:00",
	"enroll_until": "2027-03-08 18:00:00",
	"cancel_until": None,
	"reserved_until": "2027-03-05 00:00:00",
}
SECOND = timedelta(seconds=1)


def paris(text: str) -> datetime:
	return datetime.fromisoformat(text + "+01:00")


@pytest.mark.parametrize(
	"at,said",
	[
		("2027-02-28T23:59:59", "Not Yet Open"),
		("2027-03-01T00:00:00", "Open"),
		("2027-03-08T17:59:59", "Open"),
		("2027-03-08T18:00:00", "Closed"),
		("2027-03-10T08:59:59", "Closed"),
		("2027-03-10T09:00:00", "Begun"),
		("2027-03-10T11:59:59", "Begun"),
		("2027-03-10T12:00:00", "Held"),
	],
)
def test_what_the_public_is_told(site, at, said):
	assert windows.public_status(EVENT, paris(at)) == said
	assert windows.is_open(EVENT, paris(at)) is (said == "Open")


@pytest.mark.parametrize("status", ["Draft", "Held", "Cancelled"])
def test_other_statuses_are_what_they_are(site, status):
	assert windows.public_status({**EVENT, "status": status}, paris("2027-03-05T00:00:00")) == status
	assert not windows.may_cancel({**EVENT, "status": status}, paris("2027-03-05T00:00:00"))


def test_closed_by_the_coordinator_is_closed(site):
	event = {**EVENT, "status": "Closed"}
	assert windows.public_status(event, paris("2027-03-05T00:00:00")) == "Closed"
	assert windows.may_cancel(event, paris("2027-03-05T00:00:00"))


@pytest.mark.parametrize(
	"fields,until",
	[
		({}, "2027-03-08T18:00:00"),
		({"cancel_until": "2027-03-04 12:00:00"}, "2027-03-04T12:00:00"),
		({"enroll_until": None}, "2027-03-10T09:00:00"),
		({"enroll_until": None, "cancel_until": "2027-04-01 00:00:00"}, "2027-03-10T09:00:00"),
	],
)
def test_until_when_people_cancel(site, fields, until):
	event = {**EVENT, **fields}
	assert windows.effective_cancel_until(event) == paris(until)
	assert windows.may_cancel(event, paris(until) - SECOND)
	assert not windows.may_cancel(event, paris(until))


def test_reserved_seats_are_kept_until_then(site):
	assert windows.is_reserved(EVENT, paris("2027-03-04T23:59:59"))
	assert not windows.is_reserved(EVENT, paris("2027-03-05T00:00:00"))
	assert windows.is_reserved({**EVENT, "reserved_until": None}, paris("2027-03-10T08:59:59"))


def test_a_naive_moment_is_the_sites(site):
	# The site is in Shanghai, seven hours ahead of Paris in March.
	assert not windows.has_begun(EVENT, datetime(2027, 3, 10, 15, 59, 59))
	assert windows.has_begun(EVENT, datetime(2027, 3, 10, 16, 0))
	assert windows.has_begun(EVENT, datetime(2027, 3, 10, 8, 0, tzinfo=timezone.utc))
	assert windows.on_site(windows.begins_at(EVENT)) == datetime(2027, 3, 10, 16, 0)


def test_an_hour_that_a_clock_skips_becomes_the_next(site):
	event = {**EVENT, "starts_at": "2027-03-28 02:30:00"}
	assert windows.begins_at(event).isoformat() == "2027-03-28T03:30:00+02:00"
