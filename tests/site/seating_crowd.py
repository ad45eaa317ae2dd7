"""Many people at once: real processes, each with a connection of its own, let go at the same moment."""

from __future__ import annotations

import os
import pickle
import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import frappe


@dataclass
class Worker:
	pid: int
	results: BinaryIO

	def kill(self) -> None:
		os.kill(self.pid, signal.SIGKILL)

	def next(self) -> object:
		"""The next thing that the process sends, waited for; EOFError when it has ended without."""
		return pickle.load(self.results)

	def finish(self) -> list:
		"""What the process has sent since, one after the other; what a killed one has not sent is missing."""
		sent = []
		with self.results:
			while True:
				try:
					sent.append(self.next())
				except (EOFError, pickle.UnpicklingError):
					break
		os.waitpid(self.pid, 0)
		return sent


def at_once(*jobs: Callable[[Callable], None]) -> list[list]:
	"""What each of the jobs has sent. A job is called with a function that sends something to the test."""
	return [worker.finish() for worker in start(jobs)]


def start(jobs: Sequence[Callable[[Callable], None]]) -> list[Worker]:
	"""Processes that have all begun; forked, so that none has to read Frappe first."""
	frappe.db.commit()
	site = frappe.local.site
	gate, opener = os.pipe()
	workers = []
	for job in jobs:
		out, into = os.pipe()
		pid = os.fork()
		if pid:
			os.close(into)
			workers.append(Worker(pid, os.fdopen(out, "rb")))
			continue
		try:
			os.close(opener)
			os.close(out)
			_work(site, job, gate, into)
		finally:
			os._exit(0)
	os.close(gate)
	os.write(opener, b"x" * len(jobs))
	os.close(opener)
	return workers


def each(call: Callable, *arguments) -> Callable[[Callable], None]:
	"""A job that calls something for each of the arguments, as one request after the other would."""

	def job(send: Callable) -> None:
		for argument in arguments:
			try:
				result = call(argument)
				frappe.db.commit()
			except frappe.ValidationError as error:
				frappe.db.rollback()
				result = type(error).__name__, str(error)
			send(result)

	return job


def _work(site: str, job: Callable, gate: int, into: int) -> None:
	# The parent's connection stays the parent's: not closed here, only left alone.
	kept = frappe.local.db
	frappe.init(site=site, force=True)
	frappe.connect()
	frappe.set_user("Administrator")
	frappe.flags.in_test = True
	os.read(gate, 1)

	def send(what: object) -> None:
		os.write(into, pickle.dumps(what))

	try:
		job(send)
	except BaseException:
		send(("crash", traceback.format_exc()))
	assert kept is not frappe.local.db
