"""One contact of the alliance with one member: who, when, by which channel, what was said, what comes next."""

import datetime

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import get_datetime, now_datetime, strip

from imta_crm.liaison import next_steps
from imta_crm.liaison.people import contacts_of
from imta_crm.liaison.zones import default_zone, is_zone, local_label

# Clocks of phones and laptops are a little apart from the server's.
TOLERANCE = datetime.timedelta(minutes=5)


class FutureContactError(frappe.ValidationError):
	"""The contact has not happened yet."""


class UnknownTimeZoneError(frappe.ValidationError):
	"""The time zone is not one of the IANA data base."""


class ForeignPersonError(frappe.ValidationError):
	"""A person is not one of the member's contacts, or not a colleague."""


class NextStepError(frappe.ValidationError):
	"""A next step lacks its date, or its owner could not see it."""


class LiaisonContact(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from imta_crm.liaison.doctype.liaison_colleague.liaison_colleague import LiaisonColleague
		from imta_crm.liaison.doctype.liaison_need.liaison_need import LiaisonNeed
		from imta_crm.liaison.doctype.liaison_person.liaison_person import LiaisonPerson

		alliance_people: DF.TableMultiSelect[LiaisonColleague]
		channel: DF.Literal["Call", "Video", "Visit", "E-mail", "WeChat", "Letter", "Event"]
		contact_at: DF.Datetime
		contact_group: DF.Data | None
		direction: DF.Literal["Outgoing", "Incoming"]
		event_name: DF.Data | None
		member: DF.Link
		member_name: DF.Data | None
		member_people: DF.Table[LiaisonPerson]
		needs: DF.Table[LiaisonNeed]
		next_step: DF.SmallText | None
		next_step_on: DF.Date | None
		next_step_owner: DF.Link | None
		next_step_priority: DF.Literal["Low", "Medium", "High"]
		next_step_state: DF.Literal["", "Open", "Closed", "Cancelled"]
		outcome: DF.Literal["", "Positive", "Neutral", "Negative", "No Answer"]
		outcome_note: DF.SmallText | None
		summary: DF.Text
		time_zone: DF.Autocomplete | None
		todo: DF.Link | None
	# end: auto-generated types

	@property
	def local_time(self) -> str:
		"""The time of the contact in the zone of the person who had it, with that zone's name."""
		return local_label(self.contact_at, self.time_zone)

	def validate(self):
		self.keep_system_fields()
		self.set_defaults()
		self.validate_time()
		self.validate_member_people()
		self.validate_alliance_people()
		self.validate_next_step()

	def on_update(self):
		next_steps.follow_contact(self)

	def on_trash(self):
		next_steps.cancel_todo_of(self)

	def keep_system_fields(self):
		"""The ToDo and the group are written by the system alone, whatever a client sends."""
		before = self.get_doc_before_save()
		self.todo = before.todo if before else None
		self.contact_group = before.contact_group if before else (self.flags.contact_group or None)

	def set_defaults(self):
		# To the minute: nobody knows the second of a talk.
		self.contact_at = get_datetime(self.contact_at or now_datetime()).replace(second=0, microsecond=0)
		self.time_zone = self.time_zone or default_zone()
		self.summary = strip(self.summary or "")
		if not self.alliance_people and self.is_new():
			self.append("alliance_people", {"user": frappe.session.user})

	def validate_time(self):
		if not is_zone(self.time_zone):
			frappe.throw(
				_("{0} is not a time zone. Choose one such as Asia/Shanghai or Europe/Zurich.").format(
					frappe.bold(frappe.utils.escape_html(self.time_zone))
				),
				UnknownTimeZoneError,
			)
		if get_datetime(self.contact_at) > now_datetime() + TOLERANCE:
			frappe.throw(
				_("A contact is logged when it has happened. Enter what is still to come as the next step."),
				FutureContactError,
				title=_("Not Yet"),
			)

	def validate_member_people(self):
		"""People of the other side: the member's own contacts, or a name typed in."""
		before = self.get_doc_before_save()
		known = {row.contact for row in before.member_people} if before else set()
		added = {row.contact for row in self.member_people if row.contact} - known
		foreign = added - contacts_of(self.member) if added else set()
		for row in self.member_people:
			if row.contact in foreign:
				frappe.throw(
					_(
						"Row {0}: {1} is not a contact of {2}. Link the contact to the member, or type the name."
					).format(row.idx, frappe.bold(row.contact), frappe.bold(self.member_name or self.member)),
					ForeignPersonError,
				)
			if row.contact and not row.person_name:
				row.person_name = frappe.db.get_value("Contact", row.contact, "full_name")
			if not row.contact and not strip(row.person_name or ""):
				frappe.throw(
					_("Row {0}: choose a contact or type a name.").format(row.idx), ForeignPersonError
				)

	def validate_alliance_people(self):
		users = [row.user for row in self.alliance_people]
		if not users:
			return
		members_of_staff = set(
			frappe.get_all("User", {"name": ("in", users), "user_type": "System User"}, pluck="name")
		)
		for user in users:
			if user not in members_of_staff:
				frappe.throw(_("{0} is not a colleague.").format(frappe.bold(user)), ForeignPersonError)
		if len(set(users)) < len(users):
			unique = list(dict.fromkeys(users))
			self.set("alliance_people", [{"user": user} for user in unique])

	def validate_next_step(self):
		self.next_step = strip(self.next_step or "")
		if not self.next_step:
			self.next_step_on = self.next_step_owner = self.next_step_state = None
			return
		self.next_step_owner = self.next_step_owner or frappe.session.user
		self.next_step_state = self.next_step_state or "Open"
		self.next_step_priority = self.next_step_priority or "Medium"
		if not self.next_step_on:
			frappe.throw(_("By when is the next step to be done? Enter its date."), NextStepError)
		if self.has_value_changed("next_step_owner"):
			self.validate_next_step_owner()

	def validate_next_step_owner(self):
		"""Who is to do it must be able to open it: it would be a ToDo that leads nowhere."""
		owner = self.next_step_owner
		enabled = frappe.db.get_value("User", owner, "enabled")
		if not enabled or not frappe.has_permission(self.doctype, "read", doc=self, user=owner):
			frappe.throw(
				_("{0} cannot see this member. Choose somebody who can for the next step.").format(
					frappe.bold(owner)
				),
				NextStepError,
			)


def on_doctype_update():
	frappe.db.add_index("Liaison Contact", ["member", "contact_at"])
	frappe.db.add_index("Liaison Contact", ["next_step_owner", "next_step_on", "next_step_state"])
	# The database, not a look-up, keeps a second click from logging the same meeting twice.
	frappe.db.add_unique("Liaison Contact", ["contact_group", "member"], "unique_contact_group_member")
