"""Members and guests invited to an activity, and their answers, for the rooms that hold activities."""

from __future__ import annotations


def invite_members(campaign: str, filters: dict | None = None):
	"""Invite members through their contact persons."""
	raise NotImplementedError


def answers(activity_doctype: str, activity: str):
	"""Who was invited to the activity and what they answered."""
	raise NotImplementedError
