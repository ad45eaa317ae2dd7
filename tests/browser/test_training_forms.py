"""Every list and form of training and activities opens without a complaint, whoever opens it."""

from __future__ import annotations

import pytest

DOCTYPES = (
	"Member Training Program",
	"Training Session",
	"Training Enrollment",
	"Alliance Activity",
	"Activity Delegate",
	"Attendance Import",
	"Training Certificate",
	"Session Feedback",
	"Seat Notice",
)
#: These everybody of the secretariat reads.
FOR_ALL = {"Member Training Program", "Training Session", "Alliance Activity"}
#: Signs of a page that does not know what it shows.
NONSENSE = ("undefined", "[object Object]", "NaN")


@pytest.fixture(scope="module")
def names(clean_site, bench) -> dict[str, str]:
	return bench("one_of_each")


@pytest.mark.parametrize(
	("role", "language"),
	[
		("Training Coordinator", "en"),
		("Training Coordinator", "zh"),
		("Treasurer", "en"),
		("Liaison Officer", "en"),
		("Alliance Leadership", "zh"),
	],
)
def test_everything_opens(role, language, names, log_in):
	desk = log_in(role, language)
	page = desk.page
	opened = set()
	# The first page of the desk is not ours, and does not like to be left while it is drawn.
	desk.open("/app/member-training-program")
	for doctype in DOCTYPES:
		if not page.evaluate("(doctype) => frappe.model.can_read(doctype)", doctype):
			continue
		desk.show("List", doctype)
		looks_right(desk, f"list of {doctype}")
		if page.evaluate("(doctype) => frappe.model.can_create(doctype)", doctype):
			desk.show("Form", doctype, "new")
			looks_right(desk, f"new {doctype}")
		# An officer sees the people of the own members alone.
		found = page.evaluate(
			"([doctype, name]) => frappe.db.get_list(doctype, { filters: { name } }).then((rows) => rows.length)",
			[doctype, names[doctype]],
		)
		if found:
			desk.show("Form", doctype, names[doctype])
			looks_right(desk, f"{doctype} {names[doctype]}")
			assert not page.evaluate("cur_frm.is_dirty()"), f"{doctype} changes by being opened"
			opened.add(doctype)
	expected = set(DOCTYPES) if role == "Training Coordinator" else FOR_ALL
	assert opened >= expected


def looks_right(desk, what: str) -> None:
	"""Drawn, and nothing that stands in the way."""
	page = desk.page
	# Where the desk itself asks something, it does so at once.
	page.wait_for_function("() => frappe.request.ajax_count === 0")
	said = page.locator(".modal.show").all_inner_texts()
	assert not said, f"{what}: {said}"
	assert not desk.problems, f"{what}: {desk.problems}"
	text = page.locator(
		f".page-container:visible {'.result' if what.startswith('list') else '.form-page'}"
	).inner_text()
	assert not [each for each in NONSENSE if each in text], f"{what}: {text}"
	if what.startswith("list"):
		return
	assert page.evaluate("$(cur_frm.wrapper).find('.frappe-control:visible').length"), f"{what} is empty"
