"""Dues notices and reminders by e-mail: each at most once for a charge, none forgotten.

What is due follows from the charge's due date and the Dues Year's rules (`policy.reminders`), never from the
day on which the job runs, so a missed night is caught up. Of several missed reminders only the latest goes
out. Nothing goes out for what the ledger says is paid, credited or covered by money not yet matched.

An entry in the Dues Reminder Log, named after charge and rule, and the row of Frappe's Email Queue are
written in one transaction, which ends with each message: a process that is killed has either done both or
nothing, and two that run at once meet at the log's primary key. Each message has one recipient. What could
not be sent is recorded with its reason, stops nobody else and is tried again the next night.

Days are days of the site's time zone.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import frappe
from frappe import _
from frappe.utils import cint, escape_html, getdate, now, strip_html

from imta_crm.dues import notice
from imta_crm.dues.charges import check_treasurer
from imta_crm.dues.doctype.dues_reminder_log.dues_reminder_log import log_name
from imta_crm.erp import ledger
from imta_crm.policy.reminders import ReminderRule, plan
from imta_crm.transactions import keep_step

LOG = "Dues Reminder Log"
# The first message about a charge, on the year's notice date or the day of its invoice, whichever is later. A
# rule of this name in the Dues Year chooses its templates, or switches it off.
NOTICE = "Dues Notice"
# Whatever stands under these has been dealt with; Failed and Skipped are tried again.
DONE = ("Sent", "Superseded")
# Templates that a rule without its own uses, in English and Chinese.
TEMPLATES = {
	"notice": ("Dues Notice EN", "Dues Notice ZH"),
	"reminder": ("Dues Reminder EN", "Dues Reminder ZH"),
	"final": ("Final Reminder EN", "Final Reminder ZH"),
}


class NotReminded(frappe.ValidationError):
	"""The message cannot be made or queued; the text says why."""


@dataclass(frozen=True)
class Templates:
	"""Names of the Email Templates of a rule."""

	en: str
	zh: str


@dataclass(frozen=True)
class YearRules:
	"""A Dues Year's enabled rules and the texts they use. `notice_date` is None where no notice is sent."""

	rules: tuple[ReminderRule, ...]
	templates: dict[str, Templates]
	notice_date: date | None


@dataclass(frozen=True)
class Due:
	"""A message to send about a charge, and the earlier ones that it replaces."""

	charge: frappe._dict
	rule: ReminderRule | None
	due_on: date | None
	templates: Templates | None
	superseded: tuple[tuple[str, date], ...]


def send_due(today: date | str | None = None, charges: Iterable[str] | None = None) -> dict[str, int]:
	"""Queue every message that is due; runs every night and may be repeated at any time.

	`today` is the day of the judgement, the site's date unless given; `charges` limits it to some charges.
	Returns counts by what became of them: sent, skipped, failed. Commits after each member's message.
	"""
	on = getdate(today)
	counts: dict[str, int] = defaultdict(int)
	for due in find_due(on, charges):
		counts[send_one(due)] += 1
	return dict(counts)


def send_one(due: Due) -> str:
	"""Queue one message and record it: sent, skipped, failed, superseded or done (by another process)."""
	try:
		frappe.db.savepoint("imta_reminder")
		outcome = _send(due)
	except Exception as error:
		if isinstance(error, frappe.QueryDeadlockError):
			frappe.db.rollback()  # MariaDB has undone the transaction already, save points and all
		else:
			frappe.db.rollback(save_point="imta_reminder")
		outcome = "failed"
		reason = strip_html(str(error)) or type(error).__name__
		if not isinstance(error, frappe.ValidationError):
			frappe.log_error(
				title="Dues reminder", reference_doctype="Dues Charge", reference_name=due.charge.name
			)
		frappe.clear_last_message()
		_record_problem(due, "Failed", reason)
	keep_step()
	return outcome


def find_due(on: date, charges: Iterable[str] | None = None) -> list[Due]:
	"""What is to be sent on that day, in a handful of queries. Only charges that are open by the ledger."""
	years = _year_rules()
	rows = _invoiced_charges(list(years), None if charges is None else list(charges))
	amounts = ledger.amounts_due({row.customer for row in rows})
	rows = [row for row in rows if amounts.get(row.name, 0) > 0]
	done = _done([row.name for row in rows])
	found = []
	for row in rows:
		due = due_for(row, years[row.dues_year], done.get(row.name, set()), on)
		if due.rule or due.superseded:
			found.append(due)
	return found


def due_for(charge: frappe._dict, year: YearRules, done: set[str], on: date) -> Due:
	"""The rule's verdict on one open charge."""
	due_date, issued_on = getdate(charge.due_date), getdate(charge.posting_date)
	todo = plan(year.rules, due_date, done, on, is_open=True, issued_on=issued_on)
	superseded = [(rule.name, rule.falls_on(due_date)) for rule in todo.superseded]
	rule, due_on = todo.send, todo.send and todo.send.falls_on(due_date)
	if year.notice_date and NOTICE not in done:
		notice_on = max(year.notice_date, issued_on)
		if notice_on <= on and rule:
			superseded.append((NOTICE, notice_on))
		elif notice_on <= on:
			rule, due_on = ReminderRule(NOTICE, (notice_on - due_date).days), notice_on
	return Due(charge, rule, due_on, year.templates.get(rule.name) if rule else None, tuple(superseded))


def _year_rules() -> dict[str, YearRules]:
	"""The rules of the open years. A closed year is done with: nothing more is sent for it."""
	years = frappe.get_all("Dues Year", {"status": "Open"}, ["name", "notice_date"])
	rows = frappe.get_all(
		"Dues Reminder Rule",
		{"parent": ("in", [year.name for year in years] or [""]), "parenttype": "Dues Year"},
		["parent", "rule_name", "days", "enabled", "email_template_en", "email_template_zh"],
		order_by="parent, days, idx",
	)
	found = {}
	for year in years:
		mine = [row for row in rows if row.parent == year.name]
		notices = [row for row in mine if row.rule_name == NOTICE]
		reminders = [row for row in mine if row.rule_name != NOTICE and row.enabled]
		last = max((cint(row.days) for row in reminders), default=0)
		templates = {NOTICE: _templates(notices[0] if notices else None, "notice")}
		for row in reminders:
			is_final = cint(row.days) == last and last > 0
			templates[row.rule_name] = _templates(row, "final" if is_final else "reminder")
		found[year.name] = YearRules(
			rules=tuple(ReminderRule(row.rule_name, cint(row.days)) for row in reminders),
			templates=templates,
			notice_date=None if notices and not notices[0].enabled else getdate(year.notice_date),
		)
	return found


def _templates(row: frappe._dict | None, kind: str) -> Templates:
	"""A rule's own templates; its one template for both languages; or the shipped ones."""
	en, zh = (row.email_template_en, row.email_template_zh) if row else (None, None)
	if not en and not zh:
		en, zh = TEMPLATES[kind]
	return Templates(en or zh, zh or en)


def _invoiced_charges(years: list[str], charges: list[str] | None) -> list[frappe._dict]:
	charge = frappe.qb.DocType("Dues Charge")
	invoice = frappe.qb.DocType("Sales Invoice")
	query = (
		frappe.qb.from_(charge)
		.join(invoice)
		.on(invoice.name == charge.sales_invoice)
		.select(
			charge.name,
			charge.member,
			charge.member_name,
			charge.dues_year,
			charge.sales_invoice,
			invoice.customer,
			invoice.posting_date,
			invoice.due_date,
		)
		.where(
			(charge.status == "Invoiced")
			& (invoice.docstatus == 1)
			& (invoice.is_return == 0)
			& charge.dues_year.isin(years or [""])
		)
		.orderby(charge.name)
	)
	if charges is not None:
		query = query.where(charge.name.isin(charges or [""]))
	return query.run(as_dict=True)


def _done(charges: list[str]) -> dict[str, set[str]]:
	done: dict[str, set[str]] = defaultdict(set)
	if charges:
		for row in frappe.get_all(
			LOG, {"charge": ("in", charges), "status": ("in", DONE)}, ["charge", "rule"], as_list=True
		):
			done[row[0]].add(row[1])
	return done


def _send(due: Due) -> str:
	charge = due.charge
	if due.rule:
		# Whoever comes second waits here until the first has committed, and then finds it done.
		entry = _claim(charge, due.rule.name, due.due_on)
		if entry.status in DONE and not entry.flags.claimed:
			return "done"
		# Paid since the list was made? The last look at the ledger is in the message's own transaction.
		if charge.name not in ledger.amounts_due([charge.customer]):
			if entry.flags.claimed:
				frappe.db.rollback(save_point="imta_reminder")
			return "done"
	for rule, due_on in due.superseded:
		if frappe.db.get_value(LOG, log_name(charge.name, rule), "status") not in DONE:
			passed = _claim(charge, rule, due_on)
			_write(passed, status="Superseded", skipped_reason=None)
	if not due.rule:
		return "superseded"

	member = frappe.db.get_value(
		"IMTA Member", charge.member, ["email", "preferred_language", "member_name", "status"], as_dict=True
	)
	if not member or not member.email:
		if entry.status != "Skipped":
			_write(entry, status="Skipped", skipped_reason=_("The member has no e-mail address."))
		return "skipped"
	communication, queued, language = _queue(due, member)
	_write(
		entry,
		status="Sent",
		skipped_reason=None,
		sent_at=now(),
		recipient=member.email,
		language=language,
		communication=communication,
		email_queue=queued,
		attempts=cint(entry.attempts) + 1,
	)
	return "sent"


def _claim(charge: frappe._dict, rule: str, due_on: date):
	"""The log's entry for this message, locked; made here where it is new."""
	name = log_name(charge.name, rule)
	if frappe.db.get_value(LOG, name, "name"):
		entry = frappe.get_doc(LOG, name, for_update=True)
		return entry
	entry = frappe.new_doc(LOG)
	entry.update(
		{
			"charge": charge.name,
			"member": charge.member,
			"member_name": charge.member_name,
			"dues_year": charge.dues_year,
			"sales_invoice": charge.sales_invoice,
			"rule": rule,
			"due_on": due_on,
			"status": "Sent",
		}
	)
	try:
		# The nightly job acts for the alliance.
		entry.insert(ignore_permissions=True)
	except frappe.DuplicateEntryError:
		frappe.clear_last_message()
		return frappe.get_doc(LOG, name, for_update=True)
	entry.flags.claimed = True
	return entry


def _write(entry, **values) -> None:
	entry.update(values)
	entry.save(ignore_permissions=True)


def _record_problem(due: Due, status: str, reason: str) -> None:
	if not due.rule:
		return
	entry = _claim(due.charge, due.rule.name, due.due_on)
	if entry.status in DONE and not entry.flags.claimed:
		return
	_write(entry, status=status, skipped_reason=reason[:500], attempts=cint(entry.attempts) + 1)


def _queue(due: Due, member: frappe._dict) -> tuple[str, str, str]:
	"""Queue the message; (Communication, Email Queue, language)."""
	charge = due.charge
	invoice = frappe.get_doc("Sales Invoice", charge.sales_invoice)
	language = "zh" if (member.preferred_language or "").lower().startswith("zh") else "en"
	# Who reads neither language gets both: those are the alliance's official ones.
	both = language == "en" and not (member.preferred_language or "").lower().startswith("en")
	subject, message = compose(invoice, due.templates, "both" if both else language)
	communication = frappe.get_doc(
		{
			"doctype": "Communication",
			"communication_type": "Automated Message",
			"communication_medium": "Email",
			"sent_or_received": "Sent",
			"subject": subject,
			"content": message,
			"sender": notice.alliance()["secretariat_email"] or None,
			"recipients": member.email,
			"reference_doctype": "IMTA Member",
			"reference_name": charge.member,
			"timeline_links": [{"link_doctype": "Sales Invoice", "link_name": invoice.name}],
			"has_attachment": 1,
		}
	).insert(ignore_permissions=True)
	queued = frappe.sendmail(
		recipients=[member.email],
		subject=subject,
		message=message,
		reference_doctype="IMTA Member",
		reference_name=charge.member,
		communication=communication.name,
		attachments=[
			{
				"print_format_attachment": 1,
				"doctype": "Sales Invoice",
				"name": invoice.name,
				"print_format": notice.PRINT_FORMAT,
				"file_name": f"Dues-Notice-{invoice.name}",
			}
		],
		with_container=True,
		expose_recipients=None,
	)
	if not queued:
		raise NotReminded(_("{0} is not a valid address or has unsubscribed.").format(member.email))
	return communication.name, queued.name, "en+zh" if both else language


def compose(invoice, templates: Templates, language: str) -> tuple[str, str]:
	"""Subject and HTML body for one invoice; `language` is en, zh or both. Raises NotReminded."""
	names = {"en": [templates.en], "zh": [templates.zh], "both": [templates.en, templates.zh]}[language]
	texts = []
	for name in dict.fromkeys(names):
		if not name or not frappe.db.exists("Email Template", name):
			raise NotReminded(_("There is no e-mail template {0}.").format(name))
		template = frappe.get_cached_doc("Email Template", name)
		facts = context(invoice)
		subject = " ".join(strip_html(template.get_formatted_subject(facts)).split())
		texts.append((subject, template.get_formatted_response(escaped(facts))))
	return " / ".join(subject for subject, _body in texts), "<hr>".join(body for _subject, body in texts)


def context(invoice) -> dict[str, object]:
	"""What a template can use: the facts of the notice, and `days_overdue` (0 before the due date)."""
	facts = dict(notice.dues_notice(invoice))
	facts["member_name"] = facts["names"][0]
	facts["member_name_local"] = facts["names"][1] if len(facts["names"]) > 1 else facts["names"][0]
	facts["to_pay"] = facts["outstanding"] or facts["amount"]
	facts["days_overdue"] = max((getdate() - getdate(invoice.due_date)).days, 0)
	return facts


def escaped(facts: dict[str, object]) -> dict[str, object]:
	"""The same as inert text: a member's name is never HTML."""
	return {key: escape_html(value) if isinstance(value, str) else value for key, value in facts.items()}


@frappe.whitelist(methods=["POST"])
def send_notices(dues_run: str) -> int:
	"""Queue the notices of a run in the background, as the nightly job would. Treasurer only.

	Returns how many messages are due today; there is no job for none.
	"""
	check_treasurer()
	frappe.get_doc("Dues Run", dues_run).check_permission("read")
	due = sum(bool(found.rule) for found in find_due(getdate(), charges_of(dues_run)))
	if not due:
		return 0
	frappe.enqueue(
		"imta_crm.dues.reminders.send_for_run",
		queue="long",
		job_id=f"imta-dues-notices-{dues_run}",
		deduplicate=True,
		enqueue_after_commit=True,
		dues_run=dues_run,
	)
	return due


def charges_of(dues_run: str) -> list[str]:
	return frappe.get_all("Dues Charge", {"dues_run": dues_run}, pluck="name")


def send_for_run(dues_run: str, today: date | str | None = None) -> dict[str, int]:
	"""`send_due` for the charges of one run."""
	return send_due(today, charges_of(dues_run))
