"""What the alliance's roles may do with documents of Frappe and ERPNext that its own forms name, as data.

Frappe has no way to add a role to a foreign DocType but a customised permission table, as the Role Permissions
Manager makes one. `create` adds the missing rows and changes none; `remove` takes them away and, where nothing
else was customised, gives the DocType its standard table back.
"""

from __future__ import annotations

import frappe
from frappe.permissions import setup_custom_perms

READ = {"read": 1, "report": 1, "print": 1, "email": 1}
WORK = {**READ, "write": 1, "create": 1}
#: May be picked in a link field; its form stays closed.
SELECT = {"select": 1}
# With whom an officer may work is for imta_crm.membership.permissions to say.
ROLES = {
	"Liaison Officer": WORK,
	"Membership Manager": WORK,
	"Treasurer": READ,
	"Training Coordinator": READ,
	"Alliance Leadership": READ,
}
PLANNERS = ("Membership Manager", "Training Coordinator")
GRANTED = {
	"Contact": ROLES,
	"Address": ROLES,
	# Whom the alliance invites; an officer sees the own ones as invitations.
	"Lead": {"Membership Manager": WORK, "Alliance Leadership": READ},
	"Territory": dict.fromkeys(ROLES, SELECT),
	"Market Segment": dict.fromkeys(ROLES, SELECT),
	"Currency": dict.fromkeys(ROLES, SELECT),
	"Email Account": dict.fromkeys(PLANNERS, SELECT),
	"Holiday List": dict.fromkeys(PLANNERS, SELECT),
}
DOCTYPES = tuple(GRANTED)
RIGHTS = (
	"read",
	"write",
	"create",
	"delete",
	"submit",
	"cancel",
	"amend",
	"select",
	"report",
	"export",
	"import",
	"share",
	"print",
	"email",
)


def create() -> None:
	"""Add the rows that are missing. Idempotent."""
	for doctype, roles in GRANTED.items():
		missing = [
			role
			for role in roles
			if not frappe.db.exists("Custom DocPerm", {"parent": doctype, "role": role, "permlevel": 0})
		]
		if not missing:
			continue
		setup_custom_perms(doctype)
		for role in missing:
			row = frappe.new_doc("Custom DocPerm")
			row.update({"parent": doctype, "role": role, "permlevel": 0})
			for right in RIGHTS:
				row.set(right, roles[role].get(right, 0))
			row.insert(ignore_permissions=True)
		frappe.clear_cache(doctype=doctype)


def remove() -> None:
	"""Take the rows away again. Idempotent; for uninstalling."""
	for doctype, roles in GRANTED.items():
		frappe.db.delete("Custom DocPerm", {"parent": doctype, "role": ("in", list(roles))})
		if _rows("Custom DocPerm", doctype) == _rows("DocPerm", doctype):
			frappe.db.delete("Custom DocPerm", {"parent": doctype})
		frappe.clear_cache(doctype=doctype)


def _rows(table: str, doctype: str) -> set[tuple]:
	fields = ["role", "permlevel", "if_owner", *RIGHTS]
	rows = frappe.get_all(table, {"parent": doctype}, [f"`{field}`" for field in fields], as_list=True)
	return {tuple(row) for row in rows}
