from frappe.model.document import Document

from imta_crm.invitations import targets


class InvitationCampaignTarget(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		planned: DF.Int
		region: DF.Link | None
		sector: DF.Link | None
		tier: DF.Link | None
	# end: auto-generated types

	# The figures are read from members and invitations, never stored.

	@property
	def members_today(self) -> int:
		return self.figures["members_today"]

	@property
	def gap(self) -> int:
		return self.figures["gap"]

	@property
	def invited(self) -> int:
		return self.figures["invited"]

	@property
	def replied(self) -> int:
		return self.figures["replied"]

	@property
	def admitted(self) -> int:
		return self.figures["admitted"]

	@property
	def figures(self) -> dict[str, int]:
		"""This row's figures; the campaign reads those of all rows at once."""
		campaign = self.parent_doc
		if not campaign:
			return targets.NONE
		return campaign.target_figures().get(id(self), targets.NONE)
