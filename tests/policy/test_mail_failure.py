import smtplib
import traceback

import pytest

from imta_crm.policy.mail_failure import MESSAGE, RECIPIENT, SERVER, TEMPORARY, UNKNOWN, classify


class Session:
	"""As smtplib's: the line of the traceback tells how far it came."""

	def __init__(self, error):
		self.error = error

	def data(self, msg):
		raise self.error

	def sendmail(self, msg, at_text):
		if at_text:
			return self.data(msg)
		raise self.error


def trace(error, *, at_text=False):
	try:
		Session(error).sendmail("text", at_text)
	except Exception:
		return traceback.format_exc()


@pytest.mark.parametrize(
	("error", "kind"),
	[
		(smtplib.SMTPRecipientsRefused({"a@b.example": (550, b"5.1.1 No such mailbox")}), RECIPIENT),
		(smtplib.SMTPRecipientsRefused({"a@b.example": (550, b"unknown user")}), RECIPIENT),
		(smtplib.SMTPRecipientsRefused({"a@b.example": (550, b"5.7.1 Relaying denied")}), MESSAGE),
		(smtplib.SMTPRecipientsRefused({"a@b.example": (554, b"Relay access denied")}), MESSAGE),
		(smtplib.SMTPRecipientsRefused({"a@b.example": (451, b"4.7.1 Greylisted")}), TEMPORARY),
		(smtplib.SMTPRecipientsRefused({"a@b.example": (452, b"4.2.2 full")}), TEMPORARY),
		(smtplib.SMTPDataError(550, b"5.1.1 no such user\n5.1.1 really"), RECIPIENT),
		(smtplib.SMTPDataError(554, b"5.7.1 Spam"), MESSAGE),
		(smtplib.SMTPDataError(552, b"5.3.4 too big"), MESSAGE),
		(smtplib.SMTPDataError(451, b"4.3.0 later"), TEMPORARY),
		(smtplib.SMTPSenderRefused(550, b"5.1.8 who are you", "x@y.example"), SERVER),
		(smtplib.SMTPAuthenticationError(535, b"5.7.8 no"), SERVER),
		(smtplib.SMTPServerDisconnected("Connection unexpectedly closed"), SERVER),
		(ConnectionRefusedError(111, "Connection refused"), SERVER),
		(TimeoutError("timed out"), SERVER),
	],
)
def test_who_is_to_blame(error, kind):
	assert classify(trace(error)).kind == kind


@pytest.mark.parametrize(
	"error",
	[
		smtplib.SMTPServerDisconnected("Connection unexpectedly closed"),
		ConnectionResetError(104, "Connection reset by peer"),
		TimeoutError("timed out"),
		ValueError("something else"),
	],
)
def test_broken_at_the_text_is_never_sent_again(error):
	failure = classify(trace(error, at_text=True))
	assert failure.kind == UNKNOWN
	assert not failure.may_retry


def test_cut_off_before_the_text_may_be_tried_again():
	session = smtplib.SMTP()
	session.sock = session.file = None
	session.putcmd = lambda command: None

	def getreply():
		raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")

	session.getreply = getreply

	def sendmail():
		session.data(b"text")

	try:
		sendmail()
	except smtplib.SMTPServerDisconnected:
		assert classify(traceback.format_exc()).kind == SERVER


def test_a_clear_answer_to_the_text_is_no_riddle():
	assert classify(trace(smtplib.SMTPDataError(451, b"4.3.0 later"), at_text=True)).kind == TEMPORARY
	assert classify(trace(smtplib.SMTPDataError(550, b"5.1.1 unknown"), at_text=True)).kind == RECIPIENT


@pytest.mark.parametrize("text", [None, "", "   ", "no traceback at all"])
def test_without_a_traceback_nobody_knows(text):
	assert classify(text).kind == UNKNOWN


def test_an_error_after_the_server_has_taken_it():
	def update_recipient_status_to_sent():
		raise RuntimeError("Deadlock found when trying to get lock")

	try:
		update_recipient_status_to_sent()
	except RuntimeError:
		assert classify(traceback.format_exc()).kind == UNKNOWN


def test_no_connection():
	def session():
		raise OSError("Invalid Outgoing Mail Server or Port")

	try:
		session()
	except OSError:
		assert classify(traceback.format_exc()).kind == SERVER


def test_text_is_for_people():
	failure = classify(trace(smtplib.SMTPRecipientsRefused({"a@b.example": (550, b"5.1.1 No such mailbox")})))
	assert "No such mailbox" in failure.text and "Traceback" not in failure.text


def test_what_a_server_says_is_no_html():
	error = smtplib.SMTPRecipientsRefused({"a@b.example": (550, b"5.1.1 <img src=x onerror=alert(1)>")})
	text = classify(trace(error)).text
	assert "onerror" in text
	assert "<img" not in text
