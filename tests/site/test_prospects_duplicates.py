"""Likely duplicates side by side, what a person decides, and what becomes of both."""

from __future__ import annotations

import frappe
import pytest

from imta_crm.invitations import do_not_invite, duplicates, prospects, record
from imta_crm.invitations.doctype.invitation.invitation import NotInvitableError, NotWithdrawnError
from imta_crm.invitations.duplicates import NotHeldError, StillRefusedError, decide
from imta_crm.policy.prospects import Prospect
from tests.site.factories import as_user, count_queries, make_change, make_member, make_user
from tests.site.invitation_factories import make_campaign, make_invitation


@pytest.fixture(autouse=True)
def nobody_known(site):
	for doctype in ("Invitation", "Lead", "Membership Application", "IMTA Member", "Do Not Invite"):
		frappe.db.delete(doctype)
	return site


def party(name: str, email: str, number: int = 1, **fields) -> Prospect:
	return Prospect(
		key=str(number), name=name, country="Finland", country_code="FI", email=email, row=number, **fields
	)


FULL = party("Finnish Climbing Association", "liaison@finnish-climbing.example")
SHORT = party(
	"Finnish Climbing Assoc.", "office@finnish-climbing.example", 2, name_local="Suomen Kiipeilyliitto"
)


@pytest.fixture
def pair():
	campaign = make_campaign(running=True)
	added = prospects.add(campaign.name, [FULL, SHORT], source="File")
	assert (len(added.invited), len(added.held)) == (1, 1)
	return added.invited[0], added.held[0]


def invitation(name: str):
	return frappe.get_doc("Invitation", name)


def test_the_form_shows_both_sides(pair):
	kept, held = pair
	doc = invitation(held)
	doc.run_method("onload")
	found = doc.get("__onload").duplicate
	assert (found["doctype"], found["name"]) == ("Invitation", kept)
	rows = {row["field"]: (row["this"], row["other"]) for row in found["rows"]}
	assert rows["email"] == ("office@finnish-climbing.example", "liaison@finnish-climbing.example")
	assert rows["prospect_name_local"] == ("Suomen Kiipeilyliitto", "")
	assert doc.duplicate_reason


def test_different_goes_on_its_way(pair):
	_kept, held = pair
	assert decide(held, "Different") == "Planned"
	doc = invitation(held)
	assert (doc.duplicate_decision, doc.duplicate_decided_by) == ("Different", "Administrator")
	assert doc.live_email and doc.live_name and doc.lead
	with pytest.raises(NotHeldError):
		decide(held, "Same")


def test_the_same_is_merged_and_enriches_the_other(pair):
	kept, held = pair
	assert decide(held, "Same", {"email": "this"}) == "Merged"
	doc = invitation(kept)
	assert doc.status == "Planned"
	assert doc.prospect_name == "Finnish Climbing Association"
	assert doc.email == "office@finnish-climbing.example"
	assert doc.live_email == "Membership|office@finnish-climbing.example"
	assert doc.prospect_name_local == "Suomen Kiipeilyliitto"
	assert "liaison@finnish-climbing.example" in frappe.db.get_value(
		"Comment", {"reference_name": kept, "comment_type": "Info"}, "content"
	)
	assert invitation(held).live_email is None
	assert frappe.db.count("Lead") == 1


def test_only_values_of_the_two_sides_are_taken(pair):
	kept, held = pair
	decide(
		held, "Same", {"prospect_name": "Somebody Else", "email": "evil@elsewhere.example", "status": "this"}
	)
	doc = invitation(kept)
	assert (doc.prospect_name, doc.email) == (FULL.name, FULL.email)


def test_a_merged_prospect_is_known_at_the_next_import(pair):
	_kept, held = pair
	campaign = invitation(held).campaign
	decide(held, "Same")
	again = prospects.add(campaign, [FULL, SHORT], source="File")
	assert (len(again.invited), len(again.held), len(again.already)) == (0, 0, 2)


def test_what_was_merged_is_not_asked_again_in_the_next_campaign(pair):
	kept, held = pair
	decide(held, "Same")
	record.close(kept, "No Reply")
	campaign = make_campaign(running=True)
	added = prospects.add(campaign.name, [SHORT], source="File")
	assert added.invited
	assert invitation(added.invited[0]).lead == invitation(kept).lead


def test_the_same_as_a_lead_is_invited_under_it(site):
	lead = frappe.get_doc(
		{
			"doctype": "Lead",
			"company_name": "Finnish Climbing Assoc.",
			"country": "Finland",
			"email_id": "old@kiipeily.example",
		}
	).insert()
	campaign = make_campaign(running=True)
	added = prospects.add(campaign.name, [FULL], source="File")
	assert added.held
	assert decide(added.held[0], "Same", {"email": "this", "prospect_name": "this"}) == "Planned"
	doc = invitation(added.held[0])
	assert (doc.lead, doc.email, doc.prospect_name) == (lead.name, FULL.email, FULL.name)
	assert frappe.db.count("Lead") == 1


def test_the_same_as_a_member_is_not_invited(site):
	make_member("Finnish Climbing Assoc.", country="Finland")
	campaign = make_campaign(running=True)
	added = prospects.add(campaign.name, [FULL], source="File")
	assert decide(added.held[0], "Same") == "Merged"
	assert not frappe.db.count("Lead")


def test_the_same_as_a_former_member_is_invited_to_come_back(site):
	member = make_member("Finnish Climbing Association", country="Finland")
	make_change(member.name, "Withdraw")
	campaign = make_campaign(running=True)
	added = prospects.add(campaign.name, [FULL], source="File")
	assert added.invited
	assert invitation(added.invited[0]).member == member.name


def test_a_held_one_that_became_a_member_meanwhile_is_not_invited(pair):
	_kept, held = pair
	make_member(SHORT.name, country="Finland")
	with pytest.raises((StillRefusedError, NotHeldError)):
		decide(held, "Different")
	assert invitation(held).status in ("Held", "Withdrawn")


def test_a_held_one_that_asked_not_to_be_written_to_is_withdrawn(pair):
	_kept, held = pair
	do_not_invite.add(email=SHORT.email, reason="Asked")
	assert invitation(held).status == "Withdrawn"


def test_a_blocked_address_is_not_taken_over(pair):
	kept, held = pair
	frappe.get_doc({"doctype": "Email Unsubscribe", "email": SHORT.email, "global_unsubscribe": 1}).insert()
	with pytest.raises(StillRefusedError):
		decide(held, "Same", {"email": "this"})
	assert invitation(kept).email == FULL.email


def test_who_may_not_write_the_invitation_decides_nothing(pair):
	_kept, held = pair
	for role in ("Liaison Officer", "Alliance Leadership", "Training Coordinator", "Treasurer", None):
		with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
			decide(held, "Different")
	officer = make_user("Liaison Officer")
	record.write(held, officer=officer)
	with as_user(officer):
		assert decide(held, "Different") == "Planned"


def test_an_officer_sees_and_merges_own_records_only(pair):
	_kept, held = pair
	officer = make_user("Liaison Officer")
	record.write(held, officer=officer)
	with as_user(officer):
		doc = invitation(held)
		assert duplicates.comparison(doc)["rows"] == []
		with pytest.raises(frappe.PermissionError):
			decide(held, "Same")


# By hand


def by_hand(campaign: str, **fields):
	return frappe.get_doc(
		{
			"doctype": "Invitation",
			"campaign": campaign,
			"prospect_name": FULL.name,
			"country": "Finland",
			"email": FULL.email,
			**fields,
		}
	).insert()


def test_by_hand_the_same_rules_hold(site):
	campaign = make_campaign(running=True)
	first = by_hand(campaign.name)
	assert (first.status, first.source) == ("Planned", "By Hand")
	assert frappe.db.get_value("Invitation", first.name, "lead")
	with pytest.raises(NotInvitableError):
		by_hand(campaign.name, prospect_name="Another")
	held = by_hand(campaign.name, prospect_name=SHORT.name, email=SHORT.email)
	assert (held.status, held.duplicate_of, held.live_email) == ("Held", first.name, None)


def test_by_hand_nobody_says_where_an_invitation_stands(site):
	campaign = make_campaign(running=True)
	doc = by_hand(
		campaign.name,
		status="Admitted",
		steps_done=7,
		reply="Interested",
		live_email="y",
		link_key="z",
	)
	doc.reload()
	assert (doc.status, doc.steps_done, doc.reply or "", doc.live_email) == (
		"Planned",
		0,
		"",
		f"Membership|{FULL.email}",
	)
	assert len(doc.link_key) >= 32
	doc.update({"status": "Admitted", "campaign": campaign.name, "next_at": "2030-01-01 00:00:00"})
	doc.save()
	assert doc.status == "Planned"


def test_without_a_country_the_site_does_not_lend_its_own(site):
	campaign = make_campaign(running=True)
	frappe.defaults.set_global_default("country", "China")
	added = prospects.add(
		campaign.name, [Prospect(key="1", name="Somewhere Club", email="a@somewhere.example")], source="File"
	)
	doc = invitation(added.invited[0])
	assert (doc.country, doc.preferred_language) == (None, "en")
	assert not frappe.db.get_value("Lead", doc.lead, "country")


def test_a_changed_address_is_compared_again(site):
	campaign = make_campaign(running=True)
	make_member("Member Club", country="Peru", email="club@member.example")
	doc = by_hand(campaign.name)
	doc.email = "Club@member.example"
	with pytest.raises(NotInvitableError):
		doc.save()
	doc.reload()
	doc.email = "new@finnish-climbing.example"
	doc.save()
	assert doc.live_email == "Membership|new@finnish-climbing.example"


def test_withdrawn_with_a_reason(site):
	campaign = make_campaign(running=True)
	doc = make_invitation(campaign.name)
	doc.withdraw("Asked by the Council")
	doc.reload()
	assert (doc.status, doc.close_reason, doc.live_email) == ("Withdrawn", "Asked by the Council", None)
	applied = make_invitation(campaign.name, status="Applied")
	with pytest.raises(NotWithdrawnError):
		applied.withdraw("Too late")


# Still welcome


def test_who_became_a_member_or_opted_out_after_planning_is_not_written_to(site):
	campaign = make_campaign(running=True)
	names = [make_invitation(campaign.name).name for _ in range(4)]
	rows = [invitation(name) for name in names]
	make_member("Other Name", country="Peru", email=rows[0].email.upper())
	make_member(rows[1].prospect_name, country=rows[1].country)
	frappe.get_doc({"doctype": "Email Unsubscribe", "email": rows[2].email, "global_unsubscribe": 1}).insert()
	assert set(prospects.still_welcome(names)) == set(names[:3])


def test_members_are_welcome_at_activities_and_opt_outs_are_not(site):
	campaign = make_campaign(running=True, purpose="Activity")
	names = [make_invitation(campaign.name).name for _ in range(2)]
	rows = [invitation(name) for name in names]
	make_member(rows[0].prospect_name, country=rows[0].country, email=rows[0].email)
	frappe.get_doc({"doctype": "Email Unsubscribe", "email": rows[1].email, "global_unsubscribe": 1}).insert()
	assert set(prospects.still_welcome(names)) == {names[1]}


@pytest.mark.parametrize(("months", "invited"), [(12, 0), (6, 1), (0, 1)])
def test_not_again_within_so_many_months(site, months, invited):
	last = make_campaign(state="Completed")
	make_invitation(
		last.name,
		FULL.name,
		country="Finland",
		email=FULL.email,
		status="No Reply",
		first_sent_at=frappe.utils.add_months(frappe.utils.now_datetime(), -8),
	)
	campaign = make_campaign(running=True, not_again_months=months)
	added = prospects.add(campaign.name, [FULL], source="File")
	assert (len(added.invited), len(added.refused)) == (invited, 1 - invited)


def test_two_live_campaigns_never_share_a_party(site):
	first, second = make_campaign(running=True), make_campaign(running=True)
	prospects.add(first.name, [FULL], source="File")
	added = prospects.add(second.name, [FULL], source="File")
	assert len(added.refused) == 1 and added.refused[0].matched_doctype == "Invitation"


def test_the_database_has_the_last_word(site):
	"""What another transaction has taken since the register was read."""
	first, second = make_campaign(running=True), make_campaign(running=True)
	register = prospects.make_register(second.name)
	prospects.add(first.name, [FULL], source="File")
	added = prospects.add(
		second.name, [FULL, party("Other", "other@other.example", 3)], source="File", register=register
	)
	assert (len(added.invited), len(added.refused)) == (1, 1)
	assert frappe.db.count("Lead") == 2


def test_a_register_costs_few_queries(site):
	campaign = make_campaign(running=True)
	for _ in range(3):
		make_invitation(campaign.name)
	prospects.make_register(campaign.name)
	with count_queries() as queries:
		prospects.make_register(campaign.name)
	assert len(queries) <= 10


@pytest.mark.parametrize("made", [True, False])
def test_a_sector_that_nobody_has_named_before(site, made):
	frappe.db.set_single_value("Alliance Settings", "import_creates_sectors", int(made))
	names = ("Saimaa Cavers", "Lapland Trekking", "Turku Rope School")
	people = [party(name, f"a@cave{n}.example", n, sector="Cave Diving") for n, name in enumerate(names)]
	added = prospects.add(make_campaign(running=True).name, people, source="File")
	sectors = frappe.get_all("Invitation", {"name": ("in", added.invited)}, pluck="sector")
	assert sectors == ["Cave Diving" if made else None] * 3
	assert frappe.db.count("Market Segment", {"name": "Cave Diving"}) == int(made)
