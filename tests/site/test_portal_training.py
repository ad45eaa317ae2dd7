"""The pages for members over real HTTP: what they see, what they do, and whose it is."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from urllib.parse import unquote

import frappe
import pytest
from frappe.utils import now_datetime

from imta_crm.seating import seats
from tests.site.factories import make_user
from tests.site.portal_site import PASSWORD, Browser, World, forget_limits, text_of
from tests.site.seating_factories import DELEGATE, ENROLLMENT, enroll, make_guest
from tests.site.web_server import WebServer

XSS = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'


@pytest.fixture(scope="module")
def web(connected):
	with WebServer(connected) as server:
		yield server


@pytest.fixture(scope="module")
def world(connected):
	frappe.set_user("Administrator")
	made = World()
	yield made
	made.sweep()


@pytest.fixture(scope="module")
def club(world):
	"""A member with a representative and two colleagues, one of whom can log in; and somebody of another member."""
	member, other = world.member(), world.member()
	return frappe._dict(
		member=member,
		rep=world.user(member, is_representative=True),
		anna=world.user(member, language="zh"),
		peter=world.person(member),
		stranger=world.user(other, is_representative=True),
	)


@pytest.fixture(autouse=True)
def nothing_counted(site):
	forget_limits()
	frappe.db.rollback()
	yield
	forget_limits()


@pytest.fixture(scope="module")
def rep(web, club):
	return Browser(web).log_in(club.rep.user)


@pytest.fixture(scope="module")
def anna(web, club):
	return Browser(web).log_in(club.anna.user)


@pytest.fixture(scope="module")
def stranger(web, club):
	return Browser(web).log_in(club.stranger.user)


def seat_of(event, person, doctype=ENROLLMENT):
	frappe.db.rollback()
	field = "session" if doctype == ENROLLMENT else "activity"
	name = frappe.db.get_value(
		doctype, {field: event.name, "contact": person.contact}, "name", order_by="queue_no desc"
	)
	return name and frappe.get_doc(doctype, name)


def booked(event, person) -> str:
	name = enroll(event, person).name
	frappe.db.commit()
	return name


# Who gets in


@pytest.mark.parametrize("path", ["/training", "/my-training", "/training/TS-1", "/my-training/x/calendar"])
def test_guests_are_sent_to_the_log_in_and_come_back(web, path):
	for method in ("GET", "POST"):
		response = web.request(method, path + "?_lang=zh", data={"act": "cancel"})
		assert response.status_code == 302
		to = response.headers["Location"]
		assert to.startswith("/login?redirect-to=")
		assert unquote(to).startswith(f"/login?redirect-to={path}?_lang=zh")


def test_a_user_without_the_role_sees_nothing(web, world, club):
	outsider = world.user(club.member, role=None)
	browser = Browser(web).log_in(outsider.user)
	for path in ("/training", "/my-training"):
		response = browser.get(path)
		assert response.status_code == 403
		assert club.member.member_name not in response.text


def test_staff_see_it_too(web, world):
	session = world.session()
	user = make_user("Training Coordinator", email=f"staff{frappe.generate_hash(length=6)}@imta.example")
	world.keep("User", user)
	from frappe.utils.password import update_password

	update_password(user, PASSWORD)
	frappe.db.commit()
	browser = Browser(web).log_in(user)
	assert session.title in text_of(browser.get("/training"))
	assert browser.post(f"/training/{session.name}", act="enrol").status_code == 303
	frappe.db.rollback()
	assert frappe.db.get_value(ENROLLMENT, {"session": session.name}, "participant_type") == "Staff"


# What is on offer


def test_the_list_says_seats_fees_and_the_own_state(world, club, rep):
	open_one = world.session(
		fee_currency="CNY", fees=[{"participant_type": "Member", "fee": 450}], uses_free_seats=0, capacity=7
	)
	full = world.session(capacity=1)
	mine = world.session()
	booked(full, make_guest())
	booked(mine, club.rep)
	html = rep.get("/training").text
	cards = {
		event.name: re.sub(r"<[^>]+>", " ", card)
		for event in (open_one, full, mine)
		for card in re.findall(r'<li class="card">.*?</li>', html, flags=re.S)
		if f"/training/{event.name}" in card
	}
	assert "7 seats free" in cards[open_one.name]
	assert "450.00" in cards[open_one.name]
	assert "0 on the waitlist" in cards[full.name]
	assert "Seat confirmed" in cards[mine.name]


def test_drafts_and_what_is_for_others_look_like_nothing(world, rep):
	draft = world.session(status="Draft")
	council = world.session(world.program(audience=[{"tier": "Council"}]))
	page = rep.get("/training").text
	for event in (draft, council):
		assert event.name not in page
		for response in (
			rep.get(f"/training/{event.name}"),
			rep.post(f"/training/{event.name}", act="enrol"),
		):
			assert response.status_code == 404
			assert event.title not in response.text
	unknown = rep.get("/training/TS-1999-0001")
	assert unknown.status_code == 404
	strip = lambda text: re.sub(r'nonce="\w+"|href="[^"]*"', "", text)  # noqa: E731
	assert strip(rep.get(f"/training/{draft.name}").text) == strip(unknown.text)


def test_what_is_missing_is_said_before_anybody_tries(world, rep):
	first = world.program()
	session = world.session(world.program(prerequisites=[{"program": first.name}]))
	page = rep.get(f"/training/{session.name}")
	assert f"“{first.program_name}” must be completed first" in text_of(page)
	assert 'value="enrol"' not in page.text
	refused = rep.post(f"/training/{session.name}", act="enrol")
	assert refused.status_code == 409
	assert "must be completed first" in text_of(refused)
	assert not frappe.db.exists(ENROLLMENT, {"session": session.name})


def test_an_activity_shows_its_programme(world, rep):
	begins = world.another_day()
	activity = world.activity(
		begins=begins,
		programme=[
			{"starts_at": begins, "title": "Opening", "speakers": "Secretary-General", "room": "Hall A"}
		],
	)
	text = text_of(rep.get(f"/training/{activity.name}"))
	for part in ("Programme", "Opening", "Secretary-General", "Hall A"):
		assert part in text
	assert rep.post(f"/training/{activity.name}", act="enrol").status_code == 303


# Enrolling


def test_a_member_enrols_and_sees_the_ticket(world, club, anna):
	session = world.session(online_link="https://meet.example/room", delivery="On Site and Online")
	assert "meet.example" not in anna.get(f"/training/{session.name}").text
	done = anna.post(f"/training/{session.name}", act="enrol", remarks=XSS)
	assert done.status_code == 303
	doc = seat_of(session, club.anna)
	assert (doc.status, doc.user, doc.enrolled_by) == ("Confirmed", club.anna.user, club.anna.user)
	page = anna.get(f"/my-training/{doc.name}")
	assert page.headers["Content-Language"] == "zh"
	for part in ('class="qr"', "https://meet.example/room", f"/my-training/{doc.name}/calendar"):
		assert part in page.text
	assert session.title in anna.get("/my-training").text
	again = anna.post(f"/training/{session.name}", act="enrol")
	assert again.status_code == 303
	assert frappe.db.count(ENROLLMENT, {"session": session.name}) == 1


def test_nothing_of_what_a_form_adds_counts(world, club, anna):
	session = world.session(capacity=1)
	booked(session, make_guest())
	anna.post(
		f"/training/{session.name}",
		act="enrol",
		status="Confirmed",
		contact=club.peter.contact,
		by_staff="1",
		member="x",
		fee="0",
	)
	doc = seat_of(session, club.anna)
	assert doc.status == "Waitlisted"
	assert not seat_of(session, club.peter)


def test_the_waitlist_an_offer_and_its_answer(world, club, anna):
	session = world.session(capacity=1)
	first = booked(session, make_guest())
	assert "waitlist" in text_of(anna.get(f"/training/{session.name}?_lang=en"))
	anna.post(f"/training/{session.name}", act="enrol")
	assert "Waitlist, place 1" in text_of(anna.get("/my-training?_lang=en"))
	seats.cancel(ENROLLMENT, first, reason="Test", by=None, by_staff=True)
	frappe.db.commit()
	doc = seat_of(session, club.anna)
	assert doc.status == "Offered"
	assert 'value="accept"' in anna.get("/my-training").text
	assert anna.post(f"/my-training/{doc.name}", act="accept").status_code == 303
	assert seat_of(session, club.anna).status == "Confirmed"


def test_an_offer_is_declined(world, club, anna):
	session = world.session(capacity=1)
	first = booked(session, make_guest())
	name = booked(session, club.anna)
	seats.cancel(ENROLLMENT, first, reason="Test", by=None, by_staff=True)
	frappe.db.commit()
	assert anna.post(f"/my-training/{name}", act="decline").status_code == 303
	assert seat_of(session, club.anna).status == "Cancelled"
	assert anna.post(f"/my-training/{name}", act="accept").status_code == 409


def test_a_seat_is_given_back_until_the_deadline(world, club, anna):
	session = world.session()
	name = booked(session, club.anna)
	assert anna.post(f"/my-training/{name}", act="cancel", reason="Ill").status_code == 303
	doc = seat_of(session, club.anna)
	assert (doc.status, doc.cancel_reason, doc.cancelled_by) == ("Cancelled", "Ill", club.anna.user)
	late = world.session(cancel_until=now_datetime() - timedelta(hours=1))
	name = booked(late, club.anna)
	page = anna.get(f"/my-training/{name}")
	assert 'value="cancel"' not in page.text
	assert anna.post(f"/my-training/{name}", act="cancel").status_code == 409
	assert seat_of(late, club.anna).status == "Confirmed"


def test_a_seat_passes_to_a_colleague_and_to_nobody_else(world, club, anna):
	session = world.session()
	name = booked(session, club.anna)
	for contact in (club.stranger.contact, "", "nobody", club.anna.contact):
		assert anna.post(f"/my-training/{name}", act="transfer", contact=contact).status_code == 422
	assert seat_of(session, club.anna).status == "Confirmed"
	assert anna.post(f"/my-training/{name}", act="transfer", contact=club.peter.contact).status_code == 303
	assert seat_of(session, club.anna).status == "Cancelled"
	assert seat_of(session, club.peter).status == "Confirmed"


# For the organisation


def test_the_representative_enrols_colleagues_each_with_an_outcome(web, world, club, rep):
	session = world.session(limits=[{"seats": 1}])
	path = f"/training/{session.name}"
	page = rep.get(path).text
	assert club.peter.contact in page
	assert club.stranger.contact not in page
	token = rep.token()
	data = [("csrf_token", token), ("act", "enrol_colleagues")]
	forged = [*data, ("contact", club.stranger.contact), ("contact", club.peter.contact)]
	assert rep.web.request("POST", path, session=rep.session, data=forged).status_code == 422
	assert not frappe.db.exists(ENROLLMENT, {"session": session.name})
	both = [*data, ("contact", club.anna.contact), ("contact", club.peter.contact)]
	response = rep.web.request("POST", path, session=rep.session, data=both)
	assert response.status_code == 200
	assert "Not enrolled" in text_of(response)
	frappe.db.rollback()
	rows = frappe.get_all(ENROLLMENT, {"session": session.name}, ["contact", "enrolled_by", "group_key"])
	assert [row.enrolled_by for row in rows] == [club.rep.user], "the organisation has one seat"
	assert rows[0].contact in (club.anna.contact, club.peter.contact)
	assert rows[0].group_key


def test_the_representative_sees_and_manages_the_colleagues_seats(world, club, rep, anna):
	session = world.session()
	name = booked(session, club.peter)
	assert club.peter.name in rep.get("/my-training").text
	assert club.peter.name not in anna.get("/my-training").text
	assert 'class="qr"' not in rep.get(f"/my-training/{name}").text, "the ticket is the participant's own"
	assert anna.get(f"/my-training/{name}").status_code == 404
	assert rep.post(f"/my-training/{name}", act="cancel").status_code == 303
	assert seat_of(session, club.peter).status == "Cancelled"


def test_somebody_who_represents_nobody_enrols_no_colleagues(world, club, anna):
	session = world.session()
	assert "enrol_colleagues" not in anna.get(f"/training/{session.name}").text
	response = anna.post(f"/training/{session.name}", act="enrol_colleagues", contact=club.peter.contact)
	assert response.status_code == 422
	assert not seat_of(session, club.peter)


# What is not theirs


@pytest.mark.parametrize("act", ["accept", "decline", "cancel", "transfer"])
def test_the_seat_of_somebody_else_does_not_exist(world, club, stranger, act):
	session = world.session()
	name = booked(session, club.anna)
	answers = [
		stranger.post(f"/my-training/{name}", act=act, contact=club.stranger.contact),
		stranger.get(f"/my-training/{name}"),
		stranger.get(f"/my-training/{name}/calendar"),
		stranger.get(f"/my-training/{name.lower()}"),
	]
	assert {answer.status_code for answer in answers} == {404}
	assert not any(club.anna.name in answer.text for answer in answers)
	assert seat_of(session, club.anna).status == "Confirmed"


def test_certificates_invoices_and_files_of_others_do_not_exist(world, club, stranger):
	session = world.session()
	name = booked(session, club.anna)
	certificate = frappe.new_doc("Training Certificate")
	certificate.update(
		{
			"holder_name": club.anna.name,
			"contact": club.anna.contact,
			"program": session.program,
			"enrollment": name,
			"completed_on": "2026-11-01",
			"status": "Valid",
		}
	)
	certificate.name = f"C-{frappe.generate_hash(length=8)}"
	certificate.db_insert()
	frappe.db.commit()
	for path in (
		f"/my-training/certificate/{certificate.name}",
		"/my-training/invoice/ACC-SINV-2026-00001",
		f"/training/{session.name}/material/{frappe.generate_hash(length=10)}",
		"/my-training/certificate/",
		"/my-training/a/b/c",
		"/training/a/b",
	):
		assert stranger.get(path).status_code == 404, path
	assert certificate.name not in stranger.get("/my-training").text


def test_a_file_is_for_participants_alone(world, club, anna, stranger):
	session = world.session()
	file = frappe.new_doc("File")
	file.update({"file_name": "slides.txt", "is_private": 1, "content": "Ropes and knots"})
	file.insert(ignore_permissions=True)
	session.append(
		"materials", {"title": "Slides", "attachment": file.file_url, "available": "To Participants"}
	)
	session.save(ignore_permissions=True)
	for each in frappe.get_all("File", {"file_name": ("like", "slides%")}, pluck="name"):
		world.keep("File", each)
	booked(session, club.anna)
	(row,) = session.materials
	path = f"/training/{session.name}/material/{row.name}"
	assert f"{path}" in anna.get(f"/training/{session.name}").text
	response = anna.get(path)
	assert response.content == b"Ropes and knots"
	assert response.headers["Content-Disposition"].startswith("attachment")
	assert stranger.get(path).status_code == 404
	assert row.title not in stranger.get(f"/training/{session.name}").text


def test_the_calendar_entry_is_the_own_one(world, club, anna):
	session = world.session()
	name = booked(session, club.anna)
	response = anna.get(f"/my-training/{name}/calendar")
	assert response.headers["Content-Type"].startswith("text/calendar")
	assert "BEGIN:VEVENT" in response.text


# Forms


def test_a_form_without_the_sessions_token_does_nothing(web, world, club):
	session = world.session()
	browser = Browser(web).log_in(club.anna.user)
	# Frappe asks for the token only once it has made one; the pages always do.
	assert browser.bare_post(f"/training/{session.name}", act="enrol").status_code == 400
	browser.get("/training")
	for token in ("", "0" * 56):
		assert (
			browser.bare_post(f"/training/{session.name}", act="enrol", csrf_token=token).status_code == 400
		)
	assert not seat_of(session, club.anna)


@pytest.mark.parametrize("act", ["", "approve", "refuse", "mark", "__class__", XSS])
def test_only_the_steps_that_the_page_offers(world, club, anna, act):
	session = world.session()
	name = booked(session, club.anna)
	for path in (f"/my-training/{name}", f"/training/{session.name}"):
		response = anna.post(path, act=act)
		assert response.status_code == 422
		assert "<script>alert" not in response.text
	assert seat_of(session, club.anna).status == "Confirmed"


def test_get_changes_nothing(world, club, anna):
	session = world.session()
	name = booked(session, club.anna)
	for path in (f"/my-training/{name}?act=cancel", f"/training/{session.name}?act=enrol"):
		assert anna.get(path).status_code == 200
	assert seat_of(session, club.anna).status == "Confirmed"


def test_steps_are_counted(anna):
	from imta_crm.portal import member

	token = anna.token()
	codes = [
		anna.bare_post("/my-training/none", csrf_token=token).status_code
		for _ in range(member.STEPS_A_MINUTE + 1)
	]
	assert codes[-1] == 429
	assert set(codes[:-1]) == {404}


# How the pages are


def test_headers_and_nothing_from_elsewhere(world, club, rep):
	session = world.session()
	name = booked(session, club.rep)
	for path in ("/training", f"/training/{session.name}", "/my-training", f"/my-training/{name}"):
		response = rep.get(path)
		assert "no-store" in response.headers["Cache-Control"]
		assert response.headers["X-Frame-Options"] == "DENY"
		assert "default-src 'none'" in response.headers["Content-Security-Policy"]
		assert not re.findall(r'(?:src|action)="(?:https?:)?//', response.text)
		assert "<script" not in response.text


def test_what_the_secretariat_writes_is_layout_and_no_code(world, rep):
	session = world.session(
		world.program(objectives=f"<p onclick='x()'>Fine {XSS}</p>"),
		title=f"绳索 {XSS[:40]}",
		venue=XSS[:60],
	)
	html = rep.get(f"/training/{session.name}").text + rep.get("/training").text
	assert "<p>Fine" in html
	for bad in ("<script", "<img", "onclick"):
		assert bad not in html


def test_every_word_is_chinese_in_chinese(world, club, anna):
	title = "山地安全"
	session = world.session(
		world.program(program_name_zh=title), title_zh=title, venue_zh="贵阳", language="zh", capacity=1
	)
	full = world.session(world.program(program_name_zh=title), title_zh=title, venue_zh="贵阳", capacity=1)
	booked(full, make_guest())
	name, waits = booked(session, club.anna), booked(full, club.anna)
	for path in (
		"/training",
		f"/training/{session.name}",
		"/my-training",
		f"/my-training/{name}",
		f"/my-training/{waits}",
	):
		html = re.sub(r"<style.*?</style>|<title>.*?</title>", "", anna.get(path).text, flags=re.S)
		# Of others only what the page itself says.
		html = re.sub(
			r'<li class="card">.*?</li>',
			lambda card: card.group() if title in card.group() else "",
			html,
			flags=re.S,
		)
		text = unescape(" ".join(re.sub(r"<[^>]+>", " ", html).split()))
		for known in (
			*frappe.get_all("Training Session", pluck="title"),
			*frappe.get_all("Alliance Activity", pluck="title"),
			*frappe.get_all("Member Training Program", pluck="program_name"),
			*frappe.get_all("Contact", pluck="full_name"),
			club.member.member_name,
			"International Mountain Tourism Alliance",
			"English",
			"Asia/Shanghai",
			"Mountain House",
		):
			text = text.replace(known, "")
		words = set(re.findall(r"[A-Za-z]{3,}", re.sub(r"\S+@\S+", "", text))) - {"PDF", "CNY", "USD"}
		assert not words, (path, words)


def test_a_cancelled_session_says_why(world, club, anna):
	session = world.session()
	booked(session, club.anna)
	session.reload()
	session.update({"status": "Cancelled", "cancel_reason": "Snow on the pass"})
	session.save(ignore_permissions=True)
	frappe.db.commit()
	assert "Snow on the pass" in anna.get(f"/training/{session.name}").text
	assert 'value="enrol"' not in anna.get(f"/training/{session.name}").text


def test_the_delegates_seat_is_managed_alike(world, club, anna):
	activity = world.activity()
	assert anna.post(f"/training/{activity.name}", act="enrol").status_code == 303
	doc = seat_of(activity, club.anna, DELEGATE)
	assert (doc.status, doc.delegate_role) == ("Confirmed", "Delegate")
	assert anna.post(f"/my-training/{doc.name}", act="cancel").status_code == 303
	assert seat_of(activity, club.anna, DELEGATE).status == "Cancelled"
