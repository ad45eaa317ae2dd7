"""One person's place in a training session, from the request to the hours that count.

What becomes of it is decided by `seating.seats`; activities' delegates have the same fields and the same base.
"""

from __future__ import annotations

from imta_crm.seating.booking import Booking, add_indexes


class TrainingEnrollment(Booking):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		attendance_percent: DF.Percent
		attended_minutes: DF.Int
		cancel_reason: DF.SmallText | None
		cancelled_at: DF.Datetime | None
		cancelled_by: DF.Link | None
		certificate: DF.Link | None
		check_in_via: DF.Literal["", "QR Code", "List", "Meeting Report"]
		checked_in_at: DF.Datetime | None
		checked_in_by: DF.Link | None
		completed_at: DF.Datetime | None
		confirmed_at: DF.Datetime | None
		contact: DF.Link | None
		country: DF.Link | None
		credit_note: DF.Link | None
		currency: DF.Link | None
		customer: DF.Link | None
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
		hours: DF.Float
		is_free_seat: DF.Check
		link_key: DF.Data | None
		live_key: DF.Data | None
		member: DF.Link | None
		offer_expires_at: DF.Datetime | None
		organisation: DF.Data | None
		participant_name: DF.Data
		participant_name_local: DF.Data | None
		participant_type: DF.Literal["Member", "Guest", "Staff"]
		pool: DF.Data | None
		preferred_language: DF.Link | None
		program: DF.Link | None
		queue_no: DF.Int
		remarks: DF.SmallText | None
		requested_at: DF.Datetime | None
		sales_invoice: DF.Link | None
		session: DF.Link
		starts_at_site: DF.Datetime | None
		status: DF.Link | None
		territory: DF.Link | None
		tier: DF.Link | None
		time_zone: DF.Autocomplete | None
		transferred_from: DF.Data | None
		user: DF.Link | None
	# end: auto-generated types


def on_doctype_update() -> None:
	add_indexes("Training Enrollment")
