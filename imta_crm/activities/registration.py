"""Registering for an activity by the people themselves, from the public page (`portal.guest`).

Three ways lead to a registration, and each proves whose it is before anything is stored:

- An **invitee** who has said yes has a signed link. Who it is stands in the invitation; the own name may be
  spelled better, the address and the organisation stay.
- At an activity for everybody, a **stranger** gives an e-mail address and nothing else. A letter goes there
  with a signed link, which carries the address and is good for two days; what is asked for, and the seat, come
  after it. So nobody takes seats, or a place in line, with the addresses of others; until the link is opened
  nothing is stored; and the letter says nothing that a stranger has typed, so it is no use to senders of spam.
- A **member** who is logged in registers on the portal.

No function here checks a permission or counts how often it is called: the page has read a good link and does.
What letters there may be to one address is counted here, since the address may be somebody else's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import frappe
from frappe import _
from frappe.utils import cstr, validate_email_address

from imta_crm.activities import letters
from imta_crm.activities.rules import ACTIVITY, DELEGATE
from imta_crm.invitations import activities as answers
from imta_crm.policy import activities as policy
from imta_crm.policy.names import inert, tidy
from imta_crm.policy.seating import CANCELLED
from imta_crm.policy.status import enjoys_benefits
from imta_crm.portal import links
from imta_crm.portal.limits import over_limit
from imta_crm.seating import people, record, seats, windows
from imta_crm.seating.people import Person
from imta_crm.seating.seats import Booked

LONGEST = 140
LONGEST_REMARKS = 500
#: Letters to one address for one activity in a day.
LETTERS_A_DAY = 3
#: The public sees an activity in these.
SHOWN = (windows.OPEN, windows.CLOSED, windows.HELD)


class RegistrationNotUnderstood(frappe.ValidationError):
	"""A part of the registration is missing or cannot be."""


class NotAccepted(frappe.ValidationError):
	"""The invitee has not said yes, or no longer does."""


@dataclass(frozen=True)
class Applicant:
	"""What somebody types on the registration page. `country` is the name of a Country."""

	name: str = ""
	name_local: str = ""
	organisation: str = ""
	country: str = ""
	position: str = ""
	remarks: str = ""
	language: str = ""


@dataclass(frozen=True)
class Registration:
	"""What the registration page shows to one person.

	`state` is what `seating.windows.public_status` says; people register while it is Open. `answer` is the
	invitee's: Yes, No or empty, and Yes for who comes without an invitation. `applicant` is what is known already.
	`fixed` names the fields of `Applicant` that the page shows and does not ask for. `booking` is the live
	registration of this person, with its status.
	"""

	activity: str
	state: str
	email: str
	role: str
	answer: str = answers.YES
	applicant: Applicant = Applicant()
	fixed: frozenset[str] = frozenset()
	booking: Booked | None = None

	@property
	def is_open(self) -> bool:
		"""Whether this person may register now, or change the own registration."""
		return self.state == windows.OPEN and self.answer == answers.YES


# What the page shows


def of_invitation(invitation: str) -> Registration | None:
	"""The page of an invitee; None where the invitation is to none of our activities, or that is a draft."""
	found = _asked(invitation)
	if not found:
		return None
	answer, asked, event = found
	person = _invitee(answer, asked.role)
	named = _own_name(answer, person)
	return Registration(
		activity=event.name,
		state=windows.public_status(event),
		email=person.email,
		role=person.delegate_role,
		answer=answer.answer,
		applicant=Applicant(
			name=named,
			name_local=person.name_local or "",
			organisation=person.organisation or "",
			country=person.country or "",
			position=person.position or "",
			language=person.language or "",
		),
		fixed=frozenset(field for field in ("organisation", "country") if getattr(person, field)),
		booking=_booking(event.name, person),
	)


def of_everybody(activity: str) -> Registration | None:
	"""The page where a stranger gives an address; None unless the activity is for everybody, and no draft."""
	event = _event(activity)
	if not event or event.audience != policy.EVERYBODY:
		return None
	return Registration(activity=event.name, state=windows.public_status(event), email="", role=policy.GUEST)


def of_address(activity: str, email: str) -> Registration | None:
	"""The page behind the letter to an address, see `links.confirmed_url`; None as `of_everybody`."""
	page = of_everybody(activity)
	if not page:
		return None
	person = _owner(email)
	return replace(
		page,
		email=email,
		role=policy.role_for(person.participant_type) if person else policy.GUEST,
		booking=_booking(activity, person or people.guest(email, email)),
	)


def link_for(invitation: str) -> str | None:
	"""Address where the invitee registers; None unless the answer is Yes and there is something to register for."""
	found = _asked(invitation)
	if not found or found[0].answer != answers.YES:
		return None
	if windows.public_status(found[2]) not in (windows.NOT_YET_OPEN, windows.OPEN):
		return None
	return links.registration_url(invitation)


# What it does


def ask(activity: str, email: str, language: str | None = None) -> None:
	"""Write to an address that somebody gave, with the link to register. The same for known and unknown ones.

	:raises RegistrationNotUnderstood: it is no address, or the registration is not open
	"""
	page = of_everybody(activity)
	if not page or not page.is_open:
		frappe.throw(_("Registration is closed."), RegistrationNotUnderstood)
	email = checked_email(email)
	if over_limit("activity-letter", f"{activity}:{email.lower()}", LETTERS_A_DAY, 24 * 60 * 60):
		return
	letters.confirm_address(activity, email, language or "en")


def register_invited(invitation: str, applicant: Applicant) -> Booked:
	"""Register an invitee who has said yes, or put what they typed into the registration that is there.

	:raises NotAccepted: the answer is not yes, or not any more
	:raises RegistrationNotUnderstood: the name is missing, or somebody else's
	:raises seats.EnrollmentRefused: closed, or one of the rules of seats does not allow it
	"""
	found = _asked(invitation)
	if not found or found[0].answer != answers.YES:
		frappe.throw(_("Please answer the invitation first."), NotAccepted)
	answer, asked, event = found
	applicant = checked(applicant)
	person = _invitee(answer, asked.role)
	known = _own_name(answer, person)
	if known and not policy.same_person(known, applicant.name):
		frappe.throw(
			_("This invitation is for {0}. If somebody else comes, please write to us.").format(known),
			RegistrationNotUnderstood,
		)
	person = _as_typed(person, applicant, keep=("organisation", "country"))
	booked = seats.request(
		ACTIVITY,
		event.name,
		person,
		remarks=applicant.remarks or None,
		extra={"invitation": invitation},
	)
	# Under a lock on the answer, now that the seat is taken: whoever says no at this moment has either said so
	# before, or waits and gives the seat back then.
	if _asked(invitation, lock=True)[0].answer != answers.YES:
		frappe.throw(_("Please answer the invitation first."), NotAccepted)
	if booked.already:
		_correct(booked.name, person, applicant)
	return booked


def register_confirmed(activity: str, email: str, applicant: Applicant) -> Booked:
	"""Register the owner of an address that is proved by the link sent to it.

	Who is known by it is registered as that: a member with the own tier and fee. Raises as `register_invited`.
	"""
	if not of_everybody(activity):
		frappe.throw(_("Registration is closed."), RegistrationNotUnderstood)
	applicant = checked(applicant)
	if not applicant.country:
		frappe.throw(_("Please choose your country or region."), RegistrationNotUnderstood)
	person = _owner(checked_email(email), applicant.name)
	if person:
		person = _as_typed(person, applicant, keep=("organisation", "country"))
		person = person.as_role(policy.role_for(person.participant_type))
	else:
		person = people.guest(
			applicant.name,
			email,
			name_local=applicant.name_local or None,
			organisation=applicant.organisation,
			country=applicant.country,
			position=applicant.position,
			language=applicant.language,
		)
	booked = seats.request(ACTIVITY, activity, person, remarks=applicant.remarks or None)
	if booked.already:
		_correct(booked.name, person, applicant)
	return booked


def person_of(answer: answers.Answer, role: str | None = None) -> Person:
	"""Who comes, of an invitee who has said yes, for the organiser who registers them."""
	return _invitee(answer, role or "")


def checked(applicant: Applicant) -> Applicant:
	"""The same, tidied. Raises RegistrationNotUnderstood."""
	texts = {
		field: tidy(inert(cstr(getattr(applicant, field)).replace("\0", "")))
		for field in ("name", "name_local", "organisation", "country", "position")
	}
	if not texts["name"]:
		frappe.throw(_("Please give your name."), RegistrationNotUnderstood)
	if any(len(text) > LONGEST for text in texts.values()):
		frappe.throw(_("Please use at most {0} characters.").format(LONGEST), RegistrationNotUnderstood)
	if any("://" in text or "www." in text.lower() for text in texts.values()):
		frappe.throw(_("Please leave out web addresses."), RegistrationNotUnderstood)
	if texts["country"] and not frappe.db.exists("Country", texts["country"]):
		frappe.throw(_("Please choose your country or region."), RegistrationNotUnderstood)
	remarks = inert(cstr(applicant.remarks).replace("\0", "").replace("\r\n", "\n").strip())
	if len(remarks) > LONGEST_REMARKS:
		frappe.throw(
			_("Please use at most {0} characters.").format(LONGEST_REMARKS), RegistrationNotUnderstood
		)
	language = applicant.language if applicant.language in ("en", "zh") else ""
	return Applicant(**texts, remarks=remarks, language=language)


def checked_email(email: str | None) -> str:
	"""One e-mail address. Raises RegistrationNotUnderstood."""
	email = cstr(email).strip()
	if (
		len(email) > LONGEST
		or any(mark in email for mark in ",;<>\r\n\t ")
		or not validate_email_address(email)
	):
		frappe.throw(_("Please give an e-mail address."), RegistrationNotUnderstood)
	return email


# Who it is


def _event(activity: str) -> Mapping | None:
	event = frappe.db.get_value(ACTIVITY, activity, "*", as_dict=True)
	return event if event and event.status in (*SHOWN, CANCELLED) else None


def _asked(invitation: str, lock: bool = False) -> tuple[answers.Answer, answers.Asked, Mapping] | None:
	found = answers.answer_of(invitation, lock=lock)
	if not found or found[1].doctype != ACTIVITY:
		return None
	event = _event(found[1].document)
	return (*found, event) if event else None


def _invitee(answer: answers.Answer, role: str) -> Person:
	"""The person whom an invitation names; a house that names nobody comes under its own name."""
	if answer.contact and frappe.db.exists("Contact", answer.contact):
		person = people.of_contact(answer.contact, member=answer.member)
	else:
		person = people.guest(answer.person or answer.name, answer.email)
	if answer.member and not person.member:
		person = _for_member(person, answer.member)
	organisation = person.organisation or (None if answer.person == answer.name else answer.name)
	person = replace(
		person,
		email=answer.email or person.email,
		name=answer.person or person.name,
		organisation=organisation,
		country=person.country or answer.country or None,
		language=answer.language or person.language,
	)
	return person.as_role(policy.role_for(person.participant_type, role))


def _for_member(person: Person, name: str) -> Person:
	"""The person as one who comes for a member, as which it was invited."""
	member = frappe.db.get_value(
		"IMTA Member", name, ["member_name", "status", "tier", "country", "member_type"], as_dict=True
	)
	if not member or not enjoys_benefits(member.status):
		return person
	return replace(
		person,
		participant_type=people.MEMBER,
		member=name,
		tier=member.tier,
		country=member.country or person.country,
		organisation=person.organisation if member.member_type == "Individual" else member.member_name,
	)


def _own_name(answer: answers.Answer, person: Person) -> str:
	"""The name of the person, as far as it is known: that of a house is not."""
	name = answer.person or person.name
	return "" if name in (person.organisation, answer.name) and not answer.person else name


def _owner(email: str, name: str | None = None) -> Person | None:
	"""Whom an address belongs to, of those whom we know; of several the one of this name."""
	rows = frappe.get_all("Contact", {"email_id": email}, ["name", "full_name"], order_by="creation, name")
	if len(rows) > 1 or (rows and name):
		rows = [row for row in rows if name and policy.same_person(row.full_name or "", name)]
	if not rows:
		return None
	person = people.of_contact(rows[0].name)
	# A colleague of the secretariat registers in the desk: a link in a mail is no log-in.
	return None if person.participant_type == people.STAFF else person


def _as_typed(person: Person, applicant: Applicant, keep: tuple[str, ...]) -> Person:
	typed = {
		field: getattr(applicant, field)
		for field in ("name", "name_local", "organisation", "country", "position", "language")
		if getattr(applicant, field) and not (field in keep and getattr(person, field))
	}
	return replace(person, **typed)


def _booking(activity: str, person: Person) -> Booked | None:
	row = frappe.db.get_value(
		DELEGATE,
		{"live_key": record.live_key(activity, person.contact, person.email_folded)},
		["name", "status"],
		as_dict=True,
	)
	return Booked(row.name, row.status, already=True) if row else None


def _correct(delegate: str, person: Person, applicant: Applicant) -> None:
	"""Put the better spelling into a registration; who it is stays."""
	doc = frappe.get_doc(DELEGATE, delegate)
	was_house = doc.participant_name == doc.organisation
	if not was_house and not policy.same_person(doc.participant_name, person.name):
		frappe.throw(
			_("{0} is registered with this address already.").format(doc.participant_name),
			RegistrationNotUnderstood,
		)
	values = {
		"participant_name": person.name,
		"participant_name_local": applicant.name_local,
		"position": applicant.position,
		"remarks": applicant.remarks,
	}
	changed = {field: value for field, value in values.items() if value and value != doc.get(field)}
	if changed:
		doc.update(changed)
		# The signed link is the right to do so; a guest has no other.
		doc.flags.ignore_permissions = True
		doc.save()
