"""The demo alliance: its data fit the rules, and loading it again changes nothing.

Loading takes most of a minute and commits, so it is tested on the scratch site, or where the demo is already.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import frappe
import pytest
from frappe.utils import getdate

from imta_crm.defaults import read
from imta_crm.demo import alliance, dues, liaison, people, training
from imta_crm.demo.common import DATA, Passwords, data
from imta_crm.install import ROLES

BENCH = Path(os.environ.get("IMTA_BENCH", "")).expanduser()
SCRATCH = os.environ.get("IMTA_SCRATCH_SITE", "")
LOAD = """
import json, sys
import frappe
frappe.init(site=sys.argv[1]); frappe.connect(); frappe.set_user("Administrator")
from imta_crm.demo.load import load
logins = load(sys.argv[2])
one = lambda query: frappe.db.sql(query)[0][0]
rows = lambda query: [[str(cell) for cell in row] for row in frappe.db.sql(query)]
roster = "(select name from `tabIMTA Member` where ifnull(application, '') = '')"
print("RESULT" + json.dumps({
	"logins": logins,
	"tiers": rows(f"select tier, count(*) from `tabIMTA Member` where name in {roster} group by tier order by tier"),
	"officers": one("select count(distinct officer) from `tabIMTA Member`"),
	"without_officer": one("select count(*) from `tabIMTA Member` where ifnull(officer, '') = ''"),
	"statuses": rows("select status, count(*) from `tabIMTA Member` group by status order by status"),
	"charges": one(
		"select count(*) from `tabDues Charge` where status = 'Invoiced' and charge_type = 'Annual' "
		f"and member in {roster}"
	),
	"invoices": rows(
		"select currency, count(*), round(sum(grand_total), 2) from `tabSales Invoice` "
		"where docstatus = 1 and is_return = 0 and imta_dues_charge > '' "
		f"and imta_member in {roster} group by currency order by currency"
	),
	"credit_notes": one("select count(*) from `tabSales Invoice` where docstatus = 1 and is_return = 1"),
	"payments": one("select count(*) from `tabPayment Entry` where docstatus = 1"),
	"contacts": one("select count(*) from `tabLiaison Contact`"),
	"future": one("select count(*) from `tabLiaison Contact` where contact_at > now() + interval 1 day"),
	"steps": rows("select next_step_state, count(*) from `tabLiaison Contact` where next_step > '' group by 1 order by 1"),
	"applications": one("select count(distinct workflow_state) from `tabMembership Application`"),
	"changes": rows("select state, count(*) from `tabMembership Change` group by state order by state"),
	"affiliates": one(f"select count(*) from `tabMember Affiliate` where member in {roster}"),
	"imports": rows("select status, imported, already_there, failed from `tabRoster Import`"),
	"ledger": one(
		"select round(sum(amount), 2) from `tabPayment Ledger Entry` where delinked = 0 and account_type = 'Receivable'"
	) - one(
		"select round(sum(g.debit - g.credit), 2) from `tabGL Entry` g join tabAccount a on a.name = g.account "
		"where a.account_type = 'Receivable' and g.is_cancelled = 0"
	),
	"queue": rows("select status, count(*), max(creation) < curdate() from `tabEmail Queue` group by status"),
	"campaigns": rows(
		"select purpose, workflow_state, year - year(curdate()), ifnull(last_problem, '') "
		"from `tabInvitation Campaign` order by name"
	),
	"invitations": rows(
		"select purpose, status, count(*) from `tabInvitation` group by purpose, status order by purpose, status"
	),
	"overdue": one("select count(*) from `tabInvitation` where next_at < now()"),
	"touches": rows("select channel, status, count(*) from `tabInvitation Touch` group by 1, 2 order by 1, 2"),
	"twice": one(
		"select count(*) from (select 1 from `tabInvitation Touch` group by invitation, step_key "
		"having count(*) > 1) as twice"
	),
	"admitted": rows(
		"select a.workflow_state, a.source, m.status, c.status from `tabMembership Application` a "
		"join `tabIMTA Member` m on m.name = a.member left join `tabDues Charge` c on c.member = m.name"
	),
	"leads": one("select count(*) from `tabLead` where status = 'Converted'"),
	"slips": one("select count(*) from `tabError Log`"),
	"enrolments": rows(
		"select s.status, e.status, count(*) from `tabTraining Enrollment` e "
		"join `tabTraining Session` s on s.name = e.session group by 1, 2 order by 1, 2"
	),
	"delegates": rows(
		"select a.kind, d.status, count(distinct d.delegate_role), count(*) from `tabActivity Delegate` d "
		"join `tabAlliance Activity` a on a.name = d.activity group by 1, 2 order by 1, 2"
	),
	"certificates": one("select count(*) from `tabTraining Certificate` where status = 'Valid'"),
	"answers": one("select count(*) from `tabSession Feedback`"),
	"fees": rows(
		"select i.currency, count(distinct i.name) from `tabSales Invoice` i "
		"join `tabTraining Enrollment` e on e.sales_invoice = i.name where i.docstatus = 1 group by 1"
	),
	"letters": rows(
		"select s.status, n.status, count(*) from `tabSeat Notice` n "
		"join `tabTraining Session` s on s.name = n.event group by 1, 2 order by 1, 2"
	),
	"portal": one(
		"select count(*) from `tabContact` c join `tabHas Role` r on r.parent = c.user where r.role = 'Alliance Member'"
	),
}, default=float))
frappe.destroy()
"""


def test_the_data_name_what_exists(site):
	profiles = read("role_profiles")
	for person in data("people")["staff"]:
		assert person["profile"] in profiles
		assert person["email"].endswith(".example")
	roster = (DATA / "roster.csv").read_text(encoding="utf-8-sig")
	for person in [*data("people")["affiliates"], data("people")["member"], *data("people")["more_members"]]:
		assert f",{person['of']}," in roster
	states = {row["state"] for row in data("applications")}
	assert states == {"Draft", "Submitted", "Secretariat Check", "Council Review", "Rejected"}
	for row in data("applications"):
		assert frappe.db.exists("Country", {"code": row["country"].lower()})
		assert row["email"].endswith(".example")


def test_the_contacts_use_what_the_form_offers(site):
	texts = data("contacts")
	meta = frappe.get_meta("Liaison Contact")
	channels = meta.get_options("channel").split("\n")
	categories = frappe.get_meta("Liaison Need").get_options("category").split("\n")
	for text in [*texts["en"], *texts["zh"]]:
		assert text["channel"] in channels
		assert text["outcome"] in meta.get_options("outcome").split("\n")
		for _need, category in text.get("needs") or []:
			assert category in categories


def test_the_training_names_what_exists(site):
	plan = data("training")
	codes = {program["program_code"] for program in plan["programs"]}
	assert {session["program"] for session in plan["sessions"]} <= codes
	for guest in plan["guests"]:
		assert guest["email"].endswith(".example")
		assert frappe.db.exists("Country", guest["country"])
	fields = {field.fieldname for field in frappe.get_meta("Training Session").fields}
	for session in plan["sessions"]:
		assert session.keys() - training.NOT_FIELDS <= fields, session["title"]
	kinds = frappe.get_meta("Alliance Activity").get_options("kind").split("\n")
	roles = frappe.get_meta("Activity Delegate").get_options("delegate_role").split("\n")
	for activity in plan["activities"]:
		assert activity["kind"] in kinds
		assert {role for role, _place in activity["delegates"]} <= set(roles)


def test_one_login_for_each_role():
	assert set(people.logins()) == {*ROLES, "Administrator"}


def test_payments_never_exceed_the_year():
	kinds = Counter(len(dues.plan_of(place)) for place in range(85))
	assert kinds[0] > 4  # some have not paid at all
	assert all(0 < days < 330 for place in range(85) for _share, days in dues.plan_of(place))


def test_contacts_lie_in_the_last_twelve_months():
	for place in range(91):
		days = [liaison.when(place, number) for number in range(4)]
		assert len(set(days)) == len(days)
		assert all(0 < day < 365 for day in days)


def test_passwords_of_a_file_are_used_and_others_kept(tmp_path):
	path = tmp_path / "passwords.json"
	path.write_text(json.dumps({"Treasurer": "from the file"}))
	passwords = Passwords(str(path))
	assert passwords.of("Treasurer", new_user=False) == "from the file"
	assert passwords.of("Membership Manager", new_user=False) is None
	assert passwords.of("Membership Manager", new_user=True) == passwords.generated["Membership Manager"]


def test_the_dues_year_of_the_demo_is_the_shipped_one():
	assert alliance.dues_year()["title"] == "2026"
	assert getdate(alliance.dues_year()["due_date"]) > getdate(alliance.dues_year()["notice_date"])


def load(path: Path) -> dict:
	run = subprocess.run(
		[sys.executable, "-c", LOAD, SCRATCH, str(path)],
		cwd=BENCH / "sites",
		capture_output=True,
		text=True,
		timeout=600,
	)
	assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-3000:]
	return json.loads(run.stdout.split("RESULT")[1])


@pytest.mark.skipif(not SCRATCH, reason="needs a second site: name it in IMTA_SCRATCH_SITE")
def test_loading_the_demo_twice(tmp_path):
	"""On the scratch site, where the demo stays loaded."""
	path = tmp_path / "passwords.json"
	path.write_text(json.dumps({role: "a-Demo-pass-42" for role in ROLES}))
	path.chmod(0o644)
	first = load(path)
	assert dict(first["tiers"]) == {"Council": "13", "Emeritus": "1", "Individual": "5", "Ordinary": "72"}
	assert first["imports"] == [["Completed", "91", "0", "0"]]
	assert first["charges"] == 85
	invoices = [(currency, int(number), float(total)) for currency, number, total in first["invoices"]]
	assert invoices == [("CNY", 16, 147604.8), ("USD", 69, 77000.0)]
	assert first["credit_notes"] >= 1
	assert first["payments"] >= 60
	assert first["contacts"] >= 150
	assert first["future"] == 0
	assert {state for state, _number in first["steps"]} == {"Closed", "Open"}
	assert first["applications"] == 6
	assert {state for state, _number in first["changes"]} == {"Applied", "Scheduled"}
	assert {"Active", "In Arrears"} <= {status for status, _number in first["statuses"]}
	assert (first["officers"], first["without_officer"]) == (4, 0)
	assert first["affiliates"] == 10
	assert first["ledger"] == 0
	check_campaigns(first)
	check_training(first)
	assert load(path) == first


def check_campaigns(found: dict) -> None:
	assert found["campaigns"] == [
		["Membership", "Running", "0", ""],
		["Membership", "Pending Approval", "1", ""],
		["Activity", "Running", "0", ""],
	]
	statuses = {(purpose, status): int(number) for purpose, status, number in found["invitations"]}
	assert statuses.pop(("Membership", "Invited")) >= 15
	assert statuses.pop(("Activity", "Invited")) >= 5
	assert statuses == {
		("Activity", "Accepted"): 4,
		("Activity", "Declined"): 2,
		("Membership", "Admitted"): 1,
		("Membership", "Applied"): 2,
		("Membership", "Declined"): 2,
		("Membership", "Do Not Write"): 1,
		("Membership", "Held"): 1,
		("Membership", "Interested"): 3,
		("Membership", "Later"): 2,
		("Membership", "Unreachable"): 1,
		("Membership", "Wrong Person"): 1,
	}
	touches = {(channel, status) for channel, status, _number in found["touches"]}
	assert {("Call", "To Do"), ("Call", "Done"), ("E-mail", "Sent"), ("E-mail", "Bounced")} <= touches
	# Letters of the past count as sent, and nothing is left that would leave now.
	assert [(status, past) for status, _number, past in found["queue"]] == [("Sent", "1")]
	assert (found["overdue"], found["twice"], found["slips"], found["leads"]) == (0, 0, 0, 1)
	assert [row[:3] for row in found["admitted"]] == [["Approved", "Invitation", "Active"]]


def check_training(found: dict) -> None:
	assert found["enrolments"] == [
		["Held", "Attended", "1"],
		["Held", "Completed", "18"],
		["Held", "No-show", "3"],
		["Open", "Cancelled", "1"],
		["Open", "Confirmed", "15"],
		["Open", "Offered", "1"],
		["Open", "Waitlisted", "2"],
	]
	assert found["delegates"] == [
		["Conference", "Confirmed", "4", "9"],
		["Theme Day", "Attended", "3", "8"],
		["Theme Day", "No-show", "1", "1"],
	]
	assert (found["certificates"], found["answers"], found["portal"]) == (18, 9, 2)
	[[currency, invoices]] = found["fees"]
	assert (currency, int(invoices) >= 3) == ("USD", True)
	# What was written about the past has left, what is to come waits for the scheduler.
	assert {status for session, status, _number in found["letters"] if session == "Held"} == {"Sent"}
	assert "Pending" in {status for session, status, _number in found["letters"] if session == "Open"}
