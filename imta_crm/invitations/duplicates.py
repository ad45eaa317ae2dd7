"""Likely duplicates, side by side: a person decides whether two are one, and which values are kept.

"Different" sets the invitation on its way. "Same" depends on what it is the same as: another invitation is
enriched and goes on alone; a Lead or a former member is invited under its own record; a member or an
applicant is not invited at all.
"""

from __future__ import annotations

from collections.abc import Mapping

import frappe
from frappe import _
from frappe.utils import escape_html, now_datetime

from imta_crm.erp import leads
from imta_crm.invitations import prospects, record
from imta_crm.invitations.record import INVITATION
from imta_crm.membership import parties
from imta_crm.policy.invitation import ALIVE, HELD, MEMBERSHIP, MERGED, OPEN, PLANNED
from imta_crm.policy.prospects import HOLD, INVITE

DIFFERENT, SAME = "Different", "Same"
THIS, OTHER = "this", "other"
#: What is compared and may be taken from either side, in the order in which it is shown.
FIELDS = (
	"prospect_name",
	"prospect_name_local",
	"country",
	"email",
	"phone",
	"website",
	"contact_first_name",
	"contact_last_name",
	"contact_position",
	"sector",
	"preferred_language",
)
#: The same facts in other DocTypes.
ELSEWHERE: dict[str, dict[str, str]] = {
	"Lead": {
		"prospect_name": "company_name",
		"country": "country",
		"email": "email_id",
		"phone": "phone",
		"website": "website",
		"contact_first_name": "first_name",
		"contact_last_name": "last_name",
		"contact_position": "job_title",
		"sector": "market_segment",
		"preferred_language": "language",
	},
	parties.MEMBER: {
		"prospect_name": "member_name",
		"prospect_name_local": "member_name_local",
		"country": "country",
		"email": "email",
		"phone": "phone",
		"website": "website",
		"sector": "sector",
		"preferred_language": "preferred_language",
	},
	parties.APPLICATION: {
		"prospect_name": "applicant_name",
		"prospect_name_local": "applicant_name_local",
		"country": "country",
		"email": "email",
		"phone": "phone",
		"website": "website",
		"contact_first_name": "contact_first_name",
		"contact_last_name": "contact_last_name",
		"contact_position": "contact_position",
		"sector": "sector",
		"preferred_language": "preferred_language",
	},
}


class NotHeldError(frappe.ValidationError):
	"""Somebody has decided already."""


class StillRefusedError(frappe.ValidationError):
	"""Meanwhile there is a reason not to invite that is no matter of opinion."""


def comparison(doc) -> dict:
	"""Both sides for the form: rows of field, label and the two values. Empty where the user may not read it."""
	doctype, name = doc.duplicate_doctype, doc.duplicate_of
	if not name or not frappe.db.exists(doctype, name):
		return {}
	if not frappe.has_permission(doctype, "read", doc=name):
		return {"doctype": doctype, "label": _(doctype), "rows": [], "hidden": True}
	other = values_of(doctype, name)
	meta = frappe.get_meta(INVITATION)
	return {
		"doctype": doctype,
		"name": name,
		"label": _(doctype),
		"status": _(other.get("status") or "", context=doctype),
		"effect": effect(doctype, name),
		"rows": [
			{
				"field": field,
				"label": _(meta.get_label(field)),
				"this": shown(field, doc.get(field)),
				"other": shown(field, other.get(field)),
			}
			for field in FIELDS
			if doc.get(field) or other.get(field)
		],
	}


def shown(field: str, value: str | None) -> str:
	"""A value in the reader's words."""
	if field == "preferred_language" and value:
		return _(frappe.get_cached_value("Language", value, "language_name") or value)
	return _(value) if field in ("country", "sector") and value else value or ""


def effect(doctype: str, name: str) -> str:
	"""What "Same" will do, in a sentence."""
	if doctype == INVITATION:
		return _("The other invitation keeps the values chosen here and goes on alone.")
	if doctype == leads.LEAD:
		return _("The Lead keeps the values chosen here and is invited.")
	if doctype == parties.MEMBER and is_lapsed(name):
		return _("The former member is invited to come back.")
	return _("No invitation is sent: the party is a member or has applied.")


def values_of(doctype: str, name: str) -> dict:
	"""What another record says of its party, by the fields of an Invitation."""
	if doctype == INVITATION:
		return frappe.db.get_value(doctype, name, [*FIELDS, "status"], as_dict=True)
	places = ELSEWHERE[doctype]
	state = {parties.APPLICATION: "workflow_state"}.get(doctype, "status")
	row = frappe.db.get_value(doctype, name, [*set(places.values()), state], as_dict=True)
	values = {field: row[place] for field, place in places.items()}
	if doctype == leads.LEAD and not values["prospect_name"]:
		values["prospect_name"] = frappe.db.get_value(doctype, name, "lead_name")
	values["status"] = row[state]
	return values


@frappe.whitelist(methods=["POST"])
def decide(invitation: str, decision: str, choices: str | dict | None = None) -> str:
	"""Settle a held invitation; returns its status. A decision is made once.

	:param decision: DIFFERENT or SAME
	:param choices: for SAME, by field THIS or OTHER: whose value is kept. Default OTHER, where it has one.
	:raises NotHeldError: decided already
	:raises StillRefusedError: by now it is a member, on the list, or in another live campaign
	"""
	frappe.has_permission(INVITATION, "write", doc=invitation, throw=True)
	if decision not in (DIFFERENT, SAME):
		frappe.throw(_("Decide whether it is the same or not."))
	held = record.lock(invitation)
	if held.status != HELD:
		frappe.throw(_("This was decided already."), NotHeldError)
	choices = frappe.parse_json(choices) if isinstance(choices, str) else choices
	decided = {
		"duplicate_decision": decision,
		"duplicate_decided_by": frappe.session.user,
		"duplicate_decided_at": now_datetime(),
	}
	if decision == DIFFERENT:
		set_going(held, decided)
	else:
		_merge(held, choices or {}, decided)
	return frappe.db.get_value(INVITATION, invitation, "status")


def set_going(held: frappe._dict, values: Mapping[str, object]) -> None:
	"""The held invitation joins the campaign, unless something certain speaks against it by now."""
	from imta_crm.invitations import campaigns, sending

	campaigns.check_open_for_prospects(held.campaign)
	doc = frappe.get_doc(INVITATION, held.name)
	doc.update({field: value for field, value in values.items() if field in (*FIELDS, "lead", "member")})
	register = prospects.make_register(held.campaign, without=held.name, lead=doc.lead)
	judged = prospects.judge(doc.as_prospect(), register, held.purpose)
	if judged.kind not in (INVITE, HOLD):
		frappe.throw(
			escape_html(judged.reason) or _("This party is in the campaign already."), StillRefusedError
		)
	try:
		record.write(held.name, status=PLANNED, **values)
	except record.TakenError:
		frappe.throw(_("This address or this organisation is in a live campaign already."), StillRefusedError)
	doc.reload()
	if doc.purpose == MEMBERSHIP:
		prospects.ensure_lead(doc)
	sending.plan([held.name])


def _merge(held: frappe._dict, choices: Mapping[str, str], decided: dict) -> None:
	doctype, name = held.duplicate_doctype, held.duplicate_of
	if not name or not frappe.db.exists(doctype, name):
		frappe.throw(_("The other record is gone. Decide that it is not the same."), NotHeldError)
	frappe.has_permission(doctype, "read", doc=name, throw=True)
	kept = _kept(held, values_of(doctype, name), choices)
	if doctype == INVITATION:
		_into_invitation(held, name, kept, decided)
	elif doctype == leads.LEAD:
		_into_lead(held, name, kept, decided)
	elif doctype == parties.MEMBER and is_lapsed(name):
		set_going(held, {**kept, **decided, "member": name})
	else:
		_end(held, decided, _("The same as {0} {1}").format(_(doctype), name))


def _kept(this: Mapping, other: Mapping, choices: Mapping[str, str]) -> dict[str, str | None]:
	"""The value of each field after the merger; only values of the two sides come in question."""
	kept = {}
	for field in FIELDS:
		mine, theirs = this.get(field) or None, other.get(field) or None
		take_mine = choices.get(field) == THIS or (not theirs and choices.get(field) != OTHER)
		kept[field] = mine if take_mine and mine else theirs
	return kept


def _into_invitation(held: frappe._dict, name: str, kept: dict, decided: dict) -> None:
	"""The other invitation takes over what was chosen; the held one ends as Merged into it."""
	from imta_crm.invitations import sending

	frappe.has_permission(INVITATION, "write", doc=name, throw=True)
	other = record.lock(name)
	# Before the values move, so that the keys are free.
	_end(held, {**decided, "lead": None}, _("The same as {0}").format(f"{other.prospect_name} ({name})"))
	changed = {field: value for field, value in kept.items() if (other[field] or None) != value}
	if changed:
		if "email" in changed and other.status in ALIVE:
			_check_address(other, changed["email"])
		try:
			record.write(name, **changed)
		except record.TakenError:
			frappe.throw(
				_("This address or this organisation is in a live campaign already."), StillRefusedError
			)
	record.note(name, _also_known_as(held, other, kept))
	if held.lead and other.lead:
		leads.merge(held.lead, into=other.lead)
	elif held.lead:
		record.write(name, lead=held.lead)
	lead = other.lead or held.lead
	if lead:
		leads.enrich(lead, _as_lead(kept))
	if other.status in OPEN:
		sending.plan([name])


def _into_lead(held: frappe._dict, lead: str, kept: dict, decided: dict) -> None:
	"""The party is a Lead: it is invited under it, or is so already."""
	own = held.lead if held.lead and held.lead != lead else None
	live = frappe.db.get_value(
		INVITATION,
		{"lead": lead, "campaign": held.campaign, "name": ("!=", held.name), "status": ("in", list(ALIVE))},
	)
	if live:
		_into_invitation(held, live, _kept(held, values_of(INVITATION, live), {}), decided)
	else:
		set_going(held, {**kept, **decided, "lead": lead})
	if own:
		leads.merge(own, into=lead)
	leads.enrich(lead, _as_lead(kept))


def _end(held: frappe._dict, decided: Mapping[str, object], reason: str) -> None:
	record.write(held.name, **decided)
	record.close(held.name, MERGED, reason)


def _check_address(other: frappe._dict, email: str | None) -> None:
	from imta_crm.invitations import do_not_invite

	if email and do_not_invite.blocked_among([email]):
		frappe.throw(
			_("{0} must not be written to.").format(frappe.bold(escape_html(email))), StillRefusedError
		)


def _also_known_as(held: frappe._dict, other: frappe._dict, kept: Mapping) -> str:
	"""What of both sides is not kept, so that it can be found."""
	lost = {
		str(side[field])
		for side in (held, other)
		for field in ("prospect_name", "prospect_name_local", "email", "phone", "website")
		if side[field] and side[field] != kept.get(field)
	}
	text = _("{0} was found to be the same.").format(held.name)
	return f"{text} {_('Also: {0}').format(', '.join(sorted(lost)))}" if lost else text


def _as_lead(kept: Mapping[str, str | None]) -> dict[str, str | None]:
	return {place: kept.get(field) for field, place in ELSEWHERE[leads.LEAD].items()}


def is_lapsed(member: str) -> bool:
	return frappe.db.get_value(parties.MEMBER, member, "status") in parties.LAPSED
