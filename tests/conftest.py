"""What holds for every test."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def natural_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables have their natural width, whatever runs the tests (pytest-xdist sets COLUMNS)."""
    monkeypatch.delenv("COLUMNS", raising=False)
