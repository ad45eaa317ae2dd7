"""Members: admission, histories, their one Customer, people and places, and what may not be changed by hand."""

from datetime import date
from decimal import Decimal

import frappe
import pytest
from frappe.utils import add_days, getdate, nowdate

from imta_crm.erp import contacts, customers
from imta_crm.erp.customers import CustomerLinkError, ensure_customer
from imta_crm.membership import members
from imta_crm.membership.affiliates import benefits_of
from imta_crm.membership.doctype.imta_member.imta_member import LedgerCurrencyError, MemberHasChargesError
from imta_crm.membership.doctype.member_affiliate.member_affiliate import OverlappingAffiliationError
from imta_crm.membership.members import (
	DuplicateMemberError,
	NewMember,
	ProtectedFieldError,
	RewritesThePastError,
	create_member,
	facts_for_dues,
	set_status,
	set_tier,
	status_on,
	tier_on,
)
from imta_crm.policy.dates import Period
from imta_crm.policy.dues import DuesRules, TierDues, decide
from tests.site.factories import count_queries, make_change, make_contact, make_member, make_tier, next_number


def history(member, field, value):
	doc = frappe.get_doc("IMTA Member", getattr(member, "name", member))
	return [(row.get(value), row.from_date, row.to_date) for row in doc.get(field)]


class TestAdmission:
	def test_member_customer_contact_and_number_come_together(self):
		member = make_member(
			"Alpenverein  Süd",
			email="office@sued.example",
			phone="+43 512 1234",
			contact_first_name="Eva",
			contact_last_name="Berger",
			contact_position="President",
			address_line1="Bergweg 1",
			city="Innsbruck",
			postal_code="6020",
			invoice_currency="USD",
			preferred_language="en",
		)
		assert member.name.startswith("IMTA-")
		assert member.member_name == "Alpenverein Süd"
		assert (member.status, member.tier, member.joined_on) == ("Active", "Ordinary", date(2024, 1, 1))
		customer = frappe.get_doc("Customer", member.customer)
		assert (customer.name, customer.imta_member) == (member.name, member.name)
		assert (customer.customer_name, customer.default_currency) == ("Alpenverein Süd", "USD")
		contact = frappe.get_doc("Contact", member.primary_contact)
		assert (contact.first_name, contact.last_name, contact.email_id) == (
			"Eva",
			"Berger",
			"office@sued.example",
		)
		links = {(link.link_doctype, link.link_name) for link in contact.links}
		assert links == {("IMTA Member", member.name), ("Customer", customer.name)}
		address = frappe.get_doc(
			"Address", {"city": "Innsbruck", "pincode": "6020", "address_line1": "Bergweg 1"}
		)
		assert {link.link_doctype for link in address.links} == {"IMTA Member", "Customer"}
		representative = frappe.get_doc("Member Affiliate", {"member": member.name})
		assert (representative.contact, representative.is_representative) == (contact.name, 1)

	def test_both_histories_begin_on_the_day_of_joining(self):
		member = make_member(joined_on=date(2017, 8, 15), on=date(2026, 3, 1))
		assert history(member, "status_history", "status") == [("Active", date(2017, 8, 15), None)]
		assert history(member, "tier_history", "tier") == [("Ordinary", date(2017, 8, 15), None)]
		assert (member.status_since, member.tier_since) == (date(2017, 8, 15), date(2017, 8, 15))

	def test_an_exempt_member_needs_no_customer_until_it_owes(self):
		exempt = make_tier(is_exempt=1, rank=1)
		member = make_member(tier=exempt.name)
		assert not member.customer
		set_tier(member.name, "Ordinary", on=date(2025, 1, 1), reason="Pays from now on")
		assert frappe.db.get_value("IMTA Member", member.name, "customer") == member.name

	def test_a_member_of_an_emeritus_tier_is_emeritus(self):
		tier = make_tier(is_exempt=1, is_emeritus=1)
		assert make_member(tier=tier.name, member_type="Individual").status == "Emeritus"

	def test_a_website_without_its_scheme_is_understood(self):
		assert make_member(website="club.example/about").website == "https://club.example/about"

	def test_the_region_follows_the_country(self):
		member = make_member()
		from imta_crm.erp.masters import territory_of

		assert member.territory == territory_of("Austria")
		assert member.territory

	def test_a_failing_admission_leaves_nothing(self, monkeypatch):
		before = [frappe.db.count(doctype) for doctype in ("IMTA Member", "Customer", "Contact")]

		def fail(*args, **kwargs):
			raise frappe.ValidationError("no address today")

		monkeypatch.setattr("imta_crm.erp.contacts.ensure_address", fail)
		with pytest.raises(frappe.ValidationError, match="no address"):
			make_member(email="a@b.example", address_line1="Bergweg 1", city="Graz")
		assert [frappe.db.count(doctype) for doctype in ("IMTA Member", "Customer", "Contact")] == before

	def test_from_the_form_it_is_the_same(self):
		member = frappe.get_doc(
			{
				"doctype": "IMTA Member",
				"member_name": f"Desk Club {next_number()}",
				"country": "Nepal",
				"tier": make_tier("Council").name,
			}
		).insert()
		assert (member.status, member.joined_on) == ("Active", getdate(nowdate()))
		assert member.customer and len(member.card_token) >= 32

	@pytest.mark.parametrize("second", ["ÖSTERREICHISCHER  alpenklub", "Österreichischer Alpenklub "])
	def test_a_second_one_of_the_name_is_refused_and_the_first_is_named(self, second):
		first = make_member("Österreichischer Alpenklub")
		with pytest.raises(DuplicateMemberError, match=first.name):
			make_member(second)
		assert make_member(second, country="Germany").name != first.name

	def test_names_that_differ_by_an_accent_only_are_two(self):
		assert make_member("Club Córdoba").name != make_member("Club Cordoba").name

	def test_the_database_keeps_the_name_unique_without_the_look_up(self, monkeypatch):
		first = make_member("Race Club")
		other = make_member("Other Club")
		with pytest.raises(frappe.UniqueValidationError):
			doc = frappe.get_doc("IMTA Member", other.name)
			monkeypatch.setattr(type(doc), "set_identity", lambda self: None)
			doc.identity_key = first.identity_key
			doc.save()

	def test_a_very_long_name_still_has_a_key(self):
		with pytest.raises(frappe.CharacterLengthExceededError):
			make_member("x" * 141)  # nothing is cut silently
		key = members.identity_key("x" * 300, "Austria")
		assert len(key) == 255 and key != members.identity_key("x" * 301, "Austria")

	def test_a_tier_for_individuals_takes_no_organisation(self):
		tier = make_tier(member_type="Individual")
		with pytest.raises(frappe.ValidationError, match="not for members of type"):
			make_member(tier=tier.name)


class TestProtectedFields:
	@pytest.mark.parametrize(
		("field", "value"),
		[
			("status", "Suspended"),
			("tier", "Council"),
			("status_since", "2020-01-01"),
			("left_on", "2020-01-01"),
			("customer", None),
			("card_token", "guessed"),
		],
	)
	def test_saving_another_value_is_refused_for_everybody(self, field, value):
		make_tier("Council")
		member = frappe.get_doc("IMTA Member", make_member().name)
		member.set(field, value)
		with pytest.raises(ProtectedFieldError):
			member.save()

	def test_history_rows_cannot_be_edited_added_or_removed(self):
		name = make_member().name
		for tamper in (
			lambda doc: doc.status_history[0].update({"from_date": "2010-01-01"}),
			lambda doc: doc.append("tier_history", {"tier": "Ordinary", "from_date": "2020-01-01"}),
			lambda doc: doc.set("status_history", []),
		):
			doc = frappe.get_doc("IMTA Member", name)
			tamper(doc)
			with pytest.raises(ProtectedFieldError):
				doc.save()

	def test_the_desk_endpoints_are_refused_too(self):
		from frappe.client import set_value

		name = make_member().name
		with pytest.raises(ProtectedFieldError, match="Membership Change"):
			set_value("IMTA Member", name, "status", "Removed")

	def test_an_import_cannot_preset_a_status_or_a_history(self):
		values = {"doctype": "IMTA Member", "country": "Nepal", "tier": make_tier("Ordinary").name}
		with pytest.raises(ProtectedFieldError):
			frappe.get_doc({**values, "member_name": "Preset 1", "status": "Removed"}).insert()
		with pytest.raises(ProtectedFieldError):
			frappe.get_doc(
				{
					**values,
					"member_name": "Preset 2",
					"tier_history": [{"tier": "Ordinary", "from_date": "2001-01-01"}],
				}
			).insert()

	def test_flags_sent_by_a_browser_do_not_open_the_door(self):
		doc = frappe.get_doc("IMTA Member", make_member().name).as_dict()
		doc.update({"status": "Removed", "flags": {"by_membership": True}})
		with pytest.raises(ProtectedFieldError):
			frappe.get_doc(doc).save()

	def test_a_wrong_joining_date_can_be_put_right_with_its_histories(self):
		member = frappe.get_doc("IMTA Member", make_member(joined_on=date(2024, 5, 1)).name)
		member.joined_on = "2023-05-01"
		member.save()
		assert history(member, "status_history", "status") == [("Active", date(2023, 5, 1), None)]
		assert tier_on(member.name, date(2023, 6, 1)) == "Ordinary"

	def test_a_joining_date_after_the_first_change_is_refused(self):
		member = make_member()
		set_status(member.name, "Suspended", on=date(2025, 1, 1), reason="x")
		doc = frappe.get_doc("IMTA Member", member.name)
		doc.joined_on = "2025-06-01"
		with pytest.raises(RewritesThePastError):
			doc.save()


class TestHistories:
	def test_status_and_tier_on_each_day(self):
		make_tier("Council")
		name = make_member().name
		set_tier(name, "Council", on=date(2025, 7, 1), reason="Elected")
		set_status(name, "In Arrears", on=date(2025, 9, 1), reason="Unpaid")
		assert [tier_on(name, day) for day in (date(2023, 12, 31), date(2025, 6, 30), date(2025, 7, 1))] == [
			None,
			"Ordinary",
			"Council",
		]
		assert [status_on(name, day) for day in (date(2025, 8, 31), date(2025, 9, 1))] == [
			"Active",
			"In Arrears",
		]

	def test_a_gap_stays_a_gap_in_both_histories(self):
		name = make_member().name
		set_status(name, "Withdrawn", on=date(2025, 1, 1), reason="Left")
		assert frappe.db.get_value("IMTA Member", name, "left_on") == date(2025, 1, 1)
		set_status(name, "Active", on=date(2026, 1, 1), reason="Came back")
		assert history(name, "tier_history", "tier") == [
			("Ordinary", date(2024, 1, 1), date(2024, 12, 31)),
			("Ordinary", date(2026, 1, 1), None),
		]
		assert tier_on(name, date(2025, 6, 1)) is None
		assert status_on(name, date(2025, 6, 1)) == "Withdrawn"
		member = frappe.get_doc("IMTA Member", name)
		assert (member.left_on, member.joined_on, member.tier_since) == (
			None,
			date(2024, 1, 1),
			date(2026, 1, 1),
		)

	def test_the_past_is_not_rewritten(self):
		name = make_member().name
		set_status(name, "Suspended", on=date(2025, 5, 1), reason="x")
		with pytest.raises(RewritesThePastError):
			set_status(name, "Active", on=date(2025, 4, 30), reason="y")

	def test_two_changes_on_one_day_keep_both_and_the_last_counts(self):
		name = make_member().name
		set_status(name, "In Arrears", on=date(2025, 5, 1), reason="Unpaid")
		set_status(name, "Active", on=date(2025, 5, 1), reason="Paid the same day")
		assert history(name, "status_history", "status") == [
			("Active", date(2024, 1, 1), date(2025, 4, 30)),
			("In Arrears", date(2025, 5, 1), date(2025, 4, 30)),
			("Active", date(2025, 5, 1), None),
		]
		assert status_on(name, date(2025, 5, 1)) == "Active"

	def test_repeating_changes_nothing(self):
		name = make_member().name
		assert set_status(name, "Suspended", on=date(2025, 5, 1), reason="x")
		assert not set_status(name, "Suspended", on=date(2025, 6, 1), reason="x")
		assert len(history(name, "status_history", "status")) == 2

	def test_each_entry_says_why_and_who(self):
		name = make_member().name
		set_status(name, "Suspended", on=date(2025, 5, 1), reason="By decision", who="Guest")
		row = frappe.get_doc("IMTA Member", name).status_history[-1]
		assert (row.reason, row.changed_by) == ("By decision", "Guest")


class TestFactsForDues:
	def test_three_queries_whatever_the_number(self):
		wanted = [make_member().name for _ in range(4)]
		with count_queries() as queries:
			facts = facts_for_dues(Period(date(2026, 1, 1), date(2026, 12, 31)))
		assert len(queries) == 3
		assert set(wanted) <= {fact.name for fact in facts}

	def test_the_rules_can_decide_by_them(self):
		make_tier("Council")
		name = make_member(invoice_currency="CNY").name
		set_tier(name, "Council", on=date(2025, 7, 1), reason="Elected")
		[facts] = facts_for_dues(members=[name])
		period = Period(date(2026, 1, 1), date(2026, 12, 31))
		rules = DuesRules(
			title="2026",
			period=period,
			notice_date=date(2026, 1, 15),
			due_date=date(2026, 3, 31),
			reference_currency="USD",
			rates={"CNY": Decimal("7.1")},
			tiers={
				"Council": TierDues("Council", Decimal(2000)),
				"Ordinary": TierDues("Ordinary", Decimal(1000)),
			},
		)
		decision = decide(facts, rules, as_of=date(2026, 2, 1))
		assert (decision.kind, decision.tier, decision.amount, decision.currency) == (
			"charge",
			"Council",
			Decimal(14200),
			"CNY",
		)
		assert facts.tier_on(date(2025, 6, 30)) == "Ordinary"

	def test_no_members_no_query(self):
		assert facts_for_dues(members=[]) == []


class TestCustomer:
	def test_asking_twice_gives_the_same(self):
		member = make_member()
		assert ensure_customer(frappe.get_doc("IMTA Member", member.name)) == member.customer
		assert frappe.db.count("Customer", {"imta_member": member.name}) == 1

	def test_a_lost_link_is_found_again(self):
		member = make_member()
		frappe.db.set_value("IMTA Member", member.name, "customer", None)
		assert ensure_customer(frappe.get_doc("IMTA Member", member.name)) == member.customer

	def test_a_stranger_with_the_number_as_name_is_left_alone(self, monkeypatch):
		tier = make_tier(is_exempt=1)
		member = make_member(tier=tier.name)
		frappe.get_doc({"doctype": "Customer", "customer_name": "Stranger"}).insert(set_name=member.name)
		name = ensure_customer(frappe.get_doc("IMTA Member", member.name))
		assert name != member.name
		assert frappe.db.get_value("Customer", name, "imta_member") == member.name

	def test_unique_both_ways_in_the_database(self):
		one, two = make_member(), make_member()
		with pytest.raises(Exception, match="Duplicate entry"):
			frappe.db.set_value("IMTA Member", two.name, "customer", one.customer)
		with pytest.raises(Exception, match="Duplicate entry"):
			frappe.db.set_value("Customer", two.customer, "imta_member", one.name)

	def test_name_region_and_language_are_kept_in_step(self):
		member = frappe.get_doc("IMTA Member", make_member().name)
		member.update({"member_name": f"Renamed {next_number()}", "preferred_language": "zh"})
		member.save()
		customer = frappe.get_doc("Customer", member.customer)
		assert (customer.customer_name, customer.language) == (member.member_name, "zh")
		assert customer.name == member.name

	def test_nobody_joins_a_customer_to_a_member_by_hand(self):
		member = make_member()
		other = frappe.get_doc({"doctype": "Customer", "customer_name": "By Hand"}).insert()
		other.imta_member = member.name
		with pytest.raises(CustomerLinkError):
			other.save()
		customer = frappe.get_doc("Customer", member.customer)
		with pytest.raises(CustomerLinkError):
			customer.delete()

	def test_a_lead_becomes_converted(self):
		lead = frappe.get_doc({"doctype": "Lead", "lead_name": f"Prospect {next_number()}"}).insert()
		member = make_member(lead=lead.name)
		assert frappe.db.get_value("Customer", member.customer, "lead_name") == lead.name
		assert frappe.db.get_value("Lead", lead.name, ["status", "imta_member"]) == ("Converted", member.name)

	def test_the_currency_of_a_ledger_with_entries_stays(self, monkeypatch):
		member = frappe.get_doc("IMTA Member", make_member(invoice_currency="USD").name)
		monkeypatch.setattr(customers, "ledger_currency", lambda customer: "USD")
		member.invoice_currency = "CNY"
		with pytest.raises(frappe.ValidationError, match="entries in USD"):
			member.save()

	def test_nor_is_it_emptied(self, monkeypatch):
		member = make_member(invoice_currency="CNY")
		monkeypatch.setattr(customers, "ledger_currency", lambda customer: "CNY")
		member.reload()
		member.invoice_currency = None
		with pytest.raises(LedgerCurrencyError, match="CNY"):
			member.save()
		member.reload()
		member.phone = "+43 1 555"
		member.save()

	def test_a_tier_that_is_no_longer_exempt_gives_its_members_customers(self):
		tier = make_tier(is_exempt=1)
		member = make_member(tier=tier.name)
		tier.update({"is_exempt": 0, "dues_amount": 10, "dues_currency": "USD"})
		tier.save()
		assert frappe.db.get_value("IMTA Member", member.name, "customer")


class TestPeopleFollow:
	"""Contacts and addresses repeat the member's name, e-mail address and phone number."""

	@staticmethod
	def rename(member):
		member.reload()
		member.update({"member_name": "New Name Club", "email": "new@club.example", "phone": "+43 1 2"})
		member.save()

	def test_those_that_stand_for_the_organisation(self):
		member = make_member(
			"Old Name Club", email="old@club.example", phone="+43 1 1", address_line1="Street 1", city="Wien"
		)
		self.rename(member)
		contact = frappe.get_doc("Contact", member.primary_contact)
		assert (contact.first_name, contact.company_name) == ("New Name Club", "New Name Club")
		assert (contact.email_id, contact.phone) == ("new@club.example", "+43 1 2")
		address = frappe.get_doc("Address", contacts.linked("Address", "IMTA Member", member.name)[0])
		assert (address.address_title, address.email_id) == ("New Name Club", "new@club.example")
		assert (address.phone, address.address_line1) == ("+43 1 2", "Street 1")

	def test_a_person_keeps_what_is_its_own(self):
		member = make_member("Old Name Club", email="old@club.example", contact_first_name="Anna")
		own = make_contact("Berta", member=member.name, email="berta@club.example").name
		self.rename(member)
		anna, berta = frappe.get_doc("Contact", member.primary_contact), frappe.get_doc("Contact", own)
		assert (anna.first_name, anna.company_name, anna.email_id) == (
			"Anna",
			"New Name Club",
			"new@club.example",
		)
		assert (berta.first_name, berta.email_id) == ("Berta", "berta@club.example")

	def test_what_is_taken_away_from_the_member_stays_with_the_person(self):
		member = make_member(email="old@club.example")
		member.reload()
		member.email = None
		member.save()
		assert frappe.db.get_value("Contact", member.primary_contact, "email_id") == "old@club.example"


class TestDeletion:
	def test_a_member_without_charges_goes_with_its_customer_and_contact(self):
		tier = make_tier(is_exempt=0)
		member = make_member(tier=tier.name, email="gone@club.example", contact_first_name="Ada")
		contact, customer = member.primary_contact, member.customer
		frappe.get_doc("IMTA Member", member.name).delete()
		assert not frappe.db.exists("IMTA Member", member.name)
		assert not frappe.db.exists("Customer", customer)
		assert not frappe.db.exists("Contact", contact)

	def test_a_charged_member_stays(self, monkeypatch):
		member = frappe.get_doc("IMTA Member", make_member().name)
		monkeypatch.setattr(type(member), "has_charges", lambda self: True)
		with pytest.raises(MemberHasChargesError):
			member.delete()


class TestAffiliates:
	def affiliate(self, member, contact, **fields):
		return frappe.get_doc(
			{
				"doctype": "Member Affiliate",
				"member": member,
				"contact": contact,
				"from_date": "2024-01-01",
				**fields,
			}
		).insert()

	def test_benefits_are_worked_out_afresh(self):
		basic = make_tier(rank=10, benefits=[{"benefit": "Newsletter", "benefit_zh": "通讯"}], free_seats=1)
		better = make_tier(rank=20, benefits=[{"benefit": "Vote", "benefit_zh": "表决权"}], free_seats=3)
		member, person = make_member(tier=basic.name), make_contact()
		self.affiliate(member.name, person.name, position="Guide")
		set_tier(member.name, better.name, on=date(2025, 1, 1), reason="Upgrade")
		[old] = benefits_of(person.name, date(2024, 12, 31))
		[new] = benefits_of(person.name, date(2025, 1, 1))
		assert (old.tier, old.benefits, old.free_seats) == (basic.name, (("Newsletter", "通讯"),), 1)
		assert (new.tier, new.benefits, new.position) == (better.name, (("Vote", "表决权"),), "Guide")
		set_status(member.name, "Withdrawn", on=date(2025, 6, 1), reason="Left")
		assert benefits_of(person.name, date(2025, 6, 1)) == []
		set_status(member.name, "Active", on=date(2026, 1, 1), reason="Back")
		assert benefits_of(person.name, date(2025, 8, 1)) == []
		assert benefits_of(person.name, date(2026, 1, 1))

	def test_nothing_while_suspended_or_after_the_affiliation(self):
		member, person = make_member(), make_contact()
		self.affiliate(member.name, person.name, to_date="2024-06-30")
		assert benefits_of(person.name, date(2024, 6, 30))
		assert benefits_of(person.name, date(2024, 7, 1)) == []
		self.affiliate(member.name, person.name, from_date="2025-01-01")
		set_status(member.name, "Suspended", on=date(2025, 2, 1), reason="x")
		assert benefits_of(person.name, date(2025, 1, 31))
		assert benefits_of(person.name, date(2025, 2, 1)) == []

	def test_a_person_may_serve_two_members(self):
		person = make_contact()
		for member in (make_member(), make_member()):
			self.affiliate(member.name, person.name)
		assert len(benefits_of(person.name)) == 2

	def test_no_overlap_and_one_representative(self):
		member, person = make_member(), make_contact()
		self.affiliate(member.name, person.name, to_date="2024-12-31", is_representative=1)
		with pytest.raises(OverlappingAffiliationError):
			self.affiliate(member.name, person.name, from_date="2024-12-31")
		with pytest.raises(OverlappingAffiliationError):
			self.affiliate(member.name, make_contact().name, from_date="2024-06-01", is_representative=1)
		self.affiliate(member.name, make_contact().name, from_date="2025-01-01", is_representative=1)

	def test_individuals_have_no_affiliates(self):
		tier = make_tier(is_exempt=1)
		member = make_member(tier=tier.name, member_type="Individual")
		with pytest.raises(frappe.ValidationError, match="Only organisations"):
			self.affiliate(member.name, make_contact().name)

	def test_the_contact_is_linked_and_its_new_name_followed(self):
		member, person = make_member(), make_contact("Li")
		row = self.affiliate(member.name, person.name)
		person.reload()
		assert person.has_link("IMTA Member", member.name)
		person.first_name = "Li Wei"
		person.save()
		assert frappe.db.get_value("Member Affiliate", row.name, "contact_name") == "Li Wei"
		member = frappe.get_doc("IMTA Member", member.name)
		member.member_name = "Club under a New Name"
		member.save()
		assert frappe.db.get_value("Member Affiliate", row.name, "member_name") == "Club under a New Name"


class TestForm:
	def test_onload_has_people_places_standing_and_possible_changes(self):
		member = make_member(email="o@club.example", address_line1="Weg 1", city="Linz")
		doc = frappe.get_doc("IMTA Member", member.name)
		doc.run_method("onload")
		onload = doc.get("__onload")
		assert [row.name for row in onload.contact_list] == [member.primary_contact]
		assert onload.addr_list[0].city == "Linz"
		assert "Upgrade" in onload.allowed_changes and "Reinstate" not in onload.allowed_changes
		assert onload.standing is None or onload.standing["balances"] == []

	def test_the_officer_must_be_one(self):
		doc = frappe.get_doc("IMTA Member", make_member().name)
		doc.officer = "Guest"
		with pytest.raises(frappe.ValidationError, match="does not have the role"):
			doc.save()


class TestPersonalData:
	def request(self, email):
		request = frappe.get_doc({"doctype": "Personal Data Deletion Request", "email": email})
		request.send_verification_mail = lambda: None  # the test site has no mail account
		request.insert(ignore_permissions=True)
		request.db_set("status", "Pending Approval")
		request.reload()
		return request

	@pytest.fixture
	def person(self):
		email = f"person{next_number()}@imta.example"
		user = frappe.new_doc("User")
		user.update(
			{"email": email, "first_name": "Xaver", "last_name": "Unverwechselbar", "send_welcome_email": 0}
		)
		user.flags.no_welcome_mail = True
		user.insert(ignore_permissions=True)
		return email

	def test_an_individual_is_redacted_whole_and_keeps_number_and_history(self, person):
		tier = make_tier(is_exempt=0)
		member = make_member(
			"Xaver Unverwechselbar",
			member_name_local="夏威",
			tier=tier.name,
			member_type="Individual",
			email=person,
			phone="+43 1 234",
			other_names=(("zh", "Hans", "夏威"),),
		)
		token = member.card_token
		request = self.request(person)
		request._anonymize_data(commit=False)
		member = frappe.get_doc("IMTA Member", member.name)
		text = frappe.as_json(member.as_dict())
		assert "Unverwechselbar" not in text and "unverwechselbar" not in text and person not in text
		assert not member.other_names and "夏威" not in text
		assert member.card_token != token
		assert member.status_history[0].from_date == date(2024, 1, 1)
		assert "Unverwechselbar" not in frappe.as_json(frappe.get_doc("Customer", member.customer).as_dict())
		assert not frappe.db.exists("Version", {"docname": member.name})

	def test_an_organisation_keeps_its_name_and_loses_the_address(self, person):
		member = make_member("Club of Somebody", email=person)
		change = make_change(member.name, "Suspend", reason="As Xaver Unverwechselbar asked", submit=False)
		self.request(person)._anonymize_data(commit=False)
		member = frappe.get_doc("IMTA Member", member.name)
		assert member.member_name == "Club of Somebody"
		assert person not in frappe.as_json(member.as_dict())
		assert "Unverwechselbar" not in frappe.db.get_value("Membership Change", change.name, "reason")

	def test_the_download_finds_the_member(self, person):
		from frappe.website.doctype.personal_data_download_request.personal_data_download_request import (
			get_user_data,
		)

		make_member("Club of a Reader", email=person)
		assert "Club of a Reader" in get_user_data(person)


def test_create_member_takes_a_date_of_admission_for_the_joining_date():
	make_tier("Ordinary")
	member = create_member(
		NewMember(member_name="No Date Club", country="Nepal", tier="Ordinary"),
		source="Web",
		on=getdate(add_days(nowdate(), -3)),
	)
	assert member.joined_on == getdate(add_days(nowdate(), -3))
	assert member.source == "Web"
