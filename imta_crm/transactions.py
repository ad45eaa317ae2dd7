"""Transactions: tried again where the database asks for it, undone in part, kept step by step in a batch job."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import frappe
from frappe.utils import cstr, strip_html

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


@contextmanager
def all_or_nothing() -> Iterator[None]:
	"""Undo what the block wrote if it fails, and let the error through."""
	name = f"imta_{frappe.generate_hash(length=10)}"
	frappe.db.savepoint(name)
	outer = inside_all_or_nothing()
	frappe.flags.imta_all_or_nothing = True
	try:
		yield
	except frappe.QueryDeadlockError:
		raise  # MariaDB has undone the whole transaction, save points and all
	except Exception:
		frappe.db.rollback(save_point=name)
		raise
	finally:
		frappe.flags.imta_all_or_nothing = outer
	frappe.db.release_savepoint(name)


def inside_all_or_nothing() -> bool:
	"""Whether this is within such a block, where no transaction may begin or end."""
	return bool(frappe.flags.imta_all_or_nothing)


def keep_step() -> None:
	"""Commit a step of a batch job: what is done stays done when the next one kills the process.

	Tests roll back, so nothing is committed in them.
	"""
	if not frappe.flags.in_test:
		frappe.db.commit()


def describe(error: Exception) -> str:
	"""The error as whoever has to put it right can read it; at most 1,000 characters."""
	messages = [strip_html(cstr(m.get("message"))) for m in frappe.get_message_log()]
	text = strip_html(str(error)) or (messages[-1] if messages else "")
	if not isinstance(error, frappe.ValidationError):
		text = f"{type(error).__name__}: {text}"
	return text[:1000] or type(error).__name__
