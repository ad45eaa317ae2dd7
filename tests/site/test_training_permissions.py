"""Who sees and does what with training: every role, in lists, reports and single documents alike."""

from __future__ import annotations

import frappe
import pytest
from frappe.utils import nowdate

from tests.site.factories import as_user, make_member, make_user
from tests.site.seating_factories import (
	booking,
	enroll,
	make_activity,
	make_guest,
	make_person,
	make_program,
	make_session,
)

SESSION, ENROLLMENT, CERTIFICATE = "Training Session", "Training Enrollment", "Training Certificate"
PROGRAM, FEEDBACK, NOTICE = "Member Training Program", "Session Feedback", "Seat Notice"
READERS = [
	"Training Coordinator",
	"Membership Manager",
	"Liaison Officer",
	"Treasurer",
	"Alliance Leadership",
]
SEES_ALL = [role for role in READERS if role != "Liaison Officer"]
CHILD_TABLES = ["Seat Reservation", "Seat Limit", "Seat Fee", "Event Material", "Event Trainer"]


def certify(name: str) -> str:
	seat = booking(name)
	certificate = frappe.new_doc(CERTIFICATE)
	certificate.update(
		{
			"name": frappe.generate_hash(length=10),
			"holder_name": seat.participant_name,
			"member": seat.member,
			"program": seat.program,
			"enrollment": name,
			"completed_on": nowdate(),
			"token": frappe.generate_hash(length=32),
			"status": "Valid",
		}
	)
	certificate.db_insert()
	return certificate.name


def comment(name: str) -> str:
	seat = booking(name)
	feedback = frappe.new_doc(FEEDBACK)
	feedback.update({"name": name, "enrollment": name, "session": seat.session, "overall": 4})
	feedback.db_insert()
	return feedback.name


@pytest.fixture
def world(site):
	"""An officer's own member, another one and a guest, each with a seat, a certificate and feedback."""
	officer = make_user("Liaison Officer")
	session, forum = make_session(), make_activity(hours=1)
	frappe.db.set_value(
		"Alliance Activity", forum.name, {"starts_at_site": "2198-01-01", "ends_at_site": "2198-01-02"}
	)
	people = {
		"own": make_person(member=make_member(officer=officer)),
		"other": make_person(member=make_member()),
		"guest": make_guest(),
	}
	seats = {who: enroll(session, person).name for who, person in people.items()}
	return frappe._dict(
		officer=officer,
		session=session,
		seats=seats,
		delegates={who: enroll(forum, person).name for who, person in people.items()},
		certificates={who: certify(name) for who, name in seats.items()},
		feedback={who: comment(name) for who, name in seats.items()},
	)


def seen(doctype: str, names: dict[str, str]) -> set[str]:
	"""Whom the user sees in the list, and by opening the document: the answers must be the same."""
	listed = set(frappe.get_list(doctype, {"name": ("in", list(names.values()))}, pluck="name"))
	opened = {name for name in names.values() if frappe.get_doc(doctype, name).has_permission("read")}
	assert listed == opened
	return {who for who, name in names.items() if name in listed}


@pytest.mark.parametrize("role", SEES_ALL)
def test_the_secretariat_sees_every_seat(world, role):
	with as_user(make_user(role)):
		assert seen(ENROLLMENT, world.seats) == {"own", "other", "guest"}


def test_an_officer_sees_the_own_portfolio(world):
	with as_user(world.officer):
		assert seen(ENROLLMENT, world.seats) == {"own"}
		assert seen(CERTIFICATE, world.certificates) == {"own"}
		assert frappe.get_list(SESSION, {"name": world.session.name})
		assert {
			row.booking for row in frappe.get_list(NOTICE, {"event": world.session.name}, ["booking"])
		} == {world.seats["own"]}
		notice = frappe.db.get_value(NOTICE, {"booking": world.seats["other"]})
		assert not frappe.get_doc(NOTICE, notice).has_permission("read")
		delegates = {
			row.booking
			for row in frappe.get_list(
				NOTICE, {"booking": ("in", list(world.delegates.values()))}, ["booking"]
			)
		}
		assert delegates <= {world.delegates["own"]}
		with pytest.raises(frappe.PermissionError):
			frappe.get_list(FEEDBACK)


def test_another_officer_sees_nobody(world):
	with as_user(make_user("Liaison Officer")):
		assert seen(ENROLLMENT, world.seats) == set()
		assert not frappe.get_list(NOTICE, {"event": world.session.name})


@pytest.mark.parametrize("role", ["Alliance Member", None])
def test_nobody_else_sees_anything_in_the_desk(world, role):
	with as_user(make_user(role)):
		for doctype in (PROGRAM, SESSION, ENROLLMENT, CERTIFICATE, FEEDBACK, NOTICE):
			assert not frappe.has_permission(doctype, "read")
			with pytest.raises(frappe.PermissionError):
				frappe.get_list(doctype)
		for table in CHILD_TABLES:
			with pytest.raises(frappe.PermissionError):
				frappe.get_list(table, parent_doctype=SESSION)


@pytest.mark.parametrize(
	"role,program,session,enrollment",
	[
		("Training Coordinator", "rwcd", "rwcd", "rwc"),
		("Membership Manager", "r", "r", "r"),
		("Liaison Officer", "r", "r", "rw"),
		("Treasurer", "r", "r", "r"),
		("Alliance Leadership", "r", "r", "r"),
		("Alliance Member", "", "", ""),
	],
)
def test_rights_by_role(site, role, program, session, enrollment):
	rights = {"r": "read", "w": "write", "c": "create", "d": "delete"}
	with as_user(make_user(role)):
		for doctype, wanted in ((PROGRAM, program), (SESSION, session), (ENROLLMENT, enrollment)):
			has = "".join(letter for letter, right in rights.items() if frappe.has_permission(doctype, right))
			assert has == wanted, doctype


def test_who_only_reads_changes_no_session(world):
	for role in ("Membership Manager", "Liaison Officer", "Treasurer", "Alliance Leadership"):
		with as_user(make_user(role)):
			doc = frappe.get_doc(SESSION, world.session.name)
			doc.venue = "Elsewhere"
			with pytest.raises(frappe.PermissionError):
				doc.save()
			with pytest.raises(frappe.PermissionError):
				make = frappe.new_doc(PROGRAM)
				make.update({"program_name": "Mine", "language": "en", "pd_hours": 1})
				make.insert()


def test_a_made_up_document_gives_no_rights(world):
	with as_user(world.officer):
		forged = frappe.get_doc(
			{"doctype": ENROLLMENT, "name": world.seats["other"], "__islocal": 1, "member": None}
		)
		assert not forged.has_permission("write")
		doc = booking(world.seats["own"])
		doc.remarks = "Comes late"
		doc.save()
		with pytest.raises(frappe.PermissionError):
			other = booking(world.seats["other"])
			other.remarks = "x"
			other.save()


def test_a_form_writes_nothing_that_the_engine_decides(world):
	with as_user(make_user("Training Coordinator")):
		doc = booking(world.seats["own"])
		doc.update(
			{"hours": 99, "fee": 1, "queue_no": 0, "live_key": None, "member": doc.member, "remarks": "Hi"}
		)
		doc.save()
		doc.reload()
	assert (doc.hours, doc.queue_no, doc.remarks) == (0, 1, "Hi")
	assert doc.live_key


def test_numbers_and_titles_tell_no_more_than_lists(world):
	from imta_crm.membership.permissions import get_count, get_link_title

	with as_user(world.officer):
		assert get_count(ENROLLMENT, {"session": world.session.name}) == 1
		assert get_link_title(ENROLLMENT, world.seats["other"]) == world.seats["other"]
	make_program()
