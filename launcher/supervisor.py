"""Keeps the bench's processes running: starts what is wanted, restarts what dies, stops the rest.

	python3 supervisor.py RUN_DIR

`RUN_DIR/wanted.json` names the services and how to run each: the launcher writes it, the supervisor
follows it. `RUN_DIR/state.json` says what is running. Its children die with it, whatever happens.
No systemd and no supervisord needed; standard library only, and importing nothing of the launcher.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

POLL = 0.25  # seconds
MAX_PAUSE = 20  # seconds between attempts to start something that keeps dying
SETTLED = 30  # seconds after which a start counts as good
LOG_LIMIT = 20 * 1024 * 1024  # bytes; an older log is kept once as .1


def started_at(pid: int) -> str | None:
	"""When a process began, in the kernel's ticks: tells it from a later one with the same number."""
	try:
		fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
	except (OSError, IndexError):
		return None
	return None if fields[0] == "Z" else fields[19]


def write_json(path: Path, content: object) -> None:
	part = path.with_suffix(".part")
	part.write_text(json.dumps(content, indent=1))
	os.replace(part, path)


class Service:
	def __init__(self, name: str) -> None:
		self.name = name
		self.spec: dict = {}
		self.process: subprocess.Popen | None = None
		self.since = 0.0
		self.deaths = 0
		self.next_try = 0.0
		self.last_code: int | None = None

	def start(self) -> None:
		log = Path(self.spec["log"])
		log.parent.mkdir(parents=True, exist_ok=True)
		if log.exists() and log.stat().st_size > LOG_LIMIT:
			os.replace(log, f"{log}.1")
		libc = ctypes.CDLL(None)
		parent = os.getpid()

		def tied() -> None:
			libc.prctl(1, signal.SIGTERM, 0, 0, 0)
			if os.getppid() != parent:
				os._exit(1)

		with log.open("ab") as out:
			try:
				self.process = subprocess.Popen(
					self.spec["argv"],
					cwd=self.spec.get("cwd"),
					env={**os.environ, **self.spec.get("env", {})},
					stdin=subprocess.DEVNULL,
					stdout=out,
					stderr=subprocess.STDOUT,
					start_new_session=True,
					preexec_fn=tied,
				)
			except OSError as problem:
				out.write(f"cannot start: {problem}\n".encode())
				self.died(-1)
				return
		self.since = time.time()

	def died(self, code: int) -> None:
		lived = time.time() - self.since
		self.deaths = 1 if self.since and lived > SETTLED else self.deaths + 1
		self.last_code = code
		self.process = None
		self.next_try = time.monotonic() + min(MAX_PAUSE, 0.5 * 2 ** min(self.deaths, 6))

	def stop(self) -> None:
		if not self.process:
			return
		pid = self.process.pid
		try:
			self.process.send_signal(signal.SIGTERM)
			self.process.wait(self.spec.get("patience", 10))
		except subprocess.TimeoutExpired:
			pass
		try:  # the whole session, so that no child of a child stays
			os.killpg(pid, signal.SIGKILL)
		except (ProcessLookupError, PermissionError):
			pass
		self.process.wait()
		self.process = None

	def state(self) -> dict:
		running = self.process is not None
		return {
			"pid": self.process.pid if running else None,
			"began": started_at(self.process.pid) if running else None,
			"since": self.since if running else None,
			"deaths": self.deaths,
			"last_code": self.last_code,
			"spec": self.spec,
		}


class Supervisor:
	def __init__(self, folder: Path) -> None:
		self.folder = folder
		self.services: dict[str, Service] = {}
		self.seen: int | None = None
		self.leaving = False

	def end_strays(self) -> None:
		"""Processes of a supervisor that was killed have been told to stop; wait, then insist."""
		try:
			before = json.loads((self.folder / "state.json").read_text())["services"]
		except (OSError, ValueError, KeyError):
			return
		for how, patience in ((signal.SIGTERM, 25), (signal.SIGKILL, 5)):
			strays = [s["pid"] for s in before.values() if s["pid"] and started_at(s["pid"]) == s["began"]]
			for pid in strays:
				try:
					os.kill(pid, how)
				except ProcessLookupError:
					pass
			end = time.monotonic() + patience
			while time.monotonic() < end and any(started_at(pid) for pid in strays):
				time.sleep(0.1)

	def follow(self) -> None:
		wanted = self.folder / "wanted.json"
		try:
			changed = wanted.stat().st_mtime_ns
			if changed == self.seen:
				return
			specs = json.loads(wanted.read_text())
		except (OSError, ValueError):
			return
		self.seen = changed
		for name in reversed(list(self.services)):
			service = self.services[name]
			if service.spec != specs.get(name):
				service.stop()
				if name not in specs:
					del self.services[name]
		for name, spec in specs.items():
			service = self.services.setdefault(name, Service(name))
			if service.spec != spec:
				service.spec, service.deaths, service.next_try = spec, 0, 0.0

	def turn(self) -> None:
		for service in self.services.values():
			if service.process and (code := service.process.poll()) is not None:
				service.died(code)
			if not service.process and time.monotonic() >= service.next_try:
				service.start()

	def save(self) -> None:
		content = {
			"pid": os.getpid(),
			"services": {name: service.state() for name, service in self.services.items()},
		}
		if content != getattr(self, "_saved", None):
			write_json(self.folder / "state.json", content)
			self._saved = content

	def run(self) -> None:
		self.end_strays()
		while not self.leaving:
			self.follow()
			self.turn()
			self.save()
			time.sleep(POLL)
		for service in reversed(list(self.services.values())):
			service.stop()
		self.services.clear()
		self.save()

	def leave(self, *_args: object) -> None:
		self.leaving = True


def main(argv: list[str]) -> int:
	folder = Path(argv[0])
	folder.mkdir(parents=True, exist_ok=True)
	lock = (folder / "supervisor.lock").open("a")
	try:
		fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
	except BlockingIOError:
		return 0  # one is there already
	supervisor = Supervisor(folder)
	signal.signal(signal.SIGTERM, supervisor.leave)
	signal.signal(signal.SIGINT, supervisor.leave)
	signal.signal(signal.SIGHUP, signal.SIG_IGN)
	supervisor.run()
	return 0


if __name__ == "__main__":
	sys.exit(main(sys.argv[1:]))
