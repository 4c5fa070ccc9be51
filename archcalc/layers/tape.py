"""Layers that a framework composes of simpler operations: the operations are written down once, forward, and what is
saved for backward and the steps of the backward pass follow from them, as autograd's tape has them."""

from __future__ import annotations

from collections import Counter
from typing import TypeAlias

from archcalc.layers.outcome import (
    VALUE,
    WEIGHTS,
    Composition,
    Device,
    Operation,
    Per,
    Role,
    Saved,
    Step,
    Tensor,
    nth,
    operations,
    saves,
)
from archcalc.records import Record
from archcalc.sizes.kinds import Size, product
from archcalc.sizes.volume import Volume

Needs: TypeAlias = frozenset[int | str]


class Value(Record):
    """A tensor on the tape. `base` is the tensor whose storage it has, itself unless it is a view, and `needs` are the
    gradients for which its own is needed: those of inputs by number, or `WEIGHTS`."""

    name: str
    elements: Size
    needs: Needs
    base: str
    dtype: str = VALUE
    per: Per = "sample"


class Undo(Record):
    """One operation of the backward pass. It makes the gradients of values, and tensors that it drops; "gradient" among
    what it reads is the gradient of the result that is undone."""

    operation: str
    reads: tuple[str, ...]
    makes: tuple[Value | Tensor, ...]


class _Record(Record):
    """A result and how it is undone; `passes` are operands that get its gradient as it is."""

    result: Value
    undo: tuple[Undo, ...]
    passes: tuple[Value, ...]


class Tape:
    """The operations of one layer, in the order in which a framework runs them. Each method is one of its operations
    and returns the result; the last result is called "output"."""

    def __init__(self) -> None:
        self.macs: Size = 0
        self.products: Size = 0
        self.operations: list[Operation] = []
        self.params: dict[str, Tensor] = {}
        self._inputs: dict[str, int] = {}
        self._forward: list[Step] = []
        self._records: list[_Record] = []
        self._values: dict[str, Value] = {}
        #: What is saved, by name, and the gradients that it is saved for.
        self._saved: dict[str, set[int | str]] = {}
        self._own: list[Saved] = []
        self._used: Counter[str] = Counter()

    # --- what there is before

    def input(self, x: Volume, number: int = 0) -> Value:
        """One of the layer's inputs."""
        name = nth("input", number)
        self._inputs[name] = number
        return self._value(name, x.elements, frozenset({number}))

    def param(self, name: str, *shape: Size) -> Value:
        """A learned tensor; asked for again, it is the same."""
        elements = product(shape)
        self.params.setdefault(name, Tensor(name, elements, shape=shape if len(shape) > 1 else ()))
        return self._value(name, elements, frozenset({WEIGHTS}), per="batch")

    # --- operations

    def linear(
        self, x: Value, rows: Size, reads: Size, outputs: Size, weight: Value, bias: Value | None, name: str
    ) -> Value:
        """x * weight^T + bias, for so many rows of x, each of which reads some values and makes others."""
        made = self.result(name, rows * outputs, x, weight)
        self.run("addmm" if bias else "mm", (x, weight, *((bias,) if bias else ())), made)
        self.keep(x, weight.needs)
        self.keep(weight, x.needs)
        of_x = Undo("mm", ("gradient", weight.base), (x,))
        of_weight = Undo("mm", ("gradient", x.base), (weight,))
        if bias is None:
            self.record(made, of_weight, of_x)
        else:
            self.record(made, of_x, of_weight, Undo("sum", ("gradient",), (bias,)))
            self.count("bias", add=made.elements)
        self.macs = self.macs + rows * outputs * reads
        return made

    def matmul(self, left: Value, right: Value, inner: Size, elements: Size, name: str) -> Value:
        """The product of two values; `inner` is how many products each of its elements adds up."""
        made = self.result(name, elements, left, right)
        self.run("bmm", (left, right), made)
        self.keep(left, right.needs)
        self.keep(right, left.needs)
        of_right = Undo("bmm", (left.base, "gradient"), (right,))
        self.record(made, of_right, Undo("bmm", ("gradient", right.base), (left,)))
        self.macs = self.macs + inner * elements
        self.products = self.products + inner * elements
        return made

    def map(self, operation: str, x: Value, name: str, *, saved: str = "", back: str = "") -> Value:
        """A function of each value; `saved` says whether its derivative is written in the "input" or the "result"."""
        made = self.result(name, x.elements, x)
        self.run(operation, (x,), made)
        known = {"input": (x,), "result": (made,)}.get(saved, ())
        for value in known:
            self.keep(value, x.needs)
        self.record(made, Undo(back or f"{operation}_backward", ("gradient", *(v.base for v in known)), (x,)))
        return made

    def mul(self, left: Value, right: Value, name: str) -> Value:
        """The product of two values of one size."""
        made = self.result(name, left.elements, left, right)
        self.run("mul", (left, right), made)
        self.keep(left, right.needs)
        self.keep(right, left.needs)
        of_left = Undo("mul", ("gradient", right.base), (left,))
        self.record(made, of_left, Undo("mul", ("gradient", left.base), (right,)))
        return made

    def add(self, left: Value, right: Value, name: str) -> Value:
        """The sum of two values of one size."""
        made = self.result(name, left.elements, left, right)
        self.run("add", (left, right), made)
        self.record(made, passes=(left, right))
        return made

    def copy(self, x: Value, name: str) -> Value:
        """The values in another order; the gradient is a view of the copy's."""
        made = self.result(name, x.elements, x)
        self.run("clone", (x,), made)
        self.record(made, passes=(x,))
        return made

    def concat(self, parts: tuple[Value, ...], name: str) -> Value:
        """Values one after the other; their gradients are views of the whole's."""
        elements: Size = 0
        for part in parts:
            elements = elements + part.elements
        made = self.result(name, elements, *parts)
        self.run("cat", parts, made)
        self.record(made, passes=parts)
        return made

    def part(self, x: Value, elements: Size, name: str) -> Value:
        """A part of a value, as a view; its gradient is as large as the whole."""
        made = self.result(name, elements, x)._replace(base=x.base)
        self.record(made, Undo("slice_backward", ("gradient",), (x,)))
        return made

    # --- what operations are made of

    def result(self, name: str, elements: Size, *operands: Value, dtype: str = VALUE) -> Value:
        """The result of an operation, before it is run: its gradient is needed for those of the operands."""
        self._used[name] += 1
        if self._used[name] > 1:
            name = f"{name} ({self._used[name]})"
        needs: Needs = frozenset().union(*(operand.needs for operand in operands))
        return self._value(name, elements, needs, dtype)

    def run(
        self, operation: str, reads: tuple[Value | Tensor, ...], *made: Value | Tensor, training: bool = False
    ) -> None:
        """The operation as a forward step; one of `training` alone passes its first operand on at inference."""
        tensors = tuple(Tensor(m.name, m.elements, m.dtype, per=m.per) for m in made)
        names = tuple(read.base if isinstance(read, Value) else read.name for read in reads)
        self._forward.append(Step(operation, names, tensors, training=training))

    def keep(self, value: Value, needs: Needs) -> None:
        """The value is saved for gradients."""
        self._saved.setdefault(value.base, set()).update(needs)

    def keep_own(self, tensor: Tensor, needs: Needs, device: Device | None = None) -> None:
        """A tensor of the layer's own, which is no operand, is saved, on one device or on all."""
        name, elements, dtype, per = tensor.name, tensor.elements, tensor.dtype, tensor.per
        self._own.append(Saved(name, elements, dtype, needed_by=_ordered(needs), per=per, device=device))

    def record(self, result: Value, *undo: Undo, passes: tuple[Value, ...] = ()) -> None:
        """How a result is undone."""
        self._records.append(_Record(result, undo, passes))

    def count(self, role: Role, **counts: Size) -> None:
        """Operations other than multiply-accumulates."""
        self.operations += operations(role, **counts)

    # --- what follows

    def saved(self) -> tuple[Saved, ...]:
        """What is saved for backward."""
        known = []
        for name, needs in self._saved.items():
            value, needed_by = self._values[name], _ordered(needs)
            if name in self._inputs:
                known.append(saves("input", *needed_by, of=self._inputs[name]))
            elif name in self.params or name == "output":
                known.append(saves(name, *needed_by))
            else:
                known.append(Saved(name, value.elements, value.dtype, needed_by=needed_by, per=value.per))
        return (*known, *self._own)

    def composition(self, output: Value) -> Composition:
        """The forward steps, and the backward steps in autograd's order: the last operation is undone first, and where
        a value has several uses, the gradients that arrive later are added to the first."""
        found = {output.name: "gradient"}
        steps: list[Step] = []
        arrived: Counter[str] = Counter()

        def arrive(value: Value, name: str) -> None:
            if value.name in found:
                summed = Tensor(f"sum {arrived[value.name]} of gradients of {value.name}", value.elements, value.dtype)
                reads = (found[value.name], name)
                steps.append(Step("add", reads, (summed._replace(per=value.per),), _ordered(value.needs)))
                name = summed.name
            found[value.name] = name

        for result, undo, passes in reversed(self._records):
            gradient = found.pop(result.name)
            for value in passes:
                arrive(value, gradient)
            for operation, reads, makes in undo:
                tensors = []
                values = [made for made in makes if isinstance(made, Value)]
                for made in makes:
                    if isinstance(made, Value):
                        arrived[made.name] += 1
                        name = f"gradient {arrived[made.name]} of {made.name}"
                        tensors.append(Tensor(name, made.elements, made.dtype, per=made.per))
                    else:
                        tensors.append(made)
                needs = _ordered(frozenset().union(*(value.needs for value in values or [result])))
                read = tuple(gradient if name == "gradient" else name for name in reads)
                steps.append(Step(operation, read, tuple(tensors), needs))
                for value in values:
                    arrive(value, f"gradient {arrived[value.name]} of {value.name}")
        final = {name: f"gradient of {value}" for value, name in found.items() if name != "gradient"}
        return Composition(tuple(self._forward), tuple(_renamed(step, final) for step in steps))

    def _value(self, name: str, elements: Size, needs: Needs, dtype: str = VALUE, per: Per = "sample") -> Value:
        return self._values.setdefault(name, Value(name, elements, needs, name, dtype, per))


def _ordered(needs: Needs | set[int | str]) -> tuple[int | str, ...]:
    return tuple(sorted(needs, key=str))


def _renamed(step: Step, names: dict[str, str]) -> Step:
    reads = tuple(names.get(name, name) for name in step.reads)
    makes = tuple(tensor._replace(name=names.get(tensor.name, tensor.name)) for tensor in step.makes)
    return step._replace(reads=reads, makes=makes)
