"""Notices and reminders: each once, the latest of missed ones, never for what is paid, one recipient each."""

import subprocess
import sys
import time
from datetime import date, timedelta

import frappe
import pytest

from imta_crm.defaults import read
from imta_crm.dues import reminders
from imta_crm.dues.doctype.dues_reminder_log.dues_reminder_log import log_name
from tests.site.dues_books import billed, credit, past_year, pay
from tests.site.dues_site import committed
from tests.site.factories import as_user, make_user

DUE = date(2023, 3, 31)
RULES = [
	{"rule_name": "Soon", "days": -14},
	{"rule_name": "First", "days": 14},
	{"rule_name": "Second", "days": 45},
	{"rule_name": "Last", "days": 90},
]


def day(after_due: int) -> date:
	return DUE + timedelta(days=after_due)


def set_up_mail() -> None:
	if not frappe.db.exists("Email Account", {"default_outgoing": 1, "enable_outgoing": 1}):
		account = frappe.new_doc("Email Account")
		account.update(
			{
				"email_account_name": "Secretariat",
				"email_id": "secretariat@imta.example",
				"enable_outgoing": 1,
				"default_outgoing": 1,
				"smtp_server": "127.0.0.1",
				"no_smtp_authentication": 1,
			}
		)
		account.flags.ignore_validate = True
		account.insert()
	frappe.local.outgoing_email_account = {}
	for template in read("email_templates"):
		if not frappe.db.exists("Email Template", template["name"]):
			frappe.get_doc({"doctype": "Email Template", **template}).insert(set_name=template["name"])


@pytest.fixture
def mail(site):
	set_up_mail()


@pytest.fixture
def year(mail):
	return past_year(reminders=[dict(rule) for rule in RULES])


@pytest.fixture
def owing(year):
	return billed(year, preferred_language="en")


def send(on: date, invoice) -> dict:
	return reminders.send_due(on, [invoice.imta_dues_charge])


def log(invoice) -> dict[str, str]:
	return {
		row.rule: row.status
		for row in frappe.get_all(
			"Dues Reminder Log", {"charge": invoice.imta_dues_charge}, ["rule", "status"]
		)
	}


def mails(member) -> list:
	return frappe.get_all(
		"Email Queue",
		{"reference_doctype": "IMTA Member", "reference_name": member.name},
		["name", "message", "attachments", "communication"],
		order_by="creation",
	)


def recipients(queue: str) -> list[str]:
	return frappe.get_all("Email Queue Recipient", {"parent": queue}, pluck="recipient")


def subjects(member) -> list[str]:
	return frappe.get_all(
		"Communication",
		{"reference_doctype": "IMTA Member", "reference_name": member.name},
		pluck="subject",
		order_by="creation",
	)


def test_a_year_of_messages(owing):
	member, invoice = owing
	for on, expected in (
		(date(2023, 1, 4), {}),
		(date(2023, 1, 5), {"sent": 1}),
		(date(2023, 1, 6), {}),
		(day(-15), {}),
		(day(-14), {"sent": 1}),
		(day(14), {"sent": 1}),
		(day(14), {}),
		(day(44), {}),
		(day(45), {"sent": 1}),
		(day(90), {"sent": 1}),
		(day(400), {}),
	):
		assert send(on, invoice) == expected, on
	assert log(invoice) == dict.fromkeys(("Dues Notice", "Soon", "First", "Second", "Last"), "Sent")
	assert len(mails(member)) == 5
	assert subjects(member)[-1].startswith("Final reminder")


def test_only_the_latest_of_missed_ones_goes_out(owing):
	member, invoice = owing
	assert send(day(60), invoice) == {"sent": 1}
	assert log(invoice) == {
		"Dues Notice": "Superseded",
		"Soon": "Superseded",
		"First": "Superseded",
		"Second": "Sent",
	}
	assert len(mails(member)) == 1
	assert send(day(61), invoice) == {}


def test_the_message(owing):
	member, invoice = owing
	send(date(2023, 1, 5), invoice)
	(queued,) = mails(member)
	assert recipients(queued.name) == [member.email]
	attachment = frappe.parse_json(queued.attachments)[0]
	assert (attachment["doctype"], attachment["name"]) == ("Sales Invoice", invoice.name)
	assert attachment["print_format"] == "Dues Notice"
	communication = frappe.get_doc("Communication", queued.communication)
	assert "USD 1,000.00" in communication.content and "31 March 2023" in communication.content
	assert communication.reference_name == member.name
	entry = frappe.get_doc("Dues Reminder Log", log_name(invoice.imta_dues_charge, "Dues Notice"))
	assert (entry.recipient, entry.email_queue) == (member.email, queued.name)
	assert entry.due_on == date(2023, 1, 5)


@pytest.mark.parametrize(
	("language", "expected", "absent"),
	[
		("zh", ["缴费通知"], ["Dear"]),
		("en", ["Dear"], ["尊敬的"]),
		("ka", ["Dear", "尊敬的"], []),
		(None, ["Dear", "尊敬的"], []),
	],
)
def test_in_the_members_language(year, language, expected, absent):
	if language == "ka" and not frappe.db.exists("Language", "ka"):
		frappe.get_doc({"doctype": "Language", "language_code": "ka", "language_name": "Georgian"}).insert()
	member, invoice = billed(year, preferred_language=language)
	if not language:
		member.db_set("preferred_language", None)
	send(date(2023, 1, 5), invoice)
	communication = frappe.get_doc("Communication", mails(member)[0].communication)
	text = communication.subject + communication.content
	assert all(part in text for part in expected)
	assert not any(part in text for part in absent)


def test_the_rate_is_stated_where_the_currency_is_not_the_reference(year):
	_member, invoice = billed(year, "CNY", preferred_language="zh")
	subject, body = reminders.compose(invoice, reminders.Templates(*reminders.TEMPLATES["notice"]), "both")
	assert "1 USD = 7.0288 CNY" in body and "CNY 7,028.80" in body
	assert "1 January 2023" in body and "2023年1月1日" in body
	assert " / " in subject
	_other, in_usd = billed(year)
	_subject, body = reminders.compose(in_usd, reminders.Templates(*reminders.TEMPLATES["notice"]), "en")
	assert "converted" not in body


def test_a_name_is_never_html(year):
	_member, invoice = billed(year, name="Club <script>alert(1)</script> & Sons {{ 7 * 7 }}")
	_subject, body = reminders.compose(invoice, reminders.Templates(*reminders.TEMPLATES["notice"]), "en")
	assert "<script>" not in body and "49" not in body
	assert "alert(1)" in body  # as text


@pytest.mark.parametrize("settle", [pay, credit], ids=["paid", "credited"])
def test_nothing_for_what_is_settled(owing, settle):
	member, invoice = owing
	settle(invoice)
	assert send(day(14), invoice) == {}
	assert mails(member) == []


def test_nothing_for_money_not_yet_matched(owing):
	_member, invoice = owing
	pay(invoice, float(invoice.grand_total), allocated=0)
	assert send(day(14), invoice) == {}


def test_paid_between_the_list_and_the_message(owing):
	member, invoice = owing
	(due,) = reminders.find_due(day(14), [invoice.imta_dues_charge])
	pay(invoice)
	assert reminders.send_one(due) == "done"
	assert mails(member) == [] and log(invoice) == {}


def test_an_old_list_sends_nothing_twice(owing):
	member, invoice = owing
	(due,) = reminders.find_due(day(14), [invoice.imta_dues_charge])
	assert [reminders.send_one(due), reminders.send_one(due)] == ["sent", "done"]
	assert len(mails(member)) == 1


def test_a_member_without_address_is_listed_and_written_to_later(year):
	member, invoice = billed(year, email=None)
	member.db_set("email", None)
	assert send(day(14), invoice) == {"skipped": 1}
	entry = frappe.get_doc("Dues Reminder Log", {"charge": invoice.imta_dues_charge, "status": "Skipped"})
	assert "address" in entry.skipped_reason
	member.db_set("email", "found@alps.example")
	assert send(day(15), invoice) == {"sent": 1}
	assert log(invoice)["First"] == "Sent"


def test_one_failure_is_recorded_and_the_others_go_on(year, monkeypatch):
	(first, one), (second, two) = billed(year), billed(year)
	sendmail = frappe.sendmail

	def fail_for_first(**kwargs):
		if kwargs["recipients"] == [first.email]:
			raise frappe.OutgoingEmailError("no mail server")
		return sendmail(**kwargs)

	monkeypatch.setattr(frappe, "sendmail", fail_for_first)
	both = [one.imta_dues_charge, two.imta_dues_charge]
	assert reminders.send_due(day(14), both) == {"failed": 1, "sent": 1}
	entry = frappe.get_doc("Dues Reminder Log", log_name(one.imta_dues_charge, "First"))
	assert (entry.status, entry.skipped_reason) == ("Failed", "no mail server")
	assert not mails(first) and not subjects(first) and len(mails(second)) == 1
	monkeypatch.setattr(frappe, "sendmail", sendmail)
	assert reminders.send_due(day(15), both) == {"sent": 1}
	assert log(one)["First"] == "Sent"


def test_a_rule_can_be_switched_off_and_have_its_own_text(mail):
	frappe.get_doc(
		{
			"doctype": "Email Template",
			"name": "Ours",
			"subject": "Ours {{ invoice }}",
			"response": "<p>{{ to_pay }}</p>",
		}
	).insert()
	year = past_year(
		reminders=[
			{"rule_name": "Dues Notice", "days": 0, "enabled": 0},
			{"rule_name": "Off", "days": 1, "enabled": 0},
			{"rule_name": "On", "days": 2, "email_template_en": "Ours"},
		]
	)
	member, invoice = billed(year)
	assert send(day(1), invoice) == {}
	assert send(day(2), invoice) == {"sent": 1}
	assert subjects(member) == [f"Ours {invoice.name}"]


def test_only_the_treasurer_sends_by_hand(year):
	for role in ("Liaison Officer", "Alliance Leadership", "Membership Manager"):
		user = make_user(role)
		frappe.flags.in_test = False  # in tests Frappe's role check lets everybody through
		with as_user(user), pytest.raises(frappe.PermissionError):
			reminders.send_notices("DRUN-0")
		frappe.flags.in_test = True


def test_killed_in_the_middle_nobody_twice_nobody_forgotten(connected):
	frappe.set_user("Administrator")
	with committed():
		set_up_mail()
		year = past_year(reminders=[dict(rule) for rule in RULES])
		cases = [billed(year) for _ in range(6)]
		frappe.db.after_commit.reset()
		frappe.db.commit()
		names = [invoice.imta_dues_charge for _member, invoice in cases]
		code = (
			"import sys, frappe; frappe.init(site=sys.argv[1]); frappe.connect(); frappe.set_user('Administrator');"
			"from imta_crm.dues import reminders; print('ready', flush=True);"
			f"reminders.send_due('{day(14)}', {names!r}); frappe.destroy()"
		)
		for wait in (0.15, 0.35, None):
			command = [sys.executable, "-c", code, frappe.local.site]
			jobs = [
				subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
				for _ in range(2)
			]
			for job in jobs:
				job.stdout.readline()
			if wait:
				time.sleep(wait)
				for job in jobs:
					job.kill()
			for job in jobs:
				job.wait(120)
		frappe.db.rollback()
		for member, invoice in cases:
			assert [recipients(queued.name) for queued in mails(member)] == [[member.email]]
			assert log(invoice)["First"] == "Sent"
