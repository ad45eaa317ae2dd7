"""Which letter follows which step of a seat, and which one that has waited may still leave."""

from datetime import datetime, timedelta

import pytest

from imta_crm.policy import seat_letters as letters
from imta_crm.policy import seating

NOW = datetime(2026, 11, 20, 9)
LATER, EARLIER = NOW + timedelta(days=1), NOW - timedelta(days=1)


def why(kind: str, status: str, **facts) -> str | None:
	return letters.why_not(
		kind, status, **{"now": NOW, "begins_at": LATER, "ends_at": LATER + timedelta(hours=3), **facts}
	)


@pytest.mark.parametrize(
	("before", "after", "kind"),
	[
		(None, "Requested", "Received"),
		(None, "Confirmed", "Confirmation"),
		("", "Confirmed", "Confirmation"),
		("Requested", "Confirmed", "Confirmation"),
		("Offered", "Confirmed", "Confirmation"),
		(None, "Waitlisted", "Waitlist"),
		("Requested", "Waitlisted", "Waitlist"),
		("Waitlisted", "Offered", "Offer"),
		("Confirmed", "Cancelled", "Cancellation"),
		("Waitlisted", "Cancelled", "Cancellation"),
		("Attended", "Confirmed", None),
		("No-show", "Confirmed", None),
		("Confirmed", "Attended", None),
		("Attended", "Completed", None),
		("Confirmed", "No-show", None),
	],
)
def test_steps(before, after, kind):
	assert letters.letter_for(before, after) == kind


def test_every_step_that_a_person_takes_or_suffers_is_told():
	for before in (None, *seating.STATUSES):
		for after in seating.STATUSES:
			if seating.may_become(before, after) and before not in seating.MARKS:
				assert letters.letter_for(before, after), (before, after)


def test_a_letter_that_waited_goes_only_while_it_is_true():
	assert why("Confirmation", "Confirmed") is None
	assert why("Confirmation", "Cancelled") == letters.STATUS
	assert why("Offer", "Offered", offer_until=LATER) is None
	assert why("Offer", "Offered", offer_until=NOW) == letters.LAPSED
	assert why("Offer", "Confirmed") == letters.STATUS
	assert why("Waitlist", "Offered") == letters.STATUS
	assert why("Update", "Confirmed", is_latest=False) == letters.REPLACED
	assert why("Update", "Offered") is None
	assert why("Feedback", "Attended", ends_at=EARLIER) is None
	assert why("Feedback", "No-show", ends_at=EARLIER) == letters.STATUS
	assert why("Certificate", "Completed", ends_at=EARLIER) is None


def test_time_passes():
	assert why("Reminder", "Confirmed", begins_at=NOW) == letters.BEGUN
	assert why("Confirmation", "Confirmed", begins_at=NOW) is None
	for kind, status in (
		("Confirmation", "Attended"),
		("Update", "Confirmed"),
		("Cancellation", "Cancelled"),
	):
		assert why(kind, status, begins_at=EARLIER, ends_at=NOW) == letters.OVER
