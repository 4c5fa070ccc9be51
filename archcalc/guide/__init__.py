"""The documentation: pages of Markdown, which the README links to and `archcalc help TOPIC` shows."""

from __future__ import annotations

from pathlib import Path

from archcalc.records import Record


class Page(Record):
    """A page of the guide: its topic, `howto/write-unet`, and its text."""

    topic: str
    text: str

    @property
    def title(self) -> str:
        """The page's heading."""
        return self.text.partition("\n")[0].removeprefix("# ")


def pages() -> dict[str, Page]:
    """Every page by topic: the tutorial first, then how-to pages, reference and explanation, then the changelog."""
    folder = Path(__file__).parent
    found = {path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.md")}
    return {topic: Page(topic, found[topic].read_text(encoding="utf-8")) for topic in sorted(found, key=_order)}


_SECTIONS = ("tutorial", "howto", "reference", "explanation", "changelog")


def _order(topic: str) -> tuple[int, str]:
    return _SECTIONS.index(topic.partition("/")[0]), topic
