"""Campaigns of the demo: one that has run for six weeks, next year's before its approval, one for an activity.

Each goes the way of a real one: planned, approved by somebody else, filled by a Prospect Import, sent, answered.
Six weeks pass in seconds, because the sending takes the moment by which it judges; what it queues is marked as
sent, so that no letter of the past leaves afterwards. What is to come is left to the scheduler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import frappe
from frappe.model.document import Document
from frappe.model.workflow import apply_workflow
from frappe.utils import add_days, get_datetime, getdate

from imta_crm.demo import outbox, people
from imta_crm.demo.common import DATA, acting_as, data, loaded_on
from imta_crm.demo.membership import WAY_TO, portfolios
from imta_crm.dues import admission
from imta_crm.invitations import delivery, record, replies, sending, targets

CAMPAIGN, INVITATION, IMPORT = "Invitation Campaign", "Invitation", "Prospect Import"
TOUCH, QUEUE = "Invitation Touch", "Email Queue"
PROSPECTS = "prospects.csv"
#: Mails that become due within so much time of each other leave together, a little after the last of them.
TOGETHER = timedelta(minutes=90)
#: How long after the reply's day begins it comes; by place, so that not all come at once.
REPLY_HOUR = time(10, 20)
TASK_TAKES = timedelta(days=1)
#: So many moments are never needed; whatever happens, loading comes to an end.
MOMENTS = 1000


@dataclass(frozen=True)
class Event:
	"""Something that happens to an invitation at a moment of the past."""

	at: datetime
	happen: Callable[[datetime], None]


# The steps of the loading


def start_recruiting() -> None:
	"""This year's campaign: planned by the manager, approved by the leadership, filled from the file, started."""
	plan = data("invitations")["recruiting"]
	first, last = (add_days(loaded_on(), days) for days in plan["days"])
	campaign = make_campaign(plan, "Membership Manager", loaded_on().year, first, last)
	fill(campaign, "Membership Manager", {"source": "File"}, DATA / PROSPECTS)
	assign_officers(campaign.name)
	start(campaign.name, "Membership Manager", first)


def let_weeks_pass() -> None:
	"""Letters, calls and replies of the campaign until the day of loading."""
	plan = data("invitations")["recruiting"]
	campaign = find(plan, loaded_on().year)
	pass_time(campaign, lambda: [*events_of(campaign, plan["replies"]), *bounces(campaign, plan["bounced"])])


def follow_applications() -> None:
	"""The applications of those who were interested, one of them up to the admission and its invoice."""
	plan = data("invitations")["recruiting"]
	campaign = find(plan, loaded_on().year)
	for row in plan["applications"]:
		name = frappe.db.get_value(
			INVITATION, {"campaign": campaign, "prospect_name": row["of"]}, "application"
		)
		if name:
			bring_to(name, row)
			count_as_sent(name, datetime.combine(add_days(loaded_on(), row.get("decided", -1)), time(17)))
			frappe.db.commit()  # each application by itself
	admission.catch_up()


def plan_next_year() -> None:
	"""Next year's campaign, which waits for its approval."""
	year = loaded_on().year + 1
	plan = data("invitations")["next_year"]
	campaign = make_campaign(plan, "Membership Manager", year, date(year, 1, 15), date(year, 11, 30))
	with acting_as(people.user_of("Membership Manager")):
		advance_to(campaign.name, "Pending Approval", ["Submit for Approval"])


def invite_to_activity() -> None:
	"""The Council's members are asked to an exchange, and some have answered."""
	plan = data("invitations")["activity"]
	first, last = (add_days(loaded_on(), days) for days in plan["days"])
	begins = datetime.combine(add_days(loaded_on(), plan["takes_place"]), time(9, 30))
	campaign = make_campaign(
		plan,
		"Training Coordinator",
		loaded_on().year,
		first,
		last,
		purpose="Activity",
		activity_from=begins,
		activity_to=begins + timedelta(days=1, hours=7),
		answer_until=add_days(loaded_on(), plan["answer_until"]),
	)
	wanted = frappe.as_json([["IMTA Member", "tier", "=", plan["tier"]]])
	fill(campaign, "Training Coordinator", {"source": "Members", "filters_json": wanted})
	start(campaign.name, "Training Coordinator", first)
	names = frappe.get_all(INVITATION, {"campaign": campaign.name}, pluck="prospect_name", order_by="name")
	answers = [
		answer | {"of": names[answer["place"]], "via": "Reply Page"}
		for answer in plan["answers"]
		if answer["place"] < len(names)
	]
	pass_time(campaign.name, lambda: list(events_of(campaign.name, answers)))


# Planning


def find(plan: dict, year: int) -> str | None:
	return frappe.db.get_value(CAMPAIGN, {"campaign_name": plan["campaign_name"].format(year=year)})


def make_campaign(plan: dict, role: str, year: int, first: date, last: date, **more) -> Document:
	"""The campaign as somebody of that role plans it, or the one that is there."""
	if name := find(plan, year):
		return frappe.get_doc(CAMPAIGN, name)
	with acting_as(people.user_of(role)):
		campaign = frappe.new_doc(CAMPAIGN)
		campaign.update(
			{
				"campaign_name": plan["campaign_name"].format(year=year),
				"theme": plan["theme"],
				"purpose": "Membership",
				"year": year,
				"from_date": first,
				"to_date": last,
				"campaign_owner": people.user_of(role),
				"default_tier": "Ordinary",
				"email_account": account(),
				"later_template": "IMTA Invitation Later EN",
				"later_template_zh": "IMTA Invitation Later ZH",
				**plan["fields"],
				**more,
			}
		)
		campaign.extend("steps", [step_of(step) for step in plan["steps"]])
		campaign.extend("targets", targets_of(campaign))
		campaign.insert()
	frappe.db.commit()  # the import that follows works in transactions of its own
	return campaign


def step_of(step: dict) -> dict:
	values = {"only_if_no_reply": 1, "language": "All Languages", **step}
	if templates := values.pop("templates", None):
		values |= {"email_template": f"{templates} EN", "email_template_zh": f"{templates} ZH"}
	return values


def targets_of(campaign: Document) -> list[dict]:
	"""The suggested growth by region; for an activity the number of people that the house holds."""
	if campaign.purpose == "Activity":
		return [{"planned": 12}]
	rows = targets.suggest(campaign.growth_percent, by_sector=False, by_tier=False)
	return [{"region": row["region"], "planned": row["planned"]} for row in rows]


def account() -> str:
	"""The account that letters leave by: the demo's own. Without one it leads to this machine, too."""
	if not frappe.db.exists("Email Account", {"enable_outgoing": 1, "default_outgoing": 1}):
		with acting_as("Administrator"):
			outbox.use_local_outbox(outbox.PORT, listens=False)
	return frappe.db.get_value("Email Account", {"enable_outgoing": 1, "default_outgoing": 1})


def fill(campaign: Document, role: str, source: dict, path=None) -> None:
	"""A Prospect Import, checked and run in this process; a stopped one goes on."""
	name = frappe.db.get_value(IMPORT, {"campaign": campaign.name})
	with acting_as(people.user_of(role)):
		if not name:
			values = {"doctype": IMPORT, "campaign": campaign.name, **source}
			if path:
				values["prospect_file"] = upload(path)
			name = frappe.get_doc(values).insert().name
		doc = frappe.get_doc(IMPORT, name)
		if doc.status == "Draft":
			doc.check()
		if doc.status != "Completed":
			frappe.db.commit()  # the import works in transactions of its own
			doc.run()


def upload(path) -> str:
	file = frappe.get_doc(
		{"doctype": "File", "file_name": path.name, "content": path.read_bytes(), "is_private": 1}
	)
	return file.insert().file_url


def assign_officers(campaign: str) -> None:
	"""Prospects go to the officer of their part of the world; somebody's own choice stays."""
	officer_of = portfolios()
	rows = frappe.get_all(
		INVITATION, {"campaign": campaign, "officer": ("is", "not set")}, ["name", "country", "territory"]
	)
	record.write_each({row.name: {"officer": officer_of(row.country, row.territory)} for row in rows})


def start(campaign: str, role: str, first: date) -> None:
	"""Submitted by who planned it, approved by the leadership, started on its first day."""
	planner, leadership = people.user_of(role), people.user_of("Alliance Leadership")
	for user, state, action in (
		(planner, "Pending Approval", "Submit for Approval"),
		(leadership, "Approved", "Approve"),
		(planner, "Running", "Start"),
	):
		with acting_as(user):
			advance_to(campaign, state, [action])
	if getdate(frappe.db.get_value(CAMPAIGN, campaign, "started_at")) == first:
		return
	morning = datetime.combine(first, time(8))
	frappe.db.set_value(
		CAMPAIGN, campaign, {"approved_at": morning - timedelta(days=3), "started_at": morning}
	)
	for name in frappe.get_all(INVITATION, {"campaign": campaign}, pluck="name"):
		frappe.db.set_value(INVITATION, name, "creation", morning - timedelta(days=4), update_modified=False)
	sending.plan(campaign=campaign, now=morning)
	frappe.db.commit()  # what follows works in transactions of its own


def advance_to(campaign: str, state: str, actions: list[str]) -> None:
	"""Take steps of the workflow, unless the campaign is at or past the state."""
	order = ["Draft", "Pending Approval", "Approved", "Running", "Paused", "Completed", "Cancelled"]
	doc = frappe.get_doc(CAMPAIGN, campaign)
	if order.index(doc.workflow_state) < order.index(state):
		for action in actions:
			doc = apply_workflow(doc, action)


# Time


def pass_time(campaign: str, events: Callable[[], list[Event]]) -> None:
	"""Everything that was due until the night before the loading, in the order in which it came about.

	:param events: what happens besides, as far as it can be known yet and has not happened
	"""
	end = datetime.combine(loaded_on(), time())
	clock = datetime.min  # nothing is tried twice at the same moment
	for _moment in range(MOMENTS):
		upcoming = min(events(), key=lambda event: event.at, default=None)
		due = next_due(campaign)
		sends_at = max(due + TOGETHER, clock) if due else None
		if sends_at and sends_at < end and (not upcoming or sends_at <= upcoming.at):
			send(campaign, sends_at)
			# Under the cap and outside the hours some stay due: they are looked at again a little later.
			clock = sends_at + TOGETHER
		elif upcoming and upcoming.at < end:
			upcoming.happen(upcoming.at)
		else:
			break
		frappe.db.commit()  # each moment by itself, so that a stop loses little


def next_due(campaign: str) -> datetime | None:
	"""When the next letter or task of the campaign is due."""
	due = frappe.db.get_value(
		INVITATION,
		{"campaign": campaign, "status": ("in", ("Planned", "Invited", "Later")), "next_at": ("is", "set")},
		"next_at",
		order_by="next_at asc",
	)
	return get_datetime(due) if due else None


def send(campaign: str, at: datetime) -> None:
	"""The scheduled job of that moment; its letters count as sent, its tasks are done on the next day."""
	sending.send_due(now=at, campaign=campaign)
	mails = frappe.get_all(
		TOUCH, {"campaign": campaign, "status": "Queued", "email_queue": ("is", "set")}, pluck="email_queue"
	)
	mark_sent(mails, at)
	do_tasks(campaign, at)
	frappe.db.commit()  # the delivery begins a transaction of its own
	delivery.reconcile(at, campaign)


def mark_sent(mails: list[str], at: datetime) -> None:
	"""Letters of the past count as sent, and do not leave any more."""
	if not mails:
		return
	left = at + timedelta(minutes=2)
	frappe.db.set_value("Email Queue Recipient", {"parent": ("in", mails)}, "status", "Sent")
	frappe.db.set_value(QUEUE, {"name": ("in", mails)}, {"status": "Sent", "creation": at})
	frappe.db.set_value(QUEUE, {"name": ("in", mails)}, "modified", left, update_modified=False)


def do_tasks(campaign: str, at: datetime) -> None:
	"""Officers have called, save the last one on each list."""
	tasks = frappe.get_all(
		TOUCH,
		{"campaign": campaign, "status": "To Do", "made_at": ("<=", at)},
		["name", "todo", "officer"],
		order_by="name",
	)
	last = {task.officer: task.name for task in tasks}
	for task in tasks:
		if task.name == last[task.officer]:
			continue
		todo = frappe.get_doc("ToDo", task.todo)
		todo.status = "Closed"
		todo.save()
		frappe.db.set_value(TOUCH, task.name, "sent_at", at + TASK_TAKES, update_modified=False)


# What happens


def events_of(campaign: str, plan: list[dict]) -> Iterator[Event]:
	"""Replies of those who have been written to and have not replied yet."""
	waiting = {
		row.prospect_name: row
		for row in frappe.get_all(
			INVITATION,
			{
				"campaign": campaign,
				"first_sent_at": ("is", "set"),
				"replied_at": ("is", "not set"),
				"referred_by": ("is", "not set"),
			},
			["name", "prospect_name", "first_sent_at"],
		)
	}
	for place, reply in enumerate(plan):
		if row := waiting.get(reply["of"]):
			day = add_days(getdate(row.first_sent_at), reply["day"])
			at = datetime.combine(day, REPLY_HOUR) + timedelta(minutes=47 * (place % 11))
			yield Event(at, lambda at, name=row.name, reply=reply: answer(name, reply, at))


def answer(invitation: str, reply: dict, at: datetime) -> None:
	"""One reply through the door by which it came."""
	referral = reply.get("referral")
	with dated(INVITATION, invitation, at):
		replies.record(
			invitation,
			reply["reply"],
			via=reply["via"],
			comment=reply.get("comment"),
			later_on=add_days(loaded_on(), reply["later"]) if reply.get("later") else None,
			referral=replies.Referral(*referral) if referral else None,
		)
		record.write(invitation, replied_at=at)
		if frappe.db.get_value(INVITATION, invitation, "closed_at"):
			record.write(invitation, closed_at=at)
	for named in frappe.get_all(INVITATION, {"referred_by": invitation, "first_sent_at": ("is", "not set")}):
		frappe.db.set_value(INVITATION, named.name, "creation", at, update_modified=False)
		sending.plan([named.name], now=at)


def bounces(campaign: str, plan: dict[str, str]) -> Iterator[Event]:
	"""Letters that came back."""
	for touch in frappe.get_all(
		TOUCH,
		{"campaign": campaign, "status": "Sent", "channel": "E-mail"},
		["name", "invitation", "sent_at"],
	):
		prospect = frappe.db.get_value(INVITATION, touch.invitation, "prospect_name")
		if diagnostic := plan.get(prospect):
			at = get_datetime(touch.sent_at) + timedelta(minutes=3)
			yield Event(at, lambda at, touch=touch, text=diagnostic: bounce(touch, text, at))


def bounce(touch: frappe._dict, diagnostic: str, at: datetime) -> None:
	with dated(INVITATION, touch.invitation, at):
		delivery.hard_bounce(touch.name, diagnostic)
		record.write(touch.invitation, closed_at=at)


@contextmanager
def dated(doctype: str, name: str, at: datetime) -> Iterator[None]:
	"""What is noted in the document's timeline meanwhile is noted as of that moment."""
	noted = {"reference_doctype": doctype, "reference_name": name}
	before = set(frappe.get_all("Comment", noted, pluck="name"))
	yield
	for comment in set(frappe.get_all("Comment", noted, pluck="name")) - before:
		frappe.db.set_value("Comment", comment, {"creation": at, "modified": at}, update_modified=False)


# Applications


def count_as_sent(application: str, at: datetime) -> None:
	"""What was written to the applicant on the way."""
	about = {"reference_doctype": "Membership Application", "reference_name": application}
	mark_sent(frappe.get_all(QUEUE, {**about, "status": "Not Sent"}, pluck="name"), at)


def bring_to(application: str, row: dict) -> None:
	"""Complete the draft with the applicant and take it to its state."""
	doc = frappe.get_doc("Membership Application", application)
	if doc.workflow_state != "Draft":
		return
	doc.update({"consent": 1, **row["fields"]})
	doc.save()
	decided = row["state"] == "Approved"
	for action in WAY_TO["Council Review" if decided else row["state"]]:
		doc = apply_workflow(doc, action)
	if decided:
		doc.council_decision_on = add_days(loaded_on(), row["decided"])
		doc.council_reference = "Council, written vote"
		doc.save()
		apply_workflow(doc, "Approve")
