"""Letters of invitation as a mail server gets them: from the template, through Frappe's queue, to the bytes."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from types import SimpleNamespace

import frappe
import pytest
from frappe.utils import getdate
from frappe.utils.background_jobs import execute_job

from imta_crm.defaults import read
from imta_crm.invitations import campaigns, compose, mail_facts, mail_headers, mailing
from imta_crm.invitations.compose import NotComposed
from imta_crm.invitations.mailing import NoOutgoingAccount
from imta_crm.invitations.plain_text import to_text
from imta_crm.policy.names import is_chinese
from imta_crm.portal import links
from tests.site.factories import as_user, make_user, next_number
from tests.site.invitation_factories import make_campaign, make_invitation, step
from tests.site.mail_server import (
	MailServer,
	commits_held_back,
	delivering_to,
	flush,
	forget_accounts,
	make_account,
)

#: Of campaigns; letters about seats and registrations are tested where they are sent.
CAMPAIGNS = ("IMTA Invitation", "IMTA Activity Invitation", "IMTA Activity Reminder")
SEEDS = [entry for entry in read("email_templates") if entry["name"].startswith(CAMPAIGNS)]
LETTERS = sorted({entry["name"].rpartition(" ")[0] for entry in SEEDS})
HOSTILE = '<script>alert("1")</script> & Söhne\r\nBcc: spy@evil.example'


@pytest.fixture
def server(site):
	frappe.db.delete("Email Queue", {"status": "Not Sent"})
	with MailServer() as server:
		yield server


@pytest.fixture
def post(server):
	"""The site's mail goes to the server; yields its Email Account."""
	with delivering_to(server) as account:
		yield account


@pytest.fixture
def seeded(site):
	"""The shipped letters as they are shipped, whatever the site made of them."""
	for entry in SEEDS:
		if frappe.db.exists("Email Template", entry["name"]):
			doc = frappe.get_doc("Email Template", entry["name"])
		else:
			doc = frappe.new_doc("Email Template")
		doc.update({key: value for key, value in entry.items() if key != "name"})
		doc.save() if not doc.is_new() else doc.insert(set_name=entry["name"])


def make_template(body: str, subject: str = "A letter") -> str:
	doc = frappe.new_doc("Email Template")
	doc.update({"subject": subject, "use_html": 1, "response_html": body})
	doc.flags.ignore_validate = True  # Frappe refuses what it can see; some slips it cannot
	return doc.insert(set_name=f"Test Letter {next_number()}").name


def campaign_with(body: str | None = None, subject: str = "A letter", **values):
	"""A running campaign of one mail, with this text for everybody where one is given."""
	rows = [step()]
	if body is not None:
		name = make_template(body, subject)
		rows = [step(email_template=name, email_template_zh=name)]
	return make_campaign(running=True, steps=rows, **{"email_account": None, **values})


def letter_for(campaign, language: str | None = None, **fields) -> mailing.Mail:
	rules = campaigns.rules_of(campaign.name)
	return compose.compose(make_invitation(campaign.name, **fields), rules.steps[0], rules, language)


def deliver(server, *mails):
	"""Queue, flush, and the letters that came, in the order of the mails."""
	mailing.queue(mails)
	flush()
	return [letter for mail in mails for letter in server.to(mail.to)]


def urls(text: str) -> list[str]:
	return re.findall(r"https?://[^\s\"'<>]+", text)


def token(url: str) -> str:
	return url.partition("/invitation/")[2].partition("?")[0]


# The bytes


def test_a_letter_arrives_as_it_was_stored_byte_for_byte(server, post):
	campaign = campaign_with(email_account=post.name)
	mail = letter_for(
		campaign, preferred_language="zh", prospect_name_local="黔山徒步协会", contact_first_name="Zoë"
	)
	(queued,) = mailing.queue([mail])
	stored = frappe.db.get_value("Email Queue", queued.name, "message")
	flush()
	(letter,) = server.received
	assert letter.raw == stored.encode()
	assert letter.raw.isascii()
	assert max(len(line) for line in letter.raw.split(b"\r\n") if b"https" not in line[:40]) < 998
	assert b"\n" not in letter.raw.replace(b"\r\n", b"")
	assert frappe.db.get_value("Email Queue", queued.name, "status") == "Sent"


def test_each_person_stands_alone_in_to(server, post):
	campaign = campaign_with(email_account=post.name)
	mails = [letter_for(campaign, contact_first_name="Anna", contact_last_name="Muster") for _ in range(5)]
	letters = deliver(server, *mails)
	assert len(server.received) == 5
	for mail, letter in zip(mails, letters, strict=True):
		assert letter.recipients == (mail.to,)
		assert [(a.display_name, a.addr_spec) for a in letter.message["To"].addresses] == [
			("Anna Muster", mail.to)
		]
		assert letter.message["Cc"] is None
		assert letter.message["Bcc"] is None
		others = [other.to for other in mails if other is not mail]
		assert not any(other.encode() in letter.raw for other in others)


def test_headers_say_what_kind_of_mail_it_is(server, post):
	campaign = campaign_with(email_account=post.name)
	(queued,) = mailing.queue([letter_for(campaign)])
	flush()
	(letter,) = server.received
	message = letter.message
	assert message.get_content_type() == "multipart/alternative"
	assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
	assert all(part.get_content_charset() == "utf-8" for part in message.iter_parts())
	assert message["Message-ID"].strip("<>") == queued.message_id
	assert message["Auto-Submitted"] == "auto-generated"
	assert message["Precedence"] is None
	assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
	assert message["From"].addresses[0].addr_spec == letter.sender == post.email_id
	assert message["Date"].datetime
	row = frappe.get_doc("Email Queue", queued.name)
	assert (row.reference_doctype, row.reference_name) == ("Invitation", queued.invitation)
	assert row.message_id == queued.message_id
	assert row.email_account == post.name
	assert row.priority == 0  # whoever waits for a new password is served first
	assert [entry.recipient for entry in row.recipients] == list(letter.recipients)


@pytest.mark.parametrize("host", ["https://imta.example", f"https://{'a' * 60}.{'b' * 50}.example"])
def test_addresses_to_unsubscribe_stay_whole_however_long(server, post, monkeypatch, host):
	monkeypatch.setitem(frappe.conf, "host_name", host)
	campaign = campaign_with(email_account=post.name)
	mail = letter_for(campaign)
	(letter,) = deliver(server, mail)
	(header,) = re.findall(rb"\r\nList-Unsubscribe: ([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", letter.raw)
	assert b"=?" not in header
	page, address = (part.strip(b" <>\r\n") for part in header.split(b">,"))
	assert page.decode() == mail.unsubscribe_url
	assert page.decode().startswith(host)
	link = links.read(token(page.decode()))
	assert (link.name, link.purpose) == (mail.invitation, links.UNSUBSCRIBE)
	named = f"{mail.invitation}%20{mail.unsubscribe_code}"
	assert address.decode() == f"mailto:{post.email_id}?subject=unsubscribe%20{named}"
	assert links.is_code(mail.unsubscribe_code, mail.invitation)


def test_without_the_header_type_pythons_mail_package_would_spoil_the_address():
	"""Why `mail_headers` exists; when this fails, it may go."""
	from email.headerregistry import HeaderRegistry

	url = f"<https://imta.example/invitation/{'a' * 80}>"
	spoilt = HeaderRegistry()("List-Unsubscribe", url).fold(policy=mailing.policy.SMTP)
	assert "=?utf-8?" in spoilt
	whole = mailing.policy.SMTP.header_factory("List-Unsubscribe", url).fold(policy=mailing.policy.SMTP)
	assert whole == f"List-Unsubscribe: {url}\r\n"
	for hook in ("before_job", "before_request"):
		assert "imta_crm.invitations.mail_headers.register" in frappe.get_hooks(hook)
	frappe.call(frappe.get_attr(f"{mail_headers.__name__}.register"), method="x", kwargs={})


def test_frappes_own_job_knows_the_header_before_it_sends(server, post, monkeypatch):
	"""The worker that sends has not imported anything of this app."""
	mail = letter_for(campaign_with(email_account=post.name))
	mailing.queue([mail])
	registry = mailing.policy.SMTP.header_factory.registry
	monkeypatch.setattr(
		mailing.policy.SMTP.header_factory,
		"registry",
		{name: kind for name, kind in registry.items() if name != "list-unsubscribe"},
	)
	with commits_held_back():
		execute_job(frappe.local.site, "frappe.email.queue.flush", None, "flush", {}, is_async=False)
	(letter,) = server.to(mail.to)
	assert f"\r\nList-Unsubscribe: <{mail.unsubscribe_url}>,\r\n".encode() in letter.raw


def test_links_are_the_invitees_own_and_end_when_the_campaign_says(server, post):
	campaign = campaign_with(
		"<p><a href='{{ reply_url }}'>reply</a> {{ reply_buttons }}</p>",
		email_account=post.name,
		link_valid_days=30,
	)
	mail = letter_for(campaign)
	(letter,) = deliver(server, mail)
	for body in (letter.text, letter.html):
		found = [links.read(token(url)) for url in urls(body) if "/invitation/" in url]
		assert len(found) >= 5
		assert {link.name for link in found} == {mail.invitation}
		replies = {link.expires_on for link in found if link.purpose == links.REPLY}
		assert replies == {getdate() + timedelta(days=30)}
		(opt_out,) = {link.expires_on for link in found if link.purpose == links.UNSUBSCRIBE}
		assert opt_out > getdate() + timedelta(days=365)
	answers = {url.rpartition("reply=")[2] for url in urls(letter.text) if "reply=" in url}
	assert answers == {"interested", "later", "no", "wrong_person"}


def test_chinese_letters_and_names_arrive_readable(server, post):
	campaign = campaign_with(email_account=post.name)
	fields = {
		"prospect_name": "黔山徒步旅行者与高原生态保护联合协会" * 3,
		"contact_last_name": "欧阳",
		"contact_first_name": "明月",
		"preferred_language": "zh-TW",
	}
	(letter,) = deliver(server, letter_for(campaign, **fields))
	assert letter.subject == f"致{fields['prospect_name']}的邀请"
	assert letter.message["To"].addresses[0].display_name == "欧阳明月"
	assert fields["prospect_name"] in letter.text
	assert fields["prospect_name"] in letter.html
	assert '<html lang="zh"' in letter.html
	assert max(map(len, letter.raw.partition(b"\r\n\r\n")[0].split(b"\r\n"))) < 200


@pytest.mark.parametrize(
	("fields", "language"),
	[
		({"preferred_language": "zh"}, "zh"),
		({"preferred_language": "de"}, "en"),
		({"preferred_language": "en"}, "en"),
		({"country": "China"}, "zh"),
	],
)
def test_the_language_is_the_invitees(fields, language):
	mail = letter_for(campaign_with(), **fields)
	assert mail.language == language
	assert ("尊敬的" in mail.html) == (language == "zh")


def test_one_template_for_all_speaks_one_language():
	english = letter_for(campaign_with("<p>Dear {{ prospect_name }}, {{ reply_buttons }}</p>"), "zh")
	assert english.language == "en"
	assert "Yes, we are interested" in english.text
	assert "有意加入" not in english.text
	chinese = letter_for(campaign_with("<p>{{ prospect_name }}，您好！{{ reply_buttons }}</p>", "邀请"), "en")
	assert chinese.language == "zh"
	assert "有意加入" in chinese.text


# Hostile and odd facts


def test_a_hostile_name_is_text_everywhere(server, post):
	campaign = campaign_with(
		"<p title='{{ prospect_name }}'>{{ prospect_name }} {{ contact_name }} {{ salutation }}</p>",
		"For {{ prospect_name }}",
		email_account=post.name,
	)
	invitation = make_invitation(campaign.name)
	row = frappe._dict(invitation.as_dict())
	# As it would be, had a file brought it in before names were tidied.
	row.update(prospect_name=HOSTILE, contact_first_name=HOSTILE, contact_last_name="x" * 200)
	rules = campaigns.rules_of(campaign.name)
	(letter,) = deliver(server, compose.compose(row, rules.steps[0], rules))
	message = letter.message
	assert message["Bcc"] is None
	assert message["Cc"] is None
	assert [entry.addr_spec for entry in message["To"].addresses] == [row.email]
	assert letter.recipients == (row.email,)
	assert "\n" not in letter.subject
	assert letter.subject.startswith('For <script>alert("1")</script> & Söhne')

	class Tags(HTMLParser):
		seen: set[str] = set()

		def handle_starttag(self, tag, attrs):
			self.seen.add(tag)

	Tags().feed(letter.html)
	assert "script" not in Tags.seen
	assert "&lt;script&gt;" in letter.html
	assert '<script>alert("1")</script> & Söhne' in letter.text


@pytest.mark.parametrize("comment", ["<!--recipient-->", "<!--unsubscribe_url-->", "<!--email_open_check-->"])
def test_nothing_of_a_letter_is_filled_in_by_frappe_on_the_way(server, post, comment):
	campaign = campaign_with("<p>{{ prospect_name }}</p>", "{{ prospect_name }}", email_account=post.name)
	rules = campaigns.rules_of(campaign.name)
	invitation = make_invitation(campaign.name)
	# As an older one may have it: now no name is stored with the beginning of a tag.
	invitation.prospect_name = f"Club {comment}"
	(queued,) = mailing.queue([compose.compose(invitation, rules.steps[0], rules)])
	stored = frappe.db.get_value("Email Queue", queued.name, "message")
	flush()
	(letter,) = server.received
	assert comment in letter.text
	body = letter.raw.decode().partition("\r\n\r\n")[2]
	assert body == stored.partition("\r\n\r\n")[2]


@pytest.mark.parametrize(
	"address", ["", "nobody", "a b@c.example", "a@b.example, c@d.example", "jürg@x.example"]
)
def test_an_address_that_no_server_takes_fails_that_letter_only(server, post, address):
	campaign = campaign_with(email_account=post.name)
	rules = campaigns.rules_of(campaign.name)
	row = frappe._dict(make_invitation(campaign.name).as_dict(), email=address)
	with pytest.raises(NotComposed):
		compose.compose(row, rules.steps[0], rules)
	assert len(deliver(server, letter_for(campaign))) == 1


def test_plain_text_reads_like_a_letter():
	html = """<style>p {color: red}</style><h1>Dear&nbsp;all</h1><p>one
	<b>two</b>   three<br>four &amp; five</p><div style="display: none">secret</div>
	<ul><li>first<li>second <a href="https://a.example/x?y=1&amp;z=2">here</a></li></ul>
	<table><tr><td>a</td><td>b</td></tr></table><hr>
	<a href="mailto:me@a.example">me@a.example</a> <a href="https://b.example">https://b.example</a>"""
	text = to_text(html)
	assert "secret" not in text
	assert "color" not in text
	assert text.startswith("Dear\xa0all\n\none two three\nfour & five\n")
	assert "- first\n- second here: https://a.example/x?y=1&z=2\n" in text
	assert "a b" in text
	assert "me@a.example https://b.example\n" in text
	assert "\n\n\n" not in text


# Templates


@pytest.mark.parametrize("letter", LETTERS)
def test_shipped_letters_in_both_languages_with_much_and_with_little(seeded, letter):
	values = {}
	if "Activity" in letter:
		values = {
			"purpose": "Activity",
			"activity_place": "Guiyang",
			"activity_from": "2026-12-01 09:00:00",
			"activity_to": "2026-12-01 17:00:00",
			"activity_time_zone": "Asia/Shanghai",
			"answer_until": "2026-11-28",
		}
	names = {"email_template": f"{letter} EN", "email_template_zh": f"{letter} ZH"}
	campaign = make_campaign(steps=[step(**names)], default_officer=make_user(), **values)
	assert compose.validate_templates(campaign.name) == []
	rules = campaigns.rules_of(campaign.name)
	texts = {}
	for language in ("en", "zh"):
		for full in (True, False):
			template, spoken = compose.template_for(rules.steps[0].key, rules, language)
			assert spoken == language
			facts = mail_facts.sample_facts(rules, language, full=full)
			subject, html = template.render(facts)
			text = to_text(html)
			texts[language, full] = f"{subject}\n{text}"
			for part in (subject, html, text):
				assert not re.search(r"{[{%]|None|\(\)|（）|<script", part), part
			assert facts["reply_url"] in text
			assert facts["opt_out_url"] in text
			assert 'style="' in html
	for language, name in (("en", "Alpine Heritage Society"), ("zh", "高山遗产协会")):
		if "Activity" not in letter:
			assert name in texts[language, True]
	assert len(texts["en", False]) < len(texts["en", True])
	assert is_chinese(re.sub(r"https?://\S+|[A-Za-z]+", "", texts["zh", True]))


def test_there_are_letters_for_every_occasion(seeded):
	assert {entry["name"] for entry in SEEDS} == {
		f"IMTA {letter} {language}"
		for letter in (
			"Invitation",
			"Invitation Reminder",
			"Invitation Last Letter",
			"Invitation Later",
			"Activity Invitation",
			"Activity Reminder",
		)
		for language in ("EN", "ZH")
	}
	for entry in SEEDS:
		assert compose.get_template(entry["name"]).language == entry["name"][-2:].lower()


@pytest.mark.parametrize(
	("body", "subject", "word"),
	[
		("<p>Dear {{ prospect_nmae }}</p>", "A letter", "prospect_nmae"),
		("<p>Dear {{ prospect_name }</p>", "A letter", "line"),
		("<p>{% if tier %}x</p>", "A letter", "line"),
		("<p>{{ prospect_name.first.second }}</p>", "A letter", "first"),
		("<p>x</p>", "{{ no_such_fact }}", "no_such_fact"),
		("<p>x</p>", "{% if theme %}{{ theme }}{% endif %}", "subject"),
		("<p>{{ theme }}</p>", "A letter", "empty text"),
		("<p>{{ ''.__class__ }}</p>", "A letter", "Illegal"),
		("<p>{{ year / 0 }}</p>", "A letter", "division"),
	],
)
def test_a_slip_in_a_template_is_found_before_approval(body, subject, word):
	campaign = campaign_with(body, subject)
	problems = compose.validate_templates(campaign.name)
	assert problems
	assert all(word in problem for problem in problems), problems
	assert campaign.steps[0].step_title in problems[0]
	# Also in the document as it is in the form, not saved yet.
	assert compose.validate_templates(frappe.get_doc("Invitation Campaign", campaign.name)) == problems


def test_a_template_that_is_gone_is_found_before_approval():
	campaign = campaign_with("<p>Hello</p>")
	name = campaign.steps[0].email_template
	frappe.db.delete("Email Template", {"name": name})
	frappe.clear_document_cache("Email Template", name)
	assert any(name in problem for problem in compose.validate_templates(campaign.name))


def test_only_the_languages_of_a_step_are_tried():
	good, bad = make_template("<p>Hello {{ prospect_name }}</p>"), make_template("<p>{{ nothing }}</p>")
	rows = [step(email_template=bad, email_template_zh=good, language="Chinese")]
	assert compose.validate_templates(make_campaign(steps=rows).name) == []
	rows[0]["language"] = "All Languages"
	assert compose.validate_templates(make_campaign(steps=rows).name)


def test_a_template_that_breaks_for_one_fails_for_one(server, post):
	campaign = campaign_with(
		"<p>{{ prospect_name }} {{ 1 / (prospect_name != 'Odd Club') }}</p>", email_account=post.name
	)
	with pytest.raises(NotComposed, match="division"):
		letter_for(campaign, prospect_name="Odd Club")
	assert len(deliver(server, letter_for(campaign))) == 1


def test_an_edited_template_is_used_from_the_next_letter_on():
	campaign = campaign_with("<p>Old words</p>")
	assert "Old words" in letter_for(campaign).html
	template = frappe.get_doc("Email Template", campaign.steps[0].email_template)
	template.response_html = "<p>New words</p>"
	template.save()
	assert "New words" in letter_for(campaign).html


def test_every_letter_says_how_not_to_get_another_one():
	campaign = campaign_with("<p>Short and sweet</p>")
	mail = letter_for(campaign)
	assert mail.unsubscribe_url in mail.text
	assert mail.html.count(mail.unsubscribe_url) == 1
	own = letter_for(campaign_with("<p>No more? <a href='{{ opt_out_url }}'>Say so</a></p>"))
	assert own.html.count(own.unsubscribe_url) == 1


def test_pictures_and_links_of_the_site_have_whole_addresses(server, post):
	campaign = campaign_with(
		"<p><img src='/files/x.png'> <a href='/about'>us</a></p>", email_account=post.name
	)
	(letter,) = deliver(server, letter_for(campaign))
	assert f"{frappe.utils.get_url()}/files/x.png" in letter.html
	assert f"{frappe.utils.get_url()}/about" in letter.text


# Accounts


def test_replies_go_where_they_are_read(server, post):
	settings = frappe.get_doc("Alliance Settings")
	settings.update({"secretariat_email": "office@imta.example", "alliance_name_zh": "国际山地旅游联盟"})
	settings.save()
	frappe.db.set_value("Email Account", {"default_incoming": 1}, "default_incoming", 0)
	campaign = campaign_with(email_account=post.name)
	(letter,) = deliver(server, letter_for(campaign, preferred_language="zh"))
	assert letter.message["Reply-To"] == "office@imta.example"
	assert letter.message["From"].addresses[0].display_name == "国际山地旅游联盟"
	# A mailbox that Frappe fetches from is better: replies find their invitation.
	make_account(server, email_id="inbox@imta.example", enable_outgoing=0, default_outgoing=0)
	frappe.db.set_value(
		"Email Account", {"email_id": "inbox@imta.example"}, {"enable_incoming": 1, "default_incoming": 1}
	)
	frappe.local.imta_posts = {}
	(letter,) = deliver(server, letter_for(campaign))
	assert letter.message["Reply-To"] == "inbox@imta.example"
	assert b"<mailto:inbox@imta.example?" in letter.raw
	frappe.db.set_value("Email Account", post.name, "enable_incoming", 1)
	frappe.clear_document_cache("Email Account", post.name)
	frappe.local.imta_posts = {}
	(letter,) = deliver(server, letter_for(campaign))
	assert letter.message["Reply-To"] == post.email_id


def test_a_campaign_sends_by_its_own_account(server, post):
	with (
		MailServer() as other,
		delivering_to(other, default_outgoing=0, email_id="campaign@imta.example") as own,
	):
		mail = letter_for(campaign_with(email_account=own.name))
		deliver(server, mail)
		assert not server.received
		assert other.received[0].sender == "campaign@imta.example"


def test_without_an_account_nothing_is_lost_and_the_reason_is_plain(site):
	frappe.db.set_value(
		"Email Account", {"enable_outgoing": 1}, {"enable_outgoing": 0, "default_outgoing": 0}
	)
	frappe.clear_cache()
	forget_accounts()
	mails = [letter_for(campaign_with(email_account=None))]
	frappe.db.set_value(
		"Email Account", {"enable_outgoing": 1}, {"enable_outgoing": 0, "default_outgoing": 0}
	)
	frappe.clear_cache()
	forget_accounts()
	before = frappe.db.count("Email Queue")
	with pytest.raises(NoOutgoingAccount, match="no default Email Account"):
		mailing.queue(mails)
	with pytest.raises(NoOutgoingAccount):
		mailing.check_account(None)
	assert frappe.db.count("Email Queue") == before


def test_an_account_that_does_not_send_is_named(server, post):
	mail = letter_for(campaign_with(email_account=post.name))
	frappe.db.set_value("Email Account", post.name, "enable_outgoing", 0)
	frappe.clear_document_cache("Email Account", post.name)
	with pytest.raises(NoOutgoingAccount, match=post.name):
		mailing.queue([mail])


def test_muted_mails_wait(server, post):
	frappe.flags.mute_emails = True
	mail = letter_for(campaign_with(email_account=post.name))
	(queued,) = mailing.queue([mail])
	flush()
	assert not server.received
	assert frappe.db.get_value("Email Queue", queued.name, "status") == "Not Sent"
	frappe.flags.mute_emails = False
	flush()
	assert len(server.to(mail.to)) == 1


# Servers


def test_a_refused_address_stops_nobody_else(server, post):
	campaign = campaign_with(email_account=post.name)
	good, bad = letter_for(campaign), letter_for(campaign)
	server.refuse(bad.to, 550)
	queued = {entry.invitation: entry.name for entry in mailing.queue([bad, good])}
	flush()
	assert [letter.recipients for letter in server.received] == [(good.to,)]
	row = frappe.db.get_value("Email Queue", queued[bad.invitation], ["status", "error"], as_dict=True)
	assert row.status != "Sent"
	assert "550" in row.error
	assert bad.to in row.error


@pytest.mark.parametrize("trouble", ["busy", "away", "connect", "mail", "rcpt", "data", "text"])
def test_a_server_in_trouble_gets_the_letter_once_when_it_is_back(server, post, trouble):
	campaign = campaign_with(email_account=post.name)
	mail = letter_for(campaign)
	(queued,) = mailing.queue([mail])
	if trouble == "busy":
		server.refuse("*", 451, times=1)
	elif trouble == "away":
		server.stop()
	else:
		server.hang_up(trouble)
	flush()
	assert not server.received
	assert frappe.db.get_value("Email Queue", queued.name, "status") == "Not Sent"
	if not server.is_up:
		server.start()
	flush()
	flush()
	assert len(server.to(mail.to)) == 1
	assert frappe.db.get_value("Email Queue", queued.name, "status") == "Sent"


# Many at once


def test_queueing_commits_nothing(server, post):
	campaign = campaign_with(email_account=post.name)
	mails = [letter_for(campaign) for _ in range(3)]
	frappe.db.savepoint("before_queueing")
	queued = mailing.queue(mails)
	assert [entry.invitation for entry in queued] == [mail.invitation for mail in mails]
	frappe.db.rollback(save_point="before_queueing")
	assert not frappe.db.exists("Email Queue", {"name": ("in", [entry.name for entry in queued])})
	assert mailing.queue([]) == []


def test_a_batch_takes_a_handful_of_queries(server, post):
	campaign = campaign_with(email_account=post.name)
	rules = campaigns.rules_of(campaign.name)
	rows = [make_invitation(campaign.name) for _ in range(60)]
	mailing.queue([compose.compose(rows[0], rules.steps[0], rules)])
	before = _questions()
	mailing.queue([compose.compose(row, rules.steps[0], rules) for row in rows])
	assert _questions() - before < 15


def test_heavy_letters_go_in_several_statements(server, post, monkeypatch):
	monkeypatch.setattr(mailing, "BATCH", 20_000)
	campaign = campaign_with(email_account=post.name)
	mails = [letter_for(campaign) for _ in range(9)]
	assert len({entry.name for entry in mailing.queue(mails)}) == 9
	flush()
	assert {letter.recipients[0] for letter in server.received} == {mail.to for mail in mails}


def _questions() -> int:
	return int(frappe.db.sql("show session status like 'Questions'")[0][1])


# Preview and test mail


def test_a_preview_is_the_letter_of_a_named_prospect_with_dead_links(server, post):
	campaign = campaign_with(email_account=post.name)
	invitation = make_invitation(campaign.name, "Himalayan Trail Society", contact_first_name="Maya")
	shown = compose.preview(campaign.name, campaign.steps[0].step_key, invitation.name)
	assert shown["subject"] == "Invitation to Himalayan Trail Society"
	assert shown["to"] == f"Maya <{invitation.email}>"
	assert shown["language"] == "en"
	assert post.email_id in shown["sender"]
	assert "Himalayan Trail Society" in shown["html"]
	assert shown["html"].startswith("<!DOCTYPE")
	found = [token(url) for url in urls(shown["text"]) if "/invitation/" in url]
	assert found
	assert not any(links.read(each) for each in found)
	assert invitation.link_key not in shown["html"]
	chinese = compose.preview(campaign.name, campaign.steps[0].step_key, invitation.name, "zh")
	assert "尊敬的" in chinese["text"]
	assert not server.received


def test_a_preview_without_a_prospect_or_account_or_with_a_slip(site):
	campaign = campaign_with("<p>Dear {{ prospect_name }}</p>")
	assert "Alpine Heritage Society" in compose.preview(campaign.name, campaign.steps[0].step_key)["text"]
	broken = campaign_with("<p>Dear {{ somebody }}</p>")
	assert "somebody" in compose.preview(broken.name, broken.steps[0].step_key)["problem"]


def test_a_test_mail_goes_to_oneself_and_says_so(server, post):
	campaign = campaign_with(email_account=post.name)
	invitation = make_invitation(campaign.name)
	manager = make_user("Membership Manager")
	with as_user(manager):
		assert compose.send_test(campaign.name, campaign.steps[0].step_key, invitation.name) == manager
	flush()
	(letter,) = server.received
	assert letter.recipients == (manager,)
	assert letter.subject == f"[Test] Invitation to {invitation.prospect_name}"
	assert "This is a test" in letter.text
	assert invitation.email in letter.text
	assert not any(links.read(token(url)) for url in urls(letter.text) if "/invitation/" in url)
	assert letter.message["List-Unsubscribe"] is None
	assert not frappe.db.exists("Invitation Touch", {"invitation": invitation.name})
	row = frappe.get_last_doc("Email Queue", {"reference_name": campaign.name})
	assert row.reference_doctype == "Invitation Campaign"


@pytest.mark.parametrize("role", ["Liaison Officer", "Alliance Leadership", "Treasurer", None])
def test_who_does_not_plan_sends_no_test(server, post, role):
	campaign = campaign_with(email_account=post.name)
	with as_user(make_user(role)), pytest.raises(frappe.PermissionError):
		compose.send_test(campaign.name, campaign.steps[0].step_key)
	flush()
	assert not server.received


def test_a_preview_shows_nobody_what_they_may_not_see(site):
	campaign = campaign_with()
	others = make_invitation(campaign.name, officer=make_user())
	key = campaign.steps[0].step_key
	with as_user(make_user("Liaison Officer")):
		assert compose.preview(campaign.name, key)["subject"]
		with pytest.raises(frappe.PermissionError):
			compose.preview(campaign.name, key, others.name)
	with as_user(make_user("Treasurer")), pytest.raises(frappe.PermissionError):
		compose.preview(campaign.name, key)
	stranger = make_invitation(campaign_with().name)
	with pytest.raises(frappe.PermissionError):
		compose.preview(campaign.name, key, stranger.name)
	assert compose.preview not in frappe.guest_methods
	assert compose.send_test not in frappe.guest_methods


def test_test_mails_are_limited(server, post, monkeypatch):
	campaign = campaign_with(email_account=post.name)
	monkeypatch.setattr(compose, "TESTS_AN_HOUR", 2)
	monkeypatch.setattr(frappe.local, "request", SimpleNamespace(method="POST"), raising=False)
	frappe.cache.delete_value(
		frappe.cache.make_key("imta:limit:invitation-test:Administrator"), make_keys=False
	)
	key = campaign.steps[0].step_key
	frappe.db.set_value("User", "Administrator", "email", "admin@imta.example")
	assert compose.send_test(campaign.name, key) == "admin@imta.example"
	compose.send_test(campaign.name, key)
	with pytest.raises(frappe.RateLimitExceededError):
		compose.send_test(campaign.name, key)
