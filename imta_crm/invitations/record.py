"""The one writer of an Invitation after it was made, and of the keys that keep it alone.

While an invitation is alive it holds two keys that are unique in the database: one of its address, one of its
name and country. In membership campaigns the keys are shared by all campaigns, for an activity they are the
campaign's own, and the name counts only of somebody without an address. So no address and no organisation is
in two live campaigns, whatever happens at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import frappe
from frappe import _
from frappe.utils import cstr, now, now_datetime
from pypika.terms import Case

from imta_crm.policy.invitation import ALIVE, CLOSED, MEMBERSHIP
from imta_crm.policy.names import fold, identity_key, inert
from imta_crm.policy.prospects import fold_email

INVITATION = "Invitation"
KEY_LENGTH = 190
KEY_FIELDS = ("status", "campaign", "purpose", "email", "prospect_name", "country")


class TakenError(frappe.UniqueValidationError):
	"""The same address or organisation is in a live campaign already."""


def lock(name: str) -> frappe._dict:
	"""All fields of the invitation as they are now, locked until the end of the transaction.

	:raises frappe.DoesNotExistError: there is no such invitation
	"""
	rows = frappe.db.sql(f"select * from `tab{INVITATION}` where name = %s for update", name, as_dict=True)
	if not rows:
		frappe.throw(_("There is no invitation {0}.").format(name), frappe.DoesNotExistError)
	return rows[0]


def write(name: str, **values: object) -> None:
	"""Write fields of an invitation; a new status takes or frees the unique keys.

	:raises TakenError: alive again, it would stand beside another live one of this address or organisation
	"""
	write_each({name: values})


def write_many(names: Iterable[str], **values: object) -> None:
	"""The same values for many invitations."""
	write_each({name: values for name in names})


def write_each(rows: Mapping[str, Mapping[str, object]]) -> None:
	"""Values by invitation, as `write`, with few queries. No commit.

	:raises TakenError: see `write`
	"""
	if not rows:
		return
	# Forms and reports of Frappe show most texts as HTML, and a guest's or another server's words are among them.
	rows = {
		name: {field: inert(value) if isinstance(value, str) else value for field, value in values.items()}
		for name, values in rows.items()
	}
	keyed = [name for name, values in rows.items() if not values.keys().isdisjoint(KEY_FIELDS)]
	if keyed:
		stored = {
			row.name: row
			for row in frappe.get_all(
				INVITATION, {"name": ("in", keyed)}, ["name", *KEY_FIELDS], order_by=None, limit=0
			)
		}
		for name in keyed:
			if name not in stored:
				frappe.throw(_("There is no invitation {0}.").format(name), frappe.DoesNotExistError)
			after = {**stored[name], **rows[name]}
			if "email" in rows[name] or "prospect_name" in rows[name] or "country" in rows[name]:
				rows[name].update(folded(after))
			rows[name].update(live_keys(after))
			if after["status"] != stored[name].status and after["status"] in CLOSED:
				rows[name].setdefault("closed_at", now_datetime())
	stamp = {"modified": now(), "modified_by": frappe.session.user}
	by_fields: dict[tuple[str, ...], dict[str, dict]] = {}
	for name, values in rows.items():
		values.update(stamp)
		by_fields.setdefault(tuple(sorted(values)), {})[name] = values
	try:
		for fields, group in by_fields.items():
			_update(fields, group)
	except Exception as error:
		if frappe.db.is_unique_key_violation(error):
			raise TakenError(INVITATION, ", ".join(rows), error) from error
		raise
	for name in rows:
		frappe.clear_document_cache(INVITATION, name)
	_tell(rows)


def close(name: str, status: str, reason: str | None = None) -> None:
	"""End an invitation: no step follows, its keys are free for another one."""
	write(name, status=status, close_reason=reason, closed_at=now_datetime(), next_step=None, next_at=None)
	if reason:
		note(name, reason)


def note(name: str, text: str) -> None:
	"""A line in the invitation's timeline. Plain text."""
	frappe.get_doc(
		{
			"doctype": "Comment",
			"comment_type": "Info",
			"reference_doctype": INVITATION,
			"reference_name": name,
			"content": frappe.utils.escape_html(text),
			"comment_by": frappe.session.user,
		}
	).insert(ignore_permissions=True)  # the caller has decided; a guest who replies has no rights of its own


def live_keys(values: Mapping) -> dict[str, str | None]:
	"""The unique keys of an invitation with these fields; None where it is not alive or a part is missing."""
	if values.get("status") not in ALIVE:
		return {"live_email": None, "live_name": None}
	recruits = values.get("purpose") == MEMBERSHIP
	scope = MEMBERSHIP if recruits else values.get("campaign")
	email, name = fold_email(cstr(values.get("email"))), cstr(values.get("prospect_name"))
	# To an activity one organisation sends several people, each with an address.
	by_name = name and (recruits or not email)
	return {
		"live_email": shorten(f"{scope}|{email}") if email else None,
		"live_name": shorten(f"{scope}|{identity_key(name, cstr(values.get('country')))}")
		if by_name
		else None,
	}


def folded(values: Mapping) -> dict[str, str | None]:
	"""What is compared instead of what is shown."""
	email = fold_email(cstr(values.get("email")))
	return {
		"name_folded": fold(cstr(values.get("prospect_name")))[:140] or None,
		"email_folded": email or None,
		"email_domain": email.rpartition("@")[2] or None,
	}


def shorten(text: str, length: int = KEY_LENGTH) -> str:
	"""A key that fits its column; the hash at the end of a long one keeps it apart from others."""
	if len(text) <= length:
		return text
	digest = frappe.utils.sha256_hash(text)
	return f"{text[: length - len(digest) - 1]}~{digest}"


def _update(fields: tuple[str, ...], rows: Mapping[str, Mapping]) -> None:
	table = frappe.qb.DocType(INVITATION)
	query = frappe.qb.update(table).where(table.name.isin(list(rows)))
	for field in fields:
		values = {name: row[field] for name, row in rows.items()}
		if len(set(values.values())) == 1:
			query = query.set(table[field], next(iter(values.values())))
			continue
		case = Case()
		for name, value in values.items():
			case = case.when(table.name == name, value)
		query = query.set(table[field], case)
	query.run()


def _tell(rows: Mapping[str, Mapping]) -> None:
	"""Forms and lists that show one of these load it anew after the commit."""
	if len(rows) > 20:
		# A batch: one message for the list is enough.
		rows = {next(iter(rows)): {}}
	for name in rows:
		frappe.publish_realtime(
			"doc_update",
			{"modified": now(), "doctype": INVITATION, "name": name},
			doctype=INVITATION,
			docname=name,
			after_commit=True,
		)
	frappe.publish_realtime(
		"list_update",
		{"doctype": INVITATION, "name": next(iter(rows)), "user": frappe.session.user},
		doctype=INVITATION,
		after_commit=True,
	)
