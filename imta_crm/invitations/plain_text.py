"""The plain-text part of a mail from its HTML, as a person would have written it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BLOCKS = frozenset(
	"address article blockquote body center div dl dt dd fieldset figure footer form h1 h2 h3 h4 h5 h6 header"
	" main nav ol p pre section table tbody tfoot thead tr ul".split()
)
_PARAGRAPHS = frozenset("blockquote h1 h2 h3 h4 h5 h6 hr ol p pre table ul".split())
_SILENT = frozenset("head script style title template".split())
#: Elements without an end tag; what is in them cannot be hidden.
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\f]+")


def to_text(html: str) -> str:
	"""Paragraphs apart, list items with a dash, a link as its words and its address. Lines are not wrapped."""
	writer = _Writer()
	writer.feed(html)
	writer.close()
	return writer.text()


class _Writer(HTMLParser):
	def __init__(self) -> None:
		super().__init__(convert_charrefs=True)
		self.parts: list[str] = []
		self.silent: list[str] = []
		self.links: list[tuple[str, int]] = []
		self.lists: list[list] = []
		self.preformatted = 0

	def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
		if self.silent:
			if tag == self.silent[0]:
				self.silent.append(tag)
			return
		values = dict(attrs)
		if tag in _SILENT or (tag not in _VOID and _HIDDEN.search(values.get("style") or "")):
			self.silent.append(tag)
			return
		if tag == "br":
			self.parts.append("\n")
		elif tag == "hr":
			self.parts.append("\n\n----------\n\n")
		elif tag == "img":
			self.parts.append(values.get("alt") or "")
		elif tag == "a":
			self.links.append(((values.get("href") or "").strip(), len(self.parts)))
		elif tag in ("ul", "ol"):
			self.lists.append([tag, 0])
			self.parts.append("\n\n" if len(self.lists) == 1 else "\n")
		elif tag == "li":
			self.parts.append(self.bullet())
		elif tag in ("td", "th"):
			self.parts.append(" ")
		elif tag in _BLOCKS:
			self.parts.append("\n\n" if tag in _PARAGRAPHS else "\n")
			self.preformatted += tag == "pre"

	def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
		self.handle_starttag(tag, attrs)
		if tag not in _VOID:
			self.handle_endtag(tag)

	def handle_endtag(self, tag: str) -> None:
		if self.silent:
			if tag == self.silent[0]:
				self.silent.pop()
			return
		if tag == "a" and self.links:
			self.end_link(*self.links.pop())
		elif tag in ("ul", "ol"):
			if self.lists:
				self.lists.pop()
			self.parts.append("\n" if self.lists else "\n\n")
		elif tag in _BLOCKS:
			self.parts.append("\n\n" if tag in _PARAGRAPHS else "\n")
			self.preformatted -= tag == "pre" and self.preformatted > 0

	def handle_data(self, data: str) -> None:
		if not self.silent:
			self.parts.append(data if self.preformatted else _SPACES.sub(" ", data))

	def bullet(self) -> str:
		if not self.lists:
			return "\n- "
		kind = self.lists[-1]
		kind[1] += 1
		mark = f"{kind[1]}." if kind[0] == "ol" else "-"
		return f"\n{'  ' * (len(self.lists) - 1)}{mark} "

	def end_link(self, address: str, begin: int) -> None:
		words = "".join(self.parts[begin:]).strip()
		bare = address.removeprefix("mailto:")
		if not address or address.startswith("#") or words in (address, bare):
			return
		if address.startswith("mailto:"):
			address = bare.partition("?")[0]
			if words == address:
				return
		mark = "：" if words[-1:] > "\u2e80" else ": "
		self.parts.append(f"{mark}{address} " if words else address)

	def text(self) -> str:
		# Spaces run together across tags, too; what leads a line is an indentation only before a list's mark.
		text = re.sub(r"(?<=\S) {2,}", " ", "".join(self.parts))
		text = re.sub(r" +\n", "\n", text)
		text = re.sub(r"\n +(?! *(?:-|\d+\.) )", "\n", text)
		return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
