"""How the desk registers delegates: several of an organisation at once, or people who are no members.

Decisions, cancelling and handing a seat on are the same for all seats (`seating.actions`).
"""

from __future__ import annotations

from dataclasses import replace

import frappe
from frappe import _
from frappe.utils import cstr, get_datetime

from imta_crm.activities import permissions, registration
from imta_crm.activities.rules import ACTIVITY, DELEGATE
from imta_crm.policy import activities as policy
from imta_crm.seating import actions, people, record, seats
from imta_crm.seating.people import Person

AT_ONCE = 100


@frappe.whitelist()
def get_events(
	start: str,
	end: str,
	doctype: str = ACTIVITY,
	field_map: str | dict | None = None,
	filters: str | list | None = None,
	**kwargs,
) -> list[dict]:
	"""Activities that fall between `start` and `end` (site's time), for the calendar."""
	conditions = list(frappe.parse_json(filters) or [])
	conditions += [
		[ACTIVITY, "starts_at_site", "<=", get_datetime(end)],
		[ACTIVITY, "ends_at_site", ">=", get_datetime(start)],
	]
	return frappe.get_list(
		ACTIVITY,
		filters=conditions,
		fields=["name", "title", "kind", "status", "starts_at_site", "ends_at_site"],
		limit=1000,
	)


@frappe.whitelist()
def colleagues(activity: str, member: str) -> list[dict]:
	"""The people of a member, and which of them are registered already, for the dialog.

	For who may register this member's people.
	"""
	permissions.check_may_register(activity, {member})
	found = people.colleagues(member)
	keys = {
		person.contact: record.live_key(activity, person.contact, person.email_folded) for person in found
	}
	live = dict(
		frappe.get_all(
			DELEGATE,
			{"live_key": ("in", list(keys.values()) or [""])},
			["live_key", "status"],
			as_list=True,
			order_by=None,
		)
	)
	return [
		{
			"contact": person.contact,
			"name": person.name,
			"name_local": person.name_local,
			"email": person.email,
			"position": person.position,
			"status": live.get(keys[person.contact]),
		}
		for person in found
	]


@frappe.whitelist(methods=["POST"])
def register(
	activity: str,
	people_given: list | str,
	member: str | None = None,
	role: str | None = None,
	remarks: str | None = None,
) -> list[dict]:
	"""Register several people, in this order; each has an outcome of their own.

	:param people_given: rows with `contact`, or with `name`, `email`, `organisation`, `country`, `position` of
	        somebody who is no member
	:param member: whom those with a contact come for
	:returns: for each as `seating.actions.tell` says it
	"""
	rows = frappe.parse_json(people_given) if isinstance(people_given, str) else people_given
	rows = [frappe._dict(row) for row in rows or [] if isinstance(row, dict)]
	if not rows:
		frappe.throw(_("Choose whom to register."))
	if len(rows) > AT_ONCE:
		frappe.throw(_("At most {0} people at once.").format(AT_ONCE))
	found = people.of_contacts([row.contact for row in rows if row.contact], member=member)
	persons = [_person(row, found, role) for row in rows]
	permissions.check_may_register(activity, {person.member for person in persons})
	actions.check_contacts(persons)
	return actions.tell(
		seats.request_many(
			ACTIVITY,
			activity,
			persons,
			by_staff=True,
			enrolled_by=frappe.session.user,
			group_key=frappe.generate_hash(length=12) if len(persons) > 1 else None,
			remarks=cstr(remarks).strip() or None,
		)
	)


def _person(row: frappe._dict, found: dict[str, Person], role: str | None) -> Person:
	role = row.role or role
	if row.contact:
		if row.contact not in found:
			frappe.throw(_("There is no contact {0}.").format(row.contact), frappe.DoesNotExistError)
		person = found[row.contact]
		if row.email and not person.email:
			person = replace(person, email=registration.checked_email(row.email))
		return person.as_role(policy.role_for(person.participant_type, role))
	typed = registration.checked(
		registration.Applicant(
			name=cstr(row.name),
			name_local=cstr(row.name_local),
			organisation=cstr(row.organisation),
			country=cstr(row.country),
			position=cstr(row.position),
			language=cstr(row.language),
		)
	)
	return people.guest(
		typed.name,
		registration.checked_email(row.email),
		name_local=typed.name_local or None,
		organisation=typed.organisation,
		country=typed.country,
		position=typed.position,
		language=typed.language,
		delegate_role=policy.role_for(people.GUEST, role),
	)
