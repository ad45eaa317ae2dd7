"""A training programme: what it teaches, for whom, what must come before it, and what completing it gives."""

from __future__ import annotations

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.utils import cint, flt

from imta_crm.policy.enrollment import find_circle
from imta_crm.policy.names import tidy
from imta_crm.seating import materials

PROGRAM = "Member Training Program"
MAX_HOURS = 1000
MAX_MONTHS = 600


class WrongProgram(frappe.ValidationError):
	"""Rules of a programme that contradict themselves."""


class PrerequisiteCircle(WrongProgram):
	"""A programme that must be completed before itself."""


class MemberTrainingProgram(Document):
	# begin: auto-generated types
	# This code is auto-generated. Do not modify anything in this block.

	from typing import TYPE_CHECKING

	if TYPE_CHECKING:
		from frappe.types import DF

		from imta_crm.seating.doctype.event_material.event_material import EventMaterial
		from imta_crm.seating.doctype.event_trainer.event_trainer import EventTrainer
		from imta_crm.training.doctype.training_audience_tier.training_audience_tier import (
			TrainingAudienceTier,
		)
		from imta_crm.training.doctype.training_prerequisite.training_prerequisite import TrainingPrerequisite

		audience: DF.TableMultiSelect[TrainingAudienceTier]
		certificate_valid_months: DF.Int
		disabled: DF.Check
		feedback_needed: DF.Check
		issues_certificate: DF.Check
		language: DF.Link
		materials: DF.Table[EventMaterial]
		minimum_attendance: DF.Percent
		objectives: DF.TextEditor | None
		objectives_zh: DF.TextEditor | None
		open_to_guests: DF.Check
		open_to_staff: DF.Check
		pd_hours: DF.Float
		prerequisites: DF.Table[TrainingPrerequisite]
		program_code: DF.Data | None
		program_name: DF.Data
		program_name_zh: DF.Data | None
		trainers: DF.Table[EventTrainer]

	# end: auto-generated types
	def validate(self) -> None:
		self.clean_texts()
		self.validate_hours()
		self.validate_completion()
		self.validate_audience()
		self.validate_prerequisites()

	def on_update(self) -> None:
		materials.keep_private(self)

	def clean_texts(self) -> None:
		self.program_name = tidy(self.program_name or "")
		self.program_name_zh = tidy(self.program_name_zh or "") or None
		# The code is unique where there is one.
		self.program_code = tidy(self.program_code or "").upper() or None

	def validate_hours(self) -> None:
		if not 0 <= flt(self.pd_hours) <= MAX_HOURS:
			frappe.throw(_("From 0 to {0} hours, please.").format(MAX_HOURS), WrongProgram)

	def validate_completion(self) -> None:
		if not 0 <= flt(self.minimum_attendance) <= 100:
			frappe.throw(_("Attendance is from 0 to 100 percent."), WrongProgram)
		if not 0 <= cint(self.certificate_valid_months) <= MAX_MONTHS:
			frappe.throw(_("A certificate is valid for {0} months at most.").format(MAX_MONTHS), WrongProgram)

	def validate_audience(self) -> None:
		seen: set[str] = set()
		self.audience = [row for row in self.audience if not (row.tier in seen or seen.add(row.tier))]

	def validate_prerequisites(self) -> None:
		seen: set[str] = set()
		for row in self.prerequisites:
			if row.program in seen:
				frappe.throw(
					_("Row {0}: this prerequisite stands there already.").format(row.idx), WrongProgram
				)
			seen.add(row.program)
		needed: dict[str, set[str]] = {}
		for row in frappe.get_all(
			"Training Prerequisite",
			{"parenttype": PROGRAM, "parent": ("!=", self.name or "")},
			["parent", "program"],
			limit=0,
		):
			needed.setdefault(row.parent, set()).add(row.program)
		needed[self.name] = seen
		if circle := find_circle(needed, self.name):
			names = dict(
				frappe.get_all(
					PROGRAM, {"name": ("in", circle)}, ["name", "program_name"], as_list=True, limit=0
				)
			)
			frappe.throw(
				_("Nobody could ever take part: {0}").format(
					" → ".join(names.get(name, self.program_name) for name in circle)
				),
				PrerequisiteCircle,
			)
