"""Rosters as real spreadsheets save them."""

from __future__ import annotations

import csv
import io
import time
from collections import Counter
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imta_crm.policy.names import fold, fold_loose, identity_key, inert, safe_cell, starts_formula, tidy
from imta_crm.policy.roster import RosterError, ascii_address, check_roster, read_table

CURRENCIES = {"USD", "CNY"}
HEADS = "No.,Organisation (EN),Organisation (local),Country/Region,Category,Sector,Date joined,Email,Preferred language,Invoice currency,Key member"
GOOD = {
	"No.": "1",
	"Organisation (EN)": "Alpine Club",
	"Organisation (local)": "Alpenverein",
	"Country/Region": "Switzerland",
	"Category": "Ordinary",
	"Sector": "Association",
	"Date joined": "2018-05-20",
	"Email": "a@club.example",
	"Preferred language": "en",
	"Invoice currency": "USD",
	"Key member": "",
}


def as_csv(rows: list[dict | list], heads: list[str] | None = None, separator: str = ",") -> str:
	out = io.StringIO()
	heads = heads or list(GOOD)
	writer = csv.writer(out, delimiter=separator)
	writer.writerow(heads)
	for row in rows:
		writer.writerow(list((GOOD | row).values()) if isinstance(row, dict) else row)
	return out.getvalue()


@pytest.fixture
def check(tiers):
	def run(content: str | bytes | list, **options):
		if isinstance(content, list):
			content = as_csv(content)
		data = content.encode() if isinstance(content, str) else content
		return check_roster(read_table(data), **{"tiers": tiers, "currencies": CURRENCIES} | options)

	return run


# The roster of the alliance


def test_the_roster_imports_whole(check, data):
	result = check((data / "roster.csv").read_bytes())
	assert (len(result.members), result.problems, result.already, result.ignored_columns) == (91, [], [], [])
	assert Counter(member.tier for member in result.members) == {
		"Council": 13, "Ordinary": 72, "Individual": 5, "Emeritus": 1,
	}  # fmt: skip
	assert Counter(member.member_type for member in result.members) == {"Organisation": 85, "Individual": 6}
	assert len({member.country_code for member in result.members}) == 57
	assert sum(member.currency == "CNY" for member in result.members) == 16


def test_importing_it_again_adds_nobody(check, data):
	for name in ("roster.csv", "roster_problems.csv"):
		content = (data / name).read_bytes()
		first = check(content)
		known = {member.key: f"IMTA-{member.no}" for member in first.members}
		second = check(content, existing=known)
		assert second.members == []
		assert [one.member for one in second.already] == list(known.values())
		assert [p.code for p in second.problems] == [p.code for p in first.problems]
		assert len(check(content, existing=set(known)).already) == len(known)


def recoded(data: bytes, encoding: str, separator: str) -> bytes:
	rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
	out = io.StringIO()
	csv.writer(out, delimiter=separator).writerows(rows)
	return out.getvalue().encode(encoding)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_any_encoding_and_separator_gives_the_same_members(check, data, encoding, separator):
	content = (data / "roster.csv").read_bytes()
	table = read_table(recoded(content, encoding, separator))
	assert table.separator == separator
	assert check(recoded(content, encoding, separator)).members == check(content).members


def test_gbk_with_chinese_headings(check):
	text = (
		"序号;机构名称（英文）;机构名称（本地）;国家/地区;会员类别;行业;入会日期;电子邮箱;首选语言;发票币种;重点会员\r\n"
		"1;Guizhou Normal University;贵州师范大学;中国;理事会员;研究机构;2019年10月28日;a@gznu.example;中文;人民币;是\r\n"
		"2;张家界旅游集团;张家界旅游集团;中华人民共和国;普通会员;企业;2019/10/28;b@zjj.example;汉语;CNY;否\r\n"
	)
	result = check(text.encode("gbk"))
	assert result.problems == []
	one, two = result.members
	assert (one.name_local, one.country, one.tier, one.language, one.currency, one.is_key) == (
		"贵州师范大学", "China", "Council", "zh", "CNY", True,
	)  # fmt: skip
	assert (two.name, two.joined_on, two.is_key) == ("张家界旅游集团", date(2019, 10, 28), False)


# The table of what must become of each row


def test_each_row_of_the_problems_file(check, data):
	result = check((data / "roster_problems.csv").read_bytes())
	assert [member.no for member in result.members] == ["1", "3", "4", "12", "16", "19", "20"]
	assert result.blank_rows == [19]
	assert [(p.row, p.no, p.column, p.code) for p in result.problems] == [
		(3, "2", "Organisation (EN)", "duplicate_in_file"),
		(6, "5", "Email", "email_bad"),
		(7, "6", "Organisation (EN)", "name_missing"),
		(8, "7", "Country/Region", "country_missing"),
		(9, "8", "Country/Region", "country_unknown"),
		(10, "9", "Category", "tier_unknown"),
		(11, "10", "Date joined", "date_impossible"),
		(12, "11", "Organisation (EN)", "formula"),
		(14, "13", "Organisation (EN)", "too_long"),
		(15, "14", "Email", "email_many"),
		(16, "15", "Invoice currency", "currency_unknown"),
		(18, "17", "Category", "row_short"),
	]
	by_no = {member.no: member for member in result.members}
	assert (by_no["3"].country, by_no["3"].joined_on, by_no["3"].language) == (
		"Austria",
		date(2017, 8, 15),
		"de",
	)
	assert (by_no["4"].country, by_no["4"].tier, by_no["4"].joined_on) == (
		"Korea, Republic of", "Ordinary", date(2017, 8, 15),
	)  # fmt: skip
	assert by_no["12"].name == "<script>alert(1)</script> Guides"
	assert by_no["16"].name == "O'Brien & Søn's \"Fjell\" Club, Ltd."
	assert (by_no["19"].joined_on, by_no["19"].is_key) == (date(2019, 10, 28), True)
	assert (by_no["20"].name_local, by_no["20"].email, by_no["20"].is_key, by_no["20"].joined_on) == (
		"FULL WIDTH", "a@fullwidth.example", True, date(2020, 1, 1),
	)  # fmt: skip


def test_problems_say_what_to_do_in_both_languages(check, data):
	by_code = {p.code: p for p in check((data / "roster_problems.csv").read_bytes()).problems}
	assert "a@two.example, b@two.example" in by_code["email_many"].message
	assert "400" in by_code["too_long"].message and by_code["too_long"].value.endswith("…")
	assert "Swiss Alpine Club" in by_code["duplicate_in_file"].text("zh")
	for problem in by_code.values():
		assert problem.text("zh") != problem.text("en") and "{" not in problem.text("zh") + problem.text("en")


def test_all_problems_of_a_row_are_told_at_once(check):
	bad = {"Country/Region": "Atlantis", "Category": "Gold", "Date joined": "soon", "Email": "x", "Invoice currency": "JPY",
		"Key member": "perhaps", "Preferred language": "Klingon"}  # fmt: skip
	result = check([bad])
	assert [p.code for p in result.problems] == [
		"country_unknown", "tier_unknown", "date_unreadable", "email_bad", "language_unknown", "currency_unknown",
		"yes_no_unknown",
	]  # fmt: skip
	assert result.members == []


# Cells


@pytest.mark.parametrize(
	"value", ["=1+1", "+cmd", "-x|y", "@SUM(A1)", "\t=1", " =1", "＝1+1", "\u200b=1", "\ufeff@x"]
)
@pytest.mark.parametrize("column", ["Organisation (EN)", "Organisation (local)", "Sector"])
def test_formulas_are_refused_in_every_cell(check, value, column):
	assert [p.code for p in check([{column: value}]).problems] == ["formula"]


def test_control_characters_are_refused(check):
	assert [p.code for p in check([{"Organisation (EN)": "Alp\x1b[31mine"}]).problems] == [
		"control_character"
	]


def test_a_cell_of_several_lines_is_one_cell(check):
	result = check(
		[{"Organisation (EN)": "Alpine\nClub,\r\nBern"}, {"Organisation (EN)": "Other", "Category": "?"}]
	)
	assert result.members[0].name == "Alpine Club, Bern"
	assert result.problems[0].row == 3


def test_140_characters_fit_and_141_do_not(check):
	assert len(check([{"Organisation (EN)": "山" * 140}]).members[0].name) == 140
	for column in ("Organisation (EN)", "Organisation (local)", "Sector"):
		problem = check([{column: "山" * 141}]).problems[0]
		assert (problem.code, problem.column) == ("too_long", column)


@pytest.mark.parametrize(
	"text, address",
	[
		("a@club.example", "a@club.example"), ("A.B+c@Club.Example", "A.B+c@club.example"),
		("info@münchen.example", "info@xn--mnchen-3ya.example"), ("a@例子.example", "a@xn--fsqu00a.example"),
		("a@b", None), ("a b@c.example", None), ("a@b..example", None), (".a@b.example", None), ("a@-b.example", None),
		("Name <a@b.example>", None), ("a@b.1", None), ("@b.example", None), ("a@b@c.example", None), ("ä@b.example", None),
	],
)  # fmt: skip
def test_addresses(text, address):
	assert ascii_address(text) == address


@pytest.mark.parametrize(
	"cell", ["a@x.example; b@x.example", "a@x.example,b@x.example", "a@x.example b@x.example", "a@x.example、b@x.example", "a@x.example / b@x.example"]
)  # fmt: skip
def test_of_two_addresses_none_is_taken(check, cell):
	problem = check([{"Email": cell}]).problems[0]
	assert problem.code == "email_many" and "a@x.example, b@x.example" in problem.message


@pytest.mark.parametrize("cell, key", [("YES", True), ("y", True), ("1", True), ("是", True), ("√", True), ("", False), ("No", False), ("否", False), ("-", False)])  # fmt: skip
def test_yes_and_no(check, cell, key):
	assert check([{"Key member": cell}]).members[0].is_key is key


@pytest.mark.parametrize(
	"cell, tier",
	[("council", "Council"), ("Council member", "Council"), ("理事", "Council"), ("普通会员", "Ordinary"), ("普通會員", "Ordinary"),
		("个人会员", "Individual"), ("荣誉会员", "Emeritus"), ("ORDINARY ", "Ordinary")],
)  # fmt: skip
def test_tiers_by_any_of_their_names(check, cell, tier):
	assert check([{"Category": cell}]).members[0].tier == tier


@pytest.mark.parametrize("cell, language", [("de", "de"), ("中文", "zh"), ("zh-CN", "zh"), ("zh-TW", "zh-TW"), ("French", "fr"), ("EN", "en"), ("", "")])  # fmt: skip
def test_languages(check, cell, language):
	assert check([{"Preferred language": cell}]).members[0].language == language


@pytest.mark.parametrize(
	"cell, currency", [("usd", "USD"), ("人民币", "CNY"), ("RMB", "CNY"), ("US$", "USD"), ("", "")]
)
def test_currencies(check, cell, currency):
	assert check([{"Invoice currency": cell}]).members[0].currency == currency


def test_an_ambiguous_date_is_refused_and_says_why(check):
	problem = check([{"Date joined": "03/04/2018"}]).problems[0]
	assert problem.code == "date_ambiguous"
	assert "2018-04-03" in problem.message and "2018-03-04" in problem.message


def test_future_dates_are_refused_where_today_is_told(check):
	row = [{"Date joined": "2027-01-01"}]
	assert check(row).problems == []
	assert check(row, today=date(2026, 11, 23)).problems[0].code == "joined_future"


def test_duplicates_are_by_name_and_country(check):
	same = [{}, {"Organisation (EN)": "ＡＬＰＩＮＥ　club "}, {"Country/Region": "France"}]
	result = check(same)
	assert [member.country for member in result.members] == ["Switzerland", "France"]
	assert [(p.row, p.values[0]) for p in result.problems] == [(3, 2)]


# The file


@pytest.mark.parametrize(
	"content, code",
	[
		(b"", "file_empty"), (b"\xef\xbb\xbf", "file_empty"), (b" \r\n \r\n", "file_empty"), (b"PK\x03\x04rest", "file_not_text"),
		(b"\xd0\xcf\x11\xe0\xa1\xb1", "file_not_text"), (b"a\0\x01b\0\x02c\x03\0\0", "file_not_text"),
		("Österreich, Zürich, Genève, Malmö, Århus".encode("cp1252"), "file_encoding"), (b"\xff\xfe\x00", "file_encoding"),
		(HEADS.encode() + b'\n1,"Never closed,x\n2,y\n', "file_quotes"), (b"x" * (10 * 1024 * 1024 + 1), "file_too_large"),
		(b",".join(b"c%d" % n for n in range(70)), "too_many_columns"), (b"\n" * 50_010 + b"x", "too_many_rows"),
	],
	ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_unusable_files(content, code):
	with pytest.raises(RosterError) as caught:
		read_table(content)
	assert caught.value.code == code
	assert caught.value.text("zh") != caught.value.text("en")


@pytest.mark.parametrize(
	"content, code",
	[
		("No.,Name,Country\n1,Club,France\n", "heading_missing"),
		("Name,Country,Tier,Joined,Member\nx,FR,Council,2020-01-01,y\n", "heading_twice"),
		(HEADS + "\n", "no_rows"),
		(HEADS + "\n,,,,,,,,,,\n", "no_rows"),
	],
)
def test_unusable_headings(check, content, code):
	with pytest.raises(RosterError) as caught:
		check(content)
	assert caught.value.code == code


def test_missing_headings_are_all_named(check):
	with pytest.raises(RosterError) as caught:
		check("No.,Name\n1,Club\n")
	assert "Country/Region, Category, Date joined" in caught.value.text()


@pytest.mark.parametrize(
	"heads",
	["Organization (EN),COUNTRY,Membership Category,Join Date", "Name,Country or region,tier,member since", "单位名称,国别,级别,加入日期", " organisation (en) ,Country / Region,类别,入会时间"],
)  # fmt: skip
def test_headings_under_other_names_and_only_the_needed_ones(check, heads):
	member = check(f"{heads}\nClub,FR,Council,2020-01-01\n").members[0]
	assert (member.name, member.country, member.tier, member.email, member.no) == (
		"Club",
		"France",
		"Council",
		"",
		"",
	)


def test_the_kind_of_member_by_its_column_or_its_tier(check):
	head = "Name,Country,Tier,Joined,Type\n"
	assert check(head + "Ann,FR,Individual,2020-01-01,\n").members[0].member_type == "Individual"
	assert check(head + "Club,FR,Council,2020-01-01,机构\n").members[0].member_type == "Organisation"
	assert check(head + "Ann,FR,Council,2020-01-01,Person\n").problems[0].code == "member_type_wrong"
	assert check(head + "Ann,FR,Council,2020-01-01,Robot\n").problems[0].code == "member_type_unknown"


def test_columns_that_are_not_read_are_named(check):
	result = check("Name,Country,Tier,Joined,Favourite peak\nClub,FR,Council,2020-01-01,=Eiger\n")
	assert result.ignored_columns == ["Favourite peak"] and len(result.members) == 1


def test_rows_that_do_not_fit(check):
	head = "Name,Country,Tier,Joined\n"
	assert check(head + "Club,FR,Council\n").problems[0].code == "row_short"
	assert check(head + "Club, Ltd.,FR,Council,2020-01-01\n").problems[0].code == "row_long"
	assert len(check(head + "Club,FR,Council,2020-01-01,,\n").members) == 1


def test_blank_rows_above_the_headings_and_the_separators_line(check):
	assert len(check("\r\n\r\nName,Country,Tier,Joined\r\nClub,FR,Council,2020-01-01\r\n").members) == 1
	assert len(check("sep=;\r\nName;Country;Tier;Joined\r\nClub;FR;Council;2020-01-01\r\n").members) == 1


@given(st.binary(max_size=300))
@example(b"\xfe\xff\xd8")
@example(b'"')
def test_any_bytes_are_a_table_or_a_roster_error(content):
	try:
		assert read_table(content).headings is not None
	except RosterError as problem:
		assert "{" not in problem.text("zh")


@given(st.lists(st.lists(st.text(max_size=20), min_size=11, max_size=11), min_size=1, max_size=5))
def test_any_cells_are_a_member_a_problem_or_blank(rows):
	table = read_table(as_csv(rows).encode("utf-8", "surrogatepass").replace(b"\0", b""))
	tiers = [{"tier_name": "Ordinary"}]
	try:
		result = check_roster(table, tiers=tiers, currencies=CURRENCIES)
	except RosterError as problem:
		assert problem.code == "no_rows"
		return
	told = {m.row for m in result.members} | {p.row for p in result.problems} | set(result.blank_rows)
	assert told == {row.number for row in table.rows}
	assert not {m.row for m in result.members} & {p.row for p in result.problems}


def test_ten_thousand_rows_are_quick(check):
	rows = [
		GOOD | {"No.": str(n), "Organisation (EN)": f"Club {n}", "Organisation (local)": f"登山协会 {n}"}
		for n in range(10_000)
	]
	content = as_csv(rows)
	started = time.process_time()
	assert len(check(content).members) == 10_000
	assert time.process_time() - started < 5


# Names


def test_folding():
	assert fold("  swiss  ALPINE club ") == fold("Swiss Alpine Club") == "swiss alpine club"
	assert fold("ＦＵＬＬ　ＷＩＤＴＨ") == "full width"
	assert fold("Straße") == fold("STRASSE")
	assert fold("Zürich") != fold("Zurich") and fold_loose("Zürich") == fold_loose("Zurich")
	assert fold_loose("St. Gallen & Co., Ltd.") == fold_loose("st gallen and co ltd")
	assert identity_key("Club ", "France") == identity_key("CLUB", "France") != identity_key("Club", "Spain")
	assert tidy("国际山地（旅游）　联盟") == "国际山地（旅游） 联盟"


@given(st.text(max_size=40))
def test_folding_again_changes_nothing(text):
	assert fold(fold(text)) == fold(text)
	assert tidy(tidy(text)) == tidy(text)
	assert fold(tidy(text)) == fold(text)


@given(st.sampled_from(["=", "+", "-", "@", "\t", "\r", "\n", "＝", " =", "\ufeff="]), st.text(max_size=10))
def test_no_exported_cell_is_a_formula(start, rest):
	assert not starts_formula(safe_cell(start + rest))


@pytest.mark.parametrize("value, cell", [("-12.50", "-12.50"), ("+1", "+1"), ("-1+1", "'-1+1"), (None, ""), (5, "5"), ("plain", "plain"), ("=A1", "'=A1")])  # fmt: skip
def test_safe_cells(value, cell):
	assert safe_cell(value) == cell


@pytest.mark.parametrize(
	("text", "shown"),
	[
		("<script>alert(1)</script>", "< script>alert(1)< /script>"),
		('"<img src=x onerror=alert(1)>"', '"< img src=x onerror=alert(1)>"'),
		("<!-- x --><?php", "< !-- x -->< ?php"),
		("1 < 2, a <= b, <3, 我<我们", "1 < 2, a <= b, <3, 我<我们"),
	],
)
def test_nothing_begins_a_tag(text, shown):
	assert inert(text) == shown == inert(shown)
