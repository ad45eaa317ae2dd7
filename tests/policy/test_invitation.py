"""What a reply makes of an invitation: harmless twice, free to change one's mind, and never lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imta_crm.policy import invitation as inv
from imta_crm.policy import messages
from imta_crm.policy.invitation import ForbiddenReply, after_reply

statuses = st.sampled_from(inv.STATUSES)
replies = st.sampled_from(inv.REPLIES)
purposes = st.sampled_from(inv.PURPOSES)


def test_the_sets_do_not_overlap():
	assert inv.OPEN < inv.ALIVE
	assert not inv.ALIVE & inv.CLOSED
	assert inv.ALIVE | inv.CLOSED | {inv.HELD} == set(inv.STATUSES)
	assert len(inv.STATUSES) == 16


@pytest.mark.parametrize(
	"status, reply, after",
	[
		(inv.INVITED, inv.INTERESTED, inv.INTERESTED),
		(inv.PLANNED, inv.NO, inv.DECLINED),
		(inv.DECLINED, inv.INTERESTED, inv.INTERESTED),
		(inv.INTERESTED, inv.NO, inv.DECLINED),
		(inv.INTERESTED, inv.LATER, inv.LATER),
		(inv.NO_REPLY, inv.INTERESTED, inv.INTERESTED),
		(inv.UNREACHABLE, inv.LATER, inv.LATER),
		(inv.LATER, inv.WRONG_PERSON, inv.WRONG_PERSON),
		(inv.INVITED, inv.BY_MAIL, inv.INVITED),
		(inv.DO_NOT_WRITE, inv.INTERESTED, inv.INTERESTED),
		(inv.DO_NOT_WRITE, inv.NO, inv.DO_NOT_WRITE),
		(inv.APPLIED, inv.INTERESTED, inv.APPLIED),
		(inv.HELD, inv.DO_NOT_WRITE, inv.DO_NOT_WRITE),
	],
)
def test_what_follows(status, reply, after):
	assert after_reply(status, reply, inv.MEMBERSHIP) == after


@pytest.mark.parametrize(
	"status, reply, purpose, code",
	[
		(inv.ADMITTED, inv.NO, inv.MEMBERSHIP, "reply_settled"),
		(inv.NOT_ADMITTED, inv.INTERESTED, inv.MEMBERSHIP, "reply_settled"),
		(inv.MERGED, inv.INTERESTED, inv.MEMBERSHIP, "reply_settled"),
		(inv.WITHDRAWN, inv.LATER, inv.MEMBERSHIP, "reply_settled"),
		(inv.APPLIED, inv.NO, inv.MEMBERSHIP, "reply_settled"),
		(inv.HELD, inv.INTERESTED, inv.MEMBERSHIP, "reply_held"),
		(inv.DO_NOT_WRITE, inv.LATER, inv.MEMBERSHIP, "reply_after_do_not_write"),
		(inv.INVITED, inv.YES, inv.MEMBERSHIP, "reply_not_offered"),
		(inv.INVITED, inv.INTERESTED, inv.ACTIVITY, "reply_not_offered"),
		(inv.INVITED, inv.LATER, inv.ACTIVITY, "reply_not_offered"),
		(inv.INVITED, "Perhaps", inv.MEMBERSHIP, "reply_unknown"),
		("Lost", inv.NO, inv.MEMBERSHIP, "reply_unknown"),
	],
)
def test_what_is_refused(status, reply, purpose, code):
	with pytest.raises(ForbiddenReply) as caught:
		after_reply(status, reply, purpose)
	assert caught.value.code == code
	assert messages.text(code, caught.value.args_) and messages.text(code, caught.value.args_, "zh")


def test_an_activity_is_answered_by_yes_or_no():
	assert after_reply(inv.INVITED, inv.YES, inv.ACTIVITY) == inv.ACCEPTED
	assert after_reply(inv.ACCEPTED, inv.NO, inv.ACTIVITY) == inv.DECLINED
	assert after_reply(inv.DECLINED, inv.YES, inv.ACTIVITY) == inv.ACCEPTED
	assert inv.YES in inv.replies_for(inv.ACTIVITY) and inv.INTERESTED not in inv.replies_for(inv.ACTIVITY)


@given(statuses, replies, purposes)
def test_a_second_click_is_harmless(status, reply, purpose):
	try:
		once = after_reply(status, reply, purpose)
	except ForbiddenReply:
		return
	assert after_reply(once, reply, purpose) == once
	assert once in inv.STATUSES


@given(statuses, purposes)
def test_not_to_be_written_to_can_always_be_said(status, purpose):
	after = after_reply(status, inv.DO_NOT_WRITE, purpose)
	assert after not in inv.OPEN
	assert after == inv.DO_NOT_WRITE or after == status


@given(statuses, purposes, st.lists(replies, max_size=6))
def test_what_is_settled_stays_and_answers_never_open_what_was_not_asked_for(status, purpose, answers):
	for reply in answers:
		before = status
		try:
			status = after_reply(status, reply, purpose)
		except ForbiddenReply:
			continue
		if before in inv.SETTLED:
			assert status == before
		if reply in inv.STOPS:
			assert status not in inv.OPEN
		if status in inv.OPEN and before not in inv.OPEN:
			assert reply == inv.LATER
