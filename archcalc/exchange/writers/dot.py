"""DOT, the language of Graphviz."""

from __future__ import annotations

from collections.abc import Iterator

from archcalc.analysis.totals import Analysis
from archcalc.exchange.flowchart import chart, label, nested, title
from archcalc.exchange.say import Say, nothing_said
from archcalc.pictures.graph import Frame

ENDING = ".dot"


def write(analysis: Analysis, _: Say = nothing_said) -> Iterator[str]:
    """The lines of a directed graph, a cluster for each block, equal blocks once."""
    made = chart(analysis)
    yield "digraph {\n    node [shape=box]\n"
    for number, given in enumerate(made.inputs):
        yield f"    n{number} [label={_quoted([given])}, shape=oval]\n"
    frames = 0
    for depth, item, closes in nested(made.items):
        pad = "    " * depth
        if not isinstance(item, Frame):
            yield f"{pad}n{made.number(item)} [label={_quoted(label(item))}]\n"
        elif closes:
            yield f"{pad}}}\n"
        else:
            frames += 1
            yield f"{pad}subgraph cluster_{frames} {{\n{pad}    label={_quoted([title(item)])}\n"
    yield from (f"    n{source} -> n{target}\n" for source, target in made.arrows)
    yield "}\n"


def _quoted(lines: list[str]) -> str:
    """Lines as one string of DOT, where a backslash and a quotation mark are escaped."""
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(escaped) + '"'
