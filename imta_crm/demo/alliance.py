"""Company, fiscal years, exchange rates and the settings of the demo alliance."""

from __future__ import annotations

import secrets
from datetime import date

import frappe
from frappe.utils import getdate, nowdate

from imta_crm import install
from imta_crm.defaults import read
from imta_crm.demo.common import loaded_on
from imta_crm.erp import masters

COMPANY = "International Mountain Tourism Alliance"
COMPANY_ZH = "国际山地旅游联盟"
ABBREVIATION = "IMTA"
SECRETARIAT = "secretariat@imta.example"


def set_up() -> None:
	"""Complete ERPNext's set-up wizard where nobody has, then the alliance's own settings."""
	complete_wizard()
	install.complete()
	make_fiscal_years()
	make_exchange_rates()
	fill_settings()
	loaded_on()


def complete_wizard() -> None:
	"""Company in China with the Standard chart of accounts; nothing if a company is there."""
	if frappe.db.count("Company"):
		return
	from frappe.desk.page.setup_wizard.setup_wizard import setup_complete

	year = dues_year()
	setup_complete(
		{
			"language": "English",
			"country": "China",
			"timezone": "Asia/Shanghai",
			"currency": "CNY",
			"full_name": "IMTA Secretariat",
			"email": SECRETARIAT,
			# Nobody logs in with it: the demo's own users come with the next step.
			"password": secrets.token_urlsafe(24),
			"company_name": COMPANY,
			"company_abbr": ABBREVIATION,
			"chart_of_accounts": "Standard",
			"fy_start_date": year["from_date"],
			"fy_end_date": year["to_date"],
			"setup_demo": 0,
		}
	)
	frappe.set_user("Administrator")
	frappe.db.set_single_value("System Settings", "setup_complete", 1)
	frappe.db.commit()  # the wizard works in many transactions of its own
	frappe.clear_cache()


def dues_year() -> dict:
	"""The dues year of the demo, from the shipped defaults."""
	return (read("dues_years") or [])[0]


def make_fiscal_years() -> None:
	"""Fiscal years from the dues year to today: payments are booked on all these days."""
	first = getdate(dues_year()["from_date"]).year
	for year in range(first, max(first, getdate(nowdate()).year) + 1):
		start, end = date(year, 1, 1), date(year, 12, 31)
		if not frappe.db.exists(
			"Fiscal Year", {"year_start_date": ("<=", start), "year_end_date": (">=", end)}
		):
			frappe.get_doc(
				{
					"doctype": "Fiscal Year",
					"year": str(year),
					"year_start_date": start,
					"year_end_date": end,
				}
			).insert()


def make_exchange_rates() -> None:
	"""ERPNext asks a server in the internet for rates that it does not know; the demo knows its own."""
	year = dues_year()
	company = masters.default_company()
	home = frappe.get_cached_value("Company", company, "default_currency")
	for rate in year["rates"]:
		pair = {"from_currency": year["reference_currency"], "to_currency": rate["currency"]}
		if rate["currency"] != home or frappe.db.exists("Currency Exchange", pair):
			continue
		frappe.get_doc(
			{
				"doctype": "Currency Exchange",
				"date": year["from_date"],
				"exchange_rate": float(rate["rate"]),
				"for_buying": 1,
				"for_selling": 1,
				**pair,
			}
		).insert()


def fill_settings() -> None:
	"""Name, seat and size of the alliance; what somebody entered stays."""
	settings = frappe.get_single("Alliance Settings")
	wanted = {
		"alliance_name": COMPANY,
		"alliance_name_zh": COMPANY_ZH,
		"company": masters.default_company(),
		"secretariat_email": SECRETARIAT,
		"founded_on": "2017-08-15",
		"council_seats": 41,
		"import_creates_sectors": 1,
	}
	missing = {field: value for field, value in wanted.items() if not settings.get(field)}
	if missing:
		settings.update(missing)
		settings.save()
