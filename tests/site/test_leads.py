"""ERPNext Leads of those who are invited: found before made, followed, merged, converted."""

from __future__ import annotations

import frappe
import pytest

from imta_crm.erp import leads
from imta_crm.erp.leads import Party
from tests.site.factories import count_queries


@pytest.fixture(autouse=True)
def no_leads(site):
	frappe.db.delete("Lead")
	return site


def lead(**fields):
	return frappe.get_doc(
		{"doctype": "Lead", "company_name": "Andes Guides", "country": "Peru", **fields}
	).insert()


PARTY = Party(organisation="Andes Guides", country="Peru", email="a@andes.example")


def test_made_once(site):
	name = leads.ensure_lead(PARTY)
	assert leads.ensure_lead(PARTY) == name
	doc = frappe.get_doc("Lead", name)
	assert (doc.company_name, doc.email_id, doc.country, doc.lead_owner) == (
		"Andes Guides",
		"a@andes.example",
		"Peru",
		None,
	)


def test_found_by_address_whatever_the_name(site):
	there = lead(company_name="Other", email_id="A@andes.example")
	assert leads.ensure_lead(PARTY) == there.name


def test_found_by_folded_name_in_its_country(site):
	there = lead(company_name="ANDES  guides".replace("  ", " "))
	assert leads.ensure_lead(PARTY) == there.name
	elsewhere = Party(organisation="Andes Guides", country="Chile", email="b@andes.example")
	assert leads.ensure_lead(elsewhere) != there.name


def test_two_people_of_one_name_are_two(site):
	first = leads.ensure_lead(Party(first_name="Li", last_name="Wei", country="China", email="a@a.example"))
	second = leads.ensure_lead(Party(first_name="Li", last_name="Wei", country="China", email="b@b.example"))
	assert first != second


def test_follow(site):
	name = leads.ensure_lead(PARTY)
	leads.follow(name, "Interested")
	assert frappe.db.get_value("Lead", name, "status") == "Interested"
	leads.follow(name, "Do Not Contact")
	assert frappe.db.get_value("Lead", name, ["status", "unsubscribed"]) == ("Do Not Contact", 1)
	leads.convert(name, None)
	leads.follow(name, "Interested")
	assert frappe.db.get_value("Lead", name, "status") == "Converted"
	leads.follow(None, "Interested")
	leads.follow("no-such-lead", "Interested")


def test_merge_keeps_what_hangs_on_both(site):
	one, other = lead(email_id="one@andes.example"), lead(email_id="other@andes.example")
	todo = frappe.get_doc(
		{
			"doctype": "ToDo",
			"description": "Call",
			"reference_type": "Lead",
			"reference_name": one.name,
		}
	).insert()
	leads.merge(one.name, into=other.name)
	assert frappe.db.get_value("Lead", one.name, "disabled") == 1
	assert frappe.db.get_value("Lead", other.name, ["disabled", "email_id"]) == (0, "other@andes.example")
	assert frappe.db.exists("ToDo", todo.name)
	for name in (one.name, other.name):
		assert frappe.db.exists("Comment", {"reference_name": name, "comment_type": "Info"})
	assert [row.name for row in leads.known()] == [other.name]
	leads.merge(one.name, into=other.name)
	leads.merge("no-such-lead", into=other.name)


def test_what_was_converted_is_not_merged_away(site):
	one, other = lead(status="Converted"), lead(email_id="other@andes.example")
	leads.merge(one.name, into=other.name)
	assert not frappe.db.get_value("Lead", one.name, "disabled")


def test_enrich_fills_gaps_only(site):
	there = lead(email_id="one@andes.example")
	leads.enrich(there.name, {"email_id": "two@andes.example", "phone": "+51 1"})
	assert frappe.db.get_value("Lead", there.name, ["email_id", "phone"]) == ("one@andes.example", "+51 1")


def test_nothing_is_asked_of_gravatar(site, monkeypatch):
	import erpnext.crm.doctype.lead.lead as module

	def fails(*args):
		raise AssertionError("asked")

	monkeypatch.setattr(frappe.flags, "in_test", False)
	monkeypatch.setattr("requests.get", fails)
	assert module and leads.ensure_lead(PARTY)


def test_many_are_found_in_few_queries(site):
	there = [lead(company_name=f"Guides {n}", email_id=f"g{n}@andes.example").name for n in range(6)]
	parties = [Party(organisation=f"GUIDES {n}", country="Peru") for n in range(3)]
	parties += [Party(organisation=f"Other {n}", email=f"G{n}@andes.example") for n in range(3, 6)]
	with count_queries() as queries:
		directory = leads.Directory(parties)
		assert [directory.find(party) for party in parties] == there
	assert len(queries) <= 3
	assert not directory.covers(PARTY)
	# Whoever was not read for is looked up before anything is made.
	again = lead(email_id=PARTY.email)
	assert leads.ensure_lead(PARTY, directory) == again.name


def test_a_new_lead_has_one_contact_with_its_link(site):
	party = Party(
		organisation="Andes Guides",
		first_name="Rosa",
		last_name="Quispe",
		email="rosa@andes.example",
		phone="+51 1 234567",
		position="Director",
		country="Peru",
	)
	name = leads.ensure_lead(party)
	(contact,) = frappe.get_all(
		"Dynamic Link", {"parenttype": "Contact", "link_doctype": "Lead", "link_name": name}, pluck="parent"
	)
	doc = frappe.get_doc("Contact", contact)
	assert (doc.first_name, doc.last_name, doc.designation, doc.company_name) == (
		"Rosa",
		"Quispe",
		"Director",
		"Andes Guides",
	)
	assert (doc.email_id, doc.phone) == ("rosa@andes.example", "+51 1 234567")
	assert frappe.db.get_value("Lead", name, ["phone", "mobile_no"]) == ("+51 1 234567", "+51 1 234567")


def test_erpnext_may_be_told_to_make_no_contacts(site):
	frappe.db.set_single_value("CRM Settings", "auto_creation_of_contact", 0)
	name = leads.ensure_lead(PARTY)
	assert not frappe.db.exists("Dynamic Link", {"link_doctype": "Lead", "link_name": name})
