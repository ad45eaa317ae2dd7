"""One who is never invited: by address, by domain, or by name and country."""

from __future__ import annotations

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import nowdate, validate_email_address

from imta_crm.invitations import do_not_invite, permissions
from imta_crm.invitations.do_not_invite import AlreadyListedError
from imta_crm.policy.names import tidy
from imta_crm.policy.prospects import fold_email, is_shared_domain


class NothingListedError(frappe.ValidationError):
	"""Neither an address nor a domain nor a name with its country."""


class PublicDomainError(frappe.ValidationError):
	"""The domain is one at which people of all kinds have their mail."""


#: The site's own country and region are no prospect's by default.
NO_DEFAULT = ("country",)


class DoNotInvite(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		added_on: DF.Date | None
		country: DF.Link | None
		domain: DF.Data | None
		email: DF.Data | None
		email_hash: DF.Data | None
		invitation: DF.Link | None
		name_key: DF.Data | None
		party_name: DF.Data | None
		reason: DF.SmallText
		source: DF.Literal["Secretariat", "Reply Page", "One-Click Unsubscribe", "E-mail", "Erasure"]
	# end: auto-generated types

	def update_if_missing(self, defaults: Document | dict) -> None:
		"""Frappe fills in what the site has for itself."""
		super().update_if_missing({key: defaults[key] for key in defaults if key not in NO_DEFAULT})

	def before_insert(self) -> None:
		self.added_on = nowdate()
		if not self.flags.by_invitations:
			# Only the system may say that the person asked for it.
			self.source, self.invitation, self.email_hash = "Secretariat", None, None

	def validate(self) -> None:
		self.keep_system_fields()
		self.clean()
		self.set_keys()
		self.validate_something_is_listed()
		self.validate_domain()
		self.validate_not_listed_yet()

	def after_insert(self) -> None:
		do_not_invite.withdraw(self)

	def on_update(self) -> None:
		before = self.get_doc_before_save()
		if before and any(before.get(field) != self.get(field) for field in ("email", "domain", "name_key")):
			do_not_invite.withdraw(self)

	# Steps

	def keep_system_fields(self) -> None:
		"""Frappe keeps "read only" in the browser, not on the server."""
		before = self.get_doc_before_save()
		if before:
			for field in ("source", "invitation", "added_on"):
				self.set(field, before.get(field))

	def clean(self) -> None:
		self.email = (self.email or "").strip() or None
		if self.email and self.has_value_changed("email"):
			self.email = fold_email(validate_email_address(self.email, throw=True))
		self.domain = do_not_invite.fold_domain(self.domain) or None
		self.party_name = tidy(self.party_name or "") or None

	def set_keys(self) -> None:
		before = self.get_doc_before_save()
		if self.email != (before.email if before else None):
			self.email_hash = do_not_invite.hash_of(self.email) if self.email else None
		elif before:
			# After an erasure the hash alone is left.
			self.email_hash = before.email_hash
		self.name_key = do_not_invite.name_key(self.party_name, self.country)

	def validate_something_is_listed(self) -> None:
		if self.party_name and not self.country:
			frappe.throw(_("A name is listed with its country or region."), NothingListedError)
		if not (self.email_hash or self.domain or self.party_name):
			frappe.throw(_("Name an address, a domain, or a name with its country."), NothingListedError)

	def validate_domain(self) -> None:
		if not self.domain or not self.has_value_changed("domain"):
			return
		if not (self.flags.by_invitations or permissions.plans_all()):
			# It takes people off the campaigns of others, too.
			frappe.throw(
				_("Membership managers list a whole domain; list the address."), frappe.PermissionError
			)
		if "." not in self.domain:
			frappe.throw(_("{0} is not a domain.").format(frappe.bold(self.domain)), NothingListedError)
		if is_shared_domain(self.domain):
			frappe.throw(
				_("People of all kinds have their mail at {0}. Name the address instead.").format(
					frappe.bold(self.domain)
				),
				PublicDomainError,
			)

	def validate_not_listed_yet(self) -> None:
		if not self.email_hash:
			return
		# The unique key says it, too; this says it in words.
		found = frappe.db.get_value(
			"Do Not Invite", {"email_hash": self.email_hash, "name": ("!=", self.name)}
		)
		if found:
			frappe.throw(_("{0} is on the list already.").format(frappe.bold(self.email)), AlreadyListedError)
