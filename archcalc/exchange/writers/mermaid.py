"""Mermaid: a flow chart that GitHub and GitLab draw in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.analysis.totals import Analysis
from archcalc.exchange.flowchart import chart, label, nested, title
from archcalc.exchange.say import Say, nothing_said
from archcalc.pictures.graph import Frame

ENDING = ".mmd"


def write(analysis: Analysis, _: Say = nothing_said) -> Iterator[str]:
    """The lines of a flow chart from top to bottom, equal blocks once."""
    made = chart(analysis)
    yield "flowchart TB\n"
    yield from (f'    n{number}(["{_escaped(given)}"])\n' for number, given in enumerate(made.inputs))
    frames = 0
    for depth, item, closes in nested(made.items):
        pad = "    " * depth
        if not isinstance(item, Frame):
            yield f'{pad}n{made.number(item)}["{"<br>".join(map(_escaped, label(item)))}"]\n'
        elif closes:
            yield f"{pad}end\n"
        else:
            frames += 1
            yield f'{pad}subgraph f{frames}["{_escaped(title(item))}"]\n'
    yield from (f"    n{source} --> n{target}\n" for source, target in made.arrows)


def _escaped(text: str) -> str:
    """Text in quotation marks: whatever Mermaid or HTML could take for syntax, as entities by number."""
    return "".join(c if c.isalnum() or c in " .,_-/()" else f"#{ord(c)};" for c in text)
