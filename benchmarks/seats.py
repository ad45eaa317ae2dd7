"""How fast people enrol in one session, and how fast a long waiting list moves.

    python benchmarks/seats.py --site SITE --bench BENCH [--people N] [--waiting N] [--rounds N] [--write]

The same guests ask for seats of a session that has one for every fourth of them, from 1, 4 and 20 processes
at the same moment: by the app's engine, and by a loop that counts the taken seats and inserts a document, as
one would write it without a lock. Both commit each enrolment. The ways take turns, several rounds; the tables
show medians. Process start and one enrolment to warm up (rolled back) are not counted. Queries are counted by
the database server for the workers' sessions. What the engine does beside is counted: the checks of the
window, prerequisites and double bookings, the number in line, the notice for the letter, the fee.

Then a session in which many wait gets on: offers that nobody has answered end and the next are made, somebody
cancels, somebody comes last. No letter leaves, and everything is taken away again. The site must allow tests.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from scratch import Undo, expect, in_turns, machine, main, questions, worker

ENGINE, NAIVE = "engine", "naive"
LABELS = {
	ENGINE: "`seats.request`",
	NAIVE: "count, then insert, without a lock",
}
PROCESSES = (1, 4, 20)
SEATS_FOR = 4  # one seat for so many people
OFFERS = 100
SESSION, ENROLLMENT = "Training Session", "Training Enrollment"
NAME = "BENCHMARK-SESSION"


def measure(options: argparse.Namespace) -> str:
	"""Both ways with each number of processes in turns, then the line; the tables of the medians."""
	results: dict[tuple[str, int], list[dict]] = {
		(way, processes): [] for processes in PROCESSES for way in LABELS
	}
	lines: dict[str, list[float]] = {}
	for number, (way, processes) in in_turns(list(results), options.rounds):
		undo = Undo()
		try:
			make_session(options.people // SEATS_FOR)
			result = once(options, way, processes)
		finally:
			undo.now()
		results[way, processes].append(result)
		print(
			f"round {number}  {LABELS[way]:<36}{processes:>3} processes{result['rate']:8.1f} enrolments/s"
			f"{result['queries']:7.1f} queries each{result['confirmed']:6} confirmed"
			f" of {options.people // SEATS_FOR}",
			flush=True,
		)
	for number in range(options.rounds):
		undo = Undo()
		try:
			make_session(OFFERS)
			insert_line(options.waiting)
			for title, seconds in times_of_the_line():
				lines.setdefault(title, []).append(seconds)
				print(f"round {number + 1}  {title:<60}{1000 * seconds:10.0f} ms", flush=True)
		finally:
			undo.now()
	return as_table(options, results, lines)


def once(options: argparse.Namespace, way: str, processes: int) -> dict:
	"""One way with so many worker processes, which begin at the same moment."""
	import frappe

	seats = options.people // SEATS_FOR
	jobs: list[subprocess.Popen] = []
	for number in range(processes):
		task = {"way": way, "first": number, "step": processes, "people": options.people, "seats": seats}
		jobs.append(worker(__file__, options, task))
	for process in jobs:
		expect(process, "ready")
	started = time.monotonic()
	for process in jobs:
		print("go", file=process.stdin, flush=True)
	queries = sum(int(expect(process, "queries")) for process in jobs)
	seconds = time.monotonic() - started
	for process in jobs:
		process.communicate()
	frappe.db.rollback()
	confirmed = frappe.db.count(ENROLLMENT, {"session": NAME, "status": "Confirmed"})
	booked = frappe.db.count(ENROLLMENT, {"session": NAME})
	if booked != options.people:
		sys.exit(f"{LABELS[way]}: {booked} enrolments instead of {options.people}")
	return {
		"rate": booked / seconds,
		"queries": queries / booked,
		"confirmed": confirmed,
		"oversold": confirmed - seats,
	}


# In the worker process


def job(task: dict) -> None:
	"""Warm up, wait for the word, enrol, say how many queries it took."""
	import frappe

	ways: dict[str, Callable[[int, int], None]] = {ENGINE: engine, NAIVE: naive}
	enrol = ways[task["way"]]
	enrol(task["people"] + task["first"], task["seats"])
	frappe.db.rollback()
	print("ready", flush=True)
	sys.stdin.readline()
	before = questions()
	for number in range(task["first"], task["people"], task["step"]):
		enrol(number, task["seats"])
		frappe.db.after_commit.reset()  # the site's own queue does not take part
		frappe.db.commit()
	print("queries", questions() - before, flush=True)
	frappe.destroy()


def engine(number: int, _seats: int) -> None:
	from imta_crm.seating import seats

	seats.request(SESSION, NAME, guest(number))


def naive(number: int, seats: int) -> None:
	"""What one would write without the engine: how many are taken, and a document."""
	import frappe

	from imta_crm.seating import record

	who = guest(number)
	taken = frappe.db.count(ENROLLMENT, {"session": NAME, "status": "Confirmed"})
	enrollment = frappe.get_doc(
		{
			"doctype": ENROLLMENT,
			"session": NAME,
			"participant_type": who.participant_type,
			"participant_name": who.name,
			"email": who.email,
			"email_folded": who.email_folded,
			"live_key": record.live_key(NAME, None, who.email_folded),
			"status": "Confirmed" if taken < seats else "Waitlisted",
			"requested_at": frappe.utils.now_datetime(),
		}
	)
	enrollment.flags.by_seating = True  # the document would go to the engine otherwise
	enrollment.insert(ignore_permissions=True, ignore_links=True, set_name=f"{NAME}-{number:05}")


def guest(number: int):
	from imta_crm.seating.people import Person

	return Person(
		participant_type="Guest",
		name=f"Benchmark Guest {number:05}",
		email=f"guest{number:05}@benchmark.example",
		country="Switzerland",
		language="en",
	)


# The line


def times_of_the_line() -> Iterator[tuple[str, float]]:
	"""What was done with the line, and how many seconds it took."""
	import frappe

	from imta_crm.seating import offers, seats

	def timed(act: Callable[[], object]) -> float:
		started = time.monotonic()
		act()
		frappe.db.after_commit.reset()
		frappe.db.commit()
		return time.monotonic() - started

	yield f"{OFFERS} seats are offered to the first in line", timed(offers.advance_all)
	late = frappe.utils.now_datetime() + timedelta(days=3)
	yield f"{OFFERS} offers end and the next {OFFERS} are made", timed(lambda: offers.advance_all(late))
	offered = frappe.get_all(
		ENROLLMENT, {"session": NAME, "status": "Offered"}, pluck="name", order_by="queue_no"
	)
	if len(offered) != OFFERS:
		sys.exit(f"{len(offered)} offers instead of {OFFERS}")
	cancel = timed(lambda: seats.cancel(ENROLLMENT, offered[0], reason="Benchmark", by=None, by_staff=True))
	yield "somebody cancels, the next in line gets the offer", cancel
	yield "somebody takes a place at the end", timed(lambda: engine(10**6, 0))


def insert_line(count: int) -> None:
	"""So many people who wait, as the engine keeps them."""
	import frappe

	from imta_crm.seating import record

	about = frappe.db.get_value(SESSION, NAME, ["program", "starts_at_site", "ends_at_site"], as_dict=True)
	now = frappe.utils.now()
	rows = []
	for number in range(1, count + 1):
		who = guest(number)
		row = {
			"name": f"{NAME}-{number:04d}",
			"creation": now,
			"modified": now,
			"owner": "Administrator",
			"modified_by": "Administrator",
			"session": NAME,
			**about,
			"participant_type": who.participant_type,
			"participant_name": who.name,
			"email": who.email,
			"email_folded": who.email_folded,
			"live_key": record.live_key(NAME, None, who.email_folded),
			"link_key": frappe.generate_hash(length=40),
			"status": "Waitlisted",
			"queue_no": number,
			"requested_at": now,
		}
		rows.append(tuple(row.values()))
		fields = list(row)
	frappe.db.bulk_insert(ENROLLMENT, fields, rows, chunk_size=1000)
	frappe.db.set_value(SESSION, NAME, "arrivals", count)
	frappe.db.commit()


def make_session(capacity: int) -> None:
	"""An open session in two months, with so many seats, for everybody."""
	import frappe

	program = frappe.new_doc("Member Training Program")
	program.update(
		{
			"program_name": "Benchmark",
			"language": "en",
			"pd_hours": 3,
			"open_to_guests": 1,
			"issues_certificate": 0,
		}
	)
	program.insert()
	begins = datetime.combine(
		frappe.utils.getdate(frappe.utils.add_days(None, 60)), datetime.min.time()
	) + timedelta(hours=9)
	session = frappe.new_doc(SESSION)
	session.update(
		{
			"program": program.name,
			"title": "Benchmark",
			"language": "en",
			"pd_hours": 3,
			"status": "Open",
			"starts_at": begins,
			"ends_at": begins + timedelta(hours=3),
			"time_zone": frappe.utils.get_system_timezone(),
			"delivery": "On Site",
			"venue": "Mountain House",
			"capacity": capacity,
			"offer_hours": 48,
		}
	)
	session.insert(set_name=NAME)
	frappe.db.after_commit.reset()
	frappe.db.commit()


# The tables


def as_table(
	options: argparse.Namespace,
	results: dict[tuple[str, int], list[dict]],
	lines: dict[str, list[float]],
) -> str:
	median = {
		key: {field: statistics.median(row[field] for row in rows) for field in ("rate", "queries")}
		for key, rows in results.items()
	}
	worst = {key: max(row["oversold"] for row in rows) for key, rows in results.items()}
	rows = [
		f"{options.people:,} people for {options.people // SEATS_FOR:,} seats, {options.rounds} rounds in turns,"
		f" medians. {machine()}",
		"",
		"| way | processes | enrolments per second | queries each | seats sold too many, at worst |",
		"| --- | ---: | ---: | ---: | ---: |",
	]
	for (way, processes), found in median.items():
		rows.append(
			f"| {LABELS[way]} | {processes} | {found['rate']:.0f} | {found['queries']:.0f} |"
			f" {max(worst[way, processes], 0)} |"
		)
	rows += ["", f"| with {options.waiting:,} people in line | time |", "| --- | ---: |"]
	rows += [f"| {title} | {1000 * statistics.median(times):.0f} ms |" for title, times in lines.items()]
	return "\n".join(rows)


if __name__ == "__main__":
	main(__file__, "Benchmark of seats", measure, job, people=400, waiting=5000, rounds=3)
