"""The list of events asks the database the same, however many events there are; what a representative may choose."""

from __future__ import annotations

from datetime import timedelta

import frappe
from frappe.utils import now_datetime

from imta_crm.portal import events
from imta_crm.portal.visitor import Visitor
from imta_crm.seating import fees, kinds, people, seats
from tests.site.factories import count_queries, make_contact, make_member, make_tier, make_user
from tests.site.seating_factories import enroll, make_activity, make_person, make_program, make_session

FEES = [{"participant_type": "Member", "fee": 450}, {"participant_type": "Guest", "fee": 900}]


def visitor(*members) -> Visitor:
	"""A representative of these members."""
	user = make_user("Alliance Member")
	contact = frappe.db.get_value("Contact", {"user": user}) or make_contact("Rep", email=user).name
	frappe.db.set_value("Contact", contact, "user", user)
	for member in members:
		frappe.get_doc(
			{
				"doctype": "Member Affiliate",
				"member": member.name,
				"contact": contact,
				"from_date": "2024-01-01",
				"is_representative": 1,
			}
		).insert()
	return Visitor(user)


def coming(days: int, **fields):
	return {"begins": now_datetime() + timedelta(days=days), **fields}


def test_more_events_ask_no_more_of_the_database(site):
	member = make_member()
	program = make_program().name
	who = visitor(member).user

	def queries() -> int:
		with count_queries() as asked:
			shown = events.upcoming(Visitor(who))
		counts.append((len(shown["training"]), len(shown["activities"])))
		return len(asked)

	counts = []
	for number in range(2):
		make_session(program, **coming(10 + number, fees=FEES, fee_currency="CNY", reservations=[]))
		make_activity(**coming(40 + number))
	queries()
	before = queries()
	for number in range(6):
		make_session(program, **coming(20 + number, fees=FEES, fee_currency="CNY"))
		make_activity(**coming(50 + number))
	queries()
	assert queries() == before
	assert [more - less for more, less in zip(counts[-1], counts[0], strict=True)] == [6, 6]


def test_what_is_read_at_once_is_what_is_read_one_by_one(site):
	tier = make_tier(free_seats=1)
	member = make_member(tier=tier.name if hasattr(tier, "name") else tier)
	person = make_person("Reader", member=member)
	program = make_program().name
	made = [
		make_session(program, **coming(10, capacity=3, fees=FEES, fee_currency="CNY", uses_free_seats=1)),
		make_session(program, **coming(11, capacity=1, fees=FEES, fee_currency="USD", uses_free_seats=0)),
		make_session(program, **coming(12, capacity=0)),
		make_session(program, **coming(13, capacity=5, reservations=[{"tier": person.tier, "seats": 2}])),
	]
	enroll(made[0], person)
	enroll(made[1])
	enroll(made[1])
	rows = events._events(kinds.TRAINING, [each.name for each in made])
	found = seats.occupancies(kinds.TRAINING.event, rows.values())
	quotes = fees.quotes(list(rows.values()), person)
	for each in made:
		assert found[each.name] == seats.occupancy(each.doctype, each.name)
		assert quotes[each.name] == fees.quote(each, person)
	assert found[made[1].name]["waiting"] == 1
	assert quotes[made[1].name].fee == 450
	assert seats.occupancies(kinds.TRAINING.event, []) == fees.quotes([], person) == {}


def test_a_colleague_of_two_members_is_one_person(site):
	"""The page listed such a person twice, and could not enrol them."""
	one, other = make_member(), make_member()
	rep = visitor(one, other)
	person = make_person("Of Both", member=one)
	frappe.get_doc(
		{
			"doctype": "Member Affiliate",
			"member": other.name,
			"contact": person.contact,
			"from_date": "2024-01-01",
		}
	).insert()
	assert [each.contact for each in rep.represented] == [person.contact]


def test_hours_of_the_organisations_that_somebody_represents(site):
	member, other = make_member(), make_member()
	rep, stranger = visitor(member), visitor(other)
	assert events.trained_members(rep) == []
	person = make_person("Trained", member=member)
	name = enroll(make_session(), person).name
	frappe.db.set_value("Training Enrollment", name, "status", "Completed")
	assert [each["name"] for each in events.trained_members(rep)] == [member.name]
	assert events.trained_members(stranger) == []
	assert events.trained_members(Visitor(make_user("Alliance Member"))) == []
	assert people.represents(rep.user, member.name)
