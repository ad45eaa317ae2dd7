"""Badges: what stands on them, who prints them, and sheets of four on A4."""

from __future__ import annotations

import io
import re

import frappe
import pytest

from imta_crm.activities import badges
from imta_crm.portal import links
from tests.site.factories import as_user, make_member, make_user
from tests.site.seating_factories import booking, enroll, make_activity, make_guest, make_person

DELEGATE = "Activity Delegate"


def delegate(activity, role: str = "Delegate", **fields):
	person = make_guest("Wang Wei", name_local="王伟", country="China", **fields).as_role(role)
	return booking(enroll(activity, person, by_staff=True), DELEGATE)


def test_a_badge_has_the_name_in_both_scripts_and_the_ticket():
	activity = make_activity(title="Mountain Tourism Day", title_zh="国际山地旅游日")
	doc = delegate(activity, "Speaker", organisation="Guizhou Mountains")
	said = badges.delegate_badge(doc)
	assert [line for _size, _strong, line in said["name_lines"]] == ["王伟", "Wang Wei"]
	assert [line for _size, line in said["title_lines"]] == ["国际山地旅游日", "Mountain Tourism Day"]
	assert [line for _size, line in said["house_lines"]] == ["Guizhou Mountains"]
	assert (said["country"], said["country_zh"]) == ("China", "中国")
	assert (said["role"], said["role_zh"], said["colour"]) == ("Speaker", "演讲嘉宾", "#6d3b8e")
	assert said["qr_width"] > 20


def test_the_code_is_a_ticket_that_lets_nobody_do_anything(monkeypatch):
	doc = delegate(make_activity())
	coded = []
	monkeypatch.setattr(badges, "qr_path", lambda text: coded.append(text) or ("", 33))
	badges.delegate_badge(doc)
	link = links.read(coded[0].rpartition("/")[2])
	assert (link.name, link.purpose) == (doc.name, links.TICKETS[DELEGATE])


def test_a_long_name_is_made_to_fit():
	activity = make_activity()
	person = make_guest("Maria Fernanda de los Ángeles Gutiérrez y Rodríguez de la Cordillera Blanca")
	said = badges.delegate_badge(booking(enroll(activity, person), DELEGATE))
	assert 1 < len(said["name_lines"]) <= 3
	assert all(size < 100 for size, _strong, _line in said["name_lines"])


def test_who_has_no_seat_has_no_badge():
	activity = make_activity(capacity=1)
	enroll(activity)
	waiting = delegate(activity)
	assert waiting.status == "Waitlisted"
	with pytest.raises(badges.NoBadge):
		badges.delegate_badge(waiting)
	with pytest.raises(badges.NoBadge):
		badges.sheets_html(activity, [waiting.name])


def test_four_on_a_sheet_by_role_and_nothing_is_markup():
	activity = make_activity()
	for role in ("Delegate", "Delegate", "Guest", "Speaker", "Exhibitor"):
		delegate(activity, role, organisation="A & B < C", email=f"{frappe.generate_hash()}@alps.example")
	html = badges.sheets_html(activity)
	assert html.count("<table>") == 2
	assert re.findall(r">([A-Z]+)</text>", html) == ["SPEAKER", "GUEST", "EXHIBITOR", "DELEGATE", "DELEGATE"]
	assert "A &amp; B &lt;" in html and "<i>" not in html


@pytest.mark.parametrize(
	("role", "may"),
	[
		("Training Coordinator", True),
		("Liaison Officer", False),
		("Treasurer", False),
		("Alliance Leadership", False),
		("Membership Manager", False),
		(None, False),
	],
)
def test_who_prints_badges(role, may, monkeypatch):
	activity = make_activity()
	doc = delegate(activity)
	monkeypatch.setattr(badges, "get_pdf", lambda html: html.encode())
	with as_user(make_user(role)):
		if may:
			badges.print_badges(activity.name)
			assert frappe.local.response.filename == f"{activity.name}-badges.pdf"
			assert badges.delegate_badge(doc)["number"] == doc.name
			return
		with pytest.raises(frappe.PermissionError):
			badges.print_badges(activity.name)
		with pytest.raises(frappe.PermissionError):
			badges.delegate_badge(doc)


def test_an_officer_prints_the_badge_of_the_own_portfolio():
	officer = make_user("Liaison Officer")
	activity = make_activity()
	mine, other = (
		booking(enroll(activity, make_person(member=make_member(**fields))), DELEGATE)
		for fields in ({"officer": officer}, {})
	)
	with as_user(officer):
		assert badges.delegate_badge(mine)["number"] == mine.name
		with pytest.raises(frappe.PermissionError):
			badges.delegate_badge(other)


def test_badges_as_pdf(served):
	from pypdf import PdfReader

	activity = make_activity()
	doc = delegate(activity)
	sheet = PdfReader(io.BytesIO(badges.sheets(activity)))
	assert [round(float(side)) for side in sheet.pages[0].mediabox[2:]] == [595, 842]
	one = frappe.get_print(DELEGATE, doc.name, badges.PRINT_FORMAT, as_pdf=True, no_letterhead=1)
	reader = PdfReader(io.BytesIO(one))
	assert len(sheet.pages) == len(reader.pages) == 1
	width, height = (float(side) for side in reader.pages[0].mediabox[2:])
	assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == (105, 148)
	assert "WangWei" in "".join(reader.pages[0].extract_text().split())
