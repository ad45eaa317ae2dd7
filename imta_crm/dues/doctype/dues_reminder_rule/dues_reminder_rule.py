from frappe.model.document import Document


class DuesReminderRule(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		days: DF.Int
		email_template_en: DF.Link | None
		email_template_zh: DF.Link | None
		enabled: DF.Check
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		rule_name: DF.Data
	# end: auto-generated types

	pass
