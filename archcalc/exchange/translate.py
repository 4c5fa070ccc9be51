"""A graph of PyTorch's operations to a flat network: a rule for each operation, found in `operations`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import prod
from typing import Any

from archcalc.diagnostics.diagnostic import Diagnostic, SpecError, plain
from archcalc.exchange.arrangement import arranged
from archcalc.exchange.flat import MOVING, SOURCE, Flat, FlatStep, without_needless
from archcalc.exchange.graph import Graph, Name, Operation, Symbol, Tensor
from archcalc.exchange.matching import reads
from archcalc.exchange.operations.registry import Refusal, Rule, rules
from archcalc.exchange.patterns import simplified
from archcalc.exchange.refusals import Refused, unknown
from archcalc.exchange.values import BATCH, Axes, Constant, Owned, Picked, Repeated, Value
from archcalc.language.document import INPUT, OUTPUT
from archcalc.layers.registry import words
from archcalc.sizes.volume import MAX_RANK


def translate(graph: Graph, shown: str, *, partial: bool = False) -> Flat:
    """The flat network of a graph. SpecError names every operation for which there is no rule; with `partial` the layer
    `unknown` stands for each of them."""
    return Translation(simplified(graph), shown, partial=partial).run()


class Translation:
    """The steps made so far; rules ask it for values and arguments, and emit steps."""

    def __init__(self, graph: Graph, shown: str, *, partial: bool) -> None:
        self.graph = graph
        self.shown = shown
        self.partial = partial
        self.values: dict[str, Any] = {}
        self.steps: list[FlatStep] = []
        self.unknown: list[Refused] = []
        self.refused_values: set[str] = set()
        self.batch = 0
        self.operation: Operation | None = None
        self.leaves = _leaves(graph.operations)
        self.used: set[str] = set()
        #: Whether something in it acts as in training, which says that the model was exported so.
        self.training = False
        #: Of each parameter that is used, how many values there are in the whole and in the parts that are.
        self.parts: dict[str, dict[str, int]] = {}
        #: Inputs that have no batch.
        self.constants: list[str] = []
        #: What a value that was overwritten is now: an operation in place gives its result a name of its own.
        self.overwritten: dict[str, str] = {}
        #: Steps that only divide axes, with what they divide and into which parts: what follows may make them needless.
        self.divided: dict[int, tuple[Value, Any]] = {}
        #: Steps that repeat an axis of size 1, with the value before and the number of that axis.
        self.expanded: dict[int, tuple[Value, int]] = {}
        #: The maps that windows of some number and size were made of.
        self.windows: dict[tuple[int, ...], tuple[int, ...]] = {}
        self._reads: Counter[str] = Counter(name for operation in graph.operations for name in reads(operation))
        self._reads.update(graph.outputs)
        #: The operation that makes each value.
        self.makers = {name: operation for operation in graph.operations for name in operation.outputs}
        #: The buffers that are constants of the network, by their paths.
        self.stored: set[str] = set()
        #: The values that parameters and buffers are, by their paths and shapes.
        self.owned_values: dict[tuple[str, tuple[Any, ...]], Value] = {}

    def run(self) -> Flat:
        inputs = self._read_inputs()
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
                if self.partial:
                    self._leave_out(operation)
                    continue
                where = f"in `{operation.module}`" if operation.module else "in the model itself"
                self.unknown.append(Refused(operation.called, str(refusal), where, operation.line))
                self.refused_values.update(operation.outputs)
        if self.unknown:
            hint = "report and import read the rest with --partial, and say what their totals leave out"
            raise SpecError([unknown(self.shown, self.unknown, help=hint)])
        outputs = self._outputs()
        self._check_parts()
        steps, numbers = without_needless(self.steps, outputs.values())
        ends = {name: numbers.get(index, index) for name, index in outputs.items()}
        return Flat(self.graph.name, self._notes(), inputs, steps, ends)

    def _follows_from_a_refusal(self, operation: Operation) -> bool:
        """Whether an operation reads what a refused one makes, which is not another finding."""
        missing = [name for name in reads(operation) if name not in self.values]
        for name in missing:
            if name not in self.refused_values:
                raise self.refused(
                    f"{plain(operation.called, 80)} reads `{plain(name, 80)}`, which nothing before it makes"
                )
        return bool(missing)

    def _apply(self, rule: Rule | None, operation: Operation) -> None:
        if self._is_constant(operation):
            buffers = tuple(self._buffers_of(operation))
            for name in operation.outputs:
                self.same(Constant(self.tensor(name).sizes, buffers), name)
            self._note_overwriting(operation)
            return
        if rule is None:
            raise Refusal("there is no rule for it")
        try:
            rule(self, operation)
        except (KeyError, IndexError, TypeError, ValueError, ArithmeticError):
            raise Refusal("its arguments are not those of such an operation") from None
        self._note_overwriting(operation)

    def _buffers_of(self, operation: Operation) -> Iterator[Owned]:
        """The buffers that a constant is computed of, each once."""
        if operation.target in _OF_SHAPES:
            return
        seen = set()
        for value in map(self.value, reads(operation)):
            for each in value.buffers if isinstance(value, Constant) else (value,):
                if isinstance(each, Owned) and each.kind == "buffer" and each.path not in seen:
                    seen.add(each.path)
                    yield each

    def _leave_out(self, operation: Operation) -> None:
        """The layer `unknown` in the place of an operation: the file says which shape each of its outputs has."""
        values = [self.value(name) for name in reads(operation)]
        inputs = tuple(value.step for value in values if isinstance(value, Value))[:3]
        owned = tuple(value for value in values if isinstance(value, Owned) and value.kind == "parameter")
        for name in operation.outputs:
            sizes = self.sizes(name)
            batched = bool(inputs) and bool(sizes) and sizes[0] % self.batch == 0
            rest = (sizes[0] // self.batch, *sizes[1:]) if batched else sizes
            wide = [dim for dim, size in enumerate(rest) if size != 1]
            shape = tuple(rest[dim] for dim in wide) or (1,)
            attributes: dict[str, Any] = {"shape": shape}
            if owned:
                attributes["params"] = sum(_elements(each.sizes) for each in owned)
            step = self.step("unknown", attributes, inputs or (len(self.steps) - 1,), owned, operation.called)
            dims: list[Axes] = [(wide.index(dim),) if dim in wide else () for dim in range(len(rest))]
            if batched:
                dims[0] = (BATCH, *dims[0])
            self.note(step, shape)
            self.same(Value(step, tuple(dims), shape), name)
            owned = ()
        self._note_overwriting(operation)

    def _is_constant(self, operation: Operation) -> bool:
        """Whether an operation computes of constants and buffers alone, or of shapes, and is not noise."""
        if operation.target in ("empty", "new_empty", "bernoulli_") or not operation.outputs:
            return not operation.outputs
        if operation.target in _OF_SHAPES:
            return True
        values = [self.value(name) for name in reads(operation)]
        if all(isinstance(value, Constant) for value in values):
            # What makes a constant of nothing has no rule: an operation that has one lacks what it works on.
            return not operation.target.startswith("rand") and (bool(values) or operation.target not in rules())
        moves = operation.target in _MOVES
        return not moves and all(
            isinstance(value, Constant) or (isinstance(value, Owned) and value.kind != "parameter") for value in values
        )

    def _note_overwriting(self, operation: Operation) -> None:
        """An operation in place: from here on its first argument is what it has made."""
        target = next(iter(operation.arguments.values()), None)
        if operation.target.endswith("_") and isinstance(target, Name) and operation.outputs:
            name = self.current(target)
            if name != operation.outputs[0]:
                self.overwritten[name] = operation.outputs[0]

    def _read_inputs(self) -> dict[str, tuple[int, ...]]:
        """The shapes of the inputs by name; one that has no batch is the same for every sample, and a constant."""
        if not self.graph.inputs:
            raise self.refused("it takes no input that is a tensor")
        found: dict[str, tuple[int, ...]] = {}
        for name in self.graph.inputs:
            sizes = self.tensor(name).sizes
            if not sizes or len(sizes) > MAX_RANK + 2:
                raise self.refused(
                    f"its input `{plain(name, 80)}` has {len(sizes)} axes: a batch, channels, and others"
                )
            shape = tuple(self._whole(size) for size in sizes)
            self.batch = self.batch or shape[0]
            if shape[0] != self.batch:
                self.values[name] = Constant(shape)
                self.constants.append(name)
                continue
            dims = ((BATCH,), *((axis,) for axis in range(len(shape) - 1)))
            self.values[name] = Value(SOURCE - len(found), dims, shape[1:] or (1,))
            found[name] = shape[1:] or (1,)
        if len(found) == 1:
            return {INPUT: next(iter(found.values()))}
        return {_input_name(name, number): shape for number, (name, shape) in enumerate(found.items(), 1)}

    def _whole(self, size: Any) -> int:
        if not isinstance(size, int) or size < 1:
            raise self.refused("its input has an open size, or one below 1")
        return size

    def _outputs(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for name in self.graph.outputs:
            value = self.values.get(self.current(name))
            if value is None:
                raise self.refused(f"nothing makes its output `{plain(name, 80)}`")
            if not isinstance(value, Value):
                continue
            if value.step > SOURCE:  # axes of size 1 that the tensor has not go
                value = arranged(self, value, [(axis,) for axis in range(len(value.shape)) if axis in value.axes])
            found[OUTPUT if not found else self._head_name(value, found)] = value.step
        if not found:
            raise self.refused("none of its outputs depends on its input")
        return found

    def _check_parts(self) -> None:
        """A parameter is used as a whole or in parts that do not overlap: values would be counted twice otherwise."""
        for name, path in self.graph.parameters.items():
            parts = self.parts.get(path, {})
            if len(parts) > 1 and sum(parts.values()) > _elements(self.tensor(name).sizes):
                raise self.refused(f"values of the parameter `{plain(path, 80)}` belong to several layers")

    def _head_name(self, value: Value, taken: dict[str, int]) -> str:
        module = "" if value.step <= SOURCE else self.steps[value.step].path.partition(".")[0]
        return module if module.isidentifier() and module not in taken else f"{OUTPUT}_{len(taken) + 1}"

    def _notes(self) -> tuple[str, ...]:
        notes = [
            f"the input {plain(name, 80)} is the same for every sample: it has no batch" for name in self.constants
        ]
        if not self.training and not any(operation.kind for operation in self.graph.operations):
            notes.append(_LOST)
        unused = [
            name
            for name in self.graph.parameters
            if self.graph.parameters[name] not in self.used and not self._is_tied(name)
        ]
        if unused:
            count = sum(_elements(self.tensor(name).sizes) for name in unused)
            modules = sorted({plain(self.graph.parameters[name].partition(".")[0], 80) for name in unused})
            notes.append(f"{count:,} parameters take no part in the forward pass: those of {', '.join(modules[:8])}")
        return (*self.graph.notes, *notes)

    def _is_tied(self, unused: str) -> bool:
        """Whether a parameter that nothing reads is another one under its own name: the operations of its module read
        that other one, of the same sizes, in its place."""
        path, _, leaf = self.graph.parameters[unused].rpartition(".")
        own = {name for operation in self.graph.operations if operation.module == path for name in reads(operation)}
        alike = (name for name in own if name in self.graph.parameters and name != unused)
        return any(
            self.graph.parameters[name].rpartition(".")[2] == leaf
            and self.tensor(name).sizes == self.tensor(unused).sizes
            for name in alike
        )

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

    def sizes(self, name: str) -> tuple[int, ...]:
        """The sizes of a value, the batch among them."""
        sizes = self.tensor(name).sizes
        if any(isinstance(size, Symbol) for size in sizes):
            raise Refusal("a size is open")
        return sizes  # type: ignore[return-value]

    def current(self, name: str) -> str:
        """The name under which a value is known now: that of the operation which overwrote it last."""
        while name in self.overwritten:
            name = self.overwritten[name]
        return name

    def value(self, argument: Any) -> Any:
        """What an argument is: a value, something owned, or the argument itself."""
        return self.values[self.current(argument)] if isinstance(argument, Name) else argument

    def stream(self, argument: Any) -> Value:
        """An argument as a value; a parameter, buffer or constant becomes a step that makes it one."""
        value = self.value(argument)
        if isinstance(value, Value):
            return value
        if isinstance(value, Owned):
            return self._owned_value(value)
        if isinstance(value, Constant):
            return self._constant(value)
        if isinstance(value, Repeated):
            made = self._owned_value(value.owned)
            return made._replace(dims=((BATCH,), *made.dims[1:]))
        if isinstance(value, Picked):
            return self._picked(value)
        raise Refusal("it works on something that is not computed from the input")

    def stated(
        self, layer: str, sizes: tuple[int, ...], owned: tuple[Owned, ...], more: dict[str, Any] | None = None
    ) -> Value:
        """A tensor that is the same for every sample: its last axis is the channels, those of size 1 are left out."""
        wide = [dim for dim, size in enumerate(sizes) if size != 1]
        order = [*wide[-1:], *wide[:-1]]
        shape = tuple(sizes[dim] for dim in order) or (1,)
        attributes = {"shape": shape, **(more or {})}
        step = self.step(layer, attributes, (len(self.steps) - 1,), owned)
        self.note(step, shape)
        return Value(step, tuple((order.index(dim),) if dim in order else () for dim in range(len(sizes))), shape)

    def store(self, constant: Any, *, lasting: bool = False) -> None:
        """Buffers that a constant is, or is computed of, each as a constant of the network: they are stored all the
        same. With `lasting`, those alone that the model stores with its parameters."""
        buffers = constant.buffers if isinstance(constant, Constant) else (constant,)
        for buffer in buffers:
            known = not isinstance(buffer, Owned) or buffer.kind != "buffer" or buffer.path in self.stored
            if not known and not (lasting and buffer.path in self.graph.temporary):
                self._owned_value(buffer)

    def _owned_value(self, owned: Owned) -> Value:
        """A parameter, buffer or constant of the model as a value: one step, however often it is read."""
        key = owned.path, owned.sizes
        if key in self.owned_values:
            return self.owned_values[key]
        if owned.kind == "parameter":
            made = self.stated("learned", owned.sizes, (owned,))
        else:
            stored = owned.kind == "buffer" and owned.path not in self.stored
            made = self.stated("constant", owned.sizes, (), {} if stored else {"buffer": False})
            self.stored.add(owned.path)
        self.owned_values[key] = made
        return made

    def _constant(self, constant: Constant) -> Value:
        """A constant as a value; one that is made for each sample of the batch is the same for all of them."""
        self.store(constant)
        batch, *sizes = constant.sizes or (1,)
        if batch != self.batch or len(sizes) < 2:
            return self.stated("constant", constant.sizes, (), {"buffer": False})
        made = self.stated("constant", tuple(sizes), (), {"buffer": False})
        return made._replace(dims=((BATCH,), *made.dims))

    def _picked(self, picked: Picked) -> Value:
        """Rows of a table as a value."""
        if len(picked.sizes) != 2:
            raise Refusal("it picks rows of a table that has not two axes")
        table = self.stated("learned", picked.owned.sizes, (picked.owned,))
        count = picked.sizes[0]
        step = self.step("index_select", {"axis": 1, "count": count}, (table.step,))
        return Value(step, table.dims, (table.shape[0], count))

    def owned(self, argument: Any) -> Owned:
        """An argument that must belong to the model."""
        value = self.value(argument)
        if not isinstance(value, Owned):
            raise Refusal("its weights are computed")
        return value

    @property
    def output(self) -> str:
        """The name of the operation's first output."""
        assert self.operation is not None
        return self.operation.outputs[0]

    def is_used(self, name: str) -> bool:
        """Whether an operation or an output reads a value."""
        return name in self._reads

    def reads_of(self, name: str) -> int:
        """How often operations and outputs read a value."""
        return self._reads[name]

    def emit(
        self,
        layer: str,
        inputs: Value | tuple[Value, ...],
        attributes: dict[str, Any] | None = None,
        *,
        owned: tuple[Owned, ...] = (),
        dims: tuple[Axes, ...] | None = None,
        output: str | None = None,
    ) -> Value:
        """A step that makes the operation's output; `dims` say what the tensor's axes are of the step's volume, and are
        those of the first input if they are not given."""
        values = (inputs,) if isinstance(inputs, Value) else inputs
        step = self.step(layer, attributes or {}, tuple(value.step for value in values), owned)
        return self.made(step, values[0].dims if dims is None else dims, output)

    def made(self, step: int, dims: tuple[Axes, ...], output: str | None = None, *, axes: int = 0) -> Value:
        """The operation's output is what a step makes. The file states the sizes of its axes, and so its volume, which
        has so many `axes` if there are others of size 1."""
        assert self.operation is not None
        name = output or self.operation.outputs[0]
        sizes = self.sizes(name)
        if len(sizes) != len(dims):
            raise Refusal("its output has another number of axes than it should")
        found: dict[int, int] = {}
        for dim, size in zip(dims, sizes, strict=True):
            own = [axis for axis in dim if axis != BATCH]
            if len(own) < len(dim):
                if size % self.batch:
                    raise Refusal("the batch is not where it should be")
                size //= self.batch
            if len(own) > 1 or (not own and size != 1):
                raise Refusal("its output has axes of other sizes than it should")
            found.update(dict.fromkeys(own, size))
        shape = tuple(found.get(axis, 1) for axis in range(max(axes, 1 + max(found, default=0))))
        self.note(step, shape)
        value = Value(step, dims, shape)
        self.values[name] = value
        return value

    def emit_as(self, layer: str, like: Value, attributes: dict[str, Any] | None = None) -> Value:
        """A step that works on each value by itself."""
        return self.made(self.step(layer, attributes or {}, (like.step,)), like.dims, axes=len(like.shape))

    def same(self, value: Any, name: str | None = None) -> None:
        """The operation's output is a value that is there already, under that shape."""
        assert self.operation is not None
        name = name or self.operation.outputs[0]
        if isinstance(value, Value):
            sizes = tuple(
                prod(self.batch if axis == BATCH else value.shape[axis] for axis in dim) for dim in value.dims
            )
            if sizes != self.sizes(name):
                raise Refusal("its output has axes of other sizes than it should")
        self.values[name] = value

    def note(self, step: int, shape: tuple[int, ...]) -> None:
        """The volume that a step makes, as far as the file says it."""
        self.steps[step] = self.steps[step]._replace(volume=shape)

    def step(
        self,
        layer: str,
        attributes: dict[str, Any],
        inputs: tuple[int, ...],
        owned: tuple[Owned, ...] = (),
        name: str = "",
    ) -> int:
        """A step for the operation, called as its layer is or as `name` says; returns its number. Weights that are
        buffers, such as the filter of a blur, are not trained."""
        assert self.operation is not None
        paths = tuple(each.path for each in owned)
        self.used.update(path.partition("[")[0] for path in paths)
        for each in owned:
            self.parts.setdefault(each.path.partition("[")[0], {})[each.path] = _elements(each.sizes)
        path = self.operation.module
        arranges = layer in MOVING and self.operation.target not in _MOVES
        if path not in self.leaves or arranges:
            path = f"{path}.{name or layer}" if path else name or layer
        parameters = sum(_elements(each.sizes) for each in owned)
        of = self.operation
        trainable = not owned or any(each.kind == "parameter" for each in owned)
        step = FlatStep(layer, attributes, inputs, path, paths, parameters, modules=of.modules, node=of.node)
        self.steps.append(step if trainable else step._replace(trainable=False))
        return len(self.steps) - 1


#: What a model may have that is not in its file.
_LOST = (
    "exported in eval(): stochastic depth and dropout inside attention, if the model has them, left no trace, and "
    "training figures lack them"
)
#: Operations that read nothing of a tensor but its shape.
_OF_SHAPES = frozenset(
    ("new_zeros", "new_ones", "new_full", "zeros_like", "ones_like", "full_like", "empty_like", "new_empty_strided")
)
#: Operations that move values: what they make of a buffer is still a buffer.
_MOVES = frozenset(
    (
        *("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "permute", "transpose", "swapaxes", "t"),
        *("contiguous", "clone", "alias", "detach", "to", "_to_copy", "lift_fresh_copy"),
    )
)


def _input_name(name: str, number: int) -> str:
    """An input's name in a spec, where it is not one that means something else."""
    fits = name.isidentifier() and name.isascii() and len(name) < 80
    return name if fits and name not in (INPUT, OUTPUT, *words()) else f"input_{number}"


def _elements(sizes: tuple[Any, ...]) -> int:
    if any(isinstance(size, Symbol) for size in sizes):
        raise Refusal("a size of its weights is open")
    return prod(sizes)


def _leaves(operations: list[Operation]) -> frozenset[str]:
    """The modules that are one operation each: their path names it."""
    targets: dict[str, set[str]] = {}
    inner: set[str] = set()
    for operation in operations:
        if any(reads(operation)):  # what reads nothing makes a constant
            targets.setdefault(operation.module, set()).add(operation.target)
        inner.update(path for path, _ in operation.modules[:-1])
    return frozenset(path for path, made in targets.items() if path and path not in inner and len(made) == 1)
