"""The report Membership Structure against members with known places, tiers and histories."""

from __future__ import annotations

from datetime import date

import frappe
import pytest
from frappe.desk.query_report import run

from imta_crm.membership import members
from imta_crm.membership.report.membership_structure.membership_structure import column_of
from tests.site.factories import as_user, make_member, make_tier, make_user

ORDINARY, COUNCIL = column_of("Ordinary"), column_of("Council")


@pytest.fixture
def alliance():
	"""Four members in three countries; the site's own members are out of the way."""
	for doctype in ("Member Status History", "Member Tier History"):
		frappe.db.delete(doctype)
	make_tier("Ordinary")
	make_tier("Council")
	for sector in ("Test Sport", "Test Academia"):
		frappe.get_doc({"doctype": "Market Segment", "market_segment": sector}).insert()
	a = make_member(country="Austria", sector="Test Sport", joined_on=date(2022, 3, 1), is_key_member=True)
	b = make_member(country="Austria", sector="Test Academia", joined_on=date(2023, 3, 1), tier="Council")
	c = make_member(country="Japan", sector="Test Sport", joined_on=date(2023, 3, 1))
	d = make_member(country="China", joined_on=date(2024, 1, 1), tier="Council")
	members.set_status(c.name, "Withdrawn", on=date(2025, 6, 1), reason="Left")
	members.set_tier(a.name, "Council", on=date(2025, 1, 1), reason="Elected")
	frappe.db.set_single_value("Alliance Settings", "council_seats", 41)
	return a, b, c, d


def report(**filters):
	result = run("Membership Structure", {"view": "Region", "on_date": "2026-01-01", **filters})
	return frappe._dict(result, rows=[row for row in result["result"] if isinstance(row, dict)])


def row_of(result, label):
	return next(row for row in result.rows if row["label"] == label)


def test_by_country_and_tier_on_a_day(alliance):
	now = report(view="Country")
	assert row_of(now, "Austria")["total"] == 2
	assert row_of(now, "Austria")[COUNCIL] == 2
	assert row_of(now, "Austria")["key_members"] == 1
	assert not [row for row in now.rows if row["label"] == "Japan"], "left before"
	assert row_of(now, "Total")["total"] == 3
	then = report(view="Country", on_date="2024-06-01")
	assert row_of(then, "Austria")[ORDINARY] == 1
	assert row_of(then, "Japan")["total"] == 1
	assert row_of(then, "Total")["total"] == 4


def test_by_region_adds_up_the_tree(alliance):
	result = report(on_date="2024-06-01")
	top = [row for row in result.rows if row.get("indent") == 0]
	assert sum(row["total"] for row in top) == 4
	assert row_of(result, "Europe")["total"] == 2
	assert row_of(result, "Asia")["total"] == 2
	assert row_of(result, "Eastern Asia")["indent"] == row_of(result, "Asia")["indent"] + 1
	assert {"Europe", "Asia"} <= set(result.chart["data"]["labels"])


def test_filters(alliance):
	assert row_of(report(view="Country", sector="Test Sport"), "Total")["total"] == 1
	assert row_of(report(view="Country", territory="Europe"), "Total")["total"] == 2
	assert row_of(report(view="Country", tier="Ordinary", on_date="2024-06-01"), "Total")["total"] == 2
	assert row_of(report(view="Sector"), "Not stated")["total"] == 1


def test_growth_by_year(alliance):
	rows = {row["label"]: row for row in report(view="Growth").rows}
	assert [(y, r["total"], r["joined"], r["left"]) for y, r in rows.items()] == [
		("2022", 1, 1, 0),
		("2023", 3, 2, 0),
		("2024", 4, 1, 0),
		("2025", 3, 0, 1),
		("2026", 3, 0, 0),
	]
	assert rows["2024"][COUNCIL] == 2
	assert rows["2025"][COUNCIL] == 3
	assert rows["2025"]["growth"] == -25


def test_summary_counts_seats_of_the_council(alliance):
	figures = {
		each["label"]: each["value"] for each in report(view="Sector", sector="Test Sport").report_summary
	}
	assert figures["Members"] == 1
	assert figures["Council Seats Taken"] == "3 of 41 seats"


def test_a_sector_is_never_a_formula(alliance):
	frappe.get_doc({"doctype": "Market Segment", "market_segment": "=1+1"}).insert()
	frappe.db.set_value("IMTA Member", alliance[0].name, "sector", "=1+1")
	assert "'=1+1" in [row["label"] for row in report(view="Sector").rows]


@pytest.mark.parametrize(
	("role", "may"),
	[
		("Alliance Leadership", True),
		("Membership Manager", True),
		("Liaison Officer", False),
		("Alliance Member", False),
	],
)
def test_who_may_open_it(alliance, role, may):
	with as_user(make_user(role)):
		if may:
			assert report().rows
		else:
			with pytest.raises(frappe.PermissionError):
				report()
