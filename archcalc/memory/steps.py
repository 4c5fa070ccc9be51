"""The steps of a pass in the order in which a framework runs them: forward, loss, and backward.

What the operations of a layer are is decided in `forward` and `backward`, once for all layers for which it is the same;
here the decisions follow each other, and get the numbers of the network's storages.
"""

from __future__ import annotations

from collections.abc import Sequence

from archcalc.language.network import INPUT_INDEX, Node
from archcalc.memory.amount import Amount
from archcalc.memory.backward import Arrival, Backward, Gradient, GradientCall
from archcalc.memory.checkpoint import Segment
from archcalc.memory.draft import Decision, Draft, Operation, Storage
from archcalc.memory.forward import forward
from archcalc.memory.liveness import Steps
from archcalc.memory.placement import Placement
from archcalc.memory.precision import WIDTH
from archcalc.memory.storages import Storages, owner
from archcalc.records import Record

#: The node number of steps that belong to the loss.
LOSS = -(1 << 40)


class Pass(Record):
    """The steps of a pass, its storages, and those of the parameters' gradients.

    Whoever calls holds the targets, and from when they are made on the loss and its gradient: `of_caller`. What enters
    a stretch that is computed again is held until a step of the backward pass: `entered`.
    """

    steps: Steps
    storages: Storages
    parameter_gradients: list[int]
    targets: list[int]
    of_caller: list[int]
    entered: list[tuple[int, int]]


def inference(storages: Storages) -> Pass:
    """The forward pass without gradients."""
    order = _Order(storages)
    order.forward()
    if not len(order.steps):  # a network without layers is its input
        reads = tuple(range(len(storages.inputs)))
        decision = Decision([Operation("input", reads, ())], len(reads))
        order.add("forward", INPUT_INDEX, decision, list(storages.inputs))
    return Pass(order.steps, storages, [], [], [], [])


def training(storages: Storages, *, accumulate: bool = False) -> Pass:
    """The forward pass, the cross-entropy loss of every output, and the backward pass.

    With `accumulate` each layer ends by adding its parameters' gradients to those that are there from before.
    """
    order = _Order(storages, accumulate)
    order.forward()
    losses = order.losses()
    order.hold_cache()
    order.backward(losses)
    shared = (storage for gradients in order.of_shared.values() for storage in gradients.values())
    targets = [loss.target for loss in losses]
    return Pass(order.steps, storages, [*order.of_parameters, *shared], targets, order.of_caller, order.entered)


class _Loss(Record):
    """The loss of one output: the node, and the storages that its backward pass reads."""

    node: int
    log_probabilities: int
    target: int
    total_weight: int
    value: int


class _Order:
    def __init__(self, storages: Storages, accumulate: bool = False) -> None:
        self.storages = storages
        self.accumulate = accumulate
        self.network = storages.interpretation.network
        self.steps = Steps()
        #: What has been decided.
        self.forwards: dict[Placement, Decision] = {}
        self.backwards: dict[GradientCall, Backward] = {}
        #: The gradients that came of it, each made once.
        self.known: dict[tuple[object, ...], Gradient] = {}
        #: The gradient that has arrived so far, by node.
        self.of_values: dict[int, Arrival] = {}
        #: The gradients of parameters, and of those that layers share, by their owner and by name.
        self.of_parameters: list[int] = []
        self.of_shared: dict[object, dict[str, int]] = {}
        #: The gradients of mixed precision's copies of these, while other uses of the copy are still to come.
        self.of_copies: dict[object, dict[str, int]] = {}
        #: The loss and its gradient.
        self.of_caller: list[int] = []
        #: What enters the stretches that have been computed again, by their nodes; and the steps after which nobody can
        #: ask for what was saved of such a stretch.
        self.entries: dict[int, set[int]] = {}
        self.entered: list[tuple[int, int]] = []

    def add(self, phase: str, node: int, decision: Decision, numbers: list[int]) -> list[int]:
        """The steps of a layer after those before; to the numbers of the storages that it is given come those of what
        it makes."""
        if decision.made:
            numbers += self.storages.add(node, decision.made)
        self.steps.add(phase, node, decision, numbers)
        return numbers

    def once(self, gradient: Gradient) -> Gradient:
        """The gradient; where there is an equal one already, that object."""
        return self.known.setdefault(tuple(gradient), gradient)

    # --- forward

    def forward(self) -> None:
        for index, placement in enumerate(self.storages.placements):
            self.node_forward("forward", index, placement)

    def node_forward(self, phase: str, index: int, placement: Placement) -> None:
        decision = self.forwards.get(placement)
        if decision is None:
            decision = self.forwards[placement] = forward(placement, self.storages.mode)
        self.add(phase, index, decision, self.storages.numbers(index))

    def hold_cache(self) -> None:
        """The copies of parameters stay until here, where mixed precision's context ends."""
        self.steps.hold(sorted(copy for copies in self.storages.cached.values() for copy in copies.values()))
        self.storages.cached = {}

    # --- the loss

    def losses(self) -> list[_Loss]:
        """The loss of every output that depends on what is trained."""
        return [self.loss(index) for index in self.network.outputs.values() if self.storages.value(index).trained]

    def draft(self, *given: int) -> Draft:
        """A draft that is given the storages of these numbers."""
        return Draft(self.storages.all[number] for number in given)

    def loss(self, index: int) -> _Loss:
        """Softmax and cross-entropy, as two operations; a target is a 64-bit class number for each position."""
        output, setup = self.storages.value(index), self.storages.setup
        number = self.storages.of_value(index)
        draft = self.draft(number)
        logits, values = 0, output.storage.dtype
        target = draft.allocate("target", output.volume.positions, "int64")
        made = [target]
        if setup.dtype == "amp" and values != "float32":
            values = "float32"
            if setup.device == "cpu":  # CUDA's kernel reads 16 bits and gives float32
                copy = draft.allocate("output in float32", output.volume.elements, values)
                draft.step("to", [logits], [copy, *made])
                logits, made = copy, []
        log_probabilities = draft.allocate("logarithms of the probabilities", output.volume.elements, values)
        value = draft.allocate("loss", 1, values, "batch")
        weight = draft.allocate("total weight", 1, values, "batch")
        draft.step("log_softmax", [logits], [log_probabilities, *made])
        draft.step("nll_loss", [log_probabilities, target], [value, weight])
        draft.hold(0, logits)  # by the function, and by its caller
        numbers = self.add("loss", LOSS, draft.decision(), [number])
        return _Loss(index, *(numbers[each] for each in (log_probabilities, target, weight, value)))

    def seed(self, losses: Sequence[_Loss]) -> int:
        """The gradient that the backward pass begins with, 1; what all outputs' losses add up to has it."""
        total = losses[0].value
        for loss in losses[1:]:
            draft = self.draft(total, loss.value)
            dtype = draft.storages[1].dtype
            draft.step("add", [0, 1], [draft.add(Storage(Amount(WIDTH[dtype]), dtype, "sum of losses"))])
            total = self.add("loss", LOSS, draft.decision(), [total, loss.value])[-1]
        draft = self.draft(total)
        draft.step("ones_like", [0], [draft.allocate("gradient of the loss", 1, draft.storages[0].dtype, "batch")])
        self.of_caller = self.add("backward", LOSS, draft.decision(), [total])
        return self.of_caller[-1]

    def loss_backward(self, loss: _Loss, seed: int) -> None:
        output = self.storages.value(loss.node)
        given = [seed, loss.log_probabilities, loss.target, loss.total_weight]
        before = self.of_values.get(loss.node)
        if before is not None:
            given.append(before.number)
        draft = self.draft(*given)
        values, original = draft.storages[1].dtype, output.storage.dtype
        of_log = draft.allocate("gradient of the logarithms", output.volume.elements, values)
        draft.step("nll_loss_backward", [0, 1, 2, 3], [of_log])
        gradient = draft.allocate("gradient of output", output.volume.elements, values)
        draft.step("log_softmax_backward", [of_log, 1], [gradient])
        if values != original:
            made = draft.allocate("gradient of input", output.volume.elements, original)
            draft.step("to", [gradient], [made])
            gradient = made
        if before is not None:
            size = output.volume.elements * WIDTH[original]
            amount = Amount(0, size) if output.per == "sample" else Amount(size, 0)
            made = draft.add(Storage(amount, original, "sum of gradients"))
            draft.step("add", [4, gradient], [made])
            gradient = made
        numbers = self.add("backward", LOSS, draft.decision(), given)
        arrived = self.once(Gradient(draft.storages[gradient], output.layout.dense))
        self.of_values[loss.node] = Arrival(numbers[gradient], arrived)

    # --- backward

    def backward(self, losses: Sequence[_Loss]) -> None:
        if losses:
            seed = self.seed(losses)
        for loss in reversed(losses):
            self.loss_backward(loss, seed)
        again = {self.storages.last_saving(segment): segment for segment in self.storages.checkpoints}
        let_go = {self.storages.first_saving(segment): segment for segment in self.storages.checkpoints}
        for node in reversed(self.network.nodes):
            gradient = self.of_values.pop(node.index, None)
            if gradient is not None:
                segment = again.get(node.index)
                if segment is not None:
                    self.place_again(segment)
                last = self.node_backward(node, gradient, segment)
                if node.index in let_go:
                    self.entered += [(entry, last) for entry in self.storages.entries(let_go[node.index])]

    def place_again(self, segment: Segment) -> None:
        """A checkpointed stretch has new storages, and this time what its backward pass needs is saved."""
        entries = set(self.storages.entries(segment))
        for index in range(segment.first, segment.last + 1):
            self.entries[index] = entries
            self.storages.place_again(index)

    def recompute(self, segment: Segment) -> None:
        """A checkpointed stretch is computed again."""
        for index in range(segment.first, segment.last + 1):
            self.node_forward("recompute", index, self.storages.placements[index])
        self.hold_cache()

    def node_backward(self, node: Node, gradient: Arrival, segment: Segment | None) -> int:
        """The backward pass of a layer; the segment is computed again when the first of its nodes of autograd's graph
        asks for what was saved. Returns the number of the last step that such a node runs."""
        inputs = node.inputs
        arrived = [self.of_values.get(index) for index in inputs]
        place: dict[int, int] = {}
        same = tuple([place.setdefault(index, number) for number, index in enumerate(inputs)])
        call = GradientCall(
            self.storages.placements[node.index],
            gradient.gradient,
            tuple([None if each is None else each.gradient for each in arrived]),
            same,
        )
        given = self.storages.numbers(node.index)
        entries = self.entries.get(node.index)
        if entries is not None:
            again = frozenset(place for place, number in enumerate(given) if number not in entries)
            call = call._replace(recomputed=again)
        given.append(gradient.number)
        given += [each.number for number, each in enumerate(arrived) if each is not None and same[number] == number]
        if node.tied is not None:
            parameters, copies = self.of_shared.get(owner(node), {}), self.of_copies.get(owner(node), {})
            call = call._replace(parameters=tuple(parameters), copies=tuple(copies))
            given += [*parameters.values(), *copies.values()]
        backward = self.backwards.get(call)
        if backward is None:
            mode = self.storages.mode
            backward = self.backwards[call] = Backward(call, mode, accumulate=self.accumulate, once=self.once)
        if segment is None:
            numbers = self.add("backward", node.index, backward.decision, given)
        else:
            numbers = [*given, *self.storages.add(node.index, backward.decision.made)]
            before, after = backward.decision.split(backward.asks.first)
            self.steps.add("backward", node.index, before, numbers)
            self.recompute(segment)
            self.steps.add("backward", node.index, after, numbers)
        for number, (storage, of_input) in backward.inputs:
            self.of_values[inputs[number]] = Arrival(numbers[storage], of_input)
        if node.tied is None:
            self.of_parameters += [numbers[storage] for storage in backward.parameters.values()]
        else:
            self.of_shared[owner(node)] = {name: numbers[storage] for name, storage in backward.parameters.items()}
            self.of_copies[owner(node)] = {name: numbers[storage] for name, storage in backward.copies.items()}
        return len(self.steps) - len(backward.decision.operations) + backward.asks.last
