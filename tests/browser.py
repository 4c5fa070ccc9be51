"""Debian's Chromium, driven by Playwright: pages are opened, clicked, typed into and asked."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

#: Milliseconds that anything may take.
_LONGEST = 60_000


class Page:
    """A page in a browser. `errors` are those of its scripts and its console, `requests` the addresses it asked for."""

    def __init__(self, page: Any) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._page = page
        page.set_default_timeout(_LONGEST)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: said.type in ("error", "warning") and self.errors.append(said.text))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("dialog", lambda dialog: dialog.accept())  # a page with what is not saved asks before it is left

    def open(self, address: str, *, width: int = 1400, height: int = 900, dark: bool = False) -> None:
        """Show an address in a window of a size, and wait until it is loaded."""
        self._page.set_viewport_size({"width": width, "height": height})
        self._page.emulate_media(color_scheme="dark" if dark else "light")
        self._page.goto(address)

    def value(self, script: str) -> Any:
        """What an expression of JavaScript gives."""
        return self._page.evaluate(script)

    def wait(self, script: str) -> Any:
        """What an expression gives as soon as it is true. (Playwright's own way is against the policy of our pages.)"""
        end = time.monotonic() + _LONGEST / 1000
        while time.monotonic() < end:
            if found := self.value(script):
                return found
            self._page.wait_for_timeout(20)
        raise AssertionError(f"never true: {script}; errors: {self.errors}")

    def text(self, words: str) -> None:
        """Type words where the caret is."""
        self._page.keyboard.insert_text(words)

    def key(self, name: str) -> None:
        """Press a key, with others before it: "Control+z"."""
        self._page.keyboard.press(name)

    def click(self, selector: str) -> None:
        """Click into the middle of the first element that a selector finds."""
        self._page.locator(selector).first.click()

    def pages(self) -> int:
        """On how many pages it is printed."""
        return len(re.findall(rb"/Type\s*/Page\b", self._page.pdf(format="A4")))


@contextmanager
def browser() -> Iterator[Page]:
    """A page in a new browser; a test that asks for it is left out where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield Page(chromium.new_page())
        chromium.close()
