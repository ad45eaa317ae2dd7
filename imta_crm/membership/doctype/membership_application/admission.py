"""From an approved application to a member; and who is the same applicant as somebody we know."""

from __future__ import annotations

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import get_link_to_form, getdate

from imta_crm.policy.names import fold

OPEN_STATES = ("Draft", "Submitted", "Secretariat Check", "Council Review")


class DuplicateApplicant(frappe.ValidationError):
	"""The applicant is a member already, or has another open application."""


def admit(application: Document) -> str:
	"""Make the member, Customer where dues are owed, Contact, Address and number; return the member's name.

	The caller keeps it whole: any error raised here takes everything back. Raises DuplicateApplicant.
	"""
	from imta_crm.membership.members import NewMember, create_member

	refuse_duplicates(application)
	member = create_member(
		NewMember(
			member_name=application.applicant_name,
			member_name_local=application.applicant_name_local,
			member_type=application.applicant_type,
			country=application.country,
			tier=application.tier,
			sector=application.sector,
			email=application.email,
			phone=application.phone,
			website=application.website,
			preferred_language=application.preferred_language,
			invoice_currency=application.invoice_currency,
			contact_first_name=application.contact_first_name,
			contact_last_name=application.contact_last_name,
			contact_position=application.contact_position,
			address_line1=application.address_line1,
			city=application.city,
			postal_code=application.postal_code,
			application=application.name,
			lead=application.lead,
		),
		source=application.source,
		on=getdate(application.admitted_on),
	)
	return member.name


def same_members(application: Document) -> list[dict]:
	"""Members, former ones too, with the applicant's name (case and space aside) in the same country."""
	return frappe.get_all(
		"IMTA Member",
		filters={"name_folded": fold(application.applicant_name or ""), "country": application.country},
		fields=["name", "member_name", "status"],
	)


def same_applications(application: Document) -> list[dict]:
	"""Other open applications of the same name and country."""
	return frappe.get_all(
		"Membership Application",
		filters={
			"name_folded": fold(application.applicant_name or ""),
			"country": application.country,
			"workflow_state": ["in", OPEN_STATES],
			"name": ["!=", application.name or ""],
		},
		fields=["name", "applicant_name", "workflow_state"],
	)


def warn_of_duplicates(application: Document) -> None:
	"""Tell the Secretariat, never a guest, that the applicant seems to be known."""
	lines = [
		_("{0} is a member already: {1} ({2}).").format(
			frappe.bold(row.member_name),
			get_link_to_form("IMTA Member", row.name),
			_(row.status, context="IMTA Member"),
		)
		for row in same_members(application)
	]
	lines += [
		_("{0} has another open application: {1} ({2}).").format(
			frappe.bold(row.applicant_name),
			get_link_to_form("Membership Application", row.name),
			_(row.workflow_state),
		)
		for row in same_applications(application)
	]
	if lines:
		frappe.msgprint("<br>".join(lines), title=_("Possible Duplicate"), indicator="orange")


def refuse_duplicates(application: Document) -> None:
	"""Raise DuplicateApplicant where approval would make a second membership of the same applicant."""
	for row in same_members(application):
		if row.status in ("Withdrawn", "Removed"):
			text = _("{0} was a member before ({1}). Reinstate it with a Membership Change instead.")
		else:
			text = _("{0} is a member already ({1}).")
		frappe.throw(text.format(row.member_name, row.name), DuplicateApplicant)
	for row in same_applications(application):
		frappe.throw(
			_("{0} has another open application ({1}). Reject one of the two first.").format(
				row.applicant_name, row.name
			),
			DuplicateApplicant,
		)


def duplicates_for_display(application: Document) -> list[dict]:
	"""Who may be the same, for the form: same or similar name, or same e-mail. Only what the user may read."""
	if application.workflow_state not in OPEN_STATES or not application.name_folded:
		return []
	found: dict[str, dict] = {}
	fields = ["name", "member_name", "member_name_local", "country", "tier", "email", "status", "joined_on"]
	filters = [{"name_folded": application.name_folded}]
	if application.email:
		filters.append({"email": application.email})
	if application.applicant_name_local:
		filters.append({"member_name_local": application.applicant_name_local})
	for some in filters:
		# get_list: an officer sees the members of the own portfolio only.
		for row in frappe.get_list("IMTA Member", filters=some, fields=fields, limit=5):
			found[row.name] = {
				"doctype": "IMTA Member",
				"name": row.name,
				"applicant_name": row.member_name,
				"applicant_name_local": row.member_name_local,
				"country": row.country,
				"tier": row.tier,
				"email": row.email,
				"state": row.status,
				"since": row.joined_on,
			}
	for some in [{"name_folded": application.name_folded}, {"email": application.email or "-"}]:
		for row in frappe.get_list(
			"Membership Application",
			filters={**some, "name": ["!=", application.name], "workflow_state": ["in", OPEN_STATES]},
			fields=[
				"name",
				"applicant_name",
				"applicant_name_local",
				"country",
				"tier",
				"email",
				"workflow_state as state",
				"submitted_on as since",
			],
			limit=5,
		):
			found[row.name] = {"doctype": "Membership Application", **row}
	return list(found.values())


def tier_is_open(tier: str | None, applicant_type: str | None) -> bool:
	"""Whether somebody of this kind may be admitted to the tier at all."""
	row = frappe.db.get_value("Member Tier", tier, ["disabled", "member_type"], as_dict=True)
	return bool(row) and not row.disabled and row.member_type in ("Any", applicant_type)
