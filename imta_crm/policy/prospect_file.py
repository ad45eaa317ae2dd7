"""A spreadsheet of prospects: read as a roster is, and every problem of every row told at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from imta_crm.policy.prospects import Prospect
from imta_crm.policy.roster import Problem, RosterError, read_table

ProspectFileError = RosterError


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


def read(data: bytes, *, tiers=(), find_sector: Callable[[str], str] | None = None) -> ProspectFile:
	"""Raises RosterError where the file as a whole cannot be used (`.code`, `.values`, `.text(lang)`)."""
	table = read_table(data)
	return ProspectFile(encoding=table.encoding, separator=table.separator, headings=table.headings)
