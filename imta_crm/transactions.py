"""Trying a transaction again where the database asks for it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

import frappe

T = TypeVar("T")
TRIES = 6
# Deadlocks and lock waits are the database's way of asking to try again.
ASKED_BY_DATABASE = (frappe.QueryDeadlockError, frappe.QueryTimeoutError)


def persistently(step: Callable[[], T], *, also: tuple[type[Exception], ...] = ()) -> T:
	"""Do a step that is a whole transaction; again, after a random pause, where the database asks for it.

	`also` names errors that another transaction may have caused, and that a new look at the data can settle.
	What else the current transaction has written is lost when the step is tried again.
	"""
	for attempt in range(1, TRIES + 1):
		try:
			return step()
		except (*ASKED_BY_DATABASE, *also):
			frappe.db.rollback()
			if attempt == TRIES:
				raise
			frappe.clear_messages()
			time.sleep(random.uniform(0.05, 0.2) * attempt)
	raise AssertionError("unreachable")
