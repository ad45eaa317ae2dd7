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
def site(connected):
	"""A connected site as Administrator; all writes are rolled back after the test."""
	frappe.set_user("Administrator")
	frappe.local.message_log = []
	yield frappe
	frappe.db.rollback()
	# The connection keeps the settings it has read, also those that the rollback has taken back.
	frappe.db.value_cache.clear()
	frappe.clear_cache()
	frappe.set_user("Administrator")
	frappe.flags.in_test = True


@pytest.fixture(scope="module")
def _read_doctypes() -> dict:
	return {}


@pytest.fixture
def doctypes_stay(site, _read_doctypes):
	"""For modules that leave DocTypes as they are: what one test has read of them serves the next.

	Reading them anew is most of the time that a short test takes.
	"""
	for doctype, meta in _read_doctypes.items():
		site.cache.hset("doctype_meta", doctype, meta)
	yield
	for doctype, meta in site.cache.hgetall("doctype_meta").items():
		_read_doctypes[doctype.decode() if isinstance(doctype, bytes) else doctype] = meta


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
