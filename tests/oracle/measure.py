"""What PyTorch does with a translated network, measured: shapes, parameters, saved bytes, storages, peaks.

Two meanings of a peak are measured on one trace of operations. In the *last-use* one a storage lives from the operation
that makes it to the last one that reads or writes it. In the *eager* one it lives until the framework frees it, the
values of the network being dropped as soon as no later layer and no call of a block needs them. The network's input
and, at inference, its outputs are held throughout, and in the eager peak of training the targets; parameters and
buffers are in neither.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from oracle.figures import Figures, Question, apart_in_training
from oracle.translate import Frames, Program, Value, translated
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint, set_checkpoint_early_stop
from torch.utils.flop_counter import FlopCounterMode

from archcalc.analysis.interpret import Interpretation

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16, "amp": torch.float32}


class Refused(Exception):
    """PyTorch does not run the network: its own words."""


def measure(interpretation: Interpretation, question: Question) -> Figures:
    """All figures that PyTorch has for a network. Refused if it raises; Untranslated if a layer has no translation."""
    torch.manual_seed(0)
    program = translated(interpretation, apart_in_training(interpretation, question))
    program.freeze(question.frozen)
    if question.dtype in ("bfloat16", "float16"):
        program.in_type(DTYPES[question.dtype])
    bench = _Bench(program, question)
    try:
        return bench.figures()
    except (RuntimeError, ValueError, AssertionError) as error:
        raise Refused(str(error).strip().splitlines()[0]) from error


class _Storages:
    """Numbers for storages. A weak reference keeps the address from being used again, and the storage from nothing."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.references: list[StorageWeakRef] = []
        self.sizes: list[int] = []

    def number(self, tensor: torch.Tensor) -> int:
        storage = tensor.untyped_storage()
        address = storage._cdata
        if address not in self.numbers:
            self.numbers[address] = len(self.references)
            self.references.append(StorageWeakRef(storage))
            self.sizes.append(storage.nbytes())
        return self.numbers[address]

    def alive(self, without: set[int]) -> int:
        """Bytes of the storages that are still there."""
        return sum(
            size
            for number, (size, reference) in enumerate(zip(self.sizes, self.references, strict=True))
            if number not in without and not reference.expired()
        )


class Operation(NamedTuple):
    """One call of the dispatcher: its name, the storages that it reads or writes, whether it only makes a view, and
    the bytes alive after it."""

    name: str
    storages: tuple[int, ...]
    view: bool
    alive: int


class _Trace(TorchDispatchMode):
    """The operations that run under it."""

    def __init__(self, storages: _Storages, without: set[int]) -> None:
        super().__init__()
        self.storages = storages
        self.without = without
        self.operations: list[Operation] = []
        #: The copies of parameters that autocast's cache holds, and the last operation before it lets them go.
        self.cached: dict[int, int] = {}
        self._copies: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        numbers = tuple(
            self.storages.number(each)
            for each in tree_leaves((args, kwargs, result))
            if isinstance(each, torch.Tensor) and each.layout is torch.strided
        )
        self.operations.append(Operation(str(func), numbers, func.is_view, self.storages.alive(self.without)))
        if func is torch.ops.aten._to_copy.default and numbers[0] in self.without:
            self._copies.add(numbers[-1])
        return result

    def end_of_autocast(self) -> None:
        """The context ends, and with it its cache."""
        for number in self._copies:
            if not self.storages.references[number].expired():
                self.cached[number] = len(self.operations) - 1
        self._copies.clear()


def last_use_peak(trace: _Trace, held: set[int], never_freed: set[int], without: set[int]) -> int:
    """The largest sum of storages that are alive during one operation."""
    operations = trace.operations
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for place, operation in enumerate(operations):
        for number in operation.storages if not operation.view else ():
            first.setdefault(number, place)
            last[number] = place
    for number, place in trace.cached.items():
        last[number] = max(last[number], place)
    end = len(operations) - 1
    for number in held:
        first[number], last[number] = 0, end
    for number in never_freed & last.keys():
        last[number] = end
    change = [0] * (len(operations) + 1)
    for number, place in first.items():
        if number not in without:
            change[place] += trace.storages.sizes[number]
            change[last[number] + 1] -= trace.storages.sizes[number]
    alive = peak = 0
    for step in change[:-1]:
        alive += step
        peak = max(peak, alive)
    return max(peak, sum(trace.storages.sizes[number] for number in held))


class _Packed:
    """A tensor that autograd saves."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor


class _Bench:
    def __init__(self, program: Program, question: Question) -> None:
        self.program = program
        self.question = question
        self.interpretation = program.interpretation
        self.outputs = self.interpretation.network.outputs
        self.inputs = program.examples(question.batch, DTYPES[question.dtype])
        self.targets: list[torch.Tensor] = []

    @contextlib.contextmanager
    def precision(self) -> Iterator[None]:
        if self.question.dtype == "amp":
            with torch.autocast("cpu", torch.bfloat16):
                yield
        else:
            yield

    @contextlib.contextmanager
    def watched(self, trace: _Trace) -> Iterator[None]:
        """Trace all that runs; the trace is told where autocast, also that of a recomputation, clears its cache."""
        clear = torch.clear_autocast_cache

        def told() -> None:
            trace.end_of_autocast()
            clear()

        torch.clear_autocast_cache = told
        try:
            with trace:
                yield
        finally:
            torch.clear_autocast_cache = clear

    @property
    def trained(self) -> list[torch.nn.Parameter]:
        return [parameter for parameter in self.program.parameters() if parameter.requires_grad]

    def persistent(self) -> list[torch.Tensor]:
        return [*self.program.parameters(), *self.program.buffers()]

    def forward(self, visit: Callable[[int, Value], None] | None = None) -> dict[int, Value]:
        """Run the network, its checkpointed stretches as such; returns what is left: the outputs and the inputs."""
        values = dict(self.inputs)
        frames: Frames = {}
        at = 0
        for first, last in self.question.checkpoints if self.program.training else ():
            self.program.run(values, at, first - 1, visit, frames)
            self.checkpointed(values, first, last)
            for index in range(first, last + 1):
                frames.pop(index, None)
            at = last + 1
        self.program.run(values, at, len(self.program.nodes) - 1, visit, frames)
        return values

    def checkpointed(self, values: dict[int, Value], first: int, last: int) -> None:
        nodes = self.program.nodes[first : last + 1]
        entries = list(dict.fromkeys(i for node in nodes for i in node.inputs if i < first))
        forms = [values[index].last for index in entries]

        def stretch(*tensors: torch.Tensor) -> Value:
            inner = {index: Value(t, form) for index, t, form in zip(entries, tensors, forms, strict=True)}
            self.program.run(inner, first, last)
            return inner[last]

        tensors = [values[index].tensor for index in entries]
        with set_checkpoint_early_stop(False):
            values[last] = checkpoint(stretch, *tensors, use_reentrant=False, preserve_rng_state=False)
        for node in nodes:
            for index in self.program.last_use[node.index]:
                if index < first:
                    values.pop(index, None)

    def losses(self, values: dict[int, Value]) -> torch.Tensor | None:
        """Cross-entropy at every position of every output, added up; None if no output depends on what is trained."""
        losses = []
        for index in self.outputs.values():
            logits = values[index].first
            if logits.requires_grad:
                self.targets.append(torch.zeros(len(logits), *logits.shape[2:], dtype=torch.int64))
                losses.append(functional.cross_entropy(logits, self.targets[-1]))
        return sum(losses[1:], losses[0]) if losses else None

    # --- figures

    def figures(self) -> Figures:
        shapes, macs = self.shapes_and_macs()
        stored = self.program.state_dict()  # a constant of the network, such as a mask, is none of its buffers
        trained, saved_all, saved = self.saved()
        inferred = self.aliases(training=False)
        inference = self.inference()
        training = self.training() if self.trained else (None,) * 3
        return Figures(
            shapes=shapes,
            params=sum(p.numel() for p in self.program.parameters()),
            buffers=sum(b.numel() for name, b in self.program.named_buffers() if name in stored),
            macs=macs,
            aliases_in_training=trained,
            aliases_at_inference=inferred,
            saved_bytes=saved_all,
            saved_bytes_without_input=saved,
            inference_peak_bytes=inference[0],
            training_peak_bytes=training[0],
            training_peak_bytes_with_gradients=training[1],
            inference_peak_eager_bytes=inference[1],
            training_peak_eager_bytes=training[2],
        )

    def shapes_and_macs(self) -> tuple[tuple[tuple[int, ...], ...], int]:
        """Shapes without the batch, channels first; multiply-accumulates of one sample."""
        self.program.train()
        shapes: list[tuple[int, ...]] = [()] * len(self.program.nodes)

        def visit(index: int, value: Value) -> None:
            shapes[index] = tuple(value.first.shape[1:])

        counter = FlopCounterMode(display=False)
        # The fused attention of the CPU has no formula there; the composed one is matrix products, which have.
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            self.program.run(dict(self.inputs), 0, len(shapes) - 1, visit)
        flops = counter.get_total_flops()
        whole = 2 * self.question.batch
        if flops % whole:
            raise ValueError(f"{flops} operations are no whole number of MACs for each sample")
        return tuple(shapes), flops // whole

    def aliases(self, *, training: bool) -> tuple[int, ...]:
        """For every layer the first value that its output shares its storage with: a number, or its own."""
        self.program.train(training)
        seen = {value.tensor.untyped_storage()._cdata: index for index, value in self.inputs.items()}
        kept: list[Value] = []
        found: list[int] = []

        def visit(index: int, value: Value) -> None:
            kept.append(value)
            found.append(seen.setdefault(value.tensor.untyped_storage()._cdata, index))

        with torch.set_grad_enabled(training), self.precision():
            self.program.run(dict(self.inputs), 0, len(self.program.nodes) - 1, visit)
        return tuple(found)

    def saved(self) -> tuple[tuple[int, ...], int, int]:
        """The aliases in training, and bytes that autograd saves in the forward pass, each storage once."""
        aliases = self.aliases(training=True)
        persistent = {tensor.untyped_storage()._cdata for tensor in self.persistent()}
        packed: weakref.WeakSet[_Packed] = weakref.WeakSet()  # what a checkpoint drops again is not saved

        def pack(tensor: torch.Tensor) -> _Packed:
            made = _Packed(tensor)
            packed.add(made)
            return made

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved.tensor), self.precision():
            values = self.forward()
        storages = {each.tensor.untyped_storage()._cdata: each.tensor.untyped_storage() for each in packed}
        sizes = {address: storage.nbytes() for address, storage in storages.items() if address not in persistent}
        of_input = sum(sizes.get(each.tensor.untyped_storage()._cdata, 0) for each in self.inputs.values())
        del values
        return aliases, sum(sizes.values()), sum(sizes.values()) - of_input

    def inference(self) -> tuple[int, int]:
        """The last-use and the eager peak of a forward pass without gradients."""
        self.program.eval()
        storages = _Storages()
        without = {storages.number(tensor) for tensor in self.persistent()}
        trace = _Trace(storages, without)
        held = {storages.number(value.tensor) for value in self.inputs.values()}
        with torch.no_grad(), self.watched(trace), self.precision():
            values = self.forward()
            ends = {storages.number(values[index].tensor) for index in self.outputs.values()}
        peak = last_use_peak(trace, held, ends, without)
        return peak, max((operation.alive for operation in trace.operations), default=peak)

    def training(self) -> tuple[int, int, int] | tuple[None, None, None]:
        """Forward, loss and backward: the last-use peak without and with the gradients of parameters, and the eager
        peak with them, the targets there from the beginning."""
        self.program.train()
        for parameter in self.program.parameters():
            parameter.grad = None
        storages = _Storages()
        without = {storages.number(tensor) for tensor in self.persistent()}
        trace = _Trace(storages, without)
        held = {storages.number(value.tensor) for value in self.inputs.values()}
        with self.watched(trace):
            with self.precision():
                values = self.forward()
                loss = self.losses(values)
                if loss is None:
                    return None, None, None
                del values
            loss.backward()
        gradients = {storages.number(p.grad) for p in self.program.parameters() if p.grad is not None}
        bare = last_use_peak(trace, held, set(), without | gradients)
        whole = last_use_peak(trace, held, gradients, without)
        return bare, whole, max(self.with_targets(trace))

    def with_targets(self, trace: _Trace) -> Iterator[int]:
        """Bytes alive after each operation, those of the targets that are still to be made among them."""
        made = {trace.storages.number(target): target.untyped_storage().nbytes() for target in self.targets}
        for operation in trace.operations:
            yield operation.alive + sum(made.values())
            for number in operation.storages:
                made.pop(number, None)


def optimizer_state_bytes(interpretation: Interpretation, frozen: Sequence[int], name: str) -> int:
    """Bytes of an optimizer's state after one step."""
    make: Callable[..., torch.optim.Optimizer] = {
        "sgd": lambda p: torch.optim.SGD(p, 0.1),
        "momentum": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "adagrad": torch.optim.Adagrad,
        "rmsprop": torch.optim.RMSprop,
        "adafactor": torch.optim.Adafactor,
    }[name]
    program = translated(interpretation)
    program.freeze(frozen)
    parameters = [parameter for parameter in program.parameters() if parameter.requires_grad]
    if not parameters:
        return 0
    optimizer = make(parameters)
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    return sum(
        value.untyped_storage().nbytes()
        for state in optimizer.state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor)
    )
