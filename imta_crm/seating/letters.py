"""Words of the letters about seats: from an Email Template of the site and the facts of the seat.

There is one template for each kind of letter and language; where sessions and activities are spoken of in other
words, the template asks `is_training`. A template may use the names in `NAMES`. Values are plain text and escaped
by the renderer; buttons and the note to participants are HTML.
"""

from __future__ import annotations

from collections.abc import Mapping

import frappe
from frappe import _
from frappe.utils import cint, cstr, flt
from markupsafe import Markup

from imta_crm.dues.notice import date_en, date_zh, money
from imta_crm.invitations import compose as composing
from imta_crm.invitations.compose import NotComposed
from imta_crm.invitations.mail import EN, ZH, Mail
from imta_crm.invitations.mail_facts import alliance_names, buttons, officer_of
from imta_crm.invitations.plain_text import to_text
from imta_crm.policy.seat_letters import (
	CANCELLATION,
	CERTIFICATE,
	CONFIRMATION,
	FEEDBACK,
	OFFER,
	REMINDER,
	UPDATE,
	WITH_CALENDAR,
)
from imta_crm.policy.seating import CANCELLED, CONFIRMED, OFFERED, WAITLISTED
from imta_crm.portal import links
from imta_crm.seating import calendar, kinds, occasion, windows
from imta_crm.seating.occasion import Occasion

CERTIFICATE_DOCTYPE = "Training Certificate"
#: Names that a template may use. `*_url` and `*_button` are empty where the letter's kind has no such link.
NAMES = frozenset(
	{
		*("salutation", "participant_name", "organisation", "role", "language", "is_training", "event_kind"),
		*("event", "day", "time", "time_there", "place", "is_on_site", "is_online", "meeting_link"),
		*("note", "status"),
		*("fee", "is_free_seat", "place_in_line", "instead_of", "given_to"),
		*("may_cancel", "cancel_until"),
		*("seat_url", "seat_button", "ticket_url", "ticket_button"),
		*("offer_url", "offer_button", "offer_until"),
		*("feedback_url", "feedback_button", "feedback_until"),
		*("event_cancelled", "by_self", "previous_status", "had_seat", "reason", "was_invoiced"),
		*("certificate_url", "certificate_button", "certificate_number", "program", "hours", "valid_until"),
		*("alliance_name", "alliance_name_zh", "secretariat_email", "coordinator_name", "coordinator_email"),
	}
)
_LABELS = {
	EN: {
		"seat": "My seat: see, hand on or cancel",
		"request": "See or withdraw",
		"ticket": "Show my ticket",
		"offer": "Take or decline the seat",
		"feedback": "Give feedback",
		"certificate": "Open the certificate",
	},
	ZH: {
		"seat": "查看、转让或取消席位",
		"request": "查看或撤回报名",
		"ticket": "查看入场凭证",
		"offer": "接受或放弃席位",
		"feedback": "填写反馈",
		"certificate": "查看证书",
	},
}
_EVENT_KINDS = {
	"Conference": ("conference", "会议"),
	"Forum": ("forum", "论坛"),
	"Exhibition": ("exhibition", "展览"),
	"Theme Day": ("theme day", "主题日"),
	"Meeting": ("meeting", "工作会议"),
}
_ROLES = {
	"Speaker": ("speaker", "演讲嘉宾"),
	"Exhibitor": ("exhibitor", "参展商"),
	"Delegate": ("delegate", "参会代表"),
	"Guest": ("guest", "嘉宾"),
}


def compose(notice: Mapping, seat: Occasion | None) -> Mail:
	"""The letter of a Seat Notice. Raises NotComposed, frappe.OutgoingEmailError.

	:param seat: the seat as it is now, in the person's language; None for a certificate without a session
	"""
	row = certificate_of(notice) if notice["kind"] == CERTIFICATE else None
	if seat:
		facts, to, person, language = _facts(notice, seat), seat.booking.email, seat.person, seat.language
	else:
		facts, to, person, language = _facts_without_seat(row)
	if row:
		facts |= _certificate_facts(row, language)
	to = cstr(to).strip()
	if not to:
		raise NotComposed(_("There is no e-mail address."))
	if not composing.is_address(to):
		raise NotComposed(_("{0} is not a valid e-mail address.").format(to))
	template = composing.get_template(template_name(notice["kind"], language), NAMES)
	subject, html = template.render({**dict.fromkeys(NAMES, ""), **facts})
	account = email_account()
	return Mail(
		invitation=notice["booking"],
		step_key=notice["kind"],
		to=to,
		to_name=composing.one_line(person)[:70],
		subject=subject,
		html=html,
		text=to_text(html),
		language=language,
		email_account=account,
		reference_doctype=notice["booking_doctype"],
		parts=_parts(notice, seat, account) if seat else (),
	)


def template_name(kind: str, language: str) -> str:
	return f"IMTA Event {kind} {language.upper()}"


def email_account() -> str | None:
	"""The account that letters about seats are sent from; None for the default one."""
	return frappe.get_cached_value("Alliance Settings", "Alliance Settings", "event_email_account") or None


def certificate_of(notice: Mapping) -> frappe._dict | None:
	"""The certificate that the notice is about, which its name says."""
	name = notice["name"].removeprefix(f"{notice['booking']}:{CERTIFICATE}:")
	return frappe.db.get_value(CERTIFICATE_DOCTYPE, name, "*", as_dict=True)


def _parts(notice: Mapping, seat: Occasion, account: str | None) -> tuple:
	kind = notice["kind"]
	if kind not in WITH_CALENDAR:
		return ()
	if kind == CANCELLATION:
		# Only those have an entry who were sent one.
		return calendar.parts_of(seat, calendar.CANCEL, account) if _has_entry(seat) else ()
	return calendar.parts_of(seat, calendar.REQUEST, account) if seat.is_admitted else ()


def _has_entry(seat: Occasion) -> bool:
	return bool(
		frappe.db.exists(
			"Seat Notice",
			{
				"booking": seat.booking.name,
				"kind": ("in", (CONFIRMATION, UPDATE)),
				"status": ("in", ("Queued", "Sent", "Unknown")),
			},
		)
	)


# Facts


def _facts(notice: Mapping, seat: Occasion) -> dict[str, object]:
	booking, event = seat.booking, seat.event
	is_training = seat.kind is kinds.TRAINING
	return {
		**_alliance(event.coordinator),
		"salutation": _salutation(seat.person, seat.language),
		"participant_name": seat.person,
		"organisation": cstr(booking.organisation),
		"role": _word(_ROLES, booking.delegate_role, seat),
		"language": seat.language,
		"is_training": is_training,
		"event_kind": "" if is_training else _word(_EVENT_KINDS, event.kind, seat),
		"event": seat.title,
		"day": (date_zh if seat.chinese else date_en)(seat.begins_at),
		"time": seat.time,
		"time_there": seat.time_there,
		"place": seat.place,
		"is_on_site": seat.is_on_site,
		"is_online": seat.is_online,
		"meeting_link": seat.meeting_link,
		"note": _note(seat) if notice["kind"] in (CONFIRMATION, UPDATE, REMINDER) else "",
		"status": booking.status,
		"fee": money(booking.fee, booking.currency) if flt(booking.fee) and booking.currency else "",
		"is_free_seat": bool(booking.is_free_seat),
		"place_in_line": _place_in_line(seat),
		"may_cancel": windows.may_cancel(event),
		"cancel_until": _cancel_until(seat),
		**_links(notice["kind"], seat),
		**_change(notice, seat),
	}


def _place_in_line(seat: Occasion) -> int:
	from imta_crm.seating import seats  # which tells the notices of what it does

	if seat.booking.status != WAITLISTED:
		return 0
	return cint(seats.line_of(seat.kind.booking, seat.event.name, seat.booking.queue_no))


def _links(kind: str, seat: Occasion) -> dict[str, object]:
	doctype, name, words = seat.kind.booking, seat.booking.name, _LABELS[seat.language]
	found: dict[str, object] = {}

	def add(key: str, url: str, label: str = "") -> None:
		found[f"{key}_url"] = url
		found[f"{key}_button"] = buttons([(url, words[label or key])])

	if kind not in (CANCELLATION, FEEDBACK, CERTIFICATE):
		add("seat", links.seat_url(doctype, name), "seat" if seat.is_admitted else "request")
	if seat.is_admitted and seat.is_on_site and kind in (CONFIRMATION, UPDATE, REMINDER):
		add("ticket", links.ticket_url(doctype, name))
	if seat.booking.status == OFFERED and kind in (OFFER, UPDATE):
		add("offer", links.offer_url(doctype, name))
		found["offer_until"] = seat.moment(seat.booking.offer_expires_at)
	if kind == FEEDBACK:
		add("feedback", links.feedback_url(name))
		until = links.feedback_until(seat.booking.ends_at_site)
		found["feedback_until"] = (date_zh if seat.chinese else date_en)(until)
	return found


def _change(notice: Mapping, seat: Occasion) -> dict[str, object]:
	"""What a seat was before, whose it is now, and why it is no longer."""
	booking, event = seat.booking, seat.event
	cancelled = notice["kind"] == CANCELLATION
	event_cancelled = cancelled and event.status == CANCELLED
	# Nobody, or Guest: with the signed link.
	by_self = cancelled and (booking.cancelled_by or "Guest") in ("Guest", booking.user)
	reason = event.cancel_reason if event_cancelled else "" if by_self else booking.cancel_reason
	return {
		"previous_status": cstr(notice.get("previous_status")),
		"had_seat": notice.get("previous_status") in (CONFIRMED, OFFERED),
		"event_cancelled": event_cancelled,
		"by_self": by_self and not event_cancelled,
		"reason": _(cstr(reason).strip(), seat.language) if cancelled and reason else "",
		"was_invoiced": bool(booking.sales_invoice),
		"given_to": _name_of(seat, {"transferred_from": booking.name}) if cancelled else "",
		"instead_of": _name_of(seat, {"name": booking.transferred_from}) if booking.transferred_from else "",
	}


def _name_of(seat: Occasion, filters: dict) -> str:
	other = frappe.db.get_value(
		seat.kind.booking, filters, ["participant_name", "participant_name_local"], as_dict=True
	)
	if not other:
		return ""
	return Occasion(seat.kind, other, seat.event, seat.language, seat.zone).person


def _cancel_until(seat: Occasion) -> str:
	"""Until when people may give the seat back themselves; empty where that is the beginning."""
	until = windows.effective_cancel_until(seat.event)
	return seat.moment(until) if until < seat.begins_at else ""


def _note(seat: Occasion) -> str | Markup:
	text = cstr(seat.event.note_to_participants).strip()
	if not seat.is_admitted or not frappe.utils.strip_html(text).strip():
		return ""
	return Markup(frappe.utils.sanitize_html(text, always_sanitize=True))


def _facts_without_seat(row: frappe._dict | None) -> tuple[dict[str, object], str, str, str]:
	"""A certificate of somebody who was enrolled in no session here, such as one that was renewed."""
	if not row:
		raise NotComposed(_("The certificate is gone."))
	person = frappe._dict()
	if row.contact:
		person = frappe.db.get_value("Contact", row.contact, ["email_id"], as_dict=True) or person
	user = frappe.db.get_value("User", row.user, ["email", "language"], as_dict=True) if row.user else None
	language = occasion.language_of(frappe._dict(preferred_language=_language(row, user)))
	name = cstr((language == ZH and row.holder_name_local) or row.holder_name)
	facts = {
		**_alliance(None),
		"salutation": _salutation(name, language),
		"participant_name": name,
		"organisation": cstr(row.organisation),
		"language": language,
		"is_training": True,
	}
	return facts, cstr(person.email_id or (user and user.email)), name, language


def _language(row: frappe._dict, user: frappe._dict | None) -> str:
	by_member = frappe.db.get_value("IMTA Member", row.member, "preferred_language") if row.member else None
	return cstr((user and user.language) or by_member)


def _certificate_facts(row: frappe._dict, language: str) -> dict[str, object]:
	url = links.certificate_url(row.token)
	day = date_zh if language == ZH else date_en
	return {
		"certificate_url": url,
		"certificate_button": buttons([(url, _LABELS[language]["certificate"])]),
		"certificate_number": row.name,
		"program": cstr((language == ZH and row.program_name_zh) or row.program_name),
		"hours": f"{flt(row.hours):g}" if flt(row.hours) else "",
		"valid_until": day(row.valid_until),
	}


def _alliance(coordinator: str | None) -> dict[str, object]:
	english, chinese, secretariat = alliance_names()
	name, email = officer_of(coordinator)
	return {
		"alliance_name": english,
		"alliance_name_zh": chinese,
		"secretariat_email": secretariat,
		"coordinator_name": name,
		"coordinator_email": email,
	}


def _salutation(name: str, language: str) -> str:
	return f"尊敬的{name}" if language == ZH else f"Dear {name}"


def _word(words: Mapping[str, tuple[str, str]], key: str | None, seat: Occasion) -> str:
	return words.get(cstr(key), ("", ""))[seat.chinese]
