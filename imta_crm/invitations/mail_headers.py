"""Keeps the addresses in List-Unsubscribe whole on the way through Python's mail package.

When Frappe sends a mail of its queue, it parses it and writes it out again by `email.policy.SMTP`. That policy
folds lines longer than 78 characters, and a word that is too long by itself becomes an encoded word (RFC
2047). So `<https://…>` with a signed link arrives as `=?utf-8?q?=3Chttps=3A…?=`, which no mail program takes
for an address (RFC 2369): the one-click button is gone. The header's fields are addresses, never words; the
type below writes each on a line of its own, however long. RFC 5322 allows 998 characters.

Registered with Python's own registry of header types, in every job and request before it begins, as it may be
the one that sends mail.
"""

from __future__ import annotations

from email import policy
from email.headerregistry import UnstructuredHeader

#: Headers that hold nothing but addresses between angle brackets (RFC 2369).
NAMES = ("List-Unsubscribe",)


class AddressList(UnstructuredHeader):
	"""Addresses such as `<https://…>`, separated by commas; never encoded, one on a line."""

	max_count = 1

	def fold(self, *, policy) -> str:
		parts = [part.strip() for part in "".join(str(self).splitlines()).split(">,")]
		value = f">,{policy.linesep} ".join(parts)
		return f"{self.name}: {value}{policy.linesep}"


def register(*_args, **_kwargs) -> None:
	"""For the hooks `before_job` and `before_request`. Doing it again changes nothing."""
	for name in NAMES:
		policy.SMTP.header_factory.map_to_type(name.lower(), AddressList)


register()
