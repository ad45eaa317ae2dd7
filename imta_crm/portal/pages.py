"""What all pages of the portal have in common, whoever may open them: language, headers, addresses, wording.

A page is a page renderer and no file in www: nothing of it is ever in the website's cache. It works without
JavaScript and takes nothing from elsewhere. GET shows and changes nothing; POST acts and then sends the
browser to a page that shows what has become of it.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import date, datetime
from typing import ClassVar
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import bleach
import frappe
from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from frappe.utils import fmt_money, get_datetime, getdate
from frappe.website.page_renderers.base_renderer import BaseRenderer
from werkzeug.wrappers import Response

from imta_crm.membership.doctype.membership_application.mails import alliance_names
from imta_crm.transactions import persistently

LANGUAGES = {"en": "English", "zh": "中文"}
#: What the address may say beside `_lang`; everything else in it is dropped.
KEPT = ("_lang", "reply", "done")
TEMPLATES = "imta_crm/templates/portal/"
#: A field that no person sees. Whoever fills it is no person.
TRAP = "fax_number"
#: Longest text that is read from a form; what a field takes is for its owner to say.
LONGEST_FIELD = 4000
_TAGS = frozenset("p br h2 h3 h4 ul ol li b strong i em u s blockquote a hr".split())


class PortalPage(BaseRenderer):
	"""One or more addresses of the portal. A subclass says which, and how it answers."""

	#: First parts of the addresses, such as "seat" for `/seat/<token>`.
	PATHS: ClassVar[tuple[str, ...]] = ()

	def can_render(self) -> bool:
		return self.path.partition("/")[0] in self.PATHS

	def render(self) -> Response:
		with page_language():
			try:
				return self.answer(self.path.partition("/")[2])
			except Exception:
				# Frappe's own page for this shows where in the code it happened.
				frappe.db.rollback()
				frappe.clear_messages()
				frappe.log_error(title="A page of the portal could not be shown")
				frappe.local.flags.commit = True  # the entry in the log, also of a GET
				return page("notice.html", 503, kind="failed")

	def answer(self, rest: str) -> Response:
		""":param rest: what follows the first part of the address"""
		raise NotImplementedError

	@property
	def is_post(self) -> bool:
		return frappe.local.request.method == "POST"


class page_language:
	"""The page speaks English or Chinese: as the address says, else the person's, else the browser's."""

	def __enter__(self) -> None:
		self.before = frappe.local.lang
		wanted = frappe.form_dict.get("_lang")
		if wanted not in LANGUAGES:
			frappe.form_dict.pop("_lang", None)
			wanted = "zh" if is_zh(self.before) else "en"
		frappe.local.lang = wanted

	def __exit__(self, *_error) -> None:
		frappe.local.lang = self.before


def speak(language: str | None) -> None:
	"""Turn to the language of whom the page is for, unless the address asks for another."""
	if not frappe.form_dict.get("_lang"):
		frappe.local.lang = "zh" if is_zh(language) else "en"


def is_zh(language: str | None = None) -> bool:
	return (language or frappe.local.lang or "").lower().startswith("zh")


def by_language(english: str | None, chinese: str | None) -> str:
	"""The text in the language of the page, or the other one where there is none."""
	return (chinese or english if is_zh() else english or chinese) or ""


def page(template: str, status: int = 200, **context) -> Response:
	"""The page, with headers that keep it out of caches, search engines, frames and referrers."""
	language = frappe.local.lang
	nonce = frappe.generate_hash(length=20)
	names = alliance_names(language)
	html = frappe.render_template(
		TEMPLATES + template,
		{
			"language": language,
			"switch": {code: address({"_lang": code}) for code in LANGUAGES},
			"languages": LANGUAGES,
			"action": address({"_lang": language}, without=("done", "reply")),
			"nonce": nonce,
			"alliance": names["alliance"],
			"alliance_other": names["alliance_name" if language == "zh" else "alliance_name_zh"],
			"secretariat_email": names["secretariat_email"],
			"csrf_token": frappe.session.data.get("csrf_token"),
			"trap": TRAP,
			"to": to,
			"request_path": frappe.local.request.path,
			**context,
		},
	)
	response = Response(html, status=status, mimetype="text/html")
	response.headers.update(headers(nonce))
	response.headers["Content-Language"] = language
	if status in (429, 503):
		response.headers["Retry-After"] = "60"
	return response


def headers(nonce: str | None = None) -> dict[str, str]:
	style = f"style-src 'nonce-{nonce}'; " if nonce else ""
	return {
		"Cache-Control": "no-store, private",
		"Referrer-Policy": "no-referrer",
		"X-Robots-Tag": "noindex, nofollow, noarchive",
		"X-Content-Type-Options": "nosniff",
		"X-Frame-Options": "DENY",
		"Content-Security-Policy": (
			f"default-src 'none'; {style}img-src data:; form-action 'self'; base-uri 'none'; "
			"frame-ancestors 'none'"
		),
	}


def download(content: bytes, filename: str, mimetype: str, *, inline: bool = False) -> Response:
	"""A file for the one who asked; browsers run nothing that is in it."""
	response = Response(content, mimetype=mimetype)
	response.headers.update(headers())
	response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
	kind = "inline" if inline else "attachment"
	response.headers["Content-Disposition"] = f"{kind}; filename*=UTF-8''{quote(filename)}"
	return response


def see_other(query: dict, path: str | None = None) -> Response:
	"""After an answer the browser asks for the page anew, so that a reload sends nothing again."""
	wanted = {"_lang": frappe.form_dict.get("_lang"), **query}
	where = address(wanted, without=("done", "reply"), path=path)
	return Response(status=303, headers={**headers(), "Location": where})


def address(query: dict, without: tuple[str, ...] = (), path: str | None = None) -> str:
	"""This page's own path, with what the address says now and with `query`; never another host's."""
	args = frappe.local.request.args
	kept = {key: args[key] for key in KEPT if args.get(key) and key not in without}
	if kept.get("_lang") not in LANGUAGES:
		kept.pop("_lang", None)
	kept.update({key: value for key, value in query.items() if value})
	where = "/" + quote((path or frappe.local.request.path).strip("/ "))
	return where + ("?" + urlencode(kept) if kept else "")


def to(path: str, **query) -> str:
	"""Address of another page of the portal, in the language that was asked for."""
	query = {"_lang": frappe.form_dict.get("_lang"), **query}
	query = urlencode({key: value for key, value in query.items() if value})
	return "/" + quote(path.strip("/")) + (f"?{query}" if query else "")


def sent(key: str, longest: int = LONGEST_FIELD) -> str:
	"""Text of a form's field, cut where nobody types that much; without characters that no text has."""
	value = frappe.form_dict.get(key)
	if not isinstance(value, str):
		return ""
	value = value.replace("\r\n", "\n")[:longest]
	return "".join(char for char in value if char >= " " or char in "\n\t").strip()


def is_own_form() -> bool:
	"""Whether a POST of somebody logged in carries the session's own token. Frappe asks only where one is kept."""
	kept = frappe.session.data.get("csrf_token") or ""
	given = frappe.local.request.form.get("csrf_token") or ""
	return bool(kept) and hmac.compare_digest(kept.encode(), given.encode())


def attempt(
	work: Callable[[], object],
	*,
	reference: tuple[str, str],
	title: str,
	lets: tuple[type[Exception], ...] = (),
) -> bool:
	"""Do it all or nothing; False, and an entry in the Error Log, where it could not be done.

	Frappe commits after a page, whatever happened on it: so what failed is undone here. Errors in `lets` go
	through to the page, which says what is wrong.
	"""
	try:
		# What somebody has sent twice is found there by a new look.
		persistently(work, also=(frappe.DuplicateEntryError,))
	except lets:
		frappe.db.rollback()
		frappe.clear_messages()
		raise
	except Exception:
		frappe.db.rollback()
		frappe.clear_messages()
		frappe.log_error(title=title, reference_doctype=reference[0], reference_name=reference[1])
		return False
	return True


def language_name(code: str | None) -> str | None:
	"""A language by the name that the page's language has for it."""
	if not code:
		return None
	try:
		return Locale.parse(code.replace("-", "_")).get_display_name(locale())
	except (UnknownLocaleError, ValueError):
		return frappe.db.get_value("Language", code, "language_name") or code


def locale() -> str:
	return "zh_Hans_CN" if is_zh() else "en_GB"


def day(value: date | datetime | str | None) -> str | None:
	return format_date(getdate(value), "long", locale=locale()) if value else None


def weekday(value: date | datetime | str) -> str:
	return format_date(getdate(value), "EEE", locale=locale())


def moment(value: datetime | str | None) -> str | None:
	"""Day and time, by whatever clock the value is of."""
	if not value:
		return None
	value = get_datetime(value)
	return f"{day(value)} {format_time(value, 'HH:mm', locale=locale())}"


def span(start: datetime | None, end: datetime | None) -> str | None:
	"""From when to when, by the clock that both are of."""
	if not start:
		return None
	start, end = get_datetime(start), get_datetime(end) if end else None
	if not end:
		return moment(start)
	if end.date() == start.date():
		return f"{day(start)} {clock(start, end)}"
	return f"{moment(start)} – {moment(end)}"


def clock(start: datetime, end: datetime | None = None) -> str:
	"""Such as "09:00" or "09:00 – 17:30"."""
	return " – ".join(
		format_time(get_datetime(each), "HH:mm", locale=locale()) for each in (start, end) if each
	)


def elsewhere(value: datetime, zone: str, other: str) -> datetime:
	"""The same moment by the clock of another zone, both naive."""
	return get_datetime(value).replace(tzinfo=ZoneInfo(zone)).astimezone(ZoneInfo(other)).replace(tzinfo=None)


def money(amount, currency: str | None) -> str:
	"""Such as "CNY 1,200.00": the code and no sign, which several currencies share."""
	return f"{currency} {fmt_money(amount, currency=None)}" if currency else fmt_money(amount)


def safe_html(text: str | None) -> str:
	"""What the secretariat wrote with the desk's editor, less everything that is no plain text layout."""
	if not text:
		return ""
	return bleach.clean(
		text,
		tags=_TAGS,
		attributes={"a": ["href"], "li": ["data-list"]},
		protocols=["http", "https", "mailto"],
		strip=True,
		strip_comments=True,
	)
