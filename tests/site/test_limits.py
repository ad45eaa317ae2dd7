"""How often somebody may do something: a counter always ends, whatever happened to who began it."""

from __future__ import annotations

import frappe
import pytest

from imta_crm.portal import limits

WINDOW = 60


@pytest.fixture
def who(site):
	frappe.local.request = frappe._dict(path="/", method="GET")
	name = frappe.generate_hash(length=12)
	yield name
	del frappe.local.request
	frappe.cache.delete(key_of(name))


def key_of(who: str) -> bytes:
	return frappe.cache.make_key(f"imta:limit:test:{who}")


def test_counts_up_to_the_limit_within_the_window(who):
	assert [limits.over_limit("test", who, 2, WINDOW) for _ in range(4)] == [False, False, True, True]
	with pytest.raises(frappe.RateLimitExceededError):
		limits.hit("test", who, 2, WINDOW)


def test_later_hits_do_not_make_the_window_longer(who):
	limits.over_limit("test", who, 2, WINDOW)
	frappe.cache.expire(key_of(who), 20)
	limits.over_limit("test", who, 2, WINDOW)
	assert 0 < frappe.cache.ttl(key_of(who)) <= 20


def test_a_counter_has_its_end_from_the_first_moment(who, monkeypatch):
	def crash(*_args, **_kwargs):
		raise ConnectionError

	monkeypatch.setattr(frappe.cache, "expire", crash, raising=False)
	limits.over_limit("test", who, 2, WINDOW)
	assert 0 < frappe.cache.ttl(key_of(who)) <= WINDOW


def test_a_counter_left_without_an_end_gets_one(who):
	frappe.cache.incrby(key_of(who), 5)
	assert limits.over_limit("test", who, 2, WINDOW)
	assert 0 < frappe.cache.ttl(key_of(who)) <= WINDOW


def test_outside_a_request_nothing_is_counted(site):
	assert not any(limits.over_limit("test", "somebody", 0, WINDOW) for _ in range(3))
