"""The same click from several requests at once: real connections, real commits, cleared up afterwards."""

from __future__ import annotations

import frappe
import pytest
from frappe.model.workflow import apply_workflow

from imta_crm.liaison.contacts import log_contact
from tests.site.factories import make_member, next_number
from tests.site.test_applications import make_application
from tests.site.test_member_races import WORKERS, at_once


@pytest.fixture
def swept(connected):
	"""Records to delete for good after the test, in this order."""
	frappe.set_user("Administrator")
	frappe.db.rollback()
	records: list[tuple[str, str]] = []
	yield records
	frappe.db.rollback()
	for doctype, name in records:
		if frappe.db.exists(doctype, name):
			frappe.delete_doc(doctype, name, force=True, ignore_permissions=True)
	frappe.db.commit()


def test_one_click_sent_by_many_requests_is_one_contact(connected, swept):
	members = [make_member(f"Simultaneous Club {next_number()}").name for _ in range(2)]
	frappe.db.commit()
	swept += [("IMTA Member", name) for name in members]
	token = f"same-click-{frappe.generate_hash(length=12)}"

	results = at_once(connected, lambda: log_contact(members, "Event", "Met at the forum", token))
	frappe.db.rollback()
	contacts = frappe.get_all("Liaison Contact", {"member": ("in", members)}, pluck="name")
	swept[:0] = [("Liaison Contact", name) for name in contacts]
	errors = [result for result in results if isinstance(result, BaseException)]
	assert not errors, errors
	assert sorted(contacts) == sorted(results[0]["names"])
	assert len(contacts) == len(members)
	assert {tuple(result["names"]) for result in results} == {tuple(results[0]["names"])}
	assert sorted(result["created"] for result in results) == [0] * (WORKERS - 1) + [len(members)]


def test_an_application_approved_by_many_at_once_is_one_member(connected, swept):
	application = make_application(
		"Council Review", applicant_name=f"Simultaneous Applicant {frappe.generate_hash(length=6)}"
	)
	frappe.db.commit()

	results = at_once(connected, lambda: apply_workflow(application.as_dict(), "Approve").name)
	frappe.db.rollback()
	members = frappe.get_all("IMTA Member", {"application": application.name}, ["name", "customer"])
	for row in members:
		swept.append(("IMTA Member", row.name))
	mails = frappe.get_all("Email Queue", {"reference_name": application.name}, pluck="name")
	swept += [("Email Queue", name) for name in mails]
	swept.append(("Membership Application", application.name))
	assert len(members) == 1
	assert results.count(application.name) == 1
	assert len(mails) <= 1
