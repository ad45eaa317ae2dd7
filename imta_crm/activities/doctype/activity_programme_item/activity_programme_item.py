from frappe.model.document import Document


class ActivityProgrammeItem(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		ends_at: DF.Datetime | None
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		room: DF.Data | None
		speakers: DF.Data | None
		starts_at: DF.Datetime
		title: DF.Data
		title_zh: DF.Data | None
	# end: auto-generated types

	pass
