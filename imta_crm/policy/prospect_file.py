"""A spreadsheet of prospects: read as a roster is, and every problem of every row told at once.

Nothing is compared here: whether a row repeats another or is known already is decided by `prospects`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from imta_crm.policy import roster
from imta_crm.policy.names import tidy
from imta_crm.policy.prospects import Prospect, domain_of
from imta_crm.policy.roster import KnownTier, Problem, RosterError, Row, RowChecker, Table
from imta_crm.policy.schedule import ScheduleProblem, zone_info

ProspectFileError = RosterError

REQUIRED = ("name", "country")
# Of a roster's columns those that a prospect has, and more of its own.
HEADINGS: dict[str, tuple[str, ...]] = {
	**{
		name: roster.HEADINGS[name]
		for name in ("no", "name", "name_local", "country", "tier", "member_type", "sector", "email", "language")
	},
	"website": ("Website", "Web site", "Web", "Homepage", "URL", "Internet", "网站", "网址", "官网", "主页"),
	"phone": (
		"Phone", "Phone No", "Phone number", "Telephone", "Tel", "Mobile", "Mobile No", "Cell", "电话", "联系电话",
		"手机", "手机号", "手机号码", "电话号码",
	),
	"contact_first_name": (
		"Contact", "Contact person", "Contact name", "Person", "Contact first name", "First name", "Given name",
		"联系人", "联系人姓名", "联络人", "姓名", "名",
	),
	"contact_last_name": (
		"Contact last name", "Last name", "Surname", "Family name", "联系人姓", "姓", "姓氏",
	),
	"contact_position": (
		"Position", "Contact position", "Job title", "Title", "Function", "Role", "职务", "职位", "联系人职务", "头衔",
	),
	"time_zone": ("Time zone", "Timezone", "时区"),
	"officer": ("Officer", "Liaison officer", "Responsible", "联络专员", "负责人", "经办人"),
}  # fmt: skip
HEADINGS["name"] = (
	*HEADINGS["name"],
	"Prospect",
	"Prospect name",
	"Company",
	"Company name",
	"潜在会员",
	"公司",
)
HEADINGS["email"] = (*HEADINGS["email"], "Contact email", "Contact e-mail", "联系邮箱", "联系人邮箱")

_KEYS = {roster.heading_key(name): field_ for field_, names in HEADINGS.items() for name in names}
# As Frappe takes it.
_PHONE = re.compile(r"[0-9 +_\-,.*#()]{1,20}")
_PHONE_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | {"\u3000": " ", "\xa0": " ", "/": ","})


@dataclass
class ProspectFile:
	"""`problems` hold row, column (the heading as the file has it), value and message."""

	prospects: list[Prospect] = field(default_factory=list)
	problems: list[Problem] = field(default_factory=list)
	blank_rows: list[int] = field(default_factory=list)
	encoding: str = ""
	separator: str = ""
	headings: tuple[str, ...] = ()
	ignored_columns: list[str] = field(default_factory=list)

	@property
	def total_rows(self) -> int:
		"""Rows that are not blank."""
		return len(self.prospects) + len({problem.row for problem in self.problems})


def read(
	data: bytes,
	*,
	tiers: Iterable[KnownTier | Mapping[str, object]] = (),
	officers: Collection[str] | None = None,
) -> ProspectFile:
	"""Every row as a prospect or as problems; a row with any problem is no prospect, blank rows are skipped.

	A row without an address is a prospect: an officer can call. Without `tiers` a membership category is kept
	as written. The column of officers is read only where their addresses are given.
	Raises RosterError where the file as a whole cannot be used (`code`, `values`, `text(lang)`).
	"""
	table = roster.read_table(data, _KEYS)
	columns, ignored = roster.columns_of(table.headings, REQUIRED, _KEYS)
	if all(row.is_blank for row in table.rows):
		raise RosterError("no_rows")
	checker = _Checker(table, columns, tiers, officers)
	for row in table.rows:
		checker.check(row)
	return ProspectFile(
		checker.prospects,
		checker.result.problems,
		checker.result.blank_rows,
		table.encoding,
		table.separator,
		table.headings,
		ignored,
	)


class _Checker(RowChecker):
	def __init__(
		self,
		table: Table,
		columns: Mapping[str, int],
		tiers: Iterable[KnownTier | Mapping[str, object]],
		officers: Collection[str] | None,
	):
		super().__init__(table, columns, tiers, (), (), None)
		self.officers = None if officers is None else {officer.lower(): officer for officer in officers}
		self.prospects: list[Prospect] = []

	def check(self, row: Row) -> None:
		if not self.begin(row):
			return
		name = self.text("name")
		local = self.text("name_local")
		if not name and not local and not self.failed:
			self.problem("name", "", "name_missing")
		country = self.country()
		tier = self.known_tier()
		found = Prospect(
			key=str(row.number),
			name=name or local,
			name_local=local,
			country=country.name if country else "",
			country_code=country.code if country else "",
			email=self.email(),
			website=self.website(),
			phone=self.phone(),
			language=self.language(),
			sector=self.text("sector"),
			tier=tier.name if tier else "",
			invitee_type=self.member_type(tier),
			contact_first_name=self.text("contact_first_name"),
			contact_last_name=self.text("contact_last_name"),
			contact_position=self.text("contact_position"),
			time_zone=self.time_zone(),
			officer=self.officer(),
			row=row.number,
		)
		self.cell("no")
		if not self.failed:
			self.prospects.append(found)

	def known_tier(self) -> KnownTier | None:
		index = self.columns.get("tier")
		written = tidy(self.row.cells[index]) if index is not None else ""
		if not written or written in ("-", "–", "—"):
			return None
		if self.known_tiers:
			return self.tier()
		cell = self.text("tier")
		return KnownTier(cell) if cell else None

	def website(self) -> str:
		cell = self.text("website")
		if cell and (not domain_of(cell) or "@" in cell or " " in cell):
			self.problem("website", cell, "website_bad", cell)
			return ""
		return cell

	def phone(self) -> str:
		"""A leading + is no formula here."""
		index = self.columns.get("phone")
		raw = self.row.cells[index] if index is not None else ""
		written = unicodedata.normalize("NFKC", tidy(raw)).translate(_PHONE_DASHES)
		written = " ".join(written.split())
		if not written or not written.strip("-"):
			return ""
		if not _PHONE.fullmatch(written) or not any(map(str.isdigit, written)):
			if self.cell("phone") is not None:
				self.problem("phone", raw, "phone_bad", written)
			return ""
		return written

	def time_zone(self) -> str:
		cell = self.text("time_zone")
		if not cell:
			return ""
		try:
			zone_info(cell)
		except ScheduleProblem:
			self.problem("time_zone", cell, "zone_unreadable", cell)
			return ""
		return cell

	def officer(self) -> str:
		cell = self.text("officer") if self.officers is not None else ""
		if not cell:
			return ""
		if cell.lower() not in self.officers:
			self.problem("officer", cell, "officer_unknown", cell)
			return ""
		return self.officers[cell.lower()]
