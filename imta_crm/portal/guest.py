"""Everything that a guest can reach in this app, so that it can be read in one sitting.

- `/member-card/<token>` shows whether a membership card is valid (`member_card`). GET, changes nothing.
- `/apply` is a Web Form of Frappe; what it accepts is in `intake`.
- `/invitation/<token>` is the reply page of an invitation, or the page to unsubscribe (`InvitationPage`). GET
  shows and changes nothing, so that mail scanners and previews are harmless; POST acts. Works without
  JavaScript, without cookies, and for whoever happens to be logged in.

No other page or method of the app allows guests. Whatever acts is a POST; whatever shows is a GET.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import frappe
from frappe import _
from frappe.utils import add_days, cint, getdate
from werkzeug.wrappers import Response

from imta_crm.invitations import replies
from imta_crm.invitations.compose import language_of
from imta_crm.invitations.mail_facts import is_chinese
from imta_crm.membership.card import CardFacts, facts_by_token
from imta_crm.policy import invitation as policy
from imta_crm.portal import links, pages
from imta_crm.portal.limits import over_limit
from imta_crm.portal.pages import TRAP, PortalPage

#: Looks at cards in a minute from one address; a scanner at a conference desk does not need more.
CARDS_A_MINUTE = 30
#: Reply pages in a minute from one address: scanners of a whole office look through one address, too.
PAGES_A_MINUTE = 60
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
	person = _person(invitation.contact_first_name, invitation.contact_last_name)
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


def _person(first: str | None, last: str | None) -> str:
	"""A name in Chinese characters begins with the family's."""
	parts = [part for part in (first, last) if part]
	if any("\u4e00" <= char <= "\u9fff" for part in parts for char in part):
		return "".join(reversed(parts))
	return " ".join(parts)


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
