"""The site behind a real web server of its own: two processes, a free port, gone after the tests.

    with WebServer("test.localhost") as web:
        web.get(reply_url)                 # any address of the site: its host is replaced
        web.post(reply_url, reply="No")

Only what is committed is seen by it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import requests

WORKERS = 2
START_SECONDS = 90


class WebServer:
	def __init__(self, site: str):
		self.site = site
		self.port = _free_port()
		self._process: subprocess.Popen | None = None

	def __enter__(self) -> WebServer:
		# In the folder of sites, where the tests are, too.
		command = f"--bind 127.0.0.1:{self.port} --workers {WORKERS} --timeout 120 --log-level error"
		self._process = subprocess.Popen(
			[sys.executable, "-m", "gunicorn", *command.split(), "frappe.app:application"],
			env={**os.environ, "PYTHONWARNINGS": "ignore"},
			cwd=Path.cwd(),
			stdout=subprocess.DEVNULL,
			stderr=subprocess.DEVNULL,
		)
		deadline = time.monotonic() + START_SECONDS
		while True:
			try:
				self.get("/api/method/ping").raise_for_status()
				return self
			except requests.RequestException:
				if time.monotonic() > deadline or self._process.poll() is not None:
					self.__exit__()
					raise
				time.sleep(0.3)

	def __exit__(self, *_error) -> None:
		if self._process:
			self._process.terminate()
			self._process.wait(timeout=30)

	def address(self, url: str) -> str:
		"""The same page on this server."""
		parts = urlsplit(url)
		return urlunsplit(("http", f"127.0.0.1:{self.port}", parts.path or "/", parts.query, ""))

	def request(self, method: str, url: str, *, session: requests.Session | None = None, **kwargs):
		"""A request that follows no redirect, so that tests see what the server says."""
		headers = {"X-Frappe-Site-Name": self.site, **(kwargs.pop("headers", None) or {})}
		kwargs.setdefault("allow_redirects", False)
		kwargs.setdefault("timeout", 60)
		return (session or requests).request(method, self.address(url), headers=headers, **kwargs)

	def get(self, url: str, **kwargs) -> requests.Response:
		return self.request("GET", url, **kwargs)

	def post(self, url: str, **data) -> requests.Response:
		"""As a browser sends a form."""
		return self.request("POST", url, data=data)


def _free_port() -> int:
	with socket.socket() as probe:
		probe.bind(("127.0.0.1", 0))
		return probe.getsockname()[1]
