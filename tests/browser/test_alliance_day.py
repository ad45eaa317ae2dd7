"""A day of the secretariat, with the mouse: roster, dues, a payment, a contact, and what the member's form says."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import pytest

ROSTER = Path(__file__).parents[1] / "data" / "roster.csv"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PHONE = {"width": 390, "height": 844, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}


def test_a_day_of_the_alliance(open_desk, bench, place):
	desk = open_desk()
	desk.log_in("Administrator", place.password)
	import_roster(desk, bench)
	open_dues_year(desk, bench)
	run_dues(desk, bench)
	charge = desk.page.evaluate(
		"""() => frappe.db.get_list("Dues Charge", {
			filters: { status: "Invoiced", currency: "CNY" },
			fields: ["member", "sales_invoice"], order_by: "name", limit: 1,
		}).then((rows) => rows[0])"""
	)
	owed = headline(desk, charge["member"])
	assert "CNY" in owed or "¥" in owed, owed
	receive_payment(desk, charge["sales_invoice"])
	assert headline(desk, charge["member"]) == "Nothing is owed."
	log_contact(desk)


def import_roster(desk, bench) -> None:
	page = desk.open_form("/app/roster-import/new")
	page.locator(".frappe-control[data-fieldname=roster_file] .btn-attach:visible").click()
	page.locator(".modal.show input[type=file]").first.set_input_files(ROSTER)
	page.locator(".modal.show .btn-modal-primary", has_text="Upload").click()
	page.wait_for_function("() => cur_frm.doc.roster_file")
	page.locator(".modal.show").wait_for(state="hidden")
	if page.evaluate("cur_frm.is_new() || cur_frm.is_dirty()"):
		desk.save()
	name = page.evaluate("cur_frm.docname")

	# Saving may have checked it already.
	action = page.locator(".page-head:visible .primary-action")
	action.filter(has_text=re.compile("Check|Import")).wait_for()
	if page.evaluate("cur_frm.doc.status") == "Draft":
		action.filter(has_text="Check").click()
	action.filter(has_text="Import").wait_for()
	desk.form_is_ready()
	assert page.evaluate("[cur_frm.doc.valid_rows, cur_frm.doc.problem_rows]") == [91, 0]
	assert "91" in page.locator("[data-fieldname=summary_html]").inner_text()

	action.click()
	page.locator(".modal.show", has_text="91").wait_for()
	desk.say_yes()
	status = desk.wait_for_value(
		"Roster Import", name, "status", {"Completed", "Failed", "Completed with Problems"}
	)
	assert status == "Completed"
	desk.open_form(f"/app/roster-import/{name}")
	assert page.evaluate("cur_frm.doc.imported") == 91
	assert bench("counts")["members"] == 91


def open_dues_year(desk, bench) -> None:
	year = bench("make_year")["name"]
	page = desk.open_form(f"/app/dues-year/{year}")
	page.locator("select[data-fieldname=status]:visible").select_option("Open")
	desk.save()
	assert page.evaluate("cur_frm.doc.status") == "Open"


def run_dues(desk, bench) -> None:
	page = desk.page
	desk.button("Preview").click()
	page.wait_for_function("() => window.cur_frm?.doctype === 'Dues Run' && cur_frm.is_new()")
	name = desk.save()
	preview = page.locator("[data-fieldname=preview_html]")
	preview.get_by_text("Will be charged: 85").wait_for()

	desk.button("Start").click()
	desk.say_yes()
	status = desk.wait_for_value(
		"Dues Run", name, "status", {"Completed", "Completed with Failures", "Paused", "Cancelled"}
	)
	assert status == "Completed"
	desk.open_form(f"/app/dues-run/{name}")
	assert page.evaluate("[cur_frm.doc.charged, cur_frm.doc.failed]") == [85, 0]
	found = bench("counts")
	assert (found["charges"], found["invoices"]) == (85, 85)


def headline(desk, member: str) -> str:
	"""What the member's form says that it owes."""
	page = desk.open_form(f"/app/imta-member/{member}")
	text = page.locator(".form-message:visible").first
	text.wait_for()
	return text.inner_text().strip()


def receive_payment(desk, invoice: str) -> None:
	page = desk.open_form(f"/app/sales-invoice/{invoice}")
	page.locator(".page-head:visible .inner-group-button", has_text="Create").get_by_role("button").click()
	page.locator(".dropdown-menu.show a", has_text=re.compile(r"^\s*Payment\s*$")).click()
	page.wait_for_function("() => window.cur_frm?.doctype === 'Payment Entry' && cur_frm.is_new()")
	desk.form_is_ready()
	# A chart without a default bank account leaves the choice to the treasurer.
	page.evaluate(
		"""async () => {
			if (!cur_frm.doc.paid_to) {
				const [account] = await frappe.db.get_list("Account", {
					filters: { company: cur_frm.doc.company, account_type: "Cash", is_group: 0 }, limit: 1 });
				await cur_frm.set_value("paid_to", account.name);
			}
			await cur_frm.set_value("reference_no", "BROWSER-1");
			await cur_frm.set_value("reference_date", frappe.datetime.get_today());
		}"""
	)
	desk.form_is_ready()
	name = desk.save()
	page.locator(".page-head:visible .primary-action", has_text="Submit").click()
	desk.say_yes()
	page.wait_for_function("() => cur_frm.doc.docstatus === 1")
	assert page.evaluate("cur_frm.docname") == name


def log_contact(desk) -> None:
	page = desk.page
	member = page.evaluate("cur_frm.docname")
	desk.button("Log Contact").click()
	dialog = page.locator(".modal.show.imta-log-contact")
	dialog.wait_for()
	dialog.locator("select[data-fieldname=channel]").select_option("WeChat")
	dialog.locator("textarea[data-fieldname=summary]").fill("They paid <b>& thanked</b> us for the card")
	dialog.locator("textarea[data-fieldname=summary]").press("Control+Enter")
	dialog.wait_for(state="hidden")
	contact = page.locator(".new-timeline:visible .imta-timeline-contact")
	contact.get_by_text("thanked").wait_for()
	assert "WeChat" in contact.first.inner_text()
	assert page.evaluate("cur_frm.docname") == member


def test_search_bar_logs_a_contact(open_desk, bench, place):
	bench("make_member")
	desk = open_desk()
	desk.log_in("Administrator", place.password)
	page = desk.page
	page.fill("#navbar-search", "log contact phone alp")
	page.locator(".awesomplete li", has_text="Log Contact with Phone Alpine Club").wait_for()
	page.press("#navbar-search", "Enter")
	dialog = page.locator(".modal.show.imta-log-contact")
	dialog.locator("textarea[data-fieldname=summary]:focus").wait_for()
	page.keyboard.type("Found by the search bar")
	page.keyboard.press("Control+Enter")
	dialog.wait_for(state="hidden")
	page.locator(".desk-alert", has_text="Contact logged").wait_for()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_phone_shows_desk_and_member(open_desk, bench, language):
	member = bench("make_member")["name"]
	password = secrets.token_urlsafe(18)
	user = bench("make_user", role="Membership Manager", language=language, password=password)["name"]
	desk = open_desk(**PHONE)
	desk.log_in(user, password)
	page = desk.open("/app/imta")
	page.locator(".editor-js-container .ce-block").first.wait_for()
	fits(page)
	if language == "zh":
		assert CHINESE.search(page.locator(".editor-js-container").inner_text())
	desk.open_form(f"/app/imta-member/{member}")
	page.locator(".frappe-control[data-fieldname=member_name]:visible").wait_for()
	fits(page)
	if language == "zh":
		assert CHINESE.search(page.locator(".form-layout .control-label:visible").first.inner_text())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_phone_shows_the_application_form(open_desk, language):
	desk = open_desk(**PHONE, locale="zh-CN" if language == "zh" else "en-GB")
	page = desk.open(f"/apply/new?_lang={language}")
	page.locator("[data-fieldname=applicant_name]:visible").first.wait_for()
	fits(page)
	if language == "zh":
		assert CHINESE.search(page.locator(".web-form-container, .web-form-wrapper").first.inner_text())


def fits(page) -> None:
	"""Nothing sticks out at the side; Frappe's own rows do by two pixels."""
	assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 4
