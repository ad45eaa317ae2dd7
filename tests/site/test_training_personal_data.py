"""Erasing a person from training and activities: nothing says who it was, the numbers stay."""

from __future__ import annotations

import os

import frappe
import pytest
from frappe.utils import nowdate

from imta_crm.seating import seats
from imta_crm.training import personal_data
from tests.site.factories import as_user, make_member, make_user
from tests.site.seating_factories import (
	DELEGATE,
	booking,
	enroll,
	make_activity,
	make_guest,
	make_person,
	make_session,
	statuses,
)
from tests.site.test_attendance import make_import, online, person_of, report_of

EMAIL = "anna.berg@erased.example"
ENROLLMENT = "Training Enrollment"


def certify(name: str, person) -> str:
	certificate = frappe.new_doc("Training Certificate")
	certificate.update(
		{
			"name": frappe.generate_hash(length=10),
			"holder_name": person.name,
			"contact": person.contact,
			"program": frappe.db.get_value(ENROLLMENT, name, "program"),
			"enrollment": name,
			"completed_on": nowdate(),
			"token": frappe.generate_hash(length=32),
			"status": "Valid",
		}
	)
	certificate.db_insert()
	return certificate.name


def everything(*documents: tuple[str, str]) -> str:
	return str([frappe.db.get_value(*document, "*", as_dict=True) for document in documents]).lower()


@pytest.fixture
def anna(site):
	"""Somebody with a past session, a coming one, an activity, a certificate and letters."""
	person = make_person("Anna Berg", member=make_member(), email=EMAIL)
	past, coming, forum = make_session(), make_session(capacity=1, hours=1), make_activity(hours=1)
	frappe.db.set_value(
		"Training Session", coming.name, {"starts_at_site": "2199-01-01", "ends_at_site": "2199-01-02"}
	)
	frappe.db.set_value(
		"Alliance Activity", forum.name, {"starts_at_site": "2198-01-01", "ends_at_site": "2198-01-02"}
	)
	attended = enroll(past, person, remarks="No nuts for Anna").name
	frappe.db.set_value(ENROLLMENT, attended, {"status": "Completed", "hours": 3})
	return frappe._dict(
		person=person,
		coming=coming,
		attended=attended,
		booked=enroll(coming, person).name,
		delegate=enroll(forum, person).name,
		certificate=certify(attended, person),
	)


def assert_forgotten(anna) -> None:
	text = everything(
		(ENROLLMENT, anna.attended),
		(ENROLLMENT, anna.booked),
		(DELEGATE, anna.delegate),
		("Training Certificate", anna.certificate),
	)
	for said in ("anna", "berg", "erased.example", "nuts", anna.person.contact.lower()):
		assert said not in text, said
	assert booking(anna.attended).status == "Completed"
	assert booking(anna.attended).hours == 3
	for row in frappe.get_all("Seat Notice", {"booking": ("in", [anna.attended, anna.booked])}, ["*"]):
		assert not row.email and row.status in ("Skipped", "Sent")


def test_who_runs_training_erases_a_person_everywhere(anna):
	waiting = make_guest()
	enroll(anna.coming, waiting)
	token = frappe.db.get_value("Training Certificate", anna.certificate, "token")
	with as_user(make_user("Training Coordinator")):
		personal_data.forget(ENROLLMENT, anna.attended)
	assert_forgotten(anna)
	# The seat in what is to come is somebody else's.
	assert statuses(anna.coming) == ["Cancelled", "Offered"]
	assert frappe.db.get_value("Training Certificate", anna.certificate, "token") != token
	personal_data.erase([EMAIL])
	assert booking(enroll(anna.coming, waiting).name).email == waiting.email


@pytest.mark.parametrize("role", ["Liaison Officer", "Treasurer", "Alliance Leadership", "Alliance Member"])
def test_others_erase_nobody(anna, role):
	with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
		personal_data.forget(ENROLLMENT, anna.attended)


def test_frappes_own_tool_erases_them_too(anna):
	request = frappe.new_doc("Personal Data Deletion Request")
	request.update({"email": EMAIL, "status": "Pending Approval"})
	user = frappe.new_doc("User")
	user.update({"email": EMAIL, "first_name": "Anna", "last_name": "Berg", "send_welcome_email": 0})
	user.insert(ignore_permissions=True)
	request.db_insert()
	request.reload()
	request._anonymize_data()
	assert_forgotten(anna)


def test_guests_who_have_no_account_are_forgotten_by_their_address(site):
	guest = make_guest("Ben Lund", organisation="Lund AB", email="ben@lund.example")
	session = make_session()
	name = enroll(session, guest).name
	personal_data.erase(["BEN@lund.example"])
	text = everything((ENROLLMENT, name))
	assert "lund" not in text and "ben" not in text
	# The same person may come again.
	assert seats.request(session.doctype, session.name, guest).name != name


def test_reports_of_meetings_name_nobody_who_is_forgotten(site):
	session, (one, two) = online()
	gone, kept = person_of(one), person_of(two)
	stays = [(*gone, 0, 120), (*kept, 0, 120), (gone[0], "own@phone.example", 0, 10)]
	doc = make_import(session, report_of(*stays, at=session.starts_at))
	doc.record()
	path = frappe.get_doc("File", {"file_url": doc.report_file}).get_full_path()
	personal_data.erase([gone[1]])
	doc.reload()
	said = frappe.as_json(doc.as_dict())
	assert gone[0] not in said and gone[1] not in said
	assert kept[0] in said
	assert not doc.report_file and not os.path.exists(path)
	assert not frappe.db.exists("File", {"attached_to_name": doc.name})
	assert not frappe.db.exists("Version", {"ref_doctype": doc.doctype, "docname": doc.name})
	# The hours stay, and the recording may be repeated.
	doc.record()
	assert frappe.db.get_value(ENROLLMENT, two, "status") == "Completed"
	assert frappe.db.get_value(ENROLLMENT, one, "attended_minutes") == 120


def test_an_import_needs_its_report(site):
	session, _names = online(1)
	doc = frappe.new_doc("Attendance Import")
	doc.session = session.name
	with pytest.raises(frappe.MandatoryError):
		doc.insert()
