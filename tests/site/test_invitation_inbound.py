"""Mails that come in, as raw MIME through Frappe's own inbox: replies, automatic replies, bounces, opting out."""

from __future__ import annotations

import socketserver
import threading
from contextlib import contextmanager, suppress

import frappe
import pytest
from frappe.utils import add_to_date, now_datetime

from imta_crm.invitations import inbound
from imta_crm.portal import links
from tests.site.factories import make_user
from tests.site.inbox import bounce, letter, make_inbox, take_in
from tests.site.invitation_factories import SENDER, make_campaign, make_invitation


@pytest.fixture
def account():
	return make_inbox()


@pytest.fixture
def sent():
	"""An invitation that has been sent, with its touch and the id of its mail."""
	return invited()


def invited(**fields) -> frappe._dict:
	campaign = fields.pop("campaign", None) or make_campaign(running=True).name
	officer = fields.pop("officer", None) or make_user("Liaison Officer")
	doc = make_invitation(campaign, status="Invited", officer=officer, **fields)
	message_id = f"{frappe.generate_hash(length=20)}@{frappe.local.site}"
	queue = frappe.new_doc("Email Queue")
	queue.update(
		{
			"sender": SENDER,
			"message": "sent",
			"status": "Sent",
			"message_id": message_id,
			"reference_doctype": "Invitation",
			"reference_name": doc.name,
		}
	)
	queue.append("recipients", {"recipient": doc.email, "status": "Sent"})
	queue.insert(ignore_permissions=True)
	touch = frappe.new_doc("Invitation Touch")
	touch.update(
		{
			"name": f"{doc.name}:S1",
			"invitation": doc.name,
			"campaign": campaign,
			"step_key": "S1",
			"step_title": "Invitation",
			"channel": "E-mail",
			"status": "Sent",
			"email": doc.email,
			"message_id": message_id,
			"email_queue": queue.name,
			"sent_at": now_datetime(),
			"made_at": now_datetime(),
		}
	)
	touch.db_insert()
	return frappe._dict(
		name=doc.name,
		email=doc.email,
		officer=officer,
		message_id=message_id,
		queue=queue.name,
		touch=touch.name,
		prospect_name=doc.prospect_name,
	)


def stored(sent):
	return frappe.get_doc("Invitation", sent.name)


def tasks(sent) -> int:
	return frappe.db.count(
		"ToDo", {"reference_name": sent.name, "status": "Open", "description": ("like", "Read the mail%")}
	)


# Replies


def test_a_reply_to_the_mail_is_linked_and_stops_the_steps(account, sent):
	raw = letter(
		"colleague@elsewhere.example",
		"Thank you, the board meets in May.",
		In_Reply_To=f"<{sent.message_id}>",
	)
	communication = take_in(account, raw)
	assert (communication.reference_doctype, communication.reference_name) == ("Invitation", sent.name)
	after = stored(sent)
	assert (after.status, after.reply, after.reply_via) == ("Invited", "By Mail", "E-mail")
	assert after.reply_comment == "Thank you, the board meets in May."
	assert not after.next_step
	assert tasks(sent) == 1


def test_a_reply_without_a_trace_is_found_by_its_sender(account, sent):
	communication = take_in(account, letter(f"The Chair <{sent.email.upper()}>", subject="Your letter"))
	assert communication.reference_name == sent.name
	assert stored(sent).reply == "By Mail"


def test_a_reply_is_found_when_the_queue_has_been_cleared(account, sent):
	frappe.db.delete("Email Queue", {"name": sent.queue})
	raw = letter(
		"colleague@elsewhere.example", References=f"<other@x> <{sent.message_id}>", In_Reply_To="<lost@x>"
	)
	assert take_in(account, raw).reference_name == sent.name
	assert stored(sent).reply == "By Mail"


def test_an_address_with_two_live_invitations_is_left_to_a_person(account, sent):
	activity = make_campaign(running=True, purpose="Activity").name
	other = invited(campaign=activity, email=sent.email)
	communication = take_in(account, letter(sent.email))
	assert not communication.reference_name
	assert not stored(sent).reply
	assert not stored(other).reply


def test_strangers_and_other_matters_are_left_alone(account, sent):
	take_in(account, letter("stranger@nowhere.example"))
	assert not stored(sent).reply
	todo = frappe.get_doc({"doctype": "ToDo", "description": "another matter"}).insert()
	other_id = f"{frappe.generate_hash(length=20)}@{frappe.local.site}"
	frappe.get_doc(
		{
			"doctype": "Email Queue",
			"sender": SENDER,
			"message": "x",
			"message_id": other_id,
			"reference_doctype": "ToDo",
			"reference_name": todo.name,
		}
	).insert(ignore_permissions=True)
	communication = take_in(account, letter(sent.email, In_Reply_To=f"<{other_id}>"))
	assert communication.reference_doctype == "ToDo"
	assert not stored(sent).reply, "a member's word on an invoice is no answer to an invitation"


def test_a_mail_that_an_account_turns_into_a_lead_is_shown_with_the_invitation_too(account, sent):
	account.append_to = "Lead"
	communication = take_in(account, letter(sent.email, subject="Your letter"))
	assert communication.reference_doctype == "Lead"
	assert ("Invitation", sent.name) in [
		(row.link_doctype, row.link_name) for row in communication.timeline_links
	]
	assert stored(sent).reply == "By Mail"


def test_a_mail_in_chinese_without_the_quoted_letter(account, sent):
	text = "您好，我们五月讨论后回复。\n\n在 2026年11月23日 09:00，秘书处 <x@imta.example> 写道：\n> 尊敬的会员\n> 请回复"
	take_in(account, letter(sent.email, text, subject="回复：邀请", In_Reply_To=f"<{sent.message_id}>"))
	assert stored(sent).reply_comment == "您好，我们五月讨论后回复。"


def test_a_second_mail_takes_nothing_back(account, sent):
	from imta_crm.invitations.replies import record

	record(sent.name, "Interested", via="Reply Page")
	take_in(account, letter(sent.email, "Here are our papers", In_Reply_To=f"<{sent.message_id}>"))
	after = stored(sent)
	assert (after.status, after.reply) == ("Interested", "Interested")
	assert tasks(sent) == 1


def test_the_same_mail_fetched_twice_is_one(account, sent):
	raw = letter(sent.email, In_Reply_To=f"<{sent.message_id}>")
	first, second = take_in(account, raw), take_in(account, raw)
	assert first.name == second.name
	assert tasks(sent) == 1


def test_script_in_a_mail_stays_text(account, sent):
	raw = letter(sent.email, "<script>alert(1)</script> hello", In_Reply_To=f"<{sent.message_id}>")
	take_in(account, raw)
	notes = frappe.get_all("Comment", {"reference_name": sent.name}, pluck="content")
	assert not any("<script" in note for note in notes)
	assert "<" not in stored(sent).reply_comment.replace("< ", "")


def test_script_in_what_another_server_says_stays_text(account, sent):
	raw = bounce(sent).replace(b"550 5.1.1", b"550 5.1.1 <img src=x onerror=alert(1)>")
	assert b"onerror" in raw
	take_in(account, raw)
	assert "onerror" in stored(sent).close_reason
	assert "<img" not in stored(sent).close_reason
	assert "<img" not in frappe.db.get_value("Invitation Touch", sent.touch, "problem")


def test_from_a_mail_server_to_the_invitation(account, sent, monkeypatch):
	"""The whole of Frappe's way: its Email Account fetches from a server by POP3."""
	monkeypatch.setattr(frappe.db, "commit", lambda *args, **kwargs: None)
	other = invited()
	mails = [
		letter(sent.email, "We are thinking about it", In_Reply_To=f"<{sent.message_id}>"),
		bounce(other),
	]
	with mailbox(mails) as port:
		account.update({"email_server": "127.0.0.1", "incoming_port": str(port), "use_imap": 0, "use_ssl": 0})
		account.receive()
	assert stored(sent).reply_comment == "We are thinking about it"
	assert stored(other).status == "Unreachable"


@contextmanager
def mailbox(mails: list[bytes]):
	"""Port of a POP3 server (RFC 1939) that holds these mails."""

	class Session(socketserver.StreamRequestHandler):
		def handle(self):
			self.say("+OK ready")
			while line := self.rfile.readline().decode().split():
				command, argument = line[0].upper(), (line[1:] or ["1"])[0]
				if command == "LIST":
					self.say(*("+OK", *(f"{n} {len(mail)}" for n, mail in enumerate(mails, 1)), "."))
				elif command == "RETR":
					lines = mails[int(argument) - 1].decode().splitlines()
					self.say("+OK", *("." + line if line.startswith(".") else line for line in lines), ".")
				else:
					self.say("+OK")
				if command == "QUIT":
					return

		def say(self, *lines):
			self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

	with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
		server.daemon_threads = True
		thread = threading.Thread(target=server.serve_forever, daemon=True)
		thread.start()
		try:
			yield server.server_address[1]
		finally:
			server.shutdown()
			thread.join(5)


# Automatic replies


@pytest.mark.parametrize(
	("subject", "text", "headers"),
	[
		("Automatic reply: Invitation", "I am out of the office until Monday.", {}),
		("Re: Invitation", "We have received your mail.", {"Auto_Submitted": "auto-replied"}),
		("自动回复：邀请", "您好，您的邮件已收到，我会尽快回复。", {}),
		("Re: Invitation", "I am on annual leave.", {"X_Autoreply": "yes"}),
	],
)
def test_an_automatic_reply_is_noted_and_stops_nothing(account, sent, subject, text, headers):
	raw = letter(sent.email, text, subject, In_Reply_To=f"<{sent.message_id}>", **headers)
	communication = take_in(account, raw)
	assert communication.communication_type == "Automated Message"
	assert communication.reference_name == sent.name
	after = stored(sent)
	assert after.status == "Invited"
	assert not after.reply
	assert not tasks(sent)
	assert (
		frappe.db.count("Comment", {"reference_name": sent.name, "content": ("like", "%automatic reply%")})
		== 1
	)


# Bounces


def test_a_hard_bounce_ends_the_invitation(account, sent):
	communication = take_in(account, bounce(sent))
	touch = frappe.get_doc("Invitation Touch", sent.touch)
	assert touch.status == "Bounced"
	assert "5.1.1" in touch.problem
	after = stored(sent)
	assert after.status == "Unreachable"
	assert not after.live_email
	assert not after.reply
	assert not after.next_at
	assert communication.communication_type == "Automated Message"
	assert (communication.reference_doctype, communication.reference_name) == ("Invitation", sent.name)


@pytest.mark.parametrize(
	("status", "action", "diagnostic"),
	[
		("4.4.1", "delayed", "smtp; 451 4.4.1 timed out"),
		("5.2.2", "failed", "smtp; 552 5.2.2 mailbox full"),
		("4.2.0", "failed", "smtp; 450 greylisted"),
	],
)
def test_a_soft_bounce_is_noted_and_stops_nothing(account, sent, status, action, diagnostic):
	take_in(account, bounce(sent, status=status, action=action, diagnostic=diagnostic))
	touch = frappe.get_doc("Invitation Touch", sent.touch)
	assert touch.status == "Sent"
	assert status in touch.problem
	after = stored(sent)
	assert after.status == "Invited"
	assert not after.reply


def test_a_bounce_in_plain_words(account, sent):
	raw = (
		f"From: postmaster@qq.example\r\nTo: {SENDER}\r\nSubject: =?utf-8?b?57O757uf6YCA5L+h?=\r\n"
		f"Message-ID: <{frappe.generate_hash(length=12)}@qq.example>\r\n"
		"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
		f"很抱歉，您发给 {sent.email} 的邮件被退回：收件人邮箱不存在。550 5.1.1\r\n"
	).encode()
	take_in(account, raw)
	assert_in_doubt(sent)


def test_a_bounce_that_anybody_can_write_stops_nothing(account, sent):
	take_in(account, bounce(sent, with_id=False))
	assert_in_doubt(sent)


def assert_in_doubt(sent) -> None:
	assert stored(sent).status == "Invited"
	touch = frappe.get_doc("Invitation Touch", sent.touch)
	assert (touch.status, "5.1.1" in touch.problem) == ("Sent", True)
	task = {"reference_name": sent.name, "description": ("like", "Check the e-mail address%")}
	assert frappe.get_all("ToDo", task, pluck="allocated_to") == [sent.officer]


def test_a_bounce_of_somebody_elses_mail_is_left_alone(account, sent):
	other = frappe._dict(email="somebody@unknown.example", message_id="nothing@unknown.example")
	assert not take_in(account, bounce(other)).reference_name
	assert stored(sent).status == "Invited"


def test_a_bounce_takes_no_answer_back(account, sent):
	from imta_crm.invitations.replies import record

	record(sent.name, "Interested", via="Reply Page")
	take_in(account, bounce(sent))
	assert stored(sent).status == "Interested"


# Opting out


@pytest.mark.parametrize(
	("subject", "text"), [("unsubscribe", ""), ("退订", "退订"), ("Re: Invitation", "Please remove me.")]
)
def test_who_asks_by_mail_is_left_alone(account, sent, subject, text):
	from imta_crm.invitations import do_not_invite

	take_in(account, letter(sent.email, text, subject, In_Reply_To=f"<{sent.message_id}>"))
	after = stored(sent)
	assert (after.status, after.reply, after.reply_via) == ("Do Not Write", "Do Not Write", "E-mail")
	assert do_not_invite.is_blocked(sent.email)


def test_a_mail_to_the_address_in_list_unsubscribe_counts_from_another_address_too(account, sent):
	from imta_crm.invitations import do_not_invite

	raw = letter("private@elsewhere.example", "", "unsubscribe", In_Reply_To=f"<{sent.message_id}>")
	take_in(account, raw)
	assert stored(sent).status == "Do Not Write"
	assert do_not_invite.is_blocked(sent.email)


def test_a_mail_program_that_names_the_invitation(account, sent):
	"""As the mailto: in List-Unsubscribe makes it, with nothing that it answers."""
	other = invited(campaign=make_campaign(running=True, purpose="Activity").name, email=sent.email)
	take_in(account, letter(sent.email, "", f"unsubscribe {sent.name}"))
	assert stored(sent).status == "Do Not Write"
	assert stored(other).status in ("Withdrawn", "Do Not Write"), "the wish counts for every campaign"


def test_a_mail_program_that_shows_the_code(account, sent):
	code = links.code(sent.name, frappe.db.get_value("Invitation", sent.name, "link_key"))
	take_in(account, letter("private@elsewhere.example", "", f"unsubscribe {sent.name} {code}"))
	assert stored(sent).status == "Do Not Write"


@pytest.mark.parametrize("code", ["", " aaaaaaaaaaaaaaaa", " é"])
def test_nobody_is_unsubscribed_or_stopped_by_a_guessed_number(account, sent, code):
	take_in(account, letter("somebody@elsewhere.example", "", f"unsubscribe {sent.name}{code}"))
	after = stored(sent)
	assert (after.status, after.reply or "") == ("Invited", "")
	assert tasks(sent) == 0
	assert not frappe.db.exists("Do Not Invite", {"invitation": sent.name})


def test_a_stranger_who_unsubscribes_is_no_entry(account):
	before = frappe.db.count("Do Not Invite")
	take_in(account, letter("robot@nowhere.example", "", "unsubscribe"))
	assert frappe.db.count("Do Not Invite") == before


# The inbox is never in the way


def test_no_mail_is_lost_over_an_invitation(account, sent, monkeypatch):
	monkeypatch.setattr(frappe, "enqueue", lambda *args, **kwargs: None)  # the job was lost
	communication = take_in(account, letter(sent.email, "Still there", In_Reply_To=f"<{sent.message_id}>"))
	assert not stored(sent).reply
	communication.db_set("creation", add_to_date(now_datetime(), minutes=-30), update_modified=False)
	assert inbound.catch_up() == 1
	assert stored(sent).reply == "By Mail"
	assert stored(sent).reply_comment == "Still there"
	assert inbound.catch_up() == 0


@pytest.mark.parametrize(
	("what", "status"), [("bounce", "Unreachable"), ("unsubscribe", "Do Not Write"), ("soft", "Invited")]
)
def test_no_bounce_and_no_wish_is_lost(account, sent, monkeypatch, what, status):
	raw = {
		"bounce": lambda: bounce(sent),
		"unsubscribe": lambda: letter(sent.email, "", "unsubscribe", In_Reply_To=f"<{sent.message_id}>"),
		"soft": lambda: bounce(sent, with_id=False),
	}[what]()
	with monkeypatch.context() as lost:
		lost.setattr(frappe, "enqueue", lambda *args, **kwargs: None)
		communication = take_in(account, raw)
	assert stored(sent).status == "Invited"
	communication.db_set("creation", add_to_date(now_datetime(), minutes=-30), update_modified=False)
	assert inbound.catch_up() == 1
	assert stored(sent).status == status
	assert inbound.catch_up() == 0


def test_one_mail_that_fails_stops_no_other(account, monkeypatch):
	from imta_crm.invitations import replies

	first, second = invited(), invited()
	with monkeypatch.context() as lost:
		lost.setattr(frappe, "enqueue", lambda *args, **kwargs: None)
		for sent in (first, second):
			communication = take_in(account, letter(sent.email, In_Reply_To=f"<{sent.message_id}>"))
			communication.db_set("creation", add_to_date(now_datetime(), minutes=-30), update_modified=False)
	record = replies.record
	monkeypatch.setattr(frappe.db, "rollback", lambda *args, **kwargs: None)

	def fail_for_the_first(invitation, *args, **kwargs):
		if invitation == first.name:
			raise RuntimeError("planned")
		return record(invitation, *args, **kwargs)

	monkeypatch.setattr(replies, "record", fail_for_the_first)
	inbound.catch_up()
	assert not stored(first).reply
	assert stored(second).reply == "By Mail"
	assert frappe.db.exists("Error Log", {"method": ("like", "A reply by mail could not%")})


@pytest.mark.parametrize(
	"raw",
	[
		b"",
		b"From: x\r\n\r\n\xff\xfe",
		b"Content-Type: multipart/report; boundary=\r\n\r\n--\r\n",
		b"From: =?utf-8?b?!!?= <a@b.example>\r\nSubject: =?x?q?=FF?=\r\n\r\nx",
	],
)
def test_mails_that_nobody_can_read_stop_nothing(account, raw):
	# Frappe itself refuses some of them, as it does without this app.
	with suppress(frappe.InvalidEmailAddressError, TypeError, AttributeError):
		take_in(account, raw)
	assert not frappe.get_all("Error Log", {"method": ("like", "%imta_crm%")})


def test_what_we_send_is_not_taken_for_a_reply(sent):
	frappe.get_doc(
		{
			"doctype": "Communication",
			"communication_medium": "Email",
			"communication_type": "Communication",
			"sent_or_received": "Sent",
			"sender": sent.email,
			"subject": "x",
			"content": "x",
		}
	).insert(ignore_permissions=True)
	assert not stored(sent).reply


def test_a_mail_that_a_person_keeps_by_hand_counts(sent):
	communication = frappe.get_doc(
		{
			"doctype": "Communication",
			"communication_medium": "Email",
			"communication_type": "Communication",
			"sent_or_received": "Received",
			"sender": sent.email,
			"subject": "Re: Invitation",
			"content": "<p>We are thinking about it</p>",
		}
	).insert(ignore_permissions=True)
	assert frappe.db.get_value("Communication", communication.name, "reference_name") == sent.name
	assert stored(sent).reply == "By Mail"
