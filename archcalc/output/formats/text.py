"""A report as text: on a terminal with rich, fitted to its width; in a pipe or a file plain, at its natural width."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any, TypeAlias

from archcalc.diagnostics.text import Role, wrapped
from archcalc.output.layout import Column, Report, Table, notes, readable, readable_rows, texts
from archcalc.output.terminal import asked_width
from archcalc.records import Record
from archcalc.units import barred

ENDINGS = (".txt",)

_GAP = 2
#: How narrow a column of words or of paths may become.
_NARROWEST = 24
#: How rich calls the colours of what a value is.
_ROLES: dict[Role, str] = {
    "error": "bold red",
    "warning": "bold yellow",
    "met": "green",
    "dim": "dim",
    "most": "bold yellow",
}


def render(report: Report) -> list[str]:
    """The report as plain text at its natural width, or fitted to COLUMNS where that is set; numbers are never cut."""
    width = asked_width()
    report = readable(report)
    lines = _lines(report.heading, width) if report.heading else []
    lines += _figures(report, width)
    left_out: list[_Hidden] = []
    shown: list[Table] = []
    for table in report.tables:
        fitted, out = _fit(table, width)
        shown.append(fitted)
        left_out += out
        lines += [""] * bool(lines)
        lines += _plain_table(fitted, width)
    below = [line for note in (*notes(report, shown), *_left_out(left_out)) for line in _lines(note, width)]
    return [f"{line}\n" for line in [*lines, *([""] if below and lines else []), *below]]


def on_terminal(report: Report, stream: IO[str]) -> None:
    """Write the report to a terminal: fitted to its width, coloured unless NO_COLOR is set. A report that is taller
    than the terminal ends with its figures, which are the answer, and stay on the screen."""
    from rich.console import Console
    from rich.text import Text

    report = readable(report)
    size = shutil.get_terminal_size()
    room = max(20, size.columns)

    def block(parts: Iterable[Any], width: int = room) -> _Block:
        console = Console(file=stream, highlight=False, emoji=False, markup=False, width=width, height=size.lines)
        with console.capture() as captured:
            for part in parts:
                console.print(part)
        text = captured.get()
        return _Block(text, text.count("\n") * -(-width // room))

    heading = [Text(report.heading, style="bold")] if report.heading else []
    head = block([*heading, *_rich_figures(report, room)])
    left_out: list[_Hidden] = []
    shown: list[Table] = []
    tables: list[_Block] = []
    for table in report.tables:
        fitted, out = _fit(table, room)
        shown.append(fitted)
        left_out += out
        title = block([Text(fitted.title, style="italic")] if fitted.title else [])
        # Wider than the terminal, the lines wrap; cut they are never.
        wide = max(room, _least_width(fitted, _floor(fitted, room)))
        rows = block([_rich_table(fitted, stream, wide)], wide)
        tables.append(_Block(title.text + rows.text, title.height + rows.height))
    below = block(Text(note, style="dim") for note in (*notes(report, shown), *_left_out(left_out)))
    blocks = [made for made in (head, *tables, below) if made.text]
    if head.text and tables and sum(made.height + 1 for made in blocks) > size.lines:  # with the prompt
        blocks = [*blocks[1:], head]
    stream.write("\n".join(made.text for made in blocks))


class _Block(Record):
    """Some lines, and how many they are on the terminal, where those that are too long for it wrap."""

    text: str
    height: int


#: How a hidden column is shown, and its title.
_Hidden: TypeAlias = tuple[str, str]


def _fit(table: Table, width: int | None) -> tuple[Table, list[_Hidden]]:
    """The table with as many columns as the width has room for, its numbers shortened before any cell is broken into
    lines or any column left out, and those left out."""
    table = table._replace(rows=list(readable_rows(table)))
    left_out: list[_Hidden] = []
    if width is not None:
        table = _nested(table)
    if width is not None and _whole_width(table) > width:
        table = table._replace(
            columns=tuple(column._replace(show=column.short or column.show) for column in table.columns)
        )
    while width is not None and _least_width(table) > width:
        last = max(range(len(table.columns)), key=lambda i: (table.columns[i].rank, i))
        if table.columns[last].rank == 0:
            break
        left_out.append((table.whole, table.columns[last].title))
        table = table.without(last)
    return table, left_out


def _nested(table: Table) -> Table:
    """The table with each path below that of the row before: indented by what both begin with, and without it."""
    columns = [
        _below([row[i] for row in table.rows]) if column.nests else [row[i] for row in table.rows]
        for i, column in enumerate(table.columns)
    ]
    return table._replace(rows=list(zip(*columns, strict=True)))


def _below(paths: Iterable[str]) -> list[str]:
    """Each path without the names that the one before it begins with too, two spaces in their place for each."""
    nested, before = [], [""]
    for path in paths:
        names = path.split("/")
        shared = 0
        while shared < min(len(names) - 1, len(before)) and names[shared] == before[shared]:
            shared += 1
        nested.append("  " * shared + "/".join(names[shared:]))
        before = names
    return nested


def _whole_width(table: Table) -> int:
    """How much room a table needs in which only words are broken into lines."""
    return _room(_least(column, cells) if column.breaks == " " else _widest(cells) for column, cells in _cells(table))


def _least_width(table: Table, floor: int = _NARROWEST) -> int:
    """How much room a table needs, with all that can be broken into lines as narrow as it becomes."""
    return _room(_least(column, cells, floor) for column, cells in _cells(table))


def _room(widths: Iterable[int]) -> int:
    return sum(width + _GAP for width in widths) - _GAP


def _cells(table: Table) -> Iterator[tuple[Column, list[str]]]:
    return zip(table.columns, texts(table), strict=True)


def _widest(cells: Iterable[str]) -> int:
    return max(map(len, cells))


def _least(column: Column, cells: Sequence[str], floor: int = _NARROWEST) -> int:
    """How narrow a column becomes: down to a floor, or as wide as its longest word, or name in a path."""
    widest = _widest(cells)
    if not column.breaks or widest <= floor:
        return widest
    return max(floor, *(len(line) for cell in cells for line in _broken(cell, column.breaks, 1)))


def _broken(cell: str, signs: str, width: int) -> list[str]:
    """A cell in lines of a width, broken after any of some signs; all but the first are indented, unless they are of
    words alone. What has no sign stays whole."""
    if len(cell) <= width:
        return [cell]
    if signs == " ":
        return wrapped(cell, width)
    first, *rest = re.findall(f"[^{signs}]+[{signs}]?|[{signs}]", cell.lstrip())
    start = cell[: len(cell) - len(cell.lstrip())]
    lines = [start + first]
    for piece in rest:
        if len(lines[-1]) + len(piece.rstrip()) <= width:
            lines[-1] += piece
        else:
            lines.append(f"{start}{' ' * _GAP}{piece}")
    return [line.rstrip() for line in lines]


def _plain_widths(table: Table, width: int | None) -> list[int]:
    """The width of each column: as wide as its cells, but those that can be broken share what the others leave."""
    columns = list(_cells(table))
    widths = [_widest(cells) for _, cells in columns]
    broken = [i for i, column in enumerate(table.columns) if column.breaks]
    if width is not None and broken:
        floor = _floor(table, width)
        spare = width - _room(widths) + sum(widths[i] for i in broken)
        for served, i in enumerate(sorted(broken, key=lambda i: widths[i])):
            widths[i] = min(widths[i], max(_least(*columns[i], floor), spare // (len(broken) - served)))
            spare -= widths[i]
    return widths


def _floor(table: Table, width: int) -> int:
    """How narrow what can be broken becomes: it is narrower where there is no column left to hide."""
    return _NARROWEST if _least_width(table) <= width else 0


def _plain_table(table: Table, width: int | None) -> list[str]:
    widths = _plain_widths(table, width)
    rows = list(zip(*texts(table), strict=True))
    lines = [_plain_row(table, row, widths) for row in rows]
    rule = "-" * max(len(line) for row in lines for line in row)
    lines.insert(1, [rule])
    if table.footer is not None:
        lines.insert(len(lines) - 1, [rule])
    heading = _lines(table.title, width) if table.title else []
    return [*heading, *(line for row in lines for line in row)]


def _plain_row(table: Table, row: tuple[str, ...], widths: list[int]) -> list[str]:
    """The lines of a row: one, unless a cell that can be broken is longer than its column is wide."""
    columns = [
        _broken(cell, column.breaks, width) if column.breaks else [cell]
        for column, cell, width in zip(table.columns, row, widths, strict=True)
    ]
    lines = []
    for parts in itertools.zip_longest(*columns, fillvalue=""):
        cells = (
            part.rjust(width) if column.right else part.ljust(width)
            for column, part, width in zip(table.columns, parts, widths, strict=True)
        )
        lines.append((" " * _GAP).join(cells).rstrip())
    return lines


#: A path in a sentence: copies have spaces, `stage2/block.1 x 3/conv`.
_PATH = re.compile(r"`[^`/]*/[^`]*`")
_FIXED_SPACE = "\u00a0"


def _lines(text: str, width: int | None) -> list[str]:
    """Words in lines of a width, if there is one; a path that is longer is broken after slashes, and nowhere else."""
    if width is None:
        return [text]
    words = wrapped(_PATH.sub(lambda path: path[0].replace(" ", _FIXED_SPACE), text), width)
    return [part.replace(_FIXED_SPACE, " ") for line in words for part in _broken(line, "/", width)]


_Said = Sequence[tuple[str, str]]


def _figures(report: Report, width: int | None) -> list[str]:
    """The figures and below them the facts, one to a line but for figures that stand side by side."""
    facts = tuple(report.facts)
    first, *second = _columns(tuple(report.figures), facts, width)
    labels = _label_width((*first, *facts))
    left = _facts(first, width, labels)
    if second:
        widest = max(map(len, left))
        right = _facts(second[0], width, _label_width(second[0]))
        pairs = itertools.zip_longest(left, right, fillvalue="")
        left = [f"{line.ljust(widest + _GAP)}{beside}".rstrip() for line, beside in pairs]
    return left + _facts(facts, width, labels)


def _columns(figures: _Said, facts: _Said, width: int | None) -> list[_Said]:
    """The figures in two columns where the width has room for both; in one elsewhere, and in a pipe."""
    half = (len(figures) + 1) // 2
    columns = [figures[:half], figures[half:]]
    if width is None or not columns[1]:
        return [figures]
    labels = _label_width((*columns[0], *facts)), _label_width(columns[1])
    needed = sum(label + max(len(text) for _, text in each) for label, each in zip(labels, columns, strict=True))
    return columns if needed + 3 * _GAP <= width else [figures]


def _label_width(said: _Said) -> int:
    return max((len(label) for label, _ in said), default=0)


def _facts(facts: _Said, width: int | None, label_width: int) -> list[str]:
    lines = []
    for label, text in facts:
        first, *rest = _lines(text, _beside(label_width, width))
        lines.append(f"{label.ljust(label_width)}  {first}".rstrip())
        lines += [f"{' ' * (label_width + _GAP)}{line}" for line in rest]
    return lines


def _beside(label_width: int, width: int | None) -> int | None:
    """How much of a width is left beside a label."""
    return None if width is None else max(_NARROWEST, width - label_width - _GAP)


def _left_out(hidden: list[_Hidden]) -> list[str]:
    """A line that names the hidden columns, for each way to show them."""
    titles: dict[str, dict[str, None]] = {}
    for how, title in hidden:
        titles.setdefault(how, {})[title] = None
    return [f"not shown for lack of width ({how}): {', '.join(each)}" for how, each in titles.items()]


def _rich_figures(report: Report, width: int) -> Iterator[Any]:
    """A grid of the figures, and one of the facts below it."""
    facts = tuple(report.facts)
    columns = _columns(tuple(report.figures), facts, width)
    labels = _label_width((*columns[0], *facts))
    if columns[0]:
        yield _rich_facts(columns, labels)
    if facts:
        told = [(label, "\n".join(_lines(text, _beside(labels, width)))) for label, text in facts]
        yield _rich_facts([told], labels)


def _rich_facts(columns: Sequence[_Said], label_width: int) -> Any:
    from rich.table import Table as RichTable

    grid = RichTable.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
    for _ in columns:
        grid.add_column(style="dim", no_wrap=True, min_width=label_width)
        grid.add_column(overflow="fold")
        label_width = 0
    for parts in itertools.zip_longest(*columns, fillvalue=("", "")):
        grid.add_row(*itertools.chain(*parts))
    return grid


def _rich_table(table: Table, stream: IO[str], width: int) -> Any:
    from rich import box
    from rich.table import Table as RichTable

    unicode = "utf" in (getattr(stream, "encoding", None) or "").lower()
    made = RichTable(
        box=box.SIMPLE_HEAD if unicode else box.ASCII2,
        show_edge=False,
        pad_edge=False,
        padding=(0, _GAP - 1, 0, 0),
        show_footer=table.footer is not None,
        safe_box=True,
    )
    columns = [
        ["\n".join(_broken(cell, column.breaks, wide)) for cell in cells]
        if column.breaks.strip()
        else _aligned(column, cells, unicode)
        for (column, cells), wide in zip(_cells(table), _plain_widths(table, width), strict=True)
    ]
    end = -1 if table.footer is not None else None
    # Where there is a column of words, it is the one that gives way: the others have their lines already.
    words = any(column.breaks == " " for column in table.columns)
    for column, cells in zip(table.columns, columns, strict=True):
        made.add_column(
            cells[0],
            footer=cells[-1] if table.footer is not None else "",
            style=_style(column),
            overflow="fold",
            no_wrap=column.right or bool(column.breaks.strip()) or (words and not column.breaks),
        )
    for row, values in zip(zip(*(cells[1:end] for cells in columns), strict=True), table.rows, strict=True):
        made.add_row(*map(_cell, table.columns, row, values))
    return made


def _aligned(column: Column, cells: list[str], unicode: bool) -> list[str]:
    """The cells of a column, of one width where they stand at its right edge: rich cuts off the spaces that a short bar
    ends in, and would move its percentage. Bars are blocks where the stream has them."""
    if column.show is barred and unicode:
        cells = [cell.replace("#", "█") for cell in cells]
    widest = max(map(len, cells))
    return [cell.rjust(widest) for cell in cells] if column.right else cells


def _cell(column: Column, text: str, value: Any) -> Any:
    from rich.text import Text

    role = None if column.role is None else column.role(value)
    return text if role is None else Text(text, style=_ROLES[role])


def _style(column: Column) -> str:
    return "" if column.right or column.role else "cyan" if column.rank == 0 else "dim"
