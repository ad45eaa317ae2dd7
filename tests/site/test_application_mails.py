"""What applicants are told: on receipt, on approval, and on rejection where the manager asks for it."""

from __future__ import annotations

import email
from email import policy

import frappe
import pytest
from frappe.model.workflow import apply_workflow

from imta_crm.membership.doctype.membership_application import mails
from tests.site.factories import make_member, next_number
from tests.site.test_applications import make_application
from tests.site.test_guest import apply, clean_limits, outgoing  # noqa: F401 (fixtures)


def sent_for(application) -> list[tuple[str, str, list[str]]]:
	"""Subject, text and recipients of each mail that refers to the application."""
	found = []
	for row in frappe.get_all(
		"Email Queue",
		{"reference_doctype": application.doctype, "reference_name": application.name},
		["name", "message"],
		order_by="creation",
	):
		message = email.message_from_string(row.message, policy=policy.default)
		recipients = frappe.get_all("Email Queue Recipient", {"parent": row.name}, pluck="recipient")
		found.append((message["subject"], message.get_body(("html",)).get_content(), recipients))
	return found


def at_council(**fields):
	return make_application("Council Review", email=f"chair{next_number()}@club.example", **fields)


@pytest.mark.parametrize(
	("language", "subject", "words"),
	[
		("en", "Welcome to", ("Member number", "Ordinary", "dues notice")),
		("zh", "欢迎加入", ("会员编号", "普通会员", "会费通知")),
		(None, "Welcome to", ("Member number",)),
	],
)
def test_who_is_admitted_is_welcomed_in_the_own_language(outgoing, language, subject, words):  # noqa: F811
	application = at_council(preferred_language=language)
	apply_workflow(application, "Approve")
	application.reload()
	((title, text, recipients),) = sent_for(application)
	assert title.startswith(subject)
	for word in (application.member, *words):
		assert word in text, word
	assert recipients == [application.email]
	assert application.told_on


def test_exempt_members_are_not_told_of_dues(outgoing):  # noqa: F811
	application = at_council(applicant_type="Individual", tier="Individual")
	apply_workflow(application, "Approve")
	((_, text, _),) = sent_for(application)
	assert "no dues" in text
	assert "dues notice" not in text


def test_nobody_is_told_where_the_manager_does_not_want_it(outgoing):  # noqa: F811
	application = at_council(tell_admission=0)
	apply_workflow(application, "Approve")
	assert not sent_for(application)
	assert not application.reload().told_on


def test_a_rejection_is_told_only_when_asked_for(outgoing):  # noqa: F811
	silent, told = at_council(), at_council(tell_rejection=1, rejection_reason="Sells crypto holidays")
	for application in (silent, told):
		apply_workflow(application, "Reject")
	assert not sent_for(silent)
	((subject, text, recipients),) = sent_for(told)
	assert subject.startswith("Your application to")
	assert "not been accepted" in text
	assert "crypto" not in text, "the reason is the Secretariat's"
	assert recipients == [told.email]


def test_nobody_is_told_twice(outgoing):  # noqa: F811
	application = at_council()
	apply_workflow(application, "Approve")
	application.reload()
	application.tell_applicant()
	assert len(sent_for(application)) == 1
	application.told_on = None
	with pytest.raises(frappe.ValidationError):
		application.workflow_state = "Council Review"
		application.save()


def test_a_refused_approval_tells_nobody(outgoing):  # noqa: F811
	application = at_council()
	make_member(application.applicant_name)
	with pytest.raises(frappe.ValidationError):
		apply_workflow(application, "Approve")
	assert not sent_for(application)


def test_approval_without_a_mail_account_says_so(site):
	frappe.db.delete("Email Account")
	frappe.local.outgoing_email_account = {}
	application = at_council()
	frappe.clear_messages()
	apply_workflow(application, "Approve")
	application.reload()
	assert application.member
	assert not application.told_on
	assert any("has not been told" in row["message"] for row in frappe.get_message_log())


def wording(name: str, subject: str, response: str) -> None:
	template = frappe.new_doc("Email Template")
	template.update({"name": name, "subject": subject, "response": response})
	template.flags.ignore_validate = True
	template.insert()


def test_the_sites_own_wording_goes_first(outgoing):  # noqa: F811
	wording(
		"IMTA Application Approved (English)",
		"{{ application.applicant_name }} is in",
		"<p>{{ application.applicant_name }}: {{ application.member }}</p>",
	)
	application = at_council(applicant_name=f"Peak & Sons {next_number()}")
	apply_workflow(application, "Approve")
	((subject, text, _),) = sent_for(application)
	assert subject == f"{application.applicant_name} is in", "a subject is no HTML"
	assert "Peak &amp; Sons" in text


@pytest.mark.parametrize("slip", ["{{ application.applicant_name", "{{ nothing.of.the.kind }}"])
def test_a_slip_in_the_sites_wording_stops_no_application(outgoing, slip):  # noqa: F811
	wording("IMTA Application Received (English)", "Received", slip)
	application = apply()
	assert not frappe.local.message_log, "a stranger reads nothing about it"
	((subject, text, _),) = sent_for(application)
	assert subject.startswith("We have received")
	assert application.name in text


@pytest.mark.parametrize(
	"fields",
	[
		{"email": "chair@club.example\nBcc: victim@club.example"},
		{"email": "chair@club.example, victim@club.example"},
		{"email": "chair@club.example;victim@club.example"},
	],
)
def test_one_mail_goes_to_one_address(outgoing, fields):  # noqa: F811
	before = frappe.db.count("Membership Application")
	with pytest.raises(frappe.ValidationError):
		apply(**fields)
	assert frappe.db.count("Membership Application") == before


def test_a_name_adds_no_header(outgoing):  # noqa: F811
	wording("IMTA Application Received (English)", "Hello {{ application.applicant_name }}", "Hello")
	application = apply(applicant_name="Club\r\nBcc: victim@club.example")
	((subject, _, recipients),) = sent_for(application)
	assert subject == "Hello Club Bcc: victim@club.example"
	assert len(recipients) == 1


def test_a_guest_does_not_say_who_is_told(outgoing):  # noqa: F811
	application = apply(tell_admission=0, tell_rejection=1, told_on="2020-01-01 00:00:00")
	stored = frappe.get_doc(application.doctype, application.name)
	assert (stored.tell_admission, stored.tell_rejection, stored.told_on) == (1, 0, None)


def test_every_mail_has_both_languages():
	for languages in mails._WORDING.values():
		assert set(languages) == {"en", "zh"}
		for _record, packaged, subject in languages.values():
			assert frappe.get_template(f"imta_crm/{packaged}")
			assert "{alliance}" in subject
