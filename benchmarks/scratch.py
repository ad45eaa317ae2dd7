"""What the benchmarks share: the command line, worker processes, turns, queries, the README.

The site for tests is afterwards as it was before.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

README = Path(__file__).with_name("README.md")
Way = TypeVar("Way")


def main(
	script: str,
	description: str,
	measure: Callable[[argparse.Namespace], str],
	job: Callable[[dict], None],
	**numbers: int,
) -> None:
	"""The command line of a benchmark, which is also that of its worker processes.

	:param measure: does it and returns the table for the README
	:param job: what a worker process does
	:param numbers: the benchmark's own options and their defaults
	"""
	parser = argparse.ArgumentParser(description=description)
	parser.add_argument("--site", required=True)
	parser.add_argument("--bench", required=True, type=Path)
	for name, default in numbers.items():
		parser.add_argument(f"--{name}", type=int, default=default)
	parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/README.md")
	parser.add_argument("--verbose", action="store_true", help="show what the workers say")
	parser.add_argument("--profile", action="store_true", help="print where the workers spend their time")
	parser.add_argument("--job", help=argparse.SUPPRESS)
	options = parser.parse_args()
	connect(options.site, options.bench)
	if options.job:
		work(job, json.loads(options.job), profile=options.profile)
		return
	import frappe

	table = measure(options)
	print("\n" + table)
	if options.write:
		keep(Path(script).name, table)
	frappe.destroy()


def work(job: Callable[[dict], None], task: dict, *, profile: bool) -> None:
	"""Do a worker's task, and say where the time goes if that was asked for."""
	if not profile:
		job(task)
		return
	import cProfile
	import pstats

	profiler = cProfile.Profile()
	profiler.runcall(job, task)
	pstats.Stats(profiler, stream=sys.stderr).sort_stats("cumulative").print_stats(45)


def worker(script: str, options: argparse.Namespace, task: dict) -> subprocess.Popen:
	"""Start a worker process with this task."""
	return subprocess.Popen(
		[
			sys.executable,
			Path(script).resolve(),
			*("--site", options.site, "--bench", options.bench, "--job", json.dumps(task)),
			*(["--profile"] if options.profile else []),
		],
		stdin=subprocess.PIPE,
		stdout=subprocess.PIPE,
		stderr=None if options.verbose or options.profile else subprocess.DEVNULL,
		text=True,
	)


def in_turns(ways: Sequence[Way], rounds: int) -> Iterator[tuple[int, Way]]:
	"""Round and way. Each round begins with another way, so that a busy minute of the machine hits all alike."""
	for number in range(rounds):
		first = number % len(ways)
		for way in [*ways[first:], *ways[:first]]:
			yield number + 1, way


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
