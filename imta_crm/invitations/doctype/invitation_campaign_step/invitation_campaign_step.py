from frappe.model.document import Document


class InvitationCampaignStep(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		channel: DF.Literal["E-mail", "Call", "Visit", "WeChat", "Letter"]
		counted_from: DF.Literal["Start", "Previous Step"]
		days: DF.Int
		email_template: DF.Link | None
		email_template_zh: DF.Link | None
		language: DF.Literal["All Languages", "Chinese", "Other Than Chinese"]
		only_if_no_reply: DF.Check
		parent: DF.Data
		parentfield: DF.Data
		parenttype: DF.Data
		step_key: DF.Data | None
		step_title: DF.Data
		task: DF.SmallText | None
	# end: auto-generated types

	pass
