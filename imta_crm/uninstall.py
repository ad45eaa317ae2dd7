"""Removes what installing added. Accounting documents and what they use stay, and the command says so.

Everything happens in `after_uninstall`: Frappe calls the hooks also in a dry run, which must change nothing.
"""

from __future__ import annotations

import click
import frappe

APP = "imta_crm"
STATE = "imta_crm_uninstall"

# Where Frappe keeps things about any document: (DocType, column that names the document's DocType).
REFERENCES: tuple[tuple[str, str], ...] = (
	("Version", "ref_doctype"),
	("Comment", "reference_doctype"),
	("ToDo", "reference_type"),
	("DocShare", "share_doctype"),
	("Tag Link", "document_type"),
	("View Log", "reference_doctype"),
	("Document Follow", "ref_doctype"),
	("Notification Log", "document_type"),
	("Dynamic Link", "link_doctype"),
	("Energy Point Log", "reference_doctype"),
	("User Permission", "allow"),
	("Custom DocPerm", "parent"),
	("Property Setter", "doc_type"),
	("Custom Field", "dt"),
	("Workflow", "document_type"),
	("Workflow Action", "reference_doctype"),
	("List Filter", "reference_doctype"),
	("Kanban Board", "reference_doctype"),
	("Assignment Rule", "document_type"),
	("Auto Repeat", "reference_doctype"),
	("Document Naming Rule", "document_type"),
	("Deleted Document", "deleted_doctype"),
	("Prepared Report", "report_name"),
	("Print Format", "doc_type"),
	("Onboarding Step", "reference_document"),
	("Data Import", "reference_doctype"),
	("Reminder", "reminder_doctype"),
)


def before_uninstall() -> None:
	"""Note what there is while the DocTypes still exist. Writes nothing."""
	modules = frappe.get_all("Module Def", filters={"app_name": APP}, pluck="name")
	frappe.flags[STATE] = frappe._dict(
		doctypes=frappe.get_all("DocType", filters={"module": ("in", modules)}, pluck="name"),
		reports=frappe.get_all("Report", filters={"module": ("in", modules)}, pluck="name"),
		series=_series(modules),
	)


def after_uninstall() -> None:
	"""Remove custom fields, seeds, roles and everything that Frappe keeps about the app's documents."""
	if APP in frappe.get_installed_apps():
		return  # a dry run
	state = frappe.flags.get(STATE) or frappe._dict(doctypes=[], reports=[], series=[])
	remove_references(state.doctypes, state.reports)
	remove_files(state.doctypes)
	remove_custom_fields()
	remove_roles_from_users()
	remove_role_permissions()
	kept = remove_seeds()
	remove_traces(state.series)
	# Frappe's own commit came before this hook.
	frappe.db.commit()
	frappe.clear_cache()
	say(kept)


def _series(modules: list[str]) -> list[str]:
	"""Prefixes of the naming series of the app's DocTypes, as `tabSeries` counts them."""
	prefixes = []
	for row in frappe.get_all("DocType", filters={"module": ("in", modules)}, fields=["name", "autoname"]):
		options = [row.autoname or ""]
		options += (
			frappe.db.get_value("DocField", {"parent": row.name, "fieldname": "naming_series"}, "options")
			or ""
		).split("\n")
		for option in options:
			prefix = option.removeprefix("format:").split(".")[0].split("{")[0].strip()
			if prefix.endswith("-") and len(prefix) > 2:
				prefixes.append(prefix)
	return prefixes


def remove_references(doctypes: list[str], reports: list[str]) -> None:
	"""Rows that name one of the app's DocTypes: versions, comments, to-dos, shares, workflows and the like."""
	if not doctypes:
		return
	for doctype, column in REFERENCES:
		if not frappe.db.table_exists(doctype) or not frappe.db.has_column(doctype, column):
			continue
		names = reports if doctype == "Prepared Report" else doctypes
		if not names:
			continue
		rows = frappe.get_all(doctype, filters={column: ("in", names)}, pluck="name")
		if not rows:
			continue
		for child in frappe.get_meta(doctype).get_table_fields():
			frappe.db.delete(child.options, {"parenttype": doctype, "parent": ("in", rows)})
		frappe.db.delete(doctype, {"name": ("in", rows)})
	for doctype in ("Communication", "Email Queue"):
		# Letters that were written stay; they only stop pointing at what is gone.
		table = frappe.qb.DocType(doctype)
		(
			frappe.qb.update(table)
			.set(table.reference_doctype, None)
			.set(table.reference_name, None)
			.where(table.reference_doctype.isin(doctypes))
		).run()
	frappe.db.delete("Communication Link", {"link_doctype": ("in", doctypes)})
	frappe.db.delete("__global_search", {"doctype": ("in", doctypes)})
	frappe.db.delete("__UserSettings", {"doctype": ("in", doctypes)})
	frappe.db.delete("Singles", {"doctype": ("in", doctypes)})


def remove_files(doctypes: list[str]) -> None:
	"""Files attached to the app's documents, on disk too."""
	if not doctypes:
		return
	for name in frappe.get_all("File", filters={"attached_to_doctype": ("in", doctypes)}, pluck="name"):
		# A file asks the document that it is attached to, which is gone.
		unattached = {"attached_to_doctype": None, "attached_to_name": None, "attached_to_field": None}
		frappe.db.set_value("File", name, unattached, update_modified=False)
		frappe.delete_doc("File", name, force=True, ignore_permissions=True, delete_permanently=True)


def remove_custom_fields() -> None:
	"""The fields on ERPNext's DocTypes and their columns."""
	from imta_crm.erp import custom_fields

	custom_fields.remove()


def remove_roles_from_users() -> None:
	"""What was granted through the app's roles and role profiles."""
	from imta_crm import seeds

	made = seeds.remembered()
	roles = [name for doctype, name in made if doctype == "Role"]
	profiles = [name for doctype, name in made if doctype == "Role Profile"]
	if roles:
		for doctype in ("Has Role", "Custom DocPerm", "DocPerm"):
			frappe.db.delete(doctype, {"role": ("in", roles)})
	if profiles:
		if frappe.db.table_exists("User Role Profile"):
			frappe.db.delete("User Role Profile", {"role_profile": ("in", profiles)})
		frappe.db.set_value("User", {"role_profile_name": ("in", profiles)}, "role_profile_name", None)
		frappe.db.delete("Has Role", {"parenttype": "Role Profile", "parent": ("in", profiles)})


def remove_role_permissions() -> None:
	"""What the app's roles may do with Frappe's Contact and Address."""
	from imta_crm.erp import role_permissions

	role_permissions.remove()


def remove_seeds() -> list[tuple[str, str]]:
	"""Records that were put on the site once; returns those that others still use."""
	from imta_crm import seeds

	return seeds.remove_all()


def remove_traces(series: list[str]) -> None:
	"""Patch log, scheduled jobs, counters, portal menu and defaults that name the app."""
	frappe.db.delete("Patch Log", {"patch": ("like", f"{APP}.%")})
	jobs = frappe.get_all("Scheduled Job Type", filters={"method": ("like", f"{APP}.%")}, pluck="name")
	if jobs:
		frappe.db.delete("Scheduled Job Log", {"scheduled_job_type": ("in", jobs)})
		frappe.db.delete("Scheduled Job Type", {"name": ("in", jobs)})
	frappe.db.delete("DefaultValue", {"defkey": ("like", f"{APP}%")})
	for prefix in series:
		frappe.db.delete("Series", {"name": ("like", f"{prefix}%")})


def say(kept: list[tuple[str, str]]) -> None:
	"""Tell the person at the terminal what stays and why."""
	click.echo("Customers, contacts, invoices, payments and accounts stay: they belong to the books.")
	for doctype, name in sorted(kept):
		click.echo(f"* kept {doctype} '{name}': other records use it")
