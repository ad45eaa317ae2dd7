"""What the desk does with delegates: several of an organisation at once, decisions, and handing a seat on.

Every function says first whether the user may; the seats' engine decides the rest.
"""

from __future__ import annotations

from dataclasses import replace

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cstr

from imta_crm.activities import permissions, registration
from imta_crm.activities.rules import ACTIVITY, DELEGATE
from imta_crm.policy import activities as policy
from imta_crm.seating import people, record, seats
from imta_crm.seating.people import Person

AT_ONCE = 100


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
	:returns: for each `name`, and `delegate` and `status`, or the `reasons` against it
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
	outcomes = seats.request_many(
		ACTIVITY,
		activity,
		persons,
		by_staff=True,
		enrolled_by=frappe.session.user,
		group_key=frappe.generate_hash(length=12) if len(persons) > 1 else None,
		remarks=cstr(remarks).strip() or None,
	)
	return [
		{
			"name": outcome.person.name,
			"delegate": outcome.booked.name if outcome.booked else None,
			"status": outcome.booked.status if outcome.booked else None,
			"place_in_line": outcome.booked.place_in_line if outcome.booked else None,
			"already": bool(outcome.booked and outcome.booked.already),
			"reasons": [refusal_text(refusal) for refusal in outcome.refusals],
		}
		for outcome in outcomes
	]


@frappe.whitelist(methods=["POST"])
def approve(delegates: list | str) -> dict:
	"""Approve requested registrations in the order of their arrival, each for itself. For who runs activities."""
	return _each(delegates, lambda doc: seats.approve(DELEGATE, doc.name), organisers=True)


@frappe.whitelist(methods=["POST"])
def refuse(delegates: list | str, reason: str) -> dict:
	"""Refuse requested registrations, with a reason that the people are told. For who runs activities."""
	reason = _reason(reason)
	return _each(delegates, lambda doc: seats.refuse(DELEGATE, doc.name, reason), organisers=True)


@frappe.whitelist(methods=["POST"])
def cancel(delegates: list | str, reason: str) -> dict:
	"""Cancel registrations; seats that are free then are offered to those who wait."""
	reason = _reason(reason)
	return _each(
		delegates,
		lambda doc: seats.cancel(DELEGATE, doc.name, reason=reason, by=frappe.session.user, by_staff=True),
	)


@frappe.whitelist(methods=["POST"])
def transfer(delegate: str, contact: str) -> str:
	"""Hand a seat on to a colleague of the same organisation; the name of the new delegate."""
	doc = _may_write(delegate)
	person = people.of_contact(contact, member=doc.member).as_role(doc.delegate_role)
	permissions.check_may_register(doc.activity, {person.member})
	return seats.transfer(DELEGATE, doc.name, person, by=frappe.session.user, by_staff=True).name


def refusal_text(refusal) -> str:
	"""Why somebody may not, in the reader's language."""
	from imta_crm.policy import messages

	return _(messages.template(refusal.code)).format(*refusal.detail.values())


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


def _each(delegates: list | str, work, *, organisers: bool = False) -> dict:
	names = frappe.parse_json(delegates) if isinstance(delegates, str) and delegates[:1] == "[" else delegates
	names = [names] if isinstance(names, str) else list(names or [])
	docs = sorted((_may_write(cstr(name), organisers) for name in names), key=lambda doc: doc.queue_no)
	done, problems = 0, []
	for doc in docs:
		try:
			work(doc)
			done += 1
		except frappe.ValidationError as error:
			frappe.clear_last_message()
			problems.append({"name": doc.participant_name, "reason": str(error)})
	return {"done": done, "problems": problems}


def _may_write(delegate: str, organisers: bool = False) -> Document:
	doc = frappe.get_doc(DELEGATE, delegate)
	doc.check_permission("write")
	if organisers and not permissions.organises():
		frappe.throw(_("The coordinator decides on registrations."), frappe.PermissionError)
	return doc


def _reason(reason: str) -> str:
	reason = cstr(reason).strip()
	if not reason:
		frappe.throw(_("Please give a reason; the person is told."), frappe.MandatoryError)
	return reason[:500]
