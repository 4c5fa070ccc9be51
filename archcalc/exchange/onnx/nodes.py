"""An ONNX graph as records: nodes with their attributes, what is known of each value, and where nodes come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archcalc.exchange.graph import Symbol
from archcalc.records import Record

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Node(Record):
    """A node: its operator (`Conv`; with its domain before two colons unless that is ONNX's own), attributes as
    numbers, text, lists and arrays (None for a tensor whose values are not in the file), and names of values ("" for
    none).

    `modules` are the paths of the modules around it and their classes, outermost first; `line` is the code behind it,
    and `name` the node's own, which may be missing.
    """

    kind: str
    attributes: dict[str, Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    modules: tuple[tuple[str, str], ...]
    line: str
    name: str = ""


class Model(Record):
    """A model without its weights.

    `stored` are the shapes of the tensors of fractions that are in the file, `zeros` the names of tensors whose values
    are all known to be zero, `initial` the names of all that are in the file, and
    `constants` the values of small tensors, whether they are in it or follow from others that are. `shapes` are those
    of all values, as far as they are known.
    """

    name: str
    opset: int
    producer: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: list[Node]
    stored: dict[str, tuple[int, ...]]
    zeros: frozenset[str]
    initial: frozenset[str]
    constants: dict[str, Array]
    shapes: dict[str, tuple[int | Symbol, ...]]
