"""A roster as spreadsheets save it: read, check every row, say everything that is wrong at once.

`read_table` finds out the encoding and the separator; `check_roster` turns rows into members or problems.
Neither writes anything. A row number is the spreadsheet's: headings are row 1, blank rows count.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from imta_crm.policy import messages
from imta_crm.policy.countries import Country, UnknownCountry, find_country
from imta_crm.policy.dates import DateProblem, parse_date
from imta_crm.policy.languages import UnknownLanguage, find_language
from imta_crm.policy.names import fold, fold_loose, identity_key, starts_formula, tidy

MAX_BYTES = 10 * 1024 * 1024
MAX_ROWS = 50_000
MAX_COLUMNS = 60
MAX_CELL = 100_000
MAX_TEXT = 140  # Frappe's Data field
MAX_SHOWN = 120
SEPARATORS = (",", ";", "\t")
#: What tables are made of: ASCII, letters with accents, Chinese and its punctuation.
_PLAIN = re.compile(r"[\t\r\n\x20-\x7e\xa0-\u024f\u2010-\u201f\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))

REQUIRED = ("name", "country", "tier", "joined_on")
# Field -> headings under which rosters have it; compared without case, accents, spaces and punctuation.
HEADINGS: dict[str, tuple[str, ...]] = {
	"no": (
		"No.",
		"No",
		"Nr.",
		"Number",
		"#",
		"Serial No.",
		"Roster No.",
		"序号",
		"编号",
		"會員編號",
		"会员编号",
	),
	"name": (
		"Organisation (EN)",
		"Organization (EN)",
		"Organisation",
		"Organization",
		"Organisation (English)",
		"Organization (English)",
		"Organisation Name",
		"Organization Name",
		"Name",
		"Name (EN)",
		"Name (English)",
		"English Name",
		"Member",
		"Member Name",
		"机构名称（英文）",
		"单位名称（英文）",
		"组织名称（英文）",
		"会员名称（英文）",
		"名称（英文）",
		"机构（英文）",
		"单位（英文）",
		"组织（英文）",
		"英文名称",
		"英文名",
		"机构英文名称",
		"单位英文名称",
		"会员英文名称",
		"名称",
		"会员名称",
		"机构名称",
		"单位名称",
		"组织名称",
		"机构",
		"单位",
		"组织",
		"会员",
	),
	"name_local": (
		"Organisation (local)",
		"Organization (local)",
		"Organisation (local language)",
		"Organization (local language)",
		"Organisation (original)",
		"Name (local)",
		"Local Name",
		"Native Name",
		"Original Name",
		"Name in own language",
		"Name (ZH)",
		"Chinese Name",
		"机构名称（本地）",
		"机构名称（本地语言）",
		"机构名称（当地语言）",
		"机构名称（中文）",
		"机构名称（原文）",
		"单位名称（本地）",
		"单位名称（本地语言）",
		"单位名称（当地语言）",
		"单位名称（中文）",
		"单位名称（原文）",
		"组织名称（本地）",
		"组织名称（本地语言）",
		"组织名称（当地语言）",
		"组织名称（中文）",
		"会员名称（本地）",
		"会员名称（中文）",
		"名称（本地）",
		"名称（本地语言）",
		"名称（当地语言）",
		"名称（中文）",
		"名称（原文）",
		"机构（本地）",
		"机构（本地语言）",
		"机构（中文）",
		"组织（本地）",
		"组织（本地语言）",
		"单位（本地）",
		"单位（中文）",
		"本地名称",
		"当地名称",
		"当地语言名称",
		"本地语言名称",
		"本国语言名称",
		"原文名称",
		"中文名称",
		"中文名",
	),
	"country": (
		"Country/Region",
		"Country or Region",
		"Country and Region",
		"Country",
		"Region",
		"Nation",
		"国家/地区",
		"国家和地区",
		"国家或地区",
		"国家（地区）",
		"国家",
		"地区",
		"国别",
		"所在国家/地区",
		"所在国家",
	),
	"tier": (
		"Category",
		"Tier",
		"Member Category",
		"Membership Category",
		"Member Tier",
		"Membership Tier",
		"Membership",
		"Level",
		"类别",
		"会员类别",
		"会员级别",
		"会员等级",
		"会员类型",
		"级别",
		"等级",
	),
	"member_type": ("Type", "Member Type", "类型", "会员性质", "性质"),
	"sector": (
		"Sector",
		"Industry",
		"Field",
		"Branch",
		"行业",
		"领域",
		"所属行业",
		"行业领域",
		"行业类别",
		"部门",
	),
	"joined_on": (
		"Date joined",
		"Joined",
		"Joined on",
		"Join date",
		"Joining date",
		"Date of joining",
		"Date of admission",
		"Admission date",
		"Admitted on",
		"Member since",
		"入会日期",
		"入会时间",
		"加入日期",
		"加入时间",
		"批准日期",
	),
	"email": (
		"Email",
		"E-mail",
		"Mail",
		"Email address",
		"E-mail address",
		"邮箱",
		"电子邮箱",
		"电子邮件",
		"邮件",
		"邮箱地址",
		"电子邮件地址",
		"电邮",
	),
	"language": (
		"Preferred language",
		"Language",
		"Correspondence language",
		"语言",
		"首选语言",
		"语言偏好",
		"偏好语言",
		"通信语言",
		"工作语言",
		"联系语言",
	),
	"currency": (
		"Invoice currency",
		"Currency",
		"Invoicing currency",
		"Billing currency",
		"发票币种",
		"币种",
		"开票币种",
		"货币",
		"发票货币",
		"开票货币",
		"结算币种",
		"结算货币",
	),
	"is_key": (
		"Key member",
		"Key",
		"Is key member",
		"重点会员",
		"是否重点会员",
		"关键会员",
		"重要会员",
		"是否重点",
		"核心会员",
		"是否重要会员",
	),
}

_YES = frozenset("yes y true t 1 x ✓ ✔ √ ☑ 是 有 对 真 ja oui si sí да".split())
_NO = frozenset("no n false f 0 - – — ✗ ✘ × ☐ 否 不是 无 不 nein non нет".split())
_CURRENCY_NAMES = {
	"rmb": "CNY", "cnh": "CNY", "人民币": "CNY", "人民币元": "CNY", "元": "CNY", "renminbi": "CNY", "yuan": "CNY",
	"us$": "USD", "$": "USD", "美元": "USD", "us dollar": "USD", "us dollars": "USD", "dollar": "USD",
	"欧元": "EUR", "€": "EUR", "euro": "EUR", "英镑": "GBP", "£": "GBP", "日元": "JPY", "港元": "HKD", "港币": "HKD",
	"瑞士法郎": "CHF",
}  # fmt: skip
_MEMBER_TYPES = {
	**dict.fromkeys(
		("organisation", "organization", "org", "institution", "机构", "组织", "单位", "团体"), "Organisation"
	),
	**dict.fromkeys(("individual", "person", "personal", "个人"), "Individual"),
}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(
	r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?:[A-Za-z]{2,63}|xn--[A-Za-z0-9-]+)"
)
_MAIL_SEPARATORS = re.compile(r"[\s;,|/、，；]+")


class RosterError(ValueError):
	"""The file as a whole cannot be used. `code` is a key of `messages.TEXTS`, `values` its values."""

	def __init__(self, code: str, *values: object):
		super().__init__(code, *values)
		self.code = code
		self.values = values

	def text(self, lang: str = "en") -> str:
		return messages.text(self.code, self.values, lang)


@dataclass(frozen=True)
class Row:
	number: int
	cells: tuple[str, ...]

	@property
	def is_blank(self) -> bool:
		return not any(cell.strip() for cell in self.cells)


@dataclass(frozen=True)
class Table:
	encoding: str
	separator: str
	headings: tuple[str, ...]
	rows: tuple[Row, ...]


@dataclass(frozen=True)
class KnownTier:
	"""A tier and what else it is called."""

	name: str
	names: tuple[str, ...] = ()
	member_type: str = "Any"

	@classmethod
	def from_record(cls, record: Mapping[str, object]) -> KnownTier:
		"""From the fields of a Member Tier: tier_name, tier_name_zh, aliases (one a line), member_type."""
		aliases = str(record.get("aliases") or "").splitlines()
		names = (str(record.get("tier_name_zh") or ""), *aliases)
		return cls(
			str(record["tier_name"]),
			tuple(name.strip() for name in names if name.strip()),
			str(record.get("member_type") or "Any"),
		)


@dataclass(frozen=True)
class RosterMember:
	row: int
	no: str
	name: str
	name_local: str
	country: str
	country_code: str
	tier: str
	member_type: str
	sector: str
	joined_on: date
	email: str
	language: str
	currency: str
	is_key: bool

	@property
	def key(self) -> str:
		return identity_key(self.name, self.country)


@dataclass(frozen=True)
class Problem:
	"""`column` is the heading as the file has it; `value` the cell, with … where it is too long to show."""

	row: int
	no: str
	column: str
	value: str
	code: str
	values: tuple = ()

	@property
	def message(self) -> str:
		return self.text()

	def text(self, lang: str = "en") -> str:
		return messages.text(self.code, self.values, lang)


@dataclass(frozen=True)
class Already:
	"""A row whose member is there already; `member` is its number where known."""

	row: int
	no: str
	name: str
	country: str
	member: str = ""


@dataclass
class RosterResult:
	members: list[RosterMember] = field(default_factory=list)
	problems: list[Problem] = field(default_factory=list)
	blank_rows: list[int] = field(default_factory=list)
	already: list[Already] = field(default_factory=list)
	ignored_columns: list[str] = field(default_factory=list)


# Reading


def read_table(data: bytes, keys: Mapping[str, str] | None = None) -> Table:
	"""Headings and rows of a CSV file, however it is encoded and separated.

	`keys` as for `columns_of`, where the file is no roster.

	Understood: UTF-8 and UTF-16 with or without mark, GBK and GB18030; comma, semicolon, tab.
	Raises RosterError.
	"""
	if len(data) > MAX_BYTES:
		raise RosterError("file_too_large", MAX_BYTES // (1024 * 1024))
	if not data.strip(b"\0 \t\r\n"):
		raise RosterError("file_empty")
	text, encoding = decode(data)
	if not text.strip():
		raise RosterError("file_empty")
	text, separator = _separator(text, _FIELD_KEYS if keys is None else keys)
	rows = _rows(text, separator)
	first = next((index for index, row in enumerate(rows) if not row.is_blank), None)
	if first is None:
		raise RosterError("file_empty")
	headings = [tidy(cell) for cell in rows[first].cells]
	while headings and not headings[-1]:
		headings.pop()
	if len(headings) > MAX_COLUMNS:
		raise RosterError("too_many_columns", MAX_COLUMNS)
	return Table(encoding, separator, tuple(headings), tuple(rows[first + 1 :]))


def decode(data: bytes) -> tuple[str, str]:
	"""Text and the encoding's name. Raises RosterError (`file_not_text`, `file_encoding`)."""
	if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b", b"{\\rtf")):
		raise RosterError("file_not_text")
	encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None) or _unmarked_utf16(data)
	if encoding is None:
		if b"\0" in data:
			raise RosterError("file_not_text")
		try:
			return data.decode("utf-8"), "utf-8"
		except UnicodeDecodeError:
			encoding = "gb18030"
	try:
		text = data.decode(encoding)
	except UnicodeDecodeError:
		raise RosterError("file_encoding") from None
	if encoding == "gb18030" and not _looks_chinese(data):
		raise RosterError("file_encoding")
	return text, encoding


def _unmarked_utf16(data: bytes) -> str | None:
	sample = data[:2000]
	half = len(sample) // 2
	if half and sample[1::2].count(0) > half * 0.4 and not sample[0::2].count(0):
		return "utf-16-le"
	if half and sample[0::2].count(0) > half * 0.4 and not sample[1::2].count(0):
		return "utf-16-be"
	return _chinese_utf16(data)


def _chinese_utf16(data: bytes) -> str | None:
	"""Of unmarked text that is mostly Chinese few bytes are 0: the byte order in which it can be read."""
	if len(data) % 2 or b"\0" not in data:
		return None
	for encoding in ("utf-16-le", "utf-16-be"):
		sample = data[:2000].decode(encoding, "replace")
		plain = sum(bool(_PLAIN.match(character)) for character in sample)
		if "\n" in sample and "\0" not in sample and plain > len(sample) * 0.9:
			return encoding
	return None


def _looks_chinese(data: bytes) -> bool:
	"""Whether bytes beyond ASCII come as Chinese pairs.

	Western one-byte text decodes as GB18030 too, into nonsense: there a high byte mostly stands between
	plain letters. Refused rather than mangled.
	"""
	pairs = lone = 0
	index, size = 0, len(data)
	while index < size:
		if data[index] < 0x80:
			index += 1
			continue
		following = data[index + 1] if index + 1 < size else 0
		# Followed by a digit it is half of four bytes, for other scripts, and says nothing.
		if following >= 0x80:
			pairs += 1
		elif following >= 0x40:
			lone += 1
		index += 2
	return pairs > lone or not lone


def _separator(text: str, keys: Mapping[str, str]) -> tuple[str, str]:
	"""The text without a spreadsheet's `sep=` line, and the separator under which most headings are known."""
	told = re.match(r'\s*"?sep=([,;\t])"?\s*\r?\n', text, re.IGNORECASE)
	if told:
		# An empty line in its place keeps the row numbers.
		return "\n" + text[told.end() :], told[1]
	head = text.lstrip("\r\n \ufeff")[:20_000]

	def found(separator: str) -> tuple[int, int]:
		try:
			cells = next(csv.reader(io.StringIO(head, newline=""), delimiter=separator), [])
		except csv.Error:
			return 0, 0
		known = sum(heading_key(cell) in keys for cell in cells)
		return known, len(cells)

	return text, max(SEPARATORS, key=found)


def _rows(text: str, separator: str) -> list[Row]:
	rows: list[Row] = []
	reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
	try:
		for number, cells in enumerate(reader, start=1):
			if number > MAX_ROWS + 1:
				raise RosterError("too_many_rows", MAX_ROWS)
			rows.append(Row(number, tuple(cells)))
	except csv.Error:
		raise RosterError("file_quotes", len(rows) + 1) from None
	return rows


# Checking


def heading_key(heading: str) -> str:
	"""Under which a heading is looked up."""
	return fold_loose(heading) or heading.strip()


def _field_keys() -> dict[str, str]:
	return {heading_key(name): field_ for field_, names in HEADINGS.items() for name in names}


_FIELD_KEYS = _field_keys()


def columns_of(
	headings: Sequence[str],
	required: Collection[str] = REQUIRED,
	keys: Mapping[str, str] = _FIELD_KEYS,
) -> tuple[dict[str, int], list[str]]:
	"""Where each field stands, and the headings that mean nothing here. Raises RosterError.

	`keys`: `heading_key` -> field.
	"""
	columns: dict[str, int] = {}
	ignored = []
	for index, heading in enumerate(headings):
		field_ = keys.get(heading_key(heading))
		if field_ is None:
			if heading:
				ignored.append(heading)
		elif field_ in columns:
			raise RosterError("heading_twice", heading)
		else:
			columns[field_] = index
	if "name" not in columns and "name_local" in columns:
		columns["name"] = columns.pop("name_local")
	missing = [HEADINGS[field_][0] for field_ in required if field_ not in columns]
	if missing:
		shown = ", ".join(heading[:40] for heading in headings[:15] if heading)
		raise RosterError("heading_missing", ", ".join(missing), shown)
	return columns, ignored


def check_roster(
	table: Table,
	*,
	tiers: Iterable[KnownTier | Mapping[str, object]],
	currencies: Collection[str],
	existing: Mapping[str, str] | Collection[str] = (),
	today: date | None = None,
) -> RosterResult:
	"""Every row as a member, a problem or somebody already there; blank rows are skipped.

	`tiers` are KnownTier or records with the fields of Member Tier; `currencies` those in which the alliance
	invoices; `existing` holds `names.identity_key(name, country)` of today's members, as a mapping with their
	numbers or bare. With `today`, a date of joining in the future is a problem. A row with any problem is
	no member, and all its problems are told. Raises RosterError for headings.
	"""
	columns, ignored = columns_of(table.headings)
	checker = RowChecker(table, columns, tiers, currencies, existing, today)
	checker.result.ignored_columns = ignored
	if all(row.is_blank for row in table.rows):
		raise RosterError("no_rows")
	for row in table.rows:
		checker.check(row)
	return checker.result


class RowChecker:
	"""Reads row by row and notes every problem; `check` makes members of them."""

	def __init__(self, table, columns, tiers, currencies, existing, today):
		self.headings = table.headings
		self.columns = columns
		self.currencies = {code.upper() for code in currencies}
		self.existing = existing
		self.today = today
		self.known_tiers: dict[str, KnownTier] = {}
		self.tier_names: list[str] = []
		for tier in tiers:
			tier = tier if isinstance(tier, KnownTier) else KnownTier.from_record(tier)
			self.tier_names.append(tier.name)
			for name in (*tier.names, tier.name):
				self.known_tiers[fold_loose(name)] = tier
		self.first_row: dict[str, tuple[int, str]] = {}
		self.result = RosterResult()

	def begin(self, row: Row) -> bool:
		"""Turns to the row; False where it is blank or its cells do not stand under the headings."""
		if row.is_blank:
			self.result.blank_rows.append(row.number)
			return False
		self.row = row
		self.failed = False
		index = self.columns.get("no")
		self.no = tidy(row.cells[index])[:MAX_TEXT] if index is not None and index < len(row.cells) else ""
		width = len(self.headings)
		if len(row.cells) != width and (len(row.cells) < width or any(c.strip() for c in row.cells[width:])):
			code = "row_short" if len(row.cells) < width else "row_long"
			# The first column without its cell, or the first cell without a column.
			column = self.headings[len(row.cells)] if code == "row_short" else ""
			value = row.cells[-1] if code == "row_short" else row.cells[width]
			self.problem(None, value, code, len(row.cells), width, column=column)
			return False
		return True

	def check(self, row: Row) -> None:
		if not self.begin(row):
			return
		name = self.text("name", required="name_missing")
		local = self.text("name_local")
		country = self.country()
		tier = self.tier()
		member_type = self.member_type(tier)
		sector = self.text("sector")
		joined_on = self.joined_on()
		email = self.email()
		language = self.language()
		currency = self.currency()
		is_key = self.is_key()
		self.cell("no")

		key = identity_key(name, country.name) if name and country else None
		if key and key in self.first_row:
			self.problem("name", name, "duplicate_in_file", *self.first_row[key])
		elif key:
			self.first_row[key] = (row.number, name)
		if self.failed or not (name and country and tier and joined_on and key):
			return
		if key in self.existing:
			member = self.existing[key] if isinstance(self.existing, Mapping) else ""
			self.result.already.append(Already(row.number, self.no, name, country.name, member))
			return
		self.result.members.append(
			RosterMember(
				row.number, self.no, name, local, country.name, country.code, tier.name, member_type, sector,
				joined_on, email, language, currency, is_key,
			)
		)  # fmt: skip

	def problem(self, field_: str | None, value: str, code: str, *values: object, column: str = "") -> None:
		if field_ is not None:
			index = self.columns.get(field_)
			column = self.headings[index] if index is not None else HEADINGS.get(field_, (field_,))[0]
		shown = " ".join(_CONTROL.sub("\ufffd", value).split())
		shown = shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 1] + "…"
		self.result.problems.append(Problem(self.row.number, self.no, column, shown, code, values))
		self.failed = True

	def cell(self, field_: str) -> str | None:
		"""The cell without white space around it; None where it is unfit and a problem has been noted."""
		index = self.columns.get(field_)
		if index is None:
			return ""
		raw = self.row.cells[index]
		if not raw:
			return ""
		if found := _CONTROL.search(raw):
			self.problem(field_, raw, "control_character", ord(found[0]))
			return None
		bare = raw.strip()
		# A lone dash is how people write "nothing".
		if bare in ("-", "–", "—"):
			return ""
		if bare and starts_formula(raw.strip(" \r\n\u3000")):
			self.problem(field_, raw, "formula")
			return None
		if len(bare) > MAX_TEXT:
			self.problem(field_, bare, "too_long", len(bare), MAX_TEXT)
			return None
		return bare

	def text(self, field_: str, required: str = "") -> str:
		cell = self.cell(field_)
		if cell is None:
			return ""
		clean = tidy(cell)
		if not clean and required:
			self.problem(field_, "", required)
		return clean

	def country(self) -> Country | None:
		cell = self.cell("country")
		if cell is None:
			return None
		if not cell:
			self.problem("country", "", "country_missing")
			return None
		try:
			return find_country(cell)
		except UnknownCountry as problem:
			self.problem("country", cell, problem.code, *problem.args_)
			return None

	def tier(self) -> KnownTier | None:
		cell = self.cell("tier")
		if cell is None:
			return None
		if not cell:
			self.problem("tier", "", "tier_missing")
			return None
		found = self.known_tiers.get(fold_loose(cell))
		if not found:
			self.problem("tier", cell, "tier_unknown", cell, ", ".join(self.tier_names))
		return found

	def member_type(self, tier: KnownTier | None) -> str:
		"""By the column where there is one, else by the tier; an organisation where it leaves both open."""
		cell = self.cell("member_type")
		if cell:
			told = _MEMBER_TYPES.get(fold(cell))
			if not told:
				self.problem("member_type", cell, "member_type_unknown", cell)
			elif tier and tier.member_type not in ("Any", told):
				self.problem("member_type", cell, "member_type_wrong", cell, tier.name)
			else:
				return told
		return (
			tier.member_type
			if tier and tier.member_type in ("Organisation", "Individual")
			else "Organisation"
		)

	def joined_on(self) -> date | None:
		cell = self.cell("joined_on")
		if cell is None:
			return None
		if not cell:
			self.problem("joined_on", "", "joined_missing")
			return None
		try:
			found = parse_date(cell)
		except DateProblem as problem:
			self.problem("joined_on", cell, problem.code, *problem.args_)
			return None
		if self.today and found > self.today:
			self.problem("joined_on", cell, "joined_future", found.isoformat())
		return found

	def email(self) -> str:
		cell = self.cell("email")
		if not cell:
			return ""
		text = unicodedata.normalize("NFKC", tidy(cell))
		if text.lower().startswith("mailto:"):
			text = text[7:]
		addresses = [part for part in _MAIL_SEPARATORS.split(text) if "@" in part]
		if len(addresses) > 1:
			self.problem("email", cell, "email_many", ", ".join(addresses))
			return ""
		if not (address := ascii_address(text)):
			self.problem("email", cell, "email_bad", cell)
			return ""
		return address

	def language(self) -> str:
		cell = self.cell("language")
		if not cell:
			return ""
		try:
			return find_language(cell)
		except UnknownLanguage:
			self.problem("language", cell, "language_unknown", cell)
			return ""

	def currency(self) -> str:
		cell = self.cell("currency")
		if not cell:
			return ""
		folded = fold(cell)
		code = _CURRENCY_NAMES.get(folded, folded.upper())
		if code not in self.currencies:
			self.problem("currency", cell, "currency_unknown", cell, ", ".join(sorted(self.currencies)))
			return ""
		return code

	def is_key(self) -> bool:
		cell = self.cell("is_key")
		if not cell:
			return False
		folded = fold(cell)
		if folded not in _YES and folded not in _NO:
			self.problem("is_key", cell, "yes_no_unknown", cell)
		return folded in _YES


def ascii_address(text: str) -> str | None:
	"""The address with its domain in ASCII (an international domain as xn--), or None where it is none."""
	local, at, domain = text.rpartition("@")
	if not at or not _LOCAL_PART.fullmatch(local) or len(local) > 64:
		return None
	if not domain.isascii():
		try:
			domain = domain.encode("idna").decode("ascii")
		except UnicodeError:
			return None
	domain = domain.lower()
	return f"{local}@{domain}" if _DOMAIN.fullmatch(domain) and len(text) <= MAX_TEXT else None
