"""Records that the app puts on a site once.

What was put there is remembered by name. So a record that the secretariat edits is never overwritten, one that
it deletes does not come back with the next migration, and uninstalling removes what the app made and nothing
that was there before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import frappe
from frappe.model.delete_doc import check_if_doc_is_linked

# Among the site's global defaults. Read from the table itself: while an app is being installed, Frappe's cache
# of the defaults lags behind.
MEMORY = {"parent": "__global", "defkey": "imta_crm_seeded"}


def remembered() -> list[tuple[str, str]]:
	"""(DocType, name) of everything the app has put on this site, in the order in which it was made."""
	return [
		tuple(entry) for entry in json.loads(frappe.db.get_value("DefaultValue", MEMORY, "defvalue") or "[]")
	]


def remember(doctype: str, names: list[str]) -> None:
	"""Note that the app made these records."""
	known = remembered()
	new = [(doctype, name) for name in names if (doctype, name) not in known]
	if not new:
		return
	value = json.dumps([*known, *new], ensure_ascii=False)
	if row := frappe.db.exists("DefaultValue", MEMORY):
		frappe.db.set_value("DefaultValue", row, "defvalue", value, update_modified=False)
	else:
		entry = {"doctype": "DefaultValue", "parenttype": "__default", "parentfield": "system_defaults"}
		frappe.get_doc({**entry, **MEMORY, "defvalue": value}).insert(ignore_permissions=True)


def forget_all() -> None:
	"""Drop the memory; for uninstalling."""
	frappe.db.delete("DefaultValue", MEMORY)
	frappe.clear_cache()


def once(doctype: str, name: str, make: Callable[[], Any]) -> bool:
	"""Make a record unless it exists or was made before (and deleted since). True if it was made now."""
	if frappe.db.exists(doctype, name) or (doctype, name) in remembered():
		return False
	make()
	remember(doctype, [name])
	return True


def record(doctype: str, name: str, values: Mapping[str, Any]) -> bool:
	"""`once` for a plain record with the given values and name."""

	def make() -> None:
		doc = frappe.new_doc(doctype)
		doc.update({key: value for key, value in values.items() if key not in ("doctype", "name")})
		# Set-up acts for the alliance; the name in the file is the record's name.
		doc.insert(ignore_permissions=True, set_name=name, ignore_if_duplicate=True)

	return once(doctype, name, make)


def note_fixtures() -> None:
	"""Remember which records of `fixtures/` are not on the site yet, before Frappe imports them."""
	folder = Path(frappe.get_app_path("imta_crm", "fixtures"))
	for file in sorted(folder.glob("*.json")):
		for entry in json.loads(file.read_text(encoding="utf-8")):
			doctype, name = entry.get("doctype"), entry.get("name")
			if doctype and name and not frappe.db.exists(doctype, name):
				remember(doctype, [name])


def remove_all() -> list[tuple[str, str]]:
	"""Delete what the app made, last made first, and forget it.

	:return: (DocType, name) of records that stay because others still use them, as invoices use an item
	"""
	kept = []
	for doctype, name in reversed(remembered()):
		if not frappe.db.exists("DocType", doctype) or not frappe.db.exists(doctype, name):
			continue
		frappe.db.savepoint("imta_remove_seed")
		try:
			if doctype != "Role":  # a role goes with its grants; everything else only if nothing points at it
				check_if_doc_is_linked(frappe.get_doc(doctype, name), method="Delete")
			frappe.delete_doc(doctype, name, force=True, ignore_permissions=True, delete_permanently=True)
		except (frappe.LinkExistsError, frappe.ValidationError):
			frappe.db.rollback(save_point="imta_remove_seed")
			frappe.clear_messages()
			kept.append((doctype, name))
	forget_all()
	return kept
