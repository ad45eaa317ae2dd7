"""Certificates: issued once, proved, renewed, revoked, printed; transcripts of hours."""

from __future__ import annotations

import io
from datetime import timedelta

import frappe
import pytest
from frappe.utils import add_days, getdate, today
from pypdf import PdfReader

from imta_crm.seating import check_in
from imta_crm.training import certificates, completion, feedback, transcript
from imta_crm.training.certificates import CertificateError
from tests.site.attendance_factories import now_on, over, session_with
from tests.site.factories import as_user, make_member, make_user
from tests.site.seating_factories import ENROLLMENT, SESSION, enroll, make_person, make_program, make_session

CERTIFICATE = "Training Certificate"
REFUSED = (frappe.PermissionError, frappe.PrintFormatError)


def complete(session, *names: str, days: float = 2) -> None:
	now_on(session)
	check_in.check_in_many(SESSION, session.name, list(names))
	over(session, days=days)
	completion.complete_due()


def certified(person=None, *, days: float = 2, program=None, **fields) -> frappe._dict:
	"""The certificate of somebody who completed a session of a program so many days ago."""
	program = program or make_program(**fields)
	session = make_session(program.name)
	name = enroll(session, person or make_person()).name
	complete(session, name, days=days)
	return frappe.get_doc(CERTIFICATE, frappe.db.get_value(ENROLLMENT, name, "certificate"))


# Issuing


def test_it_says_what_was_true_when_it_was_issued():
	member = make_member("Test Alpine Union")
	person = make_person("Ana Bauer", member=member)
	program = make_program("Rope Work", program_name_zh="绳索技术", certificate_valid_months=12)
	doc = certified(person, program=program)
	frappe.db.set_value("Member Training Program", program.name, "program_name", "Something Else")
	frappe.db.set_value("Contact", person.contact, "full_name", "Ana Kurz")
	doc.reload()
	ended = getdate(frappe.db.get_value(SESSION, doc.session, "ends_at"))
	assert doc.name.startswith("IMTA-C-")
	assert (doc.holder_name, doc.member, doc.organisation) == ("Ana Bauer", member.name, "Test Alpine Union")
	assert (doc.program_name, doc.program_name_zh, doc.hours) == ("Rope Work", "绳索技术", 3)
	assert (doc.completed_on, doc.issued_on) == (ended, getdate(today()))
	assert doc.valid_until == getdate(add_days(frappe.utils.add_months(ended, 12), -1))


def test_once_for_each_enrolment_whatever_is_repeated():
	doc = certified()
	assert certificates.issue(doc.enrollment) == doc.name
	completion.complete_due()
	assert frappe.db.count(CERTIFICATE, {"enrollment": doc.enrollment}) == 1


def test_the_database_keeps_one_live_certificate_of_an_enrolment():
	doc = certified()
	twin = frappe.copy_doc(doc)
	twin.update({"live_enrollment": doc.enrollment, "enrollment": doc.enrollment, "token": None})
	twin.flags.by_issue = True
	with pytest.raises(frappe.UniqueValidationError):
		twin.insert(ignore_permissions=True)


def test_a_program_without_certificates_issues_none():
	session, (one,) = session_with(program={"issues_certificate": 0})
	complete(session, one)
	assert frappe.db.get_value(ENROLLMENT, one, ["status", "certificate"]) == ("Completed", None)


def test_one_that_asks_for_feedback_waits_for_it():
	session, (one,) = session_with(program={"feedback_needed": 1})
	complete(session, one)
	assert frappe.db.get_value(ENROLLMENT, one, ["status", "certificate"]) == ("Completed", None)
	feedback.submit(one, {"overall": 5, "recommend": 9})
	assert frappe.db.get_value(ENROLLMENT, one, "certificate")


def test_nobody_writes_one_by_hand_or_deletes_one():
	doc = certified()
	new = frappe.new_doc(CERTIFICATE)
	new.update({"holder_name": "Me", "program": doc.program, "completed_on": today()})
	with pytest.raises(frappe.PermissionError):
		new.insert()
	with pytest.raises(frappe.PermissionError):
		doc.delete()
	doc.status = "Revoked"
	doc.token = "mine"
	doc.save()
	doc.reload()
	assert (doc.status, doc.token != "mine") == ("Valid", True)
	doc.holder_name = "Somebody Else"
	with pytest.raises(frappe.CannotChangeConstantError):
		doc.save()


def test_staff_train_with_the_same_documents():
	from imta_crm.seating import people

	user = make_user("Liaison Officer")
	session = make_session()
	name = enroll(session, people.of_user(user)).name
	complete(session, name)
	row = frappe.get_doc(CERTIFICATE, frappe.db.get_value(ENROLLMENT, name, "certificate"))
	assert (row.user, row.member) == (user, None)
	with as_user(user):
		assert certificates.is_holder(row)
		assert transcript.of_person(user=user).hours == 3


# Proving


def test_the_public_page_is_told_this_and_nothing_more():
	doc = certified(certificate_valid_months=12)
	facts = certificates.facts_by_token(doc.token)
	assert vars(facts) == {
		"number": doc.name,
		"holder": doc.holder_name,
		"holder_local": "",
		"program": doc.program_name,
		"program_zh": doc.program_name_zh or "",
		"hours": 3.0,
		"issued_on": doc.issued_on,
		"valid_until": doc.valid_until,
		"state": "Valid",
	}


def test_unknown_tokens_are_all_alike():
	doc = certified()
	for token in (None, "", "-", "x" * 500, doc.name, doc.token[:-1], doc.token.swapcase(), doc.token + "x"):
		assert certificates.facts_by_token(token) is None
	assert len(doc.token) > 30


def test_states():
	doc = certified(certificate_valid_months=1, days=100)
	assert certificates.facts_by_token(doc.token).state == "Expired"
	renewal = certificates.renew(doc.name)
	assert certificates.facts_by_token(doc.token).state == "Renewed"
	certificates.revoke(renewal, "Mistaken")
	assert certificates.facts_by_token(doc.token).state == "Expired", "it is the latest again"
	certificates.revoke(doc.name, "Forged papers")
	assert certificates.facts_by_token(doc.token).state == "Revoked"


# Renewing


def test_who_completes_the_program_again_has_a_renewal():
	person, program = make_person(), make_program(certificate_valid_months=12)
	first = certified(person, program=program, days=380)
	second = certified(person, program=program, days=2)
	other = certified(make_person(), program=program, days=1)
	first.reload()
	assert (first.renewed_by, second.renews) == (second.name, first.name)
	assert other.renews is None
	assert [row.name for row in certificates.of_person(contact=person.contact)] == [second.name, first.name]
	assert [row.state for row in certificates.of_person(contact=person.contact)] == ["Valid", "Renewed"]


def test_a_renewal_by_decision_counts_from_the_old_ones_end():
	doc = certified(certificate_valid_months=12)
	with as_user(make_user("Training Coordinator")):
		name = certificates.renew(doc.name)
		assert certificates.renew(doc.name) == name, "a second click"
	new = frappe.get_doc(CERTIFICATE, name)
	doc.reload()
	assert (new.renews, doc.renewed_by, new.enrollment) == (doc.name, name, None)
	assert new.valid_until == getdate(add_days(frappe.utils.add_months(add_days(doc.valid_until, 1), 12), -1))
	assert new.token != doc.token
	assert transcript.of_person(contact=doc.contact).hours == 3, "hours are not earned again"


def test_what_cannot_be_renewed():
	forever = certified()
	with pytest.raises(CertificateError, match="for ever"):
		certificates.renew(forever.name)
	doc = certified(certificate_valid_months=12)
	with pytest.raises(CertificateError, match="future"):
		certificates.renew(doc.name, add_days(today(), 1))
	certificates.revoke(doc.name, "Forged")
	with pytest.raises(CertificateError, match="revoked"):
		certificates.renew(doc.name)


# Revoking


def test_revoked_with_a_reason_and_kept():
	doc = certified()
	with pytest.raises(frappe.MandatoryError):
		certificates.revoke(doc.name, "  ")
	with as_user(make_user("Training Coordinator")) as coordinator:
		certificates.revoke(doc.name, "Copied the exam")
		certificates.revoke(doc.name, "again")
	doc.reload()
	assert (doc.status, doc.revoke_reason, doc.revoked_by) == ("Revoked", "Copied the exam", coordinator)
	assert frappe.db.get_value(ENROLLMENT, doc.enrollment, "certificate") is None
	completion.complete_due()
	assert frappe.db.count(CERTIFICATE, {"enrollment": doc.enrollment}) == 1, "the job gives no other"
	again = certificates.issue_again(doc.enrollment)
	assert again != doc.name
	assert frappe.db.get_value(ENROLLMENT, doc.enrollment, "certificate") == again


@pytest.mark.parametrize(
	"role", ["Liaison Officer", "Treasurer", "Membership Manager", "Alliance Leadership", None]
)
def test_only_coordinators_decide(role):
	user = make_user(role)
	doc = certified(make_person(member=make_member(officer=user if role == "Liaison Officer" else None)))
	with as_user(user):
		for act in (
			lambda: certificates.revoke(doc.name, "I want it"),
			lambda: certificates.renew(doc.name),
			lambda: certificates.issue_again(doc.enrollment),
		):
			with pytest.raises(frappe.PermissionError):
				act()


# Printing


def test_who_may_print():
	officer, other = make_user("Liaison Officer"), make_user("Liaison Officer")
	person = make_person(member=make_member(officer=officer))
	holder = make_user("Alliance Member")
	frappe.db.set_value("Contact", person.contact, "user", holder)
	doc = certified(person)
	for user, may in (
		(officer, True),
		(make_user("Training Coordinator"), True),
		(holder, True),
		(other, False),
		(make_user("Treasurer"), False),
		(make_user("Alliance Member"), False),
		("Guest", False),
	):
		with as_user(user):
			assert certificates.may_print(doc) is may, user
			if not may:
				with pytest.raises(REFUSED):
					certificates.training_certificate(doc)
				with pytest.raises(REFUSED):
					certificates.pdf(doc.name)


def test_both_languages_the_number_and_the_code():
	program = make_program("Rope Work", program_name_zh="绳索技术", certificate_valid_months=12)
	doc = certified(make_person(member=make_member('Club <b>"A"</b> & Co')), program=program)
	html = frappe.get_print(CERTIFICATE, doc.name, print_format=CERTIFICATE, no_letterhead=1)
	for text in (
		"结业证书",
		"CERTIFICATE OF COMPLETION",
		doc.name,
		"绳索技术",
		"Rope Work",
		"3 学时",
		"3 hours",
	):
		assert text in html, text
	assert certificates.both_dates(doc.valid_until)["zh"] in html
	assert certificates.both_dates(doc.valid_until)["en"] in html
	assert "<b>" not in html.split("imta-certificate")[-1]
	assert "REVOKED" not in html
	assert doc.token not in html, "the address is in the code only"
	assert html.count("v1h") > 100
	certificates.revoke(doc.name, "Mistaken")
	html = frappe.get_print(CERTIFICATE, doc.name, print_format=CERTIFICATE, no_letterhead=1)
	assert "已撤销 REVOKED" in html


def test_pdf_is_one_landscape_page_for_its_holder(served):
	holder = make_user("Alliance Member")
	person = make_person(member=make_member())
	frappe.db.set_value("Contact", person.contact, "user", holder)
	doc = certified(person)
	with as_user(holder):
		pages = PdfReader(io.BytesIO(certificates.pdf(doc.name))).pages
	assert len(pages) == 1
	box = pages[0].mediabox
	assert (round(float(box.width) / 72 * 25.4), round(float(box.height) / 72 * 25.4)) == (297, 210)


# Transcripts


def test_a_person_sees_all_that_was_completed_and_corrections_count_at_once():
	from imta_crm.training.attendance import correct

	person = make_person(member=make_member())
	first = certified(person, days=400)
	second = certified(person, days=2, pd_hours=1.5)
	found = transcript.of_person(contact=person.contact)
	assert [line.certificate for line in found.lines] == [first.name, second.name]
	assert (found.hours, sum(found.holders[0].by_year.values())) == (4.5, 4.5)
	since = getdate(today()) - timedelta(days=30)
	assert transcript.of_person(contact=person.contact, since=since).hours == 1.5
	assert transcript.of_person(contact=person.contact, until=since).hours == 3
	correct(second.enrollment, 0, "Was not there")
	assert transcript.of_person(contact=person.contact).hours == 3


def test_a_member_sees_its_people():
	member = make_member()
	people_ = [make_person(name, member=member) for name in ("Zoe", "Ana")]
	for person in people_:
		certified(person)
	certified(make_person("Stranger", member=make_member()))
	found = transcript.of_member(member.name)
	assert [holder.name for holder in found.holders] == ["Ana", "Zoe"]
	assert found.hours == 6


def test_who_may_see_a_transcript():
	officer, other = make_user("Liaison Officer"), make_user("Liaison Officer")
	member = make_member(officer=officer)
	person = make_person(member=member, is_representative=True)
	colleague = make_person(member=member)
	portal, second = make_user("Alliance Member"), make_user("Alliance Member")
	frappe.db.set_value("Contact", person.contact, "user", portal)
	frappe.db.set_value("Contact", colleague.contact, "user", second)
	certified(person)
	for user, of_person, of_member in (
		(officer, True, True),
		(make_user("Training Coordinator"), True, True),
		(make_user("Alliance Leadership"), None, True),
		(portal, True, True),
		(second, False, False),
		(other, False, False),
		("Guest", False, False),
	):
		with as_user(user):
			for may, work in (
				(of_person, lambda: transcript.of_person(contact=person.contact)),
				(of_member, lambda: transcript.of_member(member.name)),
			):
				if may:
					assert work().hours == 3, user
				elif may is False:
					with pytest.raises(frappe.PermissionError):
						work()


def test_transcripts_as_pdf(served):
	member = make_member('Club "A" & <i>Co</i>')
	person = make_person("Ana Bauer", member=member)
	certified(person)
	text = (
		PdfReader(io.BytesIO(transcript.pdf_of_member(member.name)))
		.pages[0]
		.extract_text()
		.replace("\t", " ")
	)
	assert "Ana Bauer" in text and "<i>" in text and "3" in text
	assert transcript.pdf_of_person(contact=person.contact, since="2020-01-01")[:4] == b"%PDF"
	for doctype, name, layout in (
		("IMTA Member", member.name, "Training Transcript"),
		("Contact", person.contact, "Personal Transcript"),
	):
		assert "Ana Bauer" in frappe.get_print(doctype, name, print_format=layout, no_letterhead=1)


def test_a_period_backwards_is_refused():
	with pytest.raises(transcript.TranscriptError):
		transcript.of_member(make_member().name, since="2026-02-01", until="2026-01-01")
