"""Orchestrates what the app adds to a site; the pieces live in the rooms that own them."""


def after_install() -> None:
	"""Set up a fresh site. Idempotent; a fresh install runs no patches, so all they do is called here."""
	after_migrate()


def after_migrate() -> None:
	"""Bring shipped records up to date. Never overwrites what the secretariat has edited."""
