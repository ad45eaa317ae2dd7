"""Fields that the app adds to ERPNext's own DocTypes, as data.

`create` is idempotent and runs at install and after each migration; `remove` runs before uninstalling.
"""

import frappe
from frappe.custom.doctype.custom_field.custom_field import create_custom_fields

Fields = dict[str, list[dict[str, object]]]

CUSTOM_FIELDS: Fields = {
	"Customer": [
		{
			"fieldname": "imta_member",
			"label": "IMTA Member",
			"fieldtype": "Link",
			"options": "IMTA Member",
			"insert_after": "customer_group",
			# One customer for each member and one member for each customer: the database keeps it.
			"unique": 1,
			"read_only": 1,
			"no_copy": 1,
			"in_standard_filter": 1,
		},
		{
			"fieldname": "imta_guest_key",
			"label": "Guest Key",
			"fieldtype": "Data",
			"insert_after": "imta_member",
			"description": "The organisation or person of guests whom this customer stands for",
			# One customer for each of them, also when two sessions are invoiced at once: the database keeps it.
			"unique": 1,
			"hidden": 1,
			"read_only": 1,
			"no_copy": 1,
			"print_hide": 1,
			"report_hide": 1,
		},
	],
	"Lead": [
		{
			"fieldname": "imta_member",
			"label": "IMTA Member",
			"fieldtype": "Link",
			"options": "IMTA Member",
			"insert_after": "status",
			"read_only": 1,
			"no_copy": 1,
			"search_index": 1,
		},
	],
	"Sales Invoice": [
		{
			"fieldname": "imta_section",
			"label": "Membership Dues",
			"fieldtype": "Section Break",
			"insert_after": "remarks",
			"collapsible": 1,
			"depends_on": "imta_dues_charge",
		},
		{
			"fieldname": "imta_member",
			"label": "IMTA Member",
			"fieldtype": "Link",
			"options": "IMTA Member",
			"insert_after": "imta_section",
			"read_only": 1,
			"no_copy": 1,
			"print_hide": 1,
			"search_index": 1,
		},
		{
			"fieldname": "imta_dues_charge",
			"label": "Dues Charge",
			"fieldtype": "Link",
			"options": "Dues Charge",
			"insert_after": "imta_member",
			"read_only": 1,
			"no_copy": 1,
			"print_hide": 1,
			"search_index": 1,
		},
		{
			"fieldname": "imta_live_charge",
			"label": "Live Dues Charge",
			"fieldtype": "Data",
			"insert_after": "imta_dues_charge",
			"description": "The charge while this invoice is its live one, empty once cancelled",
			# The database keeps one live invoice for each charge.
			"unique": 1,
			"hidden": 1,
			"read_only": 1,
			"no_copy": 1,
			"print_hide": 1,
			"report_hide": 1,
		},
		{
			"fieldname": "imta_event_section",
			"label": "Training and Activities",
			"fieldtype": "Section Break",
			"insert_after": "imta_live_charge",
			"collapsible": 1,
			"depends_on": "imta_event",
		},
		{
			"fieldname": "imta_event_doctype",
			"label": "Training or Activity",
			"fieldtype": "Link",
			"options": "DocType",
			"insert_after": "imta_event_section",
			"read_only": 1,
			"no_copy": 1,
			"print_hide": 1,
		},
		{
			"fieldname": "imta_event",
			"label": "Session or Activity",
			"fieldtype": "Dynamic Link",
			"options": "imta_event_doctype",
			"insert_after": "imta_event_doctype",
			"read_only": 1,
			"no_copy": 1,
			"print_hide": 1,
			"search_index": 1,
		},
		{
			"fieldname": "imta_live_event_invoice",
			"label": "Live Fee Invoice",
			"fieldtype": "Data",
			"insert_after": "imta_event",
			"description": "Event and customer while this invoice is live, empty once cancelled",
			# The database keeps one live invoice for each organisation and event, and one of each number
			# of those that had to be made besides.
			"unique": 1,
			"hidden": 1,
			"read_only": 1,
			"no_copy": 1,
			"print_hide": 1,
			"report_hide": 1,
		},
	],
	"Sales Invoice Item": [
		{
			"fieldname": "imta_booking",
			"label": "Booking",
			"fieldtype": "Data",
			"insert_after": "description",
			"description": "The enrolment or delegate whose fee this is",
			"read_only": 1,
			"no_copy": 1,
			"print_hide": 1,
			"search_index": 1,
		},
	],
}


def create() -> None:
	"""Add the fields, or bring them up to date. Idempotent."""
	create_custom_fields(CUSTOM_FIELDS, ignore_validate=True)


def remove() -> None:
	"""Take the fields and their columns away again. Idempotent; for uninstalling."""
	for doctype, fields in CUSTOM_FIELDS.items():
		names = [field["fieldname"] for field in fields]
		for name in frappe.get_all("Custom Field", {"dt": doctype, "fieldname": ("in", names)}, pluck="name"):
			frappe.delete_doc("Custom Field", name, ignore_missing=True, force=True)
		for column in frappe.db.get_table_columns(doctype):
			if column in names:
				frappe.db.sql_ddl(f"alter table `tab{doctype}` drop column `{column}`")
		frappe.clear_cache(doctype=doctype)
