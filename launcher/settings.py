"""Where things are: the bench and what the launcher keeps inside it."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APP = "imta_crm"
UPSTREAM = {
	"FRAPPE_REPO": "https://github.com/frappe/frappe",
	"ERPNEXT_REPO": "https://github.com/frappe/erpnext",
}
BRANCH = "version-15"
DEFAULT_USER = "imta"
DEFAULT_SITE = "imta.localhost"
TEST_SITE = "test.imta.localhost"
DEFAULT_PORT = 8000
# The other ports, from the one of the desk: as Frappe numbers them, so that several benches can coexist.
PORT_OFFSETS = {
	"web": 0,
	"socketio": 1000,
	"redis_queue": 3000,
	"redis_cache": 5000,
	"mariadb": 6000,
	"mail": 7000,
}


def port_is_free(port: int) -> bool:
	with socket.socket() as probe:
		probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		try:
			probe.bind(("127.0.0.1", port))
		except OSError:
			return False
	return not port_answers(port)


def port_answers(port: int) -> bool:
	"""Whether somebody listens there: also one bound to all addresses, which a bind may not notice."""
	with socket.socket() as probe:
		probe.settimeout(1)
		return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port(first: int, taken: set[int] | None = None) -> int:
	for port in range(first, min(first + 500, 65535)):
		if port not in (taken or set()) and port_is_free(port):
			return port
	raise OSError(f"no free port from {first} on")


def write_private(path: Path, text: str) -> None:
	"""Write a file that only its owner can read, whole or not at all."""
	path.parent.mkdir(parents=True, exist_ok=True)
	part = path.with_name(f".{path.name}.part")
	part.unlink(missing_ok=True)
	with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
		file.write(text)
	os.replace(part, path)


def read_json(path: Path) -> dict:
	try:
		content = json.loads(path.read_text(encoding="utf-8"))
	except (OSError, ValueError):
		return {}
	return content if isinstance(content, dict) else {}


@dataclass
class Place:
	"""One bench. `ours` is False for a bench that somebody made by hand."""

	bench: Path
	saved: dict = field(default_factory=dict)

	def __post_init__(self) -> None:
		self.bench = Path(os.path.abspath(self.bench))
		self.own = self.bench / ".imta"
		self.saved = read_json(self.own / "settings.json")
		self.sites = self.bench / "sites"
		self.logs = self.bench / "logs" / "imta"
		self.tools = self.own / "tools"
		self.bin = self.tools / "bin"
		self.python = self.bench / "env" / "bin" / "python"
		self.run_folder = self.own / "run"
		self.app = self.bench / "apps" / APP
		self.secrets_file = self.own / "secrets.json"
		self.outbox = self.bench / "outbox"

	@property
	def exists(self) -> bool:
		return (self.bench / "sites").is_dir() and (self.bench / "apps").is_dir()

	@property
	def ours(self) -> bool:
		return (self.own / "settings.json").is_file()

	@property
	def ready(self) -> bool:
		"""Whether Frappe and ERPNext stand, so that sites can be made."""
		return (
			self.exists
			and self.python.exists()
			and all((self.bench / "apps" / app / app).is_dir() for app in ("frappe", "erpnext"))
		)

	@property
	def site(self) -> str:
		return self.saved.get("site", DEFAULT_SITE)

	@property
	def ports(self) -> dict[str, int]:
		return self.saved.get("ports", {})

	@property
	def socket(self) -> Path:
		path = self.own / "mariadb.sock"
		if len(str(path)) < 100:
			return path
		# The kernel allows 107 bytes for a socket's path.
		return Path(f"/tmp/imta-{hashlib.sha256(str(self.own).encode()).hexdigest()[:16]}.sock")

	def save(self, **changes: object) -> None:
		self.saved |= changes
		write_private(self.own / "settings.json", json.dumps(self.saved, indent=1, sort_keys=True))

	def choose_ports(self, first: int | None) -> None:
		"""Settle the ports once; a port asked for by name is taken or refused, the others move up if taken."""
		ports = dict(self.ports)
		if ports and (first is None or first == ports["web"]):
			return
		base = first or DEFAULT_PORT
		if first and not port_is_free(first):
			raise OSError(f"port {first} is taken; choose another with --port")
		taken: set[int] = set()
		ports = {}
		for name, offset in PORT_OFFSETS.items():
			start = base + offset if base + offset < 65000 else 20000 + (base + offset) % 20000
			ports[name] = free_port(start, taken)
			taken.add(ports[name])
		self.save(ports=ports)

	def secret(self, name: str) -> str:
		"""A password of this bench; made when first asked for."""
		known = read_json(self.secrets_file)
		if name not in known:
			known[name] = secrets.token_urlsafe(15)
			write_private(self.secrets_file, json.dumps(known, indent=1))
		return known[name]

	def known_secret(self, name: str) -> str | None:
		return read_json(self.secrets_file).get(name)
