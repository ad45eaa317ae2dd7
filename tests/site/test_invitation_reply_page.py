"""The reply page over real HTTP: what a guest sees, what a POST does, and what nobody learns from it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from threading import Barrier

import frappe
import pytest
import requests
from frappe.utils import add_days, getdate, now_datetime

from imta_crm.portal import guest, links
from tests.site.factories import make_user
from tests.site.invitation_factories import make_campaign, make_invitation
from tests.site.web_server import WebServer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
XSS = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'


@pytest.fixture(autouse=True)
def nothing_counted():
	forget_limits()
	yield
	forget_limits()


def forget_limits():
	for key in frappe.cache.get_keys("imta:limit:"):
		frappe.cache.delete_value(key, make_keys=False)


@pytest.fixture(scope="module")
def web(connected):
	with WebServer(connected) as server:
		yield server


@pytest.fixture
def world(site, web):
	"""A committed world that the server sees, and that is gone after the test."""
	frappe.db.rollback()
	started = now_datetime()
	made = World()
	yield made
	frappe.db.rollback()
	made.sweep(started)
	frappe.db.commit()


class World:
	def __init__(self):
		self.users: list[str] = []
		self.campaigns: list[str] = []

	def campaign(self, **fields) -> str:
		campaign = make_campaign(running=True, **fields)
		self.campaigns.append(campaign.name)
		return campaign.name

	def invitation(self, campaign: str | None = None, **fields):
		fields.setdefault("prospect_name", f"Page Club {frappe.generate_hash(length=8)}")
		fields.setdefault("email", f"{frappe.generate_hash(length=10)}@page.example")
		name = fields.pop("prospect_name")
		fields.setdefault("status", "Invited")
		doc = make_invitation(campaign or self.campaign(), name, **fields)
		doc.reload()
		frappe.db.commit()
		return doc

	def activity(self, **fields):
		return self.invitation(self.campaign(purpose="Activity"), **fields)

	def sweep(self, started) -> None:
		names = frappe.get_all("Invitation", {"campaign": ("in", self.campaigns)}, pluck="name")
		rows = frappe.get_all("Invitation", {"name": ("in", names)}, ["lead", "application", "email"])
		applications = [row.application for row in rows if row.application]
		leads = [row.lead for row in rows if row.lead]
		leads += frappe.get_all(
			"Lead", {"email_id": ("in", [r.email for r in rows if r.email])}, pluck="name"
		)
		documents = names + applications + leads + self.campaigns
		for doctype, field in (
			("ToDo", "reference_name"),
			("Comment", "reference_name"),
			("Version", "docname"),
			("Notification Log", "document_name"),
			("Email Queue", "reference_name"),
			("Invitation Touch", "invitation"),
			("Do Not Invite", "invitation"),
			("Dynamic Link", "link_name"),
		):
			frappe.db.delete(doctype, {field: ("in", documents)})
		frappe.db.delete("Error Log", {"creation": (">=", started)})
		for doctype, found in (
			("Membership Application", applications),
			("Lead", leads),
			("Invitation", names),
			("Invitation Campaign", self.campaigns),
		):
			for name in found:
				frappe.db.delete(doctype, {"name": name})
		for child in ("Invitation Campaign Step", "Invitation Campaign Target"):
			frappe.db.delete(child, {"parent": ("in", self.campaigns)})
		for user in self.users:
			frappe.delete_doc("User", user, force=True, ignore_permissions=True)


def link(doc, *, days: int = 30, **query) -> str:
	return links.reply_url(doc.name, doc.link_key, getdate(add_days(getdate(), days)), **query)


def unsubscribe_link(doc, *, days: int = 30) -> str:
	return links.unsubscribe_url(doc.name, doc.link_key, getdate(add_days(getdate(), days)))


def stored(doc):
	frappe.db.rollback()  # what the server has committed since
	return frappe.get_doc("Invitation", doc.name)


def text_of(response: requests.Response) -> str:
	body = re.sub(r"<style.*?</style>", "", response.text, flags=re.S)
	return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


# Showing


def test_get_shows_whom_it_is_for_and_what_it_is_about(world, web):
	doc = world.invitation(contact_first_name="Anna", contact_last_name="Hofer")
	response = web.get(link(doc))
	text = text_of(response)
	assert response.status_code == 200
	assert doc.prospect_name in text
	assert "Anna Hofer" in text
	assert "International Mountain Tourism Alliance" in text
	for answer in ("interested", "later", "No, thank you", "not the right person", "not write to me again"):
		assert answer in text
	assert doc.email not in response.text


def test_an_activity_asks_for_yes_or_no(world, web):
	doc = world.invitation(
		world.campaign(
			purpose="Activity",
			activity_name="Mountain Day",
			activity_from="2027-05-29 09:00:00",
			activity_to="2027-05-29 17:30:00",
			activity_time_zone="Asia/Shanghai",
			activity_place="Guiyang",
			answer_until="2027-04-30",
		)
	)
	text = text_of(web.get(link(doc)))
	for part in ("Mountain Day", "29 May 2027 09:00 – 17:30", "Asia/Shanghai", "Guiyang", "30 April 2027"):
		assert part in text, part
	assert "I will take part" in text
	assert "interested" not in text


def test_looking_changes_nothing(world, web):
	doc = world.invitation()
	before = stored(doc).as_dict()
	for method in ("GET", "HEAD", "GET"):
		for url in (link(doc), link(doc, reply="Interested"), unsubscribe_link(doc)):
			response = web.request(
				method,
				url,
				headers={"Purpose": "prefetch", "Sec-Purpose": "prefetch", "User-Agent": "LinkScanner"},
			)
			assert response.status_code == 200
			assert method != "HEAD" or not response.content
	assert stored(doc).as_dict() == before
	assert not frappe.db.exists("Comment", {"reference_name": doc.name})
	assert not frappe.db.exists("Do Not Invite", {"invitation": doc.name})


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_change_nothing(world, web, method):
	doc = world.invitation()
	web.request(method, link(doc), data={"reply": "Interested"})
	assert stored(doc).status == "Invited"


def test_a_reply_in_the_address_is_chosen_but_not_sent(world, web):
	doc = world.invitation()
	response = web.get(link(doc, reply="Wrong Person"))
	chosen = re.findall(r'value="([^"]+)" required checked', response.text)
	assert chosen == ["Wrong Person"]
	assert not re.search("required checked", web.get(link(doc) + "?reply=Admitted").text)
	assert stored(doc).status == "Invited"


def test_headers_and_nothing_from_elsewhere(world, web):
	response = web.get(link(world.invitation()))
	assert "no-store" in response.headers["Cache-Control"]
	assert response.headers["Referrer-Policy"] == "no-referrer"
	assert "noindex" in response.headers["X-Robots-Tag"]
	assert response.headers["X-Frame-Options"] == "DENY"
	assert "default-src 'none'" in response.headers["Content-Security-Policy"]
	assert "Link" not in response.headers
	assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', response.text)
	assert "<script" not in response.text


def test_pages_of_two_people_are_not_mixed_up(world, web):
	campaign = world.campaign()
	first, second = world.invitation(campaign), world.invitation(campaign)
	for _ in range(2):
		for one, other in ((first, second), (second, first)):
			text = text_of(web.get(link(one)))
			assert one.prospect_name in text
			assert other.prospect_name not in text


def test_not_in_the_sitemap(world, web):
	doc = world.invitation()
	web.get(link(doc))
	assert "/invitation" not in web.get("/sitemap.xml").text


def test_two_languages_and_a_switch(world, web):
	doc = world.invitation(
		preferred_language="zh",
		prospect_name_local="贵州户外运动协会",
		contact_first_name="明",
		contact_last_name="王",
		country="China",
	)
	chinese = web.get(link(doc))
	assert chinese.headers["Content-Language"] == "zh"
	assert "贵州户外运动协会" in chinese.text
	assert "王明" in chinese.text
	assert 'lang="zh-CN"' in chinese.text
	address = unescape(re.search(r'<a href="([^"]+)" hreflang="en"', chinese.text).group(1))
	english = web.get(address)
	assert english.headers["Content-Language"] == "en"
	assert "Invitation to become a member" in english.text
	assert 'hreflang="zh"' in english.text


def test_a_chinese_page_leads_with_the_own_name_only_where_it_is_chinese(world, web):
	doc = world.invitation(prospect_name_local="نادي المتسلقين", country="Egypt")
	text = text_of(web.get(link(doc) + "?_lang=zh"))
	assert text.index(doc.prospect_name) < text.index("نادي المتسلقين")


def test_every_word_of_the_page_is_chinese_in_chinese(world, web):
	doc = world.invitation()
	for url in (link(doc), link(doc, days=-1), unsubscribe_link(doc), link(doc)[:-2]):
		html = web.get(url + "?_lang=zh").text
		text = re.sub(r"<style.*?</style>", "", html, flags=re.S)
		text = unescape(re.sub(r"<[^>]+>", " ", text))
		for known in (
			doc.prospect_name,
			"International Mountain Tourism Alliance",
			"English",
			"Mountains for all",
		):
			text = text.replace(known, "")
		words = set(re.findall(r"[A-Za-z]{3,}", re.sub(r"\S+@\S+", "", text))) - {"Fax", "Ordinary"}
		assert not words, (url, words)


# Acting


@pytest.mark.parametrize(
	("reply", "status"),
	[
		("Interested", "Interested"),
		("No", "Declined"),
		("Wrong Person", "Wrong Person"),
		("Do Not Write", "Do Not Write"),
	],
)
def test_an_answer_is_stored_and_confirmed(world, web, reply, status):
	doc = world.invitation()
	response = web.post(link(doc), reply=reply, comment="Greetings from the valley")
	assert response.status_code == 303
	assert response.headers["Location"].startswith("/invitation/")
	after = stored(doc)
	assert (after.status, after.reply, after.reply_via) == (status, reply, "Reply Page")
	assert after.reply_comment == "Greetings from the valley"
	page = web.get(response.headers["Location"])
	assert page.status_code == 200
	assert "Thank you" in page.text
	assert "Greetings from the valley" not in page.text, "whoever has the link does not read what was said"


@pytest.mark.parametrize(("reply", "status"), [("Yes", "Accepted"), ("No", "Declined")])
def test_an_answer_to_an_activity(world, web, reply, status):
	doc = world.activity()
	assert web.post(link(doc), reply=reply).status_code == 303
	assert stored(doc).status == status


def test_later_needs_a_day(world, web):
	doc = world.invitation()
	for day in ("", "soon", "2020-01-01", str(getdate()), "9999-12-31", "0000-00-00"):
		response = web.post(link(doc), reply="Later", later_on=day, comment="Busy season")
		assert response.status_code == 422, day
		assert "Please name a day" in response.text
		assert "Busy season" in response.text, "what was typed is still there"
		assert stored(doc).status == "Invited"
	day = str(add_days(getdate(), 40))
	assert web.post(link(doc), reply="Later", later_on=day).status_code == 303
	after = stored(doc)
	assert (after.status, str(after.later_on)) == ("Later", day)


def test_what_is_wrong_is_said_in_the_language_of_the_page(world, web):
	doc = world.invitation(preferred_language="zh")
	for wrong in ({"reply": "Later"}, {"reply": "Wrong Person", "referral_name": "王"}, {"reply": ""}):
		problem = re.search(r'role="alert">([^<]+)<', web.post(link(doc), **wrong).text).group(1)
		assert re.search("[\u4e00-\u9fff]", problem), problem


def test_the_right_person_is_invited_instead(world, web):
	doc = world.invitation()
	address = f"right{frappe.generate_hash(length=6)}@page.example"
	answer = {"reply": "Wrong Person", "referral_name": "Maria Rossi", "referral_email": address}
	assert web.post(link(doc), **answer).status_code == 303
	assert stored(doc).status == "Wrong Person"
	(other,) = frappe.get_all(
		"Invitation",
		{"referred_by": doc.name},
		["email", "source", "status", "contact_first_name", "link_key"],
	)
	assert (other.email, other.source) == (address, "Referral")
	assert other.link_key != doc.link_key
	web.post(link(doc), **answer)
	assert frappe.db.count("Invitation", {"referred_by": doc.name}) == 1


@pytest.mark.parametrize(
	"wrong",
	[
		{"referral_name": "Maria", "referral_email": "nonsense"},
		{"referral_name": "", "referral_email": "maria@page.example"},
		{"referral_name": "Maria", "referral_email": "a@page.example, b@page.example"},
		{"referral_name": "Buy at www.pills.example", "referral_email": "maria@page.example"},
		{"referral_name": "M" * 141, "referral_email": "maria@page.example"},
		{"referral_name": "Maria", "referral_email": "m" * 200 + "@page.example"},
		{"comment": "x" * 2001},
		{guest.TRAP: "+1 555"},
	],
	ids=lambda fields: "-".join(fields),
)
def test_what_cannot_be_is_asked_for_again(world, web, wrong):
	doc = world.invitation()
	response = web.post(link(doc), reply="Wrong Person", **wrong)
	assert response.status_code == 422
	assert stored(doc).status == "Invited"
	assert not frappe.db.exists("Invitation", {"referred_by": doc.name})


@pytest.mark.parametrize("reply", ["", "By Mail", "Admitted", "Applied", "Yes", "interested", "Merged"])
def test_only_what_the_page_offers(world, web, reply):
	doc = world.invitation()
	assert web.post(link(doc), reply=reply).status_code == 422
	assert stored(doc).status == "Invited"


def test_a_second_click_is_harmless(world, web):
	doc = world.invitation()
	for _ in range(3):
		assert web.post(link(doc), reply="Interested", comment="Yes").status_code == 303
	assert frappe.db.count("Comment", {"reference_name": doc.name, "content": ("like", "%Interested%")}) == 1
	assert frappe.db.count("Membership Application", {"applicant_name": doc.prospect_name}) == 1


def test_two_clicks_at_once_from_two_processes(world, web):
	doc = world.invitation()
	start, url = Barrier(4), link(doc)

	def click(_):
		start.wait()
		return web.post(url, reply="Interested").status_code

	with ThreadPoolExecutor(4) as pool:
		assert list(pool.map(click, range(4))) == [303] * 4
	after = stored(doc)
	assert after.status == "Interested"
	assert frappe.db.count("Membership Application", {"applicant_name": doc.prospect_name}) == 1
	assert frappe.db.count("Comment", {"reference_name": doc.name, "content": ("like", "%Interested%")}) == 1


def test_different_answers_at_once_leave_one_of_them(world, web):
	doc = world.invitation()
	start, url = Barrier(2), link(doc)

	def click(reply):
		start.wait()
		return web.post(url, reply=reply).status_code

	with ThreadPoolExecutor(2) as pool:
		assert list(pool.map(click, ("No", "Wrong Person"))) == [303] * 2
	after = stored(doc)
	assert (after.reply, after.status) in (("No", "Declined"), ("Wrong Person", "Wrong Person"))


def test_people_change_their_mind(world, web):
	doc = world.invitation()
	for reply, status in (("No", "Declined"), ("Interested", "Interested"), ("No", "Declined")):
		assert web.post(link(doc), reply=reply).status_code == 303
		assert stored(doc).status == status
	assert "Your answer so far" in web.get(link(doc)).text


@pytest.mark.parametrize("status", ["Applied", "Admitted", "Not Admitted", "Merged", "Withdrawn", "Held"])
def test_a_closed_invitation_takes_no_answer_but_to_be_left_alone(world, web, status):
	doc = world.invitation(status=status)
	page = web.get(link(doc))
	assert page.status_code == 200
	assert "This invitation is closed" in page.text
	assert web.post(link(doc), reply="No").status_code == 422
	assert stored(doc).status == status
	assert web.post(link(doc), reply="Do Not Write").status_code == 303
	assert stored(doc).status == ("Do Not Write" if status == "Held" else status)
	assert frappe.db.exists("Do Not Invite", {"invitation": doc.name})


def test_what_people_type_stays_text(world, web):
	doc = world.invitation(
		prospect_name=f"{XSS[:60]} {frappe.generate_hash(length=6)}", contact_first_name=XSS[:100]
	)
	page = web.get(link(doc))
	assert "<script>alert" not in page.text
	assert "<img" not in page.text
	again = web.post(
		link(doc), reply="Later", comment=XSS, later_on=XSS, referral_name=XSS, referral_email=XSS
	)
	assert again.status_code == 422
	assert "<script>alert" not in again.text
	assert "<img" not in again.text
	web.post(link(doc), reply="No", comment=XSS)
	notes = frappe.get_all("Comment", {"reference_name": doc.name}, pluck="content")
	# Frappe shows a Small Text as HTML.
	assert stored(doc).reply_comment == XSS.replace("<", "< ")
	assert notes
	assert not any("<script" in note or "<img" in note for note in notes)


def test_logged_in_people_can_answer_too(world, web):
	doc = world.invitation()
	user = make_user("Liaison Officer", email=f"page{frappe.generate_hash(length=6)}@imta.example")
	world.users.append(user)
	from frappe.utils.password import update_password

	update_password(user, "Mountain-Path-7431")
	frappe.db.commit()
	session = requests.Session()
	web.request(
		"POST",
		"/api/method/login",
		session=session,
		data={"usr": user, "pwd": "Mountain-Path-7431"},
	).raise_for_status()
	web.get("/app", session=session)  # here Frappe makes the session's CSRF token
	page = web.get(link(doc), session=session)
	token = re.search(r'name="csrf_token" value="(\w+)"', page.text)
	assert token, "the form of somebody logged in carries the session's token"
	without = web.request("POST", link(doc), session=session, data={"reply": "No"})
	assert without.status_code == 400
	assert stored(doc).status == "Invited"
	answer = {"reply": "No", "csrf_token": token.group(1)}
	done = web.request("POST", link(doc), session=session, data=answer)
	assert done.status_code == 303
	assert stored(doc).status == "Declined"


# Links that are not good


def altered(url: str) -> list[str]:
	head, _, token = url.rpartition("/")
	return [
		f"{head}/{token[:-1]}",
		f"{head}/{token}a",
		f"{head}/{('b' if token[0] != 'b' else 'c') + token[1:]}",
		f"{head}/{token[:-1] + ('b' if token[-1] != 'b' else 'c')}",
		f"{head}/{token[:40] + ('b' if token[40] != 'b' else 'c') + token[41:]}",
		f"{head}/",
		f"{head}/x",
		f"{head}/{'a' * 3000}",
		f"{head}/%00%ff",
		f"{head}/{token}/more",
		f"{head}/../invitation/",
		head,
	]


def test_all_bad_links_get_the_same_page(world, web):
	doc = world.invitation()
	gone = links.reply_url("INVT-1999-99999", "k" * 40, getdate(add_days(getdate(), 9)))
	wrong_key = links.reply_url(doc.name, "k" * 40, getdate(add_days(getdate(), 9)))
	pages = set()
	for url in (*altered(link(doc)), gone, wrong_key):
		for response in (web.get(url), web.post(url, reply="Interested")):
			assert response.status_code == 404, url
			assert response.headers["Cache-Control"] == "no-store, private"
			body = re.sub(r'nonce="\w+"|href="[^"]*"', "", response.text)
			assert doc.prospect_name not in body
			pages.add(body)
	assert len(pages) == 1, "a page that differs would tell one bad link from another"
	assert stored(doc).status == "Invited"


def test_an_expired_link_says_so_only_with_a_good_signature(world, web):
	doc = world.invitation()
	for response in (web.get(link(doc, days=-1)), web.post(link(doc, days=-1), reply="Interested")):
		assert response.status_code == 410
		assert "expired" in response.text
		assert doc.prospect_name not in response.text
	assert web.get(link(doc, days=-1)[:-1]).status_code == 404
	assert web.get(link(doc, days=0)).status_code == 200, "the last day counts"
	assert stored(doc).status == "Invited"


def test_a_new_key_ends_the_old_links(world, web):
	doc = world.invitation()
	old = link(doc)
	frappe.db.set_value("Invitation", doc.name, "link_key", frappe.generate_hash(length=40))
	frappe.db.commit()
	assert web.get(old).status_code == 404


def test_a_link_for_one_purpose_is_none_for_the_other(world, web):
	doc = world.invitation()
	assert "What may we note" not in web.get(unsubscribe_link(doc)).text
	web.post(unsubscribe_link(doc), reply="Interested")
	assert stored(doc).status == "Do Not Write"


def test_letters_of_either_case_are_the_same_link(world, web):
	doc = world.invitation()
	head, _, token = link(doc).rpartition("/")
	assert web.get(f"{head}/{token.upper()}").status_code == 200


# Limits


def test_an_address_is_counted_before_the_look_up(world, web):
	doc = world.invitation()
	headers = {"X-Forwarded-For": "203.0.113.77"}
	for n in range(guest.PAGES_A_MINUTE):
		assert web.get(link(doc)[:-1] + f"?{n}", headers=headers).status_code == 404
	for url in (link(doc), link(doc)[:-1], link(doc, days=-1)):
		response = web.get(url, headers=headers)
		assert response.status_code == 429
		assert response.headers["Retry-After"]
		assert doc.prospect_name not in response.text
	assert web.get(link(doc), headers={"X-Forwarded-For": "203.0.113.78"}).status_code == 200


def test_one_invitation_is_not_answered_without_end(world, web):
	doc = world.invitation()
	answers = ("No", "Wrong Person")
	for n in range(guest.REPLIES_AN_HOUR):
		response = web.request(
			"POST",
			link(doc),
			data={"reply": answers[n % 2]},
			headers={"X-Forwarded-For": f"203.0.113.{n}"},
		)
		assert response.status_code == 303
	response = web.request(
		"POST", link(doc), data={"reply": "No"}, headers={"X-Forwarded-For": "203.0.113.200"}
	)
	assert response.status_code == 429


# Unsubscribing


def test_one_click_without_cookies(world, web):
	doc = world.invitation()
	response = web.request(
		"POST",
		unsubscribe_link(doc),
		data="List-Unsubscribe=One-Click",
		headers=FORM,
		allow_redirects=False,
	)
	assert response.status_code == 200
	after = stored(doc)
	assert (after.status, after.reply, after.reply_via) == (
		"Do Not Write",
		"Do Not Write",
		"One-Click Unsubscribe",
	)
	entry = frappe.get_all("Do Not Invite", {"invitation": doc.name}, ["source", "email_hash"])
	assert [row.source for row in entry] == ["One-Click Unsubscribe"]
	again = web.request("POST", unsubscribe_link(doc), data="List-Unsubscribe=One-Click", headers=FORM)
	assert again.status_code == 200
	assert frappe.db.count("Do Not Invite", {"invitation": doc.name}) == 1


def test_one_click_as_multipart(world, web):
	doc = world.invitation()
	response = web.request(
		"POST",
		unsubscribe_link(doc),
		files={"List-Unsubscribe": (None, "One-Click")},
		allow_redirects=False,
	)
	assert response.status_code == 200
	assert stored(doc).reply_via == "One-Click Unsubscribe"


def test_a_person_unsubscribes_with_a_button(world, web):
	doc = world.invitation()
	page = web.get(unsubscribe_link(doc))
	assert page.status_code == 200
	assert "<button" in page.text
	assert stored(doc).status == "Invited"
	answer = web.post(unsubscribe_link(doc))
	assert answer.status_code == 303
	done = web.get(answer.headers["Location"])
	assert done.status_code == 200
	assert "no further invitations" in done.text
	assert "<button" not in done.text
	assert stored(doc).reply_via == "Reply Page"


def test_unsubscribing_does_not_expire(world, web):
	doc = world.invitation()
	response = web.request(
		"POST", unsubscribe_link(doc, days=-300), data="List-Unsubscribe=One-Click", headers=FORM
	)
	assert response.status_code == 200
	assert stored(doc).status == "Do Not Write"


def test_the_providers_of_many_people_are_not_held_up(world, web):
	doc = world.invitation()
	headers = {"X-Forwarded-For": "203.0.113.99", **FORM}
	for _ in range(guest.PAGES_A_MINUTE + 1):
		response = web.request(
			"POST", unsubscribe_link(doc), data="List-Unsubscribe=One-Click", headers=headers
		)
		assert response.status_code == 200
