"""Who sees which activity and which delegate, in documents, lists and child tables."""

from __future__ import annotations

import frappe
import pytest

from imta_crm.activities import results
from tests.site.factories import as_user, make_member, make_user
from tests.site.seating_factories import booking, enroll, make_activity, make_guest, make_person

ACTIVITY, DELEGATE = "Alliance Activity", "Activity Delegate"
ALL = ("Training Coordinator", "Membership Manager", "Treasurer", "Alliance Leadership")
OFFICER = "Liaison Officer"


@pytest.fixture
def activity():
	activity = make_activity(
		audience="Everybody",
		reservations=[{"delegate_role": "Speaker", "seats": 1}],
		tiers=[],
	)
	activity.append("programme", {"title": "Opening", "starts_at": activity.starts_at})
	return activity.save()


@pytest.fixture
def officer() -> str:
	return make_user(OFFICER)


@pytest.fixture
def delegates(activity, officer) -> dict[str, str]:
	"""One of the officer's portfolio, one of another member, a guest."""
	return {
		"mine": enroll(activity, make_person(member=make_member(officer=officer))).name,
		"other": enroll(activity, make_person(member=make_member())).name,
		"guest": enroll(activity, make_guest()).name,
	}


def listed(doctype: str, **filters) -> set[str]:
	return set(frappe.get_list(doctype, filters, pluck="name", limit=0))


@pytest.mark.parametrize("role", [*ALL, OFFICER])
def test_every_role_of_the_secretariat_reads_activities(activity, role):
	with as_user(make_user(role)):
		assert activity.name in listed(ACTIVITY)
		assert frappe.has_permission(ACTIVITY, "read", doc=activity.name)
		assert frappe.has_permission(ACTIVITY, "write", doc=activity.name) is (role == "Training Coordinator")
		rows = frappe.get_list(
			"Activity Programme Item", {"parent": activity.name}, pluck="title", parent_doctype=ACTIVITY
		)
		assert rows == ["Opening"]
		results.overview(activity.name)


@pytest.mark.parametrize("role", ["Alliance Member", None])
def test_others_read_nothing(activity, delegates, role):
	with as_user(make_user(role)):
		for doctype, name in ((ACTIVITY, activity.name), (DELEGATE, delegates["guest"])):
			assert not frappe.has_permission(doctype, "read", doc=name)
			with pytest.raises(frappe.PermissionError):
				frappe.get_list(doctype)
		with pytest.raises(frappe.PermissionError):
			frappe.get_list("Activity Programme Item", parent_doctype=ACTIVITY)
		with pytest.raises(frappe.PermissionError):
			results.overview(activity.name)


@pytest.mark.parametrize("role", ALL)
def test_who_sees_all_members_sees_all_delegates(activity, delegates, role):
	with as_user(make_user(role)):
		assert listed(DELEGATE, activity=activity.name) == set(delegates.values())
		for name in delegates.values():
			assert frappe.has_permission(DELEGATE, "read", doc=name)
			may = frappe.has_permission(DELEGATE, "write", doc=name)
			assert may is (role == "Training Coordinator")


def test_an_officer_sees_the_own_portfolios_delegates(activity, delegates, officer):
	with as_user(officer):
		assert listed(DELEGATE, activity=activity.name) == {delegates["mine"]}
		assert frappe.has_permission(DELEGATE, "write", doc=delegates["mine"])
		for other in ("other", "guest"):
			for ptype in ("read", "write"):
				assert not frappe.has_permission(DELEGATE, ptype, doc=delegates[other])


def test_an_officer_does_not_take_a_delegate_over(delegates, officer):
	mine = frappe.db.get_value(DELEGATE, delegates["mine"], "member")
	with as_user(officer):
		doc = booking(delegates["other"], DELEGATE)
		doc.member = mine
		with pytest.raises(frappe.PermissionError):
			doc.save()
		doc = booking(delegates["mine"], DELEGATE)
		doc.set("__islocal", 0)
		doc.remarks = "Vegetarian"
		doc.save()


def test_no_form_says_that_a_stored_delegate_is_new(delegates, officer):
	with as_user(officer):
		doc = booking(delegates["other"], DELEGATE)
		doc.set("__islocal", 1)
		assert not frappe.has_permission(DELEGATE, "read", doc=doc)


def test_the_status_is_never_the_forms(activity, delegates):
	with as_user(make_user("Training Coordinator")):
		doc = booking(delegates["guest"], DELEGATE)
		doc.update({"pool": "Council|", "queue_no": 99, "fee": 0, "remarks": "By the window"})
		doc.save()
	doc.reload()
	assert (doc.pool or "", doc.queue_no, doc.remarks) == ("", 3, "By the window")


def test_only_organisers_make_and_delete_activities(activity):
	with as_user(make_user("Training Coordinator")):
		make_activity().delete()
	for role in (*ALL[1:], OFFICER):
		with as_user(make_user(role)):
			assert not frappe.has_permission(ACTIVITY, "create")
			assert not frappe.has_permission(ACTIVITY, "delete", doc=activity.name)
