"""Which storages a pass makes, and which of them training keeps for the backward pass.

A layer's rule names tensors; here each becomes a storage, once: a ReLU's output and the next convolution's saved input
are one, and views and in-place operations share the storage of what they work on. All of it is arithmetic on sizes,
so that it serves one network, a sweep and a formula alike.
"""

from __future__ import annotations

from copy import copy

from archcalc.analysis.interpret import Interpretation
from archcalc.language.network import INPUT_INDEX, Node, is_input
from archcalc.layers.layout import Needs
from archcalc.layers.outcome import Composition, Outcome, Per, Saved, Step, Tensor, nth
from archcalc.memory.amount import NOTHING, Amount
from archcalc.memory.casts import Typed, typed
from archcalc.memory.checkpoint import Segment, as_computed_twice
from archcalc.memory.gradients import Gradients, gradients
from archcalc.memory.layout import Layout, first, fits, is_whole, laid, last, moved, shape_of
from archcalc.memory.precision import WIDTH, storage_type
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
    """A copy of a tensor that does not lie as the layer needs it: what it reads and what it makes."""

    source: int
    made: int


class Placed(Record):
    """Where the tensors of one node lie; every int is the number of a storage.

    `inputs` are what it computes with: where an input does not lie as the layer needs it, the copy that is made of it.
    `own` are its own tensors by name, those of `saved` and those that it drops at once, with the copies in another type
    that `typed` names; `cached` are the names of those that the pass has from an earlier layer. `layout` is how the
    output lies.
    """

    inputs: tuple[int, ...]
    output: int
    own: dict[str, int]
    saved: tuple[tuple[Saved, int], ...]
    composition: Composition
    layout: Layout
    copies: tuple[Copy, ...] = ()
    typed: Typed | None = None
    cached: frozenset[str] = frozenset()


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
        self.gradients: Gradients = gradients(interpretation, setup)
        self.checkpoints = tuple(segment for segment in checkpoints if self.last_saving(segment) is not None)
        if self.checkpoints:
            self.interpretation = interpretation = as_computed_twice(interpretation, self.checkpoints)
        #: The type of parameters, and of what is computed of them where nothing else says.
        self.values = setup.parameters
        self._forgetful = {index for segment in self.checkpoints for index in range(segment.first, segment.last + 1)}
        self._constant = _independent_of_input(interpretation)
        self.all: list[Storage] = []
        self._amounts: dict[Amount, Amount] = {}
        self.nodes: list[Placed] = []
        #: Mixed precision's copies of parameters: its cache holds them until the forward pass ends.
        self.cached: dict[tuple[object, str], int] = {}
        network = interpretation.network
        numbers = range(INPUT_INDEX, -1 - len(network.inputs), -1)
        #: The storages of the network's inputs, which come before all others.
        self.inputs = [
            self.allocate("the network's input", network.input_volume(index).elements, self._given_type(index), index)
            for index in numbers
        ]
        self.input_layouts = [self._input_layout(index) for index in numbers]
        for node, outcome in zip(network.nodes, interpretation.outcomes, strict=True):
            if outcome.undecided:
                raise Undecided(f"which tensors `{node.name}` stores depends on what is free")
            self.nodes.append(self._place(node, outcome))

    def last_saving(self, segment: Segment) -> int | None:
        """The last node of a stretch that would save anything, parameters too: whoever asks first for what was saved
        has the stretch computed again, and where nothing is saved nobody does."""
        for index in range(segment.last, segment.first - 1, -1):
            node = self.interpretation.network.nodes[index]
            if any(self.gradients.wanted(node, one.needed_by) for one in self.interpretation.outcomes[index].saved):
                return index
        return None

    def copy(self) -> Storages:
        """The same storages, to which the steps of a pass add theirs without changing these."""
        made = copy(self)
        made.all = list(self.all)
        made.nodes = list(self.nodes)
        made.cached = dict(self.cached)
        made._forgetful = set(self._forgetful)
        return made

    def allocate(self, what: str, elements: Size, dtype: str, node: int, per: Per = "sample") -> int:
        """A new storage; returns its number. Whoever orders the steps of a pass adds gradients and transients."""
        size = elements * WIDTH[dtype]
        amount = Amount(0, size) if per == "sample" and self.per(node) == "sample" else Amount(size, 0)
        if is_concrete(size):  # a network repeats itself, and so do its storages
            amount = self._amounts.setdefault(amount, amount)
        self.all.append(Storage(amount, dtype, what, node))
        return len(self.all) - 1

    def per(self, index: int) -> Per:
        """Whether a node computes something for each sample, or the same for all of them."""
        return "batch" if index in self._constant else "sample"

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

    def _given_type(self, index: int) -> str:
        """The type of the network's input, or of a constant: indices where an embedding looks them up, else that of the
        network's values."""
        views = {index}
        for node, outcome in zip(self.interpretation.network.nodes, self.interpretation.outcomes, strict=True):
            if node.inputs[0] in views:
                for saved in outcome.saved:
                    if saved.what == "input" and saved.dtype == "int64":
                        return "int64"
                if outcome.storage == "view":
                    views.add(node.index)
        return self.values

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
        layouts = tuple(self.layout_of(index) for index in node.inputs)
        outcome = self._as_it_runs(node, outcome, reached, layouts)
        typed = self._typed(node, outcome, reached) if self.setup.dtype == "amp" else None
        own, cached = ({}, frozenset[str]()) if typed is None else self._converted(node, outcome, typed)
        copies: list[Copy] = []
        inputs = reached
        if outcome.needs is not None:
            inputs = tuple(
                self._arranged(node, outcome.needs, number, storage, own, typed, copies)
                for number, storage in enumerate(reached)
            )
        values = self.values if typed is None else typed.types["output"]
        output, layout = self._output(node, outcome, values, inputs, layouts[0], copied=bool(copies))
        if outcome.viewed:
            layout = layout._replace(view=True)
        saved = tuple(self._keep(node, outcome, values, inputs, output, own, typed))
        return Placed(inputs, output, own, saved, outcome.composition, layout, tuple(copies), typed, cached)

    def _as_it_runs(
        self, node: Node, outcome: Outcome, reached: tuple[int, ...], layouts: tuple[Layout, ...]
    ) -> Outcome:
        """The outcome with the composition that the pass, the layouts, the types and the device choose."""
        if outcome.composition.fused and not self.training and self._takes_the_fast_path(reached[0]):
            # The kernel takes query, key and value apart, each converted for itself where it must be.
            operands = ("input", "input", "input", *(tensor.name for tensor in outcome.params))
            made = (Tensor("output", outcome.output.elements),)
            kernel = Composition((Step("_native_multi_head_attention", operands, made),))
            outcome = outcome._replace(
                composition=kernel, rearranged=None, needs=None, lies="channels last", viewed=False
            )
        if outcome.rearranged and not self._lies(node.inputs[0], layouts[0], outcome.needs):
            outcome = outcome._replace(composition=outcome.rearranged, viewed=False)
        if outcome.composition.fused and not self.training:
            outcome = outcome._replace(composition=outcome.composition._replace(fused=False))
        if outcome.upcast and self.setup.device == "cpu" and self.all[reached[0]].dtype != "float32":
            outcome = outcome._replace(composition=outcome.upcast.composition, saved=outcome.upcast.saved)
        if outcome.ordered and not self._lies(node.inputs[0], layouts[0], outcome.ordered):
            outcome = outcome._replace(composition=_put_in_order(outcome))
        if outcome.composition.device not in (None, self.setup.device):
            outcome = outcome._replace(composition=Composition(slices=outcome.composition.slices))
        return outcome

    def _takes_the_fast_path(self, query: int) -> bool:
        """Whether torch.nn.MultiheadAttention calls its kernel for inference: the query has its parameters' type, and
        on CUDA there is no autocast."""
        no_autocast = self.setup.dtype != "amp" or self.setup.device == "cpu"
        return no_autocast and self.all[query].dtype == self.values

    def _typed(self, node: Node, outcome: Outcome, reached: tuple[int, ...]) -> Typed:
        """What mixed precision makes of the layer's types."""
        stored = (*outcome.params, *outcome.buffers)
        types = {nth("input", number): self.all[storage].dtype for number, storage in enumerate(reached)}
        types |= {tensor.name: storage_type(tensor.dtype, "float32", None, self.setup.device) for tensor in stored}
        steps = outcome.composition.forward
        if not steps:
            known = {*types, "output"}
            here = (None, self.setup.device)
            own = (saved for saved in outcome.saved if saved.what not in known and saved.device in here)
            made = (Tensor("output", 0), *(Tensor(saved.what, saved.elements, saved.dtype) for saved in own))
            steps = (Step(outcome.function or node.layer.name, tuple(types), made),)
        return typed(steps, types, {tensor.name for tensor in stored}, self.setup.device)

    def _converted(self, node: Node, outcome: Outcome, typed: Typed) -> tuple[dict[str, int], frozenset[str]]:
        """The copies in another type, by name, and which of them the cache had: mixed precision converts a parameter
        that is trained, or would be, once in a pass. Source: torch.autocast, `cached_cast`."""
        own: dict[str, int] = {}
        cached = set()
        parameters = {tensor.name: tensor.elements for tensor in outcome.params}
        made = {tensor.name: tensor for step in outcome.composition.forward for tensor in step.makes}
        owner = node.index if node.tied is None else node.tied
        per: Per
        for cast in typed.casts:
            elements, per = parameters.get(cast.name), "batch"
            trained = elements is not None and self.gradients.weights[node.index]
            key = (owner, cast.copy)
            if trained and key in self.cached:
                own[cast.copy] = self.cached[key]
                cached.add(cast.copy)
                continue
            if elements is None:
                elements, per = self._elements(node, cast.name, made)
            own[cast.copy] = self.allocate(cast.copy, elements, typed.types[cast.copy], node.index, per)
            if trained:
                self.cached[key] = own[cast.copy]
        return own, frozenset(cached)

    def _elements(self, node: Node, name: str, made: dict[str, Tensor]) -> tuple[Size, Per]:
        """The elements of an input or of what a step makes, and whether they are there for each sample."""
        if name in made:
            return made[name].elements, made[name].per
        number = next(number for number in range(len(node.inputs)) if nth("input", number) == name)
        return self.interpretation.volume(node.inputs[number]).elements, "sample"

    def _output(
        self, node: Node, outcome: Outcome, values: str, inputs: tuple[int, ...], layout: Layout, *, copied: bool
    ) -> tuple[int, Layout]:
        """The storage of the output, the input's for views and in-place operations, and how it lies there."""
        if outcome.storage == "view" and outcome.moves:
            if not copied:
                return inputs[0], moved(layout, outcome.moves)
            if outcome.lies == "channels last":
                return inputs[0], last(outcome.output.rank)
            return inputs[0], moved(first(len(layout.order) - 2), outcome.moves).dense
        if outcome.storage in ("view", "inplace") or (outcome.storage == "training" and not self.training):
            return inputs[0], layout
        if not outcome.reads_input:
            made = outcome.output.elements if outcome.storage == "constant" else 0
            lies = laid(outcome.lies, layout, (), outcome.output.rank)
            return self.allocate("output", made, self._given_type(node.index), node.index), lies
        computed = outcome.computed or outcome.output
        made = self.allocate("output", computed.elements, values, node.index)
        lies = laid(outcome.lies, layout, self.shape(node.inputs[0]), outcome.output.rank)
        return made, moved(lies, outcome.moves) if outcome.computed else lies

    def shape(self, index: int) -> tuple[Size, ...]:
        """All axes of a node's output, or of the network's input, the batch as one or several."""
        one = self.setup.one_sample or self.per(index) == "batch"
        return shape_of(self.interpretation.volume(index), one_sample=one)

    def _lies(self, index: int, layout: Layout, needs: Needs | None) -> bool:
        """Whether a value is contiguous in the order in which it is needed."""
        return needs is None or is_whole(layout, self.shape(index), needs.order)

    def _arranged(
        self,
        node: Node,
        needs: Needs,
        number: int,
        storage: int,
        own: dict[str, int],
        typed: Typed | None,
        copies: list[Copy],
    ) -> int:
        """The storage of an input, or of the copy that is made of it where it does not lie as the layer needs it; of
        one that has been converted to another type the conversion is copied."""
        index = node.inputs[number]
        if fits(self.layout_of(index), self.shape(index), needs):
            return storage
        elements = self.interpretation.volume(index).elements
        [version] = (typed and typed.versions.get(nth("input", number))) or (None,)
        source = storage if version is None else own[version]
        made = self.allocate("input rearranged", elements, self.all[source].dtype, node.index)
        copies.append(Copy(source, made))
        if version is None:
            return made
        own[version] = made
        return storage

    def _keep(
        self,
        node: Node,
        outcome: Outcome,
        values: str,
        inputs: tuple[int, ...],
        output: int,
        own: dict[str, int],
        typed: Typed | None,
    ) -> list[tuple[Saved, int]]:
        """What the node keeps; tensors of its own are put into `own`, saved or not."""
        result = []
        parameters = {tensor.name for tensor in outcome.params}
        for saved in outcome.saved:
            name = nth("input", saved.of) if saved.what == "input" else saved.what
            versions = typed.versions.get(name, (name,)) if typed else (name,)
            if name in parameters and versions == (name,):
                continue  # the parameter itself, which is there anyway
            if saved.device not in (None, self.setup.device):
                continue
            keeps = self.training and node.index not in self._forgetful
            wanted = keeps and self.gradients.wanted(node, saved.needed_by)
            known = {nth("input", number): storage for number, storage in enumerate(inputs)}
            known["output"] = output
            if name not in known and name not in parameters:
                if not (wanted or saved.made == "always" or (self.training and saved.made == "training")):
                    continue
                index = node.inputs[saved.of]
                if saved.unless and fits(self.layout_of(index), self.shape(index), saved.unless):
                    own[saved.what] = inputs[saved.of]
                for version in versions:
                    if version not in own:
                        dtype = typed.types[version] if typed else self.storage_type(saved.dtype)
                        own[version] = self.allocate(version, saved.elements, dtype, node.index, saved.per)
            if wanted:
                result += [(saved, own[version] if version in own else known[version]) for version in versions]
        return result

    def storage_type(self, dtype: str) -> str:
        """The type of a tensor of a layer's own where all parameters have the network's type."""
        return storage_type(dtype, self.values, None, self.setup.device)


def _independent_of_input(interpretation: Interpretation) -> frozenset[int]:
    """The nodes that compute the same for every sample, of parameters and constants alone: they do so once a batch."""
    found: set[int] = set()
    for node, outcome in zip(interpretation.network.nodes, interpretation.outcomes, strict=True):
        if not outcome.reads_input or all(index in found for index in node.inputs):
            found.add(node.index)
    return frozenset(found)


def _put_in_order(outcome: Outcome) -> Composition:
    """The composition with a copy of its result as its last step."""
    made = "output as it came"
    output = next(tensor for step in outcome.composition.forward for tensor in step.makes if tensor.name == "output")
    steps = tuple(
        step._replace(makes=tuple(t._replace(name=made) if t.name == "output" else t for t in step.makes))
        for step in outcome.composition.forward
    )
    return outcome.composition._replace(forward=(*steps, Step("clone", (made,), (output,))))


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
