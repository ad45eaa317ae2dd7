"""Every visible string of the app has a Chinese text, and no text loses a placeholder."""

import csv
import json
import re
from pathlib import Path

import frappe
import pytest
from frappe.translate import get_all_translations, get_messages_for_app

from imta_crm import overview

CSV = Path(frappe.get_app_path("imta_crm", "translations", "zh.csv"))
PLACEHOLDER = re.compile(r"\{\d*\}|\{\w+\}")
TAG = re.compile(r"</?[a-z]+")

#: Names and codes that stay as they are in Chinese.
UNTRANSLATED = re.compile(
	r"^(IMTA( CRM)?|DocType|PDF|CSV|QR|URL|ToDo|WeChat|([A-Z]{1,5}-)+\.?[-.#Y]*|fa[ -][a-z-]+|octicon .*|[\W\d_]+)$"
)


ROOM = Path(frappe.get_app_path("imta_crm"))
CHINESE = re.compile(r"[\u4e00-\u9fff]")
#: Standard records whose texts Frappe's own extraction does not look at.
RECORDS = {
	"workspace": ("label", "title", "format"),
	"number_card": ("label",),
	"dashboard_chart": ("chart_name",),
	"membership_dashboard": ("dashboard_name",),
	"report": ("report_name",),
	"print_format": ("name",),
	"web_form": ("title", "label", "description", "success_title", "success_message", "button_label"),
}


def app_messages() -> set[str]:
	found = {message[1].strip() for message in get_messages_for_app("imta_crm") if message[1]}
	for folder, keys in RECORDS.items():
		for file in ROOM.glob(f"*/{folder}/*/*.json"):
			collect(json.loads(file.read_text(encoding="utf-8")), keys, found)
	found.update(frappe.get_all("Role", {"name": ("in", roles())}, pluck="name"))
	return found


def roles() -> list[str]:
	return ["Liaison Officer", "Membership Manager", "Alliance Leadership", "Alliance Member"]


def collect(node, keys: tuple[str, ...], found: set[str]) -> None:
	"""The texts under these keys, and the headings inside a workspace's page."""
	if isinstance(node, list):
		for item in node:
			collect(item, keys, found)
	elif isinstance(node, dict):
		for key, value in node.items():
			if key in keys and isinstance(value, str) and value.strip() and not CHINESE.search(value):
				found.add(value.strip())
			elif key == "content" and isinstance(value, str) and value.startswith("["):
				for block in json.loads(value):
					text = re.sub("<[^>]+>", "", block["data"].get("text") or "").strip()
					found.update({text} if text else ())
			else:
				collect(value, keys, found)


def test_every_visible_string_has_a_chinese_text(site):
	known = get_all_translations("zh")
	missing = sorted(text for text in app_messages() if text not in known and not UNTRANSLATED.match(text))
	assert not missing, f"{len(missing)} strings without Chinese text: {missing[:40]}"


def rows() -> list[list[str]]:
	with CSV.open(encoding="utf-8", newline="") as file:
		return [row for row in csv.reader(file) if row]


def test_translation_file_is_sound():
	table = rows()
	assert table, "the Chinese file is empty"
	sources = [(row[0], row[2] if len(row) > 2 else "") for row in table]
	twice = {source for source in sources if sources.count(source) > 1}
	assert not twice, f"translated twice: {sorted(twice)[:10]}"
	for row in table:
		assert len(row) in (2, 3), f"needs source, text and perhaps context: {row}"
		assert row[1].strip(), f"empty text: {row[0]}"


@pytest.mark.parametrize("pattern", [PLACEHOLDER, TAG], ids=["placeholders", "tags"])
def test_translations_keep_placeholders_and_tags(pattern):
	for row in rows():
		source, text = row[0], row[1]
		assert sorted(pattern.findall(source)) == sorted(pattern.findall(text)), f"{source!r} -> {text!r}"


def test_charts_use_the_words_of_the_app(site):
	"""ERPNext's stock Chinese for Call and Invoiced means something else."""
	site.local.lang = "zh"
	try:
		assert site._("Call", context="Liaison Contact") == "电话"
		assert "已开票" in [dataset["name"] for dataset in overview.dues_by_month()["datasets"]]
	finally:
		site.local.lang = "en"
