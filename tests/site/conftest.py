"""Site tests run on a real bench: Frappe, ERPNext, MariaDB and Redis. Name the site in IMTA_TEST_SITE."""

import os
from pathlib import Path

import pytest

frappe = pytest.importorskip("frappe", reason="site tests run in a bench's own Python")

BENCH = Path(os.environ.get("IMTA_BENCH", "")).expanduser()
SITE = os.environ.get("IMTA_TEST_SITE", "")


@pytest.fixture(scope="session")
def connected():
	if not SITE or not (BENCH / "sites" / SITE).is_dir():
		pytest.skip("no test site: set IMTA_BENCH and IMTA_TEST_SITE, or use ./imta test")
	here = os.getcwd()
	os.chdir(BENCH / "sites")
	frappe.init(site=SITE)
	frappe.connect()
	if not frappe.conf.allow_tests:
		pytest.fail(f"{SITE} does not allow tests: set allow_tests in its site_config.json")
	frappe.flags.in_test = True
	yield SITE
	frappe.destroy()
	os.chdir(here)


@pytest.fixture
def site(connected, doctypes):
	"""A connected site as Administrator; all writes are rolled back after the test."""
	frappe.set_user("Administrator")
	frappe.local.lang = "en"
	frappe.local.message_log = []
	yield frappe
	as_before = doctypes.are_as_before()
	frappe.db.rollback()
	# The connection keeps the settings it has read, also those that the rollback has taken back.
	frappe.db.value_cache.clear()
	if as_before:
		doctypes.outlive(frappe.clear_cache)
	else:
		frappe.clear_cache()
	frappe.set_user("Administrator")
	frappe.flags.in_test = True


class DocTypes:
	"""What has been read of DocTypes: it serves the next test, unless this one has changed any of them.

	Reading them anew is most of the time that a short test takes.
	"""

	TABLES = ("DocType", "DocPerm", "Custom DocPerm", "Custom Field", "Property Setter", "Workflow")
	ASIDE = "kept_between_tests"

	def __init__(self) -> None:
		self.key = frappe.cache.make_key("doctype_meta")
		self.state = self._state()

	def are_as_before(self) -> bool:
		"""Ask this before the rollback. What a test has committed is the state of those that follow."""
		before, self.state = self.state, self._state()
		return before == self.state

	def outlive(self, clear_cache) -> None:
		read = frappe.local.cache.get(self.key, {})
		aside = self.ASIDE.encode() + b":" + self.key
		# Frappe's own methods would add the site's prefix once more.
		redis = frappe.cache.execute_command
		if redis("EXISTS", self.key):
			redis("RENAME", self.key, aside)
		clear_cache()
		if redis("EXISTS", aside):
			redis("RENAME", aside, self.key)
		frappe.local.cache[self.key] = read

	def _state(self) -> tuple:
		return frappe.db.sql(
			" union all ".join(f"select count(*), max(modified) from `tab{table}`" for table in self.TABLES)
		)


@pytest.fixture(scope="session")
def doctypes(connected):
	return DocTypes()


@pytest.fixture
def served(site):
	"""The site answers at its own address, from which wkhtmltopdf takes Frappe's style sheets."""
	import requests

	address = frappe.utils.get_url("/api/method/ping")
	try:
		requests.get(address, timeout=10).raise_for_status()
	except requests.RequestException:
		pytest.skip(f"nothing answers at {frappe.utils.get_url()}, so the site cannot print PDFs")


@pytest.fixture(autouse=True)
def _every_test_uses_the_site(request):
	if "connected" not in request.fixturenames:
		request.getfixturevalue("site")
