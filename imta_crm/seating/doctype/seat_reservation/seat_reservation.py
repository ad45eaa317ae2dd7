"""Seats of an event that are kept for a tier, a role, or both."""

from __future__ import annotations

from frappe.model.document import Document

from imta_crm.policy.seating import Pool
from imta_crm.seating import seats


class SeatReservation(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		delegate_role: DF.Literal["", "Speaker", "Exhibitor", "Delegate", "Guest"]
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		seats: DF.Int
		tier: DF.Link | None
	# end: auto-generated types

	@property
	def taken(self) -> int:
		"""How many people have one of these seats now; the others who fit have open ones."""
		if self.is_new() or not self.parent:
			return 0
		pool = Pool(self.tier or "", self.delegate_role or "", 0)
		return seats.taken_from(self.parenttype, self.parent, pool.key)
