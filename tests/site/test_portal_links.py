"""Signed links: what was sent stays good, and each purpose names one kind of document."""

from __future__ import annotations

from datetime import date

import frappe
import pytest

from imta_crm.portal import links
from tests.site.seating_factories import ENROLLMENT, enroll, make_session

SENT = {
	links.REPLY: "npzgkt53yrnotbkvscoasxd5hf6jhy6ehg7aprqu7uslov5qlvaxecp5jfhfmvbngiydenrngaydambr",
	links.UNSUBSCRIBE: "lt5ko5afvlze34kb6u7eohj7mx54qx5qrzcwp35wgdlp6uxxpzzxkcp5jfhfmvbngiydenrngaydambr",
}


@pytest.mark.parametrize(("purpose", "token"), SENT.items())
def test_links_that_were_sent_stay_as_they_are(site, monkeypatch, purpose, token):
	monkeypatch.setattr(links, "get_encryption_key", lambda: "a key of a site")
	assert links.make_token("INVT-2026-00001", "k" * 40, date(2027, 1, 1), purpose) == token


def test_every_purpose_has_a_letter_of_its_own(site):
	assert len(set(links.PURPOSES)) == len(links.PURPOSES)
	assert all(len(purpose.encode()) == 1 for purpose in links.PURPOSES)
	assert all(frappe.db.exists("DocType", doctype) for doctype in links.DOCTYPES.values())


def test_a_ticket_is_no_seat_and_a_seat_no_ticket(site):
	name = enroll(make_session()).name
	ticket, seat = (
		links.read(url(ENROLLMENT, name).rpartition("/")[2]) for url in (links.ticket_url, links.seat_url)
	)
	assert (ticket.name, ticket.purpose) == (name, links.TICKETS[ENROLLMENT])
	assert (seat.name, seat.purpose) == (name, links.SEATS[ENROLLMENT])
	assert links.offer_url(ENROLLMENT, name) == links.seat_url(ENROLLMENT, name)
	# The purpose is signed: a ticket's signature is none for the seat's own page.
	key = frappe.db.get_value(ENROLLMENT, name, "link_key")
	assert (
		links.make_token(name, key, ticket.expires_on, ticket.purpose)[:51]
		!= (links.make_token(name, key, ticket.expires_on, seat.purpose)[:51])
	)
