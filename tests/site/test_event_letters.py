"""Letters about seats over a real mail server: who hears what, in which language, by which clock, and once."""

import re
from collections import Counter
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import frappe
import pytest
from frappe.utils import now_datetime

from imta_crm.invitations import compose
from imta_crm.policy import seat_letters
from imta_crm.policy.seating import ATTENDED, CONFIRMED, NO_SHOW, OFFERED, WAITLISTED
from imta_crm.portal import links
from imta_crm.seating import letters, notices, seats
from tests.site.factories import as_user, make_member, make_user
from tests.site.inbox import bounce, make_inbox, take_in
from tests.site.letters_site import (
	NOTICE,
	calendar_parts,
	deliver,
	entry,
	kinds_and_statuses,
	later,
	post,
	rows,
	urls,
)
from tests.site.seating_factories import (
	ENROLLMENT,
	SESSION,
	booking,
	enroll,
	make_activity,
	make_guest,
	make_person,
	make_session,
)

LINK = "https://meet.example/abc-123"


@pytest.fixture
def server(site):
	with post() as mail:
		yield mail


@pytest.fixture
def summer() -> datetime:
	"""A day in July to come, 09:00 by the site's clock, which is Shanghai's."""
	return datetime(now_datetime().year + 1, 7, 1, 9)


def guest(language: str = "en", zone: str = "Europe/Vienna", **fields):
	return make_guest(language=language, time_zone=zone, **fields)


def hours_before(*hours: int, applies_to: str = SESSION) -> None:
	settings = frappe.get_doc("Alliance Settings")
	settings.set("event_reminders", [{"applies_to": applies_to, "hours_before": each} for each in hours])
	settings.flags.ignore_permissions = True
	settings.save()


def save(event, **fields):
	event.reload()
	event.update(fields)
	return event.save(ignore_permissions=True)


def token(url: str) -> str:
	return url.rpartition("/")[2]


# What each letter says


def test_a_confirmation_by_the_persons_own_clock_and_that_of_the_place(server, summer):
	session = make_session(
		begins=summer, title="Avalanche Safety", note_to_participants="<p>Bring boots.</p>"
	)
	booked = enroll(session, guest(email="anna@club.example"))
	assert deliver() == Counter(queued=1, sent=1)
	(letter,) = server.to("anna@club.example")
	assert letter.subject == "Your seat is confirmed: Avalanche Safety"
	assert f"1 July {summer.year}, 03:00–06:00 (Vienna time, UTC+2)" in letter.text
	assert "09:00–12:00 (Shanghai time, UTC+8)" in letter.text
	assert "Mountain House" in letter.text and "Bring boots." in letter.text
	assert letter.message["Auto-Submitted"] == "auto-generated"
	assert letter.message["List-Unsubscribe"] is None
	assert len(urls(letter, "/seat/")) == 2  # the ticket for the door, and the own page
	assert {links.read(token(url)).name for url in urls(letter, "/seat/")} == {booked.name}
	(row,) = rows(booking=booked.name)
	assert (row.kind, row.status, row.language, row.email) == (
		"Confirmation",
		"Sent",
		"en",
		"anna@club.example",
	)
	assert row.name == f"{booked.name}:Confirmation:1" and row.message_id in letter.message["Message-Id"]
	assert row.sent_at and row.subject == letter.subject


def test_in_chinese_of_an_activity_and_the_role(server, summer):
	activity = make_activity(begins=summer, title="Mountain Forum", title_zh="山地论坛", kind="Forum")
	enroll(
		activity,
		guest("zh-Hans", "Asia/Shanghai", name="Li Wei", email="li@club.example", delegate_role="Speaker"),
		by_staff=True,
	)
	deliver()
	(letter,) = server.to("li@club.example")
	assert letter.subject == "报名成功：山地论坛"
	assert "Li Wei：" in letter.text and "身份：演讲嘉宾" in letter.text and "论坛" in letter.text
	assert f"{summer.year}年7月1日" in letter.text and "09:00–17:00（上海时间，UTC+8）" in letter.text
	assert "当地时间" not in letter.text  # the same clock
	assert not re.search(r"\b(seat|time|dear)\b", letter.text, re.I) or "/seat/" in letter.text


def test_without_an_own_zone_that_of_the_country_else_the_events(server, summer):
	session = make_session(begins=summer)
	india = frappe.db.get_value("Country", {"code": "in"})
	enroll(session, guest(zone=None, country=india, email="in@x.example"))
	enroll(session, guest(zone=None, email="none@x.example"))
	deliver()
	assert "06:30–09:30 (Kolkata time, UTC+5:30)" in server.to("in@x.example")[0].text
	assert "09:00–12:00 (Shanghai time, UTC+8)" in server.to("none@x.example")[0].text


def test_the_meeting_link_is_for_confirmed_people_only(server, summer):
	session = make_session(begins=summer, capacity=1, delivery="Online", venue=None, online_link=LINK)
	enroll(session, guest(email="in@x.example"))
	second = enroll(session, guest(email="wait@x.example"))
	assert second.status == WAITLISTED
	deliver()
	(confirmed,), (waiting,) = server.to("in@x.example"), server.to("wait@x.example")
	assert LINK in confirmed.text and LINK in str(entry(confirmed).serialize())
	assert LINK.encode() not in waiting.raw and LINK not in waiting.text and LINK not in waiting.html
	assert waiting.subject.startswith("You are on the waitlist") and "at place 1" in waiting.text
	assert not calendar_parts(waiting)
	seats.cancel(ENROLLMENT, rows(email="in@x.example")[0].booking, reason="", by="Guest")
	deliver()
	offer = server.to("wait@x.example")[1]
	assert LINK not in offer.text and not calendar_parts(offer)


def test_an_offer_says_until_when_by_the_persons_clock_and_has_the_signed_link(server, summer):
	session = make_session(begins=summer, capacity=1, offer_hours=24)
	first = enroll(session)
	second = enroll(session, guest(zone="America/New_York", email="ny@x.example"))
	seats.cancel(ENROLLMENT, first.name, reason="", by="Guest")
	assert booking(second).status == OFFERED
	deliver()
	(offer,) = server.to("ny@x.example")  # the waitlist's letter had not left: the offer says it all
	until = booking(second).offer_expires_at.replace(tzinfo=ZoneInfo("Asia/Shanghai"))
	there = until.astimezone(ZoneInfo("America/New_York"))
	assert offer.subject.startswith("A seat is free for you")
	assert f"{there:%H:%M} (New York time, UTC" in offer.text
	(url,) = urls(offer, "/seat/")
	assert links.read(token(url)).name == second.name
	assert ("Waitlist", "Skipped") in kinds_and_statuses(booking=second.name)
	seats.accept_offer(ENROLLMENT, second.name)
	deliver()
	assert [letter.subject.partition(":")[0] for letter in server.to("ny@x.example")] == [
		"A seat is free for you",
		"Your seat is confirmed",
	]


def test_received_then_confirmed(server, summer):
	session = make_session(begins=summer, requires_approval=1)
	booked = enroll(session, guest(email="a@x.example"))
	deliver()
	seats.approve(ENROLLMENT, booked.name)
	deliver()
	assert [letter.subject.partition(":")[0] for letter in server.to("a@x.example")] == [
		"We have received your enrolment",
		"Your seat is confirmed",
	]
	assert not calendar_parts(server.to("a@x.example")[0])


# Changes


def test_quick_changes_are_one_letter_that_takes_the_place_of_the_entry(server, summer):
	session = make_session(begins=summer)
	enroll(session, guest(email="a@x.example"))
	deliver()
	save(session, starts_at=summer + timedelta(hours=1), ends_at=summer + timedelta(hours=4))
	save(session, starts_at=summer + timedelta(hours=2), ends_at=summer + timedelta(hours=5))
	save(session, venue="Valley House")
	assert deliver() == Counter()  # whoever corrects a time often corrects it twice
	assert deliver(later(minutes=6)) == Counter(queued=1, sent=1)
	first, second = server.to("a@x.example")
	assert (
		second.subject.startswith("Changed:")
		and "05:00–08:00" in second.text
		and "Valley House" in second.text
	)
	old, new = entry(first).vevent, entry(second).vevent
	assert old.uid.value == new.uid.value
	assert int(new.sequence.value) > int(old.sequence.value)
	assert new.location.value.startswith("Valley House")
	assert kinds_and_statuses(kind="Update").count(("Update", "Skipped")) == 2
	assert deliver(later(minutes=20)) == Counter()


def test_a_confirmation_that_has_not_left_says_what_holds_now(server, summer):
	session = make_session(begins=summer)
	enroll(session, guest(email="a@x.example"))
	save(session, venue="Valley House")
	deliver(later(minutes=6))
	(letter,) = server.to("a@x.example")
	assert letter.subject.startswith("Your seat is confirmed") and "Valley House" in letter.text


def test_what_does_not_matter_to_the_calendar_is_no_news(server, summer):
	session = make_session(begins=summer)
	enroll(session, guest(email="a@x.example"))
	deliver()
	save(session, capacity=12, note_to_participants="<p>x</p>")
	assert deliver(later(minutes=10)) == Counter()


def test_who_waits_is_not_told_of_changes(server, summer):
	session = make_session(begins=summer, capacity=1)
	enroll(session)
	waiting = enroll(session)
	deliver()
	save(session, venue="Valley House")
	assert not rows(booking=waiting.name, kind="Update")


def test_giving_a_seat_back_takes_the_entry_out_of_the_calendar(server, summer):
	session = make_session(begins=summer)
	booked = enroll(session, guest(email="a@x.example"))
	deliver()
	seats.cancel(ENROLLMENT, booked.name, reason="", by="Guest")
	deliver()
	first, second = server.to("a@x.example")
	assert second.subject.startswith("Your seat is cancelled") and "as you wished" in second.text
	cancelled = entry(second)
	assert cancelled.method.value == "CANCEL" and cancelled.vevent.status.value == "CANCELLED"
	assert cancelled.vevent.uid.value == entry(first).vevent.uid.value
	assert int(cancelled.vevent.sequence.value) > int(entry(first).vevent.sequence.value)


def test_what_was_given_back_before_its_confirmation_left_has_no_entry(server, summer):
	session = make_session(begins=summer)
	booked = enroll(session, guest(email="a@x.example"))
	seats.cancel(ENROLLMENT, booked.name, reason="", by="Guest")
	deliver()
	(letter,) = server.to("a@x.example")
	assert letter.subject.startswith("Your seat is cancelled") and not calendar_parts(letter)


def test_a_session_that_is_called_off(server, summer):
	session = make_session(begins=summer, capacity=1, title="Trails")
	enroll(session, guest(email="a@x.example"))
	enroll(session, guest("zh", email="b@x.example"))
	deliver()
	save(session, status="Cancelled", cancel_reason="Snow on the pass.")
	deliver()
	(off,), (zh,) = server.to("a@x.example")[1:], server.to("b@x.example")[1:]
	assert off.subject == "Called off: Trails" and "Snow on the pass." in off.text
	assert entry(off).method.value == "CANCEL"
	assert zh.subject == "取消通知：Trails" and not calendar_parts(zh)


def test_a_seat_that_is_handed_on(server, summer):
	session = make_session(begins=summer)
	first = make_guest("Anna Alt", email="old@x.example", organisation="Club")
	heir = make_guest("Ben Neu", email="new@x.example", organisation="Club")
	booked = enroll(session, first)
	deliver()
	seats.transfer(ENROLLMENT, booked.name, heir, by="Administrator", by_staff=True)
	deliver()
	assert "now belongs to Ben Neu" in server.to("old@x.example")[1].text
	assert "seat of Anna Alt" in server.to("new@x.example")[0].text


# Reminders and what comes after


def test_reminders_the_latest_only_each_once_and_none_after_the_beginning(server, summer):
	hours_before(168, 24)
	session = make_session(begins=summer)
	enroll(session, guest(email="a@x.example"))
	gone = enroll(session, guest(email="gone@x.example"))
	deliver()
	seats.cancel(ENROLLMENT, gone.name, reason="", by="Guest")
	deliver()
	server.clear()
	assert deliver(summer - timedelta(days=8)) == Counter()
	assert deliver(summer - timedelta(days=6)) == Counter(queued=1, sent=1)
	assert deliver(summer - timedelta(days=5)) == Counter()
	assert deliver(summer - timedelta(hours=20)) == Counter(queued=1, sent=1)
	assert deliver(summer - timedelta(hours=2)) == Counter()
	assert deliver(summer + timedelta(minutes=1)) == Counter()
	assert [letter.subject.partition(":")[0] for letter in server.received] == [
		"Your training begins soon"
	] * 2
	assert not server.to("gone@x.example")


def test_missed_days_are_caught_up_by_one_reminder(server, summer):
	hours_before(168, 48, 24)
	session = make_session(begins=summer)
	enroll(session, guest(email="a@x.example"))
	deliver()
	assert deliver(summer - timedelta(hours=3)) == Counter(queued=1, sent=1)
	assert [row.name.rpartition("-")[2] for row in rows(kind="Reminder")] == ["24"]


def test_a_reminder_that_waited_until_the_event_began_is_not_sent(server, summer):
	hours_before(1)
	session = make_session(begins=summer)
	enroll(session)
	deliver()
	notices.remind_due(summer - timedelta(minutes=5))
	assert deliver(summer) == Counter(skipped=1)


def test_who_has_just_enrolled_is_not_reminded_at_once(server):
	hours_before(24)
	session = make_session(begins=later(hours=5))
	enroll(session)
	deliver()
	assert deliver(later(hours=1)) == Counter()


def test_moved_to_another_day_it_is_reminded_of_again(server, summer):
	hours_before(24)
	session = make_session(begins=summer)
	enroll(session)
	deliver()
	assert deliver(summer - timedelta(hours=23))["queued"] == 1
	moved = summer + timedelta(days=10)
	save(session, starts_at=moved, ends_at=moved + timedelta(hours=3))
	deliver(later(minutes=10))
	assert deliver(moved - timedelta(hours=23))["queued"] == 1
	assert len(rows(kind="Reminder", status="Sent")) == 2


def test_reminders_of_activities_are_their_own(server, summer):
	hours_before(24, applies_to="Alliance Activity")
	enroll(make_session(begins=summer), guest(email="s@x.example"))
	enroll(make_activity(begins=summer), guest(email="a@x.example"))
	deliver()
	assert deliver(summer - timedelta(hours=20))["queued"] == 1
	assert server.to("a@x.example")[1].subject.startswith("See you soon")


def test_feedback_is_asked_for_once_of_those_who_were_there(server, summer):
	frappe.db.set_single_value("Alliance Settings", "feedback_after_hours", 2)
	session = make_session(begins=summer)
	names = {
		key: enroll(session, guest(email=f"{key}@x.example")).name for key in ("there", "absent", "told")
	}
	deliver()
	server.clear()
	for key, status in (("there", ATTENDED), ("absent", NO_SHOW), ("told", ATTENDED)):
		frappe.db.set_value(ENROLLMENT, names[key], "status", status)
	feedback = frappe.new_doc("Session Feedback")
	feedback.update({"name": "FB-told", "enrollment": names["told"], "session": session.name})
	feedback.db_insert()
	end = summer + timedelta(hours=3)
	assert deliver(end + timedelta(hours=1)) == Counter()
	assert deliver(end + timedelta(days=4)) == Counter(queued=1, sent=1)
	assert deliver(end + timedelta(days=5)) == Counter()
	(letter,) = server.received
	assert letter.recipients == ("there@x.example",)
	(url,) = urls(letter, "/feedback/")
	assert links.read(token(url)).name == names["there"]


def test_a_certificate_is_told_of(server, summer):
	session = make_session(begins=summer)
	booked = enroll(session, guest("zh", email="a@x.example"))
	deliver()
	certificate = frappe.new_doc("Training Certificate")
	certificate.update(
		{
			"name": "IMTA-C-TEST-1",
			"status": "Valid",
			"enrollment": booked.name,
			"program_name": "Trails",
			"program_name_zh": "步道安全",
			"hours": 3,
			"token": "tok123",
		}
	)
	certificate.db_insert()
	for _again in range(2):
		notices.certificate(certificate.name)
	deliver()
	letter = server.to("a@x.example")[1]
	assert letter.subject == "您的证书：步道安全" and "IMTA-C-TEST-1" in letter.text and "3 个" in letter.text
	assert urls(letter, "/certificate/")
	assert len(server.to("a@x.example")) == 2


def test_a_revoked_certificate_is_not(server):
	certificate = frappe.new_doc("Training Certificate")
	certificate.update({"name": "IMTA-C-TEST-2", "status": "Revoked", "token": "x"})
	certificate.db_insert()
	notices.certificate(certificate.name)
	assert deliver() == Counter(skipped=1)


# Once, and not lost


def test_everything_may_be_repeated(server, summer):
	session = make_session(begins=summer)
	booked = enroll(session, guest(email="a@x.example"))
	for _again in range(3):
		notices.follow(ENROLLMENT, booked.name, None, CONFIRMED)
		notices.event_changed(SESSION, session.name)
		deliver(later(minutes=10))
	assert [letter.subject.partition(":")[0] for letter in server.received] == [
		"Your seat is confirmed",
		"Changed",
	]


def test_a_job_is_asked_for_once_in_a_transaction_and_after_it(server, summer, monkeypatch):
	asked = []
	monkeypatch.setattr(frappe, "enqueue", lambda method, **how: asked.append(method))
	session = make_session(begins=summer)
	frappe.db.after_commit.reset()
	notices._forget()
	for _person in range(3):
		enroll(session)
	assert notices.JOB not in asked
	frappe.db.after_commit.run()
	assert asked.count(notices.JOB) == 1
	enroll(session)
	frappe.db.after_rollback.run()
	frappe.db.after_commit.reset()
	enroll(session)
	frappe.db.after_commit.run()
	assert asked.count(notices.JOB) == 2


def test_a_mail_server_that_is_away_loses_nothing(server, summer):
	session = make_session(begins=summer)
	enroll(session, guest(email="a@x.example"))
	server.stop()
	for minutes in (0, 10, 30):
		assert deliver(later(minutes=minutes))["put_back"] >= 1
	assert rows()[0].status == "Queued" and "refused" in rows()[0].problem.lower()
	server.start()
	deliver(later(hours=2))
	deliver(later(hours=3))
	assert len(server.to("a@x.example")) == 1 and rows()[0].status == "Sent"


def test_what_changed_while_the_server_was_away_is_written_anew(server, summer):
	session = make_session(begins=summer)
	enroll(session, guest(email="a@x.example"))
	server.stop()
	deliver()
	save(session, venue="Valley House")
	server.start()
	deliver(later(hours=2))
	deliver(later(hours=3))
	confirmation = server.to("a@x.example")[-1]
	assert all("Valley House" in letter.text for letter in server.to("a@x.example"))
	assert entry(confirmation).vevent.sequence.value == "1"


def test_given_back_while_the_server_was_away(server, summer):
	session = make_session(begins=summer)
	booked = enroll(session, guest(email="a@x.example"))
	server.stop()
	deliver()
	seats.cancel(ENROLLMENT, booked.name, reason="", by="Guest")
	server.start()
	deliver(later(hours=2))
	deliver(later(hours=3))
	(letter,) = server.to("a@x.example")
	assert letter.subject.startswith("Your seat is cancelled") and not calendar_parts(letter)


def test_perhaps_sent_is_not_sent_again_but_by_hand(server, summer):
	session = make_session(begins=summer)
	enroll(session, guest(email="a@x.example"))
	server.hang_up("taken")
	deliver()
	deliver(later(hours=2))
	(row,) = rows()
	assert row.status == "Unknown" and row.problem and len(server.received) == 1
	notices.send_again(row.name)
	deliver(later(hours=3))
	assert len(server.received) == 2 and rows()[0].status == "Sent"


def test_a_wrong_address_fails_and_goes_again_once_it_is_right(server, summer):
	session = make_session(begins=summer)
	booked = enroll(session, guest(email="wrong@x.example"))
	server.refuse("wrong@x.example")
	assert deliver()["failed"] == 1
	(row,) = rows()
	assert row.status == "Failed" and "No such mailbox" in row.problem
	assert not deliver(later(days=1))
	frappe.db.set_value(ENROLLMENT, booked.name, "email", "right@x.example")
	notices.send_again(row.name)
	deliver(later(days=1))
	assert len(server.to("right@x.example")) == 1 and rows()[0].status == "Sent"
	with pytest.raises(frappe.ValidationError):
		notices.send_again(row.name)


def test_a_letter_that_comes_back_is_seen_and_may_go_again(server, summer):
	booked = enroll(make_session(begins=summer), guest(email="gone@x.example"))
	deliver()
	(row,) = rows()
	inbox = make_inbox()
	take_in(inbox, bounce(row, status="4.4.1", action="delayed", diagnostic="smtp; 451 4.4.1 timed out"))
	assert rows()[0].status == "Sent" and "4.4.1" in rows()[0].problem
	communication = take_in(inbox, bounce(row))
	assert rows()[0].status == "Failed" and "5.1.1" in rows()[0].problem
	assert (communication.reference_doctype, communication.reference_name) == (ENROLLMENT, booked.name)
	assert communication.communication_type == "Automated Message"
	frappe.db.set_value(ENROLLMENT, booked.name, "email", "here@x.example")
	notices.send_again(row.name)
	deliver()
	assert len(server.to("here@x.example")) == 1 and rows()[0].status == "Sent"


def test_a_forged_bounce_changes_nothing(server, summer):
	enroll(make_session(begins=summer), guest(email="a@x.example"))
	deliver()
	(row,) = rows()
	take_in(make_inbox(), bounce(frappe._dict(row, message_id="guessed@x.example")))
	assert rows()[0].status == "Sent" and not rows()[0].problem


def test_who_may_send_again(server, summer):
	own, other = make_user("Liaison Officer"), make_user("Liaison Officer")
	member = make_member(officer=own)
	booked = enroll(make_session(begins=summer), make_person(member=member))
	name = f"{booked.name}:Confirmation:1"

	def may(user: str) -> bool:
		frappe.db.set_value(NOTICE, name, "status", "Failed")
		with as_user(user):
			try:
				notices.send_again(name)
			except frappe.PermissionError:
				return False
		return frappe.db.get_value(NOTICE, name, "status") == "Pending"

	assert may(make_user("Training Coordinator")) and may(own)
	for user in (other, make_user("Alliance Leadership"), make_user("Treasurer"), make_user(None), "Guest"):
		assert not may(user), user


def test_without_an_account_the_letters_wait_and_say_why(server, summer):
	account = frappe.get_doc("Email Account", {"default_outgoing": 1, "smtp_port": str(server.port)})
	frappe.db.sql("update `tabEmail Account` set default_outgoing = 0, enable_outgoing = 0")
	frappe.db.set_single_value("Alliance Settings", "event_email_account", account.name)
	frappe.clear_cache()
	enroll(make_session(begins=summer), guest(email="a@x.example"))
	assert deliver() == Counter()
	(row,) = rows()
	assert row.status == "Pending" and "sends no mail" in row.problem
	frappe.db.set_value("Email Account", account.name, "enable_outgoing", 1)
	frappe.clear_cache()
	deliver()
	assert len(server.to("a@x.example")) == 1 and not rows()[0].problem


def test_a_broken_template_is_the_failure_of_its_letters_alone(server, summer):
	session = make_session(begins=summer)
	template = frappe.get_doc("Email Template", "IMTA Event Confirmation EN")
	template.response_html = "<p>{{ no_such_name }}</p>"
	template.save()
	enroll(session, guest(email="en@x.example"))
	enroll(session, guest("zh", email="zh@x.example"))
	assert deliver() == Counter(failed=1, queued=1, sent=1)
	assert "no_such_name" in rows(status="Failed")[0].problem
	assert server.to("zh@x.example") and not server.to("en@x.example")
	template.reload()
	template.response_html = "<p>{{ salutation }}</p>"
	template.save()
	assert notices.send_failed_again([row.name for row in rows()]) == 1
	assert deliver() == Counter(queued=1, sent=1)
	assert len(server.to("en@x.example")) == len(server.to("zh@x.example")) == 1


def test_who_was_erased_is_not_written_to(server, summer):
	session = make_session(begins=summer)
	for email in ("", "not an address"):
		booked = enroll(session)
		frappe.db.set_value(ENROLLMENT, booked.name, "email", email)
	assert deliver() == Counter(skipped=1, failed=1)
	assert not server.received


def test_who_has_unsubscribed_from_news_gets_the_letters_about_the_own_seat(server, summer):
	frappe.get_doc({"doctype": "Email Unsubscribe", "email": "a@x.example", "global_unsubscribe": 1}).insert(
		ignore_permissions=True
	)
	enroll(make_session(begins=summer), guest(email="a@x.example"))
	deliver()
	assert len(server.to("a@x.example")) == 1


def test_a_letter_from_the_account_of_events(server, summer):
	from tests.site import mail_server

	account = mail_server.make_account(server, email_id="events@imta.example", default_outgoing=0)
	frappe.db.set_single_value("Alliance Settings", "event_email_account", account.name)
	frappe.clear_document_cache("Alliance Settings", "Alliance Settings")
	enroll(make_session(begins=summer), guest(email="a@x.example"))
	deliver()
	(letter,) = server.received
	assert "events@imta.example" in letter.message["From"]
	assert entry(letter).vevent.organizer.value == "mailto:events@imta.example"


def test_nobody_writes_notices_by_hand(server, summer):
	booked = enroll(make_session(begins=summer))
	notice = frappe.get_doc(NOTICE, f"{booked.name}:Confirmation:1")
	with pytest.raises(frappe.ValidationError):
		notice.save()
	with pytest.raises(frappe.ValidationError):
		notice.delete()


# Templates


@pytest.mark.parametrize("kind", seat_letters.KINDS)
def test_every_template_is_whole(site, kind):
	for language in ("en", "zh"):
		template = compose.get_template(letters.template_name(kind, language), letters.NAMES)
		assert template.language == language
		subject, html = template.render(
			{**dict.fromkeys(letters.NAMES, ""), "event": "X", "salutation": "Dear Anna"}
		)
		assert subject and "X" in f"{subject}{html}" and "None" not in html
		full = {name: f"[{name}]" for name in letters.NAMES}
		for previous in ("Confirmed", "Offered", "Waitlisted", "Requested"):
			for case in ("event_cancelled", "given_to", "by_self", ""):
				facts = {
					**full,
					**dict.fromkeys(("event_cancelled", "given_to", "by_self"), ""),
					"previous_status": previous,
				}
				facts.update({case: "[it]"} if case else {})
				assert "[event]" in "".join(template.render(facts)) or kind == "Certificate"


def test_a_request_for_feedback_that_has_waited_too_long_is_not_sent(server, summer):
	session = make_session(begins=summer)
	name = enroll(session, guest(email="late@x.example")).name
	deliver()
	server.clear()
	frappe.db.set_value(ENROLLMENT, name, "status", ATTENDED)
	end = summer + timedelta(hours=3)
	assert notices.remind_due(end + timedelta(days=2)) == 1
	frappe.db.set_single_value("Alliance Settings", "feedback_valid_days", 5)
	notices.send_due(end + timedelta(days=7))
	notice = {"booking": name, "kind": "Feedback"}
	assert frappe.db.get_value("Seat Notice", notice, "status") == "Skipped"
	assert not server.received
