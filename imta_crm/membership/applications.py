"""What other rooms ask of applications and returns: started for somebody, never decided."""

from __future__ import annotations

import re

import frappe
from frappe.utils import nowdate, validate_email_address, validate_url

from imta_crm.membership.doctype.membership_application import admission
from imta_crm.membership.doctype.membership_application.membership_application import DRAFT, is_plain_name
from imta_crm.membership.members import HAVE_LEFT, MEMBER
from imta_crm.policy.names import fold, tidy
from imta_crm.policy.status import REINSTATE

APPLICATION = "Membership Application"
CHANGE = "Membership Change"
NAMES = ("applicant_name", "applicant_name_local", "contact_first_name", "contact_last_name")


def start(values: dict, *, invitation: str, tiers: tuple[str | None, ...] = ()) -> str:
	"""Insert a draft with what is known of an applicant; returns its name.

	What the form would refuse is left out, what is missing stays to be filled in: whoever submits the draft
	sees to both. Of `tiers` the first that is open to the applicant is taken, else the lowest that strangers
	may apply for. Checks no permission: the applicant has asked for it.

	:raises frappe.UniqueValidationError: the invitation has led to an application already
	"""
	application = frappe.new_doc(APPLICATION)
	application.update({field: value for field, value in values.items() if value})
	for field in NAMES:
		name = tidy(application.get(field) or "")
		application.set(field, name if is_plain_name(name) else None)
	application.email = _usable_email(application.email)
	application.website = _usable_website(application.website)
	application.tier = _open_tier(application.applicant_type, tiers)
	application.source = "Invitation"
	application.flags.invitation = invitation
	application.flags.ignore_mandatory = True
	application.insert(ignore_permissions=True)
	return application.name


def is_untouched(application: str) -> bool:
	"""Whether a draft is still as `start` has left it, so that nobody's work is in it."""
	row = frappe.db.get_value(
		APPLICATION, application, ["workflow_state", "creation", "modified", "source"], as_dict=True
	)
	return bool(
		row
		and row.workflow_state == DRAFT
		and row.source == "Invitation"
		and row.creation == row.modified
		and not frappe.db.exists(
			"Comment",
			{"reference_doctype": APPLICATION, "reference_name": application, "comment_type": "Comment"},
		)
	)


def discard(application: str) -> None:
	"""Delete a draft that `is_untouched`. Checks no permission."""
	frappe.delete_doc(APPLICATION, application, ignore_permissions=True)


def erase_draft(application: str | None) -> None:
	"""Delete a draft for good, also from Frappe's list of deleted documents; one that was handed in stays."""
	if application and frappe.db.get_value(APPLICATION, application, "workflow_state") == DRAFT:
		frappe.delete_doc(
			APPLICATION, application, force=True, ignore_permissions=True, delete_permanently=True
		)


def link(application: str, invitation: str, *, lead: str | None = None) -> None:
	"""Note the invitation, and a Lead where one is given, on an application. No permission check.

	:raises frappe.UniqueValidationError: the invitation has led to another application
	"""
	values = {"invitation": invitation, **({"lead": lead} if lead else {})}
	frappe.db.set_value(APPLICATION, application, values, update_modified=False)


def dues_of(application: str) -> frappe._dict | None:
	"""Member and dues state of an application, which is locked until the transaction ends."""
	return frappe.db.get_value(
		APPLICATION, application, ["dues_state", "member"], as_dict=True, for_update=True
	)


def with_dues(states: tuple[str, ...]) -> list[str]:
	"""Applications whose dues are in one of these states, the longest untouched first."""
	return frappe.get_all(
		APPLICATION, {"dues_state": ("in", states)}, pluck="name", order_by="modified, name", limit=0
	)


def note_dues(application: str, state: str, note: str | None) -> None:
	"""What has become of the dues of an admission, as the dues say it."""
	frappe.db.set_value(
		APPLICATION, application, {"dues_state": state, "dues_note": note}, update_modified=False
	)


def former_member(name: str | None, country: str | None) -> str | None:
	"""The member of this name in this country that has left, whom approval would refuse as an applicant."""
	if not name or not country:
		return None
	return frappe.db.get_value(
		MEMBER, {"name_folded": fold(name), "country": country, "status": ("in", HAVE_LEFT)}
	)


def has_left(member: str | None) -> bool:
	return bool(member) and frappe.db.get_value(MEMBER, member, "status") in HAVE_LEFT


def propose_reinstatement(member: str, reason: str) -> str:
	"""A draft Membership Change that would bring a former member back; the one that is there, if there is one.

	It takes effect only when a membership manager submits it. Checks no permission.
	"""
	found = frappe.db.get_value(
		CHANGE,
		{
			"member": member,
			"change_type": REINSTATE,
			"state": ("in", ("Draft", "Scheduled")),
			"docstatus": ("<", 2),
		},
	)
	if found:
		return found
	change = frappe.new_doc(CHANGE)
	change.update({"member": member, "change_type": REINSTATE, "effective_date": nowdate(), "reason": reason})
	change.insert(ignore_permissions=True)
	# Whoever submits it decides; so far nobody has, least of all the guest whose answer this is.
	change.db_set("decided_by", None, update_modified=False)
	return change.name


def _usable_email(email: str | None) -> str | None:
	email = (email or "").strip()
	return email if email and validate_email_address(email) == email else None


def _usable_website(website: str | None) -> str | None:
	website = (website or "").strip()
	if website and "://" not in website:
		website = f"https://{website}"
	usable = validate_url(website, valid_schemes=("http", "https")) and not re.search(r"\s", website)
	return website if website and usable else None


def _open_tier(applicant_type: str, wanted: tuple[str | None, ...]) -> str | None:
	for tier in wanted:
		if tier and admission.tier_is_open(tier, applicant_type):
			return tier
	return next(
		iter(
			frappe.get_all(
				"Member Tier",
				{
					"disabled": 0,
					"open_to_applications": 1,
					"member_type": ("in", ("Any", applicant_type)),
				},
				pluck="name",
				order_by="`rank` asc, name asc",
				limit=1,
			)
		),
		None,
	)
