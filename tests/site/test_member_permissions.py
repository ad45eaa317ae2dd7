"""Who may do what with members, for each role and by each door: list, report, document, endpoint."""

from contextlib import contextmanager

import frappe
import pytest
from frappe.client import get_list as client_get_list

from imta_crm.membership.members import ProtectedFieldError
from tests.site.factories import as_user, make_change, make_contact, make_member, make_tier, make_user

READERS = ("Membership Manager", "Treasurer", "Training Coordinator", "Alliance Leadership")
OUTSIDERS = (None, "Alliance Member")
MEMBER = "IMTA Member"


@contextmanager
def refused():
	with pytest.raises((frappe.PermissionError, frappe.DoesNotExistError)):
		yield


@pytest.fixture
def world():
	"""Two officers with one member each, and one member that nobody looks after."""
	officer, sibling = make_user("Liaison Officer"), make_user("Liaison Officer")
	return frappe._dict(
		officer=officer,
		sibling=sibling,
		mine=make_member(officer=officer).name,
		theirs=make_member(officer=sibling).name,
		nobodys=make_member().name,
	)


def listed(doctype=MEMBER, **kwargs):
	return set(frappe.get_list(doctype, pluck="name", limit=0, **kwargs))


def edit(name, **values):
	doc = frappe.get_doc(MEMBER, name)
	doc.update(values or {"website": "https://club.example"})
	doc.save()
	return doc


def new_member_values():
	return {
		"doctype": MEMBER,
		"member_name": f"Inserted {frappe.generate_hash(length=8)}",
		"country": "Austria",
		"tier": make_tier("Ordinary").name,
	}


class TestReaders:
	@pytest.mark.parametrize("role", READERS)
	def test_see_all_members(self, world, role):
		with as_user(make_user(role)):
			assert {world.mine, world.theirs, world.nobodys} <= listed()
			for name in (world.mine, world.theirs, world.nobodys):
				assert frappe.get_doc(MEMBER, name).has_permission("read")

	@pytest.mark.parametrize("role", READERS[1:])
	def test_but_write_create_and_delete_nothing(self, world, role):
		values = new_member_values()
		with as_user(make_user(role)):
			with refused():
				edit(world.mine)
			with refused():
				frappe.get_doc(values).insert()
			with refused():
				frappe.delete_doc(MEMBER, world.mine)

	def test_the_manager_creates_and_writes_and_never_deletes(self, world):
		values = new_member_values()
		with as_user(make_user("Membership Manager")):
			made = frappe.get_doc(values).insert()
			assert made.customer  # though the manager has no role in ERPNext's selling
			assert edit(world.theirs, officer=world.officer).officer == world.officer
			with refused():
				frappe.delete_doc(MEMBER, made.name)


class TestOfficer:
	def test_sees_the_own_portfolio_only_by_every_list(self, world):
		from frappe.desk.reportview import get, get_count

		with as_user(world.officer):
			assert listed() == {world.mine}
			assert {row.name for row in client_get_list(MEMBER, limit_page_length=0)} == {world.mine}
			frappe.local.form_dict = frappe._dict(
				doctype=MEMBER, fields='["`tabIMTA Member`.`name`"]', start=0, page_length=500, view="Report"
			)
			report = get()
			assert [row[0] for row in report["values"]] == [world.mine]
			frappe.local.form_dict = frappe._dict(doctype=MEMBER, filters="[]", fields="[]", distinct="false")
			assert get_count() == 1

	def test_a_search_finds_no_others(self, world):
		from frappe.desk.search import search_link

		with as_user(world.officer):
			assert [row["value"] for row in search_link(MEMBER, "Test Alpine", page_length=500)] == [
				world.mine
			]

	def test_child_tables_listed_by_themselves_show_no_others(self, world):
		with as_user(world.officer):
			for table in ("Member Status History", "Member Tier History"):
				rows = client_get_list(table, fields=["parent"], parent=MEMBER, limit_page_length=0)
				assert {row.parent for row in rows} == {world.mine}

	def test_reads_and_writes_the_own_member(self, world):
		with as_user(world.officer):
			assert edit(world.mine).website == "https://club.example"

	@pytest.mark.parametrize("whose", ["theirs", "nobodys"])
	def test_neither_reads_nor_writes_others(self, world, whose):
		with as_user(world.officer):
			assert not frappe.has_permission(MEMBER, "read", doc=world[whose])
			with refused():
				frappe.client.get(MEMBER, world[whose])
			with refused():
				edit(world[whose])

	def test_cannot_take_a_member_over(self, world):
		with as_user(world.officer):
			with refused():
				edit(world.theirs, officer=world.officer)
			with refused():
				frappe.client.set_value(MEMBER, world.theirs, "officer", world.officer)

	def test_cannot_give_away_or_raise_the_own_one(self, world):
		with as_user(world.officer):
			doc = edit(world.mine, officer=world.sibling, is_key_member=1, invoice_currency="CNY")
			doc.reload()
			assert (doc.officer, doc.is_key_member, doc.invoice_currency) == (world.officer, 0, None)

	def test_creates_and_deletes_none(self, world):
		values = new_member_values()
		with as_user(world.officer):
			with refused():
				frappe.get_doc({**values, "officer": world.officer}).insert()
			with refused():
				frappe.delete_doc(MEMBER, world.mine)

	def test_loses_sight_when_the_manager_hands_the_member_over(self, world):
		edit(world.mine, officer=world.sibling)
		with as_user(world.officer):
			assert listed() == set()
		with as_user(world.sibling):
			assert listed() == {world.mine, world.theirs}

	def test_an_officer_who_is_manager_too_sees_all(self, world):
		with as_user(make_user(("Liaison Officer", "Membership Manager"))):
			assert {world.mine, world.theirs, world.nobodys} <= listed()


class TestOutsiders:
	@pytest.mark.parametrize("role", OUTSIDERS)
	def test_see_nothing(self, world, role):
		with as_user(make_user(role)):
			for doctype in (
				MEMBER,
				"Member Tier",
				"Membership Change",
				"Member Affiliate",
				"Alliance Settings",
			):
				assert not frappe.has_permission(doctype, "read")
			with refused():
				listed()
			with refused():
				client_get_list(MEMBER)
			with refused():
				frappe.client.get(MEMBER, world.mine)
			with refused():
				client_get_list("Member Status History", fields=["parent"], parent=MEMBER)

	def test_guests_see_nothing(self, world):
		with as_user("Guest"), refused():
			client_get_list(MEMBER)

	def test_members_use_the_portal_only(self):
		assert not frappe.db.get_value("Role", "Alliance Member", "desk_access")


class TestBackDoors:
	"""Ways around a rule that Frappe offers to whoever has some right already."""

	@pytest.mark.parametrize("table", ("Member Status History", "Member Tier History"))
	@pytest.mark.parametrize("role", ("Liaison Officer", "Membership Manager", "System Manager"))
	def test_a_row_of_a_history_is_not_saved_past_its_member(self, world, role, table):
		row = frappe.get_doc(table, {"parent": world.mine})
		copy = {
			"doctype": table,
			"parent": world.mine,
			"parenttype": MEMBER,
			"parentfield": row.parentfield,
			"status": "Emeritus",
			"tier": "Ordinary",
			"from_date": "2025-01-01",
		}
		user = world.officer if role == "Liaison Officer" else make_user(role)
		with as_user(user):
			# As `PUT /api/resource/<row>` and `frappe.client.save` do.
			row.from_date = "2001-01-01"
			with pytest.raises(ProtectedFieldError):
				row.save()
			for door in (lambda: frappe.get_doc(copy).insert(), lambda: frappe.client.insert(copy)):
				with pytest.raises((ProtectedFieldError, frappe.PermissionError)):
					door()
			for door in (frappe.client.delete, frappe.delete_doc):
				with pytest.raises((ProtectedFieldError, frappe.PermissionError)):
					door(table, row.name)

	@pytest.mark.parametrize("role", ("Treasurer", "Training Coordinator", "Alliance Leadership"))
	def test_who_only_reads_cannot_share_a_member_with_more_rights(self, world, role):
		import frappe.share

		with as_user(make_user(role)) as user, refused():
			frappe.share.add(MEMBER, world.mine, user=user, write=1)

	@pytest.mark.parametrize("role", ("Liaison Officer", "Treasurer", "Alliance Leadership"))
	def test_nor_a_change_with_the_right_to_submit_it(self, world, role):
		import frappe.share

		change = make_change(world.mine, "Suspend", submit=False)
		with as_user(world.officer if role == "Liaison Officer" else make_user(role)) as user:
			with refused():
				frappe.share.add("Membership Change", change.name, user=user, write=1, submit=1)

	def test_no_role_may_share_what_it_may_not_write(self):
		for doctype in frappe.get_all("DocType", {"module": "Membership", "istable": 0}, pluck="name"):
			for row in frappe.get_meta(doctype).permissions:
				assert row.write or not row.share, (doctype, row.role)


class TestCardToken:
	@pytest.mark.parametrize("role", ("Liaison Officer", *READERS))
	def test_nobody_in_the_desk_reads_it(self, world, role):
		user = world.officer if role == "Liaison Officer" else make_user(role)
		with as_user(user):
			doc = frappe.get_doc(MEMBER, world.mine)
			doc.apply_fieldlevel_read_permissions()
			assert not doc.get("card_token")
			try:
				rows = client_get_list(MEMBER, fields=["name", "card_token"])
			except frappe.PermissionError:
				return
			assert rows and not any(row.get("card_token") for row in rows)


class TestBrowserRoundTrip:
	"""What the form receives is what it sends back, less the fields that the user may not see."""

	@pytest.mark.parametrize("role", ("Liaison Officer", "Membership Manager", "System Manager"))
	def test_loading_and_saving(self, world, role):
		from frappe.desk.form.load import getdoc
		from frappe.desk.form.save import savedocs

		token = frappe.db.get_value(MEMBER, world.mine, "card_token")
		user = world.officer if role == "Liaison Officer" else make_user(role)
		with as_user(user):
			frappe.response.docs = []
			getdoc(MEMBER, world.mine)
			sent = frappe.parse_json(frappe.as_json(frappe.response.docs[0]))
			sent["phone"] = "+43 1 555"
			frappe.response.docs = []
			savedocs(frappe.as_json(sent), "Save")
		assert frappe.db.get_value(MEMBER, world.mine, ["phone", "card_token"]) == ("+43 1 555", token)


class TestTiers:
	@pytest.mark.parametrize("role", ("Liaison Officer", *READERS))
	def test_all_read_and_the_manager_writes(self, role):
		tier = make_tier()
		with as_user(make_user(role)):
			assert tier.name in listed("Member Tier")
			doc = frappe.get_doc("Member Tier", tier.name)
			doc.free_seats = 9
			if role == "Membership Manager":
				doc.save()
			else:
				with refused():
					doc.save()


class TestChanges:
	def test_the_manager_decides(self, world):
		with as_user(make_user("Membership Manager")):
			change = make_change(world.mine, "Suspend")
			assert change.docstatus == 1
			assert frappe.db.get_value(MEMBER, world.mine, "status") == "Suspended"

	@pytest.mark.parametrize("role", ("Liaison Officer", "Treasurer", "Alliance Leadership"))
	def test_others_read_and_decide_nothing(self, world, role):
		change = make_change(world.mine, "Suspend", submit=False)
		other = make_change(world.theirs, "Suspend", submit=False)
		user = world.officer if role == "Liaison Officer" else make_user(role)
		with as_user(user):
			seen = {change.name} if role == "Liaison Officer" else {change.name, other.name}
			assert listed("Membership Change") & {change.name, other.name} == seen
			with refused():
				make_change(world.mine, "Suspend")
			with refused():
				frappe.get_doc("Membership Change", change.name).submit()
			if role == "Liaison Officer":
				with refused():
					frappe.client.get("Membership Change", other.name)

	def test_the_coordinator_sees_none(self, world):
		make_change(world.mine, "Suspend", submit=False)
		with as_user(make_user("Training Coordinator")), refused():
			listed("Membership Change")

	def test_the_list_of_tiers_for_a_change_tells_nothing_of_others(self, world):
		from imta_crm.membership.doctype.membership_change.membership_change import new_tier_query

		with as_user(world.officer):
			with refused():
				new_tier_query(
					"Member Tier", "", "name", 0, 20, {"member": world.theirs, "change_type": "Upgrade"}
				)
			# As a request brings it: JSON.
			filters = frappe.as_json({"member": world.mine, "change_type": "Upgrade"})
			offered = new_tier_query("Member Tier", "", "name", 0, 20, filters)
			assert "Council" in [row[0] for row in offered]


class TestAffiliates:
	def values(self, member):
		return {
			"doctype": "Member Affiliate",
			"member": member,
			"contact": make_contact(member=member).name,
			"from_date": "2024-01-01",
		}

	def test_the_officer_keeps_those_of_the_own_portfolio(self, world):
		own, foreign = self.values(world.mine), self.values(world.theirs)
		existing = frappe.get_doc(self.values(world.theirs)).insert()
		with as_user(world.officer):
			doc = frappe.get_doc(own).insert()
			doc.position = "Guide"
			doc.save()
			with refused():
				frappe.get_doc(foreign).insert()
			assert existing.name not in listed("Member Affiliate")
			with refused():
				frappe.client.get("Member Affiliate", existing.name)
			# Naming the own member on somebody else's affiliation opens nothing.
			stolen = frappe.get_doc("Member Affiliate", existing.name)
			stolen.member = world.mine
			with refused():
				stolen.save()

	def test_a_strangers_contact_is_not_had_by_affiliating_it(self, world):
		theirs = make_contact("Theirs", member=world.theirs).name
		with as_user(world.officer):
			with refused():
				frappe.get_doc({**self.values(world.mine), "contact": theirs}).insert()
			doc = frappe.get_doc({**self.values(world.mine), "contact": make_contact().name}).insert()
			doc.contact = theirs
			with refused():
				doc.save()

	@pytest.mark.parametrize("role", ("Treasurer", "Training Coordinator", "Alliance Leadership"))
	def test_others_read(self, world, role):
		existing = frappe.get_doc(self.values(world.theirs)).insert()
		with as_user(make_user(role)):
			assert existing.name in listed("Member Affiliate")
			with refused():
				frappe.get_doc(self.values(world.mine)).insert()


class TestPeopleAndPlaces:
	"""Contacts and addresses are Frappe's own; an officer works with those of the portfolio."""

	@pytest.fixture
	def people(self, world):
		return frappe._dict(
			mine=make_contact("Mine", member=world.mine).name,
			theirs=make_contact("Theirs", member=world.theirs).name,
		)

	def test_the_officer_sees_and_edits_those_of_the_portfolio(self, world, people):
		with as_user(world.officer):
			assert listed("Contact") & set(people.values()) == {people.mine}
			contact = frappe.get_doc("Contact", people.mine)
			contact.designation = "Guide"
			contact.save()
			with refused():
				frappe.client.get("Contact", people.theirs)

	def test_a_new_one_belongs_to_the_portfolio_or_to_nobody(self, world):
		def contact(member):
			links = [{"link_doctype": MEMBER, "link_name": member}]
			return frappe.get_doc({"doctype": "Contact", "first_name": "New", "links": links})

		with as_user(world.officer):
			contact(world.mine).insert()
			with refused():
				contact(world.theirs).insert()

	def test_linking_a_strangers_contact_to_the_own_member_opens_nothing(self, world, people):
		with as_user(world.officer):
			contact = frappe.get_doc("Contact", people.theirs)
			contact.append("links", {"link_doctype": MEMBER, "link_name": world.mine})
			with refused():
				contact.save()

	@pytest.mark.parametrize("whose", ("of the portfolio", "of the officer"))
	@pytest.mark.parametrize("link", (MEMBER, "Customer"))
	def test_nothing_is_hung_on_a_strangers_member(self, world, people, whose, link):
		customer = frappe.db.get_value(MEMBER, world.theirs, "customer")
		target = world.theirs if link == MEMBER else customer
		with as_user(world.officer):
			name = people.mine if whose == "of the portfolio" else make_contact().name
			contact = frappe.get_doc("Contact", name)
			contact.append("links", {"link_doctype": link, "link_name": target})
			with refused():
				contact.save()

	def test_addresses_and_numbers_listed_by_themselves_show_no_others(self, world, people):
		for name in people.values():
			contact = frappe.get_doc("Contact", name)
			contact.append("email_ids", {"email_id": f"{frappe.scrub(name)}@club.example"})
			contact.append("phone_nos", {"phone": "+43 1 99"})
			contact.save()
		with as_user(world.officer):
			for table in ("Contact Email", "Contact Phone", "Dynamic Link"):
				rows = client_get_list(table, fields=["parent"], parent="Contact", limit_page_length=0)
				assert {row.parent for row in rows} & set(people.values()) == {people.mine}, table
		with as_user(make_user("Treasurer")):
			rows = client_get_list("Contact Email", fields=["parent"], parent="Contact", limit_page_length=0)
			assert set(people.values()) <= {row.parent for row in rows}

	def test_the_search_of_the_desk_shows_no_others(self, world, people, monkeypatch):
		from frappe.utils import global_search

		found = [frappe._dict(doctype="Contact", name=name, content="") for name in people.values()]
		monkeypatch.setattr(global_search, "search", lambda *args, **kwargs: found)
		method = frappe.get_hooks("override_whitelisted_methods")["frappe.utils.global_search.search"][-1]
		with as_user(world.officer):
			assert [row.name for row in frappe.get_attr(method)("Mine")] == [people.mine]
		with as_user(make_user("Treasurer")):
			assert len(frappe.get_attr(method)("Mine")) == 2

	def test_a_link_field_finds_and_names_no_others(self, world):
		"""Whatever the browser says of User Permissions."""
		overrides = frappe.get_hooks("override_whitelisted_methods")
		search_link, search_widget, get_link_title = (
			frappe.get_attr(overrides[f"frappe.desk.search.{name}"][-1])
			for name in ("search_link", "search_widget", "get_link_title")
		)
		filters = {"name": ("in", [world.mine, world.theirs])}
		with as_user(world.officer):
			found = search_link(MEMBER, "", filters=filters, ignore_user_permissions=True)
			assert [row["value"] for row in found] == [world.mine]
			assert len(search_widget(MEMBER, "", filters=filters, ignore_user_permissions=True)) == 1
			assert get_link_title(MEMBER, world.theirs) == world.theirs
			assert get_link_title(MEMBER, world.mine).startswith("Test Alpine Club")
		with as_user(make_user("Treasurer")):
			assert len(search_link(MEMBER, "", filters=filters)) == 2
		with as_user(make_user(None)):
			assert get_link_title(MEMBER, world.mine) == world.mine

	def test_who_sees_contacts_by_another_role_still_sees_all(self, people):
		with as_user(make_user(("Liaison Officer", "Sales User"))):
			assert set(people.values()) <= listed("Contact")

	@pytest.mark.parametrize("role", READERS)
	def test_the_secretariat_reads_all(self, people, role):
		with as_user(make_user(role)):
			assert set(people.values()) <= listed("Contact")

	def test_users_without_a_role_see_what_is_theirs_as_before(self, people):
		with as_user(make_user(None)):
			assert not listed("Contact") & set(people.values())


class TestPredicate:
	def test_the_condition_and_the_answer_agree(self, world):
		from imta_crm.membership.members import in_portfolio, portfolio_condition

		for user in (world.officer, world.sibling, make_user("Treasurer"), make_user(None), "Administrator"):
			condition = portfolio_condition(user, "`tabIMTA Member`.`name`")
			where = f"where {condition}" if condition else ""
			found = {row[0] for row in frappe.db.sql(f"select name from `tabIMTA Member` {where}")}
			for name in (world.mine, world.theirs, world.nobodys):
				assert (name in found) == in_portfolio(user, name), (user, name)

	def test_a_user_name_cannot_end_the_sql(self):
		from imta_crm.membership.permissions import portfolio_condition

		user = make_user("Liaison Officer", email="o'neill@imta.example")
		condition = portfolio_condition(user, "`tabIMTA Member`.`name`")
		assert frappe.db.sql(f"select count(*) from `tabIMTA Member` where {condition}") == ((0,),)


def test_the_rows_on_contact_and_address_come_and_go_without_a_trace():
	from imta_crm.erp import role_permissions

	def rows():
		return frappe.db.count("Custom DocPerm", {"parent": ("in", role_permissions.DOCTYPES)})

	role_permissions.create()
	there = rows()
	role_permissions.create()
	assert rows() == there > 0
	role_permissions.remove()
	assert rows() == 0
	role_permissions.remove()
	role_permissions.create()
	assert rows() == there
