"""Shipped defaults as data: tiers, dues years, regions, sectors, e-mail templates, role profiles.

They seed a site once. From then on the site's own records count and these files are not looked at again.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@cache
def read(name: str) -> Any:
	"""Content of `defaults/<name>.json`; None where there is no such file. Callers must not change it."""
	path = FOLDER / f"{name}.json"
	if not path.is_file():
		return None
	return json.loads(path.read_text(encoding="utf-8"))
