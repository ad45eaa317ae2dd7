"""Prospect Import in the desk: dry run, import, repetition, interruption, and what strangers may not do."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import frappe
import pytest

from imta_crm import imports
from imta_crm.invitations import prospects
from imta_crm.invitations.campaigns import CampaignStateError
from imta_crm.invitations.doctype.prospect_import.prospect_import import (
	NotCheckedError,
	ProspectImport,
	download_rows,
)
from tests.site.invitation_factories import make_campaign, put_into

DATA = Path(__file__).parents[1] / "data"
BENCH = Path(os.environ.get("IMTA_BENCH", "")).expanduser()
HEADINGS = "Organisation (EN),Organisation (local),Country/Region,Sector,Email,Preferred language\n"
CLEARED = (
	"IMTA Member",
	"Member Name",
	"Membership Application",
	"Invitation",
	"Lead",
	"Do Not Invite",
	"Invitation Touch",
)


def attach(content: bytes, file_name: str = "prospects.csv", *, is_private: int = 1):
	return frappe.get_doc(
		{"doctype": "File", "file_name": file_name, "content": content, "is_private": is_private}
	).insert()


def new_import(campaign: str, content: bytes | None = None, **fields):
	doc = frappe.new_doc("Prospect Import")
	doc.update({"campaign": campaign, "source": "File", **fields})
	if content is not None:
		doc.prospect_file = attach(content).file_url
	return doc.insert()


def run(doc):
	doc.check()
	doc.run()
	doc.reload()
	return doc


@pytest.fixture
def no_commits(site, monkeypatch):
	"""The import commits chunk by chunk; here the test's rollback undoes it."""
	monkeypatch.setattr(frappe.db, "commit", lambda *args, **kwargs: None)

	def show(self, error):
		raise error

	# What a failed import does is tested where it may commit.
	monkeypatch.setattr(ProspectImport, "fail", show)
	for doctype in CLEARED:
		frappe.db.delete(doctype)
	frappe.db.delete("Dynamic Link", {"link_doctype": "IMTA Member"})
	return site


@pytest.fixture
def with_members(no_commits):
	"""The roster of the alliance as members."""
	doc = frappe.new_doc("Roster Import")
	doc.roster_file = attach((DATA / "roster.csv").read_bytes(), "roster.csv").file_url
	doc.insert()
	doc.check()
	doc.run()
	assert frappe.db.count("IMTA Member") == 91


def counts(doc) -> tuple[int, int, int, int]:
	return doc.made, doc.held, doc.refused, doc.already


def test_forty_are_invited_one_is_held_three_are_refused(with_members):
	campaign = make_campaign(running=True)
	doc = new_import(campaign.name, (DATA / "prospects.csv").read_bytes())
	doc.check()
	assert (doc.total_rows, doc.to_invite, doc.held, doc.refused, doc.already) == (44, 40, 1, 3, 0)
	assert not frappe.db.count("Invitation")
	doc.run()
	doc.reload()
	assert (doc.status, counts(doc)) == ("Completed", (40, 1, 3, 0))


def lines(rows: int, name: str = "Killed Prospect") -> bytes:
	# Names that nobody takes for each other.
	text = "".join(
		f"{name}{n},,Peru,Association,k{n}@{name.split()[0].lower()}{n}.example,en\n"
		for n in range(1, rows + 1)
	)
	return (HEADINGS + text).encode()


def test_a_second_import_adds_nobody(with_members):
	campaign = make_campaign(running=True)
	content = (DATA / "prospects.csv").read_bytes()
	run(new_import(campaign.name, content))
	before = frappe.db.count("Invitation"), frappe.db.count("Lead"), frappe.db.count("Contact")
	again = run(new_import(campaign.name, content))
	assert again.made == again.held == 0
	assert again.refused + again.already == 44
	assert (frappe.db.count("Invitation"), frappe.db.count("Lead"), frappe.db.count("Contact")) == before


def test_the_reasons_name_the_row_and_what_it_is_the_same_as(with_members):
	campaign = make_campaign(running=True)
	doc = run(new_import(campaign.name, (DATA / "prospects.csv").read_bytes()))
	rows = {row.prospect_name: row for row in doc.rows}
	assert set(rows) == {
		"swiss alpine club",
		"Nepal Tourism Board",
		"Dansk Klatreforbund",
		"Finnish Climbing Assoc.",
	}
	assert {row.verdict for row in doc.rows} == {"Refused", "To Decide"}
	assert all(row.reason and row.row_no > 40 for row in doc.rows)
	assert rows["swiss alpine club"].matched_doctype == "IMTA Member"
	held = rows["Finnish Climbing Assoc."]
	assert frappe.db.get_value("Invitation", held.invitation, ["status", "live_email"]) == ("Held", None)
	assert frappe.db.get_value("Invitation", held.matched, "prospect_name") == "Finnish Climbing Association"


def test_what_an_invitation_knows_of_its_prospect(with_members):
	campaign = make_campaign(running=True)
	doc = run(new_import(campaign.name, (DATA / "prospects.csv").read_bytes()))
	made = frappe.get_doc("Invitation", {"prospect_name": "Wuyishan Tourism Development"})
	assert (made.country, made.preferred_language, made.time_zone) == ("China", "zh", "Asia/Shanghai")
	assert (made.sector, made.tier, made.source) == ("Enterprise", "Ordinary", "File")
	assert made.prospect_import == doc.name and made.territory
	assert len(made.link_key) >= 32
	lead = frappe.get_doc("Lead", made.lead)
	assert (lead.company_name, lead.email_id, lead.status) == (made.prospect_name, made.email, "Lead")
	assert len(set(frappe.get_all("Invitation", pluck="link_key"))) == 41


def test_problems_of_rows_are_refused_with_column(no_commits):
	text = (
		HEADINGS + "Good Club,,Peru,Association,good@good.example,en\nBad Club,,Atlantis,,not-an-address,en\n"
	)
	doc = new_import(make_campaign(running=True).name, text.encode())
	doc.check()
	assert (doc.total_rows, doc.to_invite, doc.refused) == (2, 1, 1)
	assert "Email" in doc.rows[0].reason and "Country" in doc.rows[0].reason
	doc.run()
	doc.reload()
	assert counts(doc) == (1, 0, 1, 0)
	assert doc.rows[0].row_no == 3


@pytest.mark.parametrize("encoding", ["gbk", "utf-16", "utf-8-sig"])
def test_chinese_files(no_commits, encoding):
	text = "机构名称（英文）;机构名称（中文）;国家/地区;邮箱\nGuizhou Peak Club;贵州山峰俱乐部;中国;a@gz.example\n"
	doc = run(new_import(make_campaign(running=True).name, text.encode(encoding)))
	assert doc.made == 1
	assert frappe.db.get_value("Invitation", {}, "prospect_name_local") == "贵州山峰俱乐部"


def test_a_script_in_a_name_is_text_everywhere(no_commits):
	text = HEADINGS + '"<script>alert(1)</script> Club",,Peru,,a@script.example,en\n'
	campaign = make_campaign(running=True).name
	run(new_import(campaign, text.encode()))
	again = run(new_import(campaign, text.encode()))
	assert again.made == 0
	assert "<script" not in str(frappe.get_all("Invitation", fields=["*"]))
	assert "<script" not in str(again.as_dict()) + again.summary()


def test_the_download_is_safe_for_spreadsheets(no_commits):
	text = HEADINGS + "Club,,Peru,,a@once.example,en\n-Club,,Peru,,a@once.example,en\n"
	doc = new_import(make_campaign(running=True).name, text.encode())
	doc.check()
	download_rows(doc.name)
	rows = list(csv.reader(io.StringIO(frappe.response["filecontent"].decode("utf-8-sig"))))
	assert len(rows) == 2
	assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def test_what_was_checked_is_what_is_imported(no_commits):
	campaign = make_campaign(running=True).name
	lead = make_lead("Lead One")
	doc = new_import(campaign, source="Leads")
	with pytest.raises(NotCheckedError):
		doc.start_import()
	doc.check()
	lead.db_set("email_id", "changed@lead.example")
	with pytest.raises(NotCheckedError):
		doc.start_import()
	doc.check()
	doc.start_import()
	assert doc.status == "Queued"
	with pytest.raises(frappe.ValidationError):
		doc.check()


def test_the_results_are_nobodys_to_write(no_commits):
	doc = new_import(make_campaign(running=True).name, lines(2))
	doc.update({"status": "Completed", "made": 99, "content_hash": "x"})
	doc.append("rows", {"prospect_name": "Forged", "verdict": "Refused"})
	doc.save()
	doc.reload()
	assert (doc.status, doc.made, doc.content_hash, doc.rows) == ("Draft", 0, None, [])


def test_another_file_asks_for_another_check(no_commits):
	doc = new_import(make_campaign(running=True).name, lines(2))
	doc.check()
	doc.prospect_file = attach(lines(3), "other.csv").file_url
	doc.save()
	assert doc.status == "Draft"


def test_a_campaign_that_is_over_takes_nobody(no_commits):
	campaign = make_campaign(running=True)
	doc = new_import(campaign.name, lines(2))
	doc.check()
	for state in ("Completed", "Cancelled"):
		put_into(campaign, state)
		with pytest.raises(CampaignStateError):
			doc.start_import()
		with pytest.raises(CampaignStateError):
			new_import(campaign.name, lines(1))


def test_one_bad_row_stops_nobody_else(no_commits, monkeypatch):
	real = prospects.leads.ensure_lead

	def fails_once(party, *among):
		if party.email == "k2@killed2.example":
			frappe.throw("Something is wrong with this one")
		return real(party, *among)

	monkeypatch.setattr(prospects.leads, "ensure_lead", fails_once)
	doc = run(new_import(make_campaign(running=True).name, lines(4)))
	assert (doc.status, counts(doc)) == ("Completed", (3, 0, 1, 0))
	assert "Something is wrong" in doc.rows[0].reason


def make_lead(name: str, **fields):
	return frappe.get_doc(
		{
			"doctype": "Lead",
			"company_name": name,
			"country": "Peru",
			"email_id": f"{frappe.scrub(name)}@{frappe.scrub(name).replace('_', '')}.example",
			**fields,
		}
	).insert()


# With real commits, in processes of their own

CLEANED = (
	"Invitation Touch",
	"Invitation",
	"Invitation Campaign",
	"Email Template",
	"Email Account",
	"Lead",
	"Contact",
	"Prospect Import",
	"File",
	"Error Log",
	"Version",
	"Comment",
	"ToDo",
)
WORKER = """
import sys, frappe
frappe.init(site=sys.argv[1]); frappe.connect(); frappe.set_user("Administrator")
from imta_crm.invitations.doctype.prospect_import.prospect_import import run_import
print("ready", flush=True)
run_import(sys.argv[2])
frappe.destroy()
"""


@pytest.fixture
def left_clean(site):
	"""Take away what the processes committed."""
	before = {doctype: set(frappe.get_all(doctype, pluck="name")) for doctype in CLEANED}
	yield site
	frappe.db.rollback()
	for doctype in CLEANED:
		for name in set(frappe.get_all(doctype, pluck="name")) - before[doctype]:
			if doctype == "File":
				frappe.delete_doc("File", name, force=True)
				continue
			for table in frappe.get_meta(doctype).get_table_fields():
				frappe.db.delete(table.options, {"parenttype": doctype, "parent": name})
			frappe.db.delete(doctype, {"name": name})
	frappe.db.commit()


def start_worker(name: str) -> subprocess.Popen:
	return subprocess.Popen(
		[sys.executable, "-c", WORKER, frappe.local.site, name], cwd=BENCH / "sites", stdout=subprocess.PIPE
	)


def prepared(campaign: str, rows: int, name: str = "Killed Prospect"):
	doc = new_import(campaign, lines(rows, name))
	doc.check()
	assert doc.to_invite == rows
	frappe.db.commit()
	return doc


def test_killed_at_any_moment_and_resumed_it_invites_each_once(left_clean):
	rows = 80
	campaign = make_campaign(running=True).name
	doc = prepared(campaign, rows)
	for wait in (0.5, 1.5, 2.5):
		worker = start_worker(doc.name)
		worker.stdout.readline()
		time.sleep(wait)
		worker.send_signal(signal.SIGKILL)
		worker.wait()
		frappe.db.rollback()
		doc.reload()
		# Invitations, Leads and counts go together.
		assert doc.made == doc.processed == frappe.db.count("Invitation", {"campaign": campaign})
		assert doc.made == frappe.db.count("Lead", {"company_name": ("like", "Killed Prospect%")})
	deadline = time.monotonic() + 20
	while imports.is_running(doc.doctype, doc.name) and time.monotonic() < deadline:
		time.sleep(0.2)
	assert start_worker(doc.name).wait(timeout=180) == 0
	frappe.db.rollback()
	doc.reload()
	assert (doc.status, doc.error, counts(doc)) == ("Completed", None, (rows, 0, 0, 0))
	assert frappe.db.count("Invitation", {"campaign": campaign}) == rows
	assert frappe.db.count("Lead", {"company_name": ("like", "Killed Prospect%")}) == rows


def test_two_imports_of_one_file_at_once_invite_each_once(left_clean):
	first, second = make_campaign(running=True).name, make_campaign(running=True).name
	imports = [prepared(first, 30), prepared(second, 30)]
	both = [start_worker(doc.name) for doc in imports]
	assert [worker.wait(timeout=180) for worker in both] == [0, 0]
	frappe.db.rollback()
	for doc in imports:
		doc.reload()
	assert [doc.status for doc in imports] == ["Completed", "Completed"]
	assert sum(doc.made for doc in imports) == 30
	assert sum(doc.refused for doc in imports) == 30
	assert frappe.db.count("Lead", {"company_name": ("like", "Killed Prospect%")}) == 30


def test_two_workers_at_once_import_each_once(left_clean):
	doc = prepared(make_campaign(running=True).name, 30)
	both = [start_worker(doc.name), start_worker(doc.name)]
	assert [worker.wait(timeout=180) for worker in both] == [0, 0]
	frappe.db.rollback()
	doc.reload()
	assert (doc.status, counts(doc)) == ("Completed", (30, 0, 0, 0))


def test_a_source_that_changed_meanwhile_fails_and_can_be_checked_again(left_clean):
	campaign = make_campaign(running=True).name
	lead = make_lead("Changing Lead")
	doc = new_import(
		campaign, source="Leads", filters_json=frappe.as_json([["Lead", "name", "=", lead.name]])
	)
	doc.check()
	doc.db_set("status", "Queued")
	lead.db_set("company_name", "Changed Lead")
	frappe.db.commit()
	assert start_worker(doc.name).wait(timeout=120) == 0
	frappe.db.rollback()
	doc.reload()
	assert doc.status == "Failed" and doc.error and not doc.made
	doc.check()
	frappe.db.commit()
	assert start_worker(doc.name).wait(timeout=120) == 0
	frappe.db.rollback()
	doc.reload()
	assert (doc.status, doc.made) == ("Completed", 1)
