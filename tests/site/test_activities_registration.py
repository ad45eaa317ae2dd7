"""Registering at an activity for everybody: an address is proved by a letter before anything is stored."""

from __future__ import annotations

import re

import frappe
import pytest

from imta_crm.activities import registration
from imta_crm.activities.registration import Applicant, RegistrationNotUnderstood
from imta_crm.portal import links
from imta_crm.seating import seats
from tests.site.factories import make_contact, make_member, make_user
from tests.site.invitation_factories import make_account
from tests.site.seating_factories import booking, enroll, make_activity, make_guest, make_person

DELEGATE = "Activity Delegate"
EMAIL = "somebody@alps.example"
VISITOR = Applicant(name="Anna Muster", country="Austria", organisation="Alpine Club", language="en")


@pytest.fixture
def activity():
	make_account()
	return make_activity(title="Theme Day", title_zh="主题日", kind="Theme Day")


def letters() -> list[frappe._dict]:
	return frappe.get_all("Email Queue", fields=["name", "message"], order_by="creation desc", limit=5)


def test_asking_stores_nothing_and_writes_to_the_address(activity):
	before = len(frappe.get_all("Email Queue"))
	registration.ask(activity.name, EMAIL, "en")
	assert not frappe.db.exists(DELEGATE, {"activity": activity.name})
	assert not frappe.db.exists("Contact", {"email_id": EMAIL})
	assert len(frappe.get_all("Email Queue")) == before + 1
	queue = frappe.get_last_doc("Email Queue")
	assert [row.recipient for row in queue.recipients] == [EMAIL]
	text = re.sub(r"=\r?\n", "", queue.message)
	token = re.search(r"/register/([a-z2-7]+)", text)[1]
	link = links.read(token)
	assert (link.name, link.email, link.purpose) == (activity.name, EMAIL, links.CONFIRMED)


def test_a_link_to_an_address_expires(activity):
	link = links.read(links.confirmed_url(activity.name, EMAIL).rpartition("/")[2])
	assert not link.is_expired
	assert frappe.utils.date_diff(link.expires_on, frappe.utils.getdate()) == links.CONFIRMED_DAYS


def test_a_link_to_another_address_is_no_link(activity):
	token = links.confirmed_url(activity.name, EMAIL).rpartition("/")[2]
	other = links.confirmed_url(activity.name, "other@alps.example").rpartition("/")[2]
	assert links.read(token[:52] + other[52:]) is None


def test_few_letters_a_day_to_one_address(activity, monkeypatch):
	counts = {}

	def over(what, who, limit, seconds):
		counts[what, who] = counts.get((what, who), 0) + 1
		return counts[what, who] > limit

	monkeypatch.setattr(registration, "over_limit", over)
	before = len(frappe.get_all("Email Queue"))
	for email in (EMAIL, EMAIL.upper(), EMAIL, EMAIL, EMAIL):
		registration.ask(activity.name, email, "en")
	assert len(frappe.get_all("Email Queue")) == before + registration.LETTERS_A_DAY


@pytest.mark.parametrize(
	"email",
	["", "nobody", "a@b.example, c@d.example", "a@b.example\nBcc: c@d.example", "x" * 150 + "@a.example"],
)
def test_what_is_no_address_is_refused(activity, email):
	with pytest.raises(RegistrationNotUnderstood):
		registration.ask(activity.name, email, "en")


@pytest.mark.parametrize("audience", ["Members", "Members and Invited Guests"])
def test_strangers_register_where_the_activity_is_for_everybody_only(audience):
	activity = make_activity(audience=audience)
	assert registration.of_everybody(activity.name) is None
	assert registration.of_address(activity.name, EMAIL) is None
	with pytest.raises(RegistrationNotUnderstood):
		registration.ask(activity.name, EMAIL, "en")
	with pytest.raises(RegistrationNotUnderstood):
		registration.register_confirmed(activity.name, EMAIL, VISITOR)


def test_a_stranger_registers_once(activity):
	booked = registration.register_confirmed(activity.name, EMAIL, VISITOR)
	again = registration.register_confirmed(activity.name, EMAIL, VISITOR)
	assert (booked.status, again.name, again.already) == ("Confirmed", booked.name, True)
	doc = booking(booked, DELEGATE)
	assert (doc.participant_type, doc.delegate_role, doc.contact) == ("Guest", "Guest", None)
	assert (doc.participant_name, doc.email, doc.country) == ("Anna Muster", EMAIL, "Austria")
	assert registration.of_address(activity.name, EMAIL).booking.name == booked.name


def test_another_person_does_not_take_the_address_over(activity):
	registration.register_confirmed(activity.name, EMAIL, VISITOR)
	with pytest.raises(RegistrationNotUnderstood, match="Anna Muster"):
		registration.register_confirmed(
			activity.name, EMAIL, Applicant(name="Boris Becker", country="Austria")
		)


@pytest.mark.parametrize(
	("typed", "said"),
	[
		({"name": ""}, "name"),
		({"name": "x" * 141}, "140"),
		({"name": "visit www.spam.example"}, "web addresses"),
		({"country": ""}, "country"),
		({"country": "Atlantis"}, "country"),
		({"remarks": "x" * 501}, "500"),
	],
)
def test_what_cannot_be_is_refused(activity, typed, said):
	applicant = Applicant(**{**VISITOR.__dict__, **typed})
	with pytest.raises(RegistrationNotUnderstood, match=said):
		registration.register_confirmed(activity.name, EMAIL, applicant)


def test_nothing_typed_becomes_markup(activity):
	applicant = Applicant(name="Anna <script>Muster", country="Austria", remarks="<img src=x>")
	doc = booking(registration.register_confirmed(activity.name, EMAIL, applicant), DELEGATE)
	assert "<s" not in doc.participant_name
	assert "<i" not in (doc.remarks or "")


def test_a_member_is_known_by_the_address(activity):
	member = make_member(tier="Council")
	person = make_person("Anna Muster", member=member, email=EMAIL)
	booked = registration.register_confirmed(activity.name, EMAIL, VISITOR)
	doc = booking(booked, DELEGATE)
	assert (doc.member, doc.tier, doc.contact) == (member.name, "Council", person.contact)
	assert (doc.delegate_role, doc.organisation) == ("Delegate", member.member_name)


def test_of_several_at_one_address_the_name_decides(activity):
	member = make_member()
	make_person("Boris Becker", member=member, email=EMAIL)
	mine = make_person("Anna Muster", member=member, email=EMAIL)
	doc = booking(registration.register_confirmed(activity.name, EMAIL, VISITOR), DELEGATE)
	assert doc.contact == mine.contact
	stranger = Applicant(name="Carl Zeiss", country="Austria")
	with pytest.raises(RegistrationNotUnderstood):
		registration.register_confirmed(activity.name, EMAIL, stranger)


def test_a_link_in_a_mail_is_no_log_in_for_staff(activity):
	user = make_user("Training Coordinator")
	contact = make_contact("Anna Muster", email=user)
	frappe.db.set_value("Contact", contact.name, "user", user)
	doc = booking(registration.register_confirmed(activity.name, user, VISITOR), DELEGATE)
	assert (doc.participant_type, doc.contact) == ("Guest", None)


def test_a_guest_without_a_country_gets_none():
	activity = make_activity()
	assert booking(enroll(activity, make_guest()), DELEGATE).country is None


def test_full_and_closed(activity):
	activity.capacity = 1
	activity.save()
	registration.register_confirmed(activity.name, EMAIL, VISITOR)
	waiting = registration.register_confirmed(activity.name, "two@alps.example", VISITOR)
	assert (waiting.status, waiting.place_in_line) == ("Waitlisted", 1)
	activity.reload()
	activity.status = "Closed"
	activity.save()
	assert not registration.of_everybody(activity.name).is_open
	with pytest.raises(seats.EnrollmentRefused):
		registration.register_confirmed(activity.name, "three@alps.example", VISITOR)
	with pytest.raises(RegistrationNotUnderstood):
		registration.ask(activity.name, "three@alps.example", "en")
