"""Names of people in the order of their language."""

import pytest

from imta_crm.policy.names import person_name


@pytest.mark.parametrize(
	("first", "last", "name"),
	[
		("Anna", "Keller", "Anna Keller"),
		("文静", "罗", "罗文静"),
		("文静", None, "文静"),
		(None, "Keller", "Keller"),
		("", "", ""),
	],
)
def test_a_chinese_name_begins_with_the_family(first, last, name):
	assert person_name(first, last) == name
