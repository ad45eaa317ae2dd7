"""Drives the real desk and portal in Chromium, on a served test site with a worker. `./imta test` does all that.

By hand: IMTA_BASE_URL, IMTA_ADMIN_PASSWORD, IMTA_BENCH, IMTA_TEST_SITE; IMTA_CHROMIUM names the browser, and
IMTA_PICTURES a folder that keeps a picture of each test's last page.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="browser tests need playwright")

NEEDED = ("IMTA_BASE_URL", "IMTA_ADMIN_PASSWORD", "IMTA_BENCH", "IMTA_TEST_SITE")
CHROMIUM = os.environ.get("IMTA_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
# A loaded machine with two cores is slow to draw the first desk.
PATIENCE = 60_000
# Realtime is a nicety that the desk works without, and it is not ours.
NOT_OURS = re.compile(r"socket\.io|Failed to load resource|favicon", re.I)


@pytest.fixture(scope="session")
def place() -> SimpleNamespace:
	missing = [name for name in NEEDED if not os.environ.get(name)]
	if missing:
		pytest.skip(f"no served test site: {', '.join(missing)} not set; ./imta test does it")
	if not Path(CHROMIUM).exists():
		pytest.skip(f"there is no browser at {CHROMIUM}: name one in IMTA_CHROMIUM")
	return SimpleNamespace(
		url=os.environ["IMTA_BASE_URL"].rstrip("/"),
		password=os.environ["IMTA_ADMIN_PASSWORD"],
		bench=Path(os.environ["IMTA_BENCH"]).expanduser(),
		site=os.environ["IMTA_TEST_SITE"],
	)


@pytest.fixture(scope="session")
def bench(place) -> Callable[..., dict]:
	"""Call a function of `bench_side.py` on the site and get its answer."""

	def call(function: str, **arguments) -> dict:
		python = place.bench / "env" / "bin" / "python"
		done = subprocess.run(
			[
				str(python) if python.exists() else sys.executable,
				str(Path(__file__).with_name("bench_side.py")),
				place.site,
				function,
				json.dumps(arguments),
			],
			cwd=place.bench / "sites",
			capture_output=True,
			text=True,
			timeout=300,
		)
		assert done.returncode == 0, f"{function} failed on {place.site}:\n{done.stderr[-3000:]}"
		return json.loads(done.stdout.strip().splitlines()[-1])

	return call


@pytest.fixture(scope="session")
def clean_site(bench) -> Iterator[None]:
	"""A site without members, dues or contacts, whatever an earlier run left, and so again afterwards."""
	bench("reset")
	yield
	bench("reset")


@pytest.fixture(scope="session")
def browser(place) -> Iterator[sync_api.Browser]:
	with sync_api.sync_playwright() as playwright:
		browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
		yield browser
		browser.close()


class Desk:
	"""One browser window and what went wrong in it."""

	def __init__(self, place: SimpleNamespace, context: sync_api.BrowserContext) -> None:
		self.place = place
		self.problems: list[str] = []
		context.set_default_timeout(PATIENCE)
		host = urlsplit(place.url).hostname
		# Avatars and the like elsewhere: a test asks nobody but the site.
		context.route(lambda url: urlsplit(url).hostname != host, lambda route: route.abort())
		self.page = context.new_page()
		self.page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error.stack or error}"))
		self.page.on("console", self.on_console)
		self.page.on("response", self.on_response)

	def on_console(self, message: sync_api.ConsoleMessage) -> None:
		where = message.location.get("url", "")
		if message.type == "error" and not NOT_OURS.search(f"{message.text} {where}"):
			self.problems.append(f"console: {message.text} ({where})")

	def on_response(self, response: sync_api.Response) -> None:
		is_ours = "imta" in response.url and "/assets/" not in response.url
		if response.status >= 500 or (response.status >= 400 and is_ours and "socket.io" not in response.url):
			self.problems.append(f"{response.status}: {response.url}")

	def open(self, path: str) -> sync_api.Page:
		self.page.goto(f"{self.place.url}{path}", wait_until="domcontentloaded")
		return self.page

	def log_in(self, user: str, password: str) -> None:
		self.open("/login")
		self.page.fill("#login_email", user)
		self.page.fill("#login_password", password)
		self.page.locator(".form-login .btn-login").first.click()
		self.page.wait_for_url("**/app**")
		self.page.wait_for_function("() => window.frappe?.boot && frappe.get_route && frappe.get_route()")

	def open_form(self, path: str) -> sync_api.Page:
		"""Open a form of the desk and wait until it is drawn."""
		self.open(path)
		self.form_is_ready()
		return self.page

	def show(self, *route: str) -> None:
		"""Go to a list (`"List", doctype`) or a form of the desk without loading the desk anew; as soon as drawn."""
		self.page.evaluate("(route) => frappe.set_route(...route)", list(route))
		if route[0] == "Form":
			self.page.wait_for_function(
				"([doctype, name]) => cur_frm?.doctype === doctype && (cur_frm.is_new() || cur_frm.docname === name)",
				arg=list(route[1:]),
			)
			self.form_is_ready()
		else:
			self.page.wait_for_function(
				"""(doctype) => frappe.get_route()[1] === doctype && window.cur_list?.doctype === doctype
					&& cur_list.data && frappe.request.ajax_count === 0""",
				arg=route[1],
			)

	def form_is_ready(self) -> None:
		self.page.wait_for_function(
			"""() => window.cur_frm && cur_frm.doc && frappe.get_route()[0] === 'Form'
				&& cur_frm.docname === frappe.get_route().slice(2).join('/')
				&& frappe.request.ajax_count === 0"""
		)

	def save(self) -> str:
		"""Save the open form with its own button; the document's name."""
		self.page.locator(".page-head:visible .primary-action:visible", has_text="Save").click()
		self.page.wait_for_function("() => cur_frm && !cur_frm.is_new() && !cur_frm.is_dirty()")
		self.form_is_ready()
		return self.page.evaluate("cur_frm.docname")

	def fill(self, fieldname: str, value: str) -> None:
		self.page.evaluate("([field, value]) => cur_frm.set_value(field, value)", [fieldname, value])

	def button(self, label: str) -> sync_api.Locator:
		return self.page.locator(".page-head:visible").get_by_role("button", name=label, exact=True)

	def choose(self, group: str, action: str) -> None:
		"""Take an action from one of the menus of buttons beside the form's title."""
		self.page.locator(".page-head:visible .inner-group-button > button", has_text=group).click()
		self.page.locator(".inner-group-button .dropdown-menu.show a", has_text=action).click()

	def take_step(self, action: str) -> None:
		"""Take a step of the workflow from the form's menu."""
		self.page.locator(".page-head:visible .actions-btn-group > button").click()
		self.page.locator(".actions-btn-group .dropdown-menu.show a", has_text=action).click()

	def answer(self, title: str, field: str, value: str, action: str) -> None:
		"""Fill in the one field of a dialog and go on; until the dialog is gone."""
		dialog = self.dialog(title)
		dialog.locator(f"[data-fieldname={field}]:is(input, textarea)").fill(value)
		dialog.locator(".btn-modal-primary:visible", has_text=action).click()
		dialog.wait_for(state="hidden")

	def close_message(self, text: str) -> str:
		"""Read the message that pops up, and put it away."""
		message = self.dialog(text)
		said = message.inner_text()
		message.locator(".btn-modal-close:visible").click()
		message.wait_for(state="hidden")
		return said

	def dialog(self, text: str) -> sync_api.Locator:
		"""The dialog with this text, once it has faded in: before that it does not hear that it should go."""
		dialog = self.page.locator(".modal.show", has_text=text)
		dialog.wait_for()
		self.page.wait_for_function("() => !$('.modal.show').data('bs.modal')?._isTransitioning")
		return dialog

	def say_yes(self) -> None:
		self.dialog("Yes").locator(".btn-modal-primary:visible", has_text="Yes").click()
		self.page.locator(".modal.show").wait_for(state="hidden")

	def wait_for_value(
		self, doctype: str, name: str, field: str, wanted: set[str], seconds: int = 240
	) -> str:
		"""Ask the server until the field has one of the values: background jobs take their time."""
		deadline = time.monotonic() + seconds
		while True:
			value = self.page.evaluate(
				"""([doctype, name, field]) =>
					frappe.db.get_value(doctype, name, field).then(({ message }) => message[field])""",
				[doctype, name, field],
			)
			if value in wanted:
				return value
			assert time.monotonic() < deadline, (
				f"{doctype} {name}: {field} is still {value} after {seconds} s"
			)
			self.page.wait_for_timeout(500)

	def check(self) -> None:
		assert not self.problems, "\n".join(self.problems)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
	report = yield
	setattr(item, f"report_{report.when}", report)
	return report


@pytest.fixture
def open_desk(request, place, browser, clean_site, tmp_path) -> Iterator[Callable[..., Desk]]:
	"""Open a window: `open_desk(width=…, height=…, locale=…)`. Problems of the page fail the test."""
	opened: list[tuple[Desk, sync_api.BrowserContext]] = []

	def open_one(width: int = 1366, height: int = 900, **options) -> Desk:
		context = browser.new_context(viewport={"width": width, "height": height}, **options)
		desk = Desk(place, context)
		opened.append((desk, context))
		return desk

	yield open_one
	report = getattr(request.node, "report_call", None)
	passed = bool(report and report.passed)
	pictures = os.environ.get("IMTA_PICTURES")
	for number, (desk, context) in enumerate(opened):
		if not passed or pictures:
			folder = Path(pictures) if pictures else tmp_path
			path = folder / f"{request.node.name}-{number}.png"
			desk.page.screenshot(path=path)
			print(f"\nthe page at the end: {path}")
		context.close()
	if passed:
		for desk, _context in opened:
			desk.check()


@pytest.fixture
def log_in(open_desk, bench) -> Callable[..., Desk]:
	"""Open a window of somebody with this role: `log_in("Treasurer", language="zh", width=390)`."""

	def open_as(role: str, language: str = "en", **options) -> Desk:
		password = secrets.token_urlsafe(18)
		user = bench("make_user", role=role, language=language, password=password)["name"]
		desk = open_desk(**options)
		desk.log_in(user, password)
		return desk

	return open_as
