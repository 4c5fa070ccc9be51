"""The steps of a pass in the order in which a framework runs them: forward, loss, and backward.

Autograd undoes the operations in the reverse of the order in which they were done, so the backward pass follows from
the forward pass. Where a value has several consumers, the first gradient to arrive waits for it; each later one is
added to it, which makes a new tensor.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from archcalc.language.network import INPUT_INDEX, Node
from archcalc.layers.layout import ONE_SAMPLE, each_as_one
from archcalc.layers.outcome import OF_INPUT, VALUE, Outcome, Step, Tensor, gradients_of, nth
from archcalc.memory.amount import Amount
from archcalc.memory.casts import made_in
from archcalc.memory.checkpoint import Segment
from archcalc.memory.layout import Layout, first, fits, is_last, is_one, laid, shape_of, unmoved
from archcalc.memory.liveness import PassStep
from archcalc.memory.precision import WIDTH
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
    order.hold_cache()
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


class _Arrived:
    """What the operations of one node's backward pass have made so far.

    `names` are the storages by name, `of` what the last operation read first, which is the same gradient rearranged or
    not, `values` the gradients of values that are not in the values' types, `parameters` and `transposed` the gradients
    of parameters.
    """

    def __init__(self, node: Node, placed: Placed, names: dict[str, int]) -> None:
        self.node = node
        self.placed = placed
        self.names = names
        self.of: set[str] = set()
        self.values: list[tuple[Tensor, str]] = []
        self.parameters: list[tuple[str, int]] = []
        self.transposed: list[tuple[str, int]] = []
        #: What is left of the versions of each name: each operation of the backward pass reads the last one.
        self.versions = {name: list(each) for name, each in placed.typed.versions.items()} if placed.typed else {}

    def has(self, name: str) -> bool:
        """Whether there is a storage of that name."""
        return name in self.names or name in self.versions

    def read(self, name: str) -> int:
        """The storage that an operation reads under a name."""
        left = self.versions.get(name)
        if not left:
            return self.names[name]
        return self.names[left.pop() if len(left) > 1 else left[0]]

    def copy_of(self, parameter: str) -> int | None:
        """The converted copy of a parameter; None where there is none."""
        [copy] = self.versions.get(parameter, [parameter])
        return self.placed.own.get(copy)


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
        #: The gradients of mixed precision's copies of them, while other uses of the copy are still to come.
        self.of_copies: dict[tuple[object, str], int] = {}
        #: Whether anything has 16 bits, so that types differ.
        self.narrow = storages.setup.dtype != "float32"

    def step(self, phase: str, node: int, operation: str, reads: list[int], makes: list[int]) -> None:
        self.steps.append(PassStep(phase, node, operation, tuple(reads), tuple(makes)))

    # --- forward

    def forward(self) -> None:
        for node, placed in zip(self.network.nodes, self.storages.nodes, strict=True):
            self.node_forward("forward", node, placed)

    def node_forward(self, phase: str, node: Node, placed: Placed) -> None:
        names = self.names(placed)
        forward = placed.composition.forward
        if forward and (self.storages.training or not placed.composition.fused):
            self.composed_forward(phase, node, placed, forward, names)
            return
        reads, own = list(placed.inputs), list(placed.own.values())
        if placed.typed is not None:
            self.convert(phase, node, placed, 0, names)
            copies = {cast.copy for cast in placed.typed.casts}
            inputs = (nth("input", number) for number in range(len(node.inputs)))
            reads = [names[placed.typed.reads.get((0, name), name)] for name in inputs]
            reads += [storage for name, storage in placed.own.items() if name in copies]
            own = [storage for name, storage in placed.own.items() if name not in copies]
        for copy in placed.copies:
            self.copy(phase, node, copy)
        made = [] if placed.output in placed.inputs else [placed.output]
        if not made and not own and placed.copies:
            return  # the copy is the whole operation
        if not self.outcomes[node.index].reads_input:
            reads = []
        self.step(phase, node.index, node.layer.name, reads, [*made, *own])

    def convert(self, phase: str, node: Node, placed: Placed, number: int, names: dict[str, int]) -> None:
        """The conversions to another type before a step; one whose copy does not lie as it should is copied again."""
        assert placed.typed is not None
        for cast in placed.typed.casts:
            if cast.before == number and cast.copy not in placed.cached:
                made = placed.own[cast.copy]
                made = next((copy.source for copy in placed.copies if copy.made == made), made)
                self.step(phase, node.index, "to", [names[cast.name]] if cast.name in names else [], [made])

    def copy(self, phase: str, node: Node, copy: Copy) -> None:
        self.step(phase, node.index, "clone", [copy.source], [copy.made])

    def composed_forward(
        self, phase: str, node: Node, placed: Placed, steps: tuple[Step, ...], names: dict[str, int]
    ) -> None:
        outcome, typed = self.outcomes[node.index], placed.typed
        stored = {tensor.name for tensor in (*outcome.params, *outcome.buffers)}  # they are there anyway
        pending = list(placed.copies)
        for number, step in enumerate(steps):
            read: Iterable[str] = step.reads
            if typed is not None:
                self.convert(phase, node, placed, number, names)
                read = [typed.reads.get((number, name), name) for name in read]
            reads = [names[name] for name in read if name in names or name not in stored]
            if typed is not None:
                reads += [placed.own[cast.copy] for cast in typed.casts if cast.before == number]
            if step.training and not self.storages.training:
                names[step.makes[0].name] = reads[0]
                continue
            while pending and any(copy.made in reads for copy in pending):
                self.copy(phase, node, pending.pop(0))
            if step.unless is not None and step.makes[0].name in names and names[step.makes[0].name] == reads[0]:
                continue
            for tensor in step.makes:
                if tensor.name not in names:
                    dtype = typed.types[tensor.name] if typed else self.storages.storage_type(tensor.dtype)
                    names[tensor.name] = self.transient(node, tensor, dtype)
            self.step(phase, node.index, step.operation, reads, [names[tensor.name] for tensor in step.makes])

    def names(self, placed: Placed) -> dict[str, int]:
        """The storages of a node by the names that steps give them."""
        inputs = {nth("input", number): storage for number, storage in enumerate(placed.inputs)}
        return {**inputs, "output": placed.output, **placed.own}

    def transient(self, node: Node, tensor: Tensor, dtype: str) -> int:
        return self.storages.allocate(tensor.name, tensor.elements, dtype, node.index, tensor.per)

    def hold_cache(self) -> None:
        """The copies of parameters stay until here, where mixed precision's context ends."""
        if self.storages.cached:
            last = self.steps[-1]
            self.steps[-1] = last._replace(reads=(*last.reads, *self.storages.cached.values()))
            self.storages.cached = {}

    # --- the loss

    def losses(self) -> list[_Loss]:
        """The loss of every output that depends on what is trained."""
        return [self.loss(index) for index in self.network.outputs.values() if self.storages.gradients.of_value(index)]

    def loss(self, index: int) -> _Loss:
        """Softmax and cross-entropy, as two operations; a target is a 64-bit class number for each position."""
        allocate = self.storages.allocate
        output = self.storages.interpretation.volume(index)
        logits = self.storages.of_value(index)
        values = self.storages.all[logits].dtype
        target = allocate("target", output.positions, "int64", LOSS)
        made = [target]
        if self.storages.setup.dtype == "amp" and values != "float32":
            values = "float32"
            if self.storages.setup.device == "cpu":  # CUDA's kernel reads 16 bits and gives float32
                copy = allocate("output in float32", output.elements, values, LOSS)
                self.step("loss", LOSS, "to", [logits], [copy, *made])
                logits, made = copy, []
        log_probabilities = allocate("logarithms of the probabilities", output.elements, values, LOSS)
        value = allocate("loss", 1, values, LOSS, "batch")
        weight = allocate("total weight", 1, values, LOSS, "batch")
        self.step("loss", LOSS, "log_softmax", [logits], [log_probabilities, *made])
        self.step("loss", LOSS, "nll_loss", [log_probabilities, target], [value, weight])
        return _Loss(index, logits, log_probabilities, target, weight, value)

    def seed(self, losses: list[_Loss]) -> int:
        """The gradient that the backward pass begins with, 1; what all outputs' losses add up to has it."""
        total = losses[0].value
        for loss in losses[1:]:
            total = self.summed(LOSS, total, loss.value, Amount(WIDTH[self.storages.all[loss.value].dtype]), "loss")
        dtype = self.storages.all[total].dtype
        seed = self.storages.allocate("gradient of the loss", 1, dtype, LOSS, "batch")
        self.step("backward", LOSS, "ones_like", [total], [seed])
        return seed

    def loss_backward(self, loss: _Loss, seed: int) -> None:
        allocate = self.storages.allocate
        output = self.storages.interpretation.volume(loss.node)
        values = self.storages.all[loss.log_probabilities].dtype
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
        if losses:
            seed = self.seed(losses)
        for loss in reversed(losses):
            self.loss_backward(loss, seed)
        again = {self.storages.last_saving(segment): segment for segment in self.storages.checkpoints}
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
        self.hold_cache()

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
        arrived = _Arrived(node, placed, names)
        if outcome.storage == "parameter" and not gradient.layout.cut:
            arrived.parameters += [(tensor.name, read) for tensor in outcome.params]  # it is the output's own
            steps = ()
        parts = placed.composition.parts
        for step in steps:
            if not self.storages.gradients.wanted(node, step.needed_by):
                continue
            if not arrived.of.issuperset(step.reads[:1]):
                self.settle(arrived)
                arrived.of = set(step.reads[:1])
            if step.unless is not None:
                arrived.of.add(step.makes[0].name)
            if parts and step.operation != "sum":  # a sum over what was repeated belongs to the operation before it
                self.pass_on_part(node, placed, outcome, names, gradient)
            self.backward_step(arrived, outcome, step, gradient)
        self.settle(arrived)
        if copied:
            self.step("backward", node.index, "copy_", [names.pop("gradient of input"), gradient.storage], [])
        if self.accumulate and self.storages.gradients.weights[node.index]:
            owner = _owner(node)
            every = [self.of_parameters.get((owner, tensor.name)) for tensor in outcome.params]
            mine = [storage for storage in every if storage is not None]
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
        needs = each_as_one(tuple(move.axes for move in outcome.moves if move.kind == "divide"))
        if needs is None:
            return ()
        made = (Tensor("gradient of input", outcome.output.elements),)
        return (Step("clone", ("gradient",), made, unless=needs),)

    def pass_on(self, node: Node, placed: Placed, outcome: Outcome, names: dict[str, int], gradient: Gradient) -> None:
        """The gradients go to the inputs."""
        shared = names.get("gradient of inputs", gradient.storage)
        for number, index in enumerate(node.inputs):
            if self.storages.gradients.of_value(index):
                own = names.get(f"gradient of {nth('input', number)}")
                as_made = shared if own is None else own
                storage = self.summed_over_samples(node, index, self.restored(node.index, index, as_made))
                made = own not in (None, gradient.storage)
                layout = self.gradient_layout(placed, outcome, index, gradient, made=made)
                if storage != as_made:
                    layout = layout.dense
                self.arrive(index, Gradient(storage, layout, gradient.whole), node.index)

    def summed_over_samples(self, node: Node, index: int, storage: int) -> int:
        """The gradient of a value that is there once for all samples, and which each sample reads."""
        storages = self.storages
        alone = storages.setup.one_sample or storages.per(index) == storages.per(node.index)
        if alone or certainly_equal(storages.all[storage].amount.per_sample, 0):
            return storage
        elements = storages.interpretation.volume(index).elements
        made = storages.allocate("gradient of input", elements, storages.all[storage].dtype, node.index, "batch")
        self.step("backward", node.index, "sum", [storage], [made])
        return made

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

    def backward_step(self, arrived: _Arrived, outcome: Outcome, step: Step, gradient: Gradient) -> None:
        """One operation; what it makes is named, and waits to be settled where that takes another operation."""
        node, names = arrived.node, arrived.names
        if self.lies_so(step, gradient.layout, outcome.output):
            names[step.makes[0].name] = names[step.reads[0]]
            return
        stored = {tensor.name for tensor in outcome.params}  # they are there anyway
        reads = [arrived.read(name) for name in step.reads if arrived.has(name) or name not in stored]
        made: list[int] = []
        of_parameters: list[tuple[str, int]] = []
        inputs = {nth("input", number): number for number in range(len(node.inputs))}
        for tensor in step.makes:
            value = _value_of(tensor.name)
            dtype = self.made_type(arrived, step, tensor, value, reads)
            if value in stored and tensor.name == f"gradient of {value}":
                if self.storages.gradients.weights[node.index]:
                    storage = self.storages.allocate(tensor.name, tensor.elements, dtype, node.index, "batch")
                    of_parameters.append((value, storage))
                    made.append(storage)
            elif value not in inputs or self.storages.gradients.of_value(node.inputs[inputs[value]]):
                if (
                    step.operation == "sum"
                    and value in inputs
                    and self.storages.per(node.inputs[inputs[value]]) == "batch"
                ):
                    tensor = tensor._replace(per="batch")
                names[tensor.name] = self.transient(node, tensor, dtype)
                made.append(names[tensor.name])
                if self.narrow and self.original_type(arrived, value) not in (None, dtype):
                    arrived.values.append((tensor, value))
        self.step("backward", node.index, step.operation, reads, made)
        # The weights of a product are transposed: their gradients pass one more node of autograd.
        (arrived.transposed if step.operation == "mm" else arrived.parameters).extend(of_parameters)

    def made_type(self, arrived: _Arrived, step: Step, tensor: Tensor, value: str, reads: list[int]) -> str:
        """The type of what an operation of the backward pass makes. A kernel makes a gradient in the type in which the
        forward pass read the value."""
        if not self.narrow or tensor.dtype not in (VALUE, OF_INPUT):
            return self.storages.storage_type(tensor.dtype)
        if tensor.dtype == OF_INPUT:
            value = "input"
        if step.operation.endswith("_backward") or tensor.dtype == OF_INPUT:
            seen = self.seen_type(arrived, value)
            if seen is not None:
                return seen
        types = [self.storages.all[storage].dtype for storage in reads]
        return made_in(step.operation, types, self.storages.all[arrived.names["gradient"]].dtype)

    def original_type(self, arrived: _Arrived, value: str) -> str | None:
        """The type of a value of the forward pass, before any conversion; None for what is none."""
        if arrived.placed.typed is not None:
            return arrived.placed.typed.types.get(value)
        if value in arrived.names and value.startswith("input"):
            return self.storages.all[arrived.names[value]].dtype
        return None

    def seen_type(self, arrived: _Arrived, value: str) -> str | None:
        """The type in which the operation that saved a value, or all that read it, had it."""
        typed = arrived.placed.typed
        if typed is not None and value in typed.versions:
            return typed.types[arrived.versions[value][-1] if arrived.versions.get(value) else typed.versions[value][0]]
        if value in {tensor.name for tensor in self.outcomes[arrived.node.index].params}:
            return self.storages.values
        return self.original_type(arrived, value)

    def settle(self, arrived: _Arrived) -> None:
        """What the operation before has made becomes what autograd passes on: gradients of inputs in the inputs' types,
        and then those of parameters, weights before biases where both must be converted back."""
        node, names = arrived.node, arrived.names
        for tensor, value in arrived.values:
            dtype = self.original_type(arrived, value)
            assert dtype is not None
            storage = self.transient(node, tensor, dtype)
            self.step("backward", node.index, "to", [names[tensor.name]], [storage])
            names[tensor.name] = storage
        gradients = arrived.parameters + arrived.transposed
        if arrived.placed.typed is not None:
            order = [tensor.name for tensor in self.outcomes[node.index].params]
            gradients.sort(key=lambda gradient: order.index(gradient[0]))
        for name, storage in gradients:
            self.keep_gradient(arrived, name, storage)
        arrived.values.clear()
        arrived.parameters.clear()
        arrived.transposed.clear()

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

    def keep_gradient(self, arrived: _Arrived, name: str, storage: int) -> None:
        """The gradient of a parameter stays: converted to the parameter's type, added to what other uses gave it.

        Uses that share a converted copy add up its gradients first, and the first of them converts the sum.
        """
        node = arrived.node
        owner = (_owner(node), name)
        made = self.storages.all[storage]
        if made.dtype != self.storages.values:
            copy = arrived.copy_of(name)
            if copy is not None:
                before = self.of_copies.pop(owner, None)
                if before is not None:
                    storage = self.summed(node.index, before, storage, made.amount)
                if self.storages.all[copy].node != node.index:
                    self.of_copies[owner] = storage
                    return
            [parameter] = [tensor for tensor in self.outcomes[node.index].params if tensor.name == name]
            converted = self.storages.allocate(made.what, parameter.elements, self.storages.values, node.index, "batch")
            self.step("backward", node.index, "to", [storage], [converted])
            storage = converted
        before = self.of_parameters.get(owner)
        if before is None:
            storage = self.laid_like_kernels(node, self.outcomes[node.index], name, storage)
        else:
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
            size = self.storages.interpretation.volume(index).elements * width
            amount = Amount(0, size) if self.storages.per(index) == "sample" else Amount(size, 0)
            storage = self.summed(node, before.storage, gradient.storage, amount)
            gradient = Gradient(storage, before.layout.dense)
        self.of_values[index] = gradient

    def summed(self, node: int, before: int, gradient: int, amount: Amount, phase: str = "backward") -> int:
        what = "sum of gradients" if phase == "backward" else "sum of losses"
        self.storages.all.append(Storage(amount, self.storages.all[gradient].dtype, what, node))
        made = len(self.storages.all) - 1
        self.step(phase, node, "add", [before, gradient], [made])
        return made


@cache
def _value_of(gradient: str) -> str:
    """The name of the value that a gradient is of: `gradient of input`, `gradient 2 of input`."""
    what, _, value = gradient.partition(" of ")
    return value if what.split(" ")[0] == "gradient" else ""


def _owner(node: Node) -> object:
    """Whose a node's parameters are: its own, or its pool's."""
    return node.index if node.tied is None else node.tied
