"""One date of a training programme: when and where it is held, how many seats it has and who trains.

All of it that activities have, too, is in `seating.event`.
"""

from __future__ import annotations

import frappe
from frappe import _
from frappe.utils import flt

from imta_crm.seating.event import SeatedEvent, WrongSeats
from imta_crm.seating.windows import OPEN

PROGRAM = "Member Training Program"


class ProgramDisabled(frappe.ValidationError):
	"""Nothing more is held of this programme."""


class TrainingSession(SeatedEvent):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from imta_crm.seating.doctype.event_material.event_material import EventMaterial
		from imta_crm.seating.doctype.event_trainer.event_trainer import EventTrainer
		from imta_crm.seating.doctype.seat_fee.seat_fee import SeatFee
		from imta_crm.seating.doctype.seat_limit.seat_limit import SeatLimit
		from imta_crm.seating.doctype.seat_reservation.seat_reservation import SeatReservation

		address: DF.SmallText | None
		arrivals: DF.Int
		calendar_sequence: DF.Int
		cancel_reason: DF.SmallText | None
		cancel_until: DF.Datetime | None
		capacity: DF.Int
		coordinator: DF.Link
		country: DF.Link | None
		delivery: DF.Literal["On Site", "Online", "On Site and Online"]
		ends_at: DF.Datetime
		ends_at_site: DF.Datetime | None
		enroll_from: DF.Datetime | None
		enroll_until: DF.Datetime | None
		fee_currency: DF.Link | None
		fees: DF.Table[SeatFee]
		fees_invoiced_at: DF.Datetime | None
		invoice_on: DF.Date | None
		language: DF.Link
		late_credit_percent: DF.Percent
		limits: DF.Table[SeatLimit]
		link_key: DF.Data | None
		materials: DF.Table[EventMaterial]
		max_waiting: DF.Int
		naming_series: DF.Literal["TS-.YYYY.-.####"]
		note_to_participants: DF.TextEditor | None
		offer_hours: DF.Int
		online_link: DF.Data | None
		pd_hours: DF.Float
		program: DF.Link
		requires_approval: DF.Check
		reservations: DF.Table[SeatReservation]
		reserved_until: DF.Datetime | None
		starts_at: DF.Datetime
		starts_at_site: DF.Datetime | None
		status: DF.Literal["Draft", "Open", "Closed", "Held", "Cancelled"]
		time_zone: DF.Autocomplete
		title: DF.Data
		title_zh: DF.Data | None
		trainers: DF.Table[EventTrainer]
		uses_free_seats: DF.Check
		venue: DF.Data | None
		venue_zh: DF.Data | None

	# end: auto-generated types
	def validate(self) -> None:
		self.validate_program()
		super().validate()
		self.validate_hours()
		self.copy_trainers()

	def validate_program(self) -> None:
		if not self.is_new() and not self.changed("status"):
			return
		if self.is_new() or self.status == OPEN:
			if frappe.db.get_value(PROGRAM, self.program, "disabled"):
				frappe.throw(
					_("The program {0} is disabled; no session of it is held any more.").format(self.program),
					ProgramDisabled,
				)

	def validate_hours(self) -> None:
		if flt(self.pd_hours) < 0:
			frappe.throw(_("Hours are not negative."), WrongSeats)

	def copy_trainers(self) -> None:
		"""A new session has the trainers of its programme, unless others are named."""
		if not self.is_new() or self.trainers:
			return
		for row in frappe.get_all(
			"Event Trainer",
			{"parenttype": PROGRAM, "parent": self.program, "parentfield": "trainers"},
			["contact", "trainer_name", "trainer_name_zh", "position"],
			order_by="idx",
		):
			self.append("trainers", row)
