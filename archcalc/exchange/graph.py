"""A graph of operations as a framework exports it: values by name, and the operations that make them."""

from __future__ import annotations

from typing import Any

from archcalc.records import Record


class Name(str):
    """A reference to a value of the graph, apart from text."""

    __slots__ = ()


class Symbol(str):
    """A size that is open: an expression over symbols, such as `32*s2`."""

    __slots__ = ()


class Tensor(Record):
    """What the graph says of a value: its sizes, batch included, its strides in elements, and its type."""

    sizes: tuple[int | Symbol, ...]
    strides: tuple[int | Symbol, ...]
    dtype: str


class Operation(Record):
    """One operation: `target` without namespace and overload (`conv2d`), arguments by name, and the names of outputs.

    `modules` are the paths of the modules around it and their classes, outermost first; `line` is the last line of
    its stack trace, the code that called it. `kind` is what the file calls the operation, where that is something else,
    and `node` what it calls this one.
    """

    target: str
    overload: str
    arguments: dict[str, Any]
    outputs: tuple[str, ...]
    modules: tuple[tuple[str, str], ...]
    line: str
    kind: str = ""
    node: str = ""

    @property
    def called(self) -> str:
        """What the file calls the operation."""
        return self.kind or self.target

    @property
    def module(self) -> str:
        """The path of the innermost module; empty for the model itself."""
        return self.modules[-1][0] if self.modules else ""

    @property
    def module_class(self) -> str:
        """The name of the innermost module's class, without its package."""
        return self.modules[-1][1].rpartition(".")[2] if self.modules else ""


class Graph(Record):
    """A model: what goes in, what it owns, the operations in their order, and what comes out.

    `parameters`, `buffers` and `constants` map names of values to the paths by which the model knows them. `notes` are
    for the reader's user: what the model had and the file has not.
    """

    name: str
    inputs: tuple[str, ...]
    parameters: dict[str, str]
    buffers: dict[str, str]
    constants: dict[str, str]
    tensors: dict[str, Tensor]
    operations: list[Operation]
    outputs: tuple[str, ...]
    ranges: dict[str, tuple[int | None, int | None]]
    notes: tuple[str, ...] = ()
    #: Whole numbers that operations compute of sizes, and what the open sizes of inputs were in the export.
    numbers: dict[str, int | Symbol] = {}  # noqa: RUF012  a record's default is never changed
    hints: dict[str, int] = {}  # noqa: RUF012
    #: The buffers that are not stored with the parameters, by their paths.
    temporary: frozenset[str] = frozenset()
