"""Several people and jobs at once: real connections, real commits; each test clears up after itself."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import frappe
import pytest
from frappe.utils import add_days, getdate, nowdate

from imta_crm.erp.customers import ensure_customer
from imta_crm.membership.members import NewMember, create_member
from tests.site.factories import make_change, make_member, make_tier

WORKERS = 4


def at_once(site, work):
	"""Results of `work()` run by several connections that start together; an error is a result, too."""
	start = Barrier(WORKERS)

	def run(number):
		frappe.init(site=site)
		frappe.connect()
		try:
			frappe.set_user("Administrator")
			frappe.flags.in_test = True
			# The snapshot of this transaction is older than what the others are about to write.
			frappe.db.count("IMTA Member")
			start.wait()
			result = work()
			frappe.db.commit()
			return result
		except Exception as error:
			frappe.db.rollback()
			return error
		finally:
			frappe.destroy()

	with ThreadPoolExecutor(WORKERS) as pool:
		return list(pool.map(run, range(WORKERS)))


@pytest.fixture
def made():
	"""Records to delete for good after the test, in this order."""
	records = []
	yield records
	frappe.db.rollback()
	for doctype, name in records:
		if not frappe.db.exists(doctype, name):
			continue
		if doctype == "IMTA Member":
			for change in frappe.get_all("Membership Change", {"member": name}, pluck="name"):
				frappe.db.delete("Membership Change", {"name": change})
				frappe.db.delete("Version", {"ref_doctype": "Membership Change", "docname": change})
		frappe.delete_doc(doctype, name, force=True)
	frappe.db.commit()


@pytest.fixture
def member(made):
	tier = make_tier("Race Tier", rank=1)
	doc = make_member("Race Club")
	made += [("IMTA Member", doc.name), ("Member Tier", tier.name)]
	frappe.db.commit()
	return doc


def test_one_customer_however_many_ask(connected, member):
	frappe.db.set_value("IMTA Member", member.name, "customer", None)
	frappe.db.set_value("Customer", member.customer, "imta_member", None)
	frappe.delete_doc("Customer", member.customer, force=True)
	frappe.db.commit()

	results = at_once(connected, lambda: ensure_customer(frappe.get_doc("IMTA Member", member.name)))
	frappe.db.rollback()
	assert set(results) == {member.name}
	assert frappe.db.count("Customer", {"imta_member": member.name}) == 1


def test_one_member_of_a_name_however_many_admit_it(connected, made):
	make_tier("Ordinary")
	frappe.db.commit()

	def admit():
		new = NewMember(member_name="Admitted at Once", country="Nepal", tier="Ordinary")
		return create_member(new, source="Web", on=date(2026, 1, 1)).name

	results = at_once(connected, admit)
	frappe.db.rollback()
	names = frappe.get_all("IMTA Member", {"member_name": "Admitted at Once"}, pluck="name")
	made += [("IMTA Member", name) for name in names]
	assert len(names) == 1
	assert [result for result in results if isinstance(result, str)] == names
	refusals = [result for result in results if not isinstance(result, str)]
	assert all(
		isinstance(error, frappe.UniqueValidationError | frappe.QueryDeadlockError) for error in refusals
	)
	assert frappe.db.count("Customer", {"customer_name": "Admitted at Once"}) == 1


def test_a_change_takes_effect_once_however_many_jobs_run(connected, member):
	today = getdate(nowdate())
	change = make_change(member.name, "Suspend", effective_date=add_days(today, 3))
	frappe.db.set_value("Membership Change", change.name, "effective_date", today)
	frappe.db.commit()

	results = at_once(connected, lambda: frappe.get_doc("Membership Change", change.name).apply())
	frappe.db.rollback()
	assert sorted(results) == [False, False, False, True]
	doc = frappe.get_doc("IMTA Member", member.name)
	assert [row.status for row in doc.status_history] == ["Active", "Suspended"]


def test_two_changes_of_one_member_follow_each_other(connected, member):
	today = getdate(nowdate())
	names = []
	for kind in ("Suspend", "Withdraw"):
		change = make_change(member.name, kind, effective_date=add_days(today, 3))
		frappe.db.set_value("Membership Change", change.name, "effective_date", today)
		names.append(change.name)
	frappe.db.commit()
	queue = names * (WORKERS // 2)

	results = at_once(connected, lambda: frappe.get_doc("Membership Change", queue.pop()).apply())
	frappe.db.rollback()
	doc = frappe.get_doc("IMTA Member", member.name)
	history = [row.status for row in doc.status_history]
	# Whoever came first decides: a withdrawn member can no longer be suspended, a suspended one may withdraw.
	assert history in (["Active", "Withdrawn"], ["Active", "Suspended", "Withdrawn"]), results
	assert doc.status == "Withdrawn"
