"""A spreadsheet of prospects: whatever is wrong with it is told at once, by row and column."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imta_crm.policy.prospect_file import ProspectFileError, read
from imta_crm.policy.roster import MAX_ROWS

HEAD = "Organisation (EN),Organisation (local),Country/Region,Sector,Email,Preferred language\n"


def rows(*lines: str, head: str = HEAD, encoding: str = "utf-8") -> bytes:
	return (head + "\n".join(lines) + "\n").encode(encoding)


def problems(data: bytes, **more):
	return [(problem.row, problem.column, problem.code) for problem in read(data, **more).problems]


def test_the_file_of_the_secretariat(data):
	file = read((data / "prospects.csv").read_bytes())
	assert (len(file.prospects), file.problems, file.encoding, file.separator) == (44, [], "utf-8-sig", ",")
	assert (file.total_rows, file.blank_rows, file.ignored_columns) == (44, [], [])
	first, swiss = file.prospects[0], file.prospects[40]
	assert (first.row, first.name, first.name_local, first.country, first.country_code) == (
		2, "Danish Climbing Federation", "Dansk Klatreforbund", "Denmark", "DK",
	)  # fmt: skip
	assert (first.sector, first.email, first.language, first.invitee_type) == (
		"Sport federation", "liaison@danish-climbing-federation.example", "en", "Organisation",
	)  # fmt: skip
	assert swiss.name == "swiss alpine club"
	korea = next(one for one in file.prospects if one.name.startswith("Jeju"))
	assert korea.country_code == "KR"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_chinese_headings_in_any_usual_encoding(encoding, separator):
	head = (
		separator.join(["潜在会员", "国家/地区", "邮箱", "联系人", "职务", "手机", "网站", "语言", "备注"])
		+ "\n"
	)
	line = separator.join(
		[
			"峰会",
			"中国",
			"a@summit.example",
			"王芳",
			"会长",
			"+86 10-1234 5678",
			"www.summit.example",
			"中文",
			"x",
		]
	)
	file = read(rows(line, head=head, encoding=encoding))
	assert file.problems == []
	(one,) = file.prospects
	assert (one.name, one.country_code, one.email, one.language) == ("峰会", "CN", "a@summit.example", "zh")
	assert (one.contact_first_name, one.contact_position) == ("王芳", "会长")
	assert (one.phone, one.website) == ("+86 10-1234 5678", "www.summit.example")
	assert file.ignored_columns == ["备注"]


def test_every_problem_of_every_row_is_told_at_once():
	file = read(
		rows(
			",,Atlantis,x,nobody,xx",
			"Summit,,Korea,,a@b.example;c@d.example,en",
			",,,,,",
			"=cmd(),,China,,a@b.example,en",
			"Too,few",
			"Good,,China,,,",
		)
	)
	assert [(problem.row, problem.column, problem.code) for problem in file.problems] == [
		(2, "Organisation (EN)", "name_missing"),
		(2, "Country/Region", "country_unknown"),
		(2, "Email", "email_bad"),
		(2, "Preferred language", "language_unknown"),
		(3, "Country/Region", "country_ambiguous"),
		(3, "Email", "email_many"),
		(5, "Organisation (EN)", "formula"),
		(6, "Country/Region", "row_short"),
	]
	assert [one.name for one in file.prospects] == ["Good"]
	assert (file.blank_rows, file.total_rows) == ([4], 5)
	assert all(problem.message and problem.text("zh") != problem.message for problem in file.problems)


def test_a_name_in_one_script_is_enough_and_an_address_is_not_asked_for():
	file = read(rows(",峰会,China,,,", "Summit,,China,,,"))
	assert [(one.name, one.name_local, one.email) for one in file.prospects] == [
		("峰会", "峰会", ""),
		("Summit", "", ""),
	]


def test_repetitions_are_left_to_the_register():
	assert len(read(rows("Summit,,China,,a@b.example,en", "Summit,,China,,a@b.example,en")).prospects) == 2


HEAD_MORE = "Name,Country,Phone,Website,Time zone,Officer,Category,Type\n"


def test_further_columns():
	tiers = [{"tier_name": "Council", "tier_name_zh": "理事", "member_type": "Organisation"}]
	officers = ["Ana@imta.example"]
	good = "Summit,China,+86 10 1234/5678,https://summit.example/a,Asia/Shanghai,ana@IMTA.example,理事,Organisation"
	file = read(rows(good, head=HEAD_MORE), tiers=tiers, officers=officers)
	(one,) = file.prospects
	assert (one.phone, one.website, one.time_zone) == (
		"+86 10 1234,5678", "https://summit.example/a", "Asia/Shanghai",
	)  # fmt: skip
	assert (one.officer, one.tier) == ("Ana@imta.example", "Council")
	bad = "Summit,China,call me,summit,Mars/Base,bob@imta.example,Gold,thing"
	assert problems(rows(bad, head=HEAD_MORE), tiers=tiers, officers=officers) == [
		(2, "Category", "tier_unknown"),
		(2, "Website", "website_bad"),
		(2, "Phone", "phone_bad"),
		(2, "Type", "member_type_unknown"),
		(2, "Time zone", "zone_unreadable"),
		(2, "Officer", "officer_unknown"),
	]
	# Without the tiers and the officers of the site nothing is said about them.
	(one,) = read(rows("Summit,China,,,,bob,Gold,", head=HEAD_MORE)).prospects
	assert (one.officer, one.tier) == ("", "Gold")


def test_a_formula_is_no_phone_number():
	assert problems(rows("Summit,China,=1+1,,,,,", head=HEAD_MORE)) == [(2, "Phone", "formula")]
	assert problems(rows("Summit,China,+SUM(1),,,,,", head=HEAD_MORE)) == [(2, "Phone", "formula")]


@pytest.mark.parametrize(
	"data, code",
	[
		(b"", "file_empty"),
		(b"PK\x03\x04rest", "file_not_text"),
		(HEAD.encode(), "no_rows"),
		(b"Email,Phone\na@b.example,1\n", "heading_missing"),
		(b"Name,Country,Name\nx,China,y\n", "heading_twice"),
		(b'Name,Country\n"x,China\n', "file_quotes"),
		(b"Name,Country\n" + b"x,China\n" * (MAX_ROWS + 1), "too_many_rows"),
	],
)
def test_files_that_cannot_be_used(data, code):
	with pytest.raises(ProspectFileError) as caught:
		read(data)
	assert caught.value.code == code
	assert caught.value.text() and caught.value.text("zh")


@given(st.lists(st.lists(st.text(max_size=12), min_size=6, max_size=6), max_size=5))
def test_whatever_stands_in_the_cells_each_row_is_told_of(lines):
	import csv
	import io

	out = io.StringIO()
	csv.writer(out).writerows(lines)
	try:
		file = read((HEAD + out.getvalue()).encode("utf-8", "replace"))
	except ProspectFileError:
		return
	told = {one.row for one in file.prospects} | {one.row for one in file.problems} | set(file.blank_rows)
	assert len(told) == len(file.prospects) + len({one.row for one in file.problems}) + len(file.blank_rows)
	assert file.total_rows + len(file.blank_rows) == len(told)
