"""Words of an invitation mail: from an Email Template of the site and the facts of the invitation.

A template is compiled once in a request or job. It may use the names in `mail_facts.NAMES` and what Frappe
gives to every template; a value that stands in HTML is escaped there, so a prospect's name is never markup. A
name that does not exist, or a template that breaks, is a NotComposed for that one mail; `validate_templates`
finds the same beforehand, for the one who approves the campaign.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING

import frappe
from frappe import _
from frappe.utils import cstr, escape_html, get_url, strip_html, validate_email_address

from imta_crm.invitations import campaigns, mail_facts
from imta_crm.invitations.mail import EN, LANGUAGES, ZH, Mail
from imta_crm.invitations.plain_text import to_text
from imta_crm.policy.names import is_chinese, tidy
from imta_crm.portal import limits, links

if TYPE_CHECKING:
	from imta_crm.invitations.campaigns import CampaignRules

INVITATION = "Invitation"
SUBJECT_LENGTH = 250
#: Test mails that a person may send in an hour.
TESTS_AN_HOUR = 30


class NotComposed(frappe.ValidationError):
	"""This mail cannot be made; the text says why. Others can."""


# Making a mail


def compose(invitation: Mapping, step, rules: CampaignRules, language: str | None = None) -> Mail:
	"""The mail of a step to an invitee. Raises NotComposed.

	:param invitation: document or row with all fields of the Invitation
	:param step: the step of the campaign, or its key; keys that begin with "later" are for those who asked
	:param language: "en" or "zh"; the invitee's own unless given
	"""
	key = getattr(step, "key", step)
	to = cstr(invitation.get("email")).strip()
	if not to:
		raise NotComposed(_("There is no e-mail address."))
	if not is_address(to):
		raise NotComposed(_("{0} is not a valid e-mail address.").format(to))
	if not invitation.get("link_key"):
		raise NotComposed(_("{0} has no key for its reply page.").format(invitation.get("name")))
	template, language = template_for(key, rules, language or language_of(invitation))
	facts = mail_facts.facts_of(invitation, rules, language)
	subject, html = template.render(facts)
	return Mail(
		invitation=invitation.get("name"),
		step_key=key,
		to=to,
		to_name=one_line(mail_facts.contact_name(invitation) or cstr(invitation.get("prospect_name")))[:70],
		subject=subject,
		html=html,
		text=to_text(html),
		language=language,
		unsubscribe_url=cstr(facts["opt_out_url"]),
		unsubscribe_code=links.code(invitation.get("name"), invitation.get("link_key")),
		email_account=rules.email_account,
	)


def is_address(text: str) -> bool:
	"""One plain address, such as every mail server takes."""
	whole = bool(text) and text.isascii() and text.isprintable() and "," not in text
	return whole and validate_email_address(text) == text


def language_of(invitation: Mapping) -> str:
	"""Language in which an invitee is written to: "zh" for Chinese of any kind, else "en"."""
	return ZH if cstr(invitation.get("preferred_language")).lower().startswith("zh") else EN


def template_for(step_key: str, rules: CampaignRules, language: str) -> tuple[Template, str]:
	"""The template of a step and the language that its mail is then in. Raises NotComposed."""
	pair = rules.templates.get(campaigns.LATER if step_key.startswith(campaigns.LATER) else step_key) or (
		"",
		"",
	)
	name = pair[language == ZH]
	if not name:
		raise NotComposed(_("The step has no e-mail template."))
	template = get_template(name)
	if pair[0] == pair[1]:
		# One template for everybody: dates, buttons and the last line speak its language.
		language = template.language or language
	return template, language


# Templates


@dataclass(frozen=True)
class Template:
	"""A compiled Email Template; `language` is the one it is written in where that is plain, else None."""

	name: str
	subject: Callable[[Mapping], str]
	body: Callable[[Mapping], str]
	language: str | None

	def render(self, facts: Mapping) -> tuple[str, str]:
		"""Subject, on one line, and HTML body, with a line about opting out where there is one. Raises NotComposed."""
		try:
			subject = one_line(self.subject(facts))[:SUBJECT_LENGTH]
			html = str(self.body(facts)).strip()
		except Exception as error:
			# Whatever a template does, it does it to its own mails only.
			raise NotComposed(
				_("E-mail template {0}: {1}").format(self.name, escape_html(cstr(error)))
			) from error
		if not subject:
			raise NotComposed(_("E-mail template {0} makes an empty subject.").format(self.name))
		if not strip_html(html).strip():
			raise NotComposed(_("E-mail template {0} makes an empty text.").format(self.name))
		# A letter that somebody has asked for has no such line.
		if "opt_out_url" in facts and escape_html(cstr(facts["opt_out_url"])) not in html:
			html += str(facts["opt_out"])
		if _RELATIVE.search(html):
			html = frappe.utils.expand_relative_urls(html)
		return subject, html


_RELATIVE = re.compile(r"""(?:href|src)\s*=\s*["']?/""", re.IGNORECASE)


def get_template(name: str, names: frozenset[str] = mail_facts.NAMES) -> Template:
	"""The compiled template, which may use these names; read once in a request or job. Raises NotComposed."""
	if not hasattr(frappe.local, "imta_mail_templates"):
		frappe.local.imta_mail_templates = {}
	cache = frappe.local.imta_mail_templates
	key, stamp = (name, names), _stamp(name)
	if key not in cache or cache[key][0] != stamp:
		cache[key] = stamp, _compile(name, names)
	return cache[key][1]


def _stamp(name: str):
	"""Changes when the template is saved; from Frappe's cache, so that asking for each mail costs no query."""
	try:
		return frappe.get_cached_doc("Email Template", name).modified
	except frappe.DoesNotExistError:
		frappe.clear_last_message()
		raise NotComposed(_("There is no e-mail template {0}.").format(name)) from None


def _compile(name: str, names: frozenset[str]) -> Template:
	doc = frappe.get_cached_doc("Email Template", name)
	subject, body = cstr(doc.subject), cstr(doc.response_html if doc.use_html else doc.response)
	words = strip_html(re.sub(r"{[{%].*?[%}]}", "", f"{subject} {body}"))
	return Template(
		name=name,
		subject=_compiled(name, subject, names, autoescape=False),
		body=_compiled(name, body, names, autoescape=True),
		language=(ZH if is_chinese(words) else EN) if words.strip() else None,
	)


def _compiled(name: str, source: str, names: frozenset[str], *, autoescape: bool) -> Callable[[Mapping], str]:
	from jinja2 import StrictUndefined, TemplateSyntaxError, meta

	env = frappe.utils.jinja.get_jenv().overlay(autoescape=autoescape, undefined=StrictUndefined)
	if ".__" in source:  # as Frappe does
		raise NotComposed(_("E-mail template {0}: {1}").format(name, _("Illegal template")))
	try:
		unknown = meta.find_undeclared_variables(env.parse(source)) - names - env.globals.keys()
		template = env.from_string(source)
	except TemplateSyntaxError as error:
		raise NotComposed(
			_("E-mail template {0}, line {1}: {2}").format(name, error.lineno, escape_html(cstr(error)))
		) from error
	if unknown:
		raise NotComposed(
			_("E-mail template {0} names what its letters do not have: {1}").format(
				name, ", ".join(sorted(unknown))
			)
		)
	return template.render


def one_line(text: str) -> str:
	"""Without line breaks and control characters, which would end or forge a header."""
	return tidy("".join(character if character.isprintable() else " " for character in text))


# Before approval


def validate_templates(campaign) -> list[str]:
	"""Try every template of a campaign with much and with little known; what is wrong, empty if nothing is.

	:param campaign: name, document (also unsaved) or rules of the campaign
	"""
	rules = _rules(campaign)
	problems = []
	for title, key, language in _letters(rules):
		for full in (True, False):
			try:
				template, spoken = template_for(key, rules, language)
				template.render(mail_facts.sample_facts(rules, spoken, full=full))
			except NotComposed as error:
				problems.append(f"{title}: {error}")
				break
	return list(dict.fromkeys(problems))


def _letters(rules: CampaignRules) -> Iterator[tuple[str, str, str]]:
	"""Title, key and language of every letter of a campaign."""
	for step in rules.steps:
		if step.channel == campaigns.MAIL:
			for language in LANGUAGES:
				if (step.language, language) not in (("Chinese", EN), ("Other Than Chinese", ZH)):
					yield step.title, step.key, language
	if any(rules.templates.get(campaigns.LATER) or ()):
		for language in LANGUAGES:
			yield _("Letter to those who asked to hear later"), campaigns.LATER, language


def _rules(campaign) -> CampaignRules:
	if isinstance(campaign, campaigns.CampaignRules):
		return campaign
	return campaigns.rules_of(campaign) if isinstance(campaign, str) else campaigns.rules_from(campaign)


# Preview and test mail


@frappe.whitelist()
def preview(
	campaign: str, step_key: str, invitation: str | None = None, language: str | None = None
) -> dict[str, str]:
	"""A letter as a named prospect would get it, or an invented one; its links lead nowhere.

	Returns subject, html (a whole page), text, to, language, sender and, where it cannot be made, problem.
	For those who may read the campaign and the invitation.
	"""
	from imta_crm.invitations import mailing

	rules, row = _of_campaign(campaign, invitation)
	try:
		mail = _sample(rules, step_key, row, language)
	except NotComposed as error:
		return {"problem": unescape(cstr(error))}
	try:
		sender = mailing.sender_of(mail)
	except mailing.NoOutgoingAccount as error:
		sender = cstr(error)
	return {
		"subject": mail.subject,
		"html": mailing.framed(mail),
		"text": mail.text,
		"to": mailing.address(mail.to, mail.to_name, encoded=False),
		"language": mail.language,
		"sender": sender,
	}


@frappe.whitelist(methods=["POST"])
def send_test(
	campaign: str, step_key: str, invitation: str | None = None, language: str | None = None
) -> str:
	"""Queue a letter as `preview` shows it, marked as a test, to oneself and nobody else.

	Returns the address. For those who plan the campaign; so many in an hour. Raises NotComposed,
	mailing.NoOutgoingAccount.
	"""
	from imta_crm.invitations import mailing

	rules, row = _of_campaign(campaign, invitation)
	campaigns.check_may_plan(campaign)
	limits.hit("invitation-test", frappe.session.user, TESTS_AN_HOUR, 3600)
	mail = _sample(rules, step_key, row, language)
	me = cstr(frappe.db.get_value("User", frappe.session.user, "email")).strip()
	if not validate_email_address(me):
		frappe.throw(_("Your user has no e-mail address."), NotComposed)
	note = _TEST[mail.language].format(to=escape_html(mailing.address(mail.to, mail.to_name, encoded=False)))
	html = f'<p style="{_NOTE}">{note}</p>{mail.html}'
	mailing.queue(
		[
			Mail(
				invitation=campaign,
				step_key=mail.step_key,
				to=me,
				subject=f"{_MARK[mail.language]} {mail.subject}",
				html=html,
				text=to_text(html),
				language=mail.language,
				email_account=mail.email_account,
				reference_doctype=campaigns.CAMPAIGN,
			)
		]
	)
	return me


_MARK = {EN: "[Test]", ZH: "【测试】"}
_TEST = {
	EN: "This is a test. Nobody else received it; its links lead nowhere. The letter itself would go to {to}.",
	ZH: "这是一封测试邮件，仅发送给您本人，其中的链接无效。正式邮件的收件人为 {to}。",
}
_NOTE = "padding:8px 12px;border-left:4px solid #b45309;background-color:#fef3c7;color:#78350f"


def _of_campaign(campaign: str, invitation: str | None) -> tuple[CampaignRules, Mapping | None]:
	"""Rules and invitation that the user may both read; the invitation is one of the campaign's."""
	frappe.has_permission(campaigns.CAMPAIGN, "read", doc=campaign, throw=True)
	rules = campaigns.rules_of(campaign)
	if not invitation:
		return rules, None
	doc = frappe.get_doc(INVITATION, invitation)
	doc.check_permission("read")
	if doc.campaign != campaign:
		frappe.throw(_("{0} belongs to another campaign.").format(invitation), frappe.PermissionError)
	return rules, doc


def _sample(rules: CampaignRules, step_key: str, row: Mapping | None, language: str | None) -> Mail:
	if language and language not in LANGUAGES:
		language = ZH if language.lower().startswith("zh") else EN
	invitee = row or mail_facts.FULL
	template, spoken = template_for(step_key, rules, language or language_of(invitee))
	facts = mail_facts.sample_facts(rules, spoken, invitation=invitee)
	subject, html = template.render(facts)
	return Mail(
		invitation=rules.name,
		step_key=step_key,
		to=cstr(invitee.get("email")),
		to_name=one_line(mail_facts.contact_name(invitee) or cstr(invitee.get("prospect_name")))[:70],
		subject=subject,
		html=html,
		text=to_text(html),
		language=spoken,
		unsubscribe_url=get_url("/invitation/sample"),
		email_account=rules.email_account,
		reference_doctype=campaigns.CAMPAIGN,
	)
