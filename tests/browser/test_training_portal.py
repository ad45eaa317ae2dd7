"""A member on the phone, in Chinese: waits for a seat, takes the one that is offered, enrols a colleague, cancels."""

from __future__ import annotations

import re
import secrets

PHONE = {"width": 360, "height": 740, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def test_a_member_on_the_phone(open_desk, bench):
	password = secrets.token_urlsafe(18)
	made = bench("prepare_training", password=password)
	desk = open_desk(**PHONE, locale="zh-CN")
	page = desk.open("/training")
	log_in_and_return(page, made["user"], password)
	assert page.locator("html").get_attribute("lang") == "zh-CN"

	wait_for_a_seat(desk, bench, made)
	take_the_offered_one(open_desk, bench, made)
	give_it_back(desk, bench, made)
	enrol_a_colleague(desk, bench, made)


def log_in_and_return(page, user: str, password: str) -> None:
	"""Who comes without a session is asked to log in, and then is where they wanted to be."""
	page.wait_for_url("**/login?redirect-to=*")
	page.fill("#login_email", user)
	page.fill("#login_password", password)
	page.locator(".form-login .btn-login").first.click()
	page.wait_for_url("**/training")
	page.locator("h1").wait_for()


def looks_right(page) -> None:
	"""Nothing runs out of a narrow screen, and the headings speak Chinese."""
	assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
	assert CHINESE.search(page.locator("h1").inner_text())


def wait_for_a_seat(desk, bench, made: dict) -> None:
	page = desk.page
	page.get_by_role("link", name="岩壁救援").click()
	page.wait_for_url(f"**/training/{made['full']}")
	looks_right(page)
	page.locator("form:has(input[value=enrol]) button").click()
	page.locator(".note[role=status]").wait_for()
	looks_right(page)
	assert bench("seats_of", session=made["full"])[made["user"]] == "Waitlisted"


def take_the_offered_one(open_desk, bench, made: dict) -> None:
	"""By the link in the letter, in a browser that nobody is logged in to."""
	path = bench("free_a_seat", booking=made["taken"], session=made["full"], user=made["user"])["path"]
	phone = open_desk(**PHONE, locale="zh-CN", java_script_enabled=False)
	page = phone.open(path)
	assert page.locator("html").get_attribute("lang") == "zh-CN"
	assert bench("seats_of", session=made["full"])[made["user"]] == "Offered", "looking takes nothing"
	page.locator("form:has(input[value=accept]) button").click()
	page.locator(".note[role=status]").wait_for()
	assert page.locator("svg.qr").count() == 1
	assert bench("seats_of", session=made["full"])[made["user"]] == "Confirmed"


def give_it_back(desk, bench, made: dict) -> None:
	page = desk.open("/my-training")
	looks_right(page)
	page.get_by_role("link", name="岩壁救援").click()
	page.wait_for_url("**/my-training/*")
	looks_right(page)
	assert page.locator("svg.qr").is_visible()
	page.locator("details:has(input[value=cancel]) > summary").click()
	page.locator("form:has(input[value=cancel]) button").click()
	page.locator(".note[role=status]").wait_for()
	assert bench("seats_of", session=made["full"])[made["user"]] == "Cancelled"


def enrol_a_colleague(desk, bench, made: dict) -> None:
	page = desk.open(f"/training/{made['open']}")
	page.locator("details:has(input[value=enrol_colleagues]) > summary").click()
	page.locator(f"input[name=contact][value='{made['colleague']}']").check()
	looks_right(page)
	page.locator("form:has(input[value=enrol_colleagues]) button").click()
	page.locator(".note[role=status]").wait_for()
	assert bench("seats_of", session=made["open"]) == {made["colleague"]: "Confirmed"}
	page = desk.open("/my-training")
	assert page.get_by_role("link", name="雪地救援").count() == 1
	page = desk.open("/my-training?_lang=en")
	assert page.locator("h1").inner_text() == "My Training"
