"""Who is charged what: from the rules' decisions to Dues Charges and their invoices.

A charge's name is its identity (`charge_name`), so the database keeps it unique; whether one is there is
never decided by a look-up. A charge and its invoice are written in one transaction. Amounts are in the
member's currency, credits negative. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import frappe
from frappe import _
from frappe.utils import formatdate, getdate, now

from imta_crm.dues import years
from imta_crm.dues.doctype.dues_year.dues_year import DuesYear
from imta_crm.erp import invoices
from imta_crm.erp.customers import ensure_customer
from imta_crm.membership import members
from imta_crm.policy.dues import CREDIT, Decision, MemberFacts, decide, difference, reason_text
from imta_crm.policy.money import exponent_of, round_money
from imta_crm.transactions import describe

CHARGE = "Dues Charge"
PENDING, INVOICED, FAILED, WAIVED, VOID = "Pending", "Invoiced", "Failed", "Waived", "Void"
# Not invoiced yet: figures may still follow the rules.
UNBILLED = (PENDING, FAILED)
ANNUAL, UPGRADE, DOWNGRADE = "Annual", "Upgrade Difference", "Downgrade Credit"
TREASURERS = frozenset({"Treasurer", "System Manager"})


class ChargeStateError(frappe.ValidationError):
	"""The charge is not in a state that allows this."""


class CreditNotGranted(frappe.ValidationError):
	"""There is nothing that a credit note could be granted for."""


def charge_name(dues_year: str, member: str, membership_change: str | None = None) -> str:
	"""Name of the one charge of a member for a dues year, or for one membership change within it."""
	return "-".join(filter(None, ("DC", dues_year, member, membership_change)))


@dataclass(frozen=True)
class Line:
	"""One member's entry in a preview, or one of its changes of tier.

	`state` is due (will be charged), charged, closed (waived or void) or skipped.
	"""

	name: str
	charge_type: str
	facts: MemberFacts
	decision: Decision
	state: str
	status: str | None = None
	sales_invoice: str | None = None
	membership_change: str | None = None

	@property
	def is_due(self) -> bool:
		return self.state == "due"

	def reason(self, lang: str | None = None) -> str:
		"""Why, in the user's language."""
		lang = lang or frappe.local.lang or "en"
		detail = dict(self.decision.detail)
		if detail.get("tier") and lang.startswith("zh"):
			detail["tier"] = (
				frappe.get_cached_value("Member Tier", detail["tier"], "tier_name_zh") or detail["tier"]
			)
		if status := detail.get("status"):
			detail["status"] = _(status, lang, context="IMTA Member")
		return reason_text(self.decision.reason, detail, lang)


def assess(year: DuesYear, as_of: date, only: Iterable[str] | None = None) -> list[Line]:
	"""What a run as of that day would do for every member (or these), in a handful of queries. Reads only."""
	rules = years.rules_of(year)
	only = None if only is None else list(only)
	existing = existing_charges(year.name, only)
	changes = tier_changes_of(year, only)
	lines = []
	for facts in members.facts_for_dues(members=only):
		decision = decide(facts, rules, as_of=as_of)
		annual = line_of(year, ANNUAL, facts, decision, existing)
		lines.append(annual)
		if not owes_upgrades(annual):
			continue
		billed_tier = tier_billed(annual, existing)
		for change in changes.get(facts.name, ()):
			effective = getdate(change.effective_date)
			if effective > as_of:
				continue
			if change.change_type == "Downgrade":
				billed_tier = change.new_tier if change.grant_credit_note else billed_tier
				continue
			decision = difference(
				facts, rules, change.previous_tier, change.new_tier, effective, billed_tier=billed_tier
			)
			line = line_of(year, UPGRADE, facts, decision, existing, change.name)
			if decision.is_charge or decision.is_problem or line.status:
				lines.append(line)
			if line.state in ("due", "charged", "closed"):
				billed_tier = change.new_tier
	return lines


def tier_billed(annual: Line, existing: dict[str, frappe._dict]) -> str | None:
	"""The tier of the year's charge: as it was invoiced, else as the rules see it now."""
	if annual.state == "charged":
		return existing[annual.name].tier
	# An exemption names the tier that exempts; the decision's own is the tier of today.
	return annual.decision.tier if annual.decision.is_charge else annual.decision.detail.get("tier")


def owes_upgrades(annual: Line) -> bool:
	"""Whether a change of tier is billed beside this charge of the year, or beside its exemption."""
	return annual.state in ("due", "charged") or annual.decision.reason == "exempt_tier"


def line_of(
	year: DuesYear,
	charge_type: str,
	facts: MemberFacts,
	decision: Decision,
	existing: dict[str, frappe._dict],
	change: str | None = None,
) -> Line:
	name = charge_name(year.name, facts.name, change)
	found = existing.get(name)
	if found and found.status == INVOICED:
		state = "charged"
	elif found and found.status in (WAIVED, VOID):
		state = "closed"
	else:
		state = "due" if decision.is_charge else "skipped"
	return Line(
		name,
		charge_type,
		facts,
		decision,
		state,
		status=found.status if found else None,
		sales_invoice=found.sales_invoice if found else None,
		membership_change=change,
	)


def existing_charges(year: str, only: Sequence[str] | None = None) -> dict[str, frappe._dict]:
	filters = {"dues_year": year}
	if only is not None:
		filters["member"] = ("in", only)
	rows = frappe.get_all(CHARGE, filters=filters, fields=["name", "status", *COMPARED], order_by=None)
	return {row.name: row for row in rows}


def tier_changes_of(year: DuesYear, only: Sequence[str] | None = None) -> dict[str, list[frappe._dict]]:
	"""Applied upgrades and downgrades that can count in the year's period, by member, oldest first.

	Those too that took effect earlier but were entered when charges could have been made already.
	"""
	filters = {
		"docstatus": 1,
		"state": "Applied",
		"change_type": ("in", ("Upgrade", "Downgrade")),
		"effective_date": ("<=", year.to_date),
	}
	if only is not None:
		filters["member"] = ("in", only)
	found: dict[str, list[frappe._dict]] = {}
	for row in frappe.get_all(
		"Membership Change",
		filters=filters,
		or_filters={"effective_date": (">=", year.from_date), "applied_on": (">=", year.notice_date)},
		fields=[
			"name",
			"member",
			"change_type",
			"previous_tier",
			"new_tier",
			"effective_date",
			"grant_credit_note",
		],
		order_by="effective_date, name",
	):
		if row.previous_tier and row.new_tier:
			found.setdefault(row.member, []).append(row)
	return found


def plan(
	year: DuesYear, as_of: date, *, run: str | None = None, only: Iterable[str] | None = None
) -> list[Line]:
	"""Write a pending charge for everybody who is due, and bring those not invoiced yet up to date.

	Repeating it changes nothing. A pending charge that the rules no longer ask for goes; one that had an
	invoice before becomes void, since the cancelled invoice names it.
	"""
	lines = assess(year, as_of, only)
	existing = existing_charges(year.name, None if only is None else list(only))
	new = []
	for line in lines:
		found = existing.get(line.name)
		if line.is_due:
			values = charge_values(year, line, as_of)
			if found is None:
				new.append(values | {"dues_run": run})
			elif found.status == FAILED or differs(found, values):
				refresh(line.name, values)
		elif found and found.status in UNBILLED:
			drop(line)
	insert_missing(new)
	return lines


COMPARED = (
	"tier",
	"customer",
	"amount",
	"currency",
	"rate",
	"covered_from",
	"covered_to",
	"posting_date",
	"due_date",
	"sales_invoice",
)


def differs(found: frappe._dict, values: dict) -> bool:
	for field in COMPARED:
		if field == "sales_invoice":
			continue
		was, is_ = found.get(field), values.get(field)
		if isinstance(is_, Decimal):
			if Decimal(str(was or 0)) != is_:
				return True
		elif str(was or "") != str(is_ or ""):
			return True
	return False


def charge_values(year: DuesYear, line: Line, as_of: date) -> dict:
	"""The fields of a pending charge."""
	decision, facts = line.decision, line.facts
	rules = years.rules_of(year)
	posting_date = years.posting_date_of(year, as_of, decision.covered.start)
	sign = -1 if decision.kind == CREDIT else 1
	return {
		"name": line.name,
		"member": facts.name,
		"member_name": facts.member_name,
		"dues_year": year.name,
		"charge_type": line.charge_type,
		"membership_change": line.membership_change,
		"status": PENDING,
		"tier": decision.tier,
		"customer": facts.customer,
		"company": year.company,
		"reference_amount": sign * decision.reference_amount,
		"reference_currency": year.reference_currency,
		"rate": decision.rate,
		"amount": sign * decision.amount,
		"currency": decision.currency,
		"period_start": rules.period.start,
		"period_end": rules.period.end,
		"covered_from": decision.covered.start,
		"covered_to": decision.covered.end,
		"posting_date": posting_date,
		"due_date": rules.due_date_for(posting_date) if sign > 0 else posting_date,
		"explanation": line.reason(),
		"error": None,
	}


def insert_missing(rows: list[dict]) -> None:
	"""Insert charges in one statement; what another run has inserted meanwhile stays as it is."""
	if not rows:
		return
	stamp, user = now(), frappe.session.user
	fields = list(rows[0])
	table = frappe.qb.DocType(CHARGE)
	query = (
		frappe.qb.into(table)
		.ignore()
		.columns(*fields, "owner", "modified_by", "creation", "modified", "docstatus", "idx", "attempts")
	)
	for row in rows:
		query = query.insert(*(row[field] for field in fields), user, user, stamp, stamp, 0, 0, 0)
	query.run()


def refresh(name: str, values: dict) -> None:
	"""Bring a charge up to date that is still not invoiced at the moment of writing."""
	table = frappe.qb.DocType(CHARGE)
	query = frappe.qb.update(table).where((table.name == name) & table.status.isin(UNBILLED))
	for field, value in values.items():
		if field not in ("name", "dues_year", "member"):
			query = query.set(table[field], value)
	query.set(table.modified, now()).set(table.modified_by, frappe.session.user).run()
	frappe.clear_document_cache(CHARGE, name)


def drop(line: Line) -> None:
	"""Take back a charge that the rules no longer ask for and that was never invoiced, or make it void."""
	table = frappe.qb.DocType(CHARGE)
	unbilled = (table.name == line.name) & table.status.isin(UNBILLED)
	if frappe.db.exists("Sales Invoice", {"imta_dues_charge": line.name}):
		(
			frappe.qb.update(table)
			.set(table.status, VOID)
			.set(table.explanation, line.reason())
			.set(table.modified, now())
			.where(unbilled)
		).run()
	else:
		frappe.qb.from_(table).delete().where(unbilled).run()
	frappe.clear_document_cache(CHARGE, line.name)


def order_of(year: DuesYear, charge: frappe._dict) -> invoices.InvoiceOrder:
	"""The invoice that a charge asks for."""
	return invoices.InvoiceOrder(
		charge=charge.name,
		member=charge.member,
		customer=charge.customer,
		company=year.company,
		currency=charge.currency,
		amount=round_money(years.exact(charge.amount), exponent_of(charge.currency)),
		conversion_rate=years.conversion_rate(year, charge.currency),
		receivable_account=years.receivable_account(year, charge.currency),
		posting_date=charge.posting_date,
		due_date=charge.due_date,
		service_start=charge.covered_from,
		service_end=charge.covered_to,
		item=year.item,
		description=description_of(year, charge),
		income_account=year.income_account,
		cost_center=year.cost_center,
		deferred_account=year.deferred_account if year.deferred_revenue else None,
		naming_series=year.invoice_naming_series,
		letter_head=year.letter_head,
	)


def description_of(year: DuesYear, charge: frappe._dict) -> str:
	"""The invoice's line. Members read it in either language, so it is in both."""
	what = {
		ANNUAL: "Membership dues {0} / {0}年度会费",
		UPGRADE: "Membership dues {0}, difference on upgrade / {0}年度会费升级差额",
		DOWNGRADE: "Membership dues {0}, credit on downgrade / {0}年度会费降级减免",
	}[charge.charge_type]
	return f"{what.format(year.title)} · {charge.tier} · {charge.covered_from} – {charge.covered_to}"


def invoice(year: DuesYear, charge: frappe._dict, numbers: invoices.InvoiceNumbers | None = None) -> str:
	"""Make the invoice of a charge that the caller has locked; returns the invoice's name.

	`numbers` holds invoice numbers reserved before; without it ERPNext numbers the invoice. Where the charge
	has a live submitted invoice already, that one is returned. Raises what ERPNext raises.
	"""
	if not charge.customer:
		charge.customer = ensure_customer(frappe.get_doc("IMTA Member", charge.member))
	order = order_of(year, charge)
	try:
		return invoices.make_invoice(order, name=numbers.take(order) if numbers else None).name
	except frappe.UniqueValidationError:
		live = frappe.db.get_value(
			"Sales Invoice", {"imta_live_charge": charge.name, "docstatus": 1}, "name", for_update=True
		)
		if not live:
			raise
		return live


def record_invoice(charge: frappe._dict, sales_invoice: str, run: str | None = None) -> None:
	"""Write that the charge is invoiced, in the transaction of the invoice."""
	write(
		charge.name,
		status=INVOICED,
		sales_invoice=sales_invoice,
		customer=charge.customer,
		dues_run=run or charge.dues_run,
		error=None,
		attempts=(charge.attempts or 0) + 1,
	)


def record_failure(charge: frappe._dict, error: Exception, run: str | None = None) -> None:
	"""Write why it could not be invoiced. The next run tries again."""
	write(
		charge.name,
		status=FAILED,
		dues_run=run or charge.dues_run,
		error=describe(error),
		attempts=(charge.attempts or 0) + 1,
	)


def write(name: str, **values) -> None:
	table = frappe.qb.DocType(CHARGE)
	query = frappe.qb.update(table).where(table.name == name)
	for field, value in values.items():
		query = query.set(table[field], value)
	query.set(table.modified, now()).set(table.modified_by, frappe.session.user).run()
	frappe.clear_document_cache(CHARGE, name)


def lock(name: str) -> frappe._dict:
	"""The charge as it is now, locked until the end of the transaction."""
	row = frappe.db.get_value(CHARGE, name, "*", as_dict=True, for_update=True)
	if not row:
		frappe.throw(_("There is no dues charge {0}.").format(name), frappe.DoesNotExistError)
	return row


def invoice_one(name: str) -> str | None:
	"""Invoice a pending or failed charge at once, or credit it where it stands for a credit.

	A failure is recorded on the charge and None returned.
	"""
	charge = lock(name)
	if charge.status not in UNBILLED:
		return charge.sales_invoice
	year = years.get_year(charge.dues_year)
	frappe.db.savepoint("imta_invoice_one")
	try:
		sales_invoice = credit(year, charge) if charge.charge_type == DOWNGRADE else invoice(year, charge)
	except (frappe.QueryDeadlockError, frappe.QueryTimeoutError):
		raise
	except Exception as error:
		frappe.db.rollback(save_point="imta_invoice_one")
		record_failure(charge, error)
		frappe.clear_last_message()
		return None
	record_invoice(charge, sales_invoice)
	return sales_invoice


def on_tier_change(member: str, change: str) -> list[str]:
	"""Bill what an applied change of tier adds to the period; returns the names of the charges.

	An upgrade owes the difference from its effective date, once the charge of the year has been made; where
	it has not, the run that makes it bills the difference, too. A downgrade counts from the next period
	unless the treasurer has granted a credit note on the change. What cannot be invoiced or credited is
	recorded on its charge: the change itself is in force all the same.
	"""
	document = frappe.get_doc("Membership Change", change)
	made = []
	effective = getdate(document.effective_date)
	if document.change_type == "Upgrade":
		# A late entry reaches into the periods that have been charged since.
		for year in years.open_years(effective, and_later=True):
			made += bill_upgrade(year, document)
	elif document.change_type == "Downgrade" and document.grant_credit_note:
		for year in years.open_years(effective):
			made += credit_downgrade(year, document)
	return made


def bill_upgrade(year: DuesYear, change: frappe.model.document.Document) -> list[str]:
	"""Charge and invoice the difference of an upgrade, unless a run still has to make the year's charge."""
	as_of = max(getdate(), getdate(change.effective_date))
	annual = next(
		(line for line in assess(year, as_of, only=[change.member]) if line.charge_type == ANNUAL), None
	)
	if not annual or annual.is_due or not owes_upgrades(annual):
		return []
	made = []
	for line in plan(year, as_of, only=[change.member]):
		if line.membership_change == change.name and line.is_due:
			invoice_one(line.name)
			made.append(line.name)
	return made


def credit_downgrade(year: DuesYear, change: frappe.model.document.Document) -> list[str]:
	"""Credit a granted downgrade, unless the year's charge is not invoiced yet: then its run does."""
	if not is_billed(year, change.member):
		return []
	try:
		name = plan_credit(year, change)
	except CreditNotGranted as nothing:
		frappe.clear_last_message()
		change.add_comment("Info", frappe.utils.escape_html(str(nothing)))
		return []
	invoice_one(name)
	return [name]


def credit_granted(year: DuesYear) -> list[str]:
	"""Make the credit notes that were granted before the member had been invoiced, or that failed."""
	made = []
	for row in frappe.get_all(
		"Membership Change",
		{
			"docstatus": 1,
			"state": "Applied",
			"change_type": "Downgrade",
			"grant_credit_note": 1,
			"effective_date": ("between", (year.from_date, year.to_date)),
		},
		["name", "member"],
		order_by="effective_date, name",
	):
		status = frappe.db.get_value(CHARGE, charge_name(year.name, row.member, row.name), "status")
		if status is None or status in UNBILLED:
			made += credit_downgrade(year, frappe.get_doc("Membership Change", row.name))
	return made


def check_treasurer() -> None:
	"""Raise PermissionError unless the user is a treasurer."""
	if TREASURERS.isdisjoint(frappe.get_roles()):
		frappe.throw(_("Only the treasurer may do this."), frappe.PermissionError)


@frappe.whitelist(methods=["POST"])
def grant_credit_note(membership_change: str) -> str | None:
	"""Credit a downgrade in the running period; returns the Dues Charge that stands for the credit.

	Treasurer only. Before the downgrade takes effect it is noted on the change, None is returned and the
	credit note is made on that day. Raises CreditNotGranted where the rules see nothing to credit.
	"""
	check_treasurer()
	document = frappe.get_doc("Membership Change", membership_change)
	document.check_permission("read")
	# The change may be taking effect at this moment: the lock decides who sees what of the other.
	state = frappe.db.get_value("Membership Change", document.name, "state", for_update=True)
	if document.change_type != "Downgrade" or state == "Cancelled":
		frappe.throw(_("A credit note can be granted for a downgrade only."), CreditNotGranted)
	if state != "Applied":
		note_grant(document)
		return None
	for year in years.open_years(getdate(document.effective_date)):
		if is_billed(year, document.member):
			name = plan_credit(year, document)
			charge = lock(name)
			if charge.status in UNBILLED:
				record_invoice(charge, credit(year, charge))
			note_grant(document)
			return name
	frappe.throw(_("The member has not been invoiced for that period."), CreditNotGranted)


def note_grant(change: frappe.model.document.Document) -> None:
	if change.grant_credit_note:
		return
	change.db_set("grant_credit_note", 1)
	change.add_comment("Info", _("Credit note granted"))


def is_billed(year: DuesYear, member: str) -> bool:
	return bool(invoiced_charges(year, member))


def invoiced_charges(year: DuesYear, member: str) -> list[frappe._dict]:
	"""The member's invoiced charges of the year that can be credited, the latest first."""
	return frappe.get_all(
		CHARGE,
		{
			"dues_year": year.name,
			"member": member,
			"status": INVOICED,
			"charge_type": ("in", (ANNUAL, UPGRADE)),
		},
		["name", "tier", "sales_invoice"],
		order_by="covered_from desc, creation desc",
	)


def plan_credit(year: DuesYear, change: frappe.model.document.Document) -> str:
	"""The charge of a downgrade's credit, made where it is new. Raises CreditNotGranted."""
	facts = members.facts_of(change.member)
	effective = getdate(change.effective_date)
	decision = difference(
		facts, years.rules_of(year), change.previous_tier, change.new_tier, effective, grant_credit=True
	)
	name = charge_name(year.name, change.member, change.name)
	line = Line(name, DOWNGRADE, facts, decision, "due", membership_change=change.name)
	if decision.kind != CREDIT:
		frappe.throw(line.reason(), CreditNotGranted)
	insert_missing([charge_values(year, line, max(getdate(), effective)) | {"dues_run": None}])
	return name


def credit(year: DuesYear, charge: frappe._dict) -> str:
	"""Make the credit note of a charge that the caller has locked; returns its name.

	It returns the invoice of the tier that the member loses: the upgrade's where there was one and it holds
	as much, else another one of the year. Raises CreditNoteError where none does.
	"""
	amount = round_money(-years.exact(charge.amount), exponent_of(charge.currency))
	lost = frappe.db.get_value("Membership Change", charge.membership_change, "previous_tier")
	candidates = [lock(row.name) for row in invoiced_charges(year, charge.member)]
	candidates.sort(key=lambda row: row.tier != lost)
	for row in candidates:
		if row.status == INVOICED and invoices.left_to_credit(row.sales_invoice) >= amount:
			return invoices.make_credit_note(
				row.sales_invoice,
				charge=charge.name,
				amount=amount,
				posting_date=charge.posting_date,
				description=description_of(year, charge),
				service_start=charge.covered_from,
				service_end=charge.covered_to,
			).name
	frappe.throw(
		_("No invoice of {0} for {1} has {2} {3} left to be credited.").format(
			charge.member, year.name, charge.currency, amount
		),
		invoices.CreditNoteError,
	)


def waive(name: str, reason: str) -> None:
	"""Ask nothing for this charge. Raises ChargeStateError where it is invoiced: credit or cancel that first."""
	close(name, WAIVED, reason)


def void(name: str, reason: str) -> None:
	"""Take a charge back that should never have been made, such as one for a member recorded twice."""
	close(name, VOID, reason)


def close(name: str, status: str, reason: str) -> None:
	reason = (reason or "").strip()
	if not reason:
		frappe.throw(_("Please give the reason."), ChargeStateError)
	charge = lock(name)
	if charge.status == INVOICED:
		frappe.throw(
			_("{0} is invoiced: cancel {1} or grant a credit note first.").format(name, charge.sales_invoice),
			ChargeStateError,
		)
	if charge.status == status:
		return
	write(name, status=status, error=None, waived_by=frappe.session.user, waived_on=getdate())
	comment(name, f"{_(status)}: {reason}")


def reopen(name: str, reason: str) -> None:
	"""Ask for a waived or void charge after all: the next run invoices it."""
	charge = lock(name)
	if charge.status not in (WAIVED, VOID):
		frappe.throw(_("{0} is {1}.").format(name, _(charge.status)), ChargeStateError)
	write(name, status=PENDING, waived_by=None, waived_on=None)
	comment(name, "{}: {}".format(_(PENDING), (reason or "").strip() or formatdate(getdate())))


def comment(name: str, text: str) -> None:
	frappe.get_doc(CHARGE, name).add_comment("Info", frappe.utils.escape_html(text))
