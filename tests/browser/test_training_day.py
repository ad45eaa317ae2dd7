"""A day of the coordinator: a session from its plan to the certificates."""

from __future__ import annotations

import re

PHONE = {"width": 390, "height": 844, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
COORDINATOR = "Training Coordinator"
ENROLLMENT = "Training Enrollment"
FEE = 100


def test_a_day_of_training(open_desk, log_in, bench):
	people = bench("prepare_training_day")
	desk = log_in(COORDINATOR)
	make_program(desk)
	session = make_session(desk)
	bruno, clara, dora = enrol(desk, session)
	give_back(desk, clara)
	take_the_offer(open_desk, bench, dora)
	assert bench("seats_of", session=session) == {
		people["bruno"]: "Confirmed",
		people["clara"]: "Cancelled",
		people["dora"]: "Confirmed",
	}
	invoice_fees(log_in("Treasurer"), session)
	assert list(bench("fee_invoices", session=session).values()) == [
		{"member": people["house"], "people": 2, "total": 2 * FEE}
	]

	bench("begin", event=session)
	ticket = bench("paths", booking=bruno)["ticket"]
	check_in(log_in(COORDINATOR, **PHONE), f"/app/training-session/{session}", ticket, "Bruno", "Dora")
	assert bench("end", session=session)["failed"] == 0
	letters = bench("paths", booking=bruno)
	prove(open_desk, letters["certificate"], "This certificate is valid")
	give_feedback(open_desk, letters["feedback"])
	see_the_feedback(desk, session)
	revoke(desk, letters["name"])
	prove(open_desk, letters["certificate"], "This certificate was revoked")


# Before


def make_program(desk) -> None:
	page = desk.open_form("/app/member-training-program/new")
	for field, value in {
		"program_name": "Huts and Their Guests",
		"program_name_zh": "山屋与客人",
		"pd_hours": 6,
	}.items():
		desk.fill(field, value)
	audience = page.locator(".frappe-control[data-fieldname=audience]:visible")
	audience.locator("input").fill("Ordinary")
	audience.locator("[role=option]", has_text="Ordinary").first.click()
	page.wait_for_function("() => cur_frm.doc.audience?.[0]?.tier === 'Ordinary'")
	assert desk.save().startswith("PRG-")


def make_session(desk) -> str:
	page = desk.page
	program = page.evaluate("cur_frm.docname")
	desk.button("New Session").click()
	page.wait_for_function("() => cur_frm?.doctype === 'Training Session' && cur_frm.is_new()")
	desk.form_is_ready()
	assert page.evaluate("cur_frm.doc.program") == program
	day = page.evaluate("frappe.datetime.add_days(frappe.datetime.get_today(), 20)")
	for field, value in {
		"title": "Huts in Winter",
		"title_zh": "冬季山屋",
		"starts_at": f"{day} 09:00:00",
		"ends_at": f"{day} 15:00:00",
		"venue": "Guiyang",
		"capacity": 2,
		"fee_currency": "CNY",
		"uses_free_seats": 0,
	}.items():
		desk.fill(field, value)
	page.evaluate("(fee) => cur_frm.add_child('fees', { participant_type: 'Member', fee })", FEE)
	name = desk.save()
	assert page.evaluate("cur_frm.doc.starts_at") == f"{day} 09:00:00", "by the clock of the session"
	assert page.evaluate("cur_frm.doc.pd_hours") == 6
	desk.button("Open for Enrolment").click()
	page.wait_for_function("() => cur_frm.doc.status === 'Open' && !cur_frm.is_dirty()")
	desk.form_is_ready()
	return name


def enrol(desk, session: str) -> list[str]:
	"""Three people for two seats; the names of their enrolments in this order."""
	desk.choose("Enrol", "People")
	dialog = desk.dialog("Enrol People")
	for name in ("Bruno", "Clara", "Dora"):
		dialog.locator("input[data-fieldname=txt]").fill(f"{name} G")
		dialog.locator("[data-index]", has_text=f"{name} Gipfel").click()
		dialog.locator("[data-drop]", has_text=f"{name} Gipfel").wait_for()
	dialog.locator(".btn-modal-primary", has_text="Enrol").click()
	dialog.wait_for(state="hidden")
	said = desk.close_message("Enrolled")
	assert said.count("Confirmed") == 2 and re.search(r"Dora Gipfel\s+Waitlisted \(place 1\)", said)
	desk.page.locator(".form-tabs:visible .nav-link", has_text="Seats").click()
	seats = desk.page.locator("[data-fieldname=occupancy_html]:visible")
	seats.locator("a", has_text="Dora Gipfel").wait_for()
	assert "2 of 2" in seats.inner_text()
	return [f"{session}-{number:04d}" for number in (1, 2, 3)]


def give_back(desk, enrollment: str) -> None:
	page = desk.open_form(f"/app/training-enrollment/{enrollment}")
	desk.take_step("Cancel Enrolment")
	desk.answer("Cancel Enrolment", "reason", "Is ill", "Cancel Enrolment")
	page.wait_for_function("() => cur_frm.doc.status === 'Cancelled'")
	desk.form_is_ready()


def take_the_offer(open_desk, bench, enrollment: str) -> None:
	"""By the link in the letter, logged out."""
	guest = open_desk(**PHONE, java_script_enabled=False)
	page = guest.open(bench("paths", booking=enrollment)["seat"])
	page.locator("form:has(input[value=accept]) button").click()
	page.locator(".note[role=status]").wait_for()


def invoice_fees(desk, session: str) -> None:
	desk.open_form(f"/app/training-session/{session}")
	desk.choose("Fees", "Invoice Fees Now")
	dialog = desk.dialog("What Will Be Invoiced")
	said = dialog.inner_text()
	assert "Bruno Gipfel" in said and "Dora Gipfel" in said and "Clara" not in said
	dialog.locator(".btn-modal-primary", has_text="Invoice Fees Now").click()
	dialog.wait_for(state="hidden")
	assert "1 invoices and 0 credit notes" in desk.close_message("credit notes")


# The day


def check_in(desk, path: str, ticket: str, first: str, second: str | None = None) -> None:
	"""The first by the text of the ticket, as a hand scanner types it; the second by a tap on the list."""
	page = desk.open_form(path)
	if page.viewport_size["width"] < 768:
		page.locator(".page-head:visible .menu-btn-group > button").click()
		page.locator(".menu-btn-group .dropdown-menu.show a", has_text="Check-In").click()
	else:
		desk.button("Check-In").click()
	dialog = desk.dialog("Check-In")
	dialog.locator(f"[data-booking]:has-text('{first}') [data-act=in]").wait_for()
	width = dialog.locator(".modal-content").bounding_box()["width"]
	assert width <= page.viewport_size["width"]
	search = dialog.locator("input[data-fieldname=search]")
	for state in ("checked in", "already"):
		search.fill(f"{desk.place.url}{ticket}")
		search.press("Enter")
		dialog.locator(
			"[role=status]", has_text=re.compile(f"{first}.*{state}|{state}.*{first}", re.I)
		).wait_for()
	if second:
		dialog.locator(f"[data-booking]:has-text('{second}') [data-act=in]").tap()
		dialog.locator("b", has_text="2 of 2 came").wait_for()


# After


def prove(open_desk, path: str, verdict: str) -> None:
	"""Whoever scans the certificate reads what it is worth, in both languages, and nothing more."""
	page = open_desk(**PHONE, java_script_enabled=False).open(path)
	page.goto(f"{page.url}?_lang=en")
	text = page.locator("main").inner_text()
	assert verdict in text and "Bruno Gipfel" in text and "Huts and Their Guests" in text
	assert "bruno@" not in text and "Copied" not in text
	page.locator("nav a[lang=zh]").click()
	page.wait_for_url("**_lang=zh*")
	assert CHINESE.search(page.locator("h1").inner_text())
	assert "山屋与客人" in page.locator("main").inner_text()


def give_feedback(open_desk, path: str) -> None:
	page = open_desk(**PHONE, java_script_enabled=False).open(path)
	for question, mark in (
		("overall", 5),
		("content", 4),
		("trainer", 5),
		("organisation", 5),
		("recommend", 10),
	):
		page.locator(f"label:has(input[name={question}][value='{mark}'])").click()
	page.locator("textarea[name=liked]").fill("The <b>huts</b>")
	page.locator("form button[type=submit]:visible").click()
	page.locator(".note[role=status]").wait_for()


def see_the_feedback(desk, session: str) -> None:
	page = desk.open_form(f"/app/training-session/{session}")
	page.locator(".form-tabs:visible .nav-link", has_text="Results").click()
	results = page.locator("[data-fieldname=results_html]:visible")
	results.locator("li", has_text="huts").wait_for()
	assert not results.locator("li b").count(), "what people write is text"
	assert "1 of 2 people answered" in results.inner_text()


def revoke(desk, certificate: str) -> None:
	page = desk.open_form(f"/app/training-certificate/{certificate}")
	desk.button("Revoke").click()
	desk.answer(f"Revoke {certificate}", "reason", "Copied from somebody else", "Revoke")
	page.wait_for_function("() => cur_frm.doc.status === 'Revoked'")
	desk.form_is_ready()
	page.locator(".page-head:visible .indicator-pill", has_text="Revoked").first.wait_for()
