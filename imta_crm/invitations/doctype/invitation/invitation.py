from __future__ import annotations

import secrets

import frappe
from frappe.model.document import Document

from imta_crm.erp import masters
from imta_crm.invitations import record
from imta_crm.policy.names import tidy


class Invitation(Document):
	def before_insert(self) -> None:
		self.set_defaults()

	def validate(self) -> None:
		self.prospect_name = tidy(self.prospect_name or "")
		self.prospect_name_local = tidy(self.prospect_name_local or "") or None
		self.email = (self.email or "").strip() or None
		self.update(record.folded(self))
		self.update(record.live_keys(self))

	def set_defaults(self) -> None:
		"""From the campaign and the country, where nothing is said."""
		campaign = frappe.get_cached_doc("Invitation Campaign", self.campaign)
		self.purpose = campaign.purpose
		self.link_key = secrets.token_hex(24)
		self.status = self.status or "Planned"
		self.officer = self.officer or campaign.default_officer
		self.tier = self.tier or campaign.default_tier
		code = (
			(frappe.get_cached_value("Country", self.country, "code") or "").upper() if self.country else ""
		)
		self.territory = self.territory or masters.territory_of(self.country)
		if not self.preferred_language:
			self.preferred_language = "zh" if code in ("CN", "TW", "HK", "MO") else campaign.default_language
