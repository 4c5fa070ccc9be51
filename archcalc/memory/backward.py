"""The operations of one layer's backward pass, in the order in which a framework runs them.

Autograd undoes the operations in the reverse of the order in which they were done, so the backward pass follows from
the forward pass. Where a value has several consumers, the first gradient to arrive waits for it; each later one is
added to it, which makes a new tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from archcalc.layers.layout import ONE_SAMPLE, each_as_one
from archcalc.layers.outcome import OF_INPUT, VALUE, Step, Tensor, gradients_of, nth
from archcalc.memory.amount import Amount
from archcalc.memory.casts import made_in
from archcalc.memory.draft import Draft, Run, Storage
from archcalc.memory.layout import Layout, first, fits, is_last, is_one, laid, shape_of, unmoved
from archcalc.memory.placement import Mode, Placement, Value, own_type
from archcalc.memory.precision import WIDTH
from archcalc.records import Record
from archcalc.sizes.kinds import certainly_equal


class Gradient(Record):
    """The gradient of a value: its storage, and how it lies there. `whole` if an operation that worked in place on a
    view has made it for all of the tensor that the view is of."""

    storage: Storage
    layout: Layout
    whole: bool = False

    def __hash__(self) -> int:
        # A pass makes equal ones once: they are known by the object that they are.
        return id(self)


class GradientCall(Record):
    """All that decides the backward pass of a layer: layers for which this is equal have the same."""

    placement: Placement
    #: That of the output.
    gradient: Gradient
    #: Those that the inputs have from other layers.
    before: tuple[Gradient | None, ...]
    #: For each input the first one that is the same value.
    same: tuple[int, ...]
    #: The parameters, by name, that have a gradient from other uses.
    parameters: tuple[str, ...] = ()
    #: Those whose converted copies have one.
    copies: tuple[str, ...] = ()
    #: The storages of the placement that have been made again since the forward pass.
    recomputed: frozenset[int] = frozenset()


class Arrival(Record):
    """A gradient, and the number of its storage within the layer."""

    number: int
    gradient: Gradient


class Backward:
    """The backward pass of a layer. It is given the storages of the placement, the output's gradient, then those of
    the inputs, of the parameters and of the copies that the call knows."""

    __slots__ = ("asks", "copies", "decision", "inputs", "parameters")

    def __init__(
        self, call: GradientCall, mode: Mode, *, accumulate: bool, once: Callable[[Gradient], Gradient]
    ) -> None:
        """Decide it; `once` makes one object of equal gradients."""
        made = _Backward(call, mode, accumulate)
        made.decide()
        self.decision = made.draft.decision()
        #: The operations of the nodes of autograd's graph that ask for what was saved, from the first to the last.
        self.asks = Run(made.asking[0].first, made.asking[-1].last) if made.asking else Run(0, 0)
        #: The gradients that inputs have after it, by the numbers of the inputs.
        self.inputs = [
            (number, Arrival(storage, once(gradient))) for number, (storage, gradient) in made.of_inputs.items()
        ]
        #: The storages of the parameters' gradients, and of those of their converted copies, by name.
        self.parameters = made.of_parameters
        self.copies = made.of_copies


class _Backward:
    """One decision on its way.

    `names` are the storages by name, `of` what the last operation read first, which is the same gradient rearranged or
    not, `values` the gradients of values that are not in the values' types, `unsettled` and `transposed` the gradients
    of parameters.
    """

    def __init__(self, call: GradientCall, mode: Mode, accumulate: bool) -> None:
        self.placement = placement = call.placement
        self.call = placement.call
        self.outcome = placement.call.outcome
        self.mode = mode
        self.accumulate = accumulate
        #: Whether anything has 16 bits, so that types differ.
        self.narrow = mode.setup.dtype != "float32"
        self.draft = Draft(placement.storages, self.call.per)
        self.draft.recomputed = call.recomputed
        self.gradient = Arrival(self.given(call.gradient.storage), call.gradient)
        self.same = call.same
        #: The gradients that have arrived so far, of inputs by number and of parameters by name.
        self.of_inputs: dict[int, Arrival] = {}
        for number, gradient in enumerate(call.before):
            if gradient is not None and call.same[number] == number:
                self.of_inputs[number] = Arrival(self.given(gradient.storage), gradient)
        # Of what other uses gave to parameters it only matters that it is there.
        self.of_parameters = {name: self.given(call.gradient.storage) for name in call.parameters}
        self.of_copies = {name: self.given(call.gradient.storage) for name in call.copies}
        self.names = placement.names
        self.of: set[str] = set()
        self.values: list[tuple[Tensor, str]] = []
        #: The numbers of the operations that the node of autograd's graph at hand runs, whether it asks for tensors of
        #: the forward pass, and the nodes that have done so.
        self.of_node: list[int] = []
        self.asks = False
        self.asking: list[Run] = []
        self.of_forward = {*self.names, *(tensor.name for tensor in self.outcome.params)}
        self.unsettled: list[tuple[str, int]] = []
        self.transposed: list[tuple[str, int]] = []
        #: What is left of the versions of each name: each operation of the backward pass reads the last one.
        self.versions: dict[str, list[str]] = {}
        if placement.typed is not None:
            self.versions = {name: list(each) for name, each in placement.typed.versions.items()}

    def given(self, storage: Storage) -> int:
        """The number of a storage that the layer is given."""
        self.draft.given += 1
        return self.draft.add(storage)

    def dtype(self, storage: int) -> str:
        """The type of a storage."""
        return self.draft.storages[storage].dtype

    def decide(self) -> None:
        """All operations."""
        placement, outcome, gradient = self.placement, self.outcome, self.gradient
        if gradient.gradient.whole and outcome.storage == "view":
            self.names = {}
            self.pass_on()
            return
        copied = outcome.storage == "inplace" and placement.layout.view
        read = gradient.number
        if copied:
            gradient, read = self.copied_slice()
            self.gradient = gradient
        steps = placement.composition.backward
        if steps is None:
            steps = self.undivided() if outcome.storage == "view" else (self.one_step(),)
        names = self.names
        names["gradient"] = read
        if gradient.gradient.whole and outcome.computed:
            names["gradient of the whole"] = read
            steps = tuple(step for step in steps if step.operation != "slice_backward")
        if outcome.storage == "parameter" and not gradient.gradient.layout.cut:
            self.unsettled += [(tensor.name, read) for tensor in outcome.params]  # it is the output's own
            steps = ()
        parts = placement.composition.parts
        for step in steps:
            if not step.within:
                self.end_node()
            if not self.call.wanted(step.needed_by):
                continue
            if not self.of.issuperset(step.reads[:1]):
                self.settle_values()
                if step.operation != "add":  # gradients that arrive are added up before those of parameters go on
                    self.settle_parameters()
                self.of = set(step.reads[:1])
            if step.unless is not None:
                self.of.add(step.makes[0].name)
            if parts and step.operation != "sum":  # a sum over what was repeated belongs to the operation before it
                self.pass_on_part()
            self.step(step)
        self.end_node()
        self.settle_values()
        self.settle_parameters()
        if copied:
            self.draft.step("copy_", [names.pop("gradient of input"), gradient.number], [])
            # The gradient of the whole comes from a node before; this one runs those of the layer.
            self.draft.nodes = [Run(1, len(self.draft.operations) - 1)]
        if self.accumulate and self.call.trained:
            every = [self.of_parameters.get(tensor.name) for tensor in outcome.params]
            self.draft.step("accumulate", [storage for storage in every if storage is not None], [])
        if not outcome.reads_input:
            return
        if parts:
            self.pass_on_part()
        else:
            self.pass_on()

    def end_node(self) -> None:
        """What the last node of autograd's graph does has been decided."""
        if self.of_node:
            node = Run(self.of_node[0], self.of_node[-1])
            self.draft.nodes.append(node)
            if self.asks:
                self.asking.append(node)
            self.of_node, self.asks = [], False

    def pass_on_part(self) -> None:
        """A part of the input's gradient goes to the input, if there is one."""
        if "gradient of input" in self.names:
            self.pass_on()
            del self.names["gradient of input"]

    def undivided(self) -> tuple[Step, ...]:
        """The gradient of a view is a view, unless one axis of it must become several that do not lie as one."""
        needs = each_as_one(tuple(move.axes for move in self.outcome.moves if move.kind == "divide"))
        if needs is None:
            return ()
        made = (Tensor("gradient of input", self.outcome.output.elements),)
        return (Step("clone", ("gradient",), made, unless=needs),)

    def pass_on(self) -> None:
        """The gradients go to the inputs."""
        gradient = self.gradient
        shared = self.names.get("gradient of inputs", gradient.number)
        passed = []
        for number, value in enumerate(self.call.inputs):
            if value.trained:
                own = self.names.get(f"gradient of {nth('input', number)}")
                as_made = shared if own is None else own
                storage = self.summed_over_samples(value, self.restored(value, as_made, nth("input", number)))
                layout = self.layout(value, made=own not in (None, gradient.number))
                if storage != as_made:
                    layout = layout.dense
                self.arrive(number, storage, layout)
                passed.append(storage)
        self.draft.hold(*passed)  # until all have arrived

    def restored(self, value: Value, gradient: int, name: str) -> int:
        """The gradient in the type of the value of that name, where mixed precision computed with a copy of it."""
        if self.dtype(gradient) == value.storage.dtype:
            return gradient
        made = self.draft.allocate("gradient of input", value.volume.elements, value.storage.dtype)
        self.draft.step("to", [gradient], [made])
        self.converted(name)
        return made

    def converted(self, value: str) -> None:
        """The last operation has brought the gradient of a value of that name to its type. Where mixed precision had
        converted the value, a node of its own does that; otherwise the node that has made the gradient."""
        typed = self.placement.typed
        if typed is None or value not in {cast.name for cast in typed.casts}:
            self.checked()

    def checked(self) -> None:
        """The last operation has brought a gradient to its size or type in the node that has made it, if one has."""
        number = len(self.draft.operations) - 1
        if self.of_node:
            self.of_node.append(number)
        elif self.draft.nodes:
            self.draft.nodes[-1] = self.draft.nodes[-1]._replace(last=number)

    def summed_over_samples(self, value: Value, storage: int) -> int:
        """The gradient of a value that is there once for all samples, and which each sample reads."""
        alone = self.mode.setup.one_sample or value.per == self.draft.per
        if alone or certainly_equal(self.draft.storages[storage].amount.per_sample, 0):
            return storage
        made = self.draft.allocate("gradient of input", value.volume.elements, self.dtype(storage), "batch")
        self.draft.step("sum", [storage], [made])
        self.checked()
        return made

    def layout(self, value: Value, *, made: bool) -> Layout:
        """How the gradient of an input lies: a new tensor as the operation makes it, or a view of the output's."""
        outcome, layout, rank = self.outcome, self.gradient.gradient.layout, value.volume.rank
        if outcome.storage == "view":
            if made and not any(move.kind == "divide" for move in outcome.moves):
                # A slice's gradient is a tensor of zeros of the whole's size.
                return value.layout.dense
            return unmoved(layout, outcome.moves, rank)
        if not made:
            axis = self.placement.composition.slices
            layout = layout if len(layout.order) == rank + 2 else first(rank)
            return layout._replace(cut=layout.cut | {axis}) if axis else layout
        if outcome.lies == "alike":
            same = value.volume.rank == outcome.output.rank
            same = same and all(map(certainly_equal, value.volume.shape, outcome.output.shape))
            return layout.dense if same else value.layout.dense
        return laid(outcome.lies, value.layout, self.mode.shape(value), rank)

    def arrive(self, number: int, storage: int, layout: Layout) -> None:
        """A gradient of an input is there."""
        value = self.call.inputs[number]
        whole = self.gradient.gradient.whole and self.outcome.storage in ("view", "inplace")
        number = self.same[number]
        before = self.of_inputs.get(number)
        if before is not None:
            # What arrives may lie in a larger storage (a slice of a concatenation's gradient); the sum does not.
            size = value.volume.elements * WIDTH[self.dtype(storage)]
            amount = Amount(0, size) if value.per == "sample" else Amount(size, 0)
            storage = self.summed(before.number, storage, amount)
            layout, whole = before.gradient.layout.dense, False
        self.of_inputs[number] = Arrival(storage, Gradient(self.draft.storages[storage], layout, whole))

    def summed(self, before: int, gradient: int, amount: Amount) -> int:
        """The sum of two gradients."""
        made = self.draft.add(Storage(amount, self.dtype(gradient), "sum of gradients"))
        self.draft.step("add", [before, gradient], [made])
        return made

    def copied_slice(self) -> tuple[Arrival, int]:
        """Before the backward pass of an operation that worked in place on a view: the gradient of all of what the view
        is of, twice, and a copy of the slice of it that the operation reads. Source: torch.autograd, CopySlices."""
        draft, base = self.draft, self.draft.storages[self.placement.output]
        whole, before = (
            draft.add(base._replace(what=what)) for what in ("gradient of the whole", "gradient before the operation")
        )
        draft.step("copy_", [self.gradient.number], [whole])
        draft.step("copy_", [whole], [before])
        copy = draft.allocate("gradient", self.outcome.output.elements, base.dtype)
        draft.step("clone", [before], [copy])
        return Arrival(before, Gradient(draft.storages[before], self.placement.layout.dense, True)), copy

    def one_step(self) -> Step:
        """A backward pass of one operation: it reads the gradient and what was saved, and makes every gradient."""
        saved = (saved for saved, _ in self.placement.saved)
        reads = [nth("input", each.of) if each.what == "input" else each.what for each in saved]
        inputs = (
            Tensor(f"gradient of {nth('input', number)}", value.volume.elements)
            for number, value in enumerate(self.call.inputs)
        )
        name = f"{self.call.layer.name}_backward"
        return Step(name, ("gradient", *reads), (*inputs, *gradients_of(*self.outcome.params)))

    def step(self, step: Step) -> None:
        """One operation; what it makes is named, and waits to be settled where that takes another operation."""
        names, inputs = self.names, self.call.inputs
        if self.lies_so(step):
            names[step.makes[0].name] = names[step.reads[0]]
            return
        stored = {tensor.name for tensor in self.outcome.params}  # they are there anyway
        unsaved = {saved.what for saved in self.outcome.saved if not self.call.wanted(saved.needed_by)}
        reads = [self.read(name) for name in step.reads if self.has(name) or name not in stored | unsaved]
        made: list[int] = []
        of_parameters: list[tuple[str, int]] = []
        numbers = {nth("input", number): number for number in range(len(inputs))}
        for tensor in step.makes:
            value = _value_of(tensor.name)
            dtype = self.made_type(step, tensor, value, reads)
            if value in stored and tensor.name == f"gradient of {value}":
                if self.call.trained:
                    storage = self.draft.allocate(tensor.name, tensor.elements, dtype, "batch")
                    of_parameters.append((value, storage))
                    made.append(storage)
            elif value not in numbers or inputs[numbers[value]].trained:
                once = step.operation == "sum" and value in numbers and inputs[numbers[value]].per == "batch"
                per = "batch" if once else tensor.per
                names[tensor.name] = self.draft.allocate(tensor.name, tensor.elements, dtype, per)
                made.append(names[tensor.name])
                if self.narrow and self.original_type(value) not in (None, dtype):
                    self.values.append((tensor._replace(per=per), value))
        self.draft.step(step.operation, reads, made)
        self.draft.hold(*(names[name] for name in step.holds if name in names))
        self.of_node.append(len(self.draft.operations) - 1)
        self.asks = self.asks or not self.of_forward.isdisjoint(step.reads)
        # The weights of a product are transposed: their gradients pass one more node of autograd.
        (self.transposed if step.operation == "mm" else self.unsettled).extend(of_parameters)

    def has(self, name: str) -> bool:
        """Whether there is a storage of that name."""
        return name in self.names or name in self.versions

    def read(self, name: str) -> int:
        """The storage that an operation reads under a name."""
        left = self.versions.get(name)
        if not left:
            return self.names[name]
        return self.names[left.pop() if len(left) > 1 else left[0]]

    def made_type(self, step: Step, tensor: Tensor, value: str, reads: Iterable[int]) -> str:
        """The type of what an operation of the backward pass makes. A kernel makes a gradient in the type in which the
        forward pass read the value."""
        if not self.narrow or tensor.dtype not in (VALUE, OF_INPUT):
            return own_type(tensor.dtype, self.mode.setup)
        if tensor.dtype == OF_INPUT:
            value = "input"
        if step.operation.endswith("_backward") or tensor.dtype == OF_INPUT:
            seen = self.seen_type(value)
            if seen is not None:
                return seen
        return made_in(step.operation, [self.dtype(storage) for storage in reads], self.dtype(self.names["gradient"]))

    def original_type(self, value: str) -> str | None:
        """The type of a value of the forward pass, before any conversion; None for what is none."""
        if self.placement.typed is not None:
            return self.placement.typed.types.get(value)
        if value in self.names and value.startswith("input"):
            return self.dtype(self.names[value])
        return None

    def seen_type(self, value: str) -> str | None:
        """The type in which the operation that saved a value, or all that read it, had it."""
        typed = self.placement.typed
        if typed is not None and value in typed.versions:
            return typed.types[self.versions[value][-1] if self.versions.get(value) else typed.versions[value][0]]
        if value in {tensor.name for tensor in self.outcome.params}:
            return self.mode.setup.parameters
        return self.original_type(value)

    def settle_values(self) -> None:
        """What the operation before has made becomes what autograd passes on: first gradients of values, in their
        types."""
        for tensor, value in self.values:
            dtype = self.original_type(value)
            assert dtype is not None
            storage = self.draft.allocate(tensor.name, tensor.elements, dtype, tensor.per)
            self.draft.step("to", [self.names[tensor.name]], [storage])
            self.converted(value)
            self.names[tensor.name] = storage
        self.values.clear()

    def settle_parameters(self) -> None:
        """Then those of parameters, weights before biases where both must be converted back."""
        gradients = self.unsettled + self.transposed
        if self.placement.typed is not None:
            order = [tensor.name for tensor in self.outcome.params]
            gradients.sort(key=lambda gradient: order.index(gradient[0]))
        for name, storage in gradients:
            self.keep(name, storage)
        self.unsettled.clear()
        self.transposed.clear()

    def laid_like_kernels(self, parameter: Tensor, storage: int) -> int:
        """The gradient of a parameter as the parameter lies: a copy, where it was made channels last."""
        if parameter.lies != "image" or not self.is_image(parameter):
            return storage
        made = self.draft.add(self.draft.storages[storage])
        self.draft.step("clone", [storage], [made])
        return made

    def is_image(self, kernels: Tensor) -> bool:
        """Whether the gradient of kernels lies channels last, because the image does, and not like the kernels."""
        _, channels, *kernel = kernels.shape
        if is_one(channels) or all(map(is_one, kernel)):
            return False
        image = self.call.inputs[0]
        return is_last(image.layout, self.mode.shape(image))

    def lies_so(self, step: Step) -> bool:
        """Whether a step that would copy need not, for what it reads lies as it should."""
        one_sample = self.mode.setup.one_sample
        if step.unless == ONE_SAMPLE:
            return one_sample
        shape = shape_of(self.outcome.output, one_sample=one_sample)
        return step.unless is not None and fits(self.gradient.gradient.layout, shape, step.unless)

    def keep(self, name: str, storage: int) -> None:
        """The gradient of a parameter stays: converted to the parameter's type, added to what other uses gave it.

        Uses that share a converted copy add up its gradients first, and the first of them converts the sum.
        """
        [parameter] = [tensor for tensor in self.outcome.params if tensor.name == name]
        made, values = self.draft.storages[storage], self.mode.setup.parameters
        if made.dtype != values:
            copy = self.copy_of(name)
            if copy is not None:
                before = self.of_copies.pop(name, None)
                if before is not None:
                    storage = self.summed(before, storage, made.amount)
                if copy < self.placement.given:  # another layer has made it
                    self.of_copies[name] = storage
                    return
            converted = self.draft.allocate(made.what, parameter.elements, values, "batch")
            self.draft.step("to", [storage], [converted])
            self.converted(name)
            storage = converted
        before = self.of_parameters.get(name)
        if before is None:
            storage = self.laid_like_kernels(parameter, storage)
        else:
            storage = self.summed(before, storage, self.draft.storages[storage].amount)
        self.of_parameters[name] = storage

    def copy_of(self, parameter: str) -> int | None:
        """The converted copy of a parameter; None where there is none."""
        [copy] = self.versions.get(parameter, [parameter])
        return self.placement.own.get(copy)


@cache
def _value_of(gradient: str) -> str:
    """The name of the value that a gradient is of: `gradient of input`, `gradient 2 of input`."""
    what, _, value = gradient.partition(" of ")
    return value if what.split(" ")[0] == "gradient" else ""
