"""Materials: files are private, belong to their document, and go to those whom the session has them for."""

from __future__ import annotations

import frappe
import pytest
from frappe.utils import now_datetime

from imta_crm.seating import materials
from tests.site.factories import as_user, make_contact, make_user
from tests.site.seating_factories import enroll, make_guest, make_person, make_program, make_session

SESSION = "Training Session"


def make_file(content: str, *, is_private: int = 1, owner: str | None = None):
	file = frappe.new_doc("File")
	file.update(
		{"file_name": f"{frappe.generate_hash(length=8)}.txt", "content": content, "is_private": is_private}
	)
	file.insert(ignore_permissions=True)
	if owner:
		file.db_set("owner", owner)
	return file


def material(title: str, available: str = "To Participants", file=None, **fields) -> dict:
	return {"title": title, "available": available, "attachment": file and file.file_url, **fields}


def titles(session, status: str | None = None, **how) -> list[str]:
	return [each.title for each in materials.of_event(SESSION, session.name, status=status, **how)]


@pytest.fixture
def session(site):
	program = make_program(materials=[material("Handbook", file=make_file("handbook"))])
	return make_session(
		program.name,
		materials=[
			material("Agenda", "To Everybody", link="https://imta.example/agenda"),
			material("Slides", file=make_file("slides")),
			material("Solutions", "After the End", file=make_file("solutions")),
		],
	)


def test_who_sees_what_when(session):
	after = session.ends_at
	assert titles(session) == ["Agenda"]
	for status in ("Requested", "Waitlisted", "Offered", "No-show", "Cancelled"):
		assert titles(session, status) == ["Agenda"]
	for status in ("Confirmed", "Attended", "Completed"):
		assert titles(session, status) == ["Agenda", "Slides", "Handbook"]
		assert titles(session, status, now=after) == ["Agenda", "Slides", "Solutions", "Handbook"]
	frappe.db.set_value(SESSION, session.name, "status", "Draft")
	assert titles(session, "Confirmed") == []


def download(session, title: str) -> str:
	row = next(
		each.name
		for each in frappe.get_all(
			"Event Material", {"parent": ("in", (session.name, session.program))}, ["name", "title"]
		)
		if each.title == title
	)
	materials.download(SESSION, session.name, row)
	content = frappe.local.response.pop("filecontent")
	for key in ("filename", "type", "display_content_as"):
		frappe.local.response.pop(key)
	return content if isinstance(content, str) else content.decode()


def test_a_participant_gets_what_is_for_participants(session):
	user = make_user("Alliance Member")
	contact = make_contact(email=user)
	frappe.db.set_value("Contact", contact.name, "user", user)
	with as_user(user):
		with pytest.raises(frappe.PermissionError):
			download(session, "Slides")
	from imta_crm.seating import people

	enroll(session, people.of_contact(contact.name))
	with as_user(user):
		assert (download(session, "Slides"), download(session, "Handbook")) == ("slides", "handbook")
		with pytest.raises(frappe.PermissionError):
			download(session, "Solutions")
	frappe.db.set_value(SESSION, session.name, {"starts_at": "2020-01-01", "ends_at": "2020-01-02"})
	with as_user(user):
		assert download(session, "Solutions") == "solutions"


def test_the_file_itself_is_for_the_secretariat(session):
	url = session.materials[1].attachment
	assert url.startswith("/private/files/")
	file = frappe.get_doc("File", {"file_url": url, "attached_to_name": session.name})
	for role, may in (("Training Coordinator", True), ("Treasurer", True), ("Alliance Member", False)):
		with as_user(make_user(role)):
			assert bool(file.has_permission("read")) is may
	with as_user(make_user("Liaison Officer")):
		assert download(session, "Solutions") == "solutions"
	with as_user("Guest"), pytest.raises(frappe.PermissionError):
		download(session, "Slides")


def test_a_public_file_becomes_private(site):
	file = make_file("open secret", is_private=0)
	session = make_session(materials=[material("Slides", file=file)])
	session.reload()
	assert session.materials[0].attachment.startswith("/private/files/")
	assert (
		materials.file_of(
			SESSION, session.name, session.materials[0].name, status="Confirmed", now=now_datetime()
		).get_content()
		== "open secret"
	)


def test_nobody_attaches_what_they_may_not_read(site):
	secret = make_file("salaries")
	with as_user(make_user("Training Coordinator")), pytest.raises(frappe.PermissionError):
		make_session(materials=[material("Slides", file=secret)])


def test_a_copy_has_its_own_record_of_the_file(session):
	copy = frappe.copy_doc(session, ignore_no_copy=False)  # as the desk duplicates
	copy.insert()
	assert frappe.db.exists(
		"File", {"file_url": copy.materials[1].attachment, "attached_to_name": copy.name, "is_private": 1}
	)
	# The first may go without taking the file of the second.
	frappe.db.set_value(SESSION, session.name, "status", "Draft")
	frappe.delete_doc(SESSION, session.name)
	assert (
		materials.file_of(SESSION, copy.name, copy.materials[1].name, status="Confirmed") is None
	)  # a draft shows nothing
	frappe.db.set_value(SESSION, copy.name, "status", "Open")
	file = materials.file_of(SESSION, copy.name, copy.materials[1].name, status="Confirmed")
	assert file.get_content() == "slides"


def test_a_guest_who_has_no_seat_gets_nothing(session):
	enroll(session, make_guest())
	enroll(session, make_person())
	with as_user(make_user("Alliance Member")), pytest.raises(frappe.PermissionError):
		download(session, "Slides")
