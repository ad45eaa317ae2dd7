import frappe
from frappe.model.document import Document


class InvitationCampaign(Document):
	def validate(self) -> None:
		if not self.workflow_state:
			self.workflow_state = "Draft"
		self.set_step_keys()

	def set_step_keys(self) -> None:
		"""Name each new step for ever: touches are unique by this key, also when steps are moved."""
		for row in self.steps:
			if not row.step_key:
				row.step_key = frappe.generate_hash(length=8)
