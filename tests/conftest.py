"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser import Page, browser


@pytest.fixture(autouse=True)
def natural_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables have their natural width, whatever runs the tests (pytest-xdist sets COLUMNS)."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Page]:
    """A page in a browser, for all tests of a file."""
    with browser() as page:
        yield page
