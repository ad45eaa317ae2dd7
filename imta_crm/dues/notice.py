"""What the dues notice says: the facts of one dues invoice as texts, in English and in Chinese.

Read by the print format "Dues Notice" and by the e-mails. Amounts are in the invoice's currency and written
with the currency's own decimals; dates are dates of the site's time zone.
"""

from datetime import date
from decimal import Decimal

import frappe
from frappe.model.document import Document
from frappe.query_builder import Order
from frappe.utils import cint, cstr, flt, getdate

from imta_crm.erp import ledger
from imta_crm.policy.money import exponent_of, round_money

PRINT_FORMAT = "Dues Notice"
MONTHS = ("January February March April May June July August September October November December").split()
# What the line of the notice says, by kind of charge; {0} is the dues year.
SUBJECTS = {
	"Annual": ("Membership dues {0}", "{0} 年度会费"),
	"Upgrade Difference": ("Membership dues {0}, difference on upgrade", "{0} 年度会费升级差额"),
	"Downgrade Credit": ("Membership dues {0}, credit on downgrade", "{0} 年度会费降级减免"),
}
CHARGE_FIELDS = (
	"name member member_name dues_year charge_type tier covered_from covered_to reference_amount"
	" reference_currency rate amount currency company"
).split()
MEMBER_FIELDS = "name member_name member_name_local member_type country tier email preferred_language".split()


def dues_notice(doc: Document) -> frappe._dict:
	"""Everything that is printed about a dues invoice or its credit note. For the print format.

	Works for an invoice without a charge, too: what only dues have is then empty.
	"""
	charge = _row("Dues Charge", doc.get("imta_dues_charge"), CHARGE_FIELDS)
	member = _row("IMTA Member", doc.get("imta_member"), MEMBER_FIELDS)
	facts = frappe._dict(alliance(doc.company))
	subject_en, subject_zh = SUBJECTS.get(charge.charge_type, SUBJECTS["Annual"])
	facts.update(
		charge=charge.name,
		is_credit=bool(doc.get("is_return")),
		invoice=doc.name,
		posting_date_en=date_en(doc.posting_date),
		posting_date_zh=date_zh(doc.posting_date),
		due_date_en=date_en(doc.due_date),
		due_date_zh=date_zh(doc.due_date),
		currency=doc.currency,
		amount=money(doc.grand_total, doc.currency),
		lines=[
			frappe._dict(description=row.description or row.item_name, amount=money(row.amount, doc.currency))
			for row in doc.get("items")
		],
		taxes=[
			frappe._dict(description=row.description, amount=money(row.tax_amount, doc.currency))
			for row in doc.get("taxes")
			if row.tax_amount
		],
		received=None,
		outstanding=None,
		is_settled=False,
		member=member.name or "",
		names=names_of(member) or [cstr(doc.customer_name)],
		country=member.country or "",
		tier=charge.tier or member.tier or "",
		tier_zh=frappe.get_cached_value("Member Tier", charge.tier, "tier_name_zh") if charge.tier else "",
		dues_year=charge.dues_year or "",
		subject_en=subject_en.format(charge.dues_year or ""),
		subject_zh=subject_zh.format(charge.dues_year or ""),
		period_en=f"{date_en(charge.covered_from)} to {date_en(charge.covered_to)}" if charge else "",
		period_zh=f"{date_zh(charge.covered_from)}至{date_zh(charge.covered_to)}" if charge else "",
		rate_en=rate_statement(charge, "en"),
		rate_zh=rate_statement(charge, "zh"),
		banks=bank_accounts(doc.company, doc.currency),
		payment_reference=" / ".join(filter(None, (doc.name, member.name))),
	)
	if charge and not doc.get("is_return") and cint(doc.docstatus) == 1:
		standing = ledger.charge_standings([charge.name]).get(charge.name)
		# A receivable account kept in another currency than the invoice says nothing in the invoice's.
		if standing and standing.sales_invoice == doc.name and standing.currency == doc.currency:
			settled = standing.charged - standing.outstanding
			facts.received = money(settled, doc.currency) if settled else None
			facts.outstanding = money(max(standing.outstanding, ledger.ZERO), doc.currency)
			facts.is_settled = standing.outstanding <= 0
	return facts


def alliance(company: str | None = None) -> dict[str, str]:
	"""Name, address for questions, logo and how to pay, from the Alliance Settings."""
	settings = frappe.get_cached_doc("Alliance Settings")
	return {
		"alliance_name": settings.alliance_name or company or "",
		"alliance_name_zh": settings.alliance_name_zh or "",
		"secretariat_email": settings.secretariat_email or "",
		"logo": settings.logo or "",
		"payment_instructions": settings.payment_instructions or "",
		"payment_instructions_zh": settings.payment_instructions_zh or "",
	}


def names_of(member: frappe._dict) -> list[str]:
	"""The member's name in every script on record, the English one first, none twice."""
	if not member:
		return []
	others = frappe.get_all(
		"Member Name",
		{"parent": member.name, "parenttype": "IMTA Member"},
		pluck="full_name",
		order_by="idx",
	)
	return list(dict.fromkeys(filter(None, (member.member_name, member.member_name_local, *others))))


def rate_statement(charge: frappe._dict, lang: str) -> str:
	"""How the amount follows from the dues in the reference currency; empty where they are the same.

	The rules of 2022 ask for it: members in China may pay in CNY at the bank's spot selling rate of 1 January,
	stated in the notice. Rate, day and source are those of the Dues Year.
	"""
	if not charge or not charge.reference_currency or charge.currency == charge.reference_currency:
		return ""
	row = (
		frappe.db.get_value(
			"Dues Rate",
			{"parent": charge.dues_year, "parenttype": "Dues Year", "currency": charge.currency},
			["rate_date", "source"],
			as_dict=True,
		)
		or frappe._dict()
	)
	rate = f"{flt(charge.rate, 9):f}".rstrip("0").rstrip(".")
	reference = money(abs(charge.reference_amount or 0), charge.reference_currency)
	amount = money(abs(charge.amount or 0), charge.currency)
	if lang == "zh":
		day = f"{date_zh(row.rate_date)}" if row.rate_date else ""
		return (
			f"会费标准为 {reference}，按银行{day}现汇卖出价"
			f"（1 {charge.reference_currency} = {rate} {charge.currency}）折算为 {amount}。"
		)
	day = f" of {date_en(row.rate_date)}" if row.rate_date else ""
	return (
		f"Dues of {reference}, converted at the bank's spot selling rate{day}"
		f" (1 {charge.reference_currency} = {rate} {charge.currency}): {amount}."
	)


def bank_accounts(company: str, currency: str) -> list[frappe._dict]:
	"""The company's bank accounts kept in the invoice's currency; all of them where none is."""
	account = frappe.qb.DocType("Bank Account")
	ledger_account = frappe.qb.DocType("Account")
	bank = frappe.qb.DocType("Bank")
	rows = (
		frappe.qb.from_(account)
		.left_join(ledger_account)
		.on(ledger_account.name == account.account)
		.left_join(bank)
		.on(bank.name == account.bank)
		.select(
			account.account_name,
			account.bank,
			account.bank_account_no,
			account.iban,
			account.branch_code,
			bank.swift_number,
			ledger_account.account_currency.as_("currency"),
		)
		.where((account.is_company_account == 1) & (account.company == company) & (account.disabled == 0))
		.orderby(account.is_default, order=Order.desc)
		.orderby(account.account_name)
	).run(as_dict=True)
	return [row for row in rows if row.currency == currency] or rows


def money(amount: Decimal | float | None, currency: str) -> str:
	"""`USD 1,000.00`: the code, not a sign that several currencies share."""
	exponent = exponent_of(currency or "")
	number = round_money(Decimal(str(flt(amount, 9))), exponent)
	return f"{currency} {number:,.{exponent}f}"


def date_en(day: date | str | None) -> str:
	"""`31 March 2026`: no order of figures to be mistaken."""
	if not day:
		return ""
	day = getdate(day)
	return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def date_zh(day: date | str | None) -> str:
	if not day:
		return ""
	day = getdate(day)
	return f"{day.year}年{day.month}月{day.day}日"


def _row(doctype: str, name: str | None, fields: list[str]) -> frappe._dict:
	row = frappe.db.get_value(doctype, name, fields, as_dict=True) if name else None
	return row or frappe._dict()
