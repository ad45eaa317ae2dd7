"""Brings the books into line with the bookings: invoices for fees, credit notes for what is not to be paid.

One invoice for each customer and event, with a row for each person. Who comes later is put on a new invoice that
replaces the first one as long as nothing was paid or credited on it, else on a supplementary one. Invoices are
never made within the transaction that changes a seat: a job makes them, customer by customer, each in one
transaction with its bookings locked. So two jobs at once, or one that is killed, change nothing in the outcome.
What fails is written on the bookings, stops nobody else, and is tried again every hour.

`fee_invoiced` of a booking is what the row of its `sales_invoice` stands for, in the currency of the fee. What
was credited is read from the credit notes, so one made by hand counts like our own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import frappe
from frappe import _
from frappe.utils import add_days, escape_html, fmt_money, formatdate, get_datetime, getdate, now

from imta_crm.erp import event_invoices, masters
from imta_crm.erp.customers import ensure_customer, ensure_guest_customer
from imta_crm.erp.event_invoices import FeeLine, FeeOrder
from imta_crm.erp.invoices import left_to_credit
from imta_crm.policy import fees as rules
from imta_crm.policy.money import exponent_of
from imta_crm.policy.seating import CANCELLED, LIVE
from imta_crm.seating import fees, kinds, record, windows
from imta_crm.seating.kinds import KINDS, Kind
from imta_crm.transactions import all_or_nothing, describe, keep_step, persistently

INVOICE = "Sales Invoice"
TRIGGERS = frozenset({"Treasurer", "Training Coordinator", "System Manager"})
#: So many customers are invoiced while the person waits; more are left to a job.
AT_ONCE = 10
#: Of Sales Invoice.imta_live_event_invoice.
KEY_LENGTH = 140
ZERO = Decimal(0)
ASKED_BY_DATABASE = (frappe.QueryDeadlockError, frappe.QueryTimeoutError, frappe.UniqueValidationError)


class WaitsForDraft(frappe.ValidationError):
	"""Somebody has a draft of the invoice in hand."""


@dataclass
class Done:
	"""What a look at the fees has brought. `problems` are (event, customer or person, what is wrong)."""

	invoices: list[str] = field(default_factory=list)
	credit_notes: list[str] = field(default_factory=list)
	problems: list[tuple[str, str, str]] = field(default_factory=list)

	def add(self, other: Done) -> None:
		self.invoices += other.invoices
		self.credit_notes += other.credit_notes
		self.problems += other.problems


@frappe.whitelist()
def preview(event_doctype: str, event: str) -> dict:
	"""What “Invoice Fees Now” would do, customer by customer. Treasurer and coordinator only; reads only.

	Credits are in the currency of their invoice, less what its earlier credit notes hold.
	"""
	kind = _check(event_doctype, event)
	rows = frappe.get_all(
		kind.booking,
		{kind.field: event, "fee_state": ("in", rules.PENDING)},
		[
			"name",
			"participant_name",
			"organisation",
			"member",
			"customer",
			"currency",
			"fee_due",
			"fee_invoiced",
			"fee_state",
			"fee_problem",
			"sales_invoice",
			"status",
		],
		order_by="name",
		limit=0,
	)
	names = _names_of(row.customer for row in rows)
	credits = _credits({row.name: row for row in rows})
	currencies = event_invoices.currencies_of(list(credits))
	amounts = {booking: amount for each in credits.values() for booking, amount in each.items()}
	groups: dict[str, dict] = {}
	for row in rows:
		who = names.get(row.customer) or row.organisation or row.participant_name
		group = groups.setdefault(row.customer or who, {"customer": row.customer, "name": who, "people": []})
		is_credit = bool(row.sales_invoice)
		group["people"].append(
			{
				"booking": row.name,
				"person": row.participant_name,
				"status": row.status,
				"is_credit": is_credit,
				"amount": -float(amounts.get(row.name, ZERO)) if is_credit else row.fee_due,
				"currency": currencies.get(row.sales_invoice) or row.currency,
				"problem": row.fee_problem,
			}
		)
	document = fees.event_of(kind, event)
	return {
		"booking_doctype": kind.booking,
		"is_due": is_due(document),
		"customers": sorted(groups.values(), key=lambda group: group["name"]),
	}


@frappe.whitelist(methods=["POST"])
def invoice_now(event_doctype: str, event: str) -> dict:
	"""Invoice and credit the fees of an event now, before its day, too. Treasurer and coordinator only.

	:return: `queued` where a job does it, else `invoices`, `credit_notes` and `problems`
	"""
	kind = _check(event_doctype, event)
	if fees.event_of(kind, event).status == windows.DRAFT:
		frappe.throw(_("{0} is a draft: nobody has a seat yet.").format(event))
	waiting = frappe.get_all(
		kind.booking,
		{kind.field: event, "fee_state": ("in", rules.PENDING)},
		pluck="customer",
		distinct=True,
		order_by=None,
	)
	if len(waiting) > AT_ONCE:
		enqueue(event_doctype, event, invoice=True)
		return {"queued": len(waiting)}
	done = settle_event(event_doctype, event, invoice=True)
	names = _names_of([customer for _event, customer, _problem in done.problems])
	problems = [(names.get(customer, customer), problem) for _event, customer, problem in done.problems]
	return {"invoices": done.invoices, "credit_notes": done.credit_notes, "problems": problems}


def _names_of(customers: Iterable[str | None]) -> dict[str, str]:
	"""{customer: its name for people}; what is no customer is left out."""
	names = sorted(set(filter(None, customers)))
	if not names:
		return {}
	return dict(
		frappe.get_all("Customer", {"name": ("in", names)}, ["name", "customer_name"], as_list=True, limit=0)
	)


def _check(event_doctype: str, event: str) -> Kind:
	if TRIGGERS.isdisjoint(frappe.get_roles()):
		frappe.throw(_("Only the treasurer and the coordinator may invoice fees."), frappe.PermissionError)
	if event_doctype not in {kind.event for kind in KINDS}:
		frappe.throw(_("{0} has no fees.").format(event_doctype))
	frappe.get_doc(event_doctype, event).check_permission("read")
	return kinds.of_event(event_doctype)


def is_due(event: Mapping[str, Any], at: datetime | None = None) -> bool:
	"""Whether the fees of an event are to be invoiced by now.

	From the day of “Invoice On” by the site's calendar; without one, when enrolment closes, by the clock or by the
	coordinator.
	"""
	if event["status"] not in (windows.OPEN, windows.CLOSED, windows.HELD):
		return False
	moment = windows.present(at)
	if event["invoice_on"]:
		return windows.on_site(moment).date() >= getdate(event["invoice_on"])
	return event["status"] != windows.OPEN or moment >= windows.closes_at(event)


def invoice_due(at: datetime | str | None = None) -> Done:
	"""Scheduled: bring the books into line with the bookings of all events. Safe at any time.

	`at` is the moment of the judgement, in the site's zone. Credits are made whatever the day; fees are invoiced
	from the event's day on, and those of people who come later at the next look.
	"""
	moment, done = get_datetime(at) if at else None, Done()
	for kind in KINDS:
		for name in _events_to_settle(kind):
			event = fees.event_of(kind, name)
			done.add(_settle(kind, event, invoice=is_due(event, moment)))
	return done


def settle_event(event_doctype: str, event: str, invoice: bool = False) -> Done:
	"""Bring the books into line with the bookings of one event; credits only unless `invoice`."""
	kind = kinds.of_event(event_doctype)
	return _settle(kind, fees.event_of(kind, event), invoice=invoice)


def enqueue(event_doctype: str, event: str, *, invoice: bool = False) -> None:
	"""`settle_event` in a job once the transaction is committed."""
	frappe.enqueue(
		"imta_crm.seating.billing.settle_event",
		queue="long" if invoice else "default",
		job_id=f"event-fees::{event}::{int(invoice)}",
		deduplicate=True,
		enqueue_after_commit=True,
		event_doctype=event_doctype,
		event=event,
		invoice=invoice,
	)


def _events_to_settle(kind: Kind) -> list[str]:
	pending = frappe.get_all(
		kind.booking,
		{"fee_state": ("in", rules.PENDING)},
		pluck=kind.field,
		distinct=True,
		order_by=None,
		limit=0,
	)
	booking, event = frappe.qb.DocType(kind.booking), frappe.qb.DocType(kind.event)
	called_off = (
		frappe.qb.from_(booking)
		.join(event)
		.on(event.name == booking[kind.field])
		.select(event.name)
		.distinct()
		.where(_is_kept(booking) & (event.status == windows.CANCELLED))
	).run(pluck=True)
	return sorted({*pending, *called_off})


def _is_kept(booking: Any) -> Any:
	"""Something is still asked for a seat that was given up, which nobody pays if the event is called off."""
	return (booking.status == CANCELLED) & ((booking.fee_due > 0) | (booking.is_free_seat == 1))


def _settle(kind: Kind, event: frappe._dict, *, invoice: bool) -> Done:
	done = Done()
	keep_step()  # a look at the books must not be older than the locks that it takes
	if event.status == windows.CANCELLED:
		_release_kept(kind, event)
	if invoice:
		done.add(_name_customers(kind, event))
	for customer in _customers(kind, event.name, invoice=invoice):
		done.add(_settle_customer(kind, event, customer, invoice=invoice))
		keep_step()
	if invoice and not event.fees_invoiced_at:
		if frappe.db.exists(kind.booking, {kind.field: event.name, "sales_invoice": ("is", "set")}):
			frappe.db.set_value(kind.event, event.name, "fees_invoiced_at", now(), update_modified=False)
			keep_step()
	return done


def _release_kept(kind: Kind, event: frappe._dict) -> None:
	booking = frappe.qb.DocType(kind.booking)
	names = (
		frappe.qb.from_(booking)
		.select(booking.name)
		.where(_is_kept(booking) & (booking[kind.field] == event.name))
		.orderby(booking.name)
	).run(pluck=True)
	for name in names:
		persistently(lambda name=name: fees.give_up(kind, name))
		keep_step()


def _name_customers(kind: Kind, event: frappe._dict) -> Done:
	"""Find or make who pays for each person whose fee is to be invoiced."""
	done = Done()
	rows = frappe.get_all(
		kind.booking,
		{
			kind.field: event.name,
			"fee_state": ("in", (rules.TO_INVOICE, rules.FAILED)),
			"customer": ("is", "not set"),
		},
		["name", "participant_name"],
		order_by="name",
		limit=0,
	)
	for row in rows:
		try:
			persistently(
				lambda name=row.name: _name_customer(kind, name),
				also=(frappe.UniqueValidationError, frappe.DuplicateEntryError),
			)
		except Exception as error:
			_note_problem(kind, [row.name], error)
			done.problems.append((event.name, row.participant_name, describe(error)))
			frappe.clear_messages()
		keep_step()
	return done


def _name_customer(kind: Kind, name: str) -> None:
	row = frappe.db.get_value(kind.booking, name, "*", as_dict=True)
	with all_or_nothing():
		if row.member:
			customer = ensure_customer(frappe.get_doc("IMTA Member", row.member))
		else:
			customer = ensure_guest_customer(
				organisation=row.organisation if row.participant_type == rules.GUEST else None,
				person=row.participant_name,
				email=row.email,
				country=row.country,
				currency=row.currency,
				language=row.preferred_language,
				contact=row.contact,
			)
		if not record.lock(kind.booking, name).customer:
			record.update(kind.booking, name, {"customer": customer})


def _customers(kind: Kind, event: str, *, invoice: bool) -> list[str]:
	states = rules.PENDING if invoice else (rules.TO_CREDIT, rules.FAILED)
	return frappe.get_all(
		kind.booking,
		{kind.field: event, "fee_state": ("in", states), "customer": ("is", "set")},
		pluck="customer",
		distinct=True,
		order_by="customer",
		limit=0,
	)


def _settle_customer(kind: Kind, event: frappe._dict, customer: str, *, invoice: bool) -> Done:
	"""`settle` again where the database asks for it; a failure that nobody foresaw stops nobody else."""
	try:
		# Somebody may invoice by hand at the same moment: the database says so, and a new look settles it.
		return persistently(
			lambda: settle(kind, event, customer, invoice=invoice), also=(frappe.UniqueValidationError,)
		)
	except Exception as error:
		frappe.db.rollback()
		frappe.log_error(
			_("Fees of {0}: {1}").format(event.name, customer),
			reference_doctype=kind.event,
			reference_name=event.name,
		)
		frappe.clear_messages()
		return Done(problems=[(event.name, customer, describe(error))])


def settle(kind: Kind, event: frappe._dict, customer: str, *, invoice: bool) -> Done:
	"""Credit what one customer need not pay for an event, then invoice what it owes. Locks its bookings.

	Repeating it changes nothing. What fails is undone and noted on the bookings that it is about.
	"""
	done = Done()
	bookings = _locked(kind, event.name, customer)
	credits = _credits(bookings)
	for name, amounts in credits.items():
		_attempt(
			kind,
			event,
			customer,
			list(amounts),
			done,
			lambda name=name, amounts=amounts: done.credit_notes.append(
				_credit(kind, event, name, amounts, bookings)
			),
		)
	_forget_settled(kind, bookings, {name for amounts in credits.values() for name in amounts})
	if not invoice:
		return done
	asked = [
		booking
		for booking in bookings.values()
		if not booking.sales_invoice
		and fees.amount_of(booking.fee_due) > 0
		and booking.fee_state in rules.PENDING
		and not fees.make_free(kind, booking.name)
	]
	if asked:
		_attempt(
			kind,
			event,
			customer,
			[booking.name for booking in asked],
			done,
			lambda: done.invoices.append(_invoice(kind, event, customer, asked, bookings)),
		)
	return done


def _locked(kind: Kind, event: str, customer: str) -> dict[str, frappe._dict]:
	"""The bookings as they are now, locked by primary key and in one order."""
	names = frappe.get_all(
		kind.booking, {kind.field: event, "customer": customer}, pluck="name", order_by="name", limit=0
	)
	if not names:
		return {}
	rows = frappe.db.sql(
		f"select * from `tab{kind.booking}` where name in %(names)s order by name for update",
		{"names": names},
		as_dict=True,
	)
	return {row.name: row for row in rows if row.customer == customer and row[kind.field] == event}


def _attempt(
	kind: Kind,
	event: frappe._dict,
	customer: str,
	names: Sequence[str],
	done: Done,
	step: Callable[[], object],
) -> None:
	"""Do a step of the books; undo it where it fails, and say so on the bookings that it is about."""
	said = len(frappe.local.message_log)
	try:
		with all_or_nothing():
			step()
	except ASKED_BY_DATABASE:
		raise  # for `persistently`
	except Exception as error:
		_note_problem(kind, names, error)
		done.problems.append((event.name, customer, describe(error)))
		if not isinstance(error, frappe.ValidationError):
			frappe.log_error(
				_("Fees of {0}: {1}").format(event.name, customer),
				reference_doctype=kind.event,
				reference_name=event.name,
			)
		del frappe.local.message_log[said:]


def _note_problem(kind: Kind, names: Iterable[str], error: Exception) -> None:
	problem = describe(error)
	for name in names:
		record.update(kind.booking, name, {"fee_state": rules.FAILED, "fee_problem": problem})


def _forget_settled(kind: Kind, bookings: Mapping[str, frappe._dict], in_hand: set[str]) -> None:
	"""What was to be credited and is no longer, because somebody did it by hand, waits for nothing."""
	for name, booking in bookings.items():
		if booking.sales_invoice and booking.fee_state in rules.PENDING and name not in in_hand:
			state = rules.state_of(
				fee_due=fees.amount_of(booking.fee_due),
				is_invoiced=True,
				is_live=booking.status in LIVE,
				to_credit=ZERO,
			)
			record.update(kind.booking, name, {"fee_state": state, "fee_problem": None})


def to_credit(bookings: Iterable[Mapping[str, Any]]) -> dict[str, Decimal]:
	"""{booking: what is still to be credited on its invoice, in the invoice's currency}, without zeros."""
	invoiced = [booking for booking in bookings if booking["sales_invoice"]]
	names = list({booking["sales_invoice"] for booking in invoiced})
	rows, credited = event_invoices.rows_of(names), event_invoices.credited_on(names)
	currencies = event_invoices.currencies_of(names)
	found = {}
	for booking in invoiced:
		where = (booking["sales_invoice"], booking["name"])
		if where not in rows:
			continue
		amount = rules.credit_of(
			rows[where].amount,
			fee_invoiced=fees.amount_of(booking["fee_invoiced"]),
			fee_due=fees.amount_of(booking["fee_due"]),
			credited=credited.get(where, ZERO),
			currency=currencies[where[0]],
		)
		if amount > 0:
			found[booking["name"]] = amount
	return found


def _credits(bookings: Mapping[str, frappe._dict]) -> dict[str, dict[str, Decimal]]:
	"""{invoice: {booking: credit}}; never more than is left of the invoice, where somebody credited by hand."""
	found: dict[str, dict[str, Decimal]] = defaultdict(dict)
	left: dict[str, Decimal] = {}
	for name, amount in to_credit(bookings.values()).items():
		invoice = bookings[name].sales_invoice
		if invoice not in left:
			left[invoice] = left_to_credit(invoice)
		amount = min(amount, left[invoice])
		if amount > 0:
			left[invoice] -= amount
			found[invoice][name] = amount
	return found


def _credit(
	kind: Kind,
	event: frappe._dict,
	invoice: str,
	amounts: Mapping[str, Decimal],
	bookings: Mapping[str, frappe._dict],
) -> str:
	note = event_invoices.credit(
		invoice,
		amounts,
		posting_date=getdate(),
		description={
			name: f"Credit / 贷项 · {_who_and_what(kind, event, bookings[name])}" for name in amounts
		},
	)
	for name in amounts:
		fees.write_state(kind, bookings[name], credit_note=note.name)
	return note.name


def _invoice(
	kind: Kind,
	event: frappe._dict,
	customer: str,
	asked: Sequence[frappe._dict],
	bookings: Mapping[str, frappe._dict],
) -> str:
	"""Make the customer's invoice for these bookings, together with those of an invoice that it replaces."""
	existing = event_invoices.live(event.name, customer)
	_check_drafts(existing, asked)
	books = event_invoices.books()
	replaced = next((each for each in reversed(existing) if _may_replace(each, bookings)), None)
	together = list(asked)
	if replaced and _cancel(replaced.name):
		together += [each for each in bookings.values() if each.sales_invoice == replaced.name]
		together = [each for each in together if fees.amount_of(each.fee_due) > 0]
		existing.remove(replaced)
	else:
		replaced = None
	today = getdate()
	currency = event_invoices.currency_for(customer, books.company, together[0].currency)
	company_currency = frappe.get_cached_value("Company", books.company, "default_currency")
	invoice = event_invoices.make(
		FeeOrder(
			event_doctype=kind.event,
			event=event.name,
			key=free_key(event.name, customer, {each.imta_live_event_invoice for each in existing}),
			member=next((each.member for each in together if each.member), None),
			customer=customer,
			company=books.company,
			currency=currency,
			conversion_rate=event_invoices.exchange_rate(currency, company_currency, today),
			receivable_account=masters.ensure_receivable_account(books.company, currency),
			posting_date=today,
			due_date=getdate(add_days(today, books.payment_days)),
			item=books.item,
			income_account=books.income_account,
			cost_center=books.cost_center,
			remarks=f"{_title(event)} · {event.name}",
			lines=tuple(
				_line(kind, event, each, currency, today)
				for each in sorted(together, key=lambda each: each.name)
			),
			amended_from=replaced.name if replaced else None,
		)
	)
	for booking in together:
		fees.write_state(
			kind,
			booking,
			sales_invoice=invoice.name,
			credit_note=None,
			fee_invoiced=fees.amount_of(booking.fee_due),
		)
	return invoice.name


def _check_drafts(existing: Iterable[frappe._dict], asked: Iterable[frappe._dict]) -> None:
	"""An invoice that was amended by hand goes first: its draft is somebody's to submit or to delete."""
	drafts = [each.name for each in existing if each.docstatus == 0]
	rows = event_invoices.rows_of(drafts)
	names = {booking.name for booking in asked}
	waiting = sorted({invoice for invoice, booking in rows if booking in names})
	if waiting:
		frappe.throw(
			_("The draft {0} is for these people: submit or delete it.").format(", ".join(waiting)),
			WaitsForDraft,
		)


def _may_replace(invoice: frappe._dict, bookings: Mapping[str, frappe._dict]) -> bool:
	"""Whether an invoice is as we made it and nothing was paid or credited on it.

	One that somebody has amended, to lower a price or to add something else, is left as it is.
	"""
	if not event_invoices.is_untouched(invoice):
		return False
	rows = event_invoices.rows_of([invoice.name])
	total = ZERO
	for (_invoice, name), row in rows.items():
		booking = bookings.get(name)
		if not booking or booking.sales_invoice != invoice.name:
			return False
		if booking.currency == invoice.currency and row.amount != fees.amount_of(booking.fee_invoiced):
			return False
		total += row.amount
	return total == fees.amount_of(invoice.grand_total)


def _cancel(invoice: str) -> bool:
	"""Cancel an invoice that is to be replaced; False where the books do not let it, as in a closed period."""
	said = len(frappe.local.message_log)
	try:
		with all_or_nothing():
			event_invoices.cancel(invoice)
	except ASKED_BY_DATABASE:
		raise
	except frappe.ValidationError:
		del frappe.local.message_log[said:]
		return False
	return True


def free_key(event: str, customer: str, taken: set[str | None]) -> str:
	"""The first key that no live invoice has: one for event and customer, then the supplementary ones."""
	number = 1
	while (key := key_of(event, customer, number)) in taken:
		number += 1
	return key


def key_of(event: str, customer: str, number: int = 1) -> str:
	"""What is unique among live fee invoices; from the second one on with its number."""
	key = f"{event}|{customer}"
	if len(key) > KEY_LENGTH - 5:
		key = f"{event}|{sha256(customer.encode()).hexdigest()}"
	return key if number == 1 else f"{key}|{number}"


def _line(kind: Kind, event: frappe._dict, booking: frappe._dict, currency: str, on: datetime) -> FeeLine:
	due = fees.amount_of(booking.fee_due)
	rate = event_invoices.exchange_rate(booking.currency, currency, on)
	text = _who_and_what(kind, event, booking)
	if booking.status == CANCELLED:
		text += " · cancelled late / 逾期取消"
	if booking.currency != currency:
		decimals = exponent_of(booking.currency)
		text += f" · {booking.currency} {fmt_money(due, precision=decimals)} × {rate.normalize():f}"
	return FeeLine(booking.name, text, rules.in_currency(due, rate, currency))


def _who_and_what(kind: Kind, event: frappe._dict, booking: frappe._dict) -> str:
	"""A row's text. Whoever pays reads either language, so it is in both."""
	day = formatdate(event.starts_at, "yyyy-MM-dd")
	return escape_html(f"{booking.participant_name} · {_title(event)} · {day}")


def _title(event: frappe._dict) -> str:
	return " / ".join(filter(None, (event.title, event.title_zh)))
