"""A network analysed: a row for each layer, every figure exact and for one sample."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from archcalc.analysis.interpret import Interpretation, Open, interpret
from archcalc.analysis.receptive_field import Field, LastMap, last_map, receptive_fields
from archcalc.diagnostics.diagnostic import Diagnostic, LeftOut, SpecError
from archcalc.language.network import Network, Node, is_input
from archcalc.layers.apply import Rules
from archcalc.layers.outcome import Outcome, Tensor
from archcalc.sizes.conditions import equal, judge
from archcalc.sizes.kinds import Size, times, total
from archcalc.sizes.volume import Volume


class AnalysedLayer:
    """One layer of an analysed network. Figures are for one sample; parameters for the whole network."""

    __slots__ = ("buffers", "node", "outcome", "params")

    def __init__(self, node: Node, outcome: Outcome, params: Size, buffers: Size) -> None:
        self.node = node
        self.outcome = outcome
        #: Learned values of this layer that no layer before it has: shared weights are counted once.
        self.params = params
        #: Stored values that are not learned (running statistics), shared ones once.
        self.buffers = buffers

    @property
    def name(self) -> str:
        """Path of the layer: `stage2/bottleneck.3/conv.2`."""
        return self.node.name

    @property
    def layer(self) -> str:
        """The layer's name in the language: `conv`."""
        return self.node.layer.name

    @property
    def is_known(self) -> bool:
        """Whether a rule says what it computes; else it only stands for an operation."""
        return self.layer != "unknown"

    @property
    def output(self) -> Volume:
        """Output volume of one sample."""
        return self.outcome.output

    @property
    def kernel(self) -> str | None:
        """The window as papers write it: `11x11 /4` is a kernel of 11x11 with stride 4; None for a layer without."""
        node = self.node
        if "kernel" not in node.layer.attributes:
            return None
        rank = self.output.rank
        kernel = node.attributes["kernel"]
        attribute = node.layer.attributes.get("stride")
        stride = 1 if attribute is None else node.attributes.get("stride", attribute.default) or kernel
        strides = stride if isinstance(stride, tuple) else (stride,) * rank
        text = "x".join(map(str, kernel if isinstance(kernel, tuple) else (kernel,) * rank))
        if all(s == 1 for s in strides):
            return text
        return f"{text} /{strides[0] if len(set(strides)) == 1 else 'x'.join(map(str, strides))}"

    @property
    def shares(self) -> bool:
        """Whether the layer has weights, and all of them belong to a layer before it."""
        return bool(self.outcome.params) and self.node.tied is not None and _is_zero(self.params)

    @property
    def macs(self) -> Size:
        """Multiply-accumulates of one sample, without bias."""
        return self.outcome.macs

    @property
    def operations(self) -> Size:
        """Operations of one sample other than multiply-accumulates."""
        return total(operation.amount for operation in self.outcome.operations)

    @property
    def flops(self) -> Size:
        """Floating-point operations of one sample: 2 per multiply-accumulate, and every other operation."""
        return 2 * self.macs + self.operations

    @property
    def output_bytes(self) -> Size:
        """Bytes of one sample's output in float32."""
        return 4 * self.output.elements

    @property
    def activation_bytes(self) -> Size:
        """What it adds to the activations: nothing if it works in place, is a view, or changes nothing."""
        return self.output_bytes * (1 - self.outcome.unchanged) if self.outcome.storage == "new" else 0

    @property
    def has_weights(self) -> bool:
        """Whether it is a weighted layer, as depth is counted: convolution, linear, attention."""
        return bool(self.outcome.params) and not _is_zero(self.outcome.macs)


class Analysis:
    """A network, and its layers with all their figures."""

    def __init__(self, interpretation: Interpretation) -> None:
        self.interpretation = interpretation
        self.network: Network = interpretation.network
        self.layers: list[AnalysedLayer] = _layers(interpretation)

    @cached_property
    def alike(self) -> list[tuple[AnalysedLayer, int]]:
        """Of the layers that are called alike the first, and how many there are."""
        return alike(self.layers)

    @cached_property
    def depth(self) -> int:
        """Weighted layers on the longest path from the input to the main output."""
        return _depth(self)

    @cached_property
    def operations_by_role(self) -> dict[str, Size]:
        """Operations of one sample other than multiply-accumulates, by what they are for."""
        operations: dict[str, Size] = {}
        for row, count in self.alike:
            for role, _, amount in row.outcome.operations:
                operations[role] = operations.get(role, 0) + times(count, amount)
        return operations

    @property
    def architecture(self) -> str:
        """The spec's name for itself."""
        return self.network.document.architecture or self.network.document.source.name

    @cached_property
    def receptive_fields(self) -> list[Field]:
        """What each layer's output sees of the input, in the order of the layers. The network's sizes are ints."""
        return receptive_fields(self.interpretation)

    @cached_property
    def last_map(self) -> LastMap | None:
        """The last spatial map on the way to the main output, and what it sees; None without one."""
        return last_map(self.interpretation, self.receptive_fields)

    def layer(self, name: str) -> AnalysedLayer:
        """The layer of that path; KeyError if there is none."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)

    def inputs(self, layer: AnalysedLayer) -> list[str]:
        """Paths of the layers it reads; the names of the network's inputs."""
        return [self.network.name_of(i) for i in layer.node.inputs]

    @property
    def unknown(self) -> list[AnalysedLayer]:
        """The layers that stand for operations which nobody knows: totals leave out what they compute and save."""
        if all(row.is_known for row, _ in self.alike):
            return []
        return [row for row in self.layers if not row.is_known]

    @property
    def remarks(self) -> tuple[str, ...]:
        """Warnings of what the file that the network was read from does not have of its model."""
        return tuple(f"warning: {note}" for note in self.network.document.source.notes)

    def warn(self) -> None:
        """A `LeftOut` warning where the network has operations that are not known."""
        if unknown := self.unknown:
            import warnings

            more = f" and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
            told = "MACs and FLOPs are lower bounds, and memory and times are those of the other layers"
            message = f"{self.architecture} has unknown operations (`{unknown[0].name}`{more}): {told}"
            warnings.warn(LeftOut(message), stacklevel=3)

    def input_volumes(self, layer: AnalysedLayer) -> list[Volume]:
        """The volumes it reads."""
        return [self.interpretation.volume(i) for i in layer.node.inputs]


def alike(layers: Iterable[AnalysedLayer]) -> list[tuple[AnalysedLayer, int]]:
    """Of the layers that are called alike the first, and how many there are: attributes, volumes and all figures that
    follow from these are the same. Layers that share weights are told apart."""
    found: dict[object, tuple[AnalysedLayer, int]] = {}
    for row in layers:
        call = row.outcome if row.node.tied is None else row
        first, count = found.get(call, (row, 0))
        found[call] = (first, count + 1)
    return list(found.values())


def analyse(network: Network, rules: Rules | None = None) -> Analysis:
    """Run every layer's rule, of those that were asked before where there are any. SpecError if the layers do not fit
    together."""
    return Analysis(interpret(network, rules=rules))


def _is_zero(size: Size) -> bool:
    return type(size) is int and size == 0


def _layers(interpretation: Interpretation) -> list[AnalysedLayer]:
    owned: dict[Any, tuple[Node, Tensor]] = {}
    sums: dict[Outcome, tuple[Size, Size]] = {}
    rows = []
    for node, outcome in zip(interpretation.network.nodes, interpretation.outcomes, strict=True):
        if node.tied is not None:
            tensors = (_unshared(node, each, owned, interpretation) for each in (outcome.params, outcome.buffers))
            learned, stored = map(_elements, tensors)
        else:
            if outcome not in sums:
                sums[outcome] = (_elements(outcome.params), _elements(outcome.buffers))
            learned, stored = sums[outcome]
        rows.append(AnalysedLayer(node, outcome, learned, stored))
    return rows


def _elements(tensors: Iterable[Tensor]) -> Size:
    return total(tensor.elements for tensor in tensors)


def _unshared(
    node: Node, tensors: tuple[Tensor, ...], owned: dict[Any, tuple[Node, Tensor]], interpretation: Interpretation
) -> tuple[Tensor, ...]:
    """The tensors that no earlier layer with the same weights has."""
    new = []
    for tensor in tensors:
        key = (node.tied, tensor.name)
        if key in owned:
            _check_shared(node, tensor, *owned[key], interpretation)
        else:
            owned[key] = node, tensor
            new.append(tensor)
    return tuple(new)


def _check_shared(node: Node, tensor: Tensor, owner: Node, first: Tensor, interpretation: Interpretation) -> None:
    """Shared tensors have the same shape and are trained alike, or the network is not one."""
    if node.trainable != owner.trainable:
        message = f"shared weights are trained in all their uses or in none: {tensor.name} is not in one of two"
        notes = (f"the other use is `{owner.name}`", *node.trail())
        raise SpecError([Diagnostic("weights-differ", message, node.step.place, notes=notes)])
    message = f"shared weights must have the same shape: {tensor.name}"
    here, there = (each.shape or (each.elements,) for each in (tensor, first))
    sizes = zip(here, there, strict=True) if len(here) == len(there) else [(len(here), len(there))]
    for size, other in sizes:
        condition = equal("weights-differ", size, other, message)
        verdict = judge(condition)
        if verdict is False:
            shapes = ["x".join(map(str, shape)) for shape in (here, there)]
            notes = (f"the first layer with these weights has {shapes[1]}", *node.trail())
            raise SpecError(
                [Diagnostic("weights-differ", f"{message} is {shapes[0]} here", node.step.place, notes=notes)]
            )
        if verdict is not True:
            interpretation.open.append(Open(node, condition, verdict))


def _depth(analysis: Analysis) -> int:
    depths: list[int] = []
    weighted = {row.outcome: row.has_weights for row, _ in analysis.alike}
    for row in analysis.layers:
        before = max([0 if is_input(i) else depths[i] for i in row.node.inputs], default=0)
        depths.append(before + weighted[row.outcome])
    end = analysis.network.outputs["output"]
    return 0 if is_input(end) else depths[end]
