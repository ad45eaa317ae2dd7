"""Orchestrates what the app adds to a site; the pieces live in the rooms that own them."""

from __future__ import annotations

from collections.abc import Callable

import frappe

from imta_crm import seeds
from imta_crm.defaults import read

SETTINGS = "Alliance Settings"

# Desk access by role. Members use the portal only.
ROLES: dict[str, bool] = {
	"Liaison Officer": True,
	"Membership Manager": True,
	"Treasurer": True,
	"Training Coordinator": True,
	"Alliance Leadership": True,
	"Alliance Member": False,
}


def before_install() -> None:
	"""Make the roles before the DocTypes that name them, so that it is known which ones the app made."""
	seeds.note_fixtures()
	make_roles()


def before_migrate() -> None:
	"""Note which shipped records are new, before Frappe imports them."""
	seeds.note_fixtures()


def after_install() -> None:
	"""Set up a fresh site. Idempotent; a fresh install runs no patches, so all they do is called here."""
	complete()


def after_migrate() -> None:
	"""Bring shipped records up to date. Never overwrites what the secretariat has edited."""
	complete()


def after_setup_wizard(args: dict | None = None) -> None:
	"""Finish what had to wait for ERPNext's root records, which its set-up wizard makes."""
	complete()


def complete() -> None:
	"""Everything that a site needs, in order; each step adds only what is missing."""
	from imta_crm.erp import custom_fields, role_permissions

	make_roles()
	custom_fields.create()
	role_permissions.create()
	for step in steps():
		step()


def steps() -> list[Callable[[], None]]:
	"""The seeding steps, in order of what needs what."""
	return [
		seed_role_profiles,
		seed_sectors,
		seed_regions,
		seed_customer_groups,
		seed_items,
		seed_tiers,
		seed_email_templates,
		seed_settings,
		seed_event_reminders,
	]


def make_roles() -> None:
	"""Create the roles of the alliance; the existing ones keep what was set on them."""
	for role, desk_access in ROLES.items():
		seeds.record("Role", role, {"role_name": role, "desk_access": int(desk_access)})


def seed_role_profiles() -> None:
	"""Bundles of roles to assign to a user: the alliance's role and the ones of ERPNext that it needs."""
	for name, roles in (read("role_profiles") or {}).items():
		present = [{"role": role} for role in roles if frappe.db.exists("Role", role)]
		seeds.record("Role Profile", name, {"role_profile": name, "roles": present})


def seed_sectors() -> None:
	"""Sectors are ERPNext's Market Segments."""
	for sector in read("sectors") or []:
		seeds.record("Market Segment", sector, {"market_segment": sector})


def seed_regions() -> None:
	"""Regions are a tree of ERPNext's Territories. Waits for the set-up wizard."""
	tree = (read("regions") or {}).get("tree") or {}
	# ERPNext has a root of its own, which stands for the world.
	_seed_tree("Territory", tree.get("World") or tree)


def seed_customer_groups() -> None:
	"""Groups that the members' customers belong to. Waits for the set-up wizard."""
	_seed_tree("Customer Group", read("customer_groups") or {})


def _seed_tree(doctype: str, tree: dict) -> None:
	from imta_crm.erp import masters

	if not masters.root_of(doctype):
		return
	known = {name for kind, name in seeds.remembered() if kind == doctype}
	seeds.remember(doctype, masters.ensure_tree(doctype, _without_deleted(doctype, tree, known)))


def _without_deleted(doctype: str, tree: dict | None, known: set[str]) -> dict:
	"""The tree less the nodes that were seeded once and that the secretariat deleted since."""
	return {
		name: _without_deleted(doctype, children, known)
		for name, children in (tree or {}).items()
		if name not in known or frappe.db.exists(doctype, name)
	}


def seed_items() -> None:
	"""The items that dues and fees are invoiced with. Waits for the set-up wizard."""
	from imta_crm.erp import masters

	if masters.root_of("Item Group"):
		seeds.once("Item", masters.DUES_ITEM, masters.ensure_item)
		seeds.once("Item", masters.EVENT_ITEM, masters.ensure_event_item)


def seed_tiers() -> None:
	"""The tiers by the rules of 2022; the secretariat changes them on the site."""
	for tier in read("member_tiers") or []:
		seeds.record("Member Tier", tier["tier_name"], tier)


def seed_email_templates() -> None:
	"""Texts of the dues notice and of the reminders, in both languages."""
	for template in read("email_templates") or []:
		seeds.record("Email Template", template["name"], template)


def seed_settings() -> None:
	"""Defaults of settings, also of those that came after the settings were first saved.

	Frappe has them for a document that was never saved only. What is there stays, a zero, too.
	"""
	stored = frappe.db.get_singles_dict(SETTINGS)
	for df in frappe.get_meta(SETTINGS).fields:
		if df.default and df.fieldname not in stored:
			frappe.db.set_single_value(SETTINGS, df.fieldname, df.default, update_modified=False)


def seed_event_reminders() -> None:
	"""When participants of sessions and activities are reminded; the secretariat changes it in the settings."""
	for number, row in enumerate(read("event_reminders") or [], 1):
		name = f"imta-{frappe.scrub(row['applies_to'])}-{row['hours_before']}"
		entry = {**row, "parent": SETTINGS, "parenttype": SETTINGS, "parentfield": "event_reminders"}
		seeds.record("Event Reminder", name, {**entry, "idx": number})
	frappe.clear_document_cache(SETTINGS, SETTINGS)
