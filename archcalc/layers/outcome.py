"""What a rule says of one layer: the record that every analysis reads."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from archcalc.layers.layout import Lies, Move, Needs
from archcalc.sizes.conditions import Condition
from archcalc.sizes.kinds import Size, certainly_equal
from archcalc.sizes.volume import Volume

#: The type of values: float32, unless the network computes in another one. `WIDE` is the same but for mixed
#: precision, which uses float32 there.
VALUE = "value"
WIDE = "wide"


class Tensor(NamedTuple):
    """A tensor that belongs to a layer: its elements for one sample (parameters and buffers: in all), and its type.

    `shape` holds the axes of a parameter that has more than one, as frameworks order them. `per` tells whether a tensor
    that a step makes grows with the batch. `lies` is how the gradient of a parameter lies where it is made; one that
    does not lie like its parameter is copied.
    """

    name: str
    elements: Size
    dtype: str = VALUE
    shape: tuple[Size, ...] = ()
    per: str = "sample"
    lies: Lies = "channels first"


class Operation(NamedTuple):
    """Operations other than multiply-accumulates, for one sample.

    `role` is what they are for (bias, normalisation, activation, pooling, elementwise), `kind` what is done
    (add, multiply, compare, divide, exponential; a root or a logarithm counts as an exponential).
    """

    role: str
    kind: str
    amount: Size


#: Whose gradients something is needed for: numbers of inputs, `WEIGHTS`, or both; empty for any gradient at all.
Need: TypeAlias = tuple[int | str, ...]

WEIGHTS = "weights"


class Saved(NamedTuple):
    """A tensor that a framework keeps from the forward pass for the backward pass.

    `what` is "input" or "output" (one that the graph already has), the name of a parameter (which takes memory only
    where mixed precision copies it), or the name of a tensor of the layer's own, which then has `elements`. `of` is the
    number of the input meant. It is saved only if one of the gradients in `needed_by` is wanted. `per` tells whether it
    grows with the batch; `device` limits it to cpu or cuda. `made` says when the operation makes a tensor of its own,
    saved or dropped at once: "always", in "training", or only for a "gradient". One with `unless` is a copy of an input
    that does not lie so; of one that does, the input itself is saved.
    """

    what: str
    elements: Size = 0
    dtype: str = VALUE
    of: int = 0
    needed_by: Need = ()
    per: str = "sample"
    device: str | None = None
    made: str = "training"
    unless: Needs | None = None


class Step(NamedTuple):
    """One operation of a framework inside a layer that it composes of several, forward or backward.

    `reads` and `makes` name tensors: "input", "input 1" (the second), "output", "gradient" (the output's), "gradient
    of input", "gradient of input 1", "gradient of weight" (of a parameter), "gradient of inputs" (one that all
    inputs share), "gradient of the whole" (of what an output is a slice of), or any name for a tensor of the layer's
    own. It runs only if one of the gradients in `needed_by` is wanted, and of the gradients of inputs and parameters it
    makes those that are. A step of `training` alone makes nothing at inference: its first operand takes the place of
    its result. A step with `unless` copies what it reads, the gradient or an input, unless that lies so already, or the
    batch is one sample: then what it makes is what it reads.
    """

    operation: str
    reads: tuple[str, ...]
    makes: tuple[Tensor, ...]
    needed_by: Need = ()
    training: bool = False
    unless: Needs | Literal["one sample"] | None = None


class Composition(NamedTuple):
    """The operations that a layer is composed of, where one operation forward and one backward do not describe it.

    `forward` is what runs in training, and at inference too unless the layer is `fused` then. An empty `forward` is
    one operation; `backward` of None is one operation, and an empty one passes the output's gradient on to all
    inputs without making a tensor, each its slice of it along the axis `slices` where that is set. With `parts` each
    step that makes a gradient of the input makes a part of it, which joins the others at once. `device` limits the
    composition to cpu or cuda.
    """

    forward: tuple[Step, ...] = ()
    backward: tuple[Step, ...] | None = None
    fused: bool = False
    device: str | None = None
    slices: int = 0
    parts: bool = False


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
    "training" (new in training; at inference the layer returns its input), or "parameter": a parameter itself, for
    every sample the same, the input not read. `moves` are the steps of a view, `lies` is how a new output lies, and
    `needs` how the inputs must lie, which are copied where they do not; `rearranged` is the composition for inputs that
    are not contiguous that way. `viewed` says that the output is a view of the tensor that the operation made, unless
    it is rearranged. `computed` is a larger volume that the operation makes, of which the output is the slice that
    `moves` take.
    `unchanged` is 1 where the output is new and all the same the input's values: a table of outputs does not count it
    again. `autocast` is what mixed precision does with the layer: "half" computes in 16 bits, "float32" in 32,
    "widest" in the widest type of its inputs, and "widens" in that type too, but for its result, which is float32.
    `undecided` are pairs of sizes of which some are equal and some are not, though it decides which tensors are stored.
    `products` are those of `macs` that multiply values with each other and not with weights; `groups` are the groups
    of channels whose weights do not meet. `form` says which of its forms the layer took, where tools that count
    operations tell them apart. `inner` is how many of `macs` have a gradient by what they read even where the layer's
    input needs none, since the layer's own weights made it. `idle` are the parameters that one position does not use.
    """

    output: Volume
    params: tuple[Tensor, ...] = ()
    buffers: tuple[Tensor, ...] = ()
    macs: Size = 0
    operations: tuple[Operation, ...] = ()
    saved: tuple[Saved, ...] = ()
    windows: tuple[Window, ...] | None = ()
    conditions: tuple[Condition, ...] = ()
    storage: str = "new"
    unchanged: Size = 0
    composition: Composition = Composition()
    autocast: str = "widest"
    lies: Lies = "alike"
    needs: Needs | None = None
    moves: tuple[Move, ...] = ()
    rearranged: Composition | None = None
    viewed: bool = False
    computed: Volume | None = None
    undecided: tuple[tuple[Size, Size], ...] = ()
    products: Size = 0
    groups: Size = 1
    form: str = ""
    inner: Size = 0
    idle: Size = 0


def saves(what: str, *needed_by: int | str, of: int = 0, dtype: str = VALUE) -> Saved:
    """An input or the output is saved: for the gradients of the inputs of those numbers, or `WEIGHTS`, or for any."""
    return Saved(what, dtype=dtype, of=of, needed_by=needed_by)


def nth(what: str, number: int) -> str:
    """How steps name what belongs to the input of that number: "input", "input 1", "gradient of input 1"."""
    return f"{what} {number}" if number else what


def operations(role: str, **counts: Size) -> tuple[Operation, ...]:
    """Operations of one role, by kind: `operations("bias", add=96)`."""
    return tuple(Operation(role, kind, amount) for kind, amount in counts.items())


def gradients_of(*params: Tensor) -> tuple[Tensor, ...]:
    """The gradients of parameters, as steps name them."""
    return tuple(
        Tensor(f"gradient of {param.name}", param.elements, shape=param.shape, lies=param.lies) for param in params
    )


def gradient_step(operation: str, made: str, operand: Volume, output: Volume, number: int) -> tuple[Step, ...]:
    """The step that brings the gradient `made`, which is as large as the output, back to an operand that was repeated
    to fit; none for one that was not."""
    if certainly_equal(operand.elements, output.elements):
        return ()
    return (Step(operation, (made,), (Tensor(nth("gradient of input", number), operand.elements),), (number,)),)


def broadcast_product_backward(x: Volume, params: tuple[Tensor, ...], factor: str) -> tuple[Step, ...]:
    """The backward steps of `x * factor`, the factor being a parameter that is repeated to fit: its gradient is
    first made at full size and then summed."""
    return (
        Step("mul", ("gradient", "input"), (Tensor("product", x.elements),), (WEIGHTS,)),
        Step("mul", ("gradient",), (Tensor("gradient of input", x.elements),), (0,)),
        Step("sum", ("product",), gradients_of(*(p for p in params if p.name == factor)), (WEIGHTS,)),
    )
