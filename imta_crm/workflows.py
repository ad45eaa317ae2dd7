"""The workflows that the app ships: kept beside a site's own, and never passed by."""

from __future__ import annotations

import frappe
from frappe import _
from frappe.model.document import Document

#: Names of the shipped workflows; each bears the name of its DocType.
SHIPPED = ("Membership Application", "Invitation Campaign", "Training Enrollment", "Activity Delegate")


class WorkflowBypassed(frappe.ValidationError):
	"""The state was set by other means than a step of the workflow."""


def check_is_on(doc: Document, state: str, before: str) -> None:
	"""Raise WorkflowBypassed where the state changes though no workflow is active.

	Without an active workflow Frappe lets anybody with write permission set any state.
	"""
	if state != before and not doc.meta.get_workflow():
		frappe.throw(
			_("The workflow of {0} is switched off, so no step can be taken.").format(_(doc.doctype)),
			WorkflowBypassed,
		)


def keep_own_workflow(workflow: Document, method: str | None = None) -> None:
	"""Before a shipped workflow is imported, as on each migrate: leave a workflow of the site's own active.

	Frappe writes fixtures anew on every migrate, and an active workflow switches all others of its DocType
	off. A secretariat that wants other steps therefore duplicates the shipped workflow under a name of its
	own and activates that; from then on the shipped one arrives switched off.
	"""
	if workflow.name not in SHIPPED:
		return
	if frappe.db.exists(
		"Workflow",
		{"document_type": workflow.document_type, "is_active": 1, "name": ["!=", workflow.name]},
	):
		workflow.is_active = 0
