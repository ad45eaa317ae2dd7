"""The one writer of a seat's status after it was made, and of the key that keeps it alone.

While a seat is live it holds `live_key`, which is unique in the database: so nobody has two live seats for one
event, whatever happens at once.

Locks are taken in one order everywhere, so that nobody waits in a circle: the person, then the member, then the
event, then its seats. What is read under a lock is read by locking reads: a plain one would show the moment at
which the transaction began.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256

import frappe
from frappe import _
from frappe.utils import now, now_datetime
from frappe.workflow.doctype.workflow_action.workflow_action import clear_workflow_actions

from imta_crm.policy.seating import (
	CANCELLED,
	COMPLETED,
	CONFIRMED,
	HOLDS_SEAT,
	LIVE,
	NO_SHOW,
	REQUESTED,
	may_become,
)
from imta_crm.seating import fees, notices

KEY_LENGTH = 190
#: Seconds that somebody waits for another seat of the same person to be settled.
PATIENCE = 30


class ForbiddenStep(frappe.ValidationError):
	"""A seat cannot become that from what it is."""


def lock(doctype: str, name: str) -> frappe._dict:
	"""All fields of an event or a seat as they are now, locked until the end of the transaction.

	:raises frappe.DoesNotExistError: there is none of this name
	"""
	rows = frappe.db.sql(f"select * from `tab{doctype}` where name = %s for update", name, as_dict=True)
	if not rows:
		frappe.throw(_("There is no {0} {1}.").format(_(doctype), name), frappe.DoesNotExistError)
	return rows[0]


def lock_member(member: str) -> None:
	"""Lock a member's row: its free seats are counted one after the other."""
	frappe.db.sql("select name from `tabIMTA Member` where name = %s for update", member)


def lock_people(people: Iterable[tuple[str | None, str]]) -> None:
	"""Lock people, so that two seats of one person are settled one after the other.

	Always in the same order. Who has no Contact is locked by the e-mail address, with a lock of the database
	that ends with the transaction, or with the connection where the process is killed.

	:param people: (contact or None, folded e-mail address)
	"""
	contacts, addresses = set(), set()
	for contact, email in people:
		(contacts if contact else addresses).add(contact or email)
	for contact in sorted(contacts):
		frappe.db.sql("select name from `tabContact` where name = %s for update", contact)
	for email in sorted(addresses):
		_lock_address(email)


def _lock_address(email: str) -> None:
	# At most 64 characters; the database's name keeps sites on one server apart.
	key = "imta:" + sha256(f"{frappe.conf.db_name}:person:{email}".encode()).hexdigest()[:40]
	if not frappe.db.sql("select get_lock(%s, %s)", (key, PATIENCE))[0][0]:
		raise frappe.QueryTimeoutError(_("Another request of this person is still being settled."))

	done = []

	def release() -> None:
		if not done:
			done.append(True)
			frappe.db.sql("select release_lock(%s)", (key,))

	frappe.db.after_commit.add(release)
	frappe.db.after_rollback.add(release)


def live_key(event: str, contact: str | None, email: str) -> str:
	"""What is unique among live seats: the event, and the person by Contact or folded e-mail address."""
	key = f"{event}|{contact or email}"
	if len(key) <= KEY_LENGTH:
		return key
	digest = sha256(key.encode()).hexdigest()
	return f"{key[: KEY_LENGTH - len(digest) - 1]}~{digest}"


def write(doctype: str, name: str, **values: object) -> frappe._dict:
	"""Write fields of a seat; with a new status what follows from it, and who must know of it. No commit.

	`via_transfer=True` leaves fees and letters to the transfer. Returns the seat's fields as they are now.

	:raises ForbiddenStep: the seat cannot become that
	"""
	via_transfer = values.pop("via_transfer", False)
	before = lock(doctype, name)
	status = values.get("status", before.status)
	changed = status != before.status
	if changed:
		if not may_become(before.status, status):
			frappe.throw(
				_("{0}: a seat that is {1} cannot become {2}.").format(
					before.participant_name, _(before.status), _(status)
				),
				ForbiddenStep,
			)
		values = {**consequences(doctype, before, status), **values}
	values.update(modified=now(), modified_by=frappe.session.user)
	update(doctype, name, values)
	after = frappe._dict({**before, **values})
	if changed:
		note_version(doctype, name, before, after)
		if before.status == REQUESTED:
			clear_workflow_actions(doctype, name)  # nobody need decide any more
		if not via_transfer:
			tell(doctype, name, before.status, status)
	return after


def consequences(doctype: str, before: Mapping, status: str) -> dict[str, object]:
	"""The fields that follow from a new status."""
	moment = now_datetime()
	values: dict[str, object] = {"offer_expires_at": None}
	if status == CANCELLED:
		values |= {"live_key": None, "cancelled_at": moment, "cancelled_by": frappe.session.user}
	elif status == CONFIRMED and not before["confirmed_at"]:
		values["confirmed_at"] = moment
	if "completed_at" in before:
		values["completed_at"] = moment if status == COMPLETED else None
	if status in (CONFIRMED, NO_SHOW):
		values |= {"checked_in_at": None, "checked_in_by": None, "check_in_via": None}
	if status not in HOLDS_SEAT and status in LIVE:
		values["pool"] = None
	return values


def tell(doctype: str, name: str, before: str | None, after: str) -> None:
	"""Letters and fees that a new status asks for; `before` is None where the seat is new."""
	fees.follow(doctype, name, before, after)
	notices.follow(doctype, name, before, after)


def update(doctype: str, name: str, values: Mapping[str, object]) -> None:
	table = frappe.qb.DocType(doctype)
	query = frappe.qb.update(table).where(table.name == name)
	for field, value in values.items():
		query = query.set(table[field], value)
	query.run()
	frappe.clear_document_cache(doctype, name)


#: What the timeline tells of a seat.
TOLD = ("status", "pool", "offer_expires_at", "cancel_reason")


def note_version(
	doctype: str, name: str, before: Mapping, after: Mapping, fields: Iterable[str] = TOLD
) -> None:
	"""The change in the seat's timeline, as Frappe would note that of a saved document; none where nothing is."""
	changed = [
		[field, _plain(before.get(field)), _plain(after.get(field))]
		for field in fields
		if (before.get(field) or None) != (after.get(field) or None)
	]
	if not changed:
		return
	version = frappe.new_doc("Version")
	version.update(
		{
			"name": frappe.generate_hash(length=10),
			"ref_doctype": doctype,
			"docname": name,
			"data": frappe.as_json(
				{"added": [], "changed": changed, "removed": [], "row_changed": []}, indent=None
			),
		}
	)
	# Without what an insert through the document looks up besides: it is done under the lock of the event.
	version.owner = version.modified_by = frappe.session.user
	version.creation = version.modified = now()
	version.db_insert()


def _plain(value: object) -> str | int | None:
	return value if value is None or isinstance(value, int) else str(value)
