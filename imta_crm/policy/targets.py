"""Targets of a recruitment plan: how many members there shall be by region, sector and tier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal


@dataclass(frozen=True)
class TargetRow:
	"""An empty region, sector or tier stands for any. `planned`: members at the end of the period."""

	region: str
	sector: str
	tier: str
	today: int
	planned: int

	@property
	def gap(self) -> int:
		return gap(self.planned, self.today)


@dataclass(frozen=True)
class Facts:
	"""Where a member or an invitation belongs. `regions`: its region and all above it in the tree."""

	regions: frozenset[str] | tuple[str, ...] = ()
	sector: str = ""
	tier: str = ""


def gap(planned: int, today: int) -> int:
	"""How many are missing; never less than none."""
	return max(0, int(planned or 0) - int(today or 0))


def suggest(counts: Mapping[tuple[str, str, str], int], growth: Decimal) -> list[TargetRow]:
	"""A row for each region, sector and tier that has members today, grown together by `growth`.

	`growth` is a fraction: Decimal("0.1") for ten per cent. The growth of the whole is rounded up once and
	shared out by largest remainder, so that many small rows do not each gain a member. Largest rows first.
	"""
	rows = sorted(
		((int(n), key) for key, n in counts.items() if int(n) > 0), key=lambda row: (-row[0], row[1])
	)
	total = sum(n for n, _ in rows)
	# By way of text: a float of 0.1 is a little more than a tenth, and would be rounded up.
	growth = max(Decimal(0), Decimal(str(growth)))
	wanted = int((total * growth).to_integral_value(ROUND_CEILING))
	shares = [int(n * growth) for n, _ in rows]
	by_rest = sorted(range(len(rows)), key=lambda index: (shares[index] - rows[index][0] * growth, index))
	for index in by_rest[: wanted - sum(shares)]:
		shares[index] += 1
	return [TargetRow(*key, today=n, planned=n + more) for (n, key), more in zip(rows, shares, strict=True)]


def fits(row: tuple[str, str, str], facts: Facts) -> bool:
	"""Whether somebody counts for the row (region, sector, tier): each is empty or agrees."""
	region, sector, tier = (part or "" for part in row)
	return (
		(not region or region in facts.regions)
		and (not sector or sector == facts.sector)
		and (not tier or tier == facts.tier)
	)


def most_specific(rows: Iterable[tuple[str, str, str]], facts: Facts) -> tuple[str, str, str] | None:
	"""The row that says most among those that fit; the first of several that say as much."""
	fitting = [row for row in rows if fits(row, facts)]
	return max(fitting, key=lambda row: sum(map(bool, row)), default=None)
