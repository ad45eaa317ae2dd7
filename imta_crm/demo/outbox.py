"""Where the demo's mail goes: a post box on this machine, never the world."""

from __future__ import annotations

import frappe

ACCOUNT = "IMTA Secretariat"
ADDRESS = "secretariat@imta.example"
# Where an outbox usually listens; the launcher names its own.
PORT = 2525


def use_local_outbox(port: int, *, listens: bool = True) -> str:
	"""Make the mail server on loopback port `port` the site's only way out. Idempotent.

	Every other account stops sending, so that no demo letter reaches a real person. Returns the name of
	the Email Account. For the command line and the demo only: it checks no permission.

	:param listens: False while nothing listens there yet, so that Frappe does not try to connect
	"""
	for other in frappe.get_all(
		"Email Account", filters={"enable_outgoing": 1, "name": ("!=", ACCOUNT)}, pluck="name"
	):
		frappe.db.set_value("Email Account", other, {"enable_outgoing": 0, "default_outgoing": 0})
	if frappe.db.exists("Email Account", ACCOUNT):
		account = frappe.get_doc("Email Account", ACCOUNT)
	else:
		account = frappe.new_doc("Email Account", email_account_name=ACCOUNT)
	account.update(
		{
			"email_id": ADDRESS,
			"enable_outgoing": 1,
			"default_outgoing": 1,
			"enable_incoming": 0,
			"auth_method": "Basic",
			"no_smtp_authentication": 1,
			# There is none; Frappe just does not connect while it waits for one.
			"awaiting_password": int(not listens),
			"smtp_server": "127.0.0.1",
			"smtp_port": str(port),
			"use_tls": 0,
			"use_ssl_for_outgoing": 0,
			# Frappe would add a line about unsubscribing to letters that are none of a mailing list's.
			"send_unsubscribe_message": 0,
			"track_email_status": 0,
		}
	)
	# The system acts for nobody in particular: the launcher sets up a demo site.
	account.save(ignore_permissions=True)
	frappe.clear_cache()
	return account.name
