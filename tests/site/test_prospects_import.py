"""Prospect Import in the desk: dry run, import, repetition, interruption, and what strangers may not do."""

from __future__ import annotations

from pathlib import Path

import frappe
import pytest

from imta_crm.invitations.doctype.prospect_import.prospect_import import ProspectImport
from tests.site.invitation_factories import make_campaign

DATA = Path(__file__).parents[1] / "data"
HEADINGS = "Organisation (EN),Organisation (local),Country/Region,Sector,Email,Preferred language\n"
CLEARED = ("IMTA Member", "Member Name", "Membership Application", "Invitation", "Lead", "Do Not Invite", "Invitation Touch")


def attach(content: bytes, file_name: str = "prospects.csv", *, is_private: int = 1):
	return frappe.get_doc(
		{"doctype": "File", "file_name": file_name, "content": content, "is_private": is_private}
	).insert()


def new_import(campaign: str, content: bytes | None = None, **fields):
	doc = frappe.new_doc("Prospect Import")
	doc.update({"campaign": campaign, "source": "File", **fields})
	if content is not None:
		doc.prospect_file = attach(content).file_url
	return doc.insert()


def run(doc):
	doc.check()
	doc.run()
	doc.reload()
	return doc


@pytest.fixture
def no_commits(site, monkeypatch):
	"""The import commits chunk by chunk; here the test's rollback undoes it."""
	monkeypatch.setattr(frappe.db, "commit", lambda *args, **kwargs: None)

	def show(self, error):
		raise error

	# What a failed import does is tested where it may commit.
	monkeypatch.setattr(ProspectImport, "fail", show)
	for doctype in CLEARED:
		frappe.db.delete(doctype)
	frappe.db.delete("Dynamic Link", {"link_doctype": "IMTA Member"})
	return site


@pytest.fixture
def with_members(no_commits):
	"""The roster of the alliance as members."""
	doc = frappe.new_doc("Roster Import")
	doc.roster_file = attach((DATA / "roster.csv").read_bytes(), "roster.csv").file_url
	doc.insert()
	doc.check()
	doc.run()
	assert frappe.db.count("IMTA Member") == 91


def counts(doc) -> tuple[int, int, int, int]:
	return doc.made, doc.held, doc.refused, doc.already


def test_forty_are_invited_one_is_held_three_are_refused(with_members):
	campaign = make_campaign(running=True)
	doc = new_import(campaign.name, (DATA / "prospects.csv").read_bytes())
	doc.check()
	assert (doc.total_rows, doc.to_invite, doc.held, doc.refused, doc.already) == (44, 40, 1, 3, 0)
	assert not frappe.db.count("Invitation")
	doc.run()
	doc.reload()
	assert (doc.status, counts(doc)) == ("Completed", (40, 1, 3, 0))
