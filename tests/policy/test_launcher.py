"""The launcher, as far as it needs neither a bench nor the network."""

import ast
import json
import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import time
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace

import pytest

from launcher import cli, outbox, progress, settings, shell, supervisor, sync, testing, up
from launcher.settings import Place

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("up", "test", "preview", "benchmark", "status", "logs", "outbox", "down")


def imta(*arguments, **environment):
	kept = {k: v for k, v in os.environ.items() if not k.startswith(("IMTA_", "FRAPPE_", "ERPNEXT_"))}
	return subprocess.run(
		[sys.executable, str(ROOT / "imta"), *arguments],
		env=kept | environment,
		capture_output=True,
		text=True,
		timeout=60,
		stdin=subprocess.DEVNULL,
	)


def until(condition, seconds=15):
	end = time.monotonic() + seconds
	while time.monotonic() < end:
		if condition():
			return True
		time.sleep(0.05)
	return False


def free_port():
	with socket.socket() as probe:
		probe.bind(("127.0.0.1", 0))
		return probe.getsockname()[1]


# Command line


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command, capsys):
	with pytest.raises(SystemExit) as stop:
		raise SystemExit(cli.main([command, "--help"]))
	assert not stop.value.code
	assert "usage" in capsys.readouterr().out.lower()


def test_help_names_every_command():
	text = imta("--help").stdout
	assert all(command in text for command in COMMANDS)


def test_launcher_imports_the_standard_library_only():
	for path in [ROOT / "imta", *(ROOT / "launcher").glob("*.py")]:
		if path.name in ("wsgi.py", "on_bench.py"):  # these run inside the bench
			continue
		for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
			names = []
			if isinstance(node, ast.Import):
				names = [alias.name for alias in node.names]
			elif isinstance(node, ast.ImportFrom):
				names = [node.module or ""]
			for name in names:
				top = name.split(".")[0]
				assert top in sys.stdlib_module_names or top in ("launcher", "imta_crm"), (
					f"{path.name}: {name}"
				)


def test_sources_out_of_reach_are_explained_within_30_seconds(tmp_path):
	began = time.monotonic()
	done = imta(
		"up",
		"--bench",
		str(tmp_path / "bench"),
		FRAPPE_REPO=str(tmp_path / "no-frappe"),
		ERPNEXT_REPO="https://127.0.0.1:1/erpnext",
	)
	assert time.monotonic() - began < 30
	assert done.returncode == 1
	for words in ("FRAPPE_REPO", "ERPNEXT_REPO", "./imta preview", "bench get-app", "install-app"):
		assert words in done.stderr
	assert not (tmp_path / "bench").exists()


def test_a_bench_made_by_hand_is_left_alone(tmp_path):
	bench = tmp_path / "bench"
	for name in ("apps", "sites"):
		(bench / name).mkdir(parents=True)
	done = imta("up", "--bench", str(bench))
	assert done.returncode == 1
	assert "made by hand" in done.stderr
	assert sorted(path.name for path in bench.rglob("*")) == ["apps", "sites"]


def test_commands_without_a_bench_say_so(tmp_path, capsys):
	for command in ("status", "logs", "outbox", "down"):
		assert cli.main([command, "--bench", str(tmp_path / "nothing")]) == 1
		assert "./imta up" in capsys.readouterr().out


def test_no_unknown_suite(capsys):
	assert cli.main(["test", "nonsense"]) == 2
	assert "nonsense" in capsys.readouterr().err


# Progress


def test_a_failing_step_shows_the_end_of_its_log_and_what_to_do(tmp_path, capsys):
	steps = progress.Steps(tmp_path)
	with pytest.raises(SystemExit) as stop, steps.step("key", "Something hard") as step:
		step.write("\n".join(f"line {number}" for number in range(40)))
		raise progress.StepFailed("it broke", "Mend it.")
	assert stop.value.code == 1
	shown = capsys.readouterr()
	assert "Something hard" in shown.out
	assert "it broke" in shown.err and "Mend it." in shown.err
	assert "line 39" in shown.err and "line 25" in shown.err and "line 24" not in shown.err


def test_a_program_that_redraws_its_line_leaves_one_line(tmp_path):
	log = tmp_path / "log"
	log.write_bytes(b"begin\n" + b"\r".join(b"\x1b[2K%d%%" % n for n in range(100)) + b"\nend\n")
	assert progress.last_lines(log) == ["begin", "99%", "end"]


def test_steps_are_one_plain_line_each_without_a_terminal(tmp_path, capsys):
	steps = progress.Steps(tmp_path)
	with steps.step("one", "First") as step:
		step.done_before("there")
	with steps.step("two", "Second"):
		pass
	lines = capsys.readouterr().out.splitlines()
	assert len(lines) == 2
	assert "\r" not in "".join(lines) and "\x1b" not in "".join(lines)


def test_a_failing_program_fails_its_step(tmp_path):
	steps = progress.Steps(tmp_path)
	with pytest.raises(SystemExit), steps.step("key", "Title") as step:
		shell.run([sys.executable, "-c", "print('last words'); raise SystemExit(3)"], step)
	assert "last words" in (tmp_path / "key.log").read_text()


def test_what_a_killed_launcher_started_dies_with_it(tmp_path):
	pid_file = tmp_path / "pid"
	code = (
		"import sys; sys.path.insert(0, sys.argv[1])\n"
		"from pathlib import Path\n"
		"from launcher import progress, shell\n"
		"steps = progress.Steps(Path(sys.argv[2]))\n"
		"with steps.step('k', 'T') as step:\n"
		"	shell.run(['sh', '-c', 'echo $$ > ' + sys.argv[3] + '; exec sleep 300'], step)\n"
	)
	process = subprocess.Popen(
		[sys.executable, "-c", code, str(ROOT), str(tmp_path), str(pid_file)], stdout=subprocess.DEVNULL
	)
	assert until(lambda: pid_file.exists() and pid_file.read_text().strip())
	child = int(pid_file.read_text())
	assert supervisor.started_at(child)
	process.kill()
	process.wait()
	assert until(lambda: supervisor.started_at(child) is None)


# Settings


def test_passwords_are_made_once_and_readable_by_the_owner_only(tmp_path):
	place = Place(tmp_path / "bench")
	password = place.secret("administrator")
	assert len(password) >= 16
	assert Place(tmp_path / "bench").secret("administrator") == password
	assert place.secrets_file.stat().st_mode & 0o777 == 0o600


def test_taken_ports_are_passed_over_and_the_choice_is_kept(tmp_path):
	with socket.socket() as taken:
		taken.bind(("127.0.0.1", 0))
		taken.listen()
		port = taken.getsockname()[1]
		with pytest.raises(OSError, match="taken"):
			Place(tmp_path / "bench").choose_ports(port)
		assert settings.free_port(port) != port
	place = Place(tmp_path / "bench")
	place.choose_ports(None)
	assert set(place.ports) == set(settings.PORT_OFFSETS)
	assert len(set(place.ports.values())) == len(place.ports)
	assert Place(tmp_path / "bench").ports == place.ports


def test_a_long_path_still_has_a_socket_that_the_kernel_takes(tmp_path):
	place = Place(tmp_path / ("long" * 30))
	assert len(str(place.socket)) < 100


def test_environment_passes_indexes_and_certificates_on_but_not_the_person(monkeypatch):
	monkeypatch.setenv("PIP_INDEX_URL", "https://pypi.example/simple")
	monkeypatch.setenv("NODE_EXTRA_CA_CERTS", "/etc/ssl/certs/x.pem")
	monkeypatch.setenv("PYTHONPATH", "/elsewhere/private")
	monkeypatch.setenv("VIRTUAL_ENV", "/elsewhere/venv")
	environment = shell.clean_environment(home=Path("/home/x"), user="x", path=[Path("/tools/bin")])
	assert environment["PIP_INDEX_URL"] == "https://pypi.example/simple"
	assert environment["NODE_EXTRA_CA_CERTS"] == "/etc/ssl/certs/x.pem"
	assert "PYTHONPATH" not in environment and "VIRTUAL_ENV" not in environment
	assert environment["HOME"] == "/home/x"
	assert environment["PATH"].startswith("/tools/bin:") and "/root" not in environment["PATH"]


def test_two_runs_do_not_work_on_one_bench(tmp_path):
	place = Place(tmp_path)
	with up.only_one(place):
		with pytest.raises(SystemExit, match="Another run"), up.only_one(place, patience=0):
			pass
	with up.only_one(place, patience=0):
		pass


@pytest.fixture
def small_bench(tmp_path):
	"""A folder that looks like a bench of this launcher, with nothing running."""
	place = Place(tmp_path / "bench")
	for name in ("apps", "sites/imta.localhost", ".imta", "outbox"):
		(place.bench / name).mkdir(parents=True)
	place.save(site="imta.localhost", ports=dict.fromkeys(settings.PORT_OFFSETS, 1), user="x")
	return place


def test_each_password_is_shown_once(small_bench, capsys):
	logins = {"Treasurer": "treasurer@imta.example"}
	marker = small_bench.sites / "imta.localhost" / "imta.json"
	marker.write_text("{}")
	up.welcome(small_bench)
	assert small_bench.secret("administrator") in capsys.readouterr().out
	marker.write_text(json.dumps({"demo": logins}))
	up.welcome(small_bench)
	passwords = json.loads((small_bench.own / "passwords.json").read_text())
	shown = capsys.readouterr().out
	assert passwords["Treasurer"] in shown and passwords["Administrator"] not in shown
	up.welcome(Place(small_bench.bench))
	shown = capsys.readouterr().out
	assert "treasurer@imta.example" in shown and "passwords.json" in shown
	assert not any(password in shown for password in passwords.values())
	assert (small_bench.own / "passwords.json").stat().st_mode & 0o777 == 0o600


def test_purge_asks_and_removes_the_bench_alone(small_bench, monkeypatch, capsys):
	beside = small_bench.bench.parent / "beside"
	beside.mkdir()
	(small_bench.bench / "link").symlink_to(beside)
	monkeypatch.setattr(Path, "home", lambda: small_bench.bench.parent)
	monkeypatch.setattr(sys, "stdin", open(os.devnull))
	assert up.down(small_bench, SimpleNamespace(purge=True, yes=False)) == 1
	assert small_bench.bench.exists()
	assert up.down(small_bench, SimpleNamespace(purge=True, yes=True)) == 0
	assert not small_bench.bench.exists()
	assert beside.exists()
	assert "Removed" in capsys.readouterr().out


# Files of the project


@pytest.mark.skipif(not shutil.which("git"), reason="Git is not here")
def test_project_files_are_tracked_and_new_ones_but_not_ignored(tmp_path):
	(tmp_path / ".gitignore").write_text("ignored.txt\n")
	for name in ("tracked.txt", "new.txt", "ignored.txt"):
		(tmp_path / name).write_text(name)
	for command in (["init", "-q"], ["add", "tracked.txt", ".gitignore"]):
		subprocess.run(["git", *command], cwd=tmp_path, check=True)
	assert sync.project_files(tmp_path) == [".gitignore", "new.txt", "tracked.txt"]


def test_project_files_without_a_repository(tmp_path):
	(tmp_path / "pkg").mkdir()
	(tmp_path / "pkg" / "a.py").write_text("")
	(tmp_path / "link").symlink_to("pkg")
	(tmp_path / "node_modules").mkdir()
	(tmp_path / "node_modules" / "x.js").write_text("")
	assert sync.project_files(tmp_path) == ["link", "pkg/a.py"]


def test_mirror_copies_changes_links_and_removals_but_spares_what_the_bench_made(tmp_path):
	source, target = tmp_path / "source", tmp_path / "target"
	(source / "app").mkdir(parents=True)
	(source / "app" / "kept.py").write_text("1")
	(source / "app" / "gone.py").write_text("2")
	(source / "run").write_text("#!/bin/sh\n")
	(source / "run").chmod(0o755)
	(source / "link").symlink_to("app")
	assert sync.mirror(source, target)
	assert os.readlink(target / "link") == "app"
	assert os.access(target / "run", os.X_OK)
	made = target / "app" / "public" / "dist" / "app.bundle.js"
	made.parent.mkdir(parents=True)
	made.write_text("built")
	assert not sync.mirror(source, target)
	(source / "app" / "gone.py").unlink()
	(source / "app" / "kept.py").write_text("3")
	assert sync.mirror(source, target)
	assert not (target / "app" / "gone.py").exists()
	assert (target / "app" / "kept.py").read_text() == "3"
	assert made.exists()


def test_tree_hash_follows_content(tmp_path):
	(tmp_path / "a").write_text("1")
	before = sync.tree_hash(tmp_path)
	assert sync.tree_hash(tmp_path) == before
	(tmp_path / "a").write_text("2")
	assert sync.tree_hash(tmp_path) != before


# Outbox


@pytest.fixture
def post_office(tmp_path):
	port = free_port()
	process = subprocess.Popen(
		[sys.executable, str(ROOT / "launcher" / "outbox.py"), str(tmp_path / "outbox"), str(port)]
	)
	assert until(lambda: settings.port_answers(port))
	yield tmp_path / "outbox", port
	process.terminate()
	process.wait(10)


def test_outbox_keeps_letters_and_offers_neither_login_nor_encryption(post_office):
	folder, port = post_office
	letter = EmailMessage()
	letter["From"], letter["To"], letter["Subject"] = (
		"a@imta.example",
		"会员 <b@imta.example>",
		"会费通知 2026",
	)
	letter.set_content("First line\n.A line with a dot\n您好\n")
	letter.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="notice.pdf")
	with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
		client.ehlo()
		assert not client.has_extn("starttls") and not client.has_extn("auth")
		assert client.noop()[0] == 250
		assert client.rset()[0] == 250
		client.send_message(letter, to_addrs=["b@imta.example", "c@imta.example"])
		client.send_message(letter)
	kept = outbox.letters(folder)
	assert len(kept) == 2
	text = outbox.as_text(kept[0])
	assert "\n.A line with a dot" in text and "您好" in text and "notice.pdf" in text
	assert "c@imta.example" in outbox.summary(kept[0], 1) and "会费通知" in outbox.summary(kept[0], 1)


def test_outbox_refuses_nonsense_and_lives_on(post_office):
	folder, port = post_office
	with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
		file = client.makefile("rwb")
		assert file.readline().startswith(b"220")
		for line, code in (
			(b"DATA", b"503"),
			(b"RCPT TO:<a@b.example>", b"503"),
			(b"MAIL nonsense", b"501"),
			(b"__init__", b"502"),
			(b"MAIL FROM:<>", b"250"),
			(b"RCPT TO:<a@b.example>", b"250"),
			(b"DATA", b"354"),
		):
			file.write(line + b"\r\n")
			file.flush()
			assert file.readline().startswith(code), line
		file.write(b"half a letter")
		file.flush()
	with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
		assert client.noop()[0] == 250
	assert outbox.letters(folder) == []


# Supervisor


@pytest.fixture
def supervised(tmp_path):
	folder = tmp_path / "run"
	folder.mkdir()
	started = []

	def want(**specs):
		for name, spec in specs.items():
			spec.setdefault("log", str(tmp_path / f"{name}.log"))
		supervisor.write_json(folder / "wanted.json", specs)

	def start():
		started.append(
			subprocess.Popen([sys.executable, str(ROOT / "launcher" / "supervisor.py"), str(folder)])
		)
		return started[-1]

	def pid(name="one"):
		try:
			return json.loads((folder / "state.json").read_text())["services"][name]["pid"]
		except (OSError, ValueError, KeyError):
			return None

	yield want, start, pid
	for process in started:
		process.terminate()
		process.wait(20)


SLEEP = [sys.executable, "-c", "import time; time.sleep(300)"]


def test_supervisor_starts_restarts_changes_and_stops(supervised):
	want, start, pid = supervised
	want(one={"argv": SLEEP})
	process = start()
	assert until(pid)
	first = pid()
	os.kill(first, signal.SIGKILL)
	assert until(lambda: pid() not in (None, first))
	second = pid()
	want(one={"argv": SLEEP, "env": {"CHANGED": "1"}}, two={"argv": SLEEP})
	assert until(lambda: pid() not in (None, second) and pid("two"))
	third, other = pid(), pid("two")
	want(one={"argv": SLEEP, "env": {"CHANGED": "1"}})
	assert until(lambda: supervisor.started_at(other) is None)
	assert pid() == third
	process.terminate()
	assert process.wait(20) == 0
	assert supervisor.started_at(third) is None


def test_services_die_with_a_killed_supervisor_and_come_back(supervised):
	want, start, pid = supervised
	want(one={"argv": SLEEP})
	process = start()
	assert until(pid)
	first = pid()
	process.kill()
	process.wait()
	assert until(lambda: supervisor.started_at(first) is None)
	start()
	assert until(lambda: pid() not in (None, first))


def test_a_second_supervisor_leaves_at_once(supervised):
	want, start, pid = supervised
	want(one={"argv": SLEEP})
	start()
	assert until(pid)
	assert start().wait(10) == 0
	assert supervisor.started_at(pid())


# Realtime on loopback


@pytest.mark.skipif(not shutil.which("node"), reason="Node is not here")
def test_realtime_listens_on_loopback_only():
	script = (
		"const s = require('node:http').createServer();"
		"s.listen('0' * 1 || 0, () => { console.log(s.address().address); s.close(); });"
	)
	done = subprocess.run(
		["node", "--require", str(ROOT / "launcher" / "loopback.js"), "-e", script],
		capture_output=True,
		text=True,
		timeout=30,
	)
	assert done.stdout.strip() == "127.0.0.1", done.stderr


# Counting tests


def test_counts_come_from_the_report(tmp_path):
	report = tmp_path / "r.xml"
	report.write_text(
		"<testsuites><testsuite><testcase/><testcase><failure/></testcase><testcase><error/></testcase>"
		"<testcase><skipped/></testcase><testcase/></testsuite></testsuites>"
	)
	count = testing.count_junit(report, "site", 1)
	assert (count.passed, count.failed, count.skipped) == (2, 2, 1)


def test_a_run_that_broke_off_is_a_failure(tmp_path):
	assert testing.count_junit(tmp_path / "none.xml", "site", 4).failed == 1
	report = tmp_path / "r.xml"
	report.write_text("<testsuites><testsuite><testcase/></testsuite></testsuites>")
	assert testing.count_junit(report, "site", 3).failed == 1


# The project as a whole


def test_links_at_the_top_lead_into_the_package():
	for name in ("fixtures", "patches"):
		assert os.readlink(ROOT / name) == f"imta_crm/{name}"


def test_continuous_integration_calls_the_launcher():
	script = ROOT / ".ci" / "run"
	assert os.access(script, os.X_OK)
	assert "./imta test" in script.read_text()


def test_readme_names_commands_that_exist():
	text = (ROOT / "README.md").read_text(encoding="utf-8")
	used = set(re.findall(r"\./imta ([a-z]+)", text))
	assert used and used <= set(COMMANDS)
	first_screen = "\n".join(text.splitlines()[:14])
	assert (
		"./imta up" in first_screen
		and "./imta test" in first_screen
		and "docs/images/desk.png" in first_screen
	)
