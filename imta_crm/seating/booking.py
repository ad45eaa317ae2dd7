"""What the documents of a person's seat have in common: whatever reaches them, the seats' engine decides.

A form or an import that inserts one asks for a seat, as everybody else does. A step of the workflow becomes a
call of the engine, whose answer may be another status than the step's: an approval leads to a place in line
where no seat is left. What the engine, fees and attendance have written is never overwritten by what a form
sends along.
"""

from __future__ import annotations

import frappe
from frappe import _
from frappe.model.document import Document

from imta_crm.policy.prospects import fold_email
from imta_crm.policy.seating import (
	CANCELLED,
	CONFIRMED,
	MARKS,
	OFFERED,
	REQUESTED,
	WAITLISTED,
)
from imta_crm.seating import kinds, people, record, seats
from imta_crm.workflows import check_is_on

#: Fields that a form may fill in, and that go along with the request.
OF_THE_FORM = (
	"participant_name_local",
	"position",
	"organisation",
	"preferred_language",
	"time_zone",
	"country",
	"remarks",
	"stand",
	"contribution",
)

#: The site's own country and region are nobody's by default.
NO_DEFAULT = ("country", "territory")


class Booking(Document):
	"""Base of Training Enrollment and Activity Delegate."""

	@property
	def seat_kind(self) -> kinds.Kind:
		return kinds.of_booking(self.doctype)

	@property
	def place_in_line(self) -> int | None:
		"""From 1; None for who does not wait."""
		if self.status != WAITLISTED or not self.queue_no:
			return None
		return seats.line_of(self.doctype, self.get(self.seat_kind.field), self.queue_no)

	def update_if_missing(self, defaults: Document | dict) -> None:
		"""Frappe fills in what the site has for itself."""
		super().update_if_missing({key: defaults[key] for key in defaults if key not in NO_DEFAULT})

	def insert(self, *args, **kwargs) -> Document:
		"""Ask the engine for a seat, and become what it has made of it.

		In place of the usual insert, because the engine works under locks in an order of its own and tries
		again where the database asks for it, which a hook within an insert cannot.
		"""
		if self.flags.by_seating:
			return super().insert(*args, **kwargs)
		if kwargs.get("ignore_permissions") or (args and args[0]):
			self.flags.ignore_permissions = True
		kind = self.seat_kind
		event = self.get(kind.field)
		if not event or not frappe.db.exists(kind.event, event):
			frappe.throw(_("{0} is missing.").format(_(kind.event)), frappe.MandatoryError)
		person = self.person()
		self.member = person.member  # the permission is that of the member, whatever the form says
		self.set("__islocal", True)
		self.check_permission("create")
		booked = seats.request(
			kind.event,
			event,
			person,
			by_staff=True,
			extra={field: self.get(field) for field in OF_THE_FORM if self.meta.has_field(field)},
		)
		if booked.already:
			frappe.msgprint(
				_("{0} has a live booking already: {1}.").format(person.name, _(booked.status)), alert=True
			)
		self.name = booked.name
		self.flags.pop("ignore_permissions", None)
		self.load_from_db()
		return self

	def save(self, *args, **kwargs) -> Document:
		"""A new status is a step for the engine to take; everything else is saved as usual."""
		if self.flags.by_seating or self.is_new():
			return super().save(*args, **kwargs)
		stored = frappe.db.get_value(self.doctype, self.name, "status")
		if self.status == stored:
			return super().save(*args, **kwargs)
		return self.take_step(stored)

	def take_step(self, before: str) -> Document:
		"""A step of the workflow, checked as Frappe would, and taken by the engine."""
		after = self.status
		self.check_permission("write")
		check_is_on(self, after, before)
		self.load_doc_before_save()
		self._action = "save"  # as Frappe sets it before it validates
		self.validate_workflow()
		if after == CONFIRMED and before == REQUESTED:
			seats.approve(self.doctype, self.name)
		elif after == CONFIRMED and before == OFFERED:
			seats.accept_offer(self.doctype, self.name)
		elif after == CANCELLED:
			reason = _("Cancelled by the secretariat.")
			if before == REQUESTED:
				reason = _("The request was refused.")
			seats.cancel(
				self.doctype,
				self.name,
				reason=self.cancel_reason or reason,
				by=frappe.session.user,
				by_staff=True,
			)
		elif after in MARKS and before in MARKS:
			seats.mark(self.doctype, self.name, after, via="List", by=frappe.session.user)
		else:
			frappe.throw(
				_("{0}: a seat that is {1} cannot become {2}.").format(
					self.participant_name, _(before), _(after)
				),
				record.ForbiddenStep,
			)
		self.load_from_db()
		return self

	def validate(self) -> None:
		if not self.flags.by_seating:
			self.keep_what_is_decided()
			self.set_keys()

	def validate_workflow(self) -> None:
		"""The workflow is for people; the engine goes by `policy.seating`."""
		if not self.flags.by_seating:
			super().validate_workflow()

	def keep_what_is_decided(self) -> None:
		"""Fields that are read-only hold what is stored, under the lock that Frappe has taken for this save."""
		stored = record.lock(self.doctype, self.name)
		for df in self.meta.fields:
			if (df.read_only or df.hidden) and df.fieldname in stored:
				self.set(df.fieldname, stored[df.fieldname])

	def set_keys(self) -> None:
		"""Whoever has no Contact is known by the e-mail address, which may be put right."""
		self.email_folded = fold_email(self.email or "")
		if not self.contact and self.live_key:
			self.live_key = record.live_key(self.get(self.seat_kind.field), None, self.email_folded)

	def person(self) -> people.Person:
		"""Whom the form means: by Contact, else a colleague by the address of the login, else a guest.

		:raises frappe.MandatoryError: nobody is named
		"""
		role = self.get("delegate_role") if self.seat_kind.roles else None
		if self.contact:
			return people.of_contact(self.contact, member=self.member).as_role(role)
		if self.participant_type == people.STAFF:
			user = frappe.db.get_value("User", {"email": self.email, "user_type": "System User"})
			if not user:
				frappe.throw(_("{0} is no user of the desk.").format(self.email), frappe.MandatoryError)
			return people.of_user(user).as_role(role)
		if self.participant_type == people.MEMBER:
			frappe.throw(_("Choose the contact of the member."), frappe.MandatoryError)
		if not self.participant_name or not self.email:
			frappe.throw(_("Name and e-mail address are needed."), frappe.MandatoryError)
		person = people.guest(self.participant_name, self.email, organisation=self.organisation)
		return person.as_role(role) if role else person


def add_indexes(doctype: str) -> None:
	"""For the `on_doctype_update` of a DocType of seats: they are counted by event under its lock."""
	frappe.db.add_index(doctype, [kinds.of_booking(doctype).field, "status", "pool"], "imta_event_seats")
