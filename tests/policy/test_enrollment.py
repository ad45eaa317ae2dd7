"""Who may enrol: audience, prerequisites, and no programme that must come before itself."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imta_crm.policy import messages
from imta_crm.policy.enrollment import (
	Prerequisite,
	ProgramRules,
	audience_refusal,
	find_circle,
	prerequisite_refusals,
)


@pytest.mark.parametrize(
	"rules,who,tier,code",
	[
		(ProgramRules(), "Member", "Ordinary", None),
		(ProgramRules(), "Member", None, None),
		(ProgramRules(tiers=frozenset({"Council"})), "Member", "Council", None),
		(ProgramRules(tiers=frozenset({"Council"})), "Member", "Ordinary", "training_tier"),
		(ProgramRules(tiers=frozenset({"Council"})), "Member", None, "training_tier"),
		(ProgramRules(), "Guest", None, "training_guests"),
		(ProgramRules(open_to_guests=True, tiers=frozenset({"Council"})), "Guest", None, None),
		(ProgramRules(), "Staff", None, None),
		(ProgramRules(open_to_staff=False), "Staff", None, "training_staff"),
		(ProgramRules(is_disabled=True, open_to_guests=True), "Guest", None, "training_disabled"),
	],
)
def test_for_whom_a_program_is(rules, who, tier, code):
	refusal = audience_refusal(rules, who, tier)
	assert (refusal.code if refusal else None) == code
	if code:
		assert refusal.text("en") and refusal.text("zh") != refusal.text("en")


COMPLETION = Prerequisite("A", "First Aid")
CERTIFICATE = Prerequisite("B", "Rescue", certificate_required=True)


@pytest.mark.parametrize(
	"completed,certified,missing",
	[
		((), (), ["training_prerequisite", "training_certificate"]),
		(("A", "B"), (), ["training_certificate"]),
		(("A",), ("B",), []),
		((), ("A", "B"), []),  # a certificate says that it was completed, too
	],
)
def test_what_must_come_before(completed, certified, missing):
	refusals = prerequisite_refusals([COMPLETION, CERTIFICATE], completed=completed, certified=certified)
	assert [refusal.code for refusal in refusals] == missing
	for refusal in refusals:
		assert refusal.code in messages.TEXTS
		assert refusal.detail["program"] in refusal.text("zh")


def test_circles_are_found_and_shown_whole():
	assert find_circle({"A": {"B"}, "B": {"C"}, "C": {"A"}}, "A") == ["A", "B", "C", "A"]
	assert find_circle({"A": {"A"}}, "A") == ["A", "A"]
	assert find_circle({"A": {"B", "C"}, "B": {"D"}, "C": {"D"}}, "A") == []
	# A circle elsewhere is not this programme's.
	assert find_circle({"A": {"B"}, "B": {"C"}, "C": {"B"}}, "A") == []


@given(
	st.dictionaries(st.integers(0, 7).map(str), st.sets(st.integers(0, 7).map(str), max_size=4), max_size=8)
)
def test_a_circle_is_a_way_back(needed):
	way = find_circle(needed, "0")
	reached, frontier = set(), set(needed.get("0", ()))
	while frontier:
		name = frontier.pop()
		reached.add(name)
		frontier |= set(needed.get(name, ())) - reached
	assert bool(way) == ("0" in reached)
	if way:
		assert way[0] == way[-1] == "0"
		assert all(after in needed[before] for before, after in pairwise(way))
