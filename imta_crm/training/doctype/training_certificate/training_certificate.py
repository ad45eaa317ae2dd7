"""Proof that somebody has completed a program; see `imta_crm.training.certificates`."""

from __future__ import annotations

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import today

from imta_crm.policy.certificate import VALID
from imta_crm.training import certificates

#: What the system writes; Frappe keeps "read only" in the browser, not on the server.
SYSTEM_FIELDS = (
	"status",
	"renewed_by",
	"revoked_on",
	"revoked_by",
	"revoke_reason",
	"by_correction",
	"token",
	"live_enrollment",
)


class TrainingCertificate(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		by_correction: DF.Check
		completed_on: DF.Date
		contact: DF.Link | None
		enrollment: DF.Link | None
		holder_name: DF.Data
		holder_name_local: DF.Data | None
		hours: DF.Float
		issued_on: DF.Date | None
		live_enrollment: DF.Data | None
		member: DF.Link | None
		naming_series: DF.Literal["IMTA-C-.YYYY.-.#####"]
		organisation: DF.Data | None
		program: DF.Link
		program_name: DF.Data | None
		program_name_zh: DF.Data | None
		renewed_by: DF.Link | None
		renews: DF.Link | None
		revoke_reason: DF.SmallText | None
		revoked_by: DF.Link | None
		revoked_on: DF.Date | None
		session: DF.Link | None
		status: DF.Literal["Valid", "Revoked"]
		token: DF.Data | None
		user: DF.Link | None
		valid_until: DF.Date | None
	# end: auto-generated types

	def onload(self) -> None:
		self.set_onload("state", certificates.state_of(self))
		self.set_onload("may_print", certificates.may_print(self))

	def before_insert(self) -> None:
		if not self.flags.by_issue:
			frappe.throw(_("Certificates are issued by completing a session."), frappe.PermissionError)
		self.status = VALID
		self.token = certificates.new_token()
		self.issued_on = self.issued_on or today()

	def validate(self) -> None:
		before = self.get_doc_before_save()
		for field in SYSTEM_FIELDS if before else ():
			self.set(field, before.get(field))

	def on_trash(self) -> None:
		frappe.throw(
			_("Certificates stay on record; revoke {0} instead.").format(self.name), frappe.PermissionError
		)
