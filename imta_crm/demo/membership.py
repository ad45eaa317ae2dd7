"""Members of the demo: the roster, who looks after whom, affiliates, applications and changes."""

from __future__ import annotations

from collections.abc import Callable

import frappe
from frappe.model.workflow import apply_workflow
from frappe.utils import add_days, getdate

from imta_crm.demo import people
from imta_crm.demo.common import DATA, Passwords, acting_as, data, loaded_on
from imta_crm.erp.contacts import ensure_contact
from imta_crm.membership import affiliates

ROSTER = "roster.csv"
# Actions of the workflow that lead from a draft to each state.
WAY_TO = {
	"Draft": [],
	"Submitted": ["Submit"],
	"Secretariat Check": ["Submit", "Begin Check"],
	"Council Review": ["Submit", "Begin Check", "Send to Council"],
	"Rejected": ["Submit", "Begin Check", "Send to Council", "Reject"],
}


def import_roster() -> None:
	"""The roster through the same document that the desk uses."""
	name = frappe.db.get_value(
		"Roster Import", {"roster_file": ("like", "%roster%")}, order_by="creation asc"
	)
	if name:
		doc = frappe.get_doc("Roster Import", name)
	else:
		doc = frappe.new_doc("Roster Import")
		doc.roster_file = "pending"
		doc.flags.ignore_validate = True
		doc.insert()
		file = frappe.get_doc(
			{
				"doctype": "File",
				"file_name": ROSTER,
				"content": (DATA / ROSTER).read_bytes(),
				"is_private": 1,
				"attached_to_doctype": doc.doctype,
				"attached_to_name": doc.name,
				"attached_to_field": "roster_file",
			}
		).insert()
		doc.db_set("roster_file", file.file_url)
	doc = frappe.get_doc(doc.doctype, doc.name)
	if doc.status == "Draft":
		doc.check()
	if doc.status not in ("Completed", "Completed with Problems"):
		frappe.db.commit()  # the import works in transactions of its own
		doc.run()


def members() -> list[frappe._dict]:
	"""All members by number."""
	return frappe.get_all(
		"IMTA Member",
		fields=[
			"name",
			"member_name",
			"country",
			"territory",
			"tier",
			"status",
			"officer",
			"customer",
			"is_key_member",
			"joined_on",
			"preferred_language",
			"invoice_currency",
			"application",
		],
		order_by="name",
	)


def portfolios() -> Callable[[str | None, str | None], str]:
	"""Who looks after a country and region: (country, territory) to the officer."""
	officers = people.officers()
	below: dict[str, set[str]] = {}
	for officer in officers:
		names: set[str] = set()
		for territory in officer.get("territories") or []:
			if bounds := frappe.db.get_value("Territory", territory, ["lft", "rgt"]):
				names |= set(
					frappe.get_all(
						"Territory",
						filters={"lft": (">=", bounds[0]), "rgt": ("<=", bounds[1])},
						pluck="name",
					)
				)
		below[officer["email"]] = names
	codes = dict(frappe.get_all("Country", fields=["name", "code"], as_list=True))

	def officer_of(country: str | None, territory: str | None) -> str:
		code = (codes.get(country) or "").upper()
		chosen = next((o for o in officers if code in (o.get("countries") or [])), None)
		chosen = chosen or next((o for o in officers if territory in below[o["email"]]), officers[0])
		return chosen["email"]

	return officer_of


def assign_officers() -> None:
	"""Portfolios by country and region; somebody's own choice stays."""
	officer_of = portfolios()
	for member in members():
		if member.officer:
			continue
		doc = frappe.get_doc("IMTA Member", member.name)
		doc.officer = officer_of(member.country, member.territory)
		doc.save()
	settings = frappe.get_single("Alliance Settings")
	if not settings.default_officer:
		settings.default_officer = people.officers()[0]["email"]
		settings.save()


def make_affiliates(passwords: Passwords) -> None:
	"""People of member organisations, two of whom sign in to the portal."""
	for person in data("people")["affiliates"]:
		affiliate(person)
	for person in (data("people")["member"], *data("people")["more_members"]):
		contact = affiliate(person | {"is_representative": 1})
		user = people.make_user(person, ["Alliance Member"], passwords, desk=False)
		if contact and not frappe.db.get_value("Contact", contact, "user"):
			frappe.db.set_value("Contact", contact, "user", user)


def affiliate(person: dict) -> str | None:
	"""A Contact of the member and its affiliation; returns the contact."""
	member = frappe.db.get_value(
		"IMTA Member", {"member_name": person["of"]}, ["name", "joined_on"], as_dict=True
	)
	if not member:
		return None
	email = (
		person.get("email")
		or "{}.{}@{}.example".format(
			frappe.scrub(person["first_name"]),
			frappe.scrub(person["last_name"]),
			frappe.scrub(person["of"]).replace("_", "-")[:40],
		).lower()
	)
	contact = ensure_contact(
		links=[("IMTA Member", member.name)],
		first_name=person["first_name"],
		last_name=person["last_name"],
		email=email,
		position=person["position"],
		company_name=person["of"],
	)
	if not frappe.db.exists("Member Affiliate", {"member": member.name, "contact": contact}):
		start = max(getdate(member.joined_on), getdate("2021-01-01"))
		name = affiliates.add(
			member.name,
			contact,
			from_date=start,
			position=person["position"],
			is_representative=bool(person.get("is_representative")),
		)
		doc = frappe.get_doc("Member Affiliate", name)
		doc.position_zh = person.get("position_zh")
		if person.get("left"):
			doc.to_date = add_days(loaded_on(), -90)
		doc.save()
	return contact


def make_applications() -> None:
	"""Applications in every state of the workflow."""
	for row in data("applications"):
		if frappe.db.exists("Membership Application", {"applicant_name": row["applicant_name"]}):
			continue
		country = frappe.db.get_value("Country", {"code": row["country"].lower()})
		doc = frappe.new_doc("Membership Application")
		doc.update({field: value for field, value in row.items() if field not in ("state", "country")})
		doc.update({"applicant_type": "Organisation", "country": country, "consent": 1})
		doc.insert()
		for action in WAY_TO[row["state"]]:
			if action == "Reject":
				doc.council_decision_on = add_days(loaded_on(), -12)
				doc.council_reference = "Council, written vote"
				doc.save()
			doc = apply_workflow(doc, action)
		frappe.db.commit()  # each application by itself


def make_changes() -> None:
	"""A few changes of membership, all of which leave this year's dues as they are."""
	today = loaded_on()
	next_year = getdate(f"{today.year + 1}-01-01")
	plan = [
		("Nepal Association of Tour and Travel Agents", "Downgrade", next_year, "Ordinary",
			"The seat in the Council rotates to another association at the end of the term. 理事席位任期届满轮换。"),
		("Norwegian Trekking Association", "Upgrade", next_year, "Council",
			"Elected to the Council by the General Assembly. 经会员大会选举进入理事会。"),
		("Individual Member 04", "Appoint Emeritus", next_year, None,
			"For long services to mountain tourism. 长期致力于山地旅游事业，授予荣誉会员。"),
		("Individual Member 06", "Suspend", add_days(today, -120), None,
			"At the member's own wish during a year abroad. 会员因外派一年，申请暂停。"),
		("Individual Member 06", "Reinstate", add_days(today, -20), None, "Back from abroad. 已回国，恢复会员资格。"),
	]  # fmt: skip
	manager = people.user_of("Membership Manager")
	for member_name, change_type, day, tier, reason in plan:
		member = frappe.db.get_value("IMTA Member", {"member_name": member_name})
		if not member or frappe.db.exists(
			"Membership Change", {"member": member, "change_type": change_type, "docstatus": 1}
		):
			continue
		with acting_as(manager):
			doc = frappe.get_doc(
				{
					"doctype": "Membership Change",
					"member": member,
					"change_type": change_type,
					"effective_date": day,
					"new_tier": tier,
					"reason": reason,
				}
			)
			doc.insert()
			doc.submit()
		frappe.db.commit()  # each change by itself
