"""What the templates of invitation mails can name, by language; and the parts that every letter has.

Values are plain text; the template's renderer escapes them. Buttons and the line about opting out are HTML
with their own styles, as mail programs drop style sheets. Everything but the invitation itself is read once
in a request or job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import frappe
from frappe.utils import cstr, get_url, getdate
from markupsafe import Markup

from imta_crm.dues.notice import date_en, date_zh, money
from imta_crm.policy.names import is_chinese, person_name
from imta_crm.portal import links

if TYPE_CHECKING:
	from imta_crm.invitations.campaigns import Activity, CampaignRules

#: The answer that the reply page has chosen when it opens, by the name under which a template has the address.
ANSWERS = {
	"interested_url": "interested",
	"later_url": "later",
	"no_url": "no",
	"wrong_person_url": "wrong_person",
	"do_not_write_url": "do_not_write",
	"yes_url": "yes",
}
#: Names that a template may use.
NAMES = frozenset(
	{
		*(
			"prospect_name",
			"prospect_name_local",
			"contact_name",
			"contact_position",
			"salutation",
			"country",
		),
		*("is_organisation", "campaign", "purpose", "theme", "year", "tier", "tier_zh", "dues", "language"),
		*("officer_name", "officer_email", "alliance_name", "alliance_name_zh", "secretariat_email"),
		*("reply_url", *ANSWERS, "opt_out_url", "reply_until", "reply_buttons", "opt_out", "answer_until"),
		*("activity_name", "activity_name_zh", "activity_time", "activity_place", "activity_time_zone"),
	}
)
#: Whoever does not want to be written to may say so long after the letter.
OPT_OUT_DAYS = 730
NO_LIMIT = date(2099, 12, 31)

_LABELS = {
	"en": {
		"interested_url": "Yes, we are interested",
		"later_url": "Please ask us later",
		"no_url": "No, thank you",
		"wrong_person_url": "I am not the right person",
		"yes_url": "Yes, I will take part",
		"decline": "No, I cannot take part",
	},
	"zh": {
		"interested_url": "有意加入",
		"later_url": "请稍后再联系",
		"no_url": "暂不考虑",
		"wrong_person_url": "我不是合适的联系人",
		"yes_url": "参加",
		"decline": "不参加",
	},
}
_OPT_OUT = {
	"en": (
		"You receive this letter from the {alliance} because we believe that our work matters to you. If you do not"
		' wish to hear from us about this, <a href="{url}" style="color:#6b7280">tell us here</a> and we will not'
		" write again."
	),
	"zh": (
		"{alliance}认为我们的工作与贵方相关，故致此函。如不希望再收到此类邮件，请"
		'<a href="{url}" style="color:#6b7280">点此告知</a>，我们将不再来信。'
	),
}
_FILLED = (
	"display:inline-block;padding:10px 22px;margin:0 8px 8px 0;border-radius:6px;background-color:#1f5f4c;"
	"color:#ffffff;font-weight:600;text-decoration:none"
)
_PLAIN = (
	"display:inline-block;padding:9px 18px;margin:0 8px 8px 0;border-radius:6px;border:1px solid #c5cbd3;"
	"background-color:#ffffff;color:#374151;text-decoration:none"
)


def facts_of(invitation: Mapping, rules: CampaignRules, language: str) -> dict[str, object]:
	"""Every name of `NAMES` for this invitee, with links that work."""
	days, today = rules.link_valid_days, getdate()
	until = today + timedelta(days=days) if days else NO_LIMIT
	opt_out_until = max(until, today + timedelta(days=OPT_OUT_DAYS))
	name, key = invitation.get("name"), invitation.get("link_key")
	return _facts(
		invitation,
		rules,
		language,
		reply=links.reply_url(name, key, until, language=language),
		opt_out=links.unsubscribe_url(name, key, opt_out_until),
		until=until if days else None,
	)


def sample_facts(
	rules: CampaignRules, language: str, *, invitation: Mapping | None = None, full: bool = True
) -> dict[str, object]:
	"""The same for a preview: links that lead nowhere, and an invented invitee unless one is named.

	:param full: whether the invented one has everything that an invitee can have, or the least
	"""
	return _facts(
		invitation or (FULL if full else MINIMAL),
		rules if full else _bare(rules),
		language,
		reply=get_url("/invitation/sample?" + urlencode({"_lang": language})),
		opt_out=get_url("/invitation/sample"),
		until=getdate() + timedelta(days=rules.link_valid_days) if rules.link_valid_days else None,
	)


FULL = frappe._dict(
	name="",
	prospect_name="Alpine Heritage Society",
	prospect_name_local="高山遗产协会",
	invitee_type="Organisation",
	contact_first_name="Anna",
	contact_last_name="Muster",
	contact_position="Secretary General",
	country="Switzerland",
	email="anna.muster@alpine-heritage.example",
)
MINIMAL = frappe._dict(name="", prospect_name="Alpine Heritage Society", invitee_type="Organisation")


def _bare(rules: CampaignRules) -> CampaignRules:
	return replace(rules, theme="", default_tier=None, default_officer=None, campaign_owner=None)


def _facts(
	invitation: Mapping, rules: CampaignRules, language: str, *, reply: str, opt_out: str, until: date | None
) -> dict[str, object]:
	get = invitation.get
	chinese = language == "zh"
	tier = _tier(get("tier") or rules.default_tier)
	officer_name, officer_email = officer_of(get("officer") or rules.default_officer or rules.campaign_owner)
	urls = {key: f"{reply}&{urlencode({'reply': answer})}" for key, answer in ANSWERS.items()}
	alliance, alliance_zh, secretariat = alliance_names()
	return {
		"prospect_name": cstr(get("prospect_name")),
		"prospect_name_local": cstr(get("prospect_name_local") or get("prospect_name")),
		"contact_name": contact_name(invitation),
		"contact_position": cstr(get("contact_position")),
		"salutation": _salutation(invitation, chinese),
		"country": cstr(get("country")),
		"is_organisation": get("invitee_type") != "Individual",
		"campaign": rules.campaign_name,
		"purpose": rules.purpose,
		"theme": rules.theme,
		"year": rules.year,
		"language": language,
		**tier,
		"officer_name": officer_name,
		"officer_email": officer_email,
		"alliance_name": alliance,
		"alliance_name_zh": alliance_zh,
		"secretariat_email": secretariat,
		"reply_url": reply,
		**urls,
		"opt_out_url": opt_out,
		"reply_until": _day(until, chinese),
		"reply_buttons": _buttons(rules, urls, language),
		"opt_out": opt_out_line(opt_out, language),
		**_activity(rules.activity, chinese),
	}


def contact_name(invitation: Mapping) -> str:
	"""The person's name in its own order."""
	return person_name(cstr(invitation.get("contact_first_name")), cstr(invitation.get("contact_last_name")))


def opt_out_line(url: str, language: str) -> Markup:
	"""The paragraph under a letter that says how not to get another one."""
	alliance, alliance_zh, _email = alliance_names()
	return Markup(
		f'<p style="margin-top:28px;font-size:12px;line-height:18px;color:#6b7280">{_OPT_OUT[language]}</p>'
	).format(alliance=(alliance_zh if language == "zh" else None) or alliance, url=url)


def _salutation(invitation: Mapping, chinese: bool) -> str:
	person = contact_name(invitation)
	name = cstr(invitation.get("prospect_name"))
	if chinese:
		local = cstr(invitation.get("prospect_name_local"))
		return f"尊敬的{person or (local if is_chinese(local) else name)}"
	if person:
		return f"Dear {person}"
	return f"Dear {name}" if invitation.get("invitee_type") == "Individual" else f"Dear colleagues at {name}"


def _buttons(rules: CampaignRules, urls: Mapping[str, str], language: str) -> Markup:
	"""Links that look like buttons. They open the reply page; nothing is answered by opening it."""
	words = _LABELS[language]
	if rules.is_for_membership:
		row = [(urls[key], words[key]) for key in ("interested_url", "later_url", "no_url")]
		other = urls["wrong_person_url"], words["wrong_person_url"]
	else:
		row = [(urls["yes_url"], words["yes_url"]), (urls["no_url"], words["decline"])]
		other = None
	return buttons(row, other)


def buttons(row: Sequence[tuple[str, str]], other: tuple[str, str] | None = None) -> Markup:
	"""Links (address, words) that look like buttons, the first one filled; `other` is a small line below."""
	parts = [
		Markup('<a href="{}" style="{}">{}</a>').format(url, _PLAIN if number else _FILLED, label)
		for number, (url, label) in enumerate(row)
	]
	# One under another in the plain text and where the screen is narrow.
	html = Markup('<div style="margin:20px 0">{}').format(Markup("\n").join(_line(part) for part in parts))
	if other:
		html += Markup(
			'<div style="margin-top:4px;font-size:13px"><a href="{}" style="color:#6b7280">{}</a></div>'
		).format(*other)
	return html + Markup("</div>")


def _line(part: Markup) -> Markup:
	return Markup('<div style="display:inline-block">{}</div>').format(part)


def _activity(activity: Activity | None, chinese: bool) -> dict[str, str]:
	if not activity:
		return dict.fromkeys(
			(
				"activity_name",
				"activity_name_zh",
				"activity_time",
				"activity_place",
				"activity_time_zone",
				"answer_until",
			),
			"",
		)
	return {
		"activity_name": activity.name,
		"activity_name_zh": activity.name_zh or activity.name,
		"activity_time": _span(activity, chinese),
		"activity_place": activity.place,
		"activity_time_zone": activity.time_zone,
		"answer_until": _day(activity.answer_until, chinese),
	}


def _span(activity: Activity, chinese: bool) -> str:
	"""`12 October 2026, 09:00–17:00 (Asia/Shanghai)`, by the clock of the activity's own zone."""
	begin, end = activity.begins_at, activity.ends_at
	if not begin:
		return ""
	if not end or end == begin:
		text = _moment(begin, chinese)
	elif end.date() == begin.date():
		text = f"{_moment(begin, chinese)}–{end:%H:%M}"
	else:
		text = f"{_moment(begin, chinese)}{' 至 ' if chinese else ' to '}{_moment(end, chinese)}"
	return f"{text}（{activity.time_zone}）" if chinese else f"{text} ({activity.time_zone})"


def _moment(moment: datetime, chinese: bool) -> str:
	return f"{_day(moment.date(), chinese)}{' ' if chinese else ', '}{moment:%H:%M}"


def _day(day: date | None, chinese: bool) -> str:
	return date_zh(day) if chinese else date_en(day)


def _tier(name: str | None) -> dict[str, str]:
	if not name:
		return {"tier": "", "tier_zh": "", "dues": ""}
	row = frappe.get_cached_value(
		"Member Tier",
		name,
		["tier_name", "tier_name_zh", "is_exempt", "dues_amount", "dues_currency"],
		as_dict=True,
	)
	if not row:
		return {"tier": cstr(name), "tier_zh": cstr(name), "dues": ""}
	owes = row.dues_amount and row.dues_currency and not row.is_exempt
	return {
		"tier": row.tier_name,
		"tier_zh": row.tier_name_zh or row.tier_name,
		"dues": money(row.dues_amount, row.dues_currency) if owes else "",
	}


def officer_of(user: str | None) -> tuple[str, str]:
	"""Name and address of the officer; nobody's where only the system is named."""
	if not user or user in frappe.STANDARD_USERS:
		return "", ""
	row = frappe.get_cached_value("User", user, ["full_name", "email", "enabled"], as_dict=True)
	return (row.full_name or "", row.email or "") if row and row.enabled else ("", "")


def alliance_names() -> tuple[str, str, str]:
	settings = frappe.get_cached_doc("Alliance Settings")
	return (
		settings.alliance_name or "International Mountain Tourism Alliance",
		settings.alliance_name_zh or "国际山地旅游联盟",
		settings.secretariat_email or "",
	)
