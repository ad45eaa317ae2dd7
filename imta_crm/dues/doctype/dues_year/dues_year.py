from frappe.model.document import Document


class DuesYear(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from imta_crm.dues.doctype.dues_rate.dues_rate import DuesRate
		from imta_crm.dues.doctype.dues_reminder_rule.dues_reminder_rule import DuesReminderRule
		from imta_crm.dues.doctype.dues_tier_amount.dues_tier_amount import DuesTierAmount

		arrears_after_days: DF.Int
		charge_suspended: DF.Check
		company: DF.Link
		cost_center: DF.Link | None
		deferred_account: DF.Link | None
		deferred_revenue: DF.Check
		due_date: DF.Date
		from_date: DF.Date
		grace_days: DF.Int
		income_account: DF.Link | None
		invoice_naming_series: DF.Data | None
		item: DF.Link
		leavers_owe_whole: DF.Check
		letter_head: DF.Link | None
		notice_date: DF.Date
		posting_date_rule: DF.Literal["Run Date", "Notice Date"]
		proration: DF.Literal["None", "Monthly", "Daily"]
		rates: DF.Table[DuesRate]
		reference_currency: DF.Link
		reminders: DF.Table[DuesReminderRule]
		status: DF.Literal["Draft", "Open", "Closed"]
		suspend_after_days: DF.Int
		tier_dues: DF.Table[DuesTierAmount]
		title: DF.Data
		to_date: DF.Date
	# end: auto-generated types

	pass
