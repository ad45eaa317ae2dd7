"""One party that is invited in one campaign: who it is, what it got, what it answered, what came of it.

Whatever says where the invitation stands is written by `invitations.record` alone. Forms and requests may
change who the party is and who looks after it; their other values are put back.
"""

from __future__ import annotations

import secrets

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import escape_html, validate_email_address

from imta_crm.erp import masters
from imta_crm.invitations import campaigns, duplicates, prospects, record
from imta_crm.liaison.zones import is_zone
from imta_crm.policy import zones
from imta_crm.policy.invitation import (
	ACCEPTED,
	HELD,
	INTERESTED,
	MEMBERSHIP,
	OPEN,
	PLANNED,
	WITHDRAWN,
	can_be_answered,
	replies_for,
)
from imta_crm.policy.names import inert, tidy
from imta_crm.policy.prospects import HOLD, INVITE, Prospect

CHINESE_READERS = ("CN", "TW", "HK", "MO")
#: What a party is compared by.
COMPARED = ("prospect_name", "prospect_name_local", "country", "email", "website")
#: What decides when and in which language the next step goes.
PLANNED_BY = ("email", "country", "preferred_language", "time_zone")
#: An application is withdrawn, not its invitation.
WITHDRAWABLE = (*OPEN, HELD, INTERESTED, ACCEPTED)


class NotInvitableError(frappe.ValidationError):
	"""The party must not be invited, or is in a campaign already."""


class NotWithdrawnError(frappe.ValidationError):
	"""The invitation is over, or has become an application."""


#: The site's own country and region are no prospect's by default.
NO_DEFAULT = ("country", "territory")


class Invitation(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		admitted_on: DF.Date | None
		application: DF.Link | None
		campaign: DF.Link
		close_reason: DF.SmallText | None
		closed_at: DF.Datetime | None
		contact: DF.Link | None
		contact_first_name: DF.Data | None
		contact_last_name: DF.Data | None
		contact_position: DF.Data | None
		country: DF.Link | None
		duplicate_decided_at: DF.Datetime | None
		duplicate_decided_by: DF.Link | None
		duplicate_decision: DF.Literal["", "Different", "Same"]
		duplicate_doctype: DF.Link | None
		duplicate_of: DF.DynamicLink | None
		duplicate_reason: DF.SmallText | None
		due_since: DF.Datetime | None
		email: DF.Data | None
		email_domain: DF.Data | None
		email_folded: DF.Data | None
		first_sent_at: DF.Datetime | None
		invitee_type: DF.Literal["Organisation", "Individual"]
		last_sent_at: DF.Datetime | None
		later_on: DF.Date | None
		lead: DF.Link | None
		link_key: DF.Data | None
		live_email: DF.Data | None
		live_name: DF.Data | None
		member: DF.Link | None
		name_folded: DF.Data | None
		naming_series: DF.Literal["INVT-.YYYY.-.#####"]
		next_at: DF.Datetime | None
		next_key: DF.Data | None
		next_step: DF.Data | None
		officer: DF.Link | None
		phone: DF.Data | None
		preferred_language: DF.Link | None
		prospect_import: DF.Link | None
		prospect_name: DF.Data
		prospect_name_local: DF.Data | None
		purpose: DF.Data | None
		referred_by: DF.Link | None
		replied_at: DF.Datetime | None
		reply: DF.Literal["", "Interested", "Later", "No", "Wrong Person", "Do Not Write", "Yes", "By Mail"]
		reply_comment: DF.SmallText | None
		reply_via: DF.Literal["", "Reply Page", "E-mail", "One-Click Unsubscribe", "Officer"]
		sector: DF.Link | None
		source: DF.Literal["Lead", "File", "Lapsed Member", "Member", "Event", "Referral", "By Hand"]
		started_on: DF.Date | None
		status: DF.Literal[
			"Held",
			"Planned",
			"Invited",
			"Interested",
			"Later",
			"Accepted",
			"Declined",
			"Wrong Person",
			"Do Not Write",
			"Unreachable",
			"Applied",
			"Admitted",
			"Not Admitted",
			"No Reply",
			"Merged",
			"Withdrawn",
		]
		steps_done: DF.Int
		territory: DF.Link | None
		tier: DF.Link | None
		time_zone: DF.Autocomplete | None
		website: DF.Data | None
	# end: auto-generated types

	def update_if_missing(self, defaults: Document | dict) -> None:
		"""Frappe fills in what the site has for itself."""
		super().update_if_missing({key: defaults[key] for key in defaults if key not in NO_DEFAULT})

	def onload(self) -> None:
		if self.status == HELD and self.duplicate_of:
			self.set_onload("duplicate", duplicates.comparison(self))
		self.set_onload("touches", self.touches())
		self.set_onload("replies", replies_for(self.purpose) if can_be_answered(self.status) else ())
		self.set_onload("may_withdraw", self.status in WITHDRAWABLE)

	def before_insert(self) -> None:
		self.forget_system_fields()
		self.set_defaults()

	def validate(self) -> None:
		self.keep_system_fields()
		self.clean()
		self.update(record.folded(self))
		self.validate_party()
		self.update(record.live_keys(self))
		self.validate_alone()

	def after_insert(self) -> None:
		if not self.flags.by_invitations and self.status == PLANNED:
			self.follow_up()

	def on_update(self) -> None:
		before = self.get_doc_before_save()
		if before and any(before.get(field) != self.get(field) for field in PLANNED_BY):
			from imta_crm.invitations import sending

			sending.plan([self.name])

	# Steps

	def forget_system_fields(self) -> None:
		"""A form or a request says who is invited; what became of it is not theirs to say."""
		if self.flags.by_invitations:
			return
		for field in system_fields():
			self.set(field, None)
		self.steps_done = 0
		self.status, self.source = PLANNED, "By Hand"
		campaigns.check_open_for_prospects(self.campaign)

	def set_defaults(self) -> None:
		"""From the campaign and the country, where nothing is said."""
		campaign = frappe.get_cached_doc(campaigns.CAMPAIGN, self.campaign)
		self.purpose = campaign.purpose
		self.status = self.status or PLANNED
		# Names this invitation in signed links and in nothing else: who guesses the number has nothing.
		self.link_key = secrets.token_hex(24)
		self.officer = self.officer or campaign.default_officer
		if self.purpose == MEMBERSHIP:
			self.tier = self.tier or campaign.default_tier
		self.territory = self.territory or masters.territory_of(self.country)
		code = masters.country_codes().get(self.country, "")
		if not self.preferred_language:
			self.preferred_language = "zh" if code in CHINESE_READERS else campaign.default_language
		if not self.time_zone and code:
			self.time_zone = zones.zone_of(code)

	def keep_system_fields(self) -> None:
		"""Frappe keeps "read only" in the browser, not on the server."""
		before = self.get_doc_before_save()
		if before:
			for field in system_fields():
				self.set(field, before.get(field))

	def clean(self) -> None:
		for field in ("prospect_name", "prospect_name_local", "contact_first_name", "contact_last_name"):
			self.set(field, inert(tidy(self.get(field) or "")) or None)
		self.email = (self.email or "").strip() or None
		if self.email and self.has_value_changed("email"):
			self.email = validate_email_address(self.email, throw=not self.flags.by_invitations) or None
		if self.time_zone and not is_zone(self.time_zone):
			frappe.throw(_("{0} is not a time zone.").format(frappe.bold(escape_html(self.time_zone))))

	def validate_party(self) -> None:
		"""Made or changed by hand the party is compared with all that is known, as in an import."""
		if self.flags.by_invitations or self.status in record.CLOSED:
			return
		if not self.is_new() and not any(self.has_value_changed(field) for field in COMPARED):
			return
		register = prospects.make_register(self.campaign, without=self.name, lead=self.lead)
		judged = prospects.judge(self.as_prospect(), register, self.purpose)
		if judged.kind == INVITE:
			return
		if judged.kind != HOLD:
			frappe.throw(escape_html(judged.reason), NotInvitableError)
		if self.is_new():
			self.status = HELD
			self.duplicate_doctype, self.duplicate_of = judged.matched_doctype, judged.matched
			self.duplicate_reason = judged.reason
		elif self.status != HELD:
			frappe.msgprint(escape_html(judged.reason), indicator="orange", alert=True)

	def validate_alone(self) -> None:
		"""The unique keys say it, too; this says it in words."""
		if self.flags.by_invitations:
			return
		for field in ("live_email", "live_name"):
			if not self.get(field) or not self.has_value_changed(field):
				continue
			other = frappe.db.get_value(
				self.doctype, {field: self.get(field), "name": ("!=", self.name or "")}, ["name", "campaign"]
			)
			if other:
				frappe.throw(_("{0} is in a live campaign already ({1}).").format(*other), record.TakenError)

	def follow_up(self) -> None:
		from imta_crm.invitations import sending

		if self.purpose == MEMBERSHIP:
			prospects.ensure_lead(self)
		sending.plan([self.name])
		# The form that saved it goes on with what was written behind its back.
		self.update(
			frappe.db.get_value(self.doctype, self.name, [*system_fields(), "modified"], as_dict=True)
		)

	def touches(self) -> list[frappe._dict]:
		"""What was sent or is to be done, the latest first; who sees the invitation sees its touches."""
		return frappe.get_all(
			"Invitation Touch",
			{"invitation": self.name},
			[
				"name",
				"step_title",
				"channel",
				"status",
				"made_at",
				"sent_at",
				"email",
				"subject",
				"problem",
				"todo",
			],
			order_by="made_at desc, creation desc",
			limit=0,
		)

	@frappe.whitelist(methods=["POST"])
	def withdraw(self, reason: str) -> None:
		"""Take the invitation off the campaign: what is queued does not leave, no step follows."""
		from imta_crm.invitations import sending

		self.check_permission("write")
		if not (reason or "").strip():
			frappe.throw(_("Say why."))
		now = record.lock(self.name)
		if now.status == WITHDRAWN:
			return
		if now.status not in WITHDRAWABLE:
			frappe.throw(
				_("An invitation that is {0} cannot be withdrawn.").format(
					_(now.status, context=self.doctype)
				),
				NotWithdrawnError,
			)
		sending.stop(self.name, reason)
		record.close(self.name, WITHDRAWN, reason.strip())

	def as_prospect(self) -> Prospect:
		"""The party as the rules compare it."""
		return Prospect(
			key=self.name or "new",
			name=self.prospect_name or "",
			name_local=self.prospect_name_local or "",
			country=self.country or "",
			country_code=masters.country_codes().get(self.country, ""),
			email=self.email or "",
			website=self.website or "",
			invitee_type=self.invitee_type,
			lead=self.lead or "",
			member=self.member or "",
			contact=self.contact or "",
		)


def system_fields() -> list[str]:
	"""Fields that no form and no request writes."""
	return [
		field.fieldname
		for field in frappe.get_meta(record.INVITATION).fields
		if field.read_only and field.fieldtype not in ("HTML", "Section Break", "Column Break")
	]


def on_doctype_update() -> None:
	"""What the funnel and the sending ask for."""
	frappe.db.add_index(record.INVITATION, ["campaign", "status"])
	frappe.db.add_index(record.INVITATION, ["purpose", "first_sent_at"])
