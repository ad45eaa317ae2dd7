"""From an invitation to a seat: the campaign made from an activity, the yes, the registration, the later no."""

from __future__ import annotations

import frappe
import pytest

from imta_crm.activities import campaign, registration
from imta_crm.activities.registration import Applicant
from imta_crm.invitations import replies
from imta_crm.portal import guest, links
from imta_crm.seating import seats
from tests.site.factories import as_user, make_member, make_user
from tests.site.invitation_factories import make_campaign, make_invitation
from tests.site.seating_factories import booking, enroll, make_activity

DELEGATE = "Activity Delegate"


def invite(activity, *, role: str = "", **fields):
	"""An invitation of a guest, to this activity, by a campaign that runs."""
	asks = make_campaign(
		purpose="Activity",
		running=True,
		activity_doctype=activity.doctype,
		activity=activity.name,
		activity_name=activity.title,
		delegate_role=role,
		targets=[],
	)
	person = {"invitee_type": "Individual", "status": "Invited", "country": "Austria"}
	return make_invitation(asks.name, **{**person, "purpose": "Activity", **fields})


def yes(invitation, **how) -> None:
	replies.record(invitation.name, "Yes", via="Reply Page", **how)


def no(invitation) -> None:
	replies.record(invitation.name, "No", via="Reply Page")


def letters_of(doctype: str, name: str) -> list[str]:
	return frappe.get_all(
		"Email Queue", {"reference_doctype": doctype, "reference_name": name}, pluck="message"
	)


def delegate_of(invitation):
	name = frappe.db.get_value(DELEGATE, {"invitation": invitation.name})
	return frappe.get_doc(DELEGATE, name) if name else None


@pytest.fixture
def activity():
	return make_activity(title="Mountain Forum", title_zh="山地论坛", audience="Members and Invited Guests")


# The campaign


def test_a_campaign_is_made_from_the_activity(activity):
	with as_user(make_user("Training Coordinator")) as user:
		name = campaign.invite(activity.name)
		assert campaign.invite(activity.name) == name
		speakers = campaign.invite(activity.name, role="Speaker")
		said = campaign.numbers(activity.name)
	doc = frappe.get_doc("Invitation Campaign", name)
	assert (doc.purpose, doc.activity_doctype, doc.activity) == (
		"Activity",
		"Alliance Activity",
		activity.name,
	)
	assert (doc.activity_name, doc.activity_name_zh) == ("Mountain Forum", "山地论坛")
	assert (doc.activity_from, doc.activity_to) == (activity.starts_at, activity.ends_at)
	assert doc.activity_place.startswith("Mountain House")
	assert doc.answer_until == activity.starts_at.date()
	assert (doc.campaign_owner, doc.workflow_state) == (user, "Draft")
	assert [step.channel for step in doc.steps] == ["E-mail", "E-mail", "Call"]
	assert speakers != name
	assert [(row["campaign"], row["role"]) for row in said["campaigns"]] == [
		(name, ""),
		(speakers, "Speaker"),
	]


@pytest.mark.parametrize(
	"role", ["Liaison Officer", "Treasurer", "Alliance Leadership", "Membership Manager", None]
)
def test_who_runs_activities_invites_and_registers(activity, role):
	with as_user(make_user(role)):
		with pytest.raises(frappe.PermissionError):
			campaign.invite(activity.name)
		with pytest.raises(frappe.PermissionError):
			campaign.register_accepted(activity.name)


def test_nobody_is_invited_to_what_was_called_off(activity):
	activity.update({"status": "Cancelled", "cancel_reason": "Snow"})
	activity.save()
	with pytest.raises(campaign.ActivityOver):
		campaign.invite(activity.name)


# Yes


def test_who_says_yes_is_sent_the_link_once(activity):
	invitation = invite(activity, contact_first_name="Anna", contact_last_name="Muster")
	assert registration.link_for(invitation.name) is None
	yes(invitation)
	yes(invitation, comment="Looking forward")
	(letter,) = letters_of("Invitation", invitation.name)
	assert "Mountain Forum" in letter and "Anna Muster" in letter
	link = links.read(registration.link_for(invitation.name).rpartition("/")[2])
	assert (link.purpose, link.name) == (links.REGISTER, invitation.name)


def test_who_said_yes_to_a_draft_is_written_to_when_it_opens():
	draft = make_activity(status="Draft")
	invitation = invite(draft)
	yes(invitation)
	assert letters_of("Invitation", invitation.name) == []
	draft.status = "Open"
	draft.save()
	assert len(letters_of("Invitation", invitation.name)) == 1
	draft.status = "Closed"
	draft.save()
	draft.status = "Open"
	draft.save()
	assert len(letters_of("Invitation", invitation.name)) == 1


def test_the_reply_page_leads_to_the_registration(activity, monkeypatch):
	shown = {}
	monkeypatch.setattr(guest, "_page", lambda _kind, _status=200, **facts: shown.update(facts))
	invitation = invite(activity)
	guest.ReplyPage(guest._read(invitation.name)).get()
	assert shown["registration_url"] is None
	yes(invitation)
	guest.ReplyPage(guest._read(invitation.name)).get()
	assert shown["registration_url"] == registration.link_for(invitation.name)


def test_the_letter_is_in_the_language_of_the_invitee(activity):
	invitation = invite(activity, preferred_language="zh", prospect_name="王伟")
	yes(invitation)
	(letter,) = letters_of("Invitation", invitation.name)
	assert "=E5=B1=B1=E5=9C=B0" in letter or "山地论坛" in letter or "utf-8" in letter


def test_a_letter_that_cannot_be_sent_stops_no_answer(activity, monkeypatch):
	monkeypatch.setattr(campaign.letters, "invite_to_register", lambda *_a, **_k: 1 / 0)
	invitation = invite(activity)
	yes(invitation)
	assert frappe.db.get_value("Invitation", invitation.name, "status") == "Accepted"


def test_an_invitee_registers(activity):
	invitation = invite(
		activity,
		prospect_name="Alpine Heritage Society",
		invitee_type="Organisation",
		contact_first_name="Anna",
		contact_last_name="Muster",
	)
	yes(invitation)
	page = registration.of_invitation(invitation.name)
	assert page.is_open and page.role == "Guest" and page.booking is None
	assert (page.applicant.name, page.applicant.organisation) == ("Anna Muster", "Alpine Heritage Society")
	assert page.fixed == {"organisation", "country"}
	booked = registration.register_invited(
		invitation.name,
		Applicant(name="Anna Müller-Muster", position="Secretary General", organisation="Another House"),
	)
	doc = booking(booked, DELEGATE)
	assert (doc.status, doc.invitation, doc.email) == ("Confirmed", invitation.name, invitation.email)
	assert (doc.participant_name, doc.organisation) == ("Anna Müller-Muster", "Alpine Heritage Society")
	assert (doc.delegate_role, doc.position) == ("Guest", "Secretary General")
	again = registration.register_invited(
		invitation.name, Applicant(name="Anna Muster", remarks="Vegetarian")
	)
	assert again.already and again.name == booked.name
	doc.reload()
	assert (doc.participant_name, doc.remarks) == ("Anna Muster", "Vegetarian")
	assert registration.of_invitation(invitation.name).booking.status == "Confirmed"


def test_nobody_else_comes_with_the_link(activity):
	invitation = invite(activity, contact_first_name="Anna", contact_last_name="Muster")
	yes(invitation)
	with pytest.raises(registration.RegistrationNotUnderstood, match="Anna Muster"):
		registration.register_invited(invitation.name, Applicant(name="Boris Becker"))


def test_the_role_is_the_campaigns(activity):
	invitation = invite(activity, role="Speaker")
	yes(invitation)
	booked = registration.register_invited(invitation.name, Applicant(name=invitation.prospect_name))
	assert booking(booked, DELEGATE).delegate_role == "Speaker"


def test_who_has_not_said_yes_does_not_register(activity):
	invitation = invite(activity)
	with pytest.raises(registration.NotAccepted):
		registration.register_invited(invitation.name, Applicant(name="Anna"))
	yes(invitation)
	no(invitation)
	with pytest.raises(registration.NotAccepted):
		registration.register_invited(invitation.name, Applicant(name="Anna"))


def test_a_no_at_the_same_moment_counts(activity, monkeypatch):
	invitation = invite(activity)
	yes(invitation)
	request = seats.request

	def meanwhile(*args, **how):
		booked = request(*args, **how)
		frappe.db.set_value("Invitation", invitation.name, "status", "Declined")
		return booked

	monkeypatch.setattr(seats, "request", meanwhile)
	with pytest.raises(registration.NotAccepted):
		registration.register_invited(invitation.name, Applicant(name=invitation.prospect_name))


def test_an_invited_member_is_a_delegate_with_the_own_tier(activity):
	member = make_member(tier="Council", email="office@council.example")
	invitation = invite(
		activity,
		prospect_name=member.member_name,
		invitee_type="Organisation",
		member=member.name,
		contact=member.primary_contact,
		email=member.email,
	)
	yes(invitation)
	page = registration.of_invitation(invitation.name)
	assert page.applicant.name == "", "a house has no name of a person"
	booked = registration.register_invited(invitation.name, Applicant(name="Ueli Steck"))
	doc = booking(booked, DELEGATE)
	assert (doc.member, doc.tier, doc.delegate_role) == (member.name, "Council", "Delegate")
	assert (doc.participant_name, doc.organisation) == ("Ueli Steck", member.member_name)


def test_registration_closes(activity):
	invitation = invite(activity)
	yes(invitation)
	activity.reload()
	activity.status = "Closed"
	activity.save()
	assert not registration.of_invitation(invitation.name).is_open
	assert registration.link_for(invitation.name) is None
	with pytest.raises(seats.EnrollmentRefused):
		registration.register_invited(invitation.name, Applicant(name=invitation.prospect_name))


def test_a_draft_shows_nothing():
	activity = make_activity(status="Draft")
	invitation = invite(activity)
	yes(invitation)
	assert registration.of_invitation(invitation.name) is None
	assert registration.of_everybody(activity.name) is None


# Those who said yes, by the desk


def test_those_who_said_yes_are_registered_once(activity):
	first, second, third = (invite(activity) for _ in range(3))
	yes(first)
	yes(second)
	no(third)
	assert campaign.numbers(activity.name)["registered"] == 0
	with as_user(make_user("Training Coordinator")):
		said = campaign.register_accepted(activity.name)
		again = campaign.register_accepted(activity.name)
	assert (said["registered"], said["waitlisted"], said["refused"]) == (2, 0, [])
	assert (again["registered"], again["already"]) == (0, 2)
	assert {delegate_of(each).status for each in (first, second)} == {"Confirmed"}
	assert delegate_of(third) is None
	said = campaign.numbers(activity.name)
	assert (said["asked"], said["yes"], said["no"], said["registered"]) == (3, 2, 1, 2)


def test_a_full_activity_has_a_waitlist_for_them_too():
	activity = make_activity(capacity=1)
	enroll(activity)
	invitation = invite(activity)
	yes(invitation)
	assert campaign.register_accepted(activity.name)["waitlisted"] == 1


def test_who_cancelled_is_not_registered_again(activity):
	invitation = invite(activity)
	yes(invitation)
	campaign.register_accepted(activity.name)
	seats.cancel(DELEGATE, delegate_of(invitation).name, reason="Ill", by=None)
	said = campaign.register_accepted(activity.name)
	assert (said["registered"], said["cancelled"]) == (0, 1)


def test_one_refusal_stops_nobody(activity):
	elsewhere = make_activity()
	busy, free = (invite(activity) for _ in range(2))
	yes(busy)
	yes(free)
	person = registration.person_of(registration.answers.answer_of(busy.name)[0])
	enroll(elsewhere, person, by_staff=True)
	said = campaign.register_accepted(activity.name)
	assert said["registered"] == 1
	assert [row["name"] for row in said["refused"]] == [busy.prospect_name]
	assert elsewhere.title in said["refused"][0]["reason"]


def test_how_many_more_were_refused_is_told(activity, monkeypatch):
	monkeypatch.setattr(campaign, "REASONS_SHOWN", 1)
	elsewhere = make_activity()
	for _ in range(3):
		invitation = invite(activity)
		yes(invitation)
		person = registration.person_of(registration.answers.answer_of(invitation.name)[0])
		enroll(elsewhere, person, by_staff=True)
	said = campaign.register_accepted(activity.name)
	assert (len(said["refused"]), said["more_refused"]) == (1, 2)


def test_many_are_registered_by_a_job_that_tells_who_asked(activity, monkeypatch):
	monkeypatch.setattr(campaign, "AT_ONCE", 1)
	both = [invite(activity) for _ in range(2)]
	for invitation in both:
		yes(invitation)
	with as_user(make_user("Training Coordinator")) as _user:
		user = frappe.session.user
		assert campaign.register_accepted(activity.name) == {"queued": 2}
		assert campaign.register_and_tell(activity.name)["registered"] == 2
		assert campaign.register_and_tell(activity.name)["already"] == 2
	told = frappe.get_all(
		"Notification Log", {"for_user": user, "document_name": activity.name}, pluck="subject"
	)
	assert len(told) == 2 and any("2 registered" in each for each in told)


def test_the_house_registered_by_the_desk_names_its_person_later(activity):
	invitation = invite(activity, prospect_name="Alpine Heritage Society", invitee_type="Organisation")
	yes(invitation)
	campaign.register_accepted(activity.name)
	assert delegate_of(invitation).participant_name == "Alpine Heritage Society"
	registration.register_invited(invitation.name, Applicant(name="Anna Muster"))
	assert delegate_of(invitation).participant_name == "Anna Muster"


# No


def test_a_later_no_gives_the_seat_back():
	activity = make_activity(capacity=1)
	invitation = invite(activity)
	yes(invitation)
	registration.register_invited(invitation.name, Applicant(name=invitation.prospect_name))
	waiting = enroll(activity)
	no(invitation)
	doc = delegate_of(invitation)
	assert (doc.status, doc.cancel_reason) == ("Cancelled", "Has declined the invitation.")
	assert booking(waiting, DELEGATE).status == "Offered"


def test_a_lost_job_is_caught_up(activity, monkeypatch):
	invitation = invite(activity)
	yes(invitation)
	registration.register_invited(invitation.name, Applicant(name=invitation.prospect_name))
	with monkeypatch.context() as patched:
		patched.setattr(frappe, "enqueue", lambda *_a, **_k: None)
		no(invitation)
	assert delegate_of(invitation).status == "Confirmed"
	assert campaign.catch_up() == 1
	assert campaign.catch_up() == 0
	assert delegate_of(invitation).status == "Cancelled"


def test_who_was_there_keeps_the_seat(activity):
	invitation = invite(activity)
	yes(invitation)
	booked = registration.register_invited(invitation.name, Applicant(name=invitation.prospect_name))
	seats.mark(DELEGATE, booked.name, "Attended", via="List")
	no(invitation)
	assert delegate_of(invitation).status == "Attended"


def test_an_invitation_to_something_else_is_none_of_ours(activity):
	other = invite(activity)
	frappe.db.set_value("Invitation Campaign", other.campaign, {"activity_doctype": "Event", "activity": "x"})
	frappe.local.imta_campaign_rules = {}
	yes(other)
	assert registration.of_invitation(other.name) is None
	assert letters_of("Invitation", other.name) == []
