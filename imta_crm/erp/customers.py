"""The one ERPNext Customer of a member that owes dues.

The Customer carries the member's number as its own name (primary key), the link back is unique, and it is
made under a lock on the member's row: three reasons why there is never a second one.
"""

from __future__ import annotations

from hashlib import sha256

import frappe
from frappe import _
from frappe.model.document import Document
from frappe.model.naming import append_number_if_name_exists
from frappe.utils import get_link_to_form

from imta_crm.erp import contacts, masters
from imta_crm.policy.names import fold

MEMBER = "IMTA Member"
OTHER_MEMBERS_GROUP = "Other Members"
#: What a Customer says of a person, besides its name and key. The key goes: who comes back is somebody new.
PERSONAL = (
	"imta_guest_key",
	"customer_primary_contact",
	"email_id",
	"mobile_no",
	"website",
	"image",
	"customer_details",
)


class CustomerLinkError(frappe.ValidationError):
	"""The link between a customer and its member is kept by the app alone."""


def ensure_customer(member: Document, *, lead: str | None = None) -> str:
	"""Name of the member's Customer, made where there is none. Safe against any number at once.

	:param lead: Lead that the member came from; ERPNext marks it as converted.
	"""
	# Locking reads see what others have committed meanwhile, also in a transaction that began before.
	name = frappe.db.get_value(MEMBER, member.name, "customer", for_update=True) or frappe.db.get_value(
		"Customer", {"imta_member": member.name}, "name", for_update=True
	)
	if not name:
		name = _make(member, lead).name
	if member.customer != name:
		member.db_set("customer", name, update_modified=False)
	return name


def ensure_guest_customer(
	*,
	organisation: str | None,
	person: str,
	email: str | None,
	country: str | None = None,
	currency: str | None = None,
	language: str | None = None,
	contact: str | None = None,
) -> str:
	"""Name of the Customer that pays for a guest: the organisation's, else the person's own.

	Guests are of one organisation where its folded name and the country are the same, and one person where the
	folded e-mail address is. The database keeps one customer for each. A customer of a member is never taken:
	whom a guest claims to work for is not proven.
	"""
	key = _guest_key(organisation, country, email or person)
	# A locking read sees what others have committed meanwhile.
	name = frappe.db.get_value("Customer", {"imta_guest_key": key}, "name", for_update=True)
	if not name:
		name = _make_guest(key, organisation, person, country, currency, language)
	_add_person(name, contact=contact, person=person, email=email, organisation=organisation)
	return name


def erase_guest(email: str) -> None:
	"""Take a guest who is to be forgotten out of the customers: the own one keeps what was booked, no name.

	The Contacts made for the invoices of a guest go, also those at the customer of an organisation. Invoices
	belong to the books and are not touched. Repeating it is harmless.
	"""
	for contact in frappe.get_all("Contact", {"email_id": email}, pluck="name"):
		links = frappe.get_all(
			"Dynamic Link",
			{"parenttype": "Contact", "parent": contact},
			["link_doctype", "link_name"],
		)
		if links and all(
			link.link_doctype == "Customer"
			and frappe.db.get_value("Customer", link.link_name, "imta_guest_key")
			for link in links
		):
			_delete_contact(contact)
	name = frappe.db.get_value("Customer", {"imta_guest_key": _guest_key(None, None, email)})
	if name:
		redacted = f"redacted {name}"
		values: dict[str, object] = dict.fromkeys(PERSONAL)
		values.update({"customer_name": redacted, "_comments": None})
		frappe.db.set_value("Customer", name, values, update_modified=False)
		frappe.db.delete("Version", {"ref_doctype": "Customer", "docname": name})


def _delete_contact(contact: str) -> None:
	"""For good. Invoices that are credited later must not look for it, nor customers for whom to write to."""
	for doctype, field in (("Customer", "customer_primary_contact"), ("Sales Invoice", "contact_person")):
		frappe.db.set_value(doctype, {field: contact}, field, None, update_modified=False)
	frappe.delete_doc("Contact", contact, force=True, ignore_permissions=True, delete_permanently=True)
	frappe.db.delete("Comment", {"comment_type": "Deleted", "subject": ("like", f"%{contact}")})


def _guest_key(organisation: str | None, country: str | None, person: str) -> str:
	"""Folded and hashed: it fits the column, and says nothing of a person who is to be forgotten."""
	kind = "organisation" if organisation else "person"
	identity = f"{fold(organisation)}|{country or ''}" if organisation else fold(person)
	return f"{kind}|{sha256(identity.encode()).hexdigest()}"


def _make_guest(
	key: str,
	organisation: str | None,
	person: str,
	country: str | None,
	currency: str | None,
	language: str | None,
) -> str:
	customer = frappe.new_doc("Customer")
	customer.update(
		{
			"customer_name": (organisation or person)[:140],
			"customer_type": "Company" if organisation else "Individual",
			"customer_group": masters.ensure_customer_group(masters.GUESTS_GROUP),
			"territory": masters.territory_of(country) or masters.root_of("Territory"),
			"default_currency": currency,
			"language": language,
			"imta_guest_key": key,
		}
	)
	# The ledger names customers by their number, which stays when a person is forgotten.
	number = customer.customer_name if organisation else f"GUEST-{frappe.generate_hash(length=10).upper()}"
	# Acts for the alliance: a coordinator has no role in ERPNext's selling.
	customer.insert(ignore_permissions=True, set_name=append_number_if_name_exists("Customer", number))
	return customer.name


def _add_person(
	customer: str, *, contact: str | None, person: str, email: str | None, organisation: str | None
) -> None:
	"""The person as a Contact of the customer: whom the invoice goes to."""
	link = ("Customer", customer)
	if contact:
		contacts.add_links("Contact", contact, [link])
	elif person and not contacts.linked("Contact", *link):
		contacts.ensure_contact(links=[link], first_name=person, email=email, company_name=organisation)


def sync(member: Document) -> None:
	"""Keep name, region, sector, language, currency and website of the Customer in step with the member."""
	if not member.customer:
		return
	customer = frappe.get_doc("Customer", member.customer)
	values = _values(member)
	if all((customer.get(field) or None) == (value or None) for field, value in values.items()):
		return
	customer.update(values)
	customer.flags.imta_member = member.name
	customer.save(ignore_permissions=True)  # whoever may edit the member need not know of ERPNext


def ledger_currency(customer: str | None, company: str | None = None) -> str | None:
	"""Currency of the account that the customer has entries on in the company's ledger; None without any."""
	from erpnext.accounts.party import get_party_gle_currency

	company = company or masters.default_company()
	return get_party_gle_currency("Customer", customer, company) if customer and company else None


def release(member: Document) -> None:
	"""Part a member that is being deleted from its Customer, and delete that where nothing speaks against it."""
	customer = member.customer
	if not customer or not frappe.db.exists("Customer", customer):
		return
	frappe.db.set_value("Customer", customer, "imta_member", None)
	member.db_set("customer", None, update_modified=False)
	frappe.db.savepoint("imta_release")
	try:
		frappe.delete_doc("Customer", customer, ignore_permissions=True)
	except frappe.LinkExistsError:
		# Somebody sold it something besides the dues: the customer stays, by itself.
		frappe.db.rollback(save_point="imta_release")


def guard_member_link(doc: Document, method: str | None = None) -> None:
	"""`Customer.validate`: only this module joins a customer and a member."""
	before = doc.get_doc_before_save()
	was = before.get("imta_member") if before else None
	if (doc.get("imta_member") or None) != (was or None) and doc.flags.imta_member != doc.get("imta_member"):
		frappe.throw(
			_(
				"The member of a customer cannot be changed: it is set when the customer is made for the member."
			),
			CustomerLinkError,
		)


def guard_trash(doc: Document, method: str | None = None) -> None:
	"""`Customer.on_trash`: the customer of a member stays as long as the member."""
	member = doc.get("imta_member")
	if member and frappe.db.exists(MEMBER, member):
		frappe.throw(
			_("{0} is the customer of member {1} and cannot be deleted.").format(
				doc.name, get_link_to_form(MEMBER, member)
			),
			CustomerLinkError,
		)


def _make(member: Document, lead: str | None) -> Document:
	customer = frappe.new_doc("Customer")
	customer.update(_values(member))
	customer.update(
		{
			"customer_type": "Individual" if member.member_type == "Individual" else "Company",
			"customer_group": _group(member),
			"territory": member.territory or masters.root_of("Territory"),
			"imta_member": member.name,
		}
	)
	if lead and frappe.db.exists("Lead", lead):
		frappe.db.set_value("Lead", lead, "imta_member", member.name)
		customer.lead_name = lead
	customer.flags.imta_member = member.name
	# Acts for the alliance: who admits members has no role in ERPNext's selling.
	customer.flags.ignore_permissions = True
	customer.insert(ignore_permissions=True, set_name=append_number_if_name_exists("Customer", member.name))
	contacts.share_links((MEMBER, member.name), ("Customer", customer.name))
	return customer


def _values(member: Document) -> dict[str, str | None]:
	values = {
		"customer_name": member.member_name,
		"market_segment": member.sector,
		"default_currency": member.invoice_currency,
		"language": member.preferred_language,
		"website": member.website,
	}
	if member.territory:
		values["territory"] = member.territory
	return values


def _group(member: Document) -> str:
	"""Group named after the tier ("Council Members"), else the group of all members."""
	names = [f"{member.tier} Members", masters.MEMBERS_GROUP]
	if member.member_type == "Individual":
		names.insert(1, masters.INDIVIDUALS_GROUP)
	for name in names:
		if frappe.db.get_value("Customer Group", name, "is_group") == 0:
			return name
	if not frappe.db.exists("Customer Group", masters.MEMBERS_GROUP):
		return masters.ensure_customer_group()
	# A group that has groups below takes no customers itself.
	return masters.ensure_customer_group(OTHER_MEMBERS_GROUP, masters.MEMBERS_GROUP)
