"""The membership card: who may print it, what stands on it, and what its public page says to whom."""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import date

import frappe
import pytest
from frappe.utils import getdate, set_request, today
from frappe.website.serve import get_response
from pypdf import PdfReader

from imta_crm.membership.card import NoValidCard, fit, issue_new_card, membership_card, qr_path, valid_until
from imta_crm.portal import guest
from tests.site.factories import as_user, make_member, make_user

FORMAT = "Membership Card"
# Frappe wraps what a print format raises.
REFUSED = (frappe.PermissionError, frappe.PrintFormatError)


@pytest.fixture(autouse=True)
def clean_request():
	def forget():
		for key in frappe.cache.get_keys("imta:limit:"):
			frappe.cache.delete_value(key, make_keys=False)

	forget()
	yield
	forget()
	with suppress(AttributeError):
		del frappe.local.request
	frappe.local.form_dict = frappe._dict()


def look_up(token: str, ip: str = "203.0.113.7", user: str = "Guest", path: str | None = None):
	"""The public page as Frappe's website serves it."""
	path = path or f"member-card/{token}"
	with as_user(user):
		set_request(method="GET", path="/" + path)
		frappe.local.request_ip = ip
		frappe.local.form_dict = frappe._dict()
		response = get_response(path)
	return response.status_code, response.get_data(as_text=True)


def print_card(member: str) -> str:
	return frappe.get_print("IMTA Member", member, print_format=FORMAT, no_letterhead=1)


# The card


def test_card_shows_names_tier_number_and_validity_in_both_languages():
	member = make_member(
		"Test Korean Alpine Union",
		member_name_local="대한산악연맹",
		country="Korea, Republic of",
		other_names=(("zh", "Hans", "大韩登山联盟"),),
	)
	html = print_card(member.name)
	until = valid_until(member)
	for text in (
		"Test Korean Alpine Union",
		"대한산악연맹",
		"大韩登山联盟",
		member.name,
		"普通会员",
		"Ordinary",
		"会 员 证",
		"Membership Card",
		"2024-01-01",
		str(until),
	):
		assert text in html, text
	assert member.card_token not in html, "the address is in the code only"
	assert html.count("v1h") > 100, "the QR code is drawn"


def test_names_do_not_run_as_html():
	member = make_member('Club "A" & <i>Co</i>')
	html = print_card(member.name)
	assert "<i>" not in html
	assert "&lt;i&gt;" in html


def test_pdf_is_one_page_of_card_size(served):
	member = make_member("Guizhou Association for Mountain Tourism", member_name_local="贵州省山地旅游协会")
	pdf = frappe.get_print("IMTA Member", member.name, print_format=FORMAT, as_pdf=True, no_letterhead=1)
	pages = PdfReader(io.BytesIO(pdf)).pages
	assert len(pages) == 1
	box = pages[0].mediabox
	assert round(float(box.width) / 72 * 25.4) == 86
	assert round(float(box.height) / 72 * 25.4) == 54


def test_code_leads_to_the_page():
	"""The path drawn is the code's matrix, module by module."""
	import pyqrcode

	text = "https://alliance.example/member-card/" + "x" * 43
	path, width = qr_path(text)
	drawn = set()
	for run in path.split("z")[:-1]:
		x, rest = run[1:].split(" ")
		y, length = rest.split("v")[0].split("h")
		drawn |= {(int(x) + i, int(y)) for i in range(int(length))}
	code = pyqrcode.create(text, error="M").code
	assert width == len(code)
	assert drawn == {(x, y) for y, row in enumerate(code) for x, dark in enumerate(row) if dark}


def test_long_names_are_fitted_never_cut_in_silence():
	choices = ((37, 2), (22, 4))
	assert fit("Alpine Club", 550, choices) == (37, ["Alpine Club"])
	name = "The " + "Very " * 20 + "Long Club"
	size, lines = fit(name, 550, choices)
	assert size == 22
	assert " ".join(lines) == name
	_, lines = fit("山" * 300, 550, choices)
	assert len(lines) == 4
	assert lines[-1].endswith("…")


@pytest.mark.parametrize(
	("role", "may"),
	[
		("Membership Manager", True),
		("Treasurer", False),
		("Training Coordinator", False),
		("Alliance Leadership", False),
		("Alliance Member", False),
	],
)
def test_roles_that_may_print(role, may):
	member = make_member()
	with as_user(make_user(role)):
		if may:
			assert member.name in print_card(member.name)
		else:
			with pytest.raises(REFUSED):
				print_card(member.name)


def test_officer_prints_the_cards_of_the_own_portfolio():
	officer, colleague = make_user("Liaison Officer"), make_user("Liaison Officer")
	member = make_member(officer=officer)
	with as_user(officer):
		assert member.name in print_card(member.name)
	with as_user(colleague), pytest.raises(REFUSED):
		print_card(member.name)


@pytest.mark.parametrize("status", ["Suspended", "Withdrawn", "Removed", "Applicant"])
def test_no_card_without_good_status(status):
	member = make_member()
	frappe.db.set_value("IMTA Member", member.name, "status", status)
	with pytest.raises(NoValidCard):
		membership_card(frappe.get_doc("IMTA Member", member.name))


# How long it counts


def test_valid_to_the_end_of_the_dues_year_or_of_the_calendar_year():
	member = make_member()
	frappe.db.delete("Dues Year")
	calendar_end = date(getdate(today()).year, 12, 31)
	frappe.db.set_single_value("Alliance Settings", "card_valid_until", "End of Dues Year")
	assert valid_until(member) == calendar_end, "no dues year: the calendar year stands in"
	year = frappe.new_doc("Dues Year")
	start, end = date(getdate(today()).year, 4, 1), date(getdate(today()).year + 1, 3, 31)
	if getdate(today()) < start:
		start, end = start.replace(year=start.year - 1), end.replace(year=end.year - 1)
	year.update({"name": "Test Year", "title": "Test Year", "from_date": start, "to_date": end})
	year.db_insert()
	assert valid_until(member) == end
	frappe.db.set_single_value("Alliance Settings", "card_valid_until", "End of Calendar Year")
	assert valid_until(member) == calendar_end


# The public page


def test_guest_sees_name_tier_and_validity_and_nothing_else():
	member = make_member(
		"Quiet Peak Club",
		member_name_local="静峰会",
		email="hidden@peak.example",
		phone="+43 512 59547",
		sector=None,
		officer=make_user("Liaison Officer"),
	)
	status, html = look_up(member.card_token)
	assert status == 200
	for text in (
		"Quiet Peak Club",
		"静峰会",
		"Ordinary",
		"普通会员",
		"会员证有效",
		"Valid",
		str(valid_until(member)),
	):
		assert text in html, text
	secrets = (
		member.name,
		"hidden@",
		"59547",
		"Austria",
		member.officer,
		member.customer,
		member.card_token,
		"Active",
		"2024-01-01",
		"csrf",
		"sid=",
		"<script",
	)
	for text in secrets:
		assert text not in html, text


@pytest.mark.parametrize("status", ["Suspended", "Withdrawn", "Removed"])
def test_lapsed_card_is_not_valid_and_no_reason_is_given(status):
	member = make_member("Lapsed Club")
	frappe.db.set_value("IMTA Member", member.name, "status", status)
	code, html = look_up(member.card_token)
	assert code == 200
	assert "会员证无效" in html
	assert "会员证有效" not in html
	assert "Valid until" not in html
	assert status.lower() not in html.lower()


def test_arrears_are_the_treasurers_business():
	member = make_member()
	_, before = look_up(member.card_token)
	frappe.db.set_value("IMTA Member", member.name, "status", "In Arrears")
	assert look_up(member.card_token) == (200, before)


@pytest.mark.parametrize(
	"token",
	[
		"x",
		"0" * 43,
		"-",
		"%00",
		"a'b\"c",
		"..%2f..%2fapp",
		"{{7*7}}",
		"<script>",
		"IMTA-00001",
		"长" * 20,
		"x" * 5000,
	],
)
def test_unknown_card_is_answered_politely_and_always_alike(token):
	code, html = look_up(token)
	assert code == 404
	assert "未找到此会员证" in html
	assert "No such card" in html
	assert html == look_up("another unknown token")[1]


def test_page_without_a_token_is_no_card():
	code, html = look_up("", path="member-card")
	assert code == 404
	assert "No such card" in html


def test_token_counts_letter_by_letter():
	"""The database compares without regard to case; the card does not."""
	member = make_member()
	frappe.db.set_value("IMTA Member", member.name, "card_token", "aBcD" * 11)
	assert look_up("aBcD" * 11)[0] == 200
	assert look_up("AbCd" * 11)[0] == 404


def test_page_is_for_no_search_engine_and_sends_nothing_on():
	_, html = look_up(make_member().card_token)
	assert '<meta name="robots" content="noindex' in html
	assert '<meta name="referrer" content="no-referrer">' in html
	assert "http://" not in html.replace("http://www.w3.org", "")


def test_logged_in_users_see_the_same_page():
	member = make_member()
	assert look_up(member.card_token) == look_up(member.card_token, user="Administrator")


def test_too_many_looks_are_refused_for_known_and_unknown_alike():
	member = make_member()
	for _ in range(guest.CARDS_A_MINUTE):
		look_up("unknown")
	known, unknown = look_up(member.card_token), look_up("unknown")
	assert known == unknown
	assert known[0] == 429
	assert look_up(member.card_token, ip="203.0.113.8")[0] == 200


# A new card


def test_new_card_ends_the_old_one():
	member = make_member()
	old = member.card_token
	with as_user(make_user("Membership Manager")):
		address = issue_new_card(member.name)
	new = frappe.db.get_value("IMTA Member", member.name, "card_token")
	assert new != old
	assert len(new) >= 32
	assert address.endswith("/member-card/" + new)
	assert look_up(old)[0] == 404
	assert look_up(new)[0] == 200


@pytest.mark.parametrize(
	"role", ["Liaison Officer", "Treasurer", "Training Coordinator", "Alliance Leadership", "Alliance Member"]
)
def test_only_managers_issue_new_cards(role):
	user = make_user(role)
	member = make_member(officer=user if role == "Liaison Officer" else None)
	with as_user(user), pytest.raises(frappe.PermissionError):
		issue_new_card(member.name)
	assert frappe.db.get_value("IMTA Member", member.name, "card_token") == member.card_token


def test_new_card_is_a_post():
	from imta_crm.membership import card

	assert frappe.allowed_http_methods_for_whitelisted_func[card.issue_new_card] == ["POST"]


def test_tokens_are_unguessable():
	tokens = {make_member().card_token for _ in range(20)}
	assert len(tokens) == 20
	assert all(len(token) >= 43 for token in tokens)
