"""A graph of PyTorch's operations to a flat network: a rule for each operation, found in `operations`.

Volumes have their channels first and no batch; a tensor may have its axes in any order. Each value therefore knows,
for each axis of its tensor behind the batch, which axis of the volume it is, and a permutation of axes moves nothing.
"""

from __future__ import annotations

from math import prod
from typing import Any

from archcalc.diagnostics.diagnostic import Diagnostic, SpecError, plain
from archcalc.exchange.flat import SOURCE, Flat, FlatStep
from archcalc.exchange.graph import Graph, Name, Operation, Symbol, Tensor
from archcalc.exchange.operations.registry import Refusal, Rule, rules
from archcalc.exchange.patterns import reads, simplified
from archcalc.exchange.refusals import Refused, unknown
from archcalc.language.document import OUTPUT
from archcalc.records import Record


class Value(Record):
    """An intermediate value: the step that makes it, and which axis of the volume each axis of a sample is."""

    step: int
    axes: tuple[int, ...]


class Owned(Record):
    """A parameter, a buffer or a constant of the model, by its path."""

    path: str
    kind: str
    sizes: tuple[Any, ...]


class Repeated(Record):
    """A parameter that is repeated for each sample."""

    owned: Owned


class Noise(Record):
    """The noise of stochastic depth: how often it is not 0; None until that is said."""

    survives: float | None


def translate(graph: Graph, shown: str) -> Flat:
    """The flat network of a graph. SpecError names every operation for which there is no rule."""
    return Translation(simplified(graph), shown).run()


class Translation:
    """The steps made so far; rules ask it for values and arguments, and emit steps."""

    def __init__(self, graph: Graph, shown: str) -> None:
        self.graph = graph
        self.shown = shown
        self.values: dict[str, Any] = {}
        self.steps: list[FlatStep] = []
        self.unknown: list[Refused] = []
        self.refused_values: set[str] = set()
        self.batch: Any = None
        self.operation: Operation | None = None
        self.leaves = _leaves(graph.operations)
        self.used: set[str] = set()
        #: What a value that was overwritten is now: an operation in place gives its result a name of its own.
        self.overwritten: dict[str, str] = {}
        self._reads: set[str] = {name for operation in graph.operations for name in reads(operation)}
        self._reads.update(graph.outputs)

    def run(self) -> Flat:
        shape = self._read_inputs()
        for owned, kind in (
            (self.graph.parameters, "parameter"),
            (self.graph.buffers, "buffer"),
            (self.graph.constants, "constant"),
        ):
            for name, path in owned.items():
                self.values[name] = Owned(path, kind, self.tensor(name).sizes)
        known = rules()
        for operation in self.graph.operations:
            self.operation = operation
            if any(name in self.values or name in self.refused_values for name in operation.outputs):
                raise self.refused(f"two operations make the value `{plain(operation.outputs[0], 80)}`")
            if self._follows_from_a_refusal(operation):
                self.refused_values.update(operation.outputs)
                continue
            try:
                self._apply(known.get(operation.target), operation)
            except Refusal as refusal:
                where = f"in `{operation.module}`" if operation.module else "in the model itself"
                self.unknown.append(Refused(operation.kind or operation.target, str(refusal), where, operation.line))
                self.refused_values.update(operation.outputs)
        if self.unknown:
            raise SpecError([unknown(self.shown, self.unknown)])
        return Flat(self.graph.name, self._notes(), shape, self.steps, self._outputs())

    def _follows_from_a_refusal(self, operation: Operation) -> bool:
        """Whether an operation reads what a refused one makes, which is not another finding."""
        missing = [name for name in reads(operation) if name not in self.values]
        for name in missing:
            if name not in self.refused_values:
                raise self.refused(
                    f"{plain(operation.target, 80)} reads `{plain(name, 80)}`, which nothing before it makes"
                )
        return bool(missing)

    def _apply(self, rule: Rule | None, operation: Operation) -> None:
        if rule is None:
            raise Refusal("there is no rule for it")
        try:
            rule(self, operation)
        except (KeyError, IndexError, TypeError, ValueError, ArithmeticError):
            raise Refusal("its arguments are not those of such an operation") from None
        self._note_volumes(operation)
        self._note_overwriting(operation)

    def _note_volumes(self, operation: Operation) -> None:
        """What the file says of the shape of each output goes to the step that makes it."""
        for name in operation.outputs:
            value = self.values.get(name)
            if isinstance(value, Value) and value.step != SOURCE:
                sizes = self.sizes(name)
                if len(sizes) != len(value.axes):
                    raise Refusal("its output has another number of axes than it should")
                volume = [0] * len(sizes)
                for axis, size in zip(value.axes, sizes, strict=True):
                    volume[axis] = size
                self.steps[value.step] = self.steps[value.step]._replace(volume=tuple(volume))

    def _note_overwriting(self, operation: Operation) -> None:
        """An operation in place: from here on its first argument is what it has made."""
        target = next(iter(operation.arguments.values()), None)
        if operation.target.endswith("_") and isinstance(target, Name) and operation.outputs:
            name = self.current(target)
            if name != operation.outputs[0]:
                self.overwritten[name] = operation.outputs[0]

    def _read_inputs(self) -> tuple[int, ...]:
        if len(self.graph.inputs) != 1:
            raise self.refused(f"it takes {len(self.graph.inputs)} inputs, and one is read")
        name = self.graph.inputs[0]
        sizes = self.tensor(name).sizes
        if not 2 <= len(sizes) <= 5:
            raise self.refused(
                f"its input has {len(sizes)} axes: a batch, channels and up to three spatial axes are read"
            )
        self.batch = sizes[0]
        shape = [size for size in sizes[1:] if isinstance(size, int)]
        if len(shape) != len(sizes) - 1:
            raise self.refused("its input has an open size beside the batch")
        self.values[name] = Value(SOURCE, tuple(range(len(shape))))
        return tuple(shape)

    def _outputs(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for name in self.graph.outputs:
            value = self.values.get(self.current(name))
            if value is None:
                raise self.refused(f"nothing makes its output `{plain(name, 80)}`")
            if not isinstance(value, Value):
                continue
            found[OUTPUT if not found else self._head_name(value, found)] = value.step
        if not found:
            raise self.refused("none of its outputs depends on its input")
        return found

    def _head_name(self, value: Value, taken: dict[str, int]) -> str:
        module = "" if value.step == SOURCE else self.steps[value.step].path.partition(".")[0]
        return module if module.isidentifier() and module not in taken else f"{OUTPUT}_{len(taken) + 1}"

    def _notes(self) -> tuple[str, ...]:
        unused = [name for name in self.graph.parameters if self.graph.parameters[name] not in self.used]
        if not unused:
            return self.graph.notes
        count = sum(_elements(self.tensor(name).sizes) for name in unused)
        modules = sorted({plain(self.graph.parameters[name].partition(".")[0], 80) for name in unused})
        said = f"{count:,} parameters take no part in the forward pass: those of {', '.join(modules[:8])}"
        return (*self.graph.notes, said)

    # --- what rules ask

    def refused(self, message: str) -> SpecError:
        """A finding about the whole file."""
        return SpecError([Diagnostic("bad-model", f"{self.shown} cannot be read: {message}")])

    def tensor(self, name: str) -> Tensor:
        """What the graph says of a value."""
        found = self.graph.tensors.get(name)
        if found is None:
            raise self.refused(f"nothing is said of the value `{plain(name, 80)}`")
        return found

    def sizes(self, name: str) -> tuple[Any, ...]:
        """The sizes of one sample of a value; Refusal where its first axis is not the batch."""
        sizes = self.tensor(name).sizes
        if not sizes or sizes[0] != self.batch:
            raise Refusal("the batch is not its first axis")
        if any(isinstance(size, Symbol) for size in sizes[1:]):
            raise Refusal("a size is open")
        return sizes[1:]

    def current(self, name: str) -> str:
        """The name under which a value is known now: that of the operation which overwrote it last."""
        while name in self.overwritten:
            name = self.overwritten[name]
        return name

    def value(self, argument: Any) -> Any:
        """What an argument is: a value, something owned, or the argument itself."""
        return self.values[self.current(argument)] if isinstance(argument, Name) else argument

    def stream(self, argument: Any) -> Value:
        """An argument that must be an intermediate value."""
        value = self.value(argument)
        if not isinstance(value, Value):
            raise Refusal("it works on something that is not computed from the input")
        return value

    def owned(self, argument: Any) -> Owned:
        """An argument that must belong to the model."""
        value = self.value(argument)
        if not isinstance(value, Owned):
            raise Refusal("its weights are computed")
        return value

    def aligned(self, argument: Any, channels: int = 0) -> int:
        """The step of a value whose channels are that axis of a sample (-1: the last); transposed if they are not."""
        value = self.stream(argument)
        rank = len(value.axes)
        channels %= rank
        wanted = tuple(axis for axis in range(rank) if axis != channels)
        order = (channels, *wanted)
        return self._in_order(value, tuple(value.axes[axis] for axis in order))

    def in_tensor_order(self, value: Value) -> int:
        """The step of a value whose volume has the axes of the tensor, in their order; transposed if it has not."""
        return self._in_order(value, value.axes)

    def like(self, value: Value, axes: tuple[int, ...]) -> int:
        """The step of a value whose axes lie as those of another one; transposed if they do not."""
        if value.axes == axes:
            return value.step
        return self._in_order(value, tuple(value.axes[axes.index(axis)] for axis in range(len(axes))))

    def is_used(self, name: str) -> bool:
        """Whether an operation or an output reads a value."""
        return name in self._reads

    def _in_order(self, value: Value, order: tuple[int, ...]) -> int:
        if order == tuple(range(len(order))):
            return value.step
        return self.step("transpose", {"order": order}, (value.step,))

    def emit(
        self,
        layer: str,
        inputs: int | tuple[int, ...],
        attributes: dict[str, Any] | None = None,
        *,
        channels: int = 0,
        owned: tuple[Owned, ...] = (),
        output: str | None = None,
    ) -> None:
        """A step that makes the operation's output, whose channels are that axis of a sample (-1: the last)."""
        assert self.operation is not None
        name = output or self.operation.outputs[0]
        reads = (inputs,) if isinstance(inputs, int) else inputs
        step = self.step(layer, attributes or {}, reads, owned)
        self.values[name] = Value(step, _axes(len(self.sizes(name)), channels))

    def emit_as(self, layer: str, like: Value, attributes: dict[str, Any] | None = None) -> None:
        """A step that works on each value by itself: the output has its axes where the input has them."""
        assert self.operation is not None
        self.values[self.operation.outputs[0]] = Value(self.step(layer, attributes or {}, (like.step,)), like.axes)

    def same(self, value: Any, name: str | None = None) -> None:
        """The operation's output is a value that is there already."""
        assert self.operation is not None
        self.values[name or self.operation.outputs[0]] = value

    def step(
        self,
        layer: str,
        attributes: dict[str, Any],
        inputs: tuple[int, ...],
        owned: tuple[Owned, ...] = (),
    ) -> int:
        """A step for the operation; returns its number."""
        assert self.operation is not None
        paths = tuple(each.path for each in owned)
        self.used.update(paths)
        path = self.operation.module
        if path not in self.leaves:
            path = f"{path}.{layer}" if path else layer
        parameters = sum(_elements(each.sizes) for each in owned)
        modules = self.operation.modules
        self.steps.append(FlatStep(layer, attributes, inputs, path, paths, parameters, modules=modules))
        return len(self.steps) - 1


def _axes(rank: int, channels: int) -> tuple[int, ...]:
    """Which axis of the volume each axis of a sample is, where the channels are that one of them."""
    channels = channels % rank if rank else 0
    return tuple(0 if axis == channels else axis + (axis < channels) for axis in range(rank))


def _elements(sizes: tuple[Any, ...]) -> int:
    if any(isinstance(size, Symbol) for size in sizes):
        raise Refusal("a size of its weights is open")
    return prod(sizes)


def _leaves(operations: list[Operation]) -> frozenset[str]:
    """The modules that are one operation each: their path names it."""
    targets: dict[str, set[str]] = {}
    inner: set[str] = set()
    for operation in operations:
        targets.setdefault(operation.module, set()).add(operation.target)
        inner.update(path for path, _ in operation.modules[:-1])
    return frozenset(path for path, made in targets.items() if path and path not in inner and len(made) == 1)
