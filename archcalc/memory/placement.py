"""How the tensors of one layer are stored: which storages it makes, where its output lies, and what it saves.

A layer's rule names tensors; here each becomes a storage, once: views and in-place operations share the storage of what
they work on. All of it follows from a `LayerCall`, so that it is decided once for all layers that are called alike.
"""

from __future__ import annotations

from functools import cached_property

from archcalc.layers.layout import Needs
from archcalc.layers.outcome import WEIGHTS, Composition, Instead, Need, Outcome, Per, Saved, Step, Tensor, Way, nth
from archcalc.layers.registry import Layer
from archcalc.memory.casts import Typed, typed
from archcalc.memory.draft import Draft, Storage
from archcalc.memory.layout import Layout, first, fits, is_whole, laid, last, moved, shape_of
from archcalc.memory.precision import AUTOCAST, storage_type
from archcalc.memory.setup import Setup
from archcalc.records import Record
from archcalc.sizes.kinds import Size
from archcalc.sizes.volume import Volume


class Value:
    """What a layer reads or gives. Values are compared as objects: each is made once, whoever gives it."""

    __slots__ = ("layout", "per", "storage", "trained", "volume")

    def __init__(self, storage: Storage, volume: Volume, layout: Layout, per: Per, trained: bool) -> None:
        self.storage = storage
        self.volume = volume
        #: How it lies in the storage.
        self.layout = layout
        #: Whether it is there for each sample, or once for all of them.
        self.per = per
        #: Whether it depends on a parameter that is trained, and so has a gradient.
        self.trained = trained


class Mode(Record):
    """What holds for all layers of a pass."""

    setup: Setup
    #: Whether it is one of training, and not of inference, where nothing is saved.
    training: bool

    def shape(self, value: Value) -> tuple[Size, ...]:
        """All axes of a value, the batch as one or several."""
        return shape_of(value.volume, one_sample=self.setup.one_sample or value.per == "batch")


class LayerCall(Record):
    """All that decides how the tensors of a layer are stored: layers for which this is equal are placed alike."""

    layer: Layer
    #: What the layer's rule says, which is one object for all calls with the same attributes and volumes.
    outcome: Outcome
    inputs: tuple[Value, ...]
    #: Whether its parameters are trained.
    trained: bool
    #: Whether it keeps what its backward pass needs: not at inference, and not inside a checkpoint.
    saves: bool
    #: The converted copies of its parameters that the pass has from a layer with the same ones, with their storages.
    cached: tuple[tuple[str, Storage], ...] = ()
    #: The type of a constant: that of indices where they are looked up.
    constant: str = ""

    @property
    def per(self) -> Per:
        """Whether it computes something for each sample, or the same for all of them: of parameters and constants."""
        alone = not self.outcome.reads_input or all(value.per == "batch" for value in self.inputs)
        return "batch" if alone else "sample"

    @property
    def gives_gradient(self) -> bool:
        """Whether its output has a gradient."""
        return self.trained or (self.outcome.reads_input and any(value.trained for value in self.inputs))

    def wanted(self, need: Need) -> bool:
        """Whether any of the gradients is wanted that something of this layer is needed for."""
        if not need:
            return self.gives_gradient
        return any(self.trained if one == WEIGHTS else self.inputs[int(one)].trained for one in need)


class Copy(Record):
    """A copy of a tensor that does not lie as the layer needs it: what it reads and what it makes."""

    source: int
    made: int


class Placement:
    """Where the tensors of a layer lie; every int is the number of a storage within the layer (see `draft`).

    It is given the storages of its inputs and then those of `call.cached`. `inputs` are what it computes with: where an
    input does not lie as the layer needs it, the copy that is made of it. `own` are its own tensors by name, those of
    `saved` and those that it drops at once, with the copies in another type that `typed` names; `cached` are the names
    of those that it is given, and `caches` those that layers after it may be given.
    """

    #: The output, as layers after it read it.
    value: Value

    def __init__(self, call: LayerCall, draft: Draft, placing: _Placing) -> None:
        self.call = call
        self.given = draft.given
        self.made = draft.made
        #: All storages that it knows of, by their numbers.
        self.storages = tuple(draft.storages)
        self.inputs = placing.inputs
        self.output = placing.output
        #: How the output lies.
        self.layout = placing.layout
        self.own = placing.own
        self.saved = tuple(placing.saved)
        #: The storages that are saved, each once.
        self.kept = tuple(dict.fromkeys(storage for _, storage in self.saved))
        self.composition = placing.outcome.composition
        self.copies = tuple(placing.copies)
        self.typed = placing.typed
        self.cached = frozenset(placing.cached)
        self.caches = tuple(placing.caches)

    @property
    def names(self) -> dict[str, int]:
        """The storages by the names that steps give them."""
        inputs = {nth("input", number): storage for number, storage in enumerate(self.inputs)}
        return {**inputs, "output": self.output, **self.own}

    @cached_property
    def why(self) -> list[str]:
        """What it saves, in words: `input`, `mask (bool)`; "(copy)" where mixed precision converts it first."""
        words = []
        for saved, storage in self.saved:
            if saved.what in ("input", "output"):
                word = f"{saved.what} {saved.of}" if saved.of else saved.what
                words.append(f"{word} (copy)" if storage >= self.given and saved.what == "input" else word)
            else:  # of all steps of a recurrence at once
                words.append(f"{saved.kind} ({self.storages[storage].dtype})")
        return list(dict.fromkeys(words))


def place(call: LayerCall, mode: Mode) -> Placement:
    """Decide it."""
    given = (*(value.storage for value in call.inputs), *(storage for _, storage in call.cached))
    draft = Draft(given, call.per)
    return Placement(call, draft, _Placing(call, mode, draft))


class _Placing:
    """One decision on its way: `outcome` is as the pass, the layouts, the types and the device have the layer run."""

    def __init__(self, call: LayerCall, mode: Mode, draft: Draft) -> None:
        self.call = call
        self.mode = mode
        self.draft = draft
        self.setup = mode.setup
        reached = tuple(range(len(call.inputs)))
        #: The converted copies that it is given, by name.
        self.given = {copy: len(reached) + number for number, (copy, _) in enumerate(call.cached)}
        self.own: dict[str, int] = {}
        self.cached: list[str] = []
        self.caches: list[tuple[str, int]] = []
        self.copies: list[Copy] = []
        self.saved: list[tuple[Saved, int]] = []
        self.outcome = outcome = self.as_it_runs()
        self.typed = self.types() if self.setup.dtype == "amp" else None
        self.values = self.setup.parameters if self.typed is None else self.typed.types["output"]
        if self.typed is not None:
            self.convert(self.typed)
        self.inputs = reached
        if outcome.needs is not None:
            self.inputs = tuple(self.arranged(outcome.needs, number) for number in reached)
        self.output, layout = self.place_output()
        self.layout = layout._replace(view=True) if outcome.composition.viewed else layout
        self.keep()

    def as_it_runs(self) -> Outcome:
        """The outcome with the composition that the pass, the layouts, the types and the device choose."""
        outcome = self.call.outcome
        if outcome.composition.fused and not self.mode.training and self.takes_the_fast_path():
            # The kernel takes query, key and value apart, each converted for itself where it must be.
            operands = ("input", "input", "input", *(tensor.name for tensor in outcome.params))
            made = (Tensor("output", outcome.output.elements),)
            kernel = Composition((Step("_native_multi_head_attention", operands, made),))
            outcome = outcome._replace(composition=kernel, rearranged=None, needs=None, lies="channels last")
        if outcome.ways is not None:
            saved, composition = outcome.ways(self.way(outcome.needs))
            outcome = outcome._replace(composition=composition, saved=saved, needs=None)
        if outcome.rearranged and not self.lies(outcome.needs):
            if isinstance(outcome.rearranged, Instead):
                saved, composition = outcome.rearranged
                outcome = outcome._replace(composition=composition, saved=saved, needs=None)
            else:
                outcome = outcome._replace(composition=outcome.rearranged)
        if outcome.composition.fused and not self.mode.training:
            outcome = outcome._replace(composition=outcome.composition._replace(fused=False))
        if outcome.upcast and self.setup.device == "cpu" and self.draft.storages[0].dtype != "float32":
            outcome = outcome._replace(composition=outcome.upcast.composition, saved=outcome.upcast.saved)
        if outcome.ordered and not self.lies(outcome.ordered):
            outcome = outcome._replace(composition=_put_in_order(outcome))
        if outcome.composition.device not in (None, self.setup.device):
            composition = Composition(slices=outcome.composition.slices, viewed=outcome.composition.viewed)
            outcome = outcome._replace(composition=composition)
        return outcome

    def takes_the_fast_path(self) -> bool:
        """Whether torch.nn.MultiheadAttention calls its kernel for inference: the query has its parameters' type, and
        on CUDA there is no autocast."""
        no_autocast = self.setup.dtype != "amp" or self.setup.device == "cpu"
        return no_autocast and self.draft.storages[0].dtype == self.setup.parameters

    def way(self, needs: Needs | None) -> Way:
        """What decides how the layer is run."""
        rearranged = tuple(number for number in range(len(self.call.inputs)) if not self.lies(needs, number))
        values = AUTOCAST[self.setup.device].half if self.setup.dtype == "amp" else self.setup.parameters
        return Way(self.setup.one_sample, rearranged, self.setup.device, None if values == "float32" else values)

    def lies(self, needs: Needs | None, number: int = 0) -> bool:
        """Whether an input is contiguous in the order in which it is needed."""
        value = self.call.inputs[number]
        return needs is None or is_whole(value.layout, self.mode.shape(value), needs.order)

    def fits(self, number: int, needs: Needs) -> bool:
        """Whether an operation works on the input of that number as it lies."""
        value = self.call.inputs[number]
        return fits(value.layout, self.mode.shape(value), needs)

    def types(self) -> Typed:
        """What mixed precision makes of the layer's types."""
        outcome, device = self.outcome, self.setup.device
        stored = (*outcome.params, *outcome.buffers)
        types = {nth("input", number): value.storage.dtype for number, value in enumerate(self.call.inputs)}
        types |= {tensor.name: storage_type(tensor.dtype, "float32", None, device) for tensor in stored}
        steps = outcome.composition.forward
        if not steps:
            known = {*types, "output"}
            own = (saved for saved in outcome.saved if saved.what not in known and saved.device in (None, device))
            made = (Tensor("output", 0), *(Tensor(saved.what, saved.elements, saved.dtype) for saved in own))
            steps = (Step(outcome.function or self.call.layer.name, tuple(types), made),)
        return typed(steps, types, {tensor.name for tensor in stored}, device)

    def convert(self, typed: Typed) -> None:
        """The copies in another type: mixed precision converts a parameter that is trained, or would be, once in a
        pass. Source: torch.autocast, `cached_cast`."""
        parameters = {tensor.name: tensor.elements for tensor in self.outcome.params}
        for cast in typed.casts:
            cached = self.call.trained and cast.name in parameters
            if cached and cast.copy in self.given:
                self.own[cast.copy] = self.given[cast.copy]
                self.cached.append(cast.copy)
                continue
            per: Per
            elements, per = (parameters[cast.name], "batch") if cast.name in parameters else self.elements(cast.name)
            self.own[cast.copy] = self.draft.allocate(cast.copy, elements, typed.types[cast.copy], per)
            if cached:
                self.caches.append((cast.copy, self.own[cast.copy]))

    def elements(self, name: str) -> tuple[Size, Per]:
        """The elements of an input or of what a step makes, and whether they are there for each sample."""
        for step in reversed(self.outcome.composition.forward):
            for tensor in reversed(step.makes):
                if tensor.name == name:
                    return tensor.elements, tensor.per
        number = next(number for number in range(len(self.call.inputs)) if nth("input", number) == name)
        return self.call.inputs[number].volume.elements, "sample"

    def arranged(self, needs: Needs, number: int) -> int:
        """The storage of an input, or of the copy that is made of it where it does not lie as the layer needs it; of
        one that is read in another type alone the conversion is copied."""
        if self.fits(number, needs):
            return number
        elements = self.call.inputs[number].volume.elements
        versions = self.typed.versions.get(nth("input", number), ()) if self.typed else ()
        version = versions[0] if len(versions) == 1 else None
        source = number if version is None else self.own[version]
        made = self.draft.allocate("input rearranged", elements, self.draft.storages[source].dtype)
        self.copies.append(Copy(source, made))
        if version is None:
            return made
        self.own[version] = made
        return number

    def place_output(self) -> tuple[int, Layout]:
        """The storage of the output, the input's for views and in-place operations, and how it lies there."""
        outcome, value = self.outcome, self.call.inputs[0]
        layout = value.layout
        if outcome.storage == "view" and outcome.moves:
            if not self.copies:
                return self.inputs[0], moved(layout, outcome.moves)
            if outcome.lies == "channels last":
                return self.inputs[0], last(outcome.output.rank)
            return self.inputs[0], moved(first(len(layout.order) - 2), outcome.moves).dense
        if outcome.storage in ("view", "inplace") or (outcome.storage == "training" and not self.mode.training):
            return self.inputs[0], layout
        if not outcome.reads_input:
            made = outcome.output.elements if outcome.storage == "constant" else 0
            lies = laid(outcome.lies, layout, (), outcome.output.rank)
            return self.draft.allocate("output", made, self.call.constant), lies
        computed = outcome.computed or outcome.output
        made = self.draft.allocate("output", computed.elements, self.values)
        kind = outcome.lies
        if kind == "row with gradient":
            kind = "row" if self.mode.training and value.trained else "channels first"
        lies = laid(kind, layout, self.mode.shape(value), outcome.output.rank)
        return made, moved(lies, outcome.moves) if outcome.computed and outcome.moves else lies

    def keep(self) -> None:
        """What the layer saves; tensors of its own are put into `own`, saved or not."""
        parameters = {tensor.name for tensor in self.outcome.params}
        known = {nth("input", number): storage for number, storage in enumerate(self.inputs)}
        known["output"] = self.output
        own, typed = self.own, self.typed
        for saved in self.outcome.saved:
            name = nth("input", saved.of) if saved.what == "input" else saved.what
            versions = typed.versions.get(name, (name,)) if typed else (name,)
            if name in parameters and versions == (name,):
                continue  # the parameter itself, which is there anyway
            if saved.device not in (None, self.setup.device):
                continue
            wanted = self.call.saves and self.call.wanted(saved.needed_by)
            if name not in known and name not in parameters:
                if saved.unless and self.fits(saved.of, saved.unless):
                    own[saved.what] = self.uncopied(saved)
                if not (wanted or saved.made == "always" or (self.mode.training and saved.made == "training")):
                    continue
                for version in versions:
                    if version not in own:
                        # What no step makes, a part of an operation, has the type that is stated.
                        types = typed.types if typed else {}
                        dtype = types[version] if version in types else own_type(saved.dtype, self.setup)
                        own[version] = self.draft.allocate(version, saved.elements, dtype, saved.per)
            if wanted:
                self.saved += [(saved, own[version] if version in own else known[version]) for version in versions]

    def uncopied(self, saved: Saved) -> int:
        """What stands in the place of a copy of an input that lies as it should: the input, or mixed precision's copy
        of it in the type of the copy that is not made."""
        name, storage = nth("input", saved.of), self.inputs[saved.of]
        if self.typed is None or self.draft.storages[storage].dtype == self.typed.types[saved.what]:
            return storage
        steps = self.outcome.composition.forward
        made_by = next(number for number, step in enumerate(steps) if saved.what in [made.name for made in step.makes])
        return self.own[self.typed.reads[made_by, name]]


def own_type(dtype: str, setup: Setup) -> str:
    """The type of a tensor of a layer's own where all parameters have the network's type."""
    return storage_type(dtype, setup.parameters, None, setup.device)


def _put_in_order(outcome: Outcome) -> Composition:
    """The composition with a copy of what it computes, before that is converted to another type."""
    steps = outcome.composition.forward
    computed = len(steps) - (steps[-1].operation == "to")
    last = steps[computed - 1]
    [result] = last.makes
    as_made = result._replace(name=f"{result.name} as it came")
    copy = Step("clone", (as_made.name,), (result,), holds=last.holds)
    forward = (*steps[: computed - 1], last._replace(makes=(as_made,)), copy, *steps[computed:])
    return outcome.composition._replace(forward=forward)
