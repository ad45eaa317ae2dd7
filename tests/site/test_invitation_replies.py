"""What a reply does, from whatever status and by whatever way; who may take one down; what the officer reads."""

from __future__ import annotations

from datetime import date

import frappe
import pytest
from frappe.utils import add_days, getdate

from imta_crm.invitations import record as invitations
from imta_crm.invitations import replies
from imta_crm.invitations.replies import Referral, ReplyNotUnderstood, record, record_by_officer
from imta_crm.policy import invitation as policy
from tests.site.factories import as_user, make_user, next_number
from tests.site.invitation_factories import make_campaign, make_invitation

SOON = 20


def invite(status: str = "Invited", *, campaign=None, purpose: str = "Membership", **fields):
	campaign = campaign or make_campaign(running=True, purpose=purpose).name
	fields.setdefault("started_on", getdate() if status != "Planned" else None)
	return make_invitation(campaign, status=status, **fields)


def answer(doc, reply: str, **fields) -> str:
	if reply == "Later":
		fields.setdefault("later_on", in_days(SOON))
	return record(doc.name, reply, via=fields.pop("via", "Reply Page"), **fields)


def in_days(days: int) -> date:
	return getdate(add_days(getdate(), days))


def stored(doc):
	return frappe.get_doc("Invitation", doc.name)


def bells(doc) -> list[frappe._dict]:
	return frappe.get_all("Notification Log", {"document_name": doc.name}, ["for_user", "subject"])


def tasks(doc, **filters) -> list[frappe._dict]:
	return frappe.get_all(
		"ToDo", {"reference_name": doc.name, **filters}, ["allocated_to", "description", "date", "status"]
	)


def notes(doc) -> list[str]:
	return frappe.get_all("Comment", {"reference_name": doc.name, "comment_type": "Info"}, pluck="content")


# From every status, every reply


@pytest.mark.parametrize("purpose", policy.PURPOSES)
@pytest.mark.parametrize("status", policy.STATUSES)
def test_every_reply_from_every_status_does_what_the_rules_say(status, purpose):
	for reply in policy.REPLIES:
		doc = invite(status, purpose=purpose)
		try:
			expected = policy.after_reply(status, reply, purpose)
		except policy.ForbiddenReply:
			before = stored(doc).as_dict()
			with pytest.raises(policy.ForbiddenReply):
				answer(doc, reply)
			assert stored(doc).as_dict() == before
			continue
		assert answer(doc, reply) == expected, reply
		after = stored(doc)
		assert after.status == expected
		if status not in policy.SETTLED or reply != "By Mail":
			assert after.reply == reply
			assert after.replied_at
		alive = expected in policy.ALIVE
		if purpose == "Membership":
			assert bool(after.live_name) == alive
		assert bool(after.live_email) == alive
		assert alive or not after.next_at
		assert bool(frappe.db.exists("Do Not Invite", {"invitation": doc.name})) == (reply == "Do Not Write")


@pytest.mark.parametrize("purpose", policy.PURPOSES)
def test_the_same_reply_again_changes_nothing(purpose):
	for reply in policy.replies_for(purpose):
		doc = invite(purpose=purpose)
		status = answer(doc, reply, comment="Thank you")
		before, said, rung = stored(doc).as_dict(), notes(doc), bells(doc)
		for _ in range(2):
			assert answer(doc, reply, comment="Thank you") == status
			assert answer(doc, reply) == status
		assert stored(doc).as_dict() == before
		assert notes(doc) == said
		assert bells(doc) == rung


def test_a_word_added_later_is_kept():
	doc = invite()
	answer(doc, "Interested")
	answer(doc, "Interested", comment="Call me on Monday")
	answer(doc, "Interested")
	assert stored(doc).reply_comment == "Call me on Monday"
	assert any("Call me on Monday" in note for note in notes(doc))


def test_minds_change_and_the_history_stays():
	doc = invite()
	for reply, status in (("No", "Declined"), ("Interested", "Interested"), ("Later", "Later")):
		assert answer(doc, reply) == status
	after = stored(doc)
	assert after.later_on == in_days(SOON)
	assert not after.closed_at
	said = " ".join(notes(doc))
	for reply in ("No", "Interested", "Later"):
		assert f"Reply: {reply}" in said
	answer(doc, "Interested")
	assert not stored(doc).later_on, "the day belongs to Later alone"


def test_how_long_people_take_is_counted_to_their_first_answer():
	doc = invite()
	answer(doc, "Later")
	long_ago = add_days(stored(doc).replied_at, -9)
	frappe.db.set_value("Invitation", doc.name, "replied_at", long_ago)
	answer(doc, "Interested")
	assert stored(doc).replied_at == long_ago


def test_a_no_does_not_take_back_the_wish_to_be_left_alone():
	doc = invite()
	answer(doc, "Do Not Write")
	assert answer(doc, "No") == "Do Not Write"
	assert stored(doc).reply == "Do Not Write"


# Steps


def test_later_names_the_next_day():
	doc = invite()
	answer(doc, "Later", later_on=in_days(30))
	after = stored(doc)
	assert getdate(after.next_at) >= in_days(30)
	assert after.next_step
	answer(doc, "Later", later_on=in_days(50))
	assert getdate(stored(doc).next_at) >= in_days(50)


@pytest.mark.parametrize("reply", ["Interested", "No", "Wrong Person", "Do Not Write"])
def test_no_step_follows(reply):
	from imta_crm.invitations import sending

	doc = invite("Planned")
	sending.plan([doc.name])
	assert stored(doc).next_at
	answer(doc, reply)
	after = stored(doc)
	assert not after.next_at
	assert not after.next_step


@pytest.mark.parametrize("days", [None, 0, -3, 900])
def test_later_needs_a_day_in_the_future(days):
	doc, day = invite(), None if days is None else in_days(days)
	with pytest.raises(ReplyNotUnderstood):
		record(doc.name, "Later", via="Reply Page", later_on=day)
	assert stored(doc).status == "Invited"


def test_later_than_the_campaign_is_a_task_for_the_officer():
	officer = make_user("Liaison Officer")
	doc = invite(officer=officer)
	answer(doc, "Later", later_on=in_days(200))
	(task,) = tasks(doc)
	assert (task.allocated_to, task.date) == (officer, in_days(200))


# Another campaign, another person


def test_reopened_beside_another_live_invitation_stays_as_it_is():
	doc = invite()
	answer(doc, "No")
	other = (
		invite(prospect_name=doc.prospect_name, name=doc.prospect_name, email=doc.email) if False else None
	)
	other = make_invitation(
		make_campaign(running=True).name,
		doc.prospect_name,
		status="Invited",
		email=doc.email,
		country=doc.country,
	)
	assert answer(doc, "Interested") == "Declined"
	after = stored(doc)
	assert (after.reply, after.status) == ("Interested", "Declined")
	assert after.closed_at
	assert any("another campaign" in note for note in notes(doc))
	assert stored(other).live_email


def referred(doc) -> list[frappe._dict]:
	return frappe.get_all(
		"Invitation",
		{"referred_by": doc.name},
		["name", "email", "source", "prospect_name", "contact_first_name", "status", "officer"],
	)


def test_who_is_named_instead_is_invited():
	officer = make_user("Liaison Officer")
	doc = invite(officer=officer)
	answer(doc, "Wrong Person", referral=Referral("Maria  Rossi ", " maria@other-house.example"))
	(row,) = referred(doc)
	assert row.email == "maria@other-house.example"
	assert row.contact_first_name == "Maria Rossi"
	assert (row.source, row.prospect_name, row.officer) == ("Referral", doc.prospect_name, officer)
	assert row.status in ("Planned", "Held")
	assert not tasks(doc)


def test_who_is_named_must_be_welcome():
	from imta_crm.invitations import do_not_invite

	do_not_invite.add(email="left-alone@other-house.example", reason="asked")
	doc = invite(officer=make_user("Liaison Officer"))
	answer(doc, "Wrong Person", referral=Referral("Maria Rossi", "left-alone@other-house.example"))
	assert not referred(doc)
	assert stored(doc).status == "Wrong Person"
	assert len(tasks(doc)) == 1, "a person finds the right one"


def test_one_link_names_few_others():
	doc = invite()
	for n in range(replies.REFERRALS + 3):
		referral = Referral(f"Friend {n}", f"friend{next_number()}@house{next_number()}.example")
		answer(doc, "Wrong Person", referral=referral, comment=f"Try {n}")
	assert len(referred(doc)) <= replies.REFERRALS


def test_nor_do_those_whom_it_names():
	"""Whoever has a catch-all address could name it and go on from there."""
	first = doc = invite(invitee_type="Individual")
	for n in range(replies.REFERRALS + 2):
		answer(doc, "Wrong Person", referral=Referral(f"Kin {n}", f"kin{next_number()}@kin.example"))
		if not (named := referred(doc)):
			break
		doc = frappe.get_doc("Invitation", named[0].name)
		frappe.db.set_value("Invitation", doc.name, "status", "Invited")
	assert (
		frappe.db.count("Invitation", {"campaign": first.campaign, "source": "Referral"}) == replies.REFERRALS
	)


@pytest.mark.parametrize(
	("typed", "name"),
	[
		("win at casino.example", "win at casino. example"),
		("J.R. Ng", "J. R. Ng"),
		("St. Moritz", "St. Moritz"),
	],
)
def test_a_name_is_no_link_in_our_letters(typed, name):
	assert replies.checked_referral(Referral(typed, "a@b.example")).name == name


@pytest.mark.parametrize("typed", ["a@b.example", "casino.example/win", "<b>x</b>", "https://x.example"])
def test_what_looks_like_an_address_is_no_name(typed):
	with pytest.raises(ReplyNotUnderstood):
		replies.checked_referral(Referral(typed, "a@b.example"))


def test_a_referral_that_fails_loses_no_reply(monkeypatch):
	from imta_crm.invitations import prospects

	def fail(*args, **kwargs):
		frappe.db.set_value("Invitation", doc.name, "phone", "half done")
		raise RuntimeError("no register")

	monkeypatch.setattr(prospects, "add", fail)
	doc = invite(officer=make_user("Liaison Officer"))
	assert answer(doc, "Wrong Person", referral=Referral("Maria", "maria@x.example")) == "Wrong Person"
	after = stored(doc)
	assert after.status == "Wrong Person"
	assert not after.phone
	assert any("maria@x.example" in note for note in notes(doc)), "the officer reads who was named"


def test_no_referral_after_the_campaign():
	doc = invite(officer=make_user("Liaison Officer"))
	frappe.db.set_value("Invitation Campaign", doc.campaign, "workflow_state", "Completed")
	answer(doc, "Wrong Person", referral=Referral("Maria", "maria@late.example"))
	assert not referred(doc)
	assert stored(doc).status == "Wrong Person"
	assert tasks(doc)


# Lists, Lead, application


@pytest.mark.parametrize("via", ["Reply Page", "E-mail", "One-Click Unsubscribe", "Officer"])
def test_do_not_write_is_for_every_campaign(via):
	from imta_crm.invitations import do_not_invite

	doc = invite()
	answer(doc, "Do Not Write", via=via, comment="Never")
	assert do_not_invite.is_blocked(doc.email.upper())
	source = frappe.db.get_value("Do Not Invite", {"invitation": doc.name}, "source")
	assert source == ("Secretariat" if via == "Officer" else via)


def test_do_not_write_without_an_address_counts_for_the_name():
	from imta_crm.invitations import do_not_invite

	doc = invite(email=None)
	answer(doc, "Do Not Write", via="Officer")
	assert do_not_invite.is_blocked(party_name=doc.prospect_name, country=doc.country)


def test_the_lead_follows():
	from imta_crm.erp import leads

	for reply, status in (("Interested", "Interested"), ("Do Not Write", "Do Not Contact")):
		number = next_number()
		lead = leads.ensure_lead(
			leads.Party(organisation=f"Lead Club {number}", email=f"lead{number}@lead{number}.example")
		)
		doc = invite(lead=lead)
		answer(doc, reply)
		assert frappe.db.get_value("Lead", lead, "status") == status
	assert frappe.db.get_value("Lead", lead, "unsubscribed")


def test_interest_begins_an_application_once():
	doc = invite()
	for _ in range(3):
		answer(doc, "Interested")
	assert stored(doc).application
	assert frappe.db.count("Membership Application", {"applicant_name": doc.prospect_name}) == 1


def test_a_yes_to_an_activity_begins_no_application():
	doc = invite(purpose="Activity")
	assert answer(doc, "Yes") == "Accepted"
	assert not stored(doc).application


# What the officer reads


def test_the_officer_hears_of_it():
	officer = make_user("Liaison Officer")
	doc = invite(officer=officer)
	answer(doc, "No")
	assert [row.for_user for row in bells(doc)] == [officer]
	assert doc.prospect_name in bells(doc)[0].subject


def test_without_an_officer_the_owner_of_the_campaign_hears_of_it():
	owner = make_user("Membership Manager")
	doc = invite(campaign=make_campaign(running=True, campaign_owner=owner).name)
	frappe.db.set_value("Invitation", doc.name, "officer", None)
	answer(doc, "No")
	assert [row.for_user for row in bells(doc)] == [owner]


def test_what_a_stranger_wrote_is_text_to_the_officer():
	officer = make_user("Liaison Officer")
	doc = invite(officer=officer, prospect_name="<img src=x onerror=alert(1)>Club")
	answer(doc, "Wrong Person", comment="<script>alert(2)</script>", via="Reply Page")
	shown = " ".join(
		[*notes(doc), *(row.subject for row in bells(doc)), *(row.description for row in tasks(doc))]
	)
	assert "<script" not in shown
	assert "<img" not in shown


def test_the_officer_reads_the_own_language_whatever_the_guest_speaks():
	officer = make_user("Liaison Officer")
	doc = invite(officer=officer)
	before, frappe.local.lang = frappe.local.lang, "zh"
	try:
		answer(doc, "Wrong Person")
	finally:
		frappe.local.lang = before
	assert "Find the right person" in tasks(doc)[0].description
	assert "Reply: Wrong Person" in " ".join(notes(doc))


# By mail


def test_a_mail_in_free_words_stops_the_steps_and_waits_for_the_officer():
	officer = make_user("Liaison Officer")
	doc = invite(officer=officer)
	assert answer(doc, "By Mail", via="E-mail", comment="We shall discuss it") == "Invited"
	after = stored(doc)
	assert (after.reply, after.reply_via, after.reply_comment) == ("By Mail", "E-mail", "We shall discuss it")
	assert not after.next_step, "all later steps are only for those who have not replied"
	(task,) = tasks(doc, status="Open")
	assert task.allocated_to == officer
	answer(doc, "By Mail", via="E-mail", comment="One more thing")
	assert len(tasks(doc, status="Open")) == 1
	with as_user(officer):
		assert record_by_officer(doc.name, "Interested") == "Interested"
	assert not tasks(doc, status="Open", description=("like", "Read the mail%"))


def test_a_mail_after_an_answer_takes_nothing_back():
	doc = invite(officer=make_user("Liaison Officer"))
	answer(doc, "Interested", comment="Gladly")
	answer(doc, "By Mail", via="E-mail", comment="Thank you for the papers")
	after = stored(doc)
	assert (after.status, after.reply, after.reply_comment) == ("Interested", "Interested", "Gladly")
	assert tasks(doc, description=("like", "Read the mail%"))


# Taken down by an officer


def test_an_officer_takes_down_what_was_said_on_the_phone():
	officer = make_user("Liaison Officer")
	doc = invite(officer=officer)
	with as_user(officer):
		status = record_by_officer(doc.name, "Later", "Busy until spring", str(in_days(SOON)))
	after = stored(doc)
	assert status == after.status == "Later"
	assert (after.reply_via, after.later_on) == ("Officer", in_days(SOON))
	assert not bells(doc), "the officer knows"


@pytest.mark.parametrize(
	("role", "own", "purpose", "may"),
	[
		("Liaison Officer", True, "Membership", True),
		("Liaison Officer", False, "Membership", False),
		("Membership Manager", False, "Membership", True),
		("System Manager", False, "Membership", True),
		("Training Coordinator", False, "Activity", True),
		("Training Coordinator", False, "Membership", False),
		("Alliance Leadership", False, "Membership", False),
		("Treasurer", False, "Membership", False),
		("Alliance Member", False, "Membership", False),
		(None, False, "Membership", False),
		("Guest", False, "Membership", False),
	],
)
def test_who_may_take_a_reply_down(role, own, purpose, may):
	user = "Guest" if role == "Guest" else make_user(role)
	doc = invite(purpose=purpose, officer=user if own else make_user("Liaison Officer"))
	with as_user(user):
		if may:
			assert record_by_officer(doc.name, "No") == "Declined"
			return
		with pytest.raises(frappe.PermissionError):
			record_by_officer(doc.name, "No")
	assert stored(doc).status == "Invited"


@pytest.mark.parametrize("reply", ["By Mail", "Yes", "Admitted", "", "Planned"])
def test_an_officer_takes_down_only_replies(reply):
	doc = invite()
	with pytest.raises(ReplyNotUnderstood):
		record_by_officer(doc.name, reply)
	assert stored(doc).status == "Invited"


def test_an_officer_is_told_why_a_closed_invitation_takes_none():
	doc = invite("Admitted")
	with pytest.raises(ReplyNotUnderstood) as error:
		record_by_officer(doc.name, "No")
	assert "reply_settled" not in str(error.value)


def test_only_posts_and_no_guests():
	from frappe import allowed_http_methods_for_whitelisted_func, guest_methods

	assert allowed_http_methods_for_whitelisted_func[record_by_officer] == ["POST"]
	assert record_by_officer not in guest_methods


def test_nothing_is_left_when_something_fails(monkeypatch):
	doc = invite()
	before = stored(doc).as_dict()

	def fail(*args, **kwargs):
		raise RuntimeError("planned")

	monkeypatch.setattr(invitations, "note", fail)
	frappe.db.savepoint("before_reply")
	with pytest.raises(RuntimeError):
		answer(doc, "Interested")
	frappe.db.rollback(save_point="before_reply")
	assert stored(doc).as_dict() == before


@pytest.mark.parametrize("purpose", policy.PURPOSES)
@pytest.mark.parametrize("status", policy.STATUSES)
def test_the_form_offers_what_the_officer_may_record(purpose, status):
	doc = invite(status, purpose=purpose)
	doc.run_method("onload")
	offered = doc.get_onload("replies")
	assert bool(offered) == (status not in (policy.HELD, *policy.SETTLED))
	assert set(offered) <= set(policy.replies_for(purpose))
	if purpose == policy.ACTIVITY:
		assert policy.LATER not in offered
