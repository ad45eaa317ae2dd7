"""The list of those who are never invited, and those who opted out elsewhere in Frappe and ERPNext."""

from __future__ import annotations

import frappe
import pytest

from imta_crm.invitations import do_not_invite, prospects
from imta_crm.invitations.do_not_invite import AlreadyListedError, Party
from imta_crm.invitations.doctype.do_not_invite.do_not_invite import NothingListedError, PublicDomainError
from imta_crm.policy.prospects import Prospect
from tests.site.factories import as_user, count_queries, make_contact, make_user
from tests.site.invitation_factories import make_campaign, make_invitation


def listed(**fields):
	return frappe.get_doc({"doctype": "Do Not Invite", "reason": "Asked us by phone", **fields}).insert()


def prospect(number: int = 1, **fields) -> Prospect:
	values = {
		"key": f"p{number}",
		"name": f"Blocked Club {number}",
		"country": "Peru",
		"country_code": "PE",
		"email": f"b{number}@blocked{number}.example",
		**fields,
	}
	return Prospect(**values)


@pytest.mark.parametrize(
	"email", ["Someone@Blocked.example", " someone@blocked.example ", "SOMEONE@BLOCKED.EXAMPLE"]
)
def test_an_address_is_the_same_whatever_its_case(site, email):
	listed(email="someone@blocked.example")
	assert do_not_invite.is_blocked(email)
	assert do_not_invite.blocked_among([email, "other@blocked.example"]) == {email}


def test_a_domain_blocks_all_below_it_and_no_neighbour(site):
	listed(domain="@Blocked.example")
	assert do_not_invite.blocked_among(
		["a@blocked.example", "b@mail.blocked.example", "c@notblocked.example", "d@blocked.example.net"]
	) == {"a@blocked.example", "b@mail.blocked.example"}


def test_a_name_counts_in_its_country_in_either_script(site):
	listed(party_name="山地俱乐部", country="China")
	blocked = do_not_invite.reasons(
		[
			Party("a", None, ("Mountain Club", "山地俱乐部"), "China"),
			Party("b", None, ("山地俱乐部",), "Japan"),
			Party("c", None, ("Mountain Club",), "China"),
		]
	)
	assert set(blocked) == {"a"}


@pytest.mark.parametrize(
	"fields", [{}, {"party_name": "Club"}, {"domain": "nodots"}, {"reason": "", "email": "a@b.example"}]
)
def test_an_entry_says_whom_and_why(site, fields):
	with pytest.raises((NothingListedError, frappe.MandatoryError)):
		listed(**fields)


def test_a_provider_of_mail_is_no_domain_to_list(site):
	with pytest.raises(PublicDomainError):
		listed(domain="gmail.com")


def test_an_address_is_listed_once(site):
	first = listed(email="once@blocked.example")
	with pytest.raises(AlreadyListedError):
		listed(email="ONCE@blocked.example")
	assert do_not_invite.add(email="Once@blocked.example", reason="Again") == first.name


def test_add_is_idempotent_for_domains_and_names(site):
	for wanted in ({"domain": "twice.example"}, {"party_name": "Twice", "country": "Peru"}):
		assert do_not_invite.add(**wanted, reason="x") == do_not_invite.add(**wanted, reason="y")


def test_only_the_system_says_that_the_person_asked(site):
	doc = listed(email="who@blocked.example", source="Reply Page", email_hash="forged")
	assert doc.source == "Secretariat"
	assert doc.email_hash == do_not_invite.hash_of("who@blocked.example")
	doc.source = "One-Click Unsubscribe"
	doc.save()
	assert doc.source == "Secretariat"


def unsubscribe_in_frappe(email):
	frappe.get_doc({"doctype": "Email Unsubscribe", "email": email, "global_unsubscribe": 1}).insert()


def unsubscribe_lead(email):
	frappe.get_doc({"doctype": "Lead", "company_name": "Out", "email_id": email, "unsubscribed": 1}).insert()


def forbid_lead(email):
	frappe.get_doc(
		{"doctype": "Lead", "company_name": "Out", "email_id": email, "status": "Do Not Contact"}
	).insert()


def unsubscribe_contact(email):
	make_contact(email=email).db_set("unsubscribed", 1)


def unsubscribe_user(email):
	frappe.db.set_value("User", make_user(None, email=email), "unsubscribed", 1)


@pytest.mark.parametrize(
	"opt_out",
	[unsubscribe_in_frappe, unsubscribe_lead, forbid_lead, unsubscribe_contact, unsubscribe_user],
)
def test_who_opted_out_elsewhere_is_never_invited(site, opt_out):
	opt_out("out@optedout.example")
	assert do_not_invite.is_blocked("Out@optedout.example")
	campaign = make_campaign(running=True)
	added = prospects.add(campaign.name, [prospect(email="OUT@optedout.example")], source="File")
	assert not added.invited and not added.held
	assert added.refused[0].reason


@pytest.mark.parametrize(
	"entry",
	[
		{"email": "b1@blocked1.example"},
		{"domain": "blocked1.example"},
		{"party_name": " blocked  CLUB 1", "country": "Peru"},
	],
)
def test_who_is_listed_is_never_invited(site, entry):
	listed(**entry)
	campaign = make_campaign(running=True)
	added = prospects.add(campaign.name, [prospect(), prospect(2)], source="File")
	assert (len(added.invited), len(added.refused)) == (1, 1)
	assert added.refused[0].prospect.key == "p1"


@pytest.mark.parametrize(
	"entry",
	[
		{"email": "B1@blocked1.example"},
		{"domain": "blocked1.example"},
		{"party_name": "Blocked Club 1", "country": "Peru"},
	],
)
def test_a_new_entry_withdraws_what_is_still_to_be_sent(site, entry):
	first, second = make_campaign(running=True), make_campaign(running=True)
	planned = make_invitation(first.name, "Blocked Club 1", country="Peru", email="b1@blocked1.example")
	held = make_invitation(
		second.name, "Blocked Club 1", country="Peru", email="b1@blocked1.example", status="Held"
	)
	other = make_invitation(first.name)
	applied = make_invitation(
		second.name, "Blocked Club 9", country="Peru", email="b9@blocked1.example", status="Applied"
	)
	listed(**entry)
	state = dict(frappe.get_all("Invitation", fields=["name", "status"], as_list=True))
	assert state[planned.name] == state[held.name] == "Withdrawn"
	assert state[other.name] == "Planned"
	assert state[applied.name] == "Applied"
	assert frappe.db.get_value("Invitation", planned.name, "live_email") is None


def test_the_invitation_that_brought_the_wish_is_left_to_the_reply(site):
	campaign = make_campaign(running=True)
	asked = make_invitation(campaign.name, email="me@asked.example")
	do_not_invite.add(email="me@asked.example", reason="Asked", source="Reply Page", invitation=asked.name)
	assert frappe.db.get_value("Invitation", asked.name, "status") == "Planned"


@pytest.mark.parametrize("role", ["Liaison Officer", "Training Coordinator", "Membership Manager"])
def test_whoever_talks_to_prospects_may_take_the_wish_down(site, role):
	with as_user(make_user(role)):
		assert listed(email="told@officer.example").name


@pytest.mark.parametrize("role", ["Treasurer", "Alliance Leadership", "Alliance Member", None])
def test_others_may_not(site, role):
	with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
		listed(email="told@officer.example")


@pytest.mark.parametrize("role", ["Liaison Officer", "Training Coordinator", "Alliance Leadership"])
def test_only_managers_take_somebody_off_the_list(site, role):
	doc = listed(email="stay@blocked.example")
	with as_user(make_user(role)):
		mine = frappe.get_doc("Do Not Invite", doc.name)
		with pytest.raises(frappe.PermissionError):
			mine.delete()
		mine.reason = "changed"
		with pytest.raises(frappe.PermissionError):
			mine.save()
	with as_user(make_user("Membership Manager")):
		frappe.delete_doc("Do Not Invite", doc.name)
	assert not do_not_invite.is_blocked("stay@blocked.example")


def test_the_look_up_asks_a_fixed_number_of_queries(site):
	emails = [f"n{number}@many.example" for number in range(300)]
	do_not_invite.blocked_among(emails)  # what Frappe reads of the DocTypes themselves
	with count_queries() as queries:
		do_not_invite.blocked_among(emails)
	assert len(queries) <= 4


def test_a_whole_domain_is_for_the_managers_to_list(site):
	for role in ("Liaison Officer", "Training Coordinator"):
		with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
			listed(domain="whole.example")
	with as_user(make_user("Membership Manager")):
		listed(domain="whole.example")
