"""Which page of the guide a topic names, and its text."""

from __future__ import annotations

import re

from click import HelpFormatter

from archcalc.diagnostics.diagnostic import UsageError, did_you_mean
from archcalc.guide import Page, pages

#: What a terminal does not show, with the empty line that follows a picture.
_COMMENT_OR_PICTURE = re.compile(r"^(<!--.*-->\n|!\[[^\]]*\]\([^)]*\)\n\n?)", re.MULTILINE)


def contents(formatter: HelpFormatter) -> str:
    """The topics of the guide with their titles, as a list under the help of the program."""
    known = pages()
    with formatter.section("Guide (archcalc help TOPIC)"):
        formatter.write_dl([(page.topic, page.title) for page in known.values()], col_max=max(map(len, known)))
    return formatter.getvalue()


def page(topic: str) -> Page:
    """The page of a topic, which can be named by its last part; UsageError with a suggestion if there is none."""
    known = pages()
    if topic in known:
        return known[topic]
    matching = [name for name in known if name.endswith(f"/{topic}")]
    if len(matching) == 1:
        return known[matching[0]]
    raise UsageError(f"there is no help on `{topic}`: {_hint(topic, known)}")


def _hint(topic: str, known: dict[str, Page]) -> str:
    from archcalc.commands import names
    from archcalc.diagnostics.rules import rules
    from archcalc.language.document import HEAD, SECTIONS
    from archcalc.language.keys import STEP_KEYS
    from archcalc.layers.registry import layers

    if topic in layers():
        return f"it is a layer, see `archcalc layers {topic}`"
    if topic in (HEAD, *STEP_KEYS, *SECTIONS):
        return "it is a word of specs, see `archcalc help language`"
    if topic in rules():
        return f"it is a rule, see `archcalc explain {topic}`"
    short = [name.rpartition("/")[2] for name in known]
    if found := did_you_mean(topic, [*names(), *known, *short]):
        return found
    word = re.compile(rf"\b{re.escape(topic[:60])}\b", re.IGNORECASE)
    mentioned = sorted(known.values(), key=lambda page: -len(word.findall(page.text)))
    most = [f"`archcalc help {page.topic}`" for page in mentioned[:3] if word.search(page.text)]
    return f"{', '.join(most)} mention it" if most else "`archcalc help` lists the topics"


def see_also(command: str) -> str:
    """The pages that have a command's name, if there are any."""
    topics = [name for name in pages() if name.endswith(f"/{command}")]
    return "\n" + "".join(f"See also: archcalc help {topic}\n" for topic in topics) if topics else ""


def plain(page: Page) -> str:
    """A page as Markdown, without pictures and the marks around generated parts."""
    return _COMMENT_OR_PICTURE.sub("", page.text)
