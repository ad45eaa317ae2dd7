"""`./imta preview`: by its exit status, its output and the files it writes."""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from imta_crm.policy import preview
from imta_crm.policy.preview import cut, width_of

ROOT = Path(__file__).resolve().parents[2]
ROSTER = ROOT / "tests/data/roster.csv"
PROBLEMS = ROOT / "tests/data/roster_problems.csv"
D = Decimal


@pytest.fixture
def run(capsys):
	def call(*arguments):
		status = preview.main([str(argument) for argument in arguments])
		captured = capsys.readouterr()
		return status, captured.out, captured.err

	return call


def rows_of(path: Path) -> list[list[str]]:
	with path.open(encoding="utf-8-sig", newline="") as handle:
		return list(csv.reader(handle))


def test_the_years_dues_of_the_roster(run, tmp_path):
	out_file = tmp_path / "dues.csv"
	status, out, _ = run(ROSTER, "--year", 2026, "--csv", out_file, "--lang", "en")
	assert status == 0
	assert "85 charges, 6 exempt, 0 otherwise not charged" in out
	totals = {
		line.split()[0]: line.split()[1:]
		for line in out.splitlines()
		if line.startswith(("USD ", "CNY ", "Total "))
	}
	assert totals == {
		"USD": ["69", "77,000.00", "77,000.00"],
		"CNY": ["16", "147,604.80", "21,000.00"],
		"Total": ["85", "98,000.00"],
	}
	heads, *rows = rows_of(out_file)
	place = {head: index for index, head in enumerate(heads)}
	charged = [row for row in rows if row[place["Result"]] == "charge"]
	assert (len(rows), len(charged)) == (91, 85)
	cny = [row for row in charged if row[place["Currency"]] == "CNY"]
	assert sum(D(row[place["Amount"]]) for row in cny) == D("147604.80")
	assert sum(D(row[place["In USD"]]) for row in charged) == 98_000


def test_a_rate_of_ones_own(run):
	_, out, _ = run(ROSTER, "--year", 2026, "--rate", "CNY=7", "--lang", "en")
	assert "147,000.00" in out and "1 USD = 7 CNY" in out


def test_problems_end_with_1_and_are_written(run, tmp_path):
	file = tmp_path / "problems.csv"
	status, out, _ = run(PROBLEMS, "--year", 2026, "--problems-csv", file, "--lang", "en")
	assert status == 1
	assert "7 members in order, 12 problems in 12 rows" in out
	rows = rows_of(file)
	assert len(rows) == 13
	assert any(row[3].startswith("'=HYPERLINK") for row in rows)
	assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def test_in_chinese(run):
	status, out, _ = run(PROBLEMS, "--year", 2026, "--lang", "zh")
	assert status == 1
	assert "缺少名称" in out and "年度会费" in out and "全期" in out and "普通会员" in out and "奥地利" in out
	assert "whole period" not in out


def test_a_currency_without_rate_is_a_problem_and_not_an_end(run, tmp_path):
	status, out, _ = run(ROSTER, "--year", 2030, "--lang", "en")
	assert status == 1
	assert out.count("No rate from USD to CNY") == 16 and "69 charges" in out
	assert run(ROSTER, "--year", 2030, "--rate", "CNY=7.1")[0] == 0


def test_as_of_and_proration(run):
	_, out, _ = run(ROSTER, "--year", 2026, "--as-of", "2026-01-04", "--lang", "en")
	assert "0 charges" in out and "Not due before 2026-01-05" in out
	_, out, _ = run(ROSTER, "--year", 2017, "--rate", "CNY=6.8", "--proration", "Daily", "--lang", "en")
	assert "(139 of 365)" in out and "380.82" in out


@pytest.mark.parametrize(
	"arguments",
	[
		["missing.csv", "--year", "2026"], [ROSTER], [ROSTER, "--year", "now"], [ROSTER, "--year", "2026", "--rate", "CNY"],
		[ROSTER, "--year", "2026", "--rate", "CNY=-1"], [ROSTER, "--year", "2026", "--rate", "CNY=NaN"], [ROSTER, "--year", "2026", "--rate", "USD=2"],
		[ROSTER, "--year", "2026", "--tiers", ROSTER], [ROOT, "--year", "2026"], [ROSTER, "--year", "2026", "--lang", "fr"],
		[ROSTER, "--year", "2026", "--csv", "/no/such/folder/x.csv"], [ROSTER, "--year", "2026", "--as-of", "03/04/2026"],
	],
)  # fmt: skip
def test_what_cannot_be_used_ends_with_2(run, arguments):
	status, _, err = run(*arguments)
	assert status == 2
	assert err.strip() and "Traceback" not in err


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"a,b\n1,2\n", b'Name,Country,Tier,Joined\n"x'])
def test_files_that_cannot_be_used(run, tmp_path, content):
	file = tmp_path / "roster.csv"
	file.write_bytes(content)
	status, out, err = run(file, "--year", 2026)
	assert (status, out) == (2, "") and str(file) in err


def test_tiers_of_ones_own(run, tmp_path, tiers):
	file = tmp_path / "tiers.json"
	file.write_text(
		json.dumps([tier | {"dues_amount": tier["dues_amount"] / 2} for tier in tiers]), encoding="utf-8"
	)
	_, out, _ = run(ROSTER, "--year", 2026, "--tiers", file, "--lang", "en")
	assert "38,500.00" in out


def test_help(run):
	status, out, _ = run("--help")
	assert status == 0 and "Exit status" in out


def test_columns_line_up_with_wide_characters(run):
	_, out, _ = run(ROSTER, "--year", 2026, "--lang", "zh")
	lines = out.splitlines()
	start = next(index for index, line in enumerate(lines) if line.startswith("----"))
	widths = [len(dashes) for dashes in lines[start].split("  ")]
	place = sum(widths[:5]) + 2 * 5  # where the amount begins
	for line in lines[start + 1 : start + 92]:
		before = ""
		for char in line:
			if width_of(before) >= place:
				break
			before += char
		assert width_of(before) == place, line


def test_widths():
	assert [width_of(text) for text in ("abc", "中文", "e\u0301", "ｆ", "नेपाल")] == [3, 4, 1, 2, 4]
	assert cut("中文字符", 5) == "中文…" and cut("short", 5) == "short"


def test_a_cell_cannot_move_the_cursor(run, tmp_path):
	file = tmp_path / "roster.csv"
	file.write_text("Name,Country,Tier,Joined\nA\x1b[2J,FR,Council,2020-01-01\n", encoding="utf-8")
	status, out, _ = run(file, "--year", 2026)
	assert status == 1 and "\x1b" not in out


def test_the_launcher_needs_no_bench_and_no_package(tmp_path):
	"""By the real command with a bare Python, 10,000 rows in under five seconds."""
	file = tmp_path / "big.csv"
	rows = "".join(f"Club {n} 登山,CN,Ordinary,2018-05-20,CNY\n" for n in range(10_000))
	file.write_text("Name,Country,Tier,Joined,Currency\n" + rows, encoding="gb18030")
	before = resource.getrusage(resource.RUSAGE_CHILDREN)
	done = subprocess.run(
		[
			sys.executable,
			"-I",
			"-S",
			str(ROOT / "imta"),
			"preview",
			str(file),
			"--year",
			"2026",
			"--lang",
			"en",
		],
		capture_output=True,
		text=True,
		encoding="utf-8",
		env={"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"},
		cwd=tmp_path,
		timeout=60,
	)
	assert done.returncode == 0, done.stderr
	assert "10000 charges" in done.stdout and "70,288,000.00" in done.stdout
	# Processor time: other work on the machine must not fail the test.
	after = resource.getrusage(resource.RUSAGE_CHILDREN)
	assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5
