"""A report as one page of HTML: its figures, pictures and tables, with all that it needs in the file itself.

The page asks for nothing, from nowhere: style and script stand in it, and its policy forbids everything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from archcalc.output.layout import Column, Report, Table, notes
from archcalc.pictures import svg
from archcalc.pictures.svg import Drawing, escaped
from archcalc.records import Record
from archcalc.units import barred, percent

#: A text of more letters stands in several lines of its cell, where there is no room for it in one.
_LONG = 24
#: A heading, and pairs of a figure and its arithmetic.
Explanation: TypeAlias = tuple[str, Sequence[tuple[str, str]]]


class Picture(Record):
    """A drawing. What a box stands for is explained in `layers`, by number. Without any they are asked for when a box
    is chosen; where `layers` is None, there are no boxes to choose."""

    title: str
    drawing: Drawing
    layers: Mapping[int, Explanation] | None = None


class Rows(Record):
    """A table; with `levels` its rows are a tree, each below the last row before it of a lower level, and those below
    `open` are folded away at first."""

    title: str
    table: Table
    levels: Sequence[int] | None = None
    open: int = 1


class Text(Record):
    """A text as it is written, with the numbers of its lines where it is a file's."""

    title: str
    text: str
    numbered: bool = True


Section: TypeAlias = Picture | Rows | Text

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


def document(report: Report, sections: Sequence[Section], title: str) -> str:
    """The page: the report's facts, then the sections, then its notes."""
    names = [(f"s{number}", section.title or "table") for number, section in enumerate(sections, 1)]
    parts = [f"<header><h1>{escaped(report.heading or title)}</h1>\n"]
    if len(names) > 1:
        links = "".join(f'<a href="#{key}">{escaped(name)}</a>' for key, name in names)
        parts.append(f"<nav>{links}</nav>")
    parts += ["</header>\n<main>\n", summary(report)]
    for (key, _), section in zip(names, sections, strict=True):
        parts.append(part(key, section))
    parts += [footer(report), "</main>\n", f"<script>\n{own('page.js')}archcalc.enliven(document);\n</script>\n"]
    return whole(title, "".join(parts), _POLICY)


def whole(title: str, body: str, policy: str, head: str = "") -> str:
    """A page of a body that has the styles of all pages, and of a content security policy. `head` is more of them."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escaped(title)}</title>\n"
        f"<style>\n{svg.style()}\n{own('page.css')}{_bars()}</style>\n{head}</head>\n<body>\n{body}</body>\n</html>\n"
    )


def summary(report: Report) -> str:
    """The figures and facts of a report; nothing where it has none."""
    said = (*report.figures, *report.facts)
    if not said:
        return ""
    shown = "".join(f"<dt>{escaped(label)}</dt><dd>{escaped(text)}</dd>\n" for label, text in said)
    return f'<section class="facts"><dl>\n{shown}</dl></section>\n'


def footer(report: Report) -> str:
    """The notes of a report and its tables; nothing where there are none."""
    shown = "".join(f"<p>{escaped(note)}</p>\n" for note in notes(report, report.tables))
    return f'<footer class="notes">{shown}</footer>\n' if shown else ""


def part(key: str, section: Section) -> str:
    """A section of a page, which links find by its key."""
    inside = "".join(_section(section))
    return f'<section id="{key}"><h2>{escaped(section.title or "table")}</h2>\n{inside}</section>\n'


def own(name: str, folder: Path = Path(__file__).parent) -> str:
    """A style sheet or a script that pages have in them."""
    return (folder / name).read_text(encoding="utf-8")


def of_report(report: Report, drawing: Drawing | None) -> list[Section]:
    """The sections of a report that has none of its own: its picture and its tables."""
    found: list[Section] = []
    if drawing is not None:
        found.append(Picture("picture", drawing))
    return found + [Rows(table.title, table) for table in report.tables]


def _bars() -> str:
    """The rules of cells that hold a share of a whole: a bar from the right, in tenths of the cell."""
    return "".join(
        f".bar{tenth}{{background:linear-gradient(to left,var(--blue) {10 * tenth}%,transparent {10 * tenth}%)}}\n"
        for tenth in range(1, 11)
    )


def _section(section: Section) -> Iterator[str]:
    if isinstance(section, Picture):
        yield from _picture(section)
    elif isinstance(section, Rows):
        yield from _rows(section)
    else:
        lines: Iterable[str] = map(escaped, section.text.rstrip("\n").split("\n"))
        if section.numbered:
            lines = (f'<span class="line">{line or " "}</span>' for line in lines)
        yield '<pre class="text">' + "\n".join(lines) + "</pre>\n"


def _picture(section: Picture) -> Iterator[str]:
    drawing = _inline(section.drawing)
    if section.layers is None:
        yield f'<div class="view">\n{drawing}</div>\n'
        return
    yield '<div class="tools"><span class="levels"></span>'
    yield '<span class="zoom"><button type="button" data-zoom="1.25" aria-label="zoom in">+</button>'
    yield '<button type="button" data-zoom="0.8" aria-label="zoom out">-</button>'
    yield '<button type="button" data-zoom="0">whole</button></span></div>\n'
    yield '<p class="hint">Drag or use the arrow keys to move, + and - to zoom. '
    yield "Choose a box to see its arithmetic, the frame of a block to fold it.</p>\n"
    yield f'<div class="split"><div class="view pan" tabindex="0">\n{drawing}</div>\n'
    yield '<aside class="panel" aria-live="polite" tabindex="-1" hidden></aside></div>\n'
    if section.layers:
        text = json.dumps(
            {str(k): [heading, *pairs] for k, (heading, pairs) in section.layers.items()}, separators=(",", ":")
        )
        # The only ways out of a script element begin with this sign.
        yield f'<script type="application/json" class="layers">{text.replace("<", chr(92) + "u003c")}</script>\n'


def _inline(drawing: Drawing) -> str:
    w, h = svg.number(drawing.width), svg.number(drawing.height)
    return (
        f'<svg viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-label="{escaped(drawing.title)}">\n'
        f"{drawing.body}</svg>"
    )


def _rows(section: Rows) -> Iterator[str]:
    table = section.table
    tree = section.levels is not None
    if tree:
        yield '<div class="tools"><span class="levels"></span></div>\n'
    yield f'<div class="scroll"><table{" class=tree" if tree else ""}>\n<thead><tr>'
    for column in table.columns:
        side = "" if column.right else ' class="left"'
        yield f'<th scope="col"{side} aria-sort="none"><button type="button">{escaped(column.title)}</button></th>'
    yield "</tr></thead>\n<tbody>\n"
    rows = list(table.rows)
    levels = section.levels if section.levels is not None else [0] * len(rows)
    for k, (level, row) in enumerate(zip(levels, rows, strict=True)):
        parent = tree and k + 1 < len(rows) and levels[k + 1] > level
        marks = f' data-level="{level}"' if tree else ""
        marks += f' data-open="{int(level < section.open - 1)}"' if parent else ""
        hidden = " hidden" if level >= section.open else ""
        yield f"<tr{marks}{hidden}>"
        for number, (column, value) in enumerate(zip(table.columns, row, strict=True)):
            yield _cell(column, value, level if tree and number == 0 else None, bool(parent))
        yield "</tr>\n"
    yield "</tbody>\n"
    if table.footer is not None:
        cells = (_cell(column, value) for column, value in zip(table.columns, table.footer, strict=True))
        yield f"<tfoot><tr>{''.join(cells)}</tr></tfoot>\n"
    yield "</table></div>\n"


def _cell(column: Column, value: object, level: int | None = None, parent: bool = False) -> str:
    words = "" if value is None else column.show(value)
    classes = "" if column.right else "left long" if len(words) > _LONG and level is None else "left"
    if column.show is barred and isinstance(value, float):
        words = percent(value)
        classes += f" bar{round(10 * value)}"
    if column.key in ("verdict", "severity"):
        classes += f" is-{words}"
    marks = f' class="{escaped(classes.strip())}"' if classes.strip() else ""
    inside = escaped(words.rstrip())
    if level is not None:
        marks += f' style="padding-left:{0.5 + 1.1 * level:.1f}em"'
        toggle = '<button type="button" class="fold" aria-expanded="false"></button>' if parent else ""
        inside = f"{toggle}{inside}"
    return f"<td{marks}>{inside}</td>"
