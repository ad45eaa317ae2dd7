"""The notice as members get it: both languages, every script, the rate, what is still to pay."""

import io

import frappe
import pytest
from pypdf import PdfReader

from imta_crm.dues import notice
from tests.site.dues_books import billed, credit, past_year, pay

NAMES = {
	"dz": "འབྲུག་གི་བལྟ་བཤལ་ཚོགས་པ",
	"ne": "नेपाल पर्वतारोहण संघ",
	"ka": "საქართველოს ალპინიზმის ფედერაცია",
	"am": "የኢትዮጵያ ቱሪዝም ድርጅት",
	"th": "การท่องเที่ยวแห่งประเทศไทย",
	"ar": "هيئة السياحة",
}


@pytest.fixture
def year(site):
	settings = frappe.get_doc("Alliance Settings")
	settings.update(
		{
			"alliance_name": "International Mountain Tourism Alliance",
			"alliance_name_zh": "国际山地旅游联盟",
			"payment_instructions": "All fees (OUR) & charges\nare yours",
			"payment_instructions_zh": "费用由汇款人承担",
		}
	)
	settings.save()
	return past_year()


def html_of(invoice) -> str:
	return frappe.get_print("Sales Invoice", invoice.name, notice.PRINT_FORMAT)


def test_notice_says_it_in_both_languages(year):
	member, invoice = billed(year)
	html = html_of(invoice)
	for text in (
		"会费通知",
		"Dues notice",
		"国际山地旅游联盟",
		"International Mountain Tourism Alliance",
		invoice.name,
		member.name,
		"USD 1,000.00",
		"31 March 2023",
		"2023年3月31日",
		"2023年1月1日至2023年12月31日",
		"1 January 2023 to 31 December 2023",
		"Membership dues 2023",
		f"{invoice.name} / {member.name}",
		"All fees (OUR) &amp; charges<br>are yours",
		"费用由汇款人承担",
	):
		assert text in html, text
	assert "spot selling rate" not in html


def test_rate_is_stated_for_cny(year):
	_member, invoice = billed(year, "CNY")
	html = html_of(invoice)
	assert "CNY 7,028.80" in html
	assert (
		"Dues of USD 1,000.00, converted at the bank's spot selling rate of 1 January 2023"
		in html.replace("&#39;", "'")
	)
	assert "按银行2023年1月1日现汇卖出价（1 USD = 7.0288 CNY）折算为 CNY 7,028.80" in html


def test_every_script_and_no_markup_from_names(year):
	member, invoice = billed(year, member_name_local="<b>Alpenverein</b> & Söhne")
	doc = frappe.get_doc("IMTA Member", member.name)
	for name in NAMES.values():
		doc.append("other_names", {"full_name": name})
	doc.save()
	html = html_of(invoice)
	assert all(name in html for name in NAMES.values())
	assert "<b>Alpenverein</b>" not in html


def test_what_was_paid_is_taken_off(year):
	_member, invoice = billed(year)
	pay(invoice, 400)
	html = html_of(invoice)
	assert "USD 400.00" in html and "USD 600.00" in html and "Still to pay" in html
	pay(invoice)
	html = html_of(invoice)
	assert "Paid in full" in html and "How to pay" not in html


def test_a_credit_note_says_so(year):
	_member, invoice = billed(year)
	html = html_of(credit(invoice))
	assert "Credit note" in html and "会费减免单" in html and "How to pay" not in html


def test_the_bank_account_of_the_currency_is_printed(year):
	_member, invoice = billed(year)
	frappe.get_doc({"doctype": "Bank", "bank_name": "Test Bank", "swift_number": "TESTCNBG"}).insert()
	account = frappe.new_doc("Bank Account")
	account.update(
		{
			"account_name": "Alliance Test Account",
			"bank": "Test Bank",
			"is_company_account": 1,
			"company": invoice.company,
			"bank_account_no": "0000 1111",
		}
	)
	account.flags.ignore_mandatory = True
	account.insert()
	html = html_of(invoice)
	assert "Alliance Test Account" in html and "TESTCNBG" in html and "0000 1111" in html


def test_other_invoices_print_without_a_charge(year):
	_member, invoice = billed(year)
	other = frappe.copy_doc(invoice)
	other.update({"docstatus": 0, "set_posting_time": 1, "imta_dues_charge": None, "imta_member": None})
	other.insert()
	other.submit()
	assert other.name in html_of(other)


def test_it_is_a_pdf_of_one_page(year, served):
	_member, invoice = billed(year, "CNY")
	pdf = frappe.get_print("Sales Invoice", invoice.name, notice.PRINT_FORMAT, as_pdf=True)
	reader = PdfReader(io.BytesIO(pdf))
	assert len(reader.pages) == 1
	width, height = (float(side) for side in reader.pages[0].mediabox[2:])
	assert (round(width), round(height)) == (595, 842)


@pytest.mark.parametrize(
	("amount", "currency", "text"),
	[
		(1000, "USD", "USD 1,000.00"),
		(1234.5, "JPY", "JPY 1,235"),
		(0.125, "KWD", "KWD 0.125"),
		(None, "CNY", "CNY 0.00"),
	],
)
def test_money_is_written_with_the_currencys_own_decimals(amount, currency, text):
	assert notice.money(amount, currency) == text
