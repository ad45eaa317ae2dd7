"""What a user of the portal gets from Frappe itself, beside the pages: nothing of anybody else."""

from __future__ import annotations

import frappe
import pytest
from frappe.client import get_list, insert

from imta_crm.membership import permissions
from imta_crm.portal.visitor import MEMBER_ROLE, Visitor
from imta_crm.seating import people
from tests.site.factories import as_user, make_contact, make_member, make_user, next_number
from tests.site.seating_factories import enroll, make_person, make_session

OURS = (
	"IMTA Member",
	"Member Affiliate",
	"Training Enrollment",
	"Training Session",
	"Training Certificate",
	"Session Feedback",
	"Activity Delegate",
	"Alliance Activity",
	"Seat Notice",
	"Free Seat",
	"Sales Invoice",
	"Customer",
)


@pytest.fixture
def portal_user(site) -> str:
	email = f"web{next_number()}@portal.example"
	user = frappe.new_doc("User")
	user.update(
		{
			"email": email,
			"first_name": "Web",
			"user_type": "Website User",
			"send_welcome_email": 0,
			"roles": [{"role": MEMBER_ROLE}],
		}
	)
	user.flags.no_welcome_mail = True
	user.insert(ignore_permissions=True)
	return email


@pytest.mark.parametrize("doctype", OURS)
def test_nothing_is_listed_counted_or_found(portal_user, doctype):
	make_session()
	with as_user(portal_user):
		for ask in (
			lambda: get_list(doctype),
			lambda: permissions.get_count(doctype),
			lambda: permissions.get_count(doctype, {"owner": ("like", "%")}),
			lambda: permissions.search_link(doctype, ""),
			lambda: permissions.search_link(doctype, "", ignore_user_permissions=True),
		):
			with pytest.raises(frappe.PermissionError):
				ask()


@pytest.mark.parametrize("doctype", ["Contact", "Address", "User", "Comment", "Version"])
def test_of_frappes_own_nothing_of_others(portal_user, doctype):
	make_contact("Somebody Else", email="else@club.example")
	with as_user(portal_user):
		try:
			count = permissions.get_count(doctype)
			rows = [row.name for row in get_list(doctype)]
		except frappe.PermissionError:
			return
	assert rows in ([], [portal_user])
	assert count == len(rows)


def test_nobody_of_the_website_makes_people_or_addresses(portal_user):
	"""With a link to a customer it would be in the customer's books, with a user or an address be somebody."""
	member = make_member()
	link = [{"link_doctype": "Customer", "link_name": member.customer}]
	person = {"doctype": "Contact", "first_name": "Evil"}
	where = {
		"doctype": "Address",
		"address_title": "Evil",
		"address_type": "Billing",
		"address_line1": "1",
		"city": "X",
		"country": "China",
	}
	with as_user(portal_user):
		for doc in (
			{**person, "links": link},
			{**person, "user": portal_user},
			{**person, "email_ids": [{"email_id": "victim@club.example", "is_primary": 1}]},
			{**where, "links": link},
		):
			with pytest.raises(frappe.PermissionError):
				insert(doc)


def test_a_contact_that_somebody_made_is_not_theirs_to_change(portal_user):
	contact = make_contact("Made Earlier", email="earlier@club.example")
	contact.db_set("owner", portal_user)
	with as_user(portal_user):
		for ptype in ("read", "write", "delete"):
			assert not frappe.has_permission("Contact", ptype, doc=contact.name)


def test_the_desk_still_counts(site):
	with as_user(make_user("Membership Manager")):
		assert permissions.get_count("Country") > 100


def test_the_contact_that_belongs_to_a_member_is_the_person(site, portal_user):
	"""Frappe makes a Contact with every user; the one of the member may be later than that."""
	assert frappe.db.exists("Contact", {"user": portal_user})
	member = make_member()
	person = make_person("Signed Up Before", member=member, email=portal_user)
	frappe.db.set_value("Contact", person.contact, "user", portal_user)
	found = people.of_user(portal_user)
	assert (found.contact, found.member) == (person.contact, member.name)


def test_whose_affiliation_has_ended_is_no_representative(site, portal_user):
	member = make_member()
	person = make_person("Former", member=member, email=portal_user, is_representative=True)
	frappe.db.set_value("Contact", person.contact, "user", portal_user)
	colleague = make_person("Colleague", member=member, email="colleague@club.example")
	seat = enroll(make_session(), colleague).name
	row = frappe.db.get_value("Training Enrollment", seat, "*", as_dict=True)
	assert Visitor(portal_user).may_manage(row)
	frappe.db.set_value("Member Affiliate", {"contact": person.contact}, "to_date", "2025-01-01")
	former = Visitor(portal_user)
	assert not former.may_manage(row)
	assert (former.represents, former.customers, former.colleagues(member.name)) == ((), [], [])
	assert former.person.participant_type == people.GUEST
