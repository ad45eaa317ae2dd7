"""Who may enrol in a training session, asked by the seats' engine under its lock (see `seating.kinds`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

import frappe
from frappe.utils import cint, getdate
from pypika import Table
from pypika.terms import Criterion

from imta_crm.policy import enrollment as policy
from imta_crm.policy.seating import COMPLETED, Refusal
from imta_crm.seating.people import Person

PROGRAM = "Member Training Program"
ENROLLMENT = "Training Enrollment"
CERTIFICATE = "Training Certificate"
VALID = "Valid"


def check(event: Mapping[str, Any], person: Person, *, by_staff: bool) -> list[Refusal]:
	"""Why this person may not enrol: audience and prerequisites; empty where they may.

	They bind the secretariat as well: who wants an exception changes the programme. A certificate must be valid on
	the day of the session.
	"""
	rules = rules_of(event["program"])
	refused = policy.audience_refusal(rules, person.participant_type, person.tier)
	refusals = [refused] if refused else []
	if rules.prerequisites:
		needed = {each.program for each in rules.prerequisites}
		refusals += policy.prerequisite_refusals(
			rules.prerequisites,
			completed=completed(person, needed),
			certified=certified(person, needed, getdate(event["starts_at"])),
		)
	return refusals


def rules_of(program: str) -> policy.ProgramRules:
	"""For whom a programme is and what must come before it."""
	try:
		# As the cache has it: this is asked while others wait for the lock of the session.
		doc = frappe.get_cached_doc(PROGRAM, program)
	except frappe.DoesNotExistError:
		frappe.clear_last_message()
		return policy.ProgramRules(is_disabled=True)
	return policy.ProgramRules(
		is_disabled=bool(cint(doc.disabled)),
		tiers=frozenset(row.tier for row in doc.audience),
		open_to_guests=bool(cint(doc.open_to_guests)),
		open_to_staff=bool(cint(doc.open_to_staff)),
		prerequisites=tuple(
			policy.Prerequisite(
				row.program,
				frappe.get_cached_value(PROGRAM, row.program, "program_name") or row.program,
				bool(cint(row.certificate_required)),
			)
			for row in doc.prerequisites
		),
	)


def completed(person: Person, programs: Collection[str]) -> set[str]:
	"""Those of the programmes that the person has completed, whoever the person came for."""
	enrollment = frappe.qb.DocType(ENROLLMENT)
	return set(
		frappe.qb.from_(enrollment)
		.select(enrollment.program)
		.distinct()
		.where(
			enrollment.program.isin(list(programs))
			& (enrollment.status == COMPLETED)
			& _is(person, enrollment, enrollment)
		)
		.run(pluck=True)
	)


def certified(person: Person, programs: Collection[str], on: date) -> set[str]:
	"""Those of the programmes of which the person has a certificate that is valid on that day."""
	certificate, enrollment = frappe.qb.DocType(CERTIFICATE), frappe.qb.DocType(ENROLLMENT)
	return set(
		frappe.qb.from_(certificate)
		.left_join(enrollment)
		.on(enrollment.name == certificate.enrollment)
		.select(certificate.program)
		.distinct()
		.where(
			certificate.program.isin(list(programs))
			& (certificate.status == VALID)
			& (certificate.valid_until.isnull() | (certificate.valid_until >= on))
			& _is(person, certificate, enrollment)
		)
		.run(pluck=True)
	)


def _is(person: Person, table: Table, enrollment: Table) -> Criterion:
	"""Whether a row is the person's: by Contact or User; by the address only of an enrolment without either.

	Colleagues may share an address, so it says nothing of somebody who is known by more.
	"""
	mine = (enrollment.email_folded == person.email_folded) & table.contact.isnull() & table.user.isnull()
	if person.contact:
		mine |= table.contact == person.contact
	if person.user:
		mine |= table.user == person.user
	return mine
