"""An application for membership on its way from the first draft to the Council's decision.

Which step follows which, and who may take it, is the Workflow "Membership Application". This controller
adds what a workflow cannot say: what each step needs, what a guest may write, that a decision is final, and
that approval makes the member completely or not at all.
"""

from __future__ import annotations

import re

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import getdate, now_datetime, today, validate_email_address

from imta_crm.membership.doctype.membership_application import admission, mails
from imta_crm.policy.names import fold, tidy
from imta_crm.portal import intake
from imta_crm.workflows import check_is_on

DRAFT = "Draft"
SUBMITTED = "Submitted"
SECRETARIAT_CHECK = "Secretariat Check"
COUNCIL_REVIEW = "Council Review"
APPROVED = "Approved"
REJECTED = "Rejected"
FINAL = (APPROVED, REJECTED)
#: What a liaison officer works on; from the Council's table on, the membership managers alone write.
OFFICER_STATES = (DRAFT, SUBMITTED, SECRETARIAT_CHECK)
#: Written by the system alone. Frappe keeps "read only" in the browser, not on the server.
SYSTEM_FIELDS = (
	"member",
	"decided_by",
	"submitted_on",
	"told_on",
	"invitation",
	"dues_state",
	"dues_note",
)
SAVEPOINT = "membership_application_decision"

_LINK = re.compile(r"https?:|www\.|://|[<>]", re.IGNORECASE)
_SEVERAL = re.compile(r"[,;<>\s]")


class FinalDecision(frappe.ValidationError):
	"""An approved or rejected application was to be changed."""


class DecisionIncomplete(frappe.ValidationError):
	"""Approval or rejection without date, reference or reason."""


class TierNotOpen(frappe.ValidationError):
	"""The tier is disabled or not meant for this kind of applicant."""


class MembershipApplication(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		address_line1: DF.Data | None
		admitted_on: DF.Date | None
		applicant_name: DF.Data
		applicant_name_local: DF.Data | None
		applicant_type: DF.Literal["Organisation", "Individual"]
		city: DF.Data | None
		consent: DF.Check
		contact_first_name: DF.Data | None
		contact_last_name: DF.Data | None
		contact_position: DF.Data | None
		council_decision_on: DF.Date | None
		council_reference: DF.Data | None
		country: DF.Link
		decided_by: DF.Link | None
		dues_note: DF.SmallText | None
		dues_state: DF.Literal["", "To Bill", "Billed", "Left to the Dues Run", "Nothing Due", "Problem"]
		email: DF.Data
		invitation: DF.Link | None
		invoice_currency: DF.Link | None
		lead: DF.Link | None
		member: DF.Link | None
		motivation: DF.SmallText | None
		name_folded: DF.Data | None
		personal_email: DF.Data | None
		phone: DF.Data | None
		postal_code: DF.Data | None
		preferred_language: DF.Link | None
		rejection_reason: DF.SmallText | None
		sector: DF.Link | None
		source: DF.Literal["Web", "Secretariat", "Invitation", "Import"]
		submitted_on: DF.Datetime | None
		tell_admission: DF.Check
		tell_rejection: DF.Check
		tier: DF.Link
		told_on: DF.Datetime | None
		website: DF.Data | None
		workflow_state: DF.Link | None
	# end: auto-generated types

	def onload(self) -> None:
		self.set_onload("duplicates", admission.duplicates_for_display(self))

	def before_insert(self) -> None:
		for field in SYSTEM_FIELDS:
			self.set(field, None)
		self.invitation = self.flags.invitation
		if intake.is_web_form():
			self.source = "Web"
			intake.check(self)
		elif self.source == "Web":
			# Only the public form may say that the applicant wrote this.
			self.source = "Secretariat"

	def validate(self) -> None:
		self.validate_workflow_is_on()
		self.validate_not_final()
		self.validate_system_fields()
		self.clean_names()
		self.validate_contact()
		self.validate_tier()
		self.validate_decision()
		if self.is_entering(*FINAL):
			frappe.db.savepoint(SAVEPOINT)

	def after_insert(self) -> None:
		if self.source == "Web":
			# No role takes this step: a guest has none. The form itself hands the application in.
			self.db_set("workflow_state", SUBMITTED, update_modified=False)

	def on_update(self) -> None:
		if self.is_entering(SUBMITTED):
			self.receive()
		elif self.is_entering(APPROVED):
			self.decide(admission.admit)
		elif self.is_entering(REJECTED):
			self.decide(lambda application: None)

	# Steps

	def receive(self) -> None:
		"""Handed in: note when, confirm to the applicant, warn of duplicates, tell the managers."""
		first_time = not self.submitted_on
		self.db_set("submitted_on", self.submitted_on or now_datetime(), update_modified=False)
		if self.source == "Web" and first_time:
			mails.confirm_receipt(self)
			mails.tell_managers(self)
		if not intake.is_web_form():
			# A guest must not learn who is a member or has applied.
			admission.warn_of_duplicates(self)

	def decide(self, carry_out) -> None:
		"""Record the Council's decision and all that follows from it, or nothing.

		The caller's transaction would be rolled back by an unhandled error anyway; the savepoint keeps the
		promise also for a caller that catches it and goes on, such as the bulk approval of Frappe.
		"""
		try:
			member = carry_out(self)
			self.db_set(
				{
					"member": member,
					"decided_by": frappe.session.user,
					"admitted_on": self.admitted_on if member else None,
				},
				update_modified=False,
			)
			self.tell_applicant()
		except Exception:
			frappe.db.rollback(save_point=SAVEPOINT)
			before = self.get_doc_before_save()
			self.workflow_state, self.member = before.workflow_state, None
			raise

	def tell_applicant(self) -> None:
		"""Write to the applicant where that is wanted, once."""
		wanted = self.tell_admission if self.workflow_state == APPROVED else self.tell_rejection
		if not wanted or self.told_on or not self.email:
			return
		sent = mails.welcome(self) if self.workflow_state == APPROVED else mails.decline(self)
		if sent:
			self.db_set("told_on", now_datetime(), update_modified=False)
		else:
			frappe.msgprint(
				_("The applicant has not been told: this site has no outgoing e-mail account."),
				indicator="orange",
			)

	# Rules

	def state_before(self) -> str | None:
		"""State in the database before this save; a new document has none."""
		before = self.get_doc_before_save()
		return (before.workflow_state or DRAFT) if before else None

	def is_entering(self, *states: str) -> bool:
		return self.workflow_state in states and self.state_before() != self.workflow_state

	def validate_workflow_is_on(self) -> None:
		if not self.workflow_state:
			self.workflow_state = DRAFT
		check_is_on(self, self.workflow_state, self.state_before() or DRAFT)

	def validate_not_final(self) -> None:
		before = self.get_doc_before_save()
		if not before or before.workflow_state not in FINAL:
			return
		changed = [df.label for df in self.meta.fields if self.has_value_changed(df.fieldname)]
		if changed:
			frappe.throw(
				_("{0} is {1}; a decided application is not changed any more.").format(
					self.name, _(before.workflow_state)
				),
				FinalDecision,
			)

	def validate_system_fields(self) -> None:
		before = self.get_doc_before_save()
		if not before:
			return
		for field in SYSTEM_FIELDS:
			self.set(field, before.get(field))

	def clean_names(self) -> None:
		for field in ("applicant_name", "applicant_name_local", "contact_first_name", "contact_last_name"):
			self.set(field, tidy(self.get(field) or "") or None)
			if not is_plain_name(self.get(field)):
				# Names go into mails and on to pages: no room for addresses and markup. (The signs themselves
				# would make this text HTML, for which Frappe finds no translation.)
				frappe.throw(
					_("{0}: a name without web addresses and angle brackets, please.").format(
						_(self.meta.get_label(field))
					)
				)
		self.name_folded = fold(self.applicant_name or "")

	def validate_contact(self) -> None:
		self.email = (self.email or "").strip()
		if self.email:
			if _SEVERAL.search(self.email):
				# Frappe takes a list here, and one application would write to many.
				frappe.throw(_("Please enter one e-mail address."), frappe.InvalidEmailAddressError)
			validate_email_address(self.email, throw=True)
		# An individual's data are personal as a whole; erasing finds them by this (see user_data_fields).
		self.personal_email = self.email if self.applicant_type == "Individual" else None

	def validate_tier(self) -> None:
		if not (self.has_value_changed("tier") or self.has_value_changed("applicant_type")):
			return
		if not admission.tier_is_open(self.tier, self.applicant_type):
			frappe.throw(
				_("The tier {0} is not open to an applicant of the kind {1}.").format(
					_(self.tier), _(self.applicant_type)
				),
				TierNotOpen,
			)

	def validate_decision(self) -> None:
		if not self.is_entering(*FINAL):
			return
		needed = ["council_decision_on", "council_reference"]
		if self.workflow_state == REJECTED:
			needed.append("rejection_reason")
		missing = [_(self.meta.get_label(field)) for field in needed if not (self.get(field) or "")]
		if missing:
			frappe.throw(
				_("The decision of the Council is incomplete: {0}").format(", ".join(missing)),
				DecisionIncomplete,
			)
		if getdate(self.council_decision_on) > getdate(today()):
			frappe.throw(_("The Council cannot have decided on a day to come."), DecisionIncomplete)
		if self.workflow_state == APPROVED:
			self.admitted_on = self.admitted_on or self.council_decision_on
			if getdate(self.admitted_on) < getdate(self.council_decision_on):
				frappe.throw(_("Nobody is a member before the Council has decided."), DecisionIncomplete)
			if getdate(self.admitted_on) > getdate(today()):
				frappe.throw(
					_("Approve on the day of admission or later: a member is active at once."),
					DecisionIncomplete,
				)


def is_plain_name(text: str | None) -> bool:
	"""Whether a name is free of web addresses and markup."""
	return not (text and _LINK.search(text))


def has_permission(doc: Document, ptype: str = "read", user: str | None = None, **kwargs) -> bool:
	"""Narrow what the roles grant: a liaison officer writes only until the papers go to the Council.

	Judged by the state in the database, never by the one in the request.
	"""
	if ptype not in ("write", "delete", "share") or doc.is_new():
		return True
	roles = frappe.get_roles(user)
	if "Membership Manager" in roles or "System Manager" in roles:
		return True
	return frappe.db.get_value(doc.doctype, doc.name, "workflow_state") in (*OFFICER_STATES, None, "")
