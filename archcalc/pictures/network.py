"""A network as a drawing: boxes, blocks as frames, edges, from the input at the top to the outputs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from archcalc.analysis.totals import AnalysedLayer, Analysis
from archcalc.pictures import graph, svg
from archcalc.pictures.columns import Columns, in_columns, in_one_column
from archcalc.pictures.graph import Box, Frame, Item, Uses
from archcalc.pictures.layered import Edge, Lane, Layout, Link, Node, layout
from archcalc.pictures.svg import Drawing
from archcalc.pictures.text import shortened, width, wrapped
from archcalc.pictures.ushape import UShape, u_shape
from archcalc.quantities.registry import figure
from archcalc.records import Record
from archcalc.units import short

#: What a box says besides its kind and volume: texts for the layers in it.
Texts: TypeAlias = Callable[[Sequence[AnalysedLayer]], Sequence[str]]

_LINE = 14.0
_INSIDE = 6.0
_AROUND = 8.0
_WIDEST_LINE = 260.0
_LEAST_WIDTH = 78.0
#: Widths are multiples of this, so that boxes that say nearly the same are as wide as each other.
_STEP = 6
_HEADER = 18.0
_MARGIN = 16.0
_FRAME_SIDE = 10.0
#: Room for the sign that a block can be folded.
_FOLD = 12.0

#: The colour of each family of layers; the others are grey.
COLOURS = {
    "conv": "blue",
    "linear": "violet",
    "pool": "green",
    "norm": "yellow",
    "activation": "yellow",
    "regularise": "yellow",
    "experts": "violet",
    "attention": "red",
    "heads": "red",
    "scores": "red",
    "recurrent": "red",
    "merge": "teal",
    "tensor": "teal",
    "elementwise": "yellow",
}


class Line(Record):
    """A line of text in a box."""

    words: str
    classes: str = ""


class Placed(Record):
    """An item with its size. `ins` are the values it reads, each with the distance of its port from the middle, and
    `outs` those that others read of it; a frame has what is in it, placed, from `origin` on, and, where its reader can
    fold it, the lines that it shows then."""

    item: Item
    width: float
    height: float
    ins: dict[int, float]
    outs: dict[int, float]
    lines: tuple[Line, ...] = ()
    inside: Inside | None = None
    origin: float = 0
    folded: Placed | None = None


class Inside(Record):
    """The layout of some items: its elements are entries, items and exits, in this order."""

    layout: Layout
    columns: Columns
    entries: tuple[int, ...]
    items: tuple[Placed, ...]
    exits: tuple[int, ...]
    edges: tuple[Edge, ...]


class Heat(Record):
    """Boxes coloured by a figure: its name, and what it is of some layers."""

    name: str
    of: Callable[[Sequence[AnalysedLayer]], float]


class Setting(Record):
    """How boxes look: what they say besides, and what colours them, their kind or a figure. Blocks that lie `depth`
    blocks deep are closed: one box each. In a drawing that is `foldable`, a page can close and open every block."""

    texts: Texts | None = None
    heat: Heat | None = None
    depth: int | None = None
    folded: bool = True
    foldable: bool = False


class Placer:
    """Sizes and places of the items of a network, from the inside out."""

    def __init__(self, analysis: Analysis, setting: Setting, items: Sequence[Item]) -> None:
        self.analysis = analysis
        self.setting = setting
        self.uses = Uses(analysis)
        #: Values of copies that are drawn once, and the same value of the first copy, which stands for them.
        self.stands_for: dict[int, int] = {}
        _add_copied_values(self.stands_for, items)

    def reads(self, layers: Iterable[AnalysedLayer], first: int) -> list[int]:
        """The values from before a layer that layers read, each once."""
        read = (i for layer in layers for i in layer.node.inputs if i < first)
        return list(dict.fromkeys(self.stands_for.get(i, i) for i in read))

    def place(self, item: Item) -> Placed:
        """An item with its size and ports."""
        if isinstance(item, Box):
            return self.box(item)
        if self.setting.depth is not None and item.path.count("/") + 1 >= self.setting.depth:
            return self.closed(item)
        return self.frame(item)

    def box(self, box: Box) -> Placed:
        """A box is as large as its lines."""
        lines = tuple(self.lines(box))
        wide = max(_width(line) for line in lines)
        wide = max(_LEAST_WIDTH, wide + 2 * _AROUND)
        wide = _STEP * math.ceil(wide / _STEP)
        ins = dict.fromkeys(self.reads(box.layers, box.first), 0.0)
        return Placed(box, wide, len(lines) * _LINE + 2 * _INSIDE - 2, ins, {box.last: 0.0}, lines)

    def lines(self, box: Box) -> list[Line]:
        """What a box says: its name and kind, the light layers with it, its volume, and what was asked for."""
        main = box.main
        before = [layer.layer for layer in box.layers if layer.node.index < main.node.index]
        after = [layer.layer for layer in box.layers if layer.node.index > main.node.index]
        kind = _one_or_range([_kind(copy[box.layers.index(main)]) for copy in box.copies])
        lines = [Line(_fitted(f"{box.name}{_times(box.times)}", bold=True), "bold")] if box.name else []
        lines += [Line(_fitted(", ".join(before)), "small")] if before else []
        lines.append(Line(_fitted(kind if box.name else f"{kind}{_times(box.times)}")))
        lines += [Line(_fitted(", ".join(after)), "small")] if after else []
        return lines + self.figures(box.copies)

    def figures(self, copies: Sequence[Sequence[AnalysedLayer]]) -> list[Line]:
        """The volume that leaves some layers, and what was asked for besides, of all their copies."""
        said = [[str(copy[-1].output), *(self.setting.texts(copy) if self.setting.texts else ())] for copy in copies]
        words = [_one_or_range(list(row)) for row in zip(*said, strict=True)]
        return [Line(_fitted(each), "small") for each in words if each]

    def closed(self, frame: Frame) -> Placed:
        """A frame whose inside is not shown."""
        copies = _copies(frame, self.analysis)
        lines = [Line(_title(frame), "bold"), Line(f"{len(copies[0]):,} layers", "small"), *self.figures(copies)]
        wide = max(_LEAST_WIDTH, _STEP * math.ceil((max(map(_width, lines)) + 2 * _AROUND) / _STEP))
        outside = self.reads(copies[0], frame.first)
        outs = dict.fromkeys(self.read_outside(frame), 0.0)
        height = len(lines) * _LINE + 2 * _INSIDE - 2
        return Placed(frame, wide, height, dict.fromkeys(outside, 0.0), outs, tuple(lines))

    def frame(self, frame: Frame) -> Placed:
        """A frame is as large as what is in it, with its name above that."""
        outs = self.read_outside(frame)
        inside = self.arrange(frame.items, frame, outs)
        columns = inside.columns
        named = width(_title(frame), 12, bold=True) + 14 + (_FOLD if self.setting.foldable else 0)
        left, right = -_FRAME_SIDE, columns.width + _FRAME_SIDE
        free = min(map(columns.x, range(len(inside.entries))), default=right) - left
        missing = max(0.0, named - free)
        left, right = left - missing, right + missing
        middle = (left + right) / 2
        ins = {value: columns.x(k) - middle for k, value in enumerate(inside.entries)}
        first_exit = len(inside.entries) + len(inside.items)
        ports = {value: columns.x(first_exit + k) - middle for k, value in enumerate(inside.exits)}
        below = 0 if inside.exits else _FRAME_SIDE
        made = Placed(frame, right - left, columns.height + _HEADER + below, ins, ports, (), inside, -left)
        return self.foldable(made) if self.setting.foldable else made

    def foldable(self, open_: Placed) -> Placed:
        """A frame with what it shows when it is folded: a box over all its ports, and not wider than the frame."""
        assert isinstance(open_.item, Frame)
        box = self.closed(open_.item)
        ports = [*open_.ins.values(), *open_.outs.values()]
        wide = max(box.width + 2 * _FOLD, 2 * max(map(abs, ports), default=0) + 24)
        more = max(0.0, wide - open_.width) / 2
        return open_._replace(width=open_.width + 2 * more, origin=open_.origin + more, folded=box._replace(width=wide))

    def read_outside(self, frame: Frame) -> tuple[int, ...]:
        """The values of a frame that others read, as those of its first copy."""
        shift = frame.last - frame.end
        uses = self.uses
        found = (
            self.stands_for.get(value, value)
            for value in range(frame.first, frame.end + 1)
            if any(reader > frame.last for reader in uses.readers[value + shift])
        )
        return tuple(dict.fromkeys(found))

    def arrange(self, items: Sequence[Item], frame: Frame | None, exits: tuple[int, ...]) -> Inside:
        """Items in rows, between where values enter and where they leave; the network's input is an entry too."""
        placed = tuple(self.place(item) for item in items)
        first = items[0].first if frame is not None else 0
        entries = tuple(dict.fromkeys(v for each in placed for v in each.ins if v < first))
        nodes: list[Node] = [Node(0, 0, "first") for _ in entries]
        if frame is None:
            nodes = [Node(_LEAST_WIDTH, 2 * _LINE + 2 * _INSIDE - 4, "first") for _ in entries]
        made: dict[int, tuple[int, float]] = {value: (k, 0.0) for k, value in enumerate(entries)}
        edges = []
        readers = Counter(value for each in placed for value in each.ins)
        for number, each in enumerate(placed, len(nodes)):
            nodes.append(Node(each.width, each.height))
            skips = {value: len(each.ins) > 1 and readers[value] > 1 for value in each.ins}
            for value, port in _ports(each, skips).items():
                source, leaves = made[value]
                edges.append(Edge(source, number, leaves, port, skips[value]))
            for value, port in each.outs.items():
                made[value] = (number, port)
        for value in exits:
            source, leaves = made[value]
            edges.append(Edge(source, len(nodes), leaves, 0))
            nodes.append(Node(0, 0, "last"))
        plan = layout(nodes, edges)
        return Inside(
            plan, in_columns(plan) if frame is None else in_one_column(plan), entries, placed, exits, tuple(edges)
        )


def _end(item: Item) -> int:
    """The last layer of the first copy of an item. A box of several has only its last value."""
    return item.last if isinstance(item, Box) else item.end


def _ports(placed: Placed, skips: dict[int, bool]) -> dict[int, float]:
    """Where values enter: a box has them side by side, in its middle the only one that is no skip."""
    if placed.inside is not None:
        return placed.ins
    step = min(16.0, (placed.width - 20) / max(1, len(skips)))
    through = [k for k, skip in enumerate(skips.values()) if not skip]
    middle = through[0] if len(through) == 1 else (len(skips) - 1) / 2
    most = placed.width / 2 - 6
    return {value: max(-most, min(most, step * (k - middle))) for k, value in enumerate(skips)}


def _copies(frame: Frame, analysis: Analysis) -> list[Sequence[AnalysedLayer]]:
    """The layers of each copy of a frame."""
    length = frame.end - frame.first + 1
    return [analysis.layers[start : start + length] for start in range(frame.first, frame.last + 1, length)]


def _add_copied_values(stands_for: dict[int, int], items: Sequence[Item]) -> None:
    """Add the values of all copies of frames but the first, with those of the first."""
    for item in items:
        if isinstance(item, Frame):
            _add_copied_values(stands_for, item.items)
            length = item.end - item.first + 1
            for value in range(item.end + 1, item.last + 1):
                drawn = item.first + (value - item.first) % length
                stands_for[value] = stands_for.get(drawn, drawn)


def _title(frame: Frame) -> str:
    return shortened(f"{frame.name}{_times(frame.times)}", 12, _WIDEST_LINE, bold=True)


def _times(times: int) -> str:
    return f" x {times:,}" if times > 1 else ""


def _kind(layer: AnalysedLayer) -> str:
    return f"{layer.layer} {layer.kernel}" if layer.kernel else layer.layer


def _one_or_range(texts: list[str]) -> str:
    """What copies say: the same, or what the first and the last say."""
    return texts[0] if len(set(texts)) == 1 else f"{texts[0]} … {texts[-1]}"


def _fitted(words: str, *, bold: bool = False) -> str:
    return shortened(words, 12, _WIDEST_LINE, bold=bold)


def _width(line: Line) -> float:
    return width(line.words, 10.5 if line.classes == "small" else 12, bold=line.classes == "bold")


# --- drawing


def draw(analysis: Analysis, setting: Setting | None = None) -> Drawing:
    """The drawing of a network: its name, the graph in columns of a readable height, and what the colours mean."""
    setting = setting or Setting()
    items = graph.items(analysis, folded=setting.folded)
    placer = Placer(analysis, setting, items)
    inside = placer.arrange(items, None, ())
    shape = _u_shape(analysis, inside)
    if shape is not None and setting.depth is None:  # it is plainer without its blocks
        plain = placer.arrange(graph.opened(items, analysis), None, ())
        shape, inside = next((one, of) for of in (plain, inside) if (one := _u_shape(analysis, of)) is not None)
    pen = _Pen(analysis, setting, inside.items)
    columns = inside.columns
    picture = shape or columns
    heading = analysis.architecture
    params, macs = (short(figure(analysis, name)) for name in ("params", "macs"))
    said = f"{params} parameters, {macs} MACs, input {analysis.network.input}"
    legend = pen.legend(_boxes(inside.items))
    wide = max(picture.width, width(heading, 15, bold=True), width(said, 10.5), legend.width)
    citation = wrapped(analysis.network.document.citation or "", 10.5, wide)
    top = _MARGIN + 36 + 14 * len(citation)
    left = _MARGIN + (wide - picture.width) / 2
    if shape is not None:
        pen.u_shape(inside, shape, left, top + 8)
    else:
        pen.plan(inside, left, top + 8)
    if setting.foldable:
        rows = [] if shape is not None else _rows_in_columns(columns, left, top + 8)
        pen.out = [f'<g class="graph" data-rows="{_written(rows)}">\n', *pen.out, "</g>\n"]
    body = [svg.text(_MARGIN, _MARGIN + 12, heading, "heading")]
    body += [svg.text(_MARGIN, _MARGIN + 29, said, "small")]
    body += [svg.text(_MARGIN, _MARGIN + 43 + 14 * k, line, "small") for k, line in enumerate(citation)]
    body += pen.out
    bottom = top + 8 + picture.height + 14
    body += legend.draw(_MARGIN, bottom)
    return Drawing(wide + 2 * _MARGIN, bottom + legend.height + _MARGIN, f"{heading}: the network", said, "".join(body))


def _u_shape(analysis: Analysis, inside: Inside) -> UShape | None:
    """The outermost items as a U, where they are one: by the positions of what leaves each entry and item."""
    ends = [_end(placed.item) for placed in inside.items]
    volume = analysis.interpretation.volume
    positions = [int(volume(index).positions) for index in (*inside.entries, *ends)]
    count = len(inside.entries)
    boxes = {*range(count), *(k for k, placed in enumerate(inside.items, count) if placed.inside is None)}
    return u_shape(inside.layout.nodes, inside.edges, positions, boxes)


class Legend(Record):
    """What the colours mean: a swatch and a word each, in a row."""

    entries: tuple[tuple[str, str, str], ...]

    @property
    def width(self) -> float:
        """How wide it is."""
        return sum(16 + width(words, 10.5) + 14 for words, _, _ in self.entries)

    @property
    def height(self) -> float:
        """How high it is."""
        return 14

    def draw(self, x: float, y: float) -> list[str]:
        """The swatches and their words."""
        made = []
        for words, classes, attributes in self.entries:
            made += [svg.rect(x, y, 11, 11, classes, 2, attributes), svg.text(x + 16, y + 9.5, words, "small")]
            x += 16 + width(words, 10.5) + 14
        return made


class _Pen:
    """Draws placed items; `out` is the markup so far."""

    def __init__(self, analysis: Analysis, setting: Setting, placed: Sequence[Placed]) -> None:
        self.analysis = analysis
        self.setting = setting
        self.shown = list(_shown(placed, analysis))
        self.out: list[str] = []
        self.most = 0.0

    def hottest(self) -> float:
        """The largest figure of a box or of a closed block, so that the darkest colour is used; not 0."""
        heat = self.setting.heat
        assert heat is not None
        return max(map(heat.of, self.shown), default=0.0) or 1.0

    def legend(self, boxes: Iterable[Box]) -> Legend:
        """The kinds of layers that there are, or the scale of the heat."""
        if self.setting.heat is not None:
            name = self.setting.heat.name
            words = {0.0: f"{name}: none", 0.25: "25 %", 0.5: "50 %", 0.75: "75 %", 1.0: "as much as the box with most"}
            return Legend(tuple((said, "box heat", _opacity(share)) for share, said in words.items()))
        families = {box.main.node.layer.family for box in boxes}
        kinds = {COLOURS.get(family, "grey"): family for family in sorted(families, reverse=True)}
        named = {
            colour: " and ".join(sorted(f for f in families if COLOURS.get(f, "grey") == colour)) for colour in kinds
        }
        return Legend(tuple((named[c], f"box {c}", "") for c in svg.FILLS if c in named))

    def plan(self, inside: Inside, left: float, top: float) -> None:
        """The outermost items, in columns."""
        self.edges(inside, left, top)
        for element, value in enumerate(inside.entries):
            x, y = left + inside.columns.x(element), top + inside.columns.top(element)
            self.input(x, y, inside.layout.nodes[element], value)
        self.items(inside, left, top)

    def edges(self, inside: Inside, left: float, top: float) -> None:
        """The edges between items."""
        for link in inside.layout.links:
            self.link(inside.columns, link, left, top)
        for lane in inside.layout.lanes:
            self.lane(inside.columns, lane, left, top)

    def items(self, inside: Inside, left: float, top: float) -> None:
        """The items."""
        for number, placed in enumerate(inside.items, len(inside.entries)):
            self.item(placed, left + inside.columns.x(number), top + inside.columns.top(number))

    def u_shape(self, inside: Inside, shape: UShape, left: float, top: float) -> None:
        """The outermost items as a U."""
        for points in shape.edges:
            moved = [(left + x, top + y) for x, y in points]
            (_, y1), (x2, y2) = moved[-2:]
            self.out.append(svg.path(svg.bent(moved), "edge"))
            self.out.append(svg.arrow_head(x2, y2, "right" if y1 == y2 else "down" if y1 < y2 else "up"))
        for element, value in enumerate(inside.entries):
            node = inside.layout.nodes[element]
            self.input(left + shape.x[element], top + shape.top[element], node, value)
        for number, placed in enumerate(inside.items, len(inside.entries)):
            self.item(placed, left + shape.x[number], top + shape.top[number])

    def input(self, x: float, y: float, node: Node, value: int) -> None:
        """An input of the network."""
        network = self.analysis.network
        self.out.append(svg.rect(x - node.width / 2, y, node.width, node.height, "box paper rim", 12))
        self.out.append(svg.text(x, y + 16, network.input_name(value), "mid"))
        self.out.append(svg.text(x, y + 31, str(network.input_volume(value)), "small mid"))

    def item(self, placed: Placed, x: float, y: float) -> None:
        """An item by the middle of its top."""
        if placed.inside is None:
            self.box(placed, x, y)
        else:
            self.frame(placed, placed.inside, x, y)

    def box(self, placed: Placed, x: float, y: float) -> None:
        """A box, or a closed frame, with its lines of text."""
        item = placed.item
        layers = item.layers if isinstance(item, Box) else self.analysis.layers[item.first : item.end + 1]
        last = layers[-1].node.index if isinstance(item, Box) else item.first - 1  # a closed block explains nothing
        names = ", ".join(layer.name for layer in layers) if isinstance(item, Box) else item.path
        self.out.append(
            f'<g class="node" data-first="{item.first}" data-last="{last}"><title>{svg.escaped(names)}</title>\n'
        )
        self.lines(placed, x, y, layers)
        self.out.append("</g>\n")

    def lines(self, placed: Placed, x: float, y: float, layers: Sequence[AnalysedLayer]) -> None:
        """A rectangle with lines of text, and another behind it where it stands for several."""
        left = x - placed.width / 2
        family = placed.item.main.node.layer.family if isinstance(placed.item, Box) else ""
        classes, attributes = f"box {COLOURS.get(family, 'grey')}", ""
        if self.setting.heat is not None:
            self.most = self.most or self.hottest()
            classes, attributes = "box heat", _opacity(min(1.0, self.setting.heat.of(layers) / self.most))
        if placed.item.times > 1:
            self.out.append(svg.rect(left + 3, y + 3, placed.width, placed.height, "box grey", 4))
        if self.setting.heat is not None:  # what is behind must not shine through
            self.out.append(svg.rect(left, y, placed.width, placed.height, "paper", 4))
        self.out.append(svg.rect(left, y, placed.width, placed.height, classes, 4, attributes))
        for number, line in enumerate(placed.lines):
            base = y + _INSIDE + 10 + number * _LINE
            dark = " ink" if self.setting.heat is not None else ""
            self.out.append(svg.text(x, base, line.words, f"{line.classes} mid{dark}".strip()))

    def frame(self, placed: Placed, inside: Inside, x: float, y: float) -> None:
        """A frame, its name, and what is in it."""
        frame = placed.item
        assert isinstance(frame, Frame)
        left = x - placed.width / 2
        plan = inside.layout
        marks = ""
        if placed.folded is not None:
            rows = [(top + y + _HEADER, height) for top, height in zip(plan.tops, plan.heights, strict=True)]
            marks = f' data-path="{svg.escaped(frame.path)}" data-rows="{_written([(left, *row) for row in rows])}"'
        self.out.append(
            f'<g class="block" data-first="{frame.first}"{marks}><title>{svg.escaped(frame.path)}</title>\n'
        )
        if frame.times > 1:
            self.out.append(svg.rect(left + 4, y + 4, placed.width, placed.height, "frame", 6))
        self.out.append(svg.rect(left, y, placed.width, placed.height, "frame", 6))
        sign = 0.0 if placed.folded is None else _FOLD
        self.out.append(svg.text(left + 8 + sign, y + 14, _title(frame), "bold faint"))
        if placed.folded is not None:
            self.out.append(svg.path(f"M{svg.number(left + 7)} {svg.number(y + 7)}h8l-4 6z", "arrow sign"))
        columns, dx, dy = inside.columns, left + placed.origin, y + _HEADER
        for element in range(len(inside.entries)):
            at = dx + columns.x(element)
            self.out.append(svg.line(at, y, at, dy + columns.top(element), "edge"))
        self.edges(inside, dx, dy)
        self.items(inside, dx, dy)
        if placed.folded is not None:
            self.folded(placed.folded, x, y)
        self.out.append("</g>\n")

    def folded(self, placed: Placed, x: float, y: float) -> None:
        """What a frame shows when it is folded, in its place."""
        self.out.append('<g class="closed">\n')
        self.lines(placed, x, y, self.analysis.layers[placed.item.first : _end(placed.item) + 1])
        left = x - placed.width / 2
        self.out.append(svg.path(f"M{svg.number(left + 7)} {svg.number(y + 9)}v8l6 -4z", "arrow sign"))
        self.out.append("</g>\n")

    def link(self, columns: Columns, link: Link, left: float, top: float) -> None:
        """A piece of an edge: down to the end of its row, across the gap, down to where it arrives."""
        plan = columns.plan
        a, b = plan.row_of[link.source], plan.row_of[link.target]
        one, two = columns.column_of[a], columns.column_of[b]
        x1 = left + plan.x[link.source] + link.leaves + columns.dx[one]
        x2 = left + plan.x[link.target] + link.arrives + columns.dx[two]
        y1, y2 = (top + plan.bottom(link.source) + columns.dy[one], top + plan.top(link.target) + columns.dy[two])
        low = top + plan.tops[a] + plan.heights[a] + columns.dy[one]
        high = top + plan.tops[b] + columns.dy[two]
        passes = link.target >= len(plan.nodes)
        end = y2 + plan.heights[b] if passes else y2
        n = svg.number
        if turn := columns.turns.get(link):
            gutter = left + columns.dx[two] + turn.gutter
            self.turn((x1, y1), low + turn.below, gutter, high - turn.above, (x2, end))
        elif abs(x1 - x2) < 0.6:
            self.out.append(svg.path(f"M{n(x2)} {n(y1)}V{n(end)}", "edge"))
        else:
            half = (low + high) / 2
            curve = f"C{n(x1)} {n(half)} {n(x2)} {n(half)} {n(x2)} {n(high)}"
            self.out.append(svg.path(f"M{n(x1)} {n(y1)}V{n(low)}{curve}V{n(end)}", "edge"))
        if not passes and plan.nodes[link.target].height:
            self.out.append(svg.arrow_head(x2, y2))

    def turn(
        self, start: tuple[float, float], below: float, gutter: float, above: float, end: tuple[float, float]
    ) -> None:
        """An edge from the bottom of a column to the top of the next, through the gutter between them."""
        n, r = svg.number, 8
        (x1, y1), (x2, y2) = start, end
        self.out.append(
            svg.path(
                f"M{n(x1)} {n(y1)}V{n(below - r)}q0 {r} {r} {r}H{n(gutter - r)}q{r} 0 {r} -{r}V{n(above + r)}"
                f"q0 -{r} {r} -{r}H{n(x2 - r)}q{r} 0 {r} {r}V{n(y2)}",
                "edge",
            )
        )

    def lane(self, columns: Columns, lane: Lane, left: float, top: float) -> None:
        """Edges at the side: out below their node's row, down the lane, and in above the rows of their targets."""
        n = svg.number
        plan, column = columns.plan, columns.of(lane.source)
        row = plan.row_of[lane.source]
        left, top = left + columns.dx[column], top + columns.dy[column]
        x1, x = left + plan.x[lane.source] + lane.leaves, left + columns.rights[column] + lane.x
        out = top + plan.tops[row] + plan.heights[row] + 5
        ends = []
        for target, arrives in lane.targets:
            x2, y2 = left + plan.x[target] + arrives, top + plan.top(target)
            across = top + plan.tops[plan.row_of[target]] - 9
            self.out.append(svg.path(f"M{n(x)} {n(across)}H{n(x2)}V{n(y2)}", "edge"))
            ends.append(across)
            if plan.nodes[target].height:
                self.out.append(svg.arrow_head(x2, y2))
        y1 = top + plan.bottom(lane.source)
        self.out.append(svg.path(f"M{n(x1)} {n(y1)}V{n(out)}H{n(x)}V{n(max(ends))}", "edge"))


def _shown(placed: Sequence[Placed], analysis: Analysis) -> Iterator[Sequence[AnalysedLayer]]:
    """The layers of every box and closed frame."""
    for each in placed:
        if each.inside is not None:
            yield from _shown(each.inside.items, analysis)
        else:
            item = each.item
            yield item.layers if isinstance(item, Box) else analysis.layers[item.first : item.end + 1]


def _boxes(placed: Sequence[Placed]) -> Iterator[Box]:
    """Every box that is drawn: those in closed frames are not."""
    for each in placed:
        if each.inside is not None:
            yield from _boxes(each.inside.items)
        elif isinstance(each.item, Box):
            yield each.item


def _rows_in_columns(columns: Columns, left: float, top: float) -> list[tuple[float, float, float]]:
    """The rows of a layout as they are drawn: for each where its column begins, its top and its height."""
    plan = columns.plan
    rows = []
    for row, (y, height) in enumerate(zip(plan.tops, plan.heights, strict=True)):
        at = columns.column_of[row]
        begin = left + columns.dx[at] + columns.begins[at] if at else 0.0
        rows.append((begin, top + y + columns.dy[at], height))
    return rows


def _written(rows: Iterable[tuple[float, float, float]]) -> str:
    return ";".join(" ".join(map(svg.number, row)) for row in rows)


def _opacity(share: float) -> str:
    return f' fill-opacity="{round(0.9 * share, 2):g}"'
