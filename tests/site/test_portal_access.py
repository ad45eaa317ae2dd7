"""Give Portal Access on Member Affiliate: who may, whom it makes a user, and what it never does."""

from __future__ import annotations

import frappe
import pytest
from frappe.utils import add_days, nowdate

from imta_crm.membership import portal_access
from imta_crm.membership.portal_access import NoPortalAccess, give
from tests.site.factories import as_user, make_contact, make_member, make_user, next_number


@pytest.fixture(autouse=True)
def no_letters(monkeypatch):
	"""The site of the tests has no outgoing account; the letter is Frappe's."""
	sent = []
	monkeypatch.setattr(
		"frappe.core.doctype.user.user.User.send_welcome_mail_to_user", lambda user: sent.append(user.name)
	)
	return sent


def affiliate(member=None, *, email: str | None = "", **fields):
	number = next_number()
	contact = make_contact(
		f"Portal Person {number}", email=f"portal{number}@club.example" if email == "" else email
	)
	doc = frappe.new_doc("Member Affiliate")
	doc.update(
		{
			"member": (member or make_member()).name,
			"contact": contact.name,
			"from_date": "2024-01-01",
			**fields,
		}
	)
	return doc.insert()


@pytest.mark.parametrize("role", ["Membership Manager", "Training Coordinator", "System Manager"])
def test_a_person_becomes_a_user_of_the_website(site, no_letters, role):
	doc = affiliate()
	with as_user(make_user(role)):
		given = give(doc.name)
	assert given["is_new"]
	user = frappe.get_doc("User", given["user"])
	assert (user.user_type, [row.role for row in user.roles]) == ("Website User", ["Alliance Member"])
	assert frappe.db.get_value("Contact", doc.contact, "user") == user.name
	assert no_letters == [user.name]


def test_a_second_click_changes_nothing(site, no_letters):
	doc = affiliate()
	first = give(doc.name)
	again = give(doc.name)
	assert again == {"user": first["user"], "is_new": False}
	assert len(no_letters) == 1


def test_an_officer_may_for_the_own_portfolio_alone(site):
	officer = make_user("Liaison Officer")
	member = make_member()
	member.db_set("officer", officer)
	own, other = affiliate(member), affiliate()
	with as_user(officer):
		assert give(own.name)["is_new"]
		with pytest.raises(frappe.PermissionError):
			give(other.name)


@pytest.mark.parametrize("role", ["Treasurer", "Alliance Leadership", "Alliance Member", None])
def test_others_may_not(site, role):
	doc = affiliate()
	with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
		give(doc.name)


def test_a_user_who_is_there_gets_the_role_and_no_letter(site, no_letters):
	doc = affiliate()
	user = frappe.new_doc("User")
	email = frappe.db.get_value("Contact", doc.contact, "email_id")
	user.update({"email": email, "first_name": "There", "user_type": "Website User", "send_welcome_email": 0})
	user.insert()
	assert give(doc.name) == {"user": email, "is_new": False}
	assert portal_access.ROLE in frappe.get_roles(email)
	assert not no_letters


def test_a_user_of_the_desk_is_left_alone(site):
	user = make_user("Treasurer")
	doc = affiliate(email=user)
	with pytest.raises(NoPortalAccess):
		give(doc.name)
	assert portal_access.ROLE not in frappe.get_roles(user)


def test_without_an_address_or_an_affiliation_there_is_none(site):
	with pytest.raises(NoPortalAccess):
		give(affiliate(email=None).name)
	with pytest.raises(NoPortalAccess):
		give(affiliate(to_date=add_days(nowdate(), -1)).name)


def test_it_is_a_post_for_people_who_are_logged_in(site):
	assert give in frappe.whitelisted
	assert give not in frappe.guest_methods
	assert frappe.allowed_http_methods_for_whitelisted_func[give] == ["POST"]
