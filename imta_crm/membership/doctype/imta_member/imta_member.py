from __future__ import annotations

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import formatdate, get_link_to_form, getdate, nowdate

from imta_crm.erp import contacts, customers, masters
from imta_crm.membership import affiliates, members
from imta_crm.membership.members import DuplicateMemberError, ProtectedFieldError
from imta_crm.membership.permissions import OFFICER_ROLE
from imta_crm.policy.names import fold, tidy
from imta_crm.policy.status import Status, allowed_changes

# Written by members.py, the customers and the admission alone.
PROTECTED = (
	"status",
	"status_since",
	"tier",
	"tier_since",
	"left_on",
	"customer",
	"application",
	"source",
	"roster_no",
	"card_token",
)
HISTORIES = {
	"status_history": ("status", "from_date", "to_date", "reason", "membership_change", "changed_by"),
	"tier_history": ("tier", "from_date", "to_date", "reason", "membership_change", "changed_by"),
}
# Who may look after members.
OFFICER_ROLES = (OFFICER_ROLE, "Membership Manager")
# What the Customer repeats.
SHARED_WITH_CUSTOMER = (
	"member_name",
	"territory",
	"sector",
	"invoice_currency",
	"preferred_language",
	"website",
)


class MemberHasChargesError(frappe.ValidationError):
	"""The member is part of the books."""


class LedgerCurrencyError(frappe.ValidationError):
	"""The member is invoiced in the currency of the entries that it has in the ledger."""


class IMTAMember(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from imta_crm.membership.doctype.member_language.member_language import MemberLanguage
		from imta_crm.membership.doctype.member_name.member_name import MemberName
		from imta_crm.membership.doctype.member_status_history.member_status_history import (
			MemberStatusHistory,
		)
		from imta_crm.membership.doctype.member_tier_history.member_tier_history import MemberTierHistory

		application: DF.Link | None
		card_token: DF.Data | None
		country: DF.Link
		customer: DF.Link | None
		email: DF.Data | None
		identity_key: DF.Data | None
		image: DF.AttachImage | None
		invoice_currency: DF.Link | None
		is_key_member: DF.Check
		joined_on: DF.Date | None
		languages: DF.TableMultiSelect[MemberLanguage]
		left_on: DF.Date | None
		member_name: DF.Data
		member_name_local: DF.Data | None
		member_type: DF.Literal["Organisation", "Individual"]
		name_folded: DF.Data | None
		naming_series: DF.Literal["IMTA-.#####"]
		officer: DF.Link | None
		other_names: DF.Table[MemberName]
		personal_email: DF.Data | None
		phone: DF.Data | None
		preferred_language: DF.Link | None
		primary_contact: DF.Link | None
		roster_no: DF.Data | None
		sector: DF.Link | None
		source: DF.Literal["", "Web", "Secretariat", "Invitation", "Import"]
		status: DF.Literal[
			"Applicant", "Active", "In Arrears", "Suspended", "Withdrawn", "Removed", "Emeritus"
		]
		status_history: DF.Table[MemberStatusHistory]
		status_since: DF.Date | None
		territory: DF.Link | None
		tier: DF.Link
		tier_history: DF.Table[MemberTierHistory]
		tier_since: DF.Date | None
		website: DF.Data | None
	# end: auto-generated types

	def onload(self) -> None:
		contacts.load_onto(self)
		self.set_onload("affiliates", affiliates.of_member(self.name))
		self.set_onload("standing", self.standing())
		self.set_onload("allowed_changes", allowed_changes(self.status))

	def before_insert(self) -> None:
		self.refuse_preset_fields()
		self.set_admission()

	def before_validate(self) -> None:
		self.set_names()
		self.set_website()

	def validate(self) -> None:
		self.validate_protected_fields()
		self.validate_tier()
		self.validate_dates()
		self.validate_officer()
		self.validate_currency()
		self.set_region()
		self.set_identity()

	def after_insert(self) -> None:
		self.ensure_customer()
		self.ensure_contact_and_address()

	def on_update(self) -> None:
		if self.flags.in_insert:
			return
		self.ensure_customer()
		if self.has_value_changed("member_name"):
			affiliates.follow_member(self.name, self.member_name)
		if any(self.has_value_changed(field) for field in SHARED_WITH_CUSTOMER):
			customers.sync(self)
		self.sync_contacts()

	def on_trash(self) -> None:
		self.refuse_if_charged()
		affiliates.remove_all(self.name)
		self.db_set("primary_contact", None, update_modified=False)
		contacts.unlink(self.doctype, self.name)
		customers.release(self)

	# Admission

	def refuse_preset_fields(self) -> None:
		"""A new member's status, histories and the like come from the admission, also in an import."""
		if self.flags.admission:
			return
		given = [field for field in PROTECTED if field != "tier" and self.get(field)]
		if self.status in (None, "", Status.APPLICANT.value):
			given = [field for field in given if field != "status"]
		given += [field for field in HISTORIES if self.get(field)]
		if given:
			self.refuse(given)

	def set_admission(self) -> None:
		admission = self.flags.admission
		self.joined_on = getdate(self.joined_on or nowdate())
		self.source = self.flags.source or "Secretariat"
		if admission:
			self.application = admission.application
			self.roster_no = admission.roster_no
		self.officer = self.officer or frappe.db.get_single_value("Alliance Settings", "default_officer")
		is_emeritus = frappe.db.get_value("Member Tier", self.tier, "is_emeritus")
		self.status = (Status.EMERITUS if is_emeritus else Status.ACTIVE).value
		self.card_token = members.new_card_token()
		members.open_history(self, self.joined_on, _("Admitted"))

	# Rules

	def set_names(self) -> None:
		self.member_name = tidy(self.member_name or "")
		self.member_name_local = tidy(self.member_name_local or "") or None
		if not self.member_name:
			frappe.throw(_("The member needs a name."), frappe.MandatoryError)

	def set_website(self) -> None:
		"""People write "club.example"; the field wants an address that a browser opens."""
		self.website = (self.website or "").strip() or None
		if self.website and "://" not in self.website:
			self.website = f"https://{self.website}"

	def validate_protected_fields(self) -> None:
		before = self.get_doc_before_save()
		if self.is_new() or not before or self.flags.by_membership:
			return
		changed = [field for field in PROTECTED if _plain(self.get(field)) != _plain(before.get(field))]
		changed += [
			field
			for field, columns in HISTORIES.items()
			if _rows(self, field, columns) != _rows(before, field, columns)
		]
		if changed:
			self.refuse(changed)

	def refuse(self, fields: list[str]) -> None:
		labels = ", ".join(_(self.meta.get_label(field)) for field in fields)
		frappe.throw(
			_("{0} cannot be set here: use a Membership Change.").format(frappe.bold(labels)),
			ProtectedFieldError,
		)

	def validate_tier(self) -> None:
		if not (self.is_new() or self.flags.by_membership):
			return
		tier = frappe.db.get_value("Member Tier", self.tier, ["member_type", "disabled"], as_dict=True)
		if not tier:
			return  # the link check says so
		if tier.member_type not in ("Any", self.member_type):
			frappe.throw(_("Tier {0} is not for members of type {1}.").format(self.tier, _(self.member_type)))
		if tier.disabled and self.is_new():
			frappe.throw(_("Tier {0} is disabled.").format(self.tier))

	def validate_dates(self) -> None:
		if getdate(self.joined_on) > getdate(nowdate()):
			frappe.throw(_("{0} lies in the future.").format(_("Joined On")))
		before = self.get_doc_before_save()
		if self.is_new() or not before or getdate(before.joined_on) == getdate(self.joined_on):
			return
		self.correct_joining_date()

	def correct_joining_date(self) -> None:
		"""A typing mistake may be put right, with both histories, until dues were charged by it."""
		if self.has_charges():
			frappe.throw(
				_("{0} cannot be changed: dues have been charged by it.").format(_("Joined On")),
				ProtectedFieldError,
			)
		for field in HISTORIES:
			first = self.get(field)[0]
			if first.to_date and getdate(first.to_date) < getdate(self.joined_on):
				frappe.throw(
					_("{0} lies after the first change, which counts from {1}.").format(
						_("Joined On"), formatdate(frappe.utils.add_days(first.to_date, 1))
					),
					members.RewritesThePastError,
				)
			first.from_date = self.joined_on
		if len(self.status_history) == 1:
			self.status_since = self.joined_on
		if len(self.tier_history) == 1:
			self.tier_since = self.joined_on

	def validate_officer(self) -> None:
		if (
			self.officer
			and self.has_value_changed("officer")
			and not set(OFFICER_ROLES).intersection(frappe.get_roles(self.officer))
		):
			frappe.throw(_("{0} does not have the role {1}.").format(self.officer, _(OFFICER_ROLE)))

	def validate_currency(self) -> None:
		"""ERPNext keeps a customer's ledger in one currency: changing it later would stop the invoices."""
		if self.is_new() or not self.has_value_changed("invoice_currency"):
			return
		ledger = customers.ledger_currency(self.customer)
		if not ledger or ledger == self.invoice_currency:
			return
		if not self.invoice_currency:
			# Empty means the reference currency of each dues year, which may be another one.
			frappe.throw(
				_("{0} has entries in {1} in the ledger: {2} cannot be emptied.").format(
					self.member_name, ledger, _(self.meta.get_label("invoice_currency"))
				),
				LedgerCurrencyError,
			)
		frappe.throw(
			_("{0} has entries in {1} in the ledger and cannot be invoiced in {2}.").format(
				self.member_name, ledger, self.invoice_currency
			),
			LedgerCurrencyError,
		)

	def set_region(self) -> None:
		before = self.get_doc_before_save()
		moved = before and before.country != self.country and before.territory == self.territory
		if not self.territory or moved:
			self.territory = masters.territory_of(self.country) or self.territory

	def set_identity(self) -> None:
		self.personal_email = self.email if self.member_type == "Individual" else None
		self.name_folded = fold(self.member_name)[:140]
		self.identity_key = members.identity_key(self.member_name, self.country or "")
		other = frappe.db.get_value(
			self.doctype,
			{"identity_key": self.identity_key, "name": ("!=", self.name or "")},
			["name", "status"],
			as_dict=True,
		)
		if other:
			frappe.throw(
				_("{0} in {1} is a member already: {2} ({3}).").format(
					frappe.bold(frappe.utils.escape_html(self.member_name)),
					_(self.country),
					get_link_to_form(self.doctype, other.name),
					_(other.status, context="IMTA Member"),
				),
				DuplicateMemberError,
			)

	# Customer, people and places

	def ensure_customer(self) -> None:
		if self.customer or frappe.get_cached_value("Member Tier", self.tier, "is_exempt"):
			return
		customers.ensure_customer(self, lead=self.flags.admission.lead if self.flags.admission else None)

	def sync_contacts(self) -> None:
		before = self.get_doc_before_save()
		if not before:
			return
		fields = {"name": "member_name", "email": "email", "phone": "phone"}
		contacts.follow(
			self.doctype,
			self.name,
			{what: (before.get(field), self.get(field)) for what, field in fields.items()},
		)

	def ensure_contact_and_address(self) -> None:
		admission = self.flags.admission
		links = [(self.doctype, self.name), ("Customer", self.customer)]
		is_organisation = self.member_type == "Organisation"
		person = admission.contact_first_name if admission else None
		if person or self.email or self.phone:
			contact = contacts.ensure_contact(
				links=links,
				first_name=person or (None if is_organisation else self.member_name),
				last_name=admission.contact_last_name if person else None,
				position=admission.contact_position if person else None,
				email=self.email,
				phone=self.phone,
				company_name=self.member_name if is_organisation else None,
				is_primary=True,
			)
			self.db_set("primary_contact", contact, update_modified=False)
			if person and is_organisation:
				affiliates.add(
					self.name,
					contact,
					position=admission.contact_position,
					from_date=self.joined_on,
					is_representative=True,
				)
		if admission and admission.address_line1:
			contacts.ensure_address(
				links=links,
				title=self.member_name,
				address_line1=admission.address_line1,
				city=admission.city or _(self.country),
				country=self.country,
				postal_code=admission.postal_code,
				email=self.email,
				phone=self.phone,
			)

	# Standing

	def standing(self) -> dict | None:
		"""What the ledger says the member owes, by currency. Never stored."""
		if not self.customer:
			return None
		from imta_crm.erp.ledger import standing_of

		found = standing_of([self.customer]).get(self.customer)
		return found.as_dict() if found else None

	def has_charges(self) -> bool:
		return bool(frappe.db.exists("Dues Charge", {"member": self.name}))

	def refuse_if_charged(self) -> None:
		if self.has_charges():
			frappe.throw(
				_(
					"{0} cannot be deleted: dues have been charged and belong to the books. "
					"Use a Membership Change to withdraw or remove the member."
				).format(self.member_name),
				MemberHasChargesError,
			)


def on_doctype_update() -> None:
	"""Indexes for portfolio and dues, and a key that compares as policy folds: by character, not by likeness."""
	frappe.db.add_index("IMTA Member", ["officer", "status"])
	frappe.db.add_index("IMTA Member", ["status", "tier"])
	if frappe.db.db_type != "mariadb":
		return
	collation = frappe.db.sql(
		"""select collation_name from information_schema.columns
		where table_schema = database() and table_name = 'tabIMTA Member' and column_name = 'identity_key'"""
	)
	if collation and collation[0][0] != "utf8mb4_bin":
		frappe.db.sql_ddl(
			"""alter table `tabIMTA Member`
			modify `identity_key` varchar(255) character set utf8mb4 collate utf8mb4_bin"""
		)


def _plain(value: object) -> str:
	"""A value for comparing: dates and their text alike, nothing and the empty text alike."""
	return "" if value in (None, 0) else str(value)


def _rows(doc: Document, field: str, columns: tuple[str, ...]) -> list[tuple[str, ...]]:
	return [tuple(_plain(row.get(column)) for column in columns) for row in doc.get(field) or []]


@frappe.whitelist()
@frappe.validate_and_sanitize_search_inputs
def officer_query(
	doctype: str, txt: str, searchfield: str, start: int, page_len: int, filters: dict | None
) -> list[tuple]:
	"""Enabled users who may look after members, for the officer's field."""
	frappe.has_permission("IMTA Member", "read", throw=True)
	user = frappe.qb.DocType("User")
	role = frappe.qb.DocType("Has Role")
	text = f"%{txt}%"
	return (
		frappe.qb.from_(user)
		.join(role)
		.on((role.parent == user.name) & (role.parenttype == "User"))
		.select(user.name, user.full_name)
		.distinct()
		.where(role.role.isin(OFFICER_ROLES) & (user.enabled == 1))
		.where(user.name.like(text) | user.full_name.like(text))
		.orderby(user.full_name)
		.limit(page_len)
		.offset(start)
		.run()
	)
