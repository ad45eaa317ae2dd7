"""A day of the membership manager, with the mouse: a campaign from its plan to the first who is interested."""

from __future__ import annotations

import re
from pathlib import Path

PROSPECTS = Path(__file__).parents[1] / "data" / "prospects.csv"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PHONE = {"width": 390, "height": 844, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
PROSPECT = {"name": "Xizang Mountaineering Association", "local": "西藏登山协会"}
ADDRESS = "liaison@xizang-mountaineering-association.example"


def test_a_day_of_a_campaign(open_desk, log_in, bench):
	bench("prepare_campaign")
	manager = log_in("Membership Manager")
	campaign = plan_campaign(manager)
	look_at_a_mail(manager)
	look_at_the_calendar(manager)
	step(manager, "Submit for Approval", "Pending Approval")
	leadership = log_in("Alliance Leadership")
	leadership.open_form(f"/app/invitation-campaign/{campaign}")
	step(leadership, "Approve", "Approved")
	manager.open_form(f"/app/invitation-campaign/{campaign}")
	step(manager, "Start", "Running", sure=True)
	import_prospects(manager)
	decide_who_is_the_same(manager, campaign)

	# Those in whose country the first day has begun; in China it has whenever it has on the site.
	letters = bench("send_due", campaign=campaign)["letters"]
	letter = bench("letter_to", email=ADDRESS)
	assert letter["letters"] == 1
	reply_on_a_phone(open_desk, letter["path"])

	application = see_the_application(manager, campaign)
	assert application.startswith("APP-")
	see_the_funnel(manager, campaign, invited=letters)


def plan_campaign(desk) -> str:
	page = desk.open_form("/app/invitation-campaign/new")
	today = page.evaluate("frappe.datetime.get_today()")
	values = {
		"campaign_name": "Browser Campaign",
		"theme": "Mountains connect",
		"from_date": today,
		"to_date": page.evaluate("frappe.datetime.add_days(frappe.datetime.get_today(), 120)"),
		"default_tier": "Ordinary",
		# At any hour of any day, so that the test does not depend on when it runs.
		"work_from": "00:00:00",
		"work_to": "23:59:59",
		"working_days_only": 0,
	}
	for field, value in values.items():
		desk.fill(field, value)

	desk.button("Standard Steps").click()
	page.wait_for_function("() => (cur_frm.doc.steps || []).length >= 2")
	desk.button("Suggest Targets").click()
	dialog = desk.dialog("Growth Wanted")
	dialog.locator(".btn-modal-primary", has_text="Suggest").click()
	page.wait_for_function("() => (cur_frm.doc.targets || []).length > 0")
	dialog.wait_for(state="hidden")
	name = desk.save()
	assert page.evaluate("cur_frm.doc.targets.every((row) => row.planned >= row.members_today)")
	assert page.evaluate("cur_frm.doc.year") == int(today[:4])
	return name


def look_at_a_mail(desk) -> None:
	page = desk.page
	desk.button("Preview Mails").click()
	dialog = desk.dialog("Preview Mails")
	mail = dialog.locator("iframe.imta-mail-preview")
	mail.wait_for()
	assert "/invitation/" in dialog.locator("pre").text_content()
	english = mail.get_attribute("srcdoc")
	dialog.locator("select[data-fieldname=language]").select_option("zh")
	page.wait_for_function(
		"(english) => document.querySelector('.modal.show iframe.imta-mail-preview')?.srcdoc !== english",
		arg=english,
	)
	assert CHINESE.search(dialog.locator("h5").inner_text())
	dialog.locator(".btn-modal-close:visible").click()
	dialog.wait_for(state="hidden")


def look_at_the_calendar(desk) -> None:
	page = desk.page
	page.locator(".form-tabs:visible .nav-link", has_text="Who Gets What When").click()
	plan = page.locator(".imta-plan:visible")
	days = plan.locator("button.imta-plan-day")
	days.first.wait_for()
	# The examples get their first letter today.
	assert days.first.get_attribute("data-day") == page.evaluate("frappe.datetime.get_today()")
	rows = plan.locator("tbody tr")
	number = rows.count()
	days.first.click()
	plan.locator("button.imta-plan-day.chosen").wait_for()
	assert 0 < rows.count() < number


def step(desk, action: str, state: str, sure: bool = False) -> None:
	"""Take a step of the workflow from the form's menu."""
	page = desk.page
	desk.take_step(action)
	if sure:
		desk.say_yes()
	page.wait_for_function("(state) => cur_frm.doc.workflow_state === state", arg=state)
	page.locator(".page-head:visible .indicator-pill", has_text=state).first.wait_for()
	desk.form_is_ready()


def import_prospects(desk) -> None:
	page = desk.page
	campaign = page.evaluate("cur_frm.docname")
	desk.button("Add Prospects").click()
	page.wait_for_function("() => window.cur_frm?.doctype === 'Prospect Import' && cur_frm.is_new()")
	desk.form_is_ready()
	assert page.evaluate("cur_frm.doc.campaign") == campaign
	page.locator(".frappe-control[data-fieldname=prospect_file] .btn-attach:visible").click()
	dialog = desk.dialog("Upload")
	dialog.locator("input[type=file]").first.set_input_files(PROSPECTS)
	dialog.locator(".btn-modal-primary", has_text="Upload").click()
	page.wait_for_function("() => cur_frm.doc.prospect_file")
	page.locator(".modal.show").wait_for(state="hidden")
	if page.evaluate("cur_frm.is_new() || cur_frm.is_dirty()"):
		desk.save()
	name = page.evaluate("cur_frm.docname")

	action = page.locator(".page-head:visible .primary-action")
	action.filter(has_text=re.compile("Check|Import")).wait_for()
	if page.evaluate("cur_frm.doc.status") == "Draft":
		action.filter(has_text="Check").click()
	action.filter(has_text="Import").wait_for()
	desk.form_is_ready()
	found = "['total_rows', 'to_invite', 'held', 'refused'].map((field) => cur_frm.doc[field])"
	assert page.evaluate(found) == [44, 40, 1, 3]

	action.click()
	desk.dialog("40")
	desk.say_yes()
	status = desk.wait_for_value("Prospect Import", name, "status", {"Completed", "Failed"}, seconds=120)
	assert status == "Completed"
	desk.open_form(f"/app/prospect-import/{name}")
	assert page.evaluate("cur_frm.doc.made") == 40


def decide_who_is_the_same(desk, campaign: str) -> None:
	page = desk.open(f"/app/invitation/view/list?campaign={campaign}&status=Held")
	page.locator(".list-row a", has_text="Finnish Climbing Assoc.").first.click()
	page.wait_for_function("() => window.cur_frm?.doctype === 'Invitation'")
	desk.form_is_ready()
	pair = page.locator("[data-fieldname=duplicate_html]:visible")
	pair.locator("table").wait_for()
	text = pair.inner_text()
	assert "Finnish Climbing Association" in text and "Finnish Climbing Assoc." in text
	pair.get_by_role("button", name="The Same: Merge").click()
	page.wait_for_function("() => cur_frm.doc.status === 'Merged'")
	desk.form_is_ready()


def reply_on_a_phone(open_desk, path: str) -> None:
	"""What the prospect does, without JavaScript."""
	phone = open_desk(**PHONE, locale="zh-CN", java_script_enabled=False)
	page = phone.open(path)
	assert CHINESE.search(page.locator("h1").inner_text())
	assert PROSPECT["local"] in page.locator("main").inner_text()
	fits(page)
	page.locator("input[name=reply][value=Interested] + label").click()
	page.locator("textarea[name=comment]").fill("请与我们联系。<b>谢谢</b>")
	page.locator("form button[type=submit]:visible").click()
	page.locator(".note[role=status]").wait_for()
	assert CHINESE.search(page.locator(".note[role=status]").inner_text())
	fits(page)


def see_the_application(desk, campaign: str) -> str:
	page = desk.open(f"/app/invitation/view/list?campaign={campaign}&status=Interested")
	page.locator(".list-row a", has_text=PROSPECT["name"]).first.click()
	page.wait_for_function("() => window.cur_frm?.doctype === 'Invitation'")
	desk.form_is_ready()
	assert "请与我们联系" in page.evaluate("cur_frm.doc.reply_comment")
	page.locator("[data-fieldname=touches_html]:visible table").wait_for()
	application = page.evaluate("cur_frm.doc.application")
	page.locator(f".frappe-control[data-fieldname=application] a[data-name='{application}']").first.click()
	page.wait_for_function("() => window.cur_frm?.doctype === 'Membership Application'")
	desk.form_is_ready()
	assert page.evaluate("cur_frm.doc.applicant_name") == PROSPECT["name"]
	assert page.evaluate("cur_frm.doc.workflow_state") == "Draft"
	return page.evaluate("cur_frm.docname")


def see_the_funnel(desk, campaign: str, invited: int) -> None:
	page = desk.open(f"/app/query-report/Invitation%20Funnel?campaign={campaign}&group_by=Campaign")
	page.locator(".datatable .dt-row", has_text="Browser Campaign").wait_for()
	row = page.evaluate("frappe.query_report.data[0]")
	assert [row[stage] for stage in ("invited", "replied", "interested")] == [invited, 1, 1]
	# A number leads to the documents that it counted.
	page.locator(".datatable .dt-cell a[href*='invitation']", has_text=re.compile(r"^\s*1\s*$")).first.click()
	page.locator(".list-row a", has_text=PROSPECT["name"]).first.wait_for()


def fits(page) -> None:
	"""Nothing sticks out at the side. Asked of the browser, not of the page, which may have no JavaScript."""
	assert page.locator("main").bounding_box()["width"] <= PHONE["width"]
	assert page.locator("html").bounding_box()["width"] <= PHONE["width"]
