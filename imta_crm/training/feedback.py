"""Feedback on a session: one answer for each enrolment, results without names."""

from __future__ import annotations


def submit(
	enrollment: str,
	marks: dict[str, int],
	liked: str | None = None,
	improve: str | None = None,
	language: str | None = None,
) -> str:
	"""Store the answer of a participant, or change it; name of the Session Feedback.

	`marks`: overall and recommend (0 to 10) are asked for, content, trainer and organisation (1 to 5) may be
	left out. The caller has checked the link. Raises FeedbackRefused (`code`).
	"""
	raise NotImplementedError


def answer_of(enrollment: str) -> dict | None:
	"""What the participant has answered so far, for the form; None for nothing yet."""
	raise NotImplementedError


def results_of(session: str) -> dict:
	"""Counts, means and the net promoter score of a session, without names."""
	raise NotImplementedError
