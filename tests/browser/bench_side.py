"""The bench's side of the browser tests: `python bench_side.py SITE FUNCTION JSON`, run from the sites folder.

Answers with one line of JSON. Refuses every site that does not allow tests: `reset` deletes what the alliance
has on it.
"""

from __future__ import annotations

import json
import re
import sys
from email import message_from_string

import frappe

MODULES = ("Membership", "Dues", "Liaison", "Invitations", "Seating", "Training", "Activities")
# Set up by installing; a reset leaves them.
KEPT = ("Member Tier", "Alliance Settings")
YEAR = "2026"
ACCOUNT = "Browser Tests Outgoing"


def main(site: str, function: str, arguments: dict) -> dict:
	frappe.init(site=site)
	frappe.connect()
	try:
		if not frappe.conf.allow_tests:
			raise SystemExit(f"{site} does not allow tests: nothing was touched")
		frappe.set_user("Administrator")
		answer = FUNCTIONS[function](**arguments)
		frappe.db.commit()
		return answer or {}
	finally:
		frappe.destroy()


def reset() -> dict:
	"""Take away members, dues, contacts, campaigns, and what belongs to them in ERPNext and in the mail queue."""
	customers = frappe.get_all("Customer", {"imta_member": ("is", "set")}, pluck="name")
	leads = frappe.get_all("Invitation", {"lead": ("is", "set")}, pluck="lead", distinct=True)
	vouchers = {
		"Sales Invoice": frappe.get_all("Sales Invoice", {"customer": ("in", customers)}, pluck="name"),
		"Payment Entry": frappe.get_all(
			"Payment Entry", {"party_type": "Customer", "party": ("in", customers)}, pluck="name"
		),
	}
	for doctype, names in vouchers.items():
		for ledger in ("GL Entry", "Payment Ledger Entry"):
			delete(ledger, {"voucher_type": doctype, "voucher_no": ("in", names)})
		delete_documents(doctype, names)
	contacts = linked("Contact", customers, leads)
	addresses = linked("Address", customers, leads)
	mails = frappe.get_all("Email Queue", {"reference_doctype": ("in", ours())}, pluck="name")
	delete_documents("Contact", contacts)
	delete_documents("Address", addresses)
	for doctype in ours():
		delete_documents(doctype, frappe.get_all(doctype, pluck="name"))
	delete_documents("Customer", customers)
	delete_documents("Lead", leads)
	delete_documents("Email Queue", mails)
	delete("Email Account", {"name": ACCOUNT})
	for file in ("roster%", "prospects%"):
		delete("File", {"file_name": ("like", file)})
	frappe.clear_cache()
	return {"customers": len(customers)}


def ours() -> list[str]:
	return frappe.get_all(
		"DocType",
		{"module": ("in", MODULES), "istable": 0, "issingle": 0, "name": ("not in", KEPT)},
		pluck="name",
	)


def linked(doctype: str, customers: list[str], leads: list[str]) -> list[str]:
	members = frappe.get_all("IMTA Member", pluck="name")
	links = [("Customer", customers), ("IMTA Member", members), ("Lead", leads)]
	names: set[str] = set()
	for link_doctype, link_names in links:
		if link_names:
			names.update(
				frappe.get_all(
					"Dynamic Link",
					{
						"parenttype": doctype,
						"link_doctype": link_doctype,
						"link_name": ("in", link_names),
					},
					pluck="parent",
				)
			)
	return sorted(names)


def delete_documents(doctype: str, names: list[str]) -> None:
	"""Rows, child rows and what refers to them, past the controllers: a reset has no accounting to respect."""
	if not names:
		return
	meta = frappe.get_meta(doctype)
	for table in meta.get_table_fields():
		delete(table.options, {"parenttype": doctype, "parent": ("in", names)})
	for reference, type_field, name_field in (
		("ToDo", "reference_type", "reference_name"),
		("Comment", "reference_doctype", "reference_name"),
		("Version", "ref_doctype", "docname"),
		("Dynamic Link", "link_doctype", "link_name"),
		("File", "attached_to_doctype", "attached_to_name"),
		("Workflow Action", "reference_doctype", "reference_name"),
	):
		delete(reference, {type_field: doctype, name_field: ("in", names)})
	delete(doctype, {"name": ("in", names)})


def delete(doctype: str, filters: dict) -> None:
	if any(isinstance(value, tuple) and value[0] == "in" and not value[1] for value in filters.values()):
		return
	frappe.db.delete(doctype, filters)


def make_year() -> dict:
	"""The dues year as a treasurer would prepare it: a draft that the test opens in its form."""
	start = int(YEAR)
	open_books(start, frappe.utils.getdate().year)
	year = frappe.new_doc("Dues Year")
	year.update(
		{
			"title": YEAR,
			"company": frappe.get_all("Company", pluck="name", order_by="creation", limit=1)[0],
			"status": "Draft",
			"from_date": f"{start}-01-01",
			"to_date": f"{start}-12-31",
			"notice_date": f"{start}-01-05",
			"due_date": f"{start}-03-31",
			"reference_currency": "USD",
			"proration": "Monthly",
			"item": "MEMBERSHIP-DUES",
			"rates": [{"currency": "CNY", "rate": 7.0288, "rate_date": f"{start}-01-01"}],
		}
	)
	return {"name": year.insert().name}


def open_books(*years: int) -> None:
	for each in set(years):
		if not frappe.db.exists("Fiscal Year", {"year_start_date": f"{each}-01-01"}):
			fiscal = frappe.new_doc("Fiscal Year")
			fiscal.update(
				{"year": str(each), "year_start_date": f"{each}-01-01", "year_end_date": f"{each}-12-31"}
			)
			fiscal.insert()


def make_member() -> dict:
	"""A member for tests that look only."""
	from imta_crm.membership.members import NewMember, create_member

	name = frappe.db.get_value("IMTA Member", {"member_name": "Phone Alpine Club"})
	if not name:
		on = frappe.utils.getdate("2024-01-01")
		new = NewMember(
			member_name="Phone Alpine Club",
			member_name_local="手机山岳会",
			country="Austria",
			tier="Ordinary",
			joined_on=on,
		)
		name = create_member(new, source="Secretariat", on=on).name
	return {"name": name}


def prepare_campaign() -> dict:
	"""The two members whom tests/data/prospects.csv names again, and an account that the letters leave by."""
	from imta_crm.membership.members import NewMember, create_member

	on = frappe.utils.getdate("2020-01-01")
	for name, country in (("Swiss Alpine Club", "Switzerland"), ("Nepal Tourism Board", "Nepal")):
		if not frappe.db.exists("IMTA Member", {"member_name": name}):
			new = NewMember(
				member_name=name,
				country=country,
				tier="Ordinary",
				joined_on=on,
				email=f"liaison@{name.lower().replace(' ', '-')}.example",
			)
			create_member(new, source="Secretariat", on=on)
	if not frappe.db.exists("Email Account", {"default_outgoing": 1, "enable_outgoing": 1}):
		account = frappe.new_doc("Email Account")
		account.update(
			{
				"email_account_name": ACCOUNT,
				"email_id": "browser@imta.example",
				"enable_outgoing": 1,
				"default_outgoing": 1,
				"no_smtp_authentication": 1,
				"smtp_server": "127.0.0.1",
				"smtp_port": "9",  # nothing listens there: the letters stay in the queue
				"awaiting_password": 1,
			}
		)
		account.insert()
	return {}


def send_due(campaign: str) -> dict:
	"""What the scheduler does every few minutes; what it queues counts as delivered, for no mail leaves here."""
	from imta_crm.invitations import delivery, sending

	sending.send_due(campaign=campaign)
	invitations = frappe.get_all("Invitation", {"campaign": campaign}, pluck="name")
	mails = frappe.get_all("Email Queue", {"reference_name": ("in", invitations)}, pluck="name")
	for doctype, field in (("Email Queue", "name"), ("Email Queue Recipient", "parent")):
		frappe.db.set_value(doctype, {field: ("in", mails)}, "status", "Sent", update_modified=False)
	frappe.db.commit()  # the reconciling begins its own transactions
	delivery.reconcile(campaign=campaign)
	return {"letters": len(mails)}


def letter_to(email: str) -> dict:
	"""The path of the reply page, from the letter that lies in the mail queue for this address."""
	queued = frappe.get_all("Email Queue Recipient", {"recipient": email}, pluck="parent")
	mail = message_from_string(frappe.get_doc("Email Queue", queued[0]).message)
	text = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
	address = re.search(r"https?://\S+?(/invitation/[^\s>)]+)", text.get_payload(decode=True).decode())
	return {"letters": len(queued), "path": address[1]}


def make_user(role: str, language: str, password: str) -> dict:
	from frappe.utils.password import update_password

	email = f"browser-{frappe.scrub(role)}-{language}@imta.example"
	user = frappe.get_doc("User", email) if frappe.db.exists("User", email) else frappe.new_doc("User")
	user.update(
		{
			"email": email,
			"first_name": role,
			"language": language,
			"send_welcome_email": 0,
			"user_type": "System User",
			"roles": [{"role": role}],
		}
	)
	user.flags.no_welcome_mail = True
	user.save()
	update_password(email, password)
	return {"name": email}


def prepare_training(password: str) -> dict:
	"""A member with a representative who reads Chinese, a colleague, a session with one seat that is taken, and
	one with room."""
	from datetime import timedelta

	from frappe.utils.password import update_password

	from imta_crm.membership import affiliates, portal_access
	from imta_crm.seating import people, seats

	member = make_member()["name"]
	contacts = {}
	for first_name, email in (("明", "li.ming@browser.example"), ("芳", "wang.fang@browser.example")):
		contact = frappe.new_doc("Contact")
		contact.update({"first_name": first_name, "last_name": "测试"})
		contact.append("email_ids", {"email_id": email, "is_primary": 1})
		contact.append("links", {"link_doctype": "IMTA Member", "link_name": member})
		contact.insert()
		affiliation = affiliates.add(
			member,
			contact.name,
			from_date=frappe.utils.getdate("2024-01-01"),
			is_representative=first_name == "明",
		)
		contacts[first_name] = (contact.name, affiliation)
	frappe.flags.mute_emails = True  # Frappe's own letter to a new user
	user = portal_access.give(contacts["明"][1])["user"]
	frappe.db.set_value("User", user, "language", "zh")
	update_password(user, password)

	program = frappe.new_doc("Member Training Program")
	program.update(
		{
			"program_name": "Rescue in the Mountains",
			"program_name_zh": "山地救援",
			"language": "zh",
			"pd_hours": 6,
			"open_to_guests": 1,
		}
	)
	program.insert()
	begins = frappe.utils.now_datetime().replace(hour=9, minute=0, second=0, microsecond=0)
	sessions = []
	for days, title, chinese, capacity in (
		(30, "Rescue on Rock", "岩壁救援", 1),
		(40, "Rescue in Snow", "雪地救援", 10),
	):
		session = frappe.new_doc("Training Session")
		session.update(
			{
				"program": program.name,
				"title": title,
				"title_zh": chinese,
				"language": "zh",
				"status": "Open",
				"coordinator": "Administrator",
				"starts_at": begins + timedelta(days=days),
				"ends_at": begins + timedelta(days=days, hours=6),
				"delivery": "On Site",
				"venue": "Guiyang",
				"venue_zh": "贵阳",
				"capacity": capacity,
			}
		)
		sessions.append(session.insert().name)
	guest = people.guest("First Guest", "first@browser.example")
	taken = seats.request("Training Session", sessions[0], guest, by_staff=True).name
	return {
		"user": user,
		"full": sessions[0],
		"open": sessions[1],
		"taken": taken,
		"colleague": contacts["芳"][0],
	}


def free_a_seat(booking: str, session: str, user: str) -> dict:
	"""The one who had the seat gives it back; the path of the link that the next in line is sent."""
	from imta_crm.portal import links
	from imta_crm.seating import seats

	seats.cancel("Training Enrollment", booking, reason="Browser test", by=None, by_staff=True)
	frappe.db.commit()
	name = frappe.db.get_value("Training Enrollment", {"session": session, "user": user})
	return {"path": "/seat/" + links.offer_url("Training Enrollment", name).rpartition("/")[2]}


def seats_of(session: str) -> dict:
	"""What became of whom at a session."""
	rows = frappe.get_all("Training Enrollment", {"session": session}, ["contact", "user", "status"])
	return {row.user or row.contact or "guest": row.status for row in rows}


def one_of_each() -> dict:
	"""A document of each kind that training and activities have, of a session that is over; {DocType: name}."""
	from imta_crm.seating import people, seats
	from imta_crm.training import feedback

	member = make_member()["name"]
	tier = frappe.db.get_value("IMTA Member", member, "tier")
	names = {"Member Training Program": make_program(audience=[{"tier": tier}])}
	for doctype, days, more in (
		("Training Session", 50, {"program": names["Member Training Program"]}),
		("Alliance Activity", 60, {"audience": "Everybody", "kind": "Forum", "tiers": [{"tier": tier}]}),
	):
		fees = [{"participant_type": "Member", "fee": 100}]
		names[doctype] = make_event(doctype, days=days, fee_currency="CNY", fees=fees, **more)
	contact = make_contact("Anna", "anna@browser.example", member)
	for doctype, booking in (
		("Training Session", "Training Enrollment"),
		("Alliance Activity", "Activity Delegate"),
	):
		names[booking] = seats.request(
			doctype, names[doctype], people.of_contact(contact), by_staff=True
		).name
	session, enrollment = names["Training Session"], names["Training Enrollment"]
	begin(session)
	seats.mark("Training Enrollment", enrollment, "Attended", via="List", by="Administrator")
	end(session)
	marks = {"overall": 5, "content": 5, "trainer": 4, "organisation": 5, "recommend": 10}
	names["Session Feedback"] = feedback.submit(enrollment, marks, "Clear", None, "en")
	names["Training Certificate"] = frappe.db.get_value("Training Enrollment", enrollment, "certificate")
	names["Seat Notice"] = frappe.get_all("Seat Notice", {"booking": enrollment}, pluck="name", limit=1)[0]
	report = frappe.new_doc("File")
	report.update({"file_name": "meeting.csv", "is_private": 1, "content": "Name,Minutes\nAnna Berger,300\n"})
	imported = frappe.new_doc("Attendance Import")
	imported.update({"session": session, "report_file": report.insert().file_url})
	names["Attendance Import"] = imported.insert().name
	return names


def prepare_training_day() -> dict:
	"""Two people of one member and one of another, whom nobody has enrolled yet; books for the fees."""
	from imta_crm.membership.members import NewMember, create_member

	on = frappe.utils.getdate("2024-01-01")
	open_books(frappe.utils.getdate().year)
	house = make_member()["name"]
	other = create_member(
		NewMember(member_name="Hut Keepers Union", country="Austria", tier="Ordinary", joined_on=on),
		source="Secretariat",
		on=on,
	).name
	return {
		"house": house,
		"bruno": make_contact("Bruno", "bruno@browser.example", house, "Gipfel"),
		"clara": make_contact("Clara", "clara@browser.example", other, "Gipfel"),
		"dora": make_contact("Dora", "dora@browser.example", house, "Gipfel"),
	}


def paths(booking: str, doctype: str = "Training Enrollment") -> dict:
	"""What the letters about a seat link to, and its certificate's proof."""
	from imta_crm.portal import links

	found = {"ticket": links.ticket_url(doctype, booking), "seat": links.seat_url(doctype, booking)}
	if doctype == "Training Enrollment":
		found["feedback"] = links.feedback_url(booking)
		certificate = frappe.db.get_value(doctype, booking, "certificate")
		if certificate:
			token = frappe.db.get_value("Training Certificate", certificate, "token")
			found.update(name=certificate, certificate=links.certificate_url(token))
	return {what: re.sub(r"^https?://[^/]+", "", address) for what, address in found.items()}


def fee_invoices(session: str) -> dict:
	"""{invoice: {customer's member, number of rows, total}} of a session."""
	rows = frappe.get_all(
		"Sales Invoice", {"imta_event": session, "docstatus": 1}, ["name", "customer", "grand_total"]
	)
	return {
		row.name: {
			"member": frappe.db.get_value("Customer", row.customer, "imta_member"),
			"people": frappe.db.count("Sales Invoice Item", {"parent": row.name}),
			"total": row.grand_total,
		}
		for row in rows
	}


def make_program(**fields) -> str:
	program = frappe.new_doc("Member Training Program")
	program.update(
		{
			"program_name": "First Aid in the Mountains",
			"program_name_zh": "山地急救",
			"language": "en",
			"pd_hours": 6,
			**fields,
		}
	)
	return program.insert().name


def make_event(doctype: str, days: int, **fields) -> str:
	"""An open session or activity in so many days, in the morning."""
	from datetime import timedelta

	begins = frappe.utils.now_datetime().replace(hour=9, minute=0, second=0, microsecond=0)
	event = frappe.new_doc(doctype)
	event.update(
		{
			"title": "First Aid",
			"title_zh": "急救",
			"language": "en",
			"status": "Open",
			"coordinator": "Administrator",
			"starts_at": begins + timedelta(days=days),
			"ends_at": begins + timedelta(days=days, hours=6),
			"delivery": "On Site",
			"venue": "Guiyang",
			"capacity": 10,
			**fields,
		}
	)
	return event.insert().name


def make_contact(first_name: str, email: str, member: str, last_name: str = "Berger") -> str:
	"""Somebody of this member."""
	from imta_crm.membership import affiliates

	contact = frappe.new_doc("Contact")
	contact.update({"first_name": first_name, "last_name": last_name})
	contact.append("email_ids", {"email_id": email, "is_primary": 1})
	contact.append("links", {"link_doctype": "IMTA Member", "link_name": member})
	contact.insert()
	affiliates.add(member, contact.name, from_date=frappe.utils.getdate("2024-01-01"))
	return contact.name


def begin(event: str, doctype: str = "Training Session") -> dict:
	"""Now it is the day: the event began a minute ago."""
	return move(doctype, event, minutes=-1)


def end(session: str) -> dict:
	"""The session is over, and the jobs that follow have run: how many people they settled."""
	from imta_crm.seating import event as events
	from imta_crm.training import completion

	move("Training Session", session, minutes=-7 * 60)
	events.hold("Training Session", session)
	frappe.db.commit()  # the job begins its own transactions
	return completion.complete_due()


def move(doctype: str, event: str, minutes: int) -> dict:
	"""To so many minutes from now, for six hours. Its bookings follow; nobody is told."""
	from datetime import timedelta

	from imta_crm.seating import kinds

	kind = kinds.of_event(doctype)
	begins = frappe.utils.now_datetime().replace(second=0, microsecond=0) + timedelta(minutes=minutes)
	on_site = {"starts_at_site": begins, "ends_at_site": begins + timedelta(hours=6)}
	frappe.db.set_value(doctype, event, {**on_site, "starts_at": begins, "ends_at": on_site["ends_at_site"]})
	frappe.db.set_value(kind.booking, {kind.field: event}, on_site)
	frappe.clear_document_cache(doctype, event)
	return {}


def counts() -> dict:
	charges = frappe.get_all(
		"Dues Charge",
		{"status": "Invoiced"},
		["count(*) as charges", "count(distinct sales_invoice) as invoices"],
	)
	return {"members": frappe.db.count("IMTA Member"), **charges[0]}


FUNCTIONS = {
	function.__name__: function
	for function in (
		reset,
		make_year,
		make_member,
		make_user,
		counts,
		prepare_campaign,
		send_due,
		letter_to,
		prepare_training,
		free_a_seat,
		seats_of,
		one_of_each,
		prepare_training_day,
		paths,
		fee_invoices,
		begin,
		end,
	)
}

if __name__ == "__main__":
	print(json.dumps(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))))
