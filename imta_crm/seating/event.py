"""What a training session and an activity have in common: times, place, seats, fees, and the steps of their life.

An event is saved under the lock of its own row, as Frappe takes it, and every decision on a seat is made under the
same lock: capacity is checked against the seats that are taken at that very moment, and the counters which the
seats keep on the event are never written back from a form.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cast, cint, escape_html, flt, get_datetime, now_datetime

from imta_crm.liaison.zones import is_zone, site_zone
from imta_crm.policy import seating as policy
from imta_crm.policy.names import tidy
from imta_crm.seating import fees, kinds, materials, notices, record, seats, windows
from imta_crm.seating.windows import CANCELLED, CLOSED, DRAFT, HELD, OPEN, UPCOMING
from imta_crm.transactions import keep_step

COORDINATOR_ROLE = "Training Coordinator"
MAX_DAYS = 60
MAX_SEATS = 100_000
LINK_KEY_BYTES = 24
#: From which status a person or the system may go where.
STEPS = {
	DRAFT: (OPEN, CANCELLED),
	OPEN: (CLOSED, HELD, CANCELLED),
	CLOSED: (OPEN, HELD, CANCELLED),
	HELD: (),
	CANCELLED: (),
}
#: Kept by the system; Frappe keeps "read only" in the browser, not on the server.
SYSTEM_FIELDS = ("arrivals", "calendar_sequence", "link_key", "fees_invoiced_at")
#: A change of these is a change of the calendar entry that participants have.
CALENDAR_FIELDS = (
	"title",
	"title_zh",
	"starts_at",
	"ends_at",
	"time_zone",
	"delivery",
	"venue",
	"venue_zh",
	"address",
	"country",
	"online_link",
)
#: A change of these may let somebody have a seat who waits for one.
SEAT_FIELDS = ("capacity", "reservations", "reserved_until", "limits")
#: What stays as it was once the event is over or called off: bookings, invoices and certificates go by it.
SETTLED_FIELDS = (
	"starts_at",
	"ends_at",
	"time_zone",
	"delivery",
	*SEAT_FIELDS,
	"max_waiting",
	"offer_hours",
	"requires_approval",
	"enroll_from",
	"enroll_until",
	"cancel_until",
	"fee_currency",
	"fees",
	"uses_free_seats",
	"late_credit_percent",
)
TEXTS = ("title", "title_zh", "venue", "venue_zh")


class WrongTimes(frappe.ValidationError):
	"""Times that contradict one another."""


class WrongSeats(frappe.ValidationError):
	"""Seats, reservations, limits or fees that contradict one another."""


class SeatsTaken(frappe.ValidationError):
	"""Fewer seats than are taken already."""


class WrongStep(frappe.ValidationError):
	"""The event cannot go from its status to that one."""


class EventOver(frappe.ValidationError):
	"""What was held or called off was to be changed."""


class EventHasBookings(frappe.ValidationError):
	"""People are booked, so the event is called off, not deleted."""


class SeatedEvent(Document):
	"""Base of Training Session and Alliance Activity."""

	#: Whether seats and fees may be for a role; sessions know no roles.
	has_roles = False

	def before_insert(self) -> None:
		self.arrivals = self.calendar_sequence = 0
		self.link_key = secrets.token_hex(LINK_KEY_BYTES)
		self.fees_invoiced_at = self.cancel_reason = None
		if self.status not in (DRAFT, OPEN):
			self.status = DRAFT

	def validate(self) -> None:
		self.keep_system_fields()
		self.set_coordinator()
		self.clean_texts()
		self.validate_zone()
		self.validate_times()
		self.set_site_times()
		self.validate_window()
		self.validate_step()
		self.validate_over()
		self.validate_reservations()
		self.validate_limits()
		self.validate_fees()
		self.validate_taken()
		self.raise_sequence()

	def on_update(self) -> None:
		before = self.get_doc_before_save()
		materials.keep_private(self)
		if not before:
			return
		if self.changed("starts_at_site", "ends_at_site"):
			seats.follow_event(self.doctype, self.name)
			self.tell_double_booked()
		if self.changed("starts_at"):
			fees.follow_event(self.doctype, self.name)
		if self.calendar_sequence != before.calendar_sequence:
			notices.event_changed(self.doctype, self.name)
		if self.status != before.status:
			self.follow_status()
		if self.status in UPCOMING and self.changed(*SEAT_FIELDS, "status") and self.somebody_waits():
			_later("move_up", self.doctype, self.name)

	def on_trash(self) -> None:
		if frappe.db.exists(self.seat_kind.booking, {self.seat_kind.field: self.name}):
			frappe.throw(
				_("{0} has enrolments and cannot be deleted; cancel it instead.").format(self.title),
				EventHasBookings,
			)

	@property
	def seat_kind(self) -> kinds.Kind:
		"""Not `kind`: that is a field of Alliance Activity."""
		return kinds.of_event(self.doctype)

	# What was before

	def changed(self, *fields: str) -> list[str]:
		"""Which of these fields this save changes; none of a new document."""
		before = self.get_doc_before_save()
		if not before:
			return []
		return [field for field in fields if self.meta.has_field(field) and _differs(self, before, field)]

	def keep_system_fields(self) -> None:
		before = self.get_doc_before_save()
		for field in SYSTEM_FIELDS if before else ():
			self.set(field, before.get(field))

	def set_coordinator(self) -> None:
		"""Who makes an event coordinates it; the default coordinator, where that is somebody else's work."""
		if not self.is_new() or COORDINATOR_ROLE in frappe.get_roles(self.coordinator):
			return
		if self.coordinator in (None, "", frappe.session.user):
			default = frappe.db.get_single_value("Alliance Settings", "default_coordinator")
			self.coordinator = default or self.coordinator or frappe.session.user

	# Texts and times

	def clean_texts(self) -> None:
		for field in TEXTS:
			self.set(field, tidy(self.get(field) or "") or None)
		self.address = (self.address or "").strip() or None
		self.online_link = (self.online_link or "").strip() or None
		self.cancel_reason = (self.cancel_reason or "").strip() or None

	def validate_zone(self) -> None:
		self.time_zone = self.time_zone or site_zone()
		if not is_zone(self.time_zone):
			frappe.throw(_("{0} is not a time zone.").format(self.time_zone), WrongTimes)

	def validate_times(self) -> None:
		if not self.starts_at or not self.ends_at:
			return  # Frappe asks for what is missing
		begins, ends = get_datetime(self.starts_at), get_datetime(self.ends_at)
		if ends <= begins:
			frappe.throw(_("It ends before it begins."), WrongTimes)
		if (ends - begins).days >= MAX_DAYS:
			frappe.throw(_("It lasts {0} days at most.").format(MAX_DAYS), WrongTimes)

	def set_site_times(self) -> None:
		"""The same moments by the site's clock, for queries and the calendar."""
		if not self.starts_at or not self.ends_at:
			return
		self.starts_at_site = windows.on_site(windows.begins_at(self))
		self.ends_at_site = windows.on_site(windows.ends_at(self))

	def validate_window(self) -> None:
		"""Enrolment opens, then closes; nothing of it is after the beginning."""
		if not self.starts_at:
			return
		begins = get_datetime(self.starts_at)
		for field in ("enroll_from", "enroll_until", "cancel_until", "reserved_until"):
			value = self.get(field)
			if value and get_datetime(value) > begins:
				frappe.throw(
					_("{0} is after the beginning.").format(_(self.meta.get_label(field))), WrongTimes
				)
		if (
			self.enroll_from
			and self.enroll_until
			and get_datetime(self.enroll_until) <= get_datetime(self.enroll_from)
		):
			frappe.throw(_("Enrolment closes before it opens."), WrongTimes)

	# Steps

	def validate_step(self) -> None:
		before = self.get_doc_before_save()
		old = before.status if before else DRAFT
		if self.status == old:
			return
		if self.status not in STEPS.get(old, ()):
			frappe.throw(
				_("{0} is {1} and cannot become {2}.").format(
					self.title, _(old, context=self.doctype), _(self.status, context=self.doctype)
				),
				WrongStep,
			)
		ended = windows.has_ended(self)
		if self.status == HELD and not ended:
			frappe.throw(_("{0} has not ended yet.").format(self.title), WrongStep)
		if self.status == CANCELLED:
			if ended and old != DRAFT:
				frappe.throw(
					_("{0} has been held and cannot be cancelled any more.").format(self.title), WrongStep
				)
			if not self.cancel_reason:
				frappe.throw(_("Why is it cancelled? Whoever is enrolled is told so."), frappe.MandatoryError)

	def validate_over(self) -> None:
		before = self.get_doc_before_save()
		if not before or before.status not in (HELD, CANCELLED):
			return
		if changed := self.changed(*SETTLED_FIELDS):
			frappe.throw(
				_("{0} is {1}; not changed any more: {2}").format(
					self.title,
					_(before.status, context=self.doctype),
					", ".join(_(self.meta.get_label(field)) for field in changed),
				),
				EventOver,
			)

	# Seats and fees

	def validate_reservations(self) -> None:
		if not 0 <= cint(self.capacity) <= MAX_SEATS:
			frappe.throw(_("From 0 to {0} seats, please.").format(MAX_SEATS), WrongSeats)
		self._check_rows("reservations", ("tier", "delegate_role"))
		for row in self.reservations:
			if not row.tier and not row.delegate_role:
				frappe.throw(_("Row {0}: for whom are these seats reserved?").format(row.idx), WrongSeats)
			if cint(row.seats) < 1:
				frappe.throw(_("Row {0}: how many seats are reserved?").format(row.idx), WrongSeats)
		reserved = sum(cint(row.seats) for row in self.reservations)
		if self.capacity and reserved > self.capacity:
			frappe.throw(
				_("{0} seats are reserved, but there are {1} only.").format(reserved, self.capacity),
				WrongSeats,
			)

	def validate_limits(self) -> None:
		self._check_rows("limits", ("tier",))
		for row in self.limits:
			if cint(row.seats) < 0:
				frappe.throw(
					_("Row {0}: how many seats may an organisation have?").format(row.idx), WrongSeats
				)

	def validate_fees(self) -> None:
		for row in self.fees:
			if row.participant_type != "Member":
				row.tier = None
			if flt(row.fee) < 0:
				frappe.throw(_("Row {0}: a fee is not negative.").format(row.idx), WrongSeats)
		self._check_rows("fees", ("participant_type", "tier", "delegate_role"))
		if any(flt(row.fee) for row in self.fees) and not self.fee_currency:
			frappe.throw(_("In which currency are the fees?"), frappe.MandatoryError)
		if not 0 <= flt(self.late_credit_percent) <= 100:
			frappe.throw(_("A credit is from 0 to 100 percent."), WrongSeats)
		if self.changed("fee_currency") and frappe.db.exists(
			self.seat_kind.booking, {self.seat_kind.field: self.name, "currency": ("is", "set")}
		):
			frappe.throw(_("Somebody has to pay a fee already, so the currency stays."), WrongSeats)

	def validate_taken(self) -> None:
		"""No fewer seats than are taken, while the event's row is locked.

		Fewer reserved ones are fine: whoever has one of them then has an open one.
		"""
		if not self.capacity or not self.changed("capacity"):
			return
		taken = seats.occupancy(self.doctype, self.name, for_update=True)["taken"]
		if taken > self.capacity:
			frappe.throw(_("{0} seats are taken already.").format(taken), SeatsTaken)

	def _check_rows(self, table: str, fields: tuple[str, ...]) -> None:
		"""No role where there are none, and no row twice."""
		seen = set()
		for row in self.get(table):
			if not self.has_roles and row.meta.has_field("delegate_role"):
				row.delegate_role = None
			key = tuple(row.get(field) or "" for field in fields)
			if key in seen:
				frappe.throw(
					_("{0}: row {1} says the same as one before.").format(
						_(self.meta.get_label(table)), row.idx
					),
					WrongSeats,
				)
			seen.add(key)

	# What follows from a change

	def raise_sequence(self) -> None:
		"""Participants' calendars take an update only where its number is higher than that of what they have."""
		before = self.get_doc_before_save()
		if (
			before
			and before.status in UPCOMING
			and self.status in UPCOMING
			and self.changed(*CALENDAR_FIELDS)
		):
			self.calendar_sequence = cint(before.calendar_sequence) + 1

	def tell_double_booked(self) -> None:
		"""Whoever moves an event learns whom the move gives two seats at the same time; both of them stay."""
		found = seats.double_booked(self.doctype, self.name) if self.status in UPCOMING else []
		if found:
			frappe.msgprint(
				[escape_html(f"{name}: {title}") for name, title in found],
				title=_("Booked elsewhere at the new time"),
				as_list=True,
				indicator="orange",
			)

	def somebody_waits(self) -> bool:
		return bool(
			frappe.db.exists(
				self.seat_kind.booking, {self.seat_kind.field: self.name, "status": policy.WAITLISTED}
			)
		)

	def follow_status(self) -> None:
		if self.status == CANCELLED and frappe.db.exists(
			self.seat_kind.booking, {self.seat_kind.field: self.name, "live_key": ("is", "set")}
		):
			_later("cancel_bookings", self.doctype, self.name)


def move_up(doctype: str, name: str) -> int:
	"""Offer seats that are free now to who waits for them; returns how many."""
	return seats.advance(doctype, name)


def cancel_bookings(doctype: str, name: str) -> int:
	"""Cancel whatever is still live of an event that was called off; returns how many. Repeating it is harmless."""
	said = frappe.db.get_value(doctype, name, ["status", "cancel_reason"], as_dict=True)
	if not said or said.status != CANCELLED:
		return 0
	return seats.cancel_all(doctype, name, reason=said.cancel_reason)


def _later(job: str, doctype: str, name: str) -> None:
	"""Once this transaction is kept: the lock of the event is then free, and what is tried again is the job alone."""
	frappe.enqueue(
		f"imta_crm.seating.event.{job}",
		queue="default",
		job_id=f"imta-{job}::{doctype}::{name}",
		deduplicate=True,
		enqueue_after_commit=True,
		now=bool(frappe.flags.in_test),
		doctype=doctype,
		name=name,
	)


def catch_up(now: datetime | None = None) -> None:
	"""Every five minutes: events that have ended are held; who is left of those called off is cancelled."""
	present = windows.on_site(windows.present(now))
	for kind in kinds.KINDS:
		ended = {"status": ("in", UPCOMING), "ends_at_site": ("<=", present)}
		for name in frappe.get_all(kind.event, ended, pluck="name", limit=0):
			_safely(kind.event, name, hold)
		for name in _called_off_with_bookings(kind):
			_safely(kind.event, name, cancel_bookings)


def _safely(doctype: str, name: str, step: Callable[[str, str], object]) -> None:
	"""A step for one event, which keeps no other from its own."""
	try:
		step(doctype, name)
	except Exception:
		frappe.db.rollback()
		frappe.log_error(
			title="An event could not be brought up to date", reference_doctype=doctype, reference_name=name
		)
	keep_step()


def hold(event_doctype: str, event: str) -> bool:
	"""Note that an event has taken place, unless it was called off; whether it is noted now.

	Who still waited for a seat does so no longer.
	"""
	seats.advance(event_doctype, event)
	if record.lock(event_doctype, event).status not in UPCOMING:
		return False
	record.update(event_doctype, event, {"status": HELD, "modified": now_datetime()})
	return True


def _called_off_with_bookings(kind: kinds.Kind) -> list[str]:
	booking, event = frappe.qb.DocType(kind.booking), frappe.qb.DocType(kind.event)
	return (
		frappe.qb.from_(booking)
		.join(event)
		.on(event.name == booking[kind.field])
		.select(event.name)
		.distinct()
		.where((event.status == CANCELLED) & booking.live_key.isnotnull())
	).run(pluck=True)


def _differs(doc: Document, before: Document, field: str) -> bool:
	df = doc.meta.get_field(field)
	if df.fieldtype in ("Table", "Table MultiSelect"):
		return _rows(doc.get(field)) != _rows(before.get(field))
	return _value(doc, df) != _value(before, df)


def _rows(rows: list[Document] | None) -> list[tuple]:
	return [
		tuple(
			_value(row, df)
			for df in row.meta.fields
			if df.fieldtype not in frappe.model.no_value_fields and not df.get("is_virtual")
		)
		for row in rows or []
	]


def _value(doc: Document, df) -> object:
	"""A field's value so that what a form sends equals what the database holds."""
	value = doc.get(df.fieldname)
	if df.fieldtype in ("Int", "Check", "Float", "Currency", "Percent"):
		return cast(df.fieldtype, value)
	if value in (None, ""):
		return None
	return cast(df.fieldtype, value) if df.fieldtype in ("Date", "Datetime", "Time") else str(value)
