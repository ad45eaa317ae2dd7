"""The package stays pure, complete and readable by Python 3.10."""

from __future__ import annotations

import ast
import json
import re
import string
import sys
from pathlib import Path

import pytest

from imta_crm.policy import messages
from imta_crm.policy.countries import UnknownCountry, all_countries, by_code, find_country
from imta_crm.policy.roster import KnownTier

ROOT = Path(__file__).resolve().parents[2]
POLICY = ROOT / "imta_crm" / "policy"
MODULES = sorted(POLICY.rglob("*.py"))
CLOCKS = {"today", "now", "utcnow", "time", "localtime"}


def test_there_is_something_to_look_at():
	assert len(MODULES) >= 17


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports_nothing_but_the_standard_library_and_itself(path):
	tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 10))
	for node in ast.walk(tree):
		names = []
		if isinstance(node, ast.Import):
			names = [alias.name for alias in node.names]
		elif isinstance(node, ast.ImportFrom):
			assert node.level == 0
			names = [node.module]
		for name in names:
			assert name.split(".")[0] in sys.stdlib_module_names or name.startswith("imta_crm.policy"), name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_rule_looks_at_the_clock(path):
	tree = ast.parse(path.read_text(encoding="utf-8"))
	for node in ast.walk(tree):
		if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
			assert node.func.attr not in CLOCKS, f"{path.name}:{node.lineno}"


def test_module_map_names_every_module():
	doc = ast.get_docstring(ast.parse((POLICY / "__init__.py").read_text(encoding="utf-8")))
	for path in MODULES:
		if path.stem != "__init__":
			assert f"`{path.stem}`" in doc, path.stem


def test_each_sentence_has_the_same_places_in_both_languages():
	for code, (english, chinese) in messages.TEXTS.items():
		places = [
			{field for _, field, _, _ in string.Formatter().parse(text) if field}
			for text in (english, chinese)
		]
		assert places[0] == places[1], code
		assert re.search("[\u4e00-\u9fff]", chinese) or code == "charge_part" or places[1], code


def test_every_country_is_found_by_each_of_its_names():
	assert len(all_countries()) == len(by_code()) == 249
	for country in all_countries():
		for text in (country.name, country.name_zh, country.code, country.code3.lower()):
			assert find_country(text) is country, text


@pytest.mark.parametrize(
	"text, code",
	[
		("South Korea", "KR"), ("中国", "CN"), ("中國", "CN"), ("USA", "US"), ("AT", "AT"), ("Türkiye", "TR"),
		("Viet Nam", "VN"), ("Lao People's Democratic Republic", "LA"), ("the Netherlands", "NL"), ("韓國", "KR"),
		("Macau", "MO"), ("香港", "HK"), ("Chinese Taipei", "TW"), ("CZECHIA", "CZ"), ("U.K.", "GB"),
		("ＪＡＰＡＮ", "JP"), (" russia ", "RU"), ("Cote d'Ivoire", "CI"),
	],
)  # fmt: skip
def test_usual_names_of_countries(text, code):
	assert find_country(text).code == code


@pytest.mark.parametrize("text, code", [("Atlantis", "country_unknown"), ("Korea", "country_ambiguous")])
def test_a_country_is_never_guessed(text, code):
	with pytest.raises(UnknownCountry) as caught:
		find_country(text)
	assert caught.value.code == code


def test_each_country_has_one_region_of_the_tree():
	regions = json.loads((ROOT / "imta_crm/defaults/regions.json").read_text(encoding="utf-8"))
	leaves = set()

	def walk(tree):
		for name, children in tree.items():
			assert regions["names_zh"][name]
			walk(children) if children else leaves.add(name)

	walk(regions["tree"])
	assert set(regions["countries"]) == set(by_code())
	assert set(regions["countries"].values()) == leaves


def test_shipped_tiers_do_not_share_a_name(tiers):
	names = [
		name.casefold() for tier in map(KnownTier.from_record, tiers) for name in (tier.name, *tier.names)
	]
	assert len(names) == len(set(names))
	owed = {tier["tier_name"]: (tier["dues_amount"], tier["is_exempt"]) for tier in tiers}
	assert owed == {"Council": (2000, 0), "Ordinary": (1000, 0), "Individual": (0, 1), "Emeritus": (0, 1)}


def test_rosters_of_demo_and_tests_are_the_same():
	assert (ROOT / "imta_crm/demo/data/roster.csv").read_bytes() == (
		ROOT / "tests/data/roster.csv"
	).read_bytes()


#: What Frappe 16 no longer takes: SQL functions as field names, and helpers that it has dropped.
GONE = re.compile(
	r"""["'](count|sum|min|max|avg|distinct|ifnull|coalesce)\([^"']*["']|frappe\.cache\(\)|\bjob_name=""",
	re.I,
)


@pytest.mark.parametrize("path", sorted((ROOT / "imta_crm").rglob("*.py")), ids=lambda path: path.name)
def test_nothing_is_used_that_the_next_frappe_removes(path):
	code = path.read_text(encoding="utf-8")
	assert not [match.group() for match in GONE.finditer(code)]
