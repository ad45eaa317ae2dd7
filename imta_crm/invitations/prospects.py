"""Who gets an invitation: prospects are compared with all that is known, then invited, held or refused.

Whatever is looked up beforehand, the unique keys of the Invitation have the last word: of two imports that
take the same address at the same moment one makes the invitation, the other is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import frappe
from frappe import _
from frappe.utils import add_months, cint, cstr, nowdate

from imta_crm import imports
from imta_crm.erp import leads, masters
from imta_crm.invitations import do_not_invite, record
from imta_crm.invitations.record import INVITATION, MEMBERSHIP, fold_email
from imta_crm.membership import parties
from imta_crm.policy import messages
from imta_crm.policy import prospects as policy
from imta_crm.policy.invitation import MERGED
from imta_crm.policy.prospects import ALREADY, HOLD, INVITE, REFUSE, Known, Prospect, Register

CAMPAIGN = "Invitation Campaign"
#: What the rules' kinds are called in the site.
DOCTYPES = {
	policy.MEMBER: parties.MEMBER,
	policy.FORMER_MEMBER: parties.MEMBER,
	policy.APPLICATION: parties.APPLICATION,
	policy.LEAD: leads.LEAD,
	policy.INVITATION: INVITATION,
	policy.SAME_CAMPAIGN: INVITATION,
	policy.RECENTLY_INVITED: INVITATION,
	policy.BATCH: INVITATION,
}
#: Fields of an Invitation that a prospect has under the same name.
TAKEN_OVER = (
	"email",
	"website",
	"phone",
	"contact_first_name",
	"contact_last_name",
	"contact_position",
	"time_zone",
	"lead",
	"member",
	"contact",
)
OVERTAKEN, NOT_MADE_CODE = "overtaken", "not_made"
#: English texts for `_()`: why an invitation stops that was under way.
UNWELCOME = {
	policy.DO_NOT_INVITE: "On the list of those not to be invited",
	policy.OPTED_OUT: "Has opted out of mails",
}
#: Begins the key of somebody whom a dry run would invite.
NOT_MADE = "new:"
INDIVIDUAL = "Individual"


@dataclass(frozen=True)
class Judged:
	"""What was decided on a prospect. `matched` is the document that speaks against it."""

	prospect: Prospect
	kind: str
	code: str = ""
	reason: str = ""
	matched_doctype: str | None = None
	matched: str | None = None
	invitation: str | None = None


@dataclass
class Added:
	"""What became of a list of prospects. `invited` and `held` are names of Invitations, in order.

	`judged` has one entry for each prospect; `refused` and `already` are those of them.
	"""

	invited: list[str] = field(default_factory=list)
	held: list[str] = field(default_factory=list)
	refused: list[Judged] = field(default_factory=list)
	already: list[Judged] = field(default_factory=list)
	judged: list[Judged] = field(default_factory=list)

	def note(self, judged: Judged) -> None:
		self.judged.append(judged)
		if judged.kind == INVITE:
			self.invited.append(judged.invitation)
		elif judged.kind == HOLD:
			self.held.append(judged.invitation)
		else:
			(self.already if judged.kind == ALREADY else self.refused).append(judged)


def add(
	campaign: str,
	prospects: Iterable[Prospect],
	*,
	source: str,
	prospect_import: str | None = None,
	officer: str | None = None,
	register: Register | None = None,
	referred_by: str | None = None,
) -> Added:
	"""Invite those who may be invited, hold those for whom a person has to decide. Repeating it adds nobody.

	All of the list or nothing of it, by the caller's transaction; no commit, no permission check.

	:param source: option of Invitation.source
	:param officer: for those for whom the source names none
	:param register: as `make_register` makes it; kept up to date, so that it serves the next list as well
	"""
	from imta_crm.invitations import sending

	known = register or make_register(campaign)
	purpose = frappe.get_cached_value(CAMPAIGN, campaign, "purpose")
	prospects = list(prospects)
	directory = leads.Directory(map(_party, prospects)) if purpose == MEMBERSHIP else None
	added = Added()
	for prospect in prospects:
		judged = judge(prospect, known, purpose)
		if judged.kind in (INVITE, HOLD):
			judged = _make(
				judged,
				campaign,
				directory,
				source=source,
				prospect_import=prospect_import,
				officer=prospect.officer or officer,
				referred_by=referred_by,
			)
		if judged.kind in (INVITE, HOLD):
			known.add(known_prospect(judged))
		added.note(judged)
	if added.invited:
		sending.plan(added.invited)
	return added


def dry_run(campaign: str, prospects: Iterable[Prospect], *, register: Register | None = None) -> Added:
	"""What `add` would do. Writes nothing; `invited` and `held` hold None for each."""
	known = register or make_register(campaign)
	purpose = frappe.get_cached_value(CAMPAIGN, campaign, "purpose")
	added = Added()
	for prospect in prospects:
		judged = judge(prospect, known, purpose)
		if judged.kind in (INVITE, HOLD):
			known.add(known_prospect(judged))
		added.note(judged)
	return added


def judge(prospect: Prospect, register: Register, purpose: str = MEMBERSHIP) -> Judged:
	"""The rules' verdict on one prospect, in the reader's language.

	To an activity one house may send several: there the address tells people apart, and likeness or a name in
	common hold nobody back. Who is not to be invited is not invited to anything.
	"""
	verdict = register.check(prospect)
	known = verdict.known
	if purpose != MEMBERSHIP and verdict.kind != INVITE and _is_another_guest(prospect, verdict):
		return Judged(prospect, INVITE)
	if verdict.kind == INVITE:
		return Judged(_linked(prospect, verdict), INVITE)
	doctype = DOCTYPES.get(known.kind) if known and not known.key.startswith(NOT_MADE) else None
	return Judged(
		prospect,
		verdict.kind,
		verdict.code,
		reason(verdict.code, verdict.values),
		doctype,
		known.key if doctype else None,
	)


def _is_another_guest(prospect: Prospect, verdict: policy.Verdict) -> bool:
	known = verdict.known
	if known.kind in (policy.DO_NOT_INVITE, policy.OPTED_OUT):
		return False
	if verdict.kind == HOLD:
		return True
	addresses = {fold_email(email) for email in known.emails}
	return bool(prospect.email and addresses) and fold_email(prospect.email) not in addresses


def _linked(prospect: Prospect, verdict: policy.Verdict) -> Prospect:
	"""The prospect with the Lead or the former member that it certainly is."""
	known = verdict.known
	if known is None or verdict.code:
		return prospect
	if known.kind == policy.LEAD and not prospect.lead:
		return replace(prospect, lead=known.key)
	if known.kind == policy.FORMER_MEMBER and not prospect.member:
		return replace(prospect, member=known.key)
	return prospect


def reason(code: str, values: Iterable[str] = ()) -> str:
	"""Why somebody is not simply invited, as a sentence in the reader's language."""
	return messages.text(code, list(values), frappe.local.lang)


# The register


def make_register(campaign: str, *, without: str | None = None, lead: str | None = None) -> Register:
	"""All that a prospect of this campaign is compared with: a fixed number of queries.

	`without` one invitation and its own `lead`, so that it is compared with the others.
	"""
	plan = frappe.get_cached_doc(CAMPAIGN, campaign)
	codes = masters.country_codes()
	return Register(
		one
		for one in (
			*_unwelcome(codes),
			*(_parties(codes) if plan.purpose == MEMBERSHIP else ()),
			*_invitations(plan, codes),
		)
		if one.key not in (without, lead)
	)


def refresh(register: Register, campaign: str, since: str, *, but: str) -> None:
	"""Tell a register what others have invited since that moment; what import `but` made it knows. One query."""
	plan = frappe.get_cached_doc(CAMPAIGN, campaign)
	for known in _invitations(plan, masters.country_codes(), since=since, but=but):
		register.add(known)


def _unwelcome(codes: Mapping[str, str]) -> Iterable[Known]:
	"""Those who are never invited."""
	for row in do_not_invite.entries():
		yield Known(
			kind=policy.DO_NOT_INVITE,
			key=row.name,
			names=_names(row.party_name),
			country_code=codes.get(row.country, ""),
			domains=_names(row.domain),
			email_hashes=_names(row.email_hash),
			label=row.party_name or row.domain or "",
		)
	for email in do_not_invite.all_opted_out():
		yield Known(kind=policy.OPTED_OUT, key=email, emails=(email,))


def _parties(codes: Mapping[str, str]) -> Iterable[Known]:
	for party in parties.members():
		yield _known_party(policy.FORMER_MEMBER if party.is_lapsed else policy.MEMBER, party, codes)
	for party in parties.applications():
		yield _known_party(policy.APPLICATION, party, codes)
	also = _merged_into_leads()
	for row in leads.known():
		yield Known(
			kind=policy.LEAD,
			key=row.name,
			names=_names(
				row.company_name or row.lead_name,
				*(name for one in also.get(row.name, ()) for name in one[:2]),
			),
			country_code=codes.get(row.country, ""),
			emails=_emails(row.email_id, *(one[2] for one in also.get(row.name, ()))),
			domains=_domains(row.email_id, row.website),
			label=row.company_name or row.lead_name or row.name,
			detail=row.name,
		)


def _merged_into_leads() -> dict[str, list[tuple]]:
	"""By Lead the other names and addresses that somebody found to be the same: decided once, known for ever."""
	merged, kept = frappe.qb.DocType(INVITATION), frappe.qb.DocType(INVITATION).as_("kept")
	query = (
		frappe.qb.from_(merged)
		.join(kept)
		.on(kept.name == merged.duplicate_of)
		.select(kept.lead, merged.prospect_name, merged.prospect_name_local, merged.email)
		.where((merged.status == MERGED) & (merged.duplicate_doctype == INVITATION))
		.where(kept.lead.isnotnull())
	)
	found: dict[str, list[tuple]] = {}
	for lead, *party in query.run():
		found.setdefault(lead, []).append(tuple(party))
	return found


def _known_party(kind: str, party: parties.Party, codes: Mapping[str, str]) -> Known:
	return Known(
		kind=kind,
		key=party.name,
		names=_names(*party.names),
		country_code=codes.get(party.country, ""),
		emails=_emails(*party.emails),
		domains=_domains(*party.emails, party.website),
		label=party.names[0] if party.names else party.name,
		detail=party.name,
	)


def _invitations(
	plan, codes: Mapping[str, str], *, since: str | None = None, but: str | None = None
) -> Iterable[Known]:
	"""Those of the same campaign, of live other ones, and those invited to the same purpose not long ago."""
	table = frappe.qb.DocType(INVITATION)
	query = frappe.qb.from_(table).select(
		table.name,
		table.campaign,
		table.status,
		table.prospect_name,
		table.prospect_name_local,
		table.country,
		table.email,
		table.website,
		table.first_sent_at,
		table.member,
	)
	wanted = table.campaign == plan.name
	if plan.purpose == MEMBERSHIP:
		others = (table.purpose == MEMBERSHIP) & (table.campaign != plan.name)
		recent = table.live_name.isnotnull() | table.live_email.isnotnull()
		if months := cint(plan.not_again_months):
			recent |= table.first_sent_at >= add_months(nowdate(), -months)
		wanted |= others & recent
	elif months := cint(plan.not_again_months):
		# For activities: the same activity, invited to by another campaign.
		if plan.activity_doctype and plan.activity:
			same = frappe.get_all(
				CAMPAIGN,
				{
					"activity_doctype": plan.activity_doctype,
					"activity": plan.activity,
					"name": ("!=", plan.name),
				},
				pluck="name",
			)
			if same:
				wanted |= table.campaign.isin(same) & (table.first_sent_at >= add_months(nowdate(), -months))
	if since:
		query = query.where(table.creation >= since)
		query = query.where(table.prospect_import.isnull() | (table.prospect_import != but))
	for row in query.where(wanted).orderby(table.name).run(as_dict=True):
		if row.campaign == plan.name:
			kind = policy.SAME_CAMPAIGN
		elif row.status in record.ALIVE:
			kind = policy.INVITATION
		else:
			kind = policy.RECENTLY_INVITED
		yield Known(
			kind=kind,
			key=row.name,
			names=_names(row.prospect_name, row.prospect_name_local),
			country_code=codes.get(row.country, ""),
			emails=_emails(row.email),
			domains=_domains(row.email, row.website),
			label=row.prospect_name,
			detail=row.campaign
			if kind == policy.INVITATION
			else cstr(row.first_sent_at)[:10] or row.campaign,
		)


def known_prospect(judged: Judged) -> Known:
	"""Whom the list has just taken, for the comparison with what follows."""
	prospect = judged.prospect
	label = f"{prospect.name} ({prospect.row})" if prospect.row else prospect.name
	return Known.from_prospect(prospect, key=judged.invitation or f"{NOT_MADE}{prospect.key}", label=label)


def _names(*names: str | None) -> tuple[str, ...]:
	return tuple(dict.fromkeys(filter(None, names)))


def _emails(*emails: str | None) -> tuple[str, ...]:
	return tuple(dict.fromkeys(fold_email(email) for email in emails if email))


def _domains(*addresses: str | None) -> tuple[str, ...]:
	return tuple(dict.fromkeys(filter(None, (policy.domain_of(each or "") for each in addresses))))


# Making the documents


def _make(judged: Judged, campaign: str, directory: leads.Directory | None, **about) -> Judged:
	"""The Invitation of a prospect, with its Lead where it has a `directory` of them.

	Refused where another transaction was quicker.
	"""
	prospect = judged.prospect
	country = masters.country_names().get(cstr(prospect.country_code).upper())
	doc = frappe.new_doc(INVITATION)
	doc.update(
		{
			"campaign": campaign,
			"status": "Held" if judged.kind == HOLD else "Planned",
			"prospect_name": prospect.name,
			"prospect_name_local": prospect.name_local or None,
			"invitee_type": prospect.invitee_type,
			"country": country,
			"territory": masters.territory_of(country),
			"sector": imports.sector_of(prospect.sector),
			"tier": _existing("Member Tier", prospect.tier),
			"preferred_language": _existing("Language", prospect.language),
			**{field: getattr(prospect, field) or None for field in TAKEN_OVER},
			"duplicate_doctype": judged.matched_doctype if judged.kind == HOLD else None,
			"duplicate_of": judged.matched if judged.kind == HOLD else None,
			"duplicate_reason": judged.reason or None,
			**about,
		}
	)
	doc.flags.by_invitations = True
	savepoint = f"imta_{frappe.generate_hash(length=10)}"
	frappe.db.savepoint(savepoint)
	try:
		if directory and judged.kind == INVITE and not doc.lead:
			# Before the insert, so that the invitation is written once.
			doc.set_defaults()
			doc.clean()
			doc.lead = leads.ensure_lead(party_of(doc), directory)
		doc.insert(ignore_permissions=True)  # whoever adds prospects may; asked by the caller
	except frappe.UniqueValidationError:
		frappe.db.rollback(save_point=savepoint)
		frappe.clear_messages()
		return _overtaken(judged, doc)
	except Exception as error:
		if frappe.db.is_deadlocked(error) or frappe.db.is_timedout(error):
			raise  # the whole transaction is to be tried again
		# One prospect that the site cannot take stops nobody else.
		frappe.db.rollback(save_point=savepoint)
		frappe.clear_messages()
		frappe.log_error(title=f"Prospect {prospect.name}"[:140])
		text = frappe.utils.strip_html(str(error)) or type(error).__name__
		return replace(judged, kind=REFUSE, code=NOT_MADE_CODE, reason=text[:500])
	frappe.db.release_savepoint(savepoint)
	return replace(judged, invitation=doc.name)


def _overtaken(judged: Judged, doc) -> Judged:
	"""Somebody else has just taken the address or the name; a locking read sees who."""
	keys = record.live_keys(doc)
	for key, value in keys.items():
		row = value and frappe.db.get_value(
			INVITATION, {key: value}, ["name", "campaign", "prospect_name"], as_dict=True, for_update=True
		)
		if row:
			if row.campaign == doc.campaign:
				return replace(
					judged, kind=ALREADY, code=OVERTAKEN, matched_doctype=INVITATION, matched=row.name
				)
			text = _("{0} is in a live campaign already ({1}).").format(row.prospect_name, row.campaign)
			return replace(
				judged,
				kind=REFUSE,
				code=OVERTAKEN,
				reason=text,
				matched_doctype=INVITATION,
				matched=row.name,
			)
	return replace(judged, kind=REFUSE, code=OVERTAKEN, reason=_("Taken by another import just now."))


def ensure_lead(doc) -> str:
	"""The Lead of an invitation, found or made; written to the invitation."""
	if not doc.lead:
		lead = leads.ensure_lead(party_of(doc))
		record.write(doc.name, lead=lead)
		doc.lead = lead
	return doc.lead


def party_of(doc) -> leads.Party:
	"""An invitation as its Lead has it."""
	return leads.Party(
		**_who(doc.invitee_type, doc.prospect_name, doc.contact_first_name, doc.contact_last_name),
		email=doc.email,
		phone=doc.phone,
		position=doc.contact_position,
		website=doc.website,
		country=doc.country,
		territory=doc.territory,
		sector=doc.sector,
		language=doc.preferred_language,
		owner=doc.officer,
	)


def _party(prospect: Prospect) -> leads.Party:
	"""What decides which Lead a prospect is."""
	return leads.Party(
		**_who(
			prospect.invitee_type,
			prospect.name,
			prospect.contact_first_name,
			prospect.contact_last_name,
		),
		email=prospect.email or None,
		country=masters.country_names().get(cstr(prospect.country_code).upper()),
	)


def _who(kind: str, name: str, first: str | None, last: str | None) -> dict[str, str | None]:
	"""An organisation with its person, or a person alone, whose one name is then the first."""
	if kind != INDIVIDUAL:
		return {"organisation": name, "first_name": first or None, "last_name": last or None}
	if not first:
		first, last = name, None
	return {"organisation": None, "first_name": first or None, "last_name": last or None}


def _existing(doctype: str, name: str | None) -> str | None:
	return frappe.db.get_value(doctype, name, cache=True) if name else None


# Before each mail


def still_welcome(invitations: Iterable[str]) -> dict[str, str]:
	"""Of these invitations those that must not be written to any more, with the reason as text.

	Has become a member, is on the list of those not to invite, has opted out elsewhere, has no address. Asked
	again before anything leaves, because days lie between planning and sending. A fixed number of queries for
	any number of invitations. Invitations to activities stop for opt-outs alone: members are welcome there.
	"""
	names = list(invitations)
	if not names:
		return {}
	rows = frappe.get_all(
		INVITATION,
		{"name": ("in", names)},
		["name", "purpose", "email", "prospect_name", "prospect_name_local", "country"],
		limit=0,
	)
	found = {}
	blocked = do_not_invite.reasons(
		do_not_invite.Party(
			row.name,
			row.email,
			tuple(filter(None, (row.prospect_name, row.prospect_name_local))),
			row.country,
		)
		for row in rows
	)
	recruited = [row for row in rows if row.purpose == MEMBERSHIP]
	by_email, by_identity = parties.members_among(
		emails=[row.email for row in recruited],
		identities=[(row.prospect_name, row.country) for row in recruited],
	)
	for row in rows:
		if row.name in blocked:
			found[row.name] = _(UNWELCOME[blocked[row.name]])
		elif row.purpose == MEMBERSHIP:
			member = by_email.get(fold_email(row.email)) or by_identity.get((row.prospect_name, row.country))
			if member:
				found[row.name] = _("A member by now: {0}").format(member)
	return found
