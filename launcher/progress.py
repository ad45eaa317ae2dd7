"""Named steps with a running clock: one line for each, and a log file behind it."""

from __future__ import annotations

import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
TAIL_LINES = 15
PLAIN_PULSE = 60  # seconds between signs of life where the output is not a terminal


class StepFailed(Exception):
	"""A step cannot be done. `hint` says what the person can do about it."""

	def __init__(self, message: str, hint: str = "") -> None:
		super().__init__(message)
		self.hint = hint


def clock(seconds: float) -> str:
	minutes, rest = divmod(int(seconds), 60)
	return f"{minutes}:{rest:02d}"


def last_lines(path: Path, count: int = TAIL_LINES) -> list[str]:
	"""The last lines that say something: progress bars redrawn on one line count once."""
	try:
		with path.open("rb") as file:
			file.seek(0, os.SEEK_END)
			file.seek(max(0, file.tell() - 64 * 1024))
			text = file.read().decode("utf-8", "replace")
	except OSError:
		return []
	lines = (CONTROL.sub("", line.rsplit("\r", 1)[-1]).rstrip() for line in text.split("\n"))
	return [line for line in lines if line][-count:]


class Steps:
	"""Shows steps as they happen, redrawn on a terminal, as plain lines elsewhere."""

	def __init__(self, logs: Path, *, command: str = "./imta up") -> None:
		self.logs = logs
		self.command = command
		self.tty = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
		utf8 = "utf" in (sys.stdout.encoding or "").lower()
		self.marks = (
			{"ok": "✓", "fail": "✗", "skip": "·"} if utf8 else {"ok": "ok", "fail": "!!", "skip": "-"}
		)
		self.spinner = SPINNER if utf8 else "|/-\\"
		self.began = time.monotonic()
		logs.mkdir(parents=True, exist_ok=True)

	@contextmanager
	def step(self, key: str, title: str) -> Iterator[Step]:
		step = Step(self, key, title)
		step.start()
		try:
			yield step
		except StepFailed as problem:
			step.finish("fail")
			self.explain(step, problem)
			raise SystemExit(1) from None
		except KeyboardInterrupt:
			step.finish("fail")
			print(f"\nStopped. Run {self.command} again: it goes on where it was.", file=sys.stderr)
			raise SystemExit(130) from None
		except OSError as problem:
			step.finish("fail")
			self.explain(step, StepFailed(str(problem)))
			raise SystemExit(1) from None
		except BaseException:
			step.finish("fail")
			raise
		else:
			step.finish("skip" if step.was_done else "ok")

	def explain(self, step: Step, problem: StepFailed) -> None:
		out = sys.stderr
		sys.stdout.flush()
		print(f"\n{step.title}: {problem}", file=out)
		lines = last_lines(step.path)
		if lines:
			print(f"\nThe last lines of {step.path}:", file=out)
			for line in lines:
				print(f"  {line[:200]}", file=out)
		print("\nWhat to do:", file=out)
		print(f"  {problem.hint or f'Read the whole log: {step.path}'}", file=out)
		print(f"  Then run {self.command} again: it goes on where it was.", file=out)
		out.flush()

	def total(self) -> str:
		return clock(time.monotonic() - self.began)


class Step:
	def __init__(self, steps: Steps, key: str, title: str) -> None:
		self.steps, self.key, self.title = steps, key, title
		self.path = steps.logs / f"{key}.log"
		self.was_done = False
		self.note = ""
		self._over = threading.Event()
		self._thread = threading.Thread(target=self._redraw, daemon=True)

	def done_before(self, note: str = "") -> None:
		"""Say that there was nothing to do."""
		self.was_done = True
		self.note = note

	def write(self, text: str) -> None:
		with self.path.open("a", encoding="utf-8") as file:
			file.write(text.rstrip("\n") + "\n")

	def start(self) -> None:
		self.began = time.monotonic()
		try:
			self.path.unlink()
		except OSError:
			pass
		self._thread.start()

	def finish(self, outcome: str) -> None:
		self._over.set()
		self._thread.join()
		spent = time.monotonic() - self.began
		note = f"  {self.note}" if self.note else ""
		taken = "" if self.was_done and spent < 2 else f"  {clock(spent)}"
		line = f"  {self.steps.marks[outcome]} {self.title}{taken}{note}"
		print(f"\r\x1b[2K{line}" if self.steps.tty else line, flush=True)

	def _redraw(self) -> None:
		turn = 0
		pulse = PLAIN_PULSE
		while not self._over.wait(0.2 if self.steps.tty else 1):
			spent = time.monotonic() - self.began
			if self.steps.tty:
				width = shutil.get_terminal_size().columns - 1
				line = f"  {self.steps.spinner[turn % len(self.steps.spinner)]} {self.title}  {clock(spent)}"
				said = last_lines(self.path, 1)
				if said and width - len(line) > 12:
					line += f"  {said[0].strip()[: width - len(line) - 2]}"
				sys.stdout.write(f"\r\x1b[2K{line[:width]}")
				sys.stdout.flush()
				turn += 1
			elif spent >= pulse:
				print(f"    {self.title}: {clock(spent)} …", flush=True)
				pulse += PLAIN_PULSE
