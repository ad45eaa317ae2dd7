"""Certificates: issued, proved in public, renewed, revoked, printed.

A certificate says what was true when it was issued: names are copied, and nothing of it is changed later. What
ends it is a revocation, with a reason; it is never deleted. An enrolment has one live certificate at most, and a
certificate one live renewal: `live_enrollment` is unique in the database. Over the years a person has several of
a program, each linked with the one that it renews.

Its address holds a random token, and the public page says no more than `CertificateFacts`.
"""

from __future__ import annotations

import base64
import hmac
import mimetypes
import secrets
from dataclasses import dataclass
from datetime import date

import frappe
from babel.dates import format_date
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, flt, getdate, today

from imta_crm.invitations.mail_facts import alliance_names
from imta_crm.membership.card import fit, qr_path
from imta_crm.policy import certificate as policy
from imta_crm.policy.prospects import fold_email
from imta_crm.policy.seating import COMPLETED
from imta_crm.portal import links
from imta_crm.seating import notices, record

CERTIFICATE = "Training Certificate"
ENROLLMENT = "Training Enrollment"
SESSION = "Training Session"
PROGRAM = "Member Training Program"
FEEDBACK = "Session Feedback"
PRINT_FORMAT = "Training Certificate"
TOKEN_BYTES = 32
#: Room for the names, in tenths of a millimetre.
NAME_WIDTH = 2200


class CertificateError(frappe.ValidationError):
	"""The certificate cannot be issued, renewed or revoked; the text says why."""


@dataclass(frozen=True)
class CertificateFacts:
	"""All that the public page may say. Nothing is added to this without asking whom it tells what."""

	number: str
	holder: str
	holder_local: str
	program: str
	program_zh: str
	hours: float
	issued_on: date
	valid_until: date | None
	"""Last day on which the certificate counts; None: for ever."""
	state: str
	"""Valid, Expired, Revoked or Renewed, today by the site's calendar."""


# Proving


def facts_by_token(token: str | None) -> CertificateFacts | None:
	"""What the public page says about a token, None where there is no such certificate.

	The column compares without regard to case, the certificate does not. Known and unknown tokens take one query
	on a unique index and the same comparison, so that neither answer nor time tells more.
	"""
	token = (token or "")[:64]
	row = frappe.db.get_value(
		CERTIFICATE,
		{"token": token or "-"},
		[
			"name",
			"holder_name",
			"holder_name_local",
			"program_name",
			"program_name_zh",
			"hours",
			"issued_on",
			"valid_until",
			"status",
			"renewed_by",
			"token",
		],
		as_dict=True,
	)
	known = hmac.compare_digest((row.token if row else "-").encode(), token.encode())
	if not row or not known:
		return None
	return CertificateFacts(
		number=row.name,
		holder=row.holder_name,
		holder_local=row.holder_name_local or "",
		program=row.program_name or "",
		program_zh=row.program_name_zh or "",
		hours=flt(row.hours, 2),
		issued_on=row.issued_on,
		valid_until=row.valid_until,
		state=state_of(row),
	)


def state_of(row: Document | dict, on: date | None = None) -> str:
	"""Valid, Expired, Revoked or Renewed on a day, by default today."""
	return policy.state(
		is_revoked=row.get("status") == policy.REVOKED,
		is_renewed=bool(row.get("renewed_by")),
		valid_until=getdate(row.get("valid_until")) if row.get("valid_until") else None,
		on=on or getdate(today()),
	)


def of_person(*, contact: str | None = None, user: str | None = None) -> list[dict]:
	"""A person's certificates, the latest first, with `state` worked out. The caller has checked whose they are."""
	if not contact and not user:
		return []
	mine = {"contact": contact, "user": user}
	rows = frappe.get_all(
		CERTIFICATE,
		or_filters={field: value for field, value in mine.items() if value},
		fields=[
			"name",
			"program",
			"program_name",
			"program_name_zh",
			"enrollment",
			"session",
			"hours",
			"completed_on",
			"issued_on",
			"valid_until",
			"status",
			"renews",
			"renewed_by",
			"token",
		],
		order_by="completed_on desc, name desc",
		limit=0,
	)
	for row in rows:
		row.state = state_of(row)
		row.url = links.certificate_url(row.pop("token"))
	return rows


# Issuing


def issue(enrollment: str, *, again: bool = False) -> str | None:
	"""The live certificate of a completed enrolment, issued now if there is none; None where none is due.

	None is due where the program issues none, where it asks for feedback that is missing, and where somebody has
	revoked the one that there was, unless `again`. Within the caller's transaction, under the enrolment's lock.
	"""
	row = record.lock(ENROLLMENT, enrollment)
	if row.status != COMPLETED:
		return None
	live = _live(enrollment)
	if live:
		if row.certificate != live:
			record.write(ENROLLMENT, enrollment, certificate=live)
		return live
	program = frappe.get_cached_doc(PROGRAM, row.program)
	if not cint(program.issues_certificate):
		return None
	if not again and frappe.db.exists(
		CERTIFICATE, {"enrollment": enrollment, "status": policy.REVOKED, "by_correction": 0}
	):
		return None
	if cint(program.feedback_needed) and not frappe.db.exists(FEEDBACK, enrollment):
		return None
	session = frappe.db.get_value(SESSION, row.session, ["ends_at", "pd_hours"], as_dict=True)
	completed_on = getdate(session.ends_at)
	previous = _to_be_renewed(row, completed_on)
	doc = _insert(
		live_enrollment=enrollment,
		enrollment=enrollment,
		session=row.session,
		program=program,
		holder_name=row.participant_name,
		holder_name_local=row.participant_name_local,
		contact=row.contact,
		user=row.user,
		member=row.member,
		organisation=row.organisation,
		hours=row.hours,
		completed_on=completed_on,
		valid_until=policy.last_day(completed_on, cint(program.certificate_valid_months)),
		renews=previous,
	)
	record.write(ENROLLMENT, enrollment, certificate=doc.name)
	return doc.name


@frappe.whitelist(methods=["POST"])
def issue_again(enrollment: str) -> str:
	"""Issue the certificate of an enrolment, also where an earlier one was revoked. For coordinators."""
	frappe.has_permission(CERTIFICATE, "write", throw=True)
	frappe.has_permission(ENROLLMENT, "write", doc=enrollment, throw=True)
	name = issue(enrollment, again=True)
	if not name:
		frappe.throw(
			_("No certificate is due: the session was not completed, feedback is missing, or there is none."),
			CertificateError,
		)
	return name


@frappe.whitelist(methods=["POST"])
def renew(name: str, on: str | date | None = None) -> str:
	"""Name of the certificate that takes the place of one that expires; made now if there is none yet.

	For coordinators who have satisfied themselves that the holder still knows what was certified; who comes to
	another session gets a renewal by completing it. It counts from the day after the old one's end, or from `on`
	(by default today) where that has passed. Hours are not earned again.

	:raises CertificateError: revoked, or valid for ever
	"""
	doc = frappe.get_doc(CERTIFICATE, name)
	doc.check_permission("write")
	row = record.lock(CERTIFICATE, name)
	if row.renewed_by:
		return row.renewed_by
	if row.status == policy.REVOKED:
		frappe.throw(_("{0} was revoked and is not renewed.").format(name), CertificateError)
	if not row.valid_until:
		frappe.throw(_("{0} is valid for ever; there is nothing to renew.").format(name), CertificateError)
	on = getdate(on or today())
	if on > getdate(today()):
		frappe.throw(_("A renewal is not dated in the future."), CertificateError)
	program = frappe.get_cached_doc(PROGRAM, row.program)
	first = policy.renewal_from(row.valid_until, on)
	new = _insert(
		live_enrollment=f"renewal|{name}",
		enrollment=None,
		session=None,
		program=program,
		holder_name=row.holder_name,
		holder_name_local=row.holder_name_local,
		contact=row.contact,
		user=row.user,
		member=row.member,
		organisation=row.organisation,
		hours=row.hours,
		completed_on=row.completed_on,
		valid_until=policy.last_day(first, cint(program.certificate_valid_months)),
		renews=name,
	)
	return new.name


# Revoking


@frappe.whitelist(methods=["POST"])
def revoke(name: str, reason: str) -> None:
	"""End a certificate, with a reason. It stays on record, and its public page says that it was revoked.

	For coordinators. Repeating it changes nothing. What it had renewed is the holder's latest certificate again.
	"""
	frappe.get_doc(CERTIFICATE, name).check_permission("write")
	revoke_now(name, reason)


def revoke_now(name: str, reason: str, *, by_correction: bool = False) -> None:
	"""`revoke` without asking for permission. `by_correction`: the attendance was corrected, so that another
	correction may issue one again.
	"""
	reason = (reason or "").strip()
	if not reason:
		frappe.throw(_("Why is the certificate revoked? The reason is kept."), frappe.MandatoryError)
	row = record.lock(CERTIFICATE, name)
	if row.status == policy.REVOKED:
		return
	doc = frappe.get_doc(CERTIFICATE, name)
	doc.db_set(
		{
			"status": policy.REVOKED,
			"live_enrollment": None,
			"revoked_on": today(),
			"revoked_by": frappe.session.user,
			"revoke_reason": reason,
			"by_correction": int(by_correction),
		}
	)
	doc.add_comment("Info", _("revoked this certificate: {0}").format(frappe.utils.escape_html(reason)))
	if row.renews:
		old = frappe.get_doc(CERTIFICATE, row.renews)
		if old.renewed_by == name:
			old.db_set("renewed_by", None)
	if row.enrollment and frappe.db.get_value(ENROLLMENT, row.enrollment, "certificate") == name:
		record.write(ENROLLMENT, row.enrollment, certificate=None)


# Printing


@frappe.whitelist(methods=["GET"])
def download(name: str) -> None:
	"""The certificate as PDF, for whom `may_print` allows it."""
	frappe.response.filecontent = pdf(name)
	frappe.response.filename = f"{name}.pdf"
	frappe.response.type = "pdf"


def pdf(name: str) -> bytes:
	"""The certificate as PDF, for the holder and for who may print it.

	:raises frappe.PermissionError: nobody else
	"""
	check_may_print(frappe.get_doc(CERTIFICATE, name))
	before = frappe.flags.ignore_print_permissions
	frappe.flags.ignore_print_permissions = True  # a holder has no rights in the desk; asked above
	try:
		return frappe.get_print(CERTIFICATE, name, print_format=PRINT_FORMAT, as_pdf=True, no_letterhead=1)
	finally:
		frappe.flags.ignore_print_permissions = before


def check_may_print(doc: Document) -> None:
	"""Raise `frappe.PermissionError` unless the user may print this certificate."""
	if not may_print(doc):
		frappe.throw(
			_("A certificate is printed by its holder, the coordinator or the member's own officer."),
			frappe.PermissionError,
		)


def may_print(doc: Document, user: str | None = None) -> bool:
	"""Whether the user holds the certificate, or prints it for the secretariat."""
	return is_holder(doc, user) or frappe.has_permission(doc.doctype, "print", doc=doc, user=user)


def is_holder(doc: Document, user: str | None = None) -> bool:
	"""Whether it is the user's own: by the account, or by the Contact that names the account."""
	user = user or frappe.session.user
	if user == "Guest":
		return False
	if doc.user == user:
		return True
	if doc.contact:
		return frappe.db.get_value("Contact", doc.contact, "user") == user
	if doc.user or not doc.enrollment:
		return False
	# Somebody who came as a guest, and was given an account later.
	email = frappe.db.get_value("User", user, "email")
	return bool(email) and frappe.db.get_value(ENROLLMENT, doc.enrollment, "email_folded") == fold_email(
		email
	)


def training_certificate(doc: Document) -> dict:
	"""What the print format "Training Certificate" shows.

	:raises frappe.PermissionError: see `check_may_print`
	"""
	check_may_print(doc)
	settings = frappe.get_cached_doc("Alliance Settings")
	english, chinese, _secretariat = alliance_names()
	local = doc.holder_name_local if doc.holder_name_local != doc.holder_name else None
	large, small = (local, doc.holder_name) if local else (doc.holder_name, None)
	path, modules = qr_path(links.certificate_url(doc.token))
	program_zh = doc.program_name_zh if doc.program_name_zh != doc.program_name else None
	return {
		"alliance_name": english,
		"alliance_name_zh": chinese,
		"logo": as_data(settings.logo),
		"name": fit(large, NAME_WIDTH, ((150, 1), (120, 1), (96, 1), (78, 2))),
		"name_small": fit(small, NAME_WIDTH, ((62, 1), (50, 1), (42, 2))) if small else None,
		"organisation": fit(doc.organisation, NAME_WIDTH, ((46, 1), (38, 2))) if doc.organisation else None,
		"program": fit(doc.program_name or "", NAME_WIDTH, ((68, 1), (56, 1), (46, 2))),
		"program_zh": fit(program_zh, NAME_WIDTH, ((76, 1), (62, 1), (50, 2))) if program_zh else None,
		"hours": f"{flt(doc.hours, 2):g}",
		"number": doc.name,
		"dates": {
			field: both_dates(doc.get(field)) if doc.get(field) else None
			for field in ("completed_on", "issued_on", "valid_until")
		},
		"is_revoked": doc.status == policy.REVOKED,
		"signatory": settings.certificate_signatory,
		"signatory_zh": settings.certificate_signatory_zh,
		"position": settings.certificate_position,
		"position_zh": settings.certificate_position_zh,
		"signature": as_data(settings.certificate_signature),
		"qr_path": path,
		"qr_width": modules,
	}


def both_dates(day: date | str) -> dict[str, str]:
	"""A date in both languages."""
	day = getdate(day)
	return {
		"en": format_date(day, "d MMMM y", locale="en"),
		"zh": format_date(day, "y年M月d日", locale="zh"),
	}


def as_data(file_url: str | None) -> str | None:
	"""An image of the settings within the page itself: a private file is not open to whoever prints."""
	name = frappe.db.get_value("File", {"file_url": file_url, "is_folder": 0}) if file_url else None
	kind = mimetypes.guess_type(file_url or "")[0] or ""
	if not name or not kind.startswith("image/"):
		return None
	try:
		content = frappe.get_doc("File", name).get_content()
	except OSError:
		return None
	if isinstance(content, str):
		content = content.encode()
	return f"data:{kind};base64,{base64.b64encode(content).decode()}"


# Parts of it


def new_token() -> str:
	"""A token that nobody guesses."""
	return secrets.token_urlsafe(TOKEN_BYTES).replace("-", "a").replace("_", "b")


def _insert(*, program: Document, renews: str | None, **values: object) -> Document:
	doc = frappe.new_doc(CERTIFICATE)
	doc.update(
		{
			**values,
			"program": program.name,
			"program_name": program.program_name,
			"program_name_zh": program.program_name_zh,
			"issued_on": today(),
			"renews": renews,
		}
	)
	doc.flags.by_issue = True
	doc.insert(
		ignore_permissions=True
	)  # a job, or a participant's feedback, issues it by the program's rules
	if renews:
		frappe.get_doc(CERTIFICATE, renews).db_set("renewed_by", doc.name)
	notices.certificate(doc.name)
	return doc


def _live(enrollment: str) -> str | None:
	"""The live certificate as it is now, not as it was when the transaction began."""
	rows = frappe.db.sql(
		f"select name from `tab{CERTIFICATE}` where live_enrollment = %s for update", enrollment
	)
	return rows[0][0] if rows else None


def _to_be_renewed(row: frappe._dict, completed_on: date) -> str | None:
	"""The person's latest certificate of the program that has an end and no renewal, locked."""
	whose, values = [], {"program": row.program, "completed_on": completed_on, "enrollment": row.name}
	for field in ("contact", "user"):
		if row.get(field):
			whose.append(f"certificate.{field} = %({field})s")
			values[field] = row[field]
	if not whose:
		# Colleagues may share an address, so it says nothing of somebody who is known by more.
		whose.append(
			"certificate.contact is null and certificate.user is null and certificate.enrollment in"
			f" (select name from `tab{ENROLLMENT}` where email_folded = %(email)s)"
		)
		values["email"] = row.email_folded
	rows = frappe.db.sql(
		f"""select certificate.name from `tab{CERTIFICATE}` certificate
		where certificate.program = %(program)s and certificate.status = 'Valid'
			and certificate.renewed_by is null and certificate.valid_until is not null
			and certificate.completed_on <= %(completed_on)s
			and (certificate.enrollment is null or certificate.enrollment != %(enrollment)s)
			and ({" or ".join(whose)})
		order by certificate.valid_until desc, certificate.name desc limit 1 for update""",
		values,
	)
	return rows[0][0] if rows else None
