"""Receptive fields: the window of the network's input that one value of a layer's output depends on.

Exact under the integer definition of Araujo, Norris & Sim 2019 (Distill, doi:10.23915/distill.00021), for graphs with
branches: output position `o` sees from `o * stride - padding` on, `size` positions, and where paths meet it sees what
any of them sees, from the first position to the last. Where a network enlarges its maps, positions differ; their
windows repeat with a period, and all of one period are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import gcd, prod
from typing import TYPE_CHECKING, TypeVar

from archcalc.analysis.interpret import Interpretation
from archcalc.exact import fraction
from archcalc.language.network import INPUT_INDEX, Node, is_input
from archcalc.layers.outcome import Outcome, Window
from archcalc.records import Record

if TYPE_CHECKING:
    from fractions import Fraction

#: Longer periods than this are not followed: they come from enlarging a map thousands of times.
MAX_PERIOD = 512

#: And neither are windows that reach further than this: no network's do.
MAX_REACH = 10**18


_Measure = TypeVar("_Measure")


class Span(Record):
    """Along one axis of the input, what each output position sees: position `o` of the first period sees from
    `low[o]` to `high[o]`; each period of positions later, everything lies `shift` further on."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    shift: int

    @property
    def period(self) -> int:
        """How many positions differ from each other."""
        return len(self.low)

    @property
    def stride(self) -> int | Fraction:
        """How far the window moves from one position to the next, on average where they differ."""
        return self.shift if self.period == 1 else fraction(self.shift, self.period)

    @property
    def padding(self) -> int:
        """How far before the input the window of the first position begins; negative if it begins inside."""
        return 0 - self.low[0]

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many input positions each position of a period sees."""
        return tuple([high - low + 1 for low, high in zip(self.low, self.high, strict=True)])

    def at(self, position: int) -> tuple[int, int]:
        """What any output position sees: the first and the last input position."""
        periods, phase = divmod(position, self.period)
        return self.low[phase] + periods * self.shift, self.high[phase] + periods * self.shift


#: The input sees itself.
ITSELF = Span((0,), (0,), 1)


class Field(Record):
    """What the values of one volume see. `union` has, for each spatial axis, what any windowed path sees, and
    `shortest` what the path with the smallest window sees; both are None if no path is made of windows only.
    `whole` tells whether some path sees every input position. `followed` is False where the windows could not be
    followed: branches of different strides meet, or the period is too long."""

    union: tuple[Span, ...] | None
    shortest: tuple[Span, ...] | None
    whole: bool = False
    followed: bool = True

    @property
    def size(self) -> tuple[int, ...] | None:
        """The largest window, along each axis, in positions of the input; not cut off at the input's edges."""
        return None if self.union is None else _each(self.union, lambda span: max(span.sizes))

    @property
    def smallest(self) -> tuple[int, ...] | None:
        """The smallest window along each axis: of the shortest path, at the position that sees least."""
        return None if self.shortest is None else _each(self.shortest, lambda span: max(0, min(span.sizes)))

    @property
    def stride(self) -> tuple[int | Fraction, ...] | None:
        """How far the window moves from one output position to the next, along each axis."""
        return None if self.union is None else _each(self.union, lambda span: span.stride)

    @property
    def padding(self) -> tuple[int, ...] | None:
        """How far before the input the first window begins, along each axis."""
        return None if self.union is None else _each(self.union, lambda span: span.padding)

    def seen(self, space: tuple[int, ...]) -> int | None:
        """How many of the input's positions a value in the middle of the map sees; None if that is unknown."""
        if self.whole:
            return prod(space)
        return None if self.size is None else prod(map(min, self.size, space))


def _each(spans: tuple[Span, ...], measure: Callable[[Span], _Measure]) -> tuple[_Measure, ...]:
    """What is measured of each axis; the axes of a map mostly see the same."""
    if len(spans) == 2 and spans[0] is spans[1]:
        return (measure(spans[0]),) * 2
    return tuple(map(measure, spans))


class LastMap(Record):
    """The last volume on the way to the main output that still has spatial axes of its own, and what it sees."""

    node: int
    field: Field


#: All positions, and no window.
WHOLE = Field(None, None, True)
#: No position of the first input: what is worked out from other inputs alone.
NOTHING = Field((), (), False)


def receptive_fields(interpretation: Interpretation) -> list[Field]:
    """The field of every node, in the network's order. The network's sizes are ints."""
    source = _field_of_input(interpretation)
    fields: list[Field] = []
    for node, outcome in zip(interpretation.network.nodes, interpretation.outcomes, strict=True):
        inputs = [_of_input(i, source) if is_input(i) else fields[i] for i in node.inputs]
        fields.append(_through(outcome, inputs))
    return fields


def last_map(interpretation: Interpretation, fields: list[Field]) -> LastMap | None:
    """The last spatial map before the network stops being spatial; None if no layer on the way has one.

    A network stops being spatial where a layer sees everything and gives other axes than it was given (a flatten, a
    global pooling). A gate is such a side way; what it multiplies stays spatial.
    """
    network = interpretation.network
    ancestors = _ancestors(network.nodes, network.outputs["output"])
    spatial: list[bool] = []
    last = None
    for node, outcome in zip(network.nodes, interpretation.outcomes, strict=True):
        before = [
            i for i in node.inputs if (i == INPUT_INDEX and network.input.rank > 0 if is_input(i) else spatial[i])
        ]
        same = any(interpretation.volume(i).space == outcome.output.space for i in before)
        keeps = outcome.output.rank > 0 and bool(before) and (outcome.windows is not None or same)
        spatial.append(keeps)
        if keeps and node.index in ancestors:
            last = node.index
    return None if last is None else LastMap(last, fields[last])


def _of_input(index: int, first: Field) -> Field:
    """What an input sees of the first input."""
    return first if index == INPUT_INDEX else NOTHING


def _field_of_input(interpretation: Interpretation) -> Field:
    rank = interpretation.network.input.rank
    itself = (ITSELF,) * rank
    return Field(itself, itself) if rank else WHOLE


def _through(outcome: Outcome, inputs: list[Field]) -> Field:
    """What a layer's output sees, given what its inputs see; parameters and constants see nothing."""
    inputs = [field for field in inputs if field is not NOTHING]
    if not inputs or not outcome.reads_input:
        return NOTHING
    if outcome.windows is None:
        return WHOLE
    field = _joined(inputs, outcome.output.rank)
    if not outcome.windows or field.union is None or field.shortest is None:
        return field
    union = _composed(field.union, outcome.windows)
    shortest = union if field.shortest is field.union else _composed(field.shortest, outcome.windows)
    if union is None or shortest is None:
        return _lost(field.whole)
    return Field(union, shortest, field.whole)


def _lost(whole: bool) -> Field:
    return Field(None, None, whole, followed=False)


def _composed(spans: tuple[Span, ...], windows: tuple[Window, ...]) -> tuple[Span, ...] | None:
    made: list[Span] = []
    for span, window in zip(spans, windows, strict=True):
        if made and span is spans[0] and window == windows[0]:
            made.append(made[0])  # the axes of a map mostly see the same
            continue
        composed = through_window(span, window)
        if composed is None:
            return None
        made.append(composed)
    return tuple(made)


@lru_cache(maxsize=4096)  # equal blocks see the same in branches that begin at one value
def through_window(span: Span, window: Window) -> Span | None:
    """What a window's output sees, if its input sees `span`; None if it becomes too long to follow."""
    first, last, stride, scale = window
    finest = span.period * scale
    period = finest // gcd(stride, finest)
    if period > MAX_PERIOD:
        return None
    low, high = [], []
    for position in range(period):
        low.append(span.at((position * stride + first) // scale)[0])
        high.append(span.at((position * stride + last) // scale)[1])
    if max(high) > MAX_REACH or min(low) < -MAX_REACH:
        return None
    return Span(tuple(low), tuple(high), period * stride // scale // span.period * span.shift)


def _joined(inputs: list[Field], rank: int) -> Field:
    """What a value sees that is made from one value of each input."""
    if len(inputs) == 1 and inputs[0].followed and inputs[0].union is not None and len(inputs[0].union) == rank:
        return inputs[0]
    whole = any(field.whole for field in inputs)
    unions = [field.union for field in inputs if field.union is not None and len(field.union) == rank]
    shortest = [field.shortest for field in inputs if field.shortest is not None and len(field.shortest) == rank]
    if not all(field.followed for field in inputs):
        return _lost(whole)
    if not unions:
        return WHOLE
    united = []
    for spans in zip(*unions, strict=True):
        span = _united(spans)
        if span is None:
            return _lost(whole)
        united.append(span)
    return Field(tuple(united), min(shortest, key=_extent), whole)


def _extent(spans: tuple[Span, ...]) -> int:
    return sum(max(span.sizes) for span in spans)


def _united(spans: tuple[Span, ...]) -> Span | None:
    """From the first to the last position that any of the spans has; None if they move at different strides."""
    first = spans[0]
    if all(span == first for span in spans):
        return first
    if any(span.shift * first.period != first.shift * span.period for span in spans):
        return None
    period = 1
    for span in spans:
        period = period * span.period // gcd(period, span.period)
    if period > MAX_PERIOD:
        return None
    seen = [[span.at(position) for span in spans] for position in range(period)]
    low = tuple(min(low for low, _ in at) for at in seen)
    high = tuple(max(high for _, high in at) for at in seen)
    return Span(low, high, first.shift * period // first.period)


def _ancestors(nodes: list[Node], end: int) -> set[int]:
    """The nodes that lead to one, and itself."""
    found: set[int] = set()
    waiting = [end]
    while waiting:
        index = waiting.pop()
        if not is_input(index) and index not in found:
            found.add(index)
            waiting.extend(nodes[index].inputs)
    return found
