"""Who may take part in an activity, and whether its programme fits its days."""

from datetime import datetime

import pytest

from imta_crm.policy import messages
from imta_crm.policy.activities import (
	DELEGATE,
	EVERYBODY,
	GUEST,
	INVITED,
	MEMBERS,
	Item,
	programme_problems,
	refusal,
	role_for,
	same_person,
)


def asked(**changes) -> str | None:
	return refusal(
		**{
			"audience": MEMBERS,
			"tiers": (),
			"open_to_staff": True,
			"participant_type": "Member",
			"tier": "Ordinary",
			"role": DELEGATE,
			"is_invited": False,
			"by_staff": False,
			**changes,
		}
	)


@pytest.mark.parametrize(
	("change", "code"),
	[
		({}, None),
		({"tiers": ("Council",)}, "activity_tier"),
		({"tiers": ("Council",), "is_invited": True}, None),
		({"tiers": ("Council",), "by_staff": True}, "activity_tier"),
		({"tiers": ("Council", "Ordinary")}, None),
		({"participant_type": "Guest", "tier": None}, "activity_members_only"),
		({"participant_type": "Guest", "is_invited": True}, "activity_members_only"),
		({"participant_type": "Guest", "audience": INVITED}, "activity_invited_only"),
		({"participant_type": "Guest", "audience": INVITED, "is_invited": True}, None),
		({"participant_type": "Guest", "audience": INVITED, "by_staff": True}, None),
		({"participant_type": "Guest", "audience": MEMBERS, "by_staff": True}, "activity_members_only"),
		({"participant_type": "Guest", "role": "Speaker", "by_staff": True}, None),
		({"participant_type": "Guest", "audience": EVERYBODY, "role": GUEST}, None),
		({"participant_type": "Guest", "audience": EVERYBODY, "role": "Speaker"}, "activity_role"),
		({"role": "Exhibitor"}, "activity_role"),
		({"role": "Exhibitor", "is_invited": True}, None),
		({"participant_type": "Staff", "tier": None}, None),
		({"participant_type": "Staff", "open_to_staff": False}, "activity_staff"),
		({"participant_type": "Staff", "open_to_staff": False, "role": "Speaker", "by_staff": True}, None),
	],
)
def test_who_may_take_part(change, code):
	assert asked(**change) == code
	assert code is None or code in messages.TEXTS


def test_who_has_no_role_gets_one():
	assert role_for("Member") == role_for("Staff") == DELEGATE
	assert role_for("Guest") == GUEST
	assert role_for("Guest", "Speaker") == "Speaker"
	assert role_for("Member", "King") == DELEGATE


def at(hour: int, day: int = 29) -> datetime:
	return datetime(2027, 5, day, hour)


def problems(*items: Item) -> list[tuple[int, str]]:
	return [(found.row, found.code) for found in programme_problems(items, at(9), at(17, 30))]


def test_a_programme_within_the_days_is_fine():
	assert problems(Item(at(9), at(10)), Item(at(10), at(12), "Hall A"), Item(at(17, 30), None)) == []


def test_what_is_wrong_with_a_programme():
	assert problems(Item(at(8), at(10))) == [(1, "programme_outside")]
	assert problems(Item(at(16, 30), at(18, 30))) == [(1, "programme_outside")]
	assert problems(Item(at(12), at(11))) == [(1, "programme_order")]
	assert problems(Item(at(18, 30), None)) == [(1, "programme_outside")]
	assert problems(Item(at(9), at(11), "Hall A"), Item(at(10), at(12), " hall a")) == [(2, "programme_room")]
	assert problems(Item(at(9), at(11)), Item(at(10), at(12))) == []
	assert all(code in messages.TEXTS for code in ("programme_order", "programme_outside", "programme_room"))


@pytest.mark.parametrize(
	("known", "given", "same"),
	[
		("Anna Muster", "Anna Müller-Muster", True),
		("Anna Muster", "MUSTER, Anna", True),
		("Jon Smith", "John Smyth", True),
		("José Garcia", "Jose García", True),
		("王伟", "Wang Wei", True),
		("王伟", "王炜", True),
		("Anna Muster", "Boris Becker", False),
		("Anna Muster", "", False),
		("", "Anna", True),
	],
)
def test_another_spelling_is_not_another_person(known, given, same):
	assert same_person(known, given) is same
