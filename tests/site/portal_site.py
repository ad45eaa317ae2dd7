"""A committed world for the tests of the portal's pages, which are asked for over real HTTP.

	@pytest.fixture(scope="module")
	def web(connected): with WebServer(connected) as server: yield server

	world.member(...)        # a member with a representative and colleagues, who can log in
	world.session(...)       # an open session; world.activity(...)
	Browser(web).log_in(user)

Everything is gone after the module.
"""

from __future__ import annotations

import itertools
import re
from datetime import datetime, timedelta
from html import unescape

import frappe
import requests
from frappe.utils import now_datetime
from frappe.utils.password import update_password

from imta_crm.portal.visitor import MEMBER_ROLE
from imta_crm.seating import people
from tests.site.factories import make_member
from tests.site.seating_factories import (
	ACTIVITY,
	DELEGATE,
	ENROLLMENT,
	SESSION,
	make_activity,
	make_person,
	make_program,
	make_session,
)

PASSWORD = "Mountain-Path-7431"


def forget_limits() -> None:
	for key in frappe.cache.get_keys("imta:limit:"):
		frappe.cache.delete_value(key, make_keys=False)


def text_of(response: requests.Response) -> str:
	"""What a reader sees."""
	body = re.sub(r"<style.*?</style>", "", response.text, flags=re.S)
	return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


class World:
	"""Makes and commits; `sweep` takes all of it away."""

	def __init__(self) -> None:
		self.made: dict[str, list[str]] = {}
		self.days = itertools.count(30)

	def keep(self, doctype: str, name: str) -> str:
		self.made.setdefault(doctype, []).append(name)
		return name

	def member(self, **fields):
		doc = make_member(f"Portal Club {frappe.generate_hash(length=8)}", **fields)
		self.keep("IMTA Member", doc.name)
		self.keep("Customer", doc.customer)
		frappe.db.commit()
		return doc

	def person(
		self, member=None, *, name: str | None = None, is_representative: bool = False
	) -> people.Person:
		"""A Contact, of the member where one is given, who cannot log in."""
		number = frappe.generate_hash(length=8)
		person = make_person(
			name or f"Portal Person {number}",
			member=member,
			email=f"p{number}@portal.example",
			is_representative=is_representative,
		)
		self.keep("Contact", person.contact)
		frappe.db.commit()
		return person

	def user(
		self,
		member=None,
		*,
		role: str | None = MEMBER_ROLE,
		language: str = "en",
		is_representative: bool = False,
	) -> people.Person:
		"""The same with a user of the portal."""
		person = self.person(member, is_representative=is_representative)
		user = frappe.new_doc("User")
		user.update(
			{
				"email": person.email,
				"first_name": person.name,
				"language": language,
				"send_welcome_email": 0,
				"user_type": "Website User",
				"roles": [{"role": role}] if role else [],
			}
		)
		user.flags.no_welcome_mail = True
		user.insert(ignore_permissions=True)
		self.keep("User", user.name)
		update_password(user.name, PASSWORD)
		frappe.db.set_value("Contact", person.contact, "user", user.name)
		frappe.db.commit()
		return people.of_user(user.name)

	def program(self, **fields):
		program = make_program(f"Portal Program {frappe.generate_hash(length=8)}", **fields)
		self.keep("Member Training Program", program.name)
		return program

	def session(self, program=None, **fields):
		session = make_session((program or self.program()).name, **{"begins": self.another_day(), **fields})
		self.keep(SESSION, session.name)
		frappe.db.commit()
		return session

	def another_day(self) -> datetime:
		"""Nobody has two seats at the same time, so each event has a day of its own."""
		return now_datetime().replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(
			days=next(self.days)
		)

	def activity(self, **fields):
		activity = make_activity(**{"begins": self.another_day(), **fields})
		self.keep(ACTIVITY, activity.name)
		frappe.db.commit()
		return activity

	def sweep(self) -> None:
		frappe.db.rollback()
		names = [name for found in self.made.values() for name in found]
		bookings = []
		for doctype, field, event in ((ENROLLMENT, "session", SESSION), (DELEGATE, "activity", ACTIVITY)):
			events = self.made.get(event) or [""]
			found = frappe.get_all(doctype, {field: ("in", events)}, pluck="name")
			bookings += found
			frappe.db.delete(doctype, {field: ("in", events)})
		for doctype, field in (
			("Seat Notice", "booking"),
			("Session Feedback", "enrollment"),
			("Training Certificate", "enrollment"),
			("Version", "docname"),
			("Comment", "reference_name"),
			("Email Queue", "reference_name"),
			("Free Seat", "booking"),
		):
			if frappe.db.table_exists(doctype) and frappe.db.has_column(doctype, field):
				frappe.db.delete(doctype, {field: ("in", [*bookings, *names])})
		frappe.db.delete("Member Affiliate", {"member": ("in", self.made.get("IMTA Member") or [""])})
		frappe.db.delete("Dynamic Link", {"link_name": ("in", names)})
		frappe.db.delete("Error Log", {"method": ("like", "%portal%")})
		for user in self.made.pop("User", []):
			for contact in frappe.get_all("Contact", {"user": user}, pluck="name"):
				frappe.db.set_value("Contact", contact, "user", None)
			frappe.delete_doc("User", user, force=True, ignore_permissions=True)
		for doctype, found in self.made.items():
			for child in frappe.get_meta(doctype).get_table_fields():
				frappe.db.delete(child.options, {"parent": ("in", found)})
			frappe.db.delete(doctype, {"name": ("in", found)})
		frappe.db.commit()


class Browser:
	"""A session of somebody on the portal, who fills in the forms that the pages show."""

	def __init__(self, web) -> None:
		self.web = web
		self.session = requests.Session()

	def log_in(self, user: str) -> Browser:
		self.web.request(
			"POST", "/api/method/login", session=self.session, data={"usr": user, "pwd": PASSWORD}
		).raise_for_status()
		return self

	def get(self, path: str, **how) -> requests.Response:
		return self.web.request("GET", path, session=self.session, **how)

	def token(self, path: str = "/my-training") -> str:
		"""The session's own token; a page with a form has it, and its making is of the first page."""
		self.get(path)
		sid = self.session.cookies.get("sid")
		frappe.db.rollback()
		return frappe.cache.hget("session", sid)["data"]["csrf_token"]

	def post(self, path: str, **data) -> requests.Response:
		"""As the page's own form sends it."""
		return self.bare_post(path, csrf_token=self.token(), **data)

	def bare_post(self, path: str, **data) -> requests.Response:
		return self.web.request("POST", path, session=self.session, data=data)
