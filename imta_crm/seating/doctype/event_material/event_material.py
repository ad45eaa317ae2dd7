"""A file or link that belongs to an event, and who may have it."""

from frappe.model.document import Document


class EventMaterial(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		attachment: DF.Attach | None
		available: DF.Literal["To Everybody", "To Participants", "After the End"]
		link: DF.Data | None
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		title: DF.Data
		title_zh: DF.Data | None
	# end: auto-generated types

	pass
