"""The command line of `./imta`."""

from __future__ import annotations

import argparse
import os
import sys

from launcher.settings import BRANCH, DEFAULT_PORT, DEFAULT_SITE, DEFAULT_USER, UPSTREAM

DESCRIPTION = """\
IMTA CRM: members, dues and liaison contacts of an alliance, on Frappe and ERPNext.

  ./imta up        a running alliance in the browser, from nothing
  ./imta test      every test
  ./imta preview   check a roster and the year's dues, without a bench
  ./imta down      stop"""

UP_EPILOG = f"""\
environment:
  FRAPPE_REPO, ERPNEXT_REPO  address or local repository of the sources
                             ({UPSTREAM["FRAPPE_REPO"]}, {UPSTREAM["ERPNEXT_REPO"]})
  IMTA_BRANCH, IMTA_BENCH, IMTA_SITE, IMTA_PORT, IMTA_USER  as the options
  IMTA_PYTHON                the Python for Frappe (3.10 to 3.13)

Stop it anywhere and run it again: it goes on where it was."""


def add_bench(parser: argparse.ArgumentParser) -> None:
	parser.add_argument(
		"--bench", metavar="FOLDER", help="the bench (default: frappe-bench in the user's home)"
	)
	parser.add_argument("--user", help=f"the ordinary user, when root calls (default: {DEFAULT_USER})")


def port_number(text: str) -> int:
	port = int(text)
	if not 1024 <= port <= 65000:
		raise argparse.ArgumentTypeError("a port is a number from 1024 to 65000")
	return port


def make_parser() -> argparse.ArgumentParser:
	parser = argparse.ArgumentParser(
		prog="./imta", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
	)
	commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

	def command(name: str, summary: str, **more) -> argparse.ArgumentParser:
		return commands.add_parser(
			name,
			help=summary,
			description=summary[0].upper() + summary[1:] + ".",
			formatter_class=argparse.RawDescriptionHelpFormatter,
			**more,
		)

	up = command(
		"up", "install what is missing, load the demo alliance and start everything", epilog=UP_EPILOG
	)
	add_bench(up)
	given = os.environ.get
	up.add_argument("--site", default=given("IMTA_SITE"), help=f"name of the site (default: {DEFAULT_SITE})")
	up.add_argument(
		"--port",
		type=port_number,
		default=given("IMTA_PORT"),
		help=f"port of the desk on loopback (default: {DEFAULT_PORT} or the next free; the others follow from it)",
	)
	up.add_argument(
		"--branch",
		"--frappe-branch",
		default=given("IMTA_BRANCH") or BRANCH,
		help=f"branch of Frappe and ERPNext (default: {BRANCH})",
	)
	up.add_argument(
		"--no-demo", dest="demo", action="store_false", help="an empty site, without the demo alliance"
	)

	test = command(
		"test",
		"run the tests: policy anywhere, site and browser tests on a bench",
		epilog="Arguments after -- go to pytest, as in: ./imta test site -- -x -k dues",
	)
	add_bench(test)
	test.add_argument("suites", nargs="*", metavar="SUITE", help="policy, site, browser (default: all)")
	test.add_argument("-k", dest="only", metavar="WORDS", help="only the tests whose names match")

	commands.add_parser("preview", help="check a roster and the year's dues, without a bench", add_help=False)

	benchmark = command("benchmark", "measure on a site of its own")
	add_bench(benchmark)
	benchmark.add_argument(
		"what",
		choices=["dues", "invitations", "seats"],
		help="dues: invoices per second beside ERPNext's own ways; "
		"invitations: letters queued per second beside a loop of frappe.sendmail; "
		"seats: enrolments per second beside a loop without a lock, and a long waiting list",
	)
	benchmark.add_argument("--members", type=int, help="dues: how many members")
	benchmark.add_argument("--invitations", type=int, help="invitations: how many (default: 5000)")
	benchmark.add_argument("--people", type=int, help="seats: how many enrol (default: 400)")
	benchmark.add_argument("--waiting", type=int, help="seats: how many wait in line (default: 5000)")
	benchmark.add_argument("--rounds", type=int, help="how many rounds; the median counts")
	benchmark.add_argument("--write", action="store_true", help="keep the table in benchmarks/README.md")

	status = command(
		"status", "what runs, where, and in which versions; exit code 3 when something is stopped"
	)
	add_bench(status)

	logs = command("logs", "show a log")
	add_bench(logs)
	logs.add_argument("name", nargs="?", help="which (without: a list)")
	logs.add_argument("-f", "--follow", action="store_true", help="go on as it grows")
	logs.add_argument("-n", "--lines", type=int, default=40, help="how many lines of its end (default: 40)")

	outbox = command("outbox", "the mail that the site would have sent")
	add_bench(outbox)
	outbox.add_argument("number", nargs="?", type=int, help="which letter to show (without: a list)")

	down = command("down", "stop everything")
	add_bench(down)
	down.add_argument(
		"--purge", action="store_true", help="also remove the bench and its databases; asks first"
	)
	down.add_argument("--yes", action="store_true", help="do not ask")
	return parser


def main(argv: list[str]) -> int:
	# Everything after -- is pytest's own.
	own, more = (argv[: argv.index("--")], argv[argv.index("--") + 1 :]) if "--" in argv else (argv, [])
	if own[:1] == ["preview"]:
		from imta_crm.policy import preview

		return preview.main(argv[1:])
	parser = make_parser()
	options = parser.parse_args(own)
	if isinstance(getattr(options, "port", None), str):
		try:
			options.port = port_number(options.port)
		except (ValueError, argparse.ArgumentTypeError):
			parser.error("IMTA_PORT is not a port number from 1024 to 65000")
	options.more = more
	from launcher import up

	try:
		if options.command == "up":
			return up.up(options, argv)
		if options.command == "test":
			from launcher import testing

			return testing.test(options, argv)
		if options.command == "benchmark":
			from launcher import testing

			return testing.benchmark(options, argv)
		acts = {"status": up.status, "logs": up.logs, "outbox": up.show_outbox, "down": up.down}
		return up.for_bench(options, argv, acts[options.command])
	except BrokenPipeError:
		# The reader (head, less) has gone; nothing is left to say.
		os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
		return 0
	except KeyboardInterrupt:
		return 130
