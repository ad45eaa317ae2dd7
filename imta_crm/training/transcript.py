"""Transcripts: the hours of professional development of a person, or of the people of a member.

Everything comes from the completed enrolments, so an hour counts once, whatever certificates were issued for it,
and a corrected attendance is out of it at once. A session counts on its last day, by its own clock. Who came for
a member counts for this member, also after leaving it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import flt, getdate, today
from frappe.utils.pdf import get_pdf

from imta_crm.invitations.mail_facts import alliance_names
from imta_crm.policy.prospects import fold_email
from imta_crm.policy.seating import COMPLETED
from imta_crm.seating import people
from imta_crm.training.certificates import as_data, both_dates, state_of

ENROLLMENT = "Training Enrollment"
MEMBER = "IMTA Member"
TEMPLATE = "imta_crm/templates/print/training_transcript.html"


class TranscriptError(frappe.ValidationError):
	"""The days asked for make no period, or nobody is named."""


@dataclass(frozen=True)
class Line:
	"""A completed session. `state` is that of the certificate, empty where there is none."""

	enrollment: str
	completed_on: date
	program: str
	program_zh: str
	session: str
	session_zh: str
	hours: Decimal
	certificate: str
	valid_until: date | None
	state: str
	member: str
	organisation: str


@dataclass
class Holder:
	"""A person with the lines, in the order of their days."""

	name: str
	name_local: str = ""
	lines: list[Line] = field(default_factory=list)

	@property
	def hours(self) -> Decimal:
		return sum((line.hours for line in self.lines), Decimal(0))

	@property
	def by_year(self) -> dict[int, Decimal]:
		"""Hours by calendar year."""
		years: dict[int, Decimal] = {}
		for line in self.lines:
			years[line.completed_on.year] = years.get(line.completed_on.year, Decimal(0)) + line.hours
		return dict(sorted(years.items()))


@dataclass
class Transcript:
	"""What was completed from `since` through `until`, days that may be open."""

	title: str
	title_local: str
	since: date | None
	until: date | None
	holders: list[Holder]
	is_member: bool = False

	@property
	def hours(self) -> Decimal:
		return sum((holder.hours for holder in self.holders), Decimal(0))

	@property
	def lines(self) -> list[Line]:
		return [line for holder in self.holders for line in holder.lines]


def of_person(
	*,
	contact: str | None = None,
	user: str | None = None,
	since: date | str | None = None,
	until: date | str | None = None,
) -> Transcript:
	"""What a person has completed, whoever they came for. For the person, and for who may read the person.

	Staff of the secretariat have no Contact and are named by their user. An officer sees what the person did for
	the members of the own portfolio.

	:raises frappe.PermissionError: somebody else
	"""
	if not contact and not user:
		frappe.throw(_("Whose transcript?"), TranscriptError)
	person = people.of_contact(contact) if contact else people.of_user(user)
	is_own = frappe.session.user != "Guest" and frappe.session.user in (person.user, user)
	if not is_own:
		if contact:
			frappe.has_permission("Contact", "read", doc=contact, throw=True)
		frappe.has_permission(ENROLLMENT, "read", throw=True)
	since, until = _period(since, until)
	mine = {"contact": person.contact, "user": person.user}
	mine = {key: value for key, value in mine.items() if value}
	rows = _rows(since, until, or_filters=mine, everybody=is_own) if mine else []
	if not person.contact and is_own:
		rows += _rows(
			since,
			until,
			filters={
				"contact": ("is", "not set"),
				"user": ("is", "not set"),
				"email_folded": fold_email(person.email),
			},
			everybody=True,
		)
	holder = Holder(person.name, person.name_local or "", _lines(rows))
	return Transcript(person.name, person.name_local or "", since, until, [holder])


def of_member(member: str, since: date | str | None = None, until: date | str | None = None) -> Transcript:
	"""What the people of a member have completed for it, by person. For who may read the member, and for its
	representatives.

	:raises frappe.PermissionError: somebody else
	"""
	represents = frappe.session.user != "Guest" and people.represents(frappe.session.user, member)
	if not represents:
		frappe.has_permission(MEMBER, "read", doc=member, throw=True)
		frappe.has_permission(ENROLLMENT, "read", throw=True)
	since, until = _period(since, until)
	names = frappe.db.get_value(MEMBER, member, ["member_name", "member_name_local"], as_dict=True)
	holders: dict[str, Holder] = {}
	found: dict[str, list[frappe._dict]] = {}
	for row in _rows(since, until, filters={"member": member}, everybody=True):
		key = row.contact or row.user or row.email_folded
		# The latest name, as people change theirs.
		holders[key] = Holder(row.participant_name, row.participant_name_local or "")
		found.setdefault(key, []).append(row)
	for key, holder in holders.items():
		holder.lines = _lines(found[key])
	ordered = sorted(holders.values(), key=lambda holder: holder.name.casefold())
	return Transcript(names.member_name, names.member_name_local or "", since, until, ordered, is_member=True)


def pdf_of_person(
	*,
	contact: str | None = None,
	user: str | None = None,
	since: date | str | None = None,
	until: date | str | None = None,
) -> bytes:
	"""The transcript of a person as PDF; permissions as `of_person`."""
	return _pdf(of_person(contact=contact, user=user, since=since, until=until))


def pdf_of_member(member: str, since: date | str | None = None, until: date | str | None = None) -> bytes:
	"""The transcript of a member as PDF; permissions as `of_member`."""
	return _pdf(of_member(member, since, until))


@frappe.whitelist(methods=["GET"])
def download(
	member: str | None = None,
	contact: str | None = None,
	user: str | None = None,
	since: str | None = None,
	until: str | None = None,
) -> None:
	"""A transcript as PDF: of a member, of a Contact, or of a user; permissions as `of_member` and `of_person`."""
	if member:
		content, name = pdf_of_member(member, since, until), member
	else:
		content = pdf_of_person(contact=contact, user=user, since=since, until=until)
		name = frappe.scrub(contact or user or "")
	frappe.response.filecontent = content
	frappe.response.filename = f"transcript-{name}.pdf"
	frappe.response.type = "pdf"


def training_transcript(doc: Document) -> str:
	"""What the print formats of a member and of a person show; permissions as `of_member` and `of_person`."""
	if doc.doctype == MEMBER:
		return _html(of_member(doc.name))
	return _html(of_person(contact=doc.name))


def _html(transcript: Transcript) -> str:
	settings = frappe.get_cached_doc("Alliance Settings")
	english, chinese, _secretariat = alliance_names()
	return frappe.render_template(
		TEMPLATE,
		{
			"transcript": transcript,
			"alliance_name": english,
			"alliance_name_zh": chinese,
			"logo": as_data(settings.logo),
			"made_on": both_dates(today()),
			"since": both_dates(transcript.since) if transcript.since else None,
			"until": both_dates(transcript.until) if transcript.until else None,
			"signatory": settings.certificate_signatory,
			"signatory_zh": settings.certificate_signatory_zh,
			"position": settings.certificate_position,
			"position_zh": settings.certificate_position_zh,
			"signature": as_data(settings.certificate_signature),
			"number": lambda hours: f"{flt(hours, 2):g}",
			"states": {"Valid": "有效", "Expired": "已过期", "Revoked": "已撤销", "Renewed": "已续期"},
		},
	)


def _pdf(transcript: Transcript) -> bytes:
	return get_pdf(
		f'<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>{_html(transcript)}</body></html>',
		{"page-size": "A4", "orientation": "Portrait"},
	)


def _period(since: date | str | None, until: date | str | None) -> tuple[date | None, date | None]:
	first = getdate(since) if since else None
	last = getdate(until) if until else None
	if first and last and last < first:
		frappe.throw(_("The last day lies before the first."), TranscriptError)
	return first, last


def _rows(
	since: date | None,
	until: date | None,
	*,
	filters: dict | None = None,
	or_filters: dict | None = None,
	everybody: bool,
) -> list[frappe._dict]:
	"""Completed enrolments with session, program and certificate; unless `everybody`, those that the user may read."""
	listed = frappe.get_all if everybody else frappe.get_list
	rows = listed(
		ENROLLMENT,
		filters={**(filters or {}), "status": COMPLETED},
		or_filters=or_filters,
		fields=[
			"name",
			"contact",
			"user",
			"email_folded",
			"participant_name",
			"participant_name_local",
			"member",
			"organisation",
			"hours",
			"session",
			"certificate",
			"program",
		],
		order_by="ends_at_site, name",
		limit=0,
	)
	for doctype, link, fields in (
		("Training Session", "session", ["title", "title_zh", "ends_at"]),
		("Member Training Program", "program", ["program_name", "program_name_zh"]),
		("Training Certificate", "certificate", ["valid_until", "status", "renewed_by"]),
	):
		_join(rows, doctype, link, fields)
	return [
		row
		for row in rows
		if (not since or getdate(row.of_session.ends_at) >= since)
		and (not until or getdate(row.of_session.ends_at) <= until)
	]


def _join(rows: Iterable[frappe._dict], doctype: str, link: str, fields: list[str]) -> None:
	wanted = sorted({row[link] for row in rows if row[link]})
	found = {
		each.name: each
		for each in (
			frappe.get_all(doctype, {"name": ("in", wanted)}, ["name", *fields], order_by=None, limit=0)
			if wanted
			else ()
		)
	}
	for row in rows:
		row[f"of_{link}"] = found.get(row[link]) or frappe._dict()


def _lines(rows: Iterable[frappe._dict]) -> list[Line]:
	return [
		Line(
			enrollment=row.name,
			completed_on=getdate(row.of_session.ends_at),
			program=row.of_program.program_name or "",
			program_zh=row.of_program.program_name_zh or "",
			session=row.of_session.title or "",
			session_zh=row.of_session.title_zh or "",
			hours=Decimal(str(flt(row.hours, 2))),
			certificate=row.certificate or "",
			valid_until=row.of_certificate.valid_until,
			state=state_of(row.of_certificate) if row.certificate else "",
			member=row.member or "",
			organisation=row.organisation or "",
		)
		for row in rows
	]
