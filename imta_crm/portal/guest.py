"""Everything that a guest can reach in this app, so that it can be read in one sitting.

- `/member-card/<token>` shows whether a membership card is valid (`member_card`). GET, changes nothing.
- `/apply` is a Web Form of Frappe; what it accepts is in `intake`.
- `/invitation/<token>` is the reply page of an invitation, or the page to unsubscribe (`InvitationPage`).
- `/seat/<token>` is a ticket, or the participant's own page of a seat, with its offer (`SeatPage`).
- `/feedback/<token>` is the form after a session (`FeedbackPage`).
- `/certificate/<token>` proves a certificate (`CertificatePage`). GET, changes nothing.
- `/register/<token or activity>` registers people for an activity (`RegisterPage`).

On all of them GET shows and changes nothing, so that mail scanners and previews are harmless; POST acts. They
work without JavaScript, without cookies, and for whoever happens to be logged in. No other page or method of the app allows guests. Whatever acts is a POST; whatever shows is a GET.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import frappe
from frappe import _
from frappe.utils import add_days, cint, getdate
from werkzeug.wrappers import Response

from imta_crm.activities import registration
from imta_crm.invitations import replies
from imta_crm.invitations.compose import language_of
from imta_crm.membership.card import CardFacts, facts_by_token
from imta_crm.policy import invitation as policy
from imta_crm.policy.names import is_chinese, person_name
from imta_crm.policy.seating import CANCELLED, CONFIRMED
from imta_crm.portal import facts, links, pages
from imta_crm.portal.limits import over_limit
from imta_crm.portal.pages import TRAP, PortalPage
from imta_crm.seating import calendar, record, seats
from imta_crm.training import certificates, feedback

#: Looks at cards in a minute from one address; a scanner at a conference desk does not need more.
CARDS_A_MINUTE = 30
#: Reply pages in a minute from one address: scanners of a whole office look through one address, too.
PAGES_A_MINUTE = 60
#: Letters to prove an address that are asked for from one address of the network in an hour.
LETTERS_AN_HOUR = 30
#: Steps with one seat in an hour.
STEPS_AN_HOUR = 30
#: One-click requests come from the few addresses of the large mail providers, for many people.
CLICKS_A_MINUTE = 600
#: Replies to one invitation in an hour; nobody changes their mind more often.
REPLIES_AN_HOUR = 20
ONE_CLICK = "One-Click"


def member_card(token: str | None) -> tuple[int, CardFacts | None]:
	"""HTTP status and facts for a card's public page: 200 with facts, 404 without, 429 for too many looks.

	The count comes before the look-up, so that being refused says nothing about the token either.
	"""
	if over_limit("member-card", frappe.local.request_ip, CARDS_A_MINUTE, 60):
		return 429, None
	facts = facts_by_token(token)
	return (200, facts) if facts else (404, None)


class InvitationPage(PortalPage):
	"""`/invitation/<token>`.

	200 the page, 303 after an answer, 404 no good link (forged, altered, unknown: all alike), 410 a good link
	that has expired, 422 an answer that is not complete, 429 too often, 503 could not be stored just now.
	"""

	PATHS = ("invitation",)

	def answer(self, token: str) -> Response:
		one_click = self.is_post and links.purpose_of(token) == links.UNSUBSCRIBE
		limit = CLICKS_A_MINUTE if one_click else PAGES_A_MINUTE
		# Before the look-up, so that being refused says nothing about the link either.
		if over_limit(f"invitation:{limit}", frappe.local.request_ip, limit, 60):
			return _page("busy", 429)
		link = links.read(token)
		if not link or link.purpose not in (links.REPLY, links.UNSUBSCRIBE):
			return _page("unknown", 404)
		if link.purpose == links.REPLY and link.is_expired:
			return _page("expired", 410)
		invitation = _read(link.name)
		page = ReplyPage(invitation) if link.purpose == links.REPLY else UnsubscribePage(invitation)
		return page.post() if self.is_post else page.get()


class SeatPage(PortalPage):
	"""`/seat/<token>`: a ticket, which shows, or the participant's own page of the seat, which acts, too.

	200 the page, 303 after a step, 404 no good link, 405 a step with a ticket, 409 a step that is not possible
	any more, 410 an expired link, 422 no step at all, 429 too often, 503 could not be done just now.
	"""

	PATHS = ("seat",)

	def answer(self, token: str) -> Response:
		if over_limit("seat", frappe.local.request_ip, PAGES_A_MINUTE, 60):
			return _notice("busy", 429)
		link = links.read(token)
		purposes = (*links.TICKETS.values(), *links.SEATS.values())
		found = facts.read_seat(link.doctype, link.name) if link and link.purpose in purposes else None
		if not found:
			return _notice("unknown", 404)
		pages.speak(found[0].preferred_language or frappe.local.lang)
		if link.is_expired:
			return _notice("expired", 410)
		self.booking, self.event = found
		self.is_own = link.purpose in links.SEATS.values()
		if self.is_post:
			return self.post() if self.is_own else self.get(405)
		if self.is_own and frappe.form_dict.get("file") == "calendar" and self.booking.status == CONFIRMED:
			return calendar_file(self.booking)
		return self.get()

	def get(self, status: int = 200, problem: str | list[str] | None = None) -> Response:
		seat = facts.seat(self.booking, self.event)
		return pages.page(
			"seat.html",
			status,
			seat=seat,
			event=facts.event(self.event, own_zone=self.booking.time_zone if self.is_own else None),
			code=facts.ticket_code(self.booking),
			own=self.is_own,
			problem=problem,
			done=frappe.form_dict.get("done"),
		)

	def post(self) -> Response:
		steps = {"accept": self.accept, "decline": self.decline, "cancel": self.cancel}
		act = pages.sent("act")
		if act not in steps or pages.sent(TRAP):
			return self.get(422, _("This could not be accepted."))
		if over_limit("seat:step", self.booking.name, STEPS_AN_HOUR, 60 * 60):
			return _notice("busy", 429)
		try:
			done = pages.attempt(
				steps[act],
				reference=(self.booking.doctype, self.booking.name),
				title="A step with a seat could not be done",
				lets=(seats.EnrollmentRefused, record.ForbiddenStep),
			)
		except (seats.EnrollmentRefused, record.ForbiddenStep) as error:
			# Something has happened while the page was open.
			self.booking, self.event = facts.read_seat(self.booking.doctype, self.booking.name)
			return self.get(409, facts.problems(error))
		return pages.see_other({"done": act}) if done else _notice("failed", 503)

	def accept(self) -> None:
		seats.accept_offer(self.booking.doctype, self.booking.name)

	def decline(self) -> None:
		if self.booking.status != CANCELLED:
			seats.decline_offer(self.booking.doctype, self.booking.name)

	def cancel(self) -> None:
		if self.booking.status != CANCELLED:
			seats.cancel(self.booking.doctype, self.booking.name, reason=facts.reason_sent(), by=None)


def calendar_file(booking: frappe._dict) -> Response:
	"""The calendar entry of a seat, for who may have it."""
	name, text = calendar.file_of(booking.doctype, booking.name)
	return pages.download(text.encode(), name, "text/calendar")


class CertificatePage(PortalPage):
	"""`/certificate/<token>`: whose certificate it is, of what, and whether it counts. 200, 404, 429."""

	PATHS = ("certificate",)

	def answer(self, token: str) -> Response:
		if over_limit("certificate", frappe.local.request_ip, CARDS_A_MINUTE, 60):
			return _notice("busy", 429)
		proof = certificates.facts_by_token(token)
		if not proof:
			return _notice("unknown", 404)
		name, local = proof.holder, proof.holder_local
		own_first = pages.is_zh() and is_chinese(local or "")
		return pages.page(
			"certificate.html",
			proof=proof,
			holder=local if own_first else name,
			holder_other=name if own_first else local,
			program=pages.by_language(proof.program, proof.program_zh),
			hours=f"{proof.hours:g}",
			issued_on=pages.day(proof.issued_on),
			valid_until=pages.day(proof.valid_until),
		)


class FeedbackPage(PortalPage):
	"""`/feedback/<token>`: marks and words on a session, which may be changed until the link expires.

	200 the form, 303 after sending, 404 no good link, 410 expired, 409 no feedback of this person, 422 an answer
	that is not complete, 429 too often, 503 could not be stored just now.
	"""

	PATHS = ("feedback",)
	#: From 1 to 5; the first is asked for.
	MARKS = ("overall", "content", "trainer", "organisation")
	#: From 0 to 10, asked for.
	RECOMMEND = "recommend"

	def answer(self, token: str) -> Response:
		if over_limit("feedback", frappe.local.request_ip, PAGES_A_MINUTE, 60):
			return _notice("busy", 429)
		link = links.read(token)
		found = facts.read_seat(link.doctype, link.name) if link and link.purpose == links.FEEDBACK else None
		if not found:
			return _notice("unknown", 404)
		pages.speak(found[0].preferred_language or frappe.local.lang)
		if link.is_expired:
			return _notice("expired", 410)
		self.booking, self.event = found
		return self.post() if self.is_post else self.get()

	def get(self, status: int = 200, problem: str | None = None, sent: dict | None = None) -> Response:
		given = feedback.answer_of(self.booking.name)
		refused = feedback.may_answer(self.booking)
		return pages.page(
			"feedback.html",
			status,
			refused=refused[1] if refused else None,
			event=facts.event(self.event),
			form=sent or given or {},
			given=bool(given),
			just_given=bool(given and not sent and frappe.form_dict.get("done")),
			problem=problem,
			questions=self.questions(),
			recommend=self.RECOMMEND,
			longest=feedback.LONGEST_TEXT,
		)

	@classmethod
	def questions(cls) -> list[tuple[str, str, bool]]:
		"""Each mark's field, its question, and whether it is asked for."""
		words = {
			"overall": _("How was the session as a whole?"),
			"content": _("The content"),
			"trainer": _("The trainer"),
			"organisation": _("The organisation"),
		}
		return [(key, words[key], key == "overall") for key in cls.MARKS]

	def post(self) -> Response:
		form = {key: self.mark(key) for key in (*self.MARKS, self.RECOMMEND)}
		form |= {key: pages.sent(key) for key in ("liked", "improve")}
		if pages.sent(TRAP):
			return self.get(422, _("This could not be accepted."), form)
		if form["overall"] is None or form[self.RECOMMEND] is None:
			return self.get(422, _("Please answer the questions that are marked."), form)
		if over_limit("feedback:send", self.booking.name, STEPS_AN_HOUR, 60 * 60):
			return _notice("busy", 429)
		marks = {key: form[key] for key in (*self.MARKS, self.RECOMMEND) if form[key] is not None}
		try:
			done = pages.attempt(
				lambda: feedback.submit(
					self.booking.name, marks, form["liked"], form["improve"], frappe.local.lang
				),
				reference=(self.booking.doctype, self.booking.name),
				title="Feedback could not be stored",
				lets=(feedback.FeedbackRefused,),
			)
		except feedback.FeedbackRefused as error:
			return self.get(409, str(error), form)
		return pages.see_other({"done": "1"}) if done else _notice("failed", 503)

	def mark(self, key: str) -> int | None:
		"""A mark that was chosen; None for none, and for what nobody can choose."""
		text = pages.sent(key, 3)
		least, most = (0, 10) if key == self.RECOMMEND else (1, 5)
		return int(text) if text.isascii() and text.isdecimal() and least <= int(text) <= most else None


class RegisterPage(PortalPage):
	"""`/register/<token>` for an invitee or a proved address, `/register/<activity>` for everybody.

	The public address takes an e-mail address and nothing else, and says the same whatever becomes of it.

	200 the page, 303 after sending, 404 no good link and no public activity, 409 not possible any more, 410
	expired, 422 a form that is not complete, 429 too often, 503 could not be stored just now.
	"""

	PATHS = ("register",)
	#: What an activity of our own may be called; anything else is looked up as a token.
	LONGEST_NAME = 40
	ERRORS = (registration.RegistrationNotUnderstood, registration.NotAccepted, seats.EnrollmentRefused)

	def answer(self, token: str) -> Response:
		if over_limit("register", frappe.local.request_ip, PAGES_A_MINUTE, 60):
			return _notice("busy", 429)
		self.link, self.shown = links.read(token), None
		if self.link and self.link.purpose == links.REGISTER:
			self.shown = registration.of_invitation(self.link.name)
			self.save = lambda applicant: registration.register_invited(self.link.name, applicant)
		elif self.link and self.link.purpose == links.CONFIRMED:
			self.shown = registration.of_address(self.link.name, self.link.email)
			self.save = lambda applicant: registration.register_confirmed(
				self.link.name, self.link.email, applicant
			)
		elif not self.link and token.isascii() and len(token) <= self.LONGEST_NAME:
			self.shown = registration.of_everybody(token.upper())
		if not self.shown:
			return _notice("unknown", 404)
		if self.link and self.shown.applicant.language:
			pages.speak(self.shown.applicant.language)
		if self.link and self.link.is_expired:
			return _notice("expired", 410)
		if not self.is_post:
			return self.get()
		return self.register() if self.link else self.ask()

	def get(
		self,
		status: int = 200,
		problem: str | list[str] | None = None,
		form: registration.Applicant | None = None,
		email: str = "",
	) -> Response:
		shown = self.shown
		event = facts.read_event(registration.ACTIVITY, shown.activity)
		booking = shown.booking
		return pages.page(
			"register.html",
			status,
			event=facts.event(event),
			about=pages.safe_html(pages.by_language(event.description, event.description_zh)),
			programme=facts.programme(event),
			shown=shown,
			is_public=not self.link,
			form=form or shown.applicant,
			email=email,
			problem=problem,
			just_sent=bool(frappe.form_dict.get("done")) and not problem,
			state=facts.state(booking.status) if booking else None,
			seat_url=links.seat_url(registration.DELEGATE, booking.name) if booking else None,
			reply_url=self.reply_url() if self.link and shown.answer != "Yes" else None,
			countries=facts.countries(),
			longest=registration.LONGEST,
			longest_remarks=registration.LONGEST_REMARKS,
		)

	def reply_url(self) -> str:
		"""Where the invitee says yes first."""
		key = frappe.db.get_value(replies.INVITATION, self.link.name, "link_key")
		return links.reply_url(self.link.name, key, self.link.expires_on, language=frappe.local.lang)

	def ask(self) -> Response:
		"""A stranger's address: a letter goes there, whoever it belongs to."""
		email = pages.sent("email", registration.LONGEST + 1)
		if pages.sent(TRAP):
			return self.get(422, _("This could not be accepted."), email=email)
		if over_limit("register:letter", frappe.local.request_ip, LETTERS_AN_HOUR, 60 * 60):
			return _notice("busy", 429)
		return self.act(lambda: registration.ask(self.shown.activity, email, frappe.local.lang), email=email)

	def register(self) -> Response:
		texts = {
			field: pages.sent(field, 2 * registration.LONGEST)
			for field in ("name", "name_local", "organisation", "country", "position")
		}
		fixed = {field: getattr(self.shown.applicant, field) for field in self.shown.fixed}
		form = registration.Applicant(
			**{**texts, **fixed},
			remarks=pages.sent("remarks", 2 * registration.LONGEST_REMARKS),
			language=frappe.local.lang,
		)
		if pages.sent(TRAP):
			return self.get(422, _("This could not be accepted."), form)
		if not frappe.form_dict.get("consent"):
			return self.get(422, _("Please agree that we use what you write for this activity."), form)
		if over_limit("register:step", f"{self.link.name}:{self.link.email}", STEPS_AN_HOUR, 60 * 60):
			return _notice("busy", 429)
		return self.act(lambda: self.save(form), form=form)

	def act(self, work: Callable[[], object], **typed) -> Response:
		try:
			done = pages.attempt(
				work,
				reference=(registration.ACTIVITY, self.shown.activity),
				title="A registration could not be stored",
				lets=self.ERRORS,
			)
		except seats.EnrollmentRefused as error:
			return self.get(409, facts.problems(error), **typed)
		except self.ERRORS as error:
			return self.get(422, str(error), **typed)
		return pages.see_other({"done": 1}) if done else _notice("failed", 503)


def _notice(kind: str, status: int) -> Response:
	"""A page that says why there is none."""
	return pages.page("notice.html", status, kind=kind)


class _Page:
	"""What the two pages of an invitation have in common."""

	def __init__(self, invitation: frappe._dict):
		self.invitation = invitation
		pages.speak(language_of(invitation))

	def act(self, work: Callable[[], None]) -> Response | None:
		"""Do it all or nothing; a page that says so where it could not be done, None where it was."""
		if over_limit("invitation:reply", self.invitation.name, REPLIES_AN_HOUR, 60 * 60):
			return _page("busy", 429)
		try:
			done = pages.attempt(
				work,
				reference=(replies.INVITATION, self.invitation.name),
				title="A reply could not be stored",
				lets=(policy.ForbiddenReply, replies.ReplyNotUnderstood),
			)
		except policy.ForbiddenReply:
			# It was closed while the page was open.
			self.invitation = _read(self.invitation.name)
			return self.get(status=409)
		return None if done else _page("failed", 503)

	def get(self, status: int = 200) -> Response:
		raise NotImplementedError


class ReplyPage(_Page):
	"""Shows what the invitation is about and takes the answer."""

	def get(self, status: int = 200, problem: str | None = None, sent: Form | None = None) -> Response:
		form = sent or Form(reply=_choice(frappe.form_dict.get("reply"), self.choices))
		return _page(
			"reply",
			status,
			about=_about(self.invitation),
			choices=self.choices,
			labels=_labels(self.invitation),
			form=form,
			problem=problem,
			given=self.given,
			given_words=self.given_words,
			registration_url=registration.link_for(self.invitation.name),
			just_given=bool(self.given and not sent and cint(frappe.form_dict.get("done"))),
			settled=self.settled,
			first_day=getdate(add_days(getdate(), 1)),
			last_day=getdate(add_days(getdate(), replies.LATEST_DAYS)),
			longest_comment=replies.LONGEST_COMMENT,
			longest_name=replies.LONGEST_NAME,
		)

	def post(self) -> Response:
		form = Form.sent()
		if form.trapped or form.reply not in self.choices:
			problem = _("This could not be accepted.") if form.trapped else _("Please choose an answer.")
			return self.get(422, problem, form)
		try:
			failed = self.act(lambda: form.record(self.invitation.name))
		except replies.ReplyNotUnderstood as error:
			return self.get(422, str(error), form)
		return failed or pages.see_other({"done": 1})

	@property
	def settled(self) -> bool:
		return self.invitation.status in (*policy.SETTLED, policy.HELD)

	@property
	def choices(self) -> tuple[str, ...]:
		"""Whatever has become of an invitation, its invitee can ask to be left alone."""
		return (policy.DO_NOT_WRITE,) if self.settled else policy.replies_for(self.invitation.purpose)

	@property
	def given(self) -> str | None:
		"""The answer that was given, if it is one that the page offers."""
		offered = policy.replies_for(self.invitation.purpose)
		return self.invitation.reply if self.invitation.reply in offered else None

	@property
	def given_words(self) -> str:
		"""The answer as the page says it. What was written beside it is not shown to whoever has the link."""
		if not self.given:
			return ""
		words = _labels(self.invitation)[self.given][0]
		day = pages.day(self.invitation.later_on) if self.given == policy.LATER else None
		return f"{words} · {day}" if day else words


class UnsubscribePage(_Page):
	"""The address in List-Unsubscribe: a button for people, one click for mail programs (RFC 8058).

	A mail that is old, or in the archive of somebody else, must still be good for this: it does not expire.
	"""

	def get(self, status: int = 200) -> Response:
		return _page(
			"unsubscribe",
			status,
			about=_about(self.invitation),
			done=self.invitation.reply == policy.DO_NOT_WRITE,
		)

	def post(self) -> Response:
		via = (
			replies.BY_ONE_CLICK if frappe.form_dict.get("List-Unsubscribe") == ONE_CLICK else replies.BY_PAGE
		)
		if self.invitation.reply != policy.DO_NOT_WRITE:
			failed = self.act(lambda: replies.record(self.invitation.name, policy.DO_NOT_WRITE, via=via))
			if failed:
				return failed
		if via == replies.BY_PAGE:
			return pages.see_other({})
		self.invitation.reply = policy.DO_NOT_WRITE
		return self.get()


@dataclass(frozen=True)
class Form:
	"""What was typed, so that it can be shown again beside what is wrong with it."""

	reply: str | None = None
	comment: str = ""
	later_on: str = ""
	name: str = ""
	email: str = ""
	trapped: bool = field(default=False, repr=False)

	@classmethod
	def sent(cls) -> Form:
		def text(key: str) -> str:
			value = frappe.form_dict.get(key)
			return value[: 2 * replies.LONGEST_COMMENT] if isinstance(value, str) else ""

		return cls(
			reply=text("reply") or None,
			comment=text("comment"),
			later_on=text("later_on"),
			name=text("referral_name"),
			email=text("referral_email"),
			trapped=bool(text(TRAP)),
		)

	def record(self, invitation: str) -> None:
		replies.record(
			invitation,
			self.reply,
			via=replies.BY_PAGE,
			comment=self.comment,
			later_on=replies.as_day(self.later_on),
			referral=replies.Referral(self.name, self.email),
		)


def _read(invitation: str) -> frappe._dict:
	return frappe.db.get_value(replies.INVITATION, invitation, "*", as_dict=True)


def _choice(wanted: str | None, choices: tuple[str, ...]) -> str | None:
	"""The answer that a link in the mail suggests, which the page then has chosen but not sent."""
	return next(
		(choice for choice in choices if frappe.scrub(choice) == frappe.scrub(str(wanted or ""))), None
	)


def _about(invitation: frappe._dict) -> dict:
	"""What the invitee may read about the own invitation; nothing of anybody else."""
	chinese = frappe.local.lang == "zh"
	campaign = (
		frappe.db.get_value("Invitation Campaign", invitation.campaign, "*", as_dict=True) or frappe._dict()
	)
	name, local = invitation.prospect_name, invitation.prospect_name_local
	# A page in Chinese leads with the own name where that is Chinese, not where it is Arabic.
	own_first = chinese and is_chinese(local or "")
	person = person_name(invitation.contact_first_name, invitation.contact_last_name)
	tier = frappe.db.get_value("Member Tier", invitation.tier, ["tier_name", "tier_name_zh"], as_dict=True)
	about = {
		"name": local if own_first else name,
		"other_name": name if own_first else local,
		"person": person if person not in (name, local) else None,
		"is_activity": invitation.purpose == policy.ACTIVITY,
		"tier": ((tier.tier_name_zh if chinese else None) or tier.tier_name) if tier else None,
		"year": campaign.year,
		"theme": campaign.theme,
	}
	if about["is_activity"]:
		activity = (campaign.activity_name_zh if chinese else None) or campaign.activity_name
		about.update(
			activity=activity or campaign.activity_name_zh or campaign.campaign_name,
			when=pages.span(campaign.activity_from, campaign.activity_to),
			time_zone=campaign.activity_time_zone,
			place=campaign.activity_place,
			answer_until=pages.day(campaign.answer_until),
		)
	return about


def _labels(invitation: frappe._dict) -> dict[str, tuple[str, str]]:
	"""Each answer as its button says it, and what it means."""
	if invitation.purpose == policy.ACTIVITY:
		no = (_("No, I cannot take part"), "")
	else:
		no = (_("No, thank you"), _("We send no further reminders of this invitation."))
	return {
		policy.INTERESTED: (
			_("Yes, we are interested"),
			_("We prepare an application and contact you. This obliges you to nothing."),
		),
		policy.YES: (_("Yes, I will take part"), ""),
		policy.LATER: (_("Perhaps later"), _("Tell us when we may write to you again.")),
		policy.NO: no,
		policy.WRONG_PERSON: (
			_("I am not the right person"),
			_("If you can, tell us whom to write to instead."),
		),
		policy.DO_NOT_WRITE: (
			_("Please do not write to me again"),
			_("We invite you to nothing any more."),
		),
	}


def _page(kind: str, status: int, **context) -> Response:
	return pages.page("invitation.html", status, kind=kind, **context)
