"""Roster Import in the desk: dry run, import, repetition, interruption, and what strangers may not do."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import frappe
import pytest

from imta_crm import imports
from imta_crm.membership import members
from imta_crm.membership.doctype.roster_import import roster_import
from imta_crm.membership.doctype.roster_import.roster_import import (
	ImportRunningError,
	NotCheckedError,
	RosterFileError,
	download_problems,
)

DATA = Path(__file__).parents[1] / "data"
BENCH = Path(os.environ.get("IMTA_BENCH", "")).expanduser()
HEADINGS = "No.,Organisation (EN),Organisation (local),Country/Region,Category,Sector,Date joined,Email,Preferred language,Invoice currency,Key member\n"


def attach(content: bytes, file_name: str = "roster.csv", *, is_private: int = 1):
	return frappe.get_doc(
		{"doctype": "File", "file_name": file_name, "content": content, "is_private": is_private}
	).insert()


def new_import(content: bytes, **file):
	doc = frappe.new_doc("Roster Import")
	doc.roster_file = attach(content, **file).file_url
	return doc.insert()


@pytest.fixture
def no_commits(site, monkeypatch):
	"""The import commits chunk by chunk; here the test's rollback undoes it."""
	monkeypatch.setattr(frappe.db, "commit", lambda *args, **kwargs: None)
	# Members that the site may have already would be found again.
	frappe.db.delete("IMTA Member")
	frappe.db.delete("Dynamic Link", {"link_doctype": "IMTA Member"})
	frappe.db.sql("update tabCustomer set imta_member = null")
	return site


def run(doc):
	doc.check()
	doc.run()
	doc.reload()
	return doc


def user_with(role: str) -> str:
	name = f"{frappe.scrub(role)}@import.example"
	frappe.get_doc(
		{
			"doctype": "User",
			"email": name,
			"first_name": role,
			"send_welcome_email": 0,
			"roles": [{"role": role}],
		}
	).insert()
	return name


def test_a_dry_run_creates_nothing(no_commits):
	before = frappe.db.count("IMTA Member"), frappe.db.count("Customer"), frappe.db.count("Contact")
	doc = new_import((DATA / "roster.csv").read_bytes())
	doc.check()
	assert (doc.status, doc.total_rows, doc.valid_rows, doc.problem_rows) == ("Checked", 91, 91, 0)
	assert (frappe.db.count("IMTA Member"), frappe.db.count("Customer"), frappe.db.count("Contact")) == before


def test_the_roster_imports_whole(no_commits):
	doc = run(new_import((DATA / "roster.csv").read_bytes()))
	assert (doc.status, doc.imported, doc.already_there, doc.failed) == ("Completed", 91, 0, 0)
	rows = frappe.get_all(
		"IMTA Member",
		fields=["tier", "country", "territory", "invoice_currency", "status", "customer", "member_type"],
	)
	assert Counter(row.tier for row in rows) == {
		"Council": 13,
		"Ordinary": 72,
		"Individual": 5,
		"Emeritus": 1,
	}
	assert len({row.country for row in rows}) == 57
	organisations = [row for row in rows if row.member_type == "Organisation"]
	assert sum(row.invoice_currency == "CNY" for row in organisations) == 16
	assert all(row.territory for row in rows)
	assert all(row.customer for row in rows if row.tier in ("Council", "Ordinary"))


def test_a_second_import_adds_nobody(no_commits):
	content = (DATA / "roster.csv").read_bytes()
	run(new_import(content))
	# Saving a member again must not change who it is.
	for name in frappe.get_all("IMTA Member", pluck="name", limit=5):
		frappe.get_doc("IMTA Member", name).save()
	again = new_import(content)
	again.check()
	assert again.already_there == 91
	again.run()
	again.reload()
	assert (again.imported, again.already_there) == (0, 91)
	assert frappe.db.count("IMTA Member") == 91


def test_problems_by_row_and_column(no_commits):
	doc = new_import((DATA / "roster_problems.csv").read_bytes())
	doc.check()
	found = {(p.roster_no, p.code) for p in doc.problems}
	for expected in (
		("2", "duplicate_in_file"),
		("5", "email_bad"),
		("6", "name_missing"),
		("7", "country_missing"),
		("8", "country_unknown"),
		("9", "tier_unknown"),
		("10", "date_impossible"),
		("13", "too_long"),
		("14", "email_many"),
		("15", "currency_unknown"),
		("17", "row_short"),
	):
		assert expected in found
	refused = {p.roster_no for p in doc.problems}
	assert refused.isdisjoint({"1", "3", "4", "12", "16", "19", "20"})
	assert all(p.row_no > 1 for p in doc.problems)
	assert all(p.problem for p in doc.problems)


def test_refused_rows_change_nothing_and_the_others_are_imported(no_commits):
	doc = run(new_import((DATA / "roster_problems.csv").read_bytes()))
	names = set(frappe.get_all("IMTA Member", pluck="roster_no"))
	assert {"1", "3", "4", "12", "16", "19", "20"} <= names
	assert names.isdisjoint({"2", "5", "6", "7", "8", "9", "10", "13", "14", "15", "17"})
	assert doc.status == "Completed with Problems"
	assert doc.imported == len(names)
	assert frappe.db.get_value("IMTA Member", {"roster_no": "3"}, "country") == "Austria"
	assert str(frappe.db.get_value("IMTA Member", {"roster_no": "19"}, "joined_on")) == "2019-10-28"
	assert (
		frappe.db.get_value("IMTA Member", {"roster_no": "16"}, "member_name")
		== "O'Brien & Søn's \"Fjell\" Club, Ltd."
	)


def test_a_script_in_a_name_is_text_everywhere(no_commits):
	doc = new_import((DATA / "roster_problems.csv").read_bytes())
	doc.check()
	assert "<script>" not in doc.summary()
	assert "&lt;script&gt;alert(1)" in doc.summary()
	doc.run()
	name = frappe.db.get_value("IMTA Member", {"roster_no": "12"})
	member = frappe.get_doc("IMTA Member", name)
	assert "<script" not in member.member_name
	assert "alert(1)" in member.member_name
	assert "<script" not in frappe.db.get_value("Customer", member.customer, "customer_name")
	# The same row once more, after the member was saved, is still the same member.
	member.save()
	again = new_import((DATA / "roster_problems.csv").read_bytes())
	before = frappe.db.count("IMTA Member")
	run(again)
	assert frappe.db.count("IMTA Member") == before


def test_the_download_of_problems_is_safe_for_spreadsheets(no_commits):
	row = '1,"=HYPERLINK(""http://evil.example"",""Click"")",,Atlantis,Ordinary,Association,2020-01-01,a@b.example,en,USD,\n'
	doc = new_import((HEADINGS + row).encode())
	doc.check()
	download_problems(doc.name)
	text = frappe.response["filecontent"].decode("utf-8-sig")
	rows = list(csv.reader(io.StringIO(text)))
	assert len(rows) >= 2
	assert not any(cell.startswith(("=", "+", "-", "@")) for line in rows for cell in line)
	assert frappe.response["filename"].endswith(".csv")


@pytest.mark.parametrize(
	("encoding", "separator"), [("utf-8", ","), ("utf-8-sig", ";"), ("gbk", ","), ("gb18030", "\t")]
)
def test_encodings_and_separators(no_commits, encoding, separator):
	rows = [
		["序号", "单位名称", "国家/地区", "会员类别", "入会日期", "邮箱"],
		["1", "贵州山地旅游协会", "中国", "普通会员", "2019年10月28日", "a@gz.example"],
	]
	text = "\r\n".join(separator.join(row) for row in rows) + "\r\n"
	doc = run(new_import(text.encode(encoding)))
	assert (doc.imported, doc.problem_rows) == (1, 0)


@pytest.mark.parametrize(
	"content", [b"", b"PK\x03\x04zip", b"\x00\x01\x02\x03" * 50, b"just words\nand more\n"]
)
def test_what_is_no_roster_is_refused_with_a_reason(no_commits, content):
	file = attach(content or b" ", file_name="strange.csv")
	doc = frappe.new_doc("Roster Import")
	doc.roster_file = file.file_url
	doc.insert()
	with pytest.raises(RosterFileError):
		doc.check()


def test_a_file_that_is_too_large_is_refused(no_commits, monkeypatch):
	doc = new_import((DATA / "roster.csv").read_bytes())
	monkeypatch.setattr(roster_import.roster, "MAX_BYTES", 1000)
	with pytest.raises(RosterFileError):
		doc.check()


def test_a_public_file_becomes_private(no_commits):
	doc = new_import(
		(HEADINGS + "1,A,,Peru,Ordinary,,2020-01-01,,,,\n").encode(), is_private=0, file_name="open.csv"
	)
	assert doc.roster_file.startswith("/private/")
	assert frappe.db.get_value("File", {"file_url": doc.roster_file}, "is_private")


def test_an_import_without_check_is_refused(no_commits):
	doc = new_import((DATA / "roster.csv").read_bytes())
	with pytest.raises(NotCheckedError):
		doc.start_import()


def test_a_file_changed_after_the_check_is_refused(no_commits):
	doc = new_import((DATA / "roster.csv").read_bytes())
	doc.check()
	doc.db_set("file_hash", "something else")
	with pytest.raises(NotCheckedError):
		doc.start_import()


def test_the_file_of_an_import_that_has_begun_stays(no_commits):
	doc = run(new_import((HEADINGS + "1,A,,Peru,Ordinary,,2020-01-01,,,,\n").encode()))
	doc.roster_file = attach(b"other", file_name="other.csv").file_url
	with pytest.raises(ImportRunningError):
		doc.save()


def test_one_bad_row_stops_nobody_else(no_commits, monkeypatch):
	real = members.create_member

	def fails_once(new, **arguments):
		if new.roster_no == "2":
			frappe.throw("Something is wrong with this one")
		return real(new, **arguments)

	monkeypatch.setattr(members, "create_member", fails_once)
	rows = "".join(f"{n},Club {n},,Peru,Ordinary,,2020-01-0{n},,,,\n" for n in range(1, 5))
	doc = run(new_import((HEADINGS + rows).encode()))
	assert (doc.status, doc.imported, doc.failed) == ("Completed with Problems", 3, 1)
	assert doc.problems[-1].code == "not_created"
	assert "Something is wrong" in doc.problems[-1].problem


def test_unknown_sectors_need_leave(no_commits):
	content = (HEADINGS + "1,A,,Peru,Ordinary,Underwater hockey,2020-01-01,,,,\n").encode()
	frappe.db.set_single_value("Alliance Settings", "import_creates_sectors", 0)
	doc = run(new_import(content))
	assert (doc.imported, doc.failed) == (0, 1)
	frappe.db.set_single_value("Alliance Settings", "import_creates_sectors", 1)
	assert run(new_import(content)).imported == 1


@pytest.mark.parametrize(
	"role", ["Liaison Officer", "Treasurer", "Alliance Leadership", "Training Coordinator"]
)
def test_other_roles_have_no_access(no_commits, role):
	doc = new_import((DATA / "roster.csv").read_bytes())
	doc.check()
	frappe.set_user(user_with(role))
	assert not frappe.has_permission("Roster Import", "read")
	for door in (doc.check, doc.start_import, lambda: download_problems(doc.name)):
		with pytest.raises(frappe.PermissionError):
			door()


def test_a_manager_cannot_read_files_of_others_through_an_import(no_commits):
	secret = frappe.get_doc(
		{
			"doctype": "File",
			"file_name": "secret.csv",
			"content": b"secret",
			"is_private": 1,
			"attached_to_doctype": "User",
			"attached_to_name": "Administrator",
		}
	).insert()
	frappe.set_user(user_with("Membership Manager"))
	doc = frappe.new_doc("Roster Import")
	doc.roster_file = secret.file_url
	with pytest.raises(frappe.PermissionError):
		doc.insert()


def test_a_manager_imports(no_commits):
	frappe.set_user(user_with("Membership Manager"))
	doc = run(new_import((HEADINGS + "1,A,,Peru,Ordinary,,2020-01-01,,,,\n").encode()))
	assert doc.imported == 1


# With real commits, in processes of their own


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


CLEANED = (
	"IMTA Member",
	"Customer",
	"Contact",
	"Address",
	"Roster Import",
	"File",
	"Error Log",
	"Version",
	"Comment",
)
WORKER = """
import sys, frappe
frappe.init(site=sys.argv[1]); frappe.connect(); frappe.set_user("Administrator")
from imta_crm.membership.doctype.roster_import.roster_import import run_import
print("ready", flush=True)
run_import(sys.argv[2])
frappe.destroy()
"""


def start_worker(name: str) -> subprocess.Popen:
	return subprocess.Popen(
		[sys.executable, "-c", WORKER, frappe.local.site, name], cwd=BENCH / "sites", stdout=subprocess.PIPE
	)


def prepared(rows: int):
	lines = "".join(
		f"{n},Killed Import Club {n},,Peru,Ordinary,Association,2020-01-01,k{n}@killed.example,en,USD,\n"
		for n in range(1, rows + 1)
	)
	doc = new_import((HEADINGS + lines).encode())
	doc.check()
	frappe.db.commit()
	return doc


def test_killed_at_any_moment_and_resumed_it_imports_each_member_once(left_clean):
	rows = 60
	doc = prepared(rows)
	for wait in (0.3, 0.8, 1.5):
		worker = start_worker(doc.name)
		worker.stdout.readline()
		time.sleep(wait)
		worker.send_signal(signal.SIGKILL)
		worker.wait()
		frappe.db.rollback()
		doc.reload()
		# Members and counts go together.
		assert doc.imported == frappe.db.count(
			"IMTA Member", {"member_name": ("like", "Killed Import Club %")}
		)
	deadline = time.monotonic() + 20
	while imports.is_running(doc.doctype, doc.name) and time.monotonic() < deadline:
		time.sleep(0.2)
	worker = start_worker(doc.name)
	assert worker.wait(timeout=120) == 0
	frappe.db.rollback()
	doc.reload()
	assert (doc.status, doc.imported, doc.already_there, doc.failed) == ("Completed", rows, 0, 0)
	assert frappe.db.count("IMTA Member", {"member_name": ("like", "Killed Import Club %")}) == rows
	assert frappe.db.count("Customer", {"customer_name": ("like", "Killed Import Club %")}) == rows


def test_two_workers_at_once_import_each_member_once(left_clean):
	doc = prepared(30)
	both = [start_worker(doc.name), start_worker(doc.name)]
	assert [worker.wait(timeout=120) for worker in both] == [0, 0]
	frappe.db.rollback()
	doc.reload()
	assert (doc.status, doc.imported, doc.already_there) == ("Completed", 30, 0)


def test_two_imports_of_one_file_at_once_create_each_member_once(left_clean):
	first, second = prepared(30), prepared(30)
	both = [start_worker(first.name), start_worker(second.name)]
	assert [worker.wait(timeout=120) for worker in both] == [0, 0]
	frappe.db.rollback()
	first.reload()
	second.reload()
	assert frappe.db.count("IMTA Member", {"member_name": ("like", "Killed Import Club %")}) == 30
	assert first.imported + second.imported == 30
	assert first.failed + second.failed == 0


def test_a_running_import_refuses_a_second_start(left_clean):
	doc = prepared(2)
	holder = subprocess.Popen(
		[
			sys.executable,
			"-c",
			"import sys, time, frappe; frappe.init(site=sys.argv[1]); frappe.connect();"
			"frappe.db.sql('select get_lock(%s, 0)', (sys.argv[2],)); print('held', flush=True); time.sleep(60)",
			frappe.local.site,
			imports.lock_name(doc.doctype, doc.name),
		],
		cwd=BENCH / "sites",
		stdout=subprocess.PIPE,
	)
	try:
		holder.stdout.readline()
		assert imports.is_running(doc.doctype, doc.name)
		doc.db_set("status", "Importing")
		with pytest.raises(ImportRunningError):
			doc.start_import()
	finally:
		holder.kill()
		holder.wait()
