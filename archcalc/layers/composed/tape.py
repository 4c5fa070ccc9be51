"""Layers that a framework composes of simpler operations: the operations are written down once, forward, and what is
saved for backward and the steps of the backward pass follow from them, as autograd's tape has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias

from archcalc.layers.layout import Needs as NeedsOfLayout
from archcalc.layers.outcome import (
    OF_INPUT,
    VALUE,
    WEIGHTS,
    Composition,
    Device,
    Made,
    Operation,
    Per,
    Role,
    Saved,
    Step,
    Tensor,
    nth,
    one_node,
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
    #: The name that operations of the forward pass read it under, where that is not the base's: mixed precision
    #: converts no more than what is read.
    read: str = ""


class Undo(Record):
    """One operation of the backward pass. It makes the gradients of values, and tensors that it drops; "gradient" among
    what it reads is the gradient of the result that is undone, or those of all results, one after the other."""

    operation: str
    reads: tuple[str, ...]
    makes: tuple[Value | Tensor, ...]
    #: What is saved for it and not read.
    holds: tuple[str, ...] = ()


class _Record(Record):
    """The results of an operation and how they are undone; `passes` are operands that get the gradient of the result
    of a number as it is. The gradients of values arrive in the order of `arrive`, or as they are passed on and made;
    those of `apart` by way of a node of their own."""

    results: tuple[Value, ...]
    undo: tuple[Undo, ...]
    passes: tuple[tuple[int, Value], ...]
    arrive: tuple[Value, ...]
    apart: tuple[Value, ...] = ()


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
        #: Copies of inputs by name: the number of the input, and how one lies that needs none.
        self._copies: dict[str, tuple[int, NeedsOfLayout]] = {}
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

    def zeros(self, name: str, elements: Size) -> Value:
        """A tensor of zeros of the input's type, which has no gradient."""
        self.run("zeros", (), Tensor(name, elements, OF_INPUT))
        return self._value(name, elements, frozenset(), OF_INPUT)

    def view(self, x: Value, elements: Size, name: str) -> Value:
        """A part of a value without a gradient."""
        self._forward.append(Step("view", (x.base,), (Tensor(name, elements, x.dtype, per=x.per),), view=True))
        return x._replace(elements=elements, read=name)

    # --- operations

    def linear(
        self,
        x: Value,
        rows: Size,
        reads: Size,
        outputs: Size,
        weight: Value,
        bias: Value | None,
        name: str,
        beside: tuple[Tensor, ...] = (),
    ) -> Value:
        """x * weight^T + bias, for so many rows of x, each of which reads some values and makes others. Tensors
        `beside` tell which of several matrices is each row's."""
        made = self.product(x, weight, bias, rows * outputs, name, beside)
        if bias is not None:
            self.count("bias", add=made.elements)
        self.macs = self.macs + rows * outputs * reads
        return made

    def product(
        self,
        x: Value,
        weight: Value,
        bias: Value | None,
        elements: Size,
        name: str,
        beside: tuple[Tensor, ...] = (),
        called: str = "",
    ) -> Value:
        """The same, of so many elements, without counting what it takes; `called` is that of `Step`."""
        made = self.result(name, elements, x, weight)
        biases = () if bias is None else (bias,)
        self.run("addmm" if biases else "mm", (x, weight, *biases, *beside), made, called=called)
        self.keep(x, weight.needs)
        self.keep(weight, x.needs)
        others = tuple(tensor.name for tensor in beside)
        of_x = Undo("mm", ("gradient", weight.base, *others), (x,))
        of_weight = Undo("mm", ("gradient", x.base, *others), (weight,))
        of_bias = tuple(Undo("sum", ("gradient",), (each,)) for each in biases)
        # The weights' is transposed by a node of its own, after the others have arrived.
        undo = (of_x, of_weight, *of_bias) if biases else (of_weight, of_x)
        self._records.append(_Record((made,), undo, (), (*biases, x, weight), apart=(weight,)))
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
        of_right = Undo("mul", ("gradient", left.base), (right,))
        self.record(made, of_right, Undo("mul", ("gradient", right.base), (left,)), arrive=(left, right))
        return made

    def add(self, left: Value, right: Value, name: str) -> Value:
        """The sum of two values of one size."""
        made = self.result(name, left.elements, left, right)
        self.run("add", (left, right), made)
        self.record(made, passes=(left, right))
        return made

    def to(self, x: Value, dtype: str, name: str, of: str) -> Value:
        """The values in another type; `of` is theirs."""
        made = self.result(name, x.elements, x, dtype=dtype)
        self.run("to", (x,), made)
        self.record(made, Undo("to", ("gradient",), (x._replace(dtype=of),)))
        return made

    def copy(self, x: Value, name: str) -> Value:
        """The values in another order; the gradient is a view of the copy's."""
        made = self.result(name, x.elements, x, dtype=x.dtype)
        self.run("clone", (x,), made)
        self.record(made, passes=(x,))
        return made

    def seen(self, x: Value, name: str) -> Value:
        """The values in another order as a view; the gradient is copied back."""
        made = self.result(name, x.elements, x)._replace(base=x.base)
        self.record(made, Undo("clone", ("gradient",), (x,)))
        return made

    def spread(self, x: Value, elements: Size, name: str) -> Value:
        """The values repeated up to so many as a view; the gradients of equal ones are summed."""
        made = self.result(name, elements, x)._replace(base=x.base)
        self.record(made, Undo("sum", ("gradient",), (x,)))
        return made

    def rows(self, x: Value, needs: NeedsOfLayout, weight: Value, bias: Value | None, name: str, of: int = 0) -> Value:
        """The copy that a linear layer makes of an input, that of the number `of`, if it does not lie as it needs it;
        mixed precision converts all operands of the layer before."""
        made = self.result(name, x.elements, x)
        operands = (x, weight, *(() if bias is None else (bias,)))
        self.run("clone", operands, made, unless=needs, called="linear")
        self._copies[made.name] = (of, needs)
        self.record(made, passes=(x,))
        return made

    def shift(self, x: Value, bias: Value, name: str, called: str = "") -> Value:
        """A bias that is added apart; `called` is that of `Step`."""
        made = self.result(name, x.elements, x, bias)
        self.run("add", (x, bias), made, called=called)
        self.record(made, Undo("sum", ("gradient",), (bias,)), passes=(x,))
        return made

    def concat(self, parts: tuple[Value, ...], name: str, operation: str = "cat") -> Value:
        """Values one after the other; their gradients are views of the whole's."""
        elements: Size = 0
        for part in parts:
            elements = elements + part.elements
        made = self.result(name, elements, *parts)
        self.run(operation, parts, made)
        self.record(made, passes=parts)
        return made

    def part(self, x: Value, elements: Size, name: str) -> Value:
        """A part of a value, as a view; its gradient is as large as the whole."""
        made = self.result(name, elements, x)._replace(base=x.base)
        self.record(made, Undo("slice_backward", ("gradient",), (x,)))
        return made

    def parts(self, x: Value, sizes: tuple[Size, ...], joined: str) -> tuple[Value, ...]:
        """All parts of a value, as views; their gradients are joined by an operation."""
        made = tuple(self.result(f"part of {x.name}", size, x)._replace(base=x.base) for size in sizes)
        self.record_all(made, Undo(joined, ("gradient",), (x,)))
        return made

    def in_place(self, operation: str, x: Value, *operands: Value) -> Value:
        """A result that takes the place of the first operand; how it is undone is still to be recorded."""
        self.run(operation, (x, *operands))
        return self.result(f"{x.name} after {operation}", x.elements, x, *operands)._replace(base=x.base)

    def add_(self, left: Value, right: Value) -> Value:
        """The sum of two values of one size, in place of the first."""
        made = self.in_place("add_", left, right)
        self.record(made, passes=(left, right))
        return made

    def map_(self, operation: str, x: Value) -> Value:
        """A function of each value in its place, whose derivative is written in the result."""
        made = self.in_place(f"{operation}_", x)
        self.keep(made, x.needs)
        self.record(made, Undo(f"{operation}_backward", ("gradient", made.base), (x,)))
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
        self,
        operation: str,
        reads: tuple[Value | Tensor, ...],
        *made: Value | Tensor,
        training: bool = False,
        unless: NeedsOfLayout | None = None,
        called: str = "",
    ) -> None:
        """The operation as a forward step; one of `training` alone passes its first operand on at inference. `unless`
        and `called` are those of `Step`."""
        tensors = tuple(Tensor(m.name, m.elements, m.dtype, per=m.per) for m in made)
        names = tuple(each.read or each.base if isinstance(each, Value) else each.name for each in reads)
        self._forward.append(Step(operation, names, tensors, training=training, unless=unless, called=called))

    def keep(self, value: Value, needs: Needs) -> None:
        """The value is saved for gradients, if there are any."""
        if needs:
            self._saved.setdefault(value.base, set()).update(needs)

    def keep_own(self, tensor: Tensor, needs: Needs, device: Device | None = None, *, made: Made = "training") -> None:
        """A tensor of the layer's own, which is no operand, is saved, on one device or on all."""
        name, elements, dtype, per = tensor.name, tensor.elements, tensor.dtype, tensor.per
        self._own.append(Saved(name, elements, dtype, needed_by=_ordered(needs), per=per, device=device, made=made))

    def record(
        self, result: Value, *undo: Undo, passes: tuple[Value, ...] = (), arrive: tuple[Value, ...] = ()
    ) -> None:
        """How a result is undone; `arrive` is the order in which the gradients reach the operands, where that is not
        the order in which they are passed on and made."""
        self.record_all((result,), *undo, passes=tuple((0, value) for value in passes), arrive=arrive)

    def record_all(
        self,
        results: tuple[Value, ...],
        *undo: Undo,
        passes: tuple[tuple[int, Value], ...] = (),
        arrive: tuple[Value, ...] = (),
    ) -> None:
        """How several results of one operation are undone; what is passed on is named with the result's number."""
        self._records.append(_Record(results, undo, passes, arrive))

    def count(self, role: Role, **counts: Size) -> None:
        """Operations other than multiply-accumulates."""
        self.operations += operations(role, **counts)

    def hold(self, *held: Value | Tensor) -> None:
        """The function that the operations are in has names for these until it returns, with the last operation."""
        last = self._forward[-1]
        names = (each.base if isinstance(each, Value) else each.name for each in held)
        self._forward[-1] = last._replace(holds=(*last.holds, *names))

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
                of, unless = self._copies.get(name, (0, None))
                known.append(Saved(name, value.elements, value.dtype, of, needed_by, value.per, unless=unless))
        return (*known, *self._own)

    def composition(self, output: Value) -> Composition:
        """The forward steps, and the backward steps in autograd's order: the last operation is undone first, and where
        a value has several uses, the gradients that arrive later are added to the first."""
        found = {output.name: "gradient"}
        steps: list[Step] = []
        arrived: Counter[str] = Counter()

        def arrive(values: Iterable[tuple[Value, str]]) -> None:
            """The gradients that a node has made reach the values; it holds them until they all have."""
            summed = [name for value, name in values if value.needs and name and arrive_at(value, name)]
            if len(summed) > 1:
                steps[-1] = steps[-1]._replace(holds=tuple(summed))

        def arrive_at(value: Value, name: str) -> bool:
            """Whether the gradient is added to another."""
            is_first = value.name not in found
            if not is_first:
                summed = Tensor(f"sum up to {name} for {value.name}", value.elements, value.dtype)
                reads = (found[value.name], name)
                steps.append(Step("add", reads, (summed._replace(per=value.per),), _ordered(value.needs)))
                name = summed.name
            found[value.name] = name
            return not is_first

        def gradient_of(value: Value) -> Tensor:
            # A view has its base's type. What products give to parameters is converted when it has been summed.
            arrived[value.base] += 1
            what = "part" if value.name in self.params else "gradient"
            return Tensor(f"{what} {arrived[value.base]} of {value.base}", value.elements, value.dtype, per=value.per)

        for results, undo, passes, order, apart in reversed(self._records):
            gradients = tuple(found.pop(result.name, "") for result in results)
            arriving = [(value, gradients[number]) for number, value in passes]
            whole = tuple(filter(None, gradients))
            first = len(steps)
            for operation, reads, makes, holds in undo:
                values = [made for made in makes if isinstance(made, Value)]
                if values and not any(value.needs for value in values):
                    continue
                tensors = []
                for made in makes:
                    tensors.append(gradient_of(made) if isinstance(made, Value) else made)
                    if isinstance(made, Value):
                        arriving.append((made, tensors[-1].name))
                needs = _ordered(frozenset().union(*(value.needs for value in values or results)))
                read = tuple(each for name in reads for each in (whole if name == "gradient" else (name,)))
                steps.append(Step(operation, read, tuple(tensors), needs, holds=holds))
            steps[first:] = one_node(*steps[first:])
            if order:
                names = [value.name for value in order]
                arriving.sort(key=lambda pair: names.index(pair[0].name))
            arrive(pair for pair in arriving if pair[0] not in apart)
            arrive(pair for pair in arriving if pair[0] in apart)
        final = {name: f"gradient of {value}" for value, name in found.items() if name != "gradient"}
        return Composition(tuple(self._forward), tuple(_renamed(step, final) for step in steps))

    def _value(self, name: str, elements: Size, needs: Needs, dtype: str = VALUE, per: Per = "sample") -> Value:
        return self._values.setdefault(name, Value(name, elements, needs, name, dtype, per))


def _ordered(needs: Needs | set[int | str]) -> tuple[int | str, ...]:
    return tuple(sorted(needs, key=str))


def _renamed(step: Step, names: dict[str, str]) -> Step:
    reads = tuple(names.get(name, name) for name in step.reads)
    makes = tuple(tensor._replace(name=names.get(tensor.name, tensor.name)) for tensor in step.makes)
    holds = tuple(names.get(name, name) for name in step.holds)
    return step._replace(reads=reads, makes=makes, holds=holds)
