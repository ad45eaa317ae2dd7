"""Loads the demo alliance: the roster of 91 members, a year of dues, contacts, applications, campaigns, training.

Each step looks at what is there and adds what is missing, so that loading can be stopped at any moment and
started again. What is random looks random but is not: it follows from the members' numbers, and the dates
count back from the day of the first loading. No mail leaves the site while it loads.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import frappe

from imta_crm.demo import alliance, dues, invitations, liaison, membership, people, training
from imta_crm.demo.common import Passwords, quietly

Step = Callable[[], None]


def load(passwords_file: str | None = None) -> dict[str, str]:
	"""Bring the demo alliance onto this site. Idempotent and resumable; for the command line only.

	:param passwords_file: JSON of passwords by role; without it passwords are generated and printed once
	:return: user name of the demo login for each role
	"""
	passwords = Passwords(passwords_file)
	with quietly():
		for title, step in steps(passwords):
			started = time.monotonic()
			step()
			# Each step is a unit: what it made stays, whatever happens to the next one.
			frappe.db.commit()
			print(f"{title}: {time.monotonic() - started:.1f} s", flush=True)
	passwords.print_generated()
	return people.logins()


def steps(passwords: Passwords) -> list[tuple[str, Step]]:
	"""The steps in the order in which they need each other."""
	return [
		("Company and settings", alliance.set_up),
		("Staff", lambda: people.make_staff(passwords)),
		("Roster of members", membership.import_roster),
		("Portfolios", membership.assign_officers),
		("Affiliates", lambda: membership.make_affiliates(passwords)),
		("Dues year and run", dues.charge_year),
		("Payments", dues.receive_payments),
		("Applications", membership.make_applications),
		("Changes", membership.make_changes),
		("Standing", dues.update_standing),
		("Contacts", liaison.log_contacts),
		("Campaign", invitations.start_recruiting),
		("Invitations and replies", invitations.let_weeks_pass),
		("Applications by invitation", invitations.follow_applications),
		("Next year's campaign", invitations.plan_next_year),
		("Invitations to an activity", invitations.invite_to_activity),
		("Training programs", training.make_programs),
		("Training sessions", training.hold_trainings),
		("Activities", training.hold_activities),
	]
