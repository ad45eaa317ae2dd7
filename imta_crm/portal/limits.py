"""How often one address, or one key, may do something: counted in Redis, forgotten after the window."""

from __future__ import annotations

import frappe
from frappe import _


def hit(what: str, who: str | None, limit: int, seconds: int) -> None:
	"""Count one more; raise frappe.RateLimitExceededError (HTTP 429) past `limit` in `seconds`.

	The window begins with the first hit. Without a request, as in a job or the console, nothing is counted.
	"""
	if over_limit(what, who, limit, seconds):
		frappe.throw(_("Too many requests. Please try again later."), frappe.RateLimitExceededError)


def over_limit(what: str, who: str | None, limit: int, seconds: int) -> bool:
	"""Count one more and say whether that is too many."""
	if not getattr(frappe.local, "request", None) or not who:
		return False
	key = frappe.cache.make_key(f"imta:limit:{what}:{who}")
	# In one step: a counter that a crash leaves without an end would shut somebody out for ever.
	with frappe.cache.pipeline(transaction=True) as steps:
		steps.set(key, 0, ex=seconds, nx=True)
		steps.incrby(key, 1)
		steps.ttl(key)
		_begun, count, left = steps.execute()
	if left < 0:
		frappe.cache.expire(key, seconds)
	return count > limit
