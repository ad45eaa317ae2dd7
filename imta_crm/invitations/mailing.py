"""Puts invitation mails into Frappe's Email Queue, many at once; Frappe's own flush sends them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import frappe

from imta_crm.invitations.compose import Mail


class NoOutgoingAccount(frappe.OutgoingEmailError):
	"""There is no Email Account to send from. Nothing was queued."""


@dataclass(frozen=True)
class Queued:
	"""A mail that waits in the Email Queue: the row's name, and its Message-ID without the angle brackets."""

	invitation: str
	name: str
	message_id: str


def queue(mails: Sequence[Mail]) -> list[Queued]:
	"""Queue the mails in their order, each with one recipient. Does not commit.

	Raises NoOutgoingAccount, before anything is written, where the site or the campaign cannot send.
	"""
	raise NotImplementedError
