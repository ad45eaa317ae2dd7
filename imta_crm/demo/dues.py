"""The dues year of the demo: one run, then the payments of a year as treasurers know it."""

from __future__ import annotations

import frappe
from frappe.utils import add_days, flt, getdate, now_datetime, nowdate

from imta_crm.demo import alliance
from imta_crm.demo.common import loaded_on
from imta_crm.dues import runner, standing
from imta_crm.erp import masters, payments

# Patience of the demo's Council, so that some are in arrears and not all of them suspended.
SUSPEND_AFTER_DAYS = 300


def charge_year() -> None:
	"""Open the dues year and run it: one charge and one invoice for each member that owes dues."""
	year = make_year()
	name = frappe.db.get_value("Dues Run", {"dues_year": year}, order_by="creation asc")
	if not name:
		notice = getdate(frappe.db.get_value("Dues Year", year, "notice_date"))
		run = frappe.get_doc(
			{
				"doctype": "Dues Run",
				"dues_year": year,
				"as_of": max(getdate(nowdate()), notice),
				"workers": 1,
				"chunk_size": 25,
			}
		).insert()
		name = run.name
	if frappe.db.get_value("Dues Run", name, "status") != runner.COMPLETED:
		# In this process, so that the demo needs no worker.
		frappe.db.set_value(
			"Dues Run",
			name,
			{"status": runner.QUEUED, "started_at": now_datetime(), "heartbeat": now_datetime()},
		)
		frappe.db.commit()  # the run works in transactions of its own
		runner.work(name)


def make_year() -> str:
	"""The Dues Year from the shipped defaults, open."""
	values = alliance.dues_year()
	if name := frappe.db.exists("Dues Year", {"title": values["title"]}):
		return name
	company = masters.default_company()
	year = frappe.new_doc("Dues Year")
	year.update({field: value for field, value in values.items() if year.meta.has_field(field)})
	year.update(
		{
			"company": company,
			"status": "Open",
			"posting_date_rule": "Notice Date",
			"item": masters.ensure_item(),
			"income_account": masters.ensure_income_account(company),
			"cost_center": masters.default_cost_center(company),
			"suspend_after_days": SUSPEND_AFTER_DAYS,
		}
	)
	latest = max((rule.days for rule in year.reminders), default=0)
	for rule in year.reminders:
		rule.enabled = 1
		kind = "Final Reminder" if rule.days == latest else "Dues Reminder"
		for language in ("EN", "ZH"):
			if frappe.db.exists("Email Template", f"{kind} {language}"):
				rule.set(f"email_template_{language.lower()}", f"{kind} {language}")
	year.insert()
	return year.name


def receive_payments() -> None:
	"""Payments, part payments, an overpayment and a credit note, by the place of a member in the list."""
	if frappe.db.exists("Payment Entry", {"reference_no": ("like", "DEMO-%"), "docstatus": 1}):
		done = set(
			frappe.get_all(
				"Payment Entry",
				filters={"reference_no": ("like", "DEMO-%"), "docstatus": 1},
				pluck="reference_no",
			)
		)
	else:
		done = set()
	invoices = frappe.get_all(
		"Sales Invoice",
		filters={"imta_dues_charge": ("is", "set"), "docstatus": 1, "is_return": 0},
		fields=["name", "currency", "company", "grand_total", "posting_date", "imta_member"],
		order_by="imta_member",
	)
	for place, invoice in enumerate(invoices):
		for number, (share, days) in enumerate(plan_of(place)):
			reference = f"DEMO-{invoice.name}-{number + 1}"
			if reference in done:
				continue
			on = add_days(invoice.posting_date, days)
			if getdate(on) > loaded_on():
				continue
			payments.receive(
				invoice.name,
				amount=flt(invoice.grand_total * share, 2),
				on=getdate(on),
				account=masters.ensure_bank_account(invoice.company, invoice.currency),
				reference_no=reference,
			)
		if place % 10 == 9:
			frappe.db.commit()  # in chunks, so that a stop loses little
	credit_one(invoices)


def plan_of(place: int) -> list[tuple[float, int]]:
	"""(share of the invoice, days after it) of the payments of the member at this place of the list."""
	kind = place % 10
	if kind <= 5:
		return [(1.0, 12 + (place * 17) % 85)]
	if kind == 6:
		return [(0.5, 60 + place % 30), (0.5, 190 + place)]
	if kind == 7:
		return [(1.0, 150 + (place * 3) % 165)]
	if kind == 8:
		# Every second one pays a part; one pays too much.
		if place == 8:
			return [(1.25, 55)]
		return [(0.4, 100 + place)] if place % 20 == 18 else []
	return [(1.0, 100 + (place * 7) % 90)] if place % 20 == 9 else []


def credit_one(invoices: list[frappe._dict]) -> None:
	"""A goodwill credit note on one unpaid invoice, as the treasurer makes it in ERPNext."""
	from erpnext.accounts.doctype.sales_invoice.sales_invoice import make_sales_return

	place = 28
	if len(invoices) <= place or frappe.db.exists(
		"Sales Invoice", {"return_against": invoices[place].name, "docstatus": 1}
	):
		return
	note = make_sales_return(invoices[place].name)
	row = note.items[0]
	row.rate = row.price_list_rate = flt(row.rate * 0.25, 2)
	row.description = "Goodwill after the earthquake: a quarter of the dues. 震后优惠：减免四分之一会费。"
	note.set_posting_time = 1
	note.posting_date = note.due_date = min(loaded_on(), getdate(add_days(invoices[place].posting_date, 18)))
	note.payment_schedule = []
	note.insert()
	note.submit()


def update_standing() -> None:
	"""What the nightly job does, for today."""
	standing.update_statuses()
