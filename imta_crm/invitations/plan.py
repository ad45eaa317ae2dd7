"""Who gets what on which day: a campaign worked out beforehand, as a calendar and as a table.

The rules are those of the sending (`policy.schedule`). What replies and bounces will change is not known
beforehand: the plan shows what happens if nobody answers. Days and times are the site's; beside them stands
the recipient's own clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import frappe
from frappe import _
from frappe.desk.utils import provide_binary_file
from frappe.utils import cint, cstr, get_datetime, get_system_timezone, getdate, now_datetime
from frappe.utils.csvutils import to_csv
from frappe.utils.xlsxutils import build_xlsx_response

from imta_crm.erp import masters
from imta_crm.invitations import campaigns, compose, permissions, sending
from imta_crm.invitations.campaigns import CampaignRules
from imta_crm.policy import schedule, zones
from imta_crm.policy.invitation import OPEN
from imta_crm.policy.names import safe_cell
from imta_crm.policy.schedule import Invitee, Planned, Progress

PAGE = 50
CHUNK = 1000
XLSX, CSV = "XLSX", "CSV"
BOM = b"\xef\xbb\xbf"
#: Shown while a campaign has no prospects yet: (name, country code, language).
EXAMPLES = (("example-1", "CH", "en"), ("example-2", "CN", "zh"))


@dataclass(frozen=True)
class Plan:
	"""What a campaign is going to do. `prospects`: the invitations behind the names, by name."""

	rules: CampaignRules
	touches: list[Planned]
	people: int
	left_out: int
	prospects: dict[str, frappe._dict]
	is_example: bool


def work_out(campaign: str, now: datetime | str | None = None) -> Plan:
	"""Everything that the campaign is going to send from now on.

	:param now: by the clock of the site, without zone
	"""
	rules = campaigns.rules_of(campaign)
	site_zone = get_system_timezone()
	moment = get_datetime(now) if now else now_datetime()
	rows = _open_invitations(campaign)
	people = _invitees(rows, rules, moment) or _examples(rules)
	over = rules.state in campaigns.OVER
	touches = schedule.simulate(
		[] if over else people,
		rules.steps,
		rules.hours,
		from_date=rules.from_date,
		to_date=rules.to_date,
		daily_cap=rules.daily_cap,
		now=moment.replace(tzinfo=ZoneInfo(site_zone)),
		site_zone=site_zone,
		sent_today=_sent_today(rules, moment),
	)
	reached = {touch.invitee.name for touch in touches}
	return Plan(
		rules=rules,
		touches=touches,
		people=len(rows),
		left_out=0 if over else sum(not each.progress.done and each.name not in reached for each in people),
		prospects={row.name: row for row in rows},
		is_example=not rows,
	)


def _open_invitations(campaign: str) -> list[frappe._dict]:
	fields = [*sending.FIELDS, "prospect_name", "prospect_name_local", "officer"]
	return frappe.get_all(
		"Invitation",
		{"campaign": campaign, "status": ("in", tuple(OPEN))},
		list(dict.fromkeys(fields)),
		order_by="name",
		limit=0,
	)


def _invitees(rows: Sequence[frappe._dict], rules: CampaignRules, now: datetime) -> list[Invitee]:
	found = []
	for start in range(0, len(rows), CHUNK):
		chunk = rows[start : start + CHUNK]
		touches = sending.touches_of([row.name for row in chunk])
		for row in chunk:
			code = masters.country_code(row.country)
			found.append(
				Invitee(
					name=row.name,
					language=compose.language_of(row),
					zone=_known_zone(row.time_zone) or zones.zone_of(code),
					country_code=code,
					progress=sending.progress_of(row, touches.get(row.name, []), rules, now),
				)
			)
	return found


def _examples(rules: CampaignRules) -> list[Invitee]:
	return [
		Invitee(name, language, zones.zone_of(code), code, Progress(not_before=rules.from_date))
		for name, code, language in EXAMPLES
	]


def _known_zone(zone: str | None) -> str | None:
	try:
		return ZoneInfo(zone).key if zone else None
	except (KeyError, ValueError, OSError):
		return None


def _sent_today(rules: CampaignRules, now: datetime) -> int:
	return rules.daily_cap - sending.cap_left(rules, now) if rules.daily_cap else 0


# The form


@frappe.whitelist()
def simulate(campaign: str, day: str | None = None, start: int = 0) -> dict:
	"""The calendar of a campaign, and a page of its table; of one day where a day is named.

	Whoever reads the campaign sees how much goes out when; names only of invitations that are theirs to read.
	Changes nothing.
	"""
	frappe.has_permission(campaigns.CAMPAIGN, "read", doc=campaign, throw=True)
	plan = work_out(campaign)
	touches = _readable(plan)
	if day:
		touches = [touch for touch in touches if touch.day == getdate(day)]
	page = touches[max(cint(start), 0) :][:PAGE]
	return {
		"from_date": str(plan.rules.from_date),
		"to_date": str(plan.rules.to_date),
		"today": str(getdate()),
		"days": _days(plan.touches),
		"total": len(plan.touches),
		"mails": sum(touch.step.is_mail for touch in plan.touches),
		"people": plan.people,
		"left_out": plan.left_out,
		"is_example": plan.is_example,
		"cap": plan.rules.daily_cap,
		"rows": [_row(touch, plan) for touch in page],
		"count": len(touches),
		"page": PAGE,
	}


def _readable(plan: Plan) -> list[Planned]:
	if plan.is_example or permissions.sees_all():
		return plan.touches
	mine = set(frappe.get_list("Invitation", {"campaign": plan.rules.name}, pluck="name", limit=0))
	return [touch for touch in plan.touches if touch.invitee.name in mine]


def _days(touches: Iterable[Planned]) -> list[dict]:
	mails, tasks = Counter(), Counter()
	for touch in touches:
		(mails if touch.step.is_mail else tasks)[touch.day] += 1
	return [{"day": str(day), "mails": mails[day], "tasks": tasks[day]} for day in sorted({*mails, *tasks})]


def _row(touch: Planned, plan: Plan) -> dict:
	prospect = plan.prospects.get(touch.invitee.name) or frappe._dict()
	here = touch.at.astimezone(ZoneInfo(get_system_timezone()))
	there = touch.at.astimezone(ZoneInfo(touch.invitee.zone))
	return {
		"day": str(touch.day),
		"time": f"{here:%H:%M}",
		"local_day": str(there.date()),
		"local_time": f"{there:%H:%M}",
		"zone": touch.invitee.zone,
		"invitation": prospect.name,
		"prospect": prospect.prospect_name or _example_name(touch.invitee),
		"country": prospect.country or "",
		"officer": prospect.officer or plan.rules.default_officer or "",
		"language": "zh" if schedule.is_chinese(touch.invitee.language) else "en",
		"step": touch.step.title or _("Later, as asked"),
		"channel": touch.step.channel,
	}


def _example_name(invitee: Invitee) -> str:
	return _("Example in China") if invitee.country_code == "CN" else _("Example in Switzerland")


@frappe.whitelist()
def download(campaign: str, file_format: str = XLSX) -> None:
	"""The whole table as a file: XLSX, or CSV (UTF-8 with BOM); no cell can become a formula."""
	frappe.has_permission(campaigns.CAMPAIGN, "export", doc=campaign, throw=True)
	plan = work_out(campaign)
	columns = (
		("day", _("Date")),
		("time", _("Time")),
		("local_day", _("Recipient’s Date")),
		("local_time", _("Recipient’s Time")),
		("zone", _("Time Zone")),
		("invitation", _("Invitation")),
		("prospect", _("Prospect", context="Invitation")),
		("country", _("Country/Region")),
		("officer", _("Officer")),
		("language", _("Language")),
		("step", _("Step")),
		("channel", _("By", context="Invitation Campaign Step")),
	)
	rows = [[label for _field, label in columns]]
	for touch in _readable(plan):
		row = _row(touch, plan)
		row.update(
			channel=_(row["channel"], context="Invitation Campaign Step"),
			language=_("Chinese") if row["language"] == "zh" else _("English"),
			country=_(row["country"]),
		)
		rows.append([safe_cell(cstr(row[field])) for field, _label in columns])
	name = _("Plan {0}").format(campaign)
	if file_format == CSV:
		provide_binary_file(name, "csv", BOM + to_csv(rows).encode())
	else:
		build_xlsx_response(rows, name)
