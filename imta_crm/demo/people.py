"""The staff of the demo secretariat. All addresses end in the reserved .example."""

from __future__ import annotations

import frappe
from frappe.utils.password import update_password

from imta_crm.defaults import read
from imta_crm.demo.common import Passwords, data


def make_staff(passwords: Passwords) -> None:
	"""One user for each role, several liaison officers."""
	for person in data("people")["staff"]:
		make_user(person, (read("role_profiles") or {})[person["profile"]], passwords)


def make_user(person: dict, roles: list[str], passwords: Passwords, *, desk: bool = True) -> str:
	"""A user with these roles; an existing one gets what is missing and the password of the file."""
	email = person["email"]
	new = not frappe.db.exists("User", email)
	if new:
		user = frappe.get_doc(
			{
				"doctype": "User",
				"email": email,
				"first_name": person["first_name"],
				"last_name": person["last_name"],
				"language": person.get("language") or "en",
				"time_zone": person.get("time_zone") or "Asia/Shanghai",
				"user_type": "System User" if desk else "Website User",
				"send_welcome_email": 0,
				"enabled": 1,
				"roles": [{"role": role} for role in roles if frappe.db.exists("Role", role)],
			}
		)
		user.flags.no_welcome_mail = True
		user.insert()
	elif missing := [r for r in roles if frappe.db.exists("Role", r) and r not in frappe.get_roles(email)]:
		# The app was uninstalled and installed again: its roles are new.
		frappe.get_doc("User", email).add_roles(*missing)
	if password := passwords.of(person["key"], new_user=new):
		update_password(email, password)
	return email


def officers() -> list[dict]:
	"""The liaison officers with their regions, in the order in which a region is looked up."""
	return [person for person in data("people")["staff"] if person["key"] == "Liaison Officer"]


def user_of(role: str) -> str:
	"""The first user of the demo with that role."""
	return next(person["email"] for person in data("people")["staff"] if person["key"] == role)


def logins() -> dict[str, str]:
	"""One login for each role: {role: user}."""
	people = data("people")
	found: dict[str, str] = {"Administrator": "Administrator"}
	for person in [*people["staff"], people["member"]]:
		found.setdefault(person["key"], person["email"])
	return found
