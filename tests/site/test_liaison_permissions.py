"""Officers see and edit their portfolio, managers all, leadership reads: by every way to a contact."""

from __future__ import annotations

from types import SimpleNamespace

import frappe
import pytest
from frappe.utils import nowdate

from imta_crm.liaison import contacts, people
from imta_crm.liaison.timeline import get_timeline_content
from tests.site.factories import as_user, make_contact, make_member, make_user, next_number

READERS = ("Alliance Leadership", "Treasurer", "Training Coordinator")
ROWS = ("Liaison Need", "Liaison Person", "Liaison Colleague")


@pytest.fixture
def scene(site):
	"""Two officers with one member each and a contact with each of them."""
	officer, colleague = make_user("Liaison Officer"), make_user("Liaison Officer")
	mine, theirs = make_member(officer=officer).name, make_member(officer=colleague).name
	return SimpleNamespace(
		officer=officer,
		colleague=colleague,
		mine=mine,
		theirs=theirs,
		my_contact=log(mine, summary="Mine"),
		their_contact=log(theirs, summary="Theirs"),
	)


def log(member: str, **fields) -> str:
	contact = frappe.new_doc("Liaison Contact")
	contact.update(
		{
			"member": member,
			"channel": "Visit",
			"summary": "Visited",
			"needs": [{"need": f"Need of {member}"}],
			"member_people": [{"person_name": "Somebody"}],
			**fields,
		}
	)
	return contact.insert().name


def listed(scene) -> set[str]:
	names = {scene.my_contact, scene.their_contact}
	return names & set(frappe.get_list("Liaison Contact", limit=0, pluck="name"))


def may(ptype: str, name: str) -> bool:
	return bool(frappe.has_permission("Liaison Contact", ptype, doc=frappe.get_doc("Liaison Contact", name)))


def change(name: str) -> None:
	contact = frappe.get_doc("Liaison Contact", name)
	contact.outcome_note = "Changed"
	contact.save()


def refused():
	return pytest.raises(frappe.PermissionError)


def test_officer_has_the_own_portfolio_alone(scene):
	with as_user(scene.officer):
		assert listed(scene) == {scene.my_contact}
		assert may("read", scene.my_contact) and not may("read", scene.their_contact)
		change(scene.my_contact)
		log(scene.mine)
		with refused():
			change(scene.their_contact)
		with refused():
			log(scene.theirs)
		with refused():
			frappe.delete_doc("Liaison Contact", scene.their_contact)
		frappe.delete_doc("Liaison Contact", scene.my_contact)


def test_manager_has_all(scene):
	with as_user(make_user("Membership Manager")):
		assert listed(scene) == {scene.my_contact, scene.their_contact}
		for name, member in ((scene.my_contact, scene.mine), (scene.their_contact, scene.theirs)):
			change(name)
			log(member)
			frappe.delete_doc("Liaison Contact", name)


@pytest.mark.parametrize("role", READERS)
def test_readers_read_all_and_write_none(scene, role):
	with as_user(make_user(role)):
		assert listed(scene) == {scene.my_contact, scene.their_contact}
		assert may("read", scene.my_contact)
		with refused():
			change(scene.my_contact)
		with refused():
			log(scene.mine)
		with refused():
			frappe.delete_doc("Liaison Contact", scene.my_contact)
		with refused():
			contacts.log_contact(scene.mine, "Call", "Hello", f"token-reader-{next_number()}")
		assert contacts.find_members("Test") == []
		assert get_timeline_content("IMTA Member", scene.mine)


@pytest.mark.parametrize("role", ["Alliance Member", None])
def test_outsiders_see_nothing(scene, role):
	user = make_user(role)
	with as_user(user):
		with refused():
			frappe.get_list("Liaison Contact")
		assert not may("read", scene.my_contact)
		assert get_timeline_content("IMTA Member", scene.mine) == []
		with refused():
			contacts.log_contact(scene.mine, "Call", "Hello", f"token-outsider-{next_number()}")
		assert contacts.find_members("Test") == []
		assert people.contact_query("Contact", "", "name", 0, 20, {"member": scene.mine}) == []
		with refused():
			people.colleague_query("User", "", "name", 0, 20, {})


@pytest.mark.parametrize("role", READERS)
def test_officer_who_also_reads_all_still_writes_the_own_portfolio_alone(scene, role):
	frappe.get_doc("User", scene.officer).add_roles(role)
	with as_user(scene.officer):
		assert listed(scene) == {scene.my_contact, scene.their_contact}
		change(scene.my_contact)
		with refused():
			change(scene.their_contact)
		with refused():
			log(scene.theirs)


def test_history_goes_with_the_member_to_its_new_officer(scene):
	old = log(scene.mine, contact_at="2020-01-01 10:00:00")
	member = frappe.get_doc("IMTA Member", scene.mine)
	member.officer = scene.colleague
	member.save()
	with as_user(scene.colleague):
		names = frappe.get_list("Liaison Contact", {"member": scene.mine}, pluck="name")
		assert {old, scene.my_contact} <= set(names)
		change(old)
		assert len(get_timeline_content("IMTA Member", scene.mine)) == 2
	with as_user(scene.officer):
		assert not frappe.get_list("Liaison Contact", {"member": scene.mine})
		assert get_timeline_content("IMTA Member", scene.mine) == []
		with refused():
			change(old)


def test_having_written_it_is_no_right_to_it(scene):
	with as_user(scene.officer):
		own = log(scene.mine)
	frappe.db.set_value("IMTA Member", scene.mine, "officer", scene.colleague)
	with as_user(scene.officer):
		assert not may("read", own)
		assert own not in frappe.get_list("Liaison Contact", pluck="name", limit=0)


def test_foreign_contact_is_not_taken_by_naming_an_own_member(scene):
	with as_user(scene.officer):
		contact = frappe.get_doc("Liaison Contact", scene.their_contact)
		contact.member = scene.mine
		with refused():
			contact.save()


@pytest.mark.parametrize("rows", ROWS)
def test_rows_of_foreign_contacts_are_not_listed_by_themselves(scene, rows):
	with as_user(scene.officer):
		parents = frappe.get_list(
			rows, fields=["parent"], parent_doctype="Liaison Contact", pluck="parent", limit=0
		)
		assert scene.my_contact in parents and scene.their_contact not in parents


def test_client_api_keeps_to_the_portfolio(scene):
	from frappe import client

	with as_user(scene.officer):
		rows = client.get_list("Liaison Contact", fields=["name", "summary"], limit_page_length=0)
		assert scene.their_contact not in [row.name for row in rows]
		with refused():
			client.get("Liaison Contact", scene.their_contact)
		with refused():
			client.set_value("Liaison Contact", scene.their_contact, "outcome_note", "Changed")
		assert not client.get_value("Liaison Contact", "summary", {"name": scene.their_contact})


def test_desk_endpoints_keep_to_the_portfolio(scene):
	from frappe.desk.form.load import get_docinfo, getdoc

	with as_user(scene.officer):
		with refused():
			getdoc("Liaison Contact", scene.their_contact)
		with refused():
			get_docinfo(doctype="IMTA Member", name=scene.theirs)
		assert get_timeline_content("IMTA Member", scene.theirs) == []


def test_quick_entry_keeps_to_the_portfolio(scene):
	with as_user(scene.officer):
		logged = contacts.log_contact(scene.mine, "Call", "Hello", f"token-own-{next_number()}")
		assert logged["created"] == 1
		with refused():
			contacts.log_contact(scene.theirs, "Call", "Hello", f"token-other-{next_number()}")
		found = [row.name for row in contacts.find_members("Test Alpine")]
		assert scene.theirs not in found


def test_contact_people_are_asked_for_within_the_portfolio(scene):
	make_contact("Ueli", member=scene.theirs)
	with as_user(scene.officer):
		assert people.contact_query("Contact", "", "name", 0, 20, {"member": scene.theirs}) == []
		assert people.colleague_query("User", scene.colleague, "name", 0, 20, {})


def test_calendar_keeps_to_the_portfolio(scene):
	with as_user(scene.officer):
		names = [
			event.name for event in contacts.get_events("Liaison Contact", nowdate(), f"{nowdate()} 23:59:59")
		]
		assert scene.my_contact in names and scene.their_contact not in names


def test_contacts_due_keeps_to_the_portfolio(scene):
	from frappe.desk.query_report import run

	frappe.db.delete("Liaison Contact", {"name": ("in", [scene.my_contact, scene.their_contact])})
	with as_user(scene.officer):
		rows = {row["member"] for row in run("Contacts Due")["result"]}
		assert scene.mine in rows and scene.theirs not in rows
		assert scene.theirs not in {
			row["member"] for row in run("Contacts Due", {"officer": scene.colleague})["result"]
		}
	with as_user(make_user("Membership Manager")):
		rows = {row["member"] for row in run("Contacts Due")["result"]}
		assert {scene.mine, scene.theirs} <= rows
		rows = {row["member"] for row in run("Contacts Due", {"officer": scene.colleague})["result"]}
		assert scene.theirs in rows and scene.mine not in rows
	with as_user(make_user("Treasurer")), refused():
		run("Contacts Due")


def test_report_view_and_export_keep_to_the_portfolio(scene):
	from frappe.desk import reportview

	with as_user(scene.officer):
		frappe.local.form_dict = frappe._dict(
			doctype="Liaison Contact", fields='["`tabLiaison Contact`.`name`"]', filters="[]", page_length=0
		)
		try:
			rows = reportview.get()
		finally:
			frappe.local.form_dict = frappe._dict()
	assert scene.their_contact not in str(rows) and scene.my_contact in str(rows)


def test_nobody_follows_what_is_not_theirs_to_read(scene):
	from frappe.desk.form.document_follow import follow_document

	frappe.db.set_value("User", scene.officer, "document_follow_notify", 1)
	frappe.clear_document_cache("User", scene.officer)
	with as_user(scene.officer):
		for doctype, mine, theirs in (
			("IMTA Member", scene.mine, scene.theirs),
			("Liaison Contact", scene.my_contact, scene.their_contact),
		):
			assert follow_document(doctype, mine, scene.officer)
			with refused():
				follow_document(doctype, theirs, scene.officer)
