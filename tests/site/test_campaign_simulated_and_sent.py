"""The plan that is shown before the approval, and what is sent later: day by day the same."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import frappe
import pytest
from frappe.utils import add_days, get_datetime, getdate, nowdate

from imta_crm.invitations import plan
from tests.site.invitation_factories import TEMPLATE_EN, TEMPLATE_ZH, make_invitation, step
from tests.site.sending_site import running, send, touches

DAYS = 30
STEPS = [
	step("Letter in Chinese", language="Chinese", email_template=TEMPLATE_ZH),
	step("Letter", language="Other Than Chinese", email_template=TEMPLATE_EN),
	step("WeChat", days=2, channel="WeChat", language="Chinese"),
	step("Call", days=3, channel="Call", language="Other Than Chinese"),
	step("Reminder", days=6, counted_from="Start"),
	step("Last word", days=4),
]
PEOPLE = (
	{"country": "China", "preferred_language": "zh"},
	{"country": "Peru", "preferred_language": "es"},
	{"country": "Austria", "preferred_language": "de"},
	{"country": "United Arab Emirates", "preferred_language": "en"},
)


def monday() -> datetime:
	"""Midnight of the Monday after next, by the clock of the site."""
	today = getdate(nowdate())
	return datetime.combine(add_days(today, 14 - today.weekday()), datetime.min.time())


@pytest.mark.parametrize(
	"cap, every_minutes",
	[(0, 60), (3, 60), (3, 5)],
	ids=["no cap", "cap 3", "every five minutes"],
)
def test_what_is_shown_is_what_is_sent(site, cap, every_minutes):
	"""Four parts of the world with their weekends and hours, two languages, tasks between the letters."""
	start = monday()
	days = DAYS if every_minutes == 60 else 4
	with running(
		0,
		steps=STEPS,
		daily_cap=cap,
		from_date=start.date(),
		to_date=add_days(start.date(), days),
		work_from="09:00:00",
		work_to="16:00:00",
		working_days_only=1,
	) as (campaign, _names, _server):
		for number in range(16):
			make_invitation(campaign.name, **PEOPLE[number * 7 % 4])
		frappe.db.commit()
		shown = plan.work_out(campaign.name, start)
		assert not shown.is_example
		zone = plan.ZoneInfo(plan.get_system_timezone())
		planned = [
			(each.day, each.at.astimezone(zone).replace(tzinfo=None), each.invitee.name, each.step.title)
			for each in shown.touches
		]
		for minutes in range(0, (days + 2) * 24 * 60, every_minutes):
			send(campaign, start + timedelta(minutes=minutes))
		sent = [
			(get_datetime(touch.made_at).date(), touch.made_at, touch.invitation, touch.step_title)
			for touch in touches(campaign)
		]
		differences = _differences(planned, sent)
		assert not differences, "\n".join(differences)
		assert _count(planned) == _count(sent)
		late = {
			(each[2], each[3]): each[1] - moment
			for each in sent
			for moment in [next(one[1] for one in planned if one[2:] == each[2:])]
		}
		assert all(timedelta() <= wait < timedelta(minutes=every_minutes) for wait in late.values()), late


def _count(entries: list[tuple]) -> Counter:
	return Counter((day, name, title) for day, _at, name, title in entries)


def _differences(planned: list[tuple], sent: list[tuple]) -> list[str]:
	shown, happened = _count(planned), _count(sent)
	lines = [f"shown, not sent: {key}" for key in sorted(shown - happened)]
	return lines + [f"sent, not shown: {key}" for key in sorted(happened - shown)]
