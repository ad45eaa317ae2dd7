"""`./imta preview FILE --year 2026`: what a roster holds and what its members would owe.

The same parser and the same rules as on a site, without a bench, a site or a database. Exit status: 0 in
order, 1 there are problems (they are listed), 2 the file or the arguments cannot be used.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import TextIO

from imta_crm.policy import dues, messages, roster
from imta_crm.policy.countries import by_code
from imta_crm.policy.dates import DateProblem, Period, parse_date
from imta_crm.policy.money import exponent_of, round_money
from imta_crm.policy.names import safe_cell
from imta_crm.policy.proration import DAILY, METHODS

DEFAULTS = Path(__file__).resolve().parent.parent / "defaults"
IN_ORDER, HAS_PROBLEMS, UNUSABLE = 0, 1, 2
MAX_WIDTH = 44

# Words of the output itself, English and Chinese; sentences about rows and dues are in `messages`.
WORDS: dict[str, tuple[str, str]] = {
	"row": ("Row", "行"),
	"no": ("No.", "编号"),
	"column": ("Column", "列"),
	"value": ("Value", "值"),
	"problem": ("What to put right", "需更正之处"),
	"member": ("Member", "会员"),
	"local": ("Local name", "本地名称"),
	"country": ("Country/region", "国家/地区"),
	"code": ("Code", "代码"),
	"tier": ("Tier", "类别"),
	"joined": ("Joined", "入会日期"),
	"result": ("Result", "结果"),
	"from": ("From", "自"),
	"to": ("To", "至"),
	"reference": ("In {0}", "折合 {0}"),
	"rate": ("Rate", "汇率"),
	"amount": ("Amount", "金额"),
	"currency": ("Currency", "币种"),
	"reason": ("Why", "说明"),
	"charge": ("charge", "计收"),
	"skip": ("none", "不计收"),
	"read": ("{0}: {1} rows; {2}, separator {3}", "{0}：{1} 行；{2}，分隔符 {3}"),
	"comma": ("comma", "逗号"),
	"semicolon": ("semicolon", "分号"),
	"tab": ("tab", "制表符"),
	"good": ("{0} members in order, {1} problems in {2} rows", "{0} 名会员无误，{2} 行中有 {1} 个问题"),
	"ignored": ("Columns not read: {0}", "未读取的列：{0}"),
	"dues": ("Dues {0}, as of {1}", "{0} 年度会费，截至 {1}"),
	"counts": (
		"{0} charges, {1} exempt, {2} otherwise not charged",
		"计收 {0} 笔，免缴 {1} 名，其他未计收 {2} 名",
	),
	"total": ("Total", "合计"),
	"charges": ("Charges", "笔数"),
	"rate_line": ("1 {0} = {1} {2} ({3})", "1 {0} = {1} {2}（{3}）"),
	"told": ("given with --rate", "由 --rate 给定"),
	"written": ("Written: {0}", "已写入：{0}"),
	"unusable": ("Cannot use {0}: {1}", "无法使用 {0}：{1}"),
	"no_year": (
		"there is no dues year {0} among the defaults; the calendar year is taken, rates only from --rate",
		"默认数据中没有 {0} 年度；按公历年计算，汇率仅取自 --rate",
	),
	"no_problems": ("No problems.", "没有问题。"),
}


@dataclass(frozen=True)
class Year:
	"""A dues year of the defaults with what the command line changed."""

	rules: dues.DuesRules
	sources: Mapping[str, str]
	currencies: frozenset[str]
	is_shipped: bool


def main(argv: Sequence[str]) -> int:
	"""Run the command with its arguments; the exit status. Reads and writes files, prints to stdout."""
	parser = _parser()
	try:
		options = parser.parse_args(list(argv))
	except SystemExit as stop:
		return stop.code if isinstance(stop.code, int) else UNUSABLE
	for stream in (sys.stdout, sys.stderr):
		if hasattr(stream, "reconfigure"):
			stream.reconfigure(errors="replace")
	say = _Say(options.lang or ("zh" if os.environ.get("LANG", "").lower().startswith("zh") else "en"))
	try:
		tiers = _read_json(options.tiers)
		year = read_year(options, tiers)
		if say.place:
			say.tier_names = {
				tier["tier_name"]: str(tier.get("tier_name_zh") or tier["tier_name"]) for tier in tiers
			}
		data = _read_bytes(Path(options.file))
	except UnusableError as problem:
		print(say("unusable", problem.what, problem), file=sys.stderr)
		return UNUSABLE
	try:
		table = roster.read_table(data)
		known = [roster.KnownTier.from_record(tier) for tier in tiers]
		result = roster.check_roster(table, tiers=known, currencies=year.currencies)
	except roster.RosterError as problem:
		print(say("unusable", options.file, problem.text(say.lang)), file=sys.stderr)
		return UNUSABLE

	as_of = options.as_of or year.rules.period.end
	decisions = [
		(member, dues.decide(facts_of(member), year.rules, as_of=as_of)) for member in result.members
	]
	out = sys.stderr if options.csv == "-" else sys.stdout
	try:
		_report(options, say, table, result, year, as_of, decisions, out)
	except BrokenPipeError:
		# The reader, `head` for example, has seen enough.
		os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
	except OSError as problem:
		print(say("unusable", problem.filename or "", problem.strerror or problem), file=sys.stderr)
		return UNUSABLE
	has_problems = result.problems or any(decision.is_problem for _, decision in decisions)
	return HAS_PROBLEMS if has_problems else IN_ORDER


class UnusableError(Exception):
	"""A file or an argument that cannot be used; `what` names it."""

	def __init__(self, what: object, why: object):
		super().__init__(str(why))
		self.what = what


class _Say:
	"""The words of the output in one language, and the names of tiers and countries in it."""

	def __init__(self, lang: str):
		self.lang = lang
		self.place = int(lang == "zh")
		self.tier_names: dict[str, str] = {}

	def tier(self, name: str) -> str:
		return self.tier_names.get(name, name)

	def country(self, member: roster.RosterMember) -> str:
		return by_code()[member.country_code].name_zh if self.place else member.country

	def reason(self, decision: dues.Decision) -> str:
		detail = dict(decision.detail)
		if "tier" in detail:
			detail["tier"] = self.tier(str(detail["tier"]))
		return dues.reason_text(decision.reason, detail, self.lang)

	def __call__(self, word: str, *values: object) -> str:
		return WORDS[word][self.place].format(*values)


def _parser() -> argparse.ArgumentParser:
	parser = argparse.ArgumentParser(
		prog="imta preview",
		description="Check a roster and work out the year's dues, without a bench, a site or a database.",
		epilog="Exit status: 0 in order, 1 problems found, 2 the file or the arguments cannot be used.",
	)
	parser.add_argument(
		"file", metavar="FILE", help="roster as CSV (UTF-8, UTF-16 or GBK; comma, semicolon or tab)"
	)
	parser.add_argument("--year", required=True, type=_year, help="dues year, for example 2026")
	parser.add_argument(
		"--as-of", type=_date, metavar="DATE", help="what is due on that day (default: all of the year)"
	)
	parser.add_argument(
		"--rate", action="append", default=[], type=_rate, metavar="CUR=RATE",
		help="units of a currency for 1 of the reference currency, for example CNY=7.0288; can be repeated",
	)  # fmt: skip
	parser.add_argument(
		"--proration", choices=METHODS, help="how part of a year is reckoned (default: the year's)"
	)
	parser.add_argument(
		"--tiers", metavar="FILE", type=Path, default=DEFAULTS / "member_tiers.json",
		help="member tiers as JSON (default: the shipped ones)",
	)  # fmt: skip
	parser.add_argument("--csv", metavar="OUT", help="write the dues as CSV; - for standard output")
	parser.add_argument("--problems-csv", metavar="OUT", help="write the problems as CSV")
	parser.add_argument("--lang", choices=("en", "zh"), help="language of the output (default: by LANG)")
	return parser


def _year(text: str) -> int:
	if not (text.isascii() and text.isdigit() and len(text) == 4 and 1900 <= int(text) <= 2199):
		raise argparse.ArgumentTypeError(f"{text} is not a year")
	return int(text)


def _date(text: str) -> date:
	try:
		return parse_date(text)
	except DateProblem as problem:
		raise argparse.ArgumentTypeError(messages.text(problem.code, problem.args_)) from None


def _rate(text: str) -> tuple[str, Decimal]:
	currency, _, number = text.partition("=")
	currency = currency.strip().upper()
	try:
		rate = Decimal(number.strip())
	except InvalidOperation:
		rate = Decimal(0)
	if not (
		currency.isascii() and currency.isalpha() and len(currency) == 3 and rate.is_finite() and rate > 0
	):
		raise argparse.ArgumentTypeError(f"{text} is not a rate such as CNY=7.0288")
	return currency, rate


def _read_json(path: Path) -> list[dict]:
	try:
		content = json.loads(_read_bytes(path).decode("utf-8-sig"), parse_float=Decimal)
	except ValueError as problem:
		raise UnusableError(path, problem) from None
	if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
		raise UnusableError(path, "a list of objects is expected")
	return content


def _read_bytes(path: Path) -> bytes:
	try:
		with path.open("rb") as handle:
			return handle.read(roster.MAX_BYTES + 1)
	except OSError as problem:
		raise UnusableError(path, problem.strerror or problem) from None


def read_year(options: argparse.Namespace, tiers: Iterable[Mapping]) -> Year:
	"""The rules of the year: the shipped dues year, its tiers, and the rates of the command line on top."""
	years = _read_json(DEFAULTS / "dues_years.json")
	shipped = next((year for year in years if year["title"] == str(options.year)), None)
	entry = shipped or {
		"from_date": f"{options.year}-01-01",
		"to_date": f"{options.year}-12-31",
		"reference_currency": "USD",
		"rates": [],
	}
	try:
		period = Period(date.fromisoformat(entry["from_date"]), date.fromisoformat(entry["to_date"]))
		told = dict(options.rate)
		rates = {rate["currency"]: Decimal(str(rate["rate"])) for rate in entry["rates"]} | told
		sources = {rate["currency"]: "{rate_date}, {source}".format(**rate) for rate in entry["rates"]}
		reference = entry["reference_currency"]
		rules = dues.DuesRules(
			title=str(options.year),
			period=period,
			notice_date=date.fromisoformat(entry.get("notice_date") or entry["from_date"]),
			due_date=date.fromisoformat(entry.get("due_date") or entry["to_date"]),
			reference_currency=reference,
			rates=rates,
			tiers=_tier_dues(tiers, reference, options.tiers),
			proration=options.proration or entry.get("proration") or DAILY,
		)
	except (KeyError, TypeError, ValueError, InvalidOperation) as problem:
		raise UnusableError(DEFAULTS / "dues_years.json", repr(problem)) from None
	if told.get(reference, 1) != 1:
		raise UnusableError("--rate", "{0} is the reference currency, its rate is 1".format(reference))
	# Whatever any year invoices in is a currency of the alliance; without a rate the member is a problem.
	currencies = {rate["currency"] for year in years for rate in year["rates"]} | set(rates) | {reference}
	return Year(rules, sources | dict.fromkeys(told, ""), frozenset(currencies), shipped is not None)


def _tier_dues(tiers: Iterable[Mapping], reference: str, path: Path) -> dict[str, dues.TierDues]:
	found = {}
	for tier in tiers:
		try:
			if (tier.get("dues_currency") or reference) != reference:
				raise ValueError("dues must be in {0}".format(reference))
			amount = Decimal(str(tier.get("dues_amount") or 0))
			found[tier["tier_name"]] = dues.TierDues(tier["tier_name"], amount, bool(tier.get("is_exempt")))
		except (KeyError, ValueError, InvalidOperation) as problem:
			raise UnusableError(path, repr(problem)) from None
	return found


def facts_of(member: roster.RosterMember) -> dues.MemberFacts:
	"""A member of the roster as the rules of dues see it: active since it joined."""
	return dues.MemberFacts(
		name=member.no or str(member.row),
		member_name=member.name,
		tier=member.tier,
		status="Active",
		joined_on=member.joined_on,
		currency=member.currency,
		country=member.country,
	)


# Output


def _report(options, say, table, result, year, as_of, decisions, out) -> None:
	rows = len(table.rows) - len(result.blank_rows)
	separator = say({",": "comma", ";": "semicolon", "\t": "tab"}[table.separator])
	print(say("read", Path(options.file).name, rows, table.encoding, separator), file=out)
	bad_rows = len({problem.row for problem in result.problems})
	print(say("good", len(result.members), len(result.problems), bad_rows), file=out)
	if result.ignored_columns:
		print(say("ignored", ", ".join(result.ignored_columns)), file=out)
	print(file=out)

	problem_heads = [say(word) for word in ("row", "no", "column", "value", "problem")]
	problems = [
		[problem.row, problem.no, problem.column, problem.value, problem.text(say.lang)]
		for problem in result.problems
	]
	if problems:
		_print_table(problem_heads, problems, out, numbers={0}, uncut={4})
	else:
		print(say("no_problems"), file=out)
	if options.problems_csv:
		_write_csv(options.problems_csv, problem_heads, problems)

	reference = year.rules.reference_currency
	print("\n" + say("dues", year.rules.title, as_of.isoformat()), file=out)
	if not year.is_shipped:
		print(say("no_year", year.rules.title), file=out)
	used = {decision.currency for _, decision in decisions if decision.is_charge} - {reference}
	for currency in sorted(used):
		source = year.sources.get(currency) or say("told")
		print(say("rate_line", reference, year.rules.rates[currency], currency, source), file=out)
	print(file=out)
	heads = [
		say(word) for word in ("no", "member", "country", "tier", "joined", "amount", "currency", "reason")
	]
	lines = [
		[
			member.no,
			member.name,
			say.country(member),
			say.tier(member.tier),
			member.joined_on,
			_money(decision) if decision.is_charge else "",
			decision.currency if decision.is_charge else "",
			say.reason(decision),
		]
		for member, decision in decisions
	]
	_print_table(heads, lines, out, numbers={5}, uncut={7})
	_print_totals(say, decisions, reference, out)
	if options.csv:
		_write_dues(options.csv, say, decisions, reference)
	for path in (options.csv, options.problems_csv):
		if path and path != "-":
			print(say("written", path), file=out)


def totals(decisions: Iterable[tuple[object, dues.Decision]]) -> dict[str, tuple[int, Decimal, Decimal]]:
	"""By currency: how many charges, their sum, and the sum in the reference currency."""
	found: dict[str, tuple[int, Decimal, Decimal]] = {}
	for _, decision in decisions:
		if decision.is_charge:
			count, amount, in_reference = found.get(decision.currency, (0, Decimal(0), Decimal(0)))
			found[decision.currency] = (
				count + 1,
				amount + decision.amount,
				in_reference + decision.reference_amount,
			)
	return found


def _print_totals(say, decisions, reference: str, out: TextIO) -> None:
	sums = totals(decisions)
	lines = [
		[currency, count, _grouped(amount, currency), _grouped(in_reference, reference)]
		for currency, (count, amount, in_reference) in sorted(
			sums.items(), key=lambda one: one[0] != reference
		)
	]
	whole = sum((in_reference for _, _, in_reference in sums.values()), Decimal(0))
	charges = sum(count for count, _, _ in sums.values())
	lines.append([say("total"), charges, "", _grouped(whole, reference)])
	print(file=out)
	heads = [say("currency"), say("charges"), say("amount"), say("reference", reference)]
	_print_table(heads, lines, out, numbers={1, 2, 3})
	exempt = sum(decision.reason in ("exempt_tier", "exempt_status") for _, decision in decisions)
	print("\n" + say("counts", charges, exempt, len(decisions) - charges - exempt), file=out)


def _money(decision: dues.Decision) -> str:
	return _grouped(decision.amount, decision.currency)


def _grouped(amount: Decimal, currency: str) -> str:
	return f"{round_money(amount, exponent_of(currency)):,f}"


def _write_dues(path: str, say, decisions, reference: str) -> None:
	words = ("no", "member", "local", "country", "code", "tier", "joined", "result", "from", "to")
	heads = [say(word) for word in words]
	heads += [say("reference", reference), say("rate"), say("amount"), say("currency"), say("reason")]
	lines = []
	for member, decision in decisions:
		charged = decision.is_charge
		lines.append(
			[
				member.no,
				member.name,
				member.name_local,
				say.country(member),
				member.country_code,
				say.tier(member.tier),
				member.joined_on,
				say(decision.kind),
				decision.covered.start if charged else "",
				decision.covered.end if charged else "",
				decision.reference_amount if charged else "",
				decision.rate if charged else "",
				decision.amount if charged else "",
				decision.currency if charged else "",
				say.reason(decision),
			]
		)
	_write_csv(path, heads, lines)


def _write_csv(path: str, heads: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
	"""CSV that a spreadsheet opens with the right characters and without running any cell."""
	if path == "-":
		_write_lines(sys.stdout, heads, lines)
		return
	with open(path, "w", encoding="utf-8-sig", newline="") as handle:
		_write_lines(handle, heads, lines)


def _write_lines(handle: TextIO, heads: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
	writer = csv.writer(handle, lineterminator="\n" if handle is sys.stdout else "\r\n")
	writer.writerow(heads)
	writer.writerows([safe_cell(cell) for cell in line] for line in lines)


@lru_cache(maxsize=65536)
def width_of(text: str) -> int:
	"""Columns that a terminal needs: two for a Chinese character, none for a combining mark."""
	if text.isascii():
		return len(text)
	width = 0
	for char in text:
		if unicodedata.category(char) in ("Mn", "Me", "Cf"):
			continue
		width += 2 if unicodedata.east_asian_width(char) in "WF" else 1
	return width


def cut(text: str, width: int) -> str:
	"""At most `width` columns, with … where something is left off."""
	if width_of(text) <= width:
		return text
	kept, used = [], 0
	for char in text:
		used += width_of(char)
		if used > width - 1:
			break
		kept.append(char)
	return "".join(kept) + "…"


def _print_table(
	heads: Sequence[str],
	lines: Sequence[Sequence[object]],
	out: TextIO,
	*,
	numbers: set[int] = frozenset(),
	uncut: set[int] = frozenset(),
) -> None:
	"""Columns aligned for a terminal. Control characters are shown as �, so that no cell moves the cursor."""
	shown = [
		[
			text if index in uncut else cut(text, MAX_WIDTH)
			for index, text in enumerate(_printable(str(cell)) for cell in line)
		]
		for line in lines
	]
	widths = [
		max([width_of(head), *(width_of(line[index]) for line in shown)]) for index, head in enumerate(heads)
	]
	rule = ["-" * width for width in widths]
	text = []
	for line in [list(heads), rule, *shown]:
		padded = []
		for index, cell in enumerate(line):
			space = " " * (widths[index] - width_of(cell))
			padded.append(space + cell if index in numbers else cell + space)
		text.append("  ".join(padded).rstrip())
	print("\n".join(text), file=out)


def _printable(text: str) -> str:
	if text.isascii() and text.isprintable():
		return text
	return "".join("\ufffd" if unicodedata.category(char) in ("Cc", "Cs") else char for char in text)
