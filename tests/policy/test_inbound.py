"""Incoming mail: answers of people stop the steps, machines do not, and bounces are read as they come."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imta_crm.policy import inbound
from imta_crm.policy.inbound import AUTO_REPLY, HARD_BOUNCE, REPLY, SOFT_BOUNCE, UNSUBSCRIBE, classify

OURS = "abc.123@crm.example"
ADDRESS = "office@summit.example"


def mail(text="", subject="Re: Invitation", sender=f"Ana <{ADDRESS}>", charset="utf-8", **headers) -> bytes:
	made = EmailMessage()
	made["From"], made["To"], made["Subject"] = sender, "liaison@imta.example", subject
	for name, value in headers.items():
		made[name.replace("_", "-")] = value
	made.set_content(text, charset=charset)
	return made.as_bytes()


def report(
	action="failed",
	status="5.1.1",
	diagnostic="smtp; 550 5.1.1 User unknown",
	returned="text/rfc822-headers",
	more="",
) -> bytes:
	"""A delivery report as RFC 3464 has it."""
	parts = [
		("text/plain", "I'm sorry to have to inform you that your message could not be delivered."),
		(
			"message/delivery-status",
			"Reporting-MTA: dns; mx.example\nArrival-Date: Mon, 23 Nov 2026 10:00:00 +0000\n\n"
			f"Final-Recipient: rfc822; {ADDRESS}\nAction: {action}\nStatus: {status}\n"
			f"Diagnostic-Code: {diagnostic}\n{more}",
		),
	]
	headers = f"From: liaison@imta.example\nTo: {ADDRESS}\nMessage-ID: <{OURS}>\nSubject: Invitation\n"
	if returned:
		parts.append((returned, headers + ("\nText\n" if returned == "message/rfc822" else "")))
	return multipart("delivery-status", parts)


def multipart(kind: str, parts) -> bytes:
	body = "".join(f"--part\nContent-Type: {type_}\n\n{text}\n" for type_, text in parts)
	return (
		"From: Mail Delivery System <MAILER-DAEMON@mx.example>\nTo: liaison@imta.example\n"
		"Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\n"
		f"Content-Type: multipart/report; report-type={kind}; boundary=part\n\n{body}--part--\n"
	).encode()


def test_an_answer_names_our_mail_and_what_was_said():
	found = classify(
		mail(
			"We would like to know more.\n\nOn Mon, 23 Nov 2026 at 10:00, IMTA <liaison@imta.example> wrote:\n"
			"> Please unsubscribe here\n",
			In_Reply_To=f"<{OURS}>",
			References=f"<other@crm.example> <{OURS}>",
		)
	)
	assert found.kind == REPLY
	assert found.message_ids == (OURS, "other@crm.example")
	assert found.sender == ADDRESS
	assert found.text == "We would like to know more."


def test_an_answer_from_china_in_its_own_characters():
	found = classify(
		mail(
			"我们很感兴趣，请发资料。\n\n在 2026-11-23 10:00:00，联盟 <a@imta.example> 写道：\n退订",
			charset="gb18030",
		)
	)
	assert (found.kind, found.text) == (REPLY, "我们很感兴趣，请发资料。")


@pytest.mark.parametrize(
	"status, diagnostic, kind",
	[
		("5.1.1", "smtp; 550 5.1.1 User unknown", HARD_BOUNCE),
		("5.1.2", "smtp; 550 host not found", HARD_BOUNCE),
		("5.2.1", "smtp; 550 mailbox disabled", HARD_BOUNCE),
		("5.0.0", "smtp; 550 No such user here", HARD_BOUNCE),
		("", "smtp; 550 5.1.1 no such user", HARD_BOUNCE),
		("5.2.2", "smtp; 552 mailbox full", SOFT_BOUNCE),
		("5.3.4", "smtp; 552 message too large", SOFT_BOUNCE),
		("5.7.1", "smtp; 550 5.7.1 Message rejected as spam", SOFT_BOUNCE),
		("5.7.26", "smtp; 550 unauthenticated", SOFT_BOUNCE),
		("4.4.1", "smtp; connection timed out", SOFT_BOUNCE),
		("4.2.2", "smtp; 452 user unknown or over quota", SOFT_BOUNCE),
	],
)
def test_a_report_is_hard_only_where_the_address_is_at_fault(status, diagnostic, kind):
	found = classify(report(status=status, diagnostic=diagnostic))
	assert found.kind == kind
	assert found.recipient == ADDRESS
	assert found.message_ids == (OURS,)
	assert found.is_bounce and found.diagnostic == diagnostic


def test_a_delay_is_soft_and_a_receipt_is_nothing():
	assert classify(report(action="delayed", status="4.4.1")).kind == SOFT_BOUNCE
	assert classify(report(action="delivered", status="2.1.5", diagnostic="smtp; 250 ok")).kind == AUTO_REPLY
	receipt = [
		("text/plain", "Your message was read."),
		("message/disposition-notification", "Disposition: manual-action/MDN-sent-manually; displayed"),
	]
	assert classify(multipart("disposition-notification", receipt)).kind == AUTO_REPLY


def test_a_report_about_several_tells_the_one_that_failed():
	more = "\nFinal-Recipient: rfc822; second@summit.example\nAction: failed\nStatus: 5.1.1\n"
	found = classify(report(action="delivered", status="2.0.0", more=more))
	assert (found.kind, found.recipient, found.status) == (HARD_BOUNCE, "second@summit.example", "5.1.1")


def test_a_returned_mail_in_whole_names_its_id():
	assert classify(report(returned="message/rfc822")).message_ids == (OURS,)


@pytest.mark.parametrize(
	"subject, text, kind",
	[
		(
			"failure notice",
			f"Hi. This is the qmail-send program.\n<{ADDRESS}>:\n550 User unknown\n\n--- Below this line is a copy"
			f" of the message.\n\nMessage-ID: <{OURS}>\n",
			HARD_BOUNCE,
		),
		(
			"系统退信/Systems bounce",
			f"抱歉，您的邮件被退回来了。\n收件人 {ADDRESS}\n原因：收件人邮箱不存在\nMessage-ID: <{OURS}>",
			HARD_BOUNCE,
		),
		("系统退信", f"您的邮件未能送达 {ADDRESS}：对方邮箱已满\nMessage-ID: <{OURS}>", SOFT_BOUNCE),
		(
			"Warning: message delayed 24 hours",
			f"Delivery to {ADDRESS} delayed, will retry\nMessage-ID: <{OURS}>",
			SOFT_BOUNCE,
		),
		("Mail delivery failed", f"{ADDRESS}\n for reasons unknown\nMessage-ID: <{OURS}>", SOFT_BOUNCE),
	],
)
def test_bounces_in_plain_words(subject, text, kind):
	found = classify(mail(text, subject, "MAILER-DAEMON@mx.example"))
	assert found.kind == kind
	assert found.recipient == ADDRESS
	assert OURS in found.message_ids


def test_who_writes_about_a_bounce_is_no_bounce():
	assert classify(mail("Your mail said: user unknown. Is that right?", "Undelivered?")).kind == REPLY
	assert classify(mail("The board does not exist any more", "Re: Invitation")).kind == REPLY


@pytest.mark.parametrize(
	"headers",
	[
		{"Auto_Submitted": "auto-replied"},
		{"Auto_Submitted": "auto-generated; type=x"},
		{"X_Autoreply": "yes"},
		{"Precedence": "auto_reply"},
	],
)
def test_machines_are_known_by_their_headers(headers):
	assert classify(mail("I am interested", **headers)).kind == AUTO_REPLY


@pytest.mark.parametrize(
	"subject, text",
	[
		("Automatic reply: Invitation", "I am back on Monday"),
		("Out of Office Re: Invitation", ""),
		("自动回复: 邀请", "我在休假"),
		("Abwesenheitsnotiz: Einladung", "Ich bin nicht da"),
		("Re: Invitation", "I am currently out of the office until 1 December."),
		("回复：邀请", "您好，这是一封自动回复邮件。"),
		("回复：邀请", "您的邮件已收到，我会尽快给您回复。"),
	],
)
def test_machines_are_known_by_their_words(subject, text):
	assert classify(mail(text, subject)).kind == AUTO_REPLY


def test_a_subject_that_calls_its_characters_by_too_small_a_set():
	import base64

	words = base64.b64encode("自动回复：镕基".encode("gb18030")).decode()
	raw = f"From: {ADDRESS}\nSubject: =?gb2312?B?{words}?=\nContent-Type: text/plain; charset=gb2312\n\n"
	assert classify(raw.encode() + "我在休假，镕".encode("gb18030")).kind == AUTO_REPLY


def test_people_are_not_taken_for_machines():
	for headers in ({"Auto_Submitted": "no"}, {"Precedence": "list"}):
		assert classify(mail("We are interested", **headers)).kind == REPLY
	assert classify(mail("Our office is open; we do not want to be left out of the alliance.")).kind == REPLY
	assert classify(mail("您的邮件已收到，我们有意加入，请告知会费。")).kind == REPLY


@pytest.mark.parametrize(
	"subject, text",
	[
		("unsubscribe", ""),
		("Re: Invitation", "Unsubscribe"),
		("Re: Invitation", "Please remove me from your list.\n\nThanks\nAna"),
		("Re: Invitation", "Stop writing to us!"),
		("退订", ""),
		("Re: Invitation", "Don't send me any more e-mails, thanks."),
		("Re: Invitation", "Kindly take us off your mailing list"),
		("Re: Invitation", "Opt out"),
		("回复：邀请", "请勿再联系我们了，谢谢"),
		("回复：邀请", "请不要再给我发邮件"),
		("Re: Invitation", "Do not contact me again.\n\n> Dear Ana,\n> we invite you"),
	],
)
def test_a_wish_to_be_left_alone(subject, text):
	assert classify(mail(text, subject)).kind == UNSUBSCRIBE


@pytest.mark.parametrize(
	"text",
	[
		"Please do not send the paper form, we apply online. We are very interested in joining; who signs?"
		" Our board meets on Thursday and would like to have the statutes before.",
		"Don't send paper letters, use this address",
		"Please do not contact us by phone",
		"Please remove us from your list and use ana@summit.example instead",
		"请不要发传真，我们用邮件",
		"Never mind, we will join",
		"We are interested.\nHow do our members unsubscribe later?",
		"Please remove the second address and keep this one; we want to join. When is the next meeting of the board?",
	],
)
def test_a_longer_text_is_for_a_person(text):
	assert classify(mail(text)).kind == REPLY


def test_html_alone_is_read_without_its_quotation():
	made = EmailMessage()
	made["From"], made["Subject"] = ADDRESS, "Re: Invitation"
	made.set_content(
		"<style>p{}</style><p>Yes &amp; no</p><blockquote>unsubscribe</blockquote>", subtype="html"
	)
	found = classify(made.as_bytes())
	assert (found.kind, found.text) == (REPLY, "Yes & no")


def test_html_that_is_never_closed_is_read_in_one_pass():
	from time import perf_counter

	begun = perf_counter()
	for text in (
		"<style>" * 100_000,
		"<" * 500_000,
		"<div " * 100_000,
		"<!--" * 100_000,
		"<p>x</p>" * 60_000,
	):
		made = EmailMessage()
		made["From"], made["Subject"] = ADDRESS, "Re: Invitation"
		made.set_content(f"<p>Joining</p>{text}", subtype="html")
		assert classify(made.as_bytes()).text.startswith("Joining")
	assert perf_counter() - begun < 10


@given(st.binary(max_size=400))
def test_whatever_comes_it_never_fails(raw):
	assert classify(raw).kind in (REPLY, AUTO_REPLY, HARD_BOUNCE, SOFT_BOUNCE, UNSUBSCRIBE)


@pytest.mark.parametrize(
	"raw",
	[
		b"", b"Subject: =?utf-8?B?!!!?=\nFrom: =?x?q?\n\nx", b"From: a@b\nContent-Type: text/plain; charset=nope\n\n\xff\xfe",
		b"Content-Type: multipart/report; report-type=delivery-status\n\nnothing",
		b"From: a@b\nContent-Type: text/plain; charset=\"a\0b\"\n\n\xff",
		b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n\n--x--",
	],
)  # fmt: skip
def test_broken_mails_are_for_a_person_or_a_soft_bounce(raw):
	assert classify(raw).kind in (REPLY, SOFT_BOUNCE)


def test_a_long_mail_costs_no_time():
	import time

	long = "On " + "wrote " * 40_000 + "<" * 50_000 + " user " * 40_000 + "a@" * 40_000
	begun = time.perf_counter()
	classify(mail(long))
	classify(mail(long, "Undelivered mail", "mailer-daemon@x.example"))
	assert time.perf_counter() - begun < 5
	assert inbound.MAX_BYTES == 1024 * 1024
