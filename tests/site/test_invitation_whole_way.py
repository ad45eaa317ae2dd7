"""The whole way, nothing put in the place of anything: from a draft campaign to a member with an invoice.

The prospects of tests/data/prospects.csv, the roster as members. The plan is approved by somebody else, the
prospects are imported, Frappe's Email Queue brings the letters to a mail server, people answer by the links
that they find in them over HTTP, and one of them is admitted by the Council and billed for the running year.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from pathlib import Path

import frappe
import pytest
import requests
from frappe.model.workflow import WorkflowTransitionError, apply_workflow
from frappe.utils import add_days, get_datetime, getdate, now_datetime, nowdate, today

from imta_crm.dues import admission
from imta_crm.invitations import activities, funnel, replies, sending, targets
from imta_crm.invitations.doctype.prospect_import.prospect_import import run_import
from tests.site.dues_site import committed, make_roster, make_year
from tests.site.factories import as_user, make_change, make_user
from tests.site.mail_server import MailServer, delivering_to, flush

PROSPECTS = Path(__file__).parents[1] / "data" / "prospects.csv"
DANISH = "liaison@danish-climbing-federation.example"
LINK = re.compile(r"https?://\S+/invitation/[^\s>\"')\]]+")


@pytest.fixture
def world(site, served):
	"""Mail server, roster, running dues year and people of the secretariat: committed, and gone afterwards."""
	forget_limits()
	with committed(), MailServer() as server, delivering_to(server, default_outgoing=0) as account:
		members = make_roster()
		year = make_year(str(getdate().year), proration="Monthly", notice_date=f"{getdate().year}-01-01")
		users = {
			role: make_user(role)
			for role in ("Membership Manager", "Alliance Leadership", "Liaison Officer", "Treasurer")
		}
		keep()
		yield frappe._dict(
			server=server, account=account.name, members=members, year=year, users=frappe._dict(users)
		)
		frappe.set_user("Administrator")
	forget_limits()


def forget_limits() -> None:
	for key in frappe.cache.get_keys("imta:limit:"):
		frappe.cache.delete_value(key, make_keys=False)


def keep() -> None:
	"""Commit. The background jobs are done here, one after the other, not by the queue's workers."""
	frappe.db.after_commit.reset()
	frappe.db.commit()


def fresh(doctype: str, name: str):
	"""The document as the web server has left it."""
	frappe.db.rollback()
	frappe.clear_document_cache(doctype, name)
	return frappe.get_doc(doctype, name)


def plan_campaign(world, *, letter="IMTA Invitation", reminder="IMTA Invitation Reminder", **fields):
	"""A campaign as its owner writes it, with the texts that the app brings along."""
	campaign = frappe.new_doc("Invitation Campaign")
	campaign.update(
		{
			"campaign_name": "Members for the year",
			"purpose": "Membership",
			"year": getdate().year,
			"theme": "Mountains connect",
			"from_date": nowdate(),
			"to_date": add_days(nowdate(), 120),
			"campaign_owner": world.users["Membership Manager"],
			"default_tier": "Ordinary",
			"default_language": "en",
			"default_officer": world.users["Liaison Officer"],
			"email_account": world.account,
			"daily_cap": 25,
			"link_valid_days": 60,
			"targets": [
				{"sector": "Sport federation", "tier": "Ordinary", "planned": 10},
				{"planned": 20},
			],
			"steps": [
				step("Invitation", 0, letter),
				step("Call", 21, task="Ask whether the invitation has arrived"),
				step("Reminder", 14, reminder),
			],
			**fields,
		}
	)
	return campaign.insert()


def step(title: str, days: int, template: str | None = None, task: str | None = None) -> dict:
	"""A mail in both languages, or a call, so many days after the step before."""
	return {
		"step_title": title,
		"channel": "E-mail" if template else "Call",
		"days": days,
		"counted_from": "Previous Step",
		"language": "All Languages",
		"only_if_no_reply": 1,
		"email_template": template and f"{template} EN",
		"email_template_zh": template and f"{template} ZH",
		"task": task,
	}


def have_it_approved(campaign, world) -> None:
	with as_user(world.users["Membership Manager"]):
		apply_workflow(campaign, "Submit for Approval")
		with pytest.raises(WorkflowTransitionError):
			apply_workflow(campaign, "Approve")
	with as_user(world.users["Alliance Leadership"]):
		apply_workflow(campaign, "Approve")
	with as_user(world.users["Membership Manager"]):
		apply_workflow(campaign, "Start")
	keep()
	campaign.reload()
	assert campaign.workflow_state == "Running"
	assert campaign.approved_by == world.users["Alliance Leadership"]


def import_prospects(campaign, world) -> None:
	with as_user(world.users["Membership Manager"]):
		found = frappe.new_doc("Prospect Import")
		found.update({"campaign": campaign.name, "source": "File", "prospect_file": attach(PROSPECTS)})
		found.insert()
		found.check()
		assert (found.total_rows, found.to_invite, found.held, found.refused) == (44, 40, 1, 3)
		assert not frappe.db.exists("Invitation", {"campaign": campaign.name}), "a dry run"
		bring(found)
	assert (found.made, found.held, found.refused) == (40, 1, 3)


def attach(path: Path) -> str:
	file = frappe.new_doc("File")
	file.update({"file_name": path.name, "content": path.read_bytes(), "is_private": 1})
	return file.insert().file_url


def bring(found) -> None:
	"""Check an import and do its job."""
	found.check()
	found.start_import()
	keep()
	run_import(found.name)
	found.reload()
	assert found.status == "Completed", found.error


def send_for_days(campaign, server) -> list:
	"""Run the scheduled job every three hours for six days, with Frappe's flush after it; letters of each day."""
	start = now_datetime().replace(minute=0, second=0, microsecond=0)
	days: Counter = Counter()
	for hours in range(0, 24 * 6, 3):
		moment = start + timedelta(hours=hours)
		before = len(server.received)
		sending.send_due(moment, campaign.name)
		flush(commit=True)
		days[moment.date()] += len(server.received) - before
	sending.send_due(moment, campaign.name)  # what the last flush has brought is noted
	return [count for count in days.values() if count]


def letter_to(server, address: str):
	(letter,) = server.to(address)
	return letter


def reply_link(letter) -> str:
	"""The link that the letter gives to answer, as the reader of the plain text finds it."""
	links = [link for link in LINK.findall(letter.text) if "unsubscribe" not in link]
	assert links, letter.text
	return links[0].split("?")[0]


def invitation_of(address: str) -> frappe._dict:
	frappe.db.rollback()
	return frappe.db.get_value("Invitation", {"email": address}, "*", as_dict=True)


def test_from_the_draft_to_a_member_with_an_invoice(world):
	server = world.server
	with as_user(world.users["Membership Manager"]):
		campaign = plan_campaign(world)
	have_it_approved(campaign, world)
	import_prospects(campaign, world)

	# Everybody gets one letter, alone in To, nobody is forgotten, and no day has more than the cap.
	per_day = send_for_days(campaign, server)
	invited = frappe.get_all(
		"Invitation", {"campaign": campaign.name, "status": "Invited"}, ["name", "email", "first_sent_at"]
	)
	assert len(server.received) == len(invited) == 40
	assert sum(per_day) == 40 and max(per_day) <= 25 and len(per_day) >= 2, per_day
	assert all(row.first_sent_at for row in invited)
	assert Counter(letter.recipients for letter in server.received) == Counter(
		(row.email,) for row in invited
	)
	for letter in server.received:
		assert letter.message["To"].addresses[0].addr_spec == letter.recipients[0]
		assert len(letter.message["To"].addresses) == 1
		assert not letter.message["Cc"] and not letter.message["Bcc"]
		assert letter.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
	members = {row.email for row in frappe.get_all("IMTA Member", fields=["email"])}
	assert not members.intersection(row.email for row in invited)

	# The Danish climbers look, look again, and say that they are interested; twice, as people click.
	letter = letter_to(server, DANISH)
	link = reply_link(letter)
	for _ in range(2):
		page = requests.get(link, timeout=60)
		assert page.status_code == 200 and "Danish Climbing Federation" in page.text
	assert invitation_of(DANISH).status == "Invited", "looking changes nothing"
	for _ in range(2):
		sent = requests.post(link, data={"reply": "Interested", "comment": "Gladly"}, timeout=60)
		assert sent.status_code == 200
	invitation = invitation_of(DANISH)
	assert (invitation.status, invitation.reply, invitation.reply_via) == (
		"Interested",
		"Interested",
		"Reply Page",
	)
	assert invitation.reply_comment == "Gladly"

	# One declines, one wants no more letters, one asks to be written to later, one writes a forged link.
	others = [row for row in invited if row.email != DANISH]
	declines, never, later = others[:3]
	requests.post(reply_link(letter_to(server, declines.email)), data={"reply": "No"}, timeout=60)
	one_click = letter_to(server, never.email).message["List-Unsubscribe"]
	address = re.search(r"<(https?://[^>]+)>", one_click).group(1)
	requests.post(address, data={"List-Unsubscribe": "One-Click"}, timeout=60)
	day = add_days(getdate(), 30)
	requests.post(
		reply_link(letter_to(server, later.email)),
		data={"reply": "Later", "later_on": str(day)},
		timeout=60,
	)
	forged = requests.post(link[:-4] + "AAAA", data={"reply": "Do Not Write"}, timeout=60)
	assert forged.status_code in (403, 404, 410) and "Danish" not in forged.text
	assert invitation_of(declines.email).status == "Declined"
	assert invitation_of(never.email).status == "Do Not Write"
	assert (invitation_of(later.email).status, invitation_of(later.email).later_on) == ("Later", day)
	assert invitation_of(DANISH).status == "Interested"

	# The application is there, filled in as far as anybody knows, with a task for the officer.
	application = fresh("Membership Application", invitation.application)
	assert (application.workflow_state, application.source) == ("Draft", "Invitation")
	assert (application.applicant_name, application.country, application.tier) == (
		"Danish Climbing Federation",
		"Denmark",
		"Ordinary",
	)
	assert (application.email, application.sector) == (DANISH, "Sport federation")
	assert application.lead and application.lead == invitation.lead
	officer = world.users["Liaison Officer"]
	assert frappe.db.exists(
		"ToDo", {"reference_name": application.name, "allocated_to": officer, "status": "Open"}
	)

	# Nobody is written to twice when the job runs again.
	before = len(server.received)
	sending.send_due(now_datetime() + timedelta(days=8), campaign.name)
	flush(commit=True)
	assert len(server.received) == before

	# The Council decides.
	with as_user(officer):
		apply_workflow(application, "Submit")
	keep()
	assert invitation_of(DANISH).status == "Applied"
	with as_user(world.users["Membership Manager"]):
		apply_workflow(application, "Begin Check")
		apply_workflow(application, "Send to Council")
		application.update({"council_decision_on": today(), "council_reference": "2026/9, item 2"})
		application.tell_admission = 0
		application.save()
		apply_workflow(application, "Approve")
	keep()
	application.reload()
	admission.work(application.name)
	keep()

	# A member, billed for the months that are left.
	member = frappe.get_doc("IMTA Member", application.member)
	assert (member.status, member.tier, member.joined_on) == ("Active", "Ordinary", getdate(today()))
	charge = frappe.get_doc("Dues Charge", f"DC-{world.year.name}-{member.name}")
	invoice = frappe.get_doc("Sales Invoice", charge.sales_invoice)
	months = 13 - getdate().month
	assert (charge.status, invoice.docstatus, invoice.currency) == ("Invoiced", 1, "USD")
	assert invoice.grand_total == charge.amount == round(1000 * months / 12 + 1e-9, 2)
	assert invoice.customer == member.customer
	assert frappe.db.count("Sales Invoice", {"imta_member": member.name}) == 1
	assert application.reload().dues_state == "Billed"

	# The Lead is converted, the invitation closed.
	lead = frappe.get_doc("Lead", invitation.lead)
	assert (lead.status, lead.imta_member) == ("Converted", member.name)
	assert frappe.db.get_value("Customer", member.customer, "lead_name") == lead.name
	closed = invitation_of(DANISH)
	assert (closed.status, closed.member, closed.admitted_on) == (
		"Admitted",
		member.name,
		getdate(today()),
	)
	assert not closed.live_email and not closed.live_name
	gone = requests.post(link, data={"reply": "No"}, timeout=60)
	assert gone.status_code in (409, 422)
	assert invitation_of(DANISH).status == "Admitted", "what is settled stays"

	# The funnel and the targets say so.
	found = funnel.counts(funnel.facts({"campaign": campaign.name, "status": ("!=", "Merged")}))
	expected = {
		"total": 41,
		"held": 1,
		"invited": 40,
		"replied": 4,
		"declined": 1,
		"do_not_write": 1,
		"later": 1,
		"applied": 1,
		"admitted": 1,
	}
	assert {key: found[key] for key in expected} == expected
	assert found["admission_rate"] == 2.5
	rows = targets.figures(campaign.name, "Membership", [row.as_dict() for row in campaign.targets])
	assert [row["admitted"] for row in rows] == [1, 1]

	# Who asked for it hears again on the day.
	assert get_datetime(invitation_of(later.email).next_at).date() >= day


def test_a_former_member_comes_back(world):
	"""By a letter to those who left; a manager decides, no application is asked for."""
	member = frappe.get_doc("IMTA Member", world.members[0])
	make_change(member.name, "Withdraw")
	keep()
	manager = world.users["Membership Manager"]
	with as_user(manager):
		campaign = plan_campaign(world)
	have_it_approved(campaign, world)
	with as_user(manager):
		found = frappe.new_doc("Prospect Import")
		found.update({"campaign": campaign.name, "source": "Lapsed Members"})
		bring(found.insert())
	send_for_days(campaign, world.server)
	(letter,) = world.server.received
	assert letter.recipients == (member.email,)
	requests.post(reply_link(letter), data={"reply": "Interested"}, timeout=60)

	invitation = invitation_of(member.email)
	assert (invitation.status, invitation.member, invitation.application) == (
		"Interested",
		member.name,
		None,
	)
	(name,) = frappe.get_all(
		"Membership Change", {"member": member.name, "change_type": "Reinstate"}, pluck="name"
	)
	with as_user(manager):
		change = frappe.get_doc("Membership Change", name)
		change.submit()
	keep()
	assert change.reload().decided_by == manager
	assert frappe.db.get_value("IMTA Member", member.name, "status") == "Active"
	assert invitation_of(member.email).status == "Admitted"


def test_members_and_guests_come_to_an_activity(world):
	"""Planned by the coordinator of the activities; who answers yes is on the list of the organiser."""
	coordinator, leader = make_user("Training Coordinator"), world.users["Alliance Leadership"]
	event = frappe.new_doc("Event")
	event.update({"subject": "Mountain Forum", "starts_on": add_days(now_datetime(), 60)})
	event.insert()
	keep()
	with as_user(coordinator):
		campaign = plan_campaign(
			world,
			purpose="Activity",
			campaign_owner=coordinator,
			activity_name="Mountain Forum",
			activity_name_zh="山地论坛",
			activity_doctype="Event",
			activity=event.name,
			activity_from=add_days(now_datetime(), 60),
			activity_time_zone="Asia/Shanghai",
			activity_place="Guiyang",
			answer_until=add_days(nowdate(), 50),
			daily_cap=0,
			letter="IMTA Activity Invitation",
			reminder="IMTA Activity Reminder",
		)
		apply_workflow(campaign, "Submit for Approval")
	with as_user(leader):
		apply_workflow(campaign, "Approve")
	with as_user(coordinator):
		apply_workflow(campaign, "Start")
		members = frappe.new_doc("Prospect Import")
		members.update({"campaign": campaign.name, "source": "Members"})
		members.filters_json = frappe.as_json([["IMTA Member", "tier", "=", "Council"]])
		bring(members.insert())
		guests = frappe.new_doc("Prospect Import")
		guests.update({"campaign": campaign.name, "source": "File", "prospect_file": attach(PROSPECTS)})
		bring(guests.insert())
	council = frappe.get_all("IMTA Member", {"tier": "Council"}, ["name", "email", "member_name"])
	send_for_days(campaign, world.server)
	asked = activities.tally(activities.answers("Event", event.name))
	assert members.reload().made == len(council)
	assert asked.asked == asked.open == len(world.server.received) == len(council) + guests.reload().made

	yes, no = world.server.to(council[0].email)[0], world.server.to(DANISH)[0]
	page = requests.get(reply_link(yes), timeout=60)
	assert "Mountain Forum" in page.text or "山地论坛" in page.text
	requests.post(reply_link(yes), data={"reply": "Yes", "comment": "Two of us"}, timeout=60)
	requests.post(reply_link(no), data={"reply": "No"}, timeout=60)
	frappe.db.rollback()
	given = {answer.email: answer for answer in activities.answers("Event", event.name)}
	assert (given[council[0].email].answer, given[council[0].email].kind) == ("Yes", "Member")
	assert given[council[0].email].comment == "Two of us"
	assert (given[DANISH].answer, given[DANISH].kind) == ("No", "Guest")
	counted = activities.tally(given.values())
	assert (counted.yes, counted.no, counted.members_yes, counted.open) == (1, 1, 1, asked.asked - 2)
	assert not frappe.db.exists("Membership Application", {"email": ("in", list(given))})


def test_a_reply_on_the_phone_goes_the_same_way(world):
	"""Without mail or page: the officer takes down what was said."""
	with as_user(world.users["Membership Manager"]):
		campaign = plan_campaign(world)
	have_it_approved(campaign, world)
	import_prospects(campaign, world)
	invitation = invitation_of(DANISH)
	with as_user(world.users["Liaison Officer"]):
		assert replies.record_by_officer(invitation.name, "Interested", comment="By phone") == "Interested"
	keep()
	assert frappe.db.get_value("Membership Application", {"invitation": invitation.name}, "email") == DANISH
	send_for_days(campaign, world.server)
	assert not world.server.to(DANISH), "who has answered gets no letter"
	assert len(world.server.received) == 39
