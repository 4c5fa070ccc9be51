"""The steps of a pass in the order in which a framework runs them: forward, loss, and backward.

Autograd undoes the operations in the reverse of the order in which they were done, so the backward pass follows from
the forward pass. Where a value has several consumers, the first gradient to arrive waits for it; each later one is
added to it, which makes a new tensor.
"""

from __future__ import annotations

from archcalc.language.network import INPUT_INDEX, Node
from archcalc.layers.layout import ONE_SAMPLE, Needs
from archcalc.layers.outcome import Outcome, Step, Tensor, gradients_of, nth
from archcalc.memory.amount import Amount
from archcalc.memory.checkpoint import Segment
from archcalc.memory.layout import Layout, first, fits, is_last, is_one, laid, shape_of, unmoved
from archcalc.memory.liveness import PassStep
from archcalc.memory.precision import WIDTH, storage_type
from archcalc.memory.storages import Copy, Placed, Storage, Storages
from archcalc.records import Record
from archcalc.sizes.kinds import certainly_equal
from archcalc.sizes.volume import Volume

#: The node number of steps that belong to the loss.
LOSS = -(1 << 40)


class Pass(Record):
    """The steps of a pass, its storages, and those of the parameters' gradients."""

    steps: list[PassStep]
    storages: Storages
    parameter_gradients: list[int]


def inference(storages: Storages) -> Pass:
    """The forward pass without gradients."""
    order = _Order(storages)
    order.forward()
    if not order.steps:  # a network without layers is its input
        order.step("forward", INPUT_INDEX, "input", storages.inputs, [])
    return Pass(order.steps, storages, [])


def training(storages: Storages, *, accumulate: bool = False) -> Pass:
    """The forward pass, the cross-entropy loss of every output, and the backward pass.

    With `accumulate` each layer ends by adding its parameters' gradients to those that are there from before.
    """
    order = _Order(storages, accumulate)
    order.forward()
    losses = order.losses()
    order.backward(losses)
    return Pass(order.steps, storages, list(order.of_parameters.values()))


class _Loss(Record):
    """The loss of one output: the node, and the storages that its backward pass reads."""

    node: int
    logits: int
    log_probabilities: int
    target: int
    total_weight: int
    value: int


class Gradient(Record):
    """The gradient of a value: its storage, and how it lies there. `whole` if an operation that worked in place on a
    view has made it for all of the tensor that the view is of."""

    storage: int
    layout: Layout
    whole: bool = False


class _Order:
    def __init__(self, storages: Storages, accumulate: bool = False) -> None:
        self.storages = storages
        self.accumulate = accumulate
        self.network = storages.interpretation.network
        self.outcomes = storages.interpretation.outcomes
        self.steps: list[PassStep] = []
        #: The gradient that has arrived so far, by node.
        self.of_values: dict[int, Gradient] = {}
        #: The gradients of parameters, by owner and name: shared weights have one.
        self.of_parameters: dict[tuple[object, str], int] = {}

    def step(self, phase: str, node: int, operation: str, reads: list[int], makes: list[int]) -> None:
        self.steps.append(PassStep(phase, node, operation, tuple(reads), tuple(makes)))

    # --- forward

    def forward(self) -> None:
        for node, placed in zip(self.network.nodes, self.storages.nodes, strict=True):
            self.node_forward("forward", node, placed)

    def node_forward(self, phase: str, node: Node, placed: Placed) -> None:
        self.convert(phase, node, placed)
        forward = placed.composition.forward
        if forward and (self.storages.training or not placed.composition.fused):
            self.composed_forward(phase, node, placed, forward)
            return
        made = [] if placed.output in placed.inputs else [placed.output]
        if not made and not placed.own and placed.copies:
            return  # the copy is the whole operation
        reads = list(placed.inputs) if self.outcomes[node.index].reads_input else []
        self.step(phase, node.index, node.layer.name, reads, [*made, *placed.own.values()])

    def convert(self, phase: str, node: Node, placed: Placed) -> None:
        """Copies of inputs and weights in another type, and of inputs that do not lie as the layer needs them."""
        if not placed.composition.forward or (placed.composition.fused and not self.storages.training):
            for copy in placed.copies:
                self.copy(phase, node, copy)
        if placed.weights:
            self.step(phase, node.index, "to", [], list(placed.weights))

    def copy(self, phase: str, node: Node, copy: Copy) -> None:
        self.step(phase, node.index, copy.operation, [copy.source], [copy.made])

    def composed_forward(self, phase: str, node: Node, placed: Placed, steps: tuple[Step, ...]) -> None:
        names = self.names(placed)
        own = self.parameters(node)  # they are there anyway, and have a storage here only where they were copied
        pending = list(placed.copies)
        for step in steps:
            reads = [names[name] for name in step.reads if name in names or name not in own]
            if step.training and not self.storages.training:
                names[step.makes[0].name] = reads[0]
                continue
            while pending and any(copy.made in reads for copy in pending):
                self.copy(phase, node, pending.pop(0))
            if step.unless is not None and step.makes[0].name in names and names[step.makes[0].name] == reads[0]:
                continue
            for tensor in step.makes:
                if tensor.name not in names:
                    names[tensor.name] = self.transient(node, placed, tensor)
            self.step(phase, node.index, step.operation, reads, [names[tensor.name] for tensor in step.makes])

    def parameters(self, node: Node) -> set[str]:
        return {tensor.name for tensor in self.outcomes[node.index].params}

    def names(self, placed: Placed) -> dict[str, int]:
        """The storages of a node by the names that steps give them."""
        inputs = {nth("input", number): storage for number, storage in enumerate(placed.inputs)}
        return {**inputs, "output": placed.output, **placed.own}

    def transient(self, node: Node, placed: Placed, tensor: Tensor) -> int:
        dtype = storage_type(tensor.dtype, placed.values, self.storages.setup.dtype)
        return self.storages.allocate(tensor.name, tensor.elements, dtype, node.index, tensor.per)

    # --- the loss

    def losses(self) -> list[_Loss]:
        return [
            self.loss(name, index)
            for name, index in self.network.outputs.items()
            if self.storages.gradients.of_value(index)
        ]

    def loss(self, name: str, index: int) -> _Loss:
        """Softmax and cross-entropy, as two operations; a target is a 64-bit class number for each position."""
        allocate = self.storages.allocate
        output = self.storages.interpretation.volume(index)
        logits = self.storages.of_value(index)
        values = self.storages.all[logits].dtype
        if self.storages.setup.dtype == "amp" and values != "float32":
            values = "float32"
            copy = allocate("output in float32", output.elements, values, LOSS)
            self.step("loss", LOSS, "to", [logits], [copy])
            logits = copy
        log_probabilities = allocate("logarithms of the probabilities", output.elements, values, LOSS)
        target = allocate("target", output.positions, "int64", LOSS)
        value = allocate("loss", 1, values, LOSS, "batch")
        weight = allocate("total weight", 1, values, LOSS, "batch")
        self.step("loss", LOSS, "log_softmax", [logits], [log_probabilities])
        self.step("loss", LOSS, "nll_loss", [log_probabilities, target], [value, weight])
        return _Loss(index, logits, log_probabilities, target, weight, value)

    def loss_backward(self, loss: _Loss) -> None:
        allocate = self.storages.allocate
        output = self.storages.interpretation.volume(loss.node)
        values = self.storages.all[loss.log_probabilities].dtype
        seed = allocate("gradient of the loss", 1, values, LOSS, "batch")
        self.step("backward", LOSS, "ones_like", [loss.value], [seed])
        of_log = allocate("gradient of the logarithms", output.elements, values, LOSS)
        self.step(
            "backward",
            LOSS,
            "nll_loss_backward",
            [seed, loss.log_probabilities, loss.target, loss.total_weight],
            [of_log],
        )
        gradient = allocate("gradient of output", output.elements, values, LOSS)
        self.step("backward", LOSS, "log_softmax_backward", [of_log, loss.log_probabilities], [gradient])
        layout = self.storages.layout_of(loss.node).dense
        self.arrive(loss.node, Gradient(self.restored(LOSS, loss.node, gradient), layout), LOSS)

    # --- backward

    def backward(self, losses: list[_Loss]) -> None:
        for loss in reversed(losses):
            self.loss_backward(loss)
        again = {segment.last: segment for segment in self.storages.checkpoints}
        for node in reversed(self.network.nodes):
            if node.index in again and node.index in self.of_values:
                self.recompute(again[node.index])
            gradient = self.of_values.pop(node.index, None)
            if gradient is not None:
                self.node_backward(node, self.storages.nodes[node.index], self.outcomes[node.index], gradient)

    def recompute(self, segment: Segment) -> None:
        """A checkpointed stretch is computed again, and this time what its backward pass needs is saved."""
        for node in self.network.nodes[segment.first : segment.last + 1]:
            self.node_forward("recompute", node, self.storages.place_again(node.index))

    def node_backward(self, node: Node, placed: Placed, outcome: Outcome, gradient: Gradient) -> None:
        if gradient.whole and outcome.storage == "view":
            self.pass_on(node, placed, outcome, {}, gradient)
            return
        copied = outcome.storage == "inplace" and placed.layout.view
        read = gradient.storage
        if copied:
            gradient, read = self.copied_slice(node, placed, gradient)
        steps = placed.composition.backward
        if steps is None:
            steps = self.undivided(outcome) if outcome.storage == "view" else (self.one_step(node, placed, outcome),)
        names = {**self.names(placed), "gradient": read}
        if gradient.whole and outcome.computed:
            names["gradient of the whole"] = read
            steps = tuple(step for step in steps if step.operation != "slice_backward")
        finished: list[tuple[str, int]] = []
        transposed: list[tuple[str, int]] = []  # weights of products: their gradients pass one more node of autograd
        parts = placed.composition.parts
        for step in steps:
            if not self.storages.gradients.wanted(node, step.needed_by):
                continue
            if parts and step.operation != "sum":  # a sum over what was repeated belongs to the operation before it
                self.pass_on_part(node, placed, outcome, names, gradient)
            made = self.backward_step(node, placed, outcome, step, names, gradient)
            (transposed if step.operation == "mm" else finished).extend(made)
        for name, storage in finished + transposed:
            self.keep_gradient(node, name, storage)
        if copied:
            self.step("backward", node.index, "copy_", [names.pop("gradient of input"), gradient.storage], [])
        if self.accumulate and self.storages.gradients.weights[node.index]:
            owner = _owner(node)
            mine = [self.of_parameters[owner, tensor.name] for tensor in outcome.params]
            self.step("backward", node.index, "accumulate", mine, [])
        if not outcome.reads_input:
            return
        if parts:
            self.pass_on_part(node, placed, outcome, names, gradient)
        else:
            self.pass_on(node, placed, outcome, names, gradient)

    def pass_on_part(
        self, node: Node, placed: Placed, outcome: Outcome, names: dict[str, int], gradient: Gradient
    ) -> None:
        """A part of the input's gradient goes to the input, if there is one."""
        if "gradient of input" in names:
            self.pass_on(node, placed, outcome, names, gradient)
            del names["gradient of input"]

    def undivided(self, outcome: Outcome) -> tuple[Step, ...]:
        """The gradient of a view is a view, unless one axis of it must become several that do not lie as one."""
        divided = [move.axes for move in outcome.moves if move.kind == "divide"]
        if not divided:
            return ()
        made = (Tensor("gradient of input", outcome.output.elements),)
        return (Step("clone", ("gradient",), made, unless=Needs(divided[0], len(divided[0]))),)

    def pass_on(self, node: Node, placed: Placed, outcome: Outcome, names: dict[str, int], gradient: Gradient) -> None:
        """The gradients go to the inputs."""
        shared = names.get("gradient of inputs", gradient.storage)
        for number, index in enumerate(node.inputs):
            if self.storages.gradients.of_value(index):
                own = names.get(f"gradient of {nth('input', number)}")
                storage = self.restored(node.index, index, shared if own is None else own)
                made = own not in (None, gradient.storage)
                layout = self.gradient_layout(placed, outcome, index, gradient, made=made)
                self.arrive(index, Gradient(storage, layout, gradient.whole), node.index)

    def gradient_layout(
        self, placed: Placed, outcome: Outcome, index: int, gradient: Gradient, *, made: bool
    ) -> Layout:
        """How the gradient of an input lies: a new tensor as the operation makes it, or a view of the output's."""
        rank = self.storages.interpretation.volume(index).rank
        shape = self.storages.shape(index)
        if outcome.storage == "view":
            if made and not any(move.kind == "divide" for move in outcome.moves):
                # A slice's gradient is a tensor of zeros of the whole's size.
                return self.storages.layout_of(index).dense
            return unmoved(gradient.layout, outcome.moves, rank)
        if not made:
            axis = placed.composition.slices
            same = len(gradient.layout.order) == rank + 2
            layout = gradient.layout if same else first(rank)
            return layout._replace(cut=layout.cut | {axis}) if axis else layout
        if outcome.lies == "alike":
            volume = self.storages.interpretation.volume(index)
            same = volume.rank == outcome.output.rank and all(map(certainly_equal, volume.shape, outcome.output.shape))
            return gradient.layout.dense if same else self.storages.layout_of(index).dense
        return laid(outcome.lies, self.storages.layout_of(index), shape, rank)

    def copied_slice(self, node: Node, placed: Placed, gradient: Gradient) -> tuple[Gradient, int]:
        """Before the backward pass of an operation that worked in place on a view: the gradient of all of what the view
        is of, twice, and a copy of the slice of it that the operation reads. Source: torch.autograd, CopySlices."""
        base = self.storages.all[placed.output]
        made = []
        for what in ("gradient of the whole", "gradient before the operation"):
            self.storages.all.append(base._replace(what=what, node=node.index))
            made.append(len(self.storages.all) - 1)
        self.step("backward", node.index, "copy_", [gradient.storage], [made[0]])
        self.step("backward", node.index, "copy_", [made[0]], [made[1]])
        elements = self.outcomes[node.index].output.elements
        copy = self.storages.allocate("gradient", elements, base.dtype, node.index)
        self.step("backward", node.index, "clone", [made[1]], [copy])
        return Gradient(made[1], placed.layout.dense, True), copy

    def one_step(self, node: Node, placed: Placed, outcome: Outcome) -> Step:
        """A backward pass of one operation: it reads the gradient and what was saved, and makes every gradient."""
        reads = [nth("input", saved.of) if saved.what == "input" else saved.what for saved, _ in placed.saved]
        volume = self.storages.interpretation.volume
        inputs = (
            Tensor(f"gradient of {nth('input', number)}", volume(index).elements)
            for number, index in enumerate(node.inputs)
        )
        return Step(f"{node.layer.name}_backward", ("gradient", *reads), (*inputs, *gradients_of(*outcome.params)))

    def backward_step(
        self, node: Node, placed: Placed, outcome: Outcome, step: Step, names: dict[str, int], gradient: Gradient
    ) -> list[tuple[str, int]]:
        """One operation; the gradients of parameters that it makes, by the parameter's name."""
        if self.lies_so(step, gradient.layout, outcome.output):
            names[step.makes[0].name] = names[step.reads[0]]
            return []
        # A parameter is there anyway, and has a storage here only where it was copied.
        own = {tensor.name for tensor in outcome.params}
        reads = [names[name] for name in step.reads if name in names or name not in own]
        made: list[int] = []
        of_parameters: list[tuple[str, int]] = []
        parameters = {f"gradient of {tensor.name}": tensor.name for tensor in outcome.params}
        inputs = {f"gradient of {nth('input', number)}": number for number in range(len(node.inputs))}
        for tensor in step.makes:
            if tensor.name in parameters:
                if self.storages.gradients.weights[node.index]:
                    storage = self.parameter_gradient(node, placed, tensor)
                    of_parameters.append((parameters[tensor.name], storage))
                    made.append(storage)
            elif tensor.name not in inputs:
                names[tensor.name] = self.transient(node, placed, tensor)
                made.append(names[tensor.name])
            elif self.storages.gradients.of_value(node.inputs[inputs[tensor.name]]):
                dtype = self.storages.all[placed.inputs[inputs[tensor.name]]].dtype
                storage = self.storages.allocate(tensor.name, tensor.elements, dtype, node.index)
                made.append(storage)
                names[tensor.name] = storage
        self.step("backward", node.index, step.operation, reads, made)
        return [(name, self.laid_like_kernels(node, outcome, name, storage)) for name, storage in of_parameters]

    def laid_like_kernels(self, node: Node, outcome: Outcome, name: str, storage: int) -> int:
        """The gradient of a parameter as the parameter lies: a copy, where it was made channels last."""
        [parameter] = [tensor for tensor in outcome.params if tensor.name == name]
        if parameter.lies != "image" or not self.is_image(node, parameter):
            return storage
        self.storages.all.append(self.storages.all[storage])
        made = len(self.storages.all) - 1
        self.step("backward", node.index, "clone", [storage], [made])
        return made

    def is_image(self, node: Node, kernels: Tensor) -> bool:
        """Whether the gradient of kernels lies channels last, because the image does, and not like the kernels."""
        _, channels, *kernel = kernels.shape
        if is_one(channels) or all(map(is_one, kernel)):
            return False
        return is_last(self.storages.layout_of(node.inputs[0]), self.storages.shape(node.inputs[0]))

    def lies_so(self, step: Step, layout: Layout, volume: Volume) -> bool:
        """Whether a step that would copy need not, for what it reads lies as it should."""
        one_sample = self.storages.setup.one_sample
        if step.unless == ONE_SAMPLE:
            return one_sample
        return step.unless is not None and fits(layout, shape_of(volume, one_sample=one_sample), step.unless)

    def parameter_gradient(self, node: Node, placed: Placed, tensor: Tensor) -> int:
        """A gradient in the type that the layer computes in where it has a copy of its weights in that type."""
        dtype = "float32" if self.storages.setup.dtype == "amp" else self.storages.setup.dtype
        values = placed.values if placed.weights else dtype
        return self.storages.allocate(tensor.name, tensor.elements, values, node.index, "batch")

    def keep_gradient(self, node: Node, name: str, storage: int) -> None:
        """The gradient of a parameter stays: converted to the parameter's type, added to what other uses gave it."""
        made = self.storages.all[storage]
        if self.storages.setup.dtype == "amp" and made.dtype != "float32":
            elements = made.amount.fixed // 2
            converted = self.storages.allocate(made.what, elements, "float32", node.index, "batch")
            self.step("backward", node.index, "to", [storage], [converted])
            storage = converted
        owner = (_owner(node), name)
        before = self.of_parameters.get(owner)
        if before is not None:
            storage = self.summed(node.index, before, storage, self.storages.all[storage].amount)
        self.of_parameters[owner] = storage

    def restored(self, node: int, index: int, gradient: int) -> int:
        """The gradient in the type of the value itself, where mixed precision computed with a copy of it."""
        original = self.storages.all[self.storages.of_value(index)].dtype
        if self.storages.all[gradient].dtype == original:
            return gradient
        elements = self.storages.interpretation.volume(index).elements
        made = self.storages.allocate("gradient of input", elements, original, node)
        self.step("backward", node, "to", [gradient], [made])
        return made

    def arrive(self, index: int, gradient: Gradient, node: int) -> None:
        """A gradient of a value has come from one of its consumers."""
        before = self.of_values.get(index)
        if before is not None:
            # What arrives may lie in a larger storage (a slice of a concatenation's gradient); the sum does not.
            width = WIDTH[self.storages.all[gradient.storage].dtype]
            amount = Amount(0, self.storages.interpretation.volume(index).elements * width)
            storage = self.summed(node, before.storage, gradient.storage, amount)
            gradient = Gradient(storage, before.layout.dense)
        self.of_values[index] = gradient

    def summed(self, node: int, before: int, gradient: int, amount: Amount) -> int:
        self.storages.all.append(Storage(amount, self.storages.all[gradient].dtype, "sum of gradients", node))
        made = len(self.storages.all) - 1
        self.step("backward", node, "add", [before, gradient], [made])
        return made


def _owner(node: Node) -> object:
    """Whose a node's parameters are: its own, or its pool's."""
    return node.index if node.tied is None else node.tied
