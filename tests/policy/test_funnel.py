"""The funnel: every stage that an invitation has passed counts, and no stage is wider than the one before."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from imta_crm.policy import invitation as inv
from imta_crm.policy.funnel import Fact, Stage, count, count_by, rate

SENT = datetime(2026, 11, 23, 9)


def fact(status, reply="", hours=None, sent=SENT) -> Fact:
	return Fact(status, reply, sent, None if hours is None else SENT + timedelta(hours=hours))


def test_a_campaign():
	stage = count(
		[
			fact(inv.PLANNED, sent=None),
			fact(inv.HELD, sent=None),
			fact(inv.MERGED, sent=None),
			fact(inv.INVITED),
			fact(inv.INVITED, inv.BY_MAIL, 3),
			fact(inv.INTERESTED, inv.INTERESTED, 1),
			fact(inv.APPLIED, inv.INTERESTED, 2),
			fact(inv.ADMITTED, inv.INTERESTED, 30),
			fact(inv.NOT_ADMITTED, inv.INTERESTED, 5),
			fact(inv.DECLINED, inv.NO, 4),
			fact(inv.UNREACHABLE),
			fact(inv.NO_REPLY),
		]
	)
	assert (stage.total, stage.planned, stage.held, stage.invited, stage.replied) == (11, 1, 1, 9, 6)
	assert (stage.interested, stage.applied, stage.admitted, stage.not_admitted) == (4, 3, 1, 1)
	assert (stage.declined, stage.unreachable, stage.no_reply) == (1, 1, 1)
	assert stage.median_hours == Decimal("3.5")
	assert stage.reply_rate == Decimal("66.7")
	assert stage.admission_rate == Decimal("11.1")


def test_nobody():
	assert count([]) == Stage()
	assert count([]).reply_rate == Decimal("0.0")
	assert rate(1, 8) == Decimal("12.5") and rate(1, 3) == Decimal("33.3") and rate(2, 3) == Decimal("66.7")


def test_a_reply_before_the_first_mail_has_no_time():
	assert count([fact(inv.INVITED, inv.BY_MAIL, -2)]).median_hours is None
	assert count([Fact(inv.INTERESTED, inv.INTERESTED, None, SENT)]).median_hours is None


def test_an_activity():
	stage = count([fact(inv.ACCEPTED, inv.YES, 1), fact(inv.DECLINED, inv.NO, 2)])
	assert (stage.accepted, stage.declined, stage.interest_rate) == (1, 1, Decimal("50.0"))


facts = st.lists(
	st.builds(
		Fact,
		st.sampled_from(inv.STATUSES),
		st.sampled_from(["", *inv.REPLIES]),
		st.one_of(st.none(), st.just(SENT)),
		st.one_of(st.none(), st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1))),
	),
	max_size=30,
)


@given(facts)
def test_groups_add_up_to_the_whole(rows):
	whole = count(rows)
	parts = count_by((row.status, row) for row in rows).values()
	for name in Stage.__dataclass_fields__:
		if name != "median_hours":
			assert sum(getattr(part, name) for part in parts) == getattr(whole, name)
	assert whole.total == sum(row.status != inv.MERGED for row in rows)
	assert whole.admitted + whole.not_admitted <= whole.applied <= whole.interested <= whole.total
	assert whole.replied <= whole.invited <= whole.total
	for part in (whole.reply_rate, whole.interest_rate, whole.application_rate, whole.admission_rate):
		assert 0 <= part <= 100


def test_who_came_without_a_letter_is_none_of_those_invited():
	stage = count([Fact(inv.INTERESTED, "Interested"), Fact(inv.ADMITTED), Fact(inv.INVITED, "", SENT)])
	assert (stage.total, stage.invited, stage.replied) == (3, 1, 0)
	assert (stage.interested, stage.admitted) == (2, 1)
	assert (stage.reply_rate, stage.interest_rate, stage.admission_rate) == (0, 0, 0)
