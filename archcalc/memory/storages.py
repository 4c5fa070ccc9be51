"""Which storages a pass makes, and which of them training keeps for the backward pass.

A layer's rule names tensors; here each becomes a storage, once: a ReLU's output and the next convolution's saved input
are one, and views and in-place operations share the storage of what they work on. All of it is arithmetic on sizes,
so that it serves one network, a sweep and a formula alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy

from archcalc.analysis.interpret import Interpretation
from archcalc.language.network import INPUT_INDEX, Node, is_input
from archcalc.layers.layout import Needs
from archcalc.layers.outcome import Composition, Outcome, Saved
from archcalc.memory.amount import NOTHING, Amount
from archcalc.memory.checkpoint import Segment
from archcalc.memory.gradients import Gradients, gradients
from archcalc.memory.layout import Layout, first, fits, is_whole, laid, last, moved, shape_of
from archcalc.memory.precision import WIDTH, computes_in, ends_in, storage_type
from archcalc.memory.setup import Setup
from archcalc.records import Record
from archcalc.sizes.kinds import Size, is_concrete
from archcalc.sizes.symbols import Undecided


class Storage(Record):
    """A piece of memory: its amount, the type of its elements, what it is, and the number of the node that made it."""

    amount: Amount
    dtype: str
    what: str
    node: int


class Copy(Record):
    """A copy of an input: the operation that makes it, what it reads and what it makes."""

    operation: str
    source: int
    made: int


class Placed(Record):
    """Where the tensors of one node lie; every int is the number of a storage.

    `values` is the type that the layer computes in. `inputs` are what it computes with: where an input has another
    type, or does not lie as the layer needs it, the copy that is made of it; `copies` are those, in order. `own` are
    its own tensors by name, those of `saved` and those that it drops at once; `weights` are those among them that are
    copies of parameters in another type. `layout` is how the output lies.
    """

    values: str
    inputs: tuple[int, ...]
    output: int
    own: dict[str, int]
    saved: tuple[tuple[Saved, int], ...]
    weights: tuple[int, ...]
    composition: Composition
    layout: Layout
    copies: tuple[Copy, ...] = ()


class Storages:
    """The storages of a pass: of training, or of inference, where nothing is saved.

    Nodes inside `checkpoints` keep nothing either, until `place_again` computes them once more. Undecided where the
    sizes are arrays or symbols whose values differ in which storages there are.
    """

    def __init__(
        self,
        interpretation: Interpretation,
        setup: Setup,
        *,
        training: bool = True,
        checkpoints: tuple[Segment, ...] = (),
    ) -> None:
        self.interpretation = interpretation
        self.setup = setup
        self.training = training
        self.checkpoints = checkpoints
        self._forgetful = {index for segment in checkpoints for index in range(segment.first, segment.last + 1)}
        self.gradients: Gradients = gradients(interpretation, setup)
        self.all: list[Storage] = []
        self._amounts: dict[Amount, Amount] = {}
        self.nodes: list[Placed] = []
        #: Mixed precision's copies of parameters: at inference its cache holds them until the pass ends.
        self.cached: dict[tuple[object, str], int] = {}
        network = interpretation.network
        numbers = range(INPUT_INDEX, -1 - len(network.inputs), -1)
        #: The storages of the network's inputs, which come before all others.
        self.inputs = [
            self.allocate("the network's input", network.input_volume(index).elements, self._input_type(index), index)
            for index in numbers
        ]
        self.input_layouts = [self._input_layout(index) for index in numbers]
        for node, outcome in zip(network.nodes, interpretation.outcomes, strict=True):
            if outcome.undecided:
                raise Undecided(f"which tensors `{node.name}` stores depends on what is free")
            self.nodes.append(self._place(node, outcome))

    def copy(self) -> Storages:
        """The same storages, to which the steps of a pass add theirs without changing these."""
        made = copy(self)
        made.all = list(self.all)
        made.nodes = list(self.nodes)
        made.cached = dict(self.cached)
        made._forgetful = set(self._forgetful)
        return made

    def allocate(self, what: str, elements: Size, dtype: str, node: int, per: str = "sample") -> int:
        """A new storage; returns its number. Whoever orders the steps of a pass adds gradients and transients."""
        size = elements * WIDTH[dtype]
        amount = Amount(0, size) if per == "sample" else Amount(size, 0)
        if is_concrete(size):  # a network repeats itself, and so do its storages
            amount = self._amounts.setdefault(amount, amount)
        self.all.append(Storage(amount, dtype, what, node))
        return len(self.all) - 1

    def of_value(self, index: int) -> int:
        """The storage of a node's output, or of an input of the network."""
        return self.inputs[-1 - index] if is_input(index) else self.nodes[index].output

    def layout_of(self, index: int) -> Layout:
        """How a node's output, or the network's input, lies."""
        return self.input_layouts[-1 - index] if is_input(index) else self.nodes[index].layout

    def place_again(self, index: int) -> Placed:
        """New storages for a node that is computed a second time, on what its inputs are by then, and now saved."""
        self._forgetful.discard(index)
        self.nodes[index] = self._place(self.interpretation.network.nodes[index], self.interpretation.outcomes[index])
        return self.nodes[index]

    def saved_first(self) -> list[list[int]]:
        """The storages that each node is the first to keep."""
        seen: set[int] = set()
        result = []
        entries = {
            segment.first: [self.of_value(index) for index in self._entries(segment)] for segment in self.checkpoints
        }
        for number, placed in enumerate(self.nodes):
            saved = dict.fromkeys([*entries.get(number, ()), *(s for _, s in placed.saved)])
            newly = [storage for storage in saved if storage not in seen]
            seen.update(newly)
            result.append(newly)
        return result

    def _entries(self, segment: Segment) -> list[int]:
        """The values that a segment reads from outside: what is saved of it while its inside is not."""
        nodes = self.interpretation.network.nodes[segment.first : segment.last + 1]
        return list(dict.fromkeys(i for node in nodes for i in node.inputs if i < segment.first))

    def _input_type(self, index: int) -> str:
        """Indices where an embedding looks them up, the network's type for values otherwise."""
        views = {index}
        for node, outcome in zip(self.interpretation.network.nodes, self.interpretation.outcomes, strict=True):
            if node.inputs[0] in views:
                for saved in outcome.saved:
                    if saved.what == "input" and saved.dtype == "int64":
                        return "int64"
                if outcome.storage == "view":
                    views.add(node.index)
        return "float32" if self.setup.dtype == "amp" else self.setup.dtype

    def _input_layout(self, index: int) -> Layout:
        """A sequence comes as the layer that takes it first wants it, [N, L, C] or [N, C, L]; maps channels first."""
        network = self.interpretation.network
        rank = network.input_volume(index).rank
        if rank == 1:
            for node, outcome in zip(network.nodes, self.interpretation.outcomes, strict=True):
                if index in node.inputs and outcome.lies in ("channels last", "positions first"):
                    return last(1)
        return first(rank)

    def _place(self, node: Node, outcome: Outcome) -> Placed:
        reached = tuple(self.of_value(i) for i in node.inputs)
        types = tuple(self.all[storage].dtype for storage in reached)
        values = computes_in(outcome.autocast, types, self.setup.dtype)
        layouts = tuple(self.layout_of(index) for index in node.inputs)
        if outcome.composition.fused and not self.training and self.setup.dtype != "amp":
            outcome = outcome._replace(
                composition=Composition(), rearranged=None, needs=None, lies="channels last", viewed=False
            )
        copies: list[Copy] = []
        converts = self.setup.dtype == "amp" and outcome.autocast in ("half", "float32")
        inputs = tuple(
            self._arranged(node, outcome, number, storage, copies)
            for number, storage in enumerate(self._converted(node, reached, values, copies) if converts else reached)
        )
        composition = outcome.composition
        if outcome.rearranged and not self._lies(node.inputs[0], layouts[0], outcome.needs):
            composition = outcome.rearranged
        output, layout = self._output(node, outcome, values, inputs, layouts[0], copied=bool(copies))
        if outcome.viewed and composition is not outcome.rearranged:
            layout = layout._replace(view=True)
        if composition.device not in (None, self.setup.device):
            composition = Composition(slices=composition.slices)
        own = self._copied_weights(node, outcome, values)
        weights = tuple(own.values())
        saved = tuple(self._keep(node, outcome, values, inputs, output, own))
        return Placed(values, inputs, output, own, saved, weights, composition, layout, tuple(copies))

    def _copied_weights(self, node: Node, outcome: Outcome, values: str) -> dict[str, int]:
        """The copies that mixed precision makes of parameters: in training those that the backward pass reads; at
        inference all that the layer computes with, once for all layers that share them."""
        if self.setup.dtype != "amp" or outcome.autocast != "half":
            return {}
        named = {saved.what for saved in outcome.saved}
        copies = {}
        for tensor in outcome.params:
            key = (node.index if node.tied is None else node.tied, tensor.name)
            if not self.training and key in self.cached:
                copies[tensor.name] = self.cached[key]
            elif not self.training or tensor.name in named:
                what = f"{tensor.name} in {values}"
                copies[tensor.name] = self.allocate(what, tensor.elements, values, node.index, "batch")
                self.cached[key] = copies[tensor.name]
        return copies

    def _output(
        self, node: Node, outcome: Outcome, values: str, inputs: tuple[int, ...], layout: Layout, *, copied: bool
    ) -> tuple[int, Layout]:
        """The storage of the output, the input's for views and in-place operations, and how it lies there."""
        if outcome.storage == "view" and outcome.moves:
            if not copied:
                return inputs[0], moved(layout, outcome.moves)
            return inputs[0], moved(first(len(layout.order) - 2), outcome.moves).dense
        if outcome.storage in ("view", "inplace") or (outcome.storage == "training" and not self.training):
            return inputs[0], layout
        if not outcome.reads_input:
            dtype = "float32" if self.setup.dtype == "amp" else self.setup.dtype
            made = outcome.output.elements if outcome.storage == "constant" else 0
            lies = laid(outcome.lies, layout, (), outcome.output.rank)
            return self.allocate("output", made, dtype, node.index, "batch"), lies
        dtype = ends_in(outcome.autocast, values, self.setup.dtype)
        computed = outcome.computed or outcome.output
        made = self.allocate("output", computed.elements, dtype, node.index)
        lies = laid(outcome.lies, layout, self.shape(node.inputs[0]), outcome.output.rank)
        return made, moved(lies, outcome.moves) if outcome.computed else lies

    def shape(self, index: int) -> tuple[Size, ...]:
        """All axes of a node's output, or of the network's input, the batch as one or several."""
        return shape_of(self.interpretation.volume(index), one_sample=self.setup.one_sample)

    def _lies(self, index: int, layout: Layout, needs: Needs | None) -> bool:
        """Whether a value is contiguous in the order in which it is needed."""
        return needs is None or is_whole(layout, self.shape(index), needs.order)

    def _converted(self, node: Node, reached: tuple[int, ...], values: str, copies: list[Copy]) -> Iterator[int]:
        """The storages that the inputs are computed with: copies of those that are of another type."""
        for index, storage in zip(node.inputs, reached, strict=True):
            if self.all[storage].dtype in (values, "int64"):
                yield storage
                continue
            elements = self.interpretation.volume(index).elements
            made = self.allocate(f"input in {values}", elements, values, node.index)
            copies.append(Copy("to", storage, made))
            yield made

    def _arranged(self, node: Node, outcome: Outcome, number: int, storage: int, copies: list[Copy]) -> int:
        """The same, if it does not lie as the layer needs it."""
        index = node.inputs[number]
        layout = self.layout_of(index)
        volume = self.interpretation.volume(index)
        if outcome.needs is None or fits(layout, self.shape(index), outcome.needs):
            return storage
        made = self.allocate("input rearranged", volume.elements, self.all[storage].dtype, node.index)
        copies.append(Copy("clone", storage, made))
        return made

    def _keep(
        self, node: Node, outcome: Outcome, values: str, inputs: tuple[int, ...], output: int, own: dict[str, int]
    ) -> list[tuple[Saved, int]]:
        """What the node keeps; tensors of its own are put into `own`, saved or not."""
        result = []
        parameters = {tensor.name for tensor in outcome.params}
        for saved in outcome.saved:
            if saved.what in parameters and saved.what not in own:
                continue  # the parameter itself, which is there anyway
            if saved.device not in (None, self.setup.device):
                continue
            keeps = self.training and node.index not in self._forgetful
            wanted = keeps and self.gradients.wanted(node, saved.needed_by)
            if saved.what == "input":
                storage = inputs[saved.of]
            elif saved.what == "output":
                storage = output
            else:
                if not (wanted or saved.made == "always" or (self.training and saved.made == "training")):
                    continue
                index = node.inputs[saved.of]
                if saved.unless and fits(self.layout_of(index), self.shape(index), saved.unless):
                    own[saved.what] = inputs[saved.of]
                if saved.what not in own:
                    dtype = storage_type(saved.dtype, values, self.setup.dtype)
                    own[saved.what] = self.allocate(saved.what, saved.elements, dtype, node.index, saved.per)
                storage = own[saved.what]
            if wanted:
                result.append((saved, storage))
        return result


class SavedMemory(Record):
    """What training keeps for the backward pass, each storage once, counted at the layer that keeps it first."""

    total: Amount
    without_input: Amount
    layers: list[Amount]
    #: The numbers of the storages.
    storages: frozenset[int]


def saved_memory(storages: Storages) -> SavedMemory:
    """Add up what is saved. Parameters and buffers are not in it, and neither is the loss."""
    layers = []
    kept: set[int] = set()
    for newly in storages.saved_first():
        amount = NOTHING
        for storage in newly:
            amount = amount + storages.all[storage].amount
        kept.update(newly)
        layers.append(amount)
    total = NOTHING
    for amount in layers:
        total = total + amount
    without = total
    for storage in storages.inputs:
        if storage in kept:
            without = without - storages.all[storage].amount
    return SavedMemory(total, without, layers, frozenset(kept))
