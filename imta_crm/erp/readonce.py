"""Read once what a transaction reads again and again.

ERPNext's controllers look up the same masters (company, accounts, item, tax rules, accounting periods,
budgets …) for every single invoice. While many invoices are made in one transaction, `repeated_reads_once`
answers a plain SELECT that was asked before, with the same parameters, from memory.

Why this is right and not merely fast: the isolation level is REPEATABLE READ, so within one transaction a
plain SELECT gives the same answer until the transaction itself writes to a table that the SELECT names.
Such a write forgets every remembered answer about that table; a commit, a rollback and a rollback to a
savepoint forget everything. Locking reads and statements whose tables cannot be read off are never remembered.

Rows that the transaction itself inserted are locked by it already and seen by nobody else. So a locking read
of such a document, or of its child rows, is the same as a plain one, without the gap locks that would make
parallel jobs wait for each other; and where the transaction inserted nothing into a child table, such a
document has no rows there.

It hangs on the database connection of the running job alone: no other job, request or site sees it.
"""

import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager

import frappe
from frappe.database.database import Database

# `tabSales Invoice`, tabItem
TABLES = re.compile(r"`(tab[^`]+|__[A-Za-z]+)`|\b(tab[A-Z]\w*)")
SELECT = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
# Locks need the latest row; the rest gives another answer each time or has an effect of its own.
NEVER = re.compile(
	r"\b(for\s+update|lock\s+in\s+share|now\s*\(|rand\s*\(|uuid\s*\(|nextval|last_insert_id|sleep\s*\(|get_lock|into\s+@)",
	re.IGNORECASE,
)
INSERT = re.compile(r"\s*insert\s+into\s+`(tab[^`]+)`\s*\(`name`,", re.IGNORECASE)
INSERT_ANY = re.compile(r"\s*(?:insert|replace)\b", re.IGNORECASE)
FOR_UPDATE = re.compile(r"\s+for\s+update\s*$", re.IGNORECASE)
# The two statements by which Frappe loads a document and its child rows.
LOAD = re.compile(r"SELECT \* FROM `(tab[^`]+)` WHERE `name`=%\((\w+)\)s LIMIT 1( FOR UPDATE)?$")
LOAD_ROWS = re.compile(
	r"SELECT \* FROM `(tab[^`]+)` WHERE `parent`=%\((\w+)\)s AND `parenttype`=%\((\w+)\)s"
	r" AND `parentfield`=%\(\w+\)s(?: ORDER BY `idx` ASC)?( FOR UPDATE)?$"
)
NEUTRAL = re.compile(r"\s*(savepoint|release\s+savepoint|start\s+transaction|explain|show)\b", re.IGNORECASE)
DEFAULTS = {
	name: parameter.default
	for name, parameter in inspect.signature(Database.sql).parameters.items()
	if parameter.kind is parameter.KEYWORD_ONLY
}
# An answer longer than this is a report, not a look-up.
MAX_ROWS = 500


class ReadOnce:
	"""Stands before `frappe.db.sql` of one connection. `asked` and `answered` count for the benchmark."""

	def __init__(self, db: Database) -> None:
		self.db = db
		self.answers: dict[tuple, object] = {}
		self.keys_of_table: dict[str, set[tuple]] = {}
		self.tables_of_query: dict[str, frozenset[str]] = {}
		# (table, name) of rows that this transaction inserted, and all tables into which it inserted
		self.own: set[tuple[str, str]] = set()
		self.inserted: set[str] = set()
		self.asked = 0
		self.answered = 0

	def sql(self, query, values=(), *args, **kwargs):
		"""As `Database.sql`; the answer may come from memory."""
		query = str(query)
		self.asked += 1
		if not SELECT.match(query):
			if kwargs.get("run", True):
				self.forget(query)
			result = self.ask(query, values, *args, **kwargs)
			if kwargs.get("run", True):
				self.note_insert(query, values)
			return result

		if isinstance(values, dict) and self.own:
			if match := LOAD.match(query):
				if (match[1], values.get(match[2])) in self.own:
					query = FOR_UPDATE.sub("", query)
			elif match := LOAD_ROWS.match(query):
				if (f"tab{values.get(match[3])}", values.get(match[2])) in self.own:
					query = FOR_UPDATE.sub("", query)
					if match[1] not in self.inserted and kwargs.get("run", True):
						self.answered += 1
						return [] if kwargs.get("as_dict") or kwargs.get("as_list") else ()
		key = self.key(query, values, args, kwargs)
		if key is None:
			return self.ask(query, values, *args, **kwargs)
		if key in self.answers:
			self.answered += 1
			return copy_of(self.answers[key])

		result = self.ask(query, values, *args, **kwargs)
		if isinstance(result, list | tuple) and len(result) <= MAX_ROWS:
			self.answers[key] = copy_of(result)
			for table in self.tables(query):
				self.keys_of_table.setdefault(table, set()).add(key)
		return result

	def ask(self, query, values, *args, **kwargs):
		if isinstance(values, tuple) and not values:
			return Database.sql(self.db, query, *args, **kwargs)
		return Database.sql(self.db, query, values, *args, **kwargs)

	def key(self, query: str, values, args: tuple, kwargs: dict) -> tuple | None:
		shape = {name: value for name, value in kwargs.items() if value != DEFAULTS.get(name)}
		if args or shape.keys() - {"as_dict", "as_list", "pluck"} or NEVER.search(query):
			return None
		if not self.tables(query):
			return None
		try:
			if isinstance(values, dict):
				values = tuple((name, frozen(value)) for name, value in sorted(values.items()))
			else:
				values = frozen(values)
			key = (query, values, *sorted(shape.items()))
			hash(key)
		except TypeError:
			return None
		return key

	def tables(self, query: str) -> frozenset[str]:
		if (tables := self.tables_of_query.get(query)) is None:
			tables = frozenset(backticked or bare for backticked, bare in TABLES.findall(query))
			self.tables_of_query[query] = tables
		return tables

	def note_insert(self, statement: str, values) -> None:
		if match := INSERT.match(statement):
			self.inserted.add(match[1])
			if isinstance(values, list | tuple) and values:
				self.own.add((match[1], values[0]))
		elif INSERT_ANY.match(statement):
			self.inserted.update(backticked or bare for backticked, bare in TABLES.findall(statement))

	def forget(self, statement: str) -> None:
		"""Forget what a statement that is not a SELECT may have changed."""
		if NEUTRAL.match(statement):
			return
		tables = TABLES.findall(statement)
		if not tables:
			# commit, rollback, rollback to a savepoint, or something that nobody foresaw
			self.answers.clear()
			self.keys_of_table.clear()
			self.own.clear()
			return
		for backticked, bare in tables:
			for key in self.keys_of_table.pop(backticked or bare, ()):
				self.answers.pop(key, None)


def frozen(value):
	"""A hashable stand-in of a parameter that also tells 1 from True and "1"."""
	if isinstance(value, list | tuple | set):
		return (type(value).__name__, *(frozen(item) for item in value))
	return (type(value).__name__, value)


def copy_of(result):
	"""Rows are changed by those who asked for them; what is remembered must not change along."""
	return type(result)(row.copy() if isinstance(row, dict | list) else row for row in result)


@contextmanager
def repeated_reads_once() -> Iterator[ReadOnce | None]:
	"""Answer repeated plain reads of this connection from memory until the block ends.

	Yields None, and changes nothing, where the database or its isolation level does not allow it. Nested
	blocks share the outer one.
	"""
	db = frappe.db
	if not isinstance(db, Database) or "sql" in vars(db) or not is_repeatable_read(db):
		yield None
		return
	reader = ReadOnce(db)
	db.sql = reader.sql
	try:
		yield reader
	finally:
		del db.sql


def is_repeatable_read(db: Database) -> bool:
	if db.db_type != "mariadb":
		return False
	level = db.sql("select @@session.tx_isolation")[0][0]
	return level in ("REPEATABLE-READ", "SERIALIZABLE")
