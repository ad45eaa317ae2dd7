"""A person's place at an activity. What becomes of it is decided by the seats' engine (`seating.booking`)."""

from imta_crm.seating.booking import Booking, add_indexes


class ActivityDelegate(Booking):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		activity: DF.Link
		cancel_reason: DF.SmallText | None
		cancelled_at: DF.Datetime | None
		cancelled_by: DF.Link | None
		check_in_via: DF.Literal["", "QR Code", "List", "Meeting Report"]
		checked_in_at: DF.Datetime | None
		checked_in_by: DF.Link | None
		confirmed_at: DF.Datetime | None
		contact: DF.Link | None
		contribution: DF.Data | None
		country: DF.Link | None
		credit_note: DF.Link | None
		currency: DF.Link | None
		customer: DF.Link | None
		delegate_role: DF.Literal["Speaker", "Exhibitor", "Delegate", "Guest"]
		email: DF.Data
		email_folded: DF.Data | None
		ends_at_site: DF.Datetime | None
		enrolled_by: DF.Link | None
		fee: DF.Currency
		fee_due: DF.Currency
		fee_invoiced: DF.Currency
		fee_problem: DF.SmallText | None
		fee_state: DF.Literal[
			"Nothing to Pay",
			"To Be Invoiced",
			"Invoiced",
			"To Be Credited",
			"Credited",
			"Forfeited",
			"Failed",
		]
		free_seat_key: DF.Data | None
		group_key: DF.Data | None
		invitation: DF.Link | None
		is_free_seat: DF.Check
		link_key: DF.Data | None
		live_key: DF.Data | None
		member: DF.Link | None
		offer_expires_at: DF.Datetime | None
		organisation: DF.Data | None
		participant_name: DF.Data
		participant_name_local: DF.Data | None
		participant_type: DF.Literal["Member", "Guest", "Staff"]
		place_in_line: DF.Int
		pool: DF.Data | None
		position: DF.Data | None
		preferred_language: DF.Link | None
		queue_no: DF.Int
		remarks: DF.SmallText | None
		requested_at: DF.Datetime | None
		sales_invoice: DF.Link | None
		stand: DF.Data | None
		starts_at_site: DF.Datetime | None
		status: DF.Link | None
		territory: DF.Link | None
		tier: DF.Link | None
		time_zone: DF.Autocomplete | None
		transferred_from: DF.Data | None
		user: DF.Link | None
	# end: auto-generated types


def on_doctype_update() -> None:
	add_indexes("Activity Delegate")
