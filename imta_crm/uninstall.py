"""Removes what installing added; accounting documents stay."""


def before_uninstall() -> None:
	"""Remove shipped records that Frappe does not remove with the modules."""


def after_uninstall() -> None:
	"""Last sweep after Frappe removed the DocTypes."""
