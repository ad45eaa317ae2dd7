"""ERPNext master data that the alliance needs: items, groups, accounts, regions, sectors.

Each `ensure_…` function returns the name of a record that exists after the call and changes nothing on a
record that exists before it. None of them commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import frappe
from frappe import _
from frappe.utils import getdate
from frappe.utils.nestedset import get_root_of

DUES_ITEM = "MEMBERSHIP-DUES"
EVENT_ITEM = "EVENT-FEE"
EVENT_ITEM_NAME = "Training and Activity Fee"
EVENT_INCOME_ACCOUNT = "Training and Activity Fees"
MEMBERS_GROUP = "Alliance Members"
INDIVIDUALS_GROUP = "Individual Members"
GUESTS_GROUP = "Event Guests"


class MissingMasterError(frappe.ValidationError):
	"""A record of ERPNext's own set-up is missing, for example before its set-up wizard ran."""


def default_company() -> str | None:
	"""Company that the alliance books in: the settings' choice, then the site's default, then the only one."""
	chosen = None
	if frappe.db.exists("DocType", "Alliance Settings"):
		chosen = frappe.db.get_single_value("Alliance Settings", "company")
	if chosen and frappe.db.exists("Company", chosen):
		return chosen
	if default := frappe.defaults.get_global_default("company"):
		if frappe.db.exists("Company", default):
			return default
	companies = frappe.get_all("Company", pluck="name", limit=2, order_by="creation")
	return companies[0] if companies else None


def is_set_up() -> bool:
	"""Whether ERPNext's set-up wizard has made its root records."""
	return bool(root_of("Territory") and root_of("Customer Group") and root_of("Item Group"))


def root_of(doctype: str) -> str | None:
	"""Root node of a tree, whatever the language that the set-up wizard ran in; None before it ran."""
	if not frappe.db.count(doctype):
		return None
	return get_root_of(doctype)


def ensure_tree(doctype: str, tree: Mapping[str, Mapping | None], parent: str | None = None) -> list[str]:
	"""Create the missing nodes of a nested mapping `{name: {child: …}}` below `parent` (default: the root).

	:return: names of the records made by this call, parents first
	"""
	parent = parent or root_of(doctype)
	if not parent:
		raise MissingMasterError(_("{0} has no root record yet").format(_(doctype)))
	name_field = f"{frappe.scrub(doctype)}_name"
	parent_field = f"parent_{frappe.scrub(doctype)}"
	made = []
	for name, children in tree.items():
		if not frappe.db.exists(doctype, name):
			node = frappe.new_doc(doctype)
			node.update({name_field: name, parent_field: parent, "is_group": int(bool(children))})
			node.insert(ignore_permissions=True)  # set-up acts for the alliance, not for a person
			made.append(node.name)
		elif children and not frappe.db.get_value(doctype, name, "is_group"):
			frappe.db.set_value(doctype, name, "is_group", 1)
		if children:
			made += ensure_tree(doctype, children, name)
	return made


def ensure_market_segments(names: Iterable[str]) -> list[str]:
	"""Create the missing sectors and return the names of those made."""
	made = []
	for name in names:
		if name and not frappe.db.exists("Market Segment", name):
			frappe.get_doc({"doctype": "Market Segment", "market_segment": name}).insert(
				ignore_permissions=True
			)
			made.append(name)
	return made


def ensure_customer_group(name: str = MEMBERS_GROUP, parent: str | None = None) -> str:
	"""Customer group for members; `parent` defaults to the root of the tree."""
	ensure_tree("Customer Group", {name: None}, parent)
	return name


def ensure_item(
	item_code: str = DUES_ITEM, item_name: str = "Membership Dues", description: str | None = None
) -> str:
	"""Service item that dues are invoiced with: not stocked, not bought, unit Nos."""
	if frappe.db.exists("Item", item_code):
		return item_code
	if not root_of("Item Group"):
		raise MissingMasterError(_("{0} has no root record yet").format(_("Item Group")))
	services = _("Services")
	item = frappe.get_doc(
		{
			"doctype": "Item",
			"item_code": item_code,
			"item_name": item_name,
			"description": description or item_name,
			"item_group": services if frappe.db.exists("Item Group", services) else root_of("Item Group"),
			"stock_uom": "Nos" if frappe.db.exists("UOM", "Nos") else _("Nos"),
			"is_stock_item": 0,
			"is_purchase_item": 0,
			"is_sales_item": 1,
			"include_item_in_manufacturing": 0,
		}
	)
	item.insert(ignore_permissions=True)
	return item.name


def ensure_event_item() -> str:
	"""Service item that fees of sessions and activities are invoiced with."""
	return ensure_item(EVENT_ITEM, EVENT_ITEM_NAME)


def ensure_account(
	company: str,
	account_name: str,
	*,
	parent: str,
	account_type: str | None = None,
	currency: str | None = None,
) -> str:
	"""Ledger account of a company below `parent`, in `currency` (default: the company's)."""
	currency = currency or frappe.get_cached_value("Company", company, "default_currency")
	found = frappe.db.get_value("Account", {"company": company, "account_name": account_name, "is_group": 0})
	if found:
		return found
	account = frappe.get_doc(
		{
			"doctype": "Account",
			"account_name": account_name,
			"parent_account": parent,
			"company": company,
			"account_type": account_type or "",
			"account_currency": currency,
			"is_group": 0,
		}
	)
	account.insert(ignore_permissions=True)
	return account.name


def _parent_of(account: str | None) -> str | None:
	return frappe.db.get_value("Account", account, "parent_account") if account else None


def _group(company: str, root_type: str, names: Iterable[str]) -> str:
	"""A group of that root type: by its usual name, else the first one below the root, else the root."""
	groups = frappe.get_all(
		"Account",
		filters={"company": company, "root_type": root_type, "is_group": 1},
		fields=["name", "account_name", "parent_account"],
		order_by="lft",
	)
	if not groups:
		raise MissingMasterError(_("{0} has no chart of accounts yet").format(company))
	by_name = {row.account_name: row.name for row in groups}
	for name in names:
		if name in by_name:
			return by_name[name]
	return next((row.name for row in groups if row.parent_account), groups[0].name)


def ensure_receivable_account(company: str, currency: str) -> str:
	"""Receivable account in `currency`: the company's default one where it fits, else one beside it.

	A member that is invoiced in another currency owes in that currency, so the account keeps it.
	"""
	default = frappe.get_cached_value("Company", company, "default_receivable_account")
	if default and frappe.get_cached_value("Account", default, "account_currency") == currency:
		return default
	if found := _first_account(company, "Receivable", currency):
		return found
	parent = _parent_of(default) or _group(company, "Asset", ["Accounts Receivable", "Current Assets"])
	return ensure_account(
		company, f"Debtors {currency}", parent=parent, account_type="Receivable", currency=currency
	)


def ensure_bank_account(company: str, currency: str) -> str:
	"""Ledger account of type Bank in `currency`, for payments that arrive in it."""
	if found := _first_account(company, "Bank", currency):
		return found
	default = frappe.get_cached_value("Company", company, "default_bank_account")
	parent = _parent_of(default) or _group(company, "Asset", ["Bank Accounts", "Current Assets"])
	return ensure_account(company, f"Bank {currency}", parent=parent, account_type="Bank", currency=currency)


def ensure_income_account(company: str, account_name: str = "Membership Dues") -> str:
	"""Income account of the dues, in the company's currency."""
	default = frappe.get_cached_value("Company", company, "default_income_account")
	parent = _parent_of(default) or _group(company, "Income", ["Direct Income", "Income"])
	return ensure_account(company, account_name, parent=parent, account_type="Income Account")


def ensure_deferred_account(company: str, account_name: str = "Deferred Membership Dues") -> str:
	"""Liability account that holds dues of months to come, in the company's currency."""
	parent = _group(company, "Liability", ["Current Liabilities"])
	return ensure_account(company, account_name, parent=parent)


def default_cost_center(company: str) -> str | None:
	"""Cost center that the company books on by default."""
	return frappe.get_cached_value("Company", company, "cost_center")


def regions() -> dict:
	"""The shipped regions: `{"tree": {region: {sub-region: None}}, "countries": {ISO code: region}}`."""
	from imta_crm.defaults import read

	return read("regions") or {}


def territory_of(country: str | None) -> str | None:
	"""Territory of a country (name of the Country record) by its ISO code; None where none is mapped."""
	if not country:
		return None
	code = (frappe.get_cached_value("Country", country, "code") or "").upper()
	mapping = {key.upper(): value for key, value in (regions().get("countries") or {}).items()}
	territory = mapping.get(code)
	return territory if territory and frappe.db.exists("Territory", territory) else None


def _first_account(company: str, account_type: str, currency: str) -> str | None:
	"""The oldest enabled ledger account of this type that is kept in `currency`."""
	found = frappe.get_all(
		"Account",
		filters={
			"company": company,
			"account_type": account_type,
			"account_currency": currency,
			"is_group": 0,
			"disabled": 0,
		},
		pluck="name",
		order_by="creation",
		limit=1,
	)
	return found[0] if found else None


def country_names() -> dict[str, str]:
	"""Country records by ISO code in capitals; read once in a request or job."""
	if not hasattr(frappe.local, "imta_country_names"):
		frappe.local.imta_country_names = {
			code.upper(): name
			for name, code in frappe.get_all("Country", fields=["name", "code"], as_list=True, limit=0)
			if code
		}
	return frappe.local.imta_country_names


def country_codes() -> dict[str, str]:
	"""ISO codes in capitals by Country record."""
	return {name: code for code, name in country_names().items()}


def country_code(country: str | None) -> str:
	"""ISO code of a Country record, "" for none."""
	return (frappe.get_cached_value("Country", country, "code") or "").upper() if country else ""


def holidays(holiday_list: str | None) -> frozenset[date]:
	"""The days of a Holiday List; none without a list."""
	if not holiday_list:
		return frozenset()
	return frozenset(
		getdate(day)
		for day in frappe.get_all("Holiday", {"parent": holiday_list}, pluck="holiday_date", limit=0)
	)
