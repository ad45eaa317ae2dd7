"""Membership Change: what takes effect when, what the rules refuse, and that a day missed is caught up."""

from datetime import date

import frappe
import pytest
from frappe.utils import add_days, getdate, nowdate

from imta_crm.membership.changes import apply_due_changes
from imta_crm.membership.doctype.membership_change.membership_change import (
	AppliedChangeError,
	ForbiddenChangeError,
)
from imta_crm.membership.members import RewritesThePastError, set_status, status_on, tier_on
from tests.site.factories import make_change, make_member, make_tier


def today() -> date:
	return getdate(nowdate())


@pytest.fixture(autouse=True)
def dues_told(monkeypatch):
	"""The dues room is asked to settle; what it does has its own tests."""
	told = []
	monkeypatch.setattr(
		"imta_crm.dues.charges.on_tier_change", lambda member, change: told.append((member, change))
	)
	return told


@pytest.fixture
def tiers():
	make_tier("Ordinary")
	make_tier("Council", rank=30, dues_amount=2000)


def member_row(name):
	return frappe.db.get_value(
		"IMTA Member", name, ["status", "tier", "status_since", "tier_since", "left_on"]
	)


class TestTakingEffect:
	def test_an_upgrade_of_today_is_in_force_at_once(self, tiers, dues_told):
		member = make_member()
		change = make_change(member.name, "Upgrade", new_tier="Council")
		change.reload()
		assert change.state == "Applied" and change.applied_on
		assert (change.previous_tier, change.previous_status) == ("Ordinary", "Active")
		assert member_row(member.name)[:2] == ("Active", "Council")
		row = frappe.get_doc("IMTA Member", member.name).tier_history[-1]
		assert (row.tier, row.from_date, row.membership_change) == ("Council", today(), change.name)
		assert (row.reason, row.changed_by) == ("Decided by the Council", "Administrator")
		assert dues_told == [(member.name, change.name)]

	def test_one_of_the_past_counts_from_its_date(self, tiers):
		member = make_member()
		make_change(member.name, "Upgrade", new_tier="Council", effective_date="2025-07-01")
		assert tier_on(member.name, date(2025, 6, 30)) == "Ordinary"
		assert tier_on(member.name, date(2025, 7, 1)) == "Council"

	def test_one_of_the_future_waits_and_changes_nothing(self, tiers, dues_told):
		member = make_member()
		change = make_change(member.name, "Upgrade", new_tier="Council", effective_date=add_days(today(), 1))
		assert change.state == "Scheduled"
		assert member_row(member.name)[1] == "Ordinary"
		assert apply_due_changes() == {"applied": 0, "failed": 0}
		assert dues_told == []

	def test_a_missed_day_is_caught_up_with_the_effective_date_and_once(self, tiers, dues_told):
		member = make_member()
		change = make_change(member.name, "Upgrade", new_tier="Council", effective_date=add_days(today(), 5))
		frappe.db.set_value("Membership Change", change.name, "effective_date", add_days(today(), -9))
		assert apply_due_changes()["applied"] == 1
		assert tier_on(member.name, getdate(add_days(today(), -9))) == "Council"
		assert apply_due_changes() == {"applied": 0, "failed": 0}
		assert len(dues_told) == 1

	def test_applying_again_does_nothing(self, tiers):
		member = make_member()
		change = make_change(member.name, "Upgrade", new_tier="Council")
		assert not change.apply()
		assert len(frappe.get_doc("IMTA Member", member.name).tier_history) == 2

	def test_a_failing_one_says_so_and_stops_nobody(self, tiers):
		broken, fine = make_member(), make_member()
		one = make_change(broken.name, "Upgrade", new_tier="Council", effective_date=add_days(today(), 2))
		two = make_change(fine.name, "Suspend", effective_date=add_days(today(), 2))
		# In the meantime the member left: an upgrade is no longer possible.
		set_status(broken.name, "Withdrawn", on=today(), reason="Left")
		for change in (one, two):
			frappe.db.set_value("Membership Change", change.name, "effective_date", today())
		assert apply_due_changes() == {"applied": 1, "failed": 1}
		one.reload()
		assert one.state == "Scheduled" and "Withdrawn" in one.problem
		assert member_row(broken.name)[1] == "Ordinary"
		assert member_row(fine.name)[0] == "Suspended"
		# Tried again every day, without harm.
		assert apply_due_changes() == {"applied": 0, "failed": 1}

	def test_an_error_in_the_dues_takes_the_whole_change_back(self, tiers, monkeypatch):
		member = make_member()
		change = make_change(member.name, "Upgrade", new_tier="Council", effective_date=add_days(today(), 2))
		frappe.db.set_value("Membership Change", change.name, "effective_date", today())

		def fail(member, change):
			raise frappe.ValidationError("No rate for XYZ")

		monkeypatch.setattr("imta_crm.dues.charges.on_tier_change", fail)
		assert apply_due_changes() == {"applied": 0, "failed": 1}
		assert member_row(member.name)[1] == "Ordinary"
		assert frappe.db.get_value("Membership Change", change.name, "problem") == "No rate for XYZ"

	def test_the_ledger_having_moved_the_member_meanwhile_does_not_stop_it(self):
		member = make_member()
		change = make_change(member.name, "Withdraw", effective_date=add_days(today(), 2))
		frappe.db.set_value("Membership Change", change.name, "effective_date", add_days(today(), -5))
		set_status(member.name, "In Arrears", on=getdate(add_days(today(), -3)), reason="Dues are overdue")
		assert apply_due_changes() == {"applied": 1, "failed": 0}
		assert status_on(member.name, getdate(add_days(today(), -4))) == "Active"
		assert member_row(member.name)[0] == "Withdrawn"
		assert member_row(member.name)[4] == getdate(add_days(today(), -3))

	def test_two_of_one_member_follow_each_other_by_date(self, tiers):
		member = make_member()
		later = make_change(member.name, "Suspend", effective_date=add_days(today(), 4))
		sooner = make_change(member.name, "Upgrade", new_tier="Council", effective_date=add_days(today(), 3))
		frappe.db.set_value("Membership Change", later.name, "effective_date", add_days(today(), -1))
		frappe.db.set_value("Membership Change", sooner.name, "effective_date", add_days(today(), -2))
		assert apply_due_changes() == {"applied": 2, "failed": 0}
		assert member_row(member.name)[:2] == ("Suspended", "Council")


class TestKinds:
	def test_withdraw_and_reinstate_leave_a_gap(self):
		member = make_member()
		make_change(member.name, "Withdraw", effective_date="2025-01-01")
		assert member_row(member.name)[0] == "Withdrawn"
		assert member_row(member.name)[4] == date(2025, 1, 1)
		make_change(member.name, "Reinstate", effective_date="2026-01-01")
		assert member_row(member.name)[0] == "Active"
		assert [status_on(member.name, date(year, 6, 1)) for year in (2024, 2025, 2026)] == [
			"Active",
			"Withdrawn",
			"Active",
		]
		assert tier_on(member.name, date(2025, 6, 1)) is None
		assert frappe.db.get_value("IMTA Member", member.name, "joined_on") == date(2024, 1, 1)

	def test_a_suspended_member_keeps_number_and_tier(self):
		member = make_member()
		make_change(member.name, "Suspend")
		assert member_row(member.name)[:2] == ("Suspended", "Ordinary")
		make_change(member.name, "Reinstate")
		assert member_row(member.name)[0] == "Active"

	def test_a_downgrade_is_not_the_business_of_the_dues_before_the_next_period(self, tiers, dues_told):
		member = make_member(tier="Council")
		make_change(member.name, "Downgrade", new_tier="Ordinary")
		assert member_row(member.name)[1] == "Ordinary"
		assert dues_told == []

	def test_remove(self):
		member = make_member()
		make_change(member.name, "Remove")
		assert member_row(member.name)[0] == "Removed"

	def test_appoint_emeritus_leads_to_the_tier_of_emeriti(self):
		paying = make_tier(member_type="Individual")
		emeritus = make_tier(member_type="Individual", is_exempt=1, is_emeritus=1, rank=9999)
		member = make_member(tier=paying.name, member_type="Individual")
		make_change(member.name, "Appoint Emeritus")
		assert member_row(member.name)[:2] == ("Emeritus", emeritus.name)

	def test_an_emeritus_member_who_left_returns_as_one(self):
		paying = make_tier(member_type="Individual")
		make_tier(member_type="Individual", is_exempt=1, is_emeritus=1, rank=9999)
		member = make_member(tier=paying.name, member_type="Individual")
		for kind in ("Appoint Emeritus", "Withdraw", "Reinstate"):
			make_change(member.name, kind)
		assert member_row(member.name)[0] == "Emeritus"


class TestRefused:
	@pytest.mark.parametrize(
		("kind", "fields", "error"),
		[
			("Upgrade", {"new_tier": "Ordinary"}, ForbiddenChangeError),
			("Downgrade", {"new_tier": "Council"}, ForbiddenChangeError),
			("Upgrade", {}, (ForbiddenChangeError, frappe.MandatoryError)),
			("Upgrade", {"new_tier": "No Such Tier"}, frappe.LinkValidationError),
			("Reinstate", {}, ForbiddenChangeError),
			("Suspend", {"reason": "  "}, frappe.MandatoryError),
			("Suspend", {"effective_date": "2023-12-31"}, RewritesThePastError),
			("Suspend", {"member": "IMTA-NONE"}, (frappe.LinkValidationError, frappe.DoesNotExistError)),
		],
	)
	def test_with_a_clear_error(self, tiers, kind, fields, error):
		with pytest.raises(error):
			make_change(**{"member": make_member().name, "change_type": kind, **fields})

	def test_upgrade_to_a_disabled_or_unfitting_tier(self, tiers):
		for tier in (make_tier(rank=99, disabled=1), make_tier(rank=99, member_type="Individual")):
			with pytest.raises(ForbiddenChangeError):
				make_change(make_member().name, "Upgrade", new_tier=tier.name)

	def test_leaving_twice(self):
		member = make_member()
		make_change(member.name, "Withdraw")
		with pytest.raises(ForbiddenChangeError, match="Withdrawn"):
			make_change(member.name, "Remove")

	def test_nothing_before_the_latest_change(self):
		member = make_member()
		make_change(member.name, "Suspend", effective_date="2025-06-01")
		with pytest.raises(RewritesThePastError):
			make_change(member.name, "Reinstate", effective_date="2025-05-31")

	def test_the_state_cannot_be_typed_in(self):
		member = make_member()
		change = make_change(member.name, "Suspend", effective_date=add_days(today(), 3), submit=False)
		change.state = "Applied"
		change.save()
		assert change.state == "Draft"
		change.submit()
		change.state = "Applied"
		with pytest.raises(frappe.UpdateAfterSubmitError):
			change.save()
		assert member_row(member.name)[0] == "Active"


class TestCancelling:
	def test_a_scheduled_one_can_be_cancelled(self):
		member = make_member()
		change = make_change(member.name, "Suspend", effective_date=add_days(today(), 3))
		change.cancel()
		change.reload()
		assert change.state == "Cancelled"
		frappe.db.set_value("Membership Change", change.name, "effective_date", today())
		assert apply_due_changes() == {"applied": 0, "failed": 0}
		assert member_row(member.name)[0] == "Active"

	def test_an_applied_one_cannot(self):
		change = make_change(make_member().name, "Suspend")
		change.reload()
		with pytest.raises(AppliedChangeError, match="new change"):
			change.cancel()
