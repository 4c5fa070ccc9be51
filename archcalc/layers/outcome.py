"""What a rule says of one layer: the record that every analysis reads."""

from __future__ import annotations

from typing import NamedTuple

from archcalc.sizes import Condition, Size
from archcalc.volume import Volume


class Tensor(NamedTuple):
    """A tensor that belongs to a layer: its elements, and the type a framework stores them in."""

    name: str
    elements: Size
    dtype: str = "float32"


class Operation(NamedTuple):
    """Operations other than multiply-accumulates, for one sample.

    `role` is what they are for (bias, normalisation, activation, pooling, elementwise), `kind` what is done
    (add, multiply, compare, divide, exponential; a root or a logarithm counts as an exponential).
    """

    role: str
    kind: str
    amount: Size


class Kept(NamedTuple):
    """A tensor that a framework keeps from the forward pass for the backward pass.

    `what` is "input" or "output" (one that the graph already has) or the name of a tensor of the layer's own, which
    then has `elements`. `of` is the index of the input meant. It is kept if a gradient for `needed_by` is wanted:
    "weights", "input" or "both". `per` tells whether it grows with the batch; `device` limits it to cpu or cuda.
    """

    what: str
    elements: Size = 0
    dtype: str = "float32"
    of: int = 0
    needed_by: str = "both"
    per: str = "sample"
    device: str | None = None


class Window(NamedTuple):
    """Along one axis, the input positions that output position `o` sees: from `(o * stride + first) // scale`
    to `(o * stride + last) // scale`, both included. `scale` is above 1 where the layer enlarges its input."""

    first: Size
    last: Size
    stride: Size = 1
    scale: Size = 1


#: The windows of a layer each of whose outputs sees every input position.
EVERYTHING: tuple[Window, ...] | None = None


class Outcome(NamedTuple):
    """Everything that follows from one layer's attributes and input volumes, for one sample.

    `params` are learned tensors, `buffers` those that are stored but not learned. `macs` counts multiply-accumulates
    of convolutions, linear layers and matrix products, without bias. `windows` has one entry for each spatial axis,
    is empty for a layer that works position by position, and is `EVERYTHING` (None) for one that sees all positions.
    `storage` says where the output lies: "new", "view" (it shares the first input's), "inplace" (it overwrites it) or
    "training" (new in training; at inference the layer returns its input). `unchanged` is 1 where the output is new and
    all the same the input's values: a table of outputs does not count it again.
    """

    output: Volume
    params: tuple[Tensor, ...] = ()
    buffers: tuple[Tensor, ...] = ()
    macs: Size = 0
    operations: tuple[Operation, ...] = ()
    kept: tuple[Kept, ...] = ()
    windows: tuple[Window, ...] | None = ()
    conditions: tuple[Condition, ...] = ()
    storage: str = "new"
    unchanged: Size = 0


def keeps(what: str, needed_by: str = "both", of: int = 0) -> Kept:
    """An input or the output is kept."""
    return Kept(what, of=of, needed_by=needed_by)


def operations(role: str, **counts: Size) -> tuple[Operation, ...]:
    """Operations of one role, by kind: `operations("bias", add=96)`."""
    return tuple(Operation(role, kind, amount) for kind, amount in counts.items())
