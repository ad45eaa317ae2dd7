"""An activity of the alliance: a conference, a forum, an exhibition, a theme day or a meeting.

Times, seats, fees and the steps of its life are those of every event with seats (`seating.event`); its own are
the kind, the programme and who may register.
"""

from __future__ import annotations

import frappe
from frappe import _
from frappe.utils import get_datetime

from imta_crm.policy import activities as policy
from imta_crm.policy import messages
from imta_crm.policy.names import tidy
from imta_crm.seating.event import SeatedEvent
from imta_crm.seating.windows import DRAFT, OPEN


class WrongProgramme(frappe.ValidationError):
	"""Items of the programme outside the activity's dates, or in one room at one time."""


class AllianceActivity(SeatedEvent):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from imta_crm.activities.doctype.activity_programme_item.activity_programme_item import (
			ActivityProgrammeItem,
		)
		from imta_crm.seating.doctype.event_material.event_material import EventMaterial
		from imta_crm.seating.doctype.seat_fee.seat_fee import SeatFee
		from imta_crm.seating.doctype.seat_limit.seat_limit import SeatLimit
		from imta_crm.seating.doctype.seat_reservation.seat_reservation import SeatReservation
		from imta_crm.training.doctype.training_audience_tier.training_audience_tier import (
			TrainingAudienceTier,
		)

		address: DF.SmallText | None
		arrivals: DF.Int
		audience: DF.Literal["Members", "Members and Invited Guests", "Everybody"]
		calendar_sequence: DF.Int
		cancel_reason: DF.SmallText | None
		cancel_until: DF.Datetime | None
		capacity: DF.Int
		coordinator: DF.Link
		country: DF.Link | None
		delivery: DF.Literal["On Site", "Online", "On Site and Online"]
		description: DF.TextEditor | None
		description_zh: DF.TextEditor | None
		ends_at: DF.Datetime
		ends_at_site: DF.Datetime | None
		enroll_from: DF.Datetime | None
		enroll_until: DF.Datetime | None
		fee_currency: DF.Link | None
		fees: DF.Table[SeatFee]
		fees_invoiced_at: DF.Datetime | None
		invoice_on: DF.Date | None
		kind: DF.Literal["Conference", "Forum", "Exhibition", "Theme Day", "Meeting"]
		language: DF.Link | None
		late_credit_percent: DF.Percent
		limits: DF.Table[SeatLimit]
		link_key: DF.Data | None
		materials: DF.Table[EventMaterial]
		max_waiting: DF.Int
		naming_series: DF.Literal["ACT-.YYYY.-.####"]
		note_to_participants: DF.TextEditor | None
		offer_hours: DF.Int
		online_link: DF.Data | None
		open_to_staff: DF.Check
		programme: DF.Table[ActivityProgrammeItem]
		requires_approval: DF.Check
		reservations: DF.Table[SeatReservation]
		reserved_until: DF.Datetime | None
		starts_at: DF.Datetime
		starts_at_site: DF.Datetime | None
		status: DF.Literal["Draft", "Open", "Closed", "Held", "Cancelled"]
		tiers: DF.TableMultiSelect[TrainingAudienceTier]
		time_zone: DF.Autocomplete
		title: DF.Data
		title_zh: DF.Data | None
		uses_free_seats: DF.Check
		venue: DF.Data | None
		venue_zh: DF.Data | None
	# end: auto-generated types

	has_roles = True

	def validate(self) -> None:
		super().validate()
		self.validate_programme()
		self.validate_tiers()

	def on_update(self) -> None:
		super().on_update()
		before = self.get_doc_before_save()
		if before and before.status == DRAFT and self.status == OPEN:
			frappe.enqueue(
				"imta_crm.activities.campaign.write_to_accepted",
				queue="default",
				job_id=f"imta-opened::{self.name}",
				deduplicate=True,
				enqueue_after_commit=True,
				now=bool(frappe.flags.in_test),
				activity=self.name,
			)

	def validate_programme(self) -> None:
		"""In order of time, within the activity's dates, and one item at a time in a room."""
		for row in self.programme:
			for field in ("title", "title_zh", "speakers", "room"):
				row.set(field, tidy(row.get(field) or "") or None)
		if not all(row.starts_at for row in self.programme):
			return  # Frappe asks for what is missing
		self.programme.sort(key=lambda row: (get_datetime(row.starts_at), row.idx))
		for number, row in enumerate(self.programme, 1):
			row.idx = number
		items = [
			policy.Item(
				get_datetime(row.starts_at),
				get_datetime(row.ends_at) if row.ends_at else None,
				row.room or "",
			)
			for row in self.programme
		]
		problems = policy.programme_problems(items, get_datetime(self.starts_at), get_datetime(self.ends_at))
		if problems:
			frappe.throw(
				[_(messages.template(problem.code)).format(problem.row) for problem in problems],
				WrongProgramme,
				title=_("Programme"),
				as_list=True,
			)

	def validate_tiers(self) -> None:
		"""Each tier once."""
		tiers = list(dict.fromkeys(row.tier for row in self.tiers if row.tier))
		if len(tiers) != len(self.tiers):
			self.set("tiers", [{"tier": tier} for tier in tiers])
