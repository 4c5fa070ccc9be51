"""A layout from top to bottom: nodes in rows, branches side by side, edges only between rows and beside nodes.

An edge that passes a row has a place of its own in it, as a node has, so that no edge runs through a node; edges from
one node share their places. Edges that pass very many rows run in lanes at the right side instead. All steps take
time linear in nodes, edges and places (the order within rows is improved only where that is cheap).

Sources: Sugiyama, Tagawa & Toda 1981, doi:10.1109/TSMC.1981.4308636 (rows, places, order by the middle of the
neighbours); positions in a row by isotonic regression, Barlow et al. 1972 (pool adjacent violators).
"""

from __future__ import annotations

import heapq
from bisect import bisect
from collections.abc import Sequence

from archcalc.records import Record

#: Pixels between neighbours in a row, from one row to the next or to where edges enter and leave, and for an edge that
#: passes a row.
GAP = 14.0
ROW_GAP = 18.0
BARE_GAP = 10.0
PLACE = 12.0
LANE = 9.0
#: An edge that passes more rows than this runs in a lane.
_LONGEST = 40
_SWEEPS = 6
#: How much an edge that runs round others pulls, where it passes them and where it leads aside, next to any other.
_STRAIGHT, _ASIDE = 0.002, 0.001
#: A join is put below the entry of its block if that is no farther aside.
_NEAR = 30.0


class Node(Record):
    """Something to place. `pinned` nodes stand in the first or in the last row: where edges enter and leave."""

    width: float
    height: float
    pinned: str = ""


class Edge(Record):
    """From the bottom of a node to the top of another; `leaves` and `arrives` are how far from their middles. One that
    only runs round others (`skips`) does not pull the two towards each other."""

    source: int
    target: int
    leaves: float = 0
    arrives: float = 0
    skips: bool = False


class Link(Record):
    """A piece of an edge from one row to the next; the ends are nodes, or places of edges that go on."""

    source: int
    target: int
    leaves: float
    arrives: float
    skips: bool


class Lane(Record):
    """Edges of one node that run at the side, x pixels from the right end of the rows, to all these targets."""

    source: int
    leaves: float
    targets: tuple[tuple[int, float], ...]
    x: float


class Layout(Record):
    """Where all is. Elements are the nodes, by number, and after them the places of edges that pass rows.

    `x` is the middle of an element, `rows` the elements of each row from left to right, `tops` and `heights` those of
    the rows. `lanes` are to the right of `right`.
    """

    nodes: tuple[Node, ...]
    rows: list[list[int]]
    x: list[float]
    tops: list[float]
    heights: list[float]
    row_of: list[int]
    links: list[Link]
    lanes: list[Lane]
    left: float
    right: float

    @property
    def height(self) -> float:
        """From the top of the first row to the bottom of the last."""
        return self.tops[-1] + self.heights[-1] if self.tops else 0

    def top(self, element: int) -> float:
        """The top of an element; nodes stand in the middle of their row, places fill it."""
        row = self.row_of[element]
        if element >= len(self.nodes):
            return self.tops[row]
        return self.tops[row] + (self.heights[row] - self.nodes[element].height) / 2

    def bottom(self, element: int) -> float:
        """The bottom of an element."""
        row = self.row_of[element]
        if element >= len(self.nodes):
            return self.tops[row] + self.heights[row]
        return self.top(element) + self.nodes[element].height


def layout(nodes: Sequence[Node], edges: Sequence[Edge]) -> Layout:
    """Place nodes; edges lead from nodes to later ones of the sequence."""
    ranks = _ranks(nodes, edges)
    short, long = _split(nodes, edges, ranks)
    row_of, links = _places(len(nodes), short, list(ranks))
    rows = _ordered(row_of, links, len(nodes))
    widths = [node.width for node in nodes] + [PLACE] * (len(row_of) - len(nodes))
    x = _positions(rows, links, widths, len(nodes))
    _end_below_entry(nodes, rows, links, x)
    heights = [max(nodes[e].height if e < len(nodes) else 0 for e in row) for row in rows]
    tops = _tops(heights, row_of, links, x, bool(long))
    left = min((x[e] - widths[e] / 2 for row in rows for e in row), default=0)
    right = max((x[e] + widths[e] / 2 for row in rows for e in row), default=0)
    return Layout(tuple(nodes), rows, x, tops, heights, row_of, links, _lanes(long, ranks), left, right)


# --- rows


def _ranks(nodes: Sequence[Node], edges: Sequence[Edge]) -> list[int]:
    """The row of each node: below all its sources, and of a branch that is shorter than another, in the middle."""
    entries = any(node.pinned == "first" for node in nodes)
    early = [int(entries and node.pinned != "first") for node in nodes]
    into: list[list[int]] = [[] for _ in nodes]
    out: list[list[int]] = [[] for _ in nodes]
    for edge in edges:
        into[edge.target].append(edge.source)
        out[edge.source].append(edge.target)
    for node, sources in enumerate(into):
        for source in sources:
            early[node] = max(early[node], early[source] + 1)
    last = max((rank for node, rank in zip(nodes, early, strict=True)), default=0)
    early = [last if node.pinned == "last" else rank for node, rank in zip(nodes, early, strict=True)]
    late = list(early)
    for node in reversed(range(len(nodes))):
        if out[node] and not nodes[node].pinned:
            late[node] = min(late[target] for target in out[node]) - 1
    return [(low + high) // 2 for low, high in zip(early, late, strict=True)]


def _split(nodes: Sequence[Node], edges: Sequence[Edge], ranks: list[int]) -> tuple[list[Edge], list[Edge]]:
    """The edges that have places in the rows they pass, and those that run in lanes: there are no more places than
    a few for each node, whatever the graph."""
    reach: dict[int, int] = {}
    for edge in edges:
        reach[edge.source] = max(reach.get(edge.source, 0), ranks[edge.target] - ranks[edge.source])
    room = 6 * len(nodes) + 60
    in_lanes = set()
    for source, span in sorted(reach.items(), key=lambda item: (item[1], item[0])):
        room -= max(0, span - 1)
        if span > _LONGEST or room < 0:
            in_lanes.add(source)
    short: list[Edge] = []
    long: list[Edge] = []
    for edge in edges:
        distance = ranks[edge.target] - ranks[edge.source]
        (long if edge.source in in_lanes and distance > 1 else short).append(edge)
    return short, long


def _places(count: int, edges: list[Edge], row_of: list[int]) -> tuple[list[int], list[Link]]:
    """The rows of all elements, and the edges cut into links; edges that leave one node together share places."""
    shared: dict[tuple[int, float, int, bool], int] = {}
    links: dict[Link, None] = {}
    for edge in edges:
        before, leaves = edge.source, edge.leaves
        for row in range(row_of[edge.source] + 1, row_of[edge.target]):
            key = (edge.source, edge.leaves, row, edge.skips)
            if key not in shared:
                shared[key] = len(row_of)
                row_of.append(row)
            links[Link(before, shared[key], leaves, 0, edge.skips)] = None
            before, leaves = shared[key], 0
        links[Link(before, edge.target, leaves, edge.arrives, edge.skips)] = None
    return row_of, list(links)


# --- order


def _ordered(row_of: list[int], links: list[Link], count: int) -> list[list[int]]:
    """The elements of each row from left to right: branches in the order in which they are joined."""
    into: list[list[int]] = [[] for _ in row_of]
    out: list[list[int]] = [[] for _ in row_of]
    for link in links:
        into[link.target].append(link.source)
        out[link.source].append(link.target)
    number = _visited(into, out, count)
    rows: list[list[int]] = [[] for _ in range(max(row_of, default=-1) + 1)]
    for element in sorted(range(len(row_of)), key=lambda e: number[e]):
        rows[row_of[element]].append(element)
    best, crossings = [list(row) for row in rows], _crossings(rows, out)
    for sweep in range(_SWEEPS):
        if not crossings or len(row_of) > 4000:
            break
        down = sweep % 2 == 0
        neighbours = into if down else out
        at = {element: place for row in rows for place, element in enumerate(row)}
        for row in rows if down else reversed(rows):
            row.sort(key=lambda e: sum(at[n] for n in neighbours[e]) / len(neighbours[e]) if neighbours[e] else at[e])
            at.update((element, place) for place, element in enumerate(row))
        found = _crossings(rows, out)
        if found < crossings:
            best, crossings = [list(row) for row in rows], found
    return best


def _visited(into: list[list[int]], out: list[list[int]], count: int) -> list[int]:
    """A number for each element: sources before what reads them, the first branch of a join before the second."""
    number = [-1] * len(into)
    done = 0
    for end in reversed(range(count)):
        if out[end]:
            continue
        stack = [(end, 0)]
        while stack:
            element, next_ = stack.pop()
            if number[element] >= 0:
                continue
            if next_ < len(into[element]):
                stack += [(element, next_ + 1), (into[element][next_], 0)]
            else:
                number[element] = done
                done += 1
    return number


def _crossings(rows: list[list[int]], out: list[list[int]]) -> int:
    """How many links cross."""
    at = {element: place for row in rows for place, element in enumerate(row)}
    found = 0
    for row in rows:
        seen: list[int] = []
        for element in row:
            places = [at[target] for target in out[element]]
            found += sum(len(seen) - bisect(seen, place) for place in places)
            for place in places:
                seen.insert(bisect(seen, place), place)
    return found


# --- positions


def _positions(rows: list[list[int]], links: list[Link], widths: list[float], count: int) -> list[float]:
    """The middle of each element: near those of its neighbours, in order and without overlap. Nodes pull at each
    other more than edges that pass do, so that a chain stays straight where an edge runs round it."""
    above: list[list[tuple[int, float, float]]] = [[] for _ in widths]
    below: list[list[tuple[int, float, float]]] = [[] for _ in widths]
    for link in links:
        of_place = link.source >= count and link.target >= count
        weight = (_STRAIGHT if of_place else _ASIDE) if link.skips else 1.0
        above[link.target].append((link.source, link.leaves - link.arrives, weight))
        below[link.source].append((link.target, link.arrives - link.leaves, weight))
    x = [0.0] * len(widths)
    for row in rows:
        _place(row, [0.0] * len(row), [1.0] * len(row), widths, count, x)
    both = [up + down for up, down in zip(above, below, strict=True)]
    rounds = 4 if len(widths) <= 3000 else 1
    for neighbours, order in [(above, 1), (below, -1)] * rounds + [(both, 1), (both, -1), (above, 1)]:
        for row in rows[::order]:
            wanted, weights = [], []
            for element in row:
                pull = sum(weight for _, _, weight in neighbours[element])
                weights.append(pull or 0.0001)
                wanted.append(
                    sum((x[n] + offset) * weight for n, offset, weight in neighbours[element]) / pull
                    if pull
                    else x[element]
                )
            _place(row, wanted, weights, widths, count, x)
    return x


def _end_below_entry(nodes: Sequence[Node], rows: list[list[int]], links: list[Link], x: list[float]) -> None:
    """Put the join that ends a block below its entry, if that is near and bends no edge, so that blocks which follow
    each other stand in line."""
    if len(rows) < 3 or any(len(row) > 1 for row in (rows[0], *rows[-2:])):
        return
    (entry,), (end,), (leaving,) = rows[0], *rows[-2:]
    if max(end, leaving) >= len(nodes) or nodes[entry].pinned != "first" or nodes[leaving].pinned != "last":
        return
    arriving = [link for link in links if link.target == end]
    bends = [abs(x[link.source] + link.leaves - x[end] - link.arrives) for link in arriving]
    leaves = [link.leaves for link in links if link.source == end]
    if abs(x[end] - x[entry]) < _NEAR and leaves == [0] and (len(bends) > 2 or min(bends) > 1):
        x[end] = x[leaving] = x[entry]


def _place(
    row: list[int], wanted: list[float], weights: list[float], widths: list[float], count: int, x: list[float]
) -> None:
    """Put the elements of a row as near to where they are wanted as their order and widths let them."""
    offset = 0.0
    blocks: list[list[float]] = []  # mean, weight, elements
    offsets = []
    for i, element in enumerate(row):
        if i:
            before = row[i - 1]
            gap = GAP if before < count and element < count else GAP / 2
            offset += (widths[before] + widths[element]) / 2 + gap
        offsets.append(offset)
        blocks.append([wanted[i] - offset, weights[i], 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, weight, size = blocks.pop()
            last = blocks[-1]
            last[0] = (last[0] * last[1] + mean * weight) / (last[1] + weight)
            last[1] += weight
            last[2] += size
    i = 0
    for mean, _, size in blocks:
        for _ in range(int(size)):
            x[row[i]] = mean + offsets[i]
            i += 1


def _tops(heights: list[float], row_of: list[int], links: list[Link], x: list[float], lanes: bool) -> list[float]:
    """The top of each row: the farther links lead aside, the more room they have. Where edges only enter or leave, it
    takes less, unless they come from the lanes."""
    aside = [0.0] * len(heights)
    for link in links:
        row = row_of[link.source]
        aside[row] = max(aside[row], abs(x[link.source] + link.leaves - x[link.target] - link.arrives))
    tops = []
    top = 0.0
    for row, height in enumerate(heights):
        tops.append(top)
        bare = not lanes and not (height and all(heights[row + 1 : row + 2]))
        top += height + (BARE_GAP if bare else ROW_GAP) + min(24.0, aside[row] / 12)
    return tops


# --- lanes


def _lanes(edges: list[Edge], ranks: list[int]) -> list[Lane]:
    """A lane for each node whose edges go far; two share one where the second begins below the end of the first."""
    targets: dict[tuple[int, float], list[tuple[int, float]]] = {}
    for edge in edges:
        targets.setdefault((edge.source, edge.leaves), []).append((edge.target, edge.arrives))
    free: list[tuple[int, int]] = []
    lanes = []
    count = 0
    for (source, leaves), ends in sorted(targets.items(), key=lambda item: (ranks[item[0][0]], item[0])):
        end = max(ranks[target] for target, _ in ends)
        if free and free[0][0] <= ranks[source]:
            number = heapq.heappop(free)[1]
        else:
            number = count
            count += 1
        heapq.heappush(free, (end, number))
        lanes.append(Lane(source, leaves, tuple(ends), LANE * (number + 1)))
    return lanes
