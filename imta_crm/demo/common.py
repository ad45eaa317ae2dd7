"""What the steps of the demo share."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import frappe
from frappe.utils import getdate, nowdate

DATA = Path(__file__).parent / "data"
LOADED_ON = "imta_crm_demo_loaded_on"


def data(name: str) -> Any:
	"""Content of `demo/data/<name>.json`."""
	return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def loaded_on() -> date:
	"""The day of the first loading, from which all dates count: a later run finds the same ones."""
	filters = {"parent": "__global", "defkey": LOADED_ON}
	day = frappe.db.get_value("DefaultValue", filters, "defvalue")
	if not day:
		day = nowdate()
		frappe.db.set_global(LOADED_ON, day)
	return getdate(day)


@contextmanager
def quietly() -> Iterator[None]:
	"""As Administrator, without mail; both as they were afterwards."""
	user, muted = frappe.session.user, frappe.flags.mute_emails
	frappe.set_user("Administrator")
	frappe.flags.mute_emails = True
	try:
		yield
	finally:
		frappe.flags.mute_emails = muted
		frappe.set_user(user)


@contextmanager
def acting_as(user: str) -> Iterator[None]:
	"""As somebody of the staff, with that person's permissions."""
	before = frappe.session.user
	frappe.set_user(user)
	try:
		yield
	finally:
		frappe.set_user(before)


class Passwords:
	"""Passwords by role, from a file or made here."""

	def __init__(self, path: str | None) -> None:
		self.given: dict[str, str] = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
		self.generated: dict[str, str] = {}

	def of(self, role: str, *, new_user: bool) -> str | None:
		"""The password to set; None leaves an existing user's alone."""
		if role in self.given:
			return self.given[role]
		if not new_user and role not in self.generated:
			return None
		return self.generated.setdefault(role, secrets.token_urlsafe(12))

	def print_generated(self) -> None:
		for role, password in self.generated.items():
			print(f"Password of {role}: {password}")
