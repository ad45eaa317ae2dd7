"""How fast a campaign's personal letters are queued: the app's way against a loop of `frappe.sendmail`.

    python benchmarks/invitations.py --site SITE --bench BENCH [--invitations N] [--rounds N] [--write]

The same invitations get the same letter, one in five in Chinese, on one site, each way in a worker process of
its own, in turns, several rounds; the table shows the median. Queries are counted by the database server for
the worker's session. Process start and one letter to warm up (rolled back) are not counted. What the app does
beside queueing is counted: it looks for the due step, checks once more who may be written to, writes a touch
for each letter and plans the next step. Nothing is delivered, and everything is taken away again. The site
must allow tests.
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import sys
import time

from scratch import SINCE, Undo, expect, in_turns, machine, main, questions, worker

APP, LETTERS, SENDMAIL = "app", "letters", "sendmail"
LABELS = {
	APP: "the campaign sends (`sending.send_due`)",
	LETTERS: "of that: compose and queue alone",
	SENDMAIL: "loop of `frappe.sendmail`",
}
CHUNK = 100
CAMPAIGN = "BENCHMARK-CAMPAIGN"
STEP = "invite"
TEMPLATES = ("IMTA Invitation EN", "IMTA Invitation ZH")


def measure(options: argparse.Namespace) -> str:
	"""All ways in turns; the table of the medians."""
	results: dict[str, list[dict]] = {way: [] for way in LABELS}
	for number, way in in_turns(list(LABELS), options.rounds):
		undo = Undo()
		try:
			prepare(options.invitations)
			result = once(options, way)
		finally:
			undo.now()
		if result["mails"] != options.invitations:
			sys.exit(f"{LABELS[way]}: {result['mails']} mails instead of {options.invitations}")
		results[way].append(result)
		print(
			f"round {number}  {LABELS[way]:<42}{result['rate']:8.1f} mails/s"
			f"{result['queries']:8.2f} queries/mail",
			flush=True,
		)
	return as_table(options, results)


def once(options: argparse.Namespace, way: str) -> dict:
	"""One way, once, in a worker process."""
	import frappe

	process = worker(__file__, options, {"way": way})
	expect(process, "ready")
	started = time.monotonic()
	print("go", file=process.stdin, flush=True)
	queries = int(expect(process, "queries"))
	seconds = time.monotonic() - started
	process.communicate()
	frappe.db.rollback()
	mails = distinct_mails()
	return {"mails": mails, "rate": mails / seconds, "queries": queries / max(mails, 1)}


def distinct_mails() -> int:
	"""Letters in the queue, each with one recipient whom no other has."""
	import frappe

	return frappe.db.sql(
		"""select count(distinct r.recipient) from `tabEmail Queue` q
		join `tabEmail Queue Recipient` r on r.parent = q.name
		where q.creation >= %s and q.status = 'Not Sent' and q.reference_doctype = 'Invitation'""",
		(SINCE[-1],),
	)[0][0]


def job(task: dict) -> None:
	"""In the worker process: warm up, wait for the word, work, say how many queries it took."""
	import frappe

	ways = {APP: send, LETTERS: queue_letters, SENDMAIL: loop}
	work = ways[task["way"]]
	warm_up(task["way"])
	print("ready", flush=True)
	sys.stdin.readline()
	before = questions()
	work()
	print("queries", questions() - before, flush=True)
	frappe.destroy()


def warm_up(way: str) -> None:
	"""One letter, rolled back: modules, compiled templates and Frappe's caches are there."""
	import frappe

	if way == SENDMAIL:
		loop(limit=1, commit=False)
	else:
		queue_letters(limit=1, commit=False)
	frappe.db.rollback()


def send() -> None:
	from imta_crm.invitations import sending

	sending.send_due(campaign=CAMPAIGN)


def queue_letters(limit: int = 0, *, commit: bool = True) -> None:
	import frappe

	from imta_crm.invitations import campaigns, compose, mailing

	rules = campaigns.rules_of(CAMPAIGN)
	step = rules.step(STEP)
	names = invitations(limit)
	for start in range(0, len(names), CHUNK):
		rows = frappe.get_all(
			"Invitation", {"name": ("in", names[start : start + CHUNK])}, ["*"], order_by="name"
		)
		mailing.queue([compose.compose(row, step, rules) for row in rows])
		if commit:
			frappe.db.commit()


def loop(limit: int = 0, *, commit: bool = True) -> None:
	"""What one would write without the app's own way; the facts for the letter are the same."""
	import frappe

	from imta_crm.invitations import campaigns, compose, mail_facts

	rules = campaigns.rules_of(CAMPAIGN)
	for number, name in enumerate(invitations(limit), start=1):
		invitation = frappe.get_doc("Invitation", name)
		language = compose.language_of(invitation)
		template = frappe.get_cached_doc("Email Template", TEMPLATES[language == "zh"])
		words = template.get_formatted_email(mail_facts.facts_of(invitation, rules, language))
		frappe.sendmail(
			recipients=[invitation.email],
			subject=words["subject"],
			message=words["message"],
			reference_doctype="Invitation",
			reference_name=name,
			with_container=True,
			add_unsubscribe_link=0,
		)
		if commit and number % CHUNK == 0:
			frappe.db.commit()
	if commit:
		frappe.db.commit()


def invitations(limit: int = 0) -> list[str]:
	import frappe

	return frappe.get_all(
		"Invitation", {"campaign": CAMPAIGN}, pluck="name", order_by="name", limit=limit or None
	)


def prepare(count: int) -> None:
	"""A running campaign with so many planned invitations, due now, and an account that nobody answers."""
	import frappe
	from frappe.utils import add_days, nowdate

	from imta_crm.invitations import sending

	# Frappe would try to reach the mail server; nothing is delivered here.
	frappe.flags.in_test = True
	frappe.get_doc(
		doctype="Email Account",
		email_account_name="Benchmark",
		email_id="benchmark@imta.example",
		enable_outgoing=1,
		default_outgoing=1,
		no_smtp_authentication=1,
		smtp_server="127.0.0.1",
		smtp_port="9",
	).insert()
	frappe.flags.in_test = False
	campaign = frappe.new_doc("Invitation Campaign")
	campaign.update(
		{
			"campaign_name": "Benchmark",
			"purpose": "Membership",
			"year": int(nowdate()[:4]),
			"theme": "Mountains for all",
			"from_date": nowdate(),
			"to_date": add_days(nowdate(), 90),
			"campaign_owner": "Administrator",
			"default_tier": "Ordinary",
			"daily_cap": 0,
			"work_from": "00:00:00",
			"work_to": "23:59:59",
			"working_days_only": 0,
		}
	)
	campaign.append("targets", {"planned": count})
	for title, days in (("Invitation", 0), ("Reminder", 7)):
		campaign.append(
			"steps",
			{
				"step_title": title,
				"channel": "E-mail",
				"days": days,
				"counted_from": "Previous Step",
				"language": "All Languages",
				"email_template": TEMPLATES[0],
				"email_template_zh": TEMPLATES[1],
			},
		)
	campaign.insert(set_name=CAMPAIGN)
	# Step keys are random; here the first one has a name.
	frappe.db.set_value("Invitation Campaign Step", campaign.steps[0].name, "step_key", STEP)
	frappe.db.set_value("Invitation Campaign", CAMPAIGN, "workflow_state", "Running")
	insert_invitations(count)
	sending.plan(campaign=CAMPAIGN)
	frappe.db.commit()


def insert_invitations(count: int) -> None:
	import frappe

	from imta_crm.invitations import record

	stamp = frappe.utils.now()
	rows = []
	for number in range(count):
		chinese = number % 5 == 0
		row = {
			"name": f"BENCH-{number:06}",
			"creation": stamp,
			"modified": stamp,
			"owner": "Administrator",
			"modified_by": "Administrator",
			"campaign": CAMPAIGN,
			"purpose": "Membership",
			"prospect_name": f"Benchmark Alpine Club {number:06}",
			"prospect_name_local": f"基准山地俱乐部{number:06}" if chinese else None,
			"invitee_type": "Organisation",
			"status": "Planned",
			"source": "File",
			"email": f"office{number}@club{number}.example",
			"contact_first_name": "Anna",
			"contact_last_name": f"Muster {number}",
			"country": "China" if chinese else "Switzerland",
			"time_zone": frappe.utils.get_system_timezone(),  # due now, at any time of the day
			"tier": "Ordinary",
			"preferred_language": "zh" if chinese else "en",
			"link_key": secrets.token_hex(24),
		}
		row.update(record.folded(row))
		row.update(record.live_keys(row))
		rows.append(tuple(row.values()))
		fields = list(row)
	frappe.db.bulk_insert("Invitation", fields, rows, chunk_size=1000)


def as_table(options: argparse.Namespace, results: dict[str, list[dict]]) -> str:
	medians = {
		way: {key: statistics.median(r[key] for r in rows) for key in ("rate", "queries")}
		for way, rows in results.items()
	}
	lines = [
		f"{options.invitations:,} invitations, {options.rounds} rounds in turns, medians. {machine()}",
		"",
		"| way | letters queued per second | queries per letter | against the loop |",
		"| --- | ---: | ---: | ---: |",
	]
	for way, label in LABELS.items():
		found = medians[way]
		lines.append(
			f"| {label} | {found['rate']:.0f} | {found['queries']:.2f} |"
			f" {found['rate'] / medians[SENDMAIL]['rate']:.1f} × |"
		)
	return "\n".join(lines)


if __name__ == "__main__":
	main(__file__, "Benchmark of the sending of invitations", measure, job, invitations=5000, rounds=3)
