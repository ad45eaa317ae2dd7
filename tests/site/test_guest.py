"""What a guest can do: apply, look a card up, and nothing else. Through Frappe's own request handling."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress

import frappe
import pytest
from frappe.handler import execute_cmd
from frappe.utils import set_request

from imta_crm.portal import guest, intake
from tests.site.factories import as_user, make_member, make_user, next_number

ACCEPT = "frappe.website.doctype.web_form.web_form.accept"
FORM = "apply-for-membership"


@pytest.fixture(autouse=True)
def clean_limits():
	def forget():
		for key in frappe.cache.get_keys("imta:limit:") + frappe.cache.get_keys("rl:"):
			frappe.cache.delete_value(key, make_keys=False)

	forget()
	yield
	forget()
	frappe.flags.in_web_form = False
	with suppress(AttributeError):
		del frappe.local.request
	frappe.local.form_dict = frappe._dict()


@contextmanager
def guest_request(cmd: str, method: str = "POST", ip: str = "203.0.113.7", **args):
	"""As Frappe sets a request up, with nobody logged in."""
	frappe.flags.in_web_form = False
	with as_user("Guest"):  # which clears the form, so this comes first
		set_request(method=method, path="/api/method/" + cmd)
		frappe.local.request_ip = ip
		frappe.local.form_dict = frappe._dict(args, cmd=cmd)
		frappe.local.message_log = []
		yield


def call(cmd: str, method: str = "POST", ip: str = "203.0.113.7", **args):
	with guest_request(cmd, method, ip, **args):
		return execute_cmd(cmd)


def apply(ip: str = "203.0.113.7", **fields):
	"""Send the public form as the page does."""
	values = {
		"applicant_type": "Organisation",
		"applicant_name": f"Guest Mountain Club {next_number()}",
		"applicant_name_local": "山岳会",
		"country": "Japan",
		"tier": "Ordinary",
		"contact_first_name": "Yuki",
		"email": f"yuki{next_number()}@club.example",
		"preferred_language": "en",
		"motivation": "We maintain 300 km of trails.",
		"consent": 1,
		**fields,
	}
	return call(ACCEPT, ip=ip, web_form=FORM, data=json.dumps(values))


def stored(doc):
	return frappe.get_doc("Membership Application", doc.name)


# The form


def test_guest_application_is_handed_in():
	application = stored(apply())
	assert application.workflow_state == "Submitted"
	assert application.source == "Web"
	assert application.owner == "Guest"
	assert application.submitted_on
	assert not application.member


def test_guest_sets_no_field_beyond_the_form():
	member = make_member()
	application = stored(
		apply(
			workflow_state="Approved",
			source="Secretariat",
			member=member.name,
			decided_by="Administrator",
			council_decision_on="2026-01-01",
			council_reference="mine",
			admitted_on="2017-01-01",
			invoice_currency="CNY",
			docstatus=1,
			owner="Administrator",
			submitted_on="2020-01-01 00:00:00",
		)
	)
	assert application.workflow_state == "Submitted"
	assert application.source == "Web"
	assert application.docstatus == 0
	assert application.owner == "Guest"
	assert application.submitted_on.year > 2020
	for field in ("member", "decided_by", "council_decision_on", "council_reference", "admitted_on"):
		assert not application.get(field), field
	assert not application.invoice_currency


def test_guest_cannot_change_or_read_an_application():
	first = apply()
	with pytest.raises(frappe.ValidationError, match="not allowed to update"):
		apply(name=first.name, applicant_name="Taken Over")
	for cmd, args in (
		("frappe.client.get", {"doctype": "Membership Application", "name": first.name}),
		("frappe.client.get_list", {"doctype": "Membership Application"}),
		(
			"frappe.client.set_value",
			{
				"doctype": "Membership Application",
				"name": first.name,
				"fieldname": "workflow_state",
				"value": "Approved",
			},
		),
		("frappe.client.insert", {"doc": {"doctype": "Membership Application", "applicant_name": "x"}}),
		(
			"frappe.model.workflow.apply_workflow",
			{
				"doc": json.dumps({"doctype": "Membership Application", "name": first.name}),
				"action": "Begin Check",
			},
		),
		("imta_crm.membership.card.issue_new_card", {"member": "IMTA-00001"}),
	):
		with pytest.raises(frappe.PermissionError):
			call(cmd, **args)
	assert stored(first).workflow_state == "Submitted"


def test_answer_to_a_guest_tells_of_nobody_else():
	make_member("Silent Summit Club", country="Japan", email="secret@summit.example")
	application = apply(applicant_name="Silent summit club", email="new@club.example")
	answer = frappe.as_json(application) + frappe.as_json(frappe.local.message_log)
	for leak in ("IMTA-", "secret@", "already", "duplicate", "onload"):
		assert leak not in answer, leak


@pytest.mark.parametrize(
	"fields",
	[
		{"consent": 0},
		{"contact_first_name": ""},
		{"tier": "Council"},
		{"tier": "Emeritus", "applicant_type": "Individual"},
		{"tier": "Individual"},
		{"tier": "No such tier"},
		{"country": "Atlantis"},
		{"email": "not an address"},
		{"applicant_name": ""},
		{"applicant_name": "x" * 141},
		{"applicant_name": "Cheap pills www.pills.example"},
		{"motivation": "x" * 4001},
		{intake.TRAP: "+1 555"},
		{"email": "one@club.example, two@club.example"},
		{"city": "x" * 30_000},
	],
	ids=lambda fields: "-".join(fields),
)
def test_refused(fields):
	before = frappe.db.count("Membership Application")
	with pytest.raises(frappe.ValidationError):
		apply(**fields)
	assert frappe.db.count("Membership Application") == before


def test_script_in_a_text_stays_text():
	application = stored(apply(motivation="<script>alert(1)</script>We <b>climb</b>"))
	assert "<script" not in application.motivation


def test_one_address_sends_few_applications():
	for _ in range(10):
		apply()
	with pytest.raises(frappe.RateLimitExceededError):  # Frappe's own: ten in a minute
		apply()
	apply(ip="203.0.113.8")


def test_limit_of_a_day(monkeypatch):
	monkeypatch.setattr(intake, "PER_ADDRESS_A_DAY", 2)
	apply()
	apply()
	with pytest.raises(frappe.RateLimitExceededError):
		apply()
	apply(ip="203.0.113.9")


def test_nobodys_mailbox_is_flooded():
	for n in range(intake.PER_EMAIL_A_DAY):
		apply(email="victim@club.example", ip=f"203.0.113.{n + 20}")
	with pytest.raises(frappe.RateLimitExceededError):
		apply(email="Victim@club.example", ip="203.0.113.99")


# Mail


@pytest.fixture
def outgoing():
	account = frappe.new_doc("Email Account")
	account.update(
		{
			"email_id": "secretariat@alliance.example",
			"email_account_name": "Test Outbox",
			"enable_outgoing": 1,
			"default_outgoing": 1,
			"smtp_server": "localhost",
			"no_smtp_authentication": 1,
		}
	)
	account.flags.ignore_validate = True
	account.insert(ignore_if_duplicate=True)
	frappe.cache.delete_value("outgoing_email_account")


@pytest.mark.parametrize(
	("language", "words"),
	[("en", ("We have received", "Council")), ("zh", ("已收到", "理事会"))],
)
def test_applicant_gets_a_confirmation_in_the_own_language(outgoing, language, words):
	application = apply(preferred_language=language, email="reader@club.example")
	mails = frappe.get_all(
		"Email Queue",
		{"reference_doctype": "Membership Application", "reference_name": application.name},
		["name", "message"],
	)
	assert len(mails) == 1
	recipients = frappe.get_all("Email Queue Recipient", {"parent": mails[0].name}, pluck="recipient")
	assert recipients == ["reader@club.example"]
	import email
	from email import policy

	message = email.message_from_string(mails[0].message, policy=policy.default)
	text = message["subject"] + message.get_body(("html",)).get_content()
	for word in words:
		assert word in text, word
	assert application.name in text


def test_application_is_taken_without_a_mail_account():
	frappe.db.set_value("Email Account", {"default_outgoing": 1}, "default_outgoing", 0)
	frappe.db.delete("Email Account")
	application = apply()
	assert stored(application).workflow_state == "Submitted"
	assert not frappe.local.message_log, "a guest is not told how the site is set up"


def test_managers_are_told():
	manager, officer = make_user("Membership Manager"), make_user("Liaison Officer")
	application = apply()
	told = frappe.get_all(
		"Notification Log", {"document_name": application.name, "type": "Alert"}, pluck="for_user"
	)
	assert manager in told
	assert officer not in told


# The page of the form


def page(path: str, lang: str | None = None):
	from frappe.website.serve import get_response

	before = frappe.local.lang
	try:
		with as_user("Guest"):
			set_request(method="GET", path=path)
			frappe.local.request_ip = "203.0.113.7"
			frappe.local.form_dict = frappe._dict({"_lang": lang} if lang else {})
			frappe.local.lang = lang or "en"
			return get_response(path)
	finally:
		frappe.local.lang = before


@pytest.mark.parametrize(("lang", "words"), [("en", "welcomes organisations"), ("zh", "欢迎山地旅游")])
def test_form_is_served_in_both_languages_with_a_switch(lang, words):
	response = page("apply/new", lang)
	html = response.get_data(as_text=True)
	assert response.status_code == 200
	assert words in html
	assert "_lang=zh" in html
	assert "_lang=en" in html
	assert (json.dumps("普通会员") in html) == (lang == "zh")
	assert ("申请入会" in html) == (lang == "zh")


def test_every_text_of_the_form_has_a_chinese_one():
	from imta_crm.membership.web_form.apply_for_membership.apply_for_membership import (
		CHINESE,
		CHINESE_DESCRIPTIONS,
	)

	for field in frappe.get_doc("Web Form", FORM).web_form_fields:
		assert not field.label or field.fieldname in CHINESE, field.fieldname
		assert not field.description or field.fieldname in CHINESE_DESCRIPTIONS, field.fieldname


def test_form_offers_only_what_can_be_applied_for():
	make_member("Never Named Club")
	html = page("apply/new").get_data(as_text=True)
	assert '"value": "Ordinary"' in html
	assert '"value": "Emeritus"' not in html
	assert '"value": "Council"' not in html
	assert "Never Named Club" not in html


def test_guest_methods_of_the_app():
	"""What a guest may call lives in one file and is counted; pages and Frappe's own web form aside."""
	import importlib
	import pkgutil

	import imta_crm

	for module in pkgutil.walk_packages(imta_crm.__path__, "imta_crm."):
		if ".patches" not in module.name:
			importlib.import_module(module.name)
	for method in frappe.guest_methods:
		if not method.__module__.startswith("imta_crm"):
			continue
		assert method.__module__ == "imta_crm.portal.guest", method
		assert is_rate_limited(method), f"{method} is not rate limited"


def test_guest_pages_of_the_app():
	"""Pages that answer guests by themselves live in the same file; a file in www only shows what it returns.

	The pages for members send guests to the log-in.
	"""
	from imta_crm.portal.member import MemberPage

	for renderer in frappe.get_hooks("page_renderer", app_name="imta_crm"):
		if renderer.startswith("imta_crm.portal.guest."):
			continue
		found = frappe.get_attr(renderer)
		assert issubclass(found, MemberPage), renderer
		assert "answer" not in vars(found), "who is logged in is asked in one place"
		for path in found.PATHS:
			response = page(path)
			assert response.status_code == 302
			assert response.headers["Location"] == f"/login?redirect-to=%2F{path}"
	from pathlib import Path

	pages = {path.stem for path in Path(frappe.get_app_path("imta_crm", "www")).glob("*.py")} - {"__init__"}
	assert pages == {"member_card"}
	assert frappe.get_hooks("website_route_rules", app_name="imta_crm") == [
		{"from_route": "/member-card/<token>", "to_route": "member-card"}
	]


def test_an_invitation_page_is_rendered_and_counted():
	for _ in range(guest.PAGES_A_MINUTE):
		response = page("invitation/forged")
		assert response.status_code == 404
	assert page("invitation/forged").status_code == 429


def is_rate_limited(method) -> bool:
	"""Whether Frappe's `rate_limit` is among the decorators of a method."""
	while method:
		if method.__code__.co_filename.endswith("rate_limiter.py"):
			return True
		method = getattr(method, "__wrapped__", None)
	return False


def test_a_counted_method_is_told_from_one_that_is_not():
	from frappe.core.doctype.user.user import reset_password

	assert is_rate_limited(reset_password)
	assert not is_rate_limited(intake.open_tiers)
