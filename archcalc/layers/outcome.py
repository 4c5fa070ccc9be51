"""What a rule says of one layer: the record that every analysis reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

from archcalc.layers.layout import Lies, Move, Needs
from archcalc.records import Record
from archcalc.sizes.conditions import Condition
from archcalc.sizes.kinds import Size, certainly_equal
from archcalc.sizes.volume import Volume

#: The type that an operation gives: float32, unless the network computes in another one.
VALUE = "value"
#: The type of the layer's parameters and running statistics; that of its values where it has none.
OF_PARAMETERS = "parameters"
#: The type of a normalisation's statistics: on CUDA float32, on the CPU `OF_PARAMETERS`.
STATISTIC = "statistic"
#: The type of the layer's first input.
OF_INPUT = "input"


#: Whether something is there for each sample of the batch, or once for all of it.
Per: TypeAlias = Literal["sample", "batch"]
#: What operations are for, and what is done.
Role: TypeAlias = Literal["bias", "normalisation", "activation", "pooling", "elementwise"]
OperationKind: TypeAlias = Literal["add", "multiply", "compare", "divide", "exponential"]
#: When an operation makes a tensor.
Made: TypeAlias = Literal["always", "training", "gradient"]
Device: TypeAlias = Literal["cpu", "cuda"]
#: Where an output lies: in a tensor of its own, in the first input's (which it shares, or overwrites), in a tensor of
#: its own in training alone (at inference the layer returns its input), in a parameter or buffer, or in a tensor that
#: each pass makes anew, once for all samples: these two do not come from the input.
Storage: TypeAlias = Literal["new", "view", "inplace", "training", "parameter", "constant"]


class Tensor(Record):
    """A tensor that belongs to a layer."""

    name: str
    #: Its elements for one sample; of parameters and buffers, in all.
    elements: Size
    #: `VALUE`, `OF_PARAMETERS`, `STATISTIC`, `OF_INPUT`, or a type of its own: float32, int64, bool.
    dtype: str = VALUE
    #: The axes of a parameter that has more than one, as frameworks order them.
    shape: tuple[Size, ...] = ()
    #: Whether a tensor that a step makes grows with the batch.
    per: Per = "sample"
    #: How the gradient of a parameter lies where it is made; one that does not lie like its parameter is copied.
    lies: Lies = "channels first"


class Operation(Record):
    """Operations other than multiply-accumulates, for one sample."""

    #: What they are for.
    role: Role
    #: What is done; a root or a logarithm counts as an exponential.
    kind: OperationKind
    amount: Size


#: Whose gradients something is needed for: numbers of inputs, `WEIGHTS`, or both; empty for any gradient at all.
Need: TypeAlias = tuple[int | str, ...]

WEIGHTS = "weights"


class Saved(Record):
    """A tensor that a framework saves in the forward pass for the backward pass."""

    #: "input" or "output", which the graph already has; the name of a parameter, which takes memory only where mixed
    #: precision copies it; or the name of a tensor of the layer's own, which then has `elements`.
    what: str
    elements: Size = 0
    dtype: str = VALUE
    #: The number of the input meant.
    of: int = 0
    #: It is saved only if one of these gradients is wanted.
    needed_by: Need = ()
    #: Whether it grows with the batch.
    per: Per = "sample"
    #: The device that it is limited to.
    device: Device | None = None
    #: When the operation makes a tensor of its own, saved or dropped at once; "gradient": only where one is wanted.
    made: Made = "training"
    #: It is a copy of an input that does not lie so; of one that does, the input itself is saved.
    unless: Needs | None = None

    @property
    def kind(self) -> str:
        """What it is, of several that differ in their places: `gates` for `gates (position 3, l0_reverse)`."""
        return self.what.partition(" (")[0].partition(", l")[0]


class Step(Record):
    """One operation of a framework inside a layer that it composes of several, forward or backward.

    What it reads and makes is named: "input", "input 1" (the second), "output", "gradient" (the output's), "gradient
    of input", "gradient of input 1", "gradient of weight" (of a parameter), "gradient of inputs" (one that all
    inputs share), "gradient of the whole" (of what an output is a slice of), or any name for a tensor of the layer's
    own. Of the gradients of inputs and parameters it makes those that are wanted.
    """

    operation: str
    reads: tuple[str, ...]
    makes: tuple[Tensor, ...]
    #: It runs only if one of these gradients is wanted.
    needed_by: Need = ()
    #: Whether it makes only what the backward pass needs: where the layer does not make that, at inference, its first
    #: operand takes the place of its result.
    training: bool = False
    #: What it makes is a view of what it reads.
    view: bool = False
    #: It copies what it reads, the gradient or an input, unless that lies so already, or the batch is one sample: then
    #: what it makes is what it reads.
    unless: Needs | Literal["one sample"] | None = None
    #: The framework's function that this operation is part of, where it is not the operation itself: mixed precision
    #: converts what the function reads.
    called: str = ""
    #: Whether it belongs to the node of autograd's graph that the step before it belongs to (see `one_node`).
    within: bool = False
    #: What the function that the step is in still has a name for, or a place on its stack, while the step runs.
    holds: tuple[str, ...] = ()


class Composition(Record):
    """The operations that a layer is composed of, where one operation forward and one backward do not describe it."""

    #: What runs in training, and at inference too unless the layer is `fused` then; empty for one operation.
    forward: tuple[Step, ...] = ()
    #: None is one operation; an empty one passes the output's gradient on to all inputs without making a tensor.
    backward: tuple[Step, ...] | None = None
    fused: bool = False
    #: The device that the composition is limited to.
    device: Device | None = None
    #: Where it is set, an empty `backward` passes to each input its slice of the gradient along this axis.
    slices: int = 0
    #: Whether each step that makes a gradient of the input makes a part of it, which joins the others at once.
    parts: bool = False
    #: Whether the output is a view of the tensor that the operation made.
    viewed: bool = False


class Instead(Record):
    """What a layer saves and does instead where its input comes otherwise."""

    saved: tuple[Saved, ...]
    composition: Composition


class Way(Record):
    """What decides how a framework runs a layer, beside its attributes and volumes: whether the batch is one sample,
    which of the inputs, by number, are not contiguous in the order of `needs`, the device, and the type of 16 bits that
    the results of linear layers have, if it is one."""

    one_sample: bool = False
    rearranged: tuple[int, ...] = ()
    device: str = "cpu"
    half: str | None = None


class Window(Record):
    """Along one axis, the input positions that output position `o` sees: from `(o * stride + first) // scale`
    to `(o * stride + last) // scale`, both included. `scale` is above 1 where the layer enlarges its input."""

    first: Size
    last: Size
    stride: Size = 1
    scale: Size = 1


#: The windows of a layer each of whose outputs sees every input position.
EVERYTHING: tuple[Window, ...] | None = None


class Outcome(Record):
    """Everything that follows from one layer's attributes and input volumes, for one sample."""

    output: Volume
    #: Trained tensors.
    params: tuple[Tensor, ...] = ()
    #: Tensors that are stored and not trained.
    buffers: tuple[Tensor, ...] = ()
    #: Multiply-accumulates of convolutions, linear layers and matrix products, without bias.
    macs: Size = 0
    operations: tuple[Operation, ...] = ()
    saved: tuple[Saved, ...] = ()
    #: One for each spatial axis; empty for a layer that works position by position, and `EVERYTHING` (None) for one
    #: that sees all positions.
    windows: tuple[Window, ...] | None = ()
    conditions: tuple[Condition, ...] = ()
    #: Where the output lies.
    storage: Storage = "new"
    #: 1 where the output is new and all the same the input's values: a table of activations does not count it again.
    unchanged: Size = 0
    composition: Composition = Composition()
    #: What a CPU does instead for an input of 16 bits; None where that is nothing else.
    upcast: Instead | None = None
    #: The framework's function that the layer is, as mixed precision lists it; empty where that is the layer's name.
    function: str = ""
    #: How a new output lies.
    lies: Lies = "alike"
    #: How the inputs must lie, which are copied where they do not.
    needs: Needs | None = None
    #: The order into which the result is copied where the first input does not lie in it.
    ordered: Needs | None = None
    #: The steps of a view.
    moves: tuple[Move, ...] = ()
    #: The composition for inputs that are not contiguous in the way of `needs`, or what is saved and done instead by
    #: one whose steps copy the inputs themselves.
    rearranged: Composition | Instead | None = None
    #: What is saved and done in a way of its own; None for a layer that has no such ways.
    ways: Callable[..., Instead] | None = None
    #: Of one sample's values, how many training takes each statistic of; 0 for a layer that takes none over a batch.
    values_of_statistic: Size = 0
    #: A larger volume that the operation makes, of which the output is the slice that `moves` take; without them the
    #: output only has the storage of so many elements.
    computed: Volume | None = None
    #: Pairs of sizes of which some are equal and some are not, though that decides which tensors are stored.
    undecided: tuple[tuple[Size, Size], ...] = ()
    #: Those of `macs` that multiply values with each other and not with weights.
    products: Size = 0
    #: Groups of channels whose weights do not meet.
    groups: Size = 1
    #: Values that feed each unit of the output otherwise than by `macs` and biases: a pooling's window.
    fan_in: Size = 0
    #: Which of its forms the layer took, where tools that count operations tell them apart.
    form: str = ""
    #: Those of `macs` that have a gradient by what they read even where the layer's input needs none, since the layer's
    #: own weights made it.
    inner: Size = 0
    #: Parameters that one position does not use.
    idle: Size = 0

    @property
    def looks_up_indices(self) -> bool:
        """Whether the values of its input are numbers of rows."""
        return "int64" in [saved.dtype for saved in self.saved if saved.what == "input"]

    def is_identity(self, x: Volume) -> bool:
        """Whether the output is the input `x` as it is."""
        changed = self.moves or self.computed or self.params or self.buffers or self.operations or self.saved
        return self.storage == "view" and not changed and self.output == x

    @property
    def reads_input(self) -> bool:
        """Whether the output comes from the input at all."""
        return self.storage not in ("parameter", "constant")


# Equal calls in a network have one outcome, which is how they are recognised: all that is in it takes longer.
Outcome.__hash__ = object.__hash__  # type: ignore[method-assign]


def saves(what: str, *needed_by: int | str, of: int = 0, dtype: str = VALUE) -> Saved:
    """An input or the output is saved: for the gradients of the inputs of those numbers, or `WEIGHTS`, or for any."""
    return Saved(what, dtype=dtype, of=of, needed_by=needed_by)


def nth(what: str, number: int) -> str:
    """How steps name what belongs to the input of that number: "input", "input 1", "gradient of input 1"."""
    return f"{what} {number}" if number else what


_KINDS: dict[str, OperationKind] = {kind: kind for kind in get_args(OperationKind)}


def operations(role: Role, **counts: Size) -> tuple[Operation, ...]:
    """Operations of one role, by kind: `operations("bias", add=96)`. TypeError for a kind that there is not."""
    try:
        return tuple(Operation(role, _KINDS[kind], amount) for kind, amount in counts.items())
    except KeyError as unknown:
        raise TypeError(f"{unknown} is no kind of operation: the kinds are {', '.join(_KINDS)}") from None


def gradients_of(*params: Tensor) -> tuple[Tensor, ...]:
    """The gradients of parameters, as steps name them."""
    return tuple(
        Tensor(f"gradient of {param.name}", param.elements, shape=param.shape, lies=param.lies) for param in params
    )


def one_node(*steps: Step) -> tuple[Step, ...]:
    """Steps of the backward pass that one node of autograd's graph runs, up to the sums that bring its gradients to the
    sizes of its operands. Until the last of them it holds its gradient and all that was saved for it."""
    return (*steps[:1], *(step._replace(within=True) for step in steps[1:]))


def gradient_step(operation: str, made: str, operand: Volume, output: Volume, number: int) -> tuple[Step, ...]:
    """The step that brings the gradient `made`, which is as large as the output, back to an operand that was repeated
    to fit; none for one that was not."""
    if certainly_equal(operand.elements, output.elements):
        return ()
    return (Step(operation, (made,), (Tensor(nth("gradient of input", number), operand.elements),), (number,)),)


def broadcast_product_backward(x: Volume, params: tuple[Tensor, ...], factor: str) -> tuple[Step, ...]:
    """The backward steps of `x * factor`, the factor being a parameter that is repeated to fit: its gradient is
    first made at full size and then summed."""
    return one_node(
        Step("mul", ("gradient", "input"), (Tensor("product", x.elements),), (WEIGHTS,)),
        Step("mul", ("gradient", factor), (Tensor("gradient of input", x.elements),), (0,)),
        Step("sum", ("product",), gradients_of(*(p for p in params if p.name == factor)), (WEIGHTS,)),
    )
