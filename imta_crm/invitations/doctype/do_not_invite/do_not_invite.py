from frappe.model.document import Document

from imta_crm.invitations import do_not_invite


class DoNotInvite(Document):
	def validate(self) -> None:
		self.email_hash = do_not_invite.hash_of(self.email) if self.email else None
		self.name_key = do_not_invite.name_key(self.party_name, self.country)
