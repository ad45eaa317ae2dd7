"""To whom somebody may give the own seat on the portal."""

import frappe
from frappe.utils import add_days, nowdate

from imta_crm.portal.member import MyTrainingPage
from imta_crm.portal.visitor import Visitor
from tests.site.factories import make_member
from tests.site.seating_factories import make_person


def test_who_has_left_the_member_sees_none_of_its_people(site):
	member = make_member("Portal Heirs Club")
	leaver, colleague = (
		make_person(name, member=member, email=f"{name.lower()}@heirs.example")
		for name in ("Leaver", "Stayer")
	)
	frappe.db.set_value("Contact", leaver.contact, "user", "Guest")
	page = object.__new__(MyTrainingPage)
	booking = frappe._dict(member=member.name, contact=leaver.contact)

	page.visitor = Visitor("Guest")
	assert [each.contact for each in page.heirs(booking)] == [colleague.contact]

	left = {"from_date": add_days(nowdate(), -9), "to_date": add_days(nowdate(), -1)}
	frappe.db.set_value("Member Affiliate", {"contact": leaver.contact}, left)
	page.visitor = Visitor("Guest")
	assert page.heirs(booking) == []
