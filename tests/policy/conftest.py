"""Shared by the tests of the rules: the project's own data, and Hypothesis without a deadline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"

# Shared machines stall now and then; a slow example is no failure.
settings.register_profile("policy", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("policy")


@pytest.fixture(scope="session")
def data() -> Path:
	return DATA


@pytest.fixture(scope="session")
def tiers() -> list[dict]:
	return json.loads((ROOT / "imta_crm" / "defaults" / "member_tiers.json").read_text(encoding="utf-8"))
