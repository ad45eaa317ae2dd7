"""What a coordinator does with a session: announces it, enrols people and groups, follows up who said yes."""

from __future__ import annotations

import frappe
from frappe import _
from frappe.utils import get_datetime, getdate

from imta_crm.invitations import activities
from imta_crm.invitations.activities import Answer, Occasion
from imta_crm.membership.permissions import check_member
from imta_crm.seating import actions, people, seats, windows
from imta_crm.seating.people import Person
from imta_crm.training.permissions import ENROLLMENT, SESSION, check_may_enrol, check_organises

# Enrolling


@frappe.whitelist(methods=["POST"])
def enrol(session: str, chosen: list | str, remarks: str | None = None) -> list[dict]:
	"""Enrol people whom the form has found; each has an outcome of its own, in the order given.

	For who runs training; a liaison officer may enrol the people of the own portfolio.
	"""
	found = actions.people_of(chosen)
	check_may_enrol(session, [person.member for person in found])
	actions.check_contacts(found)
	return actions.tell(
		seats.request_many(
			SESSION,
			session,
			found,
			by_staff=True,
			enrolled_by=frappe.session.user,
			remarks=(remarks or "").strip() or None,
		)
	)


@frappe.whitelist()
def affiliates(session: str, member: str) -> list[dict]:
	"""The people of a member who may be enrolled on the day of the session, and what they are there already."""
	doc = check_may_enrol(session, [member])
	check_member(member)
	live = dict(
		frappe.get_all(
			ENROLLMENT,
			{"session": session, "member": member, "live_key": ("is", "set")},
			["contact", "status"],
			as_list=True,
			limit=0,
		)
	)
	return [
		{
			"contact": person.contact,
			"name": person.name,
			"position": person.position or "",
			"email": person.email,
			"status": live.get(person.contact) or "",
		}
		for person in people.colleagues(member, getdate(doc.starts_at_site))
	]


@frappe.whitelist(methods=["POST"])
def enrol_group(session: str, member: str, contacts: list | str, remarks: str | None = None) -> list[dict]:
	"""Enrol several people of one organisation together; each has an outcome of its own.

	Whoever does not belong to it on the day of the session is left out.
	"""
	doc = check_may_enrol(session, [member])
	check_member(member)
	wanted = frappe.parse_json(contacts) if isinstance(contacts, str) else contacts
	order = {contact: number for number, contact in enumerate(wanted or [])}
	actions.check_at_once(order)
	group = sorted(
		(each for each in people.colleagues(member, getdate(doc.starts_at_site)) if each.contact in order),
		key=lambda each: order[each.contact],
	)
	if not group:
		frappe.throw(_("Choose who is to be enrolled."), frappe.MandatoryError)
	return actions.tell(
		seats.request_many(
			SESSION,
			session,
			group,
			by_staff=True,
			enrolled_by=frappe.session.user,
			group_key=frappe.generate_hash(length=12) if len(group) > 1 else None,
			remarks=(remarks or "").strip() or None,
		)
	)


# Announcing


@frappe.whitelist(methods=["POST"])
def announce(session: str) -> str:
	"""A draft of the Invitation Campaign that announces a session; the one that is there already.

	:raises frappe.PermissionError: the user plans no campaigns for activities
	"""
	doc = check_organises(session)
	if doc.status not in (windows.DRAFT, windows.OPEN):
		frappe.throw(_("{0} takes no enrolments any more.").format(doc.title))
	place = doc.venue or ""
	if doc.country:
		place = ", ".join(filter(None, (place, doc.country)))
	return activities.make_campaign(
		Occasion(
			doctype=SESSION,
			document=doc.name,
			name=doc.title,
			name_zh=doc.title_zh or "",
			begins_at=doc.starts_at,
			ends_at=doc.ends_at,
			time_zone=doc.time_zone,
			place=place or _(doc.delivery, context=SESSION),
			answer_until=getdate(windows.closes_at(doc)),
		)
	)


@frappe.whitelist()
def answers(session: str) -> dict:
	"""Who was asked by campaigns: the numbers, and those who said yes with what became of them."""
	check_organises(session)
	given = activities.answers(SESSION, session)
	tally = activities.tally(given)
	live = _live(session)
	return {
		"asked": tally.asked,
		"yes": tally.yes,
		"no": tally.no,
		"open": tally.open,
		"campaigns": [
			{"name": each.campaign, "title": each.campaign_name, "state": each.state}
			for each in activities.campaigns_for(SESSION, session)
		],
		"people": [
			{
				"invitation": answer.invitation,
				"name": answer.person or answer.name,
				"organisation": answer.name if answer.person != answer.name else "",
				"status": _status(live, person_of(answer)),
			}
			for answer in given
			if answer.answer == activities.YES
		],
	}


@frappe.whitelist(methods=["POST"])
def enrol_answers(session: str, invitations: list | str) -> list[dict]:
	"""Enrol those of these invitees who said yes, the one who answered first before the others."""
	check_organises(session)
	wanted = set(frappe.parse_json(invitations) if isinstance(invitations, str) else invitations or [])
	actions.check_at_once(wanted)
	said_yes = sorted(
		(
			answer
			for answer in activities.answers(SESSION, session)
			if answer.answer == activities.YES and answer.invitation in wanted
		),
		key=lambda answer: (answer.replied_at is None, answer.replied_at or 0, answer.invitation),
	)
	return actions.tell(
		seats.request_many(
			SESSION,
			session,
			[person_of(answer) for answer in said_yes],
			by_staff=True,
			enrolled_by=frappe.session.user,
		)
	)


def person_of(answer: Answer) -> Person:
	"""Who an invitee is: by the Contact, else the member's contact person, else as the invitation says."""
	contact = answer.contact or (
		answer.member and frappe.db.get_value("IMTA Member", answer.member, "primary_contact")
	)
	if contact and frappe.db.exists("Contact", contact):
		return people.of_contact(contact, member=answer.member)
	return people.guest(
		answer.person or answer.name,
		answer.email,
		organisation=answer.name if answer.person != answer.name else None,
		country=answer.country or None,
		language=answer.language or None,
	)


def _live(session: str) -> dict[str, str]:
	"""Status of live enrolments by Contact, and by address of who has none."""
	rows = frappe.get_all(
		ENROLLMENT,
		{"session": session, "live_key": ("is", "set")},
		["contact", "email_folded", "status"],
		limit=0,
	)
	return {row.contact or row.email_folded: row.status for row in rows}


def _status(live: dict[str, str], person: Person) -> str:
	return live.get(person.contact or person.email_folded, "")


# The calendar of the desk


@frappe.whitelist()
def get_events(start: str, end: str, filters: str | list | None = None) -> list[dict]:
	"""Sessions of Frappe's calendar, by the site's clock, with where they are held."""
	frappe.has_permission(SESSION, "read", throw=True)
	conditions = list((frappe.parse_json(filters) if isinstance(filters, str) else filters) or [])
	conditions += [
		[SESSION, "starts_at_site", "<=", get_datetime(end)],
		[SESSION, "ends_at_site", ">=", get_datetime(start)],
	]
	rows = frappe.get_list(
		SESSION,
		conditions,
		["name", "title", "status", "starts_at_site", "ends_at_site", "venue", "delivery"],
		limit=500,
	)
	for row in rows:
		row.title = f"{row.title} · {row.venue or _(row.delivery, context=SESSION)}"
		row.all_day = 0
	return rows
