"""Names as people write them: folded for comparison, and made inert for spreadsheets."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# A spreadsheet runs a cell that begins with one of these; the full-width forms are folded by some of them.
FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*%?")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u061c]")
# The joiners stay in what is shown: Persian and Sinhala names are misspelt without them.
_NOISE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u061c]")
# Full-width letters and digits; Chinese punctuation stays as it was written.
_WIDE = {
	code: code - 0xFEE0
	for first, last in (("０", "９"), ("Ａ", "Ｚ"), ("ａ", "ｚ"))
	for code in range(ord(first), ord(last) + 1)
}


def tidy(text: str) -> str:
	"""For showing and storing: composed, full-width letters made plain, single spaces, no invisible marks."""
	if text.isascii():
		return " ".join(text.split())
	return " ".join(_NOISE.sub("", unicodedata.normalize("NFC", text).translate(_WIDE)).split())


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
	"""For comparing: NFKC, without regard to case and white space, accents kept."""
	if text.isascii():
		return " ".join(text.split()).lower()
	text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
	return " ".join(unicodedata.normalize("NFKC", text).split())


@lru_cache(maxsize=65536)
def fold_loose(text: str) -> str:
	"""For likeness: as `fold`, and without accents, punctuation and spaces ("St. Gallen" = "st gallen").

	Marks of scripts that need them (Indic vowels, Arabic points) go too; use it to suggest, not to refuse.
	"""
	decomposed = unicodedata.normalize("NFKD", fold(text).replace("&", " and "))
	return "".join(char for char in decomposed if char.isalnum())


def identity_key(name: str, country_code: str) -> str:
	"""One member per name and country: the folded name and the country's code or name."""
	return f"{fold(name)}|{fold(country_code)}"


_TAG_BEGINS = re.compile(r"<(?=[A-Za-z/!?])")


def inert(text: str) -> str:
	"""The same words, in which nothing begins a tag of HTML: for plain text that somebody shows unescaped."""
	return _TAG_BEGINS.sub("< ", text)


def starts_formula(text: str) -> bool:
	"""Whether a spreadsheet might run the cell. A plain number with its sign is none."""
	bare = _INVISIBLE.sub("", text)
	if bare[:1] in ("\t", "\r", "\n"):
		return True
	bare = bare.lstrip()
	return bare[:1] in FORMULA_STARTS and bool(bare) and not _NUMBER.fullmatch(bare.strip())


def safe_cell(value: object) -> str:
	"""Text of a cell for CSV or XLSX that no spreadsheet runs as a formula; None becomes empty.

	Every list that leaves the system goes through this. An apostrophe in front makes a cell text.
	"""
	text = "" if value is None else str(value)
	return "'" + text if starts_formula(text) else text


def is_chinese(text: str) -> bool:
	"""Whether there are more Chinese characters in it than others that are letters."""
	letters = [character for character in text if character.isalpha()]
	return sum("㐀" <= character <= "鿿" for character in letters) * 2 > len(letters)


def person_name(first: str | None, last: str | None) -> str:
	"""A person's name: family name first, and without a space, where it is written in Chinese."""
	parts = [part for part in (first, last) if part]
	if is_chinese("".join(parts)):
		return "".join(reversed(parts))
	return " ".join(parts)
