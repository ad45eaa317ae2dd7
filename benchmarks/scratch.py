"""What the benchmarks share: a site for tests as it was afterwards, worker processes, queries, the README."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

README = Path(__file__).with_name("README.md")


def connect(site: str, bench: Path) -> None:
	"""Connect to the site as Administrator; ends the program where the site is not for tests."""
	os.chdir(bench / "sites")

	import frappe

	frappe.init(site=site)
	frappe.connect()
	frappe.set_user("Administrator")
	if not frappe.conf.allow_tests:
		sys.exit(f"{site} does not allow tests: benchmarks make and delete records, use a site for tests")


def expect(process: subprocess.Popen, word: str) -> str:
	"""The rest of the line that begins with this word; lines of others are skipped."""
	for line in process.stdout:
		if line.startswith(word):
			return line[len(word) :].strip()
	sys.exit(f"a worker ended before it said “{word}”")


def questions() -> int:
	"""Statements that the server has had from this session."""
	import frappe

	return int(frappe.db.sql("show session status like 'Questions'")[0][1])


SINCE: list[str] = []


class Undo:
	"""Takes away every row that was made since, on a site for tests."""

	def __init__(self) -> None:
		import frappe

		frappe.db.commit()
		time.sleep(0.01)
		self.since = frappe.utils.now()
		self.series = dict(frappe.db.sql("select name, current from tabSeries"))
		SINCE.append(self.since)

	def now(self) -> None:
		import frappe

		frappe.db.rollback()
		tables = frappe.db.sql_list(
			"""select c.table_name from information_schema.columns c
			join information_schema.tables t using (table_schema, table_name)
			where c.table_schema = database() and c.column_name = 'creation'
			and t.table_type = 'BASE TABLE' and c.table_name like 'tab%%'"""
		)
		for table in tables:
			frappe.db.sql(f"delete from `{table}` where creation >= %s", (self.since,))
		for name, current in frappe.db.sql("select name, current from tabSeries"):
			if current != self.series.get(name):
				if name in self.series:
					frappe.db.sql(
						"update tabSeries set current = %s where name = %s", (self.series[name], name)
					)
				else:
					frappe.db.sql("delete from tabSeries where name = %s", (name,))
		frappe.db.commit()
		frappe.clear_cache()
		SINCE.remove(self.since)


def machine() -> str:
	"""Hardware and versions in words."""
	import erpnext
	import frappe

	memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
	release = Path("/etc/os-release")
	names = dict(line.split("=", 1) for line in release.read_text().splitlines() if "=" in line)
	database = frappe.db.sql("select version()")[0][0].split("-")[0]
	return (
		f"{os.cpu_count()} cores, {memory:.0f} GiB, {names.get('PRETTY_NAME', platform.system()).strip(chr(34))},"
		f" MariaDB {database}, Frappe {frappe.__version__}, ERPNext {erpnext.__version__},"
		f" Python {platform.python_version()}."
	)


def keep(script: str, table: str) -> None:
	"""Put the table into the README, between the marks of this script."""
	begin, end = f"<!-- figures: written by {script} --write -->", "<!-- end of figures -->"
	text = README.read_text(encoding="utf-8")
	head, rest = text.split(begin, 1)
	tail = rest.split(end, 1)[1]
	README.write_text(f"{head}{begin}\n\n{table}\n\n{end}{tail}", encoding="utf-8")
