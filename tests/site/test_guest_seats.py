"""Guest pages of seats, feedback, certificates and registration over real HTTP: as strict as the reply page."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import frappe
import pytest
from frappe.utils import add_days, getdate, now_datetime

from imta_crm.portal import guest, links
from imta_crm.seating import seats
from tests.site.portal_site import World, forget_limits, text_of
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


@pytest.fixture(autouse=True)
def nothing_counted(site):
	forget_limits()
	frappe.db.rollback()
	yield
	forget_limits()


def seat(world, *, event=None, name: str | None = None, **fields) -> str:
	"""A guest's seat at a session of its own."""
	booked = enroll(event or world.session(**fields), make_guest(name))
	frappe.db.commit()
	return booked.name


def offered(world) -> str:
	"""Somebody to whom a seat is offered."""
	session = world.session(capacity=1)
	first, second = seat(world, event=session), seat(world, event=session)
	seats.cancel(ENROLLMENT, first, reason="Test", by=None, by_staff=True)
	frappe.db.commit()
	assert status(second) == "Offered"
	return second


def status(name: str, doctype: str = ENROLLMENT) -> str:
	frappe.db.rollback()
	return frappe.db.get_value(doctype, name, "status")


def token_for(name: str, purpose: str, *, days: int = 30, doctype: str = ENROLLMENT) -> str:
	key = frappe.db.get_value(doctype, name, "link_key")
	return links.make_token(name, key, getdate(add_days(getdate(), days)), purpose)


def past(name: str, new_status: str = "Attended") -> None:
	"""The session of a seat was yesterday, and the participant there."""
	at = now_datetime() - timedelta(days=1)
	values = {"status": new_status, "starts_at_site": at, "ends_at_site": at + timedelta(hours=3)}
	frappe.db.set_value(ENROLLMENT, name, values)
	frappe.db.commit()


# The seat


def test_a_ticket_shows_and_lets_nobody_act(world, web):
	name = seat(
		world, name="Maria Rossi", delivery="On Site and Online", online_link="https://meet.example/x"
	)
	url = links.ticket_url(ENROLLMENT, name)
	page = web.get(url)
	assert page.status_code == 200
	assert "Maria Rossi" in page.text
	assert 'class="qr"' in page.text
	assert "<form" not in page.text
	for hidden in ("meet.example", frappe.db.get_value(ENROLLMENT, name, "email")):
		assert hidden not in page.text
	for act in ("cancel", "accept", "decline"):
		assert web.post(url, act=act).status_code == 405
	assert "BEGIN:VCALENDAR" not in web.get(url + "?file=calendar").text
	assert status(name) == "Confirmed"


def test_the_own_page_has_the_link_the_calendar_and_a_way_out(world, web):
	name = seat(world, delivery="Online", online_link="https://meet.example/x")
	url = links.seat_url(ENROLLMENT, name)
	assert "https://meet.example/x" in web.get(url).text
	entry = web.get(url + "?file=calendar")
	assert entry.headers["Content-Type"].startswith("text/calendar")
	assert "BEGIN:VEVENT" in entry.text
	done = web.post(url, act="cancel", reason=XSS)
	assert done.status_code == 303
	assert done.headers["Location"].startswith("/seat/")
	assert status(name) == "Cancelled"
	after = web.get(done.headers["Location"])
	assert "Thank you for telling us" in text_of(after)
	assert "<script" not in after.text
	assert "meet.example" not in after.text
	assert web.post(url, act="cancel").status_code == 303, "a second click is harmless"


@pytest.mark.parametrize(("act", "becomes"), [("accept", "Confirmed"), ("decline", "Cancelled")])
def test_an_offer_is_answered(world, web, act, becomes):
	name = offered(world)
	url = links.offer_url(ENROLLMENT, name)
	assert "A seat has become free for you" in text_of(web.get(url))
	assert status(name) == "Offered", "looking changes nothing"
	for _ in range(2):
		assert web.post(url, act=act).status_code == 303
	assert status(name) == becomes


def test_an_offer_that_is_over_says_so(world, web):
	name = offered(world)
	frappe.db.set_value(ENROLLMENT, name, "offer_expires_at", now_datetime() - timedelta(minutes=1))
	frappe.db.commit()
	url = links.offer_url(ENROLLMENT, name)
	assert 'value="accept"' not in web.get(url).text
	response = web.post(url, act="accept")
	assert response.status_code == 409
	assert 'role="alert"' in response.text
	assert status(name) == "Offered"


def test_too_late_to_cancel(world, web):
	name = seat(world, cancel_until=now_datetime() - timedelta(hours=1))
	url = links.seat_url(ENROLLMENT, name)
	assert 'value="cancel"' not in web.get(url).text
	assert web.post(url, act="cancel").status_code == 409
	assert status(name) == "Confirmed"


def test_a_delegates_seat_is_alike(world, web):
	activity = world.activity()
	name = seat(world, event=activity)
	assert activity.title in web.get(links.ticket_url(DELEGATE, name)).text
	assert web.post(links.seat_url(DELEGATE, name), act="cancel").status_code == 303
	assert status(name, DELEGATE) == "Cancelled"


@pytest.mark.parametrize("act", ["", "approve", "mark", "transfer", XSS])
def test_only_steps_that_the_page_offers(world, web, act):
	name = seat(world)
	assert web.post(links.seat_url(ENROLLMENT, name), act=act).status_code == 422
	assert web.post(links.seat_url(ENROLLMENT, name), act="cancel", **{guest.TRAP: "1"}).status_code == 422
	assert status(name) == "Confirmed"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_change_nothing(world, web, method):
	name = seat(world)
	web.request(method, links.seat_url(ENROLLMENT, name) + "?act=cancel", data={"act": "cancel"})
	assert status(name) == "Confirmed"


# Links that are not good


def altered(token: str) -> list[str]:
	return [
		token[:-1],
		token + "a",
		("b" if token[0] != "b" else "c") + token[1:],
		token[:-1] + ("b" if token[-1] != "b" else "c"),
		"",
		"x",
		"a" * 3000,
		"%00%ff",
		token + "/more",
	]


def test_all_bad_links_get_the_same_page(world, web):
	name = seat(world)
	good = {
		"seat": token_for(name, links.SEATS[ENROLLMENT]),
		"feedback": token_for(name, links.FEEDBACK),
		"register": token_for(name, links.SEATS[ENROLLMENT]),
		"certificate": "k" * 40,
	}
	key = "k" * 40
	gone = links.make_token("TS-1999-0001-0001", key, getdate(), links.SEATS[ENROLLMENT])
	wrong = links.make_token(name, key, getdate(), links.SEATS[ENROLLMENT])
	for path, token in good.items():
		bodies = set()
		for bad in (*altered(token), gone, wrong):
			for response in (web.get(f"/{path}/{bad}"), web.post(f"/{path}/{bad}", act="cancel")):
				assert response.status_code == 404, (path, bad)
				assert response.headers["Cache-Control"] == "no-store, private"
				bodies.add(re.sub(r'nonce="\w+"|href="[^"]*"', "", response.text))
			forget_limits()
		assert len(bodies) == 1, path
	assert status(name) == "Confirmed"


def test_a_link_for_one_purpose_is_none_for_another(world, web):
	name = seat(world)
	for path, purpose in (
		("seat", links.FEEDBACK),
		("seat", links.SEATS[DELEGATE]),
		("feedback", links.SEATS[ENROLLMENT]),
		("feedback", links.TICKETS[ENROLLMENT]),
		("register", links.FEEDBACK),
		("invitation", links.SEATS[ENROLLMENT]),
	):
		assert web.get(f"/{path}/{token_for(name, purpose)}").status_code == 404, (path, purpose)


def test_expired_links_say_so_only_with_a_good_signature(world, web):
	name = seat(world, name="Maria Rossi")
	for path, purpose in (("seat", links.SEATS[ENROLLMENT]), ("feedback", links.FEEDBACK)):
		token = token_for(name, purpose, days=-1)
		for response in (web.get(f"/{path}/{token}"), web.post(f"/{path}/{token}", act="cancel")):
			assert response.status_code == 410
			assert "Maria Rossi" not in response.text
		assert web.get(f"/{path}/{token[:-1]}").status_code == 404
		assert web.get(f"/{path}/{token_for(name, purpose, days=0)}").status_code == 200
	assert status(name) == "Confirmed"


def test_a_new_key_ends_the_old_links(world, web):
	name = seat(world)
	url = links.seat_url(ENROLLMENT, name)
	frappe.db.set_value(ENROLLMENT, name, "link_key", frappe.generate_hash(length=40))
	frappe.db.commit()
	assert web.get(url).status_code == 404


@pytest.mark.parametrize(
	("path", "limit"),
	[
		("seat", guest.PAGES_A_MINUTE),
		("feedback", guest.PAGES_A_MINUTE),
		("register", guest.PAGES_A_MINUTE),
		("certificate", guest.CARDS_A_MINUTE),
	],
)
def test_an_address_is_counted_before_the_look_up(web, path, limit):
	frappe.cache.set(frappe.cache.make_key(f"imta:limit:{path}:203.0.113.9"), limit - 1)
	headers = {"X-Forwarded-For": "203.0.113.9"}
	assert web.get(f"/{path}/x", headers=headers).status_code == 404
	refused = web.get(f"/{path}/x", headers=headers)
	assert refused.status_code == 429
	assert refused.headers["Retry-After"]
	assert web.get(f"/{path}/x", headers={"X-Forwarded-For": "203.0.113.10"}).status_code == 404


def test_one_seat_is_not_stepped_on_without_end(world, web):
	name = seat(world)
	frappe.cache.set(frappe.cache.make_key(f"imta:limit:seat:step:{name}"), guest.STEPS_AN_HOUR)
	assert web.post(links.seat_url(ENROLLMENT, name), act="cancel").status_code == 429
	assert status(name) == "Confirmed"


def test_headers_and_nothing_from_elsewhere(world, web):
	name = seat(world)
	activity = world.activity()
	for url in (
		links.seat_url(ENROLLMENT, name),
		links.ticket_url(ENROLLMENT, name),
		links.feedback_url(name),
		links.activity_url(activity.name),
	):
		response = web.get(url)
		assert response.status_code == 200
		assert "no-store" in response.headers["Cache-Control"]
		assert response.headers["Referrer-Policy"] == "no-referrer"
		assert "noindex" in response.headers["X-Robots-Tag"]
		assert response.headers["X-Frame-Options"] == "DENY"
		assert "default-src 'none'" in response.headers["Content-Security-Policy"]
		assert not re.findall(r'(?:src|action)="(?:https?:)?//', response.text)
		assert "<script" not in response.text


# Feedback


GOOD = {"overall": "5", "content": "4", "recommend": "9", "liked": "The ropes", "improve": XSS}


def test_feedback_is_stored_and_may_be_changed(world, web):
	name = seat(world)
	past(name)
	url = links.feedback_url(name)
	assert web.post(url, **GOOD).status_code == 303
	frappe.db.rollback()
	doc = frappe.get_doc("Session Feedback", name)
	assert (doc.overall, doc.content, doc.trainer, doc.recommend, doc.liked) == (5, 4, 0, 9, "The ropes")
	page = web.get(url + "?done=1")
	assert "Thank you for your feedback" in page.text
	assert "<script>alert" not in page.text
	assert 'name="overall" value="5" required checked' in page.text
	assert web.post(url, **{**GOOD, "overall": "2"}).status_code == 303
	frappe.db.rollback()
	assert frappe.db.get_value("Session Feedback", name, "overall") == 2


@pytest.mark.parametrize(
	"wrong",
	[
		{"overall": ""},
		{"overall": "6"},
		{"overall": "0"},
		{"overall": "5.5"},
		{"overall": "٥"},
		{"recommend": ""},
		{"recommend": "11"},
		{guest.TRAP: "1"},
	],
	ids=str,
)
def test_feedback_that_cannot_be_is_asked_for_again(world, web, wrong):
	name = seat(world)
	past(name)
	response = web.post(links.feedback_url(name), **{**GOOD, **wrong})
	assert response.status_code == 422
	assert "The ropes" in response.text, "what was typed is still there"
	assert not frappe.db.exists("Session Feedback", name)


def test_feedback_is_for_those_who_were_there(world, web):
	name = seat(world)
	url = links.feedback_url(name)
	assert "<form" not in web.get(url).text
	assert web.post(url, **GOOD).status_code == 409
	past(name, "No-show")
	assert web.post(url, **GOOD).status_code == 409
	assert not frappe.db.exists("Session Feedback", name)


# Certificates


def certificate(world, **fields) -> str:
	doc = frappe.new_doc("Training Certificate")
	program = world.program()
	doc.update(
		{
			"holder_name": "Maria Rossi",
			"holder_name_local": "玛丽亚",
			"organisation": "Secret Club",
			"program": program.name,
			"program_name": program.program_name,
			"program_name_zh": "山地安全",
			"hours": 6.5,
			"completed_on": "2026-11-01",
			"issued_on": "2026-11-02",
			"valid_until": "2099-11-02",
			"status": "Valid",
			"token": frappe.generate_hash(length=40),
			**fields,
		}
	)
	doc.name = world.keep("Training Certificate", f"C-{frappe.generate_hash(length=8)}")
	doc.db_insert()
	frappe.db.commit()
	return links.certificate_url(doc.token)


def test_a_certificate_is_proved_and_no_more_is_said(world, web):
	response = web.get(certificate(world))
	text = text_of(response)
	for part in ("This certificate is valid", "Maria Rossi", "6.5", "2 November 2099"):
		assert part in text
	assert "Secret Club" not in response.text
	chinese = web.get(certificate(world) + "?_lang=zh")
	assert "山地安全" in chinese.text
	assert text_of(chinese).index("玛丽亚") < text_of(chinese).index("Maria Rossi")


def test_a_certificate_that_does_not_count_says_so(world, web):
	assert "has expired" in text_of(web.get(certificate(world, valid_until="2026-11-03")))
	revoked = web.get(certificate(world, status="Revoked", revoke_reason="Cheated"))
	assert "was revoked" in text_of(revoked)
	assert "Cheated" not in revoked.text
	assert web.post(certificate(world)).status_code == 200, "there is nothing to do on it"


# Registration


def test_the_public_address_takes_an_address_and_tells_nothing(world, web, monkeypatch):
	activity = world.activity()
	url = links.activity_url(activity.name)
	page = web.get(url)
	assert activity.title in page.text
	assert 'name="email"' in page.text
	assert 'name="remarks"' not in page.text
	known = seat(world, event=activity)
	answers = set()
	for email in ("stranger@else.example", frappe.db.get_value(DELEGATE, known, "email")):
		response = web.post(url, email=email)
		assert response.status_code == 303
		answers.add(response.headers["Location"])
	assert len(answers) == 1, "whether somebody is registered is not told"
	assert "look into your mailbox" in text_of(web.get(answers.pop()))
	assert frappe.db.count(DELEGATE, {"activity": activity.name}) == 1
	for email in ("", "nonsense", "a@b.example, c@d.example"):
		assert web.post(url, email=email).status_code == 422
	assert web.post(url, email="a@b.example", **{guest.TRAP: "1"}).status_code == 422


@pytest.mark.parametrize("fields", [{"status": "Draft"}, {"audience": "Members"}], ids=str)
def test_what_is_not_public_looks_like_nothing(world, web, fields):
	activity = world.activity(**fields)
	for response in (
		web.get(links.activity_url(activity.name)),
		web.post(links.activity_url(activity.name), email="a@b.example"),
	):
		assert response.status_code == 404
		assert activity.title not in response.text


FORM = {"name": "Maria Rossi", "country": "Italy", "organisation": "Club Alpino", "consent": "1"}


def test_a_proved_address_registers(world, web):
	activity = world.activity()
	email = f"{frappe.generate_hash(length=8)}@else.example"
	url = links.confirmed_url(activity.name, email)
	frappe.db.commit()
	assert email in web.get(url).text
	assert frappe.db.count(DELEGATE, {"activity": activity.name}) == 0
	forged = {"email": "other@else.example", "delegate_role": "Speaker", "fee": "0", "status": "Attended"}
	assert web.post(url, **FORM, **forged).status_code == 303
	frappe.db.rollback()
	(row,) = frappe.get_all(
		DELEGATE,
		{"activity": activity.name},
		["name", "email", "delegate_role", "status", "participant_name"],
	)
	assert (row.email, row.delegate_role, row.status) == (email, "Guest", "Confirmed")
	page = web.get(url + "?done=1")
	assert "We have received your registration" in text_of(page)
	assert "/seat/" in page.text
	assert web.post(url, **FORM).status_code == 303
	assert frappe.db.count(DELEGATE, {"activity": activity.name}) == 1


@pytest.mark.parametrize(
	"wrong",
	[
		{"name": ""},
		{"country": ""},
		{"country": "Atlantis"},
		{"consent": ""},
		{"organisation": "Buy at www.pills.example"},
		{"name": "M" * 141},
		{guest.TRAP: "1"},
	],
	ids=str,
)
def test_a_registration_that_cannot_be_is_asked_for_again(world, web, wrong):
	activity = world.activity()
	url = links.confirmed_url(activity.name, f"{frappe.generate_hash(length=8)}@else.example")
	frappe.db.commit()
	response = web.post(url, **{**FORM, "position": XSS, **wrong})
	assert response.status_code == 422
	assert 'role="alert"' in response.text
	assert "<script>alert" not in response.text
	assert not frappe.db.count(DELEGATE, {"activity": activity.name})


def test_a_closed_registration_says_so(world, web):
	activity = world.activity(enroll_until=now_datetime() - timedelta(hours=1))
	page = web.get(links.activity_url(activity.name))
	assert "Registration is closed" in text_of(page)
	assert "<form" not in page.text
	assert web.post(links.activity_url(activity.name), email="a@b.example").status_code == 422


# Language


def test_every_word_of_the_pages_is_chinese_in_chinese(world, web):
	own = {"title_zh": "山地安全", "venue_zh": "贵阳"}
	name = seat(world, name="王芳", **own)
	over = seat(world, name="王芳", **own)
	past(over)
	activity = world.activity(**own)
	urls = [
		links.seat_url(ENROLLMENT, name),
		links.ticket_url(ENROLLMENT, name),
		links.feedback_url(over),
		links.activity_url(activity.name),
		certificate(world, holder_name="王芳", holder_name_local=None),
		links.seat_url(ENROLLMENT, name)[:-3],
	]
	for url in urls:
		html = re.sub(
			r"<style.*?</style>|<title>.*?</title>", "", web.get(url + "?_lang=zh").text, flags=re.S
		)
		text = unescape(re.sub(r"<[^>]+>", " ", html))
		for known in ("International Mountain Tourism Alliance", "English", "Asia/Shanghai"):
			text = text.replace(known, "")
		text = re.sub(r"\bC-\w+|\S+@\S+", "", text)
		words = set(re.findall(r"[A-Za-z]{3,}", text)) - {"Fax"}
		assert not words, (url, words)
