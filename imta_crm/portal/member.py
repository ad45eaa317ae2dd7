"""The pages for members who are logged in: what they can enrol in, and what is theirs.

- `/training` lists the sessions and activities that the visitor may take part in (`TrainingPage`);
  `/training/<event>` shows one, with enrolment, also of colleagues by the member's representative, and materials.
- `/my-training` shows the visitor's own seats, certificates and hours (`MyTrainingPage`);
  `/my-training/<seat>` one seat, with everything that can be done with it.

Nobody gets here without logging in. Whatever a POST names is looked up again and asked for its owner; what is
somebody else's looks like what does not exist. Each form carries the session's own token.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import frappe
from frappe import _
from frappe.sessions import get_csrf_token
from werkzeug.wrappers import Response

from imta_crm.erp import invoice_copies
from imta_crm.policy.seating import CANCELLED
from imta_crm.portal import events, facts, pages
from imta_crm.portal.limits import over_limit
from imta_crm.portal.pages import PortalPage
from imta_crm.portal.visitor import Visitor, may_enter, participant
from imta_crm.seating import calendar, kinds, materials, people, record, seats, windows
from imta_crm.training import certificates, transcript

#: Pages, and steps, of one user in a minute.
PAGES_A_MINUTE = 240
STEPS_A_MINUTE = 40
PDFS_A_MINUTE = 15
REFUSALS = (seats.EnrollmentRefused, record.ForbiddenStep)
LONGEST_REMARKS = 500


class NotTheirs(Exception):
	"""There is no such thing for this visitor: it is somebody else's, or there is none at all."""


class MemberPage(PortalPage):
	"""What the pages have in common.

	200 the page, 302 to the log-in, 303 after a step, 400 a form without the session's token, 403 no member, 404
	nothing of theirs, 409 refused, 422 no such step, 429 too often, 503 could not be done just now.
	"""

	def answer(self, rest: str) -> Response:
		user = frappe.session.user
		if user == "Guest":
			return self.to_login()
		if not may_enter(user):
			return notice("forbidden", 403)
		limit = STEPS_A_MINUTE if self.is_post else PAGES_A_MINUTE
		if over_limit(f"portal:{limit}", user, limit, 60):
			return notice("busy", 429)
		if self.is_post and not pages.is_own_form():
			return notice("stale", 400)
		get_csrf_token()
		self.visitor = Visitor(user)
		try:
			return self.show(*[part for part in rest.split("/") if part])
		except NotTheirs:
			return notice("missing", 404)

	def show(self, *parts: str) -> Response:
		raise NotImplementedError

	def to_login(self) -> Response:
		here = pages.address({}, without=("done", "reply"))
		language = frappe.form_dict.get("_lang")
		query = f"redirect-to={quote(here, safe='')}" + (f"&_lang={language}" if language else "")
		return Response(status=302, headers={**pages.headers(), "Location": f"/login?{query}"})

	def act(self, work: Callable[[], object], reference: tuple[str, str]) -> Response | None:
		"""Do a step; a page where it could not be done, None where it was. Lets refusals through."""
		done = pages.attempt(
			work, reference=reference, title="A step on the portal could not be done", lets=REFUSALS
		)
		return None if done else notice("failed", 503)


def notice(kind: str, status: int) -> Response:
	"""A page that says why there is none."""
	return pages.page("notice.html", status, kind=kind)


class TrainingPage(MemberPage):
	"""`/training` and what is below it."""

	PATHS = ("training",)

	def show(self, *parts: str) -> Response:
		if not parts:
			return self.list()
		event = events.of_name(parts[0])
		if not event or not events.is_shown(event, self.visitor):
			raise NotTheirs
		if len(parts) == 3 and parts[1] == "material":
			return self.material(event, parts[2])
		if len(parts) > 1:
			raise NotTheirs
		return self.post(event) if self.is_post else self.one(event)

	def list(self) -> Response:
		offers = events.upcoming(self.visitor)
		return pages.page(
			"training.html",
			wide=True,
			menu="training",
			offers=offers,
			person=self.visitor.person,
		)

	def one(
		self,
		event: frappe._dict,
		status: int = 200,
		problem: list[str] | str | None = None,
		outcomes: list[dict] | None = None,
	) -> Response:
		kind = kinds.of_event(event.doctype)
		return pages.page(
			"training_event.html",
			status,
			wide=True,
			menu="training",
			event=facts.event(event, own_zone=self.visitor.person.time_zone),
			offer=events.offer(event, self.visitor, self.visitor.seat_at(kind, event.name)),
			details=events.details(event),
			materials=events.materials_for(event, self.visitor),
			colleagues=self.colleagues(event, kind),
			problem=problem,
			outcomes=outcomes,
			done=frappe.form_dict.get("done"),
			longest_remarks=LONGEST_REMARKS,
		)

	def colleagues(self, event: frappe._dict, kind: kinds.Kind) -> list[dict]:
		"""The people whom a representative may enrol, with what they have."""
		if not windows.is_open(event):
			return []
		found = self.visitor.represented
		live = events.live_by_contact(kind, event.name, [each.contact for each in found])
		return [
			{
				"contact": each.contact,
				"name": each.name,
				"position": each.position,
				"member": each.organisation,
				"state": facts.state(live[each.contact].status, live[each.contact])
				if each.contact in live
				else None,
			}
			for each in found
		]

	def post(self, event: frappe._dict) -> Response:
		act = pages.sent("act")
		if act == "enrol":
			return self.enrol(event)
		if act == "enrol_colleagues" and self.visitor.represents:
			return self.enrol_colleagues(event)
		return self.one(event, 422, _("This could not be accepted."))

	def enrol(self, event: frappe._dict) -> Response:
		kind = kinds.of_event(event.doctype)
		remarks = pages.sent("remarks", LONGEST_REMARKS)
		try:
			failed = self.act(
				lambda: seats.request(
					event.doctype,
					event.name,
					self.visitor.as_participant(kind),
					enrolled_by=self.visitor.user,
					remarks=remarks or None,
				),
				(event.doctype, event.name),
			)
		except REFUSALS as error:
			return self.one(event, 409, facts.problems(error))
		return failed or pages.see_other({"done": "enrol"})

	def enrol_colleagues(self, event: frappe._dict) -> Response:
		"""Each of them gets an outcome of their own, in the order of the list."""
		kind = kinds.of_event(event.doctype)
		wanted = set(frappe.local.request.form.getlist("contact"))
		chosen = [participant(kind, each) for each in self.visitor.represented if each.contact in wanted]
		if not chosen or len(chosen) != len(wanted):
			return self.one(event, 422, _("Please choose whom to enrol."))
		outcomes: list[seats.Outcome] = []

		def step() -> None:
			outcomes[:] = seats.request_many(
				event.doctype,
				event.name,
				chosen,
				enrolled_by=self.visitor.user,
				group_key=frappe.generate_hash(length=16),
			)

		try:
			failed = self.act(step, (event.doctype, event.name))
		except REFUSALS as error:
			return self.one(event, 409, facts.problems(error))
		if failed:
			return failed
		if all(each.booked for each in outcomes):
			return pages.see_other({"done": "group"})
		told = [
			{
				"name": each.person.name,
				"state": facts.state(each.booked.status) if each.booked else None,
				"problems": facts.refusal_texts(each.refusals),
			}
			for each in outcomes
		]
		return self.one(event, outcomes=told)

	def material(self, event: frappe._dict, row: str) -> Response:
		kind = kinds.of_event(event.doctype)
		seat = self.visitor.seat_at(kind, event.name)
		file = materials.file_of(event.doctype, event.name, row, status=seat.status if seat else None)
		if not file:
			raise NotTheirs
		content = file.get_content()
		content = content.encode() if isinstance(content, str) else content
		return pages.download(content, file.file_name, "application/octet-stream")


class MyTrainingPage(MemberPage):
	"""`/my-training` and what is below it."""

	PATHS = ("my-training",)

	def show(self, *parts: str) -> Response:
		match parts:
			case ():
				return self.overview()
			case ("transcript",):
				return self.transcript()
			case ("transcript", member):
				return self.transcript_of(member)
			case ("certificate", name):
				return self.certificate(name)
			case ("invoice", name):
				return self.invoice(name)
			case (name,):
				booking, event = self.find(name)
				return self.post(booking, event) if self.is_post else self.seat(booking, event)
			case (name, "calendar"):
				booking, _event = self.find(name)
				if not self.visitor.is_own(booking):
					raise NotTheirs  # it has the participant's own link in it
				return self.calendar(booking)
		raise NotTheirs

	def find(self, name: str) -> tuple[frappe._dict, frappe._dict]:
		"""A seat that the visitor may manage, and its event."""
		found = events.seat_of_name(name)
		if not found or not self.visitor.may_manage(found[0]):
			raise NotTheirs
		return found

	def overview(self) -> Response:
		mine = events.seats_of(self.visitor)
		person = self.visitor.person
		return pages.page(
			"my_training.html",
			wide=True,
			menu="my-training",
			person=person,
			offers=mine.offers,
			coming=mine.coming,
			past=mine.past,
			colleagues=events.colleagues_of(self.visitor),
			certificates=self.certificates(),
			has_hours=any(seat.hours for _event, seat in mine.past),
			organisations=events.trained_members(self.visitor),
			invoices=events.invoices_of(self.visitor),
			done=frappe.form_dict.get("done"),
		)

	def certificates(self) -> list[dict]:
		person = self.visitor.person
		return [
			{
				"name": row["name"],
				"program": pages.by_language(row["program_name"], row["program_name_zh"]),
				"issued_on": pages.day(row["issued_on"]),
				"valid_until": pages.day(row["valid_until"]),
				"state": facts.certificate_state(row["state"]),
				"is_current": row["state"] in ("Valid", "Expired", "Renewed"),
			}
			for row in certificates.of_person(contact=person.contact, user=self.visitor.user)
		]

	def seat(
		self,
		booking: frappe._dict,
		event: frappe._dict,
		status: int = 200,
		problem: list[str] | str | None = None,
	) -> Response:
		seat = facts.seat(booking, event)
		own = self.visitor.is_own(booking)
		return pages.page(
			"my_seat.html",
			status,
			menu="my-training",
			event=facts.event(
				event, own_zone=(booking.time_zone or self.visitor.person.time_zone) if own else None
			),
			seat=seat,
			own=own,
			code=facts.ticket_code(booking) if own else None,
			materials=events.materials_for(event, self.visitor) if own else [],
			heirs=self.heirs(booking) if seat.may_transfer else [],
			problem=problem,
			done=frappe.form_dict.get("done"),
		)

	def heirs(self, booking: frappe._dict) -> list[people.Person]:
		"""To whom the seat can be given: people of the same member, for who still belongs to it."""
		if not booking.member:
			return []
		found = people.colleagues(booking.member)
		belongs = any(each.contact in self.visitor.contacts for each in found)
		if not belongs and booking.member not in self.visitor.represents:
			return []
		return [each for each in found if each.contact != booking.contact]

	def post(self, booking: frappe._dict, event: frappe._dict) -> Response:
		steps = {
			"accept": self.accept,
			"decline": self.decline,
			"cancel": self.cancel,
			"transfer": self.transfer,
		}
		act = pages.sent("act")
		if act not in steps:
			return self.seat(booking, event, 422, _("This could not be accepted."))
		work = steps[act](booking)
		if not work:
			return self.seat(booking, event, 422, _("Please choose a colleague."))
		try:
			failed = self.act(work, (booking.doctype, booking.name))
		except REFUSALS as error:
			return self.seat(*events.seat_of_name(booking.name), 409, facts.problems(error))
		return failed or pages.see_other({"done": act})

	def accept(self, booking: frappe._dict) -> Callable[[], object]:
		return lambda: seats.accept_offer(booking.doctype, booking.name)

	def decline(self, booking: frappe._dict) -> Callable[[], object]:
		return lambda: seats.decline_offer(booking.doctype, booking.name)

	def cancel(self, booking: frappe._dict) -> Callable[[], object]:
		return lambda: seats.cancel(
			booking.doctype, booking.name, reason=facts.reason_sent(), by=self.visitor.user
		)

	def transfer(self, booking: frappe._dict) -> Callable[[], object] | None:
		chosen = pages.sent("contact")
		heir = next((each for each in self.heirs(booking) if each.contact == chosen), None)
		if not heir:
			return None
		return lambda: seats.transfer(booking.doctype, booking.name, heir, by=self.visitor.user)

	def calendar(self, booking: frappe._dict) -> Response:
		if booking.status not in facts.HAS_TICKET and booking.status != CANCELLED:
			raise NotTheirs
		name, text = calendar.file_of(booking.doctype, booking.name)
		return pages.download(text.encode(), name, "text/calendar")

	def certificate(self, name: str) -> Response:
		if name not in {row["name"] for row in self.certificates() if row["is_current"]}:
			raise NotTheirs
		return self.pdf(lambda: certificates.pdf(name), f"{name}.pdf")

	def transcript(self) -> Response:
		person = self.visitor.person
		return self.pdf(
			lambda: transcript.pdf_of_person(contact=person.contact, user=self.visitor.user),
			"transcript.pdf",
		)

	def transcript_of(self, member: str) -> Response:
		"""The hours of an organisation's people, for its representative."""
		if member not in {each["name"] for each in events.trained_members(self.visitor)}:
			raise NotTheirs
		return self.pdf(lambda: transcript.pdf_of_member(member), f"transcript-{member}.pdf")

	def invoice(self, name: str) -> Response:
		if not invoice_copies.is_of(name, self.visitor.customers):
			raise NotTheirs
		return self.pdf(lambda: invoice_copies.pdf(name), f"{name}.pdf")

	def pdf(self, make: Callable[[], bytes], filename: str) -> Response:
		"""A print, which takes the server a second or more: so not many of them."""
		if over_limit("portal:pdf", self.visitor.user, PDFS_A_MINUTE, 60):
			return notice("busy", 429)
		return pages.download(make(), filename, "application/pdf")
