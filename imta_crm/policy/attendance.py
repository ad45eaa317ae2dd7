"""How long somebody was there: reports of online meetings read, stays joined, people found, time counted.

Zoom, Teams and Tencent Meeting each save a table of who was there, in the language of whoever saves it: one row
for each stay, or one for each person. Its place in the file, its headings, dates and durations are found out
here. Times of a report are by a clock that it does not name; the caller says which.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import ROUND_DOWN, Decimal

from imta_crm.policy import messages, roster
from imta_crm.policy.names import fold, fold_loose, tidy
from imta_crm.policy.prospects import fold_email

ZOOM, TEAMS, TENCENT, OTHER = "Zoom", "Teams", "Tencent Meeting", "Other"
MATCHED, LIKELY, NOT_FOUND = "Matched", "Likely", "Not Found"
MAX_ROWS = 20_000

HEADINGS: dict[str, tuple[str, ...]] = {
	"name": (
		"Name (Original Name)", "Name", "Full Name", "User Name", "Display Name", "Participant", "Participant Name",
		"Attendee", "Attendee Name", "Nickname", "Nickname (in meeting)", "姓名（原名）", "名称（原名）", "姓名（原姓名）",
		"名称（原始名称）", "姓名（原始姓名）", "用户名（原名）", "姓名", "全名", "用户名", "用户名称", "名称", "昵称", "用户昵称",
		"入会昵称", "用户昵称（入会昵称）", "用户名称（入会昵称）", "用户名（入会昵称）", "成员昵称", "成员名称", "参会者", "参会者名称",
		"参会者昵称", "参会人", "参会成员", "参与者", "参加者",
	),
	"email": (
		"User Email", "Email", "E-mail", "Email Address", "用户邮箱", "用户电子邮件", "用户邮件", "电子邮件", "电子邮箱", "邮箱",
		"电子邮件地址", "邮件", "邮箱地址",
	),
	"account": ("Participant ID (UPN)", "UPN", "User Principal Name", "参与者 ID (UPN)", "参与者ID(UPN)"),
	"joined": ("Join Time", "Joined At", "Time Joined", "加入时间", "入会时间", "进入时间", "进会时间", "加入会议时间"),
	"left": (
		"Leave Time", "Left At", "Time Left", "Exit Time", "离开时间", "退会时间", "退出时间", "离会时间", "离开会议时间",
	),
	"first": (
		"First Join", "First Join Time", "首次加入", "首次加入时间", "第一次加入", "首次入会时间", "最早入会时间", "首次进入时间",
	),
	"last": (
		"Last Leave", "Last Leave Time", "上次离开", "上次离开时间", "最后离开", "最后离开时间", "最后退会时间", "最晚退会时间",
		"末次退会时间", "最后退出时间",
	),
	"minutes": (
		"Duration (Minutes)", "Total Duration (Minutes)", "Time in Session (Minutes)", "Duration (min)",
		"持续时间（分钟）", "总持续时间（分钟）", "时长（分钟）", "总时长（分钟）", "参会时长（分钟）", "累计参会时长（分钟）", "入会时长（分钟）",
	),
	"duration": (
		"Duration", "Total Duration", "In-Meeting Duration", "Meeting Duration", "Time in Meeting", "持续时间", "会议持续时间",
		"会议中的持续时间", "会议内持续时间", "会中时长", "时长", "总时长", "累计时长", "参会时长", "累计参会时长", "入会时长", "在会时长",
		"累计入会时长",
	),
	"waiting": ("In Waiting Room", "Waiting Room", "在等候室中", "等候室中", "等候室", "在等候室", "是否在等候室"),
	"action": ("User Action", "Action", "用户操作", "操作"),
	"stamp": ("Timestamp", "Time Stamp", "时间戳", "时间"),
}  # fmt: skip

_KEYS = {roster.heading_key(name): field_ for field_, names in HEADINGS.items() for name in names}
_TIMES = ("joined", "first", "minutes", "duration", "stamp")
_YES = frozenset({"yes", "y", "true", "1", "是"})
_JOINED = frozenset({"joined", "joined before", "加入", "已加入", "之前已加入", "之前加入"})
_LEFT = frozenset({"left", "离开", "已离开", "退出"})

_STAMP = re.compile(
	r"(\d{1,4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,4})\s*日?"
	r"[\s,T]*"
	r"(上午|下午|中午|凌晨|早上|晚上|[AaPp]\.?[Mm]\.?)?\s*"
	r"(\d{1,2})\s*[:：时]\s*(\d{1,2})(?:\s*[:：分]\s*(\d{1,2})(?:\.\d+)?\s*秒?|\s*分)?\s*"
	r"([AaPp]\.?[Mm]\.?)?"
	r"\s*(Z|(?:\(?(?:UTC|GMT)\s*)?[+-]\d{1,2}(?::?\d{2})?\)?)?"
)
_PIECE = re.compile(
	r"(\d+(?:[.,]\d+)?)\s*(days?|天|日|hours?|hrs?|hr|h|小时|時|时|minutes?|mins?|min|m|分钟|分|seconds?|secs?|sec|s|秒钟|秒)[\s,，]*",
	re.IGNORECASE,
)
_SECONDS_OF = {
	"d": 86400,
	"天": 86400,
	"日": 86400,
	"h": 3600,
	"小": 3600,
	"時": 3600,
	"时": 3600,
	"m": 60,
	"分": 60,
}
_AFTERNOON = frozenset({"下午", "晚上", "pm"})
_PARENTHESES = re.compile(r"[(（\[【]([^()（）\[\]【】]*)[)）\]】]")
_PARTS = re.compile(r"[-_—–－|｜/／:：,，、·•@#+&\s]+")
_ORDERS = ("mdy", "dmy")


class ReportError(roster.RosterError):
	"""The file as a whole is no report that can be used. `code` is a key of `messages.TEXTS`."""


@dataclass(frozen=True)
class Entry:
	"""One row of a report. Times by the report's clock; `seconds` alone where it names no times.

	`is_sum`: from the first moment to the last, with `seconds` of presence in between.
	"""

	row: int
	name: str
	email: str = ""
	begin: datetime | None = None
	end: datetime | None = None
	seconds: int | None = None
	is_sum: bool = False


@dataclass(frozen=True)
class Problem:
	"""A row that cannot be used; `code` is a key of `messages.TEXTS`."""

	row: int
	value: str
	code: str
	values: tuple = ()

	def text(self, lang: str = "en") -> str:
		return messages.text(self.code, self.values, lang)


@dataclass
class Report:
	source: str
	encoding: str
	entries: list[Entry] = field(default_factory=list)
	problems: list[Problem] = field(default_factory=list)
	waiting: int = 0
	"""Rows of people who were in the waiting room only."""


@dataclass(frozen=True)
class Attendee:
	"""One person of a report, with all stays."""

	name: str
	email: str
	entries: tuple[Entry, ...]

	@property
	def row(self) -> int:
		return self.entries[0].row


@dataclass(frozen=True)
class Known:
	"""Somebody who is expected; `key` is the caller's own."""

	key: str
	names: tuple[str, ...]
	email: str = ""


@dataclass(frozen=True)
class Match:
	"""Who an attendee is. `code` is a key of `messages.TEXTS` and says why."""

	key: str | None
	outcome: str
	code: str
	others: tuple[str, ...] = ()
	"""Who it may be as well."""


# Reading


def read(data: bytes, *, near: date, zone: tzinfo | None = None) -> Report:
	"""A report saved as text. `near`: the session's day, which settles what 03/04 means.

	Understood: UTF-8, UTF-16 and GBK; tab, comma, semicolon. Raises ReportError.
	"""
	if len(data) > roster.MAX_BYTES:
		raise ReportError("file_too_large", roster.MAX_BYTES // (1024 * 1024))
	if not data.strip(b"\0 \t\r\n"):
		raise ReportError("file_empty")
	try:
		text, encoding = roster.decode(data)
	except roster.RosterError as error:
		raise ReportError(error.code, *error.values) from None
	text = text.lstrip("\ufeff")
	tables = {separator: _cells(text, separator) for separator in ("\t", ",", ";")}
	best = max(tables, key=lambda separator: _known_headings(tables[separator]))
	return read_rows(tables[best], near=near, zone=zone, encoding=encoding)


def read_rows(
	rows: Sequence[Sequence[object]],
	*,
	near: date,
	zone: tzinfo | None = None,
	encoding: str = "xlsx",
) -> Report:
	"""A report as rows of cells, such as a spreadsheet's. Raises ReportError."""
	if len(rows) > MAX_ROWS:
		raise ReportError("too_many_rows", MAX_ROWS)
	table = _best_table(rows)
	if table is None:
		raise ReportError("report_no_table")
	first, columns = table
	order = _order_of_dates(rows[first + 1 :], columns, near)
	report = Report(_source(rows, first, columns), encoding)
	open_stays: dict[str, Entry] = {}
	for index in range(first + 1, len(rows)):
		cells = rows[index]
		if _is_end(cells):
			break
		if any(_text(cell) for cell in cells):
			_read_row(report, index + 1, cells, columns, order, zone, open_stays)
	report.entries.extend(open_stays.values())
	report.entries.sort(key=lambda entry: entry.row)
	if not report.entries and not report.problems:
		raise ReportError("no_rows")
	return report


def parse_duration(value: object, unit: int = 60) -> int | None:
	"""Seconds of a duration as reports write it; None where it says none.

	`unit`: seconds that a bare number stands for. "1h 2m 3s", "1小时2分3秒", "01:02:03", "PT1H2M", "62.5".
	"""
	if isinstance(value, timedelta):
		return int(value.total_seconds())
	if isinstance(value, time):
		return value.hour * 3600 + value.minute * 60 + value.second
	if isinstance(value, int | float) and not isinstance(value, bool):
		return round(value * unit) if value >= 0 else None
	text = unicodedata.normalize("NFKC", _text(value))
	if not text:
		return None
	if re.fullmatch(r"\d+(?:[.,]\d+)?", text):
		return int(Decimal(text.replace(",", ".")) * unit)
	clock = re.fullmatch(r"(\d{1,3}):([0-5]?\d):([0-5]?\d)(?:\.\d+)?", text)
	if clock:
		hours, minutes, seconds = map(int, clock.groups())
		return hours * 3600 + minutes * 60 + seconds
	iso = re.fullmatch(r"P(?:\d+D)?T?(.*)", text, re.IGNORECASE)
	text = iso[1] if iso and iso[1] else text
	total, at = Decimal(0), 0
	for piece in _PIECE.finditer(text):
		if piece.start() != at:
			return None
		total += Decimal(piece[1].replace(",", ".")) * _SECONDS_OF.get(piece[2][0].lower(), 1)
		at = piece.end()
	return int(total) if at == len(text) else None


def parse_stamp(value: object, order: str = "mdy", zone: tzinfo | None = None) -> datetime | None:
	"""A moment by the report's clock, without a zone; None where the cell holds none.

	`order`: mdy or dmy, for dates that do not begin with the year. One that names its distance from UTC is
	converted to `zone`.
	"""
	if isinstance(value, datetime):
		return value.replace(microsecond=0, tzinfo=None)
	found = _STAMP.fullmatch(unicodedata.normalize("NFKC", _text(value)))
	if not found:
		return None
	one, two, three, before, hour, minute, second, after, offset = found.groups()
	year, month, day = _date_parts(one, two, three, order)
	half = (before or after or "").replace(".", "").lower()
	hours = int(hour)
	if half in _AFTERNOON and hours < 12:
		hours += 12
	elif half in ("上午", "am", "凌晨") and hours == 12:
		hours = 0
	try:
		moment = datetime(year, month, day, hours, int(minute), int(second or 0))
	except ValueError:
		return None
	return _in_zone(moment, offset, zone)


# People


def attendees(entries: Iterable[Entry]) -> list[Attendee]:
	"""The people of a report: rows of one address, or of one name where there is none, are one person."""
	found: dict[str, list[Entry]] = {}
	for entry in entries:
		key = fold_email(entry.email) or f"name:{fold(entry.name)}"
		found.setdefault(key, []).append(entry)
	return [Attendee(rows[0].name, rows[0].email, tuple(rows)) for rows in found.values()]


def match(attendee: Attendee, known: Collection[Known]) -> Match:
	"""Who of the expected people an attendee is.

	By the address; else by the whole name, where one person alone has it and no other address contradicts.
	Everything else that resembles a name is likely only, and for a person to decide.
	"""
	email = fold_email(attendee.email)
	by_email = [person for person in known if email and fold_email(person.email) == email]
	names = names_of(attendee.name)
	if len(by_email) == 1:
		return Match(by_email[0].key, MATCHED, "attendee_by_email")
	if by_email:
		# An address that several share, such as an office's.
		same = [person for person in by_email if names & _names(person)]
		if len(same) == 1:
			return Match(same[0].key, MATCHED, "attendee_by_email")
		return _likely(by_email, "attendee_shared_email")
	same = [person for person in known if names & _names(person)]
	if len(same) == 1:
		if email and same[0].email:
			return Match(same[0].key, LIKELY, "attendee_other_email")
		return Match(same[0].key, MATCHED, "attendee_by_name")
	if same:
		return _likely(same, "attendee_namesakes")
	parts = _parts(attendee.name)
	similar = [person for person in known if _resembles(parts, names, person)]
	if similar:
		return _likely(similar, "attendee_similar")
	return Match(None, NOT_FOUND, "attendee_unknown")


def names_of(written: str) -> frozenset[str]:
	"""The whole names that a report may mean by what it writes: "Ana B. (Ana Bauer)" is either."""
	written = tidy(written)
	bare = _PARENTHESES.sub(" ", written)
	found = [written, bare, *_PARENTHESES.findall(written)]
	if bare.count(",") == 1:
		last, first = bare.split(",")
		found.append(f"{first} {last}")
	return frozenset(key for key in map(fold_loose, found) if len(key) > 1)


# Time


def sittings(begin: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
	"""When there is something to attend: of an event of several days, each day between the same hours."""
	if begin.date() == end.date() or end.timetz() <= begin.timetz():
		return [(begin, end)]
	days = (end.date() - begin.date()).days
	return [
		(
			datetime.combine(begin.date() + timedelta(days=day), begin.timetz()),
			datetime.combine(begin.date() + timedelta(days=day), end.timetz()),
		)
		for day in range(days + 1)
	]


def length(windows: Iterable[tuple[datetime, datetime]]) -> int:
	"""Minutes of all sittings."""
	return int(sum((end - begin).total_seconds() for begin, end in windows) // 60)


def attended_minutes(entries: Iterable[Entry], windows: Sequence[tuple[datetime, datetime]]) -> int:
	"""Minutes that somebody was there, within the sittings; what overlaps counts once.

	Of rows that name no stays the longest counts, as nobody knows whether they overlap.
	"""
	stays, sums = [], [0]
	total = sum((end - begin).total_seconds() for begin, end in windows)
	for entry in entries:
		if entry.begin is None:
			sums.append(min(entry.seconds or 0, total))
			continue
		spans = [
			(max(entry.begin, begin), min(entry.end or end, end))
			for begin, end in windows
			if entry.begin < end and (entry.end is None or entry.end > begin)
		]
		if entry.is_sum:
			inside = sum((end - begin).total_seconds() for begin, end in spans)
			sums.append(min(inside, inside if entry.seconds is None else entry.seconds))
		else:
			stays.extend(spans)
	seconds = max(_union(stays), *sums) if len(sums) > 1 else _union(stays)
	return int((min(seconds, total) + 30) // 60)


def percent(minutes: int, of_minutes: int) -> Decimal:
	"""Of the session's time, at most 100; rounded down, so that 79.99 is not shown as enough where 80 is."""
	if of_minutes <= 0:
		return Decimal(100) if minutes > 0 else Decimal(0)
	share = Decimal(max(minutes, 0)) * 100 / Decimal(of_minutes)
	return min(share, Decimal(100)).quantize(Decimal("0.01"), ROUND_DOWN)


def is_enough(minutes: int, of_minutes: int, minimum: Decimal | float | int) -> bool:
	"""Whether the minutes are the share, in percent, that completing takes. Nobody completes without coming."""
	if minutes <= 0:
		return False
	return Decimal(minutes) * 100 >= Decimal(str(minimum or 0)) * of_minutes


# Parts of it


def _cells(text: str, separator: str) -> list[list[str]]:
	try:
		return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
	except csv.Error:
		return []


def _known_headings(rows: Sequence[Sequence[object]]) -> int:
	table = _best_table(rows)
	return len(table[1]) if table else 0


def _best_table(rows: Sequence[Sequence[object]]) -> tuple[int, dict[str, int]] | None:
	"""Where the table of people begins, and its columns. One that tells every stay is the better one."""
	found = []
	for index, cells in enumerate(rows):
		columns: dict[str, int] = {}
		for position, cell in enumerate(cells[: roster.MAX_COLUMNS]):
			key = _KEYS.get(roster.heading_key(_text(cell))) if _text(cell) else None
			if key:
				columns.setdefault(key, position)
		if "name" in columns and any(each in columns for each in _TIMES):
			tells_stays = "joined" in columns or "action" in columns
			found.append((tells_stays, len(columns), -index, columns))
	if not found:
		return None
	_tells, _count, index, columns = max(found, key=lambda each: each[:3])
	return -index, columns


def _is_end(cells: Sequence[object]) -> bool:
	"""The heading of another part of the file."""
	texts = [_text(cell) for cell in cells if _text(cell)]
	if len(texts) == 1 and re.match(r"\d+\.\s", texts[0]):
		return True
	keys = {_KEYS.get(roster.heading_key(text)) for text in texts}
	return "name" in keys and len(keys - {None}) > 2


def _source(rows: Sequence[Sequence[object]], first: int, columns: Mapping[str, int]) -> str:
	head = " ".join(_text(cell) for cells in rows[: first + 1] for cell in cells).lower()
	if "upn" in head or "account" in columns or "action" in columns or "in-meeting" in head:
		return TEAMS
	if "入会" in head or "退会" in head or "腾讯" in head or "参会时长" in head:
		return TENCENT
	if (
		"original name" in head
		or "原名" in head
		or "原始" in head
		or "(minutes)" in head
		or "（分钟）" in head
	):
		return ZOOM
	return OTHER


def _read_row(
	report: Report,
	number: int,
	cells: Sequence[object],
	columns: Mapping[str, int],
	order: str,
	zone: tzinfo | None,
	open_stays: dict[str, Entry],
) -> None:
	def cell(name: str) -> object:
		position = columns.get(name)
		return cells[position] if position is not None and position < len(cells) else None

	name = tidy(_text(cell("name")))[: roster.MAX_TEXT]
	email = _email(cell("email")) or _email(cell("account"))
	if _text(cell("waiting")).lower() in _YES:
		report.waiting += 1
		return
	if not name and not email:
		report.problems.append(Problem(number, "", "report_no_name"))
		return

	def stamp(*names: str) -> tuple[datetime | None, bool]:
		"""The moment, and whether all is well."""
		for each in names:
			value = cell(each)
			if not _text(value) or _text(value) in ("-", "–", "--"):
				continue
			moment = parse_stamp(value, order, zone)
			if moment is None:
				report.problems.append(
					Problem(number, _text(value)[:120], "report_time_unreadable", (_text(value),))
				)
			return moment, moment is not None
		return None, True

	if "action" in columns:
		_read_action(report, number, name, email, cell("action"), stamp("stamp"), open_stays)
		return
	begin, good = stamp("joined", "first")
	end, good_end = stamp("left", "last")
	if not (good and good_end):
		return
	seconds = (
		parse_duration(cell("minutes"), 60)
		if _text(cell("minutes"))
		else parse_duration(cell("duration"), 60)
	)
	if begin and not end and seconds is not None:
		end = begin + timedelta(seconds=seconds)
	if begin and end and end < begin:
		report.problems.append(Problem(number, name, "report_ends_before", (begin, end)))
		return
	if begin is None and seconds is None:
		report.problems.append(Problem(number, name, "report_no_time"))
		return
	is_sum = begin is not None and "joined" not in columns
	report.entries.append(Entry(number, name or email, email, begin, end, seconds, is_sum))


def _read_action(
	report: Report,
	number: int,
	name: str,
	email: str,
	action: object,
	stamp: tuple[datetime | None, bool],
	open_stays: dict[str, Entry],
) -> None:
	"""Rows that tell one coming or going each. Who never left stayed until the end."""
	moment, good = stamp
	if not good:
		return
	key, what = fold_email(email) or fold(name), fold(_text(action))
	if moment is None or what not in _JOINED | _LEFT:
		report.problems.append(Problem(number, name, "report_no_time"))
	elif what in _JOINED:
		open_stays.setdefault(key, Entry(number, name or email, email, moment))
	elif key in open_stays:
		came = open_stays.pop(key)
		report.entries.append(Entry(came.row, came.name, came.email, came.begin, max(moment, came.begin)))


def _order_of_dates(rows: Sequence[Sequence[object]], columns: Mapping[str, int], near: date) -> str:
	"""The order of day and month under which most moments lie about the session's day."""
	positions = [columns[name] for name in ("joined", "left", "first", "last", "stamp") if name in columns]
	values = [cells[at] for cells in rows[:500] for at in positions if at < len(cells) and _text(cells[at])]

	def good(order: str) -> tuple[int, int]:
		moments = [moment for value in values if (moment := parse_stamp(value, order))]
		return sum(abs((moment.date() - near).days) <= 1 for moment in moments), len(moments)

	return max(_ORDERS, key=good)


def _date_parts(one: str, two: str, three: str, order: str) -> tuple[int, int, int]:
	if len(one) == 4:
		return int(one), int(two), int(three)
	year = int(three) if len(three) == 4 else 2000 + int(three)
	return (year, int(one), int(two)) if order == "mdy" else (year, int(two), int(one))


def _in_zone(moment: datetime, offset: str | None, zone: tzinfo | None) -> datetime:
	if not offset or zone is None:
		return moment
	distance = timedelta()
	parts = re.search(r"([+-])(\d{1,2}):?(\d{2})?", offset)
	if parts:
		distance = timedelta(hours=int(parts[2]), minutes=int(parts[3] or 0)) * (-1 if parts[1] == "-" else 1)
	return (moment - distance).replace(tzinfo=timezone.utc).astimezone(zone).replace(tzinfo=None)


def _text(value: object) -> str:
	if value is None:
		return ""
	if isinstance(value, datetime):
		return value.isoformat(" ")
	text = str(value).strip()
	# So that a spreadsheet takes it for text.
	if text.startswith('="') and text.endswith('"'):
		text = text[2:-1]
	return text.strip("\ufeff\u200b \t")


def _email(value: object) -> str:
	text = _text(value)
	return text[: roster.MAX_TEXT] if text.count("@") == 1 and " " not in text else ""


def _names(person: Known) -> frozenset[str]:
	return frozenset(key for name in person.names for key in names_of(name))


def _parts(written: str) -> frozenset[str]:
	parts = (fold_loose(part) for part in _PARTS.split(_PARENTHESES.sub(r" \1 ", tidy(written))))
	return frozenset(part for part in parts if len(part) > 1)


def _resembles(parts: frozenset[str], names: frozenset[str], person: Known) -> bool:
	"""The same words in another order, all words of a name among others, or a Chinese name within a longer one."""
	for name in person.names:
		words = _parts(name)
		if len(words) > 1 and (words <= parts or (len(parts) > 1 and parts <= words)):
			return True
		whole = fold_loose(name)
		if len(whole) > 1 and whole in parts:
			return True
		# Chinese names have no spaces: 贵州张三 has 张三 in it.
		if len(whole) > 1 and not whole.isascii() and any(whole in each for each in names):
			return True
	return False


def _likely(people: Sequence[Known], code: str) -> Match:
	keys = tuple(person.key for person in people)
	return Match(keys[0] if len(keys) == 1 else None, LIKELY, code, keys)


def _union(spans: Iterable[tuple[datetime, datetime]]) -> float:
	total, reached = 0.0, None
	for begin, end in sorted(spans):
		if reached is not None and begin < reached:
			begin = reached
		if end > begin:
			total += (end - begin).total_seconds()
			reached = end
	return total
