"""The bench's processes: how each is run, and the supervisor that keeps them."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from launcher.progress import StepFailed, last_lines
from launcher.settings import Place, port_answers
from launcher.shell import clean_environment, which
from launcher.supervisor import started_at, write_json

BASE = ("mariadb", "redis_cache", "redis_queue")
WORKERS = 2
ALL = (*BASE, "mail", "web", "socketio", "schedule", *(f"worker-{n}" for n in range(1, WORKERS + 1)))


def supervisor_script(place: Place) -> Path:
	"""A copy inside the bench: services must not depend on a clone that may be gone tomorrow."""
	return place.own / "serve" / "supervisor.py"


class Services:
	"""Processes under one supervisor. `folder` holds what is wanted and what is."""

	def __init__(self, place: Place, folder: Path | None = None) -> None:
		self.place = place
		self.folder = folder or place.run_folder

	@property
	def wanted_file(self) -> Path:
		return self.folder / "wanted.json"

	def wanted(self) -> dict:
		try:
			return json.loads(self.wanted_file.read_text())
		except (OSError, ValueError):
			return {}

	def alive(self) -> bool:
		"""Whether the supervisor runs: it holds a lock for as long as it lives."""
		try:
			with (self.folder / "supervisor.lock").open("a") as lock:
				fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
		except BlockingIOError:
			return True
		except OSError:
			return False
		return False

	def state(self) -> dict:
		try:
			return json.loads((self.folder / "state.json").read_text())
		except (OSError, ValueError):
			return {"pid": None, "services": {}}

	def running(self, name: str) -> bool:
		service = self.state()["services"].get(name)
		return bool(service and service["pid"] and started_at(service["pid"]) == service["began"])

	def ready(self, name: str, spec: dict) -> bool:
		service = self.state()["services"].get(name)
		if not service or service["spec"] != spec or not self.running(name):
			return False
		if spec.get("port"):
			return port_answers(spec["port"])
		return time.time() - service["since"] > spec.get("settle", 1.0)

	def bring(self, specs: dict[str, dict], *, keep: bool = True, patience: float = 90) -> None:
		"""Run these services, as given; others go on unless `keep` is False. Returns when all answer."""
		wanted = ({**self.wanted(), **specs}) if keep and self.alive() else dict(specs)
		self.folder.mkdir(parents=True, exist_ok=True)
		if wanted != self.wanted():
			write_json(self.wanted_file, wanted)
		self.ensure_supervisor()
		end = time.monotonic() + patience
		waiting = dict(specs)
		while waiting:
			for name in [name for name, spec in waiting.items() if self.ready(name, spec)]:
				del waiting[name]
			if not waiting:
				return
			dying = {n: s for n, s in self.state()["services"].items() if n in waiting and s["deaths"] >= 4}
			if dying or time.monotonic() > end:
				name = next(iter(dying or waiting))
				self.explain(name, specs[name])
			time.sleep(0.2)

	def explain(self, name: str, spec: dict) -> None:
		said = "\n".join(f"    {line[:200]}" for line in last_lines(Path(spec["log"]), 8))
		port = spec.get("port")
		raise StepFailed(
			f"the service {name} does not stay up" + (f" on port {port}" if port else "") + f"\n{said}",
			f"Read {spec['log']}"
			+ (
				f"; if something else uses port {port}, ./imta down and ./imta up --port ANOTHER."
				if port
				else "."
			),
		)

	def restart(self, *names: str) -> None:
		"""Start these anew, so that they run the present code. They are asked to stop first."""
		wanted = self.wanted()
		stamp = str(time.time())
		specs = {}
		for name in names:
			if name in wanted:
				specs[name] = {**wanted[name], "env": {**wanted[name].get("env", {}), "IMTA_STARTED": stamp}}
		if specs:
			self.bring(specs)

	def ensure_supervisor(self, *, patience: float = 40) -> None:
		if self.alive():
			return
		state = self.folder / "state.json"
		log = self.place.logs / "supervisor.log"
		log.parent.mkdir(parents=True, exist_ok=True)
		environment = clean_environment(
			home=Path(os.environ["HOME"]), user=os.environ.get("USER", ""), path=[self.place.bin]
		)
		# CI makes Frappe quiet and its workers behave otherwise; what runs here is the real thing.
		environment.pop("CI", None)
		before = state.stat().st_mtime_ns if state.exists() else 0
		with log.open("ab") as out:
			subprocess.Popen(
				[sys.executable, str(supervisor_script(self.place)), str(self.folder)],
				cwd=self.place.bench,
				env=environment,
				stdin=subprocess.DEVNULL,
				stdout=out,
				stderr=out,
				start_new_session=True,
			)
		end = time.monotonic() + patience
		while time.monotonic() < end:
			if self.alive() and state.exists() and state.stat().st_mtime_ns != before:
				return
			time.sleep(0.1)
		raise StepFailed("the supervisor of the services does not start", f"Read {log}.")

	def stop(self, *, patience: float = 60) -> bool:
		"""Stop everything; True when something ran."""
		if not self.alive():
			return False
		pid = self.state().get("pid")
		if pid and started_at(pid):
			os.kill(pid, signal.SIGTERM)
		end = time.monotonic() + patience
		while self.alive():
			if time.monotonic() > end:
				os.kill(pid, signal.SIGKILL)
				break
			time.sleep(0.1)
		return True

	def drop(self, *names: str) -> None:
		wanted = {name: spec for name, spec in self.wanted().items() if name not in names}
		write_json(self.wanted_file, wanted)
		end = time.monotonic() + 30
		while any(self.running(name) for name in names) and time.monotonic() < end:
			time.sleep(0.1)


def base_specs(place: Place) -> dict[str, dict]:
	"""The database and the queues: all that Frappe's own commands need."""
	mariadbd = which("mariadbd") or which("mysqld") or "mariadbd"
	specs = {
		"mariadb": {
			"argv": [mariadbd, f"--defaults-file={place.own / 'mariadb.cnf'}"],
			"cwd": str(place.own),
			"port": place.ports["mariadb"],
			"patience": 60,
		}
	}
	for name in ("redis_cache", "redis_queue"):
		specs[name] = redis_spec(place, name, place.ports[name])
	return finished(place, specs)


def redis_spec(place: Place, name: str, port: int) -> dict:
	folder = place.own / "redis" / name
	folder.mkdir(parents=True, exist_ok=True)
	# Redis shows its settings in the list of processes: there is no secret among them.
	argv = [redis_server(place), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
	argv += ["--appendonly", "no", "--stop-writes-on-bgsave-error", "no", "--protected-mode", "yes"]
	if "cache" in name:
		argv += ["--save", "", "--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru"]
	else:  # waiting jobs outlive a restart
		argv += ["--save", "300 1", "--dbfilename", "queue.rdb"]
	return {"argv": argv, "cwd": str(folder), "port": port, "patience": 20}


def redis_server(place: Place) -> str:
	return which("redis-server") or str(place.bin / "redis-server")


def node(place: Place) -> str:
	own = place.bin / "node"
	return str(own) if own.exists() else (which("node") or "node")


def frappe_command(place: Place, *arguments: str) -> list[str]:
	return [str(place.python), "-m", "frappe.utils.bench_helper", "frappe", *arguments]


def site_specs(
	place: Place, site: str, ports: dict[str, int], *, workers: int = WORKERS, schedule: bool = True
) -> dict[str, dict]:
	"""What serves a site: web, realtime, workers, scheduler, and the local outbox for its mail."""
	serve = place.own / "serve"
	queues = {
		"FRAPPE_REDIS_CACHE": f"redis://127.0.0.1:{ports['redis_cache']}",
		"FRAPPE_REDIS_QUEUE": f"redis://127.0.0.1:{ports['redis_queue']}",
	}
	sites = str(place.sites)
	specs: dict[str, dict] = {
		"mail": {
			"argv": [
				sys.executable,
				str(serve / "outbox.py"),
				str(outbox_of(place, site)),
				str(ports["mail"]),
			],
			"port": ports["mail"],
		},
		"web": {
			"argv": [
				str(place.python),
				"-m",
				"gunicorn",
				"--bind",
				f"127.0.0.1:{ports['web']}",
				"--workers",
				"2",
				"--worker-class",
				"gthread",
				"--threads",
				"6",
				"--timeout",
				"120",
				"--graceful-timeout",
				"5",
				"--preload",
				"--pythonpath",
				str(serve),
				"imta_wsgi:application",
			],
			"cwd": sites,
			# With DEV_SERVER the desk looks for the realtime server at its own port: there is no proxy here.
			"env": {"IMTA_SITE": site, "DEV_SERVER": "1", **queues},
			"port": ports["web"],
			"patience": 15,
		},
		"socketio": {
			"argv": [
				node(place),
				"--require",
				str(serve / "loopback.js"),
				str(place.bench / "apps/frappe/socketio.js"),
			],
			"cwd": str(place.bench),
			"env": {"FRAPPE_SITE": site, "FRAPPE_SOCKETIO_PORT": str(ports["socketio"]), **queues},
			"port": ports["socketio"],
		},
	}
	if schedule:
		specs["schedule"] = {"argv": frappe_command(place, "schedule"), "cwd": sites, "env": queues}
	for number in range(1, workers + 1):
		specs[f"worker-{number}"] = {
			"argv": frappe_command(place, "worker", "--queue", "default,short,long", "--quiet"),
			"cwd": sites,
			"env": queues,
			"settle": 3.0,
			"patience": 20,
		}
	return finished(place, specs, site)


def finished(place: Place, specs: dict[str, dict], site: str = "") -> dict[str, dict]:
	suffix = "" if not site or site == place.site else f"-{site.split('.')[0]}"
	for name, spec in specs.items():
		spec["log"] = str(place.logs / f"{name}{suffix}.log")
	return specs


def outbox_of(place: Place, site: str) -> Path:
	return place.outbox if site == place.site else place.own / "outboxes" / site
