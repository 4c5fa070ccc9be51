"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser import CHROMIUM, Page, browser


@pytest.fixture(autouse=True)
def natural_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables have their natural width, whatever runs the tests (pytest-xdist sets COLUMNS)."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page in a browser, for all tests of a file."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with browser(tmp_path_factory.mktemp("browser")) as page:
        yield page
