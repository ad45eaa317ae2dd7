"""Training and activities of the demo: what was held, with certificates and feedback, and what is to come.

Everybody gets the seat through the engine, as from the portal or the desk. What lies in the past is booked while
it is still to come and then moved back, because nobody enrols in what is over; its letters count as sent. Of
what is to come, the letters are left to the scheduler.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import frappe
from frappe.model.document import Document
from frappe.utils import add_days, flt, get_datetime, getdate

from imta_crm.demo import people
from imta_crm.demo.common import acting_as, data, loaded_on
from imta_crm.demo.invitations import dated
from imta_crm.erp import masters, payments
from imta_crm.policy import seating
from imta_crm.seating import billing, kinds, record, seats
from imta_crm.seating import event as events
from imta_crm.seating import people as persons
from imta_crm.seating.kinds import Kind
from imta_crm.seating.people import Person
from imta_crm.training import completion, feedback

PROGRAM = "Member Training Program"
#: So long before an event people ask for their seats.
AHEAD = timedelta(days=21)
#: Where the past is booked: far from everything else that people have seats in.
FAR = timedelta(days=400)
MINUTES = 60
CERTIFICATE = "Training Certificate"


# The steps of the loading


def make_programs() -> None:
	"""What can be learned, with titles and objectives in both languages."""
	names: dict[str, str] = {}
	for plan in data("training")["programs"]:
		found = frappe.db.get_value(PROGRAM, {"program_code": plan["program_code"]})
		if not found:
			with acting_as(coordinator()):
				program = frappe.new_doc(PROGRAM)
				program.update({field: value for field, value in plan.items() if field != "prerequisites"})
				for code in plan.get("prerequisites", ()):
					program.append("prerequisites", {"program": names[code], "certificate_required": 1})
				found = program.insert().name
		names[plan["program_code"]] = found


def hold_trainings() -> None:
	"""Sessions of the past, from the enrolments to the certificates, and those to come."""
	members = participants()
	for plan in data("training")["sessions"]:
		session = find(kinds.TRAINING, plan) or make_session(plan)
		enrol(kinds.TRAINING, session, plan, members)
		if plan["days"] < 0:
			hold(kinds.TRAINING, session, plan)
			complete(session, plan)
		if plan.get("invoiced"):
			invoice(session, plan)
		frappe.db.commit()  # each session by itself


def hold_activities() -> None:
	"""A theme day that is over, and the conference of the alliance to come."""
	members = participants()
	for plan in data("training")["activities"]:
		activity = find(kinds.ACTIVITY, plan) or make_activity(plan)
		enrol(kinds.ACTIVITY, activity, plan, members)
		if plan["days"] < 0:
			hold(kinds.ACTIVITY, activity, plan)
		frappe.db.commit()  # each activity by itself


# Who


def coordinator() -> str:
	return people.user_of("Training Coordinator")


def participants() -> list[Person]:
	"""People of member organisations and individual members with an address, always in the same order."""
	today = loaded_on()
	contacts = frappe.get_all(
		"Member Affiliate", {"to_date": ("is", "not set")}, pluck="contact", order_by="member, name"
	) + frappe.get_all(
		"IMTA Member",
		{"member_type": "Individual", "primary_contact": ("is", "set"), "application": ("is", "not set")},
		pluck="primary_contact",
		order_by="name",
	)
	found = persons.of_contacts(dict.fromkeys(contacts), on=today)
	return [
		person
		for person in found.values()
		if person.email_folded and person.participant_type == persons.MEMBER
	]


def chosen(kind: Kind, plan: dict, members: list[Person]) -> list[Person]:
	"""The people of the plan; who does not exist is left out."""
	guests = [persons.guest(**guest) for guest in data("training")["guests"]]
	found = [members[place] for place in plan.get("people", ()) if place < len(members)]
	found += [
		members[place].as_role(role) for role, place in plan.get("delegates", ()) if place < len(members)
	]
	found += [persons.of_user(people.user_of(role)) for role in plan.get("staff", ())]
	found += [replace(guests[place], delegate_role="Guest") for place in plan.get("guests", ())]
	return found


# What


def find(kind: Kind, plan: dict) -> str | None:
	return frappe.db.get_value(kind.event, {"title": plan["title"]})


def begins(plan: dict) -> datetime:
	"""By the clock of the place."""
	return datetime.combine(add_days(loaded_on(), plan["days"]), time.fromisoformat(plan["at"]))


def make_session(plan: dict) -> str:
	program = frappe.db.get_value(
		PROGRAM, {"program_code": plan["program"]}, ["name", "language", "pd_hours"], as_dict=True
	)
	more = {"program": program.name, "language": program.language, "pd_hours": program.pd_hours}
	return make(kinds.TRAINING, plan, more).name


def make_activity(plan: dict) -> str:
	programme = [
		{
			"starts_at": moment_of(plan, day, first),
			"ends_at": moment_of(plan, day, last),
			"title": title,
			"title_zh": title_zh,
			"room": room,
		}
		for day, first, last, title, title_zh, room in plan.get("programme", ())
	]
	return make(kinds.ACTIVITY, plan, {"programme": programme, "language": "en"}).name


def moment_of(plan: dict, day: int, clock: str) -> datetime:
	return datetime.combine(begins(plan).date() + timedelta(days=day), time.fromisoformat(clock))


#: What of a plan is about people, or in other words than the document's.
NOT_FIELDS = frozenset(
	"program programme days at hours people guests staff delegates absent answers minutes gives_up invoiced"
	" paid".split()
)


def make(kind: Kind, plan: dict, more: dict[str, Any]) -> Document:
	"""The event as the coordinator announces it; one of the past is announced as one far ahead."""
	first = begins(plan) + (FAR if plan["days"] < 0 else timedelta())
	with acting_as(coordinator()):
		event = frappe.new_doc(kind.event)
		event.update(
			{
				**{field: value for field, value in plan.items() if field not in NOT_FIELDS},
				**more,
				"status": "Open",
				"coordinator": coordinator(),
				"starts_at": first,
				"ends_at": first + timedelta(hours=plan["hours"]),
			}
		)
		return event.insert()


def enrol(kind: Kind, event: str, plan: dict, members: list[Person]) -> None:
	"""Seats for the people of the plan, unless anybody has one already; some give theirs back."""
	if frappe.db.exists(kind.booking, {kind.field: event}):
		return
	with acting_as(coordinator()):
		seats.request_many(kind.event, event, chosen(kind, plan, members), by_staff=True)
		for name in at_places(kind, event, plan.get("gives_up", ())):
			seats.cancel(kind.booking, name, reason="On leave on that day.", by=coordinator(), by_staff=True)


def at_places(kind: Kind, event: str, places: list[int]) -> list[str]:
	"""Bookings by their place in the order of arrival."""
	names = frappe.get_all(kind.booking, {kind.field: event}, pluck="name", order_by="queue_no")
	return [names[place] for place in places if place < len(names)]


# What is over


def hold(kind: Kind, event: str, plan: dict) -> None:
	"""Move what was booked into the past, check in who came, note that it was held."""
	if frappe.db.get_value(kind.event, event, "status") == "Held":
		return
	move(kind, event)
	at = get_datetime(frappe.db.get_value(kind.event, event, "starts_at_site"))
	absent = at_places(kind, event, plan.get("absent", ()))
	minutes = dict(
		zip(
			at_places(kind, event, map(int, plan.get("minutes", {}))),
			plan.get("minutes", {}).values(),
			strict=True,
		)
	)
	online = plan.get("delivery") == "Online"
	confirmed = frappe.get_all(
		kind.booking, {kind.field: event, "status": seating.CONFIRMED}, pluck="name", order_by="queue_no"
	)
	for place, name in enumerate(confirmed):
		if name in absent:
			seats.mark(kind.booking, name, seating.NO_SHOW, via=None)
			continue
		came = at - timedelta(minutes=14 - place % 12)
		length = minutes.get(name, plan["hours"] * MINUTES) if online else None
		via = "Meeting Report" if online else "QR Code" if place % 3 else "List"
		seats.mark(kind.booking, name, seating.ATTENDED, via=via, at=came, by=coordinator(), minutes=length)
	events.hold(kind.event, event)
	letters_have_left(event, at)


def move(kind: Kind, event: str) -> None:
	"""From where it was booked to the day on which it took place."""
	row = frappe.db.get_value(
		kind.event, event, ["starts_at", "ends_at", "starts_at_site", "ends_at_site"], as_dict=True
	)
	if get_datetime(row.starts_at_site).date() <= loaded_on():
		return
	times = {field: get_datetime(value) - FAR for field, value in row.items()}
	frappe.db.set_value(kind.event, event, {**times, "creation": times["starts_at_site"] - 2 * AHEAD})
	asked = times["starts_at_site"] - AHEAD
	site_times = {field: times[field] for field in ("starts_at_site", "ends_at_site")}
	for place, name in enumerate(
		frappe.get_all(kind.booking, {kind.field: event}, pluck="name", order_by="queue_no")
	):
		moment = asked + timedelta(hours=5 * place)
		frappe.db.set_value(
			kind.booking,
			name,
			{"requested_at": moment, "confirmed_at": moment, "creation": moment, **site_times},
			update_modified=False,
		)
	frappe.clear_document_cache(kind.event, event)


def letters_have_left(event: str, at: datetime) -> None:
	"""Letters of the past count as sent, and do not leave any more."""
	frappe.db.set_value(
		"Seat Notice",
		{"event": event, "status": ("in", ("Pending", "Queued"))},
		{"status": "Sent", "sent_at": at, "due_at": at},
	)


def complete(session: str, plan: dict) -> None:
	"""Feedback, hours and certificates of those who were there, as of the day after."""
	if frappe.db.exists(feedback.FEEDBACK, {"session": session}) or not at_places(
		kinds.TRAINING, session, [0]
	):
		return
	after = get_datetime(frappe.db.get_value("Training Session", session, "ends_at_site")) + timedelta(
		hours=20
	)
	there = frappe.get_all(
		kinds.TRAINING.booking,
		{"session": session, "status": ("in", (seating.ATTENDED, seating.COMPLETED))},
		pluck="name",
		order_by="queue_no",
	)
	for name in there:
		with dated(kinds.TRAINING.booking, name, after):
			completion.settle(name)
			record.update(kinds.TRAINING.booking, name, {"completed_at": after})
	for certificate in frappe.get_all(CERTIFICATE, {"session": session}, pluck="name"):
		frappe.db.set_value(
			CERTIFICATE, certificate, {"issued_on": after.date(), "creation": after}, update_modified=False
		)
	for place, (name, (overall, recommend, liked, improve)) in enumerate(
		zip(there, plan["answers"], strict=False)
	):
		marks = {
			"overall": overall,
			"content": max(overall - place % 2, 1),
			"trainer": 5 - place % 2,
			"organisation": overall,
			"recommend": recommend,
		}
		answer = feedback.submit(
			name, marks, liked, improve, "zh" if not (liked + improve).isascii() else "en"
		)
		frappe.db.set_value(
			feedback.FEEDBACK,
			answer,
			{"submitted_at": after + timedelta(hours=3 * place), "creation": after},
			update_modified=False,
		)
	letters_have_left(session, after)


# Fees


def invoice(session: str, plan: dict) -> None:
	"""Fees of the session become invoices, and some are paid."""
	billing.settle_event("Training Session", session, invoice=True)
	names = frappe.get_all(
		kinds.TRAINING.booking,
		{"session": session, "sales_invoice": ("is", "set")},
		pluck="sales_invoice",
		order_by="queue_no",
	)
	for name in list(dict.fromkeys(names))[: plan["paid"]]:
		reference = f"DEMO-{name}-1"
		if frappe.db.exists("Payment Entry", {"reference_no": reference, "docstatus": 1}):
			continue
		row = frappe.db.get_value("Sales Invoice", name, ["company", "currency", "grand_total"], as_dict=True)
		payments.receive(
			name,
			amount=flt(row.grand_total, 2),
			on=getdate(),
			account=masters.ensure_bank_account(row.company, row.currency),
			reference_no=reference,
		)
